"""Two-column form of a state: what may be changed, then what the system keeps."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QScrollArea, QVBoxLayout, QWidget

from clients.desktop.model.form import FormState
from clients.desktop.model.metadata import Field
from clients.desktop.model.texts import t
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.editors import WIDE, FieldEditor
from clients.desktop.ui.widgets import card, column, label

_MAX_WIDTH = 1040


class FormView(QWidget):
    """Editors of a :class:`FormState`, in one or two cards."""

    edited = Signal()

    def __init__(self, desk: Desk, state: FormState, *, editable: bool, hidden: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.setObjectName("pageBody")
        self._desk = desk
        self.state = state
        self.editors: dict[str, FieldEditor] = {}
        layout = column(self, spacing=4 * STEP)
        fields = [f for f in state.fields.values() if f.name not in hidden]
        open_ = [f for f in fields if editable and state.writable(f)]
        closed = [f for f in fields if f not in open_]
        if open_:
            self._add_card(layout, None, open_, writable=True)
        if closed and not state.is_new:
            self._add_card(layout, t("form.kept_by_system") if open_ else None, closed, writable=False)
        layout.addStretch()
        self.setMaximumWidth(theme.scaled(_MAX_WIDTH))

    def _add_card(
        self, layout: QVBoxLayout, title: str | None, fields: list[Field], *, writable: bool
    ) -> None:
        frame, inner = card()
        if title:
            inner.addWidget(label(title, "section"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(6 * STEP)
        grid.setVerticalSpacing(3 * STEP if writable else 2 * STEP)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        place = 0
        for field in fields:
            editor = FieldEditor(self._desk, field, self.state, writable=writable)
            editor.edited.connect(self.edited)
            self.editors[field.name] = editor
            wide = field.type in WIDE
            if wide and place % 2:
                place += 1
            grid.addWidget(editor, place // 2, place % 2, 1, 2 if wide else 1)
            place += 2 if wide else 1
        inner.addLayout(grid)
        layout.addWidget(frame)

    def show_values(self) -> None:
        """Show the state's values and errors."""
        for editor in self.editors.values():
            editor.show_value()
        self.show_errors()

    def show_errors(self) -> None:
        """Show the state's errors; the first wrong field gets the focus."""
        first = None
        for name, editor in self.editors.items():
            message = self.state.errors.get(name)
            editor.show_error(message)
            if message and first is None:
                first = editor
        if first is not None:
            first.control.setFocus()
            area = self.parentWidget()
            while area is not None and not isinstance(area, QScrollArea):
                area = area.parentWidget()
            if isinstance(area, QScrollArea):
                area.ensureWidgetVisible(first)

    def focus_first(self) -> None:
        """Put the cursor in the first editor."""
        for editor in self.editors.values():
            if editor.writable:
                editor.control.setFocus()
                break


def scrolled(body: QWidget) -> QScrollArea:
    """A page body that scrolls when the window is small."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    holder = QWidget()
    holder.setObjectName("pageBody")
    inner = column(holder)
    inner.setContentsMargins(0, 3 * STEP, 2 * STEP, 4 * STEP)
    inner.addWidget(body)
    inner.addStretch()
    area.setWidget(holder)
    return area
