"""Prepared pages of one record: life of a lot or tool, supply of an item, options of a breakage, bars of a plan."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.i18n import choice_label, t
from coordinator.modules.catalogue.api import StockItem, Tool
from coordinator.modules.stock import board, cutting_plans, life, plate_plans, shop, supply, tool_life
from coordinator.modules.stock.models import StockLot, StockUnit, StorageLocation, ToolIncident
from coordinator.modules.stock.models_cutting import CuttingPlan, PlatePlan
from coordinator.modules.stock.models_tooling import ToolIncidentOption
from coordinator.modules.stock.views import StockBalance

Page = dict[str, Any]
_KINDS = ("same", "equivalent", "alternative")


def _name(item: StockItem) -> str:
    return f"{item.code} · {item.name}"


def lot_life(ctx: Context, lot: StockLot) -> Page:
    """Life of a lot."""
    return _life(ctx, lot.lot_number, life.of_lot(ctx, lot))


def unit_life(ctx: Context, unit: StockUnit) -> Page:
    """Life of a bar, an offcut or a tool."""
    return _life(ctx, unit.serial_number or f"#{unit.id}", life.of_unit(ctx, unit))


def _life(ctx: Context, title: str, steps: list[life.Step]) -> Page:
    heads = [
        board.head(ctx, "at", "datetime"),
        board.head(ctx, "what"),
        board.head(ctx, "details"),
        board.head(ctx, "person"),
    ]
    rows = [
        {
            "at": s.at,
            "what": s.what,
            "details": s.details,
            "person": s.person,
            "_link": board.link(s.entity, s.record_id),
        }
        for s in steps
    ]
    return board.page(title, [board.table(ctx, "board.life", heads, rows, stretch="details")])


def item_supply(ctx: Context, item: StockItem) -> Page:
    """There, promised, expected, equivalent (STK-32); for a tool also the programs that call it (STK-46)."""
    found = supply.supply(ctx, item.id)
    values = [
        (t(f"board.{name}", ctx.locale), value, item.unit, None)
        for name, value in (
            ("on_hand", found.on_hand),
            ("in_use", found.in_use),
            ("reserved", found.reserved),
            ("available", found.available),
        )
    ]
    coming = [
        {
            "on": e.on,
            "quantity": e.quantity,
            "order": e.number,
            "_link": board.link("purchase_order", e.purchase_order_id),
        }
        for e in found.expected
    ]
    others = [
        {"item": _name(i), "available": q, "unit": i.unit, "_link": board.link("stock_item", i.id)}
        for i, q in found.equivalents
    ]
    where = [
        {
            "place": ctx.get(StorageLocation, b.storage_location_id).code,
            "quantity": b.quantity,
            "lot": _lot(ctx, b.stock_lot_id),
            "certified": t("board.yes", ctx.locale) if b.is_certified else "",
            "_link": board.link("storage_location", b.storage_location_id),
        }
        for b in _balances(ctx, item.id)
    ]
    sections: list[board.Section | None] = [
        board.figures(ctx, None, values),
        board.table(
            ctx,
            "board.where",
            [
                board.head(ctx, "place"),
                board.head(ctx, "quantity", "quantity"),
                board.head(ctx, "lot"),
                board.head(ctx, "certified"),
            ],
            where,
            stretch="place",
        ),
        board.table(
            ctx,
            "board.expected",
            [
                board.head(ctx, "on", "date"),
                board.head(ctx, "quantity", "quantity"),
                board.head(ctx, "order"),
            ],
            coming,
            stretch="order",
        ),
        board.table(
            ctx,
            "board.equivalents",
            [board.head(ctx, "item"), board.head(ctx, "available", "quantity"), board.head(ctx, "unit")],
            others,
            stretch="item",
        ),
    ]
    if isinstance(item, Tool):
        sections += [_tool_lives(ctx, item), _programs(ctx, item)]
    return board.page(_name(item), sections)


def _balances(ctx: Context, item_id: int) -> list[StockBalance]:
    query = select(StockBalance).where(StockBalance.stock_item_id == item_id).order_by(StockBalance.id)
    return list(ctx.session.scalars(query.execution_options(populate_existing=True)))


def _lot(ctx: Context, lot_id: int | None) -> str | None:
    return ctx.get(StockLot, lot_id).lot_number if lot_id is not None else None


def _tool_lives(ctx: Context, tool: Tool) -> board.Section:
    """How far each piece, or each machine's edge in use, is through its life (STK-06)."""
    rows = [
        {
            "item": one.name,
            "used_min": one.used_min,
            "used_parts": one.used_parts,
            "life_pct": one.share_pct,
            "basis": choice_label(
                "tool_usage_basis", "estimated" if one.is_estimated else "measured", ctx.locale
            ),
            "_link": board.link("stock_unit", one.stock_unit_id) or board.link("machine", one.machine_id),
        }
        for one in tool_life.lives(ctx, tool)
    ]
    heads = [
        board.head(ctx, "item"),
        board.head(ctx, "used_min", "decimal", unit="min", decimals=1),
        board.head(ctx, "used_parts", "integer"),
        board.head(ctx, "life_pct", "decimal", unit="%", decimals=1),
        board.head(ctx, "basis"),
    ]
    return board.table(ctx, "board.tool_lives", heads, rows, stretch="item")


