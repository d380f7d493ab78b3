"""Alerts, incidents, collisions, anomalies, sensors, authorizations of machines."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome, dispatch
from coordinator.kernel.models import Notification, OutboxEvent, Task
from coordinator.kernel.outbox import Event
from coordinator.modules.execution.models import TimeEntry
from coordinator.modules.machines import alerts, collisions
from coordinator.modules.machines.models import (
    AiDecisionLog,
    AnomalyModel,
    Machine,
    MachineEvent,
    MachineIncident,
    MachineState,
)
from coordinator.modules.stations import machine_config
from coordinator.modules.stations.models import Station, StationConfig
from coordinator.modules.stations.service import ConfigParams, set_config
from tests.conftest import master, person
from tests.factories import make, model_of

Api = Callable[..., Any]
SAMPLES = Path(__file__).resolve().parents[2] / "edge_agents" / "samples"


@pytest.fixture
def machine(ctx: Context) -> Machine:
    return ctx.add(Machine(code="M03", name="DMU 50", machine_type="machining_centre"))


def sample(name: str, **changes: Any) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())["payload"]
    return payload | changes


def report(
    ctx: Context, kind: str, payload: dict[str, Any], at: dt.datetime | None = None, **more: Any
) -> Outcome:
    moment = at or ctx.now
    return dispatch(ctx, DeviceEvent(uuid.uuid4(), kind, payload, moment, moment, station_id="st-m", **more))


def back(ctx: Context, **ago: float) -> dt.datetime:
    return ctx.now - dt.timedelta(**ago)


def state(ctx: Context, name: str, since: dt.datetime) -> None:
    payload = {"machine_code": "M03", "state": name, "previous_state": "idle", "since": since.isoformat()}
    assert report(ctx, "machine.state", payload, since).result == "done"


def told(ctx: Context) -> list[tuple[str, str]]:
    rows = ctx.session.scalars(select(Notification).order_by(Notification.id))
    return [(n.severity, str(n.role_code)) for n in rows]


def events(ctx: Context, **where: Any) -> list[MachineEvent]:
    return list(ctx.session.scalars(select(MachineEvent).filter_by(**where).order_by(MachineEvent.id)))


def work(ctx: Context, machine: Machine, since: dt.datetime) -> TimeEntry:
    operation: Any = make(ctx, model_of("work_order_operation"), machine_id=machine.id)
    person_: Any = make(ctx, model_of("employee"))
    entry: Any = make(
        ctx, TimeEntry, machine_id=machine.id, started_at=since, work_order_operation_id=operation.id,
        employee_id=person_.id,
    )  # fmt: skip
    return entry


def cycle(ctx: Context, start: dt.datetime, minutes: float, program: str = "O1") -> None:
    end = start + dt.timedelta(minutes=minutes)
    report(
        ctx,
        "machine.cycle",
        {
            "machine_code": "M03",
            "cycle_uid": str(uuid.uuid4()),
            "program": program,
            "started_at": start.isoformat(),
            "ended_at": end.isoformat(),
            "result": "complete",
            "part_count": 1,
        },
        end,
    )


@pytest.mark.requirement("MCH-17")
def test_a_machine_that_stands_while_somebody_works_on_it_is_told_once_and_ends(
    ctx: Context, machine: Machine
) -> None:
    work(ctx, machine, back(ctx, minutes=40))
    state(ctx, "running", back(ctx, minutes=30))
    alerts.watch(ctx)
    assert events(ctx) == []
    state(ctx, "idle", back(ctx, minutes=20))
    alerts.watch(ctx)
    alerts.watch(ctx)
    [idle] = events(ctx)
    assert (idle.severity, idle.ended_at) == ("warning", None)
    assert told(ctx) == [("warning", "workshop_manager")]
    state(ctx, "alarm", back(ctx, minutes=10))
    alerts.watch(ctx)
    assert idle.ended_at is not None
    assert events(ctx)[-1].severity == "alarm"
    state(ctx, "running", back(ctx, minutes=1))
    alerts.watch(ctx)
    assert all(event.ended_at for event in events(ctx))


def test_a_machine_nobody_works_on_may_stand(ctx: Context, machine: Machine) -> None:
    state(ctx, "idle", back(ctx, hours=5))
    alerts.watch(ctx)
    assert events(ctx) == []


@pytest.mark.requirement("MCH-17", "MCH-21")
def test_a_cycle_much_longer_than_usual_is_told(ctx: Context, machine: Machine) -> None:
    start = back(ctx, hours=8)
    for number in range(6):
        cycle(ctx, start + dt.timedelta(minutes=20 * number), 10)
    cycle(ctx, start + dt.timedelta(minutes=200), 11.9)
    cycle(ctx, start + dt.timedelta(minutes=230), 30, program="NEW")
    assert events(ctx) == []
    cycle(ctx, start + dt.timedelta(minutes=300), 12.5)
    [event] = events(ctx)
    assert "12,5 min au lieu de 10,0 min" in str(event.text)
    assert told(ctx) == [("warning", "workshop_manager")]


@pytest.mark.requirement("MCH-17")
def test_a_silent_agent_is_told_and_its_machine_is_unknown_never_stopped(
    ctx: Context, machine: Machine
) -> None:
    station: Any = make(ctx, Station, code="st-m")
    state(ctx, "running", back(ctx, minutes=30))
    station.status, station.last_contact_at = "offline", back(ctx, minutes=10)
    ctx.session.flush()
    alerts.watch(ctx)
    alerts.watch(ctx)
    [event] = events(ctx)
    assert (event.severity, event.code) == ("alarm", f"agent_silent:{machine.id}")
    spans = list(ctx.session.scalars(select(MachineState).order_by(MachineState.started_at)))
    assert [(s.state, s.started_at) for s in spans][-1] == ("unknown", back(ctx, minutes=10))
    station.status = "online"
    ctx.session.flush()
    alerts.watch(ctx)
    assert event.ended_at == ctx.now


@pytest.mark.requirement("MCH-17")
def test_a_critical_alert_is_repeated_until_a_person_takes_it_in_hand(
    ctx: Context, machine: Machine, api: Api
) -> None:
    report(
        ctx,
        "machine.alarm",
        {"machine_code": "M03", "code": "700", "text": "Huile", "active": True, "severity": 950},
    )
    [event] = events(ctx)
    first = len(told(ctx))
    assert {severity for severity, _ in told(ctx)} == {"critical"}
    assert first >= 2
    alerts.repeat(ctx)
    assert len(told(ctx)) == first, "not before its time"
    event.told_at = back(ctx, minutes=11)
    ctx.session.flush()
    alerts.repeat(ctx)
    assert len(told(ctx)) == 2 * first
    url = f"/api/v1/machine-events/{event.id}/acknowledge"
    assert api(person("machines:read")).post(url, json={}).status_code == 403
    answer = api(master()).post(url, json={"cause": "Niveau bas"})
    assert answer.status_code == 200
    assert answer.json()["record"]["cause"] == "Niveau bas"
    assert api(master()).post(url, json={}).status_code == 409
    ctx.session.refresh(event)
    event.told_at = back(ctx, minutes=11)
    ctx.session.flush()
    alerts.repeat(ctx)
    assert len(told(ctx)) == 2 * first


@pytest.mark.requirement("MCH-17")
def test_an_alert_becomes_an_incident_with_owner_follow_up_and_end(
    ctx: Context, machine: Machine, api: Api
) -> None:
    report(ctx, "machine.alarm", {"machine_code": "M03", "code": "12", "text": "Porte", "active": True})
    [event] = events(ctx)
    owner: Any = make(ctx, model_of("user_account"))
    client = api(master())
    made = client.post(
        f"/api/v1/machine-events/{event.id}/open-incident",
        json={"title": "Porte qui ferme mal", "kind": "maintenance", "owner_id": owner.id},
    )
    assert made.status_code == 200, made.text
    incident = ctx.session.scalars(select(MachineIncident)).one()
    assert (incident.owner_id, incident.machine_event_id, incident.status) == (owner.id, event.id, "open")
    assert incident.number.startswith("INC")
    assert any(n.user_id == owner.id for n in ctx.session.scalars(select(Notification)))
    url = f"/api/v1/machine-incidents/{incident.id}"
    assert client.post(f"{url}/close", json={}).status_code == 422
    closed = client.post(f"{url}/close", json={"follow_up": "Capteur remplacé"}).json()["record"]
    assert (closed["status"], closed["follow_up"]) == ("closed", "Capteur remplacé")
    assert closed["closed_at"] is not None


# --- collisions ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("MCH-23")
def test_a_collision_gets_its_signals_before_and_after_and_who_stood_there(
    ctx: Context, machine: Machine, api: Api
) -> None:
    entry = work(ctx, machine, back(ctx, hours=1))
    notice = sample("collision.impact")
    report(ctx, "collision.impact", notice)
    recorded = sample("collision.recorded", incident_uid=notice["incident_uid"])
    assert report(ctx, "collision.recorded", recorded).result == "done"
    [event] = events(ctx)
    assert event.is_recorded
    assert event.signals == recorded["signals"]
    assert (event.employee_id, event.work_order_operation_id) == (
        entry.employee_id,
        entry.work_order_operation_id,
    )
    incident = ctx.session.scalars(select(MachineIncident)).one()
    assert (incident.kind, incident.machine_event_id) == ("maintenance", event.id)
    detail = api(person("machines:read")).get(f"/api/v1/machine-events/{event.id}/detail").json()
    assert detail["signals"][0]["v"] == recorded["signals"][0]["v"]
    assert detail["counters"]["impacts"] == 1
    unknown = sample("collision.recorded", incident_uid=str(uuid.uuid4()))
    assert report(ctx, "collision.recorded", unknown).result == "refused"


def stops(ctx: Context, count: int) -> list[MachineEvent]:
    for _ in range(count):
        payload = sample(
            "collision.impact", incident_uid=str(uuid.uuid4()), response="request_stop", stop="requested"
        )
        report(ctx, "collision.impact", payload)
    return events(ctx, kind="collision")


@pytest.mark.requirement("MCH-27")
def test_more_than_two_false_stops_bring_the_machine_back_to_alert(
    ctx: Context, machine: Machine, api: Api
) -> None:
    client = api(master())
    url = f"/api/v1/machines/{machine.id}/set-response"
    assert client.post(url, json={"response": "request_stop"}).status_code == 400
    assert (
        client.post(url, json={"response": "request_stop", "commissioning_record": "PV-12"}).status_code
        == 200
    )
    made = stops(ctx, 4)
    old = made.pop()
    old.occurred_at = back(ctx, days=8)
    ctx.session.flush()
    for number, event in enumerate([old, *made]):
        ctx.session.refresh(machine)
        assert machine.collision_response == "request_stop", number
        answer = client.post(f"/api/v1/machine-events/{event.id}/judge", json={"verdict": "false_alarm"})
        assert answer.status_code == 200, answer.text
    assert answer.json()["result"]["false_stops"] == 3
    ctx.session.refresh(machine)
    assert machine.collision_response == "alert"
    assert any(
        n.object_type == "machine" and n.severity == "alarm"
        for n in ctx.session.scalars(select(Notification))
    )
    changes = [e.payload["response"] for e in ctx.session.scalars(
        select(OutboxEvent).where(OutboxEvent.event_type == "machines.response_changed").order_by(OutboxEvent.id))]  # fmt: skip
    assert changes == ["request_stop", "alert"]


@pytest.mark.requirement("MCH-27")
def test_a_missed_collision_and_what_the_station_counts_are_kept(ctx: Context, machine: Machine) -> None:
    machine.collision_response = "request_stop"
    missed = sample("collision.judged", verdict="missed", incident_uid=None, was_stopped=False)
    assert report(ctx, "collision.judged", missed).result == "done"
    notice = sample("collision.risk")
    report(ctx, "collision.risk", notice)
    report(ctx, "collision.judged", sample("collision.judged", incident_uid=notice["incident_uid"]))
    found = collisions.counters(ctx, machine)
    assert (found["missed"], found["false_alarms"], found["risks"], found["impacts"]) == (1, 1, 1, 0)
    report(ctx, "collision.counters", sample("collision.counters"))
    assert machine.collision_response == "alert"


def station_with(ctx: Context, driver: dict[str, Any]) -> Any:
    station: Any = make(ctx, Station, code="st-m")
    other = {"type": "opcua_machine", "machine_code": "M99", "collision_response": "log"}
    set_config(ctx, station, ConfigParams(config={"drivers": {"machine": driver, "other": other}}))
    return station


def config_of(ctx: Context, station: Any) -> dict[str, Any]:
    query = select(StationConfig).where(StationConfig.station_id == station.id)
    config: dict[str, Any] = (
        ctx.session.scalars(query.order_by(StationConfig.version_no.desc()).limit(1)).one().config
    )
    return config["drivers"]["machine"]


@pytest.mark.requirement("MCH-24")
def test_a_response_reaches_the_agent_and_a_stop_only_one_with_its_wired_output(
    ctx: Context, machine: Machine
) -> None:
    station = station_with(ctx, {"machine_code": "M03"})

    def change(response: str) -> dict[str, Any]:
        payload = {"machine_code": "m03", "response": response, "commissioning_record": "PV-7"}
        machine_config.on_response(
            ctx, Event(uuid.uuid4(), "machines.response_changed", payload, ctx.now, None, None)
        )
        return config_of(ctx, station)

    assert change("log")["collision_response"] == "log"
    assert change("request_stop")["collision_response"] == "log"
    assert [n.category for n in ctx.session.scalars(select(Notification))] == ["station_config"]
    set_config(
        ctx,
        station,
        ConfigParams(
            config={"drivers": {"machine": {"machine_code": "M03", "stop_output": {"value_file": "x"}}}}
        ),
    )
    wired = change("request_stop")
    assert (wired["collision_response"], wired["stop_output"]["commissioning_record"]) == (
        "request_stop",
        "PV-7",
    )


# --- anomalies ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("MCH-19")
def test_a_learned_model_waits_for_a_person_and_only_one_judges(
    ctx: Context, machine: Machine, api: Api
) -> None:
    station = station_with(ctx, {"machine_code": "M03", "anomaly": {"seed": 42}})
    assert report(ctx, "machine.model", sample("machine.model")).result == "done"
    assert report(ctx, "machine.model", sample("machine.model")).result == "duplicate"
    first = ctx.session.scalars(select(AnomalyModel)).one()
    assert (first.status, first.false_alarm_rate, first.seed) == ("proposed", Decimal("0.08"), 42)
    task = ctx.session.scalars(select(Task)).one()
    assert task.status == "open"
    client = api(master())
    assert (
        api(person("machines:read")).post(f"/api/v1/anomaly-models/{first.id}/approve", json={}).status_code
        == 403
    )
    assert client.post(f"/api/v1/anomaly-models/{first.id}/approve", json={}).status_code == 200
    report(ctx, "machine.model", sample("machine.model", version="next"))
    second = ctx.session.scalars(select(AnomalyModel).where(AnomalyModel.version == "next")).one()
    assert client.post(f"/api/v1/anomaly-models/{second.id}/approve", json={}).status_code == 200
    ctx.session.refresh(first)
    ctx.session.refresh(task)
    assert (first.status, task.status) == ("retired", "done")
    approved = ctx.session.scalars(
        select(OutboxEvent).where(OutboxEvent.event_type == "machines.model_approved")
    )
    last = list(approved)[-1]
    machine_config.on_model(
        ctx, Event(uuid.uuid4(), "machines.model_approved", last.payload, ctx.now, None, None)
    )
    assert config_of(ctx, station)["anomaly"] == {"seed": 42, "approved": "next"}
    actions = [line.action for line in ctx.session.scalars(select(AiDecisionLog).order_by(AiDecisionLog.id))]
    assert actions == ["model_proposed", "model_accepted", "model_proposed", "model_accepted"]


@pytest.mark.requirement("MCH-20")
def test_an_anomaly_is_explained_kept_told_and_judged_for_the_next_training(
    ctx: Context, machine: Machine, api: Api
) -> None:
    station = station_with(ctx, {"machine_code": "M03", "anomaly": {}})
    assert report(ctx, "machine.anomaly", sample("machine.anomaly", is_approved=False)).result == "done"
    assert told(ctx) == [], "a model nobody approved alarms nobody"
    report(ctx, "machine.anomaly", sample("machine.anomaly", cycle_uid=str(uuid.uuid4())))
    quiet, event = events(ctx)
    assert quiet.severity == "info"
    assert told(ctx) == [("warning", "workshop_manager")]
    assert "charge de broche (moyenne) à 58 %, d'habitude entre 33 et 39 %" in str(event.text)
    log = ctx.session.scalars(select(AiDecisionLog).where(AiDecisionLog.object_id == event.id)).one()
    assert (log.action, log.model_version) == ("anomaly_found", "3f9a0c11")
    assert log.explanation["reasons"][0]["value"] == 58.0
    client = api(master())
    client.post(
        f"/api/v1/machine-events/{event.id}/judge", json={"verdict": "confirmed", "comment": "outil usé"}
    )
    judged = ctx.session.scalars(
        select(OutboxEvent).where(OutboxEvent.event_type == "machines.anomaly_judged")
    ).one()
    machine_config.on_verdict(
        ctx, Event(uuid.uuid4(), "machines.anomaly_judged", judged.payload, ctx.now, None, None)
    )
    assert config_of(ctx, station)["anomaly"]["verdicts"] == {event.cycle_uid: True}
    assert client.get("/api/v1/ai-decisions").json()["items"][0]["action"] == "anomaly_found"
