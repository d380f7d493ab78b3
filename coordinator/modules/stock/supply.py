"""What stock answers to quoting and planning: there now, promised, expected, equivalent; what will run short (STK-32, STK-34)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import func, or_, select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.i18n import t
from coordinator.modules.catalogue.api import Material, StockItem, Tool
from coordinator.modules.stock import ledger, reorder, shop
from coordinator.modules.stock.engine.forecast import Change, Forecast, forecast
from coordinator.modules.stock.models import StockMovement, StockUnit
from coordinator.modules.stock.models_tooling import ToolEquivalent
from coordinator.modules.stock.views import StockLevel

ZERO = Decimal(0)
HISTORY_DAYS = 180


@dataclass(frozen=True)
class Expected:
    """Goods on their way."""

    on: dt.date | None
    quantity: Decimal
    purchase_order_id: int
    number: str


@dataclass(frozen=True)
class Supply:
    """Everything that can be said of an item's availability, in its unit."""

    item: StockItem
    on_hand: Decimal
    in_use: Decimal
    reserved: Decimal
    available: Decimal
    expected: list[Expected] = field(default_factory=list)
    equivalents: list[tuple[StockItem, Decimal]] = field(default_factory=list)

    def available_on(self, quantity: Decimal) -> dt.date | None:
        """First day the quantity is there, ``None`` when nothing ordered brings it. The day itself is the caller's."""
        level = self.available
        for one in self.expected:
            level += one.quantity
            if level >= quantity and one.on is not None:
                return one.on
        return None


def supply(ctx: Context, stock_item_id: int) -> Supply:
    """Availability of an item with what is ordered and what could replace it."""
    item = ctx.get(StockItem, stock_item_id)
    level = ctx.session.scalars(
        select(StockLevel).where(StockLevel.id == item.id).execution_options(populate_existing=True)
    ).one_or_none()
    numbers = (
        (level.on_hand, level.in_use_qty, level.reserved_qty, level.available_qty)
        if level is not None
        else (ZERO,) * 4
    )
    return Supply(
        item, *numbers, expected=expected(ctx, [item.id]).get(item.id, []), equivalents=equivalents(ctx, item)
    )


def expected(ctx: Context, item_ids: list[int] | None = None) -> dict[int, list[Expected]]:
    """Ordered and not yet received, by item, the earliest first; an order without date comes after its delay."""
    tables = StockMovement.metadata.tables
    line, order = tables["purchase_order_line"], tables["purchase_order"]
    day = func.coalesce(order.c.confirmed_delivery_on, line.c.required_on, order.c.required_on)
    query = (
        select(line.c.stock_item_id, line.c.quantity - line.c.received_qty, day, order.c.id, order.c.number)
        .join(order, order.c.id == line.c.purchase_order_id)
        .where(
            order.c.status.in_(("sent", "partly_received")),
            line.c.archived_at.is_(None),
            line.c.stock_item_id.is_not(None),
            line.c.quantity > line.c.received_qty,
        )
        .order_by(day.asc().nulls_last(), order.c.id)
    )
    if item_ids is not None:
        query = query.where(line.c.stock_item_id.in_(item_ids))
    found: dict[int, list[Expected]] = defaultdict(list)
    for item_id, quantity, on, order_id, number in ctx.session.execute(query):
        found[item_id].append(Expected(on, quantity, order_id, number))
    return found


def equivalents(ctx: Context, item: StockItem) -> list[tuple[StockItem, Decimal]]:
    """Items in stock that may take its place: allowed tools, the same grade under another reference."""
    if isinstance(item, Tool):
        allowed = select(ToolEquivalent.equivalent_id).where(
            ToolEquivalent.tool_id == item.id, ToolEquivalent.archived_at.is_(None)
        )
        condition = StockItem.id.in_(allowed)
    elif isinstance(item, Material):
        same = [
            getattr(Material, name) == value
            for name in ("werkstoff_number", "en_designation")
            if (value := getattr(item, name))
        ]
        if not same:
            return []
        condition = StockItem.id.in_(select(Material.id).where(or_(*same)))
    else:
        return []
    query = (
        select(StockItem, StockLevel.available_qty)
        .join(StockLevel, StockLevel.id == StockItem.id)
        .where(
            condition, StockItem.id != item.id, StockLevel.available_qty > 0, StockItem.archived_at.is_(None)
        )
    )
    return [(one, Decimal(quantity)) for one, quantity in ctx.session.execute(query.order_by(StockItem.code))]


@dataclass(frozen=True)
class Outlook:
    """How an item goes on over the horizon."""

    item: StockItem
    available: Decimal
    result: Forecast
    needs: list[shop.Need]
    worn_out: int = 0
    """Tools whose life ends within the horizon at the present pace."""


