"""Ways to store telemetry, measured in turn on one server: ``python -m infra.bench_telemetry_forms [rounds]``.

Figures of docs/decisions/0010: the same samples by binary COPY as rows (without an index, with BRIN, with the chart's key)
and as blocks (arrays as stored, smaller ones, packed bytes), each transaction durable. Processor seconds of the server's
process are given too: a busy machine changes those less than the rate.
"""

from __future__ import annotations

import os
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from coordinator.modules.machines import blocks
from coordinator.modules.machines.blocks import Samples
from infra.embedded.postgres import EmbeddedPostgres

CHANNELS, SAMPLES_PER_CHANNEL, TRANSACTIONS, STEP_MS = 10, 20_000, 6, 25
_HEADER, _TRAILER = b"PGCOPY\n\xff\r\n\x00" + bytes(8), b"\xff\xff"
_BEGIN_MS = 1_780_000_000_000 // 3_600_000 * 3_600_000
_POSTGRES_EPOCH_MS = 946_684_800_000
_ROW = "(c bigint NOT NULL, at timestamptz NOT NULL, v float8, q smallint NOT NULL)"
_BLOCK = "(c bigint NOT NULL, first timestamptz NOT NULL, last timestamptz NOT NULL, at {0} NOT NULL, v {1} NOT NULL, q {2})"
_ARRAYS, _BYTES = _BLOCK.format("int[]", "float8[]", "smallint[]"), _BLOCK.format("bytea", "bytea", "bytea")


@dataclass(frozen=True)
class Form:
    """Columns of the table, what it is indexed by, and how samples become bytes of a binary COPY."""

    columns: str
    index: str | None
    layout: Callable[[Samples], bytes]


def _rows(samples: Samples) -> bytes:
    fields = [("n", ">i2"), ("l1", ">i4"), ("c", ">i8"), ("l2", ">i4"), ("at", ">i8"), ("l3", ">i4"), ("v", ">f8"),
              ("l4", ">i4"), ("q", ">i2")]  # fmt: skip
    rows = np.repeat(np.array([(4, 8, 0, 8, 0, 8, 0, 2, 0)], dtype=fields), len(samples.channel))
    rows["c"], rows["at"] = samples.channel, (samples.at_ms - _POSTGRES_EPOCH_MS) * 1000
    rows["v"], rows["q"] = samples.value, samples.quality
    return rows.tobytes()


def _arrays(samples: Samples) -> bytes:
    return blocks.block_rows(samples, blocks.hours_of(samples))


def _packed(samples: Samples) -> bytes:
    """Offsets and values of a block as bytes only a program can read."""
    hours = blocks.hours_of(samples)
    pieces = []
    for begin, end in zip(hours.start, [*hours.start[1:], len(samples.channel)], strict=True):
        for start in range(begin, end, blocks.BLOCK_SAMPLES):
            at_ms = samples.at_ms[start : min(start + blocks.BLOCK_SAMPLES, end)]
            offset = (at_ms - at_ms[0]).astype("<i4").tobytes()
            value = samples.value[start : start + len(at_ms)].astype("<f8").tobytes()
            first, last = ((int(t) - _POSTGRES_EPOCH_MS) * 1000 for t in (at_ms[0], at_ms[-1]))
            head = struct.pack(">hiqiqiq", 6, 8, int(samples.channel[start]), 8, first, 8, last)
            pieces += [
                head,
                struct.pack(">i", len(offset)),
                offset,
                struct.pack(">i", len(value)),
                value,
                b"\xff" * 4,
            ]
    return b"".join(pieces)


FORMS = {
    "rows": Form(_ROW, None, _rows),
    "rows, BRIN": Form(_ROW, "USING brin (at)", _rows),
    "rows, key": Form(_ROW, "(c, at)", _rows),
    "blocks of arrays, key": Form(_ARRAYS, "(c, first, last)", _arrays),
    "blocks of bytes, key": Form(_BYTES, "(c, first, last)", _packed),
}


def _transactions() -> list[Samples]:
    random = np.random.default_rng(1)
    channel = np.repeat(np.arange(CHANNELS) + 1, SAMPLES_PER_CHANNEL)
    made = []
    for number in range(TRANSACTIONS):
        at_ms = _BEGIN_MS + (number * SAMPLES_PER_CHANNEL + np.arange(SAMPLES_PER_CHANNEL)) * STEP_MS
        value = random.random(len(channel)) * 14
        made.append(Samples(channel, np.tile(at_ms, CHANNELS), value, np.zeros(len(channel), dtype=np.int16)))
    return made


def _processor_s(pid: int) -> float:
    ticks = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")


def _store(
    connection: psycopg.Connection[Any], form: Form, batches: list[Samples]
) -> tuple[float, float, float]:
    """Values a second, processor seconds of the server and bytes on disk for a million values."""
    execute = connection.execute
    execute("DROP TABLE IF EXISTS form")
    execute(f"CREATE TABLE form {form.columns}".encode())
    if form.index:
        execute(f"CREATE INDEX ON form {form.index}".encode())
    connection.commit()
    data = [form.layout(samples) for samples in batches]
    used, started = _processor_s(connection.info.backend_pid), time.perf_counter()
    for piece in data:
        with connection.cursor() as cursor, cursor.copy("COPY form FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(_HEADER)
            copy.write(piece)
            copy.write(_TRAILER)
        connection.commit()
    seconds, used = time.perf_counter() - started, _processor_s(connection.info.backend_pid) - used
    row = execute("SELECT pg_total_relation_size('form')").fetchone()
    millions = sum(len(samples.channel) for samples in batches) / 1e6
    return 1e6 * millions / seconds, used / millions, (row[0] if row else 0) / millions


def main(rounds: int) -> None:
    """Print medians of ``rounds`` rounds, the forms in turn."""
    batches = _transactions()
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in FORMS}
    with tempfile.TemporaryDirectory(prefix="usinage-bench-") as folder:
        server = EmbeddedPostgres(Path(folder) / "pg")
        server.start("forms")
        try:
            with psycopg.connect(server.libpq_url("forms")) as connection:
                for _ in range(rounds):
                    for name, form in FORMS.items():
                        found[name].append(_store(connection, form, batches))
        finally:
            server.stop(force=True)
    for name, figures in found.items():
        rate, used, size = (statistics.median(column) for column in zip(*figures, strict=True))
        print(
            f"{name:24} {rate:12,.0f} values/s  {used:6.3f} s of processor  {size / 1e6:6.1f} bytes a value"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
