"""``usinage bench vision``: taught compartments on photographs kept aside, synthetic sessions, false postings, calibration.

The photographs are those of the shared data (``$USINAGE_SHARED`` or ../shared); without them only rendered cabinets
are measured. The reference is gradient histograms with logistic regression on the same photographs in the same run.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import structlog

from coordinator.bench import entry
from edge_agents.drivers.cabinet_camera.classifier import calibration_error, learn
from edge_agents.drivers.cabinet_camera.config import VisionConfig
from edge_agents.drivers.cabinet_camera.detector import load_detector
from edge_agents.drivers.cabinet_camera.session import decide
from edge_agents.drivers.cabinet_camera.taught import State, TaughtModel, load_model, save_model
from edge_agents.drivers.cabinet_camera.teaching import Example, teach
from edge_agents.drivers.simulators import cabinet_scenes, spoil, tray_sessions

log = structlog.get_logger(__name__)
SESSIONS = 200
SPLITS = 3
_TAUGHT = 32
_WORKERS = 2
_AUTO = 0.9
_BOXES = ((5, 69, 261, 326), (305, 69, 561, 326), (5, 429, 261, 686), (325, 429, 581, 686))
_KEPT_ASIDE = 0.3
_DETECTOR = Path(__file__).resolve().parents[1] / "models_ai" / "tray_items" / "tray_items.onnx"
# Splits and cabinets nothing was tuned on; tuning takes others.
_SPLIT_SEED, _CABINET_SEED = 4100, 71
# Seeds of the shared-tray sessions here; the detector was calibrated and measured on others.
_TRAY_SEED = 2_900_000


@dataclass
class Tally:
    """What was answered: right or wrong with its confidence, per session and per posting."""

    right: list[bool] = field(default_factory=list)
    confidence: list[float] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)
    faults_seen: list[bool] = field(default_factory=list)
    good_refused: list[bool] = field(default_factory=list)
    sessions: list[bool] = field(default_factory=list)
    posted: list[bool] = field(default_factory=list)
    read_ms: list[float] = field(default_factory=list)
    model_kb: list[float] = field(default_factory=list)
    session_confidence: list[float] = field(default_factory=list)
    session_right: list[bool] = field(default_factory=list)
    varied: list[bool] = field(default_factory=list)
    varied_refused: list[bool] = field(default_factory=list)
    posted_wrong: list[bool] = field(default_factory=list)
    trays: list[dict[str, Any]] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take over what another part measured."""
        for name in vars(self):
            getattr(self, name).extend(getattr(other, name))


