"""A simulator in a thread of its own: for drivers which talk to it in blocking calls."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

S = TypeVar("S")
_START_S = 60.0


class Aside(Generic[S]):
    """The simulator and a way into its loop."""

    def __init__(self, simulator: S, loop: asyncio.AbstractEventLoop) -> None:
        self.simulator = simulator
        self._loop = loop

    def call(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Runs a coroutine of the simulator in its loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def ask(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs it and waits without blocking the loop of the caller."""
        return await asyncio.wrap_future(self.call(work))


@contextlib.contextmanager
def aside(make: Callable[[], AbstractAsyncContextManager[S]]) -> Iterator[Aside[S]]:
    """Starts the simulator, ends it afterwards."""
    started: Future[Aside[S]] = Future()
    ended: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def live() -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        ended.append((loop, over))
        async with make() as simulator:
            started.set_result(Aside(simulator, loop))
            await over.wait()

    def work() -> None:
        try:
            asyncio.run(live())
        except BaseException as error:
            if not started.done():
                started.set_exception(error)
            raise

    thread = threading.Thread(target=work, name="simulator", daemon=True)
    thread.start()
    try:
        yield started.result(_START_S)
    finally:
        for loop, over in ended:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(over.set)
        thread.join(_START_S)
