"""Readings of external sensors by HTTP with a key of their own (MCH-18), and who may take a machine in charge (MCH-06)."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, FieldError, Unauthenticated
from coordinator.modules.machines import telemetry
from coordinator.modules.machines.events import instant, machine_by_code
from coordinator.modules.machines.models import Machine, MachineAuthorization, SensorKey, TelemetryChannel
from edge_agents.protocol.payloads import ChannelBatch, TelemetryBatch

PREFIX = "gus_"
ALWAYS_TAKEN = {"temperature": "°C", "vibration": "mm/s"}
"""Signals any machine has, with their unit; the others must be declared as channels of the machine."""
MAX_READINGS = 64
_USE_NOTED_EVERY = dt.timedelta(minutes=1)
_MAX_ID = 2**63 - 1


def issue(_ctx: Context, key: SensorKey, _params: Any) -> dict[str, str]:
    """Make a new key; it is shown this once, and the one before is worthless."""
    secret = PREFIX + secrets.token_urlsafe(32)
    key.key_start, key.key_digest, key.is_active = secret[:10], _digest(secret), True
    return {"key": secret, "header": "X-Api-Key"}


def revoke(_ctx: Context, key: SensorKey, _params: Any) -> None:
    """Refuse the key from now on."""
    key.is_active, key.key_digest = False, None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def key_of(ctx: Context, secret: str | None) -> SensorKey:
    """Key behind a header.

    Raises:
        Unauthenticated: ``auth.invalid_token``.
    """
    if not secret or not secret.startswith(PREFIX):
        raise Unauthenticated("auth.invalid_token")
    query = select(SensorKey).where(
        SensorKey.key_digest == _digest(secret), SensorKey.is_active, SensorKey.archived_at.is_(None)
    )
    key = ctx.session.scalars(query).one_or_none()
    if key is None:
        raise Unauthenticated("auth.invalid_token")
    return key


def take(ctx: Context, key: SensorKey, body: Mapping[str, Any]) -> int:
    """Store the readings of one body: ``machine`` (code, name or id), ``at`` or ``timestamp``, and a number per signal, alone or in ``signals``.

    Raises:
        BusinessError: ``sensor.unknown_machine`` (« Machine inconnue »), ``sensor.body`` naming the signals refused.
    """
    machine = _machine(ctx, body)
    if key.machine_id is not None and key.machine_id != machine.id:
        raise BusinessError("sensor.other_machine", machine=machine.code)
    readings = _readings(body)
    units = dict(ALWAYS_TAKEN) | _declared(ctx, machine)
    wrong = [name for name, value in readings.items() if name not in units or not _is_number(value)]
    if wrong or not readings or len(readings) > MAX_READINGS:
        raise BusinessError("sensor.body", errors=[FieldError(name, "sensor.signal") for name in wrong])
    told = body.get("at", body.get("timestamp"))
    at = instant(told) if told is not None else ctx.now
    at_ms = int(at.timestamp() * 1000)
    batch = TelemetryBatch(
        machine_code=machine.code,
        channels={
            name: ChannelBatch(unit=units[name], t=[at_ms], v=[float(value)])
            for name, value in readings.items()
        },
    )
    ctx.session.flush()
    raw: Any = ctx.session.connection().connection.driver_connection
    _note_use(ctx, key)
    return telemetry.write_batches(raw, [(batch, ctx.now)]).stored


def _note_use(ctx: Context, key: SensorKey) -> None:
    if key.last_used_at is None or ctx.now - key.last_used_at >= _USE_NOTED_EVERY:
        # Not a person's change: readings leave no line in the history, and nobody's edit becomes stale by them.
        table: Any = SensorKey.__table__
        ctx.session.execute(update(table).where(table.c.id == key.id).values(last_used_at=ctx.now))
        ctx.session.refresh(key, ["last_used_at"])


def _readings(body: Mapping[str, Any]) -> dict[str, Any]:
    known = {"machine", "machine_code", "machine_id", "at", "timestamp", "signals"}
    nested = body.get("signals")
    return {k: v for k, v in body.items() if k not in known} | (
        dict(nested) if isinstance(nested, Mapping) else {}
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


def _declared(ctx: Context, machine: Machine) -> dict[str, str]:
    query = select(TelemetryChannel).where(
        TelemetryChannel.machine_id == machine.id, TelemetryChannel.archived_at.is_(None)
    )
    return {channel.code: channel.unit or "" for channel in ctx.session.scalars(query)}


def _machine(ctx: Context, body: Mapping[str, Any]) -> Machine:
    given = body.get("machine", body.get("machine_code", body.get("machine_id")))
    machine = None
    if isinstance(given, int) and not isinstance(given, bool):
        machine = ctx.session.get(Machine, given) if 0 < given <= _MAX_ID else None
    elif isinstance(given, str) and given.strip():
        try:
            machine = machine_by_code(ctx, given)
        except BusinessError:
            query = select(Machine).where(Machine.name == given.strip(), Machine.archived_at.is_(None))
            machine = ctx.session.scalars(query).first()
    if machine is None or machine.archived_at is not None:
        raise BusinessError("sensor.unknown_machine")
    return machine


def may_operate(ctx: Context, machine: Machine, employee_id: int | None, on: dt.date) -> bool:
    """Whether a person may take the machine in charge; a machine that asks nothing is open to all who work here."""
    if not machine.needs_authorization:
        return True
    query = select(MachineAuthorization.id).where(
        MachineAuthorization.machine_id == machine.id,
        MachineAuthorization.employee_id == employee_id,
        MachineAuthorization.archived_at.is_(None),
        MachineAuthorization.valid_from <= on,
        (MachineAuthorization.valid_to.is_(None)) | (MachineAuthorization.valid_to >= on),
    )
    return employee_id is not None and ctx.session.scalar(query) is not None
