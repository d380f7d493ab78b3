"""From the records to everything that an invoice says (ORD-31, ORD-32)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.models import StoredFile
from coordinator.kernel.papers.data import Address, Company, Party
from coordinator.modules.company import api as company
from coordinator.modules.company.models import CompanyProfile
from coordinator.modules.invoicing import rules
from coordinator.modules.invoicing.invoice_data import (
    InvoiceData,
    InvoiceFieldError,
    InvoiceKind,
    OperationNature,
    PrecedingInvoice,
    VatCategory,
    missing_fields,
)
from coordinator.modules.invoicing.invoice_data import InvoiceLine as DataLine
from coordinator.modules.invoicing.models import Invoice, InvoiceDeposit, InvoiceLine
from coordinator.modules.orders.models import CustomerPo, DeliveryNote, SalesOrder
from coordinator.modules.parties import api as parties
from coordinator.modules.parties.models import Address as PartyAddress
from coordinator.modules.parties.models import Customer

_UNIT_CODES = {
    "pièce": "C62",
    "pce": "C62",
    "h": "HUR",
    "heure": "HUR",
    "kg": "KGM",
    "m": "MTR",
    "lot": "C62",
}
"""UN/ECE Recommendation 20."""
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/svg+xml": "svg"}
_NOWHERE = Address("", "", "")


def lines_of(ctx: Context, invoice_id: int) -> list[InvoiceLine]:
    """Lines of an invoice in their order."""
    query = select(InvoiceLine).where(InvoiceLine.invoice_id == invoice_id, InvoiceLine.archived_at.is_(None))
    return list(ctx.session.scalars(query.order_by(InvoiceLine.line_no, InvoiceLine.id)))


def build(ctx: Context, invoice: Invoice, number: str, issued_on: dt.date) -> InvoiceData:
    """Content of the invoice under a number and a date of issue."""
    customer = ctx.get(Customer, invoice.customer_id)
    nature = OperationNature(ctx.settings.get("invoicing.operation_nature"))
    order = ctx.session.get(SalesOrder, invoice.sales_order_id) if invoice.sales_order_id else None
    purchase = ctx.session.get(CustomerPo, order.customer_po_id) if order and order.customer_po_id else None
    note = ctx.session.get(DeliveryNote, invoice.delivery_note_id) if invoice.delivery_note_id else None
    buyer = _address(parties.address_of(ctx, customer_id=customer.id, kind="head_office"))
    billing = _address(parties.address_of(ctx, customer_id=customer.id, kind="billing"))
    delivery = _address(parties.address_of(ctx, customer_id=customer.id, kind="delivery"))
    days = customer.payment_terms_days
    is_credit = invoice.kind == "credit_note"
    has_due_date = not is_credit and 0 <= days <= rules.MAX_TERM_DAYS
    return InvoiceData(
        number=number,
        issued_on=issued_on,
        seller=seller(company.profile(ctx), ctx),
        buyer=Party(
            customer.legal_name or customer.name,
            buyer or billing or _NOWHERE,
            customer.code or "",
            siren=customer.siren or "",
            vat_number=customer.vat_number or "",
        ),
        lines=[_line(line, customer, nature) for line in lines_of(ctx, invoice.id)],
        due_on=rules.due_date(issued_on, days) if has_due_date else None,
        delivered_on=invoice.delivery_date,
        payment_terms="Avoir à déduire ou à rembourser" if is_credit else f"{days} jours date de facture",
        late_rate=ctx.settings.get("invoicing.late_rate"),
        recovery_indemnity=ctx.settings.get("invoicing.recovery_indemnity"),
        early_discount=ctx.settings.get("invoicing.early_discount"),
        kind=InvoiceKind(invoice.kind),
        nature=nature,
        vat_on_debits=ctx.settings.get("invoicing.vat_on_debits"),
        vat_mentions={c.value: ctx.settings.get(f"invoicing.vat_mention_{c.value}") for c in _MENTIONED},
        billing_address=billing if billing != buyer else None,
        delivery_address=delivery if delivery not in {buyer, billing} else None,
        customer_order_required=purchase is not None,
        customer_order_number=invoice.po_number or (purchase.po_number if purchase else None) or "",
        order_numbers=[order.number] if order else [],
        delivery_note_numbers=[note.number] if note else [],
        deposits=_deposits(ctx, invoice),
        original=_original(ctx, invoice),
        notes=[invoice.notes] if invoice.notes else [],
    )


_MENTIONED = (VatCategory.INTRA_EU, VatCategory.EXPORT, VatCategory.REVERSE_CHARGE, VatCategory.EXEMPT)


def obstacles(ctx: Context, invoice: Invoice, data: InvoiceData) -> list[InvoiceFieldError]:
    """Every reason why the invoice cannot be issued (ORD-34, ORD-50)."""
    customer = ctx.get(Customer, invoice.customer_id)
    errors = missing_fields(data)
    if invoice.kind != "credit_note" and not 0 <= customer.payment_terms_days <= rules.MAX_TERM_DAYS:
        message = (
            f"Délai de règlement de {customer.payment_terms_days} jours : la loi le limite à"
            f" {rules.MAX_TERM_DAYS} jours (Code de commerce L.441-10)."
        )
        errors = [e for e in errors if e.field != "due_on"]
        errors.append(InvoiceFieldError("payment_terms_days", "term_too_long", message))
    if customer.currency != "EUR":
        message = f"Devise {customer.currency} : seules les factures en euros sont émises."
        errors.append(InvoiceFieldError("currency", "currency", message))
    return errors


def seller(profile: CompanyProfile, ctx: Context) -> Company:
    """The company with its legal mentions."""
    return Company(
        name=profile.legal_name,
        legal_form=profile.legal_form or "",
        address=Address(profile.street or "", profile.postal_code or "", profile.city or "", profile.country),
        siren=profile.siren or "",
        capital=profile.share_capital,
        rcs_town=profile.rcs_city or "",
        vat_number=profile.vat_number or "",
        naf=profile.naf_code or "",
        phone=profile.phone or "",
        email=profile.email or "",
        website=profile.website or "",
        iban=profile.iban or "",
        bic=profile.bic or "",
        logo=_logo_name(ctx, profile),
    )


def assets(ctx: Context) -> dict[str, bytes]:
    """Pictures of the paper."""
    profile = company.profile(ctx)
    name = _logo_name(ctx, profile)
    return {name: ctx.files.read(profile.logo_sha256)} if name and profile.logo_sha256 else {}


def _logo_name(ctx: Context, profile: CompanyProfile) -> str:
    if profile.logo_sha256 is None or not ctx.files.is_intact(profile.logo_sha256):
        return ""
    query = select(StoredFile.media_type).where(StoredFile.sha256 == profile.logo_sha256)
    ending = _ENDINGS.get(ctx.session.scalar(query) or "")
    return f"logo.{ending}" if ending else ""


def _address(found: PartyAddress | None) -> Address | None:
    if found is None:
        return None
    return Address(found.street, found.postal_code or "", found.city, found.country, found.complement or "")


def _line(line: InvoiceLine, customer: Customer, nature: OperationNature) -> DataLine:
    category = rules.vat_category(customer.vat_regime, nature, line.vat_pct)
    return DataLine(
        position=line.line_no or 0,
        designation=line.description,
        quantity=line.quantity,
        unit_price=line.unit_price_excl_tax,
        vat_rate_pct=line.vat_pct if category is VatCategory.STANDARD else Decimal(0),
        vat_category=category,
        discount_pct=line.discount_pct,
        unit=line.unit,
        unit_code=_UNIT_CODES.get(line.unit, "C62"),
        part_number=line.part_number or "",
        discount_amount=line.discount_amount or Decimal(0),
    )


def deposits_of(ctx: Context, invoice_id: int) -> Sequence[tuple[Invoice, Decimal]]:
    """Deposits deducted from an invoice with their amounts."""
    query = select(Invoice, InvoiceDeposit.amount).join(
        InvoiceDeposit, InvoiceDeposit.deposit_invoice_id == Invoice.id
    )
    found = ctx.session.execute(query.where(InvoiceDeposit.invoice_id == invoice_id).order_by(Invoice.id))
    return found.tuples().all()


def _deposits(ctx: Context, invoice: Invoice) -> list[PrecedingInvoice]:
    return [
        PrecedingInvoice(deposit.number or "", deposit.issued_on or dt.date.min, amount)
        for deposit, amount in deposits_of(ctx, invoice.id)
    ]


def _original(ctx: Context, invoice: Invoice) -> PrecedingInvoice | None:
    if invoice.credited_invoice_id is None:
        return None
    original = ctx.get(Invoice, invoice.credited_invoice_id)
    if original.number is None or original.issued_on is None:
        return None
    return PrecedingInvoice(original.number, original.issued_on, original.total_incl_tax)
