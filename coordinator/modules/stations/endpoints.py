"""Routes of stations that are not derived: admission, files, rejected messages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header
from sqlalchemy import select

from coordinator.kernel.audit import jsonable
from coordinator.kernel.http import Ctx, guarded, public
from coordinator.kernel.registry import Permission
from coordinator.modules.stations import processing, service
from coordinator.modules.stations.models import InboxMessage
from edge_agents.protocol.control import ClaimCreated, ClaimRequest, ClaimStatus

router = APIRouter(prefix="/stations", tags=["station"])
_READ = Permission("platform", "read")
_UPDATE = Permission("platform", "update")


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
