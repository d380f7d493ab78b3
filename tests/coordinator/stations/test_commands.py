"""Commands of a station: one declared schema makes the form, checks at the office and checks at the station."""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.modules.company.models import Site
from coordinator.modules.stations import commands, service
from coordinator.modules.stations.models import Station, StationCommand
from edge_agents.protocol.command_params import PARAMS, checked
from edge_agents.protocol.control import Command, CommandKind
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.commands import Commands
from edge_agents.runtime.journal import Journal

CELLS = {"source": "file", "file": "w.json", "channels": [{"channel": "0", "location": "P-01", "capacity_g": 500}]}  # fmt: skip
DRIVERS = {
    "cabinet": {"type": "cabinet_camera", "vision": "vision.yaml", "frames": "frames", "cells": CELLS},
    "tour": {"type": "machine_camera", "camera_code": "CAM-1"},
}


@pytest.fixture
def station(ctx: Context) -> Station:
    site = ctx.add(Site(code="SC", name="Site"))
    found = ctx.add(Station(code="arm-c", name="Armoire", kind="cabinet_camera", site_id=site.id))
    service.set_config(ctx, found, service.ConfigParams(config={"drivers": DRIVERS}))
    return found


def ask(ctx: Context, station: Station, kind: str, **params: Any) -> dict[str, Any]:
    commands.request(ctx, station, commands.CommandParams(kind=kind, params=params))
    row = ctx.session.scalars(select(StationCommand).order_by(StationCommand.id.desc()).limit(1)).one()
    assert row.kind == kind
    return row.params or {}


def refused(ctx: Context, station: Station, kind: str, **params: Any) -> dict[str, str]:
    with pytest.raises(BusinessError) as error:
        commands.request(ctx, station, commands.CommandParams(kind=kind, params=params))
    assert error.value.code == "station.command_refused"
    return {one.field: str(one.to_json("fr")["message"]) for one in error.value.errors}


@pytest.mark.requirement("EDG-31")
def test_every_command_has_a_form_with_words_units_and_limits(ctx: Context, station: Station) -> None:
    assert set(PARAMS) == set(CommandKind)
    found = {one["kind"]: one for one in commands.read(ctx, station)["commands"]}
    assert set(found) == {kind.value for kind in CommandKind} - {"decommission"}, "an act of its own"
    for one in found.values():
        assert one["help"] != f"command.{one['kind']}.help"
        assert all(node["label"] and not node["label"].startswith("driver.field") for node in one["form"])
    (seconds,) = found["identify"]["form"]
    assert (seconds["unit"], seconds["minimum"], seconds["maximum"], seconds["default"]) == ("s", 1, 600, 10)
    tare = {node["name"]: node for node in found["tare"]["form"]}
    assert [one["value"] for one in tare["location"]["choices"]] == ["P-01"]
    assert tare["location"]["required"]
    image = {node["name"]: node for node in found["capture_test_image"]["form"]}
    assert [one["value"] for one in image["camera_code"]["choices"]] == ["CAM-1"]
    assert [one["value"] for one in image["driver"]["choices"]] == ["cabinet", "tour"]


@pytest.mark.requirement("EDG-31")
def test_parameters_are_refused_at_their_field_before_anything_is_sent(
    ctx: Context, station: Station
) -> None:
    assert list(refused(ctx, station, "identify", seconds=900)) == ["params.seconds"]
    assert "P-01" in refused(ctx, station, "tare", location="P-99")["params.location"]
    assert list(refused(ctx, station, "tare")) == ["params.location"]
    assert list(refused(ctx, station, "reboot", now=True)) == ["params.now"]
    crossed = refused(ctx, station, "capture_test_image", watch_s=10)
    assert list(crossed) == ["params"]
    assert "Caméra de machine" in crossed["params"], "told in the words of the form"
    assert ctx.session.scalars(select(StationCommand)).all() == []
    assert ask(ctx, station, "tare", location="P-01", driver="cabinet") == {
        "location": "P-01",
        "driver": "cabinet",
    }
    assert ask(ctx, station, "identify") == {}
    assert ask(ctx, station, "capture_test_image", camera_code=None) == {}


def test_a_station_is_asked_only_what_its_drivers_can_do(ctx: Context, station: Station) -> None:
    service.set_config(ctx, station, service.ConfigParams(config={"drivers": {"scan": {"type": "scanner"}}}))
    kinds = {one["kind"] for one in commands.read(ctx, station)["commands"]}
    assert {"tare", "run_count", "capture_test_image"} & kinds == set()
    assert {"clear_session", "reboot", "identify"} <= kinds


async def test_the_station_checks_the_same_schema_again(tmp_path: Path) -> None:
    clock = Clock("yes")
    journal = Journal(tmp_path / "journal", "st-01", clock)
    done: list[dict[str, Any]] = []

    async def act(params: dict[str, Any]) -> str:
        done.append(params)
        return "Fait."

    unit = Commands(journal, clock, {CommandKind.TARE: act})
    told: list[str] = []
    for kind, params in (
        ("tare", {"location": "P-01"}),
        ("tare", {}),
        ("tare", {"location": "P-01", "speed": 3}),
        ("reboot", {}),
        ("start_machine", {}),
    ):
        command = Command(command_id=uuid.uuid4(), kind=kind, params=params, expires_at=clock.now() + dt.timedelta(minutes=1))  # fmt: skip
        result = await unit.execute(command)
        assert result is not None
        told.append(f"{result.result} {result.detail}")
    assert done == [{"location": "P-01"}]
    assert told[0] == "done Fait."
    assert told[1].startswith("failed Paramètres refusés : location")
    assert "speed" in told[2]
    assert told[3] == "failed Commande inconnue de cette station : 'reboot'."
    assert told[4] == "failed Commande inconnue de cette station : 'start_machine'."
    journal.close()
    with pytest.raises(ValueError, match="seconds"):
        checked("identify", {"seconds": 0})
