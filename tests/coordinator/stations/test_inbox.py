"""Reception of messages: once, in order, nothing blocking (EDG-15, 20, 25, 49)."""

from __future__ import annotations

import json
import uuid
import zlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from coordinator.kernel.context import ContextFactory
from coordinator.kernel.db import utcnow
from coordinator.modules.machines import api as machines
from coordinator.modules.stations import inbox
from coordinator.modules.stations.inbox import Received, StreamState, sort_batch, store
from coordinator.modules.stations.models import DeviceEvent, InboxMessage
from edge_agents.protocol import Envelope, decode, encode, identity_of

TOPIC = "gu/v1/S1/st-a1/event"


def message(
    seq: int, *, station: str = "st-a1", type_: str = "document.acknowledged", **payload: Any
) -> bytes:
    now = utcnow()
    body = payload or {"document_code": "D1", "revision": "A"}
    return encode(
        Envelope(message_id=uuid.uuid4(), station_id=station, seq=seq, type=type_, schema_version=1, occurred_at=now,
                 sent_at=now, time_quality="trusted", payload=body)
    )  # fmt: skip


def known(site: str, station: str) -> str | None:
    return None if (site, station) == ("S1", "st-a1") else "Station inconnue du coordinateur."


@pytest.fixture
def link(fresh_factory: ContextFactory) -> Iterator[psycopg.Connection[Any]]:
    url = fresh_factory.config.database_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url) as connection:
        yield connection


def take(link: psycopg.Connection[Any], *messages: bytes, topic: str = TOPIC) -> dict[str, StreamState]:
    judged = sort_batch([Received(topic, m, utcnow()) for m in messages], known)
    with link.transaction():
        return store(link, judged, machines.write_batches, lambda _t: False)


def count(factory: ContextFactory, model: Any, *where: Any) -> int:
    with factory.sessions() as session:
        return session.scalar(select(func.count()).select_from(model).where(*where)) or 0


@pytest.mark.requirement("EDG-15", "EDG-25")
def test_a_message_is_stored_once_however_often_it_comes(link: Any, fresh_factory: ContextFactory) -> None:
    first = message(1)
    take(link, first, first)
    state = take(link, first)
    assert state["st-a1"].contiguous["event"] == 1
    assert count(fresh_factory, InboxMessage) == 1
    assert count(fresh_factory, DeviceEvent) == 1


@pytest.mark.requirement("EDG-20")
def test_a_gap_holds_the_acknowledgement_back(link: Any) -> None:
    second = message(2)
    assert take(link, message(1), message(3))["st-a1"].contiguous["event"] == 1
    state = take(link, second)["st-a1"]
    assert state.contiguous["event"] == 3
    assert state.highest["event"] == 3


@pytest.mark.requirement("EDG-20")
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(list(range(1, 9))), st.data())
def test_any_order_in_any_batches_ends_contiguous(link: Any, order: list[int], data: st.DataObject) -> None:
    station_link = link
    station_link.execute("DELETE FROM inbox_message")
    station_link.execute("DELETE FROM station_stream")
    station_link.commit()
    cut = data.draw(st.integers(1, 7))
    take(station_link, *[message(s) for s in order[:cut]])
    state = take(station_link, *[message(s) for s in order[cut:]])
    assert state["st-a1"].contiguous["event"] == 8


@pytest.mark.requirement("EDG-49")
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "message.malformed"),
        (b"\xff\xfe garbage", "message.malformed"),
        (b"{" * 10, "message.malformed"),
        (b"{}", "envelope.invalid"),
        (b'{"a":"' + b"x" * 300_000 + b'"}', "message.too_large"),
        (message(1, type_="coffee.made"), "type.unknown"),
        (message(1, type_="machine.state", machine_code="M1"), "payload.invalid"),
    ],
    ids=["empty", "binary", "cut", "bare", "huge", "unknown type", "missing fields"],
)
def test_bad_messages_are_kept_as_rejected_and_block_nothing(
    link: Any, fresh_factory: ContextFactory, data: bytes, reason: str
) -> None:
    state = take(link, data, message(2 if b"coffee" in data or b"machine.state" in data else 1))
    assert count(fresh_factory, InboxMessage, InboxMessage.status == "rejected") == 1
    assert count(fresh_factory, DeviceEvent) == 1
    with fresh_factory.sessions() as session:
        kept = session.scalars(select(InboxMessage).where(InboxMessage.status == "rejected")).one()
        assert (kept.reason or "").startswith(reason)
        assert kept.raw is not None
        assert len(kept.raw) <= 2048
    assert state["st-a1"].contiguous["event"] >= 1


