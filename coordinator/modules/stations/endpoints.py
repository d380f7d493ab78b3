"""Routes of stations that are not derived: admission, files, rejected messages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy import select

from coordinator.kernel.audit import jsonable
from coordinator.kernel.errors import TooLarge, Unauthenticated
from coordinator.kernel.http import Ctx, guarded, own, public
from coordinator.kernel.registry import Permission
from coordinator.modules.stations import (
    commands,
    driver_settings,
    driver_spread,
    identity,
    local_settings,
    processing,
    service,
    thresholds,
    uploads,
    zones,
)
from coordinator.modules.stations.models import InboxMessage, Station
from edge_agents.protocol.control import ClaimCreated, ClaimRequest, ClaimStatus

router = APIRouter(prefix="/stations", tags=["station"])
_READ = Permission("platform", "read")
_UPDATE = Permission("platform", "update")
_SEE = Permission("vision", "read")
_STATION = {"x-permission": "station"}


class RenewalRequest(BaseModel):
    """Signing request made with the key of the present certificate."""

    csr_pem: str = Field(max_length=8192)


@router.post("/claims", status_code=201, operation_id="station_claim_open",
             openapi_extra=public("a new unit has no identity yet; an administrator approves its code"))  # fmt: skip
def open_claim(ctx: Ctx, body: ClaimRequest) -> ClaimCreated:
    """Ask for admission."""
    return service.open_claim(ctx, body)


@router.get(
    "/claims/{claim_id}",
    operation_id="station_claim_status",
    openapi_extra=public("proved by the claim's secret"),
)
def claim_status(
    ctx: Ctx, claim_id: int, secret: Annotated[str, Header(alias="X-Claim-Secret", max_length=100)]
) -> ClaimStatus:
    """Poll for the certificate."""
    return service.claim_status(ctx, claim_id, secret)


@router.post("/renewals", operation_id="station_renew", openapi_extra=_STATION)
def renew(ctx: Ctx, body: RenewalRequest) -> dict[str, str]:
    """New certificate for the station that asks, from 60 days before its present one ends."""
    station = identity.require_station(ctx)
    return {"certificate_pem": identity.renew(ctx, station, body.csr_pem)}


async def read_piece(request: Request) -> bytes:
    """The piece, refused as soon as it is too long."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > uploads.PIECE_MAX_BYTES:
            raise TooLarge(limit_mb=uploads.PIECE_MAX_BYTES >> 20)
    return bytes(data)


@router.put("/files/{sha256}", operation_id="station_file_put", openapi_extra=_STATION)
def put_file(
    # Read first: over a slow line no connection of the database waits for it.
    data: Annotated[bytes, Depends(read_piece)],
    ctx: Ctx,
    sha256: str,
    content_type: Annotated[str, Header(max_length=100)] = "",
    content_range: Annotated[str | None, Header(max_length=100)] = None,
) -> JSONResponse:
    """One piece of a file: 202 while it is incomplete, 201 when it is whole, 200 when it was there already;
    409 or 416 with ``received`` when the piece does not follow on."""
    station = identity.require_station(ctx)
    progress = uploads.receive(ctx, station, sha256, content_type, uploads.Piece.parse(content_range, data))
    return JSONResponse({"received": progress.received}, status_code=progress.status)


