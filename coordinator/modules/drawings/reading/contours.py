"""Closed outlines and circles of a DXF drawing, in mm (DRW-12)."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise
from typing import Any

from coordinator.modules.drawings.reading.model import Contour, Feature

Point = tuple[float, float]
SNAP = 3  # decimals to which end points must agree
MAX_CONTOURS = 500


def find_contours(entities: list[Any], factor: float) -> list[Contour]:
    """Closed polylines and chains of lines and arcs which close; ``factor`` converts drawing units to mm."""
    found: list[Contour] = []
    chains: dict[str, list[list[Point]]] = defaultdict(list)
    for entity in entities:
        kind = entity.dxftype()
        if kind == "LWPOLYLINE" and entity.closed:
            found.append(_contour(entity.dxf.layer, _flattened(entity), factor))
        elif kind in ("LINE", "ARC", "LWPOLYLINE", "SPLINE"):
            points = _flattened(entity)
            if len(points) > 1:
                chains[entity.dxf.layer].append(points)
    for layer, pieces in chains.items():
        found += [_contour(layer, loop, factor) for loop in _loops(pieces)]
    return sorted(found, key=lambda item: -item.area_mm2)[:MAX_CONTOURS]


def _flattened(entity: Any) -> list[Point]:
    from ezdxf.path import make_path

    return [(point.x, point.y) for point in make_path(entity).flattening(0.05)]


def _key(point: Point) -> Point:
    return round(point[0], SNAP), round(point[1], SNAP)


def _loops(pieces: list[list[Point]]) -> list[list[Point]]:
    """Chains in which every end meets exactly one other end."""
    at: dict[Point, list[int]] = defaultdict(list)
    for index, piece in enumerate(pieces):
        at[_key(piece[0])].append(index)
        at[_key(piece[-1])].append(index)
    seen: set[int] = set()
    loops: list[list[Point]] = []
    for start in range(len(pieces)):
        if start in seen:
            continue
        loop, index = list(pieces[start]), start
        seen.add(start)
        while True:
            here = at[_key(loop[-1])]
            following = [other for other in here if other not in seen]
            if len(here) != 2 or not following:
                break
            index = following[0]
            seen.add(index)
            piece = pieces[index]
            loop += piece[1:] if _key(piece[0]) == _key(loop[-1]) else piece[-2::-1]
        if len(loop) > 3 and _key(loop[0]) == _key(loop[-1]):
            loops.append(loop)
    return loops


def _contour(layer: str, points: list[Point], factor: float) -> Contour:
    ring = points if points[0] == points[-1] else [*points, points[0]]
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) / 2
    length = sum(math.dist(a, b) for a, b in pairwise(ring))
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    size = ((max(xs) - min(xs)) * factor, (max(ys) - min(ys)) * factor)
    return Contour(layer, length * factor, abs(area) * factor**2, size)


def find_hole_circles(entities: list[Any], factor: float) -> list[Feature]:
    """Circles by diameter; concentric ones are one axis and the smallest counts. A flat view cannot tell hole from boss."""
    by_centre: dict[Point, float] = {}
    for entity in entities:
        if entity.dxftype() == "CIRCLE":
            centre = _key((entity.dxf.center.x, entity.dxf.center.y))
            by_centre[centre] = min(by_centre.get(centre, math.inf), entity.dxf.radius)
    groups: dict[float, list[Point]] = defaultdict(list)
    for centre, radius in by_centre.items():
        groups[round(2 * radius * factor, 3)].append(centre)
    return [
        Feature("hole", diameter_mm=diameter, count=len(centres), confidence=0.5,
                positions_mm=[(x * factor, y * factor, 0.0) for x, y in centres])
        for diameter, centres in sorted(groups.items())
    ]  # fmt: skip
