"""A package reaches stations as they run: launcher and agent processes, real API, broker and database (EDG-32…37)."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from coordinator.kernel.context import ContextFactory
from coordinator.kernel.pki import Pki
from coordinator.kernel.registry import NoParams
from coordinator.modules.company.models import CompanyProfile, Site
from coordinator.modules.stations import packages, rollout, sticks, supervision
from coordinator.modules.stations.models import Station
from coordinator.modules.stations.update_cli import _files
from coordinator.modules.stations.update_models import UpdateInstallation, UpdatePackage, UpdateRollout
from edge_agents.drivers.simulators.process import AgentProcess, station_values
from edge_agents.protocol import package
from edge_agents.runtime.clock import OFFSET_VARIABLE
from edge_agents.runtime.identity import IdentityStore
from edge_agents.runtime.releases import software_store
from tests.conftest import master
from tests.coordinator.stations.rig import Rig, running, say, until
from tests.coordinator.stations.test_renewal_live import serving
from tests.factories import make

KEY = Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()


class Launched(AgentProcess):
    """A station under its launcher."""

    def start(self, *, clock_offset_s: float = 0.0) -> None:
        environment = os.environ | {OFFSET_VARIABLE: str(clock_offset_s)}
        command = [sys.executable, "-m", "edge_agents.cli", "launch", str(self._file)]
        self._process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

    def release(self) -> str | None:
        """Version the link names; None for the installed program."""
        return software_store(self.data_dir).running()


def station(rig: Rig, url: str, code: str) -> Launched:
    """A registered station with its own key and certificate."""
    pki = Pki.open_or_create(rig.factory.config.pki_dir)
    store = IdentityStore(rig.folder / f"{code}-identity")
    signed = pki.sign_station(store.csr_pem(code), code)
    with rig.factory.open(master()) as ctx:
        site = ctx.session.scalars(select(Site).where(Site.code == "bench")).one_or_none()
        site = site or make(ctx, Site, code="bench")
        ctx.add(Station(code=code, name=code, kind="scan_station", site_id=site.id, certificate_pem=signed))
    drivers = {"scan": {"type": "scanner", "require_badge": False, "duplicate_s": 0}}
    values = station_values(rig.broker.port, drivers, station_id=code)
    values["broker"]["key_file"] = str(store.key_file)
    values["config"]["health_interval_s"] = 1.0
    return Launched(rig.folder, values | {"api_url": url, "config_public_key": pki.public_key})


@pytest.fixture
def shop(fresh_factory: ContextFactory, tmp_path: Path) -> Iterator[tuple[Rig, str]]:
    """Coordinator as it runs; the publisher's key is accepted."""
    with fresh_factory.open(master()) as ctx:
        make(ctx, CompanyProfile)
        packages.trust(ctx, packages.PublisherParams(name="Éditeur", public_key=PUBLIC))
    with running(fresh_factory, tmp_path) as rig, serving(fresh_factory) as url:
        yield rig, url


def bring_in(
    rig: Rig, version: str, broken: bool = False, kind: package.PackageKind = "software", **values: Any
) -> int:
    """Build and import a package; the broken one cannot even start."""
    files = _files(None, "software") if kind == "software" else {}
    if broken:
        bad = rig.folder / "cli.py"
        bad.write_text("raise SystemExit('broken release')\n")
        files["edge_agents/cli.py"] = bad
    path = rig.folder / f"{kind}-{version}.update"
    built = dt.datetime.now(dt.UTC)
    name = values.pop("name", "agent")
    package.build(
        path,
        KEY.private_bytes_raw(),
        kind=kind,
        name=name,
        version=version,
        built_at=built,
        files=files,
        **values,
    )
    with rig.factory.open(master()) as ctx:
        return packages.import_package(ctx, path).id


def roll_out(rig: Rig, package_id: int, pilot: str, **values: Any) -> int:
    with rig.factory.open(master()) as ctx:
        first = ctx.session.scalars(select(Station.id).where(Station.code == pilot)).one()
        params = rollout.RolloutParams(pilot_station_id=first, observe_min=0, **values)
        return int(rollout.start(ctx, ctx.get(UpdatePackage, package_id), params)["rollout_id"])


def state(rig: Rig, rollout_id: int) -> tuple[str, dict[str, tuple[str, str, str | None]]]:
    """State of a roll-out after its recurring step, and of each station's part."""
    with rig.factory.open(master()) as ctx:
        rollout.step_all(ctx)
        query = select(Station.code, UpdateInstallation).join(
            Station, Station.id == UpdateInstallation.station_id
        )
        query = query.where(UpdateInstallation.update_rollout_id == rollout_id).order_by(
            UpdateInstallation.id
        )
        parts = {c: (r.action, r.status, r.phase or r.detail) for c, r in ctx.session.execute(query)}
        return ctx.get(UpdateRollout, rollout_id).status, parts


@contextlib.contextmanager
def started(*stations: Launched) -> Iterator[None]:
    for one in stations:
        one.start()
    try:
        yield
    finally:
        for one in stations:
            one.stop()


