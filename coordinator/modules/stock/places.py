"""Places: what they may hold and how full they are, the best one for an item, better arrangements (STK-14…16)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.kernel.i18n import t
from coordinator.modules.catalogue.api import StockItem, Tool
from coordinator.modules.stock import flow, ledger
from coordinator.modules.stock.engine import placing
from coordinator.modules.stock.ledger import Movement
from coordinator.modules.stock.models import LocationItem, StockMovement, StorageLocation
from coordinator.modules.stock.models_people import PlaceProposal
from coordinator.modules.stock.views import StockBalance

HOLDING = ("cabinet", "rack", "drawer", "bin", "compartment", "zone")
DAYS = 90
ZERO = Decimal(0)


class DecideParams(BaseModel):
    """Another place than the proposed one, if any."""

    model_config = ConfigDict(extra="forbid")

    location_id: int | None = Field(
        default=None, json_schema_extra={"x-field": {"type": "reference", "target": "storage-locations"}}
    )


def occupation(ctx: Context, location_ids: list[int] | None = None) -> dict[int, Decimal]:
    """How much each place holds: a bar or a material lot counts as one, everything else by its quantity."""
    single = StockBalance.stock_unit_id.is_not(None) | (StockItem.item_kind == "material")
    amount = func.sum(func.coalesce(func.nullif(single.cast(_integer()), 0), StockBalance.quantity))
    query = (
        select(StockBalance.storage_location_id, amount)
        .join(StockItem, StockItem.id == StockBalance.stock_item_id)
        .where(StockBalance.quantity > 0)
        .group_by(StockBalance.storage_location_id)
    )
    if location_ids is not None:
        query = query.where(StockBalance.storage_location_id.in_(location_ids))
    return {place: Decimal(held) for place, held in ctx.session.execute(query)}


def _integer() -> Any:
    from sqlalchemy import Integer

    return Integer


def room(ctx: Context, place: StorageLocation) -> Decimal | None:
    """What still goes into a place; ``None`` where it has no limit."""
    if place.capacity is None:
        return None
    return place.capacity - occupation(ctx, [place.id]).get(place.id, ZERO)


def amount_of(item: StockItem, quantity: Decimal, *, followed: bool = False) -> Decimal:
    """How much of a place's capacity a quantity takes."""
    return Decimal(1) if followed or item.item_kind == "material" else quantity


def check_fit(
    ctx: Context, location_id: int | None, item: StockItem, quantity: Decimal, *, followed: bool = False
) -> None:
    """Refuse a place that is not for this kind of item or has no room (STK-14).

    Raises:
        BusinessError: ``stock.place_kind``, ``stock.place_full``.
    """
    if location_id is None:
        return
    place = ctx.get(StorageLocation, location_id)
    if place.allowed_kinds and item.item_kind not in place.allowed_kinds:
        raise BusinessError("stock.place_kind", place=place.code, item=item.name)
    left = room(ctx, place)
    if left is not None and amount_of(item, quantity, followed=followed) > left:
        raise BusinessError("stock.place_full", place=place.code, left=max(left, ZERO).normalize())


def check_roles(ctx: Context, location_id: int | None) -> None:
    """Refuse to a person whose role does not open the place (STK-14).

    Raises:
        BusinessError: ``stock.place_role``.
    """
    if location_id is None or ctx.principal.kind != "user" or ctx.principal.is_master:
        return
    place = ctx.get(StorageLocation, location_id)
    if place.allowed_roles and not ctx.principal.roles & set(place.allowed_roles):
        raise BusinessError("stock.place_role", place=place.code)


@dataclass(frozen=True)
class Suggestion:
    """A place for an item, with its reasons in words."""

    location: StorageLocation
    cost_m: float
    reasons: list[str]


def suggest(
    ctx: Context, item: StockItem, quantity: Decimal, *, is_certified: bool = False, limit: int = 3
) -> list[Suggestion]:
    """Best places for a receipt or return (STK-15)."""
    thing = _thing(item, quantity, _uses(ctx, item.id)[item.id], _machine_points(ctx))
    found = placing.rank(thing, _candidates(ctx, item, occupation(ctx), is_certified=is_certified))
    return [
        Suggestion(
            ctx.get(StorageLocation, r.place.key),
            r.cost_m,
            [t(f"stock.place.{code}", ctx.locale) for code in r.reasons],
        )
        for r in found[:limit]
    ]


