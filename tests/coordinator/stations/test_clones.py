"""Two units with one identity (EDG-54) and the checklist of an installation (EDG-45)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.models import Task
from coordinator.modules.company.models import Site
from coordinator.modules.stations import clones, downlink, history, installation, supervision
from coordinator.modules.stations.models import Station, StationCheckPoint, StationConfig
from coordinator.modules.stations.service import ConfigParams, set_config
from edge_agents.protocol.control import Health, Versions
from tests.factories import make

OLD, NEW = uuid.uuid4(), uuid.uuid4()


def report(run: uuid.UUID | None, serial: str | None = None) -> Health:
    return Health(
        uptime_s=60, load=0.5, memory_mb=90, disk_free_mb=20_000, queue_depth=0, oldest_message_age_s=0, drivers={},
        versions=Versions(software="1.2.0"), run_id=run, hardware_serial=serial, addresses=["10.0.3.7"],
    )  # fmt: skip


def station(ctx: Context, **values: Any) -> Station:
    site = make(ctx, Site, code="S1")
    return ctx.add(Station(code="st-a", name="Armoire", kind="cabinet_camera", site_id=site.id, **values))


def say(ctx: Context, *reports: Health) -> Station:
    for one in reports:
        downlink.record_health(ctx, "st-a", one)
    ctx.session.expire_all()
    return ctx.session.scalars(select(Station).where(Station.code == "st-a")).one()


@pytest.mark.requirement("EDG-54")
def test_an_earlier_start_that_reports_again_betrays_a_second_unit(ctx: Context) -> None:
    station(ctx)
    assert not say(ctx, report(OLD), report(OLD), report(NEW), report(NEW)).is_quarantined
    held = say(ctx, report(OLD))
    assert held.is_quarantined
    assert [
        t.object_id for t in ctx.session.scalars(select(Task).where(Task.kind == "station_quarantine"))
    ] == [held.id]
    page = supervision.supervision(ctx)
    assert [(a["code"], a["stations"]) for a in page["alerts"]] == [("quarantine", ["st-a"])]
    set_config(ctx, held, ConfigParams(config={"drivers": {}}))
    ctx.session.flush()
    assert downlink.pending_configs(ctx) == []
    clones.lift(ctx, held)
    ctx.session.flush()
    assert [c.version_no for *_, c in downlink.pending_configs(ctx)] == [1]
    assert ctx.session.scalars(select(StationConfig)).one().published_at is None
    assert not say(ctx, report(NEW)).is_quarantined
    assert say(ctx, report(OLD), report(NEW)).is_quarantined


@pytest.mark.requirement("EDG-54")
@pytest.mark.parametrize(
    ("admitted", "told", "is_held"),
    [("10000000abcd", "10000000abcd", False), ("10000000abcd", "10000000ffff", True), ("inconnu", "x1", False),
     ("10000000abcd", None, False)],
)  # fmt: skip
def test_other_hardware_than_admitted_is_held_back(
    ctx: Context, admitted: str, told: str | None, is_held: bool
) -> None:
    station(ctx, hardware_serial=admitted)
    assert say(ctx, report(OLD, told)).is_quarantined is is_held


def test_starts_long_past_are_forgotten(ctx: Context) -> None:
    station(ctx)
    say(ctx, report(OLD))
    ctx.now += dt.timedelta(days=91)
    history.clean(ctx)
    assert not say(ctx, report(NEW)).is_quarantined


@pytest.mark.requirement("EDG-02")
def test_the_record_tells_what_the_station_is_and_where_it_is_reached(ctx: Context) -> None:
    station(ctx)
    known = say(ctx, report(NEW))
    assert (known.address, known.software_version, known.status) == ("10.0.3.7", "1.2.0", "online")
    assert known.last_contact_at == ctx.now
    columns = set(Station.__table__.columns.keys())
    assert {"name", "kind", "roles", "site_id", "place", "machine_id", "storage_location_id", "hardware_model",
            "hardware_serial", "config_version", "certificate_expires_at", "installed_on"} <= columns  # fmt: skip


@pytest.mark.requirement("EDG-45")
def test_points_of_the_installation_stay_open_until_seen_on_the_spot(ctx: Context) -> None:
    one = station(ctx, roles=["machine_agent"])
    installation.prepare(ctx, one)
    ctx.session.flush()
    points = {p.point: p for p in ctx.session.scalars(select(StationCheckPoint))}
    assert {"closed_case", "isolated_outputs_24v", "read_only_session"} <= set(points)
    assert "camera_fixed" not in points
    installation.check(ctx, points["closed_case"], installation.CheckParams(comment="IP54"))
    ctx.session.flush()
    shown = supervision.supervision(ctx)["stations"][0]["open_points"]
    assert "closed_case" not in shown
    assert len(shown) == len(points) - 1
    installation.prepare(ctx, one)
    ctx.session.flush()
    assert supervision.supervision(ctx)["stations"][0]["open_points"] == shown
    installation.prepare(ctx, one, is_new_hardware=True)
    ctx.session.flush()
    assert len(supervision.supervision(ctx)["stations"][0]["open_points"]) == len(points)
