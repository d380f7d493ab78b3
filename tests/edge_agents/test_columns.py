"""Telemetry read into columns says the same as the model, message by message."""

import json
import math
import random
import zlib
from typing import Any

import numpy as np
import pytest

from edge_agents.protocol import ProtocolError, decode, parse_payload
from edge_agents.protocol.columns import columns_of, parse_columns, read_columns


def payload(**changes: Any) -> dict[str, Any]:
    series = {"unit": "kW", "t": [1, 2, 3], "v": [1.0, 2, 3.5], "q": None}
    return {"machine_code": "M1", "channels": {"load": series | changes}}


WRONG: list[dict[str, Any]] = [
    {"t": [1, 2]},
    {"t": [1, 2, 2.5]},
    {"t": [1, 2, None]},
    {"v": [1.0, "x", 2.0]},
    {"v": [1.0, math.inf, 2.0]},
    {"v": [[1.0], [2.0], [3.0]]},
    {"v": "123"},
    {"q": [0, 1]},
    {"q": [0, 1, -1]},
    {"q": [0, 1, 256]},
    {"unit": None},
    {"unit": 4},
]


@pytest.mark.requirement("EDG-15")
@pytest.mark.parametrize("changes", WRONG)
def test_a_wrong_series_is_refused_and_named(changes: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match=r"channels\.load") as refusal:
        parse_columns(payload(**changes))
    assert refusal.value.code == "payload.invalid"


@pytest.mark.parametrize(
    "broken", [{}, {"machine_code": "M1"}, {"machine_code": "", "channels": {}}, {"channels": []}]
)
def test_a_wrong_batch_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        parse_columns(broken)


def test_columns_say_what_the_model_says() -> None:
    chance = random.Random(5)
    values: list[Any] = [0, -1, 2.5, 1e300, 7, None]
    for _ in range(200):
        count = chance.randrange(0, 6)
        kinds = values if chance.random() < 0.5 else values[:-1]
        candidate = payload(
            t=[chance.choice([0, 1764000000000, -5, 2**62]) for _ in range(count)],
            v=[chance.choice(kinds) for _ in range(count)],
            q=None if chance.random() < 0.5 else [chance.randrange(256) for _ in range(count)],
        )
        read = parse_columns(candidate).channels["load"]
        model: Any = parse_payload("telemetry.batch", candidate)
        wanted = columns_of(model).channels["load"]
        assert np.array_equal(read.t, wanted.t)
        assert np.array_equal(read.v, wanted.v, equal_nan=True)
        assert (read.q is None) == (wanted.q is None)
        assert read.q is None or np.array_equal(read.q, wanted.q)


def test_a_time_no_calendar_holds_is_kept_for_judgement() -> None:
    assert parse_columns(payload(t=[1, 2, 2**70])).channels["load"].t[2] > 9e18


def message(body: dict[str, Any], **head: Any) -> bytes:
    envelope = {
        "message_id": "8c51b56c-6939-4ae9-a823-43de44cb2987",
        "station_id": "st-1",
        "seq": 7,
        "type": "telemetry.batch",
        "schema_version": 1,
        "occurred_at": "2026-11-20T08:00:00.000Z",
        "sent_at": "2026-11-20T08:00:00.000Z",
        "time_quality": "trusted",
        "user_ref": None,
        "payload": body,
    }
    return json.dumps(envelope | head).encode()


def test_bytes_read_straight_into_columns_say_what_the_general_way_says() -> None:
    pytest.importorskip("simdjson")
    chance = random.Random(11)
    read = 0
    for _ in range(200):
        count = chance.randrange(1, 6)
        body = payload(
            t=[chance.choice([0, 1764000000000, -5, 2**62, 2.0]) for _ in range(count)],
            v=[chance.choice([0, -1, 2.5, 1e300, 7, 2**60 + 1, None, True]) for _ in range(count)],
            q=None if chance.random() < 0.5 else [chance.randrange(-1, 257) for _ in range(count)],
        )
        data = message(body) if chance.random() < 0.5 else zlib.compress(message(body))
        found = read_columns(data)
        if found is None:
            continue
        read += 1
        envelope = decode(data)
        assert found[0] == envelope.model_copy(update={"payload": {}})
        column, wanted = found[1].channels["load"], parse_columns(envelope.payload).channels["load"]
        assert np.array_equal(column.t, wanted.t)
        assert np.array_equal(column.v, wanted.v)
        assert (column.q is None) == (wanted.q is None)
        assert column.q is None or np.array_equal(column.q, wanted.q)
    assert read > 10


@pytest.mark.parametrize(
    "data",
    [
        message(payload(v=[[1.0], [2.0], [3.0]])),
        message(payload(v=[1.0, None, 3.0])),
        message(payload(t=[1, 2])),
        message(payload(t=[1, 2, 2.5])),
        message(payload(q=[0, 1, 256])),
        message(payload(unit=4)),
        message(payload(), schema_version=2),
        message(payload(), seq=0),
        message(payload(), type="telemetry.other"),
        message(payload(), user_ref="\x00"),
        message(payload()).replace(b"3.5", b"1e999"),
        message(payload()).replace(b"3.5", b"NaN"),
        message(payload()).replace(b'"seq": 7', b'"seq": 7, "seq": 8'),
        message(payload()).replace(b'"unit": "kW"', b'"t": [9], "unit": "kW"'),
        message(payload()).replace(b'"q": null', b'"unit": "W"'),
        message(payload()).replace(b'"load": {', b'"load": {"unit": "kW", "t": [1], "v": [1]}, "load": {'),
        message(payload())[:-1],
        b"{}",
    ],
)
def test_what_is_not_plainly_right_is_left_to_the_general_way(data: bytes) -> None:
    assert read_columns(data) is None


def test_a_refused_message_leaves_nothing_behind_for_the_next() -> None:
    pytest.importorskip("simdjson")
    first, second = message(payload(v=[9, 8, 7])), message(payload(v=[1, 2, 3]))
    for between in (message(payload(unit=4)), first[:-1], message(payload(q=[0, 1, 256]))):
        kept = read_columns(first)
        assert read_columns(between) is None
        after = read_columns(second)
        assert kept is not None
        assert after is not None
        assert kept[1].channels["load"].v.tolist() == [9, 8, 7]
        assert after[1].channels["load"].v.tolist() == [1, 2, 3]


def test_bytes_that_cannot_be_unpacked_are_refused() -> None:
    pytest.importorskip("simdjson")
    for data in (b"xyz", b"[]"):
        with pytest.raises(ProtocolError, match="zlib"):
            read_columns(data)
