"""Goods no order line takes are kept in quarantine and settled by a person; a queued receipt counts once, at its own time."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.kernel.models import Task
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.identity.seeds import GRANTS
from coordinator.modules.parties.models import Supplier
from coordinator.modules.purchasing.models import GoodsReceipt, GoodsReceiptLine, PurchaseOrder
from coordinator.modules.stock import api as stock
from tests.conftest import master, person
from tests.coordinator.purchasing.test_label_receipts import label, ordered

Api = Callable[..., Any]
ASIDE = "/api/v1/goods-receipts/set-aside"
JPEG = b"\xff\xd8\xff\xe0" + b"photo" * 20


@pytest.fixture
def supplier(ctx: Context) -> Supplier:
    return ctx.add(Supplier(code="F-9", name="Aciers du Perche"))


@pytest.fixture
def item(ctx: Context) -> StockItem:
    return ctx.add(StockItem(code="ROND-30", name="Rond 30", item_kind="material", unit="pce"))


def tasks(ctx: Context) -> list[Task]:
    query = select(Task).where(Task.kind == "purchasing.set_aside").order_by(Task.id)
    return list(ctx.session.scalars(query))


def scanned(
    contents: list[str] | None = None, *, uid: uuid.UUID | None = None, minutes_ago: int = 90, **more: Any
) -> dict[str, Any]:
    at = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes_ago)
    payload = {"contents": contents or [], "quantity": 10, **more}
    return {
        "uid": str(uid or uuid.uuid4()),
        "type": "goods.received",
        "occurred_at": at.isoformat(),
        "payload": payload,
    }


def sent(client: Any, *events: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.post("/api/v1/shop-events", json={"events": list(events)})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


@pytest.mark.requirement("CRM-49")
def test_goods_without_order_wait_in_quarantine_with_a_photo(
    api: Api, ctx: Context, supplier: Supplier, item: StockItem
) -> None:
    client = api(master())
    done = client.post(ASIDE, json={"stock_item_id": item.id, "quantity": "4", "heat_number": "H7"})
    assert done.status_code == 200, done.text
    answer = done.json()
    answer = answer.get("result", answer)
    lot = ctx.get(stock.StockLot, answer["stock_lot_id"])
    assert (lot.status, lot.heat_number, stock.on_hand(ctx, item.id)) == ("quarantine", "H7", Decimal(4))
    (task,) = tasks(ctx)
    assert (task.role_code, task.status) == ("purchasing", "open")
    assert "ROND-30" in task.title
    assert "Sans commande" in task.title
    url = f"/api/v1/goods-receipts/{answer['uid']}/photo"
    assert (
        client.post(url, files={"file": ("p.txt", b"x", "text/plain")}).json()["code"] == "receipt.photo_kind"
    )
    assert client.post(url, files={"file": ("p.jpg", JPEG, "image/jpeg")}).status_code == 200
    shown = client.get(url)
    assert (shown.content, shown.headers["content-type"]) == (JPEG, "image/jpeg")
    line = ordered(
        ctx, supplier, "BCF-2026-0101", "ROND-30", 4, certificate_type="3.1", unit_price=Decimal(5)
    )
    settle = f"/api/v1/goods-receipts/{answer['goods_receipt_id']}/settle"
    assert client.post(settle, json={"purchase_order_line_id": line.id}).status_code == 200
    ctx.session.expire_all()
    assert (line.received_qty, ctx.get(PurchaseOrder, line.purchase_order_id).status) == (
        Decimal(4),
        "received",
    )
    assert (lot.supplier_id, lot.is_certified, lot.status) == (supplier.id, True, "quarantine")
    assert stock.on_hand(ctx, item.id) == 4
    assert tasks(ctx)[0].status == "done"
    assert client.post(settle, json={"purchase_order_line_id": line.id}).status_code == 409


@pytest.mark.requirement("CRM-49")
def test_an_unknown_article_enters_stock_once_somebody_names_it(
    api: Api, ctx: Context, supplier: Supplier
) -> None:
    client, text = api(master()), label("1PXYZ-77", more="\x1d3SPK-5")
    done = client.post(ASIDE, json={"label": [text], "quantity": "6"}).json()
    done = done.get("result", done)
    assert (done["set_aside_reason"], done["stock_lot_id"]) == ("unknown_article", None)
    kept = ctx.session.scalars(select(GoodsReceiptLine)).one()
    assert (kept.result, kept.description, kept.label_content) == ("quarantine", "XYZ-77", text)
    again = client.post(ASIDE, json={"label": [text], "quantity": "6"})
    assert again.json()["code"] == "label.received"
    line = ordered(ctx, supplier, "BCF-2026-0110", "PL-X", 20)
    settle = f"/api/v1/goods-receipts/{done['goods_receipt_id']}/settle"
    assert client.post(settle, json={}).json()["code"] == "receipt.nothing_chosen"
    body = {"purchase_order_line_id": line.id}
    assert client.post(settle, json=body).json()["code"] == "label.unknown_part"
    assert client.post(settle, json=body | {"tie_part": True}).status_code == 200
    assert stock.on_hand(ctx, line.stock_item_id or 0) == 6
    ctx.session.expire_all()
    assert ctx.get(stock.StockLot, kept.stock_lot_id).status == "quarantine"


@pytest.mark.requirement("CRM-49")
def test_a_missing_certificate_is_told_to_purchasing(api: Api, ctx: Context, supplier: Supplier) -> None:
    line = ordered(ctx, supplier, "BCF-2026-0120", "42CD4-30", 10, certificate_type="3.1")
    url = f"/api/v1/purchase-orders/{line.purchase_order_id}/receive"
    body = {"purchase_order_line_id": line.id, "quantity": "5"}
    with_paper = body | {"certificate_number": "C-1", "heat_number": "H1"}
    assert api(master()).post(url, json=with_paper).json()["result"]["set_aside_reason"] is None
    assert tasks(ctx) == []
    done = api(master()).post(url, json=body).json()["result"]
    assert done["set_aside_reason"] == "no_certificate"
    assert ctx.get(stock.StockLot, done["stock_lot_id"]).status == "quarantine"
    assert "Certificat manquant" in tasks(ctx)[0].title
    results = list(ctx.session.scalars(select(GoodsReceiptLine.result).order_by(GoodsReceiptLine.id)))
    assert results == ["accepted", "quarantine"]


@pytest.mark.requirement("CRM-50")
def test_a_queued_receipt_counts_once_and_at_its_own_time(api: Api, ctx: Context, supplier: Supplier) -> None:
    line = ordered(ctx, supplier, "BCF-2026-0130", "VIS-M6", 40)
    other = ordered(ctx, supplier, "BCF-2026-0131", "VIS-M8", 40)
    event = scanned([label("PVIS-M6", order="BCF-2026-0130", more="\x1d3SA1")])
    client = api(master())
    assert sent(client, event)[0]["result"] == "done"
    assert sent(client, event, scanned([label("PVIS-M8", more="\x1d3SA2")]))[0]["result"] == "duplicate"
    ctx.session.expire_all()
    assert (line.received_qty, other.received_qty) == (Decimal(10), Decimal(10))
    receipt = ctx.session.scalars(select(GoodsReceipt).order_by(GoodsReceipt.id)).first()
    assert receipt is not None
    assert receipt.received_at == dt.datetime.fromisoformat(event["occurred_at"])
    moved = ctx.session.scalars(
        select(stock.StockMovement).where(stock.StockMovement.uid == uuid.UUID(event["uid"]))
    ).one()
    assert (moved.kind, moved.occurred_at, moved.quantity) == ("receipt", receipt.received_at, Decimal(10))
    # The same package noted on a second phone is no second delivery.
    twice = sent(client, scanned([label("PVIS-M6", order="BCF-2026-0130", more="\x1d3SA1")]))[0]
    assert (twice["result"], twice["code"]) == ("refused", "label.received")
    assert stock.on_hand(ctx, line.stock_item_id or 0) == 10


@pytest.mark.requirement("CRM-49", "CRM-50")
def test_what_a_queue_leaves_in_doubt_is_set_aside(api: Api, ctx: Context, supplier: Supplier) -> None:
    first = ordered(ctx, supplier, "BCF-2026-0140", "VIS-M6", 12)
    ordered(ctx, supplier, "BCF-2026-0141", "VIS-M6", 12)
    client = api(master())
    two_lines = sent(client, scanned([label("PVIS-M6", more="\x1d3SB1")]))[0]
    assert (two_lines["result"], two_lines["code"]) == ("review", "receipt.no_order")
    assert "quarantaine" in two_lines["message"]
    chosen = scanned([label("PVIS-M6", order="BCF-2026-0140")], purchase_order_line_id=first.id)
    assert sent(client, chosen)[0]["result"] == "done"
    alike = sent(client, scanned([label("PVIS-M6", order="BCF-2026-0140")], purchase_order_line_id=first.id))[
        0
    ]
    assert alike["code"] in {"receipt.alike", "receipt.excess"}
    no_label = sent(client, scanned([], description="Carton sans étiquette"))[0]
    assert no_label["code"] == "receipt.unknown_article"
    broken = sent(client, scanned(["[)>\x1e06\x1dPVIS-M6\x1dQ10"]))[0]
    assert broken["code"] == "receipt.unknown_article"
    assert len(tasks(ctx)) == 4
    ctx.session.expire_all()
    assert first.received_qty == 10


def test_an_equal_label_from_a_queue_is_not_booked_twice_before_a_person_says_so(
    api: Api, ctx: Context, supplier: Supplier
) -> None:
    line = ordered(ctx, supplier, "BCF-2026-0150", "VIS-M6", 100)
    client, text = api(master()), label("PVIS-M6")
    assert sent(client, scanned([text]))[0]["result"] == "done"
    assert sent(client, scanned([text]))[0]["code"] == "receipt.alike"
    assert sent(client, scanned([text]))[0]["code"] == "receipt.alike"
    assert stock.on_hand(ctx, line.stock_item_id or 0) == 10
    second, third = ctx.session.scalars(
        select(GoodsReceipt).where(GoodsReceipt.set_aside_reason == "alike").order_by(GoodsReceipt.id)
    )
    url = "/api/v1/goods-receipts"
    settled = client.post(f"{url}/{second.id}/settle", json={"purchase_order_line_id": line.id})
    assert settled.status_code == 200, settled.text
    assert client.post(f"{url}/{third.id}/dismiss", json={}).status_code == 200
    assert stock.on_hand(ctx, line.stock_item_id or 0) == 20
    assert client.post(f"{url}/{third.id}/dismiss", json={}).status_code == 409


def test_a_noted_quantity_is_in_the_unit_of_the_label(api: Api, ctx: Context, supplier: Supplier) -> None:
    line = ordered(ctx, supplier, "BCF-2026-0160", "ROND-40", 6000, unit="mm")
    client = api(master())
    metres = label("PROND-40", quantity="3", more="\x1d3QMTR\x1d3SM1")
    assert sent(client, scanned([metres], quantity=3))[0]["result"] == "done"
    assert stock.on_hand(ctx, line.stock_item_id or 0) == 3000
    kilos = label("PROND-40", quantity="3", more="\x1d3QKGM\x1d3SM2")
    assert sent(client, scanned([kilos], quantity=3))[0]["result"] == "review"
    assert stock.on_hand(ctx, line.stock_item_id or 0) == 3000


@pytest.mark.requirement("CRM-44")
def test_who_receives_neither_orders_nor_decides_what_fits_no_order(
    api: Api, ctx: Context, supplier: Supplier, item: StockItem
) -> None:
    assert {role for role, letters in GRANTS["purchasing"].items() if "C" in letters} == {"purchasing"}
    assert "V" not in GRANTS["purchasing"]["purchasing"]
    assert (GRANTS["purchasing"]["storekeeper"], GRANTS["stock"]["storekeeper"]) == ("R", "RCUVX")
    storekeeper = api(person("stock:read", "stock:create", "purchasing:read"))
    done = storekeeper.post(ASIDE, json={"stock_item_id": item.id, "quantity": "1"})
    assert done.status_code == 200
    receipt = ctx.session.scalars(select(GoodsReceipt)).one()
    for act in ("settle", "dismiss"):
        assert storekeeper.post(f"/api/v1/goods-receipts/{receipt.id}/{act}", json={}).status_code == 403
    assert storekeeper.post("/api/v1/purchase-orders", json={"supplier_id": supplier.id}).status_code == 403
    body = {"name": "X", "row_version": supplier.row_version}
    assert storekeeper.patch(f"/api/v1/suppliers/{supplier.id}", json=body).status_code == 403


def test_receiving_needs_the_right(api: Api, ctx: Context, item: StockItem) -> None:
    reader = api(person("purchasing:read", "time_tracking:create"))
    assert reader.post(ASIDE, json={"stock_item_id": item.id, "quantity": "1"}).status_code == 403
    assert sent(reader, scanned([], description="Carton"))[0]["result"] == "refused"
    assert ctx.session.scalar(select(func.count()).select_from(GoodsReceipt)) == 0
    storekeeper = api(person("stock:create"))
    assert sent(storekeeper, scanned([], description="Carton"))[0]["code"] == "receipt.unknown_article"
    work = scanned([]) | {"type": "breakdown.reported", "payload": {"machine_code": "M1", "comment": "Panne"}}
    assert storekeeper.post("/api/v1/shop-events", json={"events": [work]}).status_code == 403
    empty = storekeeper.post(ASIDE, json={"quantity": "1"})
    assert empty.json()["code"] == "receipt.nothing_said"
