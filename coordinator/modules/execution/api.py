"""What other modules may ask of execution."""

from __future__ import annotations

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.execution.cycles import cycles_of
from coordinator.modules.execution.models import (
    Comment,
    PartLot,
    PartLotMaterial,
    TimeEntry,
    TraceEvent,
    WorkOrder,
    WorkOrderOperation,
)
from coordinator.modules.execution.orders import create_work_order, lot_of, operations_of, reschedule
from coordinator.modules.execution.sheet import file_sheet
from coordinator.modules.execution.times import entries_of, spent_min
from coordinator.modules.execution.trace import file_of

__all__ = [
    "Comment",
    "PartLot",
    "PartLotMaterial",
    "TimeEntry",
    "TraceEvent",
    "WorkOrder",
    "WorkOrderOperation",
    "create_work_order",
    "cycles_of",
    "entries_of",
    "file_of",
    "file_sheet",
    "lot_of",
    "operations_of",
    "reschedule",
    "spent_min",
    "work_orders_of_line",
]


def work_orders_of_line(ctx: Context, sales_order_line_id: int) -> list[WorkOrder]:
    """Work orders made for an order line, oldest first."""
    query = select(WorkOrder).where(WorkOrder.sales_order_line_id == sales_order_line_id)
    return list(ctx.session.scalars(query.order_by(WorkOrder.id)))
