"""Cutting plans: proposed over bars and offcuts in stock, approved by a person, debited by the saw (STK-21, STK-30)."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from coordinator.kernel import numbering
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.modules.catalogue.api import Material
from coordinator.modules.stock import commands, cutting, flow, ledger, shop
from coordinator.modules.stock.cutting import CutResult
from coordinator.modules.stock.engine import nesting
from coordinator.modules.stock.models import StockLot, StockReservation, StockUnit
from coordinator.modules.stock.models_cutting import CuttingPlan, CuttingPlanBar, CuttingPlanNeed
from coordinator.modules.stock.rules import Demand
from coordinator.modules.stock.shop import OperationFacts
from coordinator.modules.stock.views import StockBalance

ZERO = Decimal(0)
_SECTION = ("shape", "diameter_mm", "width_mm", "height_mm")


class CutWish(BaseModel):
    """Pieces without an operation: a spare, a trial."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field(min_length=1, max_length=200)
    length_mm: Decimal = Field(gt=0, max_digits=10, decimal_places=3)
    count: int = Field(ge=1, le=100_000)


class PlanParams(BaseModel):
    """What to cut; without operations, everything released that is still to be sawn in the material."""

    model_config = ConfigDict(extra="forbid")

    work_order_operation_ids: list[int] = Field(default_factory=list, max_length=200)
    pieces: list[CutWish] = Field(default_factory=list, max_length=200)
    kerf_mm: Decimal | None = Field(default=None, ge=0, le=20)
    facing_mm: Decimal | None = Field(default=None, ge=0, le=50)
    minimum_mm: Decimal | None = Field(default=None, ge=0, le=5000)


@dataclass(frozen=True)
class _Wish:
    label: str
    length_mm: Decimal
    count: int
    facts: OperationFacts | None = None


def propose(ctx: Context, material: Material, params: PlanParams) -> dict[str, Any]:
    """Make a plan per section and per kind of material wanted (certified or not): nobody's certified bars are mixed in.

    Raises:
        BusinessError: ``stock.nothing_to_cut``.
    """
    wishes = _wishes(ctx, material, params)
    if not wishes:
        raise BusinessError("stock.nothing_to_cut", item=material.code)
    groups: dict[tuple[Any, ...], list[_Wish]] = {}
    for wish in wishes:
        section = wish.facts.section if wish.facts is not None else (None,) * 4
        demand = wish.facts.demand.is_critical if wish.facts is not None else False
        groups.setdefault((demand, *section), []).append(wish)
    plans = [_plan(ctx, material, group, params) for group in groups.values()]
    return {"cutting_plan_ids": [plan.id for plan in plans], "numbers": [plan.number for plan in plans]}


def _wishes(ctx: Context, material: Material, params: PlanParams) -> list[_Wish]:
    if params.work_order_operation_ids:
        found = [shop.operation(ctx, i) for i in dict.fromkeys(params.work_order_operation_ids)]
        facts = [f for f in found if f is not None and f.material_id in (None, material.id)]
    else:
        facts = [] if params.pieces else shop.cutting(ctx, material.id)
    taken = _in_other_plans(ctx)
    wishes = [
        _Wish(f.name, f.cut_length_mm, f.cut_count, f)
        for f in facts
        if f.cut_length_mm
        and f.cut_count
        and not f.is_plate
        and f.id not in taken
        and f.status in {"pending", "in_progress"}
    ]
    return wishes + [_Wish(p.label, p.length_mm, p.count) for p in params.pieces]


def _in_other_plans(ctx: Context) -> set[int]:
    """Operations that an approved plan already covers."""
    query = (
        select(CuttingPlanNeed.work_order_operation_id)
        .join(CuttingPlan, CuttingPlan.id == CuttingPlanNeed.cutting_plan_id)
        .where(CuttingPlan.status == "approved", CuttingPlanNeed.work_order_operation_id.is_not(None))
    )
    return {i for i in ctx.session.scalars(query) if i is not None}


def _plan(ctx: Context, material: Material, wishes: Sequence[_Wish], params: PlanParams) -> CuttingPlan:
    facts = wishes[0].facts
    section = facts.section if facts is not None else (None,) * 4
    saw = nesting.Saw(
        params.kerf_mm if params.kerf_mm is not None else ctx.settings.decimal("stock.saw_kerf_mm"),
        params.facing_mm if params.facing_mm is not None else ctx.settings.decimal("stock.saw_facing_mm"),
        params.minimum_mm if params.minimum_mm is not None else ctx.settings.decimal("stock.offcut_min_mm"),
    )
    demand = facts.demand if facts is not None else Demand()
    bars = bars_for(ctx, material.id, demand, section)
    plan = ctx.add(
        CuttingPlan(
            number=numbering.next_number(ctx, "cutting_plan"),
            stock_item_id=material.id,
            kerf_mm=saw.kerf_mm,
            facing_mm=saw.facing_mm,
            minimum_mm=saw.minimum_mm,
            **dict(zip(_SECTION, section, strict=True)),
        )
    )
    needs = [
        ctx.add(
            CuttingPlanNeed(
                cutting_plan_id=plan.id,
                work_order_operation_id=wish.facts.id if wish.facts is not None else None,
                label=wish.label[:200],
                length_mm=wish.length_mm,
                piece_count=wish.count,
            )
        )
        for wish in wishes
    ]
    pieces = [nesting.Piece(n.id, n.length_mm, n.piece_count) for n in needs]
    _write(ctx, plan, needs, pieces, bars, saw)
    return plan


