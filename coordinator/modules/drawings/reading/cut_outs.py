"""Recognises open pockets, channels, steps, openings without a floor, islands and chamfers of prismatic parts (DRW-21)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from coordinator.modules.drawings.reading.faces import Array, Axis, Face
from coordinator.modules.drawings.reading.model import Feature
from coordinator.modules.drawings.reading.rays import Rays
from coordinator.modules.drawings.reading.topology import (
    SMOOTH_SINE,
    Neighbours,
    edge_ends,
    edge_points,
    filled_area,
    inner_loops,
    outer_edges,
)

UPRIGHT = 0.2
MIN_HEIGHT_MM = 0.2
MAX_CHAMFER_MM = 8.0
MIN_SLENDERNESS = 1.5
MAX_SLOT_WIDTH_SHARE = 1.2
"""A channel wider than this share of its length is a pocket."""
CHAMFER_ANGLES_DEG = (14.0, 76.0)


@dataclass
class Context:
    """What the recognisers of one solid share: faces already taken by holes and slots, and the turning axis."""

    faces: list[Face]
    neighbours: Neighbours
    taken: set[int]
    turning: Axis | None
    rays: Rays
    floors: set[int] = field(default_factory=set)
    sides: set[int] = field(default_factory=set)
    """Sides of islands: they are no floors."""


def find_cut_outs(context: Context) -> list[Feature]:
    """Every open pocket, channel and step with a flat floor, every opening through the part, every island.

    Floor and walls of one cut look alike: among the flat faces joined by inner corners, the largest one that a tool can reach
    from straight above is taken as the floor.
    """
    found: list[Feature] = []
    best: dict[int, tuple[float, Face, Feature]] = {}
    openings: set[frozenset[int]] = set()
    group, closed = _joined(context)
    planes = [face for face in context.faces if face.kind == "plane" and face.normal is not None]
    for face in planes:
        for loop in inner_loops(face):
            feature = _opening_or_island(context, face, loop, openings)
            if feature is not None:
                found.append(feature)
    for face in planes:
        root = group.get(face.index)
        if root is None or root in closed or face.index in context.sides:
            continue
        parts = [other for other in planes if group.get(other.index) == root and _is_level_with(other, face)]
        floor = _keyway_of_bore(context, face) or _open_floor(context, face, parts)
        if floor is not None and (root not in best or face.area > best[root][0] * (1 + 1e-6)):
            best[root] = (face.area, face, floor)
    for _, face, feature in best.values():
        context.floors.add(face.index)
        found.append(feature)
    return found


def _is_level_with(one: Face, other: Face) -> bool:
    """True for two pieces of one plane."""
    if one.normal is None or other.normal is None or float(np.dot(one.normal, other.normal)) < 0.9999:
        return False
    return abs(float(np.dot(one.point - other.point, other.normal))) < 1e-3


def _joined(context: Context) -> tuple[dict[int, int], set[int]]:
    """Groups of faces joined by inner corners, and the groups which holes, slots and closed pockets already use."""
    parent: dict[int, int] = {}

    def root(index: int) -> int:
        parent.setdefault(index, index)
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    closed: set[int] = set()
    for face in context.faces:
        if face.kind != "plane":
            continue
        edges = outer_edges(face)
        inner = 0
        for edge in edges:
            other = context.neighbours.across(edge, face)
            if other is None:
                continue
            corner = context.neighbours.is_inner_corner(edge, face, other)
            inner += corner
            level = other.kind == "plane" and abs(context.neighbours.turn(edge, face, other)) < SMOOTH_SINE
            if corner or level:
                parent[root(face.index)] = root(other.index)
        if inner == len(edges) >= 3:
            closed.add(face.index)
    groups = {index: root(index) for index in parent}
    used = closed | context.taken
    return groups, {groups[index] for index in used if index in groups}


def _walls(context: Context, face: Face, edges: list[Any]) -> list[tuple[Any, Face]]:
    """The upright walls which rise from the edges of a floor."""
    found = []
    for edge in edges:
        wall = context.neighbours.across(edge, face)
        if wall is not None and context.neighbours.is_inner_corner(edge, face, wall):
            found.append((edge, wall))
    return found


def _open_floor(context: Context, face: Face, parts: list[Face]) -> Feature | None:
    """A floor with walls on some of its sides: channel between two walls, pocket open at a side, or step.

    ``parts`` are the level pieces of this floor, itself included: a hole as wide as a channel cuts its floor in two.
    """
    normal = face.normal
    if normal is None or face.index in context.taken:
        return None
    edges = outer_edges(face)
    pairs = _walls(context, face, edges)
    if not pairs or len(pairs) == len(edges) or any(wall.index in context.taken for _, wall in pairs):
        return None
    flat = _upright(context, pairs, normal)
    if not flat:
        return None
    level = float(np.dot(face.point, normal))
    if not _is_reachable(context, face, normal):
        return None
    heights = [_height(wall, normal, level) for _, wall in flat]
    depth = min(heights)
    if depth < MIN_HEIGHT_MM:
        return None
    ways = _distinct([wall.normal for _, wall in flat if wall.normal is not None])
    facing = _facing_pair(flat, context.turning)
    if context.turning is not None and facing is None:
        return None
    rounded = [wall for _, wall in pairs if _lies(wall, normal)]
    edges = [edge for piece in parts for edge in outer_edges(piece)]
    edges += [edge for wall in rounded for edge in outer_edges(wall)]
    length, width, centre = _extent(face, edges, ways[0])
    area = sum(filled_area(piece, context.neighbours) for piece in parts) + sum(
        _foot_area(wall) for wall in rounded
    )
    feature = Feature(
        "step", depth_mm=depth, through=False, axis=_triple(-normal), positions_mm=[_triple(centre)],
        volume_mm3=area * depth, corner_radius_mm=_corner([wall for _, wall in pairs], normal),
        faces=list(dict.fromkeys([*(f.index for f in parts), *(w.index for _, w in pairs), *(w.index for _, w in flat)])),
    )  # fmt: skip
    if facing is not None and (len(ways) == 2 or context.turning is not None):
        across, gap = facing
        run = _span(edges, np.cross(normal, across))
        wide = gap > MAX_SLOT_WIDTH_SHARE * run
        feature.type = "pocket" if wide else "slot"
        feature.form = "undercut" if _is_covered(context, flat, normal) else "open"
        feature.width_mm, feature.length_mm = (min(gap, run), max(gap, run)) if wide else (gap, run)
    elif facing is not None or len(ways) > 2:
        feature.type, feature.form = "pocket", "open"
        feature.width_mm, feature.length_mm = min(length, width), max(length, width)
    else:
        # ``width`` of a step: how far it reaches in from the side, across its wall. The foot of a high wall is no step.
        feature.width_mm, feature.length_mm = width, length
        square = all(abs(float(np.dot(way, normal))) < SMOOTH_SINE for way in ways)
        if depth > min(width, length) * 1.05 or not square:
            return None
    return feature


def _lies(wall: Face, normal: Array) -> bool:
    """True for the rounding between a floor and its wall."""
    return (
        wall.kind == "cylinder"
        and wall.axis is not None
        and abs(np.dot(wall.axis.direction, normal)) < UPRIGHT
    )


def _foot_area(wall: Face) -> float:
    """What a rounding at the foot of a wall adds to the floor: its radius along its length, mm²."""
    low, high = wall.span
    return wall.radius * (high - low)


def _keyway_of_bore(context: Context, face: Face) -> Feature | None:
    """A keyway in a bore: a floor that looks at the bore's axis, between two walls which end in the bore."""
    normal = face.normal
    if normal is None or face.index in context.taken:
        return None
    walls = [wall for _, wall in _walls(context, face, outer_edges(face)) if wall.kind == "plane"]
    bores: list[Face] = []
    for wall in walls:
        around = [context.neighbours.across(edge, wall) for edge in outer_edges(wall)]
        bores += [b for b in around if b is not None and b.kind == "cylinder" and b.concave and b.axis is not None
                  and abs(float(np.dot(b.axis.direction, normal))) < 1e-3]  # fmt: skip
    pair = _facing_pair([(None, wall) for wall in walls], None)
    if pair is None or len(bores) < 2 or bores[0].axis is None or bores[0].radius > 1e5:
        return None
    axis, radius, (across, gap) = bores[0].axis, bores[0].radius, pair
    if not all(b.axis is not None and b.axis.same_line(axis) for b in bores):
        return None
    middle = np.array(face.centroid)
    towards = axis.at(axis.along(middle)) - middle
    distance = float(np.dot(towards, normal))
    if distance <= radius or gap >= 2 * radius or abs(float(np.dot(across, axis.direction))) > UPRIGHT:
        return None
    along = np.array(axis.direction)
    foot = float(np.sqrt(radius**2 - gap**2 / 4))
    return Feature(
        "slot", "internal", width_mm=gap, length_mm=_span(outer_edges(face), along), depth_mm=distance - radius,
        volume_mm3=face.area * (distance - foot), axis=_triple(along), positions_mm=[_triple(middle)],
        faces=[face.index, *(wall.index for wall in walls)],
    )  # fmt: skip


