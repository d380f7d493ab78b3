"""Every entity of the server opens as a list and as a form, whatever its fields."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QtMsgType, qInstallMessageHandler

from clients.desktop.ui.main_window import MainWindow
from tests.clients.desktop.conftest import wait


@pytest.mark.requirement("UIX-04")
def test_every_list_and_form_opens(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[str] = []
    monkeypatch.setattr(
        "sys.excepthook", lambda kind, value, _trace: failures.append(f"{kind.__name__}: {value}")
    )
    complaints: list[str] = []
    former = qInstallMessageHandler(
        lambda kind, _context, text: complaints.append(text) if kind != QtMsgType.QtDebugMsg else None
    )
    try:
        for entity in window.desk.metadata.entities.values():
            page = window.open_list(entity.name)
            wait(lambda page=page: page.state.total is not None or page.banner.text, entity.name)
            assert page.banner.text == "", f"{entity.name}: {page.banner.text}"
            assert page.model.columnCount() > 0, entity.name
            assert page.title, entity.name
            assert not page.title.startswith("entity."), entity.name
            if page.state.rows:
                record = window.open_record(entity.name, int(page.state.rows[0]["id"]))
                wait(lambda record=record: record.state, entity.name)
                assert record.form is not None
                assert set(record.form.editors) >= {f.name for f in entity.form_fields}, entity.name
                window.close_tab(window.tabs.indexOf(record))
            if entity.may("create"):
                form = window.open_creation(entity.name)
                assert form.form is not None
                writable = {f.name for f in entity.form_fields if not f.read_only}
                assert set(form.form.editors) == writable, entity.name
                window.close_tab(window.tabs.indexOf(form))
            for action in entity.actions:
                assert action.label, f"{entity.name} {action.name}"
                assert not action.label.startswith("action."), f"{entity.name} {action.name}"
            window.close_tab(window.tabs.indexOf(page))
        wait(lambda: window.desk.runner.busy == 0, "all operations done")
    finally:
        qInstallMessageHandler(former)
    assert failures == []
    assert [c for c in complaints if "Could not parse" in c or "Unknown property" in c] == []
