"""The stop output: interlocks, one shot, watchdog, periodic test."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge_agents.drivers.stop_output import FileContact, StopOutput


@dataclass
class Wire:
    """A simulated output which can be stuck."""

    level: bool = False
    moves: list[bool] = field(default_factory=list)
    is_stuck: bool = False

    def write(self, value: bool) -> None:
        self.moves.append(value)
        if not self.is_stuck:
            self.level = value

    def read(self) -> bool:
        return self.level


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wire() -> Wire:
    return Wire()


def output(wire: Wire, clock: Time, *, is_commissioned: bool = True) -> StopOutput:
    return StopOutput(wire, is_commissioned, hold_s=1.0, clock=clock)


@pytest.mark.requirement("MCH-25")
def test_one_stop_is_asked_held_and_let_go(wire: Wire) -> None:
    clock = Time()
    stop = output(wire, clock)
    assert stop.request("running") is None
    assert wire.level
    clock.now = 0.5
    stop.tick()
    assert wire.level
    assert stop.request("running") == "already_asked"
    assert not stop.test(), "not while one is asked for"
    clock.now = 1.0
    stop.tick()
    assert not wire.level
    assert stop.request("running") == "already_asked", "only a person allows the next one"
    assert wire.moves == [True, False]


@pytest.mark.requirement("MCH-25")
def test_letting_go_is_tried_until_the_contact_follows(wire: Wire) -> None:
    clock = Time()
    stop = output(wire, clock)
    stop.request("running")
    wire.is_stuck = True
    clock.now = 1.0
    stop.tick()
    assert wire.level
    assert stop.fault
    wire.is_stuck = False
    stop.tick()
    assert wire.moves == [True, False], "not at every look: an unreachable module takes its time to fail"
    clock.now = 1.6
    stop.tick()
    assert not wire.level


@pytest.mark.requirement("MCH-25")
def test_nothing_moves_in_maintenance_or_without_commissioning(wire: Wire) -> None:
    assert output(wire, Time()).request("maintenance") == "maintenance"
    unsigned = output(wire, Time(), is_commissioned=False)
    assert unsigned.request("running") == "no_record"
    assert not unsigned.test()
    assert wire.moves == []


def test_a_stuck_output_turns_the_function_off_until_it_follows_again(wire: Wire) -> None:
    stop = output(wire, Time())
    wire.is_stuck = True
    assert not stop.test()
    assert stop.fault
    assert stop.request("running") == "disabled"
    wire.is_stuck = False
    assert stop.test()
    assert stop.request("running") is None


def test_the_end_of_the_agent_leaves_nothing_asked_for(wire: Wire) -> None:
    stop = output(wire, Time())
    stop.request("running")
    stop.release()
    assert not wire.level


def test_a_contact_behind_a_file_and_one_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "value"
    path.write_text("0\n")
    stop = StopOutput(FileContact(path), is_commissioned=True, clock=Time())
    assert stop.request("running") is None
    assert path.read_text() == "1"
    gone = StopOutput(FileContact(tmp_path / "absent" / "value"), is_commissioned=True, clock=Time())
    assert gone.request("running") == "fault"
    assert gone.fault
