"""Collisions: notices, recordings, judgements, counters, and the machine's response (MCH-22 to MCH-27)."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import func, select, text

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import t
from coordinator.modules.machines import alerts
from coordinator.modules.machines.events import DUPLICATE, announce, is_known, machine_by_code, record
from coordinator.modules.machines.models import Machine, MachineEvent, MachineIncident

_AT_WORK = text(
    "SELECT employee_id, work_order_operation_id FROM time_entry WHERE machine_id = :machine AND archived_at IS NULL"
    " AND started_at <= :at AND (ended_at IS NULL OR ended_at >= :at) ORDER BY started_at DESC LIMIT 1"
)


def on_collision(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``collision.risk`` and ``collision.impact``: kept with its signals; people are told unless the response is ``log`` (MCH-24)."""
    if is_known(ctx, MachineEvent, event.uid):
        return DUPLICATE
    payload = event.payload
    machine = machine_by_code(ctx, payload["machine_code"])
    level = event.event_type.partition(".")[2]
    program = payload.get("program") or "—"
    sentence = t(f"machine.collision.{level}", ctx.locale, machine=machine.name, program=program)
    uid = payload.get("incident_uid")
    at_work = ctx.session.execute(_AT_WORK, {"machine": machine.id, "at": event.occurred_at}).first()
    recorded = record(
        ctx,
        machine,
        event,
        event.uid,
        "collision",
        level,
        payload["signal"],
        sentence,
        severity="critical" if level == "impact" else "alarm",
        source=payload["source"],
        signal=payload["signal"],
        value=_number(payload["value"]),
        threshold=_number(payload["threshold"]),
        program=payload.get("program"),
        tool=payload.get("tool"),
        signals=_plain(payload.get("signals")),
        incident_uid=str(uid) if uid else None,
        basis=payload.get("basis"),
        program_line=payload.get("program_line"),
        stop_request=payload.get("stop"),
        stop_detail=(payload.get("stop_detail") or "")[:300] or None,
        reaction_ms=_number(payload["reaction_ms"]) if payload.get("reaction_ms") is not None else None,
        employee_id=at_work.employee_id if at_work else None,
        work_order_operation_id=at_work.work_order_operation_id if at_work else None,
    )
    alerts.note_station(ctx, machine, event.station_id)
    if payload.get("response") != "log":
        alerts.tell(ctx, machine, recorded)
    if level == "impact":
        _open_work(ctx, machine, recorded, f"collision:{event.uid}", is_told=payload.get("response") != "log")
    _emit(ctx, recorded)
    announce(ctx, machine, "collision")
    return None


def _emit(ctx: Context, recorded: MachineEvent) -> None:
    names = ("machine_id", "level", "work_order_operation_id")
    ctx.emit(
        "machines.collision", {"machine_event_id": recorded.id, **{n: getattr(recorded, n) for n in names}}
    )


def _open_work(ctx: Context, machine: Machine, recorded: MachineEvent, dedupe: str, *, is_told: bool) -> None:
    """The breakdown report of an impact, always; the task only where people are told (MCH-23, MCH-24)."""
    title = t("task.collision", ctx.locale, machine=machine.name)
    if is_told:
        tasks.open_task(ctx, "machine.collision", title, recorded, role="workshop_manager", dedupe_key=dedupe)
    incident = MachineIncident(
        title=title, kind="maintenance", machine_id=machine.id, machine_event_id=recorded.id
    )
    alerts.number_incident(ctx, incident)
    ctx.add(incident)


