"""What the other modules know of an order line, read into the facts of ``rules`` (FIN-02)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import func, or_, select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import choice_label
from coordinator.kernel.tasks import open_task
from coordinator.modules.catalogue.models import StockItem, Tool
from coordinator.modules.company import api as company
from coordinator.modules.company.models import RateCardLine
from coordinator.modules.execution.models import TimeEntry, WorkOrder, WorkOrderOperation
from coordinator.modules.finance import rules
from coordinator.modules.finance.models import FinanceCategory, FinanceTransaction
from coordinator.modules.machines.models import Machine
from coordinator.modules.orders import prices
from coordinator.modules.orders.models import SalesOrder, SalesOrderLine
from coordinator.modules.quoting.models import QuoteLine, QuoteLineOperation
from coordinator.modules.stock.models import StockLot, StockMovement, ToolUsage

_HEADING_OF_KIND = {"material": "material", "tool": "tools", "insert": "tools", "consumable": "tools"}
_HEADING_OF_CATEGORY = {"subcontracting": "subcontracting", "transport": "packaging"}


def job_of(ctx: Context, line: SalesOrderLine) -> rules.JobFacts:
    """Everything known of an order line."""
    orders = _work_orders(ctx, line.id)
    operations = _operations(ctx, [o.id for o in orders])
    order = ctx.get(SalesOrder, line.sales_order_id)
    price = prices.net(line)
    costs = [*_movements(ctx, [o.id for o in orders], [o.id for o in operations])]
    costs += _worn(ctx, [o.id for o in operations])
    costs += _purchases(ctx, line, price)
    return rules.JobFacts(
        price,
        planned_of(ctx, line),
        [_facts(ctx, operation, order.order_date) for operation in operations],
        costs,
        bool(orders) and all(o.status == "done" for o in orders),
    )


def _work_orders(ctx: Context, line_id: int) -> Sequence[WorkOrder]:
    query = select(WorkOrder).where(WorkOrder.sales_order_line_id == line_id, WorkOrder.status != "cancelled")
    return ctx.session.scalars(query.order_by(WorkOrder.id)).all()


def _operations(ctx: Context, order_ids: list[int]) -> Sequence[WorkOrderOperation]:
    query = select(WorkOrderOperation).where(
        WorkOrderOperation.work_order_id.in_(order_ids), WorkOrderOperation.status != "cancelled"
    )
    return ctx.session.scalars(
        query.order_by(WorkOrderOperation.work_order_id, WorkOrderOperation.sequence_no)
    ).all()


def planned_of(ctx: Context, line: SalesOrderLine) -> dict[str, Decimal] | None:
    """Planned cost by heading from the accepted quote, for the ordered quantity; ``None`` without one."""
    quoted = ctx.session.get(QuoteLine, line.quote_line_id) if line.quote_line_id else None
    if quoted is None:
        return None
    breakdown = (quoted.result or {}).get("cost_breakdown") or []
    rows = [(str(c["kind"]), Decimal(str(c["amount"])), bool(c.get("one_off"))) for c in breakdown]
    if not rows:
        rows = _planned_operations(ctx, quoted)
    return rules.planned_headings(rows, quoted.quantity, line.quantity) if rows else None


def _planned_operations(ctx: Context, quoted: QuoteLine) -> list[tuple[str, Decimal, bool]]:
    query = select(QuoteLineOperation).where(
        QuoteLineOperation.quote_line_id == quoted.id, QuoteLineOperation.archived_at.is_(None)
    )
    rows: list[tuple[str, Decimal, bool]] = []
    for operation in ctx.session.scalars(query.order_by(QuoteLineOperation.sequence_no)):
        if operation.cost is not None:
            kind = "subcontracting" if operation.is_subcontracted else operation.operation_type
            rows.append((kind, operation.cost, False))
    spent = sum((amount for _, amount, _ in rows), rules.ZERO)
    if quoted.manual_material_cost is not None:
        rows.append(("material", quoted.manual_material_cost * quoted.quantity, False))
    elif quoted.unit_cost is not None and quoted.unit_cost * quoted.quantity > spent:
        rows.append(("material", quoted.unit_cost * quoted.quantity - spent, False))
    return rows


def _facts(ctx: Context, operation: WorkOrderOperation, ordered_on: dt.date) -> rules.OperationFacts:
    is_outside = operation.external_days is not None or operation.supplier_id is not None
    planned = None if is_outside else _planned_cost(ctx, operation, ordered_on)
    machine = ctx.session.get(Machine, operation.machine_id) if operation.machine_id else None
    return rules.OperationFacts(
        key=operation.id,
        label=f"OP{operation.sequence_no} {operation.operation_label}"[:300],
        operation_type=operation.operation_type,
        planned_min=operation.planned_time_min,
        planned_cost=planned,
        times=tuple(_times(ctx, operation)) if not is_outside else (),
        is_finished=operation.status == "done",
        is_subcontracted=is_outside,
        machine=machine.name if machine else None,
        good_qty=operation.good_qty,
        bad_qty=operation.scrap_qty + operation.rework_qty,
    )


def _planned_cost(ctx: Context, operation: WorkOrderOperation, day: dt.date) -> Decimal | None:
    setup = min(operation.setup_time_min, operation.planned_time_min)
    total = rules.ZERO
    for minutes, kind in ((setup, "setup"), (operation.planned_time_min - setup, "run")):
        if minutes:
            rate = rate_on(ctx, operation, operation.machine_id, kind, day)
            if rate is None:
                return None
            total += minutes / 60 * rate
    return rules.cents(total)


def _times(ctx: Context, operation: WorkOrderOperation) -> list[rules.TimeFact]:
    """Confirmed minutes of each entry, else its measured ones, at the rate of its day; a running entry counts later."""
    query = select(TimeEntry).where(
        TimeEntry.work_order_operation_id == operation.id, TimeEntry.archived_at.is_(None)
    )
    found = []
    for entry in ctx.session.scalars(query.order_by(TimeEntry.started_at, TimeEntry.id)):
        minutes = entry.confirmed_min if entry.confirmed_min is not None else entry.duration_min
        if minutes is None:
            continue
        machine_id = entry.machine_id or operation.machine_id
        rate = rate_on(ctx, operation, machine_id, entry.kind, entry.started_at.date())
        found.append(rules.TimeFact(minutes, rate))
    if not found and operation.status == "done" and operation.actual_time_min:
        day = (operation.ended_at or ctx.now).date()
        rate = rate_on(ctx, operation, operation.machine_id, "run", day)
        found.append(rules.TimeFact(operation.actual_time_min, rate))
    return found


def rate_on(
    ctx: Context, operation: WorkOrderOperation, machine_id: int | None, kind: str, day: dt.date
) -> Decimal | None:
    """€ per hour of an operation on a day, as quoted: the machine's rate (set-up rate where there is one), plus the
    labour share below full attendance; inspection and packing at their own rate; labour without a machine."""
    machine = ctx.session.get(Machine, machine_id) if machine_id else None
    own = operation.operation_type if operation.operation_type in {"inspection", "packaging"} else None
    if machine is None:
        rate = _valid(ctx, own, day) if own else None
        return rate or _valid(ctx, "labour_hour", day, notify=True, activity_type=None)
    objects: dict[str, Any] = {
        "machine": machine.id,
        "machine_type": machine.machine_type,
        "work_center": machine.work_center_id,
    }
    rate = _valid(ctx, "setup_hour", day, **objects) if kind == "setup" else None
    rate = rate or (_valid(ctx, own, day, **objects) if own else None)
    rate = rate or _valid(ctx, "machine_hour", day, notify=True, **objects)
    if rate is None or operation.attendance_pct >= 100:
        return rate
    labour = _valid(ctx, "labour_hour", day, notify=True)
    if labour is None:
        return None
    return rate + labour * (1 if kind == "setup" else operation.attendance_pct / 100)


def _valid(ctx: Context, kind: str, day: dt.date, *, notify: bool = False, **objects: Any) -> Decimal | None:
    """Rate valid on a day, else the last one before it, which the owner is told (FIN-48)."""
    try:
        return company.rate(ctx, kind, on=day, **objects).value
    except BusinessError:
        if not notify:
            return None
    query = select(func.max(RateCardLine.valid_to)).where(
        RateCardLine.kind == kind, RateCardLine.valid_to < day, RateCardLine.archived_at.is_(None)
    )
    last = ctx.session.scalar(query)
    label = choice_label("rate_kind", kind, ctx.locale)
    title = f"Taux manquant au {day:%d/%m/%Y} : {label}"
    open_task(ctx, "rate_missing", title, role="management", dedupe_key=f"rate:{kind}:{day:%Y-%m}")
    if last is None:
        return None
    try:
        return company.rate(ctx, kind, on=last, **objects).value
    except BusinessError:
        return None


def _movements(ctx: Context, order_ids: list[int], operation_ids: list[int]) -> list[rules.CostFact]:
    """What left the stock for the job at lot price, less what came back to a place (offcuts, returns)."""
    query = (
        select(StockMovement, StockItem, StockLot.unit_cost)
        .join(StockItem, StockItem.id == StockMovement.stock_item_id)
        .outerjoin(StockLot, StockLot.id == StockMovement.stock_lot_id)
        .where(
            or_(
                StockMovement.work_order_id.in_(order_ids),
                StockMovement.work_order_operation_id.in_(operation_ids),
            )
        )
    )
    found = []
    for movement, item, lot_cost in ctx.session.execute(query.order_by(StockMovement.id)):
        heading = _HEADING_OF_KIND.get(item.item_kind)
        sign = _sign(movement, item.item_kind)
        if heading is None or not sign:
            continue
        unit_cost = lot_cost if lot_cost is not None else movement.unit_cost
        amount = None if unit_cost is None else rules.cents(sign * movement.quantity * unit_cost)
        found.append(rules.CostFact(heading, amount, f"{item.code} {item.name}"[:120]))
    return found


def _sign(movement: StockMovement, item_kind: str) -> int:
    """+1 for what the job takes, −1 for what it gives back, 0 for what only changes hands.

    A tool that goes out and comes back is not a cost: its wear is, or its end.
    """
    gone = movement.to_location_id is None and movement.to_holder is None
    back = movement.from_location_id is None and movement.from_holder is None
    if item_kind == "tool":
        ends = movement.kind in {"consumption", "scrap"}
        return (1 if gone else -1 if back and movement.reverses_id else 0) if ends else 0
    if movement.from_location_id is not None and movement.to_location_id is None:
        return 1
    if movement.to_location_id is not None and movement.from_location_id is None:
        return -1
    return 0


def _worn(ctx: Context, operation_ids: list[int]) -> list[rules.CostFact]:
    """Share of a tool's price: its minutes in the cut over its life, for tools that the job did not use up."""
    ended = select(StockMovement.stock_unit_id).where(
        StockMovement.work_order_operation_id.in_(operation_ids),
        StockMovement.kind.in_(("consumption", "scrap")),
        StockMovement.stock_unit_id.is_not(None),
    )
    used_up = select(StockMovement.stock_item_id).where(
        StockMovement.work_order_operation_id.in_(operation_ids),
        StockMovement.kind.in_(("consumption", "scrap")),
    )
    query = (
        select(Tool.code, Tool.name, Tool.life_min, Tool.unit_cost, func.sum(ToolUsage.used_min))
        .join(Tool, Tool.id == ToolUsage.tool_id)
        .where(
            ToolUsage.work_order_operation_id.in_(operation_ids),
            ToolUsage.stock_unit_id.not_in(ended)
            | (ToolUsage.stock_unit_id.is_(None) & Tool.id.not_in(used_up)),
        )
        .group_by(Tool.id, StockItem.id)
    )
    found = []
    for code, name, life_min, unit_cost, used_min in ctx.session.execute(query):
        amount = None
        if life_min and unit_cost is not None:
            amount = rules.cents(Decimal(used_min) / life_min * unit_cost)
        found.append(rules.CostFact("tools", amount, f"{code} {name}"[:120]))
    return found


