"""First start: one description of the company, typed or read from a file, put in place entirely or not at all (SET-01…06)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field, create_model
from sqlalchemy import select, text

from coordinator.kernel.context import Context, Principal
from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.kernel.http import Ctx, public
from coordinator.kernel.schema import StrictModel, create_schema
from coordinator.kernel.settings_store import SettingDef
from coordinator.modules.company import api, service
from coordinator.modules.company.models import (
    ActivityType,
    Certification,
    CompanyActivity,
    CompanyProfile,
    ModuleActivation,
    Shift,
    Site,
    WorkCalendar,
    Workshop,
)
from coordinator.modules.company.settings_endpoints import Change, set_value
from coordinator.modules.identity import api as identity

router = APIRouter(prefix="/setup", tags=["setup"])
_LOCK = 0x67755F7365747570


class MasterIn(StrictModel):
    """The owner's account (SET-04)."""

    first_name: str = Field(min_length=1, max_length=100)
    last_name: str = Field(min_length=1, max_length=100)
    email: str = Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
    password: str = Field(max_length=1000)
    language: Literal["fr", "en"] = "fr"
    phone: str | None = Field(None, max_length=30)
    totp_secret: str | None = Field(None, max_length=64)
    """Secret (base32) of an authenticator the owner already holds."""


class TradesIn(StrictModel):
    """Trades ticked, and the main one (SET-11, SET-12)."""

    activities: list[str] = Field(default_factory=lambda: ["machining"])
    main: str = "machining"


class ShiftIn(StrictModel):
    """Presence of some weekdays, 1 Monday … 7 Sunday."""

    weekdays: list[Annotated[int, Field(ge=1, le=7)]] = Field(default_factory=lambda: [1, 2, 3, 4, 5])
    start: dt.time
    end: dt.time
    break_start: dt.time | None = None
    break_min: int = Field(0, ge=0, le=720)
    name: str | None = Field(None, max_length=60)


class CalendarIn(StrictModel):
    """Opening hours."""

    code: str = Field(min_length=1, max_length=20)
    name: str = Field(min_length=1, max_length=120)
    time_zone: str = "Europe/Paris"
    is_alsace_moselle: bool = False
    is_default: bool = False
    shifts: list[ShiftIn] = Field(min_length=1)


class WorkshopIn(StrictModel):
    """Workshop of a site."""

    code: str = Field(min_length=1, max_length=20)
    name: str = Field(min_length=1, max_length=120)
    calendar: str | None = None


class SiteIn(WorkshopIn):
    """Site with its workshops."""

    siret: str | None = Field(None, max_length=20)
    street: str | None = Field(None, max_length=300)
    postal_code: str | None = Field(None, max_length=12)
    city: str | None = Field(None, max_length=100)
    country: str = Field("FR", max_length=2)
    time_zone: str = "Europe/Paris"
    is_default: bool = False
    workshops: list[WorkshopIn] = Field(default_factory=list)


class RateIn(StrictModel):
    """A rate for everything of its kind, or for a machine type or trade."""

    kind: str
    rate: Decimal = Field(ge=0)
    unit: str = Field(max_length=20)
    machine_type: str | None = None
    activity_type: str | None = None


CompanyIn: Any = create_model("CompanyIn", __base__=create_schema(CompanyProfile))
CertificationIn: Any = create_model("CertificationIn", __base__=create_schema(Certification))


class SetupIn(StrictModel):
    """Everything the first start asks; the same rules hold for the wizard and for a file."""

    company: CompanyIn
    master: MasterIn
    trades: TradesIn = Field(default_factory=TradesIn)
    certifications: list[CertificationIn] = Field(default_factory=list)
    modules_off: list[str] = Field(default_factory=list)
    calendars: list[CalendarIn] = Field(default_factory=list)
    sites: list[SiteIn] = Field(default_factory=list)
    rates: list[RateIn] = Field(default_factory=list)
    settings: dict[str, Any] = Field(default_factory=dict)


@router.get(
    "", operation_id="setup_state", openapi_extra=public("the clients ask whether to open the wizard")
)
def setup_state(ctx: Ctx) -> dict[str, bool]:
    """Whether the installation is done."""
    return {"is_set_up": api.is_set_up(ctx)}


@router.post(
    "", operation_id="setup_run", openapi_extra=public("only while no company exists"), status_code=201
)
def run_setup(ctx: Ctx, body: SetupIn) -> dict[str, Any]:
    """Install from one description (SET-06); refused as soon as a company exists."""
    # Two installations at once: the second waits here, then finds the first one's company.
    ctx.session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if api.is_set_up(ctx):
        raise Conflict("setup.done")
    ctx.principal = Principal.service("setup")
    install(ctx, body)
    return {"company_id": api.profile(ctx).id, "is_set_up": True}


