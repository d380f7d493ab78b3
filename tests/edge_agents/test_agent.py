"""A whole agent in process, against a real broker and the reference coordinator."""

import asyncio
import base64
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_agents.drivers import registry
from edge_agents.drivers.simulators.broker import LocalBroker
from edge_agents.drivers.simulators.coordinator import ReferenceCoordinator
from edge_agents.drivers.simulators.process import station_values
from edge_agents.protocol import Channel, Topics
from edge_agents.protocol.control import (
    Command,
    CommandResult,
    DesiredConfig,
    Health,
    ReportedConfig,
    StationState,
    decode_document,
)
from edge_agents.runtime import decommission
from edge_agents.runtime.agent import Agent
from edge_agents.runtime.link import Link
from edge_agents.runtime.start import from_file
from edge_agents.runtime.station import StationFile
from edge_agents.runtime.supervisor import RestartPolicy

KEY = Ed25519PrivateKey.generate()
TOPICS = Topics("bench", "bench-01")
LOAD = {"type": "load_generator", "total": 50}


@dataclass
class World:
    agent: Agent
    coordinator: ReferenceCoordinator
    broker: LocalBroker

    async def until(self, condition: Callable[[], Any], timeout_s: float = 20) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.02)

    def last(self, channel: Channel, model: Any) -> Any:
        found = [data for kind, data in self.coordinator.received if kind is channel]
        return decode_document(model, found[-1]) if found else None

    async def configure(
        self, version: int, config: dict[str, Any], key: Ed25519PrivateKey = KEY
    ) -> ReportedConfig:
        before = len([1 for kind, _ in self.coordinator.received if kind is Channel.CONFIG_REPORTED])
        document = DesiredConfig.signed(version, config, key.private_bytes_raw())
        await self.coordinator.send(TOPICS, Channel.CONFIG_DESIRED, document)
        await self.until(
            lambda: (
                len([1 for kind, _ in self.coordinator.received if kind is Channel.CONFIG_REPORTED]) > before
            )
        )
        return self.last(Channel.CONFIG_REPORTED, ReportedConfig)

    async def command(self, kind: str, *, minutes: float = 1, **params: Any) -> CommandResult:
        expires = datetime.now(UTC) + timedelta(minutes=minutes)
        command = Command(command_id=uuid4(), kind=kind, params=params, expires_at=expires)
        await self.coordinator.send(TOPICS, Channel.CMD, command)
        await self.coordinator.send(TOPICS, Channel.CMD, command)

        def answers() -> list[CommandResult]:
            found = [data for channel, data in self.coordinator.received if channel is Channel.CMD_RESULT]
            results = [decode_document(CommandResult, data) for data in found]
            return [result for result in results if result.command_id == command.command_id]

        await self.until(answers)
        await asyncio.sleep(0.2)
        assert len(answers()) == 1
        return answers()[0]


@contextlib.asynccontextmanager
async def world(
    tmp_path: Path, broker: LocalBroker, drivers: dict[str, Any] | None = None, **station: Any
) -> AsyncIterator[World]:
    values = station_values(broker.port, {"load": LOAD} if drivers is None else drivers) | {
        "data_dir": str(tmp_path / "station"),
        "config_public_key": base64.b64encode(KEY.public_key().public_bytes_raw()).decode(),
        "config_trial_s": 1.5,
    }
    values["link"] = values["link"] | {"ack_timeout_s": 0.6}
    settings = StationFile.model_validate(values | station)
    enrolled = from_file(settings)
    assert enrolled is not None
    policy = RestartPolicy(first_delay_s=0.05, max_delay_s=0.1, limit=5, window_s=60)
    agent = Agent(settings, enrolled, policy=policy)
    coordinator = ReferenceCoordinator(tmp_path / f"inbox-{uuid4()}.db", broker.port)
    inbox, work = asyncio.create_task(coordinator.run()), asyncio.create_task(agent.run())
    try:
        await asyncio.sleep(0.05)
        yield World(agent, coordinator, broker)
    finally:
        agent.stop()
        await asyncio.wait_for(work, 10)
        inbox.cancel()
        await asyncio.gather(inbox, return_exceptions=True)
        coordinator.close()


@pytest.mark.requirement("EDG-20")
async def test_events_arrive_once_in_order_and_stay_until_acknowledged(
    tmp_path: Path, broker: LocalBroker
) -> None:
    async with world(tmp_path, broker) as w:
        w.coordinator.silent = True
        await w.until(lambda: w.coordinator.count() >= 1)
        await asyncio.sleep(0.5)
        assert w.agent.journal.state("event").acked_seq == 0
        assert w.agent.journal.state("event").pending == 50
        w.coordinator.silent = False
        await w.until(lambda: w.agent.journal.state("event").acked_seq == 50)
        assert [code for _, _, code in w.coordinator.stored()] == [f"n:{i}" for i in range(1, 51)]


