"""Samples in as blocks, charts out by ``date_bin``; the same SQL with and without TimescaleDB."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
import structlog
from sqlalchemy import text

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import t
from coordinator.modules.machines.blocks import Hours, Samples, copy_blocks, hours_of
from coordinator.modules.machines.models import TelemetryChannel
from coordinator.modules.machines.rules import BAD, FUTURE_TOLERANCE, GOOD, UNCERTAIN
from edge_agents.protocol.columns import ChannelColumns, columns_of
from edge_agents.protocol.payloads import TelemetryBatch

_LARGEST, _SMALLEST = 1e100, 1e-100
"""No signal is larger; what is smaller is nought. Beyond them sums and means leave the numbers a database can hold."""
_EARLIEST_MS = -6.2e13
"""Before it an instant fits not Python's calendar."""
MAX_POINTS = 5000
CACHE_S = 60.0
ROLL_UP_HOURS = 5000
"""Hours one run of the roll-up makes again; the next run takes the others."""
_DAY_MS = 86_400_000
_MILLISECOND = dt.timedelta(milliseconds=1)
_MINUTE = dt.timedelta(minutes=1)
_HOUR = dt.timedelta(hours=1)
_RAW_RANGE = dt.timedelta(hours=6)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PARTITIONED_DAYS = dt.timedelta(days=100)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Channel:
    """A channel as the ingest needs it."""

    id: int
    minimum: float | None
    maximum: float | None


class ChannelCache:
    """Channels by (machine code, channel code). Entries made in a transaction are cached only once committed."""

    def __init__(self) -> None:
        self._channels: dict[tuple[str, str], Channel] = {}
        self._read_at = -CACHE_S
        self._unknown: set[str] = set()
        self._lock = threading.Lock()

    def resolve(
        self, connection: psycopg.Connection[Any], wanted: Mapping[tuple[str, str], str | None]
    ) -> dict[tuple[str, str], Channel]:
        """Channels of the wanted keys (value: unit); missing ones are created where the machine is known."""
        with self._lock:
            if time.monotonic() - self._read_at > CACHE_S or any(k not in self._channels for k in wanted):
                self._channels = _read_channels(connection)
                self._read_at = time.monotonic()
            found = {k: self._channels[k] for k in wanted if k in self._channels}
        missing = {k: unit for k, unit in wanted.items() if k not in found}
        if missing:
            found |= self._create(connection, missing)
        return found

    def _create(
        self, connection: psycopg.Connection[Any], missing: Mapping[tuple[str, str], str | None]
    ) -> dict[tuple[str, str], Channel]:
        made = {}
        for (machine_code, code), unit in missing.items():
            row = connection.execute(
                "INSERT INTO telemetry_channel (machine_id, code, unit, raw_retention_days, row_version)"
                " SELECT id, %s, %s, 90, 1 FROM machine WHERE code = %s"
                " ON CONFLICT (machine_id, code) DO UPDATE SET code = excluded.code RETURNING id",
                (code, unit, machine_code),
            ).fetchone()
            if row is not None:
                made[machine_code, code] = Channel(row[0], None, None)
            elif machine_code not in self._unknown:
                self._unknown.add(machine_code)
                _log.warning("telemetry of an unknown machine is dropped", machine_code=machine_code)
        return made


def _read_channels(connection: psycopg.Connection[Any]) -> dict[tuple[str, str], Channel]:
    rows = connection.execute(
        "SELECT m.code, c.code, c.id, c.min_physical::float8, c.max_physical::float8"
        " FROM telemetry_channel c JOIN machine m ON m.id = c.machine_id"
    )
    return {(m, c): Channel(i, low, high) for m, c, i, low, high in rows}


_cache = ChannelCache()


def forget_channels() -> None:
    """Read channels again at the next batch (another database, changed ranges)."""
    global _cache  # noqa: PLW0603 — one cache per process
    _cache = ChannelCache()


def ensure_partitions(connection: psycopg.Connection[Any], first: dt.datetime, last: dt.datetime) -> int:
    """Make the day partitions from ``first`` to ``last``; nothing to do on a hypertable. Returns how many."""
    row = connection.execute(
        "SELECT ensure_telemetry_partitions(%s, %s)",
        (first.astimezone(dt.UTC).date(), last.astimezone(dt.UTC).date()),
    ).fetchone()
    return int(row[0]) if row else 0


