"""Where a straight line runs through material: one intersection answers many questions about holes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from OCP.BRepAdaptor import BRepAdaptor_Surface
from OCP.BRepClass3d import BRepClass3d_SolidClassifier
from OCP.gp import gp_Dir, gp_Lin, gp_Pnt
from OCP.IntCurvesFace import IntCurvesFace_ShapeIntersector
from OCP.TopAbs import TopAbs_IN

from coordinator.modules.drawings.reading.faces import Array, surface_point

REACH_MM = 1e5
SAME_MM = 1e-5
GRAZING = 1e-4


class Inside:
    """Answers whether a point lies in the material."""

    def __init__(self, shape: Any) -> None:
        self._classifier = BRepClass3d_SolidClassifier(shape)

    def __call__(self, point: Array) -> bool:
        self._classifier.Perform(gp_Pnt(*map(float, point)), 1e-4)
        return bool(self._classifier.State() == TopAbs_IN)


@dataclass(frozen=True)
class Material:
    """Stretches of material on a line, positions counted along its direction; and the face met at each crossing."""

    stretches: list[tuple[float, float]]
    faces: dict[float, Any]

    def at(self, position: float) -> bool:
        """True when there is material at a position."""
        return any(low < position < high for low, high in self.stretches)

    def between(self, low: float, high: float, least: float = 0.02) -> bool:
        """True when at least ``least`` mm of material stand between two positions."""
        return sum(max(0.0, min(high, b) - max(low, a)) for a, b in self.stretches) > least

    def next_above(self, position: float) -> float | None:
        """Where material begins above a position; None when nothing stands in the way."""
        return min((low for low, _ in self.stretches if low >= position - 0.02), default=None)

    def next_below(self, position: float) -> float | None:
        """Where material begins below a position; None when nothing stands in the way."""
        return max((high for _, high in self.stretches if high <= position + 0.02), default=None)


class Rays:
    """Shoots lines through one solid."""

    def __init__(self, shape: Any, inside: Inside) -> None:
        self._tool = IntCurvesFace_ShapeIntersector()
        self._tool.Load(shape, 1e-6)
        self._inside = inside

    def material(self, point: Array, direction: Array) -> Material:
        """Material on the line through ``point``; positions are the dot product with ``direction`` (unit)."""
        line = gp_Lin(gp_Pnt(*map(float, point)), gp_Dir(*map(float, direction)))
        self._tool.Perform(line, -REACH_MM, REACH_MM)
        base = float(np.dot(point, direction))
        hits: dict[float, tuple[bool, Any]] = {}
        if self._tool.IsDone():
            for index in range(1, self._tool.NbPnt() + 1):
                place = base + self._tool.WParameter(index)
                face = self._tool.Face(index)
                normal = surface_point(
                    BRepAdaptor_Surface(face),
                    face,
                    self._tool.UParameter(index),
                    self._tool.VParameter(index),
                )[1]
                slope = 0.0 if normal is None else float(np.dot(normal, direction))
                if abs(slope) > GRAZING and all(abs(place - known) > SAME_MM for known in hits):
                    hits[place] = (slope < 0, face)
        places = sorted(hits)
        stretches: list[tuple[float, float]] = []
        for low, high in pairwise(places):
            enters, leaves = hits[low][0], not hits[high][0]
            # Where the two ends disagree (a line along an edge or a seam), a point in the middle decides.
            if enters if enters == leaves else self._inside(point + ((low + high) / 2 - base) * direction):
                stretches.append((low, high))
        return Material(stretches, {place: face for place, (_, face) in hits.items()})
