"""Semantic annotations of AP242 models (PMI): dimensions, geometric tolerances, datums, notes (DRW-13).

Entities and their use follow the "Recommended Practices for the Representation and Presentation of PMI" of the MBx
Interoperability Forum. What is present and not understood is counted, never guessed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from coordinator.modules.drawings.reading.model import (
    Datum,
    Dimension,
    GeometricTolerance,
    Note,
    SurfaceTexture,
)
from coordinator.modules.drawings.reading.pmi_dimensions import DIMENSIONS, read_dimension
from coordinator.modules.drawings.reading.pmi_shapes import Shapes, read_measure
from coordinator.modules.drawings.reading.pmi_tolerances import datum_labels, is_tolerance, read_tolerance
from coordinator.modules.drawings.reading.step_text import Record, StepText

MARKER = re.compile(
    rb"DIMENSIONAL_SIZE|DIMENSIONAL_LOCATION|ANGULAR_SIZE|ANGULAR_LOCATION|_TOLERANCE\b|DATUM_FEATURE|DRAUGHTING_CALLOUT"
    rb"|ANNOTATION_OCCURRENCE|semantic text|SURFACE_TEXTURE",
    re.IGNORECASE,
)
_LINKS = ("DRAUGHTING_MODEL_ITEM_ASSOCIATION", "DRAUGHTING_MODEL_ITEM_ASSOCIATION_WITH_PLACEHOLDER")
_TEXTURE = re.compile(r"^(R[azqt]|Rmax|roughness)", re.IGNORECASE)


@dataclass
class Pmi:
    """What a model is annotated with; the numbers are those of its faces in the file, in the order of the entries."""

    dimensions: list[tuple[Dimension, list[int]]] = field(default_factory=list)
    tolerances: list[tuple[GeometricTolerance, list[int]]] = field(default_factory=list)
    datums: list[tuple[Datum, list[int]]] = field(default_factory=list)
    notes: list[tuple[Note, list[int]]] = field(default_factory=list)
    textures: list[tuple[SurfaceTexture, list[int]]] = field(default_factory=list)
    lines: dict[int, list[tuple[tuple[float, ...], tuple[float, ...]]]] = field(default_factory=dict)
    """Axes of what a dimension is about where it has no face, by place in ``dimensions``."""
    present: int = 0
    read: int = 0
    graphical_unread: int = 0

    @property
    def unread(self) -> int:
        """Semantic annotations present in the file and not understood."""
        return self.present - self.read


def read_pmi(text: StepText) -> Pmi:
    """Collect the annotations of a file; empty when it has none."""
    pmi, shapes = Pmi(), Shapes(text)
    shown = _presentations(text)
    known: set[int] = set()
    spoken = _spoken(text, shown)
    for number in text.numbers(*DIMENSIONS):
        pmi.present += 1
        dimension = read_dimension(text, number, spoken.get(number, []))
        if dimension is not None:
            pmi.dimensions.append((dimension[0], _faces(shapes, dimension[1])))
            pmi.lines[len(pmi.dimensions) - 1] = [line for a in dimension[1] for line in shapes.lines(a)]
            known.add(number)
    for number in text.numbers(*[name for name in text.names() if is_tolerance(name)]):
        pmi.present += 1
        tolerance = read_tolerance(text, number)
        if tolerance is not None:
            pmi.tolerances.append((tolerance[0], shapes.faces(tolerance[1])))
            known.add(number)
    _add_datums(text, shapes, pmi, known)
    _add_notes(text, shapes, pmi, known)
    _add_textures(text, shapes, pmi)
    pmi.read = len(pmi.dimensions) + len(pmi.tolerances) + len(pmi.datums)
    pmi.present += len(pmi.datums)
    callouts = set(text.numbers("DRAUGHTING_CALLOUT")) or {
        number
        for name in text.names()
        if name.endswith("ANNOTATION_OCCURRENCE")
        for number in text.numbers(name)
    }
    pmi.graphical_unread = len(callouts - {place for number in known for place in shown.get(number, ())})
    return pmi


def _faces(shapes: Shapes, aspects: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(face for aspect in aspects for face in shapes.faces(aspect)))


def _presentations(text: StepText) -> dict[int, list[int]]:
    """Callouts drawn for each annotation."""
    shown: dict[int, list[int]] = defaultdict(list)
    for record in text.of(*_LINKS):
        args = record.get_any(*_LINKS) or []
        if len(args) > 4:
            places = args[4] if isinstance(args[4], list) else [args[4]]
            shown[args[2]] += places
    return shown


def _spoken(text: StepText, shown: dict[int, list[int]]) -> dict[int, list[str]]:
    """The annotation as one line of text, where the file gives it ("equivalent unicode string"), richest last."""
    said: dict[int, list[str]] = defaultdict(list)
    for target, name, value in _described(text):
        if name == "equivalent unicode string":
            item = text[target].get("CHARACTERIZED_ITEM_WITHIN_REPRESENTATION")
            said[item[2] if item and len(item) > 2 else target].append(value)
    return {
        number: said.get(number, []) + [line for place in places for line in said.get(place, [])]
        for number, places in shown.items()
    }


def _described(text: StepText) -> Iterable[tuple[int, str, str]]:
    """Descriptive items of all properties: number of what they describe, name and text."""
    for record in text.of("PROPERTY_DEFINITION_REPRESENTATION"):
        args = record["PROPERTY_DEFINITION_REPRESENTATION"]
        about = text[args[0]].get("PROPERTY_DEFINITION") or []
        if len(about) < 3 or about[2] is None:
            continue
        for item in _items(text[args[1]]):
            said = text[item].get("DESCRIPTIVE_REPRESENTATION_ITEM") or []
            if len(said) > 1 and isinstance(said[1], str):
                yield about[2], str(said[0] or about[0] or ""), said[1]


def _items(representation: Record) -> list[int]:
    for args in representation.values():
        if len(args) > 1 and isinstance(args[1], list):
            return args[1]
    return []


def _add_datums(text: StepText, shapes: Shapes, pmi: Pmi, known: set[int]) -> None:
    """One entry per letter, with its targets and the faces of its features."""
    relations = [
        record.get("SHAPE_ASPECT_RELATIONSHIP") or [] for record in text.of("SHAPE_ASPECT_RELATIONSHIP")
    ]
    features: dict[int, list[int]] = defaultdict(list)
    for args in relations:
        if len(args) > 3 and args[3] is not None:
            features[args[3]].append(args[2])
    found: dict[str, tuple[Datum, list[int]]] = {}
    for number in text.numbers("DATUM"):
        args = text[number].get("DATUM") or []
        label = str(args[-1] or "") if args else ""
        if not label:
            continue
        datum, faces = found.setdefault(label, (Datum(label), []))
        for feature in features.get(number, ()):
            record = text[feature]
            known.add(feature)
            target = record.get_any("PLACED_DATUM_TARGET_FEATURE", "DATUM_TARGET")
            if target and target[-1]:
                datum.targets.append(f"{label}{target[-1]}")
            faces += [face for face in shapes.faces(feature) if face not in faces]
    pmi.datums += found.values()


def _add_notes(text: StepText, shapes: Shapes, pmi: Pmi, known: set[int]) -> None:
    """Texts attached to the part or to a shape; validation copies of other annotations are left out."""
    links = (
        "SHAPE_ASPECT",
        "COMPOSITE_SHAPE_ASPECT",
        "COMPOSITE_GROUP_SHAPE_ASPECT",
        "ALL_AROUND_SHAPE_ASPECT",
    )
    for record in text.of("PROPERTY_DEFINITION_REPRESENTATION"):
        args = record["PROPERTY_DEFINITION_REPRESENTATION"]
        about = text[args[0]].get("PROPERTY_DEFINITION") or []
        if len(about) < 3 or "validation" in str(about[0]):
            continue
        if about[0] != "semantic text" and text[about[2]].get_any(*links) is None:
            continue
        for item in _items(text[args[1]]):
            said = text[item].get("DESCRIPTIVE_REPRESENTATION_ITEM") or []
            line = str(said[1]).strip() if len(said) > 1 and said[1] else ""
            # One letter beside a shape is the label of a datum, already read as such.
            if len(line) > 1:
                pmi.notes.append((Note(line, kind="pmi"), shapes.faces(about[2])))
                known.add(int(args[0]))
                known.add(int(about[2]))


def _add_textures(text: StepText, shapes: Shapes, pmi: Pmi) -> None:
    """Roughness values attached to a shape as measures named by their parameter, µm."""
    for record in text.of("PROPERTY_DEFINITION_REPRESENTATION"):
        args = record["PROPERTY_DEFINITION_REPRESENTATION"]
        about = text[args[0]].get("PROPERTY_DEFINITION") or []
        holder = text[args[1]]
        named = "SURFACE_TEXTURE_REPRESENTATION" in holder
        if len(about) < 3 or not (named or "surface" in str(about[0]).lower()):
            continue
        for item in _items(holder):
            measure = read_measure(text, item)
            if measure is None or not _TEXTURE.match(measure.name):
                continue
            parameter = "Rz" if measure.name.lower().startswith("rz") else "Ra"
            value_um = measure.value * (25400.0 if measure.unit == "inch" else 1000.0)
            texture = SurfaceTexture(parameter, value_um, f"{parameter} {value_um:g}")
            pmi.textures.append((texture, shapes.faces(about[2])))


__all__ = ["MARKER", "Pmi", "datum_labels", "read_pmi"]
