"""Recognises holes and bores: one feature per axis, with its steps from the mouth inwards (DRW-21)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from coordinator.modules.drawings.reading.faces import Array, Axis, Face, boundary_points
from coordinator.modules.drawings.reading.model import Feature, Step
from coordinator.modules.drawings.reading.rays import Inside, Material, Rays

FULL_TURN_SHARE = 0.92
LEAST_TURN_SHARE = 0.7
LEAST_TURN_SHARE_OF_MANY_GAPS = 0.35
WIDEST_GAP = math.radians(75)
COUNTERSINK_MIN_RATIO = 1.35
BORE_MIN_DIAMETER_MM = 19.99
GROOVE_MAX_WIDTH_MM = 15.0
GAP_MM = 0.02
OFF_CENTRE = 0.137
_KINDS = ("cylinder", "cone")


@dataclass
class _Ring:
    """A full inner cylinder or cone between two positions on its axis: radius at the low and at the high end."""

    low: float
    high: float
    r_low: float
    r_high: float
    faces: list[Face] = field(default_factory=list)

    @property
    def is_cone(self) -> bool:
        return abs(self.r_low - self.r_high) > 1e-4


@dataclass
class Hole:
    """A hole with the faces it consists of."""

    feature: Feature
    faces: set[int]


def find_holes(faces: list[Face], rays: Rays, inside: Inside, turning: Axis | None) -> list[Hole]:
    """Every full hole of a solid, one by one."""
    found: list[Hole] = []
    cores = [face for face in faces if face.kind == "cylinder" and not face.concave and face.axis is not None]
    for axis, members in group_by_axis([face for face in faces if face.concave and face.kind in _KINDS]):
        rings = _void_rings(_full_rings(members, axis, inside), axis, cores)
        if not rings:
            continue
        line = _line(axis, rings, rays)
        rings = [
            ring
            for ring in rings
            if not line.between(ring.low + GAP_MM, ring.high - GAP_MM, 0.5 * (ring.high - ring.low))
        ]
        for chain in _chains(rings, line):
            if any(not ring.is_cone for ring in chain) or _is_taper(chain):
                feature = _feature(chain, axis, line, turning)
                found.append(Hole(feature, {face.index for ring in chain for face in ring.faces}))
    return found


def group_by_axis(faces: Iterable[Face]) -> list[tuple[Axis, list[Face]]]:
    """Faces of one line together, in order of appearance."""
    groups: list[tuple[Axis, list[Face]]] = []
    cells: dict[tuple[int, ...], list[int]] = {}
    for face in faces:
        if face.axis is None:
            continue
        values = (*face.axis.point, *(100.0 * part for part in face.axis.direction))
        near = {tuple(math.floor(v * 2 + shift) for v in values) for shift in (0.25, 0.75)}
        for index in [i for cell in near for i in cells.get(cell, ())]:
            if groups[index][0].same_line(face.axis):
                groups[index][1].append(face)
                break
        else:
            groups.append((face.axis, [face]))
            for cell in near:
                cells.setdefault(cell, []).append(len(groups) - 1)
    return groups


def _line(axis: Axis, rings: list[_Ring], rays: Rays) -> Material:
    """Material on a line beside the axis: exactly on it, tips of drills and seams have no sure answer."""
    way = np.array(axis.direction)
    side = np.cross(way, np.eye(3)[int(np.argmin(np.abs(way)))])
    side = side / np.linalg.norm(side) + 0.31 * np.cross(way, side)
    radii = [max(ring.r_low, ring.r_high) if ring.is_cone else ring.r_low for ring in rings]
    return rays.material(np.array(axis.point) + OFF_CENTRE * min(radii) * side / np.linalg.norm(side), way)


def _full_rings(members: list[Face], axis: Axis, inside: Inside) -> list[_Ring]:
    """Join the pieces of one cylinder or cone and keep those which go all round: the others are fillets or slot ends."""
    groups: list[list[Face]] = []
    for face in members:
        for group in groups:
            if _same_wall(group[0], face):
                group.append(face)
                break
        else:
            groups.append([face])
    rings: list[_Ring] = []
    for group in groups:
        for stretch in _stretches(group):
            low, high = min(f.span[0] for f in stretch), max(f.span[1] for f in stretch)
            if high - low < 1e-4 or not _goes_round(stretch, axis, inside):
                continue
            ends = sorted(end for face in stretch for end in (face.ends[0], face.ends[-1]))
            rings.append(_Ring(low, high, ends[0][1], ends[-1][1], stretch))
    return sorted(rings, key=lambda ring: (ring.low, ring.high))


def _same_wall(a: Face, b: Face) -> bool:
    if a.kind != b.kind:
        return False
    if a.kind == "cylinder":
        return abs(a.radius - b.radius) < 1e-3
    slope = [(f.ends[-1][1] - f.ends[0][1]) / ((f.ends[-1][0] - f.ends[0][0]) or 1e-9) for f in (a, b)]
    foot = [f.ends[0][1] - s * f.ends[0][0] for f, s in zip((a, b), slope, strict=True)]
    return abs(slope[0] - slope[1]) < 1e-3 and abs(foot[0] - foot[1]) < GAP_MM


def _stretches(group: list[Face]) -> list[list[Face]]:
    """Pieces of one wall which follow each other along the axis without a break."""
    found: list[list[Face]] = []
    reach = -math.inf
    for face in sorted(group, key=lambda f: f.span):
        if face.span[0] > reach + GAP_MM or not found:
            found.append([])
        found[-1].append(face)
        reach = max(reach, face.span[1]) if len(found[-1]) > 1 else face.span[1]
    return found


def _goes_round(pieces: list[Face], axis: Axis, inside: Inside) -> bool:
    """True when the wall is closed all round somewhere, or only interrupted by narrow openings (keyway, clamp slit)."""
    marks = sorted({mark for piece in pieces for mark in piece.span})
    best: tuple[float, list[tuple[float, float]], float, list[Face]] | None = None
    for low, high in pairwise(marks):
        here = [f for f in pieces if f.span[0] <= low + 1e-6 and f.span[1] >= high - 1e-6]
        if high - low < 1e-4 or not here:
            continue
        gaps = _gaps([f.arc for f in here])
        share = 1 - sum(b - a for a, b in gaps) / (2 * math.pi)
        if best is None or share > best[0]:
            best = (share, gaps, (low + high) / 2, here)
    if best is None:
        return False
    share, gaps, position, here = best
    if share >= FULL_TURN_SHARE:
        return True
    least = LEAST_TURN_SHARE_OF_MANY_GAPS if len(gaps) > 2 else LEAST_TURN_SHARE
    if share < least or max(b - a for a, b in gaps) > WIDEST_GAP:
        return False
    ends = sorted(here[0].ends)
    radius = float(np.interp(position, [end[0] for end in ends], [end[1] for end in ends]))
    return all(not inside(_around(axis, position, (a + b) / 2, radius)) for a, b in gaps)


def _gaps(arcs: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Open stretches of a full turn left by arcs given as (middle, half width)."""
    turn = 2 * math.pi
    spans: list[tuple[float, float]] = []
    for middle, half in arcs:
        if half >= math.pi - 1e-6:
            return []
        low = (middle - half) % turn
        spans.append((low, low + 2 * half))
    spans.sort()
    first = spans[0][0]
    gaps, reach = [], first
    for low, high in spans:
        if low > reach + 1e-3:
            gaps.append((reach, low))
        reach = max(reach, high)
    if first + turn > reach + 1e-3:
        gaps.append((reach, first + turn))
    return gaps