def _upright(context: Context, pairs: list[tuple[Any, Face]], normal: Array) -> list[tuple[Any, Face]]:
    """Flat upright walls, those behind a rounded inner corner included."""
    found: dict[int, tuple[Any, Face]] = {}
    for edge, wall in pairs:
        behind = [wall]
        if _lies(wall, normal):
            behind = [
                far for e in outer_edges(wall) if (far := context.neighbours.across(e, wall)) is not None
            ]
        for face in behind:
            if (
                face.kind == "plane"
                and face.normal is not None
                and abs(float(np.dot(face.normal, normal))) < UPRIGHT
            ):
                rounded = face is not wall
                # Beside the rounding stand its end faces as well: a wall looks away from the rounding's middle line.
                if not rounded or (
                    wall.axis is not None and abs(float(np.dot(face.normal, wall.axis.direction))) < UPRIGHT
                ):
                    found.setdefault(face.index, (edge, face))
    return list(found.values())


def _is_reachable(context: Context, face: Face, normal: Array) -> bool:
    """True when nothing stands above the floor, looked at along its middle line: one hole above it is no opening."""
    edges = outer_edges(face)
    points = np.array([p for edge in edges for p in edge_points(edge, 4)])
    longest = max(edges, key=lambda edge: float(np.linalg.norm(np.subtract(*edge_ends(edge)))))
    way = np.subtract(*edge_ends(longest))
    way = way / (np.linalg.norm(way) or 1.0)
    middle = np.array(face.centroid)
    third = 0.3 * float(np.ptp(points @ way)) * way
    free = seen = 0
    for point in (middle, middle + third, middle - third, face.point):
        material = context.rays.material(point, normal)
        position = float(np.dot(point, normal))
        # Only a point really on the face says something: below it there must be material.
        if material.at(position - 0.01):
            seen += 1
            free += not any(high > position + 0.01 for _, high in material.stretches)
    return 2 * free > seen


