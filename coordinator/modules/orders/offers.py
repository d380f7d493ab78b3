"""Quotes as the comparison with a purchase order needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.catalogue.models import Part, PartRevision
from coordinator.modules.orders import prices
from coordinator.modules.orders.po_matching import QuotedLine, QuotedOffer, is_net_price, normal
from coordinator.modules.orders.po_reading import PoLine, PoReading
from coordinator.modules.parties import api as parties
from coordinator.modules.quoting import api as quoting
from coordinator.modules.quoting.engine.discounts import spread
from coordinator.modules.quoting.models import QuotePriceBreak, QuoteScenario
from coordinator.modules.quoting.rules import PricedLine

ORDERABLE = ("sent", "accepted", "expired")
_MAX = 200


def possible(ctx: Context, customer_id: int | None, reading: PoReading) -> list[QuotedOffer]:
    """Quotes named in the order, else those of the customer, else those with one of its drawings."""
    found = {q.id: q for q in quoting.by_numbers(ctx, reading.quote_numbers)}
    query = select(quoting.Quote).where(
        quoting.Quote.status.in_(ORDERABLE), quoting.Quote.archived_at.is_(None)
    )
    if customer_id is not None:
        query = query.where(quoting.Quote.customer_id == customer_id)
    else:
        drawings = {normal(line.drawing_number) for line in reading.lines if line.drawing_number}
        query = query.where(quoting.Quote.id.in_(_quotes_with(ctx, drawings)))
    for quote in ctx.session.scalars(query.order_by(quoting.Quote.id.desc()).limit(_MAX)):
        found.setdefault(quote.id, quote)
    return [offer_of(ctx, quote) for quote in found.values() if quote.status in ORDERABLE]


def _quotes_with(ctx: Context, drawings: set[str]) -> list[int]:
    if not drawings:
        return []
    query = (
        select(quoting.QuoteLine.quote_id, Part.drawing_number)
        .join(PartRevision, PartRevision.id == quoting.QuoteLine.part_revision_id)
        .join(Part, Part.id == PartRevision.part_id)
        .where(quoting.QuoteLine.archived_at.is_(None))
    )
    return [quote_id for quote_id, number in ctx.session.execute(query) if normal(number) in drawings]


def offer_of(ctx: Context, quote: quoting.Quote) -> QuotedOffer:
    """A quote with the prices of its selected scenario."""
    newer = quoting.successor(ctx, quote)
    scenario = (
        ctx.session.get(QuoteScenario, quote.selected_scenario_id) if quote.selected_scenario_id else None
    )
    rows = quoting.scenario_lines(ctx, scenario.id) if scenario else {}
    return QuotedOffer(
        quote.id,
        quote.number,
        quote.customer_id,
        quote.status,
        tuple(_line(ctx, line, rows.get(line.id)) for line in quoting.lines_of(ctx, quote.id)),
        scenario.delivery_date if scenario else None,
        parties.customer(ctx, quote.customer_id).payment_terms_days,
        quote.valid_until,
        newer.number if newer else None,
        quoting.supplement(scenario),
    )


def agreed(quoted: PricedLine, wanted: PoLine | None, breaks: Sequence[PricedLine] = ()) -> PricedLine:
    """Quantity, price and discount of an order line: as quoted, else as ordered.

    A customer who writes the price with the discount taken off orders at the quoted price with that discount; a price of his
    own, which a person accepted, holds as it is.
    """
    if wanted is None:
        return quoted
    price, told = wanted.unit_price, [quoted]
    if price is not None:
        told += [replace(b, is_break=False) for b in breaks if b.quantity == wanted.quantity]
    for offer in told:
        if price is None or price == offer.unit_price or is_net_price(net_unit(offer), price):
            both = replace(offer, one_off_cost=quoted.one_off_cost, one_off_price=quoted.one_off_price)
            now = replace(both, quantity=wanted.quantity)
            return replace(now, discount=prices.scaled(offer.discount, gross_of(offer), gross_of(now)))
    return replace(quoted, quantity=wanted.quantity, unit_price=price, discount=Decimal(0))


def as_discounted(reading: PoReading, lines: Sequence[tuple[PricedLine, PoLine | None]]) -> list[PricedLine]:
    """Order lines with the discounts the customer wrote, that off the whole shared in proportion to the lines.

    A line ordered at the quoted price less its discount keeps that one below the customer's.
    """
    own = []
    for line, wanted in lines:
        is_net = wanted is not None and wanted.unit_price is not None and wanted.unit_price != line.unit_price
        kept = line.discount if is_net else Decimal(0)
        own.append(replace(line, discount=kept + (wanted.discount if wanted else Decimal(0))))
    left = [max(gross_of(line) - line.discount, Decimal(0)) for line in own]
    shares = spread(reading.discount_on_whole, left)
    return [replace(line, discount=line.discount + part) for line, part in zip(own, shares, strict=True)]


def gross_of(line: PricedLine) -> Decimal:
    """Goods and one-off work before the discount."""
    return prices.cents((line.unit_price or Decimal(0)) * line.quantity) + line.one_off_price


def net_unit(line: PricedLine) -> Decimal | None:
    """Unit price with the discount on the goods taken off; ``None`` without a discount."""
    gross = gross_of(line)
    if not line.discount or not gross or line.unit_price is None:
        return None
    return line.unit_price * (1 - line.discount / gross)


def _line(ctx: Context, line: quoting.QuoteLine, row: quoting.QuoteScenarioLine | None) -> QuotedLine:
    number, revision = quoting.drawing_of(ctx, line.part_revision_id)
    breaks = select(QuotePriceBreak).where(
        QuotePriceBreak.quote_line_id == line.id, QuotePriceBreak.archived_at.is_(None)
    )
    return QuotedLine(
        line.id,
        line.line_no,
        line.quantity,
        line.unit_price_excl_tax,
        number,
        revision,
        line.description or "",
        tuple(
            (b.quantity, b.unit_price_excl_tax)
            for b in ctx.session.scalars(breaks)
            if b.unit_price_excl_tax is not None
        ),
        net_unit(quoting.priced(line, row)),
    )
