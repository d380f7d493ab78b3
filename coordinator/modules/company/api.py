"""What other modules and the gateway may call."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import exists, select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, FieldError
from coordinator.kernel.i18n import choice_label
from coordinator.modules.company import rules, service
from coordinator.modules.company.models import (
    ActivityType,
    CompanyActivity,
    CompanyProfile,
    ModuleActivation,
    RateCardLine,
    Site,
    VatRate,
    WorkCalendar,
    Workshop,
)

Interval = rules.Interval


@dataclass(frozen=True)
class Rate:
    """A rate of the grid: ``value`` in euro per ``unit``, and the line it comes from."""

    value: Decimal
    unit: str
    line_id: int


def is_set_up(ctx: Context) -> bool:
    """Whether the company exists; before that only the set-up is served (SET-01)."""
    return bool(ctx.session.scalar(select(exists().where(CompanyProfile.id.is_not(None)))))


def profile(ctx: Context) -> CompanyProfile:
    """The company, for legal mentions.

    Raises:
        BusinessError: ``company.missing`` before set-up.
    """
    found = ctx.session.scalars(select(CompanyProfile)).one_or_none()
    if found is None:
        raise BusinessError("company.missing")
    return found


def operation_types(ctx: Context) -> frozenset[str] | None:
    """Kinds of operations of the trades the company practises; ``None`` before any trade was chosen."""
    query = (
        select(ActivityType.operation_types)
        .join(CompanyActivity, CompanyActivity.activity_type_id == ActivityType.id)
        .where(CompanyActivity.archived_at.is_(None))
    )
    found = list(ctx.session.scalars(query))
    return frozenset(kind for kinds in found for kind in kinds or ()) if found else None


def default_site(ctx: Context) -> Site | None:
    """Site used where none is named."""
    query = select(Site).where(Site.archived_at.is_(None)).order_by(Site.is_default.desc(), Site.id)
    return ctx.session.scalars(query.limit(1)).one_or_none()


def site_of_code(ctx: Context, code: str) -> Site | None:
    """Site of a code."""
    return ctx.session.scalars(
        select(Site).where(Site.code == code, Site.archived_at.is_(None))
    ).one_or_none()


def rate(
    ctx: Context, kind: str, *, on: dt.date | None = None, machine: int | None = None, machine_type: str | None = None,
    work_center: int | None = None, job_position: int | None = None, material: int | None = None, treatment: str | None = None,
    supplier: int | None = None, activity_type: int | None = None,
) -> Rate:  # fmt: skip
    """Most specific rate valid on a day, today by default; past jobs ask with their own date (SET-26, SET-28).

    Raises:
        BusinessError: ``rate.missing`` naming what to fill in (SET-29).
    """
    wanted: dict[str, Any] = {
        "machine_id": machine, "machine_type": machine_type, "work_center_id": work_center, "job_position_id": job_position,
        "material_id": material, "treatment": treatment, "supplier_id": supplier, "activity_type_id": activity_type,
    }  # fmt: skip
    day = on or ctx.now.date()
    line = service.find_rate(ctx, kind, day, wanted)
    if line is None:
        label = choice_label("rate_kind", kind, ctx.locale)
        errors = [FieldError("rate", "rate.missing", {"kind": label, "day": day.isoformat()})]
        raise BusinessError(
            "rate.missing", errors=errors, extra={"kind": kind}, kind=label, day=day.isoformat()
        )
    return Rate(line.rate, line.unit, line.id)


def set_rate(
    ctx: Context, kind: str, value: Decimal, unit: str, *, on: dt.date | None = None, **objects: Any
) -> RateCardLine:
    """Put a rate in force; ``objects`` are columns of the line such as ``machine_id=3``."""
    return service.set_rate(ctx, kind, value, unit, on=on, **objects)


def default_calendar(ctx: Context) -> WorkCalendar:
    """Calendar used where none is named.

    Raises:
        BusinessError: ``calendar.missing``.
    """
    query = select(WorkCalendar).where(WorkCalendar.archived_at.is_(None))
    found = ctx.session.scalars(
        query.order_by(WorkCalendar.is_default.desc(), WorkCalendar.id).limit(1)
    ).one_or_none()
    if found is None:
        raise BusinessError("calendar.missing")
    return found


def calendar_of_workshop(ctx: Context, workshop_id: int | None) -> int:
    """Calendar of a workshop, else of its site, else the default one."""
    workshop = ctx.session.get(Workshop, workshop_id) if workshop_id is not None else None
    site = ctx.session.get(Site, workshop.site_id) if workshop else None
    own = (workshop.work_calendar_id if workshop else None) or (site.work_calendar_id if site else None)
    return own or default_calendar(ctx).id


def calendar(ctx: Context, calendar_id: int) -> rules.Calendar:
    """Opening hours of a calendar as plain data, for pure computations."""
    return service.calendar_of(ctx, calendar_id)


def open_intervals(ctx: Context, calendar_id: int, start: dt.datetime, end: dt.datetime) -> list[Interval]:
    """Opening hours within ``[start, end)``, aware UTC, sorted, without overlap (SET-09)."""
    return rules.open_intervals(service.calendar_of(ctx, calendar_id), start, end)


def public_holidays(year: int, *, alsace_moselle: bool = False) -> dict[dt.date, str]:
    """French public holidays of a year with their names."""
    return rules.public_holidays(year, alsace_moselle=alsace_moselle)


def vat_rate(ctx: Context, code: str | None = None, *, on: dt.date | None = None) -> VatRate:
    """VAT rate of a code, or the default one, valid on a day.

    Raises:
        BusinessError: ``vat.missing``.
    """
    day = on or ctx.now.date()
    query = select(VatRate).where(
        VatRate.valid_from <= day, VatRate.valid_to.is_(None) | (VatRate.valid_to >= day)
    )
    query = query.where(VatRate.code == code) if code else query.where(VatRate.is_default)
    found = ctx.session.scalars(query.order_by(VatRate.valid_from.desc()).limit(1)).one_or_none()
    if found is None:
        raise BusinessError("vat.missing", code=code or "")
    return found


def is_module_active(ctx: Context, module_code: str) -> bool:
    """Whether a part of the software is used (SET-19); one never declared is."""
    query = select(ModuleActivation.is_active).where(ModuleActivation.module_code == module_code)
    return ctx.session.scalar(query) is not False


__all__ = [
    "Interval", "Rate", "calendar", "calendar_of_workshop", "default_calendar", "default_site", "is_module_active",
    "is_set_up", "open_intervals", "profile", "public_holidays", "rate", "set_rate", "site_of_code", "vat_rate",
]  # fmt: skip
