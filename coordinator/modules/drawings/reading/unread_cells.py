"""Values which text detection overlooks in the cells of a title block: a lone letter, "1/1", pale figures (DRW-16)."""

from __future__ import annotations

import cv2
import numpy as np

from coordinator.modules.drawings.reading.cells import Grid, contains
from coordinator.modules.drawings.reading.labels import is_label_word
from coordinator.modules.drawings.reading.model import BBox
from coordinator.modules.drawings.reading.ocr import Image, Quad
from coordinator.modules.drawings.reading.page import Page, Word

MARGIN = 0.25  # of the label's height, kept free along the rules of a cell
LEAST_LETTER = 0.65  # in heights of the label
TALLEST_LETTER = 3.0
MAX_OF_CELL = 0.62  # projection symbols and logos fill their cells
MAX_CELL_WIDTHS = 0.8
MIN_CONFIDENCE = 0.8
MAX_CELLS = 40
LONGER_STROKES = 1.3


def find_unread_values(page: Page, clear: Image) -> list[Quad]:
    """Boxes around ink of the size of letters in cells which hold a label and no other text.

    ``clear`` is the ink (255 on 0) without ruled lines.
    """
    grid = Grid(page)
    found: list[Quad] = []
    cells = 0
    for label in page.words:
        if label.angle or not is_label_word(label.text):
            continue
        x0, y0, x1, y1 = label.bbox
        # Strokes of the letters which nobody read yet are longer than those of the small label.
        cell = grid.cell((x0 + x1) / 2, (y0 + y1) / 2, LONGER_STROKES * label.height)
        if cell is None or any(_lies_in(word, cell) for word in page.words if word is not label):
            continue
        cells += 1
        if cells > MAX_CELLS:
            break
        found += _letters_in(clear, cell, label)
    return found


def _lies_in(word: Word, cell: BBox) -> bool:
    x0, y0, x1, y1 = word.bbox
    return contains(cell, (x0 + x1) / 2, (y0 + y1) / 2)


def _letters_in(clear: Image, cell: BBox, label: Word) -> list[Quad]:
    """One box for the letters which stand beside each other in the cell, apart from the label."""
    pad = MARGIN * label.height
    left, top = round(cell[0] + pad), round(cell[1] + pad)
    right, bottom = round(cell[2] - pad), round(cell[3] - pad)
    if right - left < label.height or bottom - top < label.height:
        return []
    part = clear[top:bottom, left:right].copy()
    x0, y0, x1, y1 = label.bbox
    grow = 0.3 * label.height
    part[
        max(0, round(y0 - grow - top)) : max(0, round(y1 + grow - top)),
        max(0, round(x0 - grow - left)) : max(0, round(x1 + 2 * grow - left)),
    ] = 0
    count, _, stats, _ = cv2.connectedComponentsWithStats(part, connectivity=8)
    high = cell[3] - cell[1]
    tall = min(TALLEST_LETTER * label.height, MAX_OF_CELL * high)
    letters = [
        (x, y, x + w, y + h)
        for x, y, w, h, area in stats[1:count].tolist()
        if LEAST_LETTER * label.height <= h <= tall and w <= 2.5 * h and area > 0.08 * w * h
    ]
    if not letters:
        return []
    box = np.array(letters)
    a, b, c, d = (
        int(box[:, 0].min()), int(box[:, 1].min()), int(box[:, 2].max()), int(box[:, 3].max()),
    )  # fmt: skip
    if d - b > tall or c - a > MAX_CELL_WIDTHS * (cell[2] - cell[0]):
        return []
    margin = 0.2 * (d - b)
    x0, y0, x1, y1 = left + a - margin, top + b - margin, left + c + margin, top + d + margin
    return [np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=float)]
