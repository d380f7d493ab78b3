"""From a threshold to goods in stock."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context, ContextFactory
from coordinator.kernel.outbox import drain
from coordinator.modules.catalogue.models import StockItem, SupplierItem
from coordinator.modules.parties.models import Supplier
from coordinator.modules.purchasing.models import PurchaseOrder, PurchaseOrderLine
from coordinator.modules.stock import api as stock
from tests.conftest import master, person

Api = Callable[..., Any]


@pytest.fixture
def supplier_id(ctx: Context) -> int:
    return ctx.add(Supplier(code="F-1", name="Outillage Ouest")).id


def item(ctx: Context, supplier_id: int, code: str) -> StockItem:
    made = ctx.add(
        StockItem(
            code=code, name=code, item_kind="insert", alert_threshold=Decimal(5), reorder_qty=Decimal(10)
        )
    )
    ctx.add(
        SupplierItem(
            supplier_id=supplier_id, stock_item_id=made.id, supplier_reference=code, price=Decimal("2.50")
        )
    )
    return made


@pytest.mark.requirement("CRM-31")
@pytest.mark.requirement("CRM-33")
def test_accepted_proposals_are_grouped_approved_and_received(
    api: Api, ctx: Context, factory: ContextFactory, supplier_id: int
) -> None:
    items = [item(ctx, supplier_id, code) for code in ("PL-1", "PL-2")]
    for one in items:
        stock.receive(ctx, one.id, Decimal(6))
        stock.take_from_cabinet(ctx, one.id, Decimal(4))
    client = api(master())
    proposals = ctx.session.scalars(select(stock.ReorderProposal)).all()
    for proposal in proposals:
        assert client.post(f"/api/v1/reorder-proposals/{proposal.id}/accept", json={}).status_code == 200
    drain(factory)
    drain(factory)
    order = ctx.session.scalars(select(PurchaseOrder)).one()
    lines = ctx.session.scalars(select(PurchaseOrderLine).order_by(PurchaseOrderLine.id)).all()
    assert [line.quantity for line in lines] == [10, 10]
    assert order.total_excl_tax == 50
    url = f"/api/v1/purchase-orders/{order.id}"
    receipt = {"purchase_order_line_id": lines[0].id, "quantity": "10", "heat_number": "H5"}
    assert client.post(f"{url}/receive", json=receipt).json()["code"] == "purchase.not_sent"
    assert client.post(f"{url}/submit", json={}).status_code == 200
    buyer = api(person("purchasing:read", "purchasing:create", "purchasing:update"))
    assert buyer.post(f"{url}/approve", json={}).status_code == 403
    assert client.post(f"{url}/approve", json={}).json()["record"]["status"] == "sent"
    excess = client.post(f"{url}/receive", json=receipt | {"quantity": "11"})
    assert excess.json()["code"] == "purchase.excess"
    first = client.post(f"{url}/receive", json=receipt)
    assert first.json()["record"]["status"] == "partly_received"
    lot = ctx.get(stock.StockLot, first.json()["result"]["stock_lot_id"])
    assert (lot.heat_number, lot.supplier_id, lot.status) == ("H5", supplier_id, "released")
    assert stock.on_hand(ctx, items[0].id) == 12
    rejected = {"purchase_order_line_id": lines[1].id, "quantity": "10", "result": "rejected"}
    assert client.post(f"{url}/receive", json=rejected).json()["record"]["status"] == "partly_received"
    assert stock.on_hand(ctx, items[1].id) == 2
    last = client.post(f"{url}/receive", json=rejected | {"result": "accepted"})
    assert last.json()["record"]["status"] == "received"


def test_lines_change_in_draft_only_and_an_empty_order_is_not_submitted(api: Api, supplier_id: int) -> None:
    client = api(master())
    order = client.post("/api/v1/purchase-orders", json={"supplier_id": supplier_id}).json()
    assert order["number"].startswith("CDA-")
    url = f"/api/v1/purchase-orders/{order['id']}"
    assert client.post(f"{url}/submit", json={}).json()["code"] == "purchase.no_line"
    line = {
        "purchase_order_id": order["id"],
        "description": "Affûtage",
        "quantity": "3",
        "unit_price": "12.5",
    }
    assert client.post("/api/v1/purchase-order-lines", json=line).status_code == 201
    assert client.get(url).json()["total_excl_tax"] == "37.50"
    client.post(f"{url}/submit", json={})
    late = client.post("/api/v1/purchase-order-lines", json=line)
    assert (late.status_code, late.json()["code"]) == (409, "purchase.not_draft")


@pytest.mark.requirement("CRM-39")
def test_material_bought_with_a_certificate_waits_in_quarantine(
    api: Api, ctx: Context, supplier_id: int
) -> None:
    steel = ctx.add(StockItem(code="BARRE", name="Barre", item_kind="consumable"))
    client = api(master())
    order = client.post("/api/v1/purchase-orders", json={"supplier_id": supplier_id}).json()
    line = {
        "purchase_order_id": order["id"],
        "stock_item_id": steel.id,
        "quantity": "3",
        "certificate_type": "3.1",
    }
    line_id = client.post("/api/v1/purchase-order-lines", json=line).json()["id"]
    url = f"/api/v1/purchase-orders/{order['id']}"
    client.post(f"{url}/submit", json={})
    client.post(f"{url}/approve", json={})
    body = {"purchase_order_line_id": line_id, "quantity": "3", "heat_number": "H1"}
    result = client.post(f"{url}/receive", json=body).json()["result"]
    lot = ctx.get(stock.StockLot, result["stock_lot_id"])
    assert (lot.is_certified, lot.status) == (True, "quarantine")
    assert stock.availability(ctx, steel.id).available == 0