@pytest.mark.requirement("EDG-56")
async def test_restored_coordinator_gets_everything_again(tmp_path: Path, broker: LocalBroker) -> None:
    async with world(tmp_path, broker) as w:
        await w.until(lambda: w.agent.journal.state("event").acked_seq == 50)
        w.coordinator.forget_above("bench-01", "event", 20)
        await w.agent.recorder.emit("scan.read", {"code": "later", "symbology": "QRCode", "purpose": "test"})
        await w.until(lambda: w.agent.journal.state("event").acked_seq == 51)
        assert sorted(seq for seq, _, _ in w.coordinator.stored()) == list(range(1, 52))


@pytest.mark.requirement("EDG-53")
async def test_broker_down_work_continues_and_catches_up(tmp_path: Path, broker: LocalBroker) -> None:
    async with world(tmp_path, broker) as w:
        await w.until(lambda: w.agent.journal.state("event").acked_seq == 50)
        w.broker.stop()
        await w.until(lambda: not w.agent.link.connected)
        for number in range(20):
            await w.agent.recorder.emit(
                "scan.read", {"code": f"off:{number}", "symbology": "x", "purpose": "t"}
            )
        assert w.agent.journal.state("event").pending == 20
        w.broker.start()
        await w.until(lambda: w.agent.journal.state("event").acked_seq == 70)
        assert [code for _, _, code in w.coordinator.stored()][50:] == [f"off:{i}" for i in range(20)]


@pytest.mark.requirement("EDG-39")
async def test_health_and_state(tmp_path: Path, broker: LocalBroker) -> None:
    values = station_values(broker.port, {"load": LOAD})["config"] | {"health_interval_s": 0.2}
    async with world(tmp_path, broker, config=values) as w:
        await w.until(lambda: (state := w.last(Channel.STATE, StationState)) and state.status == "online")
        await w.until(
            lambda: (health := w.last(Channel.HEALTH, Health)) and health.drivers["load"].status == "ok"
        )
        health = w.last(Channel.HEALTH, Health)
        assert health.memory_mb > 10
        assert health.disk_free_mb > 0
        w.agent.stop()
        await w.until(lambda: w.last(Channel.STATE, StationState).status == "offline")


@pytest.mark.requirement("EDG-29")
async def test_configuration_is_applied_reported_and_kept(tmp_path: Path, broker: LocalBroker) -> None:
    async with world(tmp_path, broker) as w:
        await w.until(lambda: w.agent.link.connected)
        new = {"drivers": {"load": LOAD | {"total": 60}}}
        assert await w.configure(7, new) == ReportedConfig(version_no=7, result="applied")
        await w.until(lambda: w.coordinator.count() == 60)
        await w.until(lambda: w.agent.store.last_good()[0] == 7)
        older = await w.configure(6, {"drivers": {}})
        assert (older.result, w.agent.version) == ("refused", 7)


@pytest.mark.requirement("EDG-28")
async def test_forged_configuration_is_refused(tmp_path: Path, broker: LocalBroker) -> None:
    async with world(tmp_path, broker) as w:
        await w.until(lambda: w.agent.link.connected)
        report = await w.configure(2, {"drivers": {}}, key=Ed25519PrivateKey.generate())
        assert report.result == "refused"
        assert "signature" in (report.reason or "")
        assert set(w.agent.supervisor.health()) == {"load"}


@pytest.mark.requirement("EDG-50")
async def test_invalid_configuration_names_the_field(tmp_path: Path, broker: LocalBroker) -> None:
    async with world(tmp_path, broker) as w:
        await w.until(lambda: w.agent.link.connected)
        report = await w.configure(2, {"drivers": {"load": LOAD | {"per_s": -1}, "s": {"type": "scanner"}}})
        assert report.result == "refused"
        assert "drivers.load.per_s" in (report.reason or "")
        report = await w.configure(3, {"drivers": {"x": {"type": "robot"}}})
        assert "drivers.x.type" in (report.reason or "")
        assert set(w.agent.supervisor.health()) == {"load"}


@pytest.mark.requirement("EDG-29")
async def test_failing_configuration_returns_to_the_last_good_one(
    tmp_path: Path, broker: LocalBroker
) -> None:
    async with world(tmp_path, broker) as w:
        await w.until(lambda: w.agent.link.connected)
        camera = {"type": "cabinet_camera", "vision": str(tmp_path / "missing.yaml")}
        report = await w.configure(2, {"drivers": {"load": LOAD, "cam": camera}})
        assert report.result == "refused"
        assert "cam" in (report.reason or "")
        assert set(w.agent.supervisor.health()) == {"load"}
        assert w.agent.store.last_good()[0] is None
        again = await w.configure(2, {"drivers": {"load": LOAD, "cam": camera}})
        assert again.result == "refused"


