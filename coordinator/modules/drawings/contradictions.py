"""Where two sources say different things: both are shown, the field stays open until a person chooses (DRW-49, DRW-50). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from coordinator.modules.drawings import styles, textlines
from coordinator.modules.drawings.reading.boxes import shares
from coordinator.modules.drawings.reading.fuse import PartReading
from coordinator.modules.drawings.reading.model import DrawingReading

INCH_MM = 25.4
_FIELD_OF = {
    "material": ("material_text", "material_id"),
    "size": ("length_mm", "width_mm", "height_mm"),
    "unit": ("unit",),
}
_MATERIAL_NOTE = re.compile(
    r"\b(?:mati[èe]re|mat[ée]riau|material|werkstoff)\s*[:=]\s*([^\n;,]{2,60})", re.IGNORECASE
)
_UNITS = ((r"^(?:mm|millim)", "mm"), (r"^(?:in\b|inch|pouce|\")", "inch"))


def find(
    part: PartReading,
    readings: Sequence[DrawingReading],
    sources: Sequence[dict[str, Any]],
    sheets: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Contradictions of one part: ``{key, fields, message, values: [{value, label, source, file_id}], chosen}``.

    ``sources`` names the file of each reading, ``sheets`` its sheets with their size.
    """
    found = [_of_files(c, readings, sources) for c in part.contradictions]
    found += _written_unit(readings, sources)
    found += _missing_dxf_unit(readings, sources, sheets)
    found += _materials_on_one_sheet(readings, sources, sheets)
    unique: dict[str, dict[str, Any]] = {}
    for item in found:
        unique.setdefault(item["key"], item)
    return list(unique.values())


def open_ones(contradictions: Sequence[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Contradictions nobody has decided yet."""
    return [c for c in contradictions or [] if c.get("chosen") is None]


def open_fields(contradictions: Sequence[dict[str, Any]] | None) -> set[str]:
    """Fields that must stay empty until somebody chose."""
    return {name for c in open_ones(contradictions) for name in c["fields"]}


def _entry(key: str, message: str, values: list[dict[str, Any]]) -> dict[str, Any]:
    fields = list(_FIELD_OF.get(key, (key,)))
    return {"key": key, "fields": fields, "message": message, "values": values, "chosen": None}


def _of_files(
    contradiction: Any, readings: Sequence[DrawingReading], sources: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    by_name = {r.file: s["file_id"] for r, s in zip(readings, sources, strict=True)}
    values: list[dict[str, Any]] = []
    for source, value in contradiction.values:
        if value and value not in {v["value"] for v in values}:
            values.append({"value": value, "label": value, "source": source, "file_id": by_name.get(source)})
    return _entry(contradiction.field, contradiction.message, values)


def unit_code(text: str | None) -> str | None:
    """``mm`` or ``inch`` of a written unit; None for anything else."""
    cleaned = (text or "").strip().casefold()
    return next((code for pattern, code in _UNITS if re.match(pattern, cleaned)), None)


def _written_unit(
    readings: Sequence[DrawingReading], sources: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The title block names one unit and the dimensions or the notes another."""
    for reading, source in zip(readings, sources, strict=True):
        written = reading.title_block["unit"]
        titled = unit_code(written.value) if written.status == "read" else None
        units = [d.unit for d in reading.dimensions if d.unit in ("mm", "inch")]
        used = max(set(units), key=units.count) if units else reading.unit
        if titled and used and titled != used:
            values = [
                {
                    "value": titled,
                    "label": written.value,
                    "source": "title_block",
                    "file_id": source["file_id"],
                },
                {"value": used, "label": used, "source": "dimensions", "file_id": source["file_id"]},
            ]
            message = f"Unité contradictoire : {written.value} au cartouche, cotes en {'pouces' if used == 'inch' else used}."
            return [_entry("unit", message, values)]
    return []


def _missing_dxf_unit(
    readings: Sequence[DrawingReading], sources: Sequence[dict[str, Any]], sheets: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    for reading, source in zip(readings, sources, strict=True):
        if reading.kind != "dxf" or reading.unit is not None or reading.error is not None:
            continue
        sheet = next((s for s in sheets if s["file_id"] == source["file_id"]), None)
        width, height = (sheet["width"], sheet["height"]) if sheet else (0.0, 0.0)
        values = [
            {"value": unit, "label": f"{width * factor:.1f} × {height * factor:.1f} mm ({name})", "source": "dxf",
             "file_id": source["file_id"]}
            for unit, factor, name in (("mm", 1.0, "en millimètres"), ("inch", INCH_MM, "en pouces"))
        ]  # fmt: skip
        return [_entry("unit", "DXF sans unité : choisissez la taille qui convient.", values)]
    return []


def _materials_on_one_sheet(
    readings: Sequence[DrawingReading], sources: Sequence[dict[str, Any]], sheets: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """A note or another line of the sheet names another material than the title block."""
    for reading, source in zip(readings, sources, strict=True):
        own = [s for s in sheets if s["file_id"] == source["file_id"]]
        titled = _titled_material(reading, own)
        if titled is None:
            continue
        texts = [note.text for note in reading.notes]
        texts += [line for sheet in own for line in textlines.lines(sheet.get("words") or [])]
        for text in texts:
            match = _MATERIAL_NOTE.search(text)
            noted = match[1].strip() if match else ""
            if noted and any(c.isdigit() for c in noted) and not _same_material(titled, noted):
                values = [
                    {
                        "value": titled,
                        "label": titled,
                        "source": "title_block",
                        "file_id": source["file_id"],
                    },
                    {"value": noted, "label": noted, "source": "note", "file_id": source["file_id"]},
                ]
                return [_entry("material", "Deux matières différentes sont écrites : à choisir.", values)]
    return []


def _titled_material(reading: DrawingReading, sheets: Sequence[dict[str, Any]]) -> str | None:
    """Material of the title block; where the reader would not decide between two, what stands in its cell."""
    field = reading.title_block["material"]
    if field.status == "read":
        return field.value if field.confidence >= 0.6 else None
    sheet = next((s for s in sheets if s["page"] == field.page), None)
    if field.status != "unread" or field.bbox is None or sheet is None:
        return None
    return styles.value_at(shares(sheet, field.bbox), int(sheet["page"]), sheets)


def _same_material(a: str, b: str) -> bool:
    one, two = (re.sub(r"[^0-9a-z]+", "", text.casefold()) for text in (a, b))
    return one in two or two in one


def in_unit(part: dict[str, Any], unit: str) -> dict[str, Any]:
    """A merged description whose drawing has no unit, as if it had been drawn in ``unit``."""
    scaled = dict(part)
    scaled["unit"] = unit
    scaled["dimensions"] = [
        {**d, "unit": unit} if d.get("unit") in ("mm", "inch") else d for d in part["dimensions"]
    ]
    factor = INCH_MM if unit == "inch" else 1.0
    scaled["features"] = [_scaled(feature, factor) for feature in part["features"]]
    return scaled


def _scaled(feature: dict[str, Any], factor: float) -> dict[str, Any]:
    def times(value: Any) -> Any:
        if isinstance(value, list):
            return [times(v) for v in value]
        return value * factor if isinstance(value, int | float) and not isinstance(value, bool) else value

    changed = {k: times(v) if k.endswith("_mm") else v for k, v in feature.items()}
    changed["steps"] = [{k: times(v) for k, v in step.items()} for step in feature.get("steps") or []]
    return changed
