"""Drawings that hold several parts: each distinct solid, or each entry of the parts list, may become its own line (DRW-13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_OWN = ("solid", "features", "turned_profile", "access_directions", "processes")
NOT_SHARED = "Plan de plusieurs pièces : les cotes écrites ne sont pas réparties entre les pièces ; tolérances à vérifier."


@dataclass(frozen=True)
class OwnPart:
    """One distinct part of a drawing; ``no`` counts from 1, ``count`` per assembly."""

    no: int
    name: str
    count: int


def parts_of(reading: Mapping[str, Any]) -> list[OwnPart]:
    """The parts a drawing offers as lines of their own; empty for the drawing of a single part."""
    entries = [e for e in reading.get("parts") or [] if isinstance(e, Mapping)]
    found = [
        OwnPart(no, str(entry.get("name") or "").strip(), max(int(entry.get("count") or 1), 1))
        for no, entry in enumerate(entries, start=1)
    ]
    return found if len(found) > 1 or any(p.count > 1 for p in found) else []


def reading_of(reading: Mapping[str, Any], no: int) -> dict[str, Any]:
    """The reading reduced to one of its parts: its shape, the material and tolerances common to all, no foreign dimension.

    Raises:
        IndexError: the drawing no longer has that part.
    """
    entry = dict((reading.get("parts") or [])[no - 1])
    block = dict(reading.get("title_block") or {})
    if entry.get("name"):
        block["part_name"] = {"value": str(entry["name"]), "status": "read", "confidence": 1.0}
    if entry.get("material"):
        block["material"] = {"value": str(entry["material"]), "status": "read", "confidence": 1.0}
    own = {name: entry.get(name) for name in _OWN}
    own["features"] = entry.get("features") or []
    return {
        **reading,
        **own,
        "parts": [],
        "title_block": block,
        "dimensions": [],
        "warnings": [*(reading.get("warnings") or []), NOT_SHARED],
    }
