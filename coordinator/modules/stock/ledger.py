"""The ledger: the one place where movements are written, and the balances read from them."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import ColumnElement, func, select, text

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import t
from coordinator.kernel.models import Task
from coordinator.modules.catalogue.api import StockItem
from coordinator.modules.stock import reorder
from coordinator.modules.stock.models import (
    StockCount,
    StockCountLine,
    StockLot,
    StockMovement,
    StockUnit,
    StorageLocation,
)
from coordinator.modules.stock.views import StockBalance

NO_PLACE = "SANS-PLACE"
ZERO = Decimal(0)


@dataclass(frozen=True)
class Movement:
    """A movement to write; ``quantity`` in the item's unit, always positive."""

    stock_item_id: int
    quantity: Decimal
    kind: str
    source: str = "manual"
    stock_lot_id: int | None = None
    stock_unit_id: int | None = None
    from_location_id: int | None = None
    to_location_id: int | None = None
    from_holder: str | None = None
    to_holder: str | None = None
    work_order_operation_id: int | None = None
    work_order_id: int | None = None
    vision_detection_id: int | None = None
    reverses_id: int | None = None
    user_id: int | None = None
    station_code: str | None = None
    confidence_pct: Decimal | None = None
    unit_cost: Decimal | None = None
    is_provisional: bool = False
    flag_reason: str | None = None
    comment: str | None = None
    occurred_at: dt.datetime | None = None
    uid: uuid.UUID | None = None
    act_uid: uuid.UUID | None = None
    """Of the act this is a part of; its own ``uid`` where it is the whole act."""


def lock_item(ctx: Context, stock_item_id: int) -> StockItem:
    """The item, its movements serialised until the end of the transaction.

    Raises:
        BusinessError: ``stock.unknown_item``.
    """
    query = (
        select(StockItem).where(StockItem.id == stock_item_id).with_for_update(key_share=True, of=StockItem)
    )
    item = ctx.session.scalars(query).one_or_none()
    if item is None:
        raise BusinessError("stock.unknown_item", item=stock_item_id)
    return item


def by_uid(ctx: Context, uid: uuid.UUID | None) -> StockMovement | None:
    """Movement already written under an identifier."""
    if uid is None:
        return None
    return ctx.session.scalars(select(StockMovement).where(StockMovement.uid == uid)).one_or_none()


def standing() -> ColumnElement[bool]:
    """Movements that count in figures of a period: neither a reversal nor reversed."""
    undone = select(StockMovement.reverses_id).where(StockMovement.reverses_id.is_not(None))
    return StockMovement.reverses_id.is_(None) & StockMovement.id.not_in(undone)


def post(ctx: Context, movement: Movement, *, is_recount: bool = False) -> StockMovement:
    """Write one movement, once per ``uid``. What would go below zero is kept, flagged and counted again (STK-24).

    A movement told after a person has counted the place changes nothing there: the count had seen it (STK-50).

    Raises:
        BusinessError: ``stock.quantity`` for a quantity that is not positive (STK-49).
    """
    if movement.quantity <= 0:
        raise BusinessError("stock.quantity")
    item = lock_item(ctx, movement.stock_item_id)
    known = by_uid(ctx, movement.uid)
    if known is not None:
        return known
    movement = _stamped(ctx, movement, item)
    short = _shortage(ctx, movement)
    reason = movement.flag_reason or ("negative" if short > 0 else None)
    values = {k: v for k, v in vars(movement).items() if k not in {"flag_reason", "uid", "act_uid"}}
    uid = movement.uid or uuid.uuid4()
    row = StockMovement(
        **values,
        uid=uid,
        act_uid=movement.act_uid or uid,
        is_flagged=reason is not None,
        flag_reason=reason,
    )
    ctx.add(row)
    _follow(ctx, row)
    if short > 0:
        request_count(ctx, item, movement.from_location_id, "negative")
    reorder.check_threshold(ctx, item)
    names = (
        "stock_item_id",
        "stock_lot_id",
        "stock_unit_id",
        "quantity",
        "kind",
        "source",
        "work_order_operation_id",
        "work_order_id",
        "is_flagged",
    )
    ctx.emit("stock.moved", {"id": row.id, **{n: getattr(row, n) for n in names}})
    announce(ctx, row)
    if not is_recount:
        _keep_counts(ctx, row)
    return row


