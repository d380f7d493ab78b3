"""Blocks that the papers of a sale share: seller, customer, totals with VAT."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from coordinator.kernel.context import Context
from coordinator.kernel.papers.data import Address, Company, Contact, Party, Totals, VatLine
from coordinator.modules.company import api as company
from coordinator.modules.parties import api as parties

CENT = Decimal("0.01")
_MENTIONS = {
    "eu_reverse": "Autoliquidation",
    "export": "Exonération de TVA, article 262 I du CGI",
    "exempt": "TVA non applicable, article 293 B du CGI",
}


def seller(ctx: Context) -> Company:
    """The company with its legal mentions.

    Raises:
        BusinessError: ``company.missing`` before set-up.
    """
    own = company.profile(ctx)
    address = Address(own.street or "", own.postal_code or "", own.city or "", own.country)
    return Company(
        own.trade_name or own.legal_name,
        own.legal_form or "",
        address,
        own.siren or "",
        own.share_capital,
        own.rcs_city or "",
        own.vat_number or "",
        own.naf_code or "",
        own.phone or "",
        own.email or "",
        own.website or "",
        own.iban or "",
        own.bic or "",
    )


def party(ctx: Context, customer_id: int, contact_id: int | None = None) -> Party:
    """The customer as a paper names him."""
    customer = parties.customer(ctx, customer_id)
    contact = ctx.get(parties.Contact, contact_id) if contact_id is not None else None
    return Party(
        customer.legal_name or customer.name,
        postal_address(ctx, customer_id, "billing"),
        customer.code,
        Contact(contact.full_name, contact.email or "", contact.phone or "") if contact else None,
        customer.siren or "",
        customer.vat_number or "",
    )


def postal_address(ctx: Context, customer_id: int, kind: str) -> Address:
    """Address of a kind, the head office else; empty where none is known."""
    found = parties.address_of(ctx, customer_id=customer_id, kind=kind)
    if found is None:
        return Address("", "", "", parties.customer(ctx, customer_id).country)
    more = found.complement or ""
    return Address(found.street, found.postal_code or "", found.city, found.country, more)


def vat_pct(ctx: Context, customer_id: int) -> Decimal:
    """VAT rate of a sale to this customer; zero outside the usual French regime (CRM-02)."""
    if parties.customer(ctx, customer_id).vat_regime != "fr_standard":
        return Decimal(0)
    return company.vat_rate(ctx).rate_pct


def totals(ctx: Context, customer_id: int, amounts: Iterable[tuple[Decimal, Decimal]]) -> Totals:
    """Totals of ``(amount excl. VAT, VAT rate)``; VAT is rounded per rate."""
    bases: dict[Decimal, Decimal] = {}
    for amount, rate in amounts:
        bases[rate] = bases.get(rate, Decimal(0)) + amount
    mention = _MENTIONS.get(parties.customer(ctx, customer_id).vat_regime, "")
    lines = [
        VatLine(rate, base, _money(base * rate / 100), mention if not rate else "")
        for rate, base in sorted(bases.items(), reverse=True)
    ]
    excl = sum(bases.values(), Decimal(0))
    vat = sum((line.amount for line in lines), Decimal(0))
    return Totals(excl, lines, vat, excl + vat)


def _money(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def payment_terms(ctx: Context, customer_id: int) -> str:
    """Payment term in words, at most 60 days from invoice (Code de commerce L.441-10)."""
    days = parties.customer(ctx, customer_id).payment_terms_days
    return (
        "Paiement comptant à réception de facture" if not days else f"Paiement à {days} jours date de facture"
    )
