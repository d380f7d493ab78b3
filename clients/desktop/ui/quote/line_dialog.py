"""Form of one quote line or one typed operation in a window of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QWidget

from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.form import FormState
from clients.desktop.model.metadata import Entity
from clients.desktop.model.texts import t
from clients.desktop.operations import calls
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.form_view import FormView, scrolled
from clients.desktop.ui.widgets import Banner, button, column, label, row

_FIXED = ("quote_id", "quote_line_id", "line_no", "part_revision_id")


class EntryDialog(QDialog):
    """Creates or changes a record; closes once the server has taken it."""

    saved = Signal()

    def __init__(
        self, parent: QWidget, desk: Desk, entity: Entity, title: str, record: Record | None = None,
        preset: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._desk, self._entity = desk, entity
        self.setWindowTitle(title)
        self.resize(theme.scaled(820), theme.scaled(640))
        writable = tuple(f for f in entity.form_fields if not f.read_only)
        self.state = FormState(writable, record, preset)
        self._preset = dict(preset or {})
        layout = column(self, margins=5 * STEP, spacing=3 * STEP)
        layout.addWidget(label(title, "heading"))
        self.banner = Banner()
        layout.addWidget(self.banner)
        self.form = FormView(desk, self.state, editable=True, hidden=_FIXED)
        layout.addWidget(scrolled(self.form), 1)
        foot = row()
        foot.addStretch()
        foot.addWidget(button(t("cancel"), on_click=self.reject))
        self.save_button = button(t("save"), "primary", on_click=self.save)
        foot.addWidget(self.save_button)
        layout.addLayout(foot)

    def save(self) -> None:
        """Check, then send."""
        if not self.state.validate():
            self.form.show_errors()
            return
        self.save_button.setEnabled(False)
        api, state = self._desk.api, self.state
        if state.is_new:
            operation = calls.create_record(api, self._entity, {**self._preset, **state.payload()}, state.key)
        else:
            identity = int(state.record["id"])
            operation = calls.update_record(api, self._entity, identity, state.payload(), state.row_version)
        self._desk.runner.run(operation, self._done, self._refused, owner=self)

    def _done(self, _record: Record) -> None:
        self.saved.emit()
        self.accept()

    def _refused(self, error: ApiError) -> None:
        self.save_button.setEnabled(True)
        rest = self.state.apply_errors(error)
        self.form.show_errors()
        self.banner.show_text(rest or t("form.check"), "danger")
