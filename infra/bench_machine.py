"""``usinage bench machine``: cuts and restarts without a flood of sessions, and from a signal to the stop output.

The servers are real OPC UA and Modbus servers of this process, the driver is the one stations run (MCH-25, MCH-46).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import resource
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from coordinator.bench import entry
from edge_agents.drivers.base import DriverContext
from edge_agents.drivers.machine.driver import MachineDriver
from edge_agents.drivers.opcua_machine.config import OpcuaMachineConfig
from edge_agents.drivers.opcua_machine.driver import OpcuaMachineDriver
from edge_agents.drivers.signal_machine.config import SignalMachineConfig
from edge_agents.drivers.signal_machine.driver import SignalMachineDriver
from edge_agents.drivers.simulators.aside import aside
from edge_agents.drivers.simulators.broker import free_port
from edge_agents.drivers.simulators.machine import MachineSimulator
from edge_agents.drivers.simulators.signals import INPUTS, STOP_COIL, SignalsSimulator
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.journal import Journal
from edge_agents.runtime.recorder import Recorder
from edge_agents.runtime.reference import ReferenceCache

STOP_LIMIT_MS = 200.0
CUTS = 50
_WAIT_S = 30.0


@dataclass
class Bench:
    """A station around one driver: real journal, no broker."""

    context: DriverContext
    recorder: Recorder
    reactions_ms: list[float] = field(default_factory=list)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Bench]:
        """Journal and recorder below ``folder``."""
        clock = Clock("yes")
        journal = Journal(folder / "journal", "st-bench", clock)
        recorder = Recorder(journal, lambda: None)
        reactions: list[float] = []

        async def emit(event_type: str, payload: dict[str, Any], **more: Any) -> Any:
            if event_type == "collision.impact" and payload.get("reaction_ms") is not None:
                reactions.append(payload["reaction_ms"])
            return await recorder.emit(event_type, payload, **more)

        (folder / "driver").mkdir()
        reference = ReferenceCache(folder / "reference", clock)
        context = DriverContext("bench", folder / "driver", emit, lambda *_: None, clock, reference)
        work = asyncio.create_task(recorder.run())
        try:
            yield cls(context, recorder, reactions)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            recorder.close()
            journal.close()


@contextlib.asynccontextmanager
async def running(driver: MachineDriver[Any]) -> AsyncIterator[None]:
    """The driver at work."""
    task = asyncio.create_task(driver.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], Any], what: str) -> None:
    """Waits for something, or ends the measure with words."""
    deadline = time.monotonic() + _WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"La mesure n'avance plus : {what}.")
        await asyncio.sleep(0.005)


def _opcua(endpoint: str, **more: Any) -> OpcuaMachineConfig:
    values = {
        "type": "opcua_machine", "machine_code": "BENCH-1", "endpoint": endpoint, "node_map": "opc40501",
        "security": "none", "allow_insecure": True, "sampling_ms": 100, "min_delay_s": 0.1, "max_delay_s": 1.0,
    }  # fmt: skip
    return OpcuaMachineConfig.model_validate(values | more)


async def cuts(folder: Path, count: int) -> list[dict[str, Any]]:
    """The socket is cut ``count`` times at one server which keeps sessions like a control: sessions made, open, seconds back."""
    async with Bench.open(folder) as bench, MachineSimulator(max_sessions=5) as machine:
        driver = OpcuaMachineDriver(_opcua(machine.endpoint), bench.context)
        async with running(driver):
            await until(lambda: driver.tracker.state == "idle", "première connexion")
            tasks, back_s = len(asyncio.all_tasks()), []
            for _ in range(count):
                started = time.monotonic()
                machine.drop_connections()
                await until(lambda: driver.tracker.state == "unknown", "coupure vue")
                await until(lambda: driver.tracker.state == "idle", "reprise")
                back_s.append(time.monotonic() - started)
            await asyncio.sleep(0.5)
            subscriptions = len(machine.server.iserver.subscription_service.subscriptions)
            left = len(asyncio.all_tasks()) - tasks
            return [
                _limit("cut_sessions_created", machine.sessions.created, "1", 1 + count // 10),
                _limit("cut_sessions_open_max", machine.sessions.most_open, "1", 2),
                _limit("cut_sessions_refused", machine.sessions.refused, "1", 0),
                _limit("cut_subscriptions_left", subscriptions, "1", 1),
                _limit("cut_tasks_left", left, "1", 5),
                entry("cut_back_p95_s", _p95(back_s), "s"),
            ]


async def restarts(folder: Path, count: int) -> list[dict[str, Any]]:
    """The server is ended and started again ``count`` times on the same port: sessions per start, memory gained."""
    port = free_port()
    async with Bench.open(folder) as bench:
        driver = OpcuaMachineDriver(_opcua(f"opc.tcp://127.0.0.1:{port}"), bench.context)
        created, most_open, before_mb = 0, 0, 0.0
        async with running(driver):
            for number in range(count + 1):
                async with MachineSimulator(port=port, max_sessions=5) as machine:
                    await until(lambda: driver.tracker.state == "idle", f"démarrage {number} vu")
                    created += machine.sessions.created
                    most_open = max(most_open, machine.sessions.most_open)
                await until(lambda: driver.tracker.state == "unknown", "arrêt du serveur vu")
                if number == count // 5:
                    before_mb = _memory_mb()
        return [
            _limit("restart_sessions_per_start", created / (count + 1), "1", 1.0),
            _limit("restart_sessions_open_max", most_open, "1", 1),
            entry("restart_memory_gained_mb", _memory_mb() - before_mb, "MB"),
        ]


async def reaction_opcua(folder: Path, count: int) -> list[dict[str, Any]]:
    """From a load written at the server to the level of the contact."""
    line = folder / "line"
    async with Bench.open(folder) as bench, MachineSimulator() as machine:
        seen_ms = []
        for number in range(count):
            line.write_text("0")
            stop = {"value_file": str(line), "commissioning_record": f"PV-{number}"}
            limits = {"spindle_load": {"risk": 110, "impact": 150}}
            settings = _opcua(
                machine.endpoint,
                collision_response="request_stop",
                stop_output=stop,
                limits=limits,
                after_s=0.1,
            )
            driver = OpcuaMachineDriver(settings, bench.context)
            async with running(driver):
                await until(functools.partial(_is_idle, driver), "connexion")
                await asyncio.sleep(
                    0.1 * (number % 7) / 7 + 0.15
                )  # at another moment of the sampling each time
                started = time.monotonic()
                await machine.simulation.write("spindle_load", 180.0)
                while line.read_bytes() != b"1":
                    if time.monotonic() - started > _WAIT_S:
                        raise SystemExit("Le contact n'a pas bougé.")
                    await asyncio.sleep(0.0005)
                seen_ms.append((time.monotonic() - started) * 1000)
                await machine.simulation.write("spindle_load", 0.0)
        return [
            _limit("stop_opcua_p95_ms", _p95(seen_ms), "ms", STOP_LIMIT_MS),
            _limit("stop_opcua_max_ms", max(seen_ms), "ms", STOP_LIMIT_MS),
        ]


async def reaction_input(folder: Path, count: int) -> list[dict[str, Any]]:
    """From the shock sensor's contact at a Modbus module to the stop coil of that module, both over the network."""
    with aside(SignalsSimulator) as beside:
        machine = beside.simulator
        seen_ms, inside_ms = [], []
        async with Bench.open(folder) as bench:
            for number in range(count):
                driver = SignalMachineDriver(_signals(machine.port, number), bench.context)
                tested = machine.stops
                async with running(driver):
                    await until(lambda tested=tested: machine.stops > tested, "essai au repos")  # type: ignore[misc]
                    await until(lambda: not machine.coils[STOP_COIL], "sortie relâchée")
                    await asyncio.sleep(0.05 + 0.01 * (number % 7) / 7)
                    tested = machine.stops
                    started = time.monotonic()
                    machine.discrete[INPUTS["shock"]] = True
                    await until(lambda tested=tested: machine.stops > tested, "arrêt demandé")  # type: ignore[misc]
                    seen_ms.append((machine.stop_at - started) * 1000)
                    machine.discrete[INPUTS["shock"]] = False
                    await until(lambda: not machine.coils[STOP_COIL], "sortie relâchée")
                inside_ms += bench.reactions_ms
                bench.reactions_ms.clear()
        return [
            _limit("stop_input_p95_ms", _p95(seen_ms), "ms", STOP_LIMIT_MS),
            _limit("stop_input_max_ms", max(seen_ms), "ms", STOP_LIMIT_MS),
            entry("stop_inside_agent_p95_ms", _p95(inside_ms), "ms"),
        ]


