"""Rows of everything that was read on a part, in reading order and with balloon numbers (DRW-21, DRW-39). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from coordinator.modules.drawings.models import DrawingFeature
from coordinator.modules.drawings.reading.boxes import shares
from coordinator.modules.drawings.reading.fuse import PartReading
from coordinator.modules.drawings.reading.sheet_kinds import MODELS
from coordinator.modules.drawings.results import FilePart

ALL_NUMBERED = frozenset({"aerospace", "military", "armament"})
"""Criticalities whose first article report lists every characteristic (EN 9102)."""
MAX_PLACES = 200
"""Places of equal shapes kept with their row."""
_ROW = 0.04


def rows(analysis_id: int, part: PartReading, parts: Sequence[FilePart]) -> list[dict[str, Any]]:
    """Values of the feature rows, balloon numbers given to what carries a tolerance."""
    found = [
        *_dimensions(part, parts),
        *_tolerances(parts),
        *_textures(part, parts),
        *_welds(part, parts),
        *_shapes(part, parts),
    ]
    made = [_BLANK | row | {"drawing_analysis_id": analysis_id} for row in found]
    number(made, everything=False)
    return made


_BLANK: dict[str, Any] = {
    "drawing_file_id": None, "text": None, "nominal": None, "tol_upper": None, "tol_lower": None, "fit": None, "count": 1,
    "unit": None, "is_tight": False, "is_critical": False, "balloon_no": None, "page": None, "bbox": None,
    "confidence": None, "engine": None, "is_manual": False, "data": None, "row_version": 1,
}  # fmt: skip


def number(made: Sequence[Any], *, everything: bool) -> None:
    """Give balloon numbers from 1 in reading order: by sheet, from top to bottom, from left to right.

    Toleranced dimensions, fits, threads, geometric tolerances, surface textures and critical characteristics are numbered;
    with ``everything`` all dimensions are. ``made`` are mappings or records.
    """
    get = _getter(made)
    chosen = [row for row in made if is_characteristic(row, everything=everything)]
    for row in made:
        _put(row, "balloon_no", None)
    ordered = sorted(chosen, key=lambda row: _order(get(row, "page"), get(row, "data")))
    for index, row in enumerate(ordered):
        _put(row, "balloon_no", index + 1)


def is_characteristic(row: Any, *, everything: bool) -> bool:
    """Whether a row belongs on the list of characteristics."""
    get = _getter([row])
    kind = str(get(row, "kind"))
    if kind in ("geometric_tolerance", "surface_texture") or get(row, "is_critical"):
        return True
    if not kind.startswith("dimension."):
        return False
    data = get(row, "data") or {}
    if data.get("reference"):
        return False
    toleranced = (
        get(row, "tol_upper") is not None or get(row, "tol_lower") is not None or bool(get(row, "fit"))
    )
    return toleranced or kind == "dimension.thread" or everything


WELD = "weld_index"
"""Number of a row's weld among those of the reading; shapes and dimensions have "index"."""
LEFT_OUT = "left_out"
"""Mark on a row that the reading, not a person, took off the list."""


def is_same_item(made: dict[str, Any], row: DrawingFeature) -> bool:
    """Whether a row of a new reading and a stored one, its values corrected or not, are one item of the drawing."""
    # The picture of a model may shift by a pixel from one reading to the next; its shapes are told by their sizes.
    place = () if row.kind.startswith("feature.") else ("drawing_file_id", "page", "bbox")
    return (
        made["kind"] == row.kind
        and all(made[n] == getattr(row, n) for n in place)
        and _facts(made["data"]) == _facts(row.data)
    )


def _facts(data: dict[str, Any] | None) -> dict[str, Any]:
    return {
        name: value
        for name, value in (data or {}).items()
        if name not in ("index", WELD, "box", "boxes", LEFT_OUT)
    }


def _getter(made: Sequence[Any]) -> Any:
    is_mapping = bool(made) and isinstance(made[0], dict)
    return (lambda row, name: row[name]) if is_mapping else getattr


def _put(row: Any, name: str, value: Any) -> None:
    if isinstance(row, dict):
        row[name] = value
    elif getattr(row, name) != value:
        setattr(row, name, value)


def _order(page: int | None, data: dict[str, Any] | None) -> tuple[Any, ...]:
    box = (data or {}).get("box")
    if not box:
        return page or 10**6, 10**6, 0.0
    return page or 1, int(box[1] / _ROW), box[0]


