"""What a station knows of the stock without a line (EDG-22): items with all their codes, the most used first, and places."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.kernel.models import QrCode
from coordinator.modules.catalogue.api import StockItem
from coordinator.modules.stock.models import (
    LocationItem,
    StockLot,
    StockMovement,
    StockUnit,
    StorageLocation,
)

USED_WITHIN = dt.timedelta(days=90)
_ITEM_OBJECTS = ("stock_item", "tool", "material", "ppe_item")
_KEY = "stock.station_data"


def station_data(ctx: Context, station_code: str) -> dict[str, Any]:  # noqa: ARG001 — any station may hand out any item
    """``items`` (code, name, unit, codes) by number of movements in the last 90 days, and ``locations``.

    The same for every station, so it is read once per unit of work. Whoever sends it may drop items from the end.
    """
    known: dict[str, Any] | None = ctx.session.info.get(_KEY)
    if known is None or known["at"] != ctx.now:
        known = {"at": ctx.now, "items": _items(ctx), "locations": _locations(ctx)}
        ctx.session.info[_KEY] = known
    return {"items": known["items"], "locations": known["locations"]}


def _items(ctx: Context) -> list[dict[str, Any]]:
    used = (
        select(StockMovement.stock_item_id.label("item_id"), func.count().label("times"))
        .where(StockMovement.occurred_at > ctx.now - USED_WITHIN)
        .group_by(StockMovement.stock_item_id)
        .subquery()
    )
    query = (
        select(StockItem.id, StockItem.code, StockItem.name, StockItem.unit)
        .outerjoin(used, used.c.item_id == StockItem.id)
        .where(StockItem.is_active, StockItem.archived_at.is_(None))
        .order_by(func.coalesce(used.c.times, 0).desc(), StockItem.code)
    )
    codes = _codes(ctx)
    return [
        {"code": code, "name": name, "unit": unit, "codes": codes.get(item_id, [])}
        for item_id, code, name, unit in ctx.session.execute(query)
    ]


def _codes(ctx: Context) -> dict[int, list[str]]:
    """QR codes by item: its own, and those of its lots and of its units followed one by one."""
    own = select(QrCode.object_id, QrCode.code).where(QrCode.object_type.in_(_ITEM_OBJECTS))
    lots = (
        select(StockLot.stock_item_id, QrCode.code)
        .join(QrCode, QrCode.object_id == StockLot.id)
        .where(QrCode.object_type == "stock_lot", StockLot.status != "consumed")
    )
    units = (
        select(StockUnit.stock_item_id, QrCode.code)
        .join(QrCode, QrCode.object_id == StockUnit.id)
        .where(QrCode.object_type == "stock_unit", StockUnit.archived_at.is_(None))
    )
    found: dict[int, list[str]] = defaultdict(list)
    for query in (own, lots, units):
        for item_id, code in ctx.session.execute(
            query.where(QrCode.revoked_at.is_(None)).order_by(QrCode.id)
        ):
            found[item_id].append(code)
    return found


def _locations(ctx: Context) -> list[dict[str, Any]]:
    held = (
        select(LocationItem.storage_location_id, func.min(StockItem.code).label("item_code"))
        .join(StockItem, StockItem.id == LocationItem.stock_item_id)
        .where(LocationItem.archived_at.is_(None))
        .group_by(LocationItem.storage_location_id)
        .having(func.count() == 1)
        .subquery()
    )
    query = (
        select(StorageLocation.code, StorageLocation.name, held.c.item_code, func.array_agg(QrCode.code))
        .outerjoin(held, held.c.storage_location_id == StorageLocation.id)
        .outerjoin(
            QrCode,
            (QrCode.object_id == StorageLocation.id)
            & (QrCode.object_type == "storage_location")
            & QrCode.revoked_at.is_(None),
        )
        .where(StorageLocation.archived_at.is_(None))
        .group_by(StorageLocation.code, StorageLocation.name, held.c.item_code)
        .order_by(StorageLocation.code)
    )
    return [
        {"code": code, "name": name, "item_code": item, "codes": sorted(filter(None, codes))}
        for code, name, item, codes in ctx.session.execute(query)
    ]
