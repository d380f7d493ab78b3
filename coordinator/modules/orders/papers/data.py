"""Data of the order acknowledgement (accusé de réception de commande) and of the delivery note (bon de
livraison)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from coordinator.kernel.papers.data import Address, Company, Contact, Party, Totals


@dataclass(frozen=True, slots=True)
class AcknowledgedLine:
    """One accepted line, prices excl. VAT, with its confirmed date; `total` holds `one_off` work and the `discount`."""

    position: int
    designation: str
    quantity: Decimal
    unit_price: Decimal
    total: Decimal
    confirmed_on: date | None
    drawing_number: str = ""
    revision: str = ""
    part_number: str = ""
    unit: str = "pièce"
    one_off: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class OrderAcknowledgement:
    """Confirmation of an order. `deviations` are differences from the customer's order, each in one
    sentence."""

    company: Company
    customer: Party
    number: str
    version: str
    issued_on: date
    customer_order_number: str
    lines: list[AcknowledgedLine]
    totals: Totals
    payment_terms: str
    customer_order_date: date | None = None
    quote_number: str = ""
    delivery_address: Address | None = None
    incoterm: str = ""
    seller_contact: Contact | None = None
    deviations: list[str] = field(default_factory=list)
    certificates: list[str] = field(default_factory=list)
    late_rate: str = ""
    general_conditions: str = ""
    qr: str = ""


@dataclass(frozen=True, slots=True)
class DeliveredLine:
    """One delivered line, without price; `remaining` is what is still to be delivered of it."""

    position: int
    designation: str
    quantity: Decimal
    ordered: Decimal | None = None
    remaining: Decimal | None = None
    drawing_number: str = ""
    revision: str = ""
    part_number: str = ""
    unit: str = "pièce"
    lots: list[str] = field(default_factory=list)
    serials: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DeliveryNote:
    """A delivery (ORD-24); weight in kg."""

    company: Company
    customer: Party
    number: str
    issued_on: date
    delivery_address: Address
    lines: list[DeliveredLine]
    qr: str
    version: str = ""
    order_number: str = ""
    customer_order_number: str = ""
    parcels: int | None = None
    weight_kg: Decimal | None = None
    carrier: str = ""
    tracking: str = ""
    documents: list[str] = field(default_factory=list)
    remarks: str = ""
