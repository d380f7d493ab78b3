"""Tables of management accounts: profitability of jobs, ledger of transactions (area 18)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


class OrderProfitability(Record):
    """Planned against actual cost of one order line, by heading (FIN-01…08)."""

    __tablename__ = "order_profitability"

    sales_order_line_id: Mapped[int] = f.ref("sales_order_line.id", required=True, unique=True, read_only=True)
    selling_price: Mapped[Decimal | None] = f.money(read_only=True, group="costs_margins")
    planned_cost: Mapped[Decimal | None] = f.money(read_only=True, group="costs_margins")
    actual_cost: Mapped[Decimal | None] = f.money(read_only=True, group="costs_margins")
    forecast_cost: Mapped[Decimal | None] = f.money(read_only=True, group="costs_margins")
    margin_pct: Mapped[Decimal | None] = f.decimal(6, 2, unit="%", read_only=True, group="costs_margins")
    forecast_margin_pct: Mapped[Decimal | None] = f.decimal(6, 2, unit="%", read_only=True, group="costs_margins")
    status: Mapped[str] = f.status("order_profitability", "profitable")
    headings: Mapped[dict[str, Any] | None] = f.json(read_only=True)
    operations: Mapped[list[Any] | None] = f.json(read_only=True)
    missing: Mapped[list[Any] | None] = f.json(read_only=True)
    computed_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    frozen_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    frozen_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)


class FinanceCategory(Record):
    """Category of the ledger, with an account of the French chart (FIN-13)."""

    __tablename__ = "finance_category"

    code: Mapped[str] = f.text(40, required=True, unique=True, search=True)
    label: Mapped[str] = f.text(120, required=True, search=True)
    parent_id: Mapped[int | None] = f.ref("finance_category.id")
    account: Mapped[str | None] = f.text(12)


class FinanceTransaction(Record):
    """One line of the ledger; a validated one is corrected by a reversal, never edited (FIN-12, FIN-14)."""

    __tablename__ = "finance_transaction"

    transaction_type: Mapped[str] = f.choice("finance_transaction_type")
    category_id: Mapped[int | None] = f.ref("finance_category.id")
    subcategory_id: Mapped[int | None] = f.ref("finance_category.id")
    description: Mapped[str] = f.text(300, required=True, search=True)
    amount: Mapped[Decimal] = f.money(required=True)
    vat_pct: Mapped[Decimal | None] = f.decimal(5, 2, unit="%")
    vat_amount: Mapped[Decimal | None] = f.money()
    currency: Mapped[str] = f.text(3, required=True, default="EUR")
    transaction_date: Mapped[dt.date] = f.date(required=True)
    period: Mapped[str] = f.text(7, required=True, read_only=True)
    status: Mapped[str] = f.status("finance_transaction", "draft")
    payment_method: Mapped[str | None] = f.text(40)
    external_invoice_ref: Mapped[str | None] = f.text(80)
    receipt_document_id: Mapped[int | None] = f.ref("document.id")
    receipt_type: Mapped[str | None] = f.text(40)
    recorded_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    supplier_id: Mapped[int | None] = f.ref("supplier.id")
    customer_id: Mapped[int | None] = f.ref("customer.id")
    sales_order_id: Mapped[int | None] = f.ref("sales_order.id")
    invoice_id: Mapped[int | None] = f.ref("invoice.id")
    payment_id: Mapped[int | None] = f.ref("payment.id")
    material_id: Mapped[int | None] = f.ref("material.id")
    part_id: Mapped[int | None] = f.ref("part.id")
    tool_id: Mapped[int | None] = f.ref("tool.id")
    instrument_id: Mapped[int | None] = f.integer()
    machine_id: Mapped[int | None] = f.ref("machine.id")
    reverses_id: Mapped[int | None] = f.ref("finance_transaction.id", read_only=True)
