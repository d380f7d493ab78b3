"""Incidents: notices at once, signals before and after, learned limits, counters, power cuts (MCH-22 to MCH-27)."""

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import Field

from edge_agents.drivers.local_api import ask
from edge_agents.drivers.machine import stop
from edge_agents.drivers.machine.baseline import Baseline
from edge_agents.drivers.machine.config import BaselineConfig, Limit, MachineConfig, SignalSpec
from edge_agents.drivers.machine.counters import IncidentCounters
from edge_agents.drivers.machine.driver import MachineDriver
from edge_agents.drivers.machine.incidents import IncidentWatch
from edge_agents.drivers.machine.rings import Rings, thin, traces
from edge_agents.drivers.machine.state import Sample
from edge_agents.drivers.machine.tracker import MachineTracker
from edge_agents.drivers.stop_output import FileContact
from edge_agents.protocol.envelope import MAX_MESSAGE_BYTES
from tests.edge_agents.conftest import Recorded, at_work

LIMITS = {"spindle_load": Limit(risk=110, impact=150)}


class FedConfig(MachineConfig):
    """A machine fed by the test."""

    type: Literal["fed"] = "fed"
    machine_code: str = Field(default="M07")


class FedDriver(MachineDriver[FedConfig]):
    """The driver around what every machine driver shares, without a protocol."""

    async def follow(self) -> None:
        await asyncio.Event().wait()


SPECS = {
    "spindle_load": SignalSpec(unit="%", telemetry=True),
    "program_state": SignalSpec(),
    "alarm_code": SignalSpec(),
}


@contextlib.asynccontextmanager
async def fed(recorded: Recorded, **changes: Any) -> AsyncIterator[FedDriver]:
    """A running driver of the fed machine."""
    values = {"limits": {"spindle_load": {"risk": 110, "impact": 150}}, "after_s": 0.4, "settle_s": 0.1}
    driver = FedDriver(FedConfig.model_validate(values | changes), recorded.context, SPECS)
    async with at_work(driver):
        await asyncio.sleep(0)
        yield driver


def _watch(**changes: Any) -> IncidentWatch:
    return IncidentWatch("M01", LIMITS, **changes)


@pytest.mark.requirement("MCH-23")
def test_the_notice_goes_at_once_and_the_record_has_thirty_seconds_on_both_sides() -> None:
    watch = _watch()
    tracker = MachineTracker("M01", watch=watch, stale_s=1000)
    events = []
    for step in range(1201):
        at = step * 0.1
        load = 170.0 if 600 <= step < 605 else 30.0 + step % 7
        events += [(at, event) for event in tracker.observe(Sample("spindle_load", load, at))]
        events += [(at, event) for event in tracker.observe(Sample("axis_load_x", float(step), at))]
        events += [(at, event) for event in tracker.tick(at)]
    notices = [(at, e) for at, e in events if e.type == "collision.impact"]
    records = [(at, e) for at, e in events if e.type == "collision.recorded"]
    assert [at for at, _ in notices] == [60.0]
    assert [at for at, _ in records] == [90.0]
    notice, record = notices[0][1].payload, records[0][1].payload
    assert notice["incident_uid"] == record["incident_uid"]
    assert (record["is_complete"], record["level"]) == (True, "impact")
    for trace in record["signals"]:
        assert trace["t"][0] / 1000 == pytest.approx(30.0, abs=0.2)
        assert trace["t"][-1] / 1000 == pytest.approx(90.0, abs=0.2)
        assert trace["t"] == sorted(trace["t"])
    load = next(t for t in record["signals"] if t["channel"] == "spindle_load")
    assert max(load["v"]) == 170.0
    assert notice["signals"][0]["t"][-1] <= 60_000, "the notice does not wait for what comes after"


@pytest.mark.requirement("MCH-23")
def test_a_lost_connection_marks_the_record_incomplete() -> None:
    tracker = MachineTracker("M01", watch=_watch())
    tracker.observe(Sample("spindle_load", 200.0, 10.0))
    tracker.lost(12.0, "coupure")
    (record,) = [e for e in tracker.tick(41.0) if e.type == "collision.recorded"]
    assert record.payload["is_complete"] is False


