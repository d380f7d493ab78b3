"""What an invoice contains, its totals (EN 16931), and which mandatory fields are missing (ORD-31, ORD-32,
ORD-50)."""

from __future__ import annotations

import enum
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from coordinator.kernel.papers.data import Address, Company, Party, Totals, VatLine

_CENT = Decimal("0.01")


class InvoiceKind(enum.StrEnum):
    """ORD-28; UNTDID 1001 codes are in `facturx`."""

    INVOICE = "invoice"
    DEPOSIT = "deposit"
    CREDIT_NOTE = "credit_note"


class OperationNature(enum.StrEnum):
    """Nature of the operation (ORD-32)."""

    GOODS = "goods"
    SERVICES = "services"
    BOTH = "both"


class VatCategory(enum.StrEnum):
    """VAT category codes of EN 16931 (UNTDID 5305)."""

    STANDARD = "S"
    INTRA_EU = "K"
    EXPORT = "G"
    REVERSE_CHARGE = "AE"
    EXEMPT = "E"


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line: `unit_price` excl. VAT before discount, `unit_code` of UN/ECE Rec 20 (C62 piece, HUR hour,
    KGM kg)."""

    position: int
    designation: str
    quantity: Decimal
    unit_price: Decimal
    vat_rate_pct: Decimal = Decimal(20)
    vat_category: VatCategory = VatCategory.STANDARD
    discount_pct: Decimal = Decimal(0)
    unit: str = "pièce"
    unit_code: str = "C62"
    part_number: str = ""
    description: str = ""
    discount_amount: Decimal = Decimal(0)

    @property
    def gross(self) -> Decimal:
        return cents(self.quantity * self.unit_price)

    @property
    def net(self) -> Decimal:
        return self.gross - self.discount

    @property
    def discount(self) -> Decimal:
        return self.discount_amount or cents(self.gross * self.discount_pct / 100)


@dataclass(frozen=True, slots=True)
class PrecedingInvoice:
    """An invoice referred to: the original of a credit note, or a deposit with its `amount` incl. VAT to
    deduct."""

    number: str
    issued_on: date
    amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class InvoiceData:
    """Everything on an invoice. Texts of terms and VAT mentions (by category) come from the settings.

    Amounts of a credit note are positive; its kind says that they are given back. `deposits` are deducted
    from what is due.
    """

    number: str
    issued_on: date
    seller: Company
    buyer: Party
    lines: list[InvoiceLine]
    due_on: date | None
    delivered_on: date | None
    payment_terms: str
    late_rate: str
    recovery_indemnity: str = "Indemnité forfaitaire pour frais de recouvrement : 40 €"
    early_discount: str = "Pas d'escompte pour paiement anticipé"
    kind: InvoiceKind = InvoiceKind.INVOICE
    currency: str = "EUR"
    nature: OperationNature = OperationNature.GOODS
    vat_on_debits: bool = False
    vat_mentions: dict[str, str] = field(default_factory=dict)
    billing_address: Address | None = None
    delivery_address: Address | None = None
    customer_order_required: bool = False
    customer_order_number: str = ""
    order_numbers: list[str] = field(default_factory=list)
    delivery_note_numbers: list[str] = field(default_factory=list)
    deposits: list[PrecedingInvoice] = field(default_factory=list)
    original: PrecedingInvoice | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class InvoiceFieldError:
    """One missing or wrong field: its name, stable `code`, French `message`."""

    field: str
    code: str
    message: str


def cents(amount: Decimal) -> Decimal:
    """Rounded to the cent, half up."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def vat_breakdown(data: InvoiceData) -> list[tuple[VatCategory, VatLine]]:
    """VAT per category and rate, computed on the rounded sum of net lines (EN 16931, BR-CO-17; ORD-33)."""
    bases: dict[tuple[VatCategory, Decimal], Decimal] = defaultdict(Decimal)
    for line in data.lines:
        bases[(line.vat_category, line.vat_rate_pct.normalize())] += line.net
    return [
        (
            category,
            VatLine(
                Decimal(format(rate, "f")),
                base,
                cents(base * rate / 100),
                data.vat_mentions.get(category.value, ""),
            ),
        )
        for (category, rate), base in sorted(bases.items(), key=lambda item: (item[0][0].value, -item[0][1]))
    ]


def totals_of(data: InvoiceData) -> Totals:
    """Totals of the invoice before deposits."""
    vat = [line for _, line in vat_breakdown(data)]
    excl = sum((line.net for line in data.lines), Decimal(0))
    vat_total = sum((line.amount for line in vat), Decimal(0))
    return Totals(excl, vat, vat_total, excl + vat_total, data.currency)


def prepaid_of(data: InvoiceData) -> Decimal:
    """Deposits to deduct, incl. VAT."""
    return sum((deposit.amount for deposit in data.deposits), Decimal(0))


def _address_errors(prefix: str, who: str, address: Address | None) -> list[InvoiceFieldError]:
    if address is None or not (address.street and address.postcode and address.city):
        return [InvoiceFieldError(f"{prefix}.address", "address_missing", f"Adresse {who} incomplète.")]
    return []


