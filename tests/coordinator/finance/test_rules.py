"""Profitability of a line: headings, forecast, status, what is missing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.modules.finance import fec, rules
from coordinator.modules.finance.rules import CostFact, JobFacts, Limits, OperationFacts, TimeFact

D = Decimal
LIMITS = Limits()
PLAN = rules.planned_headings(
    [
        ("material", D(200), False), ("material_handling", D(20), False), ("setup", D(60), True),
        ("turning", D(240), False), ("tool_wear", D(30), False), ("treatment", D(80), False),
        ("inspection", D(40), False), ("logistics", D(30), False),
    ],
    D(10), D(10),
)  # fmt: skip


def turning(
    minutes: str | None, *, finished: bool = True, rate: str | None = "60", **given: object
) -> OperationFacts:
    times = () if minutes is None else (TimeFact(D(minutes), None if rate is None else D(rate)),)
    facts = OperationFacts(1, "OP10 Tournage", "turning", D(240), D(240), times, finished)
    return replace(facts, **given)  # type: ignore[arg-type]


def job(
    *operations: OperationFacts,
    price: str | None = "1000",
    done: bool = False,
    costs: tuple[CostFact, ...] = (),
) -> JobFacts:
    return JobFacts(None if price is None else D(price), PLAN, operations, costs, done)


MATERIAL = (CostFact("material", D(250), "lot 1"), CostFact("material", D("-30"), "chute"))


@pytest.mark.requirement("FIN-02", "FIN-03")
def test_planned_headings_follow_the_ordered_quantity() -> None:
    assert {
        "material": D(220), "tools": D(30), "time": D(300), "subcontracting": D(80), "inspection": D(40),
        "packaging": D(30), "scrap_rework": D(0),
    } == PLAN  # fmt: skip
    double = rules.planned_headings([("material", D(200), False), ("setup", D(60), True)], D(10), D(20))
    assert (double["material"], double["time"]) == (D(400), D(60)), "what is paid once is not doubled"


@pytest.mark.requirement("FIN-02", "FIN-03", "FIN-04")
def test_actual_cost_of_a_finished_job_by_heading_and_operation() -> None:
    inspection = OperationFacts(
        2, "OP20 Contrôle", "inspection", D(40), D(40), (TimeFact(D(30), D(50)),), True, good_qty=D(10)
    )
    treatment = OperationFacts(3, "OP30 Nickelage", "treatment", D(0), None, (), True, is_subcontracted=True)
    bought = (
        *MATERIAL,
        CostFact("subcontracting", D(90), "nickelage"),
        CostFact("packaging", D(25), "transport"),
    )
    made = turning("300", good_qty=D(9), bad_qty=D(1))
    result = rules.compute(job(made, inspection, treatment, done=True, costs=bought), LIMITS)
    actual = {name: h.actual for name, h in result.headings.items()}
    assert actual == {
        "material": D(220), "tools": D(0), "time": D(270), "subcontracting": D(90), "inspection": D(25),
        "packaging": D(25), "scrap_rework": D(30),
    }  # fmt: skip
    assert result.actual_cost == result.forecast_cost == D(660)
    assert result.margin_pct == result.forecast_margin_pct == D("34.00")
    assert result.missing == []
    assert (result.headings["inspection"].difference, result.headings["inspection"].difference_pct) == (
        D(-15),
        D("-37.50"),
    )
    assert result.headings["scrap_rework"].difference_pct is None
    assert [(o.actual_min, o.actual_cost) for o in result.operations] == [
        (D(300), D(300)),
        (D(30), D(25)),
        (None, None),
    ]


@pytest.mark.requirement("FIN-05")
@pytest.mark.parametrize(
    ("minutes", "drift", "time"), [("300", "1.25", "425"), ("2400", "2", "2600"), ("60", "0.7", "130")]
)
def test_forecast_lets_the_rest_drift_like_what_is_finished(minutes: str, drift: str, time: str) -> None:
    rest = OperationFacts(2, "OP20 Fraisage", "milling", D(100), D(100))
    plan = {**PLAN, "time": D(340)}
    result = rules.compute(replace(job(turning(minutes), rest), planned=plan), LIMITS)
    assert result.drift == D(drift)
    assert result.headings["time"].forecast == D(time)
    assert result.headings["material"].forecast == D(220), "not yet issued: as planned"
    assert result.forecast_cost == D(time) + D(220) + D(30) + D(80) + D(40) + D(30)
    assert result.margin_pct is None, "no margin before the end"


@pytest.mark.requirement("FIN-06")
@pytest.mark.parametrize(
    ("price", "minutes", "status"),
    [
        ("1000", "240", "profitable"), ("900", "240", "watch"), ("800", "240", "unprofitable"),
        ("1000", "420", "unprofitable"), ("5000", "900", "watch"),
    ],
)  # fmt: skip
def test_status_from_margin_forecast_and_overrun(price: str, minutes: str, status: str) -> None:
    result = rules.compute(job(turning(minutes), price=price), LIMITS)
    assert (result.status, result.missing) == (status, [])


@pytest.mark.requirement("FIN-06")
def test_the_three_largest_causes_are_named() -> None:
    costs = (
        CostFact("material", D(400), "lot"),
        CostFact("tools", D(50), "plaquettes"),
        CostFact("packaging", D(31), "t"),
    )
    result = rules.compute(job(turning("480"), costs=costs, price="900"), LIMITS)
    assert result.status == "unprofitable"
    assert result.causes == [("OP10 Tournage", D(240)), ("material", D(180)), ("tools", D(20))]
    cheap = rules.compute(job(turning("240"), price="500"), LIMITS)
    assert cheap.causes == [("selling_price", D(0))]


@pytest.mark.requirement("FIN-47")
@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (job(turning(None), done=True, costs=MATERIAL), "time"),
        (job(turning("240", rate=None), done=True, costs=MATERIAL), "rate"),
        (job(turning("240"), done=True, costs=(CostFact("material", None, "lot 2"),)), "lot_price"),
        (job(turning("240"), done=True), "material"),
        (job(turning("240"), done=True, costs=MATERIAL, price=None), "price"),
        (job(turning("240", is_subcontracted=True), done=True, costs=MATERIAL), "subcontract_price"),
    ],
)
def test_what_is_missing_is_listed_and_no_margin_invented(facts: JobFacts, code: str) -> None:
    result = rules.compute(facts, LIMITS)
    assert [m.code for m in result.missing] == [code]
    assert result.margin_pct is None
    assert result.status != "profitable"
    if code != "price":
        assert result.actual_cost is None
        assert result.forecast_cost is None
        assert result.margin_at_most_pct == rules.margin(D(1000), result.known_cost)


@pytest.mark.requirement("FIN-47")
def test_without_a_plan_nothing_is_forecast() -> None:
    result = rules.compute(JobFacts(D(1000), None, [turning("60")]), LIMITS)
    assert [m.code for m in result.missing] == ["plan"]
    assert (result.planned_cost, result.forecast_cost, result.forecast_margin_pct) == (None, None, None)
    assert result.status == "watch"
    known = rules.compute(JobFacts(D(50), None, [turning("60")]), LIMITS)
    assert known.status == "unprofitable", "the known cost alone is too much"


@pytest.mark.requirement("FIN-49")
def test_division_by_zero_is_not_a_number() -> None:
    assert rules.percentage(D(5), D(0)) is None
    assert rules.margin(D(0), D(5)) is None
    free = rules.compute(job(turning("240", bad_qty=D(0)), price="0"), LIMITS)
    assert (free.margin_pct, free.forecast_margin_pct, free.margin_at_most_pct) == (None, None, None)
    assert free.status == "watch"
    assert rules.planned_headings([("material", D(7), False)], D(0), D(3))["material"] == D(7)
    assert rules.drift_factor([], LIMITS) == 1


_money = st.decimals(0, 5000, places=2)


@pytest.mark.requirement("FIN-05")
@given(st.lists(st.tuples(_money, _money, st.booleans()), max_size=6), _money, st.booleans())
def test_sums_hold_whatever_the_job(
    rows: list[tuple[Decimal, Decimal, bool]], material: Decimal, done: bool
) -> None:
    operations = [
        OperationFacts(i, f"OP{i}", "milling", plan, plan, (TimeFact(minutes, D(60)),), finished or done)
        for i, (plan, minutes, finished) in enumerate(rows)
    ]
    result = rules.compute(
        JobFacts(D(1000), PLAN, operations, (CostFact("material", material, "lot"),), done), LIMITS
    )
    assert D("0.7") <= result.drift <= 2
    assert result.actual_cost == sum(h.actual or 0 for h in result.headings.values())
    assert result.forecast_cost is not None
    assert result.forecast_cost >= result.actual_cost
    if done:
        assert result.forecast_cost == result.actual_cost


@pytest.mark.requirement("FIN-23")
@given(
    _money,
    _money,
    st.sampled_from(["sale", "purchase", "service", "salary", "tax", "other"]),
    st.booleans(),
    st.booleans(),
)
def test_every_accounting_entry_balances(
    net: Decimal, vat: Decimal, kind: str, receipt: bool, back: bool
) -> None:
    import datetime as dt

    sign = -1 if back else 1
    day = dt.date(2026, 3, 2)
    entry = fec.Entry(
        7, kind, receipt, day, day, "Fac\tture", "FAC-1", sign * net, sign * vat, "601", "Achats", "C-1", "X"
    )
    assert sum(amount for _, amount in fec.legs(entry)) == 0
    rows = [line.split("\t") for line in fec.lines([entry])]
    assert all(len(row) == 18 for row in rows)
    debit, credit = (sum(D(row[i].replace(",", ".")) for row in rows[1:]) for i in (11, 12))
    assert debit == credit
