"""What stock answers: there, promised, expected, equivalent; what will run short; figures, lives, import and export."""

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
from coordinator.kernel.models import Notification
from coordinator.modules.catalogue.models import Material, StockItem, SupplierItem, Tool
from coordinator.modules.stock import api as stock
from coordinator.modules.stock import reports, supply
from coordinator.modules.stock.engine.forecast import Change, forecast
from coordinator.modules.stock.models import ReorderProposal, StorageLocation
from coordinator.modules.stock.models_tooling import ToolEquivalent
from tests.conftest import master, person
from tests.coordinator.execution.conftest import Shop
from tests.coordinator.stock.conftest import d
from tests.factories import make, model_of

Api = Callable[..., Any]
TODAY = dt.date(2026, 3, 2)


def _ordered(ctx: Context, item_id: int, quantity: int, on: dt.date | None, *, sent: bool = True) -> Any:
    order = make(
        ctx, model_of("purchase_order"), status="sent" if sent else "draft", confirmed_delivery_on=on
    )
    make(
        ctx,
        model_of("purchase_order_line"),
        purchase_order_id=order.id,
        stock_item_id=item_id,
        quantity=d(quantity),
        received_qty=d(0),
    )
    return order


@pytest.mark.requirement("STK-32")
def test_planning_learns_what_is_there_promised_expected_and_equivalent(
    api: Api, ctx: Context, tool: Tool, place: StorageLocation
) -> None:
    twin = ctx.add(Tool(code="FR-08-B", name="Fraise 8 B", item_kind="tool", tool_type="end_mill"))
    ctx.add(ToolEquivalent(tool_id=tool.id, equivalent_id=twin.id))
    stock.receive(ctx, tool.id, d(5), location_id=place.id)
    stock.receive(ctx, twin.id, d(2), location_id=place.id)
    stock.make_reservation(ctx, tool.id, d(3))
    day = ctx.now.date() + dt.timedelta(days=6)
    _ordered(ctx, tool.id, 4, day)
    _ordered(ctx, tool.id, 50, day, sent=False)
    client = api(person("stock:read"))
    seen = client.get(f"/api/v1/stock-items/{tool.id}/supply?quantity=5").json()
    assert [seen[n] for n in ("on_hand", "reserved", "available")] == ["5.000", "3.000", "2.000"]
    assert [(e["quantity"], e["on"]) for e in seen["expected"]] == [("4.000", day.isoformat())], (
        "a draft brings nothing"
    )
    assert [e["id"] for e in seen["equivalents"]] == [twin.id]
    assert seen["available_on"] == day.isoformat()
    assert client.get(f"/api/v1/stock-items/{tool.id}/supply?quantity=7").json()["available_on"] is None
    assert (
        client.get(f"/api/v1/stock-items/{tool.id}/supply?quantity=2").json()["available_on"]
        == ctx.now.date().isoformat()
    )


def test_the_same_grade_under_another_reference_is_an_equivalent(
    ctx: Context, place: StorageLocation
) -> None:
    def grade(code: str, number: str | None) -> Material:
        return ctx.add(
            Material(code=code, name=code, item_kind="material", unit="mm", werkstoff_number=number)
        )

    ours, same, other = grade("A-1", "1.9999"), grade("B-1", "1.9999"), grade("C-1", None)
    for one in (same, other):
        stock.receive(ctx, one.id, d(500), location_id=place.id)
    assert [i.id for i, _ in supply.supply(ctx, ours.id).equivalents] == [same.id]
    assert supply.supply(ctx, other.id).equivalents == []


@pytest.mark.parametrize("seed", range(20))
def test_the_forecast_is_the_running_sum_and_finds_its_lowest_day(seed: int) -> None:
    chance = random.Random(seed)
    changes = [
        Change(TODAY + dt.timedelta(days=chance.randint(0, 40)), Decimal(chance.randint(-30, 20)))
        for _ in range(chance.randint(0, 25))
    ]
    start = Decimal(chance.randint(0, 60))
    got = forecast(start, changes, today=TODAY, days=30)
    levels, level = {}, start
    for n in range(31):
        day = TODAY + dt.timedelta(days=n)
        level += sum((c.quantity for c in changes if c.on == day), Decimal(0))
        levels[day] = level
    assert got.end_qty == level
    negative = [day for day, value in levels.items() if value < 0]
    assert got.short_on == (negative[0] if negative else None)
    assert got.lowest_qty <= min([start, *levels.values()])


