"""What other modules may ask of finance."""

from __future__ import annotations

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.finance.models import FinanceTransaction, OrderProfitability
from coordinator.modules.finance.profitability import limits, of_order, refresh

__all__ = ["FinanceTransaction", "OrderProfitability", "limits", "of_line", "of_order", "refresh"]


def of_line(ctx: Context, sales_order_line_id: int) -> OrderProfitability | None:
    """Record of an order line; a frozen one is a result that repeat orders and quotes learn from (FIN-08)."""
    query = select(OrderProfitability).where(OrderProfitability.sales_order_line_id == sales_order_line_id)
    return ctx.session.scalars(query).one_or_none()
