"""Worked quotes without a server: the customer's PDF and the operation list of a computed quote, written into a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from coordinator.kernel.papers.data import Address, Company, Contact, Party, Totals, VatLine
from coordinator.modules.quoting.engine import inspection
from coordinator.modules.quoting.engine.discounts import NONE, Discount, break_note
from coordinator.modules.quoting.engine.line import LineResult
from coordinator.modules.quoting.engine.part import PartDescription
from coordinator.modules.quoting.engine.quote import QuoteResult
from coordinator.modules.quoting.engine.scenarios import LinePrice, Scenario
from coordinator.modules.quoting.engine.shop import Shop
from coordinator.modules.quoting.operation_list import operation_list
from coordinator.modules.quoting.papers import (
    SCENARIO_POINTS,
    PriceBreak,
    QuoteLine,
    QuotePaper,
    QuoteScenario,
    certificate_words,
    render_quote,
    subject_of,
)
from coordinator.modules.quoting.papers.inspection import InspectionPaper, render_inspection, rows_of

CENT = Decimal("0.01")
_TITLES = {"standard": "Standard", "express": "Express", "economic": "Économique"}


SPECIMEN = Company(
    "Mécanique du Val",
    "SAS",
    Address("12 rue de la Forge", "42000", "Saint-Étienne"),
    "732829320",
    Decimal(50000),
    "Saint-Étienne",
    "FR44732829320",
    "2562B",
    "04 77 00 00 00",
    "devis@mecanique-du-val.example",
)
SPECIMEN_CUSTOMER = Party("Client exemple", Address("8 avenue des Ateliers", "69100", "Villeurbanne"))
SPECIMEN_CONTACT = Contact("Service devis", "devis@mecanique-du-val.example", "04 77 00 00 00")


@dataclass(frozen=True, slots=True)
class Terms:
    """Seller, customer and conditions of a quote made without a server; the defaults are a specimen company."""

    company: Company = SPECIMEN
    customer: Party = SPECIMEN_CUSTOMER
    contact: Contact = SPECIMEN_CONTACT
    validity_days: int = 30
    payment_terms: str = "Paiement à 45 jours fin de mois"
    late_rate: str = "3 fois le taux d'intérêt légal"
    incoterm: str = "DAP Villeurbanne (Incoterms 2020)"
    retention_of_title: str = "Les pièces restent notre propriété jusqu'au paiement complet du prix."
    general_conditions: str = (
        "Nos conditions générales de vente s'appliquent ; elles sont remises sur demande."
    )
    exclusions: tuple[str, ...] = ("Outillage spécial et contrôle tridimensionnel non mentionnés",)


def write(
    result: QuoteResult, shop: Shop, folder: Path, name: str, on: date, terms: Terms | None = None
) -> tuple[Path | None, Path]:
    """Write ``NAME.pdf`` (only if every line has a price that may be offered) and ``NAME.md``; returns both paths.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listing = folder / f"{name}.md"
    listing.write_text(operation_list(result, name, on), encoding="utf-8")
    if any(s.price_excl_tax is None for s in result.scenarios) or _chosen(result).below_minimum:
        return None, listing
    pdf = folder / f"{name}.pdf"
    pdf.write_bytes(render_quote(paper(result, shop, name, on, terms or Terms())))
    return pdf, listing


