"""Pure computations on periods."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

Interval = tuple[dt.datetime, dt.datetime]


def subtract(intervals: Iterable[Interval], holes: Iterable[Interval]) -> list[Interval]:
    """Intervals without the holes; both sorted or not, the result sorted."""
    left = sorted(intervals)
    for hole_start, hole_end in sorted(holes):
        kept: list[Interval] = []
        for start, end in left:
            if hole_end <= start or end <= hole_start:
                kept.append((start, end))
                continue
            if start < hole_start:
                kept.append((start, hole_start))
            if hole_end < end:
                kept.append((hole_end, end))
        left = kept
    return left


def employed_within(
    start: dt.datetime, end: dt.datetime, hired_on: dt.date | None, left_on: dt.date | None
) -> Interval | None:
    """Part of ``[start, end)`` between the first and the last day of work, ``None`` when empty."""
    if hired_on is not None:
        start = max(start, dt.datetime.combine(hired_on, dt.time(), dt.UTC))
    if left_on is not None:
        end = min(end, dt.datetime.combine(left_on + dt.timedelta(days=1), dt.time(), dt.UTC))
    return (start, end) if start < end else None
