"""What machines report: states, cycles, alarms, collisions, samples."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, select, text

from coordinator.kernel.context import Context, ContextFactory
from coordinator.kernel.device import DeviceEvent, Outcome, dispatch
from coordinator.kernel.models import Notification, OutboxEvent, Task
from coordinator.modules.machines import api, rules, service
from coordinator.modules.machines.models import (
    AlarmThreshold,
    Machine,
    MachineCapability,
    MachineCycle,
    MachineEvent,
    MachineState,
    TelemetryChannel,
)
from edge_agents.protocol.payloads import ChannelBatch, TelemetryBatch
from tests.conftest import master, person
from tests.factories import make, model_of

Api = Callable[..., Any]
SAMPLES = Path(__file__).resolve().parents[2] / "edge_agents" / "samples"
T0 = dt.datetime(2026, 11, 20, 8, 0, tzinfo=dt.UTC)


def minutes(count: float) -> dt.datetime:
    return T0 + dt.timedelta(minutes=count)


@pytest.fixture
def machine(ctx: Context) -> Machine:
    return ctx.add(Machine(code="M03", name="DMU 50", machine_type="machining_centre"))


def report(
    ctx: Context, kind: str, payload: dict[str, Any], at: dt.datetime = T0, uid: uuid.UUID | None = None
) -> Outcome:
    return dispatch(ctx, DeviceEvent(uid or uuid.uuid4(), kind, payload, at, at, station_id="st-1"))


def state(ctx: Context, name: str, at: float, uid: uuid.UUID | None = None) -> Outcome:
    payload = {
        "machine_code": "M03",
        "state": name,
        "previous_state": "idle",
        "since": minutes(at).isoformat(),
    }
    return report(ctx, "machine.state", payload, minutes(at), uid)


def spans(ctx: Context) -> list[tuple[str, float, float | None]]:
    def at(moment: dt.datetime | None) -> float | None:
        return None if moment is None else (moment - T0).total_seconds() / 60

    rows = ctx.session.scalars(select(MachineState).order_by(MachineState.started_at))
    return [(r.state, at(r.started_at) or 0.0, at(r.ended_at)) for r in rows]


@pytest.mark.requirement("MCH-14")
def test_states_make_spans_and_late_facts_find_their_place(ctx: Context, machine: Machine) -> None:
    state(ctx, "idle", 0)
    state(ctx, "running", 10)
    state(ctx, "running", 12)
    assert spans(ctx) == [("idle", 0, 10), ("running", 10, None)]
    assert machine.status == "running"
    assert state(ctx, "setup", 5).result == "done"
    assert spans(ctx) == [("idle", 0, 5), ("setup", 5, 10), ("running", 10, None)]
    assert machine.status == "running", "a late fact says nothing of now"
    before_all = state(ctx, "off", -30)
    assert before_all.result == "done"
    assert spans(ctx)[0] == ("off", -30, 0)


@pytest.mark.requirement("MCH-14")
def test_the_same_state_event_twice_counts_once(ctx: Context, machine: Machine) -> None:
    uid = uuid.uuid4()
    assert state(ctx, "running", 0, uid).result == "done"
    assert state(ctx, "running", 0, uid).result == "duplicate"
    assert len(spans(ctx)) == 1


@pytest.mark.parametrize("order", list(permutations([("idle", 0), ("running", 10), ("alarm", 20)])))
def test_spans_are_the_same_whatever_the_order_of_arrival(
    ctx: Context, machine: Machine, order: tuple[tuple[str, float], ...]
) -> None:
    for name, at in order:
        state(ctx, name, at)
    assert spans(ctx) == [("idle", 0, 10), ("running", 10, 20), ("alarm", 20, None)]


def test_a_person_s_status_is_not_overwritten_by_a_state(
    api_client: Any, ctx: Context, machine: Machine
) -> None:
    url = f"/api/v1/machines/{machine.id}"
    assert api_client.post(f"{url}/report-breakdown", json={"comment": "broche"}).status_code == 200
    ctx.session.refresh(machine)
    state(ctx, "running", 0)
    assert machine.status == "breakdown"
    assert api_client.post(f"{url}/return-to-service", json={}).json()["record"]["status"] == "available"
    again = api_client.post(f"{url}/return-to-service", json={})
    assert again.status_code == 409


@pytest.fixture
def api_client(api: Api) -> Any:
    return api(master())


def cycle(ctx: Context, count: int, uid: uuid.UUID | None = None, **more: Any) -> Outcome:
    payload = {
        "machine_code": "m03",
        "cycle_uid": str(uid or uuid.uuid4()),
        "program": "O1042",
        "started_at": minutes(0).isoformat(),
        "ended_at": minutes(4.5).isoformat(),
        "result": "complete",
        "part_count": count,
        **more,
    }
    return report(ctx, "machine.cycle", payload)


@pytest.mark.requirement("MCH-13")
def test_a_cycle_is_kept_once_and_tied_later_to_its_operation(ctx: Context, machine: Machine) -> None:
    uid = uuid.uuid4()
    assert [cycle(ctx, 1, uid).result, cycle(ctx, 1, uid).result] == ["done", "duplicate"]
    kept = ctx.session.scalars(select(MachineCycle)).one()
    assert (kept.duration_min, kept.part_count, kept.result) == (Decimal("4.500"), 1, "complete")
    emitted = ctx.session.scalars(
        select(OutboxEvent).where(OutboxEvent.event_type == "machines.cycle_recorded")
    ).one()
    assert emitted.payload["machine_cycle_id"] == kept.id
    operation = make(ctx, model_of("work_order_operation")).id
    assert api.link_cycle(ctx, kept.id, operation).work_order_operation_id == operation


@pytest.mark.requirement("MCH-48")
@pytest.mark.parametrize("count", [-3, 5000])
def test_an_impossible_count_books_no_part_and_is_reported(
    ctx: Context, machine: Machine, count: int
) -> None:
    cycle(ctx, count)
    kept = ctx.session.scalars(select(MachineCycle)).one()
    assert (kept.part_count, kept.reported_part_count) == (0, count)
    anomaly = ctx.session.scalars(select(MachineEvent)).one()
    assert anomaly.kind == "anomaly"
    assert str(count) in (anomaly.text or "")


@pytest.mark.requirement("MCH-48")
@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (None, 10, rules.CountStep(0)),
        (10, 12, rules.CountStep(2)),
        (10, 10, rules.CountStep(0)),
        (500, 3, rules.CountStep(3, "reset")),
        (500, 400, rules.CountStep(0, "reset")),
        (10, 9999, rules.CountStep(0, "jump")),
        (10, -1, rules.CountStep(0, "negative")),
    ],
)
def test_counter_reset_and_jump(before: int | None, now: int, expected: rules.CountStep) -> None:
    assert rules.counter_step(before, now, 100) == expected


def test_unknown_machine_and_impossible_times_are_refused_with_a_code(ctx: Context, machine: Machine) -> None:
    unknown = report(ctx, "machine.cycle", {"machine_code": "X", "cycle_uid": str(uuid.uuid4())})
    assert (unknown.result, unknown.code) == ("refused", "machine.unknown")
    assert "Machine inconnue" in unknown.message
    backwards = cycle(ctx, 1, ended_at=minutes(-1).isoformat())
    assert backwards.code == "machine.cycle_times"
    future = (ctx.now + dt.timedelta(hours=1)).isoformat()
    ahead = report(ctx, "machine.state", {"machine_code": "M03", "state": "idle", "since": future})
    assert ahead.code == "machine.future"
    assert ctx.session.scalar(select(func.count()).select_from(MachineCycle)) == 0


def test_an_alarm_opens_and_closes(ctx: Context, machine: Machine) -> None:
    def alarm(active: bool, at: float) -> None:
        payload = {"machine_code": "M03", "code": "700123", "text": "Huile basse", "active": active}
        report(ctx, "machine.alarm", payload, minutes(at))

    alarm(True, 0)
    alarm(True, 1)
    alarm(False, 5)
    kept = ctx.session.scalars(select(MachineEvent)).one()
    assert (kept.occurred_at, kept.ended_at) == (minutes(0), minutes(5))


def test_an_impact_is_told_to_the_workshop_manager_once(ctx: Context, machine: Machine) -> None:
    payload = json.loads((SAMPLES / "collision.impact.json").read_text())["payload"]
    uid = uuid.uuid4()
    assert report(ctx, "collision.impact", payload, uid=uid).result == "done"
    assert report(ctx, "collision.impact", payload, uid=uid).result == "duplicate"
    event = ctx.session.scalars(select(MachineEvent)).one()
    assert (event.kind, event.level, event.signals[0]["channel"]) == ("collision", "impact", "spindle_load")
    notices = ctx.session.scalars(select(Notification)).all()
    assert {n.severity for n in notices} == {"critical"}
    assert [n.role_code for n in notices].count("workshop_manager") == 1
    assert ctx.session.scalars(select(Task)).one().object_id == event.id


@pytest.mark.requirement("MCH-24")
def test_a_machine_whose_response_is_to_log_tells_nobody(ctx: Context, machine: Machine) -> None:
    payload = json.loads((SAMPLES / "collision.impact.json").read_text())["payload"]
    report(ctx, "collision.impact", payload | {"response": "log"})
    assert ctx.session.scalars(select(MachineEvent)).one().level == "impact"
    assert ctx.session.scalars(select(Notification)).all() == []
    assert ctx.session.scalars(select(Task)).all() == []


@pytest.mark.requirement("MCH-05")
def test_a_part_too_big_for_every_machine_is_told(ctx: Context, machine: Machine) -> None:
    ctx.add(MachineCapability(machine_id=machine.id, operation_type="milling"))
    machine.travel_x_mm, machine.travel_y_mm, machine.travel_z_mm = Decimal(500), Decimal(450), Decimal(400)
    machine.max_spindle_rpm = 12000
    fits = api.PartNeed(length_mm=Decimal(440), width_mm=Decimal(490), height_mm=Decimal(30))
    too_big = api.PartNeed(
        length_mm=Decimal(460), width_mm=Decimal(490), spindle_rpm=15000, mass_kg=Decimal(9)
    )
    assert api.capable_machines(ctx, "milling", fits) == [(machine, [])]
    assert api.capable_machines(ctx, "milling", too_big) == [(machine, ["travel", "speed"])]
    assert api.capable_machines(ctx, "turning") == []


def raw(ctx: Context) -> psycopg.Connection[Any]:
    connection: Any = ctx.session.connection().connection.driver_connection
    return connection  # type: ignore[no-any-return]


def batch(
    values: list[float | None], start: dt.datetime, qualities: list[int] | None = None
) -> TelemetryBatch:
    first = int(start.timestamp() * 1000)
    series = {"unit": "%", "t": [first + 1000 * i for i in range(len(values))], "v": values, "q": qualities}
    return TelemetryBatch.model_validate({"machine_code": "M03", "channels": {"spindle_load": series}})


@pytest.mark.requirement("MCH-12")
def test_samples_go_in_by_copy_and_come_out_as_a_chart(
    ctx: Context, machine: Machine, api_client: Any
) -> None:
    api.forget_channels()
    start = ctx.now.replace(microsecond=0) - dt.timedelta(minutes=10)
    assert (
        api.write_batches(raw(ctx), [(batch([float(i) for i in range(120)], start), ctx.now)]).stored == 120
    )
    assert api.write_batches(raw(ctx), [(batch([], start), ctx.now)]).stored == 0
    channel = ctx.session.scalars(select(TelemetryChannel)).one()
    assert (channel.code, channel.unit) == ("spindle_load", "%")
    params = {
        "channel": "spindle_load",
        "start": start.isoformat(),
        "end": (start + dt.timedelta(minutes=2)).isoformat(),
    }
    chart = api_client.get(f"/api/v1/machines/{machine.id}/chart", params=params | {"bucket_s": 60}).json()
    assert [(p["mean"], p["min"], p["max"], p["samples"]) for p in chart["points"]] == [
        (29.5, 0, 59, 60),
        (89.5, 60, 119, 60),
    ]
    as_csv = api_client.get(f"/api/v1/machines/{machine.id}/chart", params=params | {"format": "csv"})
    assert as_csv.text.splitlines()[0] == "at,mean,min,max,samples,unit"
    too_fine = api_client.get(f"/api/v1/machines/{machine.id}/chart", params=params | {"bucket_s": 0.001})
    assert too_fine.json()["code"] == "telemetry.range"
    partitions = ctx.session.scalar(
        text("SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry_block'::regclass")
    )
    assert partitions >= 2


@pytest.mark.requirement("MCH-47")
def test_absurd_samples_are_kept_as_bad_and_never_charted(ctx: Context, machine: Machine) -> None:
    api.forget_channels()
    ctx.add(
        TelemetryChannel(
            machine_id=machine.id, code="spindle_load", min_physical=Decimal(0), max_physical=Decimal(300)
        )
    )
    future = ctx.now + dt.timedelta(days=400)
    past = ctx.now - dt.timedelta(minutes=5)
    api.write_batches(
        raw(ctx), [(batch([50.0, 99999.0, None], past), ctx.now), (batch([60.0], future), ctx.now)]
    )
    channel = service.channel_of(ctx, machine, "spindle_load")
    stored = text(
        "SELECT value, quality, sampled_at FROM telemetry_samples(ARRAY[CAST(:id AS bigint)], '-infinity', 'infinity')"
        " ORDER BY sampled_at"
    )
    rows = ctx.session.execute(stored, {"id": channel.id}).all()
    assert [tuple(r)[:2] for r in rows] == [(50.0, 0), (99999.0, 2), (None, 1), (60.0, 2)]
    assert rows[-1].sampled_at == ctx.now.replace(microsecond=ctx.now.microsecond // 1000 * 1000)
    from coordinator.modules.machines.telemetry import chart

    points = chart(ctx, channel, past - dt.timedelta(minutes=1), ctx.now, dt.timedelta(hours=1))
    assert [(p["max"], p["samples"]) for p in points] == [(50.0, 1)]


@pytest.mark.requirement("DAT-12")
def test_old_days_are_dropped_and_a_wrong_clock_makes_no_partition(ctx: Context, machine: Machine) -> None:
    api.forget_channels()
    before = ctx.session.scalar(
        text("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^telemetry_block_2'")
    )
    api.write_batches(raw(ctx), [(batch([1.0], dt.datetime(1999, 1, 1, tzinfo=dt.UTC)), ctx.now)])
    after = ctx.session.scalar(
        text("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^telemetry_block_2'")
    )
    assert after - before <= 1
    assert ctx.session.scalar(text("SELECT count(*) FROM telemetry_block_default")) == 1
    ctx.session.execute(text("SELECT drop_telemetry_before(current_date - 90)"))
    assert ctx.session.scalar(text("SELECT count(*) FROM telemetry_block")) == 0


@pytest.mark.requirement("MCH-03")
def test_a_limit_opens_one_event_and_its_end_closes_it(ctx: Context, machine: Machine) -> None:
    api.forget_channels()
    channel = ctx.add(TelemetryChannel(machine_id=machine.id, code="spindle_load"))
    ctx.add(AlarmThreshold(telemetry_channel_id=channel.id, level="critical", max_value=Decimal(80)))
    at = ctx.now - dt.timedelta(seconds=30)
    api.write_batches(raw(ctx), [(batch([95.0], at), ctx.now)])
    service.watch_thresholds(ctx)
    service.watch_thresholds(ctx)
    event = ctx.session.scalars(select(MachineEvent)).one()
    assert (event.kind, event.value, event.threshold) == ("anomaly", Decimal(95), Decimal(80))
    notices = ctx.session.scalars(select(Notification)).all()
    assert {n.severity for n in notices} == {"critical"}
    assert len(notices) == len({n.role_code for n in notices})
    api.write_batches(raw(ctx), [(batch([40.0], at + dt.timedelta(seconds=10)), ctx.now)])
    service.watch_thresholds(ctx)
    assert event.ended_at is not None


@pytest.mark.requirement("MCH-03", "MCH-47")
def test_a_value_too_large_for_the_event_is_told_and_holds_up_no_other_limit(
    ctx: Context, machine: Machine
) -> None:
    api.forget_channels()
    at = ctx.now - dt.timedelta(seconds=30)
    for code, value in (("counter", 9.9e99), ("depth", -9.9e99), ("spindle_load", 95.0)):
        channel = ctx.add(TelemetryChannel(machine_id=machine.id, code=code))
        ctx.add(AlarmThreshold(telemetry_channel_id=channel.id, min_value=Decimal(0), max_value=Decimal(80)))
        series = ChannelBatch(unit="", t=[int(at.timestamp() * 1000)], v=[value])
        api.write_batches(
            raw(ctx), [(TelemetryBatch(machine_code=machine.code, channels={code: series}), ctx.now)]
        )
    service.watch_thresholds(ctx)
    found = {e.signal: e.value for e in ctx.session.scalars(select(MachineEvent))}
    assert found == {"counter": Decimal(10**11), "depth": Decimal(-(10**11)), "spindle_load": Decimal(95)}


@pytest.mark.requirement("MCH-16")
def test_live_view(ctx: Context, machine: Machine, api_client: Any, api: Api) -> None:
    state(ctx, "running", 0)
    cycle(ctx, 3)
    line = api_client.get("/api/v1/machine-live").json()["items"][0]
    assert (line["code"], line["state"], line["status"]) == ("M03", "running", "running")
    detail = api_client.get(f"/api/v1/machines/{machine.id}/live").json()
    assert detail["since"].startswith("2026-11-20T08:00")
    assert api(person("stock:read")).get("/api/v1/machine-live").status_code == 403


@pytest.mark.requirement("MCH-01")
def test_a_machine_is_declared_once_with_sound_values(api_client: Any, factory: ContextFactory) -> None:
    body = {"code": "T01", "name": "Tour", "machine_type": "lathe", "travel_x_mm": "300", "axis_count": 3}
    made = api_client.post("/api/v1/machines", json=body)
    assert made.status_code == 201
    assert made.json()["overload_threshold_min"] == 450
    assert api_client.post("/api/v1/machines", json=body).json()["code"] == "record.duplicate"
    wrong = api_client.post("/api/v1/machines", json=body | {"code": "T02", "travel_x_mm": "-5"})
    assert wrong.json()["errors"][0]["field"] == "travel_x_mm"
    assert api_client.post("/api/v1/machines", json=body | {"machine_type": "toaster"}).status_code == 422
