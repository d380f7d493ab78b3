"""Figures written so close over each other that their ink touches: cut at the palest row between them (DRW-18).

Glyphs of touching rows are one piece of ink, so that rows cannot be told by glyphs. What tells them: behind a size stands a
part taller than the size, centred on it, with a pale row across its middle.
"""

from __future__ import annotations

import numpy as np

from coordinator.modules.drawings.reading.crops import Line, Stacked, around, chain_of
from coordinator.modules.drawings.reading.model import BBox

MAX_BARE_VALLEY = 0.45  # ink of the palest row by that of the darkest row beside it
MAX_GAP = 1.0  # in letter heights
LEAST_ROW = 0.36
OFF_CENTRE = 0.3
BOTH_ROWS = 1.09
ONE_ROW = 0.85
POINT = 0.35
PILE_HEIGHTS = (1.07, 2.5)
LIMIT_HEIGHTS = (1.3, 2.7)
TALLEST = 2.7
MIDDLE = (0.41, 0.6)
FIRST_SIGNS = 3


def find_piles(line: Line) -> list[Stacked]:
    """Sizes with two close rows behind them, or two touching limits: guesses which their texts have to prove."""
    glyphs = [g for g in chain_of(line, TALLEST) if not line.is_dash(g)]
    while glyphs and _is_flat(max(glyphs, key=lambda g: g[2]), line.cap):
        # Arrows and ends of dimension lines: no row ends with a minus.
        glyphs.remove(max(glyphs, key=lambda g: g[2]))
    clusters = _clusters(glyphs)
    if not clusters:
        return []
    limits = _bare_limits(line, glyphs)
    return _behind_size(line, clusters) or ([] if limits is None else [limits])


def _is_flat(glyph: BBox, cap: float) -> bool:
    width, height = glyph[2] - glyph[0], glyph[3] - glyph[1]
    return height < 0.4 * cap and width > 1.8 * height


def _behind_size(line: Line, clusters: list[list[BBox]]) -> list[Stacked]:
    """The last columns which hold no sign of the size's own height."""
    heights = [around(cluster)[3] - around(cluster)[1] for cluster in clusters]
    first = [height for height in heights[:FIRST_SIGNS] if height >= 0.6 * max(heights[:FIRST_SIGNS])]
    cap = float(np.median(first))
    middle = float(np.median([(c[1] + c[3]) / 2 for c in map(around, clusters[:FIRST_SIGNS])]))

    def is_point(glyph: BBox) -> bool:
        return max(glyph[3] - glyph[1], glyph[2] - glyph[0]) < POINT * cap

    def of_rows(glyph: BBox) -> bool:
        tall, low = glyph[3] - glyph[1], (glyph[1] + glyph[3]) / 2 - middle
        return is_point(glyph) or tall > BOTH_ROWS * cap or (tall < ONE_ROW * cap and abs(low) > 0.12 * cap)

    start = len(clusters)
    while start > 1 and all(of_rows(glyph) for glyph in clusters[start - 1]):
        start -= 1
    while start < len(clusters) and all(is_point(glyph) for glyph in clusters[start]):
        start += 1
    starts = [start]
    if not any(height > BOTH_ROWS * cap for height in heights[start:]):
        # A plus over a nought is hardly taller than a figure; figures of one row stand behind it.
        figures = [g for cluster in clusters[start:] for g in cluster if g[3] - g[1] >= LEAST_ROW * cap]
        starts = [start, start - 1] if len(figures) > 1 else []
    found = (_rows_behind(line, clusters[:at], clusters[at:], cap, middle) for at in starts)
    return [stacked for stacked in found if stacked is not None]


def _rows_behind(
    line: Line, before: list[list[BBox]], behind: list[list[BBox]], cap: float, middle: float
) -> Stacked | None:
    size = [g for cluster in before for g in cluster if abs((g[1] + g[3]) / 2 - middle) < 0.7 * cap]
    if not size or not behind:
        return None
    pile = around([glyph for cluster in behind for glyph in cluster])
    centred = abs((pile[1] + pile[3]) / 2 - middle) < OFF_CENTRE * cap
    fits = PILE_HEIGHTS[0] * cap < pile[3] - pile[1] < PILE_HEIGHTS[1] * cap
    if not centred or not fits or pile[0] - around(size)[2] > MAX_GAP * cap:
        return None
    return _cut(line, around(size), pile, 1.0, cap)


def _bare_limits(line: Line, glyphs: list[BBox]) -> Stacked | None:
    whole = around(glyphs)
    height, row = whole[3] - whole[1], 0.72 * (line.box[3] - line.box[1])
    covered = whole[1] > line.box[1] - 0.1 * row and whole[3] < line.box[3] + 0.1 * row
    tall = covered or LIMIT_HEIGHTS[0] * row < height < LIMIT_HEIGHTS[1] * row
    touching = any(glyph[3] - glyph[1] > 0.75 * height for glyph in glyphs)
    if not tall or not touching or whole[2] - whole[0] < 0.8 * height:
        return None
    return _cut(line, None, whole, MAX_BARE_VALLEY, height / 2)


def _clusters(glyphs: list[BBox]) -> list[list[BBox]]:
    """Glyphs which share columns."""
    clusters: list[list[BBox]] = []
    end = float("-inf")
    for glyph in glyphs:
        if glyph[0] < end:
            clusters[-1].append(glyph)
        else:
            clusters.append([glyph])
        end = max(end, glyph[2])
    return clusters


def _cut(line: Line, size: BBox | None, pile: BBox, most: float, cap: float) -> Stacked | None:
    """The two rows of a pile; None where no row between them is pale enough."""
    x0, y0, x1, y1 = (round(v - o) for v, o in zip(pile, (*line.origin, *line.origin), strict=True))
    part = line.picture[max(0, y0) : y1, max(0, x0) : x1].astype(np.float32)
    if part.shape[0] < 8 or part.shape[1] < 4:
        return None
    ink = np.clip(np.percentile(line.picture, 90) - part, 0, None)
    rows = ink.sum(axis=1)
    start, end = (round(share * len(rows)) for share in MIDDLE)
    waist = start + int(np.argmin(rows[start:end]))
    beside = float(min(rows[:waist].max(), rows[waist + 1 :].max()))
    if beside <= 0 or rows[waist] > most * beside:
        return None
    edges = []
    for a, b in ((0, waist), (waist + 1, len(rows))):
        columns = np.flatnonzero(ink[a:b].max(axis=0) > 0.4 * ink.max())
        if b - a < LEAST_ROW * cap or not len(columns):
            return None
        edges.append((pile[0] + columns[0], pile[1] + a, pile[0] + columns[-1] + 1, pile[1] + b))
    top, bottom = ((float(e[0]), float(e[1]), float(e[2]), float(e[3])) for e in edges)
    return Stacked(size, top, bottom, touching=True)
