"""Acts on stock: receive, issue, take, return, consume, move, scrap, adjust, reverse. Each writes the ledger."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import select, text

from coordinator.kernel import numbering
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.modules.catalogue.api import StockItem
from coordinator.modules.stock import ledger, reorder, rules
from coordinator.modules.stock.ledger import Movement
from coordinator.modules.stock.models import (
    StockLot,
    StockMovement,
    StockReservation,
    StockUnit,
    StorageLocation,
)
from coordinator.modules.stock.views import StockBalance

ZERO = Decimal(0)


@dataclass(frozen=True)
class Override:
    """A responsible's decision to use what the rule keeps; the comment is recorded (STK-48)."""

    comment: str


def holder(
    *, work_order_operation_id: int | None = None, user_id: int | None = None, machine_id: int | None = None
) -> str:
    """Key of who has what was taken: the operation, else the person, else the machine."""
    for name, key in (("operation", work_order_operation_id), ("user", user_id), ("machine", machine_id)):
        if key is not None:
            return f"{name}:{key}"
    return "unknown"


def _uids(uid: uuid.UUID | None) -> Iterator[uuid.UUID | None]:
    """The given identifier, then ones derived from it, so that a replay finds each of several movements."""
    yield uid
    number = 1
    while True:
        yield uuid.uuid5(uid, str(number)) if uid is not None else None
        number += 1


def check_lot(
    ctx: Context, lot_id: int | None, demand: rules.Demand | None, override: Override | None = None
) -> None:
    """Refuse a lot that may not serve the demand (STK-29).

    Raises:
        BusinessError: ``stock.lot_not_released``, ``stock.certificate_required`` or ``stock.certified_reserved``;
        the last may be overridden by a person with the right to validate stock, with a comment.
    """
    if lot_id is None:
        if demand is not None and demand.is_critical:
            raise BusinessError("stock.certificate_required", lot="—")
        return
    lot = ctx.get(StockLot, lot_id)
    if is_expired(ctx, lot):
        raise BusinessError("stock.lot_expired", lot=lot.lot_number, date=f"{lot.expires_on:%d/%m/%Y}")
    refusal = rules.lot_refusal(
        demand, lot.status, is_certified=lot.is_certified, reserved_critical=lot.reserved_critical
    )
    if refusal is None:
        return
    if refusal.may_override and override is not None and ctx.principal.may("stock", "validate"):
        ctx.note("override", lot, details=override.comment, critical=True)
        return
    raise BusinessError(refusal.code, extra={"may_override": refusal.may_override}, lot=lot.lot_number)


def is_expired(ctx: Context, lot: StockLot) -> bool:
    """Whether a lot is past its date (STK-13)."""
    return lot.expires_on is not None and lot.expires_on < ctx.now.date()


def check_place(ctx: Context, location_id: int, *, is_certified: bool) -> None:
    """Certified and ordinary material have separate places (STK-17).

    Raises:
        BusinessError: ``stock.separation``.
    """
    place = ctx.get(StorageLocation, location_id)
    if place.accepts != "any" and (place.accepts == "certified") != is_certified:
        raise BusinessError("stock.separation", place=place.code)


def receive(
    ctx: Context,
    stock_item_id: int,
    quantity: Decimal,
    *,
    location_id: int | None = None,
    lot: StockLot | None = None,
    unit_id: int | None = None,
    unit_cost: Decimal | None = None,
    uid: uuid.UUID | None = None,
    source: str = "manual",
    comment: str | None = None,
    occurred_at: dt.datetime | None = None,
) -> StockMovement:
    """Goods come in (STK-25), now or at the time a device noted; the weighted average cost follows (STK-26)."""
    item = ledger.lock_item(ctx, stock_item_id)
    known = ledger.by_uid(ctx, uid)
    if known is not None:
        return known
    place = location_id if location_id is not None else ledger.main_place(ctx, stock_item_id)
    check_place(ctx, place, is_certified=lot.is_certified if lot is not None else False)
    cost = unit_cost if unit_cost is not None else (lot.unit_cost if lot is not None else None)
    if cost is not None and quantity > 0:
        item.unit_cost = _average_cost(item, max(ledger.on_hand(ctx, item.id), ZERO), quantity, cost)
    movement = ledger.post(
        ctx,
        Movement(
            stock_item_id,
            quantity,
            "receipt",
            source,
            lot.id if lot is not None else None,
            unit_id,
            to_location_id=place,
            unit_cost=cost,
            uid=uid,
            comment=comment,
            occurred_at=occurred_at,
        ),
    )
    reorder.mark_received(ctx, stock_item_id)
    return movement


