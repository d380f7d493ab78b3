"""Work order seen from the office, and its printed routing sheet (RTG-02, RTG-03, EXE-22)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from coordinator.kernel import crud, qr
from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.i18n import choice_label, t
from coordinator.kernel.outbox import Event
from coordinator.kernel.papers.data import Address, Company
from coordinator.modules.catalogue.api import Part, PartRevision
from coordinator.modules.company import api as company
from coordinator.modules.documents import api as documents
from coordinator.modules.execution import cycles, rules, times, views
from coordinator.modules.execution.models import (
    Comment,
    PartLot,
    PartLotMaterial,
    TimeEntry,
    WorkOrder,
    WorkOrderOperation,
)
from coordinator.modules.execution.orders import lot_of, operations_of
from coordinator.modules.identity.models import UserAccount
from coordinator.modules.machines.api import Machine
from coordinator.modules.routings.api import Routing
from coordinator.modules.routings.papers import RoutingRow, RoutingSheet, render_routing_sheet
from coordinator.modules.stock.api import StockLot, StockUnit


def person(ctx: Context, user_id: int | None) -> str | None:
    """Name of an account."""
    user = ctx.session.get(UserAccount, user_id) if user_id is not None else None
    return f"{user.first_name} {user.last_name}" if user is not None else None


def part_of(ctx: Context, order: WorkOrder) -> dict[str, Any]:
    """Part, drawing number and revision of an order."""
    revision = ctx.session.get(PartRevision, order.part_revision_id) if order.part_revision_id else None
    if revision is None:
        return {"name": None, "drawing_number": None, "revision": None}
    part = ctx.get(Part, revision.part_id)
    return {"name": part.name, "drawing_number": part.drawing_number, "revision": revision.revision}


def content(ctx: Context, order: WorkOrder) -> dict[str, Any]:
    """Everything about an order's making, for the desktop."""
    rows = [operation_row(ctx, o) for o in operations_of(ctx, order.id)]
    routing = ctx.get(Routing, order.routing_id)
    spec = ctx.registry.entities["work_order"]
    done = [r for r in rows if r["status"] == "done"]
    lots = select(PartLot).where(PartLot.work_order_id == order.id).order_by(PartLot.id)
    return {
        "order": crud.serialize(ctx, spec, order),
        "part": part_of(ctx, order),
        "routing": {
            "id": routing.id,
            "number": routing.number,
            "version_no": routing.version_no,
            "status": routing.status,
        },
        "code": qr.code_of(ctx, order),
        "part_lots": [
            {"id": lot.id, "number": lot.number, "quantity": jsonable(lot.quantity)}
            for lot in ctx.session.scalars(lots)
        ],
        "operations": rows,
        "planned_min": str(sum((Decimal(r["planned_time_min"]) for r in rows), Decimal(0))),
        "actual_min": str(sum((Decimal(r["actual_time_min"]) for r in rows), Decimal(0))),
        "progress_pct": round(100 * len(done) / len(rows)) if rows else 0,
        "material": material_of(ctx, order.id),
        "comments": comments_of(ctx, [r["id"] for r in rows]),
    }


def operation_row(ctx: Context, operation: WorkOrderOperation) -> dict[str, Any]:
    """One operation: planned and real times, declared and counted parts, who and on what."""
    spent = times.spent_min(ctx, operation.id, ctx.now)
    machine = ctx.session.get(Machine, operation.machine_id) if operation.machine_id else None
    made = cycles.cycles_of(ctx, operation.id)
    counted = sum(c.part_count for c in made)
    declared = operation.good_qty + operation.rework_qty + operation.scrap_qty
    limit = ctx.settings.decimal("execution.cycle_difference_pct")
    over = ctx.settings.decimal("execution.overrun_pct")
    names = (
        "id", "sequence_no", "operation_label", "operation_type", "status", "blocked_reason", "setup_time_min", "run_time_min",
        "planned_time_min", "planned_qty", "good_qty", "rework_qty", "scrap_qty", "planned_start_at", "started_at", "ended_at",
        "validation_means", "tool_change_flag", "operator_remark", "is_critical", "inspection_means", "attendance_pct",
    )  # fmt: skip
    return {
        **{name: jsonable(getattr(operation, name)) for name in names},
        "code": qr.code_of(ctx, operation),
        "machine": None
        if machine is None
        else {"id": machine.id, "code": machine.code, "name": machine.name},
        "tools": views.tools_of(ctx, operation),
        "material": operation.material,
        "actual_time_min": str(spent),
        "is_over_time": spent > operation.planned_time_min * over / 100,
        "people": sorted({n for e in times.entries_of(ctx, operation.id) if (n := person(ctx, e.user_id))}),
        "times": [entry_row(ctx, e) for e in times.entries_of(ctx, operation.id)],
        "cycles": len(made),
        "cycle_parts": counted,
        "cycle_minutes": str(sum((c.duration_min for c in made), Decimal(0))),
        "cycles_differ": bool(made) and rules.cycles_differ(counted, declared, limit),
    }


