"""Discounts a person gives (QUO-33): apart from price, minimum order value and VAT. Money is Decimal, rounded to the cent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from coordinator.modules.quoting.engine.values import QuotingError, euros, number

CENT = Decimal("0.01")
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Discount:
    """A percentage of a price or an amount excl. VAT, one of the two; none of them = no discount."""

    pct: Decimal | None = None
    amount: Decimal | None = None

    def __bool__(self) -> bool:
        return bool(self.pct or self.amount)

    @property
    def is_valid(self) -> bool:
        """0 to 100 %, no negative amount, not both."""
        is_one = self.pct is None or self.amount is None
        return is_one and 0 <= (self.pct or 0) <= _HUNDRED and (self.amount or 0) >= 0

    def on(self, price: Decimal) -> Decimal:
        """What is taken off a price.

        Raises:
            QuotingError: ``discount_invalid``; ``discount_exceeds`` for an amount above the price.
        """
        if not self.is_valid:
            raise QuotingError(
                "discount_invalid", "Remise non valable : 0 à 100 %, ou un montant.", "discount_pct"
            )
        if self.amount is None:
            return (price * (self.pct or 0) / _HUNDRED).quantize(CENT, ROUND_HALF_UP)
        if self.amount > price:
            message = f"Remise de {euros(self.amount)} supérieure au prix de {euros(price)}."
            raise QuotingError("discount_exceeds", message, "discount_amount")
        return self.amount.quantize(CENT, ROUND_HALF_UP)

    def to_json(self) -> dict[str, float | None]:
        """Plain values."""
        pct, amount = self.pct, self.amount
        return {
            "pct": None if pct is None else float(pct),
            "amount": None if amount is None else float(amount),
        }

    def words(self) -> str:
        """``5 %`` for a percentage, nothing for an amount: it is told by itself."""
        return f"{number(self.pct)} %" if self.pct else ""


NONE = Discount()


def break_note(line: Discount, whole: Discount) -> str:
    """What the discounts do to the prices of other quantities: a percentage comes off, an amount is for the quoted one only."""
    if line.pct or whole.pct:
        return "avant remise"
    return "sans remise" if line or whole else ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What people set on the prices: unit prices and discounts by line index, and the discount on the whole quote."""

    prices: Mapping[int, Decimal] = field(default_factory=dict)
    lines: Mapping[int, Discount] = field(default_factory=dict)
    whole: Discount = NONE


def spread(total: Decimal, prices: Sequence[Decimal]) -> list[Decimal]:
    """A discount on the whole shared out in proportion to the prices; the shares add up to it to the cent.

    Cents left by rounding down go to the largest remainders, the first line first; no share is above its price.
    """
    whole = sum(prices, Decimal(0))
    if not whole:
        return [Decimal(0)] * len(prices)
    exact = [total * price / whole for price in prices]
    shares = [x.quantize(CENT, ROUND_FLOOR) for x in exact]
    left = int((total - sum(shares, Decimal(0))) / CENT)
    order = sorted(range(len(prices)), key=lambda i: (shares[i] - exact[i], i))
    for index in order[:left]:
        shares[index] += CENT
    return shares