def write_inspection(
    reading: Mapping[str, Any], part: PartDescription, folder: Path, name: str, on: date
) -> Path:
    """Write ``NAME.pdf``, the inspection sheet of a part, for the specimen company; answers its path.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = inspection.sheet(
        inspection.entries_of(reading),
        quantity=part.quantity,
        criticality=part.criticality,
        general_tolerance=part.general_tolerance,
        treatments=part.treatments,
        incomplete=part.warnings,
        features=part.features,
    )
    data = InspectionPaper(
        company=SPECIMEN,
        issued_on=on,
        drawing_number=part.drawing_number or Path(part.file).stem,
        part_name=part.name,
        quantity=part.quantity,
        sampling=found.sampling,
        parts_checked=found.parts_checked,
        rows=rows_of(found),
        revision=part.revision,
        material=part.material,
        treatments=" ; ".join(part.treatments),
        general_tolerance=part.general_tolerance,
        warnings=list(found.warnings),
    )
    pdf = folder / f"{name}.pdf"
    pdf.write_bytes(render_inspection(data))
    return pdf


def paper(result: QuoteResult, shop: Shop, name: str, on: date, terms: Terms) -> QuotePaper:
    """The paper quote for the recommended scenario, the others as choices where their price may be offered."""
    chosen = _chosen(result)
    rate = shop.settings.costs.vat_pct
    lines = [
        _line(index + 1, line, price, rate, result.terms.lines.get(index, NONE), result.terms.whole)
        for index, (line, price) in enumerate(zip(result.lines, chosen.lines, strict=True))
        if price is not None
    ]
    lines += _supplements(result.lines, chosen, len(lines), rate)
    certificates = certificate_words(
        [i + 1 for i, line in enumerate(result.lines) if line.part.certificate_required]
    )
    assumptions = [q.text for q in result.questions if q.code == "assumption"]
    assumptions += [f"Ligne {i + 1} : {w}" for i, line in enumerate(result.lines) for w in _notable(line)]
    shared = sum((p.shared for p in chosen.lines if p is not None), Decimal(0))
    return QuotePaper(
        company=terms.company,
        customer=terms.customer,
        number=name,
        version="1",
        issued_on=on,
        valid_until=on + timedelta(days=terms.validity_days),
        lines=lines,
        scenarios=[_scenario(s, s is chosen) for s in result.scenarios if not s.below_minimum],
        totals=_totals(lines, shared, rate, shop.settings.costs.currency),
        discount=shared,
        discount_words=result.terms.whole.words(),
        lines_total=sum((line.total for line in lines), Decimal(0)),
        payment_terms=terms.payment_terms,
        late_rate=terms.late_rate,
        seller_contact=terms.contact,
        subject=subject_of([line.part.name or line.part.drawing_number for line in result.lines]),
        introduction="Nous vous remercions de votre consultation et vous proposons ce qui suit.",
        incoterm=terms.incoterm,
        certificates=certificates,
        assumptions=list(dict.fromkeys(assumptions)),
        exclusions=list(terms.exclusions),
        retention_of_title=terms.retention_of_title,
        general_conditions=terms.general_conditions,
    )


def _chosen(result: QuoteResult) -> Scenario:
    return next((s for s in result.scenarios if s.recommended), result.scenarios[0])


def _notable(line: LineResult) -> list[str]:
    """Warnings that bind the customer: what was supposed about tolerances, radii, shapes."""
    words = ("supposé", "longueur non lue", "rayon intérieur", "contradictoires")
    return [w for w in line.warnings if any(word in w for word in words)]


def _line(
    position: int, line: LineResult, price: LinePrice, rate: Decimal, discount: Discount, whole: Discount
) -> QuoteLine:
    part = line.part
    return QuoteLine(
        position,
        part.name or part.drawing_number or part.file,
        Decimal(part.quantity),
        price.unit_price,
        _money(price.unit_price * part.quantity) - price.discount,
        drawing_number=part.drawing_number,
        revision=part.revision,
        material=part.material or line.material.name,
        treatment=", ".join(part.treatments),
        vat_rate_pct=rate,
        price_breaks=[
            PriceBreak(b.quantity, b.unit_price) for b in line.price_breaks if b.kind == "standard"
        ],
        discount=price.discount,
        discount_words=discount.words(),
        break_note=break_note(discount, whole),
    )


def _supplements(lines: Sequence[LineResult], chosen: Scenario, count: int, rate: Decimal) -> list[QuoteLine]:
    """One-off costs shown apart and what lacks to the minimum order value."""
    found = [
        (
            f"Mise en fabrication (programme, réglages), {line.part.name or line.part.drawing_number}",
            p.one_off_price,
        )
        for line, p in zip(lines, chosen.lines, strict=True)
        if p is not None and p.one_off_price
    ]
    if chosen.supplement:
        found.append(("Complément au minimum de commande", chosen.supplement))
    return [
        QuoteLine(count + i + 1, text, Decimal(1), amount, amount, unit="forfait", vat_rate_pct=rate)
        for i, (text, amount) in enumerate(found)
    ]


def _scenario(scenario: Scenario, is_chosen: bool) -> QuoteScenario:
    days = scenario.lead_time_days
    return QuoteScenario(
        scenario.kind,
        _TITLES[scenario.kind],
        scenario.price_excl_tax or Decimal(0),
        scenario.delivery_date,
        "" if days is None else f"{days} jours",
        [*SCENARIO_POINTS[scenario.kind], *scenario.to_confirm],
        is_chosen,
    )


def _totals(lines: Sequence[QuoteLine], discount: Decimal, rate: Decimal, currency: str) -> Totals:
    base = sum((line.total for line in lines), Decimal(0)) - discount
    vat = _money(base * rate / 100)
    return Totals(base, [VatLine(rate, base, vat)], vat, base + vat, currency)


def _money(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)
