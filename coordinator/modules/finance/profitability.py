"""Profitability records: opened with the order, recomputed by events, alerted once, frozen at the end (FIN-01…08)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from coordinator.kernel import tasks
from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.errors import Conflict
from coordinator.kernel.i18n import has_text, t
from coordinator.kernel.outbox import Event
from coordinator.modules.execution.models import WorkOrder, WorkOrderOperation
from coordinator.modules.finance import facts, rules
from coordinator.modules.finance.models import OrderProfitability, ProfitabilityCorrection
from coordinator.modules.invoicing import api as invoicing
from coordinator.modules.invoicing.models import Invoice
from coordinator.modules.orders.models import DeliveryNote, DeliveryNoteLine, SalesOrder, SalesOrderLine
from coordinator.modules.parties.models import Customer
from coordinator.modules.quoting.engine.settings import CostSettings
from coordinator.modules.quoting.engine.values import euros

_STATUSES = ("unprofitable", "watch", "profitable")


def limits(ctx: Context, customer: Customer | None = None) -> rules.Limits:
    """Minimum and target margin of the quotes (QUO-32), the customer's target where he has one; limits of the drift."""
    quoted = CostSettings()
    target = customer.target_margin_pct if customer is not None else None
    return rules.Limits(
        _setting(ctx, "quoting.min_margin_pct", quoted.min_margin_pct),
        target if target is not None else _setting(ctx, "quoting.margin_pct", quoted.margin_pct),
        ctx.settings.decimal("finance.drift_min"),
        ctx.settings.decimal("finance.drift_max"),
        ctx.settings.decimal("finance.overrun_pct"),
    )


def _setting(ctx: Context, key: str, default: Decimal) -> Decimal:
    return ctx.settings.decimal(key) if key in ctx.registry.settings else default


def lines_of(ctx: Context, order_id: int) -> list[SalesOrderLine]:
    """Lines of an order."""
    query = select(SalesOrderLine).where(
        SalesOrderLine.sales_order_id == order_id, SalesOrderLine.archived_at.is_(None)
    )
    return list(ctx.session.scalars(query.order_by(SalesOrderLine.line_no)))


def refresh(ctx: Context, line_id: int) -> OrderProfitability:
    """Open the record of an order line if need be and compute it; a frozen one takes corrections only."""
    # Two events of one line wait for each other here.
    line = ctx.get(SalesOrderLine, line_id, lock=True)
    query = select(OrderProfitability).where(OrderProfitability.sales_order_line_id == line.id)
    record = ctx.session.scalars(query).one_or_none()
    if record is None:
        record = ctx.add(OrderProfitability(sales_order_line_id=line.id))
    order = ctx.get(SalesOrder, line.sales_order_id)
    result = rules.compute(facts.job_of(ctx, line), limits(ctx, ctx.session.get(Customer, order.customer_id)))
    if record.frozen_at is not None:
        _correct(ctx, record, result)
        return record
    _store(ctx, record, result)
    if result.status == "unprofitable" and record.alerted_at is None:
        _alert(ctx, record, order, line, result)
    ctx.session.flush()
    return record


def _store(ctx: Context, record: OrderProfitability, result: rules.Profitability) -> None:
    record.selling_price, record.planned_cost = result.selling_price, result.planned_cost
    record.actual_cost, record.forecast_cost = result.actual_cost, result.forecast_cost
    record.margin_pct, record.margin_at_most_pct = result.margin_pct, result.margin_at_most_pct
    record.forecast_margin_pct = result.forecast_margin_pct
    record.status, record.is_incomplete = result.status, bool(result.missing)
    record.headings = {
        name: _texts(
            planned=h.planned, actual=h.actual, forecast=h.forecast, difference=h.difference,
            difference_pct=h.difference_pct,
        )
        for name, h in result.headings.items()
    }  # fmt: skip
    record.operations = [_operation(o) for o in result.operations]
    record.causes = [{"label": _cause(ctx, label), "amount": str(amount)} for label, amount in result.causes]
    record.missing = [
        {
            "code": m.code,
            "subject": m.subject,
            "message": t(f"finance.missing.{m.code}", ctx.locale, subject=m.subject),
        }
        for m in result.missing
    ]
    record.computed_at = ctx.now


def _texts(**values: Any) -> dict[str, Any]:
    return {name: jsonable(value) for name, value in values.items()}


