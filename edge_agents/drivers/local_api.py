"""JSON lines on 127.0.0.1: how a screen, a test or the demo speaks with a driver on the same machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
_MAX_LINE = 64 * 1024


class LocalApi:
    """One request object per line, one answer object per line."""

    def __init__(self, answer: Answer, port: int, port_file: Path | None = None) -> None:
        self._answer = answer
        self._wanted_port = port
        self._port_file = port_file
        self._clients: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None
        self.port = port

    async def __aenter__(self) -> LocalApi:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self._wanted_port, limit=_MAX_LINE
        )
        self.port = int(self._server.sockets[0].getsockname()[1])
        if self._port_file is not None:
            temporary = self._port_file.with_suffix(".part")
            temporary.write_text(str(self.port))
            temporary.replace(self._port_file)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._clients:
            task.cancel()
        if self._port_file is not None:
            self._port_file.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._clients.add(task)
            task.add_done_callback(self._clients.discard)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while line := await self._line(reader):
                writer.write(json.dumps(await self._handle(line), ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        writer.close()

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readline()
        except ValueError:
            return b""

    async def _handle(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise ValueError("un objet JSON est attendu")
            return await self._answer(request)
        except OSError as error:
            return {"ok": False, "key": "input.invalid", "message": f"Fichier illisible : {error.strerror}."}
        except (ValueError, KeyError, TypeError) as error:
            reason = f"valeur absente {error}" if isinstance(error, KeyError) else str(error)
            return {"ok": False, "key": "input.invalid", "message": f"Saisie incomplète : {reason}."}


async def ask(port: int, request: dict[str, Any], *, timeout_s: float = 10.0) -> dict[str, Any]:
    """Sends one request to a local API and returns its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(json.dumps(request).encode() + b"\n")
        await writer.drain()
        answer: dict[str, Any] = json.loads(await asyncio.wait_for(reader.readline(), timeout_s))
        return answer
    finally:
        writer.close()
