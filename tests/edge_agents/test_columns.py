"""Telemetry read into columns says the same as the model, message by message."""

import math
import random
from typing import Any

import numpy as np
import pytest

from edge_agents.protocol import ProtocolError, parse_payload
from edge_agents.protocol.columns import columns_of, parse_columns


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
