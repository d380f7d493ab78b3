"""The drawing of one's own operation, at the machine (DRW-45)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from coordinator.kernel.context import Context
from coordinator.kernel.errors import NotFound
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.registry import Permission
from coordinator.modules.drawings import api as drawings
from coordinator.modules.execution import views
from coordinator.modules.execution.models import WorkOrder, WorkOrderOperation

READ = Permission("routing", "read")
MAX_SIDE_PX = 6000
router = APIRouter(prefix="/me/operations/{operation_id}/drawing", tags=["shop"])


@router.get("", operation_id="operation_drawing", openapi_extra=guarded(READ))
def drawing(ctx: Ctx, operation_id: int) -> dict[str, Any]:
    """Number, revision, name and sheets of the drawing of one's own open operation; each opening is written down."""
    revision_id, words = _own(ctx, operation_id)
    return drawings.operation_drawing(ctx, revision_id, words)


@router.get(
    "/{number}.png",
    operation_id="operation_drawing_sheet",
    openapi_extra=guarded(READ),
    response_class=Response,
)
def sheet(
    ctx: Ctx, operation_id: int, number: int, side: Annotated[int, Query(ge=64, le=MAX_SIDE_PX)] = 2000
) -> Response:
    """Picture of one sheet, counted from 1."""
    revision_id, words = _own(ctx, operation_id)
    content = drawings.operation_sheet(ctx, revision_id, words, number, side)
    headers = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}
    return Response(content, media_type="image/png", headers=headers)


def _own(ctx: Context, operation_id: int) -> tuple[int | None, str]:
    """Revision made by an open operation of the person, and the operation in words.

    Raises:
        NotFound: done, of a closed order, or somebody else's.
    """
    scope = ctx.require(READ)
    condition = views.mine(ctx, scope) & (WorkOrderOperation.id == operation_id)
    found = views.open_operations(ctx, condition, limit=1)
    if not found:
        raise NotFound(entity="work_order_operation", id=operation_id)
    order = ctx.get(WorkOrder, found[0].work_order_id)
    return order.part_revision_id, f"{order.number}/{found[0].sequence_no}"
