"""What other modules may ask of the plan."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.modules.planning import problem
from coordinator.modules.planning.engine import model as engine
from coordinator.modules.planning.engine.availability import Mode, feasible_date, suggest
from coordinator.modules.planning.engine.load import day_loads
from coordinator.modules.planning.engine.replan import Trigger
from coordinator.modules.planning.engine.solve import SolveOptions
from coordinator.modules.planning.engine.validate import PlanningInputError
from coordinator.modules.planning.service import plan, rearrange

__all__ = [
    "FeasibleDate",
    "FreeDay",
    "QuoteOperation",
    "SolveOptions",
    "Trigger",
    "availability",
    "feasible_dates",
    "plan",
    "rearrange",
    "suggestions",
]


@dataclass(frozen=True)
class QuoteOperation:
    """An operation of a quote; times in minutes for the whole lot, ``machine_codes`` those able to do it."""

    sequence_no: int
    label: str
    setup_min: Decimal
    run_min: Decimal
    machine_codes: Sequence[str] = ()
    attendance_pct: int = 100
    external_days: int | None = None


@dataclass(frozen=True)
class FeasibleDate:
    """Answer for one scenario; ``end_at`` is ``None`` when something finds no place (``reasons`` in French)."""

    mode: str
    start_at: dt.datetime | None
    end_at: dt.datetime | None
    orders_made_late: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class FreeDay:
    """Load against opening of a machine on a day, in minutes."""

    machine_code: str
    day: dt.date
    load_min: int
    open_min: int


def availability(ctx: Context, days: int = 30) -> list[FreeDay]:
    """Load and opening of every machine for the next days; changes nothing (PLN-18, PLN-43)."""
    shop = problem.build(ctx)
    today = shop.problem.now_min // problem.DAY_MIN
    held = shop.baseline or engine.Plan({})
    return [
        FreeDay(
            load.machine,
            shop.axis.to_datetime(load.day * problem.DAY_MIN).date(),
            load.load_min,
            load.open_min,
        )
        for load in day_loads(shop.problem, held, today, days)
        if not load.machine.startswith(problem.BENCH)
    ]


def feasible_dates(
    ctx: Context, operations: Sequence[QuoteOperation], quantity: int = 1
) -> dict[str, FeasibleDate]:
    """Earliest end of a quote's operations in the modes ``standard``, ``express`` and ``economic`` (PLN-18).

    The plan is read, never changed.

    Raises:
        BusinessError: ``planning.input`` when the operations contradict themselves.
    """
    shop = problem.build(ctx)
    known = {m.id for m in shop.problem.machines}
    tasks = tuple(
        _task(operation, known, quantity, index, operations) for index, operation in enumerate(operations)
    )
    held = shop.baseline or engine.Plan({})
    answers = {}
    for mode in Mode:
        try:
            found = feasible_date(shop.problem, held, tasks, mode)
        except PlanningInputError as error:
            raise BusinessError("planning.input", reasons=str(error)) from error
        answers[mode.value] = FeasibleDate(
            mode.value, _instant(shop, found.start_min), _instant(shop, found.end_min), found.orders_made_late,
            tuple(item.message for item in found.left_out),
        )  # fmt: skip
    return answers


def _instant(shop: problem.Shop, minute: int | None) -> dt.datetime | None:
    return None if minute is None else shop.axis.to_datetime(minute)


def _task(
    operation: QuoteOperation,
    known: set[str],
    quantity: int,
    index: int,
    operations: Sequence[QuoteOperation],
) -> engine.Task:
    before = (engine.Link(f"q{operations[index - 1].sequence_no}"),) if index else ()
    run = max(1, math.ceil(operation.run_min))
    choices = tuple(
        engine.MachineChoice(code, math.ceil(operation.setup_min), run, preference=min(rank, 1))
        for rank, code in enumerate(c for c in operation.machine_codes if c in known)
    )
    lead = operation.external_days * problem.DAY_MIN if operation.external_days else None
    if not choices and lead is None:
        # Work at a bench takes its time, not a machine's.
        lead = math.ceil(operation.setup_min) + run
    return engine.Task(
        id=f"q{operation.sequence_no}", order="devis", sequence=operation.sequence_no, quantity=max(1, quantity),
        choices=choices, links=before, label=operation.label, attendance_pct=operation.attendance_pct,
        needs_operator=False, external_lead_min=lead,
    )  # fmt: skip


def suggestions(ctx: Context, work_order_operation_id: int, limit: int = 5) -> list[dict[str, object]]:
    """Free machines and people for one operation, best first, with reasons (PLN-19)."""
    shop = problem.build(ctx)
    held = shop.baseline or engine.Plan({})
    if work_order_operation_id not in shop.operations:
        return []
    return [
        {
            "machine_code": s.machine, "operator": s.operator, "start_at": _instant(shop, s.start_min),
            "end_at": _instant(shop, s.end_min), "reason": s.reason,
        }
        for s in suggest(shop.problem, held, str(work_order_operation_id), limit=limit)
    ]  # fmt: skip
