"""MTConnect: versions, cycles, conditions, cut streams, restarted agents, lost buffers, power cuts."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from edge_agents.drivers.mtconnect_machine import documents as mt
from edge_agents.drivers.mtconnect_machine.config import MtconnectMachineConfig
from edge_agents.drivers.mtconnect_machine.driver import MtconnectMachineDriver
from edge_agents.drivers.mtconnect_machine.stream import Parts, boundary
from edge_agents.drivers.simulators.mtconnect import MtconnectSimulator, SimulatedAgent
from tests.edge_agents.conftest import Recorded, at_work


def _config(agent: MtconnectSimulator, **changes: Any) -> MtconnectMachineConfig:
    values = {
        "type": "mtconnect_machine", "machine_code": "M02", "url": agent.url, "interval_ms": 20, "heartbeat_ms": 500,
        "min_delay_s": 0.1, "max_delay_s": 0.4, "settle_s": 0.5, "batch_s": 0.3,
    }  # fmt: skip
    return MtconnectMachineConfig.model_validate(values | changes)


def _running(
    recorded: Recorded, settings: MtconnectMachineConfig
) -> AbstractAsyncContextManager[MtconnectMachineDriver]:
    return at_work(MtconnectMachineDriver(settings, recorded.context))


def _cycles(recorded: Recorded) -> list[tuple[Any, ...]]:
    return [(c["program"], c["result"], c["part_count"]) for c in recorded.of("machine.cycle")]


def _alarms(recorded: Recorded) -> list[tuple[str, bool]]:
    return [(alarm["code"], alarm["active"]) for alarm in recorded.of("machine.alarm")]


@pytest.mark.requirement("MCH-08")
@pytest.mark.requirement("MCH-10")
@pytest.mark.parametrize("version", ["1.3", "1.5", "1.8", "2.0", "2.3"])
async def test_cycle_parts_tool_override_and_alarms_of_every_version(
    recorded: Recorded, version: str
) -> None:
    async with (
        MtconnectSimulator(version=version) as agent,
        _running(recorded, _config(agent)) as driver,
    ):
        await recorded.until(lambda: driver.tracker.state == "idle")
        await agent.answer({"do": "start_cycle", "program": "O77", "tool": 9})
        await recorded.until(lambda: driver.tracker.state == "running")
        assert driver.tracker.values["tool"] == 9.0
        await agent.answer({"do": "set", "item": "exec", "value": "FEED_HOLD"})
        await recorded.until(lambda: driver.tracker.state == "waiting")
        await agent.answer({"do": "set", "item": "exec", "value": "ACTIVE"})
        await recorded.until(lambda: driver.tracker.state == "running")
        await agent.answer({"do": "end_cycle", "parts": 2})
        await recorded.until(lambda: _cycles(recorded) == [("O77", "complete", 2)])
        await agent.answer({"do": "alarm", "code": "1007", "text": "Porte & <capot>", "severity": 1000})
        await recorded.until(lambda: driver.tracker.state == "alarm")
        await agent.answer({"do": "alarm", "code": "2001", "severity": 500})
        await agent.answer({"do": "clear_alarm", "code": "1007"})
        await recorded.until(lambda: driver.tracker.state == "idle")
        await agent.answer({"do": "clear_alarm"})
        await recorded.until(lambda: len(_alarms(recorded)) == 4)
        await agent.answer({"do": "set", "item": "estop", "value": "TRIGGERED"})
        await recorded.until(lambda: driver.tracker.state == "alarm")
        await recorded.until(lambda: recorded.of("telemetry.batch"))
    assert sorted(_alarms(recorded)[:4]) == [("1007", False), ("1007", True), ("2001", False), ("2001", True)]
    assert recorded.of("machine.alarm")[0]["text"] == "Porte & <capot>"


@pytest.mark.requirement("MCH-46")
@pytest.mark.requirement("MCH-13")
async def test_a_cut_stream_goes_on_where_it_stopped_and_counts_the_cycle_between(recorded: Recorded) -> None:
    async with MtconnectSimulator() as agent, _running(recorded, _config(agent)) as driver:
        await recorded.until(lambda: driver.tracker.state == "idle")
        for number in range(1, 4):
            agent.drop()
            await agent.answer({"do": "start_cycle", "program": f"O{number}"})
            await agent.answer({"do": "end_cycle"})
            await recorded.until(lambda number=number: len(_cycles(recorded)) == number)
        assert agent.streams_opened <= 8
    assert _cycles(recorded) == [(f"O{number}", "complete", 1) for number in range(1, 4)]


@pytest.mark.requirement("MCH-46")
async def test_a_power_cut_of_the_station_loses_no_cycle_the_agent_still_holds(recorded: Recorded) -> None:
    async with MtconnectSimulator() as agent:
        async with _running(recorded, _config(agent)) as driver:
            await recorded.until(lambda: driver.tracker.state == "idle")
            await agent.answer({"do": "start_cycle", "program": "O1"})
            await agent.answer({"do": "alarm", "code": "55"})
            await recorded.until(lambda: _alarms(recorded) == [("55", True)])
        await agent.answer({"do": "clear_alarm"})
        await agent.answer({"do": "end_cycle"})
        await agent.answer({"do": "start_cycle", "program": "O2"})
        await agent.answer({"do": "end_cycle"})
        async with _running(recorded, _config(agent)):
            await recorded.until(lambda: len(_cycles(recorded)) == 2)
    assert _cycles(recorded) == [("O1", "complete", 1), ("O2", "complete", 1)]
    assert _alarms(recorded) == [("55", True), ("55", False)], (
        "told once, though seen by two lives of the agent"
    )


@pytest.mark.requirement("MCH-46")
async def test_a_restarted_agent_and_a_lost_buffer_are_noticed(recorded: Recorded) -> None:
    async with MtconnectSimulator(buffer_size=40) as agent:
        async with _running(recorded, _config(agent)) as driver:
            await recorded.until(lambda: driver.tracker.state == "idle")
            await agent.answer({"do": "restart"})
            await recorded.until(lambda: agent.streams_opened >= 2)
            await agent.answer({"do": "start_cycle", "program": "O9"})
            await recorded.until(lambda: driver.tracker.state == "running")
        for number in range(60):
            await agent.answer({"do": "set", "item": "sload", "value": number})
        async with _running(recorded, _config(agent)) as driver:
            await recorded.until(lambda: "mtconnect.gap" in [a["code"] for a in recorded.of("health.alert")])
            await recorded.until(lambda: driver.tracker.state in ("running", "idle"))


@pytest.mark.requirement("MCH-08")
async def test_an_agent_that_does_not_stream_is_asked_at_the_interval(recorded: Recorded) -> None:
    async with MtconnectSimulator() as agent:
        agent.is_streaming = False
        async with _running(recorded, _config(agent, interval_ms=100)) as driver:
            await recorded.until(lambda: driver.tracker.state == "idle")
            await agent.answer({"do": "start_cycle", "program": "O3"})
            await agent.answer({"do": "end_cycle"})
            await recorded.until(lambda: _cycles(recorded) == [("O3", "complete", 1)])
            before = agent.requests
            await asyncio.sleep(1)
            assert agent.requests - before <= 11, "no polling flood"


async def test_an_unreachable_agent_is_a_fault(recorded: Recorded) -> None:
    settings = MtconnectMachineConfig.model_validate(
        {"type": "mtconnect_machine", "machine_code": "M02", "url": "http://127.0.0.1:9", "min_delay_s": 0.1}
    )
    async with _running(recorded, settings) as driver:
        await recorded.until(lambda: recorded.statuses)
        assert recorded.statuses[0][0] == "fault"
        assert driver.tracker.state == "unknown"


def test_documents_that_are_none_are_refused() -> None:
    good = SimulatedAgent("2.1").current(None)
    assert mt.header(mt.parse(good)).version == (2, 1)
    for wrong in (
        b"<html/>",
        good.replace(b":2.1", b":3.0"),
        good[:-20],
        good.replace(b"<MTConnectStreams", b'<!DOCTYPE x [<!ENTITY a "b">]><MTConnectStreams', 1),
    ):
        with pytest.raises(mt.DocumentError):
            mt.parse(wrong)
    with pytest.raises(mt.AgentError, match="OUT_OF_RANGE"):
        mt.parse(SimulatedAgent().current(99_999))


@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_parts_are_found_however_the_bytes_arrive(size: int) -> None:
    document = SimulatedAgent().current(None)
    with_length = (
        f"--b\r\nContent-type: text/xml\r\nContent-length: {len(document)}\r\n\r\n".encode() + document
    )
    without = b"--b\nContent-type: text/xml\n\n" + document
    data = with_length + b"\r\n" + without + b"\r\n" + with_length + b"\r\n--b"
    parts, found = Parts("b"), []
    for start in range(0, len(data), size):
        found += list(parts.feed(data[start : start + size]))
    assert found == [document] * 3
    assert boundary('multipart/x-mixed-replace; boundary="abc"') == "abc"
    assert boundary("text/xml") is None
