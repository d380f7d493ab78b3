"""Rows of a list for Qt, read page by page as the person scrolls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from clients.desktop.model import formatting
from clients.desktop.model.api import Page, Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.listing import ListState
from clients.desktop.model.metadata import Choice, Field
from clients.desktop.operations import calls
from clients.desktop.operations.runner import Handle
from clients.desktop.tokens import ROW_PX
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.widgets import badge_size, paint_badge

Index = QModelIndex | QPersistentModelIndex
RECORD_ROLE = int(Qt.ItemDataRole.UserRole)
CHOICE_ROLE = RECORD_ROLE + 1
_NO_PARENT = QModelIndex()


def badge_of(field: Field, record: Record, *, is_status: bool) -> Choice | None:
    """Choice to show as a badge: every status, and any value with a meaning for the eye."""
    choice = field.choice(record.get(field.name))
    return choice if choice is not None and (is_status or choice.tone != "neutral") else None


class RecordTableModel(QAbstractTableModel):
    """Table of a :class:`ListState`."""

    loaded = Signal()
    failed = Signal(object)
    loading = Signal(bool)

    def __init__(self, desk: Desk, state: ListState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.state = state
        self.columns: list[Field] = state.entity.columns
        self._handle: Handle | None = None
        self._stale = False
        """Something changed while rows were on their way: they are read once more."""

    def rowCount(self, parent: Index = _NO_PARENT) -> int:  # noqa: N802 — Qt's name
        """Loaded rows."""
        return 0 if parent.isValid() else len(self.state.rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:  # noqa: N802 — Qt's name
        """Columns of the list."""
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """Text, alignment or record of a cell."""
        if not index.isValid() or index.row() >= len(self.state.rows):
            return None
        record, field = self.state.rows[index.row()], self.columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return formatting.cell(field, record)
        if role == Qt.ItemDataRole.ToolTipRole:
            return formatting.text_of(field, record) or None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if field.is_numeric else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role == RECORD_ROLE:
            return record
        if role == CHOICE_ROLE and field.type == "choice":
            return badge_of(field, record, is_status=field.name == self.state.entity.status_field)
        return None

    def headerData(  # noqa: N802 — Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)
    ) -> Any:
        """Label with unit, aligned as its column."""
        if orientation != Qt.Orientation.Horizontal or section >= len(self.columns):
            return None
        field = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            arrow = {True: "  ↓", False: "  ↑"}.get(dict(self.state.sort).get(field.name), "")  # type: ignore[arg-type]
            return formatting.header(field) + arrow
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if field.is_numeric else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ToolTipRole:
            return field.help
        return None

    def record(self, row: int) -> Record | None:
        """Record of a row."""
        return self.state.rows[row] if 0 <= row < len(self.state.rows) else None

    def canFetchMore(self, parent: Index) -> bool:  # noqa: N802 — Qt's name
        """Whether the server holds more and none is on the way."""
        return not parent.isValid() and self._handle is None and not self.state.complete

    def fetchMore(self, parent: Index) -> None:  # noqa: N802 — Qt's name
        """Ask for the next page."""
        if not self.canFetchMore(parent):
            return
        self.loading.emit(True)
        self._handle = self._desk.runner.run(
            calls.load_page(self._desk.api, self.state), self._arrived, self._refused, owner=self
        )

    def _arrived(self, page: Page) -> None:
        self._handle = None
        first = len(self.state.rows)
        known = {r["id"] for r in self.state.rows}
        count = sum(1 for r in page.items if r["id"] not in known)
        if count:
            self.beginInsertRows(QModelIndex(), first, first + count - 1)
        self.state.append(page)
        if count:
            self.endInsertRows()
        self.loading.emit(False)
        self.loaded.emit()
        self._catch_up()

    def _refused(self, error: ApiError) -> None:
        self._handle = None
        self.loading.emit(False)
        self.failed.emit(error)

    def restart(self) -> None:
        """Read from the first row, after another search, filter or order."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self.beginResetModel()
        self.state.reset()
        self.endResetModel()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, max(len(self.columns) - 1, 0))
        self.fetchMore(QModelIndex())

    def refresh(self) -> None:
        """Read the loaded rows again, without losing the place."""
        if self._handle is not None:
            self._stale = True
            return
        self._stale = False
        if self.state.total is None:
            self.fetchMore(QModelIndex())
            return
        self._handle = self._desk.runner.run(
            calls.reload_rows(self._desk.api, self.state), self._refreshed, self._refused, owner=self
        )

    def _refreshed(self, page: Page) -> None:
        self._handle = None
        same = [r["id"] for r in page.items] == [r["id"] for r in self.state.rows]
        if same:
            self.state.rows, self.state.total = list(page.items), page.total
            if page.items:
                self.dataChanged.emit(
                    self.index(0, 0), self.index(len(page.items) - 1, len(self.columns) - 1)
                )
        else:
            self.beginResetModel()
            self.state.rows, self.state.total = list(page.items), page.total
            self.endResetModel()
        self.loaded.emit()
        self._catch_up()

    def _catch_up(self) -> None:
        if self._stale:
            self.refresh()


