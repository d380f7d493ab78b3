"""Shared pieces of the station tests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from edge_agents.drivers.base import Driver, DriverContext
from edge_agents.drivers.simulators.broker import LocalBroker
from edge_agents.protocol import parse_payload
from edge_agents.protocol.envelope import Envelope
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.journal import Journal, NewMessage
from edge_agents.runtime.reference import ReferenceCache

D = TypeVar("D", bound=Driver[Any])


@contextlib.asynccontextmanager
async def at_work(driver: D) -> AsyncIterator[D]:
    """The driver running until the end of the block."""
    task = asyncio.create_task(driver.run())
    try:
        yield driver
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@dataclass
class Recorded:
    """What a driver recorded and reported; each message went through a real journal."""

    context: DriverContext
    journal: Journal
    events: list[Envelope] = field(default_factory=list)
    statuses: list[tuple[str, str | None]] = field(default_factory=list)

    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def of(self, event_type: str) -> list[dict[str, Any]]:
        return [event.payload for event in self.events if event.type == event_type]

    async def until(self, condition: Callable[[], Any], timeout_s: float = 20.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.02)


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Recorded]:
    clock = Clock("yes")
    journal = Journal(tmp_path / "journal", "st-test", clock)
    result: Recorded

    async def emit(
        event_type: str, payload: dict, *, user_ref=None, occurred_at=None, message_id=None
    ) -> Envelope:
        checked = parse_payload(event_type, payload).model_dump(mode="json")
        envelope = journal.append(
            NewMessage(event_type, checked, user_ref, occurred_at, message_id or uuid4())
        )
        result.events.append(envelope)
        return envelope

    def set_status(status: str, detail: str | None) -> None:
        result.statuses.append((status, detail))

    (tmp_path / "driver").mkdir()
    reference = ReferenceCache(tmp_path / "reference", clock)
    context = DriverContext("test", tmp_path / "driver", emit, set_status, clock, reference)
    result = Recorded(context, journal)
    yield result
    journal.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LocalBroker]:
    with LocalBroker(tmp_path / "broker") as running:
        yield running
