"""Pure rules of a machine: state, part counter, cycles, quality, staleness."""

import math
from typing import Any

import pytest

from edge_agents.drivers.machine.config import Limit
from edge_agents.drivers.machine.incidents import IncidentWatch
from edge_agents.drivers.machine.state import BAD, GOOD, Sample, derive_state, grade, normalise
from edge_agents.drivers.machine.telemetry import TelemetryBatcher
from edge_agents.drivers.machine.tracker import MachineTracker, PartCounter
from edge_agents.drivers.opcua_machine.config import NodeSpec, load_node_map


@pytest.mark.requirement("MCH-14")
@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({}, "unknown"),
        ({"power_on": False, "program_state": "running"}, "off"),
        ({"operation_mode": "automatic", "program_state": "ended"}, "idle"),
        ({"operation_mode": "automatic", "program_state": "running"}, "running"),
        ({"program_state": "running", "feed_override": 0.0}, "waiting"),
        ({"program_state": "interrupted"}, "waiting"),
        ({"channel_state": "active"}, "running"),
        ({"operation_mode": "setup", "program_state": "ended"}, "setup"),
        ({"operation_mode": "manual", "spindle_rotating": True}, "setup"),
        ({"operation_mode": "manual", "spindle_rotating": False}, "idle"),
        ({"operation_mode": "service"}, "maintenance"),
        ({"program_state": "running", "alarm_code": "700"}, "alarm"),
        ({"program_state": "running", "alarm_code": 0.0}, "running"),
        ({"execution": "waiting"}, "waiting"),
    ],
)
def test_state_rules(values: dict[str, Any], state: str) -> None:
    assert derive_state(values) == state


@pytest.mark.requirement("MCH-48")
def test_part_counter_never_negative_never_giant() -> None:
    counter = PartCounter(50)
    steps = [counter.step(value) for value in (1000, 1001, 1003, 0, 2, 90_000, 90_001)]
    assert [made for made, _ in steps] == [0, 1, 2, 0, 2, 0, 1]
    assert [problem is not None for _, problem in steps] == [False, False, False, True, False, True, False]


@pytest.mark.requirement("MCH-47")
def test_absurd_values_are_bad_and_raise_no_alarm() -> None:
    spec = NodeSpec(paths=("x",), low=0, high=500)
    for value, at in ((-1.0, 0), (501.0, 0), (math.nan, 0), (math.inf, 0), (5.0, 10_000)):
        assert grade(spec, value, at, 0, good=True) == BAD
    assert grade(spec, 5.0, 0, 0, good=False) == BAD
    assert grade(spec, 5.0, 0, 0, good=True) == GOOD
    tracker = MachineTracker("M01", watch=IncidentWatch("M01", {"spindle_load": Limit(risk=100, impact=150)}))
    assert tracker.observe(Sample("spindle_load", 9999.0, 1.0, BAD)) == []


def _feed(tracker: MachineTracker, *samples: tuple[str, Any, float]) -> list[tuple[str, dict[str, Any]]]:
    events = []
    for signal, value, at in samples:
        events += tracker.tick(at)
        events += tracker.observe(Sample(signal, value, at))
    return [(event.type, event.payload) for event in events]


@pytest.mark.requirement("MCH-13")
def test_late_counter_belongs_to_the_cycle_which_ended() -> None:
    tracker = MachineTracker("M01", settle_s=1)
    _feed(tracker, ("program", "O1", 0), ("part_count", 5.0, 0), ("program_state", "running", 1))
    events = _feed(tracker, ("program_state", "ended", 10), ("part_count", 6.0, 10.5), ("tool", 1.0, 12))
    cycles = [payload for kind, payload in events if kind == "machine.cycle"]
    assert [(cycle["program"], cycle["result"], cycle["part_count"]) for cycle in cycles] == [
        ("O1", "complete", 1)
    ]
    assert (cycles[0]["started_at"][17:19], cycles[0]["ended_at"][17:19]) == ("01", "10")


@pytest.mark.parametrize(
    ("steps", "result"),
    [
        (("aborted",), "aborted"),
        (("interrupted", "aborted"), "interrupted"),
        (("interrupted", "ended"), "complete"),
    ],
)
def test_cycle_results(steps: tuple[str, ...], result: str) -> None:
    tracker = MachineTracker("M01", settle_s=0)
    changes = [("program_state", step, 2.0 + index) for index, step in enumerate(steps)]
    events = _feed(tracker, ("program_state", "running", 1.0), *changes, ("tool", 1.0, 20.0))
    assert [payload["result"] for kind, payload in events if kind == "machine.cycle"] == [result]


@pytest.mark.requirement("MCH-45")
def test_a_source_that_loses_sight_of_the_machine_ends_no_cycle() -> None:
    tracker = MachineTracker("M01", settle_s=0)
    events = _feed(
        tracker, ("program_state", "running", 1.0), ("program_state", None, 5.0), ("program_state", "running", 60.0),
        ("program_state", "ended", 90.0), ("tool", 1.0, 95.0),
    )  # fmt: skip
    (cycle,) = [payload for kind, payload in events if kind == "machine.cycle"]
    assert (cycle["result"], cycle["started_at"][14:19], cycle["ended_at"][14:19]) == (
        "complete",
        "00:01",
        "01:30",
    )
    assert [payload["state"] for kind, payload in events if kind == "machine.state"][:2] == [
        "running",
        "unknown",
    ]
    assert not tracker.finished[0].is_good, "nothing is learned from it"


