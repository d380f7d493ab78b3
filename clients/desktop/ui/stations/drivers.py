"""Tab « Pilotes » of a station: what is connected to it, set in forms, looked at before it is sent (EDG-28, EDG-30, EDG-50)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton, QWidget

from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.metadata import Field
from clients.desktop.model.texts import t
from clients.desktop.operations import machine_calls, station_calls
from clients.desktop.tokens import STEP
from clients.desktop.ui.dialogs import ConfirmDialog
from clients.desktop.ui.sheet_view import SheetView
from clients.desktop.ui.static_table import StaticTable
from clients.desktop.ui.stations.settings_form import FieldsEditor
from clients.desktop.ui.stations.spread import SpreadPanel
from clients.desktop.ui.widgets import Badge, Banner, button, card, clear, column, label, row

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


class DriverEditor(QWidget):
    """Form of one driver: change, look at what will be sent, send."""

    def __init__(
        self, view: DriversView, name: str, kind: Mapping[str, Any], values: Mapping[str, Any]
    ) -> None:
        super().__init__()
        self._view = view
        self.name = name
        self._kind = str(kind["type"])
        self._nodes = list(kind["form"])
        layout = column(self, spacing=3 * STEP)
        layout.addWidget(label(str(kind["help"]), "muted", wrap=True))
        self.banner = Banner()
        layout.addWidget(self.banner)
        self.fields = FieldsEditor(kind["form"], values)
        self.fields.edited.connect(self._changed)
        layout.addWidget(self.fields)
        self._outcome = column(spacing=2 * STEP)
        layout.addLayout(self._outcome)
        buttons = row()
        self.look = button(t("driver.preview"), "primary", on_click=self.preview)
        buttons.addWidget(self.look)
        buttons.addWidget(button(t("cancel"), "flat", on_click=view.close_editor))
        buttons.addStretch()
        layout.addLayout(buttons)
        self.send_button: QPushButton | None = None

    def _changed(self) -> None:
        clear(self._outcome)
        self.send_button = None
        self.look.show()

    def preview(self) -> None:
        """Ask the server what would be sent."""
        self.banner.clear_text()
        self.fields.clear_errors()
        if not self.fields.check():
            self.banner.show_text(t("driver.mend"), "warning")
            return
        self._view.ask(self, {"type": self._kind, **self.fields.value()})

    def show_preview(self, values: Record, found: Mapping[str, Any]) -> None:
        """What changes, and the button that sends it."""
        clear(self._outcome)
        self._outcome.addWidget(label(t("driver.will_send", version=found["version_no"]), "section"))
        if found["changes"]:
            columns = [Field(n, t(f"driver.column.{n}"), "text") for n in ("label", "before", "after")]
            self._outcome.addWidget(StaticTable(columns, list(found["changes"]), "label"))
        else:
            self._outcome.addWidget(label(t("driver.no_change"), "muted"))
        self._outcome.addWidget(label(t("driver.trial"), "muted", wrap=True))
        line = row()
        if found["changes"]:
            self.send_button = button(
                t("driver.send"), "primary", on_click=partial(self._view.send, self, values)
            )
            line.addWidget(self.send_button)
            self.look.hide()
        changed = [str(one["path"]) for one in found["changes"]]
        line.addWidget(button(t("driver.spread"), on_click=lambda: self.spread(values, changed)))
        line.addStretch()
        self._outcome.addLayout(line)

    def spread(self, values: Record, changed: Sequence[str]) -> SpreadPanel:
        """Give settings to the same driver of other stations."""
        clear(self._outcome)
        self.send_button = None
        self.look.hide()
        self.panel = SpreadPanel(self._view, self._view.place_of(self.name), self._nodes, values, changed)
        self._outcome.addWidget(self.panel)
        return self.panel

    def refused(self, error: ApiError) -> None:
        """Each refused setting says so at its place; the rest above."""
        rest = [m for path, m in error.fields.items() if not self.fields.show_error(path.split("."), m)]
        self.banner.show_text(" ".join([error.detail, *rest]), "danger")


class DriversView(SheetView):
    """Drivers of a station; an open form is not taken away by somebody else's change."""

    entities = ("station_config",)
    editor: DriverEditor | None = None

    def load(self) -> None:
        """Read again, unless somebody is typing."""
        if self.editor is None:
            super().load()

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        return machine_calls.read(self.desk.api, f"/stations/{self.record_id}/drivers")

    def _fill(self, data: Mapping[str, Any]) -> None:
        self._kinds = {str(one["type"]): one for one in data["types"]}
        self._say_version(data)
        may = self.entity.may("update")
        if not data["drivers"]:
            self._body.addWidget(label(t("driver.nothing"), "muted", wrap=True))
        for driver in data["drivers"]:
            self._body.addWidget(self._card(driver, may=may))
        if may:
            self._body.addWidget(self._adder())

    def _say_version(self, data: Mapping[str, Any]) -> None:
        if not data["version_no"]:
            return
        status = str(data["status"])
        tone = {"applied": "success", "refused": "danger"}.get(status, "info")
        words = t(f"driver.version.{status}", version=data["version_no"], reason=data.get("reason") or "")
        self.banner.show_text(words, tone)

    def _card(self, driver: Mapping[str, Any], *, may: bool) -> QWidget:
        frame, inner = card()
        kind = self._kinds.get(str(driver["type"]))
        head = row()
        head.addWidget(label(str(kind["label"]) if kind else str(driver["type"]), "section"))
        head.addWidget(label(str(driver["name"]), "muted"))
        health = driver.get("health")
        if health:
            good = health["status"] == "ok"
            head.addWidget(Badge(t("driver.health.ok" if good else "driver.health.fault"), "success" if good else "warning", "check" if good else "alert"))  # fmt: skip
        head.addStretch()
        if may and kind is not None:
            name = str(driver["name"])
            head.addWidget(
                button(t("driver.set"), on_click=partial(self.edit, name, kind, driver["values"], inner))
            )
            head.addWidget(button(t("driver.take_away"), "danger", on_click=partial(self._ask_removal, name)))
        inner.addLayout(head)
        if health and health.get("detail"):
            inner.addWidget(label("⚠ " + str(health["detail"]), wrap=True))
        return frame

    def _adder(self) -> QWidget:
        frame, inner = card()
        inner.addWidget(label(t("driver.add"), "section"))
        line = row()
        box = QComboBox()
        for kind in self._kinds.values():
            box.addItem(str(kind["label"]), kind["type"])
        name = QLineEdit()
        name.setPlaceholderText(t("driver.name_hint"))
        wrong = label("", "error", wrap=True)
        wrong.hide()

        def begin() -> None:
            typed = name.text().strip()
            taken = {str(d["name"]) for d in self.data["drivers"]}
            if not _NAME.fullmatch(typed) or typed in taken:
                wrong.setText(t("driver.name_taken" if typed in taken else "driver.name_wrong"))
                wrong.show()
                return
            wrong.hide()
            self.edit(typed, self._kinds[box.currentData()], {}, inner)

        line.addWidget(box)
        line.addWidget(name, 1)
        line.addWidget(button(t("driver.begin"), on_click=begin))
        inner.addLayout(line)
        inner.addWidget(wrong)
        self.new_kind, self.new_name, self.begin = box, name, begin
        return frame

    def edit(self, name: str, kind: Mapping[str, Any], values: Mapping[str, Any], place: Any) -> DriverEditor:
        """Open the form of a driver in its card; one at a time."""
        self.close_editor(again=False)
        self.editor = DriverEditor(self, name, kind, values)
        place.addWidget(self.editor)
        return self.editor

    def close_editor(self, *, again: bool = True) -> None:
        """Give up what was typed."""
        if self.editor is not None:
            self.editor.hide()
            self.editor.deleteLater()
            self.editor = None
            if again:
                self.load()

    def ask(self, editor: DriverEditor, values: Record) -> None:
        """Preview of a form."""
        call = station_calls.preview_driver(self.desk.api, self.record_id, editor.name, values, self._version)
        self.desk.runner.run(call, partial(editor.show_preview, values), editor.refused, owner=editor)

    def send(self, editor: DriverEditor, values: Record) -> None:
        """Send what was looked at."""
        call = station_calls.send_driver(self.desk.api, self.record_id, editor.name, values, self._version)
        self.desk.runner.run(call, lambda _answer: self._sent(), editor.refused, owner=editor)

    def _ask_removal(self, name: str) -> None:
        title = t("driver.removal", name=name)
        if ConfirmDialog(self, title, t("driver.removal_text"), t("driver.take_away"), danger=True).exec():
            self.remove(name)

    def remove(self, name: str) -> None:
        """Next configuration without a driver."""
        call = station_calls.send_driver(self.desk.api, self.record_id, name, None, self._version)
        self.desk.runner.run(call, lambda _answer: self._sent(), self._refused, owner=self)

    def place_of(self, name: str) -> Record:
        """This station's driver, as others are told of it."""
        return {"station_id": self.record_id, "name": name, "version_no": self._version}

    @property
    def _version(self) -> int:
        return int(self.data["version_no"])

    def _sent(self) -> None:
        self.sent(t("driver.sent"))

    def sent(self, words: str) -> None:
        """What was typed is on its way."""
        self.desk.message.emit(words, "success")
        self.close_editor(again=False)
        self.load()
