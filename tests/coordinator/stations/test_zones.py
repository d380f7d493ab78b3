"""Zones drawn at the office: kept with the places or in the camera's configuration, refused where they would harm."""

from __future__ import annotations

import datetime as dt
import io
import uuid
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Forbidden
from coordinator.modules.company.models import Site
from coordinator.modules.identity.models import UserAccount
from coordinator.modules.machines.camera_models import Camera, Device
from coordinator.modules.stations import service, vision_places, vision_retention, zones
from coordinator.modules.stations.models import Station, StationConfig, StationFile, VisionCount
from coordinator.modules.stock.models import StorageLocation
from edge_agents.runtime.config import parse
from tests.factories import make

SQUARE = [(10, 10), (60, 10), (60, 50), (10, 50)]
HALF = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]


def _station(ctx: Context, code: str, drivers: dict[str, Any]) -> Station:
    site = ctx.session.scalars(select(Site).where(Site.code == "ZN")).first() or ctx.add(
        Site(code="ZN", name="Site")
    )
    found = ctx.add(Station(code=code, name=f"Armoire {code}", kind="cabinet_camera", site_id=site.id))
    service.set_config(ctx, found, service.ConfigParams(config={"drivers": drivers}))
    return found


def _place(ctx: Context, code: str, **values: Any) -> StorageLocation:
    return ctx.add(StorageLocation(code=code, name=code, kind="compartment", **values))


def _newest(ctx: Context, station: Station) -> Any:
    query = select(StationConfig.config).where(StationConfig.station_id == station.id)
    found = ctx.session.scalar(query.order_by(StationConfig.version_no.desc()).limit(1))
    assert found is not None
    return found


def _draw(ctx: Context, station: Station, *drawn: tuple[StorageLocation, Any]) -> None:
    params = {"zones": [{"place_id": place.id, "polygon": polygon} for place, polygon in drawn]}
    zones.draw_places(ctx, station, zones.PlaceZones.model_validate(params))


@pytest.mark.requirement("VIS-02")
def test_drawn_compartments_are_what_the_station_is_told(ctx: Context) -> None:
    station = _station(ctx, "zn-1", {"cabinet": {"type": "cabinet_camera", "vision": "v.yaml"}})
    first, second = _place(ctx, "Z-1", counting_method="boxes"), _place(ctx, "Z-2", counting_method="boxes")
    _draw(ctx, station, (first, SQUARE), (second, SQUARE[:3]))
    vision_places.send_places(ctx, station, vision_places.PlacesParams())
    sent = parse(_newest(ctx, station)).driver_configs()["cabinet"].compartments  # type: ignore[attr-defined]
    assert [(c.id, c.polygon) for c in sent] == [("Z-1", tuple(SQUARE)), ("Z-2", tuple(SQUARE[:3]))]

    _draw(ctx, station, (second, SQUARE))
    assert (first.camera, first.polygon, second.camera) == (None, None, "zn-1")
    shown = zones.of_station(ctx, station)
    assert ([p["code"] for p in shown["places"]], [p["code"] for p in shown["free"]]) == (["Z-2"], ["Z-1"])


@pytest.mark.requirement("VIS-02")
def test_the_newest_picture_of_the_station_itself_is_shown(ctx: Context) -> None:
    station, other = _station(ctx, "zn-2", {}), _station(ctx, "zn-3", {})
    digests = {}
    for number, (owner, hours) in enumerate([(station, 5), (station, 2), (other, 1)]):
        stored = ctx.files.put(io.BytesIO(bytes([255, 216, 255, number])), "image/jpeg").sha256
        digests[number] = stored
        ctx.session.add(
            StationFile(
                station_id=owner.id, sha256=stored, size=4, media_type="image/jpeg", received_at=ctx.now
            )
        )
        at = ctx.now - dt.timedelta(hours=hours)
        ctx.add(
            VisionCount(
                uid=uuid.uuid4(),
                station_id=owner.id,
                trigger="daily",
                counted_at=at,
                places=[],
                differences=0,
                image=stored,
            )
        )
    away = {"trigger": "daily", "places": [], "differences": 0, "image": "ab" * 32, "counted_at": ctx.now}
    ctx.add(VisionCount(uid=uuid.uuid4(), station_id=station.id, **away))
    assert zones.of_station(ctx, station)["picture"]["sha256"] == digests[1], (
        "not another station's, not one that never came"
    )
    assert zones.of_station(ctx, _station(ctx, "zn-4", {}))["picture"] is None


