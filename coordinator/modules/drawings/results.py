"""What was read, as columns of an analysis and rows of features. Nothing below the confidence limit is filled in."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, cast

from coordinator.modules.drawings import contradictions
from coordinator.modules.drawings.fieldset import FIELDS, TREATMENTS, ReviewField
from coordinator.modules.drawings.models import DrawingAnalysis
from coordinator.modules.drawings.reading.fuse import PartReading, fuse, in_mm
from coordinator.modules.drawings.reading.model import DrawingReading, FieldValue
from coordinator.modules.drawings.reading.note_marks import STRICTEST_FIRST, marks_in
from coordinator.modules.drawings.reading.treatment_text import TreatmentKind, read_treatment

DERIVED_SIZE_CONFIDENCE = 0.65
"""Overall size taken from the largest written dimensions: to be checked, never sure."""
_ENGINES = {
    "pdf": "texte",
    "raster": "ocr",
    "dxf": "dxf",
    "step": "modèle",
    "iges": "modèle",
    "other": "modèle",
}
_MASS = re.compile(r"(\d+(?:[.,]\d+)?)\s*(kg|g|lbs?|lb)?\b", re.IGNORECASE)
_MASS_KG = {"kg": 1.0, "g": 0.001, "lb": 0.45359237, "lbs": 0.45359237}


@dataclass
class FilePart:
    """What was read of one file, or of some sheets of it."""

    file_id: int
    name: str
    reading: DrawingReading
    pages: list[int] | None
    sheets: list[dict[str, Any]]


@dataclass(frozen=True)
class Filled:
    """The merged reading beside the parts it came from."""

    part: PartReading
    fields: dict[str, dict[str, Any]]
    contradictions: list[dict[str, Any]]


def gather(parts: Sequence[FilePart]) -> Filled:
    """Merge the readings of a part and find for every field its value, place, confidence and candidates. Pure."""
    readings = [p.reading for p in parts]
    part = fuse(readings)
    sources = [{"file_id": p.file_id} for p in parts]
    sheets = [s for p in parts for s in p.sheets]
    found = contradictions.find(part, readings, sources, sheets)
    fields = {field.name: _title_field(field, part, parts) for field in FIELDS if field.source}
    fields |= _sizes(part, parts)
    fields["standard_system"] = _plain(
        part.standard_system if part.standard_system != "unknown" else None, 0.7
    )
    _mass(fields["mass_kg"])
    _offer_codes(fields["drawing_number"], parts)
    fields["criticality"], fields["certificate_required"] = _marked(readings)
    return Filled(part, fields, found)


def apply(analysis: DrawingAnalysis, parts: Sequence[FilePart], filled: Filled, empty_below: float) -> None:
    """Fill the analysis; contradictory fields and those below ``empty_below`` stay empty (DRW-31, DRW-49)."""
    part = filled.part
    left_open = contradictions.open_fields(filled.contradictions)
    others: dict[str, Any] = {}
    for field in FIELDS:
        entry = filled.fields.get(field.name)
        if entry is None or field.name in ("criticality", "certificate_required"):
            continue
        value = entry["value"] if entry["confidence"] >= empty_below and field.name not in left_open else None
        if field.column:
            _set(analysis, field, value)
        elif value is not None:
            others[field.name] = str(value)[: field.max_length]
    analysis.other_values = others or None
    analysis.standard_system = part.standard_system
    analysis.unit = None if "unit" in left_open else part.unit or analysis.unit
    analysis.treatments = treatments(others)
    analysis.has_tight_tolerance = part.has_tight_tolerance
    analysis.processes = [
        {"process": p.process, "confidence": p.confidence, "reason": p.reason} for p in part.processes
    ]
    analysis.is_volume_estimated = bool(part.solid and part.solid.estimated)
    analysis.complexity = complexity(part)
    analysis.contradictions = filled.contradictions or None
    messages = [c["message"] for c in filled.contradictions]
    analysis.warnings = list(dict.fromkeys([*(analysis.warnings or []), *part.warnings, *messages]))
    values = [v.confidence for v in part.title_block.values() if v.status == "read"]
    values += [d.confidence for d in part.dimensions]
    analysis.confidence = Decimal(str(round(sum(values) / len(values), 3))) if values else None
    confirmed = (analysis.reading or {}).get("confirmed")
    analysis.reading = {
        **({"confirmed": confirmed} if confirmed else {}),
        "files": [p.reading.to_json() for p in parts],
        "sources": [{"file_id": p.file_id, "name": p.name, "pages": p.pages} for p in parts],
        "sheets": [s for p in parts for s in p.sheets],
        "fields": filled.fields,
        "part": merged(part, [p.reading for p in parts]),
    }


def treatments(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Treatments of an analysis from their fields: kind, standard, thickness, hardness, masked zones (DRW-23)."""
    found = [
        read_treatment(str(values[name]), cast("TreatmentKind", kind))
        for name, kind in TREATMENTS.items()
        if values.get(name)
    ]
    return [asdict(treatment) | {"changes_size": treatment.changes_size} for treatment in found]


