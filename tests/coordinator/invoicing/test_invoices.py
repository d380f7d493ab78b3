"""From the delivery to the paid invoice."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.errors import BusinessError, Conflict, Forbidden
from coordinator.kernel.lifecycle import move
from coordinator.kernel.models import OutboxEvent, Task
from coordinator.modules.documents import api as documents
from coordinator.modules.documents.models import DocumentVersion
from coordinator.modules.invoicing import facturx, issuing, rules
from coordinator.modules.invoicing.invoice_data import InvoiceData, OperationNature, VatCategory
from coordinator.modules.invoicing.models import Invoice, InvoiceLine
from coordinator.modules.orders.models import DeliveryNote, SalesOrder
from coordinator.modules.parties.models import Customer
from tests.conftest import master, person
from tests.coordinator.invoicing import shop

D = Decimal
Api = Callable[..., Any]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paper as a short text, for tests of everything but the paper; gives the numbers that were printed."""
    printed: list[str] = []

    def issue(data: InvoiceData, **_kwargs: Any) -> facturx.IssuedInvoice:
        printed.append(data.number)
        words = f"%PDF-1.7 {data.number} {data.issued_on} {time.monotonic_ns()}".encode()
        return facturx.IssuedInvoice(
            words, b"<?xml version='1.0'?><f>" + data.number.encode() + b"</f>", True
        )

    monkeypatch.setattr(facturx, "issue", issue)
    return printed


def _validate(factory: ContextFactory, invoice_id: int) -> str:
    with factory.open(master()) as ctx:
        invoice = ctx.get(Invoice, invoice_id, lock=True)
        move(ctx, invoice, "validate")
        return invoice.number or ""


@pytest.mark.requirement("QUO-32")
def test_the_supplement_to_the_minimum_order_is_invoiced_once(ctx: Context) -> None:
    made = shop.sale(ctx, ("20", "2.00"))
    ctx.get(SalesOrder, made.order_id).supplement_excl_tax = D("40.00")
    first = shop.shipped(ctx, shop.deliver(ctx, made, "12"))
    rest = shop.shipped(ctx, shop.deliver(ctx, made, "8"))
    assert first is not None
    assert rest is not None
    assert (first.total_excl_tax, rest.total_excl_tax) == (D("64.00"), D("16.00"))
    first.status = "cancelled"
    ctx.session.flush()
    again = shop.shipped(ctx, ctx.get(DeliveryNote, first.delivery_note_id))
    assert again is not None
    assert again.total_excl_tax == D("64.00")


@pytest.mark.requirement("ORD-27", "ORD-28")
def test_a_shipment_makes_one_draft_of_what_was_delivered(ctx: Context) -> None:
    made = shop.sale(ctx, ("20", "84.60"), ("50", "7.555"))
    note = shop.deliver(ctx, made, "12", "50")
    invoice = shop.shipped(ctx, note)
    assert invoice is not None
    again = shop.shipped(ctx, note)
    assert again is not None
    assert again.id == invoice.id
    assert (invoice.status, invoice.number, invoice.generation_mode) == ("draft", None, "automatic")
    assert invoice.po_number == "45-2211"
    lines = ctx.session.scalars(select(InvoiceLine).where(InvoiceLine.invoice_id == invoice.id)).all()
    assert sorted((x.quantity, x.line_total_excl_tax) for x in lines) == [
        (D(12), D("1015.20")), (D(50), D("377.75")),
    ]  # fmt: skip
    assert (invoice.total_excl_tax, invoice.vat_total, invoice.total_incl_tax) == (
        D("1392.95"), D("278.59"), D("1671.54"),
    )  # fmt: skip
    rest = shop.shipped(ctx, shop.deliver(ctx, made, "8", "0"))
    assert rest is not None
    assert rest.id != invoice.id
    assert rest.total_excl_tax == D("676.80")


def test_an_order_is_invoiced_by_command_only_for_what_has_no_invoice(api: Api, ctx: Context) -> None:
    made = shop.sale(ctx, ("10", "5"))
    shop.shipped(ctx, shop.deliver(ctx, made, "4"))
    shop.deliver(ctx, made, "6")
    ctx.session.commit()
    client = api(master())
    url = "/api/v1/invoices/from-order"
    answer = client.post(url, json={"sales_order_id": made.order_id})
    assert answer.status_code == 200, answer.text
    found = client.get("/api/v1/invoices", params={"sales_order_id": made.order_id}).json()["items"]
    assert sorted((i["total_excl_tax"], i["generation_mode"]) for i in found) == [
        ("20.00", "automatic"), ("30.00", "manual"),
    ]  # fmt: skip
    nothing = client.post(url, json={"sales_order_id": made.order_id})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "invoice.nothing_delivered")


