"""What stands in place of the review while a file is being read, or when it could not be (DRW-15, DRW-46, DRW-48)."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QLineEdit, QProgressBar, QWidget

from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.plans import BUSY, Document
from clients.desktop.model.texts import t
from clients.desktop.operations import plan_calls
from clients.desktop.operations.runner import Operation
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.widgets import Banner, button, card, column, label, row

_PASSWORD_CODES = frozenset(
    {"drawing.password", "drawing.wrong_password", "drawing.encrypted", "drawing.password_needed"}
)


class TroubleView(QWidget):
    """Progress of the reading; after a failure, the ways on: again, password, another file, by hand."""

    action_wanted = Signal(str)
    done = Signal()

    def __init__(self, desk: Desk, analysis_id: int) -> None:
        super().__init__()
        self.setObjectName("pageBody")
        self._desk = desk
        self._analysis_id = analysis_id
        outer = column(self)
        frame, inner = card()
        frame.setFixedWidth(theme.scaled(560))
        self.title = label("", "heading", wrap=True)
        self.text = label("", wrap=True)
        self.progress = QProgressBar()
        self.progress.setRange(0, 100)
        self.progress.setTextVisible(False)
        self.banner = Banner()
        for widget in (self.title, self.text, self.progress, self.banner):
            inner.addWidget(widget)
        self.ways = QWidget()
        ways = column(self.ways, spacing=3 * STEP)
        unlock = row()
        self.file = QComboBox()
        self.password = QLineEdit()
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.password.setPlaceholderText(t("plan.password"))
        self.password.setAccessibleName(t("plan.password"))
        self.password.returnPressed.connect(self.unlock)
        self.unlock_button = button(t("plan.unlock"), on_click=self.unlock)
        unlock.addWidget(self.file)
        unlock.addWidget(self.password, 1)
        unlock.addWidget(self.unlock_button)
        ways.addLayout(unlock)
        acts = row()
        self.retry = button(t("plan.retry"), "primary", "refresh", lambda: self.action_wanted.emit("retry"))
        self.other = button(t("plan.other_file"), on_click=self._other_file)
        self.by_hand = button(t("plan.by_hand"), on_click=lambda: self.action_wanted.emit("enter_by_hand"))
        for made in (self.retry, self.other, self.by_hand):
            acts.addWidget(made)
        acts.addStretch()
        ways.addLayout(acts)
        inner.addWidget(self.ways)
        outer.addStretch(1)
        outer.addWidget(frame, 0, Qt.AlignmentFlag.AlignHCenter)
        outer.addStretch(2)

    def show_document(self, document: Document) -> None:
        """Show progress or failure."""
        busy = document["status"] in BUSY
        names = ", ".join(str(f["file_name"]) for f in document.get("files") or [])
        self.title.setText(t("plan.reading", names=names) if busy else t("plan.failed", names=names))
        error = document.get("error") or {}
        steps = str(document.get("progress_step") or t("plan.queued"))
        self.text.setText(steps if busy else str(error.get("message") or ""))
        self.progress.setVisible(busy)
        self.progress.setValue(int(document.get("progress_pct") or 0))
        self.ways.setVisible(not busy)
        allowed = set(document.get("allowed_actions") or [])
        self.retry.setEnabled("retry" in allowed)
        self.by_hand.setEnabled("enter_by_hand" in allowed)
        self.other.setEnabled("retry" in allowed)
        if not busy:
            self.file.clear()
            for one in document.get("files") or []:
                self.file.addItem(str(one["file_name"]), one["id"])
            locked = "password" in str(error.get("code") or "") or error.get("code") in _PASSWORD_CODES
            for widget in (self.password, self.unlock_button):
                widget.setVisible(locked)
            self.file.setVisible(locked and self.file.count() > 1)

    def unlock(self) -> None:
        """Open the file with the password; it is kept nowhere."""
        password = self.password.text()
        if not password or self.file.currentData() is None:
            return
        operation = plan_calls.unlock(
            self._desk.api, self._analysis_id, int(self.file.currentData()), password
        )
        self.password.clear()
        self._run(operation)

    def _other_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, t("plan.other_file"), str(Path.home()))
        if chosen:
            self.replace_with(Path(chosen))

    def replace_with(self, path: Path) -> None:
        """Send another file in place of the one that could not be read."""
        self._run(plan_calls.replace_file(self._desk.api, self._analysis_id, path))

    def _run(self, operation: Operation[Record]) -> None:
        self._desk.runner.run(operation, lambda _answer: self._done(), self._refused, owner=self)

    def _done(self) -> None:
        self.banner.clear_text()
        self.done.emit()

    def _refused(self, error: ApiError) -> None:
        self.banner.show_text(error.detail, "danger")
