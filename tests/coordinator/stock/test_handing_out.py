"""Protective equipment, instruments, tools followed one by one, dated lots."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.models import Task
from coordinator.modules.catalogue.models import Material, PpeItem, StockItem, Tool
from coordinator.modules.machines.models import Machine, ToolAssembly
from coordinator.modules.people.models import Employee
from coordinator.modules.stock import api as stock
from coordinator.modules.stock import handing_out
from coordinator.modules.stock.models import StockMovement, StockUnit, StorageLocation
from coordinator.modules.stock.models_people import Instrument, PpeIssue
from tests.conftest import master, person
from tests.coordinator.stock.conftest import d
from tests.factories import make

Api = Callable[..., Any]


@pytest.fixture
def ana(ctx: Context) -> Employee:
    return ctx.add(Employee(number="E1", first_name="Ana", last_name="Durand"))


@pytest.mark.requirement("STK-11")
def test_protective_equipment_is_handed_to_a_person_once(api: Api, ctx: Context, ana: Employee) -> None:
    gloves = ctx.add(
        PpeItem(
            code="GANT-9", name="Gants", item_kind="ppe", ppe_type="gants", size="9", norm="EN 388", category="II",
            alert_threshold=d(3),
        )
    )  # fmt: skip
    stock.receive(ctx, gloves.id, d(4))
    client = api(person("ppe:create", "ppe:read"))
    url = f"/api/v1/ppe-items/{gloves.id}/issue-to"
    body = {"employee_id": ana.id, "quantity": "2", "uid": str(uuid.uuid4()), "renew_on": "2027-05-01"}
    first = client.post(url, json=body)
    assert first.status_code == 200, first.text
    assert client.post(url, json=body).json()["result"] == first.json()["result"], "replayed"
    issue = ctx.session.scalars(select(PpeIssue)).one()
    assert (issue.employee_id, issue.quantity, issue.issued_on) == (ana.id, 2, ctx.now.date())
    assert stock.on_hand(ctx, gloves.id) == 2
    assert stock.in_use(ctx, gloves.id, holder=f"employee:{ana.id}") == 2
    assert (
        client.post(url, json={"employee_id": ana.id, "quantity": "5"}).json()["code"]
        == "stock.not_available"
    )
    old = stock.new_lot(ctx, gloves.id, expires_on=ctx.now.date() - dt.timedelta(days=1))
    stock.receive(ctx, gloves.id, d(5), lot=old)
    late = client.post(url, json={"employee_id": ana.id, "quantity": "5"})
    assert late.json()["code"] == "stock.lot_expired", "there, but too old to protect"
    gloves.expires_on = ctx.now.date() - dt.timedelta(days=1)
    ctx.session.flush()
    assert client.post(url, json={"employee_id": ana.id}).json()["code"] == "stock.ppe_expired"
    assert api(person("ppe:read")).post(url, json=body).status_code == 403
    proposals = ctx.session.scalars(select(stock.ReorderProposal)).all()
    assert [p.stock_item_id for p in proposals] == [gloves.id], "below its threshold, like every kind"


def _caliper(ctx: Context, serial: str, **more: Any) -> Instrument:
    return ctx.add(
        Instrument(
            name="Pied à coulisse",
            instrument_type="caliper",
            serial_number=serial,
            measuring_range="0-150",
            **more,
        )
    )


@pytest.mark.requirement("STK-12")
def test_an_instrument_past_its_date_is_refused_with_an_equivalent_and_a_slip(
    api: Api, ctx: Context, ana: Employee, place: StorageLocation
) -> None:
    today = ctx.now.date()
    late = _caliper(ctx, "A1", next_calibration_due=today - dt.timedelta(days=1))
    good = _caliper(ctx, "A2", next_calibration_due=today + dt.timedelta(days=90))
    _caliper(ctx, "A3", next_calibration_due=today + dt.timedelta(days=90), is_compliant=False)
    client = api(master())
    refused = client.post(f"/api/v1/instruments/{late.id}/hand-out", json={"employee_id": ana.id})
    assert (refused.status_code, refused.json()["code"]) == (400, "stock.instrument_refused")
    assert [e["id"] for e in refused.json()["equivalents"]] == [good.id]
    slip = client.get(refused.json()["return_slip"])
    assert slip.content.startswith(b"%PDF")
    given = client.post(f"/api/v1/instruments/{good.id}/hand-out", json={"employee_id": ana.id})
    assert given.json()["record"]["is_present"] is False
    assert (
        client.post(f"/api/v1/instruments/{good.id}/hand-out", json={"employee_id": ana.id}).status_code
        == 400
    )
    ctx.session.expire_all()
    good.is_compliant = False
    assert handing_out.call_back(ctx) == 1
    assert handing_out.call_back(ctx) == 1
    assert len(ctx.session.scalars(select(Task).where(Task.kind == "stock.instrument_return")).all()) == 1
    back = client.post(f"/api/v1/instruments/{good.id}/bring-back", json={"location_id": place.id}).json()[
        "record"
    ]
    assert (back["is_present"], back["storage_location_id"], back["employee_id"]) == (True, place.id, None)
    until = (today + dt.timedelta(days=10)).isoformat()
    extension = {"until": until, "reason": "étalonnage commandé"}
    keeper = api(person("stock:read", "stock:update", "stock:create"))
    assert keeper.post(f"/api/v1/instruments/{late.id}/extend", json=extension).status_code == 403
    assert client.post(f"/api/v1/instruments/{late.id}/extend", json=extension).status_code == 200
    assert (
        client.post(f"/api/v1/instruments/{late.id}/hand-out", json={"employee_id": ana.id}).status_code
        == 200
    )
    twice = {"name": "X", "instrument_type": "caliper", "serial_number": "A1"}
    assert client.post("/api/v1/instruments", json=twice).status_code in {400, 409, 422}


@pytest.mark.requirement("STK-13")
def test_a_fluid_has_its_safety_sheet_and_leaves_only_within_its_date(api: Api, ctx: Context) -> None:
    client = api(master())
    made = client.post(
        "/api/v1/stock-items",
        json={
            "code": "HUILE-1", "name": "Huile entière", "item_kind": "consumable", "unit": "l", "is_hazardous": True,
            "safety_sheet_url": "https://exemple.fr/fds.pdf", "shelf_life_days": 30,
        },
    ).json()  # fmt: skip
    url = f"/api/v1/stock-items/{made['id']}"
    old = client.post(f"{url}/receive", json={"quantity": "5"}).json()["result"]
    lot = ctx.get(stock.StockLot, old["stock_lot_id"])
    assert lot.expires_on == ctx.now.date() + dt.timedelta(days=30)
    lot.expires_on = ctx.now.date() - dt.timedelta(days=1)
    ctx.session.flush()
    refused = client.post(f"{url}/issue", json={"quantity": "1"})
    assert refused.json()["code"] == "stock.lot_expired"
    client.post(f"{url}/receive", json={"quantity": "5", "expires_on": "2030-01-01"})
    taken = client.post(f"{url}/issue", json={"quantity": "2"}).json()["result"]
    assert ctx.get(StockMovement, taken["movement_ids"][0]).stock_lot_id != lot.id, "the good lot"
    seen = client.get("/api/v1/stock/scan", params={"code": "HUILE-1"}).json()
    assert seen["safety_sheet_url"] == "https://exemple.fr/fds.pdf"


@pytest.mark.requirement("STK-03")
def test_a_tool_lives_as_a_serial_number_is_reground_and_breaks(
    api: Api, ctx: Context, place: StorageLocation
) -> None:
    reamer = ctx.add(
        Tool(
            code="AL-10", name="Alésoir", item_kind="tool", tool_type="reamer", managed_by="unit", life_min=60
        )
    )
    client = api(master())
    url = f"/api/v1/tools/{reamer.id}/receive"
    body = {"quantity": "2", "serial_numbers": "S1; S2", "location_id": place.id}
    assert client.post(url, json={**body, "quantity": "3"}).json()["code"] == "stock.serial_count"
    units = client.post(url, json=body).json()["result"]["stock_unit_ids"]
    unit = ctx.get(StockUnit, units[0])
    assert (unit.serial_number, unit.condition, stock.on_hand(ctx, reamer.id)) == ("S1", "new", 2)
    stock.record_tool_use(
        ctx, stock.ToolUse(reamer.id, d(45), uuid.uuid4(), stock_unit_id=unit.id, part_count=90)
    )
    shown = client.get(f"/api/v1/stock-units/{unit.id}").json()
    assert (shown["used_min"], shown["remaining_life_min"]) == ("45.00", "15.00")
    reground = client.post(f"/api/v1/stock-units/{unit.id}/regrind", json={"length_mm": "98.5"}).json()[
        "record"
    ]
    assert (reground["regrind_count"], reground["condition"], reground["remaining_life_min"]) == (
        1,
        "used",
        "60",
    )
    ctx.session.expire_all()
    assert unit.length_mm == d("98.5")
    client.post(
        f"/api/v1/stock-units/{unit.id}/set-condition", json={"condition": "worn", "comment": "arête"}
    )
    broken = client.post(f"/api/v1/tools/{reamer.id}/declare-breakage", json={"stock_unit_id": units[1]})
    assert broken.status_code == 200, broken.text
    ctx.session.expire_all()
    assert ctx.get(StockUnit, units[1]).condition == "broken"
    assert stock.on_hand(ctx, reamer.id) == 1
    assert (
        client.post(f"/api/v1/stock-units/{units[1]}/regrind", json={}).json()["code"] == "stock.unit_broken"
    )
    states = [
        m.comment
        for m in ctx.session.scalars(select(StockMovement).where(StockMovement.kind == "adjustment"))
    ]
    assert len(states) == 2, "each change of state is a line of the ledger"
    life = client.get(f"/api/v1/stock/boards/stock_unit/{unit.id}").json()["sections"][0]["rows"]
    assert any("45,0 min" in r["details"] for r in life)


@pytest.mark.requirement("STK-04")
def test_an_assembly_names_holder_tool_inserts_and_its_place_in_the_magazine(
    api: Api, ctx: Context, tool: Tool
) -> None:
    machine = ctx.add(Machine(code="CU", name="Centre", machine_type="machining_centre"))
    insert = ctx.add(StockItem(code="APKT", name="Plaquette APKT", item_kind="insert"))
    client = api(master())
    body = {
        "name": "T12 surfacer", "tool_id": tool.id, "machine_id": machine.id, "slot_number": 12, "holder": "HSK-A63",
        "gauge_length_mm": "121.3450", "gauge_diameter_mm": "49.998", "corrector": "D12 H12",
    }  # fmt: skip
    assembly = client.post("/api/v1/tool-assemblies", json=body)
    assert assembly.status_code == 201, assembly.text
    made = assembly.json()
    for item_id, role, quantity in ((tool.id, "tool", 1), (insert.id, "insert", 5)):
        part = {
            "tool_assembly_id": made["id"],
            "stock_item_id": item_id,
            "role": role,
            "quantity": str(quantity),
        }
        assert client.post("/api/v1/tool-assembly-items", json=part).status_code == 201
    seen = client.get(f"/api/v1/tool-assembly-items?tool_assembly_id={made['id']}&sort=id").json()["items"]
    assert [(i["role"], i["quantity"]) for i in seen] == [("tool", "1.000"), ("insert", "5.000")]
    stored = ctx.get(ToolAssembly, made["id"])
    assert (stored.slot_number, stored.gauge_length_mm, stored.corrector) == (12, d("121.3450"), "D12 H12")
    bad = {"tool_assembly_id": made["id"], "stock_item_id": insert.id, "quantity": "0"}
    assert client.post("/api/v1/tool-assembly-items", json=bad).status_code in {400, 409, 422}


@pytest.mark.requirement("STK-07")
def test_a_material_is_described_and_found_under_each_of_its_names(api: Api, ctx: Context) -> None:
    from coordinator.modules.catalogue.api import find_material

    client = api(master())
    body = {
        "code": "35NCD16-T", "name": "35 NCD 16 traité", "afnor_designation": "35NCD16", "en_designation": "36NiCrMo16",
        "werkstoff_number": "1.6773", "hardness": "38 HRC", "heat_treatment_state": "+QT", "density_g_cm3": "7.85",
        "is_aerospace_grade": True, "norm": "EN 10250-3", "tensile_strength_mpa": 1200,
    }  # fmt: skip
    made = client.post("/api/v1/materials", json=body)
    assert made.status_code == 201, made.text
    record = made.json()
    assert (record["material_family"], record["unit"], record["managed_by"]) == ("steel", "mm", "lot"), (
        "defaults"
    )
    for system, name in (("TRADE", "MAXEL-T"), ("AISI", "4340-T")):
        synonym = {"material_id": record["id"], "system": system, "designation": name}
        assert client.post("/api/v1/material-synonyms", json=synonym).status_code == 201
    found = find_material(ctx, "maxel t")
    assert found is not None
    assert found.id == record["id"]
    supplier = make(ctx, model("supplier"))
    article = {
        "supplier_id": supplier.id,
        "stock_item_id": record["id"],
        "supplier_reference": "R35",
        "price": "4.2",
    }
    assert client.post("/api/v1/supplier-items", json=article).status_code == 201
    assert isinstance(ctx.get(Material, record["id"]), Material)


def model(name: str) -> Any:
    from tests.factories import model_of

    return model_of(name)


@pytest.mark.requirement("STK-08")
def test_a_lot_keeps_heat_section_and_bars_in_millimetres(
    api: Api, ctx: Context, steel: Material, place: StorageLocation
) -> None:
    client = api(master())
    body = {
        "quantity": "3", "unit": "m", "bar_count": 4, "heat_number": "C-77", "shape": "round", "diameter_mm": "30",
        "delivery_note": "BL9", "supplier_lot": "F12", "is_certified": True, "location_id": place.id,
    }  # fmt: skip
    got = client.post(f"/api/v1/materials/{steel.id}/receive", json=body).json()["result"]
    lot = client.get(f"/api/v1/stock-lots/{got['stock_lot_id']}").json()
    assert (lot["heat_number"], lot["shape"], lot["diameter_mm"], lot["delivery_note"], lot["status"]) == (
        "C-77", "round", "30.000", "BL9", "quarantine",
    )  # fmt: skip
    bars = [ctx.get(StockUnit, i) for i in got["stock_unit_ids"]]
    assert [(b.length_mm, b.diameter_mm, b.shape) for b in bars] == [(3000, 30, "round")] * 4
    assert len(set(got["codes"])) == 4, "each bar has its own code"
    assert stock.on_hand(ctx, steel.id) == 12000
    blocked = client.post(f"/api/v1/stock-lots/{lot['id']}/block", json={"reason": "traces de choc"})
    assert blocked.json()["record"]["status"] == "blocked"
    assert stock.availability(ctx, steel.id).available == 0