@router.get("/files/{sha256}", operation_id="station_file_get", openapi_extra=guarded(_SEE))
def get_file(ctx: Ctx, sha256: str) -> FileResponse:
    """A photograph or another file of a station."""
    path, media_type = uploads.readable(ctx, sha256)
    headers = {"Cache-Control": "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type=media_type, headers=headers)


@router.get("/rejected-messages", operation_id="inbox_rejected_list", openapi_extra=guarded(_READ))
def rejected(ctx: Ctx, limit: int = 50) -> dict[str, Any]:
    """Newest messages refused at reception, and facts that could not be applied (EDG-49)."""
    ctx.require(_READ)
    condition = (InboxMessage.status == "rejected") | (InboxMessage.outcome.in_(["failed", "refused"]))
    query = (
        select(InboxMessage).where(condition).order_by(InboxMessage.id.desc()).limit(min(max(limit, 1), 200))
    )
    names = ("id", "message_id", "station_code", "stream", "seq", "event_type", "status", "reason", "outcome",
             "outcome_code", "message", "received_at", "occurred_at")  # fmt: skip
    return {"items": [{n: jsonable(getattr(m, n)) for n in names} for m in ctx.session.scalars(query)]}


@router.post(
    "/rejected-messages/{message_id}/retry", operation_id="inbox_retry", openapi_extra=guarded(_UPDATE)
)
def retry(ctx: Ctx, message_id: int) -> dict[str, str]:
    """Apply a failed fact again."""
    ctx.require(_UPDATE)
    processing.retry(ctx, message_id)
    return {"status": "queued"}


@router.get("/{station_id:int}/drivers", operation_id="station_drivers", openapi_extra=guarded(_READ))
def drivers(ctx: Ctx, station_id: int) -> dict[str, Any]:
    """Drivers of a station with their forms and values."""
    ctx.require(_READ)
    return driver_settings.read(ctx, ctx.get(Station, station_id))


@router.post(
    "/{station_id:int}/drivers/preview", operation_id="station_driver_preview", openapi_extra=guarded(_UPDATE)
)
def preview_driver(ctx: Ctx, station_id: int, body: driver_settings.DriverParams) -> dict[str, Any]:
    """What would be sent; refused settings are named, nothing is kept."""
    ctx.require(_UPDATE)
    return driver_settings.preview(ctx, ctx.get(Station, station_id), body)


@router.get(
    "/{station_id:int}/drivers/alike", operation_id="station_drivers_alike", openapi_extra=guarded(_READ)
)
def alike_drivers(ctx: Ctx, station_id: int, kind: Annotated[str, Query(max_length=40)]) -> dict[str, Any]:
    """Drivers of a kind on the other stations."""
    ctx.require(_READ)
    return {"items": driver_spread.alike(ctx, ctx.get(Station, station_id), kind)}


@router.post(
    "/{station_id:int}/drivers/spread/preview",
    operation_id="station_driver_spread_preview",
    openapi_extra=guarded(_UPDATE),
)
def preview_spread(ctx: Ctx, station_id: int, body: driver_spread.SpreadParams) -> dict[str, Any]:
    """What the chosen settings would change on each station; nothing is kept."""
    ctx.require(_UPDATE)
    return driver_spread.preview(ctx, ctx.get(Station, station_id), body)


@router.get("/{station_id:int}/zones", operation_id="station_zones", openapi_extra=guarded(_READ))
def station_zones(ctx: Ctx, station_id: int) -> dict[str, Any]:
    """Compartments drawn on the newest picture of a cabinet's camera."""
    ctx.require(_READ)
    return zones.of_station(ctx, ctx.get(Station, station_id))


@router.get("/{station_id:int}/thresholds", operation_id="station_thresholds", openapi_extra=guarded(_READ))
def station_thresholds(ctx: Ctx, station_id: int) -> dict[str, Any]:
    """Thresholds of automatic posting, level by level, with where each comes from and who decided it."""
    ctx.require(_READ)
    return thresholds.read(ctx, ctx.get(Station, station_id))


@router.get("/{station_id:int}/commands", operation_id="station_commands", openapi_extra=guarded(_READ))
def station_commands(ctx: Ctx, station_id: int) -> dict[str, Any]:
    """Commands of a station with their forms, and what became of the last ones."""
    ctx.require(_READ)
    return commands.read(ctx, ctx.get(Station, station_id))


@router.get("/screen-rules", operation_id="station_screen_rules", openapi_extra=own())
def screen_rules(ctx: Ctx, station: Annotated[str, Query(max_length=120)]) -> dict[str, Any]:
    """Zone, quiet hours and tones for the screen of a scan station."""
    if ctx.principal.user_id is None:
        raise Unauthenticated
    return local_settings.screen_rules(ctx, station)
