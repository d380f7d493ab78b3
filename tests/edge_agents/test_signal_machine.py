"""Machines known by plain signals: debounce, blinking, cycles, pieces, current clamp, shock sensor and stop coil."""

import asyncio
import contextlib
import os
import sys
import types
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_agents.drivers.machine.config import StopOutputConfig
from edge_agents.drivers.machine.stop import open_contact
from edge_agents.drivers.modbus import READ_COILS, ModbusError, ModbusTcp
from edge_agents.drivers.signal_machine.config import SignalMachineConfig
from edge_agents.drivers.signal_machine.driver import SignalMachineDriver
from edge_agents.drivers.signal_machine.logic import CycleSignal, Hysteresis, Switch
from edge_agents.drivers.signal_machine.vibration import figures
from edge_agents.drivers.simulators.aside import aside
from edge_agents.drivers.simulators.signals import STOP_COIL, SignalsSimulator
from tests.edge_agents.conftest import Recorded, at_work

RULES = [
    {"when": {"red": "on"}, "state": "alarm", "alarm": "Lampe rouge"},
    {"when": {"yellow": "blinking"}, "state": "setup"},
    {"when": {"green": "on", "yellow": "on"}, "state": "waiting"},
    {"when": {"green": "on"}, "state": "running"},
]


def _config(port: int, **changes: Any) -> SignalMachineConfig:
    values: dict[str, Any] = {
        "type": "signal_machine", "machine_code": "M09",
        "source": {"kind": "modbus", "host": "127.0.0.1", "port": port},
        "inputs": {
            "green": {"at": 0}, "yellow": {"at": 1}, "red": {"at": 2}, "parts": {"at": 3, "debounce_ms": 20},
            "shock": {"at": 4},
        },
        "analog": {"clamp": {"at": 0, "signal": "spindle_current", "unit": "A", "scale": 0.01, "low": 0, "high": 100,
                             "on_above": 2, "off_below": 1.5, "debounce_ms": 50}},
        "rules": RULES, "parts_input": "parts", "shock_input": "shock",
        "cycle": {"input": "clamp", "min_s": 0.3, "bridge_s": 0.3},
        "poll_ms": 10, "analog_poll_ms": 20, "blink_s": 1.5, "settle_s": 0.3, "batch_s": 0.3,
        "min_delay_s": 0.1, "max_delay_s": 0.3, "after_s": 0.5, "program": "Série",
    }  # fmt: skip
    return SignalMachineConfig.model_validate(values | changes)


def _running(
    recorded: Recorded, settings: SignalMachineConfig
) -> AbstractAsyncContextManager[SignalMachineDriver]:
    return at_work(SignalMachineDriver(settings, recorded.context))


@pytest.mark.requirement("MCH-08")
@pytest.mark.requirement("MCH-14")
async def test_light_clamp_and_pulses_give_states_cycles_and_pieces(recorded: Recorded) -> None:
    async with SignalsSimulator() as machine, _running(recorded, _config(machine.port)) as driver:
        await recorded.until(lambda: driver.tracker.state == "idle")
        await machine.answer({"do": "light", "green": "on"})
        await recorded.until(lambda: driver.tracker.state == "running")
        await machine.answer({"do": "current", "value": 7.5})
        await recorded.until(lambda: driver.tracker.cycle is not None)
        await machine.answer({"do": "light", "yellow": "on"})
        await recorded.until(lambda: driver.tracker.state == "waiting")
        await machine.answer({"do": "light", "yellow": "off"})
        await recorded.until(lambda: driver.tracker.state == "running")
        await machine.answer({"do": "pulse", "pieces": 2, "seconds": 0.3})
        await machine.answer({"do": "current", "value": 0.3})
        await recorded.until(lambda: recorded.of("machine.cycle"))
        await machine.answer({"do": "light", "green": "off", "yellow": "blinking"})
        await recorded.until(lambda: driver.tracker.state == "setup")
        await machine.answer({"do": "light", "yellow": "off", "red": "on"})
        await recorded.until(lambda: driver.tracker.state == "alarm")
        await machine.answer({"do": "light", "red": "off"})
        await recorded.until(lambda: driver.tracker.state == "idle")
        await recorded.until(lambda: len(recorded.of("machine.alarm")) == 2)
        await recorded.until(lambda: recorded.of("telemetry.batch"))
    (cycle,) = recorded.of("machine.cycle")
    assert (cycle["program"], cycle["result"], cycle["part_count"]) == ("Série", "complete", 2)
    assert [a["active"] for a in recorded.of("machine.alarm")] == [True, False]
    assert recorded.of("telemetry.batch")[0]["channels"]["spindle_current"]["unit"] == "A"


