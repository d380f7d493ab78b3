"""The engine's shop read from the database: machines, tools with stock and cutting data, material, rates, calendar."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text

from coordinator.kernel.context import Context
from coordinator.modules.catalogue.models import CuttingData, Material, SupplierItem, Tool
from coordinator.modules.company import api as company
from coordinator.modules.company.models import ActivityType, RateCard, RateCardLine, WorkCenter
from coordinator.modules.machines.models import Machine, MachineCapability, MachineToolCompatibility
from coordinator.modules.parties.models import Supplier
from coordinator.modules.quoting import learned, shop_stock
from coordinator.modules.quoting.defaults import engine_settings
from coordinator.modules.quoting.engine import shop as engine
from coordinator.modules.quoting.engine.materials import identify
from coordinator.modules.quoting.engine.other_operations import treatment_kind

_WORKPLACES = {"deburring": "Établi", "washing": "Lavage", "packaging": "Emballage"}
_HORIZON_DAYS = 730


CURRENCY = "EUR"
"""Currency of costs and prices; amounts in another one are never counted as euros: such a rate or article is missing."""


def build_shop(ctx: Context, treatments: Iterable[str] = ()) -> engine.Shop:
    """Everything a price depends on besides the part. ``treatments`` are those of the quote, to find their rates."""
    names = material_names(ctx)
    compatible = _compatibility(ctx)
    cutting = _cutting_data(ctx, names)
    card = engine.RateCard(tuple(_rates(ctx, names, tuple(treatments))))
    stock = [_with_price(piece, card, ctx.now.date()) for piece in shop_stock.raw_material(ctx, names)]
    return engine.Shop(
        machines=tuple(_machines(ctx)),
        tools=tuple(_tools(ctx, compatible, cutting)),
        supplier_items=tuple(_supplier_items(ctx, compatible, cutting)),
        stock=tuple(stock),
        rate_card=card,
        calendar=_calendar(ctx),
        settings=engine_settings(ctx),
        learned=learned.accepted(ctx),
        densities=_densities(ctx, names),
    )


def _densities(ctx: Context, names: dict[int, str]) -> tuple[tuple[str, float], ...]:
    """Density of each material record by the name of its grade; the newest record of a grade counts."""
    query = select(Material.id, Material.density_g_cm3).where(
        Material.archived_at.is_(None), Material.density_g_cm3 > 0
    )
    rows = ctx.session.execute(query.order_by(Material.id)).tuples()
    return tuple({names[i]: float(d) for i, d in rows if d is not None and i in names}.items())


def _with_price(piece: engine.StockUnit, card: engine.RateCard, on: dt.date) -> engine.StockUnit:
    """A lot without a price of its own counts at the grid's, so that owned material is never passed over."""
    if piece.price_per_kg is not None:
        return piece
    line = card.find("material", on, material=piece.material)
    return replace(piece, price_per_kg=line.rate) if line and line.unit == "kg" else piece


def material_names(ctx: Context) -> dict[int, str]:
    """Name of each material as the engine knows it: its own grade name where it recognises one."""
    found = {}
    for material in ctx.session.scalars(select(Material)):
        found[material.id] = designation(material)
    return found


def designation(material: Material) -> str:
    """First designation of a material that the engine's tables recognise, else its code."""
    candidates = (
        material.en_designation,
        material.code,
        material.afnor_designation,
        material.werkstoff_number,
    )
    for candidate in (*candidates, material.name):
        if candidate and identify(candidate).group is not None:
            match = identify(candidate)
            group = match.group.code if match.group else None
            if material.iso513_group in (None, group):
                return match.name if match.grade and identify(match.name).group == match.group else candidate
    return material.code


def _number(value: Decimal | int | None) -> float | None:
    return None if value is None else float(value)


