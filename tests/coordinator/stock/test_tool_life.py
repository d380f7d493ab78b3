"""Life of tools from machine cycles: measured or estimated, once, told before its end, decided by a person."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.device import DeviceEvent, Outcome, dispatch
from coordinator.kernel.models import Notification, OutboxEvent, Task
from coordinator.kernel.outbox import Event
from coordinator.modules.catalogue.models import Tool
from coordinator.modules.execution import views
from coordinator.modules.machines.models import MachineToolCompatibility, ToolAssembly
from coordinator.modules.routings.models import OperationTool
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.engine.tool_wear import PlannedTool, estimate_min, life_pct
from coordinator.modules.stock.models import StockUnit, StorageLocation, ToolUsage
from coordinator.modules.stock.models_tooling import ToolChange
from tests.conftest import master
from tests.coordinator.execution.conftest import Shop
from tests.coordinator.stock.conftest import d

Api = Callable[..., Any]


def cycle(
    shop: Shop, start_min: float, minutes: float, *, parts: int = 1, tools: Any = None, uid: Any = None
) -> Outcome:
    start = shop.now + dt.timedelta(minutes=start_min)
    end = start + dt.timedelta(minutes=minutes)
    shop.ctx.now = max(shop.ctx.now, end)
    body = {
        "machine_code": "TOUR", "cycle_uid": str(uid or uuid.uuid4()), "program": "O7", "part_count": parts, "result": "complete",
        "started_at": start.isoformat(), "ended_at": end.isoformat(), "tools": tools or [],
    }  # fmt: skip
    return dispatch(shop.ctx, DeviceEvent(uuid.uuid4(), "machine.cycle", body, end, end, station_id="m-1"))


@pytest.fixture
def run(shop: Shop) -> Callable[[], list[ToolUsage]]:
    """Hands the facts since the last call to the modules that listen, as the outbox does."""
    ctx, seen = shop.ctx, [0]

    def go() -> list[ToolUsage]:
        while found := list(
            ctx.session.scalars(select(OutboxEvent).where(OutboxEvent.id > seen[0]).order_by(OutboxEvent.id))
        ):
            seen[0] = found[-1].id
            for row in found:
                event = Event(uuid.uuid4(), row.event_type, row.payload, row.occurred_at, None, None)
                for handler in (
                    ctx.registry.handlers.get(row.event_type, []) if "cycle" in row.event_type else []
                ):
                    handler.function(ctx, event)
        ctx.session.flush()
        ctx.session.expire_all()
        return list(ctx.session.scalars(select(ToolUsage).order_by(ToolUsage.id)))

    return go


def insert_of(shop: Shop, **values: Any) -> Tool:
    tool = shop.ctx.session.scalars(select(Tool).where(Tool.code == "CNMG-1")).one()
    for name, value in values.items():
        setattr(tool, name, value)
    return tool


def started(shop: Shop) -> None:
    shop.operations[0].good_qty = d(10)
    shop.start(1)


@pytest.mark.requirement("STK-06")
def test_measured_time_of_a_cycle_is_booked_once_and_names_its_operation(shop: Shop, run: Any) -> None:
    ctx = shop.ctx
    tool = insert_of(shop, life_min=20)
    ctx.add(MachineToolCompatibility(machine_id=shop.lathe.id, tool_id=tool.id, slot_number=4))
    drill = ctx.add(Tool(code="FO-6", name="Foret 6", item_kind="tool", tool_type="drill"))
    ctx.add(ToolAssembly(name="PERCAGE_6", tool_id=drill.id, machine_id=shop.lathe.id))
    uid = uuid.uuid4()
    told = [
        {"tool": "T4", "used_min": 6.5},
        {"tool": "percage_6", "used_min": 1.25},
        {"tool": "T99", "used_min": 1},
    ]
    # The cycle comes before anybody's start; its operation is known only later.
    cycle(shop, 1, 10, tools=told, uid=uid)
    booked = run()
    assert {(u.tool_id, u.used_min, u.basis) for u in booked} == {
        (tool.id, d("6.50"), "measured"),
        (drill.id, d("1.25"), "measured"),
    }
    assert {u.work_order_operation_id for u in booked} == {None}
    assert cycle(shop, 1, 10, tools=told, uid=uid).result == "duplicate"
    started(shop)
    shop.finish(1, after=30)
    booked = run()
    assert len(booked) == 2, "nothing is booked twice"
    assert {(u.work_order_operation_id, u.user_id) for u in booked} == {(shop.operations[1].id, shop.ana.id)}
    (task,) = ctx.session.scalars(select(Task).where(Task.kind == "tool.unknown"))
    assert "T99" in task.title


@pytest.mark.requirement("STK-06")
def test_a_machine_that_names_no_tool_wears_those_planned_marked_estimated(
    shop: Shop, run: Any, api: Api
) -> None:
    ctx = shop.ctx
    tool = insert_of(shop, life_parts=10)
    planned = ctx.session.scalars(select(OperationTool).where(OperationTool.tool_id == tool.id)).one()
    planned.cutting_min = d("1.5")
    started(shop)
    cycle(shop, 1, 20, parts=4)
    cycle(shop, 25, 20, parts=4)
    booked = run()
    assert [(u.used_min, u.part_count, u.basis) for u in booked] == [(6, 4, "estimated"), (6, 4, "estimated")]
    (change,) = ctx.session.scalars(select(ToolChange))
    assert (change.kind, change.life_pct, change.is_estimated, change.used_parts) == (
        "change",
        d(80),
        True,
        8,
    )
    assert [
        n.severity
        for n in ctx.session.scalars(select(Notification).where(Notification.text.contains("durée de vie")))
    ] == ["warning"]
    (item,) = views.items(ctx, [shop.operations[1]], shop.ana.id)
    assert item["tools"] == [
        {
            "code": "CNMG-1",
            "name": "Plaquette CNMG",
            "life_pct": 80.0,
            "life_is_estimated": True,
            "advice": "change",
        }
    ]
    # The operator changes it at the machine: its life begins again, late cycles before that do not count.
    outcome = shop.send("tool.changed", 1, after=50, tool_code="CNMG-1", cause="wear")
    assert outcome.result == "done"
    ctx.session.refresh(change)
    assert (change.status, change.decided_by_id, change.used_parts) == ("accepted", shop.ana.id, 8)
    cycle(shop, 46, 2, parts=1)
    cycle(shop, 60, 20, parts=2)
    run()
    page = api(master()).get(f"/api/v1/stock/boards/tool/{tool.id}").json()
    (lives,) = [s for s in page["sections"] if s["title"] == "Durée de vie"]
    assert [(r["item"], r["used_parts"], r["life_pct"], r["basis"]) for r in lives["rows"]] == [
        ("Tour", 2, "20.0", "Estimé")
    ]
    assert views.items(ctx, [shop.operations[1]], shop.ana.id)[0]["tools"] == [
        {"code": "CNMG-1", "name": "Plaquette CNMG"}
    ]


@pytest.mark.requirement("STK-06", "STK-03")
def test_a_followed_tool_is_proposed_for_regrinding_and_a_person_decides(
    shop: Shop, run: Any, api: Api
) -> None:
    ctx = shop.ctx
    magazine = ctx.add(StorageLocation(code="MAG", name="Magasin", kind="magazine", machine_id=shop.lathe.id))
    mill = ctx.add(
        Tool(
            code="FR-10",
            name="Fraise 10",
            item_kind="tool",
            tool_type="end_mill",
            managed_by="unit",
            life_min=60,
        )
    )
    ctx.add(MachineToolCompatibility(machine_id=shop.lathe.id, tool_id=mill.id, slot_number=12))
    unit = ctx.add(StockUnit(stock_item_id=mill.id, serial_number="FR10-A"))
    stock.receive(ctx, mill.id, d(1), location_id=magazine.id, unit_id=unit.id)
    for number in range(3):
        cycle(shop, 30 * number, 25, tools=[{"tool": "T12", "used_min": 21}])
    run()
    assert (ctx.get(StockUnit, unit.id).used_min, ctx.get(StockUnit, unit.id).used_parts) == (d(63), 3)
    (change,) = ctx.session.scalars(select(ToolChange))
    assert (change.kind, change.label, change.life_pct) == ("regrind", "FR10-A · Tour", d(105))
    severities = [
        n.severity
        for n in ctx.session.scalars(select(Notification).where(Notification.text.contains("durée de vie")))
    ]
    assert severities == ["alarm"], "from 70 % past the end in one cycle"
    body = {"reason": "arêtes émoussées"}
    client = api(master())
    answer = client.post(f"/api/v1/tool-changes/{change.id}/accept", json=body)
    assert answer.status_code == 200, answer.text
    ctx.session.expire_all()
    assert (ctx.get(StockUnit, unit.id).condition, change.status) == ("worn", "accepted")
    (task,) = ctx.session.scalars(select(Task).where(Task.kind == "tool.regrind"))
    assert (task.object_type, task.object_id) == ("stock_unit", unit.id)
    # Ground: a cycle reported late is about the life that ended.
    ctx.now = shop.now + dt.timedelta(hours=3)
    client.post(f"/api/v1/stock-units/{unit.id}/regrind", json={"length_mm": "70"})
    ctx.session.expire_all()
    late = stock.ToolUse(mill.id, d(5), uuid.uuid4(), "measured", unit.id, occurred_at=shop.now)
    stock.record_tool_use(ctx, late)
    assert ctx.get(StockUnit, unit.id).used_min == 0


def test_estimates_never_exceed_the_cycle_and_use_the_plan() -> None:
    plan = [PlannedTool(1, d(2)), PlannedTool(2, d(1))]
    assert estimate_min(plan, d(30), 5) == {1: 10, 2: 5}
    assert estimate_min(plan, d(9), 5) == {1: 6, 2: 3}, "never longer than the cycle"
    assert estimate_min(plan, d(6), 0) == {1: 4, 2: 2}, "an interrupted cycle, in the planned proportion"
    assert estimate_min([*plan, PlannedTool(3, None), PlannedTool(4, None)], d(10), 2) == {
        1: 4,
        2: 2,
        3: 2,
        4: 2,
    }
    assert estimate_min([], d(10), 2) == {}
    assert estimate_min([PlannedTool(1, d(0))], d(10), 2) == {}
    chance = random.Random(5)
    for _ in range(300):
        tools = [
            PlannedTool(i, None if chance.random() < 0.4 else Decimal(chance.randint(0, 500)) / 100)
            for i in range(chance.randint(0, 6))
        ]
        duration = Decimal(chance.randint(0, 5000)) / 100
        found = estimate_min(tools, duration, chance.randint(0, 20))
        assert all(minutes > 0 for minutes in found.values())
        assert sum(found.values()) <= duration + d("0.03")


def test_life_is_by_minutes_or_parts_whichever_is_further_on() -> None:
    assert life_pct(d(30), 10, 60, 100) == 50
    assert life_pct(d(30), 90, 60, 100) == 90
    assert life_pct(d(30), 90, None, None) is None


def test_no_tool_works_longer_than_its_cycle(shop: Shop, run: Any) -> None:
    tool = insert_of(shop)
    shop.ctx.add(MachineToolCompatibility(machine_id=shop.lathe.id, tool_id=tool.id, slot_number=4))
    assert cycle(shop, 1, 2, tools=[{"tool": "T4", "used_min": 1e12}]).result == "done"
    assert [(u.used_min, u.basis) for u in run()] == [(d(2), "measured")]
