"""Routes of orders that are not derived: reception of purchase orders, progress, papers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Response, UploadFile

from coordinator.kernel import crud
from coordinator.kernel.audit import jsonable
from coordinator.kernel.errors import NotFound
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.registry import Permission
from coordinator.modules.documents import api as documents
from coordinator.modules.documents.models import DocumentVersion
from coordinator.modules.orders import delivery, purchase, sales
from coordinator.modules.orders.models import DeliveryNote, SalesOrder

router = APIRouter(tags=["orders"])
_READ = Permission("orders", "read")
_CREATE = Permission("orders", "create")


@router.post(
    "/customer-pos/receive",
    status_code=202,
    operation_id="customer_po_receive",
    openapi_extra=guarded(_CREATE),
)
def receive(
    ctx: Ctx, file: Annotated[UploadFile, File()], customer_id: Annotated[int | None, Form()] = None
) -> dict[str, Any]:
    """Receive a customer's order as PDF or image; it is read in the background."""
    ctx.require(_CREATE)
    record = purchase.receive(ctx, file.filename or "commande", file.file.read(), customer_id)
    return crud.serialize(ctx, ctx.registry.entities["customer_po"], record)


@router.get(
    "/sales-orders/{order_id}/progress", operation_id="sales_order_progress", openapi_extra=guarded(_READ)
)
def progress(ctx: Ctx, order_id: int) -> dict[str, Any]:
    """Ordered, produced, scrapped, delivered and available quantities of each line."""
    spec = ctx.registry.entities["sales_order"]
    order: SalesOrder = crud.visible_record(ctx, spec, order_id, ctx.require(_READ))
    lines = [
        {
            "sales_order_line_id": line.id,
            "line_no": line.line_no,
            **{name: jsonable(value) for name, value in vars(delivery.progress(ctx, line)).items()},
        }
        for line in sales.lines_of(ctx, order.id)
    ]
    return {"id": order.id, "status": order.status, "lines": lines}


@router.get("/sales-orders/{order_id}/pdf", operation_id="sales_order_pdf", openapi_extra=guarded(_READ))
def acknowledgement(ctx: Ctx, order_id: int) -> Response:
    """The filed acknowledgement."""
    spec = ctx.registry.entities["sales_order"]
    order: SalesOrder = crud.visible_record(ctx, spec, order_id, ctx.require(_READ))
    return _pdf(ctx, order.document_version_id, order.number)


@router.get("/delivery-notes/{note_id}/pdf", operation_id="delivery_note_pdf", openapi_extra=guarded(_READ))
def note_pdf(ctx: Ctx, note_id: int) -> Response:
    """The filed delivery note."""
    spec = ctx.registry.entities["delivery_note"]
    note: DeliveryNote = crud.visible_record(ctx, spec, note_id, ctx.require(_READ))
    return _pdf(ctx, note.document_version_id, note.number)


def _pdf(ctx: Ctx, version_id: int | None, number: str) -> Response:
    if version_id is None:
        raise NotFound(entity="document_version", id=number)
    content = documents.read(ctx, ctx.get(DocumentVersion, version_id))
    headers = {"content-disposition": f'inline; filename="{number}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)
