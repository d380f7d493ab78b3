"""Plate nesting: valid edge-to-edge cuts, offcuts first, close to the lower bound; approved, cut, rests on the shelf."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel import lifecycle
from coordinator.kernel.context import Context
from coordinator.kernel.errors import Conflict
from coordinator.modules.catalogue.models import Material
from coordinator.modules.stock import api as stock
from coordinator.modules.stock import cutting_plans, plate_plans
from coordinator.modules.stock.engine.plates import (
    PlateNesting,
    PlatePiece,
    PlateSaw,
    Rect,
    StockPlate,
    lower_bound,
    nest,
)
from coordinator.modules.stock.models import StockUnit, StorageLocation
from coordinator.modules.stock.models_cutting import PlatePlan
from tests.conftest import master

Box = tuple[Decimal, Decimal, Decimal, Decimal]


def _box(rect: Rect) -> Box:
    return (rect.x_mm, rect.y_mm, rect.x_mm + rect.length_mm, rect.y_mm + rect.width_mm)


def _guillotine(boxes: list[Box], kerf: Decimal) -> bool:
    """Whether straight cuts of the kerf's width, from edge to edge, free every piece."""
    if len(boxes) < 2:
        return True
    for axis in (0, 1):
        for cut in sorted({b[axis + 2] for b in boxes}):
            low = [b for b in boxes if b[axis + 2] <= cut]
            high = [b for b in boxes if b[axis] >= cut + kerf]
            if low and high and len(low) + len(high) == len(boxes):
                return _guillotine(low, kerf) and _guillotine(high, kerf)
    return False


def _valid(pieces: list[PlatePiece], plates: list[StockPlate], saw: PlateSaw, plan: PlateNesting) -> None:
    wanted = {p.key: p for p in pieces}
    made = dict.fromkeys(wanted, 0)
    assert len({p.plate.key for p in plan.plates}) == len(plan.plates), "no plate is cut twice"
    for nested in plan.plates:
        for placed in nested.pieces:
            piece = wanted[placed.key]
            sides = (piece.length_mm, piece.width_mm)
            assert (placed.at.length_mm, placed.at.width_mm) == (sides[::-1] if placed.is_turned else sides)
            assert piece.may_turn or not placed.is_turned, "the grain lies along the plate"
            made[placed.key] += 1
        everything = [_box(p.at) for p in nested.pieces] + [_box(r) for r in nested.kept]
        for x0, y0, x1, y1 in everything:
            assert min(x0, y0) >= saw.trim_mm
            assert x1 <= nested.plate.length_mm - saw.trim_mm
            assert y1 <= nested.plate.width_mm - saw.trim_mm
        assert _guillotine(everything, saw.kerf_mm)
        for rest in nested.kept:
            assert min(rest.length_mm, rest.width_mm) >= saw.minimum_mm
        area = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in everything)
        assert area + nested.scrap_mm2 == nested.plate.length_mm * nested.plate.width_mm, "nothing is lost"
    assert {k: p.count - made[k] for k, p in wanted.items() if made[k] < p.count} == plan.missing


def _any(chance: random.Random, low: int, high: int) -> Decimal:
    return Decimal(chance.randint(low * 10, high * 10)) / 10


@pytest.mark.requirement("STK-23", "STK-30")
@pytest.mark.parametrize("seed", range(25))
def test_any_plan_can_be_sawn_and_loses_nothing(seed: int) -> None:
    chance = random.Random(seed)
    saw = PlateSaw(_any(chance, 0, 6), _any(chance, 0, 10), _any(chance, 0, 200))
    pieces = [
        PlatePiece(
            i, _any(chance, 20, 1500), _any(chance, 20, 900), chance.randint(1, 9), chance.random() < 0.6
        )
        for i in range(chance.randint(1, 6))
    ]
    plates = [
        StockPlate(i, _any(chance, 100, 3000), _any(chance, 100, 1500), chance.random() < 0.4)
        for i in range(chance.randint(0, 8))
    ]
    plan = nest(pieces, plates, saw, rounds=4)
    _valid(pieces, plates, saw, plan)
    assert plan == nest(pieces, plates, saw, rounds=4), "the same every time"


def _cut_up(chance: random.Random, length: int, width: int, kerf: int, depth: int) -> list[tuple[int, int]]:
    """A plate cut at random from edge to edge: its pieces fill it without waste but the kerfs."""
    if depth == 0 or max(length, width) < 260:
        return [(length, width)]
    if length >= width:
        at = chance.randint(100, length - kerf - 100)
        halves = ((at, width), (length - kerf - at, width))
    else:
        at = chance.randint(100, width - kerf - 100)
        halves = ((length, at), (length, width - kerf - at))
    return [one for half in halves for one in _cut_up(chance, *half, kerf, depth - 1)]


