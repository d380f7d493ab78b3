"""Tables of invoices and payments (area 06)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


class Invoice(Record):
    """Invoice, deposit or credit note; final once validated (ORD-27…30)."""

    __tablename__ = "invoice"

    number: Mapped[str | None] = f.text(30, unique=True, search=True, read_only=True)
    kind: Mapped[str] = f.choice("invoice_kind", default="invoice", read_only=True)
    customer_id: Mapped[int] = f.ref("customer.id", required=True, read_only=True)
    sales_order_id: Mapped[int | None] = f.ref("sales_order.id", read_only=True)
    credited_invoice_id: Mapped[int | None] = f.ref("invoice.id", read_only=True)
    status: Mapped[str] = f.status("invoice", "draft")
    issued_on: Mapped[dt.date | None] = f.date(read_only=True)
    due_on: Mapped[dt.date | None] = f.date(read_only=True)
    delivery_date: Mapped[dt.date | None] = f.date(read_only=True)
    po_number: Mapped[str | None] = f.text(60, read_only=True)
    total_excl_tax: Mapped[Decimal] = f.money(required=True, default=0, read_only=True)
    vat_total: Mapped[Decimal] = f.money(required=True, default=0, read_only=True)
    total_incl_tax: Mapped[Decimal] = f.money(required=True, default=0, read_only=True)
    paid_amount: Mapped[Decimal] = f.money(required=True, default=0, read_only=True)
    generation_mode: Mapped[str] = f.choice("generation_mode", default="automatic", read_only=True)
    platform_status: Mapped[str | None] = f.choice("platform_status", required=False, read_only=True)
    validated_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    validated_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    document_version_id: Mapped[int | None] = f.ref("document_version.id", read_only=True)
    notes: Mapped[str | None] = f.long_text()


class InvoiceLine(Record):
    """One line of an invoice (ORD-28)."""

    __tablename__ = "invoice_line"
    __table_args__ = (UniqueConstraint("invoice_id", "line_no"),)

    invoice_id: Mapped[int] = f.ref("invoice.id", required=True, read_only=True)
    line_no: Mapped[int] = f.integer(required=True, read_only=True)
    sales_order_line_id: Mapped[int | None] = f.ref("sales_order_line.id", read_only=True)
    delivery_note_line_id: Mapped[int | None] = f.ref("delivery_note_line.id", read_only=True)
    description: Mapped[str] = f.text(500, required=True, read_only=True)
    quantity: Mapped[Decimal] = f.quantity(required=True, read_only=True)
    unit: Mapped[str] = f.text(20, required=True, default="pièce", read_only=True)
    unit_price_excl_tax: Mapped[Decimal] = f.unit_price(required=True, read_only=True)
    discount_pct: Mapped[Decimal] = f.decimal(5, 2, unit="%", required=True, default=0, read_only=True)
    vat_pct: Mapped[Decimal] = f.decimal(5, 2, unit="%", required=True, default=20, read_only=True)
    line_total_excl_tax: Mapped[Decimal] = f.money(required=True, read_only=True)


class Payment(Record):
    """Money received for an invoice (ORD-39)."""

    __tablename__ = "payment"

    invoice_id: Mapped[int] = f.ref("invoice.id", required=True)
    paid_on: Mapped[dt.date] = f.date(required=True)
    amount: Mapped[Decimal] = f.money(required=True)
    payment_method: Mapped[str | None] = f.text(40)
    reference: Mapped[str | None] = f.text(120)
    details: Mapped[dict[str, Any] | None] = f.json(read_only=True)
