"""Priority of an order from its dates (PLN-04, ORD-10). Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

ORDER = ("normal", "urgent", "critical", "overdue_urgent")


def working_days(first: dt.date, last: dt.date, closed: Collection[dt.date] = ()) -> int:
    """Working days after ``first`` up to ``last``; negative when ``last`` is before."""
    if last < first:
        return -working_days(last, first, closed)
    days, count = first, 0
    while days < last:
        days += dt.timedelta(days=1)
        count += days.weekday() < 5 and days not in closed
    return count


def priority_of(
    current: str,
    due: dt.date | None,
    forecast_end: dt.date | None,
    today: dt.date,
    closed: Collection[dt.date] = (),
    *,
    min_slack_days: int = 1,
) -> str:
    """``overdue_urgent`` when the date has passed or cannot be met, ``urgent`` when the slack is under ``min_slack_days``.

    A person's ``urgent`` or ``critical`` is never lowered; an automatic ``overdue_urgent`` goes when its reason goes.
    """
    kept = "normal" if current == "overdue_urgent" else current
    if due is None:
        return kept
    if due < today or (forecast_end is not None and forecast_end > due):
        return "overdue_urgent"
    slack = working_days(max(today, forecast_end or today), due, closed)
    if slack < min_slack_days and ORDER.index(kept) < ORDER.index("urgent"):
        return "urgent"
    return kept
