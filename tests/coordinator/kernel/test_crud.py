"""Generic behaviour of declared entities over HTTP, on one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coordinator.kernel import audit
from coordinator.kernel.context import ContextFactory
from tests.conftest import master, person

Api = Callable[..., Any]


def test_a_record_lives_its_life(api: Api, factory: ContextFactory) -> None:
    client = api(master())
    created = client.post("/api/v1/sites", json={"code": "S9", "name": "Atelier nord"})
    assert created.status_code == 201, created.text
    site = created.json()
    assert site["display"] == "S9 · Atelier nord"
    changed = client.patch(
        f"/api/v1/sites/{site['id']}", json={"name": "Atelier sud", "row_version": site["row_version"]}
    )
    assert changed.json()["name"] == "Atelier sud"
    stale = client.patch(
        f"/api/v1/sites/{site['id']}", json={"name": "X", "row_version": site["row_version"]}
    )
    assert stale.status_code == 409
    assert stale.json()["code"] == "conflict.stale"
    assert stale.json()["current"]["name"] == "Atelier sud"
    history = client.get(f"/api/v1/sites/{site['id']}/history").json()
    assert [line["action"] for line in history] == ["update", "create"]
    assert history[0]["old_values"] == {"name": "Atelier nord"}
    archived = client.post(f"/api/v1/sites/{site['id']}/archive", json={})
    assert archived.json()["archived_at"]
    assert client.get("/api/v1/sites?q=sud").json()["total"] == 0
    assert client.get("/api/v1/sites?q=sud&archived=true").json()["total"] == 1
    with factory.sessions() as session:
        assert audit.verify_chain(session).intact


@pytest.mark.requirement("ACC-27")
def test_rights_decide(api: Api) -> None:
    assert api(person("settings:read")).get("/api/v1/sites").status_code == 200
    refused = api(person("settings:read")).post("/api/v1/sites", json={"code": "A", "name": "B"})
    assert refused.status_code == 403
    assert refused.json()["module"] == "settings"
    assert api(person()).get("/api/v1/sites").status_code == 403


def test_an_instant_reads_alike_in_every_answer(api: Api) -> None:
    client = api(master())
    made = client.post("/api/v1/customers", json={"name": "Instants"}).json()
    path = f"/api/v1/customers/{made['id']}"
    read = client.get(path).json()
    changed = client.patch(path, json={"phone": "04", "row_version": made["row_version"]}).json()
    listed = client.get("/api/v1/customers", params={"q": "Instants"}).json()["items"][0]
    assert {a["created_at"] for a in (made, read, changed, listed)} == {read["created_at"]}