def run(sessions: int = SESSIONS, splits: int = SPLITS) -> list[dict[str, Any]]:
    """Measured entries. Deterministic but for the times; parts run side by side on the machine's cores."""
    photographs = slot_photographs()
    if not photographs:
        log.warning("bench.vision.photographs_missing")
    share = -(-sessions // len(cabinet_scenes.KINDS))
    parts: list[tuple[Any, ...]] = [(_cabinet_part, kind, share) for kind in cabinet_scenes.KINDS if share]
    parts += [(_split_part, _SPLIT_SEED + number) for number in range(splits) if photographs]
    parts += [(_tray_part, half, sessions // 2) for half in range(2) if sessions > 1 and _DETECTOR.is_file()]
    tally = Tally()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(_WORKERS, os.cpu_count() or 1), mp_context=spawn) as pool:
        pending = [(part[0].__name__.strip("_"), part[1], pool.submit(*part)) for part in parts]
        for name, which, answer in pending:
            found = answer.result()
            log.info("bench.vision.part", part=name, of=which, **_counts(found))
            tally.add(found)
    return results(tally)


def _counts(tally: Tally) -> dict[str, str]:
    """Right of all, for each thing that is counted: a run that is stopped has told its finished parts."""
    answers = {
        name: values
        for name, values in vars(tally).items()
        if values and isinstance(values[0], (bool, np.bool_))
    }
    return {name: f"{sum(values)}/{len(values)}" for name, values in answers.items()}


def _split_part(seed: int) -> Tally:
    cv2.setNumThreads(1)
    tally = Tally()
    measure_split(slot_photographs(), seed, tally)
    return tally


def _cabinet_part(kind: str, sessions: int) -> Tally:
    cv2.setNumThreads(1)
    tally = Tally()
    measure_cabinet(kind, sessions, tally)
    return tally


def _tray_part(half: int, sessions: int) -> Tally:
    """Sessions at shared trays, read by the trained detector."""
    cv2.setNumThreads(1)
    tally, detector = Tally(), load_detector(_DETECTOR)
    for number in range(sessions):
        session = tray_sessions.make(_TRAY_SEED + 2 * number + half)
        started = time.perf_counter()
        played = tray_sessions.play(session, detector)
        tally.trays.append(played.row() | {"ms": (time.perf_counter() - started) * 1000})
    return tally


def _tray_results(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries of the shared trays; a session counts as falsely posted when any of its sure differences is wrong."""
    confidence = np.array([value for row in rows for value in row["confidence"]])
    correct = np.array([value for row in rows for value in row["correct"]], bool)
    wrong = [_wrongly_posted(row["confidence"], row["correct"]) for row in rows]
    found = [
        entry(
            "shared_session_delta_accuracy",
            float(np.mean([row["right"] for row in rows])),
            "share",
            target=0.97,
        ),
        entry(
            "shared_sessions_posted_wrong", float(np.mean(wrong)), "share", target=0.005, lower_is_better=True
        ),
        entry("shared_auto_posts", int((confidence >= _AUTO).sum()), "count"),
        entry(
            "shared_needless_questions", float(np.mean([row["false_alarms"] > 0 for row in rows])), "share"
        ),
        entry("shared_sessions", len(rows), "count"),
        entry("shared_session_p50_ms", float(np.median([row["ms"] for row in rows])), "ms"),
        entry("detector_kb", _DETECTOR.stat().st_size / 1024, "KiB"),
    ]
    if len(correct):
        error = calibration_error(confidence, correct)
        found.append(entry("shared_calibration_error", error, "share", target=0.05, lower_is_better=True))
    return found


def _wrongly_posted(confidence: Sequence[float], correct: Sequence[bool]) -> bool:
    return any(sure >= _AUTO and not right for sure, right in zip(confidence, correct, strict=True))


def results(tally: Tally) -> list[dict[str, Any]]:
    """Entries of everything that was measured."""
    rows = []
    if tally.right:
        reference = float(np.mean(tally.reference))
        rows += [
            entry(
                "compartment_accuracy", float(np.mean(tally.right)), "share", reference=reference, target=0.99
            ),
            entry("compartment_accuracy_worst_split", min(tally.splits), "share"),
            entry("good_pictures_refused", float(np.mean(tally.good_refused)), "share"),
            entry("varied_accuracy", float(np.mean(tally.varied)), "share", target=0.97),
            entry("varied_refused", float(np.mean(tally.varied_refused)), "share"),
            entry("unusable_recognised", float(np.mean(tally.faults_seen)), "share", target=0.95),
            entry("read_p50_ms", float(np.median(tally.read_ms)), "ms"),
            entry("model_kb", max(tally.model_kb), "KiB"),
        ]
    if tally.sessions:
        false_posts = 1 - float(np.mean(tally.posted)) if tally.posted else 0.0
        rows += [
            entry("session_delta_accuracy", float(np.mean(tally.sessions)), "share", target=0.97),
            entry("false_auto_post_rate", false_posts, "share", target=0.005, lower_is_better=True),
            entry(
                "sessions_posted_wrong",
                float(np.mean(tally.posted_wrong)),
                "share",
                target=0.005,
                lower_is_better=True,
            ),
            entry("auto_posts", len(tally.posted), "count"),
            entry("sessions", len(tally.sessions), "count"),
        ]
    confidence = np.array(tally.confidence + tally.session_confidence)
    right = np.array(tally.right + tally.session_right)
    if len(right):
        error = calibration_error(confidence, right)
        rows.append(entry("calibration_error", error, "share", target=0.05, lower_is_better=True))
    return rows + (_tray_results(tally.trays) if tally.trays else [])


def slot_photographs() -> list[tuple[str, Any, tuple[int, ...]]]:
    """Name, picture and the four digits of every shared photograph; empty without the shared data."""
    shared = Path(os.environ.get("USINAGE_SHARED") or Path(__file__).resolve().parents[1].parent / "shared")
    files = sorted((shared / "data" / "slots" / "train").glob("*_[01][01][01][01].jpg"))
    return [
        (path.name, cv2.imread(str(path)), tuple(int(digit) for digit in path.stem[-4:])) for path in files
    ]


def slot_config() -> VisionConfig:
    """Vision configuration of the photographed slots."""
    places = [
        {"id": f"S{n}", "method": "presence", "item": "VIS", "polygon": [[a, b], [c, b], [c, d], [a, d]]}
        for n, (a, b, c, d) in enumerate(_BOXES, start=1)
    ]
    return VisionConfig.model_validate({"compartments": places})


def measure_split(photographs: Sequence[tuple[str, Any, tuple[int, ...]]], seed: int, tally: Tally) -> None:
    """Teaches on a random part of the photographs and reads the others, good and spoiled."""
    order = np.random.default_rng(seed).permutation(len(photographs))
    cut = round(len(order) * (1 - _KEPT_ASIDE))
    shown, aside = [photographs[i] for i in order[:cut]], [photographs[i] for i in order[cut:]]
    vision = slot_config()
    examples = [
        Example(name, image, {f"S{n}": State(d, None) for n, d in enumerate(digits, 1)})
        for name, image, digits in shown
    ]
    model = _stored(teach(examples, vision, seed=seed), tally)
    right = []
    for _, image, digits in aside:
        started = time.perf_counter()
        reading = model.read(image)
        tally.read_ms.append((time.perf_counter() - started) * 1000)
        tally.good_refused.append(not reading.usable)
        for place, digit in zip(reading.places, digits, strict=True):
            right.append(place.count == digit)
            tally.confidence.append(place.confidence)
    tally.right += right
    tally.splits.append(float(np.mean(right)))
    tally.reference.append(reference_accuracy(shown, aside))
    chance = np.random.default_rng(seed)
    for number, (_, image, digits) in enumerate(aside):
        for which in (number, number + 1):
            vary = list(spoil.VARIATIONS.values())[which % len(spoil.VARIATIONS)]
            reading = model.read(vary(image, chance))
            tally.varied_refused.append(not reading.usable)
            tally.varied += [p.count == digit for p, digit in zip(reading.places, digits, strict=True)]
    for spoiler in spoil.FAULTS.values():
        tally.faults_seen += [not model.read(spoiler(image, chance)).usable for _, image, _ in aside[:6]]


def reference_accuracy(shown: Sequence[Any], aside: Sequence[Any]) -> float:
    """Gradient histograms of the fixed boxes with logistic regression: what a plain approach reaches."""

    def described(photographs: Sequence[Any]) -> tuple[Any, Any]:
        rows = [
            plain_histogram(cv2.resize(cv2.cvtColor(image[b:d, a:c], cv2.COLOR_BGR2GRAY), (64, 64)))
            for _, image, _ in photographs
            for a, b, c, d in _BOXES
        ]
        return np.array(rows), np.array([digit for _, _, digits in photographs for digit in digits])

    features, labels = described(shown)
    taught = learn(features, labels, 2)
    unseen, truth = described(aside)
    return float((taught.scores(unseen).argmax(axis=1) == truth).mean())


def plain_histogram(gray: Any) -> Any:
    """Histograms of oriented gradients as Dalal and Triggs wrote them (CVPR 2005): 64 x 64 pixels, cells of 8, 9 turns of
    half a circle, blocks of 2 x 2 cells, each block brought to length 1, cut at 0.2 and brought to length 1 again."""
    picture = gray.astype(np.float32)
    gx = cv2.filter2D(picture, cv2.CV_32F, np.array([[-1, 0, 1]], np.float32))
    gy = cv2.filter2D(picture, cv2.CV_32F, np.array([[-1], [0], [1]], np.float32))
    size, turn = np.hypot(gx, gy), (np.arctan2(gy, gx) % np.pi) * (9 / np.pi)
    low = np.floor(turn).astype(int) % 9
    part = turn - np.floor(turn)
    planes = np.stack([size * ((low == k) * (1 - part) + ((low + 1) % 9 == k) * part) for k in range(9)])
    cells = planes.reshape(9, 8, 8, 8, 8).sum(axis=(2, 4))
    blocks = []
    for row in range(7):
        for column in range(7):
            block = cells[:, row : row + 2, column : column + 2].ravel()
            block = np.minimum(block / (np.linalg.norm(block) + 1e-3), 0.2)
            blocks.append(block / (np.linalg.norm(block) + 1e-3))
    return np.concatenate(blocks)


def _stored(model: TaughtModel, tally: Tally) -> TaughtModel:
    """The model as a station has it: written, weighed and read back."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.model"
        save_model(model, path)
        tally.model_kb.append(path.stat().st_size / 1024)
        return load_model(path)


def measure_cabinet(kind: str, sessions: int, tally: Tally) -> None:
    """Teaches one rendered cabinet, then plays sessions: ordinary ones, hands, knocked cameras, foreign objects."""
    cabinet = cabinet_scenes.make_cabinet(kind, _CABINET_SEED)
    chance = np.random.default_rng([_CABINET_SEED, cabinet_scenes.KINDS.index(kind)])
    vision = VisionConfig.model_validate(cabinet_scenes.config_of(cabinet))
    examples = []
    for number in range(_TAUGHT):
        content = cabinet_scenes.random_content(cabinet, chance)
        if number < 2:
            content = dict.fromkeys(cabinet.places, 0)
        look = cabinet_scenes.random_look(chance)
        picture = cabinet_scenes.render(cabinet, content, look, number, dirt=number // 6)
        examples.append(Example(str(number), picture, {name: State(n, None) for name, n in content.items()}))
    model = _stored(teach(examples, vision), tally)
    for number in range(sessions):
        _play(cabinet, vision, model, number, chance, tally)


def _play(
    cabinet: cabinet_scenes.Cabinet,
    vision: VisionConfig,
    model: TaughtModel,
    number: int,
    chance: np.random.Generator,
    tally: Tally,
) -> None:
    before = cabinet_scenes.random_content(cabinet, chance)
    after = dict(before)
    for name in chance.choice(cabinet.places, int(chance.integers(0, 4)), replace=False):
        after[name] = (
            int(chance.integers(0, cabinet.capacity + 1)) if cabinet.capacity > 1 else 1 - before[name]
        )
    event = chance.choice(["plain", "foreign", *spoil.FAULTS], p=[0.8, 0.05, 0.03, 0.03, 0.03, 0.03, 0.03])
    foreign = str(chance.choice(cabinet.places)) if event == "foreign" else None
    dirt = _TAUGHT // 6
    looks = cabinet_scenes.random_look(chance), cabinet_scenes.random_look(chance)
    first = cabinet_scenes.render(cabinet, before, looks[0], 1000 + number, dirt=dirt)
    second = cabinet_scenes.render(
        cabinet, after, looks[1], 5000 + number, foreign=foreign, dirt=dirt + number % 2
    )
    if event in spoil.FAULTS:
        second = spoil.FAULTS[str(event)](second, chance)
    decision = decide(first, second, vision, model=model)
    expected = {name: after[name] - before[name] for name in cabinet.places if after[name] != before[name]}
    expected.pop(foreign or "", None)
    found = {
        c.compartment.id: c.delta
        for c in decision.changes
        if c.compartment.id != foreign and c.reason is None
    }
    alarmed = any(c.compartment.id == foreign and c.reason for c in decision.changes)
    if event in spoil.FAULTS:
        tally.sessions.append(not decision.usable or found == expected)
    else:
        tally.sessions.append(decision.usable and found == expected and (foreign is None or alarmed))
    posted: list[bool] = []
    for change in decision.changes:
        if change.reason is None and change.delta is not None:
            true = change.compartment.id != foreign and expected.get(change.compartment.id, 0) == change.delta
            tally.session_right.append(true)
            tally.session_confidence.append(change.confidence)
            if change.confidence >= _AUTO:
                posted.append(true)
    tally.posted += posted
    tally.posted_wrong.append(not all(posted))