def test_usual_use_counts_only_beyond_known_needs() -> None:
    needs = [Change(TODAY, Decimal(-20))]
    busy = forecast(Decimal(100), needs, today=TODAY, days=30, daily_use=Decimal("0.5"))
    assert (busy.usual_qty, busy.end_qty) == (0, 80)
    calm = forecast(Decimal(100), [], today=TODAY, days=30, daily_use=Decimal(4))
    assert calm.short_on == TODAY + dt.timedelta(days=26)


@pytest.mark.requirement("STK-34")
def test_a_shortage_is_announced_once_before_it_happens(build: Callable[..., Shop], api: Api) -> None:
    shop = build(quantity=60)
    ctx = shop.ctx
    found = {o.item.code: o for o in supply.outlook(ctx)}
    need = found["C45-X"]
    assert need.result.missing_qty == 60 * 72 - 3000, "60 blanks of 70 mm and their kerf from a bar of 3 m"
    assert need.needs[0].label.startswith(shop.order.number)
    assert supply.announce(ctx) == 1
    assert supply.announce(ctx) == 0, "told once"
    proposal = ctx.session.scalars(select(ReorderProposal)).one()
    assert (proposal.reason, proposal.status, proposal.needed_on) == (
        "order",
        "proposed",
        need.result.short_on,
    )
    assert any("C45-X" in n.text for n in ctx.session.scalars(select(Notification)))
    board = api(master()).get("/api/v1/stock/boards/forecast").json()
    assert board["sections"][0]["rows"][0]["item"].startswith("C45-X")
    alerts = api(person("materials:read")).get("/api/v1/stock/materials/alerts").json()["items"]
    assert [(a["display"], a["level"], a["reorder_proposal_id"]) for a in alerts] == [
        ("C45-X · C45", "critical", proposal.id)
    ]


@pytest.mark.requirement("STK-34")
def test_tools_that_wear_out_are_a_need(ctx: Context, place: StorageLocation) -> None:
    from coordinator.modules.stock.models import StockUnit

    tool = ctx.add(
        Tool(
            code="AL-1", name="Alésoir", item_kind="tool", tool_type="reamer", life_min=100, managed_by="unit"
        )
    )
    unit = ctx.add(StockUnit(stock_item_id=tool.id, serial_number="A"))
    stock.receive(ctx, tool.id, d(1), unit_id=unit.id, location_id=place.id)
    stock.record_tool_use(ctx, stock.ToolUse(tool.id, d(95), uuid.uuid4(), stock_unit_id=unit.id))
    assert supply.tools_ending(ctx, 30) == {tool.id: 1}
    assert supply.tools_ending(ctx, 1) == {}


@pytest.mark.requirement("STK-46")
def test_tools_of_an_operation_are_replaced_and_validated_by_the_api(
    build: Callable[..., Shop], api: Api
) -> None:
    shop = build()
    ctx = shop.ctx
    place = ctx.add(StorageLocation(code="ARM", name="Armoire"))
    insert = ctx.add(StockItem(code="PL", name="Plaquette", item_kind="insert", is_consumable=True))
    tool = ctx.session.scalars(select(Tool).where(Tool.code == "CNMG-1")).one()
    for item in (insert, tool):
        stock.receive(ctx, item.id, d(4), location_id=place.id)
    client = api(person("stock:create", "tools:create", "tools:read", "stock:read"))
    operation = shop.operations[1]
    url = f"/api/v1/work-order-operations/{operation.id}/tools/validate"
    body = {
        "uid": str(uuid.uuid4()),
        "tools": [{"stock_item_id": insert.id}, {"stock_item_id": tool.id}, {"stock_item_id": insert.id}],
    }
    first = client.post(url, json=body).json()
    assert client.post(url, json=body).json()["movement_ids"] == first["movement_ids"], "replayed"
    assert (stock.on_hand(ctx, insert.id), stock.on_hand(ctx, tool.id)) == (2, 4), (
        "an item named twice counts twice; a tool nobody took is not consumed"
    )
    replaced = client.post(
        f"/api/v1/stock/tools/{tool.id}/replace",
        json={"work_order_operation_id": operation.id, "cause": "wear"},
    )
    assert [o["kind"] for o in replaced.json()["options"]] == ["same"]
    warned = client.post(url, json={**body, "uid": str(uuid.uuid4()), "tools": []}).json()
    assert "CNMG-1" in warned["obstacles"][0]["message"]
    shown = api(master()).get(f"/api/v1/stock/boards/tool/{tool.id}").json()["sections"]
    programs = next(s for s in shown if (s["title"] or "").startswith("Programmes"))
    assert programs["rows"][0]["operation"].startswith(shop.order.number)
    assert client.post("/api/v1/work-order-operations/999999/tools/validate", json=body).status_code == 404


