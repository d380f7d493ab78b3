"""Builds an exact plan from a priority order: serial schedule generation with insertion into free gaps.

Every plan the engine returns comes out of this builder, whatever proposed the order (a priority rule,
CP-SAT, local search), so that calendars, attendance, qualifications, transfer batches and locks hold by
construction. Method: serial schedule generation scheme (Kolisch 1996) extended by calendars with
interruption.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coordinator.modules.planning.engine.calendars import (
    Axis,
    LoadProfile,
    batch_done,
    intersect,
    normalise,
    subtract,
    time_at_work,
)
from coordinator.modules.planning.engine.model import (
    Interval,
    LeftOut,
    Link,
    MachineChoice,
    Placement,
    Plan,
    Problem,
    Task,
    TaskStatus,
)
from coordinator.modules.planning.engine.reasons import left, why_not
from coordinator.modules.planning.engine.score import order_results, score
from coordinator.modules.planning.engine.validate import incomplete


@dataclass(slots=True)
class _State:
    """Occupation while a plan is being built."""

    busy: dict[str, list[Interval]]
    load: dict[str, LoadProfile]
    placed: dict[str, Placement] = field(default_factory=dict)
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    conflicts: list[LeftOut] = field(default_factory=list)


class Decoder:
    """Prepared problem; `decode` may be called many times."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.tasks = {task.id: task for task in problem.tasks if task.status is not TaskStatus.CANCELLED}
        self.machine_axis = {m.id: Axis(subtract(m.openings, m.blocked)) for m in problem.machines}
        self.operators = {operator.id: operator for operator in problem.operators}
        self.operator_axis = {o.id: Axis(subtract(o.openings, o.absences)) for o in problem.operators}
        self._joint: dict[tuple[str, str], Axis] = {}
        self._candidates: dict[tuple[frozenset[str], tuple[str, ...]], list[str]] = {}
        self.incomplete = {t.id: item for t in self.tasks.values() if (item := incomplete(t)) is not None}
        self.followers: dict[str, list[str]] = defaultdict(list)
        for task in self.tasks.values():
            for link in task.links:
                if link.predecessor in self.tasks:
                    self.followers[link.predecessor].append(task.id)

    def joint(self, machine: str, operator: str) -> Axis:
        """When the machine is open and the operator present."""
        key = (machine, operator)
        if key not in self._joint:
            self._joint[key] = Axis(
                intersect(self.machine_axis[machine].intervals, self.operator_axis[operator].intervals)
            )
        return self._joint[key]

    def candidates(self, task: Task) -> list[str]:
        """Operators holding every skill of the task, the usual ones first."""
        key = (task.skills, task.usual_operators)
        if key not in self._candidates:
            able = [o.id for o in self.problem.operators if task.skills <= o.skills.keys()]
            rank = {operator: index for index, operator in enumerate(task.usual_operators)}
            self._candidates[key] = sorted(able, key=lambda o: (rank.get(o, len(rank)), o))
        return self._candidates[key]

    def decode(
        self,
        order: Sequence[str],
        *,
        machine_of: Mapping[str, str] | None = None,
        pins: Mapping[str, Placement] | None = None,
        floor: Mapping[str, int] | None = None,
    ) -> Plan:
        """Plan following the priority `order` (task ids, first served first).

        `machine_of` restricts tasks to one machine, `pins` are placements to keep where they still hold
        (else the task is placed like the others), `floor` gives earliest starts.
        """
        state = self._start(pins or {})
        rank = {task_id: index for index, task_id in enumerate(order)}
        waiting = {
            t: sum(1 for link in self.tasks[t].links if link.predecessor in self.tasks) for t in self.tasks
        }
        heap = [(rank.get(t, len(rank)), t) for t, count in waiting.items() if count == 0]
        heapq.heapify(heap)
        while heap:
            _, task_id = heapq.heappop(heap)
            if task_id not in state.placed and task_id not in state.left_out:
                forced = (machine_of or {}).get(task_id)
                self._place(state, self.tasks[task_id], forced, (floor or {}).get(task_id, 0))
            for follower in self.followers[task_id]:
                waiting[follower] -= 1
                if waiting[follower] == 0:
                    heapq.heappush(heap, (rank.get(follower, len(rank)), follower))
        return self._finish(state)

    def options(self, task_id: str, pins: Mapping[str, Placement]) -> list[Placement]:
        """Earliest place of one task on each machine with each qualified operator, everything in `pins`
        staying."""
        state = self._start(pins)
        task = self.tasks[task_id]
        ready = self._ready(state, task)
        if task_id in state.placed or ready is None:
            return []
        fits = [
            self._fit(state, task, choice, name, ready)
            for choice in task.choices
            if choice.run_min is not None
            for name in (self.candidates(task) if self.attended(task, choice) else [None])
        ]
        return [fit for fit in fits if fit is not None]

    def _start(self, pins: Mapping[str, Placement]) -> _State:
        """Occupation with the immovable tasks and the pins that hold."""
        state = _State({m: [] for m in self.machine_axis}, {o: LoadProfile() for o in self.operator_axis})
        self._place_immovable(state)
        for task_id, pin in sorted(pins.items(), key=lambda item: (item[1].start_min, item[1].end_min)):
            if task_id in self.tasks and task_id not in state.placed:
                self._keep(state, self.tasks[task_id], pin, None)
        return state

    def _finish(self, state: _State) -> Plan:
        self._late_for_locked(state)
        left_out = tuple(state.left_out.values())
        orders = order_results(self.tasks.values(), state.placed, left_out)
        value = score(self.problem, state.placed, left_out, orders)
        status = "partial" if left_out else "feasible"
        return Plan(state.placed, left_out, orders, tuple(state.conflicts), value, status)

    # --- immovable tasks ----------------------------------------------------------------------------------

    def _place_immovable(self, state: _State) -> None:
        """Done, running and locked tasks first, then the frozen part of the current plan (PLN-27)."""
        for task in sorted(self.tasks.values(), key=lambda t: (t.lock.start_min if t.lock else 0, t.id)):
            if task.status is TaskStatus.DONE:
                end = task.lock.end_min if task.lock and task.lock.end_min is not None else task.release_min
                start = task.lock.start_min if task.lock else end
                state.placed[task.id] = Placement(task.id, None, None, min(start, end), end, frozen="done")
            elif task.lock is not None:
                self._place_locked(state, task)
        baseline = self.problem.baseline
        if baseline is None:
            return
        limit = self.problem.now_min + self.problem.frozen_min
        for placement in sorted(baseline.placements.values(), key=lambda p: (p.start_min, p.task)):
            planned = self.tasks.get(placement.task)
            if (
                planned is not None
                and placement.task not in state.placed
                and self.problem.now_min <= placement.start_min < limit
            ):
                self._keep(state, planned, placement, "horizon")

    def _late_for_locked(self, state: _State) -> None:
        """Reports locked tasks that would begin before their predecessor ends."""
        for placed in list(state.placed.values()):
            if placed.frozen != "locked":
                continue
            task = self.tasks[placed.task]
            for link in task.links:
                before = state.placed.get(link.predecessor)
                if before is None or self._wait(link, self.tasks[link.predecessor], before, placed) <= 0:
                    continue
                words = (
                    "verrouillée avant la fin de l'opération précédente ; déplacez-la ou déverrouillez-la."
                )
                state.conflicts.append(left(task, "locked_before_predecessor", words, link.predecessor))

    def _place_locked(self, state: _State, task: Task) -> None:
        lock = task.lock
        assert lock is not None  # noqa: S101 - guaranteed by the caller, narrows the type
        why = "running" if task.status is TaskStatus.IN_PROGRESS else "locked"
        if lock.machine is None:
            end = lock.end_min if lock.end_min is not None else lock.start_min + (task.external_lead_min or 0)
            state.placed[task.id] = Placement(task.id, None, lock.operator, lock.start_min, end, frozen=why)
            return
        choice = next((c for c in task.choices if c.machine == lock.machine), None)
        if lock.end_min is not None or choice is None or choice.run_min is None:
            end = max(lock.start_min, lock.end_min if lock.end_min is not None else lock.start_min)
            worked = intersect(self.machine_axis[lock.machine].intervals, [(lock.start_min, end)])
            placement = Placement(
                task.id, lock.machine, lock.operator, lock.start_min, end, (), tuple(worked), why
            )
        else:
            names = (
                [lock.operator] if lock.operator or not self.attended(task, choice) else self.candidates(task)
            )
            fits = (self._fit(state, task, choice, name, lock.start_min, exact=True) for name in names)
            fitting = next((fit for fit in fits if fit is not None), None)
            if fitting is None:
                setup, run = self._loose_pieces(lock.machine, lock.start_min, choice)
                fitting = Placement(
                    task.id,
                    lock.machine,
                    lock.operator,
                    lock.start_min,
                    (run or setup or [(0, lock.start_min)])[-1][1],
                    tuple(setup),
                    tuple(run),
                )
                words = (
                    "place verrouillée en conflit avec une autre tâche, un calendrier ou un opérateur ; "
                    "déplacez-la ou déverrouillez-la."
                )
                state.conflicts.append(left(task, "locked_conflict", words, lock.machine))
            placement = Placement(
                fitting.task,
                fitting.machine,
                fitting.operator,
                fitting.start_min,
                fitting.end_min,
                fitting.setup_pieces,
                fitting.run_pieces,
                why,
            )
        self._commit(state, task, placement)

    def _loose_pieces(
        self, machine: str, start: int, choice: MachineChoice
    ) -> tuple[list[Interval], list[Interval]]:
        """Working intervals on the machine's calendar alone; elapsed time where the calendar ends."""
        setup_min, run_min = choice.setup_min or 0, choice.run_min or 0
        setup = self.machine_axis[machine].work(start, setup_min)
        if setup is None:
            setup = [(start, start + setup_min)]
        begin = setup[-1][1] if setup else start
        run = self.machine_axis[machine].work(begin, run_min)
        return setup, run if run is not None else [(begin, begin + run_min)]

    def _keep(self, state: _State, task: Task, pin: Placement, frozen: str | None) -> bool:
        """Places the task exactly where `pin` has it when that still holds."""
        ready = self._ready(state, task)
        if task.id in self.incomplete or ready is None or ready > pin.start_min:
            return False
        if task.external_lead_min is not None:
            end = pin.start_min + task.external_lead_min
            placement: Placement | None = Placement(task.id, None, None, pin.start_min, end)
        else:
            choice = next(
                (c for c in task.choices if c.machine == pin.machine and c.run_min is not None), None
            )
            if choice is None:
                return False
            placement = self._fit(state, task, choice, pin.operator, pin.start_min, exact=True)
        if placement is None or not self._followers_fit(state, task, placement):
            return False
        self._commit(
            state,
            task,
            Placement(
                placement.task,
                placement.machine,
                placement.operator,
                placement.start_min,
                placement.end_min,
                placement.setup_pieces,
                placement.run_pieces,
                frozen,
            ),
        )
        return True

    def _followers_fit(self, state: _State, task: Task, placement: Placement) -> bool:
        """Whether followers placed before (locked, frozen) still begin late enough."""
        for follower in self.followers[task.id]:
            placed = state.placed.get(follower)
            if placed is None or placed.frozen in {"running", "done"}:
                continue
            for link in self.tasks[follower].links:
                if link.predecessor == task.id and self._wait(link, task, placement, placed) > 0:
                    return False
        return True

    # --- placing ------------------------------------------------------------------------------------------

    def attended(self, task: Task, choice: MachineChoice) -> bool:
        """Whether somebody must be there at some moment."""
        return task.needs_operator and ((choice.setup_min or 0) > 0 or task.attendance_pct > 0)

    def _ready(self, state: _State, task: Task) -> int | None:
        """Earliest start given release, readiness and predecessors; None when a predecessor has no place."""
        ready = max(self.problem.now_min, task.release_min, *(r.at_min or 0 for r in task.readiness), 0)
        for link in task.links:
            if link.predecessor not in self.tasks:
                continue
            placed = state.placed.get(link.predecessor)
            if placed is None:
                return None
            first = placed.end_min
            if self._overlaps(link, self.tasks[link.predecessor], placed, task):
                quantity = self.tasks[link.predecessor].quantity
                first = batch_done(placed, min(link.transfer_quantity or quantity, quantity), quantity)
            ready = max(ready, first + link.lag_min)
        return ready

    @staticmethod
    def _overlaps(link: Link, before: Task, placed: Placement, task: Task) -> bool:
        return (
            link.transfer_quantity is not None
            and link.transfer_quantity < before.quantity
            and bool(placed.run_pieces)
            and task.external_lead_min is None
        )

    def _wait(self, link: Link, before: Task, placed: Placement, after: Placement) -> int:
        """Minutes the follower begins too early against its predecessor, over all transfer batches."""
        if not self._overlaps(link, before, placed, self.tasks[after.task]):
            return max(0, placed.end_min + link.lag_min - after.start_min)
        size = link.transfer_quantity or before.quantity
        run = sum(end - start for start, end in after.run_pieces)
        worst = 0
        for arrived in range(0, before.quantity, size):
            done = batch_done(placed, min(arrived + size, before.quantity), before.quantity) + link.lag_min
            begin = (
                time_at_work(after.run_pieces, run * arrived // before.quantity) if run else after.start_min
            )
            worst = max(worst, done - begin)
        return worst

    def _place(self, state: _State, task: Task, forced: str | None, floor: int) -> None:
        missing = self.incomplete.get(task.id)
        if missing is not None:
            state.left_out[task.id] = missing
            return
        ready = self._ready(state, task)
        if ready is None:
            state.left_out[task.id] = left(
                task, "predecessor_left_out", "attend une opération précédente qui n'a pas pu être placée."
            )
            return
        ready = max(ready, floor)
        if task.external_lead_min is not None:
            end = ready + task.external_lead_min
            self._commit(state, task, Placement(task.id, None, None, ready, end))
            return
        best = self._best(state, task, ready, forced)
        if best is None and forced is not None:
            best = self._best(state, task, ready, None)
        if best is None:
            state.left_out[task.id] = why_not(self, task, ready)
            return
        self._commit(state, task, best)

    def _best(self, state: _State, task: Task, ready: int, forced: str | None) -> Placement | None:
        best: Placement | None = None
        best_key: tuple[int, int] | None = None
        for choice in task.choices:
            if choice.run_min is None or (forced is not None and choice.machine != forced):
                continue
            names: list[str | None] = list(self.candidates(task)) if self.attended(task, choice) else [None]
            work = (choice.setup_min or 0) + choice.run_min
            for name in names:
                if best_key is not None and best_key <= (ready + work, choice.preference):
                    break
                fit = self._fit(state, task, choice, name, ready, limit=best_key[0] if best_key else None)
                if fit is None:
                    continue
                key = (fit.end_min, choice.preference)
                if best_key is None or key < best_key:
                    best, best_key = fit, key
        return best

    def _fit(
        self,
        state: _State,
        task: Task,
        choice: MachineChoice,
        operator: str | None,
        ready: int,
        *,
        exact: bool = False,
        limit: int | None = None,
    ) -> Placement | None:
        """Earliest placement from `ready` on (with `exact`: at `ready` or not at all).

        Gives up when it cannot end by `limit`.
        """
        machine = self.machine_axis[choice.machine]
        attended = self.attended(task, choice)
        if attended and (operator is None or operator not in self.operators):
            return None
        together = self.joint(choice.machine, operator) if attended and operator is not None else machine
        setup_min, run_min = choice.setup_min or 0, choice.run_min or 0
        running = together if attended and task.attendance_pct > 0 else machine
        first = together if setup_min else running
        valid_until = self.valid_until(task, operator) if attended else None
        latest = (
            self.problem.horizon_min
            if limit is None
            else min(self.problem.horizon_min, limit - setup_min - run_min)
        )
        busy = state.busy[choice.machine]
        start = ready
        while True:
            opened = first.first_open(start)
            if opened is None or opened > latest or (exact and opened != ready):
                return None
            start = opened
            free = _free_from(busy, start, setup_min + run_min)
            if free > start:
                if exact:
                    return None
                start = free
                continue
            setup = together.work(start, setup_min)
            run = running.work(setup[-1][1] if setup else start, run_min) if setup is not None else None
            if setup is None or run is None:
                return None
            end = (run or setup or [(start, start)])[-1][1]
            if valid_until is not None and end > valid_until:
                return None
            person = operator if attended else None
            trial = Placement(task.id, choice.machine, person, start, end, tuple(setup), tuple(run))
            later = self._obstacle(state, task, trial)
            if later is None:
                return trial
            if exact:
                return None
            start = later

    def _obstacle(self, state: _State, task: Task, trial: Placement) -> int | None:
        """Next start worth trying when this one does not hold, None when it does."""
        start = trial.start_min
        free = _free_from(state.busy[trial.machine or ""], start, trial.end_min - start)
        if free > start:
            return free
        if not task.interruptible:
            openings = normalise(trial.pieces)
            if len(openings) > 1:
                return openings[1][0]
        if trial.operator is not None:
            profile = state.load[trial.operator]
            for pieces, pct in ((trial.setup_pieces, 100), (trial.run_pieces, task.attendance_pct)):
                for piece in pieces if pct else ():
                    clash = profile.first_conflict(piece, pct)
                    if clash is not None:
                        return max(clash, start + 1)
        wait = 0
        for link in task.links:
            placed = state.placed.get(link.predecessor)
            if placed is not None and link.transfer_quantity is not None:
                wait = max(wait, self._wait(link, self.tasks[link.predecessor], placed, trial))
        return start + wait if wait > 0 else None

    def valid_until(self, task: Task, operator: str | None) -> int | None:
        person = self.operators[operator] if operator is not None else None
        limits = [person.skills[s] for s in task.skills if s in person.skills] if person else []
        known = [limit for limit in limits if limit is not None]
        return min(known) if known else None

    def _commit(self, state: _State, task: Task, placement: Placement) -> None:
        state.placed[task.id] = placement
        if placement.machine is not None and placement.end_min > placement.start_min:
            insort(state.busy[placement.machine], (placement.start_min, placement.end_min))
        if placement.operator is not None and placement.operator in state.load:
            for piece in placement.setup_pieces:
                state.load[placement.operator].add(piece, 100)
            if task.attendance_pct:
                for piece in placement.run_pieces:
                    state.load[placement.operator].add(piece, task.attendance_pct)


def _free_from(busy: list[Interval], start: int, length: int) -> int:
    """`start` when nothing busy overlaps `[start, start + length)`, else the next instant worth trying."""
    index = bisect_right(busy, (start, 10**12))
    if index and busy[index - 1][1] > start:
        return busy[index - 1][1]
    if index < len(busy) and busy[index][0] < start + length:
        return max(busy[index][1], start + 1)
    return start
