from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from asyncua.server.internal_session import InternalSession

from edge_agents.drivers.opcua_machine.config import OpcuaMachineConfig
from edge_agents.drivers.opcua_machine.driver import OpcuaMachineDriver
from edge_agents.drivers.simulators.machine import MachineSimulator
from edge_agents.drivers.stop_output import FileContact
from tests.edge_agents.conftest import Recorded, at_work


def config(endpoint: str, **changes: Any) -> OpcuaMachineConfig:
    values: dict[str, Any] = {
        "type": "opcua_machine",
        "machine_code": "M01",
        "endpoint": endpoint,
        "node_map": "opc40501",
        "security": "none",
        "allow_insecure": True,
        "sampling_ms": 50,
        "min_delay_s": 0.1,
        "max_delay_s": 0.3,
        "batch_s": 0.5,
        "settle_s": 0.4,
        "limits": {"spindle_load": {"risk": 110, "impact": 150}},
    }
    return OpcuaMachineConfig.model_validate(values | changes)


def running(
    recorded: Recorded, settings: OpcuaMachineConfig
) -> AbstractAsyncContextManager[OpcuaMachineDriver]:
    return at_work(OpcuaMachineDriver(settings, recorded.context))


@pytest.mark.requirement("MCH-08")
@pytest.mark.requirement("MCH-13")
@pytest.mark.requirement("MCH-22")
@pytest.mark.requirement("MCH-23")
@pytest.mark.parametrize("vendor", [False, True], ids=["opc40501", "vendor"])
async def test_cycle_alarm_and_collision_of_a_machine(recorded: Recorded, vendor: bool) -> None:
    node_map = "vendor_example" if vendor else "opc40501"
    async with (
        MachineSimulator(vendor=vendor) as machine,
        running(recorded, config(machine.endpoint, node_map=node_map)) as driver,
    ):
        await recorded.until(lambda: driver.tracker.state == "idle")
        if vendor:
            await machine.simulation.write("execution", 2)
            await machine.simulation.write("program_state", 3)
            await recorded.until(lambda: driver.tracker.state == "running")
            await machine.answer({"do": "load_peak", "value": 175, "seconds": 0.5})
            await recorded.until(lambda: recorded.of("collision.impact"))
            await machine.simulation.write("execution", 0)
            await machine.simulation.write("program_state", 2)
            await machine.answer({"do": "counter", "value": 2})
        else:
            await machine.answer(
                {"do": "start_cycle", "program": "O7", "seconds": 2.5, "parts": 2, "tool": 5}
            )
            await recorded.until(lambda: driver.tracker.state == "running")
            await machine.answer({"do": "load_peak", "value": 175, "seconds": 0.5})
        await recorded.until(lambda: recorded.of("machine.cycle"))
        cycle = recorded.of("machine.cycle")[0]
        assert (cycle["result"], cycle["part_count"]) == ("complete", 2)
        assert cycle["started_at"] < cycle["ended_at"]
        impact = recorded.of("collision.impact")
        assert len(impact) == 1
        assert impact[0]["value"] == 175
        assert any(
            trace["channel"] == "spindle_load" and len(trace["v"]) > 1 for trace in impact[0]["signals"]
        )
        if not vendor:
            assert (cycle["program"], impact[0]["tool"], impact[0]["program"]) == ("O7", "T5", "O7")
        await machine.answer({"do": "alarm", "text": "Huile"})
        await recorded.until(lambda: driver.tracker.state == "alarm")
        await machine.answer({"do": "clear_alarm"})
        await recorded.until(lambda: driver.tracker.state == "idle")
        await recorded.until(lambda: len(recorded.of("machine.alarm")) == 2)
        alarms = recorded.of("machine.alarm")
        assert [(alarm["code"], alarm["active"]) for alarm in alarms] == [("700123", True), ("700123", False)]
        await recorded.until(lambda: recorded.of("telemetry.batch"))
        channels = recorded.of("telemetry.batch")[0]["channels"]
        assert channels["spindle_load"]["unit"] == "%"


@pytest.mark.requirement("MCH-45")
@pytest.mark.requirement("MCH-46")
async def test_cut_socket_gives_unknown_then_recovers(recorded: Recorded) -> None:
    async with MachineSimulator() as machine, running(recorded, config(machine.endpoint)) as driver:
        await recorded.until(lambda: driver.tracker.state == "idle")
        assert machine.drop_connections() == 1
        await recorded.until(
            lambda: [e["state"] for e in recorded.of("machine.state")][-2:] == ["unknown", "idle"]
        )
        assert recorded.statuses[-1] == ("ok", None)
        assert any(status == "fault" for status, _ in recorded.statuses)
        await machine.answer({"do": "start_cycle", "seconds": 0.3})
        await recorded.until(lambda: recorded.of("machine.cycle"))
        assert len(machine.server.iserver.asyncio_transports) == 1


@pytest.mark.requirement("MCH-46")
async def test_missing_node_is_named_and_the_others_work(recorded: Recorded) -> None:
    nodes = {"temperature": {"paths": ["Monitoring/Spindle1/Temperature"], "unit": "°C"}}
    async with (
        MachineSimulator() as machine,
        running(recorded, config(machine.endpoint, nodes=nodes)) as driver,
    ):
        await recorded.until(lambda: driver.tracker.state == "idle")
        alert = recorded.of("health.alert")[0]
        assert alert["code"] == "opcua.node_missing"
        assert "Monitoring/Spindle1/Temperature" in alert["message"]


