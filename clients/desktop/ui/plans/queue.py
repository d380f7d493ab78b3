"""Sends the kept imports one after the other, now or when the line is back (DRW-54)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError, Unreachable
from clients.desktop.model.live import Change
from clients.desktop.model.plan_outbox import PlanImport, PlanOutbox
from clients.desktop.model.texts import t
from clients.desktop.operations import plan_calls
from clients.desktop.ui.desk import Desk

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that say nothing about the files: the import is kept and sent again."""


class PlanQueue(QObject):
    """One per window; pages listen to it and may come and go."""

    sent = Signal(object, object)
    """The import, and the server's answer."""
    refused = Signal(object, object)
    """The import, and why the server took none of it."""
    waiting = Signal(object, object)
    """The import, and why it waits."""
    not_kept = Signal(object)
    """The import whose files could not be read."""

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.outbox = PlanOutbox(desk.drafts.folder / "plans")
        self._sending: PlanImport | None = None
        self._held: dict[str, bool] = {}
        """Keys not to send now; true where only the line was missing."""
        desk.runner.reached.connect(self._line_back)
        desk.changed.connect(self._on_change)

    def add(self, files: Sequence[Path], order: PlanImport) -> None:
        """Keep an import on this computer, then send it."""
        operation = plan_calls.keep_import(self.outbox, files, order)
        self._desk.runner.run(operation, partial(self._kept, order), owner=self)

    def _kept(self, order: PlanImport, kept: PlanImport | None) -> None:
        if kept is None:
            self.not_kept.emit(order)
        else:
            self._release()

    def send_waiting(self) -> None:
        """Send the oldest import that waits."""
        if self._sending is not None:
            return
        order = next((o for o in self.outbox.waiting() if o.key not in self._held), None)
        if order is None:
            return
        self._sending = order
        operation = plan_calls.send_import(self._desk.api, self.outbox, order)
        self._desk.runner.run(
            operation, partial(self._taken, order), partial(self._failed, order), owner=self
        )

    def _taken(self, order: PlanImport, answer: Record) -> None:
        self._sending = None
        self.outbox.drop(order)
        self.sent.emit(order, answer)
        self._desk.announce(Change("drawing_analysis", 0, "created"))
        self.send_waiting()

    def _failed(self, order: PlanImport, error: ApiError) -> None:
        self._sending = None
        if isinstance(error, Unreachable) or error.status in _PASSING:
            offline = self._held[order.key] = isinstance(error, Unreachable)
            self.waiting.emit(order, error)
            self._desk.message.emit(t("plan.import_kept", count=len(order.names)), "warning")
            if not offline:
                # What the server cannot take now must not keep back the others.
                self.send_waiting()
            return
        self.outbox.drop(order)
        self.refused.emit(order, error)
        self.send_waiting()

    def _line_back(self) -> None:
        if any(self._held.values()) and self._desk.online:
            self._held = {key: offline for key, offline in self._held.items() if not offline}
            self.send_waiting()

    def _on_change(self, change: Change) -> None:
        if change.entity == "*":
            self._release()

    def _release(self) -> None:
        self._held.clear()
        self.send_waiting()
