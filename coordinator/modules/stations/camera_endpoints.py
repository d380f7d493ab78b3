"""Routes of the camera wall, and the one its stations answer on (MCH-33, MCH-36)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.registry import Permission
from coordinator.modules.machines.camera_models import Camera
from coordinator.modules.stations import camera_views, identity, zones
from coordinator.modules.stations.endpoints import read_piece

router = APIRouter(tags=["camera"])
_SEE = Permission("machines", "read")
_VIEW = Permission("machines", "export")
"""Pictures of people at work are for those who answer for the machines, as with clips."""


@router.get("/camera-wall", operation_id="camera_wall", openapi_extra=guarded(_VIEW))
def wall(ctx: Ctx) -> dict[str, Any]:
    """Cameras that may be looked at, with their state."""
    ctx.require(_VIEW)
    return camera_views.wall(ctx)


@router.post("/camera-wall/watch", operation_id="camera_wall_watch", openapi_extra=guarded(_VIEW))
def watch(ctx: Ctx, body: camera_views.WatchParams) -> dict[str, Any]:
    """Begin or renew a look; it is written down."""
    ctx.require(_VIEW)
    return camera_views.watch(ctx, body)


@router.get(
    "/camera-wall/{camera_id}/view",
    operation_id="camera_wall_view",
    openapi_extra=guarded(_VIEW),
    response_model=None,
)
def view(ctx: Ctx, camera_id: int) -> Response:
    """The camera as it sees now."""
    ctx.require(_VIEW)
    data = camera_views.view(ctx, ctx.get(Camera, camera_id))
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@router.put("/stations/cameras/{code}/view", status_code=204, operation_id="station_camera_view",
            openapi_extra={"x-permission": "station"}, response_model=None)  # fmt: skip
def put_view(ctx: Ctx, code: str, data: Annotated[bytes, Depends(read_piece)]) -> Response:
    """A thumbnail while somebody looks; it replaces the one before."""
    camera_views.take(ctx, identity.require_station(ctx), code, data)
    return Response(status_code=204)


@router.get("/cameras/{camera_id:int}/zones", operation_id="camera_zones", openapi_extra=guarded(_SEE))
def camera_zones(ctx: Ctx, camera_id: int) -> dict[str, Any]:
    """Masks of a machine camera and the zone it watches."""
    ctx.require(_SEE)
    return zones.of_camera(ctx, ctx.get(Camera, camera_id))
