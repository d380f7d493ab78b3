"""Tables of quotes (area 05)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


def _costs_json() -> Any:
    """Structured value that only those who may see costs are shown (ACC-20)."""
    info = f.FieldInfo("json", read_only=True, group="costs_margins")
    return mapped_column(JSONB, nullable=True, info={"field": info})


def _discount_checks() -> tuple[CheckConstraint, CheckConstraint]:
    return (
        CheckConstraint("discount_pct BETWEEN 0 AND 100 AND discount_amount >= 0", name="discount_range"),
        CheckConstraint("discount_pct IS NULL OR discount_amount IS NULL", name="discount_one"),
    )


class Quote(Record):
    """A quote for one customer, one line per drawing (QUO-01)."""

    __tablename__ = "quote"
    __table_args__ = (UniqueConstraint("number", "version_no"), *_discount_checks())

    number: Mapped[str] = f.text(30, required=True, search=True, read_only=True)
    version_no: Mapped[int] = f.integer(required=True, default=1, read_only=True)
    previous_version_id: Mapped[int | None] = f.ref("quote.id", read_only=True)
    """The version this one replaces; the newest one has no successor (QUO-03)."""
    customer_id: Mapped[int] = f.ref("customer.id", required=True)
    contact_id: Mapped[int | None] = f.ref("contact.id")
    customer_reference: Mapped[str | None] = f.text(80, search=True)
    method: Mapped[str] = f.choice("quote_method", default="ai")
    status: Mapped[str] = f.status("quote", "draft")
    quote_date: Mapped[dt.date] = f.date(required=True, read_only=True)
    valid_until: Mapped[dt.date | None] = f.date()
    delivery_date_requested: Mapped[dt.date | None] = f.date()
    selected_scenario_id: Mapped[int | None] = f.ref("quote_scenario.id", read_only=True, use_alter=True)
    total_excl_tax: Mapped[Decimal | None] = f.money(read_only=True)
    margin_pct: Mapped[Decimal | None] = f.decimal(6, 2, unit="%", read_only=True, group="costs_margins")
    questions: Mapped[list[Any] | None] = f.json(read_only=True)
    warnings: Mapped[list[Any] | None] = f.json(read_only=True)
    computed_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    approved_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    reviewed_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    sent_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    document_version_id: Mapped[int | None] = f.ref("document_version.id", read_only=True)
    refusal_reason: Mapped[str | None] = f.text(300, read_only=True)
    margin_target_pct: Mapped[Decimal | None] = f.decimal(5, 2, unit="%", group="costs_margins")
    discount_pct: Mapped[Decimal | None] = f.decimal(5, 2, unit="%", group="prices")
    """Discount on the whole quote, in percent or as an amount excl. VAT (QUO-33)."""
    discount_amount: Mapped[Decimal | None] = f.money()
    discount_reason: Mapped[str | None] = f.text(300)
    """Why a discount is given, on the whole or on a line; for the house, never printed."""
    incoterm: Mapped[str | None] = f.text(60)
    exclusions: Mapped[str | None] = f.long_text()
    notes: Mapped[str | None] = f.long_text()


class QuoteLine(Record):
    """One part of a quote (QUO-05)."""

    __tablename__ = "quote_line"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"), *_discount_checks())

    quote_id: Mapped[int] = f.ref("quote.id", required=True)
    line_no: Mapped[int] = f.integer(read_only=True)
    method: Mapped[str] = f.choice("quote_method", default="ai")
    part_revision_id: Mapped[int | None] = f.ref("part_revision.id")
    drawing_analysis_id: Mapped[int | None] = f.ref("drawing_analysis.id")
    solid_no: Mapped[int | None] = f.integer(read_only=True)
    """Which of the distinct solids of its drawing the line is for, from 1; none = the drawing as a whole (DRW-13)."""
    description: Mapped[str | None] = f.text(200, search=True)
    material_id: Mapped[int | None] = f.ref("material.id")
    treatments: Mapped[str | None] = f.text(300)
    quantity: Mapped[Decimal] = f.quantity(required=True)
    length_mm: Mapped[Decimal | None] = f.decimal(12, 3, unit="mm")
    width_mm: Mapped[Decimal | None] = f.decimal(12, 3, unit="mm")
    height_mm: Mapped[Decimal | None] = f.decimal(12, 3, unit="mm")
    diameter_mm: Mapped[Decimal | None] = f.decimal(12, 3, unit="mm")
    trade_operations: Mapped[list[Any] | None] = f.json()
    """Work of other trades: ``[{trade, process, label, length_mm, …}]`` (QUO-42)."""
    programs_exist: Mapped[bool] = f.boolean()
    criticality: Mapped[str] = f.choice("criticality", default="standard")
    certificate_required: Mapped[bool] = f.boolean()
    keep_stock_surface: Mapped[bool] = f.boolean()
    """The drawn surface of the bar or plate stays: no allowance there (QUO-11)."""
    blank_shape: Mapped[str | None] = f.choice("shape", required=False)
    """Stock a person wants the part made from; empty = the computation chooses (QUO-10)."""
    parts_per_clamping: Mapped[int | None] = f.integer()
    """Parts milled together in one clamping; empty = the computation chooses."""
    inspection_sheet: Mapped[bool] = f.boolean(default=True)
    """Whether an inspection sheet is made at approval; always for aerospace, military and armament (QUO-40)."""
    inspection_version_id: Mapped[int | None] = f.ref("document_version.id", read_only=True)
    feasibility: Mapped[str] = f.choice("feasibility", default="unknown", read_only=True)
    unit_cost: Mapped[Decimal | None] = f.unit_price(read_only=True, group="costs_margins")
    unit_price_excl_tax: Mapped[Decimal | None] = f.unit_price(read_only=True)
    blank: Mapped[dict[str, Any] | None] = _costs_json()
    result: Mapped[dict[str, Any] | None] = _costs_json()
    warnings: Mapped[list[Any] | None] = f.json(read_only=True)
    error_code: Mapped[str | None] = f.text(80, read_only=True)
    error_message: Mapped[str | None] = f.text(500, read_only=True)
    manual_material_cost: Mapped[Decimal | None] = f.unit_price(group="costs_margins")
    manual_unit_price: Mapped[Decimal | None] = f.unit_price()
    discount_pct: Mapped[Decimal | None] = f.decimal(5, 2, unit="%", group="prices")
    discount_amount: Mapped[Decimal | None] = f.money()
    proposal: Mapped[dict[str, Any] | None] = _costs_json()
    """What the computation proposed before anybody typed: cost, price and minutes."""
    proposal_status: Mapped[str | None] = f.choice("ai_recommendation", required=False, read_only=True)
    """What became of the proposal when a person approved the quote."""
    observation: Mapped[str | None] = f.long_text()


class QuotePriceBreak(Record):
    """Price of another quantity of a line, in the scenario the quote offers."""

    __tablename__ = "quote_price_break"

    quote_line_id: Mapped[int] = f.ref("quote_line.id", required=True)
    quantity: Mapped[Decimal] = f.quantity(required=True)
    unit_cost: Mapped[Decimal | None] = f.unit_price(read_only=True, group="costs_margins")
    unit_price_excl_tax: Mapped[Decimal | None] = f.unit_price(read_only=True)


class QuoteLineOperation(Record):
    """One computed or typed operation with its cutting conditions, times and cost (QUO-45)."""

    __tablename__ = "quote_line_operation"

    quote_line_id: Mapped[int] = f.ref("quote_line.id", required=True)
    sequence_no: Mapped[int] = f.integer(required=True)
    phase_no: Mapped[int | None] = f.integer(read_only=True)
    phase_label: Mapped[str | None] = f.text(200, read_only=True)
    workholding: Mapped[str | None] = f.text(300, read_only=True)
    operation_type: Mapped[str] = f.choice("operation_type")
    operation_label: Mapped[str] = f.text(300, required=True)
    machine_id: Mapped[int | None] = f.ref("machine.id")
    tool_id: Mapped[int | None] = f.ref("tool.id")
    tool_text: Mapped[str | None] = f.text(200)
    tool_origin: Mapped[str | None] = f.text(20, read_only=True)
    passes: Mapped[int | None] = f.integer()
    vc_m_min: Mapped[Decimal | None] = f.decimal(10, 2, unit="m/min")
    n_rev_min: Mapped[Decimal | None] = f.decimal(10, 1, unit="tr/min")
    feed_mm: Mapped[Decimal | None] = f.decimal(8, 4, unit="mm")
    feed_mm_min: Mapped[Decimal | None] = f.decimal(10, 2, unit="mm/min")
    ap_mm: Mapped[Decimal | None] = f.decimal(8, 3, unit="mm")
    ae_mm: Mapped[Decimal | None] = f.decimal(8, 3, unit="mm")
    power_kw: Mapped[Decimal | None] = f.decimal(8, 3, unit="kW")
    cut_min: Mapped[Decimal | None] = f.decimal(12, 3, unit="min")
    run_min: Mapped[Decimal] = f.decimal(12, 3, unit="min", required=True, default=0)
    loading_min: Mapped[Decimal | None] = f.decimal(12, 3, unit="min", read_only=True)
    setup_min: Mapped[Decimal] = f.decimal(12, 3, unit="min", required=True, default=0)
    is_subcontracted: Mapped[bool] = f.boolean()
    cost: Mapped[Decimal | None] = f.money(group="costs_margins")
    is_manual: Mapped[bool] = f.boolean(read_only=True)
    sources: Mapped[dict[str, Any] | None] = f.json(read_only=True)


class QuoteScenario(Record):
    """Standard, express or economic answer to one quote (QUO-34, QUO-35)."""

    __tablename__ = "quote_scenario"
    __table_args__ = (UniqueConstraint("quote_id", "kind"),)

    quote_id: Mapped[int] = f.ref("quote.id", required=True)
    kind: Mapped[str] = f.choice("scenario_kind")
    machining_min: Mapped[Decimal | None] = f.decimal(12, 1, unit="min", read_only=True)
    cost: Mapped[Decimal | None] = f.money(read_only=True, group="costs_margins")
    gross_excl_tax: Mapped[Decimal | None] = f.money(read_only=True)
    """Sum of the lines before discounts and without the supplement to the minimum order."""
    discount_excl_tax: Mapped[Decimal | None] = f.money(read_only=True)
    price_excl_tax: Mapped[Decimal | None] = f.money(read_only=True)
    margin_pct: Mapped[Decimal | None] = f.decimal(6, 2, unit="%", read_only=True, group="costs_margins")
    delivery_date: Mapped[dt.date | None] = f.date(read_only=True)
    lead_time_days: Mapped[int | None] = f.integer(unit="j", read_only=True)
    is_recommended: Mapped[bool] = f.boolean(read_only=True)
    reasons: Mapped[list[Any] | None] = f.json(read_only=True)
    details: Mapped[dict[str, Any] | None] = f.json(read_only=True)
    """Machines, load, purchases, moved orders, what is still to be confirmed."""


class QuoteScenarioLine(Record):
    """Price of one line in one scenario."""

    __tablename__ = "quote_scenario_line"
    __table_args__ = (UniqueConstraint("quote_scenario_id", "quote_line_id"),)

    quote_scenario_id: Mapped[int] = f.ref("quote_scenario.id", required=True)
    quote_line_id: Mapped[int] = f.ref("quote_line.id", required=True)
    unit_cost: Mapped[Decimal | None] = f.unit_price(read_only=True, group="costs_margins")
    unit_price_excl_tax: Mapped[Decimal | None] = f.unit_price(read_only=True)
    one_off_cost: Mapped[Decimal | None] = f.unit_price(read_only=True, group="costs_margins")
    one_off_excl_tax: Mapped[Decimal | None] = f.money(read_only=True)
    """One-off work where it is not spread over the quantity (QUO-31)."""
    discount_excl_tax: Mapped[Decimal | None] = f.money(read_only=True)
    quote_discount_excl_tax: Mapped[Decimal | None] = f.money(read_only=True)
    """The line's part of the discount on the whole quote."""
    line_total_excl_tax: Mapped[Decimal | None] = f.money(read_only=True)
    """With both discounts taken off."""


