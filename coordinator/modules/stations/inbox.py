"""Reception: a batch of MQTT messages becomes rows once, in one transaction, before anything is acknowledged.

Message flow: decode → reject or accept → inbox_message (unique ``message_id``) → device_event or telemetry samples →
highest contiguous ``seq`` per station and stream. Whatever arrives, the batch is stored; nothing blocks the others.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg
import structlog
from psycopg.types.json import Jsonb

from edge_agents.protocol import (
    EVENT_PAYLOADS,
    TELEMETRY_PAYLOADS,
    Channel,
    Envelope,
    ProtocolError,
    Topics,
    decode,
    identity_of,
    parse_payload,
)
from edge_agents.protocol.columns import parse_columns, read_columns

_log = structlog.get_logger(__name__)
Stream = Literal["event", "telemetry"]
_STREAMS: dict[Channel, Stream] = {Channel.EVENT: "event", Channel.TELEMETRY: "telemetry"}
_RAW_KEPT = 2048
_FUTURE = dt.timedelta(days=1)


@dataclass(frozen=True)
class Received:
    """One MQTT message of the ``event`` or ``telemetry`` channel, as it came."""

    topic: str
    data: bytes
    received_at: dt.datetime


@dataclass(frozen=True)
class Rejection:
    """Why a message is not accepted; told to the station when it can be named."""

    station_code: str
    stream: str
    reason: str
    message_id: uuid.UUID | None
    seq: int | None
    received: Received


@dataclass
class StreamState:
    """Acknowledgement of one station: highest contiguous and highest seen ``seq`` per stream."""

    contiguous: dict[str, int] = field(default_factory=lambda: {"event": 0, "telemetry": 0})
    highest: dict[str, int] = field(default_factory=lambda: {"event": 0, "telemetry": 0})
    rejected: list[Rejection] = field(default_factory=list)


@dataclass(frozen=True)
class Accepted:
    """A message that passed, with its typed payload."""

    envelope: Envelope
    stream: Stream
    received: Received
    payload: Any


@dataclass
class Sorted:
    """A decoded batch."""

    accepted: list[Accepted] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)

    @property
    def sites(self) -> dict[str, str]:
        """Site of each station named in the batch."""
        topics = [a.received.topic for a in self.accepted]
        topics += [r.received.topic for r in self.rejected if r.station_code != "?"]
        return {t.station_id: t.site for t in (Topics.parse(topic)[0] for topic in topics)}

    def all_rejected(self, reason: str) -> Sorted:
        """The same messages, none accepted."""
        refused = [
            Rejection(a.envelope.station_id, a.stream, f"storage.refused: {reason}", a.envelope.message_id,
                      a.envelope.seq, a.received)
            for a in self.accepted
        ]  # fmt: skip
        return Sorted([], [*self.rejected, *refused])


TelemetryWriter = Callable[
    [psycopg.Connection[Any], Sequence[tuple[Any, dt.datetime]], Sequence[str | None]], Any
]
"""Writes typed telemetry batches with their time of receipt, beside their senders; ``refused`` tells what it did not keep."""


def sort_batch(batch: Sequence[Received], known: Callable[[str, str], str | None]) -> Sorted:
    """Decode and judge each message. ``known(site, station)`` answers ``None`` or the reason for refusing the station."""
    result = Sorted()
    for received in batch:
        try:
            topics, channel = Topics.parse(received.topic)
            stream = _STREAMS[channel]
        except (ProtocolError, KeyError) as error:
            result.rejected.append(Rejection("?", "event", str(error), None, None, received))
            continue
        outcome = _judge(received, topics, stream, known)
        if isinstance(outcome, Rejection):
            result.rejected.append(outcome)
        else:
            result.accepted.append(outcome)
    return result


def _judge(
    received: Received, topics: Topics, stream: Stream, known: Callable[[str, str], str | None]
) -> Accepted | Rejection:
    envelope: Envelope | None = None
    refusal = known(topics.site, topics.station_id)
    try:
        if refusal:
            raise ProtocolError("station.refused", refusal)
        # Columns from here on: as Python objects the values of telemetry would cost more than storing them.
        columns = read_columns(received.data) if stream == "telemetry" else None
        envelope = decode(received.data) if columns is None else columns[0]
        if envelope.station_id != topics.station_id:
            forged, envelope = envelope, None
            raise ProtocolError("station.forged", f"Le message prétend venir de {forged.station_id!r}.")
        if envelope.type not in (EVENT_PAYLOADS if stream == "event" else TELEMETRY_PAYLOADS):
            raise ProtocolError("type.unknown", f"Type de message inconnu : {envelope.type!r}.")
        if envelope.occurred_at > received.received_at + _FUTURE and envelope.time_quality == "trusted":
            raise ProtocolError("time.future", "Date dans le futur.")
        payload: Any
        if columns is not None:
            payload = columns[1]
        elif envelope.type in TELEMETRY_PAYLOADS:
            payload = parse_columns(envelope.payload)
            envelope = envelope.model_copy(update={"payload": {}})
        else:
            payload = parse_payload(envelope.type, envelope.payload)
    except Exception as error:  # what no rule foresees in one message must not hold up those of every station
        if not isinstance(error, ProtocolError):
            _log.error("message fails the reception", topic=received.topic, exc_info=error)
        code = error.code if isinstance(error, ProtocolError) else "message.unforeseen"
        message_id, seq = _named(envelope, code, received, topics.station_id)
        return Rejection(topics.station_id, stream, f"{code}: {error}", message_id, seq, received)
    return Accepted(envelope, stream, received, payload)


def _named(
    envelope: Envelope | None, code: str, received: Received, station_id: str
) -> tuple[uuid.UUID | None, int | None]:
    """Id and number of a refused message, where it may count as received."""
    if envelope is not None:
        return envelope.message_id, envelope.seq
    # A newer schema stays with the station until this side knows it.
    if code in {"message.malformed", "message.too_large", "envelope.invalid", "message.unforeseen"}:
        return identity_of(received.data, station_id) or (None, None)
    return None, None


def store(
    connection: psycopg.Connection[Any],
    batch: Sorted,
    write_telemetry: TelemetryWriter,
    has_handler: Callable[[str], bool],
) -> dict[str, StreamState]:
    """Write a batch in the connection's transaction; returns what may be acknowledged after commit, by station."""
    fresh, renumbered = _insert_inbox(connection, batch, has_handler)
    _renumber_events(connection, [a.envelope for a in batch.accepted if a.envelope.message_id in renumbered])
    new = {a.envelope.message_id: a for a in batch.accepted if a.envelope.message_id in fresh}
    events = [(a.envelope, a.received) for a in new.values() if a.stream == "event"]
    telemetry = [a for a in new.values() if a.stream == "telemetry"]
    _copy_events(connection, events)
    told: list[Rejection] = []
    if telemetry:
        samples = [(a.payload, a.received.received_at) for a in telemetry]
        written = write_telemetry(connection, samples, [a.envelope.station_id for a in telemetry])
        told = _note_refused(connection, telemetry, written.refused)
    states = _advance(connection, batch)
    for rejection in told:
        states[rejection.station_code].rejected.append(rejection)
    return states


