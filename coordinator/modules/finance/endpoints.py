"""Profitability of an order."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from coordinator.kernel.errors import Forbidden
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.registry import Permission
from coordinator.modules.finance import profitability
from coordinator.modules.finance.models import COSTS

router = APIRouter(prefix="/sales-orders", tags=["order_profitability"])
READ = Permission("finance", "read")


@router.get(
    "/{record_id}/profitability", operation_id="sales_order_profitability", openapi_extra=guarded(READ)
)
def of_order(ctx: Ctx, record_id: int) -> dict[str, Any]:
    """Planned, actual and forecast cost of an order, line by line, heading by heading, operation by operation."""
    ctx.require(READ)
    if not ctx.principal.sees(COSTS):
        raise Forbidden(extra={"module": f"field.{COSTS}", "right": "read"}, module=COSTS, right="read")
    return profitability.of_order(ctx, record_id)
