"""Learning factors (QUO-41), comparison of methods (QUO-08), exchange files (QUO-43), selling rates (QUO-32), grouped batches (QUO-34)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from coordinator.modules.quoting.engine import comparison, exchange
from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.learning import JobRecord, LearnedFactor, propose
from coordinator.modules.quoting.engine.part import ManualLine, ManualOperation
from coordinator.modules.quoting.engine.shop import Shop
from coordinator.modules.quoting.engine.values import QuotingError
from tests.coordinator.quoting.engine.samples import BLOCK, FLANGE, SHAFT, line, part, quote


def _jobs(*ratios: float, machine: str = "TF-1") -> list[JobRecord]:
    return [JobRecord(f"OF-{i}", machine, "turning", "P2", 10.0, 10.0 * r) for i, r in enumerate(ratios)]


@pytest.mark.requirement("QUO-41")
def test_a_factor_needs_five_jobs_is_the_median_and_is_limited() -> None:
    assert propose(_jobs(1.2, 1.2, 1.2, 1.2)) == []
    (found,) = propose(_jobs(1.0, 1.1, 1.2, 1.3, 9.0))
    assert (found.factor.factor, found.jobs, found.is_limited) == (1.2, 5, False)
    (high,) = propose(_jobs(2, 2, 2, 2, 2))
    assert (high.factor.factor, high.raw_factor, high.is_limited) == (1.5, 2.0, True)
    (low,) = propose(_jobs(0.1, 0.2, 0.3, 0.4, 0.5))
    assert low.factor.factor == 0.7
    doubled = _jobs(1.2, 1.2, 1.2, 1.2)
    assert propose([*doubled, doubled[0]]) == []
    broken = [replace(j, estimated_min=0.0) for j in _jobs(1.2)] + [
        replace(j, real_min=float("nan")) for j in _jobs(1.2)
    ]
    assert propose([*_jobs(1.1, 1.1, 1.1, 1.1), *broken]) == []
    two = propose([*_jobs(1.1, 1.1, 1.1, 1.1, 1.1), *_jobs(0.9, 0.9, 0.9, 0.9, 0.9, machine="CU3-1")])
    assert [p.factor.machine for p in two] == ["CU3-1", "TF-1"]


@pytest.mark.requirement("QUO-41")
def test_an_accepted_factor_changes_its_own_operations_only() -> None:
    park = default_shop()
    usual = line(quote(part(SHAFT)))
    shop = replace(
        park,
        learned=(LearnedFactor("TF-1", "turning", "P2", 1.2), LearnedFactor("CU3-1", "milling", "P2", 1.5)),
    )
    slower = line(quote(part(SHAFT), shop=shop))
    for a, b in zip(usual["operations"], slower["operations"], strict=True):
        factor = 1.2 if a["machine"] == "TF-1" else 1.0
        if a["operation_type"] != "deburring":
            assert b["run_min"] == pytest.approx(a["run_min"] * factor, rel=0.01)
    assert slower["operations"][1]["sources"]["run_min"]["inputs"]["facteur appris"] == 1.2
    assert "facteur appris accepté" in slower["operations"][1]["sources"]["run_min"]["source"]


@pytest.mark.requirement("QUO-08")
def test_automatic_and_manual_stand_side_by_side() -> None:
    automatic = quote(part(SHAFT)).lines[0]
    typed = ManualLine(
        (ManualOperation("turning", 6.0, 30.0, "TOUR-1"), ManualOperation("inspection", 1.0)), "4,00"
    )
    manual = quote(part(SHAFT), manual_lines={0: typed}).lines[0]
    found = comparison.compare(automatic, manual)
    rows = {r.operation_type: r for r in found.rows}
    assert rows["turning"].manual_min == pytest.approx(60.0)
    assert rows["turning"].difference_min == pytest.approx(60.0 - (rows["turning"].automatic_min or 0))
    assert rows["deburring"].manual_min is None
    assert rows["material"].manual_cost == Decimal(40)
    assert found.automatic_total == automatic.options[0].total
    assert sum((r.difference_cost for r in found.rows), Decimal(0)) == pytest.approx(
        (found.manual_total or Decimal(0)) - (found.automatic_total or Decimal(0))
    )
    broken = quote(replace(part(SHAFT), material="?")).lines[0]
    assert comparison.compare(broken, manual).difference_pct is None


@pytest.mark.requirement("QUO-43")
@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_quote_goes_out_and_comes_back(form: str) -> None:
    result = quote(part(SHAFT), part(BLOCK))
    shown = result.to_json()
    lines = (
        exchange.from_csv(exchange.to_csv(shown))
        if form == "csv"
        else exchange.from_json(exchange.to_json(shown))
    )
    assert [(i.drawing_number, i.quantity) for i in lines] == [("A-100", 10), ("B-200", 10)]
    for own, original in zip(lines, shown["lines"], strict=True):
        assert len(own.manual.operations) == len(original["operations"])
        run = sum(o.run_min for o in own.manual.operations)
        told = sum(o["run_min"] + o["loading_min"] for o in original["operations"])
        assert run == pytest.approx(told, abs=0.01)
        assert own.unit_price == pytest.approx(original["unit_price"], rel=1e-4)
    again = quote(part(SHAFT), manual_lines={0: lines[0].manual})
    assert line(again)["unit_price"] is not None


@pytest.mark.requirement("QUO-43")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Colonnes absentes"),
        ("a;b\n1;2", "Colonnes absentes"),
        ("drawing_number;quantity;operation_type;run_min\nA;0;turning;1", "Ligne 2, quantity"),
        ("drawing_number;quantity;operation_type;run_min\nA;2;turning;abc", "n'est pas un nombre"),
        ("drawing_number;quantity;operation_type;run_min\nA;2;turning;-1", "temps positif"),
        ("drawing_number;quantity;operation_type;run_min\nA;2;;1", "operation_type"),
    ],
)
def test_a_bad_exchange_file_names_line_and_column(text: str, told: str) -> None:
    with pytest.raises(QuotingError, match=told):
        exchange.from_csv(text)
    with pytest.raises(QuotingError):
        exchange.from_json(text)


@pytest.mark.requirement("QUO-43")
def test_english_spreadsheets_are_read_and_formulas_are_not_run() -> None:
    english = (
        "drawing_number,quantity,operation_type,run_min,setup_min\nA,3,turning,1.5,10\nA,3,milling,2.5,20\n"
    )
    (own,) = exchange.from_csv("\ufeff" + english)
    assert [o.run_min for o in own.manual.operations] == [1.5, 2.5]
    hostile = quote(replace(part(SHAFT), name='=HYPERLINK("x")')).to_json()
    assert "\"'=HYPERLINK" in exchange.to_csv(hostile)
    hostile["lines"][0]["part_name"] = "-2+3"
    assert ";'-2+3;" in exchange.to_csv(hostile)


def test_amounts_keep_their_cents_and_spaces_of_thousands_are_read() -> None:
    shown = quote(part(SHAFT)).to_json()
    shown["lines"][0]["unit_price"] = 1234567.89
    text = exchange.to_csv(shown)
    assert ";1234567,89;" in text
    assert exchange.from_csv(text.replace("1234567,89", "1\u00a0234\u202f567,89"))[0].unit_price == 1234567.89


def _selling(shop: Shop, factor: str) -> Shop:
    card = shop.rate_card
    lines = tuple(replace(r, selling_rate=r.rate * Decimal(factor)) for r in card.lines)
    costs = replace(shop.settings.costs, use_selling_rates=True)
    return replace(shop, rate_card=replace(card, lines=lines), settings=replace(shop.settings, costs=costs))


@pytest.mark.requirement("QUO-32")
def test_selling_rates_make_the_price_without_a_margin_on_top_but_never_below_the_minimum() -> None:
    usual = quote(part(SHAFT)).scenarios[0]
    dear = quote(part(SHAFT), shop=_selling(default_shop(), "2")).scenarios[0]
    assert usual.cost == dear.cost
    assert dear.price_excl_tax is not None
    assert usual.price_excl_tax is not None
    assert dear.price_excl_tax > usual.price_excl_tax
    assert dear.margin_pct is not None
    assert 35 < dear.margin_pct <= 50
    for scenario in quote(part(SHAFT), shop=_selling(default_shop(), "0.5")).scenarios:
        assert scenario.margin_pct is not None
        assert scenario.margin_pct >= 15


@pytest.mark.requirement("QUO-34")
def test_the_economic_scenario_groups_batches() -> None:
    park = default_shop()
    away = replace(park, tools=tuple(replace(t, mounted_in=()) for t in park.tools))
    one = quote(part(SHAFT), part(replace_name(SHAFT)), shop=away)
    standard, _, economic = one.scenarios
    assert standard.cost is not None
    assert economic.cost is not None
    assert economic.cost < standard.cost
    assert any("Lots groupés" in r for r in economic.reasons)
    assert economic.margin_pct is not None
    assert economic.margin_pct >= 15
    single = quote(part(FLANGE), shop=away).scenarios
    assert single[0].cost == single[2].cost


def replace_name(reading: dict[str, object]) -> dict[str, object]:
    return {**reading, "file": "autre.step"}
