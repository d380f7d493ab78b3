"""Sessions at a cabinet of two shared trays, drawn from one number: pieces taken, brought and pushed, strange objects, faults.

Markers stand in the corners, the camera moves a little and the light changes between the two pictures. What really happened is known,
so that the answer of a station can be judged (training, tests, benchmark).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_agents.drivers.cabinet_camera.config import VisionConfig
from edge_agents.drivers.cabinet_camera.detector import Detector
from edge_agents.drivers.cabinet_camera.session import decide
from edge_agents.drivers.simulators import spoil, tray_scenes
from edge_agents.drivers.simulators.tray_pieces import DRAW
from edge_agents.drivers.simulators.tray_scenes import Piece, Tray

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]
    Chance = np.random.Generator

WIDTH, HEIGHT = 1080, 440
BOXES = {"T1": (130, 70, 400, 300), "T2": (550, 70, 400, 300)}
EVENTS = ("plain", "strange", "unknown", "misplaced", *spoil.FAULTS)
_SHARES = (0.8, 0.04, 0.02, 0.04, 0.02, 0.02, 0.02, 0.02, 0.02)
_MARKER = 64
_EDGE = 30
_DICTIONARY = "DICT_4X4_50"


@dataclass(frozen=True)
class TraySession:
    """Two pictures of a cabinet, what its station expects there, what really changed between them, and what lay in each tray."""

    before: Image
    after: Image
    vision: VisionConfig
    event: str
    truth: dict[tuple[str, str | None], int]
    strange: str | None
    lying: dict[str, tuple[Tray, list[Piece]]]
    later: dict[str, tuple[Tray, list[Piece]]]


@dataclass
class Played:
    """How a station judged a session; one entry per difference it claims without asking."""

    session: TraySession
    usable: bool
    right: bool = False
    alarms: set[str] = field(default_factory=set)
    confidence: list[float] = field(default_factory=list)
    correct: list[bool] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """Plain values, without pictures."""
        false_alarms = len(self.alarms - {self.session.strange})
        return {"event": self.session.event, "usable": self.usable, "right": self.right, "false_alarms": false_alarms,
                "confidence": self.confidence, "correct": self.correct}  # fmt: skip


def make(seed: int) -> TraySession:
    """A session; always the same for the same number."""
    chance = np.random.default_rng([seed, 23])
    event = str(chance.choice(EVENTS, p=_SHARES))
    strange = str(chance.choice(list(BOXES))) if event in {"strange", "unknown", "misplaced"} else None
    full, less, truth, places = {}, {}, {}, []
    for name, box in BOXES.items():
        tray, kinds, lying, later = _content(chance, box)
        if name == strange:
            odd = _odd(event, kinds, chance)
            later = tray_scenes.lay(tray, [odd], later, chance, 0.05)
        full[name], less[name] = (tray, lying), (tray, later)
        for kind in kinds:
            delta = sum(p.kind == kind for p in later) - sum(p.kind == kind for p in lying)
            truth[(name, _item(name, kind))] = delta
        places.append(_place(name, box, kinds))
    looks = chance.integers(0, 2**31, 2)
    before, after = _picture(full, int(looks[0]), seed), _picture(less, int(looks[1]), seed)
    if event in spoil.FAULTS:
        after = spoil.FAULTS[event](after, chance)
    vision = VisionConfig.model_validate(
        {
            "compartments": places,
            "fiducials": {"dictionary": _DICTIONARY, "markers": _corners()},
            "min_sharpness": 20,
        }
    )
    return TraySession(
        before, after, vision, event, {key: n for key, n in truth.items() if n}, strange, full, less
    )


def play(session: TraySession, detector: Detector) -> Played:
    """What a station with that detector says of a session."""
    decision = decide(session.before, session.after, session.vision, detector=detector)
    played = Played(session, decision.usable)
    played.alarms = {c.compartment.id for c in decision.changes if c.reason is not None}
    claimed = {c.key: c for c in decision.changes if c.reason is None and c.delta}
    for key, change in claimed.items():
        played.confidence.append(change.confidence)
        played.correct.append(session.truth.get(key, 0) == change.delta)
    same = {key: c.delta for key, c in claimed.items()} == session.truth
    if session.event in spoil.FAULTS:
        played.right = not decision.usable or same
    else:
        played.right = (
            decision.usable and same and (session.strange is None or session.strange in played.alarms)
        )
    return played


def _content(
    chance: Chance, box: tuple[int, int, int, int]
) -> tuple[Tray, list[str], list[Piece], list[Piece]]:
    """A tray, the kinds that belong there, what lay in it and what lies there afterwards."""
    tray = tray_scenes.random_tray(chance, box[2], box[3], scale=(1.4, 2.6))
    kinds = sorted(str(k) for k in chance.choice(sorted(DRAW), int(chance.integers(2, 4)), replace=False))
    wanted = [tray_scenes.item(str(chance.choice(kinds)), chance) for _ in range(int(chance.integers(2, 10)))]
    lying = tray_scenes.lay(tray, wanted, [], chance, 0.05)
    taken = int(chance.choice([0, 1, 1, 2]))
    gone = {int(n) for n in chance.permutation(len(lying))[:taken]}
    kept = [piece for n, piece in enumerate(lying) if n not in gone]
    pushed = [piece for piece in kept if chance.random() < 0.12]
    brought = [
        tray_scenes.item(str(chance.choice(kinds)), chance)
        for _ in range(int(chance.choice([0, 0, 0, 1, 2])))
    ]
    still = [piece for piece in kept if piece not in pushed]
    later = tray_scenes.lay(tray, [*pushed, *brought], still, chance, 0.05)
    return tray, kinds, lying, later


def _odd(event: str, kinds: list[str], chance: Chance) -> Piece:
    if event == "misplaced":
        return tray_scenes.item(str(chance.choice([k for k in sorted(DRAW) if k not in kinds])), chance)
    return tray_scenes.stranger(chance, kept=event == "unknown")


def _item(place: str, kind: str) -> str:
    return f"{place}-{kind}"


def _place(name: str, box: tuple[int, int, int, int], kinds: list[str]) -> dict[str, Any]:
    x, y, w, h = box
    return {"id": name, "method": "items", "polygon": [[x, y], [x + w, y], [x + w, y + h], [x, y + h]],
            "items": [{"item": _item(name, kind), "kind": kind} for kind in kinds]}  # fmt: skip


def _corners() -> dict[int, list[tuple[float, float]]]:
    found = {}
    for number, (x, y) in enumerate(_marker_places()):
        s = _MARKER - 1
        found[number] = [
            (float(x), float(y)),
            (float(x + s), float(y)),
            (float(x + s), float(y + s)),
            (float(x), float(y + s)),
        ]
    return found


def _marker_places() -> list[tuple[int, int]]:
    right, low = WIDTH - _EDGE - _MARKER, HEIGHT - _EDGE - _MARKER
    return [(_EDGE, _EDGE), (right, _EDGE), (right, low), (_EDGE, low)]


def _picture(trays: dict[str, tuple[Tray, list[Piece]]], look: int, cabinet: int) -> Image:
    chance = np.random.default_rng([look, 29])
    style = np.random.default_rng([cabinet, 31])
    image = np.full((HEIGHT, WIDTH, 3), style.uniform(110, 190), np.float32)
    image += (
        cv2.GaussianBlur(style.standard_normal((HEIGHT, WIDTH), dtype=np.float32), (0, 0), 2)[..., None] * 8
    )
    table = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, _DICTIONARY))
    for number, (x, y) in enumerate(_marker_places()):
        image[y - 14 : y + _MARKER + 14, x - 14 : x + _MARKER + 14] = 235
        sheet = cv2.aruco.generateImageMarker(table, number, _MARKER).astype(np.float32)
        image[y : y + _MARKER, x : x + _MARKER] = sheet[..., None] * 0.9 + 15
    for name, (tray, pieces) in trays.items():
        x, y, w, h = BOXES[name]
        image[y : y + h, x : x + w] = tray_scenes.draw(tray, pieces, dirt=int(style.integers(0, 5)))
    matrix = np.array(cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), chance.normal(0, 0.4), 1.0))
    matrix[:, 2] = matrix[:, 2] + chance.normal(0, 3, 2)
    moved = np.asarray(cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT))
    return tray_scenes.seen(moved, chance, hard=0.6)
