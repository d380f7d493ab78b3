"""The office client against the real coordinator."""

from __future__ import annotations

import datetime as dt
import importlib
import threading
import uuid
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import QLabel, QPushButton

from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.quote.operations import OperationsTable
from clients.desktop.ui.sheets import QuoteSheetView
from coordinator.kernel.context import Principal
from tests.clients.desktop.conftest import Post, wait
from tests.clients.desktop.office import Office
from tests.clients.desktop.steps import customer, listed, name, opened, type_in


def test_reader_sees_no_way_to_change(post: Post, office: Office) -> None:
    record = customer(office)
    window = post.sign_in("lecteur@atelier.fr")
    page = listed(window)
    assert page.new_button.isHidden()
    assert page.export_button.isHidden()
    form = opened(window, record)
    assert form.form is not None
    assert not any(editor.writable for editor in form.form.editors.values())
    assert form.save_bar.isHidden()
    assert form.header.buttons == {}


def test_list_sorts_searches_and_pages(window: MainWindow, office: Office) -> None:
    mark = uuid.uuid4().hex[:8]
    with office.http() as other:
        for number in range(130):
            answer = other.post("/customers", json={"name": f"{mark} {number:03d}"})
            assert answer.status_code == 201, answer.text
    page = listed(window)
    page.search.setText(mark)
    wait(lambda: page.state.total == 130, "search")
    assert len(page.state.rows) == 100
    assert "130" in page.count.text().replace("\u202f", "")
    page.model.fetchMore(page.model.index(-1, -1))
    wait(lambda: len(page.state.rows) == 130, "second page")
    assert len({r["id"] for r in page.state.rows}) == 130
    column = [f.name for f in page.model.columns].index("name")
    page.table.horizontalHeader().sectionClicked.emit(column)
    wait(lambda: page.state.rows and page.state.rows[0]["name"] == f"{mark} 000", "ascending")
    page.table.horizontalHeader().sectionClicked.emit(column)
    wait(lambda: page.state.rows and page.state.rows[0]["name"] == f"{mark} 129", "descending")
    page.search.setText(f"{mark} 07")
    wait(lambda: page.state.total == 10, "narrower search")


def test_empty_list_says_what_it_is_for(window: MainWindow) -> None:
    page = listed(window, "supplier")
    assert page.stack.currentWidget() is page.empty
    assert "fournisseur" in page.empty.words.lower()
    page.search.setText("introuvable")
    wait(lambda: "Aucun" in page.empty.words, "nothing found")


def test_export_writes_the_filtered_list(window: MainWindow, office: Office, tmp_path: Any) -> None:
    record = customer(office)
    page = listed(window)
    page.search.setText(record["name"])
    wait(lambda: page.state.total == 1, "search")
    for kind in ("csv", "xlsx"):
        path = tmp_path / f"clients.{kind}"
        page.export_to(path, kind)
        wait(lambda path=path: path.exists() and path.stat().st_size, kind)
    assert record["name"] in (tmp_path / "clients.csv").read_text(encoding="utf-8-sig")
    assert (tmp_path / "clients.xlsx").read_bytes()[:2] == b"PK"


@pytest.mark.requirement("UIX-07")
def test_create_with_a_mistake_then_right(window: MainWindow, office: Office) -> None:
    page = window.open_creation("customer")
    page.save_button.click()
    assert page.form is not None
    assert page.form.editors["name"].error
    wanted = name()
    type_in(page, "name", wanted)
    type_in(page, "siret", "12345678900012")
    page.save_button.click()
    wait(lambda: page.form and page.form.editors["siret"].error, "refusal of the number")
    assert page.record_id is None
    assert page.form.editors["name"].control.text() == wanted  # type: ignore[attr-defined]
    type_in(page, "siret", "")
    page.save_button.click()
    wait(lambda: page.record_id, "creation")
    with office.http() as other:
        assert other.get(f"/customers/{page.record_id}").json()["name"] == wanted
    assert page.save_bar.isHidden()


