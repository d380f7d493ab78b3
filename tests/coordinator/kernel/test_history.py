"""The history speaks French and says what really happened to a record."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from coordinator.bootstrap import registry
from coordinator.kernel import audit
from coordinator.kernel.context import ContextFactory, Principal
from coordinator.kernel.i18n import catalogue, history_label
from coordinator.modules.parties.models import Customer
from tests.conftest import ROOT, master

Api = Callable[..., Any]


@pytest.mark.requirement("TRC-22")
def test_a_record_made_by_a_command_is_created_not_commanded(factory: ContextFactory) -> None:
    with factory.open(master()) as ctx:
        customer = ctx.add(Customer(name="Forges du Test", code="C-HIST"))
        audit.mark_action(ctx.session, customer, "hold", critical=True)
        ctx.note("print", customer)
        customer.phone = "01 02"
        ctx.session.flush()
        record_id = customer.id
    with factory.open(master()) as ctx:
        query = (
            "SELECT action_code, is_critical FROM audit_log WHERE object_type='customer' AND object_id=:id"
        )
        lines = ctx.session.execute(text(query + " ORDER BY id"), {"id": record_id}).all()
    assert [tuple(line) for line in lines] == [("create", True), ("print", True), ("hold", True)]


@pytest.mark.requirement("TRC-22")
def test_the_history_of_a_record_is_told_in_french(api: Api) -> None:
    client = api(master())
    record = client.post("/api/v1/customers", json={"name": "Ateliers du Test"}).json()
    url = f"/api/v1/customers/{record['id']}"
    changed = client.patch(url, json={"phone": "09", "row_version": record["row_version"]}).json()
    archived = client.post(f"{url}/archive", json={"row_version": changed["row_version"]}).json()
    client.post(f"{url}/restore", json={"row_version": archived["row_version"]})
    lines = client.get(f"{url}/history").json()
    assert [(line["action"], line["action_label"]) for line in lines] == [
        ("restore", "Restauration"),
        ("archive", "Archivage"),
        ("update", "Modification"),
        ("create", "Création"),
    ]


@pytest.mark.requirement("GLO-01")
def test_the_history_names_the_software_in_words(api: Api, factory: ContextFactory) -> None:
    with factory.open(Principal.service("seed")) as ctx:
        seeded = ctx.add(Customer(name="Ateliers livrés", code="C-SEED"))
        ctx.session.flush()
        record_id = seeded.id
    with factory.open(Principal.service("machines.watch")) as ctx:
        ctx.get(Customer, record_id).phone = "01 02"
    lines = api(master()).get(f"/api/v1/customers/{record_id}/history").json()
    assert [line["user"] for line in lines] == ["Logiciel", "Mise en service"]


@pytest.mark.requirement("GLO-01")
def test_every_act_the_code_writes_has_its_french_word() -> None:
    texts = catalogue("fr")
    acts = {("", code) for code in ("create", "update", "delete", "archive", "restore", "export", "import")}
    for spec in registry().entities.values():
        acts |= {(spec.name, c.name) for c in registry().entity_commands(spec.name)}
        acts |= {(spec.name, tr.name) for tr in (spec.lifecycle.transitions if spec.lifecycle else ())}
    written = re.compile(r'(?:ctx\.note|audit\.note|mark_action)\((?:[\w.]+, )*"(\w+)"')
    for path in (ROOT / "coordinator").rglob("*.py"):
        acts |= {("", code) for code in written.findall(path.read_text())}
    missing = [
        (entity, act)
        for entity, act in sorted(acts)
        if not {f"history.{entity}.{act}", f"history.{act}", f"action.{entity}.{act}", f"action.{act}"}
        & set(texts)
    ]
    assert missing == []
    assert history_label("customer", "no_such_act") == "Action « no such act »"
