"""Measures of triangles: envelope, area and volume of tessellated bodies (DRW-04, DRW-51)."""

from __future__ import annotations

from typing import Any

import numpy as np
from OCP.BRep import BRep_Tool
from OCP.TopLoc import TopLoc_Location

from coordinator.modules.drawings.reading.faces import Array
from coordinator.modules.drawings.reading.model import ReadingFailedError, Solid


def measure_triangles(corners: Array, bodies: int = 1) -> Solid:
    """Measure triangles given as an array (n, 3, 3) in mm: area, signed volume (divergence theorem) and envelope.

    Raises ReadingFailedError when there is no surface.
    """
    if len(corners) == 0 or not np.isfinite(corners).all():
        raise ReadingFailedError("drawing.empty_model", "Le modèle ne contient aucune surface mesurable.")
    # Counting from the middle keeps the sums exact for parts far from the origin.
    middle = corners.reshape(-1, 3).mean(axis=0)
    near = corners - middle
    cross = np.cross(near[:, 1] - near[:, 0], near[:, 2] - near[:, 0])
    area = float(np.linalg.norm(cross, axis=1).sum()) / 2
    if area == 0.0:
        raise ReadingFailedError("drawing.empty_model", "Le modèle ne contient aucune surface mesurable.")
    volume = abs(float(np.einsum("ij,ij->", near[:, 0], cross))) / 6
    size = near.reshape(-1, 3).max(axis=0) - near.reshape(-1, 3).min(axis=0)
    return Solid(volume, area, (float(size[0]), float(size[1]), float(size[2])), bodies, estimated=True)


def triangles_of(faces: list[Any]) -> Array:
    """Triangles of tessellated faces as an array (n, 3, 3)."""
    found = [corners for face in faces if len(corners := _triangles(face))]
    return np.concatenate(found) if found else np.zeros((0, 3, 3))


def _triangles(face: Any) -> Array:
    mesh = BRep_Tool.Triangulation_s(face, TopLoc_Location())
    if mesh is None:
        return np.zeros((0, 3, 3))
    nodes = np.array([(p.X(), p.Y(), p.Z()) for p in (mesh.Node(i + 1) for i in range(mesh.NbNodes()))])
    corners = np.array([mesh.Triangle(i + 1).Get() for i in range(mesh.NbTriangles())], dtype=int) - 1
    return np.asarray(nodes[corners]) if len(corners) else np.zeros((0, 3, 3))
