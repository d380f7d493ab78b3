"""Money received: partial payments, full payment, reversal (ORD-29, ORD-39)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.kernel.lifecycle import move
from coordinator.modules.invoicing import drafts, rules
from coordinator.modules.invoicing.models import Invoice, Payment


def open_amount(invoice: Invoice) -> Any:
    """What is still to be paid of an invoice, incl. VAT."""
    return rules.amount_due(invoice.total_incl_tax, invoice.prepaid_amount, invoice.paid_amount)


def record(ctx: Context, payment: Payment) -> None:
    """Book a payment on its invoice, which is paid when nothing is left.

    Raises:
        Conflict: ``payment.not_payable``. BusinessError: ``payment.refused`` naming the field.
    """
    invoice = ctx.get(Invoice, payment.invoice_id, lock=True)
    ctx.session.refresh(invoice)
    if invoice.status != "validated" or invoice.kind == "credit_note":
        raise Conflict("payment.not_payable")
    _check(ctx, invoice, payment)
    ctx.add(payment)
    _apply(ctx, invoice, payment)


def _check(ctx: Context, invoice: Invoice, payment: Payment) -> None:
    due = open_amount(invoice)
    errors = []
    if payment.amount <= 0:
        errors.append(FieldError("amount", "payment.amount"))
    elif payment.amount > due:
        errors.append(FieldError("amount", "payment.too_much", {"due": due}))
    if payment.paid_on > drafts.today(ctx):
        errors.append(FieldError("paid_on", "payment.future"))
    if errors:
        raise BusinessError("payment.refused", errors=errors)


def _apply(ctx: Context, invoice: Invoice, payment: Payment) -> None:
    invoice.paid_amount += payment.amount
    ctx.session.flush()
    if invoice.status == "validated" and open_amount(invoice) <= 0:
        move(ctx, invoice, "settle")
    elif invoice.status == "paid" and open_amount(invoice) > 0:
        move(ctx, invoice, "reopen_payment")
    ctx.emit("payment.recorded", {"id": payment.id, "invoice_id": invoice.id})


class ReverseParams(BaseModel):
    """Why a payment is taken back."""

    reason: str = Field(min_length=3, max_length=200)


def reverse(ctx: Context, payment: Payment, params: ReverseParams) -> dict[str, Any]:
    """Take a payment back by its mirror image; the invoice is open again.

    Raises:
        Conflict: ``payment.reversed``, ``payment.invoice_cancelled``, ``invoice.deposit_used``.
    """
    known = select(Payment.id).where(Payment.reverses_id == payment.id)
    if payment.reverses_id is not None or ctx.session.scalar(known) is not None:
        raise Conflict("payment.reversed")
    invoice = ctx.get(Invoice, payment.invoice_id, lock=True)
    ctx.session.refresh(invoice)
    if invoice.status == "cancelled":
        raise Conflict("payment.invoice_cancelled")
    if invoice.kind == "deposit" and drafts.deducted(ctx, invoice.id) > 0:
        raise Conflict("invoice.deposit_used", number=invoice.number)
    mirror = Payment(
        invoice_id=invoice.id,
        paid_on=drafts.today(ctx),
        amount=-payment.amount,
        payment_method=payment.payment_method,
        reference=payment.reference,
        reverses_id=payment.id,
        details={"reason": params.reason},
    )
    ctx.add(mirror)
    _apply(ctx, invoice, mirror)
    return {"payment_id": mirror.id}


def settle_nothing(ctx: Context, invoice: Invoice) -> None:
    """An invoice wholly covered by its deposits is paid as soon as it is issued."""
    if invoice.kind == "invoice" and invoice.total_incl_tax > 0 and open_amount(invoice) <= 0:
        move(ctx, invoice, "settle")
