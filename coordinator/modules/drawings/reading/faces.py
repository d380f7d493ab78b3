"""Facts about the faces of a solid which every recogniser needs: surface kind, axis, radius, concavity, extent on the axis."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from OCP.BRep import BRep_Tool
from OCP.BRepAdaptor import BRepAdaptor_Curve, BRepAdaptor_Surface
from OCP.BRepGProp import BRepGProp
from OCP.BRepTools import BRepTools
from OCP.GeomAbs import GeomAbs_SurfaceType as SurfaceType
from OCP.gp import gp_Cone, gp_Cylinder, gp_Pln, gp_Pnt, gp_Sphere, gp_Vec
from OCP.GProp import GProp_GProps
from OCP.ShapeAnalysis import ShapeAnalysis_CanonicalRecognition
from OCP.TopAbs import TopAbs_EDGE, TopAbs_FACE, TopAbs_REVERSED
from OCP.TopExp import TopExp_Explorer
from OCP.TopoDS import TopoDS

Array = np.ndarray[Any, np.dtype[np.float64]]

_KINDS = {
    SurfaceType.GeomAbs_Plane: "plane",
    SurfaceType.GeomAbs_Cylinder: "cylinder",
    SurfaceType.GeomAbs_Cone: "cone",
    SurfaceType.GeomAbs_Torus: "torus",
    SurfaceType.GeomAbs_Sphere: "sphere",
    SurfaceType.GeomAbs_SurfaceOfRevolution: "revolution",
}
AXIS_TOLERANCE_MM = 0.01
DIRECTION_TOLERANCE = 1e-4
RECOGNITION_TOLERANCE_MM = 0.005
SAMPLES_PER_EDGE = 24


@dataclass(frozen=True)
class Axis:
    """An undirected line: the point nearest the origin and a unit direction whose first non-zero part is positive."""

    point: tuple[float, float, float]
    direction: tuple[float, float, float]

    def same_line(self, other: Axis) -> bool:
        """True when both are the same line within 0.01 mm."""
        return (
            math.dist(self.direction, other.direction) < DIRECTION_TOLERANCE
            and math.dist(self.point, other.point) < AXIS_TOLERANCE_MM
        )

    def along(self, point: Array) -> float:
        """Position of a point along the line, mm."""
        return float(np.dot(point, self.direction))

    def distance(self, point: Array) -> float:
        """Distance of a point from the line, mm."""
        offset = point - np.array(self.point)
        return float(np.linalg.norm(offset - np.dot(offset, self.direction) * np.array(self.direction)))

    def angle(self, point: Array) -> float:
        """Angle of a point around the line, radians, from a direction that depends on the line only."""
        way = np.array(self.direction)
        first = np.cross(way, np.eye(3)[int(np.argmin(np.abs(way)))])
        first /= np.linalg.norm(first)
        offset = point - np.array(self.point)
        return math.atan2(float(np.dot(offset, np.cross(way, first))), float(np.dot(offset, first)))

    def at(self, position: float) -> Array:
        """The point of the line at a position along it."""
        direction = np.array(self.direction)
        return np.array(self.point) + (position - float(np.dot(self.point, direction))) * direction


@dataclass
class Face:
    """One face with what was measured on it; ``ends`` are (position along its axis, radius) at both ends, mm."""

    index: int
    shape: Any
    kind: str
    area: float
    normal: Array | None = None
    axis: Axis | None = None
    concave: bool = False
    u_span: float = 0.0
    ends: list[tuple[float, float]] = field(default_factory=list)
    arc: tuple[float, float] = (0.0, math.pi)
    """Middle angle and half width of the face around its axis, radians, from `Axis.angle`."""
    centre: Array | None = None
    centroid: tuple[float, float, float] = (0.0, 0.0, 0.0)
    point: Array = field(default_factory=lambda: np.zeros(3))

    @property
    def radius(self) -> float:
        """Radius of a cylinder, mm."""
        return self.ends[0][1]

    @property
    def span(self) -> tuple[float, float]:
        """Lowest and highest position along the axis, mm."""
        positions = [position for position, _ in self.ends]
        return min(positions), max(positions)


def make_axis(point: Array, direction: Array) -> Axis:
    """Build the canonical axis through a point."""
    direction = direction / np.linalg.norm(direction)
    leading = next(part for part in direction if abs(part) > 1e-6)
    direction = np.where(np.abs(direction) < 1e-9, 0.0, direction) * math.copysign(1.0, leading)
    nearest = point - np.dot(point, direction) * direction
    return Axis(tuple(float(v) for v in nearest), tuple(float(v) for v in direction))  # type: ignore[arg-type]


def iter_faces(shape: Any) -> list[Any]:
    """All faces of a shape."""
    found = []
    explorer = TopExp_Explorer(shape, TopAbs_FACE)
    while explorer.More():
        found.append(TopoDS.Face_s(explorer.Current()))
        explorer.Next()
    return found


def is_tessellated(face: Any) -> bool:
    """True for a face which has triangles but no surface."""
    return BRep_Tool.Surface_s(face) is None


def describe_faces(shape: Any) -> list[Face]:
    """Measure every face that has a surface."""
    return [
        _describe(index, face) for index, face in enumerate(iter_faces(shape)) if not is_tessellated(face)
    ]


def _describe(index: int, face: Any) -> Face:
    surface = BRepAdaptor_Surface(face)
    kind = _KINDS.get(surface.GetType(), "other")
    properties = GProp_GProps()
    BRepGProp.SurfaceProperties_s(face, properties)
    u0, u1, v0, v1 = BRepTools.UVBounds_s(face)
    fact = Face(index, face, kind, properties.Mass(), u_span=u1 - u0)
    centroid = properties.CentreOfMass()
    fact.centroid = (centroid.X(), centroid.Y(), centroid.Z())
    fact.point, fact.normal = surface_point(surface, face, (u0 + u1) / 2, (v0 + v1) / 2)
    if kind in ("other", "revolution") and _recognise(fact):
        return fact
    frame = _frame(surface, kind)
    if frame is None or fact.normal is None:
        return fact
    fact.axis = make_axis(*frame)
    fact.centre = frame[0]
    for v in (v0, (v0 + v1) / 2, v1):
        point, _ = surface_point(surface, face, (u0 + u1) / 2, v)
        fact.ends.append((fact.axis.along(point), fact.axis.distance(point)))
    fact.arc = (fact.axis.angle(fact.point), (u1 - u0) / 2)
    fact.concave = _is_concave(fact)
    return fact


def _is_concave(fact: Face) -> bool:
    """True when the outward normal looks at the axis, or at the middle of a sphere or of the tube of a ring."""
    if fact.axis is None or fact.normal is None:
        return False
    middle = fact.axis.at(fact.axis.along(fact.point))
    if fact.kind == "sphere" and fact.centre is not None:
        middle = fact.centre
    elif fact.kind == "torus":
        tube = BRepAdaptor_Surface(fact.shape).Torus()
        where = tube.Location()
        centre = np.array([where.X(), where.Y(), where.Z()])
        outward = fact.point - fact.axis.at(fact.axis.along(fact.point))
        length = float(np.linalg.norm(outward))
        if length > 1e-9:
            middle = centre + outward / length * tube.MajorRadius()
    return float(np.dot(fact.point - middle, fact.normal)) < 0


def _frame(surface: BRepAdaptor_Surface, kind: str) -> tuple[Array, Array] | None:
    if kind == "revolution":
        line = surface.AxeOfRevolution()
    elif kind in ("cylinder", "cone", "torus", "sphere"):
        line = getattr(surface, kind.capitalize())().Position().Axis()
    else:
        return None
    place, way = line.Location(), line.Direction()
    return np.array([place.X(), place.Y(), place.Z()]), np.array([way.X(), way.Y(), way.Z()])


def _recognise(fact: Face) -> bool:
    """Find the plane, cylinder, cone or sphere behind a free-form surface; False when it is none of them."""
    found = ShapeAnalysis_CanonicalRecognition(fact.shape)
    for kind, form, asked in (
        ("plane", gp_Pln(), found.IsPlane),
        ("cylinder", gp_Cylinder(), found.IsCylinder),
        ("cone", gp_Cone(), found.IsCone),
        ("sphere", gp_Sphere(), found.IsSphere),
    ):
        if not asked(RECOGNITION_TOLERANCE_MM, form):
            continue
        if kind == "plane":
            fact.kind = "plane"
            return True
        line = form.Position().Axis()
        place, way = line.Location(), line.Direction()
        centre = np.array([place.X(), place.Y(), place.Z()])
        axis = make_axis(centre, np.array([way.X(), way.Y(), way.Z()]))
        points = boundary_points(fact.shape)
        if len(points) < 3:
            return False
        _measure_around(fact, axis, points)
        fact.kind, fact.axis, fact.centre = kind, axis, centre
        fact.concave = _is_concave(fact)
        return True
    return False


def _measure_around(fact: Face, axis: Axis, points: Array) -> None:
    """Extent along and around an axis, from points of the boundary."""
    spots = sorted((axis.along(point), axis.distance(point)) for point in points)
    middle = ((spots[0][0] + spots[-1][0]) / 2, (spots[0][1] + spots[-1][1]) / 2)
    fact.ends = [spots[0], middle, spots[-1]]
    angles = sorted(axis.angle(point) for point in points)
    gaps = [b - a for a, b in zip(angles, [*angles[1:], angles[0] + 2 * math.pi], strict=True)]
    widest = int(np.argmax(gaps))
    if gaps[widest] < 2.5 * 2 * math.pi / SAMPLES_PER_EDGE:
        fact.arc, fact.u_span = (0.0, math.pi), 2 * math.pi
    else:
        fact.u_span = 2 * math.pi - gaps[widest]
        fact.arc = (angles[(widest + 1) % len(angles)] + fact.u_span / 2, fact.u_span / 2)


def boundary_points(face: Any, samples: int = SAMPLES_PER_EDGE) -> Array:
    """Points along all edges of a face."""
    points = []
    explorer = TopExp_Explorer(face, TopAbs_EDGE)
    while explorer.More():
        edge = TopoDS.Edge_s(explorer.Current())
        explorer.Next()
        if BRep_Tool.Degenerated_s(edge):
            continue
        curve = BRepAdaptor_Curve(edge)
        first, last = curve.FirstParameter(), curve.LastParameter()
        for step in range(samples + 1):
            spot = curve.Value(first + (last - first) * step / samples)
            points.append((spot.X(), spot.Y(), spot.Z()))
    return np.array(points)


def surface_point(surface: BRepAdaptor_Surface, face: Any, u: float, v: float) -> tuple[Array, Array | None]:
    """Point and outward unit normal of a face at surface parameters; the normal is None where it is not defined."""
    point, along_u, along_v = gp_Pnt(), gp_Vec(), gp_Vec()
    surface.D1(u, v, point, along_u, along_v)
    cross = along_u.Crossed(along_v)
    place = np.array([point.X(), point.Y(), point.Z()])
    if cross.Magnitude() < 1e-12:
        return place, None
    cross.Normalize()
    sign = -1.0 if face.Orientation() == TopAbs_REVERSED else 1.0
    return place, sign * np.array([cross.X(), cross.Y(), cross.Z()])
