"""Rearrangement after events, and dates for quotes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coordinator.modules.planning.engine.availability import Mode, feasible_date, suggest
from coordinator.modules.planning.engine.check import check
from coordinator.modules.planning.engine.generate import DAY_MIN, shifts, workshop
from coordinator.modules.planning.engine.model import (
    Link,
    Lock,
    Machine,
    MachineChoice,
    Operator,
    Plan,
    Problem,
    Task,
    TaskStatus,
)
from coordinator.modules.planning.engine.replan import Event, ReplanResult, Trigger, replan
from coordinator.modules.planning.engine.solve import SolveOptions, solve

DAY = DAY_MIN
WEEK = shifts(40, (8, 12), (13, 17))
FAST = SolveOptions(seconds=30, use_cp=False, max_iterations=15)


def task(
    name: str, order: str, *, run: int = 240, due: int = 20, alternatives: bool = True, **more: object
) -> Task:
    choices = (MachineChoice("T1", 0, run), MachineChoice("T2", 0, run, 1))
    values: dict[str, object] = {
        "id": name,
        "order": order,
        "sequence": 10,
        "quantity": 5,
        "due_min": due * DAY,
        "choices": choices if alternatives else choices[:1],
        "skills": frozenset({"tournage"}),
    }
    values.update(more)
    return Task(**values)  # type: ignore[arg-type]


def shop(*tasks: Task) -> Problem:
    people = (Operator("Alice", WEEK, {"tournage": None}), Operator("Bruno", WEEK, {"tournage": None}))
    return Problem(tasks, (Machine("T1", WEEK), Machine("T2", WEEK)), people, 8 * 60, 40 * DAY, 120)


def react(problem: Problem, plan: Plan, event: Event) -> ReplanResult:
    result = replan(problem, plan, event, seconds=30, max_iterations=12)
    assert check(result.problem, result.plan) == []
    return result


@pytest.mark.requirement("PLN-21")
def test_breakdown_moves_the_work_to_the_other_machine_and_saves_the_date() -> None:
    problem = shop(task("a", "C1", due=2), task("b", "C2", due=3))
    plan = solve(problem, FAST)
    broken = plan.placements["a"].machine
    result = react(
        problem,
        plan,
        Event(
            Trigger.MACHINE_BREAKDOWN, "Panne de broche", machine=broken, start_min=8 * 60, end_min=6 * DAY
        ),
    )
    assert result.plan.placements["a"].machine != broken
    assert result.orders_saved == ("C1",)
    assert result.orders_late == ()
    assert result.auto_applicable
    assert any("Panne de broche" in move.reason and move.task == "a" for move in result.moves)


@pytest.mark.requirement("PLN-24")
def test_unavoidable_lateness_asks_for_approval() -> None:
    problem = shop(task("a", "C1", due=1, alternatives=False))
    plan = solve(problem, FAST)
    result = react(
        problem,
        plan,
        Event(Trigger.MACHINE_BREAKDOWN, "Panne", machine="T1", start_min=8 * 60, end_min=3 * DAY),
    )
    assert result.orders_late == ("C1",)
    assert not result.auto_applicable
    assert "C1" in result.approval_reasons[0]


@pytest.mark.requirement("PLN-22")
def test_absence_gives_the_task_to_another_qualified_person_at_the_same_time() -> None:
    problem = shop(task("a", "C1"))
    plan = solve(problem, FAST)
    absent = plan.placements["a"].operator
    result = react(
        problem,
        plan,
        Event(Trigger.OPERATOR_ABSENCE, "Arrêt maladie", operator=absent, start_min=0, end_min=5 * DAY),
    )
    assert result.plan.placements["a"].operator not in {None, absent}
    assert result.plan.placements["a"].start_min == plan.placements["a"].start_min
    assert result.auto_applicable


@pytest.mark.requirement("PLN-23")
def test_missing_tool_mounts_another_job_and_moves_the_blocked_one_until_receipt() -> None:
    problem = replace(
        shop(task("a", "C1", due=9, alternatives=False), task("b", "C2", due=9, alternatives=False)),
        frozen_min=0,
    )
    plan = solve(problem, FAST)
    first, second = sorted(plan.placements, key=lambda t: plan.placements[t].start_min)
    event = Event(Trigger.TOOL_MISSING, "Foret Ø8,5 cassé", tasks=(first,), end_min=2 * DAY)
    result = react(problem, plan, event)
    assert result.plan.placements[first].start_min == 2 * DAY + 8 * 60
    assert result.plan.placements[second].end_min <= DAY + 17 * 60
    unknown = react(problem, plan, replace(event, end_min=None))
    assert [item.task for item in unknown.left_out] == [first]
    assert not unknown.auto_applicable


@pytest.mark.requirement("PLN-27")
def test_running_and_locked_tasks_never_move() -> None:
    running = task("a", "C1", status=TaskStatus.IN_PROGRESS, lock=Lock(7 * 60, "T1", "Alice", 11 * 60))
    locked = task("b", "C2", lock=Lock(13 * 60, "T1", "Alice"))
    problem = shop(running, locked, task("c", "C3"))
    plan = solve(problem, FAST)
    urgent = task("u", "C9", due=1, run=60)
    result = react(problem, plan, Event(Trigger.URGENT_ORDER, "Commande urgente C9", new_tasks=(urgent,)))
    for name in ("a", "b"):
        assert result.plan.placements[name].start_min == plan.placements[name].start_min
        assert result.plan.placements[name].machine == plan.placements[name].machine
    assert "u" in result.plan.placements
    assert not result.auto_applicable


def test_running_operation_on_the_stopped_machine_ends_later() -> None:
    running = task("a", "C1", status=TaskStatus.IN_PROGRESS, lock=Lock(7 * 60, "T1", "Alice", 11 * 60))
    problem = shop(running, task("b", "C2", links=(Link("a"),)))
    plan = solve(problem, FAST)
    result = react(
        problem,
        plan,
        Event(Trigger.MACHINE_BREAKDOWN, "Panne", machine="T1", start_min=9 * 60, end_min=10 * 60),
    )
    assert result.plan.placements["a"].end_min == 12 * 60
    assert result.plan.placements["b"].start_min >= 12 * 60


@pytest.mark.requirement("PLN-10")
def test_what_is_not_hit_stays_in_place() -> None:
    problem = workshop(90, seed=2)
    plan = solve(problem, FAST)
    event = Event(Trigger.MACHINE_BREAKDOWN, "Panne F3", machine="F3", start_min=8 * 60, end_min=2 * DAY)
    result = react(problem, plan, event)
    hit = {p.task for p in plan.placements.values() if p.machine == "F3" and p.start_min < 2 * DAY}
    assert hit & {move.task for move in result.moves}
    assert len(result.moves) < len(plan.placements) / 2
    assert all(move.reason for move in result.moves)


@pytest.mark.requirement("PLN-18")
def test_quote_dates_in_three_modes_leave_the_plan_alone() -> None:
    problem = shop(*(task(f"t{i}", f"C{i}", run=420, due=30) for i in range(8)))
    plan = solve(problem, FAST)
    before = dict(plan.placements)
    quote = (
        replace(task("q1", "DEV-1", run=120), due_min=None),
        replace(task("q2", "DEV-1", run=120, sequence=20, links=(Link("q1"),)), due_min=None),
    )
    standard, express, economic = (
        feasible_date(problem, plan, quote, mode) for mode in (Mode.STANDARD, Mode.EXPRESS, Mode.ECONOMIC)
    )
    assert plan.placements == before
    for placed in before.values():
        assert standard.plan.placements[placed.task].start_min == placed.start_min
    assert express.end_min is not None
    assert standard.end_min is not None
    assert economic.end_min is not None
    assert express.end_min < standard.end_min <= economic.end_min


@pytest.mark.requirement("PLN-18")
def test_quote_nobody_can_make_says_why() -> None:
    problem = shop(task("a", "C1"))
    plan = solve(problem, FAST)
    quote = (task("q", "DEV-2", skills=frozenset({"électro-érosion"})),)
    answer = feasible_date(problem, plan, quote, Mode.STANDARD)
    assert answer.end_min is None
    assert answer.left_out[0].code == "operator_not_qualified"


@pytest.mark.requirement("PLN-19")
def test_suggestions_are_ranked_by_end_and_respect_the_rest_of_the_plan() -> None:
    problem = shop(task("a", "C1", lock=Lock(8 * 60, "T1", "Alice")), task("b", "C2"))
    plan = solve(problem, FAST)
    found = suggest(problem, plan, "b")
    assert (found[0].machine, found[0].operator, found[0].start_min) == ("T2", "Bruno", 8 * 60)
    assert [s.end_min for s in found] == sorted(s.end_min for s in found)
    assert "T2" in found[0].reason


def event_for(trigger: Trigger, plan: Plan) -> Event:
    """A realistic event of each kind against the shop of `test_every_trigger_gives_a_checked_proposal`."""
    extra = task("x", "C1", run=60, due=10)
    placed = plan.placements["a"]
    return {
        Trigger.OPERATOR_ABSENCE: Event(trigger, "Absence", operator=placed.operator, end_min=2 * DAY),
        Trigger.TOOL_MISSING: Event(trigger, "Foret cassé", tasks=("a",), end_min=2 * DAY),
        Trigger.MACHINE_BREAKDOWN: Event(trigger, "Panne", machine=placed.machine, end_min=2 * DAY),
        Trigger.MATERIAL_SHORTAGE: Event(trigger, "Barre en retard", tasks=("a",), end_min=3 * DAY),
        Trigger.OPERATION_LATE: Event(trigger, "Plus long que prévu", tasks=("run",), end_min=16 * 60),
        Trigger.OVERLOAD: Event(trigger, "Surcharge", machine=placed.machine, tasks=("a",)),
        Trigger.URGENT_ORDER: Event(trigger, "Urgence", new_tasks=(extra,)),
        Trigger.SCRAP_EXTRA: Event(trigger, "Rebut, 2 pièces à refaire", new_tasks=(extra,)),
        Trigger.SUPPLIER_DELAY: Event(trigger, "Traiteur en retard", tasks=("out",), end_min=12 * DAY),
    }[trigger]


@pytest.mark.requirement("PLN-21")
@pytest.mark.parametrize("trigger", list(Trigger))
def test_every_trigger_gives_a_checked_proposal(trigger: Trigger) -> None:
    running = task("run", "C0", status=TaskStatus.IN_PROGRESS, lock=Lock(7 * 60, "T1", "Alice", 11 * 60))
    out = task("out", "C2", choices=(), external_lead_min=3 * DAY)
    back = task("back", "C2", sequence=20, links=(Link("out"),))
    problem = replace(shop(running, task("a", "C1"), task("b", "C3"), out, back), frozen_min=0)
    plan = solve(problem, FAST)
    result = react(problem, plan, event_for(trigger, plan))
    assert result.moves
    assert all(move.reason for move in result.moves)
    assert result.plan.placements["run"].start_min == 7 * 60