def _keep_counts(ctx: Context, row: StockMovement) -> None:
    """The last human count wins over what is told later of the time before it, and over its undoing."""
    since = row.occurred_at
    if row.reverses_id is not None:
        undone = ctx.get(StockMovement, row.reverses_id)
        if undone.kind == "inventory":
            return
        since = undone.occurred_at
    for place, delta in ((row.to_location_id, row.quantity), (row.from_location_id, -row.quantity)):
        if place is None:
            continue
        for line, count in _later_counts(ctx, row, place, since):
            if count.status != "approved":
                # Not posted yet: its difference is told against the ledger, which knows more now.
                line.expected_qty = (line.expected_qty or ZERO) + delta
                continue
            _take_back(ctx, row, place, delta, max(row.occurred_at, line.counted_at or row.occurred_at))
            break


def _later_counts(
    ctx: Context, row: StockMovement, location_id: int, since: dt.datetime
) -> list[tuple[StockCountLine, StockCount]]:
    """Counts of a place made after ``since`` that hold what a movement moved, the earliest first."""
    query = (
        select(StockCountLine, StockCount)
        .join(StockCount, StockCount.id == StockCountLine.stock_count_id)
        .where(
            StockCountLine.stock_item_id == row.stock_item_id,
            StockCountLine.archived_at.is_(None),
            StockCountLine.counted_at > since,
            StockCount.storage_location_id == location_id,
            StockCount.status != "cancelled",
        )
    )
    for column, value in (
        (StockCountLine.stock_lot_id, row.stock_lot_id),
        (StockCountLine.stock_unit_id, row.stock_unit_id),
    ):
        query = query.where(column.is_(None) | column.is_not_distinct_from(value))
    rows = ctx.session.execute(query.order_by(StockCountLine.counted_at, StockCountLine.id))
    return [(line, count) for line, count in rows]


def _take_back(ctx: Context, row: StockMovement, location_id: int, delta: Decimal, at: dt.datetime) -> None:
    movement = Movement(
        row.stock_item_id,
        abs(delta),
        "inventory",
        "system",
        row.stock_lot_id,
        row.stock_unit_id,
        comment=t("stock.recount", ctx.locale),
        from_location_id=location_id if delta > 0 else None,
        to_location_id=location_id if delta < 0 else None,
        occurred_at=at,
        uid=uuid.uuid5(row.uid, f"recount:{location_id}"),
    )
    post(ctx, movement, is_recount=True)


def _stamped(ctx: Context, movement: Movement, item: StockItem) -> Movement:
    cost = movement.unit_cost
    if cost is None and movement.stock_lot_id is not None:
        cost = ctx.get(StockLot, movement.stock_lot_id).unit_cost
    return replace(
        movement,
        occurred_at=movement.occurred_at or ctx.now,
        user_id=movement.user_id if movement.user_id is not None else ctx.principal.user_id,
        station_code=movement.station_code or ctx.principal.station_id,
        unit_cost=cost if cost is not None else item.unit_cost,
    )


def _shortage(ctx: Context, movement: Movement) -> Decimal:
    """What the source lacks of the quantity."""
    if movement.from_location_id is None:
        return ZERO
    query = select(func.coalesce(func.sum(StockBalance.quantity), 0)).where(
        StockBalance.stock_item_id == movement.stock_item_id,
        StockBalance.stock_lot_id.is_not_distinct_from(movement.stock_lot_id),
        StockBalance.stock_unit_id.is_not_distinct_from(movement.stock_unit_id),
        StockBalance.storage_location_id == movement.from_location_id,
    )
    return movement.quantity - Decimal(ctx.session.scalar(query) or 0)


def _follow(ctx: Context, row: StockMovement) -> None:
    """Keep the place of the unit and the state of the lot in step with the ledger."""
    if row.stock_unit_id is not None:
        unit = ctx.get(StockUnit, row.stock_unit_id)
        if row.to_location_id is not None or unit.storage_location_id == row.from_location_id:
            unit.storage_location_id = row.to_location_id
    if row.stock_lot_id is None:
        return
    lot = ctx.get(StockLot, row.stock_lot_id)
    if (
        lot.status == "released"
        and on_hand(ctx, row.stock_item_id, lot_id=lot.id) + in_use(ctx, row.stock_item_id, lot_id=lot.id)
        <= 0
    ):
        lot.status = "consumed"
    elif lot.status == "consumed" and (row.to_location_id is not None or row.to_holder is not None):
        lot.status = "released"


def announce(ctx: Context, row: StockMovement) -> None:
    """Tell live clients, when the transaction commits."""
    message = {"entity": "stock_movement", "id": row.id, "action": "created", "row_version": 1}
    ctx.session.execute(text("SELECT pg_notify('gu_live', :message)"), {"message": json.dumps(message)})


