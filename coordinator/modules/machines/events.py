"""Facts machines and their stations report: states, cycles, alarms, collisions, breakdowns."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, text, update

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import t
from coordinator.modules.machines import alerts
from coordinator.modules.machines.models import Machine, MachineCycle, MachineEvent, MachineState
from coordinator.modules.machines.rules import plausible_parts
from coordinator.modules.machines.telemetry_models import UnknownMachine

_SHOWN = {
    "running": "running",
    "setup": "running",
    "alarm": "stopped",
    "off": "stopped",
    "idle": "available",
    "waiting": "available",
}
"""Status a working machine shows for a normalised state; breakdown, maintenance and retirement are people's."""
DUPLICATE = Outcome("duplicate", "duplicate")


def machine_by_code(ctx: Context, code: str, *, lock: bool = False) -> Machine:
    """Machine of a code, whatever the case.

    Raises:
        BusinessError: ``machine.unknown``.
    """
    query = select(Machine).where(func.lower(Machine.code) == str(code).strip().lower())
    if lock:
        query = query.with_for_update(key_share=True)
    machine = ctx.session.scalars(query.where(Machine.archived_at.is_(None))).one_or_none()
    if machine is None:
        machine = _assigned(ctx, str(code))
    if machine is None:
        raise BusinessError("machine.unknown", machine=code)
    return machine


def _assigned(ctx: Context, code: str) -> Machine | None:
    """Machine that a person gave an unknown code to."""
    query = select(Machine).join(UnknownMachine, UnknownMachine.machine_id == Machine.id)
    query = query.where(UnknownMachine.machine_code == code, UnknownMachine.status == "assigned")
    return ctx.session.scalars(query.where(Machine.archived_at.is_(None))).one_or_none()


def instant(value: Any) -> dt.datetime:
    """Aware instant of a payload.

    Raises:
        BusinessError: ``machine.time`` for a text that is none.
    """
    try:
        moment = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
    except ValueError:
        raise BusinessError("machine.time", value=str(value)[:40]) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def is_known(ctx: Context, model: Any, uid: uuid.UUID) -> bool:
    """Whether a fact of this uid is kept already."""
    return ctx.session.scalar(select(model.id).where(model.uid == uid)) is not None


