"""The machine pages against the real coordinator: park, one machine, TRS, an event's curves, a camera's register."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from clients.desktop.ui.machines.chart import Chart, Series, nice_ticks, pieces_of
from clients.desktop.ui.machines.event import EventView
from clients.desktop.ui.machines.live import MachineLiveView
from clients.desktop.ui.machines.park import MachineCard, since_words
from clients.desktop.ui.machines.trs import MachineTrsView, TimeBar
from clients.desktop.ui.main_window import MainWindow
from coordinator.kernel.db import utcnow
from coordinator.kernel.device import DeviceEvent, dispatch
from coordinator.modules.machines import api as machines
from coordinator.modules.machines.camera_models import Camera, Device
from coordinator.modules.machines.models import Machine, MachineEvent
from edge_agents.protocol.payloads import ChannelBatch, TelemetryBatch
from tests.clients.desktop.conftest import wait
from tests.clients.desktop.office import Office
from tests.conftest import master
from tests.factories import make, model_of

SAMPLES = Path(__file__).resolve().parents[2] / "edge_agents" / "samples"


def shot(widget: QWidget, name: str) -> None:
    """A picture for whoever looks at the screens, where the variable names a folder."""
    if folder := os.environ.get("USINAGE_SHOTS"):
        until = time.monotonic() + 0.5
        wait(lambda: time.monotonic() > until, "drawn")
        widget.grab().save(str(Path(folder) / f"{name}.png"))


def texts(widget: QWidget) -> str:
    return "\n".join(one.text() for one in widget.findChildren(QLabel)).replace("\u00a0", " ")


@pytest.fixture(scope="module")
def park(office: Office) -> dict[str, int]:
    """Three machines: one at work since this morning, one struck, one nobody hears of."""
    machines.forget_channels()
    with office.factory.open(master()) as ctx:
        now = ctx.now
        made = {
            code: ctx.add(Machine(code=code, name=name, machine_type="machining_centre"))
            for code, name in (("M03", "DMU 50"), ("T01", "Tour CTX 310"), ("R02", "Rectifieuse"))
        }
        operation: Any = make(
            ctx, model_of("work_order_operation"), machine_id=made["M03"].id, planned_qty=40, good_qty=12
        )
        make(ctx, model_of("time_entry"), machine_id=made["M03"].id, work_order_operation_id=operation.id,
             started_at=now - dt.timedelta(hours=3), employee_id=make(ctx, model_of("employee")).id)  # fmt: skip

        def tell(kind: str, payload: dict[str, Any], at: dt.datetime) -> None:
            event = DeviceEvent(uuid.uuid4(), kind, payload, at, at, station_id="st-m")
            assert dispatch(ctx, event).result == "done", payload

        def state(code: str, name: str, minutes_ago: float) -> None:
            at = now - dt.timedelta(minutes=minutes_ago)
            tell(
                "machine.state",
                {"machine_code": code, "state": name, "previous_state": "idle", "since": at.isoformat()},
                at,
            )

        for name, ago in (("setup", 175), ("running", 150), ("idle", 100), ("running", 80)):
            state("M03", name, ago)
        state("T01", "running", 60)
        state("T01", "alarm", 12)
        for number in range(8):
            start = now - dt.timedelta(minutes=78 - 9 * number)
            tell("machine.cycle", {"machine_code": "M03", "cycle_uid": str(uuid.uuid4()), "program": "O1042", "started_at": start.isoformat(),
                 "ended_at": (start + dt.timedelta(minutes=8)).isoformat(), "result": "complete", "part_count": 1}, start)  # fmt: skip
        struck = json.loads((SAMPLES / "collision.impact.json").read_text())["payload"]
        recorded = json.loads((SAMPLES / "collision.recorded.json").read_text())["payload"]
        at = now - dt.timedelta(minutes=12)
        times = [round(at.timestamp() * 1000) + ms for ms in range(-30_000, 30_000, 250)]
        load = [32 + 3 * math.sin(ms / 3000) + (118 if abs(ms - times[120]) < 600 else 0) for ms in times]
        signals = [{"channel": "spindle_load", "unit": "%", "t": times, "v": load},
                   {"channel": "vibration_rms", "unit": "mm/s", "t": times, "v": [v / 20 for v in load]}]  # fmt: skip
        tell(
            "collision.impact",
            struck | {"machine_code": "T01", "signal": "spindle_load", "value": 150.0, "threshold": 120.0},
            at,
        )
        tell(
            "collision.recorded", recorded | {"incident_uid": struck["incident_uid"], "signals": signals}, at
        )
        tell(
            "machine.alarm",
            {"machine_code": "T01", "code": "700016", "text": "Surcharge de broche", "active": True},
            at,
        )
        ctx.session.flush()
        raw: Any = ctx.session.connection().connection.driver_connection
        ms = [round((now.timestamp() - 86_400 + 60 * i) * 1000) for i in range(1440) if not 600 < i < 660]
        channels = {
            "spindle_load": ChannelBatch(unit="%", t=ms, v=[40 + 25 * math.sin(m / 3.6e6) for m in ms]),
            "temperature": ChannelBatch(unit="°C", t=ms, v=[24 + 9 * math.cos(m / 2e7) for m in ms]),
        }
        machines.write_batches(raw, [(TelemetryBatch(machine_code="M03", channels=channels), now)])
        device = ctx.add(Device(code="CAM-03", name="Caméra M03"))
        camera = ctx.add(Camera(device_id=device.id, location_label="DMU 50, intérieur"))
        event = ctx.session.query(MachineEvent).filter_by(kind="collision").one()
        return {**{code: m.id for code, m in made.items()}, "event": event.id, "camera": camera.id}


@pytest.mark.requirement("MCH-16")
def test_the_park_shows_each_machine_and_opens_it(window: MainWindow, park: dict[str, int]) -> None:
    page = window.open_park()
    wait(lambda: len(page.findChildren(MachineCard)) == 3, "cards")
    words = texts(page)
    assert "M03 · DMU 50" in words
    assert "programme O1042" in words
    assert "12 / 40" in words
    assert "ne remplace ni les protecteurs" in words
    by_name = {item["code"]: item for item in page.items}
    assert (by_name["M03"]["state"], by_name["T01"]["state"], by_name["R02"]["state"]) == (
        "running",
        "alarm",
        "unknown",
    )
    shot(window, "machines-parc")
    assert window.open_park() is page


@pytest.mark.requirement("MCH-07", "MCH-16", "MCH-26")
def test_a_machine_s_page_shows_the_day_of_a_signal_and_zooms(
    window: MainWindow, park: dict[str, int]
) -> None:
    page = window.open_record("machine", park["M03"])
    wait(lambda: page.state, "machine")
    view = page.tabs.widget(0)
    assert isinstance(view, MachineLiveView)
    wait(lambda: view.findChildren(Chart), "chart")
    chart = view.findChildren(Chart)[0]
    assert chart.plot.series.name == "Charge de broche"
    assert len(chart.plot.pieces) == 2, "an hour without data is a gap"
    assert "ne remplace ni les protecteurs" in texts(view)
    shot(window, "machines-direct")
    end = utcnow().timestamp()
    chart.range_chosen.emit(end - 7200, end - 3600)
    wait(
        lambda: view.findChildren(Chart) and len(view.findChildren(Chart)[0].plot.series.t) in range(55, 600),
        "zoomed",
    )
    assert view.window_of_time[1].timestamp() == pytest.approx(end - 3600, abs=2)


@pytest.fixture
def office_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A PC in the time zone of the machines' calendar: both cut a week into the same days."""
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.requirement("MCH-28", "MCH-29")
def test_each_time_of_the_trs_tells_what_it_is_made_of(
    window: MainWindow, park: dict[str, int], office_clock: None
) -> None:
    page = window.open_record("machine", park["M03"])
    wait(lambda: page.state, "machine")
    view = page.tabs.widget(1)
    assert isinstance(view, MachineTrsView)
    page.tabs.setCurrentIndex(1)
    wait(lambda: view.data.get("total"), "trs")
    # A whole week: the test says the same at midnight.
    view.choose_period("week")
    wait(lambda: len(view.data["lines"]) == 7, "week")
    bars = [bar.name for bar in view.findChildren(TimeBar)]
    assert bars[:6] == ["total", "opening", "required", "operating", "net", "useful"]
    assert "Sans données" in texts(view)
    view.open_time("operating")
    assert "Réglages : " in texts(view)
    shot(window, "machines-trs")
    view.open_time("net")
    assert "Pièces : 8" in texts(view)


