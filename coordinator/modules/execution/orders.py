"""Work orders: made from a routing, checked, released, held, cancelled (RTG-08, RTG-16…18)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import select

from coordinator.kernel import numbering, qr, tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.kernel.i18n import t
from coordinator.kernel.lifecycle import move
from coordinator.modules.catalogue.api import Material, PartRevision
from coordinator.modules.execution import rules
from coordinator.modules.execution.models import PartLot, TimeEntry, WorkOrder, WorkOrderOperation
from coordinator.modules.routings import api as routings
from coordinator.modules.routings.models import OperationDependency

ZERO = Decimal(0)


def create_work_order(
    ctx: Context, routing: routings.Routing, quantity: Decimal, *, sales_order_line_id: int | None = None,
    due_date: dt.date | None = None, priority: str = "normal", criticality: str | None = None,
    quantity_reason: str | None = None,
) -> WorkOrder:  # fmt: skip
    """Copy a routing into an order to make ``quantity`` parts, with a QR code per operation (RTG-01, RTG-08, EXE-05).

    An empty routing gives an order on hold with a task for methods (RTG-46). Emits ``work_order.created``.

    Raises:
        BusinessError: ``work_order.quantity``.
    """
    if quantity <= 0 or quantity != quantity.to_integral_value():
        raise BusinessError(
            "work_order.quantity", errors=[FieldError("quantity", "field.greater_than", {"limit": 0})]
        )
    if criticality is None:
        revision = (
            ctx.session.get(PartRevision, routing.part_revision_id) if routing.part_revision_id else None
        )
        criticality = revision.criticality if revision is not None else "standard"
    order = WorkOrder(
        number=numbering.next_number(ctx, "work_order"), sales_order_line_id=sales_order_line_id, routing_id=routing.id,
        part_revision_id=routing.part_revision_id, quantity=quantity, quantity_reason=quantity_reason, due_date=due_date,
        priority=priority, criticality=criticality,
    )  # fmt: skip
    ctx.add(order)
    qr.code_of(ctx, order)
    _copy_operations(ctx, order, routings.operations_of(ctx, routing.id))
    qr.code_of(ctx, ctx.add(PartLot(number=f"{order.number}-L01", work_order_id=order.id)))
    ctx.emit("work_order.created", {"id": order.id, "routing_id": routing.id})
    return order


def _copy_operations(ctx: Context, order: WorkOrder, found: routings.OperationSet) -> None:
    copies: dict[int, int] = {0: 0}
    for row in found.operations:
        run = row.planned_time_min * order.quantity if row.time_basis == "piece" else row.planned_time_min
        copy = WorkOrderOperation(
            work_order_id=order.id, routing_operation_id=row.id, sequence_no=row.sequence_no,
            operation_type=row.operation_type, operation_label=row.operation_label, machine_id=row.machine_id,
            setup_time_min=row.setup_time_min, run_time_min=run, planned_time_min=row.setup_time_min + run,
            attendance_pct=row.attendance_pct, external_days=row.external_days, supplier_id=row.supplier_id,
            skill_id=row.skill_id, is_critical=row.is_critical, inspection_means=row.inspection_means,
            planned_qty=order.quantity, material=_material(ctx, order, found.materials.get(row.id, [])),
        )  # fmt: skip
        ctx.add(copy)
        qr.code_of(ctx, copy)
        copies[row.id] = copy.id
    for rows in found.dependencies.values():
        for link in rows:
            if link.routing_operation_id in copies and link.predecessor_id in copies:
                ctx.session.add(
                    OperationDependency(
                        work_order_operation_id=copies[link.routing_operation_id],
                        predecessor_id=copies[link.predecessor_id], transfer_qty=link.transfer_qty,
                    )
                )  # fmt: skip
    ctx.session.flush()
    if not found.operations:
        order.status = "on_hold"
        title = t("task.work_order_empty", ctx.locale, number=order.number)
        tasks.open_task(
            ctx, "work_order.empty", title, order, role="methods", dedupe_key=f"work_order_empty:{order.id}"
        )


def _material(
    ctx: Context, order: WorkOrder, rows: list[routings.OperationMaterial]
) -> dict[str, Any] | None:
    if not rows:
        return None
    row = rows[0]
    material = ctx.session.get(Material, row.material_id) if row.material_id is not None else None
    numbers = {
        name: str(getattr(row, name)) if getattr(row, name) is not None else None
        for name in ("diameter_mm", "width_mm", "thickness_mm", "cut_length_mm")
    }
    return {
        "material_id": row.material_id, "name": material.name if material is not None else None, "shape": row.shape, **numbers,
        "cut_count": rules.cut_count(row.cut_count_per_piece, order.quantity), "stock_lot_id": row.stock_lot_id,
        "stock_unit_id": row.stock_unit_id,
    }  # fmt: skip


def operations_of(ctx: Context, work_order_id: int) -> list[WorkOrderOperation]:
    """Operations of an order, in order."""
    query = select(WorkOrderOperation).where(WorkOrderOperation.work_order_id == work_order_id)
    return list(ctx.session.scalars(query.order_by(WorkOrderOperation.sequence_no)))


def predecessors(
    ctx: Context, operation: WorkOrderOperation
) -> list[tuple[WorkOrderOperation, Decimal | None]]:
    """Operations this one waits for, each with its transfer batch; undeclared, the one before (RTG-12)."""
    query = select(OperationDependency).where(OperationDependency.work_order_operation_id == operation.id)
    declared = list(ctx.session.scalars(query))
    if declared:
        found = [
            (ctx.get(WorkOrderOperation, d.predecessor_id), d.transfer_qty)
            for d in declared
            if d.predecessor_id
        ]
        return [(before, qty) for before, qty in found if before.status != "cancelled"]
    before = [
        o for o in operations_of(ctx, operation.work_order_id)
        if o.sequence_no < operation.sequence_no and o.status != "cancelled"
    ]  # fmt: skip
    return [(before[-1], None)] if before else []


def received_qty(ctx: Context, operation: WorkOrderOperation) -> Decimal:
    """Parts the operation has got from those before it."""
    return rules.received(
        operation.planned_qty, [before.good_qty for before, _ in predecessors(ctx, operation)]
    )


def lot_of(ctx: Context, work_order_id: int) -> PartLot:
    """The lot an order produces."""
    query = select(PartLot).where(PartLot.work_order_id == work_order_id).order_by(PartLot.id).limit(1)
    return ctx.session.scalars(query).one()


def reschedule(
    ctx: Context, order: WorkOrder, *, due_date: dt.date | None = None, priority: str | None = None
) -> None:
    """New date or priority of an order, from whoever promised it; the plan follows."""
    order.due_date = due_date or order.due_date
    order.priority = priority or order.priority
    ctx.emit("work_order.changed", {"id": order.id})


# --- commands ---------------------------------------------------------------------------------------------------


class LaunchParams(BaseModel):
    """What is to be made from a routing."""

    quantity: Decimal = Field(gt=0)
    due_date: dt.date | None = None
    priority: str = Field(default="normal", pattern="^(normal|urgent|critical|overdue_urgent)$")
    quantity_reason: str | None = Field(default=None, max_length=200)


def launch(ctx: Context, routing: routings.Routing, params: LaunchParams) -> dict[str, Any]:
    """Make a work order by hand (RTG-10, RTG-15)."""
    if routing.status == "obsolete" or routing.is_template:
        raise Conflict("work_order.routing_unusable", number=routing.number)
    order = create_work_order(
        ctx, routing, params.quantity, due_date=params.due_date, priority=params.priority,
        quantity_reason=params.quantity_reason,
    )  # fmt: skip
    return {"id": order.id, "number": order.number}


class ReasonParams(BaseModel):
    """Why."""

    reason: str = Field(default="", max_length=300)


def resume(ctx: Context, order: WorkOrder, _params: Any) -> None:
    """Only an order that had begun goes on; another one is released."""
    if not any(o.started_at for o in operations_of(ctx, order.id)):
        raise Conflict("work_order.not_started", number=order.number)


def cancel(ctx: Context, order: WorkOrder, _params: Any) -> None:
    """Stop everything that is not done; what was done stays recorded."""
    for operation in operations_of(ctx, order.id):
        if operation.status in {"pending", "in_progress", "blocked"}:
            close_entries(ctx, operation, ctx.now)
            move(ctx, operation, "cancel")


def close_entries(ctx: Context, operation: WorkOrderOperation, at: dt.datetime) -> None:
    """End the open times of an operation."""
    from coordinator.modules.execution.times import close_entry

    query = select(TimeEntry).where(
        TimeEntry.work_order_operation_id == operation.id, TimeEntry.ended_at.is_(None)
    )
    for entry in ctx.session.scalars(query):
        close_entry(ctx, entry, max(at, entry.started_at))


def block(_ctx: Context, operation: WorkOrderOperation, params: ReasonParams) -> None:
    """Keep an operation from going on (EXE-13)."""
    operation.blocked_reason = params.reason or None


def unblock(_ctx: Context, operation: WorkOrderOperation, _params: Any) -> None:
    """Let it go on."""
    operation.blocked_reason = None


def check_operation(ctx: Context, operation: WorkOrderOperation) -> None:
    """A started operation keeps its history; changed times follow into the total (RTG-20)."""
    if operation.status in {"done", "cancelled"}:
        raise Conflict("work_order_operation.closed", number=operation.sequence_no)
    if operation.setup_time_min < 0 or operation.run_time_min < 0:
        raise BusinessError("routing.time", number=operation.sequence_no)
    operation.planned_time_min = operation.setup_time_min + operation.run_time_min
    ctx.emit("work_order.changed", {"id": operation.work_order_id, "work_order_operation_id": operation.id})


def check_order(ctx: Context, order: WorkOrder) -> None:
    """Quantity, date and priority of an order; its operations follow a changed quantity until they start (RTG-10)."""
    if order.id is None:
        routing = ctx.get(routings.Routing, order.routing_id)
        order.number = numbering.next_number(ctx, "work_order")
        order.part_revision_id = routing.part_revision_id
        return
    if order.quantity <= 0:
        raise BusinessError("work_order.quantity")
    ctx.emit("work_order.changed", {"id": order.id})
