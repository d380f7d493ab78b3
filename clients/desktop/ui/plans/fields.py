"""Right half, first tab: the fields of the title block by groups, each with its confidence in words and where it was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLineEdit, QScrollArea, QSizePolicy, QWidget

from clients.desktop.model import formatting, plans
from clients.desktop.model.form import FormState
from clients.desktop.model.metadata import Field
from clients.desktop.model.plans import Document
from clients.desktop.model.texts import t
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.editors import FieldEditor
from clients.desktop.ui.reference import ReferenceEdit
from clients.desktop.ui.widgets import Badge, button, card, clear, column, label, restyle, row

_WIDE = frozenset({
    "part_name", "customer_name", "general_tolerance", "material_text", "material_id", "heat_treatment", "surface_treatment",
})  # fmt: skip
_REST_MS = 2500
_NARROWEST = 120


class _Editor(FieldEditor):
    """Editor without its own label: the head of the box names the field."""

    def _label(self) -> QWidget:
        made = label("")
        made.setFixedHeight(0)
        return made


class ReviewField(QWidget):
    """One field: name, confidence, editor, where it was read, other values to take."""

    looked_at = Signal(str)
    edited = Signal(str, bool)
    """Name, and whether the value is complete now (chosen, Enter, left) or may still be typed on."""
    next_wanted = Signal(str, int)
    confirmed = Signal(str)
    """The person says that what was read is right."""

    def __init__(self, desk: Desk, field: Field, state: FormState, has_next: Callable[[], bool]) -> None:
        super().__init__()
        self.has_next = has_next
        self.field = field
        self.state = state
        self._told: Mapping[str, Any] = {}
        layout = column(self, spacing=STEP // 2)
        head = row(spacing=STEP)
        unit = f" ({field.unit})" if field.unit else ""
        self.name = label(f"{field.label}{unit}{' *' if field.required else ''}", "label")
        self.badge = Badge()
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        head.addWidget(self.name, 1)
        head.addWidget(self.badge)
        layout.addLayout(head)
        self.editor = _Editor(desk, field, state, writable=not field.read_only)
        layout.addWidget(self.editor)
        self.control_width()
        self._offers = row(spacing=STEP)
        layout.addLayout(self._offers)
        self.editor.edited.connect(self._edited)
        self.control = self.editor.control
        self.control.installEventFilter(self)

    def control_width(self) -> None:
        """Controls follow the pane, which may be narrow."""
        control = self.editor.control
        control.setMinimumWidth(theme.scaled(_NARROWEST))
        if isinstance(control, QComboBox):
            control.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            control.setMinimumContentsLength(6)

    @property
    def is_typed(self) -> bool:
        """Whether the control takes text letter by letter."""
        return isinstance(self.control, QLineEdit) and not isinstance(self.control, ReferenceEdit)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 — Qt's name
        """Coming here shows the place on the sheet; Enter goes to the next doubtful field."""
        if event.type() == QEvent.Type.FocusIn:
            self.looked_at.emit(self.field.name)
        elif event.type() == QEvent.Type.FocusOut:
            self.edited.emit(self.field.name, True)
        elif isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            plain = not event.modifiers() & Qt.KeyboardModifier.ControlModifier
            popup = self.control.completer().popup() if isinstance(self.control, ReferenceEdit) else None
            picking = popup is not None and popup.isVisible()
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and plain and not picking:
                back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                self.edited.emit(self.field.name, True)
                if not back:
                    self.confirmed.emit(self.field.name)
                self.next_wanted.emit(self.field.name, -1 if back else 1)
                return True
            if event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab) and plain and self.has_next():
                self.next_wanted.emit(self.field.name, 1 if event.key() == Qt.Key.Key_Tab else -1)
                return True
        return super().eventFilter(watched, event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 — Qt's name
        """A click on the name or the confidence shows the place too."""
        self.looked_at.emit(self.field.name)
        if self.control.isEnabled():
            self.control.setFocus(Qt.FocusReason.MouseFocusReason)
        super().mousePressEvent(event)

    def _edited(self) -> None:
        self.edited.emit(self.field.name, not self.is_typed)

    def show_field(self, told: Mapping[str, Any]) -> None:
        """Take what the server says of the field; what is being typed stays."""
        self._told = told
        level = str(told["level"])
        shown = self.field.name in self.state.dirty
        tone, sign = plans.LEVELS["human" if shown else level]
        self.badge.set(plans.level_word("human" if shown else level), tone, sign)
        quiet = level == "empty" and not told["mandatory"] and not shown
        self.badge.setVisible(not quiet)
        words = plans.origin_words(told)
        self.badge.setToolTip(words)
        self.name.setToolTip(words)
        if not (self.control.hasFocus() and self.is_typed):
            self.editor.show_value()
        self.editor.show_error(self.state.errors.get(self.field.name))
        self._show_offers()

    def _show_offers(self) -> None:
        clear(self._offers)
        if self.field.read_only or not (plans.is_doubtful(self._told) or self._told.get("correction")):
            return
        if self._told["level"] == "orange" and self.field.name not in self.state.dirty:
            confirm = button(t("plan.confirm"), "chip", "check", lambda: self.confirmed.emit(self.field.name))
            confirm.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            confirm.setToolTip(t("plan.confirm_hint"))
            self._offers.addWidget(confirm)
        for one in plans.candidates_of(self._told, self.state.value(self.field.name)):
            shown = str(one.get("evidence") or one["value"])
            if self.field.is_numeric:
                shown = formatting.editable(self.field, one["value"])
            made = button(shown[:40], "chip", on_click=partial(self.take, one["value"], shown))
            made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self._offers.addWidget(made)
        origin = label(plans.short_origin(self._told), "label")
        origin.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        origin.setToolTip(plans.origin_words(self._told))
        self._offers.addWidget(origin, 1)

    def take(self, value: Any, shown: str) -> None:
        """Take another value."""
        if self.field.type == "reference":
            self.state.names[self.field.name] = shown
        elif self.field.is_numeric:
            value = str(value)
        self.state.set(self.field.name, value)
        self.editor.show_value()
        self.edited.emit(self.field.name, True)

    def focus(self) -> None:
        """Put the cursor here, the text selected."""
        self.control.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if isinstance(self.control, QLineEdit):
            self.control.selectAll()

    def emphasise(self, on: bool) -> None:
        """Show that the highlight of this field was picked."""
        if not isinstance(self.control, QComboBox | QCheckBox):
            restyle(self.name, "kind", "section" if on else "label")


class FieldsForm(QWidget):
    """All fields in cards by groups, two columns."""

    looked_at = Signal(str)
    save_wanted = Signal()
    changed = Signal()
    confirm_wanted = Signal(str)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setObjectName("pageBody")
        self._desk = desk
        self.state: FormState | None = None
        self.boxes: dict[str, ReviewField] = {}
        self.document: Document = {}
        self.current: str | None = None
        self._confirmed: set[str] = set()
        self._body = column(self, spacing=3 * STEP)
        self._body.setContentsMargins(0, 2 * STEP, 2 * STEP, 4 * STEP)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self.save_wanted)

    @property
    def order(self) -> list[str]:
        """Names in the order shown."""
        return list(self.boxes)

    def show_document(self, document: Document, state: FormState) -> None:
        """Show another state of the review."""
        self.document = document
        self._confirmed.clear()
        named = plans.fields_by_name(document)
        shape = [(f.name, f.read_only) for f in state.fields.values()]
        if self.state is not state or shape != [
            (b.field.name, b.field.read_only) for b in self.boxes.values()
        ]:
            self._build(state, named)
        for name, box in self.boxes.items():
            box.show_field(named[name])

    def _build(self, state: FormState, named: Mapping[str, Mapping[str, Any]]) -> None:
        self.state = state
        self.boxes = {}
        clear(self._body)
        for group in plans.GROUPS:
            names = [n for n, told in named.items() if told["group"] == group]
            if not names:
                continue
            frame, inner = card()
            inner.setContentsMargins(3 * STEP, 2 * STEP, 3 * STEP, 3 * STEP)
            inner.addWidget(label(t(f"plan.group.{group}"), "section"))
            grid = QGridLayout()
            grid.setHorizontalSpacing(4 * STEP)
            grid.setVerticalSpacing(2 * STEP)
            per_line = 2
            place = 0
            for name in names:
                box = self._box(name, state)
                wide = name in _WIDE
                if wide and place % per_line:
                    place += per_line - place % per_line
                span = per_line if wide else 1
                grid.addWidget(box, place // per_line, place % per_line, 1, span, Qt.AlignmentFlag.AlignTop)
                place += span
            for number in range(per_line):
                grid.setColumnStretch(number, 1)
            inner.addLayout(grid)
            self._body.addWidget(frame)
        self._body.addStretch()

    def _box(self, name: str, state: FormState) -> ReviewField:
        box = ReviewField(self._desk, state.fields[name], state, lambda: bool(self.doubtful()))
        box.looked_at.connect(self._looked_at)
        box.edited.connect(self._edited)
        box.next_wanted.connect(lambda start, step: self.go_next(step, start))
        box.confirmed.connect(self.confirm)
        self.boxes[name] = box
        return box

    def _looked_at(self, name: str) -> None:
        self.current = name
        self.looked_at.emit(name)

    def _edited(self, _name: str, complete: bool) -> None:
        self.changed.emit()
        if complete:
            self._rest.stop()
            self.save_wanted.emit()
        else:
            self._rest.start()

    def confirm(self, name: str) -> None:
        """What was read is right: where it was doubtful, the server is told."""
        told = plans.fields_by_name(self.document).get(name)
        typed = self.state is not None and name in self.state.dirty
        if told is not None and told["level"] == "orange" and told["editable"] and not typed:
            self._confirmed.add(name)
            self.confirm_wanted.emit(name)

    def doubtful(self) -> list[str]:
        """Fields still to look at; what was just typed counts as looked at."""
        typed = self.state.dirty if self.state is not None else {}
        open_ = (n for n in plans.doubtful(self.document) if n not in self._confirmed)
        return [n for n in open_ if typed.get(n) in (None, "")]

    def go_next(self, step: int = 1, start: str | None = None) -> str | None:
        """Put the cursor into the next doubtful field; ``None`` when nothing is left."""
        name = plans.following(self.doubtful(), start or self.current, self.order, step)
        if name is not None:
            self.go_to(name)
        return name

    def go_to(self, name: str) -> None:
        """Put the cursor into a field."""
        box = self.boxes.get(name)
        if box is not None:
            self.current = name
            self._reveal(box)
            box.focus()
            self.looked_at.emit(name)

    def _reveal(self, box: ReviewField) -> None:
        holder: QObject | None = self
        while holder is not None and not isinstance(holder, QScrollArea):
            holder = holder.parent()
        if holder is not None:
            holder.ensureWidgetVisible(box, 0, theme.scaled(60))

    def pick(self, name: str) -> None:
        """Its highlight was clicked: show and enter the field."""
        for other, box in self.boxes.items():
            box.emphasise(other == name)
        self.go_to(name)
