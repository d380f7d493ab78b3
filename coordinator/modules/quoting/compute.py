"""Computation of a whole quote: lines through the engine, typed values kept, results stored (QUO-34, QUO-45, QUO-51)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.modules.quoting import adjust, availability, dated_prices, proposals, results
from coordinator.modules.quoting.defaults import VALIDITY_DAYS
from coordinator.modules.quoting.engine import quote as engine
from coordinator.modules.quoting.engine.discounts import Discount, Terms
from coordinator.modules.quoting.engine.line import LineInput, LineResult, PriceBreak, breaks_of, compute_line
from coordinator.modules.quoting.engine.part import ManualLine, PartDescription
from coordinator.modules.quoting.engine.planning_simulation import Availability
from coordinator.modules.quoting.engine.shop import Shop
from coordinator.modules.quoting.engine.values import QuotingError
from coordinator.modules.quoting.models import (
    Quote,
    QuoteLine,
    QuoteLineOperation,
    QuotePriceBreak,
    QuoteScenario,
)
from coordinator.modules.quoting.parts import describe, machine_codes, manual_line, operations_of
from coordinator.modules.quoting.queries import lines_of, price_breaks_of
from coordinator.modules.quoting.rules import check_editable
from coordinator.modules.quoting.shop import build_shop

Typed = list[tuple[QuoteLineOperation, adjust.TypedOperation]]


@dataclass
class Line:
    """A line of the quote with what the engine takes of it; ``refusal``: why its drawing cannot be used."""

    record: QuoteLine
    part: PartDescription
    manual: ManualLine | None
    operations: list[QuoteLineOperation]
    refusal: str | None


@dataclass
class Prepared:
    """Everything a computation of the quote starts from."""

    lines: list[Line]
    shop: Shop
    free: Availability
    breaks: dict[int, list[QuotePriceBreak]]
    request: engine.QuoteRequest

    def input_of(self, index: int) -> LineInput:
        """One line alone, with its share of what is paid once per delivery."""
        share = Decimal(1) / len(self.lines)
        line, request = self.lines[index], self.request
        return LineInput(line.part, index + 1, request.on, share, (), (), line.manual, request.margin_pct)


def prepare(ctx: Context, quote: Quote) -> Prepared:
    """Lines, shop and plan as they are now.

    Raises:
        BusinessError: ``quote.no_line``.
    """
    lines = [_line(ctx, record) for record in lines_of(ctx, quote.id)]
    if not lines:
        raise BusinessError("quote.no_line", number=quote.number)
    shop = build_shop(ctx, {t for line in lines for t in line.part.treatments})
    breaks = {line.record.id: price_breaks_of(ctx, line.record.id) for line in lines}
    request = engine.QuoteRequest(
        on=quote.quote_date,
        delivery_date_requested=quote.delivery_date_requested,
        price_break_quantities=tuple(sorted({int(b.quantity) for rows in breaks.values() for b in rows})),
        margin_pct=quote.margin_target_pct,
        manual_lines={i: line.manual for i, line in enumerate(lines) if line.manual is not None},
    )
    return Prepared(lines, shop, availability.from_plan(ctx, shop.calendar), breaks, request)


def _terms(quote: Quote, lines: Sequence[QuoteLine]) -> Terms:
    typed = {i: row.manual_unit_price for i, row in enumerate(lines) if row.manual_unit_price is not None}
    given = {i: Discount(row.discount_pct, row.discount_amount) for i, row in enumerate(lines)}
    return Terms(typed, given, Discount(quote.discount_pct, quote.discount_amount))


def compute(ctx: Context, quote: Quote, _params: Any = None) -> dict[str, Any]:
    """Compute every line, the three scenarios, gaps and questions; typed values survive.

    Raises:
        Conflict: ``quote.locked`` once approved.
        BusinessError: ``quote.no_line``.
    """
    check_editable(quote)
    _renew_date(ctx, quote)
    prepared = prepare(ctx, quote)
    lines, shop, request = prepared.lines, prepared.shop, prepared.request
    result = engine.compute([line.part for line in lines], shop, request, prepared.free)
    proposals.remember(ctx, [line.record for line in lines], result)
    codes = machine_codes(ctx)
    adjusted = []
    for index, (line, found) in enumerate(zip(lines, result.lines, strict=True)):
        typed = results.merge_operations(ctx, line.record, line.operations, found, codes)
        for row, operation in typed:
            row.cost = _cost(operation, shop, found.part.quantity, request.on)
        changed = adjust.with_operations(found, [o for _, o in typed], shop, request.on)
        if typed or line.manual is not None:
            changed = replace(changed, price_breaks=_breaks(prepared, index, typed))
        adjusted.append(changed)
    terms = _terms(quote, [line.record for line in lines])
    result = adjust.rebuilt(result, adjusted, terms, shop, request, prepared.free)
    result = dated_prices.marked(ctx, result)
    results.store(ctx, quote, [line.record for line in lines], result, prepared.breaks)
    _tell_refusals(quote, lines)
    quote.computed_at = ctx.now
    ctx.session.flush()
    return {"questions": quote.questions or [], "warnings": quote.warnings or []}


def price_now(ctx: Context, quote: Quote) -> tuple[Decimal | None, bool]:
    """Price of the selected scenario with the rates, prices and stock of today, and whether a question blocks it.

    Nothing of the quote is written.
    """
    prepared = prepare(ctx, quote)
    shop = prepared.shop
    request = replace(prepared.request, on=ctx.now.date(), price_break_quantities=())
    result = engine.compute([line.part for line in prepared.lines], shop, request, prepared.free)
    codes = machine_codes(ctx)
    adjusted = [
        adjust.with_operations(
            found, results.typed_values(line.record, line.operations, found, codes), shop, request.on
        )
        for line, found in zip(prepared.lines, result.lines, strict=True)
    ]
    terms = _terms(quote, [line.record for line in prepared.lines])
    result = adjust.rebuilt(result, adjusted, terms, shop, request, prepared.free)
    kept = ctx.get(QuoteScenario, quote.selected_scenario_id)
    price = next(s.price_excl_tax for s in result.scenarios if s.kind == kept.kind)
    return price, any(q.blocking for q in result.questions)


def _renew_date(ctx: Context, quote: Quote) -> None:
    """Rates are those of the quote's date (QUO-30): a draft computed again takes the day. Its preset end of validity follows, a
    typed one stays."""
    today = ctx.now.date()
    days = dt.timedelta(days=ctx.settings.integer(VALIDITY_DAYS))
    if quote.valid_until == quote.quote_date + days:
        quote.valid_until = today + days
    quote.quote_date = today


def _tell_refusals(quote: Quote, lines: Sequence[Line]) -> None:
    told = [f"Ligne {line.record.line_no} : {line.refusal}" for line in lines if line.refusal]
    if told:
        quote.warnings = [*(quote.warnings or []), *told]


def _breaks(prepared: Prepared, index: int, typed: Typed) -> tuple[PriceBreak, ...]:
    """Prices of other quantities with the typed values in them: times stay, a typed cost of the batch grows with it."""
    line, given = prepared.lines[index], prepared.input_of(index)
    costs = prepared.shop.settings.costs
    margin = costs.margin_pct if given.margin_pct is None else given.margin_pct
    found = list[PriceBreak]()
    for quantity in sorted({int(b.quantity) for b in prepared.breaks[line.record.id]}):
        other = replace(given, part=replace(given.part, quantity=quantity))
        computed = compute_line(other, prepared.shop, prepared.free)
        share = Decimal(quantity) / given.part.quantity
        scaled = [_scaled(row, operation, computed, share) for row, operation in typed]
        changed = adjust.with_operations(computed, scaled, prepared.shop, given.on)
        found += breaks_of(changed.options, quantity, prepared.shop, margin)
    return tuple(found)


def _scaled(
    row: QuoteLineOperation, operation: adjust.TypedOperation, computed: LineResult, share: Decimal
) -> adjust.TypedOperation:
    replaced: Mapping[tuple[int, str], Decimal] = results.computed_costs(computed)
    cost = operation.typed_cost
    return replace(
        operation,
        typed_cost=None if cost is None else cost * share,
        computed_cost=replaced.get((row.sequence_no, row.operation_type), Decimal(0)),
    )


def _cost(operation: adjust.TypedOperation, shop: Shop, quantity: int, on: dt.date) -> Decimal | None:
    """Cost of a typed operation; none without a rate, which is then asked for."""
    try:
        return operation.cost(shop, quantity, on)
    except QuotingError:
        return None


def _line(ctx: Context, record: QuoteLine) -> Line:
    operations = operations_of(ctx, record.id)
    part, refusal = describe(ctx, record)
    if refusal is not None:
        part = replace(part, warnings=(*part.warnings, refusal))
    return Line(record, part, manual_line(ctx, record, operations), operations, refusal)
