"""Samples of machines the park does not have: kept within bounds until a person assigns or ignores their code (MCH-08, EDG-49)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
from pydantic import BaseModel
from sqlalchemy import select, text

from coordinator.kernel import tasks
from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.errors import Conflict
from coordinator.kernel.i18n import t
from coordinator.kernel.models import Task
from coordinator.modules.machines.models import Machine
from coordinator.modules.machines.telemetry_models import UnknownMachine
from edge_agents.protocol.columns import ChannelColumns, TelemetryColumns

MAX_CODES = 200
MAX_CODE_BYTES = 32_000_000
MAX_TOTAL_BYTES = 256_000_000
"""Compressed; a machine of ten signals a second fills its part in about two weeks."""
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('unknown_machine'))"
ROWS_AT_ONCE = 200


def hold(
    connection: psycopg.Connection[Any],
    machine_code: str,
    messages: Sequence[tuple[TelemetryColumns, Any, str | None]],
) -> str | None:
    """Keep the messages (columns, time of receipt, station) of one unknown code; the reason where they are not kept.

    Nothing is kept of a code a person ignores, nor beyond the limits; what is not kept is counted.
    """
    connection.execute(_LOCK)
    row = connection.execute(
        "SELECT id, status, held_bytes, (SELECT coalesce(sum(held_bytes), 0) FROM unknown_machine)"
        " FROM unknown_machine WHERE machine_code = %s",
        (machine_code,),
    ).fetchone()
    first, last = min(at for _, at, _ in messages), max(at for _, at, _ in messages)
    if row is None:
        row = connection.execute(
            "INSERT INTO unknown_machine (machine_code, status, first_at, last_at, held_samples, held_bytes,"
            " dropped_samples, row_version) SELECT %s, 'waiting', %s, %s, 0, 0, 0, 1"
            " WHERE (SELECT count(*) FROM unknown_machine) < %s"
            " RETURNING id, status, 0, (SELECT coalesce(sum(held_bytes), 0) FROM unknown_machine)",
            (machine_code, first, last, MAX_CODES),
        ).fetchone()
        if row is None:
            return "codes"
    unknown_id, status, held, total = row
    kept_samples = kept_bytes = dropped = 0
    reason = "ignored" if status == "ignored" else None
    for columns, received_at, _ in messages:
        samples = sum(len(series.t) for series in columns.channels.values())
        data = b"" if reason == "ignored" else pack(columns)
        if reason != "ignored" and (
            held + kept_bytes + len(data) > MAX_CODE_BYTES or total + kept_bytes + len(data) > MAX_TOTAL_BYTES
        ):
            reason = "bytes"
        if reason is not None:
            dropped += samples
            continue
        connection.execute(
            "INSERT INTO telemetry_held (unknown_machine_id, received_at, samples, data) VALUES (%s, %s, %s, %s)",
            (unknown_id, received_at, samples, data),
        )
        kept_samples, kept_bytes = kept_samples + samples, kept_bytes + len(data)
    # An archived machine's code that was assigned before waits again: its machine is gone.
    connection.execute(
        "UPDATE unknown_machine SET station_code = coalesce(%s, station_code), last_at = greatest(last_at, %s),"
        " held_samples = held_samples + %s, held_bytes = held_bytes + %s,"
        " dropped_samples = least(dropped_samples::bigint + %s, 2000000000),"
        " status = CASE WHEN status = 'assigned' AND EXISTS (SELECT FROM machine m WHERE m.id = machine_id"
        " AND m.archived_at IS NOT NULL) THEN 'waiting' ELSE status END WHERE id = %s",
        (messages[-1][2], last, kept_samples, kept_bytes, dropped, unknown_id),
    )
    return reason


def pack(columns: TelemetryColumns) -> bytes:
    """Compressed JSON of the channels; NaN, which JSON has not, becomes null."""
    plain = {
        code: {
            "unit": series.unit,
            "t": series.t.tolist(),
            "v": [None if np.isnan(value) else value for value in series.v.tolist()],
            "q": None if series.q is None else series.q.tolist(),
        }
        for code, series in columns.channels.items()
    }
    return zlib.compress(json.dumps(plain, separators=(",", ":")).encode(), 6)


def unpack(machine_code: str, data: bytes) -> TelemetryColumns:
    """What ``pack`` kept, under the code of the machine it belongs to."""
    channels = {}
    for code, series in json.loads(zlib.decompress(data)).items():
        values = np.array([np.nan if value is None else value for value in series["v"]], dtype=np.float64)
        quality = None if series["q"] is None else np.array(series["q"], dtype=np.int64)
        channels[code] = ChannelColumns(
            series["unit"], np.array(series["t"], dtype=np.int64), values, quality, quality is not None
        )
    return TelemetryColumns(machine_code, channels)


class AssignParams(BaseModel):
    """The machine whose signals come under the unknown code."""

    machine_id: int


def assign(ctx: Context, unknown: UnknownMachine, params: AssignParams) -> dict[str, Any]:
    """What waited goes to the machine, and what comes under this code from now on.

    Raises:
        Conflict: ``unknown_machine.archived`` for a machine out of the park.
    """
    machine = ctx.get(Machine, params.machine_id)
    if machine.archived_at is not None:
        raise Conflict("unknown_machine.archived", machine=machine.code)
    samples = unknown.held_samples
    unknown.status, unknown.machine_id = "assigned", machine.id
    _decided(ctx, unknown, machine.code)
    ctx.session.flush()
    ctx.defer("machines.replay_held", unknown_machine_id=unknown.id)
    return {"samples": samples, "machine": machine.code}


def ignore(ctx: Context, unknown: UnknownMachine, _params: Any) -> dict[str, Any]:
    """Drop what waited, and what comes later; it is counted."""
    samples = unknown.held_samples
    ctx.session.execute(text("DELETE FROM telemetry_held WHERE unknown_machine_id = :id"), {"id": unknown.id})
    unknown.status, unknown.machine_id = "ignored", None
    unknown.dropped_samples += samples
    unknown.held_samples = unknown.held_bytes = 0
    _decided(ctx, unknown, t("enum.unknown_machine.ignored", ctx.locale))
    return {"dropped": samples}


def _decided(ctx: Context, unknown: UnknownMachine, answer: str) -> None:
    unknown.decided_by_id, unknown.decided_at = ctx.principal.user_id, ctx.now
    query = select(Task).where(
        Task.dedupe_key.startswith(f"unknown_machine:{unknown.id}:"), Task.status == "open"
    )
    for task in ctx.session.scalars(query):
        tasks.close_task(ctx, task, answer)


def replay(ctx: Context, unknown_machine_id: int) -> None:
    """Write held messages into the machine's channels, some at a time; the job comes again until none is left."""
    from coordinator.modules.machines.telemetry import write_batches

    unknown = ctx.get(UnknownMachine, unknown_machine_id, lock=True)
    if unknown.status != "assigned" or unknown.machine_id is None:
        return
    machine = ctx.get(Machine, unknown.machine_id)
    taken = ctx.session.execute(
        text(
            "DELETE FROM telemetry_held WHERE id IN (SELECT id FROM telemetry_held WHERE unknown_machine_id = :id"
            " ORDER BY received_at, id LIMIT :rows) RETURNING received_at, samples, length(data) AS size, data"
        ),
        {"id": unknown.id, "rows": ROWS_AT_ONCE},
    ).all()
    if not taken:
        return
    raw: Any = ctx.session.connection().connection.driver_connection
    ordered = sorted(taken, key=lambda row: row.received_at)
    written = write_batches(raw, [(unpack(machine.code, row.data), row.received_at) for row in ordered])
    unknown.held_samples -= sum(row.samples for row in taken)
    unknown.held_bytes -= sum(row.size for row in taken)
    # Refused for the limit of channels: counted and told, as for samples that come live.
    unknown.dropped_samples += written.refused_samples
    if unknown.held_samples > 0:
        ctx.defer("machines.replay_held", unknown_machine_id=unknown.id)


