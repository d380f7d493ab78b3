"""Parts to inspect after a collision: marked by themselves, nothing is closed until a person decides (MCH-23)."""

from __future__ import annotations

import uuid
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import Conflict
from coordinator.kernel.i18n import choice_label, t
from coordinator.kernel.models import Task
from coordinator.kernel.outbox import Event
from coordinator.modules.execution import times
from coordinator.modules.execution.facts import Fact, write_trace
from coordinator.modules.execution.models import PartHold, WorkOrder, WorkOrderOperation
from coordinator.modules.execution.orders import lot_of
from coordinator.modules.machines.api import MachineEvent


class DecideParams(BaseModel):
    """What the inspection found, and the words for the file."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal["released", "rework", "scrapped"]
    comment: str = Field(min_length=3, max_length=500)


def on_collision(ctx: Context, event: Event) -> None:
    """``machines.collision``: after an impact what the machine worked on is marked, once per event."""
    if event.payload["level"] != "impact":
        return
    collision = ctx.get(MachineEvent, event.payload["machine_event_id"])
    for operation in _running(ctx, collision):
        _mark(ctx, operation, collision)


def _running(ctx: Context, collision: MachineEvent) -> list[WorkOrderOperation]:
    """Operations clocked on the machine at that moment; without any clocking, those begun on it and not done."""
    ids = times.operations_at(ctx, collision.machine_id, collision.occurred_at)
    if collision.work_order_operation_id is not None:
        ids.add(collision.work_order_operation_id)
    query = select(WorkOrderOperation).where(WorkOrderOperation.id.in_(ids))
    if not ids:
        query = select(WorkOrderOperation).where(
            WorkOrderOperation.machine_id == collision.machine_id,
            WorkOrderOperation.status.in_(("in_progress", "blocked")),
        )
    return list(ctx.session.scalars(query.order_by(WorkOrderOperation.id)))


def _mark(ctx: Context, operation: WorkOrderOperation, collision: MachineEvent) -> None:
    uid = uuid.uuid5(collision.uid, f"hold:{operation.id}")
    if ctx.session.scalar(select(PartHold.id).where(PartHold.uid == uid)) is not None:
        return
    order = ctx.get(WorkOrder, operation.work_order_id)
    hold = ctx.add(
        PartHold(
            uid=uid, work_order_operation_id=operation.id, work_order_id=order.id, part_lot_id=lot_of(ctx, order.id).id,
            machine_event_id=collision.id, reason=(collision.text or "")[:300], marked_at=collision.occurred_at,
        )
    )  # fmt: skip
    write_trace(
        ctx, operation, "parts.to_inspect", collision.occurred_at, remark=collision.text, uid=uid,
        details={"machine_event_id": collision.id, "good_qty": str(operation.good_qty)},
    )  # fmt: skip
    words = {"order": order.number, "number": operation.sequence_no}
    title = t("task.parts_to_inspect", ctx.locale, **words)
    tasks.open_task(ctx, "parts.to_inspect", title, hold, role="quality_manager", dedupe_key=f"hold:{uid}")


def open_holds(ctx: Context, work_order_ids: list[int]) -> dict[int, PartHold]:
    """By order: the first mark nobody has decided yet."""
    query = select(PartHold).where(PartHold.work_order_id.in_(work_order_ids), PartHold.status == "open")
    found: dict[int, PartHold] = {}
    for hold in ctx.session.scalars(query.order_by(PartHold.marked_at, PartHold.id)):
        found.setdefault(hold.work_order_id, hold)
    return found


def check_finish(fact: Fact) -> None:
    """Nothing of the order is closed while parts of it wait for a decision."""
    hold = open_holds(fact.ctx, [fact.order.id]).get(fact.order.id)
    if hold is not None:
        fact.against("shop.parts_to_inspect", order=fact.order.number, reason=hold.reason)


def decide(ctx: Context, hold: PartHold, params: DecideParams) -> dict[str, Any]:
    """A person says what became of the parts; who, when and why stay.

    Raises:
        Conflict: ``shop.hold_decided``.
    """
    if hold.status != "open":
        raise Conflict("shop.hold_decided")
    hold.status, hold.comment = params.outcome, params.comment
    hold.decided_by_id, hold.decided_at = ctx.principal.user_id, ctx.now
    operation = ctx.get(WorkOrderOperation, hold.work_order_operation_id)
    write_trace(
        ctx, operation, "parts.inspected", ctx.now, source="manual", user_id=ctx.principal.user_id, remark=params.comment,
        details={"outcome": params.outcome},
    )  # fmt: skip
    task = ctx.session.scalars(select(Task).where(Task.dedupe_key == f"hold:{hold.uid}")).one_or_none()
    if task is not None and task.status == "open":
        tasks.close_task(ctx, task, choice_label("part_hold", params.outcome, ctx.locale))
    return {"status": hold.status}
