"""Which weld a small drawing on a reference line stands for (elementary symbols of ISO 2553 and AWS A2.4). Pure geometry.

Points are (u, v): u along the reference line, v away from it on the side of the symbol. Sizes do not matter, only proportions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Point = tuple[float, float]
Chain = Sequence[Point]

CORNER_DEG = 40.0
ARC_DEG = 25.0
RING_DEG = 300.0
NEAR = 0.15
"""Share of the symbol's height within which points are one place."""
MIN_WIDTH, MAX_WIDTH = 0.15, 4.5
EQUAL_ARMS = 1.3


@dataclass(frozen=True)
class _Line:
    low: Point
    high: Point

    @property
    def is_upright(self) -> bool:
        return abs(self.high[0] - self.low[0]) <= NEAR * (self.high[1] - self.low[1])

    @property
    def is_level(self) -> bool:
        return self.high[1] - self.low[1] <= NEAR * abs(self.high[0] - self.low[0])


@dataclass(frozen=True)
class _Arc:
    points: tuple[Point, ...]

    @property
    def low(self) -> Point:
        return min(self.points[0], self.points[-1], key=lambda p: p[1])

    @property
    def high(self) -> Point:
        return max(self.points[0], self.points[-1], key=lambda p: p[1])

    @property
    def middle(self) -> Point:
        return self.points[len(self.points) // 2]


@dataclass
class _Parts:
    """Strokes of a symbol by kind, its foot at v = 0 and its height 1."""

    uprights: list[_Line] = field(default_factory=list)
    levels: list[_Line] = field(default_factory=list)
    slanted: list[_Line] = field(default_factory=list)
    arcs: list[_Arc] = field(default_factory=list)
    rings: list[_Arc] = field(default_factory=list)


def classify(chains: Sequence[Chain]) -> str | None:
    """Name of the weld the strokes draw, None where they draw none of the known ones."""
    points = [point for chain in chains for point in chain]
    if len(points) < 3:
        return None
    us, vs = [u for u, _ in points], [v for _, v in points]
    height, width = max(vs) - min(vs), max(us) - min(us)
    if height <= 0 or not MIN_WIDTH <= width / height <= MAX_WIDTH:
        return None
    parts = _parts([[((u - min(us)) / height, (v - min(vs)) / height) for u, v in chain] for chain in chains])
    count = len(parts.uprights), len(parts.slanted), len(parts.arcs), len(parts.rings)
    rule = _RULES.get(count)
    if rule is None and count[:2] == (0, 0) and count[3] == 0 and count[2] > 2:
        rule = _humps
    return rule(parts) if rule is not None else None


def _parts(chains: Sequence[Chain]) -> _Parts:
    parts = _Parts()
    for chain in chains:
        for piece in _pieces(chain):
            turned = _turning(piece)
            if turned > RING_DEG:
                parts.rings.append(_Arc(tuple(piece)))
            elif turned > ARC_DEG:
                parts.arcs.append(_Arc(tuple(piece)))
            else:
                low, high = sorted((piece[0], piece[-1]), key=lambda p: p[1])
                line = _Line(low, high)
                if math.dist(low, high) < 0.1:
                    continue
                kind = parts.uprights if line.is_upright else parts.levels if line.is_level else parts.slanted
                kind.append(line)
    parts.uprights.sort(key=lambda line: line.low[0])
    parts.slanted.sort(key=lambda line: line.low[0] + line.high[0])
    parts.arcs.sort(key=lambda arc: arc.low[0] + arc.high[0])
    return parts


def _pieces(chain: Chain) -> list[list[Point]]:
    """The chain cut at its corners; points which repeat left out."""
    points = [chain[0]]
    for point in chain[1:]:
        if math.dist(point, points[-1]) > 0.01:
            points.append(point)
    if len(points) < 2:
        return []
    pieces = [[points[0], points[1]]]
    for a, b, c in zip(points, points[1:], points[2:], strict=False):
        if abs(_turn(a, b, c)) > CORNER_DEG:
            pieces.append([b])
        pieces[-1].append(c)
    return pieces


def _turn(a: Point, b: Point, c: Point) -> float:
    before, after = math.atan2(b[1] - a[1], b[0] - a[0]), math.atan2(c[1] - b[1], c[0] - b[0])
    return (math.degrees(after - before) + 180) % 360 - 180


def _turning(points: Sequence[Point]) -> float:
    turned = abs(sum(_turn(a, b, c) for a, b, c in zip(points, points[1:], points[2:], strict=False)))
    closed = len(points) > 6 and math.dist(points[0], points[-1]) < 0.1
    return 360.0 if closed and turned > 250 else turned


def _near(a: Point, b: Point) -> bool:
    return math.dist(a, b) < NEAR


def _joined_on_top(parts: _Parts) -> bool:
    return any(line.low[1] > 1 - NEAR for line in parts.levels)


def _square(parts: _Parts) -> str | None:
    left, right = parts.uprights
    full = all(line.low[1] < NEAR and line.high[1] > 1 - NEAR for line in (left, right))
    if not full:
        return None
    top = [line for line in parts.levels if line.low[1] > 1 - NEAR]
    if top:
        return "plug"
    # A trough open above is the sign of a counterbore.
    return "square" if not parts.levels and right.low[0] - left.low[0] < 1.2 else None


def _edge(parts: _Parts) -> str | None:
    return "edge" if all(line.low[1] < NEAR and line.high[1] > 1 - NEAR for line in parts.uprights) else None


def _groove(parts: _Parts) -> str | None:
    """Two slanted strokes: a V, a V with steep flanks, or a stake."""
    left, right = parts.slanted
    arms = [math.dist(line.low, line.high) for line in (left, right)]
    opening = left.high[0] < left.low[0] + 0.02 and right.high[0] > right.low[0] - 0.02
    if not opening or max(arms) > EQUAL_ARMS * min(arms) or left.low[1] > NEAR or right.low[1] > NEAR:
        return None
    if _joined_on_top(parts):
        return "stake" if _near(left.low, right.low) else None
    if _near(left.low, right.low):
        return "v" if not parts.levels else None
    return "steep_v" if right.low[0] - left.low[0] < 1.5 else None


def _broad_root(parts: _Parts) -> str | None:
    left, right = parts.slanted
    (stem,) = parts.uprights
    meets = _near(left.low, right.low) and _near(stem.high, left.low)
    arms = [math.dist(line.low, line.high) for line in (left, right)]
    return (
        "y"
        if meets and stem.low[1] < NEAR and max(arms) <= EQUAL_ARMS * min(arms) and not parts.levels
        else None
    )


def _bevel(parts: _Parts) -> str | None:
    """One upright and one slanted stroke: fillet, bevel, bevel with a broad root face or with a steep flank."""
    (wall,), (arm,) = parts.uprights, parts.slanted
    if wall.low[1] > NEAR or wall.high[1] < 1 - NEAR:
        return None
    if _near(arm.high, wall.high) and arm.low[1] < NEAR:
        return "fillet" if 0.5 < abs(arm.low[0] - wall.low[0]) < 2 else None
    if arm.high[1] < 1 - NEAR or _joined_on_top(parts):
        return None
    beside = abs(arm.low[0] - wall.low[0])
    if abs(arm.high[0] - wall.low[0]) < beside + 0.05:
        return None
    if arm.low[1] < NEAR:
        return "bevel" if beside < NEAR else "steep_bevel"
    return "bevel_y" if beside < NEAR and arm.low[1] < 0.8 else None


def _curved_bevel(parts: _Parts) -> str | None:
    """An upright with a curve: U on its stem, J, or a flare against a wall."""
    (wall,), (arc,) = parts.uprights, parts.arcs
    if arc.low[1] > 1 - 2 * NEAR and arc.middle[1] < arc.low[1] - 0.2:
        under = abs(wall.low[0] - arc.middle[0]) < 0.25
        return "u" if under and wall.low[1] < NEAR and wall.high[1] < 0.8 else None
    if wall.low[1] > NEAR or arc.high[1] < 1 - NEAR:
        return None
    if abs(arc.low[0] - wall.low[0]) < NEAR and arc.low[1] > NEAR:
        return "j"
    return (
        "flare_bevel"
        if arc.low[1] < NEAR and abs(arc.high[0] - wall.low[0]) > abs(arc.low[0] - wall.low[0])
        else None
    )


def _hump(parts: _Parts) -> str | None:
    (arc,) = parts.arcs
    return "back_run" if arc.high[1] < NEAR and arc.middle[1] > 1 - NEAR else None


def _humps(parts: _Parts) -> str | None:
    if all(arc.high[1] < NEAR and arc.middle[1] > 0.7 for arc in parts.arcs):
        return "surfacing"
    if len(parts.arcs) != 2:
        return None
    left, right = parts.arcs
    if any(arc.low[1] > NEAR or arc.high[1] < 1 - NEAR for arc in (left, right)):
        return None
    foot, head = right.low[0] - left.low[0], right.high[0] - left.high[0]
    return "flare_v" if foot < head - 0.3 else "flanged" if head < foot - 0.3 else None


def _round(parts: _Parts) -> str | None:
    (ring,) = parts.rings
    us, vs = [u for u, _ in ring.points], [v for _, v in ring.points]
    if max(us) - min(us) > 1.3 * (max(vs) - min(vs)):
        return None
    if not parts.levels:
        return "spot"
    across = [line for line in parts.levels if min(vs) < line.low[1] < max(vs)]
    return "seam" if 1 <= len(across) == len(parts.levels) <= 2 else None


_RULES = {
    (2, 0, 0, 0): _square, (3, 0, 0, 0): _edge, (0, 2, 0, 0): _groove, (1, 2, 0, 0): _broad_root,
    (1, 1, 0, 0): _bevel, (1, 0, 1, 0): _curved_bevel, (0, 0, 1, 0): _hump, (0, 0, 2, 0): _humps,
    (0, 0, 0, 1): _round,
}  # fmt: skip
"""By the number of uprights, slanted strokes, arcs and rings."""


def chains_of(segments: Sequence[tuple[Point, Point]]) -> list[list[Point]]:
    """Polylines of consecutive strokes which continue each other."""
    chains: list[list[Point]] = []
    for start, end in segments:
        if chains and math.dist(chains[-1][-1], start) < 1e-6:
            chains[-1].append(end)
        else:
            chains.append([start, end])
    return chains


def strokes_of(points: Chain) -> list[tuple[Point, Point]]:
    """The strokes of a polyline."""
    return list(pairwise(points))
