"""Other trades' calculators (QUO-42): formulas, switched off by default, in a quote."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import pytest

from coordinator.modules.quoting.engine import trades
from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.part import PartDescription
from coordinator.modules.quoting.engine.settings import TradeSettings
from coordinator.modules.quoting.engine.shop import Machine, RateCard, RateCardLine, Shop
from coordinator.modules.quoting.engine.trades import TradeOperation, compute
from coordinator.modules.quoting.engine.values import QuotingError
from tests.coordinator.quoting.engine.samples import line, quote

ALL = TradeSettings(active=trades.TRADES)
pytestmark = pytest.mark.requirement("QUO-42")


def run(trade: str, group: str = "P1", process: str = "", **sizes: float) -> float:
    return compute(TradeOperation(trade, sizes, process), group, ALL).run.value


def test_each_formula_by_hand() -> None:
    assert run("welding", length_mm=300, passes=2) == pytest.approx(300 * 2 / 350 / 0.4 + 4 * 0.15)
    assert run("cutting", length_mm=2000, thickness_mm=8) == pytest.approx(2000 / 2000 + 0.01 + 0.08)
    assert run("bending", bends=6, length_mm=500, turns=2) == pytest.approx(6 * 0.4 + 2 * 0.2)
    wire = run("wire_edm", length_mm=120, height_mm=30, finish_passes=2)
    assert wire == pytest.approx(120 * 30 / 120 * (1 + 2 * 0.35) + 2)
    assert run("moulding", cycle_s=30, cavities=4) == pytest.approx(30 / 60 / 4 / 0.98)


def test_thicker_longer_and_harder_take_longer() -> None:
    thin = [run("cutting", length_mm=1000, thickness_mm=t) for t in (1, 1.5, 2, 3, 4, 6, 8, 12, 15, 20, 25)]
    assert thin == sorted(thin)
    assert run("cutting", "M1", length_mm=1000, thickness_mm=5) > run(
        "cutting", length_mm=1000, thickness_mm=5
    )
    assert run("welding", process="tig", length_mm=100) > run("welding", process="mig", length_mm=100)


def test_a_trade_works_only_if_ticked_and_with_its_values() -> None:
    operation = TradeOperation("welding", {"length_mm": 100})
    with pytest.raises(QuotingError, match="pas coché") as off:
        compute(operation, "P1", TradeSettings())
    assert off.value.code == "trade_inactive"
    for sizes, code in (({}, "value_missing"), ({"length_mm": 0}, "dimension_not_positive"),
                        ({"length_mm": math.nan}, "dimension_not_positive")):  # fmt: skip
        with pytest.raises(QuotingError) as bad:
            compute(TradeOperation("welding", sizes), "P1", ALL)
        assert bad.value.code == code
    with pytest.raises(QuotingError, match="épaisseur"):
        run("cutting", length_mm=10, thickness_mm=60)
    with pytest.raises(QuotingError, match="procédé"):
        run("cutting", process="ciseaux", length_mm=10, thickness_mm=1)


def _sheet_shop() -> Shop:
    park = default_shop()
    machines = (
        *park.machines,
        Machine("LASER", "Laser", "other", "Découpe"),
        Machine("PLI", "Presse plieuse", "press", "Pliage"),
    )
    rates = (*park.rate_card.lines, RateCardLine("machine_hour", Decimal(95), work_center="Découpe"),
             RateCardLine("machine_hour", Decimal(60), work_center="Pliage"))  # fmt: skip
    return replace(
        park, machines=machines, rate_card=RateCard(rates), settings=replace(park.settings, trades=ALL)
    )


def test_a_bent_sheet_is_quoted_without_machining() -> None:
    sheet = PartDescription(
        drawing_number="T-1", material="S235", quantity=20, size_mm=(200.0, 120.0, 3.0), form="trades",
        trade_operations=(TradeOperation("cutting", {"length_mm": 900, "thickness_mm": 3, "pierces": 5}),
                          TradeOperation("bending", {"bends": 4, "length_mm": 200})),
    )  # fmt: skip
    found = line(quote(sheet, shop=_sheet_shop()))
    kinds = [o["operation_type"] for o in found["operations"]]
    assert kinds[:3] == ["deburring", "cutting", "bending"] or kinds[:2] == ["cutting", "bending"]
    assert found["unit_price"] > 0
    assert {o["machine"] for o in found["operations"]} >= {"LASER", "PLI"}
    assert found["operations"][kinds.index("bending")]["sources"]["run_min"]["inputs"]["plis"] == 4


def test_a_missing_machine_means_subcontracting_and_an_unticked_trade_blocks_the_line() -> None:
    sheet = PartDescription(
        drawing_number="T-2", material="S235", quantity=5, size_mm=(200.0, 120.0, 3.0), form="trades",
        trade_operations=(TradeOperation("welding", {"length_mm": 400}),),
    )  # fmt: skip
    park = default_shop()
    off = line(quote(sheet, shop=park))
    assert off["error"]["code"] == "trade_inactive"
    outside = line(quote(sheet, shop=replace(park, settings=replace(park.settings, trades=ALL))))
    assert any(g["what"] == "Soudage" for g in outside["resource_gaps"])
    assert outside["feasibility"] == "subcontract"