@pytest.mark.requirement("MCH-09")
@pytest.mark.requirement("EDG-46")
async def test_the_session_never_writes_to_the_control(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Any] = []
    called: list[int] = []
    write, call = InternalSession.write, InternalSession.call

    async def seen_write(self: InternalSession, params: Any) -> Any:
        if self.external:
            written.append(params)
        return await write(self, params)

    async def seen_call(self: InternalSession, params: Any) -> Any:
        called.extend(method.MethodId.Identifier for method in params)
        return await call(self, params)

    monkeypatch.setattr(InternalSession, "write", seen_write)
    monkeypatch.setattr(InternalSession, "call", seen_call)
    async with (
        MachineSimulator(space="sinumerik") as machine,
        running(recorded, config(machine.endpoint, node_map="sinumerik_840dsl")) as driver,
    ):
        await recorded.until(lambda: driver.tracker.state == "idle")
        await machine.answer({"do": "start_cycle", "seconds": 600})
        await recorded.until(lambda: driver.tracker.state == "running")
        await machine.answer({"do": "load_peak", "value": 175, "seconds": 0.5})
        await recorded.until(lambda: recorded.of("collision.impact"))
        machine.drop_connections()
        await recorded.until(lambda: driver.tracker.state == "unknown")
        await recorded.until(lambda: driver.tracker.state == "running")
    assert written == []
    assert set(called) == {3875}, "the only method called is ConditionRefresh, which changes nothing"


async def test_unreachable_machine_is_a_fault_not_a_crash(recorded: Recorded) -> None:
    async with running(recorded, config("opc.tcp://127.0.0.1:9")) as driver:
        await recorded.until(lambda: recorded.statuses)
        assert recorded.statuses[0][0] == "fault"
        assert driver.tracker.state == "unknown"


@pytest.mark.requirement("MCH-09")
def test_plain_session_needs_explicit_approval() -> None:
    with pytest.raises(ValueError, match="allow_insecure"):
        config("opc.tcp://127.0.0.1:4840", allow_insecure=False)
    with pytest.raises(ValueError, match="cert_file"):
        config("opc.tcp://127.0.0.1:4840", security="sign_encrypt", cert_file="agent.der")


@pytest.mark.requirement("MCH-25")
async def test_an_impact_asks_for_one_stop_locally(recorded: Recorded, tmp_path: Path) -> None:
    line = tmp_path / "value"
    line.write_text("0")
    wired = {"value_file": str(line), "commissioning_record": "PV-2026-014", "hold_s": 10}
    async with (
        MachineSimulator() as machine,
        running(
            recorded, config(machine.endpoint, collision_response="request_stop", stop_output=wired)
        ) as driver,
    ):
        await recorded.until(lambda: driver.tracker.state == "idle")
        await machine.answer({"do": "load_peak", "value": 175, "seconds": 0.5})
        await recorded.until(lambda: recorded.of("collision.impact"))
        assert recorded.of("collision.impact")[0]["response"] == "request_stop"
        assert line.read_text() == "1"
        alert = next(a for a in recorded.of("health.alert") if a["code"] == "collision.stop_requested")
        assert "arrêt demandé en" in alert["message"]
    assert line.read_text() == "0", "nothing stays asked for when the agent ends"


def _with_contact(endpoint: str, line: Path, **more: Any) -> OpcuaMachineConfig:
    wired = {"value_file": str(line), "commissioning_record": "PV-2026-014", **more}
    return config(endpoint, collision_response="request_stop", stop_output=wired)


@pytest.mark.requirement("MCH-25")
async def test_the_contact_is_let_go_while_the_session_is_lost(recorded: Recorded, tmp_path: Path) -> None:
    line = tmp_path / "value"
    line.write_text("1")
    machine = MachineSimulator()
    await machine.__aenter__()
    settings = _with_contact(machine.endpoint, line, hold_s=2)
    async with running(recorded, settings) as driver:
        await recorded.until(lambda: driver.tracker.state == "idle")
        assert line.read_text() == "0", "what a killed agent left on is let go at the start"
        await machine.answer({"do": "load_peak", "value": 175, "seconds": 0.5})
        await recorded.until(lambda: recorded.of("collision.impact"))
        assert line.read_text() == "1"
        await machine.__aexit__(None, None, None)
        await recorded.until(lambda: driver.tracker.state == "unknown")
        await recorded.until(lambda: line.read_text() == "0")
        assert driver.tracker.state == "unknown"


@pytest.mark.requirement("MCH-49")
async def test_a_contact_that_does_not_follow_at_its_test_is_told_and_switched_off(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = tmp_path / "value"
    line.write_text("0")
    monkeypatch.setattr(FileContact, "read", lambda _self: False)
    async with (
        MachineSimulator() as machine,
        running(recorded, _with_contact(machine.endpoint, line)) as driver,
    ):
        await recorded.until(lambda: driver.tracker.state == "idle")
        await recorded.until(
            lambda: [a for a in recorded.of("health.alert") if a["code"] == "stop_output.fault"]
        )
        assert line.read_text() == "0", "a failed test leaves nothing asked for"
        await machine.answer({"do": "load_peak", "value": 175, "seconds": 0.5})
        await recorded.until(
            lambda: [a for a in recorded.of("health.alert") if a["code"] == "collision.stop_refused"]
        )
        assert line.read_text() == "0", "the function is off"


def test_a_stop_needs_a_wired_and_commissioned_output() -> None:
    with pytest.raises(ValueError, match="procès-verbal"):
        config("opc.tcp://127.0.0.1:4840", collision_response="request_stop")
