"""The projection symbol of ISO 5456-2: a truncated cone beside two circles on one axis (DRW-17)."""

from __future__ import annotations

import math
from typing import Literal

from coordinator.modules.drawings.reading.model import BBox
from coordinator.modules.drawings.reading.page import Page, Segment, union_box

MIN_ROUND_POINTS = 4
MAX_SIZE_SHARE = 0.08


def find_projection_symbol(page: Page) -> tuple[Literal["first", "third"], BBox] | None:
    """Method and place of the symbol. First angle: the small end of the cone points away from the circles."""
    limit = MAX_SIZE_SHARE * max(page.width, page.height)
    circles = [circle for circle in _circles(page) if circle[2] < limit]
    for x, y, radius in circles:
        inner = [
            c
            for c in circles
            if math.dist(c[:2], (x, y)) < 0.25 * radius and 0.25 * radius < c[2] < 0.8 * radius
        ]
        if not inner:
            continue
        cone = _cone(page.segments, x, y, radius)
        if cone is not None:
            small_x, big_x, box = cone
            first = abs(small_x - x) > abs(big_x - x)
            return ("first" if first else "third"), union_box(
                [box, (x - radius, y - radius, x + radius, y + radius)]
            )
    return None


def _circles(page: Page) -> list[tuple[float, float, float]]:
    found = []
    for mark in page.marks:
        for path in mark.paths:
            xs, ys = [p[0] for p in path], [p[1] for p in path]
            width, height = max(xs) - min(xs), max(ys) - min(ys)
            if len(path) < MIN_ROUND_POINTS or width <= 0 or abs(width - height) > 0.06 * width:
                continue
            centre, radius = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2), width / 2
            # Control points of curves stand outside; no point of a circle stands well inside.
            if all(0.9 * radius < math.dist(point, centre) < 1.25 * radius for point in path):
                found.append((*centre, radius))
    return found


def _cone(segments: list[Segment], x: float, y: float, radius: float) -> tuple[float, float, BBox] | None:
    """Two upright strokes of unlike length, centred on the axis, joined by two slanted ones: (x small, x big, box)."""
    near = [
        s
        for s in segments
        if s.length < 6 * radius
        and 0.8 * radius < abs((s.x0 + s.x1) / 2 - x) < 6 * radius
        and abs((s.y0 + s.y1) / 2 - y) < 1.2 * radius
    ]
    upright = [
        s
        for s in near
        if s.is_vertical
        and abs((s.y0 + s.y1) / 2 - y) < 0.3 * radius
        and 0.5 * radius < s.length < 2.6 * radius
    ]
    slanted = [s for s in near if not s.is_vertical and not s.is_horizontal]
    for small in upright:
        for big in upright:
            gap = abs(small.x0 - big.x0)
            if not (small.length < 0.85 * big.length and 0.8 * radius < gap < 5 * radius):
                continue
            lo, hi = sorted((small.x0, big.x0))
            sides = [
                s
                for s in slanted
                if abs(min(s.x0, s.x1) - lo) < 0.3 * radius and abs(max(s.x0, s.x1) - hi) < 0.3 * radius
            ]
            if len(sides) >= 2 and not lo < x < hi:
                return small.x0, big.x0, (lo, y - big.length / 2, hi, y + big.length / 2)
    return None