def _average_cost(item: StockItem, held: Decimal, received: Decimal, cost: Decimal) -> Decimal:
    if item.unit_cost is None:
        return cost
    return round((held * item.unit_cost + received * cost) / (held + received), 4)


def new_lot(ctx: Context, stock_item_id: int, **values: object) -> StockLot:
    """A lot with its number. An ordinary one is released at once, a certified one waits in quarantine (STK-09).

    Without a date of its own it is good for the item's shelf life from the day of receipt (STK-13).
    """
    lot = StockLot(stock_item_id=stock_item_id, lot_number=numbering.next_number(ctx, "stock_lot"), **values)
    lot.status = "quarantine" if lot.is_certified else "released"
    lot.received_on = lot.received_on or ctx.now.date()
    days = ctx.get(StockItem, stock_item_id).shelf_life_days
    if lot.expires_on is None and days:
        lot.expires_on = lot.received_on + dt.timedelta(days=days)
    return ctx.add(lot)


def take(
    ctx: Context,
    movement: Movement,
    *,
    demand: rules.Demand | None = None,
    override: Override | None = None,
    confirmed: bool = True,
    skip_expired: bool = False,
) -> list[StockMovement]:
    """Take from stock, oldest first, over as many lots as needed. The missing rest is kept and flagged.

    ``movement`` names item, quantity and target; its source fields narrow where from. A demand is checked against
    each lot; lots that may not serve it are passed over unless one was named.

    Raises:
        BusinessError: ``stock.above_stock`` when more than there is and not ``confirmed`` (STK-49); a lot's refusal.
    """
    if movement.quantity <= 0:
        raise BusinessError("stock.quantity")
    item = ledger.lock_item(ctx, movement.stock_item_id)
    if ledger.by_uid(ctx, movement.uid) is not None:
        return _posted(ctx, movement.uid)
    named = movement.stock_lot_id is not None
    if named and demand is not None:
        check_lot(ctx, movement.stock_lot_id, demand, override)
    rows = ledger.balances(
        ctx,
        item.id,
        lot_id=movement.stock_lot_id,
        unit_id=movement.stock_unit_id,
        location_id=movement.from_location_id,
    )
    if demand is not None and not named:
        rows = [r for r in rows if _serves(ctx, r.stock_lot_id, demand)]
        if not rows and demand.is_critical:
            raise BusinessError("stock.certificate_required", lot="—")
    if skip_expired and not named:
        rows = _fresh(ctx, rows, movement.quantity)
    held = sum((r.quantity for r in rows), ZERO)
    if movement.quantity > held and not confirmed:
        raise BusinessError(
            "stock.above_stock", extra={"needs_confirmation": True}, held=held.normalize(), unit=item.unit
        )
    posted = []
    left = movement.quantity
    movement = replace(movement, act_uid=movement.act_uid or movement.uid or uuid.uuid4())
    uids = _uids(movement.uid)
    for row in rows:
        if left <= 0:
            break
        part = min(left, row.quantity)
        taken = replace(
            movement,
            quantity=part,
            stock_lot_id=row.stock_lot_id,
            stock_unit_id=row.stock_unit_id,
            from_location_id=row.storage_location_id,
            uid=next(uids),
        )
        posted.append(ledger.post(ctx, taken))
        left -= part
    if left > 0:
        place = movement.from_location_id or ledger.main_place(ctx, item.id)
        posted.append(
            ledger.post(ctx, replace(movement, quantity=left, from_location_id=place, uid=next(uids)))
        )
    _consume_reservations(ctx, movement)
    return posted


