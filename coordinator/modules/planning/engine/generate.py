"""Random but realistic workshops, for benchmarks and tests (no real data of anybody)."""

from __future__ import annotations

import random

from coordinator.modules.planning.engine.model import (
    Interval,
    Link,
    Machine,
    MachineChoice,
    Operator,
    Priority,
    Problem,
    Task,
)

DAY_MIN = 24 * 60
_KINDS = {
    "tournage": ["T1", "T2", "T3", "T4"],
    "fraisage": ["F1", "F2", "F3", "F4", "F5"],
    "rectification": ["R1", "R2"],
    "debit": ["S1"],
    "controle": ["C1", "C2"],
    "ebavurage": ["E1"],
}


def shifts(days: int, *spans: tuple[int, int], weekend: bool = False) -> tuple[Interval, ...]:
    """Opening intervals of `days` days from minute 0 (a Monday), spans in hours of the day."""
    return tuple(
        (day * DAY_MIN + start * 60, day * DAY_MIN + end * 60)
        for day in range(days)
        for start, end in spans
        if weekend or day % 7 < 5
    )


def workshop(operations: int = 500, *, seed: int = 7, days: int = 120) -> Problem:
    """A machining job shop: 15 machines, 14 people on two shifts, orders of 4 to 7 operations."""
    rng = random.Random(seed)
    machines = []
    for kind, names in _KINDS.items():
        for name in names:
            openings = shifts(days, (5, 21))
            if name in {"F1", "F2"}:
                openings = shifts(days, (0, 24), weekend=True)
            elif kind in {"debit", "controle", "ebavurage"}:
                openings = shifts(days, (8, 12), (13, 17))
            machines.append(Machine(name, openings, label=f"{kind} {name}"))
    people = [
        Operator(
            f"op{index:02d}",
            shifts(days, (5, 13)) if index % 2 else shifts(days, (13, 21)),
            {"tournage": None, "fraisage": None} if index < 8 else {"fraisage": None, "rectification": None},
        )
        for index in range(10)
    ]
    people += [
        Operator(
            f"op{index:02d}",
            shifts(days, (8, 12), (13, 17)),
            {"debit": None, "controle": None, "ebavurage": None},
        )
        for index in range(10, 14)
    ]
    tasks: list[Task] = []
    order_index = 0
    while len(tasks) < operations:
        order_index += 1
        tasks += _order(
            rng, f"CDE-{order_index:04d}", min(rng.randint(4, 7), operations - len(tasks)), order_index
        )
    return Problem(tuple(tasks), tuple(machines), tuple(people), now_min=8 * 60, horizon_min=days * DAY_MIN)


def _order(rng: random.Random, order: str, count: int, index: int) -> list[Task]:
    kinds = ["debit"] + [
        rng.choice(["tournage", "fraisage", "fraisage", "rectification"]) for _ in range(count)
    ]
    kinds = [*kinds[: max(1, count - 2)], "ebavurage", "controle"][:count]
    quantity = rng.choice([1, 2, 5, 10, 20, 50])
    due = rng.randint(7, 32) * DAY_MIN + 16 * 60
    priority = rng.choices([Priority.NORMAL, Priority.URGENT, Priority.CRITICAL], [85, 10, 5])[0]
    tasks: list[Task] = []
    for position, kind in enumerate(kinds):
        family = rng.choice("ABCD")
        external = position == count - 2 and index % 8 == 0
        names = rng.sample(_KINDS[kind], k=min(len(_KINDS[kind]), rng.randint(1, 3)))
        per_piece, setup = rng.uniform(4, 26), rng.randint(15, 90)
        short = kind in {"debit", "controle", "ebavurage"}
        run = max(5, round(quantity * per_piece * (0.25 if short else 1)))
        tasks.append(
            Task(
                id=f"{order}/{(position + 1) * 10}",
                order=order,
                sequence=(position + 1) * 10,
                quantity=quantity,
                label=kind,
                choices=()
                if external
                else tuple(
                    MachineChoice(name, 10 if short else setup, round(run * (1 + 0.15 * rank)), rank)
                    for rank, name in enumerate(names)
                ),
                links=(Link(tasks[-1].id),) if tasks else (),
                skills=frozenset() if external else frozenset({kind}),
                attendance_pct=100 if short else rng.choice([0, 25, 50, 100]),
                due_min=due,
                priority=priority,
                setup_family=family,
                external_lead_min=5 * DAY_MIN if external else None,
            )
        )
    return tasks