def _note_refused(
    connection: psycopg.Connection[Any], telemetry: Sequence[Accepted], refused: Mapping[int, Any]
) -> list[Rejection]:
    """Say beside the message, and to its station, which samples of it were not kept."""
    found = []
    for place, refusal in refused.items():
        accepted = telemetry[place]
        head = accepted.envelope
        connection.execute(
            "UPDATE inbox_message SET reason = %s, status = CASE WHEN %s THEN 'rejected' ELSE status END"
            " WHERE message_id = %s",
            (refusal.reason[:1000], refusal.is_whole, head.message_id),
        )
        found.append(
            Rejection(
                head.station_id, "telemetry", refusal.reason, head.message_id, head.seq, accepted.received
            )
        )
    return found


def _insert_inbox(
    connection: psycopg.Connection[Any], batch: Sorted, has_handler: Callable[[str], bool]
) -> tuple[set[uuid.UUID], set[uuid.UUID]]:
    """New message ids, and known ones that came under a new number. COPY into a staging table, then one insert that leaves known ids out."""
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS inbox_staging (message_id uuid, station_code text, stream text, seq bigint,"
        " event_type text, status text, reason text, received_at timestamptz, occurred_at timestamptz,"
        " needs_processing boolean, raw bytea) ON COMMIT DELETE ROWS"
    )
    with connection.cursor() as cursor, cursor.copy("COPY inbox_staging FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(
            [
                "uuid",
                "text",
                "text",
                "int8",
                "text",
                "text",
                "text",
                "timestamptz",
                "timestamptz",
                "bool",
                "bytea",
            ]
        )
        for accepted in batch.accepted:
            envelope, stream, received = accepted.envelope, accepted.stream, accepted.received
            waits = stream == "event" and has_handler(envelope.type)
            copy.write_row(
                (envelope.message_id, envelope.station_id, stream, envelope.seq, envelope.type, "stored", None,
                 received.received_at, envelope.occurred_at, waits, None)
            )  # fmt: skip
        for rejection in batch.rejected:
            copy.write_row(
                (rejection.message_id or uuid.uuid4(), rejection.station_code[:64], rejection.stream, rejection.seq, None,
                 "rejected", rejection.reason[:1000], rejection.received.received_at, None, False,
                 rejection.received.data[:_RAW_KEPT])
            )  # fmt: skip
    # A station whose journal was replaced sends known messages under new numbers: the new number counts, the fact does not.
    rows = connection.execute(
        "INSERT INTO inbox_message AS known (message_id, station_code, stream, seq, event_type, status, reason,"
        " received_at, occurred_at, needs_processing, raw, attempts) SELECT DISTINCT ON (message_id) message_id,"
        " station_code, stream, seq, event_type, status, reason, received_at, occurred_at, needs_processing, raw, 0"
        " FROM inbox_staging ORDER BY message_id, seq DESC"
        " ON CONFLICT (message_id) DO UPDATE SET seq = EXCLUDED.seq WHERE known.station_code = EXCLUDED.station_code"
        " AND known.stream = EXCLUDED.stream AND known.seq < EXCLUDED.seq RETURNING message_id, (xmax = 0) AS is_new"
    ).fetchall()
    connection.execute("DELETE FROM inbox_staging")
    fresh = {message_id for message_id, is_new in rows if is_new}
    return fresh, {message_id for message_id, _ in rows} - fresh