@pytest.mark.requirement("MCH-22")
def test_a_load_against_the_direction_of_the_axis_counts_like_one_with_it() -> None:
    limits = {"axis_load_x": Limit(risk=110, impact=150)}
    baseline = Baseline(BaselineConfig(signals=("axis_load_x",), min_cycles=5))
    watch = IncidentWatch("M01", limits, baseline=baseline)
    found = []
    for step, load in enumerate((-40.0, -120.0, -160.0, -30.0, 155.0)):
        found += watch.observe(Sample("axis_load_x", load, float(step)), {}, is_running=False)
    assert [(e.type, e.payload["value"]) for e in found] == [
        ("collision.risk", -120.0), ("collision.impact", -160.0), ("collision.impact", 155.0),
    ]  # fmt: skip
    for cycle in range(6):
        watch.observe(Sample("axis_load_x", -40.0, 100.0 + cycle), {}, is_running=True)
        baseline.end_cycle(is_good=True)
    (learned,) = watch.observe(Sample("axis_load_x", -95.0, 200.0), {}, is_running=True)
    assert learned.payload["basis"] == "baseline"


def test_a_risk_that_becomes_an_impact_is_one_incident() -> None:
    watch = _watch()
    first = watch.observe(Sample("spindle_load", 120.0, 1.0), {}, is_running=True)
    second = watch.observe(Sample("spindle_load", 160.0, 2.0), {}, is_running=True)
    assert [e.type for e in first + second] == ["collision.risk", "collision.impact"]
    assert first[0].payload["incident_uid"] == second[0].payload["incident_uid"]
    assert watch.tick(31.5)[0].payload["level"] == "impact"


@pytest.mark.requirement("MCH-22")
def test_collision_alarms_and_shock_sensors_are_impacts_others_are_not() -> None:
    watch = _watch(alarm_patterns=("25050", "2510*"))
    codes = [
        code for code in ("25050", "25105", "700123", "2505") if watch.alarm(code, 1.0, {"program": "O1"})
    ]
    assert codes == ["25050", "25105"]
    shocks = [
        [e.payload["basis"] for e in watch.observe(Sample("shock", level, at), {}, is_running=False)]
        for level, at in ((True, 1.0), (True, 1.1), (False, 1.2), (True, 1.3))
    ]
    assert shocks == [["sensor"], [], [], ["sensor"]]


def test_messages_stay_small_however_fast_and_many_the_signals_are() -> None:
    rings = Rings(30.0)
    for step in range(30_000):
        for number in range(40):
            rings.add(f"signal_{number:02}", step * 0.001, 123.456789 * (step % 100))
    held = rings.points(30.0)
    assert len(held) == 32
    assert all(len(points) <= 3000 for points in held.values())
    assert len(json.dumps(traces(held))) < MAX_MESSAGE_BYTES * 0.9
    points = [(float(i), 0.0) for i in range(10_000)]
    points[7777] = (7777.0, 99.0)
    thinned = thin(points, 200)
    assert len(thinned) <= 200
    assert (7777.0, 99.0) in thinned


@pytest.mark.requirement("MCH-22")
@pytest.mark.parametrize("seed", range(4))
def test_learned_limits_differ_by_program_and_tool_and_let_normal_cycles_pass(seed: int) -> None:
    draw = random.Random(seed)
    baseline = Baseline(BaselineConfig(min_cycles=12))
    usual = {("O1", "T1"): 40.0, ("O1", "T9"): 75.0, ("O2", "T1"): 20.0}
    for _ in range(30):
        for (program, tool), load in usual.items():
            for _ in range(50):
                baseline.observe(program, tool, "spindle_load", draw.gauss(load, 2))
        baseline.end_cycle(is_good=True)
    for _ in range(20):
        baseline.observe("O1", "T1", "spindle_load", 500.0)
        baseline.end_cycle(is_good=False)
    limits = {key: baseline.limit(*key, "spindle_load") for key in usual}
    for key, load in usual.items():
        limit = limits[key]
        assert limit is not None
        assert load + 10 < limit.risk < limit.impact < load * 3
    assert baseline.limit("O9", "T1", "spindle_load") is None, "an unknown program has no learned limit"
    alarms = 0
    for _ in range(2000):
        limit = limits[("O1", "T1")]
        assert limit is not None
        alarms += max(draw.gauss(40.0, 2) for _ in range(50)) >= limit.risk
    assert alarms <= 2, "normal cycles do not alarm"
    copy = Baseline(BaselineConfig(min_cycles=12))
    copy.restore(json.loads(json.dumps(baseline.snapshot())))
    assert copy.limit("O1", "T9", "spindle_load") == limits[("O1", "T9")]
    # Peaks learned in another unit are converted, or forgotten where there is nothing in common.
    rows = [[*row[:4], "kW"] for row in baseline.snapshot()]
    watts, other = (Baseline(BaselineConfig(min_cycles=12), {"spindle_load": unit}) for unit in ("W", "°C"))
    watts.restore(rows)
    other.restore(rows)
    learned, converted = limits[("O1", "T9")], watts.limit("O1", "T9", "spindle_load")
    assert learned is not None
    assert converted is not None
    assert converted.risk == pytest.approx(1000 * learned.risk)
    assert other.limit("O1", "T9", "spindle_load") is None


