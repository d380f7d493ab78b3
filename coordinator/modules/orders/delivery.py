"""Delivery notes: made from an order, checked, shipped; the order follows (ORD-24…26)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import func, select

from coordinator.kernel import qr
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.kernel.lifecycle import move
from coordinator.kernel.numbering import next_number
from coordinator.kernel.registry import Permission
from coordinator.modules.catalogue.models import Part, PartRevision
from coordinator.modules.documents import api as documents
from coordinator.modules.execution import api as execution
from coordinator.modules.orders import sales
from coordinator.modules.orders.models import (
    CustomerPo,
    DeliveryNote,
    DeliveryNoteLine,
    SalesOrder,
    SalesOrderLine,
)
from coordinator.modules.orders.papers import DeliveredLine, render_delivery_note
from coordinator.modules.orders.papers import DeliveryNote as DeliveryPaper
from coordinator.modules.quoting import api as quoting
from coordinator.modules.stock.models import StockLot

SHIPPED = ("shipped", "delivered")
DELIVERABLE = ("validated", "in_production")
ZERO = Decimal(0)


class LineInput(BaseModel):
    """A quantity of an order line to deliver."""

    sales_order_line_id: int = Field(ge=1)
    quantity: Decimal = Field(gt=0)
    part_lot_id: int | None = None


class CreateParams(BaseModel):
    """Without lines everything available is delivered."""

    lines: list[LineInput] = Field(default_factory=list, max_length=200)
    carrier: str | None = Field(default=None, max_length=120)


class ShipParams(BaseModel):
    """``quality_decision``: recorded decision of the quality manager to ship although a paper is missing (TRC-10)."""

    delivery_date: dt.date | None = None
    carrier: str | None = Field(default=None, max_length=120)
    tracking_number: str | None = Field(default=None, max_length=80)
    quality_decision: str | None = Field(default=None, min_length=5, max_length=300)


@dataclass(frozen=True)
class Progress:
    """Quantities of an order line (ORD-08)."""

    ordered: Decimal
    produced: Decimal
    scrapped: Decimal
    delivered: Decimal
    available: Decimal


def progress(ctx: Context, line: SalesOrderLine) -> Progress:
    """What was made and delivered; what is made in the house is available once it is good, other goods at once."""
    ids = _works(ctx, line.id)
    lots = select(func.coalesce(func.sum(execution.PartLot.quantity), 0)).where(
        execution.PartLot.work_order_id.in_(ids)
    )
    scrap = select(func.coalesce(func.sum(execution.WorkOrderOperation.scrap_qty), 0)).where(
        execution.WorkOrderOperation.work_order_id.in_(ids)
    )
    produced = Decimal(ctx.session.scalar(lots) or 0) if ids else ZERO
    scrapped = Decimal(ctx.session.scalar(scrap) or 0) if ids else ZERO
    gone, pending = _noted(ctx, line.id, SHIPPED), _noted(ctx, line.id, ("draft",))
    rest = line.quantity - gone - pending
    free = produced - gone - pending if ids else rest
    return Progress(line.quantity, produced, scrapped, gone, max(min(rest, free), ZERO))


def _works(ctx: Context, line_id: int) -> list[int]:
    return [w.id for w in execution.work_orders_of_line(ctx, line_id) if w.status != "cancelled"]


def _noted(ctx: Context, line_id: int, statuses: tuple[str, ...], *, without: int | None = None) -> Decimal:
    """Quantity of an order line on notes in these states; ``without`` leaves one row of a note out."""
    query = (
        select(func.coalesce(func.sum(DeliveryNoteLine.quantity), 0))
        .join(DeliveryNote, DeliveryNote.id == DeliveryNoteLine.delivery_note_id)
        .where(
            DeliveryNoteLine.sales_order_line_id == line_id,
            DeliveryNoteLine.archived_at.is_(None),
            DeliveryNote.status.in_(statuses),
        )
    )
    if without is not None:
        query = query.where(DeliveryNoteLine.id != without)
    return Decimal(ctx.session.scalar(query) or 0)


def create(ctx: Context, order: SalesOrder, params: CreateParams) -> dict[str, Any]:
    """Make a draft note of what is available, or of the given quantities.

    Raises:
        Conflict: ``delivery.order_state``.
        BusinessError: ``delivery.nothing``, ``delivery.too_much``.
    """
    if order.status not in DELIVERABLE:
        raise Conflict("delivery.order_state", number=order.number)
    lines = {line.id: line for line in sales.lines_of(ctx, order.id)}
    wanted = params.lines or [
        LineInput(sales_order_line_id=line.id, quantity=free)
        for line in lines.values()
        if (free := progress(ctx, line).available) > 0
    ]
    if not wanted:
        raise BusinessError("delivery.nothing", number=order.number)
    note = DeliveryNote(
        number=next_number(ctx, "delivery_note"), sales_order_id=order.id, carrier=params.carrier
    )
    ctx.add(note)
    qr.code_of(ctx, note)
    for item in wanted:
        line = lines.get(item.sales_order_line_id)
        if line is None:
            raise BusinessError("delivery.other_order", errors=[FieldError("lines", "delivery.other_order")])
        _check_rest(ctx, line, item.quantity)
        _check_lot(ctx, line, item.part_lot_id)
        lot_id = item.part_lot_id if item.part_lot_id is not None else _lot(ctx, line.id)
        ctx.add(
            DeliveryNoteLine(
                delivery_note_id=note.id,
                sales_order_line_id=line.id,
                part_lot_id=lot_id,
                quantity=item.quantity,
            )
        )
    return {"delivery_note_id": note.id, "number": note.number}


def _lot(ctx: Context, line_id: int) -> int | None:
    """Lot of the line's newest work order."""
    query = (
        select(execution.PartLot.id)
        .join(execution.WorkOrder, execution.WorkOrder.id == execution.PartLot.work_order_id)
        .where(execution.WorkOrder.sales_order_line_id == line_id, execution.WorkOrder.status != "cancelled")
    )
    return ctx.session.scalar(query.order_by(execution.PartLot.id.desc()).limit(1))


