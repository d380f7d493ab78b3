"""Rules of the company's records: identification, main trade, calendars, rates, module switches."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.kernel.crud import title_of
from coordinator.kernel.enumerations import OPEN_STATES
from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.kernel.i18n import t
from coordinator.kernel.remembered import Remembered
from coordinator.kernel.schema import field_columns, info_of
from coordinator.modules.company import rules
from coordinator.modules.company.models import (
    CalendarException,
    CompanyActivity,
    CompanyProfile,
    ModuleActivation,
    RateCard,
    RateCardLine,
    Shift,
    Site,
    WorkCalendar,
)


def _refuse(code: str, field: str, **params: Any) -> None:
    raise BusinessError(code, errors=[FieldError(field, code, params)], **params)


def check_profile(_ctx: Context, profile: CompanyProfile) -> None:
    """Numbers with a wrong key are refused; without registration none is asked (SET-50).

    Raises:
        BusinessError: ``company.siren``, ``company.iban``, ``company.vat_number``, ``company.siren_missing``.
    """
    if profile.siren:
        profile.siren = profile.siren.replace(" ", "")
        if not rules.siren_is_valid(profile.siren):
            _refuse("company.siren", "siren")
        profile.vat_number = profile.vat_number or rules.french_vat_number(profile.siren)
    elif not profile.is_not_yet_registered:
        _refuse("company.siren_missing", "siren")
    if profile.vat_number:
        profile.vat_number = profile.vat_number.replace(" ", "").upper()
        if (
            profile.siren
            and profile.vat_number.startswith("FR")
            and profile.vat_number != rules.french_vat_number(profile.siren)
        ):
            _refuse("company.vat_number", "vat_number", expected=rules.french_vat_number(profile.siren))
    if profile.iban:
        profile.iban = profile.iban.replace(" ", "").upper()
        if not rules.iban_is_valid(profile.iban):
            _refuse("company.iban", "iban")


def check_site(ctx: Context, site: Site) -> None:
    """SIRET with its key; one default site at a time.

    Raises:
        BusinessError: ``company.siret``, ``company.time_zone``.
    """
    if site.siret:
        site.siret = site.siret.replace(" ", "")
        if not rules.siret_is_valid(site.siret):
            _refuse("company.siret", "siret")
    check_time_zone(site.time_zone)
    _only_default(ctx, site)


def check_calendar(ctx: Context, calendar: WorkCalendar) -> None:
    """Known time zone; one default calendar at a time."""
    check_time_zone(calendar.time_zone)
    _only_default(ctx, calendar)


def check_time_zone(name: str | None) -> None:
    """Refuse a zone the software cannot compute with."""
    from zoneinfo import available_timezones

    if name is not None and name not in available_timezones():
        _refuse("company.time_zone", "time_zone", name=name)


def _only_default(ctx: Context, record: Site | WorkCalendar) -> None:
    if record.is_default:
        model: Any = type(record)
        with ctx.session.no_autoflush:
            for other in ctx.session.scalars(select(model).where(model.is_default)):
                if other is not record:
                    other.is_default = False


def check_shift(_ctx: Context, shift: Shift) -> None:
    """Hours in order and a break inside them.

    Raises:
        BusinessError: ``calendar.hours``.
    """
    broken = (
        shift.break_start_min is not None and not shift.start_min <= shift.break_start_min <= shift.end_min
    )
    if (
        not 1 <= shift.weekday <= 7
        or shift.start_min < 0
        or not shift.start_min < shift.end_min <= shift.start_min + 1440
        or broken
    ):
        _refuse("calendar.hours", "end_min")


def make_main(ctx: Context, activity: CompanyActivity) -> None:
    """Make a trade the main one; exactly one is (SET-12)."""
    for other in ctx.session.scalars(
        select(CompanyActivity).where(CompanyActivity.is_main, CompanyActivity.id != activity.id)
    ):
        other.is_main = False
    ctx.session.flush()
    activity.is_main = True


def remove_activity(ctx: Context, activity: CompanyActivity) -> None:
    """Give up a trade, but never the main one (SET-52).

    Raises:
        Conflict: ``trade.main``.
    """
    if activity.is_main:
        raise Conflict("trade.main")
    ctx.session.delete(activity)


def calendar_of(ctx: Context, calendar_id: int) -> rules.Calendar:
    """Opening hours of a calendar, for computation."""
    record = ctx.get(WorkCalendar, calendar_id)
    shifts = ctx.session.scalars(
        select(Shift).where(Shift.work_calendar_id == calendar_id, Shift.archived_at.is_(None))
    )
    query = select(CalendarException).where(
        CalendarException.work_calendar_id == calendar_id, CalendarException.archived_at.is_(None)
    )
    return rules.Calendar(
        time_zone=record.time_zone,
        shifts=[
            rules.DayShift(s.weekday, s.start_min, s.end_min, s.break_start_min, s.break_min) for s in shifts
        ],
        exceptions=[
            rules.DayException(e.first_day, e.last_day, e.is_open, e.start_min, e.end_min)
            for e in ctx.session.scalars(query)
        ],
        closes_on_public_holidays=record.closes_on_public_holidays,
        is_alsace_moselle=record.is_alsace_moselle,
    )


def switch_module(ctx: Context, activation: ModuleActivation, *, active: bool) -> None:
    """Switch a part of the software on or off.

    Raises:
        Conflict: ``module.core``; ``module.needed`` with the active modules that depend on it; ``module.open_work``
            with the first records that keep it busy (SET-20).
    """
    if activation.is_core and not active:
        raise Conflict("module.core")
    rows = {m.module_code: m for m in ctx.session.scalars(select(ModuleActivation))}
    if active:
        for needed in activation.depends_on:
            if needed in rows and not rows[needed].is_active:
                switch_module(ctx, rows[needed], active=True)
    else:
        users = [code for code, m in rows.items() if m.is_active and activation.module_code in m.depends_on]
        if users:
            names = ", ".join(t(f"module.{code}", ctx.locale) for code in users)
            raise Conflict("module.needed", extra={"modules": users}, modules=names)
        _require_no_open_work(ctx, activation.module_code)
    activation.is_active = active


_LISTED = 20


def _require_no_open_work(ctx: Context, module_code: str) -> None:
    blocking: list[dict[str, Any]] = []
    count = 0
    for spec in ctx.registry.entities.values():
        columns = field_columns(spec.model)
        if spec.module_code != module_code or "status" not in columns:
            continue
        states = OPEN_STATES.get(info_of(columns["status"]).enumeration or "", ())
        model: Any = spec.model
        conditions = (model.status.in_(states), model.archived_at.is_(None))
        count += ctx.session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0
        found = ctx.session.scalars(select(model).where(*conditions).order_by(model.id).limit(_LISTED))
        blocking += [{"entity": spec.name, "id": r.id, "display": title_of(ctx, spec, r)} for r in found]
    if count:
        shown = ", ".join(b["display"] for b in blocking[:5]) + (" …" if count > 5 else "")
        extra = {"blocking": blocking[:_LISTED], "count": count}
        raise Conflict("module.open_work", extra=extra, count=count, records=shown)


SWITCHES_S = 3.0
_switches: Remembered[frozenset[str]] = Remembered(SWITCHES_S, ModuleActivation)


def switched_off(ctx: Context) -> frozenset[str]:
    """Module codes that are switched off; a change made by another process acts within ``SWITCHES_S``."""
    query = select(ModuleActivation.module_code).where(~ModuleActivation.is_active)
    return _switches.get(ctx.session, None, lambda: frozenset(ctx.session.scalars(query)))


def add_rate(ctx: Context, line: RateCardLine) -> None:
    """Close the line this one follows at the day before it (SET-28)."""
    if line.valid_from is None:
        line.valid_from = ctx.now.date()
    with ctx.session.no_autoflush:
        conditions = [
            getattr(RateCardLine, n).is_not_distinct_from(getattr(line, n)) for n in rules.RATE_OBJECTS
        ]
        query = select(RateCardLine).where(
            RateCardLine.kind == line.kind, RateCardLine.archived_at.is_(None), *conditions
        )
        same = [other for other in ctx.session.scalars(query) if other is not line]
    for other in same:
        if other.valid_from == line.valid_from:
            other.archived_at = ctx.now  # corrected the same day: it was never in force elsewhere
        elif other.valid_from < line.valid_from and (
            other.valid_to is None or other.valid_to >= line.valid_from
        ):
            other.valid_to = line.valid_from - dt.timedelta(days=1)
    later = [other.valid_from for other in same if other.valid_from > line.valid_from]
    line.valid_to = min(later) - dt.timedelta(days=1) if later else None


def set_rate(
    ctx: Context, kind: str, rate: Decimal, unit: str, *, on: dt.date | None = None, **objects: Any
) -> RateCardLine:
    """Put a rate in force from a day on, for everything of its kind or for the named object."""
    line = RateCardLine(kind=kind, rate=rate, unit=unit, valid_from=on or ctx.now.date(), **objects)
    line.rate_card_id = default_card(ctx).id
    add_rate(ctx, line)
    return ctx.add(line)


def default_card(ctx: Context) -> RateCard:
    """Grid in force, opened at first need."""
    query = (
        select(RateCard)
        .where(RateCard.archived_at.is_(None))
        .order_by(RateCard.valid_from.desc(), RateCard.id.desc())
    )
    card = ctx.session.scalars(query.limit(1)).one_or_none()
    return card or ctx.add(RateCard(name="Grille tarifaire", valid_from=ctx.now.date(), currency="EUR"))


def find_rate(ctx: Context, kind: str, on: dt.date, wanted: dict[str, Any]) -> RateCardLine | None:
    """Most specific line valid on a day, or ``None``."""
    query = select(RateCardLine).where(
        RateCardLine.kind == kind,
        RateCardLine.archived_at.is_(None),
        RateCardLine.valid_from <= on,
        (RateCardLine.valid_to.is_(None)) | (RateCardLine.valid_to >= on),
    )
    records = {line.id: line for line in ctx.session.scalars(query)}
    chosen = rules.choose_rate([_plain(line) for line in records.values()], wanted, on)
    return records[chosen.id] if chosen else None


def _plain(line: RateCardLine) -> rules.RateLine:
    objects = {n: getattr(line, n) for n in rules.RATE_OBJECTS if getattr(line, n) is not None}
    return rules.RateLine(line.id, line.rate, line.unit, line.valid_from, line.valid_to, objects)
