"""Bar nesting: offcuts first, close to the lower bound; a plan is approved, then the saw debits it."""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from coordinator.kernel.context import Context
from coordinator.kernel.errors import Conflict
from coordinator.modules.catalogue.models import Material
from coordinator.modules.stock import api as stock
from coordinator.modules.stock import cutting_plans
from coordinator.modules.stock.engine.nesting import Nesting, Piece, Saw, StockBar, lower_bound_mm, nest
from coordinator.modules.stock.models import StockUnit, StorageLocation
from coordinator.modules.stock.models_cutting import CuttingPlan
from tests.conftest import master, person
from tests.coordinator.execution.conftest import Shop
from tests.coordinator.stock.conftest import d

Api = Callable[..., Any]


def _valid(pieces: list[Piece], bars: list[StockBar], saw: Saw, plan: Nesting) -> None:
    """Nothing is cut twice, no bar is too short, nothing is lost."""
    lengths = {p.key: p.length_mm for p in pieces}
    assert len({b.bar.key for b in plan.bars}) == len(plan.bars)
    made = dict.fromkeys(lengths, 0)
    for one in plan.bars:
        count = sum(one.pieces.values())
        used = saw.facing_mm + sum(lengths[k] * n for k, n in one.pieces.items())
        assert used + (count - 1) * saw.kerf_mm <= one.bar.length_mm, "pieces and the kerfs between them fit"
        assert one.consumed_mm + one.remainder_mm == one.bar.length_mm
        assert one.keep_remainder == (one.remainder_mm > 0 and one.remainder_mm >= saw.minimum_mm)
        for key, n in one.pieces.items():
            made[key] += n
    assert {p.key: p.count - made[p.key] for p in pieces if p.count > made[p.key]} == plan.missing


