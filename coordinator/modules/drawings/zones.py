"""Critical zones of a drawing: tight tolerances, fine surfaces, close geometry, allowances, marked characteristics (DRW-26). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

FINE_RA_UM = 0.8
CLOSE_GEOMETRY_MM = 0.02
INCH_MM = 25.4
_ALLOWANCE = re.compile(
    r"sur[- ]?[ée]paisseur|machining allowance|grinding allowance|(?:bearbeitungs|schleif)zugabe|aufma(?:ß|ss)|stock (?:for|to) (?:grind|machin)"
    r"|avant traitement|before (?:heat )?treat|before plating|apr[èe]s traitement|after plating|after (?:heat )?treat|vor der (?:härtung|beschichtung)",
    re.IGNORECASE,
)


def reasons(row: Mapping[str, Any]) -> list[str]:
    """Why a dimension, tolerance or texture deserves care: ``critical``, ``tight``, ``fine_surface``, ``close_geometry``."""
    found = []
    nominal = None if row.get("nominal") is None else float(row["nominal"])
    if row.get("is_critical"):
        found.append("critical")
    if row.get("is_tight") and str(row.get("kind", "")).startswith("dimension."):
        found.append("tight")
    if row.get("kind") == "surface_texture" and nominal is not None:
        # Rz is about four times Ra on machined surfaces (ISO 21920-2 has no fixed ratio; workshop rule).
        ra = nominal / 4 if str(row.get("text") or "").lower().startswith(("rz", "rt", "rmax")) else nominal
        if ra <= FINE_RA_UM:
            found.append("fine_surface")
    if row.get("kind") == "geometric_tolerance" and nominal is not None:
        width = nominal * (INCH_MM if row.get("unit") == "inch" else 1.0)
        if 0 < width <= CLOSE_GEOMETRY_MM:
            found.append("close_geometry")
    return found


def zones(rows: Iterable[Mapping[str, Any]], notes: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The critical zones in reading order: ``{feature_id, text, reasons, file_id, page, box}``; notes have no feature."""
    return [*_of_rows(rows), *_of_notes(notes)]


def _of_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        why = reasons(row)
        if why:
            yield {
                "feature_id": row.get("id"), "text": row.get("text") or "", "reasons": why,
                "file_id": row.get("file_id"), "page": row.get("page"), "box": row.get("box"),
            }  # fmt: skip


def _of_notes(notes: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for note in notes:
        if _ALLOWANCE.search(str(note["text"])):
            yield {
                "feature_id": None, "text": note["text"], "reasons": ["allowance"], "file_id": note.get("file_id"),
                "page": note.get("page"), "box": note.get("box"),
            }  # fmt: skip