def on_state(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``machine.state``: cut the span in which the new state begins; late facts find their place (MCH-14)."""
    if is_known(ctx, MachineState, event.uid):
        return DUPLICATE
    payload = event.payload
    machine = machine_by_code(ctx, payload["machine_code"], lock=True)
    since = instant(payload.get("since") or event.occurred_at)
    if since > ctx.now + dt.timedelta(minutes=5):
        raise BusinessError("machine.future", machine=machine.code)
    alerts.note_station(ctx, machine, event.station_id)
    enter_state(ctx, machine, payload["state"], since, cause=payload.get("cause"), uid=event.uid)
    return None


def enter_state(
    ctx: Context,
    machine: Machine,
    state: str,
    since: dt.datetime,
    *,
    cause: str | None = None,
    uid: uuid.UUID,
) -> None:
    """Make ``machine`` be in ``state`` from ``since`` to its next known change."""
    spans = select(MachineState).where(MachineState.machine_id == machine.id)
    before = ctx.session.scalars(
        spans.where(MachineState.started_at <= since).order_by(MachineState.started_at.desc()).limit(1)
    ).one_or_none()
    after = ctx.session.scalars(
        spans.where(MachineState.started_at > since).order_by(MachineState.started_at).limit(1)
    ).one_or_none()
    if before is not None and before.state == state:
        return
    if before is not None and before.started_at == since:
        before.state, before.cause = state, cause
    else:
        if before is not None and (before.ended_at is None or before.ended_at > since):
            before.ended_at = since
            # The open span must be closed before the next one opens: one open span per machine.
            ctx.session.flush()
        span = MachineState(uid=uid, machine_id=machine.id, state=state, started_at=since, cause=cause)
        span.ended_at = after.started_at if after is not None else None
        ctx.add(span)
    if after is None:
        _show(ctx, machine, state)
        ctx.emit(
            "machines.state_changed",
            {"machine_id": machine.id, "state": state, "since": since, "cause": cause},
        )


def _show(ctx: Context, machine: Machine, state: str) -> None:
    status = _SHOWN.get(state)
    if (
        status is not None
        and machine.status in {"available", "running", "stopped"}
        and machine.status != status
    ):
        # Not a person's change: neither history nor version, so that nobody's edit becomes stale by it.
        table: Any = Machine.__table__
        ctx.session.execute(update(table).where(table.c.id == machine.id).values(status=status))
        ctx.session.refresh(machine, ["status"])
    announce(ctx, machine, "state")


def announce(ctx: Context, machine: Machine, action: str) -> None:
    """Tell live clients, when the transaction commits."""
    message = {"entity": "machine", "id": machine.id, "action": action, "row_version": machine.row_version}
    ctx.session.execute(text("SELECT pg_notify('gu_live', :message)"), {"message": json.dumps(message)})


def on_cycle(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``machine.cycle``: kept once by ``cycle_uid``; impossible counts book no part (MCH-13, MCH-48)."""
    payload = event.payload
    uid = uuid.UUID(str(payload["cycle_uid"]))
    if is_known(ctx, MachineCycle, uid):
        return DUPLICATE
    machine = machine_by_code(ctx, payload["machine_code"])
    started_at, ended_at = instant(payload["started_at"]), instant(payload["ended_at"])
    if ended_at < started_at or ended_at > ctx.now + dt.timedelta(minutes=5):
        raise BusinessError("machine.cycle_times", machine=machine.code)
    reported = int(payload.get("part_count") or 0)
    limit = ctx.settings.integer("machines.max_parts_per_cycle", machine=machine.id, site=machine.site_id)
    step = plausible_parts(reported, limit)
    cycle = ctx.add(
        MachineCycle(
            uid=uid,
            machine_id=machine.id,
            program=payload.get("program"),
            started_at=started_at,
            ended_at=ended_at,
            duration_min=round(Decimal((ended_at - started_at).total_seconds()) / 60, 3),
            result=payload["result"],
            part_count=step.parts,
            reported_part_count=max(min(reported, 2**31 - 1), -(2**31)),
            tool_times=_tool_times(payload.get("tools")),
        )
    )
    if step.anomaly:
        sentence = t("machine.count_anomaly", ctx.locale, count=reported, limit=limit)
        record(ctx, machine, event, uuid.uuid5(uid, "count"), "anomaly", "info", "part_count", sentence)
    alerts.check_duration(ctx, machine, cycle)
    facts = ("program", "started_at", "ended_at", "result", "part_count")
    ctx.emit(
        "machines.cycle_recorded",
        {"machine_cycle_id": cycle.id, "machine_id": machine.id, **{n: getattr(cycle, n) for n in facts}},
    )
    announce(ctx, machine, "cycle")
    return None


def _tool_times(rows: Any) -> list[dict[str, str]] | None:
    """Tool and minutes of each row, typed or plain; ``None`` for none."""
    told = [row if isinstance(row, Mapping) else row.model_dump() for row in rows or ()]
    return [{"tool": str(row["tool"])[:80], "used_min": str(row["used_min"])} for row in told] or None


def on_alarm(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``machine.alarm``: an active one opens an event, its end closes it."""
    payload = event.payload
    if is_known(ctx, MachineEvent, event.uid):
        return DUPLICATE
    machine = machine_by_code(ctx, payload["machine_code"])
    same = select(MachineEvent).where(
        MachineEvent.machine_id == machine.id,
        MachineEvent.kind == "alarm",
        MachineEvent.code == payload["code"],
        MachineEvent.ended_at.is_(None),
        MachineEvent.occurred_at <= event.occurred_at,
    )
    open_alarm = ctx.session.scalars(same.order_by(MachineEvent.id.desc()).limit(1)).one_or_none()
    alerts.note_station(ctx, machine, event.station_id)
    if payload["active"]:
        if open_alarm is None:
            severity = _severity(payload.get("severity"))
            kept = record(
                ctx,
                machine,
                event,
                event.uid,
                "alarm",
                "info",
                payload["code"],
                payload["text"],
                severity=severity,
            )
            alerts.tell(ctx, machine, kept)
    elif open_alarm is not None:
        open_alarm.ended_at = event.occurred_at
    announce(ctx, machine, "alarm")
    return None


def _severity(told: int | None) -> str:
    """Severity of an alarm; OPC UA tells 1 to 1000, from 900 the machine itself calls it grave."""
    if told is None or 500 <= told < 900:
        return "alarm"
    return "critical" if told >= 900 else "warning"


def on_breakdown(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``breakdown.reported``: the machine is broken down until somebody puts it back in service."""
    if is_known(ctx, MachineEvent, event.uid):
        return DUPLICATE
    machine = machine_by_code(ctx, event.payload["machine_code"], lock=True)
    sentence = event.payload.get("comment") or t("machine.breakdown", ctx.locale, machine=machine.name)
    recorded = record(ctx, machine, event, event.uid, "stop", "info", "breakdown", sentence)
    if machine.status not in {"breakdown", "retired"}:
        machine.status = "breakdown"
    tasks.notify(ctx, "alarm", "breakdown", f"{machine.name} : {sentence}", recorded, role="workshop_manager")
    ctx.emit("machines.breakdown", {"machine_event_id": recorded.id, "machine_id": machine.id})
    return None


def record(
    ctx: Context,
    machine: Machine,
    event: DeviceEvent,
    uid: uuid.UUID,
    kind: str,
    level: str,
    code: str,
    words: str,
    **more: Any,
) -> MachineEvent:
    """Keep what a station reported of a machine."""
    return ctx.add(
        MachineEvent(
            uid=uid,
            machine_id=machine.id,
            kind=kind,
            level=level,
            code=str(code)[:80],
            text=str(words)[:500],
            occurred_at=event.occurred_at,
            station_code=event.station_id,
            **more,
        )
    )
