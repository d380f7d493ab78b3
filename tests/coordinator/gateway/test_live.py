"""Live push over a real server, a real NOTIFY and real WebSockets (UIX-09)."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pyotp
import pytest
import uvicorn
import websockets
from sqlalchemy import select

from coordinator.gateway import live
from coordinator.gateway.app import create_app
from coordinator.kernel.context import ContextFactory
from coordinator.modules.company.models import ModuleActivation, Site
from coordinator.modules.identity import api as identity
from coordinator.modules.identity import sessions
from coordinator.modules.identity.models import PermissionGrant, Role, UserAccount, UserRole
from tests.conftest import master, person
from tests.factories import make


@pytest.fixture
def served(fresh_factory: ContextFactory) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(create_app(fresh_factory), port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"ws://127.0.0.1:{port}/api/v1/live"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def address(served: str, monkeypatch: pytest.MonkeyPatch) -> str:
    people = {"chef": person("settings:read"), "autre": person("stock:read")}
    monkeypatch.setattr(identity, "principal_of_token", lambda _ctx, token: people[token])
    return served


async def _heard(address: str, token: str, factory: ContextFactory) -> list[dict[str, object]]:
    messages = []
    async with websockets.connect(address) as socket:
        await socket.send(json.dumps({"token": token}))
        assert json.loads(await socket.recv())["action"] == "ready"

        def change() -> None:
            with factory.open(master()) as ctx:
                make(ctx, Site, code=f"L-{token}")

        await asyncio.sleep(0.3)
        await asyncio.to_thread(change)
        try:
            while True:
                messages.append(json.loads(await asyncio.wait_for(socket.recv(), 1.5)))
        except TimeoutError:
            return messages


@pytest.mark.requirement("UIX-09")
async def test_a_committed_change_reaches_those_who_may_read_it(
    address: str, fresh_factory: ContextFactory
) -> None:
    heard = await _heard(address, "chef", fresh_factory)
    assert [(m["entity"], m["action"]) for m in heard] == [("site", "created")]
    assert await _heard(address, "autre", fresh_factory) == []


async def test_without_a_token_the_door_closes(address: str) -> None:
    async with websockets.connect(address) as socket:
        await socket.send("nonsense")
        with pytest.raises(websockets.ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)


@pytest.mark.requirement("SET-20")
async def test_a_module_switched_off_later_falls_silent(
    fresh_factory: ContextFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_OFF_S", 0.0)
    reader = person("quality:read", "stock:read")
    message = json.dumps({"entity": "stock_item", "id": 1, "action": "updated", "row_version": 2})
    app: Any = SimpleNamespace(state=SimpleNamespace(factory=fresh_factory))
    hub = live.LiveHub(fresh_factory.config.database_url)
    async with hub.lifespan(app):
        assert await hub.may_tell(reader, message)
        with fresh_factory.open(master()) as ctx:
            query = select(ModuleActivation).where(ModuleActivation.module_code == "stock")
            activation = ctx.session.scalars(query).one_or_none() or make(
                ctx, ModuleActivation, module_code="stock", depends_on=[], is_active=True
            )
            activation.is_active = False
        assert not await hub.may_tell(reader, message)


@pytest.mark.requirement("ACC-07")
async def test_a_session_closed_elsewhere_closes_its_connection(
    served: str, fresh_factory: ContextFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RECHECK_S", 0.1)
    with fresh_factory.open(master()) as ctx:
        user = identity.create_master(
            ctx, first_name="A", last_name="B", email="a@b.fr", password=secrets.token_urlsafe(20),
            totp_secret=pyotp.random_base32(),
        )  # fmt: skip
        token = sessions.open_session(ctx, user, "password+totp").access_token
    async with websockets.connect(served) as socket:
        await socket.send(json.dumps({"token": token}))
        assert json.loads(await socket.recv())["action"] == "ready"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.5)

        def revoke() -> None:
            with fresh_factory.open(master()) as ctx:
                assert sessions.revoke(ctx, user.id) == 1

        await asyncio.to_thread(revoke)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


@pytest.mark.requirement("ACC-28")
def test_a_role_taken_away_counts_at_the_next_look(fresh_factory: ContextFactory) -> None:
    with fresh_factory.open(master()) as ctx:
        role = make(ctx, Role, code="watch", requires_totp=False)
        user = make(ctx, UserAccount, is_active=True, must_change_password=False)
        given = make(ctx, UserRole, user_id=user.id, role_id=role.id)
        make(ctx, PermissionGrant, role_id=role.id, module_code="stock", is_enabled=True, can_read=True)
        token = sessions.open_session(ctx, user, "password").access_token
    before = live._principal(fresh_factory, token)
    assert before.may("stock", "read")
    with fresh_factory.open(master()) as ctx:
        ctx.get(UserRole, given.id).archived_at = ctx.now
    assert not live._again(fresh_factory, before).may("stock", "read")
