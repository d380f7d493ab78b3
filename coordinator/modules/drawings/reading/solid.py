"""Reads STEP and IGES models with Open CASCADE: measures, turned outline and features (DRW-13). Lengths in mm."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from OCP.Bnd import Bnd_Box
from OCP.BRep import BRep_Tool
from OCP.BRepBndLib import BRepBndLib
from OCP.BRepCheck import BRepCheck_Analyzer
from OCP.BRepGProp import BRepGProp
from OCP.GProp import GProp_GProps
from OCP.IFSelect import IFSelect_RetDone
from OCP.IGESControl import IGESControl_Reader
from OCP.Interface import Interface_Static
from OCP.STEPControl import STEPControl_Reader
from OCP.TopAbs import TopAbs_SOLID
from OCP.TopExp import TopExp_Explorer
from OCP.TopLoc import TopLoc_Location

from coordinator.modules.drawings.reading import prismatic, revolved
from coordinator.modules.drawings.reading.faces import (
    Array,
    Axis,
    describe_faces,
    is_tessellated,
    iter_faces,
)
from coordinator.modules.drawings.reading.holes import Inside, find_holes, merge_equal
from coordinator.modules.drawings.reading.model import (
    DrawingReading,
    Feature,
    Kind,
    ProcessProposal,
    ReadingFailedError,
    Solid,
)  # fmt: skip
from coordinator.modules.drawings.reading.step_header import read_step_header

CUT_FEATURES = ("pocket", "slot", "flat")


def read_solid(path: Path, kind: Kind) -> DrawingReading:
    """Read a model; raises ReadingFailedError when there is nothing to measure in it."""
    reading = DrawingReading(file=str(path), kind=kind, pages=1, unit="mm")
    shape = _load(path, kind)
    solids = _solids(shape)
    faces = iter_faces(shape)
    if not faces:
        raise ReadingFailedError("drawing.empty_model", "Le modèle ne contient aucune surface.")
    if kind == "step":
        read_step_header(path, reading)
    if all(is_tessellated(face) for face in faces):
        reading.solid = _tessellated(faces, len(solids))
        reading.warnings.append(
            "Modèle en facettes (tessellé) : encombrement et volume estimés, aucune forme reconnue."
        )
        return reading
    reading.solid = _measure(shape, solids, reading)
    if len(solids) > 1:
        reading.warnings.append(f"Assemblage : {len(solids)} corps, à séparer en lignes distinctes.")
    for solid in solids:
        _recognise(solid, reading)
    reading.features = merge_equal(reading.features)
    _propose_processes(reading)
    return reading


def _load(path: Path, kind: Kind) -> Any:
    Interface_Static.SetCVal_s("xstep.cascade.unit", "MM")
    reader = STEPControl_Reader() if kind == "step" else IGESControl_Reader()
    if reader.ReadFile(str(path)) != IFSelect_RetDone:
        raise ReadingFailedError("drawing.corrupt", "Modèle 3D illisible ou incomplet.")
    reader.TransferRoots()
    if reader.NbShapes() == 0:
        raise ReadingFailedError("drawing.empty_model", "Le modèle ne contient aucune forme géométrique.")
    return reader.OneShape()


def _solids(shape: Any) -> list[Any]:
    explorer = TopExp_Explorer(shape, TopAbs_SOLID)
    found = []
    while explorer.More():
        found.append(explorer.Current())
        explorer.Next()
    return found


def _measure(shape: Any, solids: list[Any], reading: DrawingReading) -> Solid:
    area, volume = GProp_GProps(), GProp_GProps()
    BRepGProp.SurfaceProperties_s(shape, area)
    size = _size(shape)
    closed = bool(solids) and all(BRepCheck_Analyzer(solid).IsValid() for solid in solids)
    for solid in solids:
        part = GProp_GProps()
        BRepGProp.VolumeProperties_s(solid, part)
        volume.Add(part)
    if not solids:
        reading.warnings.append("Surfaces ouvertes, aucun solide : encombrement seul, volume inconnu.")
        return Solid(None, area.Mass(), size, 0, estimated=True)
    if not closed:
        reading.warnings.append("Solide ouvert ou invalide : volume estimé.")
    return Solid(abs(volume.Mass()), area.Mass(), size, len(solids), estimated=not closed)


def _size(shape: Any) -> tuple[float, float, float]:
    box = Bnd_Box()
    BRepBndLib.AddOptimal_s(shape, box, False, False)
    x0, y0, z0, x1, y1, z1 = box.Get()
    return x1 - x0, y1 - y0, z1 - z0


def _tessellated(faces: list[Any], bodies: int) -> Solid:
    """Measure triangles: area, signed volume (divergence theorem) and envelope."""
    area = volume = 0.0
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for face in faces:
        for corners in _triangles(face):
            cross = np.cross(corners[1] - corners[0], corners[2] - corners[0])
            area += float(np.linalg.norm(cross)) / 2
            volume += float(np.dot(corners[0], cross)) / 6
            low, high = np.minimum(low, corners.min(axis=0)), np.maximum(high, corners.max(axis=0))
    if area == 0.0:
        raise ReadingFailedError("drawing.empty_model", "Le modèle ne contient aucune surface mesurable.")
    size = high - low
    return Solid(abs(volume), area, (float(size[0]), float(size[1]), float(size[2])), bodies, estimated=True)


def _triangles(face: Any) -> list[Array]:
    mesh = BRep_Tool.Triangulation_s(face, TopLoc_Location())
    if mesh is None:
        return []
    nodes = np.array([(p.X(), p.Y(), p.Z()) for p in (mesh.Node(i + 1) for i in range(mesh.NbNodes()))])
    corners = (mesh.Triangle(i + 1).Get() for i in range(mesh.NbTriangles()))
    return [nodes[[a - 1, b - 1, c - 1]] for a, b, c in corners]


def _recognise(solid: Any, reading: DrawingReading) -> None:
    """Add the features of one solid; the turned outline is kept for a single-body part only."""
    faces = describe_faces(solid)
    inside = Inside(solid)
    turning = revolved.find_turning_axis(faces)
    axis = turning[0] if turning else None
    found, used = find_holes(faces, inside, axis)
    slots, slot_ends = prismatic.find_slots(faces, used, inside)
    neighbours = prismatic.Neighbours(solid, faces)
    pockets = prismatic.find_pockets(faces, neighbours, slot_ends, used)
    found += slots + pockets
    if turning is not None:
        profile = revolved.turned_profile(faces, *turning)
        found += revolved.turned_features(profile)
        radius_at = partial(revolved.outer_radius_at, profile, turning[0])
        found += prismatic.find_flats(faces, turning[0], radius_at, neighbours, slot_ends)
        if reading.solid is not None and reading.solid.bodies == 1:
            reading.turned_profile = profile
        used |= {face.index for face in faces if face.axis is not None and face.axis.same_line(turning[0])}
    found += prismatic.find_fillets(faces, used | slot_ends)
    reading.features += found
    _add_access(reading, found, axis)


def _add_access(reading: DrawingReading, found: list[Feature], axis: Axis | None) -> None:
    """Outward directions from which tools must come: mouths of holes, pockets and slots, both ends of a turned part."""
    ways: list[tuple[float, float, float]] = (
        [] if axis is None else [axis.direction, _opposite(axis.direction)]
    )
    for feature in found:
        if feature.type in ("hole", "bore", *CUT_FEATURES) and feature.axis is not None:
            outward = _opposite(feature.axis)
            served = feature.through and any(_parallel(way, outward) for way in ways)
            if not served:
                ways.append(outward)
    for way in ways:
        if not any(np.allclose(way, known, atol=1e-3) for known in reading.access_directions):
            reading.access_directions.append(way)


def _opposite(way: tuple[float, float, float]) -> tuple[float, float, float]:
    return -way[0] + 0.0, -way[1] + 0.0, -way[2] + 0.0


def _parallel(a: tuple[float, float, float], b: tuple[float, float, float]) -> bool:
    return abs(abs(float(np.dot(a, b))) - 1) < 1e-3


def _propose_processes(reading: DrawingReading) -> None:
    turned = reading.turned_profile is not None
    kinds = {feature.type for feature in reading.features}
    off_axis = turned and any(
        feature.type == "hole" and feature.axis is not None and reading.turned_profile is not None
        for feature in reading.features
    )
    if turned:
        reading.processes.append(ProcessProposal("turning", 0.95))
    if not turned or kinds & set(CUT_FEATURES) or off_axis:
        reading.processes.append(ProcessProposal("milling", 0.9 if not turned else 0.85))
    if "hole" in kinds:
        reading.processes.append(ProcessProposal("drilling", 0.9))
