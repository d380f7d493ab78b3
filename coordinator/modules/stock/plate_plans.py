"""Cutting plans of plates: proposed over plates and offcuts in stock, approved by a person, cut plate by plate (STK-23)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from coordinator.kernel import numbering, qr
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.modules.catalogue.api import Material
from coordinator.modules.stock import commands, cutting_plans, ledger
from coordinator.modules.stock.engine import plates
from coordinator.modules.stock.ledger import Movement
from coordinator.modules.stock.models import StockReservation, StockUnit
from coordinator.modules.stock.models_cutting import PlatePlan, PlatePlanSheet
from coordinator.modules.stock.rules import Demand

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
    """What to cut from plates of one thickness; certified material only where the order demands it."""

    model_config = ConfigDict(extra="forbid")

    pieces: list[PlateWish] = Field(min_length=1, max_length=100)
    thickness_mm: Decimal = Field(gt=0, max_digits=10, decimal_places=3)
    is_certified: bool = False
    kerf_mm: Decimal | None = Field(default=None, ge=0, le=20)
    trim_mm: Decimal = Field(default=ZERO, ge=0, le=100)
    minimum_mm: Decimal | None = Field(default=None, ge=0, le=5000)


def propose(ctx: Context, material: Material, params: PlatePlanParams) -> dict[str, Any]:
    """Lay the pieces out on the plates and offcuts there are, offcuts first; nothing is reserved yet.

    Raises:
        BusinessError: ``stock.too_many_pieces``.
    """
    if sum(p.count for p in params.pieces) > plates.MAX_PIECES:
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
        for i, p in enumerate(params.pieces, 1)
    ]
    found = plates_for(
        ctx, material.id, params.thickness_mm, Demand(certificate_required=params.is_certified)
    )
    plan = ctx.add(
        PlatePlan(
            number=numbering.next_number(ctx, "cutting_plan"),
            stock_item_id=material.id,
            thickness_mm=params.thickness_mm,
            kerf_mm=saw.kerf_mm,
            trim_mm=saw.trim_mm,
            minimum_mm=saw.minimum_mm,
            pieces=[{"key": i, **p.model_dump(mode="json")} for i, p in enumerate(params.pieces, 1)],
        )
    )
    _write(ctx, plan, plates.nest(wanted, found, saw))
    return {"plate_plan_id": plan.id, "number": plan.number, "missing": plan.missing_count}


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