def _signals(port: int, number: int) -> SignalMachineConfig:
    coil = {"host": "127.0.0.1", "port": port, "address": STOP_COIL}
    return SignalMachineConfig.model_validate({
        "type": "signal_machine", "machine_code": "BENCH-1",
        "source": {"kind": "modbus", "host": "127.0.0.1", "port": port},
        "inputs": {name: {"at": INPUTS[name], "debounce_ms": 0} for name in ("green", "shock")},
        "rules": [{"when": {"green": "on"}, "state": "running"}], "shock_input": "shock", "poll_ms": 10, "after_s": 0.1,
        "collision_response": "request_stop",
        "stop_output": {"modbus": coil, "commissioning_record": f"PV-{number}", "hold_s": 0.1},
    })  # fmt: skip


def _is_idle(driver: MachineDriver[Any]) -> bool:
    return driver.tracker.state == "idle"


def _limit(metric: str, value: float, unit: str, limit: float) -> dict[str, Any]:
    return entry(metric, value, unit, reference=limit or None, target=limit, lower_is_better=True)


def _p95(values: list[float]) -> float:
    return values[0] if len(values) == 1 else statistics.quantiles(values, n=20)[-1]


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(*, count: int = CUTS, stops: int = 30) -> list[dict[str, Any]]:
    """Measured figures, each with its limit."""
    found: list[dict[str, Any]] = []
    for measure, number in (
        (cuts, count),
        (restarts, count),
        (reaction_opcua, stops),
        (reaction_input, stops),
    ):
        with tempfile.TemporaryDirectory(prefix="usinage-bench-") as name:
            folder = Path(name) / uuid4().hex[:6]
            folder.mkdir()
            found += asyncio.run(measure(folder, number))
    return found
