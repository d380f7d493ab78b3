"""Figures of the stock over a period: consumption and indicators (STK-27, STK-44)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.kernel.models import ScanEvent
from coordinator.modules.catalogue.api import StockItem, Tool
from coordinator.modules.stock import ledger
from coordinator.modules.stock.models import StockLot, StockMovement, StockUnit, ToolIncident
from coordinator.modules.stock.models_tooling import ToolIncidentOption
from coordinator.modules.stock.views import StockLevel

By = Literal["month", "item", "order", "machine"]
LOCATE = "locate"
_SPENT = ("consumption", "scrap")
ZERO = Decimal(0)


@dataclass(frozen=True)
class Period:
    """From one day to another, both included, in UTC."""

    start: dt.date
    end: dt.date

    @property
    def bounds(self) -> tuple[dt.datetime, dt.datetime]:
        """First instant, and the first one after."""
        begin = dt.datetime.combine(self.start, dt.time(), dt.UTC)
        return begin, dt.datetime.combine(self.end + dt.timedelta(days=1), dt.time(), dt.UTC)

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.end - self.start).days + 1


@dataclass(frozen=True)
class Spent:
    """What was consumed under one head; ``cost`` in euro by the lots' own prices."""

    key: Any
    label: str
    quantity: Decimal
    unit: str
    cost: Decimal


def _within(period: Period) -> Any:
    start, end = period.bounds
    return (StockMovement.occurred_at >= start) & (StockMovement.occurred_at < end)


def consumption(ctx: Context, period: Period, by: By) -> list[Spent]:
    """Consumption and scrap by month, item, order or machine, the dearest first (months in order)."""
    tables = StockMovement.metadata.tables
    operation, order, machine = tables["work_order_operation"], tables["work_order"], tables["machine"]
    heads: dict[str, tuple[Any, Any]] = {
        "month": (func.to_char(StockMovement.occurred_at, "YYYY-MM"),) * 2,
        "item": (StockItem.id, StockItem.code + " · " + StockItem.name),
        "order": (order.c.id, func.coalesce(order.c.number, "—")),
        "machine": (machine.c.id, func.coalesce(machine.c.name, "—")),
    }
    key, label = heads[by]
    cost = func.sum(StockMovement.quantity * func.coalesce(StockMovement.unit_cost, StockItem.unit_cost, 0))
    query = (
        select(key, label, func.sum(StockMovement.quantity), StockItem.unit, cost)
        .join(StockItem, StockItem.id == StockMovement.stock_item_id)
        .outerjoin(operation, operation.c.id == StockMovement.work_order_operation_id)
        .outerjoin(order, order.c.id == func.coalesce(StockMovement.work_order_id, operation.c.work_order_id))
        .outerjoin(machine, machine.c.id == operation.c.machine_id)
        .where(StockMovement.kind.in_(_SPENT), _within(period), ledger.standing())
        .group_by(key, label, StockItem.unit)
    )
    rows = [
        Spent(k, str(w), Decimal(q), u, round(Decimal(c), 2)) for k, w, q, u, c in ctx.session.execute(query)
    ]
    return sorted(rows, key=lambda r: (str(r.key) if by == "month" else "", -r.cost, r.label, r.unit))


@dataclass(frozen=True)
class Indicator:
    """One figure with its unit and what it was made of; ``None`` where there is nothing to measure."""

    code: str
    value: Decimal | None
    unit: str
    of: int | Decimal = 0


def indicators(ctx: Context, period: Period) -> list[Indicator]:
    """The figures of STK-44 for a period."""
    return [
        _offcuts(ctx, period),
        _replaced(ctx, period),
        _validation_time(ctx, period),
        *_stops(ctx, period),
        _certified(ctx),
        *_value(ctx, period),
        _tool_cost(ctx, period),
        _time_to_find(ctx, period),
    ]


def _share(part: Any, whole: Any) -> Decimal | None:
    return round(100 * Decimal(part) / Decimal(whole), 1) if whole else None


def _offcuts(ctx: Context, period: Period) -> Indicator:
    """Length cut from offcuts over length cut in all."""
    used = func.sum(StockMovement.quantity)
    query = (
        select(used, func.coalesce(used.filter(StockUnit.parent_id.is_not(None)), 0))
        .join(StockUnit, StockUnit.id == StockMovement.stock_unit_id)
        .join(StockItem, StockItem.id == StockMovement.stock_item_id)
        .where(
            StockMovement.kind == "consumption",
            StockItem.item_kind == "material",
            _within(period),
            ledger.standing(),
        )
    )
    whole, part = ctx.session.execute(query).one()
    return Indicator("offcut_reuse", _share(part, whole), "%", round(Decimal(whole or 0), 0))


def _replaced(ctx: Context, period: Period) -> Indicator:
    """Breakages solved by a proposal taken as it was, over breakages replaced."""
    start, end = period.bounds
    query = (
        select(
            func.count(ToolIncident.id.distinct()),
            func.count(ToolIncident.id.distinct()).filter(
                ToolIncidentOption.status == "accepted", ToolIncidentOption.rank < 99
            ),
        )
        .outerjoin(ToolIncidentOption, ToolIncidentOption.tool_incident_id == ToolIncident.id)
        .where(
            ToolIncident.status.in_(("replaced", "confirmed")),
            ToolIncident.occurred_at >= start,
            ToolIncident.occurred_at < end,
        )
    )
    whole, part = ctx.session.execute(query).one()
    return Indicator("replaced_as_proposed", _share(part, whole), "%", whole)