def _renumber_events(connection: psycopg.Connection[Any], envelopes: Sequence[Envelope]) -> None:
    if envelopes:
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE device_event SET seq = %s WHERE uid = %s AND occurred_at = %s AND seq < %s",
                [(e.seq, e.message_id, e.occurred_at, e.seq) for e in envelopes],
            )


def _copy_events(connection: psycopg.Connection[Any], events: Sequence[tuple[Envelope, Received]]) -> None:
    if not events:
        return
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY device_event (uid, station_code, event_type, seq, occurred_at, received_at, time_quality, user_ref, payload)"
            " FROM STDIN (FORMAT BINARY)"
        ) as copy,
    ):
        copy.set_types(
            ["uuid", "text", "text", "int8", "timestamptz", "timestamptz", "text", "text", "jsonb"]
        )
        for envelope, received in events:
            copy.write_row(
                (envelope.message_id, envelope.station_id, envelope.type, envelope.seq, envelope.occurred_at,
                 received.received_at, envelope.time_quality, envelope.user_ref, Jsonb(envelope.payload))
            )  # fmt: skip


def _advance(connection: psycopg.Connection[Any], batch: Sorted) -> dict[str, StreamState]:
    touched: dict[tuple[str, str], int] = defaultdict(int)
    for accepted in batch.accepted:
        key: tuple[str, str] = (accepted.envelope.station_id, accepted.stream)
        touched[key] = max(touched[key], accepted.envelope.seq)
    for rejection in batch.rejected:
        if rejection.seq is not None:
            key = (rejection.station_code, rejection.stream)
            touched[key] = max(touched[key], rejection.seq)
    states: dict[str, StreamState] = defaultdict(StreamState)
    for (station, stream), highest in sorted(touched.items()):
        contiguous, top = _advance_stream(connection, station, stream, highest)
        states[station].contiguous[stream] = contiguous
        states[station].highest[stream] = top
    for rejection in batch.rejected:
        if rejection.message_id is not None and rejection.seq is not None:
            states[rejection.station_code].rejected.append(rejection)
    for station, state in states.items():
        for stream, contiguous, top in _streams(connection, station):
            state.contiguous[stream] = contiguous
            state.highest[stream] = top
    return dict(states)


def _advance_stream(
    connection: psycopg.Connection[Any], station: str, stream: str, highest: int
) -> tuple[int, int]:
    """Move the contiguous mark of one stream over the seqs now stored, under a row lock."""
    connection.execute(
        "INSERT INTO station_stream (station_code, stream, contiguous_seq, max_seq, processed_seq) VALUES (%s, %s, 0, 0, 0)"
        " ON CONFLICT DO NOTHING",
        (station, stream),
    )
    row = connection.execute(
        "SELECT contiguous_seq, max_seq FROM station_stream WHERE station_code = %s AND stream = %s FOR UPDATE",
        (station, stream),
    ).fetchone()
    assert row is not None  # noqa: S101 — just inserted
    reached = connection.execute(
        "SELECT max(seq) FROM (SELECT seq, %(from)s + row_number() OVER (ORDER BY seq) AS expected FROM"
        " (SELECT DISTINCT seq FROM inbox_message WHERE station_code = %(station)s AND stream = %(stream)s"
        " AND seq > %(from)s) AS known) AS numbered WHERE seq = expected",
        {"from": row[0], "station": station, "stream": stream},
    ).fetchone()
    contiguous = (reached[0] if reached and reached[0] is not None else row[0]) or 0
    top = max(row[1], highest)
    connection.execute(
        "UPDATE station_stream SET contiguous_seq = %s, max_seq = %s WHERE station_code = %s AND stream = %s",
        (contiguous, top, station, stream),
    )
    return contiguous, top


def _streams(connection: psycopg.Connection[Any], station: str) -> list[tuple[str, int, int]]:
    query = "SELECT stream, contiguous_seq, max_seq FROM station_stream WHERE station_code = %s"
    return connection.execute(query, (station,)).fetchall()


def stream_state(connection: psycopg.Connection[Any], station: str) -> StreamState:
    """What a station is to be told when it comes back."""
    state = StreamState()
    for stream, contiguous, top in _streams(connection, station):
        state.contiguous[stream] = contiguous
        state.highest[stream] = top
    return state
