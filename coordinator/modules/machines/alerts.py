"""Alerts of machines: who is told, how often, what becomes of them (MCH-17, MCH-21)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import select, text, update

from coordinator.kernel import numbering, tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import Conflict
from coordinator.kernel.i18n import t
from coordinator.modules.machines.models import Machine, MachineEvent, MachineIncident

SLOWER_AFTER = 5
"""Cycles of a program before « longer than usual » means anything."""


def tell(ctx: Context, machine: Machine, event: MachineEvent) -> None:
    """Notify the roles that the settings name for the event's severity."""
    if event.severity == "info":
        return
    event.told_at, event.told_count = ctx.now, event.told_count + 1
    words = event.text or ""
    for role in roles_of(ctx, event.severity, machine):
        tasks.notify(ctx, event.severity, event.kind, words, event, role=role)


def roles_of(ctx: Context, severity: str, machine: Machine) -> list[str]:
    """Roles told of an alert of this severity."""
    named = ctx.settings.get(f"machines.alert_roles_{severity}", machine=machine.id, site=machine.site_id)
    return [role for role in (part.strip() for part in str(named).split(",")) if role]


def open_alert(
    ctx: Context, machine: Machine, severity: str, code: str, words: str, **more: Any
) -> MachineEvent | None:
    """New alert, told at once; ``None`` while one with the same code is open."""
    same = select(MachineEvent.id).where(
        MachineEvent.machine_id == machine.id,
        MachineEvent.code == code,
        MachineEvent.source == "watch",
        MachineEvent.ended_at.is_(None),
    )
    if ctx.session.scalar(same) is not None:
        return None
    values = {"kind": "anomaly", "level": "info", "occurred_at": ctx.now, **more}
    event = ctx.add(
        MachineEvent(
            uid=uuid.uuid4(),
            machine_id=machine.id,
            severity=severity,
            code=code[:80],
            text=words[:500],
            source="watch",
            **values,
        )
    )
    tell(ctx, machine, event)
    return event


def repeat(ctx: Context) -> None:
    """Tell critical alerts again until somebody takes them in hand."""
    every = dt.timedelta(minutes=ctx.settings.integer("machines.alert_repeat_min"))
    query = select(MachineEvent).where(
        MachineEvent.severity == "critical",
        MachineEvent.acknowledged_at.is_(None),
        MachineEvent.told_at < ctx.now - every,
    )
    for event in ctx.session.scalars(query.order_by(MachineEvent.id).limit(100)):
        tell(ctx, ctx.get(Machine, event.machine_id), event)


_STANDING = text(
    "SELECT s.id, s.machine_id, s.state, s.started_at, before.state AS previous FROM machine_state s"
    " JOIN time_entry e ON e.machine_id = s.machine_id AND e.ended_at IS NULL AND e.archived_at IS NULL"
    " LEFT JOIN machine_state before ON before.machine_id = s.machine_id AND before.ended_at = s.started_at"
    " WHERE s.ended_at IS NULL AND s.reason_code IS NULL AND s.state IN ('off', 'idle', 'waiting', 'alarm')"
    " AND greatest(s.started_at, e.started_at) < :limit"
)
_SILENT = text(
    "SELECT m.id AS machine_id, st.last_contact_at FROM machine m JOIN station st ON st.code = m.station_code"
    " WHERE m.archived_at IS NULL AND m.status <> 'retired' AND st.status = 'offline' AND NOT st.is_in_maintenance"
    " AND st.last_contact_at < :limit"
)


def watch(ctx: Context) -> None:
    """Unexpected stops, machines idle while somebody works on them, silent agents; ends what is over."""
    found: dict[str, tuple[Machine, str, str]] = {}
    minutes = ctx.settings.integer("machines.stop_reason_after_min")
    for row in ctx.session.execute(_STANDING, {"limit": ctx.now - dt.timedelta(minutes=minutes)}):
        machine = ctx.get(Machine, row.machine_id)
        code = "unexpected_stop" if row.state in {"alarm", "off"} else "idle_loaded"
        state = t(f"enum.machine_state.{row.state}", ctx.locale).lower()
        words = t(f"machine.alert.{code}", ctx.locale, machine=machine.name, state=state, minutes=minutes)
        found[f"{code}:{row.id}"] = (machine, "alarm" if code == "unexpected_stop" else "warning", words)
    for row in ctx.session.execute(_SILENT, {"limit": ctx.now - dt.timedelta(minutes=2)}):
        machine = ctx.get(Machine, row.machine_id)
        words = t("machine.alert.agent_silent", ctx.locale, machine=machine.name)
        found[f"agent_silent:{machine.id}"] = (machine, "alarm", words)
        _nothing_known(ctx, machine, row.last_contact_at)
    open_now = select(MachineEvent).where(MachineEvent.source == "watch", MachineEvent.ended_at.is_(None))
    for event in ctx.session.scalars(open_now.where(MachineEvent.code.contains(":"))):
        if event.code not in found:
            event.ended_at = ctx.now
    for code, (machine, severity, words) in found.items():
        open_alert(ctx, machine, severity, code, words)