def _fresh(ctx: Context, rows: list[StockBalance], quantity: Decimal) -> list[StockBalance]:
    """Balances whose lot is still good; what is past its date is refused when there is nothing else."""
    lots = {r.stock_lot_id: ctx.get(StockLot, r.stock_lot_id) for r in rows if r.stock_lot_id is not None}
    late = [lot for lot in lots.values() if is_expired(ctx, lot)]
    good = [r for r in rows if r.stock_lot_id is None or not is_expired(ctx, lots[r.stock_lot_id])]
    if late and sum((r.quantity for r in good), ZERO) < quantity:
        lot = late[0]
        raise BusinessError("stock.lot_expired", lot=lot.lot_number, date=f"{lot.expires_on:%d/%m/%Y}")
    return good


def _posted(ctx: Context, uid: uuid.UUID | None) -> list[StockMovement]:
    found: list[StockMovement] = []
    for candidate in _uids(uid):
        row = ledger.by_uid(ctx, candidate)
        if row is None:
            return found
        found.append(row)
    return found


def _serves(ctx: Context, lot_id: int | None, demand: rules.Demand) -> bool:
    try:
        check_lot(ctx, lot_id, demand)
    except BusinessError:
        return False
    return True


def _consume_reservations(ctx: Context, movement: Movement) -> None:
    if movement.work_order_id is None:
        return
    query = select(StockReservation).where(
        StockReservation.work_order_id == movement.work_order_id,
        StockReservation.stock_item_id == movement.stock_item_id,
        StockReservation.released_at.is_(None),
    )
    left = movement.quantity
    for reservation in ctx.session.scalars(query.order_by(StockReservation.id)):
        part = min(left, reservation.quantity - reservation.consumed_qty)
        reservation.consumed_qty += part
        left -= part
        if reservation.consumed_qty >= reservation.quantity:
            reservation.released_at = ctx.now


def holdings(
    ctx: Context, stock_item_id: int, holders: list[str]
) -> list[tuple[int | None, int | None, str, Decimal]]:
    """What the given holders have in use of an item: lot, unit, holder, quantity; in the holders' order."""
    rows = ctx.session.execute(
        text(
            "SELECT stock_lot_id, stock_unit_id, holder, quantity FROM stock_in_use"
            " WHERE stock_item_id = :item AND quantity > 0 AND holder = ANY(:holders)"
        ),
        {"item": stock_item_id, "holders": holders},
    ).all()
    return sorted(((r[0], r[1], r[2], Decimal(r[3])) for r in rows), key=lambda r: holders.index(r[2]))


def give_back(ctx: Context, movement: Movement, holders: list[str]) -> list[StockMovement]:
    """Return to a place: from what the holders have in use first, the rest from outside."""
    ledger.lock_item(ctx, movement.stock_item_id)
    if ledger.by_uid(ctx, movement.uid) is not None:
        return _posted(ctx, movement.uid)
    if movement.quantity <= 0:
        raise BusinessError("stock.quantity")
    place = movement.to_location_id or ledger.main_place(ctx, movement.stock_item_id)
    posted = []
    left = movement.quantity
    movement = replace(movement, act_uid=movement.act_uid or movement.uid or uuid.uuid4())
    uids = _uids(movement.uid)
    for lot_id, unit_id, key, quantity in holdings(ctx, movement.stock_item_id, holders):
        if left <= 0 or (movement.stock_unit_id is not None and unit_id != movement.stock_unit_id):
            continue
        part = min(left, quantity)
        returned = replace(
            movement,
            quantity=part,
            stock_lot_id=lot_id,
            stock_unit_id=unit_id,
            from_holder=key,
            to_location_id=place,
            uid=next(uids),
        )
        posted.append(ledger.post(ctx, returned))
        left -= part
    if left > 0:
        posted.append(
            ledger.post(ctx, replace(movement, quantity=left, to_location_id=place, uid=next(uids)))
        )
    return posted


