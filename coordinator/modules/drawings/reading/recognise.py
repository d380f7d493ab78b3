"""The features of one solid, the directions from which it is machined and the processes it seems to need."""

from __future__ import annotations

from functools import partial

import numpy as np

from coordinator.modules.drawings.reading import measure, prismatic, revolved
from coordinator.modules.drawings.reading.assembly import Body
from coordinator.modules.drawings.reading.cut_outs import Context, find_chamfers, find_cut_outs
from coordinator.modules.drawings.reading.faces import Axis, Face
from coordinator.modules.drawings.reading.holes import Hole, find_holes
from coordinator.modules.drawings.reading.model import Feature, ProcessProposal, Solid, SolidPart, Vector
from coordinator.modules.drawings.reading.rays import Inside, Rays
from coordinator.modules.drawings.reading.topology import Neighbours
from coordinator.modules.drawings.reading.walls import thinnest_wall_mm

CUT_FEATURES = ("pocket", "slot", "flat", "step")


def recognise(body: Body, owners: dict[int, Feature]) -> SolidPart:
    """Recognise the features of one solid; ``owners`` learns which feature each face belongs to (by identity)."""
    faces = body.faces
    inside = Inside(body.solid)
    rays = Rays(body.solid, inside)
    solid = Solid(body.volume_mm3, measure.area_mm2(faces), measure.size_mm(body.solid), 1)
    part = SolidPart(None, body.count, solid)
    turning = revolved.find_turning_axis(faces)
    axis = turning[0] if turning else None
    holes = find_holes(faces, rays, inside, axis)
    used = {index for hole in holes for index in hole.faces}
    by_index = {face.index: face for face in faces}
    for hole in holes:
        hole.feature.faces = sorted(hole.faces)
        owners.update({id(by_index[index]): hole.feature for index in hole.faces})
    slots, slot_ends = prismatic.find_slots(faces, used, inside)
    neighbours = Neighbours(body.solid, faces)
    pockets = prismatic.find_pockets(faces, neighbours, slot_ends, used)
    context = Context(faces, neighbours, used | slot_ends, axis, rays)
    found = [hole.feature for hole in holes] + slots + pockets + find_cut_outs(context)
    if turning is not None:
        profile = revolved.turned_profile(faces, *turning)
        found += revolved.turned_features(profile, faces, turning[0])
        radius_at = partial(revolved.outer_radius_at, profile, turning[0])
        cut = slot_ends | context.floors
        found += prismatic.find_flats(faces, turning[0], radius_at, neighbours, cut)
        part.turned_profile = profile
        used |= {face.index for face in faces if face.axis is not None and face.axis.same_line(turning[0])}
    found += find_chamfers(context)
    found += prismatic.find_fillets(faces, used | slot_ends | _beyond_crossings(holes, faces))
    part.features = found
    part.access_directions = _access(found, axis)
    _propose_processes(part)
    solid.min_wall_mm = thinnest_wall_mm(faces, rays)
    return part


def _beyond_crossings(holes: list[Hole], faces: list[Face]) -> set[int]:
    """Pieces of a hole's wall that another hole parts from it: they are no roundings."""
    by_index = {face.index: face for face in faces}
    walls = [by_index[index] for hole in holes for index in hole.faces if by_index[index].kind == "cylinder"]
    return {
        face.index for face in faces
        if face.kind == "cylinder" and face.concave and face.axis is not None
        and any(w.axis is not None and abs(w.radius - face.radius) < 1e-3 and w.axis.same_line(face.axis) for w in walls)
    }  # fmt: skip


def _access(found: list[Feature], axis: Axis | None) -> list[Vector]:
    """Outward directions from which tools must come: mouths of holes, pockets and slots, both ends of a turned part."""
    ways: list[Vector] = [] if axis is None else [axis.direction, _opposite(axis.direction)]
    # What can only be reached from one side decides first: what goes through is then often served already.
    for feature in sorted(found, key=lambda item: bool(item.through)):
        if feature.type not in ("hole", "bore", *CUT_FEATURES) or feature.axis is None:
            continue
        outward = _opposite(feature.axis)
        served = feature.through and any(_parallel(way, outward) for way in ways)
        if not served and not any(np.allclose(way, outward, atol=1e-3) for way in ways):
            ways.append(outward)
    return ways


def _opposite(way: Vector) -> Vector:
    return -way[0] + 0.0, -way[1] + 0.0, -way[2] + 0.0


def _parallel(a: Vector, b: Vector) -> bool:
    return abs(abs(float(np.dot(a, b))) - 1) < 1e-3


def _propose_processes(part: SolidPart) -> None:
    turned = part.turned_profile is not None
    kinds = {feature.type for feature in part.features}
    if turned:
        part.processes.append(ProcessProposal("turning", 0.95))
    if not turned or kinds & set(CUT_FEATURES) or "hole" in kinds:
        part.processes.append(ProcessProposal("milling", 0.85 if turned else 0.9))
    if "hole" in kinds:
        part.processes.append(ProcessProposal("drilling", 0.9))
