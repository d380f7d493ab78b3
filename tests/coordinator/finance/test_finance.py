"""Profitability from the records of other modules, and the ledger."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.models import Notification, Task
from coordinator.kernel.outbox import Event, drain
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.company import api as company
from coordinator.modules.execution.models import TimeEntry, WorkOrder, WorkOrderOperation
from coordinator.modules.finance import ledger, profitability
from coordinator.modules.finance.models import (
    FinanceCategory,
    FinanceTransaction,
    OrderProfitability,
    ProfitabilityCorrection,
)
from coordinator.modules.invoicing import facturx
from coordinator.modules.invoicing.models import Invoice
from coordinator.modules.machines.models import Machine
from coordinator.modules.orders.models import SalesOrderLine
from coordinator.modules.quoting.models import Quote, QuoteLine
from coordinator.modules.stock.models import StockLot, StockMovement, StorageLocation
from tests.conftest import master, person
from tests.coordinator.invoicing import shop
from tests.factories import make

D = Decimal
Api = Callable[..., Any]
DAY = dt.datetime(2026, 3, 10, 8, tzinfo=dt.UTC)


def _event(ctx: Context, kind: str, **payload: Any) -> Event:
    return Event(uuid.uuid4(), kind, payload, ctx.now, None, None)


class Job:
    """An order of ten parts at 100 €, planned at 600 €, on a lathe of 60 €/h."""

    def __init__(self, ctx: Context, price: str = "100") -> None:
        self.ctx = ctx
        self.sale = shop.sale(ctx, ("10", price))
        self.line = ctx.get(SalesOrderLine, self.sale.line_ids[0])
        quote = make(ctx, Quote, customer_id=self.sale.customer_id)
        breakdown = [
            {"kind": "material", "amount": 200.0, "one_off": False},
            {"kind": "turning", "amount": 400.0, "one_off": False},
        ]
        quoted = make(ctx, QuoteLine, quote_id=quote.id, quantity=D(10), result={"cost_breakdown": breakdown})
        self.line.quote_line_id = quoted.id
        self.machine = make(ctx, Machine)
        company.set_rate(ctx, "machine_hour", D(60), "h", on=dt.date(2026, 1, 1), machine_id=self.machine.id)
        self.order = make(ctx, WorkOrder, sales_order_line_id=self.line.id, quantity=D(10))
        self.operation = make(
            ctx, WorkOrderOperation, work_order_id=self.order.id, sequence_no=10, operation_type="turning",
            operation_label="Tournage", machine_id=self.machine.id, planned_time_min=D(400), planned_qty=D(10),
        )  # fmt: skip

    def work(self, minutes: str | None, at: dt.datetime = DAY) -> None:
        if minutes is not None:
            make(
                self.ctx, TimeEntry, work_order_operation_id=self.operation.id, started_at=at, recorded_at=at,
                ended_at=at + dt.timedelta(hours=1), duration_min=D(1), confirmed_min=D(minutes), machine_id=self.machine.id,
            )  # fmt: skip
        self.operation.status, self.operation.good_qty = "done", D(10)
        self.order.status = "done"
        self.ctx.session.flush()

    def issue(self, quantity: str, *, back: bool = False, unit_cost: str | None = "2") -> None:
        place = make(self.ctx, StorageLocation)
        item = make(self.ctx, StockItem, item_kind="material", unit="kg")
        lot = make(self.ctx, StockLot, stock_item_id=item.id, unit_cost=D(unit_cost) if unit_cost else None)
        ends = {"to_location_id" if back else "from_location_id": place.id, "to_holder": None}
        make(
            self.ctx, StockMovement, stock_item_id=item.id, stock_lot_id=lot.id, quantity=D(quantity), occurred_at=DAY,
            kind="offcut_creation" if back else "consumption", work_order_id=self.order.id, **ends,
        )  # fmt: skip

    def refresh(self) -> OrderProfitability:
        return profitability.refresh(self.ctx, self.line.id)


@pytest.mark.requirement("FIN-01", "FIN-02")
def test_opened_with_the_order_and_recomputed_by_events(ctx: Context) -> None:
    job = Job(ctx)
    profitability.on_order(ctx, _event(ctx, "sales_order.validated", id=job.sale.order_id))
    record = ctx.session.scalars(select(OrderProfitability)).one()
    assert (record.selling_price, record.planned_cost, record.actual_cost) == (D(1000), D(600), D(0))
    assert (record.forecast_cost, record.forecast_margin_pct, record.status) == (D(600), D(40), "profitable")
    job.issue("120")
    job.issue("10", back=True)
    profitability.on_stock(ctx, _event(ctx, "stock.moved", id=1, work_order_id=job.order.id))
    assert record.actual_cost == D(220)
    assert record.headings is not None
    assert record.headings["material"]["difference"] == "20.00"
    job.work("410")
    profitability.on_operation(ctx, _event(ctx, "operation.finished", id=job.operation.id))
    assert (record.actual_cost, record.margin_pct, record.status) == (D(630), D(37), "profitable")
    assert record.operations is not None
    assert record.operations[0]["difference"] == "10.00"
    assert not record.is_incomplete
    assert record.alerted_at is None


@pytest.mark.requirement("FIN-01", "ORD-27")
def test_the_events_of_orders_and_deliveries_are_heard(factory: ContextFactory) -> None:
    with factory.open(master()) as ctx:
        job = Job(ctx)
        ctx.emit("sales_order.validated", {"id": job.sale.order_id})
    drain(factory)
    with factory.open(master()) as ctx:
        record = ctx.session.scalars(select(OrderProfitability)).one()
        first = record.computed_at
        note = shop.deliver(ctx, job.sale, "4")
        ctx.emit("delivery_note.shipped", {"id": note.id})
        ctx.emit("delivery_note.shipped", {"id": note.id})
    drain(factory)
    with factory.open(master()) as ctx:
        assert [i.total_excl_tax for i in ctx.session.scalars(select(Invoice))] == [D(400)]
        record = ctx.session.scalars(select(OrderProfitability)).one()
        assert record.computed_at is not None
        assert first is not None
        assert record.computed_at > first


@pytest.mark.requirement("FIN-02")
def test_time_costs_the_rate_of_its_day(ctx: Context) -> None:
    job = Job(ctx)
    company.set_rate(ctx, "machine_hour", D(90), "h", on=dt.date(2026, 3, 10), machine_id=job.machine.id)
    job.issue("100")
    job.work("60", DAY - dt.timedelta(days=1))
    job.work("60", DAY)
    assert job.refresh().actual_cost == D(200 + 60 + 90)


@pytest.mark.requirement("FIN-47")
def test_missing_time_and_price_are_listed(ctx: Context) -> None:
    job = Job(ctx)
    job.issue("100", unit_cost=None)
    job.work(None)
    record = job.refresh()
    assert record.is_incomplete
    assert {m["code"] for m in record.missing or []} == {"time", "lot_price"}
    assert "Temps manquant : OP10 Tournage" in [m["message"] for m in record.missing or []]
    assert (record.margin_pct, record.actual_cost, record.status) == (None, None, "watch")


@pytest.mark.requirement("FIN-48")
def test_an_expired_rate_is_used_and_the_owner_told(ctx: Context) -> None:
    job = Job(ctx)
    ctx.session.execute(text("UPDATE rate_card_line SET valid_to = '2026-03-01'"))
    job.issue("100")
    job.work("60")
    assert job.refresh().actual_cost == D(260)
    found = ctx.session.scalars(select(Task).where(Task.kind == "rate_missing")).all()
    assert len(found) == 1
    assert found[0].role_code == "management"


@pytest.mark.requirement("FIN-06")
def test_an_unprofitable_job_alerts_once_with_its_causes(ctx: Context) -> None:
    job = Job(ctx)
    job.issue("150")
    job.work("700")
    record = job.refresh()
    assert (record.status, record.margin_pct) == ("unprofitable", D(0))
    job.refresh()
    told = ctx.session.scalars(select(Notification).where(Notification.category == "profitability")).all()
    assert sorted(n.role_code or "" for n in told) == ["management", "methods_manager"]
    assert "OP10 Tournage (+300,00 €), Matière (+100,00 €)" in told[0].text
    task = ctx.session.scalars(select(Task).where(Task.kind == "profitability_alert")).one()
    assert task.details == {
        "causes": [{"label": "OP10 Tournage", "amount": "300.00"}, {"label": "Matière", "amount": "100.00"}]
    }


@pytest.mark.requirement("FIN-01", "FIN-03")
def test_an_order_shows_its_sum_and_lines_to_those_who_may(api: Api, factory: ContextFactory) -> None:
    with factory.open(master()) as ctx:
        job = Job(ctx)
        job.refresh()
        order_id = job.sale.order_id
    url = f"/api/v1/sales-orders/{order_id}/profitability"
    found = api(master()).get(url).json()
    assert (found["selling_price"], found["planned_cost"], found["forecast_margin_pct"]) == (
        "1000.00",
        "600.00",
        "40.00",
    )
    assert found["lines"][0]["headings"]["time"]["planned"] == "400.00"
    assert api(person("orders:read")).get(url).status_code == 403
    assert api(person("finance:read")).get(url).status_code == 403
    listed = api(person("finance:read")).get("/api/v1/order-profitabilities").json()["items"][0]
    assert not {"planned_cost", "margin_pct", "headings", "operations", "causes"} & set(listed)
    assert listed["status"] == "profitable"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    def issue(data: Any, **_kwargs: Any) -> facturx.IssuedInvoice:
        return facturx.IssuedInvoice(f"%PDF-1.7 {data.number}".encode(), b"<?xml version='1.0'?><f/>", True)

    monkeypatch.setattr(facturx, "issue", issue)


@pytest.mark.requirement("FIN-08", "ORD-41", "FIN-14")
def test_invoice_payment_and_credit_reach_the_ledger_and_freeze_the_job(
    api: Api, factory: ContextFactory, quick: None
) -> None:
    with factory.open(master()) as ctx:
        job = Job(ctx)
        job.issue("100")
        job.work("400")
        job.refresh()
        invoice = shop.shipped(ctx, shop.deliver(ctx, job.sale, "10"))
        assert invoice is not None
    client = api(shop.accountant())
    url = f"/api/v1/invoices/{invoice.id}"
    for action in ("submit", "validate"):
        assert client.post(f"{url}/{action}", json={}).status_code == 200
    today = dt.datetime.now(dt.UTC).date()
    client.post(
        "/api/v1/payments", json={"invoice_id": invoice.id, "paid_on": today.isoformat(), "amount": "500"}
    )
    drain(factory)
    with factory.open(master()) as ctx:
        entries = ctx.session.scalars(select(FinanceTransaction).order_by(FinanceTransaction.id)).all()
        assert [(e.transaction_type, e.amount, e.vat_amount, e.vat_pct, e.status) for e in entries] == [
            ("sale", D(1000), D(200), D(20), "validated"), ("other", D(500), None, None, "validated"),
        ]  # fmt: skip
        assert entries[0].period == f"{today:%Y-%m}"
        ledger.on_invoice(ctx, _event(ctx, "invoice.validated", id=invoice.id))
        assert len(ctx.session.scalars(select(FinanceTransaction)).all()) == 2, "told twice, entered once"
        record = profitability.refresh(ctx, job.line.id)
        assert record.frozen_at is not None
        frozen = record.actual_cost
        job.ctx = ctx
        job.issue("25")
        profitability.refresh(ctx, job.line.id)
        profitability.refresh(ctx, job.line.id)
        assert record.actual_cost == frozen
        assert [c.amount for c in ctx.session.scalars(select(ProfitabilityCorrection))] == [D(50)]
    credit = client.post(f"{url}/credit", json={"reason": "prix faux"}).json()["result"]["invoice_id"]
    for action in ("submit", "validate"):
        client.post(f"/api/v1/invoices/{credit}/{action}", json={})
    drain(factory)
    with factory.open(master()) as ctx:
        mirror = ctx.session.scalars(
            select(FinanceTransaction).where(FinanceTransaction.invoice_id == credit)
        ).one()
        assert (mirror.amount, mirror.vat_amount, mirror.reverses_id) == (D(-1000), D(-200), entries[0].id)


def accountant() -> Principal:
    rights = {("finance", r): "all" for r in ("read", "create", "update", "validate", "export")}
    return Principal(
        kind="user", name="comptable", rights=rights, field_groups=frozenset({"prices", "costs_margins"})
    )


@pytest.fixture
def energy(factory: ContextFactory) -> dict[str, Any]:
    with factory.open(master()) as ctx:
        key = ctx.session.scalars(select(FinanceCategory.id).where(FinanceCategory.code == "energy")).one()
    return {
        "transaction_type": "purchase", "category_id": key, "description": "Électricité", "amount": "100.00",
        "vat_pct": "20", "transaction_date": "2026-02-10",
    }  # fmt: skip


@pytest.mark.requirement("FIN-12", "FIN-14", "FIN-15", "FIN-18")
def test_a_validated_entry_is_reversed_never_edited(
    api: Api, factory: ContextFactory, energy: dict[str, Any]
) -> None:
    client = api(accountant())
    made = client.post("/api/v1/finance-transactions", json=energy)
    assert made.status_code == 201, made.text
    entry = made.json()
    assert (entry["status"], entry["period"], entry["vat_amount"], entry["is_unlinked"]) == (
        "draft",
        "2026-02",
        "20.00",
        True,
    )
    url = f"/api/v1/finance-transactions/{entry['id']}"
    changed = client.patch(
        url, json={"amount": "120.00", "vat_amount": "24.00", "row_version": entry["row_version"]}
    )
    assert changed.json()["amount"] == "120.00"
    assert client.post(f"{url}/reverse", json={"reason": "double"}).json()["code"] == "finance.not_validated"
    final = client.post(f"{url}/validate", json={}).json()["record"]
    refused = client.patch(url, json={"amount": "1.00", "row_version": final["row_version"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "finance.final")
    with factory.open(master()) as ctx:
        nested = ctx.session.begin_nested()
        with pytest.raises(DBAPIError, match="does not change"):
            ctx.session.execute(text("UPDATE finance_transaction SET amount = 1"))
        nested.rollback()
    back = client.post(f"{url}/reverse", json={"reason": "double saisie"})
    mirror = client.get(
        f"/api/v1/finance-transactions/{back.json()['result']['finance_transaction_id']}"
    ).json()
    assert (mirror["amount"], mirror["vat_amount"], mirror["status"], mirror["reverses_id"]) == (
        "-120.00", "-24.00", "validated", entry["id"],
    )  # fmt: skip
    assert client.post(f"{url}/reverse", json={"reason": "encore"}).json()["code"] == "finance.reversed"


@pytest.mark.requirement("FIN-50")
def test_wrong_amounts_currencies_and_closed_periods_are_refused(
    api: Api, factory: ContextFactory, energy: dict[str, Any]
) -> None:
    client = api(accountant())
    for field, value in (("amount", "-1"), ("currency", "XYZ")):
        wrong = client.post("/api/v1/finance-transactions", json=energy | {field: value})
        assert {e["field"] for e in wrong.json()["errors"]} == {field}
    entry = client.post("/api/v1/finance-transactions", json=energy).json()
    close = "/api/v1/finance/periods/close"
    assert client.post(close, json={"period": "2026-02"}).json()["code"] == "finance.period_drafts"
    assert client.post(close, json={"period": "2999-01"}).json()["code"] == "finance.period_running"
    client.post(f"/api/v1/finance-transactions/{entry['id']}/reject", json={})
    assert client.post(close, json={"period": "2026-02"}).status_code == 200
    late = client.post("/api/v1/finance-transactions", json=energy)
    assert late.json()["errors"] == [
        {
            "field": "transaction_date",
            "code": "finance.period_closed",
            "message": "La période 2026-02 est close.",
        }
    ]
    period = client.get("/api/v1/finance-periods").json()["items"][0]
    url = f"/api/v1/finance-periods/{period['id']}/reopen"
    assert client.post(url, json={}).json()["code"] == "finance.owner_only"
    assert api(master()).post(url, json={}).status_code == 200
    assert client.post("/api/v1/finance-transactions", json=energy).status_code == 201


@pytest.mark.requirement("FIN-13")
def test_the_delivered_categories_have_accounts(ctx: Context) -> None:
    accounts = dict(ctx.session.execute(select(FinanceCategory.code, FinanceCategory.account)).tuples().all())
    assert {"sales", "material", "tools", "subcontracting", "energy", "maintenance", "instruments", "ppe", "wages", "rent",
            "transport", "insurance", "software", "taxes", "other"} <= set(accounts)  # fmt: skip
    assert (accounts["sales"], accounts["material"], accounts["subcontracting"]) == ("701", "601", "611")
    ledger.seed(ctx)
    assert len(ctx.session.scalars(select(FinanceCategory)).all()) == len(accounts)


@pytest.mark.requirement("FIN-02")
def test_subcontracting_booked_on_the_order_enters_its_cost(ctx: Context) -> None:
    job = Job(ctx)
    job.issue("100")
    job.work("400")
    key = ledger.category(ctx, "subcontracting")
    entry = make(
        ctx, FinanceTransaction, transaction_type="purchase", category_id=key, amount=D(150), status="validated",
        sales_order_id=job.sale.order_id,
    )  # fmt: skip
    ledger.on_purchase(ctx, _event(ctx, "finance_transaction.validated", id=entry.id))
    record = ctx.session.scalars(select(OrderProfitability)).one()
    assert record.actual_cost == D(750)


@pytest.mark.requirement("FIN-23")
def test_the_accountants_file_is_named_and_balanced(
    api: Api, factory: ContextFactory, energy: dict[str, Any]
) -> None:
    with factory.open(master()) as ctx:
        shop.company(ctx)
    client = api(accountant())
    entry = client.post("/api/v1/finance-transactions", json=energy).json()
    client.post(f"/api/v1/finance-transactions/{entry['id']}/validate", json={})
    answer = client.get("/api/v1/finance/fec", params={"first_day": "2026-01-01", "last_day": "2026-12-31"})
    assert answer.status_code == 200
    assert "732829320FEC20261231.txt" in answer.headers["content-disposition"]
    rows = [row.split("\t") for row in answer.text.strip().split("\r\n")]
    assert rows[0][:3] == ["JournalCode", "JournalLib", "EcritureNum"]
    assert [(r[0], r[4], r[11], r[12]) for r in rows[1:]] == [
        ("AC", "6061", "100,00", "0,00"), ("AC", "44566", "20,00", "0,00"), ("AC", "401", "0,00", "120,00"),
    ]  # fmt: skip
    assert (
        api(person("finance:read"))
        .get("/api/v1/finance/fec", params={"first_day": "2026-01-01", "last_day": "2026-01-02"})
        .status_code
        == 403
    )
