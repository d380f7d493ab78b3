"""Times and quantities of the shop floor. Pure: plain values in, plain values out; times in minutes."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

MAX_TIME_MIN = 1440
MILLI = Decimal("0.001")
CRITICAL = frozenset({"critical", "aerospace", "military", "armament"})
DECLARED = ("good", "rework", "scrap")
CAUSES = ("material", "machine", "tool", "instrument", "program", "method", "drawing", "operator", "supplier")
"""Shared list of causes (QHS-39)."""

Span = tuple[dt.datetime, dt.datetime | None]


def minutes(start: dt.datetime, end: dt.datetime) -> Decimal:
    """Minutes between two instants, never negative."""
    return max(Decimal(0), Decimal(str((end - start).total_seconds())) / 60).quantize(MILLI)


def effective_min(start: dt.datetime, end: dt.datetime, pauses: Sequence[Span]) -> Decimal:
    """Duration of an entry without its pauses; an open pause lasts to the end (EXE-17)."""
    total = minutes(start, end)
    for pause_start, pause_end in pauses:
        begin, stop = max(start, pause_start), min(end, pause_end or end)
        if stop > begin:
            total -= minutes(begin, stop)
    return max(Decimal(0), total)


def time_needs_comment(proposed_min: Decimal, entered_min: Decimal, limit_pct: Decimal) -> bool:
    """Whether a corrected time is far enough from the clocked one to ask why (EXE-18)."""
    return abs(entered_min - proposed_min) > limit_pct / 100 * max(proposed_min, Decimal(1))


def overlaps(first: Span, second: Span) -> bool:
    """Whether two periods share time; an open one has no end."""
    return (first[1] is None or second[0] < first[1]) and (second[1] is None or first[0] < second[1])


@dataclass(frozen=True)
class Quantities:
    """Parts declared: good, to rework, scrapped."""

    good: Decimal = Decimal(0)
    rework: Decimal = Decimal(0)
    scrap: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        """All parts declared."""
        return self.good + self.rework + self.scrap


def allowed_total(received: Decimal, tolerance_pct: Decimal) -> Decimal:
    """Parts an operation may declare of those it received (EXE-30)."""
    return (received * (100 + tolerance_pct) / 100).to_integral_value(rounding="ROUND_FLOOR")


def received(planned: Decimal, produced_before: Sequence[Decimal]) -> Decimal:
    """Parts an operation has to work on: what its predecessors passed on, else what was planned (EXE-30)."""
    return min(produced_before) if produced_before else planned


def cut_count(per_piece: Decimal, quantity: Decimal) -> int:
    """Blanks to saw for a quantity."""
    return math.ceil(per_piece * quantity)


def cycles_differ(cycle_parts: int, declared: Decimal, limit_pct: Decimal) -> bool:
    """Whether the machine counted other parts than the operator declared, beyond the limit (EXE-47)."""
    reference = max(declared, Decimal(1))
    return abs(Decimal(cycle_parts) - declared) > limit_pct / 100 * reference
