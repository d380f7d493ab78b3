"""What the prepared pages of stock show: dashboard, needs, map, breakages; lives, plans and places of one record."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.i18n import choice_label, t
from coordinator.modules.catalogue.api import StockItem, Tool
from coordinator.modules.stock import board, ledger, life, places, reports, supply
from coordinator.modules.stock.models import (
    StockLot,
    StorageLocation,
    ToolIncident,
)
from coordinator.modules.stock.views import StockBalance, StockLevel

Page = dict[str, Any]


def _name(item: StockItem) -> str:
    return f"{item.code} · {item.name}"


def dashboard(ctx: Context, period: reports.Period) -> Page:
    """Indicators and consumption of a period (STK-27, STK-44)."""
    sections: list[board.Section | None] = []
    found = reports.indicators(ctx, period)
    if not ctx.principal.sees("prices"):
        found = [i for i in found if i.unit != "€"]
    values = [
        (
            t(f"board.indicator.{i.code}", ctx.locale),
            i.value,
            i.unit,
            t("board.indicator_of", ctx.locale, number=str(i.of).replace(".", ",")) if i.of else None,
        )
        for i in found
    ]
    sections.append(board.figures(ctx, "board.indicators", values))
    heads = [board.head(ctx, "label"), board.head(ctx, "quantity", "quantity"), board.head(ctx, "unit")]
    if ctx.principal.sees("prices"):
        heads.append(board.head(ctx, "cost", "money"))
    entities = {"item": "stock_item", "order": "work_order", "machine": "machine", "month": None}
    for by in ("month", "item", "order", "machine"):
        spent = reports.consumption(ctx, period, by)[:30]
        rows = [
            {
                "label": s.label,
                "quantity": s.quantity,
                "unit": s.unit,
                "cost": s.cost,
                "_link": board.link(entities[by], s.key if by != "month" else None),
            }
            for s in spent
        ]
        sections.append(board.table(ctx, f"board.consumption_by_{by}", heads, rows, stretch="label"))
    sections.append(_idle(ctx))
    return board.page(t("board.dashboard", ctx.locale), sections)


def _idle(ctx: Context) -> board.Section:
    """Tools in stock that nobody took for long, or ever (STK-06)."""
    rows = [
        {
            "tool": _name(tool),
            "last_use": last,
            "on_hand": held,
            "_link": board.link("tool", tool.id),
        }
        for tool, held, last in reports.idle_tools(ctx, ctx.settings.integer("stock.tool_idle_days"))
    ]
    heads = [
        board.head(ctx, "tool"),
        board.head(ctx, "on_hand", "quantity"),
        board.head(ctx, "last_use", "datetime"),
    ]
    return board.table(ctx, "board.idle_tools", heads, rows, stretch="tool")


def forecast(ctx: Context, days: int | None) -> Page:
    """What will run short, with the needs behind it (STK-34)."""
    rows, detail = [], []
    for one in supply.outlook(ctx, days):
        rows.append(
            {
                "item": _name(one.item),
                "available": one.available,
                "needed": one.result.needed_qty,
                "usual": round(one.result.usual_qty, 3),
                "lowest": round(one.result.lowest_qty, 3),
                "short_on": one.result.short_on,
                "below_minimum_on": one.result.below_minimum_on,
                "missing": round(one.result.missing_qty, 3),
                "unit": one.item.unit,
                "_link": board.link("stock_item", one.item.id),
            }
        )
        detail += [
            {
                "item": _name(one.item),
                "on": n.needed_on,
                "quantity": n.quantity,
                "label": n.label,
                "_link": board.link(n.entity, n.record_id),
            }
            for n in one.needs
        ]
    heads = [
        board.head(ctx, "item"),
        *(board.head(ctx, n, "quantity") for n in ("available", "needed", "usual", "lowest", "missing")),
        board.head(ctx, "unit"),
        board.head(ctx, "short_on", "date"),
        board.head(ctx, "below_minimum_on", "date"),
    ]
    needs = [
        board.head(ctx, "item"),
        board.head(ctx, "on", "date"),
        board.head(ctx, "quantity", "quantity"),
        board.head(ctx, "label"),
    ]
    return board.page(
        t("board.forecast", ctx.locale),
        [
            board.table(ctx, "board.shortages", heads, rows, empty="board.no_shortage", stretch="item"),
            board.table(ctx, "board.needs", needs, detail, stretch="label"),
        ],
    )


def breakages(ctx: Context, period: reports.Period) -> Page:
    """Journal of breakages: when, who, tool, machine, cause, action, cost (STK-42)."""
    start, end = period.bounds
    query = select(ToolIncident).where(ToolIncident.occurred_at >= start, ToolIncident.occurred_at < end)
    rows = []
    by_tool: dict[int, list[ToolIncident]] = defaultdict(list)
    for one in ctx.session.scalars(query.order_by(ToolIncident.occurred_at.desc())):
        by_tool[one.tool_id].append(one)
        new = ctx.session.get(Tool, one.replacement_tool_id) if one.replacement_tool_id else None
        rows.append(
            {
                "at": one.occurred_at,
                "tool": _name(ctx.get(Tool, one.tool_id)),
                "cause": one.cause or one.comment,
                "machine": _machine(ctx, one.machine_id),
                "replacement": _name(new) if new is not None else None,
                "action": one.action,
                "person": life.person(ctx, one.reported_by_id),
                "cost": one.cost,
                "status": one.status,
                "_link": board.link("tool_incident", one.id),
            }
        )
    heads = [
        board.head(ctx, "at", "datetime"),
        *(board.head(ctx, n) for n in ("tool", "machine", "cause", "replacement", "action", "person")),
        board.choice_head(ctx, "status", "tool_incident", ("open", "replaced", "confirmed", "cancelled")),
    ]
    if ctx.principal.sees("prices"):
        heads.insert(-1, board.head(ctx, "cost", "money"))
    often = [
        {"tool": _name(ctx.get(Tool, tool_id)), "times": len(found), "_link": board.link("tool", tool_id)}
        for tool_id, found in sorted(by_tool.items(), key=lambda p: -len(p[1]))
        if len(found) > 1
    ]
    return board.page(
        t("board.breakages", ctx.locale),
        [
            board.table(
                ctx,
                "board.repeated",
                [board.head(ctx, "tool"), board.head(ctx, "times", "integer")],
                often,
                stretch="tool",
            ),
            board.table(ctx, "board.journal", heads, rows, stretch="cause"),
        ],
    )


def _machine(ctx: Context, machine_id: int | None) -> str | None:
    from coordinator.modules.machines.api import Machine

    machine = ctx.session.get(Machine, machine_id) if machine_id is not None else None
    return machine.name if machine is not None else None


def the_map(ctx: Context, words: str | None = None) -> Page:
    """Cabinets, racks and bins with what they hold and how full they are; a search lights up where things are (STK-16)."""
    query = (
        select(StorageLocation).where(StorageLocation.archived_at.is_(None)).order_by(StorageLocation.code)
    )
    held = _held(ctx)
    full = places.occupation(ctx)
    found = _found(ctx, words)
    cells = []
    for place in ctx.session.scalars(query):
        content = held.get(place.id, [])
        if place.code == ledger.NO_PLACE and not content:
            continue
        cells.append(
            {
                "id": place.id,
                "parent_id": place.parent_id,
                "code": place.code,
                "name": place.name,
                "kind": place.kind,
                "kind_label": choice_label("storage_location_kind", place.kind, ctx.locale),
                "accepts": place.accepts,
                "capacity": None if place.capacity is None else str(place.capacity),
                "occupied": str(full.get(place.id, Decimal(0))),
                "tone": _tone(place, content, full.get(place.id, Decimal(0))),
                "is_found": place.id in found,
                "content": content,
            }
        )
    legend = [
        {"tone": tone, "label": t(f"board.map.{tone}", ctx.locale)}
        for tone in ("success", "warning", "danger", "info", "muted")
    ]
    section = {"kind": "map", "title": None, "cells": cells, "legend": legend, "query": words or ""}
    separated = _separated(ctx)
    return board.page(t("board.map", ctx.locale), [section, separated])


def _held(ctx: Context) -> dict[int, list[dict[str, Any]]]:
    below = set(ctx.session.scalars(select(StockLevel.id).where(StockLevel.is_below_alert)))
    query = (
        select(StockBalance, StockItem, StockLot.lot_number)
        .join(StockItem, StockItem.id == StockBalance.stock_item_id)
        .outerjoin(StockLot, StockLot.id == StockBalance.stock_lot_id)
        .order_by(StockItem.code, StockBalance.id)
    )
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row, item, lot in ctx.session.execute(query):
        found[row.storage_location_id].append(
            {
                "item_id": item.id,
                "item": _name(item),
                "quantity": str(row.quantity.normalize())
                if row.quantity == row.quantity.to_integral()
                else str(row.quantity),
                "unit": item.unit,
                "lot": lot,
                "unit_id": row.stock_unit_id,
                "is_certified": row.is_certified,
                "is_available": row.is_available,
                "is_below_alert": item.id in below,
                "is_negative": row.quantity < 0,
            }
        )
    return found


def _tone(place: StorageLocation, content: list[dict[str, Any]], occupied: Decimal) -> str:
    if any(c["is_negative"] for c in content):
        return "danger"
    if any(c["is_below_alert"] or not c["is_available"] for c in content):
        return "warning"
    if place.capacity is not None and occupied >= place.capacity:
        return "info"
    return "success" if content else "muted"


def _found(ctx: Context, words: str | None) -> set[int]:
    if not words or not words.strip():
        return set()
    like = f"%{words.strip()}%"
    query = (
        select(StockBalance.storage_location_id)
        .join(StockItem, StockItem.id == StockBalance.stock_item_id)
        .outerjoin(StockLot, StockLot.id == StockBalance.stock_lot_id)
        .where(
            StockItem.code.ilike(like)
            | StockItem.name.ilike(like)
            | StockLot.lot_number.ilike(like)
            | StockLot.heat_number.ilike(like)
        )
    )
    return set(ctx.session.scalars(query))


def _separated(ctx: Context) -> board.Section:
    """Certified and ordinary material apart (STK-17)."""
    query = (
        select(StockLevel, StockItem)
        .join(StockItem, StockItem.id == StockLevel.id)
        .where(StockLevel.item_kind == "material", StockLevel.on_hand != 0)
    )
    rows = [
        {
            "item": _name(item),
            "certified": level.certified_qty,
            "ordinary": level.on_hand - level.certified_qty,
            "unit": level.unit,
            "_link": board.link("material", item.id),
        }
        for level, item in ctx.session.execute(query.order_by(StockItem.code))
    ]
    heads = [
        board.head(ctx, "item"),
        board.head(ctx, "certified", "quantity"),
        board.head(ctx, "ordinary", "quantity"),
        board.head(ctx, "unit"),
    ]
    return board.table(ctx, "board.materials", heads, rows, stretch="item")


def default_period(ctx: Context, start: dt.date | None, end: dt.date | None) -> reports.Period:
    """The last three months unless said otherwise."""
    last = end or ctx.now.date()
    return reports.Period(start or last - dt.timedelta(days=90), last)
