"""The bars of the window: search, ways to whole pages, connection and person above; messages, server and version below."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QLabel

from clients.desktop.model.texts import t
from clients.desktop.tokens import STEP
from clients.desktop.ui import icons, theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.widgets import button, label, row

_MESSAGE_MS = 6000


class TopBar(QFrame):
    """Above the pages."""

    fold_wanted = Signal()
    search_wanted = Signal()
    park_wanted = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setObjectName("topBar")
        self.setFixedHeight(theme.scaled(48))
        layout = row(self, spacing=3 * STEP)
        layout.setContentsMargins(2 * STEP, 0, 4 * STEP, 0)
        fold = button("", "flat", "menu", self.fold_wanted.emit)
        fold.setToolTip(t("menu.fold"))
        fold.setAccessibleName(t("menu.fold"))
        layout.addWidget(fold)
        layout.addWidget(label(t("app.name"), "heading"))
        layout.addStretch(1)
        search = button(t("search.button"), "search", "search", self.search_wanted.emit)
        search.setFixedWidth(theme.scaled(420))
        layout.addWidget(search)
        layout.addStretch(1)
        if "machine" in desk.metadata.entities:
            layout.addWidget(button(t("machine.park"), "flat", "production", self.park_wanted.emit))
        if desk.may_import:
            layout.addWidget(button(t("plan.import"), "flat", "plus", desk.import_plans))
        self._sign = QLabel()
        self._words = label("")
        layout.addWidget(self._sign)
        layout.addWidget(self._words)
        user = desk.api.user
        name = f"{user.get('first_name', '')} {user.get('last_name', '')}".strip() or t("user")
        self.user_button = button(name, "flat", "user")
        layout.addWidget(self.user_button)
        self.show_connection("connecting")

    def show_connection(self, status: str) -> None:
        """State of the line, in a sign and a word."""
        tone = {"online": "success", "offline": "danger"}.get(status, "neutral")
        sign = {"online": "check", "offline": "alert"}.get(status, "dashed")
        self._words.setText(t(f"connection.{status}"))
        self._sign.setPixmap(icons.pixmap(sign, theme.current().tones[tone].text))
        self.connection_state = status


class BottomBar(QFrame):
    """Below the pages."""

    def __init__(self, desk: Desk, version: str) -> None:
        super().__init__()
        self.setObjectName("bottomBar")
        self.setFixedHeight(theme.scaled(24))
        layout = row(self, spacing=4 * STEP)
        layout.setContentsMargins(4 * STEP, 0, 4 * STEP, 0)
        self.message = label("")
        layout.addWidget(self.message, 1)
        layout.addWidget(label(t("bar.server", server=desk.api.server)))
        layout.addWidget(label(t("bar.version", version=version)))
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MESSAGE_MS)
        self._timer.timeout.connect(lambda: self.message.setText(""))

    def show_message(self, text: str, tone: str) -> None:
        """Sentence for a few seconds."""
        self.message.setText(("⚠ " if tone in {"warning", "danger"} else "") + text)
        self._timer.start()
