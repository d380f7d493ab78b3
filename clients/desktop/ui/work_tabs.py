"""The tabs of the window: one page each, opened once, closed with what was typed kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QTabBar, QTabWidget, QWidget

from clients.desktop.model.texts import t
from clients.desktop.ui import icons, theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.home import HomePage
from clients.desktop.ui.list_page import ListPage
from clients.desktop.ui.machines.park import ParkPage
from clients.desktop.ui.plans.importing import ImportPage
from clients.desktop.ui.plans.queue import PlanQueue
from clients.desktop.ui.record_page import RecordPage
from clients.desktop.ui.stock.views import BoardPage
from clients.desktop.ui.watch_page import WatchPage
from clients.desktop.ui.watch_pages import WATCH_PAGES


class WorkTabs(QTabWidget):
    """The first tab is home and stays."""

    entity_shown = Signal(object)
    """Name of the entity in front, ``None`` for other pages."""
    search_wanted = Signal()

    def __init__(self, desk: Desk, plan_queue: PlanQueue) -> None:
        super().__init__()
        self.desk = desk
        self._plan_queue = plan_queue
        bar = self.tabBar()
        bar.setObjectName("work")
        bar.setElideMode(Qt.TextElideMode.ElideRight)
        bar.setExpanding(False)
        self.setDocumentMode(True)
        self.setTabsClosable(True)
        self.setMovable(True)
        self.tabCloseRequested.connect(self.close_tab)
        self.currentChanged.connect(self._tab_shown)
        desk.list_wanted.connect(self.open_list)
        desk.record_wanted.connect(self.open_record)
        desk.creation_wanted.connect(self.open_creation)
        desk.import_wanted.connect(self.open_import)
        desk.board_wanted.connect(self.open_board)
        desk.page_wanted.connect(self.open_watch_page)
        self.home = HomePage(desk)
        self.addTab(self.home, icons.icon("home", theme.current().muted), self.home.title)
        bar.setTabButton(0, QTabBar.ButtonPosition.RightSide, None)

    def _known(self, matches: Callable[[QWidget], bool]) -> QWidget | None:
        pages = (self.widget(i) for i in range(self.count()))
        return next((p for p in pages if p is not None and matches(p)), None)

    def _open(self, page: QWidget, title: str, sign: str) -> None:
        index = self.addTab(page, icons.icon(sign, theme.current().muted), title.replace("&", "&&"))
        self.setCurrentIndex(index)

    def open_list(self, name: str) -> ListPage:
        """Show the list of an entity, in its tab if it has one."""
        known = self._known(lambda p: isinstance(p, ListPage) and p.entity.name == name)
        if isinstance(known, ListPage):
            self.setCurrentWidget(known)
            return known
        entity = self.desk.entity(name)
        page = ListPage(self.desk, entity)
        self._open(page, page.title, entity.menu_group or "documents")
        return page

    def open_record(self, name: str, record_id: int) -> RecordPage:
        """Show a record, in its tab if it has one."""
        known = self._known(
            lambda p: isinstance(p, RecordPage) and p.entity.name == name and p.record_id == record_id
        )
        if isinstance(known, RecordPage):
            self.setCurrentWidget(known)
            return known
        return self._open_page(RecordPage(self.desk, self.desk.entity(name), record_id))

    def open_creation(self, name: str, preset: Mapping[str, Any] | None = None) -> RecordPage:
        """Show an empty form."""
        return self._open_page(RecordPage(self.desk, self.desk.entity(name), None, preset))

    def open_park(self) -> ParkPage:
        """Show the machines as they are now."""
        known = self._known(lambda p: isinstance(p, ParkPage))
        if isinstance(known, ParkPage):
            self.setCurrentWidget(known)
            return known
        page = ParkPage(self.desk)
        self._open(page, page.title, "production")
        return page

    def open_import(self, files: Sequence[Path] = ()) -> ImportPage | None:
        """Show the import of drawings, with these files added."""
        if not self.desk.may_import:
            return None
        known = self._known(lambda p: isinstance(p, ImportPage))
        if isinstance(known, ImportPage):
            self.setCurrentWidget(known)
            known.add_files(files)
            return known
        page = ImportPage(self.desk, self._plan_queue, files)
        self._open(page, page.title, "documents")
        return page

    def open_watch_page(self, name: str) -> WatchPage:
        """Show a page over many records, in its tab if it has one."""
        kind = WATCH_PAGES[name]
        known = self._known(lambda p: isinstance(p, kind))
        if isinstance(known, WatchPage):
            self.setCurrentWidget(known)
            return known
        page = kind(self.desk)
        self._open(page, page.title, page.sign)
        return page

    def open_board(self, name: str) -> BoardPage:
        """Show a prepared page of the stock, in its tab if it has one."""
        known = self._known(lambda p: isinstance(p, BoardPage) and p.name == name)
        if isinstance(known, BoardPage):
            self.setCurrentWidget(known)
            return known
        page = BoardPage(self.desk, name)
        self._open(page, page.title, "stock")
        return page

    def _open_page(self, page: RecordPage) -> RecordPage:
        page.title_changed.connect(lambda title: self._rename(page, title))
        page.closed.connect(lambda: self.close_tab(self.indexOf(page)))
        self._open(page, page.title, page.entity.menu_group or "documents")
        return page

    def _rename(self, page: QWidget, title: str) -> None:
        index = self.indexOf(page)
        if index >= 0:
            self.setTabText(index, title.replace("&", "&&"))
            self.setTabToolTip(index, title)

    def close_tab(self, index: int) -> None:
        """Close a tab; what was typed stays as a draft."""
        page = self.widget(index)
        if page is None or page is self.home:
            return
        if isinstance(page, RecordPage):
            page.keep_draft()
            if page.state is not None and page.state.is_dirty:
                self.desk.message.emit(t("draft.kept"), "info")
        self.removeTab(index)
        page.deleteLater()

    def next(self, step: int) -> None:
        """Go to the tab beside, around the ends."""
        self.setCurrentIndex((self.currentIndex() + step) % self.count())

    def save(self) -> None:
        """Save the record in front."""
        page = self.currentWidget()
        if isinstance(page, RecordPage):
            page.save()

    def begin(self) -> None:
        """Begin another record of the kind in front."""
        page = self.currentWidget()
        if isinstance(page, ListPage | RecordPage) and page.entity.may("create"):
            self.desk.create(page.entity)

    def reload(self) -> None:
        """Read the page in front again."""
        page = self.currentWidget()
        if isinstance(page, ListPage):
            page.reload()
        elif isinstance(page, RecordPage | HomePage | BoardPage | WatchPage):
            page.load()

    def search_here(self) -> None:
        """Go to the search of the list in front, else to that of everything."""
        page = self.currentWidget()
        if isinstance(page, ListPage):
            page.search.setFocus()
            page.search.selectAll()
        else:
            self.search_wanted.emit()

    def open_pages(self) -> list[tuple[str, str, int]]:
        """Open tabs as (kind, entity, record), to open them again in another window."""
        found = []
        for index in range(self.count()):
            page = self.widget(index)
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

    def keep_drafts(self) -> None:
        """Keep what is typed everywhere."""
        for index in range(self.count()):
            page = self.widget(index)
            if isinstance(page, RecordPage):
                page.keep_draft()

    def _tab_shown(self, index: int) -> None:
        page = self.widget(index)
        self.entity_shown.emit(page.entity.name if isinstance(page, ListPage | RecordPage) else None)
