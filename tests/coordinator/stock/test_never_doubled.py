"""No movement is lost or doubled, whatever the order, the repetition and the number of witnesses."""

from __future__ import annotations

import datetime as dt
import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, text

from coordinator.kernel.context import Context, ContextFactory
from coordinator.kernel.device import DeviceEvent, dispatch
from coordinator.modules.catalogue.models import StockItem, Tool
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.models import MovementEvidence, StockMovement, StorageLocation, ToolIncident
from coordinator.modules.stock.views import StockBalance
from tests.conftest import master
from tests.coordinator.stock.conftest import d
from tests.coordinator.stock.senders import empty


@dataclass
class Act:
    """One physical act: what it changes on the shelf, and every message that will tell of it."""

    delta: int
    at: dt.datetime
    scan: uuid.UUID | None = None
    camera: uuid.UUID | None = None
    sent: list[str] = field(default_factory=list)


def _event(act: Act, uid: uuid.UUID) -> DeviceEvent:
    kind = "stock.taken" if act.delta < 0 else "stock.returned"
    payload = {
        "code": None, "item_code": "PL-1", "location_code": "C-1", "operation_code": None, "quantity": abs(act.delta),
    }  # fmt: skip
    return DeviceEvent(uid, kind, payload, act.at, act.at + dt.timedelta(seconds=1), station_id="st-1")


def _detection(act: Act, uid: uuid.UUID, item_id: int, place_id: int) -> stock.DetectionInput:
    return stock.DetectionInput(uid, None, place_id, item_id, act.delta, Decimal(99), True, act.at)


def _acts(chance: random.Random, count: int, start: dt.datetime) -> list[Act]:
    """Acts far enough from each other to be told apart; each seen by a scan, a camera, or both."""
    made = []
    for number in range(count):
        witnesses = chance.choice(("scan", "camera", "both", "both"))
        made.append(
            Act(
                chance.choice((-3, -2, -1, -1, 1, 2)),
                start + dt.timedelta(minutes=30 * number),
                uuid.uuid4() if witnesses != "camera" else None,
                uuid.uuid4() if witnesses != "scan" else None,
            )
        )
    return made


def _setup(ctx: Context) -> tuple[int, int]:
    item = ctx.add(StockItem(code="PL-1", name="Plaquette", item_kind="insert", is_consumable=True))
    place = ctx.add(StorageLocation(code="C-1", name="Case", kind="compartment", vision_mode="auto"))
    stock.receive(ctx, item.id, d(1000), location_id=place.id)
    return item.id, place.id


@pytest.mark.requirement("STK-22")
@pytest.mark.parametrize("seed", range(5))
def test_camera_scan_replays_and_disorder_give_each_act_once(ctx: Context, seed: int) -> None:
    chance = random.Random(seed)
    item_id, place_id = _setup(ctx)
    acts = _acts(chance, 12, ctx.now - dt.timedelta(days=1))
    messages: list[Callable[[], Any]] = []
    for act in acts:
        for uid in (act.scan, act.camera):
            if uid is None:
                continue
            repeats = chance.choice((1, 1, 2, 3))
            if uid is act.scan:
                messages += [lambda a=act, u=uid: dispatch(ctx, _event(a, u))] * repeats
            else:
                messages += [
                    lambda a=act, u=uid: stock.post_detection(ctx, _detection(a, u, item_id, place_id))
                ] * repeats
    chance.shuffle(messages)
    for send in messages:
        send()
    assert stock.on_hand(ctx, item_id, location_id=place_id) == 1000 + sum(a.delta for a in acts)
    rows = ctx.session.scalar(
        select(func.count(StockMovement.act_uid.distinct())).where(StockMovement.kind != "receipt")
    )
    twins = ctx.session.scalar(select(func.count()).select_from(MovementEvidence))
    both = sum(1 for a in acts if a.scan and a.camera)
    assert (rows, twins) == (len(acts), both), (
        "each act is one movement, the second witness is kept as evidence"
    )


@pytest.mark.requirement("STK-51")
@pytest.mark.parametrize("seed", range(2))
def test_many_threads_with_replays_lose_and_double_nothing(fresh_factory: ContextFactory, seed: int) -> None:
    """Real transactions: six senders, every message by two of them, commits in any order."""
    chance = random.Random(50 + seed)
    with fresh_factory.open(master()) as ctx:
        item_id, place_id = _setup(ctx)
        other = ctx.add(StorageLocation(code="C-2", name="Case 2")).id
        stock.receive(ctx, item_id, d(500), location_id=other)
        now = ctx.now
    acts = _acts(chance, 24, now - dt.timedelta(days=2))
    work: list[Callable[[Context], Any]] = []
    for act in acts:
        if act.scan is not None:
            work.append(lambda c, a=act, u=act.scan: dispatch(c, _event(a, u)))
        if act.camera is not None:
            work.append(
                lambda c, a=act, u=act.camera: stock.post_detection(c, _detection(a, u, item_id, place_id))
            )
    moves = [uuid.uuid4() for _ in range(8)]
    for uid in moves:
        work.append(
            lambda c, u=uid: stock.transfer(
                c,
                stock.Movement(
                    item_id, d(5), "transfer", from_location_id=other, to_location_id=place_id, uid=u
                ),
            )
        )
    queue = work * 2
    chance.shuffle(queue)
    empty(fresh_factory, queue)
    with fresh_factory.open(master()) as ctx:
        delta = sum(a.delta for a in acts)
        assert stock.on_hand(ctx, item_id, location_id=place_id) == 1000 + delta + 5 * len(moves)
        assert stock.on_hand(ctx, item_id, location_id=other) == 500 - 5 * len(moves)
        kinds = Counter(ctx.session.scalars(select(StockMovement.kind)))
        assert kinds["transfer"] == len(moves)
        told = select(func.count(StockMovement.act_uid.distinct())).where(
            StockMovement.kind.in_(("issue", "return"))
        )
        assert ctx.session.scalar(told) == len(acts)


