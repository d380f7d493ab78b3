"""Pace of an operation done by one person against its own history; told to managers only (MCH-21)."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import ColumnElement, false, func, select, true

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.i18n import t
from coordinator.kernel.outbox import Event
from coordinator.modules.execution.models import OperatorCadence, TimeEntry, WorkOrder, WorkOrderOperation
from coordinator.modules.machines import api as machines

KEPT = 50
"""Runs of an operation it is compared with, the latest first."""
_MILLI = Decimal("0.001")


def managers_only(ctx: Context) -> ColumnElement[bool]:
    """Figures about persons are seen by whoever approves their times, and nobody else."""
    return true() if ctx.principal.may("time_tracking", "validate") else false()


def on_finished(ctx: Context, event: Event) -> None:
    """``operation.finished``: one person's run far from the median of the runs before is a question for managers."""
    operation = ctx.get(WorkOrderOperation, event.payload["id"])
    if operation.routing_operation_id is None:
        return
    known = select(OperatorCadence.id).where(OperatorCadence.work_order_operation_id == operation.id)
    employee_id = _only_employee(ctx, operation.id)
    if employee_id is None or ctx.session.scalar(known) is not None:
        return
    runs = _runs(ctx, operation.routing_operation_id)
    value = runs.pop(operation.id, None)
    if value is None:
        return
    found = machines.judge_cadence(value, list(runs.values()), ctx.settings.integer("execution.cadence_pct"))
    if found is None:
        return
    cadence = ctx.add(
        OperatorCadence(
            work_order_operation_id=operation.id, employee_id=employee_id, direction="slower" if found.is_more else "faster",
            part_min=Decimal(str(value)).quantize(_MILLI), usual_min=Decimal(str(found.usual)).quantize(_MILLI),
            history_count=len(runs), found_at=ctx.now,
        )
    )  # fmt: skip
    order = ctx.get(WorkOrder, operation.work_order_id)
    words = t(
        "shop.cadence", ctx.locale, order=order.number, number=operation.sequence_no,
        actual=f"{value:.1f}".replace(".", ","), usual=f"{found.usual:.1f}".replace(".", ","),
    )  # fmt: skip
    tasks.notify(ctx, "info", "cadence", words, cadence, role="workshop_manager")


def _only_employee(ctx: Context, operation_id: int) -> int | None:
    """Who did it, where one person did; what two share is nobody's pace."""
    query = select(TimeEntry.employee_id).where(
        TimeEntry.work_order_operation_id == operation_id, TimeEntry.archived_at.is_(None)
    )
    found = set(ctx.session.scalars(query.distinct()))
    return found.pop() if len(found) == 1 else None


def _runs(ctx: Context, routing_operation_id: int) -> dict[int, float]:
    """Minutes of run per part of the finished runs of an operation; times nobody has approved yet are left out."""
    minutes = func.sum(func.coalesce(TimeEntry.confirmed_min, TimeEntry.duration_min))
    parts = WorkOrderOperation.good_qty + WorkOrderOperation.scrap_qty + WorkOrderOperation.rework_qty
    query = (
        select(WorkOrderOperation.id, minutes / parts)
        .join(TimeEntry, TimeEntry.work_order_operation_id == WorkOrderOperation.id)
        .where(
            WorkOrderOperation.routing_operation_id == routing_operation_id,
            WorkOrderOperation.status == "done",
            TimeEntry.archived_at.is_(None),
            TimeEntry.kind == "run",
            parts > 0,
        )
        .group_by(WorkOrderOperation.id)
        .having(~func.bool_or(TimeEntry.needs_validation), minutes > 0)
        .order_by(WorkOrderOperation.ended_at.desc())
        .limit(KEPT + 1)
    )
    return {operation_id: float(value) for operation_id, value in ctx.session.execute(query)}