def _check_rest(ctx: Context, line: SalesOrderLine, quantity: Decimal, row_id: int | None = None) -> None:
    """Never more than ordered, beyond the agreed tolerance, all rows of all notes together (ORD-26)."""
    tolerance = ctx.settings.decimal("orders.over_delivery_pct")
    limit = line.quantity * (1 + tolerance / 100) - _noted(ctx, line.id, (*SHIPPED, "draft"), without=row_id)
    if quantity > limit:
        raise BusinessError(
            "delivery.too_much",
            errors=[FieldError("quantity", "delivery.too_much")],
            line=line.line_no,
            limit=max(limit, ZERO).normalize(),
        )


def _check_lot(ctx: Context, line: SalesOrderLine, lot_id: int | None) -> None:
    """The lot holds parts of the line; its inspection and certificates are those of the shipment (ORD-25)."""
    if lot_id is None:
        return
    work = ctx.get(execution.WorkOrder, ctx.get(execution.PartLot, lot_id).work_order_id)
    if work.part_revision_id != line.part_revision_id:
        raise BusinessError("delivery.other_lot", errors=[FieldError("part_lot_id", "delivery.other_lot")])


def lines_of(ctx: Context, note_id: int) -> list[DeliveryNoteLine]:
    """Lines of a note."""
    query = select(DeliveryNoteLine).where(
        DeliveryNoteLine.delivery_note_id == note_id, DeliveryNoteLine.archived_at.is_(None)
    )
    return list(ctx.session.scalars(query.order_by(DeliveryNoteLine.id)))


