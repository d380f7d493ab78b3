"""Tables of customer purchase orders, orders and deliveries (area 06)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


class CustomerPo(Record):
    """The customer's purchase order: what was received and what it matches (ORD-01, ORD-02)."""

    __tablename__ = "customer_po"

    customer_id: Mapped[int | None] = f.ref("customer.id")
    po_number: Mapped[str | None] = f.text(60, search=True)
    po_date: Mapped[dt.date | None] = f.date()
    quote_id: Mapped[int | None] = f.ref("quote.id")
    document_id: Mapped[int | None] = f.ref("document.id", read_only=True)
    file_name: Mapped[str | None] = f.text(255, search=True, read_only=True)
    sha256: Mapped[str | None] = f.text(64, read_only=True)
    status: Mapped[str] = f.status("customer_po", "received")
    check_reason: Mapped[str | None] = f.text(300, read_only=True)
    """Why a person must look at it (ORD-45, ORD-46)."""
    is_confirmed: Mapped[bool] = f.boolean(read_only=True)
    owner_user_id: Mapped[int | None] = f.ref("user_account.id")
    match_score: Mapped[Decimal | None] = f.decimal(4, 3, read_only=True)
    candidates: Mapped[list[Any] | None] = f.json(read_only=True)
    differences: Mapped[list[Any] | None] = f.json(read_only=True)
    accepted_differences: Mapped[list[Any] | None] = f.json(read_only=True)
    read_values: Mapped[dict[str, Any] | None] = f.json(read_only=True)
    delivery_date_requested: Mapped[dt.date | None] = f.date()
    total_excl_tax: Mapped[Decimal | None] = f.money()


class SalesOrder(Record):
    """A customer's order, seen as a job with its profit (ORD-07)."""

    __tablename__ = "sales_order"

    number: Mapped[str] = f.text(30, required=True, unique=True, search=True, read_only=True)
    customer_id: Mapped[int] = f.ref("customer.id", required=True)
    quote_id: Mapped[int | None] = f.ref("quote.id", read_only=True)
    quote_scenario_id: Mapped[int | None] = f.ref("quote_scenario.id", read_only=True)
    customer_po_id: Mapped[int | None] = f.ref("customer_po.id", read_only=True)
    status: Mapped[str] = f.status("sales_order", "pending")
    order_date: Mapped[dt.date] = f.date(required=True, read_only=True)
    delivery_date_requested: Mapped[dt.date | None] = f.date()
    delivery_date_confirmed: Mapped[dt.date | None] = f.date(read_only=True)
    priority: Mapped[str] = f.choice("priority", default="normal")
    criticality: Mapped[str] = f.choice("criticality", default="standard")
    is_forced: Mapped[bool] = f.boolean(read_only=True)
    forced_reason: Mapped[str | None] = f.text(300, read_only=True)
    owner_user_id: Mapped[int | None] = f.ref("user_account.id")
    supplement_excl_tax: Mapped[Decimal | None] = f.money(read_only=True)
    """What lacks to the minimum order value of the quote; invoiced once, with the first delivery (QUO-32)."""
    total_excl_tax: Mapped[Decimal | None] = f.money(read_only=True)
    document_version_id: Mapped[int | None] = f.ref("document_version.id", read_only=True)
    change_reason: Mapped[str | None] = f.text(300, read_only=True)
    notes: Mapped[str | None] = f.long_text()


class SalesOrderLine(Record):
    """One part of an order (ORD-08)."""

    __tablename__ = "sales_order_line"
    __table_args__ = (
        UniqueConstraint("sales_order_id", "line_no"),
        CheckConstraint("discount_excl_tax >= 0", name="discount_not_negative"),
    )

    sales_order_id: Mapped[int] = f.ref("sales_order.id", required=True)
    line_no: Mapped[int] = f.integer(required=True, default=1)
    quote_line_id: Mapped[int | None] = f.ref("quote_line.id", read_only=True)
    part_revision_id: Mapped[int] = f.ref("part_revision.id", required=True)
    quantity: Mapped[Decimal] = f.quantity(required=True)
    unit_price_excl_tax: Mapped[Decimal] = f.unit_price(required=True)
    one_off_excl_tax: Mapped[Decimal | None] = f.money(read_only=True)
    """One-off work priced apart in the quote; invoiced once, with the first delivery of the line (QUO-31)."""
    discount_excl_tax: Mapped[Decimal | None] = f.money()
    """Discount of the quote on this line, its part of the discount on the whole included (QUO-33)."""
    vat_pct: Mapped[Decimal] = f.decimal(5, 2, unit="%", required=True, default=20)
    due_date: Mapped[dt.date | None] = f.date()
    certificate_required: Mapped[bool] = f.boolean()


class DeliveryNote(Record):
    """Goes with the shipment (ORD-24)."""

    __tablename__ = "delivery_note"

    number: Mapped[str] = f.text(30, required=True, unique=True, search=True, read_only=True)
    sales_order_id: Mapped[int] = f.ref("sales_order.id", required=True)
    status: Mapped[str] = f.status("delivery_note", "draft")
    delivery_date: Mapped[dt.date | None] = f.date()
    carrier: Mapped[str | None] = f.text(120)
    tracking_number: Mapped[str | None] = f.text(80)
    parcel_count: Mapped[int | None] = f.integer()
    weight_kg: Mapped[Decimal | None] = f.decimal(10, 3, unit="kg")
    remarks: Mapped[str | None] = f.long_text()
    shipped_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    quality_decision: Mapped[str | None] = f.text(300, read_only=True)
    """Recorded decision to ship although a paper is missing (ORD-25, TRC-10)."""
    document_version_id: Mapped[int | None] = f.ref("document_version.id", read_only=True)


class DeliveryNoteLine(Record):
    """Delivered quantity of an order line."""

    __tablename__ = "delivery_note_line"

    delivery_note_id: Mapped[int] = f.ref("delivery_note.id", required=True)
    sales_order_line_id: Mapped[int] = f.ref("sales_order_line.id", required=True)
    part_lot_id: Mapped[int | None] = f.ref("part_lot.id")
    quantity: Mapped[Decimal] = f.quantity(required=True)
