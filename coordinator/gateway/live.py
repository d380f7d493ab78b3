"""Live push: changes announced by PostgreSQL NOTIFY go to every connected client that may read the entity."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
import structlog
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, FastAPI, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool

from coordinator.kernel import crud
from coordinator.kernel.context import ContextFactory, Principal
from coordinator.kernel.errors import DomainError
from coordinator.kernel.registry import EntitySpec, Permission
from coordinator.modules.identity import api as identity

live_router = APIRouter(tags=["live"])
_log = structlog.get_logger(__name__)
_QUEUE = 500
_RETRY_S = 2.0
_TOKEN_TIMEOUT_S = 10.0
_OFF_S = 1.0  # how long the list of modules switched off is believed
RECHECK_S = 30.0
"""A closed session or a right taken away acts on an open connection within this time (ACC-28)."""


@dataclass(eq=False)
class Listener:
    """One connected client; a slow one is told to reload rather than slowing the others."""

    principal: Principal
    queue: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(_QUEUE))
    overflowed: bool = False


class LiveHub:
    """Reads ``LISTEN gu_live`` on one connection and fans out to the clients of this process."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url.replace("postgresql+psycopg://", "postgresql://")
        self.listeners: set[Listener] = set()
        self._off: frozenset[str] = frozenset()
        self._off_at = -math.inf

    @contextlib.asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Listen as long as the application runs."""
        self._factory: ContextFactory = app.state.factory
        # Few and their own: what is told to many clients must not take the threads of those who ask.
        self._threads = CapacityLimiter(2)
        task = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def may_tell(self, principal: Principal, text: str) -> bool:
        """Whether a message is for this person: nothing of a module switched off since, of hidden rows only what he could read."""
        message = json.loads(text)
        spec = self._factory.registry.entities.get(str(message.get("entity", "")))
        if spec is None:
            return True
        if spec.visibility is not None:
            return await to_thread.run_sync(
                _sees, self._factory, principal, spec, message, limiter=self._threads
            )
        if time.monotonic() - self._off_at >= _OFF_S:
            self._off = await to_thread.run_sync(_switched_off, self._factory, limiter=self._threads)
            self._off_at = time.monotonic()
        return replace(principal, switched_off=self._off).may(spec.module_code, "read")

    async def _listen(self) -> None:
        lost = False
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
                    await connection.execute("LISTEN gu_live")
                    if lost:
                        _log.info("live push recovered")
                        lost = False
                        self._broadcast({"entity": "*", "id": 0, "action": "reload", "row_version": None})
                    async for notification in connection.notifies():
                        self._broadcast(json.loads(notification.payload))
            except psycopg.Error as error:
                if not lost:
                    _log.warning("live push lost", reason=str(error))
                lost = True
                await asyncio.sleep(_RETRY_S)

    def _broadcast(self, message: dict[str, Any]) -> None:
        spec = self._factory.registry.entities.get(message.get("entity", ""))
        text = json.dumps(message)
        for listener in self.listeners:
            if spec is not None and not listener.principal.may(spec.module_code, "read"):
                continue
            try:
                listener.queue.put_nowait(text)
            except asyncio.QueueFull:
                listener.overflowed = True


@live_router.websocket("/live")
async def live(socket: WebSocket) -> None:
    """First message ``{"token": …}``; then one message per change the person may know of."""
    await socket.accept()
    hub: LiveHub = socket.app.state.hub
    factory: ContextFactory = socket.app.state.factory
    try:
        first = await asyncio.wait_for(socket.receive_json(), _TOKEN_TIMEOUT_S)
        principal = await run_in_threadpool(_principal, factory, str(first.get("token", "")))
    except (TimeoutError, ValueError, AttributeError, DomainError):
        await socket.close(code=4401)
        return
    except WebSocketDisconnect:
        return
    listener = Listener(principal)
    hub.listeners.add(listener)
    reader = asyncio.create_task(_until_closed(socket))
    checked_at = time.monotonic()
    try:
        await socket.send_json({"action": "ready"})
        while not reader.done():
            sender = asyncio.create_task(listener.queue.get())
            await asyncio.wait({sender, reader}, timeout=RECHECK_S, return_when=asyncio.FIRST_COMPLETED)
            if time.monotonic() - checked_at >= RECHECK_S:
                listener.principal = await run_in_threadpool(_again, factory, listener.principal)
                checked_at = time.monotonic()
            if not sender.done():
                sender.cancel()
                continue
            if await hub.may_tell(listener.principal, sender.result()):
                await socket.send_text(sender.result())
            if listener.overflowed and listener.queue.empty():
                listener.overflowed = False
                await socket.send_json({"entity": "*", "id": 0, "action": "reload", "row_version": None})
    except DomainError:
        await socket.close(code=4401)
    except (WebSocketDisconnect, RuntimeError):
        pass
    finally:
        hub.listeners.discard(listener)
        reader.cancel()


async def _until_closed(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.receive_text()


def _switched_off(factory: ContextFactory) -> frozenset[str]:
    with factory.open(Principal.anonymous()) as ctx:
        return factory.registry.switched_off(ctx)


def _sees(factory: ContextFactory, principal: Principal, spec: EntitySpec, message: dict[str, Any]) -> bool:
    """Whether the person could read the record of a message."""
    permission = Permission(spec.module_code, "read")
    with factory.open(principal) as ctx:
        ctx.act_as(principal)
        try:
            crud.visible_record(ctx, spec, int(message["id"]), ctx.require(permission))
        except DomainError:
            return False
    return True


def _again(factory: ContextFactory, principal: Principal) -> Principal:
    """The person with the rights of now.

    Raises:
        Unauthenticated: the session or the account was closed.
    """
    if principal.session_id is None or principal.user_id is None:
        return principal
    with factory.open(Principal.anonymous()) as ctx:
        ctx.act_as(identity.principal_of_session(ctx, principal.session_id, principal.user_id))
        return ctx.principal


def _principal(factory: ContextFactory, token: str) -> Principal:
    with factory.open(Principal.anonymous()) as ctx:
        ctx.act_as(identity.principal_of_token(ctx, token))
        return ctx.principal
