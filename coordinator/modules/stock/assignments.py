"""Which tool stands in for another on one operation of one order (STK-39)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.stock.models import ToolIncident
from coordinator.modules.stock.models_tooling import ToolAssignment


def assign(
    ctx: Context,
    operation_id: int,
    broken_tool_id: int,
    tool_id: int | None,
    incident: ToolIncident,
    cutting_data: dict[str, Any] | None,
) -> ToolAssignment:
    """Put a tool, or none for now, in the place of another on one operation of one order."""
    query = select(ToolAssignment).where(
        ToolAssignment.work_order_operation_id == operation_id, ToolAssignment.ended_at.is_(None)
    )
    planned = broken_tool_id
    for row in ctx.session.scalars(query):
        if broken_tool_id in (row.tool_id, row.replaces_tool_id):
            planned = row.replaces_tool_id
            row.ended_at = ctx.now
    ctx.session.flush()
    return ctx.add(
        ToolAssignment(
            work_order_operation_id=operation_id,
            tool_id=tool_id,
            replaces_tool_id=planned,
            tool_incident_id=incident.id,
            cutting_data=cutting_data,
        )
    )


def take_back(ctx: Context, incident: ToolIncident) -> None:
    """End what an incident put in place; the operation has the stand-in back that an earlier one gave it."""
    query = select(ToolAssignment).where(
        ToolAssignment.tool_incident_id == incident.id, ToolAssignment.ended_at.is_(None)
    )
    for row in list(ctx.session.scalars(query)):
        row.ended_at = ctx.now
        ctx.session.flush()
        before = (
            select(ToolAssignment)
            .join(ToolIncident, ToolIncident.id == ToolAssignment.tool_incident_id)
            .where(
                ToolAssignment.work_order_operation_id == row.work_order_operation_id,
                ToolAssignment.replaces_tool_id == row.replaces_tool_id,
                ToolAssignment.tool_id.is_not(None),
                ToolAssignment.id < row.id,
                ToolIncident.id != incident.id,
                ToolIncident.status != "cancelled",
            )
        )
        earlier = ctx.session.scalars(before.order_by(ToolAssignment.id.desc()).limit(1)).one_or_none()
        if earlier is not None:
            earlier.ended_at = None
