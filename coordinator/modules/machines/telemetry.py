"""Samples in by binary COPY, charts out by ``date_bin``; the same SQL with and without TimescaleDB."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import psycopg
import structlog
from sqlalchemy import text

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import t
from coordinator.modules.machines.models import TelemetryChannel
from coordinator.modules.machines.rules import BAD, FUTURE_TOLERANCE, GOOD, UNCERTAIN
from edge_agents.protocol.columns import columns_of
from edge_agents.protocol.payloads import TelemetryBatch

_REPRESENTABLE_MS = 9.0e14
"""Beyond it an instant fits neither Python's nor PostgreSQL's calendar."""
MAX_POINTS = 5000
CACHE_S = 60.0
ROLL_UP_HOURS = 5000
"""Hours one run of the roll-up makes again; the next run takes the others."""
_HOUR_US = 3_600_000_000
_HOURS_LIMIT = 1 << 24
"""More hours since 1970 than any calendar holds: a channel and an hour fit one number."""
_MINUTE = dt.timedelta(minutes=1)
_HOUR = dt.timedelta(hours=1)
_RAW_RANGE = dt.timedelta(hours=6)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PARTITIONED_DAYS = dt.timedelta(days=100)
_log = structlog.get_logger(__name__)


class Samples(NamedTuple):
    """Columns of samples: channel ids, µs since 1970 UTC, values, qualities (0 good, 1 uncertain, 2 bad), missing values."""

    channel: Any
    at_us: Any
    value: Any
    quality: Any
    is_null: Any


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


def copy_samples(connection: psycopg.Connection[Any], samples: Samples) -> int:
    """Write samples by binary COPY in the caller's transaction. Partitions must be there. Returns how many."""
    statement = (
        "COPY telemetry_sample (telemetry_channel_id, sampled_at, value, quality) FROM STDIN (FORMAT BINARY)"
    )
    count = len(samples.channel)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_COPY_HEADER)
        # The database stores one piece while the next is laid out.
        for start in range(0, count, _PIECE):
            copy.write(_binary_rows(Samples(*(column[start : start + _PIECE] for column in samples))))
        copy.write(_COPY_TRAILER)
    return count


_PIECE = 32_768
_COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
_ROW = np.dtype(
    [("n", ">i2"), ("l1", ">i4"), ("channel", ">i8"), ("l2", ">i4"), ("at", ">i8"), ("l3", ">i4"), ("value", ">f8"),
     ("l4", ">i4"), ("quality", ">i2")]
)  # fmt: skip
_EMPTY_ROW = np.array([(4, 8, 0, 8, 0, 8, 0, 2, 0)], dtype=_ROW)
_POSTGRES_EPOCH_US = 946_684_800_000_000


def _binary_rows(samples: Samples) -> bytes:
    """Rows in PostgreSQL's binary COPY format, laid out by numpy: writing them one by one would cost more than
    storing them. A missing value is a NULL: a length of −1 and no bytes.
    """
    rows = np.repeat(_EMPTY_ROW, len(samples.channel))
    rows["channel"], rows["at"] = samples.channel, samples.at_us - _POSTGRES_EPOCH_US
    rows["value"], rows["quality"] = samples.value, samples.quality
    if not samples.is_null.any():
        return rows.tobytes()
    rows["l3"][samples.is_null] = -1
    start, end = _ROW.fields["value"][1], _ROW.fields["l4"][1]  # type: ignore[index]
    keep = np.ones((len(rows), _ROW.itemsize), dtype=bool)
    keep[samples.is_null, start:end] = False
    return rows.view(np.uint8).reshape(len(rows), _ROW.itemsize)[keep].tobytes()


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
    batches = [(columns_of(b) if isinstance(b, TelemetryBatch) else b, at) for b, at in batches]
    wanted = {(b.machine_code, code): c.unit for b, _ in batches for code, c in b.channels.items()}
    channels = _cache.resolve(connection, wanted)
    found = [
        (channel, series, received_at)
        for batch, received_at in batches
        for code, series in batch.channels.items()
        if len(series.t) and (channel := channels.get((batch.machine_code, code))) is not None
    ]
    if not found:
        return 0
    # Neighbours in the index come together: the batch costs less than its rows one by one.
    found.sort(key=lambda item: item[0].id)
    samples = _samples(found)
    newest = max(received_at for _, received_at in batches)
    # Older samples go to the default partition: a wrong clock must not make a partition per imagined day.
    recent = samples.at_us[samples.at_us >= _us(newest - _PARTITIONED_DAYS)]
    oldest = _EPOCH + dt.timedelta(microseconds=int(recent.min())) if recent.size else newest
    ensure_partitions(connection, min(oldest, newest), newest + dt.timedelta(minutes=2))
    count = copy_samples(connection, samples)
    _mark(connection, samples, newest)
    return count


