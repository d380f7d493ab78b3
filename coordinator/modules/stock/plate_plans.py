"""Cutting plans of plates: proposed over plates and offcuts in stock, approved by a person, cut plate by plate (STK-23)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from coordinator.kernel import numbering, qr
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.modules.catalogue.api import Material
from coordinator.modules.stock import commands, cutting_plans, ledger, shop
from coordinator.modules.stock.engine import plates
from coordinator.modules.stock.ledger import Movement
from coordinator.modules.stock.models import StockReservation, StockUnit
from coordinator.modules.stock.models_cutting import PlatePlan, PlatePlanSheet
from coordinator.modules.stock.rules import Demand
from coordinator.modules.stock.shop import OperationFacts

AREA_UNITS = ("m2",)
"""Plates kept by area give their offcuts a share of it; those kept by piece are one each."""
ZERO = Decimal(0)


class PlateWish(BaseModel):
    """Equal rectangles to cut."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field(min_length=1, max_length=200)
    length_mm: Decimal = Field(gt=0, max_digits=10, decimal_places=3)
    width_mm: Decimal = Field(gt=0, max_digits=10, decimal_places=3)
    count: int = Field(ge=1, le=1000)
    may_turn: bool = True


class PlatePlanParams(BaseModel):
    """What to cut: pieces of one thickness named here, operations, or without either all plate work released in the material.

    Certified material is taken only where the order demands it.
    """

    model_config = ConfigDict(extra="forbid")

    pieces: list[PlateWish] = Field(default_factory=list, max_length=100)
    work_order_operation_ids: list[int] = Field(default_factory=list, max_length=200)
    thickness_mm: Decimal | None = Field(default=None, gt=0, max_digits=10, decimal_places=3)
    is_certified: bool = False
    kerf_mm: Decimal | None = Field(default=None, ge=0, le=20)
    trim_mm: Decimal = Field(default=ZERO, ge=0, le=100)
    minimum_mm: Decimal | None = Field(default=None, ge=0, le=5000)


@dataclass(frozen=True)
class _Group:
    """Pieces that may lie on one plate: same thickness, same demand on the material."""

    thickness_mm: Decimal
    demand: Demand
    pieces: list[tuple[PlateWish, int | None]]
    """Each with the operation it is for."""


def propose(ctx: Context, material: Material, params: PlatePlanParams) -> dict[str, Any]:
    """Lay the pieces out on the plates and offcuts there are, offcuts first; nothing is reserved yet.

    One plan per thickness and per kind of material wanted (certified or not).

    Raises:
        BusinessError: ``stock.nothing_to_cut``, ``stock.thickness_missing``, ``stock.too_many_pieces``.
    """
    groups = _groups(ctx, material, params)
    if not groups:
        raise BusinessError("stock.nothing_to_cut", item=material.code)
    made = [_plan(ctx, material, group, params) for group in groups]
    return {
        "plate_plan_id": made[0].id,
        "plate_plan_ids": [plan.id for plan in made],
        "number": ", ".join(plan.number for plan in made),
        "missing": sum(plan.missing_count for plan in made),
    }


def _groups(ctx: Context, material: Material, params: PlatePlanParams) -> list[_Group]:
    groups: dict[tuple[bool, Decimal], _Group] = {}

    def add(thickness_mm: Decimal, demand: Demand, wish: PlateWish, operation_id: int | None = None) -> None:
        group = groups.setdefault((demand.is_critical, thickness_mm), _Group(thickness_mm, demand, []))
        group.pieces.append((wish, operation_id))

    for facts in _ordered(ctx, material, params):
        _, _, width, thickness = facts.section
        if (
            params.thickness_mm in (None, thickness)
            and facts.cut_length_mm
            and facts.cut_count
            and width
            and thickness
        ):
            wish = PlateWish(
                label=facts.name[:200], length_mm=facts.cut_length_mm, width_mm=width, count=facts.cut_count
            )
            add(thickness, facts.demand, wish, facts.id)
    for wish in params.pieces:
        if params.thickness_mm is None:
            raise BusinessError("stock.thickness_missing")
        add(params.thickness_mm, Demand(certificate_required=params.is_certified), wish)
    return list(groups.values())


def _ordered(ctx: Context, material: Material, params: PlatePlanParams) -> list[OperationFacts]:
    """Operations that cut plate in this material and that no approved plan covers yet."""
    if params.work_order_operation_ids:
        found = [shop.operation(ctx, i) for i in dict.fromkeys(params.work_order_operation_ids)]
        facts = [f for f in found if f is not None and f.material_id in (None, material.id)]
    else:
        facts = [] if params.pieces else shop.cutting(ctx, material.id)
    return [
        f
        for f in facts
        if f.is_plate and f.status in {"pending", "in_progress"} and not _plans_for(ctx, f.id, material.id)
    ]


