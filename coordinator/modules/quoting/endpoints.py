"""Routes of quotes that are not derived: the whole sheet, explanations, the PDF."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from coordinator.kernel import crud
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.registry import Permission
from coordinator.modules.quoting import document
from coordinator.modules.quoting import sheet as sheets
from coordinator.modules.quoting.models import Quote

router = APIRouter(prefix="/quotes", tags=["quote"])
_READ = Permission("quoting", "read")


def _quote(ctx: Ctx, quote_id: int) -> Quote:
    found: Quote = crud.visible_record(ctx, ctx.registry.entities["quote"], quote_id, ctx.require(_READ))
    return found


@router.get("/{quote_id}/sheet", operation_id="quote_sheet", openapi_extra=guarded(_READ))
def sheet(ctx: Ctx, quote_id: int) -> dict[str, Any]:
    """Header, lines, operations, scenarios, gaps, questions and warnings in one answer."""
    return sheets.sheet(ctx, _quote(ctx, quote_id))


@router.get("/{quote_id}/explain", operation_id="quote_explain", openapi_extra=guarded(_READ))
def explain(ctx: Ctx, quote_id: int, line: int, operation: int | None = None) -> dict[str, Any]:
    """Formula, inputs and source of every value of a line or of one of its operations."""
    return sheets.explain(ctx, _quote(ctx, quote_id), line, operation)


@router.get("/{quote_id}/pdf", operation_id="quote_pdf", openapi_extra=guarded(_READ))
def pdf(ctx: Ctx, quote_id: int) -> Response:
    """The filed paper, from approval on."""
    quote = _quote(ctx, quote_id)
    content = document.content(ctx, quote)
    ctx.note("print", quote)
    headers = {"content-disposition": f'inline; filename="{quote.number}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)
