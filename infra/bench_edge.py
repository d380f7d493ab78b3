"""``usinage bench edge``: stations, broker, reception and API as they run, amid random kills (EDG-03, 07, 19, 27).

Every process is real: PostgreSQL, Mosquitto with mutual TLS, ``usinage ingest``, ``usinage serve``, agents. Each schedule
draws its own order of power cuts of the station, of the broker and of the reception, a 72 h cut and a clock jump.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import structlog
import websockets
from sqlalchemy.orm import sessionmaker

from coordinator.bench import entry
from coordinator.bootstrap import registry, seed
from coordinator.kernel import qr
from coordinator.kernel.config import Config
from coordinator.kernel.context import ContextFactory, Principal
from coordinator.kernel.db import make_engine
from coordinator.kernel.pki import Pki
from coordinator.migrations.migrate import upgrade
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.company.models import CompanyProfile, Site
from coordinator.modules.identity import api as identity
from coordinator.modules.identity import sessions
from coordinator.modules.machines.models import Machine
from coordinator.modules.stations.models import Station
from edge_agents.drivers.local_api import ask
from edge_agents.drivers.simulators.process import AgentProcess, station_values
from infra.bench_edge_replay import ThinLine, fill_journal
from infra.demo.process import Service, python, wait_until
from infra.embedded.broker import BrokerSettings
from infra.embedded.databases import with_database
from infra.embedded.mosquitto import MosquittoProcess, find_binary
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres, libpq_url

_log = structlog.get_logger(__name__)
CUT_S = 72 * 3600.0
MEMORY_LIMIT_MB = 250.0
SCAN_LIMIT_MS = 300.0
CLIENT_LIMIT_S = 2.0
REPLAY_LIMIT_S = 900.0
EDG27_EVENTS = 10_000  # the first schedule is the acceptance test itself; those after it are shorter
_STEP_TIMEOUT_S = 300.0
_FAULTS = ("station", "station", "station", "broker", "reception", "cut", "clock")


@dataclass
class Plant:
    """A coordinator with everything around it, below one folder."""

    folder: Path
    pki: Pki
    broker: MosquittoProcess
    factory: ContextFactory
    ingest: Service
    serve: Service
    api_port: int
    token: str
    item_code: str

    def station(self, code: str, drivers: dict[str, Any], *, port: int | None = None) -> AgentProcess:
        """A registered station with its certificate, not started; ``port`` leads to the broker by another way."""
        with self.factory.open(Principal.service("bench")) as ctx:
            site = ctx.session.query(Site).filter_by(code="bench").one()
            ctx.add(Station(code=code, name=code, kind="scan_station", site_id=site.id))
        paths = self.pki.client_certificate(code)
        tls = {"ca_file": str(paths.ca), "cert_file": str(paths.certificate), "key_file": str(paths.key)}
        values = station_values(port or self.broker.tls_port, drivers, station_id=code, tls=tls)
        if port is not None:
            del values["link"]
        return AgentProcess(self.folder, values)

    def numbers(self, code: str) -> list[int]:
        """Numbers of the load generator's events as they stand in the database, in the order of ``seq``."""
        query = "SELECT payload->>'code' FROM device_event WHERE station_code = %s AND event_type = 'scan.read' ORDER BY seq"
        with psycopg.connect(libpq_url(self.factory.config.database_url)) as connection:
            return [int(row[0].removeprefix("n:")) for row in connection.execute(query, (code,)).fetchall()]

    def reached(self, code: str) -> tuple[int, int]:
        """Highest number without gap of the event and the telemetry stream."""
        query = "SELECT stream, contiguous_seq FROM station_stream WHERE station_code = %s"
        with psycopg.connect(libpq_url(self.factory.config.database_url)) as connection:
            found: dict[str, int] = dict(connection.execute(query, (code,)).fetchall())
        return found.get("event", 0), found.get("telemetry", 0)

    def has_breakdown(self, code: str, words: str) -> bool:
        """Whether a breakdown reported with these words is stored."""
        query = "SELECT 1 FROM device_event WHERE station_code = %s AND payload->>'comment' = %s"
        with psycopg.connect(libpq_url(self.factory.config.database_url)) as connection:
            return connection.execute(query, (code, words)).fetchone() is not None