def _dimensions(part: PartReading, parts: Sequence[FilePart]) -> Iterator[dict[str, Any]]:
    for index, item in enumerate(part.dimensions):
        own = _owner(item, parts, "dimensions")
        yield {
            "kind": f"dimension.{item.kind}"[:40],
            "text": item.text[:300],
            "nominal": _decimal(item.nominal),
            "tol_upper": _decimal(item.upper),
            "tol_lower": _decimal(item.lower),
            "fit": (item.fit or "")[:12] or None,
            "count": item.count,
            "unit": item.unit,
            "is_tight": item.is_tight,
            "is_critical": item.critical,
            "engine": item.source[:20],
            "data": {
                "index": index,
                "reference": item.reference,
                "basic": item.basic,
                "thread": item.thread,
                "box": _box(item, own),
            },
            **_placed(item, own),
        }


def _tolerances(parts: Sequence[FilePart]) -> Iterator[dict[str, Any]]:
    for own in parts:
        for item in own.reading.geometric_tolerances:
            yield {
                "kind": "geometric_tolerance",
                "text": item.text[:300],
                "nominal": _decimal(item.value),
                "unit": own.reading.unit or "mm",
                "engine": own.reading.kind,
                "data": {
                    "characteristic": item.characteristic,
                    "datums": item.datums,
                    "modifiers": item.modifiers,
                    "box": _box(item, own),
                },
                **_placed(item, own),
            }


def _textures(part: PartReading, parts: Sequence[FilePart]) -> Iterator[dict[str, Any]]:
    for item in part.surface_textures:
        own = _owner(item, parts, "surface_textures")
        yield {
            "kind": "surface_texture",
            "text": item.text[:300],
            "nominal": _decimal(item.value_um),
            "unit": "µm",
            "data": {"parameter": item.parameter, "general": item.general, "box": _box(item, own)},
            **_placed(item, own),
        }


def _welds(part: PartReading, parts: Sequence[FilePart]) -> Iterator[dict[str, Any]]:
    for index, item in enumerate(part.welds):
        own = _owner(item, parts, "welds")
        told = {
            WELD: index,
            "form": item.kind,
            "side": item.side,
            "length": item.length,
            "pitch": item.pitch,
        }
        told |= {
            "all_around": item.all_around,
            "on_site": item.on_site,
            "process": item.process,
            "tail": item.tail,
        }
        yield {
            "kind": "feature.weld",
            "text": item.text[:300],
            "nominal": _decimal(item.size),
            "count": item.count,
            "unit": item.unit,
            "engine": own.reading.kind if own else None,
            "data": told | {"box": _box(item, own)},
            **_placed(item, own),
        }


def _shapes(part: PartReading, parts: Sequence[FilePart]) -> Iterator[dict[str, Any]]:
    for index, item in enumerate(part.features):
        own = next((p for p in parts if item.bbox and p.reading.kind in MODELS), None)
        sheet = next((s for s in own.sheets if s["page"] == item.page), None) if own else None
        boxes = [[round(v, 5) for v in shares(sheet, box)] for box in item.boxes] if sheet else []
        yield {
            "kind": f"feature.{item.type}"[:40],
            "text": f"{item.form} Ø{item.diameter_mm:g}" if item.diameter_mm else item.form,
            "nominal": _decimal(item.diameter_mm),
            "count": item.count,
            "unit": "mm",
            "drawing_file_id": own.file_id if own else None,
            "page": item.page,
            "bbox": [round(float(v), 2) for v in item.bbox] if item.bbox else None,
            "confidence": _decimal(round(item.confidence, 3)),
            "engine": "modèle" if part.solid is not None else "dxf",
            "data": {
                "index": index,
                "depth_mm": item.depth_mm,
                "through": item.through,
                "form": item.form,
                "axis": list(item.axis) if item.axis else None,
                "steps": [{"diameter_mm": s.diameter_mm, "depth_mm": s.depth_mm} for s in item.steps],
                "thread": item.thread,
                "box": boxes[0] if boxes else None,
                "boxes": boxes[:MAX_PLACES],
            },
        }


def _owner(item: Any, parts: Sequence[FilePart], name: str) -> FilePart | None:
    return next((p for p in parts if any(one is item for one in getattr(p.reading, name))), None)


def _placed(item: Any, own: FilePart | None) -> dict[str, Any]:
    return {
        "drawing_file_id": own.file_id if own else None,
        "page": item.page,
        "bbox": [round(float(v), 2) for v in item.bbox] if item.bbox else None,
        "confidence": _decimal(round(item.confidence, 3)),
    }


def _box(item: Any, own: FilePart | None) -> list[float] | None:
    if own is None or item.bbox is None:
        return None
    sheet = next((s for s in own.sheets if s["page"] == item.page), None)
    return [round(v, 5) for v in shares(sheet, item.bbox)] if sheet else None


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(round(value, 4)))
