"""Simulated planning of a quote (QUO-34, QUO-36): when would the phases end? Nothing is booked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from coordinator.modules.quoting.engine.routes import Route
from coordinator.modules.quoting.engine.settings import ScenarioSettings
from coordinator.modules.quoting.engine.shop import Calendar

_HORIZON_DAYS = 3650


@dataclass(frozen=True, slots=True)
class BookedJob:
    """Work already on a machine that an urgency could move."""

    machine: str
    order: str
    minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class Availability:
    """What planning tells: the earliest free day per machine code, and the orders in front of it."""

    today: date
    earliest_free: Mapping[str, date] = field(default_factory=dict)
    booked: tuple[BookedJob, ...] = ()
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class Mode:
    """How a scenario uses time: overtime per day, Saturdays, overlap of phases, planning ignored, waiting first."""

    overtime_min: int = 0
    saturday: bool = False
    overlap: bool = False
    ignore_planning: bool = False
    wait_days: int = 0
    purchase_days: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Result of a simulation."""

    delivery: date
    load_min: dict[str, float]
    moved_orders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Moment:
    day: date
    used_min: float = 0.0

    def later(self, other: _Moment) -> _Moment:
        return max(self, other, key=lambda m: (m.day, m.used_min))


class _Clock:
    def __init__(self, calendar: Calendar, mode: Mode) -> None:
        self._calendar, self._mode = calendar, mode

    def advance(self, start: _Moment, minutes: float) -> _Moment:
        """Moment after working ``minutes`` from ``start`` on."""
        day, used, left = start.day, start.used_min, minutes
        for _ in range(_HORIZON_DAYS):
            free = self._calendar.minutes(day, self._mode.overtime_min, self._mode.saturday) - used
            if free >= left > 0 or (left <= 0 and free > 0):
                return _Moment(day, used + left)
            left -= max(free, 0.0)
            day, used = day + timedelta(days=1), 0.0
        return _Moment(day, 0.0)


def simulate(
    chosen: Sequence[tuple[Route, int]],
    calendar: Calendar,
    availability: Availability,
    rules: ScenarioSettings,
    mode: Mode,
) -> Plan:
    """Put every phase after its predecessor and after what the machine already has; lines in their order."""
    clock = _Clock(calendar, mode)
    begin = _Moment(availability.today + timedelta(days=rules.preparation_days + mode.wait_days))
    cursors: dict[str, _Moment] = {}
    load: dict[str, float] = {}
    last = begin
    for route, quantity in chosen:
        last = last.later(_run(route, quantity, begin, cursors, load, clock, availability, rules, mode))
    used = set(load)
    moved = (
        sorted({b.order for b in availability.booked if b.machine in used}) if mode.ignore_planning else []
    )
    delivery = last.day + timedelta(days=rules.shipping_days)
    while calendar.minutes(delivery) == 0 and (delivery - availability.today).days < _HORIZON_DAYS:
        delivery += timedelta(days=1)
    return Plan(delivery, load, tuple(moved))


def _run(
    route: Route,
    quantity: int,
    begin: _Moment,
    cursors: dict[str, _Moment],
    load: dict[str, float],
    clock: _Clock,
    availability: Availability,
    rules: ScenarioSettings,
    mode: Mode,
) -> _Moment:
    supply = max([route.blank.delay_days, *(g.delay_days or 0 for g in route.gaps)])
    if mode.purchase_days is not None:
        supply = min(supply, mode.purchase_days)
    ready = begin.later(_Moment(availability.today + timedelta(days=supply)))
    for phase in route.phases:
        if phase.external:
            ready = _Moment(ready.day + timedelta(days=rules.treatment_days))
            continue
        code = phase.machine.code if phase.machine else ""
        start = ready.later(cursors[code]) if code in cursors else ready
        free = availability.earliest_free.get(code)
        if free is not None and not mode.ignore_planning:
            start = start.later(_Moment(free))
        minutes = phase.total_min(quantity)
        end = clock.advance(start, minutes)
        if code:
            cursors[code] = end
            load[code] = load.get(code, 0.0) + minutes
        if mode.overlap and quantity > 1:
            share = phase.setup.value + (minutes - phase.setup.value) * rules.express_transfer_pct / 100
            ready = clock.advance(start, share)
            last = end
        else:
            ready = last = end
    return ready.later(last)
