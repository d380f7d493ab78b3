"""The cabinets at a glance in the office: scores, places, calibration, models; nothing per person (VIS-22, 25, 26, 30)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QTableView

from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.vision.dashboard import CabinetsPage, next_step
from clients.desktop.ui.widgets import Badge
from coordinator.kernel.context import Principal
from coordinator.modules.stations.models import AiModel, Station, VisionDetection
from tests.cabinet_queue import Queue, waiting_detections
from tests.clients.desktop.conftest import wait
from tests.clients.desktop.office import Office


def _answered(office: Office) -> Queue:
    """Two right answers, one wrong, one waiting; the station runs a model of which one version was approved."""
    queue = waiting_detections(office.factory, 4)
    with office.factory.open(Principal.service("test")) as ctx:
        for number, (row_id, status) in enumerate(
            zip(queue.ids, ("confirmed", "confirmed", "rejected"), strict=False)
        ):
            row = ctx.get(VisionDetection, row_id)
            row.status, row.reviewed_at, row.confidence_pct = status, ctx.now, 96 if number < 2 else 70
        ctx.get(VisionDetection, queue.ids[2]).reason = "unusable_image"
        model = {
            "name": "forets",
            "sha256": "ab" * 32,
            "taught_at": ctx.now,
            "classes": ["a"],
            "training": {},
            "metrics": {},
        }
        ctx.add(AiModel(version="1.1.0", status="approved", **model))
        station = ctx.get(Station, queue.station_id)
        station.health = {"versions": {"models": {"forets": "1.2.0"}}}
    return queue


@pytest.mark.requirement("VIS-22", "VIS-25", "VIS-26", "VIS-30")
def test_the_cabinets_are_judged_place_by_place(
    window: MainWindow, office: Office, qapp: QApplication
) -> None:
    queue = _answered(office)
    window.open_list("vision_detection")
    window.desk.open_page("cabinets")
    page = window.tabs.currentWidget()
    assert isinstance(page, CabinetsPage)
    texts = wait(
        lambda: (
            {w.text() for w in page.findChildren(QLabel) if w.text()}
            if page.findChildren(QTableView)
            else None
        ),
        "page",
    )
    assert "66,7 %" in texts, "two of three right"
    assert any("Écart moyen" in one for one in texts)
    assert "1 prise de vue à vérifier" in texts
    assert {b.text for b in page.findChildren(Badge)} == {
        "Information des salariés à déclarer",
        "Non approuvé",
    }
    assert not any("Anne" in one for one in texts)
    places = page.findChildren(QTableView)[0].model()
    cells = [places.index(0, column).data() for column in range(places.columnCount())]
    assert cells[0] == queue.place
    assert "encore 47 réponses vérifiées" in cells
    page.open_place(_place_id(office, queue))
    wait(lambda: [w for w in page.findChildren(QLabel) if "Dernières réponses" in w.text()], "answers")
    last = next(t.model() for t in page.findChildren(QTableView) if t.model().rowCount() == 4)
    assert {last.index(row, 1).data() for row in range(4)} == {"−2"}
    if folder := os.environ.get("USINAGE_SHOTS"):
        window.resize(1440, 1000)
        for _ in range(30):
            qapp.processEvents()
        window.grab().save(str(Path(folder) / "armoires.png"))


def _place_id(office: Office, queue: Queue) -> int:
    with office.factory.open(Principal.service("test")) as ctx:
        found = ctx.get(VisionDetection, queue.ids[0]).storage_location_id
        assert found is not None
        return found


def test_a_place_says_what_it_still_needs() -> None:
    place = {"mode": "review", "is_ready": False, "least": 50, "reviewed": 49}
    assert next_step(place) == "encore 1 réponse vérifiée"
    assert next_step(place | {"reviewed": 60}) == "trop d'erreurs : il faut 98 % de justes"
    assert next_step(place | {"is_ready": True}).startswith("prête")
    assert next_step(place | {"mode": "auto"}).startswith("compte seule")
