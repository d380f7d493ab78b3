"""Samples as blocks: one row holds up to 160 samples of one channel within one hour, written by binary COPY.

A row of its own costs a sample 60 bytes and half of what an ingest may spend; in a block it costs 13
(docs/decisions/0010). A block never passes the end of an hour of UTC: what is asked of a span is found by the key, whole
hours and days are whole blocks. The database reads blocks by ``telemetry_samples(channels, start, stop)`` (``ddl.py``).
"""

from __future__ import annotations

from struct import Struct
from typing import Any, NamedTuple

import numpy as np
import psycopg

BLOCK_SAMPLES = 160
"""As many as keep the row within the 2 kB beyond which PostgreSQL would store it aside."""
_BLOCK_SAMPLES_JUDGED = 136
"""The same where qualities are stored too."""
_HOUR_MS = 3_600_000
_POSTGRES_EPOCH_US = 946_684_800_000_000
_COPY = (
    "COPY telemetry_block (telemetry_channel_id, first_at, last_at, offset_ms, value, quality)"
    " FROM STDIN (FORMAT BINARY)"
)
_COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_KEY = Struct(">hiqiqiq")
"""Number of fields, then channel, first and last instant, each after its length."""
_ARRAY = Struct(">iiiiii")
"""Length of the field, dimensions, whether elements are NULL, type of the elements, their number, first subscript."""
_INT2, _INT4, _FLOAT8 = (21, ">i2"), (23, ">i4"), (701, ">f8")


class Samples(NamedTuple):
    """Columns of samples: channel ids, ms since 1970 UTC, values (NaN where there is none), qualities (0 good, 1 uncertain, 2 bad)."""

    channel: Any
    at_ms: Any
    value: Any
    quality: Any

    def ordered(self) -> Samples:
        """The same by channel and time; samples of one instant keep their order."""
        next_channel, channel = self.channel[1:], self.channel[:-1]
        if (
            (next_channel > channel) | ((next_channel == channel) & (self.at_ms[1:] >= self.at_ms[:-1]))
        ).all():
            return self
        order = np.lexsort((self.at_ms, self.channel))
        return Samples(*(column[order] for column in self))


class Hours(NamedTuple):
    """Where each run of samples of one channel and one hour begins, with its channel and the hours since 1970."""

    start: Any
    channel: Any
    hour: Any


def hours_of(samples: Samples) -> Hours:
    """Runs of ordered samples."""
    channel, hour = samples.channel, samples.at_ms // _HOUR_MS
    changes = np.flatnonzero((channel[1:] != channel[:-1]) | (hour[1:] != hour[:-1])) + 1
    start = np.concatenate(([0], changes))
    return Hours(start, channel[start], hour[start])


def copy_blocks(connection: psycopg.Connection[Any], samples: Samples, hours: Hours) -> None:
    """Write ordered samples in the caller's transaction. Partitions must be there."""
    data = block_rows(samples, hours)
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(_COPY_HEADER)
        copy.write(data)
        copy.write(_COPY_TRAILER)


def block_rows(samples: Samples, hours: Hours) -> bytes:
    """Blocks in PostgreSQL's binary COPY format. The elements are laid out by numpy all at once, then cut."""
    is_good = not samples.quality.any()
    starts, counts = _cut(
        hours.start, len(samples.channel), BLOCK_SAMPLES if is_good else _BLOCK_SAMPLES_JUDGED
    )
    first_ms, last_ms = samples.at_ms[starts], samples.at_ms[starts + counts - 1]
    offset = _Elements(samples.at_ms - np.repeat(first_ms, counts), _INT4)
    value = _Elements(samples.value, _FLOAT8)
    quality = None if is_good else _Elements(samples.quality, _INT2)
    pieces: list[bytes | memoryview] = []
    for start, count, channel, first, last in zip(
        starts.tolist(),
        counts.tolist(),
        samples.channel[starts].tolist(),
        (first_ms * 1000 - _POSTGRES_EPOCH_US).tolist(),
        (last_ms * 1000 - _POSTGRES_EPOCH_US).tolist(),
        strict=True,
    ):
        pieces += (
            _KEY.pack(6, 8, channel, 8, first, 8, last),
            *offset.field(start, count),
            *value.field(start, count),
        )
        pieces += (_NULL,) if quality is None else quality.field(start, count)
    return b"".join(pieces)


def _cut(starts: Any, total: int, limit: int) -> tuple[Any, Any]:
    """Starts and lengths of blocks: each run in pieces of at most ``limit``."""
    lengths = np.diff(starts, append=total)
    pieces = -(-lengths // limit)
    number = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    cut = np.repeat(starts, pieces) + number * limit
    return cut, np.diff(cut, append=total)


class _Elements:
    """Elements of arrays as the binary format wants them, each after its length."""

    def __init__(self, column: Any, kind: tuple[int, str]) -> None:
        self._type, number = kind
        rows = np.empty(len(column), dtype=[("length", ">i4"), ("element", number)])
        rows["length"], rows["element"] = np.dtype(number).itemsize, column
        self._width, self._bytes = rows.itemsize, memoryview(rows.view(np.uint8).data)
        self._heads: dict[int, bytes] = {}

    def field(self, start: int, count: int) -> tuple[bytes, memoryview]:
        """The array of ``count`` elements from ``start``."""
        head = self._heads.get(count)
        if head is None:
            size = _ARRAY.size - 4 + count * self._width
            head = self._heads[count] = _ARRAY.pack(size, 1, 0, self._type, count, 1)
        return head, self._bytes[start * self._width : (start + count) * self._width]
