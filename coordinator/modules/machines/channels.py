"""Which channel a signal belongs to, and in which unit it is kept: one channel holds values of one unit only.

A station may tell another unit from one message to the next (a changed configuration, another control). A unit of the
same dimension is converted into the channel's; any other begins a new version of the channel. Both are noted and told.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg

from edge_agents.protocol.units import Conversion, conversion

CACHE_S = 60.0
DEFAULT_MAX_CHANNELS = 400
"""Channels of one machine in use; a control with eight axes has about eighty."""
MAX_CODE = 80
_SAME = Conversion(1.0)

Key = tuple[str, str, str]
"""Machine code, signal and unit as the station tells them."""


@dataclass(frozen=True)
class Channel:
    """A channel as the ingest needs it."""

    id: int
    minimum: float | None
    maximum: float | None


class Target(NamedTuple):
    """Where values of a key go, and how they are converted."""

    channel: Channel
    machine_id: int
    unit: str
    conversion: Conversion = _SAME
    replaces: int | None = None
    """Channel this one is a new version of, when it has just been made."""


@dataclass
class Resolved:
    """What became of the wanted keys."""

    targets: dict[Key, Target] = field(default_factory=dict)
    fresh: set[Key] = field(default_factory=set)
    """Those looked up now and not from memory: changes of unit are noted for them."""
    unknown: set[str] = field(default_factory=set)
    """Machine codes that no machine in use has."""
    beyond: dict[Key, tuple[int, int]] = field(default_factory=dict)
    """Refused for the limit: machine id and limit."""


@dataclass
class _Known:
    """One version of a signal in the database."""

    channel: Channel
    unit: str
    is_empty: bool


class ChannelCache:
    """Targets by key. What is made in a transaction is remembered only once it was read back after the commit."""

    def __init__(self) -> None:
        self._targets: dict[Key, Target] = {}
        self._read_at = -CACHE_S
        self._lock = threading.Lock()

    def resolve(self, connection: psycopg.Connection[Any], wanted: Collection[Key]) -> Resolved:
        """Targets of the wanted keys; missing channels are made where the machine is known and has room."""
        with self._lock:
            if time.monotonic() - self._read_at > CACHE_S:
                self._targets, self._read_at = {}, time.monotonic()
            known = self._targets
        result = Resolved({key: known[key] for key in wanted if key in known})
        missing = [key for key in wanted if key not in known]
        if missing:
            found = _look_up(connection, missing, result)
            with self._lock:
                self._targets |= found
        return result


def _look_up(
    connection: psycopg.Connection[Any], missing: Sequence[Key], result: Resolved
) -> dict[Key, Target]:
    """Answer the missing keys into ``result``; returns those that were in the database before."""
    machines = machines_of(connection, {key[0] for key in missing})
    result.unknown = {key[0] for key in missing} - machines.keys()
    wanted = [key for key in missing if key[0] in machines]
    if not wanted:
        return {}
    result.fresh = set(wanted)
    versions, _ = _read(connection, set(machines.values()))
    found = {}
    to_make = []
    for key in wanted:
        target = _choose(versions[machines[key[0]], key[1]], machines[key[0]], key[2])
        if target is None:
            to_make.append(key)
        else:
            found[key] = target
    result.targets |= found
    if to_make:
        _make(connection, to_make, machines, result)
    return found


def machines_of(connection: psycopg.Connection[Any], codes: Collection[str]) -> dict[str, int]:
    """Machine in use by code, whatever the case, or the one a person assigned an unknown code to."""
    rows = connection.execute(
        "SELECT w.code, m.id, m.code = w.code AS is_exact, 1 AS rank FROM unnest(%(codes)s::text[]) AS w (code)"
        " JOIN machine m ON lower(m.code) = lower(btrim(w.code)) AND m.archived_at IS NULL"
        " UNION ALL SELECT u.machine_code, m.id, FALSE, 0 FROM unknown_machine u JOIN machine m ON m.id = u.machine_id"
        " WHERE u.machine_code = ANY (%(codes)s) AND u.status = 'assigned' AND m.archived_at IS NULL"
        " ORDER BY rank, is_exact",
        {"codes": list(codes)},
    )
    return {code: machine_id for code, machine_id, _, _ in rows}


def _read(
    connection: psycopg.Connection[Any], machine_ids: Collection[int]
) -> tuple[dict[tuple[int, str], list[_Known]], dict[int, set[str]]]:
    """Versions of each signal from first to last, and all codes in use, by machine."""
    rows = connection.execute(
        "SELECT c.machine_id, c.code, coalesce(c.source_code, c.code), c.id, c.min_physical::float8,"
        " c.max_physical::float8, coalesce(c.unit, ''), l.telemetry_channel_id IS NULL FROM telemetry_channel c"
        " LEFT JOIN telemetry_last l ON l.telemetry_channel_id = c.id WHERE c.machine_id = ANY (%s)"
        " ORDER BY c.version_no, c.id",
        (list(machine_ids),),
    )
    versions: dict[tuple[int, str], list[_Known]] = defaultdict(list)
    codes: dict[int, set[str]] = defaultdict(set)
    for machine_id, code, source, channel_id, low, high, unit, is_empty in rows:
        versions[machine_id, source].append(_Known(Channel(channel_id, low, high), unit, is_empty))
        codes[machine_id].add(code)
    return versions, codes


def _choose(versions: Sequence[_Known], machine_id: int, unit: str) -> Target | None:
    """The version of the same unit, else the newest whose unit converts."""
    for version in reversed(versions):
        how = conversion(unit, version.unit)
        if how is not None and how.is_identity:
            return Target(version.channel, machine_id, version.unit)
    for version in reversed(versions):
        how = conversion(unit, version.unit)
        if how is not None:
            return Target(version.channel, machine_id, version.unit, how)
    return None


def _make(
    connection: psycopg.Connection[Any], wanted: Sequence[Key], machines: dict[str, int], result: Resolved
) -> None:
    """Make channels, under a lock of the machine: another process may be about to make the same."""
    ids = sorted({machines[key[0]] for key in wanted})
    for machine_id in ids:
        connection.execute(
            "SELECT pg_advisory_xact_lock(hashtext('telemetry_channel'), %s::integer)", (machine_id,)
        )
    versions, codes = _read(connection, ids)
    room = _room(connection, ids)
    for key in wanted:
        machine_id, signal, unit = machines[key[0]], key[1], key[2]
        known = versions[machine_id, signal]
        target = _choose(known, machine_id, unit)
        if target is None and known and known[-1].is_empty and not known[-1].unit:
            # Declared by a person without a unit, and nothing came yet: the first unit told is the channel's.
            connection.execute(
                "UPDATE telemetry_channel SET unit = %s WHERE id = %s", (unit, known[-1].channel.id)
            )
            known[-1].unit = unit
            target = Target(known[-1].channel, machine_id, unit)
        elif target is None:
            left, limit = room[machine_id]
            if left <= 0:
                result.beyond[key] = (machine_id, limit)
                continue
            room[machine_id] = (left - 1, limit)
            target = _insert(connection, machine_id, signal, unit, known, codes[machine_id])
        result.targets[key] = target


def _insert(
    connection: psycopg.Connection[Any],
    machine_id: int,
    signal: str,
    unit: str,
    known: list[_Known],
    codes: set[str],
) -> Target:
    number, code = len(known) + 1, signal
    while code in codes:
        number = number + 1 if code != signal else max(number, 2)
        ending = f".v{number}"
        code = signal[: MAX_CODE - len(ending)] + ending
    row = connection.execute(
        "INSERT INTO telemetry_channel (machine_id, code, source_code, version_no, unit, raw_retention_days, row_version)"
        " VALUES (%s, %s, %s, %s, %s, 90, 1) RETURNING id",
        (machine_id, code, signal, number, unit),
    ).fetchone()
    assert row is not None  # noqa: S101 — RETURNING of one inserted row
    codes.add(code)
    channel = Channel(row[0], None, None)
    replaces = known[-1].channel.id if known else None
    known.append(_Known(channel, unit, is_empty=True))
    return Target(channel, machine_id, unit, replaces=replaces)


def _room(connection: psycopg.Connection[Any], machine_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Channels that may still be made, and the limit, by machine. Archived channels leave their place."""
    rows = connection.execute(
        "SELECT w.id, (SELECT count(*) FROM telemetry_channel c WHERE c.machine_id = w.id AND c.archived_at IS NULL),"
        " coalesce((SELECT (s.value #>> '{}')::integer FROM setting s WHERE s.key = 'machines.max_channels'"
        "  AND s.scope = 'global'), %s) FROM unnest(%s::bigint[]) AS w (id)",
        (DEFAULT_MAX_CHANNELS, list(machine_ids)),
    )
    return {machine_id: (limit - used, limit) for machine_id, used, limit in rows}
