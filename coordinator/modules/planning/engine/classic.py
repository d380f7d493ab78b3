"""Classic job-shop benchmark instances: text formats and an exact makespan model in CP-SAT."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from coordinator.modules.planning.engine.validate import InputIssue, PlanningInputError

Operation = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ClassicInstance:
    """Jobs as sequences of operations; an operation is a tuple of (machine, duration) alternatives,
    machines from 0."""

    jobs: tuple[tuple[Operation, ...], ...]
    machines: int


@dataclass(frozen=True, slots=True)
class ClassicResult:
    """Makespan found, proven lower bound, start and machine per job and operation."""

    status: str
    makespan: int
    bound: int
    seconds: float
    start: list[list[int]]
    machine: list[list[int]]


def _refuse(code: str, message: str) -> PlanningInputError:
    return PlanningInputError([InputIssue(code, message)])


def _rows(text: str) -> list[list[int]]:
    rows: list[list[int]] = []
    for number, line in enumerate(text.splitlines(), 1):
        content = line.split("#", 1)[0].split()
        if not content:
            continue
        try:
            rows.append([int(float(word)) for word in content])
        except ValueError as error:
            raise _refuse(
                "file_unreadable", f"Ligne {number} : nombre attendu, lu « {line.strip()[:40]} »."
            ) from error
    if not rows or len(rows[0]) < 2:
        raise _refuse("file_unreadable", "Fichier vide ou sans ligne d'en-tête « pièces machines ».")
    if min(rows[0][0], rows[0][1]) <= 0:
        raise _refuse(
            "quantity_not_positive", "Nombre de pièces ou de machines nul ou négatif dans l'en-tête."
        )
    if len(rows) - 1 < rows[0][0]:
        raise _refuse(
            "file_truncated", f"{rows[0][0]} pièces annoncées, {len(rows) - 1} lues : fichier incomplet."
        )
    return rows


def _check(instance: ClassicInstance) -> ClassicInstance:
    for job_index, job in enumerate(instance.jobs, 1):
        for operation_index, operation in enumerate(job, 1):
            where = f"Pièce {job_index}, opération {operation_index}"
            if not operation:
                raise _refuse("machine_missing", f"{where} : aucune machine.")
            for machine, duration in operation:
                if not 0 <= machine < instance.machines:
                    raise _refuse(
                        "machine_unknown",
                        f"{where} : machine {machine} inconnue ({instance.machines} machines annoncées).",
                    )
                if duration < 0:
                    raise _refuse("duration_negative", f"{where} : durée négative.")
    return instance


def parse_jsp(text: str) -> ClassicInstance:
    """Standard job-shop text: header `jobs machines`, one line per job of `machine duration` pairs,
    machines from 0.

    Raises PlanningInputError with the line or operation at fault.
    """
    rows = _rows(text)
    jobs = []
    for index, row in enumerate(rows[1 : rows[0][0] + 1], 1):
        if len(row) % 2:
            raise _refuse("file_unreadable", f"Pièce {index} : une durée manque (nombre impair de valeurs).")
        jobs.append(tuple(((row[i], row[i + 1]),) for i in range(0, len(row), 2)))
    return _check(ClassicInstance(tuple(jobs), rows[0][1]))


def parse_fjsp(text: str) -> ClassicInstance:
    """Standard flexible job-shop text: per job the number of operations, then per operation the number of
    alternatives and their `machine duration` pairs. Machines count from 0 when a 0 occurs, from 1 otherwise.

    Raises PlanningInputError with the operation at fault.
    """
    rows = _rows(text)
    jobs: list[tuple[Operation, ...]] = []
    for index, row in enumerate(rows[1 : rows[0][0] + 1], 1):
        operations: list[Operation] = []
        cursor = 1
        try:
            for _ in range(row[0]):
                count = row[cursor]
                pairs = tuple((row[cursor + 1 + 2 * k], row[cursor + 2 + 2 * k]) for k in range(count))
                operations.append(pairs)
                cursor += 1 + 2 * count
        except IndexError as error:
            raise _refuse("file_truncated", f"Pièce {index} : valeurs manquantes en fin de ligne.") from error
        jobs.append(tuple(operations))
    base = min((m for job in jobs for operation in job for m, _ in operation), default=0)
    if base >= 1:
        jobs = [tuple(tuple((m - 1, d) for m, d in operation) for operation in job) for job in jobs]
    return _check(ClassicInstance(tuple(jobs), rows[0][1]))


def solve_makespan(
    instance: ClassicInstance, *, seconds: float, seed: int = 1, workers: int = 2
) -> ClassicResult:
    """Smallest makespan found in `seconds`, with CP-SAT's proven lower bound (`status` `optimal` when they
    meet)."""
    from ortools.sat.python import cp_model

    began = time.monotonic()
    model: Any = cp_model.CpModel()
    horizon = sum(max(d for _, d in operation) for job in instance.jobs for operation in job)
    makespan = model.new_int_var(0, horizon, "makespan")
    on_machine: dict[int, list[Any]] = {machine: [] for machine in range(instance.machines)}
    starts: list[list[Any]] = []
    chosen: list[list[list[tuple[int, Any]]]] = []
    for job in instance.jobs:
        previous: Any = 0
        starts.append([])
        chosen.append([])
        for operation in job:
            start, end = model.new_int_var(0, horizon, ""), model.new_int_var(0, horizon, "")
            literals = []
            for machine, duration in operation:
                literal = model.new_bool_var("") if len(operation) > 1 else model.new_constant(1)
                on_machine[machine].append(model.new_optional_interval_var(start, duration, end, literal, ""))
                literals.append((machine, literal))
            if len(operation) > 1:
                model.add_exactly_one(literal for _, literal in literals)
            model.add(start >= previous)
            previous = end
            starts[-1].append(start)
            chosen[-1].append(literals)
        model.add(makespan >= previous)
    for intervals in on_machine.values():
        model.add_no_overlap(intervals)
    model.minimize(makespan)
    solver: Any = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.random_seed = seed
    solver.parameters.num_workers = workers
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return ClassicResult("unknown", 0, 0, time.monotonic() - began, [], [])
    return ClassicResult(
        "optimal" if status == cp_model.OPTIMAL else "feasible",
        int(solver.value(makespan)),
        round(solver.best_objective_bound),
        time.monotonic() - began,
        [[int(solver.value(start)) for start in job] for job in starts],
        [[next(m for m, literal in literals if solver.value(literal)) for literals in job] for job in chosen],
    )


def check_classic(instance: ClassicInstance, result: ClassicResult) -> list[str]:
    """Violations of a result against its instance, in French; empty when it holds."""
    problems: list[str] = []
    busy: dict[int, list[tuple[int, int]]] = {}
    longest = 0
    for j, job in enumerate(instance.jobs):
        ready = 0
        for o, operation in enumerate(job):
            start, machine = result.start[j][o], result.machine[j][o]
            durations = dict(operation)
            if machine not in durations:
                problems.append(f"pièce {j} opération {o} : machine {machine} interdite")
                continue
            if start < ready:
                problems.append(f"pièce {j} opération {o} : commence avant la fin de la précédente")
            ready = start + durations[machine]
            busy.setdefault(machine, []).append((start, ready))
        longest = max(longest, ready)
    for machine, intervals in busy.items():
        intervals.sort()
        if any(later[0] < before[1] for before, later in pairwise(intervals)):
            problems.append(f"machine {machine} : deux opérations en même temps")
    if longest != result.makespan:
        problems.append(f"fin annoncée {result.makespan}, réelle {longest}")
    return problems
