"""Arithmetic and limits of invoices. Pure: no database, no clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from coordinator.modules.invoicing.invoice_data import OperationNature, VatCategory, cents

MAX_TERM_DAYS = 60
"""Longest payment term from the invoice date (Code de commerce L.441-10)."""
ZERO = Decimal(0)


def due_date(issued_on: dt.date, term_days: int) -> dt.date:
    """Day of payment of net days from the invoice date.

    Raises:
        ValueError: more than 60 days, or a negative term (ORD-34).
    """
    if not 0 <= term_days <= MAX_TERM_DAYS:
        raise ValueError(term_days)
    return issued_on + dt.timedelta(days=term_days)


def line_net(
    quantity: Decimal, unit_price: Decimal, discount_pct: Decimal, discount_amount: Decimal | None = None
) -> Decimal:
    """Net amount of a line, discount rounded by itself as on the paper; an amount stands in place of a percentage."""
    gross = cents(quantity * unit_price)
    return gross - (discount_amount or cents(gross * discount_pct / 100))


def vat_category(regime: str, nature: OperationNature, vat_pct: Decimal) -> VatCategory:
    """VAT category of EN 16931 for a customer's regime (ORD-33)."""
    if regime == "eu_reverse":
        return VatCategory.INTRA_EU if nature is OperationNature.GOODS else VatCategory.REVERSE_CHARGE
    if regime == "export":
        return VatCategory.EXPORT
    if regime == "exempt" or vat_pct == 0:
        return VatCategory.EXEMPT
    return VatCategory.STANDARD


@dataclass(frozen=True)
class OpenDeposit:
    """A paid deposit with what is left to deduct of it, incl. VAT."""

    invoice_id: int
    left: Decimal


def deduct(deposits: Iterable[OpenDeposit], total_incl_tax: Decimal) -> list[tuple[int, Decimal]]:
    """Deposits to deduct from an invoice, the oldest first, never more than its total (ORD-36)."""
    found: list[tuple[int, Decimal]] = []
    left = total_incl_tax
    for deposit in deposits:
        amount = min(deposit.left, left)
        if amount > 0:
            found.append((deposit.invoice_id, amount))
            left -= amount
    return found


def amount_due(total_incl_tax: Decimal, prepaid: Decimal, paid: Decimal) -> Decimal:
    """What the customer still owes."""
    return total_incl_tax - prepaid - paid


def number_gaps(numbers: Sequence[str]) -> list[str]:
    """Numbers missing between the first and the last of each series and year (ORD-30, ORD-54)."""
    taken: dict[str, dict[int, int]] = {}
    for number in numbers:
        series, _, digits = number.rpartition("-")
        taken.setdefault(series, {})[int(digits)] = len(digits)
    return [
        f"{series}-{value:0{max(values.values())}d}"
        for series, values in sorted(taken.items())
        for value in range(1, max(values))
        if value not in values
    ]
