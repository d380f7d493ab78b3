"""Raw material in the house as the engine counts it: bars, plates and offcuts with their price per kilogram."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text

from coordinator.kernel.context import Context
from coordinator.modules.catalogue.models import Material
from coordinator.modules.quoting.engine.sections import Section, of_unit
from coordinator.modules.quoting.engine.shop import StockUnit as Piece
from coordinator.modules.stock.models import StockLot, StockUnit

_BALANCE = text(
    "SELECT stock_item_id, stock_lot_id, stock_unit_id, sum(quantity) AS quantity FROM stock_balance"
    " WHERE is_available AND stock_item_id IN (SELECT id FROM material) GROUP BY 1, 2, 3 HAVING sum(quantity) > 0"
    " ORDER BY 1, 2, 3"
)
_PLATES = ("plate", "blank")
_SECTIONS = ("diameter_mm", "width_mm", "height_mm", "wall_mm")


def raw_material(ctx: Context, names: dict[int, str]) -> Iterator[Piece]:
    """Everything usable on the shelves; what is reserved for somebody else is the planning's affair."""
    materials = {m.id: m for m in ctx.session.scalars(select(Material))}
    lots = {lot.id: lot for lot in ctx.session.scalars(select(StockLot))}
    units = {unit.id: unit for unit in ctx.session.scalars(select(StockUnit))}
    standard_mm = ctx.settings.decimal("quoting.blank.bar_length_mm")
    for row in ctx.session.execute(_BALANCE):
        material, lot = materials[row.stock_item_id], lots.get(row.stock_lot_id)
        unit = units.get(row.stock_unit_id)
        if unit is not None:
            yield from _unit(material, lot, unit, names[material.id])
        elif lot is not None:
            yield from _bars(material, lot, Decimal(row.quantity), names[material.id], standard_mm)


def _unit(material: Material, lot: StockLot | None, unit: StockUnit, name: str) -> Iterator[Piece]:
    size = _size(unit, lot)
    if unit.length_mm is None or size is None:
        return
    code = unit.serial_number or (f"{lot.lot_number}-{unit.id}" if lot else f"U{unit.id}")
    yield _piece(material, lot, name, code, size, float(unit.length_mm), is_offcut=unit.parent_id is not None)


def _bars(
    material: Material, lot: StockLot, quantity: Decimal, name: str, standard_mm: Decimal
) -> Iterator[Piece]:
    """A lot counted in millimetres or kilograms, as whole standard bars and a rest."""
    size = _size(lot, None)
    if size is None:
        return
    length = _length_mm(material, size, quantity)
    if length is None:
        return
    whole = int(length // standard_mm)
    if whole:
        yield _piece(material, lot, name, lot.lot_number, size, float(standard_mm), count=whole)
    rest = length - whole * standard_mm
    if rest > 0:
        code = lot.lot_number if not whole else f"{lot.lot_number} (reste)"
        yield _piece(material, lot, name, code, size, float(rest))


Size = dict[str, Any]


def _size(first: StockLot | StockUnit, second: StockLot | None) -> Size | None:
    """Section of a unit, taken from its lot where the unit leaves it open; None if it cannot be told."""
    found: Size = {"shape": first.shape or (second.shape if second is not None else None) or "round"}
    for column in _SECTIONS:
        value = getattr(first, column, None)
        found[column] = getattr(second, column) if value is None and second is not None else value
    if found["shape"] in _PLATES:
        return found if found["width_mm"] and found["height_mm"] else None
    return found if _bar(found) is not None else None


def _bar(size: Size) -> Section | None:
    values = {n: None if size[n] is None else float(size[n]) for n in _SECTIONS}
    piece = Piece("", "", size["shape"], 0.0, values["diameter_mm"], values["width_mm"], values["height_mm"])
    return of_unit(replace(piece, wall_mm=values["wall_mm"]))


def section_mm2(size: Size) -> float:
    """Area of a section in mm²; of a hexagon the diameter is across flats, of a tube the wall counts."""
    if size["shape"] in _PLATES:
        return float(size["width_mm"]) * float(size["height_mm"])
    bar = _bar(size)
    return bar.area_mm2 if bar is not None else 0.0


def _kg_per_mm(material: Material, size: Size) -> float | None:
    density = material.density_g_cm3
    return None if density is None else section_mm2(size) * float(density) * 1e-6


def _length_mm(material: Material, size: Size, quantity: Decimal) -> Decimal | None:
    if material.unit == "mm":
        return quantity
    if material.unit == "m":
        return quantity * 1000
    per_mm = _kg_per_mm(material, size)
    if material.unit == "kg" and per_mm:
        return Decimal(str(round(float(quantity) / per_mm, 1)))
    return None


def _price_per_kg(material: Material, lot: StockLot | None, size: Size) -> Decimal | None:
    cost = lot.unit_cost if lot is not None and lot.unit_cost is not None else material.unit_cost
    if cost is None or cost <= 0:
        return None
    if material.unit == "kg":
        return cost
    per_mm = _kg_per_mm(material, size)
    if not per_mm or material.unit not in {"mm", "m"}:
        return None
    per_unit = per_mm * (1000 if material.unit == "m" else 1)
    return (cost / Decimal(repr(per_unit))).quantize(Decimal("0.0001"))


def _piece(
    material: Material,
    lot: StockLot | None,
    name: str,
    code: str,
    size: Size,
    length_mm: float,
    *,
    count: int = 1,
    is_offcut: bool = False,
) -> Piece:

    def own(column: str) -> float | None:
        return None if size[column] is None else float(size[column])

    return Piece(
        code=code,
        material=name,
        shape=size["shape"],
        length_mm=length_mm,
        diameter_mm=own("diameter_mm"),
        width_mm=own("width_mm"),
        thickness_mm=own("height_mm"),
        wall_mm=own("wall_mm"),
        quantity=count,
        is_offcut=is_offcut,
        certified=bool(lot and lot.is_certified),
        status=lot.status if lot else "released",
        price_per_kg=_price_per_kg(material, lot, size),
        heat_number=(lot.heat_number or "") if lot else "",
    )
