"""Lots, certificates, sawing, offcuts, certified against ordinary."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from coordinator.kernel import qr
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.models import Notification
from coordinator.modules.catalogue.models import Material, Tool
from coordinator.modules.stock import api as stock
from coordinator.modules.stock import rules
from coordinator.modules.stock.models import StockLot, StockMovement, StockUnit, StorageLocation
from tests.conftest import master, person
from tests.coordinator.stock.conftest import d
from tests.factories import make, model_of

Api = Callable[..., Any]


def bars(ctx: Context, steel: Material, *lengths: int, **lot_values: Any) -> tuple[StockLot, list[StockUnit]]:
    lot = stock.new_lot(ctx, steel.id, heat_number="H123", **lot_values)
    units = []
    for length in lengths:
        unit = ctx.add(
            StockUnit(stock_item_id=steel.id, stock_lot_id=lot.id, length_mm=d(length), shape="round")
        )
        stock.receive(ctx, steel.id, d(length), lot=lot, unit_id=unit.id)
        units.append(unit)
    return lot, units


def kinds(ctx: Context) -> list[tuple[str, Decimal]]:
    query = select(StockMovement).where(StockMovement.kind != "receipt").order_by(StockMovement.id)
    return [(m.kind, m.quantity) for m in ctx.session.scalars(query)]


@pytest.mark.requirement("STK-21")
@pytest.mark.requirement("STK-23")
@pytest.mark.requirement("STK-10")
def test_sawing_debits_pieces_and_kerfs_and_keeps_the_offcut(ctx: Context, steel: Material) -> None:
    lot, [bar] = bars(ctx, steel, 3000)
    uid = uuid.uuid4()
    result = stock.debit_cut(
        ctx,
        cut_count=10,
        cut_length_mm=d(100),
        stock_lot_id=lot.id,
        uid=uid,
        work_order_operation_id=make(ctx, model_of("work_order_operation")).id,
        work_order_id=2,
    )
    assert (result.consumed_mm, result.scrap_mm, result.missing_pieces) == (1020, 0, 0)
    offcut = ctx.get(StockUnit, result.offcut_ids[0])
    assert (offcut.parent_id, offcut.length_mm, offcut.stock_lot_id) == (bar.id, 1980, lot.id)
    assert offcut.origin_work_order_id == 2
    found = qr.find(ctx, result.offcut_codes[0])
    assert found is not None
    assert found.object_id == offcut.id
    assert kinds(ctx) == [("consumption", 1020), ("offcut_creation", 1980), ("offcut_creation", 1980)]
    assert stock.on_hand(ctx, steel.id, unit_id=bar.id) == 0
    assert stock.on_hand(ctx, steel.id) == 1980
    again = stock.debit_cut(ctx, cut_count=10, cut_length_mm=d(100), stock_lot_id=lot.id, uid=uid)
    assert again.movement_ids == []
    assert stock.on_hand(ctx, steel.id) == 1980


@pytest.mark.requirement("STK-23")
def test_a_short_end_is_scrap_and_the_empty_lot_is_consumed(ctx: Context, steel: Material) -> None:
    lot, _ = bars(ctx, steel, 1049)
    result = stock.debit_cut(ctx, cut_count=10, cut_length_mm=d(98), stock_lot_id=lot.id, uid=uuid.uuid4())
    assert (result.consumed_mm, result.scrap_mm, result.offcut_ids) == (1000, 49, [])
    assert kinds(ctx) == [("consumption", 1000), ("scrap", 49)]
    assert lot.status == "consumed"


@pytest.mark.requirement("STK-30")
def test_offcuts_go_first_and_missing_pieces_are_booked_and_flagged(ctx: Context, steel: Material) -> None:
    lot, [bar] = bars(ctx, steel, 1000)
    stock.debit_cut(ctx, cut_count=5, cut_length_mm=d(98), stock_lot_id=lot.id, uid=uuid.uuid4())
    bar2 = ctx.add(StockUnit(stock_item_id=steel.id, stock_lot_id=lot.id, length_mm=d(400)))
    stock.receive(ctx, steel.id, d(400), lot=lot, unit_id=bar2.id)
    candidates = stock.candidates(ctx, steel.id, d(98))
    assert [c.quantity for c in candidates] == [500, 400], "the offcut before the shorter bar"
    result = stock.debit_cut(ctx, cut_count=10, cut_length_mm=d(98), stock_lot_id=lot.id, uid=uuid.uuid4())
    assert result.missing_pieces == 1
    assert stock.on_hand(ctx, steel.id) == -100
    last = ctx.session.scalars(select(StockMovement).order_by(StockMovement.id.desc()).limit(1)).one()
    assert (last.is_flagged, last.stock_unit_id, last.quantity) == (True, None, 100)
    assert bar.storage_location_id is None


def test_a_lot_without_bars_is_debited_as_a_length_under_the_settings(ctx: Context, steel: Material) -> None:
    from coordinator.kernel.models import Setting

    ctx.add(Setting(key="stock.saw_kerf_mm", value="3"))
    ctx.settings.forget()
    lot = stock.new_lot(ctx, steel.id)
    stock.receive(ctx, steel.id, d(6000), lot=lot)
    result = stock.debit_cut(ctx, cut_count=4, cut_length_mm=d(97), stock_lot_id=lot.id, uid=uuid.uuid4())
    assert result.consumed_mm == 400
    assert stock.on_hand(ctx, steel.id, lot_id=lot.id) == 5600
    with pytest.raises(BusinessError, match=r"stock\.cut_values"):
        stock.debit_cut(ctx, cut_count=0, cut_length_mm=d(97), stock_lot_id=lot.id, uid=uuid.uuid4())


@given(
    st.lists(st.integers(1, 4000), max_size=5),
    st.integers(1, 60),
    st.integers(1, 500),
    st.integers(0, 5),
    st.integers(0, 10),
)
def test_cuts_never_use_more_than_the_bars_and_lose_nothing(
    lengths: list[int], count: int, length: int, kerf: int, facing: int
) -> None:
    stock_bars = [rules.Bar(n, d(x), n % 2 == 0) for n, x in enumerate(lengths)]
    plan = rules.plan_cuts(
        stock_bars, count, d(length), kerf_mm=d(kerf), facing_mm=d(facing), minimum_mm=d(50)
    )
    assert sum(c.pieces for c in plan.cuts) + plan.missing == count
    by_key = {b.key: b.length_mm for b in stock_bars}
    for cut in plan.cuts:
        assert cut.consumed_mm + cut.remainder_mm == by_key[cut.key]
        assert cut.pieces * length + (cut.pieces - 1) * kerf + facing <= cut.consumed_mm
        assert cut.keep_remainder == (cut.remainder_mm >= 50)
    if plan.missing:
        used = {c.key: c for c in plan.cuts}
        for bar in stock_bars:
            rest = used[bar.key].remainder_mm if bar.key in used else bar.length_mm - facing
            assert rest < length, "another piece would have fitted"


@pytest.mark.requirement("STK-09")
@pytest.mark.requirement("STK-53")
def test_a_certified_lot_waits_for_its_verified_certificate(api: Api, ctx: Context, steel: Material) -> None:
    lot = stock.new_lot(ctx, steel.id, is_certified=True, heat_number="H 123")
    assert lot.status == "quarantine"
    client = api(master())
    url = f"/api/v1/stock-lots/{lot.id}"
    refused = client.post(f"{url}/release", json={})
    assert refused.json()["code"] == "stock.certificate_unverified"
    certificate = {"certificate_type": "3.1", "certificate_number": "C-9", "heat_number": "X999"}
    assert client.post(f"{url}/attach-certificate", json=certificate).status_code == 200
    assert ctx.session.scalars(select(Notification)).one().role_code == "quality_manager"
    assert client.post(f"{url}/verify-certificate", json={}).json()["code"] == "stock.heat_mismatch"
    client.post(f"{url}/attach-certificate", json=certificate | {"heat_number": "h123"})
    keeper = api(person("stock:read", "stock:update", "stock:validate"))
    assert keeper.post(f"{url}/verify-certificate", json={}).status_code == 403
    assert client.post(f"{url}/verify-certificate", json={}).status_code == 200
    assert client.post(f"{url}/release", json={}).json()["record"]["status"] == "released"
    assert (
        client.post(f"{url}/attach-certificate", json=certificate | {"certificate_type": "9"}).status_code
        == 422
    )


@pytest.mark.requirement("STK-29")
def test_certified_and_ordinary_material_serve_their_own_orders(
    api: Api, ctx: Context, steel: Material
) -> None:
    ordinary = stock.new_lot(ctx, steel.id)
    certified = stock.new_lot(ctx, steel.id, is_certified=True)
    certified.status = "released"
    for lot in (certified, ordinary):
        stock.receive(ctx, steel.id, d(1000), lot=lot)
    critical, standard = stock.Demand("aerospace"), stock.Demand()

    def take(
        quantity: int, demand: stock.Demand, lot_id: int | None = None, override: Any = None
    ) -> list[int | None]:
        movement = stock.Movement(steel.id, d(quantity), "consumption", stock_lot_id=lot_id)
        return [m.stock_lot_id for m in stock.take(ctx, movement, demand=demand, override=override)]

    assert take(100, critical) == [certified.id]
    assert take(100, standard) == [ordinary.id]
    with pytest.raises(BusinessError, match=r"stock\.certificate_required"):
        take(100, critical, ordinary.id)
    with pytest.raises(BusinessError, match=r"stock\.certified_reserved"):
        take(100, standard, certified.id)
    assert take(100, standard, certified.id, stock.Override("urgence client")) == [certified.id]
    url = f"/api/v1/materials/{steel.id}/issue"
    body = {
        "quantity": "10",
        "stock_lot_id": certified.id,
        "criticality": "standard",
        "override_comment": "besoin",
    }
    denied = api(person("stock:read", "stock:create")).post(url, json=body)
    assert denied.json()["code"] == "stock.certified_reserved"
    with pytest.raises(BusinessError, match=r"stock\.certificate_required"):
        stock.debit_cut(
            ctx, cut_count=1, cut_length_mm=d(10), stock_lot_id=ordinary.id, uid=uuid.uuid4(), demand=critical
        )
    certified.status = "blocked"
    ctx.session.flush()
    with pytest.raises(BusinessError, match=r"stock\.certificate_required"):
        take(10, critical)


@pytest.mark.requirement("STK-17")
def test_places_separate_certified_from_ordinary(ctx: Context, steel: Material) -> None:
    vault = ctx.add(StorageLocation(code="CERT", name="Certifié", kind="rack", accepts="certified"))
    ordinary = stock.new_lot(ctx, steel.id)
    with pytest.raises(BusinessError, match=r"stock\.separation"):
        stock.receive(ctx, steel.id, d(1000), lot=ordinary, location_id=vault.id)
    certified = stock.new_lot(ctx, steel.id, is_certified=True)
    assert (
        stock.receive(ctx, steel.id, d(1000), lot=certified, location_id=vault.id).to_location_id == vault.id
    )
    assert stock.availability(ctx, steel.id).available == 0, "in quarantine"


@pytest.mark.requirement("STK-25")
def test_bars_are_received_one_by_one_with_their_labels(api: Api, ctx: Context, steel: Material) -> None:
    body = {
        "quantity": "3",
        "unit": "m",
        "bar_count": 4,
        "heat_number": "H77",
        "shape": "round",
        "diameter_mm": "30",
    }
    result = api(master()).post(f"/api/v1/materials/{steel.id}/receive", json=body).json()["result"]
    assert len(set(result["codes"])) == 4
    assert stock.on_hand(ctx, steel.id) == 12000
    unit = ctx.get(StockUnit, result["stock_unit_ids"][0])
    assert (unit.length_mm, unit.diameter_mm, unit.stock_lot_id) == (3000, 30, result["stock_lot_id"])
    cut = api(master()).post(
        f"/api/v1/stock-units/{unit.id}/cut", json={"cut_count": 2, "cut_length_mm": "98"}
    )
    assert cut.json()["result"]["consumed_mm"] == "200"


@pytest.mark.requirement("STK-06")
def test_tool_life_warns_at_80_and_100_percent(ctx: Context, tool: Tool) -> None:
    unit = ctx.add(StockUnit(stock_item_id=tool.id, serial_number="S1"))

    def severities() -> list[str]:
        return [n.severity for n in ctx.session.scalars(select(Notification).order_by(Notification.id))]

    uid = uuid.uuid4()
    assert stock.record_tool_use(ctx, stock.ToolUse(tool.id, d(79), uid, stock_unit_id=unit.id)) == 79
    assert stock.record_tool_use(ctx, stock.ToolUse(tool.id, d(79), uid, stock_unit_id=unit.id)) == 79, (
        "replayed"
    )
    assert severities() == []
    assert stock.record_tool_use(ctx, stock.ToolUse(tool.id, d(2), uuid.uuid4(), stock_unit_id=unit.id)) == 81
    assert (
        stock.record_tool_use(ctx, stock.ToolUse(tool.id, d(30), uuid.uuid4(), stock_unit_id=unit.id)) == 111
    )
    assert severities() == ["warning", "alarm"]