def _machines(ctx: Context) -> list[engine.Machine]:
    capabilities: dict[int, set[str]] = defaultdict(set)
    rows = select(MachineCapability).where(MachineCapability.archived_at.is_(None))
    for row in ctx.session.scalars(rows):
        capabilities[row.machine_id].add(row.operation_type)
    centers = dict(ctx.session.execute(select(WorkCenter.id, WorkCenter.code)).tuples().all())
    found = []
    query = select(Machine).where(Machine.archived_at.is_(None)).order_by(Machine.code)
    for machine in ctx.session.scalars(query):
        extra = machine.extra if isinstance(machine.extra, dict) else {}
        does = capabilities[machine.id]
        places = [name for kind, name in _WORKPLACES.items() if kind in does]
        if machine.machine_type != "other" or not places:
            places = [centers.get(machine.work_center_id, "") if machine.work_center_id else ""]
        found += [_machine(machine, extra, does, place) for place in places]
    return found


def _machine(machine: Machine, extra: dict[str, Any], does: set[str], work_center: str) -> engine.Machine:
    def own(name: str, default: Any = None) -> Any:
        return extra.get(name, default)

    interfaces = machine.tool_interface or machine.spindle_taper or ""
    return engine.Machine(
        code=machine.code,
        name=machine.name,
        machine_type=machine.machine_type,
        work_center=work_center,
        status=machine.status,
        axis_count=machine.axis_count or 0,
        travel_x_mm=_number(machine.travel_x_mm),
        travel_y_mm=_number(machine.travel_y_mm),
        travel_z_mm=_number(machine.travel_z_mm),
        max_turning_diameter_mm=_number(machine.max_turning_diameter_mm),
        max_turning_length_mm=own("max_turning_length_mm"),
        bar_capacity_mm=_number(machine.bar_capacity_mm),
        table_load_kg=_number(machine.table_load_kg),
        max_spindle_rpm=_number(machine.max_spindle_rpm),
        spindle_power_kw=_number(machine.spindle_power_kw),
        spindle_torque_nm=_number(machine.spindle_torque_nm),
        max_feed_mm_min=_number(machine.max_feed_mm_min),
        magazine_places=machine.tool_slots,
        tool_interface=_words(interfaces),
        has_driven_tools=bool(
            own("has_driven_tools", "milling" in does or machine.machine_type == "mill_turn")
        ),
        driven_tool_power_kw=_number(machine.driven_tool_power_kw),
        driven_tool_torque_nm=_number(machine.driven_tool_torque_nm),
        driven_tool_max_rpm=_number(machine.driven_tool_max_rpm),
        has_sub_spindle=bool(own("has_sub_spindle", False)),
        has_tailstock=own("has_tailstock"),
        has_steady_rest=own("has_steady_rest"),
        attainable_it=own("attainable_it"),
        attainable_ra_um=own("attainable_ra_um"),
        tool_change_min=own("tool_change_min"),
        setup_time_min=own("setup_time_min"),
        attendance_pct=float(own("attendance_pct", 100)),
    )


def _words(value: str | None) -> tuple[str, ...]:
    return tuple(w.strip() for w in (value or "").replace(";", ",").split(",") if w.strip())


Compatibility = dict[int, tuple[tuple[str, ...], tuple[str, ...]]]


def _compatibility(ctx: Context) -> Compatibility:
    """Per tool: machines it goes in, machines where it stands in the magazine."""
    query = (
        select(MachineToolCompatibility.tool_id, Machine.code, MachineToolCompatibility.slot_number)
        .join(Machine, Machine.id == MachineToolCompatibility.machine_id)
        .where(MachineToolCompatibility.archived_at.is_(None))
        .order_by(Machine.code)
    )
    found: Compatibility = {}
    for tool_id, code, slot in ctx.session.execute(query):
        fits, mounted = found.get(tool_id, ((), ()))
        found[tool_id] = ((*fits, code), (*mounted, code) if slot is not None else mounted)
    return found


CuttingIndex = dict[tuple[int | None, str | None], list[engine.CuttingData]]