def entry_row(ctx: Context, entry: TimeEntry) -> dict[str, Any]:
    """One time with its pauses."""
    names = ("id", "kind", "started_at", "ended_at", "duration_min", "confirmed_min", "means", "is_manual", "needs_validation",
             "time_quality", "remarks")  # fmt: skip
    pauses = [
        {"reason": p.reason, "started_at": jsonable(p.started_at), "ended_at": jsonable(p.ended_at)}
        for p in times.pauses_of(ctx, entry.id)
    ]
    return {
        **{n: jsonable(getattr(entry, n)) for n in names},
        "person": person(ctx, entry.user_id),
        "pauses": pauses,
    }


def material_of(ctx: Context, work_order_id: int) -> list[dict[str, Any]]:
    """Lots and bars the parts were cut from, with heat and certificate."""
    lot = lot_of(ctx, work_order_id)
    query = select(PartLotMaterial).where(PartLotMaterial.part_lot_id == lot.id).order_by(PartLotMaterial.id)
    found = []
    for link in ctx.session.scalars(query):
        stock_lot = ctx.session.get(StockLot, link.stock_lot_id) if link.stock_lot_id else None
        unit = ctx.session.get(StockUnit, link.stock_unit_id) if link.stock_unit_id else None
        if stock_lot is None and unit is not None and unit.stock_lot_id is not None:
            stock_lot = ctx.session.get(StockLot, unit.stock_lot_id)
        row: dict[str, Any] = {"stock_lot_id": None, "stock_unit_id": link.stock_unit_id}
        if unit is not None:
            row["is_offcut"] = unit.parent_id is not None
            row["unit_length_mm"] = jsonable(unit.length_mm)
        if stock_lot is not None:
            row |= {
                "stock_lot_id": stock_lot.id, "lot_number": stock_lot.lot_number, "heat_number": stock_lot.heat_number,
                "supplier_id": stock_lot.supplier_id, "certificate_type": stock_lot.certificate_type,
                "certificate_number": stock_lot.certificate_number, "certificate_sha256": stock_lot.certificate_sha256,
                "certificate_document_id": stock_lot.certificate_document_id,
            }  # fmt: skip
        found.append(row)
    return found


