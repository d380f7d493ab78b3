"""Scans, cameras, validations, moves, undoings and counts of several stations at once, late, repeated, in any order.

Truth is simulated: a shelf and hands. Every act is told by one or two witnesses, some messages twice, from several
threads with real commits. Whatever the order, no movement is lost or doubled, balances are the sums of movements, and
the shelf holds what the last count and the acts since say.
"""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, text

from coordinator.kernel.context import Context, ContextFactory
from coordinator.kernel.device import DeviceEvent, dispatch
from coordinator.kernel.errors import Conflict
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.stock import api as stock
from coordinator.modules.stock import counts
from coordinator.modules.stock.models import StockCount, StockCountLine, StockMovement, StorageLocation
from tests.conftest import master
from tests.coordinator.stock.conftest import d
from tests.coordinator.stock.senders import empty, together

Send = Callable[[Context], Any]
START = 1000


@dataclass
class World:
    """What really happens, and the messages that will tell of it."""

    item_id: int
    shelf: int
    spare: int
    chance: random.Random
    at: dt.datetime
    truth: int = START
    messages: list[Send] = field(default_factory=list)
    acts: dict[uuid.UUID, int] = field(default_factory=dict)
    """Act by the uid of its scan or camera: what it changes on the shelf."""
    undone: set[uuid.UUID] = field(default_factory=set)

    def event(self, kind: str, uid: uuid.UUID, quantity: int, **more: Any) -> Send:
        at, seen = self.at, self.at + dt.timedelta(days=1)
        body = {
            "code": None, "item_code": "PL-1", "location_code": "C-1", "operation_code": None, "quantity": quantity, **more,
        }  # fmt: skip
        return lambda ctx: dispatch(ctx, DeviceEvent(uid, kind, body, at, seen, station_id="st-1"))

    def take_or_return(self) -> None:
        delta = self.chance.choice((-3, -2, -1, -1, 1, 2))
        self.truth += delta
        scan, camera = uuid.uuid4(), uuid.uuid4()
        witnesses = self.chance.choice(("scan", "camera", "both"))
        self.acts[camera if witnesses == "camera" else scan] = delta
        if witnesses != "camera":
            kind = "stock.taken" if delta < 0 else "stock.returned"
            self.messages.append(self.event(kind, scan, abs(delta)))
        if witnesses != "scan":
            seen = stock.DetectionInput(
                camera, None, self.shelf, self.item_id, delta, Decimal(99), True, self.at
            )
            self.messages.append(lambda ctx: stock.post_detection(ctx, seen))

    def move(self) -> None:
        inward = self.chance.random() < 0.5
        quantity = self.chance.randint(1, 4)
        self.truth += quantity if inward else -quantity
        places = ("C-2", "C-1") if inward else ("C-1", "C-2")
        self.messages.append(
            self.event(
                "stock.moved", uuid.uuid4(), quantity, location_code=places[0], to_location_code=places[1]
            )
        )

    def mistake(self) -> None:
        """Somebody scans what nobody took, and takes the scan back: nothing has happened."""
        uid = uuid.uuid4()
        self.undone.add(uid)
        self.messages.append(self.event("stock.taken", uid, self.chance.randint(1, 3)))

    def unseen(self) -> None:
        """A piece goes that no message tells of; only a count can find it."""
        self.truth -= self.chance.randint(0, 3)

    def count(self) -> None:
        self.messages.append(self.event("stock.counted", uuid.uuid4(), self.truth))


def _world(ctx: Context, chance: random.Random, acts: int, *, with_counts: bool) -> World:
    item = ctx.add(StockItem(code="PL-1", name="Plaquette", item_kind="insert", is_consumable=True))
    shelf = ctx.add(StorageLocation(code="C-1", name="Case", kind="compartment", vision_mode="auto"))
    spare = ctx.add(StorageLocation(code="C-2", name="Réserve"))
    start = ctx.now - dt.timedelta(days=4)
    stock.receive(ctx, item.id, d(START), location_id=shelf.id, occurred_at=start)
    stock.receive(ctx, item.id, d(START), location_id=spare.id, occurred_at=start)
    world = World(item.id, shelf.id, spare.id, chance, start)
    for _ in range(acts):
        # Acts stand far enough from each other for two witnesses to be told apart from two acts.
        world.at += dt.timedelta(minutes=30)
        chance.choice([world.take_or_return] * 4 + [world.move, world.mistake])()
        if with_counts and chance.random() < 0.3:
            world.at += dt.timedelta(minutes=15)
            world.unseen()
            world.count()
    if with_counts:
        world.at += dt.timedelta(minutes=15)
        world.count()
    return world