def _operation(cost: rules.OperationCost) -> dict[str, Any]:
    planned = cost.facts.planned_cost
    difference = None if planned is None or cost.actual_cost is None else cost.actual_cost - planned
    return {
        "id": cost.facts.key,
        "label": cost.facts.label,
        "machine": cost.facts.machine,
        "heading": cost.facts.heading,
        "is_finished": cost.facts.is_finished,
        **_texts(
            planned_min=cost.facts.planned_min, actual_min=cost.actual_min, planned_cost=planned,
            actual_cost=cost.actual_cost, scrap_cost=cost.scrap_cost, difference=difference,
            difference_pct=None if difference is None else rules.percentage(difference, planned),
        ),
    }  # fmt: skip


def _cause(ctx: Context, label: str) -> str:
    key = f"finance.heading.{label}"
    return t(key, ctx.locale) if has_text(key) else label


def _alert(
    ctx: Context,
    record: OrderProfitability,
    order: SalesOrder,
    line: SalesOrderLine,
    result: rules.Profitability,
) -> None:
    """Tell owner and methods once, with the three largest causes, and ask methods to look (FIN-06)."""
    words = [
        f"{_cause(ctx, label)} (+{euros(amount)})" if amount else _cause(ctx, label)
        for label, amount in result.causes
    ]
    margin = next(
        (
            m
            for m in (result.margin_pct, result.forecast_margin_pct, result.margin_at_most_pct)
            if m is not None
        ),
        None,
    )
    text = t(
        "finance.alert", ctx.locale, number=order.number, line=line.line_no,
        margin="n/a" if margin is None else margin, causes=", ".join(words),
    )  # fmt: skip
    for role in ("management", "methods_manager"):
        tasks.notify(ctx, "warning", "profitability", text, record, role=role)
    tasks.open_task(
        ctx, "profitability_alert", text, record, role="methods_manager",
        details={"causes": record.causes}, dedupe_key=f"profitability:{record.id}",
    )  # fmt: skip
    record.alerted_at = ctx.now
    ctx.emit("order_profitability.unprofitable", {"id": record.id, "sales_order_id": order.id})


def _correct(ctx: Context, record: OrderProfitability, result: rules.Profitability) -> None:
    """Keep what a late cost changes beside the frozen record (FIN-08)."""
    if record.actual_cost is None or result.actual_cost is None:
        return
    query = select(func.coalesce(func.sum(ProfitabilityCorrection.amount), 0)).where(
        ProfitabilityCorrection.order_profitability_id == record.id
    )
    difference = result.actual_cost - record.actual_cost - Decimal(ctx.session.scalar(query) or 0)
    if not difference:
        return
    headings = {name: jsonable(h.actual) for name, h in result.headings.items()}
    ctx.add(
        ProfitabilityCorrection(
            order_profitability_id=record.id,
            amount=difference,
            cause="late_cost",
            details={"actual": headings},
        )
    )
    text = t("finance.correction", ctx.locale, amount=difference)
    tasks.notify(ctx, "info", "profitability", text, record, role="management")


def freeze(ctx: Context, record: OrderProfitability, _params: Any = None) -> None:
    """Close the record with its author and date; its figures do not move any more (FIN-08).

    Raises:
        Conflict: ``profitability.frozen``, ``profitability.incomplete`` naming what is missing.
    """
    if record.frozen_at is not None:
        raise Conflict("profitability.frozen")
    record = refresh(ctx, record.sales_order_line_id)
    if record.is_incomplete:
        raise Conflict("profitability.incomplete", extra={"missing": record.missing})
    record.frozen_at, record.frozen_by_id = ctx.now, ctx.principal.user_id
    ctx.session.flush()


def freeze_finished(ctx: Context, line: SalesOrderLine, author_id: int | None) -> bool:
    """Freeze the record of a line that is delivered and invoiced in full. Returns whether it is frozen."""
    record = refresh(ctx, line.id)
    if record.frozen_at is not None:
        return True
    delivered = (
        select(func.coalesce(func.sum(DeliveryNoteLine.quantity), 0))
        .join(DeliveryNote, DeliveryNote.id == DeliveryNoteLine.delivery_note_id)
        .where(
            DeliveryNoteLine.sales_order_line_id == line.id,
            DeliveryNoteLine.archived_at.is_(None),
            DeliveryNote.status.in_(("shipped", "delivered")),
        )
    )
    is_delivered = Decimal(ctx.session.scalar(delivered) or 0) >= line.quantity
    if not is_delivered or record.is_incomplete or invoicing.invoiced_qty(ctx, line.id) < line.quantity:
        return False
    record.frozen_at, record.frozen_by_id = ctx.now, author_id
    ctx.session.flush()
    return True


