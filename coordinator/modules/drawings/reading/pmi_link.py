"""Ties the annotations of a model to its features: counts, tolerances, threads and roughness per hole (DRW-18, DRW-21)."""

from __future__ import annotations

from typing import Any

import numpy as np

from coordinator.modules.drawings.reading.faces import Face, make_axis
from coordinator.modules.drawings.reading.holes import group_by_axis
from coordinator.modules.drawings.reading.model import Dimension, DrawingReading, Feature
from coordinator.modules.drawings.reading.pmi import Pmi
from coordinator.modules.drawings.reading.pmi_dimensions import find_thread, write_dimension
from coordinator.modules.drawings.reading.step_text import StepText

INCH_MM = 25.4
SAME_SIZE_MM = 0.02
_SURFACES = {"PLANE": "plane", "CYLINDRICAL_SURFACE": "cylinder", "CONICAL_SURFACE": "cone", "TOROIDAL_SURFACE": "torus",
             "SPHERICAL_SURFACE": "sphere"}  # fmt: skip


def match_faces(text: StepText, solids: list[list[Face]]) -> dict[int, Face]:
    """Faces of the measured solids by their number in the file.

    The kernel keeps the order of the faces of a shell. A shell is only used when its number of faces and their kinds agree
    with the solid; an assembly that uses one solid several times matches its first use.
    """
    found: dict[int, Face] = {}
    for numbers, faces, _ in _pairs(text, solids):
        found.update(zip(map(int, numbers), faces, strict=True))
    return found


def brep_names(text: StepText, solids: list[list[Face]]) -> list[str | None]:
    """The name of each measured solid: that of its product, else that of the solid itself."""
    names: list[str | None] = [None] * len(solids)
    products = _product_of_items(text)
    holders = {args[1]: record.number for record in text.of("MANIFOLD_SOLID_BREP", "BREP_WITH_VOIDS")
               if (args := record.get_any("MANIFOLD_SOLID_BREP", "BREP_WITH_VOIDS") or []) and len(args) > 1}  # fmt: skip
    for _, faces, shell in _pairs(text, solids):
        brep = holders.get(shell)
        own = text[brep].get_any("MANIFOLD_SOLID_BREP", "BREP_WITH_VOIDS") or [""]
        index = next(i for i, known in enumerate(solids) if known is faces)
        names[index] = products.get(brep or 0) or str(own[0] or "").strip() or None
    return names


def _product_of_items(text: StepText) -> dict[int, str]:
    """Product name by the number of a representation item."""
    names: dict[int, str] = {}
    other: dict[int, list[int]] = {}
    for record in text.of("SHAPE_REPRESENTATION_RELATIONSHIP"):
        if "REPRESENTATION_RELATIONSHIP_WITH_TRANSFORMATION" in record:
            continue
        args = (
            record.get("SHAPE_REPRESENTATION_RELATIONSHIP") or record.get("REPRESENTATION_RELATIONSHIP") or []
        )
        if len(args) > 3:
            other.setdefault(args[2], []).append(args[3])
            other.setdefault(args[3], []).append(args[2])
    for record in text.of("SHAPE_DEFINITION_REPRESENTATION"):
        shape, holder = record["SHAPE_DEFINITION_REPRESENTATION"][:2]
        definition = text[shape].get("PRODUCT_DEFINITION_SHAPE") or [None] * 3
        version = text[definition[2]].get("PRODUCT_DEFINITION") or [None] * 3
        formation = text[version[2]]
        product = (formation.get_any(
            "PRODUCT_DEFINITION_FORMATION", "PRODUCT_DEFINITION_FORMATION_WITH_SPECIFIED_SOURCE") or [None] * 3)[2]  # fmt: skip
        said = text[product].get("PRODUCT") or ["", ""]
        name = str(said[1] or said[0] or "").strip()
        for number in [holder, *other.get(holder, [])] if name else []:
            for args in text[number].values():
                for item in args[1] if len(args) > 1 and isinstance(args[1], list) else []:
                    names.setdefault(item, name)
    return names


def _pairs(text: StepText, solids: list[list[Face]]) -> list[tuple[list[Any], list[Face], int]]:
    """Shells of the file and the measured solids which they became."""
    found = []
    shells = [
        (args[1], record.number)
        for record in text.of("CLOSED_SHELL", "OPEN_SHELL")
        if len(args := record.get_any("CLOSED_SHELL", "OPEN_SHELL") or []) > 1 and isinstance(args[1], list)
    ]
    left = list(solids)
    for numbers, shell in shells:
        kinds = [_kind(text, number) for number in numbers]
        for faces in left:
            if len(faces) == len(numbers) and all(
                kind is None or kind == face.kind for kind, face in zip(kinds, faces, strict=True)
            ):
                found.append((numbers, faces, shell))
                left = [other for other in left if other is not faces]
                break
    return found