@pytest.mark.requirement("EDG-41")
async def test_failing_driver_is_stopped_and_the_others_live(
    tmp_path: Path, broker: LocalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[float] = []

    class Crashing:
        busy = False

        def __init__(self, *_: Any) -> None:
            starts.append(asyncio.get_running_loop().time())

        async def run(self) -> None:
            raise RuntimeError("capteur arraché")

    original = registry.driver_class
    monkeypatch.setattr(
        "edge_agents.runtime.supervisor.driver_class",
        lambda kind: Crashing if kind == "scanner" else original(kind),
    )
    drivers = {"load": LOAD, "bad": {"type": "scanner"}}
    async with world(tmp_path, broker, drivers) as w:
        await w.until(lambda: any(kind == "health.alert" for _, kind, _ in w.coordinator.stored()))
        await asyncio.sleep(0.3)
        assert len(starts) == 5
        await w.until(lambda: w.coordinator.count() == 51)
        health = w.agent.supervisor.health()
        assert health["load"].status == "ok"
        assert health["bad"].status == "fault"
        assert "capteur arraché" in (health["bad"].detail or "")
        await w.until(lambda: w.last(Channel.STATE, StationState).status == "fault")


@pytest.mark.requirement("EDG-31")
async def test_commands_once_known_and_in_time(tmp_path: Path, broker: LocalBroker) -> None:
    async with world(tmp_path, broker) as w:
        await w.until(lambda: w.agent.link.connected)
        assert (await w.command("identify")).result == "done"
        assert (await w.command("identify", minutes=-1)).result == "expired"
        assert (await w.command("start_machine")).result == "failed"
        assert (await w.command("tare")).result == "failed"
        assert (await w.command("apply_update")).result == "failed"


@pytest.mark.requirement("EDG-09")
async def test_a_certificate_renewed_while_the_session_opens_is_used(
    tmp_path: Path, broker: LocalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    usual = Link._open

    def opening(link: Link) -> Any:
        opened.append(usual(link))
        if len(opened) == 1:
            link.reconnect()
        return opened[-1]

    monkeypatch.setattr(Link, "_open", opening)
    async with world(tmp_path, broker) as w:
        await w.until(lambda: len(opened) == 2 and w.agent.link.connected)


@pytest.mark.requirement("EDG-47")
async def test_a_station_that_cannot_send_what_it_holds_stays_in_service(
    tmp_path: Path, broker: LocalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agents.runtime.agent._SEND_REST_S", 0.5)
    async with world(tmp_path, broker) as w:
        w.coordinator.silent = True
        await w.until(lambda: w.agent.journal.state("event").pending == 50)
        refused = await w.command("decommission")
        assert refused.result == "failed"
        assert "50 message(s) attendent encore" in (refused.detail or "")
        assert not decommission.is_marked(w.agent.station.data_dir)
        await w.until(lambda: w.agent.supervisor.health()["load"].status == "ok")
        w.coordinator.silent = False
        assert (await w.command("decommission")).result == "done"
        assert decommission.is_marked(w.agent.station.data_dir)
        assert w.coordinator.count() == 50


@pytest.mark.requirement("EDG-47", "EDG-29")
async def test_a_station_does_not_leave_while_a_configuration_is_on_trial(
    tmp_path: Path, broker: LocalBroker
) -> None:
    async with world(tmp_path, broker) as w:
        await w.until(lambda: w.agent.link.connected)
        await w.configure(3, {"drivers": {"load": LOAD}})
        refused = await w.command("decommission")
        assert refused.result == "failed"
        assert "à l'essai" in (refused.detail or "")
        await w.until(lambda: w.agent.store.last_good()[0] == 3)
        await w.until(lambda: w.agent.journal.state("event").pending == 0)
        assert (await w.command("decommission")).result == "done"


@pytest.mark.requirement("EDG-07")
def test_agent_without_vision_imports_no_vision_library() -> None:
    import subprocess
    import sys

    code = (
        "import sys; import edge_agents.runtime.agent, edge_agents.drivers.scanner.driver,"
        " edge_agents.drivers.opcua_machine.driver; print([m for m in ('cv2','onnxruntime','zxingcpp')"
        " if m in sys.modules]); from edge_agents.runtime.health import memory_mb; print(memory_mb() < 250)"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert output.stdout.split("\n")[:2] == ["[]", "True"]
