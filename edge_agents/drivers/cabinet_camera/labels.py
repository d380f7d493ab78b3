"""Places told by printed references: labels are read and matched with what is expected there (VIS-03).

Each label of an expected reference counts for one piece, so every piece of such a place carries its own. RapidOCR reads, at
any angle, with the models of its wheel. The reference must stand on the label by itself: "M10" is not found in "M100". One
that differs by signs that print alike (0 and O, a lost dash) counts, but never surely enough to be posted by itself.
"""

from __future__ import annotations

import logging
import math
import re
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_agents.drivers.cabinet_camera.config import Compartment, PrintedItem
from edge_agents.drivers.cabinet_camera.decision import (
    Change,
    Reading,
    certainty,
    crop,
    difference,
    share,
)
from edge_agents.drivers.cabinet_camera.taught import PlaceReading, PrintedLabel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_SIDE_PX = 960  # longest side the finder of texts works on
# Below this height a patch is enlarged, so that small print has the size the models were taught with.
_SMALL_PX = 240
_CLEAR = 0.8  # score of a text that is surely one
_NEAR = 0.75  # most that a reference with an unsure sign gets: below automatic posting
_SURE = 0.98
_REVIEW = 0.59
_COVERED = 0.12  # part of a place up to which it looks like the empty one
_SHIFT_PX = 3  # left of the camera's moves after registration
_SAME_PRINT = 0.6  # correlation with the same print in another picture
_DIFFERS = 0.17  # of two brightnesses, in natural logarithms
_DARK = 8.0  # grey levels that are noise
_WHITE = math.log(255.0 + _DARK)
_THIN_PX = 7  # narrower than any label: edges that a small move of the camera left
_GAP_PX = 15  # between what changed of one and the same piece
_PART_OF_LABEL = 0.5  # of the smallest label, which is about what is left of a piece half hidden
_SMALLEST = 0.01  # of a place: less is a shadow
_WORDS = 6  # a reference printed with spaces has at most so many
_APART = re.compile(r"[\s:;|()\[\]=]+")
_DASHES = str.maketrans({"–": "-", "—": "-", "−": "-", ",": ".", "Ø": "D", "⌀": "D", "φ": "D", "Φ": "D"})
_ALIKE = str.maketrans(
    {"O": "0", "Q": "0", "I": "1", "L": "1", "|": "1", "S": "5", "B": "8", "Z": "2", "G": "6"}
)


@dataclass(frozen=True, slots=True)
class Line:
    """A printed line: text, score 0-1, its four corners in pixels of the patch."""

    text: str
    score: float
    quad: tuple[tuple[float, float], ...]