@pytest.mark.requirement("ORD-29", "ORD-30", "ORD-37")
def test_issued_invoice_is_a_filed_facturx_that_nothing_changes(api: Api, factory: ContextFactory) -> None:
    invoice_id = shop.pending_invoice(factory)
    client = api(shop.accountant())
    url = f"/api/v1/invoices/{invoice_id}"
    record = client.get(url).json()
    assert record["missing_fields"] == []
    answer = client.post(f"{url}/validate", json={})
    assert answer.status_code == 200, answer.text
    record = answer.json()["record"]
    assert record["number"] == f"FAC-{dt.datetime.now(dt.UTC).year}-00001"
    assert record["status"] == "validated"
    assert dt.date.fromisoformat(record["due_on"]) - dt.date.fromisoformat(
        record["issued_on"]
    ) == dt.timedelta(30)
    with factory.open(master()) as ctx:
        version = ctx.get(DocumentVersion, record["document_version_id"])
        assert version.status == "approved"
        xml = facturx.extract_xml(documents.read(ctx, version)).decode()
        assert record["number"] in xml
        assert "<ram:GrandTotalAmount>1015.20</ram:GrandTotalAmount>" in xml
        assert "45-2211" in xml
        filed = documents.documents_of(ctx, ctx.get(Invoice, invoice_id))
        assert {d.title for d in filed} == {
            f"Facture {record['number']}",
            f"Facture {record['number']} (XML)",
        }
    change = client.patch(url, json={"notes": "trop tard", "row_version": record["row_version"]})
    assert (change.status_code, change.json()["code"]) == (409, "invoice.issued")
    line = client.get("/api/v1/invoice-lines", params={"invoice_id": invoice_id}).json()["items"][0]
    change = client.patch(
        f"/api/v1/invoice-lines/{line['id']}", json={"quantity": "1", "row_version": line["row_version"]}
    )
    assert change.json()["code"] == "invoice.issued"
    assert client.post(f"{url}/cancel", json={}).status_code == 409
    for statement in (
        "UPDATE invoice SET total_excl_tax = 1 WHERE id = :id",
        "UPDATE invoice SET number = 'FAC-2026-09999' WHERE id = :id",
        "UPDATE invoice SET number = NULL WHERE id = :id",
        "UPDATE invoice SET status = 'draft' WHERE id = :id",
        "UPDATE invoice_line SET quantity = 1 WHERE invoice_id = :id",
        "DELETE FROM invoice_line WHERE invoice_id = :id",
        "DELETE FROM invoice WHERE id = :id",
    ):
        with factory.open(master()) as ctx:
            nested = ctx.session.begin_nested()
            with pytest.raises(DBAPIError, match="is issued and does not change"):
                ctx.session.execute(text(statement), {"id": invoice_id})
            nested.rollback()


@pytest.mark.requirement("ORD-27")
def test_only_a_person_with_the_right_validates(api: Api, factory: ContextFactory, quick: list[str]) -> None:
    invoice_id = shop.pending_invoice(factory)
    clerk = api(person("invoicing:read", "invoicing:update", "invoicing:create"))
    assert clerk.post(f"/api/v1/invoices/{invoice_id}/validate", json={}).status_code == 403
    with factory.open(Principal.service("robot")) as ctx, pytest.raises(Forbidden) as refusal:
        move(ctx, ctx.get(Invoice, invoice_id), "validate")
    assert refusal.value.code == "invoice.person_only"
    assert quick == []


@pytest.mark.requirement("ORD-50", "ORD-31", "ORD-34")
def test_missing_legal_fields_are_listed_and_nothing_is_issued(
    api: Api, factory: ContextFactory, quick: list[str]
) -> None:
    invoice_id = shop.pending_invoice(factory, siren=None, payment_terms_days=90)
    with factory.open(master()) as ctx:
        shop.company(ctx).rcs_city = None
    client = api(shop.accountant())
    expected = {"seller.rcs_town", "buyer.siren", "payment_terms_days"}
    shown = client.get(f"/api/v1/invoices/{invoice_id}").json()["missing_fields"]
    assert {m["field"] for m in shown} == expected
    answer = client.post(f"/api/v1/invoices/{invoice_id}/validate", json={})
    assert (answer.status_code, answer.json()["code"]) == (400, "invoice.not_issuable")
    assert {e["field"] for e in answer.json()["errors"]} == expected
    assert "90 jours" in " ".join(e["message"] for e in answer.json()["errors"])
    assert quick == []
    with factory.open(master()) as ctx:
        customer = ctx.get(Customer, ctx.get(Invoice, invoice_id).customer_id)
        customer.siren, customer.payment_terms_days = "404833048", 60
        shop.company(ctx).rcs_city = "Colmar"
    assert client.post(f"/api/v1/invoices/{invoice_id}/validate", json={}).status_code == 200


