"""Drafting signs drawn as strokes instead of text: CAD systems draw Ø, ± and ° that way in PDF files."""

from __future__ import annotations

import math
from dataclasses import dataclass

from coordinator.modules.drawings.reading.model import BBox

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Symbol:
    """A recognised sign and its box in page coordinates."""

    text: str
    bbox: BBox


def recognise_symbol(subpaths: list[Points]) -> Symbol | None:
    """Tell which sign a small path draws: a circle crossed by a line is Ø, two level lines and an upright one ±."""
    points = [point for path in subpaths for point in path]
    if len(points) < 4:
        return None
    xs, ys = [x for x, _ in points], [y for _, y in points]
    box = (min(xs), min(ys), max(xs), max(ys))
    lines = [path for path in subpaths if len(path) == 2]
    rings = [path for path in subpaths if len(path) >= 8]
    if len(rings) == 1 and len(lines) == 1 and len(subpaths) == 2 and _is_circle(rings[0]):
        return Symbol("Ø", box) if _crosses_centre(rings[0], lines[0]) else None
    if len(lines) == 3 and len(subpaths) == 3 and _is_plus_minus(lines):
        return Symbol("±", box)
    if len(rings) == 1 and len(subpaths) == 1 and _is_circle(rings[0]):
        return Symbol("°", box)
    return None


def _centre(ring: Points) -> tuple[float, float, float]:
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    x, y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    return x, y, sum(math.hypot(px - x, py - y) for px, py in ring) / len(ring)


def _is_circle(ring: Points) -> bool:
    x, y, radius = _centre(ring)
    closed = math.dist(ring[0], ring[-1]) < 0.5 * radius
    return (
        radius > 0
        and closed
        and all(abs(math.hypot(px - x, py - y) - radius) < 0.12 * radius for px, py in ring)
    )


def _crosses_centre(ring: Points, line: Points) -> bool:
    x, y, radius = _centre(ring)
    (x0, y0), (x1, y1) = line
    middle = math.hypot((x0 + x1) / 2 - x, (y0 + y1) / 2 - y)
    return math.dist(*line) > 1.8 * radius and middle < 0.35 * radius


def _is_plus_minus(lines: list[Points]) -> bool:
    angles = [math.atan2(b[1] - a[1], b[0] - a[0]) % math.pi for a, b in lines]
    lengths = [math.dist(a, b) for a, b in lines]
    if max(lengths) > 1.6 * min(lengths):
        return False

    def apart(one: float, two: float) -> float:
        difference = abs(one - two) % math.pi
        return min(difference, math.pi - difference)

    for odd in range(3):
        a, b = (index for index in range(3) if index != odd)
        square = (
            apart(angles[a], angles[b]) < 0.05 and abs(apart(angles[odd], angles[a]) - math.pi / 2) < 0.05
        )
        # The upright stroke stands over the middle of both level ones; at their ends it makes a ⌴ or a box.
        if square and all(_along(lines[odd], lines[i]) < 0.25 * lengths[i] for i in (a, b)):
            return True
    return False


def _along(upright: Points, level: Points) -> float:
    """How far the middle of one stroke stands from the middle of another, measured along the other."""
    (x0, y0), (x1, y1) = level
    length = math.dist(*level) or 1.0
    dx = (upright[0][0] + upright[1][0] - x0 - x1) / 2
    dy = (upright[0][1] + upright[1][1] - y0 - y1) / 2
    return abs(dx * (x1 - x0) + dy * (y1 - y0)) / length
