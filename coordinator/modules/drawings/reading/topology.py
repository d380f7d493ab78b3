"""How the faces of a solid meet: neighbours across edges, inner and outer corners, loops of a face."""

from __future__ import annotations

from typing import Any

import numpy as np
from OCP.BRep import BRep_Tool
from OCP.BRepAdaptor import BRepAdaptor_Curve, BRepAdaptor_Surface
from OCP.BRepTools import BRepTools, BRepTools_WireExplorer
from OCP.gp import gp_Pnt, gp_Vec
from OCP.ShapeAnalysis import ShapeAnalysis_Surface
from OCP.TopAbs import TopAbs_EDGE, TopAbs_FACE, TopAbs_REVERSED, TopAbs_WIRE
from OCP.TopExp import TopExp, TopExp_Explorer
from OCP.TopoDS import TopoDS
from OCP.TopTools import TopTools_IndexedDataMapOfShapeListOfShape

from coordinator.modules.drawings.reading.faces import Array, Face, surface_point

SMOOTH_SINE = 0.02
MIN_FACETS = 12
"""A box cut into triangles has as many."""
FACET_SHARE = 0.8


class Neighbours:
    """Which faces meet along an edge, and whether the material makes an inner corner there."""

    def __init__(self, shape: Any, faces: list[Face]) -> None:
        self._map = TopTools_IndexedDataMapOfShapeListOfShape()
        TopExp.MapShapesAndAncestors_s(shape, TopAbs_EDGE, TopAbs_FACE, self._map)
        self._by_hash = {hash(face.shape): face for face in faces}

    def across(self, edge: Any, face: Face) -> Face | None:
        """The other face at an edge."""
        if not self._map.Contains(edge):
            return None
        for shape in self._map.FindFromKey(edge):
            other = self._by_hash.get(hash(shape))
            if other is not None and other.index != face.index:
                return other
        return None

    def turn(self, edge: Any, face: Face, other: Face) -> float:
        """Sine of the turn from one face to the other: negative at an inner corner, positive at an outer one, 0 smooth."""
        curve = BRepAdaptor_Curve(edge)
        point, tangent = gp_Pnt(), gp_Vec()
        curve.D1((curve.FirstParameter() + curve.LastParameter()) / 2, point, tangent)
        if tangent.Magnitude() < 1e-9:
            return 0.0
        tangent.Normalize()
        sign = -1.0 if edge.Orientation() == TopAbs_REVERSED else 1.0
        way = sign * np.array([tangent.X(), tangent.Y(), tangent.Z()])
        own, their = _normal_at(face, point), _normal_at(other, point)
        if own is None or their is None:
            return 0.0
        return float(np.dot(np.cross(own, their), way))

    def is_inner_corner(self, edge: Any, face: Face, other: Face) -> bool:
        """True when the walls form an inner corner at the edge, or run smoothly into a concave rounding."""
        turn = self.turn(edge, face, other)
        if abs(turn) < SMOOTH_SINE:
            return other.kind in ("cylinder", "torus", "sphere") and other.concave
        return turn < 0

    def is_outer_corner(self, edge: Any, face: Face, other: Face) -> bool:
        """True when the material ends in an outer corner at the edge, or in a convex rounding."""
        turn = self.turn(edge, face, other)
        if abs(turn) < SMOOTH_SINE:
            return other.kind in ("cylinder", "torus", "sphere") and not other.concave
        return turn > 0


def _normal_at(face: Face, point: gp_Pnt) -> Array | None:
    if face.kind == "plane":
        return face.normal
    place = ShapeAnalysis_Surface(BRep_Tool.Surface_s(face.shape)).ValueOfUV(point, 1e-3)
    return surface_point(BRepAdaptor_Surface(face.shape), face.shape, place.X(), place.Y())[1]


def outer_edges(face: Face) -> list[Any]:
    """Edges of the outer loop of a face, in order."""
    return wire_edges(BRepTools.OuterWire_s(face.shape), face)


def inner_loops(face: Face) -> list[list[Any]]:
    """Edges of each opening or island of a face."""
    outer = BRepTools.OuterWire_s(face.shape)
    loops = []
    explorer = TopExp_Explorer(face.shape, TopAbs_WIRE)
    while explorer.More():
        wire = TopoDS.Wire_s(explorer.Current())
        explorer.Next()
        if not wire.IsSame(outer):
            loops.append(wire_edges(wire, face))
    return loops


def is_faceted(faces: list[Face]) -> bool:
    """True for a solid made of a triangle mesh: its round surfaces are only approached by flat facets."""
    if len(faces) < MIN_FACETS or any(face.kind != "plane" for face in faces):
        return False
    return sum(len(outer_edges(face)) == 3 for face in faces) >= FACET_SHARE * len(faces)


def filled_area(face: Face, neighbours: Neighbours) -> float:
    """Area of a flat floor as it was milled: holes that open in it included, islands left out, mm²."""
    area = face.area
    normal = face.normal
    for loop in inner_loops(face) if normal is not None else []:
        beside = [(edge, neighbours.across(edge, face)) for edge in loop]
        if normal is None or not all(
            w is not None and neighbours.is_outer_corner(e, face, w) for e, w in beside
        ):
            continue
        points = np.array([p for edge in loop for p in edge_points(edge, 32)])
        spokes = points - points.mean(axis=0)
        turns = np.cross(spokes, np.roll(spokes, -1, axis=0)) @ normal
        area += abs(float(turns.sum())) / 2
    return area


def wire_edges(wire: Any, face: Face) -> list[Any]:
    """Edges of a loop, in order."""
    walker = BRepTools_WireExplorer(wire, face.shape)
    edges = []
    while walker.More():
        edges.append(walker.Current())
        walker.Next()
    return edges


def edge_points(edge: Any, samples: int = 4) -> list[Array]:
    """Points along an edge, its last end left out."""
    curve = BRepAdaptor_Curve(edge)
    first, last = curve.FirstParameter(), curve.LastParameter()
    points = [curve.Value(first + share / samples * (last - first)) for share in range(samples)]
    return [np.array([p.X(), p.Y(), p.Z()]) for p in points]


def edge_ends(edge: Any) -> tuple[Array, Array]:
    """Both ends of an edge."""
    curve = BRepAdaptor_Curve(edge)
    ends = [curve.Value(curve.FirstParameter()), curve.Value(curve.LastParameter())]
    first, last = (np.array([p.X(), p.Y(), p.Z()]) for p in ends)
    return first, last
