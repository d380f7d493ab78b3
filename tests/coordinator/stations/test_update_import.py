"""Import of signed packages: who may, what is refused and why (UPD-05, UPD-09, UPD-13, UPD-43)."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.kernel.errors import BusinessError, Conflict, Forbidden, NotFound
from coordinator.kernel.registry import NoParams
from coordinator.modules.company.models import Site
from coordinator.modules.stations import packages, rollout
from coordinator.modules.stations.models import Station, StationConfig
from coordinator.modules.stations.update_models import UpdateInstallation, UpdateRollout
from edge_agents.protocol import ProtocolError, package
from tests.conftest import master, person
from tests.factories import make

KEY = Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
BUILT = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def built(
    folder: Path, version: str, *, text: str = "x", key: Ed25519PrivateKey = KEY, **values: Any
) -> Path:
    source = folder / "a.txt"
    source.write_text(text)
    target = folder / f"{version}-{text}.update"
    kind = values.pop("kind", "software")
    files = {} if kind == "config" else {"a.txt": source}
    package.build(
        target,
        key.private_bytes_raw(),
        kind=kind,
        name="agent",
        version=version,
        built_at=BUILT,
        files=files,
        **values,
    )
    return target


def trusted(ctx: Any) -> Any:
    packages.trust(ctx, packages.PublisherParams(name="Éditeur", public_key=PUBLIC))
    return ctx


@pytest.mark.requirement("EDG-33", "UPD-05", "UPD-43")
def test_only_a_right_package_of_a_known_publisher_comes_in(ctx: Any, tmp_path: Path) -> None:
    first = built(tmp_path, "1.2.0")
    with pytest.raises(BusinessError) as refusal:
        packages.import_package(ctx, first)
    assert refusal.value.code == "update.refused"
    trusted(ctx)
    row = packages.import_package(ctx, first)
    assert (row.version, row.status, ctx.files.read(row.sha256)) == ("1.2.0", "verified", first.read_bytes())
    assert packages.import_package(ctx, first).id == row.id
    with pytest.raises(Conflict):
        packages.import_package(ctx, built(tmp_path, "1.2.0", text="other"))
    with pytest.raises(BusinessError) as older:
        packages.import_package(ctx, built(tmp_path, "1.1.9"))
    assert older.value.code == "update.older"
    with pytest.raises(BusinessError):
        packages.import_package(ctx, built(tmp_path, "1.3.0", key=Ed25519PrivateKey.generate()))


@pytest.mark.requirement("UPD-05", "UPD-13")
def test_rights(open_as: Callable[..., Any], tmp_path: Path) -> None:
    path = built(tmp_path, "2.0.0")
    with open_as(master()) as ctx:
        trusted(ctx)
    with open_as(person("updates:*")) as ctx, pytest.raises(Forbidden):
        trusted(ctx)
    with open_as(person("platform:*", "updates:read")) as ctx, pytest.raises(Forbidden):
        packages.import_package(ctx, path)
    with open_as(person("updates:create")) as ctx:
        assert packages.import_package(ctx, path).version == "2.0.0"


def _stations(ctx: Any, *codes: str) -> list[Station]:
    site = make(ctx, Site, code="S1")
    return [
        ctx.add(Station(code=c, name=c, kind="scan_station", site_id=site.id, status="online")) for c in codes
    ]


@pytest.mark.requirement("UPD-29", "EDG-33")
def test_a_configuration_is_merged_over_each_station_paused_resumed_and_taken_back(
    ctx: Any, tmp_path: Path
) -> None:
    one, two = _stations(trusted(ctx), "st-a", "st-b")
    from coordinator.modules.stations import service

    service.set_config(
        ctx,
        two,
        service.ConfigParams(config={"health_interval_s": 60, "drivers": {"x": {"type": "scanner"}}}),
    )
    row = packages.import_package(
        ctx, built(tmp_path, "1.0.0", kind="config", config={"health_interval_s": 30})
    )
    started = rollout.start(ctx, row, rollout.RolloutParams(pilot_station_id=two.id, observe_min=0))
    going = ctx.get(UpdateRollout, started["rollout_id"])
    assert _latest(ctx, two) == {"health_interval_s": 30, "drivers": {"x": {"type": "scanner"}}}
    assert ctx.session.query(StationConfig).filter_by(station_id=one.id).count() == 0
    with pytest.raises(Conflict):
        rollout.start(ctx, row, rollout.RolloutParams(pilot_station_id=one.id))
    rollout.pause(ctx, going, NoParams())
    rollout.on_config_report(ctx, two.id, 2, "applied", None)
    rollout.step_all(ctx)
    assert going.status == "paused"
    rollout.resume(ctx, going, NoParams())
    assert going.status == "rolling"
    assert _latest(ctx, one) == {"health_interval_s": 30}
    rollout.roll_back(ctx, going, NoParams())
    assert _latest(ctx, two)["health_interval_s"] == 60
    rollout.on_config_report(ctx, two.id, 3, "applied", None)
    back = ctx.session.query(UpdateInstallation).filter_by(action="rollback", station_id=two.id).one()
    assert back.status == "installed"


def _latest(ctx: Any, station: Station) -> dict[str, Any]:
    rows = ctx.session.query(StationConfig).filter_by(station_id=station.id)
    return dict(rows.order_by(StationConfig.version_no.desc()).first().config)


@pytest.mark.parametrize(
    "values",
    [
        {"api_password": "x"},
        {"drivers": {"camera": {"type": "cabinet_camera", "Password": "x"}}},
        {"drivers": {"machine": {"nodes": [{"client_secret": "x"}]}}},
    ],
)
def test_a_secret_is_refused_at_any_depth_of_a_configuration(ctx: Any, values: dict[str, Any]) -> None:
    from coordinator.modules.stations import service

    (station,) = _stations(ctx, "st-a")
    with pytest.raises(BusinessError) as refusal:
        service.set_config(ctx, station, service.ConfigParams(config=values))
    assert refusal.value.code == "station.secret_in_config"
    assert ctx.session.query(StationConfig).count() == 0


@pytest.mark.requirement("EDG-11", "EDG-32")
def test_a_station_reads_only_what_is_offered_to_it(ctx: Any, tmp_path: Path) -> None:
    one, two = _stations(trusted(ctx), "st-a", "st-b")
    row = packages.import_package(ctx, built(tmp_path, "1.0.0"))
    rollout.start(ctx, row, rollout.RolloutParams(pilot_station_id=one.id, observe_min=60))
    assert packages.readable(ctx, one, row.sha256).read_bytes()
    with pytest.raises(NotFound):
        packages.readable(ctx, two, row.sha256)
    (offer,) = [document for _, code, _, document in rollout.pending_updates(ctx) if code == "st-a"]
    from coordinator.modules.stations import identity

    offer.verify(identity.pki(ctx).public_key)
    with pytest.raises(ProtocolError):
        offer.model_copy(update={"version": "9.9.9"}).verify(identity.pki(ctx).public_key)
