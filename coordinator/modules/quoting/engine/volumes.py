"""Volumes of a part's shapes: what they take away, and what is left that no shape explains."""

from __future__ import annotations

import math
from collections.abc import Sequence

from coordinator.modules.quoting.engine import profile as outline
from coordinator.modules.quoting.engine.part import Feature, PartDescription, Vector


def steps_of(feature: Feature, part: PartDescription) -> list[tuple[float, float]]:
    """(Ø, depth) of each cylinder of a hole, mouth first, mm."""
    if feature.steps:
        return [(s.diameter_mm, s.depth_mm) for s in feature.steps]
    return [(feature.diameter_mm or 0.0, feature.depth_mm or extent(part, feature.axis))]


def balance(part: PartDescription) -> tuple[float, float] | None:
    """(volume before the shapes, what they leave unexplained: negative where they take more than the part lacks), mm³.

    None where the model's volume or its outline is unknown.
    """
    if part.volume_mm3 is None or part.size_mm is None or (part.is_turned and not part.turned_profile):
        return None
    if part.is_turned:
        whole = turned_volume(part.turned_profile or ())
    else:
        whole = part.size_mm[0] * part.size_mm[1] * part.size_mm[2]
    return whole, whole - part.volume_mm3 - sum(removed(f, part) for f in part.features)


def turned_volume(points: Sequence[tuple[float, float]]) -> float:
    """Volume inside an outline of (z, Ø), mm³."""
    pieces = outline.pieces(points)
    return sum(math.pi / 12 * (z1 - z0) * (d0**2 + d0 * d1 + d1**2) for z0, d0, z1, d1 in pieces)


def removed(feature: Feature, part: PartDescription) -> float:
    """Volume that the equal shapes of one entry take away together, mm³."""
    if feature.volume_mm3:
        return feature.volume_mm3 * feature.count
    if feature.type == "flat" and feature.depth_mm and feature.length_mm:
        radius = (feature.diameter_mm or part.max_diameter_mm) / 2
        rest = max(radius - feature.depth_mm, 0.0)
        segment = radius**2 * math.acos(min(rest / radius, 1.0)) - rest * math.sqrt(
            max(radius**2 - rest**2, 0.0)
        )
        return feature.count * segment * feature.length_mm
    if feature.type == "internal_groove" and feature.diameter_mm and feature.depth_mm:
        inner = feature.diameter_mm - 2 * feature.depth_mm
        return math.pi / 4 * (feature.diameter_mm**2 - inner**2) * (feature.width_mm or 0.0)
    if feature.type == "face_recess" and feature.diameter_mm:
        ring = feature.diameter_mm**2 - (feature.width_mm or 0.0) ** 2
        return math.pi / 4 * ring * (feature.depth_mm or 0.0)
    if feature.type in ("hole", "bore"):
        return feature.count * sum(math.pi / 4 * d**2 * depth for d, depth in steps_of(feature, part))
    if feature.type in ("pocket", "slot", "step") and feature.width_mm and feature.length_mm:
        depth = feature.depth_mm or extent(part, feature.axis)
        return feature.count * feature.width_mm * feature.length_mm * depth
    return 0.0


def extent(part: PartDescription, axis: Vector) -> float:
    """Size of the part along a direction in mm (for a through feature without depth)."""
    if part.size_mm is None:
        return 10.0
    return sum(abs(a) * s for a, s in zip(axis, part.size_mm, strict=True))
