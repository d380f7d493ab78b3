"""What the reception holds in memory is bounded by bytes, whatever the stations send."""

from __future__ import annotations

import queue

import pytest

from coordinator.gateway import ingest as gateway
from coordinator.gateway.ingest import Backlog, Ingest
from coordinator.kernel.context import ContextFactory
from coordinator.kernel.db import utcnow
from coordinator.modules.stations.api import Received


def received(size: int) -> Received:
    return Received("gu/v1/S1/st-a1/event", bytes(size), utcnow())


def test_the_backlog_is_full_by_bytes_and_gives_back_in_order() -> None:
    backlog = Backlog(100_000)
    sizes = [60_000, 0, 45_000]
    for size in sizes:
        backlog.put_nowait(received(size))
    with pytest.raises(queue.Full):
        backlog.put_nowait(received(1))
    assert len(backlog.get_nowait().data) == 60_000
    backlog.put_nowait(received(1))
    assert [len(backlog.get_nowait().data) for _ in range(3)] == [0, 45_000, 1]
    assert backlog.empty()
    with pytest.raises(queue.Empty):
        backlog.get_nowait()


def test_a_batch_of_large_messages_is_a_small_one(
    fresh_factory: ContextFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "BATCH_BYTES", 100_000)
    ingest = Ingest(fresh_factory, tls=None)
    for size in (40_000, 40_000, 40_000, 10, 10):
        ingest._inbox.put(received(size))
    assert [len(ingest._take_batch()) for _ in range(2)] == [3, 2]
