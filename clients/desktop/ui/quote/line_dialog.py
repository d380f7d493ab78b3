"""Form of one quote line or one typed operation in a window of its own; what is typed outlives a lost line (QUO-52)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QDialog, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError, Unreachable
from clients.desktop.model.form import FormState
from clients.desktop.model.metadata import Entity
from clients.desktop.model.texts import t
from clients.desktop.operations import calls
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.form_view import FormView, scrolled
from clients.desktop.ui.widgets import Banner, button, column, label, row

_FIXED = ("quote_id", "quote_line_id", "line_no", "part_revision_id", "trade_operations")
_PARENTS = ("quote_id", "quote_line_id")
_DRAFT_DELAY_MS = 800


class EntryDialog(QDialog):
    """Creates or changes a record, or only some of its fields; closes once the server has taken it."""

    saved = Signal()

    def __init__(
        self, parent: QWidget, desk: Desk, entity: Entity, title: str, record: Record | None = None,
        preset: Mapping[str, Any] | None = None, only: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._desk, self._entity = desk, entity
        self.setWindowTitle(title)
        self.resize(theme.scaled(820), theme.scaled(380 if only else 640))
        writable = tuple(f for f in entity.form_fields if not f.read_only and (not only or f.name in only))
        self.state = FormState(writable, record, preset)
        self._preset = dict(preset or {})
        self._unsent = False
        parent_id = next((self._preset[n] for n in _PARENTS if self._preset.get(n)), None)
        self._record_id = int(record["id"]) if record else None
        self._place = entity.plural if record else f"{entity.plural}-{parent_id}"
        layout = column(self, margins=5 * STEP, spacing=3 * STEP)
        layout.addWidget(label(title, "heading"))
        self.banner = Banner()
        layout.addWidget(self.banner)
        self.form = FormView(desk, self.state, editable=True, hidden=_FIXED)
        self._timer = QTimer(self, singleShot=True, interval=_DRAFT_DELAY_MS)
        self._timer.timeout.connect(self.keep_draft)
        self.form.edited.connect(self._timer.start)
        layout.addWidget(scrolled(self.form), 1)
        foot = row()
        foot.addStretch()
        foot.addWidget(button(t("cancel"), on_click=self.reject))
        self.save_button = button(t("save"), "primary", on_click=self.save)
        foot.addWidget(self.save_button)
        layout.addLayout(foot)
        self._offer_draft()

    # --- what is typed and not saved ---

    def keep_draft(self) -> None:
        """Keep what was typed on this computer until the server has it."""
        if self.state.is_dirty and self.state.dirty != self._preset:
            self._desk.drafts.keep(self._place, self._record_id, self.state.to_draft())
        else:
            self._drop_draft()

    def _drop_draft(self) -> None:
        self._timer.stop()
        self._desk.drafts.drop(self._place, self._record_id)

    def _offer_draft(self) -> None:
        draft = self._desk.drafts.find(self._place, self._record_id)
        if draft is None:
            return
        when = formatting.instant(str(draft.get("saved_at")))

        def take() -> None:
            self.state.restore(draft)
            self.form.show_values()
            self.banner.clear_text()

        def give_up() -> None:
            self._drop_draft()
            self.banner.clear_text()

        words = t("quote.draft_line", when=when)
        self.banner.show_text(words, "info", (t("draft.take"), take), (t("draft.drop"), give_up))

    def reject(self) -> None:
        """Given up by the person; what could not be sent stays kept."""
        if not self._unsent:
            self._drop_draft()
        super().reject()

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
        self._unsent = False
        self._drop_draft()
        self.saved.emit()
        self.accept()

    def _refused(self, error: ApiError) -> None:
        self.save_button.setEnabled(True)
        if error.is_stale and error.current is not None:
            self._meet(error.current)
            return
        if isinstance(error, Unreachable):
            self._unsent = True
            self.keep_draft()
        rest = self.state.apply_errors(error)
        self.form.show_errors()
        self.banner.show_text(rest or t("form.check"), "danger")

    def _meet(self, current: Record) -> None:
        """Somebody saved first: fields only they changed are taken, mine are kept and named where both changed."""
        both = [conflict.field.label for conflict in self.state.conflicts(current)]
        self.state.rebase(current)
        self.form.show_values()
        self.keep_draft()
        words = t("quote.draft_changed", fields=", ".join(both)) if both else t("quote.draft_merged")
        self.banner.show_text(words, "warning")
