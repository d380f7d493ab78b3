"""Invoices: totals, mandatory fields, XML and PDF/A-3."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pypdf
import pytest
from lxml import etree

from coordinator.kernel.papers.data import Address
from coordinator.modules.invoicing import schematron
from coordinator.modules.invoicing.facturx import InvoiceNotIssuable, build_xml, check_xml, extract_xml, issue
from coordinator.modules.invoicing.invoice_data import (
    InvoiceData,
    InvoiceKind,
    InvoiceLine,
    OperationNature,
    PrecedingInvoice,
    VatCategory,
    missing_fields,
    totals_of,
)
from coordinator.modules.invoicing.papers import render_invoice
from tests.coordinator.papers import samples
from tests.coordinator.papers.test_papers import text_of

D = Decimal
needs_saxon = pytest.mark.skipif(
    not schematron.available(), reason="saxonche (XSLT 2 processor) is not installed"
)


def value(xml: bytes, name: str) -> list[str | None]:
    return [node.text for node in etree.fromstring(xml).iter(f"{{*}}{name}")]


@pytest.mark.requirement("ORD-33")
def test_vat_is_computed_per_rate_on_the_rounded_sum_of_net_lines() -> None:
    lines = [
        InvoiceLine(1, "a", D(1), D("0.333")),
        InvoiceLine(2, "b", D(1), D("0.333")),
        InvoiceLine(3, "c", D(3), D("10.005"), vat_rate_pct=D("5.5")),
    ]
    totals = totals_of(replace(samples.invoice(), lines=lines))
    assert [(v.rate_pct, v.base, v.amount) for v in totals.vat] == [
        (D(20), D("0.66"), D("0.13")),
        (D("5.5"), D("30.02"), D("1.65")),
    ]
    assert (totals.excl, totals.vat_total, totals.incl) == (D("30.68"), D("1.78"), D("32.46"))


@pytest.mark.requirement("ORD-28", "QUO-33")
def test_a_discount_as_an_amount_is_told_on_paper_and_in_the_xml() -> None:
    lines = [
        InvoiceLine(1, "Arbre", D(7), D("47.90"), discount_amount=D("19.11")),
        InvoiceLine(2, "Bride", D(20), D("84.60"), discount_pct=D(5)),
    ]
    data = replace(samples.invoice(), lines=lines)
    xml = build_xml(data)
    assert check_xml(xml) == schematron.available()
    assert value(xml, "ActualAmount") == ["19.11", "84.60"]
    assert value(xml, "CalculationPercent") == ["5"]
    assert value(xml, "LineTotalAmount")[:2] == ["316.19", "1607.40"]
    text = text_of(render_invoice(data))
    assert "19,11" in text
    assert "5 %" in text.replace("\u00a0", " ")
    too_much = replace(data, lines=[replace(lines[0], discount_amount=D("335.31"))])
    assert any(e.field.endswith("discount_amount") for e in missing_fields(too_much))


@pytest.mark.requirement("ORD-37")
def test_pdf_holds_the_same_valid_xml() -> None:
    issued = issue(samples.invoice())
    assert extract_xml(issued.pdf) == issued.xml
    reader = pypdf.PdfReader(io.BytesIO(issued.pdf))
    xmp = reader.trailer["/Root"]["/Metadata"].get_data().decode()
    assert re.search(r"pdfaid:part(=\"|>)3", xmp)
    assert "EN 16931" in xmp
    relations = [
        str(item["/AFRelationship"]) for item in (f.get_object() for f in reader.trailer["/Root"]["/AF"])
    ]
    assert relations == ["/Data"]
    xml = issued.xml
    assert value(xml, "GrandTotalAmount") == ["2382.18"]
    assert value(xml, "DuePayableAmount") == ["2382.18"]
    assert "urn:cen.eu:en16931:2017" in value(xml, "ID")
    assert issued.schematron_checked == schematron.available()


@pytest.mark.requirement("ORD-31")
def test_paper_carries_every_mandatory_mention() -> None:
    data = replace(
        samples.invoice(),
        vat_on_debits=True,
        delivery_address=Address("1 quai Est", "33000", "Bordeaux"),
        deposits=[PrecedingInvoice("FAC-2026-00198", date(2026, 11, 26), D("600"))],
    )
    text = text_of(render_invoice(data))
    for words in (
        "FACTURE",
        "FAC-2026-00231",
        "18/12/2026",
        "17/12/2026",
        "31/01/2027",
        "SAS au capital de 150 000 €",
        "RCS Saint-Étienne 732 829 320",
        "FR44732829320",
        "Aéro Composants SA",
        "SIREN 552 100 554",
        "FR61552100554",
        "45-2211",
        "BL-2026-0093",
        "1 607,40 €",
        "5 %",
        "7,555 €",
        "2 382,18 €",
        "1 782,18 €",
        "FAC-2026-00198",
        "Pas d'escompte",
        "taux BCE + 10 points",
        "recouvrement : 40 €",
        "Livraison de biens",
        "d'après les débits",
        "33000 Bordeaux",
        "Page 1/1",
    ):
        assert words in text, words


@pytest.mark.requirement("ORD-50")
def test_missing_mandatory_fields_are_all_listed_in_french() -> None:
    bad = replace(
        samples.invoice(),
        number="",
        seller=replace(samples.COMPANY, siren="", capital=None, vat_number=""),
        buyer=replace(samples.CUSTOMER, siren="12", address=Address("", "31700", "Blagnac")),
        due_on=None,
        delivered_on=None,
        late_rate=" ",
        customer_order_required=True,
        customer_order_number="",
    )
    with pytest.raises(InvoiceNotIssuable) as caught:
        issue(bad)
    assert {error.field for error in caught.value.errors} == {
        "number",
        "seller.siren",
        "seller.capital",
        "seller.vat_number",
        "buyer.siren",
        "buyer.address",
        "due_on",
        "delivered_on",
        "late_rate",
        "customer_order_number",
    }
    assert "SIREN du vendeur manquant." in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lines": []}, "lines"),
        ({"lines": [InvoiceLine(1, "a", D(0), D(1))]}, "lines.1.quantity"),
        ({"lines": [InvoiceLine(1, " ", D(1), D(1))]}, "lines.1.designation"),
        ({"lines": [InvoiceLine(1, "a", D(1), D(-1))]}, "lines.1.unit_price"),
        ({"lines": [InvoiceLine(1, "a", D(1), D(1), vat_rate_pct=D(0))]}, "lines.1.vat_rate_pct"),
        ({"due_on": date(2026, 1, 1)}, "due_on"),
        ({"kind": InvoiceKind.CREDIT_NOTE}, "original"),
        ({"deposits": [PrecedingInvoice("X", date(2026, 1, 1), D(10**6))]}, "deposits"),
    ],
)
def test_wrong_content_is_refused(changes: dict[str, object], field: str) -> None:
    data = replace(samples.invoice(), **changes)  # type: ignore[arg-type]
    assert [error.field for error in missing_fields(data)] == [field]


def abroad(category: VatCategory, country: str, vat_number: str) -> InvoiceData:
    buyer = replace(
        samples.CUSTOMER,
        siren="",
        vat_number=vat_number,
        address=Address("Industriestr. 5", "70565", "Stuttgart", country),
    )
    line = InvoiceLine(1, "Bride", D(10), D("12.5"), D(0), category)
    return replace(samples.invoice(), buyer=buyer, lines=[line])


@pytest.mark.requirement("ORD-33")
def test_zero_rate_needs_its_mention_and_the_customers_vat_number() -> None:
    bare = abroad(VatCategory.INTRA_EU, "DE", "")
    assert {error.field for error in missing_fields(bare)} == {"buyer.vat_number", "vat_mentions.K"}
    mention = "Exonération de TVA, livraison intracommunautaire"
    good = replace(abroad(VatCategory.INTRA_EU, "DE", "DE123456789"), vat_mentions={"K": mention})
    xml = build_xml(good)
    assert check_xml(xml) == schematron.available()
    assert value(xml, "ExemptionReason") == [mention]
    assert value(xml, "TaxTotalAmount") == ["0.00"]
    assert mention in text_of(render_invoice(good))


def test_credit_note_and_deposit_deduction_are_valid_xml() -> None:
    original = PrecedingInvoice("FAC-2026-00100", date(2026, 10, 1))
    given = replace(
        samples.invoice(), kind=InvoiceKind.CREDIT_NOTE, original=original, delivered_on=None, due_on=None
    )
    credit = build_xml(given)
    check_xml(credit)
    paper = text_of(render_invoice(given))
    assert "AVOIR" in paper
    assert "FAC-2026-00100 du 01/10/2026" in paper
    assert "IBAN" not in paper
    assert value(credit, "TypeCode")[0] == "381"
    deposit = PrecedingInvoice("FAC-2026-00198", date(2026, 11, 26), D("600"))
    final = build_xml(
        replace(samples.invoice(), deposits=[deposit], nature=OperationNature.BOTH, vat_on_debits=True)
    )
    check_xml(final)
    assert value(final, "TotalPrepaidAmount") == ["600.00"]
    assert value(final, "DuePayableAmount") == ["1782.18"]
    assert value(final, "DueDateTypeCode") == ["5"]
    assert "M4" in value(final, "ID")


@pytest.mark.requirement("ORD-37")
def test_xsd_stops_a_malformed_xml() -> None:
    broken = build_xml(samples.invoice()).replace(b"ram:DuePayableAmount", b"ram:DuPayable")
    with pytest.raises(InvoiceNotIssuable) as caught:
        check_xml(broken)
    assert caught.value.errors[0].code == "xsd_invalid"


@needs_saxon
@pytest.mark.requirement("ORD-37")
def test_schematron_stops_totals_that_do_not_add_up() -> None:
    broken = re.sub(rb"(GrandTotalAmount>)[\d.]+", rb"\g<1>9999.99", build_xml(samples.invoice()))
    with pytest.raises(InvoiceNotIssuable) as caught:
        check_xml(broken)
    assert {error.code for error in caught.value.errors} == {"schematron_invalid"}


def test_pdf_without_invoice_is_refused() -> None:
    with pytest.raises(ValueError, match="Factur-X"):
        extract_xml(render_invoice(samples.invoice()))
