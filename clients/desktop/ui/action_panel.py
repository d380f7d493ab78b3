"""Parameters of an action, asked in place above the form."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from PySide6.QtWidgets import QFrame

from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.form import FormState
from clients.desktop.model.metadata import Action
from clients.desktop.model.texts import t
from clients.desktop.tokens import STEP
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.form_view import FormView
from clients.desktop.ui.widgets import button, column, label, row


class ActionPanel(QFrame):
    """Small form of one action; the errors stand beside its fields."""

    def __init__(
        self, desk: Desk, action: Action, run: Callable[[Record, str], None], close: Callable[[], None]
    ) -> None:
        super().__init__()
        self.setObjectName("actionPanel")
        self.action = action
        self._run = run
        self._key = str(uuid.uuid4())
        self.state = FormState(action.params)
        layout = column(self, margins=3 * STEP)
        layout.addWidget(label(action.label, "section"))
        self.form = FormView(desk, self.state, editable=True)
        layout.addWidget(self.form)
        self._error = label("", "error", wrap=True)
        self._error.hide()
        layout.addWidget(self._error)
        buttons = row()
        kind = "danger" if action.tone == "danger" else "primary"
        self.run_button = button(action.label, kind, on_click=self.submit)
        buttons.addWidget(self.run_button)
        buttons.addWidget(button(t("cancel"), "flat", on_click=close))
        buttons.addStretch()
        layout.addLayout(buttons)

    def submit(self) -> None:
        """Check, then run."""
        if not self.state.validate():
            self.form.show_errors()
            return
        self.run_button.setEnabled(False)
        self._run(self.state.payload(), self._key)

    def refused(self, error: ApiError) -> None:
        """Show why the server refused."""
        self.run_button.setEnabled(True)
        # Other values are another act: the former key would answer with the former refusal.
        self._key = str(uuid.uuid4())
        rest = self.state.apply_errors(error)
        self.form.show_errors()
        self._error.setText(rest or "")
        self._error.setVisible(bool(rest))
