"""What a person with a phone sees of a thing he scanned or looks for, and of a breakage he declared (STK-20, STK-39)."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import select

from coordinator.kernel import qr
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import choice_label, t
from coordinator.kernel.models import ScanEvent
from coordinator.modules.catalogue.api import StockItem, Tool
from coordinator.modules.stock import events, incidents, readiness, record_boards, shop
from coordinator.modules.stock.models import LocationItem, StockLot, StockUnit, StorageLocation, ToolIncident
from coordinator.modules.stock.models_tooling import ToolIncidentOption
from coordinator.modules.stock.reports import LOCATE
from coordinator.modules.stock.views import StockBalance

LIMIT = 20


def words(ctx: Context, obstacle: readiness.Obstacle) -> str:
    """An obstacle as a person reads it."""
    return t(f"error.{obstacle.code}", ctx.locale, **obstacle.params)


def describe(ctx: Context, code: str, operation_code: str | None) -> dict[str, Any]:
    """A thing or a place: name, where, how much, what may be done, what speaks against the operation.

    Raises:
        BusinessError: ``stock.unknown_code``; the person may look for the reference instead (STK-47).
    """
    row = qr.find(ctx, code) if code.startswith(qr.PREFIX) else None
    if row is not None and row.object_type == "storage_location":
        return _place(ctx, ctx.get(StorageLocation, row.object_id))
    target = events.resolve(ctx, code)
    item = target.item
    unit = ctx.get(StockUnit, target.unit_id) if target.unit_id is not None else None
    lot = ctx.get(StockLot, target.lot_id) if target.lot_id is not None else None
    facts = shop.operation(ctx, events.operation_id(ctx, operation_code))
    warning = None
    if facts is not None:
        against = readiness.not_for(ctx, facts, item, target.lot_id)
        warning = words(ctx, against) if against is not None else None
    details = _details(ctx, item, lot, unit)
    actions = ["take", "return", "move", "count"]
    if item.item_kind == "tool":
        actions.append("broken")
    return {
        "kind": "stock_unit" if unit is not None else "stock_lot" if lot is not None else "stock_item",
        "code": code,
        "item_code": item.code,
        "display": f"{item.code} · {item.name}",
        "item_kind": item.item_kind,
        "unit": item.unit,
        "actions": [*actions, "details"],
        "places": _places(ctx, item, target.lot_id, target.unit_id),
        "details": details,
        "warning": warning,
        "may_override": warning is not None and ctx.principal.may("stock", "validate"),
        "safety_sheet_url": item.safety_sheet_url,
    }


def _details(
    ctx: Context, item: StockItem, lot: StockLot | None, unit: StockUnit | None
) -> list[dict[str, str]]:
    pairs: list[tuple[str, Any]] = [
        ("board.kind", choice_label("stock_item_kind", item.item_kind, ctx.locale))
    ]
    if isinstance(item, Tool):
        pairs += [
            ("board.diameter", _mm(item.diameter_mm)),
            ("board.length", _mm(item.length_mm)),
            ("board.grade", item.grade),
        ]
    if unit is not None:
        pairs += [
            ("board.condition", choice_label("stock_unit_condition", unit.condition, ctx.locale)),
            ("board.length", _mm(unit.length_mm)),
            ("board.regrinds", unit.regrind_count or None),
        ]
    if lot is not None:
        pairs += [
            ("board.lot", lot.lot_number),
            ("board.heat", lot.heat_number),
            ("board.certificate", lot.certificate_number),
            ("board.state", choice_label("stock_lot", lot.status, ctx.locale)),
            ("board.expires", f"{lot.expires_on:%d/%m/%Y}" if lot.expires_on else None),
        ]
    return [{"label": t(key, ctx.locale), "value": str(v)} for key, v in pairs if v not in (None, "")]


def _mm(value: Any) -> str | None:
    return None if value is None else f"{value.normalize():f} mm".replace(".", ",")


def _places(
    ctx: Context, item: StockItem, lot_id: int | None = None, unit_id: int | None = None
) -> list[dict[str, Any]]:
    query = (
        select(StorageLocation, StockBalance)
        .join(StockBalance, StockBalance.storage_location_id == StorageLocation.id)
        .where(StockBalance.stock_item_id == item.id)
        .order_by(StorageLocation.code)
    )
    if unit_id is not None:
        query = query.where(StockBalance.stock_unit_id == unit_id)
    elif lot_id is not None:
        query = query.where(StockBalance.stock_lot_id == lot_id)
    found: dict[int, dict[str, Any]] = {}
    for place, balance in ctx.session.execute(query):
        known = found.setdefault(
            place.id,
            {"id": place.id, "code": place.code, "name": place.name, "quantity": balance.quantity * 0},
        )
        known["quantity"] += balance.quantity
    return [{**p, "quantity": float(p["quantity"])} for p in found.values()]


def _place(ctx: Context, place: StorageLocation) -> dict[str, Any]:
    query = (
        select(StockItem, StockBalance.quantity)
        .join(StockBalance, StockBalance.stock_item_id == StockItem.id)
        .where(StockBalance.storage_location_id == place.id)
        .order_by(StockItem.code)
    )
    content = [
        {
            "code": item.code,
            "display": f"{item.code} · {item.name}",
            "quantity": float(quantity),
            "unit": item.unit,
        }
        for item, quantity in ctx.session.execute(query)
    ]
    return {
        "kind": "storage_location",
        "code": place.code,
        "display": f"{place.code} · {place.name}",
        "actions": ["details"],
        "content": content,
        "places": [],
        "details": [],
        "warning": None,
        "may_override": False,
        "unit": "",
        "safety_sheet_url": None,
    }


def locate(ctx: Context, text: str) -> list[dict[str, Any]]:
    """Items whose reference or name holds the words, with their places; the search is noted (STK-44)."""
    like = f"%{text.strip()}%"
    if len(text.strip()) < 2:
        raise BusinessError("stock.search_short")
    query = (
        select(StockItem)
        .where(StockItem.archived_at.is_(None), StockItem.code.ilike(like) | StockItem.name.ilike(like))
        .order_by(StockItem.code)
        .limit(LIMIT)
    )
    found = []
    for item in ctx.session.scalars(query):
        own = select(StorageLocation.code).join(
            LocationItem, LocationItem.storage_location_id == StorageLocation.id
        )
        usual = list(ctx.session.scalars(own.where(LocationItem.stock_item_id == item.id)))
        found.append(
            {
                "code": item.code,
                "display": f"{item.code} · {item.name}",
                "unit": item.unit,
                "places": _places(ctx, item),
                "usual_places": usual,
            }
        )
    for one in found[:3]:
        ctx.session.add(
            ScanEvent(
                uid=uuid.uuid4(), occurred_at=ctx.now, code=str(one["code"])[:200], user_id=ctx.principal.user_id,
                terminal_id=ctx.terminal_id, terminal_type="phone", purpose=LOCATE, means="manual", result="done",
            )
        )  # fmt: skip
    return found


def incident_of(ctx: Context, incident: ToolIncident) -> dict[str, Any]:
    """A breakage with its options in words."""
    query = (
        select(ToolIncidentOption, Tool)
        .join(Tool, Tool.id == ToolIncidentOption.tool_id)
        .where(ToolIncidentOption.tool_incident_id == incident.id)
        .order_by(ToolIncidentOption.rank)
    )
    broken = ctx.get(Tool, incident.tool_id)
    return {
        "id": incident.id,
        "uid": str(incident.uid),
        "status": incident.status,
        "tool": f"{broken.code} · {broken.name}",
        "is_critical": incident.is_critical,
        "is_repeated": incident.is_repeated,
        "asked": incident.escalated_at is not None,
        "options": [_option(ctx, incident, option, tool) for option, tool in ctx.session.execute(query)],
    }


def _option(ctx: Context, incident: ToolIncident, option: ToolIncidentOption, tool: Tool) -> dict[str, Any]:
    places = _places(ctx, tool)
    return {
        "id": option.id,
        "rank": option.rank,
        "tool_code": tool.code,
        "tool": f"{tool.code} · {tool.name}",
        "kind": option.kind,
        "kind_label": choice_label("replacement_kind", option.kind, ctx.locale),
        "conditions": record_boards.conditions_text(ctx, option),
        "strategy": record_boards.strategy_text(ctx, option),
        "time_factor": float(option.time_factor),
        "needs_manager": incidents.needs_manager(incident, option) and not incidents.may_decide(ctx),
        "status": option.status,
        "place": places[0]["code"] if places else None,
    }