def consume_for_operation(
    ctx: Context, movement: Movement, *, user_id: int | None = None, demand: rules.Demand | None = None
) -> list[StockMovement]:
    """Validation of an operation: from what is in use first, then, for consumables only, from stock (STK-22)."""
    item = ledger.lock_item(ctx, movement.stock_item_id)
    if ledger.by_uid(ctx, movement.uid) is not None:
        return _posted(ctx, movement.uid)
    holders = [holder(work_order_operation_id=movement.work_order_operation_id)]
    if user_id is not None:
        holders.append(holder(user_id=user_id))
    posted = []
    left = movement.quantity
    movement = replace(movement, act_uid=movement.act_uid or movement.uid or uuid.uuid4())
    uids = _uids(movement.uid)
    for lot_id, unit_id, key, quantity in holdings(ctx, item.id, holders):
        part = min(left, quantity)
        if part > 0:
            used = replace(
                movement,
                kind="consumption",
                quantity=part,
                stock_lot_id=lot_id,
                stock_unit_id=unit_id,
                from_holder=key,
                uid=next(uids),
            )
            posted.append(ledger.post(ctx, used))
            left -= part
    if left > 0 and item.is_consumable:
        rest = replace(movement, kind="consumption", quantity=left, uid=next(uids))
        posted += take(ctx, rest, demand=demand)
    return posted


def transfer(ctx: Context, movement: Movement) -> StockMovement:
    """Move from place to place.

    Raises:
        BusinessError: ``stock.separation``, ``stock.same_place``.
    """
    if movement.from_location_id is None or movement.to_location_id is None:
        raise BusinessError("stock.same_place")
    if movement.from_location_id == movement.to_location_id:
        raise BusinessError("stock.same_place")
    lot = ctx.get(StockLot, movement.stock_lot_id) if movement.stock_lot_id is not None else None
    check_place(ctx, movement.to_location_id, is_certified=lot.is_certified if lot is not None else False)
    return ledger.post(ctx, replace(movement, kind="transfer"))


def set_quantity(
    ctx: Context, movement: Movement, counted: Decimal, kind: str = "inventory"
) -> StockMovement | None:
    """Bring the balance of a place to what was counted; ``None`` when it already is."""
    ledger.lock_item(ctx, movement.stock_item_id)
    known = ledger.by_uid(ctx, movement.uid)
    if known is not None:
        return known
    place = movement.to_location_id
    held = ledger.on_hand(
        ctx,
        movement.stock_item_id,
        lot_id=movement.stock_lot_id,
        unit_id=movement.stock_unit_id,
        location_id=place,
    )
    if counted == held:
        return None
    if counted > held:
        return ledger.post(ctx, replace(movement, kind=kind, quantity=counted - held))
    less = replace(movement, kind=kind, quantity=held - counted, from_location_id=place, to_location_id=None)
    return take(ctx, less)[0]


def reverse(
    ctx: Context, row: StockMovement, *, comment: str | None = None, uid: uuid.UUID | None = None
) -> StockMovement:
    """Undo a movement by its mirror image; the first one stays (STK-18).

    Raises:
        Conflict: ``stock.already_reversed``, ``stock.is_reversal``.
    """
    ledger.lock_item(ctx, row.stock_item_id)
    if row.reverses_id is not None:
        raise Conflict("stock.is_reversal")
    if ctx.session.scalar(select(StockMovement.id).where(StockMovement.reverses_id == row.id)) is not None:
        raise Conflict("stock.already_reversed")
    mirror = Movement(
        row.stock_item_id,
        row.quantity,
        row.kind,
        "manual" if ctx.principal.kind == "user" else "system",
        row.stock_lot_id,
        row.stock_unit_id,
        from_location_id=row.to_location_id,
        to_location_id=row.from_location_id,
        from_holder=row.to_holder,
        to_holder=row.from_holder,
        work_order_operation_id=row.work_order_operation_id,
        work_order_id=row.work_order_id,
        vision_detection_id=row.vision_detection_id,
        reverses_id=row.id,
        unit_cost=row.unit_cost,
        comment=comment,
        uid=uid,
    )
    return ledger.post(ctx, mirror)


def unit_item(ctx: Context, unit_id: int) -> StockUnit:
    """A unit. Raises ``NotFound``."""
    return ctx.get(StockUnit, unit_id)