def _purchases(ctx: Context, line: SalesOrderLine, price: Decimal) -> list[rules.CostFact]:
    """Subcontracting and transport booked on the order, shared between its lines by price."""
    query = (
        select(FinanceCategory.code, FinanceTransaction.amount, FinanceTransaction.description)
        .join(FinanceCategory, FinanceCategory.id == FinanceTransaction.category_id)
        .where(
            FinanceTransaction.sales_order_id == line.sales_order_id,
            FinanceTransaction.status == "validated",
            FinanceTransaction.transaction_type.in_(("purchase", "service")),
            FinanceCategory.code.in_(tuple(_HEADING_OF_CATEGORY)),
        )
    )
    rows = ctx.session.execute(query.order_by(FinanceTransaction.id)).all()
    if not rows:
        return []
    lines = select(SalesOrderLine).where(
        SalesOrderLine.sales_order_id == line.sales_order_id, SalesOrderLine.archived_at.is_(None)
    )
    amounts = [prices.net(x) for x in ctx.session.scalars(lines)]
    totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for code, amount, description in rows:
        totals[_HEADING_OF_CATEGORY[code], description] += amount
    whole = sum(amounts, rules.ZERO)
    return [
        rules.CostFact(heading, rules.share(amount, price, whole, len(amounts)), words[:120])
        for (heading, words), amount in totals.items()
    ]
