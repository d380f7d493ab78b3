"""Zones drawn on a picture: compartments of a cabinet's camera (VIS-02), masks and watched zone of a machine camera (MCH-34, MCH-35)."""

from __future__ import annotations

import copy
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, union_all

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.registry import Permission
from coordinator.modules.identity.models import UserAccount
from coordinator.modules.machines.camera_models import Camera, Device
from coordinator.modules.stations import driver_settings
from coordinator.modules.stations.camera_analyses import driver_of
from coordinator.modules.stations.local_settings import latest_config
from coordinator.modules.stations.models import CabinetSession, Station, StationFile, VisionCount
from coordinator.modules.stations.service import ConfigParams, set_config
from coordinator.modules.stock.models import StorageLocation

_MAX_PX = 20_000
_STOCK = Permission("stock", "update")
Pixel = Annotated[float, Field(ge=0, le=_MAX_PX)]
Share = Annotated[float, Field(ge=0, le=1)]
Corners = Annotated[list[tuple[Pixel, Pixel]], Field(min_length=3, max_length=40)]
Outline = Annotated[list[tuple[Share, Share]], Field(min_length=3, max_length=40)]
_JSON: dict[str, Any] = {"x-field": {"type": "json"}}


class PlaceZone(BaseModel):
    """Outline of a compartment in pixels of the picture."""

    model_config = ConfigDict(extra="forbid")

    place_id: int
    polygon: Corners


class PlaceZones(BaseModel):
    """All compartments the camera looks at; one left out is no longer looked at."""

    model_config = ConfigDict(extra="forbid")

    zones: list[PlaceZone] = Field(max_length=500, json_schema_extra=_JSON)


class CameraZones(BaseModel):
    """All masks of a machine camera, and the zone its movement analysis watches, in parts of the picture."""

    model_config = ConfigDict(extra="forbid")

    masks: list[Outline] = Field(max_length=40, json_schema_extra=_JSON)
    zone: Outline | None = Field(default=None, json_schema_extra=_JSON)


def of_station(ctx: Context, station: Station) -> dict[str, Any]:
    """View without anybody of a cabinet's camera (the newest picture where none was sent yet), the compartments drawn on it, and those without
    a camera."""
    name, names = _camera(ctx, station)
    shown = (
        select(StorageLocation).where(StorageLocation.archived_at.is_(None)).order_by(StorageLocation.code)
    )
    drawn = ctx.session.scalars(shown.where(StorageLocation.camera.in_(names)))
    free = shown.where(StorageLocation.camera.is_(None), StorageLocation.kind == "compartment").limit(500)
    return {
        "has_camera": station.kind in {"cabinet_camera", "rack_camera"} or len(names) > 1,
        "camera": name,
        "picture": _picture(ctx, station),
        "places": [
            {"id": p.id, "code": p.code, "name": p.name, "polygon": p.polygon, "method": p.counting_method} for p in drawn
        ],
        "free": [{"id": p.id, "code": p.code, "name": p.name} for p in ctx.session.scalars(free)],
    }  # fmt: skip


def _camera(ctx: Context, station: Station) -> tuple[str, list[str]]:
    """Name places know the only camera of a station by, and every name it goes by."""
    drivers = (latest_config(ctx, station) or {}).get("drivers") or {}
    cameras = [n for n, d in drivers.items() if isinstance(d, dict) and d.get("type") == "cabinet_camera"]
    if len(cameras) > 1:
        raise BusinessError("zones.several_cameras", station=station.name)
    return station.code, [station.code, *(f"{station.code}/{name}" for name in cameras)]


