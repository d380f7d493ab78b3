"""Pieces nested in plates: what is sawn is counted once, and the plan says where each piece lies."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.plate_plan import lay, plan
from coordinator.modules.quoting.engine.shop import StockUnit
from tests.coordinator.quoting.engine.samples import BLOCK, line, part, quote

pytestmark = pytest.mark.requirement("QUO-12")
MM = st.floats(min_value=5, max_value=3000)


def test_strips_of_a_plate_share_their_cuts() -> None:
    """500 × 300, kerf 2: pieces of 120 × 90 lie 4 along (4 × 122 − 2 = 486) and 3 across (3 × 92 − 2 = 274)."""
    found = plan([("T-1", 7)], (120, 90), {"T-1": (500, 300)}, (2000, 1000), 2)
    (plate,) = found.plates
    assert (plate.per_strip, plate.strips) == (4, 2)
    assert found.cuts == 2 + 7
    assert found.cut_mm == 7 * (120 + 2 + 90)
    assert found.words() == "T-1 (500 × 300) : 7 pièces, 2 bandes de 4, pièce couchée 120 × 90"


def test_the_piece_is_turned_where_more_fit_and_a_full_plate_is_followed_by_the_next() -> None:
    assert lay((300, 100), (620, 310), 2) == (6, 1, (100, 300))
    found = plan([("T-2", 8)], (300, 100), {"T-2": (620, 310)}, (2000, 1000), 2)
    assert [p.pieces for p in found.plates] == [6, 2]
    assert plan([("x", 8)], (300, 100), {}, (2000, 1000), 2).plates[0].plate_mm == (2000, 1000)


def test_a_piece_larger_than_the_plate_has_one_of_its_own() -> None:
    found = plan([("x", 2)], (2500, 1200), {}, (2000, 1000), 2)
    assert [(p.pieces, p.plate_mm) for p in found.plates] == [(1, (2500, 1200))] * 2


@given(MM, MM, MM, MM, st.integers(min_value=1, max_value=300))
def test_no_plate_holds_more_than_its_area_and_no_piece_is_lost(
    length: float, width: float, plate_l: float, plate_w: float, count: int
) -> None:
    found = plan([("x", count)], (length, width), {"x": (plate_l, plate_w)}, (2000, 1000), 2)
    assert found.pieces == count
    for plate in found.plates:
        assert plate.pieces * length * width <= plate.plate_mm[0] * plate.plate_mm[1] * (1 + 1e-9)
    alone = plan([("x", 1)], (length, width), {"x": (plate_l, plate_w)}, (2000, 1000), 2)
    assert found.cuts <= count * alone.cuts


def test_the_quote_saws_the_batch_by_its_plan_and_shows_it() -> None:
    park = default_shop()
    usual = line(quote(part(BLOCK, 8)))
    thickness = usual["blank"]["size_mm"][2]
    size = usual["blank"]["size_mm"]
    small = StockUnit(
        "T-9", "6082", "plate", size[0] + 1, width_mm=size[1] * 4 + 20, thickness_mm=thickness, quantity=2,
        is_offcut=True, price_per_kg=Decimal(6),
    )  # fmt: skip
    own = line(quote(part(BLOCK, 8), shop=replace(park, stock=(small,))))
    assert "T-9" in own["blank"]["plate_plan"]
    assert own["blank"]["explanation"]["inputs"]["plan de débit"] == own["blank"]["plate_plan"]
    sawing = next(o for o in own["operations"] if o["operation_type"] == "cutting")
    nested = plan(
        [("T-9", 8)], (size[0], size[1]), {"T-9": (small.length_mm, small.width_mm or 0)}, (1, 1), 2
    )
    assert sawing["sources"]["run_min"]["inputs"]["coupes"] == pytest.approx(nested.cuts / 8)
    section = nested.cut_mm * thickness / 100 / 8
    assert sawing["sources"]["run_min"]["inputs"]["section cm²"] == pytest.approx(section)