@pytest.mark.requirement("MCH-23", "MCH-26")
def test_a_shock_shows_its_curves_and_is_judged(window: MainWindow, park: dict[str, int]) -> None:
    page = window.open_record("machine_event", park["event"])
    wait(lambda: page.state, "event")
    view = page.tabs.widget(0)
    assert isinstance(view, EventView)
    wait(lambda: len(view.findChildren(Chart)) == 2, "curves")
    cause = view.findChildren(Chart)[0].plot
    assert (cause.series.name, cause.limit, cause.relative) == ("Charge de broche", 120.0, True)
    assert cause.event_at is not None
    assert cause.series.t[0] - cause.event_at == pytest.approx(-30, abs=1)
    shot(window, "machines-choc")
    assert "Fausse alerte" in {b.text() for b in view.findChildren(QPushButton)}
    view.judge("false_alarm")
    wait(lambda: view.data.get("verdict") == "false_alarm", "judged")


@pytest.mark.requirement("MCH-17")
def test_an_alert_is_taken_in_hand_with_its_cause(
    window: MainWindow, park: dict[str, int], office: Office
) -> None:
    page = window.open_record("machine", park["T01"])
    wait(lambda: page.state, "machine")
    view = page.tabs.widget(0)
    assert isinstance(view, MachineLiveView)
    wait(lambda: view.data.get("alarms"), "alerts")
    alarm = next(a for a in view.data["alarms"] if a["kind"] == "alarm")
    shot(window, "machines-alarme")
    view.take(alarm["id"], "Outil usé")
    wait(lambda: any(a["id"] == alarm["id"] and a["acknowledged_at"] for a in view.data["alarms"]), "taken")
    with office.factory.open(master()) as ctx:
        assert ctx.get(MachineEvent, alarm["id"]).cause == "Outil usé"


