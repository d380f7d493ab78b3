"""How near the shop's quotes come to the targets of QUO-44, from approved quotes and finished jobs."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.modules.quoting import learned
from coordinator.modules.quoting.engine.accuracy import QuoteFacts, measure
from coordinator.modules.quoting.models import Quote, QuoteLine, QuoteScenario

_LATEST = 500


def precision(ctx: Context) -> dict[str, Any]:
    """Shares over the latest approved quotes and all finished jobs with confirmed times."""
    query = (
        select(Quote.id)
        .where(Quote.approved_at.is_not(None), Quote.status != "cancelled", Quote.archived_at.is_(None))
        .order_by(Quote.approved_at.desc())
        .limit(_LATEST)
    )
    ids = list(ctx.session.scalars(query))
    lines: dict[int, list[QuoteLine]] = defaultdict(list)
    for line in ctx.session.scalars(
        select(QuoteLine).where(QuoteLine.quote_id.in_(ids), QuoteLine.archived_at.is_(None))
    ):
        lines[line.quote_id].append(line)
    counted = (
        select(QuoteScenario.quote_id, func.count())
        .where(
            QuoteScenario.quote_id.in_(ids),
            QuoteScenario.archived_at.is_(None),
            QuoteScenario.price_excl_tax.is_not(None),
        )
        .group_by(QuoteScenario.quote_id)
    )
    priced = dict(ctx.session.execute(counted).tuples().all())
    facts = [_facts(lines[i], priced.get(i, 0)) for i in ids]
    return measure(facts, list(learned.finished(ctx)))


def _facts(lines: list[QuoteLine], priced: int) -> QuoteFacts:
    return QuoteFacts(
        bool(lines) and all(line.method == "ai" for line in lines),
        priced,
        any(line.proposal_status == "corrected" for line in lines),
    )
