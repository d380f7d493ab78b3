"""The plan in the database: orders in, slots out; breakdowns, decisions, conflicts."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel import jobs
from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.errors import Conflict
from coordinator.kernel.lifecycle import move
from coordinator.kernel.models import Task
from coordinator.modules.company.models import Shift, WorkCalendar
from coordinator.modules.execution import api as execution
from coordinator.modules.machines.models import Machine, MachineCapability, MachineEvent
from coordinator.modules.machines.service import CommentParams
from coordinator.modules.people.models import Employee
from coordinator.modules.planning import api as planning
from coordinator.modules.planning.models import (
    MachineSlot,
    OperatorSlot,
    PlanChangePolicy,
    PlanRun,
    ReplanChange,
    ReplanProposal,
)
from coordinator.modules.routings import api as routings
from tests.conftest import master, person

Api = Callable[..., Any]
QUICK = planning.SolveOptions(seconds=2, use_cp=False, max_iterations=30)
# A Monday at 6:00 UTC: one hour before the shop opens.
MONDAY = dt.datetime(2026, 11, 30, 6, 0, tzinfo=dt.UTC)


@dataclass
class Shop:
    ctx: Context
    lathes: list[Machine]
    people: list[Employee]
    orders: list[execution.WorkOrder]

    def slots(self) -> list[MachineSlot]:
        query = select(MachineSlot).where(MachineSlot.status == "planned").order_by(MachineSlot.start_at)
        return list(self.ctx.session.scalars(query))


def calendar(ctx: Context) -> None:
    week = WorkCalendar(
        code="J", name="Journée", is_default=True, closes_on_public_holidays=False, time_zone="UTC"
    )
    for other in ctx.session.scalars(select(WorkCalendar)):
        other.is_default = False
    ctx.add(week)
    for day in range(1, 6):
        ctx.add(Shift(work_calendar_id=week.id, weekday=day, start_min=7 * 60, end_min=15 * 60))


def order(ctx: Context, lathe: Machine, minutes: int, due: int, **kwargs: Any) -> execution.WorkOrder:
    rows = [
        routings.RoutingOperationInput("turning", "Tournage", Decimal(minutes), Decimal(10), "lot", machine_id=lathe.id),
        routings.RoutingOperationInput("inspection", "Contrôle", Decimal(20), time_basis="lot"),
    ]  # fmt: skip
    routing = routings.create_routing(ctx, None, rows, complete=False)
    date = (MONDAY + dt.timedelta(days=due)).date()
    return execution.create_work_order(ctx, routing, Decimal(5), due_date=date, **kwargs)


@pytest.fixture
def shop(ctx: Context) -> Shop:
    ctx.now = MONDAY
    calendar(ctx)
    lathes = [ctx.add(Machine(code=f"T{n}", name=f"Tour {n}", machine_type="lathe")) for n in (1, 2)]
    for lathe in lathes:
        ctx.add(MachineCapability(machine_id=lathe.id, operation_type="turning"))
    people = [ctx.add(Employee(number=f"P{n}", first_name="Opérateur", last_name=str(n))) for n in (1, 2)]
    orders = [order(ctx, lathes[0], minutes, due=2) for minutes in (200, 180, 160)]
    return Shop(ctx, lathes, people, orders)


def breakdown(shop: Shop, machine: Machine) -> ReplanProposal:
    machine.status = "breakdown"
    shop.ctx.session.flush()
    return planning.rearrange(
        shop.ctx, planning.Trigger.MACHINE_BREAKDOWN, f"Panne de {machine.name}", machine_id=machine.id,
        start=shop.ctx.now, end=shop.ctx.now + dt.timedelta(days=1), seconds=2, max_iterations=40,
    )  # fmt: skip


@pytest.mark.requirement("PLN-01", "PLN-08", "PLN-12")
def test_open_orders_get_machines_people_and_hours_even_before_release(shop: Shop) -> None:
    run = planning.plan(shop.ctx, options=QUICK)
    assert run.left_out == []
    slots = shop.slots()
    assert len(slots) == 3, "one per turning; the inspection has a person, no machine"
    assert {s.machine_id for s in slots} <= {m.id for m in shop.lathes}
    for machine in shop.lathes:
        own = [s for s in slots if s.machine_id == machine.id]
        assert all(a.end_at <= b.start_at for a, b in itertools.pairwise(own))
    assert all(s.start_at >= MONDAY.replace(hour=7) and s.work_date == s.start_at.date() for s in slots)
    assert {s.estimated_load_min for s in slots} == {Decimal(210), Decimal(190), Decimal(170)}
    assigned = shop.ctx.session.scalars(select(OperatorSlot)).all()
    assert {s.employee_id for s in assigned} <= {p.id for p in shop.people}
    for placed in shop.orders:
        first, second = execution.operations_of(shop.ctx, placed.id)
        shop.ctx.session.refresh(first)
        shop.ctx.session.refresh(second)
        assert first.planned_start_at is not None
        assert second.planned_start_at is not None
        assert second.planned_start_at > first.planned_start_at
    assert {placed.status for placed in shop.orders} == {"draft"}


def test_planning_again_moves_nothing_without_cause(shop: Shop) -> None:
    planning.plan(shop.ctx, options=QUICK)
    before = {s.id: (s.machine_id, s.start_at, s.end_at, s.row_version) for s in shop.slots()}
    planning.plan(shop.ctx, options=QUICK)
    assert {s.id: (s.machine_id, s.start_at, s.end_at, s.row_version) for s in shop.slots()} == before


@pytest.mark.requirement("PLN-17", "DAT-13")
def test_a_conflict_is_refused_in_the_words_of_the_requirement(shop: Shop, api: Api) -> None:
    planning.plan(shop.ctx, options=QUICK)
    slot = shop.slots()[0]
    shop.ctx.session.commit()
    client = api(master())
    body = {"machine_id": slot.machine_id, "start_at": (slot.end_at - dt.timedelta(minutes=5)).isoformat(),
            "end_at": (slot.end_at + dt.timedelta(hours=1)).isoformat(), "kind": "reservation"}  # fmt: skip
    refused = client.post("/api/v1/machine-slots", json=body)
    assert refused.status_code == 409, refused.text
    assert refused.json()["detail"] == "Conflit détecté avec un autre planning"
    wrong = {**body, "end_at": body["start_at"]}
    assert client.post("/api/v1/machine-slots", json=wrong).json()["code"] == "planning.end_before_start"
    free = {**body, "start_at": "2027-03-01T08:00:00Z", "end_at": "2027-03-01T09:00:00Z"}
    assert client.post("/api/v1/machine-slots", json=free).status_code == 201
    itself = client.patch(
        f"/api/v1/machine-slots/{slot.id}", json={"row_version": slot.row_version, "task_label": "ici"}
    )
    assert itself.status_code == 200, "the edited task does not conflict with itself"


@pytest.mark.requirement("PLN-21", "PLN-24", "PLN-26", "PLN-28")
def test_a_breakdown_is_rearranged_by_itself_when_nobody_is_harmed_and_can_be_undone(shop: Shop) -> None:
    planning.plan(shop.ctx, options=QUICK)
    before = {s.work_order_operation_id: (s.machine_id, s.start_at) for s in shop.slots()}
    broken = next(m for m in shop.lathes if any(s.machine_id == m.id for s in shop.slots()))
    for placed in shop.orders:
        placed.due_date = (MONDAY + dt.timedelta(days=20)).date()
    proposal = breakdown(shop, broken)
    assert proposal.status == "auto_applied", (proposal.summary or {})["approval_reasons"]
    soon = MONDAY + dt.timedelta(days=1)
    assert [s for s in shop.slots() if s.machine_id == broken.id and s.start_at < soon] == []
    changes = shop.ctx.session.scalars(select(ReplanChange)).all()
    assert changes
    assert all("Panne de" in (c.new_values or {})["reason"] for c in changes)
    move(shop.ctx, proposal, "undo")
    assert {s.work_order_operation_id: (s.machine_id, s.start_at) for s in shop.slots()} == before
    assert proposal.refusal_reason == "Changement annulé"


@pytest.mark.requirement("PLN-24", "PLN-25")
def test_a_policy_of_approval_waits_for_a_person_and_accepting_applies(shop: Shop) -> None:
    planning.plan(shop.ctx, options=QUICK)
    rule = select(PlanChangePolicy).where(PlanChangePolicy.trigger == "machine_breakdown")
    shop.ctx.session.scalars(rule).one().mode = "require_approval"
    before = {s.work_order_operation_id: (s.machine_id, s.start_at) for s in shop.slots()}
    broken = next(m for m in shop.lathes if any(s.machine_id == m.id for s in shop.slots()))
    proposal = breakdown(shop, broken)
    assert proposal.status == "proposed"
    assert {s.work_order_operation_id: (s.machine_id, s.start_at) for s in shop.slots()} == before, (
        "nothing yet"
    )
    task = shop.ctx.session.scalars(select(Task).where(Task.dedupe_key == f"replan:{proposal.id}")).one()
    assert task.role_code == "production_manager"
    move(shop.ctx, proposal, "accept")
    assert all(s.machine_id != broken.id or s.start_at >= MONDAY + dt.timedelta(days=1) for s in shop.slots())
    assert task.status == "done"


@pytest.mark.requirement("PLN-51")
def test_a_proposal_on_an_old_plan_is_not_applied(shop: Shop) -> None:
    planning.plan(shop.ctx, options=QUICK)
    rule = select(PlanChangePolicy).where(PlanChangePolicy.trigger == "machine_breakdown")
    shop.ctx.session.scalars(rule).one().mode = "require_approval"
    proposal = breakdown(shop, shop.lathes[0])
    order(shop.ctx, shop.lathes[1], 30, due=3)
    planning.plan(shop.ctx, options=QUICK)
    with pytest.raises(Conflict) as refusal:
        move(shop.ctx, proposal, "accept")
    assert refusal.value.code == "planning.outdated"


@pytest.mark.requirement("PLN-27")
def test_locked_and_running_tasks_stay(shop: Shop) -> None:
    planning.plan(shop.ctx, options=QUICK)
    locked = shop.slots()[-1]
    locked.is_locked = True
    place = (locked.machine_id, locked.start_at)
    urgent = order(shop.ctx, shop.lathes[0], 300, due=0, priority="overdue_urgent")
    planning.plan(shop.ctx, options=QUICK)
    assert (locked.machine_id, locked.start_at) == place
    first = execution.operations_of(shop.ctx, urgent.id)[0]
    assert any(s.work_order_operation_id == first.id for s in shop.slots())


@pytest.mark.requirement("PLN-49", "PLN-50")
def test_what_cannot_be_planned_is_named_and_the_rest_is_planned(shop: Shop) -> None:
    skilled = order(shop.ctx, shop.lathes[0], 10, due=2)
    operation = execution.operations_of(shop.ctx, skilled.id)[0]
    from coordinator.modules.people.models import Skill

    operation.skill_id = shop.ctx.add(Skill(code="rare", label="Rare")).id
    shop.ctx.session.flush()
    run = planning.plan(shop.ctx, options=QUICK)
    assert operation.id in {x["work_order_operation_id"] for x in run.left_out or []}
    assert len(shop.slots()) == 3


@pytest.mark.requirement("PLN-18")
def test_quotes_get_dates_and_change_nothing(shop: Shop) -> None:
    planning.plan(shop.ctx, options=QUICK)
    before = [(s.id, s.start_at, s.machine_id) for s in shop.slots()]
    asked = [planning.QuoteOperation(10, "Tournage", Decimal(10), Decimal(400), ("T1", "T2"))]
    dates = planning.feasible_dates(shop.ctx, asked)
    assert set(dates) == {"standard", "express", "economic"}
    assert dates["express"].end_at is not None
    assert dates["standard"].end_at is not None
    assert dates["express"].end_at <= dates["standard"].end_at
    assert [(s.id, s.start_at, s.machine_id) for s in shop.slots()] == before
    days = planning.availability(shop.ctx, days=5)
    assert sum(d.load_min for d in days) == 210 + 190 + 170
    assert {d.open_min for d in days if d.day == MONDAY.date()} == {480}


@pytest.mark.requirement("PLN-08", "PLN-21")
def test_events_plan_and_replan_in_the_background(
    shop: Shop, factory: ContextFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory.clock = lambda: MONDAY + dt.timedelta(minutes=1)
    shop.ctx.session.commit()
    jobs.run_pending(factory, factory.registry)
    with factory.open(master()) as ctx:
        assert ctx.session.scalars(select(PlanRun.trigger)).all() == ["order_created"], (
            "three requests, one plan"
        )
        slot = ctx.session.scalars(select(MachineSlot).where(MachineSlot.status == "planned")).first()
        assert slot is not None
        broken = ctx.get(Machine, slot.machine_id)
        move(ctx, broken, "report_breakdown", CommentParams())
        assert ctx.session.scalars(select(MachineEvent)).one().code == "breakdown"
    jobs.run_pending(factory, factory.registry)
    with factory.open(master()) as ctx:
        proposal = ctx.session.scalars(select(ReplanProposal)).one()
        assert (proposal.trigger, proposal.machine_id) == ("machine_breakdown", broken.id)
        assert proposal.status in {"auto_applied", "proposed"}


@pytest.mark.requirement("PLN-38", "PLN-30")
def test_the_gantt_shows_bars_openings_and_only_ones_own_to_an_operator(shop: Shop, api: Api) -> None:
    planning.plan(shop.ctx, options=QUICK)
    shop.ctx.session.commit()
    params = {"from": MONDAY.isoformat(), "to": (MONDAY + dt.timedelta(days=5)).isoformat()}
    seen = api(master()).get("/api/v1/planning/gantt", params=params).json()
    bars = [bar for machine in seen["machines"] for bar in machine["slots"]]
    assert {bar["operation"]["number"] for bar in bars} == {o.number for o in shop.orders}
    assert len(seen["machines"][0]["openings"]) == 5
    assert seen["plan"]["left_out"] == []
    me = shop.people[0].id
    operator = Principal(kind="user", name="op", employee_id=me, rights={("planning", "read"): "assigned"})
    own = api(operator).get("/api/v1/planning/gantt", params=params).json()
    assert {row["id"] for row in own["operators"]} <= {me}
    client = api(person("nothing:read"))
    assert client.get("/api/v1/planning/gantt").status_code == 403
