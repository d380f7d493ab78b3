"""History of health reports: one sample per five minutes, and one at every change of status or version."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, select

from coordinator.kernel.context import Context
from coordinator.modules.stations.models import Station, StationRun
from coordinator.modules.stations.update_models import StationHealthSample
from edge_agents.protocol.control import Health

EVERY = dt.timedelta(minutes=5)


def note(ctx: Context, station_code: str, health: Health) -> None:
    """Keep a report when it tells something new or the last one is five minutes old."""
    found = ctx.session.execute(
        select(Station.id, Station.status).where(Station.code == station_code)
    ).one_or_none()
    if found is None:
        return
    station_id, status = found
    query = select(StationHealthSample).where(StationHealthSample.station_id == station_id)
    last = ctx.session.scalars(query.order_by(StationHealthSample.at.desc()).limit(1)).one_or_none()
    same = last is not None and (last.status, last.software_version, last.config_version) == (
        status, health.versions.software[:40], health.versions.config,
    )  # fmt: skip
    if last is not None and same and ctx.now - last.at < EVERY:
        return
    sample = StationHealthSample(
        station_id=station_id, at=ctx.now, status=status, queue_depth=health.queue_depth,
        oldest_message_age_s=health.oldest_message_age_s, clock_offset_s=health.clock_offset_s,
        temperature_c=health.temperature_c, load=health.load, memory_mb=health.memory_mb,
        disk_free_mb=health.disk_free_mb, is_throttled=health.throttled,
        software_version=health.versions.software[:40], config_version=health.versions.config,
    )  # fmt: skip
    ctx.session.add(sample)


def clean(ctx: Context) -> None:
    """Recurring job: samples and starts past their time go."""
    limit = ctx.now - dt.timedelta(days=ctx.settings.integer("station_health_kept_days"))
    ctx.session.execute(delete(StationRun).where(StationRun.first_seen_at < limit))
    ctx.session.execute(delete(StationHealthSample).where(StationHealthSample.at < limit))
