"""Two units with one identity (EDG-54): seen by their starts and serial numbers, held back until a person decides."""

from __future__ import annotations

import uuid

from pydantic import BaseModel
from sqlalchemy import delete, select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.modules.stations.models import Station, StationRun
from edge_agents.protocol.control import Health

_UNKNOWN = {"", "inconnu"}


def look(ctx: Context, station_code: str, health: Health) -> None:
    """Quarantine a station whose earlier start is still alive, or which runs on other hardware than admitted.

    Its facts are still stored and acknowledged, so that neither unit loses any; none is applied before a person lifts
    the quarantine.
    """
    station = ctx.session.scalars(select(Station).where(Station.code == station_code)).one_or_none()
    if station is None or station.is_quarantined:
        return
    serial, admitted = health.hardware_serial or "", station.hardware_serial or ""
    if serial not in _UNKNOWN and admitted not in _UNKNOWN and serial != admitted:
        _quarantine(ctx, station, f"Numéro de série {serial}, alors que {admitted} a été admis.")
    elif health.run_id is not None and _is_back(ctx, station, health.run_id):
        _quarantine(ctx, station, "Deux appareils parlent en même temps sous cette identité.")


def _is_back(ctx: Context, station: Station, run_id: uuid.UUID) -> bool:
    """Whether a start that another one has followed reports again: a process that ended cannot."""
    runs = select(StationRun.run_id).where(StationRun.station_id == station.id)
    if ctx.session.scalar(runs.order_by(StationRun.id.desc()).limit(1)) == run_id:
        return False
    if ctx.session.scalar(runs.where(StationRun.run_id == run_id)) is not None:
        return True
    ctx.session.add(StationRun(station_id=station.id, run_id=run_id, first_seen_at=ctx.now))
    return False


def _quarantine(ctx: Context, station: Station, reason: str) -> None:
    station.is_quarantined, station.quarantine_reason = True, reason
    text = f"{station.name} mise en quarantaine : {reason}"
    tasks.notify(ctx, "critical", "station_quarantine", text, station, role="admin")
    tasks.open_task(ctx, "station_quarantine", text, station, role="admin")


def lift(ctx: Context, station: Station, _params: BaseModel | None = None) -> None:
    """The surplus unit is off or admitted again: what waited is applied in order, the watch begins anew."""
    station.is_quarantined, station.quarantine_reason = False, None
    ctx.session.execute(delete(StationRun).where(StationRun.station_id == station.id))
