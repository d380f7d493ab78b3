"""Quotes when the line is lost, and the work of other trades: nothing typed is lost, nothing is written twice (QUO-52, QUO-42)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel

from clients.desktop.model.trades import TradeEntry
from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.quote.line_dialog import EntryDialog
from clients.desktop.ui.quote.precision import PrecisionView
from coordinator.kernel.models import Setting
from coordinator.modules.machines.models import Machine
from coordinator.modules.quoting.engine.settings import TradeSettings
from coordinator.modules.quoting.engine.trade_forms import forms
from coordinator.modules.quoting.models import LearningFactor
from tests.clients.desktop.conftest import wait
from tests.clients.desktop.office import Office
from tests.clients.desktop.test_quote_page import page_of, parts, place, quote, table_of
from tests.conftest import master

__all__ = ["parts", "quote"]


def _numbers(office: Office) -> list[str]:
    with office.http() as other:
        found = other.get("/quotes", params={"limit": 100, "sort": "id"}).json()["items"]
    return [q["number"] for q in found]


@pytest.mark.requirement("QUO-52")
def test_a_line_typed_without_connection_is_kept_and_sent_later(
    window: MainWindow, office: Office, quote: dict[str, Any]
) -> None:
    sheet = page_of(window, quote)
    sheet.add_line()
    dialog = sheet.findChildren(EntryDialog)[-1]
    dialog.state.set("description", "Cale de réglage")
    dialog.state.set("quantity", "6")
    office.server.stop()
    try:
        dialog.save()
        wait(dialog.save_button.isEnabled, "refused")
        assert dialog.banner.text
        dialog.reject()
        dialog.setParent(None)
    finally:
        office.server.start()
    wait(lambda: not sheet._loading, "quiet")
    sheet.add_line()
    again = sheet.findChildren(EntryDialog)[-1]
    draft = again._desk.drafts.find(f"quote-lines-{quote['id']}", None)
    assert draft is not None
    assert draft["values"]["description"] == "Cale de réglage"
    again.state.restore(draft)
    again.save()
    wait(lambda: len(sheet.data["lines"]) == 2, "sent")
    assert again._desk.drafts.find(f"quote-lines-{quote['id']}", None) is None
    numbers = _numbers(office)
    assert len(numbers) == len(set(numbers))


@pytest.mark.requirement("QUO-52")
def test_a_value_typed_without_connection_waits_and_meets_the_version_check(
    window: MainWindow, office: Office, quote: dict[str, Any]
) -> None:
    sheet = page_of(window, quote)
    model = table_of(sheet)
    row, column = place(model, "run_min")
    operation = dict(model.rows[row])
    office.server.stop()
    try:
        assert model.setData(model.index(row, column), "33")
        wait(lambda: "gardée" in sheet.banner.text, "kept")
    finally:
        office.server.start()
    sheet.load()
    wait(lambda: not sheet._loading and sheet.data.get("lines"), "read again")
    with office.http() as other:
        before = other.get(f"/quote-line-operations/{operation['id']}").json()
        assert Decimal(before["run_min"]) == Decimal(operation["run_min"]), "nothing was sent by itself"
    sheet.send_kept()
    wait(lambda: sheet.data.get("is_computed") is False, "sent")
    with office.http() as other:
        after = other.get(f"/quote-line-operations/{operation['id']}").json()
        assert Decimal(after["run_min"]) == 33
        other.patch(
            f"/quote-line-operations/{operation['id']}",
            json={"setup_min": "77", "row_version": after["row_version"]},
        )
    sheet.desk.drafts.keep(
        "quote-line-operations",
        int(operation["id"]),
        {"values": {"setup_min": "5"}, "row_version": after["row_version"]},
    )
    sheet.load()
    wait(lambda: not sheet._loading, "read again")
    sheet.banner.clear_text()
    sheet.send_kept()
    wait(lambda: sheet.banner.text, "refused")
    with office.http() as other:
        assert Decimal(other.get(f"/quote-line-operations/{operation['id']}").json()["setup_min"]) == 77
    sheet.drop_kept()
    assert sheet.desk.drafts.find("quote-line-operations", int(operation["id"])) is None


@pytest.mark.requirement("QUO-52")
def test_two_people_on_one_line_lose_nothing(
    window: MainWindow, office: Office, quote: dict[str, Any]
) -> None:
    sheet = page_of(window, quote)
    line = sheet.data["lines"][0]
    sheet.open_form("quote_line", "Ligne", line)
    dialog = sheet.findChildren(EntryDialog)[-1]
    with office.http() as other:
        path = f"/quote-lines/{line['id']}"
        version = other.get(path).json()["row_version"]
        assert other.patch(path, json={"observation": "Urgent", "row_version": version}).status_code == 200
    dialog.state.set("description", "Arbre repris")
    dialog.save()
    wait(lambda: "vos valeurs sont gardées" in dialog.banner.text, "met")
    assert dialog.state.value("observation") == "Urgent"
    dialog.save()
    wait(lambda: sheet.data["lines"][0]["description"] == "Arbre repris", "saved")
    assert sheet.data["lines"][0]["observation"] == "Urgent"


@pytest.mark.requirement("QUO-42")
def test_work_of_another_trade_is_typed_into_boxes_and_priced(
    window: MainWindow, office: Office, quote: dict[str, Any]
) -> None:
    with office.factory.open(master()) as ctx:
        if not ctx.session.query(Setting).filter_by(key="quoting.trades.active").count():
            ctx.add(Setting(key="quoting.trades.active", scope="global", value=["welding", "bending"]))
    sheet = page_of(window, quote)
    sheet.open_trades(sheet.data["lines"][0])
    wait(lambda: hasattr(sheet, "trades"), "dialog")
    dialog = sheet.trades
    moulding = next(i for i, f in enumerate(dialog._forms) if f["trade"] == "moulding")
    dialog.trade.setCurrentIndex(moulding)
    dialog.add()
    assert dialog.entries == []
    assert "cochez" in dialog.banner.text
    dialog.trade.setCurrentIndex(next(i for i, f in enumerate(dialog._forms) if f["trade"] == "welding"))
    dialog.add()
    dialog.save()
    assert dialog.entries[0].errors, "the length is missing"
    dialog.boxes[0]["length_mm"].setText("250,5")
    dialog.boxes[0]["label"].setText("Soudage du bossage")
    dialog.save()
    wait(lambda: bool(sheet.data["lines"][0].get("trade_operations")), "saved")
    assert sheet.data["lines"][0]["trade_operations"][0]["length_mm"] == 250.5
    sheet.compute()
    wait(lambda: sheet.data.get("is_computed"), "computed")
    labels = [o["operation_label"] for o in sheet.data["lines"][0]["operations"]]
    assert any("Soudage du bossage" in text for text in labels), labels


def test_a_box_takes_french_numbers_and_refuses_the_rest() -> None:
    form = next(f for f in forms(TradeSettings()) if f["trade"] == "cutting")
    entry = TradeEntry(form, {"trade": "cutting", "length_mm": 800, "note": "x"})
    assert (entry.process, entry.texts["pierces"]) == ("laser", "1")
    entry.texts["thickness_mm"] = "1,5"
    assert entry.read() == {
        "trade": "cutting", "process": "laser", "length_mm": 800.0, "thickness_mm": 1.5, "pierces": 1.0, "note": "x",
    }  # fmt: skip
    for text in ("-2", "0", "abc", ""):
        entry.texts["thickness_mm"] = text
        assert entry.read() is None
        assert "thickness_mm" in entry.errors


@pytest.mark.requirement("QUO-44")
def test_a_learned_factor_shows_how_right_the_quotes_were(
    window: MainWindow, office: Office, parts: tuple[int, int]
) -> None:
    with office.factory.open(master()) as ctx:
        machine = ctx.session.query(Machine).filter_by(code="TF-1").one()
        factor = ctx.add(
            LearningFactor(
                machine_id=machine.id, operation_type="turning", iso513_group="P2", factor=Decimal("1.1"), median_ratio=Decimal("1.1"),
                lowest_ratio=Decimal("0.9"), highest_ratio=Decimal("1.3"), job_count=6,
            )
        ).id  # fmt: skip
    page = window.open_record("learning_factor", factor)
    wait(lambda: page.state, "record")
    view = page.tabs.widget(0)
    assert isinstance(view, PrecisionView)
    wait(lambda: view.data.get("gap_limit_pct"), "figures")
    words = " ".join(w.text() for w in view.findChildren(QLabel))
    assert "objectif 80 %" in words
    assert "—" in words, "nothing judged is shown as unknown, not as zero"
