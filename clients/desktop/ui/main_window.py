"""The window of a signed-in person: menu, bars, tabs, strip of the connection; each has a file of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QMainWindow, QMenu, QWidget

from clients.desktop.model.live import LiveClient
from clients.desktop.model.texts import t
from clients.desktop.operations import calls
from clients.desktop.ui import theme
from clients.desktop.ui.bars import BottomBar, TopBar
from clients.desktop.ui.connection import ConnectionStrip
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.login import SignInAgain
from clients.desktop.ui.palette import SearchPalette
from clients.desktop.ui.plans.importing import files_of_drop
from clients.desktop.ui.plans.queue import PlanQueue
from clients.desktop.ui.shortcuts import ShortcutsDialog
from clients.desktop.ui.side_menu import SideMenu
from clients.desktop.ui.widgets import Banner, column, row
from clients.desktop.ui.work_tabs import WorkTabs


class MainWindow(QMainWindow):
    """Everything after signing in."""

    signed_out = Signal()
    look_changed = Signal()
    change_arrived = Signal(object)
    live_status = Signal(str)

    def __init__(self, desk: Desk, settings: QSettings, version: str) -> None:
        super().__init__()
        self.desk = desk
        self.settings = settings
        self.setWindowTitle(t("app.name"))
        self.resize(theme.scaled(1360), theme.scaled(860))
        self.setAcceptDrops(desk.may_import)
        self.live = LiveClient(desk.api, self.change_arrived.emit, self.live_status.emit)
        self.plan_queue = PlanQueue(desk, self)
        self.menu = SideMenu(desk.metadata)
        self.tabs = WorkTabs(desk, self.plan_queue)
        self.strip = ConnectionStrip(desk, self.live, self.tabs.keep_drafts)
        self.top = TopBar(desk)
        self.foot = BottomBar(desk, version)
        self.open_list, self.open_record = self.tabs.open_list, self.tabs.open_record
        self.open_creation, self.open_park = self.tabs.open_creation, self.tabs.open_park
        self.open_import, self.open_board = self.tabs.open_import, self.tabs.open_board
        self.open_watch_page, self.close_tab = self.tabs.open_watch_page, self.tabs.close_tab
        self.open_pages, self.reopen = self.tabs.open_pages, self.tabs.reopen
        self._assemble()
        self._connect()
        self._shortcuts()
        self.menu.mark(None)
        self.live.start()
        self.plan_queue.send_waiting()
        geometry = settings.value("window/geometry")
        if geometry is not None:
            self.restoreGeometry(geometry)
        self.menu.set_narrow(settings.value("window/narrow_menu", False, type=bool) is True)

    def _assemble(self) -> None:
        body = QWidget()
        body.setObjectName("page")
        layout = column(body, spacing=0)
        layout.addWidget(self.top)
        middle = row(spacing=0)
        middle.addWidget(self.menu)
        work = column(spacing=0)
        work.addWidget(self.strip)
        work.addWidget(self.tabs, 1)
        middle.addLayout(work, 1)
        layout.addLayout(middle, 1)
        layout.addWidget(self.foot)
        self.setCentralWidget(body)
        self.top.user_button.setMenu(self._user_menu())

    def _user_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(str(self.desk.api.user.get("email", ""))).setEnabled(False)
        menu.addSeparator()
        themes = menu.addMenu(t("theme.title"))
        for name in ("system", "light", "dark"):
            themes.addAction(t(f"theme.{name}"), partial(self._set_look, "look/theme", name))
        sizes = menu.addMenu(t("theme.text_size"))
        for percent in (80, 90, 100, 110, 125, 150):
            sizes.addAction(f"{percent} %", partial(self._set_look, "look/zoom", percent))
        menu.addAction(f"{t('shortcuts.title')}\tF1", self.show_shortcuts)
        menu.addSeparator()
        menu.addAction(t("sign_out"), self.sign_out)
        return menu

    def _connect(self) -> None:
        self.desk.message.connect(self.show_message)
        self.menu.chosen.connect(self.open_list)
        self.menu.home_chosen.connect(lambda: self.tabs.setCurrentIndex(0))
        self.tabs.entity_shown.connect(self.menu.mark)
        self.tabs.search_wanted.connect(self.open_search)
        self.top.fold_wanted.connect(self._fold)
        self.top.search_wanted.connect(self.open_search)
        self.top.park_wanted.connect(self.open_park)
        self.change_arrived.connect(self.desk.announce)
        self.live_status.connect(self.top.show_connection)
        self.strip.changed.connect(self.top.show_connection)

    def _shortcuts(self) -> None:
        acts: dict[str, Callable[[], Any]] = {
            "Ctrl+K": self.open_search, "Ctrl+S": self.tabs.save, "Ctrl+N": self.tabs.begin, "Ctrl+W": self._close_tab,
            "Ctrl+I": self.desk.import_plans, "F5": self.tabs.reload, "Ctrl+F": self.tabs.search_here, "Ctrl+B": self._fold,
            "Ctrl+PgDown": lambda: self.tabs.next(1), "Ctrl+PgUp": lambda: self.tabs.next(-1), "F1": self.show_shortcuts,
        }  # fmt: skip
        for keys, act in acts.items():
            QShortcut(QKeySequence(keys), self).activated.connect(act)

    def _fold(self) -> None:
        self.menu.set_narrow(not self.menu.narrow)

    def _close_tab(self) -> None:
        self.close_tab(self.tabs.currentIndex())

    @property
    def banner(self) -> Banner:
        """Banner of a lost line or session."""
        return self.strip.banner

    @property
    def connection_state(self) -> str:
        """State of the live channel: ``connecting``, ``online``, ``offline``."""
        return self.top.connection_state

    @property
    def again(self) -> SignInAgain | None:
        """The sign-in over the pages while a session is over."""
        return self.strip.again

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 — Qt's name
        """Files may be dropped anywhere."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 — Qt's name
        """Dropped files are drawings to import."""
        event.acceptProposedAction()
        if files := files_of_drop(event):
            self.open_import(files)

    def open_search(self) -> SearchPalette:
        """Open the search over the window."""
        palette = SearchPalette(self, self.desk)
        palette.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        place = self.mapToGlobal(self.rect().topLeft())
        palette.move(place.x() + (self.width() - palette.width()) // 2, place.y() + theme.scaled(56))
        palette.show()
        palette.field.setFocus()
        return palette

    def show_shortcuts(self) -> ShortcutsDialog:
        """Tell the keys."""
        dialog = ShortcutsDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
        return dialog

    def show_message(self, text: str, tone: str = "info") -> None:
        """Sentence at the foot of the window, for a few seconds."""
        self.foot.show_message(text, tone)

    def _set_look(self, key: str, value: Any) -> None:
        self.settings.setValue(key, value)
        self.look_changed.emit()

    def retire(self) -> None:
        """Leave the place to another window of the same session."""
        self._put_by()
        self.hide()
        self.deleteLater()

    def sign_out(self) -> None:
        """Close the session and go back to the first window."""
        self._put_by()
        self.desk.runner.run(calls.sign_out(self.desk.api), lambda _nothing: None)
        self.signed_out.emit()

    def _put_by(self) -> None:
        """Keep drafts and layout, try nothing any more."""
        self.tabs.keep_drafts()
        self.settings.setValue("window/geometry", self.saveGeometry())
        self.settings.setValue("window/narrow_menu", self.menu.narrow)
        self.strip.stop()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 — Qt's name
        """Keep drafts and layout; cancel what is under way."""
        self._put_by()
        self.desk.runner.close()
        super().closeEvent(event)
