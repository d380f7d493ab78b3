"""The review queue of the cameras in the office: pictures seen, one key decides, the next one follows (VIS-19)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel
from sqlalchemy import select

from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.vision.pictures import CabinetPicture
from clients.desktop.ui.vision.review import DetectionReviewView, reasons
from coordinator.kernel.context import Principal
from coordinator.modules.stations.models import VisionDetection
from coordinator.modules.stock import api as stock
from tests.cabinet_queue import waiting_detections
from tests.clients.desktop.conftest import Post, wait
from tests.clients.desktop.office import Office


@pytest.mark.requirement("VIS-19")
def test_a_queue_is_decided_with_one_key_each(window: MainWindow, office: Office, qapp: QApplication) -> None:
    first, second, third = waiting_detections(office.factory).ids
    page = window.open_record("vision_detection", first)
    view = wait(lambda: next(iter(page.findChildren(DetectionReviewView)), None), "view")
    view.load()
    shown = wait(lambda: [p for p in view.findChildren(CabinetPicture) if not p.picture.isNull()], "pictures")
    wait(
        lambda: len([p for p in view.findChildren(CabinetPicture) if not p.picture.isNull()]) == 4,
        "four pictures",
    )
    assert {p.title for p in shown} == {"Avant", "Après"}
    assert any("-2" in w.text() and "avant 5" in w.text() for w in view.findChildren(QLabel))
    if os.environ.get("USINAGE_SHOTS"):
        window.resize(1440, 900)
        qapp.processEvents()
        window.grab().save(str(Path(os.environ["USINAGE_SHOTS"]) / "controle-camera.png"))

    def ready(number: int) -> DetectionReviewView:
        """The page as it stands now, showing a detection whole: its tabs are built anew after each decision."""

        def found() -> DetectionReviewView | None:
            views = page.findChildren(DetectionReviewView)
            good = [v for v in views if not v._loading and (v.data.get("record") or {}).get("id") == number]
            return good[-1] if good else None

        return wait(found, f"detection {number}", timeout_s=60.0)

    ready(first).decide("confirm")
    shown_second = ready(second)
    shown_second._step(-1)
    assert shown_second.quantity is not None
    assert shown_second.quantity.value() == -3
    shown_second.decide("confirm")
    ready(third).decide("reject")
    wait(lambda: ready(third).data["record"]["status"] == "rejected", "end of the queue", timeout_s=60.0)
    with office.factory.open(Principal.service("test")) as ctx:
        rows = [ctx.get(VisionDetection, number) for number in (first, second, third)]
        assert [(row.status, row.delta) for row in rows] == [
            ("confirmed", -2),
            ("confirmed", -3),
            ("rejected", -2),
        ]
        assert stock.on_hand(ctx, rows[0].stock_item_id) == 15


@pytest.mark.requirement("VIS-28")
def test_who_may_not_see_pictures_is_told_so(post: Post, office: Office) -> None:
    with office.factory.open(Principal.service("test")) as ctx:
        known = ctx.session.scalars(select(VisionDetection.id)).first()
    number = known or waiting_detections(office.factory).ids[0]
    office.role("regard", {"vision": "R", "stock": "R"})
    office.person("regard@atelier.fr", ["regard"])
    page = post.sign_in("regard@atelier.fr").open_record("vision_detection", number)
    view = wait(lambda: next(iter(page.findChildren(DetectionReviewView)), None), "view")
    view.load()
    shown = wait(lambda: view.findChildren(CabinetPicture), "frames")
    assert all(one.picture.isNull() for one in shown)
    assert {one.instead for one in shown} == {
        "Les images ne sont montrées qu'à ceux qui contrôlent les détections."
    }
    assert view.quantity is None, "nothing to type for who decides nothing"
    if os.environ.get("USINAGE_SHOTS"):
        post.window.resize(1440, 900)
        QApplication.processEvents()
        post.window.grab().save(str(Path(os.environ["USINAGE_SHOTS"]) / "images-reservees.png"))


def test_reasons_are_said_in_words() -> None:
    assert reasons("confidence, certified") == "confiance insuffisante · matière certifiée"
    assert reasons("something_new") == "something_new"
    assert reasons(None) == ""
