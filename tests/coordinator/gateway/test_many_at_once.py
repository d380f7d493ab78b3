"""A whole shop returns at the same moment, on the real server: everybody is answered."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import uvicorn
from sqlalchemy import text

from coordinator.gateway.app import create_app
from coordinator.kernel.context import ContextFactory
from coordinator.kernel.http import Ctx

CALLERS = 80
"""More than the threads of the server (40) and the connections of its pool (20) together."""


@pytest.fixture
def address(fresh_factory: ContextFactory) -> Iterator[str]:
    app = create_app(fresh_factory)
    app.state.is_set_up = True

    @app.get("/slow")
    def slow(ctx: Ctx) -> str:
        """What takes its time in the database."""
        ctx.session.execute(text("SELECT pg_sleep(0.3)"))
        return ctx.principal.kind

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def test_more_callers_than_threads_and_connections_are_all_answered(address: str) -> None:
    together = threading.Barrier(CALLERS)

    def call(_: int) -> int:
        with httpx.Client(base_url=address, timeout=120) as client:
            together.wait()
            return client.get("/slow").status_code

    with ThreadPoolExecutor(CALLERS) as pool:
        answers = Counter(pool.map(call, range(CALLERS)))
    assert answers == {200: CALLERS}
