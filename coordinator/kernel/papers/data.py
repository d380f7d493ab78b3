"""Blocks of data common to the papers. Dates are `date`, money and rates `Decimal`; empty means not
printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Address:
    """Postal address; `country` is the ISO 3166 code (FR), printed only when it is not FR."""

    street: str
    postcode: str
    city: str
    country: str = "FR"
    more: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person to talk to."""

    name: str
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Company:
    """The seller with the mentions of Code de commerce R.123-237; `capital` in euros.

    `logo` is the name of an asset given to `render` (svg, png or jpg).
    """

    name: str
    legal_form: str
    address: Address
    siren: str
    capital: Decimal | None = None
    rcs_town: str = ""
    vat_number: str = ""
    naf: str = ""
    phone: str = ""
    email: str = ""
    website: str = ""
    iban: str = ""
    bic: str = ""
    logo: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """A customer on a paper."""

    name: str
    address: Address
    code: str = ""
    contact: Contact | None = None
    siren: str = ""
    vat_number: str = ""


@dataclass(frozen=True, slots=True)
class VatLine:
    """VAT of one rate: `rate_pct`, taxable `base`, `amount`, legal `mention` when the rate is 0."""

    rate_pct: Decimal
    base: Decimal
    amount: Decimal
    mention: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sum of a priced paper, currency as ISO 4217."""

    excl: Decimal
    vat: list[VatLine]
    vat_total: Decimal
    incl: Decimal
    currency: str = "EUR"
    mentions: list[str] = field(default_factory=list)
