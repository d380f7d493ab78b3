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
from coordinator.modules.machines.models import TelemetryChannel
from coordinator.modules.machines.rules import BAD, FUTURE_TOLERANCE, GOOD, UNCERTAIN

_REPRESENTABLE_MS = 9.0e14
"""Beyond it an instant fits neither Python's nor PostgreSQL's calendar."""
MAX_POINTS = 5000
CACHE_S = 60.0
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
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_COPY_HEADER)
        copy.write(_binary_rows(samples))
        copy.write(_COPY_TRAILER)
    return len(samples.channel)


_COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
_ROW = np.dtype(
    [("n", ">i2"), ("l1", ">i4"), ("channel", ">i8"), ("l2", ">i4"), ("at", ">i8"), ("l3", ">i4"), ("value", ">f8"),
     ("l4", ">i4"), ("quality", ">i2")]
)  # fmt: skip
_POSTGRES_EPOCH_US = 946_684_800_000_000


def _binary_rows(samples: Samples) -> bytes:
    """Rows in PostgreSQL's binary COPY format, laid out by numpy: writing them one by one would cost more than
    storing them. A missing value is a NULL: a length of −1 and no bytes.
    """
    rows = np.zeros(len(samples.channel), dtype=_ROW)
    rows["n"], rows["l1"], rows["l2"], rows["l3"], rows["l4"] = 4, 8, 8, 8, 2
    rows["channel"], rows["at"] = samples.channel, samples.at_us - _POSTGRES_EPOCH_US
    rows["value"], rows["quality"] = samples.value, samples.quality
    if not samples.is_null.any():
        return rows.tobytes()
    rows["l3"][samples.is_null] = -1
    start, end = _ROW.fields["value"][1], _ROW.fields["l4"][1]  # type: ignore[index]
    parts = (r.tobytes() for r in rows)
    return b"".join(
        p[:start] + p[end:] if null else p for p, null in zip(parts, samples.is_null, strict=True)
    )


def ensure_partitions(connection: psycopg.Connection[Any], first: dt.datetime, last: dt.datetime) -> int:
    """Make the day partitions from ``first`` to ``last``; nothing to do on a hypertable. Returns how many."""
    row = connection.execute(
        "SELECT ensure_telemetry_partitions(%s, %s)",
        (first.astimezone(dt.UTC).date(), last.astimezone(dt.UTC).date()),
    ).fetchone()
    return int(row[0]) if row else 0


def write_batches(connection: psycopg.Connection[Any], batches: Sequence[tuple[Any, dt.datetime]]) -> int:
    """Store ``telemetry.batch`` payloads with their time of receipt, in the caller's transaction.

    Absurd samples are kept with quality bad (MCH-47); one dated in the future gets its time of receipt, since its
    own says nothing. Samples of unknown machines are dropped and logged once. Returns how many were stored.
    """
    wanted = {(b.machine_code, code): c.unit for b, _ in batches for code, c in b.channels.items()}
    channels = _cache.resolve(connection, wanted)
    found = [
        _samples(channel, series, received_at)
        for batch, received_at in batches
        for code, series in batch.channels.items()
        if series.t and (channel := channels.get((batch.machine_code, code))) is not None
    ]
    if not found:
        return 0
    samples = Samples(*(np.concatenate(columns) for columns in zip(*found, strict=True)))
    newest = max(received_at for _, received_at in batches)
    # Older samples go to the default partition: a wrong clock must not make a partition per imagined day.
    recent = samples.at_us[samples.at_us >= _us(newest - _PARTITIONED_DAYS)]
    oldest = _EPOCH + dt.timedelta(microseconds=int(recent.min())) if recent.size else newest
    ensure_partitions(connection, min(oldest, newest), newest + dt.timedelta(minutes=2))
    return copy_samples(connection, samples)


