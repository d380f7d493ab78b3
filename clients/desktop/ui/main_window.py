"""The window of a signed-in person: menu, search, tabs, state of the connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QLabel, QMainWindow, QMenu, QTabBar, QTabWidget, QWidget

from clients.desktop.model.errors import ApiError, Unreachable
from clients.desktop.model.live import Change, LiveClient
from clients.desktop.model.texts import t
from clients.desktop.operations import calls
from clients.desktop.tokens import STEP
from clients.desktop.ui import icons, theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.home import HomePage
from clients.desktop.ui.list_page import ListPage
from clients.desktop.ui.login import LoginPanel, SignInAgain
from clients.desktop.ui.machines.park import ParkPage
from clients.desktop.ui.palette import SearchPalette
from clients.desktop.ui.plans.importing import ImportPage, files_of_drop
from clients.desktop.ui.plans.queue import PlanQueue
from clients.desktop.ui.record_page import RecordPage
from clients.desktop.ui.side_menu import SideMenu
from clients.desktop.ui.stock.views import BoardPage
from clients.desktop.ui.watch_page import WatchPage
from clients.desktop.ui.watch_pages import WATCH_PAGES
from clients.desktop.ui.widgets import Banner, button, column, label, row

_MESSAGE_MS = 6000
_PROBE_MS = 3000


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
        self._again: SignInAgain | None = None
        self._probing = False
        self.setWindowTitle(t("app.name"))
        self.resize(theme.scaled(1360), theme.scaled(860))
        self.menu = SideMenu(desk.metadata)
        self.tabs = self._tabs()
        self.banner = Banner()
        self.plan_queue = PlanQueue(desk, self)
        self.setAcceptDrops(self.may_import)
        self._assemble(version)
        self._connect()
        self._shortcuts()
        self.home = HomePage(desk)
        self.tabs.addTab(self.home, icons.icon("home", theme.current().muted), self.home.title)
        self.tabs.tabBar().setTabButton(0, QTabBar.ButtonPosition.RightSide, None)
        self.live = LiveClient(desk.api, self.change_arrived.emit, self.live_status.emit)
        self.live.start()
        self.plan_queue.send_waiting()
        geometry = settings.value("window/geometry")
        if geometry is not None:
            self.restoreGeometry(geometry)
        self.menu.set_narrow(settings.value("window/narrow_menu", False, type=bool) is True)

    def _tabs(self) -> QTabWidget:
        tabs = QTabWidget()
        tabs.tabBar().setObjectName("work")
        tabs.setDocumentMode(True)
        tabs.setTabsClosable(True)
        tabs.setMovable(True)
        tabs.tabBar().setElideMode(Qt.TextElideMode.ElideRight)
        tabs.tabBar().setExpanding(False)
        tabs.tabCloseRequested.connect(self.close_tab)
        tabs.currentChanged.connect(self._tab_shown)
        return tabs

    def _assemble(self, version: str) -> None:
        body = QWidget()
        body.setObjectName("page")
        layout = column(body, spacing=0)
        layout.addWidget(self._top_bar())
        middle = row(spacing=0)
        middle.addWidget(self.menu)
        work = column(spacing=0)
        holder = QWidget()
        holder_layout = column(holder)
        holder_layout.setContentsMargins(6 * STEP, 2 * STEP, 6 * STEP, 0)
        holder_layout.addWidget(self.banner)
        self._banner_holder = holder
        holder.hide()
        work.addWidget(self.tabs, 1)
        work.insertWidget(0, holder)
        middle.addLayout(work, 1)
        layout.addLayout(middle, 1)
        layout.addWidget(self._bottom_bar(version))
        self.setCentralWidget(body)

    def _top_bar(self) -> QFrame:
        bar = QFrame()
        bar.setObjectName("topBar")
        bar.setFixedHeight(theme.scaled(48))
        layout = row(bar, spacing=3 * STEP)
        layout.setContentsMargins(2 * STEP, 0, 4 * STEP, 0)
        self.fold = button("", "flat", "menu", lambda: self.menu.set_narrow(not self.menu.narrow))
        self.fold.setToolTip(t("menu.fold"))
        self.fold.setAccessibleName(t("menu.fold"))
        layout.addWidget(self.fold)
        layout.addWidget(label(t("app.name"), "heading"))
        layout.addStretch(1)
        self.search_button = button(t("search.button"), "search", "search", self.open_search)
        self.search_button.setFixedWidth(theme.scaled(420))
        layout.addWidget(self.search_button)
        layout.addStretch(1)
        if "machine" in self.desk.metadata.entities:
            layout.addWidget(button(t("machine.park"), "flat", "production", self.open_park))
        if self.may_import:
            layout.addWidget(button(t("plan.import"), "flat", "plus", self.desk.import_plans))
        self.connection_sign = QLabel()
        self.connection = label("")
        layout.addWidget(self.connection_sign)
        layout.addWidget(self.connection)
        user = self.desk.api.user
        name = f"{user.get('first_name', '')} {user.get('last_name', '')}".strip() or t("user")
        self.user_button = button(name, "flat", "user")
        self.user_button.setMenu(self._user_menu())
        layout.addWidget(self.user_button)
        self._show_connection("connecting")
        return bar

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
        menu.addSeparator()
        menu.addAction(t("sign_out"), self.sign_out)
        return menu

    def _bottom_bar(self, version: str) -> QFrame:
        bar = QFrame()
        bar.setObjectName("bottomBar")
        bar.setFixedHeight(theme.scaled(24))
        layout = row(bar, spacing=4 * STEP)
        layout.setContentsMargins(4 * STEP, 0, 4 * STEP, 0)
        self.message = label("")
        layout.addWidget(self.message, 1)
        layout.addWidget(label(t("bar.server", server=self.desk.api.server)))
        layout.addWidget(label(t("bar.version", version=version)))
        self._message_timer = QTimer(self)
        self._message_timer.setSingleShot(True)
        self._message_timer.setInterval(_MESSAGE_MS)
        self._message_timer.timeout.connect(lambda: self.message.setText(""))
        return bar

    def _connect(self) -> None:
        desk = self.desk
        desk.list_wanted.connect(self.open_list)
        desk.record_wanted.connect(self.open_record)
        desk.creation_wanted.connect(self.open_creation)
        desk.import_wanted.connect(self.open_import)
        desk.board_wanted.connect(self.open_board)
        desk.page_wanted.connect(self.open_watch_page)
        desk.message.connect(self.show_message)
        desk.runner.unreachable.connect(self._line_lost)
        desk.runner.slow.connect(self._probe)
        desk.runner.reached.connect(self._line_back)
        desk.runner.session_expired.connect(self._sign_in_again)
        self.menu.chosen.connect(self.open_list)
        self.menu.home_chosen.connect(lambda: self.tabs.setCurrentIndex(0))
        self.change_arrived.connect(desk.announce)
        self.live_status.connect(self._show_connection)
        self._probe_timer = QTimer(self)
        self._probe_timer.setInterval(_PROBE_MS)
        self._probe_timer.timeout.connect(self._probe)

    def _shortcuts(self) -> None:
        acts: dict[str, Callable[[], Any]] = {
            "Ctrl+K": self.open_search, "Ctrl+S": self._save, "Ctrl+N": self._new, "Ctrl+W": lambda: self.close_tab(self.tabs.currentIndex()),
            "Ctrl+I": self.desk.import_plans, "F5": self._reload, "Ctrl+F": self._find, "Ctrl+B": lambda: self.menu.set_narrow(not self.menu.narrow),
            "Ctrl+PgDown": lambda: self._next_tab(1), "Ctrl+PgUp": lambda: self._next_tab(-1),
        }  # fmt: skip
        for keys, act in acts.items():
            QShortcut(QKeySequence(keys), self).activated.connect(act)

    # --- tabs ---

    def _find_tab(self, matches: Callable[[QWidget], bool]) -> QWidget | None:
        pages = (self.tabs.widget(i) for i in range(self.tabs.count()))
        return next((p for p in pages if p is not None and matches(p)), None)

    def _open(self, page: QWidget, title: str, sign: str) -> None:
        index = self.tabs.addTab(page, icons.icon(sign, theme.current().muted), title.replace("&", "&&"))
        self.tabs.setCurrentIndex(index)

    def open_list(self, name: str) -> ListPage:
        """Show the list of an entity, in its tab if it has one."""
        known = self._find_tab(lambda p: isinstance(p, ListPage) and p.entity.name == name)
        if isinstance(known, ListPage):
            self.tabs.setCurrentWidget(known)
            return known
        entity = self.desk.entity(name)
        page = ListPage(self.desk, entity)
        self._open(page, page.title, entity.menu_group or "documents")
        return page

    def open_record(self, name: str, record_id: int) -> RecordPage:
        """Show a record, in its tab if it has one."""
        known = self._find_tab(
            lambda p: isinstance(p, RecordPage) and p.entity.name == name and p.record_id == record_id
        )
        if isinstance(known, RecordPage):
            self.tabs.setCurrentWidget(known)
            return known
        return self._open_page(RecordPage(self.desk, self.desk.entity(name), record_id))

    def open_creation(self, name: str, preset: Mapping[str, Any] | None = None) -> RecordPage:
        """Show an empty form."""
        return self._open_page(RecordPage(self.desk, self.desk.entity(name), None, preset))

    def open_park(self) -> ParkPage:
        """Show the machines as they are now."""
        known = self._find_tab(lambda p: isinstance(p, ParkPage))
        if isinstance(known, ParkPage):
            self.tabs.setCurrentWidget(known)
            return known
        page = ParkPage(self.desk)
        self._open(page, page.title, "production")
        return page

    @property
    def may_import(self) -> bool:
        """Whether the person works on drawings."""
        plans = self.desk.metadata.entities.get("drawing_analysis")
        return plans is not None and plans.may("update")

    def open_import(self, files: Sequence[Path] = ()) -> ImportPage | None:
        """Show the import of drawings, with these files added."""
        if not self.may_import:
            return None
        known = self._find_tab(lambda p: isinstance(p, ImportPage))
        if isinstance(known, ImportPage):
            self.tabs.setCurrentWidget(known)
            known.add_files(files)
            return known
        page = ImportPage(self.desk, self.plan_queue, files)
        self._open(page, page.title, "documents")
        return page

    def open_watch_page(self, name: str) -> WatchPage:
        """Show a page over many records, in its tab if it has one."""
        kind = WATCH_PAGES[name]
        known = self._find_tab(lambda p: isinstance(p, kind))
        if isinstance(known, WatchPage):
            self.tabs.setCurrentWidget(known)
            return known
        page = kind(self.desk)
        self._open(page, page.title, page.sign)
        return page

    def open_board(self, name: str) -> BoardPage:
        """Show a prepared page of the stock, in its tab if it has one."""
        known = self._find_tab(lambda p: isinstance(p, BoardPage) and p.name == name)
        if isinstance(known, BoardPage):
            self.tabs.setCurrentWidget(known)
            return known
        page = BoardPage(self.desk, name)
        self._open(page, page.title, "stock")
        return page

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 — Qt's name
        """Files may be dropped anywhere."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 — Qt's name
        """Dropped files are drawings to import."""
        event.acceptProposedAction()
        if files := files_of_drop(event):
            self.open_import(files)

    def _open_page(self, page: RecordPage) -> RecordPage:
        page.title_changed.connect(lambda title: self._rename(page, title))
        page.closed.connect(lambda: self.close_tab(self.tabs.indexOf(page)))
        self._open(page, page.title, page.entity.menu_group or "documents")
        return page

    def _rename(self, page: QWidget, title: str) -> None:
        index = self.tabs.indexOf(page)
        if index >= 0:
            self.tabs.setTabText(index, title.replace("&", "&&"))
            self.tabs.setTabToolTip(index, title)

    def close_tab(self, index: int) -> None:
        """Close a tab; what was typed stays as a draft."""
        page = self.tabs.widget(index)
        if page is None or page is self.home:
            return
        if isinstance(page, RecordPage):
            page.keep_draft()
            if page.state is not None and page.state.is_dirty:
                self.show_message(t("draft.kept"), "info")
        self.tabs.removeTab(index)
        page.deleteLater()

    def _tab_shown(self, index: int) -> None:
        page = self.tabs.widget(index)
        self.menu.mark(page.entity.name if isinstance(page, ListPage | RecordPage) else None)

    def _next_tab(self, step: int) -> None:
        self.tabs.setCurrentIndex((self.tabs.currentIndex() + step) % self.tabs.count())

    def _save(self) -> None:
        page = self.tabs.currentWidget()
        if isinstance(page, RecordPage):
            page.save()

    def _new(self) -> None:
        page = self.tabs.currentWidget()
        if isinstance(page, ListPage | RecordPage) and page.entity.may("create"):
            self.desk.create(page.entity)

    def _reload(self) -> None:
        page = self.tabs.currentWidget()
        if isinstance(page, ListPage):
            page.reload()
        elif isinstance(page, RecordPage | HomePage | BoardPage | WatchPage):
            page.load()

    def _find(self) -> None:
        page = self.tabs.currentWidget()
        if isinstance(page, ListPage):
            page.search.setFocus()
            page.search.selectAll()
        else:
            self.open_search()

    def open_search(self) -> SearchPalette:
        """Open the search over the window."""
        palette = SearchPalette(self, self.desk)
        palette.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        place = self.mapToGlobal(self.rect().topLeft())
        palette.move(place.x() + (self.width() - palette.width()) // 2, place.y() + theme.scaled(56))
        palette.show()
        palette.field.setFocus()
        return palette

    def show_message(self, text: str, tone: str = "info") -> None:
        """Sentence at the foot of the window, for a few seconds."""
        self.message.setText(("⚠ " if tone in {"warning", "danger"} else "") + text)
        self._message_timer.start()

    # --- connection and session ---

    def _show_connection(self, status: str) -> None:
        tone = {"online": "success", "offline": "danger"}.get(status, "neutral")
        sign = {"online": "check", "offline": "alert"}.get(status, "dashed")
        self.connection.setText(t(f"connection.{status}"))
        self.connection_sign.setPixmap(icons.pixmap(sign, theme.current().tones[tone].text))
        self.connection_state = status

    def _line_lost(self, error: ApiError) -> None:
        if self.desk.online:
            self.desk.online = False
            self._show_connection("offline")
            self.banner.show_text(
                t("offline.banner", reason=error.detail), "warning", (t("retry"), self._probe)
            )
            self._banner_holder.show()
            for index in range(self.tabs.count()):
                page = self.tabs.widget(index)
                if isinstance(page, RecordPage):
                    page.keep_draft()
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
            self._banner_holder.hide()
            self._show_connection("online")
            self.desk.announce(Change("*", 0, "reload"))

    def _sign_in_again(self) -> None:
        if self._again is not None:
            return
        api = self.desk.api
        panel = LoginPanel(lambda _server: api, self.desk.runner, api.server, str(api.user.get("email", "")))
        self._again = SignInAgain(self, panel)
        panel.signed_in.connect(lambda _metadata: self._continued())
        self._again.rejected.connect(self._given_up)
        self._again.open()

    def _continued(self) -> None:
        if self._again is not None:
            again, self._again = self._again, None
            again.accept()
            again.deleteLater()
        self._probing = False
        self.live.retry()
        self.desk.runner.resume()

    def _given_up(self) -> None:
        self._again = None
        self._probing = False
        self.desk.runner.forget_waiting()
        self.banner.show_text(t("session.expired"), "warning", (t("login.sign_in"), self._sign_in_again))
        self._banner_holder.show()
        self.desk.online = False

    def _set_look(self, key: str, value: Any) -> None:
        self.settings.setValue(key, value)
        self.look_changed.emit()

    def open_pages(self) -> list[tuple[str, str, int]]:
        """Open tabs as (kind, entity, record), to open them again in another window."""
        found = []
        for index in range(self.tabs.count()):
            page = self.tabs.widget(index)
            if isinstance(page, ListPage):
                found.append(("list", page.entity.name, 0))
            elif isinstance(page, RecordPage):
                found.append(("record", page.entity.name, page.record_id or 0))
        return found

    def reopen(self, pages: list[tuple[str, str, int]]) -> None:
        """Open tabs again; drafts come back by themselves."""
        for kind, name, record_id in pages:
            if kind == "list":
                self.open_list(name)
            elif record_id:
                self.open_record(name, record_id)
            else:
                self.open_creation(name)

    def retire(self) -> None:
        """Leave the place to another window of the same session."""
        self._keep_drafts()
        self._remember_layout()
        self._probe_timer.stop()
        self.live.stop()
        self.hide()
        self.deleteLater()

    def sign_out(self) -> None:
        """Close the session and go back to the first window."""
        self._keep_drafts()
        self.live.stop()
        self.desk.runner.run(calls.sign_out(self.desk.api), lambda _nothing: None)
        self.signed_out.emit()

    def _keep_drafts(self) -> None:
        for index in range(self.tabs.count()):
            page = self.tabs.widget(index)
            if isinstance(page, RecordPage):
                page.keep_draft()

    def _remember_layout(self) -> None:
        self.settings.setValue("window/geometry", self.saveGeometry())
        self.settings.setValue("window/narrow_menu", self.menu.narrow)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 — Qt's name
        """Keep drafts and layout; cancel what is under way."""
        self._keep_drafts()
        self._remember_layout()
        self._probe_timer.stop()
        self.live.stop()
        self.desk.runner.close()
        super().closeEvent(event)