def _plans_for(ctx: Context, operation_id: int, stock_item_id: int | None = None) -> list[PlatePlan]:
    query = select(PlatePlan).where(
        PlatePlan.status.in_(("approved", "done")),
        PlatePlan.pieces.contains([{"operation_id": operation_id}]),
    )
    if stock_item_id is not None:
        query = query.where(PlatePlan.stock_item_id == stock_item_id)
    return list(ctx.session.scalars(query.order_by(PlatePlan.id)))


def sources_of(ctx: Context, operation_id: int) -> list[tuple[int | None, int]]:
    """Lot and plate of every plate that approved plans cut for an operation; empty where no plan covers it.

    These plates leave stock when they are cut: the report of the operation takes nothing more.
    """
    found = []
    for plan in _plans_for(ctx, operation_id):
        keys = {piece["key"] for piece in plan.pieces if piece.get("operation_id") == operation_id}
        for sheet in sheets_of(ctx, plan.id):
            if keys & {placed["key"] for placed in sheet.placed}:
                found.append((sheet.stock_lot_id, sheet.stock_unit_id))
    return found


def _plan(ctx: Context, material: Material, group: _Group, params: PlatePlanParams) -> PlatePlan:
    if sum(wish.count for wish, _ in group.pieces) > plates.MAX_PIECES:
        raise BusinessError("stock.too_many_pieces", limit=plates.MAX_PIECES)
    saw = plates.PlateSaw(
        params.kerf_mm if params.kerf_mm is not None else ctx.settings.decimal("stock.saw_kerf_mm"),
        params.trim_mm,
        params.minimum_mm
        if params.minimum_mm is not None
        else ctx.settings.decimal("stock.plate_offcut_min_mm"),
    )
    wanted = [
        plates.PlatePiece(i, p.length_mm, p.width_mm, p.count, p.may_turn)
        for i, (p, _) in enumerate(group.pieces, 1)
    ]
    found = plates_for(ctx, material.id, group.thickness_mm, group.demand)
    plan = ctx.add(
        PlatePlan(
            number=numbering.next_number(ctx, "cutting_plan"),
            stock_item_id=material.id,
            thickness_mm=group.thickness_mm,
            kerf_mm=saw.kerf_mm,
            trim_mm=saw.trim_mm,
            minimum_mm=saw.minimum_mm,
            pieces=[
                {"key": i, **p.model_dump(mode="json"), "operation_id": operation_id}
                for i, (p, operation_id) in enumerate(group.pieces, 1)
            ],
        )
    )
    _write(ctx, plan, plates.nest(wanted, found, saw))
    return plan


def plates_for(
    ctx: Context, stock_item_id: int, thickness_mm: Decimal, demand: Demand
) -> list[plates.StockPlate]:
    """Whole followed plates and offcuts of a thickness that may serve a demand and are not promised elsewhere."""
    reserved = cutting_plans.reserved_units(ctx, stock_item_id)
    found = []
    for row in ledger.balances(ctx, stock_item_id):
        unit = ctx.session.get(StockUnit, row.stock_unit_id) if row.stock_unit_id is not None else None
        if unit is None or unit.id in reserved or not row.is_available or unit.height_mm != thickness_mm:
            continue
        if unit.length_mm and unit.width_mm and cutting_plans.may_serve(ctx, row, demand):
            is_remnant = unit.parent_id is not None
            found.append(plates.StockPlate(unit.id, unit.length_mm, unit.width_mm, is_remnant))
    return found


def _write(ctx: Context, plan: PlatePlan, result: plates.PlateNesting) -> None:
    for number, nested in enumerate(result.plates, 1):
        unit = ctx.get(StockUnit, nested.plate.key)
        ctx.add(
            PlatePlanSheet(
                plate_plan_id=plan.id,
                sequence_no=number,
                stock_unit_id=unit.id,
                stock_lot_id=unit.stock_lot_id,
                length_mm=nested.plate.length_mm,
                width_mm=nested.plate.width_mm,
                is_remnant=nested.plate.is_remnant,
                placed=[{"key": p.key, "is_turned": p.is_turned, **_plain(p.at)} for p in nested.pieces],
                kept=[_plain(rest) for rest in nested.kept],
                scrap_mm2=nested.scrap_mm2,
            )
        )
    plan.sheet_count = len(result.plates)
    plan.remnant_count = sum(p.plate.is_remnant for p in result.plates)
    plan.missing_count = sum(result.missing.values())
    plan.scrap_mm2, plan.kept_mm2 = result.scrap_mm2, result.kept_mm2


def _plain(rect: plates.Rect) -> dict[str, str]:
    return {name: f"{value.normalize():f}" for name, value in vars(rect).items()}


def sheets_of(ctx: Context, plan_id: int) -> list[PlatePlanSheet]:
    """Plates of a plan in the order of cutting."""
    query = select(PlatePlanSheet).where(PlatePlanSheet.plate_plan_id == plan_id)
    return list(ctx.session.scalars(query.order_by(PlatePlanSheet.sequence_no)))


