"""MQTT 3.1.1 delivery for the embedded broker: what amqtt 0.12 leaves out, added where it can be replaced.

amqtt forgets a QoS 1 message five seconds after sending it, or at once when its reader disconnects;
acknowledges a publication before routing it; and never ends a silent connection, so that no Last Will is
sent. Here a message stays with its session until the reader acknowledges it, a publication is acknowledged
once it is in every reader's queue, and a client silent for one and a half keep-alive periods is disconnected.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amqtt.errors import AMQTTError, MQTTError
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.mqtt.puback import PubackPacket
from amqtt.mqtt.publish import PublishPacket
from amqtt.session import OutgoingApplicationMessage, Session

SEND_WINDOW = 100
_CLOSE_TIMEOUT_S = 3.0
_OUTBOX = "usinage.outbox"
_IDENTITY = "usinage.identity"
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Queued:
    """A message waiting for its turn to be sent."""

    topic: str
    data: bytes
    qos: int
    retain: bool


def outbox(session: Session) -> deque[Queued]:
    """Messages of a session which were not sent yet, oldest first."""
    box: deque[Queued] = session.attributes.setdefault(_OUTBOX, deque())
    return box


def identity_of(session: Session) -> str:
    """Identity that opened a session."""
    return str(session.attributes.get(_IDENTITY, ""))


def set_identity(session: Session, identity: str) -> None:
    session.attributes[_IDENTITY] = identity


Accept = Callable[[Session, PublishPacket], bool]


class DurableHandler(BrokerProtocolHandler):  # type: ignore[misc]  # amqtt has no type marker
    """One connection: sends the session's outbox with a window, keeps unacknowledged messages for later."""

    accept: Accept

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.finished = asyncio.Event()
        self._wake = asyncio.Event()
        self._pump_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await super().start()
        self._pump_task = asyncio.create_task(self._pump())

    async def stop(self) -> None:
        if self._pump_task is not None:
            self._pump_task.cancel()
        try:
            await asyncio.wait_for(super().stop(), _CLOSE_TIMEOUT_S)
        except TimeoutError:
            transport = getattr(getattr(self.writer, "_writer", None), "transport", None)
            if transport is not None:
                transport.abort()

    def wake(self) -> None:
        """Something was put into the session's outbox."""
        self._wake.set()

    async def _retry_deliveries(self) -> None:
        """The pump does it, in order and before newer messages."""

    async def _pump(self) -> None:
        session = self.session
        if session is None:
            return
        box = outbox(session)
        try:
            for message in list(session.inflight_out.values()):
                await self._send_packet(message.build_publish_packet(dup=True))
            while True:
                while box and len(session.inflight_out) < SEND_WINDOW:
                    await self._send_packet(self._next(session, box).build_publish_packet())
                self._wake.clear()
                await self._wake.wait()
        except (OSError, AMQTTError, MQTTError) as error:
            log.debug("delivery to %s stopped: %r", session.client_id, error)

    @staticmethod
    def _next(session: Session, box: deque[Queued]) -> OutgoingApplicationMessage:
        queued = box.popleft()
        packet_id = session.next_packet_id if queued.qos else None
        message = OutgoingApplicationMessage(packet_id, queued.topic, queued.qos, queued.data, queued.retain)
        if packet_id is not None:
            session.inflight_out[packet_id] = message
        return message

    async def handle_puback(self, puback: PubackPacket) -> None:
        if self.session is not None and puback.variable_header is not None:
            self.session.inflight_out.pop(puback.variable_header.packet_id, None)
            self.wake()

    async def handle_publish(self, publish_packet: PublishPacket) -> None:
        if self.session is None:
            return
        # QoS 2 is not part of the wire contract: a client that uses it loses its connection.
        if publish_packet.qos > 1 or not self.accept(self.session, publish_packet):
            await self.handle_connection_closed()
            return
        if publish_packet.qos == 1 and publish_packet.packet_id is not None:
            await self._send_packet(PubackPacket.build(publish_packet.packet_id))

    def handle_read_timeout(self) -> None:
        """Nothing came for one and a half keep-alive periods: the client is gone."""
        self._closing = asyncio.ensure_future(self.handle_connection_closed())
