"""List of any entity: search, filters, order, lazy rows, export, creation (UIX-04, UIX-08)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QProgressBar,
    QStackedWidget,
    QTableView,
    QWidget,
)

from clients.desktop.model.errors import ApiError
from clients.desktop.model.listing import Filter, ListState, quick_filter_field
from clients.desktop.model.live import Change
from clients.desktop.model.metadata import Entity
from clients.desktop.model.texts import inside, t, tn
from clients.desktop.operations import calls
from clients.desktop.tokens import ROW_PX, STEP
from clients.desktop.ui import icons, theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.filters import FilterBar
from clients.desktop.ui.stock.views import BOARDS
from clients.desktop.ui.table_model import CellDelegate, RecordTableModel, natural_widths, shared_widths
from clients.desktop.ui.widgets import Banner, EmptyState, button, column, label, restyle, row

_SEARCH_DELAY_MS = 250
_REFRESH_DELAY_MS = 200
_LONG_LIST = 500
_LONG_DELAY_MS = 5000
"""A list scrolled far is many pages: live changes are gathered longer before all of them are read again."""
_NO_PARENT = QModelIndex()
_SPREADING = frozenset({"text", "long_text", "reference", "choices", "words"})
"""Kinds of columns whose words are often longer than their room."""

PAGES_OF_LISTS = {
    "station": ("stations", "station.supervision", "read"),
    "vision_detection": ("cabinets", "cabinets.title", "read"),
    "cabinet_session": ("cabinets", "cabinets.title", "read"),
    "vision_count": ("cabinets", "cabinets.title", "read"),
    "ai_model": ("cabinets", "cabinets.title", "read"),
    "camera": ("cameras", "wall.title", "export"),
    "camera_clip": ("cameras", "wall.title", "export"),
    "goods_receipt": ("receipts", "receipt.page", "read"),
    "purchase_order": ("receipts", "receipt.page", "read"),
}
"""Page over all records offered beside a list, the text of its button, and the right it asks for; the wall shows pictures."""


class ListPage(QWidget):
    """One list in a tab."""

    def __init__(self, desk: Desk, entity: Entity) -> None:
        super().__init__()
        self.setObjectName("page")
        self.desk = desk
        self.entity = entity
        self.state = ListState(entity)
        self.model = RecordTableModel(desk, self.state, self)
        self._selected_id: int | None = None
        self._scrolled_to = 0
        self._is_spread = False
        self._build()
        self._search_timer = _timer(self, _SEARCH_DELAY_MS, self._apply_search)
        self._refresh_timer = _timer(self, _REFRESH_DELAY_MS, self.model.refresh)
        self.model.loaded.connect(self._show_state)
        self.model.loading.connect(self._show_loading)
        self.model.failed.connect(self._show_error)
        self.model.modelAboutToBeReset.connect(self._remember)
        desk.changed.connect(self._on_change)
        desk.runner.reached.connect(self._on_reached)
        self.model.fetchMore(_NO_PARENT)

    @property
    def title(self) -> str:
        """Name of the tab."""
        return self.entity.label_plural

    def _build(self) -> None:
        layout = column(self, spacing=3 * STEP)
        layout.setContentsMargins(6 * STEP, 5 * STEP, 6 * STEP, 3 * STEP)
        layout.addLayout(self._header())
        self.banner = Banner()
        layout.addWidget(self.banner)
        layout.addLayout(self._tools())
        self.progress = QProgressBar()
        self.progress.setRange(0, 0)
        self.progress.setTextVisible(False)
        keep = self.progress.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(keep)
        self.table = self._table()
        self.empty = EmptyState()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.table)
        self.stack.addWidget(self.empty)
        layout.addWidget(self.stack, 1)
        foot = row()
        self.foot = label("", "muted")
        foot.addWidget(self.foot)
        foot.addStretch()
        self.progress.setFixedWidth(120)
        foot.addWidget(self.progress)
        layout.addLayout(foot)

    def _header(self) -> QHBoxLayout:
        header = row()
        header.addWidget(label(self.entity.label_plural, "title"))
        self.count = label("", "muted")
        header.addSpacing(STEP)
        self.count.setContentsMargins(0, STEP + 2, 0, 0)
        header.addWidget(self.count)
        header.addStretch()
        self.export_button = button(t("list.export"), sign="download")
        menu = QMenu(self.export_button)
        menu.addAction("CSV", lambda: self._export("csv"))
        menu.addAction("Excel (XLSX)", lambda: self._export("xlsx"))
        self.export_button.setMenu(menu)
        self.export_button.setVisible(self.entity.may("export"))
        header.addWidget(self.export_button)
        if self.entity.name == "drawing_analysis" and self.entity.may("update"):
            header.addWidget(button(t("plan.import"), "primary", "plus", self.desk.import_plans))
        name, key, right = PAGES_OF_LISTS.get(self.entity.name, ("", "", "read"))
        if name and self.entity.may(right):
            header.addWidget(button(t(key), "primary", "search", partial(self.desk.open_page, name)))
        for name in BOARDS.get(self.entity.name, ()):
            header.addWidget(button(t(f"stock.board.{name}"), on_click=partial(self.desk.open_board, name)))
        self.new_button = button(t("list.new"), "primary", "plus", lambda: self.desk.create(self.entity))
        self.new_button.setVisible(self.entity.may("create"))
        self.new_button.setToolTip("Ctrl+N")
        header.addWidget(self.new_button)
        return header

    def _tools(self) -> QHBoxLayout:
        tools = row()
        self.search = QLineEdit()
        self.search.setPlaceholderText(t("list.search", what=inside(self.entity.label_plural)))
        self.search.setClearButtonEnabled(True)
        self.search.addAction(
            icons.icon("search", theme.current().muted), QLineEdit.ActionPosition.LeadingPosition
        )
        self.search.setFixedWidth(theme.scaled(280))
        self.search.setVisible(bool(self.entity.search_fields))
        self.search.textChanged.connect(lambda _text: self._search_timer.start())
        self.search.returnPressed.connect(self._apply_search)
        tools.addWidget(self.search)
        self.filters = FilterBar(self.desk, self.state, quick_filter_field(self.entity))
        self.filters.changed.connect(self.model.restart)
        tools.addWidget(self.filters, 1)
        return tools

    def _table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.model)
        table.setItemDelegate(CellDelegate(table))
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setAlternatingRowColors(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.verticalHeader().setVisible(False)
        table.verticalHeader().setDefaultSectionSize(theme.scaled(ROW_PX))
        head = table.horizontalHeader()
        head.setHighlightSections(False)
        head.setSectionsMovable(True)
        head.setStretchLastSection(True)
        head.setMinimumSectionSize(60)
        head.sectionClicked.connect(self._sort)
        head.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        head.customContextMenuRequested.connect(self._choose_columns)
        head.setSectionsClickable(True)
        for index, width in enumerate(natural_widths(self.model.columns)):
            table.setColumnWidth(index, width)
        table.doubleClicked.connect(lambda index: self.open_row(index.row()))
        table.installEventFilter(self)
        return table

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 — Qt's name
        """Enter opens the row, « / » goes to the search."""
        if watched is self.table and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
                self.open_row(self.table.currentIndex().row())
                return True
            if event.text() == "/":
                self.search.setFocus()
                return True
        return super().eventFilter(watched, event)

    def open_row(self, number: int) -> None:
        """Open the record of a row."""
        if (record := self.model.record(number)) is not None:
            self.desk.open_record(self.entity, int(record["id"]))

    def reload(self) -> None:
        """Read the rows again."""
        self.model.refresh()

    def _sort(self, section: int) -> None:
        self.state.toggle_sort(self.model.columns[section].name)
        self.model.restart()

    def _choose_columns(self, place: QPoint) -> None:
        menu = QMenu(self)
        for index, field in enumerate(self.model.columns):
            action = menu.addAction(field.label)
            action.setCheckable(True)
            action.setChecked(not self.table.isColumnHidden(index))
            action.toggled.connect(lambda shown, i=index: self.table.setColumnHidden(i, not shown))
        menu.exec(self.table.horizontalHeader().mapToGlobal(place))

    def _apply_search(self) -> None:
        self._search_timer.stop()
        words = self.search.text().strip()
        if words != self.state.search:
            self.state.search = words
            self.model.restart()

    def set_filter(self, condition: Filter) -> None:
        """Narrow the list from outside."""
        self.state.set_filter(condition)
        self.filters.rebuild()
        self.model.restart()

    def _on_change(self, change: Change) -> None:
        if not change.concerns_list(self.entity.name):
            return
        if len(self.state.rows) <= _LONG_LIST:
            self._refresh_timer.start(_REFRESH_DELAY_MS)
        elif not self._refresh_timer.isActive():
            self._refresh_timer.start(_LONG_DELAY_MS)

    def _on_reached(self) -> None:
        if self.banner.text:
            self.banner.clear_text()
            if self.state.total is None:
                self.model.refresh()

    def _remember(self) -> None:
        record = self.model.record(self.table.currentIndex().row())
        self._selected_id = int(record["id"]) if record else None
        self._scrolled_to = self.table.verticalScrollBar().value()

    def _show_loading(self, active: bool) -> None:
        self.progress.setVisible(active)

    def _show_state(self) -> None:
        self.progress.hide()
        self.banner.clear_text()
        total = self.state.total or 0
        self.count.setText(tn("list.count", total))
        restyle(self.count, "kind", "muted")
        loaded = len(self.state.rows)
        self.foot.setText("" if loaded >= total else t("list.loaded", loaded=loaded, total=total))
        if self._selected_id is not None:
            for number, record in enumerate(self.state.rows):
                if record["id"] == self._selected_id:
                    # Choosing a row brings it into view: the person may be reading elsewhere.
                    place = self._scrolled_to
                    self.table.selectRow(number)
                    self.table.verticalScrollBar().setValue(place)
                    break
            self._selected_id = None
        self.stack.setCurrentWidget(self.table if loaded else self.empty)
        if loaded and not self._is_spread:
            self._is_spread = True
            QTimer.singleShot(0, self, self._spread)
        if not loaded:
            self._show_empty()

    def _spread(self) -> None:
        """Columns take the room of what they hold, once; from then on the widths are the person's."""
        head, shown = self.table.horizontalHeader(), range(len(self.model.columns))
        needed = [max(self.table.sizeHintForColumn(i), head.sectionSizeHint(i)) for i in shown]
        words = [f.type in _SPREADING for f in self.model.columns]
        bar, rows = self.table.verticalScrollBar(), len(self.state.rows) * theme.scaled(ROW_PX)
        coming = rows > self.table.viewport().height() and not bar.isVisible()
        room = self.table.viewport().width() - (bar.sizeHint().width() if coming else 0)
        for index, width in enumerate(shared_widths(needed, words, room)):
            self.table.setColumnWidth(index, width)

    def _show_empty(self) -> None:
        if self.state.is_narrowed:
            self.empty.set("search", t("list.nothing_found"), t("list.nothing_found_hint"))
            return
        action = None
        if self.entity.may("create"):
            action = (t("list.first", what=self.entity.label), lambda: self.desk.create(self.entity))
        text = self.entity.description or t("list.empty_hint")
        self.empty.set(
            self.entity.menu_group or "documents",
            t("list.empty", what=self.entity.label_plural),
            text,
            action,
        )

    def _show_error(self, error: ApiError) -> None:
        self.banner.show_text(
            error.detail, "warning" if error.status == 0 else "danger", (t("retry"), self.model.refresh)
        )

    def _export(self, kind: str) -> None:
        suggestion = str(Path.home() / f"{self.entity.plural}.{kind}")
        chosen, _ = QFileDialog.getSaveFileName(self, t("list.export"), suggestion, f"*.{kind}")
        if chosen:
            self.export_to(Path(chosen), kind)

    def export_to(self, path: Path, kind: str) -> None:
        """Write the list as it is filtered and ordered to a file."""
        self.desk.runner.run(
            calls.export_list(self.desk.api, self.state, kind, path),
            lambda written: self.desk.message.emit(t("list.exported", path=written), "success"),
            self._show_error,
            owner=self,
        )


def _timer(parent: QObject, delay_ms: int, act: Callable[[], None]) -> QTimer:
    made = QTimer(parent)
    made.setSingleShot(True)
    made.setInterval(delay_ms)
    made.timeout.connect(act)
    return made
