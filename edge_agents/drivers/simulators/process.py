"""A real station in its own process, which can be killed like a power cut does (benches and tests)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from edge_agents.drivers.simulators.load_generator.driver import promised_file
from edge_agents.runtime.clock import OFFSET_VARIABLE
from edge_agents.runtime.health import memory_mb


def station_values(
    port: int, drivers: dict[str, Any], *, station_id: str = "bench-01", tls: dict[str, str] | None = None
) -> dict[str, Any]:
    """STATION.yaml of a station on this machine; ``tls`` names ``ca_file``, ``cert_file`` and ``key_file``."""
    return {
        "station_id": station_id,
        "site": "bench",
        "kind": "scan_station",
        "data_dir": station_id,
        "trust_clock": "yes",
        "broker": {"host": "127.0.0.1", "port": port, "tls": tls is not None} | (tls or {}),
        "link": {"min_delay_s": 0.2, "max_delay_s": 1.0, "events_per_s": 5000, "ack_timeout_s": 3},
        "log": {"level": "WARNING"},
        "config": {"drivers": drivers},
    }


class AgentProcess:
    """One station: its file, its process, its data folder."""

    def __init__(self, directory: Path, values: dict[str, Any]) -> None:
        self._file = directory / f"{values['station_id']}.yaml"
        self.values = values
        self.rewrite(values)
        self.data_dir = directory / str(values["data_dir"])
        self._process: subprocess.Popen[bytes] | None = None
        self.peak_mb = 0.0

    def rewrite(self, values: dict[str, Any]) -> None:
        """Another STATION.yaml for the next start."""
        self._file.write_text(yaml.safe_dump(values), encoding="utf-8")

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

    def promised(self, driver: str = "load") -> int:
        """Events which a load generator was told are recorded."""
        path = promised_file(self.data_dir / "drivers" / driver)
        return len(path.read_text().split()) if path.exists() else 0

    def local_port(self, driver: str) -> int | None:
        """Port of the local screen of a driver, once it is there."""
        file = self.data_dir / "drivers" / driver / "local_api.port"
        text = file.read_text() if file.exists() else ""
        return int(text) if text else None

    def kill(self) -> None:
        """SIGKILL: no chance to write anything more."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM: a wanted end."""
        self._end(signal.SIGTERM)

    def wait(self, timeout_s: float) -> int:
        """Exit code of an agent that ends by itself. Raises ``subprocess.TimeoutExpired``."""
        return self._process.wait(timeout_s) if self._process is not None else 0

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(20)
            self._process = None
