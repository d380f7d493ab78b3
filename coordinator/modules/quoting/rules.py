"""Rules of quotes without database: what may change when, when approval is refused, how versions are numbered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.modules.quoting.engine.costing import floor_price
from coordinator.modules.quoting.engine.discounts import Discount
from coordinator.modules.quoting.engine.settings import CostSettings
from coordinator.modules.quoting.engine.trades import TRADES
from coordinator.modules.quoting.engine.values import MAX_QUANTITY, euros
from coordinator.modules.quoting.models import Quote, QuoteLine, QuotePriceBreak, QuoteScenarioLine

_CENT = Decimal("0.01")
EDITABLE = ("draft", "to_review")
SIGNED = ("aerospace", "military", "armament")
"""Criticalities whose quote is approved only once signed (QUO-02)."""


def check_editable(quote: Quote) -> None:
    """An approved quote does not change any more; a sent one gets a new version (QUO-03).

    Raises:
        Conflict: ``quote.locked``.
    """
    if quote.status not in EDITABLE:
        raise Conflict("quote.locked", number=quote.number)


def check_quantity(quantity: Decimal | None) -> None:
    """Whole pieces, at least one and at most ``MAX_QUANTITY`` (QUO-47).

    Raises:
        BusinessError: ``quote.quantity``.
    """
    if quantity is not None and (not 0 < quantity <= MAX_QUANTITY or quantity != int(quantity)):
        raise BusinessError("quote.quantity", errors=[FieldError("quantity", "quote.quantity")])


def check_trades(entries: Any) -> None:
    """Work of other trades: known trade, positive sizes (QUO-42, QUO-47).

    Raises:
        BusinessError: ``quote.trade`` naming the entry.
    """
    for number, entry in enumerate(entries or (), start=1):
        if not isinstance(entry, dict) or entry.get("trade") not in TRADES:
            raise _trade_refusal(number)
        sizes = [v for k, v in entry.items() if k not in ("trade", "process", "label") and v is not None]
        if any(isinstance(v, bool) or not isinstance(v, int | float) or not v > 0 for v in sizes):
            raise _trade_refusal(number)


def _trade_refusal(number: int) -> BusinessError:
    error = FieldError("trade_operations", "quote.trade", {"number": number})
    return BusinessError("quote.trade", errors=[error], number=number)


def version_number(number: str, version_no: int) -> str:
    """``DEV-2025-0001`` in version 2 is ``DEV-2025-0001-B`` (QUO-03)."""
    base = number
    head, _, tail = number.rpartition("-")
    if head and tail.isalpha():
        base = head
    if version_no <= 1:
        return base
    letters, rest = "", version_no
    while rest > 0:
        rest, digit = divmod(rest - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return f"{base}-{letters}"


@dataclass(frozen=True)
class PricedLine:
    """What approval looks at on one line: cost and price per piece, work paid once, discounts in euro."""

    line_no: int
    unit_cost: Decimal | None
    unit_price: Decimal | None
    error: str | None = None
    quantity: Decimal = Decimal(1)
    one_off_cost: Decimal = Decimal(0)
    one_off_price: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)
    is_break: bool = False
    """The price of another quantity of the line, told with it."""


def below_minimum(lines: Sequence[PricedLine], costs: CostSettings) -> list[dict[str, Any]]:
    """Lines priced under cost/(1 − minimum margin) once discounts are off, with the lowest allowed unit price (QUO-32)."""
    found = []
    for line in lines:
        if line.unit_cost is None or line.unit_price is None:
            continue
        floor = floor_price(line.unit_cost * line.quantity + line.one_off_cost, costs)
        gross = line.unit_price * line.quantity + line.one_off_price
        if gross.quantize(_CENT, ROUND_HALF_UP) - line.discount < floor:
            unit = floor_price(line.unit_cost, costs)
            told = {"line": line.line_no, "unit_price": str(line.unit_price), "minimum": str(unit)}
            if line.is_break:
                told["quantity"] = f"{line.quantity.normalize():f}"
            if line.discount:
                most = max(gross.quantize(_CENT, ROUND_HALF_UP) - floor, Decimal(0))
                told |= {"discount": str(line.discount), "discount_max": str(most)}
            found.append(told)
    return found


def named(low: Sequence[dict[str, Any]]) -> str:
    """Lines under the floor in words: the lowest price, or the largest discount where one is given."""
    words = []
    for x in low:
        where = f"{x['line']} par {x['quantity']}" if "quantity" in x else str(x["line"])
        limit = f"minimum {euros(x['minimum'])}"
        if "discount" in x:
            limit = f"remise {euros(x['discount'])}, possible jusqu'à {euros(x['discount_max'])}"
        words.append(f"{where} ({limit})")
    return ", ".join(words)


def check_validity(number: str, valid_until: dt.date | None, today: dt.date) -> None:
    """A quote whose validity is over goes to nobody: its date is renewed first.

    Raises:
        BusinessError: ``quote.validity_over``.
    """
    if valid_until is not None and valid_until < today:
        errors = [FieldError("valid_until", "quote.validity_over")]
        raise BusinessError(
            "quote.validity_over", errors=errors, number=number, until=f"{valid_until:%d/%m/%Y}"
        )


def check_discount(pct: Decimal | None, amount: Decimal | None) -> None:
    """0 to 100 % or an amount, not both (QUO-33).

    Raises:
        BusinessError: ``quote.discount`` or ``quote.discount_both``.
    """
    if pct is not None and amount is not None:
        error = FieldError("discount_amount", "quote.discount_both")
        raise BusinessError("quote.discount_both", errors=[error])
    if not Discount(pct, amount).is_valid:
        name = "discount_pct" if amount is None else "discount_amount"
        raise BusinessError("quote.discount", errors=[FieldError(name, "quote.discount")])


def check_reason(given: Sequence[Quote | QuoteLine], reason: str | None) -> None:
    """A discount is approved with its reason only.

    Raises:
        BusinessError: ``quote.discount_reason``.
    """
    if any(x.discount_pct or x.discount_amount for x in given) and not (reason or "").strip():
        raise BusinessError(
            "quote.discount_reason", errors=[FieldError("discount_reason", "quote.discount_reason")]
        )


def signed_discount(record: Quote | QuoteLine) -> dict[str, Decimal]:
    """The discount among what is signed; nothing where none is given, so that earlier signatures stay valid."""
    names = ("discount_pct", "discount_amount")
    return {name: value for name in names if (value := getattr(record, name))}


def priced(line: QuoteLine, row: QuoteScenarioLine | None) -> PricedLine:
    """A line as approval looks at it, in the scenario the row belongs to."""
    if row is None:
        return PricedLine(line.line_no, line.unit_cost, line.unit_price_excl_tax, line.error_code)
    return PricedLine(
        line.line_no,
        row.unit_cost,
        row.unit_price_excl_tax,
        line.error_code,
        line.quantity,
        row.one_off_cost or Decimal(0),
        row.one_off_excl_tax or Decimal(0),
        (row.discount_excl_tax or Decimal(0)) + (row.quote_discount_excl_tax or Decimal(0)),
    )


def priced_break(quote: Quote, line: QuoteLine, row: QuotePriceBreak) -> PricedLine | None:
    """Price of another quantity with the percentages off; amounts are agreed for the quoted quantity only."""
    if row.unit_cost is None or row.unit_price_excl_tax is None:
        return None
    gross = (row.unit_price_excl_tax * row.quantity).quantize(_CENT, ROUND_HALF_UP)
    own = Discount(line.discount_pct).on(gross)
    off = own + Discount(quote.discount_pct).on(gross - own)
    unit_cost, unit_price = row.unit_cost, row.unit_price_excl_tax
    return PricedLine(line.line_no, unit_cost, unit_price, quantity=row.quantity, discount=off, is_break=True)


def check_approval(
    number: str,
    computed_at: dt.datetime | None,
    total: Decimal | None,
    questions: Sequence[dict[str, Any]],
    lines: Sequence[PricedLine],
    costs: CostSettings,
) -> None:
    """Refuse what may never reach a customer, whoever asks.

    Raises:
        BusinessError: ``quote.not_computed``, ``quote.open_questions``, ``quote.incomplete``, ``quote.below_minimum_margin``.
    """
    if computed_at is None:
        raise BusinessError("quote.not_computed", number=number)
    blocking = [q for q in questions if q.get("blocking")]
    if blocking:
        raise BusinessError("quote.open_questions", extra={"questions": blocking}, count=len(blocking))
    unpriced = [line.line_no for line in lines if not line.unit_price or line.error]
    if not lines or unpriced or total is None:
        raise BusinessError(
            "quote.incomplete", extra={"lines": unpriced}, lines=", ".join(map(str, unpriced))
        )
    low = below_minimum(lines, costs)
    if low:
        raise BusinessError(
            "quote.below_minimum_margin", extra={"lines": low}, lines=named(low), minimum=costs.min_margin_pct
        )
