"""The wizard's steps are kept, resumed elsewhere and become a checklist (SET-03)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coordinator.kernel.context import ContextFactory, Principal
from coordinator.modules.company.models import CompanyProfile
from tests.conftest import master, person

Api = Callable[..., Any]
URL = "/api/v1/setup/steps"


@pytest.mark.requirement("SET-03", "SET-51")
def test_a_step_is_resumed_on_another_computer_without_its_secrets(api: Api) -> None:
    first, other = api(Principal.anonymous()), api(Principal.anonymous())
    typed = {"email": "a@b.fr", "password": "tres-secret-1", "more": [{"totp_secret": "X", "name": "n"}]}
    assert first.put(f"{URL}/master", json={"values": typed}).json()["status"] == "draft"
    first.put(f"{URL}/master", json={"values": {**typed, "email": "c@d.fr"}})
    answer = other.get(URL)
    steps = {s["code"]: s for s in answer.json()["steps"]}
    assert [s["code"] for s in answer.json()["steps"]][:3] == ["language", "company", "master"]
    assert steps["master"]["values"] == {"email": "c@d.fr", "more": [{"name": "n"}]}
    assert "tres-secret-1" not in answer.text


@pytest.mark.requirement("SET-03")
def test_only_optional_steps_are_skipped_and_stay_to_do(api: Api) -> None:
    client = api(Principal.anonymous())
    assert client.put(f"{URL}/company", json={"status": "skipped"}).json()["code"] == "setup.mandatory"
    assert client.put(f"{URL}/stations", json={"status": "skipped"}).status_code == 200
    assert client.put(f"{URL}/machines", json={"status": "done"}).status_code == 200
    assert client.put(f"{URL}/nothing", json={}).status_code == 404
    to_do = client.get(URL).json()["to_do"]
    assert "stations" in to_do
    assert "company" in to_do
    assert "machines" not in to_do


@pytest.mark.requirement("SET-03")
def test_afterwards_the_checklist_belongs_to_the_administrators(api: Api, factory: ContextFactory) -> None:
    with factory.open(master()) as ctx:
        ctx.add(CompanyProfile(legal_name="Usinage SARL"))
    assert api(Principal.anonymous()).get(URL).status_code == 401
    assert api(person("crm:read")).get(URL).status_code == 403
    assert api(person("settings:read")).get(URL).status_code == 200
    assert api(person("settings:read")).put(f"{URL}/files", json={}).status_code == 403
    assert api(person("settings:update")).put(f"{URL}/files", json={"status": "done"}).status_code == 200
