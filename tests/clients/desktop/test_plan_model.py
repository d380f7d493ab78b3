"""A 3D model under review at the office: its picture, its shapes highlighted where they are (DRW-32)."""

from __future__ import annotations

from pathlib import Path

import cadquery as cq
import pytest

from clients.desktop.ui.main_window import MainWindow
from tests.clients.desktop.office import Office
from tests.clients.desktop.plan_room import PlanRoom


@pytest.fixture
def room(office: Office, window: MainWindow, tmp_path: Path) -> PlanRoom:
    return PlanRoom(office, window, tmp_path)


@pytest.mark.requirement("DRW-32")
def test_equal_holes_of_a_model_answer_together(room: PlanRoom, tmp_path: Path) -> None:
    path = tmp_path / "SUP-12.step"
    bracket = cq.Workplane().box(100, 70, 16).faces(">Z").workplane().rarray(70, 40, 2, 2).hole(9)
    bracket = bracket.faces(">Z").workplane(origin=(0, 0, 0)).rect(40, 22).cutBlind(-6)
    cq.exporters.export(bracket, str(path))
    _, view = room.open(room.read(path, quantity="5"))
    canvas = view.sheet.canvas
    room.until(lambda: canvas.highlights, "highlights on the picture of the model")
    hole = next(f for f in view.document["features"] if f["kind"] == "feature.hole")
    key = f"feature:{hole['id']}"
    marks = canvas.highlights[key]
    assert len({(r.x(), r.y()) for r in marks.rects}) == len(marks.rects) == 8, (
        "through: seen from both sides"
    )
    for rect in marks.rects:
        assert canvas.pick_at(rect.center()) == key, "each of the equal holes leads to its row"
    assert view.tabs.currentWidget() is view.shapes
    row = view.shapes.table.current_row
    assert row is not None
    assert row["id"] == hole["id"]
    pocket = next(f for f in view.document["features"] if f["kind"] == "feature.pocket")
    assert view.shapes.table.select_feature(int(pocket["id"]))
    assert view.sheet.look_at(f"feature:{pocket['id']}")
    assert canvas.selected == f"feature:{pocket['id']}"
