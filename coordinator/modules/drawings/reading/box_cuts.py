"""Text boxes of OCR which run over a rule of a table are cut there: label and value stand in different cells."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from coordinator.modules.drawings.reading.ocr import Quad
from coordinator.modules.drawings.reading.page import Segment

Rule = tuple[float, float, float]

MIN_RULE_HEIGHTS = 1.5
MIN_SIDE_HEIGHTS = 0.8  # of a box as high as a frame
MAX_CELL_HEIGHTS = 4.0
MAX_SKEW_SHARE = 0.12


def cut_at_rules(boxes: list[Quad], rules: list[Segment]) -> list[Quad]:
    """Level boxes cut at the upright rules which cross their whole height; other boxes stay as they are."""
    upright = [((r.x0 + r.x1) / 2, min(r.y0, r.y1), max(r.y0, r.y1)) for r in rules if r.is_vertical]
    level = [((r.y0 + r.y1) / 2, min(r.x0, r.x1), max(r.x0, r.x1)) for r in rules if r.is_horizontal]
    return [piece for box in boxes for piece in _cut(box, upright, level)]


def _between_rows(x: float, box: tuple[float, float], level: list[Rule]) -> bool:
    """True when the rule at ``x`` meets level rules above and beneath the text: a cell, no centre line of a view."""
    (y0, y1), height = box, box[1] - box[0]
    touching = [y for y, start, end in level if start - 0.5 * height < x < end + 0.5 * height]
    over = any(y0 - MAX_CELL_HEIGHTS * height < y < y0 + 0.3 * height for y in touching)
    return over and any(y1 - 0.3 * height < y < y1 + MAX_CELL_HEIGHTS * height for y in touching)


def _is_no_stem(rule: Rule, height: float, level: list[Rule]) -> bool:
    """True for a rule longer than the text is high, and for one which stands from level rule to level rule."""
    x, top, bottom = rule
    if bottom - top > MIN_RULE_HEIGHTS * height:
        return True
    near = [y for y, start, end in level if start - 0.1 * height < x < end + 0.1 * height]
    meets = all(any(abs(y - edge) < 0.15 * height for y in near) for edge in (top, bottom))
    return bottom - top > MIN_SIDE_HEIGHTS * height and meets


def _cut(box: Quad, upright: list[Rule], level: list[Rule]) -> list[Quad]:
    (x0, y0), (x1, y1) = box.min(axis=0), box.max(axis=0)
    width, height = float(x1 - x0), float(y1 - y0)
    along = box[1] - box[0]
    if width < 2 * height or abs(along[1]) > MAX_SKEW_SHARE * abs(along[0]):
        return [box]
    cuts = sorted(
        x for x, top, bottom in upright
        if x0 + 0.4 * height < x < x1 - 0.4 * height and _is_no_stem((x, top, bottom), height, level)
        and top <= y0 + 0.15 * height and bottom >= y1 - 0.15 * height
        and _between_rows(x, (float(y0), float(y1)), level)
    )  # fmt: skip
    if not cuts:
        return [box]
    edges = [float(x0), *cuts, float(x1)]
    margin = 0.06 * height
    pieces = []
    for index, (left, right) in enumerate(pairwise(edges)):
        a = left + (margin if index else 0.0)
        b = right - (margin if index < len(edges) - 2 else 0.0)
        if b - a > 0.4 * height:
            pieces.append(np.array([(a, y0), (b, y0), (b, y1), (a, y1)], dtype=float))
    return pieces
