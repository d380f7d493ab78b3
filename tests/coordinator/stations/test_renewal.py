"""Certificates end and are renewed; a lost unit loses all of them (EDG-09)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from sqlalchemy import select

from coordinator.kernel.context import ContextFactory
from coordinator.kernel.models import AuditLog, Task
from coordinator.kernel.pki import Pki, new_csr, new_key
from coordinator.modules.stations import identity
from coordinator.modules.stations.models import Station, StationCertificate
from tests.conftest import master
from tests.coordinator.stations.test_uploads import Unit, admitted

Api = Callable[..., Any]
URL = "/api/v1/stations/renewals"


def shorten(factory: ContextFactory, unit: Unit, days_ago: int) -> str:
    """Give the station a certificate signed ``days_ago``."""
    with factory.open(master()) as ctx:
        past = ctx.now - dt.timedelta(days=days_ago)
        old = Pki(factory.config.pki_dir, clock=lambda: past)
        pem = old.sign_station(new_csr(unit.key, unit.code), unit.code)
        station = ctx.session.scalars(select(Station).where(Station.code == unit.code)).one()
        station.certificate_pem = pem
        station.certificate_expires_at = x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
        row = ctx.session.scalars(select(StationCertificate)).one()
        row.pem, row.expires_at = pem, station.certificate_expires_at
        return pem


def ask(unit: Unit, key: Any = None) -> Any:
    csr = new_csr(key or unit.key, unit.code).decode()
    return unit.client.post(URL, json={"csr_pem": csr}, headers=unit.headers())


@pytest.mark.requirement("EDG-09")
def test_a_certificate_near_its_end_is_renewed_once_and_all_die_with_the_station(
    api: Api, factory: ContextFactory
) -> None:
    unit = admitted(api, factory, "st-scan-1")
    old = shorten(factory, unit, days_ago=320)
    first = ask(unit)
    assert first.status_code == 200, first.text
    new = first.json()["certificate_pem"]
    authority = Pki(factory.config.pki_dir)
    assert new != old
    assert authority.check(new) == unit.code
    assert ask(unit).json()["certificate_pem"] == new, "a lost answer may be asked for again"
    with factory.open(master()) as ctx:
        reasons = [
            c.reason for c in ctx.session.scalars(select(StationCertificate).order_by(StationCertificate.id))
        ]
        assert reasons == ["admission", "renewal"]
        query = (
            select(AuditLog).where(AuditLog.object_type == "station_certificate").order_by(AuditLog.id.desc())
        )
        assert ctx.session.scalars(query.limit(1)).one().actor == unit.code
    assert api(master()).post(f"/api/v1/stations/{unit.station_id}/revoke", json={}).status_code == 200
    revoked = authority.revoked()
    assert {x509.load_pem_x509_certificate(p.encode()).serial_number for p in (old, new)} <= set(revoked)
    refused = ask(unit)
    assert (refused.status_code, refused.json()["code"]) == (403, "station.revoked")


@pytest.mark.requirement("EDG-09")
def test_an_expired_certificate_or_another_key_is_not_renewed(api: Api, factory: ContextFactory) -> None:
    unit = admitted(api, factory, "st-scan-1")
    other = ask(unit, new_key())
    assert (other.status_code, other.json()["code"]) == (403, "station.other_key")
    shorten(factory, unit, days_ago=400)
    late = ask(unit)
    assert (late.status_code, late.json()["code"]) == (403, "station.certificate_expired")
    assert api(master()).post(URL, json={"csr_pem": "x"}).status_code == 403


@pytest.mark.requirement("EDG-09")
def test_the_recurring_job_publishes_the_list_and_names_late_stations(
    api: Api, factory: ContextFactory
) -> None:
    unit = admitted(api, factory, "st-scan-1")
    before = Pki(factory.config.pki_dir).crl_file.read_bytes()
    shorten(factory, unit, days_ago=345)
    for _ in range(2):
        with factory.open(master()) as ctx:
            identity.care(ctx)
    with factory.open(master()) as ctx:
        tasks = ctx.session.scalars(select(Task).where(Task.kind == "station.certificate")).all()
        assert len(tasks) == 1
    assert Pki(factory.config.pki_dir).crl_file.read_bytes() != before
