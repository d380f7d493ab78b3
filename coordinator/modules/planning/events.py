"""What makes the plan change: orders, the shop floor, machines, people, tools (PLN-02, PLN-11, PLN-21)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from sqlalchemy import select, update

from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import t
from coordinator.kernel.outbox import Event
from coordinator.modules.machines.api import Machine, MachineEvent
from coordinator.modules.people.models import Absence, Employee
from coordinator.modules.planning import problem, service
from coordinator.modules.planning.engine.replan import Trigger
from coordinator.modules.planning.models import MachineSlot, OperatorSlot

SOLVE = "planning.solve"
REPLAN = "planning.replan"


def plan_on(trigger: str) -> Callable[[Context, Event], None]:
    """Ask for a new plan after an event."""

    def handle(ctx: Context, event: Event) -> None:
        ctx.defer(SOLVE, lock="planning", trigger=trigger, requested_at=event.occurred_at)

    return handle


def on_started(ctx: Context, event: Event) -> None:
    """Tasks follow the shop floor, not typing (PLN-02)."""
    at = dt.datetime.fromisoformat(event.payload["occurred_at"])
    for slot in _slots(ctx, event.payload["id"], ("planned",)):
        length = slot.end_at - slot.start_at
        slot.start_at, slot.end_at, slot.status = at, at + length, "in_progress"
        slot.work_date = at.date()


def on_finished(ctx: Context, event: Event) -> None:
    """Close the tasks; what comes well before or after its time refreshes the plan (PLN-11)."""
    at = dt.datetime.fromisoformat(event.payload["occurred_at"])
    drift = dt.timedelta()
    for slot in _slots(ctx, event.payload["id"], ("planned", "in_progress")):
        drift = max(drift, abs(slot.end_at - at))
        slot.start_at = min(slot.start_at, at - dt.timedelta(minutes=1))
        slot.end_at, slot.status = at, "done"
    if drift > dt.timedelta(minutes=ctx.settings.integer("planning.drift_min")):
        ctx.defer(SOLVE, lock="planning", trigger="operation_late", requested_at=ctx.now)


def on_cancelled(ctx: Context, event: Event) -> None:
    """Free the places of an order that is no longer made."""
    from coordinator.modules.planning.demand import tables

    _, operation, _ = tables()
    ids = list(
        ctx.session.scalars(select(operation.c.id).where(operation.c.work_order_id == event.payload["id"]))
    )
    for model in (MachineSlot, OperatorSlot):
        table: Any = model.__table__
        statement = update(table).where(
            table.c.work_order_operation_id.in_(ids), table.c.status.in_(("planned", "in_progress"))
        )
        ctx.session.execute(statement.values(status="cancelled"))
    ctx.defer(SOLVE, lock="planning", trigger="order_cancelled", requested_at=ctx.now)


def _slots(ctx: Context, operation_id: int, statuses: tuple[str, ...]) -> list[Any]:
    found: list[Any] = []
    for model in (MachineSlot, OperatorSlot):
        query = select(model).where(
            model.work_order_operation_id == operation_id,
            model.status.in_(statuses),
            model.archived_at.is_(None),
        )
        found += ctx.session.scalars(query.order_by(model.id))
    return found


def on_breakdown(ctx: Context, event: Event) -> None:
    """``machines.breakdown``."""
    machine = ctx.get(Machine, event.payload["machine_id"])
    recorded = ctx.get(MachineEvent, event.payload["machine_event_id"])
    hours = ctx.settings.integer("planning.breakdown_hours", machine=machine.id)
    label = t("planning.reason.breakdown", ctx.locale, machine=machine.name)
    ctx.defer(
        REPLAN, lock="planning", trigger=Trigger.MACHINE_BREAKDOWN.value, label=label, machine_id=machine.id,
        start=recorded.occurred_at, end=max(recorded.occurred_at, ctx.now) + dt.timedelta(hours=hours),
    )  # fmt: skip


def on_absence(ctx: Context, event: Event) -> None:
    """``absence.accepted``."""
    absence = ctx.get(Absence, event.payload["id"])
    employee = ctx.get(Employee, absence.employee_id)
    label = t("planning.reason.absence", ctx.locale, name=f"{employee.first_name} {employee.last_name}")
    ctx.defer(
        REPLAN, lock="planning", trigger=Trigger.OPERATOR_ABSENCE.value, label=label, employee_id=employee.id,
        start=absence.start_at, end=absence.end_at,
    )  # fmt: skip


def on_tool_incident(ctx: Context, event: Event) -> None:
    """``tool_incident.opened``: when none of the tool is left, the operations that need it wait (PLN-23)."""
    from coordinator.modules.catalogue.api import Tool
    from coordinator.modules.routings.models import OperationTool
    from coordinator.modules.stock import api as stock

    tool = ctx.get(Tool, event.payload["tool_id"])
    if stock.availability(ctx, tool.id).available > 0:
        return
    rows = select(OperationTool.routing_operation_id).where(
        OperationTool.tool_id == tool.id, OperationTool.archived_at.is_(None)
    )
    needing = set(ctx.session.scalars(rows))
    from coordinator.modules.planning.demand import open_operations

    ids = [o.id for o in open_operations(ctx) if o.routing_operation_id in needing and o.status == "pending"]
    if ids:
        back = ctx.now + dt.timedelta(days=tool.lead_time_days if tool.lead_time_days is not None else 7)
        label = t("planning.reason.tool", ctx.locale, tool=tool.code)
        ctx.defer(
            REPLAN,
            lock="planning",
            trigger=Trigger.TOOL_MISSING.value,
            label=label,
            operation_ids=ids,
            end=back,
        )


def replan_job(
    factory: ContextFactory, *, trigger: str, label: str, machine_id: int | None = None, employee_id: int | None = None,
    start: str | None = None, end: str | None = None, operation_ids: list[int] | None = None,
) -> None:  # fmt: skip
    """Make the proposal of an event; without a plan there is nothing to rearrange."""
    with factory.open(Principal.service(service.SERVICE)) as ctx:
        if problem.last_run(ctx) is None:
            return
        try:
            service.rearrange(
                ctx, Trigger(trigger), label, machine_id=machine_id, employee_id=employee_id,
                start=dt.datetime.fromisoformat(start) if start else None,
                end=dt.datetime.fromisoformat(end) if end else None, operation_ids=tuple(operation_ids or ()),
            )  # fmt: skip
        except BusinessError as refusal:
            service.cannot(ctx, refusal)
