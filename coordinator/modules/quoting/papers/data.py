"""Data of the paper quote (DEVIS), content of QUO-38."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from coordinator.kernel.papers.data import Company, Contact, Party, Totals

SCENARIO_POINTS = {
    "standard": ("Planning actuel", "Notre meilleur équilibre prix et délai"),
    "express": ("Délai le plus court", "Heures supplémentaires et samedi compris"),
    "economic": ("Production sur créneaux libres", "Prix le plus bas"),
}
"""What a customer reads under each scenario."""


@dataclass(frozen=True, slots=True)
class PriceBreak:
    """Unit price excl. VAT from a quantity on."""

    quantity: int
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One line; prices excl. VAT in the quote's currency, for the scenario the totals are given for."""

    position: int
    designation: str
    quantity: Decimal
    unit_price: Decimal
    total: Decimal
    drawing_number: str = ""
    revision: str = ""
    part_number: str = ""
    material: str = ""
    treatment: str = ""
    unit: str = "pièce"
    vat_rate_pct: Decimal = Decimal(20)
    notes: list[str] = field(default_factory=list)
    price_breaks: list[PriceBreak] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class QuoteScenario:
    """One of standard, express, economic: total excl. VAT, `delivery_date` or else `delay` in words ("3
    semaines").

    `highlighted` marks the scenario the lines and totals are given for.
    """

    kind: str
    title: str
    total_excl: Decimal
    delivery_date: date | None = None
    delay: str = ""
    points: list[str] = field(default_factory=list)
    highlighted: bool = False


@dataclass(frozen=True, slots=True)
class QuotePaper:
    """Everything printed on a quote. Texts of terms come from the settings, the paper adds nothing of its
    own."""

    company: Company
    customer: Party
    number: str
    version: str
    issued_on: date
    valid_until: date
    lines: list[QuoteLine]
    scenarios: list[QuoteScenario]
    totals: Totals
    payment_terms: str
    late_rate: str
    recovery_indemnity: str = "40 €"
    early_discount: str = "Pas d'escompte pour paiement anticipé"
    seller_contact: Contact | None = None
    customer_reference: str = ""
    subject: str = ""
    introduction: str = ""
    incoterm: str = ""
    delivery_place: str = ""
    certificates: list[str] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)
    exclusions: list[str] = field(default_factory=list)
    retention_of_title: str = ""
    general_conditions: str = ""
    qr: str = ""