def _told(factory: ContextFactory, world: World) -> None:
    """Six senders empty one shuffled queue in which some messages stand twice."""
    queue = world.messages + [m for m in world.messages if world.chance.random() < 0.5]
    world.chance.shuffle(queue)
    empty(factory, queue)


def _undone(factory: ContextFactory, world: World) -> None:
    """Three people take the same mistakes back at once: each is taken back once."""
    answers: list[str] = []

    def person() -> None:
        for uid in sorted(world.undone):
            try:
                with factory.open(master()) as ctx:
                    for row in ctx.session.scalars(
                        select(StockMovement).where(StockMovement.act_uid == uid)
                    ).all():
                        if row.reverses_id is None:
                            stock.reverse(ctx, row)
                answers.append("done")
            except Conflict as refusal:
                answers.append(refusal.code)

    together(person, 3)
    assert answers.count("done") == len(world.undone)
    assert answers.count("stock.already_reversed") == 2 * len(world.undone)


def _check_sums(ctx: Context, world: World) -> None:
    """Every balance is the sum of movements; nothing appears or disappears between places and hands."""
    for place in (world.shelf, world.spare):
        gained = select(func.coalesce(func.sum(StockMovement.quantity), 0)).where(
            StockMovement.to_location_id == place
        )
        lost = select(func.coalesce(func.sum(StockMovement.quantity), 0)).where(
            StockMovement.from_location_id == place
        )
        held = stock.on_hand(ctx, world.item_id, location_id=place)
        assert held == Decimal(ctx.session.scalar(gained) or 0) - Decimal(ctx.session.scalar(lost) or 0)
    doubled = text("SELECT uid FROM stock_movement GROUP BY uid HAVING count(*) > 1")
    assert ctx.session.execute(doubled).all() == []
    twice = text(
        "SELECT reverses_id FROM stock_movement WHERE reverses_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1"
    )
    assert ctx.session.execute(twice).all() == []


@pytest.mark.requirement("STK-18", "STK-22", "STK-51")
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_or_doubled_whatever_the_order(fresh_factory: ContextFactory, seed: int) -> None:
    with fresh_factory.open(master()) as ctx:
        world = _world(ctx, random.Random(9000 + seed), 30, with_counts=False)
    _told(fresh_factory, world)
    _undone(fresh_factory, world)
    with fresh_factory.open(master()) as ctx:
        _check_sums(ctx, world)
        assert stock.on_hand(ctx, world.item_id, location_id=world.shelf) == world.truth
        rows = select(StockMovement.act_uid).where(
            StockMovement.kind.in_(("issue", "return")), StockMovement.reverses_id.is_(None)
        )
        told = set(ctx.session.scalars(rows)) - world.undone
        assert len(told) == len(world.acts), "each act is one movement, whoever told of it"


@pytest.mark.requirement("STK-50", "STK-51")
@pytest.mark.parametrize("seed", range(3))
def test_the_last_count_and_what_came_after_are_what_the_shelf_holds(
    fresh_factory: ContextFactory, seed: int
) -> None:
    """Counts come before older scans, older counts after newer ones; a mistake is undone after the count that found it."""
    with fresh_factory.open(master()) as ctx:
        world = _world(ctx, random.Random(7000 + seed), 25, with_counts=True)
    _told(fresh_factory, world)
    _undone(fresh_factory, world)
    with fresh_factory.open(master()) as ctx:
        _check_sums(ctx, world)
        assert stock.on_hand(ctx, world.item_id, location_id=world.shelf) == world.truth


@pytest.mark.requirement("STK-50")
def test_a_late_scan_corrects_the_count_that_waits_for_its_approval(
    ctx: Context, report: Callable[..., Any]
) -> None:
    item = ctx.add(StockItem(code="PL-1", name="Plaquette", item_kind="insert", is_consumable=True))
    shelf = ctx.add(StorageLocation(code="C-1", name="Case"))
    start = ctx.now
    stock.receive(ctx, item.id, d(10), location_id=shelf.id)
    ctx.now = start + dt.timedelta(hours=2)
    count = ctx.add(StockCount(storage_location_id=shelf.id))
    line = StockCountLine(stock_count_id=count.id, stock_item_id=item.id, counted_qty=d(8))
    counts.on_line(ctx, line)
    ctx.add(line)
    ctx.now = start + dt.timedelta(hours=3)
    report("stock.taken", at=start + dt.timedelta(hours=1), item_code="PL-1", quantity=2, location_code="C-1")
    assert (stock.on_hand(ctx, item.id), line.expected_qty) == (d(8), d(8))
    counts.finish(ctx, count, None)
    assert counts.approve(ctx, count, None)["movement_ids"] == []
    assert stock.on_hand(ctx, item.id) == 8
