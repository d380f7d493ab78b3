"""Dimensions and features as tables: edited in place, added, removed, ticked critical, numbered (DRW-18…21, DRW-39)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QLabel, QTableView, QWidget

from clients.desktop.model import formatting, plans
from clients.desktop.model.formatting import AmbiguousNumber, InputError
from clients.desktop.model.metadata import Choice, Field
from clients.desktop.model.texts import t
from clients.desktop.tokens import ROW_PX, STEP
from clients.desktop.ui import theme
from clients.desktop.ui.table_model import CHOICE_ROLE, CellDelegate
from clients.desktop.ui.widgets import button, column, label, row

Index = QModelIndex | QPersistentModelIndex
Row = Mapping[str, Any]
_NO_PARENT = QModelIndex()
_TICKS = frozenset({"is_critical", "is_tight"})


@dataclass(frozen=True)
class Column:
    """One column: the value's name, its type for reading what is typed, whether it may be changed."""

    name: str
    width: int
    type: str = "text"
    decimals: int | None = None
    editable: bool = True
    shown: Callable[[Row], str] | None = None

    @property
    def title(self) -> str:
        """Head of the column."""
        return t(f"plan.column.{self.name}")

    @property
    def field(self) -> Field:
        """As the client's formats know it."""
        return Field(self.name, self.title, self.type, decimals=self.decimals, max_length=300)


def _kind(one: Row) -> str:
    return plans.kind_word(str(one["kind"]))


def _nominal(one: Row) -> str:
    """Other units than millimetres are written beside the value."""
    if one.get("nominal") is None:
        return ""
    unit = str(one.get("unit") or "mm")
    return formatting.number(one["nominal"], 4) + ("" if unit == "mm" else f"{formatting.NO_BREAK}{unit}")


def _depth(one: Row) -> str:
    data = one.get("data") or {}
    if data.get("through"):
        return t("plan.through")
    return formatting.number(data["depth_mm"], 3) if data.get("depth_mm") else ""


def _detail(one: Row) -> str:
    data = one.get("data") or {}
    steps = [
        f"Ø{formatting.number(s['diameter_mm'], 3)}" for s in data.get("steps") or [] if s.get("diameter_mm")
    ]
    form = data.get("form")
    words = [str(data["thread"])] if data.get("thread") else []
    if form and form != "plain":
        words.append(t(f"plan.form.{form}"))
    return " · ".join([*words, *steps])


DIMENSIONS = (
    Column("balloon_no", 42, "integer"), Column("text", 98), Column("nominal", 62, "decimal", 4, shown=_nominal),
    Column("tol_upper", 52, "decimal", 4), Column("tol_lower", 52, "decimal", 4), Column("fit", 42), Column("count", 32, "integer"),
    Column("is_critical", 38, "boolean"), Column("level", 96, "choice", editable=False), Column("kind", 84, editable=False, shown=_kind),
)  # fmt: skip
SHAPES = (
    Column("kind", 126, editable=False, shown=_kind), Column("nominal", 66, "decimal", 4), Column("depth", 78, editable=False, shown=_depth),
    Column("count", 32, "integer"), Column("is_critical", 38, "boolean"), Column("level", 96, "choice", editable=False),
    Column("detail", 100, editable=False, shown=_detail),
)  # fmt: skip


