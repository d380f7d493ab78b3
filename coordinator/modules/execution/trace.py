"""The file of a lot: drawing, material, machines, people, tools, cycles, times, events (TRC-02)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select, text

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.modules.execution import cycles, sheet, times
from coordinator.modules.execution.models import PartLot, TraceEvent, WorkOrder, WorkOrderOperation
from coordinator.modules.execution.orders import operations_of
from coordinator.modules.machines.api import Machine, MachineEvent
from coordinator.modules.routings.api import Routing
from coordinator.modules.stock.api import StockMovement


def file_of(ctx: Context, lot: PartLot) -> dict[str, Any]:
    """Everything kept of a lot, from order to last event."""
    order = ctx.get(WorkOrder, lot.work_order_id)
    routing = ctx.get(Routing, order.routing_id)
    operations = operations_of(ctx, order.id)
    events = select(TraceEvent).where(TraceEvent.part_lot_id == lot.id)
    return {
        "lot": {"id": lot.id, "number": lot.number, "quantity": jsonable(lot.quantity)},
        "work_order": {
            "id": order.id, "number": order.number, "status": order.status, "quantity": jsonable(order.quantity),
            "criticality": order.criticality, "sales_order_line_id": order.sales_order_line_id,
            "released_at": jsonable(order.released_at), "released_by": sheet.person(ctx, order.released_by_id),
        },
        "part": {**sheet.part_of(ctx, order), "part_revision_id": order.part_revision_id, "drawings": _drawings(ctx, order)},
        "routing": {
            "id": routing.id, "number": routing.number, "version_no": routing.version_no,
            "validated_by": sheet.person(ctx, routing.validated_by_id), "validated_at": jsonable(routing.validated_at),
        },
        "material": sheet.material_of(ctx, order.id),
        "operations": [_operation(ctx, o) for o in operations],
        "events": [
            {
                "kind": e.kind, "occurred_at": jsonable(e.occurred_at), "source": e.source, "remark": e.remark,
                "details": e.details, "person": sheet.person(ctx, e.user_id),
                "work_order_operation_id": e.work_order_operation_id,
            }
            for e in ctx.session.scalars(events.order_by(TraceEvent.occurred_at, TraceEvent.id))
        ],
    }  # fmt: skip


def _operation(ctx: Context, operation: WorkOrderOperation) -> dict[str, Any]:
    row = sheet.operation_row(ctx, operation)
    return {
        **row,
        "cycle_list": [
            {
                "program": c.program, "started_at": jsonable(c.started_at), "ended_at": jsonable(c.ended_at),
                "result": c.result, "part_count": c.part_count, "machine_id": c.machine_id,
            }
            for c in cycles.cycles_of(ctx, operation.id)
        ],
        "programs": sorted({c.program for c in cycles.cycles_of(ctx, operation.id) if c.program}),
        "machines": _machines(ctx, operation),
        "machine_events": _machine_events(ctx, operation),
        "stock_movements": _movements(ctx, operation.id),
    }  # fmt: skip


def _machines(ctx: Context, operation: WorkOrderOperation) -> list[dict[str, Any]]:
    """Machines really used, as declared with the times."""
    used: set[int | None] = {e.machine_id for e in times.entries_of(ctx, operation.id) if e.machine_id} or {
        operation.machine_id
    }
    query = select(Machine).where(Machine.id.in_([i for i in used if i is not None])).order_by(Machine.code)
    return [{"id": m.id, "code": m.code, "name": m.name} for m in ctx.session.scalars(query)]


def _machine_events(ctx: Context, operation: WorkOrderOperation) -> list[dict[str, Any]]:
    """Alarms and collisions of the machine while the operation ran (TRC-03)."""
    if operation.started_at is None:
        return []
    end = operation.ended_at or ctx.now + dt.timedelta(seconds=1)
    ids = [m["id"] for m in _machines(ctx, operation)]
    query = select(MachineEvent).where(
        MachineEvent.machine_id.in_(ids), MachineEvent.occurred_at.between(operation.started_at, end)
    )
    return [
        {
            "kind": e.kind,
            "level": e.level,
            "code": e.code,
            "text": e.text,
            "occurred_at": jsonable(e.occurred_at),
        }
        for e in ctx.session.scalars(query.order_by(MachineEvent.occurred_at))
    ]


def _movements(ctx: Context, operation_id: int) -> list[dict[str, Any]]:
    """Tools and material taken for the operation."""
    query = select(StockMovement).where(StockMovement.work_order_operation_id == operation_id)
    spec = ctx.registry.entities.get("stock_item")
    found = []
    for row in ctx.session.scalars(query.order_by(StockMovement.id)):
        item = ctx.session.get(spec.model, row.stock_item_id) if spec is not None else None
        found.append(
            {
                "item": getattr(item, "code", None), "name": getattr(item, "name", None), "kind": row.kind,
                "quantity": jsonable(row.quantity), "stock_lot_id": row.stock_lot_id, "stock_unit_id": row.stock_unit_id,
                "occurred_at": jsonable(row.occurred_at),
            }
        )  # fmt: skip
    return found


_DRAWINGS = text(
    "SELECT d.id AS document_id, d.number, d.title, v.id AS version_id, v.status, v.sha256 FROM document_link l"
    " JOIN document d ON d.id = l.document_id JOIN document_version v ON v.document_id = d.id"
    " WHERE l.object_type = 'part_revision' AND l.object_id = :revision ORDER BY v.id"
)


def _drawings(ctx: Context, order: WorkOrder) -> list[dict[str, Any]]:
    """Filed versions of the drawing."""
    if order.part_revision_id is None:
        return []
    return [
        dict(row._mapping) for row in ctx.session.execute(_DRAWINGS, {"revision": order.part_revision_id})
    ]
