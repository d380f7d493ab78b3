"""Solids with known truth, made with the CAD kernel, and files of them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from OCP.BRep import BRep_Builder
from OCP.BRepAlgoAPI import BRepAlgoAPI_Cut, BRepAlgoAPI_Fuse
from OCP.BRepBuilderAPI import BRepBuilderAPI_NurbsConvert, BRepBuilderAPI_Transform
from OCP.BRepPrimAPI import (
    BRepPrimAPI_MakeBox,
    BRepPrimAPI_MakeCone,
    BRepPrimAPI_MakeCylinder,
    BRepPrimAPI_MakeSphere,
    BRepPrimAPI_MakeTorus,
)
from OCP.gp import gp_Ax1, gp_Ax2, gp_Dir, gp_Pnt, gp_Trsf, gp_Vec
from OCP.IGESControl import IGESControl_Writer
from OCP.Interface import Interface_Static
from OCP.ShapeUpgrade import ShapeUpgrade_UnifySameDomain
from OCP.STEPControl import STEPControl_AsIs, STEPControl_Writer
from OCP.TopoDS import TopoDS_Compound

X, Y, Z = (1, 0, 0), (0, 1, 0), (0, 0, 1)


def box(x, y, z, at=(0, 0, 0)):
    return BRepPrimAPI_MakeBox(gp_Pnt(*map(float, at)), float(x), float(y), float(z)).Shape()


def frame(at, way):
    return gp_Ax2(gp_Pnt(*map(float, at)), gp_Dir(*map(float, way)))


def rod(diameter, length, at=(0, 0, 0), way=Z, turn=2 * math.pi):
    return BRepPrimAPI_MakeCylinder(frame(at, way), diameter / 2, float(length), turn).Shape()


def cone(d0, d1, length, at=(0, 0, 0), way=Z):
    return BRepPrimAPI_MakeCone(frame(at, way), d0 / 2, d1 / 2, float(length)).Shape()


def ball(diameter, at):
    return BRepPrimAPI_MakeSphere(gp_Pnt(*map(float, at)), diameter / 2).Shape()


def ring(major_diameter, minor_diameter, at=(0, 0, 0), way=Z):
    return BRepPrimAPI_MakeTorus(frame(at, way), major_diameter / 2, minor_diameter / 2).Shape()


def cut(shape, *tools):
    for tool in tools:
        shape = BRepAlgoAPI_Cut(shape, tool).Shape()
    return shape


def fuse(shape, *others):
    """One solid, its coplanar and coaxial faces joined as CAD systems do."""
    for other in others:
        shape = BRepAlgoAPI_Fuse(shape, other).Shape()
    joined = ShapeUpgrade_UnifySameDomain(shape, True, True, False)
    joined.Build()
    return joined.Shape()


def moved(shape, by=(0, 0, 0), axis=Z, degrees=0.0, mirror=False):
    turn, shift = gp_Trsf(), gp_Trsf()
    if mirror:
        turn.SetMirror(gp_Ax2(gp_Pnt(0, 0, 0), gp_Dir(1, 0, 0)))
    elif degrees:
        turn.SetRotation(gp_Ax1(gp_Pnt(0, 0, 0), gp_Dir(*map(float, axis))), math.radians(degrees))
    shift.SetTranslation(gp_Vec(*map(float, by)))
    return BRepBuilderAPI_Transform(shape, shift.Multiplied(turn), True).Shape()


def as_splines(shape):
    """The same solid with every surface as a B-spline."""
    return BRepBuilderAPI_NurbsConvert(shape, True).Shape()


def together(*shapes):
    whole, builder = TopoDS_Compound(), BRep_Builder()
    builder.MakeCompound(whole)
    for shape in shapes:
        builder.Add(whole, shape)
    return whole


def step_file(folder: Path, shape, name="model", unit="MM"):
    path = folder / f"{name}.step"
    Interface_Static.SetCVal_s("write.step.unit", unit)
    writer = STEPControl_Writer()
    writer.Transfer(shape, STEPControl_AsIs)
    writer.Write(str(path))
    Interface_Static.SetCVal_s("write.step.unit", "MM")
    return path


def iges_file(folder: Path, shape, *, solids: bool):
    """An IGES file, as solids (mode 1) or as loose trimmed surfaces (mode 0)."""
    path = folder / f"model{int(solids)}.igs"
    writer = IGESControl_Writer("MM", int(solids))
    writer.AddShape(shape)
    writer.ComputeModel()
    writer.Write(str(path))
    return path


def unit(way):
    return np.array(way, dtype=float) / np.linalg.norm(way)
