"""Routes about the system itself: metadata, health."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from sqlalchemy import text

from coordinator.kernel import metadata
from coordinator.kernel.errors import Unauthenticated
from coordinator.kernel.http import Ctx, own, public

system_router = APIRouter(tags=["system"])


@system_router.get("/meta", operation_id="meta", openapi_extra=own())
def meta(ctx: Ctx) -> dict[str, Any]:
    """Entities, fields, labels, rights and actions the person may use."""
    if ctx.principal.kind == "anonymous":
        raise Unauthenticated
    return metadata.describe(ctx)


@system_router.get(
    "/health", operation_id="health", openapi_extra=public("probe of supervisors and load balancers")
)
def health(ctx: Ctx) -> dict[str, str]:
    """Answers when the database answers."""
    ctx.session.execute(text("SELECT 1"))
    return {"status": "ok"}
