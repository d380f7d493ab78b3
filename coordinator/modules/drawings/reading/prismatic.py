"""Recognises slots, pockets, flats and fillets as far as they are sure (DRW-21)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from coordinator.modules.drawings.reading.faces import Array, Axis, Face
from coordinator.modules.drawings.reading.model import Feature
from coordinator.modules.drawings.reading.rays import Inside
from coordinator.modules.drawings.reading.topology import Neighbours, edge_points, filled_area, outer_edges

HALF_TURN_TOLERANCE = 0.06


def find_slots(faces: list[Face], used: set[int], inside: Inside) -> tuple[list[Feature], set[int]]:
    """Slots and keyways with round ends: two facing concave half cylinders of one radius."""
    halves = [
        face for face in faces
        if face.kind == "cylinder" and face.concave and face.index not in used
        and abs(face.u_span - math.pi) < HALF_TURN_TOLERANCE * math.pi
    ]  # fmt: skip
    found: list[Feature] = []
    taken: set[int] = set()
    for index, one in enumerate(halves):
        for two in halves[index + 1 :]:
            if one.index in taken or two.index in taken or not _facing(one, two):
                continue
            taken |= {one.index, two.index}
            found.append(_slot(one, two, inside))
    return found, taken


def _facing(one: Face, two: Face) -> bool:
    a, b = one.axis, two.axis
    if (
        a is None
        or b is None
        or abs(one.radius - two.radius) > 1e-3
        or one.normal is None
        or two.normal is None
    ):
        return False
    if np.linalg.norm(np.subtract(a.direction, b.direction)) > 1e-4 or a.same_line(b):
        return False
    if max(one.span[0], two.span[0]) > min(one.span[1], two.span[1]):
        return False
    gap = np.subtract(b.point, a.point)
    gap = gap / np.linalg.norm(gap)
    return float(np.dot(one.normal, gap)) > 0.98 and float(np.dot(two.normal, gap)) < -0.98


def _slot(one: Face, two: Face, inside: Inside) -> Feature:
    a, b = one.axis, two.axis
    if a is None or b is None:
        raise ValueError("a slot end needs an axis")
    low, high = min(one.span[0], two.span[0]), max(one.span[1], two.span[1])
    middle = Axis(tuple((np.array(a.point) + np.array(b.point)) / 2), a.direction)
    open_low, open_high = not inside(middle.at(low - 0.05)), not inside(middle.at(high + 0.05))
    sign = 1.0 if open_high else -1.0
    distance = float(np.linalg.norm(np.subtract(a.point, b.point)))
    place = middle.at(high if open_high else low)
    return Feature(
        "slot", width_mm=2 * one.radius, length_mm=distance + 2 * one.radius, depth_mm=high - low,
        through=open_low and open_high, axis=_triple(-sign * np.array(a.direction)), positions_mm=[_triple(place)],
        faces=[one.index, two.index],
    )  # fmt: skip


def find_pockets(
    faces: list[Face], neighbours: Neighbours, slot_ends: set[int], holes: set[int]
) -> list[Feature]:
    """Closed pockets: flat floors whose whole outer edge is an inner corner. Floors of holes and slots do not count."""
    found = []
    for face in faces:
        if face.kind != "plane" or face.normal is None:
            continue
        edges = outer_edges(face)
        walls = [neighbours.across(edge, face) for edge in edges]
        if len(edges) < 3 or any(
            wall is None or wall.index in slot_ends or wall.index in holes for wall in walls
        ):
            continue
        pairs = [(edge, wall) for edge, wall in zip(edges, walls, strict=True) if wall is not None]
        if not all(neighbours.is_inner_corner(edge, face, wall) for edge, wall in pairs):
            continue
        found.append(_pocket(face, edges, [wall for _, wall in pairs], neighbours))
    return found


def _pocket(face: Face, edges: list[Any], walls: list[Face], neighbours: Neighbours) -> Feature:
    normal = face.normal
    if normal is None:
        raise ValueError("a pocket floor needs a normal")
    outline = np.array([point for edge in edges for point in edge_points(edge)])
    level = float(np.dot(outline[0], normal))
    heights = [
        float(np.dot(point, normal)) - level
        for wall in walls
        for edge in outer_edges(wall)
        for point in edge_points(edge)
    ]
    longest = max(edges, key=lambda edge: float(np.linalg.norm(edge_points(edge)[3] - edge_points(edge)[0])))
    along = edge_points(longest)[3] - edge_points(longest)[0]
    along = along / (np.linalg.norm(along) or 1.0)
    across = np.cross(normal, along)
    sizes = sorted((float(np.ptp(outline @ along)), float(np.ptp(outline @ across))))
    return Feature(
        "pocket", width_mm=sizes[0], length_mm=sizes[1], depth_mm=max(heights), through=False,
        volume_mm3=filled_area(face, neighbours) * max(heights), corner_radius_mm=_corner_radius(walls, normal),
        axis=_triple(-normal), positions_mm=[_triple(outline.mean(axis=0))],
        faces=[face.index, *(wall.index for wall in walls)],
    )  # fmt: skip


def _corner_radius(walls: list[Face], normal: Array) -> float | None:
    """Smallest upright inner radius of the walls: it limits the cutter."""
    radii = [
        wall.radius for wall in walls
        if wall.kind == "cylinder" and wall.concave and wall.axis is not None
        and abs(float(np.dot(wall.axis.direction, normal))) > 0.98
    ]  # fmt: skip
    return min(radii, default=None)


def find_flats(
    faces: list[Face],
    turning: Axis,
    radius_at: Callable[[float], float],
    neighbours: Neighbours,
    slot_ends: set[int],
) -> list[Feature]:
    """Flats on a turned part: planes along its axis which cut the round surface; ``radius_at`` gives that surface.

    Floors of keyways do not count.
    """
    found = []
    for face in faces:
        if face.kind != "plane" or face.normal is None or face.index in slot_ends:
            continue
        if abs(float(np.dot(face.normal, turning.direction))) > 1e-4:
            continue
        around = [neighbours.across(edge, face) for edge in outer_edges(face)]
        if any(other is not None and other.index in slot_ends for other in around):
            continue
        position = turning.along(face.point)
        distance = float(np.dot(face.point - turning.at(position), face.normal))
        radius = radius_at(position)
        if 0 < distance < radius:
            feature = Feature(
                "flat", axis=_triple(-face.normal), positions_mm=[_triple(face.point)], faces=[face.index]
            )
            feature.depth_mm = radius - distance
            outline = np.array([point for edge in outer_edges(face) for point in edge_points(edge)])
            feature.length_mm = float(np.ptp(outline @ np.array(turning.direction)))
            found.append(feature)
    return found


def find_fillets(faces: list[Face], used: set[int]) -> list[Feature]:
    """Constant-radius roundings: partial cylinders which no hole or slot uses; ``diameter_mm`` is twice the radius."""
    found = []
    for face in faces:
        if face.kind == "cylinder" and face.index not in used and face.u_span < 0.75 * math.pi and face.axis:
            place = [_triple(face.point)]
            found.append(Feature("fillet", diameter_mm=2 * face.radius, axis=face.axis.direction, positions_mm=place,
                                 form="inside" if face.concave else "outside", faces=[face.index]))  # fmt: skip
    return found


def _triple(values: Array) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 6) + 0.0 for value in values)
    return x, y, z