def _nothing_known(ctx: Context, machine: Machine, since: dt.datetime) -> None:
    from coordinator.modules.machines.events import enter_state
    from coordinator.modules.machines.models import MachineState

    last = select(MachineState).where(MachineState.machine_id == machine.id, MachineState.ended_at.is_(None))
    span = ctx.session.scalars(last).one_or_none()
    if span is not None and span.state != "unknown":
        enter_state(
            ctx, machine, "unknown", max(since, span.started_at), cause="agent_silent", uid=uuid.uuid4()
        )


_USUAL = text(
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_min)::float8 AS usual, count(*) AS cycles FROM ("
    "SELECT duration_min FROM machine_cycle WHERE machine_id = :machine AND program = :program AND id <> :cycle"
    " AND result = 'complete' AND archived_at IS NULL AND ended_at > :since ORDER BY ended_at DESC LIMIT 50) known"
)


def check_duration(ctx: Context, machine: Machine, cycle: Any) -> None:
    """A complete cycle much longer than the program's usual one is told (+ 20 % by default)."""
    if cycle.result != "complete" or not cycle.program:
        return
    wanted = {"machine": machine.id, "program": cycle.program, "cycle": cycle.id,
              "since": cycle.started_at - dt.timedelta(days=90)}  # fmt: skip
    row = ctx.session.execute(_USUAL, wanted).one()
    beyond = ctx.settings.integer("machines.cycle_longer_pct", machine=machine.id, site=machine.site_id)
    duration = float(cycle.duration_min)
    if row.cycles < SLOWER_AFTER or duration <= row.usual * (1 + beyond / 100):
        return
    words = t(
        "machine.alert.cycle_longer",
        ctx.locale,
        machine=machine.name,
        program=cycle.program,
        minutes=f"{duration:.1f}".replace(".", ","),
        usual=f"{row.usual:.1f}".replace(".", ","),
    )
    open_alert(
        ctx, machine, "warning", f"cycle_longer {cycle.program}", words, occurred_at=cycle.ended_at,
        ended_at=cycle.ended_at, program=cycle.program, cycle_uid=str(cycle.uid),
    )  # fmt: skip


class AcknowledgeParams(BaseModel):
    """Why it happened, as far as it is known."""

    cause: str | None = Field(default=None, max_length=300)


def acknowledge(ctx: Context, event: MachineEvent, params: AcknowledgeParams) -> None:
    """A person takes the event in hand; it is not told again.

    Raises:
        Conflict: ``machine.already_acknowledged``.
    """
    if event.acknowledged_at is not None:
        raise Conflict("machine.already_acknowledged")
    event.acknowledged_at, event.acknowledged_by_id = ctx.now, ctx.principal.user_id
    event.cause = params.cause or event.cause


class IncidentParams(BaseModel):
    """What the alert becomes: maintenance work, or a nonconformity where parts are concerned."""

    title: str = Field(min_length=3, max_length=200)
    kind: str = Field(default="maintenance", pattern="^(maintenance|nonconformity)$")
    owner_id: int | None = None


def to_incident(ctx: Context, event: MachineEvent, params: IncidentParams) -> dict[str, Any]:
    """Turn an alert into an incident with an owner; the alert counts as taken in hand."""
    incident = ctx.add(
        MachineIncident(
            number=numbering.next_number(ctx, "machine_incident"),
            title=params.title,
            kind=params.kind,
            machine_id=event.machine_id,
            machine_event_id=event.id,
            owner_id=params.owner_id or ctx.principal.user_id,
        )
    )
    if event.acknowledged_at is None:
        event.acknowledged_at, event.acknowledged_by_id = ctx.now, ctx.principal.user_id
    if incident.owner_id not in {None, ctx.principal.user_id}:
        words = t("machine.incident_given", ctx.locale, number=incident.number, title=incident.title)
        tasks.notify(ctx, "warning", "machine_incident", words, incident, user_id=incident.owner_id)
    return {"machine_incident_id": incident.id, "number": incident.number}


def number_incident(ctx: Context, incident: MachineIncident) -> None:
    """An incident somebody enters by hand gets its number too."""
    incident.number = incident.number or numbering.next_number(ctx, "machine_incident")


class ClosingParams(BaseModel):
    """How it ended."""

    follow_up: str = Field(min_length=3, max_length=4000)


def close_incident(ctx: Context, incident: MachineIncident, params: ClosingParams) -> None:
    """What was done stands below what was noted before."""
    incident.follow_up = (
        f"{incident.follow_up}\n{params.follow_up}" if incident.follow_up else params.follow_up
    )
    incident.closed_at, incident.closed_by_id = ctx.now, ctx.principal.user_id


def note_station(ctx: Context, machine: Machine, station_code: str | None) -> None:
    """Which station speaks for the machine; not a person's change."""
    if station_code and machine.station_code != station_code:
        table: Any = Machine.__table__
        ctx.session.execute(update(table).where(table.c.id == machine.id).values(station_code=station_code))
        ctx.session.refresh(machine, ["station_code"])
