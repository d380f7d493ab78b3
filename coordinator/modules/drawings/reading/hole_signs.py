"""Signs of hole call-outs in scans which recognition does not know: counterbore ⌴ and depth ↧, told by their strokes (DRW-21)."""

from __future__ import annotations

from typing import Any

import numpy as np

from coordinator.modules.drawings.reading.crops import Line
from coordinator.modules.drawings.reading.model import BBox

_Ink = np.ndarray[Any, np.dtype[np.bool_]]

EDGE = 0.18  # share of a glyph which its outer strokes take
FULL = 0.8
CLEAR = 0.08


def find_hole_signs(line: Line) -> list[tuple[BBox, str]]:
    """Boxes of ⌴ and ↧ among the glyphs of a line, from left to right."""
    found = []
    for glyph in line.own():
        width, height = glyph[2] - glyph[0], glyph[3] - glyph[1]
        if not 0.4 * line.cap < height < 1.4 * line.cap or not 0.4 < width / height < 3:
            continue
        sign = _sign_of(_ink_of(line, glyph), width / height)
        if sign is not None:
            found.append((glyph, sign))
    return found


def _ink_of(line: Line, glyph: BBox) -> _Ink:
    x0, y0 = round(glyph[0]) - line.origin[0], round(glyph[1]) - line.origin[1]
    x1, y1 = round(glyph[2]) - line.origin[0], round(glyph[3]) - line.origin[1]
    part = line.picture[max(0, y0) : y1, max(0, x0) : x1]
    if part.size == 0:
        return np.zeros((1, 1), bool)
    low, high = np.percentile(part, (5, 95))
    ink: _Ink = part < (low + high) / 2
    return ink


def _sign_of(ink: _Ink, broad: float) -> str | None:
    rows, columns = ink.shape
    if rows < 8 or columns < 6:
        return None
    edge_v, edge_h = max(2, round(EDGE * rows)), max(2, round(EDGE * columns))
    if broad > 1.2 and _is_counterbore(ink, edge_v, edge_h):
        return "⌴"
    if 0.4 < broad < 1.1 and _is_depth(ink, edge_v):
        return "↧"
    return None


def _is_counterbore(ink: _Ink, edge_v: int, edge_h: int) -> bool:
    """A floor and two walls, nothing between them."""
    walls = [strip.any(axis=1).mean() for strip in (ink[:, :edge_h], ink[:, -edge_h:])]
    floor = ink[-edge_v:].any(axis=0).mean()
    inside = ink[: -edge_v - 1, edge_h + 1 : -edge_h - 1]
    return bool(min(walls) > FULL and floor > 0.9 and inside.size and inside.mean() < CLEAR)


def _is_depth(ink: _Ink, edge_v: int) -> bool:
    """A bar over an arrow: stem in the middle, free sides under the bar, and barbs at its foot."""
    rows, columns = ink.shape
    bar = ink[:edge_v].any(axis=0).mean()
    middle = columns // 2
    reach = max(1, round(0.14 * columns))
    stem = ink[:, middle - reach : middle + reach + 1].any(axis=1).mean()
    upper = ink[edge_v + 1 : round(0.5 * rows)]
    side = round(0.3 * columns)
    free = max(upper[:, :side].mean(), upper[:, -side:].mean()) if upper.size else 1.0
    # The serifs of a T stand at its very foot, the barbs of an arrow over it.
    barbs = ink[round(0.55 * rows) : rows - edge_v]
    left, right = barbs[:, : middle - reach].any(), barbs[:, middle + reach + 1 :].any()
    spread = barbs.any(axis=0).mean()
    foot = ink[-edge_v:].any(axis=0).mean()
    return bool(
        bar > FULL and stem > 0.9 and free < CLEAR and left and right and spread > 0.45 and foot < 0.7
    )