def tell_unknown(ctx: Context) -> None:
    """A task for each code that waits; what came while it was assigned goes on to its machine."""
    late = select(UnknownMachine.id).where(
        UnknownMachine.status == "assigned", UnknownMachine.held_samples > 0
    )
    for unknown_id in ctx.session.scalars(late):
        ctx.defer("machines.replay_held", unknown_machine_id=unknown_id)
    query = select(UnknownMachine).where(
        UnknownMachine.status == "waiting",
        UnknownMachine.archived_at.is_(None),
        UnknownMachine.held_samples > 0,
    )
    for unknown in ctx.session.scalars(query.order_by(UnknownMachine.id)):
        stamp = unknown.decided_at.isoformat() if unknown.decided_at else "-"
        key = f"unknown_machine:{unknown.id}:{stamp}"
        if ctx.session.scalar(select(Task.id).where(Task.dedupe_key == key)) is not None:
            continue
        words = t(
            "task.unknown_machine", ctx.locale, code=unknown.machine_code, station=unknown.station_code or "—"
        )
        tasks.open_task(ctx, "machine.unknown", words, unknown, role="production_manager", dedupe_key=key)
        for role in ("production_manager", "maintenance_technician"):
            tasks.notify(ctx, "warning", "machine.unknown", words, unknown, role=role)


def waiting(ctx: Context) -> list[dict[str, Any]]:
    """Codes that wait for a person who may decide, the newest first."""
    if not ctx.principal.may("machines", "update"):
        return []
    query = select(UnknownMachine).where(
        UnknownMachine.status == "waiting", UnknownMachine.archived_at.is_(None)
    )
    return [
        {
            "id": unknown.id,
            "machine_code": unknown.machine_code,
            "station_code": unknown.station_code,
            "held_samples": unknown.held_samples,
            "last_at": jsonable(unknown.last_at),
        }
        for unknown in ctx.session.scalars(query.order_by(UnknownMachine.last_at.desc()).limit(50))
    ]
