"""Thresholds: one open proposal per item, told once (STK-33)."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_CEILING, Decimal
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.i18n import t
from coordinator.modules.catalogue import api as catalogue
from coordinator.modules.catalogue.api import StockItem
from coordinator.modules.stock import rules
from coordinator.modules.stock.models import ReorderProposal
from coordinator.modules.stock.views import StockLevel


def check_threshold(ctx: Context, item: StockItem) -> ReorderProposal | None:
    """Propose to buy an item below its alert threshold; below the critical level the proposal becomes urgent."""
    if not item.alert_threshold or not item.is_active:
        return None
    available = ctx.session.scalar(select(StockLevel.available_qty).where(StockLevel.id == item.id))
    if available is None or available >= item.alert_threshold:
        return None
    is_critical = item.critical_level is not None and available < item.critical_level
    proposal = open_proposal(ctx, item.id)
    if proposal is None:
        proposal = _propose(ctx, item, available, urgent=is_critical)
        _tell(ctx, item, proposal, available, critical=is_critical)
    elif is_critical and not proposal.is_urgent:
        proposal.is_urgent = True
        _tell(ctx, item, proposal, available, critical=True)
    return proposal


def open_proposal(ctx: Context, stock_item_id: int) -> ReorderProposal | None:
    """Proposal of a threshold that still runs: proposed, accepted, or ordered and not received."""
    query = select(ReorderProposal).where(
        ReorderProposal.stock_item_id == stock_item_id,
        ReorderProposal.reason == "threshold",
        ReorderProposal.status.in_(("proposed", "accepted", "ordered")),
        ReorderProposal.received_at.is_(None),
    )
    return ctx.session.scalars(query).one_or_none()


def _propose(ctx: Context, item: StockItem, available: Decimal, *, urgent: bool) -> ReorderProposal:
    article = catalogue.best_supplier_item(ctx, item.id)
    quantity = rules.reorder_quantity(
        available=available,
        threshold=item.alert_threshold or Decimal(0),
        reorder_qty=item.reorder_qty,
        minimum=article.minimum_qty if article else None,
        pack=article.pack_qty if article else Decimal(1),
    )
    return ctx.add(
        ReorderProposal(
            stock_item_id=item.id,
            supplier_id=article.supplier_id if article else None,
            supplier_item_id=article.id if article else None,
            quantity=quantity,
            unit_price=article.price if article else item.unit_cost,
            lead_time_days=article.lead_time_days if article else item.lead_time_days,
            reason="threshold",
            is_urgent=urgent,
        )
    )


def propose_urgent(ctx: Context, item: StockItem, quantity: Decimal, *, reason: str) -> ReorderProposal:
    """An urgent purchase is prepared, once while it runs; only a person lets it go (STK-35, STK-41)."""
    query = select(ReorderProposal).where(
        ReorderProposal.stock_item_id == item.id,
        ReorderProposal.status.in_(("proposed", "accepted", "ordered")),
        ReorderProposal.received_at.is_(None),
    )
    known = ctx.session.scalars(query.order_by(ReorderProposal.id)).first()
    if known is not None:
        if known.status == "proposed":
            known.is_urgent = True
        return known
    return _new(ctx, item, quantity, reason=reason, urgent=True)


def propose_need(
    ctx: Context, item: StockItem, quantity: Decimal, needed_on: dt.date
) -> ReorderProposal | None:
    """A purchase for a need foreseen; ``None`` when one already runs."""
    query = select(ReorderProposal.id).where(
        ReorderProposal.stock_item_id == item.id,
        ReorderProposal.status.in_(("proposed", "accepted", "ordered")),
        ReorderProposal.received_at.is_(None),
    )
    if ctx.session.scalar(query.limit(1)) is not None:
        return None
    proposal = _new(ctx, item, quantity, reason="order", urgent=False)
    proposal.needed_on = needed_on
    return proposal


def _new(ctx: Context, item: StockItem, quantity: Decimal, *, reason: str, urgent: bool) -> ReorderProposal:
    article = catalogue.best_supplier_item(ctx, item.id)
    pack = article.pack_qty if article else Decimal(1)
    wanted = max(quantity, (article.minimum_qty or Decimal(0)) if article else Decimal(0))
    packs = (wanted / pack).to_integral_value(rounding=ROUND_CEILING) if pack > 0 else Decimal(1)
    return ctx.add(
        ReorderProposal(
            stock_item_id=item.id,
            supplier_id=article.supplier_id if article else None,
            supplier_item_id=article.id if article else None,
            quantity=packs * pack if pack > 0 else wanted,
            unit_price=article.price if article else item.unit_cost,
            lead_time_days=article.lead_time_days if article else item.lead_time_days,
            reason=reason,
            is_urgent=urgent,
        )
    )


def _tell(
    ctx: Context, item: StockItem, proposal: ReorderProposal, available: Decimal, *, critical: bool
) -> None:
    key = "stock.critical" if critical else "stock.below_threshold"
    words = t(
        key,
        ctx.locale,
        item=f"{item.code} · {item.name}",
        quantity=available.normalize(),
        unit=item.unit,
    )
    tasks.notify(ctx, "alarm" if critical else "warning", "stock", words, proposal, role="purchasing")


def mark_received(ctx: Context, stock_item_id: int) -> None:
    """Goods came in: an ordered proposal has done its work."""
    proposal = open_proposal(ctx, stock_item_id)
    if proposal is not None and proposal.status == "ordered":
        proposal.received_at = ctx.now


class RefuseParams(BaseModel):
    """Why not."""

    reason: str = Field(min_length=3, max_length=300)


def decide(ctx: Context, proposal: ReorderProposal, _params: Any) -> None:
    """Who accepted, and when."""
    proposal.decided_by_id = ctx.principal.user_id
    proposal.decided_at = ctx.now


def refuse(ctx: Context, proposal: ReorderProposal, params: RefuseParams) -> None:
    """Who refused, when and why."""
    decide(ctx, proposal, params)
    proposal.refusal_reason = params.reason
