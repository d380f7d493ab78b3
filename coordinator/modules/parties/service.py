"""Rules of customers and suppliers at entry and along their life."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import or_, select

from coordinator.kernel import numbering
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, FieldError
from coordinator.modules.company.rules import french_vat_number, siret_is_valid
from coordinator.modules.parties import rules
from coordinator.modules.parties.models import Address, Contact, Customer, Supplier

Party = Customer | Supplier


def check_identifiers(party: Party) -> None:
    """Normalise and check SIRET, VAT number, e-mail and country.

    Raises:
        BusinessError: ``party.identifiers`` one error per refused field, nothing saved (CRM-04, CRM-45).
    """
    errors: list[FieldError] = []
    party.country = (party.country or "FR").upper()
    if party.siret:
        party.siret = rules.compact(party.siret)
        if not siret_is_valid(party.siret):
            errors.append(FieldError("siret", "party.siret"))
    party.siren = party.siret[:9] if party.siret and not errors else None
    if party.vat_number:
        party.vat_number = rules.compact(party.vat_number)
        if not rules.vat_number_is_valid(party.vat_number):
            errors.append(FieldError("vat_number", "party.vat_number"))
        elif party.siren and party.vat_number.startswith("FR") and party.vat_number[4:] != party.siren:
            errors.append(FieldError("vat_number", "party.vat_other_siren"))
    for name in ("email", "order_email"):
        email = getattr(party, name, None)
        if email and not rules.email_is_valid(email):
            errors.append(FieldError(name, "party.email"))
    if not (len(party.country) == 2 and party.country.isalpha()):
        errors.append(FieldError("country", "party.country"))
    _raise(errors)


def _raise(errors: list[FieldError]) -> None:
    if errors:
        raise BusinessError("party.identifiers", errors=errors)


def on_create_customer(ctx: Context, customer: Customer) -> None:
    """Number a new customer and check it."""
    check_customer(ctx, customer)
    customer.code = numbering.next_number(ctx, "customer")


def check_customer(ctx: Context, customer: Customer) -> None:  # noqa: ARG001 — signature of the entity's hook
    """Identifiers of a customer."""
    check_identifiers(customer)
    if customer.siren and not customer.vat_number and customer.country == "FR":
        customer.vat_number = french_vat_number(customer.siren)


def on_create_supplier(ctx: Context, supplier: Supplier) -> None:
    """Number a new supplier and check it."""
    check_supplier(ctx, supplier)
    supplier.code = numbering.next_number(ctx, "supplier")


def check_supplier(ctx: Context, supplier: Supplier) -> None:  # noqa: ARG001 — signature of the entity's hook
    """Identifiers of a supplier."""
    check_identifiers(supplier)


def check_contact(ctx: Context, contact: Contact) -> None:  # noqa: ARG001 — signature of the entity's hook
    """One owner, plausible e-mail."""
    errors: list[FieldError] = []
    if (contact.customer_id is None) == (contact.supplier_id is None):
        errors.append(FieldError("customer_id", "party.one_owner"))
    if contact.email:
        contact.email = contact.email.strip().lower()
        if not rules.email_is_valid(contact.email):
            errors.append(FieldError("email", "party.email"))
    _raise(errors)


def check_address(ctx: Context, address: Address) -> None:  # noqa: ARG001 — signature of the entity's hook
    """One owner."""
    errors: list[FieldError] = []
    if sum(key is not None for key in (address.customer_id, address.supplier_id, address.site_id)) != 1:
        errors.append(FieldError("customer_id", "party.one_owner"))
    _raise(errors)


class ReasonParams(BaseModel):
    """Why."""

    reason: str = Field(min_length=3, max_length=300)


def hold(ctx: Context, customer: Customer, params: ReasonParams) -> None:
    """Suspend a customer: quotes go on, an order needs a manager (CRM-06)."""
    ctx.note("on_hold", customer, details=params.reason)


def archive(ctx: Context, customer: Customer, _params: Any) -> None:
    """Take a customer out of the lists; nothing is deleted (CRM-07)."""
    customer.archived_at = ctx.now


def reopen(_ctx: Context, customer: Customer, _params: Any) -> None:
    """Bring an archived customer back."""
    customer.archived_at = None


def approve_supplier(ctx: Context, supplier: Supplier, _params: Any) -> None:
    """Enter a supplier in the approved list with its next review (CRM-25)."""
    supplier.approved_by_id = ctx.principal.user_id
    supplier.approved_on = ctx.now.date()
    months = ctx.settings.integer("purchasing.supplier_review_months")
    supplier.next_review_on = ctx.now.date() + dt.timedelta(days=round(months * 30.44))


def possible_duplicates(ctx: Context, party: Party) -> list[dict[str, Any]]:
    """Other files that may be the same company: SIREN, VAT number, e-mail domain or a like name (CRM-05)."""
    model: Any = type(party)
    limit = float(ctx.settings.decimal("crm.duplicate_similarity"))
    domain = _private_domain(party.email)
    same: list[Any] = []
    if party.siren:
        same.append(model.siren == party.siren)
    if party.vat_number:
        same.append(model.vat_number == party.vat_number)
    if domain:
        same.append(model.email.iendswith(f"@{domain}", autoescape=True))
    found: dict[int, dict[str, Any]] = {}
    others = model.id != party.id
    if same:
        for other in ctx.session.scalars(select(model).where(others, or_(*same)).limit(20)):
            found[other.id] = {"id": other.id, "display": other.name, "reason": "identifier"}
    for other_id, name in ctx.session.execute(select(model.id, model.name).where(others)):
        if other_id not in found and rules.similarity(name, party.name) >= limit:
            found[other_id] = {"id": other_id, "display": name, "reason": "name"}
    return list(found.values())[:20]


_PUBLIC_DOMAINS = {
    "gmail.com",
    "orange.fr",
    "wanadoo.fr",
    "free.fr",
    "hotmail.com",
    "outlook.com",
    "outlook.fr",
    "yahoo.fr",
    "yahoo.com",
    "sfr.fr",
    "laposte.net",
}


def _private_domain(email: str | None) -> str | None:
    domain = (email or "").rpartition("@")[2].lower()
    return domain if domain and domain not in _PUBLIC_DOMAINS else None