def on_hand(
    ctx: Context,
    stock_item_id: int,
    *,
    lot_id: int | None = None,
    unit_id: int | None = None,
    location_id: int | None = None,
    usable_only: bool = False,
) -> Decimal:
    """Quantity held, over all places, lots and units not named."""
    query = select(func.coalesce(func.sum(StockBalance.quantity), 0)).where(
        StockBalance.stock_item_id == stock_item_id
    )
    for column, value in (
        (StockBalance.stock_lot_id, lot_id),
        (StockBalance.stock_unit_id, unit_id),
        (StockBalance.storage_location_id, location_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if usable_only:
        query = query.where(StockBalance.is_available)
    return Decimal(ctx.session.scalar(query) or 0)


def in_use(
    ctx: Context,
    stock_item_id: int,
    *,
    lot_id: int | None = None,
    unit_id: int | None = None,
    holder: str | None = None,
) -> Decimal:
    """Quantity taken and not yet consumed or returned."""
    sql = "SELECT coalesce(sum(quantity), 0) FROM stock_in_use WHERE stock_item_id = :item"
    values: dict[str, object] = {"item": stock_item_id}
    for name, value in (("stock_lot_id", lot_id), ("stock_unit_id", unit_id), ("holder", holder)):
        if value is not None:
            sql += f" AND {name} = :{name}"
            values[name] = value
    return Decimal(ctx.session.scalar(text(sql), values) or 0)


def balances(
    ctx: Context,
    stock_item_id: int,
    *,
    lot_id: int | None = None,
    unit_id: int | None = None,
    location_id: int | None = None,
) -> list[StockBalance]:
    """Positive balances to take from, oldest stock first (FIFO), usable before quarantined and blocked."""
    query = select(StockBalance).where(StockBalance.stock_item_id == stock_item_id, StockBalance.quantity > 0)
    for column, value in (
        (StockBalance.stock_lot_id, lot_id),
        (StockBalance.stock_unit_id, unit_id),
        (StockBalance.storage_location_id, location_id),
    ):
        if value is not None:
            query = query.where(column == value)
    order = (StockBalance.is_available.desc(), StockBalance.is_certified, StockBalance.id)
    return list(ctx.session.scalars(query.order_by(*order).execution_options(populate_existing=True)))


def request_count(ctx: Context, item: StockItem, location_id: int | None, reason: str) -> StockCount:
    """Ask for one count of an item at a place; an open request is not repeated (STK-24)."""
    query = (
        select(StockCount)
        .join(StockCountLine, StockCountLine.stock_count_id == StockCount.id)
        .where(
            StockCount.status == "open",
            StockCount.storage_location_id.is_not_distinct_from(location_id),
            StockCountLine.stock_item_id == item.id,
        )
    )
    count = ctx.session.scalars(query.limit(1)).one_or_none()
    if count is not None:
        return count
    count = ctx.add(StockCount(storage_location_id=location_id, reason=reason))
    ctx.add(StockCountLine(stock_count_id=count.id, stock_item_id=item.id))
    place = ctx.get(StorageLocation, location_id).code if location_id is not None else "—"
    title = t("task.stock_count", ctx.locale, item=item.code, place=place)
    tasks.open_task(ctx, "stock.count", title, count, role="storekeeper")
    return count


def close_count_tasks(ctx: Context, count: StockCount, answer: str) -> None:
    """The count was made: its task is done."""
    query = select(Task).where(
        Task.object_type == "stock_count", Task.object_id == count.id, Task.status == "open"
    )
    for task in ctx.session.scalars(query):
        tasks.close_task(ctx, task, answer)


def no_place(ctx: Context) -> StorageLocation:
    """Place of what has none."""
    return ctx.session.scalars(select(StorageLocation).where(StorageLocation.code == NO_PLACE)).one()


def main_place(ctx: Context, stock_item_id: int) -> int:
    """Where an item is kept: its own place, else where most of it is, else no place."""
    from coordinator.modules.stock.models import LocationItem

    own = select(LocationItem.storage_location_id).where(
        LocationItem.stock_item_id == stock_item_id, LocationItem.archived_at.is_(None)
    )
    found = ctx.session.scalar(own.order_by(LocationItem.is_main.desc(), LocationItem.id).limit(1))
    if found is None:
        most = select(StockBalance.storage_location_id).where(StockBalance.stock_item_id == stock_item_id)
        found = ctx.session.scalar(most.order_by(StockBalance.quantity.desc()).limit(1))
    return found if found is not None else no_place(ctx).id
