"""The ledger: entries of invoices and payments, manual entries, reversals, periods (FIN-12…18, FIN-50)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from babel.numbers import is_currency
from pydantic import BaseModel, Field
from sqlalchemy import select, text

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, FieldError, Forbidden
from coordinator.kernel.outbox import Event
from coordinator.modules.finance import rules
from coordinator.modules.finance.models import FinanceCategory, FinancePeriod, FinanceTransaction
from coordinator.modules.invoicing import api as invoicing
from coordinator.modules.invoicing.models import Invoice, Payment
from coordinator.modules.orders.models import SalesOrder

_PERIODS_LOCK = 7_018_050
CATEGORIES: dict[str, tuple[str, str]] = {
    "sales": ("Ventes", "701"),
    "receipts": ("Encaissements", "512"),
    "material": ("Matière", "601"),
    "tools": ("Outils", "606"),
    "subcontracting": ("Sous-traitance", "611"),
    "energy": ("Énergie", "6061"),
    "maintenance": ("Maintenance", "615"),
    "instruments": ("Instruments et étalonnage", "6156"),
    "ppe": ("EPI", "6063"),
    "wages": ("Salaires", "641"),
    "rent": ("Loyers", "613"),
    "transport": ("Transport", "624"),
    "insurance": ("Assurances", "616"),
    "software": ("Logiciels", "651"),
    "taxes": ("Impôts et taxes", "635"),
    "other": ("Autres", "658"),
}
"""Delivered categories with their account of the French chart (FIN-13)."""
LINKS = (
    "supplier_id", "customer_id", "sales_order_id", "invoice_id", "payment_id", "material_id", "part_id", "tool_id",
    "instrument_id", "machine_id",
)  # fmt: skip


def seed(ctx: Context) -> None:
    """Create the categories that are missing; what the owner changed stays."""
    known = set(ctx.session.scalars(select(FinanceCategory.code)))
    for code, (label, account) in CATEGORIES.items():
        if code not in known:
            ctx.session.add(FinanceCategory(code=code, label=label, account=account))
    ctx.session.flush()


def category(ctx: Context, code: str) -> int:
    """Id of a delivered category."""
    return int(ctx.session.scalars(select(FinanceCategory.id).where(FinanceCategory.code == code)).one())


def period_of(day: dt.date) -> str:
    """``YYYY-MM`` of a day (FIN-15)."""
    return f"{day:%Y-%m}"


def _is_closed(ctx: Context, period: str) -> bool:
    """Whether a period is closed; it stays as it is until the end of this transaction."""
    ctx.session.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": _PERIODS_LOCK})
    query = select(FinancePeriod.is_closed).where(FinancePeriod.period == period)
    return bool(ctx.session.scalar(query))


# --- manual entries -----------------------------------------------------------------------------------------------


def on_create(ctx: Context, entry: FinanceTransaction) -> None:
    """A manual entry starts as a draft."""
    entry.recorded_by_id = ctx.principal.user_id
    entry.currency = entry.currency or "EUR"
    _check(ctx, entry)


def on_update(ctx: Context, entry: FinanceTransaction) -> None:
    """Only a draft changes (FIN-14).

    Raises:
        Conflict: ``finance.final``.
    """
    if entry.status != "draft":
        raise Conflict("finance.final")
    _check(ctx, entry)


def _check(ctx: Context, entry: FinanceTransaction) -> None:
    """Sign, currency and period (FIN-50); VAT from its rate where it was not typed."""
    errors = []
    if entry.amount is None or entry.amount <= 0:
        errors.append(FieldError("amount", "finance.amount"))
    if not is_currency(entry.currency.upper()):
        errors.append(FieldError("currency", "finance.currency", {"currency": entry.currency}))
    if entry.vat_amount is not None and entry.vat_amount < 0:
        errors.append(FieldError("vat_amount", "finance.amount"))
    entry.currency = entry.currency.upper()
    with ctx.session.no_autoflush:
        if _is_closed(ctx, period_of(entry.transaction_date)):
            params = {"period": period_of(entry.transaction_date)}
            errors.append(FieldError("transaction_date", "finance.period_closed", params))
    if errors:
        raise BusinessError("finance.refused", errors=errors)
    entry.period = period_of(entry.transaction_date)
    if entry.vat_amount is None and entry.vat_pct is not None:
        entry.vat_amount = rules.cents(entry.amount * entry.vat_pct / 100)


def validate(ctx: Context, entry: FinanceTransaction, _params: Any) -> None:
    """Make a draft final.

    Raises:
        BusinessError: ``finance.refused``: category missing, period closed meanwhile.
    """
    if entry.category_id is None:
        raise BusinessError("finance.refused", errors=[FieldError("category_id", "finance.category")])
    _check(ctx, entry)


class ReverseParams(BaseModel):
    """Why an entry is reversed."""

    reason: str = Field(min_length=3, max_length=200)


def reverse(ctx: Context, entry: FinanceTransaction, params: ReverseParams) -> dict[str, Any]:
    """Correct a validated entry by its mirror image in the present period (FIN-14).

    Raises:
        Conflict: ``finance.not_validated``, ``finance.automatic``, ``finance.reversed``.
    """
    if entry.status != "validated":
        raise Conflict("finance.not_validated")
    if entry.origin is not None:
        raise Conflict("finance.automatic")
    known = select(FinanceTransaction.id).where(FinanceTransaction.reverses_id == entry.id)
    if entry.reverses_id is not None or ctx.session.scalar(known) is not None:
        raise Conflict("finance.reversed")
    mirror = _mirror(entry, f"Extourne : {entry.description} ({params.reason})")
    _post(ctx, mirror, ctx.now.date())
    return {"finance_transaction_id": mirror.id}


def _mirror(entry: FinanceTransaction, description: str) -> FinanceTransaction:
    copied = (
        "transaction_type", "category_id", "subcategory_id", "vat_pct", "currency", "payment_method",
        "external_invoice_ref", *LINKS,
    )  # fmt: skip
    mirror = FinanceTransaction(**{name: getattr(entry, name) for name in copied})
    mirror.description = description[:300]
    mirror.amount = -entry.amount
    mirror.vat_amount = -entry.vat_amount if entry.vat_amount is not None else None
    mirror.reverses_id = entry.id
    return mirror


def _post(
    ctx: Context, entry: FinanceTransaction, day: dt.date, *, user_id: int | None = None
) -> FinanceTransaction:
    """Write a validated entry; one that belongs to a closed period goes to the present one, its date kept in words."""
    today = ctx.now.date()
    if day != today and _is_closed(ctx, period_of(day)):
        entry.description = f"{entry.description} (du {day:%d/%m/%Y})"[:300]
        day = today
    entry.transaction_date, entry.period = day, period_of(day)
    entry.status = "validated"
    entry.recorded_by_id = user_id if user_id is not None else ctx.principal.user_id
    entry.currency = entry.currency or "EUR"
    ctx.add(entry)
    ctx.emit("finance_transaction.validated", {"id": entry.id, "sales_order_id": entry.sales_order_id})
    return entry


# --- entries of invoices and payments ---------------------------------------------------------------------------


def _of(ctx: Context, origin: str) -> FinanceTransaction | None:
    return ctx.session.scalars(
        select(FinanceTransaction).where(FinanceTransaction.origin == origin)
    ).one_or_none()


def on_invoice(ctx: Context, event: Event) -> None:
    """An issued invoice, deposit or credit note enters the ledger, once (ORD-41).

    Deposits deducted are left out: they were entered when they were issued.
    """
    invoice = ctx.get(Invoice, int(event.payload["id"]), lock=True)
    origin = f"invoice:{invoice.id}"
    if _of(ctx, origin) is not None:
        return
    entry = FinanceTransaction(transaction_type="sale", category_id=category(ctx, "sales"))
    if invoice.credited_invoice_id is not None:
        credited = _of(ctx, f"invoice:{invoice.credited_invoice_id}")
        if credited is None:
            raise Conflict("finance.original_missing")
        entry = _mirror(credited, f"Avoir {invoice.number}")
    else:
        entry.amount, entry.vat_amount = _net_of_deposits(ctx, invoice)
        rates = (
            {line.vat_pct for line in invoicing.lines_of(ctx, invoice.id)}
            if invoice.vat_total
            else {Decimal(0)}
        )
        entry.vat_pct = rates.pop() if len(rates) == 1 else None
        words = "Facture d'acompte" if invoice.kind == "deposit" else "Facture"
        entry.description = f"{words} {invoice.number}"
    entry.origin, entry.external_invoice_ref = origin, invoice.number
    entry.customer_id, entry.invoice_id = invoice.customer_id, invoice.id
    entry.sales_order_id = invoice.sales_order_id
    _post(ctx, entry, invoice.issued_on or ctx.now.date(), user_id=event.user_id)


def _net_of_deposits(ctx: Context, invoice: Invoice) -> tuple[Decimal, Decimal]:
    net, vat = invoice.total_excl_tax, invoice.vat_total
    for deposit, amount in invoicing.deposits_of(ctx, invoice.id):
        part = rules.cents(deposit.total_excl_tax * amount / deposit.total_incl_tax)
        net -= part
        vat -= amount - part
    return net, vat


def on_payment(ctx: Context, event: Event) -> None:
    """A payment, or its reversal, enters the ledger, once (ORD-41)."""
    payment = ctx.get(Payment, int(event.payload["id"]))
    origin = f"payment:{payment.id}"
    if _of(ctx, origin) is not None:
        return
    invoice = ctx.get(Invoice, payment.invoice_id)
    reversed_entry = _of(ctx, f"payment:{payment.reverses_id}") if payment.reverses_id is not None else None
    if payment.reverses_id is not None and reversed_entry is None:
        raise Conflict("finance.original_missing")
    words = "Annulation du règlement" if payment.reverses_id is not None else "Règlement"
    entry = FinanceTransaction(
        transaction_type="other",
        category_id=category(ctx, "receipts"),
        description=f"{words} {invoice.number}",
        amount=payment.amount,
        payment_method=payment.payment_method,
        external_invoice_ref=invoice.number,
        customer_id=invoice.customer_id,
        sales_order_id=invoice.sales_order_id,
        invoice_id=invoice.id,
        payment_id=payment.id,
        origin=origin,
        reverses_id=reversed_entry.id if reversed_entry is not None else None,
    )
    _post(ctx, entry, payment.paid_on, user_id=event.user_id)


# --- periods ------------------------------------------------------------------------------------------------------


class PeriodParams(BaseModel):
    """A month, ``YYYY-MM``."""

    period: str = Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")


def close_period(ctx: Context, params: PeriodParams) -> dict[str, Any]:
    """Close a past month; what comes later is entered in the present one.

    Raises:
        Conflict: ``finance.period_running``, ``finance.period_drafts``, ``finance.period_closed``.
    """
    ctx.session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _PERIODS_LOCK})
    if params.period >= period_of(ctx.now.date()):
        raise Conflict("finance.period_running", period=params.period)
    drafts = select(FinanceTransaction.id).where(
        FinanceTransaction.period == params.period,
        FinanceTransaction.status == "draft",
        FinanceTransaction.archived_at.is_(None),
    )
    if ctx.session.scalar(drafts.limit(1)) is not None:
        raise Conflict("finance.period_drafts", period=params.period)
    query = select(FinancePeriod).where(FinancePeriod.period == params.period)
    period = ctx.session.scalars(query).one_or_none() or FinancePeriod(period=params.period)
    if period.is_closed:
        raise Conflict("finance.period_closed", period=params.period)
    period.is_closed, period.closed_at, period.closed_by_id = True, ctx.now, ctx.principal.user_id
    ctx.add(period)
    return {"id": period.id, "period": period.period}


def reopen_period(ctx: Context, period: FinancePeriod, _params: Any) -> None:
    """Open a closed month again: the owner only, marked in the history (FIN-50).

    Raises:
        Forbidden: ``finance.owner_only``.
    """
    if not ctx.principal.is_master:
        raise Forbidden("finance.owner_only")
    period.is_closed, period.closed_at, period.closed_by_id = False, None, None


def is_unlinked(_ctx: Context, entry: FinanceTransaction) -> bool:
    """Whether an entry points to nothing; allowed, but shown (FIN-18)."""
    return all(getattr(entry, name) is None for name in LINKS)


def on_purchase(ctx: Context, event: Event) -> None:
    """A validated purchase of an order changes its profitability."""
    from coordinator.modules.finance import profitability

    entry = ctx.get(FinanceTransaction, int(event.payload["id"]))
    if entry.sales_order_id is None or entry.transaction_type not in {"purchase", "service"}:
        return
    order = ctx.get(SalesOrder, entry.sales_order_id)
    for line in profitability.lines_of(ctx, order.id):
        profitability.refresh(ctx, line.id)