def _thing(
    item: StockItem, quantity: Decimal, uses: dict[int | None, int], points: dict[int | None, placing.Point]
) -> placing.Thing:
    users = tuple((points[m], float(n)) for m, n in uses.items() if m in points)
    moves = sum(uses.values()) / (DAYS / 30)
    return placing.Thing(amount_of(item, quantity), round(moves, 2), users)


def _uses(ctx: Context, stock_item_id: int | None = None) -> dict[int, dict[int | None, int]]:
    """Takes of one item, or of each, in the last months, by the machine they were for."""
    operation = ctx.registry.entities["work_order_operation"].model
    machine = operation.__table__.c.machine_id
    query = (
        select(StockMovement.stock_item_id, machine, func.count())
        .outerjoin(operation.__table__, operation.__table__.c.id == StockMovement.work_order_operation_id)
        .where(
            StockMovement.kind.in_(("issue", "consumption")),
            StockMovement.from_location_id.is_not(None),
            StockMovement.occurred_at > ctx.now - dt.timedelta(days=DAYS),
        )
        .group_by(StockMovement.stock_item_id, machine)
    )
    if stock_item_id is not None:
        query = query.where(StockMovement.stock_item_id == stock_item_id)
    found: dict[int, dict[int | None, int]] = defaultdict(dict)
    for item_id, machine_id, times in ctx.session.execute(query):
        found[item_id][machine_id] = times
    return found


def _machine_points(ctx: Context) -> dict[int | None, placing.Point]:
    """Where machines stand: the place (magazine, zone) that belongs to them on the plan."""
    query = select(StorageLocation).where(
        StorageLocation.machine_id.is_not(None),
        StorageLocation.pos_x_m.is_not(None),
        StorageLocation.pos_y_m.is_not(None),
    )
    return {p.machine_id: _point(p) or placing.Point(0, 0) for p in ctx.session.scalars(query)}


def _point(place: StorageLocation) -> placing.Point | None:
    if place.pos_x_m is None or place.pos_y_m is None:
        return None
    return placing.Point(float(place.pos_x_m), float(place.pos_y_m))


def _candidates(
    ctx: Context, item: StockItem, held: dict[int, Decimal], *, is_certified: bool
) -> list[placing.Place]:
    query = select(StorageLocation).where(
        StorageLocation.kind.in_(HOLDING),
        StorageLocation.archived_at.is_(None),
        StorageLocation.code != ledger.NO_PLACE,
    )
    alike = _alike(ctx, item)
    own = set(
        ctx.session.scalars(
            select(LocationItem.storage_location_id).where(
                LocationItem.stock_item_id == item.id, LocationItem.archived_at.is_(None)
            )
        )
    )
    places = list(ctx.session.scalars(query))
    parents = {p.parent_id for p in places}
    found = []
    for place in places:
        if place.accepts != "any" and (place.accepts == "certified") != is_certified:
            continue
        if place.allowed_kinds and item.item_kind not in place.allowed_kinds:
            continue
        if place.id in parents:
            continue
        left = None if place.capacity is None else place.capacity - held.get(place.id, ZERO)
        similar = alike.get(place.id, 0) + alike.get(-(place.parent_id or 0), 0)
        found.append(
            placing.Place(place.id, _inherited_point(ctx, place), place.reach, left, similar, place.id in own)
        )
    return found


def _inherited_point(ctx: Context, place: StorageLocation) -> placing.Point | None:
    """A bin without coordinates stands where its rack stands."""
    point = _point(place)
    above = place.parent_id
    while point is None and above is not None:
        parent = ctx.get(StorageLocation, above)
        point, above = _point(parent), parent.parent_id
    return point


def _alike(ctx: Context, item: StockItem) -> dict[int, int]:
    """Items of the same kind by place, and by parent place under its negative key; tools by their type."""
    query = (
        select(StorageLocation.id, StorageLocation.parent_id, func.count(StockItem.id.distinct()))
        .join(LocationItem, LocationItem.storage_location_id == StorageLocation.id)
        .join(StockItem, StockItem.id == LocationItem.stock_item_id)
        .where(
            LocationItem.archived_at.is_(None), StockItem.id != item.id, StockItem.item_kind == item.item_kind
        )
        .group_by(StorageLocation.id, StorageLocation.parent_id)
    )
    if isinstance(item, Tool):
        query = query.join(Tool.__table__, Tool.__table__.c.id == StockItem.id).where(
            Tool.__table__.c.tool_type == item.tool_type
        )
    found: dict[int, int] = defaultdict(int)
    for place_id, parent_id, count in ctx.session.execute(query):
        found[place_id] += count
        if parent_id is not None:
            found[-parent_id] += count
    return found


