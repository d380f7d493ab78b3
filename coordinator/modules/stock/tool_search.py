"""The tools a job needs, found without a list: in the house first, then known, then in the catalogues (STK-36)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.i18n import t
from coordinator.modules.catalogue.api import Material, SupplierItem, Tool
from coordinator.modules.catalogue.engine import tool_matching as matching
from coordinator.modules.parties.api import Supplier
from coordinator.modules.stock import alternatives
from coordinator.modules.stock.shop import OperationFacts
from coordinator.modules.stock.views import StockLevel

LIMIT = 10
USUAL_KINDS = {
    "turning": ("turning_rough", "turning_finish"),
    "milling": ("end_mill", "face_mill"),
    "drilling": ("spot_drill", "drill"),
    "cutting": ("saw_blade",),
    "grinding": ("grinding_wheel",),
    "edm": ("electrode",),
}
"""Kinds of tool an operation takes when its routing names none."""


def search(
    ctx: Context,
    *,
    tool_type: str,
    diameter_mm: float | None = None,
    depth_mm: float | None = None,
    corner_radius_mm: float | None = None,
    pitch_mm: float | None = None,
    material_id: int | None = None,
    holder: str | None = None,
) -> list[dict[str, Any]]:
    """Tools for a job, the best first; stock precedes any purchase (STK-30)."""
    material = ctx.get(Material, material_id) if material_id is not None else None
    groups = (
        frozenset({material.iso513_group}) if material is not None and material.iso513_group else frozenset()
    )
    wanted = matching.Wanted(tool_type, diameter_mm, depth_mm, corner_radius_mm, pitch_mm, groups, holder)
    return _own(ctx, wanted) + _catalogue(ctx, wanted)


def _own(ctx: Context, wanted: matching.Wanted) -> list[dict[str, Any]]:
    query = (
        select(Tool, StockLevel.available_qty)
        .join(StockLevel, StockLevel.id == Tool.id)
        .where(
            Tool.tool_type.in_(alternatives.kinds_for(wanted.kind)),
            Tool.is_active,
            Tool.archived_at.is_(None),
        )
    )
    known = {tool.id: (tool, quantity) for tool, quantity in ctx.session.execute(query)}
    found = matching.find(wanted, [alternatives.offer_of(tool) for tool, _ in known.values()])
    rows = []
    for match in found:
        tool, quantity = known[match.offer.key]
        source = "stock" if quantity > 0 else "known"
        row = _row(ctx, match, source, f"{tool.code} · {tool.name}")
        rows.append({**row, "tool_id": tool.id, "available": str(quantity)})
    rows.sort(key=lambda r: (r["source"] != "stock", -r["score_pct"]))
    return rows[:LIMIT]


def _catalogue(ctx: Context, wanted: matching.Wanted) -> list[dict[str, Any]]:
    """Articles of suppliers that are not yet tools of the house."""
    query = (
        select(SupplierItem, Supplier.name)
        .join(Supplier, Supplier.id == SupplierItem.supplier_id)
        .where(
            SupplierItem.stock_item_id.is_(None),
            SupplierItem.tool_type.in_(alternatives.kinds_for(wanted.kind)),
            SupplierItem.archived_at.is_(None),
        )
    )
    known = {article.id: (article, name) for article, name in ctx.session.execute(query)}
    offers = [
        matching.Offer(
            article.id,
            article.tool_type or wanted.kind,
            article.iso13399 or {},
            matching.groups_of(str((article.iso13399 or {}).get("TMC1ISO", ""))),
            None,
        )
        for article, _ in known.values()
    ]
    rows = []
    for match in matching.find(wanted, offers)[:LIMIT]:
        article, name = known[match.offer.key]
        row = _row(
            ctx, match, "catalogue", f"{name} · {article.supplier_reference} · {article.description or ''}"
        )
        rows.append(
            {
                **row,
                "supplier_item_id": article.id,
                "price": str(article.price)
                if article.price is not None and ctx.principal.sees("prices")
                else None,
                "lead_time_days": article.lead_time_days,
                "catalogue_url": article.catalogue_url,
                "known_at": article.fetched_at.isoformat() if article.fetched_at else None,
            }
        )
    return rows


def _row(ctx: Context, match: matching.Match, source: str, display: str) -> dict[str, Any]:
    return {
        "source": source,
        "source_label": t(f"stock.tool_source.{source}", ctx.locale),
        "display": display.strip(" ·"),
        "score_pct": match.score_pct,
        "needs_program": match.needs_program,
        "reasons": [t(f"stock.strategy.{code}", ctx.locale) for code in match.reasons],
    }


def for_operation(ctx: Context, facts: OperationFacts) -> list[dict[str, Any]]:
    """For each tool planned, or each usual kind where none is, what serves best."""
    material = ctx.session.get(Material, facts.part_material_id) if facts.part_material_id else None
    rows = []
    for tool_id in facts.tool_ids:
        tool = ctx.get(Tool, tool_id)
        wanted = alternatives.wanted_of(tool, material, facts.depth_mm)
        found = _own(ctx, wanted) + _catalogue(ctx, wanted)
        rows.append({"wanted": f"{tool.code} · {tool.name}", "tools": found[:5]})
    if not rows:
        for kind in USUAL_KINDS.get(facts.operation_type, ()):
            found = search(ctx, tool_type=kind, depth_mm=facts.depth_mm, material_id=facts.part_material_id)
            rows.append({"wanted": t(f"enum.tool_type.{kind}", ctx.locale), "tools": found[:5]})
    return rows
