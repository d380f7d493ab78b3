"""The engine's built-in shop as records, so that a quote made from the database can be compared with the engine's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

from coordinator.kernel.context import Context
from coordinator.modules.catalogue import api as catalogue
from coordinator.modules.catalogue.models import Material, Part, PartRevision, Tool
from coordinator.modules.company import api as company
from coordinator.modules.company.models import CompanyProfile, Site, WorkCenter, Workshop
from coordinator.modules.drawings.models import DrawingAnalysis, DrawingFile
from coordinator.modules.machines.models import Machine, MachineCapability, MachineToolCompatibility
from coordinator.modules.parties.models import Address, Customer
from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.materials import identify
from coordinator.modules.stock.ledger import Movement, post
from coordinator.modules.stock.models import StockLot, StockUnit, StorageLocation

WORKPLACES = {"Établi": "deburring", "Lavage": "washing", "Emballage": "packaging"}


def dec(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def build(ctx: Context, *, tools: bool = True, stock: bool = True) -> dict[str, int]:
    """Company, machines, tools, rates, raw material of the built-in shop. Answers machine ids by code."""
    if ctx.session.query(CompanyProfile).first() is None:
        ctx.add(
            CompanyProfile(
                legal_name="Mécanique de la Loire", legal_form="SAS", siren="732829320", vat_number="FR44732829320",
                street="12 rue des Forges", postal_code="42000", city="Saint-Étienne", share_capital=Decimal(150000),
                rcs_city="Saint-Étienne",
            )
        )  # fmt: skip
    machines = _machines(ctx)
    if tools:
        _tools(ctx, machines)
    _rates(ctx)
    if stock:
        _stock(ctx)
    return machines


def customer(ctx: Context, **values: object) -> Customer:
    """A customer with an address."""
    defaults = {
        "name": "Aéro Composants", "legal_name": "Aéro Composants SA", "status": "active", "siret": "55210055400013",
        "siren": "552100554", "vat_number": "FR61552100554", "code": "C-TEST",
    }  # fmt: skip
    made = ctx.add(Customer(**{**defaults, **values}))
    ctx.add(
        Address(
            customer_id=made.id, kind="billing", street="4 allée Ader", postal_code="31700", city="Blagnac"
        )
    )
    return made


def _machines(ctx: Context) -> dict[str, int]:
    site = ctx.add(Site(code="S1", name="Atelier", is_default=True))
    workshop = ctx.add(Workshop(site_id=site.id, code="A1", name="Atelier"))
    centers: dict[str, int] = {}
    found = {}
    for m in default_shop().machines:
        if m.work_center not in WORKPLACES and m.work_center not in centers:
            centers[m.work_center] = ctx.add(
                WorkCenter(workshop_id=workshop.id, code=m.work_center[:20], name=m.work_center)
            ).id
        extra = {
            name: getattr(m, name)
            for name in (
                "max_turning_length_mm",
                "has_sub_spindle",
                "has_driven_tools",
                "attainable_it",
                "attainable_ra_um",
            )
            if getattr(m, name)
        }
        machine = ctx.add(
            Machine(
                code=m.code, name=m.name, machine_type=m.machine_type, axis_count=m.axis_count, travel_x_mm=dec(m.travel_x_mm),
                travel_y_mm=dec(m.travel_y_mm), travel_z_mm=dec(m.travel_z_mm), table_load_kg=dec(m.table_load_kg),
                max_turning_diameter_mm=dec(m.max_turning_diameter_mm), bar_capacity_mm=dec(m.bar_capacity_mm),
                max_spindle_rpm=None if m.max_spindle_rpm is None else int(m.max_spindle_rpm),
                spindle_power_kw=dec(m.spindle_power_kw), spindle_torque_nm=dec(m.spindle_torque_nm),
                max_feed_mm_min=None if m.max_feed_mm_min is None else int(m.max_feed_mm_min), tool_slots=m.magazine_places,
                tool_interface=", ".join(m.tool_interface) or None, extra=extra or None,
                work_center_id=centers.get(m.work_center),
            )
        )  # fmt: skip
        if m.work_center in WORKPLACES:
            ctx.add(MachineCapability(machine_id=machine.id, operation_type=WORKPLACES[m.work_center]))
        found[m.code] = machine.id
    return found


def _tools(ctx: Context, machines: dict[str, int]) -> None:
    shelf = ctx.add(StorageLocation(code="OUTILS", name="Outils", kind="cabinet"))
    for t in default_shop().tools:
        iso = {"LU": t.usable_length_mm, "CW": t.width_mm, "CEDC": t.edge_count}
        tool = ctx.add(
            Tool(
                code=t.code, name=t.name[:200], item_kind="tool", unit="pce", managed_by="quantity", tool_type=t.tool_type,
                diameter_mm=dec(t.diameter_mm), cutting_length_mm=dec(t.cutting_length_mm),
                corner_radius_mm=dec(t.corner_radius_mm), teeth_count=t.teeth, thread_pitch_mm=dec(t.pitch_mm),
                grade="HSS-Co" if t.substrate == "hss" else "carbure", iso513_groups=", ".join(t.iso513_groups),
                holder_interface=t.holder_interface or None, unit_cost=t.price,
                iso13399={k: v for k, v in iso.items() if v},
            )
        )  # fmt: skip
        if t.quantity:
            move = Movement(
                tool.id, Decimal(t.quantity), "receipt", from_holder="fournisseur", to_location_id=shelf.id
            )
            post(ctx, move)
        for slot, code in enumerate(t.mounted_in):
            ctx.add(
                MachineToolCompatibility(
                    machine_id=machines[code], tool_id=tool.id, slot_number=tool.id * 10 + slot
                )
            )


def _rates(ctx: Context) -> None:
    today = ctx.now.date()
    centers = {c.code: c.id for c in ctx.session.query(WorkCenter)}
    machines = {m.code: m.id for m in ctx.session.query(Machine)}
    places = {m.work_center: m.code for m in default_shop().machines}
    materials = {m.code: m.id for m in ctx.session.query(Material)}
    for line in default_shop().rate_card.lines:
        objects: dict[str, object] = {}
        kind = line.kind
        if line.work_center in places:
            if line.work_center in WORKPLACES:
                objects["machine_id"] = machines[places[line.work_center]]
            else:
                objects["work_center_id"] = centers[line.work_center[:20]]
        elif line.work_center:
            continue
        if line.material:
            known = catalogue.find_material(ctx, line.material)
            if known is None or known.id not in materials.values():
                continue
            objects["material_id"] = known.id
        if kind in ("heat_treatment", "surface_treatment"):
            continue
        if line.activity_type:
            objects["treatment"] = line.activity_type
        company.set_rate(ctx, kind, line.rate, line.unit, on=today, **objects)
    company.set_rate(ctx, "treatment", Decimal("2.20"), "kg", on=today)
    company.set_rate(ctx, "material", Decimal("1.90"), "kg", on=today)


def _stock(ctx: Context) -> None:
    rack = ctx.add(StorageLocation(code="BARRES", name="Barres", kind="rack"))
    for unit in default_shop().stock:
        match = identify(unit.material)
        material = catalogue.find_material(ctx, match.name)
        if material is None:
            continue
        lot = ctx.add(
            StockLot(
                stock_item_id=material.id, lot_number=unit.code, status="released", shape="round" if unit.shape == "round" else "plate",
                diameter_mm=dec(unit.diameter_mm), width_mm=dec(unit.width_mm), height_mm=dec(unit.thickness_mm),
                is_certified=unit.certified, heat_number=unit.heat_number or None,
            )
        )  # fmt: skip
        for number in range(unit.quantity):
            one = ctx.add(
                StockUnit(
                    stock_item_id=material.id, stock_lot_id=lot.id, serial_number=f"{unit.code}-{number + 1}",
                    length_mm=dec(unit.length_mm), condition="used" if unit.is_offcut else "new",
                )
            )  # fmt: skip
            post(ctx, Movement(material.id, dec(unit.length_mm) or Decimal(0), "receipt", stock_lot_id=lot.id,
                                 stock_unit_id=one.id, from_holder="fournisseur", to_location_id=rack.id))  # fmt: skip


def validated(ctx: Context, reading: dict[str, Any], customer_id: int, **changes: Any) -> DrawingAnalysis:
    """A drawing analysis as a person left it: validated, with its part revision."""
    title = reading["title_block"]
    number = title["drawing_number"]["value"]
    material = catalogue.find_material(ctx, title["material"]["value"])
    part = ctx.add(Part(customer_id=customer_id, name=title["part_name"]["value"], drawing_number=number))
    revision = ctx.add(
        PartRevision(part_id=part.id, revision="A", material_id=material.id if material else None)
    )
    file = ctx.add(
        DrawingFile(
            customer_id=customer_id,
            file_name=reading["file"],
            file_type="step",
            size=1,
            sha256=uuid4().hex * 2,
        )
    )
    values = {
        "drawing_file_id": file.id, "part_revision_id": revision.id, "status": "validated", "drawing_number": number,
        "revision": "A", "part_name": part.name, "material_text": title["material"]["value"],
        "material_id": material.id if material else None, "criticality": "standard",
        "general_tolerance": "ISO 2768-mK", "reading": {"files": [], "part": reading},
    }  # fmt: skip
    return ctx.add(DrawingAnalysis(**{**values, **changes}))
