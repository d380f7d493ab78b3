"""Which of the four quarter turns makes a sheet stand upright, told by reading some of its texts both ways (DRW-11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from coordinator.modules.drawings.reading.crops import cut, scaled
from coordinator.modules.drawings.reading.networks import helpers
from coordinator.modules.drawings.reading.ocr import Image, Quad, rapid_engine

Matrix = np.ndarray[Any, np.dtype[np.float64]]

SAMPLES = 8
SURE_SAMPLES = 4
LONGEST_SAMPLE = 12  # width by height
MORE_LEVEL_TEXT = 0.5


def extent(quad: Quad) -> tuple[float, float]:
    """Lengths of the upper and of the left side of a box."""
    return float(np.linalg.norm(quad[1] - quad[0])), float(np.linalg.norm(quad[3] - quad[0]))


@dataclass(frozen=True)
class Upright:
    """A sheet which reads from below, the map back, its text boxes, and how to get those of the sheet seen from the right."""

    image: Image
    way_back: Matrix
    boxes: list[Quad]
    boxes_from_right: Callable[[], list[Quad]]


def stand_upright(image: Image) -> Upright:
    """Turn the sheet by quarters until it reads from below.

    Drawings are read from below and from the right: a sheet lies on its side when its upright texts read downwards.
    """
    boxes = rapid_engine().detect(image)
    wide = [box for box in boxes if extent(box)[0] > 3 * extent(box)[1]]
    tall = [box for box in boxes if extent(box)[1] > 3 * extent(box)[0]]
    if len(wide) + len(tall) < SURE_SAMPLES:
        return _as_it_is(image, boxes)
    level, upright = _leaning(image, wide, 0), _leaning(image, tall, -1)
    lead = MORE_LEVEL_TEXT * (len(wide) - len(tall)) / (len(wide) + len(tall))
    merits = [level + upright + lead, level - upright - lead, lead - level - upright, upright - level - lead]
    quarters = int(np.argmax(merits))
    if quarters == 0:
        return _as_it_is(image, boxes)
    height, width = image.shape
    turned = np.ascontiguousarray(np.rot90(image, quarters))
    if quarters == 1:
        return Upright(turned, way_back(1, width, height), rapid_engine().detect(turned), lambda: boxes)
    back = way_back(quarters, width, height)
    if quarters == 3:
        from_right = [_upside_down(box, width, height) for box in boxes]
        return Upright(turned, back, rapid_engine().detect(turned), lambda: from_right)
    return _seen_from_right(turned, back, rapid_engine().detect(turned))


def _as_it_is(image: Image, boxes: list[Quad]) -> Upright:
    return _seen_from_right(image, np.eye(3), boxes)


def _seen_from_right(image: Image, back: Matrix, boxes: list[Quad]) -> Upright:
    """The other boxes are searched for while the first ones are read."""
    search = helpers().submit(rapid_engine().detect, np.ascontiguousarray(np.rot90(image, -1)))
    return Upright(image, back, boxes, search.result)


def _upside_down(box: Quad, width: int, height: int) -> Quad:
    """A box of the picture turned by half a turn, its first corner at the top left again."""
    return np.roll(np.array([width, height]) - box, 2, axis=0)


def _leaning(image: Image, boxes: list[Quad], quarters: int) -> float:
    """How much surer the texts read as they are (positive) than upside down (negative)."""
    longest = sorted(boxes, key=lambda box: -max(extent(box)))[:SAMPLES]
    crops = [scaled(np.ascontiguousarray(np.rot90(cut(image, box), quarters))) for box in longest]
    crops = [crop[:, : LONGEST_SAMPLE * crop.shape[0]] for crop in crops]
    if not crops:
        return 0.0
    reads = rapid_engine().recognise(crops + [np.ascontiguousarray(crop[::-1, ::-1]) for crop in crops])
    gains = [
        one.confidence - two.confidence
        for one, two in zip(reads[: len(crops)], reads[len(crops) :], strict=True)
    ]
    return float(np.mean(gains)) * min(1.0, len(gains) / SURE_SAMPLES)


def way_back(quarters: int, width: int, height: int) -> Matrix:
    """Maps points of the image turned counter-clockwise by quarters back to the image."""
    return {
        1: np.array([[0.0, -1, width - 1], [1, 0, 0], [0, 0, 1]]),
        2: np.array([[-1.0, 0, width - 1], [0, -1, height - 1], [0, 0, 1]]),
        3: np.array([[0.0, 1, 0], [-1, 0, height - 1], [0, 0, 1]]),
    }[quarters]
