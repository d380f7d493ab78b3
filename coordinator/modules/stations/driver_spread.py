"""Settings of one station's driver given to the same driver of other stations, each as its own next configuration (EDG-28, EDG-30).

Only the named settings travel; what makes a station itself (its machine, its wiring, what it was taught) stays. Every station's
driver judges the result, every station tries it and goes back by itself; a refused one keeps all of them from being sent.
"""

from __future__ import annotations

import copy
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.modules.stations import driver_settings
from coordinator.modules.stations.driver_settings import NAME, DriverParams
from coordinator.modules.stations.models import Station, StationConfig

_JSON: dict[str, Any] = {"x-field": {"type": "json"}}


class Target(BaseModel):
    """A driver of a station, in the configuration that was looked at."""

    model_config = ConfigDict(extra="forbid")

    station_id: int = Field(ge=1)
    name: str = Field(pattern=NAME)
    version_no: int = Field(ge=0)


class SpreadParams(BaseModel):
    """What goes to whom: ``settings`` are names of ``values``; one that ``values`` lacks is taken away there too."""

    model_config = ConfigDict(extra="forbid")

    values: dict[str, Any] = Field(json_schema_extra=_JSON)
    settings: list[str] = Field(min_length=1, max_length=60)
    targets: list[Target] = Field(min_length=1, max_length=50, json_schema_extra=_JSON)


def alike(ctx: Context, station: Station, kind: str) -> list[dict[str, Any]]:
    """Drivers of this kind on the other stations in service, by station."""
    newest = (
        select(StationConfig, Station)
        .join(Station, Station.id == StationConfig.station_id)
        .where(Station.archived_at.is_(None), Station.is_revoked.is_(False), Station.id != station.id)
        .distinct(StationConfig.station_id)
        .order_by(StationConfig.station_id, StationConfig.version_no.desc())
    )
    found = [
        {"station_id": other.id, "station": other.name, "name": name, "version_no": row.version_no, "status": other.status}
        for row, other in ctx.session.execute(newest)
        for name, values in driver_settings.drivers_of(row.config).items()
        if values.get("type") == kind
    ]  # fmt: skip
    return sorted(found, key=lambda one: (str(one["station"]), str(one["name"])))


def preview(ctx: Context, station: Station, params: SpreadParams) -> dict[str, Any]:
    """What would change on each station, and what its driver refuses; nothing is kept."""
    return {"stations": [_looked_at(ctx, station, params, target) for target in params.targets]}


def _looked_at(ctx: Context, station: Station, params: SpreadParams, target: Target) -> dict[str, Any]:
    other = ctx.get(Station, target.station_id)
    shown: dict[str, Any] = {
        "station_id": other.id,
        "station": other.name,
        "name": target.name,
        "changes": [],
        "errors": [],
    }
    try:
        found = driver_settings.preview(ctx, other, _params(ctx, station, params, target))
    except BusinessError as error:
        shown["errors"] = [str(e.to_json(ctx.locale)["message"]) for e in error.errors] or [
            error.message(ctx.locale)
        ]
    else:
        shown |= {"changes": found["changes"], "version_no": found["version_no"]}
    return shown


def change(ctx: Context, station: Station, params: SpreadParams) -> dict[str, Any]:
    """Next signed configuration of every station where something changes; all of them or none.

    Raises:
        Conflict: ``station.config_moved`` when one got another configuration meanwhile.
        BusinessError: as :func:`driver_settings.change`; ``station.same_config`` when nothing changes anywhere.
    """
    sent = []
    for target in params.targets:
        other = ctx.get(Station, target.station_id)
        wanted = _params(ctx, station, params, target)
        if driver_settings.preview(ctx, other, wanted)["changes"]:
            sent.append({"station_id": other.id, **driver_settings.change(ctx, other, wanted)})
    if not sent:
        raise BusinessError("station.same_config", station=station.name)
    return {"stations": sent}


def _params(ctx: Context, station: Station, params: SpreadParams, target: Target) -> DriverParams:
    """The driver of a target with the chosen settings; the station they come from gets all it was shown with."""
    if target.station_id == station.id:
        values = dict(params.values)
    else:
        values = copy.deepcopy(
            driver_settings.driver_of(ctx, ctx.get(Station, target.station_id), target.name)
        )
        if values.get("type") != params.values.get("type"):
            raise BusinessError("station.unknown_driver", driver=target.name)
        for name in params.settings:
            if name in params.values:
                values[name] = params.values[name]
            else:
                values.pop(name, None)
    return DriverParams(name=target.name, values=values, version_no=target.version_no)
