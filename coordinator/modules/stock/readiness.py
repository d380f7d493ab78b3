"""What in stock keeps an operation from starting (STK-31), and whether a scanned thing is for it (STK-48)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.modules.catalogue.api import StockItem, Tool
from coordinator.modules.stock import flow
from coordinator.modules.stock.models import StockLot, StockUnit
from coordinator.modules.stock.models_tooling import ToolAssignment
from coordinator.modules.stock.shop import OperationFacts

UNUSABLE = ("worn", "broken", "out_of_service")


@dataclass(frozen=True)
class Obstacle:
    """One reason, as an error code with its words."""

    code: str
    params: dict[str, Any]


def obstacles(
    ctx: Context, facts: OperationFacts, lot_id: int | None = None, unit_id: int | None = None
) -> list[Obstacle]:
    """Broken, worn out, out of date, wrong grade, without certificate: each names what is wrong."""
    found = _tools(ctx, facts)
    if unit_id is not None:
        unit = ctx.get(StockUnit, unit_id)
        lot_id = unit.stock_lot_id if lot_id is None else lot_id
        if unit.condition in {"broken", "out_of_service"}:
            found.append(Obstacle("stock.unit_unusable", {"item": unit.serial_number or f"#{unit.id}"}))
    if lot_id is not None:
        found += _lot(ctx, facts, lot_id)
    return found


def _lot(ctx: Context, facts: OperationFacts, lot_id: int) -> list[Obstacle]:
    lot = ctx.get(StockLot, lot_id)
    found = []
    if facts.material_id is not None and lot.stock_item_id != facts.material_id:
        names = {"lot": lot.lot_number, "item": ctx.get(StockItem, facts.material_id).name}
        found.append(Obstacle("stock.wrong_grade", names))
    if lot.expires_on is not None and lot.expires_on < ctx.now.date():
        found.append(
            Obstacle("stock.lot_expired", {"lot": lot.lot_number, "date": f"{lot.expires_on:%d/%m/%Y}"})
        )
    try:
        flow.check_lot(ctx, lot_id, facts.demand)
    except BusinessError as refusal:
        found.append(Obstacle(refusal.code, {"lot": lot.lot_number}))
    return found


def current_tools(ctx: Context, facts: OperationFacts) -> list[tuple[int, int | None]]:
    """Planned tool and the one used instead (``None``: broken, none chosen yet), for each tool of an operation."""
    query = select(ToolAssignment.replaces_tool_id, ToolAssignment.tool_id).where(
        ToolAssignment.work_order_operation_id == facts.id, ToolAssignment.ended_at.is_(None)
    )
    instead = dict(ctx.session.execute(query).tuples().all())
    planned = list(dict.fromkeys([*facts.tool_ids, *instead]))
    return [(tool_id, instead.get(tool_id, tool_id)) for tool_id in planned]


def _tools(ctx: Context, facts: OperationFacts) -> list[Obstacle]:
    found = []
    for planned, used in current_tools(ctx, facts):
        tool = ctx.get(Tool, planned if used is None else used)
        if used is None:
            found.append(Obstacle("stock.tool_missing", {"tool": f"{tool.code} · {tool.name}"}))
        elif not tool.is_active or tool.archived_at is not None or _all_unusable(ctx, tool):
            found.append(Obstacle("stock.tool_unusable", {"tool": f"{tool.code} · {tool.name}"}))
    return found


def _all_unusable(ctx: Context, tool: Tool) -> bool:
    """Whether every piece of a tool followed one by one is worn or broken."""
    if tool.managed_by != "unit":
        return False
    query = select(func.count(), func.count().filter(StockUnit.condition.not_in(UNUSABLE))).where(
        StockUnit.stock_item_id == tool.id, StockUnit.archived_at.is_(None)
    )
    total, good = ctx.session.execute(query).one()
    return bool(total) and not good


def not_for(ctx: Context, facts: OperationFacts, item: StockItem, lot_id: int | None) -> Obstacle | None:
    """Why a scanned thing is not for an operation: another grade, another tool, a lot that may not serve (STK-48)."""
    if item.item_kind == "material" and facts.material_id is not None and item.id != facts.material_id:
        wanted = ctx.get(StockItem, facts.material_id)
        return Obstacle(
            "stock.wrong_item", {"item": item.name, "wanted": wanted.name, "operation": facts.name}
        )
    if item.item_kind == "material" and lot_id is not None:
        found = _lot(ctx, facts, lot_id)
        return found[0] if found else None
    known = {used for _, used in current_tools(ctx, facts) if used is not None}
    if item.item_kind == "tool" and known and item.id not in known:
        return Obstacle("stock.tool_not_planned", {"item": item.name, "operation": facts.name})
    return None
