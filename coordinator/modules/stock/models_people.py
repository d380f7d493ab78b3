"""Tables of what persons hold: protective equipment handed out, measuring instruments (STK-11, STK-12)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


class PpeIssue(Record):
    """Protective equipment handed to a person (STK-11)."""

    __tablename__ = "ppe_issue"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)

    label: Mapped[str | None] = f.text(200, search=True, read_only=True)
    employee_id: Mapped[int] = f.ref("employee.id", required=True, read_only=True)
    ppe_item_id: Mapped[int] = f.ref("ppe_item.id", required=True, read_only=True)
    issued_on: Mapped[dt.date] = f.date(required=True, read_only=True)
    quantity: Mapped[Decimal] = f.quantity(required=True, read_only=True)
    condition: Mapped[str] = f.choice("stock_unit_condition", default="new", read_only=True)
    renew_on: Mapped[dt.date | None] = f.date()
    stock_movement_id: Mapped[int | None] = f.ref("stock_movement.id", read_only=True)


class Instrument(Record):
    """A measuring instrument as a thing of the stock; its calibrations are the quality's affair (STK-12)."""

    __tablename__ = "instrument"

    name: Mapped[str] = f.text(200, required=True, search=True)
    instrument_type: Mapped[str] = f.text(60, required=True, search=True)
    serial_number: Mapped[str] = f.text(80, required=True, unique=True, search=True)
    status: Mapped[str] = f.choice("instrument", default="in_service")
    stock_item_id: Mapped[int | None] = f.ref("stock_item.id")
    storage_location_id: Mapped[int | None] = f.ref("storage_location.id")
    employee_id: Mapped[int | None] = f.ref("employee.id", read_only=True)
    machine_id: Mapped[int | None] = f.ref("machine.id", read_only=True)
    is_present: Mapped[bool] = f.boolean(default=True, read_only=True)
    measuring_range: Mapped[str | None] = f.text(60)
    uncertainty: Mapped[Decimal | None] = f.decimal(12, 6, unit="mm")
    interval_months: Mapped[int | None] = f.integer(unit="mois")
    last_calibrated_on: Mapped[dt.date | None] = f.date()
    next_calibration_due: Mapped[dt.date | None] = f.date()
    is_compliant: Mapped[bool] = f.boolean(default=True)
    extended_until: Mapped[dt.date | None] = f.date(read_only=True)
    extended_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    extension_reason: Mapped[str | None] = f.text(300, read_only=True)


class PlaceProposal(Record):
    """A better place for an item, as proposed, with what a person decided (STK-15)."""

    __tablename__ = "place_proposal"

    label: Mapped[str | None] = f.text(200, search=True, read_only=True)
    stock_item_id: Mapped[int] = f.ref("stock_item.id", required=True, read_only=True)
    from_location_id: Mapped[int | None] = f.ref("storage_location.id", read_only=True)
    to_location_id: Mapped[int] = f.ref("storage_location.id", required=True, read_only=True)
    moves_per_month: Mapped[Decimal] = f.decimal(10, 2, required=True, default=Decimal(0), read_only=True)
    gain_m_per_month: Mapped[Decimal] = f.decimal(
        12, 1, unit="m", required=True, default=Decimal(0), read_only=True
    )
    reasons: Mapped[str | None] = f.text(500, read_only=True)
    status: Mapped[str] = f.status("ai_recommendation", "proposed")
    decided_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    decided_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    chosen_location_id: Mapped[int | None] = f.ref("storage_location.id", read_only=True)
