"""One editor per field: label above, control, error under it. Typing goes straight into the form's state."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QDate, QEvent, QObject, Qt, Signal
from PySide6.QtGui import QFont, QWheelEvent
from PySide6.QtWidgets import (
    QCalendarWidget,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QWidget,
    QWidgetAction,
)

from clients.desktop.model import formatting
from clients.desktop.model.form import FormState
from clients.desktop.model.formatting import AmbiguousNumber, InputError
from clients.desktop.model.metadata import Field
from clients.desktop.model.texts import t
from clients.desktop.tokens import STEP
from clients.desktop.ui import icons, theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.reference import ReferenceEdit
from clients.desktop.ui.ticks import Ticks
from clients.desktop.ui.widgets import Badge, button, clear, column, label, restyle, row

WIDE = frozenset({"long_text", "json", "choices", "words"})


class FieldEditor(QWidget):
    """Editor or, for what may not be changed, plain value of one field."""

    edited = Signal()

    def __init__(self, desk: Desk, field: Field, state: FormState, *, writable: bool) -> None:
        super().__init__()
        self.desk = desk
        self.field = field
        self.state = state
        self.writable = writable
        layout = column(self, spacing=STEP)
        layout.addWidget(self._label())
        self.control: QWidget = self._make()
        layout.addWidget(self.control)
        self._error = label("", "error", wrap=True)
        self._readings = row()
        layout.addWidget(self._error)
        layout.addLayout(self._readings)
        self._error.hide()
        layout.addStretch()
        self.control.installEventFilter(self)
        self.show_value()

    def _label(self) -> QWidget:
        unit = f" ({self.field.unit})" if self.field.unit and self.writable else ""
        mark = " *" if self.field.required and self.writable and self.field.type != "boolean" else ""
        made = label(f"{self.field.label}{unit}{mark}", "label")
        if self.field.help:
            made.setToolTip(self.field.help)
        return made

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 — Qt's name
        """The wheel scrolls the form, never a value; leaving the field shows what is wrong."""
        if isinstance(event, QWheelEvent) and isinstance(watched, QComboBox):
            event.ignore()
            return True
        if event.type() == QEvent.Type.FocusOut:
            self.show_error(self.state.errors.get(self.field.name))
        return super().eventFilter(watched, event)

    def _make(self) -> QWidget:
        if not self.writable:
            return self._plain()
        makers: dict[str, Callable[[], QWidget]] = {
            "boolean": self._boolean, "choice": self._choice, "reference": self._reference, "long_text": self._text_area,
            "json": self._text_area, "text": self._words if self.field.choices else self._line, "words": self._text_area, "choices": self._ticks, "date": self._date,
        }  # fmt: skip
        made = makers.get(self.field.type, self._line)()
        made.setAccessibleName(self.field.label)
        return made

    def _plain(self) -> QWidget:
        if self.field.type == "choice":
            return Badge()
        if self.field.type == "reference":
            return button("", "link", on_click=self._follow)
        made = label("", wrap=True, selectable=True)
        made.setMinimumHeight(theme.scaled(20))
        return made

    def _line(self) -> QLineEdit:
        edit = QLineEdit()
        hints = {"datetime": t("hint.datetime"), "email": t("hint.email"), "url": "https://…"}
        edit.setPlaceholderText(hints.get(self.field.type, ""))
        if self.field.max_length and self.field.type == "text":
            edit.setMaxLength(self.field.max_length)
        edit.textEdited.connect(self._typed)
        return edit

    def _date(self) -> QLineEdit:
        edit = self._line()
        edit.setPlaceholderText(t("hint.date"))
        action = edit.addAction(
            icons.icon("planning", theme.current().muted), QLineEdit.ActionPosition.TrailingPosition
        )
        action.setToolTip(t("hint.calendar"))
        action.triggered.connect(self._pick_date)
        return edit

    def _pick_date(self) -> None:
        menu = QMenu(self)
        calendar = QCalendarWidget()
        if value := self.state.value(self.field.name):
            calendar.setSelectedDate(QDate.fromString(str(value)[:10], Qt.DateFormat.ISODate))
        calendar.clicked.connect(lambda day: self._accept(day.toString(Qt.DateFormat.ISODate)))
        calendar.clicked.connect(menu.close)
        holder = QWidgetAction(menu)
        holder.setDefaultWidget(calendar)
        menu.addAction(holder)
        menu.exec(self.control.mapToGlobal(self.control.rect().bottomLeft()))

    def _text_area(self) -> QPlainTextEdit:
        edit = QPlainTextEdit()
        edit.setTabChangesFocus(True)
        edit.setFixedHeight(theme.scaled(84 if self.field.type in {"long_text", "words"} else 132))
        if self.field.type == "words":
            edit.setPlaceholderText(t("hint.words"))
        if self.field.type == "json":
            mono = QFont(["Cascadia Mono", "Noto Sans Mono", "DejaVu Sans Mono", "monospace"])
            mono.setPixelSize(theme.size("base") - 1)
            edit.setFont(mono)
        edit.textChanged.connect(
            lambda: self._typed(edit.toPlainText()) if not edit.signalsBlocked() else None
        )
        return edit

    def _boolean(self) -> QWidget:
        if self.state.is_new and self.field.default is None:
            box = QComboBox()
            for text, value in (("—", None), (t("yes"), True), (t("no"), False)):
                box.addItem(text, value)
            box.activated.connect(lambda index: self._accept(box.itemData(index)))
            return box
        check = QCheckBox(t("yes"))
        check.toggled.connect(self._accept)
        return check

    def _ticks(self) -> Ticks:
        ticks = Ticks(self.field.choices)
        ticks.changed.connect(self._accept)
        return ticks

    def _choice(self) -> QComboBox:
        box = QComboBox()
        if self.field.nullable or (self.state.is_new and self.field.default is None):
            box.addItem("—" if not self.field.required else t("choose"), None)
        for choice in self.field.choices:
            box.addItem(choice.label, choice.value)
        box.activated.connect(lambda index: self._accept(box.itemData(index)))
        return box

    def _words(self) -> QComboBox:
        """A text that usually is one of a few words; another may be typed."""
        box = QComboBox()
        box.setEditable(True)
        for choice in self.field.choices:
            box.addItem(choice.label, choice.value)
        box.activated.connect(lambda index: self._accept(box.itemData(index)))
        edit = box.lineEdit()
        if edit is not None:
            edit.textEdited.connect(self._typed_word)
        return box

    def _typed_word(self, text: str) -> None:
        found = next(
            (c.value for c in self.field.choices if c.label.casefold() == text.strip().casefold()), None
        )
        self._typed(found or text)

    def _reference(self) -> ReferenceEdit:
        edit = ReferenceEdit(self.desk, self.field)
        edit.chosen.connect(self._chosen)
        return edit

    def _follow(self) -> None:
        target = self.desk.metadata.by_plural(self.field.target)
        value = self.state.value(self.field.name)
        if target is not None and value is not None:
            self.desk.open_record(target, int(value))

    def _chosen(self, value: Any, shown: str) -> None:
        self.state.names[self.field.name] = shown
        self._accept(value)

    def _accept(self, value: Any) -> None:
        self.state.set(self.field.name, value)
        self.show_error(None)
        if not isinstance(self.control, QPlainTextEdit):
            self.show_value()
        self.edited.emit()

    def _typed(self, text: str) -> None:
        self.show_error(None)
        try:
            self.state.set(self.field.name, formatting.parse(self.field, text))
        except InputError as error:
            self.state.refuse(self.field.name, str(error))
            if isinstance(error, AmbiguousNumber):
                self._offer(error)
        self.edited.emit()

    def _offer(self, error: AmbiguousNumber) -> None:
        clear(self._readings)
        for reading in error.readings:
            shown = formatting.number(reading)
            self._readings.addWidget(
                button(shown, "chip", on_click=partial(self._read_as, format(reading, "f")))
            )
        self._readings.addStretch()

    def _read_as(self, value: str) -> None:
        clear(self._readings)
        self._accept(int(value) if self.field.type == "integer" else value)

    def show_value(self) -> None:
        """Show the state's value."""
        value = self.state.value(self.field.name)
        control = self.control
        control.blockSignals(True)
        if not self.writable:
            self._show_plain(value)
        elif isinstance(control, ReferenceEdit):
            changed = self.field.name in self.state.dirty
            shown = self.state.names.get(self.field.name) or (
                f"#{value}" if changed else formatting.reference(self.field, self.state.record)
            )
            control.show_reference(value, shown)
        elif isinstance(control, Ticks):
            control.show_values(value)
        elif isinstance(control, QComboBox) and control.isEditable():
            control.setCurrentText(formatting.text_of(self.field, self.state.as_typed()))
        elif isinstance(control, QComboBox):
            control.setCurrentIndex(max(control.findData(value), 0))
        elif isinstance(control, QCheckBox):
            control.setChecked(bool(value))
        elif isinstance(control, QLineEdit):
            control.setText(formatting.editable(self.field, value))
            control.setCursorPosition(0)
        elif isinstance(control, QPlainTextEdit):
            control.setPlainText(formatting.editable(self.field, value))
        control.blockSignals(False)

    def _show_plain(self, value: Any) -> None:
        text = formatting.text_of(self.field, self.state.record)
        if isinstance(self.control, Badge):
            choice = self.field.choice(value)
            self.control.show_choice(choice, "—")
        elif isinstance(self.control, QLabel):
            self.control.setText(text or "—")
        else:
            self.control.setText(text or "—")  # type: ignore[attr-defined]
            self.control.setEnabled(value is not None)

    def show_error(self, message: str | None) -> None:
        """Show what is wrong, under the field."""
        self._error.setText(message or "")
        self._error.setVisible(bool(message))
        if not message:
            clear(self._readings)
        restyle(self.control, "wrong", "true" if message else "false")

    @property
    def error(self) -> str:
        """Message shown."""
        return self._error.text()