def _programs(ctx: Context, tool: Tool) -> board.Section:
    rows = [
        {**row, "_link": board.link("work_order_operation", row["id"])}
        for row in shop.programs_of_tool(ctx, tool.id)
    ]
    heads = [board.head(ctx, n) for n in ("program", "operation")] + [
        board.head(ctx, n, "decimal", unit="min", decimals=1) for n in ("planned_min", "actual_min")
    ]
    return board.table(ctx, "board.programs", heads, rows, stretch="operation")


def incident(ctx: Context, record: ToolIncident) -> Page:
    """A breakage with its options (STK-38…40)."""
    tool = ctx.get(Tool, record.tool_id)
    query = (
        select(ToolIncidentOption)
        .where(ToolIncidentOption.tool_incident_id == record.id)
        .order_by(ToolIncidentOption.rank)
    )
    rows = []
    for option in ctx.session.scalars(query):
        other = ctx.get(Tool, option.tool_id)
        rows.append(
            {
                "rank": option.rank,
                "tool": _name(other),
                "kind": option.kind,
                "available": option.available_qty,
                "conditions": conditions_text(ctx, option),
                "why": strategy_text(ctx, option),
                "time": t(
                    "board.time_factor", ctx.locale, value=f"{option.time_factor:.2f}".replace(".", ",")
                ),
                "program": t("board.yes", ctx.locale) if option.needs_program else "",
                "status": option.status,
                "_link": board.link("tool_incident_option", option.id),
            }
        )
    heads = [
        board.head(ctx, "rank", "integer"),
        board.head(ctx, "tool"),
        board.choice_head(ctx, "kind", "replacement_kind", _KINDS),
        board.head(ctx, "available", "quantity"),
        board.head(ctx, "conditions"),
        board.head(ctx, "why"),
        board.head(ctx, "time"),
        board.head(ctx, "program"),
        board.choice_head(
            ctx, "status", "ai_recommendation", ("proposed", "accepted", "corrected", "refused", "ignored")
        ),
    ]
    notes = []
    if record.is_critical:
        notes.append(board.note(t("board.critical_first", ctx.locale), "warning"))
    if record.is_repeated:
        notes.append(board.note(t("board.repeated_note", ctx.locale), "warning"))
    return board.page(
        _name(tool),
        [*notes, board.table(ctx, "board.options", heads, rows, empty="board.no_option", stretch="why")],
    )


def conditions_text(ctx: Context, option: ToolIncidentOption) -> str:
    """Cutting data as a person reads them."""
    pairs = (
        ("Vc", option.vc_m_min, "m/min"),
        ("fz", option.fz_mm, "mm"),
        ("f", option.f_mm_rev, "mm/tr"),
        ("ap", option.ap_mm, "mm"),
        ("ae", option.ae_mm, "mm"),
    )
    words = [
        f"{name} {f'{value.normalize():f}'.replace('.', ',')} {unit}"
        for name, value, unit in pairs
        if value is not None
    ]
    if option.passes > 1:
        words.append(t("board.passes", ctx.locale, count=option.passes))
    return " · ".join(words)


def strategy_text(ctx: Context, option: ToolIncidentOption) -> str:
    """Strategy and differences in words."""
    codes = [*(option.strategy or []), *((option.differences or {}).get("reasons") or [])]
    return ", ".join(t(f"stock.strategy.{code}", ctx.locale) for code in dict.fromkeys(codes))


