"""A taught cabinet: what a model file holds and how it reads a picture. Needs numpy and OpenCV only (VIS-24, VIS-44)."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_agents.drivers.cabinet_camera import features, framing, scene
from edge_agents.drivers.cabinet_camera.bars import count_circles
from edge_agents.drivers.cabinet_camera.classifier import Softmax
from edge_agents.drivers.cabinet_camera.counting import Counter, Words
from edge_agents.drivers.cabinet_camera.registration import PictureMap, Points, in_file, points_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_agents.drivers.cabinet_camera.items import TrayReading

    Image = NDArray[Any]

FORMAT = "gestion-usinage/compartments/2"
_UNSURE = 0.5
_INSIDE = 0.75
_STRANGE = 1.15
# With something beside familiar compartments a person is asked: it may hide more than it seems to.
_BESIDE = 0.85
# Where light hides what stands before the cabinet, two compartments farther off than this tell that something does.
_FAR_STRANGE = 1.5
_ALONE = 0.9
# Something foreign hides nothing when it is no larger (part of the view) and every compartment is this familiar and clear.
_MOST_FOREIGN, _FAMILIAR, _CLEAR = 0.25, 0.85, 0.9
# A compartment which never changed in the photographs cannot be judged better than this.
_ONE_STATE = 0.6


@dataclass(frozen=True, slots=True)
class State:
    """One content a compartment was taught with."""

    count: int
    item: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """Compartments judged by one classifier; prototypes tell what was never taught."""

    states: tuple[State, ...]
    softmax: Softmax
    prototypes: Image
    reach: tuple[float, ...]

    def novelty(self, described: Image) -> float:
        """Distance to the nearest taught look, in units of the usual reach (above 1: unlike anything taught).

        The largest of the distances in all features and in each of their blocks: a thing of familiar shape in a strange colour is strange.
        """
        standard = np.clip((described - self.softmax.mean) / self.softmax.scale, -6, 6)
        gaps = (self.prototypes.astype(np.float32) - standard[None, :]) ** 2
        return max(
            nearest / max(usual, 1e-6)
            for nearest, usual in zip(nearest_by_block(gaps), self.reach, strict=False)
        )


def nearest_by_block(gaps: Image) -> list[float]:
    """Root mean square distance to the nearest of some looks (squared differences, looks x features): in all features, then in each block."""
    return [float(np.sqrt(gaps[:, part].mean(axis=1).min())) for part in (slice(None), *features.BLOCKS)]


@dataclass(frozen=True, slots=True)
class Place:
    """A taught compartment, judged by a group's classifier or by its own counter (the other is None)."""

    id: str
    method: str
    item: str | None
    polygon: tuple[tuple[float, float], ...]
    group: int | None
    counter: int | None = None


@dataclass(frozen=True, slots=True)
class PrintedLabel:
    """A label of an expected item; ``quad`` are its corners in pixels of the registered picture."""

    item: str
    confidence: float
    quad: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class PlaceReading:
    """Content of one compartment in one picture; ``count`` None where nothing can be told, ``likely`` every content that may be
    there with its probability."""

    id: str
    present: bool | None
    count: int | None
    item: str | None
    confidence: float
    reason: str | None = None
    patch: Image | None = field(default=None, repr=False)
    codes: tuple[str, ...] = ()
    likely: tuple[tuple[State, float], ...] = ()
    tray: TrayReading | None = field(default=None, repr=False)
    labels: tuple[PrintedLabel, ...] = ()


@dataclass(frozen=True, slots=True)
class _Judged:
    """Patch of a compartment, its content, the probability of that, how unlike the taught looks it is, and every content with its
    probability."""

    patch: Image = field(repr=False)
    state: State
    confidence: float
    novelty: float
    likely: tuple[tuple[State, float], ...]


@dataclass(frozen=True, slots=True)
class PictureReading:
    """Answer for one picture; ``reason`` is a stable code when it is not usable, ``gray`` the picture on its fiducials."""

    usable: bool
    reason: str | None
    places: tuple[PlaceReading, ...]
    gray: Image | None = field(default=None, repr=False)


