"""From the customer's paper to the delivery: reception, review, confirmation, workshop, shipment."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pypdfium2
import pytest
from fastapi.testclient import TestClient

from coordinator.gateway.app import create_app
from coordinator.kernel.context import ContextFactory, Principal
from coordinator.kernel.jobs import run_pending
from coordinator.kernel.models import Setting
from coordinator.kernel.outbox import Event
from coordinator.modules.execution import api as execution
from coordinator.modules.orders import production, purchase, sales
from coordinator.modules.orders.models import CustomerPo, SalesOrder
from coordinator.modules.orders.po_reading import recognise
from coordinator.modules.orders.priorities import working_days
from coordinator.modules.parties.models import Customer
from coordinator.modules.quoting.models import QuoteLine
from infra.samples.customer_order import CustomerOrder, OrderedLine, render
from tests.conftest import master, person
from tests.coordinator.quoting import workshop
from tests.coordinator.quoting.engine.samples import BLOCK, SHAFT

Api = Callable[..., Any]
PDF = "application/pdf"


class Shop:
    """A sent quote for two parts, and an HTTP client."""

    def __init__(
        self, http: Any, factory: ContextFactory, *, criticality: str = "standard", minimum: int = 0
    ) -> None:
        self.http, self.factory = http, factory
        with factory.open(master()) as ctx:
            if minimum:
                ctx.add(Setting(key="quoting.minimum_order_value", scope="global", value=minimum))
            workshop.build(ctx)
            self.customer = workshop.customer(ctx).id
            analyses = [workshop.validated(ctx, reading, self.customer).id for reading in (SHAFT, BLOCK)]
        quote = self.post("/quotes", customer_id=self.customer)
        self.quote_id, self.quote_number = quote["id"], quote["number"]
        for analysis in analyses:
            self.post(
                "/quote-lines",
                quote_id=self.quote_id,
                drawing_analysis_id=analysis,
                quantity=10,
            )
        for action in ("compute", "submit"):
            self.post(f"/quotes/{self.quote_id}/{action}")
        self.post(f"/quotes/{self.quote_id}/approve", accept_to_confirm=True)
        self.post(f"/quotes/{self.quote_id}/send")
        with factory.open(master()) as ctx:
            for line in ctx.session.query(QuoteLine).filter_by(quote_id=self.quote_id):
                line.criticality = criticality
        sheet = self.get(f"/quotes/{self.quote_id}/sheet")
        self.prices = [
            Decimal(line["unit_price_excl_tax"]).quantize(Decimal("0.01")) for line in sheet["lines"]
        ]
        self.delivery = dt.date.fromisoformat(
            next(s for s in sheet["scenarios"] if s["id"] == sheet["quote"]["selected_scenario_id"])[
                "delivery_date"
            ]
        )

    def post(self, path: str, expect: int | None = None, **body: Any) -> dict[str, Any]:
        answer = self.http.post(f"/api/v1{path}", json=body)
        assert answer.status_code == expect if expect else answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def get(self, path: str) -> dict[str, Any]:
        answer = self.http.get(f"/api/v1{path}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def paper(self, **changes: Any) -> CustomerOrder:
        values: dict[str, Any] = {
            "number": "CA-2026-00471",
            "on": dt.date(2026, 11, 20),
            "lines": [
                OrderedLine("A-100", "Arbre", 10, self.prices[0], "A"),
                OrderedLine("B-200", "Bloc", 10, self.prices[1], "A"),
            ],
            "delivery": self.delivery,
            "quote_number": self.quote_number,
            "clauses": (),
        }
        return CustomerOrder(**{**values, **changes})

    def received(self, **changes: Any) -> int:
        """A purchase order read in this process and kept."""
        order = self.paper(**changes)
        lines = [
            f"BON DE COMMANDE   N° : {order.number}",
            f"SIRET : {order.siret}   Date : {order.on:%d/%m/%Y}",
            *([f"Votre devis : {order.quote_number}"] if order.quote_number else []),
            *(
                f"{line.drawing_number} {f'ind. {line.revision}' if line.revision else ''}   {line.designation}   {line.quantity}   "
                f"{line.unit_price}   {line.unit_price * line.quantity}"
                for line in order.lines
            ),
            f"Date de livraison demandée : {order.delivery:%d/%m/%Y}",
        ]
        with self.factory.open(master()) as ctx:
            record = ctx.add(CustomerPo(file_name="po.pdf"))
            purchase.keep(ctx, record, recognise(lines))
            return record.id

    def confirmed(self, **changes: Any) -> int:
        po = self.received(**changes)
        result = self.post(f"/customer-pos/{po}/confirm")["result"]
        return int(result["sales_order_id"])


def told(order_id: int) -> Event:
    """The event of a validated order."""
    now = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    return Event(uuid.uuid4(), "sales_order.validated", {"id": order_id}, now, None, None)


@pytest.fixture
def shop(api: Api, factory: ContextFactory) -> Shop:
    return Shop(api(master()), factory)


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