def approve(ctx: Context, plan: PlatePlan, _params: Any) -> dict[str, Any]:
    """A person agrees: the plates are kept for this plan.

    Raises:
        Conflict: ``stock.plan_outdated`` when a plate has gone, was cut or is promised elsewhere meanwhile.
    """
    ledger.lock_item(ctx, plan.stock_item_id)
    reserved = cutting_plans.reserved_units(ctx, plan.stock_item_id)
    for sheet in sheets_of(ctx, plan.id):
        unit = ctx.get(StockUnit, sheet.stock_unit_id)
        held = ledger.on_hand(ctx, plan.stock_item_id, unit_id=unit.id, usable_only=True)
        same = (unit.length_mm, unit.width_mm) == (sheet.length_mm, sheet.width_mm)
        if held <= 0 or not same or unit.id in reserved:
            raise Conflict("stock.plan_outdated", number=plan.number)
        row = commands.make_reservation(
            ctx,
            plan.stock_item_id,
            held,
            stock_lot_id=sheet.stock_lot_id,
            stock_unit_id=unit.id,
            comment=plan.number,
        )
        sheet.stock_reservation_id = row.id
    plan.approved_by_id, plan.approved_at = ctx.principal.user_id, ctx.now
    return {"plates": plan.sheet_count}


def release(ctx: Context, plan: PlatePlan, _params: Any = None) -> None:
    """Plates not yet cut are free again."""
    for sheet in sheets_of(ctx, plan.id):
        if not sheet.is_cut:
            _free(ctx, sheet)


def _free(ctx: Context, sheet: PlatePlanSheet) -> None:
    if sheet.stock_reservation_id is not None:
        commands.release_reservation(ctx, ctx.get(StockReservation, sheet.stock_reservation_id), None)


def cut(ctx: Context, sheet: PlatePlanSheet, _params: Any) -> dict[str, Any]:
    """The plate was cut as planned: it leaves stock, its rests come in with their own codes (STK-10, STK-23).

    Raises:
        Conflict: ``stock.plan_not_approved``, ``stock.sheet_cut``.
    """
    plan = ctx.get(PlatePlan, sheet.plate_plan_id)
    item = ledger.lock_item(ctx, plan.stock_item_id)
    ctx.session.refresh(plan, with_for_update=True)
    ctx.session.refresh(sheet)
    if sheet.is_cut:
        raise Conflict("stock.sheet_cut")
    if plan.status != "approved":
        raise Conflict("stock.plan_not_approved", number=plan.number)
    _free(ctx, sheet)
    rows = ledger.balances(ctx, item.id, unit_id=sheet.stock_unit_id)
    held = sum((row.quantity for row in rows), ZERO)
    place = rows[0].storage_location_id if rows else ledger.main_place(ctx, item.id)
    by_area = item.unit in AREA_UNITS
    shares = _shares(sheet, held) if by_area else [Decimal(1)] * len(sheet.kept)
    act = uuid.uuid4()
    common = Movement(
        item.id, Decimal(1), "consumption", stock_lot_id=sheet.stock_lot_id, stock_unit_id=sheet.stock_unit_id,
        from_location_id=place, act_uid=act, comment=plan.number,
    )  # fmt: skip
    kept_qty = sum(shares, ZERO) if by_area else ZERO
    ledger.post(ctx, _with(common, quantity=(held if held > 0 else Decimal(1)) - kept_qty))
    codes = [
        _keep(ctx, sheet, rest, share, common, by_area=by_area)
        for rest, share in zip(sheet.kept, shares, strict=True)
    ]
    sheet.is_cut = True
    ctx.session.flush()
    if all(one.is_cut for one in sheets_of(ctx, plan.id)):
        plan.status = "done"
    return {"offcut_codes": codes}


def _with(movement: Movement, **changes: Any) -> Movement:
    return Movement(**(vars(movement) | changes))


def _shares(sheet: PlatePlanSheet, held: Decimal) -> Sequence[Decimal]:
    whole = sheet.length_mm * sheet.width_mm
    return [
        round(held * Decimal(rest["length_mm"]) * Decimal(rest["width_mm"]) / whole, 3) for rest in sheet.kept
    ]


def _keep(
    ctx: Context,
    sheet: PlatePlanSheet,
    rest: dict[str, str],
    share: Decimal,
    common: Movement,
    *,
    by_area: bool,
) -> str:
    """One rest becomes an offcut of the same lot: same grade, heat and certificate."""
    parent = ctx.get(StockUnit, sheet.stock_unit_id)
    offcut = ctx.add(
        StockUnit(
            stock_item_id=parent.stock_item_id,
            stock_lot_id=parent.stock_lot_id,
            parent_id=parent.id,
            condition="used",
            shape=parent.shape,
            length_mm=Decimal(rest["length_mm"]),
            width_mm=Decimal(rest["width_mm"]),
            height_mm=parent.height_mm,
        )
    )
    born = _with(common, quantity=share, kind="offcut_creation")
    if by_area:
        ledger.post(ctx, born)
    ledger.post(
        ctx,
        _with(born, stock_unit_id=offcut.id, to_location_id=common.from_location_id, from_location_id=None),
    )
    code = qr.code_of(ctx, offcut)
    ctx.emit("stock.offcut_created", {"stock_unit_id": offcut.id, "code": code})
    return code
