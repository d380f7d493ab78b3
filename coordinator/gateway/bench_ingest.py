"""Ingest benchmark: broker → committed row, beside a plain COPY of the same rows and the bare broker.

The broker, the sender and the receiver share the same processors, as on a small NAS under load.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import paho.mqtt.client as mqtt
import psycopg
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import select, text
from sqlalchemy.orm import sessionmaker

from coordinator.bench import entry
from coordinator.bootstrap import registry, seed
from coordinator.gateway.ingest import Ingest, spare_collector
from coordinator.kernel.config import Config
from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.db import make_engine, utcnow
from coordinator.kernel.pki import Pki
from coordinator.migrations.migrate import upgrade
from coordinator.modules.company.models import Site
from coordinator.modules.machines import telemetry
from coordinator.modules.machines.models import Machine, TelemetryChannel
from coordinator.modules.stations.models import Station
from coordinator.processes import broker_tls
from edge_agents.protocol import Channel, Envelope, Topics, encode
from edge_agents.protocol.columns import ChannelColumns, TelemetryColumns

SITE, STATION, MACHINE = "bench", "st-bench", "BENCH-1"
EVENTS = 10_000
TELEMETRY_MESSAGES = 3_000
CHANNELS, VALUES = 10, 40
ROUNDS = 5
COPY_ROWS = 400_000
YEAR_CHANNELS = 5
DAY = dt.timedelta(days=1)
_log = structlog.get_logger(__name__)
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
    bare_events = _bare_broker(link, Channel.EVENT, events)
    spare_collector()
    ingest = Ingest(factory, tls=broker_tls(factory.config))
    ingest.start()
    try:
        # What is published before the first subscription has nobody to keep it; a station sends it again, this sender not.
        if not ingest.wait_listening(TIMEOUT_S):
            raise SystemExit("L'ingestion n'a pas pu s'abonner au broker.")
        events_per_s = EVENTS / _through(link, factory, Channel.EVENT, events)
        values = TELEMETRY_MESSAGES * CHANNELS * VALUES
        rates, copies, keyed = [], [], []
        # In turn, so that whatever else the machine does weighs on both alike.
        for turn in range(ROUNDS):
            first = turn * TELEMETRY_MESSAGES
            messages = [_telemetry(first + i + 1) for i in range(TELEMETRY_MESSAGES)]
            rates.append(values / _through(link, factory, Channel.TELEMETRY, messages, first))
            copies.append(statistics.mean((_plain_copy(factory), _plain_copy(factory))))
            keyed.append(_plain_copy(factory, has_key=True))
    finally:
        ingest.stop()
    values_per_s, copy_per_s, keyed_per_s = map(statistics.median, (rates, copies, keyed))
    lost = ROUNDS * values - _count(factory, "SELECT sum(cardinality(value)) FROM telemetry_block")
    year = _charts_of_a_year(factory)
    return [
        entry("events_per_s", events_per_s, "1/s", reference=round(bare_events), target=1000),
        entry("telemetry_values_per_s", values_per_s, "1/s", reference=round(copy_per_s), target=200_000),
        entry("telemetry_to_copy", _ratio(rates, copies), "1", target=0.4),
        entry("telemetry_to_copy_with_key", _ratio(rates, keyed), "1"),
        entry("copy_rows_per_s", copy_per_s, "1/s"),
        entry("copy_rows_with_key_per_s", keyed_per_s, "1/s"),
        entry("values_lost", lost, "1", target=0, lower_is_better=True),
        entry("day_chart_ms", year.day_ms, "ms", target=200, lower_is_better=True),
        entry("day_chart_of_samples_ms", year.fine_ms, "ms", target=200, lower_is_better=True),
        entry("year_chart_ms", year.year_ms, "ms", lower_is_better=True),
        entry(
            "events_lost",
            EVENTS - _count(factory, "SELECT count(*) FROM device_event"),
            "1",
            target=0,
            lower_is_better=True,
        ),
    ]


def _ratio(rates: list[float], references: list[float]) -> float:
    """Median of the ratios of each round: what slows one round slows both sides of it."""
    return statistics.median(a / b for a, b in zip(rates, references, strict=True))


def _event(seq: int) -> bytes:
    return _message(seq, "document.acknowledged", {"document_code": f"D{seq}", "revision": "A"})


def _telemetry(seq: int) -> bytes:
    # One second of values each, the last one just over: what lies in the future would be judged bad.
    start = int(time.time() * 1000) - (ROUNDS * TELEMETRY_MESSAGES + 60 - seq) * 1000
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


def _send(link: _Link, topic: str, messages: list[bytes], ready: Any, go: Any) -> None:
    client = link.connect(STATION)
    client.loop_start()
    while not client.is_connected():
        time.sleep(0.01)
    ready.set()
    go.wait()
    for info in [client.publish(topic, message, qos=1) for message in messages]:
        info.wait_for_publish(TIMEOUT_S)
    client.disconnect()
    client.loop_stop()


@contextmanager
def _sender(link: _Link, channel: Channel, messages: list[bytes]) -> Iterator[float]:
    """A connected station of its own process begins to publish; gives the moment. Waits for its end."""
    context = multiprocessing.get_context("fork")
    ready, go = context.Event(), context.Event()
    process = context.Process(
        target=_send, args=(link, Topics(SITE, STATION).of(channel), messages, ready, go)
    )
    process.start()
    if not ready.wait(TIMEOUT_S):
        raise SystemExit("La station de mesure n'a pas pu se connecter au broker.")
    go.set()
    yield time.perf_counter()
    process.join()


def _through(
    link: _Link, factory: ContextFactory, channel: Channel, messages: list[bytes], before: int = 0
) -> float:
    """Seconds from the first publication to the commit of the last message; ``before`` are stored already.

    The committed mark of the stream is watched, not the rows counted: counting would cost more than storing.
    """
    stream = "event" if channel is Channel.EVENT else "telemetry"
    used = _thread_seconds()
    with (
        psycopg.connect(_libpq_url(factory), autocommit=True) as connection,
        _sender(link, channel, messages) as started,
    ):
        while (reached := _committed(connection, stream) - before) < len(messages):
            if time.perf_counter() - started > TIMEOUT_S:
                raise SystemExit(f"Perte : {reached} messages sur {len(messages)} après {TIMEOUT_S:.0f} s.")
            time.sleep(0.03)
        seconds = time.perf_counter() - started
    spent = {name: round(total - used.get(name, 0.0), 2) for name, total in _thread_seconds().items()}
    _log.info("stored", stream=stream, seconds=round(seconds, 2), processor_s=spent)
    return seconds


def _thread_seconds() -> dict[str, float]:
    """Processor seconds of each thread of this process so far (Linux; empty elsewhere)."""
    found = {}
    for thread in threading.enumerate():
        stat = Path(f"/proc/self/task/{thread.native_id}/stat")
        if stat.exists():
            ticks = stat.read_text(encoding="ascii").rpartition(")")[2].split()
            found[thread.name] = (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")
    return found


def _committed(connection: psycopg.Connection[Any], stream: str) -> int:
    row = connection.execute(
        "SELECT contiguous_seq FROM station_stream WHERE station_code = %s AND stream = %s", (STATION, stream)
    ).fetchone()
    return int(row[0]) if row else 0


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
    with _sender(link, channel, messages) as started:
        while received < len(messages) and time.perf_counter() - started < TIMEOUT_S:
            time.sleep(0.005)
        seconds = time.perf_counter() - started
    client.disconnect()
    client.loop_stop()
    return received / seconds


def _plain_copy(factory: ContextFactory, *, has_key: bool = False) -> float:
    """Rows per second of a binary COPY of the same samples, one per row, into a plain table without any index.

    ``has_key`` adds the B-tree by channel and time which such a table needs for charts. The bytes are made by the
    database itself before the clock starts: only their storing is measured.
    """
    with psycopg.connect(_libpq_url(factory)) as connection:
        rows = "telemetry_samples(ARRAY(SELECT id FROM telemetry_channel), '-infinity', 'infinity')"
        out = f"COPY (SELECT * FROM {rows} LIMIT {COPY_ROWS}) TO STDOUT (FORMAT BINARY)"  # noqa: S608 — constants
        with connection.cursor() as cursor, cursor.copy(out) as copy:
            data = b"".join(bytes(piece) for piece in copy)
        connection.execute("DROP TABLE IF EXISTS bench_copy")
        connection.execute(
            "CREATE TABLE bench_copy (telemetry_channel_id bigint NOT NULL, sampled_at timestamptz NOT NULL,"
            " value double precision, quality smallint NOT NULL)"
        )
        if has_key:
            connection.execute("CREATE INDEX ON bench_copy (telemetry_channel_id, sampled_at)")
        connection.commit()
        started = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy("COPY bench_copy FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(data)
        connection.commit()
        return COPY_ROWS / (time.perf_counter() - started)


def _libpq_url(factory: ContextFactory) -> str:
    return factory.config.database_url.replace("postgresql+psycopg://", "postgresql://")


class _YearCharts(NamedTuple):
    """Median milliseconds: one day by minutes, one day by half minutes (from the samples), the year by days."""

    day_ms: float
    fine_ms: float
    year_ms: float


def _charts_of_a_year(factory: ContextFactory) -> _YearCharts:
    """Charts of a year of one machine: YEAR_CHANNELS channels, one sample a minute, the last day one a second.

    The day asked for lies far back, at the end and in between in turn.
    """
    with factory.open(Principal.service("bench")) as ctx:
        today = ctx.now.replace(hour=0, minute=0, second=0, microsecond=0)
        first = today - 365 * DAY
        _write_year(ctx, first, today)
        telemetry.ROLL_UP_HOURS = 10_000
        telemetry.roll_up(ctx)
        telemetry.maintain(ctx)
        channel = ctx.session.scalars(select(TelemetryChannel).where(TelemetryChannel.code == "y0")).one()
    day_ms, fine_ms, year_ms = [], [], []
    for back in (1, 30, 180, 300, 1, 364):
        with factory.open(Principal.service("bench")) as ctx:
            start = today - back * DAY
            spent, points = _timed_chart(ctx, channel, start, start + DAY, dt.timedelta(minutes=1))
            day_ms.append(spent)
            spent, fine = _timed_chart(ctx, channel, today - DAY, today, dt.timedelta(seconds=30))
            fine_ms.append(spent)
            spent, days = _timed_chart(ctx, channel, first, today, DAY)
            year_ms.append(spent)
        if (points, fine, days) != (1440, 2880, 365):
            raise SystemExit(f"Courbe incomplète : {points} minutes, {fine} demi-minutes, {days} jours.")
    return _YearCharts(*map(statistics.median, (day_ms, fine_ms, year_ms)))


def _write_year(ctx: Context, first: dt.datetime, today: dt.datetime) -> None:
    """By the way every sample takes, month after month as if it came then."""
    machine = ctx.add(Machine(code="BENCH-2", name="Année", machine_type="mill"))
    for i in range(YEAR_CHANNELS):
        ctx.add(TelemetryChannel(machine_id=machine.id, code=f"y{i}", raw_retention_days=400))
    ctx.session.flush()
    raw: Any = ctx.session.connection().connection.driver_connection
    months = [first + n * 30 * DAY for n in range(13)]
    spans = [(begin, min(begin + 30 * DAY, today - DAY), 60) for begin in months if begin < today - DAY]
    for begin, end, step_s in [*spans, (today - DAY, today, 1)]:
        times = np.arange(round(begin.timestamp()), round(end.timestamp()), step_s, dtype=np.int64) * 1000
        channels = {
            f"y{i}": ChannelColumns("", times, 20 + i + times // 1000 % 977 / 97, None)
            for i in range(YEAR_CHANNELS)
        }
        telemetry.write_batches(raw, [(TelemetryColumns("BENCH-2", channels), end)])


def _timed_chart(
    ctx: Context, channel: TelemetryChannel, start: dt.datetime, end: dt.datetime, bucket: dt.timedelta
) -> tuple[float, int]:
    """Milliseconds of a chart and its points."""
    started = time.perf_counter()
    points = telemetry.chart(ctx, channel, start, end, bucket)
    return (time.perf_counter() - started) * 1000, len(points)


def _count(factory: ContextFactory, query: str) -> int:
    with factory.sessions() as session:
        return int(session.scalar(text(query)) or 0)
