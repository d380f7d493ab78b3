"""Facts reported by stations and phones: what really left or came back is booked, doubts go to a person."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from coordinator.kernel import qr, tasks
from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import t
from coordinator.modules.catalogue.api import StockItem, item_by_code
from coordinator.modules.stock import counts, flow, ledger, readiness, shop, vision
from coordinator.modules.stock.ledger import Movement
from coordinator.modules.stock.models import (
    MovementEvidence,
    StockLot,
    StockMovement,
    StockUnit,
    StorageLocation,
)

_ITEM_TYPES = {"stock_item", "tool", "material", "ppe_item"}


@dataclass(frozen=True)
class Target:
    """What a code stands for."""

    item: StockItem
    lot_id: int | None = None
    unit_id: int | None = None


def resolve(ctx: Context, code: str | None, item_code: str | None = None) -> Target:
    """Item, lot or unit of a scanned code or of a typed reference.

    Raises:
        BusinessError: ``stock.unknown_code``; an unknown code never creates an item (STK-47).
    """
    wanted = (code or item_code or "").strip()
    row = qr.find(ctx, wanted) if wanted.startswith(qr.PREFIX) else None
    if row is not None and row.revoked_at is None:
        if row.object_type in _ITEM_TYPES:
            return Target(ctx.get(StockItem, row.object_id))
        if row.object_type == "stock_lot":
            lot = ctx.get(StockLot, row.object_id)
            return Target(ctx.get(StockItem, lot.stock_item_id), lot.id)
        if row.object_type == "stock_unit":
            return _of_unit(ctx, ctx.get(StockUnit, row.object_id))
    item = item_by_code(ctx, wanted) if wanted else None
    if item is not None:
        return Target(item)
    unit = ctx.session.scalars(
        select(StockUnit).where(StockUnit.serial_number == wanted).limit(1)
    ).one_or_none()
    if wanted and unit is not None:
        return _of_unit(ctx, unit)
    by_number = ctx.session.scalars(select(StockLot).where(StockLot.lot_number == wanted)).one_or_none()
    if wanted and by_number is not None:
        return Target(ctx.get(StockItem, by_number.stock_item_id), by_number.id)
    if code and item_code and code != item_code:
        # A label replaced while the station had no line: the item it named there is what left.
        return resolve(ctx, item_code)
    raise BusinessError("stock.unknown_code", scanned=wanted[:60])


def _of_unit(ctx: Context, unit: StockUnit) -> Target:
    return Target(ctx.get(StockItem, unit.stock_item_id), unit.stock_lot_id, unit.id)


def location_of(ctx: Context, code: str | None) -> StorageLocation | None:
    """Place of a code; ``None`` when none was given.

    Raises:
        BusinessError: ``stock.unknown_place``.
    """
    if not code:
        return None
    row = qr.find(ctx, code) if code.startswith(qr.PREFIX) else None
    if row is not None and row.object_type == "storage_location":
        return ctx.get(StorageLocation, row.object_id)
    place = ctx.session.scalars(select(StorageLocation).where(StorageLocation.code == code)).one_or_none()
    if place is None:
        raise BusinessError("stock.unknown_place", place=code)
    return place


def operation_id(ctx: Context, code: str | None) -> int | None:
    """Operation of a scanned code; an unreadable one is left out, the movement counts all the same."""
    row = qr.find(ctx, code) if code else None
    return row.object_id if row is not None and row.object_type == "work_order_operation" else None


def _quantity(payload: Any) -> Decimal:
    return round(Decimal(str(payload["quantity"])), 3)


def _twice(ctx: Context, uid: uuid.UUID) -> bool:
    if ledger.by_uid(ctx, uid) is not None:
        return True
    return ctx.session.scalar(select(MovementEvidence.id).where(MovementEvidence.uid == uid)) is not None


def _already_seen(ctx: Context, event: DeviceEvent, movement: Movement) -> Outcome | None:
    twin = vision.match(ctx, movement, ("camera",))
    if twin is None:
        return None
    vision.add_evidence(ctx, twin, event.uid, "qr", event.occurred_at)
    return Outcome("done", "stock.seen_by_camera", t("stock.seen_by_camera", ctx.locale))


def on_taken(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``stock.taken``: leaves its place for the operation or the person; a shortage is kept and counted."""
    if _twice(ctx, event.uid):
        return Outcome("duplicate", "duplicate")
    target = resolve(ctx, event.payload.get("code"), event.payload.get("item_code"))
    place = location_of(ctx, event.payload.get("location_code"))
    operation = operation_id(ctx, event.payload.get("operation_code"))
    key = flow.holder(work_order_operation_id=operation, user_id=event.user_id)
    movement = Movement(
        target.item.id,
        _quantity(event.payload),
        "issue",
        "qr",
        target.lot_id,
        target.unit_id,
        from_location_id=place.id if place is not None else None,
        to_holder=key,
        work_order_operation_id=operation,
        user_id=event.user_id,
        station_code=event.station_id,
        occurred_at=event.occurred_at,
        uid=event.uid,
    )
    ledger.lock_item(ctx, target.item.id)
    if _twice(ctx, event.uid):  # told by another transaction while this one waited
        return Outcome("duplicate", "duplicate")
    seen = _already_seen(ctx, event, movement)
    if seen is not None:
        return seen
    against = _not_for(ctx, event, target, operation)
    if against is not None:
        if not is_late(ctx, event):
            raise BusinessError(against.code, **against.params)
        outcome = _judge(ctx, target, flow.take(ctx, movement))
        return outcome or _against(ctx, event, target, against)
    return _judge(ctx, target, flow.take(ctx, movement))