@pytest.mark.requirement("STK-36")
def test_tools_for_a_job_come_from_stock_then_the_house_then_the_catalogues(
    api: Api, ctx: Context, place: StorageLocation
) -> None:
    def drill(code: str, diameter: str, **more: Any) -> Tool:
        return ctx.add(
            Tool(
                code=code,
                name=code,
                item_kind="tool",
                tool_type="drill",
                diameter_mm=d(diameter),
                cutting_length_mm=d(60),
                **more,
            )
        )

    held, known = drill("D85", "8.5"), drill("D85-X", "8.5")
    stock.receive(ctx, held.id, d(2), location_id=place.id)
    drill("D90", "9")
    supplier = make(ctx, model_of("supplier"), name="Outillage Martin")
    for reference, depth in (("CAT-85", "80"), ("CAT-85-C", "20")):
        ctx.add(
            SupplierItem(
                supplier_id=supplier.id, supplier_reference=reference, tool_type="drill", price=d(42),
                iso13399={"DC": "8,5", "LU": depth},
            )
        )  # fmt: skip
    ctx.session.flush()
    body = {"tool_type": "drill", "diameter_mm": 8.5, "depth_mm": 50}
    found = api(person("tools:read")).post("/api/v1/stock/tools/search", json=body).json()["items"]
    assert [f["source"] for f in found] == ["stock", "known", "catalogue"]
    assert [f.get("tool_id") for f in found[:2]] == [held.id, known.id]
    assert "CAT-85 " in found[2]["display"] + " "
    assert found[2]["price"] is None, "prices are for those who may see them"


@pytest.mark.requirement("STK-27")
@pytest.mark.requirement("STK-44")
def test_the_dashboard_counts_what_was_spent_and_not_what_was_undone(
    api: Api, ctx: Context, insert: StockItem, place: StorageLocation
) -> None:
    insert.unit_cost = d("2.5")
    stock.receive(ctx, insert.id, d(100), location_id=place.id)
    order = make(ctx, model_of("work_order"))
    machine = make(ctx, model_of("machine"), name="Tour 3")
    operation = make(ctx, model_of("work_order_operation"), work_order_id=order.id, machine_id=machine.id)
    for quantity, keep in ((6, True), (9, False), (4, True)):
        rows = stock.take(
            ctx,
            stock.Movement(
                insert.id,
                d(quantity),
                "consumption",
                from_location_id=place.id,
                work_order_operation_id=operation.id,
                work_order_id=order.id,
            ),
        )
        if not keep:
            stock.reverse(ctx, rows[0])
    today = ctx.now.date()
    period = reports.Period(today - dt.timedelta(days=3), today)
    for by, label in (
        ("order", order.number),
        ("machine", "Tour 3"),
        ("item", "PL-CNMG · Plaquette"),
        ("month", f"{today:%Y-%m}"),
    ):
        spent = reports.consumption(ctx, period, by)  # type: ignore[arg-type]
        assert [(s.label, s.quantity, s.cost) for s in spent] == [(label, 10, 25)], by
    figures = {i.code: i.value for i in reports.indicators(ctx, period)}
    assert figures["tool_cost_per_order"] == 25
    assert figures["stock_value"] == 225
    assert figures["turnover"] == round(d(25) * 365 / 4 / 225, 2)
    before = reports.Period(today - dt.timedelta(days=30), today - dt.timedelta(days=10))
    assert reports.consumption(ctx, before, "item") == []
    plain = api(person("stock:read")).get("/api/v1/stock/boards/dashboard").json()
    assert "€" not in str(plain["sections"][0])
    assert "cost" not in str(plain)
    csv = api(master()).get("/api/v1/stock-items/export?format=csv")
    assert "PL-CNMG" in csv.content.decode("utf-8-sig")
    file = "code;name;item_kind;unit\nIMP-1;Importé;consumable;pce\nPL-CNMG;Plaquette bis;insert;pce\n"
    done = api(master()).post(
        "/api/v1/stock-items/import?dry_run=false", files={"file": ("stock.csv", file.encode(), "text/csv")}
    )
    assert done.json()["errors"] == [], done.text
    assert ctx.session.scalars(select(StockItem.name).where(StockItem.code == "IMP-1")).one() == "Importé"


