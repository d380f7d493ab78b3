"""Who changed what and when, newest first."""

from __future__ import annotations

from PySide6.QtWidgets import QScrollArea, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.metadata import Entity
from clients.desktop.model.texts import t
from clients.desktop.operations import calls
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.widgets import Banner, card, clear, column, label, line, row

_SHOWN = 50
_HIDDEN = frozenset({"row_version", "updated_at", "created_at", "id", "created_by_id"})


class HistoryView(QScrollArea):
    """History of one record."""

    def __init__(self, desk: Desk, entity: Entity, record_id: int) -> None:
        super().__init__()
        self._desk = desk
        self._entity = entity
        self._record_id = record_id
        self.setWidgetResizable(True)
        holder = QWidget()
        holder.setObjectName("pageBody")
        layout = column(holder, spacing=3 * STEP)
        layout.setContentsMargins(0, 3 * STEP, 2 * STEP, 4 * STEP)
        self.banner = Banner()
        layout.addWidget(self.banner)
        frame, self._lines = card()
        frame.setMaximumWidth(theme.scaled(1040))
        layout.addWidget(frame)
        layout.addStretch()
        self.setWidget(holder)
        self.entries: list[Record] = []

    def load(self) -> None:
        """Read the history."""
        operation = calls.load_history(self._desk.api, self._entity, self._record_id)
        self._desk.runner.run(operation, self._show, self._refused, owner=self)

    def _refused(self, error: ApiError) -> None:
        self.banner.show_text(error.detail, "warning", (t("retry"), self.load))

    def _show(self, entries: list[Record]) -> None:
        self.banner.clear_text()
        self.entries = entries
        clear(self._lines)
        if not entries:
            self._lines.addWidget(label(t("history.empty"), "muted"))
        for number, entry in enumerate(entries[:_SHOWN]):
            if number:
                self._lines.addWidget(line())
            self._add(entry)
        if len(entries) > _SHOWN:
            self._lines.addWidget(label(t("history.older", count=len(entries) - _SHOWN), "muted"))

    def _add(self, entry: Record) -> None:
        head = row()
        head.addWidget(label(str(entry.get("action_label") or entry.get("action") or ""), "section"))
        head.addWidget(label(str(entry.get("user") or "—")))
        head.addStretch()
        head.addWidget(label(formatting.instant(str(entry["occurred_at"])), "muted"))
        self._lines.addLayout(head)
        lines = self.changes(entry)
        for text in [" · ".join(lines)] if entry.get("action") == "create" else lines:
            self._lines.addWidget(label(text, "muted", wrap=True))
        if entry.get("reason"):
            self._lines.addWidget(label(t("history.reason", reason=entry["reason"]), wrap=True))

    def changes(self, entry: Record) -> list[str]:
        """Changed fields of a line, in words."""
        old, new = entry.get("old_values") or {}, entry.get("new_values") or {}
        lines = []
        for name in sorted({*old, *new} - _HIDDEN):
            field = self._entity.field(name)
            if field is None or (new.get(name) in (None, "") and old.get(name) in (None, "")):
                continue
            after = formatting.text_of(field, new) if new.get(name) is not None else "—"
            if entry.get("action") == "create" or name not in old:
                lines.append(f"{field.label} : {after}")
            else:
                before = formatting.text_of(field, old) or "—"
                lines.append(f"{field.label} : {before} → {after or '—'}")
        return lines