def _validation_time(ctx: Context, period: Period) -> Indicator:
    start, end = period.bounds
    spent = func.extract("epoch", ToolIncident.confirmed_at - ToolIncident.replaced_at) / 3600
    query = select(func.avg(spent), func.count()).where(
        ToolIncident.confirmed_at >= start,
        ToolIncident.confirmed_at < end,
        ToolIncident.replaced_at.is_not(None),
    )
    mean, count = ctx.session.execute(query).one()
    return Indicator("validation_time", None if mean is None else round(Decimal(mean), 1), "h", count)


def _stops(ctx: Context, period: Period) -> list[Indicator]:
    """Pauses for want of a tool or of material: how many, how long."""
    pause = StockMovement.metadata.tables["time_pause"]
    start, end = period.bounds
    minutes = func.extract("epoch", func.coalesce(pause.c.ended_at, ctx.now) - pause.c.started_at) / 60
    query = (
        select(pause.c.reason, func.count(), func.sum(minutes))
        .where(
            pause.c.reason.in_(("waiting_tool", "waiting_material")),
            pause.c.started_at >= start,
            pause.c.started_at < end,
        )
        .group_by(pause.c.reason)
    )
    found = {reason: (count, Decimal(spent)) for reason, count, spent in ctx.session.execute(query)}
    return [
        Indicator(
            f"stops_{reason}",
            round(found.get(reason, (0, ZERO))[1], 0),
            "min",
            found.get(reason, (0, ZERO))[0],
        )
        for reason in ("waiting_tool", "waiting_material")
    ]


def _certified(ctx: Context) -> Indicator:
    """Certified lots in use whose certificate was verified, over certified lots not in quarantine."""
    query = select(func.count(), func.count().filter(StockLot.certificate_verified_at.is_not(None))).where(
        StockLot.is_certified, StockLot.status.in_(("released", "consumed"))
    )
    whole, part = ctx.session.execute(query).one()
    return Indicator("certified_conformity", _share(part, whole), "%", whole)


def _value(ctx: Context, period: Period) -> list[Indicator]:
    value = Decimal(ctx.session.scalar(select(func.coalesce(func.sum(StockLevel.stock_value), 0))) or 0)
    spent = sum((row.cost for row in consumption(ctx, period, "item")), ZERO)
    turnover = round(spent * 365 / period.days / value, 2) if value > 0 else None
    return [Indicator("stock_value", round(value, 2), "€"), Indicator("turnover", turnover, "×/an")]


def _tool_cost(ctx: Context, period: Period) -> Indicator:
    """Tools and inserts spent, per order that spent some."""
    operation = StockMovement.metadata.tables["work_order_operation"]
    order_id = func.coalesce(StockMovement.work_order_id, operation.c.work_order_id)
    cost = func.sum(StockMovement.quantity * func.coalesce(StockMovement.unit_cost, StockItem.unit_cost, 0))
    query = (
        select(cost, func.count(order_id.distinct()))
        .join(StockItem, StockItem.id == StockMovement.stock_item_id)
        .outerjoin(operation, operation.c.id == StockMovement.work_order_operation_id)
        .where(
            StockMovement.kind.in_(_SPENT),
            StockItem.item_kind.in_(("tool", "insert")),
            order_id.is_not(None),
            _within(period),
            ledger.standing(),
        )
    )
    spent, orders = ctx.session.execute(query).one()
    return Indicator(
        "tool_cost_per_order", round(Decimal(spent) / orders, 2) if orders else None, "€", orders
    )


def _time_to_find(ctx: Context, period: Period) -> Indicator:
    """From the search of an item to its being taken by the same person, within the hour."""
    start, end = period.bounds
    taken = (
        select(func.min(StockMovement.occurred_at))
        .join(StockItem, StockItem.id == StockMovement.stock_item_id)
        .where(
            StockItem.code == ScanEvent.code,
            StockMovement.user_id == ScanEvent.user_id,
            StockMovement.kind == "issue",
            StockMovement.occurred_at >= ScanEvent.occurred_at,
            StockMovement.occurred_at < ScanEvent.occurred_at + dt.timedelta(hours=1),
        )
        .correlate(ScanEvent)
        .scalar_subquery()
    )
    looked = (
        select((func.extract("epoch", taken - ScanEvent.occurred_at) / 60).label("minutes"))
        .where(ScanEvent.purpose == LOCATE, ScanEvent.occurred_at >= start, ScanEvent.occurred_at < end)
        .subquery()
    )
    query = select(func.avg(looked.c.minutes), func.count(looked.c.minutes))
    mean, count = ctx.session.execute(query).one()
    return Indicator("time_to_find", None if mean is None else round(Decimal(mean), 1), "min", count)


def idle_tools(ctx: Context, days: int) -> list[tuple[Tool, Decimal, dt.datetime | None]]:
    """Tools on the shelf that left it last before ``days`` days, or never; the longest idle first."""
    last = (
        select(StockMovement.stock_item_id, func.max(StockMovement.occurred_at).label("at"))
        .where(StockMovement.kind.in_(("issue", "consumption", "scrap")), StockMovement.reverses_id.is_(None))
        .group_by(StockMovement.stock_item_id)
        .subquery()
    )
    limit = ctx.now - dt.timedelta(days=days)
    query = (
        select(Tool, StockLevel.on_hand, last.c.at)
        .join(StockLevel, StockLevel.id == Tool.id)
        .outerjoin(last, last.c.stock_item_id == Tool.id)
        .where(Tool.archived_at.is_(None), StockLevel.on_hand > 0)
        .where((last.c.at < limit) | (last.c.at.is_(None) & (Tool.created_at < limit)))
        .order_by(last.c.at.asc().nulls_first(), Tool.code)
    )
    return [(tool, Decimal(held), at) for tool, held, at in ctx.session.execute(query)]
