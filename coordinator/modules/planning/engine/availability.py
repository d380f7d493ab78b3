"""Feasible date of a quote without touching the plan (PLN-18), and ranked free resources for a task
(PLN-19)."""

from __future__ import annotations

import enum
from collections import defaultdict
from dataclasses import dataclass, replace

from coordinator.modules.planning.engine.calendars import intersect, subtract
from coordinator.modules.planning.engine.decode import Decoder
from coordinator.modules.planning.engine.model import (
    Interval,
    LeftOut,
    Machine,
    Plan,
    Priority,
    Problem,
    Task,
)
from coordinator.modules.planning.engine.solve import by_start
from coordinator.modules.planning.engine.validate import validate

DAY_MIN = 24 * 60


class Mode(enum.StrEnum):
    """Scenario of a quote (QUO): after what is planned, first with rearrangement, or only in quiet
    periods."""

    STANDARD = "standard"
    EXPRESS = "express"
    ECONOMIC = "economic"


@dataclass(frozen=True, slots=True)
class Availability:
    """Feasible end of the quoted operations in one mode.

    `end_min` is None when something cannot be placed (`left_out` says why). `orders_made_late` are the
    orders of the plan that express would make late; they are empty in the other modes, which leave the
    plan as it is.
    """

    mode: Mode
    start_min: int | None
    end_min: int | None
    plan: Plan
    orders_made_late: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def _quiet(machine: Machine, busy: list[Interval], problem: Problem, max_load: float) -> Machine:
    """The machine open only on days whose planned load stays under `max_load` of the opening."""
    keep: list[Interval] = []
    openings = subtract(machine.openings, machine.blocked)
    for day in range(problem.now_min // DAY_MIN, problem.horizon_min // DAY_MIN + 1):
        window = [(day * DAY_MIN, (day + 1) * DAY_MIN)]
        opened = intersect(openings, window)
        total = sum(e - s for s, e in opened)
        load = sum(e - s for s, e in intersect(intersect(opened, busy), window))
        if total and load <= max_load * total:
            keep += opened
    return replace(machine, openings=tuple(keep) + tuple(busy))


def feasible_date(
    problem: Problem,
    plan: Plan,
    operations: tuple[Task, ...],
    mode: Mode,
    *,
    economic_max_load: float = 0.6,
    economic_wait_min: int = DAY_MIN,
) -> Availability:
    """Earliest end of `operations` (one quote) against the current `plan`, which is not changed.

    standard: inserted in the free time left by the plan. express: placed first, the rest is rearranged
    around it except running, locked and frozen tasks. economic: only on days where the machine's planned
    load is at most `economic_max_load`, with at least `economic_wait_min` between two operations. Raises
    PlanningInputError.
    """
    mine = {task.id for task in operations}
    due = problem.horizon_min
    added = tuple(replace(t, due_min=t.due_min if t.due_min is not None else due) for t in operations)
    machines = problem.machines
    if mode is Mode.EXPRESS:
        added = tuple(replace(t, priority=Priority.OVERDUE_URGENT) for t in added)
    if mode is Mode.ECONOMIC:
        added = tuple(
            replace(t, links=tuple(replace(k, lag_min=max(k.lag_min, economic_wait_min)) for k in t.links))
            for t in added
        )
        busy: dict[str, list[Interval]] = {machine.id: [] for machine in machines}
        for placed in plan.placements.values():
            if placed.machine is not None:
                busy[placed.machine] += placed.pieces
        machines = tuple(_quiet(m, sorted(busy[m.id]), problem, economic_max_load) for m in machines)
    trial = replace(problem, tasks=problem.tasks + added, machines=machines, baseline=plan)
    validate(trial)
    decoder = Decoder(trial)
    own = [task.id for task in added]
    if mode is Mode.EXPRESS:
        result = decoder.decode([*own, *by_start(plan)])
    else:
        result = decoder.decode([*by_start(plan), *own], pins=plan.placements)
    ends = [result.placements[t].end_min for t in own if t in result.placements]
    starts = [result.placements[t].start_min for t in own if t in result.placements]
    missing = tuple(item for item in result.left_out if item.task in mine)
    late: tuple[str, ...] = ()
    if mode is Mode.EXPRESS:
        late = tuple(
            order
            for order, now in result.orders.items()
            if order in plan.orders and now.late_min > plan.orders[order].late_min
        )
    return Availability(
        mode, min(starts, default=None), None if missing else max(ends, default=None), result, late, missing
    )


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A machine and operator able to take a task, with when and why."""

    machine: str | None
    operator: str | None
    start_min: int
    end_min: int
    reason: str


def suggest(problem: Problem, plan: Plan, task_id: str, *, limit: int = 5) -> list[Suggestion]:
    """Free machines and operators for one task with everything else left in place, best first (PLN-19)."""
    tasks = tuple(replace(t, lock=None) if t.id == task_id else t for t in problem.tasks)
    decoder = Decoder(replace(problem, tasks=tasks, baseline=None))
    others = {t: p for t, p in plan.placements.items() if t != task_id}
    load: dict[str | None, int] = defaultdict(int)
    for placed in others.values():
        for name in (placed.machine, placed.operator):
            load[name] += sum(end - start for start, end in placed.pieces)
    found = []
    for fit in decoder.options(task_id, others):
        words = f"libre au plus tôt, charge prévue {load[fit.machine] // 60} h sur {fit.machine}"
        if fit.operator:
            words += f", {load[fit.operator] // 60} h pour {fit.operator}"
        found.append(Suggestion(fit.machine, fit.operator, fit.start_min, fit.end_min, words))
    found.sort(key=lambda s: (s.end_min, load[s.machine], load[s.operator], s.operator or ""))
    return found[:limit]
