"""Outline of a turned model: revolved segments, what is not round beyond them (flats), recesses inside its bore."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from coordinator.modules.quoting.engine.part import Feature, Vector

Points = tuple[tuple[float, float], ...]
_NEAR_MM = 0.1
_HEXAGON = math.sqrt(3) / 2


@dataclass(frozen=True, slots=True)
class Outline:
    """Outside as (z, Ø) points, the turning axis, and the features that the revolved segments alone do not tell."""

    points: Points | None
    axis: Vector
    features: tuple[Feature, ...] = ()


def outline(entry: Any, bosses: Sequence[Mapping[str, Any]] = ()) -> Outline:
    """Outline of the reader's profile (or of a plain list of points).

    Where the outside is not round over a length (hexagon, square), the bar still has to enclose it: the outline goes on at
    the circle around that boss, and its flats become features.
    """
    axis = (0.0, 0.0, 1.0)
    if not entry:
        return Outline(None, axis)
    if not isinstance(entry, Mapping):
        return Outline(tuple((float(z), float(d)) for z, d in entry), axis)
    x, y, z = entry.get("axis") or axis
    axis = (float(x), float(y), float(z))
    points: list[tuple[float, float]] = []
    for s in sorted(entry.get("outer") or [], key=lambda s: (min(s["z0_mm"], s["z1_mm"]), s["z1_mm"])):
        ends = sorted(((s["z0_mm"], s["r0_mm"]), (s["z1_mm"], s["r1_mm"])), key=lambda e: e[0])
        points += [(float(z), 2 * float(r)) for z, r in ends]
    if not points:
        return Outline(None, axis)
    length, largest = entry.get("length_mm"), entry.get("max_diameter_mm")
    flats: list[Feature] = []
    if length and largest:
        points, flats = _closed(points, float(length), float(largest), axis, bosses)
    return Outline(tuple(points), axis, (*flats, *_recesses(entry, axis)))


def _closed(
    points: list[tuple[float, float]],
    length: float,
    largest: float,
    axis: Vector,
    bosses: Sequence[Mapping[str, Any]],
) -> tuple[list[tuple[float, float]], list[Feature]]:
    """Fill the lengths without a round outside, at both ends and between."""
    missing = [(points[i][0], points[i + 1][0], i + 1) for i in range(1, len(points) - 1, 2)]
    spans = [(0.0, points[0][0], 0), *missing, (points[-1][0], length, len(points))]
    found, flats = list(points), list[Feature]()
    for z0, z1, at in sorted(spans, key=lambda s: -s[2]):
        if z1 - z0 <= _NEAR_MM:
            continue
        around, own = _around(z1 - z0, largest, axis, bosses)
        found[at:at] = [(z0, around), (z1, around)]
        flats += own
    return found, flats


def _around(
    length: float, largest: float, axis: Vector, bosses: Sequence[Mapping[str, Any]]
) -> tuple[float, list[Feature]]:
    """Circle around a length that is not round, with its flats if a boss of that length tells them."""
    across_axis = _square_to(axis)
    for boss in bosses:
        depth, a, b = (boss.get(k) for k in ("depth_mm", "length_mm", "width_mm"))
        if not (depth and a and b) or abs(float(depth) - length) > _NEAR_MM:
            continue
        wide, narrow = max(float(a), float(b)), min(float(a), float(b))
        hexagon = abs(narrow / wide - _HEXAGON) < 0.005
        around = min(wide if hexagon else math.hypot(wide, narrow), largest)
        sides = ((narrow, 6),) if hexagon else ((wide, 2), (narrow, 2))
        flats = [
            Feature(
                "flat",
                diameter_mm=around,
                depth_mm=(around - size) / 2,
                length_mm=length,
                axis=across_axis,
                count=count,
            )
            for size, count in sides
            if around - size > 0.02
        ]
        return around, flats
    return largest, []


def _square_to(axis: Vector) -> Vector:
    main = max(range(3), key=lambda i: abs(axis[i]))
    x, y, z = ((1.0 if i == (main + 1) % 3 else 0.0) for i in range(3))
    return x, y, z


def _recesses(entry: Mapping[str, Any], axis: Vector) -> list[Feature]:
    """Places of the bore wider than both their neighbours: internal grooves and recesses."""
    inner = sorted(entry.get("inner") or [], key=lambda s: min(s["z0_mm"], s["z1_mm"]))
    found = []
    for i in range(1, len(inner) - 1):
        before, own, after = inner[i - 1 : i + 2]
        radius = min(own["r0_mm"], own["r1_mm"])
        mouth = max(before["r0_mm"], before["r1_mm"], after["r0_mm"], after["r1_mm"])
        width = abs(own["z1_mm"] - own["z0_mm"])
        if radius > mouth + 0.05 and width > 0.05 and abs(before["z1_mm"] - own["z0_mm"]) < _NEAR_MM:
            found.append(
                Feature(
                    "internal_groove",
                    diameter_mm=2 * radius,
                    depth_mm=radius - mouth,
                    width_mm=width,
                    axis=axis,
                    is_coaxial=True,
                )
            )
    return found


def face_recesses(entry: Any, features: Sequence[Feature]) -> list[Feature]:
    """A wider mouth of the bore that no hole of the model tells: an annular groove or recess in the end face."""
    inner = sorted((entry.get("inner") or []) if isinstance(entry, Mapping) else [], key=lambda s: s["z0_mm"])
    told = [s.diameter_mm for f in features if f.is_coaxial for s in f.steps]
    found = []
    pairs = list(pairwise(inner))
    ends = [(a, b) for a, b in (pairs[:1] + [(b, a) for a, b in pairs[-1:]])]
    for own, inward in ends:
        wide, narrow = 2 * own["r0_mm"], 2 * max(inward["r0_mm"], inward["r1_mm"])
        straight = abs(own["r0_mm"] - own["r1_mm"]) < 0.01
        if straight and wide > narrow + 0.1 and not any(abs(wide - d) < 0.05 for d in told):
            depth = abs(own["z1_mm"] - own["z0_mm"])
            found.append(Feature("face_recess", diameter_mm=wide, width_mm=narrow, depth_mm=depth))
    return found


def marked(features: Sequence[Feature]) -> list[Feature]:
    """Features of an outline as the model's own."""
    return [replace(f, source="solide") for f in features]
