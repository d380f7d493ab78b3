"""Teaching a cabinet from labelled photographs: registration, features, classifiers, honest confidence (VIS-23, VIS-24).

Pure but for reading the photographs; deterministic for the same photographs in the same order.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_agents.drivers.cabinet_camera import classifier, features, framing, registration, scene
from edge_agents.drivers.cabinet_camera.bars import count_circles
from edge_agents.drivers.cabinet_camera.config import Compartment, VisionConfig
from edge_agents.drivers.cabinet_camera.counting import Counter, learn_counter
from edge_agents.drivers.cabinet_camera.taught import (
    Group,
    Place,
    State,
    TaughtModel,
    nearest_by_block,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

COUNTED_METHODS = frozenset({"count", "bar_ends"})
_VARIANTS = 6
_COUNTED_VARIANTS = 3
_SHAKE = 0.016
_FOLDS = 4
_PROTOTYPES = 24
# A new photograph of something familiar lies at most this much farther off than the farthest taught one, more when there were few.
_ROOM, _FEW = 1.15, 3.0
_ANCHORED = 0.8
_YES = {"1", "true", "oui", "yes", "vrai", "x", "present", "présent"}
_NO = {"0", "false", "non", "no", "faux", "", "absent", "vide"}


class TeachingError(ValueError):
    """The photographs or the labels do not allow teaching; the text is French."""


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled photograph: picture (BGR) and the state of each labelled compartment."""

    name: str
    image: Image
    states: dict[str, State]


@dataclass(frozen=True, slots=True)
class _Sample:
    """One labelled compartment of one photograph with its described variants; the first is the photograph as it is. ``circles``: how many
    were seen there, for bar ends."""

    picture: int
    place: str
    state: State
    patches: Image
    window: features.Window
    circles: int | None = None


def load_examples(labels: Path, images: Path, vision: VisionConfig) -> list[Example]:
    """Labelled photographs. Raises ``TeachingError`` naming the line that cannot be used."""
    known = {place.id: place for place in vision.compartments}
    states: dict[str, dict[str, State]] = {}
    try:
        with labels.open(encoding="utf-8-sig", newline="") as handle:
            text = handle.read()
    except (OSError, UnicodeDecodeError):
        raise TeachingError(f"Étiquettes illisibles : {labels}.") from None
    separator = ";" if text.split("\n", 1)[0].count(";") > text.split("\n", 1)[0].count(",") else ","
    reader = csv.DictReader(text.splitlines(), delimiter=separator)
    missing = {"image", "compartment"} - set(reader.fieldnames or ())
    if missing:
        raise TeachingError(f"Colonnes absentes des étiquettes : {', '.join(sorted(missing))}.")
    for number, row in enumerate(reader, start=2):
        place = (row["compartment"] or "").strip()
        if place not in known:
            raise TeachingError(f"Étiquettes, ligne {number} : compartiment inconnu « {place} ».")
        states.setdefault((row["image"] or "").strip(), {})[place] = _state(row, number)
    return [Example(name, _picture(images / name), found) for name, found in states.items()]


def _state(row: dict[str, str | None], number: int) -> State:
    count_text, present_text = ((row.get(key) or "").strip().lower() for key in ("count", "present"))
    if present_text not in _YES | _NO:
        raise TeachingError(f"Étiquettes, ligne {number} : present vaut « {present_text} », 0 ou 1 attendu.")
    try:
        count = int(float(count_text)) if count_text else int(present_text in _YES)
    except ValueError:
        raise TeachingError(f"Étiquettes, ligne {number} : count n'est pas un nombre.") from None
    if count < 0 or (present_text and (count > 0) != (present_text in _YES)):
        raise TeachingError(f"Étiquettes, ligne {number} : present et count se contredisent.")
    return State(count, (row.get("item") or "").strip() or None if count else None)


