"""Several parts per clamping, bar feeder, driven tools: what is shared over the parts and what limits a live tool."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.part import Dimension, Feature, PartDescription
from coordinator.modules.quoting.engine.shop import Machine, Shop
from coordinator.modules.quoting.verification.bench import compare
from tests.coordinator.quoting.engine.samples import BLOCK, FLANGE, line, part, quote, without

DOWN = (0.0, 0.0, -1.0)


def small_block(quantity: int, **changes: Any) -> PartDescription:
    holes = Feature("hole", diameter_mm=6.0, depth_mm=12.0, through=True, count=2, axis=DOWN)
    pocket = Feature("pocket", length_mm=16.0, width_mm=12.0, depth_mm=5.0, corner_radius_mm=3.0, axis=DOWN)
    return PartDescription(
        material="EN AW-7075", quantity=quantity, size_mm=(35.0, 22.0, 12.0), features=(holes, pocket), form="prismatic",
        general_tolerance="ISO 2768-mK", **changes,
    )  # fmt: skip


def on_three_axes() -> Shop:
    return without(default_shop(), "CU5-1")


def milling(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [o for o in found["operations"] if o["machine"] == "CU3-1"]


def minutes(found: dict[str, Any], quantity: int) -> float:
    return sum(
        float(o["setup_min"]) + quantity * (float(o["run_min"]) + float(o["loading_min"]))
        for o in milling(found)
    )


@pytest.mark.requirement("QUO-28", "QUO-29")
def test_small_parts_of_a_batch_share_the_clamping() -> None:
    alone = line(quote(small_block(200, parts_per_clamping=1), shop=on_three_axes()))
    chosen = line(quote(small_block(200), shop=on_three_axes()))
    own = milling(chosen)
    assert {o["parts_per_clamping"] for o in own} == {4}
    assert "4 pièces par bridage" in own[0]["workholding"]
    assert minutes(chosen, 200) < minutes(alone, 200)
    before, after = milling(alone)[1], own[1]
    saved = before["sources"]["run_min"]["inputs"]["changement d'outil"]
    assert after["sources"]["run_min"]["inputs"]["changement d'outil"] == pytest.approx(saved / 4, abs=1e-4)
    assert after["sources"]["run_min"]["inputs"]["pièces par bridage"] == 4
    told = own[0]["sources"]["loading_min"]
    assert told["value"] == pytest.approx(0.5 * 0.6 + 0.5 * 0.4 / 4)
    assert own[0]["sources"]["setup_min"]["inputs"]["places supplémentaires"] == 3


def test_one_part_is_clamped_alone_and_a_person_decides_otherwise() -> None:
    assert {o["parts_per_clamping"] for o in milling(line(quote(small_block(1), shop=on_three_axes())))} == {
        1
    }
    typed = line(quote(small_block(200, parts_per_clamping=2), shop=on_three_axes()))
    assert {o["parts_per_clamping"] for o in milling(typed)} == {2}


def test_travels_limit_the_parts_of_a_clamping() -> None:
    shop = on_three_axes()
    machines = tuple(
        replace(m, travel_x_mm=100.0, travel_y_mm=120.0) if m.code == "CU3-1" else m for m in shop.machines
    )
    found = line(quote(small_block(200, parts_per_clamping=12), shop=replace(shop, machines=machines)))
    assert {o["parts_per_clamping"] for o in milling(found)} == {1}
    assert any("12 pièces par bridage demandées, 1 possible" in w for w in found["warnings"])
    heavy = line(quote(part(BLOCK, 50, size_mm=(180.0, 160.0, 60.0), volume_mm3=None), shop=shop))
    assert {o["parts_per_clamping"] for o in milling(heavy)} == {1}


def test_a_shop_without_free_places_still_clamps_one() -> None:
    shop = on_three_axes()
    none = replace(shop.settings, times=replace(shop.settings.times, parts_per_clamping_max=0))
    assert {
        o["parts_per_clamping"]
        for o in milling(line(quote(small_block(50), shop=replace(shop, settings=none))))
    } == {1}


def test_a_nonsense_number_of_parts_is_refused() -> None:
    found = quote(small_block(10, parts_per_clamping=0)).to_json()
    assert found["lines"][0]["error"]["code"] == "quantity_not_positive"


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_the_shared_clamping_holds_against_its_program(parts: int) -> None:
    own = small_block(40, parts_per_clamping=parts)
    found = quote(own, shop=on_three_axes())
    assert abs(compare("bloc", own, found.lines[0].options[0]).gap_pct) < 15


def test_the_bar_feeder_and_its_bars_are_loading_that_explains_itself() -> None:
    pin = PartDescription(
        material="C45", quantity=100, size_mm=(10.0, 10.0, 30.0), turned_profile=((0.0, 10.0), (30.0, 10.0)),
        general_tolerance="ISO 2768-mK",
    )  # fmt: skip
    found = line(quote(pin))
    assert found["blank"]["bar_fed"]
    first = next(o for o in found["operations"] if o["tool"])
    told = first["sources"]["loading_min"]
    assert told["inputs"]["changement de barre"] == 2.0
    assert told["inputs"]["pièces par barre"] == found["blank"]["per_bar"]
    assert first["loading_min"] == pytest.approx(told["value"], abs=1e-4)


def live_shop(**limits: Any) -> Shop:
    shop = without(default_shop(), "TOUR-1", "CU3-1", "CU5-1")
    return replace(
        shop, machines=tuple(replace(m, **limits) if m.code == "TF-1" else m for m in shop.machines)
    )


def live_cuts(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        o
        for o in found["operations"]
        if o["label"].startswith(("Rainure", "Perçage 3", "Pointage 3", "Taraudage 3"))
    ]


@pytest.mark.requirement("QUO-15", "QUO-21")
def test_driven_tools_have_their_own_limits() -> None:
    strong = live_cuts(line(quote(part(FLANGE), shop=live_shop())))
    slow = live_cuts(line(quote(part(FLANGE), shop=live_shop(driven_tool_max_rpm=1500))))
    assert strong
    assert len(strong) == len(slow)
    assert all(o["n_rev_min"] <= 1500 for o in slow)
    limited = next(o for o in slow if o["n_rev_min"] == 1500)
    assert limited["sources"]["n_rev_min"]["source"] == "limité : n max outils tournants TF-1"
    slow_line = line(quote(part(FLANGE), shop=live_shop(driven_tool_max_rpm=600)))
    turned = next(o for o in slow_line["operations"] if o["label"] == "Finition extérieure")
    assert turned["n_rev_min"] > 600
    weak = line(quote(part(FLANGE), shop=live_shop(driven_tool_power_kw=0.5)))
    powers = [o["power_kw"] for o in live_cuts(weak) if o["power_kw"]]
    assert powers
    assert max(powers) <= 0.8 * 0.5 + 1e-6
    assert sum(o["run_min"] for o in live_cuts(weak)) > sum(o["run_min"] for o in strong)


def test_a_hopelessly_weak_driven_tool_leaves_the_machine_out() -> None:
    found = line(quote(part(FLANGE), shop=live_shop(driven_tool_torque_nm=0.05)))
    assert found["feasibility"] == "not_feasible"
    assert any("outils tournants TF-1" in why for why in found["rejected_machines"].values())


def test_unknown_driven_tools_are_told() -> None:
    shop = live_shop(driven_tool_power_kw=None, driven_tool_torque_nm=None, driven_tool_max_rpm=None)
    found = line(quote(part(FLANGE), shop=shop))
    assert any("puissance, couple, vitesse des outils tournants" in w for w in found["warnings"])
    assert not any("outils tournants" in w for w in line(quote(part(FLANGE), shop=live_shop()))["warnings"])
    assert Machine("X", "X", "mill_turn", max_spindle_rpm=4000).with_driven_tools().max_spindle_rpm == 4000


def test_the_spindle_of_a_small_fast_part_takes_its_time() -> None:
    """A thin bush at high revolutions spends more on spindle ramps than on cutting."""
    bore = Feature("bore", diameter_mm=16.0, depth_mm=6.0, through=True, is_coaxial=True, it=9, ra_um=1.6)
    bush = PartDescription(
        material="PEEK", quantity=100, size_mm=(24.0, 24.0, 6.0), turned_profile=((0.0, 24.0), (6.0, 24.0)), features=(bore,),
        volume_mm3=math.pi / 4 * (24**2 - 16**2) * 6, general_tolerance="ISO 2768-mK", smallest_ra_um=1.6,
        dimensions=(Dimension("Ø24 h9", "diameter", 24.0, it=9),),
    )  # fmt: skip
    found = quote(bush)
    told = [o["sources"]["run_min"]["inputs"] for o in line(found)["operations"] if o["tool"]]
    assert any(t.get("dont mise en vitesse de broche", 0) > 0 for t in told)
    assert abs(compare("bague", bush, found.lines[0].options[0]).gap_pct) < 15
