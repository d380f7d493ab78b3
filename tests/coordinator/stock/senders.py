"""Several senders at once, with real commits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from coordinator.kernel.context import Context, ContextFactory
from tests.conftest import master


def together(work: Callable[[], None], count: int) -> None:
    """Run the same work in several threads until all are done."""
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "a sender hangs"


def empty(factory: ContextFactory, queue: list[Callable[[Context], Any]], senders: int = 6) -> None:
    """The senders take one message after the other from the queue; none of them may fail."""
    lock, failures = threading.Lock(), []

    def sender() -> None:
        while True:
            with lock:
                if not queue:
                    return
                send = queue.pop()
            try:
                with factory.open(master()) as ctx:
                    send(ctx)
            except Exception as error:  # the test reports every failure of a sender
                failures.append(error)

    together(sender, senders)
    assert failures == []