@contextlib.contextmanager
def plant(folder: Path) -> Iterator[Plant]:
    """Start everything; end it afterwards."""
    if find_binary() is None:
        raise SystemExit("Mosquitto est absent : « make setup » l'installe, puis relancez la mesure.")
    server = EmbeddedPostgres(folder / "pg", max_connections=60)
    server.start("usinage_bench")
    url = with_database(server.url(), "usinage_bench")
    pki = Pki.open_or_create(folder / "secrets" / "pki")
    paths = pki.server_certificate("broker", ["127.0.0.1", "localhost"])
    settings = BrokerSettings(
        tls_port=free_port(), ca_file=str(paths.ca), cert_file=str(paths.certificate), key_file=str(paths.key)
    )
    broker = MosquittoProcess(settings, folder / "broker")
    broker.start()
    services: list[Service] = []
    try:
        api_port = free_port()
        factory, token, item_code = _prepare(url, folder, broker.tls_port)
        env = {
            "USINAGE_DATABASE_URL": url,
            "USINAGE_DATA_DIR": str(folder / "data"),
            "USINAGE_SECRETS_DIR": str(folder / "secrets"),
            "USINAGE_API_PORT": str(api_port),
            "USINAGE_MQTT_PORT": str(broker.tls_port),
        }
        for name in ("ingest", "serve"):
            command = python("coordinator.cli", name)
            services.append(Service(name, command, folder, env, folder / f"{name}.log"))
            services[-1].start()
        yield Plant(folder, pki, broker, factory, services[0], services[1], api_port, token, item_code)
    finally:
        for service in services:
            service.stop()
        broker.stop()
        server.stop(force=True)


def _prepare(url: str, folder: Path, mqtt_port: int) -> tuple[ContextFactory, str, str]:
    upgrade(url)
    config = Config(
        database_url=url, data_dir=folder / "data", secrets_dir=folder / "secrets", mqtt_port=mqtt_port
    )
    factory = ContextFactory(sessionmaker(make_engine(url), expire_on_commit=False), registry(), config)
    seed(factory)
    with factory.open(Principal(kind="user", name="bench", is_master=True)) as ctx:
        ctx.add(CompanyProfile(legal_name="Mesure", country="FR"))
        ctx.add(Site(code="bench", name="Mesure"))
        ctx.add(Machine(code="BENCH-1", name="Mesure", machine_type="mill"))
        item = ctx.add(StockItem(code="FORET-8", name="Foret 8"))
        code = qr.code_of(ctx, item)
        user = identity.create_user(
            ctx, first_name="Max", last_name="Magasin", email="magasin@example.org", roles=["storekeeper"],
        )  # fmt: skip
        return factory, sessions.open_session(ctx, user, "password").access_token, code


# endurance ----------------------------------------------------------------------------------------------------