def _picture(path: Path) -> Image:
    data = np.fromfile(path, dtype=np.uint8) if path.is_file() else np.zeros(0, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise TeachingError(f"Photographie illisible : {path}.")
    return np.asarray(image)


def teach(examples: Sequence[Example], vision: VisionConfig, *, seed: int = 0) -> TaughtModel:
    """Model of a cabinet from its labelled photographs (already on their fiducials where there are some).

    Raises ``TeachingError`` when there are too few of them, of different sizes, or none can be registered.
    """
    if len(examples) < 4:
        raise TeachingError(f"{len(examples)} photographie(s) : il en faut au moins 4.")
    height, width = examples[0].image.shape[:2]
    if any(example.image.shape[:2] != (height, width) for example in examples):
        raise TeachingError("Les photographies n'ont pas toutes la même taille.")
    factor = registration.to_work(examples[0].image)[1]
    works = [registration.to_work(example.image)[0] for example in examples]
    anchor, atlas, matrices = _anchor(works, vision)
    kept = [i for i, matrix in enumerate(matrices) if matrix is not None]
    views = [(work, matrix) for work, matrix in zip(works, matrices, strict=True) if matrix is not None]
    chance = np.random.default_rng(seed + 1)
    varied = [(features.vary(work, chance).astype(np.uint8), matrix) for work, matrix in views]
    limits, backdrop = (
        scene.learn_limits([works[i] for i in kept]),
        scene.learn_backdrop(views + varied, len(views)),
    )
    samples = _described([examples[i] for i in kept], views, vision, factor, seed)
    sorted_places, groups, classed = _groups(samples, vision)
    counted_places, counters, counted = _counters(samples, vision)
    places = sorted_places + counted_places
    if not places:
        raise TeachingError("Aucun compartiment étiqueté.")
    measured = {key: classed[key] + counted[key] for key in classed}
    info = {
        "photographs": len(examples),
        "registered": len(kept),
        "examples": len(samples),
        "cross_validation": measured,
    }
    model = TaughtModel((width, height), anchor, atlas, limits, backdrop, places, groups, counters, 1.0, info)
    pictures = [next(framing.views_of(features.in_colour(examples[i].image), model.size)) for i in kept]
    moves = [model._moves(picture, matrix)[0] for picture, (_, matrix) in zip(pictures, views, strict=True)]
    return replace(model, max_move=1.5 * max(moves) + 0.03)


def _anchor(
    works: Sequence[Image], vision: VisionConfig
) -> tuple[str, registration.PictureMap, list[Image | None]]:
    """How pictures are brought into one frame: by themselves, or not at all where the camera shows nothing to hold."""
    points = [registration.points_of(cv2.cvtColor(work, cv2.COLOR_BGR2GRAY)) for work in works]
    atlas, located = registration.learn_map(points)
    found = sum(place is not None for place in located)
    if found >= max(4, _ANCHORED * len(works)):
        return "picture", atlas, [None if place is None else place.matrix for place in located]
    if vision.fiducials is None and found >= 4:
        message = f"{len(works) - found} photographies sur {len(works)} ne montrent pas le même meuble."
        raise TeachingError(message)
    return "fixed", registration.PictureMap(()), [np.eye(2, 3) for _ in works]


def _described(
    examples: Sequence[Example],
    views: Sequence[tuple[Image, Image]],
    vision: VisionConfig,
    factor: float,
    seed: int,
) -> list[_Sample]:
    chance = np.random.default_rng(seed)
    windows = {place.id: features.window_of(place.polygon) for place in vision.compartments}
    counted = {place.id for place in vision.compartments if place.method in COUNTED_METHODS}
    barred = {place.id for place in vision.compartments if place.method == "bar_ends"}
    samples = []
    for number, (example, (_, matrix)) in enumerate(zip(examples, views, strict=True)):
        into = registration.in_file(matrix, factor)
        picture = features.in_colour(example.image)
        for name, state in example.states.items():
            patches = [features.patch_of(picture, into, windows[name])]
            for _ in range((_COUNTED_VARIANTS if name in counted else _VARIANTS) - 1):
                patches.append(_variant(picture, into, windows[name], chance, lit=name not in counted))
            seen = count_circles(picture, into, windows[name]) if name in barred else None
            samples.append(_Sample(number, name, state, np.stack(patches), windows[name], seen))
    return samples


def _variant(
    picture: Image, into: Image, window: features.Window, chance: np.random.Generator, *, lit: bool
) -> Image:
    """The compartment as another day could show it: moved a little, and under another light when ``lit``."""
    x, y, width, height = window.box
    reach = _SHAKE * max(width, height)
    shake = features.shake(chance, (x + width / 2, y + height / 2), reach)
    patch = features.patch_of(picture, registration.compose(shake, into), window)
    return features.vary(patch, chance) if lit else patch


def _groups(
    samples: Sequence[_Sample], vision: VisionConfig
) -> tuple[tuple[Place, ...], tuple[Group, ...], dict[str, int]]:
    """One classifier per kind of compartment, or per compartment where that answers unseen photographs better."""
    places: list[Place] = []
    groups: list[Group] = []
    right, total = 0, 0
    for members in _kinds(samples, vision):
        ids = {place.id for place in members}
        own = [s for s in samples if s.place in ids]
        common = _learn_group(own)
        options = [([members], [common])]
        faultless = common[2] == common[3] > 0
        if (
            not faultless
            and len(members) > 1
            and all(_rich([s for s in own if s.place == p.id]) for p in members)
        ):
            single = [_learn_group([s for s in own if s.place == p.id]) for p in members]
            options.append(([[p] for p in members], single))
        parted, learned = min(options, key=lambda option: _mean_loss(option[1]))
        for part, (group, _, good, asked) in zip(parted, learned, strict=True):
            places += [Place(p.id, p.method, _item_of(p, own), p.polygon, len(groups)) for p in part]
            groups.append(group)
            right, total = right + good, total + asked
    return tuple(places), tuple(groups), {"right": right, "asked": total}


def _counters(
    samples: Sequence[_Sample], vision: VisionConfig
) -> tuple[tuple[Place, ...], tuple[Counter, ...], dict[str, int]]:
    """One counter per compartment with countable pieces."""
    places: list[Place] = []
    counters: list[Counter] = []
    right, total = 0, 0
    for place in vision.compartments:
        own = [s for s in samples if s.place == place.id]
        if not _counted(place, own):
            continue
        patches, counts = [list(s.patches) for s in own], [s.state.count for s in own]
        circles = [s.circles for s in own if s.circles is not None] or None
        counter, _, good = learn_counter(patches, counts, own[0].window.mask, circles)
        places.append(Place(place.id, place.method, _item_of(place, own), place.polygon, None, len(counters)))
        counters.append(counter)
        right, total = right + good, total + len(own)
    return tuple(places), tuple(counters), {"right": right, "asked": total}


def _counted(place: Compartment, samples: Sequence[_Sample]) -> bool:
    """Whether a compartment is counted piece by piece: one item, and more than one labelled count."""
    items = {s.state.item for s in samples if s.state.count}
    return place.method in COUNTED_METHODS and len(items) <= 1 and len({s.state.count for s in samples}) > 1


def _mean_loss(learned: Sequence[tuple[Group, float, int, int]]) -> float:
    """Log loss per unseen answer; infinite when nothing could be left out."""
    asked = sum(entry[3] for entry in learned)
    return sum(entry[1] for entry in learned) / asked if asked else float("inf")


def _item_of(place: Compartment, samples: Sequence[_Sample]) -> str | None:
    """Item of the configuration, else the only one the labels name here."""
    named = {s.state.item for s in samples if s.place == place.id and s.state.item}
    return place.item or (named.pop() if len(named) == 1 else None)


def _kinds(samples: Sequence[_Sample], vision: VisionConfig) -> list[list[Compartment]]:
    """Compartments that may share a classifier: same method and same set of taught contents, items apart when several."""
    kinds: dict[Any, list[Compartment]] = {}
    for place in vision.compartments:
        states = {s.state for s in samples if s.place == place.id}
        if not states or _counted(place, [s for s in samples if s.place == place.id]):
            continue
        items = {state.item for state in states if state.count}
        shared = place.method if place.method == "presence" else (place.method, place.item)
        kinds.setdefault((shared,) if len(items) <= 1 else ("own", place.id), []).append(place)
    return list(kinds.values())


def _rich(samples: Sequence[_Sample]) -> bool:
    """Whether a compartment alone shows each of its contents often enough."""
    seen: dict[State, int] = {}
    for sample in samples:
        seen[sample.state] = seen.get(sample.state, 0) + 1
    return len(seen) > 1 and min(seen.values()) >= _FOLDS + 2


def _learn_group(samples: Sequence[_Sample]) -> tuple[Group, float, int, int]:
    """Group, log loss on photographs left out, right answers and answers asked in cross-validation."""
    several = (
        len({s.state.item for s in samples if s.state.count}) > 1 and len({s.place for s in samples}) == 1
    )
    contents = [s.state if several else State(s.state.count, None) for s in samples]
    states = tuple(sorted(set(contents), key=lambda state: (state.count, state.item or "")))
    labels = np.array([states.index(content) for content in contents])
    pictures = np.array([sample.picture for sample in samples])
    stack = np.stack(
        [[features.describe_patch(patch, s.window.mask) for patch in s.patches] for s in samples]
    )
    scores, tested = _left_out(stack, labels, pictures, len(states))
    final = _learn(stack, labels, len(states))
    temperature, loss, good = 1.0, 0.0, 0
    if len(tested):
        temperature = classifier.fit_temperature(scores, tested)
        shares = classifier.softmax(scores / temperature)
        loss = -float(np.log(shares[np.arange(len(tested)), tested] + 1e-9).sum())
        good = int((shares.argmax(axis=1) == tested).sum())
    prototypes, reach = _prototypes(stack, labels, pictures, final)
    return Group(states, replace(final, temperature=temperature), prototypes, reach), loss, good, len(tested)


def _learn(stack: Image, labels: Image, classes: int) -> classifier.Softmax:
    variants = stack.shape[1]
    return classifier.learn(stack.reshape(-1, stack.shape[2]), np.repeat(labels, variants), classes)


def _left_out(stack: Image, labels: Image, pictures: Image, classes: int) -> tuple[Image, Image]:
    """Scores of photographs the classifier was not taught with, with their labels."""
    scores, tested = [np.zeros((0, classes))], [np.zeros(0, int)]
    shuffled = np.random.default_rng(1).permutation(int(pictures.max()) + 1)
    for fold in range(_FOLDS):
        out = shuffled[pictures] % _FOLDS == fold
        if not out.any() or len(set(labels[~out])) < classes:
            continue
        taught = _learn(stack[~out][:, ::2], labels[~out], classes)
        scores.append(taught.scores(stack[out][:, 0]))
        tested.append(labels[out])
    return np.concatenate(scores), np.concatenate(tested)


def _prototypes(
    stack: Image, labels: Image, pictures: Image, taught: classifier.Softmax
) -> tuple[Image, tuple[float, ...]]:
    """Looks which cover the taught ones (farthest first), and how far a new photograph of the same usually lies, in all features and in
    each of their blocks."""
    standard = np.clip((stack - taught.mean) / taught.scale, -6, 6).astype(np.float32)
    clean = standard[:, 0]
    chosen: list[int] = []
    for label in sorted(set(labels.tolist())):
        members = np.flatnonzero(labels == label)
        picked = [int(members[0])]
        while len(picked) < min(_PROTOTYPES, len(members)):
            gaps = np.min([((clean[members] - clean[p]) ** 2).mean(axis=1) for p in picked], axis=0)
            picked.append(int(members[int(np.argmax(gaps))]))
        chosen += picked
    nearest = []
    for index in range(len(clean)):
        others = [p for p in chosen if pictures[p] != pictures[index]] or chosen
        nearest.append(nearest_by_block((clean[others] - clean[index]) ** 2))
    room = _ROOM + _FEW / len(clean)
    return clean[chosen], tuple(float(far) * room for far in np.max(nearest, axis=0))
