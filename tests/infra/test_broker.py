"""The embedded broker over real TLS: identity, access list, delivery, revocation, restart; Mosquitto too."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import aiomqtt
import pytest

from coordinator.kernel.pki import CertificatePaths, Pki
from infra.embedded import mosquitto
from infra.embedded.broker import BrokerSettings, EmbeddedBroker, read_settings, write_settings
from infra.embedded.errors import InfraError
from infra.embedded.ports import free_port, require_free_port
from tests.infra.certs import collect, connected, silence, station_files, tls

BASE = "gu/v1/atelier"
Files = Callable[[str], CertificatePaths]
Running = tuple[int, "Settings"]
Settings = BrokerSettings


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki.open_or_create(tmp_path / "pki")


@pytest.fixture
def files(pki: Pki, tmp_path: Path) -> Files:
    known: dict[str, CertificatePaths] = {}

    def of(identity: str) -> CertificatePaths:
        if identity == "coordinator":
            return pki.client_certificate("coordinator")
        if identity not in known:
            known[identity] = station_files(pki, tmp_path, identity)
        return known[identity]

    return of


@pytest.fixture
def settings(pki: Pki, tmp_path: Path) -> BrokerSettings:
    server = pki.server_certificate("broker", ["localhost", "127.0.0.1"])
    return BrokerSettings(
        ca_file=str(server.ca),
        cert_file=str(server.certificate),
        key_file=str(server.key),
        crl_file=str(pki.crl_file),
        state_file=str(tmp_path / "broker.json"),
    )


@pytest.fixture(params=["amqtt", "mosquitto"])
async def port(
    request: pytest.FixtureRequest, settings: BrokerSettings, tmp_path: Path
) -> AsyncIterator[int]:
    """The TLS port of each broker in turn: both must keep the same rules."""
    if request.param == "mosquitto":
        if mosquitto.find_binary() is None:
            pytest.skip("mosquitto n'est pas installé")
        process = mosquitto.MosquittoProcess(settings, tmp_path / "mosquitto")
        await asyncio.to_thread(process.start)
        yield process.tls_port
        await asyncio.to_thread(process.stop)
        return
    async with EmbeddedBroker(settings) as broker:
        assert broker.tls_port is not None
        yield broker.tls_port


@pytest.mark.requirement("EDG-13")
async def test_a_station_and_the_coordinator_talk_on_their_topics(port: int, files: Files) -> None:
    async with (
        connected(port, files("coordinator"), "coordinator-ingest") as ingest,
        connected(port, files("st-a"), "st-a") as station,
    ):
        await ingest.subscribe("gu/v1/+/+/event", qos=1)
        await station.subscribe(f"{BASE}/st-a/cmd", qos=1)
        await station.publish(f"{BASE}/st-a/event", b'{"seq":1}', qos=1)
        await ingest.publish(f"{BASE}/st-a/cmd", b"identify", qos=1)
        assert await collect(ingest, 1) == [(f"{BASE}/st-a/event", b'{"seq":1}')]
        assert await collect(station, 1) == [(f"{BASE}/st-a/cmd", b"identify")]


@pytest.mark.requirement("EDG-13")
@pytest.mark.requirement("EDG-11")
async def test_a_station_writes_nowhere_else(port: int, files: Files) -> None:
    forbidden = [f"{BASE}/st-b/event", f"{BASE}/st-a/cmd", f"{BASE}/st-a/config/desired", "autre/st-a/event"]
    async with connected(port, files("coordinator"), "coordinator-ingest") as ingest:
        await ingest.subscribe("gu/v1/#", qos=1)
        for topic in forbidden:
            # Mosquitto 2.0.11 ends the connection, later ones and ours drop the message.
            with contextlib.suppress(aiomqtt.MqttError):
                async with connected(port, files("st-a"), "st-a") as station:
                    await station.publish(topic, b"forged", qos=1)
        async with connected(port, files("st-a"), "st-a") as station:
            await station.publish(f"{BASE}/st-a/health", b"{}", qos=1)
        assert await collect(ingest, 1) == [(f"{BASE}/st-a/health", b"{}")]
        assert await silence(ingest) == []


@pytest.mark.requirement("EDG-13")
async def test_a_station_reads_only_its_own_commands(port: int, files: Files) -> None:
    async with (
        connected(port, files("st-a"), "st-a") as spy,
        connected(port, files("coordinator"), "coordinator-api") as coordinator,
    ):
        for topic in (f"{BASE}/st-b/cmd", "gu/v1/+/+/cmd", "#", f"{BASE}/+/data", f"{BASE}/st-b/#"):
            try:
                await spy.subscribe(topic, qos=1)
            except aiomqtt.MqttError:
                continue
        await spy.subscribe(f"{BASE}/st-a/ack", qos=1)
        await coordinator.publish(f"{BASE}/st-b/cmd", b"secret", qos=1)
        await coordinator.publish(f"{BASE}/st-b/data", b"secret", qos=1)
        await coordinator.publish(f"{BASE}/st-a/ack", b"5", qos=1)
        assert await collect(spy, 1) == [(f"{BASE}/st-a/ack", b"5")]
        assert await silence(spy) == []


async def test_a_connection_without_a_certificate_of_ours_is_refused(
    port: int, pki: Pki, files: Files, tmp_path: Path
) -> None:
    import ssl

    naked = ssl.create_default_context(cafile=str(pki.ca_file))
    foreign = station_files(Pki.open_or_create(tmp_path / "other"), tmp_path, "st-foreign")
    stranger = ssl.create_default_context(cafile=str(pki.ca_file))
    stranger.load_cert_chain(foreign.certificate, foreign.key)
    for context in (naked, stranger):
        with pytest.raises((aiomqtt.MqttError, ssl.SSLError, OSError)):
            async with aiomqtt.Client("localhost", port, tls_context=context, timeout=3):
                pass
    async with connected(port, files("st-a"), "st-a"):
        pass


async def test_messages_wait_for_a_persistent_session_in_order(port: int, files: Files) -> None:
    async with connected(port, files("coordinator"), "coordinator-ingest") as ingest:
        await ingest.subscribe("gu/v1/+/+/event", qos=1)
    expected = [str(number).encode() for number in range(1500)]
    async with connected(port, files("st-a"), "st-a") as station:
        for payload in expected:
            await station.publish(f"{BASE}/st-a/event", payload, qos=1)
    async with connected(port, files("coordinator"), "coordinator-ingest") as ingest:
        received = [payload for _, payload in await collect(ingest, len(expected))]
    assert received == expected


@pytest.mark.requirement("EDG-14")
async def test_retained_state_and_last_will(port: int, files: Files) -> None:
    will = aiomqtt.Will(f"{BASE}/st-a/state", b"offline", qos=1, retain=True)
    async with connected(port, files("coordinator"), "coordinator-ingest") as ingest:
        station = aiomqtt.Client(
            "localhost",
            port,
            identifier="st-a",
            tls_context=tls(files("st-a")),
            will=will,
            clean_session=False,
        )
        await station.__aenter__()
        await station.publish(f"{BASE}/st-a/state", b"online", qos=1, retain=True)
        await ingest.subscribe("gu/v1/+/+/state", qos=1)
        assert await collect(ingest, 1) == [(f"{BASE}/st-a/state", b"online")]
        raw = station._client.socket()
        assert raw is not None
        raw.shutdown(socket.SHUT_RDWR)
        assert await collect(ingest, 1) == [(f"{BASE}/st-a/state", b"offline")]
        await station.__aexit__(None, None, None)


@pytest.mark.requirement("EDG-09")
async def test_a_revoked_station_is_refused(settings: BrokerSettings, pki: Pki, files: Files) -> None:
    async with EmbeddedBroker(settings) as broker:
        assert broker.tls_port is not None
        async with connected(broker.tls_port, files("st-a"), "st-a"):
            pass
        pki.revoke(files("st-a").certificate.read_text())
        with pytest.raises(aiomqtt.MqttError):
            async with connected(broker.tls_port, files("st-a"), "st-a"):
                pass
        async with connected(broker.tls_port, files("st-b"), "st-b"):
            pass


async def test_an_open_connection_ends_when_its_certificate_is_revoked(
    settings: BrokerSettings, pki: Pki, files: Files
) -> None:
    async with EmbeddedBroker(settings) as broker:
        assert broker.tls_port is not None
        assert broker._broker is not None
        with pytest.raises(aiomqtt.MqttError):  # noqa: PT012 - the connection breaks while it waits
            async with connected(broker.tls_port, files("st-a"), "st-a") as station:
                pki.revoke(files("st-a").certificate.read_text())
                await broker._broker.drop_revoked()
                await collect(station, 1, 5)


async def test_a_station_cannot_take_over_the_session_of_another(
    settings: BrokerSettings, files: Files
) -> None:
    async with EmbeddedBroker(settings) as broker:
        assert broker.tls_port is not None
        async with connected(broker.tls_port, files("st-a"), "st-a") as station:
            await station.subscribe(f"{BASE}/st-a/cmd", qos=1)
        for client_id in ("st-a", "coordinator-ingest"):
            with pytest.raises(aiomqtt.MqttError):
                async with connected(broker.tls_port, files("st-b"), client_id, clean_session=True):
                    pass
        async with connected(broker.tls_port, files("coordinator"), "coordinator-api") as coordinator:
            await coordinator.publish(f"{BASE}/st-a/cmd", b"tare", qos=1)
        async with connected(broker.tls_port, files("st-a"), "st-a") as station:
            assert await collect(station, 1) == [(f"{BASE}/st-a/cmd", b"tare")]


async def test_a_second_connection_of_the_same_client_takes_over(
    settings: BrokerSettings, files: Files
) -> None:
    async with EmbeddedBroker(settings) as broker:
        assert broker.tls_port is not None
        first = aiomqtt.Client(
            "localhost",
            broker.tls_port,
            identifier="st-a",
            tls_context=tls(files("st-a")),
            clean_session=False,
        )
        await first.__aenter__()
        await first.subscribe(f"{BASE}/st-a/cmd", qos=1)
        async with (
            connected(broker.tls_port, files("st-a"), "st-a") as second,
            connected(broker.tls_port, files("coordinator"), "coordinator-api") as coordinator,
        ):
            await coordinator.publish(f"{BASE}/st-a/cmd", b"tare", qos=1)
            assert await collect(second, 1) == [(f"{BASE}/st-a/cmd", b"tare")]
        await first.__aexit__(None, None, None)


async def test_a_message_the_reader_did_not_acknowledge_comes_again(settings: BrokerSettings) -> None:
    import paho.mqtt.client as paho

    plain = replace(settings, tls_port=None, plain_port=0)
    async with EmbeddedBroker(plain) as broker:
        assert broker.plain_port is not None

        def reader() -> paho.Client:
            return paho.Client(
                paho.CallbackAPIVersion.VERSION2,
                client_id="coordinator-x",
                clean_session=False,
                manual_ack=True,
            )

        async def receive(client: paho.Client, count: int, *, subscribe: bool) -> list[bytes]:
            found: list[bytes] = []
            client.on_message = lambda _c, _u, message: found.append(message.payload)
            client.username_pw_set("coordinator")
            client.connect("127.0.0.1", broker.plain_port or 0)
            client.loop_start()
            while not client.is_connected():
                await asyncio.sleep(0.01)
            if subscribe:
                client.subscribe("gu/v1/+/+/event", qos=1)
                await asyncio.sleep(0.2)
                async with aiomqtt.Client("127.0.0.1", broker.plain_port or 0, identifier="st-a") as station:
                    for number in range(count):
                        await station.publish(f"{BASE}/st-a/event", str(number), qos=1)
            async with asyncio.timeout(10):
                while len(found) < count:
                    await asyncio.sleep(0.01)
            client.loop_stop()
            raw = client.socket()
            if raw is not None:
                raw.close()
            return found

        first = await receive(reader(), 20, subscribe=True)
        again = await receive(reader(), 20, subscribe=False)
        assert first == again == [str(number).encode() for number in range(20)]


async def test_a_restart_keeps_sessions_and_retained_messages(settings: BrokerSettings, files: Files) -> None:
    async with EmbeddedBroker(settings) as broker:
        assert broker.tls_port is not None
        async with connected(broker.tls_port, files("st-a"), "st-a") as station:
            await station.subscribe(f"{BASE}/st-a/cmd", qos=1)
        async with connected(broker.tls_port, files("coordinator"), "coordinator-api") as coordinator:
            await coordinator.publish(f"{BASE}/st-a/cmd", b"tare", qos=1)
            await coordinator.publish(f"{BASE}/st-a/config/desired", b"v7", qos=1, retain=True)
    async with EmbeddedBroker(settings) as broker:
        assert broker.tls_port is not None
        async with connected(broker.tls_port, files("st-a"), "st-a") as station:
            assert await collect(station, 1) == [(f"{BASE}/st-a/cmd", b"tare")]
            await station.subscribe(f"{BASE}/st-a/config/desired", qos=1)
            assert await collect(station, 1) == [(f"{BASE}/st-a/config/desired", b"v7")]


async def test_a_damaged_state_file_is_set_aside(settings: BrokerSettings, files: Files) -> None:
    assert settings.state_file is not None
    state = Path(settings.state_file)
    state.write_text("{half")
    async with EmbeddedBroker(settings) as broker:
        assert broker.tls_port is not None
        async with connected(broker.tls_port, files("st-a"), "st-a"):
            pass
    assert state.with_name("broker.json.damaged").read_text() == "{half"


async def test_oversized_messages_and_wildcards_end_the_connection(
    settings: BrokerSettings, files: Files
) -> None:
    async with EmbeddedBroker(settings) as broker:
        assert broker.tls_port is not None
        with pytest.raises(aiomqtt.MqttError):
            async with connected(broker.tls_port, files("st-a"), "st-a", timeout=5) as station:
                await station.publish(f"{BASE}/st-a/event", b"x" * 300_000, qos=1)
        async with connected(broker.tls_port, files("st-b"), "st-b") as other:
            await other.publish(f"{BASE}/st-b/event", b"x" * 262_144, qos=1)


def test_a_busy_port_is_said_in_words() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(InfraError) as refusal:
            require_free_port(number, "MQTT")
    assert refusal.value.code == "infra.port_busy"
    assert str(number) in refusal.value.message
    require_free_port(free_port(), "MQTT")


def test_a_broker_without_certificates_is_refused() -> None:
    with pytest.raises(InfraError) as refusal:
        EmbeddedBroker(BrokerSettings())
    assert refusal.value.code == "infra.broker_certificates"


async def test_the_broker_runs_as_a_process(settings: BrokerSettings, files: Files, tmp_path: Path) -> None:
    config = tmp_path / "broker.yaml"
    write_settings(settings, config)
    assert read_settings(config) == settings
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "infra.embedded.broker", "--config", str(config),
        stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], env={**os.environ},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        ports = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        async with connected(ports["tls_port"], files("st-a"), "st-a") as station:
            await station.publish(f"{BASE}/st-a/event", b"1", qos=1)
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0
