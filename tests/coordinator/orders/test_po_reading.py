"""A customer's order is read from its PDF, or from a scan of it, and compared with the quote."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from coordinator.kernel.errors import BusinessError
from coordinator.modules.orders.po_matching import QuotedLine, QuotedOffer, differences, score
from coordinator.modules.orders.po_reading import recognise
from coordinator.modules.orders.po_text import read_text
from coordinator.modules.orders.priorities import priority_of, working_days
from infra.samples.customer_order import CustomerOrder, OrderedLine, write

D = Decimal
TODAY = dt.date(2026, 11, 23)
ORDER = CustomerOrder(
    "CA-2026-00471",
    dt.date(2026, 11, 20),
    [OrderedLine("A-100", "Arbre", 10, D("84.60"), "A"), OrderedLine("B-200", "Bloc", 1, D("1189.40"))],
    dt.date(2026, 12, 18),
    "DEV-2026-0001",
)
OFFER = QuotedOffer(
    7,
    "DEV-2026-0001",
    3,
    "sent",
    (
        QuotedLine(1, 1, D(10), D("84.60"), "A-100", "A", "Arbre", ((D(100), D("71.35")),)),
        QuotedLine(2, 2, D(1), D("1189.40"), "B-200", "-", "Bloc"),
    ),
    dt.date(2026, 12, 18),
    30,
    dt.date(2026, 12, 20),
)


@pytest.mark.requirement("ORD-01")
def test_a_pdf_order_is_read(tmp_path: Path) -> None:
    text = read_text(write(ORDER, tmp_path / "commande.pdf"))
    assert text.method == "text"
    found = recognise(text.lines)
    assert found.is_po
    assert found.po_number == "CA-2026-00471"
    assert found.po_date == dt.date(2026, 11, 20)
    assert found.quote_numbers == ("DEV-2026-0001",)
    assert found.delivery_date == dt.date(2026, 12, 18)
    assert found.sirets == ("55210055400013",)
    assert found.vat_numbers == ("FR61552100554",)
    assert found.total_excl_tax == D("2035.40")
    assert found.payment_days == 30
    assert [(line.drawing_number, line.revision, line.quantity, line.unit_price) for line in found.lines] == [
        ("A-100", "A", D(10), D("84.60")),
        ("B-200", None, D(1), D("1189.40")),
    ]
    assert found.clauses == ("Certificat matière 3.1 à joindre à la livraison.",)
    assert found.warnings == ()


@pytest.mark.requirement("ORD-01")
@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_a_scanned_order_is_read(tmp_path: Path) -> None:
    import pypdfium2

    with pypdfium2.PdfDocument(write(ORDER, tmp_path / "commande.pdf")) as document:
        document[0].render(scale=200 / 72, grayscale=True).to_pil().save(tmp_path / "scan.png")
    text = read_text(tmp_path / "scan.png")
    assert text.method == "ocr"
    found = recognise(text.lines)
    assert found.po_number == "CA-2026-00471"
    assert [(line.quantity, line.unit_price) for line in found.lines] == [
        (D(10), D("84.60")),
        (D(1), D("1189.40")),
    ]


@pytest.mark.requirement("ORD-45")
def test_broken_files_are_an_error_not_a_crash(tmp_path: Path) -> None:
    broken = tmp_path / "x.pdf"
    broken.write_bytes(b"%PDF-1.7 garbage")
    with pytest.raises(BusinessError) as refusal:
        read_text(broken)
    assert refusal.value.code == "po.unreadable"


@pytest.mark.parametrize(
    "lines", [["FACTURE N° F-2026-01", "Total HT : 10,00 €"], ["Bonjour,", "voici nos vœux."], []]
)
def test_other_papers_are_no_orders(lines: list[str]) -> None:
    assert not recognise(lines).is_po


def test_other_layouts() -> None:
    found = recognise(
        [
            "PURCHASE ORDER No. 4500123456   2026-11-20",
            "Item   Part no   Description   Qty   Price   Amount",
            "1   PL-4471/C   Bride de fixation rev. C   25 pcs   84.60 EUR   2 115.00 EUR",
            "   delivery 2026-12-18",
            "2   PL-4480   Arbre Ø50 h6   10   189,40   1 894,00",
            "Total excl. VAT 4 009,00",
        ]
    )
    assert found.po_number == "4500123456"
    assert found.po_date == dt.date(2026, 11, 20)
    assert [(line.drawing_number, line.quantity, line.unit_price) for line in found.lines] == [
        ("PL-4471/C", D(25), D("84.60")),
        ("PL-4480", D(10), D("189.40")),
    ]
    assert found.lines[0].revision == "C"
    assert found.delivery_date == dt.date(2026, 12, 18)


def test_a_sum_that_does_not_add_up_is_told() -> None:
    found = recognise(["Bon de commande n° C-1", "A-1   Pièce   10   2,00   20,00", "Total HT : 25,00 €"])
    assert "(25,00 €)" in found.warnings[0]


@pytest.mark.requirement("ORD-02")
def test_scores_tell_a_sure_match_from_a_guess() -> None:
    lines = [
        "Bon de commande n° C-77", "Votre devis : DEV-2026-0001",
        "A-100 ind. A   Arbre   10   84,60   846,00", "B-200   Bloc   1   1 189,40   1 189,40",
    ]  # fmt: skip
    sure = recognise(lines)
    assert score(sure, OFFER, 3).score >= 0.90
    unnamed = recognise([line for line in lines if "devis" not in line])
    assert 0.90 <= score(unnamed, OFFER, 3).score < 1
    no_customer = score(unnamed, OFFER, None).score
    assert 0.60 <= no_customer < 0.90
    other = recognise(["Bon de commande n° C-78", "Z-9   Autre   3   5,00   15,00"])
    assert score(other, OFFER, None).score < 0.60
    assert score(sure, OFFER, 99).score < 0.90, "another customer's order is never sure"


@pytest.mark.requirement("ORD-03")
def test_contract_review_names_every_difference() -> None:
    lines = [
        "Bon de commande n° C-77", "Livraison : 01/12/2026", "Paiement à 60 jours",
        "A-100 ind. B   Arbre   12   80,00   960,00", "Z-900   Inconnue   2   3,00   6,00",
        "Clause EN 9100 applicable",
    ]  # fmt: skip
    found = {(d.field, d.line_no): d for d in differences(recognise(lines), OFFER, TODAY)}
    assert found["revision", 1].blocking
    assert found["line", None].blocking
    assert (found["quantity", 1].ordered, found["quantity", 1].quoted) == ("12", "10")
    assert found["unit_price", 1].quoted == "84,60 €"
    assert ("line", 2) in found
    assert ("delivery_date", None) in found
    assert ("payment_terms", None) in found
    assert ("clause", None) in found
    same = recognise(
        [
            "Bon de commande n° C-77",
            "A-100   Arbre   10   84,60   846,00",
            "B-200   Bloc   1   1 189,40   1 189,40",
        ]
    )
    assert differences(same, OFFER, TODAY) == []


@pytest.mark.requirement("ORD-03")
def test_a_quoted_quantity_break_is_no_price_difference() -> None:
    found = recognise(
        [
            "Bon de commande n° C-77",
            "A-100   Arbre   100   71,35   7 135,00",
            "B-200   Bloc   1   1 189,40   1 189,40",
        ]
    )
    assert [d.field for d in differences(found, OFFER, TODAY)] == ["quantity"]


@pytest.mark.requirement("ORD-47")
def test_expired_and_replaced_quotes_are_told() -> None:
    order = recognise(
        [
            "Bon de commande n° C-77",
            "A-100   Arbre   10   84,60   846,00",
            "B-200   Bloc   1   1 189,40   1 189,40",
        ]
    )
    late = replace(OFFER, valid_until=dt.date(2026, 11, 1))
    assert [d.blocking for d in differences(order, late, TODAY)] == [False]
    replaced = replace(OFFER, current_number="DEV-2026-0001-B")
    assert [d.blocking for d in differences(order, replaced, TODAY)] == [True]


@pytest.mark.requirement("PLN-04")
@pytest.mark.parametrize(
    ("current", "due", "forecast", "expected"),
    [
        ("normal", dt.date(2026, 12, 18), dt.date(2026, 12, 10), "normal"),
        ("normal", dt.date(2026, 11, 20), None, "overdue_urgent"),
        ("urgent", dt.date(2026, 12, 1), dt.date(2026, 12, 2), "overdue_urgent"),
        ("normal", dt.date(2026, 12, 2), dt.date(2026, 12, 2), "urgent"),
        ("critical", dt.date(2026, 12, 2), dt.date(2026, 12, 2), "critical"),
        ("overdue_urgent", dt.date(2026, 12, 18), dt.date(2026, 12, 1), "normal"),
        ("normal", None, None, "normal"),
    ],
)
def test_priority_follows_the_dates(
    current: str, due: dt.date | None, forecast: dt.date | None, expected: str
) -> None:
    assert priority_of(current, due, forecast, TODAY) == expected


def test_working_days_skip_weekends() -> None:
    assert working_days(dt.date(2026, 11, 20), dt.date(2026, 11, 23)) == 1
    assert working_days(dt.date(2026, 11, 23), dt.date(2026, 11, 20)) == -1
