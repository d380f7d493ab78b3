"""The list of quotes as PDF; CSV and Excel are the general export of lists (QUO-43)."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import select

from coordinator.kernel import crud
from coordinator.kernel.context import Context
from coordinator.kernel.i18n import choice_label
from coordinator.modules.parties.models import Customer
from coordinator.modules.quoting import paper_data
from coordinator.modules.quoting.models import Quote
from coordinator.modules.quoting.papers.listing import ListedQuote, QuoteList, render_list

LIMIT = 2000


def pdf(ctx: Context, query: crud.ListQuery) -> bytes:
    """Quotes of a selection in its order; a paper cut off at ``LIMIT`` says so. The export is noted in the history."""
    found = crud.select_all(ctx, ctx.registry.entities["quote"], query, limit=LIMIT + 1)
    quotes = [q for q in found[:LIMIT] if isinstance(q, Quote)]
    cut_off = f"les {LIMIT} premiers devis seulement" if len(found) > LIMIT else ""
    filters = " · ".join(t for t in (query.q, cut_off) if t)
    names = dict(ctx.session.execute(select(Customer.id, Customer.name)).tuples().all())
    is_priced = ctx.principal.sees("prices")
    rows = [
        ListedQuote(
            q.number,
            names.get(q.customer_id, ""),
            choice_label("quote", q.status, ctx.locale),
            q.quote_date,
            q.valid_until,
            q.customer_reference or "",
            q.total_excl_tax if is_priced else None,
        )
        for q in quotes
    ]
    total = sum((r.total_excl for r in rows if r.total_excl is not None), Decimal(0)) if is_priced else None
    ctx.note("export", details=f"quote: {len(rows)} pdf")
    return render_list(QuoteList(paper_data.seller(ctx), ctx.now.date(), rows, filters, total))
