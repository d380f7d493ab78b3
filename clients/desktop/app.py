"""Wiring of the office client: settings, windows, one runner and one server connection per session."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, QStandardPaths
from PySide6.QtWidgets import QApplication

from clients.desktop.model import texts
from clients.desktop.model.api import ApiClient
from clients.desktop.model.config import DEFAULT_SERVER, ClientConfig
from clients.desktop.model.drafts import DraftStore
from clients.desktop.model.metadata import Metadata
from clients.desktop.model.readable import learn_names
from clients.desktop.operations.runner import Runner
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.login import LoginPanel, LoginWindow
from clients.desktop.ui.main_window import MainWindow


def product_version() -> str:
    """Version of the installed product."""
    try:
        return version("gestion-usinage")
    except PackageNotFoundError:
        return "—"


class OfficeApp(QObject):
    """Shows the sign-in window, then the main one; tokens and passwords are never written."""

    def __init__(
        self, app: QApplication, config: ClientConfig, settings: QSettings, data_folder: Path | None = None
    ) -> None:
        super().__init__()
        self.app = app
        self.config = config
        self.settings = settings
        self.data_folder = data_folder or Path(
            QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppLocalDataLocation)
        )
        texts.set_language(config.language or str(settings.value("language", "fr")))
        self._apply_look()
        self.login: LoginWindow | None = None
        self.window: MainWindow | None = None
        self.runner = Runner()

    def _apply_look(self) -> None:
        zoom = str(self.settings.value("look/zoom", 100))
        theme.apply(
            self.app,
            str(self.settings.value("look/theme", "system")),
            float(zoom) / 100 if zoom.isdigit() else 1.0,
        )

    def start(self) -> LoginWindow:
        """Show the sign-in window."""
        server = self.config.server or str(self.settings.value("server", DEFAULT_SERVER))
        self.runner = Runner()
        panel = LoginPanel(self._make_api, self.runner, server, str(self.settings.value("email", "")))
        panel.signed_in.connect(self._signed_in)
        self.login = LoginWindow(panel)
        self.login.show()
        return self.login

    def _make_api(self, server: str) -> ApiClient:
        return ApiClient(server, verify=self.config.verify())

    def _signed_in(self, metadata: Metadata) -> None:
        if self.login is None or self.login.panel.api is None:
            return
        api = self.login.panel.api
        self.settings.setValue("server", api.server)
        self.settings.setValue("email", str(api.user.get("email", "")))
        drafts = DraftStore(self.data_folder / "drafts", f"{api.server}|{api.user.get('id')}")
        learn_names(metadata.names())
        desk = Desk(api, self.runner, metadata, drafts)
        self._show_window(desk)
        self.login.close()
        self.login.deleteLater()
        self.login = None

    def _show_window(self, desk: Desk) -> MainWindow:
        window = self.window = MainWindow(desk, self.settings, product_version())
        window.signed_out.connect(self._signed_out)
        window.look_changed.connect(self._rebuild)
        window.show()
        return window

    def _rebuild(self) -> None:
        """Signs and sizes belong to the look: the window is made again with the same tabs."""
        old = self.window
        if old is None:
            return
        desk, pages, current = old.desk, old.open_pages(), old.tabs.currentIndex()
        old.retire()
        self._apply_look()
        window = self._show_window(Desk(desk.api, desk.runner, desk.metadata, desk.drafts))
        window.reopen(pages)
        window.tabs.setCurrentIndex(current)

    def _signed_out(self) -> None:
        window, self.window = self.window, None
        self.start()
        if window is not None:
            window.close()
            window.deleteLater()
