"""Places: what they may hold, the best one for an item, better arrangements; labels."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.catalogue.models import Material, StockItem, Tool
from coordinator.modules.machines.models import Machine
from coordinator.modules.stock import api as stock
from coordinator.modules.stock import places
from coordinator.modules.stock.engine import placing
from coordinator.modules.stock.models import LocationItem, StockUnit, StorageLocation
from coordinator.modules.stock.models_people import PlaceProposal
from tests.conftest import master, person
from tests.coordinator.stock.conftest import d
from tests.factories import make, model_of

Api = Callable[..., Any]


def _place(ctx: Context, code: str, **more: Any) -> StorageLocation:
    return ctx.add(StorageLocation(code=code, name=code, **{"kind": "drawer", **more}))


@pytest.mark.requirement("STK-14")
def test_a_place_takes_its_kinds_its_roles_and_no_more_than_its_room(
    api: Api, ctx: Context, insert: StockItem, steel: Material
) -> None:
    full = _place(ctx, "B-1", capacity=d(10), allowed_kinds=["insert"], kind="bin")
    other = _place(ctx, "B-2", allowed_roles=["storekeeper"])
    client = api(master())
    url = f"/api/v1/stock-items/{insert.id}"
    assert client.post(f"{url}/receive", json={"quantity": "8", "location_id": full.id}).status_code == 200
    late = client.post(f"{url}/receive", json={"quantity": "3", "location_id": full.id})
    assert (late.status_code, late.json()["code"]) == (400, "stock.place_full")
    assert "2" in late.json()["detail"]
    wrong = client.post(
        f"/api/v1/materials/{steel.id}/receive", json={"quantity": "100", "location_id": full.id}
    )
    assert wrong.json()["code"] == "stock.place_kind"
    client.post(f"{url}/receive", json={"quantity": "5", "location_id": other.id})
    operator = api(person("stock:create", "stock:read", roles=frozenset({"operator"})))
    assert (
        operator.post(f"{url}/issue", json={"quantity": "1", "location_id": other.id}).json()["code"]
        == "stock.place_role"
    )
    keeper = api(person("stock:create", "stock:read", roles=frozenset({"storekeeper"})))
    assert keeper.post(f"{url}/issue", json={"quantity": "1", "location_id": other.id}).status_code == 200
    assert places.occupation(ctx) == {full.id: 8, other.id: 4}, "an item in several places"
    loop = client.patch(
        f"/api/v1/storage-locations/{full.id}", json={"parent_id": full.id, "row_version": full.row_version}
    )
    assert loop.status_code in {400, 422}


def test_bars_count_one_by_one_in_a_rack(ctx: Context, steel: Material) -> None:
    rack = _place(ctx, "RACK", capacity=d(3), kind="rack")
    for _ in range(3):
        bar = ctx.add(StockUnit(stock_item_id=steel.id, length_mm=d(3000)))
        stock.receive(ctx, steel.id, d(3000), unit_id=bar.id, location_id=rack.id)
    assert places.room(ctx, rack) == 0


@pytest.mark.parametrize("seed", range(6))
def test_the_best_place_has_room_and_no_other_is_nearer(seed: int) -> None:
    import random

    chance = random.Random(seed)
    user = placing.Point(chance.uniform(0, 50), chance.uniform(0, 30))
    thing = placing.Thing(Decimal(chance.randint(1, 20)), chance.uniform(1, 200), ((user, 1.0),))
    candidates = [
        placing.Place(
            i,
            placing.Point(chance.uniform(0, 50), chance.uniform(0, 30)),
            "normal",
            Decimal(chance.randint(0, 40)),
        )
        for i in range(20)
    ]
    ranked = placing.rank(thing, candidates)
    assert all(r.place.room is None or r.place.room >= thing.quantity for r in ranked)
    ways = [placing.distance_m(r.place, thing) for r in ranked]
    assert ways == sorted(ways)
    assert placing.gain_m(thing, ranked[-1].place, ranked[0].place) >= 0


def _workshop(ctx: Context) -> tuple[Tool, StorageLocation, StorageLocation, Any]:
    machine = ctx.add(Machine(code="CU", name="Centre", machine_type="machining_centre"))
    _place(ctx, "MAG-CU", kind="magazine", machine_id=machine.id, pos_x_m=d(40), pos_y_m=d(5))
    near = _place(ctx, "P-PRES", pos_x_m=d(38), pos_y_m=d(5), capacity=d(20))
    far = _place(ctx, "P-LOIN", pos_x_m=d(2), pos_y_m=d(5))
    tool = ctx.add(Tool(code="FR-20", name="Fraise 20", item_kind="tool", tool_type="end_mill"))
    stock.receive(ctx, tool.id, d(40), location_id=far.id)
    operation = make(ctx, model_of("work_order_operation"), machine_id=machine.id)
    for _ in range(30):
        stock.take_from_cabinet(ctx, tool.id, d(1), location_id=far.id, work_order_operation_id=operation.id)
    return tool, near, far, operation


@pytest.mark.requirement("STK-15")
def test_the_nearest_place_is_suggested_and_the_monthly_move_waits_for_a_person(
    api: Api, ctx: Context
) -> None:
    tool, near, far, _ = _workshop(ctx)
    client = api(person("stock:create", "stock:read", "stock:update"))
    found = client.get(f"/api/v1/stock/place-suggestions?stock_item_id={tool.id}&quantity=5").json()["items"]
    assert found[0]["code"] == "P-PRES"
    assert "proche des machines" in found[0]["reasons"]
    too_many = client.get(f"/api/v1/stock/place-suggestions?stock_item_id={tool.id}&quantity=25").json()[
        "items"
    ]
    assert all(p["code"] != "P-PRES" for p in too_many), "there is no room for so many"
    proposal = places.rearrange(ctx)[0]
    assert (proposal.from_location_id, proposal.to_location_id) == (far.id, near.id)
    assert proposal.gain_m_per_month == pytest.approx(d(10) * 2 * 36, rel=d("0.05"))
    assert stock.on_hand(ctx, tool.id, location_id=near.id) == 0, "nothing moves by itself"
    again = places.rearrange(ctx)
    assert [p.status for p in ctx.session.scalars(select(PlaceProposal).order_by(PlaceProposal.id))] == [
        "ignored",
        "proposed",
    ]
    done = client.post(f"/api/v1/place-proposals/{again[0].id}/accept", json={}).json()
    assert done["record"]["status"] == "accepted"
    assert stock.on_hand(ctx, tool.id, location_id=near.id) == 10
    home = ctx.session.scalars(select(LocationItem).where(LocationItem.is_main)).one()
    assert home.storage_location_id == near.id
    assert places.rearrange(ctx) == []


@pytest.mark.requirement("STK-15")
def test_a_person_may_choose_another_place_or_refuse(api: Api, ctx: Context) -> None:
    _, _, far, _ = _workshop(ctx)
    third = _place(ctx, "P-TIERS")
    proposal = places.rearrange(ctx)[0]
    url = f"/api/v1/place-proposals/{proposal.id}"
    keeper = api(person("stock:read", "stock:update"))
    chosen = keeper.post(f"{url}/accept", json={"location_id": third.id}).json()["record"]
    assert (chosen["status"], chosen["chosen_location_id"]) == ("corrected", third.id)
    assert stock.on_hand(ctx, proposal.stock_item_id, location_id=far.id) == 0
    assert api(person("stock:read")).post(f"{url}/refuse", json={}).status_code == 403


def test_the_label_of_an_offcut_repeats_grade_and_heat(api: Api, ctx: Context, steel: Material) -> None:
    from coordinator.modules.stock import labels

    lot = stock.new_lot(ctx, steel.id, heat_number="H-99", shape="round", diameter_mm=d(40))
    bar = ctx.add(StockUnit(stock_item_id=steel.id, stock_lot_id=lot.id, length_mm=d(900), diameter_mm=d(40)))
    offcut = ctx.add(
        StockUnit(
            stock_item_id=steel.id,
            stock_lot_id=lot.id,
            length_mm=d("212.5"),
            diameter_mm=d(40),
            parent_id=bar.id,
        )
    )
    shown = labels.label_of(ctx, offcut)
    assert (shown.title, shown.lines) == (f"CHUTE {offcut.id}", ["Acier X", "Ø 40 × 212,5 mm", "Coulée H-99"])
    client = api(master())
    pdf = client.get(f"/api/v1/stock/labels.pdf?entity=stock_unit&ids={bar.id},{offcut.id}")
    assert pdf.content.startswith(b"%PDF")
    assert client.get("/api/v1/stock/labels.pdf?entity=invoice&ids=1").json()["code"] == "stock.label_kind"
