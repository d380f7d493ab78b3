"""Stocktaking: blind counts, differences approved, the last human count wins (STK-26, STK-50)."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import t
from coordinator.modules.catalogue.api import StockItem
from coordinator.modules.stock import flow, ledger
from coordinator.modules.stock.ledger import Movement
from coordinator.modules.stock.models import StockCount, StockCountLine, StockMovement


def on_line(ctx: Context, line: StockCountLine) -> None:
    """Keep what the ledger said at the moment of the count.

    Raises:
        BusinessError: ``stock.count_closed``.
    """
    count = ctx.get(StockCount, line.stock_count_id)
    if count.status != "open":
        raise BusinessError("stock.count_closed")
    if line.counted_qty is not None:
        if line.counted_qty < 0:
            raise BusinessError("stock.quantity")
        line.expected_qty = _held(ctx, line, count.storage_location_id)
        line.counted_at = ctx.now


def _held(ctx: Context, line: StockCountLine, location_id: int | None) -> Decimal:
    return ledger.on_hand(
        ctx, line.stock_item_id, lot_id=line.stock_lot_id, unit_id=line.stock_unit_id, location_id=location_id
    )


def _lines(ctx: Context, count: StockCount) -> list[StockCountLine]:
    query = select(StockCountLine).where(
        StockCountLine.stock_count_id == count.id, StockCountLine.archived_at.is_(None)
    )
    return list(ctx.session.scalars(query.order_by(StockCountLine.id)))


def finish(ctx: Context, count: StockCount, _params: Any) -> None:
    """The counting is done: every line has a quantity.

    Raises:
        BusinessError: ``stock.count_incomplete``.
    """
    lines = _lines(ctx, count)
    if not lines or any(line.counted_qty is None for line in lines):
        raise BusinessError("stock.count_incomplete")
    count.counted_at = ctx.now


def approve(ctx: Context, count: StockCount, _params: Any) -> dict[str, Any]:
    """Post the differences between what was counted and what the ledger said at that moment."""
    posted = []
    for line in _lines(ctx, count):
        difference = (line.counted_qty or Decimal(0)) - (line.expected_qty or Decimal(0))
        if difference:
            posted.append(_post_difference(ctx, count, line, difference))
    count.approved_by_id = ctx.principal.user_id
    count.approved_at = ctx.now
    ledger.close_count_tasks(ctx, count, "approved")
    return {"movement_ids": posted}


def _post_difference(ctx: Context, count: StockCount, line: StockCountLine, difference: Decimal) -> int:
    place = count.storage_location_id or ledger.main_place(ctx, line.stock_item_id)
    movement = Movement(
        line.stock_item_id,
        abs(difference),
        "inventory",
        stock_lot_id=line.stock_lot_id,
        stock_unit_id=line.stock_unit_id,
        comment=count.reason,
        occurred_at=line.counted_at,
    )
    values = vars(movement)
    if difference > 0:
        return ledger.post(ctx, Movement(**{**values, "to_location_id": place})).id
    return flow.take(ctx, Movement(**{**values, "from_location_id": place}))[0].id


def quick_count(
    ctx: Context,
    item: StockItem,
    location_id: int,
    counted: Decimal,
    *,
    uid: uuid.UUID,
    counted_at: dt.datetime,
    user_id: int | None,
    unit_id: int | None = None,
    source: str = "qr",
) -> Decimal:
    """A count of one item at one place by a person: it wins at once, a difference is given for review (STK-50).

    A count older than movements already written changes what was there then, not what happened since.

    Returns:
        Difference posted, counted minus expected.
    """
    ledger.lock_item(ctx, item.id)
    expected = _held_at(ctx, item.id, location_id, unit_id, counted_at)
    difference = counted - expected
    count = _count_record(ctx, item, location_id, counted_at, user_id)
    line = ctx.session.scalars(
        select(StockCountLine).where(
            StockCountLine.stock_count_id == count.id, StockCountLine.stock_item_id == item.id
        )
    ).one_or_none()
    if line is None:
        line = StockCountLine(stock_count_id=count.id, stock_item_id=item.id, stock_unit_id=unit_id)
    line.counted_qty, line.expected_qty, line.counted_at = counted, expected, counted_at
    ctx.add(line)
    if difference:
        movement = Movement(
            item.id,
            abs(difference),
            "inventory",
            source,
            stock_unit_id=unit_id,
            user_id=user_id,
            uid=uid,
            occurred_at=counted_at,
        )
        values = vars(movement)
        if difference > 0:
            ledger.post(ctx, Movement(**{**values, "to_location_id": location_id}))
        else:
            flow.take(ctx, Movement(**{**values, "from_location_id": location_id}))
        title = t(
            "task.count_difference", ctx.locale, item=item.code, difference=f"{difference.normalize():+f}"
        )
        tasks.open_task(
            ctx, "stock.count_difference", title, count, role="storekeeper", dedupe_key=f"count:{uid}"
        )
    ledger.close_count_tasks(ctx, count, "counted")
    return difference


def _count_record(
    ctx: Context, item: StockItem, location_id: int, counted_at: dt.datetime, user_id: int | None
) -> StockCount:
    """The open request for this count, else a new record."""
    other = aliased(StockCountLine)
    others = select(other.id).where(other.stock_count_id == StockCount.id, other.stock_item_id != item.id)
    asked = (
        select(StockCount)
        .join(StockCountLine, StockCountLine.stock_count_id == StockCount.id)
        .where(StockCount.status == "open", StockCount.storage_location_id == location_id)
        .where(StockCountLine.stock_item_id == item.id)
        .where(~others.exists())
    )
    count = ctx.session.scalars(asked.limit(1)).one_or_none() or StockCount(storage_location_id=location_id)
    count.status, count.counted_at, count.approved_at = "approved", counted_at, ctx.now
    count.approved_by_id = user_id
    return ctx.add(count)


def _held_at(ctx: Context, item_id: int, location_id: int, unit_id: int | None, at: dt.datetime) -> Decimal:
    """Balance of a place at an instant, from the movements up to it."""
    conditions = [StockMovement.stock_item_id == item_id, StockMovement.occurred_at <= at]
    if unit_id is not None:
        conditions.append(StockMovement.stock_unit_id == unit_id)
    gained = func.coalesce(
        func.sum(StockMovement.quantity).filter(StockMovement.to_location_id == location_id), 0
    )
    lost = func.coalesce(
        func.sum(StockMovement.quantity).filter(StockMovement.from_location_id == location_id), 0
    )
    return Decimal(ctx.session.scalar(select(gained - lost).where(*conditions)) or 0)


def last_human_count(ctx: Context, stock_item_id: int, location_id: int) -> dt.datetime | None:
    """When a person last counted an item at a place."""
    query = (
        select(func.max(StockCountLine.counted_at))
        .join(StockCount, StockCount.id == StockCountLine.stock_count_id)
        .where(StockCountLine.stock_item_id == stock_item_id, StockCount.storage_location_id == location_id)
        .where(StockCount.status != "cancelled")
    )
    return ctx.session.scalar(query)
