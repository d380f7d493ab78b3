"""Page of one record of any entity: header with allowed actions, tabs data, links, history (UIX-04)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QTabWidget, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError, Unreachable
from clients.desktop.model.form import FormState
from clients.desktop.model.live import Change
from clients.desktop.model.metadata import Action, Entity
from clients.desktop.model.readable import readable
from clients.desktop.model.texts import inside, t
from clients.desktop.operations import calls
from clients.desktop.tokens import STEP
from clients.desktop.ui.action_panel import ActionPanel
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.dialogs import ConfirmDialog, ConflictDialog
from clients.desktop.ui.form_view import FormView, scrolled
from clients.desktop.ui.history_view import HistoryView
from clients.desktop.ui.links_view import LinksView
from clients.desktop.ui.plans.review import ReviewView
from clients.desktop.ui.record_header import RecordHeader
from clients.desktop.ui.sheets import SheetView, sheet_views
from clients.desktop.ui.signing import ASKED, SignaturesView, SigningDialog
from clients.desktop.ui.widgets import Banner, button, clear, column, label, row

_DRAFT_DELAY_MS = 1000


class RecordPage(QWidget):
    """One record in a tab, or an empty form to create one."""

    title_changed = Signal(str)
    closed = Signal()

    def __init__(
        self, desk: Desk, entity: Entity, record_id: int | None, preset: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.setObjectName("page")
        self.desk = desk
        self.entity = entity
        self.record_id = record_id
        self.state: FormState | None = None
        self.form: FormView | None = None
        self.panel: ActionPanel | None = None
        self._preset = dict(preset or {})
        self._busy = False
        self._late: Change | None = None
        self._build()
        self._draft_timer = QTimer(self)
        self._draft_timer.setSingleShot(True)
        self._draft_timer.setInterval(_DRAFT_DELAY_MS)
        self._draft_timer.timeout.connect(self.keep_draft)
        desk.changed.connect(self._on_change)
        desk.runner.reached.connect(self._on_reached)
        if record_id is None:
            self._show_form(FormState.of(entity, None, self._preset))
        else:
            self.load()

    @property
    def title(self) -> str:
        """Name of the tab."""
        if self.state is None or self.state.is_new:
            return t("record.new", what=inside(self.entity.label))
        return str(self.state.record.get("display") or f"#{self.record_id}")

    def _build(self) -> None:
        layout = column(self, spacing=3 * STEP)
        layout.setContentsMargins(6 * STEP, 4 * STEP, 6 * STEP, 0)
        self.header = RecordHeader(self.entity)
        self.header.action_wanted.connect(self.start_action)
        self.header.archive_wanted.connect(self.archive)
        self.header.list_wanted.connect(lambda: self.desk.open_list(self.entity))
        layout.addWidget(self.header)
        self.banner = Banner()
        layout.addWidget(self.banner)
        self._panel_place = column()
        layout.addLayout(self._panel_place)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.currentChanged.connect(self._show_tab)
        layout.addWidget(self.tabs, 1)
        self.save_bar = self._save_bar()
        layout.addWidget(self.save_bar)

    def _save_bar(self) -> QFrame:
        frame = QFrame()
        frame.setObjectName("saveBar")
        inner = row(frame)
        inner.setContentsMargins(0, 2 * STEP, 0, 2 * STEP)
        self.save_button = button(t("save"), "primary", on_click=self.save)
        self.save_button.setToolTip("Ctrl+S")
        self.reset_button = button(t("cancel"), "flat", on_click=self.reset)
        self.save_hint = label("", "muted")
        for widget in (self.save_button, self.reset_button, self.save_hint):
            inner.addWidget(widget)
        inner.addStretch()
        frame.hide()
        return frame

    # --- reading ---

    def load(self) -> None:
        """Read the record, for the first time or again."""
        if self.record_id is None:
            return
        operation = calls.load_record(self.desk.api, self.entity, self.record_id)
        self.desk.runner.run(operation, self._arrived, self._load_refused, owner=self)

    def _load_refused(self, error: ApiError) -> None:
        tone = "warning" if isinstance(error, Unreachable) else "danger"
        self.banner.show_text(error.detail, tone, (t("retry"), self.load))

    def _arrived(self, record: Record) -> None:
        if self.state is not None and int(record["row_version"]) < self.state.row_version:
            # An answer overtaken by a newer one.
            return
        if self.state is not None and self.state.is_dirty:
            self._announce_newer(record)
            return
        self.banner.clear_text()
        if self.state is None or self.form is None:
            self._show_form(FormState.of(self.entity, record))
            self._offer_draft()
        else:
            self.state.saved(record)
            self.form.show_values()
            self._show_state()
        self._refresh_tab()

    def _show_form(self, state: FormState) -> None:
        self.state = state
        editable = self.entity.may("create" if state.is_new else "update")
        self.form = FormView(self.desk, state, editable=editable)
        self.form.edited.connect(self._edited)
        current = self.tabs.currentIndex()
        self.tabs.blockSignals(True)
        while self.tabs.count():
            page = self.tabs.widget(0)
            self.tabs.removeTab(0)
            if page is not None:
                page.deleteLater()
        if self.record_id is not None:
            if self.entity.name == "drawing_analysis":
                review = ReviewView(self.desk, self.record_id)
                review.action_wanted.connect(self.start_named)
                review.document_changed.connect(self._reviewed)
                self.tabs.addTab(review, t("plan.review"))
            for title, view in sheet_views(self.desk, self.entity, self.record_id):
                self.tabs.addTab(view, title)
        self.tabs.addTab(scrolled(self.form), t("record.data"))
        if self.record_id is not None:
            if self.desk.metadata.incoming(self.entity) or any(
                f.type == "reference" for f in self.entity.fields
            ):
                self.tabs.addTab(LinksView(self.desk, self.entity, self.record_id), t("record.links"))
            if self.entity.signable:
                self.tabs.addTab(SignaturesView(self.desk, self.entity, self.record_id), t("signatures.tab"))
            self.tabs.addTab(HistoryView(self.desk, self.entity, self.record_id), t("record.history"))
        self.tabs.tabBar().setVisible(self.tabs.count() > 1)
        self.tabs.blockSignals(False)
        self.tabs.setCurrentIndex(max(current, 0))
        self._show_state()
        self._refresh_tab()
        if state.is_new:
            self._offer_draft()
            QTimer.singleShot(0, self.form.focus_first)

    def _show_state(self) -> None:
        state = self.state
        if state is None:
            return
        self.header.show_record(self.title, None if state.is_new else state.record)
        shown = state.is_new or state.is_dirty
        self.save_bar.setVisible(shown)
        self.save_button.setText(t("record.create") if state.is_new else t("save"))
        self.save_button.setEnabled(not self._busy)
        self.save_hint.setText("" if state.is_new else t("record.changed_fields", count=len(state.dirty)))
        self.title_changed.emit(("• " if state.is_dirty and not state.is_new else "") + self.title)

    def _show_tab(self, _index: int) -> None:
        self._refresh_tab()

    def _refresh_tab(self) -> None:
        view = self.tabs.currentWidget()
        if isinstance(view, SheetView | LinksView | ReviewView):
            view.load()

    # --- writing ---

    def _edited(self) -> None:
        self._show_state()
        self._draft_timer.start()

    def keep_draft(self) -> None:
        """Keep what was typed on this computer until it is saved."""
        if self.state is None:
            return
        if self.state.is_dirty and self.state.dirty != self._preset:
            self.desk.drafts.keep(self.entity.plural, self.record_id, self.state.to_draft())
        else:
            self.desk.drafts.drop(self.entity.plural, self.record_id)

    def _offer_draft(self) -> None:
        draft = self.desk.drafts.find(self.entity.plural, self.record_id)
        if draft is None or self.state is None:
            return
        when = formatting.instant(str(draft.get("saved_at")))
        self.banner.show_text(
            t("draft.found", when=when), "info",
            (t("draft.take"), lambda: self._take_draft(draft)), (t("draft.drop"), self._drop_draft),
        )  # fmt: skip

    def _take_draft(self, draft: dict[str, Any]) -> None:
        if self.state is not None and self.form is not None:
            self.state.restore(draft)
            self.banner.clear_text()
            self.form.show_values()
            self._show_state()

    def _drop_draft(self) -> None:
        self.desk.drafts.drop(self.entity.plural, self.record_id)
        self.banner.clear_text()

    def reset(self) -> None:
        """Give up what was typed; of a new record, the page."""
        if self.state is None or self.form is None:
            return
        self.desk.drafts.drop(self.entity.plural, self.record_id)
        if self.state.is_new:
            self.state.reset()
            self.closed.emit()
            return
        self.state.reset()
        self.form.show_values()
        self.banner.clear_text()
        self._show_state()
        self.load()

    def save(self) -> None:
        """Check, then send what changed."""
        state, form = self.state, self.form
        if state is None or form is None or self._busy or not (state.is_new or state.is_dirty):
            return
        if not state.validate():
            form.show_errors()
            self.banner.show_text(t("form.check"), "danger")
            return
        self._set_busy(True)
        if state.is_new:
            operation = calls.create_record(self.desk.api, self.entity, state.payload(), state.key)
        else:
            operation = calls.update_record(
                self.desk.api, self.entity, int(state.record["id"]), state.payload(), state.row_version
            )
        self.desk.runner.run(operation, self._saved, self._save_refused, owner=self)

    def _saved(self, record: Record) -> None:
        if self.state is None or self.form is None:
            return
        was_new = self.state.is_new
        self.desk.drafts.drop(self.entity.plural, self.record_id)
        self._draft_timer.stop()
        self.state.saved(record)
        self._set_busy(False)
        self.banner.clear_text()
        self.record_id = int(record["id"])
        if was_new:
            self._show_form(FormState.of(self.entity, record))
        else:
            self.form.show_values()
            self._show_state()
        self.desk.message.emit(t("record.saved", what=self.title), "success")
        self.desk.announce(Change(self.entity.name, self.record_id, "updated", int(record["row_version"])))

    def _save_refused(self, error: ApiError) -> None:
        self._set_busy(False)
        if self.state is None or self.form is None:
            return
        if error.is_stale:
            if error.current is not None:
                self.resolve(error.current)
            else:
                self._compare()
            return
        rest = self.state.apply_errors(error)
        if isinstance(error, Unreachable):
            self.keep_draft()
            self.banner.show_text(
                t("record.not_sent", reason=error.detail), "warning", (t("retry"), self.save)
            )
            return
        self.form.show_errors()
        self.banner.show_text(rest or t("form.check"), "danger")

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self._show_state()
        if not busy and self._late is not None:
            change, self._late = self._late, None
            self._on_change(change)

    # --- two people at once ---

    def _on_change(self, change: Change) -> None:
        if self.state is None or self.record_id is None or self.state.is_new:
            return
        if not change.concerns_record(self.entity.name, self.record_id, self.state.row_version):
            if change.entity != self.entity.name:
                self._refresh_tab_of(change)
            return
        if self._busy:
            self._late = change
            return
        self.load()

    def _refresh_tab_of(self, change: Change) -> None:
        view = self.tabs.currentWidget()
        if isinstance(view, SheetView | LinksView | ReviewView) and view.concerned(change):
            view.load()

    def _on_reached(self) -> None:
        if self.state is None and self.banner.text:
            self.banner.clear_text()
            self.load()

    def _announce_newer(self, current: Record) -> None:
        if self.state is None or int(current["row_version"]) <= self.state.row_version:
            return
        when = dt.datetime.now().astimezone().strftime("%H:%M")
        self.banner.show_text(
            t("record.changed_elsewhere", when=when),
            "warning",
            (t("record.compare"), lambda: self.resolve(current)),
        )

    def _compare(self) -> None:
        if self.record_id is not None:
            operation = calls.load_record(self.desk.api, self.entity, self.record_id)
            self.desk.runner.run(operation, self.resolve, self._load_refused, owner=self)

    def resolve(self, current: Record) -> None:
        """Bring my changes onto the present record; the person chooses where both sides changed."""
        state, form = self.state, self.form
        if state is None or form is None:
            return
        conflicts = state.conflicts(current)
        keep: dict[str, bool] = {}
        if conflicts:
            dialog = ConflictDialog(self, conflicts, state.as_typed(), current)
            if not dialog.exec():
                self._announce_newer(current)
                return
            keep = dialog.keep_mine()
        state.rebase(current, keep)
        form.show_values()
        self._show_state()
        if state.is_dirty:
            self.banner.show_text(t("conflict.ready"), "info", (t("save"), self.save))
        else:
            self.banner.clear_text()
            self.desk.drafts.drop(self.entity.plural, self.record_id)

    # --- actions ---

    def start_action(self, action: Action) -> None:
        """Run an action: its parameters first, then the confirmation where it cannot be undone."""
        if self.state is None or self.state.is_new:
            return
        if self.state.is_dirty:
            self.banner.show_text(t("record.save_first"), "warning", (t("save"), self.save))
            return
        self.close_panel()
        if action.params:
            self.panel = ActionPanel(
                self.desk, action, lambda params, key: self._confirm(action, params, key), self.close_panel
            )
            self._panel_place.addWidget(self.panel)
            self.panel.form.focus_first()
        else:
            self._confirm(action, {}, str(uuid.uuid4()))

    def start_named(self, name: str) -> None:
        """Run an action by its name, where it is allowed now."""
        action = self.entity.action(name)
        if action is not None and self.state is not None and name in self.state.record["allowed_actions"]:
            self.start_action(action)

    def _reviewed(self, document: Mapping[str, Any]) -> None:
        """The review shows a newer state of the record: actions start from that."""
        if self.state is not None and not self.state.is_dirty:
            kept = ("row_version", "allowed_actions", "status")
            self.state.record.update({k: document[k] for k in kept})
            self._show_state()

    def close_panel(self) -> None:
        """Take the action's form away."""
        clear(self._panel_place)
        self.panel = None

    def _confirm(self, action: Action, params: Record, key: str) -> None:
        if self.state is None:
            return
        if action.confirm:
            title = t("action.confirm_title", action=action.label, what=self.title)
            dialog = ConfirmDialog(
                self,
                title,
                action.help or t("action.confirm_text"),
                action.label,
                danger=action.tone == "danger",
            )
            if not dialog.exec():
                if self.panel is not None:
                    self.panel.run_button.setEnabled(True)
                return
        self._confirmed(action, params, key)

    def _confirmed(self, action: Action, params: Record, key: str | None = None) -> None:
        if self.state is None:
            return
        self._set_busy(True)
        key = key or str(uuid.uuid4())
        operation = calls.run_action(self.desk.api, self.entity, self.state.record, action, params, key)
        self.desk.runner.run(
            operation,
            lambda answer: self._acted(action, answer),
            lambda error: self._action_refused(error, lambda: self._confirmed(action, params)),
            owner=self,
        )

    def _acted(self, action: Action, answer: Record) -> None:
        self.close_panel()
        record = answer.get("record")
        if isinstance(record, dict) and self.state is not None and self.form is not None:
            self.state.saved(record)
            self.form.show_values()
        self._set_busy(False)
        self.banner.clear_text()
        result = answer.get("result")
        if isinstance(result, dict | list) and result:
            self.banner.show_text(
                f"{action.label} : {readable(result)}",
                "success",
                (t("close"), self.banner.clear_text),
            )
        self.desk.message.emit(t("action.done", action=action.label, what=self.title), "success")
        self._refresh_tab()
        if isinstance(record, dict):
            self.desk.announce(
                Change(self.entity.name, int(record["id"]), "updated", int(record["row_version"]))
            )

    def _action_refused(self, error: ApiError, repeat: Callable[[], None] | None = None) -> None:
        self._set_busy(False)
        if error.code in ASKED and repeat is not None:
            self.signing = SigningDialog(self, self.desk, error, self.title)
            if self.signing.exec():
                self.desk.message.emit(t("sign.done", what=self.title), "success")
                repeat()
                return
        if error.is_stale:
            self.load()
        if self.panel is not None and not error.is_stale:
            self.panel.refused(error)
            return
        self.banner.show_text(error.detail, "warning" if error.status == 0 else "danger")

    def archive(self) -> None:
        """Archive the record, or restore an archived one."""
        if self.state is None or self.state.is_new:
            return
        archived = self.state.record.get("archived_at") is None
        if archived:
            title = t("action.confirm_title", action=t("record.archive"), what=self.title)
            if not ConfirmDialog(
                self, title, t("record.archive_text"), t("record.archive"), danger=True
            ).exec():
                return
        operation = calls.archive_record(self.desk.api, self.entity, self.state.record, archived=archived)
        self._set_busy(True)
        self.desk.runner.run(operation, self._saved, self._action_refused, owner=self)
