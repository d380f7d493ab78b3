"""Bearer token of a station over HTTPS: signed with the key of its certificate, so that no secret is shared (EDG-08).

``gust1.<base64url of {"station_id", "at"}>.<base64url signature>``; the coordinator checks it against the certificate it
issued. A token lives five minutes on either side of ``at``; a station with a wrong clock corrects it from the
``Date`` header of the refusal.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from edge_agents.protocol.errors import ProtocolError

PREFIX = "gust1."
VALID = timedelta(minutes=5)
_MAX_CHARS = 1000
_ALGORITHM = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True, slots=True)
class StationToken:
    """Content of a token, not yet proven."""

    station_id: str
    at: datetime
    signed: bytes
    signature: bytes

    def verify(self, key: object, now: datetime) -> None:
        """Raises ``ProtocolError`` (``token.forged``, ``token.expired``) unless the holder of ``key`` made it now."""
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise ProtocolError("token.forged", "Clé d'un autre genre.")
        try:
            key.verify(self.signature, self.signed, _ALGORITHM)
        except InvalidSignature:
            raise ProtocolError("token.forged", "Signature du jeton fausse.") from None
        if abs(now - self.at) > VALID:
            raise ProtocolError("token.expired", "Jeton hors de son temps de validité.")


def make_token(key: ec.EllipticCurvePrivateKey, station_id: str, now: datetime) -> str:
    """Token of a station, valid around ``now``."""
    body = _pack(json.dumps({"station_id": station_id, "at": round(now.timestamp())}).encode())
    signed = f"{PREFIX}{body}".encode()
    return f"{PREFIX}{body}.{_pack(key.sign(signed, _ALGORITHM))}"


def read_token(text: str) -> StationToken:
    """Token of a header. Raises ``ProtocolError`` (``token.invalid``)."""
    try:
        prefix, body, signature = text.split(".") if len(text) <= _MAX_CHARS else ("", "", "")
        if f"{prefix}." != PREFIX:
            raise ValueError(prefix)
        claims = json.loads(_unpack(body))
        at = datetime.fromtimestamp(int(claims["at"]), UTC)
        return StationToken(str(claims["station_id"]), at, f"{PREFIX}{body}".encode(), _unpack(signature))
    except (ValueError, KeyError, TypeError, OverflowError, OSError, binascii.Error):
        raise ProtocolError("token.invalid", "Jeton de station illisible.") from None


def _pack(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unpack(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
