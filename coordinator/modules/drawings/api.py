"""What other modules may ask about analyses."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.modules.drawings import features, offered
from coordinator.modules.drawings.balloons import characteristics
from coordinator.modules.drawings.models import DrawingAnalysis, DrawingFeature
from coordinator.modules.drawings.shopfloor import operation_drawing, operation_sheet
from coordinator.modules.drawings.similar import SOURCES as HISTORY_SOURCES
from coordinator.modules.drawings.similar import HistorySource

__all__ = [
    "HISTORY_SOURCES",
    "HistorySource",
    "analysis",
    "characteristics",
    "description",
    "operation_drawing",
    "operation_sheet",
    "validated_description",
]  # fmt: skip
_TITLE = {
    "drawing_number": "drawing_number",
    "revision": "revision",
    "part_name": "part_name",
    "material": "material_text",
    "general_tolerance": "general_tolerance",
}
_OTHERS = {"heat_treatment": "heat_treatment", "surface_treatment": "surface_treatment", "scale": "scale"}


def analysis(ctx: Context, analysis_id: int) -> DrawingAnalysis:
    """One analysis."""
    return ctx.get(DrawingAnalysis, analysis_id)


def validated_description(ctx: Context, analysis_id: int) -> dict[str, Any]:
    """Merged reading of a validated analysis, with the person's corrections laid over it.

    A version that was validated and then replaced by a newer one still describes what was quoted from it.

    Raises:
        BusinessError: ``drawing.not_validated`` (DRW-33: nothing unreviewed is priced).
    """
    record = ctx.get(DrawingAnalysis, analysis_id)
    reviewed = record.status == "validated" or (
        record.status == "superseded" and record.validated_at is not None
    )
    if not reviewed or record.reading is None:
        raise BusinessError("drawing.not_validated", id=analysis_id)
    return description(ctx, record)


def description(ctx: Context, record: DrawingAnalysis) -> dict[str, Any]:
    """Merged reading with corrected title fields, dimensions and features; ``overall_size_mm`` as reviewed."""
    merged: dict[str, Any] = dict((record.reading or {}).get("part") or {})
    if not merged:
        return merged
    title = {k: dict(v) for k, v in merged["title_block"].items()}
    corrected = {name: getattr(record, column) for name, column in _TITLE.items()}
    if record.other_values is not None:
        corrected |= {name: record.other_values.get(column) for name, column in _OTHERS.items()}
    for name, value in corrected.items():
        known = {"value": value, "status": "read" if value else "absent", "confidence": 1.0}
        title[name] = {**title.get(name, {}), **known}
    merged["title_block"] = title
    merged["unit"] = record.unit or merged.get("unit")
    sizes = (record.length_mm, record.width_mm, record.height_mm)
    merged["overall_size_mm"] = [None if v is None else float(v) for v in sizes]
    _lay_rows(ctx, record, merged)
    if offered.all_solids_taken(ctx, record):
        merged["parts"] = []
    return merged


def _lay_rows(ctx: Context, record: DrawingAnalysis, merged: dict[str, Any]) -> None:
    """Changed rows change their item, removed ones take it away, added dimensions are put behind."""
    query = select(DrawingFeature).where(DrawingFeature.drawing_analysis_id == record.id)
    rows = list(ctx.session.scalars(query.order_by(DrawingFeature.id)))
    if not any(row.data and ("index" in row.data or features.WELD in row.data) for row in rows):
        return
    for kind, name, change in (("dimension.", "dimensions", _dimension), ("feature.", "features", _shape)):
        items = [dict(item) for item in merged[name]]
        gone: set[int] = set()
        for row in rows:
            index = (row.data or {}).get("index")
            if not row.kind.startswith(kind):
                continue
            if index is None:
                if row.is_manual and row.archived_at is None and name == "dimensions":
                    items.append(_dimension(_BLANK_DIMENSION, row))
            elif index < len(items):
                items[index] = change(items[index], row)
                if row.archived_at is not None:
                    gone.add(index)
        merged[name] = [item for i, item in enumerate(items) if i not in gone]
    own = {
        row.data[features.WELD]: row for row in rows if row.data and row.data.get(features.WELD) is not None
    }
    merged["welds"] = [
        _weld(item, own.get(index))
        for index, item in enumerate(merged.get("welds") or [])
        if index not in own or own[index].archived_at is None
    ]


_BLANK_DIMENSION: dict[str, Any] = {
    "basic": False, "reference": False, "thread": None, "confidence": 1.0, "source": "saisie", "bbox": None,
}  # fmt: skip


def _dimension(item: dict[str, Any], row: DrawingFeature) -> dict[str, Any]:
    return item | {
        "text": row.text or "",
        "kind": row.kind.removeprefix("dimension."),
        "nominal": _number(row.nominal),
        "upper": _number(row.tol_upper),
        "lower": _number(row.tol_lower),
        "fit": row.fit,
        "count": row.count,
        "unit": row.unit or item.get("unit") or "mm",
        "is_tight": row.is_tight,
        "page": row.page or item.get("page") or 1,
    }


def _shape(item: dict[str, Any], row: DrawingFeature) -> dict[str, Any]:
    changed = item | {"type": row.kind.removeprefix("feature."), "count": row.count}
    if row.nominal is not None and item.get("diameter_mm") is not None:
        changed["diameter_mm"] = _number(row.nominal)
    return changed


def _weld(item: dict[str, Any], row: DrawingFeature | None) -> dict[str, Any]:
    if row is None:
        return dict(item)
    return item | {"size": _number(row.nominal), "count": row.count, "text": row.text or ""}


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
