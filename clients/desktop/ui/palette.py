"""Ctrl+K: one field finds lists by name and objects by number or name (UIX-06)."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QWidget

from clients.desktop.model.errors import ApiError
from clients.desktop.model.search import Hit, search_menu
from clients.desktop.model.texts import t
from clients.desktop.operations import calls
from clients.desktop.operations.runner import Handle
from clients.desktop.tokens import STEP
from clients.desktop.ui import icons, theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.widgets import column, label

_DELAY_MS = 200
_MENU_HITS = 6


class SearchPalette(QDialog):
    """Field over the window; arrows and Enter choose."""

    def __init__(self, parent: QWidget, desk: Desk) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._desk = desk
        self._handle: Handle | None = None
        self.hits: list[Hit] = []
        self.setFixedSize(theme.scaled(600), theme.scaled(420))
        layout = column(self, margins=3 * STEP)
        self.field = QLineEdit()
        self.field.setPlaceholderText(t("search.hint"))
        self.field.addAction(
            icons.icon("search", theme.current().muted), QLineEdit.ActionPosition.LeadingPosition
        )
        self.field.textChanged.connect(self._typed)
        self.field.installEventFilter(self)
        layout.addWidget(self.field)
        self.list = QListWidget()
        self.list.setFrameShape(QListWidget.Shape.NoFrame)
        self.list.itemActivated.connect(self._open)
        self.list.itemClicked.connect(self._open)
        layout.addWidget(self.list, 1)
        self.foot = label("", "muted")
        layout.addWidget(self.foot)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY_MS)
        self._timer.timeout.connect(self._search)
        self._typed("")
        self.field.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 — Qt's name
        """Arrows move in the results while typing goes on."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key = Qt.Key(event.key())
            if key in {Qt.Key.Key_Down, Qt.Key.Key_Up}:
                step = 1 if key == Qt.Key.Key_Down else -1
                self.list.setCurrentRow(min(max(self.list.currentRow() + step, 0), self.list.count() - 1))
                return True
            if key in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self.list.currentItem() is not None:
                self._open(self.list.currentItem())
                return True
        return super().eventFilter(watched, event)

    def _typed(self, text: str) -> None:
        words = text.strip()
        self._show(search_menu(self._desk.metadata, words)[: _MENU_HITS if words else 12])
        if self._handle is not None:
            self._handle.cancel()
        if len(words) >= 2:
            self.foot.setText(t("search.running"))
            self._timer.start()
        else:
            self._timer.stop()
            self.foot.setText(t("search.foot"))

    def _search(self) -> None:
        words = self.field.text().strip()
        operation = calls.search(self._desk.api, self._desk.metadata, words)
        self._handle = self._desk.runner.run(operation, self._found, self._refused, owner=self)

    def _found(self, hits: list[Hit]) -> None:
        words = self.field.text().strip()
        lists = search_menu(self._desk.metadata, words)[:_MENU_HITS]
        self._show(lists + hits)
        self.foot.setText(t("search.foot") if self.hits else t("search.nothing", words=words))

    def _refused(self, error: ApiError) -> None:
        self.foot.setText(error.detail)

    def _show(self, hits: list[Hit]) -> None:
        self.hits = hits
        self.list.clear()
        for hit in hits:
            kind = t("search.list") if hit.record_id is None else hit.entity.label
            item = QListWidgetItem(
                icons.icon(hit.entity.menu_group or "documents", theme.current().muted),
                f"{hit.title}   —  {kind}",
            )
            self.list.addItem(item)
        if hits:
            self.list.setCurrentRow(0)

    def _open(self, item: QListWidgetItem) -> None:
        hit = self.hits[self.list.row(item)]
        self.accept()
        if hit.record_id is None:
            self._desk.open_list(hit.entity)
        else:
            self._desk.open_record(hit.entity, hit.record_id)
