"""Rearranges the plan after an event with as little change as possible, and explains the proposal (PLN-21
to PLN-27)."""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass, field, replace

from coordinator.modules.planning.engine.decode import Decoder
from coordinator.modules.planning.engine.load import DAY_MIN
from coordinator.modules.planning.engine.model import (
    Interval,
    LeftOut,
    Lock,
    Placement,
    Plan,
    Priority,
    Problem,
    Readiness,
    Task,
    TaskStatus,
)
from coordinator.modules.planning.engine.score import is_moved
from coordinator.modules.planning.engine.solve import LocalSearch, by_start, priority_orders
from coordinator.modules.planning.engine.validate import name_of, validate


class Trigger(enum.StrEnum):
    """What makes the plan change (PLN-21)."""

    OPERATOR_ABSENCE = "operator_absence"
    TOOL_MISSING = "tool_missing"
    MACHINE_BREAKDOWN = "machine_breakdown"
    MATERIAL_SHORTAGE = "material_shortage"
    OPERATION_LATE = "operation_late"
    OVERLOAD = "overload"
    URGENT_ORDER = "urgent_order"
    SCRAP_EXTRA = "scrap_extra"
    SUPPLIER_DELAY = "supplier_delay"


@dataclass(frozen=True, slots=True)
class Event:
    """What happened. Which fields count depends on the trigger:

    breakdown: `machine`, `start_min`, `end_min`; absence: `operator`, `start_min`, `end_min`; tool,
    material: `tasks`, `label`, `end_min` (None: no known date); late operation, supplier delay: one task
    and its new `end_min`; urgent order and scrap: `new_tasks`, or `tasks` whose priority rises to
    `overdue_urgent`; overload: `machine` and its window.
    """

    trigger: Trigger
    label: str
    machine: str | None = None
    operator: str | None = None
    start_min: int = 0
    end_min: int | None = None
    tasks: tuple[str, ...] = ()
    new_tasks: tuple[Task, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """One task that changes place; `old` None for a new task, `new` None for a task that can no longer be
    placed."""

    task: str
    order: str
    old: Placement | None
    new: Placement | None
    reason: str


@dataclass(frozen=True, slots=True)
class ReplanResult:
    """A proposal: the new plan, what moves and why, and its effect on delivery dates.

    `orders_late` were on time and no longer are; `orders_later` end later and late; `orders_saved` would
    be late if the tasks were only pushed back. `auto_applicable` says whether PLN-24 allows applying it
    without approval, else `approval_reasons` (French) say why not.
    """

    problem: Problem
    plan: Plan
    moves: tuple[Move, ...]
    orders_late: tuple[str, ...]
    orders_later: tuple[str, ...]
    orders_saved: tuple[str, ...]
    setup_delta_min: int
    auto_applicable: bool
    approval_reasons: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = field(default_factory=tuple)


def apply_event(problem: Problem, baseline: Plan, event: Event) -> Problem:
    """The problem after the event, with `baseline` as current plan. Raises ValueError when the event
    misses a field."""
    until = event.end_min if event.end_min is not None else problem.horizon_min
    window: Interval = (event.start_min, until)
    if event.trigger is Trigger.MACHINE_BREAKDOWN:
        if event.machine is None:
            raise ValueError("machine manquante")
        machines = tuple(
            replace(m, blocked=(*m.blocked, window)) if m.id == event.machine else m for m in problem.machines
        )
        return replace(
            problem, machines=machines, tasks=_stopped(problem, window, event.machine), baseline=baseline
        )
    if event.trigger is Trigger.OPERATOR_ABSENCE:
        if event.operator is None:
            raise ValueError("opérateur manquant")
        operators = tuple(
            replace(o, absences=(*o.absences, window)) if o.id == event.operator else o
            for o in problem.operators
        )
        return replace(problem, operators=operators, baseline=baseline)
    chosen = set(event.tasks)

    def change(task: Task) -> Task:
        if task.id not in chosen or task.status is not TaskStatus.PLANNED:
            if task.id in chosen and event.trigger is Trigger.OPERATION_LATE and task.lock is not None:
                return replace(task, lock=replace(task.lock, end_min=event.end_min))
            return task
        if event.trigger in {Trigger.TOOL_MISSING, Trigger.MATERIAL_SHORTAGE}:
            kind = "tool" if event.trigger is Trigger.TOOL_MISSING else "material"
            return replace(task, readiness=(*task.readiness, Readiness(kind, event.label, event.end_min)))
        if event.trigger is Trigger.SUPPLIER_DELAY and task.external_lead_min is not None:
            return replace(task, lock=Lock(baseline.placements[task.id].start_min, None, None, event.end_min))
        if event.trigger is Trigger.OVERLOAD:
            others = tuple(choice for choice in task.choices if choice.machine != event.machine)
            return replace(task, choices=others or task.choices)
        if event.trigger in {Trigger.URGENT_ORDER, Trigger.SCRAP_EXTRA}:
            return replace(task, priority=Priority.OVERDUE_URGENT)
        return task

    tasks = tuple(change(task) for task in problem.tasks) + event.new_tasks
    return replace(problem, tasks=tasks, baseline=baseline)


def _stopped(problem: Problem, window: Interval, machine: str) -> tuple[Task, ...]:
    """A running operation on a machine that stops ends later by the length of the stop."""
    stopped = []
    for task in problem.tasks:
        lock = task.lock
        if (
            task.status is TaskStatus.IN_PROGRESS
            and lock is not None
            and lock.machine == machine
            and lock.end_min is not None
            and lock.start_min < window[1]
            and lock.end_min > window[0]
        ):
            begin = max(window[0], problem.now_min, lock.start_min)
            lock = replace(lock, end_min=lock.end_min + max(0, window[1] - begin))
            task = replace(task, lock=lock)
        stopped.append(task)
    return tuple(stopped)


def _pushed_back(decoder: Decoder, baseline: Plan) -> Plan:
    """Everything keeps machine, order and earliest start; what no longer holds is pushed back."""
    machine_of = {p.task: p.machine for p in baseline.placements.values() if p.machine is not None}
    floor = {p.task: p.start_min for p in baseline.placements.values()}
    return decoder.decode(by_start(baseline), machine_of=machine_of, floor=floor)


def _repaired(decoder: Decoder, baseline: Plan, order: list[str]) -> Plan:
    """What still holds stays exactly; only the tasks hit are placed anew, in the gaps."""
    return decoder.decode(order, pins=_holding(decoder, baseline))


def _holding(decoder: Decoder, baseline: Plan) -> dict[str, Placement]:
    """Placements of the baseline that can stay: neither hit themselves nor behind a task that is."""
    kept = decoder.decode([], pins=baseline.placements).placements
    same = {t for t, old in baseline.placements.items() if t in kept and not is_moved(old, kept[t])}
    return {task_id: baseline.placements[task_id] for task_id in same}


def replan(
    problem: Problem,
    baseline: Plan,
    event: Event,
    *,
    seconds: float = 10.0,
    seed: int = 1,
    max_iterations: int | None = None,
) -> ReplanResult:
    """Best proposal found in `seconds`; running, locked and frozen tasks stay where they are.

    The objective of `score` counts every moved task, so that a quiet plan wins unless a delivery date is
    at stake. Raises PlanningInputError on contradictory input.
    """
    began = time.monotonic()
    after = apply_event(problem, baseline, event)
    validate(after)
    decoder = Decoder(after)
    pushed = _pushed_back(decoder, baseline)
    first = set(event.tasks) | {task.id for task in event.new_tasks}
    urgent_first = [*(t.id for t in after.tasks if t.id in first), *by_start(baseline)]
    orders = [by_start(baseline), urgent_first, *priority_orders(after)]
    repaired = [(_repaired(decoder, baseline, order), order) for order in orders]
    rebuilt = [(decoder.decode(order), order) for order in orders]
    quiet, free = (
        LocalSearch(decoder, *min(found, key=lambda pair: pair[0].score), {}, seed)
        for found in (repaired, rebuilt)
    )
    steps = 0
    while time.monotonic() - began < seconds and (max_iterations is None or steps < max_iterations):
        if steps % 4 == 3:
            free.step(0.0)
        else:
            _release_some(quiet)
        steps += 1
    best = min(quiet.best, free.best, pushed, key=lambda plan: plan.score)
    return explain(after, baseline, best, pushed, event)


def _release_some(search: LocalSearch) -> None:
    """Neighbour of the repair kind: all stays except one order, a late one first, and a few tasks in its way."""
    late = [r.order for r in search.best.orders.values() if r.late_min > 0]
    movable = [t for t, p in search.best.placements.items() if not p.frozen]
    if not movable:
        return
    tasks = search.decoder.tasks
    target = search.random.choice(late) if late else tasks[search.random.choice(movable)].order
    window = [search.best.placements[t] for t in movable if tasks[t].order == target]
    if not window:
        return
    freed = {p.task for p in window}
    task = tasks[search.random.choice(window).task]
    before = [search.best.placements[k.predecessor].end_min for k in task.links if k.predecessor in tasks]
    ready = max([search.decoder.problem.now_min, task.release_min, *before])
    wanted = {c.machine for c in task.choices} | set(search.decoder.candidates(task))
    neighbours = [
        t
        for t in movable
        if t not in freed
        and ready - DAY_MIN < (placed := search.best.placements[t]).start_min < ready + 2 * DAY_MIN
        and (placed.machine in wanted or placed.operator in wanted)
    ]
    freed |= set(search.random.sample(neighbours, min(len(neighbours), search.random.randint(1, 12))))
    kept = {t: p for t, p in search.best.placements.items() if t not in freed}
    order = sorted(search.order, key=lambda t: tasks[t].order != target)
    plan = search.decoder.decode(order, pins=kept)
    if plan.score < search.best.score:
        search.best = plan


def _setup_total(problem: Problem, plan: Plan) -> int:
    total = 0
    choices = {(t.id, c.machine): c.setup_min or 0 for t in problem.tasks for c in t.choices}
    for placed in plan.placements.values():
        total += choices.get((placed.task, placed.machine or ""), 0)
    return total


def _reason(task: Task, old: Placement | None, new: Placement | None, event: Event) -> str:
    """French reason of one move."""
    name = name_of(task)
    if new is None:
        return f"{name} : ne peut plus être placée après « {event.label} »."
    if old is None:
        return f"{name} : ajoutée au planning ({event.label})."
    if old.machine != new.machine:
        return f"{name} : passe de {old.machine} à {new.machine} ({event.label})."
    if old.operator != new.operator and old.start_min == new.start_min:
        return f"{name} : confiée à {new.operator} au lieu de {old.operator} ({event.label})."
    sense = "reculée" if new.start_min > old.start_min else "avancée"
    shift = abs(new.start_min - old.start_min)
    words = f"{shift} min" if shift < 120 else f"{shift // 60} h {shift % 60:02d}"
    return f"{name} : {sense} de {words} ({event.label})."


def explain(problem: Problem, old: Plan, new: Plan, pushed: Plan, event: Event) -> ReplanResult:
    """Compares two plans and decides whether the change may be applied without approval (PLN-24)."""
    tasks = {task.id: task for task in problem.tasks}
    moves = []
    for task in problem.tasks:
        before, now = old.placements.get(task.id), new.placements.get(task.id)
        if (before is None and now is None) or (before and now and not is_moved(before, now)):
            continue
        moves.append(Move(task.id, task.order, before, now, _reason(task, before, now, event)))
    late, later, saved = [], [], []
    for order, result in new.orders.items():
        was, naive = old.orders.get(order), pushed.orders.get(order)
        unplaced = result.end_min is None and was is not None and was.end_min is not None
        if was is not None and was.late_min == 0 and (result.late_min > 0 or unplaced):
            late.append(order)
        elif was is not None and result.late_min > was.late_min > 0:
            later.append(order)
        kept = result.late_min == 0 and result.end_min is not None
        if kept and naive is not None and (naive.late_min > 0 or naive.end_min is None):
            saved.append(order)
    reasons = []
    if late:
        reasons.append(f"Livraisons qui deviennent en retard : {', '.join(late)}.")
    if later:
        reasons.append(f"Livraisons encore plus en retard : {', '.join(later)}.")
    if any(tasks[move.task].critical for move in moves):
        reasons.append("Une commande critique (aéronautique, défense) est touchée.")
    if any(_locked_moved(tasks[move.task], move) for move in moves):
        reasons.append("Une tâche en cours ou verrouillée serait touchée.")
    if event.trigger is Trigger.URGENT_ORDER:
        reasons.append("Une commande urgente passe devant d'autres.")
    if new.left_out and len(new.left_out) > len(old.left_out):
        reasons.append("Des opérations ne peuvent plus être placées.")
    if new.conflicts:
        reasons.append("Des tâches verrouillées sont en conflit.")
    return ReplanResult(
        problem,
        new,
        tuple(moves),
        tuple(late),
        tuple(later),
        tuple(saved),
        _setup_total(problem, new) - _setup_total(problem, old),
        not reasons,
        tuple(reasons),
        new.left_out,
    )


def _locked_moved(task: Task, move: Move) -> bool:
    """A running or locked task that would start elsewhere (a later end of a running task is a fact, not a
    move)."""
    return task.lock is not None and move.old is not None and move.new is not None
