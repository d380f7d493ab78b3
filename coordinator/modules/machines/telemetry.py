"""Samples in as blocks, charts out by ``date_bin``; the same SQL with and without TimescaleDB."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import psycopg
from sqlalchemy import text

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import t
from coordinator.modules.machines import quarantine, telemetry_notices
from coordinator.modules.machines.blocks import Hours, Samples, copy_blocks, hours_of
from coordinator.modules.machines.channels import Channel, ChannelCache, Key, Resolved, Target
from coordinator.modules.machines.models import TelemetryChannel
from coordinator.modules.machines.rules import BAD, FUTURE_TOLERANCE, GOOD, UNCERTAIN
from edge_agents.protocol.columns import ChannelColumns, TelemetryColumns, columns_of
from edge_agents.protocol.payloads import TelemetryBatch

_LARGEST, _SMALLEST = 1e100, 1e-100
"""No signal is larger; what is smaller is nought. Beyond them sums and means leave the numbers a database can hold."""
_EARLIEST_MS = -6.2e13
"""Before it an instant fits not Python's calendar."""
MAX_POINTS = 5000
ROLL_UP_HOURS = 5000
"""Hours one run of the roll-up makes again; the next run takes the others."""
_DAY_MS = 86_400_000
_MILLISECOND = dt.timedelta(milliseconds=1)
_MINUTE = dt.timedelta(minutes=1)
_HOUR = dt.timedelta(hours=1)
_RAW_RANGE = dt.timedelta(hours=6)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PARTITIONED_DAYS = dt.timedelta(days=100)


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


class Refusal(NamedTuple):
    """Samples of one message that were not kept, and why."""

    reason: str
    is_whole: bool


class Written(NamedTuple):
    """Samples stored, and what was refused, by position of the batch."""

    stored: int
    refused: dict[int, Refusal]
    refused_samples: int = 0


def write_batches(
    connection: psycopg.Connection[Any],
    batches: Sequence[tuple[Any, dt.datetime]],
    stations: Sequence[str | None] = (),
) -> Written:
    """Store ``telemetry.batch`` payloads or columns with their time of receipt, in the caller's transaction.

    Absurd samples are kept with quality bad (MCH-47); one dated in the future gets its time of receipt, since its
    own says nothing. Values told in another unit than their channel's are converted, or get a channel of their own
    (``channels``). Samples of unknown machines wait for a person (``quarantine``). ``stations`` names the senders.
    """
    taken: dict[Key, list[tuple[ChannelColumns, int]]] = defaultdict(list)
    origin: list[TelemetryColumns] = []
    for batch, received_at in batches:
        columns = columns_of(batch) if isinstance(batch, TelemetryBatch) else batch
        origin.append(columns)
        machine_code, limit_ms = columns.machine_code, _ms(received_at + FUTURE_TOLERANCE)
        for code, series in columns.channels.items():
            taken[machine_code, code, series.unit].append((series, limit_ms))
    resolved = _cache.resolve(connection, taken)
    refused, refused_samples = _refuse(connection, resolved, origin, batches, stations)
    found: dict[int, list[tuple[ChannelColumns, int]]] = defaultdict(list)
    channels: dict[int, Channel] = {}
    for key, target in resolved.targets.items():
        parts = [part for part in taken[key] if len(part[0].t)]
        if not parts:
            continue
        if key in resolved.fresh and (target.replaces or not target.conversion.is_identity):
            _note_unit(connection, key, target, parts)
        if not target.conversion.is_identity:
            factor, offset = target.conversion
            parts = [(series._replace(v=series.v * factor + offset), limit_ms) for series, limit_ms in parts]
        channels[target.channel.id] = target.channel
        found[target.channel.id] += parts
    if not found:
        return Written(0, refused, refused_samples)
    samples = _samples(found, channels).ordered()
    hours = hours_of(samples)
    newest = max(received_at for _, received_at in batches)
    # Older samples go to the default partition: a wrong clock must not make a partition per imagined day.
    recent = hours.hour[hours.hour >= _oldest_hour(newest)]
    oldest = _EPOCH + int(recent.min()) * _HOUR if recent.size else newest
    ensure_partitions(connection, min(oldest, newest), newest + dt.timedelta(minutes=2))
    copy_blocks(connection, samples, hours)
    _mark(connection, samples, hours, newest)
    return Written(len(samples.channel), refused, refused_samples)


