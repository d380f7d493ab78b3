"""Tab « Commandes » of a station: a command with its form, and what became of the last ones (EDG-31)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtWidgets import QComboBox, QWidget

from clients.desktop.model.errors import ApiError
from clients.desktop.model.metadata import Field
from clients.desktop.model.texts import t
from clients.desktop.operations import machine_calls, station_calls
from clients.desktop.tokens import STEP
from clients.desktop.ui.dialogs import ConfirmDialog
from clients.desktop.ui.sheet_view import SheetView
from clients.desktop.ui.static_table import StaticTable
from clients.desktop.ui.stations.setting_editors import LineEditor
from clients.desktop.ui.stations.settings_form import FieldsEditor
from clients.desktop.ui.widgets import button, card, clear, column, label, row

_CONFIRMED = frozenset({"restart_agent", "reboot", "clear_session"})


class CommandsView(SheetView):
    """A command is asked for in words; what the server refuses stands at its field."""

    entities = ("station_command", "station_config")
    kind: QComboBox | None = None
    fields: FieldsEditor | None = None

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        return machine_calls.read(self.desk.api, f"/stations/{self.record_id}/commands")

    def _show(self, data: Mapping[str, Any]) -> None:
        chosen = self.kind.currentData() if self.kind is not None else None
        if chosen is not None and self.data and data["commands"] == self.data["commands"]:
            self.data, self._loading = data, False
            self._fill_last(data)
            return
        super()._show(data)

    def _fill(self, data: Mapping[str, Any]) -> None:
        self.kind = self.fields = None
        if self.entity.may("update"):
            self._body.addWidget(self._asking(data))
        frame, inner = card()
        inner.addWidget(label(t("command.last"), "section"))
        self._last = column()
        inner.addLayout(self._last)
        self._body.addWidget(frame)
        self._fill_last(data)

    def _asking(self, data: Mapping[str, Any]) -> QWidget:
        frame, inner = card()
        inner.addWidget(label(t("command.ask"), "section"))
        self.kind = QComboBox()
        self.kind.setAccessibleName(t("command.ask"))
        for one in data["commands"]:
            self.kind.addItem(str(one["label"]).capitalize(), one["kind"])
        self.kind.currentIndexChanged.connect(lambda _i: self._choose())
        inner.addWidget(self.kind)
        self._form = column(spacing=3 * STEP)
        inner.addLayout(self._form)
        valid = {"name": "valid_min", "kind": "integer", "label": t("command.valid"), "unit": "min", "default": 10, "minimum": 1, "maximum": 1440}  # fmt: skip
        self.valid = LineEditor(valid, 10)
        inner.addWidget(self.valid)
        if data["is_offline"]:
            inner.addWidget(label(t("command.offline"), "muted", wrap=True))
        line = row()
        line.addWidget(button(t("command.send"), "primary", on_click=self.send))
        line.addStretch()
        inner.addLayout(line)
        self._choose()
        return frame

    def _chosen(self) -> Mapping[str, Any]:
        assert self.kind is not None  # noqa: S101 — only who may ask sees the form
        return next(one for one in self.data["commands"] if one["kind"] == self.kind.currentData())

    def _choose(self) -> None:
        clear(self._form)
        one = self._chosen()
        self._form.addWidget(label(str(one["help"]), "muted", wrap=True))
        self.fields = FieldsEditor(one["form"], {})
        self._form.addWidget(self.fields)

    def send(self) -> None:
        """Check what was typed, ask where something restarts, send."""
        assert self.fields is not None  # noqa: S101 — the button stands under it
        self.banner.clear_text()
        self.fields.clear_errors()
        good = self.fields.check()
        if not self.valid.check() or not good:
            self.banner.show_text(t("driver.mend"), "warning")
            return
        one = self._chosen()
        words = str(one["label"])
        if one["kind"] in _CONFIRMED and not ConfirmDialog(self, words.capitalize(), str(one["help"]), t("command.send"), danger=True).exec():  # fmt: skip
            return
        valid = self.valid.value()
        minutes = valid if isinstance(valid, int) else 10
        call = station_calls.send_command(self.desk.api, self.record_id, str(one["kind"]), self.fields.value(), minutes)  # fmt: skip
        self.desk.runner.run(call, lambda _answer: self._sent(words), self.refused, owner=self)

    def refused(self, error: ApiError) -> None:
        """Each refused parameter says so at its place; the rest above."""
        rest = []
        for path, words in error.fields.items():
            head, _, tail = path.partition(".")
            shown = (
                head == "params"
                and self.fields is not None
                and self.fields.show_error(tail.split("."), words)
            )
            if not shown and not (path == "valid_min" and self.valid.show_error((), words)):
                rest.append(words)
        self.banner.show_text(" ".join([error.detail, *rest]), "danger")

    def _sent(self, words: str) -> None:
        self.desk.message.emit(t("command.sent", command=words), "success")
        self.load()

    def _fill_last(self, data: Mapping[str, Any]) -> None:
        clear(self._last)
        if not data["last"]:
            self._last.addWidget(label(t("command.none"), "muted"))
            return
        names = ("label", "params", "by", "status", "detail")
        columns = [Field("at", t("command.column.at"), "datetime")]
        columns += [Field(n, t(f"command.column.{n}"), "text") for n in names]
        rows = [{**one, "detail": " ".join(str(one["detail"] or "").split())[:160]} for one in data["last"]]
        self._last.addWidget(StaticTable(columns, rows, "detail"))
