"""What the computation proposed, and what became of it: the automatic share of quotes is measured on it (QUO-41, QUO-44)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from coordinator.kernel.context import Context
from coordinator.modules.quoting import queries
from coordinator.modules.quoting.engine import presentation
from coordinator.modules.quoting.engine.line import LineResult
from coordinator.modules.quoting.engine.quote import QuoteResult
from coordinator.modules.quoting.engine.scenarios import LinePrice
from coordinator.modules.quoting.models import Quote, QuoteLine
from coordinator.modules.quoting.parts import operations_of


def remember(ctx: Context, lines: Sequence[QuoteLine], result: QuoteResult) -> None:
    """Keep the engine's own answer of every automatic line, before typed values are laid over it."""
    standard = result.scenarios[0].lines
    for line, found, price in zip(lines, result.lines, standard, strict=True):
        if line.method == "ai":
            line.proposal = _plain(ctx, found, price)
            line.proposal_status = "proposed"


def _plain(ctx: Context, found: LineResult, price: LinePrice | None) -> dict[str, Any]:
    operations = presentation.operations(found)
    return {
        "unit_cost": format(price.unit_cost, "f") if price else None,
        "unit_price": format(price.unit_price, "f") if price else None,
        "run_min": round(sum(o["run_min"] or 0.0 for o in operations), 3),
        "setup_min": round(sum(o["setup_min"] for o in operations), 3),
        "operations": len(operations),
        "route": found.route.key if found.route else None,
        "error": found.error.code if found.error else None,
        "at": ctx.now.isoformat(),
    }


def settle(ctx: Context, quote: Quote) -> None:
    """A person approved the quote: each proposal was taken as it is, or corrected."""
    for line in queries.lines_of(ctx, quote.id):
        if line.proposal_status is None:
            continue
        typed = line.manual_unit_price is not None or any(o.is_manual for o in operations_of(ctx, line.id))
        line.proposal_status = "corrected" if typed else "accepted"


def drop(ctx: Context, quote: Quote) -> None:
    """A cancelled quote tells nothing about its proposals."""
    for line in queries.lines_of(ctx, quote.id):
        if line.proposal_status == "proposed":
            line.proposal_status = "ignored"