# --- events -------------------------------------------------------------------------------------------------------


def on_order(ctx: Context, event: Event) -> None:
    """A validated order opens the records of its lines (FIN-01)."""
    _refresh_all(ctx, (line.id for line in lines_of(ctx, int(event.payload["id"]))))


def on_operation(ctx: Context, event: Event) -> None:
    """An operation moved: its line is computed again."""
    operation = ctx.session.get(WorkOrderOperation, int(event.payload["id"]))
    if operation is not None:
        _refresh_orders(ctx, {operation.work_order_id})


def on_work_order(ctx: Context, event: Event) -> None:
    """A work order moved."""
    _refresh_orders(ctx, {int(event.payload["id"])})


def on_stock(ctx: Context, event: Event) -> None:
    """Stock went to or came from a job."""
    orders = set()
    if event.payload.get("work_order_id"):
        orders.add(int(event.payload["work_order_id"]))
    if event.payload.get("work_order_operation_id"):
        operation = ctx.session.get(WorkOrderOperation, int(event.payload["work_order_operation_id"]))
        if operation is not None:
            orders.add(operation.work_order_id)
    _refresh_orders(ctx, orders)


def on_delivery(ctx: Context, event: Event) -> None:
    """A shipment touches the lines it carries."""
    query = select(DeliveryNoteLine.sales_order_line_id).where(
        DeliveryNoteLine.delivery_note_id == int(event.payload["id"])
    )
    _refresh_all(ctx, ctx.session.scalars(query.distinct()))


def on_invoice(ctx: Context, event: Event) -> None:
    """An issued invoice may end the job: delivered and invoiced in full, it is frozen."""
    invoice = ctx.get(Invoice, int(event.payload["id"]))
    if invoice.sales_order_id is None:
        return
    for line in lines_of(ctx, invoice.sales_order_id):
        freeze_finished(ctx, line, event.user_id)


def _refresh_orders(ctx: Context, order_ids: set[int]) -> None:
    query = select(WorkOrder.sales_order_line_id).where(
        WorkOrder.id.in_(order_ids), WorkOrder.sales_order_line_id.is_not(None)
    )
    _refresh_all(ctx, (key for key in ctx.session.scalars(query.distinct()) if key is not None))


def _refresh_all(ctx: Context, line_ids: Iterable[int]) -> None:
    for line_id in sorted(line_ids):
        refresh(ctx, line_id)


# --- reading ------------------------------------------------------------------------------------------------------


def of_order(ctx: Context, order_id: int) -> dict[str, Any]:
    """Sum of an order with its lines; a sum is not given while a line lacks its part (FIN-01, FIN-03, FIN-47)."""
    from coordinator.kernel.crud import serialize_many

    order = ctx.get(SalesOrder, order_id)
    query = select(OrderProfitability).where(
        OrderProfitability.sales_order_line_id.in_([line.id for line in lines_of(ctx, order_id)])
    )
    records = list(ctx.session.scalars(query.order_by(OrderProfitability.sales_order_line_id)))
    sums = {
        name: _sum(getattr(r, name) for r in records)
        for name in ("selling_price", "planned_cost", "actual_cost", "forecast_cost")
    }
    is_final = bool(records) and all(r.margin_pct is not None for r in records)
    return {
        "sales_order_id": order.id,
        "number": order.number,
        "status": min((r.status for r in records), key=_STATUSES.index, default=None),
        "is_incomplete": any(r.is_incomplete for r in records),
        **_texts(
            **sums,
            margin_pct=rules.margin(sums["selling_price"], sums["actual_cost"]) if is_final else None,
            forecast_margin_pct=rules.margin(sums["selling_price"], sums["forecast_cost"]),
        ),
        "lines": serialize_many(ctx, ctx.registry.entities["order_profitability"], records),
    }


def _sum(values: Iterable[Decimal | None]) -> Decimal | None:
    found = list(values)
    known = [v for v in found if v is not None]
    return sum(known, rules.ZERO) if found and len(known) == len(found) else None