@pytest.mark.requirement("MCH-22")
def test_a_learned_limit_catches_what_the_fixed_one_lets_pass() -> None:
    baseline = Baseline(BaselineConfig(min_cycles=5))
    watch = _watch(baseline=baseline)
    values = {"program": "O5", "tool": 3.0}
    for cycle in range(10):
        for step in range(20):
            assert (
                watch.observe(
                    Sample("spindle_load", 30.0 + step % 5, cycle * 100.0 + step), values, is_running=True
                )
                == []
            )
        baseline.end_cycle(is_good=True)
    (notice,) = watch.observe(Sample("spindle_load", 90.0, 2000.0), values, is_running=True)
    assert (notice.type, notice.payload["basis"], notice.payload["tool"]) == (
        "collision.impact",
        "baseline",
        "T3",
    )
    assert notice.payload["threshold"] < 90 < LIMITS["spindle_load"].risk
    assert (
        _watch(baseline=baseline).observe(Sample("spindle_load", 90.0, 1.0), values, is_running=False) == []
    )


@pytest.mark.requirement("MCH-24")
@pytest.mark.parametrize("response", ["log", "alert"])
async def test_the_response_is_decided_at_the_station(recorded: Recorded, response: str) -> None:
    async with fed(recorded, collision_response=response) as driver:
        driver.observe("spindle_load", 180.0)
        await recorded.until(lambda: recorded.of("collision.counters"))
    (impact,) = recorded.of("collision.impact")
    assert (impact["response"], impact["stop"]) == (response, None)


def _stopping(line: Path, record: str = "PV-1") -> dict[str, Any]:
    wired = {"value_file": str(line), "commissioning_record": record, "hold_s": 0.2}
    return {"collision_response": "request_stop", "stop_output": wired, "socket_port": 0}


@pytest.mark.requirement("MCH-25")
async def test_a_value_of_the_past_and_a_collision_alarm_of_now(recorded: Recorded, tmp_path: Path) -> None:
    line = tmp_path / "line"
    line.write_text("0")
    async with fed(recorded, **_stopping(line), collision_alarms=["25050"]) as driver:
        driver.observe("spindle_load", 180.0, driver.now() - 600)
        assert line.read_text() == "0", "a cycle read again from a buffer stops nothing"
        driver.observe("spindle_load", 30.0, driver.now() - 500)
        driver.observe("spindle_load", 170.0, driver.now() - 400)
        assert line.read_text() == "0", "nor does its change"
        driver.observe("alarm_code", "700123")
        assert line.read_text() == "0"
        driver.observe("alarm_code", "25050")
        assert line.read_text() == "1"
        await recorded.until(lambda: len(recorded.of("collision.impact")) == 3)
    old, changed, alarm = recorded.of("collision.impact")
    assert (old["stop"], changed["stop"], alarm["stop"]) == ("refused", "refused", "requested")
    assert alarm["basis"] == "alarm"
    assert "antérieure" in old["stop_detail"]


@pytest.mark.requirement("MCH-25")
async def test_what_is_found_at_a_connection_stops_nothing_and_what_comes_then_does(
    recorded: Recorded, tmp_path: Path
) -> None:
    line = tmp_path / "line"
    line.write_text("0")
    async with fed(recorded, **_stopping(line), collision_alarms=["25050"]) as driver:
        driver.observe("spindle_load", 180.0)
        driver.alarm("k", "25050", "Contour", 1000, driver.now(), is_live=False)
        assert line.read_text() == "0", "a machine that crashed before the start of the agent"
        driver.take(driver.tracker.lost(driver.now(), "coupure"))
        driver.observe("spindle_load", 20.0)
        driver.take(driver.tracker.lost(driver.now(), "coupure"))
        driver.observe("spindle_load", 180.0)
        assert line.read_text() == "0", "one that crashed while the line was cut"
        driver.observe("spindle_load", 20.0)
        driver.observe("spindle_load", 180.0)
        assert line.read_text() == "1"


