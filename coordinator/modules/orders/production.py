"""From a validated order to the workshop: routing from the quote's operations, one work order per line (ORD-12, QUO-46)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.lifecycle import move
from coordinator.kernel.outbox import Event
from coordinator.modules.execution import api as execution
from coordinator.modules.orders import sales
from coordinator.modules.orders.models import SalesOrder, SalesOrderLine
from coordinator.modules.quoting import api as quoting
from coordinator.modules.routings import api as routings

_CONDITIONS = (
    "vc_m_min",
    "n_rev_min",
    "feed_mm",
    "feed_mm_min",
    "ap_mm",
    "ae_mm",
    "power_kw",
    "passes",
    "cut_min",
)
_SHAPES = {
    "round": "round",
    "plate": "plate",
    "blank": "blank",
    "square": "square",
    "hex": "hex",
    "tube": "tube",
}


def on_validated(ctx: Context, event: Event) -> None:
    """Make what the workshop needs for each line, once however often it is told (ORD-53)."""
    order = ctx.get(SalesOrder, int(event.payload["id"]), lock=True)
    if order.status not in {"validated", "in_production"}:
        return
    for line in sales.lines_of(ctx, order.id):
        if execution.work_orders_of_line(ctx, line.id):
            continue
        routing = routings.validated_routing(ctx, line.part_revision_id) or _from_quote(ctx, line)
        execution.create_work_order(
            ctx,
            routing,
            line.quantity,
            sales_order_line_id=line.id,
            due_date=line.due_date,
            priority=order.priority,
            criticality=order.criticality,
        )


def _from_quote(ctx: Context, line: SalesOrderLine) -> routings.Routing:
    """Routing of the quoted operations; without a quote an empty one, which calls the methods."""
    quoted = ctx.session.get(quoting.QuoteLine, line.quote_line_id) if line.quote_line_id else None
    rows = quoting.operations_of(ctx, quoted.id) if quoted is not None else []
    operations = [_operation(ctx, list(group)) for _, group in groupby(rows, key=_place)]
    if quoted is not None and operations:
        operations = _with_material(operations, quoted)
    return routings.create_routing(ctx, line.part_revision_id, operations, source="quote")


def _place(row: quoting.QuoteLineOperation) -> tuple[str, int]:
    """One row of a routing is one stay at a machine: the cuts of one clamping go together (RTG-05)."""
    return ("phase", row.phase_no) if row.phase_no is not None else ("row", row.id)


def _operation(ctx: Context, rows: Sequence[quoting.QuoteLineOperation]) -> routings.RoutingOperationInput:
    first = rows[0]
    longest = max(rows, key=lambda r: r.run_min)
    is_external = any(r.is_subcontracted for r in rows)
    run = sum((r.run_min + (r.loading_min or Decimal(0)) for r in rows), Decimal(0))
    labels = list(dict.fromkeys(r.operation_label for r in rows))
    tools = {(r.tool_id, r.tool_text): Decimal(0) for r in rows if r.tool_id or r.tool_text}
    for row in rows:
        if row.tool_id or row.tool_text:
            tools[row.tool_id, row.tool_text] += row.run_min
    return routings.RoutingOperationInput(
        operation_type=longest.operation_type,
        operation_label=(first.phase_label or " ; ".join(labels))[:300],
        planned_time_min=run,
        setup_time_min=sum((r.setup_min for r in rows), Decimal(0)),
        machine_id=first.machine_id,
        external_days=ctx.settings.integer("quoting.scenarios.treatment_days") if is_external else None,
        instructions="\n".join(labels) if len(labels) > 1 else None,
        conditions={"cuts": [_cut(r) for r in rows]} if any(r.vc_m_min is not None for r in rows) else None,
        tools=[routings.ToolInput(*tool, cutting_min=minutes) for tool, minutes in tools.items()],
    )


def _cut(row: quoting.QuoteLineOperation) -> dict[str, Any]:
    values = {n: getattr(row, n) for n in _CONDITIONS}
    plain = {n: format(v, "f") if isinstance(v, Decimal) else v for n, v in values.items() if v is not None}
    return {"label": row.operation_label, "tool": row.tool_text, **plain}


def _with_material(
    operations: list[routings.RoutingOperationInput], quoted: quoting.QuoteLine
) -> list[routings.RoutingOperationInput]:
    """The blank goes to the sawing, else to the first operation."""
    from dataclasses import replace

    size = [Decimal(str(v)) for v in (quoted.blank or {}).get("size_mm") or []]
    if quoted.material_id is None or not size:
        return operations
    shape = _SHAPES.get(str((quoted.blank or {}).get("shape")), "blank")
    if bar := (quoted.blank or {}).get("stock_size"):
        across, wide, high, length = (
            None if bar.get(n) is None else Decimal(str(bar[n]))
            for n in ("diameter_mm", "width_mm", "height_mm", "cut_length_mm")
        )
        material = routings.MaterialInput(quoted.material_id, bar["shape"], across, wide, high, length)
    elif shape == "round" or len(size) < 3:
        material = routings.MaterialInput(
            quoted.material_id, "round", diameter_mm=size[0], cut_length_mm=size[1]
        )
    else:
        material = routings.MaterialInput(
            quoted.material_id, shape, width_mm=size[1], thickness_mm=size[2], cut_length_mm=size[0]
        )
    index = next((i for i, o in enumerate(operations) if o.operation_type == "cutting"), 0)
    operations[index] = replace(operations[index], material=material)
    return operations


def on_started(ctx: Context, event: Event) -> None:
    """The first start in the workshop takes the order into production (ORD-09)."""
    order = _order_of(ctx, event)
    if order is not None and order.status == "validated":
        move(ctx, order, "start")


def _order_of(ctx: Context, event: Event) -> SalesOrder | None:
    work_id = event.payload.get("work_order_id")
    if work_id is None:
        return None
    query = (
        select(SalesOrder)
        .join(SalesOrderLine, SalesOrderLine.sales_order_id == SalesOrder.id)
        .join(execution.WorkOrder, execution.WorkOrder.sales_order_line_id == SalesOrderLine.id)
        .where(execution.WorkOrder.id == int(work_id))
    )
    return ctx.session.scalars(query.with_for_update(of=SalesOrder)).one_or_none()
