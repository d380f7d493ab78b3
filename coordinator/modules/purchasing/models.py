"""Tables of purchasing (CRM-30…39, CRM-49, CRM-50)."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


class PurchaseOrder(Record):
    """An order to a supplier; approved by a person before it leaves (CRM-31…33)."""

    __tablename__ = "purchase_order"

    number: Mapped[str] = f.text(40, unique=True, search=True, read_only=True)
    supplier_id: Mapped[int] = f.ref("supplier.id", required=True)
    status: Mapped[str] = f.status("purchase_order", "draft")
    is_urgent: Mapped[bool] = f.boolean()
    ordered_on: Mapped[dt.date | None] = f.date(read_only=True)
    required_on: Mapped[dt.date | None] = f.date()
    approved_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    approved_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    acknowledged_on: Mapped[dt.date | None] = f.date()
    confirmed_delivery_on: Mapped[dt.date | None] = f.date()
    delivery_address_id: Mapped[int | None] = f.ref("address.id")
    total_excl_tax: Mapped[Decimal] = f.money(required=True, default=Decimal(0), read_only=True)
    notes: Mapped[str | None] = f.long_text()


class PurchaseOrderLine(Record):
    """One article ordered."""

    __tablename__ = "purchase_order_line"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)

    purchase_order_id: Mapped[int] = f.ref("purchase_order.id", required=True)
    stock_item_id: Mapped[int | None] = f.ref("stock_item.id")
    supplier_item_id: Mapped[int | None] = f.ref("supplier_item.id")
    reorder_proposal_id: Mapped[int | None] = f.ref("reorder_proposal.id", read_only=True)
    description: Mapped[str | None] = f.text(500, search=True)
    quantity: Mapped[Decimal] = f.quantity(required=True)
    unit_price: Mapped[Decimal | None] = f.unit_price()
    required_on: Mapped[dt.date | None] = f.date()
    certificate_type: Mapped[str | None] = f.choice("certificate_type", required=False)
    received_qty: Mapped[Decimal] = f.quantity(required=True, default=Decimal(0), read_only=True)


class GoodsReceipt(Record):
    """A delivery (CRM-38); one without an order, or that lacks something, is set aside until somebody settles it (CRM-49)."""

    __tablename__ = "goods_receipt"

    uid: Mapped[uuid.UUID] = f.uid()
    purchase_order_id: Mapped[int | None] = f.ref("purchase_order.id", read_only=True)
    received_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    delivery_note: Mapped[str | None] = f.text(60, search=True, read_only=True)
    received_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    set_aside_reason: Mapped[str | None] = f.choice("set_aside_reason", required=False, read_only=True)
    settled_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    settled_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    photo_sha256: Mapped[str | None] = f.text(64, read_only=True)


class GoodsReceiptLine(Record):
    """What came of one order line (or without one), and the lot it became."""

    __tablename__ = "goods_receipt_line"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        UniqueConstraint("label_key", "label_number"),
    )

    goods_receipt_id: Mapped[int] = f.ref("goods_receipt.id", required=True, read_only=True)
    purchase_order_line_id: Mapped[int | None] = f.ref("purchase_order_line.id", read_only=True)
    stock_item_id: Mapped[int | None] = f.ref("stock_item.id", read_only=True)
    description: Mapped[str | None] = f.text(500, search=True, read_only=True)
    stock_lot_id: Mapped[int | None] = f.ref("stock_lot.id", read_only=True)
    quantity: Mapped[Decimal] = f.quantity(required=True, read_only=True)
    heat_number: Mapped[str | None] = f.text(60, search=True, read_only=True)
    result: Mapped[str] = f.choice("receipt_result", default="accepted", read_only=True)
    label_key: Mapped[str | None] = f.text(120, read_only=True)
    label_number: Mapped[int | None] = f.integer(read_only=True)
    label_content: Mapped[str | None] = f.long_text(read_only=True)