class _Engine:
    """RapidOCR, loaded at the first label; one reading at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engine: Any = None

    def read(self, patch: Image) -> list[Line]:
        """Lines of a gray patch. Raises ``ImportError`` where the station has no text reader."""
        with self._lock:
            if self._engine is None:
                logging.getLogger("RapidOCR").setLevel(logging.ERROR)
                from rapidocr import RapidOCR

                self._engine = RapidOCR(
                    params={
                        "Global.log_level": "error",
                        "Det.limit_type": "max",
                        "Det.limit_side_len": _SIDE_PX,
                        "EngineConfig.onnxruntime.intra_op_num_threads": 2,
                    }
                )
            found = self._engine(cv2.cvtColor(patch, cv2.COLOR_GRAY2BGR))
        if found.boxes is None or not found.txts:
            return []
        return [
            Line(str(text), float(score), tuple((float(x), float(y)) for x, y in quad))
            for quad, text, score in zip(found.boxes, found.txts, found.scores, strict=True)
        ]


_engine = _Engine()


def lines_of(patch: Image) -> tuple[Line, ...]:
    """Printed lines of a gray patch. Raises ``ImportError`` where the station has no text reader."""
    return _remembered(patch.shape[0], patch.shape[1], np.ascontiguousarray(patch).tobytes())


@lru_cache(maxsize=128)
def _remembered(height: int, width: int, pixels: bytes) -> tuple[Line, ...]:
    # The view of the empty cabinet comes again with every picture.
    patch = np.frombuffer(pixels, np.uint8).reshape(height, width)
    factor = max(1.0, min(_SMALL_PX / height, _SIDE_PX / max(height, width)))
    large = (
        patch
        if factor == 1.0
        else cv2.resize(patch, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    )
    return tuple(
        Line(line.text, line.score, tuple((x / factor, y / factor) for x, y in line.quad))
        for line in _engine.read(large)
    )


def read_place(gray: Image, empty: Image | None, place: Compartment) -> PlaceReading:
    """Labels of one place of a registered picture; those the empty cabinet shows itself (its own signs) do not count."""
    patch, mask = crop(gray, place.polygon)
    reference = None if empty is None else crop(empty, place.polygon)[0]
    try:
        lines = lines_of(np.where(mask > 0, patch, np.median(patch)).astype(np.uint8))
        own = () if reference is None or not lines else lines_of(reference)
    except ImportError:
        return PlaceReading(place.id, None, None, None, 0.0, "ocr_absent")
    origin = _origin(place)
    lines = tuple(line for line in lines if not _is_sign(line, own))
    labels = tuple(_shifted(label, origin) for line in lines if (label := _match(line, place)) is not None)
    if labels:
        names = tuple(sorted(label.item for label in labels))
        item = names[0] if len(set(names)) == 1 else None
        sure = min(label.confidence for label in labels)
        return PlaceReading(place.id, True, len(labels), item, sure, codes=names, labels=labels)
    if any(line.score >= _CLEAR and len(_plain(line.text)) >= 4 for line in lines):
        return PlaceReading(place.id, None, None, None, 0.5, "foreign_or_misplaced")
    covered = None if reference is None else share(difference(patch, reference, mask), mask)
    if covered is not None and covered <= _COVERED:
        return PlaceReading(place.id, False, 0, None, certainty(covered, _COVERED))
    return PlaceReading(place.id, None, None, None, 0.5, "label_unread")


def changes_of(
    place: Compartment, old: PlaceReading, new: PlaceReading, first: Image, second: Image
) -> list[Change]:
    """Labels that came or went between two gray pictures. A label read in one of them only, whose place looks the same in both, was
    missed in the other and is no change. Something that came or went without a label that could be read makes all of it doubtful."""
    before, after = list(old.labels), list(new.labels)
    before += _missed(new.labels, old.labels, second, first)
    after += _missed(old.labels, new.labels, first, second)
    was, now = Counter(label.item for label in before), Counter(label.item for label in after)
    sure = min(old.confidence, new.confidence, _SURE)
    explained = not _unexplained(place, [*old.labels, *new.labels], first, second)
    shared = len(place.told_by_label) > 1
    changes = [
        Change(
            place, _count(old, item, was[item]), _count(new, item, now[item]), now[item] - was[item],
            sure if explained else min(sure, _REVIEW), item=item if shared else None,
        )
        for item in sorted(was.keys() | now.keys())
        if now[item] != was[item]
    ]  # fmt: skip
    if changes or explained:
        return changes
    return [Change(place, _told(old), _told(new), None, _REVIEW, "foreign_or_misplaced")]


def _unexplained(place: Compartment, labels: Sequence[PrintedLabel], first: Image, second: Image) -> bool:
    """Whether something as large as a part of a label moved where no label was read in either picture."""
    patch, mask = crop(first, place.polygon)
    changed = _changed(patch, crop(second, place.polygon)[0], mask)
    closed = cv2.morphologyEx(changed, cv2.MORPH_CLOSE, np.ones((_GAP_PX, _GAP_PX), np.uint8))
    number, parts, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    usual = min((cv2.contourArea(np.array(label.quad, np.float32)) for label in labels), default=0.0)
    least = max(_PART_OF_LABEL * usual, _SMALLEST * int(np.count_nonzero(mask)))
    origin = _origin(place)
    known = set()
    for label in labels:
        quad = np.zeros_like(mask)
        cv2.fillPoly(quad, [np.array(label.quad, np.int32) - origin], 255)
        known |= set(np.unique(parts[quad > 0]).tolist())
    return any(stats[part, cv2.CC_STAT_AREA] >= least for part in range(1, number) if part not in known)


def _changed(patch: Image, other: Image, mask: Image) -> Image:
    """Where two patches differ (255) beyond a light that changes evenly or along a slope, whatever part of the place is changed."""
    looks = [np.log(cv2.GaussianBlur(one, (5, 5), 0).astype(np.float32) + _DARK) for one in (patch, other)]
    gap = looks[1] - looks[0]
    rows, columns = np.nonzero(mask[::4, ::4])
    sample = gap[::4, ::4][rows, columns]
    if sample.size == 0:
        return np.zeros_like(mask)
    ground = np.column_stack([np.ones(sample.size), rows, columns])
    light = np.array([float(np.median(sample)), 0.0, 0.0])
    for _ in range(3):
        same = np.abs(sample - ground @ light) <= _DIFFERS
        if np.count_nonzero(same) < sample.size // 4:
            break
        light = np.linalg.lstsq(ground[same], sample[same], rcond=None)[0]
    down, right = np.mgrid[: gap.shape[0], : gap.shape[1]]
    turn = light[0] + light[1] * down / 4 + light[2] * right / 4
    # White that is clipped in one of the pictures is so in the other once its light is taken: either way of looking may agree.
    forth = np.abs(np.minimum(looks[0] + turn, _WHITE) - looks[1])
    back = np.abs(np.minimum(looks[1] - turn, _WHITE) - looks[0])
    rest = np.minimum(forth, back)
    changed = np.where((rest > _DIFFERS) & (mask > 0), 255, 0).astype(np.uint8)
    return cv2.morphologyEx(changed, cv2.MORPH_OPEN, np.ones((_THIN_PX, _THIN_PX), np.uint8))


def _count(reading: PlaceReading, item: str, count: int) -> Reading:
    return Reading(count, count > 0, reading.confidence, item)


def _told(reading: PlaceReading) -> Reading:
    return Reading(reading.count, reading.present, reading.confidence, reading.item)


def _missed(
    seen: Iterable[PrintedLabel], others: Sequence[PrintedLabel], shown: Image, other: Image
) -> list[PrintedLabel]:
    """Labels read in the picture ``shown`` whose print the other picture shows at the same place, though it was not read there."""
    return [
        label
        for label in seen
        if not any(one.item == label.item and _inside(_centre(label.quad), one.quad) for one in others)
        and _is_printed(label, shown, other)
    ]


def _is_printed(label: PrintedLabel, shown: Image, other: Image) -> bool:
    """The strokes themselves are compared: a white label on a light ground differs from no label by little else."""
    x, y, width, height = cv2.boundingRect(np.array(label.quad, np.int32))
    x, y, m = max(x, 0), max(y, 0), _SHIFT_PX
    wanted = shown[y : y + height, x : x + width]
    around = other[max(y - m, 0) : y + height + m, max(x - m, 0) : x + width + m]
    if wanted.size == 0 or float(wanted.std()) == 0.0:
        return False
    return float(cv2.matchTemplate(around, wanted, cv2.TM_CCOEFF_NORMED).max()) >= _SAME_PRINT


def _is_sign(line: Line, own: Iterable[Line]) -> bool:
    """Whether the empty cabinet shows this line at the same place."""
    return any(
        _plain(line.text) == _plain(sign.text) and _inside(_centre(line.quad), sign.quad) for sign in own
    )


def _centre(quad: Sequence[Sequence[float]]) -> tuple[float, float]:
    x, y = np.mean(np.array(quad, np.float64), axis=0)
    return float(x), float(y)


def _inside(point: tuple[float, float], quad: Sequence[Sequence[float]]) -> bool:
    return cv2.pointPolygonTest(np.array(quad, np.float32), point, False) >= 0


def _origin(place: Compartment) -> Image:
    """Top left corner of a place's patch, in pixels of the picture."""
    x, y, _, _ = cv2.boundingRect(np.array(place.polygon, np.int32))
    return np.array([max(x, 0), max(y, 0)])


