"""Endurance bench of a station (EDG-27): cut, kills, clock jumps, broker restart; nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from edge_agents.drivers.local_api import ask
from edge_agents.drivers.simulators.broker import LocalBroker
from edge_agents.drivers.simulators.coordinator import ReferenceCoordinator
from edge_agents.drivers.simulators.load_generator.driver import promised_file
from edge_agents.runtime.clock import OFFSET_VARIABLE
from edge_agents.runtime.health import memory_mb

_CUT_S = 72 * 3600
_MEMORY_LIMIT_MB = 250.0
_SCAN_LIMIT_MS = 300.0


def station_values(port: int, drivers: dict[str, Any], *, station_id: str = "bench-01") -> dict[str, Any]:
    """STATION.yaml of a station on this machine."""
    return {
        "station_id": station_id,
        "site": "bench",
        "kind": "scan_station",
        "data_dir": station_id,
        "trust_clock": "yes",
        "broker": {"host": "127.0.0.1", "port": port, "tls": False},
        "link": {"min_delay_s": 0.2, "max_delay_s": 1.0, "events_per_s": 5000, "ack_timeout_s": 3},
        "log": {"level": "WARNING"},
        "config": {"drivers": drivers},
    }


class AgentProcess:
    """A real agent in its own process, which can be killed like a power cut does."""

    def __init__(self, directory: Path, values: dict[str, Any]) -> None:
        self._file = directory / f"{values['station_id']}.yaml"
        self._file.write_text(yaml.safe_dump(values), encoding="utf-8")
        self.data_dir = directory / str(values["data_dir"])
        self._process: subprocess.Popen[bytes] | None = None
        self.peak_mb = 0.0

    def start(self, *, clock_offset_s: float = 0.0) -> None:
        """Starts the agent with its wall clock shifted."""
        environment = os.environ | {OFFSET_VARIABLE: str(clock_offset_s)}
        command = [sys.executable, "-m", "edge_agents.cli", "run", str(self._file)]
        self._process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

    def sample(self) -> None:
        """Notes the resident memory."""
        if self._process is not None:
            with contextlib.suppress(OSError):
                self.peak_mb = max(self.peak_mb, memory_mb(self._process.pid))

    def kill(self) -> None:
        """SIGKILL: no chance to write anything more."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(20)
            self._process = None


@dataclass
class _Story:
    broker: LocalBroker
    coordinator: ReferenceCoordinator
    agent: AgentProcess
    total: int
    kills: int = 0
    restarts: int = 0
    deadline: float = field(default_factory=lambda: time.monotonic() + 85)

    def promised(self) -> list[int]:
        path = promised_file(self.agent.data_dir / "drivers" / "load")
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.agent.sample()
            if time.monotonic() > self.deadline:
                raise TimeoutError("Le banc n'a pas fini à temps.")
            await asyncio.sleep(0.1)

    async def tell(self) -> None:
        """2 kills with the line up, one during the 72 h cut; the clock jumps there and back."""
        part = self.total // 10
        self.agent.start()
        await self.until(lambda: self.coordinator.count() >= 2 * part)
        self._kill_and_start(0)
        await self.until(lambda: self.coordinator.count() >= 3 * part)
        self.broker.stop()
        await self.until(lambda: len(self.promised()) >= 5 * part)
        self._kill_and_start(_CUT_S)
        await self.until(lambda: len(self.promised()) >= 7 * part)
        self.broker.start()
        self.restarts += 1
        await self.until(lambda: self.coordinator.count() >= 7 * part)
        self._kill_and_start(-3600)
        await self.until(lambda: len(self.promised()) >= self.total)
        await self.until(lambda: self.coordinator.count() >= self.total)

    def _kill_and_start(self, clock_offset_s: float) -> None:
        self.agent.kill()
        self.kills += 1
        self.agent.start(clock_offset_s=clock_offset_s)


def _result(metric: str, value: float, unit: str, reference: float | None, ok: bool) -> dict[str, Any]:
    ratio = None if not reference else round(value / reference, 4)
    return {
        "metric": metric,
        "value": value,
        "unit": unit,
        "reference": reference,
        "ratio": ratio,
        "target": reference if reference is not None else 0,
        "ok": ok,
    }