def _party_errors(data: InvoiceData) -> list[InvoiceFieldError]:
    seller, buyer = data.seller, data.buyer
    required = [
        (seller.name, "seller.name", "Nom du vendeur manquant."),
        (seller.legal_form, "seller.legal_form", "Forme juridique du vendeur manquante."),
        (seller.siren, "seller.siren", "SIREN du vendeur manquant."),
        (seller.rcs_town, "seller.rcs_town", "Ville du RCS du vendeur manquante."),
        (seller.vat_number, "seller.vat_number", "Numéro de TVA du vendeur manquant."),
        (buyer.name, "buyer.name", "Nom du client manquant."),
    ]
    if seller.legal_form.upper() in {"SA", "SAS", "SASU", "SARL", "EURL", "SCA"}:
        required.append(
            ("x" if seller.capital else "", "seller.capital", "Capital social du vendeur manquant.")
        )
    if buyer.address.country == "FR":
        required.append((buyer.siren, "buyer.siren", "SIREN du client manquant."))
    categories = {line.vat_category for line in data.lines}
    if categories & {VatCategory.INTRA_EU, VatCategory.REVERSE_CHARGE}:
        required.append(
            (
                buyer.vat_number,
                "buyer.vat_number",
                "Numéro de TVA du client manquant : livraison intracommunautaire ou autoliquidation.",
            )
        )
    errors = [
        InvoiceFieldError(name, "required", words) for value, name, words in required if not value.strip()
    ]
    for name, siren in (("seller.siren", seller.siren), ("buyer.siren", buyer.siren)):
        if siren and not (siren.isdigit() and len(siren) == 9):
            errors.append(
                InvoiceFieldError(name, "siren_invalid", f"SIREN « {siren} » : 9 chiffres attendus.")
            )
    errors += _address_errors("seller", "du vendeur", seller.address)
    errors += _address_errors("buyer", "du client", buyer.address)
    for name, address in (
        ("billing_address", data.billing_address),
        ("delivery_address", data.delivery_address),
    ):
        if address is not None:
            errors += _address_errors(name, "de facturation" if "bill" in name else "de livraison", address)
    return errors


def _line_errors(line: InvoiceLine, data: InvoiceData) -> list[InvoiceFieldError]:
    prefix, where = f"lines.{line.position}", f"Ligne {line.position}"
    errors = []
    if not line.designation.strip():
        errors.append(
            InvoiceFieldError(f"{prefix}.designation", "required", f"{where} : désignation manquante.")
        )
    if line.quantity <= 0:
        errors.append(
            InvoiceFieldError(f"{prefix}.quantity", "not_positive", f"{where} : quantité nulle ou négative.")
        )
    if line.unit_price < 0:
        errors.append(
            InvoiceFieldError(f"{prefix}.unit_price", "negative", f"{where} : prix unitaire négatif.")
        )
    if not 0 <= line.discount_pct <= 100:
        errors.append(
            InvoiceFieldError(
                f"{prefix}.discount_pct", "out_of_range", f"{where} : remise hors de 0 à 100 %."
            )
        )
    if line.discount_amount and not 0 < line.discount_amount <= line.gross:
        errors.append(
            InvoiceFieldError(
                f"{prefix}.discount_amount", "out_of_range", f"{where} : remise supérieure au prix."
            )
        )
    standard = line.vat_category is VatCategory.STANDARD
    if standard != (line.vat_rate_pct > 0):
        errors.append(
            InvoiceFieldError(
                f"{prefix}.vat_rate_pct",
                "vat_rate_mismatch",
                f"{where} : taux de TVA contraire à son régime.",
            )
        )
    if not standard and not data.vat_mentions.get(line.vat_category.value):
        errors.append(
            InvoiceFieldError(
                f"vat_mentions.{line.vat_category.value}",
                "required",
                f"{where} : mention légale de TVA à 0 % manquante dans les réglages.",
            )
        )
    return errors


def missing_fields(data: InvoiceData) -> list[InvoiceFieldError]:
    """Every reason why the invoice cannot be issued, with its field; empty when it can (ORD-50)."""
    errors = _party_errors(data)
    required = [
        (data.number, "number", "Numéro de facture manquant."),
        (data.payment_terms, "payment_terms", "Condition de règlement manquante."),
        (data.late_rate, "late_rate", "Taux des pénalités de retard manquant."),
        (data.recovery_indemnity, "recovery_indemnity", "Indemnité de recouvrement de 40 € manquante."),
        (data.early_discount, "early_discount", "Mention d'escompte manquante."),
    ]
    if data.customer_order_required:
        required.append(
            (data.customer_order_number, "customer_order_number", "Numéro de commande du client manquant.")
        )
    errors += [
        InvoiceFieldError(name, "required", words) for value, name, words in required if not value.strip()
    ]
    if data.due_on is None:
        if data.kind is not InvoiceKind.CREDIT_NOTE:
            errors.append(InvoiceFieldError("due_on", "required", "Date d'échéance manquante."))
    elif data.due_on < data.issued_on:
        errors.append(
            InvoiceFieldError("due_on", "due_before_issue", "L'échéance précède la date de facture.")
        )
    if data.delivered_on is None and data.kind is InvoiceKind.INVOICE:
        errors.append(InvoiceFieldError("delivered_on", "required", "Date de livraison manquante."))
    if data.kind is InvoiceKind.CREDIT_NOTE and data.original is None:
        errors.append(InvoiceFieldError("original", "required", "Avoir : facture d'origine manquante."))
    if not data.lines:
        errors.append(InvoiceFieldError("lines", "required", "Facture sans ligne."))
    for line in data.lines:
        errors += [error for error in _line_errors(line, data) if error not in errors]
    if data.deposits and prepaid_of(data) > totals_of(data).incl:
        errors.append(
            InvoiceFieldError(
                "deposits", "deposit_too_high", "Les acomptes dépassent le total de la facture."
            )
        )
    return errors