def _shifted(label: PrintedLabel, origin: Image) -> PrintedLabel:
    quad = tuple((x + float(origin[0]), y + float(origin[1])) for x, y in label.quad)
    return PrintedLabel(label.item, label.confidence, quad)


def _match(line: Line, place: Compartment) -> PrintedLabel | None:
    """The expected item a line names, or None; where two are possible, or only a doubtful one, never surely."""
    runs = _runs(line.text)
    exact = [one.item for one in place.told_by_label if _named(one, runs, _written)]
    if len(exact) == 1:
        return PrintedLabel(exact[0], min(line.score, _SURE), line.quad)
    near = exact or [one.item for one in place.told_by_label if _named(one, runs, _alike)]
    return PrintedLabel(near[0], min(line.score, _NEAR), line.quad) if len(near) == 1 else None


def _named(one: PrintedItem, runs: Sequence[str], form: Any) -> bool:
    wanted = {form(reference) for reference in (one.item, *one.printed) if _plain(reference)}
    return any(form(run) in wanted for run in runs)


def _runs(text: str) -> list[str]:
    """Every run of up to six neighbouring words of a line, joined."""
    words = [word for word in (part.strip(".,'\"*#<>{}") for part in _APART.split(text)) if word]
    return [
        "".join(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, min(start + _WORDS, len(words)) + 1)
    ]


def _written(text: str) -> str:
    """A reference as it is compared: capitals, without spaces, one kind of dash and of decimal point."""
    return _APART.sub("", text).upper().translate(_DASHES)


def _plain(text: str) -> str:
    """Letters and digits alone, in capitals."""
    return re.sub(r"[^0-9A-Z]", "", text.upper().translate(_DASHES))


def _alike(text: str) -> str:
    """Letters and digits with those that print alike as one."""
    return _plain(text).translate(_ALIKE)
