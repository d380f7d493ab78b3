"""Field that points to another record: found while typing."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QStringListModel, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QCompleter, QLineEdit, QListView

from clients.desktop.model.api import Record
from clients.desktop.model.metadata import Field
from clients.desktop.model.texts import t
from clients.desktop.operations import calls
from clients.desktop.operations.runner import Handle
from clients.desktop.ui import icons, theme
from clients.desktop.ui.desk import Desk

_DELAY_MS = 180


class ReferenceEdit(QLineEdit):
    """Search-as-you-type over the target's records; text that is no record is put back."""

    chosen = Signal(object, str)

    def __init__(self, desk: Desk, field: Field) -> None:
        super().__init__()
        self._desk = desk
        self._target = desk.metadata.by_plural(field.target)
        self._plural = field.target
        self._value: Any = None
        self._shown = ""
        self.found: list[Record] = []
        self._handle: Handle | None = None
        self.setPlaceholderText(t("reference.hint") if self._target else t("reference.no_right"))
        self.setEnabled(self._target is not None)
        self._names = QStringListModel(self)
        completer = QCompleter(self._names, self)
        completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._popup = QListView()
        self._popup.setObjectName("popup")
        completer.setPopup(self._popup)
        completer.activated.connect(self._picked)
        self._completer = completer
        self.setCompleter(completer)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY_MS)
        self._timer.timeout.connect(self._search)
        self.textEdited.connect(lambda _text: self._timer.start())
        self._open = self.addAction(
            icons.icon("right", theme.current().muted), QLineEdit.ActionPosition.TrailingPosition
        )
        self._open.setToolTip(t("reference.open"))
        self._open.triggered.connect(self._follow)
        self._open.setVisible(False)

    @property
    def value(self) -> Any:
        """Identity of the chosen record."""
        return self._value

    def show_reference(self, value: Any, shown: str) -> None:
        """Show a record's name."""
        self._value, self._shown = value, shown if value is not None else ""
        self.setText(self._shown)
        self.setCursorPosition(0)
        self._open.setVisible(value is not None and self._target is not None)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 — Qt's name
        """Emptied: no record; anything else not chosen is put back."""
        super().focusOutEvent(event)
        if self._popup.isVisible():
            return
        if not self.text().strip() and self._value is not None:
            self.show_reference(None, "")
            self.chosen.emit(None, "")
        elif self.text() != self._shown:
            self.setText(self._shown)

    def event(self, event: QEvent) -> bool:
        """Arrow down opens the suggestions."""
        pressed = (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Down
        )
        if pressed and not self._popup.isVisible():
            self._search()
            return True
        return super().event(event)

    def _search(self) -> None:
        if self._plural is None or self._target is None:
            return
        if self._handle is not None:
            self._handle.cancel()
        words = self.text().strip() if self.text() != self._shown else ""
        self._handle = self._desk.runner.run(
            calls.suggest(self._desk.api, self._plural, words), self._suggest, owner=self
        )

    def _suggest(self, records: list[Record]) -> None:
        self._handle = None
        self.found = records
        self._names.setStringList([self._name(r) for r in records])
        if self.hasFocus() and records:
            self._completer.complete()

    def _name(self, record: Record) -> str:
        name = str(record.get("display") or f"#{record['id']}")
        twins = sum(1 for r in self.found if r.get("display") == record.get("display"))
        return f"{name} (#{record['id']})" if twins > 1 else name

    def _picked(self, name: str) -> None:
        for record in self.found:
            if self._name(record) == name:
                self.choose(record)
                return

    def choose(self, record: Record) -> None:
        """Take a record."""
        shown = str(record.get("display") or f"#{record['id']}")
        self.show_reference(int(record["id"]), shown)
        self.chosen.emit(int(record["id"]), shown)

    def _follow(self) -> None:
        if self._target is not None and self._value is not None:
            self._desk.open_record(self._target, int(self._value))
