"""The line to the server and the session: what happens when either is lost, and how work goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QWidget

from clients.desktop.model.errors import ApiError, Unreachable
from clients.desktop.model.live import Change, LiveClient
from clients.desktop.model.texts import t
from clients.desktop.operations import calls
from clients.desktop.tokens import STEP
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.login import LoginPanel, SignInAgain
from clients.desktop.ui.widgets import Banner, column

_PROBE_MS = 3000


class ConnectionStrip(QWidget):
    """Strip above the pages, seen only while the line or the session is lost; tries again by itself."""

    changed = Signal(str)
    """``online`` or ``offline``."""

    def __init__(self, desk: Desk, live: LiveClient, keep_drafts: Callable[[], None]) -> None:
        super().__init__()
        self.desk = desk
        self.live = live
        self._keep_drafts = keep_drafts
        self.again: SignInAgain | None = None
        self._probing = False
        layout = column(self)
        layout.setContentsMargins(6 * STEP, 2 * STEP, 6 * STEP, 0)
        self.banner = Banner()
        layout.addWidget(self.banner)
        self.hide()
        self._probe_timer = QTimer(self)
        self._probe_timer.setInterval(_PROBE_MS)
        self._probe_timer.timeout.connect(self._probe)
        desk.runner.unreachable.connect(self._line_lost)
        desk.runner.slow.connect(self._probe)
        desk.runner.reached.connect(self._line_back)
        desk.runner.session_expired.connect(self._sign_in_again)

    def stop(self) -> None:
        """Nothing is tried any more."""
        self._probe_timer.stop()
        self.live.stop()

    def _line_lost(self, error: ApiError) -> None:
        if self.desk.online:
            self.desk.online = False
            self.changed.emit("offline")
            self.banner.show_text(
                t("offline.banner", reason=error.detail), "warning", (t("retry"), self._probe)
            )
            self.show()
            self._keep_drafts()
            self._probe_timer.start()

    def _probe(self) -> None:
        if not self._probing:
            self._probing = True
            self.live.retry()
            self.desk.runner.run(
                calls.load_sheet("me", self.desk.api.me), self._probed, self._probe_failed, owner=self
            )

    def _probed(self, _me: Mapping[str, Any]) -> None:
        self._probing = False

    def _probe_failed(self, error: ApiError) -> None:
        self._probing = False
        if isinstance(error, Unreachable):
            self._line_lost(error)

    def _line_back(self) -> None:
        if not self.desk.online:
            self.desk.online = True
            self._probe_timer.stop()
            self.banner.clear_text()
            self.hide()
            self.changed.emit("online")
            self.desk.announce(Change("*", 0, "reload"))

    def _sign_in_again(self) -> None:
        if self.again is not None:
            return
        api = self.desk.api
        panel = LoginPanel(lambda _server: api, self.desk.runner, api.server, str(api.user.get("email", "")))
        self.again = SignInAgain(self.window(), panel)
        panel.signed_in.connect(lambda _metadata: self._continued())
        self.again.rejected.connect(self._given_up)
        self.again.open()

    def _continued(self) -> None:
        if self.again is not None:
            again, self.again = self.again, None
            again.accept()
            again.deleteLater()
        self._probing = False
        self.live.retry()
        self.desk.runner.resume()

    def _given_up(self) -> None:
        self.again = None
        self._probing = False
        self.desk.runner.forget_waiting()
        self.banner.show_text(t("session.expired"), "warning", (t("login.sign_in"), self._sign_in_again))
        self.show()
        self.desk.online = False