@dataclass(frozen=True)
class TaughtModel:
    """Everything a station needs to read a cabinet; ``digest`` is the sha256 of its file."""

    size: tuple[int, int]
    anchor: str
    atlas: PictureMap
    limits: scene.Limits
    backdrop: scene.Backdrop
    places: tuple[Place, ...]
    groups: tuple[Group, ...]
    counters: tuple[Counter, ...]
    max_move: float
    info: dict[str, Any]
    digest: str = ""

    def read(self, image: Image) -> PictureReading:
        """Reads a picture (BGR or gray, already moved onto its fiducials where the cabinet has some).

        A picture of another size is read as the same view at another scale, or as a part of it cut out.
        """
        views = list(framing.views_of(features.in_colour(image), self.size))
        if not views:
            return self._blind("wrong_scene")
        fault = scene.light_fault(scene.light_of(views[0].shown_work), self.limits)
        if fault in {"dark", "overexposed"}:
            return self._blind(fault)
        view, matrix = self._locate(views)
        if matrix is None:
            return self._blind(fault or "wrong_scene")
        moved, inside = self._moves(view, matrix)
        if fault is None and ((moved > self.max_move and not view.is_part) or min(inside) < _INSIDE):
            fault = "camera_moved"
        judged = [self._judge(place, view, in_file(matrix, view.factor)) for place in self.places]
        share, patch = self.backdrop.foreign(view.work, matrix, view.mask)
        odd, beside = None, False
        if fault is None and share > self.backdrop.tolerated:
            odd = self._only_in(patch, view.factor)
            beside = odd is None
            if beside and not (share <= _MOST_FOREIGN and _hides_nothing(judged)):
                fault = "covered"
        if fault is None and scene.is_blown(view.shown_work) and _strange(judged) > 1:
            fault = "covered"
        return PictureReading(
            fault is None, fault, self._places(judged, fault, odd, _BESIDE if beside else 1.0)
        )

    def _locate(self, views: Sequence[framing.View]) -> tuple[framing.View, Image | None]:
        """The view which shows the taught scene best, with its transform into the frame of the polygons (working
        pixels); None when the scene is not recognised in any."""
        if self.anchor == "fixed":
            return views[0], None if views[0].is_part else np.eye(2, 3)
        best, found = views[0], None
        for view in views:
            place = self.atlas.locate(points_of(cv2.cvtColor(view.work, cv2.COLOR_BGR2GRAY)))
            if place is not None and (found is None or place.inliers > found.inliers):
                best, found = view, place
        return best, None if found is None else found.matrix

    def _only_in(self, patch: Image, factor: float) -> str | None:
        """The one compartment a foreign patch lies in: an odd object there hides nothing else."""
        if scene.reaches_in(patch):
            return None
        for place in self.places:
            if scene.within(patch, features.window_of(place.polygon, factor).box) > _ALONE:
                return place.id
        return None

    def _moves(self, view: framing.View, matrix: Image) -> tuple[float, list[float]]:
        """Largest move of a compartment (part of the picture's diagonal) and how much of each the picture shows."""
        height, width = view.full.shape[:2]
        into = in_file(matrix, view.factor)
        moves, inside = [0.0], []
        for place in self.places:
            window = features.window_of(place.polygon)
            x, y, w, h = window.box
            centre = np.array([x + w / 2, y + h / 2])
            moves.append(float(np.linalg.norm(into[:, :2] @ centre + into[:, 2] - centre)))
            inside.append(features.shown_part(view.area, into, window))
        return max(moves) / float(np.hypot(width, height)), inside or [1.0]

    def _places(
        self, judged: Sequence[_Judged], fault: str | None, odd: str | None, most: float
    ) -> tuple[PlaceReading, ...]:
        found = []
        for place, look in zip(self.places, judged, strict=True):
            state, confidence = look.state, min(look.confidence, most)
            novelty = max(look.novelty, 2.0) if place.id == odd else look.novelty
            reason = fault
            if novelty > 1.0:
                confidence = min(confidence, max(_UNSURE, 1.0 - (novelty - 1.0) * 2.0))
                reason = reason or ("unlike_taught" if novelty > _STRANGE else None)
            if fault is not None:
                confidence = min(confidence, _UNSURE)
            item = (state.item or place.item) if state.count else None
            found.append(
                PlaceReading(
                    place.id,
                    state.count > 0,
                    state.count,
                    item,
                    confidence,
                    reason,
                    look.patch,
                    likely=look.likely,
                )
            )
        return tuple(found)

    def _judge(self, place: Place, view: framing.View, into: Image) -> _Judged:
        window = features.window_of(place.polygon)
        patch = features.patch_of(view.full, into, window)
        if place.counter is not None:
            counter = self.counters[place.counter]
            circles = None if counter.circles is None else count_circles(view.full, into, window)
            count, sure, strange, shares = counter.read(patch, window.mask, circles)
            likely = tuple((State(number, None), share) for number, share in enumerate(shares))
            return _Judged(patch, State(count, None), sure, strange, likely)
        group = self.groups[place.group or 0]
        described = features.describe_patch(patch, window.mask)
        shares = group.softmax.shares(described[None])[0]
        best = int(np.argmax(shares))
        sure = float(shares[best]) if len(group.states) > 1 else _ONE_STATE
        likely = tuple(zip(group.states, (float(share) for share in shares), strict=True))
        return _Judged(patch, group.states[best], sure, group.novelty(described), likely)

    def _blind(self, reason: str) -> PictureReading:
        nothing = tuple(PlaceReading(place.id, None, None, None, 0.0, reason) for place in self.places)
        return PictureReading(False, reason, nothing)


