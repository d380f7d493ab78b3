"""Differences between two analyses: another version, or another revision of the drawing (DRW-36). Pure but for the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.i18n import field_label
from coordinator.modules.drawings.fieldset import FIELDS
from coordinator.modules.drawings.models import DrawingAnalysis, DrawingFeature

_COMPARED = ("nominal", "tol_upper", "tol_lower", "fit", "count", "unit")


def differences(ctx: Context, old: DrawingAnalysis, new: DrawingAnalysis) -> dict[str, Any]:
    """Every field with both values, and the dimensions and features that came, went or changed."""
    fields = [
        {
            "name": f.name,
            "label": field_label("drawing_analysis", f.name, ctx.locale),
            "old": before,
            "new": after,
        }
        for f in FIELDS
        if f.group != "order" and (before := _value(old, f.name)) != (after := _value(new, f.name))
    ]
    return {
        "old": _head(old),
        "new": _head(new),
        "fields": fields,
        **compare_rows(_rows(ctx, old), _rows(ctx, new)),
    }


def _head(analysis: DrawingAnalysis) -> dict[str, Any]:
    return {
        "id": analysis.id, "version_no": analysis.version_no, "drawing_number": analysis.drawing_number,
        "revision": analysis.revision, "analysed_at": jsonable(analysis.analysed_at),
    }  # fmt: skip


def _value(analysis: DrawingAnalysis, name: str) -> Any:
    value = getattr(analysis, name) if hasattr(analysis, name) else (analysis.other_values or {}).get(name)
    return jsonable(value)


def _rows(ctx: Context, analysis: DrawingAnalysis) -> list[dict[str, Any]]:
    query = select(DrawingFeature).where(
        DrawingFeature.drawing_analysis_id == analysis.id, DrawingFeature.archived_at.is_(None)
    )
    return [
        {name: jsonable(getattr(row, name)) for name in ("kind", "text", "page", *_COMPARED)}
        | {"box": (row.data or {}).get("box")}
        for row in ctx.session.scalars(query.order_by(DrawingFeature.id))
    ]


def compare_rows(
    old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Equal rows cancel out; of the rest, rows of one kind at the nearest place or with the nearest nominal are one row changed."""
    left = list(old)
    added: list[dict[str, Any]] = []
    for row in new:
        twin = next((o for o in left if _key(o) == _key(row)), None)
        if twin is None:
            added.append(row)
        else:
            left.remove(twin)
    changed = []
    for row in list(added):
        near = min(
            (o for o in left if o["kind"] == row["kind"]), key=lambda o: _distance(o, row), default=None
        )
        if near is not None and _distance(near, row) < 0.12:
            changed.append({"old": near, "new": row})
            left.remove(near)
            added.remove(row)
    return {"added": added, "removed": left, "changed": changed}


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["kind"], *(_number(row[name]) for name in _COMPARED))


def _number(value: Any) -> Any:
    try:
        return round(float(value), 4)
    except (TypeError, ValueError):
        return value


def _distance(a: dict[str, Any], b: dict[str, Any]) -> float:
    """Distance on the sheet in shares of it; without places, the relative difference of the nominals."""
    if a.get("box") and b.get("box"):
        return float(abs(a["box"][0] - b["box"][0]) + abs(a["box"][1] - b["box"][1]))
    x, y = _number(a["nominal"]), _number(b["nominal"])
    if isinstance(x, float) and isinstance(y, float):
        return abs(x - y) / max(abs(x), abs(y), 1e-9)
    return 1.0
