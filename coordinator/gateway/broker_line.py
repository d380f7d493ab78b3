"""Network of an MQTT client on a thread of its own, with a few system calls per message instead of a dozen.

paho's own loop asks the system again for each byte of a message's head and for each acknowledgement, and hands the
interpreter to another thread every time: half of what receiving costs.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
import structlog

_log = structlog.get_logger(__name__)
_READS = 64
"""Messages taken before acknowledgements and pings have their turn."""
_IDLE_S = 1.0
_LAST_WORDS_S = 2.0
_MIN_DELAY_S, _MAX_DELAY_S = 1.0, 30.0
_RECORD = 16384


class ReadAheadSocket(ssl.SSLSocket):
    """TLS socket that unpacks a whole record at once and gives it out in pieces.

    To be set as ``sslsocket_class`` of a context whose sockets are read without waiting.
    """

    _ahead = b""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """At most ``buflen`` bytes; errors as those of any TLS socket."""
        if not self._ahead:
            self._ahead = super().recv(max(buflen, _RECORD), flags)
        piece, self._ahead = self._ahead[:buflen], self._ahead[buflen:]
        return piece

    def pending(self) -> int:
        """Bytes that can be read without asking the system."""
        return len(self._ahead) or super().pending()


class BrokerLine:
    """Keeps ``client`` connected and moves its messages until ``stop``; the client's callbacks run on this thread."""

    def __init__(self, client: mqtt.Client) -> None:
        self._client = client
        self._client.on_socket_register_write = self._wake
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest-network", daemon=True)

    def start(self, host: str, port: int, *, keepalive_s: int = 30) -> None:
        """Connect to the broker as soon as it answers; returns at once."""
        self._client.connect_async(host, port, keepalive=keepalive_s)
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye to the broker and end the thread."""
        self._client.disconnect()
        self._stop.set()
        self._wake()
        self._thread.join(_LAST_WORDS_S + _IDLE_S)

    def _wake(self, *_: Any) -> None:
        # Called from any thread that has something to send. On this one the loop looks by itself.
        if threading.current_thread() is not self._thread:
            with contextlib.suppress(OSError):  # full: it wakes anyway
                self._waker.send(b"\0")

    def _run(self) -> None:
        delay_s = _MIN_DELAY_S
        while not self._stop.is_set():
            try:
                self._client.reconnect()
                delay_s = self._converse() or delay_s
            except OSError as error:
                _log.warning("broker out of reach", reason=str(error))
            # A supervisor: the connection begins again, and what was not taken comes again.
            except Exception as error:
                _log.error("ingest network failed", exc_info=error)
            if self._stop.wait(delay_s):
                break
            delay_s = min(2 * delay_s, _MAX_DELAY_S)
        for end in (self._woken, self._waker):
            end.close()

    def _converse(self) -> float | None:
        """Move messages until the connection ends; the delay to begin with again if the broker had accepted it."""
        delay_s = None
        until: float | None = None
        while (sock := self._client.socket()) is not None:
            self._turn(sock)
            if delay_s is None and self._client.is_connected():
                delay_s = _MIN_DELAY_S
            if self._stop.is_set():
                until = until or time.monotonic() + _LAST_WORDS_S
                if not self._client.want_write() or time.monotonic() > until:
                    break
        return delay_s

    def _turn(self, sock: Any) -> None:
        is_readable = _pending(sock) > 0
        if not is_readable:
            wants = [sock] if self._client.want_write() else []
            readable, _, _ = select.select([sock, self._woken], wants, [], _IDLE_S)
            is_readable = sock in readable
            if self._woken in readable:
                self._woken.recv(4096)
        if is_readable:
            self._read(sock)
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()

    def _read(self, sock: Any) -> None:
        for _ in range(_READS):
            self._client.loop_read()
            if self._client.socket() is not sock or not _pending(sock):
                return


def _pending(sock: Any) -> int:
    return sock.pending() if isinstance(sock, ssl.SSLSocket) else 0