@pytest.mark.requirement("EDG-32", "EDG-34", "EDG-35", "UPD-25", "UPD-26")
@pytest.mark.timeout(300)
def test_a_release_goes_to_the_pilot_then_to_an_absent_station_and_back(shop: tuple[Rig, str]) -> None:
    rig, url = shop
    pilot, absent = station(rig, url, "st-pilot"), station(rig, url, "st-absent")
    with started(pilot):
        until(lambda: say(pilot, "scan", scan="a")["key"] == "code.unknown")
        one = roll_out(rig, bring_in(rig, "7.0.1"), "st-pilot", health_s=60)
        until(lambda: state(rig, one)[1]["st-pilot"][1] == "installed", 90)
        until(lambda: state(rig, one)[0] == "rolling")
        assert pilot.release() == "7.0.1"
        assert say(pilot, "scan", scan="b")["key"] == "code.unknown"
        assert state(rig, one)[1]["st-absent"][:2] == ("install", "running")
        with started(absent):
            until(lambda: state(rig, one)[0] == "done", 90)
            assert absent.release() == "7.0.1"
            with rig.factory.open(master()) as ctx:
                until_version = {
                    s["code"]: s["software_version"] for s in supervision.supervision(ctx)["stations"]
                }
                assert until_version == {"st-pilot": "7.0.1", "st-absent": "7.0.1"}
                rollout.roll_back(ctx, ctx.get(UpdateRollout, one), NoParams())
            until(lambda: state(rig, one)[0] == "reverted", 90)
    assert pilot.release() is None
    assert absent.release() is None


@pytest.mark.requirement("EDG-35", "UPD-27")
@pytest.mark.timeout(300)
def test_a_release_that_cannot_start_is_taken_back_and_stopped_everywhere(shop: tuple[Rig, str]) -> None:
    rig, url = shop
    pilot, other = station(rig, url, "st-pilot"), station(rig, url, "st-other")
    with started(pilot, other):
        until(lambda: say(pilot, "scan", scan="a")["key"] == "code.unknown")
        one = roll_out(rig, bring_in(rig, "7.0.2", broken=True), "st-pilot", health_s=20)
        until(lambda: state(rig, one)[0] == "stopped", 120)
        action, status, detail = state(rig, one)[1]["st-pilot"]
        assert (action, status) == ("install", "rolled_back")
        assert "Retour à la version précédente" in str(detail)
        assert state(rig, one)[1]["st-other"][1] == "cancelled"
        assert say(pilot, "scan", scan="b")["key"] == "code.unknown"
    assert (pilot.release(), other.release()) == (None, None)


@pytest.mark.requirement("EDG-37", "UPD-29")
@pytest.mark.timeout(300)
def test_models_and_configurations_go_the_same_way(shop: tuple[Rig, str]) -> None:
    rig, url = shop
    pilot = station(rig, url, "st-pilot")
    with started(pilot):
        until(lambda: say(pilot, "scan", scan="a")["key"] == "code.unknown")
        one = roll_out(rig, bring_in(rig, "1.0.0", kind="model", name="tiroirs"), "st-pilot", health_s=30)
        until(lambda: state(rig, one)[0] == "done", 60)
        assert (pilot.data_dir / "models/tiroirs/current").resolve().name == "1.0.0"
        drivers = {"scan": {"type": "scanner", "require_badge": False, "duplicate_s": 3}}
        config = {"drivers": drivers, "health_interval_s": 2.0}
        two = roll_out(rig, bring_in(rig, "1.0.0", kind="config", name="scan", config=config), "st-pilot")
        until(lambda: state(rig, two)[0] == "done", 60)
        until(lambda: _config_version(rig) == 1)


def _config_version(rig: Rig) -> int | None:
    with rig.factory.open(master()) as ctx:
        return ctx.session.scalars(select(Station.config_version)).one()


@pytest.mark.requirement("EDG-36")
@pytest.mark.timeout(300)
def test_a_stick_brings_the_same_package_to_a_station_without_a_line(
    shop: tuple[Rig, str], tmp_path: Path
) -> None:
    rig, url = shop
    pilot = station(rig, url, "st-pilot")
    media = tmp_path / "media"
    pilot.rewrite(pilot.values | {"media_dir": str(media)})
    one = roll_out(rig, bring_in(rig, "7.1.0"), "st-pilot", health_s=60)
    rig.broker.stop()
    with started(pilot):
        until(lambda: say(pilot, "scan", scan="a")["key"] == "code.unknown")
        with rig.factory.open(master()) as ctx:
            assert sticks.write(ctx, media / "cle", {"st-other"}) == []
            written = sticks.write(ctx, tmp_path, set())
        assert written == [{"station": "st-pilot", "name": "agent", "version": "7.1.0"}]
        (package_file,) = (tmp_path / "usinage-update").glob("*.update")
        whole = package_file.read_bytes()
        package_file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        (media / "cle").mkdir(parents=True)
        (tmp_path / "usinage-update").rename(media / "cle" / "usinage-update")
        log = pilot.data_dir / "logs" / "agent.log"
        until(lambda: "incomplet ou modifi" in log.read_text(), 60)
        assert pilot.release() is None
        (media / "cle" / "usinage-update" / package_file.name).write_bytes(whole)
        until(lambda: pilot.release() == "7.1.0", 90)
        until(lambda: software_store(pilot.data_dir).trial() is None, 90)
        assert pilot.release() == "7.1.0"
        assert say(pilot, "scan", scan="b")["key"] == "code.unknown"
        rig.broker.start()
        until(lambda: state(rig, one)[1]["st-pilot"][1] == "installed", 90)