@dataclass
class Schedule:
    """One station under one random order of faults."""

    plant: Plant
    number: int
    events: int
    per_s: float
    faults: list[tuple[int, str]] = field(default_factory=list)

    def run(self) -> tuple[AgentProcess, list[int]]:
        """The station after its faults, and what stands in the database."""
        chance = random.Random(f"edge-{self.number}")
        names = list(_FAULTS)
        chance.shuffle(names)
        marks = sorted(chance.randint(self.events // 20, self.events * 9 // 10) for _ in names)
        self.faults = list(zip(marks, names, strict=True))
        code = f"st-bench-{self.number:02}"
        agent = self.plant.station(
            code, {"load": {"type": "load_generator", "total": self.events, "per_s": self.per_s}}
        )
        offset_s = -CUT_S
        agent.start(clock_offset_s=offset_s)
        try:
            for mark, name in self.faults:
                self._until(agent, lambda mark=mark: agent.promised() >= mark)
                offset_s = self._strike(agent, name, offset_s, chance)
            self._until(agent, lambda: agent.promised() >= self.events)
            self._until(agent, lambda: len(self.plant.numbers(code)) >= self.events)
        except TimeoutError:
            # What is missing is counted as lost; where it stopped tells a slow machine from a lost message.
            _log.warning(
                "schedule not finished",
                schedule=self.number,
                faults=self.faults,
                promised=agent.promised(),
                stored=len(self.plant.numbers(code)),
                total=self.events,
            )
        finally:
            agent.stop()
        return agent, self.plant.numbers(code)

    def _strike(self, agent: AgentProcess, name: str, offset_s: float, chance: random.Random) -> float:
        """Let one fault happen; the station's clock offset afterwards."""
        if name == "broker":
            self.plant.broker.kill()
            time.sleep(chance.random() * 2)
            self.plant.broker.start()
            return offset_s
        if name == "reception":
            self.plant.ingest.kill()
            time.sleep(chance.random() * 2)
            self.plant.ingest.start()
            return offset_s
        if name == "cut":
            # The station lived three days behind the coordinator: now these days pass while the line is cut.
            self.plant.broker.stop()
            agent.kill()
            agent.start(clock_offset_s=0)
            there = min(agent.promised() + self.events // 10, self.events)
            self._until(agent, lambda: agent.promised() >= there)
            self.plant.broker.start()
            return 0.0
        offset_s = offset_s - 3600 if name == "clock" else offset_s
        agent.kill()
        agent.start(clock_offset_s=offset_s)
        return offset_s

    def _until(self, agent: AgentProcess, condition: Any) -> None:
        deadline = time.monotonic() + _STEP_TIMEOUT_S
        while not condition():
            agent.sample()
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.1)


def endurance(shop: Plant, totals: Sequence[int], per_s: float) -> list[dict[str, Any]]:
    """Lost, doubled and disordered events over schedules of so many events each; memory of the stations."""
    lost = doubled = disordered = 0
    peak_mb = 0.0
    for number, total in enumerate(totals):
        agent, numbers = Schedule(shop, number, total, per_s).run()
        lost += len(set(range(1, total + 1)) - set(numbers))
        doubled += len(numbers) - len(set(numbers))
        disordered += sum(1 for a, b in itertools.pairwise(numbers) if b < a)
        peak_mb = max(peak_mb, agent.peak_mb)
    return [
        _limit("events_lost", lost, "1", 0),
        _limit("events_doubled", doubled, "1", 0),
        _limit("events_out_of_order", disordered, "1", 0),
        _limit("agent_memory_mb", peak_mb, "MB", MEMORY_LIMIT_MB),
    ]


# a person at the station, a person at a client -----------------------------------------------------------------


async def reactions(shop: Plant, scans: int, takes: int) -> list[dict[str, Any]]:
    """From a code before the scanner to its answer, and from a taken item to the message a live client receives."""
    agent = shop.station(
        "st-bench-scan", {"scan": {"type": "scanner", "require_badge": False, "duplicate_s": 0}}
    )
    agent.start()
    try:
        port = await _ready(agent, shop.item_code)
        scan_ms, seen_s = [], []
        for number in range(scans):
            started = time.perf_counter()
            await ask(port, {"scan": f"gu:x/{number}"})
            scan_ms.append((time.perf_counter() - started) * 1000)
        async with websockets.connect(f"ws://127.0.0.1:{shop.api_port}/api/v1/live") as client:
            await client.send(json.dumps({"token": shop.token}))
            await _message(client, lambda m: m.get("action") == "ready")
            await ask(port, {"scan": shop.item_code})
            for _ in range(takes):
                started = time.perf_counter()
                await ask(port, {"action": "take", "quantity": 1})
                await _message(client, lambda m: m.get("entity") == "stock_movement")
                seen_s.append(time.perf_counter() - started)
                await asyncio.sleep(random.random() * 0.3)
    finally:
        agent.stop()
    return [
        _limit("scan_reaction_p95_ms", _p95(scan_ms), "ms", SCAN_LIMIT_MS),
        _limit("event_to_client_p95_s", _p95(seen_s), "s", CLIENT_LIMIT_S),
    ]


async def replay(shop: Plant, hours: float) -> list[dict[str, Any]]:
    """Seconds to bring 24 h of buffered work over 2 Mbit/s, from ``hours`` of it, and how long a live event takes meanwhile."""
    code = "st-bench-replay"
    line = ThinLine(shop.broker.tls_port)
    scanner = {"type": "scanner", "require_badge": False, "duplicate_s": 0}
    agent = shop.station(code, {"scan": scanner}, port=line.port)
    events, telemetry = fill_journal(agent.data_dir / "journal", code, hours)
    seen_s: list[float] = []
    try:
        agent.start()
        started = time.perf_counter()
        while agent.local_port("scan") is None:
            await asyncio.sleep(0.1)
        while not all(
            reached >= total for reached, total in zip(shop.reached(code), (events, telemetry), strict=True)
        ):
            if time.perf_counter() - started > 3600:
                raise SystemExit("Le rejeu ne finit pas.")
            seen_s.append(await _seen_in_database(shop, code, agent.local_port("scan") or 0))
            await asyncio.sleep(0.5)
        seconds = time.perf_counter() - started
    finally:
        agent.stop()
        line.close()
    found = [_limit("replay_24h_s", seconds * 24 / hours, "s", REPLAY_LIMIT_S)]
    if seen_s:  # a replay over before anybody could work beside it says nothing
        found.append(_limit("live_during_replay_p95_s", _p95(seen_s), "s", CLIENT_LIMIT_S))
    return found


async def _seen_in_database(shop: Plant, code: str, port: int) -> float:
    """Seconds from a reported breakdown to its row in the database, among what is being replayed."""
    words = f"panne {time.time_ns()}"
    started = time.perf_counter()
    await ask(port, {"action": "breakdown", "machine_code": "BENCH-1", "comment": words})
    while not await asyncio.to_thread(shop.has_breakdown, code, words):
        if time.perf_counter() - started > _STEP_TIMEOUT_S:
            raise SystemExit("Un événement du moment n'arrive pas pendant le rejeu.")
        await asyncio.sleep(0.02)
    return time.perf_counter() - started


async def _ready(agent: AgentProcess, item_code: str) -> int:
    """Port of the scanner, once the station knows the item."""
    deadline = time.monotonic() + _STEP_TIMEOUT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            port = agent.local_port("scan")
            if port is not None and "take" in (await ask(port, {"scan": item_code})).get("actions", []):
                return port
        await asyncio.sleep(0.2)
    raise SystemExit("La station ne reçoit pas ses données de référence.")


async def _message(client: Any, wanted: Any) -> None:
    async with asyncio.timeout(_STEP_TIMEOUT_S):
        while not wanted(json.loads(await client.recv())):
            pass


def _p95(values: list[float]) -> float:
    return values[0] if len(values) == 1 else statistics.quantiles(values, n=20)[-1]


def _limit(metric: str, value: float, unit: str, limit: float) -> dict[str, Any]:
    return entry(metric, value, unit, reference=limit, target=limit, lower_is_better=True)


def run(
    *,
    schedules: int = 3,
    first_events: int = EDG27_EVENTS,
    events: int = 2_000,
    per_s: float = 400.0,
    scans: int = 200,
    takes: int = 60,
    replay_h: float = 1.0,
) -> list[dict[str, Any]]:
    """Measured figures, each with its limit."""
    with tempfile.TemporaryDirectory(prefix="usinage-bench-") as name, plant(Path(name)) as shop:
        address = f"http://127.0.0.1:{shop.api_port}/api/v1/health"
        wait_until(lambda: _answers(address), 90, "L'API ne répond pas", shop.serve)
        measured = asyncio.run(reactions(shop, scans, takes))
        measured += asyncio.run(replay(shop, replay_h))
        return [*measured, *endurance(shop, [first_events, *[events] * (schedules - 1)], per_s)]


def _answers(url: str) -> bool:
    import httpx

    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
