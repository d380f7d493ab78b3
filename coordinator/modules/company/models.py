"""Tables of the company, its sites, calendars, trades and rates (area 01)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


class CompanyProfile(Record):
    """The one company; printed documents take their legal mentions from here (SET-07)."""

    __tablename__ = "company_profile"
    __table_args__ = (Index("uq_company_profile_one", text("(true)"), unique=True),)

    legal_name: Mapped[str] = f.text(200, required=True, search=True)
    trade_name: Mapped[str | None] = f.text(200)
    legal_form: Mapped[str | None] = f.text(60)
    share_capital: Mapped[Decimal | None] = f.money(group=None)
    is_not_yet_registered: Mapped[bool] = f.boolean()
    siren: Mapped[str | None] = f.text(20)
    rcs_number: Mapped[str | None] = f.text(40)
    rcs_city: Mapped[str | None] = f.text(80)
    naf_code: Mapped[str | None] = f.text(6)
    vat_number: Mapped[str | None] = f.text(30)
    street: Mapped[str | None] = f.text(300)
    postal_code: Mapped[str | None] = f.text(12)
    city: Mapped[str | None] = f.text(100)
    country: Mapped[str] = f.text(2, required=True, default="FR")
    phone: Mapped[str | None] = f.text(30, kind="phone")
    email: Mapped[str | None] = f.text(254, kind="email")
    website: Mapped[str | None] = f.text(200, kind="url")
    logo_sha256: Mapped[str | None] = f.text(64, read_only=True)
    iban: Mapped[str | None] = f.text(42, group="bank")
    bic: Mapped[str | None] = f.text(11, group="bank")
    insurer: Mapped[str | None] = f.text(200)
    insurance_policy: Mapped[str | None] = f.text(80)
    sectors: Mapped[list[str] | None] = f.choices("sector")
    """Sensitive sectors ticked (SET-17)."""


class WorkCalendar(Record):
    """Opening hours of a site, a workshop or a machine (SET-09)."""

    __tablename__ = "work_calendar"

    code: Mapped[str] = f.text(20, required=True, unique=True, search=True)
    name: Mapped[str] = f.text(120, required=True, search=True)
    time_zone: Mapped[str] = f.text(40, required=True, default="Europe/Paris")
    closes_on_public_holidays: Mapped[bool] = f.boolean(default=True)
    is_alsace_moselle: Mapped[bool] = f.boolean()
    is_default: Mapped[bool] = f.boolean()


class Shift(Record):
    """Presence of a weekday, in minutes after midnight, local time; an end beyond 1440 runs into the next day."""

    __tablename__ = "shift"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday_range"),
        CheckConstraint("start_min BETWEEN 0 AND 1439", name="start_range"),
        CheckConstraint("end_min > start_min AND end_min <= start_min + 1440", name="end_after_start"),
        CheckConstraint(
            "break_start_min IS NULL OR break_start_min BETWEEN start_min AND end_min", name="break_inside"
        ),
        CheckConstraint("break_min >= 0 AND break_min < end_min - start_min", name="break_range"),
    )

    work_calendar_id: Mapped[int] = f.ref("work_calendar.id", required=True)
    weekday: Mapped[int] = f.integer(required=True)
    """1 Monday … 7 Sunday (ISO 8601)."""
    name: Mapped[str | None] = f.text(60)
    start_min: Mapped[int] = f.integer(required=True, unit="min")
    end_min: Mapped[int] = f.integer(required=True, unit="min")
    break_start_min: Mapped[int | None] = f.integer(unit="min")
    break_min: Mapped[int] = f.integer(required=True, default=0, unit="min")


class CalendarException(Record):
    """Days of a calendar that differ from the week: closure, or exceptional opening with hours of its own."""

    __tablename__ = "calendar_exception"
    __table_args__ = (
        CheckConstraint("last_day >= first_day", name="days_in_order"),
        CheckConstraint(
            "NOT is_open OR (start_min IS NOT NULL AND end_min > start_min)", name="hours_when_open"
        ),
    )

    work_calendar_id: Mapped[int] = f.ref("work_calendar.id", required=True)
    first_day: Mapped[dt.date] = f.date(required=True)
    last_day: Mapped[dt.date] = f.date(required=True)
    is_open: Mapped[bool] = f.boolean()
    start_min: Mapped[int | None] = f.integer(unit="min")
    end_min: Mapped[int | None] = f.integer(unit="min")
    reason: Mapped[str | None] = f.text(200)


class Site(Record):
    """Place of the company (SET-08)."""

    __tablename__ = "site"

    code: Mapped[str] = f.text(20, required=True, unique=True, search=True)
    name: Mapped[str] = f.text(120, required=True, search=True)
    siret: Mapped[str | None] = f.text(20)
    street: Mapped[str | None] = f.text(300)
    postal_code: Mapped[str | None] = f.text(12)
    city: Mapped[str | None] = f.text(100)
    country: Mapped[str] = f.text(2, required=True, default="FR")
    time_zone: Mapped[str] = f.text(40, required=True, default="Europe/Paris")
    work_calendar_id: Mapped[int | None] = f.ref("work_calendar.id")
    is_default: Mapped[bool] = f.boolean()


class Workshop(Record):
    """Workshop (atelier) of a site."""

    __tablename__ = "workshop"
    __table_args__ = (UniqueConstraint("site_id", "code"),)

    site_id: Mapped[int] = f.ref("site.id", required=True)
    code: Mapped[str] = f.text(20, required=True, search=True)
    name: Mapped[str] = f.text(120, required=True, search=True)
    work_calendar_id: Mapped[int | None] = f.ref("work_calendar.id")


class WorkCenter(Record):
    """Group of equivalent machines."""

    __tablename__ = "work_center"
    __table_args__ = (UniqueConstraint("workshop_id", "code"),)

    workshop_id: Mapped[int] = f.ref("workshop.id", required=True)
    code: Mapped[str] = f.text(20, required=True, search=True)
    name: Mapped[str] = f.text(120, required=True, search=True)


class Department(Record):
    """Department of the organisation."""

    __tablename__ = "department"

    code: Mapped[str] = f.text(20, required=True, unique=True, search=True)
    name: Mapped[str] = f.text(120, required=True, search=True)
    parent_id: Mapped[int | None] = f.ref("department.id")


class ActivityType(Record):
    """Trade (métier) of SET-11, with the operation types it opens."""

    __tablename__ = "activity_type"

    code: Mapped[str] = f.text(40, required=True, unique=True, search=True)
    label: Mapped[str] = f.text(120, required=True, search=True)
    family: Mapped[str] = f.text(60, required=True)
    operation_types: Mapped[list[str]] = f.choices("operation_type", required=True, default=list)


class CompanyActivity(Record):
    """Trade the company practises; exactly one is the main one (SET-12)."""

    __tablename__ = "company_activity"
    __table_args__ = (
        Index("uq_company_activity_one_main", "is_main", unique=True, postgresql_where=text("is_main")),
    )

    activity_type_id: Mapped[int] = f.ref("activity_type.id", required=True, unique=True)
    is_main: Mapped[bool] = f.boolean(read_only=True)


class Certification(Record):
    """Certification held or aimed at (SET-18)."""

    __tablename__ = "certification"

    standard: Mapped[str] = f.text(60, required=True, search=True)
    scope: Mapped[str | None] = f.text(300)
    status: Mapped[str] = f.choice("certification", default="target")
    body: Mapped[str | None] = f.text(120)
    number: Mapped[str | None] = f.text(60, search=True)
    valid_from: Mapped[dt.date | None] = f.date()
    valid_until: Mapped[dt.date | None] = f.date()


class VatRate(Record):
    """VAT rate with its validity (SET-43)."""

    __tablename__ = "vat_rate"
    __table_args__ = (UniqueConstraint("code", "valid_from"),)

    code: Mapped[str] = f.text(20, required=True, search=True)
    label: Mapped[str] = f.text(120, required=True, search=True)
    rate_pct: Mapped[Decimal] = f.decimal(5, 2, required=True, unit="%")
    valid_from: Mapped[dt.date] = f.date(required=True)
    valid_to: Mapped[dt.date | None] = f.date()
    is_default: Mapped[bool] = f.boolean()


class SetupStep(Record):
    """What was typed in a step of the first-start wizard, until it is installed (SET-03). Never a password."""

    __tablename__ = "setup_step"

    code: Mapped[str] = f.text(20, required=True, unique=True, read_only=True)
    status: Mapped[str] = f.status("setup_step", "open")
    values: Mapped[dict[str, Any]] = f.json(required=True, read_only=True)


class ModuleActivation(Record):
    """Whether a part of the software is used (SET-19)."""

    __tablename__ = "module_activation"

    module_code: Mapped[str] = f.text(60, required=True, unique=True, search=True, read_only=True)
    is_core: Mapped[bool] = f.boolean(read_only=True)
    is_active: Mapped[bool] = f.boolean(read_only=True, default=True)
    depends_on: Mapped[list[str]] = f.json(required=True, read_only=True, default=list)


class RateCard(Record):
    """Rate grid (SET-26)."""

    __tablename__ = "rate_card"

    name: Mapped[str] = f.text(120, required=True, search=True)
    valid_from: Mapped[dt.date] = f.date(required=True)
    valid_to: Mapped[dt.date | None] = f.date()
    currency: Mapped[str] = f.choice("currency", default="EUR")


class RateCardLine(Record):
    """One rate, for everything of its kind or for the object it names; never changed, only followed by another."""

    __tablename__ = "rate_card_line"
    __table_args__ = (
        Index(None, "kind", "valid_from"),
        CheckConstraint("rate >= 0", name="rate_not_negative"),
    )

    rate_card_id: Mapped[int] = f.ref("rate_card.id", required=True)
    kind: Mapped[str] = f.choice("rate_kind")
    machine_id: Mapped[int | None] = f.ref("machine.id")
    work_center_id: Mapped[int | None] = f.ref("work_center.id")
    machine_type: Mapped[str | None] = f.choice("machine_type", required=False)
    job_position_id: Mapped[int | None] = f.ref("job_position.id")
    material_id: Mapped[int | None] = f.ref("material.id")
    supplier_id: Mapped[int | None] = f.ref("supplier.id")
    activity_type_id: Mapped[int | None] = f.ref("activity_type.id")
    treatment: Mapped[str | None] = f.text(60)
    rate: Mapped[Decimal] = f.unit_price(required=True, group="costs_margins")
    selling_rate: Mapped[Decimal | None] = f.unit_price(group="costs_margins")
    """What is charged where the shop quotes by selling rates (QUO-32)."""
    unit: Mapped[str] = f.text(20, required=True)
    valid_from: Mapped[dt.date] = f.date(required=True)
    valid_to: Mapped[dt.date | None] = f.date(read_only=True)
