"""What a plan is worth (PLN-10): lateness first, then set-up changes, balance, flow and moves against the
current plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise

from coordinator.modules.planning.engine.model import (
    PRIORITY_WEIGHT,
    LeftOut,
    OrderResult,
    Placement,
    Priority,
    Problem,
    Task,
    TaskStatus,
)


def is_moved(old: Placement, new: Placement) -> bool:
    """Whether a person would see a change: other start, machine or operator."""
    return (old.start_min, old.machine, old.operator) != (new.start_min, new.machine, new.operator)


def order_results(
    tasks: Iterable[Task], placements: Mapping[str, Placement], left_out: Iterable[LeftOut]
) -> dict[str, OrderResult]:
    """End and lateness of each order; an order with a task left out has no end."""
    missing = {item.order for item in left_out}
    ends: dict[str, int] = {}
    dues: dict[str, int | None] = {}
    for task in tasks:
        if task.status is TaskStatus.CANCELLED:
            continue
        due = dues.get(task.order)
        if task.due_min is not None:
            dues[task.order] = task.due_min if due is None else min(due, task.due_min)
        else:
            dues.setdefault(task.order, None)
        if task.id in placements:
            ends[task.order] = max(ends.get(task.order, 0), placements[task.id].end_min)
    results: dict[str, OrderResult] = {}
    for order, due in dues.items():
        end = None if order in missing else ends.get(order)
        late = max(0, end - due) if end is not None and due is not None else 0
        results[order] = OrderResult(order, end, due, late)
    return results


def setup_changes(placements: Iterable[Placement], families: Mapping[str, str | None]) -> int:
    """Number of times a machine passes from one set-up family to another."""
    by_machine: dict[str, list[Placement]] = defaultdict(list)
    for placement in placements:
        if placement.machine is not None:
            by_machine[placement.machine].append(placement)
    changes = 0
    for items in by_machine.values():
        items.sort(key=lambda item: (item.start_min, item.task))
        for before, after in pairwise(items):
            first, second = families.get(before.task), families.get(after.task)
            changes += first is not None and second is not None and first != second
    return changes


def score(
    problem: Problem,
    placements: Mapping[str, Placement],
    left_out: Iterable[LeftOut],
    orders: Mapping[str, OrderResult],
) -> float:
    """Weighted cost of the plan, lower is better."""
    weights = problem.weights
    priority: dict[str, int] = {}
    families: dict[str, str | None] = {}
    for task in problem.tasks:
        priority[task.order] = max(priority.get(task.order, 1), PRIORITY_WEIGHT[Priority(task.priority)])
        families[task.id] = task.setup_family
    total = weights.left_out * sum(1 for _ in left_out)
    for result in orders.values():
        if result.late_min:
            total += priority[result.order] * (weights.late_order + weights.lateness * result.late_min / 60)
        if result.end_min is not None:
            total += weights.flow * priority[result.order] * (result.end_min - problem.now_min) / 60
    total += weights.setup_change * setup_changes(placements.values(), families)
    loads = dict.fromkeys((machine.id for machine in problem.machines), 0)
    for placement in placements.values():
        if placement.machine is not None:
            loads[placement.machine] += sum(end - start for start, end in placement.pieces)
    if loads:
        total += weights.balance * (max(loads.values()) - sum(loads.values()) / len(loads)) / 60
    if problem.baseline is not None:
        for task_id, old in problem.baseline.placements.items():
            new = placements.get(task_id)
            if new is not None and is_moved(old, new):
                total += weights.moved_task + weights.moved_hour * abs(new.start_min - old.start_min) / 60
    return total
