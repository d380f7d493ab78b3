"""Operations of a quote line: a table whose values may be typed over and opened."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView

from clients.desktop.model import formatting, quotes
from clients.desktop.model.api import Record
from clients.desktop.model.formatting import AmbiguousNumber, InputError
from clients.desktop.model.metadata import Field
from clients.desktop.model.texts import t
from clients.desktop.tokens import ROW_PX
from clients.desktop.ui import theme

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
_TYPED_OVER = frozenset({
    "operation_label", "passes", "vc_m_min", "n_rev_min", "feed_mm", "feed_mm_min", "ap_mm", "ae_mm", "power_kw", "cut_min",
    "run_min", "setup_min", "cost",
})  # fmt: skip

_EMPTY_AT_ZERO = ("setup_min", "loading_min")
"""Set-up and loading stand once per clamping; a column of zeros would hide them."""
_NARROW = {"machine_id": 110, "tool_text": 170}
"""Columns of long names give way to the figures; the whole name is in the hint."""


class OperationsModel(QAbstractTableModel):
    """Rows of one line. A typed value is announced, and shown once the server has taken it."""

    typed = Signal(object, str, object)
    refused = Signal(str)

    def __init__(self, columns: list[Field], rows: list[Record], *, editable: bool) -> None:
        super().__init__()
        self.columns = columns
        self.rows = rows
        self._editable = editable

    def rowCount(self, parent: Index = _NO_PARENT) -> int:  # noqa: N802 — Qt's name
        """Number of operations."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:  # noqa: N802 — Qt's name
        """Number of columns."""
        return 0 if parent.isValid() else len(self.columns)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """What may be typed over is editable."""
        found = super().flags(index)
        if self._editable and self.columns[index.column()].name in _TYPED_OVER:
            found |= Qt.ItemFlag.ItemIsEditable
        return found

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """Text, place and look of a cell; typed values stand out."""
        field, record = self.columns[index.column()], self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            shown = formatting.cell(field, record)
            if field.name in _EMPTY_AT_ZERO and not float(record.get(field.name) or 0):
                return ""
            return f"✎ {shown}" if quotes.is_typed(record, field.name) else shown
        if role == Qt.ItemDataRole.EditRole:
            return formatting.editable(field, record.get(field.name))
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._hint(field, record)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if field.is_numeric else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.FontRole and quotes.is_typed(record, field.name):
            return theme.font(bold=True)
        return None

    def _hint(self, field: Field, record: Record) -> str | None:
        shown = formatting.text_of(field, record)
        mark = quotes.mark_of(record, field.name)
        if mark is None:
            return shown or None
        first = quotes.explanation(field.label, mark, shown)[0]
        return "\n".join(x for x in (f"{first.title} : {first.value}", first.formula, first.source) if x)

    def headerData(  # noqa: N802 — Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)
    ) -> Any:
        """Heads of the columns."""
        if orientation == Qt.Orientation.Horizontal:
            field = self.columns[section]
            if role == Qt.ItemDataRole.DisplayRole:
                return formatting.header(field)
            if role == Qt.ItemDataRole.TextAlignmentRole:
                side = Qt.AlignmentFlag.AlignRight if field.is_numeric else Qt.AlignmentFlag.AlignLeft
                return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    def setData(self, index: Index, value: Any, role: int = int(Qt.ItemDataRole.EditRole)) -> bool:  # noqa: N802 — Qt's name
        """Read what was typed; the same value again changes nothing."""
        if role != Qt.ItemDataRole.EditRole:
            return False
        field, record = self.columns[index.column()], self.rows[index.row()]
        if str(value) == formatting.editable(field, record.get(field.name)):
            return False
        try:
            parsed = formatting.parse(field, str(value))
        except (InputError, AmbiguousNumber) as error:
            self.refused.emit(f"{field.label} : {error}")
            return False
        if parsed is None and field.required:
            self.refused.emit(t("quote.value_needed", field=field.label))
            return False
        self.typed.emit(record, field.name, parsed)
        return True


class OperationsTable(QTableView):
    """Double click types over, right click opens formula or goes back to the computed values."""

    explain_wanted = Signal(object, object)
    reset_wanted = Signal(object)

    def __init__(self, model: OperationsModel, stretch: str) -> None:
        super().__init__()
        self.operations = model
        model.setParent(self)
        self.setModel(model)
        self._stretch = next((i for i, f in enumerate(model.columns) if f.name == stretch), 0)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._open_menu)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(theme.scaled(ROW_PX))
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        head.setMinimumSectionSize(theme.scaled(48))
        self.resizeColumnsToContents()
        for place, field in enumerate(model.columns):
            if field.name in _NARROW:
                wide = theme.scaled(_NARROW[field.name])
                self.setColumnWidth(place, min(self.columnWidth(place), wide))
        self.setFixedHeight(theme.scaled(ROW_PX) * (len(model.rows) + 1) + 16)

    def menu_at(self, index: QModelIndex) -> QMenu:
        """What may be done with a value."""
        menu = QMenu(self)
        field, record = self.operations.columns[index.column()], self.operations.rows[index.row()]
        opened = menu.addAction(t("quote.explain"), lambda: self.explain_wanted.emit(record, field))
        opened.setEnabled(quotes.mark_of(record, field.name) is not None)
        if self.operations.flags(index) & Qt.ItemFlag.ItemIsEditable:
            menu.addAction(t("quote.type_over"), lambda: self.edit(index))
        if "reset" in (record.get("allowed_actions") or []) or record.get("is_manual"):
            menu.addAction(t("quote.reset"), lambda: self.reset_wanted.emit(record))
        return menu

    def _open_menu(self, place: QPoint) -> None:
        index = self.indexAt(place)
        if index.isValid():
            self.menu_at(index).exec(self.viewport().mapToGlobal(place))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 — Qt's name
        """Give the free room to one column."""
        super().resizeEvent(event)
        widths = [self.columnWidth(i) for i in range(self.operations.columnCount())]
        if widths:
            free = self.viewport().width() - sum(widths) + widths[self._stretch]
            natural = self.sizeHintForColumn(self._stretch)
            self.setColumnWidth(self._stretch, max(free, min(natural, theme.scaled(220))))