def _samples(channel: Channel, series: Any, received_at: dt.datetime) -> Samples:
    """Columns of one series; the rules are those of ``rules.sample_quality``, on arrays."""
    at_ms = np.array(series.t, dtype=np.float64)
    value = np.array([np.nan if v is None else v for v in series.v], dtype=np.float64)
    is_null = np.array([v is None for v in series.v], dtype=bool)
    quality = np.array(series.q, dtype=np.int64) if series.q else np.zeros(len(at_ms), dtype=np.int64)
    limit_us = _us(received_at + FUTURE_TOLERANCE)
    is_possible = np.abs(at_ms) < _REPRESENTABLE_MS
    at_us = np.where(is_possible, at_ms, 0.0).astype(np.int64) * 1000
    is_future = ~is_possible | (at_us > limit_us)
    low = -np.inf if channel.minimum is None else channel.minimum
    high = np.inf if channel.maximum is None else channel.maximum
    with np.errstate(invalid="ignore"):
        is_absurd = ~is_null & ~(np.isfinite(value) & (value >= low) & (value <= high))
    quality = np.where((quality != GOOD) & (quality != UNCERTAIN), BAD, quality)
    quality = np.where(is_null, np.maximum(quality, UNCERTAIN), quality)
    quality = np.where(is_absurd | is_future, BAD, quality)
    at_us = np.where(~is_possible, _us(received_at), np.minimum(at_us, limit_us))
    return Samples(np.full(len(at_ms), channel.id, dtype=np.int64), at_us, value, quality, is_null)


def _us(instant: dt.datetime) -> int:
    return (instant - _EPOCH) // dt.timedelta(microseconds=1)


def chart(
    ctx: Context, channel: TelemetryChannel, start: dt.datetime, end: dt.datetime, bucket: dt.timedelta
) -> list[dict[str, Any]]:
    """Mean, least, greatest and number of usable values per bucket; bad samples are left out.

    Raises:
        BusinessError: ``telemetry.range`` for an empty range or more than 5000 points.
    """
    if end <= start or bucket <= dt.timedelta(0) or (end - start) / bucket > MAX_POINTS:
        raise BusinessError("telemetry.range", limit=MAX_POINTS)
    rows = ctx.session.execute(
        text(
            "SELECT date_bin(:bucket, sampled_at, :start) AS at, avg(value) AS mean, min(value) AS least,"
            " max(value) AS greatest, count(*) AS samples FROM telemetry_sample"
            " WHERE telemetry_channel_id = :channel AND sampled_at >= :start AND sampled_at < :end"
            " AND quality < 2 AND value IS NOT NULL GROUP BY 1 ORDER BY 1"
        ),
        {"bucket": bucket, "start": start, "end": end, "channel": channel.id},
    )
    return [
        {"at": row.at, "mean": row.mean, "min": row.least, "max": row.greatest, "samples": row.samples}
        for row in rows
    ]


def latest_values(ctx: Context, machine_id: int) -> list[dict[str, Any]]:
    """Last sample of each channel of a machine within a day."""
    rows = ctx.session.execute(
        text(
            "SELECT c.code, c.name, c.unit, s.sampled_at, s.value, s.quality FROM telemetry_channel c"
            " CROSS JOIN LATERAL (SELECT sampled_at, value, quality FROM telemetry_sample"
            "  WHERE telemetry_channel_id = c.id AND sampled_at > :since ORDER BY sampled_at DESC LIMIT 1) s"
            " WHERE c.machine_id = :machine AND c.archived_at IS NULL ORDER BY c.code"
        ),
        {"machine": machine_id, "since": ctx.now - dt.timedelta(days=1)},
    )
    return [dict(row) for row in rows.mappings()]


def maintain(ctx: Context) -> None:
    """Make the partitions of the coming week and drop raw samples past the longest retention."""
    ctx.session.execute(
        text("SELECT ensure_telemetry_partitions(:first, :last)"),
        {"first": ctx.now.date(), "last": ctx.now.date() + dt.timedelta(days=7)},
    )
    longest = ctx.session.scalar(text("SELECT max(raw_retention_days) FROM telemetry_channel"))
    if longest is not None:
        limit_day = ctx.now.date() - dt.timedelta(days=int(longest))
        ctx.session.execute(text("SELECT drop_telemetry_before(:day)"), {"day": limit_day})
