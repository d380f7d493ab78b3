"""Tables of items, tools, materials and parts (areas 09 and 03; 00-data-model §2)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


def _own_id() -> Mapped[int]:
    return mapped_column(
        BigInteger, ForeignKey("stock_item.id", ondelete="RESTRICT"), primary_key=True, sort_order=-100
    )


class StockItem(Record):
    """Anything physical that is held, used and bought (STK-01). Quantities are never stored here (DAT-09)."""

    __tablename__ = "stock_item"
    __table_args__: Any = (
        CheckConstraint("alert_threshold >= 0", name="alert_threshold_min"),
        CheckConstraint("critical_level <= alert_threshold", name="critical_below_alert"),
    )

    code: Mapped[str] = f.text(60, required=True, unique=True, search=True)
    name: Mapped[str] = f.text(200, required=True, search=True)
    item_kind: Mapped[str] = f.choice("stock_item_kind", default="consumable")
    unit: Mapped[str] = f.choice("stock_unit", default="pce")
    managed_by: Mapped[str] = f.choice("managed_by", default="quantity")
    description: Mapped[str | None] = f.long_text(search=True)
    alert_threshold: Mapped[Decimal | None] = f.quantity()
    critical_level: Mapped[Decimal | None] = f.quantity()
    reorder_qty: Mapped[Decimal | None] = f.quantity()
    lead_time_days: Mapped[int | None] = f.integer(unit="j")
    unit_cost: Mapped[Decimal | None] = f.unit_price()
    is_consumable: Mapped[bool] = f.boolean()
    is_active: Mapped[bool] = f.boolean(default=True)
    is_hazardous: Mapped[bool] = f.boolean()
    safety_sheet_url: Mapped[str | None] = f.text(300, kind="url")
    shelf_life_days: Mapped[int | None] = f.integer(unit="j")
    photo_sha256: Mapped[str | None] = f.text(64, read_only=True)

    # Kinds without a table of their own (inserts, consumables, spare parts…) are plain items.
    table_kind: Mapped[str] = mapped_column(String(20))

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {
            "polymorphic_on": "table_kind",
            "polymorphic_identity": "item",
            "version_id_col": cls.row_version,
        }


class Tool(StockItem):
    """A cutting tool, holder or insert body; property names beyond the owner's follow ISO 13399 (STK-02)."""

    __tablename__ = "tool"
    __mapper_args__ = {"polymorphic_identity": "tool"}  # noqa: RUF012 — read once by the mapper

    id: Mapped[int] = _own_id()
    tool_type: Mapped[str] = f.choice("tool_type")
    diameter_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    length_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    cutting_length_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    corner_radius_mm: Mapped[Decimal | None] = f.decimal(8, 3, unit="mm")
    point_angle_deg: Mapped[Decimal | None] = f.decimal(6, 2, unit="°")
    teeth_count: Mapped[int | None] = f.integer()
    thread_pitch_mm: Mapped[Decimal | None] = f.decimal(6, 3, unit="mm")
    grade: Mapped[str | None] = f.text(60, search=True)
    coating: Mapped[str | None] = f.text(60)
    iso1832_code: Mapped[str | None] = f.text(40, search=True)
    iso513_groups: Mapped[str | None] = f.text(40)
    holder_interface: Mapped[str | None] = f.text(40)
    max_spindle_rpm: Mapped[int | None] = f.integer(unit="tr/min")
    manufacturer: Mapped[str | None] = f.text(120, search=True)
    manufacturer_reference: Mapped[str | None] = f.text(120, search=True)
    life_min: Mapped[int | None] = f.integer(unit="min")
    life_parts: Mapped[int | None] = f.integer()
    iso13399: Mapped[Any] = f.json()


class Material(StockItem):
    """A grade of raw material (STK-07), with the values the quoting engine needs (QUO-22)."""

    __tablename__ = "material"
    __mapper_args__ = {"polymorphic_identity": "material"}  # noqa: RUF012 — read once by the mapper

    id: Mapped[int] = _own_id()
    afnor_designation: Mapped[str | None] = f.text(60, search=True)
    en_designation: Mapped[str | None] = f.text(60, search=True)
    werkstoff_number: Mapped[str | None] = f.text(20, search=True)
    material_family: Mapped[str] = f.choice("material_family", default="steel")
    iso513_group: Mapped[str | None] = f.choice("iso513_group", required=False)
    density_g_cm3: Mapped[Decimal | None] = f.decimal(6, 3, unit="g/cm³")
    kc11_n_mm2: Mapped[int | None] = f.integer(unit="N/mm²")
    mc: Mapped[Decimal | None] = f.decimal(4, 3)
    saw_rate_cm2_min: Mapped[Decimal | None] = f.decimal(8, 2, unit="cm²/min")
    tensile_strength_mpa: Mapped[int | None] = f.integer(unit="MPa")
    hardness: Mapped[str | None] = f.text(40)
    heat_treatment_state: Mapped[str | None] = f.text(60)
    norm: Mapped[str | None] = f.text(60)
    is_aerospace_grade: Mapped[bool] = f.boolean()


class MaterialSynonym(Record):
    """Another designation of a material, as drawings and certificates write it."""

    __tablename__ = "material_synonym"
    __table_args__ = (UniqueConstraint("search_key", "material_id"),)

    material_id: Mapped[int] = f.ref("material.id", required=True)
    system: Mapped[str] = f.choice("synonym_system")
    designation: Mapped[str] = f.text(60, required=True, search=True)
    search_key: Mapped[str] = f.text(60, required=True, read_only=True, index=True, default="")


