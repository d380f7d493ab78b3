"""Rules of items, tools, materials, cutting data and parts at entry; reference materials."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, FieldError
from coordinator.modules.catalogue import rules
from coordinator.modules.catalogue.models import (
    CuttingData,
    Material,
    MaterialSynonym,
    PartRevision,
    PpeItem,
    StockItem,
    SupplierItem,
    Tool,
)
from coordinator.modules.catalogue.seed_materials import GRADES, GROUPS, Grade

OWN_TABLE = {"tool", "material", "ppe"}


def _refuse(field: str, code: str, **params: Any) -> BusinessError:
    return BusinessError(code, errors=[FieldError(field, code, params)], **params)


def check_item(ctx: Context, item: StockItem) -> None:  # noqa: ARG001 — signature of the entity's hook
    """Kinds with a table of their own are made there; levels make sense."""
    if type(item) is StockItem and item.item_kind in OWN_TABLE:
        raise _refuse("item_kind", "item.own_entity")
    if item.alert_threshold is not None and item.alert_threshold < 0:
        raise _refuse("alert_threshold", "field.greater_than_equal", limit=0)
    if item.critical_level is not None and item.critical_level > (item.alert_threshold or 0):
        raise _refuse("critical_level", "item.critical_above_alert")


def check_tool(ctx: Context, tool: Tool) -> None:
    """A tool is a tool whatever was typed."""
    tool.item_kind = "tool"
    check_item(ctx, tool)
    for name in ("diameter_mm", "length_mm", "cutting_length_mm"):
        value = getattr(tool, name)
        if value is not None and value <= 0:
            raise _refuse(name, "field.greater_than", limit=0)


def check_material(ctx: Context, material: Material) -> None:
    """A material is counted in millimetres of bar by default, by lots (STK-08)."""
    material.item_kind = "material"
    if material.id is None:
        material.unit = material.unit or "mm"
        material.managed_by = material.managed_by or "lot"
    check_item(ctx, material)


def check_ppe(ctx: Context, ppe: PpeItem) -> None:
    """Category of the PPE regulation (EU) 2016/425."""
    ppe.item_kind = "ppe"
    check_item(ctx, ppe)


def check_synonym(ctx: Context, synonym: MaterialSynonym) -> None:  # noqa: ARG001 — signature of the entity's hook
    """Give the designation its search key."""
    synonym.search_key = rules.search_key(synonym.designation)


def check_supplier_item(ctx: Context, article: SupplierItem) -> None:
    """Whoever types an article answers for it."""
    article.verified_by_id = ctx.principal.user_id
    if article.price is not None and article.price < 0:
        raise _refuse("price", "field.greater_than_equal", limit=0)


def check_cutting_data(ctx: Context, data: CuttingData) -> None:
    """Exactly one of material and group; owner's own values count at once (CRM-23)."""
    if (data.material_id is None) == (data.iso513_group is None):
        raise _refuse("iso513_group", "cutting_data.one_material")
    if data.vc_m_min is not None and data.vc_m_min <= 0:
        raise _refuse("vc_m_min", "field.greater_than", limit=0)
    if data.obtained_on is None:
        data.obtained_on = ctx.now.date()


def decide_cutting_data(ctx: Context, data: CuttingData, _params: Any) -> None:
    """Who accepted or rejected, and when."""
    data.decided_by_id = ctx.principal.user_id
    data.decided_at = ctx.now


def on_new_revision(ctx: Context, revision: PartRevision) -> None:
    """The newest revision is the current one."""
    others = update(PartRevision).where(PartRevision.part_id == revision.part_id, PartRevision.is_current)
    ctx.session.execute(others.values(is_current=False, row_version=PartRevision.row_version + 1))
    revision.is_current = True


def seed(ctx: Context) -> None:
    """Put the usual materials in place; what a person changed stays as it is."""
    known = set(ctx.session.scalars(select(StockItem.code)))
    for grade in GRADES:
        if grade.code not in known:
            _add_grade(ctx, grade)


def _add_grade(ctx: Context, grade: Grade) -> None:
    group = GROUPS[grade.group]
    material = Material(
        code=grade.code,
        name=grade.name,
        item_kind="material",
        unit="mm",
        managed_by="lot",
        material_family=grade.family,
        iso513_group=grade.group,
        density_g_cm3=grade.density_g_cm3,
        kc11_n_mm2=group.kc11,
        mc=group.mc,
        saw_rate_cm2_min=group.saw,
        en_designation=grade.en,
        werkstoff_number=grade.wnr,
        afnor_designation=grade.afnor,
        is_aerospace_grade=grade.aerospace,
    )
    ctx.add(material)
    named = (
        ("EN", grade.en),
        ("WNR", grade.wnr),
        ("AFNOR", grade.afnor),
        ("TRADE", grade.code),
        *grade.others,
    )
    seen: set[str] = set()
    for system, designation in named:
        key = rules.search_key(designation or "")
        if designation and key not in seen:
            seen.add(key)
            ctx.session.add(
                MaterialSynonym(
                    material_id=material.id, system=system, designation=designation, search_key=key
                )
            )
    ctx.session.flush()
