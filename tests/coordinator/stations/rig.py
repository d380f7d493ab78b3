"""Broker, reception and station as they run: a real database with commits, a real broker, the agent as a process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coordinator.gateway.ingest import Ingest
from coordinator.kernel.context import ContextFactory
from coordinator.modules.company.models import Site
from coordinator.modules.stations.models import Station
from edge_agents.drivers.local_api import ask
from edge_agents.drivers.simulators.broker import LocalBroker
from edge_agents.drivers.simulators.process import AgentProcess, station_values
from tests.conftest import master
from tests.factories import make


@dataclass
class Rig:
    """A coordinator with its broker, and the folder stations live in."""

    factory: ContextFactory
    broker: LocalBroker
    folder: Path

    def station(self, drivers: dict[str, Any], code: str = "st-scan-1", **values: Any) -> AgentProcess:
        """Process of a registered station, not started."""
        with self.factory.open(master()) as ctx:
            site = make(ctx, Site, code="bench")
            ctx.add(Station(code=code, name=code, kind="scan_station", site_id=site.id))
        content = station_values(self.broker.port, drivers, station_id=code) | values
        return AgentProcess(self.folder, content)


@contextmanager
def running(factory: ContextFactory, folder: Path) -> Iterator[Rig]:
    """Broker and ingest over the database of ``factory``."""
    with LocalBroker(folder / "broker") as broker:
        factory.config = factory.config.model_copy(update={"mqtt_port": broker.port, "mqtt_tls": False})
        ingest = Ingest(factory, tls=None)
        ingest.start()
        try:
            yield Rig(factory, broker, folder)
        finally:
            ingest.stop()


def until(condition: Callable[[], Any], timeout_s: float = 40.0) -> Any:
    """Value of the condition once it is true."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.1)
    return value


def say(agent: AgentProcess, driver: str, **request: Any) -> dict[str, Any]:
    """One request to the local screen of a station."""
    file = agent.data_dir / "drivers" / driver / "local_api.port"

    def answer() -> Any:
        try:
            return asyncio.run(ask(int(file.read_text()), request))
        except (OSError, ValueError):
            return None

    return dict(until(answer))
