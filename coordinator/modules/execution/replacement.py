"""What a change of tools means for the work: checks at start, new times, alerts (STK-31, STK-39, STK-43)."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.i18n import t
from coordinator.kernel.outbox import Event
from coordinator.modules.catalogue.api import Tool
from coordinator.modules.execution.facts import Fact, write_trace
from coordinator.modules.execution.models import WorkOrderOperation
from coordinator.modules.stock import api as stock

_MILLI = Decimal("0.001")


def check_start(fact: Fact) -> None:
    """A broken, worn-out or missing tool, a lot that may not serve: the operation does not start (STK-31)."""
    ctx, operation = fact.ctx, fact.operation
    facts = stock.operation_facts(ctx, operation.id)
    if facts is None:
        return
    planned = operation.material or {}
    found = stock.obstacles(ctx, facts, planned.get("stock_lot_id"), planned.get("stock_unit_id"))
    if found and not fact.may_manage():
        reasons = " ".join(t(f"error.{o.code}", ctx.locale, **o.params) for o in found)
        fact.against("shop.stock_obstacle", reasons=reasons)


def on_took_over(ctx: Context, event: Event) -> None:
    """``tool_incident.took_over``: what is left of the operation takes longer or shorter with the new tool."""
    operation_id = event.payload.get("work_order_operation_id")
    if operation_id is None:
        return
    operation = ctx.get(WorkOrderOperation, operation_id, lock=True)
    factor = Decimal(str(event.payload["time_factor"]))
    before = operation.run_time_min
    if operation.status in {"pending", "in_progress"} and factor != 1:
        done = (
            min(Decimal(1), operation.good_qty / operation.planned_qty)
            if operation.planned_qty
            else Decimal(0)
        )
        added = (before * (1 - done) * (factor - 1)).quantize(_MILLI)
        operation.run_time_min = before + added
        operation.planned_time_min = max(Decimal(0), operation.planned_time_min + added)
    tool = ctx.get(Tool, event.payload["tool_id"])
    write_trace(
        ctx, operation, "tool.replaced", ctx.now,
        details={
            "tool": tool.code, "cutting_data": event.payload.get("cutting_data"), "time_factor": str(factor),
            "run_time_min": [str(before), str(operation.run_time_min)],
        },
    )  # fmt: skip


def tool_change_alert(fact: Fact) -> None:
    """A tool change ticked at the end: the storekeeper looks at the stock of these tools (STK-43)."""
    ctx, operation = fact.ctx, fact.operation
    facts = stock.operation_facts(ctx, operation.id)
    ids = facts.tool_ids if facts is not None else ()
    names = list(ctx.session.scalars(select(Tool.code).where(Tool.id.in_(ids)).order_by(Tool.code)))
    for tool_id in ids:
        stock.check_threshold(ctx, ctx.get(Tool, tool_id))
    words = t(
        "shop.tool_change_stock", ctx.locale, order=fact.order.number, number=operation.sequence_no, tools=", ".join(names) or "—"
    )  # fmt: skip
    tasks.notify(ctx, "warning", "stock", words, operation, role="storekeeper")
