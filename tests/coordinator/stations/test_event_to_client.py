"""A fact told at a station reaches an office client that only listens (EDG-19): broker, reception, processing, live channel."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import websockets

from coordinator.kernel.context import ContextFactory
from coordinator.modules.identity import api as identity
from coordinator.modules.machines.models import Machine, MachineEvent
from edge_agents.drivers.simulators.process import AgentProcess
from tests.conftest import master
from tests.coordinator.gateway.test_live import served
from tests.coordinator.stations.rig import running, say
from tests.factories import make

__all__ = ["served"]


@pytest.mark.requirement("EDG-19")
@pytest.mark.timeout(300)
def test_a_breakdown_at_the_machine_is_pushed_to_a_listening_client(
    fresh_factory: ContextFactory, served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "principal_of_token", lambda _ctx, _token: master())
    with fresh_factory.open(master()) as ctx:
        machine_id = make(ctx, Machine, code="TOUR-1").id
    with running(fresh_factory, tmp_path) as rig:
        agent = rig.station({"scan": {"type": "scanner", "require_badge": False, "duplicate_s": 0}})
        agent.start()
        try:
            heard = asyncio.run(_listen(served, agent))
        finally:
            agent.stop()
    told = [one for one in heard if one["entity"] == "machine_event" and one["action"] == "created"]
    assert told, heard
    with fresh_factory.open(master()) as ctx:
        event = ctx.get(MachineEvent, int(told[0]["id"]))
        assert (event.machine_id, event.code) == (machine_id, "breakdown")


async def _listen(address: str, agent: AgentProcess) -> list[dict[str, object]]:
    """Messages until the event is told; the client asks nothing once it has shown its token."""
    heard: list[dict[str, object]] = []
    async with websockets.connect(address) as socket:
        await socket.send(json.dumps({"token": "any"}))
        assert json.loads(await socket.recv())["action"] == "ready"
        await asyncio.to_thread(
            say, agent, "scan", action="breakdown", machine_code="TOUR-1", comment="fuite d'huile"
        )
        async with asyncio.timeout(60):
            while not any(one["entity"] == "machine_event" for one in heard):
                heard.append(json.loads(await socket.recv()))
    return heard
