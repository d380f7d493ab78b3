"""A command asked at the office: its form, a refusal at its field, the command on its way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QTableView, QWidget
from sqlalchemy import select

from clients.desktop.ui.dialogs import ConfirmDialog
from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.stations.commands import CommandsView
from clients.desktop.ui.stations.setting_editors import ChoiceEditor, LineEditor
from coordinator.kernel.context import Principal
from coordinator.modules.company.models import Site
from coordinator.modules.stations import service
from coordinator.modules.stations.models import Station, StationCommand
from tests.clients.desktop.conftest import wait
from tests.clients.desktop.office import Office

CELLS = {"source": "file", "file": "w.json", "channels": [{"channel": "0", "location": "P-01", "capacity_g": 500}]}  # fmt: skip
DRIVER = {"type": "cabinet_camera", "vision": "vision.yaml", "frames": "frames", "cells": CELLS}


@pytest.mark.requirement("EDG-31")
def test_a_command_is_asked_in_a_form(window: MainWindow, office: Office) -> None:
    with office.factory.open(Principal.service("test")) as ctx:
        site = ctx.add(Site(code="CMD", name="Atelier"))
        station = ctx.add(Station(code="cmd-1", name="Armoire 8", kind="cabinet_camera", site_id=site.id))
        service.set_config(ctx, station, service.ConfigParams(config={"drivers": {"cabinet": DRIVER}}))
        station_id = int(station.id)
    page = window.open_record("station", station_id)
    wait(lambda: page.tabs.count() > 1, "tabs")
    names = [page.tabs.tabText(i) for i in range(page.tabs.count())]
    page.tabs.setCurrentIndex(names.index("Commandes"))
    view = page.tabs.currentWidget()
    assert isinstance(view, CommandsView)
    wait(lambda: view.kind is not None and view.fields is not None, "form")
    assert view.kind is not None

    view.kind.setCurrentIndex(view.kind.findData("identify"))
    assert view.fields is not None
    seconds = view.fields.editors["seconds"]
    assert isinstance(seconds, LineEditor)
    assert "De 1 à 600" in " ".join(one.text() for one in seconds.findChildren(QLabel))
    seconds.control.setText("9000")
    view.send()
    wait(lambda: seconds.error, "refusal")
    assert "600" in seconds.error
    _picture(window, "commande-refus")

    view.kind.setCurrentIndex(view.kind.findData("tare"))
    place = view.fields.editors["location"]
    assert isinstance(place, ChoiceEditor)
    assert [place.control.itemData(i) for i in range(place.control.count())] == ["P-01"]
    view.send()
    wait(lambda: view.data["last"], "sent")
    wait(lambda: view.findChildren(QTableView), "table")
    model = view.findChildren(QTableView)[-1].model()
    told = [str(model.index(0, c).data()) for c in range(model.columnCount())]
    assert told[1:3] == ["tarer", "Plateau à tarer : P-01"]
    assert told[-1] == "demandé"
    _picture(window, "commande")
    with office.factory.open(Principal.service("test")) as ctx:
        row = ctx.session.scalars(select(StationCommand).where(StationCommand.station_id == station_id)).one()
        assert (row.kind, row.params) == ("tare", {"location": "P-01"})


@pytest.mark.requirement("EDG-47")
def test_taking_a_station_out_of_service_says_what_it_does(
    window: MainWindow, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    with office.factory.open(Principal.service("test")) as ctx:
        site = ctx.add(Site(code="RET", name="Atelier 2"))
        station = ctx.add(Station(code="st-ret", name="Armoire 9", kind="cabinet_camera", site_id=site.id))
        station_id = int(station.id)
    asked: list[str] = []

    def answered(dialog: ConfirmDialog) -> int:
        asked.extend(one.text() for one in dialog.findChildren(QLabel))
        dialog.show()
        _picture(dialog, "retrait-du-service")
        return 1

    monkeypatch.setattr(ConfirmDialog, "exec", answered)
    page = window.open_record("station", station_id)
    wait(lambda: page.state is not None, "record")
    page.start_named("decommission")

    def row() -> StationCommand | None:
        with office.factory.open(Principal.service("test")) as ctx:
            return ctx.session.scalars(
                select(StationCommand).where(StationCommand.station_id == station_id)
            ).one_or_none()

    command = wait(row, "command")
    assert (command.kind, command.status) == ("decommission", "requested")
    wait(lambda: "Retirer du service" in window.foot.message.text(), "answer")
    names = [page.tabs.tabText(i) for i in range(page.tabs.count())]
    page.tabs.setCurrentIndex(names.index("Commandes"))

    def shown() -> list[str]:
        tables = page.tabs.currentWidget().findChildren(QTableView)
        model = tables[-1].model() if tables and tables[-1].isVisible() else None
        return [str(model.index(0, c).data()) for c in range(model.columnCount())] if model else []

    told = wait(shown, "commands")
    _picture(window, "station-retrait-demande")
    assert (told[1], told[-1]) == ("retirer du service et effacer", "demandé")
    assert "Armoire 9" in asked[0]
    assert "efface ses clés" in asked[1]


def _picture(window: QWidget, name: str) -> None:
    folder = os.environ.get("USINAGE_SHOTS")
    if folder:
        if isinstance(window, MainWindow):
            window.resize(1440, 900)
        window.grab().save(str(Path(folder) / f"{name}.png"))