def _around(axis: Axis, position: float, angle: float, radius: float) -> Array:
    """A point beside an axis."""
    way = np.array(axis.direction)
    first = np.cross(way, np.eye(3)[int(np.argmin(np.abs(way)))])
    first /= np.linalg.norm(first)
    return axis.at(position) + radius * (math.cos(angle) * first + math.sin(angle) * np.cross(way, first))


def _void_rings(rings: list[_Ring], axis: Axis, cores: list[Face]) -> list[_Ring]:
    """Leave out walls around a standing core: they belong to a face groove."""
    own = [core for core in cores if core.axis is not None and axis.same_line(core.axis)] if rings else []

    def has_core(ring: _Ring) -> bool:
        return any(
            core.span[0] < ring.high - GAP_MM and core.span[1] > ring.low + GAP_MM
            and core.radius < min(ring.r_low, ring.r_high) - 1e-3 for core in own
        )  # fmt: skip

    return [ring for ring in rings if not has_core(ring)]


def _chains(rings: list[_Ring], line: Material) -> list[list[_Ring]]:
    """Split the rings of an axis where material stands between them (two blind holes facing each other)."""
    chains: list[list[_Ring]] = []
    for ring in rings:
        if chains and not line.between(chains[-1][-1].high, ring.low):
            chains[-1].append(ring)
        else:
            chains.append([ring])
    return chains


