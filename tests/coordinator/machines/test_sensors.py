"""Readings of external sensors, who may take a machine in charge, what its page tells."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context, Principal
from coordinator.kernel.errors import DomainError
from coordinator.modules.machines import api as machines
from coordinator.modules.machines import collisions, telemetry
from coordinator.modules.machines.models import Machine, MachineAuthorization, SensorKey, TelemetryChannel
from tests.conftest import master, person
from tests.coordinator.machines.test_watch import Api, back, machine, state, work
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
    assert anybody.post("/api/v1/metrics", json=body, headers=head).status_code == 200
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
