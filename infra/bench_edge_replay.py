"""A day of buffered work replayed over a thin line, while somebody works at the station (EDG-24)."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import threading
import time
from pathlib import Path
from typing import Any

from edge_agents.runtime.clock import Clock
from edge_agents.runtime.journal import Journal, NewMessage

LINE_BYTES_PER_S = 2_000_000 / 8
EVENTS_PER_H = 150
TELEMETRY_PER_H = 720
CHANNELS, SAMPLES = 10, 5
"""A machine with ten channels sampled each second, one message per 5 s (EDG-17), and a busy scan point."""


class ThinLine:
    """TCP relay which lets ``LINE_BYTES_PER_S`` through towards the broker."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._ready = threading.Event()
        self.port = 0
        self.sent_bytes = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def _run(self) -> None:
        async def serve() -> None:
            server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
            self.port = int(server.sockets[0].getsockname()[1])
            self._ready.set()
            await server.serve_forever()

        self._task = self._loop.create_task(serve())
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        await asyncio.gather(
            self._pipe(reader, far_writer, limited=True), self._pipe(far_reader, writer, limited=False)
        )

    async def _pipe(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, limited: bool
    ) -> None:
        free_at = time.monotonic()
        try:
            while data := await reader.read(4096):
                if limited:
                    self.sent_bytes += len(data)
                    free_at = max(free_at, time.monotonic()) + len(data) / LINE_BYTES_PER_S
                    await asyncio.sleep(max(0.0, free_at - time.monotonic()))
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def close(self) -> None:
        """End the relay."""
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(5)


def fill_journal(directory: Path, station_id: str, hours: float) -> tuple[int, int]:
    """Write what a station would have recorded in ``hours`` without a line; numbers of events and telemetry messages."""
    journal = Journal(directory, station_id, Clock("yes"))
    now = dt.datetime.now(dt.UTC)
    begin = now - dt.timedelta(hours=hours)
    events, telemetry = round(EVENTS_PER_H * hours), round(TELEMETRY_PER_H * hours)
    messages = [
        NewMessage("scan.read", {"code": f"n:{n}", "symbology": "QRCode", "purpose": "bench"},
                   occurred_at=begin + dt.timedelta(hours=hours * n / events))
        for n in range(1, events + 1)
    ]  # fmt: skip
    messages += [_telemetry(begin, n) for n in range(telemetry)]
    for start in range(0, len(messages), 500):
        journal.append_many(messages[start : start + 500])
    journal.close()
    return events, telemetry


def _telemetry(begin: dt.datetime, number: int) -> NewMessage:
    first = int(begin.timestamp() * 1000) + number * 5000
    times = [first + 1000 * i for i in range(SAMPLES)]
    channels = {
        f"c{c}": {
            "unit": "kW",
            "t": times,
            "v": [round(c + (number * 7 + i * 13 + c * 3) % 977 / 71, 3) for i in range(SAMPLES)],
        }
        for c in range(CHANNELS)
    }
    payload: dict[str, Any] = {"machine_code": "BENCH-1", "channels": channels}
    return NewMessage("telemetry.batch", json.loads(json.dumps(payload)))
