"""Zones drawn on a picture: outlines in parts of its width and height, with undo. No Qt here."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Point = tuple[float, float]
SMALLEST = 0.004
"""Part of the picture below which a drag is a slip of the hand, no zone."""
_UNDO = 100


@dataclass
class Zone:
    """One outline. ``key`` says what it stands for (a place, a mask), ``name`` is what the person reads."""

    points: list[Point]
    name: str = ""
    key: Any = None
    kind: str = ""


@dataclass
class ZoneBoard:
    """The zones of a picture and what was done to them."""

    zones: list[Zone] = field(default_factory=list)
    selected: int | None = None
    is_dirty: bool = False
    _past: list[tuple[list[Zone], int | None]] = field(default_factory=list)
    _future: list[tuple[list[Zone], int | None]] = field(default_factory=list)

    def keep(self) -> None:
        """Remember the present state before it changes."""
        self._past = [*self._past, self._now()][-_UNDO:]
        self._future = []
        self.is_dirty = True

    def _now(self) -> tuple[list[Zone], int | None]:
        return copy.deepcopy(self.zones), self.selected

    def undo(self) -> bool:
        """Back by one act; whether there was one."""
        return self._step(self._past, self._future)

    def redo(self) -> bool:
        """Forward again by one act; whether there was one."""
        return self._step(self._future, self._past)

    def _step(
        self, source: list[tuple[list[Zone], int | None]], target: list[tuple[list[Zone], int | None]]
    ) -> bool:
        if not source:
            return False
        target.append(self._now())
        self.zones, self.selected = source.pop()
        self.is_dirty = True
        return True

    def add(self, points: Sequence[Point], *, kind: str = "") -> Zone | None:
        """A new zone, selected; ``None`` for what is too small to be meant or crosses itself."""
        made = [clamped(p) for p in points]
        if len(made) < 3 or area(made) < SMALLEST**2 or crosses(made):
            return None
        self.keep()
        self.zones.append(Zone(made, kind=kind))
        self.selected = len(self.zones) - 1
        return self.zones[-1]

    def add_rectangle(self, first: Point, second: Point, *, kind: str = "") -> Zone | None:
        """A rectangle between two corners."""
        (x0, y0), (x1, y1) = first, second
        if min(abs(x1 - x0), abs(y1 - y0)) < SMALLEST:
            return None
        left, right, top, bottom = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        return self.add([(left, top), (right, top), (right, bottom), (left, bottom)], kind=kind)

    def delete(self) -> Zone | None:
        """Take the selected zone away."""
        if self.selected is None:
            return None
        self.keep()
        gone = self.zones.pop(self.selected)
        self.selected = None
        return gone

    def move(self, by: Point) -> None:
        """Push the selected zone, as far as the picture goes; call :meth:`keep` at the beginning of a drag."""
        if self.selected is None:
            return
        zone = self.zones[self.selected]
        xs, ys = [p[0] for p in zone.points], [p[1] for p in zone.points]
        dx = min(max(by[0], -min(xs)), 1 - max(xs))
        dy = min(max(by[1], -min(ys)), 1 - max(ys))
        zone.points = [(x + dx, y + dy) for x, y in zone.points]

    def drag_corner(self, corner: int, to: Point) -> bool:
        """Pull a corner of the selected zone; an upright rectangle stays one. Whether it could follow."""
        if self.selected is None:
            return False
        zone = self.zones[self.selected]
        target = clamped(to)
        if is_rectangle(zone.points):
            opposite = zone.points[(corner + 2) % 4]
            if min(abs(target[0] - opposite[0]), abs(target[1] - opposite[1])) < SMALLEST:
                return False
            old = zone.points[corner]
            zone.points = [
                (target[0] if x == old[0] else x, target[1] if y == old[1] else y) for x, y in zone.points
            ]
            return True
        moved = [target if n == corner else p for n, p in enumerate(zone.points)]
        if crosses(moved) or area(moved) < SMALLEST**2:
            return False
        zone.points = moved
        return True

    def corner_at(self, at: Point, reach: Point) -> int | None:
        """Corner of the selected zone within ``reach`` (parts of width and height)."""
        if self.selected is None:
            return None
        points = self.zones[self.selected].points
        near = [
            (math.hypot((x - at[0]) / reach[0], (y - at[1]) / reach[1]), n) for n, (x, y) in enumerate(points)
        ]
        best = min(near)
        return best[1] if best[0] <= 1 else None

    def zone_at(self, at: Point) -> int | None:
        """The smallest zone around a point: one inside another can be taken too."""
        hits = [(area(z.points), n) for n, z in enumerate(self.zones) if inside(z.points, at)]
        return min(hits)[1] if hits else None


def clamped(point: Point) -> Point:
    """The point inside the picture."""
    return min(max(point[0], 0.0), 1.0), min(max(point[1], 0.0), 1.0)


def area(points: Sequence[Point]) -> float:
    """Area of an outline, in parts of the picture."""
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs)) / 2


def inside(points: Sequence[Point], at: Point) -> bool:
    """Whether a point lies within an outline (even-odd rule)."""
    found = False
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
        if (y0 > at[1]) != (y1 > at[1]) and at[0] < x0 + (at[1] - y0) * (x1 - x0) / (y1 - y0):
            found = not found
    return found


def is_rectangle(points: Sequence[Point]) -> bool:
    """Whether the outline is an upright rectangle."""
    return (
        len(points) == 4
        and len({x for x, _ in points}) == 2
        and len({y for _, y in points}) == 2
        and all(
            (a[0] == b[0]) != (a[1] == b[1]) for a, b in zip(points, [*points[1:], points[0]], strict=True)
        )
    )


def crosses(points: Sequence[Point]) -> bool:
    """Whether an outline cuts itself: such a zone has no clear inside."""
    edges = list(zip(points, [*points[1:], points[0]], strict=True))
    for n, first in enumerate(edges):
        for other in edges[n + 1 :]:
            if set(first) & set(other):
                continue
            if _cut(first[0], first[1], other[0], other[1]):
                return True
    return False


def _side(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _cut(a: Point, b: Point, c: Point, d: Point) -> bool:
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0
