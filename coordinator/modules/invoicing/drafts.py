"""Drafts: from a delivery, from an order, deposits, credit notes, and the lines of a draft (ORD-27, ORD-28, ORD-36)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.kernel.i18n import t
from coordinator.kernel.outbox import Event
from coordinator.modules.catalogue.models import Part, PartRevision
from coordinator.modules.invoicing import content, rules
from coordinator.modules.invoicing.invoice_data import cents, totals_of
from coordinator.modules.invoicing.models import Invoice, InvoiceDeposit, InvoiceLine
from coordinator.modules.orders import prices
from coordinator.modules.orders.models import (
    CustomerPo,
    DeliveryNote,
    DeliveryNoteLine,
    SalesOrder,
    SalesOrderLine,
)
from coordinator.modules.parties.models import Customer

OPEN = ("draft", "pending")
_PIECE, _ONCE = "pièce", "forfait"
SHIPPED = ("shipped", "delivered")


def on_shipped(ctx: Context, event: Event) -> None:
    """A shipment brings its draft invoice, once however often it is told."""
    note = ctx.get(DeliveryNote, int(event.payload["id"]), lock=True)
    ctx.get(
        SalesOrder, note.sales_order_id, lock=True
    )  # two notes of one order would both take its supplement
    invoice_note(ctx, note)


def invoice_note(ctx: Context, note: DeliveryNote, *, mode: str = "automatic") -> Invoice | None:
    """Draft invoice of a delivery note; ``None`` where it has one already or nothing was delivered."""
    known = select(Invoice.id).where(
        Invoice.delivery_note_id == note.id, Invoice.status != "cancelled", Invoice.kind == "invoice"
    )
    query = select(DeliveryNoteLine).where(
        DeliveryNoteLine.delivery_note_id == note.id, DeliveryNoteLine.archived_at.is_(None)
    )
    delivered = ctx.session.scalars(query.order_by(DeliveryNoteLine.id)).all()
    if note.status not in SHIPPED or not delivered or ctx.session.scalar(known) is not None:
        return None
    order = ctx.get(SalesOrder, note.sales_order_id)
    invoice = _new(ctx, order, mode=mode)
    invoice.delivery_note_id = note.id
    invoice.delivery_date = note.delivery_date or ctx.now.date()
    ctx.add(invoice)
    customer = ctx.get(Customer, order.customer_id)
    count = 0
    for row in delivered:
        for line in _lines_of(ctx, invoice, customer, row):
            count += 1
            line.line_no = count
            ctx.add(line)
    _add_supplement(ctx, invoice, order, customer, count + 1)
    refresh(ctx, invoice)
    ctx.emit("invoice.drafted", {"id": invoice.id})
    return invoice


def _new(ctx: Context, order: SalesOrder, *, kind: str = "invoice", mode: str = "manual") -> Invoice:
    purchase = ctx.session.get(CustomerPo, order.customer_po_id) if order.customer_po_id else None
    return Invoice(
        kind=kind,
        customer_id=order.customer_id,
        sales_order_id=order.id,
        po_number=purchase.po_number if purchase else None,
        generation_mode=mode,
    )


def _lines_of(ctx: Context, invoice: Invoice, customer: Customer, row: DeliveryNoteLine) -> list[InvoiceLine]:
    """Delivered pieces with their share of the discount; the one-off work of the line with its first delivery."""
    line = ctx.get(SalesOrderLine, row.sales_order_line_id)
    revision = ctx.get(PartRevision, line.part_revision_id)
    part = ctx.get(Part, revision.part_id)
    plan = f"{part.name}, plan {part.drawing_number} ind. {revision.revision}"
    common = {
        "invoice_id": invoice.id,
        "delivery_note_line_id": row.id,
        "part_number": part.drawing_number,
        "discount_pct": rules.ZERO,
        "vat_pct": line.vat_pct if customer.vat_regime == "fr_standard" else rules.ZERO,
    }
    billed = _billed(ctx, line)
    done = sum((x.quantity for x in billed if x.unit == _PIECE), rules.ZERO)
    discount = prices.discount_on_goods(line)
    goods = InvoiceLine(
        **common,
        sales_order_line_id=line.id,
        description=plan[:500],
        quantity=row.quantity,
        unit=_PIECE,
        unit_price_excl_tax=line.unit_price_excl_tax,
        discount_amount=prices.part_of(discount, done, row.quantity, line.quantity) or None,
    )
    if not line.one_off_excl_tax or any(x.unit == _ONCE for x in billed):
        return [goods]
    once = InvoiceLine(
        **common,
        description=f"{t('orders.one_off', 'fr')}, {plan}"[:500],
        quantity=Decimal(1),
        unit=_ONCE,
        unit_price_excl_tax=line.one_off_excl_tax,
        discount_amount=((line.discount_excl_tax or rules.ZERO) - discount) or None,
    )
    return [goods, once]


def _billed(ctx: Context, line: SalesOrderLine) -> Sequence[InvoiceLine]:
    """What living invoices hold of the deliveries of an order line already."""
    delivered = select(DeliveryNoteLine.id).where(DeliveryNoteLine.sales_order_line_id == line.id)
    query = select(InvoiceLine).join(Invoice, Invoice.id == InvoiceLine.invoice_id)
    living = query.where(Invoice.kind == "invoice", Invoice.status != "cancelled")
    own = living.where(InvoiceLine.delivery_note_line_id.in_(delivered), InvoiceLine.archived_at.is_(None))
    return ctx.session.scalars(own).all()


def _add_supplement(
    ctx: Context, invoice: Invoice, order: SalesOrder, customer: Customer, number: int
) -> None:
    """The supplement to the minimum order goes on the first invoice of the order that stands."""
    words = t("orders.supplement", "fr")
    told = (
        select(InvoiceLine.id)
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .where(Invoice.sales_order_id == order.id, Invoice.kind == "invoice", Invoice.status != "cancelled")
        .where(InvoiceLine.sales_order_line_id.is_(None), InvoiceLine.description == words)
    )
    if not order.supplement_excl_tax or ctx.session.scalar(told.limit(1)) is not None:
        return
    first = select(SalesOrderLine.vat_pct).where(SalesOrderLine.sales_order_id == order.id)
    rate = ctx.session.scalar(first.order_by(SalesOrderLine.line_no).limit(1)) or rules.ZERO
    ctx.add(
        InvoiceLine(
            invoice_id=invoice.id,
            line_no=number,
            description=words,
            quantity=Decimal(1),
            unit="forfait",
            unit_price_excl_tax=order.supplement_excl_tax,
            discount_pct=rules.ZERO,
            vat_pct=rate if customer.vat_regime == "fr_standard" else rules.ZERO,
        )
    )


class OrderParams(BaseModel):
    """The order to invoice."""

    sales_order_id: int = Field(ge=1)


class DepositParams(OrderParams):
    """A deposit as a share of the order excl. VAT."""

    percentage: Decimal = Field(gt=0, le=100, decimal_places=2)


def invoice_order(ctx: Context, params: OrderParams) -> dict[str, Any]:
    """Draft invoices of every delivery of an order that has none; result: their ids.

    Raises:
        Conflict: ``invoice.nothing_delivered``.
    """
    order = ctx.get(SalesOrder, params.sales_order_id, lock=True)
    query = select(DeliveryNote).where(
        DeliveryNote.sales_order_id == order.id, DeliveryNote.status.in_(SHIPPED)
    )
    notes = ctx.session.scalars(query.order_by(DeliveryNote.id).with_for_update()).all()
    made = [invoice_note(ctx, note, mode="manual") for note in notes]
    ids = [invoice.id for invoice in made if invoice is not None]
    if not ids:
        raise Conflict("invoice.nothing_delivered", number=order.number)
    return {"invoice_ids": ids}


def deposit_order(ctx: Context, params: DepositParams) -> dict[str, Any]:
    """Draft deposit invoice over a share of the order, one line per VAT rate.

    Raises:
        Conflict: ``invoice.order_closed`` once the order is closed or cancelled.
        BusinessError: ``invoice.deposit_too_high`` beyond the order's value with the deposits before.
    """
    order = ctx.get(SalesOrder, params.sales_order_id, lock=True)
    if order.status in {"closed", "cancelled"}:
        raise Conflict("invoice.order_closed", number=order.number)
    customer = ctx.get(Customer, order.customer_id)
    bases: dict[Decimal, Decimal] = {}
    query = select(SalesOrderLine).where(SalesOrderLine.sales_order_id == order.id)
    for line in ctx.session.scalars(query.where(SalesOrderLine.archived_at.is_(None))):
        rate = line.vat_pct if customer.vat_regime == "fr_standard" else rules.ZERO
        bases[rate] = bases.get(rate, rules.ZERO) + prices.net(line)
    if order.supplement_excl_tax and bases:
        rate = next(iter(bases))
        bases[rate] += order.supplement_excl_tax
    amounts = {rate: cents(base * params.percentage / 100) for rate, base in bases.items()}
    _check_deposit(ctx, order, sum(amounts.values(), rules.ZERO), sum(bases.values(), rules.ZERO))
    invoice = ctx.add(_new(ctx, order, kind="deposit"))
    for number, (rate, amount) in enumerate(sorted(amounts.items()), start=1):
        words = f"Acompte de {params.percentage.normalize():f} % sur la commande {order.number}"
        ctx.add(
            InvoiceLine(
                invoice_id=invoice.id,
                line_no=number,
                description=words,
                quantity=Decimal(1),
                unit="lot",
                unit_price_excl_tax=amount,
                discount_pct=rules.ZERO,
                vat_pct=rate,
            )
        )
    refresh(ctx, invoice)
    return {"invoice_ids": [invoice.id]}


def _check_deposit(ctx: Context, order: SalesOrder, amount: Decimal, order_value: Decimal) -> None:
    query = select(Invoice).where(
        Invoice.sales_order_id == order.id,
        Invoice.kind.in_(("deposit", "invoice")),
        Invoice.status != "cancelled",
    )
    before = sum((_share_left(ctx, earlier) for earlier in ctx.session.scalars(query).all()), rules.ZERO)
    if amount <= 0 or before + amount > order_value:
        raise BusinessError(
            "invoice.deposit_too_high", errors=[FieldError("percentage", "invoice.deposit_too_high")]
        )


def _share_left(ctx: Context, earlier: Invoice) -> Decimal:
    """Value excl. VAT of an invoice, less what later invoices deducted of a deposit."""
    if earlier.kind != "deposit" or not earlier.total_incl_tax:
        return earlier.total_excl_tax
    return earlier.total_excl_tax * (1 - deducted(ctx, earlier.id) / earlier.total_incl_tax)


def refresh(ctx: Context, invoice: Invoice) -> None:
    """Recompute the lines, the deposits to deduct and the totals of a draft (ORD-33)."""
    lines = content.lines_of(ctx, invoice.id)
    for line in lines:
        line.line_total_excl_tax = rules.line_net(
            line.quantity, line.unit_price_excl_tax, line.discount_pct, line.discount_amount
        )
    totals = totals_of(content.build(ctx, invoice, "—", ctx.now.date()))
    invoice.total_excl_tax, invoice.vat_total = totals.excl, totals.vat_total
    invoice.total_incl_tax = totals.incl
    if invoice.kind == "invoice":
        invoice.prepaid_amount = _deduct(ctx, invoice)
    ctx.session.flush()


def _deduct(ctx: Context, invoice: Invoice) -> Decimal:
    present = ctx.session.scalars(select(InvoiceDeposit).where(InvoiceDeposit.invoice_id == invoice.id))
    for row in present.all():
        ctx.session.delete(row)
    ctx.session.flush()
    if invoice.sales_order_id is None:
        return rules.ZERO
    chosen = rules.deduct(open_deposits(ctx, invoice.sales_order_id), invoice.total_incl_tax)
    for deposit_id, amount in chosen:
        ctx.add(InvoiceDeposit(invoice_id=invoice.id, deposit_invoice_id=deposit_id, amount=amount))
    return sum((amount for _, amount in chosen), rules.ZERO)


def open_deposits(ctx: Context, sales_order_id: int) -> Sequence[rules.OpenDeposit]:
    """Paid deposits of an order with what no other invoice has deducted, the oldest first; they stay locked."""
    query = select(Invoice).where(
        Invoice.sales_order_id == sales_order_id, Invoice.kind == "deposit", Invoice.status == "paid"
    )
    deposits = ctx.session.scalars(query.order_by(Invoice.id).with_for_update(of=Invoice)).all()
    return [rules.OpenDeposit(d.id, d.total_incl_tax - deducted(ctx, d.id)) for d in deposits]


def deducted(ctx: Context, deposit_id: int) -> Decimal:
    """What living invoices deduct of a deposit, incl. VAT."""
    query = select(func.coalesce(func.sum(InvoiceDeposit.amount), 0)).join(
        Invoice, Invoice.id == InvoiceDeposit.invoice_id
    )
    living = query.where(InvoiceDeposit.deposit_invoice_id == deposit_id, Invoice.status != "cancelled")
    return Decimal(ctx.session.scalar(living) or 0)


class CreditParams(BaseModel):
    """Why the invoice is credited."""

    reason: str = Field(min_length=3, max_length=300)


def credit(ctx: Context, original: Invoice, params: CreditParams) -> dict[str, Any]:
    """Draft credit note over the whole of an issued invoice; validated, it cancels the invoice (ORD-29, ORD-30).

    Raises:
        Conflict: ``invoice.not_creditable``, ``invoice.already_credited``, ``invoice.deposit_used``.
    """
    if original.kind == "credit_note" or original.status not in {"validated", "paid"}:
        raise Conflict("invoice.not_creditable")
    known = select(Invoice.id).where(
        Invoice.credited_invoice_id == original.id, Invoice.status != "cancelled"
    )
    if ctx.session.scalar(known) is not None:
        raise Conflict("invoice.already_credited", number=original.number)
    if original.kind == "deposit" and deducted(ctx, original.id) > 0:
        raise Conflict("invoice.deposit_used", number=original.number)
    note = Invoice(
        kind="credit_note",
        customer_id=original.customer_id,
        sales_order_id=original.sales_order_id,
        delivery_note_id=original.delivery_note_id,
        credited_invoice_id=original.id,
        delivery_date=original.delivery_date,
        po_number=original.po_number,
        generation_mode="manual",
        notes=params.reason,
    )
    ctx.add(note)
    copied = (
        "line_no", "sales_order_line_id", "delivery_note_line_id", "part_number", "description", "quantity", "unit",
        "unit_price_excl_tax", "discount_pct", "discount_amount", "vat_pct",
    )  # fmt: skip
    for line in content.lines_of(ctx, original.id):
        ctx.add(InvoiceLine(invoice_id=note.id, **{name: getattr(line, name) for name in copied}))
    refresh(ctx, note)
    return {"invoice_id": note.id}


def check_draft(_ctx: Context, invoice: Invoice) -> None:
    """Only a draft is changed.

    Raises:
        Conflict: ``invoice.issued``, or ``invoice.not_draft`` while it waits for validation.
    """
    if invoice.status not in OPEN:
        raise Conflict("invoice.issued", number=invoice.number or "")
    if invoice.status != "draft":
        raise Conflict("invoice.not_draft")


def on_new_line(ctx: Context, line: InvoiceLine) -> None:
    """A line typed by a person goes to the end of its draft."""
    invoice = _editable(ctx, line)
    _check_line(line)
    last = select(func.max(InvoiceLine.line_no)).where(InvoiceLine.invoice_id == line.invoice_id)
    line.line_no = (ctx.session.scalar(last) or 0) + 1
    ctx.add(line)
    refresh(ctx, invoice)


def on_line_change(ctx: Context, line: InvoiceLine) -> None:
    """A changed line moves the totals of its draft."""
    with ctx.session.no_autoflush:
        invoice = _editable(ctx, line)
        _check_line(line)
    refresh(ctx, invoice)


def remove_line(ctx: Context, line: InvoiceLine, _params: Any) -> None:
    """Take a line out of a draft."""
    invoice = _editable(ctx, line)
    line.archived_at = ctx.now
    ctx.session.flush()
    refresh(ctx, invoice)


def _editable(ctx: Context, line: InvoiceLine) -> Invoice:
    invoice = ctx.get(Invoice, line.invoice_id, lock=True)
    check_draft(ctx, invoice)
    if invoice.kind == "credit_note":
        raise Conflict("invoice.credit_is_whole")
    return invoice


def _check_line(line: InvoiceLine) -> None:
    """Quantity above zero, price and discount in range (ORD-49)."""
    line.discount_pct = line.discount_pct if line.discount_pct is not None else rules.ZERO
    line.vat_pct = line.vat_pct if line.vat_pct is not None else Decimal(20)
    line.unit = line.unit or "pièce"
    limits = {
        "quantity": line.quantity > 0,
        "unit_price_excl_tax": line.unit_price_excl_tax >= 0,
        "discount_pct": 0 <= line.discount_pct <= 100,
        "discount_amount": _fits(line),
        "vat_pct": 0 <= line.vat_pct <= 100,
    }
    wrong = [FieldError(name, f"invoice.{name}") for name, is_right in limits.items() if not is_right]
    if wrong:
        raise BusinessError("invoice.line_values", errors=wrong)


def _fits(line: InvoiceLine) -> bool:
    """An amount taken off is not above the price, and stands in place of a percentage."""
    amount = line.discount_amount or rules.ZERO
    most = cents(line.quantity * line.unit_price_excl_tax)
    return amount == 0 or (0 < amount <= most and line.discount_pct == 0)


def today(ctx: Context) -> dt.date:
    """Day of the unit of work; the year of the numbers is taken from the same instant."""
    return ctx.now.date()
