"""What is printed on each paper, read back from the PDF."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
import zxingcpp

from coordinator.kernel.papers import PaperError, render
from coordinator.kernel.papers.labels import Label, LabelPaper, render_labels
from coordinator.modules.orders.papers import render_acknowledgement, render_delivery_note
from coordinator.modules.quoting.papers import render_quote
from coordinator.modules.routings.papers import render_routing_sheet
from tests.coordinator.papers import samples


def text_of(pdf: bytes) -> str:
    """Text of all pages with every kind of blank made a plain space."""
    document = pypdfium2.PdfDocument(pdf)
    pages = [page.get_textpage().get_text_bounded() for page in document]
    return re.sub(r"\s+", " ", " ".join(pages))


def codes_of(pdf: bytes, dpi: int) -> list[str]:
    document = pypdfium2.PdfDocument(pdf)
    found: list[str] = []
    for page in document:
        picture: Any = np.asarray(page.render(scale=dpi / 72).to_pil().convert("L"))
        found += [item.text for item in zxingcpp.read_barcodes(picture)]
    return found


@pytest.mark.requirement("QUO-38")
def test_quote_carries_every_mandatory_mention() -> None:
    text = text_of(render_quote(samples.quote()))
    for words in (
        "DEVIS",
        "DEV-2026-0187",
        "version 2",
        "23/11/2026",
        "Valable jusqu'au 23/12/2026",
        "Mécanique de la Loire, SAS au capital de 150 000 €",
        "RCS Saint-Étienne 732 829 320",
        "TVA FR44732829320",
        "Claire Martin",
        "Plan PL-4471 ind. C",
        "42CrMo4 +QT",
        "Bichromatage",
        "25 pièces",
        "84,60 €",
        "2 115,00 €",
        "20 %",
        "801,80 €",
        "4 810,80 €",
        "Express",
        "4 730,62 €",
        "04/12/2026",
        "7 semaines",
        "DAP Blagnac",
        "45 jours fin de mois",
        "taux BCE + 10 points",
        "40 €",
        "EN 10204 3.1",
        "ISO 2768-mK",
        "Emballage maritime",
        "Réserve de propriété",
        "Conditions générales",
        "Bon pour accord",
        "SIGNATURE",
        "Page 1/",
    ):
        assert words in text, words


@pytest.mark.requirement("RTG-03")
def test_routing_sheet_has_all_columns_in_order_and_a_readable_code_per_operation() -> None:
    data = samples.sheet()
    pdf = render_routing_sheet(data)
    text = text_of(pdf)
    columns = [
        "N°",
        "Opération à faire",
        "Machine",
        "Qté",
        "Temps unitaire",
        "Temps total",
        "Contrôle",
        "Outils prévus",
        "Modif. outil",
        "État",
        "Validation",
        "Commentaire opérateur",
    ]
    places = [text.index(column) for column in columns]
    assert places == sorted(places)
    for words in (
        "OF-2026-0412",
        "GAM-0231 v3",
        "PL-4471 ind. C",
        "LOT-26-0338",
        "5 h 19",
        "12,75 min",
        "13 h 26",
        "Débit Ø50 longueur 70",
        "Urgente",
        "L. Moreau",
    ):
        assert words in text, words
    found = codes_of(pdf, 200)
    assert {row.qr for row in data.rows} | {data.qr} <= set(found)


def test_header_row_repeats_and_customer_can_be_hidden() -> None:
    data = replace(samples.sheet(12), customer="")
    pdf = render_routing_sheet(data)
    assert len(pypdfium2.PdfDocument(pdf)) >= 2
    text = text_of(pdf)
    assert text.count("Commentaire opérateur") == len(pypdfium2.PdfDocument(pdf))
    assert "Aéro Composants" not in text


def test_acknowledgement_shows_confirmed_dates_and_deviations() -> None:
    text = text_of(render_acknowledgement(samples.acknowledgement()))
    for words in (
        "ACCUSÉ DE RÉCEPTION",
        "CDE-2026-0118",
        "45-2211",
        "18/12/2026",
        "3 jours plus tard",
        "4 810,80 €",
    ):
        assert words in text, words


@pytest.mark.requirement("ORD-24")
def test_delivery_note_has_lots_and_parcels_and_no_price() -> None:
    data = samples.delivery_note()
    pdf = render_delivery_note(data)
    text = text_of(pdf)
    for words in (
        "BON DE LIVRAISON",
        "BL-2026-0093",
        "LOT-26-0338",
        "0001 à 0020",
        "18,4 kg",
        "Transports Durand",
        "45-2211",
        "20 pièces",
    ):
        assert words in text, words
    body = text.replace("au capital de 150 000 €", "")
    assert "€" not in body
    assert data.qr in codes_of(pdf, 200)


@pytest.mark.requirement("TRC-14")
@pytest.mark.parametrize(("width", "height"), [(25, 25), (62, 29), (100, 150)])
def test_label_is_readable_at_label_printer_resolution(width: float, height: float) -> None:
    label = Label("CNMG 120408", samples.code(7), ["Armoire A2 · C14", "Stock ST-00231"])
    pdf = render_labels(LabelPaper([label, label], width, height))
    assert codes_of(pdf, 203) == [label.qr, label.qr]
    text = text_of(pdf)
    assert "CNMG 120408" in text
    assert "Armoire A2" in text


@pytest.mark.requirement("TRC-14")
def test_labels_fill_an_a4_sheet() -> None:
    labels = [Label(f"Pièce {index}", samples.code(index)) for index in range(20)]
    pdf = render_labels(LabelPaper(labels, 60, 30, on_a4=True))
    assert len(pypdfium2.PdfDocument(pdf)) == 1
    assert sorted(codes_of(pdf, 300)) == sorted(label.qr for label in labels)


@pytest.mark.parametrize(
    ("paper", "code"),
    [
        (LabelPaper([], 25, 25), "label_empty"),
        (LabelPaper([Label("a", "gu:q/x")], 20, 25), "label_size"),
        (LabelPaper([Label("a", "gu:q/x")], 25, 400), "label_size"),
    ],
)
def test_impossible_labels_are_refused(paper: LabelPaper, code: str) -> None:
    with pytest.raises(PaperError) as caught:
        render_labels(paper)
    assert caught.value.code == code


def test_text_of_the_data_is_never_executed() -> None:
    hostile = '#panic("x") *gras* $x$ \\ <b> ```'
    data = replace(samples.quote(), subject=hostile, customer_reference='#import "/layout.typ"')
    assert '#panic("x") *gras*' in text_of(render_quote(data))


def make(tmp_path: Path, source: str) -> Path:
    template = tmp_path / "paper.typ"
    template.write_text(source, encoding="utf-8")
    return template


def test_french_numbers_dates_and_durations(tmp_path: Path) -> None:
    template = make(
        tmp_path,
        """#import "/layout.typ": *
