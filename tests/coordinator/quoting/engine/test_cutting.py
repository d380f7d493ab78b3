"""Cutting data, formulas, limits: the reference values of the requirement and what bounds them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from coordinator.modules.quoting.engine import cutting
from coordinator.modules.quoting.engine.cutting_tables import GROUPS
from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.holes import Hole, drill, tap
from coordinator.modules.quoting.engine.milled_shapes import PocketMilling, SlotMilling
from coordinator.modules.quoting.engine.shop import CuttingData, Shop
from coordinator.modules.quoting.engine.turning import FinishTurning, RoughTurning, Segment, ThreadTurning
from coordinator.modules.quoting.engine.values import InfeasibleError, QuotingError


def context(
    machine: str, group: str = "P2", shop: Shop | None = None, quantity: int = 10, **extra: object
) -> cutting.Context:
    park = shop or default_shop()
    found = next(m for m in park.machines if m.code == machine)
    return cutting.Context(GROUPS[group], "C45E", found, park, quantity, **extra)  # type: ignore[arg-type]


@pytest.mark.requirement("QUO-26")
def test_c45_bar_50_to_44_by_70() -> None:
    ctx = context("TOUR-1")
    (rough,) = RoughTurning(((50, 45, 70),)).cuts(ctx)
    assert rough.passes == 1
    assert rough.ap_mm is not None
    assert rough.ap_mm.value == pytest.approx(2.5, rel=0.01)
    assert rough.n_rev_min is not None
    assert rough.n_rev_min.value == pytest.approx(1146, rel=0.01)
    assert rough.cut_min.value == pytest.approx(0.209, rel=0.01)
    assert rough.power_kw is not None
    assert rough.power_kw.value == pytest.approx(5.17, rel=0.01)
    (finish,) = FinishTurning((Segment(44, 70),), 0.5).cuts(ctx)
    assert finish.n_rev_min is not None
    assert finish.n_rev_min.value == pytest.approx(1698, rel=0.01)
    assert finish.cut_min.value == pytest.approx(0.353, rel=0.01)


@pytest.mark.requirement("QUO-26")
def test_drill_10_by_30_and_tap_m8_by_16() -> None:
    ctx = context("CU3-1")
    hole = drill(ctx, 10, 30, 1)
    assert hole.n_rev_min is not None
    assert hole.feed_mm_min is not None
    assert hole.n_rev_min.value == pytest.approx(2706, rel=0.01)
    assert hole.feed_mm_min.value == pytest.approx(487, rel=0.01)
    assert hole.cut_min.value == pytest.approx(0.072, rel=0.01)
    thread = tap(ctx, 8, 1.25, 16, 1)
    assert thread.n_rev_min is not None
    assert thread.n_rev_min.value == pytest.approx(477, rel=0.01)
    assert thread.cut_min.value == pytest.approx(0.066, rel=0.01)


@pytest.mark.requirement("QUO-21")
def test_a_weak_machine_takes_less_depth_and_stays_under_its_power() -> None:
    park = default_shop()
    weak = replace(next(m for m in park.machines if m.code == "TOUR-1"), spindle_power_kw=4.0)
    shop = replace(park, machines=(weak,))
    (strong,) = RoughTurning(((60, 48, 80),)).cuts(context("TOUR-1"))
    (cut,) = RoughTurning(((60, 48, 80),)).cuts(context("TOUR-1", shop=shop))
    assert cut.power_kw is not None
    assert strong.power_kw is not None
    assert strong.power_kw.value > 0.8 * 4.0
    assert cut.power_kw.value <= 0.8 * 4.0 + 1e-9
    assert cut.passes > strong.passes
    assert cut.warnings
    tiny = replace(park, machines=(replace(weak, spindle_power_kw=0.2),))
    with pytest.raises(InfeasibleError):
        RoughTurning(((60, 48, 80),)).cuts(context("TOUR-1", shop=tiny))


@pytest.mark.requirement("QUO-20")
def test_spindle_speed_and_feed_never_exceed_machine_or_tool() -> None:
    park = default_shop()
    slow = replace(
        next(m for m in park.machines if m.code == "CU3-1"), max_spindle_rpm=3000, max_feed_mm_min=300
    )
    shop = replace(park, machines=(slow,))
    for cut in SlotMilling(40, 8, 5).cuts(context("CU3-1", "N1", shop)):
        assert cut.n_rev_min is not None
        assert cut.feed_mm_min is not None
        assert cut.n_rev_min.value == 3000
        assert "CU3-1" in cut.n_rev_min.source
        assert cut.feed_mm_min.value <= 300


@pytest.mark.requirement("QUO-16")
def test_finishing_passes_and_feed_follow_tolerance_and_roughness() -> None:
    rules = default_shop().settings.cutting
    assert cutting.finish_passes(rules, 12, 6.3) == 0
    assert cutting.finish_passes(rules, 9, 3.2) == 1
    assert cutting.finish_passes(rules, 7, 3.2) == 2
    assert cutting.finish_passes(rules, 9, 0.8) == 2
    assert cutting.finish_passes(rules, 9, 3.2, 0.01) == 2
    assert cutting.finish_feed_limit(0.8, 0.8) == pytest.approx(0.1431, rel=0.01)
    (cut,) = FinishTurning((Segment(44, 70, 9, 0.4),), 0.5).cuts(context("TOUR-1"))
    assert cut.feed is not None
    assert cut.feed.value == pytest.approx((32 * 0.8 * 0.4 / 1000) ** 0.5)


@pytest.mark.requirement("QUO-16")
def test_roughing_passes_are_the_ceiling_of_stock_by_depth() -> None:
    (cut,) = RoughTurning(((60, 40, 50),)).cuts(context("TOUR-1"))
    assert cut.passes == 4
    (steel,) = RoughTurning(((60, 40, 50),)).cuts(context("TOUR-1", "M1"))
    assert steel.passes == 5


def _kinds(cuts: list[cutting.Cut]) -> list[str]:
    return [c.choice.tool.tool_type for c in cuts if c.choice]


@pytest.mark.requirement("QUO-17")
def test_hole_chain_by_tolerance() -> None:
    ctx = context("CU3-1")
    assert _kinds(Hole(10, 20, True, 12).cuts(ctx)) == ["drill"]
    assert _kinds(Hole(10, 20, True, 9).cuts(ctx)) == ["drill", "end_mill"]
    reamed = Hole(10, 20, True, 7).cuts(ctx)
    assert _kinds(reamed) == ["drill", "reamer"]
    assert reamed[0].choice is not None
    assert reamed[0].choice.tool.diameter_mm == pytest.approx(9.8)
    assert _kinds(Hole(35, 20, True, 7).cuts(ctx))[-1] == "boring_head"
    assert _kinds(Hole(6, 12, True, pitch_mm=1.0).cuts(ctx)) == ["spot_drill", "drill", "countersink", "tap"]
    assert _kinds(Hole(12, 40, False, pitch_mm=1.75).cuts(ctx))[-1] == "thread_mill"
    assert _kinds(Hole(6.6, 20, True, counterbores=((11, 6),)).cuts(ctx)) == ["drill", "counterbore"]


@pytest.mark.requirement("QUO-17")
def test_deep_holes_peck() -> None:
    ctx = context("CU3-1")
    shallow, deep = drill(ctx, 10, 49, 1), drill(ctx, 10, 51, 1)
    per_mm = (deep.cut_min.value / 56) / (shallow.cut_min.value / 54)
    assert per_mm == pytest.approx(1.5, rel=0.01)


@pytest.mark.requirement("QUO-18")
def test_drill_to_buy_is_hss_for_few_soft_holes_and_carbide_for_stainless() -> None:
    park = replace(default_shop(), tools=tuple(t for t in default_shop().tools if t.tool_type != "drill"))
    few = drill(context("CU3-1", "P2", park, 2), 9.0, 20, 4)
    assert few.choice is not None
    assert few.choice.tool.substrate == "hss"
    assert few.choice.origin == "supplier"
    assert few.choice.gap is not None
    assert few.choice.gap.price_eur == pytest.approx(4 + 1.6 * 9)
    hard = drill(context("CU3-1", "M1", park, 2), 9.0, 20, 4)
    assert hard.choice is not None
    assert hard.choice.tool.substrate == "carbide"
    nowhere = drill(context("CU3-1", "M1", replace(park, supplier_items=()), 2), 9.0, 20, 4)
    assert nowhere.choice is not None
    assert nowhere.choice.origin == "ask"
    assert "Ø9" in nowhere.choice.tool.name


@pytest.mark.requirement("QUO-18")
def test_a_tool_without_reach_material_or_life_is_not_taken() -> None:
    park = default_shop()

    def with_drill(**changes: object) -> str:
        tools = tuple(replace(t, **changes) if t.code == "FC-10" else t for t in park.tools)  # type: ignore[arg-type]
        choice = drill(context("CU3-1", shop=replace(park, tools=tools)), 10, 30, 1).choice
        assert choice is not None
        return choice.tool.code

    assert with_drill() == "FC-10"
    assert with_drill(usable_length_mm=31.0) != "FC-10"
    assert with_drill(iso513_groups=("N",)) != "FC-10"
    assert with_drill(remaining_life_min=0.0) != "FC-10"
    assert with_drill(holder_interface="HSK63") != "FC-10"


@pytest.mark.requirement("QUO-19")
def test_source_order_method_sheet_then_tool_record_then_tables() -> None:
    park = default_shop()

    def vc(records: tuple[CuttingData, ...], method: tuple[CuttingData, ...] = ()) -> tuple[float, str]:
        tools = tuple(replace(t, cutting_data=records) if t.code == "FC-10" else t for t in park.tools)
        cut = drill(context("CU3-1", shop=replace(park, tools=tools), method_data=method), 10, 30, 1)
        assert cut.vc_m_min is not None
        return cut.vc_m_min.value, cut.vc_m_min.source

    proposed = CuttingData("drilling", "P", vc_m_min=120, source="supplier", status="proposed")
    accepted = CuttingData("drilling", "P", vc_m_min=110, source="supplier")
    own = CuttingData("drilling", "P", vc_m_min=100, source="manual")
    rejected = CuttingData("drilling", "P", vc_m_min=500, source="supplier", status="rejected")
    other = CuttingData("drilling", "N", vc_m_min=400)
    assert vc(()) == (85, "table foret carbure, groupe P2")
    assert vc((rejected, other))[0] == 85
    assert vc((proposed,))[0] == 120
    assert "proposé" in vc((proposed,))[1]
    assert vc((proposed, accepted))[0] == 110
    assert vc((proposed, accepted, own))[0] == 100
    assert vc((own,), (CuttingData("drilling", vc_m_min=90),)) == (90, "fiche méthode éprouvée")


@pytest.mark.requirement("QUO-25")
def test_scaling_rules() -> None:
    (drilled,) = Hole(5, 10, True, 12).cuts(context("CU3-1"))
    assert drilled.feed is not None
    assert drilled.feed.value == pytest.approx(0.18 * 0.5**0.7)
    rough, _ = PocketMilling(60, 40, 10, 5).cuts(context("CU3-1"))
    assert rough.choice is not None
    d = rough.choice.tool.diameter_mm
    assert d is not None
    assert rough.feed is not None
    assert rough.feed.value == pytest.approx(0.05 * (d / 10) ** 0.85)
    assert rough.ae_mm is not None
    assert rough.ae_mm.value <= 0.35 * d + 1e-9
    (thread,) = ThreadTurning(20, 2.5, 25).cuts(context("TOUR-1"))
    assert thread.passes == 10
    assert thread.vc_m_min is not None
    assert thread.vc_m_min.value == pytest.approx(0.7 * 180)


def test_cast_aluminium_halves_the_speed() -> None:
    normal = drill(context("CU3-1", "N1"), 10, 20, 1)
    cast = drill(context("CU3-1", "N1", is_cast_aluminium=True), 10, 20, 1)
    assert normal.vc_m_min is not None
    assert cast.vc_m_min is not None
    assert cast.vc_m_min.value == pytest.approx(normal.vc_m_min.value / 2)


@pytest.mark.requirement("QUO-47")
def test_no_speed_is_invented_for_a_group_without_one() -> None:
    with pytest.raises(QuotingError, match="Aucune vitesse"):
        tap(context("CU3-1", "H"), 8, 1.25, 16, 1)


def test_every_value_tells_formula_inputs_and_source() -> None:
    cut = drill(context("CU3-1"), 10, 30, 2)
    for value in (cut.vc_m_min, cut.n_rev_min, cut.feed, cut.feed_mm_min, cut.power_kw, cut.cut_min):
        assert value is not None
        shown = value.to_json()
        assert shown["source"]
        assert shown["formula"]
        assert shown["unit"]
    assert cut.cut_min.inputs["trous"] == 2.0
    assert isinstance(cut.choice.tool.price if cut.choice else None, Decimal)
