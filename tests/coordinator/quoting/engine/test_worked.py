"""Worked quotes: the customer's PDF with its legal mentions, the operation list, blocked quotes."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from click.testing import Result
from typer.testing import CliRunner

from coordinator.modules.quoting.cli import app
from coordinator.modules.quoting.verification import bench
from tests.coordinator.quoting.engine.samples import BLOCK, SHAFT


def run(tmp_path: Path, reading: dict[str, object], *more: str) -> Result:
    source = tmp_path / "piece.json"
    source.write_text(json.dumps(reading), encoding="utf-8")
    arguments = [
        "sheet",
        str(source),
        "--quantity",
        "10",
        "--out",
        str(tmp_path / "out"),
        "--name",
        "DEV-2026-0042",
    ]
    return CliRunner().invoke(app, [*arguments, "--date", "2026-11-23", *more])


def sheet(tmp_path: Path, reading: dict[str, object], *more: str) -> tuple[int, Path]:
    return run(tmp_path, reading, *more).exit_code, tmp_path / "out"


def text_of(path: Path) -> str:
    pages = pdfium.PdfDocument(path)
    found = " ".join(pages[i].get_textpage().get_text_bounded() for i in range(len(pages)))
    return " ".join(found.replace("\u202f", " ").replace("\xa0", " ").split())


@pytest.mark.requirement("QUO-38")
def test_the_pdf_carries_all_mentions_and_prices(tmp_path: Path) -> None:
    code, out = sheet(tmp_path, BLOCK, "--certificate", "--price-break", "50")
    assert code == 0
    text = text_of(out / "DEV-2026-0042.pdf")
    for wanted in (
        "DEVIS", "DEV-2026-0042", "23/11/2026", "Valable jusqu'au 23/12/2026", "SAS au capital de 50 000 €", "siège :",
        "RCS Saint-Étienne 732 829 320", "TVA FR44732829320", "Client exemple", "Plan B-200", "EN AW-6082 T6", "10 pièces",
        "TVA 20 %", "Total TTC", "Livraison le", "Standard", "Express", "Économique", "DAP", "45 jours fin de mois",
        "Pénalités de retard", "40 €", "Certificat matière EN 10204 3.1", "propriété", "conditions générales", "Bon pour accord",
        "SIGNATURE", "NOM ET QUALITÉ", "50 p.",
    ):  # fmt: skip
        assert wanted in text, wanted
    assert "Prix et délai à confirmer" not in text
    assert len(pdfium.PdfDocument(out / "DEV-2026-0042.pdf")) == 1


@pytest.mark.requirement("QUO-46")
def test_the_operation_list_has_every_operation_with_its_formula(tmp_path: Path) -> None:
    code, out = sheet(tmp_path, SHAFT)
    assert code == 0
    text = (out / "DEV-2026-0042.md").read_text(encoding="utf-8")
    for wanted in (
        "Ébauche extérieure",
        "Filetage extérieur M20x2,5",
        "mors",
        "t = Σ (L + 2)·i/(f·n)",
        "Coûts du lot",
        "Express",
    ):
        assert wanted in text, wanted


def test_a_quote_with_open_questions_is_never_printed(tmp_path: Path) -> None:
    code, out = sheet(tmp_path, {**BLOCK, "title_block": {}})
    assert code == 1
    assert not (out / "DEV-2026-0042.pdf").exists()
    assert "bloquant" in (out / "DEV-2026-0042.md").read_text(encoding="utf-8")


def test_own_sample_parts_stand_in_the_repository() -> None:
    names = {sample.name for sample in bench.samples()}
    assert {"arbre_sortie", "bloc_distribution", "moyeu"} <= names


@pytest.mark.requirement("QUO-33")
def test_discounts_are_on_the_paper_and_never_under_the_floor(tmp_path: Path) -> None:
    def figures(*more: str) -> tuple[int, str, Path]:
        code, out = sheet(tmp_path, BLOCK, *more)
        pdf = out / "DEV-2026-0042.pdf"
        return code, text_of(pdf) if pdf.exists() else "", pdf

    def net(text: str) -> Decimal:
        found = re.search(r"Total HT ([\d ]+,\d\d)", text)
        assert found is not None, text
        return Decimal(found[1].replace(" ", "").replace(",", "."))

    _, plain, pdf = figures()
    pdf.unlink()
    code, reduced, pdf = figures("--line-discount", "1=2%", "--discount", "10")
    assert code == 0
    assert "2 %" in reduced
    gross = net(plain)
    assert net(reduced) == gross - (gross * Decimal("0.02")).quantize(Decimal("0.01")) - 10
    pdf.unlink()
    refused = run(tmp_path, BLOCK, "--discount", "90%")
    assert refused.exit_code == 1
    assert "prix plancher" in refused.output
    assert not pdf.exists(), "a price under the floor is on no paper"
