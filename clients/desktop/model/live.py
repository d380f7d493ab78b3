"""Live changes: one WebSocket, reconnected by itself; messages say what changed and the views decide (UIX-09)."""

from __future__ import annotations

import json
import random
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from clients.desktop.model.api import PREFIX, ApiClient
from clients.desktop.model.errors import ApiError, SessionExpired

Status = Literal["connecting", "online", "offline"]
_REFUSED = 4401
_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 10.0


@dataclass(frozen=True)
class Change:
    """Something changed; entity ``*`` means anything may have."""

    entity: str
    id: int
    action: str
    row_version: int | None = None

    def concerns_list(self, entity: str) -> bool:
        """Whether a list of the entity must be read again."""
        return self.entity in {entity, "*"}

    def concerns_record(self, entity: str, record_id: int | None, row_version: int | None) -> bool:
        """Whether an open record is no longer the present one."""
        if self.entity == "*":
            return True
        if self.entity != entity or self.id != record_id:
            return False
        return self.row_version is None or row_version is None or self.row_version > row_version


def parse_change(text: str | bytes) -> Change | None:
    """Change of a message; anything else, such as the greeting, is ``None``."""
    try:
        data: Any = json.loads(text)
    except ValueError:
        return None
    if not isinstance(data, dict) or "entity" not in data:
        return None
    version = data.get("row_version")
    return Change(
        str(data["entity"]),
        int(data.get("id") or 0),
        str(data.get("action", "")),
        version if isinstance(version, int) else None,
    )


class LiveClient:
    """Listens in a thread of its own; the callbacks are called from there."""

    def __init__(
        self, api: ApiClient, on_change: Callable[[Change], None], on_status: Callable[[Status], None]
    ) -> None:
        self._api = api
        self._on_change = on_change
        self._on_status = on_status
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._socket: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def retry(self) -> None:
        """Try again now, without waiting for the next attempt."""
        self._wake.set()

    def stop(self, timeout_s: float = 3.0) -> None:
        """Stop listening."""
        self._stop.set()
        self._wake.set()
        if self._socket is not None:
            self._socket.close()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        delay_s = _FIRST_DELAY_S
        first = True
        while not self._stop.is_set():
            try:
                with connect(self._url(), ssl=self._tls(), open_timeout=5, close_timeout=1) as socket:
                    self._socket = socket
                    socket.send(json.dumps({"token": self._api.access_token or ""}))
                    socket.recv(timeout=10)
                    self._on_status("online")
                    if not first:
                        self._on_change(Change("*", 0, "reload"))
                    first, delay_s = False, _FIRST_DELAY_S
                    for message in socket:
                        if self._stop.is_set():
                            break  # the window that listened may be gone already
                        if change := parse_change(message):
                            self._on_change(change)
            except ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code == _REFUSED:
                    self._renew()
            except (OSError, TimeoutError, InvalidHandshake, InvalidURI, EOFError):
                pass
            self._socket = None
            if self._stop.is_set():
                break
            self._on_status("offline")
            # Not all at once: after a cut every client of the shop comes back.
            self._wake.wait(delay_s * random.uniform(0.5, 1.0))
            self._wake.clear()
            delay_s = min(delay_s * 2, _LONGEST_DELAY_S)

    def _renew(self) -> None:
        try:
            self._api.renew(self._api.access_token)
        except (SessionExpired, ApiError):
            # The next call of the window asks to sign in again; listening resumes with the new session.
            return

    def _url(self) -> str:
        return "ws" + self._api.server.removeprefix("http") + PREFIX + "/live"

    def _tls(self) -> ssl.SSLContext | None:
        if not self._api.server.startswith("https"):
            return None
        given = self._api.verify
        return given if isinstance(given, ssl.SSLContext) else ssl.create_default_context()