@pytest.mark.requirement("VIS-02", "VIS-28")
def test_compartments_are_drawn_on_the_view_without_anybody_and_it_stays(ctx: Context) -> None:
    station = _station(ctx, "zn-9", {})
    digests = []
    for number, (trigger, days) in enumerate((("reference", 90), ("reference", 60), ("daily", 0))):
        stored = ctx.files.put(io.BytesIO(bytes([255, 216, 255, 90 + number])), "image/jpeg").sha256
        at = ctx.now - dt.timedelta(days=days)
        ctx.session.add(
            StationFile(station_id=station.id, sha256=stored, size=4, media_type="image/jpeg", received_at=at)
        )
        told = {"trigger": trigger, "places": [], "differences": 0, "image": stored, "counted_at": at}
        ctx.add(VisionCount(uid=uuid.uuid4(), station_id=station.id, **told))
        digests.append(stored)
    vision_retention.clean_pictures(ctx)
    picture = zones.of_station(ctx, station)["picture"]
    assert (picture["sha256"], picture["is_reference"]) == (digests[1], True), (
        "not a newer one in a frame unknown"
    )
    assert ctx.files.path(digests[1]).exists(), "it is drawn on for as long as it is the view"
    assert not ctx.files.path(digests[0]).exists(), "an earlier one goes"


def test_a_place_has_one_camera_and_one_zone(ctx: Context) -> None:
    station, other = _station(ctx, "zn-5", {}), _station(ctx, "zn-6", {})
    place = _place(ctx, "Z-5")
    _draw(ctx, other, (place, SQUARE))
    with pytest.raises(BusinessError) as taken:
        _draw(ctx, station, (place, SQUARE))
    assert taken.value.code == "zones.place_taken"
    with pytest.raises(BusinessError) as twice:
        _draw(ctx, other, (place, SQUARE), (place, SQUARE))
    assert twice.value.code == "zones.place_twice"
    cabinets = {n: {"type": "cabinet_camera", "vision": "v.yaml"} for n in ("left", "right")}
    with pytest.raises(BusinessError) as several:
        zones.of_station(ctx, _station(ctx, "zn-7", cabinets))
    assert several.value.code == "zones.several_cameras"


def test_who_may_not_change_the_stock_draws_no_compartment(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = _station(ctx, "zn-8", {})

    def refuse(permission: object) -> None:
        raise Forbidden(module="stock", right="update")

    monkeypatch.setattr(type(ctx), "require", lambda _self, permission: refuse(permission))
    with pytest.raises(Forbidden):
        _draw(ctx, station)


def _camera(ctx: Context, code: str, **driver: Any) -> tuple[Camera, Station]:
    values = {"type": "machine_camera", "camera_code": code, "source": "rtsp://h/1", **driver}
    station = _station(ctx, f"st-{code.lower()}", {"camera": values})
    device = ctx.add(Device(code=code, name=code, station_code=station.code))
    return ctx.add(Camera(device_id=device.id, location_label=code)), station


def _masks(ctx: Context, camera: Camera, masks: list[Any], zone: Any = None) -> None:
    zones.draw_camera(ctx, camera, zones.CameraZones.model_validate({"masks": masks, "zone": zone}))


@pytest.mark.requirement("MCH-34", "MCH-35")
def test_masks_and_the_watched_zone_of_a_machine_camera(ctx: Context) -> None:
    watched = {"kind": "movement_in_zone", "approved_by": "Ana Durand", "approved_on": "2026-01-05",
               "zone": [[0, 0], [1, 0], [1, 1]], "share": 0.2}  # fmt: skip
    camera, station = _camera(ctx, "ZC-1", analyses=[watched])
    user = make(ctx, UserAccount, first_name="Luc", last_name="Petit")
    ctx.principal = ctx.principal.__class__(**{**vars(ctx.principal), "user_id": user.id})
    _masks(ctx, camera, [HALF], [(0.1, 0.1), (0.9, 0.1), (0.5, 0.8)])
    driver = _newest(ctx, station)["drivers"]["camera"]
    parse(_newest(ctx, station))
    assert driver["masks"] == [[list(p) for p in HALF]]
    (analysis,) = driver["analyses"]
    assert (analysis["zone"][2], analysis["share"]) == ([0.5, 0.8], 0.2)
    assert (analysis["approved_by"], analysis["approved_on"]) == ("Luc Petit", ctx.now.date().isoformat())
    assert zones.of_camera(ctx, camera)["masks"] == driver["masks"]
    with pytest.raises(BusinessError) as needed:
        _masks(ctx, camera, [HALF], None)
    assert needed.value.code == "zones.zone_needed"


@pytest.mark.requirement("MCH-35")
def test_a_camera_beside_a_machine_keeps_a_mask(ctx: Context) -> None:
    declared = {
        "employees_informed_on": "2026-01-01",
        "no_cse_because": "moins de 11 salariés",
        "sign_posted_on": "2026-01-02",
        "responsible": "A. Durand",
    }
    camera, station = _camera(
        ctx,
        "ZC-2",
        active=True,
        purpose="machine_side",
        declaration=declared,
        masks=[[list(p) for p in HALF]],
    )
    before = _newest(ctx, station)
    with pytest.raises(BusinessError) as refused:
        _masks(ctx, camera, [])
    assert "aucun poste n'est filmé" in str(refused.value.to_problem("fr")["errors"])
    with pytest.raises(BusinessError) as unapproved:
        _masks(ctx, camera, [HALF], HALF)
    assert unapproved.value.code == "zones.no_analysis"
    assert _newest(ctx, station) == before
