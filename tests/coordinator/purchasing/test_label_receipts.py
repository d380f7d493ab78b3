"""A label proposes an order line, a person confirms, and the same label does not receive twice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.modules.catalogue.models import StockItem, SupplierItem
from coordinator.modules.parties.models import Supplier
from coordinator.modules.purchasing.models import GoodsReceiptLine, PurchaseOrder, PurchaseOrderLine
from coordinator.modules.stock import api as stock
from tests.conftest import master, person

Api = Callable[..., Any]
READ = "/api/v1/goods-receipts/read-label"


def ordered(
    ctx: Context, supplier: Supplier, number: str, code: str, quantity: int, **line: Any
) -> PurchaseOrderLine:
    item = ctx.session.scalars(select(StockItem).where(StockItem.code == code)).one_or_none() or ctx.add(
        StockItem(code=code, name=f"Article {code}", item_kind="material", unit=line.pop("unit", "pce"))
    )
    order = ctx.add(PurchaseOrder(number=number, supplier_id=supplier.id, status="sent"))
    return ctx.add(
        PurchaseOrderLine(
            purchase_order_id=order.id,
            stock_item_id=item.id,
            description=code,
            quantity=Decimal(quantity),
            **line,
        )
    )


def label(part: str, *, order: str = "", quantity: str = "10", more: str = "") -> str:
    named = f"\x1dK{order}" if order else ""
    return f"[)>\x1e06\x1d{part}\x1dQ{quantity}\x1d1TL-88\x1dHC4471{named}{more}\x1e\x04"


@pytest.fixture
def supplier(ctx: Context) -> Supplier:
    return ctx.add(Supplier(code="F-9", name="Aciers du Perche"))


@pytest.mark.requirement("CRM-38", "STK-25", "TRC-13")
def test_a_label_proposes_and_is_received_once(api: Api, ctx: Context, supplier: Supplier) -> None:
    other = ordered(ctx, supplier, "BCF-2026-0011", "42CD4-30", 50)
    line = ordered(ctx, supplier, "BCF-2026-0012", "42CD4-30", 10, certificate_type="3.1")
    client = api(master())
    text = label("P42cd4-30", order="BCF 2026/0012", more="\x1d3SPK-1")
    found = client.post(READ, json={"contents": [text]}).json()
    assert [choice["order"] for choice in found["choices"]] == ["BCF-2026-0012", "BCF-2026-0011"]
    best = found["choices"][0]
    assert (best["purchase_order_line_id"], best["quantity"], best["warnings"]) == (line.id, "10", [])
    assert "autre commande" in found["choices"][1]["warnings"][0]
    assert (found["lot"], found["heat_number"], found["already"]) == ("L-88", "C4471", None)
    body = {
        "purchase_order_line_id": line.id,
        "quantity": "10",
        "label": [text],
        "certificate_number": "CERT-5",
    }
    url = f"/api/v1/purchase-orders/{best['purchase_order_id']}/receive"
    done = client.post(url, json=body)
    assert done.status_code == 200, done.text
    lot = ctx.get(stock.StockLot, done.json()["result"]["stock_lot_id"])
    assert (lot.heat_number, lot.supplier_lot, lot.certificate_number) == ("C4471", "L-88", "CERT-5")
    assert lot.status == "quarantine"
    again = client.post(READ, json={"contents": [text]}).json()["already"]
    assert not again["repeatable"]
    assert "déjà reçu" in again["message"]
    elsewhere = f"/api/v1/purchase-orders/{other.purchase_order_id}/receive"
    twice = client.post(elsewhere, json=body | {"purchase_order_line_id": other.id, "another_package": True})
    assert (twice.status_code, twice.json()["code"]) == (409, "label.received")
    assert stock.on_hand(ctx, line.stock_item_id or 0) == 10


def test_equal_labels_of_two_packages_need_a_word(api: Api, ctx: Context, supplier: Supplier) -> None:
    line = ordered(ctx, supplier, "BCF-2026-0020", "VIS-M6", 40)
    client, text = api(master()), label("PVIS-M6", quantity="20")
    url = f"/api/v1/purchase-orders/{line.purchase_order_id}/receive"
    body = {"purchase_order_line_id": line.id, "quantity": "20", "label": text}
    assert client.post(url, json=body).status_code == 200
    second = client.post(url, json=body).json()
    assert (second["code"], second["needs_confirmation"]) == ("label.received_alike", True)
    assert client.post(url, json=body | {"another_package": True}).status_code == 200
    assert stock.on_hand(ctx, line.stock_item_id or 0) == 40


def test_what_keeps_for_days_only_gets_its_date_with_the_order_too(
    api: Api, ctx: Context, supplier: Supplier
) -> None:
    line = ordered(ctx, supplier, "BCF-2026-0022", "COLLE-1", 20)
    ctx.get(StockItem, line.stock_item_id).shelf_life_days = 30
    ctx.session.flush()
    url = f"/api/v1/purchase-orders/{line.purchase_order_id}/receive"
    body = {"purchase_order_line_id": line.id, "quantity": "10"}
    for label_text, expected in (
        (None, ctx.now.date() + dt.timedelta(days=30)),
        (label("PCOLLE-1", more="\x1d14D20300131"), dt.date(2030, 1, 31)),
    ):
        done = api(master()).post(url, json=body | ({"label": label_text} if label_text else {}))
        assert done.status_code == 200, done.text
        lot = ctx.get(stock.StockLot, done.json()["result"]["stock_lot_id"])
        assert lot.expires_on == expected


def test_a_rejected_package_may_come_again(api: Api, ctx: Context, supplier: Supplier) -> None:
    line = ordered(ctx, supplier, "BCF-2026-0021", "VIS-M8", 20)
    client, text = api(master()), label("PVIS-M8", more="\x1d3SX1")
    url = f"/api/v1/purchase-orders/{line.purchase_order_id}/receive"
    body = {"purchase_order_line_id": line.id, "quantity": "10", "label": [text]}
    assert client.post(url, json=body | {"result": "rejected"}).status_code == 200
    assert client.post(url, json=body).status_code == 200


@pytest.mark.requirement("CRM-38")
def test_an_unknown_reference_is_tied_once_and_remembered(api: Api, ctx: Context, supplier: Supplier) -> None:
    first = ordered(ctx, supplier, "BCF-2026-0030", "PL-CNMG", 10)
    ordered(ctx, supplier, "BCF-2026-0031", "PL-DNMG", 10)
    client, text = api(master()), "]d2010400638133393110L1\x1d3010"
    unknown = client.post(READ, json={"contents": [text]}).json()
    assert (unknown["known_part"], unknown["can_tie"], len(unknown["choices"])) == (False, True, 2)
    url = f"/api/v1/purchase-orders/{first.purchase_order_id}/receive"
    body = {"purchase_order_line_id": first.id, "quantity": "4", "label": [text]}
    refused = client.post(url, json=body).json()
    assert (refused["code"], refused["needs_confirmation"]) == ("label.unknown_part", True)
    assert client.post(url, json=body | {"tie_part": True}).status_code == 200
    tied = ctx.session.scalars(select(SupplierItem)).one()
    assert (tied.supplier_id, tied.stock_item_id) == (supplier.id, first.stock_item_id)
    known = client.post(READ, json={"contents": ["(01)04006381333931(10)L2(30)6"]}).json()
    assert known["known_part"]
    assert [choice["order"] for choice in known["choices"]] == ["BCF-2026-0030"]


def test_a_label_of_another_article_is_refused(api: Api, ctx: Context, supplier: Supplier) -> None:
    line = ordered(ctx, supplier, "BCF-2026-0040", "PL-A", 10)
    ordered(ctx, supplier, "BCF-2026-0041", "PL-B", 10)
    body = {"purchase_order_line_id": line.id, "quantity": "10", "label": [label("PPL-B")], "tie_part": True}
    answer = api(master()).post(f"/api/v1/purchase-orders/{line.purchase_order_id}/receive", json=body)
    assert answer.json()["code"] == "label.other_item"
    assert ctx.session.scalar(select(func.count()).select_from(GoodsReceiptLine)) == 0


def test_quantities_come_in_the_articles_unit(api: Api, ctx: Context, supplier: Supplier) -> None:
    ordered(ctx, supplier, "BCF-2026-0050", "ROND-40", 6000, unit="mm")
    client = api(master())
    metres = client.post(READ, json={"contents": [label("PROND-40", quantity="3", more="\x1d3QMTR")]})
    assert metres.json()["choices"][0]["quantity"] == "3000"
    kilos = client.post(READ, json={"contents": [label("PROND-40", quantity="3", more="\x1d3QKGM")]})
    choice = kilos.json()["choices"][0]
    assert choice["quantity"] is None
    assert "3 kg" in choice["warnings"][0]


def test_refusals_are_in_french_and_need_the_right(api: Api) -> None:
    answer = api(master()).post(READ, json={"contents": ["[)>\x1e06\x1dP42\x1dQ10"]})
    assert (answer.status_code, answer.json()["code"]) == (400, "label.truncated")
    assert "Scannez-la de nouveau" in answer.json()["detail"]
    assert api(person("purchasing:read")).post(READ, json={"contents": ["P42"]}).status_code == 403