class CellDelegate(QStyledItemDelegate):
    """Draws statuses as badges and gives rows their height."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw a cell."""
        choice: Choice | None = index.data(CHOICE_ROLE)
        if choice is None:
            super().paint(painter, option, index)
            return
        empty = QStyleOptionViewItem(option)
        self.initStyleOption(empty, index)
        empty.text = ""
        widget = option.widget
        widget.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, empty, painter, widget)
        rect = option.rect
        size = badge_size(choice.label)
        width = min(size.width(), rect.width() - 14)
        box = QRectF(rect.left() + 8, rect.center().y() - size.height() / 2 + 1, width, size.height())
        paint_badge(painter, box, choice.label, choice.look, choice.sign)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802 — Qt's name
        """Room a cell wishes for."""
        hint = super().sizeHint(option, index)
        choice: Choice | None = index.data(CHOICE_ROLE)
        width = badge_size(choice.label).width() + 20 if choice else hint.width() + 8
        return QSize(max(width, 60), theme.scaled(ROW_PX))


_LEAST_PX = 110
_MOST_PX = 420
"""Bounds of a column of words while columns share a list."""


def shared_widths(needed: Sequence[int], words: Sequence[bool], room: int) -> list[int]:
    """Widths of columns that need ``needed`` pixels in ``room``: where it does not suffice, those of ``words`` give way, the
    widest first; what is left over is theirs in equal parts."""
    least, most = theme.scaled(_LEAST_PX), theme.scaled(_MOST_PX)
    widths = [min(n, most) if w else n for n, w in zip(needed, words, strict=True)]
    flexible = [i for i, w in enumerate(words) if w]
    if not flexible:
        return widths
    over = sum(widths) - room
    if over <= 0:
        return [w - over // len(flexible) if i in flexible else w for i, w in enumerate(widths)]
    # The widest columns are cut to one common width; none below what a name needs.
    limit = most
    while limit > least and sum(min(w, limit) if i in flexible else w for i, w in enumerate(widths)) > room:
        limit -= 4
    limit = max(limit, least)
    return [min(w, limit) if i in flexible else w for i, w in enumerate(widths)]


def natural_widths(columns: Sequence[Field]) -> list[int]:
    """Starting width of each column, by kind of value."""
    by_type = {
        "boolean": 90, "date": 110, "datetime": 150, "integer": 100, "decimal": 120, "money": 130, "quantity": 110,
        "choice": 150, "reference": 210, "phone": 130, "email": 210, "long_text": 280, "json": 240,
    }  # fmt: skip
    widths = []
    for field in columns:
        width = by_type.get(field.type, 180)
        if field.type == "text" and field.max_length is not None and field.max_length <= 60:
            width = 140
        widths.append(theme.scaled(max(width, 7 * len(formatting.header(field)) + 36)))
    return widths
