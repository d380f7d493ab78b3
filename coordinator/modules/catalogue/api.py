"""What other modules may ask about items, tools, materials and parts."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from coordinator.kernel.context import Context
from coordinator.modules.catalogue import rules
from coordinator.modules.catalogue.grades import identify
from coordinator.modules.catalogue.models import (
    CuttingData,
    Material,
    MaterialSynonym,
    Part,
    PartRevision,
    PpeItem,
    StockItem,
    SupplierItem,
    Tool,
)
from coordinator.modules.catalogue.seed_materials import GROUPS

__all__ = [
    "GROUPS",
    "CuttingData",
    "Material",
    "MaterialSynonym",
    "Part",
    "PartRevision",
    "PpeItem",
    "StockItem",
    "SupplierItem",
    "Tool",
    "best_supplier_item",
    "cutting_data_for",
    "find_material",
    "item_by_code",
    "part_revision",
    "printed_references",
    "similar_materials",
    "tool_properties",
]


def item_by_code(ctx: Context, code: str) -> StockItem | None:
    """Item of a reference, whatever the case; archived ones left out."""
    query = select(StockItem).where(func.lower(StockItem.code) == code.strip().lower())
    return ctx.session.scalars(query.where(StockItem.archived_at.is_(None))).one_or_none()


def printed_references(ctx: Context, item_id: int) -> list[str]:
    """References of other people that stand on an item's packages: its manufacturer's and its suppliers', each once, sorted."""
    supplied = select(SupplierItem.supplier_reference).where(
        SupplierItem.stock_item_id == item_id, SupplierItem.archived_at.is_(None)
    )
    made = select(Tool.manufacturer_reference).where(Tool.id == item_id)
    found = [*ctx.session.scalars(supplied), *ctx.session.scalars(made)]
    return sorted({reference.strip() for reference in found if reference and reference.strip()})


def find_material(ctx: Context, designation: str) -> Material | None:
    """Material of a designation in any system (EN, AFNOR, Werkstoff number, AISI, trade name).

    The whole designation first, then its longest known beginning: ``42CrMo4 +QT EN 10083`` is 42CrMo4+QT; then the grade
    which the text names anywhere (``Acier XC 48 étiré``).
    ``None`` when nothing matches, or when two materials answer to the name.
    """
    key = rules.search_key(designation)
    if len(key) < 2:
        return None
    whole = _materials(ctx, MaterialSynonym.search_key == key)
    if len(whole) == 1:
        return ctx.get(Material, whole[0])
    if whole:
        return None
    length = func.length(MaterialSynonym.search_key)
    prefix = (func.left(key, length) == MaterialSynonym.search_key) & (length >= 3)
    longest = ctx.session.scalar(select(func.max(length)).where(prefix))
    if longest is not None:
        found = _materials(ctx, prefix & (length == longest))
        return ctx.get(Material, found[0]) if len(found) == 1 else None
    grade = identify(designation).grade
    if grade is None:
        return None
    keys = [rules.search_key(name) for _, name in grade.names]
    found = _materials(ctx, MaterialSynonym.search_key.in_(keys))
    return ctx.get(Material, found[0]) if len(found) == 1 else None


def _materials(ctx: Context, condition: Any) -> list[int]:
    query = (
        select(MaterialSynonym.material_id).where(condition, MaterialSynonym.archived_at.is_(None)).distinct()
    )
    return list(ctx.session.scalars(query.limit(2)))


def similar_materials(ctx: Context, designation: str, *, limit: int = 3) -> list[Material]:
    """Materials whose designations look most like this one, for a person to choose from (DRW-22)."""
    key = rules.search_key(designation)
    query = select(MaterialSynonym.material_id, MaterialSynonym.search_key)
    best: dict[int, float] = {}
    for material_id, known in ctx.session.execute(query.where(MaterialSynonym.archived_at.is_(None))):
        score = SequenceMatcher(None, key, known).ratio()
        if score >= 0.55 and score > best.get(material_id, 0.0):
            best[material_id] = score
    return [ctx.get(Material, i) for i in sorted(best, key=lambda i: (-best[i], i))[:limit]]


def tool_properties(tool: Tool) -> dict[str, Any]:
    """Properties of a tool under their ISO 13399 codes (DC, OAL, APMX, RE, NOF…)."""
    columns = {name: getattr(tool, name) for name in rules.ISO13399}
    return rules.iso13399_properties(columns, tool.iso13399)


def cutting_data_for(
    ctx: Context, *, tool_id: int | None, material: Material, operation_type: str, accepted_only: bool = False
) -> CuttingData | None:
    """Best known cutting data: the tool's own before its kind's, the material's before its group's,
    accepted before proposed, typed by the owner before fetched ones (CRM-23)."""
    wanted = ("accepted",) if accepted_only else ("accepted", "proposed")
    tool = ctx.session.get(Tool, tool_id) if tool_id is not None else None
    of_tool: list[ColumnElement[bool]] = [CuttingData.tool_id.is_(None) & CuttingData.tool_type.is_(None)]
    if tool is not None:
        of_tool += [
            CuttingData.tool_id == tool.id,
            CuttingData.tool_id.is_(None) & (CuttingData.tool_type == tool.tool_type),
        ]
    query = select(CuttingData).where(
        or_(*of_tool),
        or_(CuttingData.material_id == material.id, CuttingData.iso513_group == material.iso513_group),
        CuttingData.operation_type == operation_type,
        CuttingData.status.in_(wanted),
        CuttingData.archived_at.is_(None),
    )
    found = list(ctx.session.scalars(query))
    order = {"manual": 0, "learned": 1, "supplier": 2}

    def rank(data: CuttingData) -> tuple[Any, ...]:
        return (
            data.tool_id is None,
            data.tool_type is None,
            data.material_id is None,
            data.status != "accepted",
            order[data.source],
            -data.id,
        )

    return min(found, key=rank, default=None)


def best_supplier_item(ctx: Context, stock_item_id: int) -> SupplierItem | None:
    """Article to buy an item: the preferred one, else the cheapest with a known price, else the quickest."""
    query = select(SupplierItem).where(
        SupplierItem.stock_item_id == stock_item_id, SupplierItem.archived_at.is_(None)
    )
    order = (
        SupplierItem.is_preferred.desc(),
        SupplierItem.price.asc().nulls_last(),
        SupplierItem.lead_time_days.asc().nulls_last(),
        SupplierItem.id,
    )
    return ctx.session.scalars(query.order_by(*order).limit(1)).one_or_none()


def part_revision(
    ctx: Context, *, customer_id: int | None, drawing_number: str, revision: str | None = None
) -> PartRevision | None:
    """Revision of a drawing number of a customer; the current one when no revision is given."""
    query = select(PartRevision).join(Part, Part.id == PartRevision.part_id)
    query = query.where(func.lower(Part.drawing_number) == drawing_number.strip().lower())
    query = query.where(
        Part.customer_id == customer_id if customer_id is not None else Part.customer_id.is_(None)
    )
    if revision is None:
        query = query.where(PartRevision.is_current)
    else:
        query = query.where(func.lower(PartRevision.revision) == revision.strip().lower())
    return ctx.session.scalars(query.order_by(PartRevision.id.desc()).limit(1)).one_or_none()