def _height(wall: Face, normal: Array, level: float) -> float:
    return max(float(np.dot(p, normal)) for edge in outer_edges(wall) for p in edge_points(edge)) - level


def _distinct(ways: list[Array]) -> list[Array]:
    kept: list[Array] = []
    for way in ways:
        if not any(float(np.dot(way, other)) > 0.99 for other in kept):
            kept.append(way)
    return kept


def _facing_pair(flat: list[tuple[Any, Face]], turning: Axis | None) -> tuple[Array, float] | None:
    """Direction and distance of two walls which look at each other; on a turned part those of a keyway, not shoulders."""
    for index, (_, one) in enumerate(flat):
        if one.normal is None or (
            turning is not None and abs(float(np.dot(one.normal, turning.direction))) > UPRIGHT
        ):
            continue
        for _, two in flat[index + 1 :]:
            if two.normal is None or float(np.dot(one.normal, two.normal)) > -0.99:
                continue
            gap = float(np.dot(two.point - one.point, one.normal))
            if gap > 0.05:
                return one.normal, gap
    return None


def _is_covered(context: Context, flat: list[tuple[Any, Face]], normal: Array) -> bool:
    """True when both walls end under an overhang, as in a T slot."""
    covered = 0
    for _, wall in flat:
        for edge in outer_edges(wall):
            above = context.neighbours.across(edge, wall)
            if (
                above is not None and above.kind == "plane" and above.normal is not None
                and float(np.dot(above.normal, normal)) < -0.9
                and context.neighbours.is_inner_corner(edge, wall, above)
            ):  # fmt: skip
                covered += 1
                break
    return covered >= 2


