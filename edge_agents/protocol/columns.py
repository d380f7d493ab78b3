"""Telemetry as columns: the same message as ``TelemetryBatch``, read into arrays at once.

A NAS takes hundreds of thousands of values a second; as Python objects they would cost more than storing them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from pydantic import ValidationError

from edge_agents.protocol.envelope import SCHEMA_VERSION, Envelope, inflate
from edge_agents.protocol.payloads import ChannelBatch, TelemetryBatch, parse_payload
from edge_agents.protocol.units import MAX_UNIT

try:
    import simdjson
except ImportError:  # stations only send; without it every message takes the general way
    simdjson: Any = None  # type: ignore[no-redef]

_MAX_CODE = 256
_MAX_CHANNEL_CODE = 80
_BATCH = "telemetry.batch"
_PLAIN_MEMBERS = 3
"""Members of a channel whose values are all good: unit, t, v."""
_parsers = threading.local()
"""One parser per thread, used again: its memory costs as much as its parsing."""
_INTEGER, _NUMBER = np.dtype(np.int64), np.dtype(np.float64)


class ChannelColumns(NamedTuple):
    """Values of one channel: epoch ms (int64), values (float64, NaN where there is none), qualities or ``None`` for all good."""

    unit: str
    t: Any
    v: Any
    q: Any | None
    has_quality: bool = False
    """Whether the message told qualities at all, be it none."""


@dataclass(frozen=True, slots=True)
class TelemetryColumns:
    """A telemetry batch of one machine by channel code."""

    machine_code: str
    channels: dict[str, ChannelColumns]


def read_columns(data: bytes) -> tuple[Envelope, TelemetryColumns] | None:
    """Envelope (without payload) and columns of a received ``telemetry.batch``; ``None`` for what the general way must judge.

    Arrays of numbers go from the text into numpy without a Python object each. Only what is plainly right is answered:
    one message of this type, no escape in its texts, no name twice, no array but those of the channels.

    Raises:
        ProtocolError: ``message.*`` for bytes that cannot be unpacked.
    """
    if simdjson is None:
        return None
    raw = inflate(data)
    if b"\\" in raw:
        return None
    parsers = _parsers.__dict__
    try:
        parser = parsers.pop("parser", None) or simdjson.Parser()
        found = _read_document(parser.parse(raw))
        # Kept only where all went well: a parser whose document somebody still holds takes no other.
        parsers["parser"] = parser
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError, ValidationError):
        return None
    return found if found is not None and raw.count(b"[") == _array_count(found[1]) else None


def _array_count(columns: TelemetryColumns) -> int:
    return sum(2 + c.has_quality for c in columns.channels.values())


def _members(document: Any) -> dict[str, Any]:
    """Members of an object; ``KeyError`` when a name stands twice in it."""
    found = {name: document[name] for name in document}
    if len(found) != len(document):
        raise KeyError("name twice")
    return found


def _read_document(document: Any) -> tuple[Envelope, TelemetryColumns] | None:
    head = _members(document)
    payload = _members(head.pop("payload"))
    envelope = Envelope.model_validate({**head, "payload": {}})
    machine_code, series = payload["machine_code"], payload["channels"]
    if envelope.type != _BATCH or envelope.schema_version > SCHEMA_VERSION or not _is_code(machine_code):
        return None
    channels = {}
    for code in series:
        columns = _read_channel(series[code]) if 0 < len(code) <= _MAX_CHANNEL_CODE else None
        if columns is None:
            return None
        channels[code] = columns
    # Fewer than members: a name stands twice.
    return (envelope, TelemetryColumns(machine_code, channels)) if len(channels) == len(series) else None


def _read_channel(series: Any) -> ChannelColumns | None:
    unit = series["unit"]
    t = np.frombuffer(series["t"].as_buffer(of_type="i"), _INTEGER)
    v = np.frombuffer(series["v"].as_buffer(of_type="d"), _NUMBER)
    count, members = len(t), len(series)
    if not isinstance(unit, str) or len(unit) > MAX_UNIT or count != len(v) or not count:
        return None
    # As many members as names found: none stands twice, none is unknown.
    if members == _PLAIN_MEMBERS:
        return ChannelColumns(unit, t, v, None)
    quality = series["q"]
    if members != _PLAIN_MEMBERS + 1:
        return None
    if quality is None:
        return ChannelColumns(unit, t, v, None)
    q = np.frombuffer(quality.as_buffer(of_type="i"), _INTEGER)
    if len(q) and (len(q) != count or int(q.min()) < 0 or int(q.max()) > 255):
        return None
    return ChannelColumns(unit, t, v, q if len(q) else None, has_quality=True)


def parse_columns(payload: dict[str, Any]) -> TelemetryColumns:
    """Columns of a ``telemetry.batch`` payload. Raises ``ProtocolError`` ``payload.invalid`` as ``parse_payload`` does.

    What is plainly right is read directly; anything else is judged by the model, which also names the field at fault.
    """
    found = _plain(payload)
    if found is not None:
        return found
    checked = parse_payload("telemetry.batch", payload)
    assert isinstance(checked, TelemetryBatch)  # noqa: S101 — the registry says so
    return columns_of(checked)


def columns_of(batch: TelemetryBatch) -> TelemetryColumns:
    """Columns of a checked batch."""
    return TelemetryColumns(batch.machine_code, {c: _channel(s) for c, s in batch.channels.items()})


def _channel(series: ChannelBatch) -> ChannelColumns:
    # A time beyond int64 is a time in the future: it is only ever compared and cut.
    times = np.clip(np.array(series.t, dtype=np.float64), -9.2e18, 9.2e18).astype(np.int64)
    quality = None if not series.q else np.array(series.q, dtype=np.int64)
    return ChannelColumns(series.unit, times, np.array(series.v, dtype=np.float64), quality)


def _plain(payload: dict[str, Any]) -> TelemetryColumns | None:
    machine_code, channels = payload.get("machine_code"), payload.get("channels")
    if not _is_code(machine_code) or not isinstance(channels, dict):
        return None
    found = {}
    for code, series in channels.items():
        columns = _plain_channel(series) if 0 < len(code) <= _MAX_CHANNEL_CODE else None
        if columns is None:
            return None
        found[code] = columns
    return TelemetryColumns(str(machine_code), found)


def _is_code(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_CODE


def _plain_channel(series: Any) -> ChannelColumns | None:
    if not isinstance(series, dict):
        return None
    unit, times, values, quality = (series.get(name) for name in ("unit", "t", "v", "q"))
    if not isinstance(unit, str) or len(unit) > MAX_UNIT:
        return None
    if not isinstance(times, list) or not isinstance(values, list):
        return None
    if len(times) != len(values) or not times:
        return None
    try:
        t, v = np.array(times), np.array(values)
        q = np.array(quality) if quality else None
    except (ValueError, OverflowError):  # lists of unequal lists, numbers no array takes
        return None
    # The kind of an array is that of its least plain element: one text, null or boolean among numbers shows here.
    if t.dtype != np.int64 or v.dtype.kind not in "fi" or v.ndim != 1 or t.ndim != 1:
        return None
    if not np.isfinite(v).all():  # 1e999 is a number in JSON
        return None
    if q is not None and (
        q.dtype != np.int64 or q.shape != t.shape or int(q.min()) < 0 or int(q.max()) > 255
    ):
        return None
    return ChannelColumns(unit, t, v.astype(np.float64, copy=False), q)