@pytest.mark.requirement("MCH-36")
def test_a_camera_shows_its_register(window: MainWindow, park: dict[str, int]) -> None:
    page = window.open_record("camera", park["camera"])
    wait(lambda: page.state, "camera")
    view: Any = page.tabs.widget(0)
    wait(lambda: view.data.get("title"), "register")
    words = texts(view)
    assert "30 jours" in words
    assert words.count("non renseigné") >= 3
    shot(window, "machines-registre")


def test_a_chart_breaks_at_gaps_and_takes_round_values() -> None:
    series = Series("x", "", [0, 1, 2, 3, 30, 31, 32], [1.0, 2.0, None, 2.0, 1.0, math.nan, 3.0])
    assert pieces_of(series) == [[0, 1], [3], [4, 6]]
    assert pieces_of(Series("x", "", [], [])) == []
    assert nice_ticks(0, 100) == [0, 25, 50, 75, 100]
    assert nice_ticks(5, 5) == [5]
    assert len(nice_ticks(-0.013, 0.021)) in range(3, 8)


def test_a_duration_is_said_in_words() -> None:
    now = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
    assert since_words("2026-11-20T11:59:40+00:00", now) == "depuis < 1 min"
    assert since_words("2026-11-20T10:30:00+00:00", now).replace("\u00a0", " ") == "depuis 90 min"
    assert since_words("2026-11-18T10:30:00+00:00", now).startswith("depuis le 18/11/2026")
    assert since_words(None) == ""
