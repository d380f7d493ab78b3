"""Rules of quotes without database: what may change when, when approval is refused, how versions are numbered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.modules.quoting.engine.costing import floor_price
from coordinator.modules.quoting.engine.settings import CostSettings
from coordinator.modules.quoting.engine.trades import TRADES
from coordinator.modules.quoting.models import Quote

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
    """Whole pieces, at least one (QUO-47).

    Raises:
        BusinessError: ``quote.quantity``.
    """
    if quantity is not None and (quantity <= 0 or quantity != int(quantity)):
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
    """What approval looks at on one line."""

    line_no: int
    unit_cost: Decimal | None
    unit_price: Decimal | None
    error: str | None = None


def below_minimum(lines: Sequence[PricedLine], costs: CostSettings) -> list[dict[str, Any]]:
    """Lines priced under cost/(1 − minimum margin), with the lowest allowed price (QUO-32)."""
    found = []
    for line in lines:
        if line.unit_cost is None or line.unit_price is None:
            continue
        floor = floor_price(line.unit_cost, costs)
        if line.unit_price < floor:
            found.append({"line": line.line_no, "unit_price": str(line.unit_price), "minimum": str(floor)})
    return found


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
        named = ", ".join(f"{x['line']} (minimum {x['minimum']} €)" for x in low)
        raise BusinessError(
            "quote.below_minimum_margin", extra={"lines": low}, lines=named, minimum=costs.min_margin_pct
        )
