"""Bars counted (QUO-12), speed and feed tables (QUO-23, QUO-24), operation time (QUO-29), critical resources (QUO-37)."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from coordinator.modules.quoting.engine.cutting_tables import GROUPS
from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.part import PartDescription
from coordinator.modules.quoting.engine.planning_simulation import Availability
from coordinator.modules.quoting.engine.quote import QuoteRequest, compute
from tests.coordinator.quoting.engine.samples import BLOCK, DAY, SHAFT, line, part, quote, without


@pytest.mark.requirement("QUO-12")
def test_bars_are_counted_with_kerf_and_end_and_the_rest_becomes_an_offcut() -> None:
    shop = without(default_shop(), "TF-1")
    sawn = replace(shop, stock=(), machines=tuple(replace(m, bar_capacity_mm=None) for m in shop.machines))
    own = PartDescription(
        "P", material="C45", quantity=10, turned_profile=((0.0, 40.0), (100.0, 40.0)), form="turned"
    )
    blank = quote(own, shop=sawn).lines[0].options[0].route.blank
    pitch = 100 + 2 + 2
    assert blank.per_bar == math.floor((3000 - 20) / pitch)
    section = math.pi / 4 * 4.2**2
    assert blank.mass_kg == pytest.approx(section * 10.2 * 7.85 / 1000)
    consumed = section * (pitch + 20 / blank.per_bar) / 10 * 7.85 / 1000
    assert blank.consumed_kg == pytest.approx(consumed)
    assert float(blank.cost) == pytest.approx(consumed * 1.90)
    assert blank.sources[0].leftover_mm == pytest.approx(3000 - 10 * pitch)
    fed = quote(own, shop=replace(default_shop(), stock=())).lines[0].options[0].route.blank
    assert fed.bar_fed
    assert fed.per_bar == math.floor((3000 - 60) / (100 + 3 + 1))


@pytest.mark.requirement("QUO-23")
@pytest.mark.parametrize(
    ("group", "turn", "mill", "face", "hss", "carbide", "ream", "tap"),
    [
        ("P1", (200, 280), (150, 190), 220, 28, 95, 10, 15), ("P2", (180, 240), (130, 165), 190, 22, 85, 8, 12),
        ("P3", (140, 180), (100, 130), 150, 14, 65, 6, 8), ("M1", (130, 170), (80, 100), 140, 12, 55, 5, 7),
        ("M2", (100, 130), (65, 80), 110, 9, 40, 4, 5), ("K1", (160, 220), (140, 180), 200, 25, 100, 10, 12),
        ("K2", (140, 180), (110, 140), 160, 20, 85, 8, 10), ("N1", (500, 800), (350, 500), 700, 70, 200, 20, 25),
        ("N2", (250, 350), (200, 280), 350, 50, 140, 15, 18), ("N3", (300, 400), (250, 350), 400, 60, 120, 15, 15),
        ("S1", (50, 65), (55, 75), 50, 9, 35, 5, 4), ("S2", (30, 40), (28, 35), 30, 5, 22, 3, 2.5),
        ("H", (60, 80), (55, 80), 80, None, 30, None, None),
    ],
)  # fmt: skip
def test_cutting_speeds_are_those_of_the_table(
    group: str,
    turn: tuple[int, int],
    mill: tuple[int, int],
    face: int,
    hss: float,
    carbide: int,
    ream: float,
    tap: float,
) -> None:
    data = GROUPS[group]
    assert (data.vc_turn, data.vc_end_mill, data.vc_face_mill) == (turn, mill, face)
    assert (data.vc_drill_hss, data.vc_drill_carbide, data.vc_ream_hss, data.vc_tap_hss) == (
        hss,
        carbide,
        ream,
        tap,
    )


@pytest.mark.requirement("QUO-24")
@pytest.mark.parametrize(
    ("group", "feeds", "depths", "fz", "face", "drill", "ream"),
    [
        ("P1", (0.30, 0.12), (3, 0.5), 0.055, 0.18, 0.20, 0.25), ("P2", (0.30, 0.12), (3, 0.5), 0.050, 0.18, 0.18, 0.25),
        ("P3", (0.30, 0.12), (3, 0.5), 0.045, 0.18, 0.16, 0.25), ("M1", (0.25, 0.12), (2, 0.5), 0.045, 0.15, 0.12, 0.20),
        ("M2", (0.25, 0.12), (2, 0.5), 0.040, 0.15, 0.12, 0.20), ("K2", (0.30, 0.15), (3, 0.5), 0.060, 0.20, 0.25, 0.30),
        ("N1", (0.30, 0.12), (3, 0.5), 0.080, 0.18, 0.28, 0.35), ("N2", (0.30, 0.12), (3, 0.5), 0.065, 0.18, 0.28, 0.35),
        ("S1", (0.20, 0.12), (1.5, 0.3), 0.045, 0.10, 0.12, 0.15), ("S2", (0.15, 0.10), (1, 0.3), 0.030, 0.10, 0.08, 0.15),
        ("H", (0.10, 0.08), (0.3, 0.15), 0.030, 0.08, 0.08, None),
    ],
)  # fmt: skip
def test_feeds_and_depths_are_those_of_the_table(
    group: str,
    feeds: tuple[float, float],
    depths: tuple[float, float],
    fz: float,
    face: float,
    drill: float,
    ream: float,
) -> None:
    data = GROUPS[group]
    assert (data.f_turn, data.ap_turn) == (feeds, depths)
    assert (data.fz_end_mill, data.fz_face_mill, data.f_drill, data.f_ream) == (fz, face, drill, ream)


@pytest.mark.requirement("QUO-29")
def test_an_operation_lasts_its_set_up_plus_quantity_times_run_and_loading() -> None:
    route = quote(part(BLOCK, 25)).lines[0].options[0].route
    for phase in route.phases:
        expected = phase.setup.value + 25 * (phase.run_min + phase.loading_min) + phase.per_batch_min
        assert phase.total_min(25) == pytest.approx(expected)
        if phase.cuts:
            assert phase.loading_min > 0
    packing = route.phases[-1]
    assert packing.operation_type == "packaging"
    assert packing.total_min(25) == pytest.approx(25 * 0.5 + 10)


@pytest.mark.requirement("QUO-37")
def test_critical_resources_are_listed_with_alternatives() -> None:
    busy = Availability(DAY, {"TF-1": DAY + timedelta(days=40)})
    own = replace(part(SHAFT), certificate_required=True)
    found = compute([own], replace(default_shop(), stock=()), QuoteRequest(DAY), busy).to_json()["lines"][0]
    gaps = {g["kind"]: g for g in found["resource_gaps"]}
    assert {"certified_material", "saturated_machine"} <= set(gaps)
    assert any("TOUR-1" in a for a in gaps["saturated_machine"]["alternatives"])
    assert all(g["alternatives"] for g in gaps.values())
    special = line(quote(part(BLOCK), shop=without(default_shop(), "AL-8H7")))
    tool = next(g for g in special["resource_gaps"] if g["kind"] == "tool")
    assert tool["price"] > 0
    assert tool["delay_days"] >= 1
    assert Decimal(str(tool["price"])) > 0
