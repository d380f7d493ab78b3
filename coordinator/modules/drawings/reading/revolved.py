"""Finds the turning axis and the turned outline of a solid (DRW-13) and what is turned on it: grooves and chamfers."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from coordinator.modules.drawings.reading.faces import Axis, Face, boundary_points
from coordinator.modules.drawings.reading.model import Feature, ProfileSegment, TurnedProfile

MIN_REVOLVED_SHARE = 0.5
MIN_ENVELOPE_SHARE = 0.92
GROOVE_MAX_WIDTH_MM = 15.0
CHAMFER_MAX_MM = 6.0
_REVOLVED = ("cylinder", "cone", "torus", "sphere", "revolution")

Segment = tuple[float, float, float, float]


def find_turning_axis(faces: list[Face]) -> tuple[Axis, float] | None:
    """Return the axis which most of the surface turns around, and that share; None for a part that is not turned.

    The outermost surface must be round, so a block with a large bore is not a turned part.
    """
    total = sum(face.area for face in faces) or 1.0
    candidates: list[Axis] = []
    for face in faces:
        axis = face.axis
        if (
            axis
            and not face.concave
            and face.kind == "cylinder"
            and not any(axis.same_line(c) for c in candidates)
        ):
            candidates.append(axis)
    best: tuple[Axis, float] | None = None
    for axis in candidates:
        share = sum(face.area for face in faces if _turns_around(face, axis)) / total
        if share >= MIN_REVOLVED_SHARE and (best is None or share > best[1]) and _outer_is_round(faces, axis):
            best = (axis, share)
    return best


def _turns_around(face: Face, axis: Axis) -> bool:
    if face.kind == "plane":
        return face.normal is not None and abs(abs(float(np.dot(face.normal, axis.direction))) - 1) < 1e-4
    return face.kind in _REVOLVED and face.axis is not None and axis.same_line(face.axis)


def _outer_is_round(faces: list[Face], axis: Axis) -> bool:
    round_radius = max(
        (radius for face in faces if face.kind != "plane" and _turns_around(face, axis) and not face.concave
         for _, radius in face.ends),
        default=0.0,
    )  # fmt: skip
    farthest = max(axis.distance(face.point) for face in faces)
    turned = sum(face.u_span for face in faces if face.kind == "cylinder" and _turns_around(face, axis)
                 and not face.concave and face.radius > 0.5 * round_radius)  # fmt: skip
    return round_radius > 0 and farthest <= round_radius / MIN_ENVELOPE_SHARE and turned > math.pi


def turned_profile(faces: list[Face], axis: Axis, share: float) -> TurnedProfile:
    """Outer and inner outline as (z, r) segments; z = 0 at the lower end along the axis."""
    around = [face for face in faces if face.kind != "plane" and _turns_around(face, axis)]
    outer = _segments([face for face in around if not face.concave])
    inner = _segments([face for face in around if face.concave])
    positions = [p for segment in outer + inner for p in (segment[0], segment[2])]
    positions += [
        axis.along(face.point) for face in faces if face.kind == "plane" and _turns_around(face, axis)
    ]
    start, end = min(positions), max(positions)
    outer_line = _envelope(outer + _around_flats(faces, axis, outer, start, end))
    inner_line = _envelope(inner)
    radius = max(max(segment[1], segment[3]) for segment in outer)
    origin = axis.at(start)
    return TurnedProfile(
        axis=axis.direction,
        origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        length_mm=end - start,
        max_diameter_mm=2 * radius,
        outer=[_shift(segment, start) for segment in outer_line],
        inner=[_shift(segment, start) for segment in inner_line],
        revolved_area_ratio=share,
    )


def _around_flats(
    faces: list[Face], axis: Axis, outer: list[Segment], start: float, end: float
) -> list[Segment]:
    """The circle around flats where nothing round is left between them, as on a hexagon head."""
    along = [face for face in faces if face.kind == "plane" and face.normal is not None
             and abs(float(np.dot(face.normal, axis.direction))) < 1e-4]  # fmt: skip
    corners = [(axis.along(p), axis.distance(p)) for face in along for p in boundary_points(face.shape, 2)]
    marks = sorted({start, end, *(z for segment in outer for z in (segment[0], segment[2]))})
    found: list[Segment] = []
    for low, high in pairwise(marks):
        bare = high - low > 1e-3 and not any(s[0] < high - 1e-4 and s[2] > low + 1e-4 for s in outer)
        radii = [radius for z, radius in corners if low - 1e-3 <= z <= high + 1e-3]
        if bare and radii:
            found.append((low, max(radii), high, max(radii)))
    return found


def _segments(faces: list[Face]) -> list[Segment]:
    """Each face as straight pieces between its measured points, low end first."""
    found: list[Segment] = []
    for face in faces:
        points = [face.ends[0], face.ends[-1]] if face.kind in ("cylinder", "cone") else face.ends
        for (z0, r0), (z1, r1) in pairwise(points):
            if abs(z1 - z0) > 1e-4:
                found.append((z0, r0, z1, r1) if z0 < z1 else (z1, r1, z0, r0))
    return found


def _envelope(segments: list[Segment]) -> list[Segment]:
    """For each stretch of z keep the segment with the largest radius, and join what continues."""
    marks = sorted({round(z, 4) for segment in segments for z in (segment[0], segment[2])})
    line: list[Segment] = []
    for z0, z1 in pairwise(marks):
        if z1 - z0 < 1e-3:
            continue
        middle = (z0 + z1) / 2
        here = [segment for segment in segments if segment[0] - 1e-4 <= middle <= segment[2] + 1e-4]
        if not here:
            continue
        top = max(here, key=lambda segment: _radius_at(segment, middle))
        piece = (z0, _radius_at(top, z0), z1, _radius_at(top, z1))
        if line and abs(line[-1][2] - z0) < 1e-3 and _is_level(line[-1]) and _is_level(piece) \
                and abs(line[-1][1] - piece[1]) < 1e-3:  # fmt: skip
            piece = (line.pop()[0], piece[1], z1, piece[3])
        line.append(piece)
    return line


def _radius_at(segment: Segment, z: float) -> float:
    z0, r0, z1, r1 = segment
    return r0 + (r1 - r0) * (z - z0) / (z1 - z0)


def _is_level(segment: Segment) -> bool:
    return abs(segment[1] - segment[3]) < 1e-3


def _shift(segment: Segment, start: float) -> ProfileSegment:
    z0, r0, z1, r1 = segment
    return ProfileSegment(z0 - start, r0, z1 - start, r1)


def outer_radius_at(profile: TurnedProfile, axis: Axis, position: float) -> float:
    """Radius of the outer outline at a position along the axis; 0 outside the part."""
    z = position - axis.along(np.array(profile.origin_mm))
    pieces = [piece for piece in profile.outer if piece.z0_mm - 1e-6 <= z <= piece.z1_mm + 1e-6]
    return max((max(piece.r0_mm, piece.r1_mm) for piece in pieces), default=0.0)


def turned_features(profile: TurnedProfile, faces: list[Face], axis: Axis) -> list[Feature]:
    """Outside diameters, grooves and chamfers of the outer outline, with the faces they consist of."""
    start = axis.along(np.array(profile.origin_mm))
    around = [f for f in faces if f.kind != "plane" and not f.concave and f.ends and _turns_around(f, axis)]
    found: list[Feature] = []
    line = profile.outer
    for index, piece in enumerate(line):
        length = piece.z1_mm - piece.z0_mm
        before = line[index - 1].r1_mm if index else 0.0
        after = line[index + 1].r0_mm if index + 1 < len(line) else 0.0
        level = abs(piece.r0_mm - piece.r1_mm) < 1e-3
        place = tuple(o + d * piece.z0_mm for o, d in zip(profile.origin_mm, profile.axis, strict=True))
        feature = Feature("outside_diameter", axis=profile.axis, length_mm=length, positions_mm=[place])  # type: ignore[list-item]
        if level and length <= GROOVE_MAX_WIDTH_MM and min(before, after) > piece.r0_mm + 1e-3:
            feature.type, feature.width_mm, feature.length_mm = "groove", length, None
            feature.diameter_mm, feature.depth_mm = 2 * piece.r0_mm, min(before, after) - piece.r0_mm
        elif level:
            feature.diameter_mm = 2 * piece.r0_mm
        else:
            rise = abs(piece.r1_mm - piece.r0_mm)
            if max(rise, length) > CHAMFER_MAX_MM:
                feature.type, feature.diameter_mm = "taper", 2 * max(piece.r0_mm, piece.r1_mm)
            elif abs(rise - length) < 0.05 * length or index in (0, len(line) - 1):
                feature.type, feature.width_mm, feature.length_mm = "chamfer", length, None
            else:
                continue
            feature.angle_deg = math.degrees(math.atan2(rise, length))
        feature.faces = [
            f.index for f in around
            if f.span[0] - start < piece.z1_mm - 1e-3 and f.span[1] - start > piece.z0_mm + 1e-3
            and abs(max(r for _, r in f.ends) - max(piece.r0_mm, piece.r1_mm)) < 1e-3
        ]  # fmt: skip
        found.append(feature)
    return found
