"""CP-SAT model that proposes machine choices and a sequence.

The model works on one compressed reference axis (minutes during which the workshop works), where a machine
or an unattended run with longer opening hours is given a proportionally shorter duration. It therefore
sees sequence, machine choice, capacity of skills and lateness, but only approximates each calendar:
`decode` makes the exact plan of what it proposes. Durations exact per calendar inside CP-SAT would need
one literal per task and closing hour, too slow for 500 operations on two cores.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from coordinator.modules.planning.engine.calendars import Axis, intersect, normalise, subtract
from coordinator.modules.planning.engine.decode import Decoder
from coordinator.modules.planning.engine.model import (
    PRIORITY_WEIGHT,
    Interval,
    MachineChoice,
    Placement,
    Plan,
    Priority,
    Task,
)

_LONG_BLOCK_MIN = 480


@dataclass(frozen=True, slots=True)
class Proposal:
    """Priority order and machine of each task as CP-SAT sees them, with its own status."""

    order: list[str]
    machine_of: dict[str, str]
    status: str


class _Reference:
    """The reference axis and how machines relate to it."""

    def __init__(self, decoder: Decoder) -> None:
        problem = decoder.problem
        machines = normalise(i for axis in decoder.machine_axis.values() for i in axis.intervals)
        people = normalise(i for axis in decoder.operator_axis.values() for i in axis.intervals)
        both = intersect(machines, people) if people else machines
        window = [(problem.now_min, problem.horizon_min)]
        self.axis = Axis(intersect(both or machines, window))
        self.now = problem.now_min
        self.total = max(1, self.axis.total(problem.now_min, problem.horizon_min))
        self.elapsed_ratio = self.total / max(1, problem.horizon_min - problem.now_min)
        self.scale: dict[str, float] = {}
        self.blocks: dict[str, list[Interval]] = {}
        for name, axis in decoder.machine_axis.items():
            gaps = [(self.at(s), self.at(e)) for s, e in _gaps(axis, window)]
            long = [gap for gap in gaps if gap[1] - gap[0] > _LONG_BLOCK_MIN]
            self.blocks[name] = long
            open_min = sum(e - s for s, e in intersect(axis.intervals, window))
            usable = self.total - sum(e - s for s, e in long)
            self.scale[name] = usable / open_min if open_min else 1.0

    def at(self, minute: int) -> int:
        """Reference minute of an instant."""
        return self.axis.total(self.now, minute)

    def lag(self, minutes: int) -> int:
        return round(minutes * self.elapsed_ratio)


def _gaps(axis: Axis, window: list[Interval]) -> list[Interval]:
    return subtract(window, axis.intervals)


def _stretch(decoder: Decoder, reference: _Reference, task: Task, choice: MachineChoice) -> float:
    """Reference minutes per worked minute: the person best present on the machine, or the machine alone."""
    if not (task.needs_operator and task.attendance_pct > 0):
        return reference.scale[choice.machine]
    window = [(reference.now, decoder.problem.horizon_min)]
    shared = (
        sum(e - s for s, e in intersect(decoder.joint(choice.machine, person).intervals, window))
        for person in decoder.candidates(task)
    )
    best = max(shared, default=0)
    return reference.total / best if best else 1.0


class _Model:
    """Builds and solves; one instance per call."""

    def __init__(self, decoder: Decoder, hint: Plan) -> None:
        from ortools.sat.python import cp_model

        self.cp: Any = cp_model
        self.model: Any = cp_model.CpModel()
        self.decoder = decoder
        self.hint = hint
        self.reference = _Reference(decoder)
        self.end_of_time = self.reference.total * 2
        self.start: dict[str, Any] = {}
        self.end: dict[str, Any] = {}
        self.literal: dict[str, dict[str, Any]] = defaultdict(dict)
        self.on_machine: dict[str, list[Any]] = defaultdict(list)
        self.stretch: dict[tuple[str, frozenset[str], bool], float] = {}
        self.attended: list[tuple[frozenset[str], Any, int]] = []

    def build(self) -> None:
        for placement in self.hint.placements.values():
            task = self.decoder.tasks[placement.task]
            if placement.frozen:
                self._add_fixed(placement, task)
            else:
                self._add_task(task, placement)
        for name, blocks in self.reference.blocks.items():
            for low, high in blocks:
                self.on_machine[name].append(
                    self.model.new_fixed_size_interval_var(low, high - low, "closed")
                )
        for intervals in self.on_machine.values():
            self.model.add_no_overlap(intervals)
        self._add_people()
        self._add_links()
        self._add_objective()

    def _add_fixed(self, placement: Placement, task: Task) -> None:
        low, high = self.reference.at(placement.start_min), self.reference.at(placement.end_min)
        self.start[task.id], self.end[task.id] = low, high

    def _add_task(self, task: Task, placement: Placement) -> None:
        model, reference = self.model, self.reference
        ready = max(task.release_min, *(r.at_min or 0 for r in task.readiness), 0)
        start = model.new_int_var(reference.at(ready), self.end_of_time, "")
        end = model.new_int_var(0, self.end_of_time, "")
        self.start[task.id], self.end[task.id] = start, end
        model.add_hint(start, reference.at(placement.start_min))
        if task.external_lead_min is not None:
            model.add(end == start + reference.lag(task.external_lead_min))
            return
        choices = [choice for choice in task.choices if choice.run_min is not None]
        literals = []
        for choice in choices:
            literal = model.new_bool_var("") if len(choices) > 1 else model.new_constant(1)
            stretch = self._stretch_of(task, choice)
            size = max(1, round((choice.setup_min or 0) + (choice.run_min or 0) * stretch))
            interval = model.new_optional_interval_var(start, size, end, literal, "")
            self.on_machine[choice.machine].append(interval)
            self.literal[task.id][choice.machine] = literal
            if len(choices) > 1:
                model.add_hint(literal, choice.machine == placement.machine)
            literals.append(literal)
            if task.needs_operator and self.decoder.problem.operators:
                load = task.attendance_pct if choice.run_min else 100
                load = max(1, round(load / stretch)) if load else 0
                self.attended.append((frozenset(self.decoder.candidates(task)), interval, load))
        if len(literals) > 1:
            model.add_exactly_one(literals)

    def _stretch_of(self, task: Task, choice: MachineChoice) -> float:
        key = (choice.machine, task.skills, task.needs_operator and task.attendance_pct > 0)
        if key not in self.stretch:
            self.stretch[key] = _stretch(self.decoder, self.reference, task, choice)
        return self.stretch[key]

    def _add_people(self) -> None:
        """Skill pools: tasks only a group of people can do never need more than that group offers."""
        axes = self.decoder.operator_axis
        window = [(self.reference.now, self.decoder.problem.horizon_min)]
        presence = {
            name: sum(e - s for s, e in intersect(axis.intervals, window)) / self.reference.total
            for name, axis in axes.items()
        }
        for group in sorted({people for people, _, _ in self.attended} | {frozenset(axes)}, key=sorted):
            capacity = round(100 * sum(presence[person] for person in group))
            members = [
                (i, pct) for people, i, pct in self.attended if people <= group and 0 < pct <= capacity
            ]
            if members:
                self.model.add_cumulative([i for i, _ in members], [pct for _, pct in members], capacity)

    def _add_links(self) -> None:
        for task_id, start in self.start.items():
            task = self.decoder.tasks[task_id]
            for link in task.links:
                if link.predecessor not in self.end or isinstance(start, int):
                    continue
                before = self.decoder.tasks[link.predecessor]
                lag = self.reference.lag(link.lag_min)
                if link.transfer_quantity and link.transfer_quantity < before.quantity:
                    share = link.transfer_quantity / before.quantity
                    run = min((c.run_min or 0 for c in before.choices), default=0)
                    self.model.add(start >= self.start[link.predecessor] + round(run * share) + lag)
                    self.model.add(self.end[task_id] >= self.end[link.predecessor] + lag)
                else:
                    self.model.add(start >= self.end[link.predecessor] + lag)

    def _add_objective(self) -> None:
        weights = self.decoder.problem.weights
        by_order: dict[str, list[Task]] = defaultdict(list)
        for task_id in self.start:
            by_order[self.decoder.tasks[task_id].order].append(self.decoder.tasks[task_id])
        terms: list[Any] = []
        for tasks in by_order.values():
            dues = [task.due_min for task in tasks if task.due_min is not None]
            if not dues:
                continue
            due = self.reference.at(min(dues)) + min(0, min(dues) - self.reference.now)
            rank = max(PRIORITY_WEIGHT[Priority(task.priority)] for task in tasks)
            completion = self.model.new_int_var(0, self.end_of_time, "")
            self.model.add_max_equality(completion, [self.end[task.id] for task in tasks])
            late = self.model.new_int_var(0, self.end_of_time + 10**6, "")
            self.model.add(late >= completion - due)
            is_late = self.model.new_bool_var("")
            self.model.add(late == 0).only_enforce_if(is_late.negated())
            per_min = weights.lateness / 60 / max(self.reference.elapsed_ratio, 0.01)
            flow = weights.flow / 60 / max(self.reference.elapsed_ratio, 0.01)
            terms.append(
                round(1000 * rank * per_min) * late + round(1000 * rank * weights.late_order) * is_late
            )
            terms.append(max(1, round(1000 * rank * flow)) * completion)
        self.model.minimize(sum(terms))

    def solve(self, seconds: float, seed: int, workers: int) -> Proposal | None:
        solver = self.cp.CpSolver()
        solver.parameters.max_time_in_seconds = seconds
        solver.parameters.random_seed = seed
        solver.parameters.num_workers = workers
        status = solver.solve(self.model)
        if status not in (self.cp.OPTIMAL, self.cp.FEASIBLE):
            return None
        starts = {t: v if isinstance(v, int) else solver.value(v) for t, v in self.start.items()}
        machine_of = {
            task: next(name for name, literal in choices.items() if solver.value(literal))
            for task, choices in self.literal.items()
        }
        order = sorted(starts, key=lambda t: (starts[t], self.hint.placements[t].start_min, t))
        return Proposal(order, machine_of, solver.status_name(status).lower())


def propose(decoder: Decoder, hint: Plan, *, seconds: float, seed: int, workers: int) -> Proposal | None:
    """Order and machines found by CP-SAT in `seconds`, starting from `hint`; None when it found nothing in
    time."""
    if all(placement.frozen for placement in hint.placements.values()):
        return None
    model = _Model(decoder, hint)
    model.build()
    return model.solve(seconds, seed, workers)