def bars_for(
    ctx: Context, stock_item_id: int, demand: Demand, section: tuple[Any, ...] = (None,) * 4
) -> list[nesting.StockBar]:
    """Followed bars and offcuts that may serve a demand, of the section where one is given, not reserved elsewhere."""
    reserved = reserved_units(ctx, stock_item_id)
    found = []
    for row in ledger.balances(ctx, stock_item_id):
        unit = ctx.session.get(StockUnit, row.stock_unit_id) if row.stock_unit_id is not None else None
        if unit is None or unit.id in reserved or not row.is_available or not _same_section(unit, section):
            continue
        if may_serve(ctx, row, demand):
            found.append(nesting.StockBar(unit.id, row.quantity, unit.parent_id is not None))
    return found


def reserved_units(ctx: Context, stock_item_id: int) -> set[int]:
    """Bars and plates promised to somebody."""
    query = select(StockReservation.stock_unit_id).where(
        StockReservation.stock_item_id == stock_item_id,
        StockReservation.stock_unit_id.is_not(None),
        StockReservation.released_at.is_(None),
        StockReservation.archived_at.is_(None),
    )
    return {i for i in ctx.session.scalars(query) if i is not None}


def _same_section(unit: StockUnit, section: tuple[Any, ...]) -> bool:
    for name, wanted in zip(_SECTION, section, strict=True):
        have = getattr(unit, name)
        if wanted is not None and have is not None and have != wanted:
            return False
    return True


def may_serve(ctx: Context, row: StockBalance, demand: Demand) -> bool:
    """Whether the lot of a balance may serve a demand."""
    try:
        flow.check_lot(ctx, row.stock_lot_id, demand)
    except BusinessError:
        return False
    return True


def _write(
    ctx: Context,
    plan: CuttingPlan,
    needs: Sequence[CuttingPlanNeed],
    pieces: Sequence[nesting.Piece],
    bars: Sequence[nesting.StockBar],
    saw: nesting.Saw,
) -> None:
    result = nesting.nest(pieces, bars, saw)
    lengths = {need.id: need.length_mm for need in needs}
    for number, nested in enumerate(result.bars, 1):
        unit = ctx.get(StockUnit, nested.bar.key)
        ctx.add(
            CuttingPlanBar(
                cutting_plan_id=plan.id,
                sequence_no=number,
                stock_unit_id=unit.id,
                stock_lot_id=unit.stock_lot_id,
                length_mm=nested.bar.length_mm,
                is_remnant=nested.bar.is_remnant,
                pieces=[
                    {"need_id": key, "length_mm": str(lengths[key]), "count": count, "cut": 0}
                    for key, count in nested.pieces.items()
                ],
                remainder_mm=nested.remainder_mm,
                keep_remainder=nested.keep_remainder,
            )
        )
    plan.bar_count = len(result.bars)
    plan.remnant_count = sum(b.bar.is_remnant for b in result.bars)
    plan.consumed_mm = sum((b.consumed_mm for b in result.bars), ZERO)
    plan.scrap_mm, plan.kept_mm = result.scrap_mm, result.kept_mm
    plan.missing_count = sum(result.missing.values())
    plan.lower_bound_mm = nesting.lower_bound_mm(pieces, bars, saw)


def bars_of(ctx: Context, plan_id: int) -> list[CuttingPlanBar]:
    """Bars of a plan in the order of sawing."""
    query = select(CuttingPlanBar).where(CuttingPlanBar.cutting_plan_id == plan_id)
    return list(ctx.session.scalars(query.order_by(CuttingPlanBar.sequence_no)))


def needs_of(ctx: Context, plan_id: int) -> list[CuttingPlanNeed]:
    """What a plan is for."""
    query = select(CuttingPlanNeed).where(CuttingPlanNeed.cutting_plan_id == plan_id)
    return list(ctx.session.scalars(query.order_by(CuttingPlanNeed.id)))


