"""Operations as people and stations see them: what is in hand, nothing of prices or what else waits (EXE-07)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select, true

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.models import QrCode
from coordinator.modules.catalogue.api import Part, PartRevision, Tool
from coordinator.modules.execution import inspection, times
from coordinator.modules.execution.models import TimeEntry, WorkOrder, WorkOrderOperation
from coordinator.modules.execution.orders import predecessors, received_qty
from coordinator.modules.machines.api import Machine
from coordinator.modules.planning.models import OperatorSlot
from coordinator.modules.routings.api import OperationTool
from coordinator.modules.stock import api as stock

OPEN = ("pending", "in_progress", "blocked")


def mine(ctx: Context, scope: str) -> ColumnElement[bool]:
    """Operations of the person: assigned, planned for him, or begun by him (RTG-33); all of them for who leads."""
    if scope not in {"own", "assigned"}:
        return true()
    user_id, employee_id = ctx.principal.user_id, ctx.principal.employee_id
    worked = exists().where(
        TimeEntry.work_order_operation_id == WorkOrderOperation.id, TimeEntry.user_id == user_id
    )
    conditions: list[ColumnElement[bool]] = [worked.where(TimeEntry.user_id.is_not(None))]
    if employee_id is not None:
        conditions.append(WorkOrderOperation.assigned_employee_id == employee_id)
        planned = exists().where(
            OperatorSlot.work_order_operation_id == WorkOrderOperation.id, OperatorSlot.employee_id == employee_id,
            OperatorSlot.status.in_(("planned", "in_progress")), OperatorSlot.archived_at.is_(None),
        )  # fmt: skip
        conditions.append(WorkOrderOperation.assigned_employee_id.is_(None) & planned)
    return or_(*conditions)


def open_operations(
    ctx: Context, condition: ColumnElement[bool], limit: int = 300
) -> list[WorkOrderOperation]:
    """Operations of released orders still to be done, what runs first."""
    query = (
        select(WorkOrderOperation)
        .join(WorkOrder, WorkOrder.id == WorkOrderOperation.work_order_id)
        .where(WorkOrder.status.in_(("released", "in_progress")), WorkOrder.archived_at.is_(None))
        .where(WorkOrderOperation.status.in_(OPEN), condition)
        .order_by(
            WorkOrderOperation.status != "in_progress",
            WorkOrderOperation.planned_start_at.asc().nulls_last(),
            WorkOrder.due_date.asc().nulls_last(),
            WorkOrder.number,
            WorkOrderOperation.sequence_no,
        )
        .limit(limit)
    )
    return list(ctx.session.scalars(query))


def items(
    ctx: Context, operations: Sequence[WorkOrderOperation], user_id: int | None
) -> list[dict[str, Any]]:
    """Operations in the form of ``GET /me/operations``; running time up to now is included."""
    if not operations:
        return []
    orders = _by_id(ctx, WorkOrder, {o.work_order_id for o in operations})
    machines = _by_id(ctx, Machine, {o.machine_id for o in operations if o.machine_id is not None})
    parts = _parts(ctx, {order.part_revision_id for order in orders.values()})
    codes = _codes(ctx, [o.id for o in operations])
    holds = inspection.open_holds(ctx, list(orders))
    tools = _tools_in_use(ctx, operations)
    return [
        _item(ctx, o, orders[o.work_order_id], machines.get(o.machine_id), parts, codes, tools, user_id)
        | {"to_inspect": holds[o.work_order_id].reason if o.work_order_id in holds else None}
        for o in operations
    ]


def _by_id(ctx: Context, model: Any, ids: set[Any]) -> dict[Any, Any]:
    return {row.id: row for row in ctx.session.scalars(select(model).where(model.id.in_(ids)))}


def _parts(ctx: Context, revision_ids: set[int | None]) -> dict[int | None, dict[str, Any]]:
    query = select(PartRevision.id, PartRevision.revision, Part.name, Part.drawing_number)
    query = query.join(Part, Part.id == PartRevision.part_id).where(PartRevision.id.in_(revision_ids))
    return {
        row.id: {"name": row.name, "drawing_number": row.drawing_number, "revision": row.revision}
        for row in ctx.session.execute(query)
    }


def _codes(ctx: Context, operation_ids: Sequence[int]) -> dict[int, str]:
    query = select(QrCode.object_id, QrCode.code).where(
        QrCode.object_type == "work_order_operation",
        QrCode.object_id.in_(operation_ids),
        QrCode.revoked_at.is_(None),
    )
    return dict(ctx.session.execute(query.order_by(QrCode.id)).tuples().all())


def _tools_in_use(ctx: Context, operations: Sequence[WorkOrderOperation]) -> dict[int, list[dict[str, Any]]]:
    """By operation: planned tools, with what its order uses instead of them since a breakage (STK-39).

    A tool near the end of its life on the operation's machine says so (STK-06).
    """
    ending = stock.ending_tools(ctx, [o.machine_id for o in operations if o.machine_id is not None])
    planned, replaced = _tools(ctx, operations), stock.replacements(ctx, [o.id for o in operations])
    found = {}
    for operation in operations:
        instead = replaced.get(operation.id, {})
        kept = [
            tool for tool in planned.get(operation.routing_operation_id, []) if tool["code"] not in instead
        ]
        used = kept + [
            {"code": tool.code, "name": tool.name} for tool in instead.values() if tool is not None
        ]
        found[operation.id] = [
            {**tool, **ending.get((operation.machine_id or 0, tool["code"]), {})} for tool in used
        ]
    return found


def _tools(ctx: Context, operations: Sequence[WorkOrderOperation]) -> dict[int | None, list[dict[str, str]]]:
    ids = {o.routing_operation_id for o in operations if o.routing_operation_id is not None}
    query = select(OperationTool, Tool.code, Tool.name).outerjoin(Tool, Tool.id == OperationTool.tool_id)
    query = query.where(OperationTool.routing_operation_id.in_(ids), OperationTool.archived_at.is_(None))
    found: dict[int | None, list[dict[str, str]]] = {}
    for row, code, name in ctx.session.execute(query.order_by(OperationTool.position, OperationTool.id)):
        tool = {"code": code or row.tool_text or "", "name": name or row.tool_text or ""}
        found.setdefault(row.routing_operation_id, []).append(tool)
    return found


def tools_of(ctx: Context, operation: WorkOrderOperation) -> list[dict[str, str]]:
    """Planned tools of an operation."""
    return _tools(ctx, [operation]).get(operation.routing_operation_id, [])


def _number(value: Any) -> float | None:
    return None if value is None else float(Decimal(str(value)))


def _item(
    ctx: Context, operation: WorkOrderOperation, order: WorkOrder, machine: Machine | None,
    parts: dict[int | None, dict[str, Any]], codes: dict[int, str], tools: dict[int, list[dict[str, Any]]],
    user_id: int | None,
) -> dict[str, Any]:  # fmt: skip
    material = operation.material or {}
    # Nothing was ever clocked on what has not begun; most of a long list is that.
    entries = times.entries_of(ctx, operation.id) if operation.started_at is not None else []
    running = [e for e in entries if e.ended_at is None]
    own = [e for e in running if user_id is None or e.user_id == user_id] or running
    is_paused = bool(own) and all(times.open_pause(ctx, e.id) is not None for e in own)
    return {
        "id": str(operation.id),
        "uid": str(operation.uid),
        "code": codes.get(operation.id, ""),
        "work_order_number": order.number,
        "sequence_no": operation.sequence_no,
        "operation_label": operation.operation_label,
        "operation_type": operation.operation_type,
        "machine": None
        if machine is None
        else {"id": str(machine.id), "code": machine.code, "name": machine.name},
        "part": parts.get(order.part_revision_id) or {"name": "", "drawing_number": None, "revision": None},
        "material": material.get("name"),
        "planned_qty": float(operation.planned_qty),
        "received_qty": _received(ctx, operation, order) if user_id is not None else None,
        "good_qty": float(operation.good_qty),
        "scrap_qty": float(operation.scrap_qty),
        "rework_qty": float(operation.rework_qty),
        "status": operation.status,
        "is_paused": is_paused,
        "planned_time_min": float(operation.planned_time_min),
        "actual_time_min": float(sum(times.elapsed_min(ctx, e, ctx.now) for e in entries)),
        "started_at": jsonable(operation.started_at),
        "planned_start_at": jsonable(operation.planned_start_at),
        "tools": tools[operation.id],
        "cut_length_mm": _number(material.get("cut_length_mm")),
        "cut_count": material.get("cut_count"),
        "allowed_actions": actions(operation, order, own, is_paused=is_paused),
        "operators": sorted({f"u{e.user_id}" for e in running if e.user_id is not None}),
        "priority": order.priority,
        "criticality": order.criticality,
    }


def _received(ctx: Context, operation: WorkOrderOperation, order: WorkOrder) -> float | None:
    """Parts there are to work on, once the operations before have passed on all they will; ``None`` until then."""
    if order.status != "in_progress":
        return None
    before = predecessors(ctx, operation)
    is_final = bool(before) and all(one.status == "done" for one, _ in before)
    return float(received_qty(ctx, operation)) if is_final else None


def actions(
    operation: WorkOrderOperation, order: WorkOrder, running: Sequence[TimeEntry], *, is_paused: bool
) -> list[str]:
    """What may be declared now."""
    if order.status not in {"released", "in_progress"} or operation.status not in {"pending", "in_progress"}:
        return []
    if operation.status == "pending" or not running:
        return ["start"] if operation.status == "pending" else ["start", "report", "finish"]
    if is_paused:
        return ["resume", "report", "finish"]
    first = ["start"] if running[-1].kind == "setup" else []
    return [*first, "pause", "report", "finish"]


def station_data(ctx: Context, station_code: str) -> dict[str, Any]:  # noqa: ARG001 — every station may serve any machine
    """Operations a station can act on without a line (EDG-22)."""
    return {"operations": items(ctx, open_operations(ctx, true(), limit=500), None)}