def _is_taper(chain: list[_Ring]) -> bool:
    """A conical hole; a short cone alone is the edge break of something else."""
    return any(ring.high - ring.low >= 0.3 * max(ring.r_low, ring.r_high) for ring in chain)


def _feature(chain: list[_Ring], axis: Axis, line: Material, turning: Axis | None) -> Feature:
    low, high = chain[0].low, chain[-1].high
    open_low, free_low, floor_low = _end(line, chain[0], low, -1, axis)
    open_high, free_high, floor_high = _end(line, chain[-1], high, 1, axis)
    from_high = open_high and (
        not open_low or (free_high, round(chain[-1].r_high, 3)) > (free_low, round(chain[0].r_low, 3))
    )
    ordered = [_reverse(ring) for ring in reversed(chain)] if from_high else chain
    mouth = axis.at(high if from_high else low)
    direction = np.array(axis.direction) * (-1.0 if from_high else 1.0)
    feature = Feature(
        "hole", axis=_vector(direction), positions_mm=[_vector(mouth)], through=open_low and open_high
    )
    _add_steps(feature, ordered)
    if not feature.through and feature.steps:
        # A rounded corner at a flat bottom: the hole is as deep as its floor.
        feature.steps[-1].depth_mm += floor_low if from_high else floor_high
    feature.depth_mm = sum(step.depth_mm for step in feature.steps)
    feature.diameter_mm = min(step.diameter_mm for step in feature.steps)
    if feature.diameter_mm >= BORE_MIN_DIAMETER_MM or (turning is not None and turning.same_line(axis)):
        feature.type = "bore"
    return feature


def _end(line: Material, ring: _Ring, position: float, way: int, axis: Axis) -> tuple[bool, bool, float]:
    """Is this end open, is it free to the outside, and how far behind the wall does a flat floor lie?"""
    radius = ring.r_high if way > 0 else ring.r_low
    if radius < 1e-3:
        return False, False, 0.0
    stop = line.next_above(position) if way > 0 else line.next_below(position)
    if stop is None:
        return True, True, 0.0
    distance = (stop - position) * way
    if distance <= GAP_MM:
        return False, False, 0.0
    if ring.is_cone and radius < max(ring.r_low, ring.r_high) and distance < radius:
        return False, False, 0.0
    face = min(line.faces.items(), key=lambda item: abs(item[0] - stop))[1]
    spots = boundary_points(face, 8)
    within = len(spots) > 0 and max(axis.distance(spot) for spot in spots) <= radius * 1.02 + GAP_MM
    if within and distance <= 1.2 * radius:
        return False, False, distance if distance < 0.35 * radius else 0.0
    return True, False, 0.0


def _reverse(ring: _Ring) -> _Ring:
    return _Ring(ring.low, ring.high, ring.r_high, ring.r_low, ring.faces)


def _add_steps(feature: Feature, rings: list[_Ring]) -> None:
    """Fill steps and form; ``rings`` run from the mouth inwards, ``r_low`` is the mouth side."""
    cylinders = [ring for ring in rings if not ring.is_cone]
    if not cylinders:
        _add_taper(feature, rings)
        return
    sink = rings[0] if rings[0].is_cone and rings[0].r_low > rings[0].r_high else None
    steps: list[Step] = []
    reach = cylinders[0].low
    for ring in cylinders:
        if steps and abs(steps[-1].diameter_mm - 2 * ring.r_low) < 1e-3:
            gap = min(abs(ring.low - reach), abs(ring.high - reach))
            # Across a slot or a cross hole the drill goes on and the gap counts; not across a large cavity.
            steps[-1].depth_mm += ring.high - ring.low + (gap if gap <= 4 * ring.r_low else 0.0)
        else:
            steps.append(Step(2 * ring.r_low, ring.high - ring.low))
        reach = ring.high if abs(ring.high - reach) > abs(ring.low - reach) else ring.low
    feature.steps = _without_grooves(steps)
    steps = feature.steps
    feature.form = {1: "plain", 2: "counterbore"}.get(len(steps), "stepped")
    if len(steps) == 2 and steps[1].diameter_mm > steps[0].diameter_mm:
        feature.form = "stepped"
    if sink is not None:
        depth = abs(sink.high - sink.low)
        if sink.r_low >= COUNTERSINK_MIN_RATIO * sink.r_high:
            steps.insert(0, Step(2 * sink.r_low, depth))
            feature.form = "countersink" if len(steps) == 2 else "stepped"
            feature.angle_deg = math.degrees(2 * math.atan2(sink.r_low - sink.r_high, depth))
        else:
            # An edge break at the mouth belongs to the depth of the first cylinder.
            steps[0].depth_mm += depth
    last = rings[-1]
    if feature.through and last.is_cone and last is not sink and last.r_high > last.r_low:
        steps[-1].depth_mm += abs(last.high - last.low)


