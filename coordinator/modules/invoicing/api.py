"""What other modules may ask of invoicing."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.modules.invoicing.content import deposits_of, lines_of
from coordinator.modules.invoicing.drafts import invoice_note
from coordinator.modules.invoicing.issuing import gaps as number_gaps
from coordinator.modules.invoicing.models import Invoice, InvoiceLine, Payment
from coordinator.modules.invoicing.payments import open_amount

__all__ = [
    "Invoice",
    "InvoiceLine",
    "Payment",
    "deposits_of",
    "invoice_note",
    "invoiced_qty",
    "lines_of",
    "number_gaps",
    "open_amount",
]


def invoiced_qty(ctx: Context, sales_order_line_id: int) -> Decimal:
    """Quantity of an order line on issued invoices that no credit note has cancelled (ORD-08)."""
    query = (
        select(func.coalesce(func.sum(InvoiceLine.quantity), 0))
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .where(
            InvoiceLine.sales_order_line_id == sales_order_line_id,
            InvoiceLine.archived_at.is_(None),
            Invoice.kind == "invoice",
            Invoice.status.in_(("validated", "paid")),
        )
    )
    return Decimal(ctx.session.scalar(query) or 0)
