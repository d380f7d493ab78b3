"""Unusual parts never give a silent price: every doubt is a question, an impossible reading blocks (QUO-06)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.part import Feature, PartDescription
from tests.coordinator.quoting.engine.samples import BLOCK, FLANGE, SHAFT, part, quote
from tests.coordinator.quoting.engine.test_bars import fitting, profile_part, ring

DOWN = (0.0, 0.0, -1.0)


def prism(
    size: tuple[float, float, float], volume: float | None = None, *features: Feature, **changes: Any
) -> PartDescription:
    return PartDescription(
        **{"material": "C45", "quantity": 10, "general_tolerance": "ISO 2768-mK", "form": "prismatic"} | changes,
        size_mm=size, volume_mm3=volume, features=features,
    )  # fmt: skip


def hole(diameter: float, depth: float, **changes: Any) -> Feature:
    return Feature("hole", diameter_mm=diameter, depth_mm=depth, axis=DOWN, **changes)


def asked(own: PartDescription) -> dict[str, bool]:
    """Codes of the questions with whether they block, without what a usual part asks too."""
    found = quote(own).to_json()["questions"]
    return {q["code"]: q["blocking"] for q in found if q["code"] not in ("assumption", "tool_price")}


@pytest.mark.parametrize(
    "own",
    [part(SHAFT), part(BLOCK), part(FLANGE), part(fitting()), ring(90.0, 64.0, 28.0), profile_part(4.0)],
)
def test_usual_parts_raise_no_doubt(own: PartDescription) -> None:
    assert asked(own) == {}


@pytest.mark.requirement("QUO-06")
@pytest.mark.parametrize(
    ("own", "code", "blocks"),
    [
        (prism((150.0, 100.0, 60.0), 1_572_000.0), "volume_impossible", True),
        (prism((60.0, 60.0, 60.0), 152_000.0, *[Feature("pocket", length_mm=40.0, width_mm=40.0, depth_mm=40.0, count=2, axis=DOWN)] * 3), "shapes_overlap", True),
        (prism((40.0, 40.0, 40.0), 33_500.0), "shapes_unknown", False),
        (prism((120.0, 60.0, 60.0), 21_400.0, Feature("step", length_mm=118.0, width_mm=60.0, depth_mm=58.0, axis=DOWN)), "mostly_chips", False),
        (prism((200.0, 100.0, 1.0), 20_000.0), "sheet_metal", False),
        (prism((0.6, 0.4, 0.2), 0.048), "unit_doubt", False),
        (prism((80.0, 60.0, 20.0)), "no_shape", False),
        (prism((40.0, 40.0, 300.0), 478_000.0, hole(3.0, 290.0)), "out_of_reach", False),
        (prism((100.0, 60.0, 40.0), 234_000.0, Feature("slot", length_mm=100.0, width_mm=1.2, depth_mm=50.0, axis=DOWN)), "out_of_reach", False),
        (prism((60.0, 60.0, 15.0), 54_000.0, name="Pignon arbré"), "teeth", False),
        (profile_part(5.7), "profile", False),
    ],
)  # fmt: skip
def test_a_doubt_is_a_question(own: PartDescription, code: str, blocks: bool) -> None:
    assert asked(own).get(code) is blocks


def test_a_blank_longer_than_the_trade_sells_is_told() -> None:
    own = prism((250.0, 60.0, 20.0), 300_000.0, material="S355J2")
    assert "longer_than_stock" not in asked(own)
    shop = default_shop()
    short = replace(shop.settings.blank, bar_length_mm=200.0, plate_size_mm=(200.0, 200.0))
    found = quote(own, shop=replace(shop, settings=replace(shop.settings, blank=short), stock=())).to_json()
    assert "longer_than_stock" in {q["code"] for q in found["questions"]}


def test_every_price_stands_on_time_and_material() -> None:
    """Over widely varied solids: a price without a question has machining time, material and a blank the part fits in."""
    for index in range(60):
        a, b, c = 5 + 37 * (index % 7), 4 + 23 * (index % 5), 2 + 11 * (index % 6)
        size = (float(a), float(b), float(c))
        kept = (0.05, 0.3, 0.7, 0.95, 1.0)[index % 5]
        own = prism(size, kept * a * b * c, hole(1.0 + index % 9, c, through=True, count=1 + index % 4))
        result = quote(own).to_json()
        found = result["lines"][0]
        if found["unit_price"] is None:
            assert result["questions"]
            continue
        blank = found["blank"]
        assert blank["mass_kg"] > 0
        assert blank["cost"] > 0 or blank["mass_kg"] < 0.01
        assert math.prod(blank["size_mm"]) >= 0.99 * a * b * c
        assert sum(o["run_min"] for o in found["operations"] if o["tool"]) > 0
        if kept < 0.5:
            assert result["questions"] or any("non reconnues" in w for w in found["warnings"])