def comments_of(ctx: Context, operation_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Remarks on operations, newest first."""
    query = select(Comment).where(
        Comment.object_type == "work_order_operation", Comment.object_id.in_(operation_ids)
    )
    return [
        {
            "id": row.id, "kind": row.kind, "text": row.text, "status": row.status, "answer": row.answer,
            "work_order_operation_id": row.object_id, "person": person(ctx, row.user_id), "at": jsonable(row.created_at),
        }
        for row in ctx.session.scalars(query.order_by(Comment.id.desc()).limit(100))
    ]  # fmt: skip


def running(ctx: Context, operations: Sequence[WorkOrderOperation]) -> list[dict[str, Any]]:
    """Live board: one line per operation in progress."""
    found = []
    for item, operation in zip(views.items(ctx, operations, None), operations, strict=True):
        entries = [e for e in times.entries_of(ctx, operation.id) if e.ended_at is None]
        found.append({**item, "people": [n for e in entries if (n := person(ctx, e.user_id))]})
    return found


# --- the printed sheet ------------------------------------------------------------------------------------------


def _company(ctx: Context) -> Company:
    if not company.is_set_up(ctx):
        return Company("", "", Address("", "", ""), "")
    p = company.profile(ctx)
    address = Address(p.street or "", p.postal_code or "", p.city or "", p.country)
    return Company(p.trade_name or p.legal_name, p.legal_form or "", address, p.siren or "", p.share_capital, p.rcs_city or "",
                   p.vat_number or "", p.naf_code or "", p.phone or "", p.email or "", p.website or "")  # fmt: skip


def _row(ctx: Context, operation: WorkOrderOperation) -> RoutingRow:
    machine = ctx.session.get(Machine, operation.machine_id) if operation.machine_id else None
    per_piece = operation.run_time_min / operation.planned_qty if operation.planned_qty else None
    return RoutingRow(
        number=operation.sequence_no, operation=operation.operation_label,
        machine=machine.name if machine is not None else choice_label("operation_type", operation.operation_type, ctx.locale),
        quantity=operation.planned_qty, time_per_min=per_piece, total_min=operation.planned_time_min,
        qr=qr.code_of(ctx, operation), setup_min=operation.setup_time_min or None, inspection=operation.inspection_means or "",
        tools=[tool["name"] or tool["code"] for tool in views.tools_of(ctx, operation)],
        state=choice_label("work_order_operation", operation.status, ctx.locale), comment=operation.operator_remark or "",
        critical=operation.is_critical,
    )  # fmt: skip


def sheet_data(ctx: Context, order: WorkOrder, *, machine_id: int | None = None) -> RoutingSheet:
    """Data of the printed sheet; of one machine only its rows."""
    rows = [o for o in operations_of(ctx, order.id) if o.status != "cancelled"]
    shown = [o for o in rows if machine_id is None or o.machine_id == machine_id]
    routing = ctx.get(Routing, order.routing_id)
    part = part_of(ctx, order)
    material = next((o.material for o in rows if o.material), None) or {}
    spent = sum((times.spent_min(ctx, o.id, ctx.now) for o in rows), Decimal(0))
    return RoutingSheet(
        company=_company(ctx), work_order_number=order.number, routing_number=routing.number,
        routing_version=str(routing.version_no), issued_on=ctx.now.date(), part=part["name"] or "",
        drawing_number=part["drawing_number"] or "", revision=part["revision"] or "", quantity=order.quantity,
        rows=[_row(ctx, o) for o in shown], qr=qr.code_of(ctx, order), order_line=_order_line(ctx, order),
        material=material.get("name") or "", material_lot=", ".join(m["lot_number"] for m in material_of(ctx, order.id) if m.get("lot_number")),
        due_on=order.due_date, priority=choice_label("priority", order.priority, ctx.locale),
        criticality=choice_label("criticality", order.criticality, ctx.locale),
        treatments=", ".join(o.operation_label for o in rows if o.operation_type == "treatment"),
        status=choice_label("work_order", order.status, ctx.locale), author=person(ctx, routing.created_by_id) or "",
        approver=person(ctx, routing.validated_by_id) or "", planned_min=sum((o.planned_time_min for o in rows), Decimal(0)),
        actual_min=spent or None, suggestions=_suggestions(ctx, order),
    )  # fmt: skip


def _order_line(ctx: Context, order: WorkOrder) -> str:
    """Name of the order line, told by the module that owns it."""
    spec = ctx.registry.entities.get("sales_order_line")
    if spec is None or order.sales_order_line_id is None:
        return ""
    return crud.title_of(ctx, spec, ctx.get(spec.model, order.sales_order_line_id))


def _suggestions(ctx: Context, order: WorkOrder) -> list[str]:
    """What operators asked for the last time the part was made (EXE-41)."""
    if order.part_revision_id is None:
        return []
    query = (
        select(Comment.text)
        .join(
            WorkOrderOperation,
            (WorkOrderOperation.id == Comment.object_id) & (Comment.object_type == "work_order_operation"),
        )
        .join(WorkOrder, WorkOrder.id == WorkOrderOperation.work_order_id)
        .where(WorkOrder.part_revision_id == order.part_revision_id, WorkOrder.id != order.id)
        .where(Comment.kind == "suggestion", Comment.status.in_(("open", "accepted")))
        .order_by(Comment.id.desc())
        .limit(3)
    )
    return list(ctx.session.scalars(query))


def pdf(ctx: Context, order: WorkOrder, *, machine_id: int | None = None) -> bytes:
    """The sheet as PDF."""
    return render_routing_sheet(sheet_data(ctx, order, machine_id=machine_id))


def file_sheet(ctx: Context, order: WorkOrder, _params: Any = None) -> dict[str, Any]:
    """Print the sheet into the documents and tie it to the order; each print is noted (EXE-49)."""
    title = t("paper.routing_sheet", ctx.locale, number=order.number)
    known = [d for d in documents.documents_of(ctx, order) if d.document_type == "routing_sheet"]
    version = documents.file_document(
        ctx, "production", title, pdf(ctx, order), "application/pdf", [order], document=known[0] if known else None,
        document_type="routing_sheet",
    )  # fmt: skip
    order.document_version_id = version.id
    ctx.note("print", order)
    return {"document_version_id": version.id, "document_id": version.document_id}


def on_released(ctx: Context, event: Event) -> None:
    """``work_order.released``: the sheet is ready when the parts are."""
    order = ctx.get(WorkOrder, event.payload["id"])
    if order.document_version_id is None:
        file_sheet(ctx, order)
