"""Material that quotes in progress would take: a part of it is foreseen, before any order (STK-34)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.catalogue.models import Material
from coordinator.modules.quoting.models import Quote, QuoteLine
from coordinator.modules.stock import shop

IN_PROGRESS = ("to_review", "approved", "sent")


def needs(ctx: Context, until: dt.date) -> list[shop.Need]:
    """Bar lengths of the parts quoted and not yet answered, weighed by the set chance of an order."""
    share = ctx.settings.decimal("stock.quote_weight_pct") / 100
    if share <= 0:
        return []
    kerf = ctx.settings.decimal("stock.saw_kerf_mm")
    query = (
        select(QuoteLine, Quote)
        .join(Quote, Quote.id == QuoteLine.quote_id)
        .join(Material, Material.id == QuoteLine.material_id)
        .where(
            Quote.status.in_(IN_PROGRESS),
            Quote.archived_at.is_(None),
            QuoteLine.archived_at.is_(None),
            QuoteLine.length_mm > 0,
            Material.unit == "mm",
        )
        .order_by(QuoteLine.id)
    )
    found = []
    for line, quote in ctx.session.execute(query):
        day = quote.delivery_date_requested or until
        if day <= until and line.length_mm is not None and line.material_id is not None:
            quantity = round(line.quantity * (line.length_mm + kerf) * share, 3)
            found.append(shop.Need(line.material_id, quantity, day, "quote", quote.number, "quote", quote.id))
    return found


def connect() -> None:
    """Give stock this source of needs."""
    shop.add_needs(needs)