class QuoteScenarioBreak(Record):
    """Price of another quantity of a line in one scenario (QUO-05, QUO-34)."""

    __tablename__ = "quote_scenario_break"
    __table_args__ = (UniqueConstraint("quote_scenario_id", "quote_price_break_id"),)

    quote_scenario_id: Mapped[int] = f.ref("quote_scenario.id", required=True)
    quote_price_break_id: Mapped[int] = f.ref("quote_price_break.id", required=True)
    unit_cost: Mapped[Decimal | None] = f.unit_price(read_only=True, group="costs_margins")
    unit_price_excl_tax: Mapped[Decimal | None] = f.unit_price(read_only=True)


class ResourceGap(Record):
    """Something the shop lacks for a line, with alternatives (QUO-37)."""

    __tablename__ = "resource_gap"

    quote_line_id: Mapped[int] = f.ref("quote_line.id", required=True)
    kind: Mapped[str] = f.text(40, required=True)
    message: Mapped[str | None] = f.text(300, read_only=True)
    what: Mapped[str] = f.text(300, required=True)
    stock_item_id: Mapped[int | None] = f.ref("stock_item.id")
    alternatives: Mapped[list[Any] | None] = f.json(read_only=True)
    price: Mapped[Decimal | None] = f.money(read_only=True)
    delay_days: Mapped[int | None] = f.integer(unit="j", read_only=True)


