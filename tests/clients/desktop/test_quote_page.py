"""The quote page against the real coordinator: typed values, explanations, scenarios, rights."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel, QPushButton

from clients.desktop.model import quotes
from clients.desktop.model.texts import t
from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.quote.line_dialog import EntryDialog
from clients.desktop.ui.quote.operations import OperationsModel, OperationsTable
from clients.desktop.ui.quote.page import QuoteSheetView
from tests.clients.desktop.conftest import Post, wait
from tests.clients.desktop.office import Office
from tests.conftest import master
from tests.coordinator.quoting import workshop
from tests.coordinator.quoting.engine.samples import SHAFT


@pytest.fixture(scope="module")
def parts(office: Office) -> tuple[int, int]:
    """A customer and a validated drawing of his."""
    with office.factory.open(master()) as ctx:
        workshop.build(ctx)
        customer = workshop.customer(ctx).id
        return customer, workshop.validated(ctx, SHAFT, customer).id


@pytest.fixture
def quote(office: Office, parts: tuple[int, int]) -> Iterator[dict[str, Any]]:
    """A computed quote of the drawing."""
    customer, analysis = parts
    with office.http() as other:
        made: dict[str, Any] = other.post("/quotes", json={"customer_id": customer}).json()
        path = f"/quotes/{made['id']}"
        other.post(f"{path}/add-drawings", json={"drawing_analysis_ids": [analysis], "quantity": 10})
        assert other.post(f"{path}/compute", timeout=60).status_code == 200
        yield made


def page_of(window: MainWindow, quote: dict[str, Any]) -> QuoteSheetView:
    page = window.open_record("quote", quote["id"])
    wait(lambda: page.state, "quote")
    sheet = page.tabs.widget(0)
    assert isinstance(sheet, QuoteSheetView)
    wait(lambda: sheet.data.get("lines"), "sheet")
    return sheet


def table_of(sheet: QuoteSheetView) -> OperationsModel:
    return sheet.findChildren(OperationsTable)[0].operations


def place(model: OperationsModel, name: str) -> tuple[int, int]:
    row = next(i for i, r in enumerate(model.rows) if r["operation_type"] == "turning")
    return row, [f.name for f in model.columns].index(name)


def buttons(sheet: QuoteSheetView) -> set[str]:
    return {b.text() for b in sheet.findChildren(QPushButton)}


@pytest.mark.requirement("QUO-45")
def test_a_value_is_typed_over_computed_and_given_back(window: MainWindow, quote: dict[str, Any]) -> None:
    sheet = page_of(window, quote)
    model = table_of(sheet)
    row, column = place(model, "run_min")
    before = sheet.quote["total_excl_tax"]
    computed = model.rows[row]["run_min"]
    assert not model.setData(model.index(row, column), "douze")
    assert "douze" in sheet.banner.text or "nombre" in sheet.banner.text.lower()
    assert model.setData(model.index(row, column), "45,5")
    wait(lambda: sheet.data.get("is_computed") is False, "typed")
    sheet.compute()
    wait(lambda: sheet.data.get("is_computed"), "computed")
    model = table_of(sheet)
    assert Decimal(model.rows[row]["run_min"]) == Decimal("45.5")
    assert quotes.is_typed(model.rows[row], "run_min")
    assert Decimal(sheet.quote["total_excl_tax"]) > Decimal(before)
    first, second = quotes.explanation("Temps", quotes.mark_of(model.rows[row], "run_min") or {})[:2]
    assert first.source == "saisie manuelle"
    assert second.formula
    sheet.reset(model.rows[row])
    wait(lambda: sheet.data.get("is_computed") is False, "reset")
    sheet.compute()
    wait(lambda: sheet.data.get("is_computed"), "computed again")
    assert table_of(sheet).rows[row]["run_min"] == computed
    assert sheet.quote["total_excl_tax"] == before


@pytest.mark.requirement("QUO-45")
def test_numbers_open_their_formula(window: MainWindow, quote: dict[str, Any]) -> None:
    sheet = page_of(window, quote)
    model = table_of(sheet)
    row, column = place(model, "n_rev_min")
    sheet.explain_value(model.rows[row], model.columns[column])
    words = [w.text() for w in sheet.dialog.findChildren(QLabel)]
    assert any("1000" in w for w in words), words
    sheet.dialog.close()
    del sheet.dialog
    sheet.explain_line(sheet.data["lines"][0])
    wait(lambda: hasattr(sheet, "dialog"), "price in detail")
    words = [w.text() for w in sheet.dialog.findChildren(QLabel)]
    assert "Matière" in words
    assert any("marge minimale" in w for w in words)
    sheet.dialog.close()


@pytest.mark.requirement("QUO-35")
def test_another_scenario_is_chosen(window: MainWindow, quote: dict[str, Any]) -> None:
    sheet = page_of(window, quote)
    express = next(s for s in sheet.data["scenarios"] if s["kind"] == "express")
    sheet.choose(express)
    wait(lambda: sheet.quote.get("selected_scenario_id") == express["id"], "chosen")
    assert sheet.quote["total_excl_tax"] == express["price_excl_tax"]


def test_lines_are_added_changed_and_removed(window: MainWindow, quote: dict[str, Any]) -> None:
    sheet = page_of(window, quote)
    sheet.add_line()
    dialog = sheet.findChildren(EntryDialog)[0]
    dialog.state.set("description", "Cale")
    dialog.state.set("quantity", "4")
    dialog.save()
    wait(lambda: len(sheet.data["lines"]) == 2, "second line")
    second = sheet.data["lines"][1]
    assert second["description"] == "Cale"
    sheet.act("quote-lines", second, "remove")
    wait(lambda: len(sheet.data["lines"]) == 1, "removed")


@pytest.mark.requirement("QUO-02")
def test_once_approved_only_the_paper_opens(
    window: MainWindow, office: Office, quote: dict[str, Any]
) -> None:
    with office.http() as other:
        other.post(f"/quotes/{quote['id']}/submit")
        answer = other.post(f"/quotes/{quote['id']}/approve", json={"accept_to_confirm": True}, timeout=60)
        assert answer.status_code == 200, answer.text
    sheet = page_of(window, quote)
    assert not sheet.is_editable
    assert "Ouvrir le PDF" in buttons(sheet)
    assert not {"Recalculer", "Modifier", "Retenir", "Retirer"} & buttons(sheet)


def test_a_reader_of_quotes_changes_nothing(post: Post, office: Office, quote: dict[str, Any]) -> None:
    office.role("lecteur_devis", {"quoting": "R", "crm": "R"})
    office.person("devis@atelier.fr", ["lecteur_devis"])
    sheet = page_of(post.sign_in("devis@atelier.fr"), quote)
    assert not {"Recalculer", "Modifier", "Retenir", "Ajouter une ligne"} & buttons(sheet)
    model = table_of(sheet)
    row, column = place(model, "run_min")
    from PySide6.QtCore import Qt

    assert not model.flags(model.index(row, column)) & Qt.ItemFlag.ItemIsEditable


def test_the_blank_of_a_line_is_told_with_mass_and_source() -> None:
    blank = {"label": "six pans 24 × 53", "mass_kg": 0.223, "source": "achat barre six pans 24 ×100"}
    assert (
        quotes.blank_words({"blank": blank})
        == "six pans 24 × 53 mm · 0,223 kg · achat barre six pans 24 ×100"
    )
    assert quotes.blank_words({"blank": None}) == ""
    assert quotes.blank_words({}) == ""


@pytest.mark.requirement("QUO-33")
def test_a_discount_is_typed_and_told_with_its_reason(
    window: MainWindow, office: Office, quote: dict[str, Any]
) -> None:
    sheet = page_of(window, quote)
    sheet.open_discount()
    dialog = sheet.findChildren(EntryDialog)[-1]
    assert set(dialog.state.fields) == {"discount_pct", "discount_amount", "discount_reason"}
    dialog.state.set("discount_pct", "30")
    dialog.state.set("discount_reason", "Cadre annuel")
    dialog.save()
    wait(lambda: sheet.quote.get("discount_pct") is not None and not sheet.data["is_computed"], "discount")
    sheet.compute()
    wait(lambda: sheet.data["is_computed"], "computed", timeout_s=60.0)
    told = " ".join(x.text() for x in sheet.findChildren(QLabel))
    assert "Cadre annuel" in told
    assert "Total avant remise" in told
    assert "sous le prix plancher" in told


@pytest.mark.requirement("QUO-43")
def test_a_quote_goes_to_a_file_and_its_lines_come_back(
    window: MainWindow, quote: dict[str, Any], office: Office, tmp_path: Path
) -> None:
    sheet = page_of(window, quote)
    assert {t("quote.exchange_out"), t("quote.exchange_in")} <= buttons(sheet)
    target = tmp_path / "devis.json"
    sheet.exchange.export_to(target)
    wait(target.is_file, "file")
    with office.http() as other:
        copy = other.post("/quotes", json={"customer_id": quote["customer_id"], "method": "manual"}).json()
    empty = window.open_record("quote", copy["id"])
    wait(lambda: empty.state, "copy")
    page = empty.tabs.widget(0)
    assert isinstance(page, QuoteSheetView)
    wait(lambda: page.data.get("quote"), "sheet of the copy")
    page.exchange.bring_in(target, take_prices=True)
    wait(lambda: page.data.get("lines"), "lines of the file")
    [line] = page.data["lines"]
    assert line["method"] == "manual"
    assert Decimal(line["manual_unit_price"]) > 0


@pytest.mark.requirement("QUO-34")
def test_every_scenario_card_tells_the_prices_of_other_quantities(
    window: MainWindow, quote: dict[str, Any], office: Office
) -> None:
    with office.http() as other:
        line = other.get(f"/quotes/{quote['id']}/sheet").json()["lines"][0]
        other.post("/quote-price-breaks", json={"quote_line_id": line["id"], "quantity": "100"})
        other.post(f"/quotes/{quote['id']}/compute", timeout=60)
    sheet = page_of(window, quote)
    told = [x.text() for x in sheet.findChildren(QLabel) if x.text().startswith("Ligne 1, par 100 :")]
    assert len(set(told)) == 3
