"""Ingest benchmark: broker → committed row, beside a plain COPY of the same rows and the bare broker.

The broker, the sender and the receiver share the same processors, as on a small NAS under load.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import text
from sqlalchemy.orm import sessionmaker

from coordinator.bench import entry
from coordinator.bootstrap import registry, seed
from coordinator.gateway.ingest import Ingest
from coordinator.kernel.config import Config
from coordinator.kernel.context import ContextFactory, Principal
from coordinator.kernel.db import make_engine, utcnow
from coordinator.kernel.pki import Pki
from coordinator.migrations.migrate import upgrade
from coordinator.modules.company.models import Site
from coordinator.modules.machines.models import Machine
from coordinator.modules.stations.models import Station
from coordinator.processes import broker_tls
from edge_agents.protocol import Channel, Envelope, Topics, encode

SITE, STATION, MACHINE = "bench", "st-bench", "BENCH-1"
EVENTS = 10_000
TELEMETRY_MESSAGES = 3_000
CHANNELS, VALUES = 10, 40
TIMEOUT_S = 120.0


def run() -> list[dict[str, Any]]:
    """Measured figures; every row that was sent is counted in the database at the end."""
    from infra.embedded.broker import BrokerSettings
    from infra.embedded.databases import with_database
    from infra.embedded.mosquitto import MosquittoProcess, find_binary
    from infra.embedded.ports import free_port
    from infra.embedded.postgres import EmbeddedPostgres

    if find_binary() is None:
        raise SystemExit("Mosquitto est absent : « make setup » l'installe, puis relancez la mesure.")
    with tempfile.TemporaryDirectory(prefix="usinage-bench-") as folder:
        root = Path(folder)
        server = EmbeddedPostgres(root / "pg")
        server.start("usinage_bench")
        pki = Pki.open_or_create(root / "secrets" / "pki")
        paths = pki.server_certificate("broker", ["127.0.0.1", "localhost"])
        settings = BrokerSettings(
            tls_port=free_port(),
            ca_file=str(paths.ca),
            cert_file=str(paths.certificate),
            key_file=str(paths.key),
        )
        broker = MosquittoProcess(settings, root / "broker")
        broker.start()
        port = broker.tls_port
        try:
            url = with_database(server.url(), "usinage_bench")
            return _measure(_factory(url, root, port), _Link(port, pki))
        finally:
            broker.stop()
            server.stop(force=True)


def _factory(url: str, root: Path, port: int) -> ContextFactory:
    upgrade(url)
    config = Config(database_url=url, data_dir=root / "data", secrets_dir=root / "secrets", mqtt_port=port)
    factory = ContextFactory(sessionmaker(make_engine(url), expire_on_commit=False), registry(), config)
    seed(factory)
    with factory.open(Principal.service("bench")) as ctx:
        site = ctx.add(Site(code=SITE, name="Mesure"))
        ctx.add(Station(code=STATION, name="Mesure", kind="machine_agent", site_id=site.id))
        ctx.add(Machine(code=MACHINE, name="Mesure", machine_type="mill"))
    return factory


class _Link:
    """Clients of the benchmark's broker, each with its own certificate."""

    def __init__(self, port: int, pki: Pki) -> None:
        self.port = port
        self._pki = pki

    def connect(self, name: str) -> mqtt.Client:
        """Connected client that presents the certificate of ``name``."""
        paths = self._pki.client_certificate(name)
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
        client.tls_set(str(paths.ca), str(paths.certificate), str(paths.key))
        client.max_inflight_messages_set(200)
        client.max_queued_messages_set(0)
        client.connect("127.0.0.1", self.port)
        return client


def _measure(factory: ContextFactory, link: _Link) -> list[dict[str, Any]]:
    events = [_event(i + 1) for i in range(EVENTS)]
    telemetry = [_telemetry(i + 1) for i in range(TELEMETRY_MESSAGES)]
    bare_events = _bare_broker(link, Channel.EVENT, events)
    ingest = Ingest(factory, tls=broker_tls(factory.config))
    ingest.start()
    try:
        events_per_s = _through(link, Channel.EVENT, events, lambda: _count(factory, "device_event"), EVENTS)
        values = TELEMETRY_MESSAGES * CHANNELS * VALUES
        values_per_s = (
            values
            / EVENTS
            * _through(
                link,
                Channel.TELEMETRY,
                telemetry,
                lambda: _count(factory, "telemetry_sample"),
                values,
                scale=EVENTS / values,
            )
        )
    finally:
        ingest.stop()
    copy_per_s = statistics.median(_plain_copy(factory) for _ in range(3))
    return [
        entry("events_per_s", events_per_s, "1/s", reference=round(bare_events), target=1000),
        entry("telemetry_values_per_s", values_per_s, "1/s", reference=round(copy_per_s), target=50_000),
        entry("copy_rows_per_s", copy_per_s, "1/s"),
        entry("events_lost", EVENTS - _count(factory, "device_event"), "1", target=0, lower_is_better=True),
    ]


