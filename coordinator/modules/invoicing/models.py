"""Tables of invoices and payments (area 06)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


class Invoice(Record):
    """Invoice, deposit or credit note; final once validated (ORD-27…30)."""

    __tablename__ = "invoice"
    __table_args__ = (
        CheckConstraint(
            "status NOT IN ('validated', 'paid') OR (number IS NOT NULL AND issued_on IS NOT NULL"
            " AND document_version_id IS NOT NULL AND validated_at IS NOT NULL)",
            name="issued_is_whole",
        ),
        CheckConstraint(
            "kind <> 'credit_note' OR credited_invoice_id IS NOT NULL", name="credit_has_original"
        ),
        Index(
            "uq_invoice_delivery_note",
            "delivery_note_id",
            unique=True,
            postgresql_where=text("status <> 'cancelled' AND kind = 'invoice'"),
        ),
        Index(
            "uq_invoice_credit",
            "credited_invoice_id",
            unique=True,
            postgresql_where=text("status <> 'cancelled' AND credited_invoice_id IS NOT NULL"),
        ),
    )

    number: Mapped[str | None] = f.text(30, unique=True, search=True, read_only=True)
    kind: Mapped[str] = f.choice("invoice_kind", default="invoice", read_only=True)
    customer_id: Mapped[int] = f.ref("customer.id", required=True, read_only=True)
    sales_order_id: Mapped[int | None] = f.ref("sales_order.id", read_only=True)
    delivery_note_id: Mapped[int | None] = f.ref("delivery_note.id", read_only=True)
    credited_invoice_id: Mapped[int | None] = f.ref("invoice.id", read_only=True)
    status: Mapped[str] = f.status("invoice", "draft")
    issued_on: Mapped[dt.date | None] = f.date(read_only=True)
    due_on: Mapped[dt.date | None] = f.date(read_only=True)
    delivery_date: Mapped[dt.date | None] = f.date(read_only=True)
    po_number: Mapped[str | None] = f.text(60, search=True, read_only=True)
    total_excl_tax: Mapped[Decimal] = f.money(required=True, default=0, read_only=True)
    vat_total: Mapped[Decimal] = f.money(required=True, default=0, read_only=True)
    total_incl_tax: Mapped[Decimal] = f.money(required=True, default=0, read_only=True)
    prepaid_amount: Mapped[Decimal] = f.money(required=True, default=0, read_only=True)
    """Deposits deducted, incl. VAT (ORD-36)."""
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
    __table_args__ = (
        UniqueConstraint("invoice_id", "line_no"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("unit_price_excl_tax >= 0", name="price_not_negative"),
        CheckConstraint("discount_pct BETWEEN 0 AND 100", name="discount_range"),
        CheckConstraint(
            "discount_amount >= 0 AND (discount_amount = 0 OR discount_pct = 0)", name="discount_amount_range"
        ),
    )

    invoice_id: Mapped[int] = f.ref("invoice.id", required=True)
    line_no: Mapped[int | None] = f.integer(read_only=True)
    sales_order_line_id: Mapped[int | None] = f.ref("sales_order_line.id", read_only=True)
    delivery_note_line_id: Mapped[int | None] = f.ref("delivery_note_line.id", read_only=True)
    part_number: Mapped[str | None] = f.text(120, read_only=True)
    description: Mapped[str] = f.text(500, required=True)
    quantity: Mapped[Decimal] = f.quantity(required=True)
    unit: Mapped[str] = f.text(20, required=True, default="pièce")
    unit_price_excl_tax: Mapped[Decimal] = f.unit_price(required=True)
    discount_pct: Mapped[Decimal] = f.decimal(5, 2, unit="%", required=True, default=0)
    discount_amount: Mapped[Decimal | None] = f.money()
    """Discount as an amount excl. VAT, in place of a percentage."""
    vat_pct: Mapped[Decimal] = f.decimal(5, 2, unit="%", required=True, default=20)
    line_total_excl_tax: Mapped[Decimal] = f.money(required=True, default=0, read_only=True)


class InvoiceDeposit(Record):
    """Part of a paid deposit deducted from an invoice, incl. VAT (ORD-36)."""

    __tablename__ = "invoice_deposit"
    __table_args__ = (
        UniqueConstraint("invoice_id", "deposit_invoice_id"),
        CheckConstraint("amount > 0", name="amount_positive"),
    )

    invoice_id: Mapped[int] = f.ref("invoice.id", required=True, read_only=True)
    deposit_invoice_id: Mapped[int] = f.ref("invoice.id", required=True, read_only=True)
    amount: Mapped[Decimal] = f.money(required=True, read_only=True)


class Payment(Record):
    """Money received for an invoice; corrected by a reversal, never changed (ORD-39)."""

    __tablename__ = "payment"
    __table_args__ = ({"info": {"append_only": True}},)

    invoice_id: Mapped[int] = f.ref("invoice.id", required=True)
    paid_on: Mapped[dt.date] = f.date(required=True)
    amount: Mapped[Decimal] = f.money(required=True)
    payment_method: Mapped[str | None] = f.choice("payment_method", required=False)
    reference: Mapped[str | None] = f.text(120, search=True)
    reverses_id: Mapped[int | None] = f.ref("payment.id", unique=True, read_only=True)
    details: Mapped[dict[str, Any] | None] = f.json(read_only=True)
