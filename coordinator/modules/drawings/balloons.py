"""The list of characteristics with balloon numbers: start of the inspection sheet and of EN 9102 form 3 (DRW-39)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import select

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.modules.drawings import features
from coordinator.modules.drawings.models import DrawingAnalysis, DrawingFeature


def characteristics(ctx: Context, analysis: DrawingAnalysis) -> dict[str, Any]:
    """Characteristics of a part in balloon order, with limits where deviations are written."""
    query = select(DrawingFeature).where(
        DrawingFeature.drawing_analysis_id == analysis.id, DrawingFeature.archived_at.is_(None),
        DrawingFeature.balloon_no.is_not(None),
    )  # fmt: skip
    rows = ctx.session.scalars(query.order_by(DrawingFeature.balloon_no, DrawingFeature.id))
    return {
        "analysis_id": analysis.id,
        "drawing_number": analysis.drawing_number,
        "revision": analysis.revision,
        "part_name": analysis.part_name,
        "general_tolerance": analysis.general_tolerance,
        "everything": analysis.criticality in features.ALL_NUMBERED,
        "items": [_item(row) for row in rows],
    }


def number_rows(ctx: Context, analysis: DrawingAnalysis) -> int:
    """Number the characteristics anew and answer how many there are (DRW-39)."""
    query = select(DrawingFeature).where(
        DrawingFeature.drawing_analysis_id == analysis.id, DrawingFeature.archived_at.is_(None)
    )
    rows = list(ctx.session.scalars(query.order_by(DrawingFeature.id)))
    features.number(rows, everything=analysis.criticality in features.ALL_NUMBERED)
    return sum(1 for row in rows if row.balloon_no is not None)


def _item(row: DrawingFeature) -> dict[str, Any]:
    lower, upper = limits(row.nominal, row.tol_lower, row.tol_upper)
    data = row.data or {}
    return {
        "balloon_no": row.balloon_no,
        "feature_id": row.id,
        "kind": row.kind,
        "requirement": row.text,
        "nominal": jsonable(row.nominal),
        "lower_limit": jsonable(lower),
        "upper_limit": jsonable(upper),
        "fit": row.fit,
        "characteristic": data.get("characteristic"),
        "datums": data.get("datums") or [],
        "count": row.count,
        "unit": row.unit,
        "is_critical": row.is_critical,
        "is_tight": row.is_tight,
        "page": row.page,
        "box": data.get("box"),
    }


def limits(
    nominal: Decimal | None, lower: Decimal | None, upper: Decimal | None
) -> tuple[Decimal | None, Decimal | None]:
    """Smallest and largest allowed value; None where the drawing writes no deviation."""
    if nominal is None or (lower is None and upper is None):
        return None, None
    return nominal + (lower or Decimal(0)), nominal + (upper or Decimal(0))
