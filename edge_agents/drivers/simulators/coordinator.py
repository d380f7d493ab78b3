"""Reference coordinator for benches and tests: stores each message once, acknowledges contiguous numbers.

It follows the contract exactly and nothing more; the product's coordinator takes its place in a real system.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import aiomqtt

from edge_agents.protocol import Channel, Envelope, Topics, decode, parse_payload
from edge_agents.protocol.control import Ack, Document, encode_document

_SCHEMA = """
CREATE TABLE IF NOT EXISTS inbox (
  arrival INTEGER PRIMARY KEY, message_id TEXT UNIQUE NOT NULL, station TEXT, stream TEXT, type TEXT, payload TEXT);
CREATE TABLE IF NOT EXISTS numbers (
  station TEXT, stream TEXT, seq INTEGER, message_id TEXT, PRIMARY KEY (station, stream, seq, message_id));
"""


class ReferenceCoordinator:
    """Durable inbox in SQLite behind one MQTT connection which comes back by itself."""

    def __init__(self, path: Path, port: int) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode=WAL;" + _SCHEMA)
        self._port = port
        self._client: aiomqtt.Client | None = None
        self._dirty: set[Topics] = set()
        self._high: dict[tuple[str, str], int] = {}
        self.duplicates = 0
        self.received: list[tuple[Channel, bytes]] = []
        self.silent = False

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            with contextlib.suppress(aiomqtt.MqttError, OSError):
                async with aiomqtt.Client(
                    "127.0.0.1", self._port, identifier="coordinator", clean_session=False
                ) as client:
                    self._client = client
                    for channel in (Channel.EVENT, Channel.TELEMETRY, Channel.STATE, Channel.HEALTH):
                        await client.subscribe(Topics.filter(channel), qos=1)
                    for channel in (Channel.CONFIG_REPORTED, Channel.CMD_RESULT):
                        await client.subscribe(Topics.filter(channel), qos=1)
                    await self._work(client)
            self._client = None
            await asyncio.sleep(0.2)

    async def _work(self, client: aiomqtt.Client) -> None:
        acks = asyncio.create_task(self._acknowledge())
        try:
            async for message in client.messages:
                topics, channel = Topics.parse(str(message.topic))
                data = bytes(message.payload) if isinstance(message.payload, (bytes, bytearray)) else b""
                if channel in (Channel.EVENT, Channel.TELEMETRY):
                    self._store(topics, channel.value, decode(data))
                else:
                    self.received.append((channel, data))
        finally:
            acks.cancel()
            await asyncio.gather(acks, return_exceptions=True)

    def _store(self, topics: Topics, stream: str, envelope: Envelope) -> None:
        parse_payload(envelope.type, envelope.payload)
        key = str(envelope.message_id)
        cursor = self._db.execute(
            "INSERT OR IGNORE INTO inbox (message_id, station, stream, type, payload) VALUES (?,?,?,?,?)",
            (key, topics.station_id, stream, envelope.type, str(envelope.payload.get("code", ""))),
        )
        self.duplicates += 1 - cursor.rowcount
        self._db.execute(
            "INSERT OR IGNORE INTO numbers VALUES (?,?,?,?)", (topics.station_id, stream, envelope.seq, key)
        )
        self._dirty.add(topics)

    async def _acknowledge(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            if not self._dirty or self.silent:
                continue
            self._db.commit()
            dirty, self._dirty = self._dirty, set()
            for topics in dirty:
                await self.send(topics, Channel.ACK, self.ack(topics))

    def ack(self, topics: Topics) -> Ack:
        """Present acknowledgement of one station."""
        events, telemetry = (self.contiguous(topics.station_id, name) for name in ("event", "telemetry"))
        return Ack(event_seq=events, telemetry_seq=telemetry)

    def contiguous(self, station: str, stream: str) -> int:
        """Highest number below which nothing is missing."""
        high = self._high.get((station, stream), 0)
        rows = self._db.execute(
            "SELECT DISTINCT seq FROM numbers WHERE station=? AND stream=? AND seq>? ORDER BY seq",
            (station, stream, high),
        )
        for (seq,) in rows:
            if seq != high + 1:
                break
            high = seq
        self._high[station, stream] = high
        return high

    async def send(
        self, topics: Topics, channel: Channel, document: Document, *, retain: bool = False
    ) -> None:
        """Publishes a document to one station."""
        if self._client is not None:
            await self._client.publish(topics.of(channel), encode_document(document), qos=1, retain=retain)

    def forget_above(self, station: str, stream: str, seq: int) -> None:
        """What a NAS restored from an older backup looks like."""
        where = "station=? AND stream=? AND seq>?"
        self._db.execute(
            f"DELETE FROM inbox WHERE message_id IN (SELECT message_id FROM numbers WHERE {where})",  # noqa: S608
            (station, stream, seq),
        )
        self._db.execute(f"DELETE FROM numbers WHERE {where}", (station, stream, seq))  # noqa: S608
        self._db.commit()
        self._high[station, stream] = min(self._high.get((station, stream), 0), seq)

    def stored(self, stream: str = "event") -> list[tuple[int, str, str]]:
        """(seq, type, code) of every stored message, in the order of arrival."""
        rows: list[tuple[int, str, str]] = self._db.execute(
            "SELECT MIN(n.seq), i.type, i.payload FROM inbox i JOIN numbers n USING (message_id)"
            " WHERE i.stream=? GROUP BY i.message_id ORDER BY i.arrival",
            (stream,),
        ).fetchall()
        return rows

    def count(self, stream: str = "event") -> int:
        """Messages stored in one stream."""
        return int(self._db.execute("SELECT COUNT(*) FROM inbox WHERE stream=?", (stream,)).fetchone()[0])

    def doubled_numbers(self) -> int:
        """Numbers of the event stream under which more than one message arrived."""
        row: Any = self._db.execute(
            "SELECT COUNT(*) FROM (SELECT 1 FROM numbers WHERE stream='event' GROUP BY station, seq"
            " HAVING COUNT(*) > 1)"
        ).fetchone()
        return int(row[0])

    def close(self) -> None:
        self._db.commit()
        self._db.close()
