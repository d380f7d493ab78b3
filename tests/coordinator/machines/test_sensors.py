"""Readings of external sensors, who may take a machine in charge, what its page tells."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context, Principal
from coordinator.kernel.errors import DomainError
from coordinator.modules.machines import api as machines
from coordinator.modules.machines import collisions, service, telemetry
from coordinator.modules.machines.models import (
    AlarmThreshold,
    Machine,
    MachineAuthorization,
    MachineState,
    SensorKey,
    TelemetryChannel,
)
from edge_agents.protocol.payloads import ChannelBatch, TelemetryBatch
from tests.conftest import master, person
from tests.coordinator.machines.test_watch import Api, back, cycle, events, machine, report, state, told, work
from tests.factories import make, model_of

__all__ = ["machine"]


@pytest.fixture
def key(ctx: Context, api: Api, machine: Machine) -> str:
    api_key = ctx.add(SensorKey(name="Sonde four"))
    answer = api(master()).post(f"/api/v1/sensor-keys/{api_key.id}/issue-key", json={}).json()
    telemetry.forget_channels()
    return str(answer["result"]["key"])


@pytest.mark.requirement("MCH-18")
@pytest.mark.parametrize("path", ["/api/v1/metrics", "/api/metrics"])
def test_a_sensor_with_its_key_sends_readings(
    ctx: Context, machine: Machine, api: Api, key: str, path: str
) -> None:
    ctx.add(TelemetryChannel(machine_id=machine.id, code="debit", unit="l/min"))
    client, head = api(Principal.anonymous()), {"X-Api-Key": key}
    body = {"machine": "m03", "temperature": 41.5, "vibration": 2, "signals": {"debit": 12.25}}
    answer = client.post(path, json=body, headers=head)
    assert (answer.status_code, answer.json()) == (200, {"stored": 3})
    values = {c["code"]: c["value"] for c in telemetry.latest_values(ctx, machine.id)}
    assert values == {"temperature": 41.5, "vibration": 2.0, "debit": 12.25}
    before = {"machine": "M03", "temperature": 39, "timestamp": back(ctx, minutes=30).isoformat()}
    assert client.post(path, json=before, headers=head).status_code == 200
    assert {c["code"]: c["value"] for c in telemetry.latest_values(ctx, machine.id)} == values, "read earlier"
    assert client.post(path, json={"machine": 2**70, "temperature": 1}, headers=head).status_code == 400
    unknown = client.post(path, json={"machine": "M77", "temperature": 1}, headers=head)
    assert (unknown.status_code, unknown.json()["detail"]) == (400, "Machine inconnue")
    for wrong in ({"pression": 3}, {"temperature": "chaud"}, {"temperature": True}, {}):
        assert client.post(path, json={"machine": "M03", **wrong}, headers=head).status_code == 400
    for bad in ({}, {"X-Api-Key": "gus_faux"}, {"X-Api-Key": key[:-1]}):
        assert client.post(path, json=body, headers=bad).status_code == 401


@pytest.mark.requirement("MCH-18")
def test_a_key_is_never_shown_again_holds_for_its_machine_and_can_be_revoked(
    ctx: Context, machine: Machine, api: Api, key: str
) -> None:
    kept = ctx.session.scalars(select(SensorKey)).one()
    shown = api(master()).get(f"/api/v1/sensor-keys/{kept.id}").text
    assert key not in shown
    assert kept.key_digest not in shown
    assert key.startswith(str(kept.key_start))
    body, head, anybody = (
        {"machine": "M03", "temperature": 20},
        {"X-Api-Key": key},
        api(Principal.anonymous()),
    )
    ctx.session.refresh(kept)
    other: Any = make(ctx, Machine)
    kept.machine_id = other.id
    ctx.session.flush()
    assert anybody.post("/api/v1/metrics", json=body, headers=head).status_code == 400
    ctx.session.refresh(kept)
    kept.machine_id = machine.id
    ctx.session.flush()
    version = kept.row_version
    assert anybody.post("/api/v1/metrics", json=body, headers=head).status_code == 200
    ctx.session.refresh(kept)
    assert kept.last_used_at is not None
    assert kept.row_version == version, "a reading is nobody's change of the key"
    assert api(master()).post(f"/api/v1/sensor-keys/{kept.id}/revoke-key", json={}).status_code == 200
    assert anybody.post("/api/v1/metrics", json=body, headers=head).status_code == 401


@pytest.mark.requirement("MCH-06")
def test_only_authorised_persons_may_take_a_machine_that_asks_for_it(ctx: Context, machine: Machine) -> None:
    employee: Any = make(ctx, model_of("employee"))
    today = ctx.now.date()
    assert machines.may_operate(ctx, machine, employee.id, today), "asks for nothing"
    machine.needs_authorization = True
    assert not machines.may_operate(ctx, machine, employee.id, today)
    given = ctx.add(
        MachineAuthorization(machine_id=machine.id, employee_id=employee.id, valid_from=today, valid_to=today)
    )
    assert machines.may_operate(ctx, machine, employee.id, today)
    assert not machines.may_operate(ctx, machine, employee.id, today + dt.timedelta(days=1))
    assert not machines.may_operate(ctx, machine, None, today)
    given.archived_at = ctx.now
    ctx.session.flush()
    assert not machines.may_operate(ctx, machine, employee.id, today)


@pytest.mark.requirement("MCH-04", "MCH-07")
def test_the_machine_s_page_tells_tools_by_place_work_and_load(
    ctx: Context, machine: Machine, api: Api
) -> None:
    tools: list[Any] = [make(ctx, model_of("tool")) for _ in range(3)]
    link = model_of("machine_tool_compatibility")
    for place, tool in zip((12, 3, None), tools, strict=True):
        make(ctx, link, machine_id=machine.id, tool_id=tool.id, slot_number=place)
    entry = work(ctx, machine, back(ctx, minutes=5))
    state(ctx, "running", back(ctx, minutes=4))
    found = api(person("machines:read")).get(f"/api/v1/machines/{machine.id}/live").json()
    assert [(t["slot_number"], t["id"]) for t in found["tools"]] == [(3, tools[1].id), (12, tools[0].id)]
    assert machines.compatible_tool_ids(ctx, machine.id) == {tool.id for tool in tools}
    assert found["work"]["operation_id"] == entry.work_order_operation_id
    assert found["load"]["planned_min"] == 0
    assert found["load"]["capacity_min"] > 0
    with pytest.raises(DomainError):
        collisions.set_response(ctx, machine, collisions.ResponseParams(response="request_stop"))


@pytest.mark.requirement("MCH-02")
def test_machines_are_imported_from_a_file_and_edited_later(api: Api) -> None:
    client = api(master())
    lines = [
        "Code;Nom;Type de machine;Course X;Puissance de broche;Places d'outils",
        "F1;Fraiseuse 1;machining_centre;600,5;12,5;24",
        "F2;Tour 2;lathe;;7,5;12",
    ]

    def send(rows: list[str], dry_run: bool) -> Any:
        content = "\r\n".join(rows).encode("utf-8-sig")
        url = f"/api/v1/machines/import?dry_run={str(dry_run).lower()}"
        return client.post(url, files={"file": ("machines.csv", content)})

    dry = send([*lines, "F3;Négative;lathe;-4;1;1"], dry_run=True).json()
    assert (dry["rows"], dry["valid"], dry["errors"][0]["line"]) == (3, 2, 4)
    assert client.get("/api/v1/machines?q=Fraiseuse").json()["total"] == 0
    assert send(lines, dry_run=False).json()["created"] == 2
    made = client.get("/api/v1/machines?q=Fraiseuse").json()["items"][0]
    assert (made["travel_x_mm"], made["tool_slots"]) == ("600.50", 24)
    body = {"tool_slots": 40, "row_version": made["row_version"]}
    assert client.patch(f"/api/v1/machines/{made['id']}", json=body).json()["tool_slots"] == 40
    assert send(["Code;Nom", "F1;Fraiseuse neuve"], dry_run=False).json()["updated"] == 1


@pytest.mark.requirement("MCH-10")
def test_each_signal_of_the_minimum_is_kept_with_its_unit_and_shown_by_its_name(
    ctx: Context, machine: Machine, api: Api
) -> None:
    telemetry.forget_channels()
    units = {
        "feed_override": "%", "spindle_override": "%", "spindle_rotating": "", "spindle_load": "%", "axis_load_x": "%",
        "tool": "", "temperature": "°C", "vibration_rms": "mm/s", "energy": "kWh", "channel_mode": "", "part_count": "",
    }  # fmt: skip
    at = round(ctx.now.timestamp() * 1000)
    channels = {code: ChannelBatch(unit=unit, t=[at], v=[1.5]) for code, unit in units.items()}
    ctx.session.flush()
    raw: Any = ctx.session.connection().connection.driver_connection
    telemetry.write_batches(raw, [(TelemetryBatch(machine_code="M03", channels=channels), ctx.now)])
    report(
        ctx, "machine.alarm", {"machine_code": "M03", "code": "700016", "text": "Surcharge", "active": True}
    )
    state(ctx, "running", back(ctx, minutes=9))
    cycle(ctx, back(ctx, minutes=8), 5, program="O77")
    shown = api(master()).get(f"/api/v1/machines/{machine.id}/live").json()
    found = {c["code"]: (c["unit"], c["name"]) for c in shown["channels"]}
    assert {code: unit for code, (unit, _) in found.items()} == units
    assert [code for code, (_, name) in found.items() if name == code] == []
    assert (shown["state"], shown["program"], shown["parts_last_day"]) == ("running", "O77", 1)
    assert (shown["alarms"][0]["code"], shown["alarms"][0]["text"]) == ("700016", "Surcharge")


@pytest.mark.requirement("MCH-50")
def test_what_a_station_kept_while_the_server_was_away_finds_its_place_and_alarms_nobody_too_late(
    ctx: Context, machine: Machine
) -> None:
    telemetry.forget_channels()
    channel = ctx.add(TelemetryChannel(machine_id=machine.id, code="temperature", unit="°C"))
    ctx.add(AlarmThreshold(telemetry_channel_id=channel.id, level="critical", max_value=Decimal(60)))
    state(ctx, "running", back(ctx, hours=1))
    state(ctx, "unknown", back(ctx, hours=9))
    for name, hours in (("idle", 6), ("running", 8), ("alarm", 7)):
        state(ctx, name, back(ctx, hours=hours))
    spans = ctx.session.query(MachineState).order_by(MachineState.started_at).all()
    assert [s.state for s in spans] == ["unknown", "running", "alarm", "idle", "running"]
    assert all(a.ended_at == b.started_at for a, b in itertools.pairwise(spans))
    assert spans[-1].ended_at is None
    start = back(ctx, hours=8).replace(second=0, microsecond=0)
    times = [round((start + dt.timedelta(seconds=s)).timestamp() * 1000) for s in range(0, 3600, 10)]
    batch = TelemetryBatch(
        machine_code="M03", channels={"temperature": ChannelBatch(unit="°C", t=times, v=[70.0] * len(times))}
    )
    ctx.session.flush()
    raw: Any = ctx.session.connection().connection.driver_connection
    assert telemetry.write_batches(raw, [(batch, ctx.now)]).stored == 360
    service.watch_thresholds(ctx)
    assert (events(ctx), told(ctx)) == ([], []), "an alarm of eight hours ago helps nobody"
    telemetry.roll_up(ctx)
    points = telemetry.chart(ctx, channel, start, start + dt.timedelta(hours=1), dt.timedelta(minutes=1))
    assert (len(points), sum(p["samples"] for p in points), points[0]["mean"]) == (60, 360, 70.0)
