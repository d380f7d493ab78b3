"""Machines of two makers behind their node maps: states, cycles, pieces, tool, overrides, alarms."""

import asyncio
from typing import Any

import pytest

from edge_agents.drivers.opcua_machine.config import OpcuaMachineConfig, load_node_map
from edge_agents.drivers.simulators.machine import MachineSimulator
from tests.edge_agents.conftest import Recorded
from tests.edge_agents.test_opcua_machine import config, running


def _config(machine: MachineSimulator, node_map: str, **changes: Any) -> OpcuaMachineConfig:
    return config(machine.endpoint, node_map=node_map, settle_s=0.6, **changes)


def _alarms(recorded: Recorded) -> list[tuple[str, bool]]:
    return [(alarm["code"], alarm["active"]) for alarm in recorded.of("machine.alarm")]


@pytest.mark.requirement("MCH-08")
@pytest.mark.requirement("MCH-10")
@pytest.mark.requirement("MCH-13")
async def test_sinumerik_tells_end_and_reset_apart_by_its_piece_counter(recorded: Recorded) -> None:
    async with (
        MachineSimulator(space="sinumerik") as machine,
        running(recorded, _config(machine, "sinumerik_840dsl")) as driver,
    ):
        await recorded.until(lambda: driver.tracker.state == "idle")
        program = "/_N_WKS_DIR/_N_4349_WPD/_N_SCHRUPPEN_MPF"
        await machine.answer({"do": "start_cycle", "program": program, "seconds": 600, "tool": 37})
        await recorded.until(lambda: driver.tracker.state == "running")
        await machine.answer({"do": "set", "signal": "feed_override", "value": 0.0})
        await recorded.until(lambda: driver.tracker.state == "waiting")
        await machine.answer({"do": "set", "signal": "feed_override", "value": 80.0})
        await recorded.until(lambda: driver.tracker.state == "running")
        await machine.answer({"do": "end_cycle"})
        await recorded.until(lambda: len(recorded.of("machine.cycle")) == 1)
        await machine.answer({"do": "start_cycle", "program": program, "seconds": 600})
        await recorded.until(lambda: driver.tracker.state == "running")
        await machine.answer({"do": "abort_cycle"})
        await recorded.until(lambda: len(recorded.of("machine.cycle")) == 2)
        assert driver.tracker.values["tool"] == 12.0
        assert driver.tracker.values["feed_override"] == 80.0
    cycles = [(c["program"], c["result"], c["part_count"]) for c in recorded.of("machine.cycle")]
    assert cycles == [(program, "complete", 1), (program, "aborted", 0)]


@pytest.mark.requirement("MCH-10")
async def test_sinumerik_alarms_are_conditions_told_once_and_found_again_after_a_cut(
    recorded: Recorded,
) -> None:
    async with (
        MachineSimulator(space="sinumerik") as machine,
        running(recorded, _config(machine, "sinumerik_840dsl")) as driver,
    ):
        await recorded.until(lambda: driver.tracker.state == "idle")
        await machine.answer({"do": "alarm", "code": "10860", "text": "Bloc illisible", "severity": 500})
        await recorded.until(lambda: _alarms(recorded) == [("10860", True)])
        assert driver.tracker.state == "idle", "an alarm without stop is told but does not stop the machine"
        await machine.answer({"do": "alarm", "code": "25050", "text": "Axe X surveillance", "severity": 1000})
        await recorded.until(lambda: driver.tracker.state == "alarm")
        machine.drop_connections()
        await recorded.until(lambda: driver.tracker.state == "unknown")
        await machine.answer({"do": "clear_alarm", "code": "10860"})
        await recorded.until(lambda: driver.tracker.state == "alarm")
        await recorded.until(lambda: ("10860", False) in _alarms(recorded))
        await machine.answer({"do": "clear_alarm", "code": "25050"})
        await recorded.until(lambda: driver.tracker.state == "idle")
        await recorded.until(lambda: len(_alarms(recorded)) == 4)
    assert sorted(_alarms(recorded)) == [("10860", False), ("10860", True), ("25050", False), ("25050", True)]
    raised = {alarm["code"]: alarm for alarm in recorded.of("machine.alarm") if alarm["active"]}
    assert (raised["25050"]["text"], raised["25050"]["severity"]) == ("Axe X surveillance", 1000)