def _note_unit(
    connection: psycopg.Connection[Any], key: Key, target: Target, parts: Sequence[tuple[ChannelColumns, int]]
) -> None:
    latest_ms = max(limit_ms for _, limit_ms in parts)
    first = min(max(int(series.t.min()), 0) for series, _ in parts)
    last = max(int(series.t.max()) for series, _ in parts)
    start, end = (_EPOCH + min(ms, latest_ms) * _MILLISECOND for ms in (first, max(last, 0)))
    telemetry_notices.note_unit(connection, target, key[1], key[2], start, end)


def _refuse(
    connection: psycopg.Connection[Any],
    resolved: Resolved,
    origin: Sequence[TelemetryColumns],
    batches: Sequence[tuple[Any, dt.datetime]],
    stations: Sequence[str | None],
) -> tuple[dict[int, Refusal], int]:
    """Put messages of unknown machines aside, count samples beyond the limit of channels; why, by position."""
    refused: dict[int, Refusal] = {}
    total = 0
    if not resolved.unknown and not resolved.beyond:
        return refused, total
    waiting: dict[str, list[int]] = defaultdict(list)
    for place, columns in enumerate(origin):
        if columns.machine_code in resolved.unknown and columns.channels:
            waiting[columns.machine_code].append(place)
        over = [
            (resolved.beyond[columns.machine_code, code, series.unit], code, len(series.t))
            for code, series in columns.channels.items()
            if (columns.machine_code, code, series.unit) in resolved.beyond
        ]
        if over:
            (machine_id, limit), last, _ = over[-1]
            count = sum(number for _, _, number in over)
            total += count
            reason = f"channels.limit: {len(over)} voies refusées ({last}), {limit} au plus par machine."
            refused[place] = Refusal(reason, len(over) == len(columns.channels))
            telemetry_notices.note_refusal(
                connection, "channels_full", machine_id, last, count, batches[place][1]
            )
    for code, places in sorted(waiting.items()):
        messages = [
            (origin[place], batches[place][1], stations[place] if stations else None) for place in places
        ]
        why = quarantine.hold(connection, code, messages)
        if why in {"codes", "bytes"}:
            count = sum(len(series.t) for columns, _, _ in messages for series in columns.channels.values())
            telemetry_notices.note_refusal(connection, "quarantine_full", None, code, count, messages[-1][1])
            reason = (
                f"machine.unknown: la machine {code[:60]!r} n'est pas dans le parc, et la réserve est pleine."
            )
            refused |= {place: Refusal(reason, is_whole=True) for place in places}
    return refused, total


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
            "SELECT c.id, c.code, c.source_code, c.version_no, c.name, c.unit, s.sampled_at, s.value, s.quality FROM telemetry_channel c"
            " JOIN telemetry_last s ON s.telemetry_channel_id = c.id"
            " WHERE c.machine_id = :machine AND c.archived_at IS NULL AND s.sampled_at > :since ORDER BY c.code"
        ),
        {"machine": machine_id, "since": ctx.now - dt.timedelta(days=1)},
    )
    noted = telemetry_notices.channels_with_notice(ctx, machine_id)
    return [
        {
            **{name: row[name] for name in ("code", "unit", "sampled_at", "value", "quality")},
            "name": name_of(
                row["source_code"] or row["code"], row["name"], row["version_no"], row["unit"], ctx.locale
            ),
            "unit_changed": row["id"] in noted,
        }
        for row in rows.mappings()
    ]


def signal_name(code: str, name: str | None, locale: str) -> str:
    """Name of a channel as people call it: the one given, else the usual word for the code."""
    key = f"telemetry.signal.{code}"
    words = t(key, locale)
    return name or (code if words == key else words[:1].upper() + words[1:])


def name_of(code: str, name: str | None, version_no: int, unit: str | None, locale: str) -> str:
    """Name of a channel; a later version of its signal is told apart by its unit."""
    words = signal_name(code, name, locale)
    return words if name or version_no == 1 else f"{words} ({unit or t('telemetry.no_unit', locale)})"


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