def on_save_line(ctx: Context, row: DeliveryNoteLine) -> None:
    """Quantities change on a draft only."""
    with ctx.session.no_autoflush:
        note = _draft(ctx, row)
        line = ctx.get(SalesOrderLine, row.sales_order_line_id)
        if line.sales_order_id != note.sales_order_id:
            raise BusinessError(
                "delivery.other_order", errors=[FieldError("sales_order_line_id", "delivery.other_order")]
            )
        if row.quantity is None or row.quantity <= 0:
            raise BusinessError("order.quantity", errors=[FieldError("quantity", "order.quantity")])
        _check_rest(ctx, line, row.quantity, row.id)
        _check_lot(ctx, line, row.part_lot_id)


def remove_line(ctx: Context, row: DeliveryNoteLine, _params: Any) -> None:
    """Take a line out of a draft."""
    _draft(ctx, row)
    row.archived_at = ctx.now


def _draft(ctx: Context, row: DeliveryNoteLine) -> DeliveryNote:
    note = ctx.get(DeliveryNote, row.delivery_note_id, lock=True)
    if note.status != "draft":
        raise Conflict("delivery.closed", number=note.number)
    return note


def on_update(ctx: Context, note: DeliveryNote) -> None:  # noqa: ARG001 — signature of the entity's hook
    """A shipped note is closed.

    Raises:
        Conflict: ``delivery.closed``.
    """
    if note.status != "draft":
        raise Conflict("delivery.closed", number=note.number)


def ship(ctx: Context, note: DeliveryNote, params: ShipParams) -> dict[str, Any]:
    """Goods leave: guards, paper without prices, order delivered once everything is gone (ORD-25, ORD-26).

    Raises:
        Conflict: ``delivery.order_state``.
        BusinessError: ``delivery.nothing``, ``delivery.too_much``, ``delivery.not_produced``, ``delivery.blocked`` with what
            is missing.
    """
    order = ctx.get(SalesOrder, note.sales_order_id, lock=True)
    if order.status not in DELIVERABLE:
        raise Conflict("delivery.order_state", number=order.number)
    rows = lines_of(ctx, note.id)
    if not rows:
        raise BusinessError("delivery.nothing", number=order.number)
    missing = []
    for row in rows:
        line = ctx.get(SalesOrderLine, row.sales_order_line_id, lock=True)
        _check_rest(ctx, line, row.quantity, row.id)
        _check_produced(ctx, line, sum((r.quantity for r in rows if r.sales_order_line_id == line.id), ZERO))
        missing += _missing_papers(ctx, line, row)
    if missing:
        if params.quality_decision is None:
            raise BusinessError("delivery.blocked", extra={"missing": missing}, words=" ".join(missing))
        ctx.require(Permission("quality", "validate"))
        note.quality_decision = params.quality_decision
    note.delivery_date = params.delivery_date or note.delivery_date or ctx.now.date()
    note.carrier = params.carrier or note.carrier
    note.tracking_number = params.tracking_number or note.tracking_number
    note.shipped_at = ctx.now
    note.status = "shipped"
    ctx.session.flush()
    _file(ctx, note, order)
    _follow(ctx, order)
    return {"document_version_id": note.document_version_id}


def _check_produced(ctx: Context, line: SalesOrderLine, quantity: Decimal) -> None:
    """What leaves was made: ``quantity`` is the sum of the rows of the note."""
    works = _works(ctx, line.id)
    if not works:
        return
    lots = select(func.coalesce(func.sum(execution.PartLot.quantity), 0)).where(
        execution.PartLot.work_order_id.in_(works)
    )
    free = Decimal(ctx.session.scalar(lots) or 0) - _noted(ctx, line.id, SHIPPED)
    if quantity > free:
        raise BusinessError("delivery.not_produced", line=line.line_no, free=max(free, ZERO).normalize())