@pytest.mark.requirement("EDG-11")
def test_a_message_that_claims_another_station_is_rejected(link: Any, fresh_factory: ContextFactory) -> None:
    state = take(link, message(1, station="st-b2"))
    assert count(fresh_factory, DeviceEvent) == 0
    with fresh_factory.sessions() as session:
        kept = session.scalars(select(InboxMessage)).one()
        assert kept.station_code == "st-a1"
        assert "station.forged" in (kept.reason or "")
    assert "st-b2" not in state


def test_an_unknown_or_revoked_station_is_refused(link: Any, fresh_factory: ContextFactory) -> None:
    take(link, message(1), topic="gu/v1/S1/st-stranger/event")
    assert count(fresh_factory, InboxMessage, InboxMessage.status == "rejected") == 1
    assert count(fresh_factory, DeviceEvent) == 0


@pytest.mark.requirement("EDG-25", "EDG-51")
def test_a_renumbered_message_counts_under_its_new_number_and_once_as_fact(
    link: Any, fresh_factory: ContextFactory
) -> None:
    take(link, message(1), message(2))
    probe = json.loads(message(1))
    take(link, json.dumps(probe).encode())
    state = take(link, json.dumps({**probe, "seq": 3}).encode(), message(4))["st-a1"]
    assert state.contiguous["event"] == 4
    assert count(fresh_factory, DeviceEvent) == 4


@pytest.mark.requirement("EDG-49")
def test_a_message_that_breaks_the_reception_holds_up_no_other(
    link: Any, fresh_factory: ContextFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, broken, last = message(1), message(2), message(3)

    def decode_or_fail(data: bytes) -> Envelope:
        if data == broken:
            raise ZeroDivisionError
        return decode(data)

    monkeypatch.setattr(inbox, "decode", decode_or_fail)
    take(link, first, broken, last)
    assert count(fresh_factory, DeviceEvent) == 2
    assert count(fresh_factory, InboxMessage, InboxMessage.reason.startswith("message.unforeseen")) == 1


def test_a_database_that_does_not_answer_rejects_no_message() -> None:
    def unknown_for_now(_site: str, _station: str) -> str | None:
        raise psycopg.OperationalError

    with pytest.raises(psycopg.OperationalError):
        sort_batch([Received(TOPIC, message(1), utcnow())], unknown_for_now)


@pytest.mark.requirement("EDG-49")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.replace(b'"D1"', b"NaN"),
        lambda data: data.replace(b'"schema_version":1', b'"schema_version":0'),
        lambda data: data.replace(b'"trusted"', b'"perhaps"'),
    ],
    ids=["not a number", "no schema", "unknown word"],
)
def test_a_message_that_cannot_be_decoded_is_not_asked_for_again(link: Any, spoil: Any) -> None:
    second = spoil(message(2))
    state = take(link, message(1), second, message(3))["st-a1"]
    assert state.contiguous["event"] == 3
    assert [r.seq for r in state.rejected] == [2]


def test_the_number_of_another_stations_message_does_not_count(link: Any) -> None:
    forged = message(2, station="st-b2").replace(b'"D1"', b"NaN")
    assert take(link, message(1), forged, message(3))["st-a1"].contiguous["event"] == 1


def test_a_message_of_a_newer_schema_stays_with_its_station(link: Any) -> None:
    newer = message(2).replace(b'"schema_version":1', b'"schema_version":2')
    state = take(link, message(1), newer, message(3))["st-a1"]
    assert (state.contiguous["event"], state.rejected) == (1, [])


@pytest.mark.requirement("EDG-49")
def test_a_message_too_large_unpacked_is_refused_by_name_and_the_station_goes_on(
    link: Any, fresh_factory: ContextFactory
) -> None:
    def packed(seq: int, filling: int) -> bytes:
        head = json.loads(decode(message(seq)).model_dump_json())
        return zlib.compress(json.dumps({**head, "payload": {"machine_code": "A" * filling}}).encode(), 9)

    bomb, cut = packed(1, 60_000_000), packed(2, 500_000)[:-40]
    telemetry = TOPIC.replace("/event", "/telemetry")
    state = take(link, bomb, cut, b"\x78\x9c" + bytes(500), topic=telemetry)["st-a1"]
    assert state.contiguous["telemetry"] == 2
    assert [(r.seq, r.reason.split(":")[0]) for r in state.rejected] == [
        (1, "message.too_large"),
        (2, "message.malformed"),
    ]
    assert take(link, message(1), topic=TOPIC)["st-a1"].contiguous["event"] == 1
    assert count(fresh_factory, InboxMessage, InboxMessage.status == "rejected") == 3
    # What was cut within its own number names none.
    text = json.dumps({"message_id": str(uuid.uuid4()), "station_id": "st-a1", "seq": 345}).encode()
    assert identity_of(text[:-2], "st-a1") is None
