"""Durable journal of a station: nothing is shown as recorded before it is on the disk (EDG-20 to EDG-25).

Two streams, each numbered from 1 without gaps. A message leaves the journal only after the coordinator's
acknowledgement: telemetry at once, events after a retention counted in operating time, so that a jump of the
wall clock cannot empty the journal.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

from edge_agents.protocol.envelope import SCHEMA_VERSION, Envelope, TimeQuality, encode, iso_ms
from edge_agents.protocol.payloads import EVENT_PAYLOADS, TELEMETRY_PAYLOADS
from edge_agents.runtime import journal_files
from edge_agents.runtime.clock import Clock

Stream = Literal["event", "telemetry"]
STREAMS: tuple[Stream, ...] = ("event", "telemetry")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
  stream TEXT NOT NULL, seq INTEGER NOT NULL, message_id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,
  occurred_at TEXT NOT NULL, time_quality TEXT NOT NULL, boot_id TEXT NOT NULL, wall_base_s REAL NOT NULL,
  user_ref TEXT, payload TEXT NOT NULL, acked_uptime_s REAL, thinned INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (stream, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stream (
  stream TEXT PRIMARY KEY, last_seq INTEGER NOT NULL, acked_seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What a driver wants to record; a driver which gives its own ``message_id`` may repeat itself safely."""

    type: str
    payload: dict[str, Any]
    user_ref: str | None = None
    occurred_at: datetime | None = None
    message_id: UUID = field(default_factory=uuid4)

    @property
    def stream(self) -> Stream:
        return "telemetry" if self.type in TELEMETRY_PAYLOADS else "event"


@dataclass(frozen=True, slots=True)
class StreamState:
    last_seq: int
    acked_seq: int

    @property
    def pending(self) -> int:
        return self.last_seq - self.acked_seq


class JournalFullError(RuntimeError):
    """The disk takes no more data; the caller must not tell the user that something was recorded."""