def test_collision_rises_once_and_rearms() -> None:
    tracker = MachineTracker("M01", watch=IncidentWatch("M01", {"spindle_load": Limit(risk=100, impact=150)}))
    values = (50, 105, 110, 160, 170, 120, 90, 105, 60, 155)
    events = _feed(tracker, *(("spindle_load", float(v), float(i)) for i, v in enumerate(values)))
    kinds = [(kind, payload["value"]) for kind, payload in events if kind.startswith("collision")]
    assert kinds == [("collision.risk", 105.0), ("collision.impact", 160.0), ("collision.impact", 155.0)]


@pytest.mark.requirement("MCH-23")
def test_ring_keeps_thirty_seconds_and_stays_small() -> None:
    limits = {"spindle_load": Limit(risk=1000, impact=1000)}
    tracker = MachineTracker("M01", watch=IncidentWatch("M01", limits, before_s=30))
    _feed(tracker, *(("spindle_load", float(i % 50), i * 0.01) for i in range(6000)))
    (event,) = [p for k, p in _feed(tracker, ("spindle_load", 2000.0, 60.0)) if k == "collision.impact"]
    (trace,) = event["signals"]
    assert len(trace["t"]) <= 600
    assert (trace["t"][-1], trace["v"][-1]) == (60_000, 2000.0)
    assert 29_000 <= trace["t"][-1] - trace["t"][0] <= 30_000


@pytest.mark.requirement("MCH-45")
def test_silence_is_unknown_not_stopped() -> None:
    tracker = MachineTracker("M01", stale_s=30)
    _feed(tracker, ("program_state", "running", 0.0))
    tracker.alive(20.0)
    assert tracker.tick(45.0) == []
    (event,) = tracker.tick(51.0)
    assert (event.payload["state"], event.payload["previous_state"]) == ("unknown", "running")


def test_normalise_maps_scales_and_reads_texts() -> None:
    class Localized:
        Text = "Running"

    spec = NodeSpec.model_validate(load_node_map("opc40501")["program_state"])
    assert [normalise(spec, raw) for raw in (1, 2.0, "Ended", Localized(), 77)] == [
        "running",
        "ended",
        "ended",
        "running",
        "77",
    ]
    assert normalise(NodeSpec(paths=("x",), scale=100), 0.5) == 50.0
    assert normalise(NodeSpec(paths=("x",)), None) is None


@pytest.mark.requirement("EDG-17")
@pytest.mark.requirement("MCH-11")
def test_telemetry_batches_by_size_age_and_deadband() -> None:
    specs = {
        "load": NodeSpec(paths=("x",), unit="%", telemetry=True, deadband=1.0),
        "tool": NodeSpec(paths=("y",)),
    }
    batcher = TelemetryBatcher("M01", specs, batch_s=5, batch_values=200)
    for index in range(10):
        batcher.add(Sample("load", 10.0 + index * 0.1, float(index)), float(index))
        batcher.add(Sample("tool", 5.0, float(index)), float(index))
    assert batcher.due(4.9) is None
    payload = batcher.due(5.0)
    assert payload is not None
    assert payload["channels"] == {"load": {"unit": "%", "t": [0], "v": [10.0], "q": None}}
    for index in range(200):
        batcher.add(Sample("load", float(index * 2), 100.0, BAD if index == 0 else GOOD), 100.0)
    payload = batcher.due(100.0)
    assert payload is not None
    assert (len(payload["channels"]["load"]["v"]), payload["channels"]["load"]["q"][:2]) == (200, [BAD, GOOD])
    assert batcher.due(200.0) is None


def _tools(events: list[tuple[str, dict[str, Any]]]) -> dict[str, float]:
    (cycle,) = [payload for kind, payload in events if kind == "machine.cycle"]
    return {row["tool"]: row["used_min"] for row in cycle["tools"]}


@pytest.mark.requirement("STK-06")
def test_minutes_of_each_tool_come_from_the_active_tool() -> None:
    tracker = MachineTracker("M01", watch=IncidentWatch("M01", {}), stale_s=3600)
    _feed(tracker, ("operation_mode", "automatic", 0), ("program", "O1", 0), ("tool", 4.0, 0))
    events = _feed(
        tracker,
        ("program_state", "running", 60), ("tool", 12.0, 180), ("feed_override", 0.0, 240), ("feed_override", 100.0, 600),
        ("tool", 0.0, 660), ("tool", "FR-08", 690), ("tool", 4.0, 700), ("program_state", "ended", 720),
    )  # fmt: skip
    events += [(e.type, e.payload) for e in tracker.tick(725)]
    # A feed hold and an empty spindle count for no tool; tool 4 worked twice.
    assert _tools(events) == pytest.approx({"T4": 2 + 20 / 60, "T12": 2.0, "FR-08": 10 / 60}, abs=1e-3)


@pytest.mark.requirement("STK-06")
def test_minutes_of_a_tool_outlive_a_power_cut_and_silence_counts_for_none() -> None:
    first = MachineTracker("M01", watch=IncidentWatch("M01", {}), stale_s=30)
    _feed(first, ("program", "O1", 0), ("tool", 7.0, 0), ("program_state", "running", 0))
    _feed(first, *[("spindle_load", 20.0, at) for at in (20, 40, 60)])
    second = MachineTracker("M01", watch=IncidentWatch("M01", {}), stale_s=30)
    second.restore({**first.snapshot(), "alive_at": 60}, 900)
    events = _feed(second, ("tool", 7.0, 900), ("program_state", "running", 900), ("tool", 7.0, 930))
    second.tick(1000)
    events += _feed(second, ("tool", 7.0, 1100), ("program_state", "running", 1100))
    events += _feed(second, ("program_state", "ended", 1130))
    events += [(e.type, e.payload) for e in second.tick(1135)]
    assert _tools(events) == pytest.approx({"T7": 2.0}, abs=1e-3)