def outlook(ctx: Context, days: int | None = None) -> list[Outlook]:
    """Items that run short or fall below their minimum within the horizon, the first to run short first (STK-34)."""
    horizon = days if days is not None else ctx.settings.integer("stock.forecast_days")
    today = ctx.now.date()
    needs: dict[int, list[shop.Need]] = defaultdict(list)
    for need in shop.needs(ctx, today + dt.timedelta(days=horizon)):
        needs[need.stock_item_id].append(need)
    usual = daily_use(ctx)
    ending = tools_ending(ctx, horizon)
    coming = expected(ctx)
    watched = set(needs) | set(usual) | set(ending) | _with_minimum(ctx)
    query = (
        select(StockItem, StockLevel.available_qty)
        .join(StockLevel, StockLevel.id == StockItem.id)
        .where(StockItem.id.in_(watched), StockItem.is_active, StockItem.archived_at.is_(None))
    )
    found = []
    for item, available in ctx.session.execute(query):
        changes = [Change(max(n.needed_on, today), -n.quantity, n.label) for n in needs[item.id]]
        changes += [Change(_arrival(e, today, item), e.quantity, e.number) for e in coming.get(item.id, [])]
        worn = ending.get(item.id, 0)
        if worn:
            changes.append(Change(today + dt.timedelta(days=horizon), Decimal(-worn)))
        result = forecast(
            Decimal(available),
            changes,
            today=today,
            days=horizon,
            daily_use=usual.get(item.id, ZERO),
            minimum=item.alert_threshold or ZERO,
        )
        if result.short_on is not None or result.below_minimum_on is not None:
            found.append(Outlook(item, Decimal(available), result, needs[item.id], worn))
    far = today + dt.timedelta(days=10_000)
    return sorted(
        found, key=lambda o: (o.result.short_on or far, o.result.below_minimum_on or far, o.item.code)
    )


def _arrival(one: Expected, today: dt.date, item: StockItem) -> dt.date:
    if one.on is not None:
        return max(one.on, today)
    return today + dt.timedelta(days=item.lead_time_days if item.lead_time_days is not None else 14)


def _with_minimum(ctx: Context) -> set[int]:
    return set(ctx.session.scalars(select(StockItem.id).where(StockItem.alert_threshold > 0)))


def daily_use(ctx: Context) -> dict[int, Decimal]:
    """What each item loses a day, over the last months; reversed movements do not count."""
    since = ctx.now - dt.timedelta(days=HISTORY_DAYS)
    query = (
        select(
            StockMovement.stock_item_id, func.sum(StockMovement.quantity), func.min(StockMovement.occurred_at)
        )
        .where(
            StockMovement.kind.in_(("consumption", "scrap", "issue")),
            StockMovement.from_location_id.is_not(None),
            ledger.standing(),
            StockMovement.occurred_at > since,
        )
        .group_by(StockMovement.stock_item_id)
    )
    back = (
        select(StockMovement.stock_item_id, func.sum(StockMovement.quantity))
        .where(
            StockMovement.kind == "return",
            StockMovement.occurred_at > since,
            ledger.standing(),
        )
        .group_by(StockMovement.stock_item_id)
    )
    returned = dict(ctx.session.execute(back).tuples().all())
    found = {}
    for item_id, quantity, first in ctx.session.execute(query):
        days = max(30, (ctx.now - first).days + 1)
        net = Decimal(quantity) - Decimal(returned.get(item_id, 0))
        if net > 0:
            found[item_id] = round(net / days, 4)
    return found


def tools_ending(ctx: Context, days: int) -> dict[int, int]:
    """Tools followed one by one whose life ends within the horizon at the pace of the last months."""
    usage = StockMovement.metadata.tables["tool_usage"]
    since = ctx.now - dt.timedelta(days=HISTORY_DAYS)
    pace = (
        select(usage.c.stock_unit_id, (func.sum(usage.c.used_min) / HISTORY_DAYS).label("per_day"))
        .where(usage.c.occurred_at > since)
        .group_by(usage.c.stock_unit_id)
        .subquery()
    )
    query = (
        select(StockUnit.stock_item_id, func.count())
        .join(pace, pace.c.stock_unit_id == StockUnit.id)
        .join(Tool, Tool.id == StockUnit.stock_item_id)
        .where(
            Tool.life_min > 0,
            StockUnit.condition.in_(("new", "used")),
            StockUnit.archived_at.is_(None),
            StockUnit.used_min + pace.c.per_day * days >= Tool.life_min,
        )
        .group_by(StockUnit.stock_item_id)
    )
    return dict(ctx.session.execute(query).tuples().all())


def announce(ctx: Context) -> int:
    """Every night: what will run short is said before it does, once, and its purchase proposed."""
    told = 0
    for one in outlook(ctx):
        if one.result.short_on is None or reorder.open_proposal(ctx, one.item.id) is not None:
            continue
        proposal = reorder.propose_need(ctx, one.item, one.result.missing_qty, one.result.short_on)
        if proposal is None:
            continue
        words = t(
            "stock.will_be_short",
            ctx.locale,
            item=f"{one.item.code} · {one.item.name}",
            quantity=one.result.missing_qty.normalize(),
            unit=one.item.unit,
            date=one.result.short_on,
        )
        tasks.notify(ctx, "warning", "stock", words, proposal, role="purchasing")
        told += 1
    return told


def plain(found: Supply) -> dict[str, Any]:
    """A supply as JSON."""
    return {
        "stock_item_id": found.item.id,
        "display": f"{found.item.code} · {found.item.name}",
        "unit": found.item.unit,
        "on_hand": str(found.on_hand),
        "in_use": str(found.in_use),
        "reserved": str(found.reserved),
        "available": str(found.available),
        "expected": [
            {
                "on": e.on.isoformat() if e.on else None,
                "quantity": str(e.quantity),
                "purchase_order_id": e.purchase_order_id,
                "number": e.number,
            }
            for e in found.expected
        ],
        "equivalents": [
            {"id": i.id, "display": f"{i.code} · {i.name}", "available": str(q), "unit": i.unit}
            for i, q in found.equivalents
        ],
    }