def _hides_nothing(judged: Sequence[_Judged]) -> bool:
    """Whether every compartment looks as taught and is sure although something else in the view does not: light or a shifted camera at its
    edges, or something that lies beside the compartments."""
    return all(look.novelty <= _FAMILIAR and look.confidence >= _CLEAR for look in judged)


def _strange(judged: Sequence[_Judged]) -> int:
    """How many compartments look far unlike anything taught."""
    return sum(look.novelty > _FAR_STRANGE for look in judged)


def _arrays(model: TaughtModel) -> dict[str, Any]:
    arrays: dict[str, Any] = {
        "backdrop_mean": model.backdrop.mean.astype(np.float16),
        "backdrop_spread": model.backdrop.spread.astype(np.float16),
        "backdrop_distance": model.backdrop.distance.astype(np.float16),
    }
    for number, points in enumerate(model.atlas.keyframes):
        arrays |= {f"key{number}_place": points.place.astype(np.float32), f"key{number}_turn": points.turn.astype(np.float16),
                   f"key{number}_size": points.size.astype(np.float16), f"key{number}_descriptor": points.descriptor}  # fmt: skip
    for number, group in enumerate(model.groups):
        arrays |= {f"group{number}_mean": group.softmax.mean.astype(np.float16),
                   f"group{number}_scale": group.softmax.scale.astype(np.float16),
                   f"group{number}_weights": group.softmax.weights.astype(np.float16), f"group{number}_bias": group.softmax.bias,
                   f"group{number}_prototypes": group.prototypes.astype(np.float16)}  # fmt: skip
    for number, counter in enumerate(model.counters):
        arrays |= {f"counter{number}_empty": counter.empty.astype(np.float16), f"counter{number}_usual": counter.usual,
                   f"counter{number}_centres": counter.words.centres, f"counter{number}_scale": counter.words.scale,
                   f"counter{number}_weights": counter.weights}  # fmt: skip
    return arrays


