"""Goods that no order line takes at once: kept in quarantine with a photo until a person settles them (CRM-49, CRM-50).

What is known of them (article, label, lot, quantity) is kept; what is doubtful is never booked on an order. Deliveries
noted on a phone or station without a line come here too, once each, with the time they were noted.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, text

from coordinator.kernel import qr, tasks
from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome
from coordinator.kernel.errors import BusinessError, Conflict, DomainError, NotFound
from coordinator.kernel.i18n import choice_label, t
from coordinator.kernel.models import Task
from coordinator.kernel.registry import Permission
from coordinator.modules.catalogue.api import StockItem
from coordinator.modules.purchasing import label_receipts as labels
from coordinator.modules.purchasing import service
from coordinator.modules.purchasing.labels import SupplierLabel
from coordinator.modules.purchasing.models import (
    GoodsReceipt,
    GoodsReceiptLine,
    PurchaseOrder,
    PurchaseOrderLine,
)
from coordinator.modules.purchasing.service import Act, ReceiptParams
from coordinator.modules.stock import api as stock

RECEIVE = Permission("stock", "create")
_REASONS = {
    "purchase.excess": "excess",
    "purchase.not_sent": "no_order",
    "label.received_alike": "alike",
    "label.unknown_part": "unknown_article",
    "label.other_item": "other_article",
}
"""Refusals that a person at the screen would answer: from a queue the goods are set aside for them."""


class Goods(BaseModel):
    """What stands before the person, as far as he knows."""

    model_config = ConfigDict(extra="ignore")

    label: str | list[str] | None = None
    stock_item_id: int | None = None
    description: str | None = Field(default=None, max_length=500)
    quantity: Decimal = Field(gt=0, max_digits=14, decimal_places=3)
    delivery_note: str | None = Field(default=None, max_length=60)
    heat_number: str | None = Field(default=None, max_length=60)
    supplier_lot: str | None = Field(default=None, max_length=60)
    location_id: int | None = None


def set_aside(ctx: Context, goods: Goods) -> dict[str, Any]:
    """Keep goods without an order (CRM-49).

    Raises:
        BusinessError: ``receipt.nothing_said`` when neither label, article nor words say what it is; a label's refusal.
    """
    contents = labels.contents_of(goods.label)
    label = labels.understood(ctx, contents) if contents else None
    if not contents and goods.stock_item_id is None and not (goods.description or "").strip():
        raise BusinessError("receipt.nothing_said")
    item_id = goods.stock_item_id or (labels.only_article(ctx, label) if label is not None else None)
    reason = "no_order" if item_id is not None else "unknown_article"
    receipt, lot = _keep(ctx, goods, Act.now(ctx), reason, item_id=item_id, label=label, contents=contents)
    return {
        "goods_receipt_id": receipt.id,
        "uid": str(receipt.uid),
        "set_aside_reason": reason,
        "stock_lot_id": lot.id if lot is not None else None,
        "code": qr.code_of(ctx, lot) if lot is not None else None,
    }


def _keep(
    ctx: Context,
    goods: Goods,
    act: Act,
    reason: str,
    *,
    item_id: int | None,
    label: SupplierLabel | None,
    contents: list[str],
) -> tuple[GoodsReceipt, stock.StockLot | None]:
    """A receipt on no order. Known goods are booked into quarantine; an equal label may be the same package, so it is not."""
    receipt = ctx.add(
        GoodsReceipt(
            uid=act.uid,
            received_at=act.at,
            delivery_note=goods.delivery_note or _said(label, "delivery_note"),
            received_by_id=act.user_id,
            set_aside_reason=reason,
        )
    )
    line = ctx.add(
        GoodsReceiptLine(
            goods_receipt_id=receipt.id,
            stock_item_id=item_id,
            description=(goods.description or _said(label, "supplier_part", "our_part", "gtin") or None),
            quantity=goods.quantity,
            heat_number=goods.heat_number or _said(label, "heat"),
            result="quarantine",
        )
    )
    if label is not None:
        labels.keep(ctx, label, contents, line, another_package=True)
    else:
        line.label_content = "\n".join(contents) or None
    lot = None
    if item_id is not None and reason != "alike":
        lot = _into_quarantine(ctx, receipt, line, act, goods.supplier_lot, label, goods.location_id)
    named = ctx.get(StockItem, item_id).code if item_id is not None else line.description or "?"
    service.tell_purchasing(ctx, receipt, named, goods.quantity)
    return receipt, lot


def _said(label: SupplierLabel | None, *meanings: str) -> str | None:
    value = label.first(*meanings) if label is not None else None
    return value[:60] if value else None


def _into_quarantine(
    ctx: Context,
    receipt: GoodsReceipt,
    line: GoodsReceiptLine,
    act: Act,
    supplier_lot: str | None,
    label: SupplierLabel | None,
    location_id: int | None = None,
) -> stock.StockLot:
    assert line.stock_item_id is not None  # noqa: S101 — callers know the article
    lot = stock.new_lot(
        ctx,
        line.stock_item_id,
        heat_number=line.heat_number,
        supplier_lot=supplier_lot or _said(label, "lot"),
        delivery_note=receipt.delivery_note,
        received_on=act.at.date(),
        expires_on=label.expires_on if label is not None else None,
    )
    lot.status = "quarantine"
    stock.receive(
        ctx,
        line.stock_item_id,
        line.quantity,
        lot=lot,
        location_id=location_id,
        uid=act.uid,
        source=act.source,
        occurred_at=act.at,
    )
    line.stock_lot_id = lot.id
    return lot


class SettleParams(BaseModel):
    """Where goods set aside belong: an order line, or an article alone."""

    model_config = ConfigDict(extra="forbid")

    purchase_order_line_id: int | None = None
    stock_item_id: int | None = None
    tie_part: bool = False
    confirm_excess: bool = False


def is_open(receipt: GoodsReceipt) -> bool:
    """Whether somebody still has to decide about it."""
    return receipt.set_aside_reason is not None and receipt.settled_at is None


def settle(ctx: Context, receipt: GoodsReceipt, params: SettleParams) -> dict[str, Any]:
    """A person says what goods set aside are; their lot stays in quarantine until it is released like any other.

    Raises:
        Conflict: ``receipt.settled``, ``purchase.not_sent``. BusinessError: ``receipt.other_item``,
        ``receipt.nothing_chosen``, ``purchase.excess``, ``label.…``.
    """
    line = _open_line(ctx, receipt)
    order_line = None
    if params.purchase_order_line_id is not None and line.purchase_order_line_id is None:
        order_line = ctx.get(PurchaseOrderLine, params.purchase_order_line_id, lock=True)
    chosen = (order_line.stock_item_id if order_line is not None else None) or params.stock_item_id
    if line.stock_item_id is not None and chosen not in {None, line.stock_item_id}:
        raise BusinessError("receipt.other_item", item=ctx.get(StockItem, line.stock_item_id).code)
    line.stock_item_id = line.stock_item_id or chosen
    if line.stock_item_id is None and order_line is None:
        raise BusinessError("receipt.nothing_chosen")
    contents = labels.contents_of(line.label_content)
    label = labels.understood(ctx, contents) if contents and line.label_key else None
    lot = ctx.get(stock.StockLot, line.stock_lot_id) if line.stock_lot_id is not None else None
    if lot is None and line.stock_item_id is not None:
        act = Act(receipt.uid, receipt.received_at, receipt.received_by_id)
        lot = _into_quarantine(ctx, receipt, line, act, None, label)
    if order_line is not None:
        _on_order(ctx, receipt, line, order_line, lot, params, label)
    _close(ctx, receipt)
    return {"stock_lot_id": lot.id if lot is not None else None}


def _on_order(
    ctx: Context,
    receipt: GoodsReceipt,
    line: GoodsReceiptLine,
    order_line: PurchaseOrderLine,
    lot: stock.StockLot | None,
    params: SettleParams,
    label: SupplierLabel | None,
) -> None:
    order = ctx.get(PurchaseOrder, order_line.purchase_order_id, lock=True)
    if order.status not in labels.OPEN:
        raise Conflict("purchase.not_sent", number=order.number)
    if label is not None:
        labels.check_article(ctx, label, order, order_line, tie=params.tie_part)
    service.check_excess(ctx, order_line, line.quantity, confirmed=params.confirm_excess)
    receipt.purchase_order_id, line.purchase_order_line_id = order.id, order_line.id
    order_line.received_qty += line.quantity
    if lot is not None:
        lot.supplier_id, lot.unit_cost = order.supplier_id, order_line.unit_price
        lot.is_certified = lot.is_certified or order_line.certificate_type in service.CERTIFIED
    service.progress(ctx, order)


def dismiss(ctx: Context, receipt: GoodsReceipt, _params: Any) -> None:
    """Noted twice or by mistake: nothing comes in.

    Raises:
        Conflict: ``receipt.settled``, ``receipt.in_stock`` (what lies in quarantine leaves by an act of stock).
    """
    line = _open_line(ctx, receipt)
    if line.stock_lot_id is not None or line.purchase_order_line_id is not None:
        lot = ctx.get(stock.StockLot, line.stock_lot_id).lot_number if line.stock_lot_id is not None else "—"
        raise Conflict("receipt.in_stock", lot=lot)
    line.result, line.label_key, line.label_number = "rejected", None, None
    _close(ctx, receipt)


def _open_line(ctx: Context, receipt: GoodsReceipt) -> GoodsReceiptLine:
    if not is_open(receipt):
        raise Conflict("receipt.settled")
    query = select(GoodsReceiptLine).where(GoodsReceiptLine.goods_receipt_id == receipt.id)
    return ctx.session.scalars(query.with_for_update()).one()


def _close(ctx: Context, receipt: GoodsReceipt) -> None:
    receipt.settled_at, receipt.settled_by_id = ctx.now, ctx.principal.user_id
    query = select(Task).where(Task.dedupe_key == f"receipt:{receipt.uid}", Task.status == "open")
    for task in ctx.session.scalars(query):
        tasks.close_task(ctx, task)


def of_uid(ctx: Context, uid: uuid.UUID) -> GoodsReceipt:
    """The receipt a phone knows by its uid.

    Raises:
        NotFound
    """
    found = ctx.session.scalars(select(GoodsReceipt).where(GoodsReceipt.uid == uid).with_for_update())
    receipt = found.one_or_none()
    if receipt is None:
        raise NotFound
    return receipt


def on_received(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``goods.received``: booked on the line a person chose or the only one the label can mean, else set aside."""
    if ctx.principal.kind == "user":
        ctx.require(RECEIVE)
    # Two deliveries of one fact at the same time wait for each other here.
    ctx.session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:uid, 13))"), {"uid": str(event.uid)}
    )
    if ctx.session.scalar(select(GoodsReceipt.id).where(GoodsReceipt.uid == event.uid)) is not None:
        return Outcome("duplicate", "duplicate", t("receipt.duplicate", ctx.locale))
    payload = event.payload
    act = Act(event.uid, min(event.occurred_at, ctx.now), event.user_id, "qr")
    contents = labels.contents_of([*(payload.get("contents") or ()), payload.get("code") or ""])
    try:
        label = labels.understood(ctx, contents) if contents else None
    except BusinessError:
        label = None  # a label nobody can read is still a package on the floor
    said = {
        name: payload.get(name) for name in ("delivery_note", "heat_number", "supplier_lot", "description")
    }
    place = stock.location_of(ctx, payload.get("location_code"))
    item_id = labels.only_article(ctx, label) if label is not None else None
    line_id = payload.get("purchase_order_line_id")
    quantity: Decimal | None = round(Decimal(str(payload["quantity"])), 3)
    if label is not None and line_id is None:
        line_id, quantity = labels.only_line(ctx, label), labels.in_own_unit(ctx, label, item_id, quantity)
    if quantity is None:  # kilograms of what is counted in pieces: a person has to say how much it is
        line_id, item_id, quantity = None, None, round(Decimal(str(payload["quantity"])), 3)
    known = {
        "quantity": quantity,
        "location_id": place.id if place is not None else None,
    }
    reason = None
    if line_id is not None and (line := ctx.session.get(PurchaseOrderLine, line_id)) is not None:
        params = ReceiptParams.model_validate(
            {k: v for k, v in said.items() if k != "description"}
            | known
            | {
                "purchase_order_line_id": line.id,
                "label": contents if label is not None else None,
                "certificate_number": payload.get("certificate_number"),
            }
        )
        try:
            with ctx.session.begin_nested():
                order = ctx.get(PurchaseOrder, line.purchase_order_id, lock=True)
                receipt, _ = service.book(ctx, order, params, act)
        except DomainError as refusal:
            reason = _REASONS.get(refusal.code)
            if reason is None:
                raise
        else:
            return _told(ctx, receipt)
    reason = reason or ("no_order" if item_id is not None else "unknown_article")
    goods = Goods.model_validate(said | known)
    receipt, _ = _keep(ctx, goods, act, reason, item_id=item_id, label=label, contents=contents)
    return _told(ctx, receipt)


def _told(ctx: Context, receipt: GoodsReceipt) -> Outcome | None:
    if receipt.set_aside_reason is None:
        return None
    reason = choice_label("set_aside_reason", receipt.set_aside_reason, ctx.locale)
    return Outcome(
        "review", f"receipt.{receipt.set_aside_reason}", t("receipt.set_aside", ctx.locale, reason=reason)
    )
