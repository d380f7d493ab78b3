"""Machine cycles tied to the operation open on the machine (MCH-13, EXE-47)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.outbox import Event
from coordinator.modules.execution import times
from coordinator.modules.execution.models import TimeEntry, WorkOrderOperation
from coordinator.modules.machines import api as machines
from coordinator.modules.machines.api import MachineCycle


def on_cycle(ctx: Context, event: Event) -> None:
    """``machines.cycle_recorded``: the cycle belongs to whoever worked on that machine when it ended."""
    started = dt.datetime.fromisoformat(event.payload["started_at"])
    ended = dt.datetime.fromisoformat(event.payload["ended_at"])
    query = (
        select(TimeEntry)
        .join(WorkOrderOperation, WorkOrderOperation.id == TimeEntry.work_order_operation_id)
        .where(TimeEntry.archived_at.is_(None), TimeEntry.started_at < ended)
        .where(TimeEntry.machine_id == event.payload["machine_id"])
        .where(TimeEntry.ended_at.is_(None) | (TimeEntry.ended_at > started))
        .order_by(TimeEntry.started_at.desc())
        .limit(1)
    )
    entry = ctx.session.scalars(query).one_or_none()
    if entry is not None and entry.work_order_operation_id is not None:
        operation_id = entry.work_order_operation_id
        machines.link_cycle(ctx, event.payload["machine_cycle_id"], operation_id, user_id=entry.user_id)


def link_past(ctx: Context, operation: WorkOrderOperation) -> None:
    """Cycles that were recorded before the operator's facts arrived."""
    for entry in times.entries_of(ctx, operation.id):
        if entry.machine_id is None or entry.ended_at is None:
            continue
        query = select(MachineCycle).where(
            MachineCycle.machine_id == entry.machine_id, MachineCycle.work_order_operation_id.is_(None),
            MachineCycle.ended_at > entry.started_at, MachineCycle.started_at < entry.ended_at,
        )  # fmt: skip
        for cycle in ctx.session.scalars(query):
            machines.link_cycle(ctx, cycle.id, operation.id, user_id=entry.user_id)


def cycles_of(ctx: Context, operation_id: int) -> list[MachineCycle]:
    """Cycles made for an operation, in order."""
    query = select(MachineCycle).where(MachineCycle.work_order_operation_id == operation_id)
    return list(ctx.session.scalars(query.order_by(MachineCycle.started_at)))
