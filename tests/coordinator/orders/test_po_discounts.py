"""A purchase order that writes its own discount: read, compared with the quote, told, taken only once accepted (ORD-01, ORD-03)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from coordinator.modules.orders import offers
from coordinator.modules.orders.po_matching import QuotedLine, QuotedOffer, differences
from coordinator.modules.orders.po_reading import recognise
from coordinator.modules.quoting.rules import PricedLine

D = Decimal
TODAY = dt.date(2026, 11, 23)
HEAD = "Bon de commande n° C-77"
SHAFT = "A-100   Arbre   10   84,60   846,00"
BLOCK = "B-200   Bloc   1   1 189,40   1 189,40"
PLAIN = QuotedOffer(
    7, "DEV-2026-0001", 3, "sent",
    (QuotedLine(1, 1, D(10), D("84.60"), "A-100", "A", "Arbre"), QuotedLine(2, 2, D(1), D("1189.40"), "B-200", "-", "Bloc")),
)  # fmt: skip


def _reduced(share: str) -> QuotedOffer:
    lines = (replace(q, net_unit_price=(q.unit_price or D(0)) * (1 - D(share))) for q in PLAIN.lines)
    return replace(PLAIN, lines=tuple(lines))


def _discounts(*lines: str) -> tuple[list[Decimal], list[Decimal]]:
    """Per line, and off the whole."""
    found = recognise([HEAD, *lines])
    assert found.warnings == ()
    return [line.discount for line in found.lines], [d.amount for d in found.discounts]


@pytest.mark.requirement("ORD-01")
@pytest.mark.parametrize(
    ("lines", "own", "whole"),
    [
        ((SHAFT, BLOCK, "Remise 5 %   -101,77", "Total HT : 1 933,63 €"), ["0", "0"], ["101.77"]),
        ((SHAFT, BLOCK, "Total HT avant remise   2 035,40", "Remise commerciale   35,40", "Total net HT   2 000,00"),
         ["0", "0"], ["35.40"]),
        ((SHAFT, BLOCK, "Total brut HT  2 035,40", "Remise 10% sur 2 035,40 : 203,54", "Net HT  1 831,86"),
         ["0", "0"], ["203.54"]),
        ((SHAFT, "   Remise 5 %   -42,30", BLOCK, "Total HT 1 993,10"), ["42.30", "0"], []),
        ((SHAFT, BLOCK, "   Remise 2 %   23,79", "Total HT 2 011,61"), ["0", "23.79"], []),
        (("A-100   Arbre   10   84,60   5 %   803,70", BLOCK, "Total HT 1 993,10"), ["42.30", "0"], []),
        (("A-100   Arbre   10   84,60   5,00   803,70", BLOCK), ["42.30", "0"], []),
        (("A-100   Arbre   10   84,60   803,70", "   dont remise 5 %", BLOCK), ["42.30", "0"], []),
        ((SHAFT, BLOCK, "Remise   1   -50,00   -50,00", "Total HT 1 985,40"), ["0", "0"], ["50.00"]),
        ((SHAFT, BLOCK, "Remise 3 %", "Total HT 1 974,34"), ["0", "0"], ["61.06"]),
        (("A-100   Shaft   10 pcs   84.60   846.00", "Discount 4 %   33.84", "Total excl. VAT 812.16"), ["0"], ["33.84"]),
        ((SHAFT, BLOCK, "Prix nets, sans remise.", "Total HT : 2 035,40"), ["0", "0"], []),
        ((SHAFT, BLOCK, "Remise : néant", "Total HT : 2 035,40"), ["0", "0"], []),
    ],
)  # fmt: skip
def test_a_discount_is_read_where_it_is_written(
    lines: tuple[str, ...], own: list[str], whole: list[str]
) -> None:
    assert _discounts(*lines) == ([D(x) for x in own], [D(x) for x in whole])


def test_a_condition_that_the_total_does_not_follow_is_told_and_not_taken() -> None:
    found = recognise([HEAD, SHAFT, BLOCK, "Total HT 2 035,40", "Remise de 3 % à partir de 100 pièces"])
    assert found.discount == 0
    assert "non déduite" in found.warnings[0]


def test_refurbishing_is_work_not_a_discount() -> None:
    found = recognise([HEAD, "Remise en état du palier   2   45,00   90,00", "Total HT 90,00"])
    assert [(line.quantity, line.discount) for line in found.lines] == [(D(2), D(0))]
    assert (found.discounts, found.warnings) == ((), ())


def test_a_discount_not_taken_off_the_total_is_told() -> None:
    found = recognise([HEAD, SHAFT, BLOCK, "Remise 5 %   -101,77", "Total HT : 2 035,40 €"])
    assert "moins la remise (101,77 €)" in found.warnings[0]


@pytest.mark.requirement("ORD-03")
@pytest.mark.parametrize(
    ("offer", "told"),
    [(PLAIN, "0,00 €"), (_reduced("0.05"), None), (_reduced("0.03"), "61,06 €")],
)
def test_a_discount_that_is_not_the_quotes_is_told(offer: QuotedOffer, told: str | None) -> None:
    order = recognise([HEAD, SHAFT, BLOCK, "Remise 5 %   -101,77", "Total HT : 1 933,63 €"])
    found = [d for d in differences(order, offer, TODAY) if d.field == "discount"]
    assert [(d.ordered, d.quoted) for d in found] == ([] if told is None else [("101,77 €", told)])
    assert [d.field for d in differences(order, offer, TODAY)] == (["discount"] if told else [])


@pytest.mark.requirement("ORD-03")
def test_a_discount_on_prices_already_reduced_is_told_as_another_one() -> None:
    order = recognise(
        [HEAD, "A-100   Arbre   10   80,37   803,70", "Remise 5 %   -40,19", "Total HT : 763,51"]
    )
    [found] = [d for d in differences(order, _reduced("0.05"), TODAY) if d.field == "discount"]
    assert (found.ordered, found.quoted) == ("40,19 €", "0,00 €")


@pytest.mark.requirement("ORD-04")
def test_an_accepted_discount_comes_off_the_order_to_the_cent() -> None:
    order = recognise([HEAD, SHAFT, "  Remise 5 %   -42,30", BLOCK, "Remise   100,00", "Total HT 1 893,10"])
    lines = [
        PricedLine(1, D(50), D("84.60"), quantity=D(10)),
        PricedLine(2, D(900), D("1189.40"), quantity=D(1)),
    ]
    found = offers.as_discounted(order, list(zip(lines, order.lines, strict=True)))
    assert sum(line.discount for line in found) == D("142.30")
    assert found[0].discount == D("42.30") + (D(100) * D("803.70") / D("1993.10")).quantize(D("0.01"))
    net = [replace(line, discount=D("42.30")) for line in lines[:1]]
    reduced = recognise(
        [HEAD, "A-100   Arbre   10   80,37   803,70", "Remise 5 %   -40,19", "Total HT : 763,51"]
    )
    [kept] = offers.as_discounted(reduced, list(zip(net, reduced.lines, strict=True)))
    assert kept.discount == D("82.49"), "the quote's, then the customer's"
