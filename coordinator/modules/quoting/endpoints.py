"""Routes of quotes that are not derived: the whole sheet, explanations, the PDF."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Response, UploadFile

from coordinator.kernel import crud
from coordinator.kernel.errors import Forbidden
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.registry import Permission
from coordinator.kernel.rest import ListQuery
from coordinator.modules.quoting import comparing, document, exchanging, inspection, listing
from coordinator.modules.quoting import precision as measured
from coordinator.modules.quoting import sheet as sheets
from coordinator.modules.quoting.defaults import engine_settings
from coordinator.modules.quoting.engine.trade_forms import forms
from coordinator.modules.quoting.models import Quote

router = APIRouter(prefix="/quotes", tags=["quote"])
_READ = Permission("quoting", "read")
_UPDATE = Permission("quoting", "update")
_EXPORT = Permission("quoting", "export")


def _quote(ctx: Ctx, quote_id: int, permission: Permission = _READ) -> Quote:
    found: Quote = crud.visible_record(
        ctx, ctx.registry.entities["quote"], quote_id, ctx.require(permission), lock=permission is _UPDATE
    )
    return found


@router.get("/list/pdf", operation_id="quote_list_pdf", openapi_extra=guarded(_EXPORT))
def list_pdf(ctx: Ctx, query: ListQuery) -> Response:
    """The list of quotes with the list's filters and order, on paper."""
    content = listing.pdf(ctx, query)
    headers = {"content-disposition": 'inline; filename="devis.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


@router.get("/precision", operation_id="quote_precision", openapi_extra=guarded(_READ))
def precision(ctx: Ctx) -> dict[str, Any]:
    """How near automatic quotes and their times come to the targets; unknown is told as unknown."""
    ctx.require(_READ)
    return measured.precision(ctx)


@router.get("/trade-forms", operation_id="quote_trade_forms", openapi_extra=guarded(_READ))
def trade_forms(ctx: Ctx) -> list[dict[str, Any]]:
    """What is typed for the work of other trades on a line."""
    ctx.require(_READ)
    return forms(engine_settings(ctx).trades)


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


@router.get("/{quote_id}/inspection", operation_id="quote_inspection", openapi_extra=guarded(_READ))
def inspection_sheet(ctx: Ctx, quote_id: int, line: int) -> dict[str, Any]:
    """What is to be measured on the part of a line, with proposed instruments."""
    return inspection.as_json(ctx, _quote(ctx, quote_id), line)


@router.get("/{quote_id}/inspection/pdf", operation_id="quote_inspection_pdf", openapi_extra=guarded(_READ))
def inspection_pdf(ctx: Ctx, quote_id: int, line: int) -> Response:
    """The inspection sheet on paper: the filed one, else as the line stands now."""
    quote = _quote(ctx, quote_id)
    content = inspection.content(ctx, quote, line)
    ctx.note("print", quote)
    headers = {"content-disposition": f'inline; filename="controle-{quote.number}-{line}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


@router.get("/{quote_id}/comparison", operation_id="quote_comparison", openapi_extra=guarded(_READ))
def comparison(ctx: Ctx, quote_id: int, line: int) -> dict[str, Any]:
    """Automatic and manual result of a line side by side; costs are the matter of it, so it needs their field group."""
    quote = _quote(ctx, quote_id)
    if not ctx.principal.sees("costs_margins"):
        raise Forbidden(extra={"module": "quoting", "right": "read"}, module="quoting", right="read")
    return comparing.compare(ctx, quote, line)


@router.get("/{quote_id}/exchange", operation_id="quote_exchange_export", openapi_extra=guarded(_EXPORT))
def exchange_export(ctx: Ctx, quote_id: int, format: Literal["csv", "json"] = "csv") -> Response:
    """Lines and operations for another quoting tool."""
    quote = _quote(ctx, quote_id, _EXPORT)
    headers = {"content-disposition": f'attachment; filename="{quote.number}.{format}"'}
    content = exchanging.export(ctx, quote, format)
    return Response(content, media_type=exchanging.MEDIA_TYPES[format], headers=headers)


@router.post("/{quote_id}/exchange", operation_id="quote_exchange_import", openapi_extra=guarded(_UPDATE))
def exchange_import(
    ctx: Ctx, quote_id: int, file: Annotated[UploadFile, File()], take_prices: Annotated[bool, Form()] = False
) -> dict[str, Any]:
    """Lines of another quoting tool as manual lines of this quote."""
    quote = _quote(ctx, quote_id, _UPDATE)
    return exchanging.bring_in(ctx, quote, file.filename or "", file.file.read(), take_prices=take_prices)
