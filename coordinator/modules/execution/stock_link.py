"""The workshop's answers to stock: what an operation needs, what is still to be cut, what was made of a lot."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.catalogue.api import Part, PartRevision
from coordinator.modules.execution.models import PartLot, PartLotMaterial, WorkOrder, WorkOrderOperation
from coordinator.modules.execution.release import demand_of
from coordinator.modules.machines.models import MachineCycle
from coordinator.modules.routings.models import OperationTool, RoutingOperation
from coordinator.modules.stock import shop
from coordinator.modules.stock.shop import Need, OperationFacts

OPEN = ("pending", "in_progress", "blocked")


class Workshop:
    """See ``stock.shop.Shop``."""

    def operation(self, ctx: Context, operation_id: int) -> OperationFacts | None:
        """Facts of an operation."""
        row = ctx.session.get(WorkOrderOperation, operation_id)
        if row is None:
            return None
        return _facts(ctx, row, ctx.get(WorkOrder, row.work_order_id))

    def cutting(self, ctx: Context, material_id: int) -> list[OperationFacts]:
        """Sawing of released orders still to be done in a material, what is due first before."""
        query = (
            select(WorkOrderOperation, WorkOrder)
            .join(WorkOrder, WorkOrder.id == WorkOrderOperation.work_order_id)
            .where(
                WorkOrder.status.in_(("released", "in_progress")),
                WorkOrderOperation.status.in_(("pending", "in_progress")),
                WorkOrderOperation.material["material_id"].as_integer() == material_id,
                WorkOrderOperation.material["cut_length_mm"].as_string().is_not(None),
            )
            .order_by(WorkOrder.due_date.asc().nulls_last(), WorkOrderOperation.id)
        )
        return [_facts(ctx, operation, order) for operation, order in ctx.session.execute(query)]

    def needs(self, ctx: Context, until: dt.date) -> list[Need]:
        """Material of sawing and tools of open operations, due by a day."""
        query = (
            select(WorkOrderOperation, WorkOrder)
            .join(WorkOrder, WorkOrder.id == WorkOrderOperation.work_order_id)
            .where(
                WorkOrder.status.in_(("draft", "released", "in_progress", "on_hold")),
                WorkOrder.archived_at.is_(None),
                WorkOrderOperation.status.in_(OPEN),
            )
            .order_by(WorkOrderOperation.id)
        )
        found: list[Need] = []
        for operation, order in ctx.session.execute(query):
            day = _day(ctx, operation, order)
            if day <= until:
                found += _material_need(ctx, operation, order, day)
                found += _tool_needs(ctx, operation, order, day)
        return found

    def parts_of_lot(self, ctx: Context, stock_lot_id: int) -> list[dict[str, Any]]:
        """Part lots made of a material lot."""
        query = (
            select(PartLot, WorkOrder, Part.name, Part.drawing_number)
            .join(PartLotMaterial, PartLotMaterial.part_lot_id == PartLot.id)
            .join(WorkOrder, WorkOrder.id == PartLot.work_order_id)
            .outerjoin(PartRevision, PartRevision.id == WorkOrder.part_revision_id)
            .outerjoin(Part, Part.id == PartRevision.part_id)
            .where(PartLotMaterial.stock_lot_id == stock_lot_id)
            .order_by(PartLot.id)
            .distinct()
        )
        return [
            {
                "id": lot.id,
                "at": lot.created_at,
                "number": lot.number,
                "order": order.number,
                "part": " ".join(x for x in (drawing, name) if x) or None,
                "quantity": f"{lot.quantity.normalize():f}",
            }
            for lot, order, name, drawing in ctx.session.execute(query)
        ]

    def programs_of_tool(self, ctx: Context, tool_id: int) -> list[dict[str, Any]]:
        """Programs that ran for operations planned with the tool, with their time against the plan."""
        query = (
            select(WorkOrderOperation, WorkOrder.number, MachineCycle.program)
            .join(WorkOrder, WorkOrder.id == WorkOrderOperation.work_order_id)
            .join(
                OperationTool, OperationTool.routing_operation_id == WorkOrderOperation.routing_operation_id
            )
            .outerjoin(MachineCycle, MachineCycle.work_order_operation_id == WorkOrderOperation.id)
            .where(OperationTool.tool_id == tool_id, OperationTool.archived_at.is_(None))
            .order_by(WorkOrderOperation.id.desc())
            .limit(400)
        )
        found: dict[tuple[int, str], dict[str, Any]] = {}
        for operation, number, program in ctx.session.execute(query):
            key = (operation.id, program or "")
            found.setdefault(
                key,
                {
                    "id": operation.id,
                    "program": program or "—",
                    "operation": f"{number} · {operation.sequence_no} · {operation.operation_label}",
                    "planned_min": operation.planned_time_min,
                    "actual_min": operation.actual_time_min,
                },
            )
        return list(found.values())[:100]


def _day(ctx: Context, operation: WorkOrderOperation, order: WorkOrder) -> dt.date:
    if operation.planned_start_at is not None:
        return operation.planned_start_at.date()
    return order.due_date or ctx.now.date()


def _material_need(
    ctx: Context, operation: WorkOrderOperation, order: WorkOrder, day: dt.date
) -> Iterable[Need]:
    planned = operation.material or {}
    item_id, length, count = (planned.get(n) for n in ("material_id", "cut_length_mm", "cut_count"))
    if item_id is None or not length or not count:
        return []
    kerf = ctx.settings.decimal("stock.saw_kerf_mm")
    quantity = int(count) * (Decimal(str(length)) + kerf)
    return [
        Need(item_id, quantity, day, "order", _name(operation, order), "work_order_operation", operation.id)
    ]


def _tool_needs(
    ctx: Context, operation: WorkOrderOperation, order: WorkOrder, day: dt.date
) -> Iterable[Need]:
    """Tools with a known life wear by the time planned; the share of a life is what the operation uses up."""
    from coordinator.modules.catalogue.api import Tool

    for planned in _tools(ctx, operation.routing_operation_id):
        tool_id = planned.tool_id
        tool = ctx.session.get(Tool, tool_id) if tool_id is not None else None
        if tool is None or tool_id is None or not tool.life_min:
            continue
        minutes = operation.planned_time_min
        if planned.cutting_min is not None:
            minutes = min(minutes, planned.cutting_min * operation.planned_qty)
        quantity = round(minutes / tool.life_min, 3)
        if quantity > 0:
            yield Need(
                tool_id, quantity, day, "order", _name(operation, order), "work_order_operation", operation.id
            )


def _name(operation: WorkOrderOperation, order: WorkOrder) -> str:
    return f"{order.number} · {operation.sequence_no} · {operation.operation_label}"


def _minutes(tools: Sequence[OperationTool]) -> dict[int, Decimal]:
    found: dict[int, Decimal] = {}
    for tool in tools:
        if tool.tool_id is not None and tool.cutting_min is not None:
            found[tool.tool_id] = found.get(tool.tool_id, Decimal(0)) + tool.cutting_min
    return found


def _tools(ctx: Context, routing_operation_id: int | None) -> Sequence[OperationTool]:
    if routing_operation_id is None:
        return ()
    query = select(OperationTool).where(
        OperationTool.routing_operation_id == routing_operation_id,
        OperationTool.tool_id.is_not(None),
        OperationTool.archived_at.is_(None),
    )
    return list(ctx.session.scalars(query.order_by(OperationTool.position, OperationTool.id)))


def _facts(ctx: Context, operation: WorkOrderOperation, order: WorkOrder) -> OperationFacts:
    planned = operation.material or {}
    revision = ctx.session.get(PartRevision, order.part_revision_id) if order.part_revision_id else None
    routing = (
        ctx.session.get(RoutingOperation, operation.routing_operation_id)
        if operation.routing_operation_id is not None
        else None
    )
    conditions = (routing.conditions or {}) if routing is not None else {}
    depth = conditions.get("depth_mm")
    tools = _tools(ctx, operation.routing_operation_id)
    return OperationFacts(
        id=operation.id,
        work_order_id=order.id,
        order_number=order.number,
        sequence_no=operation.sequence_no,
        label=operation.operation_label,
        operation_type=operation.operation_type,
        routing_operation_id=operation.routing_operation_id,
        machine_id=operation.machine_id,
        status=operation.status,
        demand=demand_of(ctx, order),
        material_id=planned.get("material_id"),
        part_material_id=revision.material_id if revision is not None else planned.get("material_id"),
        cut_length_mm=_decimal(planned.get("cut_length_mm")),
        cut_count=int(planned["cut_count"]) if planned.get("cut_count") else None,
        section=(
            planned.get("shape"),
            _decimal(planned.get("diameter_mm")),
            _decimal(planned.get("width_mm")),
            _decimal(planned.get("thickness_mm")),
        ),
        tool_ids=tuple(tool.tool_id for tool in tools if tool.tool_id),
        tool_minutes=tuple((i, minutes) for i, minutes in _minutes(tools).items()),
        depth_mm=float(depth) if isinstance(depth, int | float) else None,
    )


def _decimal(value: Any) -> Decimal | None:
    return None if value in (None, "") else Decimal(str(value))


def connect() -> None:
    """Give stock its view of the workshop."""
    shop.connect(Workshop())
