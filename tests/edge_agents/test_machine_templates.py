"""Every machine driver starts from its template on its simulator, and the commands of a technician work (EDG-06)."""

import asyncio
import contextlib
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from edge_agents.cli import app
from edge_agents.drivers.registry import driver_types, parse_config
from edge_agents.runtime.agent import Agent
from edge_agents.runtime.start import from_file
from edge_agents.runtime.station import load_station

FOLDER = Path(__file__).resolve().parents[2] / "firmware_configs" / "machines"
SIMULATORS = {
    "sinumerik": ["opcua", "--space", "sinumerik", "--secure", "pki", "--user", "agent:secret"],
    "heidenhain": ["opcua", "--space", "heidenhain", "--secure", "pki"],
    "mtconnect": ["mtconnect"],
    "signals": ["signals"],
    "camera": ["camera"],
}
PORT = {"opcua": "--opcua-port"}


@contextlib.contextmanager
def simulator(name: str, folder: Path) -> Iterator[tuple[str, str]]:
    """``usinage agent simulate …`` as a process; its first line, and the second where there is one."""
    arguments = [*SIMULATORS[name], PORT.get(SIMULATORS[name][0], "--port"), "0", "--control-port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "edge_agents.cli", "simulate", *arguments],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        second = process.stdout.readline() if "--secure" in arguments else ""
        yield first, second
    finally:
        process.kill()
        process.wait()


def _prepared(name: str, folder: Path, first: str, second: str, **changes: Any) -> Path:
    values: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        broker = {"host": "127.0.0.1", "port": probe.getsockname()[1], "tls": False}
    values |= {"station_id": "st-1", "site": "test", "broker": broker}
    (driver,) = values["config"]["drivers"].values()
    place = first.split()[0]
    if driver["type"] == "opcua_machine":
        driver |= {
            "endpoint": place,
            "trusted_servers": [second.split()[-1]],
            "min_delay_s": 0.2,
            "max_delay_s": 0.5,
        }
    if driver["type"] == "mtconnect_machine":
        driver["url"] = place
    if driver["type"] == "signal_machine":
        driver["source"]["port"] = int(first.split()[1].partition(":")[2])
    if driver["type"] == "machine_camera":
        driver["source"] = place
    driver |= changes
    (folder / "opcua.password").write_text("secret\n")
    path = folder / "STATION.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_every_template_is_a_valid_configuration() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.yaml")) == sorted(SIMULATORS)
    for path in FOLDER.glob("*.yaml"):
        for driver in yaml.safe_load(path.read_text())["config"]["drivers"].values():
            assert parse_config(driver).model_dump()["type"] in driver_types()


@pytest.mark.requirement("EDG-06")
@pytest.mark.requirement("EDG-04")
@pytest.mark.parametrize("name", ["mtconnect", "signals", "camera"])
async def test_a_station_starts_from_the_template_on_its_simulator(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with simulator(name, tmp_path) as (first, second):
        station = load_station(_prepared(name, tmp_path, first, second))
        enrolled = from_file(station)
        assert enrolled is not None
        agent = Agent(station, enrolled)
        work = asyncio.create_task(agent.run())
        try:
            async with asyncio.timeout(40):
                while not (
                    agent.supervisor.health()
                    and all(driver.status == "ok" for driver in agent.supervisor.health().values())
                ):
                    await asyncio.sleep(0.05)
        finally:
            agent.stop()
            await work


@pytest.mark.requirement("EDG-06")
@pytest.mark.requirement("MCH-09")
def test_check_shows_the_certificate_then_the_signals_once_the_control_accepts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with simulator("sinumerik", tmp_path) as (first, second):
        station = str(_prepared("sinumerik", tmp_path, first, second))
        refused = CliRunner().invoke(app, ["check", station, "machine", "--seconds", "6"])
        assert refused.exit_code == 1
        shown = re.search(r"empreinte SHA-1 ([0-9A-F ]+)", refused.output)
        assert shown is not None
        assert "pas accepté le certificat" in refused.output
        trusted = tmp_path / "pki/trusted"
        trusted.mkdir()
        for path in (tmp_path / "pki/rejected").glob("*.der"):
            path.rename(trusted / path.name)
        accepted = CliRunner().invoke(app, ["check", station, "machine", "--seconds", "12"])
        assert accepted.exit_code == 0, accepted.output
        assert shown[1] in accepted.output, "the same certificate as before"
        assert "État : idle" in accepted.output
        assert re.search(r"feed_override +100\.0 %", accepted.output)


@pytest.mark.requirement("MCH-25")
def test_check_only_reads_and_leaves_the_stop_contact_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = tmp_path / "line"
    line.write_text("1")  # the running agent asks for a stop just now
    (tmp_path / "green").write_text("0")
    plain = {
        "source": {"kind": "file", "folder": str(tmp_path)}, "inputs": {"green": {"at": "green", "debounce_ms": 0}},
        "analog": {}, "rules": [{"when": {"green": "on"}, "state": "running"}], "cycle": {}, "parts_input": None,
        "shock_input": None, "collision_response": "request_stop",
        "stop_output": {"value_file": str(line), "commissioning_record": "PV-1"},
    }  # fmt: skip
    station = str(_prepared("signals", tmp_path, "modbus 127.0.0.1:9", "", **plain))
    found = CliRunner().invoke(app, ["check", station, "machine", "--seconds", "3"])
    assert found.exit_code == 0, found.output
    assert "État : idle" in found.output
    assert line.read_text() == "1"


def test_judge_and_simulate_say_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    station = str(_prepared("mtconnect", tmp_path, "http://127.0.0.1:9 x", ""))
    judged = CliRunner().invoke(app, ["judge", station, "machine", "missed"])
    assert judged.exit_code == 1
    assert "ne tourne pas" in judged.output
    assert CliRunner().invoke(app, ["check", station, "nobody"]).exit_code == 1
    unknown = CliRunner().invoke(app, ["simulate", "lathe"])
    assert (unknown.exit_code, "mtconnect" in unknown.output) == (2, True)
    started = time.monotonic()
    assert CliRunner().invoke(app, ["check", station, "machine", "--seconds", "1"]).exit_code == 1
    assert time.monotonic() - started < 30
