"""Commands and background work of machines."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

from pydantic import BaseModel, Field
from sqlalchemy import inspect, select, text

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, FieldError
from coordinator.kernel.i18n import t
from coordinator.modules.machines import alerts
from coordinator.modules.machines.models import (
    AlarmThreshold,
    Machine,
    MachineEvent,
    MachineState,
    TelemetryChannel,
)
from edge_agents.protocol.units import conversion


class CommentParams(BaseModel):
    """What was seen."""

    comment: str | None = Field(default=None, max_length=500)


def check_machine(ctx: Context, machine: Machine) -> None:  # noqa: ARG001 — signature of the entity's hook
    """Code without spaces around; no negative dimension.

    Raises:
        BusinessError: ``machine.values`` naming the fields.
    """
    machine.code = machine.code.strip()
    errors = []
    for column in Machine.__table__.columns:
        value = getattr(machine, column.key, None)
        if (
            column.info.get("field")
            and isinstance(value, Decimal | int)
            and not isinstance(value, bool)
            and value < 0
        ):
            errors.append(FieldError(column.key, "field.greater_than_equal", {"limit": 0}))
    if errors:
        raise BusinessError("machine.values", errors=errors)


def check_threshold(ctx: Context, threshold: AlarmThreshold) -> None:  # noqa: ARG001 — signature of the entity's hook
    """At least one limit, in order."""
    low, high = threshold.min_value, threshold.max_value
    if (low is None and high is None) or (low is not None and high is not None and low >= high):
        raise BusinessError("machine.values", errors=[FieldError("max_value", "threshold.limits")])


def check_channel(ctx: Context, channel: TelemetryChannel) -> None:
    """The unit of a channel with samples stays: a curve and a limit hold values of one unit only.

    Raises:
        BusinessError: ``telemetry.unit_fixed``.
    """
    changed = inspect(channel).attrs.unit.history
    if (
        not changed.has_changes()
        or not changed.deleted
        or conversion(changed.deleted[0], channel.unit) == (1.0, 0.0)
    ):
        return
    has_samples = text("SELECT 1 FROM telemetry_last WHERE telemetry_channel_id = :id")
    if ctx.session.scalar(has_samples, {"id": channel.id}):
        raise BusinessError("telemetry.unit_fixed", errors=[FieldError("unit", "telemetry.unit_fixed")])


def report_breakdown(ctx: Context, machine: Machine, params: CommentParams) -> None:
    """Somebody in the office declares a breakdown."""
    words = params.comment or t("machine.breakdown", ctx.locale, machine=machine.name)
    event = MachineEvent(
        uid=uuid.uuid4(),
        machine_id=machine.id,
        kind="stop",
        level="info",
        code="breakdown",
        text=words,
        occurred_at=ctx.now,
    )
    ctx.add(event)
    ctx.emit("machines.breakdown", {"machine_event_id": event.id, "machine_id": machine.id})


class ReasonParams(BaseModel):
    """Why the machine stood still: a code of the list of stop reasons."""

    reason_code: str = Field(min_length=1, max_length=40)
    comment: str | None = Field(default=None, max_length=300)


def qualify_stop(ctx: Context, span: MachineState, params: ReasonParams) -> None:
    """A person says why the machine stood still (MCH-15); the last word counts.

    Raises:
        BusinessError: ``machine.not_a_stop``, ``machine.stop_reason`` for a reason the list does not hold.
    """
    if span.state in {"running", "unknown"}:
        raise BusinessError("machine.not_a_stop")
    known = ctx.session.scalar(
        text("SELECT 1 FROM stop_reason WHERE code = :code AND archived_at IS NULL"),
        {"code": params.reason_code},
    )
    if not known:
        raise BusinessError("machine.stop_reason", reason=params.reason_code)
    span.reason_code, span.reason_comment = params.reason_code, params.comment
    span.qualified_by_id, span.qualified_at = ctx.principal.user_id, ctx.now


_LARGEST_TOLD = 1e11
"""What the field of an event holds; a signal may go beyond."""
_EXCEEDED = text(
    "SELECT t.id AS threshold_id, t.level, s.value, s.sampled_at, c.code, c.unit, c.machine_id,"
    " coalesce(CASE WHEN s.value > t.max_value THEN t.max_value END, t.min_value) AS passed"
    " FROM alarm_threshold t JOIN telemetry_channel c ON c.id = t.telemetry_channel_id"
    " CROSS JOIN LATERAL (SELECT value, sampled_at FROM telemetry_samples(ARRAY[c.id], :since, 'infinity')"
    "  WHERE quality = 0 ORDER BY sampled_at DESC LIMIT 1) s"
    " WHERE t.archived_at IS NULL AND (s.value > t.max_value OR s.value < t.min_value)"
)


def watch_thresholds(ctx: Context) -> None:
    """Open an event for each channel past a limit, once while it lasts; close those that came back (MCH-03, MCH-17)."""
    since = ctx.now - dt.timedelta(minutes=10)
    passed = {
        f"threshold:{row.threshold_id}": row for row in ctx.session.execute(_EXCEEDED, {"since": since})
    }
    query = select(MachineEvent).where(MachineEvent.source == "threshold", MachineEvent.ended_at.is_(None))
    open_events = {event.code: event for event in ctx.session.scalars(query)}
    for code, event in open_events.items():
        if code not in passed:
            event.ended_at = ctx.now
    for code, row in passed.items():
        if code in open_events:
            continue
        machine = ctx.get(Machine, row.machine_id)
        words = t(
            "machine.threshold",
            ctx.locale,
            machine=machine.name,
            channel=row.code,
            value=f"{round(row.value, 3)} {row.unit or ''}".rstrip(),
        )
        event = MachineEvent(
            uid=uuid.uuid4(),
            machine_id=machine.id,
            kind="anomaly",
            level="risk",
            code=code,
            text=words,
            occurred_at=row.sampled_at,
            source="threshold",
            signal=row.code,
            value=round(Decimal(str(max(-_LARGEST_TOLD, min(_LARGEST_TOLD, row.value)))), 6),
            threshold=row.passed,
        )
        ctx.add(event)
        event.severity = "critical" if row.level == "critical" else "warning"
        alerts.tell(ctx, machine, event)


def channel_of(ctx: Context, machine: Machine, code: str) -> TelemetryChannel:
    """Channel of a machine by its code.

    Raises:
        BusinessError: ``telemetry.channel``.
    """
    query = select(TelemetryChannel).where(
        TelemetryChannel.machine_id == machine.id, TelemetryChannel.code == code
    )
    channel = ctx.session.scalars(query).one_or_none()
    if channel is None:
        raise BusinessError("telemetry.channel", machine=machine.code, channel=code)
    return channel
