"""Prices of suppliers that nobody could confirm lately: the last dated one is used, and the quote says so (QUO-50)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.modules.catalogue.models import SupplierItem, Tool
from coordinator.modules.quoting.engine.quote import QuoteResult


def marked(ctx: Context, result: QuoteResult) -> QuoteResult:
    """Each scenario that buys at an old price has it among what is still to be confirmed."""
    old = _old_prices(ctx)
    found = []
    for scenario in result.scenarios:
        texts = tuple(
            f"prix du {old[what]:%d/%m/%Y} à confirmer : {what}" for what in scenario.to_buy if what in old
        )
        found.append(replace(scenario, to_confirm=(*scenario.to_confirm, *texts)))
    return replace(result, scenarios=tuple(found))


def _old_prices(ctx: Context) -> dict[str, dt.date]:
    """Day of the newest price of each tool, where it is older than the setting allows."""
    limit = ctx.now - dt.timedelta(days=ctx.settings.integer("quoting.price_age_days"))
    newest = func.max(func.coalesce(SupplierItem.fetched_at, SupplierItem.updated_at))
    query = (
        select(Tool.name, newest)
        .join(SupplierItem, SupplierItem.stock_item_id == Tool.id)
        .where(SupplierItem.price.is_not(None), SupplierItem.archived_at.is_(None))
        .group_by(Tool.name)
        .having(newest < limit)
    )
    return {name: at.date() for name, at in ctx.session.execute(query).tuples()}