def is_late(ctx: Context, event: DeviceEvent) -> bool:
    """Whether a fact comes from a queue: it has happened, so it is kept and doubted instead of refused."""
    seconds = ctx.settings.integer("execution.late_after_s")
    return event.received_at - event.occurred_at > dt.timedelta(seconds=seconds)


def _not_for(
    ctx: Context, event: DeviceEvent, target: Target, operation: int | None
) -> readiness.Obstacle | None:
    """Why the thing is not for the operation scanned with it (STK-48); an entitled person's word counts."""
    facts = shop.operation(ctx, operation)
    if facts is None:
        return None
    found = readiness.not_for(ctx, facts, target.item, target.lot_id)
    words = str(event.payload.get("override_comment") or "").strip()
    if (
        found is not None
        and words
        and ctx.principal.kind == "user"
        and ctx.principal.may("stock", "validate")
    ):
        ctx.note("override", target.item, details=words, critical=True)
        return None
    return found


def _against(ctx: Context, event: DeviceEvent, target: Target, against: readiness.Obstacle) -> Outcome:
    words = t(f"error.{against.code}", ctx.locale, **against.params)
    key = f"not_for:{event.uid}"
    tasks.open_task(ctx, "stock.not_for", words, target.item, role="storekeeper", dedupe_key=key)
    return Outcome("review", against.code, words)


def _judge(ctx: Context, target: Target, rows: list[StockMovement]) -> Outcome | None:
    """Doubts about what was taken: kept, shown to a person."""
    for row in rows:
        lot = ctx.get(StockLot, row.stock_lot_id) if row.stock_lot_id is not None else None
        if lot is not None and (
            lot.is_certified or lot.status in {"quarantine", "blocked"} or flow.is_expired(ctx, lot)
        ):
            title = t("task.lot_taken", ctx.locale, lot=lot.lot_number, item=target.item.code)
            dedupe = f"lot_taken:{row.uid}"
            tasks.open_task(ctx, "stock.lot_taken", title, row, role="quality_manager", dedupe_key=dedupe)
            return Outcome("review", "stock.lot_taken", title)
    if any(row.is_flagged for row in rows):
        return Outcome(
            "review", "stock.negative", t("stock.kept_negative", ctx.locale, item=target.item.code)
        )
    return None


def on_returned(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``stock.returned``: back from the operation or the person to its place."""
    if _twice(ctx, event.uid):
        return Outcome("duplicate", "duplicate")
    target = resolve(ctx, event.payload.get("code"), event.payload.get("item_code"))
    place = location_of(ctx, event.payload.get("location_code"))
    operation = operation_id(ctx, event.payload.get("operation_code"))
    movement = Movement(
        target.item.id,
        _quantity(event.payload),
        "return",
        "qr",
        target.lot_id,
        target.unit_id,
        to_location_id=place.id if place is not None else None,
        work_order_operation_id=operation,
        user_id=event.user_id,
        station_code=event.station_id,
        occurred_at=event.occurred_at,
        uid=event.uid,
    )
    ledger.lock_item(ctx, target.item.id)
    if _twice(ctx, event.uid):  # told by another transaction while this one waited
        return Outcome("duplicate", "duplicate")
    seen = _already_seen(ctx, event, movement)
    if seen is not None:
        return seen
    keys = [
        flow.holder(work_order_operation_id=operation, user_id=event.user_id),
        flow.holder(user_id=event.user_id),
    ]
    flow.give_back(ctx, movement, list(dict.fromkeys([*keys, "unknown"])))
    return None


def on_moved(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``stock.moved``: from one place to another."""
    if _twice(ctx, event.uid):
        return Outcome("duplicate", "duplicate")
    target = resolve(ctx, event.payload.get("code"), event.payload.get("item_code"))
    source = location_of(ctx, event.payload.get("location_code"))
    goal = location_of(ctx, event.payload["to_location_code"])
    assert goal is not None  # noqa: S101 — the payload's model demands it
    movement = Movement(
        target.item.id,
        _quantity(event.payload),
        "transfer",
        "qr",
        target.lot_id,
        target.unit_id,
        from_location_id=source.id if source is not None else ledger.main_place(ctx, target.item.id),
        to_location_id=goal.id,
        user_id=event.user_id,
        station_code=event.station_id,
        occurred_at=event.occurred_at,
        uid=event.uid,
    )
    return _judge(ctx, target, [flow.transfer(ctx, movement)])


def on_counted(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``stock.counted``: the last human count wins; a difference goes to review, nobody is blamed (STK-50)."""
    if _twice(ctx, event.uid):
        return Outcome("duplicate", "duplicate")
    target = resolve(ctx, event.payload.get("code"), event.payload.get("item_code"))
    place = location_of(ctx, event.payload.get("location_code"))
    difference = counts.quick_count(
        ctx,
        target.item,
        place.id if place is not None else ledger.main_place(ctx, target.item.id),
        _quantity(event.payload),
        uid=event.uid,
        counted_at=event.occurred_at,
        user_id=event.user_id,
        unit_id=target.unit_id,
    )
    if not difference:
        return None
    words = t(
        "stock.count_difference", ctx.locale, item=target.item.code, difference=f"{difference.normalize():+f}"
    )
    return Outcome("review", "stock.count_difference", words)
