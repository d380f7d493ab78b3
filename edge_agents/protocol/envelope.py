"""Envelope of every event and telemetry message (EDG-15) and its bytes on the wire."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
)
from pydantic_core import from_json, to_json

from edge_agents.protocol.errors import ProtocolError

MAX_MESSAGE_BYTES = 256 * 1024
MAX_DECODED_BYTES = 4 * 1024 * 1024
SCHEMA_VERSION = 1
_HEAD_BYTES = 4096

TimeQuality = Literal["trusted", "uncertain"]


def iso_ms(moment: datetime) -> str:
    """UTC, ISO 8601 with milliseconds and ``Z``: the only form of a time on the wire."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


UtcTime = Annotated[
    AwareDatetime,
    AfterValidator(lambda moment: moment.astimezone(UTC)),
    PlainSerializer(iso_ms, return_type=str, when_used="json"),
]
StationId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


Seq = Annotated[int, Field(ge=1, le=2**53)]


class _Identity(BaseModel):
    message_id: UUID
    seq: Seq


class Envelope(BaseModel):
    """One message of one stream of one station; ``message_id`` becomes the uid of the stored record.

    ``seq`` counts from 1 without gaps in each of the two streams, "event" and "telemetry".
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    message_id: UUID
    station_id: StationId
    seq: Seq
    type: Annotated[str, StringConstraints(pattern=r"^[a-z_]+(\.[a-z_]+)+$", max_length=64)]
    schema_version: Annotated[int, Field(ge=1)]
    occurred_at: UtcTime
    sent_at: UtcTime
    time_quality: TimeQuality
    user_ref: Annotated[str, StringConstraints(max_length=128)] | None = None
    payload: dict[str, Any]


def encode(envelope: Envelope, *, compress: bool = False) -> bytes:
    """Bytes to publish; zlib when asked and when it helps. Raises ``ProtocolError`` above 256 KB, or 4 MB unpacked."""
    raw = to_json(envelope.model_dump(mode="json"))
    if len(raw) > MAX_DECODED_BYTES:
        raise ProtocolError("message.too_large", f"Message décomprimé au-delà de {MAX_DECODED_BYTES} octets.")
    if compress:
        packed = zlib.compress(raw, 6)
        raw = packed if len(packed) < len(raw) else raw
    if len(raw) > MAX_MESSAGE_BYTES:
        raise _too_large(len(raw))
    return raw


def inflate(data: bytes, *, max_bytes: int = MAX_DECODED_BYTES) -> bytes:
    """Plain JSON bytes of a received message; a decompression bomb is refused before it unfolds."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise _too_large(len(data))
    if data[:1] == b"{":
        return data
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(data, max_bytes + 1)
    except zlib.error:
        raise ProtocolError("message.malformed", "Message ni JSON ni comprimé par zlib.") from None
    if len(raw) > max_bytes:
        raise ProtocolError("message.too_large", f"Message décomprimé au-delà de {max_bytes} octets.")
    if not unpacker.eof or unpacker.unused_data:
        raise ProtocolError("message.malformed", "Message comprimé incomplet ou suivi de données étrangères.")
    return raw


def decode_json(data: bytes) -> dict[str, Any]:
    """JSON object of a received message, without NaN, infinity or NUL characters (no database takes them)."""
    raw = inflate(data)
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise ProtocolError("message.malformed", f"JSON illisible : {error}.") from None
    if not isinstance(value, dict):
        raise ProtocolError("message.malformed", "Un objet JSON est attendu.")
    if b"\\u0000" in raw and _has_nul(value):
        raise ProtocolError("message.malformed", "Caractère nul dans un texte.")
    return value


def decode(data: bytes) -> Envelope:
    """Envelope of received bytes. Raises ``ProtocolError`` (message.* or envelope.invalid)."""
    value = decode_json(data)
    try:
        envelope = Envelope.model_validate(value)
    except ValidationError as error:
        raise ProtocolError("envelope.invalid", describe(error)) from None
    if envelope.schema_version > SCHEMA_VERSION:
        raise ProtocolError(
            "schema_version.unsupported", f"Version de schéma {envelope.schema_version} inconnue de ce côté."
        )
    return envelope


def identity_of(data: bytes, station_id: str) -> tuple[UUID, int] | None:
    """Id and number of a message of ``station_id`` that cannot be decoded, as far as they can be read.

    A refusal that cannot name its message would be asked for again for ever. Of a message that is too large, damaged or
    cut, and of a decompression bomb, only the head is unfolded: it stands before the payload.
    """
    try:
        value = _readable(data)
        if value["station_id"] != station_id:
            return None
        head = _Identity.model_validate(value)
    except (ProtocolError, ValueError, TypeError, KeyError):
        return None
    return head.message_id, head.seq


def _readable(data: bytes) -> Any:
    try:
        return from_json(inflate(data))
    except (ProtocolError, ValueError):
        value = from_json(_head(data), allow_partial=True)
    if next(reversed(value), "seq") in _Identity.model_fields:
        raise ValueError("cut within its number")
    return value


def _head(data: bytes) -> bytes:
    if data[:1] == b"{":
        return data[:_HEAD_BYTES]
    try:
        return zlib.decompressobj().decompress(data[:_HEAD_BYTES], _HEAD_BYTES)
    except zlib.error:
        return b""


def describe(error: ValidationError) -> str:
    """Fields and reasons of a validation error in one line, without the (possibly secret) values."""
    parts = (
        ".".join(str(step) for step in item["loc"]) + " : " + item["msg"]
        for item in error.errors(include_url=False, include_input=False, include_context=False)[:5]
    )
    return " ; ".join(parts)


def _too_large(size: int) -> ProtocolError:
    return ProtocolError("message.too_large", f"Message de {size} octets, maximum {MAX_MESSAGE_BYTES}.")


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_nul(item) for item in value)
