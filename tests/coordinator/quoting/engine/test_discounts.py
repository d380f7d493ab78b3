"""Discounts without database: what they take off, how they are shared out, what refuses them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.modules.quoting.engine import scenarios
from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.discounts import Discount, Terms, spread
from coordinator.modules.quoting.engine.line import LineResult
from coordinator.modules.quoting.engine.planning_simulation import Availability
from coordinator.modules.quoting.engine.values import QuotingError, number
from tests.coordinator.quoting.engine import samples

pytestmark = pytest.mark.requirement("QUO-33")
D = Decimal
CENTS = st.decimals(min_value=0, max_value=100_000, places=2)


@pytest.mark.parametrize(
    ("discount", "price", "off"),
    [
        (Discount(), "99.99", "0"),
        (Discount(pct=D(0)), "99.99", "0"),
        (Discount(pct=D("7.5")), "33.33", "2.50"),
        (Discount(pct=D("12.5")), "0.20", "0.03"),
        (Discount(pct=D(100)), "33.33", "33.33"),
        (Discount(amount=D("5.00")), "33.33", "5.00"),
        (Discount(amount=D("33.33")), "33.33", "33.33"),
    ],
)
def test_what_is_taken_off(discount: Discount, price: str, off: str) -> None:
    assert discount.on(D(price)) == D(off)


@pytest.mark.parametrize(
    ("discount", "code"),
    [
        (Discount(pct=D("100.01")), "discount_invalid"),
        (Discount(pct=D(-1)), "discount_invalid"),
        (Discount(amount=D("-0.01")), "discount_invalid"),
        (Discount(pct=D(5), amount=D(5)), "discount_invalid"),
        (Discount(amount=D("33.34")), "discount_exceeds"),
    ],
)
def test_what_cannot_be_a_discount(discount: Discount, code: str) -> None:
    with pytest.raises(QuotingError) as refused:
        discount.on(D("33.33"))
    assert refused.value.code == code


@given(st.lists(CENTS, min_size=1, max_size=12), st.integers(min_value=0, max_value=100))
def test_shares_add_up_to_the_cent_and_no_line_goes_below_zero(prices: list[Decimal], pct: int) -> None:
    total = Discount(pct=D(pct)).on(sum(prices, D(0)))
    shares = spread(total, prices)
    assert sum(shares, D(0)) == total
    assert all(0 <= share <= price for share, price in zip(shares, prices, strict=True))


def _lines(*parts: tuple[str, int]) -> list[LineResult]:
    found = samples.quote(*(samples.part(getattr(samples, name), quantity) for name, quantity in parts))
    return list(found.lines)


def _scenarios(lines: list[LineResult], terms: Terms, **costs: object) -> list[scenarios.Scenario]:
    park = default_shop()
    settings = replace(park.settings, costs=replace(park.settings.costs, **costs))  # type: ignore[arg-type]
    choices = [scenarios.LineChoice(line.options, line.part.quantity) for line in lines]
    free = Availability(dt.date(2026, 11, 23), is_known=False)
    return scenarios.build(choices, replace(park, settings=settings), free, None, D(40), terms)


def test_line_discount_then_the_quotes_in_every_scenario() -> None:
    lines = _lines(("SHAFT", 7), ("BLOCK", 3))
    plain = _scenarios(lines, Terms())
    terms = Terms(lines={0: Discount(pct=D(10))}, whole=Discount(pct=D(5)))
    for before, after in zip(plain, _scenarios(lines, terms), strict=True):
        assert before.price_excl_tax is not None
        assert after.gross == before.gross == before.price_excl_tax
        first, second = (p.total for p in before.lines if p)
        own = (first * D("0.10")).quantize(D("0.01"))
        whole = ((first - own + second) * D("0.05")).quantize(D("0.01"))
        assert abs(after.discount - own - whole) <= D("0.01")
        assert after.price_excl_tax == after.gross - after.discount
        assert after.price_excl_tax == sum((p.total for p in after.lines if p), D(0))
        assert after.cost == before.cost
        assert after.margin_pct is not None
        assert before.margin_pct is not None
        assert after.margin_pct < before.margin_pct


def test_a_discount_never_eats_the_minimum_order_value() -> None:
    lines = _lines(("SHAFT", 1))
    for scenario in _scenarios(lines, Terms(whole=Discount(pct=D(50))), minimum_order_value=D(5000)):
        assert scenario.price_excl_tax == D(5000)
        assert scenario.gross is not None
        assert scenario.supplement == D(5000) - (scenario.gross - scenario.discount)


def test_a_scenario_under_the_floor_says_so_and_is_not_recommended() -> None:
    """At 40 % margin, 28 % off stay above the floor of 15 %; the economic price, 10 % lower, does not."""
    lines = _lines(("SHAFT", 10))
    standard, express, economic = _scenarios(lines, Terms(whole=Discount(pct=D(28))))
    assert (standard.below_minimum, express.below_minimum, economic.below_minimum) == ((), (), (1,))
    assert standard.recommended
    assert any("prix plancher" in reason for reason in economic.reasons)
    assert all(s.below_minimum == (1,) for s in _scenarios(lines, Terms(whole=Discount(pct=D(100)))))


def test_an_amount_above_the_price_leaves_the_scenario_without_price() -> None:
    lines = _lines(("SHAFT", 1))
    plain = _scenarios(lines, Terms())
    assert plain[0].gross is not None
    found = _scenarios(lines, Terms(whole=Discount(amount=plain[0].gross)))
    assert found[0].price_excl_tax == 0 + found[0].supplement
    assert found[2].price_excl_tax is None
    assert found[2].refusal is not None
    assert found[2].refusal.code == "discount_exceeds"


def test_figures_are_written_without_exponent() -> None:
    shown = [
        number(x) for x in (1_234_567, Decimal(5_000_000), 0.00004, 2.5, 120, Decimal("12.30"), -1_500_000.0)
    ]
    assert shown == ["1234567", "5000000", "0,00004", "2,5", "120", "12,3", "-1500000"]
    assert (number(2.5, 2), number(1_234_567, 2)) == ("2,50", "1234567,00")