def rearrange(ctx: Context) -> list[PlaceProposal]:
    """Once a month: moves that save the most walking, each worth at least the set gain; a person decides."""
    least = float(ctx.settings.decimal("stock.rearrange_gain_m"))
    query = select(PlaceProposal).where(PlaceProposal.status == "proposed")
    for old in ctx.session.scalars(query):
        old.status = "ignored"
    uses, points, held = _uses(ctx), _machine_points(ctx), occupation(ctx)
    chances = []
    for item_id in sorted(uses, key=lambda i: (-sum(uses[i].values()), i)):
        item = ctx.get(StockItem, item_id)
        rows = [r for r in ledger.balances(ctx, item_id) if not r.is_certified and r.stock_unit_id is None]
        if item.archived_at is None and rows:
            chances.append((item, max(rows, key=lambda r: r.quantity)))
    made = []
    for item, row in chances:
        found = _better(ctx, item, row, _thing(item, row.quantity, uses[item.id], points), held, least)
        if found is not None:
            made.append(found)
    return made


def _better(
    ctx: Context,
    item: StockItem,
    row: StockBalance,
    thing: placing.Thing,
    held: dict[int, Decimal],
    least: float,
) -> PlaceProposal | None:
    """The best other place, if worth the move; it counts as taken from then on."""
    places = [replace(p, is_own=False) for p in _candidates(ctx, item, held, is_certified=False)]
    here = next((p for p in places if p.key == row.storage_location_id), None)
    if here is None:
        place = ctx.get(StorageLocation, row.storage_location_id)
        here = placing.Place(place.id, _inherited_point(ctx, place), place.reach)
    ranked = placing.rank(thing, [p for p in places if p.key != here.key])
    if not ranked:
        return None
    best = ranked[0]
    gain = placing.gain_m(thing, here, best.place)
    if gain < least:
        return None
    held[best.place.key] = held.get(best.place.key, ZERO) + thing.quantity
    return ctx.add(
        PlaceProposal(
            label=f"{item.code} → {ctx.get(StorageLocation, best.place.key).code}",
            stock_item_id=item.id,
            from_location_id=here.key,
            to_location_id=best.place.key,
            moves_per_month=Decimal(str(thing.moves_per_month)),
            gain_m_per_month=Decimal(str(gain)),
            reasons=", ".join(t(f"stock.place.{code}", ctx.locale) for code in best.reasons)[:500],
        )
    )


def accept(ctx: Context, proposal: PlaceProposal, params: DecideParams) -> dict[str, Any]:
    """A person agrees, or chooses another place: what is there moves, the item has its place there from now on."""
    target = params.location_id or proposal.to_location_id
    item = ledger.lock_item(ctx, proposal.stock_item_id)
    rows = ledger.balances(ctx, item.id, location_id=proposal.from_location_id)
    moved = []
    for row in rows:
        if row.storage_location_id == target:
            raise Conflict("stock.same_place")
        check_fit(ctx, target, item, row.quantity, followed=row.stock_unit_id is not None)
        movement = Movement(
            item.id,
            row.quantity,
            "transfer",
            "manual",
            row.stock_lot_id,
            row.stock_unit_id,
            from_location_id=row.storage_location_id,
            to_location_id=target,
            comment=t("stock.rearranged", ctx.locale),
        )
        moved.append(flow.transfer(ctx, movement).id)
    _own_place(ctx, item.id, target)
    proposal.status = "accepted" if target == proposal.to_location_id else "corrected"
    proposal.chosen_location_id = target
    proposal.decided_by_id, proposal.decided_at = ctx.principal.user_id, ctx.now
    return {"movement_ids": moved}


def _own_place(ctx: Context, item_id: int, location_id: int) -> None:
    query = select(LocationItem).where(
        LocationItem.stock_item_id == item_id, LocationItem.archived_at.is_(None)
    )
    rows = list(ctx.session.scalars(query))
    for row in rows:
        row.is_main = row.storage_location_id == location_id
    if not any(row.storage_location_id == location_id for row in rows):
        ctx.add(LocationItem(stock_item_id=item_id, storage_location_id=location_id, is_main=True))


def refuse(ctx: Context, proposal: PlaceProposal, _params: Any) -> None:
    """It stays where it is."""
    proposal.status = "refused"
    proposal.decided_by_id, proposal.decided_at = ctx.principal.user_id, ctx.now
