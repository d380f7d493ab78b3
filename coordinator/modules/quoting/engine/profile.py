"""Splits a turned outline into two sides, roughing bands, finishing segments, grooves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from coordinator.modules.quoting.engine.turning import Segment

GROOVE_MAX_WIDTH_MM = 15.0
_STEP_MM = 6.0

Piece = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Recess:
    """A place lower than both its neighbours: a groove or, if wide, a recess. Sizes in mm."""

    position_mm: float
    outer_mm: float
    bottom_mm: float
    width_mm: float


@dataclass(frozen=True, slots=True)
class Side:
    """What is turned from one end: (Ø reachable, length from the end) steps, segments from the end inwards, recesses."""

    length_mm: float
    face_diameter_mm: float
    envelope: tuple[tuple[float, float], ...]
    segments: tuple[tuple[float, float, float], ...]
    recesses: tuple[Recess, ...]


def pieces(profile: Sequence[tuple[float, float]]) -> list[Piece]:
    """Outline points (z, Ø) → pieces (z0, Ø0, z1, Ø1) with z1 > z0, cones cut into short steps of their larger Ø."""
    found: list[Piece] = []
    for (z0, d0), (z1, d1) in pairwise(profile):
        if z1 - z0 < 1e-6:
            continue
        count = max(1, int(abs(d1 - d0) / _STEP_MM + 0.999)) if abs(d1 - d0) > 1e-6 else 1
        for i in range(count):
            a, b = i / count, (i + 1) / count
            found.append((z0 + a * (z1 - z0), d0 + a * (d1 - d0), z0 + b * (z1 - z0), d0 + b * (d1 - d0)))
    return found


def split(profile: Sequence[tuple[float, float]]) -> tuple[Side, Side]:
    """The two sides (from z max, from z min); the largest diameter belongs to the first returned, the longer side."""
    all_pieces = pieces(profile)
    largest = max(max(p[1], p[3]) for p in all_pieces)
    flat = [p for p in all_pieces if min(p[1], p[3]) > largest - 1e-6]
    crests = flat or [p for p in all_pieces if max(p[1], p[3]) > largest - 1e-6]
    low, high = min(p[0] for p in crests), max(p[2] for p in crests)
    start, end = all_pieces[0][0], all_pieces[-1][2]
    right_work, left_work = end - high, low - start
    if right_work >= left_work:
        return _side(all_pieces, low, end, from_right=True), _side(all_pieces, start, low, from_right=False)
    return _side(all_pieces, start, high, from_right=False), _side(all_pieces, high, end, from_right=True)


def _side(all_pieces: Iterable[Piece], z0: float, z1: float, from_right: bool) -> Side:
    chosen = [p for p in all_pieces if p[0] >= z0 - 1e-6 and p[2] <= z1 + 1e-6]
    if from_right:
        chosen = [(p[2], p[3], p[0], p[1]) for p in reversed(chosen)]
    reach, distance = 0.0, 0.0
    envelope: list[tuple[float, float]] = []
    segments: list[tuple[float, float, float]] = []
    dips: list[tuple[float, float, float, float]] = []
    for _, d0, _, d1 in chosen:
        length = abs(chosen[len(segments)][2] - chosen[len(segments)][0])
        outer = max(d0, d1)
        if outer < reach - 1e-6:
            dips.append((distance, reach, min(d0, d1), length))
        reach = max(reach, outer)
        distance += length
        segments.append((d0, d1, length))
        if envelope and abs(envelope[-1][0] - reach) < 1e-6:
            envelope[-1] = (reach, distance)
        else:
            envelope.append((reach, distance))
    face = chosen[0][1] if chosen else 0.0
    return Side(distance, face, tuple(envelope), tuple(segments), tuple(_joined(dips)))


def _joined(dips: Sequence[tuple[float, float, float, float]]) -> list[Recess]:
    """Neighbouring low pieces form one recess at their lowest diameter."""
    found: list[Recess] = []
    for distance, outer, bottom, width in dips:
        last = found[-1] if found else None
        if last is not None and abs(last.position_mm + last.width_mm - distance) < 1e-6:
            merged = Recess(
                last.position_mm, last.outer_mm, min(last.bottom_mm, bottom), last.width_mm + width
            )
            found[-1] = merged
        else:
            found.append(Recess(distance, outer, bottom, width))
    return found


def bands(side: Side, blank_mm: float, allowance_mm: float) -> tuple[tuple[float, float, float], ...]:
    """Roughing bands from outside to inside: (from Ø, to Ø, length from the end), targets with finishing allowance."""
    found: list[tuple[float, float, float]] = []
    outer = blank_mm
    for diameter, _ in sorted(set(side.envelope), reverse=True):
        length = max(end for d, end in side.envelope if d <= diameter + 1e-6)
        target = diameter + 2 * allowance_mm
        if outer - target > 0.02:
            found.append((round(outer, 4), round(target, 4), round(length, 3)))
            outer = target
    return tuple(found)


def finish_segments(
    side: Side, it_by_diameter: Sequence[tuple[float, int]], it: int | None, ra_um: float | None
) -> tuple[Segment, ...]:
    """Segments of the finishing contour from the end inwards; narrow grooves are left to the grooving tool."""
    found: list[Segment] = []
    distance = 0.0
    for d0, d1, length in side.segments:
        narrow = any(
            r.width_mm <= GROOVE_MAX_WIDTH_MM
            and r.position_mm - 1e-6 <= distance < r.position_mm + r.width_mm - 1e-6
            for r in side.recesses
        )
        distance += length
        if narrow:
            continue
        mean = (d0 + d1) / 2
        own = [g for d, g in it_by_diameter if abs(d - mean) < 0.02]
        found.append(Segment(round(mean, 3), round(length, 3), min(own) if own else it, ra_um))
    return tuple(found)
