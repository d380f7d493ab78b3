"""Import of drawings at the office: several files at once, what became of each, and nothing lost without a server."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent

from clients.desktop.model.api import ApiClient
from clients.desktop.model.errors import ApiError
from clients.desktop.model.live import Change
from clients.desktop.model.plan_outbox import PlanImport, PlanOutbox
from clients.desktop.operations import plan_calls
from clients.desktop.operations.runner import Operation
from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.plans.importing import ImportPage
from clients.desktop.ui.record_page import RecordPage
from tests.clients.desktop.conftest import Post, wait
from tests.clients.desktop.office import Office
from tests.clients.desktop.plan_room import PlanRoom


@pytest.fixture
def room(office: Office, window: MainWindow, tmp_path: Path) -> PlanRoom:
    return PlanRoom(office, window, tmp_path)


def drop(window: MainWindow, *paths: Path) -> ImportPage:
    """Drop files on the window, as from the file manager."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(p)) for p in paths])
    acts, keys, buttons = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    window.dragEnterEvent(QDragEnterEvent(QPoint(50, 50), acts, data, buttons, keys))
    window.dropEvent(QDropEvent(QPointF(50, 50), acts, data, buttons, keys))
    page = window.tabs.currentWidget()
    assert isinstance(page, ImportPage)
    return page


@pytest.mark.requirement("DRW-01", "DRW-02", "DRW-15")
def test_dropped_files_are_sent_read_and_opened(room: PlanRoom) -> None:
    customer = room.http.post("/customers", json={"name": "Hydro Savoie"}).json()
    archive = room.folder / "lot.zip"
    with zipfile.ZipFile(archive, "w") as pack:
        pack.write(room.pdf("IM-3"), "IM-3.pdf")
    (room.folder / "notes.xyz").write_bytes(b"rien")
    page = drop(room.window, room.pdf("IM-1"), room.dxf("IM-1"), room.pdf("IM-2"))
    page.add_files([archive, room.folder / "notes.xyz", room.folder / "IM-1.pdf"])
    assert len(page.files) == 5, "the same file once"
    page.customer.choose(customer)
    page.quantity.setText("12,5 x")
    page.send()
    assert page.error.text(), "no number, nothing sent"
    page.quantity.setText("12")
    page.send()
    [card] = page.cards.values()
    room.until(lambda: card.import_id, "taken by the server")
    room.work()
    room.until(lambda: card.badge.text == "Terminé", "all read, told by itself")
    groups = {frozenset(f["file_name"] for f in a["files"]) for a in card.state["analyses"]}
    assert groups == {frozenset({"IM-1.pdf", "IM-1.dxf"}), frozenset({"IM-2.pdf"}), frozenset({"IM-3.pdf"})}
    [refused] = card.state["refused"]
    assert (refused["name"], "non supporté" in refused["message"]) == ("notes.xyz", True)
    first = card.state["analyses"][0]["id"]
    record = room.http.get(f"/drawing-analyses/{first}").json()
    assert (record["customer_id"], float(record["quantity"])) == (customer["id"], 12)
    card.opened.emit(first)
    opened = room.window.tabs.currentWidget()
    assert isinstance(opened, RecordPage)
    assert opened.record_id == first


@pytest.mark.requirement("DRW-08")
def test_a_known_file_is_told_and_may_be_read_again(room: PlanRoom) -> None:
    customer = room.http.post("/customers", json={"name": "Mécanique du Lac"}).json()
    plan = room.pdf("IM-5")
    first = room.read(plan, customer_id=customer["id"])
    page = drop(room.window, plan)
    page.customer.choose(customer)
    page.send()
    [card] = page.cards.values()
    room.until(lambda: card.state.get("known"), "known")
    assert card.state["known"][0]["analysis_id"] == first
    assert not card.state["analyses"]
    card.again_wanted.emit(card.order)
    again = next(c for c in page.cards.values() if c is not card)
    room.until(lambda: again.state.get("analyses"), "queued again")