def on_recorded(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``collision.recorded``: the signals before and after replace those known at the notice."""
    payload = event.payload
    found = _of_incident(ctx, payload["incident_uid"])
    if not found:
        raise BusinessError("machine.unknown_incident", incident=str(payload["incident_uid"]))
    for kept in found:
        if kept.is_recorded:
            continue
        kept.signals, kept.is_recorded = _plain(payload["signals"]), True
        if not payload["is_complete"]:
            kept.stop_detail = kept.stop_detail or t("machine.recording_cut", ctx.locale)
    announce(ctx, ctx.get(Machine, found[0].machine_id), "collision")
    return None


def _of_incident(ctx: Context, uid: Any) -> list[MachineEvent]:
    query = select(MachineEvent).where(
        MachineEvent.incident_uid == str(uid), MachineEvent.kind == "collision"
    )
    return list(ctx.session.scalars(query.order_by(MachineEvent.occurred_at)))


def on_judged(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``collision.judged``: what a person said at the station; a missed one becomes an event of its own (MCH-27)."""
    payload = event.payload
    machine = machine_by_code(ctx, payload["machine_code"], lock=True)
    if payload["verdict"] == "missed":
        if is_known(ctx, MachineEvent, event.uid):
            return DUPLICATE
        words = t("machine.collision.missed", ctx.locale, machine=machine.name)
        kept = record(
            ctx,
            machine,
            event,
            event.uid,
            "collision",
            "impact",
            "missed",
            words,
            severity="alarm",
            source="person",
        )
        _judge(ctx, machine, kept, "missed", payload.get("comment"), event.user_id)
        _emit(ctx, kept)
        return None
    found = _of_incident(ctx, payload["incident_uid"])
    if not found:
        raise BusinessError("machine.unknown_incident", incident=str(payload["incident_uid"]))
    for kept in found:
        _judge(ctx, machine, kept, payload["verdict"], payload.get("comment"), event.user_id)
    return None


def on_counters(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``collision.counters``: the response in force at the machine is what counts."""
    machine = machine_by_code(ctx, event.payload["machine_code"], lock=True)
    if machine.collision_response != event.payload["response"]:
        machine.collision_response = event.payload["response"]
        announce(ctx, machine, "collision")
    return None


class VerdictParams(BaseModel):
    """Whether the machine was really at risk or hit."""

    verdict: str = Field(pattern="^(confirmed|false_alarm)$")
    comment: str | None = Field(default=None, max_length=500)


def judge(ctx: Context, event: MachineEvent, params: VerdictParams) -> dict[str, Any]:
    """A person says whether an event was true; false stops are counted and bring the machine back to ``alert``.

    Raises:
        BusinessError: ``machine.not_judged`` for what is no collision and no anomaly.
    """
    if event.kind not in {"collision", "anomaly"}:
        raise BusinessError("machine.not_judged")
    machine = ctx.get(Machine, event.machine_id, lock=True)
    same = _of_incident(ctx, event.incident_uid) if event.incident_uid else [event]
    for kept in same:
        _judge(ctx, machine, kept, params.verdict, params.comment, ctx.principal.user_id)
    if event.kind == "anomaly" and event.cycle_uid:
        ctx.emit(
            "machines.anomaly_judged",
            {
                "machine_code": machine.code,
                "cycle_uid": event.cycle_uid,
                "is_true": params.verdict == "confirmed",
            },
        )
    return counters(ctx, machine)


def _judge(
    ctx: Context,
    machine: Machine,
    event: MachineEvent,
    verdict: str,
    comment: str | None,
    user_id: int | None,
) -> None:
    event.verdict, event.verdict_comment = verdict, comment
    event.judged_by_id, event.judged_at = user_id, ctx.now
    if event.acknowledged_at is None:
        event.acknowledged_at, event.acknowledged_by_id = ctx.now, user_id
    ctx.session.flush()
    limit = ctx.settings.integer("machines.false_stops_max", machine=machine.id, site=machine.site_id)
    if machine.collision_response == "request_stop" and counters(ctx, machine)["false_stops"] > limit:
        machine.collision_response = "alert"
        words = t("machine.demoted", ctx.locale, machine=machine.name, limit=limit)
        for role in alerts.roles_of(ctx, "alarm", machine):
            tasks.notify(ctx, "alarm", "collision", words, machine, role=role)
        _response_changed(ctx, machine)


def counters(ctx: Context, machine: Machine) -> dict[str, Any]:
    """Incidents of the last days: risks, impacts, stops asked for, false stops, missed ones (MCH-27)."""
    days = ctx.settings.integer("machines.false_stops_days", machine=machine.id, site=machine.site_id)
    since = ctx.now - dt.timedelta(days=days)
    incident = func.coalesce(MachineEvent.incident_uid, func.cast(MachineEvent.uid, MachineEvent.code.type))
    stopped = MachineEvent.stop_request == "requested"

    def count(*where: Any) -> int:
        query = select(func.count(incident.distinct())).where(
            MachineEvent.machine_id == machine.id, MachineEvent.kind == "collision",
            MachineEvent.occurred_at > since, MachineEvent.archived_at.is_(None), *where,
        )  # fmt: skip
        return ctx.session.scalar(query) or 0

    return {
        "window_days": days,
        "risks": count(MachineEvent.level == "risk"),
        "impacts": count(MachineEvent.level == "impact", MachineEvent.code != "missed"),
        "stops": count(stopped),
        "false_stops": count(stopped, MachineEvent.verdict == "false_alarm"),
        "false_alarms": count(MachineEvent.verdict == "false_alarm"),
        "missed": count(MachineEvent.verdict == "missed"),
        "response": machine.collision_response,
        "commissioning_record": machine.commissioning_record,
    }


class ResponseParams(BaseModel):
    """What the machine's agent does on a collision; a stop needs its signed commissioning record."""

    response: str = Field(pattern="^(log|alert|request_stop)$")
    commissioning_record: str | None = Field(default=None, max_length=200)


def set_response(ctx: Context, machine: Machine, params: ResponseParams) -> None:
    """Choose the response to a collision (MCH-24, MCH-25).

    Raises:
        BusinessError: ``machine.no_commissioning`` for a stop without record.
    """
    if params.response == "request_stop" and not (params.commissioning_record or "").strip():
        raise BusinessError("machine.no_commissioning")
    machine.collision_response = params.response
    if params.commissioning_record:
        machine.commissioning_record = params.commissioning_record.strip()
    _response_changed(ctx, machine)


def _response_changed(ctx: Context, machine: Machine) -> None:
    ctx.emit(
        "machines.response_changed",
        {
            "machine_code": machine.code,
            "response": machine.collision_response,
            "commissioning_record": machine.commissioning_record,
        },
    )
    announce(ctx, machine, "collision")


def _number(value: Any) -> Decimal:
    return round(Decimal(str(value)), 6)


def _plain(signals: Any) -> Any:
    return json.loads(json.dumps(signals, default=lambda s: s.model_dump(mode="json"))) if signals else None


def uid_of(value: Any) -> uuid.UUID:
    """UUID of a payload, typed or text."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))
