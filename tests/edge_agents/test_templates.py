"""Every station template starts on simulators as a real process would run it."""

import asyncio
import configparser
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge_agents.drivers.simulators import cabinet
from edge_agents.drivers.simulators.broker import free_port
from edge_agents.drivers.simulators.machine import MachineSimulator
from edge_agents.runtime.agent import Agent
from edge_agents.runtime.start import from_file
from edge_agents.runtime.station import load_station

FOLDER = Path(__file__).resolve().parents[2] / "firmware_configs"
KINDS = ["cabinet_camera", "rack_camera", "scan_station", "machine_agent", "site_gateway"]


def test_every_kind_has_a_template() -> None:
    assert sorted(path.stem for path in (FOLDER / "stations").glob("*.yaml")) == sorted(KINDS)


def _prepared(kind: str, directory: Path, endpoint: str) -> Path:
    values: dict[str, Any] = yaml.safe_load((FOLDER / "stations" / f"{kind}.yaml").read_text())
    assert values["kind"] == kind
    broker = {"host": "127.0.0.1", "port": free_port(), "tls": False}
    values |= {"station_id": f"st-{kind}", "site": "test", "broker": broker}
    vision = cabinet.write_station(directory)
    for driver in values["config"]["drivers"].values():
        if driver["type"] == "cabinet_camera":
            driver |= {"vision": str(vision), "frames": str(directory / "frames")}
        if driver["type"] == "opcua_machine":
            driver |= {"endpoint": endpoint}
    path = directory / "STATION.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.mark.requirement("EDG-01")
@pytest.mark.requirement("EDG-06")
@pytest.mark.parametrize("kind", KINDS)
async def test_template_starts_on_simulators(kind: str, tmp_path: Path) -> None:
    async with MachineSimulator() as machine:
        station = load_station(_prepared(kind, tmp_path, machine.endpoint))
        enrolled = from_file(station)
        assert enrolled is not None
        agent = Agent(station, enrolled)
        work = asyncio.create_task(agent.run())
        drivers = set(station.config["drivers"])
        try:
            async with asyncio.timeout(20):
                while not (
                    set(agent.supervisor.health()) == drivers
                    and all(driver.status == "ok" for driver in agent.supervisor.health().values())
                ):
                    await asyncio.sleep(0.05)
        finally:
            agent.stop()
            await work


def test_unit_file_restarts_and_watches() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string((FOLDER / "systemd" / "usinage-agent@.service").read_text())
    assert unit["Service"]["Type"] == "notify"
    assert int(unit["Service"]["WatchdogSec"]) > 0
    assert (unit["Unit"]["StartLimitBurst"], unit["Unit"]["StartLimitIntervalSec"]) == ("5", "600")
