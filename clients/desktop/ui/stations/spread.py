"""Settings of a driver given to the same driver of other stations: which settings, which stations, what changes, send (EDG-28)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QCheckBox, QGridLayout, QPushButton, QWidget

from clients.desktop.model.api import Record
from clients.desktop.model.driver_form import Node
from clients.desktop.model.errors import ApiError
from clients.desktop.model.metadata import Field
from clients.desktop.model.texts import t, tn
from clients.desktop.operations import station_calls
from clients.desktop.tokens import STEP
from clients.desktop.ui.static_table import StaticTable
from clients.desktop.ui.widgets import Banner, button, clear, column, label, row

if TYPE_CHECKING:
    from clients.desktop.ui.stations.drivers import DriversView

_COLUMNS = ("station", "label", "before", "after")


class SpreadPanel(QWidget):
    """Under the form of a driver, once what changes was looked at. The station of the form is one of those that get it."""

    def __init__(
        self, view: DriversView, own: Record, nodes: Sequence[Node], values: Record, changed: Sequence[str]
    ) -> None:
        super().__init__()
        self._view = view
        self._own = own
        self._values = values
        self.settings: dict[str, QCheckBox] = {}
        self.stations: list[tuple[QCheckBox, Record]] = []
        self.send_button: QPushButton | None = None
        layout = column(self, spacing=3 * STEP)
        self.banner = Banner()
        layout.addWidget(self.banner)
        layout.addWidget(label(t("driver.spread_settings"), "section"))
        layout.addWidget(label(t("driver.spread_settings_help"), "muted", wrap=True))
        layout.addLayout(self._settings(nodes, changed))
        layout.addWidget(label(t("driver.spread_stations"), "section"))
        self._places = column(spacing=STEP)
        layout.addLayout(self._places)
        line = row()
        self.look = button(t("driver.spread_look"), "primary", on_click=self.preview)
        line.addWidget(self.look)
        line.addStretch()
        layout.addLayout(line)
        self._outcome = column(spacing=2 * STEP)
        layout.addLayout(self._outcome)
        call = station_calls.alike_drivers(view.desk.api, view.record_id, str(values["type"]))
        view.desk.runner.run(call, self._show_stations, self._refused, owner=self)

    def _settings(self, nodes: Sequence[Node], changed: Sequence[str]) -> QGridLayout:
        grid = QGridLayout()
        heads = {path.partition(".")[0] for path in changed}
        given = (n for n in nodes if not n.get("kept_elsewhere") and n["kind"] != "drawn")
        for place, node in enumerate(n for n in given if n["name"] in self._values or n["name"] in heads):
            box = QCheckBox(str(node["label"]).replace("&", "&&"))
            box.setChecked(node["name"] in heads)
            box.toggled.connect(self._changed)
            self.settings[str(node["name"])] = box
            grid.addWidget(box, place // 3, place % 3)
        return grid

    def _show_stations(self, found: Sequence[Record]) -> None:
        if not found:
            self._places.addWidget(label(t("driver.spread_none"), "muted", wrap=True))
        for one in found:
            words = t("driver.spread_one", station=one["station"], name=one["name"])
            box = QCheckBox(words.replace("&", "&&"))
            box.toggled.connect(self._changed)
            self.stations.append((box, one))
            self._places.addWidget(box)
        self.look.setEnabled(bool(found))

    def _changed(self, *_: Any) -> None:
        clear(self._outcome)
        self.send_button = None
        self.look.show()

    def _body(self) -> Record:
        chosen = [one for box, one in self.stations if box.isChecked()]
        targets = [{n: one[n] for n in ("station_id", "name", "version_no")} for one in (self._own, *chosen)]
        settings = [name for name, box in self.settings.items() if box.isChecked()]
        return {"values": self._values, "settings": settings, "targets": targets}

    def preview(self) -> None:
        """Ask what would change on each station."""
        self.banner.clear_text()
        body = self._body()
        if not body["settings"] or len(body["targets"]) < 2:
            self.banner.show_text(t("driver.spread_choose"), "warning")
            return
        call = station_calls.preview_spread(self._view.desk.api, self._view.record_id, body)
        self._view.desk.runner.run(call, lambda found: self._show(body, found), self._refused, owner=self)

    def _show(self, body: Record, found: Mapping[str, Any]) -> None:
        clear(self._outcome)
        columns = [Field(n, t(f"driver.column.{n}"), "text") for n in _COLUMNS]
        rows = [{"station": s["station"], **c} for s in found["stations"] for c in s["changes"]]
        if rows:
            self._outcome.addWidget(StaticTable(columns, rows, "label"))
        refused = [s for s in found["stations"] if s["errors"]]
        for one in refused:
            words = t("driver.spread_refused", station=one["station"], reason=" ".join(one["errors"]))
            self._outcome.addWidget(label(words, "error", wrap=True))
        for one in found["stations"]:
            if not one["changes"] and not one["errors"]:
                self._outcome.addWidget(label(t("driver.spread_same", station=one["station"]), "muted"))
        self._outcome.addWidget(label(t("driver.spread_trial"), "muted", wrap=True))
        count = sum(1 for s in found["stations"] if s["changes"])
        if count and not refused:
            line = row()
            self.send_button = button(
                tn("driver.spread_send", count), "primary", on_click=lambda: self.send(body, count)
            )
            line.addWidget(self.send_button)
            line.addStretch()
            self._outcome.addLayout(line)
            self.look.hide()

    def send(self, body: Record, count: int) -> None:
        """Send what was looked at; all stations or none."""
        call = station_calls.send_spread(self._view.desk.api, self._view.record_id, body)
        self._view.desk.runner.run(
            call, lambda _answer: self._view.sent(tn("driver.spread_sent", count)), self._refused, owner=self
        )

    def _refused(self, error: ApiError) -> None:
        self.banner.show_text(" ".join([error.detail, *error.fields.values()]), "danger")
