"""What the supervision page shows (EDG-39, EDG-40, UPD-30): all stations at once, grouped alerts, history of one."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import select

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.registry import Permission
from coordinator.modules.company.models import Site
from coordinator.modules.stations import installation
from coordinator.modules.stations.models import Station
from coordinator.modules.stations.update_models import StationHealthSample, UpdateInstallation

router = APIRouter(prefix="/stations", tags=["station"])
_READ = Permission("platform", "read")
CLOCK_LIMIT_S = 2.0
QUEUE_AGE_LIMIT_S = 900.0
DISK_LIMIT_MB = 1000.0
TEMPERATURE_LIMIT_C = 80.0
_SAMPLE = ("at", "status", "queue_depth", "oldest_message_age_s", "clock_offset_s", "temperature_c", "load", "memory_mb",
           "disk_free_mb", "is_throttled", "software_version", "config_version")  # fmt: skip


def concerns(
    status: str, health: dict[str, Any] | None, *, is_quarantined: bool = False
) -> list[dict[str, str]]:
    """Codes of what is wrong with a station, drivers by name; pure. Offline stations say nothing else."""
    if is_quarantined:
        return [{"code": "quarantine", "detail": ""}]
    if status == "offline":
        return [{"code": "offline", "detail": ""}]
    values = health or {}
    found = [
        {"code": "driver", "detail": f"{name} : {driver.get('detail') or ''}".rstrip(" :")}
        for name, driver in sorted((values.get("drivers") or {}).items())
        if driver.get("status") == "fault"
    ]
    limits = (
        (
            "clock",
            abs(values.get("clock_offset_s") or 0.0) > CLOCK_LIMIT_S,
            f"{values.get('clock_offset_s')} s",
        ),
        (
            "queue",
            (values.get("oldest_message_age_s") or 0.0) > QUEUE_AGE_LIMIT_S,
            f"{values.get('queue_depth')}",
        ),
        (
            "disk",
            values.get("disk_free_mb", DISK_LIMIT_MB) < DISK_LIMIT_MB,
            f"{values.get('disk_free_mb')} Mo",
        ),
        (
            "heat",
            (values.get("temperature_c") or 0.0) > TEMPERATURE_LIMIT_C,
            f"{values.get('temperature_c')} °C",
        ),
        ("power", values.get("throttled") is True, ""),
    )
    return found + [{"code": code, "detail": detail} for code, wrong, detail in limits if wrong]


def grouped(stations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One alert per site whose stations are all away (a broken line), else one per station and cause; pure."""
    alerts: list[dict[str, Any]] = []
    for site in sorted({s["site"] for s in stations}):
        here = [
            s for s in stations if s["site"] == site and not s["is_in_maintenance"] and not s["is_revoked"]
        ]
        away = [s for s in here if s["status"] == "offline"]
        if len(away) > 1 and len(away) == len(here):
            alerts.append(
                {"site": site, "code": "site_offline", "stations": [s["code"] for s in away], "detail": ""}
            )
            continue
        for one in here:
            alerts += [{"site": site, "stations": [one["code"]], **cause} for cause in one["concerns"]]
    return alerts


@router.get("/supervision", operation_id="station_supervision", openapi_extra=guarded(_READ))
def supervision(ctx: Ctx) -> dict[str, Any]:
    """Every station with its state, clock, queue, versions, running update, and the alerts grouped."""
    ctx.require(_READ)
    unchecked = installation.open_points(ctx)
    rows = [
        _row(ctx, station, site, unchecked.get(station.id, []))
        for station, site in ctx.session.execute(_stations()).all()
    ]
    return {"at": jsonable(ctx.now), "stations": rows, "alerts": grouped(rows)}


def _stations() -> Any:
    query = select(Station, Site.code).join(Site, Site.id == Station.site_id)
    return query.where(Station.archived_at.is_(None)).order_by(Site.code, Station.name)


def _row(ctx: Context, station: Station, site: str, open_points: list[str]) -> dict[str, Any]:
    health = station.health or {}
    open_update = select(UpdateInstallation).where(
        UpdateInstallation.station_id == station.id, UpdateInstallation.status.in_(["planned", "running"])
    )
    update = ctx.session.scalars(open_update.order_by(UpdateInstallation.id.desc()).limit(1)).one_or_none()
    return {
        "id": station.id, "code": station.code, "name": station.name, "kind": station.kind, "site": site,
        "place": station.place, "status": station.status, "is_in_maintenance": station.is_in_maintenance,
        "is_revoked": station.is_revoked, "is_quarantined": station.is_quarantined,
        "quarantine_reason": station.quarantine_reason, "address": station.address,
        "open_points": open_points, "system_updates": health.get("updates"), "last_contact_at": jsonable(station.last_contact_at),
        "certificate_expires_at": jsonable(station.certificate_expires_at),
        "software_version": station.software_version, "config_version": station.config_version,
        "models": (health.get("versions") or {}).get("models") or {},
        "uptime_s": health.get("uptime_s"), "queue_depth": health.get("queue_depth"),
        "oldest_message_age_s": health.get("oldest_message_age_s"), "clock_offset_s": health.get("clock_offset_s"),
        "temperature_c": health.get("temperature_c"), "disk_free_mb": health.get("disk_free_mb"),
        "memory_mb": health.get("memory_mb"), "load": health.get("load"), "link_losses": health.get("link_losses"),
        "drivers": health.get("drivers") or {},
        "update": {"installation_id": update.id, "to_version": update.to_version, "status": update.status,
                   "phase": update.phase, "detail": update.detail} if update else None,
        "concerns": concerns(station.status, station.health, is_quarantined=station.is_quarantined),
    }  # fmt: skip


@router.get(
    "/{station_id}/health-history", operation_id="station_health_history", openapi_extra=guarded(_READ)
)
def health_history(
    ctx: Ctx, station_id: int, hours: Annotated[int, Query(ge=1, le=24 * 90)] = 24
) -> dict[str, Any]:
    """Health samples of one station, oldest first."""
    ctx.require(_READ)
    station = ctx.get(Station, station_id)
    query = select(StationHealthSample).where(
        StationHealthSample.station_id == station.id,
        StationHealthSample.at >= ctx.now - dt.timedelta(hours=hours),
    )
    rows = ctx.session.scalars(query.order_by(StationHealthSample.at))
    return {"station_id": station.id, "items": [{n: jsonable(getattr(r, n)) for n in _SAMPLE} for r in rows]}
