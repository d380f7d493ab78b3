"""Several files of one part (drawing PDF, DXF, 3D model, typed sheet) become one reading; pure, on the published form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

_DRAWINGS = ("dimensions", "geometric_tolerances", "surface_textures", "welds")
_MODEL = ("solid", "features", "turned_profile", "access_directions", "processes", "contours")


def grouped(readings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Readings whose files share a name (``arbre.pdf``, ``arbre.step``) merged; the others as they are, order kept."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for index, reading in enumerate(readings):
        stem = PurePath(str(reading.get("file") or f"#{index}")).stem.casefold()
        groups.setdefault(stem, []).append(reading)
    found: list[dict[str, Any]] = []
    for own in groups.values():
        kinds = [r.get("kind") for r in own]
        mergeable = len(own) > 1 and len(set(kinds)) == len(own)
        found += [merged(own)] if mergeable else [dict(r) for r in own]
    return found


def merged(readings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One part out of its files: written title block before product names, dimensions from the drawing, shapes from the model.

    A contradiction between two files is a warning, never settled silently.
    """
    good = [r for r in readings if not r.get("error")] or list(readings[:1])
    whole: dict[str, Any] = dict(good[0])
    whole["file"] = " + ".join(str(r.get("file") or "") for r in readings)
    whole["title_block"], notes = _title_block(good)
    model = next((r for r in good if r.get("solid")), None)
    for name in _MODEL:
        source = model or next((r for r in good if r.get(name)), {})
        whole[name] = source.get(name) or (None if name in ("solid", "turned_profile") else [])
    for name in _DRAWINGS:
        whole[name] = next((r[name] for r in good if r.get(name)), [])
    whole["notes"] = [n for r in good for n in r.get("notes") or []]
    whole["warnings"] = list(dict.fromkeys(w for r in good for w in r.get("warnings") or [])) + notes
    whole["warnings"] += [
        f"{r.get('file')} : {r['error'].get('message', 'illisible')}" for r in readings if r.get("error")
    ]
    whole["error"] = None if any(not r.get("error") for r in readings) else readings[0].get("error")
    return whole


def _title_block(readings: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    names = dict.fromkeys(name for r in readings for name in r.get("title_block") or {})
    block, notes = dict[str, Any](), list[str]()
    for name in names:
        entries = [e for r in readings if (e := (r.get("title_block") or {}).get(name))]
        read = [e for e in entries if e.get("status", "read") == "read" and e.get("value")]
        written = [e for e in read if e.get("source") != "step_product"] or read
        block[name] = max(written, key=lambda e: float(e.get("confidence") or 0)) if written else entries[0]
        values = list(dict.fromkeys(str(e["value"]).strip() for e in written))
        if len({v.casefold() for v in values}) > 1 and name in ("drawing_number", "revision", "material"):
            notes.append(f"Fichiers contradictoires ({name}) : {' / '.join(values)}.")
    return block, notes
