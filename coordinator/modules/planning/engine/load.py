"""Load against capacity per machine and day (PLN-06), for views, thresholds and forecasts."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.modules.planning.engine.calendars import intersect, normalise, subtract
from coordinator.modules.planning.engine.model import Interval, Plan, Problem

DAY_MIN = 24 * 60


@dataclass(frozen=True, slots=True)
class DayLoad:
    """Planned set-up and run minutes of one machine in one day, and the minutes it is open."""

    machine: str
    day: int
    load_min: int
    open_min: int

    def is_overload(self, threshold_min: int = 450) -> bool:
        """Above the threshold of planned work per machine and day (default 7.5 h)."""
        return self.load_min > threshold_min


def day_loads(
    problem: Problem, plan: Plan, first_day: int, days: int, *, midnight_min: int = 0
) -> list[DayLoad]:
    """Load of every machine for `days` days from `first_day`; `midnight_min` is the minute at which day 0
    begins."""
    worked: dict[str, list[Interval]] = {machine.id: [] for machine in problem.machines}
    for placed in plan.placements.values():
        if placed.machine is not None:
            worked[placed.machine] += placed.pieces
    loads: list[DayLoad] = []
    for machine in problem.machines:
        opened, busy = subtract(machine.openings, machine.blocked), normalise(worked[machine.id])
        for day in range(first_day, first_day + days):
            window = [(midnight_min + day * DAY_MIN, midnight_min + (day + 1) * DAY_MIN)]
            loads.append(
                DayLoad(
                    machine.id,
                    day,
                    sum(end - start for start, end in intersect(busy, window)),
                    sum(end - start for start, end in intersect(opened, window)),
                )
            )
    return loads
