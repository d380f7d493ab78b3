"""Gantt data and free dates (PLN-18, PLN-38, PLN-43)."""

import datetime as dt
from collections import defaultdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import select

from coordinator.kernel import crud
from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.registry import Permission
from coordinator.modules.machines.api import Machine
from coordinator.modules.people.models import Employee
from coordinator.modules.planning import problem
from coordinator.modules.planning.demand import tables
from coordinator.modules.planning.models import MachineSlot, OperatorSlot, ReplanProposal

READ = Permission("planning", "read")
router = APIRouter(tags=["planning"])
MAX_DAYS = 366


@router.get("/planning/gantt", operation_id="planning_gantt", openapi_extra=guarded(READ))
def gantt(
    ctx: Ctx, from_: Annotated[dt.datetime | None, Query(alias="from")] = None, to: dt.datetime | None = None
) -> dict[str, Any]:
    """Tasks of machines and people between two instants (a week from today by default), with openings and load."""
    scope = ctx.require(READ)
    start = _aware(from_) if from_ else ctx.now.replace(hour=0, minute=0, second=0, microsecond=0)
    end = _aware(to) if to else start + dt.timedelta(days=7)
    if end <= start or end - start > dt.timedelta(days=MAX_DAYS):
        raise BusinessError("planning.period")
    run = problem.last_run(ctx)
    return {
        "from": start.isoformat(),
        "to": end.isoformat(),
        "machines": _machines(ctx, scope, start, end),
        "operators": _operators(ctx, scope, start, end),
        "plan": None if run is None else {
            "id": run.id, "created_at": jsonable(run.created_at), "trigger": run.trigger, "solver_status": run.solver_status,
            "left_out": run.left_out or [], "late": [row for row in run.lateness or [] if row["late_min"] > 0],
        },
        "open_proposals": [
            {"id": p.id, "trigger": p.trigger, "reason": p.reason, "created_at": jsonable(p.created_at)}
            for p in ctx.session.scalars(select(ReplanProposal).where(ReplanProposal.status == "proposed").order_by(ReplanProposal.id))
        ],
    }  # fmt: skip


def _aware(moment: dt.datetime) -> dt.datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _visible(ctx: Context, model: Any, scope: str, start: dt.datetime, end: dt.datetime) -> list[Any]:
    query = select(model).where(
        model.start_at < end, model.end_at > start, model.status != "cancelled", model.archived_at.is_(None)
    )
    clause = crud.scope_clause(ctx, ctx.registry.entities[model.__tablename__], scope)
    if clause is not None:
        query = query.where(clause)
    return list(ctx.session.scalars(query.order_by(model.start_at).limit(5000)))


def _orders(ctx: Context, slots: list[Any]) -> dict[int, Any]:
    """What a bar says of its operation."""
    order, operation, _ = tables()
    ids = {s.work_order_operation_id for s in slots if s.work_order_operation_id is not None}
    query = select(
        operation.c.id, operation.c.status, operation.c.sequence_no, operation.c.operation_label, operation.c.work_order_id,
        order.c.number, order.c.priority, order.c.due_date, order.c.status.label("order_status"),
    ).join(order, order.c.id == operation.c.work_order_id)  # fmt: skip
    rows = ctx.session.execute(query.where(operation.c.id.in_(ids))).mappings()
    return {row["id"]: {k: jsonable(v) for k, v in row.items()} for row in rows}


def _bar(slot: Any, orders: dict[int, Any]) -> dict[str, Any]:
    names = (
        "id",
        "start_at",
        "end_at",
        "status",
        "is_locked",
        "is_auto_assigned",
        "task_label",
        "row_version",
    )
    return {
        **{name: jsonable(getattr(slot, name)) for name in names},
        "operation": orders.get(slot.work_order_operation_id),
        "employee_id": getattr(slot, "employee_id", None),
        "machine_id": slot.machine_id,
        "kind": getattr(slot, "kind", None) or getattr(slot, "purpose", None),
    }


def _machines(ctx: Context, scope: str, start: dt.datetime, end: dt.datetime) -> list[dict[str, Any]]:
    slots = _visible(ctx, MachineSlot, scope, start, end)
    orders = _orders(ctx, slots)
    by_machine: dict[int, list[MachineSlot]] = defaultdict(list)
    for slot in slots:
        by_machine[slot.machine_id].append(slot)
    query = (
        select(Machine)
        .where(Machine.archived_at.is_(None), Machine.status != "retired")
        .order_by(Machine.code)
    )
    calendars: dict[int | None, list[list[str]]] = {}
    found = []
    for machine in ctx.session.scalars(query):
        if scope != "all" and machine.id not in by_machine:
            continue
        if machine.site_id not in calendars:
            calendars[machine.site_id] = _openings(ctx, machine.site_id, start, end)
        own = by_machine[machine.id]
        load: dict[str, float] = defaultdict(float)
        for slot in own:
            load[slot.work_date.isoformat()] += float(slot.estimated_load_min)
        found.append(
            {
                "id": machine.id, "code": machine.code, "name": machine.name, "status": machine.status,
                "overload_threshold_min": machine.overload_threshold_min, "slots": [_bar(s, orders) for s in own],
                "openings": calendars[machine.site_id], "load_min": load,
                "overloaded_days": sorted(d for d, m in load.items() if m > machine.overload_threshold_min),
            }
        )  # fmt: skip
    return found


def _openings(ctx: Context, site_id: int | None, start: dt.datetime, end: dt.datetime) -> list[list[str]]:
    try:
        return [[a.isoformat(), b.isoformat()] for a, b in problem.site_hours(ctx, site_id, start, end)]
    except BusinessError:  # before the set-up there is no calendar to shade with
        return []


def _operators(ctx: Context, scope: str, start: dt.datetime, end: dt.datetime) -> list[dict[str, Any]]:
    slots = _visible(ctx, OperatorSlot, scope, start, end)
    orders = _orders(ctx, slots)
    by_person: dict[int, list[OperatorSlot]] = defaultdict(list)
    for slot in slots:
        by_person[slot.employee_id].append(slot)
    query = select(Employee).where(
        Employee.archived_at.is_(None), Employee.is_active | Employee.id.in_(by_person)
    )
    return [
        {
            "id": e.id,
            "name": f"{e.first_name} {e.last_name}",
            "slots": [_bar(s, orders) for s in by_person[e.id]],
        }
        for e in ctx.session.scalars(query.order_by(Employee.last_name, Employee.first_name))
        if scope == "all" or e.id in by_person
    ]
