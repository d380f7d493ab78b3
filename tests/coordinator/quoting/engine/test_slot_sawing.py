"""Narrow deep slots: a slitting saw where it passes right through, an end mill elsewhere."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from coordinator.modules.catalogue.engine.tool_catalogue import kind_of
from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.part import Feature
from coordinator.modules.quoting.engine.quote import QuoteResult
from coordinator.modules.quoting.engine.shop import Tool
from coordinator.modules.quoting.verification.bench import compare
from tests.coordinator.quoting.engine.samples import BLOCK, line, part, quote

pytestmark = pytest.mark.requirement("QUO-13", "QUO-18")
SIZE = (100.0, 60.0, 40.0)
SAW = Tool(
    "FS-80",
    "Fraise-scie Ø80 × 2",
    "slitting_saw",
    80.0,
    teeth=40,
    width_mm=2.0,
    substrate="hss",
    price=Decimal(45),
)


def _result(tool: Tool | None = SAW, **slot: Any) -> QuoteResult:
    park = default_shop()
    feature = Feature("slot", **{"width_mm": 2.0, "depth_mm": 20.0, "length_mm": 60.0, **slot})
    described = replace(part(BLOCK, 4), size_mm=SIZE, features=(feature,), volume_mm3=None)
    tools = park.tools if tool is None else (*park.tools, tool)
    return quote(described, shop=replace(park, tools=tools))


def _operations(tool: Tool | None = SAW, **slot: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = line(_result(tool, **slot))["operations"]
    return [o for o in found if "ainure" in o["label"]]


def test_a_saw_passes_through_a_narrow_deep_slot() -> None:
    (sawn,) = _operations(count=3)
    assert sawn["label"] == "Sciage de rainure 2 × 60 × 20"
    assert sawn["tool"] == "FS-80"
    inputs = sawn["sources"]["cut_min"]["inputs"]
    way = 60 + 2 * math.sqrt(20 * (80 - 20)) + 4
    assert (inputs["passes"], inputs["prise"], inputs["voies"]) == (1, 20, 1)
    assert sawn["cut_min"] == pytest.approx(3 * way / inputs["Vf"], rel=1e-3)


@pytest.mark.parametrize(
    "slot",
    [
        {"length_mm": 30.0},
        {"width_mm": 8.0},
        {"depth_mm": 6.0},
        {"it": 8},
    ],
    ids=["ends in the part", "wide", "shallow", "toleranced"],
)
def test_other_slots_are_milled(slot: dict[str, Any]) -> None:
    assert not any("Sciage" in o["label"] for o in _operations(**slot))


def test_a_wider_slot_takes_lanes_and_a_deep_one_passes() -> None:
    (wide,) = _operations(width_mm=3.0)
    assert wide["sources"]["cut_min"]["inputs"]["voies"] == 2
    (deep,) = _operations(depth_mm=25.0)
    assert deep["sources"]["cut_min"]["inputs"]["passes"] == 2


def test_a_saw_too_small_or_missing_is_asked_for() -> None:
    small = replace(SAW, code="FS-50", diameter_mm=50.0)
    for tool in (small, None):
        (sawn,) = _operations(tool)
        assert sawn["tool_origin"] != "stock"
        assert "Fraise-scie" in sawn["tool"]


def test_the_program_of_the_sawing_takes_the_quoted_time() -> None:
    found = _result(count=3).lines[0]
    compared = compare("rainures", found.part, found.options[0])
    assert abs(compared.gap_pct) < 15, compared


@pytest.mark.parametrize("words", ["Fraise-scie HSS Ø80 x 2", "Metallkreissäge 80x2", "Slitting saw 80 x 2"])
def test_a_suppliers_words_name_the_kind(words: str) -> None:
    assert kind_of(words) == "slitting_saw"


def test_a_t_slot_takes_a_t_slot_cutter_not_an_end_mill_from_above() -> None:
    result = _result(form="undercut", width_mm=22.0, depth_mm=8.0, length_mm=100.0, count=2)
    [found] = result.lines
    assert found.route is not None
    cuts = [c for p in found.route.phases for c in p.cuts if "22 × 100 × 8" in c.label]
    assert [c.choice.tool.tool_type for c in cuts if c.choice] == ["t_slot_mill"]
    assert cuts[0].feed_mm_min is not None
    assert cuts[0].cut_min.value == pytest.approx(2 * (100 + 22 + 4) / cuts[0].feed_mm_min.value, rel=0.01)
    assert any("Fraise à rainure en T" in gap.what for gap in found.gaps)
    assert kind_of("Fraise pour rainures en T Ø22 DIN 851") == "t_slot_mill"
