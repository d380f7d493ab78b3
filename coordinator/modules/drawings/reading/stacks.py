"""Small figures behind a size in an image: deviations over each other, and the degree ring (DRW-18).

Text detection takes a size and its two small deviations for one line, or overlooks the deviations. The ink itself tells
them apart: they are lower than the figures of the size and stand in rows of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import cv2
import numpy as np

from coordinator.modules.drawings.reading.model import BBox
from coordinator.modules.drawings.reading.ocr import Image, Read
from coordinator.modules.drawings.reading.ocr_text import clean_text
from coordinator.modules.drawings.reading.page import Word
from coordinator.modules.drawings.reading.strokes import turned_layer

SMALL_SHARE = 0.8
_DEVIATION = re.compile(r"^(?:0|[+\-]?\d*[.,]\d+|0[.,]0+|[+\-]\d+)$")
_SIZE = re.compile(r"^(\d{1,2}\s?[xX]\s?)?[ØR]?\d+([.,]\d+)?$")


def may_be_size(text: str) -> bool:
    """True for short texts of figures, which may hide deviations."""
    return len(text) <= 18 and re.search(r"\d", text) is not None and not re.search(r"[A-Za-z]{3}", text)


def glyph_boxes(ink: Image, box: BBox) -> list[BBox]:
    """Connected pieces of ink inside a box, left to right, cut pieces at its border left out."""
    x0, y0, x1, y1 = (max(0, round(value)) for value in box)
    part = ink[y0:y1, x0:x1]
    if part.size == 0:
        return []
    count, _, stats, _ = cv2.connectedComponentsWithStats(part, connectivity=8)
    found: list[BBox] = [
        (float(x + x0), float(y + y0), float(x + x0 + w), float(y + y0 + h))
        for x, y, w, h, area in stats[1:count]
        if area >= 6 and y > 0 and y + h < part.shape[0]
    ]
    return sorted(found)


def _rows(glyphs: list[BBox]) -> list[BBox]:
    """Join glyphs which stand side by side to rows; the tallest glyph of a row rules it."""
    rows: list[list[BBox]] = []
    for box in sorted(glyphs, key=lambda item: item[1] - item[3]):
        middle = (box[1] + box[3]) / 2
        row = next((row for row in rows if row[0][1] - 2 <= middle <= row[0][3] + 5), None)
        if row is None:
            rows.append([box])
        else:
            row.append(box)
    return [_around(row) for row in rows]


def _around(boxes: list[BBox]) -> BBox:
    return (
        min(box[0] for box in boxes), min(box[1] for box in boxes), max(box[2] for box in boxes), max(box[3] for box in boxes),
    )  # fmt: skip


def split_trailing(ink: Image, box: BBox) -> list[BBox]:
    """Cut a line box into the size and the rows of small figures behind it; empty when there are none."""
    height = box[3] - box[1]
    reach = (box[0], box[1] - 0.25 * height, box[2] + 1.8 * height, box[3] + 0.25 * height)
    glyphs = glyph_boxes(ink, reach)
    own = [g for g in glyphs if (g[0] + g[2]) / 2 < box[2]]
    if not own or len(glyphs) < 2:
        return []
    tallest = float(np.median(sorted((g[3] - g[1] for g in own), reverse=True)[:3]))
    full = [g for g in own if g[3] - g[1] >= SMALL_SHARE * tallest]
    if not full:
        return []
    end = max(g[2] for g in full)
    middle = _around(full)
    behind = _following([g for g in glyphs if g[0] >= end - 1], end, tallest)
    rows = [row for row in _rows(behind) if row[3] - row[1] >= 0.34 * tallest]
    rows = [row for row in rows if not _is_ring(row, middle)]
    if not rows:
        return []
    pad = 0.14 * tallest
    pieces = [(middle[0] - pad, middle[1] - pad, end + 0.5 * pad, middle[3] + pad)]
    pieces += [(row[0] - pad, row[1] - pad, row[2] + pad, row[3] + pad) for row in rows]
    return [(max(0.0, a), max(0.0, b), c, d) for a, b, c, d in pieces]


def _following(glyphs: list[BBox], end: float, tallest: float) -> list[BBox]:
    """Small glyphs which go on behind the size without a wide gap; a full-height one ends them."""
    found: list[BBox] = []
    for glyph in glyphs:
        if glyph[0] - end > 0.55 * tallest or glyph[3] - glyph[1] >= SMALL_SHARE * tallest:
            break
        found.append(glyph)
        end = max(end, glyph[2])
    return found


def _is_ring(row: BBox, line: BBox) -> bool:
    """A single round glyph hanging at the top of the line: the degree sign, not a deviation."""
    width, height = row[2] - row[0], row[3] - row[1]
    line_height = line[3] - line[1]
    return (
        abs(row[1] - line[1]) < 0.15 * line_height
        and height < 0.55 * line_height
        and 0.75 < width / height < 1.35
    )


def degree_at_end(ink: Image, box: BBox, text: str) -> str:
    """Write the degree sign where OCR read it as 0 or left it out."""
    if not re.fullmatch(r"(\d{1,2}\s?[xX]\s?)?\d{1,3}([.,]\d+)?[0oO°]?", text):
        return text
    glyphs = glyph_boxes(ink, box)
    tall = (
        [g for g in glyphs if g[3] - g[1] >= SMALL_SHARE * max(b[3] - b[1] for b in glyphs)] if glyphs else []
    )
    if not tall or glyphs[-1] in tall or not _is_ring(glyphs[-1], _around(tall)):
        return text
    digits = sum(char.isdigit() for char in text)
    bare = text[:-1] if text[-1] in "oO" or (text[-1] == "0" and digits > len(tall)) else text
    return bare.rstrip("°") + "°"


def complete_stacks(
    words: list[Word], ink: Image, image: Image, read: Callable[[list[Image]], list[Read]]
) -> list[Word]:
    """Read the small figures right behind a size which no word covers yet."""
    places: list[tuple[Word, BBox]] = []
    crops: list[Image] = []
    for angle in (0.0, 90.0):
        layer, picture = turned_layer(ink, angle), turned_layer(image, angle)
        if layer is None or picture is None:
            continue
        shift = layer[1]
        here = [word for word in words if word.angle == angle]
        for word in here:
            if not _SIZE.match(word.text) or word.height < 10:
                continue
            for x0, y0, x1, y1 in _unread_rows(word, here, layer[0], shift):
                pad = max(3.0, (y1 - y0) / 4)
                left, top = max(0, round(x0 - pad)), max(0, round(y0 - pad))
                crops.append(np.ascontiguousarray(picture[0][top : round(y1 + pad), left : round(x1 + pad)]))
                places.append((word, (x0 - shift, y0, x1 - shift, y1)))
    found = list(words)
    for (word, box), result in zip(places, read(crops), strict=True):
        text = clean_text(result.text).replace("O", "0")
        if result.confidence >= 0.6 and _DEVIATION.match(text):
            found.append(Word(text, box[0], box[2], box[1], box[3], word.angle, result.confidence, "ocr"))
    return found


def _unread_rows(word: Word, others: list[Word], ink: Image, shift: float) -> list[BBox]:
    height = word.height
    start = word.u1 + shift + 0.05 * height
    glyphs = glyph_boxes(ink, (start, word.v0 - 0.7 * height, start + 3.4 * height, word.v1 + 0.7 * height))
    small = []
    for box in glyphs:
        u, v = (box[0] + box[2]) / 2 - shift, (box[1] + box[3]) / 2
        known = any(o.u0 <= u <= o.u1 and o.v0 <= v <= o.v1 for o in others)
        if not known and box[3] - box[1] <= 0.85 * height and box[2] - box[0] <= 0.8 * height:
            small.append(box)
    return [row for row in _rows(small) if row[3] - row[1] >= 0.3 * height and row[0] - start < 1.2 * height]
