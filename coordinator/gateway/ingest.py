"""Ingest: takes stations' messages from the broker, stores them, acknowledges, hands facts to the modules.

Threads: the network (``broker_line``) fills a queue bounded by bytes; the decoder empties it in batches, unpacks and judges
them while the database is busy with those before; the writer stores each in one transaction and publishes acknowledgements only after
commit; the processor runs the modules' handlers; the housekeeper publishes configurations, commands, updates and reference
data. One process takes everything: the client speaks MQTT 3.1.1, which has no shared subscriptions.
"""

from __future__ import annotations

import gc
import queue
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
import structlog
from paho.mqtt.enums import CallbackAPIVersion

from coordinator.gateway.broker_line import BrokerLine, ReadAheadSocket
from coordinator.kernel.context import ContextFactory, Principal
from coordinator.kernel.db import utcnow
from coordinator.modules.machines import api as machines
from coordinator.modules.stations import api as stations
from edge_agents.protocol import Channel, ProtocolError, Topics
from edge_agents.protocol.control import (
    Ack,
    CommandResult,
    Document,
    Health,
    RejectedMessage,
    ReportedConfig,
    StationState,
    decode_document,
    encode_document,
)

_log = structlog.get_logger(__name__)
BATCH = 500
BATCH_WAIT_S = 0.02
BATCH_BYTES = 4_000_000
BACKLOG_BYTES = 64_000_000
"""What the reception holds while the database is busy; the broker keeps the rest."""
REPORTS_LIMIT = 50_000
DECODED_LIMIT = 2
HOUSEKEEPING_S = 1.0
REFERENCE_S = 5.0
STATIONS_CACHE_S = 2.0
GAP_PATIENCE_S = 5.0
_OVERHEAD = 500
"""Bytes a message holds beside its own."""
_STREAMED = {Channel.EVENT, Channel.TELEMETRY}
_COLLECT_AFTER = 100_000


