"""MQTT link of a station (EDG-13, 14, 17, 20, 24, 53, 56): replays the journal, obeys acknowledgements."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiomqtt
import structlog

from edge_agents.protocol import Channel, Envelope, ProtocolError, Topics, encode
from edge_agents.protocol.control import Ack, Document, StationState, decode_document, encode_document
from edge_agents.protocol.topics import RETAINED
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.journal import STREAMS, Journal, Stream
from edge_agents.runtime.station import BrokerSettings, LinkSettings
from edge_agents.runtime.tasks import end

log = structlog.get_logger(__name__)
_BATCH = 50
_CHANNEL: dict[Stream, Channel] = {"event": Channel.EVENT, "telemetry": Channel.TELEMETRY}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
Handler = Callable[[bytes], Awaitable[None]]


class InsecureBrokerError(ValueError):
    """Plain MQTT over a network was not allowed explicitly."""


def tls_context(broker: BrokerSettings) -> ssl.SSLContext | None:
    """Mutual TLS of the broker. Raises ``InsecureBrokerError`` for plain MQTT leaving this machine."""
    if not broker.tls:
        if broker.host not in _LOOPBACK and not broker.allow_plain:
            raise InsecureBrokerError("MQTT sans TLS refusé hors de la machine (broker.allow_plain).")
        return None
    context = ssl.create_default_context(cafile=str(broker.ca_file) if broker.ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if broker.cert_file:
        context.load_cert_chain(broker.cert_file, broker.key_file)
    return context


@dataclass
class _Lane:
    """Live events beside a replay: those after ``above``, sent up to ``sent``."""

    above: int
    sent: int


@dataclass
class _Cursor:
    """How far one stream was sent in this session."""

    sent: int
    progress_at: float
    next_at: float = 0.0
    lower_acks: int = 0
    rewound: tuple[int, float] = field(default=(-1, 0.0))


class Link:
    """Keeps one MQTT session and sends the journal, events before telemetry, live events first (EDG-24).

    What waited when the session began is replayed in order of ``seq``, rate limited. An event recorded since passes
    between two pieces of that replay under its own higher number: the coordinator shows it at once, applies facts in
    order of ``seq``, and acknowledges as ever the highest number without gap. Whenever an acknowledgement does not
    come, the lane closes and everything goes in order.
    """

    def __init__(
        self, topics: Topics, broker: BrokerSettings, settings: LinkSettings, journal: Journal, clock: Clock
    ) -> None:
        self._topics = topics
        self._broker = broker
        self._settings = settings
        self._journal = journal
        self._clock = clock
        tls_context(broker)
        self._changed_identity = asyncio.Event()
        self._wake = asyncio.Event()
        self._handlers: dict[Channel, Handler] = {Channel.ACK: self._on_ack}
        self._client: aiomqtt.Client | None = None
        self._cursors: dict[Stream, _Cursor] = {}
        self._lane: _Lane | None = None
        self._lane_opened = False
        self._status: StationState | None = None
        self._sticky: dict[Channel, Document] = {}
        self._unsent: list[tuple[Channel, Document]] = []
        self.rejected = 0
        self.losses = 0
        self.on_rejected: Callable[[Ack], None] = lambda _ack: None

    @property
    def connected(self) -> bool:
        return self._client is not None

    def handle(self, channel: Channel, handler: Handler) -> None:
        """Registers what happens with messages of a downstream channel."""
        self._handlers[channel] = handler

    def wake(self) -> None:
        """Something new is in the journal."""
        self._wake.set()

    def reconnect(self) -> None:
        """Ends the present session and opens one with the certificate now on the disk."""
        self._changed_identity.set()

    async def send(self, channel: Channel, document: Document, *, keep: bool = True) -> None:
        """Publishes a control document now, or at the next connection when ``keep``."""
        if channel in RETAINED:
            self._sticky[channel] = document
        if self._client is not None:
            try:
                await self._publish(self._client, channel, document)
            except aiomqtt.MqttError:
                log.debug("link.control_not_sent", channel=channel.value)
            else:
                return
        if keep and channel not in RETAINED:
            self._unsent.append((channel, document))

    async def run(self) -> None:
        """Connects, works, and connects again after a random growing delay, until cancelled."""
        delay, lost = self._settings.min_delay_s, False
        while True:
            try:
                # before the certificate is read: one that changes while the session opens ends that session
                self._changed_identity.clear()
                async with self._open() as client:
                    log.info("link.connected", host=self._broker.host, port=self._broker.port)
                    delay, lost = self._settings.min_delay_s, False
                    await self._session(client)
            except (aiomqtt.MqttError, OSError) as error:
                if not lost:
                    log.warning("link.lost", reason=str(error))
                lost = True
            finally:
                self.losses += self._client is not None
                self._client = None
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(self._settings.max_delay_s, delay * 2)

    def _open(self) -> aiomqtt.Client:
        will = StationState(status="offline", at=self._clock.now())
        return aiomqtt.Client(
            hostname=self._broker.host,
            port=self._broker.port,
            identifier=self._topics.station_id,
            clean_session=False,
            keepalive=self._settings.keepalive_s,
            timeout=15,
            max_inflight_messages=100,
            tls_context=tls_context(self._broker),
            will=aiomqtt.Will(self._topics.of(Channel.STATE), encode_document(will), qos=1, retain=True),
        )

    async def _session(self, client: aiomqtt.Client) -> None:
        for topic in self._topics.downstream():
            await client.subscribe(topic, qos=1)
        now = self._clock.monotonic()
        self._cursors = {stream: _Cursor(self._journal.state(stream).acked_seq, now) for stream in STREAMS}
        self._lane, self._lane_opened = None, False
        self._client = client
        for channel, document in [*self._sticky.items(), *self._unsent]:
            await self._publish(client, channel, document)
        self._unsent.clear()
        tasks = [
            asyncio.create_task(self._receive(client)),
            asyncio.create_task(self._replay(client)),
            asyncio.create_task(self._identity_changed()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end(tasks)

    async def _identity_changed(self) -> None:
        await self._changed_identity.wait()
        log.info("link.new_certificate")

    async def _publish(self, client: aiomqtt.Client, channel: Channel, document: Document) -> None:
        retain = channel in RETAINED
        await client.publish(self._topics.of(channel), encode_document(document), qos=1, retain=retain)

    async def say_goodbye(self) -> None:
        """Publishes ``offline`` before a wanted stop (the Last Will only speaks after a loss)."""
        if self._client is not None:
            state = StationState(status="offline", at=self._clock.now())
            with contextlib.suppress(aiomqtt.MqttError):
                await asyncio.wait_for(self._publish(self._client, Channel.STATE, state), 2)

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            try:
                topics, channel = Topics.parse(str(message.topic))
                if topics != self._topics or not isinstance(message.payload, bytes):
                    continue
                handler = self._handlers.get(channel)
                if handler is not None and message.payload:
                    await handler(message.payload)
            except ProtocolError as error:
                log.warning("link.message_refused", topic=str(message.topic), reason=str(error))
            except Exception:
                log.exception("link.handler_failed", topic=str(message.topic))

    async def _replay(self, client: aiomqtt.Client) -> None:
        while True:
            self._wake.clear()
            await self._send_live(client)
            sent = await self._send_some(client, "event", _BATCH, self._settings.events_per_s)
            if not sent:
                sent = await self._send_some(client, "telemetry", 5, self._settings.telemetry_per_s)
            if not sent:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._pause())

    def _pause(self) -> float:
        """Seconds until a rate limited stream may go on, at most a quarter."""
        now = self._clock.monotonic()
        waits = [
            cursor.next_at - now
            for stream, cursor in self._cursors.items()
            if cursor.sent < self._journal.state(stream).last_seq and cursor.next_at > now
        ]
        return min([0.25, *waits])

    async def _send_some(self, client: aiomqtt.Client, stream: Stream, limit: int, rate: float) -> bool:
        cursor, state, now = self._cursors[stream], self._journal.state(stream), self._clock.monotonic()
        lane = self._lane if stream == "event" else None
        if cursor.sent < state.acked_seq or cursor.sent > state.last_seq:
            cursor.sent, cursor.progress_at = state.acked_seq, now
        if cursor.sent > state.acked_seq and now - cursor.progress_at > self._settings.ack_timeout_s:
            log.info("link.no_ack", stream=stream, acked=state.acked_seq, sent=cursor.sent)
            self._lane = None
            cursor.sent, cursor.progress_at = state.acked_seq, now
        window = 1 if self._journal.needs_resync(stream) else self._settings.window
        room = min(limit, state.acked_seq + window - cursor.sent)
        if lane is not None:
            room = min(room, lane.above - cursor.sent)
        if room <= 0 or now < cursor.next_at or cursor.sent >= state.last_seq:
            return False
        batch = await asyncio.to_thread(self._journal.after, stream, cursor.sent, room)
        if not batch:
            return False
        if cursor.sent == state.acked_seq:
            cursor.progress_at = now
        cursor.sent = batch[-1].seq
        cursor.next_at = now + len(batch) / rate
        await asyncio.gather(*(self._send_one(client, stream, envelope) for envelope in batch))
        return True

    async def _send_live(self, client: aiomqtt.Client) -> None:
        """Sends what was recorded since the session began, as long as older events still wait."""
        cursor = self._cursors["event"]
        if not self._lane_opened and not self._journal.needs_resync("event"):
            last = self._journal.state("event").last_seq
            self._lane, self._lane_opened = _Lane(last, last), True
        lane = self._lane
        if lane is None:
            return
        if cursor.sent >= lane.above:
            cursor.sent = max(cursor.sent, lane.sent)
            self._lane = None
            return
        batch = await asyncio.to_thread(self._journal.after, "event", lane.sent, _BATCH)
        if batch:
            lane.sent = batch[-1].seq
            await asyncio.gather(*(self._send_one(client, "event", envelope) for envelope in batch))

    async def _send_one(self, client: aiomqtt.Client, stream: Stream, envelope: Envelope) -> None:
        data = encode(envelope, compress=stream == "telemetry")
        await client.publish(self._topics.of(_CHANNEL[stream]), data, qos=1)

    async def _on_ack(self, data: bytes) -> None:
        ack = decode_document(Ack, data)
        if ack.rejected:
            self.rejected += len(ack.rejected)
            for entry in ack.rejected:
                log.warning(
                    "link.rejected", message_id=str(entry.message_id), seq=entry.seq, reason=entry.reason
                )
            self.on_rejected(ack)
        await self._take_ack("event", ack.event_seq)
        await self._take_ack("telemetry", ack.telemetry_seq)
        if ack.resend_from is not None:
            await self._rewind("event", ack.resend_from - 1)
        self.wake()

    async def _take_ack(self, stream: Stream, seq: int) -> None:
        cursor, acked = self._cursors[stream], self._journal.state(stream).acked_seq
        if seq >= acked:
            cursor.lower_acks = 0
            if seq > acked or self._journal.needs_resync(stream):
                await asyncio.to_thread(self._journal.acknowledge, stream, seq)
                cursor.progress_at = self._clock.monotonic()
            return
        # One lower number may be an old acknowledgement delivered twice; a second one is a restored NAS.
        cursor.lower_acks += 1
        if cursor.lower_acks < 2:
            client = self._client
            held = await asyncio.to_thread(self._journal.after, stream, seq, 1)
            if client is not None and held:
                await self._send_one(client, stream, held[0])
            return
        log.warning("link.ack_went_back", stream=stream, acked=acked, now=seq)
        self._lane = None
        cursor.lower_acks = 0
        await asyncio.to_thread(self._journal.roll_back, stream, seq)
        cursor.sent, cursor.progress_at = seq, self._clock.monotonic()

    async def _rewind(self, stream: Stream, seq: int) -> None:
        cursor, now = self._cursors[stream], self._clock.monotonic()
        if cursor.rewound[0] == seq and now - cursor.rewound[1] < 2.0:
            return
        cursor.rewound = (seq, now)
        self._lane = None
        if seq < self._journal.state(stream).acked_seq:
            await asyncio.to_thread(self._journal.roll_back, stream, seq)
        cursor.sent = min(cursor.sent, seq)
