"""What stock needs to know of the workshop, told by the module that knows it (execution), which stands above stock."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from coordinator.kernel.context import Context
from coordinator.modules.stock.rules import Demand


@dataclass(frozen=True)
class OperationFacts:
    """One operation of an order: what it needs and how strict its order is."""

    id: int
    work_order_id: int
    order_number: str
    sequence_no: int
    label: str
    operation_type: str
    routing_operation_id: int | None
    machine_id: int | None
    status: str
    demand: Demand
    material_id: int | None = None
    """Material that the operation itself takes from stock; ``None`` when it works on parts."""
    part_material_id: int | None = None
    cut_length_mm: Decimal | None = None
    cut_count: int | None = None
    section: tuple[str | None, Decimal | None, Decimal | None, Decimal | None] = (None, None, None, None)
    """Shape, diameter, width, height of the bar to cut from."""
    tool_ids: tuple[int, ...] = ()
    tool_minutes: tuple[tuple[int, Decimal], ...] = ()
    """Planned tools with their minutes for one part, where they were planned."""
    depth_mm: float | None = None

    @property
    def is_critical(self) -> bool:
        """Whether only certified material and confirmed changes will do."""
        return self.demand.is_critical

    @property
    def is_plate(self) -> bool:
        """Whether it takes rectangles from a plate, not lengths from a bar."""
        return self.section[0] == "plate" and all(self.section[2:])

    @property
    def name(self) -> str:
        """As a person names it."""
        return f"{self.order_number} · {self.sequence_no} · {self.label}"


@dataclass(frozen=True)
class Need:
    """A quantity of an item wanted on a day, and by what; in the item's unit."""

    stock_item_id: int
    quantity: Decimal
    needed_on: dt.date
    source: str
    label: str
    entity: str | None = None
    record_id: int | None = None


class Shop(Protocol):
    """Answers of the workshop."""

    def operation(self, ctx: Context, operation_id: int) -> OperationFacts | None:
        """Facts of an operation."""
        ...

    def cutting(self, ctx: Context, material_id: int) -> list[OperationFacts]:
        """Sawing operations of released orders still to be done in a material."""
        ...

    def needs(self, ctx: Context, until: dt.date) -> list[Need]:
        """What open orders will take from stock up to a day."""
        ...

    def parts_of_lot(self, ctx: Context, stock_lot_id: int) -> list[dict[str, Any]]:
        """Part lots made of a material lot: order, part, quantity, delivery."""
        ...

    def programs_of_tool(self, ctx: Context, tool_id: int) -> list[dict[str, Any]]:
        """Programs and operations that use a tool, with planned and real time in minutes."""
        ...


class _Known:
    shop: Shop | None = None
    forecasts: tuple[Any, ...] = ()


def connect(shop: Shop) -> None:
    """The workshop's side, given once when its module is loaded."""
    _Known.shop = shop


def add_needs(source: Any) -> None:
    """Another source of needs: ``source(ctx, until) -> list[Need]`` (quotes in progress)."""
    if source not in _Known.forecasts:
        _Known.forecasts = (*_Known.forecasts, source)


def operation(ctx: Context, operation_id: int | None) -> OperationFacts | None:
    """Facts of an operation; ``None`` without one."""
    if operation_id is None or _Known.shop is None:
        return None
    return _Known.shop.operation(ctx, operation_id)


def cutting(ctx: Context, material_id: int) -> list[OperationFacts]:
    """Sawing still to be done in a material."""
    return _Known.shop.cutting(ctx, material_id) if _Known.shop is not None else []


def needs(ctx: Context, until: dt.date) -> list[Need]:
    """All known needs up to a day."""
    found = list(_Known.shop.needs(ctx, until)) if _Known.shop is not None else []
    for source in _Known.forecasts:
        found += source(ctx, until)
    return found


def parts_of_lot(ctx: Context, stock_lot_id: int) -> list[dict[str, Any]]:
    """Part lots made of a material lot."""
    return _Known.shop.parts_of_lot(ctx, stock_lot_id) if _Known.shop is not None else []


def programs_of_tool(ctx: Context, tool_id: int) -> list[dict[str, Any]]:
    """Programs and operations that use a tool."""
    return _Known.shop.programs_of_tool(ctx, tool_id) if _Known.shop is not None else []