def _kind(text: StepText, number: Any) -> str | None:
    args = text[number].get_any("ADVANCED_FACE", "FACE_SURFACE") or []
    surface = text[args[2]] if len(args) > 2 else {}
    return next((_SURFACES[name] for name in surface if name in _SURFACES), None)


def link_pmi(reading: DrawingReading, pmi: Pmi, faces: dict[int, Face], owners: dict[int, Feature]) -> None:
    """Add the annotations to the reading; ``owners`` gives the feature of a face (by identity of the face)."""

    def features(numbers: list[int]) -> list[Feature]:
        known = {id(owner): owner for n in numbers if n in faces and (owner := owners.get(id(faces[n])))}
        return list(known.values())

    holes = list({id(owner): owner for owner in owners.values()}.values())
    for place, (dimension, numbers) in enumerate(pmi.dimensions):
        scale = INCH_MM if dimension.unit == "inch" else 1.0
        own = features(numbers) or _on_lines(holes, pmi.lines.get(place, []), scale)
        _count(dimension, [faces[n] for n in numbers if n in faces])
        dimension.feature_ids = [feature.id for feature in own]
        reading.dimensions.append(dimension)
        for feature in own:
            _apply(feature, dimension)
    for tolerance, numbers in pmi.tolerances:
        tolerance.feature_ids = [feature.id for feature in features(numbers)]
        reading.geometric_tolerances.append(tolerance)
    for datum, numbers in pmi.datums:
        datum.feature_ids = [feature.id for feature in features(numbers)]
        reading.datums.append(datum)
    for note, numbers in pmi.notes:
        reading.notes.append(note)
        thread = find_thread(note.text)
        for feature in features(numbers) if thread else []:
            _tap(feature, thread)
    for texture, numbers in pmi.textures:
        reading.surface_textures.append(texture)
        for feature in features(numbers):
            feature.ra_um = min(feature.ra_um or texture.value_um, texture.value_um)
    _warn(reading, pmi)


def _on_lines(
    holes: list[Feature], lines: list[tuple[tuple[float, ...], tuple[float, ...]]], scale: float
) -> list[Feature]:
    """Holes whose axis runs through the middle of circles drawn for a thread."""
    found = []
    for point, way in lines:
        axis = make_axis(scale * np.array(point), np.array(way))
        found += [
            hole for hole in holes
            if hole.axis is not None and hole.positions_mm
            and axis.same_line(make_axis(np.array(hole.positions_mm[0]), np.array(hole.axis)))
        ]  # fmt: skip
    return found


def _count(dimension: Dimension, faces: list[Face]) -> None:
    """Count of a size on a pattern, where the file does not write it: one per axis, pieces of one wall together."""
    if dimension.count > 1 or dimension.kind not in ("diameter", "thread"):
        return
    walls = [face for face in faces if face.kind == "cylinder"]
    dimension.count = max(1, len(group_by_axis(walls)))
    if dimension.count > 1:
        dimension.text = f"{dimension.count}x {dimension.text}"


def _apply(feature: Feature, dimension: Dimension) -> None:
    """Give a hole the tolerance of its diameter, or its thread."""
    if feature.type not in ("hole", "bore") or feature.diameter_mm is None or dimension.nominal is None:
        return
    if dimension.thread:
        _tap(feature, dimension.thread)
        return
    scale = INCH_MM if dimension.unit == "inch" else 1.0
    if dimension.kind != "diameter" or abs(dimension.nominal * scale - feature.diameter_mm) > SAME_SIZE_MM:
        return
    feature.fit = dimension.fit
    if dimension.upper is not None and dimension.lower is not None:
        feature.upper_mm, feature.lower_mm = dimension.upper * scale, dimension.lower * scale


def _tap(feature: Feature, thread: str | None) -> None:
    if feature.type in ("hole", "bore"):
        feature.thread, feature.form = thread, "tapped"


def _warn(reading: DrawingReading, pmi: Pmi) -> None:
    if pmi.unread:
        reading.warnings.append(
            f"{pmi.unread} annotations 3D (PMI) sur {pmi.present} présentes et non lues (sans valeur lisible)."
        )
    if pmi.graphical_unread and pmi.graphical_unread > pmi.unread:
        reading.warnings.append(
            f"{pmi.graphical_unread - pmi.unread} annotations 3D seulement dessinées (sans sens exploitable), présentes et non lues."
        )


__all__ = ["link_pmi", "match_faces", "write_dimension"]
