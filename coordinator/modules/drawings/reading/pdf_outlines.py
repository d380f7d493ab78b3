"""Text drawn as outlines beside real text: finds the letters among the small drawings and reads them by OCR (DRW-11)."""

from __future__ import annotations

from typing import Any

import numpy as np

from coordinator.modules.drawings.reading.model import BBox, DrawingReading
from coordinator.modules.drawings.reading.page import Mark, Page, Word

LETTER_MIN, LETTER_MAX = 1.5, 18.0  # points
MIN_LETTERS = 20
LETTER_POINTS = 5
OCR_SCALE = 300 / 72
OCR_MAX_SIDE_PX = 6000


def outlined_letters(marks: list[Mark], words: list[Word]) -> list[BBox]:
    """Boxes of small drawings which stand in rows like letters and which no text of the page covers."""
    boxes = np.array([mark.box for mark in marks if _letter_like(mark)], dtype=float).reshape(-1, 4)
    for word in words:
        x0, y0, x1, y1 = word.bbox
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        inside = (
            (middle[:, 0] > x0 - 1)
            & (middle[:, 0] < x1 + 1)
            & (middle[:, 1] > y0 - 1)
            & (middle[:, 1] < y1 + 1)
        )
        boxes = boxes[~inside]
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in boxes[_in_rows(boxes)].tolist()]


def _letter_like(mark: Mark) -> bool:
    width, height = mark.box[2] - mark.box[0], mark.box[3] - mark.box[1]
    size = max(width, height)
    points = sum(len(path) for path in mark.paths)
    return LETTER_MIN < size < LETTER_MAX and points >= LETTER_POINTS and min(width, height) > 0.12 * size


def _in_rows(boxes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """True for boxes with a neighbour of like size beside or over them, at a letter's distance."""
    kept = np.zeros(len(boxes), dtype=bool)
    size = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) if len(boxes) else np.zeros(0)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    for index in range(len(boxes)):
        step = np.abs(middle - middle[index]).max(axis=1)
        like = (
            (size > 0.6 * size[index])
            & (size < 1.6 * size[index])
            & (step > 0.2 * size[index])
            & (step < 1.4 * size[index])
        )
        kept[index] = like.any()
    return kept


def read_outlines(source: Any, page: Page, letters: list[BBox], reading: DrawingReading) -> list[Word]:
    """Words read by OCR where letters are drawn; empty where too few are to be letters."""
    if len(letters) < MIN_LETTERS:
        return []
    from coordinator.modules.drawings.reading.raster import read_page_image

    width, height = source.get_size()
    image = source.render(
        scale=min(OCR_SCALE, OCR_MAX_SIDE_PX / max(width, height)), grayscale=True
    ).to_numpy()
    seen = read_page_image(image, page.number, (width, height), reading)
    if seen.to_file is None or abs(seen.to_file[1]) + abs(seen.to_file[3]) > 0.01 * abs(seen.to_file[0]):
        return []
    scale = seen.to_file[0]
    found = []
    for word in seen.words:
        moved = Word(
            word.text,
            word.u0 * scale,
            word.u1 * scale,
            word.v0 * scale,
            word.v1 * scale,
            word.angle,
            word.confidence,
            "ocr",
        )
        covered = any(_overlap(moved.bbox, known.bbox) > 0.3 for known in page.words)
        if not covered and any(_overlap(letter, moved.bbox) > 0.5 for letter in letters):
            found.append(moved)
    if found:
        reading.warnings.append(f"Page {page.number} : textes dessinés lus par reconnaissance optique.")
    return found


def _overlap(inner: BBox, outer: BBox) -> float:
    """Share of a box which lies in another."""
    width = min(inner[2], outer[2]) - max(inner[0], outer[0])
    height = min(inner[3], outer[3]) - max(inner[1], outer[1])
    area = (inner[2] - inner[0]) * (inner[3] - inner[1])
    return width * height / area if width > 0 and height > 0 and area > 0 else 0.0