@pytest.mark.requirement("DRW-54")
def test_without_server_the_files_are_kept_and_sent_later_once(
    room: PlanRoom, office: Office, post: Post
) -> None:
    plan = room.pdf("IM-7")
    office.server.stop()
    page = drop(room.window, plan)
    page.send()
    [card] = page.cards.values()
    room.until(lambda: card.badge.text == "En attente d'envoi", "kept")
    [order] = room.window.plan_queue.outbox.waiting()
    plan.unlink()
    office.server.start()
    room.until(lambda: card.import_id, "sent by itself, from the copy")
    assert room.window.plan_queue.outbox.waiting() == []
    room.http = office.http()
    body = {"files": (order.names[0], room.pdf("IM-7").read_bytes())}
    headers = {"Idempotency-Key": order.key}
    repeated = room.http.post("/drawings", files=body, data={"again": "false"}, headers=headers)
    assert repeated.json()["import_id"] == card.import_id, "the key makes sending twice harmless"


@pytest.mark.requirement("DRW-54")
def test_an_import_kept_when_the_window_closed_is_sent_at_the_next_start(
    room: PlanRoom, office: Office, post: Post
) -> None:
    office.server.stop()
    page = drop(room.window, room.pdf("IM-9"))
    page.send()
    room.until(room.window.plan_queue.outbox.waiting, "kept")
    room.until(lambda: room.window.desk.runner.busy == 0, "line lost")
    post.close()
    office.server.start()
    post.login = post.app.start()
    window = post.sign_in()
    wait(lambda: window.plan_queue.outbox.waiting() == [], "sent at the start")
    found = office.http().get("/drawing-files", params={"q": "IM-9"}).json()["items"]
    assert [f["file_name"] for f in found] == ["IM-9.pdf"]


def test_an_import_the_server_cannot_take_now_keeps_back_no_other(
    room: PlanRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = (PlanImport((f"IM-{number}.pdf",)) for number in (20, 21))
    send = plan_calls.send_import

    def failing(api: ApiClient, outbox: PlanOutbox, order: PlanImport) -> Operation[Any]:
        def call() -> Any:
            raise ApiError(500, "internal", "panne")

        return Operation("send drawings", call) if order.key == bad.key else send(api, outbox, order)

    monkeypatch.setattr(plan_calls, "send_import", failing)
    queue = room.window.plan_queue
    queue.add([room.pdf("IM-20")], bad)
    wait(lambda: queue.outbox.waiting() == [bad] and not room.window.desk.runner.busy, "kept")
    queue.add([room.pdf("IM-21")], good)
    wait(lambda: len(queue.outbox.waiting()) == 2, "both kept")
    wait(lambda: queue.outbox.waiting() == [bad], "the other sent")
    monkeypatch.undo()
    room.window.desk.changed.emit(Change("*", 0, "reload"))
    wait(lambda: queue.outbox.waiting() == [], "sent once the server is well")


def test_an_import_without_its_order_or_with_a_damaged_one_is_none(tmp_path: Path) -> None:
    outbox = PlanOutbox(tmp_path / "out")
    source = tmp_path / "plan.pdf"
    source.write_bytes(b"%PDF")
    kept = outbox.keep([source], PlanImport(("plan.pdf",), quantity="3"))
    assert outbox.waiting() == [kept]
    with pytest.raises(OSError, match="absent"):
        outbox.keep([source, tmp_path / "absent.pdf"], PlanImport(("plan.pdf", "absent.pdf")))
    assert outbox.waiting() == [kept], "nothing half kept"
    (tmp_path / "out" / kept.key / "order.json").write_text("{")
    assert outbox.waiting() == []
    outbox.drop(kept)
    assert not (tmp_path / "out" / kept.key).exists()


def test_who_may_not_work_on_drawings_is_offered_no_import(post: Post) -> None:
    window = post.sign_in("lecteur@atelier.fr")
    assert not window.acceptDrops()
    assert window.open_import() is None