@pytest.mark.requirement("ORD-34")
def test_the_term_is_at_most_sixty_days() -> None:
    assert rules.due_date(dt.date(2026, 1, 1), 60) == dt.date(2026, 3, 2)
    for days in (61, -1):
        with pytest.raises(ValueError, match=str(days)):
            rules.due_date(dt.date(2026, 1, 1), days)


@pytest.mark.requirement("ORD-33")
def test_vat_follows_the_customers_regime(ctx: Context) -> None:
    goods, work = OperationNature.GOODS, OperationNature.SERVICES
    assert rules.vat_category("fr_standard", goods, D(20)) is VatCategory.STANDARD
    assert rules.vat_category("eu_reverse", goods, D(0)) is VatCategory.INTRA_EU
    assert rules.vat_category("eu_reverse", work, D(0)) is VatCategory.REVERSE_CHARGE
    assert rules.vat_category("export", goods, D(0)) is VatCategory.EXPORT
    assert rules.vat_category("exempt", goods, D(20)) is VatCategory.EXEMPT
    made = shop.sale(ctx, ("10", "5"), vat_regime="eu_reverse", country="DE", siren=None, vat_number=None)
    invoice = shop.shipped(ctx, shop.deliver(ctx, made, "10"))
    assert invoice is not None
    assert (invoice.vat_total, invoice.total_incl_tax) == (D(0), D(50))
    assert "buyer.vat_number" in {m["field"] for m in issuing.missing(ctx, invoice)}


