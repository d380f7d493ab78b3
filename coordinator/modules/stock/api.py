"""All that other modules may ask of stock."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.catalogue.api import StockItem
from coordinator.modules.stock.commands import make_reservation, release_reservation
from coordinator.modules.stock.cutting import CutResult, debit_cut
from coordinator.modules.stock.cutting_plans import PlanCut, open_plan
from coordinator.modules.stock.cutting_plans import debit as debit_plan
from coordinator.modules.stock.events import location_of, resolve
from coordinator.modules.stock.flow import (
    Override,
    check_lot,
    consume_for_operation,
    give_back,
    holder,
    new_lot,
    receive,
    reverse,
    take,
    transfer,
)
from coordinator.modules.stock.ledger import Movement, in_use, on_hand
from coordinator.modules.stock.lots import CertificateParams, attach_certificate
from coordinator.modules.stock.models import (
    ReorderProposal,
    StockLot,
    StockMovement,
    StockReservation,
    StockUnit,
    StorageLocation,
    ToolIncident,
)
from coordinator.modules.stock.models_tooling import ToolAssignment
from coordinator.modules.stock.plate_plans import sources_of as plate_sources
from coordinator.modules.stock.readiness import Obstacle, obstacles
from coordinator.modules.stock.reorder import check_threshold
from coordinator.modules.stock.rules import Demand, may_post_automatically, must_return_to_review
from coordinator.modules.stock.shop import OperationFacts
from coordinator.modules.stock.shop import operation as operation_facts
from coordinator.modules.stock.supply import Supply, supply
from coordinator.modules.stock.tool_life import Use as ToolUse
from coordinator.modules.stock.tool_life import ending as ending_tools
from coordinator.modules.stock.tool_life import record as record_tool_use
from coordinator.modules.stock.views import StockBalance, StockLevel
from coordinator.modules.stock.vision import (
    DetectionInput,
    PostingDecision,
    post_detection,
    reverse_detection,
    set_mode,
    settle_detection,
    shop_limits,
)
from coordinator.modules.stock.vision_facts import bars_at, is_measured, note_instrument

__all__ = [
    "Availability",
    "CertificateParams",
    "CutResult",
    "Demand",
    "DetectionInput",
    "Movement",
    "Obstacle",
    "OperationFacts",
    "Override",
    "PlanCut",
    "PostingDecision",
    "ReorderProposal",
    "StockBalance",
    "StockLevel",
    "StockLot",
    "StockMovement",
    "StockReservation",
    "StockUnit",
    "StorageLocation",
    "Supply",
    "ToolIncident",
    "ToolUse",
    "attach_certificate",
    "availability",
    "bars_at",
    "candidates",
    "check_lot",
    "check_threshold",
    "consume_for_operation",
    "debit_cut",
    "debit_plan",
    "ending_tools",
    "give_back",
    "holder",
    "in_use",
    "is_measured",
    "location_of",
    "make_reservation",
    "may_post_automatically",
    "must_return_to_review",
    "new_lot",
    "note_instrument",
    "obstacles",
    "on_hand",
    "open_plan",
    "operation_facts",
    "plate_sources",
    "post_detection",
    "receive",
    "record_tool_use",
    "release_reservation",
    "replacements",
    "resolve",
    "reverse",
    "reverse_detection",
    "set_mode",
    "settle_detection",
    "shop_limits",
    "supply",
    "take",
    "take_from_cabinet",
    "transfer",
]


@dataclass(frozen=True)
class Availability:
    """What stock can answer of an item, in its unit (STK-32)."""

    on_hand: Decimal
    in_use: Decimal
    reserved: Decimal
    available: Decimal


def availability(ctx: Context, stock_item_id: int) -> Availability:
    """Levels of an item; zeros for one that never moved."""
    level = ctx.session.scalars(
        select(StockLevel).where(StockLevel.id == stock_item_id).execution_options(populate_existing=True)
    ).one_or_none()
    if level is None:
        return Availability(*[Decimal(0)] * 4)
    return Availability(level.on_hand, level.in_use_qty, level.reserved_qty, level.available_qty)


def replacements(ctx: Context, operation_ids: Sequence[int]) -> dict[int | None, dict[str, StockItem | None]]:
    """By operation: codes of planned tools it no longer uses, with the tool in their place (``None``: not chosen yet)."""
    query = select(ToolAssignment).where(
        ToolAssignment.work_order_operation_id.in_(operation_ids), ToolAssignment.ended_at.is_(None)
    )
    found: dict[int | None, dict[str, StockItem | None]] = {}
    for row in ctx.session.scalars(query.order_by(ToolAssignment.id)):
        instead = ctx.get(StockItem, row.tool_id) if row.tool_id else None
        before = ctx.get(StockItem, row.replaces_tool_id).code
        found.setdefault(row.work_order_operation_id, {})[before] = instead
    return found


def take_from_cabinet(
    ctx: Context,
    stock_item_id: int,
    quantity: Decimal,
    *,
    location_id: int | None = None,
    work_order_operation_id: int | None = None,
    user_id: int | None = None,
    machine_id: int | None = None,
    uid: uuid.UUID | None = None,
    source: str = "qr",
) -> list[StockMovement]:
    """Debit the cabinet and credit "in use" at the operation, the person or the machine (STK-22)."""
    key = holder(work_order_operation_id=work_order_operation_id, user_id=user_id, machine_id=machine_id)
    movement = Movement(
        stock_item_id,
        quantity,
        "issue",
        source,
        from_location_id=location_id,
        to_holder=key,
        work_order_operation_id=work_order_operation_id,
        user_id=user_id,
        uid=uid,
    )
    return take(ctx, movement)


def candidates(
    ctx: Context, stock_item_id: int, length_mm: Decimal, demand: Demand | None = None
) -> list[StockBalance]:
    """Bars, offcuts and lots long enough that may serve a demand: offcuts first, the shortest first (STK-30)."""
    from coordinator.kernel.errors import BusinessError
    from coordinator.modules.stock.ledger import balances

    found = []
    for row in balances(ctx, stock_item_id):
        try:
            check_lot(ctx, row.stock_lot_id, demand or Demand())
        except BusinessError:
            continue
        if row.quantity >= length_mm:
            unit = ctx.session.get(StockUnit, row.stock_unit_id) if row.stock_unit_id is not None else None
            is_offcut = unit is not None and unit.parent_id is not None
            found.append(((not is_offcut, unit is None, row.quantity, row.id), row))
    return [row for _, row in sorted(found, key=lambda pair: pair[0])]