def save_model(model: TaughtModel, path: Path) -> str:
    """Writes the model file (compressed arrays and one JSON header); returns its sha256."""
    header = {
        "format": FORMAT,
        "size": model.size,
        "anchor": model.anchor,
        "max_move": model.max_move,
        "limits": [model.limits.darkest, model.limits.saturated, model.limits.focus],
        "tolerated": model.backdrop.tolerated,
        "keyframes": len(model.atlas.keyframes),
        "places": [[p.id, p.method, p.item, p.polygon, p.group, p.counter] for p in model.places],
        "groups": [
            {
                "states": [[s.count, s.item] for s in g.states],
                "temperature": g.softmax.temperature,
                "reach": g.reach,
            }
            for g in model.groups
        ],
        "counters": [
            [c.bias, c.spread, c.highest, c.reach, c.photographs, c.circles] for c in model.counters
        ],
        "info": model.info,
    }
    content = io.BytesIO()
    text = np.frombuffer(json.dumps(header, ensure_ascii=False).encode(), np.uint8)
    np.savez_compressed(content, header=text, **_arrays(model))
    path.write_bytes(content.getvalue())
    return hashlib.sha256(content.getvalue()).hexdigest()


def load_model(path: Path, *, expected_sha256: str | None = None) -> TaughtModel:
    """Reads a model file. Raises ``ValueError`` (French) when it is missing, damaged or not the expected one."""
    try:
        content = path.read_bytes()
    except OSError:
        raise ValueError(f"Modèle illisible : {path}.") from None
    digest = hashlib.sha256(content).hexdigest()
    if expected_sha256 is not None and digest != expected_sha256:
        raise ValueError(f"Le modèle {path.name} n'est pas celui qui a été approuvé.")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            header = json.loads(stored["header"].tobytes().decode())
            if header["format"] != FORMAT:
                raise ValueError(f"Format de modèle inconnu : {header['format']}.")
            return _restored(header, stored, digest)
    except (
        KeyError,
        TypeError,
        IndexError,
        OSError,
        EOFError,
        zipfile.BadZipFile,
        UnicodeDecodeError,
    ) as error:
        raise ValueError(f"Modèle endommagé : {path.name} ({type(error).__name__}).") from None
    except json.JSONDecodeError:
        raise ValueError(f"Modèle endommagé : {path.name}.") from None


def _restored(header: dict[str, Any], stored: Any, digest: str) -> TaughtModel:
    frames = tuple(
        Points(*(stored[f"key{n}_{part}"] for part in ("place", "turn", "size", "descriptor")))
        for n in range(header["keyframes"])
    )
    groups = []
    for number, entry in enumerate(header["groups"]):
        parts = [
            stored[f"group{number}_{part}"].astype(np.float32)
            for part in ("mean", "scale", "weights", "bias")
        ]
        states = tuple(State(int(count), item) for count, item in entry["states"])
        softmax = Softmax(parts[0], parts[1], parts[2], parts[3], float(entry["temperature"]))
        reach = tuple(float(one) for one in np.atleast_1d(entry["reach"]))
        groups.append(Group(states, softmax, stored[f"group{number}_prototypes"], reach))
    counters = tuple(
        Counter(stored[f"counter{n}_empty"].astype(np.float32), Words(stored[f"counter{n}_centres"], stored[f"counter{n}_scale"]),
                stored[f"counter{n}_weights"], float(bias), float(spread), int(highest), stored[f"counter{n}_usual"],
                float(reach), int(photographs), *circles)
        for n, (bias, spread, highest, reach, photographs, *circles) in enumerate(header["counters"])
    )  # fmt: skip
    looks = [stored[f"backdrop_{part}"].astype(np.float32) for part in ("mean", "spread", "distance")]
    backdrop = scene.Backdrop(looks[0], looks[1], looks[2], float(header["tolerated"]))
    places = tuple(
        Place(name, method, item, tuple((x, y) for x, y in polygon), group, counter)
        for name, method, item, polygon, group, counter in header["places"]
    )
    size = (int(header["size"][0]), int(header["size"][1]))
    return TaughtModel(size, header["anchor"], PictureMap(frames), scene.Limits(*header["limits"]), backdrop, places,
                       tuple(groups), counters, float(header["max_move"]), header["info"], digest)  # fmt: skip


__all__ = [
    "Group",
    "PictureReading",
    "Place",
    "PlaceReading",
    "State",
    "TaughtModel",
    "load_model",
    "save_model",
]
