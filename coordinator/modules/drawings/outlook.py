"""What follows from a reading for the workshop: critical zones, feasibility in the park, the comment of the estimator's page."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.drawings import api, park, summary, zones
from coordinator.modules.drawings.models import DrawingAnalysis, DrawingFeature


def renew(ctx: Context, analysis: DrawingAnalysis, _params: Any = None) -> dict[str, Any]:
    """Compare the part anew with the park and write the comment; answers the comparison (DRW-26, DRW-29, DRW-30, DRW-41)."""
    ctx.session.flush()
    report = park.check(ctx, analysis)
    description = api.description(ctx, analysis)
    query = select(DrawingFeature).where(
        DrawingFeature.drawing_analysis_id == analysis.id, DrawingFeature.archived_at.is_(None)
    )
    rows = [
        {n: getattr(row, n) for n in ("kind", "text", "nominal", "unit", "is_critical", "is_tight")}
        for row in ctx.session.scalars(query)
    ]
    found = zones.zones(rows, description.get("notes") or [])
    analysis.ai_comment = summary.comment(description, report, found) if description else None
    return report