def write_batches(connection: psycopg.Connection[Any], batches: Sequence[tuple[Any, dt.datetime]]) -> int:
    """Store ``telemetry.batch`` payloads or columns with their time of receipt, in the caller's transaction.

    Absurd samples are kept with quality bad (MCH-47); one dated in the future gets its time of receipt, since its
    own says nothing. Samples of unknown machines are dropped and logged once. Returns how many were stored.
    """
    taken: dict[tuple[str, str], list[tuple[ChannelColumns, int]]] = defaultdict(list)
    for batch, received_at in batches:
        columns = columns_of(batch) if isinstance(batch, TelemetryBatch) else batch
        machine_code, limit_ms = columns.machine_code, _ms(received_at + FUTURE_TOLERANCE)
        for code, series in columns.channels.items():
            taken[machine_code, code].append((series, limit_ms))
    channels = _cache.resolve(connection, {key: parts[-1][0].unit for key, parts in taken.items()})
    found = {
        channels[key].id: [part for part in parts if len(part[0].t)]
        for key, parts in taken.items()
        if key in channels
    }
    found = {channel: parts for channel, parts in found.items() if parts}
    if not found:
        return 0
    samples = _samples(found, {channel.id: channel for channel in channels.values()}).ordered()
    hours = hours_of(samples)
    newest = max(received_at for _, received_at in batches)
    # Older samples go to the default partition: a wrong clock must not make a partition per imagined day.
    recent = hours.hour[hours.hour >= _oldest_hour(newest)]
    oldest = _EPOCH + int(recent.min()) * _HOUR if recent.size else newest
    ensure_partitions(connection, min(oldest, newest), newest + dt.timedelta(minutes=2))
    copy_blocks(connection, samples, hours)
    _mark(connection, samples, hours, newest)
    return len(samples.channel)


def _oldest_hour(newest: dt.datetime) -> int:
    """Where the oldest day with a partition of its own begins, in hours since 1970.

    No day is shared with the default partition: a partition cannot be made for a day of which that holds samples.
    """
    return _ms(newest - _PARTITIONED_DAYS) // _DAY_MS * 24


def _mark(connection: psycopg.Connection[Any], samples: Samples, hours: Hours, newest: dt.datetime) -> None:
    """Note the last sample of each channel, and the hours whose aggregates are to be made again."""
    is_last = np.diff(samples.channel, append=samples.channel[-1] + 1) != 0
    last = Samples(*(column[is_last] for column in samples))
    connection.execute(
        "INSERT INTO telemetry_last AS known SELECT c, to_timestamp(t / 1e3), v, q"
        " FROM unnest(%s::bigint[], %s::float8[], %s::float8[], %s::smallint[]) AS new (c, t, v, q)"
        " ON CONFLICT (telemetry_channel_id) DO UPDATE SET sampled_at = excluded.sampled_at, value = excluded.value,"
        " quality = excluded.quality WHERE excluded.sampled_at >= known.sampled_at",
        (
            last.channel.tolist(),
            last.at_ms.astype(np.float64).tolist(),
            [None if np.isnan(value) else value for value in last.value.tolist()],
            last.quality.tolist(),
        ),
    )
    is_kept = hours.hour >= _oldest_hour(newest)
    connection.execute(
        "INSERT INTO telemetry_dirty SELECT c, to_timestamp(h * 3600.0)"
        " FROM unnest(%s::bigint[], %s::bigint[]) AS new (c, h)",
        (hours.channel[is_kept].tolist(), hours.hour[is_kept].tolist()),
    )


