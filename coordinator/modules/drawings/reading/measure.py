"""Measures of solids: exact envelope, area, volume, validity, and a comparison with what the file says about itself."""

from __future__ import annotations

from typing import Any

from OCP.Bnd import Bnd_Box
from OCP.BRepBndLib import BRepBndLib
from OCP.BRepCheck import BRepCheck_Analyzer
from OCP.BRepGProp import BRepGProp
from OCP.GProp import GProp_GProps

from coordinator.modules.drawings.reading.faces import Face, boundary_points, iter_faces
from coordinator.modules.drawings.reading.model import Vector

SURE_MM = 1e-4


def volume_mm3(solid: Any) -> float:
    """Volume of a solid, mm³; never negative."""
    properties = GProp_GProps()
    BRepGProp.VolumeProperties_s(solid, properties)
    return abs(float(properties.Mass()))


def area_mm2(faces: list[Face]) -> float:
    """Surface of measured faces, mm²."""
    return sum(face.area for face in faces)


def is_valid(solid: Any) -> bool:
    """True when the kernel finds no fault in the solid."""
    return bool(BRepCheck_Analyzer(solid, True, True).IsValid())


def size_mm(shape: Any) -> Vector:
    """Exact envelope along the axes of the model, mm.

    The tight box of a face is slow to compute, so it is only asked of faces whose quick, loose box reaches beyond what the
    edges already cover.
    """
    faces = iter_faces(shape)
    sure = [float("inf")] * 3 + [float("-inf")] * 3
    for face in faces:
        points = boundary_points(face, 2)
        if len(points):
            low, high = points.min(axis=0), points.max(axis=0)
            sure = [min(a, float(b)) for a, b in zip(sure[:3], low, strict=True)] + [
                max(a, float(b)) for a, b in zip(sure[3:], high, strict=True)
            ]
    ranked = []
    for face in faces:
        loose = Bnd_Box()
        BRepBndLib.Add_s(face, loose, False)
        if not loose.IsVoid():
            ranked.append((_beyond(loose, sure), face))
    for beyond, face in sorted(ranked, key=lambda item: -item[0]):
        if beyond <= SURE_MM:
            break
        loose = Bnd_Box()
        BRepBndLib.Add_s(face, loose, False)
        if _beyond(loose, sure) <= SURE_MM:
            continue
        tight = Bnd_Box()
        BRepBndLib.AddOptimal_s(face, tight, False, False)
        if not tight.IsVoid():
            box = tight.Get()
            sure = [min(a, b) for a, b in zip(sure[:3], box[:3], strict=True)] + [
                max(a, b) for a, b in zip(sure[3:], box[3:], strict=True)
            ]
    return sure[3] - sure[0], sure[4] - sure[1], sure[5] - sure[2]


def _beyond(box: Bnd_Box, sure: list[float]) -> float:
    """How far a box reaches beyond the sure one."""
    edges = box.Get()
    gap = box.GetGap()
    below = [float(sure[i] - edges[i] - gap) for i in range(3)]
    return max(below + [float(edges[i] - gap - sure[i]) for i in range(3, 6)])
