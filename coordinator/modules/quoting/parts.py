"""A quote line as the engine takes it: from the validated drawing, from the typed size, or from typed operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import DomainError
from coordinator.modules.catalogue.models import Material, Part, PartRevision
from coordinator.modules.drawings import api as drawings
from coordinator.modules.machines.models import Machine
from coordinator.modules.quoting import solids
from coordinator.modules.quoting.engine.part import ManualLine, ManualOperation, PartDescription
from coordinator.modules.quoting.engine.reading import from_reading
from coordinator.modules.quoting.engine.trades import TradeOperation
from coordinator.modules.quoting.models import QuoteLine, QuoteLineOperation
from coordinator.modules.quoting.shop import designation


def describe(ctx: Context, line: QuoteLine) -> tuple[PartDescription, str | None]:
    """The part, and the French reason why its drawing cannot be used (the engine then asks for what lacks)."""
    boxes: dict[str, Any] = {
        "criticality": line.criticality,
        "certificate_required": line.certificate_required,
        "programs_exist": line.programs_exist,
        "keep_stock_surface": line.keep_stock_surface,
        "blank_shape": line.blank_shape or "",
        "parts_per_clamping": line.parts_per_clamping,
        "trade_operations": trade_operations(line.trade_operations),
    }
    material = designation(ctx.get(Material, line.material_id)) if line.material_id else None
    quantity = int(line.quantity)
    if line.drawing_analysis_id is None:
        return _typed(ctx, line, material or "", boxes), None
    try:
        reading = drawings.validated_description(ctx, line.drawing_analysis_id)
    except DomainError as refusal:
        return _typed(ctx, line, material or "", boxes), refusal.message(ctx.locale)
    if line.solid_no is not None:
        if line.solid_no > len(solids.parts_of(reading)):
            return _typed(ctx, line, material or "", boxes), f"Pièce n° {line.solid_no} absente du plan."
        reading = solids.reading_of(reading, line.solid_no)
    part = from_reading(reading, quantity, material, **boxes)
    return _with_typed_size(part, line), None


def _typed(ctx: Context, line: QuoteLine, material: str, boxes: dict[str, Any]) -> PartDescription:
    number, name = "", line.description or ""
    if line.part_revision_id is not None:
        revision = ctx.get(PartRevision, line.part_revision_id)
        part = ctx.get(Part, revision.part_id)
        number, name = part.drawing_number, part.name
        if not material and revision.material_id is not None:
            material = designation(ctx.get(Material, revision.material_id))
    treatments = tuple(t.strip() for t in (line.treatments or "").split(";") if t.strip())
    described = PartDescription(
        drawing_number=number,
        name=name,
        material=material,
        treatments=treatments,
        quantity=int(line.quantity),
        **boxes,
    )
    if described.trade_operations and line.diameter_mm is None:
        described = replace(described, form="trades")
    return _with_typed_size(described, line)


def trade_operations(entries: Sequence[Mapping[str, Any]] | None) -> tuple[TradeOperation, ...]:
    """Work of other trades as typed on the line; sizes are the keys that are neither trade, process nor label (QUO-42)."""
    words = ("trade", "process", "label")
    return tuple(
        TradeOperation(
            str(entry.get("trade") or ""),
            {k: float(v) for k, v in entry.items() if k not in words and v is not None},
            str(entry.get("process") or ""),
            str(entry.get("label") or ""),
        )
        for entry in entries or ()
    )


def _with_typed_size(part: PartDescription, line: QuoteLine) -> PartDescription:
    """Typed size and treatments win over what was read."""
    if line.treatments:
        part = replace(part, treatments=tuple(t.strip() for t in line.treatments.split(";") if t.strip()))
    if line.diameter_mm is not None and line.length_mm is not None:
        across = float(line.diameter_mm)
        size = (across, across, float(line.length_mm))
        return replace(part, size_mm=size, turning_axis=(0.0, 0.0, 1.0), turned_profile=None, form="turned")
    if line.length_mm is not None and line.width_mm is not None and line.height_mm is not None:
        block = (float(line.length_mm), float(line.width_mm), float(line.height_mm))
        form = "trades" if part.form == "trades" else "prismatic"
        return replace(part, size_mm=block, turned_profile=None, form=form)
    return part


def operations_of(ctx: Context, line_id: int) -> list[QuoteLineOperation]:
    """Operations of a line in order."""
    query = select(QuoteLineOperation).where(
        QuoteLineOperation.quote_line_id == line_id, QuoteLineOperation.archived_at.is_(None)
    )
    return list(ctx.session.scalars(query.order_by(QuoteLineOperation.sequence_no, QuoteLineOperation.id)))


def manual_line(ctx: Context, line: QuoteLine, operations: list[QuoteLineOperation]) -> ManualLine | None:
    """Typed operations of a manual line; ``None`` where the engine computes them."""
    if line.method != "manual":
        return None
    typed = manual_operations([o for o in operations if o.is_manual], machine_codes(ctx))
    cost = line.manual_material_cost
    return ManualLine(typed, None if cost is None else _text(cost))


def manual_operations(
    operations: Sequence[QuoteLineOperation], codes: Mapping[int, str]
) -> tuple[ManualOperation, ...]:
    """Operations with the values they have now, loading included, as the engine's manual mode takes them."""
    return tuple(
        ManualOperation(
            operation.operation_type,
            float(operation.run_min + (operation.loading_min or 0)),
            float(operation.setup_min),
            codes.get(operation.machine_id) if operation.machine_id else None,
            operation.operation_label,
        )
        for operation in operations
    )


def _text(value: Decimal) -> str:
    return format(value, "f")


def machine_codes(ctx: Context) -> dict[int, str]:
    """Code of each machine by id."""
    return dict(ctx.session.execute(select(Machine.id, Machine.code)).tuples().all())