def plan(ctx: Context, record: CuttingPlan) -> Page:
    """A cutting plan: bars drawn with their pieces, and how good it is."""
    needs = {n.id: n for n in cutting_plans.needs_of(ctx, record.id)}
    bars = []
    for one in cutting_plans.bars_of(ctx, record.id):
        unit = ctx.session.get(StockUnit, one.stock_unit_id) if one.stock_unit_id is not None else None
        lot = ctx.session.get(StockLot, one.stock_lot_id) if one.stock_lot_id is not None else None
        bars.append(
            {
                "label": _bar_label(ctx, unit, lot, is_remnant=one.is_remnant),
                "length_mm": str(one.length_mm),
                "is_remnant": one.is_remnant,
                "is_cut": one.is_cut,
                "remainder_mm": str(one.remainder_mm),
                "keep_remainder": one.keep_remainder,
                "pieces": [{**p, "label": needs[p["need_id"]].label} for p in one.pieces],
                "_link": board.link("stock_unit", one.stock_unit_id),
            }
        )
    used = record.consumed_mm + record.scrap_mm
    share = round(100 * record.scrap_mm / used, 1) if used else None
    values = [
        (
            t("board.plan_bars", ctx.locale),
            record.bar_count,
            "",
            t("board.plan_remnants", ctx.locale, count=record.remnant_count),
        ),
        (
            t("board.plan_consumed", ctx.locale),
            record.consumed_mm,
            "mm",
            t("board.plan_bound", ctx.locale, value=f"{record.lower_bound_mm:.0f}"),
        ),
        (
            t("board.plan_scrap", ctx.locale),
            record.scrap_mm,
            "mm",
            None if share is None else f"{share:f} %".replace(".", ","),
        ),
        (t("board.plan_kept", ctx.locale), record.kept_mm, "mm", None),
    ]
    rows = [
        {
            "label": n.label,
            "length": n.length_mm,
            "pieces": n.piece_count,
            "cut": n.cut_count,
            "_link": board.link("work_order_operation", n.work_order_operation_id),
        }
        for n in needs.values()
    ]
    heads = [
        board.head(ctx, "label"),
        board.head(ctx, "length", "decimal", unit="mm", decimals=1),
        board.head(ctx, "pieces", "integer"),
        board.head(ctx, "cut", "integer"),
    ]
    return board.page(
        record.number,
        [
            _missing(ctx, record.missing_count),
            board.figures(ctx, None, values),
            {
                "kind": "bars",
                "title": t("board.bars", ctx.locale),
                "bars": bars,
                "kerf_mm": str(record.kerf_mm),
            },
            board.table(ctx, "board.plan_needs", heads, rows, stretch="label"),
        ],
    )


def plate_plan(ctx: Context, record: PlatePlan) -> Page:
    """A cutting plan of plates: each drawn with its pieces and the rests that are kept."""
    labels = {p["key"]: p["label"] for p in record.pieces}
    drawn, used_mm2 = [], Decimal(0)
    for one in plate_plans.sheets_of(ctx, record.id):
        unit = ctx.get(StockUnit, one.stock_unit_id)
        lot = ctx.session.get(StockLot, one.stock_lot_id) if one.stock_lot_id is not None else None
        used_mm2 += one.length_mm * one.width_mm - one.scrap_mm2
        drawn.append(
            {
                "label": f"{_bar_label(ctx, unit, lot, is_remnant=one.is_remnant, whole='board.sheet')}"
                f" · {one.length_mm:.0f} × {one.width_mm:.0f} mm",
                "length_mm": str(one.length_mm),
                "width_mm": str(one.width_mm),
                "is_cut": one.is_cut,
                "placed": [{**p, "label": labels[p["key"]]} for p in one.placed],
                "kept": one.kept,
            }
        )
    whole = used_mm2 + record.scrap_mm2
    values = [
        (
            t("board.plan_sheets", ctx.locale),
            record.sheet_count,
            "",
            t("board.plan_remnants", ctx.locale, count=record.remnant_count),
        ),
        (t("board.plan_scrap", ctx.locale), round(record.scrap_mm2 / 10**6, 3), "m²", None),
        (t("board.plan_kept", ctx.locale), round(record.kept_mm2 / 10**6, 3), "m²", None),
        (t("board.plate_used", ctx.locale), round(100 * used_mm2 / whole, 1) if whole else None, "%", None),
    ]
    heads = [
        board.head(ctx, "label"),
        board.head(ctx, "size"),
        board.head(ctx, "pieces", "integer"),
        board.head(ctx, "turn"),
    ]
    rows = [
        {
            "label": p["label"],
            "size": f"{Decimal(p['length_mm']).normalize():f} × {Decimal(p['width_mm']).normalize():f} mm",
            "pieces": p["count"],
            "turn": t("board.yes", ctx.locale) if p["may_turn"] else "",
        }
        for p in record.pieces
    ]
    return board.page(
        record.number,
        [
            _missing(ctx, record.missing_count),
            board.figures(ctx, None, values),
            {"kind": "sheets", "title": t("board.sheets", ctx.locale), "sheets": drawn},
            board.table(ctx, "board.plan_needs", heads, rows, stretch="label"),
        ],
    )


def _missing(ctx: Context, count: int) -> board.Section | None:
    return board.note(t("board.plan_missing", ctx.locale, count=count), "danger") if count else None


def _bar_label(
    ctx: Context, unit: StockUnit | None, lot: StockLot | None, *, is_remnant: bool, whole: str = "board.bar"
) -> str:
    kind = t("board.offcut" if is_remnant else whole, ctx.locale)
    code = unit.serial_number or f"#{unit.id}" if unit is not None else ""
    heat = f"{lot.lot_number} · {lot.heat_number or '—'}" if lot is not None else ""
    return " · ".join(x for x in (f"{kind} {code}", heat) if x)
