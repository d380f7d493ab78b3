"""What people decide about a machine reaches its agent as a new signed configuration (MCH-19, MCH-20, MCH-24)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.i18n import t
from coordinator.kernel.outbox import Event
from coordinator.modules.stations.models import Station, StationConfig
from coordinator.modules.stations.service import ConfigParams, set_config

VERDICTS_KEPT = 500


def on_response(ctx: Context, event: Event) -> None:
    """``machines.response_changed``: a stop is only asked of an agent that has its wired output."""

    def change(driver: dict[str, Any]) -> bool:
        wanted = event.payload["response"]
        if wanted == "request_stop" and not driver.get("stop_output"):
            return False
        if wanted == "request_stop":
            driver["stop_output"]["commissioning_record"] = event.payload["commissioning_record"]
        driver["collision_response"] = wanted
        return True

    _change(ctx, event.payload["machine_code"], change)


def on_model(ctx: Context, event: Event) -> None:
    """``machines.model_approved``."""

    def change(driver: dict[str, Any]) -> bool:
        driver["anomaly"] = {**(driver.get("anomaly") or {}), "approved": event.payload["version"]}
        return True

    _change(ctx, event.payload["machine_code"], change)


def on_verdict(ctx: Context, event: Event) -> None:
    """``machines.anomaly_judged``: the next training knows what a person said of the cycle."""

    def change(driver: dict[str, Any]) -> bool:
        anomaly = dict(driver.get("anomaly") or {})
        known = {**anomaly.get("verdicts", {}), event.payload["cycle_uid"]: event.payload["is_true"]}
        anomaly["verdicts"] = dict(list(known.items())[-VERDICTS_KEPT:])
        driver["anomaly"] = anomaly
        return True

    _change(ctx, event.payload["machine_code"], change)


def _change(ctx: Context, machine_code: str, change: Callable[[dict[str, Any]], bool]) -> None:
    """Configuration of each station with a driver of the machine, changed and signed anew."""
    latest = (
        select(StationConfig)
        .distinct(StationConfig.station_id)
        .order_by(StationConfig.station_id, StationConfig.version_no.desc())
    )
    for row in list(ctx.session.scalars(latest)):
        config = copy.deepcopy(row.config)
        drivers = config.get("drivers")
        mine = [
            d
            for d in (drivers.values() if isinstance(drivers, dict) else ())
            if isinstance(d, dict) and str(d.get("machine_code", "")).lower() == machine_code.lower()
        ]
        if not mine:
            continue
        station = ctx.get(Station, row.station_id)
        if not all(change(driver) for driver in mine):
            words = t("station.no_stop_output", ctx.locale, station=station.name, machine=machine_code)
            tasks.notify(ctx, "alarm", "station_config", words, station, role="admin")
        elif config != row.config:
            set_config(ctx, station, ConfigParams(config=config))