class RowsModel(QAbstractTableModel):
    """Rows of the review; a changed cell is told, the server's answer is shown."""

    change_wanted = Signal(object, object)
    """The row, and the changed values by name."""
    refused = Signal(str)

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self.rows: list[Row] = []
        self.editable = False

    def show_rows(self, rows: Sequence[Row], *, editable: bool) -> None:
        """Show these rows; where they are the same ones, only their values are drawn again."""
        self.editable = editable
        if [r["id"] for r in rows] == [r["id"] for r in self.rows]:
            self.rows = list(rows)
            if rows:
                last = self.index(len(rows) - 1, len(self.columns) - 1)
                self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:  # noqa: N802 — Qt's name
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:  # noqa: N802 — Qt's name
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        one, col = self.rows[index.row()], self.columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(one, col)
        if role == Qt.ItemDataRole.EditRole:
            return formatting.editable(col.field, one.get(col.name))
        if role == Qt.ItemDataRole.CheckStateRole and col.name in _TICKS:
            return Qt.CheckState.Checked if one.get(col.name) else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if col.field.is_numeric else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._hint(one)
        if role == CHOICE_ROLE and col.name == "level":
            return Choice(
                str(one["level"]), plans.level_word(str(one["level"])), plans.LEVELS[one["level"]][0]
            )
        return None

    @staticmethod
    def _text(one: Row, col: Column) -> str:
        if col.shown is not None:
            return col.shown(one)
        if col.type in ("boolean", "choice"):
            return ""
        text = formatting.cell(col.field, dict(one))
        return (
            f"+{text}"
            if col.name.startswith("tol_") and text and not text.startswith(("\u2212", "0"))
            else text
        )

    @staticmethod
    def _hint(one: Row) -> str:
        told = {**one, "read_value": one.get("text"), "correction": None}
        tight = [t("plan.tight")] if one.get("is_tight") else []
        return " · ".join([*tight, plans.origin_words(told)]) or plans.kind_word(str(one["kind"]))

    def flags(self, index: Index) -> Qt.ItemFlag:
        made = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        col = self.columns[index.column()]
        if self.editable and col.name in _TICKS:
            return made | Qt.ItemFlag.ItemIsUserCheckable
        return made | Qt.ItemFlag.ItemIsEditable if self.editable and col.editable else made

    def setData(self, index: Index, value: Any, role: int = int(Qt.ItemDataRole.EditRole)) -> bool:  # noqa: N802
        """Read what was typed, tell who saves it."""
        one, col = self.rows[index.row()], self.columns[index.column()]
        if role == Qt.ItemDataRole.CheckStateRole and col.name in _TICKS:
            ticked = Qt.CheckState(value) == Qt.CheckState.Checked
            self.change_wanted.emit(one, {col.name: ticked})
            return True
        try:
            parsed = formatting.parse(col.field, str(value).removeprefix("+"))
        except AmbiguousNumber as unclear:
            # A tolerance of three places is the rule here, a thousand is not.
            parsed = format(unclear.readings[0], "f")
        except InputError as error:
            self.refused.emit(str(error))
            return False
        if formatting.editable(col.field, parsed) != formatting.editable(col.field, one.get(col.name)):
            self.change_wanted.emit(one, {col.name: parsed})
        return True

    def headerData(  # noqa: N802 — Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        col = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return col.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return t(f"plan.column_hint.{col.name}")
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if col.field.is_numeric else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None


class RowsTable(QTableView):
    """Table of a :class:`RowsModel`; Delete removes the row."""

    picked = Signal(str)
    remove_wanted = Signal(object)

    def __init__(self, columns: Sequence[Column], stretch: str) -> None:
        super().__init__()
        self.rows_model = RowsModel(columns)
        self.setModel(self.rows_model)
        self.setItemDelegate(CellDelegate(self))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(theme.scaled(ROW_PX - 2))
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        head.setMinimumSectionSize(theme.scaled(36))
        self._widths = [theme.scaled(col.width) for col in columns]
        self._stretched = next(place for place, col in enumerate(columns) if col.name == stretch)
        for place, width in enumerate(self._widths):
            self.setColumnWidth(place, width)
        self.setStyleSheet("QTableView::item { padding: 0 4px; } QHeaderView::section { padding: 0 5px; }")
        self.selectionModel().currentRowChanged.connect(self._row_changed)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 — Qt's name
        """One column takes the free room, and never less than it needs."""
        super().resizeEvent(event)
        others = sum(self.columnWidth(i) for i in range(len(self._widths)) if i != self._stretched)
        free = self.viewport().width() - others
        self.setColumnWidth(self._stretched, max(free, self._widths[self._stretched]))

    def _row_changed(self, current: QModelIndex, _former: QModelIndex) -> None:
        if (one := self.row_at(current.row())) is not None:
            self.picked.emit(f"feature:{one['id']}")

    def row_at(self, number: int) -> Row | None:
        """Row by its place."""
        rows = self.rows_model.rows
        return rows[number] if 0 <= number < len(rows) else None

    @property
    def current_row(self) -> Row | None:
        """Selected row."""
        return self.row_at(self.currentIndex().row())

    def select_feature(self, feature_id: int) -> bool:
        """Select a row without telling of it; whether it stands here."""
        for number, one in enumerate(self.rows_model.rows):
            if one["id"] == feature_id:
                self.selectionModel().blockSignals(True)
                self.selectRow(number)
                self.selectionModel().blockSignals(False)
                self.viewport().update()
                self.scrollTo(self.rows_model.index(number, 0))
                return True
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 — Qt's name
        """Delete asks to remove the row; Enter edits."""
        if event.key() == Qt.Key.Key_Delete and self.current_row is not None:
            self.remove_wanted.emit(self.current_row)
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self.edit(self.currentIndex())
            return
        super().keyPressEvent(event)


class RowsPanel(QWidget):
    """A table with its acts: add, remove, number the balloons."""

    add_wanted = Signal()
    mark_wanted = Signal()
    number_wanted = Signal()

    def __init__(self, columns: Sequence[Column], stretch: str, *, with_balloons: bool, empty: str) -> None:
        super().__init__()
        self.setObjectName("pageBody")
        layout = column(self, spacing=2 * STEP)
        layout.setContentsMargins(0, 2 * STEP, 2 * STEP, 2 * STEP)
        bar = row()
        self.add = button(t("plan.add_row"), sign="plus", on_click=self.add_wanted.emit)
        self.mark = button(t("plan.add_marked"), on_click=self.mark_wanted.emit)
        self.mark.setToolTip(t("plan.add_marked_hint"))
        self.remove = button(t("plan.remove_row"), "danger", on_click=self._remove)
        self.number = button(t("plan.number"), on_click=self.number_wanted.emit)
        self.number.setToolTip(t("plan.number_hint"))
        self.number.setVisible(with_balloons)
        for made in (self.add, self.mark, self.number):
            bar.addWidget(made)
        bar.addStretch()
        bar.addWidget(self.remove)
        layout.addLayout(bar)
        self.table = RowsTable(columns, stretch)
        layout.addWidget(self.table, 1)
        self.empty: QLabel = label(empty, "muted", wrap=True)
        layout.addWidget(self.empty)
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._show_acts())
        self._show_acts()

    def show_rows(self, rows: Sequence[Row], *, editable: bool) -> None:
        """Show these rows."""
        self.table.rows_model.show_rows(rows, editable=editable)
        self.empty.setVisible(not rows)
        self.table.setVisible(bool(rows))
        for made in (self.add, self.mark, self.number):
            made.setEnabled(editable)
        self._show_acts()

    def edit_feature(self, feature_id: int) -> None:
        """Select a row and begin to edit its text or size."""
        if self.table.select_feature(feature_id):
            names = [c.name for c in self.table.rows_model.columns]
            place = names.index("text") if "text" in names else names.index("nominal")
            index = self.table.rows_model.index(self.table.currentIndex().row(), place)
            self.table.setFocus()
            self.table.setCurrentIndex(index)
            self.table.edit(index)

    def _show_acts(self) -> None:
        self.remove.setEnabled(self.table.rows_model.editable and self.table.current_row is not None)

    def _remove(self) -> None:
        if self.table.current_row is not None:
            self.table.remove_wanted.emit(self.table.current_row)
