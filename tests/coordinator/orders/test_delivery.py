"""Delivery notes: what may leave, how much, and what stays as it was shipped."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from coordinator.modules.execution import api as execution
from coordinator.modules.orders import production, sales
from tests.conftest import master, person
from tests.coordinator.orders.shop import Shop, told

Api = Callable[..., Any]


@pytest.mark.requirement("ORD-09", "ORD-24", "ORD-25", "ORD-26")
def test_partial_deliveries_until_the_order_is_delivered(shop: Shop) -> None:
    order_id = shop.confirmed()
    with shop.factory.open(master()) as ctx:
        production.on_validated(ctx, told(order_id))
        production.on_validated(ctx, told(order_id))
        first, second = sales.lines_of(ctx, order_id)
        assert len(execution.work_orders_of_line(ctx, first.id)) == 1, "told twice, made once"
        ids = first.id, second.id
    nothing = shop.post(f"/sales-orders/{order_id}/create-delivery-note", expect=400)
    assert nothing["code"] == "delivery.nothing"
    _produce(shop, ids[0], 6)
    note = shop.post(f"/sales-orders/{order_id}/create-delivery-note")["result"]["delivery_note_id"]
    blocked = shop.post(f"/delivery-notes/{note}/ship", expect=400)
    assert blocked["code"] == "delivery.blocked"
    assert "contrôle" in blocked["missing"][0]
    _inspect(shop, ids[0])
    shipped = shop.post(f"/delivery-notes/{note}/ship", carrier="Transports Durand")["record"]
    assert shipped["status"] == "shipped"
    assert shop.http.get(f"/api/v1/delivery-notes/{note}/pdf").content.startswith(b"%PDF")
    progress = shop.get(f"/sales-orders/{order_id}/progress")["lines"][0]
    assert [Decimal(progress[k]) for k in ("ordered", "produced", "delivered", "available")] == [10, 6, 6, 0]
    assert shop.get(f"/sales-orders/{order_id}")["status"] == "validated"
    too_much = {"lines": [{"sales_order_line_id": ids[0], "quantity": "5"}]}
    refused = shop.post(f"/sales-orders/{order_id}/create-delivery-note", expect=400, **too_much)
    assert refused["code"] == "delivery.too_much"
    _produce(shop, ids[0], 10)
    _produce(shop, ids[1], 10)
    _inspect(shop, ids[1])
    note = shop.post(f"/sales-orders/{order_id}/create-delivery-note")["result"]["delivery_note_id"]
    shop.post(f"/delivery-notes/{note}/ship")
    assert shop.get(f"/sales-orders/{order_id}")["status"] == "delivered"
    events = _events(shop)
    assert events.count("delivery_note.shipped") == 2
    assert events.count("sales_order.delivered") == 1


@pytest.mark.requirement("ORD-26")
def test_rows_of_one_note_are_counted_together(shop: Shop) -> None:
    order_id = shop.confirmed()
    with shop.factory.open(master()) as ctx:
        line = sales.lines_of(ctx, order_id)[0].id
    twice: dict[str, Any] = {"lines": [{"sales_order_line_id": line, "quantity": "6"}] * 2}
    refused = shop.post(f"/sales-orders/{order_id}/create-delivery-note", expect=400, **twice)
    assert refused["code"] == "delivery.too_much"
    with shop.factory.open(master()) as ctx:
        production.on_validated(ctx, told(order_id))
    _produce(shop, line, 6)
    _inspect(shop, line)
    halves: dict[str, Any] = {"lines": [{"sales_order_line_id": line, "quantity": "5"}] * 2}
    note = shop.post(f"/sales-orders/{order_id}/create-delivery-note", **halves)["result"]["delivery_note_id"]
    assert shop.post(f"/delivery-notes/{note}/ship", expect=400)["code"] == "delivery.not_produced"
    row = shop.get(f"/delivery-note-lines?delivery_note_id={note}")["items"][0]
    shop.post(f"/delivery-note-lines/{row['id']}/remove")
    assert shop.post(f"/delivery-notes/{note}/ship")["record"]["status"] == "shipped"


@pytest.mark.requirement("ORD-25")
def test_a_row_hides_neither_an_open_inspection_nor_another_part(shop: Shop) -> None:
    order_id = shop.confirmed()
    with shop.factory.open(master()) as ctx:
        production.on_validated(ctx, told(order_id))
        first, second = (line.id for line in sales.lines_of(ctx, order_id))
    _produce(shop, first, 10)
    _produce(shop, second, 10)
    _inspect(shop, second)
    with shop.factory.open(master()) as ctx:
        other = execution.lot_of(ctx, execution.work_orders_of_line(ctx, second)[0].id).id
    foreign: dict[str, Any] = {
        "lines": [{"sales_order_line_id": first, "quantity": "1", "part_lot_id": other}]
    }
    refused = shop.post(f"/sales-orders/{order_id}/create-delivery-note", expect=400, **foreign)
    assert refused["code"] == "delivery.other_lot"
    own: dict[str, Any] = {"lines": [{"sales_order_line_id": second, "quantity": "1"}]}
    note = shop.post(f"/sales-orders/{order_id}/create-delivery-note", **own)["result"]["delivery_note_id"]
    shop.post("/delivery-note-lines", delivery_note_id=note, sales_order_line_id=first, quantity="1")
    assert "contrôle" in shop.post(f"/delivery-notes/{note}/ship", expect=400)["missing"][0]


@pytest.mark.requirement("ORD-25")
def test_a_shipped_row_stays_where_it_is(shop: Shop) -> None:
    order_id = shop.confirmed()
    notes = []
    for quantity in ("4", "1"):
        with shop.factory.open(master()) as ctx:
            line = sales.lines_of(ctx, order_id)[0].id
        rows: dict[str, Any] = {"lines": [{"sales_order_line_id": line, "quantity": quantity}]}
        made = shop.post(f"/sales-orders/{order_id}/create-delivery-note", **rows)["result"]
        notes.append(made["delivery_note_id"])
    shop.post(f"/delivery-notes/{notes[0]}/ship")
    row = shop.get(f"/delivery-note-lines?delivery_note_id={notes[0]}")["items"][0]
    url = f"/api/v1/delivery-note-lines/{row['id']}"
    moved = shop.http.patch(url, json={"row_version": row["row_version"], "delivery_note_id": notes[1]})
    assert (moved.status_code, moved.json()["code"]) == (400, "record.moved")
    assert shop.http.delete(url).status_code in (404, 405)
    assert shop.post(f"/delivery-note-lines/{row['id']}/remove", expect=409)["code"] == "delivery.closed"


def _produce(shop: Shop, line_id: int, quantity: int) -> None:
    with shop.factory.open(master()) as ctx:
        [work] = execution.work_orders_of_line(ctx, line_id)
        execution.lot_of(ctx, work.id).quantity = Decimal(quantity)


def _inspect(shop: Shop, line_id: int) -> None:
    with shop.factory.open(master()) as ctx:
        [work] = execution.work_orders_of_line(ctx, line_id)
        for operation in execution.operations_of(ctx, work.id):
            operation.status = "done"


def _events(shop: Shop) -> list[str]:
    with shop.factory.open(master()) as ctx:
        rows = ctx.session.connection().exec_driver_sql("SELECT event_type FROM outbox_event")
        return [row[0] for row in rows]


def test_a_certificate_blocks_until_quality_decides(shop: Shop, api: Api) -> None:
    order_id = shop.confirmed()
    with shop.factory.open(master()) as ctx:
        for line in sales.lines_of(ctx, order_id):
            line.certificate_required = True
    note = shop.post(f"/sales-orders/{order_id}/create-delivery-note")["result"]["delivery_note_id"]
    assert shop.post(f"/delivery-notes/{note}/ship", expect=400)["code"] == "delivery.blocked"
    decision = {"quality_decision": "Certificat reçu par mail, joint demain"}
    seller = api(person("orders:*")).post(f"/api/v1/delivery-notes/{note}/ship", json=decision)
    assert seller.status_code == 403
    manager = api(person("orders:*", "quality:validate")).post(
        f"/api/v1/delivery-notes/{note}/ship", json=decision
    )
    assert manager.status_code == 200, manager.text
    assert manager.json()["record"]["quality_decision"] == decision["quality_decision"]
