"""What was asked for a part before: quoted times and prices, for whoever looks at a part that resembles it (DRW-37)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.modules.quoting.models import Quote, QuoteLine, QuoteLineOperation

_LINES = 5


def quoted(ctx: Context, part_revision_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Newest quote lines of each part revision: quantity, minutes per part and for set-up, and the price for who sees prices."""
    if not part_revision_ids or not ctx.principal.may("quoting", "read"):
        return {}
    run = func.sum(QuoteLineOperation.run_min).label("run_min")
    setup = func.sum(QuoteLineOperation.setup_min).label("setup_min")
    query = (
        select(QuoteLine, Quote, run, setup)
        .join(Quote, Quote.id == QuoteLine.quote_id)
        .outerjoin(
            QuoteLineOperation,
            (QuoteLineOperation.quote_line_id == QuoteLine.id) & QuoteLineOperation.archived_at.is_(None),
        )
        .where(QuoteLine.part_revision_id.in_(part_revision_ids), QuoteLine.archived_at.is_(None))
        .group_by(QuoteLine.id, Quote.id)
        .order_by(QuoteLine.id.desc())
    )
    found: dict[int, list[dict[str, Any]]] = {}
    for line, quote, run_min, setup_min in ctx.session.execute(query):
        lines = found.setdefault(int(line.part_revision_id or 0), [])
        if len(lines) < _LINES:
            price = line.unit_price_excl_tax if ctx.principal.sees("prices") else None
            lines.append(
                {"source": "quote", "quote_id": quote.id, "number": quote.number, "status": quote.status,
                 "date": jsonable(quote.quote_date), "quantity": jsonable(line.quantity), "run_min": jsonable(run_min),
                 "setup_min": jsonable(setup_min), "unit_price_excl_tax": jsonable(price)}
            )  # fmt: skip
    return found