class Journal:
    """SQLite journal in one directory, usable from several threads."""

    def __init__(self, directory: Path, station_id: str, clock: Clock) -> None:
        self.station_id = station_id
        self.directory = directory
        self._clock = clock
        self._lock = threading.RLock()
        directory.mkdir(parents=True, exist_ok=True)
        self.recovery = journal_files.prepare(directory)
        self._db = sqlite3.connect(
            directory / journal_files.NAME, check_same_thread=False, isolation_level=None
        )
        self._db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA auto_vacuum=INCREMENTAL;"
        )
        self._db.executescript(_SCHEMA)
        for stream in STREAMS:
            self._db.execute("INSERT OR IGNORE INTO stream VALUES (?, 0, 0)", (stream,))
        self._uptime_base = float(self.get_meta("uptime_s") or 0)
        self._started = clock.monotonic()
        new = self.get_meta("created") is None
        self._state = {stream: self._load_state(stream) for stream in STREAMS}
        if new or self.recovery != "intact":
            for stream in STREAMS:
                self.set_meta(f"resync:{stream}", "new" if new else str(self._state[stream].last_seq))
            self.set_meta("created", "1")
        self._resync = {stream for stream in STREAMS if self.get_meta(f"resync:{stream}") is not None}

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                self._state = {stream: self._load_state(stream) for stream in STREAMS}
                raise
            try:
                self._db.execute("COMMIT")
            except sqlite3.Error:
                self._db.execute("ROLLBACK")
                self._state = {stream: self._load_state(stream) for stream in STREAMS}
                raise

    def _load_state(self, stream: Stream) -> StreamState:
        row = self._db.execute("SELECT last_seq, acked_seq FROM stream WHERE stream=?", (stream,)).fetchone()
        return StreamState(*row)

    def _save_state(self, stream: Stream, state: StreamState) -> None:
        self._db.execute(
            "UPDATE stream SET last_seq=?, acked_seq=? WHERE stream=?",
            (state.last_seq, state.acked_seq, stream),
        )
        self._state[stream] = state

    def append(self, message: NewMessage) -> Envelope:
        """Records one message; see ``append_many``."""
        return self.append_many([message])[0]

    def append_many(self, messages: Sequence[NewMessage]) -> list[Envelope]:
        """Records messages in one transaction and returns once they are durable.

        Raises ``ProtocolError`` for a message above 256 KB and ``JournalFullError`` when the disk is full;
        nothing is recorded then.
        """
        now, quality, base = self._clock.now(), self._clock.quality(), self._clock.wall_base_s()
        envelopes: list[Envelope] = []
        try:
            with self._transaction() as db:
                for message in messages:
                    known = self._known(message.message_id)
                    if known is not None:
                        envelopes.append(known)
                        continue
                    envelope = self._number(message, now, quality)
                    encode(envelope, compress=message.stream == "telemetry")
                    db.execute(
                        "INSERT INTO message VALUES (?,?,?,?,?,?,?,?,?,?,NULL,0)",
                        (
                            message.stream,
                            envelope.seq,
                            str(envelope.message_id),
                            envelope.type,
                            iso_ms(envelope.occurred_at),
                            envelope.time_quality,
                            self._clock.boot_id,
                            base,
                            envelope.user_ref,
                            json.dumps(envelope.payload, ensure_ascii=False, separators=(",", ":")),
                        ),
                    )
                    envelopes.append(envelope)
                for stream in {message.stream for message in messages}:
                    self._save_state(stream, self._state[stream])
        except sqlite3.OperationalError as error:
            raise JournalFullError(str(error)) from error
        return envelopes

    def _known(self, message_id: UUID) -> Envelope | None:
        row = self._db.execute(
            "SELECT stream, seq FROM message WHERE message_id=?", (str(message_id),)
        ).fetchone()
        return self.after(row[0], row[1] - 1, 1)[0] if row else None

    def _number(self, message: NewMessage, now: datetime, quality: TimeQuality) -> Envelope:
        stream = message.stream
        state = self._state[stream]
        self._state[stream] = replace(state, last_seq=state.last_seq + 1)
        return Envelope(
            message_id=message.message_id,
            station_id=self.station_id,
            seq=state.last_seq + 1,
            type=message.type,
            schema_version=SCHEMA_VERSION,
            occurred_at=message.occurred_at or now,
            sent_at=now,
            time_quality=quality,
            user_ref=message.user_ref,
            payload=message.payload,
        )

    def state(self, stream: Stream) -> StreamState:
        """Last given and last acknowledged number of a stream."""
        with self._lock:
            return self._state[stream]

    def after(self, stream: Stream, seq: int, limit: int = 100) -> list[Envelope]:
        """Held messages with a number above ``seq``, in order."""
        with self._lock:
            rows = self._db.execute(
                "SELECT seq, message_id, type, occurred_at, time_quality, user_ref, payload FROM message"
                " WHERE stream=? AND seq>? ORDER BY seq LIMIT ?",
                (stream, seq, limit),
            ).fetchall()
        now = self._clock.now()
        return [
            Envelope(
                message_id=row[1],
                station_id=self.station_id,
                seq=row[0],
                type=row[2],
                schema_version=SCHEMA_VERSION,
                occurred_at=row[3],
                sent_at=now,
                time_quality=row[4],
                user_ref=row[5],
                payload=json.loads(row[6]),
            )
            for row in rows
        ]

    def acknowledge(self, stream: Stream, seq: int) -> None:
        """The coordinator holds everything up to ``seq``.

        A number above what this journal knew (replaced unit, restored copy) means that its newer numbers were
        already used for other messages: what they name is renumbered behind it and stays pending.
        """
        with self._transaction() as db:
            state = self._state[stream]
            known = self.get_meta(f"resync:{stream}")
            self._resync.discard(stream)
            db.execute("DELETE FROM meta WHERE key=?", (f"resync:{stream}",))
            if known is not None and known != "new" and seq > int(known):
                self._renumber(stream, int(known), seq + 1)
                self._save_state(stream, replace(self._state[stream], acked_seq=seq))
            elif seq > state.last_seq or (known == "new" and seq > 1):
                self._renumber(stream, state.acked_seq, seq + 1)
                self._save_state(stream, replace(self._state[stream], acked_seq=seq))
            elif seq > state.acked_seq:
                if stream == "telemetry":
                    db.execute("DELETE FROM message WHERE stream=? AND seq<=?", (stream, seq))
                else:
                    db.execute(
                        "UPDATE message SET acked_uptime_s=? WHERE stream=? AND seq>? AND seq<=?",
                        (self.uptime_s(), stream, state.acked_seq, seq),
                    )
                self._save_state(stream, replace(state, acked_seq=seq))

    def roll_back(self, stream: Stream, seq: int) -> None:
        """The coordinator only holds up to ``seq``, less than it once acknowledged (EDG-56).

        Everything still held above it becomes pending again; where messages in between were already purged,
        the held ones close up so that the numbering stays without gaps.
        """
        with self._transaction() as db:
            state = self._state[stream]
            if seq >= state.acked_seq:
                return
            db.execute("UPDATE message SET acked_uptime_s=NULL WHERE stream=? AND seq>?", (stream, seq))
            first = db.execute(
                "SELECT MIN(seq) FROM message WHERE stream=? AND seq>?", (stream, seq)
            ).fetchone()[0]
            if first is None:
                self._save_state(stream, StreamState(seq, seq))
                return
            if first > seq + 1:
                self._renumber(stream, seq, seq + 1)
            self._save_state(stream, replace(self._state[stream], acked_seq=seq))

    def _renumber(self, stream: Stream, above: int, start: int) -> None:
        rows = self._db.execute(
            "SELECT seq FROM message WHERE stream=? AND seq>? ORDER BY seq", (stream, above)
        ).fetchall()
        pairs = [(new, old) for new, (old,) in enumerate(rows, start=start) if new != old]
        upward = bool(pairs) and pairs[0][0] > pairs[0][1]
        for new, old in reversed(pairs) if upward else pairs:
            self._db.execute("UPDATE message SET seq=? WHERE stream=? AND seq=?", (new, stream, old))
        last = start + len(rows) - 1
        self._save_state(stream, StreamState(last, min(above, last)))

    def needs_resync(self, stream: Stream) -> bool:
        """True until the first acknowledgement after a new, replaced or restored journal."""
        return stream in self._resync

    def redate(self) -> int:
        """Corrects unsent events of this boot taken on an unsure clock, keeping the original time (EDG-42).

        To be called once the clock is right. Each message notes the distance between wall and monotonic
        clock when it was recorded, which tells how wrong the wall clock was then. Returns how many changed.
        """
        with self._transaction() as db:
            rows = db.execute(
                "SELECT seq, occurred_at, payload, wall_base_s FROM message WHERE stream='event'"
                " AND time_quality='uncertain' AND boot_id=? AND seq>?",
                (self._clock.boot_id, self._state["event"].acked_seq),
            ).fetchall()
            for seq, occurred_at, text, base in rows:
                moment = datetime.fromisoformat(occurred_at).timestamp() + self._clock.wall_base_s() - base
                fixed = datetime.fromtimestamp(moment, tz=datetime.fromisoformat(occurred_at).tzinfo)
                payload = json.loads(text) | {"original_occurred_at": occurred_at}
                db.execute(
                    "UPDATE message SET occurred_at=?, time_quality='trusted', payload=?"
                    " WHERE stream='event' AND seq=?",
                    (iso_ms(fixed), json.dumps(payload, ensure_ascii=False), seq),
                )
        return len(rows)

    def uptime_s(self) -> float:
        """Operating seconds of this journal over all starts; immune to wall clock jumps."""
        return self._uptime_base + self._clock.monotonic() - self._started

    def purge(self, keep_acked_s: float) -> int:
        """Deletes events acknowledged more than ``keep_acked_s`` operating seconds ago; returns how many."""
        with self._transaction() as db:
            self.set_meta("uptime_s", str(self.uptime_s()))
            cursor = db.execute(
                "DELETE FROM message WHERE acked_uptime_s IS NOT NULL AND acked_uptime_s < ?",
                (self.uptime_s() - keep_acked_s,),
            )
        with self._lock:
            self._db.execute("PRAGMA incremental_vacuum")
        return cursor.rowcount

    def size_bytes(self) -> int:
        """Bytes in use in the database file."""
        with self._lock:
            pages, free, size = (
                self._db.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
        return int((pages - free) * size)

    def oldest_pending_at(self) -> datetime | None:
        """Time of the oldest message not yet acknowledged."""
        with self._lock:
            row = self._db.execute(
                "SELECT MIN(m.occurred_at) FROM message m JOIN stream s ON s.stream = m.stream"
                " WHERE m.seq > s.acked_seq"
            ).fetchone()
        return datetime.fromisoformat(row[0]) if row[0] else None

    def rows_to_thin(self, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """Oldest raw telemetry messages (number, payload)."""
        with self._lock:
            rows = self._db.execute(
                "SELECT seq, payload FROM message WHERE stream='telemetry' AND thinned=0"
                " ORDER BY seq LIMIT ?",
                (limit,),
            ).fetchall()
        return [(seq, json.loads(payload)) for seq, payload in rows]

    def replace_telemetry(self, payloads: dict[int, dict[str, Any]]) -> None:
        """Writes thinned payloads back under their numbers."""
        with self._transaction() as db:
            for seq, payload in payloads.items():
                db.execute(
                    "UPDATE message SET payload=?, thinned=1 WHERE stream='telemetry' AND seq=?",
                    (json.dumps(payload, separators=(",", ":")), seq),
                )

    def get_meta(self, key: str) -> str | None:
        """Small persistent value of the runtime."""
        with self._lock:
            row = self._db.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchone()
        return str(row[0]) if row else None

    def set_meta(self, key: str, value: str) -> None:
        """Stores a small persistent value."""
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def backup(self) -> None:
        """Writes an intact copy beside the journal, used when the journal is found damaged (EDG-51)."""
        journal_files.backup(self._db, self._lock, self.directory)

    def close(self) -> None:
        with self._lock:
            self.set_meta("uptime_s", str(self.uptime_s()))
            self._db.close()


KNOWN_TYPES = frozenset(EVENT_PAYLOADS) | frozenset(TELEMETRY_PAYLOADS)
