"""Which backups are kept (OPS-32): 7 daily, 5 weekly, 12 monthly, 10 yearly. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Retention:
    """How many of each period are kept; in each period the newest backup stands for it."""

    daily: int = 7
    weekly: int = 5
    monthly: int = 12
    yearly: int = 10


def kept(moments: Iterable[datetime], rule: Retention | None = None) -> set[datetime]:
    """The moments to keep; the newest backup always stays."""
    rule = rule or Retention()
    newest_first = sorted(set(moments), reverse=True)
    periods: list[tuple[int, Callable[[datetime], object]]] = [
        (rule.daily, lambda at: at.date()),
        (rule.weekly, lambda at: at.isocalendar()[:2]),
        (rule.monthly, lambda at: (at.year, at.month)),
        (rule.yearly, lambda at: at.year),
    ]
    result = set(newest_first[:1])
    for count, period in periods:
        seen: dict[object, datetime] = {}
        for moment in newest_first:
            seen.setdefault(period(moment), moment)
        result.update(list(seen.values())[:count])
    return result