def install(ctx: Context, body: SetupIn) -> None:
    """Write the whole description; any refused value refuses it all (SET-51)."""
    company = CompanyProfile(**body.company.model_dump(exclude_unset=True, exclude_none=True))
    company.sectors = list(getattr(body.company, "sectors", None) or [])
    service.check_profile(ctx, company)
    ctx.add(company)
    identity.create_master(ctx, **body.master.model_dump())
    _install_trades(ctx, body.trades)
    for certification in body.certifications:
        ctx.add(Certification(**certification.model_dump(exclude_unset=True, exclude_none=True)))
    for code in body.modules_off:
        _switch_off(ctx, code)
    _install_places(ctx, body)
    for rate in body.rates:
        _install_rate(ctx, rate)
    for key, value in body.settings.items():
        definition: SettingDef | None = ctx.registry.settings.get(key)
        if definition is None:
            raise _unknown("settings", "setting.unknown", key=key)
        set_value(ctx, definition, Change(value=value, reason="Première configuration"))
    ctx.note("setup", company, details="première configuration", critical=True)


def _unknown(field: str, error: str, **params: Any) -> BusinessError:
    return BusinessError(error, errors=[FieldError(field, error, dict(params))], **params)


def _install_trades(ctx: Context, trades: TradesIn) -> None:
    known = dict(ctx.session.execute(select(ActivityType.code, ActivityType.id)).tuples().all())
    for code in [*trades.activities, trades.main]:
        if code not in known:
            raise _unknown("trades", "trade.unknown", code=code)
    if trades.main not in trades.activities:
        raise _unknown("trades.main", "trade.main_missing", code=trades.main)
    for code in dict.fromkeys(trades.activities):
        ctx.add(CompanyActivity(activity_type_id=known[code], is_main=code == trades.main))


def _switch_off(ctx: Context, code: str) -> None:
    row = ctx.session.scalars(
        select(ModuleActivation).where(ModuleActivation.module_code == code)
    ).one_or_none()
    if row is None:
        raise _unknown("modules_off", "module.unknown", code=code)
    service.switch_module(ctx, row, active=False)


def _install_places(ctx: Context, body: SetupIn) -> None:
    calendars = {c.code: c.id for c in ctx.session.scalars(select(WorkCalendar))}
    for given in body.calendars:
        calendars[given.code] = _install_calendar(ctx, given).id

    def calendar_id(code: str | None) -> int | None:
        if code is not None and code not in calendars:
            raise _unknown("sites.calendar", "calendar.unknown", code=code)
        return calendars[code] if code is not None else None

    for place in body.sites:
        site = Site(
            **place.model_dump(exclude={"workshops", "calendar"}),
            work_calendar_id=calendar_id(place.calendar),
        )
        site.is_default = place.is_default or len(body.sites) == 1
        service.check_site(ctx, site)
        ctx.add(site)
        for workshop in place.workshops:
            row = Workshop(site_id=site.id, code=workshop.code, name=workshop.name)
            row.work_calendar_id = calendar_id(workshop.calendar)
            ctx.add(row)


def _install_calendar(ctx: Context, given: CalendarIn) -> WorkCalendar:
    query = select(WorkCalendar).where(WorkCalendar.code == given.code)
    calendar = ctx.session.scalars(query).one_or_none() or WorkCalendar(code=given.code)
    for name in ("name", "time_zone", "is_alsace_moselle", "is_default"):
        setattr(calendar, name, getattr(given, name))
    service.check_calendar(ctx, calendar)
    ctx.add(calendar)
    for former in ctx.session.scalars(select(Shift).where(Shift.work_calendar_id == calendar.id)):
        former.archived_at = ctx.now
    for shift in given.shifts:
        start, end = _minutes(shift.start), _minutes(shift.end)
        for weekday in shift.weekdays:
            row = Shift(work_calendar_id=calendar.id, weekday=weekday, name=shift.name, start_min=start)
            row.end_min = end if end > start else end + 1440
            row.break_start_min = _minutes(shift.break_start) if shift.break_start else None
            if row.break_start_min is not None and row.break_start_min < start:
                row.break_start_min += 1440
            row.break_min = shift.break_min
            service.check_shift(ctx, row)
            ctx.add(row)
    return calendar


def _minutes(clock: dt.time) -> int:
    return clock.hour * 60 + clock.minute


def _install_rate(ctx: Context, given: RateIn) -> None:
    objects: dict[str, Any] = {}
    if given.machine_type:
        objects["machine_type"] = given.machine_type
    if given.activity_type:
        objects["activity_type_id"] = ctx.session.scalar(
            select(ActivityType.id).where(ActivityType.code == given.activity_type)
        )
        if objects["activity_type_id"] is None:
            raise _unknown("rates", "trade.unknown", code=given.activity_type)
    service.set_rate(ctx, given.kind, given.rate, given.unit, **objects)
