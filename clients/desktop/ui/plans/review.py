"""The review of a drawing: the sheet on the left, what was read on it on the right (DRW-32…36, DRW-49)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QWidget,
)

from clients.desktop.model import plans
from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError, Unreachable
from clients.desktop.model.form import FormState
from clients.desktop.model.live import Change
from clients.desktop.model.plans import Document
from clients.desktop.model.texts import t, tn
from clients.desktop.operations import plan_calls
from clients.desktop.operations.runner import Operation
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.dialogs import ConfirmDialog, ConflictDialog
from clients.desktop.ui.form_view import scrolled
from clients.desktop.ui.plans.downloads import Downloads
from clients.desktop.ui.plans.fields import FieldsForm
from clients.desktop.ui.plans.flow_bar import FlowBar
from clients.desktop.ui.plans.outlook import WorkshopTabs
from clients.desktop.ui.plans.row_acts import RowActs
from clients.desktop.ui.plans.rows import DIMENSIONS, SHAPES, RowsPanel
from clients.desktop.ui.plans.sheet_panel import SheetPanel
from clients.desktop.ui.plans.side import NotesView, QuestionsView, RawTextView, VersionsView
from clients.desktop.ui.plans.trouble import TroubleView
from clients.desktop.ui.widgets import Banner, column

ENTITY = "drawing_analysis"
_TABS = ("fields", "dimensions", "shapes", "notes", "questions", "text", "versions")
_RELOAD_MS = 150


class ReviewView(QWidget):
    """One analysis under review. The page around it runs the actions; this one corrects."""

    action_wanted = Signal(str)
    document_changed = Signal(object)

    def __init__(self, desk: Desk, analysis_id: int) -> None:
        super().__init__()
        self.setObjectName("pageBody")
        self.desk = desk
        self.analysis_id = analysis_id
        self.document: Document = {}
        self.state: FormState | None = None
        self._loading = self._stale = self._saving = self._save_again = self._unsent = False
        self._after_save: Callable[[], None] | None = None
        self._picking = False
        self._build()
        self._reload_timer = QTimer(self)
        self._reload_timer.setSingleShot(True)
        self._reload_timer.setInterval(_RELOAD_MS)
        self._reload_timer.timeout.connect(self.load)
        desk.runner.reached.connect(self._reached)
        self._shortcuts()

    def _build(self) -> None:
        layout = column(self, spacing=2 * STEP)
        layout.setContentsMargins(0, 2 * STEP, 0, 2 * STEP)
        self.banner = Banner()
        layout.addWidget(self.banner)
        self.sheet = SheetPanel(self.desk, self.analysis_id)
        self.fields = FieldsForm(self.desk)
        self.dimensions = RowsPanel(DIMENSIONS, "text", with_balloons=True, empty=t("plan.no_dimension"))
        self.shapes = RowsPanel(SHAPES, "detail", with_balloons=False, empty=t("plan.no_shape"))
        self.notes, self.questions = NotesView(), QuestionsView()
        self.text = RawTextView(self.desk, self.analysis_id)
        self.versions = VersionsView(self.desk, self.analysis_id)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setExpanding(False)
        self.tabs.setUsesScrollButtons(True)
        self.tabs.setStyleSheet("QTabBar::tab { padding: 0 5px; }")
        pages = (
            scrolled(self.fields), self.dimensions, self.shapes, self.notes, self.questions, self.text, self.versions,
        )  # fmt: skip
        for name, page in zip(_TABS, pages, strict=True):
            self.tabs.addTab(page, t(f"plan.tab.{name}"))
        self.workshop = WorkshopTabs(self.desk, self.analysis_id, self.tabs, self._run, self._look_at)
        self.tabs.currentChanged.connect(lambda _index: self._load_tab())
        right = QWidget()
        right_layout = column(right, spacing=STEP)
        self.downloads = Downloads(self, self.desk, self.analysis_id, self.banner)
        flow = FlowBar(
            partial(self.go_next, 1), self._export, may_export=self.desk.entity(ENTITY).may("export")
        )
        self.progress, self.saved, self.next = flow.progress, flow.saved, flow.next
        right_layout.addWidget(flow)
        right_layout.addWidget(self.tabs, 1)
        right.setMinimumWidth(theme.scaled(480))
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(3 * STEP)
        self.splitter.setStyleSheet("QSplitter::handle { background: transparent; }")
        self.splitter.addWidget(self.sheet)
        self.splitter.addWidget(right)
        self.splitter.setSizes([theme.scaled(570), theme.scaled(590)])
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setChildrenCollapsible(False)
        self.row_acts = RowActs(self, self.desk, self.analysis_id, self.sheet, self.banner, self._run)
        self.trouble = TroubleView(self.desk, self.analysis_id)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.splitter)
        self.stack.addWidget(self.trouble)
        layout.addWidget(self.stack, 1)
        self._connect()

    def _connect(self) -> None:
        self.sheet.picked.connect(self._picked)
        self.sheet.split_wanted.connect(self._split)
        self.sheet.download_wanted.connect(self.downloads.ask_file)
        self.fields.looked_at.connect(lambda name: self._look_at(f"field:{name}"))
        self.fields.changed.connect(self._show_flow)
        self.fields.save_wanted.connect(self.save)
        self.fields.confirm_wanted.connect(lambda name: self.confirm([name]))
        for panel, kind in ((self.dimensions, "dimension.linear"), (self.shapes, "feature.hole")):
            panel.table.picked.connect(self._look_at)
            panel.number_wanted.connect(lambda: self._act("number_balloons"))
            self.row_acts.serve(panel, kind)
        self.notes.picked.connect(self._look_at)
        self.questions.field_wanted.connect(self.go_to_field)
        self.questions.chosen.connect(self.choose)
        self.questions.taken.connect(self._take)
        self.questions.confirmed.connect(lambda name: self.confirm([name]))
        self.versions.opened.connect(lambda other: self.desk.open_record(self.desk.entity(ENTITY), other))
        self.trouble.action_wanted.connect(self.action_wanted)
        self.trouble.done.connect(self._announce)

    def _shortcuts(self) -> None:
        keys: dict[str, Callable[[], Any]] = {
            "Ctrl+Return": self.validate, "Ctrl+Enter": self.validate, "F8": lambda: self.go_next(1),
            "Shift+F8": lambda: self.go_next(-1),
        }  # fmt: skip
        for sequence, act in keys.items():
            made = QShortcut(QKeySequence(sequence), self)
            made.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            made.activated.connect(act)

    # --- reading ---

    def concerned(self, change: Change) -> bool:
        """Whether a change shows here."""
        if change.entity == ENTITY:
            return change.id == self.analysis_id
        return change.entity in {"drawing_feature", "*"}

    def load(self) -> None:
        """Read the review; asked again meanwhile, once more afterwards."""
        if self._loading or self._saving:
            self._stale = True
            return
        self._loading, self._stale = True, False
        self.desk.runner.run(
            plan_calls.load_review(self.desk.api, self.analysis_id),
            self._arrived,
            self._load_refused,
            owner=self,
        )

    def _load_refused(self, error: ApiError) -> None:
        self._loading = False
        tone = "warning" if isinstance(error, Unreachable) else "danger"
        self.banner.show_text(error.detail, tone, (t("retry"), self.load))

    def _arrived(self, document: Record) -> None:
        self._loading = False
        if self._stale and not self._saving:
            self.load()
            return
        self.take_document(document)

    def take_document(self, document: Document) -> None:
        """Show a newer state of the analysis; what was typed and not saved stays, conflicts are asked."""
        if self.document and int(document["row_version"]) < int(self.document["row_version"]):
            return
        first = not self.document
        record = plans.form_record(document)
        if self.state is None or not self._same_form(document):
            typed = self.state.dirty if self.state is not None else {}
            self.state = plans.review_form(document)
            for name, value in typed.items():
                if self.state.writable(self.state.fields[name]):
                    self.state.set(name, value)
        else:
            keep = self._settle(record)
            if keep is None:
                return
            self.state.rebase(record, keep)
        self.document = document
        self._show()
        if first and document["status"] == "to_review":
            QTimer.singleShot(0, self._begin)

    def _same_form(self, document: Document) -> bool:
        return self.state is not None and plans.form_fields(document) == tuple(self.state.fields.values())

    def _settle(self, record: Record) -> dict[str, bool] | None:
        """For fields that two people changed, whose value stays; ``None`` when the person gave up."""
        state = self.state
        conflicts = state.conflicts(record) if state is not None else []
        if state is None or not conflicts:
            return {}
        dialog = ConflictDialog(self, conflicts, state.as_typed(), record)
        if dialog.exec():
            return dialog.keep_mine()
        self.banner.show_text(t("plan.conflict_open"), "warning", (t("record.compare"), self.load))
        return None

    def _show(self) -> None:
        document, state = self.document, self.state
        if state is None:
            return
        self.banner.clear_text()
        status = str(document["status"])
        reading = status in plans.BUSY or status == "failed"
        self.stack.setCurrentWidget(self.trouble if reading else self.splitter)
        if reading:
            self.trouble.show_document(document)
        self.sheet.show_document(document)
        self.fields.show_document(document, state)
        editable = status == "to_review"
        features = document.get("features") or []
        dimensions = [f for f in features if not plans.is_shape(f)]
        shapes = [f for f in features if plans.is_shape(f)]
        self.dimensions.show_rows(dimensions, editable=editable)
        self.shapes.show_rows(shapes, editable=editable)
        self.notes.show_document(document)
        self.questions.show_document(document)
        self.workshop.show_document(document)
        counts = {
            "dimensions": len(dimensions), "shapes": len(shapes), "notes": len(document.get("notes") or []),
            "questions": len(document.get("questions") or []),
        }  # fmt: skip
        for number, name in enumerate(_TABS):
            count = counts.get(name)
            self.tabs.setTabText(number, t(f"plan.tab.{name}") + (f"  {count}" if count else ""))
        self._load_tab()
        self._show_flow()
        self.document_changed.emit(document)

    def _load_tab(self) -> None:
        page = self.tabs.currentWidget()
        if self.document and isinstance(page, RawTextView | VersionsView):
            page.load(self.document)

    def _begin(self) -> None:
        """The cursor starts in the first doubtful field."""
        if self.isVisible() and self.fields.current is None:
            self.fields.go_next(1)

    def _show_flow(self) -> None:
        document = self.document
        open_ = self.fields.doubtful()
        status = str(document.get("status", ""))
        self.next.setVisible(status == "to_review")
        self.next.setEnabled(bool(open_))
        if status != "to_review":
            self.progress.setText(str(document.get("status_label", "")).capitalize())
        elif open_:
            self.progress.setText(tn("plan.to_check", len(open_)))
        elif document.get("may_validate"):
            self.progress.setText(t("plan.ready"))
        else:
            self.progress.setText(t("plan.missing", names=", ".join(plans.missing_labels(document)) or "…"))
        dirty = self.state is not None and self.state.is_dirty
        self.saved.setText(t("plan.saving") if self._saving else t("plan.unsaved") if dirty else "")

    # --- from the sheet to the fields and back ---

    def _look_at(self, key: str) -> None:
        if not self._picking:
            self.sheet.look_at(key)

    def _picked(self, key: str) -> None:
        """A highlight was clicked: its field or row is selected."""
        layer, _, name = key.partition(":")
        self._picking = True
        try:
            if layer == "field":
                self.show_tab("fields")
                self.fields.pick(name)
            elif layer == "feature":
                for tab, panel in (("dimensions", self.dimensions), ("shapes", self.shapes)):
                    if panel.table.select_feature(int(name)):
                        self.show_tab(tab)
            else:
                self.show_tab("notes")
        finally:
            self._picking = False

    def show_tab(self, name: str) -> None:
        """Show one of the tabs on the right."""
        self.tabs.setCurrentIndex(_TABS.index(name))

    def go_to_field(self, name: str) -> None:
        """Show a field and put the cursor into it."""
        self.show_tab("fields")
        self.fields.go_to(name)

    def go_next(self, step: int) -> None:
        """Next doubtful field; contradictions are answered among the questions."""
        self.show_tab("fields")
        if self.fields.go_next(step) is None:
            self.desk.message.emit(t("plan.nothing_left"), "info")

    # --- correcting ---

    def save(self) -> None:
        """Send what was typed; asked while a saving is under way, once more afterwards."""
        state = self.state
        if state is None:
            return
        if self._saving:
            self._save_again = True
            return
        values = {n: v for n, v in state.payload().items() if n not in state.errors}
        if not values:
            self._show_flow()
            self._finish_saving()
            return
        self._begin_saving()
        operation = plan_calls.correct(self.desk.api, self.analysis_id, values, state.row_version)
        self.desk.runner.run(operation, partial(self._corrected, values), self._save_refused, owner=self)

    def _begin_saving(self) -> None:
        self._saving, self._unsent = True, False
        self._show_flow()

    def _corrected(self, sent: Record, document: Record) -> None:
        self._saving = False
        if self.state is not None:
            for name, value in sent.items():
                if self.state.value(name) == value:
                    # Saved: the server's own form of the value is shown from now on.
                    self.state.set(name, self.state.record.get(name))
        self.take_document(document)
        self._announce()
        self._finish_saving()

    def _finish_saving(self) -> None:
        if self._save_again:
            self._save_again = False
            self.save()
            return
        if self._stale:
            self.load()
        act, self._after_save = self._after_save, None
        if act is None or self.state is None:
            return
        if self.state.is_dirty:
            self.banner.show_text(t("form.check"), "danger")
        else:
            act()

    def _save_refused(self, error: ApiError) -> None:
        self._saving = self._save_again = False
        self._after_save = None
        self._show_flow()
        if error.is_stale:
            # Somebody else was quicker: read what there is now; what both changed is asked, then it is sent again.
            self._after_save = None
            self._loading = False
            self.desk.runner.run(
                plan_calls.load_review(self.desk.api, self.analysis_id),
                self._rebased,
                self._load_refused,
                owner=self,
            )
            return
        if isinstance(error, Unreachable):
            self._unsent = True
            self.banner.show_text(t("plan.not_sent", reason=error.detail), "warning", (t("retry"), self.save))
            return
        if self.state is not None:
            rest = self.state.apply_errors(error)
            for name, box in self.fields.boxes.items():
                box.editor.show_error(self.state.errors.get(name))
            self.banner.show_text(rest or error.detail, "danger")

    def _rebased(self, document: Record) -> None:
        self.take_document(document)
        if self.state is not None and self.state.is_dirty and not self.banner.text:
            self.save()

    def _reached(self) -> None:
        if self._unsent and not self._saving:
            self.banner.clear_text()
            self.save()

    def _announce(self) -> None:
        version = int(self.document["row_version"]) if self.document else None
        self.desk.announce(Change(ENTITY, self.analysis_id, "updated", version))

    def _take(self, name: str, value: Any, words: str) -> None:
        box = self.fields.boxes.get(name)
        if box is not None:
            box.take(value, words)

    def _run(self, operation: Operation[Any], on_result: Callable[[Any], None] | None = None) -> None:
        """Run a change of something else than the fields, then read again."""

        def done(answer: Any) -> None:
            if on_result is not None:
                on_result(answer)
            self.load()

        def refused(error: ApiError) -> None:
            self.load()
            text = t("plan.row_stale") if error.is_stale else " ".join([error.detail, *error.fields.values()])
            QTimer.singleShot(2 * _RELOAD_MS, lambda: self.banner.show_text(text, "warning"))

        self.desk.runner.run(operation, done, refused, owner=self)

    def confirm(self, names: list[str]) -> None:
        """The person says that what was read is right."""
        self._run(plan_calls.confirm(self.desk.api, self.analysis_id, names, str(uuid.uuid4())))

    def choose(self, key: str, index: int) -> None:
        """Decide a contradiction."""
        self._run(plan_calls.choose(self.desk.api, self.analysis_id, key, index, str(uuid.uuid4())))

    def _act(self, name: str) -> None:
        self._after_save = lambda: self.action_wanted.emit(name)
        self.save()

    def validate(self) -> None:
        """Save, then validate; where something is missing, say what and go there."""
        if self.document.get("status") != "to_review":
            return
        focus = self.focusWidget()
        if focus is not None:
            focus.clearFocus()
        self._after_save = self._validate
        self.save()

    def _validate(self) -> None:
        if self.document.get("may_validate"):
            self.action_wanted.emit("validate")
            return
        missing = list(self.document.get("missing") or [])
        open_ = [c for c in self.document.get("contradictions") or [] if c.get("chosen") is None]
        if missing:
            self.go_to_field(missing[0])
            names = ", ".join(plans.missing_labels(self.document))
            self.banner.show_text(t("plan.missing", names=names), "warning")
        elif open_:
            self.show_tab("questions")
            self.banner.show_text(t("plan.contradictory"), "warning")

    # --- files ---

    def _split(self, params: Record) -> None:
        if not ConfirmDialog(self, t("plan.split_title"), t("plan.split_text"), t("plan.split")).exec():
            return

        def made(answer: Record) -> None:
            other = (answer.get("result") or {}).get("analysis_id")
            if other:
                self.desk.open_record(self.desk.entity(ENTITY), int(other))

        self._run(plan_calls.split(self.desk.api, self.analysis_id, params, str(uuid.uuid4())), made)

    def _export(self, kind: str) -> None:
        self.downloads.ask_export(kind, str(self.document.get("display") or self.analysis_id))