def test_plates_used_are_close_to_the_bound_where_the_optimum_is_known() -> None:
    opened = best = bounds = 0
    for seed in range(12):
        chance = random.Random(700 + seed)
        kerf, plates_needed = chance.randint(1, 5), chance.randint(2, 4)
        length, width = chance.choice(((2000, 1000), (2500, 1250), (3000, 1500)))
        sizes = [
            s
            for _ in range(plates_needed)
            for s in _cut_up(chance, length, width, kerf, chance.randint(2, 4))
        ]
        pieces = [PlatePiece(i, Decimal(a), Decimal(b), 1) for i, (a, b) in enumerate(sizes)]
        plates = [StockPlate(i, Decimal(length), Decimal(width)) for i in range(12)]
        saw = PlateSaw(Decimal(kerf))
        plan = nest(pieces, plates, saw)
        _valid(pieces, plates, saw, plan)
        assert not plan.missing
        bound = lower_bound(pieces, Decimal(length), Decimal(width), saw)
        assert bound <= plates_needed
        assert plates_needed <= len(plan.plates) <= plates_needed + 1
        opened, best, bounds = opened + len(plan.plates), best + plates_needed, bounds + bound
    assert bounds == best, "the bound is exact where nothing is wasted"
    assert opened <= 1.35 * best


def test_offcuts_are_used_before_a_new_plate_is_opened() -> None:
    pieces = [PlatePiece(1, Decimal(400), Decimal(300), 2)]
    plates = [
        StockPlate(1, Decimal(3000), Decimal(1500)),
        StockPlate(2, Decimal(420), Decimal(310), is_remnant=True),
        StockPlate(3, Decimal(310), Decimal(450), is_remnant=True),
    ]
    plan = nest(pieces, plates, PlateSaw(Decimal(3)))
    assert sorted(p.plate.key for p in plan.plates) == [2, 3]
    fixed = [PlatePiece(1, Decimal(400), Decimal(300), 2, may_turn=False)]
    assert sorted(p.plate.key for p in nest(fixed, plates, PlateSaw(Decimal(3))).plates) == [1, 2]


def test_the_last_cut_on_an_edge_costs_no_kerf_and_large_pieces_stand_alone() -> None:
    saw = PlateSaw(Decimal(4))
    exact = nest(
        [PlatePiece(1, Decimal(498), Decimal(1000), 2)], [StockPlate(1, Decimal(1000), Decimal(1000))], saw
    )
    assert not exact.missing
    assert nest(
        [PlatePiece(1, Decimal(499), Decimal(1000), 2)], [StockPlate(1, Decimal(1000), Decimal(1000))], saw
    ).missing
    assert lower_bound([PlatePiece(1, Decimal(700), Decimal(600), 5)], Decimal(1000), Decimal(1000), saw) == 5
    with pytest.raises(ValueError, match="positive"):
        nest([PlatePiece(1, Decimal(0), Decimal(5), 1)], [], saw)


@pytest.fixture
def sheets(ctx: Context) -> Material:
    """Three plates of 8 mm and one of 6 mm, kept by piece, of one lot."""
    aluminium = ctx.add(
        Material(code="AL-TOLE", name="Tôle alu", item_kind="material", unit="pce", managed_by="unit")
    )
    rack = ctx.add(StorageLocation(code="RT-1", name="Rack à tôles", kind="rack"))
    lot = stock.new_lot(ctx, aluminium.id, heat_number="T-77")
    for number, height in enumerate((8, 8, 8, 6)):
        unit = ctx.add(
            StockUnit(
                stock_item_id=aluminium.id, stock_lot_id=lot.id, serial_number=f"T{number}", shape="plate",
                length_mm=Decimal(2000), width_mm=Decimal(1000), height_mm=Decimal(height),
            )
        )  # fmt: skip
        stock.receive(ctx, aluminium.id, Decimal(1), location_id=rack.id, lot=lot, unit_id=unit.id)
    return aluminium


