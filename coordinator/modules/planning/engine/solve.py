"""Plans the workshop: a first plan by priority rules at once, then CP-SAT, then local search until the
time is up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from coordinator.modules.planning.engine.decode import Decoder
from coordinator.modules.planning.engine.model import PRIORITY_WEIGHT, Plan, Priority, Problem, Task
from coordinator.modules.planning.engine.nominal import propose
from coordinator.modules.planning.engine.validate import validate


@dataclass(frozen=True, slots=True)
class SolveOptions:
    """How long and how to search. With `max_iterations` the local search is bounded by a count and
    `use_cp` off, the result depends only on the input and the seed, not on the speed of the machine."""

    seconds: float = 20.0
    seed: int = 1
    workers: int = 2
    use_cp: bool = True
    max_iterations: int | None = None


def remaining_work(problem: Problem) -> dict[str, int]:
    """Minutes of the shortest machine still to do from each task to the end of its order (critical tail)."""
    tasks = {task.id: task for task in problem.tasks}
    followers: dict[str, list[str]] = {task_id: [] for task_id in tasks}
    for task in problem.tasks:
        for link in task.links:
            if link.predecessor in followers:
                followers[link.predecessor].append(task.id)
    tails: dict[str, int] = {}

    def own(task: Task) -> int:
        if task.external_lead_min is not None:
            return task.external_lead_min
        return min(((c.setup_min or 0) + c.run_min for c in task.choices if c.run_min is not None), default=0)

    stack = list(tasks)
    while stack:
        current = stack[-1]
        open_followers = [f for f in followers[current] if f not in tails]
        if current not in tails and not open_followers:
            tails[current] = own(tasks[current]) + max((tails[f] for f in followers[current]), default=0)
        if current in tails:
            stack.pop()
        else:
            stack.extend(open_followers)
    return tails


def priority_orders(problem: Problem) -> list[list[str]]:
    """Task orders of the usual dispatching rules: due date, slack, weighted slack, most work remaining."""
    tails = remaining_work(problem)
    far = problem.horizon_min

    def due(task: Task) -> int:
        return task.due_min if task.due_min is not None else far

    def weight(task: Task) -> int:
        return PRIORITY_WEIGHT[Priority(task.priority)]

    rules: list[Callable[[Task], tuple[float, ...]]] = [
        lambda t: (due(t), -weight(t), t.sequence),
        lambda t: (due(t) - 3 * tails[t.id], -weight(t)),
        lambda t: ((due(t) - problem.now_min - 3 * tails[t.id]) / weight(t), due(t)),
        lambda t: (-weight(t), due(t) - tails[t.id]),
        lambda t: (-tails[t.id], due(t)),
    ]
    return [[t.id for t in sorted(problem.tasks, key=lambda t: (*rule(t), t.id))] for rule in rules]


def by_start(plan: Plan) -> list[str]:
    """Task ids in the order the plan starts them."""
    return [p.task for p in sorted(plan.placements.values(), key=lambda p: (p.start_min, p.end_min, p.task))]


def first_plan(problem: Problem, decoder: Decoder) -> tuple[Plan, list[str]]:
    """Best plan of the dispatching rules and of the order of the current plan, with the order it comes from."""
    orders = priority_orders(problem)
    if problem.baseline is not None:
        orders.insert(0, by_start(problem.baseline))
    plans = [(decoder.decode(order), order) for order in orders]
    return min(plans, key=lambda pair: pair[0].score)


class LocalSearch:
    """Improves an order by moving tasks of late orders forward, random insertions and machine changes.

    Accepts a slightly worse plan now and then (threshold accepting, Dueck and Scheuer 1990).
    """

    def __init__(
        self, decoder: Decoder, plan: Plan, order: list[str], machine_of: dict[str, str], seed: int
    ) -> None:
        self.decoder = decoder
        self.random = random.Random(seed)
        self.best = self.current = plan
        self.order = list(order)
        self.machine_of = machine_of

    def step(self, threshold: float) -> None:
        """One neighbour: kept when not worse than the current plan by more than `threshold`."""
        placed = self.current.placements
        movable = [t for t in self.order if t in placed and not placed[t].frozen]
        if len(movable) < 2:
            return
        order, machines = list(self.order), dict(self.machine_of)
        late = {r.order for r in self.current.orders.values() if r.late_min > 0}
        urgent = [t for t in movable if self.decoder.tasks[t].order in late]
        move = self.random.random()
        if move < 0.45 and urgent:
            wanted = self.decoder.tasks[self.random.choice(urgent)].order
            jump = self.random.randint(3, max(4, len(order) // 4))
            order = _advance(order, {t for t in movable if self.decoder.tasks[t].order == wanted}, jump)
        elif move < 0.8:
            task = self.random.choice(urgent if urgent and self.random.random() < 0.6 else movable)
            index = order.index(task)
            order.pop(index)
            low, high = max(0, index - 25), min(len(order), index + 15)
            order.insert(self.random.randint(low, high), task)
        else:
            task = self.random.choice(urgent if urgent and self.random.random() < 0.6 else movable)
            names = [c.machine for c in self.decoder.tasks[task].choices if c.run_min is not None]
            if len(names) > 1 and self.random.random() < 0.6:
                machines[task] = self.random.choice(names)
            else:
                machines.pop(task, None)
        plan = self.decoder.decode(order, machine_of=machines)
        if plan.score <= self.current.score + threshold:
            self.current, self.order, self.machine_of = plan, order, machines
            if plan.score < self.best.score:
                self.best = plan


def _advance(order: list[str], chosen: set[str], jump: int) -> list[str]:
    """Moves the chosen tasks `jump` places forward, keeping their own order."""
    keys = {task: (index - jump if task in chosen else index) for index, task in enumerate(order)}
    return sorted(order, key=lambda task: (keys[task], task not in chosen))


def solve(problem: Problem, options: SolveOptions | None = None) -> Plan:
    """Best plan found within `options.seconds`.

    Raises PlanningInputError on contradictory input. Tasks that cannot be planned are in `left_out` with
    the reason, the rest is planned (PLN-49, PLN-50). `status` is `feasible`, or `partial` when something
    is left out.
    """
    options = options or SolveOptions()
    began = time.monotonic()
    validate(problem)
    decoder = Decoder(problem)
    best, order = first_plan(problem, decoder)
    first_seconds = time.monotonic() - began
    deadline = began + options.seconds
    machine_of: dict[str, str] = {}
    if options.use_cp and deadline - time.monotonic() > 1.0:
        share = (0.4 if len(problem.tasks) <= 150 else 0.12) * (deadline - time.monotonic())
        proposal = propose(decoder, best, seconds=share, seed=options.seed, workers=options.workers)
        if proposal is not None:
            for machines in (proposal.machine_of, {}):
                plan = decoder.decode(proposal.order, machine_of=machines)
                if plan.score < best.score:
                    best, order, machine_of = plan, proposal.order, dict(machines)
    search = LocalSearch(decoder, best, order, machine_of, options.seed)
    steps = 0
    while (options.max_iterations is None or steps < options.max_iterations) and time.monotonic() < deadline:
        share = (deadline - time.monotonic()) / max(options.seconds, 0.001)
        search.step(0.002 * search.best.score * (share if options.max_iterations is None else 0.0))
        steps += 1
    return replace(search.best, seconds=time.monotonic() - began, first_plan_seconds=first_seconds)
