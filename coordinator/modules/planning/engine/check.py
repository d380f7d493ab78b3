"""Independent checker of the hard constraints (PLN-09): shares no code with the planner, only the data."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

from coordinator.modules.planning.engine.model import (
    Interval,
    Link,
    Placement,
    Plan,
    Problem,
    Task,
    TaskStatus,
)


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken constraint: stable `code`, French message, the task."""

    code: str
    message: str
    task: str


def _open_at(intervals: tuple[Interval, ...], piece: Interval) -> bool:
    """Whether every minute of the piece lies within the union of the intervals."""
    cursor = piece[0]
    for start, end in sorted(intervals):
        if start <= cursor < end:
            cursor = end
        if cursor >= piece[1]:
            return True
    return cursor >= piece[1]


def _hits(intervals: tuple[Interval, ...], piece: Interval) -> bool:
    return any(start < piece[1] and end > piece[0] for start, end in intervals)


def _length(pieces: tuple[Interval, ...]) -> int:
    return sum(end - start for start, end in pieces)


def _when_worked(pieces: tuple[Interval, ...], minutes: int) -> int:
    done = 0
    for start, end in pieces:
        if done + end - start >= minutes:
            return start + minutes - done
        done += end - start
    return pieces[-1][1]


class _Checker:
    def __init__(self, problem: Problem, plan: Plan) -> None:
        self.problem, self.plan = problem, plan
        self.tasks = {task.id: task for task in problem.tasks}
        self.machines = {machine.id: machine for machine in problem.machines}
        self.people = {operator.id: operator for operator in problem.operators}
        self.found: list[Violation] = []

    def add(self, code: str, task: str, message: str) -> None:
        self.found.append(Violation(code, f"{task} : {message}", task))

    def run(self) -> list[Violation]:
        listed = {item.task for item in self.plan.left_out}
        for task in self.problem.tasks:
            placed = self.plan.placements.get(task.id)
            if task.status is TaskStatus.CANCELLED or (placed is not None and placed.frozen == "done"):
                continue
            if placed is None:
                if task.id not in listed:
                    self.add("missing", task.id, "ni placée ni annoncée comme laissée de côté")
                continue
            if placed.frozen in {"running", "locked"}:
                self._lock(task, placed)
            else:
                self._free(task, placed)
                self._links(task, placed)
        self._machines()
        self._load()
        return self.found

    def _lock(self, task: Task, placed: Placement) -> None:
        lock = task.lock
        if lock is None or (placed.start_min, placed.machine) != (lock.start_min, lock.machine):
            self.add("lock_moved", task.id, "tâche verrouillée ou en cours déplacée")

    def _free(self, task: Task, placed: Placement) -> None:
        if task.lock is not None:
            self.add("lock_moved", task.id, "verrou ignoré")
        if placed.start_min < max(self.problem.now_min, task.release_min):
            self.add("too_early", task.id, "commence avant sa date au plus tôt")
        for readiness in task.readiness:
            if readiness.at_min is None or readiness.at_min > placed.start_min:
                self.add("not_ready", task.id, f"{readiness.label} pas disponible")
        if task.external_lead_min is not None:
            if placed.end_min - placed.start_min < task.external_lead_min:
                self.add("lead_time", task.id, "délai du sous-traitant non respecté")
            return
        self._work(task, placed)
        self._person(task, placed)

    def _work(self, task: Task, placed: Placement) -> None:
        choice = next((c for c in task.choices if c.machine == placed.machine), None)
        machine = self.machines.get(placed.machine or "")
        if choice is None or machine is None:
            self.add("machine", task.id, f"machine {placed.machine} non autorisée")
            return
        if (
            _length(placed.setup_pieces) != (choice.setup_min or 0)
            or _length(placed.run_pieces) != choice.run_min
        ):
            self.add("duration", task.id, "durée travaillée différente du temps prévu")
        cursor = placed.start_min
        for piece in placed.pieces:
            if piece[0] < cursor or piece[1] < piece[0]:
                self.add("pieces", task.id, "intervalles travaillés en désordre")
            cursor = piece[1]
            if not _open_at(machine.openings, piece) or _hits(machine.blocked, piece):
                self.add("machine_closed", task.id, f"machine {machine.id} fermée ou indisponible")
        if placed.pieces and (placed.pieces[0][0] != placed.start_min or cursor != placed.end_min):
            self.add("pieces", task.id, "début ou fin différents des intervalles travaillés")
        gaps = any(b[0] != a[1] for a, b in pairwise(placed.pieces))
        if not task.interruptible and gaps:
            self.add("interrupted", task.id, "opération interrompue alors que c'est interdit")

    def _person(self, task: Task, placed: Placement) -> None:
        needs = placed.setup_pieces + (placed.run_pieces if task.attendance_pct else ())
        if not task.needs_operator or not needs:
            return
        person = self.people.get(placed.operator or "")
        if person is None:
            self.add("operator", task.id, "aucun opérateur")
            return
        for skill in task.skills:
            until = person.skills.get(skill, -1)
            if until is not None and until < placed.end_min:
                self.add("qualification", task.id, f"{person.id} n'est pas qualifié ({skill})")
        for piece in needs:
            if not _open_at(person.openings, piece) or _hits(person.absences, piece):
                self.add("absent", task.id, f"{person.id} absent")

    def _links(self, task: Task, placed: Placement) -> None:
        for link in task.links:
            before = self.plan.placements.get(link.predecessor)
            known = self.tasks.get(link.predecessor)
            if known is None or known.status is TaskStatus.CANCELLED:
                continue
            if before is None:
                self.add("sequence", task.id, f"opération précédente {link.predecessor} absente du plan")
            elif not self._batches_arrive(link, known, before, placed):
                self.add("sequence", task.id, f"commence avant que {link.predecessor} soit prête")

    def _batches_arrive(self, link: Link, known: Task, before: Placement, placed: Placement) -> bool:
        size = link.transfer_quantity
        if size is None or size >= known.quantity or not before.run_pieces or placed.machine is None:
            return placed.start_min >= before.end_min + link.lag_min
        total, own = _length(before.run_pieces), _length(placed.run_pieces)
        for done in range(0, known.quantity, size):
            arrived = min(known.quantity, done + size)
            arrival = _when_worked(before.run_pieces, -(-total * arrived // known.quantity)) + link.lag_min
            needed = (
                _when_worked(placed.run_pieces, own * done // known.quantity) if own else placed.start_min
            )
            if needed < arrival:
                return False
        return True

    def _machines(self) -> None:
        by_machine: dict[str, list[Placement]] = defaultdict(list)
        for placed in self.plan.placements.values():
            if placed.machine is not None and placed.end_min > placed.start_min:
                by_machine[placed.machine].append(placed)
        for name, items in by_machine.items():
            items.sort(key=lambda p: p.start_min)
            latest = items[0]
            for placed in items[1:]:
                both = {latest.frozen, placed.frozen} <= {"running", "locked"}
                if placed.start_min < latest.end_min and not both:
                    self.add("overlap", placed.task, f"en même temps que {latest.task} sur {name}")
                latest = max(latest, placed, key=lambda p: p.end_min)

    def _load(self) -> None:
        """Sweep over each person's load: the sum may never exceed 100 %."""
        events: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for placed in self.plan.placements.values():
            if placed.operator is None or placed.frozen in {"running", "locked", "done"}:
                continue
            run_pct = self.tasks[placed.task].attendance_pct
            for pieces, pct in ((placed.setup_pieces, 100), (placed.run_pieces, run_pct)):
                for start, end in pieces:
                    events[placed.operator] += [(start, pct, placed.task), (end, -pct, placed.task)]
        for person, changes in events.items():
            load = 0
            for _, pct, task in sorted(changes, key=lambda change: (change[0], change[1])):
                load += pct
                if load > 100:
                    self.add("operator_overload", task, f"{person} chargé à {load} %")


def check(problem: Problem, plan: Plan) -> list[Violation]:
    """Every hard constraint the plan breaks; empty when it can be carried out."""
    return _Checker(problem, plan).run()
