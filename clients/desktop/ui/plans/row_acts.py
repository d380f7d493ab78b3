"""Changes of dimensions and features from the review: changed, removed, added, marked on the sheet (DRW-21, DRW-35)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from clients.desktop.model import plans
from clients.desktop.model.api import Record
from clients.desktop.model.texts import t
from clients.desktop.operations import plan_calls
from clients.desktop.operations.runner import Operation
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.dialogs import ConfirmDialog
from clients.desktop.ui.plans.rows import RowsPanel
from clients.desktop.ui.plans.sheet_panel import SheetPanel
from clients.desktop.ui.widgets import Banner

_SETTLE_MS = 300
Run = Callable[[Operation[Any], Callable[[Any], None] | None], None]


class RowActs(QObject):
    """What the tables of one review ask for; ``run`` makes the call and reads the review again."""

    def __init__(
        self, parent: QWidget, desk: Desk, analysis_id: int, sheet: SheetPanel, banner: Banner, run: Run
    ) -> None:
        super().__init__(parent)
        self._window = parent
        self._desk = desk
        self._analysis_id = analysis_id
        self._sheet = sheet
        self._banner = banner
        self._run = run
        self._marking_for: RowsPanel | None = None
        self._kinds: dict[RowsPanel, str] = {}
        sheet.marked.connect(self._marked)

    def serve(self, panel: RowsPanel, kind: str) -> None:
        """Serve a table; new rows of it are of ``kind``."""
        self._kinds[panel] = kind
        panel.table.remove_wanted.connect(self.remove)
        panel.table.rows_model.change_wanted.connect(self.change)
        panel.table.rows_model.refused.connect(lambda text: self._banner.show_text(text, "warning"))
        panel.mark_wanted.connect(lambda: self._start_marking(panel))
        panel.add_wanted.connect(lambda: self.add(panel, {}))

    def change(self, one: Record, values: Record) -> None:
        """Send changed cells of a row."""
        operation = plan_calls.change_feature(self._desk.api, int(one["id"]), values, int(one["row_version"]))
        self._run(operation, None)

    def remove(self, one: Record) -> None:
        """Ask, then take the row away."""
        what = f"{plans.kind_word(str(one['kind']))} {one.get('text') or ''}".strip()
        title = t("plan.remove_title", what=what)
        dialog = ConfirmDialog(self._window, title, t("plan.remove_text"), t("plan.remove_row"), danger=True)
        if dialog.exec():
            operation = plan_calls.remove_feature(
                self._desk.api, int(one["id"]), int(one["row_version"]), str(uuid.uuid4())
            )
            self._run(operation, None)

    def add(self, panel: RowsPanel, place: Record) -> None:
        """Add a row, where it stands on the sheet if that is known; its cell opens at once."""

        def added(answer: Record) -> None:
            QTimer.singleShot(_SETTLE_MS, panel, lambda: panel.edit_feature(int(answer["id"])))

        values = {"kind": self._kinds[panel], **place}
        self._run(plan_calls.add_feature(self._desk.api, self._analysis_id, values), added)

    def _start_marking(self, panel: RowsPanel) -> None:
        self._marking_for = panel
        self._banner.show_text(t("plan.mark_now"), "info", (t("cancel"), self._stop_marking))
        self._sheet.canvas.start_marking()
        self._sheet.canvas.setFocus()

    def _stop_marking(self) -> None:
        self._sheet.canvas.stop_marking()
        self._banner.clear_text()

    def _marked(self, place: Record) -> None:
        self._banner.clear_text()
        if self._marking_for is not None:
            self.add(self._marking_for, place)
