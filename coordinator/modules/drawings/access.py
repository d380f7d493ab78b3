"""Who may open a drawing with a secrecy or export-control mark (DRW-28, DRW-45)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, exists, or_, select, true

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, NotFound
from coordinator.modules.documents.models import Document, DocumentVersion
from coordinator.modules.drawings.models import (
    DrawingAccess,
    DrawingAnalysis,
    DrawingAnalysisFile,
    DrawingFile,
)
from coordinator.modules.drawings.reading.note_marks import marks_in

_LEVELS = {
    "export_controlled": ("itar", "ear", "export_control"),
    "defence_restricted": ("restricted", "secret"),
    "customer_confidential": ("confidential",),
}
"""Confidentiality of a document by the marks that ask for it, strictest first."""


class GrantParams(BaseModel):
    """The person to name."""

    user_id: int = Field(ge=1, json_schema_extra={"x-field": {"type": "reference", "target": "users"}})


class ReasonParams(BaseModel):
    """Why."""

    reason: str = Field(min_length=3, max_length=300)


def secrecy_of(texts: list[str]) -> tuple[str, str] | None:
    """Strictest secrecy or export-control mark of a sheet: ``(confidentiality, text)``; None without one.

    "Confidential" inside the usual legend of ownership ("this drawing is the property of…") is no mark: most drawings carry it.
    """
    marked = [(mark.code, text) for text in texts for mark in marks_in(text) if mark.restricts_access]
    for level, codes in _LEVELS.items():
        for code, text in marked:
            if code in codes:
                return level, " ".join(text.split())[:200]
    return None


def restrict(ctx: Context, analysis: DrawingAnalysis, level: str, mark: str) -> None:
    """Limit an analysis, its files and their documents to named persons: for now, who sent it (DRW-28).

    Lines taken of it, its other sheets and former versions show the same files: they are limited with it.
    """
    analysis.is_restricted, analysis.secrecy_mark = True, mark
    if analysis.created_by_id is not None:
        name_person(ctx, analysis, analysis.created_by_id)
    for file in files_of(ctx, analysis.id):
        file.is_restricted = True
        _restrict_document(ctx, file, level, analysis.created_by_id)
    ctx.note("restrict", analysis, details=mark, critical=True)
    for other in _sharing(ctx, analysis, restricted=False):
        for user_id in named_ids(ctx, analysis):
            name_person(ctx, other, user_id)
        restrict(ctx, other, level, mark)


def _sharing(ctx: Context, analysis: DrawingAnalysis, *, restricted: bool) -> list[DrawingAnalysis]:
    """The other analyses that hold a file of this one."""
    holding = select(DrawingAnalysisFile.drawing_analysis_id).where(
        DrawingAnalysisFile.drawing_file_id.in_([file.id for file in files_of(ctx, analysis.id)]),
        DrawingAnalysisFile.archived_at.is_(None),
    )
    query = select(DrawingAnalysis).where(
        DrawingAnalysis.id.in_(holding), DrawingAnalysis.id != analysis.id,
        DrawingAnalysis.is_restricted.is_(restricted), DrawingAnalysis.archived_at.is_(None),
    )  # fmt: skip
    return list(ctx.session.scalars(query.order_by(DrawingAnalysis.id)))


def keep_restricted(ctx: Context, source: DrawingAnalysis, target: DrawingAnalysis) -> None:
    """What is made of a restricted analysis or joined with it is for the same persons, with all its files (DRW-28)."""
    if not source.is_restricted:
        return
    for user_id in named_ids(ctx, source):
        name_person(ctx, target, user_id)
    mark = source.secrecy_mark or ""
    found = secrecy_of([mark])
    restrict(ctx, target, found[0] if found else "customer_confidential", mark)


def named_ids(ctx: Context, analysis: DrawingAnalysis) -> list[int]:
    """Persons named to open an analysis."""
    query = select(DrawingAccess.user_id).where(
        DrawingAccess.drawing_analysis_id == analysis.id, DrawingAccess.archived_at.is_(None)
    )
    return list(ctx.session.scalars(query.order_by(DrawingAccess.user_id)))


def _restrict_document(ctx: Context, file: DrawingFile, level: str, owner_id: int | None) -> None:
    if file.document_version_id is None:
        return
    document = ctx.get(Document, ctx.get(DocumentVersion, file.document_version_id).document_id)
    document.confidentiality, document.is_critical = level, True
    document.owner_user_id = document.owner_user_id or owner_id


def name_person(ctx: Context, analysis: DrawingAnalysis, user_id: int) -> None:
    """Let a person open a restricted analysis."""
    query = select(DrawingAccess).where(
        DrawingAccess.drawing_analysis_id == analysis.id, DrawingAccess.user_id == user_id
    )
    row = ctx.session.scalars(query).one_or_none()
    if row is None:
        ctx.add(DrawingAccess(drawing_analysis_id=analysis.id, user_id=user_id))
    else:
        row.archived_at = None


def restrict_by_hand(ctx: Context, analysis: DrawingAnalysis, params: ReasonParams) -> None:
    """A person limits a drawing whose mark was not read; he is named with its sender."""
    ctx.reason = params.reason
    restrict(ctx, analysis, "customer_confidential", params.reason)
    if ctx.principal.user_id is not None:
        name_person(ctx, analysis, ctx.principal.user_id)


def grant(ctx: Context, analysis: DrawingAnalysis, params: GrantParams) -> None:
    """Name a person; done by somebody who may open the drawing himself."""
    name_person(ctx, analysis, params.user_id)


def revoke(ctx: Context, analysis: DrawingAnalysis, params: GrantParams) -> None:
    """Take a person's name off.

    Raises:
        NotFound: the person was not named.
    """
    query = select(DrawingAccess).where(
        DrawingAccess.drawing_analysis_id == analysis.id, DrawingAccess.user_id == params.user_id,
        DrawingAccess.archived_at.is_(None),
    )  # fmt: skip
    row = ctx.session.scalars(query).one_or_none()
    if row is None:
        raise NotFound(entity="drawing_access", id=params.user_id)
    row.archived_at = ctx.now


def lift(ctx: Context, analysis: DrawingAnalysis, params: ReasonParams) -> None:
    """The mark was misread or no longer holds: open the drawing to the roles again, with the reason in the history.

    With it go the analyses of the same files limited for the same mark, as far as the person may open them; a file that
    another one still limits stays limited.

    Raises:
        BusinessError: ``drawing.not_restricted``.
    """
    if not analysis.is_restricted:
        raise BusinessError("drawing.not_restricted")
    ctx.reason = params.reason
    sharing = _sharing(ctx, analysis, restricted=True)
    lifted = [one for one in sharing if one.secrecy_mark == analysis.secrecy_mark and may_open(ctx, one)]
    for one in (analysis, *lifted):
        one.is_restricted = False
    ctx.session.flush()
    for one in (analysis, *lifted):
        _free_files(ctx, one)


def _free_files(ctx: Context, analysis: DrawingAnalysis) -> None:
    held = {f.id for other in _sharing(ctx, analysis, restricted=True) for f in files_of(ctx, other.id)}
    for file in files_of(ctx, analysis.id):
        if file.id in held:
            continue
        file.is_restricted = False
        if file.document_version_id is not None:
            document = ctx.get(Document, ctx.get(DocumentVersion, file.document_version_id).document_id)
            document.confidentiality = "internal"


def visible(ctx: Context) -> ColumnElement[bool]:
    """Condition on analyses the acting person may know of."""
    if ctx.principal.is_master or ctx.principal.kind == "service":
        return true()
    named = exists().where(
        DrawingAccess.drawing_analysis_id == DrawingAnalysis.id,
        DrawingAccess.user_id == ctx.principal.user_id,
        DrawingAccess.archived_at.is_(None),
    )
    return or_(DrawingAnalysis.is_restricted.is_(False), named)


def visible_files(ctx: Context) -> ColumnElement[bool]:
    """Condition on files the acting person may know of: free ones, and those of an analysis that names him."""
    if ctx.principal.is_master or ctx.principal.kind == "service":
        return true()
    named = exists().where(
        DrawingAnalysisFile.drawing_file_id == DrawingFile.id,
        DrawingAnalysisFile.drawing_analysis_id == DrawingAccess.drawing_analysis_id,
        DrawingAccess.user_id == ctx.principal.user_id,
        DrawingAccess.archived_at.is_(None),
    )
    return or_(DrawingFile.is_restricted.is_(False), named)


def of_visible(ctx: Context, column: Any) -> ColumnElement[bool]:
    """Condition on rows that belong to an analysis through ``column``."""
    if ctx.principal.is_master or ctx.principal.kind == "service":
        return true()
    condition: ColumnElement[bool] = column.in_(select(DrawingAnalysis.id).where(visible(ctx)))
    return condition


def may_open(ctx: Context, analysis: DrawingAnalysis) -> bool:
    """Whether the acting person may open this analysis."""
    if not analysis.is_restricted:
        return True
    query = select(DrawingAnalysis.id).where(DrawingAnalysis.id == analysis.id, visible(ctx))
    return ctx.session.scalar(query) is not None


def check_open(ctx: Context, analysis: DrawingAnalysis, what: str) -> None:
    """Refuse who is not named, and write each opening of a restricted drawing to the history (DRW-45).

    Raises:
        NotFound: not named; that the drawing exists is not told.
    """
    if not analysis.is_restricted:
        return
    if not may_open(ctx, analysis):
        raise NotFound(entity="drawing_analysis", id=analysis.id)
    ctx.note("open", analysis, details=what, critical=True)


def check_file(ctx: Context, file: DrawingFile, what: str) -> None:
    """The same for one file."""
    if not file.is_restricted:
        return
    query = select(DrawingFile.id).where(DrawingFile.id == file.id, visible_files(ctx))
    if ctx.session.scalar(query) is None:
        raise NotFound(entity="drawing_file", id=file.id)
    ctx.note("open", file, details=what, critical=True)


def files_of(ctx: Context, analysis_id: int) -> list[DrawingFile]:
    """Files of an analysis in the order received."""
    query = select(DrawingFile).join(
        DrawingAnalysisFile, DrawingAnalysisFile.drawing_file_id == DrawingFile.id
    )
    query = query.where(
        DrawingAnalysisFile.drawing_analysis_id == analysis_id, DrawingAnalysisFile.archived_at.is_(None)
    )
    return list(ctx.session.scalars(query.order_by(DrawingFile.id)))
