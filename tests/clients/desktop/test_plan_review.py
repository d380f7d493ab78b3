"""The review of a drawing at the office: sheet, highlights, fields, tables, conflicts, validation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

import pypdfium2
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from clients.desktop.model import plans
from clients.desktop.model.errors import ApiError
from clients.desktop.operations import plan_calls
from clients.desktop.operations.runner import Operation
from clients.desktop.ui.dialogs import ConfirmDialog, ConflictDialog
from clients.desktop.ui.main_window import MainWindow
from tests.clients.desktop.office import Office
from tests.clients.desktop.plan_room import PlanRoom


@pytest.fixture
def room(office: Office, window: MainWindow, tmp_path: Path) -> PlanRoom:
    return PlanRoom(office, window, tmp_path)


def line_of(view: object, name: str) -> QLineEdit:
    control = view.fields.boxes[name].control  # type: ignore[attr-defined]
    assert isinstance(control, QLineEdit)
    return control


@pytest.mark.requirement("DRW-31", "DRW-32")
def test_fields_and_places_lead_to_each_other(room: PlanRoom) -> None:
    _, view = room.open(room.read(room.pdf("RP-1"), quantity="5"))
    canvas = view.sheet.canvas
    room.until(lambda: canvas.highlights, "highlights on the sheet")
    assert view.fields.boxes["drawing_number"].badge.text == "Sûr"
    assert view.fields.boxes["length_mm"].badge.text == "À vérifier"
    whole = canvas.percent
    view.fields.go_to("drawing_number")
    assert canvas.selected == "field:drawing_number"
    assert canvas.percent > whole, "the place is brought near enough to read"
    place = canvas.highlights["field:drawing_number"]
    shown = canvas.mapToScene(canvas.viewport().rect()).boundingRect()
    assert shown.contains(place.rect().center())
    dimension = next(f for f in view.document["features"] if f["nominal"] == "45.0000")
    target = canvas.highlights[f"feature:{dimension['id']}"]
    assert canvas.pick_at(target.rect().center()) == f"feature:{dimension['id']}"
    assert view.tabs.currentWidget() is view.dimensions
    current = view.dimensions.table.current_row
    assert current is not None
    assert current["id"] == dimension["id"]
    assert canvas.pick_at(QPointF(1, 1)) is None
    canvas.pick_at(place.rect().center())
    assert view.fields.current == "drawing_number"


@pytest.mark.requirement("DRW-34")
def test_enter_confirms_and_goes_through_the_doubtful_fields_only(room: PlanRoom) -> None:
    number = room.read(room.pdf("RP-2"), quantity="5")
    _, view = room.open(number)
    open_ = view.fields.doubtful()
    assert "length_mm" in open_
    assert "drawing_number" not in open_
    assert view.progress.text().startswith(str(len(open_)))
    view.fields.go_to("length_mm")
    QTest.keyClick(view.fields.boxes["length_mm"].control, Qt.Key.Key_Return)
    room.until(lambda: room.fields(number)["length_mm"]["is_confirmed"], "confirmation at the server")
    room.until(lambda: "length_mm" not in view.fields.doubtful(), "one point less")
    assert view.fields.current == "width_mm", "the next one that is open"
    QTest.keyClicks(line_of(view, "width_mm"), "45,5")
    QTest.keyClick(line_of(view, "width_mm"), Qt.Key.Key_Return)
    room.until(lambda: room.fields(number)["width_mm"]["value"] == "45.500", "saved on Enter")
    assert view.fields.current == "height_mm"


@pytest.mark.requirement("DRW-32", "DRW-33")
def test_ctrl_enter_says_what_is_missing_and_then_validates(room: PlanRoom) -> None:
    number = room.read(room.pdf("RP-3"), quantity="5")
    page, view = room.open(number)
    QTest.keyClick(view, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    view.validate()
    room.until(lambda: "Il manque" in view.banner.text, "what is missing")
    assert view.fields.current in view.document["missing"]
    room.correct(number, width_mm="45", height_mm="10", criticality="standard")
    room.until(lambda: view.document["may_validate"], "answered by another post")
    view.validate()
    room.until(lambda: room.review(number)["status"] == "validated", "validated")
    room.until(lambda: view.document["status"] == "validated", "shown as validated")
    assert not view.next.isVisible()
    assert page.header.badge.text == "Validé"
    assert view.state is not None
    assert all(f.read_only for f in view.state.fields.values()), "a validated drawing is only read"


@pytest.mark.requirement("DRW-32", "UIX-62")
def test_two_people_correct_one_drawing(room: PlanRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    number = room.read(room.pdf("RP-4"), quantity="5")
    _, view = room.open(number)
    assert view.state is not None
    asked: list[list[str]] = []
    monkeypatch.setattr(ConflictDialog, "exec", lambda self: asked.append(list(self.choices)) or 1)
    view.state.set("part_name", "Équerre de fixation")
    room.correct(number, author="B. Roux", part_name="Équerre gauche")
    view.save()
    room.until(lambda: room.fields(number)["part_name"]["value"] == "Équerre de fixation", "mine was chosen")
    assert asked == [["part_name"]]
    assert room.fields(number)["author"]["value"] == "B. Roux", "the other's field stays"
    room.calm()
    assert line_of(view, "author").text() == "B. Roux"


@pytest.mark.requirement("DRW-32", "DRW-35")
def test_dimensions_are_edited_added_marked_and_removed(
    room: PlanRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = room.read(room.pdf("RP-5"), quantity="5")
    _, view = room.open(number)
    table = view.dimensions.table
    names = [c.name for c in table.rows_model.columns]
    row = next(i for i, r in enumerate(table.rows_model.rows) if r["nominal"] == "80.0000")
    table.rows_model.setData(table.rows_model.index(row, names.index("tol_upper")), "+0,025")
    room.until(lambda: table.rows_model.rows[row]["tol_upper"] == "0.0250", "tolerance saved")
    assert table.rows_model.rows[row]["level"] == "human"
    tick = table.rows_model.index(row, names.index("is_critical"))
    table.rows_model.setData(tick, Qt.CheckState.Checked.value, int(Qt.ItemDataRole.CheckStateRole))
    room.until(lambda: table.rows_model.rows[row]["is_critical"], "ticked critical")
    table.rows_model.setData(table.rows_model.index(row, names.index("nominal")), "abc")
    assert "nombre" in view.banner.text.lower()
    count = len(table.rows_model.rows)
    view.dimensions.mark_wanted.emit()
    view.sheet.canvas.marked.emit((0.1, 0.2, 0.15, 0.22))
    room.until(lambda: len(table.rows_model.rows) == count + 1, "row of the marked place")
    added = table.rows_model.rows[-1]
    assert added["box"] == [0.1, 0.2, 0.15, 0.22]
    assert f"feature:{added['id']}" in view.sheet.canvas.highlights
    monkeypatch.setattr(ConfirmDialog, "exec", lambda _self: 1)
    table.remove_wanted.emit(added)
    room.until(lambda: len(table.rows_model.rows) == count, "row removed")


@pytest.mark.requirement("DRW-32", "DRW-49")
def test_a_contradiction_is_chosen_among_the_questions(room: PlanRoom) -> None:
    pdf, dxf = room.pdf("RP-6", material="C45"), room.dxf("RP-6", material="42CrMo4")
    number = room.read(pdf, dxf, quantity="5")
    _, view = room.open(number)
    assert view.fields.boxes["material_text"].badge.text == "Contradiction"
    question = next(q for q in view.document["questions"] if q["kind"] == "contradiction")
    index = next(c["index"] for c in question["choices"] if c["label"] == "42CrMo4")
    view.questions.chosen.emit(question["key"], index)
    room.until(lambda: room.fields(number)["material_text"]["value"] == "42CrMo4", "chosen")
    room.until(lambda: view.fields.boxes["material_text"].badge.text != "Contradiction", "shown as decided")


@pytest.mark.requirement("DRW-32", "DRW-36", "DRW-40")
def test_text_versions_and_exports(room: PlanRoom) -> None:
    number = room.read(room.pdf("RP-7"), quantity="5")
    room.correct(number, width_mm="45", height_mm="10", criticality="standard")
    assert room.http.post(f"/drawing-analyses/{number}/validate", json={}).status_code == 200
    newer = room.read(room.pdf("RP-7", revision="B", part_name="Équerre renforcée"), quantity="5")
    _, view = room.open(newer)
    view.show_tab("text")
    room.until(lambda: "RP-7" in view.text.text.toPlainText(), "raw text")
    view.show_tab("versions")
    room.until(lambda: view.versions.other_id == number, "former revision offered")
    view.versions.lay_over.click()
    room.until(lambda: view.versions.canvas.has_picture, "overlay")
    for kind in ("pdf", "json"):
        target = room.folder / f"export.{kind}"
        view.downloads.export_to(target, kind)
        room.until(target.is_file, kind)
    with pypdfium2.PdfDocument(room.folder / "export.pdf") as marked:
        assert len(marked) == 1
    assert json.loads((room.folder / "export.json").read_text())["review"]["id"] == newer


@pytest.mark.requirement("DRW-46", "DRW-48")
def test_an_unreadable_file_offers_the_ways_on(room: PlanRoom) -> None:
    broken = room.folder / "casse.pdf"
    broken.write_bytes(b"%PDF-1.4\n" + b"\x00broken\xff" * 200)
    number = room.read(broken, quantity="5")
    assert room.review(number)["status"] == "failed"
    _, view = room.open(number)
    assert view.stack.currentWidget() is view.trouble
    assert view.trouble.text.text()
    view.trouble.replace_with(room.pdf("RP-8"))
    room.calm()
    room.work()
    room.until(lambda: view.document.get("status") == "to_review", "read after all")
    assert view.stack.currentWidget() is view.splitter
    assert line_of(view, "drawing_number").text() == "RP-8"


def test_lines_lost_while_correcting_are_sent_when_the_server_is_back(room: PlanRoom, office: Office) -> None:
    number = room.read(room.pdf("RP-9"), quantity="5")
    _, view = room.open(number)
    assert view.state is not None
    office.server.stop()
    view.state.set("author", "C. Blanc")
    view.save()
    room.until(lambda: "pas encore" in view.banner.text, "kept on this post")
    assert view.saved.text() == "Non enregistré"
    office.server.start()
    room.http = office.http()
    room.until(lambda: room.fields(number)["author"]["value"] == "C. Blanc", "sent by itself")


def test_a_refused_correction_stays_told_and_is_not_sent_again_by_itself(
    room: PlanRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, view = room.open(room.read(room.pdf("RP-10"), quantity="5"))
    sent: list[object] = []

    def refuse() -> NoReturn:
        sent.append(None)
        raise ApiError(403, "access.denied", "Vous n'avez pas ce droit.")

    monkeypatch.setattr(plan_calls, "correct", lambda *_values: Operation("correct drawing", refuse))
    view.state.set("author", "D. Vert")
    view.save()
    room.until(lambda: view.banner.text, "refusal")
    room.window.desk.runner.reached.emit()
    room.calm()
    assert "pas ce droit" in view.banner.text
    assert len(sent) == 1


def test_the_next_doubtful_field_is_found_around_the_end() -> None:
    order = ["a", "b", "c", "d"]
    assert plans.following(["b", "d"], "b", order) == "d"
    assert plans.following(["b", "d"], "d", order) == "b"
    assert plans.following(["b", "d"], "a", order, -1) == "d"
    assert plans.following(["b"], None, order) == "b"
    assert plans.following([], "a", order) is None


def test_offered_values_are_never_the_present_one() -> None:
    field = {"type": "decimal", "read_value": 12.5, "confidence": 0.7, "candidates": [
        {"value": "12.500", "confidence": 0.7}, {"value": 13, "confidence": 0.6}]}  # fmt: skip
    assert [c["value"] for c in plans.candidates_of(field, "12.500")] == [13]
    assert [c["value"] for c in plans.candidates_of(field, None)] == [12.5, 13]
    number = {
        "type": "text",
        "candidates": [{"value": "4012346"}, {"value": "04012345"}, {"value": "4012345"}],
    }
    assert [c["value"] for c in plans.candidates_of(number, "4012345")] == ["4012346", "04012345"]


def test_places_outside_the_sheet_are_cut_and_empty_ones_left_out() -> None:
    document = {
        "fields": [
            {"name": "scale", "label": "Échelle", "level": "green", "box": [-0.1, 0.5, 1.2, 0.6], "page": 1, "file_id": 3},
            {"name": "unit", "label": "Unité", "level": "green", "box": None, "page": 1, "file_id": 3},
        ],
    }  # fmt: skip
    [mark] = plans.marks_of(document)
    assert (mark.key, mark.box) == ("field:scale", (0.0, 0.5, 1.0, 0.6))
