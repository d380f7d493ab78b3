"""Who changed what and when, newest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from clients.desktop.model import formatting
from clients.desktop.model.api import Record
from clients.desktop.model.texts import t
from clients.desktop.ui import theme
from clients.desktop.ui.sheet_view import SheetView
from clients.desktop.ui.widgets import card, label, line, row

_SHOWN = 50
_HIDDEN = frozenset({"row_version", "updated_at", "created_at", "id", "created_by_id"})


class HistoryView(SheetView):
    """History of one record."""

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        return lambda: {"entries": self.desk.api.history(self.entity.plural, self.record_id)}

    @property
    def entries(self) -> list[Record]:
        """Lines of the history as last read."""
        return list(self.data.get("entries") or [])

    def _fill(self, _data: Mapping[str, Any]) -> None:
        frame, self._lines = card()
        frame.setMaximumWidth(theme.scaled(1040))
        self._body.addWidget(frame)
        if not self.entries:
            self._lines.addWidget(label(t("history.empty"), "muted"))
        for number, entry in enumerate(self.entries[:_SHOWN]):
            if number:
                self._lines.addWidget(line())
            self._add(entry)
        if len(self.entries) > _SHOWN:
            self._lines.addWidget(label(t("history.older", count=len(self.entries) - _SHOWN), "muted"))

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
            field = self.entity.field(name)
            if field is None or (new.get(name) in (None, "") and old.get(name) in (None, "")):
                continue
            after = formatting.text_of(field, new) if new.get(name) is not None else "—"
            if entry.get("action") == "create" or name not in old:
                lines.append(f"{field.label} : {after}")
            else:
                before = formatting.text_of(field, old) or "—"
                lines.append(f"{field.label} : {before} → {after or '—'}")
        return lines
