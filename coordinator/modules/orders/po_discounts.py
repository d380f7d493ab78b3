"""Discounts a purchase order writes: a column of a line, a line "Remise" under it, or one off the whole (ORD-01, QUO-33). Pure.

Like the goods they are recognised by arithmetic where figures allow it; what stays uncertain counts as off the whole, and the
comparison with the quote tells it to a person.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import permutations

_CENT = Decimal("0.01")
_NEAR = Decimal("0.02")
_HUNDRED = Decimal(100)
_WORD = re.compile(
    r"\b(?:remises?(?!\s+(?:en|au|aux|à(?!\s*\d))\b)|rabais|ristourne|discount|rebate|rabatt|nachlass)\b",
    re.IGNORECASE,
)
"""Not "remise en état", which is work."""
_NOT_GIVEN = re.compile(
    r"(?:avant|après|hors|sans|aucune?|pas de|before|after|without|no)\s+(?:toute\s+)?(?:remise|rabais|discount)"
    r"|(?:remise|rabais|discount)\s*(?:\(?s\)?)?\s*(?:déduite|comprise|incluse|included|:?\s*néant)|fin d'année",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"(\d{1,3}(?:[.,]\d{1,3})?)\s*%")
_BASE = re.compile(r"\b(?:sur|of|auf|von)\s+[\d\s\u00a0\u202f.,]+", re.IGNORECASE)
_COUNT = re.compile(
    r"\d[\d \u00a0\u202f]*(?:pi[èe]ces?|pcs?|unit[ée]s?|units?|st(?:ü|ue)ck|jours?|days)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class PoDiscount:
    """A discount off the whole order, excl. VAT; ``pct`` where the order writes one."""

    text: str
    amount: Decimal
    pct: Decimal | None = None


def is_discount(line: str) -> bool:
    """Whether a line of text gives a discount: it names one, and does not only speak of it."""
    return bool(_WORD.search(line)) and not _NOT_GIVEN.search(line)


def percent(text: str) -> Decimal | None:
    """The first percentage of a text, 0 to 100."""
    found = _PERCENT.search(text)
    value = Decimal(found.group(1).replace(",", ".")) if found else None
    return value if value is not None and value <= _HUNDRED else None


def without_percent(line: str) -> str:
    """The text of a discount from its word on, without percentage, base and counts: what is left are amounts."""
    place = _WORD.search(line)
    text = line[place.start() :] if place else line
    for pattern in (_PERCENT, _BASE, _COUNT):
        text = pattern.sub(" ", text)
    return text


def share(base: Decimal, pct: Decimal) -> Decimal:
    """A percentage of an amount, to the cent."""
    return (base * pct / _HUNDRED).quantize(_CENT, ROUND_HALF_UP)


def on_line(
    values: Sequence[Decimal], texts: Sequence[str], amounts: Sequence[Decimal]
) -> tuple[Decimal, Decimal, Decimal] | None:
    """Quantity, price and net amount of a line whose amount is that of a discount less.

    ``values`` are the figures of the line, the amount last; the discount is one of them, a percentage in ``texts`` or one of
    ``amounts`` (a line "Remise" that follows).
    """
    told = [p for p in map(percent, texts) if p]
    for last in range(len(values) - 1, 1, -1):
        total = values[last]
        for quantity, price in permutations(values[:last], 2):
            if quantity != int(quantity) or quantity <= 0 or price <= 0 or not 0 < total < quantity * price:
                continue
            rest = list(values[:last])
            rest.remove(quantity)
            rest.remove(price)
            gross = (quantity * price).quantize(_CENT, ROUND_HALF_UP)
            offs = [share(gross, p) for p in (*told, *(v for v in rest if 0 < v < _HUNDRED))]
            if any(abs(gross - off - total) <= _NEAR for off in (*offs, *amounts, *rest) if off > 0):
                return quantity, price, total
    return None


def belongs_to_line(
    pct: Decimal | None,
    amount: Decimal | None,
    before: Decimal | None,
    whole: Decimal,
    written: Decimal | None,
    *,
    is_between: bool,
) -> bool:
    """Whether a line "Remise" is off the line before it (of amount ``before``) rather than off the ``whole``.

    ``written`` is the order's total; ``is_between``: other goods follow.
    """
    if before is None:
        return False
    if pct is not None and amount is not None:
        if abs(share(whole, pct) - amount) <= _NEAR:
            return False
        return abs(share(before, pct) - amount) <= _NEAR
    if pct is not None and written is not None and not is_between:
        return abs(whole - share(before, pct) - written) <= _NEAR < abs(whole - share(whole, pct) - written)
    return is_between