def _span(edges: list[Any], way: Array) -> float:
    return float(np.ptp(np.array([p for edge in edges for p in edge_points(edge, 8)]) @ way))


def _extent(face: Face, edges: list[Any], wall: Array) -> tuple[float, float, Array]:
    """Size of a floor along and across a wall, and its middle."""
    normal = face.normal if face.normal is not None else np.array([0.0, 0.0, 1.0])
    across = wall - float(np.dot(wall, normal)) * normal
    across = across / np.linalg.norm(across)
    points = np.array([p for edge in edges for p in edge_points(edge, 8)])
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return float(np.ptp(points @ np.cross(normal, across))), float(np.ptp(points @ across)), middle


def _corner(walls: list[Face], normal: Array) -> float | None:
    """Smallest upright inner radius: it limits the cutter."""
    radii = [
        wall.radius for wall in walls
        if wall.kind == "cylinder" and wall.concave and wall.axis is not None
        and abs(float(np.dot(wall.axis.direction, normal))) > 0.98
    ]  # fmt: skip
    return min(radii, default=None)


def _opening_or_island(
    context: Context, face: Face, loop: list[Any], openings: set[frozenset[int]]
) -> Feature | None:
    """What an inner loop of a flat face is: an opening that goes through, or an island standing on it."""
    normal = face.normal
    walls = [context.neighbours.across(edge, face) for edge in loop]
    sides = [wall for wall in walls if wall is not None]
    if normal is None or len(sides) < len(walls) or any(wall.index in context.taken for wall in sides):
        return None
    if context.turning is not None and any(
        wall.axis is not None and wall.axis.same_line(context.turning) for wall in sides
    ):
        return None
    level = float(np.dot(face.point, normal))
    points = np.array([p for edge in loop for p in edge_points(edge, 8)])
    longest = max(loop, key=lambda edge: float(np.linalg.norm(np.subtract(*edge_ends(edge)))))
    along = np.subtract(*edge_ends(longest))
    length = float(np.linalg.norm(along))
    along = along / length if length > 1e-6 else np.cross(normal, np.eye(3)[int(np.argmin(np.abs(normal)))])
    sizes = sorted((float(np.ptp(points @ along)), float(np.ptp(points @ np.cross(normal, along)))))
    feature = Feature("pocket", "through", width_mm=sizes[0], length_mm=sizes[1], axis=_triple(-normal),
                      positions_mm=[_triple(points.mean(axis=0))], faces=[side.index for side in sides])  # fmt: skip
    pairs = list(zip(loop, sides, strict=True))
    if all(context.neighbours.is_outer_corner(edge, face, wall) for edge, wall in pairs):
        key = frozenset(wall.index for wall in sides)
        if key in openings or not all(_goes_through(context, wall, normal) for wall in sides):
            return None
        openings.add(key)
        low = min(
            float(np.dot(p, normal)) for wall in sides for e in outer_edges(wall) for p in edge_points(e)
        )
        feature.through, feature.depth_mm = True, level - low
        feature.corner_radius_mm = _corner(sides, normal)
        return feature
    if all(context.neighbours.is_inner_corner(edge, face, wall) for edge, wall in pairs):
        feature.type, feature.form, feature.through = "boss", "plain", None
        context.sides.update(wall.index for wall in sides)
        feature.depth_mm = max(_height(wall, normal, level) for wall in sides)
        first = sides[0]
        if first.kind == "cylinder" and all(
            w.kind == "cylinder" and abs(w.radius - first.radius) < 1e-3 for w in sides
        ):
            feature.form, feature.diameter_mm = "round", 2 * first.radius
        return feature if feature.depth_mm >= MIN_HEIGHT_MM else None
    return None


