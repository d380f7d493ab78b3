"""Different parts of one quote out of the same plates: nothing overlaps, nothing is lost, the shares are those of the prices."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.plate_nesting import Strip, Wanted, nest
from coordinator.modules.quoting.engine.quote import QuoteRequest, QuoteResult, compute
from tests.coordinator.quoting.engine.samples import BLOCK, part

pytestmark = pytest.mark.requirement("QUO-12")
PLATE = (1000.0, 500.0)


def _check(plates: list[tuple[Strip, ...]], wanted: list[Wanted], kerf: float) -> None:
    counted: dict[tuple[int, float, float], int] = {}
    for strips in plates:
        assert sum(s.width_mm for s in strips) + kerf * (len(strips) - 1) <= PLATE[1] + 1e-6
        for strip in strips:
            assert sum(a for _, a, _ in strip.pieces) + kerf * (len(strip.pieces) - 1) <= PLATE[0] + 1e-6
            for line, along, across in strip.pieces:
                assert across <= strip.width_mm + 1e-9
                key = (line, *sorted((along, across)))
                counted[key] = counted.get(key, 0) + 1
    assert counted == {(w.line, *sorted(w.piece_mm)): w.count for w in wanted}


@pytest.mark.parametrize("seed", range(20))
def test_every_piece_lies_in_a_plate_once(seed: int) -> None:
    chance = random.Random(seed)
    wanted = [
        Wanted(n, chance.randint(1, 30), (chance.uniform(20, 480), chance.uniform(20, 480)))
        for n in range(1, chance.randint(3, 6))
    ]
    plates = nest(wanted, PLATE, 2.0)
    _check(plates, wanted, 2.0)
    area = sum(w.area_mm2(0.0) for w in wanted)
    assert len(plates) >= area / (PLATE[0] * PLATE[1])


def test_a_piece_that_fits_only_the_other_way_is_turned() -> None:
    wanted = [Wanted(1, 2, (900.0, 100.0)), Wanted(2, 3, (120.0, 480.0))]
    _check(nest(wanted, PLATE, 2.0), wanted, 2.0)
    assert nest([Wanted(1, 1, (1001.0, 10.0))], PLATE, 2.0) == []


def _quoted(*sizes: tuple[float, float, float], quantity: int = 4, material: str = "C45") -> QuoteResult:
    parts = [
        replace(part(BLOCK, quantity), size_mm=s, features=(), volume_mm3=None, material=material, blank_shape="plate")
        for s in sizes
    ]  # fmt: skip
    park = default_shop()
    return compute(parts, replace(park, stock=()), QuoteRequest(date(2026, 11, 23)))


def test_two_parts_share_a_plate_and_pay_their_area() -> None:
    result = _quoted((300.0, 200.0, 20.0), (140.0, 90.0, 20.0))
    standard = result.scenarios[0]
    [plan] = standard.plate_plans
    assert (len(plan.plates), plan.apart) == (1, 2)
    assert sum(share for _, share in plan.shares) == pytest.approx(1.0)
    costs = [line.route.blank.cost * line.part.quantity for line in result.lines if line.route]
    for (_, share), cost in zip(plan.shares, costs, strict=True):
        assert float(cost / sum(costs, Decimal(0))) == pytest.approx(share, abs=1e-6)
    assert "1 tôle de" in plan.words()
    assert "au lieu de 2" in plan.words()
    told = json.loads(json.dumps(result.to_json()))["scenarios"][0]["plate_plans"][0]
    assert (told["plates"], told["plates_apart"]) == (1, 2)


def test_other_thickness_or_material_is_another_plate() -> None:
    assert _quoted((300.0, 200.0, 20.0), (140.0, 90.0, 60.0)).scenarios[0].plate_plans == ()
    mixed = _quoted((300.0, 200.0, 20.0)).lines + _quoted((140.0, 90.0, 20.0), material="S235JR").lines
    both = [line.part for line in mixed]
    park = replace(default_shop(), stock=())
    assert compute(both, park, QuoteRequest(date(2026, 11, 23))).scenarios[0].plate_plans == ()
