"""What phones and the office get: operations, codes, queues, sheets, the file of a lot."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel import jobs, qr
from coordinator.kernel.context import ContextFactory, Principal
from coordinator.kernel.device import DeviceEvent, dispatch
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.lifecycle import move
from coordinator.kernel.models import ScanEvent
from coordinator.modules.execution import api as execution
from coordinator.modules.execution import times, views
from coordinator.modules.execution.models import TimePause
from coordinator.modules.routings import api as routings
from edge_agents.protocol.control import ReferenceData
from tests.conftest import master
from tests.coordinator.execution.conftest import Shop

Api = Callable[..., Any]
Build = Callable[..., Shop]
RIGHTS = {
    ("routing", "read"): "assigned",
    ("time_tracking", "read"): "own",
    ("time_tracking", "create"): "own",
}


def operator(user: Any) -> Principal:
    return Principal(kind="user", name="op", user_id=user.id, employee_id=user.employee_id, rights=RIGHTS)


def event(event_type: str, at: dt.datetime, **payload: Any) -> dict[str, Any]:
    return {"uid": str(uuid.uuid4()), "type": event_type, "occurred_at": at.isoformat(), "payload": payload}


@pytest.mark.requirement("EXE-07", "RTG-33")
def test_an_operator_sees_only_what_is_his_until_he_scans_it(shop: Shop, api: Api) -> None:
    code = shop.code()
    shop.ctx.session.commit()
    client = api(operator(shop.ana))
    assert client.get("/api/v1/me/operations").json() == {"items": []}
    found = client.get(f"/api/v1/codes/{code}").json()
    assert (found["kind"], found["allowed_actions"]) == ("work_order_operation", ["start"])
    now = dt.datetime.now(dt.UTC)
    body = {"events": [event("operation.started", now, operation_code=code, kind="run", means="qr")]}
    (result,) = client.post("/api/v1/shop-events", json=body).json()["results"]
    assert result["result"] == "done", result
    assert client.post("/api/v1/shop-events", json=body).json()["results"][0]["result"] == "duplicate"
    (item,) = client.get("/api/v1/me/operations").json()["items"]
    assert item["code"] == code
    assert item["allowed_actions"] == ["pause", "report", "finish"]
    assert item["machine"]["code"] == "SCIE"
    assert (item["cut_count"], item["cut_length_mm"], item["part"]["revision"]) == (10, 70.0, "B")
    assert not {"price", "customer", "unit_price"} & set(item)
    assert api(operator(shop.bob)).get("/api/v1/me/operations").json() == {"items": []}


@pytest.mark.requirement("EXE-54", "EXE-55")
def test_a_queue_is_judged_one_by_one_in_order(shop: Shop, api: Api) -> None:
    code = shop.code()
    shop.ctx.session.commit()
    client = api(operator(shop.ana))
    t0 = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    queue = [
        event("operation.reported", t0 + dt.timedelta(minutes=5), operation_code=code, good=4, rework=0, scrap=0),
        event("operation.started", t0, operation_code=code, kind="run", means="qr"),
        event("machine.cycle", t0, machine_code="SCIE"),
        event("operation.paused", t0 + dt.timedelta(minutes=6), operation_code=code),
        event("stock.counted", t0 + dt.timedelta(minutes=7), code="gu:q/none", quantity=1),
    ]  # fmt: skip
    answers = client.post("/api/v1/shop-events", json={"events": queue}).json()["results"]
    verdicts = {a["uid"]: (a["result"], a["code"]) for a in answers}
    assert verdicts[queue[0]["uid"]] == ("done", "done")
    assert verdicts[queue[2]["uid"]] == ("refused", "shop.unknown_type")
    assert verdicts[queue[3]["uid"]] == ("refused", "shop.payload")
    assert verdicts[queue[4]["uid"]][0] == "refused"
    (item,) = client.get("/api/v1/me/operations").json()["items"]
    assert item["good_qty"] == 4
    assert item["actual_time_min"] == pytest.approx(60, abs=1)


def test_codes_of_nothing_are_told_and_noted(shop: Shop, api: Api, factory: ContextFactory) -> None:
    code = qr.code_of(shop.ctx, shop.saw)
    shop.ctx.session.commit()
    answer = api(operator(shop.ana)).get("/api/v1/codes/gu:q/nothing").json()
    assert (answer["kind"], answer["object"]) == ("unknown", None)
    assert "inconnu" in answer["message"]
    machine = api(operator(shop.ana)).get(f"/api/v1/codes/{code}")
    assert machine.json()["object"] is None, "no right on machines: its name is not told"
    with factory.sessions() as session:
        assert session.scalars(select(ScanEvent.result).order_by(ScanEvent.id)).first() == "unknown"


@pytest.mark.requirement("EXE-20")
def test_reasons_of_pauses_are_read_by_operators(api: Api, shop: Shop) -> None:
    client = api(operator(shop.ana))
    items = client.get("/api/v1/stop-reasons?limit=100&sort=label").json()["items"]
    assert {"breakdown", "waiting_material", "machine_stop", "regulatory_break", "other"} <= {
        i["code"] for i in items
    }
    assert client.post("/api/v1/stop-reasons", json={"code": "x", "label": "X"}).status_code == 403


def test_stations_get_the_open_operations_in_their_own_form(shop: Shop) -> None:
    data = views.station_data(shop.ctx, "st-1")
    read = ReferenceData.model_validate({**data, "version": "1", "generated_at": shop.ctx.now})
    assert [o.sequence_no for o in read.operations] == [10, 20, 30, 40, 50]
    assert read.operations[1].tools[0].code == "CNMG-1"


@pytest.mark.requirement("EXE-47", "MCH-13")
def test_machine_cycles_stand_beside_what_was_declared(shop: Shop, factory: ContextFactory, api: Api) -> None:
    shop.start()
    at = shop.now + dt.timedelta(minutes=10)
    payload = {"machine_code": "SCIE", "cycle_uid": str(uuid.uuid4()), "program": "O100", "part_count": 7, "result": "complete",
               "started_at": (at - dt.timedelta(minutes=4)).isoformat(), "ended_at": at.isoformat()}  # fmt: skip
    shop.ctx.now = at
    dispatch(shop.ctx, DeviceEvent(uuid.uuid4(), "machine.cycle", payload, at, at, station_id="m-1"))
    shop.finish(after=30)
    shop.ctx.session.commit()
    jobs.run_pending(factory, factory.registry)
    sheet = api(master()).get(f"/api/v1/work-orders/{shop.order.id}/sheet").json()
    row = sheet["operations"][0]
    assert (row["cycles"], row["cycle_parts"], row["good_qty"], row["cycles_differ"]) == (
        1,
        7,
        "10.000",
        True,
    )
    assert row["people"] == ["Ana Durand"]
    assert (row["planned_time_min"], row["actual_time_min"]) == ("30.000", "30.000")
    assert sheet["material"][0]["heat_number"] == "H-4711"


@pytest.mark.requirement("TRC-02", "TRC-03", "EXE-35")
def test_the_file_of_a_lot_goes_from_drawing_to_last_event(shop: Shop, api: Api) -> None:
    shop.start()
    shop.send("comment.added", after=5, kind="technical", text="lame neuve")
    shop.finish(after=30)
    lot = execution.lot_of(shop.ctx, shop.order.id)
    shop.ctx.session.commit()
    file = api(master()).get(f"/api/v1/part-lots/{lot.id}/trace").json()
    assert file["part"]["drawing_number"] == "P-100"
    assert file["routing"]["number"] == shop.routing.number
    assert (file["material"][0]["lot_number"], file["material"][0]["heat_number"]) == (
        shop.lot.lot_number,
        "H-4711",
    )
    first = file["operations"][0]
    assert [m["code"] for m in first["machines"]] == ["SCIE"]
    assert first["times"][0]["person"] == "Ana Durand"
    assert first["stock_movements"][0]["item"] == "C45-X"
    assert [e["kind"] for e in file["events"]] == [
        "operation.started",
        "comment.added",
        "material.cut",
        "operation.finished",
    ]
    assert api(operator(shop.ana)).get(f"/api/v1/part-lots/{lot.id}/trace").status_code == 403


@pytest.mark.requirement("RTG-02", "RTG-03", "EXE-49")
def test_the_routing_sheet_is_printed_and_filed(shop: Shop, api: Api, factory: ContextFactory) -> None:
    shop.ctx.session.commit()
    answer = api(master()).get(f"/api/v1/work-orders/{shop.order.id}/routing-sheet.pdf")
    assert answer.content[:5] == b"%PDF-"
    jobs.run_pending(factory, factory.registry)
    with factory.open(master()) as ctx:
        order = ctx.get(execution.WorkOrder, shop.order.id)
        assert order.document_version_id is not None


@pytest.mark.requirement("RTG-16", "RTG-17", "RTG-18")
def test_only_a_validated_routing_reaches_the_workshop(build: Build) -> None:
    shop = build(release=False)
    draft = routings.create_routing(
        shop.ctx,
        None,
        [routings.RoutingOperationInput("turning", "Tournage", Decimal(1), machine_id=shop.lathe.id)],
    )
    order = execution.create_work_order(shop.ctx, draft, Decimal(1))
    with pytest.raises(BusinessError) as refusal:
        move(shop.ctx, order, "release")
    assert [e.code for e in refusal.value.errors] == ["release.routing"]
    assert views.open_operations(shop.ctx, views.mine(shop.ctx, "all")) == [], (
        "operators see released work only"
    )
    move(shop.ctx, draft, "validate")
    shop.lathe.status = "retired"
    with pytest.raises(BusinessError) as refusal:
        move(shop.ctx, order, "release")
    assert [e.code for e in refusal.value.errors] == ["release.machine_retired"]
    shop.lathe.status = "breakdown"
    warnings = move(shop.ctx, order, "release")["warnings"]
    assert [w["code"] for w in warnings] == ["release.machine_down"]


@pytest.mark.requirement("RTG-18", "STK-29")
def test_a_lot_that_may_not_serve_keeps_the_order_back(build: Build) -> None:
    shop = build(release=False, criticality="aerospace")
    operation = shop.operations[0]
    operation.material = {**(operation.material or {}), "stock_lot_id": shop.lot.id}
    shop.ctx.session.flush()
    with pytest.raises(BusinessError) as refusal:
        move(shop.ctx, shop.order, "release")
    assert [e.code for e in refusal.value.errors] == ["release.material_refused"]


@pytest.mark.requirement("EXE-19")
def test_a_forgotten_time_waits_for_a_manager(shop: Shop, api: Api) -> None:
    shop.ctx.session.commit()
    client = api(operator(shop.ana))
    end = dt.datetime.now(dt.UTC)
    body = {"work_order_operation_id": shop.operations[0].id, "started_at": (end - dt.timedelta(minutes=40)).isoformat(),
            "ended_at": end.isoformat(), "comment": "oublié de scanner"}  # fmt: skip
    made = client.post("/api/v1/time-declarations", json=body)
    assert made.status_code == 200, made.text
    entry = api(master()).get(f"/api/v1/time-entries/{made.json()['id']}").json()
    assert (entry["is_manual"], entry["needs_validation"], entry["duration_min"]) == (True, True, "40.000")
    assert client.post("/api/v1/time-declarations", json=body).json()["code"] == "time.overlap"
    assert client.post(f"/api/v1/time-entries/{entry['id']}/approve", json={}).status_code == 403
    unexplained = api(master()).post(
        f"/api/v1/time-entries/{entry['id']}/approve", json={"confirmed_min": 30}
    )
    assert unexplained.json()["code"] == "time.comment"
    done = api(master()).post(
        f"/api/v1/time-entries/{entry['id']}/approve", json={"confirmed_min": 30, "comment": "vu"}
    )
    assert done.json()["record"]["needs_validation"] is False


@pytest.mark.requirement("EXE-53")
def test_a_forgotten_end_of_shift_stops_the_counting(shop: Shop) -> None:
    shop.now = shop.ctx.now = dt.datetime(2026, 11, 30, 14, 0, tzinfo=dt.UTC)
    shop.start()
    times.stop_forgotten(shop.ctx)
    assert not shop.times()[0].needs_validation
    shop.ctx.now = dt.datetime(2026, 12, 1, 3, 0, tzinfo=dt.UTC)
    times.stop_forgotten(shop.ctx)
    (entry,) = shop.times()
    assert (entry.needs_validation, entry.ended_at) == (True, None)
    pause = shop.ctx.session.scalars(select(TimePause)).one()
    assert pause.reason == "end_of_shift"
    assert times.elapsed_min(shop.ctx, entry, shop.ctx.now) <= 10 * 60
    assert shop.send("operation.resumed", after=13 * 60).code == "shop.shift_over"


@pytest.mark.requirement("RTG-01", "RTG-08", "EXE-05", "TRC-11")
def test_a_work_order_copies_the_plan_with_its_own_codes(build: Build) -> None:
    shop = build(quantity=25, release=False)
    saw, turn = shop.operations[:2]
    assert (saw.planned_time_min, turn.planned_time_min) == (Decimal(75), Decimal(20 + 6 * 25))
    assert saw.material is not None
    assert (saw.material["cut_count"], Decimal(saw.material["cut_length_mm"])) == (25, Decimal(70))
    codes = {shop.code(i) for i in range(len(shop.operations))}
    assert len(codes) == len(shop.operations)
    assert all(c.startswith("gu:q/") and shop.order.number not in c for c in codes)
    with pytest.raises(BusinessError):
        execution.create_work_order(shop.ctx, shop.routing, Decimal("0.5"))
    empty = execution.create_work_order(shop.ctx, routings.create_routing(shop.ctx, None, []), Decimal(1))
    assert empty.status == "on_hold"


@pytest.mark.requirement("EXE-55")
def test_a_fact_that_breaks_a_module_is_kept_and_the_queue_goes_on(
    shop: Shop, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coordinator.modules.execution import times as clock

    code = shop.code()
    shop.ctx.session.commit()
    real = clock.open_entry
    calls: list[int] = []

    def broken(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError
        return real(*args)

    monkeypatch.setattr(clock, "open_entry", broken)
    now = dt.datetime.now(dt.UTC)
    queue = [
        event("operation.started", now - dt.timedelta(seconds=s), operation_code=code, kind="run", means="qr")
        for s in (20, 10)
    ]
    answers = api(operator(shop.ana)).post("/api/v1/shop-events", json={"events": queue}).json()["results"]
    assert [a["result"] for a in answers] == ["review", "done"]