def _set(analysis: DrawingAnalysis, field: ReviewField, value: Any) -> None:
    if field.type == "decimal":
        value = None if value is None else Decimal(str(round(float(value), 3)))
    elif isinstance(value, str):
        value = value[: field.max_length]
    if field.name == "standard_system":
        return
    setattr(analysis, field.name, value)


def _title_field(field: ReviewField, part: PartReading, parts: Sequence[FilePart]) -> dict[str, Any]:
    source = field.source or field.name
    chosen = part.title_block[source]
    entry = _plain(chosen.value if chosen.status == "read" else None, chosen.confidence, chosen.status)
    origin = next((p for p in parts if p.reading.title_block[source] == chosen), None)
    entry |= _place(chosen, origin)
    for own in parts:
        value = own.reading.title_block[source]
        if value.status == "read" and value.value:
            candidate = {"value": value.value, "confidence": round(value.confidence, 3), **_place(value, own)}
            if candidate["value"] not in {c["value"] for c in entry["candidates"]}:
                entry["candidates"].append(candidate)
    entry["candidates"].sort(key=lambda c: -c["confidence"])
    return entry


def _plain(value: Any, confidence: float, status: str | None = None) -> dict[str, Any]:
    known = value is not None and value != ""
    return {
        "value": value if known else None,
        "confidence": round(confidence, 3) if known else 0.0,
        "status": status or ("read" if known else "absent"),
        "engine": None,
        "file_id": None,
        "page": None,
        "bbox": None,
        "candidates": [],
    }


def _place(value: FieldValue, origin: FilePart | None) -> dict[str, Any]:
    return {
        "engine": value.source
        or (_ENGINES[origin.reading.kind] if origin and value.status == "read" else None),
        "file_id": origin.file_id if origin and value.status == "read" else None,
        "page": value.page,
        "bbox": list(value.bbox) if value.bbox else None,
    }


def _sizes(part: PartReading, parts: Sequence[FilePart]) -> dict[str, dict[str, Any]]:
    """Overall size from the model, else from the largest written dimensions (DRW-18)."""
    names = ("length_mm", "width_mm", "height_mm")
    fields = {name: _plain(None, 0.0) for name in (*names, "volume_cm3")}
    written = written_size(part)
    if part.solid is not None:
        origin = next((p for p in parts if p.reading.solid is part.solid), None)
        values = sorted((round(v, 3) for v in part.solid.size_mm), reverse=True)
        sure = 0.7 if part.solid.estimated else 0.99
        for name, value in zip(names, values, strict=True):
            fields[name] = _plain(value, sure) | {
                "engine": "modèle",
                "file_id": origin.file_id if origin else None,
            }
        if part.solid.volume_mm3:
            fields["volume_cm3"] = _plain(round(part.solid.volume_mm3 / 1000, 3), sure) | {"engine": "modèle"}
    for name, size in zip(names, written or (None, None, None), strict=True):
        if size is None:
            continue
        place = {"engine": "cotes", "file_id": None, "page": None, "bbox": None}
        candidate = {"value": round(size, 3), "confidence": DERIVED_SIZE_CONFIDENCE, **place}
        if part.solid is None:
            fields[name] = _plain(round(size, 3), DERIVED_SIZE_CONFIDENCE) | {"engine": "cotes"}
        fields[name]["candidates"].append(candidate)
    return fields


