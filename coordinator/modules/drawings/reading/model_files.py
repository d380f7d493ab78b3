"""Loads STEP and IGES files into shapes in mm, and sews loose surfaces to solids where they close."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from OCP.BRep import BRep_Builder, BRep_Tool
from OCP.BRepBuilderAPI import BRepBuilderAPI_MakeSolid, BRepBuilderAPI_Sewing
from OCP.BRepLib import BRepLib
from OCP.IFSelect import IFSelect_RetDone
from OCP.IGESControl import IGESControl_Reader
from OCP.Interface import Interface_Static
from OCP.STEPControl import STEPControl_Reader
from OCP.TopAbs import TopAbs_SHELL, TopAbs_SOLID
from OCP.TopExp import TopExp_Explorer
from OCP.TopoDS import TopoDS, TopoDS_Compound

from coordinator.modules.drawings.reading.faces import is_tessellated, iter_faces
from coordinator.modules.drawings.reading.measure import size_mm
from coordinator.modules.drawings.reading.model import Kind, ReadingFailedError

SEWING_SHARES = (1e-5, 1e-4)
"""Gaps which may be closed, as shares of the size of the model."""
MAX_SEWN_FACES = 2000


@dataclass
class Model:
    """A loaded file: everything in it, its solids, and whether they had to be sewn from surfaces."""

    shape: Any
    solids: list[Any] = field(default_factory=list)
    sewn: bool = False


def load_model(path: Path, kind: Kind) -> Model:
    """Load a file; raises ReadingFailedError when it cannot be read or is empty."""
    Interface_Static.SetCVal_s("xstep.cascade.unit", "MM")
    reader = STEPControl_Reader() if kind == "step" else IGESControl_Reader()
    if reader.ReadFile(str(path)) != IFSelect_RetDone:
        raise ReadingFailedError("drawing.corrupt", "Modèle 3D illisible ou incomplet.")
    reader.TransferRoots()
    if reader.NbShapes() == 0:
        raise ReadingFailedError("drawing.empty_model", "Le modèle ne contient aucune forme géométrique.")
    shape = reader.OneShape()
    faces = iter_faces(shape)
    if not faces:
        raise ReadingFailedError("drawing.empty_model", "Le modèle ne contient aucune surface.")
    model = Model(shape, explore(shape, TopAbs_SOLID))
    if not model.solids and len(faces) <= MAX_SEWN_FACES and not any(map(is_tessellated, faces)):
        model.solids = _sew(faces)
        model.sewn = bool(model.solids)
    return model


def explore(shape: Any, kind: Any) -> list[Any]:
    """Every sub-shape of a kind, in order."""
    found = []
    explorer = TopExp_Explorer(shape, kind)
    while explorer.More():
        found.append(explorer.Current())
        explorer.Next()
    return found


def compound(shapes: list[Any]) -> Any:
    """Several shapes as one."""
    whole, builder = TopoDS_Compound(), BRep_Builder()
    builder.MakeCompound(whole)
    for shape in shapes:
        builder.Add(whole, shape)
    return whole


def _sew(faces: list[Any]) -> list[Any]:
    """Solids made of all faces, or none: a single face left over means that something is missing."""
    size = max(size_mm(compound(faces)))
    for share in SEWING_SHARES:
        sewing = BRepBuilderAPI_Sewing(max(share * size, 1e-6))
        for face in faces:
            sewing.Add(face)
        sewing.Perform()
        sewn = sewing.SewedShape()
        if sewn is None or sewn.IsNull():
            continue
        shells = [TopoDS.Shell_s(shell) for shell in explore(sewn, TopAbs_SHELL)]
        inside = sum(len(iter_faces(shell)) for shell in shells)
        if not shells or inside < len(iter_faces(sewn)) or not all(BRep_Tool.IsClosed_s(s) for s in shells):
            continue
        solids = []
        for shell in shells:
            solid = BRepBuilderAPI_MakeSolid(shell).Solid()
            BRepLib.OrientClosedSolid_s(solid)
            solids.append(solid)
        return solids
    return []