def _samples(
    found: Mapping[int, Sequence[tuple[ChannelColumns, int]]], channels: Mapping[int, Channel]
) -> Samples:
    """Columns of all series at once, by channel, from (series, latest possible ms), with the quality they deserve (MCH-47)."""
    # Neighbours in the index come together, and share blocks.
    ids = sorted(found)
    series, limits = zip(*(item for channel in ids for item in found[channel]), strict=True)
    count = np.array([len(one.t) for one in series])
    # Thousands of short columns: joined as bytes they cost a third of what ``concatenate`` asks.
    at_ms = np.frombuffer(b"".join([one.t for one in series]), dtype=np.int64)
    value = np.frombuffer(b"".join([one.v for one in series]), dtype=np.float64)
    totals = np.add.reduceat(count, np.cumsum([0, *(len(found[channel]) for channel in ids[:-1])]))
    quality = _told_quality(series, count)
    is_null = np.isnan(value)
    magnitude = np.abs(value)
    is_absurd = magnitude > _LARGEST
    is_nought = magnitude < _SMALLEST
    if is_nought.any():
        value = np.where(is_nought, 0.0, value)
    if any(channels[i].minimum is not None or channels[i].maximum is not None for i in ids):
        lows, highs = (channels[i].minimum for i in ids), (channels[i].maximum for i in ids)
        is_absurd |= value < np.repeat([-np.inf if low is None else low for low in lows], totals)
        is_absurd |= value > np.repeat([np.inf if high is None else high for high in highs], totals)
    if at_ms.max() > min(limits) or at_ms.min() <= _EARLIEST_MS:
        limit_ms = np.repeat(limits, count)
        is_possible = (at_ms > _EARLIEST_MS) & (at_ms <= limit_ms)
        is_absurd |= ~is_possible
        at_ms = np.where(is_possible, at_ms, limit_ms - FUTURE_TOLERANCE // _MILLISECOND)
    if is_null.any():
        quality[is_null] = np.maximum(quality[is_null], UNCERTAIN)
    quality[is_absurd] = BAD
    return Samples(np.repeat(np.array(ids, dtype=np.int64), totals), at_ms, value, quality)


def _told_quality(series: Sequence[ChannelColumns], count: Any) -> Any:
    """What the sources said; anything but good and uncertain is bad."""
    quality = np.zeros(count.sum(), dtype=np.int16)
    told = [i for i, one in enumerate(series) if one.q is not None]
    if told:
        ends = np.cumsum(count)
        for i in told:
            quality[ends[i] - count[i] : ends[i]] = series[i].q
        quality[(quality != GOOD) & (quality != UNCERTAIN)] = BAD
    return quality


def _ms(instant: dt.datetime) -> int:
    return (instant - _EPOCH) // _MILLISECOND


def chart(
    ctx: Context, channel: TelemetryChannel, start: dt.datetime, end: dt.datetime, bucket: dt.timedelta
) -> list[dict[str, Any]]:
    """Mean, least, greatest and number of usable values per bucket; bad samples are left out.

    Whole minutes and hours come from their aggregates, except hours that have got samples since: those, and buckets
    below a minute, are counted from the raw samples. A long chart begins with the whole minute of ``start``.

    Raises:
        BusinessError: ``telemetry.range`` for an empty range or more than 5000 points.
    """
    if end <= start or bucket <= dt.timedelta(0) or (end - start) / bucket > MAX_POINTS:
        raise BusinessError("telemetry.range", limit=MAX_POINTS)
    wanted: dict[str, Any] = {"bucket": bucket, "start": start, "end": end, "channel": channel.id}
    is_short = end - start <= _RAW_RANGE and (start.second or start.microsecond)
    if bucket % _MINUTE or is_short:
        return [_point(row) for row in ctx.session.execute(text(_CHART_RAW), wanted)]
    wanted["start"] = start = start.replace(second=0, microsecond=0)
    is_hourly = not bucket % _HOUR and start.minute == 0
    dirty = ctx.session.scalars(
        text(
            "SELECT DISTINCT hour FROM telemetry_dirty WHERE telemetry_channel_id = :channel"
            " AND hour > CAST(:start AS timestamptz) - INTERVAL '1 hour' AND hour < :end"
        ),
        wanted,
    )
    statement = _CHART_AGGREGATED.format(table="telemetry_hour" if is_hourly else "telemetry_minute")
    return [_point(row) for row in ctx.session.execute(text(statement), wanted | {"dirty": list(dirty)})]


_CHART_RAW = (
    "SELECT date_bin(:bucket, sampled_at, :start) AS at, avg(value) AS mean, min(value) AS least,"
    " max(value) AS greatest, count(*) AS samples FROM telemetry_samples(ARRAY[CAST(:channel AS bigint)], :start, :end)"
    " WHERE quality < 2 AND value IS NOT NULL GROUP BY 1 ORDER BY 1"
)
_CHART_AGGREGATED = (
    "SELECT date_bin(:bucket, bucket, :start) AS at, sum(total) / sum(samples) AS mean, min(least) AS least,"
    " max(greatest) AS greatest, sum(samples)::bigint AS samples FROM ("
    "SELECT bucket, samples, total, least, greatest FROM {table} WHERE telemetry_channel_id = :channel"
    " AND bucket >= :start AND bucket < :end"
    " AND date_trunc('hour', bucket, 'UTC') <> ALL (CAST(:dirty AS timestamptz[]))"
    " UNION ALL SELECT raw.* FROM unnest(CAST(:dirty AS timestamptz[])) AS dirty (hour) CROSS JOIN LATERAL ("
    "SELECT date_trunc('minute', sampled_at) AS bucket, count(*) AS samples, sum(value) AS total, min(value) AS least,"
    " max(value) AS greatest FROM telemetry_samples(ARRAY[CAST(:channel AS bigint)],"
    " greatest(dirty.hour, CAST(:start AS timestamptz)), least(dirty.hour + INTERVAL '1 hour', CAST(:end AS timestamptz)))"
    " WHERE quality < 2 AND value IS NOT NULL GROUP BY 1) AS raw) AS parts GROUP BY 1 ORDER BY 1"
)


def _point(row: Any) -> dict[str, Any]:
    return {"at": row.at, "mean": row.mean, "min": row.least, "max": row.greatest, "samples": row.samples}


def latest_values(ctx: Context, machine_id: int) -> list[dict[str, Any]]:
    """Last sample of each channel of a machine within a day."""
    rows = ctx.session.execute(
        text(
            "SELECT c.code, c.name, c.unit, s.sampled_at, s.value, s.quality FROM telemetry_channel c"
            " JOIN telemetry_last s ON s.telemetry_channel_id = c.id"
            " WHERE c.machine_id = :machine AND c.archived_at IS NULL AND s.sampled_at > :since ORDER BY c.code"
        ),
        {"machine": machine_id, "since": ctx.now - dt.timedelta(days=1)},
    )
    return [{**row, "name": signal_name(row["code"], row["name"], ctx.locale)} for row in rows.mappings()]


def signal_name(code: str, name: str | None, locale: str) -> str:
    """Name of a channel as people call it: the one given, else the usual word for the code."""
    key = f"telemetry.signal.{code}"
    words = t(key, locale)
    return name or (code if words == key else words[:1].upper() + words[1:])


def roll_up(ctx: Context) -> None:
    """Make the minute and hour aggregates of every hour that has got samples."""
    ctx.session.execute(text("SELECT roll_up_telemetry(:hours)"), {"hours": ROLL_UP_HOURS})


def maintain(ctx: Context) -> None:
    """Make the partitions of the coming week, drop what is past its retention (MCH-12)."""
    today = ctx.now.date()
    run = ctx.session.execute
    run(
        text("SELECT ensure_telemetry_partitions(:first, :last)"),
        {"first": today, "last": today + dt.timedelta(days=7)},
    )
    longest = ctx.session.scalar(text("SELECT max(raw_retention_days) FROM telemetry_channel"))
    if longest is not None:
        # What was never counted must be, before its samples go.
        roll_up(ctx)
        run(text("SELECT drop_telemetry_before(:day)"), {"day": today - dt.timedelta(days=int(longest))})
        run(text(_DROP_SHORTER), {"today": today, "longest": longest})
    for table in ("minute", "hour"):
        days = ctx.settings.integer(f"machines.{table}_retention_days")
        run(
            text(f"DELETE FROM telemetry_{table} WHERE bucket < :limit"),  # noqa: S608 — constant names
            {"limit": ctx.now - dt.timedelta(days=days)},
        )


_DROP_SHORTER = (
    "DELETE FROM telemetry_block b USING telemetry_channel c WHERE c.id = b.telemetry_channel_id"
    " AND c.raw_retention_days < :longest"
    " AND b.first_at < CAST(CAST(:today AS date) - c.raw_retention_days AS timestamp) AT TIME ZONE 'UTC'"
)
