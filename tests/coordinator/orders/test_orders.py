"""From the customer's paper to the work orders: reception, review, confirmation, workshop."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pypdfium2
import pytest
from fastapi.testclient import TestClient

from coordinator.gateway.app import create_app
from coordinator.kernel.context import ContextFactory, Principal
from coordinator.kernel.jobs import run_pending
from coordinator.modules.execution import api as execution
from coordinator.modules.orders import production, purchase, sales
from coordinator.modules.orders.models import CustomerPo, SalesOrder
from coordinator.modules.orders.priorities import working_days
from coordinator.modules.parties.models import Customer
from coordinator.modules.quoting.engine.values import euros
from coordinator.modules.quoting.models import QuoteLine
from infra.samples.customer_order import OrderedLine, render
from tests.conftest import master, person
from tests.coordinator.orders.shop import Shop, told

Api = Callable[..., Any]
PDF = "application/pdf"


@pytest.mark.requirement("ORD-01", "ORD-02", "ORD-06", "ORD-07", "ORD-08", "ORD-12")
def test_the_whole_way_from_paper_to_work_orders(fresh_factory: ContextFactory) -> None:
    app = create_app(fresh_factory)
    app.state.authenticate = lambda _ctx, _request: master()
    shop = Shop(TestClient(app), fresh_factory)
    file = ("commande.pdf", render(shop.paper()), PDF)
    answer = shop.http.post("/api/v1/customer-pos/receive", files={"file": file})
    assert answer.status_code == 202, answer.text
    po = answer.json()
    assert po["status"] == "received"
    run_pending(fresh_factory, fresh_factory.registry)
    po = shop.get(f"/customer-pos/{po['id']}")
    assert (po["status"], po["po_number"], po["customer_id"]) == (
        "matched",
        "CA-2026-00471",
        shop.customer,
    ), po
    assert po["quote_id"] == shop.quote_id
    assert po["differences"] == []
    assert float(po["match_score"]) >= 0.90

    order_id = shop.post(f"/customer-pos/{po['id']}/confirm")["result"]["sales_order_id"]
    order = shop.get(f"/sales-orders/{order_id}")
    assert order["number"].startswith("CMD-")
    assert order["status"] == "validated"
    assert order["delivery_date_confirmed"] == shop.delivery.isoformat()
    assert Decimal(order["total_excl_tax"]) == 10 * sum(shop.prices)
    assert shop.get(f"/quotes/{shop.quote_id}")["status"] == "accepted"
    assert shop.http.get(f"/api/v1/sales-orders/{order_id}/pdf").content.startswith(b"%PDF")
    filed = {d["document_type"] for d in shop.get("/documents?limit=50")["items"]}
    assert {"quote", "customer_po", "order_acknowledgement"} <= filed

    run_pending(fresh_factory, fresh_factory.registry)
    works = shop.get("/work-orders")["items"]
    assert len(works) == 2
    with fresh_factory.open(master()) as ctx:
        line = sales.lines_of(ctx, order_id)[0]
        [work] = execution.work_orders_of_line(ctx, line.id)
        operations = execution.operations_of(ctx, work.id)
        assert {"inspection", "packaging"} <= {o.operation_type for o in operations}
        assert any(o.operation_type == "turning" and o.machine_id for o in operations)
        quoted = ctx.get(QuoteLine, line.quote_line_id)
        assert operations[0].material is not None
        assert operations[0].material["material_id"] == quoted.material_id
        dead = ctx.session.connection().exec_driver_sql(
            "SELECT handler, last_error FROM outbox_delivery WHERE status <> 'done'"
        )
        assert list(dead) == []


@pytest.mark.requirement("ORD-04")
def test_confirmation_is_a_persons(shop: Shop, api: Api) -> None:
    po = shop.received()
    path = f"/api/v1/customer-pos/{po}/confirm"
    assert api(Principal.service("automate")).post(path).status_code == 403
    assert api(person("orders:read", "orders:update")).post(path).status_code == 403
    assert shop.get("/sales-orders")["total"] == 0


@pytest.mark.requirement("ORD-03")
def test_differences_are_accepted_before_confirmation(shop: Shop) -> None:
    more = [
        OrderedLine("A-100", "Arbre", 12, shop.prices[0], "A"),
        OrderedLine("B-200", "Bloc", 10, shop.prices[1], "A"),
    ]
    po = shop.received(lines=more)
    record = shop.get(f"/customer-pos/{po}")
    assert [d["field"] for d in record["differences"]] == ["quantity"]
    refused = shop.post(f"/customer-pos/{po}/confirm", expect=400)
    assert refused["code"] == "po.differences"
    order = shop.post(f"/customer-pos/{po}/confirm", accept_differences=True)["result"]["sales_order_id"]
    lines = shop.get(f"/sales-order-lines?sales_order_id={order}")["items"]
    assert [Decimal(line["quantity"]) for line in lines] == [12, 10]
    assert shop.get(f"/customer-pos/{po}")["accepted_differences"][0]["field"] == "quantity"


@pytest.mark.requirement("ORD-03", "ORD-04", "QUO-33")
def test_the_customers_own_discount_is_told_then_taken(shop: Shop) -> None:
    gross = sum((price * 10 for price in shop.prices[:2]), Decimal(0))
    off = (gross * Decimal("0.02")).quantize(Decimal("0.01"))
    po = shop.received(under_the_lines=(f"Remise 2 %   -{off}", f"Total HT   {gross - off}"))
    [told] = shop.get(f"/customer-pos/{po}")["differences"]
    assert (told["field"], told["ordered"], told["quoted"]) == ("discount", euros(off), "0,00 €")
    assert shop.post(f"/customer-pos/{po}/confirm", expect=400)["code"] == "po.differences"
    order = shop.post(f"/customer-pos/{po}/confirm", accept_differences=True)["result"]["sales_order_id"]
    assert Decimal(shop.get(f"/sales-orders/{order}")["total_excl_tax"]) == gross - off
    lines = shop.get(f"/sales-order-lines?sales_order_id={order}")["items"]
    assert sum(Decimal(line["discount_excl_tax"]) for line in lines) == off


@pytest.mark.requirement("QUO-32")
def test_the_customers_own_discount_never_goes_under_the_floor(shop: Shop) -> None:
    po = shop.received(under_the_lines=("Remise 50 %",))
    refused = shop.post(f"/customer-pos/{po}/confirm", expect=400, accept_differences=True)
    assert refused["code"] == "order.below_minimum_margin"


@pytest.mark.requirement("ORD-03")
def test_a_new_drawing_revision_needs_a_new_quote(shop: Shop) -> None:
    changed = [
        OrderedLine("A-100", "Arbre", 10, shop.prices[0], "C"),
        OrderedLine("B-200", "Bloc", 10, shop.prices[1], "A"),
    ]
    po = shop.received(lines=changed)
    refused = shop.post(f"/customer-pos/{po}/confirm", expect=400, accept_differences=True)
    assert refused["code"] == "po.blocking_differences"
    assert shop.get(f"/quotes/{shop.quote_id}")["status"] == "sent"


@pytest.mark.requirement("QUO-32")
def test_an_ordered_price_under_the_minimum_margin_is_refused(shop: Shop) -> None:
    cheap = [
        OrderedLine("A-100", "Arbre", 10, Decimal("5.00"), "A"),
        OrderedLine("B-200", "Bloc", 10, shop.prices[1], "A"),
    ]
    po = shop.received(lines=cheap)
    refused = shop.post(f"/customer-pos/{po}/confirm", expect=400, accept_differences=True)
    assert refused["code"] == "order.below_minimum_margin"


@pytest.mark.requirement("QUO-32")
def test_the_supplement_to_the_minimum_order_goes_from_the_quote_to_the_order(
    api: Api, factory: ContextFactory
) -> None:
    shop = Shop(api(master()), factory, minimum=100_000)
    lines = [
        OrderedLine("A-100", "Arbre", 10, shop.prices[0], "A"),
        OrderedLine("B-200", "Bloc", 5, shop.prices[1], "A"),
    ]
    quoted = Decimal(100_000) - 10 * (shop.prices[0] + shop.prices[1])
    copied = OrderedLine("", "Complément au minimum de commande", 1, quoted, "")
    po = shop.received(lines=[*lines, copied])
    record = shop.get(f"/customer-pos/{po}")
    assert record["status"] == "matched", "the supplement is no unknown line"
    assert [d["field"] for d in record["differences"]] == ["quantity"]
    order = shop.post(f"/customer-pos/{po}/confirm", accept_differences=True)["result"]["sales_order_id"]
    found = shop.get(f"/sales-orders/{order}")
    assert Decimal(found["total_excl_tax"]) == 100_000
    assert Decimal(found["supplement_excl_tax"]) == quoted + 5 * shop.prices[1], "fewer pieces lack more"
    assert len(shop.get(f"/sales-order-lines?sales_order_id={order}")["items"]) == 2
    pdf = shop.http.get(f"/api/v1/sales-orders/{order}/pdf").content
    with pypdfium2.PdfDocument(pdf) as paper:
        words = " ".join(page.get_textpage().get_text_bounded() for page in paper)
    assert "Complément au minimum de commande" in words


@pytest.mark.requirement("ORD-45")
def test_nothing_is_dropped_or_guessed(shop: Shop) -> None:
    unknown = shop.received(siret="999 888 777 00012", quote_number="")
    record = shop.get(f"/customer-pos/{unknown}")
    assert (record["status"], record["customer_id"]) == ("to_check", None)
    assert record["check_reason"]
    assert record["candidates"][0]["quote_id"] == shop.quote_id
    assert shop.get("/sales-orders")["total"] == 0
    with shop.factory.open(master()) as ctx:
        unreadable = ctx.add(CustomerPo(file_name="flou.png"))
        purchase.keep(ctx, unreadable, None)
        assert unreadable.status == "to_check"
        ctx.get(CustomerPo, unknown).created_at = ctx.now - dt.timedelta(days=7)
        assert purchase.remind(ctx) == 1
    assigned = shop.post(f"/customer-pos/{unknown}/assign", quote_id=shop.quote_id)["record"]
    assert (assigned["status"], assigned["customer_id"]) == ("matched", shop.customer)
    shop.post(f"/customer-pos/{unknown}/confirm")


@pytest.mark.requirement("ORD-46")
def test_a_number_used_twice_is_blocked_until_a_person_decides(shop: Shop) -> None:
    shop.confirmed()
    again = shop.received()
    record = shop.get(f"/customer-pos/{again}")
    assert record["status"] == "to_check"
    assert "Doublon" in record["check_reason"]
    shop.post(f"/customer-pos/{again}/assign", quote_id=shop.quote_id)
    refused = shop.post(f"/customer-pos/{again}/confirm", expect=409)
    assert refused["code"] in {"po.duplicate", "po.quote_ordered"}


@pytest.mark.requirement("ORD-53")
def test_a_failure_leaves_nothing_behind(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    po = shop.received()

    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("paper machine broken")

    monkeypatch.setattr(sales, "file_acknowledgement", fail)
    with pytest.raises(RuntimeError):
        shop.http.post(f"/api/v1/customer-pos/{po}/confirm", json={})
    assert shop.get("/sales-orders")["total"] == 0
    assert shop.get(f"/quotes/{shop.quote_id}")["status"] == "sent"
    monkeypatch.undo()
    order = shop.post(f"/customer-pos/{po}/confirm")["result"]
    assert order["number"].endswith("-0001"), "no number was consumed"


@pytest.mark.requirement("ORD-05")
def test_forced_orders_need_right_reason_and_stay_visible(shop: Shop, api: Api) -> None:
    body = {"quote_id": shop.quote_id, "forced_reason": "Accord téléphonique de M. Martin"}
    refused = api(person("orders:*")).post("/api/v1/sales-orders/open-forced", json=body)
    assert refused.status_code == 403
    order_id = shop.post("/sales-orders/open-forced", **body)["sales_order_id"]
    order = shop.get(f"/sales-orders/{order_id}")
    assert order["is_forced"]
    assert (order["status"], order["customer_po_id"]) == ("pending", None)
    history = shop.http.get(f"/api/v1/sales-orders/{order_id}/history").json()
    assert any(line["action"] == "open_forced" for line in history)
    with shop.factory.open(master()) as ctx:
        record = ctx.get(SalesOrder, order_id)
        ctx.now = ctx.now + dt.timedelta(days=30)
        record.order_date = ctx.now.date()
        while working_days(record.order_date, ctx.now.date()) < 3:
            ctx.now += dt.timedelta(days=1)
        assert sales.remind_forced(ctx) == 1


@pytest.mark.requirement("ORD-05")
def test_defence_orders_are_never_forced(api: Api, factory: ContextFactory) -> None:
    shop = Shop(api(master()), factory, criticality="aerospace")
    body = {"quote_id": shop.quote_id, "forced_reason": "Accord téléphonique"}
    assert shop.post("/sales-orders/open-forced", expect=400, **body)["code"] == "order.forced_defence"


@pytest.mark.requirement("CRM-06")
def test_a_customer_on_hold_needs_a_manager(shop: Shop, api: Api) -> None:
    po = shop.received()
    with shop.factory.open(master()) as ctx:
        ctx.get(Customer, shop.customer).status = "on_hold"
    path = f"/api/v1/customer-pos/{po}/confirm"
    assert api(person("orders:*")).post(path).status_code == 403
    assert api(person("orders:*", "crm:validate")).post(path).status_code == 200


@pytest.mark.requirement("ORD-09", "ORD-16")
def test_cancelling_needs_a_reason_and_stops_the_work(shop: Shop) -> None:
    order_id = shop.confirmed()
    with shop.factory.open(master()) as ctx:
        production.on_validated(ctx, told(order_id))
        line = sales.lines_of(ctx, order_id)[0].id
    assert shop.http.post(f"/api/v1/sales-orders/{order_id}/cancel").status_code == 422
    shop.post(f"/sales-orders/{order_id}/cancel", reason="Le client renonce")
    with shop.factory.open(master()) as ctx:
        assert [w.status for w in execution.work_orders_of_line(ctx, line)] == ["cancelled"]
    back = shop.post(f"/sales-orders/{order_id}/close", expect=409)
    assert back["code"] == "lifecycle.illegal_transition"


@pytest.mark.requirement("ORD-10")
def test_overdue_orders_get_their_label(shop: Shop) -> None:
    order_id = shop.confirmed()
    with shop.factory.open(master()) as ctx:
        order = ctx.get(SalesOrder, order_id)
        order.delivery_date_confirmed = ctx.now.date() - dt.timedelta(days=1)
        ctx.session.flush()
        assert sales.refresh_priorities(ctx) == 1
        assert order.priority == "overdue_urgent"
        assert sales.refresh_priorities(ctx) == 0
