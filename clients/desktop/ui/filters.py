"""Conditions of a list as chips: the statuses at hand, others from a menu."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.formatting import InputError
from clients.desktop.model.listing import Filter, ListState
from clients.desktop.model.metadata import TEXTUAL, Field
from clients.desktop.model.texts import t
from clients.desktop.tokens import STEP
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.widgets import button, clear, row

_QUICK_CHIPS = 6


class FilterBar(QWidget):
    """Row of chips bound to a list's state."""

    changed = Signal()

    def __init__(self, desk: Desk, state: ListState, quick: Field | None) -> None:
        super().__init__()
        self._desk = desk
        self._state = state
        self._quick = quick
        self._layout = row(self, spacing=STEP + 2)
        self.rebuild()

    def rebuild(self) -> None:
        """Show the conditions in force."""
        clear(self._layout)
        if self._quick is not None:
            self._add_quick(self._quick)
        for one in self._state.filters:
            if self._quick is None or one.key != self._quick.name:
                self._chip(f"{one.label}  ×", checked=True, act=partial(self._remove, one.key))
        self.more = button(t("filter.add"), "flat", "filter")
        self.more.setMenu(self._menu())
        self._layout.addWidget(self.more)
        self._layout.addStretch()

    def _add_quick(self, field: Field) -> None:
        chosen = self._state.choice_of(field.name)
        self._chip(t("filter.all"), checked=chosen is None, act=partial(self._remove, field.name))
        for choice in field.choices[:_QUICK_CHIPS]:
            condition = Filter(field.name, "", choice.value, choice.label)
            self._chip(choice.label, checked=chosen == choice.value, act=partial(self._set, condition))

    def _chip(self, text: str, *, checked: bool, act: Callable[[], None]) -> None:
        made = button(text, "chip", on_click=act)
        made.setCheckable(True)
        made.setChecked(checked)
        self._layout.addWidget(made)

    def _set(self, condition: Filter) -> None:
        if self._state.choice_of(condition.key) == condition.value:
            self._state.remove_filter(condition.key)
        else:
            self._state.set_filter(condition)
        self.rebuild()
        self.changed.emit()

    def _remove(self, key: str) -> None:
        self._state.remove_filter(key)
        self.rebuild()
        self.changed.emit()

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        for field in self._state.entity.fields:
            if not field.filterable or field.type in {"secret", "uid"}:
                continue
            if field.choices or field.type == "boolean":
                self._choices(menu, field)
            elif field.type in {"date", "datetime"} or field.is_numeric:
                inner = menu.addMenu(field.label)
                inner.addAction(t("filter.from"), partial(self._ask, field, "gte"))
                inner.addAction(t("filter.to"), partial(self._ask, field, "lte"))
            elif field.type in TEXTUAL:
                menu.addAction(field.label, partial(self._ask, field, "contains"))
        menu.addSeparator()
        archived = menu.addAction(t("filter.archived"))
        archived.setCheckable(True)
        archived.setChecked(self._state.archived)
        archived.toggled.connect(self._archived)
        return menu

    def _choices(self, menu: QMenu, field: Field) -> None:
        inner = menu.addMenu(field.label)
        values = [(c.value, c.label) for c in field.choices] or [("true", t("yes")), ("false", t("no"))]
        for value, text in values:
            condition = Filter(field.name, "", value, f"{field.label} : {text}")
            inner.addAction(text, partial(self._set, condition))

    def _ask(self, field: Field, operator: str) -> None:
        words = {"gte": "≥", "lte": "≤", "contains": "∋"}[operator]
        text, accepted = QInputDialog.getText(self, field.label, f"{field.label} {words}")
        if not accepted or not text.strip():
            return
        try:
            value = text.strip() if operator == "contains" else formatting.parse(field, text)
        except InputError as error:
            self._desk.message.emit(str(error), "warning")
            return
        self._set(Filter(field.name, operator, str(value), f"{field.label} {words} {text.strip()}"))

    def _archived(self, shown: bool) -> None:
        self._state.archived = shown
        self.changed.emit()