def test_edit_sends_only_what_changed(window: MainWindow, office: Office) -> None:
    record = customer(office, phone="01 02 03 04 05")
    page = opened(window, record)
    assert page.save_bar.isHidden()
    type_in(page, "payment_terms_days", "45")
    type_in(page, "outstanding_limit", "12 500,5")
    assert not page.save_bar.isHidden()
    page.save_button.click()
    wait(lambda: page.state and not page.state.is_dirty, "saved")
    with office.http() as other:
        saved = other.get(f"/customers/{record['id']}").json()
    assert (saved["payment_terms_days"], saved["outstanding_limit"]) == (45, "12500.50")
    assert saved["phone"] == "01 02 03 04 05"


@pytest.mark.requirement("UIX-62")
def test_conflict_shows_both_values_and_the_person_chooses(
    window: MainWindow, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clients.desktop.ui import record_page

    record = customer(office, business_sector="Médical")
    page = opened(window, record)
    type_in(page, "phone", "01 11 11 11 11")
    type_in(page, "business_sector", "Nucléaire")
    shown: list[str] = []

    def choose(dialog: Any) -> int:
        from PySide6.QtWidgets import QLabel, QRadioButton

        shown.extend(w.text() for kind in (QLabel, QRadioButton) for w in dialog.findChildren(kind))
        dialog.choices["phone"].button(0).setChecked(True)
        return 1

    monkeypatch.setattr(record_page.ConflictDialog, "exec", choose)
    monkeypatch.setattr(page, "_on_change", lambda _change: None)
    with office.http() as other:
        body = {"phone": "02 22 22 22 22", "legal_form": "SAS", "row_version": record["row_version"]}
        assert other.patch(f"/customers/{record['id']}", json=body).status_code == 200
    page.save_button.click()
    wait(lambda: shown, "conflict dialog")
    assert "01 11 11 11 11" in shown
    assert "02 22 22 22 22" in shown
    assert "Nucléaire" not in shown
    page.save_button.click()
    wait(lambda: page.state and not page.state.is_dirty, "saved")
    with office.http() as other:
        saved = other.get(f"/customers/{record['id']}").json()
    assert (saved["phone"], saved["business_sector"], saved["legal_form"]) == (
        "02 22 22 22 22",
        "Nucléaire",
        "SAS",
    )


@pytest.mark.requirement("UIX-09")
def test_change_of_another_post_appears_by_itself(window: MainWindow, office: Office) -> None:
    record = customer(office)
    page = opened(window, record)
    table = listed(window)
    table.search.setText(record["name"])
    wait(lambda: table.state.total == 1 and window.desk.runner.busy == 0, "search")
    with office.http() as other:
        renamed = f"{record['name']} renommé"
        body = {"phone": "03 33 33 33 33", "name": renamed, "row_version": record["row_version"]}
        changed = other.patch(f"/customers/{record['id']}", json=body).json()
    wait(lambda: page.form and page.form.editors["phone"].control.text() == "03 33 33 33 33", "form")  # type: ignore[attr-defined]
    assert page.title == changed["display"]
    wait(lambda: any(r["name"] == changed["name"] for r in table.state.rows), "list")


def test_a_change_while_rows_are_on_their_way_is_not_lost(
    window: MainWindow, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = customer(office)
    table = listed(window)
    table.search.setText(record["name"])
    wait(lambda: table.state.total == 1 and window.desk.runner.busy == 0, "search")
    fetched, gate, fetch = threading.Event(), threading.Event(), window.desk.api.page

    def late(*args: Any) -> Any:
        page = fetch(*args)
        fetched.set()
        assert gate.wait(20)
        return page

    monkeypatch.setattr(window.desk.api, "page", late)
    table.model.refresh()
    wait(fetched.is_set, "old rows on their way")
    with office.http() as other:
        body = {"phone": "01 98 76", "row_version": record["row_version"]}
        assert other.patch(f"/customers/{record['id']}", json=body).status_code == 200
    table.model.refresh()
    gate.set()
    wait(lambda: table.state.rows and table.state.rows[0]["phone"] == "01 98 76", "the change")


def test_a_live_change_leaves_a_list_scrolled_past_500_rows_where_it_is(
    window: MainWindow, office: Office
) -> None:
    with office.http() as other:
        for number in range(510):
            assert other.post("/customers", json={"name": f"Longue liste {number:03}"}).status_code == 201
    table = listed(window)
    table.search.setText("Longue liste")
    wait(lambda: table.state.total == 510 and window.desk.runner.busy == 0, "search")
    while not table.state.complete:
        table.model.fetchMore(QModelIndex())
        wait(lambda: window.desk.runner.busy == 0, "page")
    record = table.state.rows[505]
    table.table.selectRow(3)
    table.table.scrollToBottom()
    place = table.table.verticalScrollBar().value()
    with office.http() as other:
        body = {"phone": "01 55 55", "row_version": record["row_version"]}
        assert other.patch(f"/customers/{record['id']}", json=body).status_code == 200
    table.model.refresh()
    wait(lambda: any(r["phone"] == "01 55 55" for r in table.state.rows), "the change")
    assert len(table.state.rows) == 510
    assert table.table.verticalScrollBar().value() == place


def test_change_of_another_post_never_overwrites_what_is_typed(window: MainWindow, office: Office) -> None:
    record = customer(office)
    page = opened(window, record)
    type_in(page, "phone", "04 44")
    with office.http() as other:
        body = {"phone": "05 55", "row_version": record["row_version"]}
        assert other.patch(f"/customers/{record['id']}", json=body).status_code == 200
    wait(lambda: page.banner.text, "banner")
    assert "autre personne" in page.banner.text
    assert page.form is not None
    assert page.form.editors["phone"].control.text() == "04 44"  # type: ignore[attr-defined]


def test_action_button_runs_the_command(window: MainWindow, office: Office) -> None:
    record = customer(office)
    assert record["status"] == "prospect"
    page = opened(window, record)
    page.header.buttons["activate"].click()
    wait(lambda: page.state and page.state.record["status"] == "active", "activation")
    assert "activate" not in page.header.buttons
    assert page.header.badge.text == "Actif"
    with office.http() as other:
        assert other.get(f"/customers/{record['id']}").json()["status"] == "active"


@pytest.mark.requirement("UIX-06")
def test_search_finds_lists_and_objects(window: MainWindow, office: Office) -> None:
    record = customer(office)
    palette = window.open_search()
    palette.field.setText("fourni")
    assert "supplier" in [h.entity.name for h in palette.hits]
    palette.field.setText(record["name"])
    wait(lambda: any(h.record_id == record["id"] for h in palette.hits), "object")
    palette.list.setCurrentRow(next(i for i, h in enumerate(palette.hits) if h.record_id == record["id"]))
    palette._open(palette.list.currentItem())
    assert window.tabs.currentWidget().record_id == record["id"]  # type: ignore[union-attr]


def test_history_and_links_of_a_record(window: MainWindow, office: Office) -> None:
    record = customer(office)
    with office.http() as other:
        body = {"full_name": "Jeanne Martin", "customer_id": record["id"]}
        assert other.post("/contacts", json=body).status_code == 201
        other.patch(
            f"/customers/{record['id']}", json={"phone": "09 99", "row_version": record["row_version"]}
        )
    page = opened(window, record)
    views = {page.tabs.tabText(i): page.tabs.widget(i) for i in range(page.tabs.count())}
    page.tabs.setCurrentWidget(views["Liens"])
    links: Any = views["Liens"]
    wait(lambda: ("contact", "customer_id") in links.pages and links._missing == 0, "links")
    assert links.pages["contact", "customer_id"].total == 1
    page.tabs.setCurrentWidget(views["Historique"])
    history: Any = views["Historique"]
    wait(lambda: history.entries, "history")
    assert any("09 99" in text for text in history.changes(history.entries[0]))
    assert history.entries[0]["action_label"] == "Modification"


def test_reference_is_found_while_typing(window: MainWindow, office: Office) -> None:
    record = customer(office)
    page = window.open_creation("contact")
    assert page.form is not None
    edit: Any = page.form.editors["customer_id"].control
    edit.setText(record["name"])
    edit._search()
    wait(lambda: edit.found, "suggestion")
    edit.choose(edit.found[0])
    assert page.state is not None
    assert page.state.payload()["customer_id"] == record["id"]
    assert edit.text() == record["display"]


@pytest.mark.requirement("UIX-58")
def test_an_ambiguous_number_is_asked_under_the_field(window: MainWindow, office: Office) -> None:
    page = opened(window, customer(office))
    type_in(page, "outstanding_limit", "1,234")
    assert page.form is not None
    editor = page.form.editors["outstanding_limit"]
    page.save()
    assert "deux façons" in editor.error
    readings = [b for b in editor.findChildren(QPushButton) if b.property("kind") == "chip"]
    assert [b.text().replace("\u202f", " ").replace("\xa0", " ") for b in readings] == ["1,234", "1 234"]
    readings[1].click()
    assert page.state is not None
    assert page.state.payload() == {"outstanding_limit": "1234"}


def test_no_call_of_the_server_runs_in_the_windows_thread(
    window: MainWindow, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = customer(office)
    callers: set[bool] = set()
    send = window.desk.api._send

    def watched(*args: Any, **kwargs: Any) -> Any:
        callers.add(threading.current_thread() is threading.main_thread())
        return send(*args, **kwargs)

    monkeypatch.setattr(window.desk.api, "_send", watched)
    page = opened(window, record)
    for index in range(page.tabs.count()):
        page.tabs.setCurrentIndex(index)
    type_in(page, "phone", "01 99")
    page.save()
    wait(lambda: page.state and not page.state.is_dirty, "saved")
    listed(window)
    assert callers == {False}


def test_sales_quote_page_shows_three_scenarios(window: MainWindow, office: Office) -> None:
    if "quote" not in window.desk.metadata.entities:
        pytest.skip("module quoting is not installed")
    record = customer(office)
    with office.factory.open(Principal.service("test")) as ctx:
        models: Any = importlib.import_module("coordinator.modules.quoting.models")
        quote = ctx.add(
            models.Quote(number=name("D"), customer_id=record["id"], quote_date=dt.date(2026, 11, 2))
        )
        line = ctx.add(
            models.QuoteLine(
                quote_id=quote.id, line_no=1, description="Arbre", quantity=5, feasibility="feasible"
            )
        )
        ctx.add(models.QuoteLineOperation(quote_line_id=line.id, sequence_no=10, operation_type="turning", operation_label="Ébauche",
                                          vc_m_min=180, run_min=150, setup_min=20))  # fmt: skip
        for kind, price in (("express", 200), ("economic", 100), ("standard", 150)):
            ctx.add(
                models.QuoteScenario(
                    quote_id=quote.id, kind=kind, price_excl_tax=price, is_recommended=kind == "standard"
                )
            )
        quote_id = quote.id
    page = window.open_record("quote", quote_id)
    wait(lambda: page.state, "quote")
    sheet = page.tabs.widget(0)
    assert isinstance(sheet, QuoteSheetView)
    wait(lambda: sheet.data, "sheet")
    words = [w.text() for w in sheet.findChildren(QLabel)]
    prices = [w for w in words if w.endswith("€")]
    assert [p.replace("\xa0", " ") for p in prices[:3]] == ["150,00 €", "200,00 €", "100,00 €"]
    table = sheet.findChildren(OperationsTable)[0]
    cells = [table.model().index(0, c).data() for c in range(table.model().columnCount())]
    assert "Ébauche" in cells
    assert "2\xa0h\xa030" in cells