@pytest.mark.requirement("ORD-30", "ORD-54")
def test_two_at_once_get_consecutive_numbers_and_a_failure_takes_none(
    fresh_factory: ContextFactory, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [shop.pending_invoice(fresh_factory) for _ in range(4)]
    barrier = threading.Barrier(3)
    plain = facturx.issue

    def together(data: InvoiceData, **kwargs: Any) -> facturx.IssuedInvoice:
        """Both print for the number they expect before either takes it."""
        if len(quick) < 2:
            barrier.wait(timeout=20)
        return plain(data, **kwargs)

    monkeypatch.setattr(facturx, "issue", together)
    numbers: list[str] = []
    threads = [
        threading.Thread(target=lambda i=i: numbers.append(_validate(fresh_factory, i))) for i in ids[:2]
    ]
    for thread in threads:
        thread.start()
    barrier.wait(timeout=20)
    for thread in threads:
        thread.join(timeout=30)
    year = dt.datetime.now(dt.UTC).year
    assert sorted(numbers) == [f"FAC-{year}-00001", f"FAC-{year}-00002"]
    assert sorted(quick) == [f"FAC-{year}-00001"] * 2 + [f"FAC-{year}-00002"], "the loser printed once more"

    def broken(_ctx: Context, *_args: Any, **_kwargs: Any) -> None:
        raise OSError("disk")

    with monkeypatch.context() as patch:
        patch.setattr(documents, "file_document", broken)
        with pytest.raises(OSError, match="disk"):
            _validate(fresh_factory, ids[2])
    with fresh_factory.open(master()) as ctx:
        failed = ctx.get(Invoice, ids[2])
        assert (failed.status, failed.number) == ("pending", None)
    assert _validate(fresh_factory, ids[3]) == f"FAC-{year}-00003"
    assert _validate(fresh_factory, ids[2]) == f"FAC-{year}-00004"
    with fresh_factory.open(master()) as ctx:
        assert issuing.gaps(ctx) == []
        assert issuing.check_numbers(ctx) == []
        issued = ctx.session.scalars(select(Invoice).where(Invoice.number.is_not(None))).all()
        assert all(i.document_version_id for i in issued)


@pytest.mark.requirement("ORD-54")
def test_a_gap_is_reported(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rules.number_gaps(["FAC-2026-00001", "FAC-2026-00004", "AV-2026-00002", "FAC-2027-00001"]) == [
        "AV-2026-00001", "FAC-2026-00002", "FAC-2026-00003",
    ]  # fmt: skip
    monkeypatch.setattr(issuing, "gaps", lambda _ctx: ["FAC-2026-00002"])
    issuing.check_numbers(ctx)
    issuing.check_numbers(ctx)
    found = ctx.session.scalars(select(Task).where(Task.kind == "invoice_number_gap")).all()
    assert [(t.title, t.role_code) for t in found] == [
        ("Numéro de facture manquant : FAC-2026-00002", "accountant")
    ]


@pytest.mark.requirement("ORD-30")
def test_dates_never_go_back_within_a_series(factory: ContextFactory, quick: list[str]) -> None:
    late, early, far = (shop.pending_invoice(factory) for _ in range(3))
    noon = dt.datetime(2026, 6, 10, 12, tzinfo=dt.UTC)
    _validate(replace(factory, clock=lambda: noon), late)
    _validate(replace(factory, clock=lambda: noon - dt.timedelta(hours=13)), early)
    with factory.open(master()) as ctx:
        first, second = ctx.get(Invoice, late), ctx.get(Invoice, early)
        assert (first.number, second.number) == ("FAC-2026-00001", "FAC-2026-00002")
        assert first.issued_on == second.issued_on == noon.date()
    with pytest.raises(Conflict) as refusal:
        _validate(replace(factory, clock=lambda: noon - dt.timedelta(days=40)), far)
    assert refusal.value.code == "invoice.clock"


@pytest.mark.requirement("ORD-29", "ORD-39", "ORD-41")
def test_payments_close_the_invoice_and_a_reversal_opens_it(
    api: Api, factory: ContextFactory, quick: list[str]
) -> None:
    invoice_id = shop.pending_invoice(factory)
    client = api(shop.accountant())
    url = f"/api/v1/invoices/{invoice_id}"
    body = {
        "invoice_id": invoice_id,
        "paid_on": dt.datetime.now(dt.UTC).date().isoformat(),
        "amount": "400.00",
    }
    assert client.post("/api/v1/payments", json=body).json()["code"] == "payment.not_payable"
    client.post(f"{url}/validate", json={})
    first = client.post("/api/v1/payments", json=body)
    assert first.status_code == 201, first.text
    record = client.get(url).json()
    assert (record["status"], record["open_amount"]) == ("validated", "615.20")
    for wrong, field in (
        ({"amount": "615.21"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"paid_on": "2999-01-01"}, "paid_on"),
    ):
        refused = client.post("/api/v1/payments", json=body | wrong)
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["field"] == field
    client.post("/api/v1/payments", json=body | {"amount": "615.20"})
    record = client.get(url).json()
    assert (record["status"], record["open_amount"]) == ("paid", "0.00")
    back = client.post(f"/api/v1/payments/{first.json()['id']}/reverse", json={"reason": "chèque impayé"})
    assert back.status_code == 200, back.text
    record = client.get(url).json()
    assert (record["status"], record["open_amount"]) == ("validated", "400.00")
    twice = client.post(f"/api/v1/payments/{first.json()['id']}/reverse", json={"reason": "encore"})
    assert twice.json()["code"] == "payment.reversed"
    with factory.open(master()) as ctx:
        events = list(ctx.session.scalars(select(OutboxEvent.event_type).order_by(OutboxEvent.id)))
        assert events.count("payment.recorded") == 3
        assert events.count("invoice.validated") == 1
        assert events.count("invoice.paid") == 1


@pytest.mark.requirement("ORD-29", "ORD-30")
def test_a_credit_note_cancels_and_the_delivery_can_be_invoiced_again(
    api: Api, factory: ContextFactory, quick: list[str]
) -> None:
    invoice_id = shop.pending_invoice(factory)
    client = api(shop.accountant())
    url = f"/api/v1/invoices/{invoice_id}"
    assert (
        client.post(f"{url}/credit", json={"reason": "prix faux"}).json()["code"] == "invoice.not_creditable"
    )
    client.post(f"{url}/validate", json={})
    made = client.post(f"{url}/credit", json={"reason": "prix faux"})
    assert made.status_code == 200, made.text
    assert (
        client.post(f"{url}/credit", json={"reason": "prix faux"}).json()["code"]
        == "invoice.already_credited"
    )
    credit_url = f"/api/v1/invoices/{made.json()['result']['invoice_id']}"
    assert client.get(url).json()["status"] == "validated"
    client.post(f"{credit_url}/submit", json={})
    answer = client.post(f"{credit_url}/validate", json={})
    assert answer.status_code == 200, answer.text
    note = answer.json()["record"]
    year = dt.datetime.now(dt.UTC).year
    assert (note["number"], note["kind"], note["total_incl_tax"]) == (
        f"AV-{year}-00001",
        "credit_note",
        "1015.20",
    )
    original = client.get(url).json()
    assert (original["status"], original["number"]) == ("cancelled", f"FAC-{year}-00001")
    again = client.post("/api/v1/invoices/from-order", json={"sales_order_id": original["sales_order_id"]})
    assert again.status_code == 200, again.text


@pytest.mark.requirement("ORD-36")
def test_a_paid_deposit_is_deducted_once(api: Api, factory: ContextFactory, quick: list[str]) -> None:
    with factory.open(master()) as ctx:
        made = shop.sale(ctx, ("10", "100"))
    client = api(shop.accountant())
    body = {"sales_order_id": made.order_id, "percentage": "30"}
    deposit = client.post("/api/v1/invoices/deposit", json=body).json()
    deposit_id = (deposit.get("result") or deposit)["invoice_ids"][0]
    too_much = client.post("/api/v1/invoices/deposit", json=body | {"percentage": "71"})
    assert too_much.json()["code"] == "invoice.deposit_too_high"
    for action in ("submit", "validate"):
        assert client.post(f"/api/v1/invoices/{deposit_id}/{action}", json={}).status_code == 200
    with factory.open(master()) as ctx:
        first = shop.shipped(ctx, shop.deliver(ctx, made, "2"))
        second = shop.shipped(ctx, shop.deliver(ctx, made, "8"))
        assert first is not None
        assert second is not None
        ids = first.id, second.id
    for key in ids:
        client.post(f"/api/v1/invoices/{key}/submit", json={})
    blocked = client.post(f"/api/v1/invoices/{ids[0]}/validate", json={})
    assert blocked.json()["code"] == "invoice.deposit_open"
    today = dt.datetime.now(dt.UTC).date().isoformat()
    client.post("/api/v1/payments", json={"invoice_id": deposit_id, "paid_on": today, "amount": "360"})
    shares = []
    for key in ids:
        record = client.post(f"/api/v1/invoices/{key}/validate", json={}).json()["record"]
        shares.append((record["total_incl_tax"], record["prepaid_amount"], record["open_amount"]))
    assert shares == [("240.00", "240.00", "0.00"), ("960.00", "120.00", "840.00")]
    used = client.post(f"/api/v1/invoices/{deposit_id}/credit", json={"reason": "erreur"})
    assert used.json()["code"] == "invoice.deposit_used"


def test_lines_of_a_draft_move_its_totals(api: Api, factory: ContextFactory) -> None:
    with factory.open(master()) as ctx:
        made = shop.sale(ctx, ("10", "84.60"))
        invoice = shop.shipped(ctx, shop.deliver(ctx, made, "10"))
        assert invoice is not None
    client = api(shop.accountant())
    body = {
        "invoice_id": invoice.id,
        "description": "Transport",
        "quantity": "1",
        "unit_price_excl_tax": "35.00",
    }
    line = client.post("/api/v1/invoice-lines", json=body)
    assert line.status_code == 201, line.text
    url = f"/api/v1/invoices/{invoice.id}"
    assert client.get(url).json()["total_excl_tax"] == "881.00"
    negative = client.post(
        "/api/v1/invoice-lines", json=body | {"quantity": "0", "unit_price_excl_tax": "-1"}
    )
    assert {e["field"] for e in negative.json()["errors"]} == {"quantity", "unit_price_excl_tax"}
    one = line.json()
    line_url = f"/api/v1/invoice-lines/{one['id']}"
    changed = client.patch(line_url, json={"discount_pct": "10", "row_version": one["row_version"]})
    assert changed.json()["line_total_excl_tax"] == "31.50"
    assert client.get(url).json()["total_excl_tax"] == "877.50"
    client.post(f"{line_url}/remove", json={})
    assert client.get(url).json()["total_excl_tax"] == "846.00"
    client.post(f"{url}/submit", json={})
    assert client.post("/api/v1/invoice-lines", json=body).json()["code"] == "invoice.not_draft"
    assert client.post(f"{url}/return-to-draft", json={}).status_code == 200
    assert client.post("/api/v1/invoice-lines", json=body).status_code == 201


def test_an_empty_draft_is_not_submitted(ctx: Context) -> None:
    made = shop.sale(ctx, ("1", "5"))
    invoice = ctx.add(Invoice(customer_id=made.customer_id, sales_order_id=made.order_id))
    with pytest.raises(BusinessError) as refusal:
        move(ctx, invoice, "submit")
    assert refusal.value.code == "invoice.no_line"