def _picture(ctx: Context, station: Station) -> dict[str, Any] | None:
    """The view the station moves every picture onto: what is drawn there fits wherever the camera is moved. A newest picture may be squares."""
    accepted = (
        select(VisionCount.image, VisionCount.counted_at)
        .join(StationFile, StationFile.sha256 == VisionCount.image)
        .where(
            VisionCount.station_id == station.id,
            VisionCount.trigger == "reference",
            StationFile.station_id == station.id,
        )
        .order_by(VisionCount.counted_at.desc())
        .limit(1)
    )
    view = ctx.session.execute(accepted).first()
    if view is not None:
        return {"sha256": view.image, "at": jsonable(view.counted_at), "is_reference": True}
    counts = select(VisionCount.image.label("sha256"), VisionCount.counted_at.label("at")).where(
        VisionCount.station_id == station.id
    )
    sessions = select(CabinetSession.image_after.label("sha256"), CabinetSession.closed_at.label("at")).where(
        CabinetSession.station_id == station.id
    )
    every = union_all(counts, sessions).subquery()
    query = (
        select(every.c.sha256, every.c.at)
        .join(StationFile, StationFile.sha256 == every.c.sha256)
        .where(StationFile.station_id == station.id, every.c.at.is_not(None))
        .order_by(every.c.at.desc())
        .limit(1)
    )
    row = ctx.session.execute(query).first()
    return {"sha256": row.sha256, "at": jsonable(row.at), "is_reference": False} if row is not None else None


def draw_places(ctx: Context, station: Station, params: PlaceZones) -> dict[str, Any]:
    """Keep the outlines with their places; ``send_places`` tells the station.

    Raises:
        BusinessError: ``zones.place_taken`` for a place of another camera, ``zones.place_twice``, ``zones.several_cameras``.
    """
    ctx.require(_STOCK)
    name, names = _camera(ctx, station)
    wanted = {zone.place_id: [list(point) for point in zone.polygon] for zone in params.zones}
    if len(wanted) < len(params.zones):
        raise BusinessError("zones.place_twice")
    mine = select(StorageLocation).where(StorageLocation.camera.in_(names))
    for place in ctx.session.scalars(mine):
        if place.id not in wanted and place.archived_at is None:
            place.camera, place.polygon = None, None
    for place_id, polygon in wanted.items():
        place = ctx.get(StorageLocation, place_id)
        if place.camera is not None and place.camera not in names:
            raise BusinessError("zones.place_taken", place=place.code, camera=place.camera)
        place.camera, place.polygon = place.camera or name, polygon
    ctx.session.flush()
    return {"places": len(wanted)}


def of_camera(ctx: Context, camera: Camera) -> dict[str, Any]:
    """Masks of a machine camera and the zone its movement analysis watches."""
    _, config, driver = _driver(ctx, camera)
    watched = _watched(driver) if config is not None and driver is not None else None
    return {
        "masks": (driver or {}).get("masks") or [],
        "zone": (watched or {}).get("zone"),
        "has_analysis": watched is not None,
        "is_configured": driver is not None,
    }


def draw_camera(ctx: Context, camera: Camera, params: CameraZones) -> dict[str, Any]:
    """New configuration of the camera's station with its masks; a changed watched zone is approved in one's own name again.

    Raises:
        BusinessError: ``camera.no_station``, ``zones.no_analysis``, or ``station.driver_settings`` with what the camera refuses.
    """
    station, config, driver = _driver(ctx, camera)
    if station is None or config is None or driver is None:
        raise BusinessError("camera.no_station", camera=camera.location_label)
    driver["masks"] = [[list(point) for point in mask] for mask in params.masks]
    watched = _watched(driver)
    zone = [list(point) for point in params.zone] if params.zone is not None else None
    if watched is None and zone is not None:
        raise BusinessError("zones.no_analysis", camera=camera.location_label)
    if watched is not None and watched.get("zone") != zone:
        if zone is None:
            raise BusinessError("zones.zone_needed", camera=camera.location_label)
        person = ctx.get(UserAccount, ctx.principal.user_id or 0)
        watched["zone"] = zone
        watched["approved_by"] = f"{person.first_name} {person.last_name}"
        watched["approved_on"] = ctx.now.date().isoformat()
    driver_settings.check(ctx, driver)
    return set_config(ctx, station, ConfigParams(config=config))


def _driver(
    ctx: Context, camera: Camera
) -> tuple[Station | None, dict[str, Any] | None, dict[str, Any] | None]:
    device = ctx.get(Device, camera.device_id)
    station = ctx.session.scalars(select(Station).where(Station.code == device.station_code)).one_or_none()
    config = copy.deepcopy(latest_config(ctx, station)) if station is not None else None
    return station, config, driver_of(config, device.code)


def _watched(driver: dict[str, Any]) -> dict[str, Any] | None:
    return next((one for one in driver.get("analyses") or () if one.get("kind") == "movement_in_zone"), None)