@pytest.mark.requirement("MCH-08")
@pytest.mark.requirement("MCH-10")
async def test_heidenhain_program_states_errors_and_estimated_pieces(recorded: Recorded) -> None:
    async with (
        MachineSimulator(space="heidenhain") as machine,
        running(recorded, _config(machine, "heidenhain_tnc7", parts_per_cycle=2)) as driver,
    ):
        await recorded.until(lambda: driver.tracker.state == "idle")
        program = "TNC:/nc_prog/1_Flansch.h"
        await machine.answer({"do": "start_cycle", "program": program, "seconds": 600, "tool": 5})
        await recorded.until(lambda: driver.tracker.state == "running")
        await machine.simulation.write("tool", "FRAISE_12")
        await recorded.until(lambda: driver.tracker.values.get("tool") == "FRAISE_12")
        await machine.answer({"do": "end_cycle"})
        await recorded.until(lambda: len(recorded.of("machine.cycle")) == 1)
        await machine.answer({"do": "start_cycle", "program": program, "seconds": 600})
        await recorded.until(lambda: driver.tracker.state == "running")
        await machine.simulation.write("program_state", "interrupted")
        await recorded.until(lambda: driver.tracker.state == "waiting")
        await machine.answer({"do": "abort_cycle"})
        await recorded.until(lambda: len(recorded.of("machine.cycle")) == 2)
        await machine.answer({"do": "alarm", "code": "230-0010", "text": "Arrêt d'urgence", "severity": 1000})
        await recorded.until(lambda: driver.tracker.state == "alarm")
        await machine.answer({"do": "clear_alarm", "code": "230-0010"})
        await recorded.until(lambda: driver.tracker.state == "idle")
        await recorded.until(lambda: len(_alarms(recorded)) == 2)
        await machine.simulation.write("power_on", "NCIsShuttingDown")
        await recorded.until(lambda: driver.tracker.state == "off")
    cycles = [(c["program"], c["result"], c["part_count"]) for c in recorded.of("machine.cycle")]
    assert cycles == [(program, "complete", 2), (program, "interrupted", 0)]
    assert _alarms(recorded) == [("230-0010", True), ("230-0010", False)]
    assert recorded.of("machine.alarm")[0]["text"] == "Arrêt d'urgence"


@pytest.mark.requirement("MCH-08")
@pytest.mark.parametrize("name", ["opc40501", "sinumerik_840dsl", "heidenhain_tnc7", "vendor_example"])
def test_every_node_map_is_a_configuration_without_code(name: str) -> None:
    made = config("opc.tcp://127.0.0.1:4840", node_map=name)
    assert {"program", "program_state"} <= set(made.nodes)
    assert set(load_node_map(name)) == set(made.nodes)


@pytest.mark.requirement("MCH-45")
async def test_a_frozen_control_behind_a_living_connection_is_unknown_then_rebuilt(
    recorded: Recorded,
) -> None:
    async with (
        MachineSimulator() as machine,
        running(recorded, config(machine.endpoint, stale_s=1.0)) as driver,
    ):
        await recorded.until(lambda: driver.tracker.state == "idle")
        machine.server.iserver._time_task_stop = True  # the server's clock, our heartbeat, stands still too
        machine.simulation.is_frozen = True
        await recorded.until(lambda: driver.tracker.state == "unknown")
        assert ("aucune donnée depuis 1 s") in [s["cause"] for s in recorded.of("machine.state")] or (
            await _later(recorded)
        )
        assert machine.sessions.created <= 2


async def _later(recorded: Recorded) -> bool:
    await asyncio.sleep(0.5)
    return any(s["cause"] for s in recorded.of("machine.state"))
