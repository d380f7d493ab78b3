"""Local settings of a station asked in words and sent as its next signed configuration (EDG-30)."""

from __future__ import annotations

import copy
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent
from coordinator.kernel.errors import BusinessError
from coordinator.modules.stations.models import Station, StationConfig
from coordinator.modules.stations.service import ConfigParams, set_config
from edge_agents.protocol.envelope import describe
from edge_agents.protocol.local_time import LocalRules

_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"
DAYS = {"every_day": list(range(7)), "weekdays": list(range(5)), "weekend": [5, 6]}


class LocalSettings(BaseModel):
    """What stays empty stays as it is."""

    model_config = ConfigDict(extra="forbid")

    time_zone: str | None = Field(default=None, max_length=60)
    quiet_hours: Literal["off", "every_day", "weekdays", "weekend"] | None = None
    quiet_start: str | None = Field(default=None, pattern=_CLOCK)
    quiet_until: str | None = Field(default=None, pattern=_CLOCK)
    screen_text_pct: int | None = Field(default=None, ge=70, le=200)
    screen_sound: bool | None = None
    screen_dark: bool | None = None
    health_interval_s: int | None = Field(default=None, ge=10, le=3600)
    users_max_age_h: int | None = Field(default=None, ge=1, le=72)
    keep_acknowledged_days: int | None = Field(default=None, ge=0, le=60)
    images_mb: int | None = Field(default=None, ge=100, le=1_000_000)
    journal_mb: int | None = Field(default=None, ge=100, le=1_000_000)


def change(ctx: Context, station: Station, params: LocalSettings) -> dict[str, Any]:
    """New configuration of a station, all the rest of it unchanged.

    Raises:
        BusinessError: ``station.no_config`` before the station has a configuration of its own; ``station.local_settings``
            naming the field that is not acceptable.
    """
    latest = latest_config(ctx, station)
    if latest is None:
        raise BusinessError("station.no_config", station=station.name)
    config = copy.deepcopy(latest)
    given = params.model_dump(exclude_none=True)
    for name in ("time_zone", "health_interval_s", "users_max_age_h"):
        if name in given:
            config[name] = given[name]
    _set(
        config,
        "retention",
        {n: given[n] for n in ("keep_acknowledged_days", "images_mb", "journal_mb") if n in given},
    )
    screen = {n.removeprefix("screen_"): given[n] for n in ("screen_sound", "screen_dark") if n in given}
    if "screen_text_pct" in given:
        screen["text_scale"] = given["screen_text_pct"] / 100
    _set(config, "screen", screen)
    _quiet(config, given)
    rules_of(config)
    return set_config(ctx, station, ConfigParams(config=config))


def _set(config: dict[str, Any], name: str, values: dict[str, Any]) -> None:
    if values:
        config[name] = {**(config.get(name) or {}), **values}


def _quiet(config: dict[str, Any], given: dict[str, Any]) -> None:
    if given.get("quiet_hours") == "off":
        config["quiet_hours"] = None
        return
    times = {n.removeprefix("quiet_"): given[n] for n in ("quiet_start", "quiet_until") if n in given}
    days = {"days": DAYS[given["quiet_hours"]]} if "quiet_hours" in given else {}
    _set(config, "quiet_hours", times | days)


def rules_of(config: dict[str, Any]) -> LocalRules:
    """Local rules of a configuration. Raises BusinessError ``station.local_settings``."""
    try:
        return LocalRules.model_validate({n: config[n] for n in LocalRules.model_fields if n in config})
    except ValidationError as error:
        raise BusinessError("station.local_settings", reason=describe(error)) from None


def is_quiet(ctx: Context, station: Station, event: DeviceEvent) -> bool:
    """Whether a fact of a station happened in its quiet hours: it is kept, but nobody is called.

    Rules the station itself would refuse keep nobody from being called.
    """
    config = latest_config(ctx, station)
    try:
        return config is not None and rules_of(config).is_quiet(event.occurred_at)
    except BusinessError:
        return False


def screen_rules(ctx: Context, code: str) -> dict[str, Any]:
    """What the screen of a scan station keeps to: zone, quiet hours, tones; the usual rules for a name no station has.

    A screen knows its station by the code or the name it was given.
    """
    named = select(Station).where(
        (Station.code == code) | (Station.name == code), Station.archived_at.is_(None)
    )
    station = ctx.session.scalars(named.order_by(Station.code != code).limit(1)).first()
    rules = rules_of(latest_config(ctx, station) or {}) if station is not None else LocalRules()
    return rules.model_dump(mode="json")


def latest_config(ctx: Context, station: Station) -> dict[str, Any] | None:
    """Newest configuration of a station; ``None`` before the first."""
    query = select(StationConfig.config).where(StationConfig.station_id == station.id)
    return ctx.session.scalar(query.order_by(StationConfig.version_no.desc()).limit(1))
