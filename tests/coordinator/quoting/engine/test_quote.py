"""Whole quotes: operations a machinist accepts, gaps, prices, scenarios, robustness."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.part import Feature, ManualLine, ManualOperation, PartDescription
from coordinator.modules.quoting.engine.planning_simulation import Availability, BookedJob
from coordinator.modules.quoting.engine.quote import QuoteRequest, compute
from coordinator.modules.quoting.engine.shop import CuttingData, RateCard, Shop
from tests.coordinator.quoting.engine.samples import BLOCK, DAY, FLANGE, SHAFT, line, part, quote, without


def _codes(found: dict[str, Any]) -> list[str]:
    return [o["tool"] for o in found["operations"] if o["tool"]]


def _operation(found: dict[str, Any], text: str) -> dict[str, Any]:
    return next(o for o in found["operations"] if text in o["label"])


@pytest.mark.requirement("QUO-13")
def test_shaft_is_faced_roughed_finished_grooved_threaded_and_controlled() -> None:
    found = line(quote(part(SHAFT)))
    labels = [o["label"] for o in found["operations"]]
    wanted = [
        "Dressage",
        "Ébauche ext",
        "Finition ext",
        "Gorge",
        "Filetage",
        "Ébavurage",
        "Contrôle",
        "Emballage",
    ]
    positions = [next(i for i, text in enumerate(labels) if w in text) for w in wanted]
    assert positions == sorted(positions)
    assert {o["label"] for o in found["operations"] if "Gorge" in o["label"]} == {
        "Gorge 2 × Ø22",
        "Gorge 3 × Ø26",
    }
    thread = _operation(found, "Filetage")
    assert thread["passes"] == 10
    assert thread["feed_mm_min"] == pytest.approx(thread["n_rev_min"] * 2.5, rel=0.01)
    assert found["feasibility"] == "feasible"
    assert [o["sequence_no"] for o in found["operations"]] == list(range(10, 10 * len(labels) + 1, 10))


@pytest.mark.requirement("QUO-14")
def test_block_has_two_set_ups_on_three_axes_with_reamed_and_tapped_holes() -> None:
    found = line(quote(part(BLOCK)))
    machining = [o for o in found["operations"] if o["machine"] == "CU3-1"]
    assert len({o["phase_no"] for o in machining}) == 2
    assert _operation(found, "alésoir 4 × Ø8")["tool"] == "AL-8H7"
    assert _operation(found, "Taraudage 4 × M6x1 ")["tool"] == "TA-M6"
    assert _operation(found, "Lamage 2 × Ø11 × 6,5")["tool"] == "LAM-11"
    assert _operation(found, "Perçage 4 × Ø5")["tool"] == "FC-5"
    assert _operation(found, "Poche")["passes"] >= 1
    assert ["CU5-1"] in [a["machines"] for a in found["alternatives"]]
    assert found["alternatives"][0]["unit_cost"] > found["unit_cost"]


@pytest.mark.requirement("QUO-14")
def test_side_features_add_set_ups_on_three_axes_but_not_on_five() -> None:
    side = Feature("hole", diameter_mm=8.0, depth_mm=20.0, axis=(1.0, 0.0, 0.0))
    own = part(BLOCK)
    own = replace(own, features=(*own.features, side))
    three = line(quote(own, shop=without(default_shop(), "CU5-1")))
    five = line(quote(own, shop=without(default_shop(), "CU3-1")))
    assert len({o["phase_no"] for o in three["operations"] if o["machine"] == "CU3-1"}) == 3
    assert len({o["phase_no"] for o in five["operations"] if o["machine"] == "CU5-1"}) == 2


@pytest.mark.requirement("QUO-14")
def test_turn_mill_does_both_and_a_lathe_needs_a_second_machine() -> None:
    both = line(quote(part(FLANGE)))
    assert {o["machine"] for o in both["operations"] if o["tool"]} == {"TF-1"}
    assert _operation(both, "Rainure")["machine"] == "TF-1"
    split = line(quote(part(FLANGE), shop=without(default_shop(), "TF-1")))
    assert {o["machine"] for o in split["operations"] if o["tool"]} == {"TOUR-1", "CU3-1"}
    assert split["unit_cost"] > both["unit_cost"]


@pytest.mark.requirement("QUO-48")
def test_taking_a_machine_out_shows_in_operations_gaps_and_price() -> None:
    usual = line(quote(part(SHAFT)))
    lathe = line(quote(part(SHAFT), shop=without(default_shop(), "TF-1")))
    assert {o["machine"] for o in lathe["operations"] if o["tool"]} == {"TOUR-1"}
    assert lathe["unit_cost"] != usual["unit_cost"]
    none = quote(part(SHAFT), shop=without(default_shop(), "TF-1", "TOUR-1"))
    found = line(none)
    assert found["feasibility"] == "not_feasible"
    assert found["unit_price"] is None
    assert any("Aucune machine disponible pour cette opération." in w for w in found["warnings"])
    assert any("Sous-traitance" in a for g in found["resource_gaps"] for a in g["alternatives"])
    assert all(s.price_excl_tax is None for s in none.scenarios)


@pytest.mark.requirement("QUO-09")
def test_retired_machines_are_never_used() -> None:
    park = default_shop()
    machines = tuple(replace(m, status="retired") if m.code == "TF-1" else m for m in park.machines)
    found = line(quote(part(SHAFT), shop=replace(park, machines=machines)))
    assert "TF-1" not in {o["machine"] for o in found["operations"]}


@pytest.mark.requirement("QUO-18")
def test_taking_a_tool_out_shows_in_operations_gaps_and_price() -> None:
    usual = line(quote(part(BLOCK)))
    assert usual["resource_gaps"] == []
    found = line(quote(part(BLOCK), shop=without(default_shop(), "AL-8H7")))
    assert "AL-8H7" not in _codes(found)
    gap = next(g for g in found["resource_gaps"] if g["kind"] == "tool")
    assert "Alésoir Ø8" in gap["what"]
    assert found["unit_price"] > usual["unit_price"]
    other = line(quote(part(BLOCK), shop=without(default_shop(), "LAM-11")))
    assert "LAM-11" not in _codes(other)
    assert _operation(other, "Lamage")["tool"].startswith("FR-")


@pytest.mark.requirement("QUO-15")
def test_machine_limits_are_named() -> None:
    big = replace(part(BLOCK), size_mm=(700.0, 300.0, 60.0), volume_mm3=None, features=())
    found = line(quote(big))
    assert {o["machine"] for o in found["operations"] if o["tool"]} == {"CU3-1"}
    assert "hors courses" in found["rejected_machines"]["CU5-1"]
    park = default_shop()
    wide = replace(park.settings, cutting=replace(park.settings.cutting, travel_margin_mm=110.0))
    assert (
        "courses (− 110 mm)"
        in line(quote(big, shop=replace(park, settings=wide)))["rejected_machines"]["CU3-1"]
    )
    huge = line(quote(replace(big, size_mm=(1500.0, 300.0, 60.0))))
    assert huge["feasibility"] == "not_feasible"
    rough_machines = tuple(replace(m, attainable_it=9) if m.can_mill else m for m in park.machines)
    assert "IT7" in str(line(quote(part(BLOCK), shop=replace(park, machines=rough_machines)))["warnings"])


@pytest.mark.requirement("QUO-10")
def test_blank_priority_offcut_then_lot_then_purchase() -> None:
    shop = without(default_shop(), "TF-1")
    few = line(quote(part(SHAFT, 2), shop=replace(shop, machines=tuple(
        replace(m, bar_capacity_mm=None) for m in shop.machines))))  # fmt: skip
    assert few["blank"]["source"] == "chute CH-C45-45-A ×2"
    assert "lot B-C45-45" in line(quote(part(SHAFT, 30)))["blank"]["source"]
    bare = replace(default_shop(), stock=())
    bought = line(quote(part(SHAFT, 30), shop=bare))
    assert bought["blank"]["source"] == "achat barre Ø42 ×30"


@pytest.mark.requirement("QUO-10")
def test_certified_stock_only_for_lines_that_need_it() -> None:
    bar = part(FLANGE, 3)
    small = replace(
        bar, turned_profile=((0.0, 36.0), (40.0, 36.0)), volume_mm3=None, features=(), dimensions=()
    )
    plain = line(quote(small))
    assert "B-316L-40 " in plain["blank"]["source"]
    sure = line(quote(replace(small, certificate_required=True)))
    assert "B-316L-40-C" in sure["blank"]["source"]
    assert any(c["kind"] == "certificate" for c in sure["cost_breakdown"])
    none = line(quote(replace(small, certificate_required=True), shop=replace(default_shop(), stock=())))
    assert [g["kind"] for g in none["resource_gaps"]] == ["certified_material"]


@pytest.mark.requirement("QUO-11")
def test_blank_sizes() -> None:
    bare = replace(default_shop(), stock=())
    block = line(quote(part(BLOCK), shop=bare))["blank"]
    assert block["size_mm"] == [105, 65, 32]
    sawn = without(bare, "TF-1")
    sawn = replace(sawn, machines=tuple(replace(m, bar_capacity_mm=None) for m in sawn.machines))
    shaft = line(quote(part(SHAFT), shop=sawn))["blank"]
    assert shaft["size_mm"] == [42, 122]
    assert line(quote(part(SHAFT), shop=bare))["blank"]["size_mm"] == [42, 121]


@pytest.mark.requirement("QUO-27")
def test_safety_is_applied_once_on_machining_only() -> None:
    park = default_shop()
    times = replace(park.settings.times, time_safety_pct=0.0)
    plain = line(quote(part(SHAFT), shop=replace(park, settings=replace(park.settings, times=times))))
    safe = line(quote(part(SHAFT)))
    for a, b in zip(plain["operations"], safe["operations"], strict=True):
        assert b["setup_min"] == a["setup_min"]
        if a["tool"]:
            assert b["run_min"] == pytest.approx(1.1 * a["run_min"], rel=0.01)
            assert b["sources"]["run_min"]["inputs"]["dont sécurité"] > 0


@pytest.mark.requirement("QUO-28")
def test_set_up_counts_tools_that_are_not_in_the_machine() -> None:
    park = default_shop()
    away = replace(park, tools=tuple(replace(t, mounted_in=()) for t in park.tools))
    usual, more = line(quote(part(SHAFT))), line(quote(part(SHAFT), shop=away))
    setup = sum(o["setup_min"] for o in usual["operations"])
    longer = sum(o["setup_min"] for o in more["operations"])
    assert longer == setup + 3 * len(set(_codes(usual)))


@pytest.mark.requirement("QUO-49")
@pytest.mark.parametrize("kind", ["machine_hour", "programming", "material"])
def test_a_missing_rate_blocks_the_price_and_names_the_field(kind: str) -> None:
    park = default_shop()
    card = RateCard(tuple(r for r in park.rate_card.lines if r.kind != kind))
    found = quote(part(SHAFT, 200), shop=replace(park, rate_card=card, stock=()))
    shown = line(found)
    assert shown["unit_price"] is None
    assert any(f"kind={kind}" in q.text and q.field_name == f"rate_card.{kind}" for q in found.questions)
    assert found.scenarios[0].price_excl_tax is None


@pytest.mark.requirement("QUO-49")
def test_an_expired_rate_counts_as_missing_and_a_specific_one_wins() -> None:
    park = default_shop()
    expired = tuple(
        replace(r, valid_to=DAY - timedelta(days=1)) if r.kind == "machine_hour" else r
        for r in park.rate_card.lines
    )
    assert line(quote(part(SHAFT), shop=replace(park, rate_card=RateCard(expired))))["unit_price"] is None
    base = next(r for r in park.rate_card.lines if r.work_center == "Tournage-fraisage")
    dear = replace(base, work_center="", machine="TF-1", rate=Decimal(150))
    shop = without(replace(park, rate_card=RateCard((*park.rate_card.lines, dear))), "TOUR-1")
    usual = line(quote(part(SHAFT), shop=without(park, "TOUR-1")))
    assert line(quote(part(SHAFT), shop=shop))["unit_cost"] > usual["unit_cost"]


@pytest.mark.requirement("QUO-30")
def test_a_missing_rate_of_one_machine_leaves_the_others_usable() -> None:
    park = default_shop()
    lines = tuple(r for r in park.rate_card.lines if r.work_center != "Tournage-fraisage")
    found = line(quote(part(SHAFT), shop=replace(park, rate_card=RateCard(lines))))
    assert {o["machine"] for o in found["operations"] if o["tool"]} == {"TOUR-1"}
    assert found["unit_price"] is not None


@pytest.mark.requirement("QUO-34")
def test_three_scenarios_with_surcharge_discount_and_planning() -> None:
    busy = DAY + timedelta(days=20)
    planning = Availability(DAY, {"TF-1": busy}, (BookedJob("TF-1", "CMD-7", 600),))
    result = compute([part(SHAFT)], default_shop(), QuoteRequest(DAY), planning)
    standard, express, economic = result.scenarios
    assert [s.kind for s in result.scenarios] == ["standard", "express", "economic"]
    assert standard.delivery_date is not None
    assert express.delivery_date is not None
    assert economic.delivery_date is not None
    assert express.delivery_date < busy < standard.delivery_date <= economic.delivery_date
    assert standard.price_excl_tax is not None
    assert express.price_excl_tax is not None
    assert economic.price_excl_tax is not None
    assert economic.price_excl_tax < standard.price_excl_tax < express.price_excl_tax
    assert "CMD-7" in express.moved_orders or "TF-1" not in express.machines
    assert any(g.kind == "saturated_machine" and g.what == "TF-1" for g in result.lines[0].gaps)
    assert sum(s.recommended for s in result.scenarios) == 1


@pytest.mark.requirement("QUO-35")
def test_recommendation_follows_the_wished_date() -> None:
    def best(wished: date | None) -> str:
        result = compute(
            [part(SHAFT)],
            default_shop(),
            QuoteRequest(DAY, wished),
            Availability(DAY, {"TF-1": DAY + timedelta(days=20)}),
        )
        chosen = next(s for s in result.scenarios if s.recommended)
        assert chosen.reasons
        return chosen.kind

    assert best(None) == "standard"
    assert best(DAY + timedelta(days=60)) == "economic"
    assert best(DAY + timedelta(days=6)) == "express"


@pytest.mark.requirement("QUO-50")
def test_without_planning_the_date_is_to_confirm() -> None:
    assert all("à confirmer" in s.to_confirm[0] for s in quote(part(SHAFT)).scenarios)


@pytest.mark.requirement("QUO-51")
def test_a_bad_line_leaves_the_others_and_hides_the_total(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = replace(part(SHAFT), material="matière inconnue 77")
    result = quote(part(BLOCK), bad)
    shown = result.to_json()
    assert shown["lines"][0]["unit_price"] > 0
    assert shown["lines"][1]["unit_price"] is None
    assert shown["lines"][1]["error"]["code"] == "material_unknown"
    assert all(s["price_excl_tax"] is None for s in shown["scenarios"])
    broken = replace(part(SHAFT), turned_profile=((0.0, 20.0), (0.0, 20.0)))
    assert line(quote(broken, part(BLOCK)), 0)["error"]["code"] == "calculation_error"
    assert line(quote(broken, part(BLOCK)), 1)["unit_price"] > 0


@pytest.mark.requirement("QUO-47")
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"size_mm": (0.0, 60.0, 25.0)}, "Les dimensions doivent être positives."),
        ({"quantity": 0}, "La quantité doit être positive."),
        ({"material": ""}, "quelle est la matière"),
        ({"material": "bidule"}, "Matière inconnue"),
        ({"size_mm": None}, "dimensions hors tout"),
    ],
)
def test_bad_input_is_refused_in_french(changes: dict[str, Any], text: str) -> None:
    result = quote(replace(part(BLOCK), **changes))
    assert line(result)["unit_price"] is None
    assert text in result.questions[-1].text


@pytest.mark.requirement("QUO-07")
def test_manual_mode_costs_typed_operations() -> None:
    typed = ManualLine(
        (ManualOperation("turning", 6.0, 30.0, "TOUR-1"), ManualOperation("inspection", 1.0)), "12,50"
    )
    own = PartDescription(drawing_number="M-1", material="", quantity=10, programs_exist=True)
    result = quote(own, manual_lines={0: typed})
    found = line(result)
    amounts = {c["kind"]: c["amount"] for c in found["cost_breakdown"]}
    assert amounts["material"] == 125.0
    assert amounts["setup"] == 32.5
    assert amounts["turning"] == 65.0
    assert found["operations"][0]["sources"]["run_min"]["source"] == "manual"
    assert line(quote(own, manual_lines={0: ManualLine()}))["error"]["code"] == "operations_empty"


@pytest.mark.requirement("QUO-32")
def test_margins_of_every_scenario_hold_the_minimum() -> None:
    for scenario in quote(part(BLOCK), margin_pct=Decimal(0)).scenarios:
        assert scenario.margin_pct is not None
        assert scenario.margin_pct >= 15


@pytest.mark.requirement("QUO-33")
def test_minimum_order_value_is_shown_apart() -> None:
    own = replace(part(SHAFT, 1), programs_exist=True)
    park = default_shop()
    costs = replace(park.settings.costs, minimum_order_value=Decimal(1000))
    scenario = quote(own, shop=replace(park, settings=replace(park.settings, costs=costs))).scenarios[0]
    assert scenario.price_excl_tax == Decimal(1000)
    assert scenario.lines[0] is not None
    assert scenario.supplement == Decimal(1000) - scenario.lines[0].total


@pytest.mark.requirement("QUO-31")
def test_one_off_costs_can_be_shown_apart() -> None:
    park = default_shop()
    costs = replace(park.settings.costs, spread_one_off_costs=False)
    apart = (
        quote(part(SHAFT), shop=replace(park, settings=replace(park.settings, costs=costs)))
        .scenarios[0]
        .lines[0]
    )
    spread = quote(part(SHAFT)).scenarios[0].lines[0]
    assert apart is not None
    assert spread is not None
    assert apart.unit_price < spread.unit_price
    assert apart.one_off_price > 0
    assert abs(apart.total - spread.total) < Decimal("0.20")


def test_treatments_and_grinding_go_outside_or_ask() -> None:
    treated = line(quote(replace(part(SHAFT), treatments=("Trempe revenu 30 HRC", "Zingage"))))
    outside = [o["label"] for o in treated["operations"] if o["subcontracted"]]
    assert outside == ["Traitement : Trempe revenu 30 HRC", "Traitement : Zingage"]
    assert treated["unit_price"] is not None
    ground = quote(replace(part(SHAFT), smallest_ra_um=0.3))
    found = line(ground)
    assert found["feasibility"] == "subcontract"
    assert any(g["what"] == "Rectifieuse" for g in found["resource_gaps"])
    outside = next(o for o in found["operations"] if o["operation_type"] == "grinding")
    assert outside["subcontracted"]
    assert outside["cost"] >= 120 * 1.1
    shop = default_shop()
    lines = tuple(x for x in shop.rate_card.lines if x.activity_type != "grinding")
    without_rate = quote(
        replace(part(SHAFT), smallest_ra_um=0.3),
        shop=replace(shop, rate_card=replace(shop.rate_card, lines=lines)),
    )
    assert line(without_rate)["unit_price"] is None


def test_proven_method_data_are_used_for_their_drawing_only() -> None:
    proven = {"A-100": (CuttingData("turning_rough", vc_m_min=150),)}
    found = line(quote(part(SHAFT), method_data=proven))
    assert _operation(found, "Ébauche")["vc_m_min"] == 150
    assert _operation(found, "Ébauche")["sources"]["vc_m_min"]["source"] == "fiche méthode éprouvée"
    assert (
        _operation(line(quote(part(SHAFT), method_data={"X": proven["A-100"]})), "Ébauche")["vc_m_min"] == 180
    )


def test_price_breaks_and_json_are_plain() -> None:
    result = quote(part(SHAFT), price_break_quantities=(1, 100))
    shown = json.loads(json.dumps(result.to_json()))
    one, hundred = shown["lines"][0]["price_breaks"]
    assert one["unit_price"] > shown["lines"][0]["unit_price"] > hundred["unit_price"]
    keys = {"sequence_no", "operation_type", "machine", "tool", "passes", "vc_m_min", "n_rev_min", "feed_mm_min", "ap_mm",
            "ae_mm", "power_kw", "cut_min", "run_min", "setup_min", "cost", "sources"}  # fmt: skip
    assert all(keys <= set(o) for o in shown["lines"][0]["operations"])
    assert {"kind", "machining_min", "cost", "price_excl_tax", "margin_pct", "delivery_date", "lead_time_days",
            "recommended", "reasons"} <= set(shown["scenarios"][0])  # fmt: skip


def test_costs_of_the_breakdown_add_up() -> None:
    result = quote(part(BLOCK))
    total = result.lines[0].options[0].total
    found = line(result)
    assert sum(c["amount"] for c in found["cost_breakdown"]) == pytest.approx(float(total), abs=0.2)
    assert found["unit_cost"] == pytest.approx(float(total) / 10, abs=0.001)


SAMPLES = (SHAFT, BLOCK, FLANGE)


@pytest.mark.requirement("QUO-32")
@settings(max_examples=25, deadline=None)
@given(st.sampled_from(SAMPLES), st.integers(1, 60), st.integers(1, 60), st.integers(0, 60))
def test_more_pieces_never_cost_more_each_and_price_keeps_the_minimum(
    reading: dict[str, Any], a: int, b: int, margin: int
) -> None:
    few, many = sorted((a, b))
    shop = default_shop()
    small = quote(part(reading, few), shop=shop, margin_pct=Decimal(margin)).scenarios
    large = quote(part(reading, many), shop=shop, margin_pct=Decimal(margin)).scenarios
    cheap, dear = large[0].lines[0], small[0].lines[0]
    assert cheap is not None
    assert dear is not None
    assert cheap.unit_cost <= dear.unit_cost
    for scenario in (*small, *large):
        assert scenario.cost is not None
        assert scenario.price_excl_tax is not None
        assert scenario.price_excl_tax >= scenario.cost / (1 - Decimal("0.15")) - Decimal("0.01")


def test_the_same_input_gives_the_same_quote() -> None:
    first, second = quote(part(SHAFT), part(BLOCK)).to_json(), quote(part(SHAFT), part(BLOCK)).to_json()
    assert first == second


def test_order_of_the_shop_file_does_not_matter() -> None:
    park = default_shop()
    turned = Shop(
        park.machines[::-1], park.tools[::-1], park.supplier_items[::-1], park.stock[::-1], park.rate_card, park.calendar,
        park.settings,
    )  # fmt: skip
    assert quote(part(BLOCK), shop=turned).to_json() == quote(part(BLOCK)).to_json()


@pytest.mark.requirement("QUO-47")
def test_hardened_material_asks_for_the_data_no_table_has() -> None:
    hard = quote(replace(part(BLOCK), material="42CrMo4 52 HRC"))
    found = line(hard)
    assert found["unit_price"] is None
    assert found["feasibility"] == "unknown"
    assert any(q.field_name == "cutting_data" for q in hard.questions)
