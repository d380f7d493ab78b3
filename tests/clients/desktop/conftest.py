"""Fixtures: one served company per module, one application, windows closed after each test."""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher
from PySide6.QtCore import QCoreApplication, QEvent, QSettings
from PySide6.QtWidgets import QApplication
from sqlalchemy.orm import sessionmaker

from clients.desktop.app import OfficeApp
from clients.desktop.model.config import ClientConfig
from clients.desktop.ui.login import LoginPanel
from clients.desktop.ui.main_window import MainWindow
from coordinator.bootstrap import registry
from coordinator.kernel.config import Config
from coordinator.kernel.context import ContextFactory
from coordinator.kernel.db import make_engine
from coordinator.modules.identity import passwords
from infra.embedded.databases import create_test_database, drop_test_database
from tests.clients.desktop.office import PASSWORD, Office, open_office


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """The application."""
    app = QApplication.instance() or QApplication(["test"])
    assert isinstance(app, QApplication)
    app.setQuitOnLastWindowClosed(False)
    return app


@pytest.fixture(scope="session", autouse=True)
def _cheap_hashes() -> Iterator[None]:
    """Argon2id with little memory: the tests sign in often."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", PasswordHash((Argon2Hasher(1, 1024, 1), BcryptHasher())))
        yield


@pytest.fixture(scope="module")
def office(postgres: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A company of this module's own, with real commits."""
    folder = tmp_path_factory.mktemp("office")
    url = create_test_database(postgres, template)
    engine = make_engine(url)
    config = Config(database_url=url, data_dir=folder / "data", secrets_dir=folder / "secrets")
    opened = open_office(ContextFactory(sessionmaker(engine, expire_on_commit=False), registry(), config))
    yield opened
    opened.server.stop()
    engine.dispose()
    drop_test_database(url, postgres)


def wait(condition: Callable[[], Any], what: str = "", timeout_s: float = 20.0) -> Any:
    """Let the window live until the condition holds."""
    deadline = time.monotonic() + timeout_s
    while True:
        QApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        if result := condition():
            return result
        assert time.monotonic() < deadline, f"nothing happened: {what or condition}"
        time.sleep(0.005)


class Post:
    """One office computer."""

    def __init__(self, qapp: QApplication, server: str, folder: Path) -> None:
        settings = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
        self.settings_file = folder / "settings.ini"
        self.app = OfficeApp(qapp, ClientConfig(server=server), settings, folder)
        self.login = self.app.start()

    @property
    def panel(self) -> LoginPanel:
        assert self.app.login is not None
        return self.app.login.panel

    @property
    def window(self) -> MainWindow:
        assert self.app.window is not None
        return self.app.window

    def sign_in(self, email: str = "bureau@atelier.fr", password: str = PASSWORD) -> MainWindow:
        self.panel.email.setText(email)
        self.panel.password.setText(password)
        self.panel.login_button.click()
        wait(lambda: self.app.window, "main window")
        wait(lambda: self.window.connection_state == "online", "live channel")
        return self.window

    def close(self) -> None:
        for shown in (self.app.window, self.app.login):
            if shown is not None:
                shown.close()
                shown.deleteLater()
        self.app.runner.close()
        self.app.runner.deleteLater()


@pytest.fixture
def post(qapp: QApplication, office: Office, tmp_path: Path) -> Iterator[Post]:
    """A computer with the client just started."""
    opened = Post(qapp, office.server.url, tmp_path)
    yield opened
    opened.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def window(post: Post) -> MainWindow:
    """The client of the office worker."""
    return post.sign_in()
