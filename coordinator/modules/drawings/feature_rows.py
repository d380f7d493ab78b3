"""Stored rows of dimensions and features when a part is read or merged anew: a person's work stays (DRW-35)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, delete, exists, insert, or_, select, update

from coordinator.kernel.context import Context
from coordinator.modules.drawings import balloons, features
from coordinator.modules.drawings.models import DrawingAnalysis, DrawingCorrection, DrawingFeature


def replace(ctx: Context, analysis: DrawingAnalysis, rows: list[dict[str, Any]]) -> None:
    """Put the rows of a reading in place of former ones; they are derived, so the history does not list each.

    Rows a person added or corrected stay, tied to the same item of the new reading; what it does not hold is archived
    until a later one does.
    """
    ctx.session.flush()
    kept = list(ctx.session.scalars(_by_person(analysis)))
    for row in kept:
        if row.is_manual:
            continue
        twin = next((r for r in rows if features.is_same_item(r, row)), None)
        data = dict(row.data or {})
        was_left_out = data.pop(features.LEFT_OUT, False)
        if twin is not None:
            rows.remove(twin)
            row.archived_at = None if was_left_out else row.archived_at
        elif was_left_out or row.archived_at is None:
            row.archived_at, data[features.LEFT_OUT] = ctx.now, True
        numbered = ("index",) if features.WELD not in data else (features.WELD,)
        row.data = data | {name: twin["data"].get(name) if twin else None for name in numbered}
    ids = [row.id for row in kept]
    gone = delete(DrawingFeature).where(DrawingFeature.drawing_analysis_id == analysis.id)
    ctx.session.execute(gone.where(DrawingFeature.id.not_in(ids)))
    if rows:
        ctx.session.execute(insert(DrawingFeature), rows)
    if kept:
        balloons.number_rows(ctx, analysis)


def _by_person(analysis: DrawingAnalysis) -> Select[DrawingFeature]:
    corrected = exists().where(DrawingCorrection.drawing_feature_id == DrawingFeature.id)
    return select(DrawingFeature).where(
        DrawingFeature.drawing_analysis_id == analysis.id, or_(DrawingFeature.is_manual, corrected)
    )


def move(
    ctx: Context, source: DrawingAnalysis, target: DrawingAnalysis, file_id: int, pages: list[int] | None
) -> None:
    """What a person added or corrected on a file, or on some sheets of it, goes where these go."""
    rows = _by_person(source).where(DrawingFeature.drawing_file_id == file_id)
    if pages:
        rows = rows.where(DrawingFeature.page.in_(pages))
    for row in ctx.session.scalars(rows):
        row.drawing_analysis_id = target.id
        own = update(DrawingCorrection).where(DrawingCorrection.drawing_feature_id == row.id)
        ctx.session.execute(own.values(drawing_analysis_id=target.id))