def written_size(part: PartReading) -> tuple[float | None, float | None, float | None] | None:
    """Overall size as far as written dimensions tell it, in mm: length, then Ø twice where the part is drawn as turned."""
    lengths = sorted(
        (v for d in part.dimensions if d.kind == "linear" and not d.reference and (v := in_mm(d))),
        reverse=True,
    )
    diameters = sorted(
        (v for d in part.dimensions if d.kind == "diameter" and not d.reference and (v := in_mm(d))),
        reverse=True,
    )
    if not lengths and not diameters:
        return None
    turned = len(diameters) >= 3 and len(diameters) >= 0.3 * len(lengths)
    if turned and lengths:
        across = diameters[0]
        size = sorted((lengths[0], across, across), reverse=True)
        return size[0], size[1], size[2]
    largest = max([*lengths[:1], *diameters[:1]])
    return largest, None, None


def _mass(entry: dict[str, Any]) -> None:
    """Written mass in kg; the writing itself stays among the candidates."""
    match = _MASS.search(str(entry["value"] or ""))
    if match is None:
        entry["value"], entry["confidence"] = None, 0.0
        return
    factor = _MASS_KG[(match[2] or "kg").lower()]
    entry["value"] = round(float(match[1].replace(",", ".")) * factor, 3)
    if not match[2]:
        entry["confidence"] = min(entry["confidence"], 0.7)


def _offer_codes(entry: dict[str, Any], parts: Sequence[FilePart]) -> None:
    """Bar codes and QR codes are offered as drawing number, never taken by themselves (DRW-14)."""
    for part in parts:
        for code in part.reading.codes:
            if code not in {c["value"] for c in entry["candidates"]}:
                entry["candidates"].append(
                    {"value": code[:80], "confidence": 0.8, "engine": "code", "file_id": part.file_id, "page": None,
                     "bbox": None}
                )  # fmt: skip


def _marked(readings: Sequence[DrawingReading]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the marks of the drawing propose for criticality, strictest first, and certificate; a person decides (DRW-27)."""
    found = [(mark, note) for r in readings for note in r.notes for mark in marks_in(note.text)]
    by_criticality = {mark.criticality: note for mark, note in reversed(found)}
    criticalities = [_proposal(c, by_criticality[c]) for c in STRICTEST_FIRST if c in by_criticality]
    certificate = next((note for mark, note in found if mark.kind == "certificate"), None)
    return (
        _plain(None, 0.0) | {"candidates": criticalities},
        _plain(None, 0.0) | {"candidates": [_proposal(True, certificate)] if certificate else []},
    )


def _proposal(value: Any, note: Any) -> dict[str, Any]:
    return {
        "value": value, "confidence": 0.8, "engine": "note", "file_id": None, "page": note.page,
        "bbox": list(note.bbox) if note.bbox else None, "evidence": note.text[:200],
    }  # fmt: skip


THIN_WALL_MM = 1.5
DEEP_HOLE_RATIO = 5.0


def complexity(part: PartReading) -> str:
    """Simple, moderate or complex: features, access directions, tight tolerances, thin walls, deep holes (DRW-25)."""
    points = len(part.features) + 3 * max(0, len(part.access_directions) - 2)
    points += 4 * sum(1 for d in part.dimensions if d.is_tight)
    if (
        part.solid is not None
        and part.solid.min_wall_mm is not None
        and part.solid.min_wall_mm < THIN_WALL_MM
    ):
        points += 8
    points += 2 * sum(
        min(f.count, 4) for f in part.features
        if f.type in ("hole", "bore") and (f.depth_mm or 0) > DEEP_HOLE_RATIO * (f.diameter_mm or math.inf)
    )  # fmt: skip
    return "simple" if points < 8 else "moderate" if points < 25 else "complex"


def merged(part: PartReading, readings: Sequence[DrawingReading]) -> dict[str, Any]:
    """The merged description in the published form of one reading, as the quoting engine takes it."""
    base = next((r for r in readings if r.error is None and r.solid is not None), None)
    base = base or next((r for r in readings if r.error is None), readings[0])
    whole = DrawingReading(
        file=base.file,
        kind=base.kind,
        pages=base.pages,
        title_block=part.title_block,
        standard_system=base.standard_system,
        unit=part.unit,
        dimensions=part.dimensions,
        surface_textures=part.surface_textures,
        geometric_tolerances=[t for r in readings for t in r.geometric_tolerances],
        notes=[n for r in readings for n in r.notes],
        welds=part.welds,
        datums=[d for r in readings for d in r.datums],
        parts=[p for r in readings for p in r.parts],
        bom=[item for r in readings for item in r.bom],
        solid=part.solid,
        features=part.features,
        turned_profile=part.turned_profile,
        access_directions=part.access_directions,
        processes=part.processes,
        warnings=part.warnings,
    )
    return whole.to_json()
