"""Issue: the checks, the number, the paper with its XML, in one transaction (ORD-27, ORD-30, ORD-50, ORD-54)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from coordinator.kernel import numbering
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, FieldError, Forbidden
from coordinator.kernel.lifecycle import move
from coordinator.kernel.models import NumberSequence
from coordinator.kernel.tasks import open_task
from coordinator.modules.documents import api as documents
from coordinator.modules.invoicing import content, drafts, facturx, rules
from coordinator.modules.invoicing.invoice_data import InvoiceData, InvoiceFieldError
from coordinator.modules.invoicing.models import Invoice
from coordinator.modules.orders.models import SalesOrder

_SERIES = {"invoice": "invoice", "deposit": "invoice", "credit_note": "credit_note"}
_TITLE = {"invoice": "Facture", "deposit": "Facture d'acompte", "credit_note": "Avoir"}


def submit(ctx: Context, invoice: Invoice, _params: Any) -> None:
    """Put a draft before the person who validates, with its amounts of the day.

    Raises:
        BusinessError: ``invoice.no_line``.
    """
    if not content.lines_of(ctx, invoice.id):
        raise BusinessError("invoice.no_line")
    drafts.refresh(ctx, invoice)


def issue(ctx: Context, invoice: Invoice, _params: Any) -> None:
    """Give number, date, due date and Factur-X to an invoice; runs as the effect of ``validate``.

    The paper is made for the number that is expected, before the counter is locked; if another invoice took that number
    meanwhile, it is made once more under the lock. Number, paper and status are committed together or not at all.

    Raises:
        Forbidden: ``invoice.person_only`` (ACC-36).
        BusinessError: ``invoice.not_issuable`` with the missing fields. Conflict: ``invoice.deposit_open``.
    """
    if ctx.principal.kind != "user":
        raise Forbidden("invoice.person_only")
    drafts.refresh(ctx, invoice)
    _check_deposits(ctx, invoice)
    expected = _expected_number(ctx, invoice), _issue_day(ctx, _expected_number(ctx, invoice))
    data = content.build(ctx, invoice, *expected)
    _refuse(content.obstacles(ctx, invoice, data))
    pictures = content.assets(ctx)
    issued = _produce(data, pictures)
    number = numbering.next_number(ctx, _SERIES[invoice.kind])
    day = _issue_day(ctx, number)
    if (number, day) != expected:
        data = content.build(ctx, invoice, number, day)
        issued = _produce(data, pictures)
    version_id = _file(ctx, invoice, number, day, issued)
    invoice.number, invoice.issued_on, invoice.due_on = number, day, data.due_on
    invoice.document_version_id = version_id
    invoice.validated_by_id, invoice.validated_at = ctx.principal.user_id, ctx.now
    ctx.session.flush()
    if invoice.credited_invoice_id is not None:
        original = ctx.get(Invoice, invoice.credited_invoice_id, lock=True)
        move(ctx, original, "cancel_by_credit")


def _expected_number(ctx: Context, invoice: Invoice) -> str:
    """The number the counter would give now, without touching it."""
    kind, period = _SERIES[invoice.kind], f"{ctx.now.year:04d}"
    query = select(NumberSequence.prefix, NumberSequence.next_value, NumberSequence.width).where(
        NumberSequence.document_type == kind, NumberSequence.period == period
    )
    row = ctx.session.execute(query).one_or_none()
    prefix, value, width = (
        row if row is not None else (numbering.FORMATS[kind][0], 1, numbering.FORMATS[kind][1])
    )
    return f"{prefix}-{period}-{value:0{width}d}"


def _issue_day(ctx: Context, number: str) -> dt.date:
    """Today, or the day of the series' last invoice where that is later: numbers and dates grow together.

    Raises:
        Conflict: ``invoice.clock`` when the last invoice lies more than a day ahead of the clock.
    """
    series = number.rpartition("-")[0] + "-"
    query = select(func.max(Invoice.issued_on)).where(Invoice.number.startswith(series, autoescape=True))
    last = ctx.session.scalar(query)
    today = drafts.today(ctx)
    if last is None or last <= today:
        return today
    if last - today > dt.timedelta(days=1):
        raise Conflict("invoice.clock", last=last.isoformat(), today=today.isoformat())
    return last


def _check_deposits(ctx: Context, invoice: Invoice) -> None:
    """An issued deposit must be paid or credited first, lest it be asked for twice."""
    if invoice.kind != "invoice" or invoice.sales_order_id is None:
        return
    query = select(Invoice.number).where(
        Invoice.sales_order_id == invoice.sales_order_id,
        Invoice.kind == "deposit",
        Invoice.status == "validated",
    )
    unpaid = ctx.session.scalars(query.limit(1)).one_or_none()
    if unpaid is not None:
        raise Conflict("invoice.deposit_open", number=unpaid)


def _produce(data: InvoiceData, pictures: dict[str, bytes]) -> facturx.IssuedInvoice:
    try:
        return facturx.issue(data, assets=pictures)
    except facturx.InvoiceNotIssuable as refusal:
        _refuse(refusal.errors)
        raise


def _refuse(errors: Sequence[InvoiceFieldError]) -> None:
    if errors:
        fields = [FieldError(e.field, "invoice.field", {"message": e.message}) for e in errors]
        raise BusinessError("invoice.not_issuable", errors=fields, count=len(fields))


def _file(ctx: Context, invoice: Invoice, number: str, day: dt.date, issued: facturx.IssuedInvoice) -> int:
    """File the PDF and its XML with links to the invoice and its order. Returns the id of the PDF's version."""
    links: list[Any] = [invoice]
    if invoice.sales_order_id is not None:
        links.append(ctx.get(SalesOrder, invoice.sales_order_id))
    title = f"{_TITLE[invoice.kind]} {number}"
    common: dict[str, Any] = {"document_type": "invoice", "confidentiality": "confidential", "issued_on": day}
    version = documents.file_document(
        ctx, "finance", title, issued.pdf, "application/pdf", links, file_name=f"{number}.pdf", **common
    )
    documents.file_document(
        ctx,
        "finance",
        f"{title} (XML)",
        issued.xml,
        "application/xml",
        links,
        file_name=f"{number}.xml",
        **common,
    )
    return version.id


def missing(ctx: Context, invoice: Invoice) -> list[dict[str, str]]:
    """What keeps a draft from being issued, shown on its page before anybody tries (ORD-50)."""
    if invoice.status not in drafts.OPEN:
        return []
    try:
        data = content.build(ctx, invoice, _expected_number(ctx, invoice), drafts.today(ctx))
    except BusinessError as refusal:
        return [{"field": "company", "code": refusal.code, "message": refusal.message(ctx.locale)}]
    return [
        {"field": e.field, "code": e.code, "message": e.message}
        for e in content.obstacles(ctx, invoice, data)
    ]


def gaps(ctx: Context) -> list[str]:
    """Numbers that no invoice carries, between the first and the last of each series (ORD-54)."""
    return rules.number_gaps(
        list(ctx.session.scalars(select(Invoice.number).where(Invoice.number.is_not(None))))
    )


def check_numbers(ctx: Context) -> list[str]:
    """Look for gaps and hand them to the accountant, once each; run every day and at start-up."""
    found = gaps(ctx)
    for number in found:
        title = f"Numéro de facture manquant : {number}"
        open_task(ctx, "invoice_number_gap", title, role="accountant", dedupe_key=f"invoice-gap:{number}")
    return found