class QuoteReminder(Record):
    """Day on which a sent quote is to be followed up (QUO-39)."""

    __tablename__ = "quote_reminder"
    __table_args__ = (UniqueConstraint("quote_id", "due_on"),)

    quote_id: Mapped[int] = f.ref("quote.id", required=True)
    due_on: Mapped[dt.date] = f.date(required=True)
    done_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    """When the person was called; the reminder itself is his to send."""
    remarks: Mapped[str | None] = f.text(300)


class QuoteMail(Record):
    """An e-mail to the customer: written with the act that caused it, given to the mail server by the worker."""

    __tablename__ = "quote_mail"

    quote_id: Mapped[int] = f.ref("quote.id", required=True, read_only=True)
    kind: Mapped[str] = f.choice("quote_mail_kind", read_only=True)
    status: Mapped[str] = f.status("mail", "queued")
    recipient: Mapped[str] = f.text(254, required=True, kind="email", personal=True, read_only=True)
    subject: Mapped[str] = f.text(300, required=True, read_only=True)
    body: Mapped[str] = f.long_text(required=True, read_only=True)
    document_version_id: Mapped[int | None] = f.ref("document_version.id", read_only=True)
    message_id: Mapped[str] = f.text(200, required=True, unique=True, read_only=True)
    """Given once, so that a repeated delivery is recognised by mail programs."""
    attempts: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    sent_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    last_error: Mapped[str | None] = f.text(500, read_only=True)


class LearningFactor(Record):
    """Real against estimated times of a process on a machine in a material group; applies only once accepted (QUO-41)."""

    __tablename__ = "learning_factor"

    machine_id: Mapped[int] = f.ref("machine.id", required=True, read_only=True)
    operation_type: Mapped[str] = f.choice("operation_type", read_only=True)
    iso513_group: Mapped[str] = f.text(4, required=True, read_only=True)
    factor: Mapped[Decimal] = f.decimal(6, 3, required=True, read_only=True)
    median_ratio: Mapped[Decimal] = f.decimal(8, 3, required=True, read_only=True)
    lowest_ratio: Mapped[Decimal] = f.decimal(8, 3, required=True, read_only=True)
    highest_ratio: Mapped[Decimal] = f.decimal(8, 3, required=True, read_only=True)
    job_count: Mapped[int] = f.integer(required=True, read_only=True)
    status: Mapped[str] = f.status("learning_factor", "proposed")
    decided_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    decided_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