@pytest.mark.requirement("MCH-25")
@pytest.mark.requirement("MCH-49")
async def test_the_contact_is_tried_only_on_a_machine_that_rests(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves: list[bool] = []
    write = FileContact.write

    def noted(self: FileContact, value: bool) -> None:
        moves.append(value)
        write(self, value)

    monkeypatch.setattr(FileContact, "write", noted)
    monkeypatch.setattr(stop, "_REST_S", 0.5)
    line = tmp_path / "line"
    line.write_text("0")
    async with fed(recorded, **_stopping(line)) as driver:
        driver.observe("spindle_load", 30.0)
        assert driver.tracker.state == "idle", "its program is not known yet"
        await asyncio.sleep(0.2)
        driver.observe("program_state", "running")
        await asyncio.sleep(0.6)
        assert moves == [False], "let go at the start, not moved while a program runs"
        driver.observe("program_state", "ended")
        await recorded.until(lambda: moves == [False, True, False])


@pytest.mark.requirement("MCH-10")
def test_a_chattering_alarm_makes_no_flood_and_ends_when_it_stays_away() -> None:
    tracker = MachineTracker("M01")
    events = []
    for step in range(600):
        at = step * 0.1
        events += (
            tracker.raise_alarm("k", "700", "Porte", at) if step % 2 == 0 else tracker.clear_alarm("k", at)
        )
        events += tracker.tick(at)
    told = [e.payload["active"] for e in events if e.type == "machine.alarm"]
    assert told == [True, False] * 4 + [True]
    (over,) = [e for e in tracker.tick(75.0) if e.type == "machine.alarm"]
    assert (over.payload["active"], round(over.at, 1)) == (False, 59.9)


@pytest.mark.requirement("MCH-27")
async def test_three_false_stops_return_the_machine_to_alert_until_it_is_commissioned_anew(
    recorded: Recorded, tmp_path: Path
) -> None:
    line = tmp_path / "line"
    line.write_text("0")
    for number in range(1, 4):
        async with fed(recorded, **_stopping(line), collision_alarms=["25050"]) as driver:
            driver.observe("spindle_load", 30.0)
            driver.observe("spindle_load", 180.0)
            assert line.read_text() == "1", "the contact moved before the call returned"
            driver.alarm(f"k{number}", "25050", "Contour", 1000, driver.now())
            await recorded.until(lambda number=number: len(recorded.of("collision.recorded")) == number)
            port = int((recorded.context.data_dir / "local_api.port").read_text())
            uid = recorded.of("collision.impact")[-1]["incident_uid"]
            for comment in ("ébauche", "dit deux fois"):
                answer = await ask(port, {"judge": "false_alarm", "incident_uid": uid, "comment": comment})
            assert answer["counters"]["false_stops"] == number
            assert answer["counters"]["is_demoted"] == (number == 3)
            driver.observe("spindle_load", 10.0)
    assert [j["was_stopped"] for j in recorded.of("collision.judged")] == [True] * 6
    assert [a["code"] for a in recorded.of("health.alert")].count("collision.demoted") == 1
    async with fed(recorded, **_stopping(line)) as driver:
        driver.observe("spindle_load", 30.0)
        driver.observe("spindle_load", 180.0)
        assert line.read_text() == "0", "no more stops"
        await recorded.until(lambda: len(recorded.of("collision.impact")) == 7)
        assert recorded.of("collision.impact")[-1]["response"] == "alert"
    async with fed(recorded, **_stopping(line, "PV-2")) as driver:
        driver.observe("spindle_load", 10.0)
        driver.observe("spindle_load", 180.0)
        assert line.read_text() == "1", "a new signed record is the way back"


@pytest.mark.requirement("MCH-27")
async def test_a_missed_collision_is_counted_and_wrong_judgements_are_refused(recorded: Recorded) -> None:
    async with fed(recorded, socket_port=0) as driver:
        with pytest.raises(ValueError, match="inconnu"):
            driver.judge("confirmed", str(UUID(int=5)))
        with pytest.raises(ValueError, match="désigné"):
            driver.judge("false_alarm", None)
        with pytest.raises(ValueError, match="verdict"):
            driver.judge("perhaps", None)
        driver.judge("missed", None, "Outil cassé sans alerte")
        await recorded.until(lambda: recorded.of("collision.counters"))
    assert recorded.of("collision.counters")[-1]["missed"] == 1


def test_false_stops_older_than_the_window_are_forgotten() -> None:
    counters = IncidentCounters("request_stop", "PV", max_false_stops=2, window_days=7)
    day = 86_400.0
    assert [counters.add("false_stop", at * day) for at in (0, 1, 8.5, 9, 9.5)] == [
        False,
        False,
        False,
        False,
        True,
    ]
    copy = IncidentCounters("request_stop", "PV")
    copy.restore(json.loads(json.dumps(counters.snapshot())))
    assert (copy.response, copy.count("false_stop", 9.5 * day)) == ("alert", 3)


@pytest.mark.requirement("MCH-50")
@pytest.mark.requirement("EDG-21")
async def test_a_power_cut_neither_loses_nor_doubles_what_was_seen(recorded: Recorded) -> None:
    async with fed(recorded, after_s=60) as driver:
        driver.observe("program_state", "running")
        driver.alarm("k", "700", "Huile", 1000, driver.now())
        driver.observe("spindle_load", 180.0)
        await recorded.until(lambda: recorded.of("collision.impact"))
        before = (recorded.context.data_dir / "machine.json").read_bytes()
        uid = driver.tracker.cycle.uid if driver.tracker.cycle else None
    assert uid is not None
    # The state of the power cut: the file as it stood before the events reached the journal's acknowledgement.
    (recorded.context.data_dir / "machine.json").write_bytes(before)
    told = len({event.message_id for event in recorded.events if event.type == "machine.alarm"})
    async with fed(recorded, after_s=0.2) as driver:
        driver.observe("program_state", "running")
        driver.alarm("k", "700", "Huile", 1000, driver.now())
        assert driver.tracker.cycle is not None
        assert driver.tracker.cycle.uid == uid, "the open cycle goes on"
        driver.observe("program_state", "ended")
        await recorded.until(lambda: recorded.of("machine.cycle"))
        recorded_uid = recorded.of("collision.impact")[0]["incident_uid"]
        driver.tracker.watch.incident.due_at = 0  # type: ignore[union-attr]
        await recorded.until(lambda: recorded.of("collision.recorded"))
    assert (
        {event.message_id for event in recorded.events if event.type == "machine.alarm"}.__len__()
        == told
        == 1
    )
    (record,) = recorded.of("collision.recorded")
    assert (record["incident_uid"], record["is_complete"]) == (recorded_uid, False)
    assert recorded.of("machine.cycle")[0]["cycle_uid"] == str(uid)


@pytest.mark.requirement("MCH-25")
def test_a_killed_agent_leaves_no_stop_asked_for(tmp_path: Path) -> None:
    line = tmp_path / "line"
    line.write_text("0")
    script = (
        "import sys, time; from pathlib import Path; from edge_agents.drivers.stop_output import AgentWatch\n"
        "watch = AgentWatch(Path(sys.argv[1])); Path(sys.argv[1]).write_text('1'); print('asked', flush=True)\n"
        "time.sleep(60)"
    )
    agent = subprocess.Popen([sys.executable, "-c", script, str(line)], stdout=subprocess.PIPE)
    assert agent.stdout is not None
    assert agent.stdout.readline() == b"asked\n"
    assert line.read_text() == "1"
    agent.kill()
    agent.wait()
    deadline = time.monotonic() + 30
    while line.read_text() != "0" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert line.read_text() == "0"


@pytest.mark.requirement("MCH-33")
async def test_an_incident_asks_the_cameras_of_its_machine_for_a_clip(recorded: Recorded) -> None:
    from edge_agents.drivers.local_api import LocalApi

    asked: list[dict[str, Any]] = []

    async def camera(request: dict[str, Any]) -> dict[str, Any]:
        asked.append(request)
        return {"ok": True}

    folder = recorded.context.data_dir.parent / "cam"
    folder.mkdir()
    async with (
        LocalApi(camera, 0, folder / "local_api.port"),
        fed(recorded, cameras=["cam", "absent"]) as driver,
    ):
        driver.observe("program", "O8")
        driver.observe("program_state", "running")
        await recorded.until(lambda: asked)
        assert (asked.pop()["compare"], asked) == ("O8", []), "the scene is compared as the program starts"
        driver.observe("spindle_load", 180.0)
        await recorded.until(lambda: asked)
    assert (asked[0]["clip"], asked[0]["machine_code"]) == ("collision.impact", "M07")
    assert asked[0]["incident_uid"] == recorded.of("collision.impact")[0]["incident_uid"]