@pytest.mark.requirement("STK-44")
def test_indicators_follow_offcuts_breakages_and_searches(
    api: Api, ctx: Context, steel: Material, tool: Tool, place: StorageLocation, report: Callable[..., Any]
) -> None:
    from coordinator.modules.stock.models import StockUnit

    bar = ctx.add(StockUnit(stock_item_id=steel.id, length_mm=d(1000)))
    rest = ctx.add(StockUnit(stock_item_id=steel.id, length_mm=d(300), parent_id=bar.id))
    for unit in (bar, rest):
        stock.receive(ctx, steel.id, unit.length_mm, unit_id=unit.id, location_id=place.id)
    for unit, length in ((bar, 300), (rest, 100)):
        stock.take(ctx, stock.Movement(steel.id, d(length), "consumption", stock_unit_id=unit.id))
    stock.receive(ctx, tool.id, d(3), location_id=place.id)
    report("tool.broken", tool_code="FR-08", cause=None, comment=None)
    incident = ctx.session.scalars(select(stock.ToolIncident)).one()
    options = api(master()).get(f"/api/v1/stock/breakages/{incident.uid}").json()["options"]
    client = api(master())
    client.post(f"/api/v1/tool-incidents/{incident.id}/accept", json={"option_id": options[0]["id"]})
    client.post(f"/api/v1/tool-incidents/{incident.id}/confirm", json={})
    today = ctx.now.date()
    figures = {
        i.code: i for i in reports.indicators(ctx, reports.Period(today, today + dt.timedelta(days=1)))
    }
    assert figures["offcut_reuse"].value == 25
    assert (figures["replaced_as_proposed"].value, figures["replaced_as_proposed"].of) == (100, 1)
    assert figures["validation_time"].of == 1


@pytest.mark.requirement("STK-45")
def test_a_lot_is_followed_from_its_certificate_to_the_parts_and_back(
    build: Callable[..., Shop], api: Api
) -> None:
    shop = build(criticality="aerospace", certified=True, release=False)
    ctx = shop.ctx
    from coordinator.kernel.lifecycle import move

    client = api(master())
    url = f"/api/v1/stock-lots/{shop.lot.id}"
    client.post(
        f"{url}/attach-certificate",
        json={"certificate_type": "3.1", "certificate_number": "C-9", "heat_number": "H-4711"},
    )
    client.post(f"{url}/verify-certificate", json={})
    client.post(f"{url}/release", json={})
    ctx.session.expire_all()
    move(ctx, shop.order, "release")
    shop.start()
    assert shop.finish(after=30, cut_count=10, cut_length_mm=70).result == "done"
    steps = client.get(f"/api/v1/stock/boards/stock_lot/{shop.lot.id}").json()["sections"][0]["rows"]
    words = " | ".join(f"{s['what']} {s['details']}" for s in steps)
    assert "3.1 n° C-9, coulée H-4711" in words
    assert shop.order.number in words
    made = next(s for s in steps if s["what"] == "Pièces fabriquées")
    assert made["_link"]["entity"] == "part_lot"
    lot = make_dict(client.get(f"/api/v1/part-lots/{made['_link']['id']}/trace").json())
    assert "H-4711" in lot, "and back from the parts to the heat"
    assert [s["at"] for s in steps] == sorted(s["at"] for s in steps)


def make_dict(value: Any) -> str:
    """Everything of an answer as one text."""
    return str(value)


