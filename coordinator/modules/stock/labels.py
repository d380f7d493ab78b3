"""Labels of stock: QR code with what a person must read beside it; an offcut repeats grade and heat (STK-10, STK-23)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import select

from coordinator.kernel import qr
from coordinator.kernel.context import Context
from coordinator.kernel.db import Record
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.models import QrCode
from coordinator.kernel.papers.labels import Label, LabelPaper, render_labels
from coordinator.modules.catalogue.api import Material, StockItem, Tool
from coordinator.modules.stock.models import StockLot, StockUnit, StorageLocation

MODELS: dict[str, type[Record]] = {
    "stock_item": StockItem,
    "tool": Tool,
    "material": Material,
    "stock_lot": StockLot,
    "stock_unit": StockUnit,
    "storage_location": StorageLocation,
}


def label_of(ctx: Context, record: Record) -> Label:
    """Label of an item, lot, bar, offcut, tool or place."""
    code = qr.code_of(ctx, record)
    if isinstance(record, StockUnit):
        return Label(_unit_title(record), code, _unit_lines(ctx, record))
    if isinstance(record, StockLot):
        item = ctx.get(StockItem, record.stock_item_id)
        return Label(record.lot_number, code, [item.name, *_heat(record)])
    if isinstance(record, StorageLocation):
        return Label(record.code, code, [record.name])
    assert isinstance(record, StockItem)  # noqa: S101 — MODELS holds nothing else
    return Label(record.code, code, [record.name])


def _unit_title(unit: StockUnit) -> str:
    if unit.serial_number:
        return unit.serial_number
    whole = "TÔLE" if unit.shape == "plate" else "BARRE"
    return f"{'CHUTE' if unit.parent_id is not None else whole} {unit.id}"


def _unit_lines(ctx: Context, unit: StockUnit) -> list[str]:
    item = ctx.get(StockItem, unit.stock_item_id)
    lines = [item.name]
    size = [f"Ø {_plain(unit.diameter_mm)}"] if unit.diameter_mm else []
    size += [_plain(v) for v in (unit.width_mm, unit.height_mm, unit.length_mm) if v]
    if size:
        lines.append(" × ".join(size) + " mm")
    if unit.stock_lot_id is not None:
        lines += _heat(ctx.get(StockLot, unit.stock_lot_id))
    return lines


def _heat(lot: StockLot) -> list[str]:
    words = [f"Coulée {lot.heat_number}"] if lot.heat_number else []
    if lot.certificate_number:
        words.append(f"Cert. {lot.certificate_type or ''} {lot.certificate_number}".replace("  ", " "))
    if lot.expires_on is not None:
        words.append(f"À utiliser avant le {lot.expires_on:%d/%m/%Y}")
    return words


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}".replace(".", ",")


def print_labels(
    ctx: Context,
    entity: str,
    ids: Sequence[int],
    *,
    width_mm: float = 60,
    height_mm: float = 30,
    on_a4: bool = False,
) -> bytes:
    """PDF of labels; the code's print count follows.

    Raises:
        BusinessError: ``stock.label_kind``.
    """
    model = MODELS.get(entity)
    if model is None:
        raise BusinessError("stock.label_kind", kind=entity)
    records = [ctx.get(model, i) for i in ids]
    made = [label_of(ctx, record) for record in records]
    for row in ctx.session.scalars(select(QrCode).where(QrCode.code.in_([one.qr for one in made]))):
        row.printed_count += 1
    return render_labels(LabelPaper(made, width_mm, height_mm, on_a4))
