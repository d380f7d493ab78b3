"""Recognises holes and bores: one feature per axis, with its steps from the mouth inwards (DRW-21)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from OCP.BRepClass3d import BRepClass3d_SolidClassifier
from OCP.gp import gp_Pnt
from OCP.TopAbs import TopAbs_IN

from coordinator.modules.drawings.reading.faces import Array, Axis, Face
from coordinator.modules.drawings.reading.model import Feature, Step

FULL_TURN_SHARE = 0.92
COUNTERSINK_MIN_RATIO = 1.35
BORE_MIN_DIAMETER_MM = 19.99
GAP_MM = 0.02
PROBED_RADIUS_MM = 5.0


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


class Inside:
    """Answers whether a point lies in the material."""

    def __init__(self, shape: Any) -> None:
        self._classifier = BRepClass3d_SolidClassifier(shape)

    def __call__(self, point: Array) -> bool:
        self._classifier.Perform(gp_Pnt(*map(float, point)), 1e-4)
        return bool(self._classifier.State() == TopAbs_IN)


def find_holes(faces: list[Face], inside: Inside, turning: Axis | None) -> tuple[list[Feature], set[int]]:
    """Return the holes of a solid, identical ones counted together, and the indices of the faces they use."""
    found: list[Feature] = []
    used: set[int] = set()
    cores = [face for face in faces if face.kind == "cylinder" and not face.concave]
    for axis, rings in _rings_by_axis(faces):
        for chain in _chains(rings, axis, inside):
            cylinders = [ring for ring in chain if not ring.is_cone]
            if not cylinders or not _is_void(cylinders, axis, inside, cores):
                continue
            found.append(_feature(chain, axis, inside, turning))
            used.update(face.index for ring in chain for face in ring.faces)
    return merge_equal(found), used


def _rings_by_axis(faces: list[Face]) -> list[tuple[Axis, list[_Ring]]]:
    groups: list[tuple[Axis, list[Face]]] = []
    for face in faces:
        if face.axis is None or not face.concave or face.kind not in ("cylinder", "cone"):
            continue
        for axis, members in groups:
            if axis.same_line(face.axis):
                members.append(face)
                break
        else:
            groups.append((face.axis, [face]))
    return [(axis, rings) for axis, members in groups if (rings := _full_rings(members))]


def _full_rings(members: list[Face]) -> list[_Ring]:
    """Join the pieces of one cylinder or cone and keep those which go all round: the others are fillets or slot ends."""
    pieces: list[tuple[_Ring, float]] = []
    for face in members:
        ends = sorted((face.ends[0], face.ends[-1]))
        ring = _Ring(ends[0][0], ends[1][0], ends[0][1], ends[1][1], [face])
        for index, (other, turn) in enumerate(pieces):
            if _continues(other, ring):
                joined = _join(other, ring)
                # Pieces beside each other add their angles; pieces behind each other do not.
                overlap = min(other.high, ring.high) - max(other.low, ring.low)
                short = min(other.high - other.low, ring.high - ring.low)
                total = turn + face.u_span if overlap > 0.5 * short else max(turn, face.u_span)
                pieces[index] = (joined, total)
                break
        else:
            pieces.append((ring, face.u_span))
    return sorted(
        (ring for ring, turn in pieces if turn >= FULL_TURN_SHARE * 2 * math.pi), key=lambda ring: ring.low
    )


def _continues(a: _Ring, b: _Ring) -> bool:
    if a.is_cone or b.is_cone:
        return (
            abs(a.low - b.low) < GAP_MM
            and abs(a.r_low - b.r_low) < GAP_MM
            and abs(a.r_high - b.r_high) < GAP_MM
        )
    return abs(a.r_low - b.r_low) < 1e-3 and b.low <= a.high + GAP_MM and a.low <= b.high + GAP_MM


def _join(a: _Ring, b: _Ring) -> _Ring:
    return _Ring(min(a.low, b.low), max(a.high, b.high), a.r_low, a.r_high, a.faces + b.faces)


def _chains(rings: list[_Ring], axis: Axis, inside: Inside) -> list[list[_Ring]]:
    """Split the rings of an axis where material stands between them (two blind holes facing each other)."""
    chains: list[list[_Ring]] = []
    for ring in rings:
        if chains and not _material_between(chains[-1][-1].high, ring.low, axis, inside):
            chains[-1].append(ring)
        else:
            chains.append([ring])
    return chains


def _material_between(low: float, high: float, axis: Axis, inside: Inside) -> bool:
    gap = high - low
    if gap <= GAP_MM:
        return False
    # A blind end may be a thin wall before a large cavity: look right behind both ends first.
    near = min(0.5 * gap, max(0.05, 0.01 * gap))
    return any(inside(axis.at(position)) for position in (low + near, high - near, (low + high) / 2))


def _is_void(cylinders: list[_Ring], axis: Axis, inside: Inside, cores: list[Face]) -> bool:
    """A concave wall around a standing core is a face groove, not a hole.

    A round core shows by its own wall on the axis; only wide holes are also probed for a core of another shape.
    """
    for ring in cylinders:
        around = [
            core for core in cores if core.span[0] < ring.high - GAP_MM and core.span[1] > ring.low + GAP_MM
        ]
        if any(
            core.axis and axis.same_line(core.axis) and core.radius < ring.r_low - 1e-3 for core in around
        ):
            return False
        if ring.r_low >= PROBED_RADIUS_MM and inside(axis.at((ring.low + ring.high) / 2)):
            return False
    return True


def _feature(chain: list[_Ring], axis: Axis, inside: Inside, turning: Axis | None) -> Feature:
    low, high = chain[0].low, chain[-1].high
    probe = max(0.05, 0.01 * (high - low))
    # A cone which ends in a point is the tip of a drill.
    open_low = chain[0].r_low > 1e-3 and not inside(axis.at(low - probe))
    open_high = chain[-1].r_high > 1e-3 and not inside(axis.at(high + probe))
    from_high = open_high and (not open_low or chain[-1].r_high > chain[0].r_low + 1e-4)
    ordered = [_reverse(ring) for ring in reversed(chain)] if from_high else chain
    mouth = axis.at(high if from_high else low)
    direction = np.array(axis.direction) * (-1.0 if from_high else 1.0)
    feature = Feature(
        "hole", axis=_vector(direction), positions_mm=[_vector(mouth)], through=open_low and open_high
    )
    _add_steps(feature, ordered)
    feature.depth_mm = sum(step.depth_mm for step in feature.steps)
    feature.diameter_mm = min(step.diameter_mm for step in feature.steps)
    if feature.diameter_mm >= BORE_MIN_DIAMETER_MM or (turning is not None and turning.same_line(axis)):
        feature.type = "bore"
    return feature


def _reverse(ring: _Ring) -> _Ring:
    return _Ring(ring.low, ring.high, ring.r_high, ring.r_low, ring.faces)


def _add_steps(feature: Feature, rings: list[_Ring]) -> None:
    """Fill steps and form; ``rings`` run from the mouth inwards, ``r_low`` is the mouth side."""
    sink = rings[0] if rings[0].is_cone and rings[0].r_low > rings[0].r_high else None
    cylinders = [ring for ring in rings if not ring.is_cone]
    steps: list[Step] = []
    for ring in cylinders:
        depth = ring.high - ring.low
        if steps and abs(steps[-1].diameter_mm - 2 * ring.r_low) < 1e-3:
            steps[-1].depth_mm += depth
        else:
            steps.append(Step(2 * ring.r_low, depth))
    feature.steps = steps
    feature.form = {1: "plain", 2: "counterbore"}.get(len(steps), "stepped")
    if len(steps) == 2 and steps[1].diameter_mm > steps[0].diameter_mm:
        feature.form = "stepped"
    if sink is not None:
        depth = sink.high - sink.low
        if sink.r_low >= COUNTERSINK_MIN_RATIO * sink.r_high:
            steps.insert(0, Step(2 * sink.r_low, depth))
            feature.form = "countersink" if len(steps) == 2 else "stepped"
            feature.angle_deg = math.degrees(2 * math.atan2(sink.r_low - sink.r_high, depth))
        else:
            # An edge break at the mouth belongs to the depth of the first cylinder.
            steps[0].depth_mm += depth


def _vector(values: Array) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 6) + 0.0 for value in values)
    return x, y, z


def merge_equal(features: list[Feature]) -> list[Feature]:
    """Join features which differ only by their place into one with a count."""
    merged: dict[tuple[object, ...], Feature] = {}
    for feature in features:
        way = None if feature.axis is None else tuple(round(abs(part), 3) for part in feature.axis)
        sizes = (
            feature.diameter_mm,
            feature.width_mm,
            feature.length_mm,
            feature.depth_mm,
            feature.angle_deg,
        )
        key = (
            feature.type, feature.form, feature.through, way, feature.thread,
            tuple(None if size is None else round(size, 2) for size in sizes),
            tuple((round(step.diameter_mm, 2), round(step.depth_mm, 2)) for step in feature.steps),
        )  # fmt: skip
        if key in merged:
            merged[key].count += feature.count
            merged[key].positions_mm += feature.positions_mm
        else:
            merged[key] = feature
    return list(merged.values())
