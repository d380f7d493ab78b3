"""Parts hit by a collision wait for a person; unusual paces are a question for managers only."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome, dispatch
from coordinator.kernel.models import OutboxEvent, Task
from coordinator.kernel.outbox import Event
from coordinator.modules.execution import cadence, inspection, views
from coordinator.modules.execution.models import (
    OperatorCadence,
    PartHold,
    TimeEntry,
    TraceEvent,
    WorkOrderOperation,
)
from coordinator.modules.machines import cadence as machine_cadence
from coordinator.modules.machines.models import Machine, MachineCycle, MachineEvent, MachineIncident
from tests.conftest import master, person
from tests.coordinator.execution.conftest import Shop, build, shop

__all__ = ["build", "shop"]
Api = Callable[..., Any]


def hear(ctx: Context, kind: str, react: Callable[[Context, Event], None]) -> None:
    rows = select(OutboxEvent).where(OutboxEvent.event_type == kind).order_by(OutboxEvent.id)
    for row in ctx.session.scalars(rows):
        react(ctx, Event(uuid.uuid4(), row.event_type, row.payload, row.occurred_at, None, None))
    ctx.session.flush()


def impact(
    shop: Shop, kind: str = "collision.impact", machine: str = "SCIE", *, after: float = 5, **more: Any
) -> Outcome:
    at = shop.now + dt.timedelta(minutes=after)
    shop.ctx.now = max(shop.ctx.now, at)
    body = {
        "machine_code": machine, "source": "vibration", "signal": "shock", "value": 9.0, "threshold": 4.0, "program": "O1",
        "tool": "T4", "signals": [], "response": "alert", **more,
    }  # fmt: skip
    outcome = dispatch(shop.ctx, DeviceEvent(uuid.uuid4(), kind, body, at, at, station_id="m-1"))
    hear(shop.ctx, "machines.collision", inspection.on_collision)
    return outcome


@pytest.mark.requirement("MCH-23")
@pytest.mark.parametrize("response", ["alert", "log"])
def test_an_impact_marks_the_running_parts_and_nothing_closes_before_a_decision(
    shop: Shop, api: Api, response: str
) -> None:
    ctx = shop.ctx
    shop.start()
    impact(shop, "collision.risk")
    impact(shop, machine="TOUR")
    assert ctx.session.scalars(select(PartHold)).all() == [], (
        "a risk, or a machine nobody works on, marks nothing"
    )
    impact(shop, response=response)
    (hold,) = ctx.session.scalars(select(PartHold))
    assert (hold.status, hold.work_order_operation_id) == ("open", shop.operations[0].id)
    collision = ctx.get(MachineEvent, hold.machine_event_id or 0)
    hear(ctx, "machines.collision", inspection.on_collision)
    assert len(ctx.session.scalars(select(PartHold)).all()) == 1, "a repeated delivery marks once"
    (task,) = ctx.session.scalars(select(Task).where(Task.kind == "parts.to_inspect"))
    assert task.role_code == "quality_manager"
    (item,) = views.items(ctx, [shop.operations[0]], shop.ana.id)
    assert item["to_inspect"] == collision.text
    refused = shop.finish(after=10)
    assert (refused.result, refused.code) == ("refused", "shop.parts_to_inspect")
    client = api(person("routing:*", "quality:read"))
    assert (
        client.post(
            f"/api/v1/part-holds/{hold.id}/decide", json={"outcome": "released", "comment": "vu ensemble"}
        ).status_code
        == 403
    )
    answer = api(master()).post(
        f"/api/v1/part-holds/{hold.id}/decide",
        json={"outcome": "released", "comment": "Cotes contrôlées, conformes"},
    )
    assert answer.status_code == 200, answer.text
    ctx.session.expire_all()
    assert (hold.status, hold.decided_at is not None, task.status) == ("released", True, "done")
    kinds = [e.kind for e in ctx.session.scalars(select(TraceEvent).order_by(TraceEvent.id))]
    assert [k for k in kinds if k.startswith("parts.")] == ["parts.to_inspect", "parts.inspected"]
    assert shop.finish(after=30).result == "done"
    again = api(master()).post(
        f"/api/v1/part-holds/{hold.id}/decide", json={"outcome": "rework", "comment": "encore"}
    )
    assert again.status_code == 409


@pytest.mark.requirement("MCH-23")
def test_an_impact_opens_a_report_even_where_people_are_not_told(shop: Shop) -> None:
    shop.start()
    impact(shop, response="log")
    (report,) = shop.ctx.session.scalars(select(MachineIncident))
    assert (report.kind, report.machine_id, report.status) == ("maintenance", shop.saw.id, "open")


# --- cadence ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("MCH-21")
def test_a_value_is_unusual_beyond_the_spread_of_its_history() -> None:
    judge = machine_cadence.judge
    steady = [10.0, 10.1, 9.9, 10.0, 10.2, 9.8]
    assert judge(11.0, steady, 20) is None
    found = judge(13.0, steady, 20)
    assert found is not None
    assert found.is_more
    assert found.difference_pct == pytest.approx(30)
    slow = judge(7.0, steady, 20)
    assert slow is not None
    assert not slow.is_more
    assert judge(13.0, [5.0, 10.0, 15.0, 8.0, 12.0, 20.0], 20) is None, "what varies that much says nothing"
    assert judge(13.0, steady[:4], 20) is None, "too little history"
    assert judge(13.0, [*steady, 400.0], 20) is not None, "one bad day of the past hides nothing"


@pytest.mark.requirement("MCH-21")
def test_the_day_of_a_machine_is_compared_at_equal_programs(ctx: Context) -> None:
    machine = ctx.add(Machine(code="CU1", name="Centre 1", machine_type="mill"))
    chance = random.Random(3)
    noon = ctx.now.replace(hour=10, minute=0, second=0, microsecond=0)

    def day(ago: int, factor: float) -> None:
        # Other programs each day: only the pace at equal programs counts.
        for number in range(8):
            program, usual = chance.choice((("A", 4.0), ("B", 12.0)))
            minutes = usual * factor * chance.uniform(0.97, 1.03)
            start = noon - dt.timedelta(days=ago) + dt.timedelta(minutes=20 * number)
            end = start + dt.timedelta(minutes=minutes)
            ctx.add(MachineCycle(uid=uuid.uuid4(), machine_id=machine.id, program=program, started_at=start, ended_at=end,
                                 duration_min=Decimal(str(round(minutes, 3))), part_count=1))  # fmt: skip

    for ago in range(2, 12):
        day(ago, 1.0)
    day(1, 1.05)
    machine_cadence.watch_days(ctx)
    alerts = select(MachineEvent).where(MachineEvent.code.startswith("cadence"))
    assert ctx.session.scalars(alerts).all() == []
    day(0, 1.5)
    ctx.now = noon + dt.timedelta(days=1)
    machine_cadence.watch_days(ctx)
    machine_cadence.watch_days(ctx)
    (found,) = ctx.session.scalars(alerts)
    assert "sous l'habitude" in (found.text or "")


@pytest.mark.requirement("MCH-21")
def test_an_operators_pace_is_seen_by_managers_only(shop: Shop, api: Api) -> None:
    ctx = shop.ctx
    operation = shop.operations[0]
    for number in range(6):
        past = WorkOrderOperation(
            work_order_id=operation.work_order_id, routing_operation_id=operation.routing_operation_id, sequence_no=900 + number,
            operation_type="cutting", operation_label="Débit", planned_qty=Decimal(10), good_qty=Decimal(10), status="done",
        )  # fmt: skip
        ctx.add(past)
        ctx.add(TimeEntry(uid=uuid.uuid4(), work_order_operation_id=past.id, employee_id=shop.bob.employee_id, recorded_at=ctx.now,
                          started_at=ctx.now, duration_min=Decimal(20 + number % 2)))  # fmt: skip
    shop.start()
    shop.finish(after=90, spent=90, comment="long")
    hear(ctx, "operation.finished", cadence.on_finished)
    hear(ctx, "operation.finished", cadence.on_finished)
    (found,) = ctx.session.scalars(select(OperatorCadence))
    assert (found.direction, found.employee_id, found.part_min, found.history_count) == (
        "slower", shop.ana.employee_id, Decimal(9), 6,
    )  # fmt: skip
    ctx.session.flush()
    client = api(person("time_tracking:read", "time_tracking:create"))
    assert client.get("/api/v1/operator-cadences").json()["total"] == 0
    assert client.get(f"/api/v1/operator-cadences/{found.id}").status_code == 404
    manager = api(person("time_tracking:read", "time_tracking:validate"))
    assert manager.get("/api/v1/operator-cadences").json()["total"] == 1
