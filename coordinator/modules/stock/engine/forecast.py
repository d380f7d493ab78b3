"""When an item runs out: known needs and usual use against what is there and what is coming (STK-34). Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True)
class Change:
    """A quantity wanted (negative) or expected (positive) on a day."""

    on: dt.date
    quantity: Decimal
    label: str = ""


@dataclass(frozen=True)
class Forecast:
    """How the stock of an item goes on: lowest level and its day, first day below nothing and below the minimum."""

    end_qty: Decimal
    lowest_qty: Decimal
    lowest_on: dt.date
    short_on: dt.date | None
    below_minimum_on: dt.date | None
    missing_qty: Decimal
    needed_qty: Decimal
    usual_qty: Decimal


def forecast(
    available: Decimal,
    changes: Sequence[Change],
    *,
    today: dt.date,
    days: int,
    daily_use: Decimal = ZERO,
    minimum: Decimal = ZERO,
) -> Forecast:
    """Level day by day. Usual use counts only as far as known needs do not already cover it.

    Raises:
        ValueError: a horizon that is not positive.
    """
    if days <= 0:
        raise ValueError("the horizon is at least one day")
    end = today + dt.timedelta(days=days)
    ours = sorted((c for c in changes if c.on <= end), key=lambda c: (c.on, c.quantity))
    needed = -sum((c.quantity for c in ours if c.quantity < 0), ZERO)
    usual = max(ZERO, daily_use * days - needed)
    per_day = usual / days
    level = lowest = available
    lowest_on, short_on, low_on = today, None, None
    waiting = list(ours)
    for number in range(days + 1):
        day = today + dt.timedelta(days=number)
        if number:
            level -= per_day
        while waiting and waiting[0].on <= day:
            level += waiting.pop(0).quantity
            if level < lowest:
                lowest, lowest_on = level, day
        if level < lowest:
            lowest, lowest_on = level, day
        if level < 0 and short_on is None:
            short_on = day
        if level < minimum and low_on is None:
            low_on = day
    missing = max(ZERO, -lowest)
    return Forecast(level, lowest, lowest_on, short_on, low_on, missing, needed, usual)
