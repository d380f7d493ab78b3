"""Times and rates of a machine after NF E60-182 (TRS, TRG, TRE) with ISO 22400 names. Pure.

Total time tT ⊇ opening time tO ⊇ required time tR (without planned stops) ⊇ operating time tF (running) ⊇ net time tN
(parts × reference cycle) ⊇ useful time tU (good parts × reference cycle).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Interval = tuple[dt.datetime, dt.datetime]


@dataclass(frozen=True)
class Span:
    """Time in one normalised state; ``reason`` is what a person said of the stop."""

    state: str
    start: dt.datetime
    end: dt.datetime
    reason: str | None = None


@dataclass(frozen=True)
class Production:
    """Parts of one cycle. ``reference_min`` is the reference time of one part; ``good_share`` lies in 0…1."""

    ended_at: dt.datetime
    parts: int
    reference_min: float | None
    good_share: float = 1.0
    is_estimated: bool = False


@dataclass(frozen=True)
class Oee:
    """Times in minutes, rates as fractions; a rate without time to divide by is ``None``."""

    start: dt.datetime
    end: dt.datetime
    total_min: float
    opening_min: float
    overtime_min: float
    planned_stop_min: float
    gap_min: float
    required_min: float
    setup_min: float
    operating_min: float
    net_min: float
    useful_min: float
    parts: int
    good_parts: float
    parts_without_reference: int
    estimated_parts: int
    availability: float | None
    performance: float | None
    quality: float | None
    trs: float | None
    trg: float | None
    tre: float | None
    stops_min: Mapping[str, float] = field(default_factory=dict)


def minutes(intervals: Iterable[Interval]) -> float:
    """Length of intervals that do not overlap."""
    return sum((end - start).total_seconds() for start, end in intervals) / 60


def joined(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time without overlap, in order."""
    found: list[Interval] = []
    for start, end in sorted(i for i in intervals if i[0] < i[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def overlap(first: Sequence[Interval], second: Sequence[Interval]) -> list[Interval]:
    """Time in both."""
    cut = ((max(a[0], b[0]), min(a[1], b[1])) for a in first for b in second)
    return joined(i for i in cut if i[0] < i[1])


def _rate(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def compute(
    window: Interval,
    opening: Sequence[Interval],
    spans: Sequence[Span],
    production: Sequence[Production],
    planned_reasons: frozenset[str] = frozenset(),
) -> Oee:
    """Times and rates of a window (MCH-28, MCH-29, MCH-31, MCH-45).

    - Running outside the opening hours extends them and is told as overtime: parts made then must not lift the TRS.
    - Maintenance and stops with a planned reason are no required time.
    - Time without data is neither: it is told as gap and left out of the required time.
    - Set-up is a stop, told apart. A part without reference time counts for no net time and is told.
    """
    spans = [s for s in spans if s.start < window[1] and window[0] < s.end]
    running = [(s.start, s.end) for s in spans if s.state == "running"]
    calendar = overlap([window], joined(opening))
    opened = joined([*calendar, *overlap([window], running)])
    by_cause: dict[str, float] = defaultdict(float)
    operating = planned = known = 0.0
    for span in spans:
        length = minutes(overlap(opened, [(span.start, span.end)]))
        if span.state == "unknown" or length == 0:
            continue
        known += length
        if span.state == "running":
            operating += length
        elif span.state == "maintenance" or span.reason in planned_reasons:
            planned += length
        else:
            by_cause[span.reason or span.state] += length
    setup = sum(minutes(overlap(opened, [(s.start, s.end)])) for s in spans if s.state == "setup")
    made = [p for p in production if window[0] <= p.ended_at < window[1]]
    net = sum(p.parts * p.reference_min for p in made if p.reference_min is not None)
    useful = sum(p.parts * p.reference_min * p.good_share for p in made if p.reference_min is not None)
    total, opening_min = minutes([window]), minutes(opened)
    required = known - planned
    return Oee(
        start=window[0],
        end=window[1],
        total_min=total,
        opening_min=opening_min,
        overtime_min=opening_min - minutes(calendar),
        planned_stop_min=planned,
        gap_min=opening_min - known,
        required_min=required,
        setup_min=setup,
        operating_min=operating,
        net_min=net,
        useful_min=useful,
        parts=sum(p.parts for p in made),
        good_parts=sum(p.parts * p.good_share for p in made),
        parts_without_reference=sum(p.parts for p in made if p.reference_min is None),
        estimated_parts=sum(p.parts for p in made if p.is_estimated),
        availability=_rate(operating, required),
        performance=_rate(net, operating),
        quality=_rate(useful, net),
        trs=_rate(useful, required),
        trg=_rate(useful, opening_min),
        tre=_rate(useful, total),
        stops_min=dict(sorted(by_cause.items(), key=lambda item: -item[1])),
    )