@pytest.mark.requirement("STK-50")
def test_the_last_human_count_wins_over_camera_and_scan(ctx: Context, report: Callable[..., Any]) -> None:
    item_id, place_id = _setup(ctx)
    start = ctx.now
    ctx.now = start + dt.timedelta(hours=4)
    counted = start + dt.timedelta(hours=2)
    outcome = report("stock.counted", at=counted, item_code="PL-1", quantity=990, location_code="C-1")
    assert outcome.code == "stock.count_difference"
    held = stock.on_hand(ctx, item_id, location_id=place_id)
    assert held == 990
    before = stock.DetectionInput(
        uuid.uuid4(), None, place_id, item_id, -7, Decimal(99), True, counted - dt.timedelta(minutes=20)
    )
    decision = stock.post_detection(ctx, before)
    assert (decision.status, decision.movement_ids) == ("to_confirm", ())
    assert "older_than_count" in decision.reasons
    assert stock.on_hand(ctx, item_id, location_id=place_id) == held, "what a person counted later stands"
    again = report("stock.counted", item_code="PL-1", quantity=985, location_code="C-1")
    assert (again.result, again.code) == ("review", "stock.count_difference")
    assert stock.on_hand(ctx, item_id, location_id=place_id) == 985
    from coordinator.kernel.models import Task

    titles = ctx.session.scalars(select(Task).where(Task.kind == "stock.count_difference")).all()
    assert titles
    assert all(task.role_code == "storekeeper" and not task.details for task in titles), "nobody is blamed"


def test_a_breakage_told_by_two_threads_is_one(fresh_factory: ContextFactory) -> None:
    with fresh_factory.open(master()) as ctx:
        tool = ctx.add(Tool(code="F-1", name="Foret", item_kind="tool", tool_type="drill", diameter_mm=d(5)))
        place = ctx.add(StorageLocation(code="T-1", name="Tiroir"))
        stock.receive(ctx, tool.id, d(10), location_id=place.id)
        now, tool_id = ctx.now, tool.id
    uid = uuid.uuid4()
    start = threading.Barrier(3)
    results: list[str] = []

    def send() -> None:
        payload = {"tool_code": "F-1", "operation_code": None, "cause": None, "comment": None}
        event = DeviceEvent(uid, "tool.broken", payload, now, now, station_id="st-1")
        start.wait(10)
        with fresh_factory.open(master()) as ctx:
            results.append(dispatch(ctx, event).result)

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with fresh_factory.open(master()) as ctx:
        assert len(results) == 3
        assert ctx.session.scalar(select(func.count()).select_from(ToolIncident)) == 1
        assert stock.on_hand(ctx, tool_id) == 9


@pytest.mark.requirement("STK-18")
def test_every_balance_is_the_sum_of_its_movements(ctx: Context) -> None:
    """Conservation: what left every place and holder is what came, over random acts of every kind."""
    chance = random.Random(9)
    item_id, place_id = _setup(ctx)
    other = ctx.add(StorageLocation(code="C-2", name="Case 2")).id
    brought, gone = 1000, 0
    for _ in range(60):
        quantity = chance.randint(1, 9)
        match chance.choice(("in", "take", "move", "back", "use", "undo")):
            case "in":
                stock.receive(ctx, item_id, d(quantity), location_id=other)
                brought += quantity
            case "take":
                stock.take_from_cabinet(ctx, item_id, d(quantity), location_id=place_id, machine_id=1)
            case "move":
                stock.transfer(
                    ctx,
                    stock.Movement(
                        item_id, d(quantity), "transfer", from_location_id=place_id, to_location_id=other
                    ),
                )
            case "back":
                held = stock.in_use(ctx, item_id, holder="machine:1")
                if held >= quantity:
                    stock.give_back(
                        ctx,
                        stock.Movement(item_id, d(quantity), "return", to_location_id=place_id),
                        ["machine:1"],
                    )
            case "use":
                stock.take(
                    ctx, stock.Movement(item_id, d(quantity), "consumption", from_location_id=place_id)
                )
                gone += quantity
            case "undo":
                row = stock.receive(ctx, item_id, d(quantity), location_id=place_id)
                stock.reverse(ctx, row)
    places = ctx.session.scalar(
        select(func.sum(StockBalance.quantity)).where(StockBalance.stock_item_id == item_id)
    )
    holders = ctx.session.scalar(text("SELECT coalesce(sum(quantity), 0) FROM stock_in_use"))
    assert places + holders == brought - gone
