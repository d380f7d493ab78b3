"""Modules that are switched off: routes, menu, rights, dependencies, data and regular work (SET-20)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.bootstrap import registry
from coordinator.kernel.context import Context, ContextFactory
from coordinator.kernel.jobs import run_job
from coordinator.kernel.registry import Job
from coordinator.modules.company.models import ModuleActivation
from tests.conftest import master, person
from tests.factories import make

Api = Callable[..., Any]


def switch(client: Any, code: str, how: str) -> Any:
    found = client.get("/api/v1/module-activations", params={"module_code": code}).json()["items"][0]
    return client.post(f"/api/v1/module-activations/{found['id']}/{how}")


def off(factory: ContextFactory, *codes: str) -> None:
    with factory.open(master()) as ctx:
        for row in ctx.session.scalars(
            select(ModuleActivation).where(ModuleActivation.module_code.in_(codes))
        ):
            row.is_active = False


@pytest.mark.requirement("SET-20")
def test_a_switched_off_module_answers_403_on_every_route_and_keeps_its_data(
    api: Api, factory: ContextFactory
) -> None:
    client = api(master())
    created = client.post("/api/v1/absence-types", json={"code": "CP-X", "label": "Congés"}).json()
    assert switch(client, "hr", "switch-off").status_code == 200
    operations = [
        (method, path)
        for path, item in client.app.openapi()["paths"].items()
        for method, operation in item.items()
        if str(operation.get("x-permission", "")).startswith("hr:")
    ]
    assert len(operations) > 10
    for method, path in operations:
        url = path.replace("{record_id}", str(created["id"])).replace("{employee_id}", "1")
        answer = client.request(method.upper(), url, json={})
        if answer.status_code == 422:  # the shape of the body is read before the right is asked
            continue
        assert answer.status_code == 403, (method, path, answer.text)
        assert answer.json()["code"] == "module_disabled"
    refusal = client.get("/api/v1/absence-types").json()
    assert refusal["module"] == "hr"
    assert "désactivé" in refusal["detail"]
    assert switch(client, "hr", "switch-on").status_code == 200
    assert client.get(f"/api/v1/absence-types/{created['id']}").json()["label"] == "Congés"


@pytest.mark.requirement("SET-20", "SET-21")
def test_its_screens_disappear_at_once_for_everybody(api: Api) -> None:
    client = api(master())
    reader = api(person("hr:*", "machines:*"))
    assert "employee" in {e["name"] for e in reader.get("/api/v1/meta").json()["entities"]}
    switch(client, "hr", "switch-off")
    for someone in (client, reader):
        meta = someone.get("/api/v1/meta").json()
        assert "hr" not in meta["modules"]
        assert "employee" not in {e["name"] for e in meta["entities"]}
        assert "employee" not in {name for group in meta["menu"] for name in group["entities"]}
        assert "machine" in {e["name"] for e in meta["entities"]}


@pytest.mark.requirement("SET-20")
def test_what_others_need_or_the_core_stays(api: Api) -> None:
    client = api(master())
    needed = switch(client, "crm", "switch-off")
    assert needed.status_code == 409
    assert needed.json()["code"] == "module.needed"
    assert "quoting" in needed.json()["modules"]
    assert switch(client, "settings", "switch-off").json()["code"] == "module.core"


@pytest.mark.requirement("SET-20")
def test_open_work_keeps_a_module_on_and_is_listed(api: Api, factory: ContextFactory) -> None:
    from coordinator.modules.purchasing.models import PurchaseOrder

    client = api(master())
    off(factory, "quoting", "orders", "invoicing", "finance", "planning", "statistics")
    with factory.open(master()) as ctx:
        order = make(ctx, PurchaseOrder)
    blocked = switch(client, "purchasing", "switch-off")
    assert blocked.status_code == 409
    assert blocked.json()["code"] == "module.open_work"
    assert ("purchase_order", order.id) in {(b["entity"], b["id"]) for b in blocked.json()["blocking"]}
    with factory.open(master()) as ctx:
        ctx.get(PurchaseOrder, order.id).status = "cancelled"
    assert switch(client, "purchasing", "switch-off").status_code == 200


@pytest.mark.requirement("SET-20")
def test_its_regular_jobs_rest(factory: ContextFactory) -> None:
    ran: list[dt.datetime] = []
    job = Job("people.test", lambda ctx: ran.append(ctx.now), cron="0 1 * * *")
    module = registry().modules["people"]
    jobs = [*module.jobs, job]
    original = module.jobs
    object.__setattr__(module, "jobs", jobs)
    try:
        run_job(factory, job, {})
        off(factory, "hr")
        run_job(factory, job, {})
    finally:
        object.__setattr__(module, "jobs", original)
    assert len(ran) == 1


def test_services_go_on(ctx: Context) -> None:
    from coordinator.kernel.context import Principal

    service = Principal("service", "worker", switched_off=frozenset({"hr"}))
    assert service.may("hr", "read")
    assert not Principal("user", "x", is_master=True, switched_off=frozenset({"hr"})).may("hr", "read")