@pytest.mark.requirement("MCH-22")
@pytest.mark.requirement("MCH-25")
async def test_a_shock_moves_the_stop_coil_of_the_module(recorded: Recorded) -> None:
    with aside(SignalsSimulator) as beside:
        machine = beside.simulator
        coil = {"host": "127.0.0.1", "port": machine.port, "address": STOP_COIL}
        stop = {"modbus": coil, "commissioning_record": "PV-7", "hold_s": 0.5}
        settings = _config(machine.port, collision_response="request_stop", stop_output=stop)
        async with _running(recorded, settings) as driver:
            await recorded.until(lambda: driver.tracker.state == "idle")
            await recorded.until(lambda: machine.stops == 1 and not machine.coils[STOP_COIL])
            beside.call(machine.answer({"do": "shock", "seconds": 1}))
            await recorded.until(lambda: recorded.of("collision.impact"))
            assert machine.stops == 2, "the first was the test at rest"
            await recorded.until(lambda: not machine.coils[STOP_COIL])
            await recorded.until(lambda: recorded.of("collision.recorded"))
    (impact,) = recorded.of("collision.impact")
    assert (impact["basis"], impact["source"], impact["stop"]) == ("sensor", "shock_sensor", "requested")


@pytest.mark.requirement("MCH-46")
async def test_a_module_that_answers_no_more_is_unknown_then_back(recorded: Recorded) -> None:
    async with SignalsSimulator() as machine, _running(recorded, _config(machine.port)) as driver:
        await recorded.until(lambda: driver.tracker.state == "idle")
        await machine.answer({"do": "fail"})
        await recorded.until(lambda: driver.tracker.state == "unknown")
        await machine.answer({"do": "fail", "on": False})
        await recorded.until(lambda: driver.tracker.state == "idle")


@pytest.mark.requirement("MCH-08")
async def test_files_of_the_system_are_inputs_too(recorded: Recorded, tmp_path: Path) -> None:
    for name in ("green", "clamp"):
        (tmp_path / name).write_text("0")
    settings = _config(
        1, source={"kind": "file", "folder": str(tmp_path)},
        inputs={"green": {"at": "green", "inverted": True, "debounce_ms": 0}},
        analog={"clamp": {"at": "clamp", "signal": "spindle_current", "on_above": 2, "off_below": 1}},
        rules=[{"when": {"green": "on"}, "state": "running"}], parts_input=None, shock_input=None,
    )  # fmt: skip
    async with _running(recorded, settings) as driver:
        await recorded.until(lambda: driver.tracker.state == "running")
        (tmp_path / "green").write_text("1")
        await recorded.until(lambda: driver.tracker.state == "idle")
        (tmp_path / "green").unlink()
        await recorded.until(lambda: driver.tracker.state == "unknown")


@pytest.mark.requirement("MCH-11")
def test_vibration_figures_of_known_waves() -> None:
    rate_hz = 2000.0
    time_s = np.arange(4000) / rate_hz
    wave = 9.81 + 2.0 * np.sin(2 * np.pi * 50 * time_s) + 0.5 * np.sin(2 * np.pi * 400 * time_s)
    wave[1000] += 8.0
    found = figures(wave, rate_hz, {"low": (20, 100), "mid": (300, 500), "none": (600, 900)})
    assert found.rms == pytest.approx(np.sqrt(2.0**2 / 2 + 0.5**2 / 2 + 64 / 4000), rel=0.02)
    assert found.bands["low"] == pytest.approx(2.0 / np.sqrt(2), rel=0.03)
    assert found.bands["mid"] == pytest.approx(0.5 / np.sqrt(2), rel=0.06)
    assert found.bands["none"] < 0.1
    assert found.peak > 7


@pytest.mark.requirement("MCH-11")
@pytest.mark.requirement("MCH-22")
async def test_raw_vibration_stays_at_the_station_and_its_peak_is_judged(
    recorded: Recorded, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "accelerometer")
    (tmp_path / "green").write_text("1")
    settings = _config(
        1, source={"kind": "file", "folder": str(tmp_path)}, inputs={"green": {"at": "green", "debounce_ms": 0}},
        analog={}, rules=[{"when": {"green": "on"}, "state": "running"}], parts_input=None, shock_input=None, cycle={},
        vibration={"path": str(tmp_path / "accelerometer"), "rate_hz": 1000, "window_s": 0.2, "bands": {"low": [10, 100]}},
        limits={"vibration_peak": {"risk": 5, "impact": 9}},
    )  # fmt: skip
    quiet = (9.81 + np.sin(np.arange(200) * 0.3)).astype("<f4").tobytes()
    hit = bytearray(quiet)
    hit[400:404] = np.array([40.0], dtype="<f4").tobytes()
    async with _running(recorded, settings) as driver:
        await recorded.until(lambda: driver.tracker.state == "running")
        with (tmp_path / "accelerometer").open("wb", buffering=0) as sensor:
            for _ in range(3):
                sensor.write(quiet[:333])
                sensor.write(quiet[333:])
            await recorded.until(lambda: "vibration_rms" in driver.tracker.values)
            assert not recorded.of("collision.impact")
            sensor.write(bytes(hit))
            await recorded.until(lambda: recorded.of("collision.impact"))
        await recorded.until(lambda: recorded.of("telemetry.batch"))
    (impact,) = recorded.of("collision.impact")
    assert (impact["signal"], round(impact["value"])) == ("vibration_peak", 30)
    channels = {name for batch in recorded.of("telemetry.batch") for name in batch["channels"]}
    assert channels == {"vibration_rms", "vibration_peak", "vibration_low"}
    assert sum(len(b["channels"]["vibration_rms"]["v"]) for b in recorded.of("telemetry.batch")) <= 4


