"""Computation of a whole quote: lines through the engine, typed values kept, results stored (QUO-34, QUO-45, QUO-51)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.modules.quoting import adjust, availability, results
from coordinator.modules.quoting.engine import quote as engine
from coordinator.modules.quoting.engine.part import ManualLine, PartDescription
from coordinator.modules.quoting.engine.shop import Shop
from coordinator.modules.quoting.engine.values import QuotingError
from coordinator.modules.quoting.models import Quote, QuoteLine, QuoteLineOperation
from coordinator.modules.quoting.parts import describe, machine_codes, manual_line, operations_of
from coordinator.modules.quoting.queries import lines_of, price_breaks_of
from coordinator.modules.quoting.rules import check_editable
from coordinator.modules.quoting.shop import build_shop


@dataclass
class _Line:
    record: QuoteLine
    part: PartDescription
    manual: ManualLine | None
    operations: list[QuoteLineOperation]
    refusal: str | None


def compute(ctx: Context, quote: Quote, _params: Any = None) -> dict[str, Any]:
    """Compute every line, the three scenarios, gaps and questions; typed values survive.

    Raises:
        Conflict: ``quote.locked`` once approved.
        BusinessError: ``quote.no_line``.
    """
    check_editable(quote)
    lines = [_line(ctx, record) for record in lines_of(ctx, quote.id)]
    if not lines:
        raise BusinessError("quote.no_line", number=quote.number)
    shop = build_shop(ctx, {t for line in lines for t in line.part.treatments})
    free = availability.from_plan(ctx, shop.calendar)
    breaks = {line.record.id: price_breaks_of(ctx, line.record.id) for line in lines}
    request = engine.QuoteRequest(
        on=quote.quote_date,
        delivery_date_requested=quote.delivery_date_requested,
        price_break_quantities=tuple(sorted({int(b.quantity) for rows in breaks.values() for b in rows})),
        margin_pct=quote.margin_target_pct,
        manual_lines={i: line.manual for i, line in enumerate(lines) if line.manual is not None},
    )
    result = engine.compute([line.part for line in lines], shop, request, free)
    codes = machine_codes(ctx)
    adjusted, prices = [], dict[int, Decimal]()
    for index, (line, found) in enumerate(zip(lines, result.lines, strict=True)):
        typed = results.merge_operations(ctx, line.record, line.operations, found, codes)
        for row, operation in typed:
            row.cost = _cost(operation, shop, found.part.quantity, request.on)
        adjusted.append(adjust.with_operations(found, [o for _, o in typed], shop, request.on))
        if line.record.manual_unit_price is not None:
            prices[index] = line.record.manual_unit_price
    result = adjust.rebuilt(result, adjusted, prices, shop, request, free)
    results.store(ctx, quote, [line.record for line in lines], result, breaks)
    for line in lines:
        if line.refusal:
            quote.warnings = [*(quote.warnings or []), f"Ligne {line.record.line_no} : {line.refusal}"]
    quote.computed_at = ctx.now
    ctx.session.flush()
    return {"questions": quote.questions or [], "warnings": quote.warnings or []}


def _cost(operation: adjust.TypedOperation, shop: Shop, quantity: int, on: dt.date) -> Decimal | None:
    """Cost of a typed operation; none without a rate, which is then asked for."""
    try:
        return operation.cost(shop, quantity, on)
    except QuotingError:
        return None


def _line(ctx: Context, record: QuoteLine) -> _Line:
    operations = operations_of(ctx, record.id)
    part, refusal = describe(ctx, record)
    if refusal is not None:
        part = replace(part, warnings=(*part.warnings, refusal))
    return _Line(record, part, manual_line(ctx, record, operations), operations, refusal)
