"""Which of the four quarter turns makes a sheet stand upright, told by reading some of its texts both ways (DRW-11)."""

from __future__ import annotations

from typing import Any

import numpy as np

from coordinator.modules.drawings.reading.ocr import Image, Quad, rapid_engine
from coordinator.modules.drawings.reading.rows import cut, scaled

Matrix = np.ndarray[Any, np.dtype[np.float64]]

SAMPLES = 8
SURE_SAMPLES = 4
MORE_LEVEL_TEXT = 0.5


def extent(quad: Quad) -> tuple[float, float]:
    """Lengths of the upper and of the left side of a box."""
    return float(np.linalg.norm(quad[1] - quad[0])), float(np.linalg.norm(quad[3] - quad[0]))


def stand_upright(image: Image) -> tuple[Image, Matrix, list[Quad]]:
    """Turn the sheet by quarters until it reads from below; returns also the map back and the boxes of the result.

    Drawings are read from below and from the right: a sheet lies on its side when its upright texts read downwards.
    """
    boxes = rapid_engine().detect(image)
    wide = [box for box in boxes if extent(box)[0] > 3 * extent(box)[1]]
    tall = [box for box in boxes if extent(box)[1] > 3 * extent(box)[0]]
    if len(wide) + len(tall) < SURE_SAMPLES:
        return image, np.eye(3), boxes
    level, upright = _leaning(image, wide, 0), _leaning(image, tall, -1)
    lead = MORE_LEVEL_TEXT * (len(wide) - len(tall)) / (len(wide) + len(tall))
    merits = [level + upright + lead, level - upright - lead, lead - level - upright, upright - level - lead]
    quarters = int(np.argmax(merits))
    if quarters == 0:
        return image, np.eye(3), boxes
    height, width = image.shape
    turned = np.ascontiguousarray(np.rot90(image, quarters))
    return turned, way_back(quarters, width, height), rapid_engine().detect(turned)


def _leaning(image: Image, boxes: list[Quad], quarters: int) -> float:
    """How much surer the texts read as they are (positive) than upside down (negative)."""
    longest = sorted(boxes, key=lambda box: -max(extent(box)))[:SAMPLES]
    crops = [scaled(np.ascontiguousarray(np.rot90(cut(image, box), quarters))) for box in longest]
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
