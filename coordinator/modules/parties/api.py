"""What other modules may ask about customers and suppliers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.parties.models import Address, Contact, Customer, Supplier

__all__ = [
    "Address",
    "Contact",
    "Customer",
    "CustomerDefaults",
    "Supplier",
    "address_of",
    "contacts_of",
    "customer",
    "customer_defaults",
    "order_needs_manager",
    "supplier",
    "supplier_may_serve",
]


@dataclass(frozen=True)
class CustomerDefaults:
    """Requirements a customer brings to each new quote line (CRM-10)."""

    criticality: str
    certificate_required: bool
    first_article_required: bool
    conformity_certificate_required: bool
    packaging_rules: str | None
    confidentiality: str
    target_margin_pct: Decimal | None


def customer(ctx: Context, customer_id: int) -> Customer:
    """The customer. Raises ``NotFound``."""
    return ctx.get(Customer, customer_id)


def supplier(ctx: Context, supplier_id: int) -> Supplier:
    """The supplier. Raises ``NotFound``."""
    return ctx.get(Supplier, supplier_id)


def order_needs_manager(customer: Customer) -> bool:
    """Whether confirming an order of this customer needs a manager (CRM-06)."""
    return customer.status == "on_hold"


def customer_defaults(customer: Customer) -> CustomerDefaults:
    """What pre-fills a quote line."""
    return CustomerDefaults(
        customer.default_criticality,
        customer.certificate_required,
        customer.first_article_required,
        customer.conformity_certificate_required,
        customer.packaging_rules,
        customer.confidentiality,
        customer.target_margin_pct,
    )


def address_of(
    ctx: Context, *, customer_id: int | None = None, supplier_id: int | None = None, kind: str = "billing"
) -> Address | None:
    """Address of a kind, the default one first; the head office where there is none of that kind."""
    owner = (
        Address.customer_id == customer_id if customer_id is not None else Address.supplier_id == supplier_id
    )
    for wanted in dict.fromkeys((kind, "head_office")):
        query = select(Address).where(owner, Address.kind == wanted, Address.archived_at.is_(None))
        found = ctx.session.scalars(
            query.order_by(Address.is_default.desc(), Address.id).limit(1)
        ).one_or_none()
        if found is not None:
            return found
    return None


def contacts_of(ctx: Context, customer_id: int) -> list[Contact]:
    """Contacts of a customer, preferred first."""
    query = select(Contact).where(Contact.customer_id == customer_id, Contact.archived_at.is_(None))
    return list(ctx.session.scalars(query.order_by(Contact.is_preferred.desc(), Contact.full_name)))


def supplier_may_serve(supplier: Supplier, *, critical: bool) -> bool:
    """Whether a supplier may be chosen; critical lines take approved ones only (CRM-25)."""
    if critical:
        return supplier.status == "approved"
    return supplier.status in {"approved", "conditional", "not_approved"}
