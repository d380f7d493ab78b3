"""Amounts of an order line: goods, one-off work, discount (QUO-31, QUO-33). Pure; money is Decimal, rounded to the cent."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from coordinator.modules.orders.models import SalesOrderLine

_CENT = Decimal("0.01")
_ZERO = Decimal(0)


def cents(value: Decimal) -> Decimal:
    """Rounded to €0.01."""
    return value.quantize(_CENT, ROUND_HALF_UP)


def goods(line: SalesOrderLine) -> Decimal:
    """Quantity × unit price."""
    return cents(line.quantity * line.unit_price_excl_tax)


def gross(line: SalesOrderLine) -> Decimal:
    """Goods and one-off work before the discount."""
    return goods(line) + (line.one_off_excl_tax or _ZERO)


def net(line: SalesOrderLine) -> Decimal:
    """What the line comes to excl. VAT."""
    return gross(line) - (line.discount_excl_tax or _ZERO)


def scaled(discount: Decimal, before: Decimal, now: Decimal) -> Decimal:
    """The same share of another amount; the discount itself for the same amount."""
    return cents(discount * now / before) if before else _ZERO


def discount_on_goods(line: SalesOrderLine) -> Decimal:
    """The part of the discount that falls on the goods; the rest is off the one-off work."""
    return scaled(line.discount_excl_tax or _ZERO, gross(line), goods(line))


def part_of(discount: Decimal, done: Decimal, now: Decimal, whole: Decimal) -> Decimal:
    """Share of a discount for ``now`` pieces after ``done`` of ``whole``: the parts of all pieces add up to it, to the cent."""
    if whole <= 0:
        return _ZERO
    return cents(discount * (done + now) / whole) - cents(discount * done / whole)