@pytest.mark.requirement("STK-10", "STK-23", "STK-30")
def test_a_plan_is_approved_cut_and_its_rests_serve_the_next_one(
    ctx: Context, sheets: Material, api: Any
) -> None:
    client = api(master())
    wish = {"label": "Semelle", "length_mm": "900", "width_mm": "480", "count": 3}
    body = {"pieces": [wish], "thickness_mm": "8", "kerf_mm": "4", "minimum_mm": "150"}
    answer = client.post(f"/api/v1/materials/{sheets.id}/propose-plate-plan", json=body)
    assert answer.status_code == 200, answer.text
    plan = ctx.get(PlatePlan, answer.json()["result"]["plate_plan_id"])
    (sheet,) = plate_plans.sheets_of(ctx, plan.id)
    page = client.get(f"/api/v1/stock/boards/plate_plan/{plan.id}").json()
    (drawing,) = [s for s in page["sections"] if s["kind"] == "sheets"]
    assert len(drawing["sheets"][0]["placed"]) == 3
    refused = client.post(f"/api/v1/plate-plan-sheets/{sheet.id}/cut-sheet", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "stock.plan_not_approved")
    assert client.post(f"/api/v1/plate-plans/{plan.id}/approve", json={}).status_code == 200
    assert sheet.stock_unit_id in cutting_plans.reserved_units(ctx, sheets.id)
    done = client.post(f"/api/v1/plate-plan-sheets/{sheet.id}/cut-sheet", json={}).json()
    ctx.session.expire_all()
    assert plan.status == "done"
    parent = ctx.get(StockUnit, sheet.stock_unit_id)
    offcuts = list(ctx.session.scalars(select(StockUnit).where(StockUnit.parent_id == parent.id)))
    assert len(offcuts) == len(sheet.kept) == len(done["result"]["offcut_codes"]) > 0
    assert {(o.stock_lot_id, o.height_mm, o.condition) for o in offcuts} == {
        (parent.stock_lot_id, Decimal(8), "used")
    }
    assert stock.on_hand(ctx, sheets.id) == 3 + len(offcuts)
    assert stock.on_hand(ctx, sheets.id, unit_id=parent.id) == 0
    again = client.post(f"/api/v1/plate-plan-sheets/{sheet.id}/cut-sheet", json={})
    assert again.json()["code"] == "stock.sheet_cut"
    small = {"label": "Cale", "length_mm": "200", "width_mm": "150", "count": 1}
    found = client.post(f"/api/v1/materials/{sheets.id}/propose-plate-plan", json={**body, "pieces": [small]})
    (next_sheet,) = plate_plans.sheets_of(ctx, found.json()["result"]["plate_plan_id"])
    assert next_sheet.is_remnant, "the rest of the plate is used before a whole one"


def test_plates_kept_by_area_give_their_offcuts_a_share(ctx: Context, sheets: Material) -> None:
    sheets.unit = "m2"
    unit = ctx.session.scalars(select(StockUnit).where(StockUnit.serial_number == "T3")).one()
    wish = plate_plans.PlateWish(
        label="Moitié", length_mm=Decimal(998), width_mm=Decimal(1000), count=1, may_turn=False
    )
    params = plate_plans.PlatePlanParams(pieces=[wish], thickness_mm=Decimal(6), kerf_mm=Decimal(2))
    plan = ctx.get(PlatePlan, plate_plans.propose(ctx, sheets, params)["plate_plan_id"])
    lifecycle.move(ctx, plan, "approve")
    (sheet,) = plate_plans.sheets_of(ctx, plan.id)
    before = stock.on_hand(ctx, sheets.id)
    plate_plans.cut(ctx, sheet, None)
    (offcut,) = ctx.session.scalars(select(StockUnit).where(StockUnit.parent_id == unit.id))
    (rest,) = sheet.kept
    share = Decimal(rest["length_mm"]) * Decimal(rest["width_mm"]) / (2000 * 1000)
    assert stock.on_hand(ctx, sheets.id, unit_id=offcut.id) == round(share, 3)
    assert stock.on_hand(ctx, sheets.id) < before
    assert stock.on_hand(ctx, sheets.id, unit_id=unit.id) == 0


def test_a_plan_whose_plate_left_meanwhile_is_not_approved(ctx: Context, sheets: Material) -> None:
    wish = plate_plans.PlateWish(label="Grande", length_mm=Decimal(1900), width_mm=Decimal(900), count=4)
    params = plate_plans.PlatePlanParams(pieces=[wish], thickness_mm=Decimal(8))
    plan = ctx.get(PlatePlan, plate_plans.propose(ctx, sheets, params)["plate_plan_id"])
    assert (plan.sheet_count, plan.missing_count) == (3, 1), "the plate of 6 mm does not serve"
    gone = plate_plans.sheets_of(ctx, plan.id)[0].stock_unit_id
    stock.take(ctx, stock.Movement(sheets.id, Decimal(1), "issue", stock_unit_id=gone, to_holder="user:1"))
    with pytest.raises(Conflict, match=r"stock\.plan_outdated"):
        lifecycle.move(ctx, plan, "approve")