def spare_collector() -> None:
    """Keep the garbage collector of an ingest process from walking through everything the program has loaded.

    Each batch makes thousands of short-lived arrays; the collector took half of the decoder's time. To be called once
    when the process has loaded its modules.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 50, 100)


class Backlog(queue.Queue[stations.Received]):
    """Received messages, limited by their bytes: twenty stations that come back at once bring weeks of work."""

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._bytes = 0

    def _qsize(self) -> int:
        return self._bytes

    def _put(self, item: stations.Received) -> None:
        super()._put(item)
        self._bytes += len(item.data) + _OVERHEAD

    def _get(self) -> stations.Received:
        item: stations.Received = super()._get()
        self._bytes -= len(item.data) + _OVERHEAD
        return item


class Ingest:
    """One ingest process. ``start`` returns at once; ``stop`` drains what was received."""

    def __init__(
        self,
        factory: ContextFactory,
        *,
        tls: ssl.SSLContext | None,
        client_id: str = "coordinator",
    ) -> None:
        self._factory = factory
        self._inbox = Backlog(BACKLOG_BYTES)
        self._reports: queue.Queue[tuple[str, str, Channel, bytes]] = queue.Queue(REPORTS_LIMIT)
        self._taken: list[stations.Received] = []
        self._decoded: queue.Queue[tuple[list[stations.Received], stations.Sorted]] = queue.Queue(
            DECODED_LIMIT
        )
        self._held: tuple[list[stations.Received], stations.Sorted] | None = None
        self._is_decoded = threading.Event()
        self._stop = threading.Event()
        self._work = threading.Event()
        self._known: dict[tuple[str, str], str | None] = {}
        self._known_at = 0.0
        self._gaps: dict[str, tuple[int, float]] = {}
        self._references: dict[str, str] = {}
        self._is_listening = threading.Event()
        self.stored = 0
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv311, clean_session=False
        )
        self._client.max_inflight_messages_set(1000)
        if tls is not None:
            tls.sslsocket_class = ReadAheadSocket
            self._client.tls_set_context(tls)
        else:
            self._client.username_pw_set("coordinator")
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._line = BrokerLine(self._client)
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Connect and begin; connection losses are survived."""
        config = self._factory.config
        self._line.start(config.mqtt_host, config.mqtt_port)
        for name, target in (
            ("decoder", self._decode),
            ("writer", self._write),
            ("processor", self._process),
            ("housekeeper", self._housekeep),
        ):
            thread = threading.Thread(
                target=self._supervised, args=(name, target), name=f"ingest-{name}", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def wait_listening(self, timeout_s: float) -> bool:
        """Whether the broker has confirmed the subscriptions within ``timeout_s`` seconds."""
        return self._is_listening.wait(timeout_s)

    def stop(self, timeout_s: float = 15.0) -> None:
        """Stop taking messages, store what was taken, end."""
        self._stop.set()
        self._work.set()
        for thread in self._threads:
            thread.join(timeout_s)
        self._line.stop()

    # network -----------------------------------------------------------------------------------------------------

    def _on_connect(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            _log.error("broker refuses the coordinator", reason=str(reason))
            return
        client.subscribe([(Topics.filter(channel), 1) for channel in _UP])
        self._references.clear()
        _log.info("ingest connected")

    def _on_subscribe(self, *_: Any) -> None:
        self._is_listening.set()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topics, channel = Topics.parse(message.topic)
        except ProtocolError:
            _log.warning("unexpected topic", topic=message.topic[:200])
            return
        if channel in _STREAMED:
            # A full queue blocks the network thread: the broker then holds the rest, nothing is dropped.
            self._inbox.put(stations.Received(message.topic, bytes(message.payload), utcnow()))
        else:
            self._reports.put((topics.site, topics.station_id, channel, bytes(message.payload)))

    def publish(
        self, site: str, station: str, channel: Channel, document: Document, *, retain: bool = False
    ) -> bool:
        """Send a document down; whether the client took it."""
        info = self._client.publish(
            Topics(site, station).of(channel),
            encode_document(document, compress=channel is Channel.DATA),
            qos=1,
            retain=retain,
        )
        return info.rc == mqtt.MQTT_ERR_SUCCESS

    # writer ------------------------------------------------------------------------------------------------------

    def _decode(self) -> None:
        try:
            while self._taken or not (self._stop.is_set() and self._inbox.empty()):
                # Held until handed on: what fails here must not lose what the broker has already handed over.
                self._taken = self._taken or self._take_batch()
                if self._taken:
                    self._decoded.put((self._taken, stations.sort_batch(self._taken, self._refusal)))
                    self._taken = []
        finally:
            if self._stop.is_set():
                self._is_decoded.set()

    def _write(self) -> None:
        url = self._factory.config.database_url.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(url, options="-c timezone=UTC") as connection:
            while self._held or not (self._is_decoded.is_set() and self._decoded.empty()):
                # Held until stored: a lost connection must not lose what the broker has already handed over.
                self._held = self._held or self._take_decoded()
                if self._held:
                    self._store(connection, *self._held)
                    self._held = None

    def _take_decoded(self) -> tuple[list[stations.Received], stations.Sorted] | None:
        try:
            return self._decoded.get(timeout=0.2)
        except queue.Empty:
            return None

    def _take_batch(self) -> list[stations.Received]:
        try:
            batch = [self._inbox.get(timeout=0.2)]
        except queue.Empty:
            return []
        deadline = time.monotonic() + BATCH_WAIT_S
        size = len(batch[0].data)
        while len(batch) < BATCH and size < BATCH_BYTES:
            try:
                batch.append(self._inbox.get(timeout=max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                break
            size += len(batch[-1].data)
        return batch

    def _store(
        self,
        connection: psycopg.Connection[Any],
        batch: list[stations.Received],
        judged: stations.Sorted,
    ) -> None:
        """Store a batch and acknowledge it. One message the database cannot take is rejected alone."""
        try:
            with connection.transaction():
                states = stations.store(connection, judged, machines.write_batches, self._has_handler)
        except (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError) as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                for part in (batch[:middle], batch[middle:]):
                    self._store(connection, part, stations.sort_batch(part, self._refusal))
                return
            _log.error("message refused by the database", topic=batch[0].topic, reason=str(error))
            with connection.transaction():
                states = stations.store(
                    connection, judged.all_rejected(str(error)), machines.write_batches, self._has_handler
                )
        self.stored += len(judged.accepted)
        for station, state in states.items():
            self._acknowledge(judged.sites[station], station, state)
        self._work.set()

    def _acknowledge(self, site: str, station: str, state: stations.StreamState) -> None:
        resend = self._resend_from(station, state.contiguous["event"], state.highest["event"])
        rejected = [
            RejectedMessage(message_id=r.message_id, seq=r.seq, reason=r.reason[:300])
            for r in state.rejected
            if r.message_id is not None and r.seq is not None
        ]
        ack = Ack(
            event_seq=state.contiguous["event"],
            telemetry_seq=state.contiguous["telemetry"],
            rejected=rejected,
            resend_from=resend,
        )
        self.publish(site, station, Channel.ACK, ack)

    def _resend_from(self, station: str, contiguous: int, highest: int) -> int | None:
        """Number to ask again from: a gap below which nothing has come for a while (live events overtake a replay)."""
        if highest <= contiguous:
            self._gaps.pop(station, None)
            return None
        now = time.monotonic()
        reached, since = self._gaps.setdefault(station, (contiguous, now))
        if reached != contiguous:
            self._gaps[station] = (contiguous, now)
        elif now - since > GAP_PATIENCE_S:
            self._gaps[station] = (contiguous, now)
            return contiguous + 1
        return None

    def _refusal(self, site: str, station: str) -> str | None:
        if time.monotonic() - self._known_at > STATIONS_CACHE_S or (site, station) not in self._known:
            with self._factory.open(Principal.service("ingest")) as ctx:
                self._known = stations.station_refusal(ctx)
            self._known_at = time.monotonic()
        return self._known.get((site, station), "Station inconnue du coordinateur.")

    def _has_handler(self, event_type: str) -> bool:
        return event_type in self._factory.registry.device_handlers

    # processor ---------------------------------------------------------------------------------------------------

    def _process(self) -> None:
        while not self._stop.is_set():
            self._work.wait(1.0)
            self._work.clear()
            for station in stations.stations_with_work(self._factory):
                for message, outcome in stations.process_station(self._factory, station):
                    self._tell_outcome(station, message, outcome.message or outcome.code)
                if self._stop.is_set():
                    return

    def _tell_outcome(self, station: str, message: Any, text: str) -> None:
        site = next((s for s, code in self._known if code == station), None)
        if site is None or message.seq is None:
            return
        with self._factory.sessions() as session:
            raw = session.connection().connection.driver_connection
            state = stations.stream_state(raw, station)  # type: ignore[arg-type]
        refused = RejectedMessage(message_id=message.message_id, seq=message.seq, reason=text[:300])
        ack = Ack(
            event_seq=state.contiguous["event"],
            telemetry_seq=state.contiguous["telemetry"],
            rejected=[refused],
        )
        self.publish(site, station, Channel.ACK, ack)

    # housekeeper -------------------------------------------------------------------------------------------------

    def _housekeep(self) -> None:
        next_reference = 0.0
        while not self._stop.is_set():
            self._take_reports()
            self._send_down()
            if time.monotonic() >= next_reference and self._client.is_connected():
                next_reference = time.monotonic() + REFERENCE_S
                self._send_references()
            self._stop.wait(HOUSEKEEPING_S)

    def _take_reports(self) -> None:
        while True:
            try:
                site, station, channel, data = self._reports.get_nowait()
            except queue.Empty:
                return
            if self._refusal(site, station) is not None:
                continue
            try:
                self._report(station, channel, data)
            except ProtocolError as error:
                _log.warning("report refused", station=station, channel=channel.value, reason=str(error))

    def _report(self, station: str, channel: Channel, data: bytes) -> None:
        model, record = _REPORTS[channel]
        document = decode_document(model, data)
        with self._factory.open(Principal.service("ingest")) as ctx:
            record(ctx, station, document)
        if channel is Channel.STATE:
            # A station speaks up: what was sent before it had a session with the broker is lost.
            self._references.pop(station, None)

    def _send_down(self) -> None:
        if not self._client.is_connected():
            return
        with self._factory.open(Principal.service("ingest")) as ctx:
            for site, code, row_id, config in stations.pending_configs(ctx):
                if self.publish(site, code, Channel.CONFIG_DESIRED, config, retain=True):
                    stations.mark_config_published(ctx, row_id)
            for site, code, row_id, command in stations.pending_commands(ctx):
                if self.publish(site, code, Channel.CMD, command):
                    stations.mark_command_sent(ctx, row_id)
            for site, code, row_id, offer in stations.pending_updates(ctx):
                if self.publish(site, code, Channel.UPDATE, offer):
                    stations.mark_update_published(ctx, row_id)
            stations.silent_stations(ctx)

    def _send_references(self) -> None:
        with self._factory.open(Principal.service("ingest")) as ctx:
            known = stations.station_refusal(ctx)
            for (site, code), refusal in known.items():
                if refusal is not None:
                    continue
                data = stations.reference_data(ctx, code)
                if self._references.get(code) != data.version and self.publish(
                    site, code, Channel.DATA, data
                ):
                    self._references[code] = str(data.version)

    def _supervised(self, name: str, target: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                target()
            except (
                Exception
            ) as error:  # a supervisor: the thread starts again, what was not stored comes again
                _log.error("ingest thread failed", thread=name, exc_info=error)
                self._stop.wait(1.0)


_REPORTS: dict[Channel, tuple[type[Document], Callable[..., None]]] = {
    Channel.HEALTH: (Health, stations.record_health),
    Channel.STATE: (StationState, stations.record_state),
    Channel.CONFIG_REPORTED: (ReportedConfig, stations.record_config_report),
    Channel.CMD_RESULT: (CommandResult, stations.record_command_result),
}
_UP = (Channel.EVENT, Channel.TELEMETRY, *_REPORTS)
