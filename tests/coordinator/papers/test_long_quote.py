"""A quote over several pages: carried totals, whole lines, long names, certificates told once (QUO-38)."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pypdfium2
import pytest

from coordinator.modules.quoting.papers import (
    PriceBreak,
    QuoteLine,
    certificate_words,
    render_quote,
    subject_of,
)
from tests.coordinator.papers import samples

LONG = "Collecteur_hydraulique_4_voies_reference_constructeur_XJ-2231-44567890-REV-C"


def many(count: int) -> list[QuoteLine]:
    breaks = [PriceBreak(n, Decimal("12.34")) for n in (10, 50, 100, 500, 1000)]
    return [
        QuoteLine(i + 1, LONG if i % 4 == 0 else f"Bride {i + 1}", Decimal(3), Decimal("12.34"), Decimal("37.02"),
                  drawing_number=f"PL-{i}", material="C45", notes=["Gravure du numéro"] * (i % 3), price_breaks=breaks)
        for i in range(count)
    ]  # fmt: skip


def amounts(text: str, word: str) -> list[Decimal]:
    found = re.findall(rf"{word}\s*:\s*([\d\s\u202f\xa0]+,\d\d)", text)
    return [Decimal(re.sub(r"[\s\u202f\xa0]", "", one).replace(",", ".")) for one in found]


@pytest.mark.requirement("QUO-38")
def test_every_page_carries_the_total_of_the_lines_before_it() -> None:
    with pypdfium2.PdfDocument(render_quote(replace(samples.quote(), lines=many(40)))) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    shown = [len(set(re.findall(r"Plan PL-(\d+)", re.sub(r"[\u200b\ufffe]", "", page)))) for page in pages]
    assert sum(shown) == 40, "no line stands on two pages"
    before = 0
    for index, page in enumerate(pages):
        lines_before, before = before, before + shown[index]
        if not shown[index]:
            continue
        assert amounts(page, "Report") == ([lines_before * Decimal("37.02")] if lines_before else [])
        assert amounts(page, "À reporter") == ([before * Decimal("37.02")] if before < 40 else [])
    assert len(pages) > 3


@pytest.mark.requirement("QUO-38")
def test_a_quote_of_one_page_carries_nothing_over() -> None:
    with pypdfium2.PdfDocument(render_quote(replace(samples.quote(), lines=many(2)))) as document:
        text = document[0].get_textpage().get_text_bounded()
    assert not amounts(text, "Report")
    assert not amounts(text, "À reporter")


@pytest.mark.requirement("QUO-38")
def test_a_long_name_does_not_run_into_the_next_column() -> None:
    with pypdfium2.PdfDocument(render_quote(replace(samples.quote(), lines=many(1)))) as document:
        text = document[0].get_textpage()
        boxes = [
            (text.get_text_bounded(*text.get_rect(i)), text.get_rect(i)) for i in range(text.count_rects())
        ]
    quantity = next(box for words, box in boxes if words.strip() == "pièces")
    names = [box for words, box in boxes if "Collecteur" in words or "44567890" in words]
    assert names
    assert all(box[2] <= quantity[0] for box in names)


def test_certificates_and_subject_in_few_words() -> None:
    assert certificate_words([]) == []
    assert certificate_words([3]) == ["Certificat matière EN 10204 3.1, ligne 3"]
    assert certificate_words([1, 2, 3, 7, 9, 10]) == [
        "Certificat matière EN 10204 3.1, lignes 1 à 3, 7, 9 et 10"
    ]
    assert subject_of(["Arbre", "Bride"]) == "Arbre, Bride"
    told = subject_of([f"Bride de raccordement numéro {n}" for n in range(1, 7)])
    assert told == "Bride de raccordement numéro 1, Bride de raccordement numéro 2 et 4 autres"
