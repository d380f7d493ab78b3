"""Asynchronous side of the journal: many drivers, one writer, one disk commit for all that waits (EDG-21)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

from edge_agents.protocol import ProtocolError, parse_payload
from edge_agents.protocol.envelope import Envelope
from edge_agents.runtime.journal import Journal, NewMessage

_BATCH = 256
T = TypeVar("T")


class Recorder:
    """Hands messages to the journal in order; ``emit`` returns once they are durable."""

    def __init__(self, journal: Journal, on_recorded: Callable[[], None]) -> None:
        self.journal = journal
        self._on_recorded = on_recorded
        self._queue: asyncio.Queue[tuple[NewMessage, asyncio.Future[Envelope]]] = asyncio.Queue(10_000)
        self._executor = ThreadPoolExecutor(1, "journal")

    async def call(self, function: Callable[..., T], *args: Any) -> T:
        """Runs a journal method in the journal's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)

    async def emit(
        self,
        event_type: str,
        payload: dict[str, Any],
        *,
        user_ref: str | None = None,
        occurred_at: datetime | None = None,
        message_id: UUID | None = None,
    ) -> Envelope:
        """Records one message. Raises ``ProtocolError`` for a payload which breaks the contract and
        ``JournalFullError`` when the disk is full."""
        checked = parse_payload(event_type, payload).model_dump(mode="json")
        message = NewMessage(
            event_type,
            _clean(checked),
            user_ref=user_ref,
            occurred_at=occurred_at,
            message_id=message_id or uuid4(),
        )
        future: asyncio.Future[Envelope] = asyncio.get_running_loop().create_future()
        await self._queue.put((message, future))
        return await future

    async def run(self) -> None:
        """Writes until cancelled."""
        while True:
            waiting = [await self._queue.get()]
            while len(waiting) < _BATCH and not self._queue.empty():
                waiting.append(self._queue.get_nowait())
            await self._write(waiting)
            self._on_recorded()

    async def _write(self, waiting: list[tuple[NewMessage, asyncio.Future[Envelope]]]) -> None:
        try:
            envelopes = await self.call(self.journal.append_many, [message for message, _ in waiting])
        except ProtocolError as error:
            if len(waiting) > 1:
                for entry in waiting:
                    await self._write([entry])
                return
            _fail(waiting, error)
        except Exception as error:
            _fail(waiting, error)
        else:
            for (_, future), envelope in zip(waiting, envelopes, strict=True):
                if not future.done():
                    future.set_result(envelope)

    async def drain(self) -> None:
        """Writes what still waits (end of the agent)."""
        while not self._queue.empty():
            await self._write([self._queue.get_nowait()])

    def close(self) -> None:
        self._executor.shutdown(wait=True)


def _fail(waiting: list[tuple[NewMessage, asyncio.Future[Envelope]]], error: Exception) -> None:
    for _, future in waiting:
        if not future.done():
            future.set_exception(error)


def _clean(value: Any) -> Any:
    """Removes NUL characters, which a scanner can deliver and no database takes."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list) else value