def approve(ctx: Context, plan: CuttingPlan, _params: Any) -> dict[str, Any]:
    """A person agrees: the bars are kept for this plan.

    Raises:
        Conflict: ``stock.plan_outdated`` when a bar has changed or is promised elsewhere meanwhile.
    """
    ledger.lock_item(ctx, plan.stock_item_id)
    reserved = reserved_units(ctx, plan.stock_item_id)
    for bar in bars_of(ctx, plan.id):
        held = ledger.on_hand(ctx, plan.stock_item_id, unit_id=bar.stock_unit_id, usable_only=True)
        if held != bar.length_mm or bar.stock_unit_id in reserved:
            raise Conflict("stock.plan_outdated", number=plan.number)
        row = commands.make_reservation(
            ctx,
            plan.stock_item_id,
            bar.length_mm,
            stock_lot_id=bar.stock_lot_id,
            stock_unit_id=bar.stock_unit_id,
            comment=plan.number,
        )
        bar.stock_reservation_id = row.id
    plan.approved_by_id, plan.approved_at = ctx.principal.user_id, ctx.now
    return {"bars": plan.bar_count}


def release(ctx: Context, plan: CuttingPlan, _params: Any = None) -> None:
    """The bars are free again."""
    for bar in bars_of(ctx, plan.id):
        _free(ctx, bar)


def _free(ctx: Context, bar: CuttingPlanBar) -> None:
    if bar.stock_reservation_id is not None:
        commands.release_reservation(ctx, ctx.get(StockReservation, bar.stock_reservation_id), None)


def _use(ctx: Context, bar: CuttingPlanBar, length_mm: Decimal) -> None:
    """What is sawn off a bar is no longer promised."""
    if bar.stock_reservation_id is not None:
        row = ctx.get(StockReservation, bar.stock_reservation_id)
        row.consumed_qty = min(row.quantity, row.consumed_qty + length_mm)


@dataclass(frozen=True)
class PlanCut:
    """A sawing reported for an operation."""

    operation_id: int
    cut_count: int
    cut_length_mm: Decimal
    uid: uuid.UUID
    work_order_id: int | None = None
    user_id: int | None = None


def open_plan(ctx: Context, operation_id: int, cut_length_mm: Decimal) -> CuttingPlan | None:
    """Approved plan with pieces of this operation and length still to be cut."""
    query = (
        select(CuttingPlan)
        .join(CuttingPlanNeed, CuttingPlanNeed.cutting_plan_id == CuttingPlan.id)
        .where(
            CuttingPlan.status == "approved",
            CuttingPlanNeed.work_order_operation_id == operation_id,
            CuttingPlanNeed.length_mm == cut_length_mm,
            CuttingPlanNeed.cut_count < CuttingPlanNeed.piece_count,
        )
    )
    return ctx.session.scalars(query.order_by(CuttingPlan.id).limit(1)).one_or_none()


def debit(ctx: Context, plan: CuttingPlan, cut: PlanCut) -> tuple[CutResult, int]:
    """Debit the bars of the plan for the pieces reported, once per ``uid``; the rest of a bar appears with its last piece.

    Returns:
        What was debited, and how many pieces go beyond the plan.
    """
    ledger.lock_item(ctx, plan.stock_item_id)
    ctx.session.refresh(plan, with_for_update=True)
    if ledger.by_uid(ctx, cut.uid) is not None:
        return CutResult(), 0
    left = cut.cut_count
    cutter: cutting.PlanCutter | None = None
    needs = {
        n.id: n
        for n in needs_of(ctx, plan.id)
        if n.work_order_operation_id == cut.operation_id and n.length_mm == cut.cut_length_mm
    }
    for bar in bars_of(ctx, plan.id):
        if left <= 0 or bar.is_cut:
            continue
        pieces = copy.deepcopy(bar.pieces)
        here = 0
        for piece in pieces:
            need = needs.get(piece["need_id"])
            if need is None or left <= 0:
                continue
            now = min(left, piece["count"] - piece["cut"])
            piece["cut"] += now
            need.cut_count += now
            here += now
            left -= now
        if here == 0:
            continue
        cutter = cutter or cutting.PlanCutter(ctx, plan.stock_item_id, cut)
        bar.is_cut = all(p["cut"] >= p["count"] for p in pieces)
        length = here * (cut.cut_length_mm + plan.kerf_mm)
        if not any(p["cut"] for p in bar.pieces):
            length += plan.facing_mm
        if bar.is_cut:
            _free(ctx, bar)
        else:
            _use(ctx, bar, length)
        cutter.planned(bar, length, plan)
        bar.pieces = pieces
    ctx.session.flush()
    if all(b.is_cut for b in bars_of(ctx, plan.id)):
        plan.status = "done"
    return (cutter.result if cutter is not None else CutResult()), left


def lots_of(ctx: Context, plan: CuttingPlan) -> list[StockLot]:
    """Material lots a plan cuts from."""
    ids = {bar.stock_lot_id for bar in bars_of(ctx, plan.id) if bar.stock_lot_id is not None}
    return [ctx.get(StockLot, i) for i in sorted(ids)]
