"""A station renews its certificate by itself and goes on with the new one, in real processes (EDG-09, EDG-18)."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from cryptography import x509
from sqlalchemy import select

from coordinator.gateway.app import create_app
from coordinator.gateway.ingest import Ingest
from coordinator.kernel.context import ContextFactory
from coordinator.kernel.pki import Pki
from coordinator.modules.company.models import CompanyProfile, Site
from coordinator.modules.stations.models import DeviceEvent, Station, StationCertificate, StationFile
from coordinator.processes import broker_tls
from edge_agents.drivers.simulators.broker import free_port
from edge_agents.drivers.simulators.process import AgentProcess, station_values
from edge_agents.protocol.control import BrokerAddress, ClaimStatus
from edge_agents.runtime.identity import IdentityStore
from infra.embedded.broker import BrokerSettings
from infra.embedded.mosquitto import MosquittoProcess, find_binary
from tests.conftest import master
from tests.coordinator.stations.rig import say, until
from tests.factories import make

CODE = "st-renew-1"


@contextlib.contextmanager
def serving(factory: ContextFactory) -> Iterator[str]:
    """The real API on a free port."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(create_app(factory), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def broker(fresh_factory: ContextFactory, tmp_path: Path) -> Iterator[MosquittoProcess]:
    """Mosquitto with mutual TLS and the revocation list, as on the NAS."""
    if find_binary() is None:
        pytest.skip("Mosquitto is not installed")
    pki = Pki.open_or_create(fresh_factory.config.pki_dir)
    paths = pki.server_certificate("broker", ["127.0.0.1", "localhost"])
    settings = BrokerSettings(
        tls_port=free_port(), ca_file=str(paths.ca), cert_file=str(paths.certificate), key_file=str(paths.key),
        crl_file=str(pki.crl_file),
    )  # fmt: skip
    process = MosquittoProcess(settings, tmp_path / "broker")
    process.start()
    yield process
    process.stop()


def _sessions(log: Path) -> list[int]:
    """When the station opened its sessions, as the broker noted."""
    return [int(line.split(":")[0]) for line in log.read_text().splitlines() if f" as {CODE} " in line]


@pytest.mark.requirement("EDG-09", "EDG-18")
@pytest.mark.timeout(300)
def test_a_station_renews_connects_again_and_sends_its_pictures(
    fresh_factory: ContextFactory, broker: MosquittoProcess, tmp_path: Path
) -> None:
    port = broker.tls_port
    fresh_factory.config = fresh_factory.config.model_copy(update={"mqtt_port": port})
    store = IdentityStore(tmp_path / CODE / "identity")
    with fresh_factory.open(master()) as ctx:
        make(ctx, CompanyProfile)
        site = make(ctx, Site, code="S1")
        past = ctx.now - dt.timedelta(days=320)
        signed = Pki(ctx.config.pki_dir, clock=lambda: past).sign_station(store.csr_pem(CODE), CODE)
        ctx.add(Station(code=CODE, name="Scan", kind="scan_station", site_id=site.id, certificate_pem=signed))
    picture = b"\xff\xd8\xff" + os.urandom(700_000)
    digest = hashlib.sha256(picture).hexdigest()
    images = tmp_path / CODE / "drivers" / "camera" / "images"
    images.mkdir(parents=True)
    (images / f"{digest}.jpg").write_bytes(picture)
    ingest = Ingest(fresh_factory, tls=broker_tls(fresh_factory.config))
    ingest.start()
    with serving(fresh_factory) as url:
        store.store_enrolment(
            ClaimStatus(
                status="approved", station_id=CODE, site="S1", certificate_pem=signed, api_url=url,
                ca_pem=Pki(fresh_factory.config.pki_dir).ca_pem, broker=BrokerAddress(host="127.0.0.1", port=port),
            )
        )  # fmt: skip
        scanner = {"scan": {"type": "scanner", "require_badge": False, "duplicate_s": 0}}
        values = station_values(port, scanner, station_id=CODE)
        unknown = {k: v for k, v in values.items() if k not in {"station_id", "site", "broker"}}
        agent = AgentProcess(tmp_path, values)
        agent.rewrite(unknown)
        # The station's clock is ten minutes wrong: its first token is refused, the answer tells it the time.
        agent.start(clock_offset_s=-600)
        try:
            soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=300)
            until(lambda: (store.expires_at() or soon) > soon, 120)
            log = tmp_path / "broker" / "mosquitto.log"
            renewed_at = int(store.cert_file.stat().st_mtime)
            until(lambda: _sessions(log) and _sessions(log)[-1] >= renewed_at, 60)
            assert say(agent, "scan", scan="après")["key"] == "code.unknown"
            with fresh_factory.sessions() as session:
                until(
                    lambda: session.scalar(
                        select(DeviceEvent.uid).where(DeviceEvent.event_type == "scan.read")
                    ),
                    60,
                )
                until(lambda: session.scalar(select(StationFile.id).where(StationFile.sha256 == digest)), 60)
        finally:
            agent.stop()
            ingest.stop()
    with fresh_factory.open(master()) as ctx:
        row = ctx.session.scalars(select(StationCertificate)).one()
        shown = x509.load_pem_x509_certificate(store.cert_file.read_bytes())
        assert (row.reason, row.serial) == ("renewal", f"{shown.serial_number:x}")
        assert ctx.files.read(digest) == picture
