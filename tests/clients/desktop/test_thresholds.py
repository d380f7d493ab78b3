"""Thresholds of a station decided at the office: inherited values shown, a refusal at its field, the decision in the history."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QTableView
from sqlalchemy import select

from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.stations.thresholds import ThresholdsView
from coordinator.kernel.context import Principal
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.company.models import Site
from coordinator.modules.stations import service
from coordinator.modules.stations.models import Station, StationConfig
from coordinator.modules.stock.models import LocationItem, StorageLocation
from tests.clients.desktop.conftest import wait
from tests.clients.desktop.office import Office

DRIVER = {"type": "cabinet_camera", "vision": "vision.yaml", "frames": "frames"}


def _station(office: Office) -> int:
    with office.factory.open(Principal.service("test")) as ctx:
        site = ctx.add(Site(code="THR", name="Atelier"))
        station = ctx.add(Station(code="thr-1", name="Armoire 7", kind="cabinet_camera", site_id=site.id))
        service.set_config(ctx, station, service.ConfigParams(config={"drivers": {"cabinet": DRIVER}}))
        place = ctx.add(StorageLocation(code="THR-A1", name="A1", kind="compartment", camera="thr-1"))
        item = ctx.add(StockItem(code="THR-PL", name="Plaquette", item_kind="insert"))
        ctx.add(LocationItem(storage_location_id=place.id, stock_item_id=item.id))
        return int(station.id)


@pytest.mark.requirement("VIS-14")
def test_a_threshold_is_decided_where_it_is_inherited_refused_and_remembered(
    window: MainWindow, office: Office
) -> None:
    station_id = _station(office)
    page = window.open_record("station", station_id)
    wait(lambda: page.tabs.count() > 1, "tabs")
    names = [page.tabs.tabText(i) for i in range(page.tabs.count())]
    page.tabs.setCurrentIndex(names.index("Seuils"))
    view = page.tabs.currentWidget()
    assert isinstance(view, ThresholdsView)
    wait(lambda: view.data, "thresholds")
    shop = view.edits["station", ""]["auto_pct"]
    assert (shop.control.text(), shop.control.placeholderText(), shop.source.text()) == (
        "",
        "90",
        "repris : Réglage de l'atelier",
    )
    assert view.edits["item_kind", "ppe"]["auto_pct"].isHidden(), "kinds the cabinet does not hold are folded"

    inserts = view.edits["item_kind", "insert"]["auto_pct"]
    inserts.control.setText("72,5")
    inserts.control.setModified(True)
    view.send()
    assert view.reason is not None
    assert any("motif" in one.text() for one in view.banner.findChildren(QLabel))
    view.reason.setText("Plaquettes bien séparées")
    view.send()
    wait(lambda: not inserts.wrong.isHidden(), "refusal")
    assert inserts.wrong.text().startswith("Minimum sûr 80 %")
    _picture(window, "seuils-refus")

    inserts.control.setText("96,5")
    view.send()
    wait(lambda: view.data["history"], "saved")
    again = view.edits["item_kind", "insert"]["auto_pct"]
    assert (again.control.text(), again.source.text()) == ("96,5", "fixé ici")
    tables = [table.model() for table in view.findChildren(QTableView)]
    places, history = ([model.index(0, c).data() for c in range(model.columnCount())] for model in tables)
    assert places == ["THR-A1", "THR-PL", "96,5", "60", "Articles : plaquette · Réglage de l'atelier"]
    assert history[1:3] == ["Articles : plaquette", "96,5"]
    assert history[-1] == "Plaquettes bien séparées"
    _picture(window, "seuils")
    with office.factory.open(Principal.service("test")) as ctx:
        query = select(StationConfig).where(StationConfig.station_id == station_id)
        newest = ctx.session.scalars(query.order_by(StationConfig.version_no.desc()).limit(1)).one()
        assert (
            newest.config["drivers"]["cabinet"]["thresholds"]["places"]["THR-A1/THR-PL"]["auto_pct"] == 96.5
        )


def _picture(window: MainWindow, name: str) -> None:
    folder = os.environ.get("USINAGE_SHOTS")
    if folder:
        window.resize(1440, 900)
        window.grab().save(str(Path(folder) / f"{name}.png"))