def _lp_bars(pieces: list[Piece], length: int, saw: Saw) -> int:
    """Least number of equal bars by the linear relaxation of Gilmore and Gomory (1961), rounded up."""
    room = int(length - saw.facing_mm + saw.kerf_mm)
    steps = [int(p.length_mm + saw.kerf_mm) for p in pieces]
    wanted = np.array([p.count for p in pieces], float)
    patterns = [[room // s if i == j else 0 for j in range(len(steps))] for i, s in enumerate(steps)]
    while True:
        result = linprog(
            np.ones(len(patterns)), A_ub=-np.array(patterns, float).T, b_ub=-wanted, method="highs"
        )
        price = -result.ineqlin.marginals
        best, chosen = np.zeros(room + 1), [-1] * (room + 1)
        for at in range(1, room + 1):
            best[at] = best[at - 1]
            for i, s in enumerate(steps):
                if s <= at and best[at - s] + price[i] > best[at] + 1e-12:
                    best[at], chosen[at] = best[at - s] + price[i], i
        if best[room] <= 1 + 1e-7:
            return math.ceil(result.fun - 1e-6)
        pattern, at = [0] * len(steps), room
        while at > 0:
            if chosen[at] < 0:
                at -= 1
            else:
                pattern[chosen[at]] += 1
                at -= steps[chosen[at]]
        patterns.append(pattern)


@pytest.mark.parametrize("seed", range(8))
def test_bars_used_are_close_to_the_linear_bound(seed: int) -> None:
    chance = random.Random(seed)
    saw = Saw(Decimal(chance.choice((1, 2, 3))), Decimal(chance.choice((0, 4))))
    pieces = [
        Piece(i, Decimal(chance.randint(70, 800)), chance.randint(1, 20)) for i in range(chance.randint(3, 9))
    ]
    bars = [StockBar(i, Decimal(2000)) for i in range(200)]
    plan = nest(pieces, bars, saw)
    _valid(pieces, bars, saw, plan)
    bound = _lp_bars(pieces, 2000, saw)
    assert plan.missing == {}
    assert bound <= len(plan.bars) <= bound + 1
    used = sum(b.consumed_mm for b in plan.bars)
    assert used >= lower_bound_mm(pieces, [b.bar for b in plan.bars], saw)


@pytest.mark.parametrize("seed", range(60))
def test_any_plan_is_possible_and_loses_nothing(seed: int) -> None:
    chance = random.Random(1000 + seed)
    saw = Saw(
        Decimal(chance.randint(0, 40)) / 10,
        Decimal(chance.randint(0, 30)) / 10,
        Decimal(chance.randint(0, 120)),
    )
    pieces = [
        Piece(i, Decimal(chance.randint(50, 40000)) / 10, chance.randint(1, 30))
        for i in range(chance.randint(1, 7))
    ]
    bars = [
        StockBar(i, Decimal(chance.randint(100, 65000)) / 10, chance.random() < 0.4)
        for i in range(chance.randint(0, 25))
    ]
    plan = nest(pieces, bars, saw, rounds=4)
    _valid(pieces, bars, saw, plan)
    lengths = {p.key: p.length_mm for p in pieces}
    room_left = {b.key: b.length_mm for b in bars} | {b.bar.key: b.remainder_mm for b in plan.bars}
    for key in plan.missing:
        assert all(
            lengths[key] + saw.kerf_mm
            > rest - (saw.facing_mm if k not in {b.bar.key for b in plan.bars} else 0)
            for k, rest in room_left.items()
        ), "a missing piece fits nowhere any more"


def test_offcuts_come_before_new_bars() -> None:
    bars = [StockBar(1, Decimal(3000)), StockBar(2, Decimal(650), True), StockBar(3, Decimal(210), True)]
    plan = nest([Piece(1, Decimal(200), 4)], bars, Saw(Decimal(2)))
    assert [(b.bar.key, b.pieces) for b in plan.bars] == [(3, {1: 1}), (2, {1: 3})]
    assert plan.new_mm == 0


def test_a_bar_of_exactly_n_pieces_and_their_kerfs_gives_n() -> None:
    plan = nest([Piece(1, d("99.5"), 6)], [StockBar(1, d("99.5") * 6 + 5 * d("1.7"))], Saw(d("1.7")))
    assert (plan.missing, plan.bars[0].remainder_mm) == ({}, 0)


# --- plan, approval, saw -----------------------------------------------------------------------------------------


def _bars(ctx: Context, steel: Material, lengths: list[int], *, certified: bool = False) -> list[StockUnit]:
    place = ctx.add(StorageLocation(code=f"R-{uuid.uuid4().hex[:6]}", name="Rack"))
    lot = stock.new_lot(
        ctx, steel.id, heat_number="H1", is_certified=certified, shape="round", diameter_mm=d(50)
    )
    if certified:
        lot.status = "released"
    made = []
    for length in lengths:
        bar = ctx.add(
            StockUnit(
                stock_item_id=steel.id,
                stock_lot_id=lot.id,
                length_mm=d(length),
                shape="round",
                diameter_mm=d(50),
            )
        )
        stock.receive(ctx, steel.id, d(length), lot=lot, unit_id=bar.id, location_id=place.id)
        made.append(bar)
    return made


def _propose(ctx: Context, steel: Material, **pieces: int) -> CuttingPlan:
    wishes = [{"label": f"P{k[1:]}", "length_mm": int(k[1:]), "count": n} for k, n in pieces.items()]
    params = cutting_plans.PlanParams(pieces=wishes, kerf_mm=d(2), facing_mm=d(0), minimum_mm=d(50))
    return ctx.get(CuttingPlan, cutting_plans.propose(ctx, steel, params)["cutting_plan_ids"][0])


def test_an_approved_plan_keeps_its_bars_and_a_changed_stock_refuses_it(
    api: Api, ctx: Context, steel: Material
) -> None:
    bars = _bars(ctx, steel, [1000, 1000, 400])
    bars[2].parent_id = bars[0].id
    ctx.session.flush()
    plan = _propose(ctx, steel, L300=4)
    used = [b.stock_unit_id for b in cutting_plans.bars_of(ctx, plan.id)]
    assert used[0] == bars[2].id, "the offcut first"
    second = _propose(ctx, steel, L300=1)
    url = f"/api/v1/cutting-plans/{plan.id}/approve"
    assert api(person("materials:read")).post(url, json={}).status_code == 403
    assert api(master()).post(url, json={}).json()["record"]["status"] == "approved"
    assert stock.availability(ctx, steel.id).reserved == sum(
        b.length_mm for b in cutting_plans.bars_of(ctx, plan.id)
    )
    with pytest.raises(Conflict, match=r"stock\.plan_outdated"):
        cutting_plans.approve(ctx, second, None)
    board = api(master()).get(f"/api/v1/stock/boards/cutting_plan/{plan.id}").json()
    drawn = next(s for s in board["sections"] if s["kind"] == "bars")
    assert [b["is_remnant"] for b in drawn["bars"]] == [True, False]
    api(master()).post(f"/api/v1/cutting-plans/{plan.id}/cancel", json={})
    assert stock.availability(ctx, steel.id).reserved == 0


def test_certified_bars_are_kept_for_critical_parts(ctx: Context, steel: Material) -> None:
    _bars(ctx, steel, [1000], certified=True)
    plain = _bars(ctx, steel, [500])
    plan = _propose(ctx, steel, L300=3)
    assert [b.stock_unit_id for b in cutting_plans.bars_of(ctx, plan.id)] == [plain[0].id]
    assert plan.missing_count == 2


@pytest.mark.requirement("STK-21")
def test_the_saw_debits_the_bars_of_the_plan(build: Callable[..., Shop]) -> None:
    shop = build(quantity=10)
    ctx = shop.ctx
    for unit in _bars(ctx, shop.steel, [400, 380]):
        unit.parent_id = shop.bar.id
    ctx.session.flush()
    made = cutting_plans.propose(ctx, shop.steel, cutting_plans.PlanParams())
    plan = ctx.get(CuttingPlan, made["cutting_plan_ids"][0])
    assert (plan.remnant_count, plan.missing_count) == (2, 0)
    from coordinator.kernel.lifecycle import move

    move(ctx, plan, "approve")
    before = stock.on_hand(ctx, shop.steel.id)
    shop.start()
    outcome = shop.finish(cut_count=10, cut_length_mm=70, after=30)
    assert outcome.result == "done", outcome
    ctx.session.refresh(plan)
    assert plan.status == "done"
    assert all(b.is_cut for b in cutting_plans.bars_of(ctx, plan.id))
    lost = plan.consumed_mm + plan.scrap_mm
    assert before - stock.on_hand(ctx, shop.steel.id) == lost
    assert stock.availability(ctx, shop.steel.id).reserved == 0


def test_a_plan_shared_by_two_operations_is_cut_in_two_goes_and_replayed_without_harm(
    ctx: Context, steel: Material
) -> None:
    bars = _bars(ctx, steel, [1000])
    plan = _propose(ctx, steel, L200=2, L150=3)
    from tests.factories import make, model_of

    needs = cutting_plans.needs_of(ctx, plan.id)
    operations = [make(ctx, model_of("work_order_operation")).id for _ in needs]
    for need, operation in zip(needs, operations, strict=True):
        need.work_order_operation_id = operation
    cutting_plans.approve(ctx, plan, None)
    plan.status = "approved"
    ctx.session.flush()
    uids = [uuid.uuid4(), uuid.uuid4()]
    for uid, operation, need in zip(uids, operations, needs, strict=True):
        cut = stock.PlanCut(operation, need.piece_count, need.length_mm, uid)
        result, left = stock.debit_plan(ctx, plan, cut)
        assert left == 0
        assert stock.debit_plan(ctx, plan, cut)[0].movement_ids == [], "replayed"
        level = stock.availability(ctx, steel.id)
        assert level.reserved == (0 if plan.status == "done" else level.on_hand), (
            "what is sawn is not promised"
        )
    assert [stock.on_hand(ctx, steel.id, unit_id=bars[0].id), len(result.offcut_ids)] == [0, 1]
    rest = d(1000) - 2 * d(202) - 3 * d(152)
    assert stock.on_hand(ctx, steel.id) == rest
    offcut = ctx.get(StockUnit, result.offcut_ids[0])
    assert (offcut.length_mm, offcut.parent_id, offcut.stock_lot_id) == (
        rest,
        bars[0].id,
        bars[0].stock_lot_id,
    )
    assert plan.status == "done"
