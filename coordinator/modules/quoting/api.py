"""What other modules may ask about quotes."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.kernel.lifecycle import move
from coordinator.modules.quoting.document import drawing_of
from coordinator.modules.quoting.models import (
    Quote,
    QuoteLine,
    QuoteLineOperation,
    QuoteScenario,
    QuoteScenarioLine,
)
from coordinator.modules.quoting.paper_data import (
    party,
    payment_terms,
    postal_address,
    seller,
    totals,
    vat_pct,
)
from coordinator.modules.quoting.parts import operations_of
from coordinator.modules.quoting.queries import lines_of, scenario_lines, scenarios_of, successor, supplement
from coordinator.modules.quoting.rules import priced
from coordinator.modules.quoting.service import priced_breaks

__all__ = [
    "Quote",
    "QuoteLine",
    "QuoteLineOperation",
    "QuoteScenario",
    "QuoteScenarioLine",
    "accept",
    "by_numbers",
    "drawing_of",
    "lines_of",
    "operations_of",
    "party",
    "payment_terms",
    "postal_address",
    "priced",
    "priced_breaks",
    "quote",
    "scenario_lines",
    "scenarios_of",
    "seller",
    "successor",
    "supplement",
    "totals",
    "vat_pct",
]


def quote(ctx: Context, quote_id: int) -> Quote:
    """The quote. Raises ``NotFound``."""
    return ctx.get(Quote, quote_id)


def by_numbers(ctx: Context, numbers: Iterable[str]) -> list[Quote]:
    """Quotes with these numbers, whatever the case."""
    wanted = {n.strip().upper() for n in numbers}
    if not wanted:
        return []
    query = select(Quote).where(func.upper(Quote.number).in_(wanted), Quote.archived_at.is_(None))
    return list(ctx.session.scalars(query.order_by(Quote.id.desc())))


def accept(ctx: Context, record: Quote) -> None:
    """The customer's order accepts this version; one already accepted stays so.

    Raises:
        Conflict: not sent, or replaced by a newer version.
    """
    if record.status != "accepted":
        move(ctx, record, "accept")