class PpeItem(StockItem):
    """Personal protective equipment (STK-11)."""

    __tablename__ = "ppe_item"
    __mapper_args__ = {"polymorphic_identity": "ppe"}  # noqa: RUF012 — read once by the mapper

    id: Mapped[int] = _own_id()
    ppe_type: Mapped[str] = f.text(60, required=True, search=True)
    size: Mapped[str | None] = f.text(20)
    norm: Mapped[str | None] = f.text(60)
    category: Mapped[str] = f.choice("ppe_category", default="I")
    expires_on: Mapped[dt.date | None] = f.date()


class SupplierItem(Record):
    """An article of a supplier: reference, price, delay (CRM-19)."""

    __tablename__ = "supplier_item"
    __table_args__ = (UniqueConstraint("supplier_id", "supplier_reference"),)

    supplier_id: Mapped[int] = f.ref("supplier.id", required=True)
    stock_item_id: Mapped[int | None] = f.ref("stock_item.id")
    supplier_reference: Mapped[str] = f.text(120, required=True, search=True)
    manufacturer: Mapped[str | None] = f.text(120, search=True)
    description: Mapped[str | None] = f.text(500, search=True)
    price: Mapped[Decimal | None] = f.unit_price()
    price_breaks: Mapped[Any] = f.json()
    currency: Mapped[str] = f.choice("currency", default="EUR")
    pack_qty: Mapped[Decimal] = f.quantity(required=True, default=Decimal(1))
    minimum_qty: Mapped[Decimal | None] = f.quantity()
    lead_time_days: Mapped[int | None] = f.integer(unit="j")
    availability: Mapped[str | None] = f.text(120)
    catalogue_url: Mapped[str | None] = f.text(500, kind="url")
    tool_type: Mapped[str | None] = f.choice("tool_type", required=False)
    iso13399: Mapped[Any] = f.json()
    certificate_type: Mapped[str | None] = f.choice("certificate_type", required=False)
    is_preferred: Mapped[bool] = f.boolean()
    source_url: Mapped[str | None] = f.text(500, kind="url")
    fetched_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    fetch_status: Mapped[str | None] = f.choice("fetch_status", required=False, read_only=True)
    verified_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)


class CuttingData(Record):
    """Cutting conditions of a tool or a kind of tool in a material (STK-05)."""

    __tablename__ = "cutting_data"
    __table_args__ = (
        CheckConstraint("num_nonnulls(material_id, iso513_group) = 1", name="one_material"),
        CheckConstraint("vc_m_min > 0", name="vc_positive"),
    )

    tool_id: Mapped[int | None] = f.ref("tool.id")
    tool_type: Mapped[str | None] = f.choice("tool_type", required=False)
    material_id: Mapped[int | None] = f.ref("material.id")
    iso513_group: Mapped[str | None] = f.choice("iso513_group", required=False)
    operation_type: Mapped[str] = f.choice("operation_type", default="milling")
    vc_m_min: Mapped[Decimal | None] = f.decimal(8, 2, unit="m/min")
    fz_mm: Mapped[Decimal | None] = f.decimal(8, 4, unit="mm")
    f_mm_rev: Mapped[Decimal | None] = f.decimal(8, 4, unit="mm/tr")
    ap_mm: Mapped[Decimal | None] = f.decimal(8, 3, unit="mm")
    ae_mm: Mapped[Decimal | None] = f.decimal(8, 3, unit="mm")
    max_depth_mm: Mapped[Decimal | None] = f.decimal(8, 3, unit="mm")
    coolant: Mapped[str | None] = f.choice("coolant", required=False)
    source: Mapped[str] = f.choice("cutting_data_source", default="manual")
    source_url: Mapped[str | None] = f.text(500, kind="url")
    obtained_on: Mapped[dt.date | None] = f.date()
    status: Mapped[str] = f.status("cutting_data", "proposed")
    decided_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    decided_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class Part(Record):
    """A part as the customer names it; what is made is one of its revisions."""

    __tablename__ = "part"
    __table_args__ = (UniqueConstraint("customer_id", "drawing_number", postgresql_nulls_not_distinct=True),)

    customer_id: Mapped[int | None] = f.ref("customer.id")
    name: Mapped[str] = f.text(200, required=True, search=True)
    drawing_number: Mapped[str] = f.text(120, required=True, search=True)
    description: Mapped[str | None] = f.long_text(search=True)


class PartRevision(Record):
    """One revision of a part: what a quote prices and a routing makes."""

    __tablename__ = "part_revision"
    __table_args__ = (UniqueConstraint("part_id", "revision"),)

    part_id: Mapped[int] = f.ref("part.id", required=True)
    revision: Mapped[str] = f.text(20, required=True, search=True, default="-")
    material_id: Mapped[int | None] = f.ref("material.id")
    criticality: Mapped[str] = f.choice("criticality", default="standard")
    certificate_required: Mapped[bool] = f.boolean()
    length_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    width_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    height_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    diameter_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    mass_kg: Mapped[Decimal | None] = f.decimal(12, 4, unit="kg")
    is_current: Mapped[bool] = f.boolean(default=True)
    notes: Mapped[str | None] = f.long_text()
