"""Small read-only table as tall as its rows, for prepared pages."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from clients.desktop.model import formatting
from clients.desktop.model.api import Record
from clients.desktop.model.metadata import Field
from clients.desktop.tokens import ROW_PX
from clients.desktop.ui import theme
from clients.desktop.ui.table_model import CHOICE_ROLE, CellDelegate, badge_of

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()


class _RowsModel(QAbstractTableModel):
    def __init__(self, columns: list[Field], rows: list[Record]) -> None:
        super().__init__()
        self.columns = columns
        self.rows = rows

    def rowCount(self, parent: Index = _NO_PARENT) -> int:  # noqa: N802 — Qt's name
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:  # noqa: N802 — Qt's name
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        field, record = self.columns[index.column()], self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return formatting.cell(field, record)
        if role == Qt.ItemDataRole.ToolTipRole:
            return formatting.text_of(field, record) or None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(field)
        if role == CHOICE_ROLE and field.type == "choice":
            return badge_of(field, record, is_status=field.name == "status")
        return None

    def headerData(  # noqa: N802 — Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return formatting.header(self.columns[section])
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(self.columns[section])
        return None


def _alignment(field: Field) -> int:
    side = Qt.AlignmentFlag.AlignRight if field.is_numeric else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)


class StaticTable(QTableView):
    """Table of given records; columns without any value are left out."""

    def __init__(self, columns: list[Field], rows: list[Record], stretch: str | None = None) -> None:
        super().__init__()
        self._stretch = 0
        shown = [f for f in columns if f.required or any(r.get(f.name) not in (None, "") for r in rows)]
        self._rows_model = _RowsModel(shown, rows)
        self.setModel(self._rows_model)
        self.setItemDelegate(CellDelegate(self))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(theme.scaled(ROW_PX))
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        for place, field in enumerate(shown):
            head.setSectionResizeMode(place, QHeaderView.ResizeMode.Interactive)
            if field.name == stretch:
                self._stretch = place
        head.setMinimumSectionSize(theme.scaled(48))
        self.resizeColumnsToContents()
        self.setFixedHeight(theme.scaled(ROW_PX) * (len(rows) + 1) + 16)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 — Qt's name
        """Give the free room to one column."""
        super().resizeEvent(event)
        widths = [self.columnWidth(i) for i in range(self._rows_model.columnCount())]
        if not widths:
            return
        free = self.viewport().width() - sum(widths) + widths[self._stretch]
        natural = self.sizeHintForColumn(self._stretch)
        self.setColumnWidth(self._stretch, max(free, min(natural, theme.scaled(300))))
