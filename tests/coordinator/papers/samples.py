"""Realistic papers of an invented shop."""

from __future__ import annotations

import uuid
from datetime import date
from decimal import Decimal

from coordinator.kernel.papers.data import Address, Company, Contact, Party, Totals, VatLine
from coordinator.modules.invoicing.invoice_data import InvoiceData, InvoiceLine
from coordinator.modules.orders.papers import (
    AcknowledgedLine,
    DeliveredLine,
    DeliveryNote,
    OrderAcknowledgement,
)
from coordinator.modules.quoting.papers import PriceBreak, QuoteLine, QuotePaper, QuoteScenario
from coordinator.modules.routings.papers import RoutingRow, RoutingSheet

D = Decimal


def code(index: int) -> str:
    return f"gu:q/{uuid.uuid5(uuid.NAMESPACE_URL, str(index))}"


COMPANY = Company(
    "Mécanique de la Loire",
    "SAS",
    Address("12 rue des Forges", "42000", "Saint-Étienne"),
    "732829320",
    D(150000),
    "Saint-Étienne",
    "FR44732829320",
    phone="04 77 00 00 00",
    email="contact@loire.example",
    iban="FR76 3000 6000 0112 3456 7890 189",
    bic="AGRIFRPP",
)
CUSTOMER = Party(
    "Aéro Composants SA",
    Address("4 allée Ader", "31700", "Blagnac"),
    "C-0042",
    Contact("Claire Martin", "c.martin@aero.example"),
    "552100554",
    "FR61552100554",
)
TOTALS = Totals(D("4009.00"), [VatLine(D(20), D("4009.00"), D("801.80"))], D("801.80"), D("4810.80"))


def quote() -> QuotePaper:
    return QuotePaper(
        COMPANY,
        CUSTOMER,
        "DEV-2026-0187",
        "2",
        date(2026, 11, 23),
        date(2026, 12, 23),
        [
            QuoteLine(
                1,
                "Bride de fixation",
                D(25),
                D("84.60"),
                D("2115"),
                "PL-4471",
                "C",
                "AC-7781",
                "42CrMo4 +QT",
                "Bichromatage",
                price_breaks=[PriceBreak(100, D("71.35"))],
            ),
            QuoteLine(2, "Arbre Ø50 h6", D(10), D("189.4"), D("1894"), "PL-4480", "A"),
        ],
        [
            QuoteScenario("standard", "Standard", D("4009"), date(2026, 12, 18), highlighted=True),
            QuoteScenario("express", "Express", D("4730.62"), date(2026, 12, 4)),
            QuoteScenario("economic", "Économique", D("3650.19"), None, "7 semaines"),
        ],
        TOTALS,
        "45 jours fin de mois",
        "taux BCE + 10 points",
        customer_reference="DA 45-2211",
        incoterm="DAP Blagnac",
        certificates=["Certificat matière EN 10204 3.1"],
        assumptions=["Tolérances générales ISO 2768-mK"],
        exclusions=["Emballage maritime"],
        retention_of_title="Réserve de propriété jusqu'au paiement intégral.",
        general_conditions="Conditions générales de vente 2026-01 jointes.",
    )


def sheet(rows: int = 6) -> RoutingSheet:
    return RoutingSheet(
        COMPANY,
        "OF-2026-0412",
        "GAM-0231",
        "3",
        date(2026, 11, 23),
        "Bride de fixation",
        "PL-4471",
        "C",
        D(25),
        [
            RoutingRow(
                10 * i,
                f"Débit Ø50 longueur 70, {i} pièces",
                "Scie S1",
                D(25),
                D("12.75"),
                D("318.75"),
                code(i),
                setup_min=D(45),
                inspection="Ø42 g6",
                tools=["CNMG 120408"],
            )
            for i in range(1, rows + 1)
        ],
        code(99),
        customer="Aéro Composants SA",
        material="42CrMo4",
        material_lot="LOT-26-0338",
        due_on=date(2026, 12, 18),
        priority="Urgente",
        planned_min=D(806),
        approver="L. Moreau",
    )


def acknowledgement() -> OrderAcknowledgement:
    return OrderAcknowledgement(
        COMPANY,
        CUSTOMER,
        "CDE-2026-0118",
        "1",
        date(2026, 11, 25),
        "45-2211",
        [
            AcknowledgedLine(
                1, "Bride de fixation", D(25), D("84.60"), D("2115"), date(2026, 12, 18), "PL-4471", "C"
            )
        ],
        TOTALS,
        "45 jours fin de mois",
        deviations=["Ligne 1 : livraison confirmée 3 jours plus tard."],
    )


def delivery_note() -> DeliveryNote:
    return DeliveryNote(
        COMPANY,
        CUSTOMER,
        "BL-2026-0093",
        date(2026, 12, 17),
        CUSTOMER.address,
        [
            DeliveredLine(
                1,
                "Bride de fixation",
                D(20),
                D(25),
                D(5),
                "PL-4471",
                "C",
                lots=["LOT-26-0338"],
                serials=["0001 à 0020"],
            )
        ],
        code(60),
        customer_order_number="45-2211",
        parcels=2,
        weight_kg=D("18.4"),
        carrier="Transports Durand",
    )


def invoice() -> InvoiceData:
    return InvoiceData(
        "FAC-2026-00231",
        date(2026, 12, 18),
        COMPANY,
        CUSTOMER,
        [
            InvoiceLine(1, "Bride de fixation", D(20), D("84.60"), discount_pct=D(5), part_number="AC-7781"),
            InvoiceLine(2, "Entretoise", D(50), D("7.555")),
        ],
        date(2027, 1, 31),
        date(2026, 12, 17),
        "45 jours fin de mois",
        "taux BCE + 10 points",
        customer_order_number="45-2211",
        delivery_note_numbers=["BL-2026-0093"],
    )