@pytest.mark.requirement("MCH-46")
async def test_a_vibration_sensor_that_is_gone_leaves_the_inputs_at_work(
    recorded: Recorded, tmp_path: Path
) -> None:
    (tmp_path / "green").write_text("1")
    settings = _config(
        1, source={"kind": "file", "folder": str(tmp_path)}, inputs={"green": {"at": "green", "debounce_ms": 0}},
        analog={}, rules=[{"when": {"green": "on"}, "state": "running"}], parts_input=None, shock_input=None, cycle={},
        vibration={"path": str(tmp_path / "absent"), "rate_hz": 1000},
    )  # fmt: skip
    async with _running(recorded, settings) as driver:
        await recorded.until(lambda: driver.tracker.state == "running")
        await recorded.until(lambda: recorded.of("health.alert"))
        (tmp_path / "green").write_text("0")
        await recorded.until(lambda: driver.tracker.state == "idle")
    assert [alert["code"] for alert in recorded.of("health.alert")] == ["vibration.lost"]
    assert "unknown" not in [event["state"] for event in recorded.of("machine.state")]


def test_a_level_counts_only_when_it_stayed() -> None:
    switch = Switch(debounce_s=0.05, blink_s=2.0)
    rises = 0
    for step, raw in enumerate([False] * 10 + [True, False, True, False] + [True] * 10 + [False] * 10):
        rises += switch.put(raw, step * 0.01)
    assert (rises, switch.level) == (1, False)


@pytest.mark.parametrize(("period_s", "shown"), [(0.5, "blinking"), (10.0, "on")])
def test_blinking_is_told_from_a_lamp_that_was_switched(period_s: float, shown: str) -> None:
    switch = Switch(debounce_s=0.02, blink_s=3.0)
    for step in range(2100):
        now = step * 0.01
        switch.put(int(now / period_s * 2) % 2 == 0, now)
    assert switch.shown(20.99) == shown


def test_hysteresis_and_short_runs_make_no_flutter() -> None:
    clamp = Hysteresis(2.0, 1.5)
    assert [clamp.put(v) for v in (1.9, 2.1, 1.7, 1.6, 1.4, 1.9)] == [False, True, True, True, False, False]
    cycle, words = CycleSignal(min_s=2, bridge_s=1), []
    on = [(0, 1), (5, 9), (9.5, 12), (20, 30)]
    for step in range(400):
        now = step * 0.1
        words += cycle.put(any(a <= now < b for a, b in on), now)
    assert [(word, round(at)) for word, at in words] == [
        ("running", 5),
        ("ended", 12),
        ("running", 20),
        ("ended", 30),
    ]


def test_rules_and_inputs_that_do_not_exist_are_named() -> None:
    for change, words in (
        ({"parts_input": "nothing"}, "nothing"),
        ({"source": {"kind": "gpio"}}, "analogique"),
        ({"shock_input": "clamp"}, "tout ou rien"),
    ):
        with pytest.raises(ValueError, match=words):
            _config(502, **change)


async def test_a_refused_address_and_a_closed_module_are_errors_in_words() -> None:
    async with SignalsSimulator() as machine:
        module = ModbusTcp("127.0.0.1", machine.port)
        assert await asyncio.to_thread(module.read_bits, READ_COILS, 0, 9) == [False] * 9
        with pytest.raises(ModbusError, match="adresse inconnue"):
            await asyncio.to_thread(module.read_bits, READ_COILS, 500, 1)
        await machine.answer({"do": "fail"})
        for _ in range(3):
            with contextlib.suppress(OSError):
                await asyncio.to_thread(module.read_bits, READ_COILS, 0, 1)
        with pytest.raises(OSError, match=r"fermée|reset"):
            await asyncio.to_thread(module.read_bits, READ_COILS, 0, 1)


@pytest.mark.requirement("MCH-25")
def test_a_gpio_line_is_taken_off_and_missing_hardware_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    wired = StopOutputConfig.model_validate(
        {"gpio": {"line": 17, "active_low": True}, "commissioning_record": "PV"}
    )
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with pytest.raises(OSError, match="gpiod"):
        open_contact(wired)
    levels: dict[int, Any] = {}
    line = types.SimpleNamespace(
        Value=types.SimpleNamespace(ACTIVE=1, INACTIVE=0), Direction=types.SimpleNamespace(OUTPUT="out")
    )

    def request_lines(_chip: str, *, consumer: str, config: dict[int, Any]) -> Any:
        assert consumer == "usinage"
        levels.update({number: settings["output_value"] for number, settings in config.items()})
        return types.SimpleNamespace(set_value=levels.__setitem__, get_value=levels.__getitem__)

    library = types.SimpleNamespace(line=line, LineSettings=lambda **more: more, request_lines=request_lines)
    monkeypatch.setitem(sys.modules, "gpiod", library)
    contact = open_contact(wired)
    assert levels == {17: 0}
    contact.write(True)
    assert contact.read()
