"""The ledger: balances, replays, shortages, reversals, thresholds, concurrent takes."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError

from coordinator.kernel.context import Context, ContextFactory
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.kernel.models import Notification, Task
from coordinator.modules.catalogue.models import StockItem, Tool
from coordinator.modules.stock import api as stock
from coordinator.modules.stock import flow
from coordinator.modules.stock.models import ReorderProposal, StockCount, StockMovement, StorageLocation
from tests.conftest import master, person
from tests.coordinator.stock.conftest import d
from tests.factories import make, model_of

Api = Callable[..., Any]


def movements(ctx: Context) -> list[StockMovement]:
    return list(ctx.session.scalars(select(StockMovement).order_by(StockMovement.id)))


@pytest.mark.requirement("DAT-09")
def test_balances_are_the_sum_of_movements(ctx: Context, insert: StockItem, place: StorageLocation) -> None:
    other = ctx.add(StorageLocation(code="B-01", name="Bac"))
    stock.receive(ctx, insert.id, d(10), location_id=place.id)
    stock.transfer(
        ctx, stock.Movement(insert.id, d(4), "transfer", from_location_id=place.id, to_location_id=other.id)
    )
    stock.take_from_cabinet(ctx, insert.id, d(3), location_id=place.id, user_id=None, machine_id=7)
    assert stock.on_hand(ctx, insert.id, location_id=place.id) == 3
    assert stock.on_hand(ctx, insert.id, location_id=other.id) == 4
    assert stock.in_use(ctx, insert.id, holder="machine:7") == 3
    assert stock.availability(ctx, insert.id) == stock.Availability(d(7), d(3), d(0), d(7))


@pytest.mark.requirement("STK-18")
@pytest.mark.requirement("DAT-11")
@pytest.mark.parametrize("change", ["UPDATE stock_movement SET quantity = 1", "DELETE FROM stock_movement"])
def test_the_database_refuses_to_change_a_movement(
    ctx: Context, insert: StockItem, place: StorageLocation, change: str
) -> None:
    stock.receive(ctx, insert.id, d(10), location_id=place.id)
    with pytest.raises(ProgrammingError, match="append-only"), ctx.session.begin_nested():
        ctx.session.execute(text(change))
    assert stock.on_hand(ctx, insert.id) == 10


@pytest.mark.requirement("STK-18")
def test_a_mistake_is_reversed_once_by_its_mirror(
    ctx: Context, insert: StockItem, place: StorageLocation
) -> None:
    row = stock.receive(ctx, insert.id, d(10), location_id=place.id)
    back = stock.reverse(ctx, row, comment="erreur de saisie")
    assert (back.reverses_id, back.from_location_id, back.to_location_id) == (row.id, place.id, None)
    assert stock.on_hand(ctx, insert.id) == 0
    with pytest.raises(Conflict, match=r"stock\.already_reversed"):
        stock.reverse(ctx, row)
    with pytest.raises(Conflict, match=r"stock\.is_reversal"):
        stock.reverse(ctx, back)


@pytest.mark.requirement("STK-51")
def test_a_replayed_movement_counts_once(
    ctx: Context, insert: StockItem, place: StorageLocation, report: Callable[..., Any]
) -> None:
    uid = uuid.uuid4()
    for _ in range(2):
        stock.receive(ctx, insert.id, d(10), location_id=place.id, uid=uid)
    assert stock.on_hand(ctx, insert.id) == 10
    taken = uuid.uuid4()
    results = [
        report("stock.taken", taken, item_code="PL-CNMG", quantity=2, location_code="A-01").result
        for _ in range(2)
    ]
    assert results == ["done", "duplicate"]
    assert stock.on_hand(ctx, insert.id) == 8


@pytest.mark.requirement("STK-24", "EDG-26")
def test_a_shortage_is_kept_flagged_and_counted_again_once(
    ctx: Context, insert: StockItem, place: StorageLocation, report: Callable[..., Any]
) -> None:
    stock.receive(ctx, insert.id, d(1), location_id=place.id)
    short = report("stock.taken", item_code="PL-CNMG", quantity=3, location_code="A-01")
    assert (short.result, short.code) == ("review", "stock.negative")
    report("stock.taken", item_code="PL-CNMG", quantity=1, location_code="A-01")
    assert stock.on_hand(ctx, insert.id, location_id=place.id) == -3
    assert [(m.quantity, m.is_flagged) for m in movements(ctx)][1:] == [(1, False), (2, True), (1, True)]
    assert ctx.session.scalar(select(func.count()).select_from(StockCount)) == 1
    task = ctx.session.scalars(select(Task)).one()
    assert (task.kind, task.role_code) == ("stock.count", "storekeeper")
    counted = report("stock.counted", item_code="PL-CNMG", quantity=0, location_code="A-01")
    assert counted.code == "stock.count_difference"
    assert stock.on_hand(ctx, insert.id, location_id=place.id) == 0
    ctx.session.refresh(task)
    assert task.status == "done"


@pytest.mark.requirement("STK-49")
def test_quantities_are_positive_and_an_excess_is_confirmed(
    api: Api, ctx: Context, insert: StockItem
) -> None:
    client = api(master())
    url = f"/api/v1/stock-items/{insert.id}"
    assert client.post(f"{url}/receive", json={"quantity": "0"}).status_code == 422
    with pytest.raises(BusinessError, match=r"stock\.quantity"):
        stock.receive(ctx, insert.id, d(-1))
    assert client.post(f"{url}/receive", json={"quantity": "2"}).status_code == 200
    excess = client.post(f"{url}/issue", json={"quantity": "5"})
    assert (excess.status_code, excess.json()["code"]) == (400, "stock.above_stock")
    assert excess.json()["needs_confirmation"] is True
    confirmed = client.post(f"{url}/issue", json={"quantity": "5", "confirm": True}).json()
    assert confirmed["result"]["is_flagged"] is True
    other_unit = client.post(f"{url}/receive", json={"quantity": "1", "unit": "m"})
    assert other_unit.json()["errors"][0]["field"] == "unit"


def test_metres_are_booked_as_millimetres(api: Api, ctx: Context, steel: Any) -> None:
    answer = api(master()).post(f"/api/v1/materials/{steel.id}/receive", json={"quantity": "3", "unit": "m"})
    assert answer.status_code == 200, answer.text
    assert stock.on_hand(ctx, steel.id) == 3000


@pytest.mark.requirement("STK-22")
def test_what_was_taken_is_not_debited_again_by_the_operation(
    ctx: Context, insert: StockItem, tool: Tool, place: StorageLocation
) -> None:
    stock.receive(ctx, insert.id, d(10), location_id=place.id)
    stock.receive(ctx, tool.id, d(2), location_id=place.id)
    first, second = (make(ctx, model_of("work_order_operation")).id for _ in range(2))
    stock.take_from_cabinet(ctx, insert.id, d(2), location_id=place.id, work_order_operation_id=first)
    stock.take_from_cabinet(ctx, insert.id, d(1), location_id=place.id, work_order_operation_id=second)

    def validate(item: StockItem, quantity: int, uid: uuid.UUID) -> list[StockMovement]:
        movement = stock.Movement(
            item.id, d(quantity), "consumption", "system", work_order_operation_id=first, uid=uid
        )
        return stock.consume_for_operation(ctx, movement)

    uid = uuid.uuid4()
    assert [m.from_holder for m in validate(insert, 3, uid)] == [f"operation:{first}", None]
    assert len(validate(insert, 3, uid)) == 2, "replayed"
    assert stock.on_hand(ctx, insert.id) == 6
    assert (stock.in_use(ctx, insert.id, holder=f"operation:{first}"), stock.in_use(ctx, insert.id)) == (0, 1)
    assert validate(tool, 1, uuid.uuid4()) == [], "a tool that nobody took is not consumed"
    assert stock.on_hand(ctx, tool.id) == 2


def test_a_return_comes_from_what_is_in_use(
    ctx: Context, tool: Tool, place: StorageLocation, report: Callable[..., Any]
) -> None:
    stock.receive(ctx, tool.id, d(2), location_id=place.id)
    report("stock.taken", item_code="FR-08", quantity=1, location_code="A-01")
    report("stock.returned", item_code="FR-08", quantity=1, location_code="A-01")
    assert stock.availability(ctx, tool.id) == stock.Availability(d(2), d(0), d(0), d(2))
    assert movements(ctx)[-1].from_holder == "unknown"


@pytest.mark.requirement("STK-47")
def test_an_unknown_code_creates_nothing(ctx: Context, report: Callable[..., Any]) -> None:
    before = ctx.session.scalar(select(func.count()).select_from(StockItem))
    outcome = report("stock.taken", code="gu:q/" + str(uuid.uuid4()), quantity=1)
    assert (outcome.result, outcome.code) == ("refused", "stock.unknown_code")
    assert ctx.session.scalar(select(func.count()).select_from(StockItem)) == before


@pytest.mark.requirement("STK-33")
def test_below_the_threshold_one_proposal_is_made_and_told_once(
    api: Api, ctx: Context, insert: StockItem, place: StorageLocation
) -> None:
    insert.alert_threshold, insert.critical_level, insert.reorder_qty = d(5), d(2), d(20)
    stock.receive(ctx, insert.id, d(6), location_id=place.id)
    assert ctx.session.scalars(select(ReorderProposal)).all() == []
    stock.take_from_cabinet(ctx, insert.id, d(2), location_id=place.id)
    stock.take_from_cabinet(ctx, insert.id, d(1), location_id=place.id)
    proposal = ctx.session.scalars(select(ReorderProposal)).one()
    assert (proposal.quantity, proposal.is_urgent, proposal.status) == (20, False, "proposed")
    assert [n.severity for n in ctx.session.scalars(select(Notification))] == ["warning"]
    stock.take_from_cabinet(ctx, insert.id, d(2), location_id=place.id)
    assert proposal.is_urgent
    assert [n.severity for n in ctx.session.scalars(select(Notification).order_by(Notification.id))] == [
        "warning",
        "alarm",
    ]
    url = f"/api/v1/reorder-proposals/{proposal.id}/accept"
    assert api(person("purchasing:read", "purchasing:update")).post(url, json={}).status_code == 403
    assert api(master()).post(url, json={}).json()["record"]["status"] == "accepted"
    stock.take_from_cabinet(ctx, insert.id, d(1), location_id=place.id)
    assert ctx.session.scalar(select(func.count()).select_from(ReorderProposal)) == 1


@pytest.mark.requirement("STK-28")
def test_firm_reservations_are_not_available_and_soft_ones_are(
    api: Api, ctx: Context, insert: StockItem, place: StorageLocation
) -> None:
    stock.receive(ctx, insert.id, d(10), location_id=place.id)
    stock.make_reservation(ctx, insert.id, d(6), work_order_id=1)
    stock.make_reservation(ctx, insert.id, d(9), kind="soft", work_order_id=2)
    assert stock.availability(ctx, insert.id).available == 4
    with pytest.raises(BusinessError, match=r"stock\.not_available"):
        stock.make_reservation(ctx, insert.id, d(5), work_order_id=3)
    flow.take(ctx, stock.Movement(insert.id, d(6), "consumption", "system", work_order_id=1))
    assert stock.availability(ctx, insert.id) == stock.Availability(d(4), d(0), d(0), d(4))


@pytest.mark.requirement("STK-26")
def test_a_stocktaking_posts_approved_differences_only(
    api: Api, ctx: Context, insert: StockItem, place: StorageLocation
) -> None:
    stock.receive(ctx, insert.id, d(10), location_id=place.id)
    client = api(master())
    count = client.post("/api/v1/stock-counts", json={"storage_location_id": place.id}).json()
    url = f"/api/v1/stock-counts/{count['id']}"
    assert client.post(f"{url}/finish", json={}).json()["code"] == "stock.count_incomplete"
    line = {"stock_count_id": count["id"], "stock_item_id": insert.id, "counted_qty": "7"}
    assert client.post("/api/v1/stock-count-lines", json=line).json()["expected_qty"] == "10.000"
    ctx.now = dt.datetime.now(dt.UTC)
    stock.take_from_cabinet(ctx, insert.id, d(1), location_id=place.id)
    assert client.post(f"{url}/finish", json={}).json()["record"]["status"] == "counted"
    assert stock.on_hand(ctx, insert.id) == 9, "nothing is posted before approval"
    assert api(person("stock:read", "stock:update")).post(f"{url}/approve", json={}).status_code == 403
    assert client.post(f"{url}/approve", json={}).json()["record"]["status"] == "approved"
    assert stock.on_hand(ctx, insert.id) == 6, "three were missing at the count, one was taken after it"


def test_weighted_average_cost(ctx: Context, insert: StockItem, place: StorageLocation) -> None:
    stock.receive(ctx, insert.id, d(10), location_id=place.id, unit_cost=d("2"))
    stock.receive(ctx, insert.id, d(30), location_id=place.id, unit_cost=d("4"))
    assert insert.unit_cost == d("3.5")


def test_a_broken_tool_leaves_stock_and_waits_for_a_replacement(
    ctx: Context, tool: Tool, place: StorageLocation, report: Callable[..., Any], api: Api
) -> None:
    stock.receive(ctx, tool.id, d(2), location_id=place.id)
    uid = uuid.uuid4()
    assert report("tool.broken", uid, tool_code="FR-08", cause="choc", comment=None).result == "done"
    assert report("tool.broken", uid, tool_code="FR-08", cause="choc", comment=None).result == "duplicate"
    assert stock.on_hand(ctx, tool.id) == 1
    incident = ctx.session.scalars(select(stock.ToolIncident)).one()
    url = f"/api/v1/tool-incidents/{incident.id}"
    replaced = api(master()).post(f"{url}/replace", json={"replacement_tool_id": tool.id})
    assert replaced.json()["record"]["status"] == "replaced"


def test_lists_of_levels_balances_and_movements(
    api: Api, ctx: Context, insert: StockItem, place: StorageLocation
) -> None:
    stock.receive(ctx, insert.id, d(10), location_id=place.id)
    client = api(master())
    level = client.get(f"/api/v1/stock-levels?stock_item_id={insert.id}").json()["items"][0]
    assert (level["on_hand"], level["is_available"]) == ("10.000", True)
    assert level["stock_item"]["display"] == "PL-CNMG · Plaquette"
    balance = client.get(f"/api/v1/stock-balances?storage_location_id={place.id}").json()["items"][0]
    assert balance["quantity"] == "10.000"
    assert client.get(f"/api/v1/stock-balances/{balance['id']}").json()["storage_location"]["id"] == place.id
    movement = client.get("/api/v1/stock-movements").json()["items"][0]
    assert movement["kind"] == "receipt"
    assert client.post("/api/v1/stock-movements", json={}).status_code == 405
    undone = client.post(f"/api/v1/stock-movements/{movement['id']}/reverse", json={"comment": "doublon"})
    assert undone.status_code == 200
    assert client.get("/api/v1/stock-levels/export").status_code == 200


@pytest.mark.requirement("STK-51")
def test_two_takes_of_the_last_unit_both_stay_and_ask_for_one_count(fresh_factory: ContextFactory) -> None:
    with fresh_factory.open(master()) as ctx:
        item = ctx.add(StockItem(code="LAST", name="Dernier", item_kind="consumable"))
        place = ctx.add(StorageLocation(code="Z-1", name="Z"))
        stock.receive(ctx, item.id, d(1), location_id=place.id)
        item_id, place_id = item.id, place.id
    start = threading.Barrier(2)
    failures: list[BaseException] = []

    def take() -> None:
        try:
            with fresh_factory.open(master()) as ctx:
                start.wait(10)
                stock.take_from_cabinet(ctx, item_id, d(1), location_id=place_id, uid=uuid.uuid4())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    with fresh_factory.open(master()) as ctx:
        flags = [m.is_flagged for m in movements(ctx) if m.kind == "issue"]
        assert sorted(flags) == [False, True]
        assert stock.on_hand(ctx, item_id) == -1
        assert ctx.session.scalar(select(func.count()).select_from(Task)) == 1
