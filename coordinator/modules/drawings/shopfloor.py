"""The drawing at the machine: operators see that of their own operation and no other; each opening is written down (DRW-45)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import NotFound
from coordinator.modules.drawings import access, pictures
from coordinator.modules.drawings.models import DrawingAnalysis


def operation_drawing(ctx: Context, part_revision_id: int | None, operation: str) -> dict[str, Any]:
    """Head and number of sheets of the validated drawing of a revision; the caller has checked whose operation it is.

    Raises:
        NotFound: no validated drawing, or it is restricted and the person is not named.
    """
    analysis = _validated(ctx, part_revision_id)
    _open(ctx, analysis, operation)
    return {
        "analysis_id": analysis.id,
        "drawing_number": analysis.drawing_number,
        "revision": analysis.revision,
        "part_name": analysis.part_name,
        "sheet_count": len(pictures.shown_sheets(analysis)),
    }


def operation_sheet(
    ctx: Context, part_revision_id: int | None, operation: str, number: int, side_px: int
) -> bytes:
    """PNG of the ``number``-th sheet, counted from 1 over all files.

    Raises:
        NotFound: as above, or no such sheet.
    """
    analysis = _validated(ctx, part_revision_id)
    sheets = pictures.shown_sheets(analysis)
    if not 1 <= number <= len(sheets):
        raise NotFound("drawing.no_page", page=number, id=analysis.id)
    _open(ctx, analysis, f"{operation}, {number}")
    file_id, page = sheets[number - 1]
    return pictures.page(ctx, analysis, file_id, page, side_px)


def _validated(ctx: Context, part_revision_id: int | None) -> DrawingAnalysis:
    query = select(DrawingAnalysis).where(
        DrawingAnalysis.part_revision_id == part_revision_id, DrawingAnalysis.status == "validated",
        DrawingAnalysis.archived_at.is_(None),
    )  # fmt: skip
    found = ctx.session.scalars(query.order_by(DrawingAnalysis.id.desc()).limit(1)).one_or_none()
    if part_revision_id is None or found is None:
        raise NotFound(entity="drawing_analysis", id=part_revision_id)
    return found


def _open(ctx: Context, analysis: DrawingAnalysis, operation: str) -> None:
    access.check_open(ctx, analysis, operation)
    ctx.note("open_at_machine", analysis, details=operation)