def _event(seq: int) -> bytes:
    return _message(seq, "document.acknowledged", {"document_code": f"D{seq}", "revision": "A"})


def _telemetry(seq: int) -> bytes:
    start = int(time.time() * 1000) - 3_600_000 + seq * 1000
    times = [start + i * 25 for i in range(VALUES)]
    channels = {
        f"c{c}": {"unit": "kW", "t": times, "v": [c + (seq + i) % 97 / 7 for i in range(VALUES)]}
        for c in range(CHANNELS)
    }
    return _message(seq, "telemetry.batch", {"machine_code": MACHINE, "channels": channels}, compress=True)


def _message(seq: int, type_: str, payload: dict[str, Any], *, compress: bool = False) -> bytes:
    now = utcnow()
    envelope = Envelope(message_id=uuid.uuid4(), station_id=STATION, seq=seq, type=type_, schema_version=1, occurred_at=now,
                        sent_at=now, time_quality="trusted", payload=payload)  # fmt: skip
    return encode(envelope, compress=compress)


def _send(link: _Link, topic: str, messages: list[bytes]) -> None:
    client = link.connect(STATION)
    client.loop_start()
    while not client.is_connected():
        time.sleep(0.01)
    for info in [client.publish(topic, message, qos=1) for message in messages]:
        info.wait_for_publish(TIMEOUT_S)
    client.disconnect()
    client.loop_stop()


def _start_sender(
    link: _Link, channel: Channel, messages: list[bytes]
) -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("fork").Process(
        target=_send, args=(link, Topics(SITE, STATION).of(channel), messages)
    )
    process.start()
    return process


def _through(
    link: _Link,
    channel: Channel,
    messages: list[bytes],
    count: Callable[[], int],
    expected: int,
    *,
    scale: float = 1.0,
) -> float:
    """Rows per second (times ``scale``) from the first publication to the last committed row."""
    started = time.perf_counter()
    sender = _start_sender(link, channel, messages)
    while count() < expected:
        if time.perf_counter() - started > TIMEOUT_S:
            raise SystemExit(f"Perte : {count()} lignes sur {expected} après {TIMEOUT_S:.0f} s.")
        time.sleep(0.05)
    seconds = time.perf_counter() - started
    sender.join()
    return expected * scale / seconds


def _bare_broker(link: _Link, channel: Channel, messages: list[bytes]) -> float:
    """Messages per second through the broker to a subscriber that only counts."""
    received = 0

    def on_message(_c: Any, _d: Any, _m: Any) -> None:
        nonlocal received
        received += 1

    client = link.connect("coordinator")
    client.on_message = on_message
    client.subscribe(Topics.filter(channel), 1)
    client.loop_start()
    time.sleep(0.3)
    started = time.perf_counter()
    sender = _start_sender(link, channel, messages)
    while received < len(messages) and time.perf_counter() - started < TIMEOUT_S:
        time.sleep(0.005)
    seconds = time.perf_counter() - started
    sender.join()
    client.disconnect()
    client.loop_stop()
    return received / seconds


def _plain_copy(factory: ContextFactory) -> float:
    """Rows per second of a binary COPY of the same rows into a plain table with the same index."""
    url = factory.config.database_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT * FROM telemetry_sample LIMIT 400000").fetchall()
        types = [
            c.type_code
            for c in connection.execute("SELECT * FROM telemetry_sample LIMIT 0").description or []
        ]
        connection.execute("DROP TABLE IF EXISTS bench_copy")
        connection.execute("CREATE TABLE bench_copy (LIKE telemetry_sample INCLUDING INDEXES)")
        connection.commit()
        started = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy("COPY bench_copy FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
        connection.commit()
        return len(rows) / (time.perf_counter() - started)


def _count(factory: ContextFactory, table: str) -> int:
    with factory.sessions() as session:
        return session.scalar(text(f"SELECT count(*) FROM {table}")) or 0  # noqa: S608 — constant names
