"""Installation checklist of a station (EDG-45, EDG-46): points by kind, each confirmed by a person on the spot."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.stations.models import Station, StationCheckPoint

_ALL = (
    "closed_case",
    "industrial_supply",
    "no_reachable_port",
    "endurance_storage",
    "label_with_code",
    "shielded_from_chips",
)
_MACHINE = ("isolated_inputs", "isolated_outputs_24v", "read_only_session", "control_undisturbed")
_CAMERA = ("camera_fixed", "light_steady", "markers_visible", "sign_of_camera")
_GATEWAY = ("gateway_on_ups", "tunnel_only")


class CheckParams(BaseModel):
    """What was seen; ``is_done`` false opens the point again."""

    model_config = ConfigDict(extra="forbid")

    is_done: bool = True
    comment: str | None = Field(default=None, max_length=300)


def points_of(roles: list[str]) -> tuple[str, ...]:
    """Points that hold for a station with these roles, in the order of the work; pure."""
    points = list(_ALL)
    if "machine_agent" in roles:
        points += _MACHINE
    if {"cabinet_camera", "rack_camera"} & set(roles):
        points += _CAMERA
    if "site_gateway" in roles:
        points += _GATEWAY
    return tuple(points)


def prepare(ctx: Context, station: Station, *, is_new_hardware: bool = False) -> None:
    """Give a station its points; what stands stays, unless the hardware was replaced: then all is looked at again."""
    query = select(StationCheckPoint).where(StationCheckPoint.station_id == station.id)
    known = {row.point: row for row in ctx.session.scalars(query)}
    if is_new_hardware:
        for row in known.values():
            row.is_done, row.checked_at, row.checked_by_id = False, None, None
    for point in points_of(list(station.roles or []) or [station.kind]):
        if point not in known:
            ctx.session.add(StationCheckPoint(station_id=station.id, point=point))


def check(ctx: Context, row: StationCheckPoint, params: CheckParams) -> None:
    """Note what a person found on the spot."""
    row.is_done, row.comment = params.is_done, params.comment
    row.checked_at, row.checked_by_id = ctx.now, ctx.principal.user_id


def open_points(ctx: Context) -> dict[int, list[str]]:
    """Open points by station."""
    query = (
        select(StationCheckPoint).where(StationCheckPoint.is_done.is_(False)).order_by(StationCheckPoint.id)
    )
    found: dict[int, list[str]] = {}
    for row in ctx.session.scalars(query):
        found.setdefault(row.station_id, []).append(row.point)
    return found
