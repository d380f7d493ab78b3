"""What the simulators behind a TCP port share: their connections, their control port, their command line."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, Self

from edge_agents.drivers.local_api import Answer, LocalApi


class TcpSimulator(ABC):
    """Serves on 127.0.0.1, ``port`` 0 being a free one; connections still open end with it.

    ``answer`` carries out the orders of the control port; without it there is none.
    """

    def __init__(self, port: int = 0, control_port: int = 0, answer: Answer | None = None) -> None:
        self.port = port
        self.control = LocalApi(answer, control_port) if answer is not None else None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])
        if self.control is not None:
            await self.control.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in list(self._connections):
            task.cancel()
        if self._server is not None:
            self._server.close()
        if self.control is not None:
            await self.control.__aexit__()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._talk(reader, writer)
        writer.close()

    @abstractmethod
    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until it is over."""

    @property
    def places(self) -> str:
        """Where its control port is, for the line a simulator prints when it is ready."""
        return "" if self.control is None else f"contrôle 127.0.0.1:{self.control.port}"


def options(description: str, port: int, control_port: int, *, what: str) -> argparse.ArgumentParser:
    """Parser with the two ports; ``what`` names the protocol of the first."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=port, help=f"port {what} (0 : libre)")
    parser.add_argument(
        "--control-port", type=int, default=control_port, help="port de commande local (0 : libre)"
    )
    return parser


def run(
    serve: Callable[[argparse.Namespace], Coroutine[Any, Any, None]], arguments: argparse.Namespace
) -> None:
    """Serves until it is ended by hand."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments))