@pytest.mark.requirement("STK-48")
def test_what_is_not_for_the_order_is_refused_and_only_an_entitled_person_overrides(
    build: Callable[..., Shop], api: Api
) -> None:
    shop = build()
    ctx = shop.ctx
    place = ctx.add(StorageLocation(code="R-9", name="Rack"))
    brass = ctx.add(Material(code="LAITON", name="Laiton", item_kind="material", unit="mm", managed_by="lot"))
    lot = stock.new_lot(ctx, brass.id)
    stock.receive(ctx, brass.id, d(900), lot=lot, location_id=place.id)
    refused = shop.send("stock.taken", item_code="LAITON", quantity=100, location_code=None, code=None)
    assert (refused.result, refused.code) == ("refused", "stock.wrong_item")
    assert "C45" in refused.message
    late = shop.send(
        "stock.taken",
        item_code="LAITON",
        quantity=100,
        location_code=None,
        code=None,
        after=5,
        received_after=300,
    )
    assert late.result == "review"
    assert stock.on_hand(ctx, brass.id) == 800, "what has already left is booked, and shown to a person"
    url = f"/api/v1/materials/{brass.id}/issue"
    body = {"quantity": "50", "work_order_operation_id": shop.operations[0].id, "confirm": True}
    plain = api(person("stock:create", "stock:read"))
    assert plain.post(url, json=body).json()["code"] == "stock.wrong_item"
    assert (
        plain.post(url, json={**body, "override_comment": "je préfère"}).json()["code"] == "stock.wrong_item"
    )
    keeper = api(person("stock:create", "stock:read", "stock:validate"))
    assert keeper.post(url, json={**body, "override_comment": "accord du client"}).status_code == 200
    seen = plain.get("/api/v1/stock/scan", params={"code": "LAITON", "operation_code": shop.code()}).json()
    assert "Laiton" in seen["warning"]
    assert seen["may_override"] is False
    seen = keeper.get("/api/v1/stock/scan", params={"code": "LAITON", "operation_code": shop.code()}).json()
    assert seen["may_override"] is True
    # The same on a phone: refused without a reason, and with one for who is not entitled.
    payload = {
        "code": "LAITON",
        "quantity": 20,
        "operation_code": shop.code(),
        "override_comment": "accord du client",
    }
    now = dt.datetime.now(dt.UTC).isoformat()

    def declared(who: Any, **values: Any) -> str:
        event = {
            "uid": str(uuid.uuid4()),
            "type": "stock.taken",
            "occurred_at": now,
            "payload": {**payload, **values},
        }
        (result,) = who.post("/api/v1/shop-events", json={"events": [event]}).json()["results"]
        return str(result["code"])

    assert declared(api(person("stock:create", "time_tracking:create"))) == "stock.wrong_item"
    entitled = api(person("stock:create", "stock:validate", "time_tracking:create"))
    assert declared(entitled, override_comment=None) == "stock.wrong_item"
    before = stock.on_hand(ctx, brass.id)
    assert declared(entitled) == "done"
    ctx.session.expire_all()
    assert stock.on_hand(ctx, brass.id) == before - 20


@pytest.mark.requirement("STK-19")
def test_no_quantity_changes_without_a_movement_that_names_its_means(api: Api, ctx: Context) -> None:
    client = api(master())
    meta = {e["name"]: e for e in client.get("/api/v1/meta").json()["entities"]}
    for name in ("stock_level", "stock_balance", "stock_movement"):
        assert not any(meta[name]["rights"][r] for r in ("create", "update", "delete")), name
    for entity, kind in (("tool", "tools"), ("material", "materials"), ("ppe_item", "ppe-items")):
        writable = {f["name"] for f in meta[entity]["fields"] if not f["read_only"]}
        assert not writable & {"quantity", "on_hand", "stock", "available_qty"}, entity
        required = {"tool": {"tool_type": "drill"}, "ppe_item": {"ppe_type": "casque"}}.get(entity, {})
        made = client.post(f"/api/v1/{kind}", json={"code": f"T-{entity}", "name": entity, **required}).json()
        client.post(f"/api/v1/{kind}/{made['id']}/receive", json={"quantity": "3"})
        assert stock.on_hand(ctx, made["id"]) == 3
    rows = client.get("/api/v1/stock-movements?limit=100").json()["items"]
    assert rows
    assert all(r["source"] in {"qr", "camera", "manual", "opcua", "system"} for r in rows)


@pytest.mark.requirement("STK-34")
def test_quotes_in_progress_count_by_their_chance(ctx: Context, steel: Material) -> None:
    from coordinator.modules.stock import shop

    day = ctx.now.date() + dt.timedelta(days=10)
    for status in ("sent", "refused", "draft"):
        quote = make(ctx, model_of("quote"), status=status, delivery_date_requested=day)
        make(
            ctx,
            model_of("quote_line"),
            quote_id=quote.id,
            material_id=steel.id,
            quantity=d(10),
            length_mm=d(98),
        )
    found = [n for n in shop.needs(ctx, day) if n.stock_item_id == steel.id]
    assert [(n.source, n.quantity) for n in found] == [("quote", 500)], (
        "half of ten pieces of 98 mm with their kerf"
    )
    assert [n for n in shop.needs(ctx, day - dt.timedelta(days=1)) if n.stock_item_id == steel.id] == []


@pytest.mark.requirement("STK-06")
def test_tools_nobody_takes_are_listed(ctx: Context, tool: Tool, place: StorageLocation) -> None:
    other = ctx.add(Tool(code="NEUF", name="Neuf", item_kind="tool", tool_type="drill"))
    for one in (tool, other):
        stock.receive(ctx, one.id, d(3), location_id=place.id)
    stock.take_from_cabinet(ctx, tool.id, d(1), location_id=place.id, machine_id=1)
    assert reports.idle_tools(ctx, 90) == []
    ctx.now += dt.timedelta(days=91)
    assert [(t.code, at is None) for t, _, at in reports.idle_tools(ctx, 90)] == [
        ("NEUF", True),
        ("FR-08", False),
    ]
