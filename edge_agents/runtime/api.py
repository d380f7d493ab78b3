"""HTTPS towards the coordinator: mutual TLS where there is a certificate, and a token signed with its key."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge_agents.protocol import tokens
from edge_agents.runtime.station import BrokerSettings

_TIMEOUT_S = 30.0
_CLOCK_TOLERANCE = timedelta(seconds=30)


class StationAuth(httpx.Auth):
    """Signs each request; a refusal that shows a wrong clock is answered once with the coordinator's time."""

    def __init__(self, key_file: Path, station_id: str, now: Callable[[], datetime]) -> None:
        self._key_file = key_file
        self._station_id = station_id
        self._now = now
        self._offset = timedelta()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        used = self._offset
        self._sign(request)
        answer = yield request
        # Another request on the way may have corrected the clock meanwhile: this one was still signed with the wrong time.
        if answer.status_code == 401 and (self._corrects_clock(answer) or self._offset != used):
            self._sign(request)
            yield request

    def _sign(self, request: httpx.Request) -> None:
        key = serialization.load_pem_private_key(self._key_file.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise httpx.RequestError(f"{self._key_file} : clé d'un autre genre.")
        token = tokens.make_token(key, self._station_id, self._now() + self._offset)
        request.headers["Authorization"] = f"Bearer {token}"

    def _corrects_clock(self, answer: httpx.Response) -> bool:
        try:
            theirs = parsedate_to_datetime(answer.headers["Date"])
        except (KeyError, ValueError):
            return False
        error = theirs - self._now() - self._offset
        if abs(error) < _CLOCK_TOLERANCE:
            return False
        self._offset += error
        return True


class StationApi:
    """Opens clients of the coordinator with this station's present identity."""

    def __init__(
        self,
        url: str,
        station_id: str,
        broker: BrokerSettings,
        now: Callable[[], datetime],
        ca_file: Path | None = None,
    ) -> None:
        self.url = url
        self._broker = broker
        self._ca_file = ca_file or broker.ca_file
        key = broker.key_file
        self._auth = StationAuth(key, station_id, now) if key is not None else None

    def client(self) -> httpx.AsyncClient:
        """Client of one conversation; certificate files are read anew each time, as they may have been renewed."""
        return httpx.AsyncClient(base_url=self.url, verify=self._tls(), auth=self._auth, timeout=_TIMEOUT_S)

    def _tls(self) -> ssl.SSLContext | bool:
        if not self.url.startswith("https"):
            return True
        context = ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file else None)
        if self._broker.cert_file is not None:
            context.load_cert_chain(self._broker.cert_file, self._broker.key_file)
        return context
