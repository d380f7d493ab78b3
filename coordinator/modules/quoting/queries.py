"""Rows of a quote, in order."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from coordinator.kernel.context import Context
from coordinator.kernel.db import Record
from coordinator.modules.quoting.models import (
    Quote,
    QuoteLine,
    QuoteMail,
    QuotePriceBreak,
    QuoteReminder,
    QuoteScenario,
    QuoteScenarioBreak,
    QuoteScenarioLine,
    ResourceGap,
)

T = TypeVar("T", bound=Record)


def _children(ctx: Context, model: type[T], parent: InstrumentedAttribute[int], parent_id: int) -> list[T]:
    query = select(model).where(parent == parent_id, model.archived_at.is_(None)).order_by(model.id)
    return list(ctx.session.scalars(query))


def lines_of(ctx: Context, quote_id: int) -> list[QuoteLine]:
    """Active lines by number."""
    found = _children(ctx, QuoteLine, QuoteLine.quote_id, quote_id)
    return sorted(found, key=lambda line: (line.line_no, line.id))


def price_breaks_of(ctx: Context, line_id: int) -> list[QuotePriceBreak]:
    """Other quantities of a line, ascending."""
    found = _children(ctx, QuotePriceBreak, QuotePriceBreak.quote_line_id, line_id)
    return sorted(found, key=lambda row: row.quantity)


def scenarios_of(ctx: Context, quote_id: int) -> list[QuoteScenario]:
    """Standard, express, economic."""
    order = {"standard": 0, "express": 1, "economic": 2}
    found = _children(ctx, QuoteScenario, QuoteScenario.quote_id, quote_id)
    return sorted(found, key=lambda row: order[row.kind])


def supplement(scenario: QuoteScenario | None) -> Decimal:
    """What a scenario lacks to the minimum order value, shown apart (QUO-32)."""
    return Decimal(str(((scenario.details if scenario else None) or {}).get("minimum_order_supplement") or 0))


def scenario_lines(ctx: Context, scenario_id: int) -> dict[int, QuoteScenarioLine]:
    """Prices of a scenario by line."""
    rows = _children(ctx, QuoteScenarioLine, QuoteScenarioLine.quote_scenario_id, scenario_id)
    return {row.quote_line_id: row for row in rows}


def scenario_breaks(ctx: Context, scenario_id: int) -> dict[int, QuoteScenarioBreak]:
    """Prices of other quantities in a scenario, by price break."""
    rows = _children(ctx, QuoteScenarioBreak, QuoteScenarioBreak.quote_scenario_id, scenario_id)
    return {row.quote_price_break_id: row for row in rows}


def gaps_of(ctx: Context, line_id: int) -> list[ResourceGap]:
    """What the shop lacks for a line."""
    return _children(ctx, ResourceGap, ResourceGap.quote_line_id, line_id)


def reminders_of(ctx: Context, quote_id: int) -> list[QuoteReminder]:
    """Days of follow-up, the next first."""
    return sorted(_children(ctx, QuoteReminder, QuoteReminder.quote_id, quote_id), key=lambda r: r.due_on)


def mails_of(ctx: Context, quote_id: int) -> list[QuoteMail]:
    """E-mails to the customer, in order."""
    return _children(ctx, QuoteMail, QuoteMail.quote_id, quote_id)


def successor(ctx: Context, quote: Quote) -> Quote | None:
    """The version that replaces this one, if there is one that was not cancelled."""
    query = select(Quote).where(
        Quote.previous_version_id == quote.id, Quote.status != "cancelled", Quote.archived_at.is_(None)
    )
    return ctx.session.scalars(query.order_by(Quote.id.desc()).limit(1)).one_or_none()
