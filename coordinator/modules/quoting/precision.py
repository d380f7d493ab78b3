"""How near the shop's quotes come to the targets of QUO-44, from approved quotes and finished jobs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.quoting import learned, queries
from coordinator.modules.quoting.engine.accuracy import QuoteFacts, measure
from coordinator.modules.quoting.models import Quote

_LATEST = 500


def precision(ctx: Context) -> dict[str, Any]:
    """Shares over the latest approved quotes and all finished jobs with confirmed times."""
    query = (
        select(Quote)
        .where(Quote.approved_at.is_not(None), Quote.status != "cancelled", Quote.archived_at.is_(None))
        .order_by(Quote.approved_at.desc())
        .limit(_LATEST)
    )
    return measure([_facts(ctx, quote) for quote in ctx.session.scalars(query)], list(learned.finished(ctx)))


def _facts(ctx: Context, quote: Quote) -> QuoteFacts:
    lines = queries.lines_of(ctx, quote.id)
    priced = sum(s.price_excl_tax is not None for s in queries.scenarios_of(ctx, quote.id))
    return QuoteFacts(
        bool(lines) and all(line.method == "ai" for line in lines),
        priced,
        any(line.proposal_status == "corrected" for line in lines),
    )
