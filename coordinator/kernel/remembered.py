"""Answers asked for at every request that hardly ever change, kept for a short time in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from sqlalchemy import event
from sqlalchemy.orm import Session

V = TypeVar("V")
_ENTRIES = 5000


class Remembered(Generic[V]):
    """Values at most ``seconds`` old; a change this process makes to one of ``models`` drops all of them at once.

    A transaction that has changed such a record computes for itself and keeps nothing. Statements that pass by the
    unit of work (``update(Model)``) are not noticed: they must leave alone what is remembered.
    """

    def __init__(self, seconds: float, *models: type) -> None:
        self._seconds = seconds
        self._models = models
        self._flag = f"remembered:{id(self)}"
        self._lock = threading.Lock()
        self._values: dict[Hashable, tuple[float, V]] = {}
        self._generation = 0
        event.listen(Session, "after_flush", self._flushed)
        event.listen(Session, "after_commit", self._ended)
        event.listen(Session, "after_rollback", self._ended)

    def get(self, session: Session, key: Hashable, compute: Callable[[], V]) -> V:
        """The value of ``key``, computed when unknown, outlived or changed by this very transaction."""
        if session.info.get(self._flag):
            return compute()
        # A process may serve several databases: what one says is nothing to the other.
        key = (session.get_bind().engine, key)
        with self._lock:
            kept = self._values.get(key)
            generation = self._generation
        read_at = time.monotonic()
        if kept is not None and read_at - kept[0] < self._seconds:
            return kept[1]
        value = compute()
        with self._lock:
            # What was read before another transaction's commit may be outdated by it.
            if generation == self._generation:
                if len(self._values) >= _ENTRIES:
                    self._values.clear()
                self._values[key] = (read_at, value)
        return value

    def forget(self) -> None:
        """Compute again at the next use."""
        with self._lock:
            self._generation += 1
            self._values.clear()

    def _flushed(self, session: Session, _flush_context: Any) -> None:
        if any(isinstance(r, self._models) for r in (*session.new, *session.dirty, *session.deleted)):
            session.info[self._flag] = True
            self.forget()

    def _ended(self, session: Session) -> None:
        # A savepoint's end is not the transaction's: what changed before it is still to come.
        if not session.in_nested_transaction() and session.info.pop(self._flag, False):
            self.forget()
