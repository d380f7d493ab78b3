"""Data of the paper invoice; made from `InvoiceData` so that page and XML cannot differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from coordinator.kernel.papers.data import Address, Company, Party, Totals


@dataclass(frozen=True, slots=True)
class PaperLine:
    """One printed line, amounts excl. VAT."""

    position: int
    designation: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    discount_pct: Decimal
    vat_rate_pct: Decimal
    total: Decimal
    part_number: str
    description: str
    discount_amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class PaperDeposit:
    """A deposit deducted, incl. VAT."""

    number: str
    issued_on: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class InvoicePaper:
    """Content of ORD-31 and ORD-32."""

    title: str
    company: Company
    customer: Party
    number: str
    issued_on: date
    due_on: date | None
    delivered_on: date | None
    lines: list[PaperLine]
    totals: Totals
    deposits: list[PaperDeposit]
    due: Decimal
    payment_terms: str
    terms: list[str]
    nature: str
    original: str
    billing_address: Address | None
    delivery_address: Address | None
    customer_order_number: str
    order_numbers: str
    delivery_note_numbers: str
    notes: list[str]
