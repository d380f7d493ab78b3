"""Drivers of a station set in forms at the office: made of the schemas, checked at the field, looked at, then sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLabel, QTableView
from sqlalchemy import select

from clients.desktop.model.driver_form import MISSING
from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.stations.drivers import DriversView
from clients.desktop.ui.stations.setting_editors import ChoiceEditor, KeptEditor, LineEditor
from clients.desktop.ui.stations.settings_form import FieldsEditor, GroupEditor, ManyEditor, VariantEditor
from coordinator.kernel.context import Principal
from coordinator.modules.company.models import Site
from coordinator.modules.stations import driver_forms, service
from coordinator.modules.stations.models import Station, StationConfig
from edge_agents.drivers import registry
from tests.clients.desktop.conftest import wait
from tests.clients.desktop.office import Office

_CONFIGS = Path(__file__).resolve().parents[3] / "firmware_configs"
TEMPLATES = sorted([*_CONFIGS.glob("machines/*.yaml"), *_CONFIGS.glob("stations/*.yaml")])
SCANNER = {"type": "scanner", "inputs": ["stdin"], "logout_s": 90}


def _station(office: Office, code: str, drivers: dict[str, Any]) -> int:
    with office.factory.open(Principal.service("test")) as ctx:
        site = ctx.session.scalars(select(Site).where(Site.code == "DRV")).first() or ctx.add(
            Site(code="DRV", name="Atelier")
        )
        station = ctx.add(Station(code=code, name="Poste de scan 3", kind="scan_station", site_id=site.id))
        service.set_config(ctx, station, service.ConfigParams(config={"drivers": drivers}))
        return int(station.id)


def _newest(office: Office, station_id: int) -> StationConfig:
    with office.factory.open(Principal.service("test")) as ctx:
        query = select(StationConfig).where(StationConfig.station_id == station_id)
        found = ctx.session.scalars(query.order_by(StationConfig.version_no.desc()).limit(1)).one()
        ctx.session.expunge(found)
        return found


def _view(window: MainWindow, station_id: int) -> DriversView:
    page = window.open_record("station", station_id)
    wait(lambda: page.tabs.count() > 1, "tabs")
    names = [page.tabs.tabText(i) for i in range(page.tabs.count())]
    page.tabs.setCurrentIndex(names.index("Pilotes"))
    view = page.tabs.currentWidget()
    assert isinstance(view, DriversView)
    wait(lambda: view.data, "drivers")
    return view


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_form_gives_back_what_it_was_given(qapp: QApplication, path: Path) -> None:
    """Opening a form and sending it changes nothing, whatever the driver: no setting lost, none made up."""
    for values in yaml.safe_load(path.read_text())["config"]["drivers"].values():
        nodes = driver_forms.form(registry.config_class(values["type"]).model_json_schema())
        fields = FieldsEditor(nodes, values)
        assert fields.check()
        given = {
            **values,
            **{
                k: _as_text(v) for k, v in values.items() if k in {"inputs", "analog"} and isinstance(v, dict)
            },
        }
        assert {"type": values["type"], **fields.value()} == given


def _as_text(inputs: dict[str, Any]) -> dict[str, Any]:
    """A place of an input is typed as text; the server reads digits as a number."""
    return {name: {**one, "at": str(one["at"])} for name, one in inputs.items()}


@pytest.mark.requirement("EDG-30", "EDG-50")
def test_a_wrong_setting_is_told_at_its_field_then_sent_after_a_look(
    window: MainWindow, office: Office, qapp: QApplication
) -> None:
    station_id = _station(office, "st-drv-1", {"scanner": SCANNER})
    view = _view(window, station_id)
    editor = view.edit("scanner", view._kinds["scanner"], view.data["drivers"][0]["values"], view._body)
    logout, attempts = editor.fields.editors["logout_s"], editor.fields.editors["pin_attempts"]
    assert isinstance(logout, LineEditor)
    assert isinstance(attempts, LineEditor)
    assert logout.control.text() == "90"
    assert attempts.control.placeholderText() == "Par défaut : 3"
    assert editor.fields.rest.isAncestorOf(attempts)

    attempts.control.setText("trois")
    editor.preview()
    assert attempts.error
    attempts.control.setText("0")
    logout.control.setText("45")
    editor.preview()
    wait(lambda: attempts.error, "refusal")
    assert attempts.error == "La valeur doit être au moins 1."
    assert not editor.fields.rest.isHidden(), "a refused setting is not hidden"
    assert _newest(office, station_id).version_no == 1

    attempts.control.setText("2")
    editor.preview()
    wait(lambda: editor.send_button, "preview")
    (table,) = editor.findChildren(QTableView)
    model = table.model()
    rows = [[model.index(r, c).data() for c in range(model.columnCount())] for r in range(model.rowCount())]
    assert rows == [["Déconnexion automatique après", "90 s", "45 s"], ["Codes faux admis", "—", "2"]]
    _picture(window, "pilote-apercu")
    assert editor.send_button is not None
    editor.send_button.click()
    wait(lambda: view.editor is None and view.data["version_no"] == 2, "sent")
    assert _newest(office, station_id).config["drivers"]["scanner"] == {
        **SCANNER,
        "logout_s": 45,
        "pin_attempts": 2,
    }


@pytest.mark.requirement("EDG-28", "EDG-30")
def test_changed_settings_go_to_the_same_driver_of_other_stations(
    window: MainWindow, office: Office, qapp: QApplication
) -> None:
    station_id = _station(office, "st-drv-3", {"scanner": SCANNER})
    near = _station(office, "st-drv-4", {"douchette": {**SCANNER, "machine_code": "T04"}})
    view = _view(window, station_id)
    editor = view.edit("scanner", view._kinds["scanner"], view.data["drivers"][0]["values"], view._body)
    logout = editor.fields.editors["logout_s"]
    _type(logout, "30")
    editor.preview()
    wait(lambda: editor.send_button, "preview")
    panel = editor.spread({"type": "scanner", **editor.fields.value()}, ["logout_s"])
    wait(lambda: panel.stations, "other stations")
    assert [name for name, box in panel.settings.items() if box.isChecked()] == ["logout_s"]
    panel.preview()
    assert "au moins un réglage et une autre station" in panel.banner.text
    for box, one in panel.stations:
        box.setChecked(one["station_id"] == near)
    panel.preview()
    wait(lambda: panel.send_button, "what changes on each")
    (table,) = panel.findChildren(QTableView)
    model = table.model()
    rows = [[model.index(r, c).data() for c in range(model.columnCount())] for r in range(model.rowCount())]
    assert rows == [["Poste de scan 3", "Déconnexion automatique après", "90 s", "30 s"]] * 2
    _picture(window, "pilote-plusieurs")
    assert panel.send_button is not None
    assert "2 stations" in panel.send_button.text()
    panel.send_button.click()
    wait(lambda: view.editor is None and view.data["version_no"] == 2, "sent")
    assert _newest(office, near).config["drivers"]["douchette"] == {
        **SCANNER, "machine_code": "T04", "logout_s": 30,
    }  # fmt: skip


@pytest.mark.requirement("EDG-30", "MCH-08")
def test_a_machine_without_network_is_described_without_typing_json(
    window: MainWindow, office: Office, qapp: QApplication
) -> None:
    station_id = _station(office, "st-drv-2", {})
    view = _view(window, station_id)
    view.new_kind.setCurrentIndex(view.new_kind.findData("signal_machine"))
    view.new_name.setText("Tour 4")
    view.begin()
    assert view.editor is None
    assert "Nom attendu : lettres minuscules, chiffres, tirets." in {
        w.text() for w in view.findChildren(QLabel)
    }
    view.new_name.setText("tour-4")
    view.begin()
    editor = view.editor
    assert editor is not None
    fields = editor.fields.editors
    _type(fields["machine_code"], "T04")
    source = fields["source"]
    assert isinstance(source, VariantEditor)
    source.control.setCurrentIndex(source.control.findData("modbus"))
    source._show()
    _type(source.fields.editors["host"], "192.168.4.7")
    inputs = fields["inputs"]
    assert isinstance(inputs, ManyEditor)
    green = inputs.add(MISSING, "green")
    assert isinstance(green, GroupEditor)
    _type(green.fields.editors["at"], "2")
    rules = fields["rules"]
    assert isinstance(rules, ManyEditor)
    rule = rules.add(MISSING)
    assert isinstance(rule, GroupEditor)
    when = rule.fields.editors["when"]
    assert isinstance(when, ManyEditor)
    level = when.add(MISSING, "vert")
    assert isinstance(level, ChoiceEditor)
    level.control.setCurrentIndex(level.control.findData("on"))
    state = rule.fields.editors["state"]
    assert isinstance(state, ChoiceEditor)
    state.control.setCurrentIndex(state.control.findData("running"))

    editor.preview()
    wait(lambda: "vert" in editor.banner.text, "refusal between settings")
    assert "Entrées inconnues : vert." in editor.banner.text
    name = when.entries[0][1]
    assert not isinstance(name, QComboBox)
    assert name is not None
    name.setText("green")
    editor.preview()
    wait(lambda: editor.send_button, "preview")
    _picture(window, "pilote-signaux")
    assert editor.send_button is not None
    editor.send_button.click()
    wait(lambda: view.data["version_no"] == 2, "sent")
    assert _newest(office, station_id).config["drivers"]["tour-4"] == {
        "type": "signal_machine", "machine_code": "T04", "source": {"kind": "modbus", "host": "192.168.4.7"},
        "inputs": {"green": {"at": 2}}, "rules": [{"when": {"green": "on"}, "state": "running"}],
    }  # fmt: skip


def test_what_another_page_decides_is_shown_but_cannot_be_typed(qapp: QApplication) -> None:
    nodes = driver_forms.form(registry.config_class("machine_camera").model_json_schema())
    fields = FieldsEditor(
        nodes, {"camera_code": "C", "source": "rtsp://h", "masks": [[[0, 0], [1, 0], [1, 1]]]}
    )
    masks, declaration = fields.editors["masks"], fields.editors["declaration"]
    assert isinstance(masks, KeptEditor)
    assert any("onglet « Zones »" in w.text() for w in masks.findChildren(QLabel))
    assert isinstance(declaration, GroupEditor)
    assert isinstance(declaration.switch, QCheckBox)
    assert declaration.value() is MISSING


def _type(editor: Any, text: str) -> None:
    assert isinstance(editor, LineEditor)
    editor.control.setText(text)


def _picture(window: MainWindow, name: str) -> None:
    folder = os.environ.get("USINAGE_SHOTS")
    if folder:
        window.resize(1400, 1000)
        for _ in range(20):
            QApplication.processEvents()
        window.grab().save(str(Path(folder) / f"{name}.png"))
