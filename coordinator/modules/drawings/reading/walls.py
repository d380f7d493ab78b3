"""Thinnest wall of a solid, from parallel planes and coaxial cylinders (DRW-25)."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from coordinator.modules.drawings.reading.faces import Array, Face
from coordinator.modules.drawings.reading.holes import group_by_axis
from coordinator.modules.drawings.reading.rays import Rays

MAX_WALL_MM = 10.0
MIN_WALL_MM = 0.05
MIN_AREA_MM2 = 4.0
MAX_PROBES = 24
NEAR_PARALLEL = 0.999


def thinnest_wall_mm(faces: list[Face], rays: Rays) -> float | None:
    """Thickness of the thinnest wall below 10 mm; None when there is none. Each candidate is proven by a ray."""
    candidates = sorted(_planes(faces) + _tubes(faces), key=lambda item: item[0])[:MAX_PROBES]
    for thickness, point, direction in candidates:
        material = rays.material(point, -direction)
        start = -float(np.dot(point, direction))
        for low, high in material.stretches:
            if abs(low - start) < 1e-2 and abs((high - low) - thickness) < 0.02 * thickness + 1e-3:
                return thickness
    return None


def _planes(faces: list[Face]) -> list[tuple[float, Array, Array]]:
    planes = [f for f in faces if f.kind == "plane" and f.normal is not None and f.area >= MIN_AREA_MM2]
    if len(planes) < 2:
        return []
    normals = np.array([f.normal for f in planes])
    places = np.array([f.centroid for f in planes])
    height = np.einsum("ij,ij->i", normals, places)
    thickness = height[:, None] - normals @ places.T
    opposite = normals @ normals.T < -NEAR_PARALLEL
    spread = places[:, None, :] - places[None, :, :]
    aside = np.sqrt(np.maximum(np.einsum("ijk,ijk->ij", spread, spread) - thickness**2, 0.0))
    reach = np.sqrt(np.array([f.area for f in planes]))
    found = []
    for one, two in np.argwhere(opposite & (thickness > MIN_WALL_MM) & (thickness < MAX_WALL_MM)):
        if one < two and aside[one, two] < reach[one] + reach[two]:
            # The smaller face lies over the larger one more surely than the other way round.
            first, second = (one, two) if planes[one].area <= planes[two].area else (two, one)
            # The centre of a ring or of an angled face may lie outside it: its middle in parameters is tried as well.
            for place in (places[first], planes[first].point):
                found.append((float(thickness[first, second]), place, normals[first]))
    return found


def _tubes(faces: list[Face]) -> list[tuple[float, Array, Array]]:
    found = []
    for axis, members in group_by_axis([f for f in faces if f.kind == "cylinder"]):
        for one, two in combinations(members, 2):
            outer, inner = (one, two) if one.radius > two.radius else (two, one)
            low, high = max(one.span[0], two.span[0]), min(one.span[1], two.span[1])
            thickness = outer.radius - inner.radius
            if (
                outer.concave
                or not inner.concave
                or high - low < 0.5
                or not MIN_WALL_MM < thickness < MAX_WALL_MM
            ):
                continue
            foot = axis.at(axis.along(outer.point))
            way = (outer.point - foot) / (float(np.linalg.norm(outer.point - foot)) or 1.0)
            found.append((thickness, axis.at((low + high) / 2) + outer.radius * way, way))
    return found
