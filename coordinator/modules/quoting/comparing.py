"""Automatic and manual result of a line side by side, from the database (QUO-08). Changes nothing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, NotFound
from coordinator.modules.quoting import adjust, compute, results
from coordinator.modules.quoting.engine import comparison, scenarios
from coordinator.modules.quoting.engine.line import LineResult, compute_line
from coordinator.modules.quoting.engine.part import ManualLine
from coordinator.modules.quoting.models import Quote
from coordinator.modules.quoting.parts import machine_codes, manual_operations


def compare(ctx: Context, quote: Quote, line_id: int) -> dict[str, Any]:
    """Kind of work by kind of work: computed from the drawing, and as typed or typed over.

    Raises:
        NotFound: the line is not of this quote. BusinessError: ``quote.nothing_typed``.
    """
    prepared = compute.prepare(ctx, quote)
    index = next((i for i, line in enumerate(prepared.lines) if line.record.id == line_id), None)
    if index is None:
        raise NotFound(entity="quote_line", id=line_id)
    line = prepared.lines[index]
    if not any(o.is_manual for o in line.operations):
        raise BusinessError("quote.nothing_typed", line=line.record.line_no)
    given = replace(prepared.input_of(index), price_breaks=(), manual=None)
    automatic = compute_line(given, prepared.shop, prepared.free)
    typed = _manual(ctx, line, automatic)
    manual = compute_line(replace(given, manual=typed), prepared.shop, prepared.free)
    manual = adjust.with_operations(manual, _costs(ctx, line, manual), prepared.shop, given.on)
    found = comparison.compare(automatic, manual)
    return {
        "line_id": line_id,
        "quantity": given.part.quantity,
        "rows": [row.to_json() for row in found.rows],
        "automatic": _side(automatic, prepared),
        "manual": _side(manual, prepared),
        "difference_pct": None if found.difference_pct is None else round(found.difference_pct, 2),
    }


def _manual(ctx: Context, line: compute.Line, automatic: LineResult) -> ManualLine:
    """A manual line as typed; of a computed one its present operations, typed values included, on the same blank."""
    if line.manual is not None:
        return line.manual
    cost = line.record.manual_material_cost
    if cost is None and automatic.route is not None:
        cost = automatic.route.blank.cost
    operations = manual_operations(line.operations, machine_codes(ctx))
    return ManualLine(operations, None if cost is None else format(cost, "f"))


def _costs(ctx: Context, line: compute.Line, manual: LineResult) -> list[adjust.TypedOperation]:
    """Operations whose cost is typed or subcontracted; their minutes do not make it."""
    rows = line.operations if line.manual is None else [o for o in line.operations if o.is_manual]
    return [
        operation
        for row, operation in results.typed_costs(rows, manual, machine_codes(ctx))
        if row.cost is not None
    ]


def _side(line: LineResult, prepared: compute.Prepared) -> dict[str, Any]:
    if not line.options:
        return {
            "cost": None,
            "unit_cost": None,
            "unit_price": None,
            "error": line.error.message if line.error else None,
        }
    costs = prepared.shop.settings.costs
    margin = costs.margin_pct if prepared.request.margin_pct is None else prepared.request.margin_pct
    price = scenarios.line_price(line.options[0], line.part.quantity, costs, Decimal(1), margin)
    return {
        "cost": format(price.cost, ".2f"),
        "unit_cost": format(price.unit_cost, "f"),
        "unit_price": format(price.unit_price, "f"),
        "error": None,
    }
