"""The review queue of the cameras in the office: pictures seen, one key decides, the next one follows (VIS-19)."""

from __future__ import annotations

import io
import os
import uuid
from decimal import Decimal
from pathlib import Path

import cv2
import pytest
from PySide6.QtWidgets import QApplication, QLabel

from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.vision.pictures import CabinetPicture
from clients.desktop.ui.vision.review import DetectionReviewView, reasons
from coordinator.kernel.context import Principal
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.company.models import Site
from coordinator.modules.stations.models import CabinetSession, Station, StationFile, VisionDetection
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.models import StorageLocation
from edge_agents.drivers.simulators import cabinet_scenes
from tests.clients.desktop.conftest import wait
from tests.clients.desktop.office import Office
from tests.factories import make


def _queue(office: Office) -> list[int]:
    """Three waiting detections of a rendered insert cabinet; numbers of their rows."""
    cabinet = cabinet_scenes.make_cabinet("insert_box", 4)
    name = cabinet.places[1]
    x, y, w, h = cabinet.boxes[1]
    look = cabinet_scenes.Look(grain=2.0)
    with office.factory.open(Principal.service("test")) as ctx:
        site = make(ctx, Site, code="CAM")
        station = ctx.add(Station(code="arm-9", name="Armoire 9", kind="cabinet_camera", site_id=site.id))
        item = ctx.add(StockItem(code="PL-9", name="Plaquette CNMG", item_kind="insert", is_consumable=True))
        place = ctx.add(StorageLocation(code=name, name="Case", kind="compartment", vision_mode="review"))
        stock.receive(ctx, item.id, Decimal(20), location_id=place.id)
        digests = []
        for count in (5, 3):
            picture = cabinet_scenes.render(cabinet, {name: count}, look, count)
            for part in (picture, picture[y - 20 : y + h + 20, x - 20 : x + w + 20]):
                digests.append(
                    ctx.files.put(io.BytesIO(cv2.imencode(".jpg", part)[1].tobytes()), "image/jpeg").sha256
                )
        for digest in digests:
            ctx.session.add(
                StationFile(
                    station_id=station.id, sha256=digest, size=1, media_type="image/jpeg", received_at=ctx.now
                )
            )
        session = ctx.add(
            CabinetSession(uid=uuid.uuid4(), station_id=station.id, opened_at=ctx.now, image_before=digests[0],
                           image_after=digests[2])
        )  # fmt: skip
        values = {"cabinet_session_id": session.id, "storage_location_id": place.id, "stock_item_id": item.id, "delta": -2,
                  "seen_item_id": item.id, "seen_delta": -2, "seen_status": "to_confirm", "count_before": 5, "count_after": 3,
                  "confidence_pct": Decimal("83.5"), "method": "count", "reason": "confidence", "detected_at": ctx.now,
                  "crop_before": digests[1], "crop_after": digests[3],
                  "frame": [x / 800, y / 600, (x + w) / 800, (y + h) / 600]}  # fmt: skip
        return [ctx.add(VisionDetection(uid=uuid.uuid4(), **values)).id for _ in range(3)]


@pytest.mark.requirement("VIS-19")
def test_a_queue_is_decided_with_one_key_each(window: MainWindow, office: Office, qapp: QApplication) -> None:
    first, second, third = _queue(office)
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


def test_reasons_are_said_in_words() -> None:
    assert reasons("confidence, certified") == "confiance insuffisante · matière certifiée"
    assert reasons("something_new") == "something_new"
    assert reasons(None) == ""
