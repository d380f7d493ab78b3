"""The network thread of the reception: everything comes in order, whatever the line does."""

from __future__ import annotations

import os
import queue
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from coordinator.gateway import broker_line
from coordinator.gateway.broker_line import BrokerLine, ReadAheadSocket
from coordinator.kernel.pki import Pki
from edge_agents.drivers.simulators.broker import LocalBroker

COUNT = 300


@pytest.fixture
def tls_pair(tmp_path: Path) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    """The broker's end of a TLS connection, and the reading end under test."""
    pki = Pki.open_or_create(tmp_path / "pki")
    paths = pki.server_certificate("broker", ["localhost"])
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(str(paths.certificate), str(paths.key))
    client_context = ssl.create_default_context(cafile=str(pki.ca_file))
    client_context.sslsocket_class = ReadAheadSocket
    far, near = socket.socketpair()
    ends: list[ssl.SSLSocket] = []
    accept = threading.Thread(target=lambda: ends.append(server_context.wrap_socket(far, server_side=True)))
    accept.start()
    reading = client_context.wrap_socket(near, server_hostname="localhost")
    accept.join()
    yield ends[0], reading
    ends[0].close()
    reading.close()


def test_records_come_in_pieces_of_any_size(tls_pair: tuple[ssl.SSLSocket, ssl.SSLSocket]) -> None:
    sending, reading = tls_pair
    sent = [os.urandom(size) for size in (1, 5, 900, 16_384, 70_000)]
    writer = threading.Thread(target=sending.sendall, args=(b"".join(sent),))
    writer.start()
    found = b""
    for wanted in (1, 1, 2, 3, 400, 50_000):
        found += reading.recv(wanted)
    while len(found) < sum(map(len, sent)):
        found += reading.recv(4096)
    writer.join()
    assert found == b"".join(sent)
    assert reading.pending() == 0
    reading.setblocking(False)
    with pytest.raises(ssl.SSLWantReadError):
        reading.recv(1)
    sending.sendall(b"ab")
    reading.setblocking(True)
    assert (reading.recv(1), reading.pending(), reading.recv(1)) == (b"a", 1, b"b")


def client(name: str, **options: Any) -> mqtt.Client:
    return mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv311, **options)


class Listener:
    """A client on a line of its own that notes what it gets."""

    def __init__(self, port: int) -> None:
        self.got: queue.Queue[bytes] = queue.Queue()
        self.is_subscribed = threading.Event()
        self.client = client("listener", clean_session=False)
        self.client.on_connect = lambda c, *_: c.subscribe("up", 1)
        self.client.on_subscribe = lambda *_: self.is_subscribed.set()
        self.client.on_message = lambda _c, _d, message: self.got.put(bytes(message.payload))
        self.line = BrokerLine(self.client)
        self.line.start("127.0.0.1", port)

    def take(self, count: int) -> list[bytes]:
        return [self.got.get(timeout=30) for _ in range(count)]


def publish(port: int, first: int, count: int) -> list[bytes]:
    sender = client("sender")
    sender.max_queued_messages_set(0)
    sender.connect("127.0.0.1", port)
    sender.loop_start()
    sent = [str(first + i).encode() * 50 for i in range(count)]
    for info in [sender.publish("up", piece, qos=1) for piece in sent]:
        info.wait_for_publish(30)
    sender.disconnect()
    sender.loop_stop()
    return sent


def test_a_broker_that_comes_late_and_restarts_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_line, "_MIN_DELAY_S", 0.05)
    broker = LocalBroker(tmp_path)
    listener = Listener(broker.port)
    try:
        with broker:
            assert listener.is_subscribed.wait(30)
            sent = publish(broker.port, 0, COUNT)
            assert listener.take(COUNT) == sent
        listener.is_subscribed.clear()
        with broker:
            assert listener.is_subscribed.wait(30)
            sent = publish(broker.port, COUNT, COUNT)
            assert listener.take(COUNT) == sent
    finally:
        listener.line.stop()
    assert not listener.client.is_connected()


def test_another_thread_has_not_to_wait_for_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without being woken the line would look for something to send after ten minutes only.
    monkeypatch.setattr(broker_line, "_IDLE_S", 600.0)
    with LocalBroker(tmp_path) as broker:
        listener = Listener(broker.port)
        assert listener.is_subscribed.wait(30)
        for turn in range(3):
            listener.client.publish("up", f"{turn}", qos=1)
            assert listener.take(1) == [f"{turn}".encode()]
        listener.line.stop()
