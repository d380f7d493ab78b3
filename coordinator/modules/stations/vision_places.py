"""Compartments of the stock become what a cabinet's camera looks at: polygon, method, expected items (VIS-02).

A storage location names its camera (``STATION``, or ``STATION/DRIVER`` where a station has several), its polygon in the picture and
its counting method; the items that have their place there are what the camera expects. The station gets them as a new signed
configuration, and answers with the codes of the same locations and items.
"""

from __future__ import annotations

import copy
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.modules.catalogue import api as catalogue
from coordinator.modules.catalogue.api import StockItem
from coordinator.modules.stations.models import Station, StationConfig
from coordinator.modules.stations.service import ConfigParams, set_config
from coordinator.modules.stock.models import LocationItem, StorageLocation

_DRIVER = "cabinet_camera"


class PlacesParams(BaseModel):
    """Nothing to say: the compartments of the stock are taken."""

    model_config = ConfigDict(extra="forbid")


def send_places(ctx: Context, station: Station, _params: PlacesParams) -> dict[str, Any]:
    """New configuration of a station with the compartments its cameras look at.

    Raises:
        BusinessError: ``vision.no_camera``, ``vision.no_places``, ``vision.place_incomplete`` or ``vision.items_alike``.
    """
    config = copy.deepcopy(_latest(ctx, station))
    drivers = config.get("drivers")
    cameras = {
        name: driver
        for name, driver in (drivers.items() if isinstance(drivers, dict) else ())
        if isinstance(driver, dict) and driver.get("type") == _DRIVER
    }
    if not cameras:
        raise BusinessError("vision.no_camera", station=station.name)
    total = 0
    for name, driver in cameras.items():
        names = [f"{station.code}/{name}"] + ([station.code] if len(cameras) == 1 else [])
        places = compartments(ctx, names)
        driver["compartments"] = places
        total += len(places)
    if not total:
        raise BusinessError("vision.no_places", station=station.name)
    return set_config(ctx, station, ConfigParams(config=config)) | {"compartments": total}


def compartments(ctx: Context, cameras: list[str]) -> list[dict[str, Any]]:
    """What the cameras of these names look at, as a station's configuration says it. Raises ``BusinessError``."""
    query = select(StorageLocation).where(
        StorageLocation.camera.in_(cameras), StorageLocation.archived_at.is_(None)
    )
    return [_compartment(ctx, place) for place in ctx.session.scalars(query.order_by(StorageLocation.code))]


def _compartment(ctx: Context, place: StorageLocation) -> dict[str, Any]:
    query = (
        select(StockItem.code, LocationItem.seen_as, StockItem.id)
        .join(StockItem, StockItem.id == LocationItem.stock_item_id)
        .where(LocationItem.storage_location_id == place.id, LocationItem.archived_at.is_(None))
        .order_by(StockItem.code)
    )
    held = list(ctx.session.execute(query))
    method = place.counting_method
    shared = method == "items"
    if not method or not _is_polygon(place.polygon) or (not held and method != "boxes"):
        raise BusinessError("vision.place_incomplete", place=place.code)
    entry = {"id": place.code, "method": method, "polygon": place.polygon, "camera": place.camera}
    if shared:
        if any(not kind for _, kind, _ in held) or len({kind for _, kind, _ in held}) < len(held):
            raise BusinessError("vision.items_alike", place=place.code)
        return entry | {"items": [{"item": code, "kind": kind} for code, kind, _ in held]}
    if method == "label_text":
        return entry | {
            "labels": [
                {"item": code, "printed": catalogue.printed_references(ctx, key)} for code, _, key in held
            ]
        }
    if len(held) > 1 and method != "boxes":
        raise BusinessError("vision.items_alike", place=place.code)
    return entry | ({"item": held[0][0]} if len(held) == 1 else {})


def _is_polygon(points: Any) -> bool:
    return (
        isinstance(points, list)
        and len(points) >= 3
        and all(
            isinstance(point, list)
            and len(point) == 2
            and all(isinstance(part, int | float) and not isinstance(part, bool) for part in point)
            for point in points
        )
    )


def _latest(ctx: Context, station: Station) -> dict[str, Any]:
    query = select(StationConfig.config).where(StationConfig.station_id == station.id)
    return ctx.session.scalar(query.order_by(StationConfig.version_no.desc()).limit(1)) or {}
