"""MQTT broker in process, for demo, tests and development: amqtt with certificates, access list and delivery.

``python -m infra.embedded.broker --config FILE`` runs the same broker as a process of its own. On the NAS a
Mosquitto does this work (``infra/embedded/mosquitto.py`` renders the same rules for it).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import ssl
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from amqtt.broker import Broker as AmqttBroker
from amqtt.broker import RetainedApplicationMessage
from amqtt.contexts import BrokerConfig, ListenerConfig
from amqtt.errors import AMQTTError, MQTTError, NoDataError
from amqtt.mqtt.connack import NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.publish import PublishPacket
from amqtt.session import Session
from cryptography import x509

from infra.embedded import acl, state
from infra.embedded.errors import InfraError
from infra.embedded.ports import free_port, require_free_port
from infra.embedded.sessions import DurableHandler, Queued, identity_of, outbox, set_identity

MAX_MESSAGE_BYTES = 256 * 1024
_REVOCATION_PERIOD_S = 5.0
_REFUSED = 0x80
log = logging.getLogger("usinage.broker")


@dataclass(frozen=True)
class BrokerSettings:
    """Where the broker listens. A port of 0 is chosen free at start, ``None`` closes that listener.

    The plain listener exists for tests and opens on 127.0.0.1 only; there the user name (else the client id)
    is believed. ``state_file`` keeps sessions and retained messages over a restart.
    """

    host: str = "127.0.0.1"
    tls_port: int | None = 0
    plain_port: int | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    crl_file: str | None = None
    state_file: str | None = None


class _CertificateBroker(AmqttBroker):  # type: ignore[misc]  # amqtt has no type marker
    """amqtt with our identity, access and delivery rules (see ``sessions`` for what is replaced and why)."""

    settings: BrokerSettings
    refused_messages = 0

    # connections ------------------------------------------------------------------------------------------

    @staticmethod
    def _create_ssl_context(listener: ListenerConfig) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cafile=str(listener.cafile))
        context.load_cert_chain(str(listener.certfile), str(listener.keyfile))
        return context

    async def _initialize_client_session(
        self, reader: Any, writer: Any, remote_address: str, remote_port: int
    ) -> tuple[DurableHandler, Session]:
        try:
            handler, session = await DurableHandler.init_from_connect(reader, writer, self.plugins_manager)
        except (AMQTTError, MQTTError, NoDataError, OSError):
            await writer.close()
            raise
        handler.accept = self.accept
        identity = self._identity(session)
        reason = self._refusal(identity, session)
        if reason is not None or identity is None:
            log.warning("connexion refusée de %s:%s (%s) : %s", remote_address, remote_port, identity, reason)
            await ConnackPacket.build(0, NOT_AUTHORIZED).to_stream(writer)
            await writer.close()
            raise MQTTError(str(reason))
        set_identity(session, identity)
        session.keep_alive = int(session.keep_alive * 1.5)
        return handler, await self._resume(session)

    async def _resume(self, incoming: Session) -> Session:
        """End the connection this client id had before, then take its session up again or begin a new one."""
        client_id = str(incoming.client_id)
        known, old_handler = self._sessions.get(client_id, (None, None))
        if known is not None and known.transitions.is_connected() and old_handler is not None:
            await old_handler.handle_connection_closed()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(old_handler.finished.wait(), 10)
        if incoming.clean_session or known is None or known.clean_session:
            await self._delete_session(client_id)
            incoming.parent = 0
            return incoming
        for name in ("will_flag", "will_message", "will_topic", "will_qos", "will_retain", "keep_alive",
                     "username", "password", "remote_address", "remote_port", "ssl_object"):  # fmt: skip
            setattr(known, name, getattr(incoming, name))
        known.parent = 1
        return known

    def _identity(self, session: Session) -> str | None:
        if session.ssl_object is None:
            return cast("str | None", session.username or session.client_id)
        for field in (session.ssl_object.getpeercert() or {}).get("subject", ()):
            for name, value in field:
                if name == "commonName":
                    return str(value)
        return None

    def _refusal(self, identity: str | None, session: Session) -> str | None:
        if identity is None or not acl.is_known(identity):
            return "identité inconnue"
        if not acl.owns_client_id(identity, str(session.client_id)):
            return f"l'identifiant de client {session.client_id!r} n'est pas le sien"
        if self._is_revoked(session):
            return "certificat révoqué"
        if session.will_flag and not acl.may_publish(identity, str(session.will_topic)):
            return "dernière volonté sur un sujet interdit"
        return None

    def _is_revoked(self, session: Session) -> bool:
        if session.ssl_object is None or not self.settings.crl_file:
            return False
        path = Path(self.settings.crl_file)
        if not path.exists():
            return False
        serial = int((session.ssl_object.getpeercert() or {}).get("serialNumber", "0"), 16)
        crl = x509.load_pem_x509_crl(path.read_bytes())
        return crl.get_revoked_certificate_by_serial_number(serial) is not None

    async def drop_revoked(self) -> None:
        """End the connections of certificates revoked since they were opened."""
        for session, handler in list(self._sessions.values()):
            if session.transitions.is_connected() and self._is_revoked(session):
                log.warning("certificat révoqué, connexion fermée : %s", session.client_id)
                await handler.handle_connection_closed()

    async def _authenticate(self, session: Session, _: ListenerConfig) -> bool:
        return identity_of(session) != ""

    async def _client_message_loop(self, client_session: Session, handler: DurableHandler) -> None:
        try:
            await super()._client_message_loop(client_session, handler)
        finally:
            handler.finished.set()

    async def _handle_disconnect(self, client_session: Session, handler: Any, disconnect_waiter: Any) -> None:
        await super()._handle_disconnect(client_session, handler, disconnect_waiter)
        box = outbox(client_session)
        kept = [message for message in box if message.qos and not client_session.clean_session]
        box.clear()
        box.extend(kept)

    # messages ---------------------------------------------------------------------------------------------

    def accept(self, session: Session, packet: PublishPacket) -> bool:
        """Route one publication; ``False`` ends the connection. A forbidden topic is dropped (MQTT 3.1.1)."""
        topic, data = packet.topic_name, bytes(packet.data or b"")
        if not topic or "#" in topic or "+" in topic or len(data) > MAX_MESSAGE_BYTES:
            return False
        if not acl.may_publish(identity_of(session), topic):
            self.refused_messages += 1
            log.warning("publication refusée : %s sur %s", identity_of(session), topic)
            return True
        self.route(topic, data, packet.qos)
        if packet.retain_flag:
            self._retain(session, topic, data, packet.qos)
        return True

    def route(self, topic: str, data: bytes, qos: int) -> None:
        """Put a message into the outbox of every session that reads it, once per session."""
        best: dict[str, tuple[Session, int]] = {}
        for topic_filter, subscriptions in self._subscriptions.items():
            if not self._matches(topic, topic_filter):
                continue
            for session, granted in subscriptions:
                client_id = str(session.client_id)
                if client_id not in best or best[client_id][1] < granted:
                    best[client_id] = (session, granted)
        for session, granted in best.values():
            self._deliver(session, Queued(topic, data, min(qos, granted), retain=False))

    def _deliver(self, session: Session, message: Queued) -> None:
        if not acl.may_receive(identity_of(session), message.topic):
            return
        connected = session.transitions.is_connected()
        if not connected and (session.clean_session or message.qos == 0):
            return
        outbox(session).append(message)
        handler = self._get_handler(session)
        if connected and isinstance(handler, DurableHandler):
            handler.wake()

    def _retain(self, session: Session | None, topic: str, data: bytes, qos: int) -> None:
        if data:
            self._retained_messages[topic] = RetainedApplicationMessage(session, topic, data, qos)
        else:
            self._retained_messages.pop(topic, None)

    async def retain_message(
        self, source_session: Session | None, topic_name: str | None, data: Any, qos: int | None = None
    ) -> None:
        if topic_name is not None:
            self._retain(source_session, topic_name, bytes(data or b""), qos or 0)

    async def _broadcast_message(
        self, _session: Session | None, topic: str | None, data: Any, force_qos: int | None = None
    ) -> None:
        if topic is not None:
            self.route(topic, bytes(data or b""), 1 if force_qos is None else force_qos)

    async def _publish_session_retained_messages(self, session: Session) -> None:
        """The outbox keeps what came while the session was away."""

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        """Done in ``_handle_subscription``: amqtt also calls this for the filters of other clients."""

    async def _handle_subscription(
        self, client_session: Session, handler: Any, subscribe_waiter: Any
    ) -> None:
        request = subscribe_waiter.result()
        codes = []
        for topic_filter, qos in request.topics:
            granted = min(qos, 1)
            self._del_subscription(topic_filter, client_session)
            codes.append(await self.add_subscription((topic_filter, granted), client_session))
        await handler.mqtt_acknowledge_subscription(request.packet_id, codes)
        for (topic_filter, qos), code in zip(request.topics, codes, strict=True):
            if code == _REFUSED:
                log.warning("abonnement refusé : %s à %s", identity_of(client_session), topic_filter)
                continue
            for topic, kept in self._retained_messages.items():
                if self._matches(topic, topic_filter):
                    level = min(qos, kept.qos or 0)
                    self._deliver(client_session, Queued(topic, bytes(kept.data), level, retain=True))

    async def _topic_filtering(self, session: Session, topic: str, action: Any) -> bool:  # noqa: ARG002
        return acl.may_subscribe(identity_of(session), topic)


class EmbeddedBroker:
    """Start and stop the broker inside the running event loop; ``tls_port`` and ``plain_port`` say where."""

    def __init__(self, settings: BrokerSettings) -> None:
        if settings.tls_port is not None and not (
            settings.ca_file and settings.cert_file and settings.key_file
        ):
            raise InfraError(
                "infra.broker_certificates", "Le broker chiffré demande ca_file, cert_file et key_file."
            )
        self.settings = settings
        self.tls_port = self._choose(settings.tls_port)
        self.plain_port = self._choose(settings.plain_port)
        self._broker: _CertificateBroker | None = None
        self._chores: asyncio.Task[None] | None = None

    @staticmethod
    def _choose(port: int | None) -> int | None:
        return free_port() if port == 0 else port

    @property
    def refused_messages(self) -> int:
        """Publications dropped because the sender had no right to the topic."""
        return 0 if self._broker is None else self._broker.refused_messages

    async def start(self) -> None:
        """Listen. Raises ``infra.port_busy`` or ``infra.broker_start_failed``."""
        settings = self.settings
        listeners: dict[str, ListenerConfig] = {"default": ListenerConfig(bind=None)}
        if self.tls_port is not None:
            require_free_port(self.tls_port, "MQTT", settings.host)
            listeners["tls"] = ListenerConfig(
                bind=f"{settings.host}:{self.tls_port}", ssl=True, max_connections=-1,
                cafile=settings.ca_file, certfile=settings.cert_file, keyfile=settings.key_file,
            )  # fmt: skip
        if self.plain_port is not None:
            require_free_port(self.plain_port, "MQTT", "127.0.0.1")
            listeners["plain"] = ListenerConfig(bind=f"127.0.0.1:{self.plain_port}", max_connections=-1)
        self._broker = _CertificateBroker(BrokerConfig(listeners=listeners, plugins={}))
        self._broker.settings = settings
        try:
            await self._broker.start()
        except AMQTTError as error:
            raise InfraError(
                "infra.broker_start_failed", f"Le broker MQTT ne démarre pas : {error}"
            ) from error
        if settings.state_file:
            state.load(self._broker, Path(settings.state_file))
        self._chores = asyncio.create_task(self._keep_house(self._broker))

    async def stop(self) -> None:
        """Store the sessions when asked to, then end every connection."""
        if self._broker is None:
            return
        if self._chores is not None:
            self._chores.cancel()
        if self.settings.state_file:
            state.save(self._broker, Path(self.settings.state_file))
        await self._broker.shutdown()
        self._broker = None

    async def __aenter__(self) -> EmbeddedBroker:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _keep_house(self, broker: _CertificateBroker) -> None:
        while True:
            await asyncio.sleep(_REVOCATION_PERIOD_S)
            try:
                await broker.drop_revoked()
                if self.settings.state_file:
                    state.save(broker, Path(self.settings.state_file))
            except Exception:
                log.exception("entretien du broker")


def read_settings(path: Path) -> BrokerSettings:
    """Settings from a YAML file named as in ``BrokerSettings``; relative files count from its folder."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        for name, value in values.items():
            if name.endswith("_file") and value:
                values[name] = str((path.parent / str(value)).resolve())
        return BrokerSettings(**values)
    except (OSError, yaml.YAMLError, TypeError, AttributeError) as error:
        raise InfraError(
            "infra.broker_config", f"Configuration du broker illisible ({path}) : {error}"
        ) from error


def write_settings(settings: BrokerSettings, path: Path) -> None:
    """Write the file ``read_settings`` reads."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as handle:
        yaml.safe_dump(asdict(settings), handle)
    Path(handle.name).replace(path)


async def _serve(settings: BrokerSettings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with EmbeddedBroker(settings) as broker:
        sys.stdout.write(json.dumps({"tls_port": broker.tls_port, "plain_port": broker.plain_port}) + "\n")
        sys.stdout.flush()
        await stopping.wait()


def main(arguments: list[str] | None = None) -> int:
    """Entry of ``python -m infra.embedded.broker``: prints its ports as one JSON line once it listens."""
    parser = argparse.ArgumentParser(description="Broker MQTT embarqué (démonstration et développement).")
    parser.add_argument("--config", type=Path, required=True, help="fichier YAML de configuration")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        asyncio.run(_serve(read_settings(options.config)))
    except InfraError as error:
        sys.stderr.write(error.message + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
