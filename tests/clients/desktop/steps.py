"""What the tests do in a window."""

from __future__ import annotations

import uuid
from typing import Any

from clients.desktop.ui.list_page import ListPage
from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.record_page import RecordPage
from tests.clients.desktop.conftest import wait
from tests.clients.desktop.office import Office


def name(prefix: str = "Client") -> str:
    return f"{prefix} {uuid.uuid4().hex[:8]}"


def customer(office: Office, **values: Any) -> dict[str, Any]:
    with office.http() as other:
        answer = other.post("/customers", json={"name": name(), **values})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def opened(window: MainWindow, record: dict[str, Any], entity: str = "customer") -> RecordPage:
    page = window.open_record(entity, record["id"])
    wait(lambda: page.state, "record")
    return page


def listed(window: MainWindow, entity: str = "customer") -> ListPage:
    page = window.open_list(entity)
    wait(lambda: page.state.total is not None, "list")
    return page


def type_in(page: RecordPage, field: str, text: str) -> None:
    assert page.form is not None
    editor = page.form.editors[field]
    editor.control.setText(text)  # type: ignore[attr-defined]
    editor.control.textEdited.emit(text)  # type: ignore[attr-defined]
