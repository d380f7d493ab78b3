"""Tables of management accounts: profitability of jobs, ledger of transactions (area 18)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record

COSTS = "costs_margins"


def _costs_json() -> Any:
    """Structured value that only those who may see costs are shown (ACC-20)."""
    return mapped_column(
        JSONB, nullable=True, info={"field": f.FieldInfo("json", read_only=True, group=COSTS)}
    )


class OrderProfitability(Record):
    """Planned against actual cost of one order line, by heading (FIN-01…08)."""

    __tablename__ = "order_profitability"

    sales_order_line_id: Mapped[int] = f.ref(
        "sales_order_line.id", required=True, unique=True, read_only=True
    )
    selling_price: Mapped[Decimal | None] = f.money(read_only=True, group=COSTS)
    planned_cost: Mapped[Decimal | None] = f.money(read_only=True, group=COSTS)
    actual_cost: Mapped[Decimal | None] = f.money(read_only=True, group=COSTS)
    forecast_cost: Mapped[Decimal | None] = f.money(read_only=True, group=COSTS)
    margin_pct: Mapped[Decimal | None] = f.decimal(12, 2, unit="%", read_only=True, group=COSTS)
    margin_at_most_pct: Mapped[Decimal | None] = f.decimal(12, 2, unit="%", read_only=True, group=COSTS)
    """Upper end of the margin while costs are missing (FIN-47)."""
    forecast_margin_pct: Mapped[Decimal | None] = f.decimal(12, 2, unit="%", read_only=True, group=COSTS)
    status: Mapped[str] = f.status("order_profitability", "watch")
    is_incomplete: Mapped[bool] = f.boolean(read_only=True)
    headings: Mapped[dict[str, Any] | None] = _costs_json()
    operations: Mapped[list[Any] | None] = _costs_json()
    causes: Mapped[list[Any] | None] = _costs_json()
    missing: Mapped[list[Any] | None] = f.json(read_only=True)
    computed_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    alerted_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    frozen_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    frozen_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)


class ProfitabilityCorrection(Record):
    """Cost that came after the record was frozen (FIN-08)."""

    __tablename__ = "profitability_correction"
    __table_args__ = ({"info": {"append_only": True}},)

    order_profitability_id: Mapped[int] = f.ref("order_profitability.id", required=True, read_only=True)
    amount: Mapped[Decimal] = f.money(required=True, read_only=True, group=COSTS)
    cause: Mapped[str | None] = f.text(120, read_only=True)
    details: Mapped[dict[str, Any] | None] = _costs_json()


class FinanceCategory(Record):
    """Category of the ledger, with an account of the French chart (FIN-13)."""

    __tablename__ = "finance_category"

    code: Mapped[str] = f.text(40, required=True, unique=True, search=True)
    label: Mapped[str] = f.text(120, required=True, search=True)
    parent_id: Mapped[int | None] = f.ref("finance_category.id")
    account: Mapped[str | None] = f.text(12)


class FinancePeriod(Record):
    """A month that was closed; open again when the owner says so (FIN-50)."""

    __tablename__ = "finance_period"

    period: Mapped[str] = f.text(7, required=True, unique=True, read_only=True)
    is_closed: Mapped[bool] = f.boolean(read_only=True)
    closed_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    closed_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)


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
    currency: Mapped[str] = f.choice("currency", default="EUR")
    transaction_date: Mapped[dt.date] = f.date(required=True)
    period: Mapped[str | None] = f.text(7, read_only=True)
    status: Mapped[str] = f.status("finance_transaction", "draft")
    payment_method: Mapped[str | None] = f.choice("payment_method", required=False)
    external_invoice_ref: Mapped[str | None] = f.text(80, search=True)
    receipt_document_id: Mapped[int | None] = f.ref("document.id")
    receipt_type: Mapped[str | None] = f.choice("receipt_type", required=False)
    recorded_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    supplier_id: Mapped[int | None] = f.ref("supplier.id")
    customer_id: Mapped[int | None] = f.ref("customer.id")
    sales_order_id: Mapped[int | None] = f.ref("sales_order.id")
    invoice_id: Mapped[int | None] = f.ref("invoice.id")
    payment_id: Mapped[int | None] = f.ref("payment.id", read_only=True)
    material_id: Mapped[int | None] = f.ref("material.id")
    part_id: Mapped[int | None] = f.ref("part.id")
    tool_id: Mapped[int | None] = f.ref("tool.id")
    instrument_id: Mapped[int | None] = f.integer()
    machine_id: Mapped[int | None] = f.ref("machine.id")
    reverses_id: Mapped[int | None] = f.ref("finance_transaction.id", unique=True, read_only=True)
    origin: Mapped[str | None] = f.text(60, unique=True, read_only=True)
    """What wrote an automatic entry, once: ``invoice:12``, ``payment:7``."""