def _missing_papers(ctx: Context, line: SalesOrderLine, row: DeliveryNoteLine) -> list[str]:
    """Inspections still open and certificates not there, each in one sentence."""
    found = []
    lot = ctx.session.get(execution.PartLot, row.part_lot_id) if row.part_lot_id else None
    works = [lot.work_order_id] if lot else _works(ctx, line.id)
    operations = [o for work_id in works for o in execution.operations_of(ctx, work_id)]
    if any(o.operation_type == "inspection" and o.status not in {"done", "cancelled"} for o in operations):
        found.append(f"Ligne {line.line_no} : contrôle final non terminé.")
    if line.certificate_required and not _is_certified(ctx, lot):
        found.append(f"Ligne {line.line_no} : certificat matière absent.")
    return found


def _is_certified(ctx: Context, lot: execution.PartLot | None) -> bool:
    if lot is None:
        return False
    query = (
        select(StockLot)
        .join(execution.PartLotMaterial, execution.PartLotMaterial.stock_lot_id == StockLot.id)
        .where(execution.PartLotMaterial.part_lot_id == lot.id)
    )
    lots = list(ctx.session.scalars(query))
    return bool(lots) and all(found.is_certified and found.certificate_number for found in lots)


def _file(ctx: Context, note: DeliveryNote, order: SalesOrder) -> None:
    version = documents.file_document(
        ctx,
        "commercial",
        f"Bon de livraison {note.number}",
        render_delivery_note(paper(ctx, note, order)),
        "application/pdf",
        (note, order),
        file_name=f"{note.number}.pdf",
        document_type="delivery_note",
        issued_on=ctx.now.date(),
    )
    note.document_version_id = version.id


def paper(ctx: Context, note: DeliveryNote, order: SalesOrder) -> DeliveryPaper:
    """Data of the delivery note; no price on it."""
    po = ctx.session.get(CustomerPo, order.customer_po_id) if order.customer_po_id else None
    rows = lines_of(ctx, note.id)
    lines = [_paper_line(ctx, row) for row in rows]
    certificates = sorted({n for row in rows for n in _certificates(ctx, row.part_lot_id)})
    return DeliveryPaper(
        company=quoting.seller(ctx),
        customer=quoting.party(ctx, order.customer_id),
        number=note.number,
        issued_on=note.delivery_date or ctx.now.date(),
        delivery_address=quoting.postal_address(ctx, order.customer_id, "delivery"),
        lines=lines,
        qr=qr.code_of(ctx, note),
        order_number=order.number,
        customer_order_number=(po.po_number or "") if po else "",
        parcels=note.parcel_count,
        weight_kg=note.weight_kg,
        carrier=note.carrier or "",
        tracking=note.tracking_number or "",
        documents=[f"Certificat matière {number}" for number in certificates],
        remarks=note.remarks or "",
    )


def _paper_line(ctx: Context, row: DeliveryNoteLine) -> DeliveredLine:
    line = ctx.get(SalesOrderLine, row.sales_order_line_id)
    revision = ctx.get(PartRevision, line.part_revision_id)
    part = ctx.get(Part, revision.part_id)
    lot = ctx.session.get(execution.PartLot, row.part_lot_id) if row.part_lot_id else None
    remaining = max(line.quantity - _noted(ctx, line.id, SHIPPED), ZERO)
    return DeliveredLine(
        line.line_no, part.name, row.quantity, line.quantity, remaining, part.drawing_number, revision.revision,
        lots=[lot.number] if lot else [],
    )  # fmt: skip


def _certificates(ctx: Context, lot_id: int | None) -> list[str]:
    if lot_id is None:
        return []
    query = (
        select(StockLot.certificate_number)
        .join(execution.PartLotMaterial, execution.PartLotMaterial.stock_lot_id == StockLot.id)
        .where(execution.PartLotMaterial.part_lot_id == lot_id, StockLot.certificate_number.is_not(None))
    )
    return [str(n) for n in ctx.session.scalars(query)]


def _follow(ctx: Context, order: SalesOrder) -> None:
    """The order is delivered once every line is (ORD-09)."""
    if all(_noted(ctx, line.id, SHIPPED) >= line.quantity for line in sales.lines_of(ctx, order.id)):
        move(ctx, order, "deliver")
