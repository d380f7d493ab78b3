"""Balances, read from the ledger by the views of ``ddl.py``; nothing writes them (DAT-09)."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import MetaData
from sqlalchemy.orm import Mapped

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


class View(Record):
    """A view served like an entity. Its own metadata keep it out of the tables that migrations create."""

    __abstract__ = True
    metadata = MetaData()


class StockBalance(View):
    """Quantity of an item, lot and unit in one place."""

    __tablename__ = "stock_balance"

    stock_item_id: Mapped[int] = f.ref("stock_item.id", required=True, read_only=True)
    stock_lot_id: Mapped[int | None] = f.ref("stock_lot.id", read_only=True)
    stock_unit_id: Mapped[int | None] = f.ref("stock_unit.id", read_only=True)
    storage_location_id: Mapped[int] = f.ref("storage_location.id", required=True, read_only=True)
    quantity: Mapped[Decimal] = f.quantity(read_only=True)
    is_available: Mapped[bool] = f.boolean(read_only=True)
    is_certified: Mapped[bool] = f.boolean(read_only=True)


class StockLevel(View):
    """An item over all places: on hand, in use, reserved, available (STK-01)."""

    __tablename__ = "stock_level"

    stock_item_id: Mapped[int] = f.ref("stock_item.id", required=True, read_only=True)
    item_kind: Mapped[str] = f.choice("stock_item_kind", read_only=True)
    unit: Mapped[str] = f.text(10, read_only=True)
    on_hand: Mapped[Decimal] = f.quantity(read_only=True)
    certified_qty: Mapped[Decimal] = f.quantity(read_only=True)
    unusable_qty: Mapped[Decimal] = f.quantity(read_only=True)
    in_use_qty: Mapped[Decimal] = f.quantity(read_only=True)
    reserved_qty: Mapped[Decimal] = f.quantity(read_only=True)
    available_qty: Mapped[Decimal] = f.quantity(read_only=True)
    is_available: Mapped[bool] = f.boolean(read_only=True)
    alert_threshold: Mapped[Decimal | None] = f.quantity(read_only=True)
    is_below_alert: Mapped[bool] = f.boolean(read_only=True)
    stock_value: Mapped[Decimal | None] = f.money(read_only=True)
