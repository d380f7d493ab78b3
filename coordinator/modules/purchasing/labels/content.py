"""The content of a supplier's label, whatever way it is written."""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

RS, GS, EOT, FS, US = "\x1e", "\x1d", "\x04", "\x1c", "\x1f"

UNITS = {
    **dict.fromkeys(("PCE", "PCS", "PC", "EA", "C62", "H87", "ST", "STK", "PI", "U", "UN", "UNIT"), "pce"),
    **dict.fromkeys(("KGM", "KG", "KGS"), "kg"),
    **dict.fromkeys(("GRM", "GR", "G"), "g"),
    **dict.fromkeys(("TNE", "T"), "t"),
    **dict.fromkeys(("LBR", "LB"), "lb"),
    **dict.fromkeys(("MTR", "M", "MT"), "m"),
    **dict.fromkeys(("MMT", "MM"), "mm"),
    **dict.fromkeys(("CMT", "CM"), "cm"),
    **dict.fromkeys(("LTR", "L"), "l"),
    **dict.fromkeys(("MTK", "M2"), "m2"),
    **dict.fromkeys(("FOT", "FT"), "ft"),
    **dict.fromkeys(("BX", "BOX"), "box"),
}
"""Unit codes of UN/ECE recommendation 20 and ANSI X12 as they stand on labels → ours."""


class LabelError(ValueError):
    """A label that cannot be trusted. ``code`` names the reason, ``params`` what the message shows."""

    def __init__(self, code: str, **params: str) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(frozen=True, slots=True)
class Field:
    """One element: the identifier as printed (``1T``, ``10``, ``LOT``), what it means for us, and its value."""

    identifier: str
    meaning: str
    value: str


@dataclass(frozen=True, slots=True)
class SupplierLabel:
    """What a label says. Only what stands on it; nothing is derived or guessed."""

    syntax: str
    fields: tuple[Field, ...]
    quantity: Decimal | None = None
    unit: str | None = None
    manufactured_on: dt.date | None = None
    expires_on: dt.date | None = None

    def first(self, *meanings: str) -> str | None:
        """Value of the first of these meanings that the label has."""
        for meaning in meanings:
            for field in self.fields:
                if field.meaning == meaning:
                    return field.value
        return None

    def every(self, *meanings: str) -> list[str]:
        """All values of these meanings, in the order given."""
        return [field.value for meaning in meanings for field in self.fields if field.meaning == meaning]


_FACTORS = {
    **{
        unit: ("mass", Decimal(factor))
        for unit, factor in (("g", "1"), ("kg", "1000"), ("t", "1000000"), ("lb", "453.59237"))
    },
    **{
        unit: ("length", Decimal(factor))
        for unit, factor in (("mm", "1"), ("cm", "10"), ("m", "1000"), ("ft", "304.8"))
    },
    **{unit: ("volume", Decimal(factor)) for unit, factor in (("ml", "1"), ("l", "1000"), ("m3", "1000000"))},
}


def converted(quantity: Decimal, unit: str, wanted: str) -> Decimal | None:
    """A quantity in another unit, to the thousandth; ``None`` where units measure different things."""
    if unit == wanted:
        return quantity
    source, target = _FACTORS.get(unit), _FACTORS.get(wanted)
    if source is None or target is None or source[0] != target[0]:
        return None
    return round(quantity * source[1] / target[1], 3)


def number(identifier: str, text: str) -> Decimal:
    """A quantity as labels write it: point or comma, no sign.

    Raises:
        LabelError: ``label.bad_number``.
    """
    try:
        value = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or value < 0 or value >= Decimal(10) ** 11 or "E" in text.upper():
        raise LabelError("label.bad_number", identifier=identifier, value=text[:30])
    return value


def date(identifier: str, text: str, today: dt.date) -> dt.date:
    """A date of six (YYMMDD, day 00: the month's last) or eight digits (YYYYMMDD).

    Two digits of a year stand for the year nearest to ``today`` within 49 years before and 50 after (GS1 General
    Specifications, 7.12).

    Raises:
        LabelError: ``label.bad_date``.
    """
    digits = text.strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) not in (6, 8):
        raise LabelError("label.bad_date", identifier=identifier, value=text[:30])
    if len(digits) == 8:
        year, rest = int(digits[:4]), digits[4:]
    else:
        apart = int(digits[:2]) - today.year % 100
        century = today.year // 100 + (-1 if apart >= 51 else 1 if apart <= -50 else 0)
        year, rest = century * 100 + int(digits[:2]), digits[2:]
    month, day = int(rest[:2]), int(rest[2:])
    try:
        return dt.date(year, month, day or monthrange(year, month)[1])
    except ValueError as error:
        raise LabelError("label.bad_date", identifier=identifier, value=text[:30]) from error


def check_digit_right(digits: str) -> bool:
    """Whether the last digit of a GTIN or SSCC is its check digit (GS1: weights 3 and 1 from the right)."""
    return sum(int(d) * (1 if i % 2 == 0 else 3) for i, d in enumerate(reversed(digits))) % 10 == 0
