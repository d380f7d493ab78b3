"""Live view and charts of machines (MCH-16)."""

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from sqlalchemy import func, select

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.registry import Permission
from coordinator.modules.machines import (
    api,
    collisions,
    oee_report,
    park,
    quarantine,
    service,
    telemetry,
    telemetry_notices,
)
from coordinator.modules.machines.models import Machine, MachineCycle, MachineEvent, MachineState

READ = Permission("machines", "read")
EXPORT = Permission("machines", "export")
router = APIRouter(tags=["machine"])


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: jsonable(value) for key, value in row.items()}


def _state(state: MachineState | None) -> dict[str, Any]:
    if state is None:
        return {"state": "unknown", "since": None, "cause": None}
    return {"state": state.state, "since": jsonable(state.started_at), "cause": state.cause}


def _head(machine: Machine) -> dict[str, Any]:
    return {"id": machine.id, "code": machine.code, "name": machine.name, "status": machine.status}


def _open_alarms(ctx: Context, machine_ids: list[int]) -> dict[int, list[dict[str, Any]]]:
    query = select(MachineEvent).where(
        MachineEvent.machine_id.in_(machine_ids), MachineEvent.ended_at.is_(None)
    )
    # What lasts stays shown when it is taken in hand; a shock, which does not last, stays until then.
    query = query.where(MachineEvent.kind.in_(("alarm", "anomaly")) | MachineEvent.acknowledged_at.is_(None))
    query = query.where(MachineEvent.archived_at.is_(None))
    found: dict[int, list[dict[str, Any]]] = {}
    for event in ctx.session.scalars(query.order_by(MachineEvent.occurred_at.desc()).limit(500)):
        line = {
            "id": event.id,
            "kind": event.kind,
            "level": event.level,
            "severity": event.severity,
            "acknowledged_at": jsonable(event.acknowledged_at),
            "code": event.code,
            "text": event.text,
        }
        found.setdefault(event.machine_id, []).append({**line, "occurred_at": jsonable(event.occurred_at)})
    return found


@router.get("/machine-live", operation_id="machine_live_all", openapi_extra=guarded(READ))
def live_all(ctx: Ctx) -> dict[str, Any]:
    """Every machine: state, program, work in hand, TRS of the day, open alarms."""
    ctx.require(READ)
    machines = list(
        ctx.session.scalars(
            select(Machine)
            .where(Machine.archived_at.is_(None), Machine.status != "retired")
            .order_by(Machine.code)
        )
    )
    states = {
        s.machine_id: s
        for s in ctx.session.scalars(select(MachineState).where(MachineState.ended_at.is_(None)))
    }
    ids = [m.id for m in machines]
    alarms, work, programs = _open_alarms(ctx, ids), park.work_in_hand(ctx, ids), park.programs(ctx, ids)
    return {
        "items": [
            {
                **_head(m),
                **_state(states.get(m.id)),
                "program": programs.get(m.id),
                "work": work.get(m.id),
                "trs": park.trs_of_the_day(ctx, m),
                "alarms": alarms.get(m.id, []),
            }
            for m in machines
        ],
        "unknown_machines": quarantine.waiting(ctx),
        "at": jsonable(ctx.now),
    }


@router.get("/machines/{machine_id}/live", operation_id="machine_live", openapi_extra=guarded(READ))
def live(ctx: Ctx, machine_id: int) -> dict[str, Any]:
    """State, last values, open alarms and the last cycles of one machine."""
    ctx.require(READ)
    machine = ctx.get(Machine, machine_id)
    since = ctx.now - dt.timedelta(days=1)
    cycles = select(MachineCycle).where(MachineCycle.machine_id == machine_id, MachineCycle.ended_at > since)
    parts = select(func.coalesce(func.sum(MachineCycle.part_count), 0)).where(
        MachineCycle.machine_id == machine_id, MachineCycle.ended_at > since
    )
    names = ("id", "program", "started_at", "ended_at", "duration_min", "result", "part_count")
    return {
        **_head(machine),
        **_state(api.current_state(ctx, machine_id)),
        "program": park.programs(ctx, [machine_id]).get(machine_id),
        "work": park.work_in_hand(ctx, [machine_id]).get(machine_id),
        "trs": park.trs_of_the_day(ctx, machine),
        "load": park.load(ctx, machine),
        "collisions": collisions.counters(ctx, machine),
        "tools": park.mounted_tools(ctx, machine_id),
        "channels": [_plain(row) for row in telemetry.latest_values(ctx, machine_id)],
        "alarms": _open_alarms(ctx, [machine_id]).get(machine_id, []),
        "cycles": [
            _plain({n: getattr(c, n) for n in names})
            for c in ctx.session.scalars(cycles.order_by(MachineCycle.started_at.desc()).limit(20))
        ],
        "parts_last_day": ctx.session.scalar(parts),
        "at": jsonable(ctx.now),
    }


@router.get(
    "/machines/{machine_id}/chart",
    operation_id="machine_chart",
    openapi_extra=guarded(READ),
    response_model=None,
)
def chart(
    ctx: Ctx,
    machine_id: int,
    channel: str,
    start: dt.datetime,
    end: dt.datetime,
    bucket_s: Annotated[float, Query(gt=0)] = 60,
    format: Literal["json", "csv"] = "json",
) -> dict[str, Any] | Response:
    """Mean, least and greatest value of a channel per bucket."""
    ctx.require(READ)
    if format == "csv":
        ctx.require(EXPORT)
    found = service.channel_of(ctx, ctx.get(Machine, machine_id), channel)
    start, end = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC) for moment in (start, end))
    points = telemetry.chart(ctx, found, start, end, dt.timedelta(seconds=bucket_s))
    lines = [_plain(point) for point in points]
    if format == "csv":
        names = ("at", "mean", "min", "max", "samples")
        rows = (",".join([*(str(line[n]) for n in names), found.unit or ""]) for line in lines)
        content = "\n".join([",".join([*names, "unit"]), *rows]) + "\n"
        return Response(content, media_type="text/csv")
    name = telemetry.name_of(
        found.source_code or found.code, found.name, found.version_no, found.unit, ctx.locale
    )
    notices = telemetry_notices.of_channel(ctx, found)
    return {"channel": found.code, "name": name, "unit": found.unit, "points": lines, "unit_notices": notices}


@router.get("/machines/{machine_id}/oee", operation_id="machine_oee", openapi_extra=guarded(READ))
def oee(
    ctx: Ctx,
    machine_id: int,
    start: Annotated[dt.datetime, Query(alias="from")],
    end: Annotated[dt.datetime, Query(alias="to")],
    by: oee_report.Grain = "day",
) -> dict[str, Any]:
    """Times and rates after NF E60-182 with their inputs: the period, and each shift, day, week or month of it."""
    ctx.require(READ)
    start, end = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC) for moment in (start, end))
    return oee_report.report(ctx, ctx.get(Machine, machine_id), start, end, by)