def _goes_through(context: Context, wall: Face, normal: Array) -> bool:
    """True when a wall ends in an outer corner on the far side of the part."""
    for edge in outer_edges(wall):
        far = context.neighbours.across(edge, wall)
        if (
            far is not None and far.kind == "plane" and far.normal is not None
            and float(np.dot(far.normal, normal)) < -0.7 and context.neighbours.is_outer_corner(edge, wall, far)
        ):  # fmt: skip
            return True
    return False


def find_chamfers(context: Context) -> list[Feature]:
    """Narrow sloping faces between two faces which meet at an angle; ``width_mm`` is the leg on the first of them."""
    found = []
    for face in context.faces:
        if face.index in context.taken or face.index in context.floors:
            continue
        if face.kind == "plane" and face.normal is not None:
            feature = _flat_chamfer(context, face)
        elif face.kind == "cone" and not face.concave and face.u_span > 0.5 * math.pi:
            feature = _round_chamfer(context, face)
        else:
            feature = None
        if feature is not None:
            found.append(feature)
    return found


def _flat_chamfer(context: Context, face: Face) -> Feature | None:
    normal = face.normal
    edges = sorted(outer_edges(face), key=lambda e: -float(np.linalg.norm(np.subtract(*edge_ends(e)))))[:2]
    if normal is None or len(edges) < 2:
        return None
    sides = [context.neighbours.across(edge, face) for edge in edges]
    along = np.subtract(*edge_ends(edges[0]))
    length = float(np.linalg.norm(along))
    beside = np.subtract(*edge_ends(edges[1]))
    if length < 1e-6 or np.linalg.norm(np.cross(along, beside)) > 0.02 * length * float(
        np.linalg.norm(beside)
    ):
        return None
    planes = [side for side in sides if side is not None and side.kind == "plane" and side.normal is not None]
    if len(planes) < 2 or planes[0].index == planes[1].index:
        return None
    normals = [plane.normal for plane in planes if plane.normal is not None]
    slopes = [math.degrees(math.acos(float(np.clip(np.dot(normal, other), -1, 1)))) for other in normals]
    low, high = CHAMFER_ANGLES_DEG
    if not all(low < slope < high for slope in slopes) or not 60 < sum(slopes) < 120:
        return None
    if not all(context.neighbours.turn(e, face, p) > 0 for e, p in zip(edges, planes, strict=True)):
        return None
    wide = _span(outer_edges(face), np.cross(normal, along / length))
    if wide > MAX_CHAMFER_MM or length < MIN_SLENDERNESS * wide:
        return None
    legs = [wide * math.cos(math.radians(slope)) for slope in slopes]
    return Feature("chamfer", width_mm=min(legs), length_mm=length, angle_deg=min(slopes), axis=_triple(-normal),
                   positions_mm=[_triple(face.point)], faces=[face.index])  # fmt: skip


def _round_chamfer(context: Context, face: Face) -> Feature | None:
    if face.axis is None or (context.turning is not None and face.axis.same_line(context.turning)):
        return None
    (z0, r0), (z1, r1) = face.ends[0], face.ends[-1]
    leg, rise = abs(z1 - z0), abs(r1 - r0)
    if (
        not 0 < max(leg, rise) <= MAX_CHAMFER_MM
        or min(leg, rise) < 0.2 * max(leg, rise)
        or min(r0, r1) < 0.5 * max(r0, r1)
    ):
        return None
    if not all(
        (side := context.neighbours.across(edge, face)) is None
        or context.neighbours.turn(edge, face, side) > -0.05
        for edge in outer_edges(face)
    ):
        return None
    return Feature("chamfer", "round", width_mm=leg, length_mm=face.u_span * (r0 + r1) / 2, diameter_mm=2 * max(r0, r1),
                   angle_deg=math.degrees(math.atan2(rise, leg)), axis=face.axis.direction,
                   positions_mm=[_triple(face.point)], faces=[face.index])  # fmt: skip


def _triple(values: Array) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 6) + 0.0 for value in values)
    return x, y, z
