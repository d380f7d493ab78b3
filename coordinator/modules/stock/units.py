"""Things followed one by one: state, life, regrinding (STK-03, STK-06)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.kernel.i18n import choice_label
from coordinator.modules.catalogue.api import StockItem, Tool
from coordinator.modules.stock import ledger
from coordinator.modules.stock.ledger import Movement
from coordinator.modules.stock.models import StockLot, StockUnit

Condition = Literal["new", "used", "worn", "broken", "out_of_service"]


class ConditionParams(BaseModel):
    """The state found, and a word on it."""

    model_config = ConfigDict(extra="forbid")

    condition: Condition
    comment: str | None = Field(default=None, max_length=300)


class RegrindParams(BaseModel):
    """A regrinding: lengths after it, in mm."""

    model_config = ConfigDict(extra="forbid")

    length_mm: Decimal | None = Field(default=None, gt=0, max_digits=10, decimal_places=3)
    diameter_mm: Decimal | None = Field(default=None, gt=0, max_digits=10, decimal_places=3)
    comment: str | None = Field(default=None, max_length=300)


def new_units(ctx: Context, item: StockItem, lot: StockLot | None, serial_numbers: str) -> list[StockUnit]:
    """One unit per serial number of a list; numbers are separated by commas, semicolons or lines.

    Raises:
        BusinessError: ``stock.serial_twice``.
    """
    words = serial_numbers.replace(";", ",").replace("\n", ",").split(",")
    numbers = [word.strip() for word in words if word.strip()]
    if len(set(numbers)) != len(numbers):
        raise BusinessError("stock.serial_twice")
    return [
        ctx.add(StockUnit(stock_item_id=item.id, stock_lot_id=lot.id if lot else None, serial_number=number))
        for number in numbers
    ]


def set_condition(ctx: Context, unit: StockUnit, params: ConditionParams) -> None:
    """A change of state is a line of the ledger too (STK-18)."""
    if unit.condition == params.condition:
        return
    _note(ctx, unit, unit.condition, params.condition, params.comment)
    unit.condition = params.condition


def _note(ctx: Context, unit: StockUnit, before: str, after: str, comment: str | None) -> None:
    ledger.lock_item(ctx, unit.stock_item_id)
    names = [choice_label("stock_unit_condition", value, ctx.locale) for value in (before, after)]
    words = " · ".join(x for x in (" → ".join(names), comment) if x)
    place: dict[str, Any] = {}
    if unit.storage_location_id is not None:
        place = {"from_location_id": unit.storage_location_id, "to_location_id": unit.storage_location_id}
    else:
        place = {"from_holder": "unknown", "to_holder": "unknown"}
    held = ledger.on_hand(ctx, unit.stock_item_id, unit_id=unit.id)
    quantity = held if held > 0 else Decimal(1)
    ledger.post(
        ctx,
        Movement(
            unit.stock_item_id,
            quantity,
            "adjustment",
            stock_lot_id=unit.stock_lot_id,
            stock_unit_id=unit.id,
            comment=words[:500],
            **place,
        ),
    )


def regrind(ctx: Context, unit: StockUnit, params: RegrindParams) -> dict[str, Any]:
    """Sharpened: its life begins again, its size may have changed.

    Raises:
        Conflict: ``stock.unit_broken``; BusinessError: ``stock.regrind_limit``.
    """
    if unit.condition in {"broken", "out_of_service"}:
        raise Conflict("stock.unit_broken")
    limit = ctx.settings.integer("stock.max_regrinds")
    if unit.regrind_count >= limit:
        raise BusinessError("stock.regrind_limit", limit=limit)
    before = unit.condition
    unit.regrind_count += 1
    unit.used_min, unit.used_parts, unit.reground_at = Decimal(0), 0, ctx.now
    unit.condition = "used"
    unit.length_mm = params.length_mm or unit.length_mm
    unit.diameter_mm = params.diameter_mm or unit.diameter_mm
    _note(ctx, unit, before, "used", params.comment or f"{unit.regrind_count}×")
    return {"regrind_count": unit.regrind_count}


def remaining_life_min(ctx: Context, unit: StockUnit) -> str | None:
    """Minutes of cut a tool has left; ``None`` where its life is not known."""
    tool = ctx.session.get(Tool, unit.stock_item_id)
    if tool is None or not tool.life_min:
        return None
    return str(max(Decimal(0), tool.life_min - unit.used_min))
