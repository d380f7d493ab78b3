"""Properties over randomised parts and shops: money, times, stock, gaps. Seeds are fixed, so that a failure repeats."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.part import Dimension, Feature, HoleStep, PartDescription
from coordinator.modules.quoting.engine.shop import Shop, StockUnit
from coordinator.modules.quoting.engine.values import QuotingError
from tests.coordinator.quoting.engine.samples import BLOCK, FLANGE, SHAFT, line, part, quote

MATERIALS = (
    "S235",
    "C45",
    "42CrMo4",
    "X2CrNiMo17-12-2",
    "EN AW-6082",
    "EN AW-7075",
    "CuZn39Pb3",
    "POM",
    "Ti-6Al-4V",
    "GJL-250",
)
DOWN, AXES = (0.0, 0.0, -1.0), ((0.0, 0.0, -1.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0))


def random_part(rng: random.Random) -> PartDescription:
    return _turned(rng) if rng.random() < 0.5 else _block(rng)


def _turned(rng: random.Random) -> PartDescription:
    z, points = 0.0, list[tuple[float, float]]()
    for _ in range(rng.randint(1, 6)):
        d, length = round(rng.uniform(6, 120), 1), round(rng.uniform(3, 50), 1)
        points += [(z, d), (z + length, d)]
        z += length
    features = []
    if rng.random() < 0.5:
        smallest = min(d for _, d in points)
        bore = round(rng.uniform(0.2, 0.6) * smallest, 2)
        through = rng.random() < 0.5
        features.append(Feature("bore", diameter_mm=bore, depth_mm=z if through else z / 3, through=through, is_coaxial=True,
                                it=rng.choice((None, 6, 7, 9, 11, 13)), axis=DOWN, source="solide"))  # fmt: skip
    dimensions = tuple(
        Dimension(f"Ø{d:g}", "diameter", d, it=rng.choice((6, 7, 9, 11))) for _, d in points[:2]
    )
    return PartDescription("R-T", material=rng.choice(MATERIALS), quantity=rng.randint(1, 60), turned_profile=tuple(points),
                           form="turned", features=tuple(features), dimensions=dimensions)  # fmt: skip


def _block(rng: random.Random) -> PartDescription:
    size = tuple(round(rng.uniform(15, 320), 1) for _ in range(3))
    features: list[Feature] = []
    for _ in range(rng.randint(0, 5)):
        axis, d = rng.choice(AXES), round(rng.uniform(1.5, 32), 2)
        depth = round(rng.uniform(0.5, 6) * d, 1)
        kind = rng.choice(("hole", "hole", "counterbore", "pocket", "slot", "tapped"))
        if kind == "pocket":
            width = round(rng.uniform(5, 50), 1)
            features.append(Feature("pocket", length_mm=width * rng.uniform(1, 3), width_mm=width, depth_mm=rng.uniform(1, 20),
                                    corner_radius_mm=rng.choice((None, 0.3, 2.0, 5.0)), axis=axis))  # fmt: skip
        elif kind == "slot":
            features.append(Feature("slot", length_mm=rng.uniform(10, 80), width_mm=rng.uniform(2, 20), depth_mm=rng.uniform(1, 10),
                                    it=rng.choice((None, 9)), axis=axis))  # fmt: skip
        elif kind == "counterbore":
            steps = (HoleStep(1.7 * d, d / 2), HoleStep(d, depth))
            features.append(
                Feature("hole", "counterbore", d, depth, count=rng.randint(1, 6), steps=steps, axis=axis)
            )
        else:
            thread = f"M{rng.choice((3, 4, 5, 6, 8, 10, 12))}" if kind == "tapped" else None
            features.append(Feature("hole", diameter_mm=d, depth_mm=depth, count=rng.randint(1, 12), axis=axis, thread=thread,
                                    through=rng.random() < 0.4, it=rng.choice((None, 7, 9, 12)), source="solide"))  # fmt: skip
    return PartDescription("R-B", material=rng.choice(MATERIALS), quantity=rng.randint(1, 60),
                           size_mm=(size[0], size[1], size[2]), form="prismatic", features=tuple(features))  # fmt: skip


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


@pytest.mark.requirement("QUO-32")
@pytest.mark.parametrize("seed", range(8))
def test_no_random_part_breaks_a_number_or_the_minimum_margin(seed: int) -> None:
    rng = random.Random(seed)
    priced = 0
    for _ in range(10):
        own = random_part(rng)
        result = quote(own)
        shown = result.to_json()
        json.dumps(shown, allow_nan=False)
        assert all(math.isfinite(n) for n in numbers(shown))
        found = shown["lines"][0]
        assert found["error"] is None or found["error"]["code"] != "calculation_error", (own, found["error"])
        assert found["unit_price"] is not None or found["warnings"] or shown["questions"]
        for o in found["operations"]:
            for name in (
                "n_rev_min",
                "feed_mm_min",
                "vc_m_min",
                "cut_min",
                "run_min",
                "setup_min",
                "cost",
                "power_kw",
            ):
                assert o[name] is None or o[name] >= 0, (name, o)
        for s in result.scenarios:
            if s.price_excl_tax is not None and s.cost is not None:
                priced += 1
                assert s.price_excl_tax >= s.cost / (1 - Decimal("0.15")) - Decimal("0.05")
    assert priced > 0


@pytest.mark.requirement("QUO-15")
@pytest.mark.parametrize("seed", range(4))
def test_conditions_stay_within_the_machine(seed: int) -> None:
    rng = random.Random(100 + seed)
    limits = {m.code: m for m in default_shop().machines}
    for _ in range(10):
        for o in line(quote(random_part(rng)))["operations"]:
            if not o["tool"]:
                continue
            machine = limits[o["machine"]]
            assert o["n_rev_min"] <= (machine.max_spindle_rpm or 1e9) + 1
            assert o["feed_mm_min"] is None or o["feed_mm_min"] <= (machine.max_feed_mm_min or 1e9) + 1
            assert o["power_kw"] is None or o["power_kw"] <= 0.8 * (machine.spindle_power_kw or 1e9) + 0.01, o


@pytest.mark.requirement("QUO-31")
@pytest.mark.parametrize("reading", [SHAFT, BLOCK, FLANGE], ids=["shaft", "block", "flange"])
def test_total_rises_and_unit_price_falls_with_quantity(reading: dict[str, Any]) -> None:
    shop = default_shop()
    totals, units = [], []
    for quantity in (1, 2, 5, 10, 20, 50, 100):
        scenario = quote(part(reading, quantity), shop=shop).scenarios[0]
        assert scenario.lines[0] is not None
        totals.append(scenario.lines[0].total)
        units.append(scenario.lines[0].unit_price)
    assert totals == sorted(totals)
    assert units == sorted(units, reverse=True)


@pytest.mark.requirement("QUO-31")
def test_more_time_or_a_dearer_hour_never_makes_a_part_cheaper() -> None:
    park = default_shop()
    rates = park.rate_card
    for reading in (SHAFT, BLOCK, FLANGE):
        usual = quote(part(reading)).lines[0].options[0].total
        dear = tuple(replace(r, rate=r.rate * 2) if r.kind == "machine_hour" else r for r in rates.lines)
        assert (
            quote(part(reading), shop=replace(park, rate_card=replace(rates, lines=dear)))
            .lines[0]
            .options[0]
            .total
            > usual
        )
        times = replace(park.settings.times, time_safety_pct=40.0)
        assert (
            quote(part(reading), shop=replace(park, settings=replace(park.settings, times=times)))
            .lines[0]
            .options[0]
            .total
            > usual
        )
        cutting = replace(park.settings.cutting, turning_allowance_mm=0.5, pocket_time_factor=2.5)
        slower = replace(park, settings=replace(park.settings, cutting=cutting))
        assert quote(part(reading), shop=slower).lines[0].options[0].total >= usual


def _without_tool(shop: Shop, code: str) -> Shop:
    return replace(shop, tools=tuple(t for t in shop.tools if t.code != code))


@pytest.mark.requirement("QUO-48")
@pytest.mark.parametrize("reading", [SHAFT, BLOCK, FLANGE], ids=["shaft", "block", "flange"])
def test_taking_out_any_used_tool_or_machine_shows(reading: dict[str, Any]) -> None:
    park = default_shop()
    usual = line(quote(part(reading)))
    for code in {o["tool"] for o in usual["operations"] if o["tool_origin"] == "stock"}:
        found = line(quote(part(reading), shop=_without_tool(park, code)))
        assert code not in {o["tool"] for o in found["operations"]}
        assert found["operations"] != usual["operations"]
        assert found["unit_cost"] is None or found["unit_cost"] >= 0.98 * usual["unit_cost"], code
    for code in {o["machine"] for o in usual["operations"] if o["machine"]}:
        shop = replace(park, machines=tuple(m for m in park.machines if m.code != code))
        found = line(quote(part(reading), shop=shop))
        assert code not in {o["machine"] for o in found["operations"]}
        assert (
            found["operations"] != usual["operations"] or found["resource_gaps"] != usual["resource_gaps"]
        ), code


@pytest.mark.requirement("QUO-10")
@pytest.mark.parametrize("seed", range(5))
def test_stock_offcut_first_certified_only_with_certificate_never_blocked(seed: int) -> None:
    rng = random.Random(seed)
    own = replace(
        part(SHAFT, rng.randint(1, 8)),
        turned_profile=((0.0, 40.0), (60.0, 40.0)),
        features=(),
        volume_mm3=None,
    )
    units = [
        StockUnit(f"U{i}", "C45E", "round", rng.choice((200.0, 900.0, 3000.0)), rng.choice((42.0, 45.0)), quantity=rng.randint(1, 3),
                  is_offcut=rng.random() < 0.5, certified=rng.random() < 0.4, status=rng.choice(("released", "released", "blocked")),
                  price_per_kg=Decimal("1.90"))
        for i in range(8)
    ]  # fmt: skip
    known = {u.code: u for u in units}
    shop = replace(default_shop(), stock=tuple(units))
    for certificate in (False, True):
        result = quote(replace(own, certificate_required=certificate), shop=shop)
        for option in result.lines[0].options:
            sources = option.route.blank.sources
            taken = [known[s.code] for s in sources if s.kind != "purchase"]
            assert all(u.certified == certificate and u.status == "released" for u in taken)
            kinds = [s.kind for s in sources]
            assert kinds == sorted(kinds, key=("offcut", "lot", "purchase").index)
            assert sum(s.count for s in sources) == own.quantity


@pytest.mark.requirement("QUO-45")
@pytest.mark.parametrize("reading", [SHAFT, BLOCK, FLANGE], ids=["shaft", "block", "flange"])
def test_every_number_opens_its_formula_inputs_and_source(reading: dict[str, Any]) -> None:
    for o in line(quote(part(reading)))["operations"]:
        names = [
            n
            for n in (
                "vc_m_min",
                "n_rev_min",
                "feed_mm_min",
                "ap_mm",
                "ae_mm",
                "power_kw",
                "cut_min",
                "run_min",
            )
            if o[n]
        ]
        for name in names if o["tool"] else ():
            opened = o["sources"][name]
            assert opened["value"] == pytest.approx(o[name], rel=0.02, abs=0.02)
            assert opened["formula"] or opened["source"], (name, o["label"])
            assert opened["source"], (name, o["label"])
        if o["setup_min"]:
            assert o["sources"]["setup_min"]["formula"]
        if "cost" in o["sources"]:
            i = o["sources"]["cost"]["inputs"]
            minutes = (
                i["quantité"] * (i["temps min"] + i["chargement min"])
                + i["par livraison min"] * i["part de la livraison"]
            )
            again = i["réglage €"] + minutes * i["taux €/h"] / 60 + i["usure d'outil €"]
            assert again == pytest.approx(o["cost"], abs=0.05), o["label"]


@pytest.mark.requirement("QUO-47")
@pytest.mark.parametrize("name", ["diameter_mm", "depth_mm", "length_mm", "width_mm"])
@pytest.mark.parametrize("value", [0.0, -3.0, math.nan])
def test_a_bad_size_anywhere_refuses_the_line_in_french(name: str, value: float) -> None:
    good = Feature("slot", length_mm=20.0, width_mm=8.0, depth_mm=4.0, diameter_mm=8.0, axis=DOWN)
    own = replace(part(BLOCK), features=(replace(good, **{name: value}),))
    result = quote(own, part(SHAFT))
    assert "Les dimensions doivent être positives." in line(result, 0)["warnings"]
    assert line(result, 0)["error"]["code"] == "dimension_not_positive"
    assert line(result, 1)["unit_price"] > 0
    assert all(s.price_excl_tax is None for s in result.scenarios)


@pytest.mark.requirement("QUO-49")
def test_a_margin_of_a_hundred_percent_is_refused_and_a_zero_rate_is_no_rate() -> None:
    with pytest.raises(QuotingError, match="100 %") as refused:
        quote(part(SHAFT), margin_pct=Decimal(100))
    assert refused.value.code == "margin_invalid"
    park = default_shop()
    zero = tuple(replace(r, rate=Decimal(0)) if r.kind == "programming" else r for r in park.rate_card.lines)
    found = quote(part(SHAFT), shop=replace(park, rate_card=replace(park.rate_card, lines=zero)))
    assert line(found)["unit_price"] is None
    assert any("programmation" in q.text for q in found.questions)
