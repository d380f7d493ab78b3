"""Runs operations on the thread pool and brings their outcome back to the window's thread."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal, Slot

from clients.desktop.model.errors import ApiError, SessionExpired, Unreachable
from clients.desktop.model.texts import t

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Operation(Generic[T]):
    """One call of the server: what it is for, and how it is made (never in the window's thread)."""

    name: str
    call: Callable[[], T]


class _Bridge(QObject):
    """Carries an outcome from the pool's thread to the window's."""

    finished = Signal(object, object)


class _Job(QRunnable):
    def __init__(self, operation: Operation[Any], bridge: _Bridge) -> None:
        super().__init__()
        self._operation = operation
        self._bridge = bridge

    def run(self) -> None:
        """Make the call; any failure becomes an error of the interface."""
        result, error = None, None
        try:
            result = self._operation.call()
        except ApiError as refused:
            error = refused
        except Exception:
            _log.exception("operation %s failed", self._operation.name)
            error = ApiError(0, "client.unexpected", t("error.unexpected"))
        # The program may be closing: nobody waits for the outcome any more.
        with contextlib.suppress(RuntimeError):
            self._bridge.finished.emit(result, error)


class Handle:
    """A running operation."""

    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        """Give the outcome up; the call itself ends by its time limit."""
        self.cancelled = True


class Runner(QObject):
    """Starts operations and tells the window what concerns it: line lost, line back, session over."""

    unreachable = Signal(object)
    slow = Signal()
    """One answer is late: the line may be lost or not."""
    reached = Signal()
    session_expired = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(6)
        self._waiting: list[Callable[[], None]] = []
        self._running: dict[_Bridge, Handle] = {}
        self._closed = False

    @property
    def busy(self) -> int:
        """Operations under way."""
        return len(self._running)

    def run(
        self,
        operation: Operation[T],
        on_result: Callable[[T], None],
        on_error: Callable[[ApiError], None] | None = None,
        *,
        owner: QObject | None = None,
        retry_after_sign_in: bool = True,
    ) -> Handle:
        """Start ``operation``; the outcome arrives in the window's thread, unless ``owner`` is gone by then."""
        handle = Handle()
        if owner is not None:
            owner.destroyed.connect(handle.cancel)
        self._start(operation, on_result, on_error, handle, retry=retry_after_sign_in)
        return handle

    def _start(
        self, operation: Operation[T], on_result: Callable[[T], None], on_error: Callable[[ApiError], None] | None,
        handle: Handle, *, retry: bool,
    ) -> None:  # fmt: skip
        if self._closed or handle.cancelled:
            return
        bridge = _Bridge(self)
        self._running[bridge] = handle

        def done(result: T, error: ApiError | None) -> None:
            self._running.pop(bridge, None)
            bridge.deleteLater()
            if self._closed:
                return
            if not isinstance(error, Unreachable):
                self.reached.emit()
            if isinstance(error, SessionExpired) and retry:
                self._waiting.append(lambda: self._start(operation, on_result, on_error, handle, retry=retry))
                self.session_expired.emit()
                return
            if isinstance(error, Unreachable):
                if error.cause == "slow":
                    self.slow.emit()
                else:
                    self.unreachable.emit(error)
            if handle.cancelled:
                return
            if error is None:
                on_result(result)
            elif on_error is not None:
                on_error(error)

        bridge.finished.connect(_Receiver(self, done).deliver, Qt.ConnectionType.QueuedConnection)
        self._pool.start(_Job(operation, bridge))

    @Slot()
    def resume(self) -> None:
        """Repeat what waited for a new session."""
        waiting, self._waiting = self._waiting, []
        for start in waiting:
            start()

    def forget_waiting(self) -> None:
        """Give up what waited for a new session."""
        self._waiting.clear()

    def close(self, timeout_ms: int = 3000) -> None:
        """Cancel everything; outcomes still under way are ignored."""
        self._closed = True
        for handle in self._running.values():
            handle.cancel()
        self._waiting.clear()
        self._pool.clear()
        self._pool.waitForDone(timeout_ms)


class _Receiver(QObject):
    """Object of the window's thread, so that the queued signal is delivered there."""

    def __init__(self, parent: QObject, done: Callable[[Any, Any], None]) -> None:
        super().__init__(parent)
        self._done = done

    @Slot(object, object)
    def deliver(self, result: Any, error: Any) -> None:
        """Hand the outcome over."""
        self.deleteLater()
        self._done(result, error)
