"""The tabs « Atelier » and « Pièces » of a drawing: what is shown, and that its acts reach the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.desktop.ui.main_window import MainWindow
from tests.clients.desktop.office import Office
from tests.clients.desktop.plan_room import PlanRoom
from tests.coordinator.drawings.reading.test_processes import bom_sheet

_ROWS = [
    ("1", "1", "Corps", "C45", "PL-1"),
    ("2", "4", "Entretoise", "S235", "PL-2"),
    ("3", "8", "Vis CHC M6x20", "8.8", "ISO 4762"),
]


@pytest.fixture
def room(office: Office, window: MainWindow, tmp_path: Path) -> PlanRoom:
    return PlanRoom(office, window, tmp_path)


@pytest.mark.requirement("DRW-03")
def test_ticked_rows_of_the_parts_list_become_lines(room: PlanRoom, tmp_path: Path) -> None:
    _, view = room.open(room.read(bom_sheet(_ROWS).write(tmp_path / "ensemble.pdf"), quantity="2"))
    offers = view.workshop.offers
    room.until(lambda: offers.boxes, "the parts")
    assert view.tabs.isTabVisible(view.tabs.indexOf(offers))
    assert [(box.text(), box.isChecked()) for box in offers.boxes.values()] == [
        ("1 ×  Corps", True), ("4 ×  Entretoise", True), ("8 ×  Vis CHC M6x20", False),
    ]  # fmt: skip
    next(iter(offers.boxes.values())).setChecked(False)
    assert offers.take.text() == "Créer 1 ligne"
    offers.take.click()
    room.until(lambda: [o for o in view.document["offers"] if o["analysis_id"]], "the line")
    made = next(o["analysis_id"] for o in view.document["offers"] if o["analysis_id"])
    assert room.fields(made)["drawing_number"]["value"] == "PL-2"
    assert offers.take.text() == "Créer 0 ligne"


@pytest.mark.requirement("DRW-29", "DRW-30")
def test_feasibility_is_checked_again_on_request(room: PlanRoom) -> None:
    analysis = room.read(room.pdf("FA-1"), quantity="5")
    _, view = room.open(analysis)
    assert not view.tabs.isTabVisible(view.tabs.indexOf(view.workshop.offers))
    before = view.document["feasibility"]
    machine = room.http.post(
        "/machines",
        json={"code": "F9", "name": "Fraiseuse", "machine_type": "mill", "travel_x_mm": "500", "travel_y_mm": "400", "travel_z_mm": "300"},
    ).json()["id"]  # fmt: skip
    for kind in ("milling", "drilling", "turning"):
        room.http.post("/machine-capabilities", json={"machine_id": machine, "operation_type": kind})
    view.workshop.outlook.check_wanted.emit()
    room.until(
        lambda: view.document["feasibility"]["checked_at"] != before["checked_at"], "the new comparison"
    )
    shown = view.document["feasibility"]
    assert any(one["id"] == machine for p in shown["processes"] for one in p["fitting"])
