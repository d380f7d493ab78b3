"""A page over many records that renews itself: title, count, banner, cards; the kinds of it by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from clients.desktop.model.errors import ApiError
from clients.desktop.model.live import Change
from clients.desktop.model.texts import t
from clients.desktop.operations.runner import Operation
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.form_view import scrolled
from clients.desktop.ui.widgets import Banner, clear, column, label, row


class WatchPage(QWidget):
    """Reads again every ``again_ms`` while it is seen, and at every change of one of its ``entities``."""

    title_key = ""
    sign = "stations"
    entities: frozenset[str] = frozenset()
    again_ms = 10_000

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setObjectName("page")
        self._desk = desk
        outer = column(self, spacing=3 * STEP)
        outer.setContentsMargins(6 * STEP, 5 * STEP, 4 * STEP, 0)
        self.head = row()
        self.head.addWidget(label(self.title, "title"))
        self.count = label("", "muted")
        self.head.addWidget(self.count)
        self.head.addStretch()
        outer.addLayout(self.head)
        self.banner = Banner()
        outer.addWidget(self.banner)
        body = QWidget()
        body.setObjectName("pageBody")
        self._body = column(body, spacing=4 * STEP)
        body.setMaximumWidth(theme.scaled(1240))
        outer.addWidget(scrolled(body), 1)
        self._was_hidden = False
        self._timer = QTimer(self)
        self._timer.setInterval(self.again_ms)
        self._timer.timeout.connect(self.load)
        desk.changed.connect(self._on_change)
        self.load()

    @property
    def title(self) -> str:
        """Name of the tab."""
        return t(self.title_key)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 — Qt's name
        """Seen: kept up to date."""
        super().showEvent(event)
        if self._was_hidden:
            self.load()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 — Qt's name
        """Behind another tab: nothing is asked."""
        super().hideEvent(event)
        self._was_hidden = True
        self._timer.stop()

    def load(self) -> None:
        """Read what the page shows."""
        self._desk.runner.run(self._operation(), self._shown, self._show_error, owner=self)

    def _operation(self) -> Operation[Any]:
        raise NotImplementedError

    def _fill(self, found: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def _shown(self, found: Mapping[str, Any]) -> None:
        self.banner.clear_text()
        clear(self._body)
        self._fill(found)
        self._body.addStretch()

    def _on_change(self, change: Change) -> None:
        if change.entity in self.entities or change.entity == "*":
            self.load()

    def _show_error(self, error: ApiError) -> None:
        self.banner.show_text(error.detail, "warning", (t("retry"), self.load))
