"""Tables of customers and suppliers (area 03)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


class Customer(Record):
    """A client and what its quotes and invoices need (CRM-01, CRM-02, CRM-10)."""

    __tablename__ = "customer"
    code: Mapped[str] = f.text(20, unique=True, search=True, read_only=True)
    name: Mapped[str] = f.text(200, required=True, search=True)
    legal_name: Mapped[str | None] = f.text(200, search=True)
    legal_form: Mapped[str | None] = f.text(60)
    email: Mapped[str | None] = f.text(254, search=True, kind="email")
    phone: Mapped[str | None] = f.text(30, kind="phone")
    website: Mapped[str | None] = f.text(300, kind="url")
    business_sector: Mapped[str | None] = f.text(120)
    comment: Mapped[str | None] = f.long_text()
    status: Mapped[str] = f.status("customer", "prospect")
    is_foreign: Mapped[bool] = f.boolean()
    siren: Mapped[str | None] = f.text(9, search=True, read_only=True)
    siret: Mapped[str | None] = f.text(20, search=True)
    vat_number: Mapped[str | None] = f.text(20, search=True)
    vat_check: Mapped[str | None] = f.text(20, read_only=True)
    vat_checked_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    vat_regime: Mapped[str] = f.choice("vat_regime", default="fr_standard")
    country: Mapped[str] = f.text(2, required=True, default="FR")
    language: Mapped[str] = f.choice("language", default="fr")
    currency: Mapped[str] = f.choice("currency", default="EUR")
    incoterm: Mapped[str | None] = f.choice("incoterm", required=False)
    incoterm_place: Mapped[str | None] = f.text(120)
    payment_terms_days: Mapped[int] = f.integer(required=True, default=30, unit="j")
    payment_method: Mapped[str | None] = f.choice("payment_method", required=False)
    e_invoicing_address: Mapped[str | None] = f.text(120)
    usual_carrier: Mapped[str | None] = f.text(120)
    outstanding_limit: Mapped[Decimal | None] = f.money()
    default_criticality: Mapped[str] = f.choice("criticality", default="standard")
    certificate_required: Mapped[bool] = f.boolean()
    first_article_required: Mapped[bool] = f.boolean()
    conformity_certificate_required: Mapped[bool] = f.boolean()
    packaging_rules: Mapped[str | None] = f.long_text()
    confidentiality: Mapped[str] = f.choice("confidentiality", default="internal")
    target_margin_pct: Mapped[Decimal | None] = f.decimal(5, 2, unit="%", group="costs_margins")


class Supplier(Record):
    """A supplier, subcontractor or service provider (CRM-18, CRM-25)."""

    __tablename__ = "supplier"
    code: Mapped[str] = f.text(20, unique=True, search=True, read_only=True)
    name: Mapped[str] = f.text(200, required=True, search=True)
    legal_name: Mapped[str | None] = f.text(200, search=True)
    email: Mapped[str | None] = f.text(254, search=True, kind="email")
    order_email: Mapped[str | None] = f.text(254, kind="email")
    phone: Mapped[str | None] = f.text(30, kind="phone")
    website: Mapped[str | None] = f.text(300, kind="url")
    comment: Mapped[str | None] = f.long_text()
    kinds: Mapped[list[str] | None] = f.choices("supplier_kind")
    status: Mapped[str] = f.status("supplier", "not_approved")
    approval_scope: Mapped[str | None] = f.text(300)
    is_certified_material_source: Mapped[bool] = f.boolean()
    approved_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    approved_on: Mapped[dt.date | None] = f.date(read_only=True)
    next_review_on: Mapped[dt.date | None] = f.date()
    is_foreign: Mapped[bool] = f.boolean()
    siren: Mapped[str | None] = f.text(9, search=True, read_only=True)
    siret: Mapped[str | None] = f.text(20, search=True)
    vat_number: Mapped[str | None] = f.text(20, search=True)
    country: Mapped[str] = f.text(2, required=True, default="FR")
    currency: Mapped[str] = f.choice("currency", default="EUR")
    lead_time_days: Mapped[int | None] = f.integer(unit="j")
    minimum_order: Mapped[Decimal | None] = f.money(group="supplier_terms")
    carriage_terms: Mapped[str | None] = f.text(200, group="supplier_terms")
    payment_terms_days: Mapped[int | None] = f.integer(unit="j", group="supplier_terms")
    access_way: Mapped[str] = f.choice("access_way", default="manual")
    access_url: Mapped[str | None] = f.text(300, kind="url")


class Contact(Record):
    """A person at a customer's or a supplier's (CRM-03)."""

    __tablename__ = "contact"
    __table_args__ = (
        CheckConstraint("num_nonnulls(customer_id, supplier_id) = 1", name="one_owner"),
        Index(
            "uq_contact_email",
            func.lower(text("email")),
            unique=True,
            postgresql_where=text("customer_id IS NOT NULL AND archived_at IS NULL"),
        ),
    )

    customer_id: Mapped[int | None] = f.ref("customer.id")
    supplier_id: Mapped[int | None] = f.ref("supplier.id")
    full_name: Mapped[str] = f.text(200, required=True, search=True, personal=True)
    role_label: Mapped[str | None] = f.text(120, personal=True)
    email: Mapped[str | None] = f.text(254, search=True, kind="email", personal=True)
    phone: Mapped[str | None] = f.text(30, kind="phone", personal=True)
    is_preferred: Mapped[bool] = f.boolean()
    is_opted_out: Mapped[bool] = f.boolean()
    last_contact_on: Mapped[dt.date | None] = f.date()


class Address(Record):
    """A postal address of a customer, a supplier or a site."""

    __tablename__ = "address"
    __table_args__ = (
        CheckConstraint("num_nonnulls(customer_id, supplier_id, site_id) = 1", name="one_owner"),
    )

    customer_id: Mapped[int | None] = f.ref("customer.id")
    supplier_id: Mapped[int | None] = f.ref("supplier.id")
    site_id: Mapped[int | None] = f.ref("site.id")
    kind: Mapped[str] = f.choice("address_kind", default="head_office")
    label: Mapped[str | None] = f.text(120, search=True)
    street: Mapped[str] = f.text(300, required=True, search=True)
    complement: Mapped[str | None] = f.text(300)
    postal_code: Mapped[str | None] = f.text(20, search=True)
    city: Mapped[str] = f.text(120, required=True, search=True)
    region: Mapped[str | None] = f.text(120)
    country: Mapped[str] = f.text(2, required=True, default="FR")
    is_default: Mapped[bool] = f.boolean()
    receiving_notes: Mapped[str | None] = f.text(300)


class SupplierCatalogue(Record):
    """An interactive or printed catalogue of a supplier (CRM-18, CRM-20)."""

    __tablename__ = "supplier_catalogue"

    supplier_id: Mapped[int] = f.ref("supplier.id", required=True)
    kind: Mapped[str] = f.choice("access_way", default="web_page")
    name: Mapped[str] = f.text(120, required=True, search=True)
    url: Mapped[str | None] = f.text(300, kind="url")
    file_sha256: Mapped[str | None] = f.text(64, read_only=True)
    refreshed_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class SupplierEvaluation(Record):
    """A score given by a person, 0 to 100 (CRM-26)."""

    __tablename__ = "supplier_evaluation"
    __table_args__ = (
        CheckConstraint("score BETWEEN 0 AND 100", name="score_range"),
        UniqueConstraint("supplier_id", "evaluated_on", "criterion"),
    )

    supplier_id: Mapped[int] = f.ref("supplier.id", required=True)
    evaluated_on: Mapped[dt.date] = f.date(required=True)
    criterion: Mapped[str] = f.choice("supplier_criterion")
    score: Mapped[int] = f.integer(required=True)
    comment: Mapped[str | None] = f.long_text()
