"""The camera wall in the office: what sees is shown, what is away says so (MCH-33, MCH-51)."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from clients.desktop.ui.machines.wall import CameraWallPage
from clients.desktop.ui.main_window import MainWindow
from coordinator.kernel.context import Principal
from coordinator.modules.company.models import Site
from coordinator.modules.machines.camera_models import Camera, CameraAccessLog, Device
from coordinator.modules.machines.models import Machine
from coordinator.modules.stations import camera_views
from coordinator.modules.stations.models import Station
from edge_agents.drivers.simulators.camera import scene
from tests.clients.desktop.conftest import wait
from tests.clients.desktop.office import Office
from tests.factories import make


def _cameras(office: Office) -> dict[str, int]:
    day = dt.date(2026, 1, 5)
    found: dict[str, int] = {}
    with office.factory.open(Principal.service("test")) as ctx:
        site = make(ctx, Site, code="MUR")
        ctx.add(Station(code="st-mur", name="Caméras", kind="machine_agent", site_id=site.id))
        for code, name, status in (
            ("C1", "DMU 50", "live"),
            ("C2", "CTX 310", "live"),
            ("C3", "VF-2", "offline"),
        ):
            machine = ctx.add(Machine(code=f"M-{code}", name=name, machine_type="machining_centre"))
            device = ctx.add(Device(code=code, name=code, station_code="st-mur"))
            lawful: dict[str, Any] = {"informed_on": day, "sign_on": day, "consultation": "none_elected"}
            found[code] = ctx.add(
                Camera(device_id=device.id, machine_id=machine.id, location_label="intérieur", status=status,
                       status_since=ctx.now, status_detail="plus d'image de la caméra" if status == "offline" else None, **lawful)
            ).id  # fmt: skip
    return found


def _send(office: Office, code: str) -> None:
    with office.factory.open(Principal.service("test")) as ctx:
        station = ctx.session.query(Station).filter_by(code="st-mur").one()
        camera_views.take(ctx, station, code, scene(7))


@pytest.mark.requirement("MCH-33", "MCH-51")
def test_cameras_that_see_are_shown_and_those_away_say_so(
    window: MainWindow, office: Office, qapp: QApplication
) -> None:
    cameras = _cameras(office)
    window.open_list("camera")
    window.desk.open_page("cameras")
    page = window.tabs.currentWidget()
    assert isinstance(page, CameraWallPage)
    wait(lambda: len(page.tiles) == 3, "tiles")

    def looks() -> int:
        with office.factory.open(Principal.service("test")) as ctx:
            return ctx.session.query(CameraAccessLog).filter_by(action="watch").count()

    wait(lambda: looks() == 3, "the look is asked for and written down")
    tile, badge, _ = page.tiles[cameras["C3"]]
    assert tile.picture.isNull()
    assert "Caméra hors ligne" in tile.words
    assert "plus d'image de la caméra" in tile.words

    def live() -> bool:
        for code in ("C1", "C2"):
            _send(office, code)
        page.load()
        qapp.processEvents()
        time.sleep(0.2)
        return all(not page.tiles[cameras[code]][0].picture.isNull() for code in ("C1", "C2"))

    wait(live, "pictures")
    assert page.tiles[cameras["C1"]][1].text == "En direct"
    assert badge.text != "En direct"
    if folder := os.environ.get("USINAGE_SHOTS"):
        window.resize(1440, 900)
        for _ in range(20):
            qapp.processEvents()
        window.grab().save(str(Path(folder) / "mur-cameras.png"))

    old = time.time() - 30
    with office.factory.open(Principal.service("test")) as ctx:
        os.utime(ctx.config.data_dir / "live" / f"{cameras['C1']}.jpg", (old, old))

    def gone() -> bool:
        page.load()
        qapp.processEvents()
        time.sleep(0.2)
        return page.tiles[cameras["C1"]][0].picture.isNull()

    wait(gone, "the old picture goes")
    assert page.tiles[cameras["C1"]][0].words == "Plus d'image de la station"