def _add_taper(feature: Feature, rings: list[_Ring]) -> None:
    longest = max(rings, key=lambda ring: abs(ring.high - ring.low))
    depth = abs(rings[-1].high - rings[0].low)
    small, large = sorted((longest.r_low, longest.r_high))
    feature.angle_deg = math.degrees(2 * math.atan2(large - small, abs(longest.high - longest.low)))
    if small < 1e-3:
        feature.form, feature.steps = "countersink", [Step(2 * large, depth)]
    else:
        feature.steps = [Step(2 * small, depth)]


def _without_grooves(steps: list[Step]) -> list[Step]:
    """A short wider stretch between equal diameters is a groove in the wall, not a step of the hole."""
    kept = list(steps)
    index = 1
    while index < len(kept) - 1:
        before, here, after = kept[index - 1 : index + 2]
        if (
            abs(before.diameter_mm - after.diameter_mm) < 1e-3 and here.diameter_mm > before.diameter_mm
            and here.depth_mm <= min(GROOVE_MAX_WIDTH_MM, before.diameter_mm)
            and here.diameter_mm - before.diameter_mm <= 0.5 * before.diameter_mm
        ):  # fmt: skip
            kept[index - 1 : index + 2] = [
                Step(before.diameter_mm, before.depth_mm + here.depth_mm + after.depth_mm)
            ]
        else:
            index += 1
    return kept


def _vector(values: Array) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 6) + 0.0 for value in values)
    return x, y, z


def merge_equal(features: list[Feature]) -> list[Feature]:
    """Join features which differ only by their place into one with a count.

    A tolerance written at some of them holds for all, unless another one is written at the others.
    """
    merged: dict[tuple[object, ...], list[Feature]] = {}
    for feature in sorted(features, key=lambda item: _requirement(item) == _NO_REQUIREMENT):
        group = merged.setdefault(_geometry(feature), [])
        required = _requirement(feature)
        same = [other for other in group if _requirement(other) == required]
        if not same and required == _NO_REQUIREMENT and len(group) == 1:
            same = group
        if same:
            same[0].count += feature.count
            same[0].positions_mm = same[0].positions_mm + feature.positions_mm
            same[0].faces = same[0].faces + feature.faces
            same[0].boxes = same[0].boxes + feature.boxes
        else:
            group.append(feature)
    return sorted((feature for group in merged.values() for feature in group), key=lambda item: item.id)


_NO_REQUIREMENT = (None, None, None, None, None)


def _requirement(feature: Feature) -> tuple[object, ...]:
    return feature.thread, feature.fit, feature.upper_mm, feature.lower_mm, feature.ra_um


def _geometry(feature: Feature) -> tuple[object, ...]:
    way = None
    if feature.axis is not None:
        # Holes from opposite sides are alike; holes in other directions are not.
        sign = math.copysign(1.0, next((part for part in feature.axis if abs(part) > 5e-4), 1.0))
        way = tuple(round(sign * part, 3) + 0.0 for part in feature.axis)
    sizes = (
        feature.diameter_mm, feature.width_mm, feature.length_mm, feature.depth_mm, feature.angle_deg,
        feature.corner_radius_mm,
    )  # fmt: skip
    form = "" if feature.type in ("hole", "bore") else feature.form
    return (
        feature.type, form, feature.through, way,
        tuple(None if size is None else round(size, 2) for size in sizes),
        tuple((round(step.diameter_mm, 2), round(step.depth_mm, 2)) for step in feature.steps),
    )  # fmt: skip