def _mark(connection: psycopg.Connection[Any], samples: Samples, newest: dt.datetime) -> None:
    """Note the last sample of each channel, and the hours whose aggregates are to be made again."""
    starts = np.flatnonzero(np.diff(samples.channel, prepend=samples.channel[0] - 1))
    parts = np.split(np.arange(len(samples.channel)), starts)[1:]
    lasts = [int(part[np.argmax(samples.at_us[part])]) for part in parts]
    connection.execute(
        "INSERT INTO telemetry_last AS known SELECT c, to_timestamp(t / 1e6), v, q"
        " FROM unnest(%s::bigint[], %s::float8[], %s::float8[], %s::smallint[]) AS new (c, t, v, q)"
        " ON CONFLICT (telemetry_channel_id) DO UPDATE SET sampled_at = excluded.sampled_at, value = excluded.value,"
        " quality = excluded.quality WHERE excluded.sampled_at >= known.sampled_at",
        (
            samples.channel[lasts].tolist(),
            samples.at_us[lasts].astype(np.float64).tolist(),
            [None if samples.is_null[i] else float(samples.value[i]) for i in lasts],
            samples.quality[lasts].tolist(),
        ),
    )
    is_kept = samples.at_us >= _us(newest - _PARTITIONED_DAYS)
    pairs = samples.channel[is_kept] * _HOURS_LIMIT + samples.at_us[is_kept] // _HOUR_US
    # Neighbours mostly share their hour: only the changes are sorted.
    pairs = np.unique(pairs[np.flatnonzero(np.diff(pairs, prepend=-1))])
    connection.execute(
        "INSERT INTO telemetry_dirty SELECT c, to_timestamp(h * 3600.0)"
        " FROM unnest(%s::bigint[], %s::bigint[]) AS new (c, h)",
        ((pairs // _HOURS_LIMIT).tolist(), (pairs % _HOURS_LIMIT).tolist()),
    )


def _samples(found: Sequence[tuple[Channel, Any, dt.datetime]]) -> Samples:
    """Columns of all series at once; the rules are those of ``rules.sample_quality``, on arrays."""
    count = [len(series.t) for _, series, _ in found]
    at_ms = np.concatenate([series.t for _, series, _ in found])
    value = np.concatenate([series.v for _, series, _ in found])
    channel = np.repeat(np.array([c.id for c, _, _ in found], dtype=np.int64), count)
    quality = _told_quality(found, count)
    is_null = np.isnan(value)
    is_absurd = np.isinf(value)
    if any(c.minimum is not None or c.maximum is not None for c, _, _ in found):
        low = np.repeat([-np.inf if c.minimum is None else c.minimum for c, _, _ in found], count)
        high = np.repeat([np.inf if c.maximum is None else c.maximum for c, _, _ in found], count)
        is_absurd |= (value < low) | (value > high)
    limits_ms = [_us(received_at + FUTURE_TOLERANCE) / 1000 for _, _, received_at in found]
    if at_ms.max() <= min(limits_ms) and at_ms.min() > -_REPRESENTABLE_MS:
        at_us = at_ms.astype(np.int64) * 1000
    else:
        received_us = np.repeat([_us(received_at) for _, _, received_at in found], count)
        limit_us = received_us + _us(_EPOCH + FUTURE_TOLERANCE)
        is_possible = (at_ms > -_REPRESENTABLE_MS) & (at_ms < _REPRESENTABLE_MS)
        at_us = np.where(is_possible, at_ms, 0).astype(np.int64) * 1000
        is_absurd |= ~is_possible | (at_us > limit_us)
        at_us = np.where(is_possible, np.minimum(at_us, limit_us), received_us)
    if is_null.any():
        quality[is_null] = np.maximum(quality[is_null], UNCERTAIN)
    quality[is_absurd] = BAD
    return Samples(channel, at_us, value, quality, is_null)


def _told_quality(found: Sequence[tuple[Channel, Any, dt.datetime]], count: Sequence[int]) -> Any:
    """What the sources said; anything but good and uncertain is bad."""
    quality = np.zeros(sum(count), dtype=np.int16)
    for (_, series, _), end in zip(found, np.cumsum(count).tolist(), strict=True):
        if series.q is not None:
            quality[end - len(series.q) : end] = series.q
    quality[(quality != GOOD) & (quality != UNCERTAIN)] = BAD
    return quality


def _us(instant: dt.datetime) -> int:
    return (instant - _EPOCH) // dt.timedelta(microseconds=1)


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
    " max(value) AS greatest, count(*) AS samples FROM telemetry_sample"
    " WHERE telemetry_channel_id = :channel AND sampled_at >= :start AND sampled_at < :end"
    " AND quality < 2 AND value IS NOT NULL GROUP BY 1 ORDER BY 1"
)
_CHART_AGGREGATED = (
    "SELECT date_bin(:bucket, bucket, :start) AS at, sum(total) / sum(samples) AS mean, min(least) AS least,"
    " max(greatest) AS greatest, sum(samples)::bigint AS samples FROM ("
    "SELECT bucket, samples, total, least, greatest FROM {table} WHERE telemetry_channel_id = :channel"
    " AND bucket >= :start AND bucket < :end"
    " AND date_trunc('hour', bucket, 'UTC') <> ALL (CAST(:dirty AS timestamptz[]))"
    " UNION ALL SELECT raw.* FROM unnest(CAST(:dirty AS timestamptz[])) AS dirty (hour) CROSS JOIN LATERAL ("
    "SELECT date_trunc('minute', sampled_at) AS bucket, count(*) AS samples, sum(value) AS total, min(value) AS least,"
    " max(value) AS greatest FROM telemetry_sample WHERE telemetry_channel_id = :channel"
    " AND sampled_at >= greatest(dirty.hour, CAST(:start AS timestamptz))"
    " AND sampled_at < least(dirty.hour + INTERVAL '1 hour', CAST(:end AS timestamptz))"
    " AND quality < 2 AND value IS NOT NULL GROUP BY 1) AS raw) AS parts GROUP BY 1 ORDER BY 1"
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
    """Make the partitions of the coming week, index the finished days, drop what is past its retention (MCH-12)."""
    today = ctx.now.date()
    run = ctx.session.execute
    run(
        text("SELECT ensure_telemetry_partitions(:first, :last)"),
        {"first": today, "last": today + dt.timedelta(days=7)},
    )
    run(text("SELECT index_telemetry_before(:day)"), {"day": today})
    longest = ctx.session.scalar(text("SELECT max(raw_retention_days) FROM telemetry_channel"))
    if longest is not None:
        # What was never counted must be, before its samples go.
        roll_up(ctx)
        run(text("SELECT drop_telemetry_before(:day)"), {"day": today - dt.timedelta(days=int(longest))})
    for table in ("minute", "hour"):
        days = ctx.settings.integer(f"machines.{table}_retention_days")
        run(
            text(f"DELETE FROM telemetry_{table} WHERE bucket < :limit"),  # noqa: S608 — constant names
            {"limit": ctx.now - dt.timedelta(days=days)},
        )