async def _endurance(directory: Path, events: int, per_s: float) -> list[dict[str, Any]]:
    with LocalBroker(directory / "broker") as broker:
        coordinator = ReferenceCoordinator(directory / "inbox.db", broker.port)
        load = {"type": "load_generator", "total": events, "per_s": per_s, "telemetry_every": 20}
        agent = AgentProcess(directory, station_values(broker.port, {"load": load}))
        story = _Story(broker, coordinator, agent, events)
        task = asyncio.create_task(coordinator.run())
        started = time.monotonic()
        try:
            await story.tell()
        finally:
            agent.stop()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        seconds = time.monotonic() - started
        stored = [(seq, code) for seq, kind, code in coordinator.stored() if kind == "scan.read"]
        codes = Counter(code for _, code in stored)
        lost = sum(1 for number in story.promised() if f"n:{number}" not in codes)
        doubled = sum(times - 1 for times in codes.values()) + coordinator.doubled_numbers()
        numbers = [int(code.removeprefix("n:")) for _, code in sorted(stored)]
        seqs = [seq for seq, _ in stored]
        ordered = numbers == sorted(numbers) and seqs == sorted(seqs)
        repeated = coordinator.duplicates
        coordinator.close()
    return [
        _result("events_lost", lost, "events", None, lost == 0),
        _result("events_doubled", doubled, "events", None, doubled == 0),
        _result("events_stored", len(stored), "events", events, len(stored) == events),
        _result("order_kept", int(ordered), "bool", 1, ordered),
        _result("kills", story.kills, "kills", 3, story.kills == 3),
        _result("broker_restarts", story.restarts, "restarts", 1, story.restarts == 1),
        _result("repeats_ignored", repeated, "messages", None, True),
        _result("endurance_s", round(seconds, 1), "s", None, True),
        _result(
            "agent_memory_mb",
            round(agent.peak_mb, 1),
            "MB",
            _MEMORY_LIMIT_MB,
            agent.peak_mb <= _MEMORY_LIMIT_MB,
        ),
    ]


async def _scan_reaction(directory: Path, scans: int) -> list[dict[str, Any]]:
    """From a code at the station's socket to the answer after the durable record; no broker is there."""
    from edge_agents.drivers.simulators.broker import free_port

    scanner = {"type": "scanner", "require_badge": False, "duplicate_s": 0}
    values = station_values(free_port(), {"scan": scanner}, station_id="bench-02")
    agent = AgentProcess(directory, values)
    agent.start()
    try:
        port_file = agent.data_dir / "drivers" / "scan" / "local_api.port"
        deadline = time.monotonic() + 20
        while not port_file.exists():
            if time.monotonic() > deadline:
                raise TimeoutError("La station ne répond pas.")
            await asyncio.sleep(0.05)
        port, times = int(port_file.read_text()), []
        for number in range(scans):
            started = time.perf_counter()
            await ask(port, {"scan": f"gu:x/{number}"})
            times.append((time.perf_counter() - started) * 1000)
    finally:
        agent.stop()
    p95 = round(statistics.quantiles(times, n=20)[-1], 2)
    return [_result("scan_reaction_p95_ms", p95, "ms", _SCAN_LIMIT_MS, p95 <= _SCAN_LIMIT_MS)]


def run_edge_bench(*, events: int = 10_000, per_s: float = 800.0, scans: int = 200) -> list[dict[str, Any]]:
    """Runs real agent processes against a real broker; returns one object per metric."""
    with tempfile.TemporaryDirectory(prefix="usinage-bench-") as name:
        directory = Path(name)

        async def both() -> list[dict[str, Any]]:
            return await _endurance(directory, events, per_s) + await _scan_reaction(directory, scans)

        return asyncio.run(both())


if __name__ == "__main__":
    for entry in run_edge_bench():
        print(entry["metric"], entry["value"], entry["unit"], "ok" if entry["ok"] else "ÉCHEC")