def _cutting_data(ctx: Context, names: dict[int, str]) -> CuttingIndex:
    index: CuttingIndex = defaultdict(list)
    query = select(CuttingData).where(CuttingData.archived_at.is_(None), CuttingData.status != "rejected")
    for row in ctx.session.scalars(query.order_by(CuttingData.id.desc())):
        data = engine.CuttingData(
            operation_type=row.operation_type,
            iso513_group=row.iso513_group or "",
            material=names.get(row.material_id, "") if row.material_id else "",
            vc_m_min=_number(row.vc_m_min),
            fz_mm=_number(row.fz_mm),
            f_mm_rev=_number(row.f_mm_rev),
            ap_mm=_number(row.ap_mm),
            ae_mm=_number(row.ae_mm),
            source=row.source,
            status=row.status,
        )
        index[row.tool_id, None if row.tool_id else row.tool_type].append(data)
    return index


def _tools(ctx: Context, compatible: Compatibility, cutting: CuttingIndex) -> list[engine.Tool]:
    held = text("SELECT stock_item_id, available_qty FROM stock_level WHERE item_kind = 'tool'")
    stock = {row.stock_item_id: int(row.available_qty or 0) for row in ctx.session.execute(held)}
    query = select(Tool).where(
        Tool.archived_at.is_(None), Tool.is_active, Tool.tool_type.in_(engine.TOOL_TYPES)
    )
    return [
        _tool(tool, compatible, cutting, quantity=stock.get(tool.id, 0), price=tool.unit_cost)
        for tool in ctx.session.scalars(query.order_by(Tool.code))
    ]


def _supplier_items(ctx: Context, compatible: Compatibility, cutting: CuttingIndex) -> list[engine.Tool]:
    """Articles a known tool can be bought as, with price and delay (QUO-18)."""
    query = (
        select(SupplierItem, Tool, Supplier.name)
        .join(Tool, Tool.id == SupplierItem.stock_item_id)
        .join(Supplier, Supplier.id == SupplierItem.supplier_id)
        .where(SupplierItem.archived_at.is_(None), SupplierItem.price.is_not(None))
        .where(SupplierItem.currency == CURRENCY)
        .where(Tool.tool_type.in_(engine.TOOL_TYPES))
        .order_by(SupplierItem.id)
    )
    return [
        _tool(
            tool,
            compatible,
            cutting,
            quantity=0,
            price=item.price,
            delay_days=item.lead_time_days or 0,
            supplier=supplier,
        )
        for item, tool, supplier in ctx.session.execute(query)
    ]


def _tool(
    tool: Tool,
    compatible: Compatibility,
    cutting: CuttingIndex,
    *,
    quantity: int,
    price: Decimal | None,
    delay_days: int = 0,
    supplier: str = "",
) -> engine.Tool:
    iso = tool.iso13399 if isinstance(tool.iso13399, dict) else {}
    fits, mounted = compatible.get(tool.id, ((), ()))
    material = f"{tool.grade or ''} {tool.coating or ''} {tool.name}".upper()
    is_hss = "HSS" in material or "ARS" in material.split()
    reach = iso.get("LU") or iso.get("LPR") or tool.length_mm
    return engine.Tool(
        code=tool.code,
        name=tool.name,
        tool_type=tool.tool_type,
        diameter_mm=_number(tool.diameter_mm),
        usable_length_mm=_number(reach),
        cutting_length_mm=_number(tool.cutting_length_mm),
        corner_radius_mm=_number(tool.corner_radius_mm),
        teeth=tool.teeth_count or 1,
        width_mm=_number(iso.get("CW")),
        pitch_mm=_number(tool.thread_pitch_mm),
        substrate="hss" if is_hss else "carbide",
        iso513_groups=_words(tool.iso513_groups) or ("P", "M", "K", "N", "S", "H"),
        holder_interface=tool.holder_interface or "",
        max_rpm=_number(tool.max_spindle_rpm),
        quantity=quantity,
        price=price,
        edge_count=int(iso.get("CEDC") or 1),
        edge_life_min=_number(tool.life_min),
        machines=fits,
        mounted_in=mounted,
        cutting_data=(*cutting.get((tool.id, None), ()), *cutting.get((None, tool.tool_type), ())),
        delay_days=delay_days,
        supplier=supplier,
    )


