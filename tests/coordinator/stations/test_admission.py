"""Admission of a station: its own key, a code a person approves, a certificate (EDG-08…11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coordinator.kernel.context import ContextFactory, Principal
from coordinator.kernel.pki import Pki, new_csr, new_key
from coordinator.modules.company.models import Site
from coordinator.modules.stations.models import StationClaim
from tests.conftest import master, person
from tests.factories import make

Api = Callable[..., Any]


def claim(client: Any) -> dict[str, Any]:
    csr = new_csr(new_key(), "whatever").decode()
    answer = client.post(
        "/api/v1/stations/claims", json={"csr_pem": csr, "hardware_model": "Pi 5", "hardware_serial": "0001"}
    )
    assert answer.status_code == 201, answer.text
    opened: dict[str, Any] = answer.json()
    return opened


@pytest.fixture
def site(factory: ContextFactory) -> Site:
    with factory.open(master()) as ctx:
        found: Site = make(ctx, Site, code="S1")
        return found


@pytest.mark.requirement("EDG-08")
def test_a_station_gets_its_certificate_only_after_a_person_approved_its_code(
    api: Api, factory: ContextFactory, site: Site
) -> None:
    unit = api(Principal.anonymous())
    opened = claim(unit)
    poll = {"X-Claim-Secret": opened["claim_secret"]}
    url = f"/api/v1/stations/claims/{opened['claim_id']}"
    assert unit.get(url, headers=poll).json()["status"] == "pending"
    assert unit.get(url, headers={"X-Claim-Secret": "guess"}).status_code == 404
    admin = api(master())
    approve = f"/api/v1/station-claims/{opened['claim_id']}/approve"
    answers = {"name": "Scan 1", "kind": "scan_station", "roles": ["scan_station"], "site_code": "S1"}
    wrong = admin.post(approve, json={**answers, "claim_code": "AAAAAAAA"})
    assert wrong.status_code == 400
    assert wrong.json()["code"] == "station.wrong_claim_code"
    done = admin.post(approve, json={**answers, "claim_code": opened["claim_code"].lower()})
    assert done.status_code == 200, done.text
    granted = unit.get(url, headers=poll).json()
    assert granted["status"] == "approved"
    assert granted["site"] == "S1"
    assert Pki(factory.config.pki_dir).check(granted["certificate_pem"]) == granted["station_id"]
    again = admin.post(approve, json={**answers, "claim_code": opened["claim_code"]})
    assert again.status_code == 409


@pytest.mark.requirement("EDG-09", "EDG-10")
def test_replacing_the_hardware_revokes_the_former_certificate(
    api: Api, factory: ContextFactory, site: Site
) -> None:
    client = api(master())
    certificates = []
    for _ in range(2):
        opened = claim(client)
        answers = {"claim_code": opened["claim_code"], "name": "Scan", "kind": "scan_station", "site_code": "S1",
                   "station_code": "st-scan-1"}  # fmt: skip
        assert (
            client.post(f"/api/v1/station-claims/{opened['claim_id']}/approve", json=answers).status_code
            == 200
        )
        url = f"/api/v1/stations/claims/{opened['claim_id']}"
        certificates.append(
            client.get(url, headers={"X-Claim-Secret": opened["claim_secret"]}).json()["certificate_pem"]
        )
    authority = Pki(factory.config.pki_dir)
    assert authority.check(certificates[1]) == "st-scan-1"
    assert len(authority.revoked()) == 1


def test_hostile_requests_are_turned_away(api: Api) -> None:
    client = api(Principal.anonymous())
    body = {
        "csr_pem": "-----BEGIN CERTIFICATE REQUEST-----\nnope",
        "hardware_model": "x",
        "hardware_serial": "y",
    }
    assert client.post("/api/v1/stations/claims", json=body).status_code == 400
    assert client.get("/api/v1/station-claims").status_code == 401
    assert api(person("stock:read")).get("/api/v1/station-claims").status_code == 403


def test_an_old_request_expires(api: Api, factory: ContextFactory, site: Site) -> None:
    client = api(master())
    opened = claim(client)
    with factory.open(master()) as ctx:
        row = ctx.get(StationClaim, int(opened["claim_id"]))
        row.expires_at = row.created_at
    url = f"/api/v1/stations/claims/{opened['claim_id']}"
    assert client.get(url, headers={"X-Claim-Secret": opened["claim_secret"]}).json()["status"] == "expired"
    answers = {"claim_code": opened["claim_code"], "name": "Scan", "kind": "scan_station", "site_code": "S1"}
    assert (
        client.post(f"/api/v1/station-claims/{opened['claim_id']}/approve", json=answers).status_code == 409
    )


@pytest.mark.requirement("EDG-28", "EDG-31")
def test_configurations_are_signed_and_commands_limited(
    api: Api, factory: ContextFactory, site: Site
) -> None:
    from coordinator.modules.stations import api as stations
    from edge_agents.protocol.control import DesiredConfig

    client = api(master())
    opened = claim(client)
    answers = {"claim_code": opened["claim_code"], "name": "Scan", "kind": "scan_station", "site_code": "S1"}
    done = client.post(f"/api/v1/station-claims/{opened['claim_id']}/approve", json=answers).json()
    station = f"/api/v1/stations/{done['result']['station_id']}"
    assert (
        client.post(f"{station}/set-config", json={"config": {"scanner": {"mode": "keyboard"}}}).status_code
        == 200
    )
    assert client.post(f"{station}/set-config", json={"config": {"wifi_password": "x"}}).status_code == 400
    with factory.open(master()) as ctx:
        ((_, _, row_id, document),) = stations.pending_configs(ctx)
        assert isinstance(document, DesiredConfig)
        document.verify(Pki(factory.config.pki_dir).public_key)
        stations.mark_config_published(ctx, row_id)
        assert stations.pending_configs(ctx) == []
    assert client.post(f"{station}/command", json={"kind": "identify"}).status_code == 200
    assert client.post(f"{station}/command", json={"kind": "start_machine"}).status_code == 400