#for v in data.numbers [#number(v) | ] #money("1234.5") | #money("-0.5") | #unit-money("7.555") | #percent("5.50")
| #date("2026-03-12") | #date("2026-03-12T08:00:00+00:00") | #duration("85.5") | #duration(450) | #duration(120)""",
    )
    text = text_of(render(template, {"numbers": ["1234567.891", "0.020", "-12", "999", 1000]}))
    for words in (
        "1 234 567,891 |",
        "0,02 |",
        "−12 |",
        "999 |",
        "1 000 |",
        "1 234,50 €",
        "−0,50 €",
        "7,555 €",
        "5,5 %",
        "12/03/2026 | 12/03/2026",
        "85,5 min",
        "7 h 30",
        "2 h",
    ):
        assert words in text, words


@pytest.mark.parametrize(
    "source",
    [
        '#read("/etc/passwd")',
        '#read("../../etc/hostname")',
        '#import "@preview/cetz:0.3.0": *',
        "#panic(1)",
    ],
)
def test_template_reaches_neither_disk_nor_network(tmp_path: Path, source: str) -> None:
    with pytest.raises(PaperError):
        render(make(tmp_path, source), {})


def test_asset_names_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(PaperError) as caught:
        render(make(tmp_path, "x"), {}, assets={"../evil.svg": b"<svg/>"})
    assert caught.value.code == "paper_asset_name"


def test_logo_is_printed_instead_of_the_name(tmp_path: Path) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="10"/></svg>'
    company = replace(samples.COMPANY, logo="logo.svg")
    plain, branded = samples.quote(), replace(samples.quote(), company=company)
    count = text_of(render_quote(plain)).count("Mécanique de la Loire")
    assert (
        text_of(render_quote(branded, assets={"logo.svg": svg})).count("Mécanique de la Loire") == count - 1
    )
