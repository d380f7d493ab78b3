"""Telemetry as columns: the same message as ``TelemetryBatch``, read into arrays at once.

A NAS takes hundreds of thousands of values a second; as Python objects they would cost more than storing them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_agents.protocol.payloads import ChannelBatch, TelemetryBatch, parse_payload

_MAX_CODE = 256


@dataclass(frozen=True, slots=True)
class ChannelColumns:
    """Values of one channel: epoch ms (int64), values (float64, NaN where there is none), qualities or ``None`` for all good."""

    unit: str
    t: Any
    v: Any
    q: Any | None


@dataclass(frozen=True, slots=True)
class TelemetryColumns:
    """A telemetry batch of one machine by channel code."""

    machine_code: str
    channels: dict[str, ChannelColumns]


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
        columns = _plain_channel(series) if _is_code(code) else None
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
    if not isinstance(unit, str) or not isinstance(times, list) or not isinstance(values, list):
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
