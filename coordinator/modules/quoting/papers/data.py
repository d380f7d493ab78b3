"""Data of the paper quote (DEVIS), content of QUO-38."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
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
    """One line; prices excl. VAT in the quote's currency, for the scenario the totals are given for.

    `total` has the line's own `discount` taken off; `break_note` says what the prices of other quantities are before.
    """

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
    break_note: str = ""
    discount: Decimal = Decimal(0)
    discount_words: str = ""


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
    discount: Decimal = Decimal(0)
    """Discount on the whole, between the sum of the lines and the total excl. VAT; `discount_words` as "5 %"."""
    discount_words: str = ""
    lines_total: Decimal = Decimal(0)


def subject_of(designations: Sequence[str], room: int = 80) -> str:
    """Names of the lines as the subject of a quote: as many as fit, then how many more; never half a word."""
    named: list[str] = []
    for name in dict.fromkeys(d for d in designations if d):
        if named and len(", ".join([*named, name])) > room:
            break
        named.append(name)
    more = len(designations) - sum(d in named for d in designations)
    text = textwrap.shorten(", ".join(named), room + 1, placeholder="…")
    return f"{text} et {more} autre{'s' if more > 1 else ''}" if more > 0 else text


def certificate_words(lines: Sequence[int]) -> list[str]:
    """The material certificate once, with the lines it comes with: « lignes 1 à 4, 7 »."""
    if not lines:
        return []
    runs: list[list[int]] = []
    for number in sorted(set(lines)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = [str(r[0]) if len(r) == 1 else f"{r[0]} {'et' if len(r) == 2 else 'à'} {r[-1]}" for r in runs]
    return [f"Certificat matière EN 10204 3.1, ligne{'s' if len(set(lines)) > 1 else ''} {', '.join(parts)}"]
