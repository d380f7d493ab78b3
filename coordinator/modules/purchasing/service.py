"""From an accepted proposal to goods in stock."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from coordinator.kernel import lifecycle, numbering, qr, tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.kernel.i18n import choice_label, t
from coordinator.kernel.outbox import Event
from coordinator.modules.catalogue.api import StockItem
from coordinator.modules.purchasing import label_receipts as labels
from coordinator.modules.purchasing.labels import SupplierLabel
from coordinator.modules.purchasing.models import (
    GoodsReceipt,
    GoodsReceiptLine,
    PurchaseOrder,
    PurchaseOrderLine,
)
from coordinator.modules.stock import api as stock

CERTIFIED = ("3.1", "3.2")


def on_create_order(ctx: Context, order: PurchaseOrder) -> None:
    """Number a new order."""
    order.number = numbering.next_number(ctx, "purchase_order")


def on_line(ctx: Context, line: PurchaseOrderLine) -> None:
    """Lines change in draft only; the total follows.

    Raises:
        Conflict: ``purchase.not_draft``.
    """
    order = ctx.get(PurchaseOrder, line.purchase_order_id, lock=True)
    if order.status != "draft":
        raise Conflict("purchase.not_draft", number=order.number)
    if line.stock_item_id is None and not line.description:
        raise BusinessError("purchase.empty_line")
    ctx.session.add(line)
    ctx.session.flush()
    _total(ctx, order)


def _total(ctx: Context, order: PurchaseOrder) -> None:
    amount = func.coalesce(
        func.sum(PurchaseOrderLine.quantity * func.coalesce(PurchaseOrderLine.unit_price, 0)), 0
    )
    query = select(amount).where(
        PurchaseOrderLine.purchase_order_id == order.id, PurchaseOrderLine.archived_at.is_(None)
    )
    order.total_excl_tax = round(Decimal(ctx.session.scalar(query) or 0), 2)


def lines_of(ctx: Context, order: PurchaseOrder) -> list[PurchaseOrderLine]:
    """Lines of an order."""
    query = select(PurchaseOrderLine).where(
        PurchaseOrderLine.purchase_order_id == order.id, PurchaseOrderLine.archived_at.is_(None)
    )
    return list(ctx.session.scalars(query.order_by(PurchaseOrderLine.id)))


def on_proposal_accepted(ctx: Context, event: Event) -> None:
    """``reorder_proposal.accepted``: a line on the supplier's open draft, grouped per supplier (CRM-31).

    A proposal without supplier waits for a person to choose one.
    """
    proposal = ctx.get(stock.ReorderProposal, event.payload["id"], lock=True)
    if proposal.status != "accepted" or proposal.supplier_id is None:
        return
    draft = select(PurchaseOrder).where(
        PurchaseOrder.supplier_id == proposal.supplier_id,
        PurchaseOrder.status == "draft",
        PurchaseOrder.archived_at.is_(None),
    )
    order = ctx.session.scalars(draft.order_by(PurchaseOrder.id).limit(1).with_for_update()).one_or_none()
    if order is None:
        order = PurchaseOrder(supplier_id=proposal.supplier_id)
        on_create_order(ctx, order)
        ctx.add(order)
    order.is_urgent = order.is_urgent or proposal.is_urgent
    item = ctx.get(StockItem, proposal.stock_item_id)
    ctx.add(
        PurchaseOrderLine(
            purchase_order_id=order.id,
            stock_item_id=item.id,
            supplier_item_id=proposal.supplier_item_id,
            reorder_proposal_id=proposal.id,
            description=f"{item.code} · {item.name}",
            quantity=proposal.quantity,
            unit_price=proposal.unit_price,
            required_on=proposal.needed_on,
            certificate_type="3.1" if proposal.certificate_required else None,
        )
    )
    _total(ctx, order)


def submit(ctx: Context, order: PurchaseOrder, _params: Any) -> None:
    """Hand an order over for approval.

    Raises:
        BusinessError: ``purchase.no_line``.
    """
    if not lines_of(ctx, order):
        raise BusinessError("purchase.no_line", number=order.number)


def approve(ctx: Context, order: PurchaseOrder, _params: Any) -> None:
    """A person approves, then the order leaves (CRM-33, STK-35); its proposals are ordered."""
    order.approved_by_id = ctx.principal.user_id
    order.approved_at = ctx.now
    order.ordered_on = ctx.now.date()
    for line in lines_of(ctx, order):
        if line.reorder_proposal_id is not None:
            proposal = ctx.get(stock.ReorderProposal, line.reorder_proposal_id, lock=True)
            if proposal.status == "accepted":
                lifecycle.move(ctx, proposal, "order")


class ReceiptParams(BaseModel):
    """What came of one line of the order."""

    model_config = ConfigDict(extra="forbid")

    purchase_order_line_id: int
    quantity: Decimal = Field(gt=0, max_digits=14, decimal_places=3)
    delivery_note: str | None = Field(default=None, max_length=60)
    heat_number: str | None = Field(default=None, max_length=60)
    supplier_lot: str | None = Field(default=None, max_length=60)
    location_id: int | None = None
    result: Literal["accepted", "partly_accepted", "rejected", "quarantine"] = "accepted"
    confirm_excess: bool = False
    certificate_type: Literal["2.1", "2.2", "3.1", "3.2"] | None = None
    certificate_number: str | None = Field(default=None, max_length=60)
    label: str | list[str] | None = None
    tie_part: bool = False
    another_package: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """When and by whom goods were received, and under which identity: now at the screen, or earlier on a device (CRM-50)."""

    uid: uuid.UUID
    at: dt.datetime
    user_id: int | None
    source: str = "manual"

    @classmethod
    def now(cls, ctx: Context) -> Act:
        """The person signed in, at this moment."""
        return cls(uuid.uuid4(), ctx.now, ctx.principal.user_id)


def receive(ctx: Context, order: PurchaseOrder, params: ReceiptParams) -> dict[str, Any]:
    """Receive goods of a line: stock lot with heat number, movement, label (CRM-38, STK-25).

    Raises:
        Conflict: ``purchase.not_sent``. BusinessError: ``purchase.other_order``, ``purchase.excess`` (over 5 %).
    """
    receipt, lot = book(ctx, order, params, Act.now(ctx))
    return {
        "goods_receipt_id": receipt.id,
        "uid": str(receipt.uid),
        "set_aside_reason": receipt.set_aside_reason,
        "stock_lot_id": lot.id if lot is not None else None,
        "code": qr.code_of(ctx, lot) if lot is not None else None,
    }


def book(
    ctx: Context, order: PurchaseOrder, params: ReceiptParams, act: Act
) -> tuple[GoodsReceipt, stock.StockLot | None]:
    """The receipt of a line and the lot it became; without its certificate it is set aside (CRM-49).

    Raises:
        As ``receive``.
    """
    if order.status not in {"sent", "partly_received"}:
        raise Conflict("purchase.not_sent", number=order.number)
    line = ctx.get(PurchaseOrderLine, params.purchase_order_line_id, lock=True)
    if line.purchase_order_id != order.id:
        raise BusinessError("purchase.other_order", number=order.number)
    contents = labels.contents_of(params.label)
    label = labels.understood(ctx, contents) if contents else None
    if label is not None:
        labels.check_article(ctx, label, order, line, tie=params.tie_part)
        params = _with_label(params, label)
    check_excess(ctx, line, params.quantity, confirmed=params.confirm_excess)
    without_paper = (
        line.certificate_type in CERTIFIED
        and params.result != "rejected"
        and not (params.certificate_number and params.heat_number)
    )
    receipt = ctx.add(
        GoodsReceipt(
            uid=act.uid,
            purchase_order_id=order.id,
            received_at=act.at,
            delivery_note=params.delivery_note,
            received_by_id=act.user_id,
            set_aside_reason="no_certificate" if without_paper else None,
        )
    )
    lot = _into_stock(ctx, order, line, params, label, act) if params.result != "rejected" else None
    received = ctx.add(
        GoodsReceiptLine(
            goods_receipt_id=receipt.id,
            purchase_order_line_id=line.id,
            stock_item_id=line.stock_item_id,
            stock_lot_id=lot.id if lot is not None else None,
            quantity=params.quantity,
            heat_number=params.heat_number,
            result="quarantine" if without_paper else params.result,
        )
    )
    if label is not None and params.result != "rejected":
        labels.keep(ctx, label, contents, received, another_package=params.another_package)
    if params.result != "rejected":
        line.received_qty += params.quantity
    if without_paper:
        tell_purchasing(ctx, receipt, line.description or "", params.quantity)
    progress(ctx, order)
    return receipt, lot


def check_excess(ctx: Context, line: PurchaseOrderLine, quantity: Decimal, *, confirmed: bool) -> None:
    """More than the allowed excess must be confirmed.

    Raises:
        BusinessError: ``purchase.excess``.
    """
    allowed = line.quantity * (100 + ctx.settings.decimal("purchasing.over_delivery_pct")) / 100
    if line.received_qty + quantity > allowed and not confirmed:
        raise BusinessError(
            "purchase.excess", extra={"needs_confirmation": True}, ordered=line.quantity.normalize()
        )


def tell_purchasing(ctx: Context, receipt: GoodsReceipt, what: str, quantity: Decimal) -> None:
    """Purchasing hears of goods set aside; the task is closed when they are settled (CRM-49)."""
    reason = choice_label("set_aside_reason", receipt.set_aside_reason or "", ctx.locale)
    words = t("task.set_aside", ctx.locale, what=what, quantity=quantity.normalize(), reason=reason)
    tasks.open_task(
        ctx, "purchasing.set_aside", words, receipt, role="purchasing", dedupe_key=f"receipt:{receipt.uid}"
    )


def _with_label(params: ReceiptParams, label: SupplierLabel) -> ReceiptParams:
    """What the person left empty is as the label says."""
    said = {
        "heat_number": label.first("heat"),
        "supplier_lot": label.first("lot"),
        "delivery_note": label.first("delivery_note"),
        "certificate_number": label.first("certificate"),
    }
    return params.model_copy(
        update={name: v[:60] for name, v in said.items() if v and not getattr(params, name)}
    )


def _into_stock(
    ctx: Context,
    order: PurchaseOrder,
    line: PurchaseOrderLine,
    params: ReceiptParams,
    label: SupplierLabel | None,
    act: Act,
) -> stock.StockLot | None:
    if line.stock_item_id is None:
        return None
    lot = stock.new_lot(
        ctx,
        line.stock_item_id,
        is_certified=line.certificate_type in CERTIFIED,
        heat_number=params.heat_number,
        supplier_id=order.supplier_id,
        supplier_lot=params.supplier_lot,
        delivery_note=params.delivery_note,
        unit_cost=line.unit_price,
        received_on=act.at.date(),
        expires_on=label.expires_on if label is not None else None,
    )
    if params.certificate_number and params.heat_number:
        kind = params.certificate_type or line.certificate_type or "3.1"
        stock.attach_certificate(
            ctx,
            lot,
            stock.CertificateParams.model_validate(
                {
                    "certificate_type": kind,
                    "certificate_number": params.certificate_number,
                    "heat_number": params.heat_number,
                }
            ),
        )
    if params.result == "quarantine":
        lot.status = "quarantine"
    stock.receive(
        ctx,
        line.stock_item_id,
        params.quantity,
        lot=lot,
        location_id=params.location_id,
        uid=act.uid,
        source=act.source,
        occurred_at=act.at,
    )
    return lot


def progress(ctx: Context, order: PurchaseOrder) -> None:
    """The state of an order after a receipt."""
    complete = all(line.received_qty >= line.quantity for line in lines_of(ctx, order))
    if complete:
        lifecycle.move(ctx, order, "complete")
    elif order.status == "sent" and any(line.received_qty > 0 for line in lines_of(ctx, order)):
        lifecycle.move(ctx, order, "begin_receipt")