def _rates(ctx: Context, names: dict[int, str], treatments: tuple[str, ...]) -> list[engine.RateCardLine]:
    machines = dict(ctx.session.execute(select(Machine.id, Machine.code)).tuples().all())
    centers = dict(ctx.session.execute(select(WorkCenter.id, WorkCenter.code)).tuples().all())
    trades = dict(ctx.session.execute(select(ActivityType.id, ActivityType.code)).tuples().all())
    suppliers = dict(ctx.session.execute(select(Supplier.id, Supplier.name)).tuples().all())
    found: list[engine.RateCardLine] = []
    query = (
        select(RateCardLine, RateCard)
        .join(RateCard, RateCard.id == RateCardLine.rate_card_id)
        .where(RateCardLine.archived_at.is_(None), RateCard.archived_at.is_(None))
        .where(RateCard.currency == CURRENCY)
        .order_by(RateCardLine.id.desc())
    )
    for row, card in ctx.session.execute(query).tuples():
        if row.job_position_id is not None:
            continue
        for kind, treatment in _kinds(row, treatments):
            activity = trades.get(row.activity_type_id, "") if row.activity_type_id else ""
            line = engine.RateCardLine(
                kind=kind,
                rate=row.rate,
                unit=row.unit,
                machine=machines.get(row.machine_id, "?") if row.machine_id else "",
                work_center=centers.get(row.work_center_id, "?") if row.work_center_id else "",
                machine_type=row.machine_type or "",
                activity_type=activity or ("" if row.kind == "treatment" else row.treatment or ""),
                material=names.get(row.material_id, "?") if row.material_id else "",
                treatment=treatment,
                supplier=suppliers.get(row.supplier_id, "?") if row.supplier_id else "",
                selling_rate=row.selling_rate,
                valid_from=row.valid_from,
                valid_to=min((d for d in (row.valid_to, card.valid_to) if d is not None), default=None),
            )
            found.append(line)
    return found


def _kinds(row: RateCardLine, treatments: tuple[str, ...]) -> list[tuple[str, str]]:
    """The engine tells heat from surface treatment; a rate named "Trempe" is that of "Trempe 58 HRC" too."""
    if row.kind != "treatment":
        return [(row.kind, "")]
    if not row.treatment:
        return [("heat_treatment", ""), ("surface_treatment", "")]
    named = [t for t in treatments if row.treatment.casefold() in t.casefold()]
    return [(treatment_kind(t), t) for t in named] or [(treatment_kind(row.treatment), row.treatment)]


def _calendar(ctx: Context) -> engine.Calendar:
    """Usual minutes per weekday and closed days of the next two years, from the shop's default calendar."""
    hours = company.calendar(ctx, company.default_calendar(ctx).id)
    minutes = [0] * 7
    for shift in hours.shifts:
        minutes[shift.weekday - 1] += shift.end_min - shift.start_min - shift.break_min
    today = ctx.now.date()
    closed: set[dt.date] = set()
    if hours.closes_on_public_holidays:
        for year in range(today.year, today.year + 3):
            closed |= set(company.public_holidays(year, alsace_moselle=hours.is_alsace_moselle))
    for exception in hours.exceptions:
        day = max(exception.first_day, today)
        while day <= exception.last_day and (day - today).days <= _HORIZON_DAYS:
            closed.discard(day) if exception.is_open else closed.add(day)
            day += dt.timedelta(days=1)
    a, b, c, d, e, f, g = minutes
    return engine.Calendar((a, b, c, d, e, f, g), frozenset(closed))
