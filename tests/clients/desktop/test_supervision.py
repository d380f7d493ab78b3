"""The stations at a glance in the office (EDG-39, EDG-40, EDG-45)."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel

from clients.desktop.model import supervision as words
from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.stations.supervision import SupervisionPage
from clients.desktop.ui.widgets import Badge
from coordinator.kernel.context import Principal
from coordinator.modules.company.models import Site
from coordinator.modules.stations import downlink, installation
from coordinator.modules.stations.models import Station
from edge_agents.protocol.control import DriverHealth, Health, SystemUpdates, Versions
from tests.clients.desktop.conftest import wait
from tests.clients.desktop.office import Office
from tests.factories import make

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)


def _fleet(office: Office) -> None:
    with office.factory.open(Principal.service("test")) as ctx:
        site = make(ctx, Site, code="ATELIER")
        cabinet = ctx.add(
            Station(
                code="st-arm-1",
                name="Armoire forets",
                kind="cabinet_camera",
                site_id=site.id,
                place="Allée B",
                config_version=7,
            )
        )
        ctx.add(Station(code="st-scan-1", name="Scan contrôle", kind="scan_station", site_id=site.id))
        installation.prepare(ctx, cabinet)
        report = Health(
            uptime_s=90_000, load=0.4, memory_mb=92, disk_free_mb=41_300, temperature_c=52.5, queue_depth=12,
            oldest_message_age_s=40, clock_offset_s=0.0, versions=Versions(software="1.4.0", config=7, models={"forets": "1.2.0"}),
            drivers={"cabinet": DriverHealth(status="fault", detail="caméra débranchée")}, addresses=["10.60.0.12"],
            updates=SystemUpdates(system="Debian 12", checked_at=NOW, packages=["openssl 3.0.15", "curl 8.1"]),
        )  # fmt: skip
        downlink.record_health(ctx, "st-arm-1", report)


@pytest.mark.requirement("EDG-38", "EDG-39", "EDG-40", "EDG-45")
def test_the_fleet_is_seen_from_the_list_of_stations(window: MainWindow, office: Office) -> None:
    _fleet(office)
    window.open_list("station")
    window.desk.open_page("stations")
    page = window.tabs.currentWidget()
    assert isinstance(page, SupervisionPage)
    told = wait(
        lambda: [w.text() for w in page.findChildren(QLabel) if "caméra débranchée" in w.text()], "cards"
    )
    assert "⚠ Armoire forets : cabinet : caméra débranchée" in told
    texts = {w.text() for w in page.findChildren(QLabel)}
    assert {
        "12 messages en attente",
        "1.4.0 · configuration 7 · forets 1.2.0",
        "10.60.0.12",
        "Allée B",
    } <= texts
    assert "Debian 12 · 2 correctifs le 23/11/2026" in texts
    points = len(installation.points_of(["cabinet_camera"]))
    assert f"{points} points à vérifier" in texts
    assert {b.text for b in page.findChildren(Badge)} == {"Dégradée", "Hors ligne"}
    assert page.count.text() == "2 stations · 1 hors ligne"
    folder = os.environ.get("USINAGE_PICTURES")
    if folder:
        window.resize(1440, 900)
        wait(lambda: page.width() > 1100, "size")
        for _ in range(50):
            QApplication.processEvents()
        page.grab().save(str(Path(folder) / "supervision.png"))


@pytest.mark.parametrize(
    ("moment", "said"),
    [(None, "jamais"), ("2026-11-23T08:59:30Z", "à l'instant"), ("2026-11-23T08:55:00Z", "il y a 5 min"),
     ("2026-11-23T07:00:00Z", "il y a 2 h"), ("2026-11-20T07:00:00Z", "il y a 3 jours"),
     ("2026-11-23T09:00:05Z", "à l'instant")],
)  # fmt: skip
def test_the_last_contact_in_words(moment: str | None, said: str) -> None:
    assert words.since(moment, NOW) == said


def test_a_quarantined_station_is_not_simply_online() -> None:
    assert words.look({"status": "online", "is_quarantined": True})[0] == "Quarantaine"
    assert words.look({"status": "online"})[0] == "En ligne"
