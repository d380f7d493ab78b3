"""Commands people give on stock: parameters and handlers."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from coordinator.kernel import qr
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, FieldError
from coordinator.modules.catalogue.api import StockItem
from coordinator.modules.stock import cutting, flow, ledger, places, readiness, reorder, rules, shop, units
from coordinator.modules.stock.ledger import Movement
from coordinator.modules.stock.models import (
    StockLot,
    StockMovement,
    StockReservation,
    StockUnit,
    StorageLocation,
)
from coordinator.modules.stock.views import StockLevel

Quantity = Annotated[Decimal, Field(gt=0, max_digits=14, decimal_places=3)]


def _to(target: str) -> Any:
    return Field(default=None, json_schema_extra={"x-field": {"type": "reference", "target": target}})


class Params(BaseModel):
    """Base of parameters: nothing unknown."""

    model_config = ConfigDict(extra="forbid")

    uid: UUID | None = None
    comment: str | None = Field(default=None, max_length=500)


class ReceiveParams(Params):
    """Goods in: quantity, place, and for a lot its heat, cost and certificate need."""

    quantity: Quantity
    unit: str | None = Field(default=None, max_length=10)
    location_id: int | None = _to("storage-locations")
    new_lot: bool = False
    stock_lot_id: int | None = _to("stock-lots")
    is_certified: bool = False
    heat_number: str | None = Field(default=None, max_length=60)
    supplier_id: int | None = _to("suppliers")
    supplier_lot: str | None = Field(default=None, max_length=60)
    delivery_note: str | None = Field(default=None, max_length=60)
    unit_cost: Decimal | None = Field(default=None, ge=0, max_digits=14, decimal_places=4)
    shape: Literal["round", "hex", "square", "flat", "tube", "plate", "blank"] | None = None
    diameter_mm: Decimal | None = Field(default=None, gt=0)
    bar_count: int | None = Field(default=None, ge=1, le=500)
    serial_numbers: str | None = Field(default=None, max_length=4000)
    expires_on: dt.date | None = None


class IssueParams(Params):
    """Goods out: quantity, from where, for what."""

    quantity: Quantity
    unit: str | None = Field(default=None, max_length=10)
    location_id: int | None = _to("storage-locations")
    stock_lot_id: int | None = _to("stock-lots")
    stock_unit_id: int | None = _to("stock-units")
    work_order_operation_id: int | None = None
    criticality: Literal["standard", "sensitive", "critical", "aerospace", "military", "armament"] | None = (
        None
    )
    certificate_required: bool = False
    override_comment: str | None = Field(default=None, min_length=3, max_length=300)
    confirm: bool = False


class ReturnParams(Params):
    """Back to a place."""

    quantity: Quantity
    location_id: int | None = _to("storage-locations")
    work_order_operation_id: int | None = None


class TransferParams(Params):
    """From place to place."""

    quantity: Quantity
    from_location_id: int
    to_location_id: int
    stock_lot_id: int | None = _to("stock-lots")
    stock_unit_id: int | None = _to("stock-units")


class AdjustParams(Params):
    """What the balance of a place should be, and why."""

    comment: str = Field(min_length=3, max_length=500)
    quantity: Decimal = Field(ge=0, max_digits=14, decimal_places=3)
    location_id: int
    stock_lot_id: int | None = _to("stock-lots")


class ReserveParams(Params):
    """Stock to keep for an order."""

    quantity: Quantity
    kind: Literal["firm", "soft"] = "firm"
    work_order_id: int | None = None
    stock_lot_id: int | None = _to("stock-lots")
    stock_unit_id: int | None = _to("stock-units")
    criticality: Literal["standard", "sensitive", "critical", "aerospace", "military", "armament"] = (
        "standard"
    )
    certificate_required: bool = False
    override_comment: str | None = Field(default=None, min_length=3, max_length=300)


class CutParams(Params):
    """Pieces sawn from a lot or a bar."""

    cut_count: int = Field(ge=1, le=100_000)
    cut_length_mm: Decimal = Field(gt=0, max_digits=10, decimal_places=3)
    work_order_operation_id: int | None = None


class ReplaceParams(Params):
    """Tool that takes over."""

    replacement_tool_id: int


def _in_item_unit(item: StockItem, quantity: Decimal, unit: str | None) -> Decimal:
    converted = rules.convert(quantity, unit, item.unit) if unit else quantity
    if converted is None:
        errors = [FieldError("unit", "stock.unit", {"unit": unit, "expected": item.unit})]
        raise BusinessError("stock.unit", errors=errors, unit=unit, expected=item.unit)
    return converted


def receive(ctx: Context, item: StockItem, params: ReceiveParams) -> dict[str, Any]:
    """Receive an item; with ``bar_count``, ``quantity`` is the length of each bar, followed one by one."""
    quantity = _in_item_unit(item, params.quantity, params.unit)
    known = ledger.by_uid(ctx, params.uid)
    if known is not None:
        return {"movement_ids": [known.id], "stock_lot_id": known.stock_lot_id}
    lot = ctx.get(StockLot, params.stock_lot_id) if params.stock_lot_id is not None else None
    if lot is None and (
        params.new_lot
        or item.managed_by == "lot"
        or params.is_certified
        or params.heat_number
        or params.expires_on is not None
        or item.shelf_life_days
    ):
        names = (
            "is_certified",
            "heat_number",
            "supplier_id",
            "supplier_lot",
            "delivery_note",
            "unit_cost",
            "shape",
            "diameter_mm",
            "expires_on",
        )
        values = {n: getattr(params, n) for n in names}
        lot = flow.new_lot(ctx, item.id, **values)
    count = params.bar_count or 1
    followed = params.bar_count is not None
    places.check_fit(
        ctx,
        params.location_id,
        item,
        Decimal(count) if followed else quantity,
        followed=followed and count == 1,
    )
    common: dict[str, Any] = {
        "location_id": params.location_id,
        "lot": lot,
        "unit_cost": params.unit_cost,
        "comment": params.comment,
    }
    if params.serial_numbers:
        return _receive_units(ctx, item, lot, params, common)
    if params.bar_count is None:
        rows = [flow.receive(ctx, item.id, quantity, uid=params.uid, **common)]
        return {"movement_ids": [r.id for r in rows], "stock_lot_id": lot.id if lot is not None else None}
    bars = [_new_bar(ctx, item, lot, quantity) for _ in range(params.bar_count)]
    rows = [
        flow.receive(
            ctx, item.id, quantity, unit_id=bar.id, uid=params.uid if number == 0 else None, **common
        )
        for number, bar in enumerate(bars)
    ]
    return {
        "movement_ids": [r.id for r in rows],
        "stock_lot_id": lot.id if lot is not None else None,
        "stock_unit_ids": [bar.id for bar in bars],
        "codes": [qr.code_of(ctx, bar) for bar in bars],
    }


def _receive_units(
    ctx: Context, item: StockItem, lot: StockLot | None, params: ReceiveParams, common: dict[str, Any]
) -> dict[str, Any]:
    """Things followed one by one, each with its serial number (STK-03)."""
    made = units.new_units(ctx, item, lot, params.serial_numbers or "")
    if len(made) != params.quantity:
        raise BusinessError("stock.serial_count", count=len(made), quantity=params.quantity.normalize())
    rows = [
        flow.receive(
            ctx, item.id, Decimal(1), unit_id=unit.id, uid=params.uid if number == 0 else None, **common
        )
        for number, unit in enumerate(made)
    ]
    return {
        "movement_ids": [r.id for r in rows],
        "stock_lot_id": lot.id if lot is not None else None,
        "stock_unit_ids": [unit.id for unit in made],
        "codes": [qr.code_of(ctx, unit) for unit in made],
    }


def _new_bar(ctx: Context, item: StockItem, lot: StockLot | None, length_mm: Decimal) -> StockUnit:
    unit = StockUnit(stock_item_id=item.id, stock_lot_id=lot.id if lot else None, length_mm=length_mm)
    if lot is not None:
        unit.shape, unit.diameter_mm, unit.width_mm, unit.height_mm = (
            lot.shape,
            lot.diameter_mm,
            lot.width_mm,
            lot.height_mm,
        )
    return ctx.add(unit)


def _demand(criticality: str | None, certificate_required: bool) -> rules.Demand | None:
    if criticality is None and not certificate_required:
        return None
    return rules.Demand(criticality or "standard", certificate_required)


def _override(comment: str | None) -> flow.Override | None:
    return flow.Override(comment) if comment else None


def issue(ctx: Context, item: StockItem, params: IssueParams) -> dict[str, Any]:
    """Take out for an operation, or for the person who asks."""
    demand = _demand(params.criticality, params.certificate_required)
    flow_override = _override(params.override_comment)
    places.check_roles(ctx, params.location_id)
    if params.stock_lot_id is not None:
        flow.check_lot(ctx, params.stock_lot_id, demand, flow_override)
    if params.work_order_operation_id is not None:
        _check_for_operation(ctx, item, params)
    key = flow.holder(work_order_operation_id=params.work_order_operation_id, user_id=ctx.principal.user_id)
    movement = Movement(
        item.id,
        _in_item_unit(item, params.quantity, params.unit),
        "issue",
        "manual",
        params.stock_lot_id,
        params.stock_unit_id,
        from_location_id=params.location_id,
        to_holder=key,
        comment=params.comment,
        work_order_operation_id=params.work_order_operation_id,
        uid=params.uid,
    )
    rows = flow.take(
        ctx,
        movement,
        demand=demand,
        override=flow_override,
        confirmed=params.confirm,
        skip_expired=flow_override is None,
    )
    return {"movement_ids": [r.id for r in rows], "is_flagged": any(r.is_flagged for r in rows)}


def _check_for_operation(ctx: Context, item: StockItem, params: IssueParams) -> None:
    """Refuse what is not for the operation, unless an entitled person says why (STK-48).

    Raises:
        BusinessError: the reason, with ``may_override``.
    """
    facts = shop.operation(ctx, params.work_order_operation_id)
    against = readiness.not_for(ctx, facts, item, params.stock_lot_id) if facts is not None else None
    if against is None:
        return
    if params.override_comment and ctx.principal.may("stock", "validate"):
        ctx.note("override", item, details=params.override_comment, critical=True)
        return
    raise BusinessError(against.code, extra={"may_override": True}, **against.params)


def return_(ctx: Context, item: StockItem, params: ReturnParams) -> dict[str, Any]:
    """Bring back what the operation or the person has in use."""
    movement = Movement(
        item.id,
        params.quantity,
        "return",
        "manual",
        to_location_id=params.location_id,
        comment=params.comment,
        work_order_operation_id=params.work_order_operation_id,
        uid=params.uid,
    )
    keys = [
        flow.holder(work_order_operation_id=params.work_order_operation_id, user_id=ctx.principal.user_id),
        flow.holder(user_id=ctx.principal.user_id),
    ]
    return {"movement_ids": [r.id for r in flow.give_back(ctx, movement, list(dict.fromkeys(keys)))]}


def transfer(ctx: Context, item: StockItem, params: TransferParams) -> dict[str, Any]:
    """Move to another place."""
    places.check_roles(ctx, params.from_location_id)
    places.check_fit(
        ctx, params.to_location_id, item, params.quantity, followed=params.stock_unit_id is not None
    )
    movement = Movement(
        item.id,
        params.quantity,
        "transfer",
        "manual",
        params.stock_lot_id,
        params.stock_unit_id,
        from_location_id=params.from_location_id,
        to_location_id=params.to_location_id,
        comment=params.comment,
        uid=params.uid,
    )
    return {"movement_ids": [flow.transfer(ctx, movement).id]}


def adjust(ctx: Context, item: StockItem, params: AdjustParams) -> dict[str, Any]:
    """Correct a balance, with the reason."""
    movement = Movement(
        item.id,
        Decimal(1),
        "adjustment",
        "manual",
        params.stock_lot_id,
        to_location_id=params.location_id,
        comment=params.comment,
        uid=params.uid,
    )
    row = flow.set_quantity(ctx, movement, params.quantity, "adjustment")
    return {"movement_ids": [row.id] if row is not None else []}


def reverse(ctx: Context, row: StockMovement, params: Params) -> dict[str, Any]:
    """Undo a movement."""
    return {"movement_ids": [flow.reverse(ctx, row, comment=params.comment, uid=params.uid).id]}


def reserve(ctx: Context, item: StockItem, params: ReserveParams) -> dict[str, Any]:
    """Keep stock for an order.

    Raises:
        BusinessError: ``stock.not_available`` for more than is free; the lot's refusal (STK-29).
    """
    row = make_reservation(
        ctx,
        item.id,
        params.quantity,
        kind=params.kind,
        work_order_id=params.work_order_id,
        stock_lot_id=params.stock_lot_id,
        stock_unit_id=params.stock_unit_id,
        comment=params.comment,
        demand=rules.Demand(params.criticality, params.certificate_required),
        override=_override(params.override_comment),
    )
    return {"stock_reservation_id": row.id}


def make_reservation(
    ctx: Context,
    stock_item_id: int,
    quantity: Decimal,
    *,
    kind: str = "firm",
    work_order_id: int | None = None,
    stock_lot_id: int | None = None,
    stock_unit_id: int | None = None,
    demand: rules.Demand | None = None,
    override: flow.Override | None = None,
    comment: str | None = None,
) -> StockReservation:
    """Reserve; a firm reservation needs the quantity free (STK-28)."""
    item = ledger.lock_item(ctx, stock_item_id)
    if stock_lot_id is not None or (demand is not None and demand.is_critical):
        flow.check_lot(ctx, stock_lot_id, demand, override)
    if kind == "firm":
        free = ctx.session.scalar(
            select(StockLevel.available_qty).where(StockLevel.id == item.id)
        ) or Decimal(0)
        if stock_lot_id is not None:
            free = min(free, ledger.on_hand(ctx, item.id, lot_id=stock_lot_id, unit_id=stock_unit_id))
        if quantity > free:
            raise BusinessError("stock.not_available", item=item.code, free=free.normalize(), unit=item.unit)
    row = ctx.add(
        StockReservation(
            stock_item_id=item.id,
            stock_lot_id=stock_lot_id,
            stock_unit_id=stock_unit_id,
            work_order_id=work_order_id,
            kind=kind,
            quantity=quantity,
            comment=comment,
        )
    )
    reorder.check_threshold(ctx, item)
    return row


def release_reservation(ctx: Context, row: StockReservation, _params: Any) -> None:
    """Give reserved stock free again."""
    if row.released_at is None:
        row.released_at = ctx.now


def cut_lot(ctx: Context, lot: StockLot, params: CutParams) -> dict[str, Any]:
    """Saw pieces from a lot."""
    return _cut(ctx, params, lot.id, None)


def cut_unit(ctx: Context, unit: StockUnit, params: CutParams) -> dict[str, Any]:
    """Saw pieces from one bar."""
    return _cut(ctx, params, None, unit.id)


def _cut(ctx: Context, params: CutParams, lot_id: int | None, unit_id: int | None) -> dict[str, Any]:
    result = cutting.debit_cut(
        ctx,
        cut_count=params.cut_count,
        cut_length_mm=params.cut_length_mm,
        stock_lot_id=lot_id,
        stock_unit_id=unit_id,
        uid=params.uid or uuid4(),
        work_order_operation_id=params.work_order_operation_id,
        source="manual",
    )
    return {**vars(result), "consumed_mm": str(result.consumed_mm), "scrap_mm": str(result.scrap_mm)}


def check_location(ctx: Context, place: StorageLocation) -> None:
    """No place inside itself."""
    above = place.parent_id
    while above is not None:
        if above == place.id:
            raise BusinessError("stock.place", errors=[FieldError("parent_id", "stock.place_loop")])
        above = ctx.get(StorageLocation, above).parent_id


def seed(ctx: Context) -> None:
    """The place of what has none."""
    if ctx.session.scalar(select(StorageLocation.id).where(StorageLocation.code == ledger.NO_PLACE)) is None:
        ctx.add(StorageLocation(code=ledger.NO_PLACE, name="Sans emplacement", kind="zone"))
