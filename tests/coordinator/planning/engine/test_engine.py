"""The planner on small workshops whose right answer is known by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from coordinator.modules.planning.engine.check import check
from coordinator.modules.planning.engine.generate import shifts, workshop
from coordinator.modules.planning.engine.load import day_loads
from coordinator.modules.planning.engine.model import (
    Link,
    Lock,
    Machine,
    MachineChoice,
    Operator,
    Placement,
    Plan,
    Priority,
    Problem,
    Readiness,
    Task,
    TaskStatus,
    TimeAxis,
)
from coordinator.modules.planning.engine.solve import SolveOptions, solve
from coordinator.modules.planning.engine.validate import PlanningInputError, validate

DAY = 24 * 60
FAST = SolveOptions(seconds=30, use_cp=False, max_iterations=20)
WEEK = shifts(30, (8, 12), (13, 17))
TURNER = Operator("Alice", WEEK, {"tournage": None})


def task(
    name: str, order: str = "C1", sequence: int = 10, *, run: int | None = 60, **changes: object
) -> Task:
    values: dict[str, object] = {
        "id": name,
        "order": order,
        "sequence": sequence,
        "quantity": 10,
        "due_min": 20 * DAY,
        "choices": (MachineChoice("T1", 0, run),),
        "skills": frozenset({"tournage"}),
    }
    values.update(changes)
    return Task(**values)  # type: ignore[arg-type]


def shop(*tasks: Task, **changes: object) -> Problem:
    values: dict[str, object] = {
        "tasks": tasks,
        "machines": (Machine("T1", WEEK), Machine("T2", WEEK)),
        "operators": (TURNER,),
        "now_min": 8 * 60,
        "horizon_min": 30 * DAY,
    }
    values.update(changes)
    return Problem(**values)  # type: ignore[arg-type]


def planned(problem: Problem) -> Plan:
    plan = solve(problem, FAST)
    assert check(problem, plan) == []
    return plan


@pytest.mark.requirement("PLN-05")
def test_operation_goes_on_after_lunch_and_after_the_weekend() -> None:
    friday = 4 * DAY + 16 * 60
    plan = planned(shop(task("a", run=120), now_min=friday))
    placed = plan.placements["a"]
    assert placed.pieces == ((friday, friday + 60), (7 * DAY + 8 * 60, 7 * DAY + 9 * 60))
    assert placed.end_min == 7 * DAY + 9 * 60


def test_uninterruptible_operation_waits_for_an_opening_long_enough() -> None:
    plan = planned(shop(task("a", run=240, interruptible=False), now_min=9 * 60))
    assert plan.placements["a"].start_min == 13 * 60


@pytest.mark.requirement("PLN-09")
def test_sequence_material_and_machine_maintenance_are_kept() -> None:
    machines = (Machine("T1", WEEK, blocked=((9 * 60, 11 * 60),)),)
    first = task("a", run=60)
    second = task(
        "b",
        sequence=20,
        links=(Link("a", lag_min=30),),
        readiness=(Readiness("material", "Barre 42CrMo4", DAY + 10 * 60),),
    )
    plan = planned(shop(first, second, machines=machines))
    assert (plan.placements["a"].start_min, plan.placements["a"].end_min) == (8 * 60, 9 * 60)
    assert plan.placements["b"].start_min == DAY + 10 * 60


@pytest.mark.requirement("PLN-13")
def test_one_operator_serves_two_machines_when_partly_attended() -> None:
    a = task("a", run=100, attendance_pct=50)
    b = task("b", "C2", run=100, attendance_pct=50, choices=(MachineChoice("T2", 0, 100),))
    both = planned(shop(a, b))
    assert both.placements["a"].start_min == both.placements["b"].start_min == 8 * 60
    busy = planned(shop(replace(a, attendance_pct=60), replace(b, attendance_pct=60)))
    assert {p.start_min for p in busy.placements.values()} == {8 * 60, 8 * 60 + 100}


@pytest.mark.requirement("PLN-05")
def test_unattended_run_uses_the_night_but_set_up_needs_the_operator() -> None:
    always = Machine("T1", ((0, 30 * DAY),))
    job = task("a", choices=(MachineChoice("T1", 30, 600),), attendance_pct=0)
    plan = planned(shop(job, machines=(always,), now_min=17 * 60))
    placed = plan.placements["a"]
    assert placed.setup_pieces == ((DAY + 8 * 60, DAY + 8 * 60 + 30),)
    assert placed.run_pieces == ((DAY + 8 * 60 + 30, DAY + 8 * 60 + 630),)


@pytest.mark.requirement("PLN-14")
def test_transfer_batches_overlap_without_starving_the_follower() -> None:
    people = (TURNER, Operator("Bruno", WEEK, {"tournage": None}))
    a = task("a", run=100)
    slow = task(
        "b", sequence=20, links=(Link("a", transfer_quantity=2),), choices=(MachineChoice("T2", 0, 200),)
    )
    assert planned(shop(a, slow, operators=people)).placements["b"].start_min == 8 * 60 + 20
    quick = replace(slow, choices=(MachineChoice("T2", 0, 50),))
    plan = planned(shop(a, quick, operators=people))
    assert plan.placements["b"].start_min == 8 * 60 + 60
    assert plan.placements["b"].end_min >= plan.placements["a"].end_min + 10


@pytest.mark.requirement("PLN-15")
def test_external_operation_takes_calendar_time_from_shipment_to_return() -> None:
    a = task("a")
    out = task("b", sequence=20, choices=(), external_lead_min=5 * DAY, links=(Link("a"),))
    back = task("c", sequence=30, links=(Link("b"),))
    plan = planned(shop(a, out, back))
    assert plan.placements["b"].start_min == 9 * 60
    assert plan.placements["c"].start_min == 7 * DAY + 8 * 60


@pytest.mark.requirement("PLN-36")
def test_expired_qualification_and_absence_keep_a_person_out() -> None:
    expired = Operator("Ancien", WEEK, {"tournage": 8 * 60 + 30})
    away = Operator("Absente", WEEK, {"tournage": None}, absences=((0, 3 * DAY),))
    plan = planned(shop(task("a"), operators=(expired, away)))
    assert plan.placements["a"].operator == "Absente"
    assert plan.placements["a"].start_min == 3 * DAY + 8 * 60


@pytest.mark.requirement("PLN-12")
def test_usual_operator_comes_first() -> None:
    people = (TURNER, Operator("Zoe", WEEK, {"tournage": None}))
    plan = planned(shop(task("a", usual_operators=("Zoe",)), operators=people))
    assert plan.placements["a"].operator == "Zoe"


@pytest.mark.requirement("PLN-10")
def test_delivery_dates_decide_who_goes_first() -> None:
    relaxed = task("a", "C1", run=300, due_min=10 * DAY)
    pressed = task("b", "C2", run=300, due_min=15 * 60)
    plan = planned(shop(relaxed, pressed))
    assert plan.orders["C2"].late_min == 0
    assert plan.placements["a"].start_min >= plan.placements["b"].end_min
    both_late = shop(
        replace(relaxed, due_min=10 * 60, priority=Priority.CRITICAL), replace(pressed, due_min=10 * 60)
    )
    assert planned(both_late).placements["a"].start_min == 8 * 60


@pytest.mark.requirement("PLN-27")
def test_running_and_locked_tasks_stay_and_conflicts_are_reported() -> None:
    running = task("a", status=TaskStatus.IN_PROGRESS, lock=Lock(7 * 60, "T1", "Alice", 10 * 60))
    locked = task("b", "C2", lock=Lock(14 * 60, "T1", "Alice"))
    clash = task("c", "C3", lock=Lock(14 * 60 + 30, "T1", "Alice"))
    free = task("d", "C4")
    plan = planned(shop(running, locked, clash, free))
    assert plan.placements["a"].end_min == 10 * 60
    assert plan.placements["b"].start_min == 14 * 60
    assert plan.placements["c"].start_min == 14 * 60 + 30
    assert [item.task for item in plan.conflicts] == ["c"]
    assert plan.placements["d"].start_min == 10 * 60


@pytest.mark.requirement("PLN-27")
def test_frozen_horizon_keeps_the_next_two_hours() -> None:
    old = planned(shop(task("a", "C1", due_min=20 * DAY)))
    urgent = task("b", "C2", due_min=9 * 60, priority=Priority.CRITICAL)
    problem = shop(task("a"), urgent, baseline=old)
    plan = planned(problem)
    assert plan.placements["a"] == replace(old.placements["a"], frozen="horizon")
    assert plan.placements["b"].start_min == 9 * 60
    assert planned(replace(problem, frozen_min=0)).placements["b"].start_min == 8 * 60


@pytest.mark.requirement("PLN-49")
def test_incomplete_operations_are_listed_and_the_rest_is_planned() -> None:
    plan = planned(
        shop(
            task("no-time", run=None),
            task("no-machine", "C2", choices=()),
            task("no-date", "C3", due_min=None),
            task("no-stock", "C4", readiness=(Readiness("tool", "Foret Ø8,5", None),)),
            task("good", "C5"),
            task("after", sequence=20, links=(Link("no-time"),)),
        )
    )
    assert set(plan.placements) == {"good"}
    assert {item.task: item.field for item in plan.left_out} == {
        "no-time": "run_min",
        "no-machine": "machine_id",
        "no-date": "due_at",
        "no-stock": "tool",
        "after": None,
    }
    assert plan.status == "partial"
    assert any("Foret Ø8,5" in item.message for item in plan.left_out)


@pytest.mark.requirement("PLN-50")
def test_blocking_constraint_is_named() -> None:
    nobody = planned(shop(task("a", skills=frozenset({"soudage"})), task("b", "C2")))
    assert [(item.task, item.code) for item in nobody.left_out] == [("a", "operator_not_qualified")]
    closed = planned(shop(task("a"), machines=(Machine("T1", ()), Machine("T2", WEEK))))
    assert closed.left_out[0].code == "machine_unavailable"
    absent = planned(shop(task("a"), operators=(replace(TURNER, absences=((0, 40 * DAY),)),)))
    assert absent.left_out[0].code == "operator_unavailable"
    too_long = planned(shop(task("a", run=100_000)))
    assert too_long.left_out[0].code == "no_room"
    assert too_long.orders["C1"].end_min is None


@pytest.mark.requirement("PLN-52")
def test_bad_input_is_refused_in_french() -> None:
    bad = shop(
        task("a", quantity=0, links=(Link("b"),)),
        task("b", sequence=20, links=(Link("a"),)),
        task("c", "C2", choices=(MachineChoice("X9", 0, 5),)),
        task("d", "C3", lock=Lock(100, "T1", None, 50)),
        task("e", "C4", links=(Link("nowhere"),)),
        task("e", "C4"),
    )
    with pytest.raises(PlanningInputError) as caught:
        solve(bad, FAST)
    codes = {issue.code for issue in caught.value.issues}
    assert codes == {
        "quantity_not_positive",
        "dependency_cycle",
        "machine_unknown",
        "end_before_start",
        "predecessor_unknown",
        "task_duplicated",
    }
    assert "s'attendent mutuellement" in str(caught.value)
    assert "machine X9 inconnue" in str(caught.value)


@pytest.mark.requirement("PLN-52")
def test_past_delivery_date_is_refused_only_for_a_new_order() -> None:
    problem = shop(task("a", due_min=60))
    validate(problem)
    with pytest.raises(PlanningInputError) as caught:
        validate(problem, new_orders=frozenset({"C1"}))
    assert caught.value.issues[0].code == "due_date_past"
    assert planned(problem).orders["C1"].late_min == 9 * 60 - 60


def test_done_and_cancelled_predecessors_do_not_hold_up() -> None:
    done = task("a", status=TaskStatus.DONE, lock=Lock(6 * 60, "T1", "Alice", 7 * 60))
    dropped = task("b", sequence=20, status=TaskStatus.CANCELLED, links=(Link("a"),))
    last = task("c", sequence=30, links=(Link("a"), Link("b")))
    plan = planned(shop(done, dropped, last))
    assert plan.placements["c"].start_min == 8 * 60
    assert "b" not in plan.placements


def test_empty_workshop_gives_an_empty_plan() -> None:
    plan = planned(shop())
    assert plan.placements == {}
    assert plan.status == "feasible"


def test_same_seed_gives_the_same_plan() -> None:
    problem = workshop(40, seed=3)
    assert solve(problem, FAST).placements == solve(problem, FAST).placements


def test_cp_sat_stage_gives_a_valid_plan_not_worse_than_the_first() -> None:
    problem = workshop(60, seed=5)
    first = solve(problem, SolveOptions(seconds=30, use_cp=False, max_iterations=0))
    better = solve(problem, SolveOptions(seconds=3, max_iterations=5))
    assert check(problem, better) == []
    assert better.score <= first.score


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_random_workshops_break_no_constraint(seed: int) -> None:
    planned(workshop(90, seed=seed))


def test_checker_catches_each_kind_of_violation() -> None:
    a = task("a", choices=(MachineChoice("T1", 10, 50),))
    b = task("b", sequence=20, links=(Link("a"),))
    c = task("c", "C2", choices=(MachineChoice("T2", 0, 60),))
    problem = shop(
        a, b, c, machines=(Machine("T1", WEEK, blocked=((15 * 60, 16 * 60),)), Machine("T2", WEEK))
    )
    good = solve(problem, FAST)
    assert check(problem, good) == []

    def codes(**placed: Placement) -> set[str]:
        return {v.code for v in check(problem, replace(good, placements={**good.placements, **placed}))}

    def at(name: str, start: int, end: int, machine: str = "T1", operator: str | None = "Alice") -> Placement:
        return Placement(name, machine, operator, start, end, (), ((start, end),))

    assert "sequence" in codes(b=at("b", 8 * 60, 9 * 60))
    assert "overlap" in codes(b=at("b", 8 * 60 + 30, 9 * 60 + 30))
    begin = good.placements["a"].start_min
    assert "operator_overload" in codes(c=at("c", begin, begin + 60, "T2"))
    assert "machine_closed" in codes(b=at("b", 15 * 60, 16 * 60))
    assert "absent" in codes(b=at("b", 12 * 60, 13 * 60))
    assert "machine" in codes(b=at("b", 14 * 60, 15 * 60, "T2"))
    assert "operator" in codes(b=at("b", 14 * 60, 15 * 60, operator=None))
    assert "duration" in codes(b=at("b", 14 * 60, 14 * 60 + 30))
    assert "too_early" in codes(b=at("b", 7 * 60, 8 * 60))
    gone = {t: p for t, p in good.placements.items() if t != "c"}
    assert {v.code for v in check(problem, replace(good, placements=gone))} == {"missing"}


def test_time_axis_round_trip_and_refusal_of_naive_time() -> None:
    axis = TimeAxis(datetime(2026, 11, 23, tzinfo=UTC))
    assert axis.to_min(axis.to_datetime(1234)) == 1234
    assert axis.to_datetime(90) - axis.epoch == timedelta(minutes=90)
    with pytest.raises(ValueError, match="naive"):
        axis.to_min(datetime(2026, 11, 23))  # noqa: DTZ001


@pytest.mark.requirement("PLN-06")
def test_load_per_day_counts_worked_minutes_against_openings() -> None:
    machines = (Machine("T1", WEEK, blocked=((DAY + 8 * 60, DAY + 12 * 60),)),)
    problem = shop(task("a", run=600), machines=machines)
    loads = day_loads(problem, planned(problem), 0, 3)
    assert [(item.load_min, item.open_min) for item in loads] == [(480, 480), (120, 240), (0, 480)]
    assert [item.is_overload() for item in loads] == [True, False, False]
