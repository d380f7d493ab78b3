"""Recognises a purchase order in its text, without database: numbers, dates, lines, buyer's identifiers (ORD-01).

A line of goods is recognised by arithmetic: quantity × unit price, less its discount, = amount. What does not add up is left for
a person.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from itertools import combinations
from typing import Any

from coordinator.modules.orders.po_discounts import (
    PoDiscount,
    belongs_to_line,
    is_discount,
    on_line,
    percent,
    share,
    without_percent,
)
from coordinator.modules.quoting.engine.values import euros

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("janvier", "january"), ("février", "fevrier", "february"), ("mars", "march"), ("avril", "april"), ("mai", "may"),
            ("juin", "june"), ("juillet", "july"), ("août", "aout", "august"), ("septembre", "september"),
            ("octobre", "october"), ("novembre", "november"), ("décembre", "decembre", "december"),
        ),
        start=1,
    )
    for name in names
}  # fmt: skip
_DATE = re.compile(
    r"\b(?:(?P<y1>20\d\d)[-/.](?P<m1>\d{1,2})[-/.](?P<d1>\d{1,2})|(?P<d2>\d{1,2})[-/. ](?P<m2>\d{1,2}|[a-zéûA-ZÉÛ]{3,9})[-/. ](?P<y2>20\d\d|\d\d))\b"
)
_IS_PO = re.compile(
    r"bon de commande|commande (?:ferme|d'achat|n)|purchase order|\border (?:no|number)|bestellung",
    re.IGNORECASE,
)
_IS_OTHER = re.compile(
    r"^\s*(?:facture|invoice|devis|quotation|bon de livraison|delivery note|accusé de réception|order acknowledg)",
    re.IGNORECASE,
)
_NUMBER_AFTER = (
    r"\s*(?:n[°ºo]\.?|no\.?|nr\.?|num[ée]ro|number|#)?\s*[:.]?\s*([A-Z0-9][A-Z0-9/_.-]*\d[A-Z0-9/_-]*)"
)
_PO_NUMBER = (
    re.compile(r"(?:bon de commande|purchase order|bestellung)" + _NUMBER_AFTER, re.IGNORECASE),
    re.compile(r"(?<!votre )(?<!notre )\bcommande\b(?: d'achat)?" + _NUMBER_AFTER, re.IGNORECASE),
    re.compile(
        r"\b(?:order|p\.?o\.?)\s*(?:n[°ºo]\.?|no\.?|number|#)\s*[:.]?\s*([A-Z0-9][A-Z0-9/_.-]*\d[A-Z0-9/_-]*)",
        re.IGNORECASE,
    ),
    re.compile(r"^\s*n[°ºo]\.?\s*:?\s*([A-Z0-9][A-Z0-9/_.-]*\d[A-Z0-9/_-]*)", re.IGNORECASE),
)
_QUOTE = re.compile(r"\b(?:devis|offre|cotation|quotation|quote|angebot)\b" + _NUMBER_AFTER, re.IGNORECASE)
_OUR_QUOTE = re.compile(r"\bDEV-\d{4}-\d{3,6}(?:-[A-Z]{1,2})?\b", re.IGNORECASE)
_DELIVERY = re.compile(r"livraison|délai|delai|delivery|liefertermin|expédition le", re.IGNORECASE)
_TOTAL = re.compile(
    r"\b(?:total|net)(?:\s+(?:commande|g[ée]n[ée]ral|net|brut|remisé|à payer|(?:avant|après) (?:toute )?remise))*"
    r"\s*(?:h\.?\s?t\.?\b|hors taxes?|excl)",
    re.IGNORECASE,
)
_AMOUNT = re.compile(r"(?<![\w,.])(\d{1,3}(?:[ \u00a0\u202f]\d{3})+|\d+)(?:[.,](\d{1,4}))?(?![\w])")
_REVISION = re.compile(
    r"\b(?:ind(?:ice)?|rév(?:ision)?|rev(?:ision)?)\s*\.?\s*:?\s*([A-Z0-9]{1,3})\b", re.IGNORECASE
)
_DRAWING = re.compile(
    r"(?:\bplan|\bdessin|\bréf(?:érence)?\.?|\bref\.?|\bdrawing|\bpart no)\s*(?:n[°ºo]\.?)?\s*:?\s*([A-Z0-9][\w./-]*\d[\w./-]*)",
    re.IGNORECASE,
)
_CODE = re.compile(r"^(?=.*\d)[A-Z0-9][A-Z0-9_./-]{2,39}$", re.IGNORECASE)
_CLAUSE = re.compile(
    r"certificat|\b3\.[12]\b|EN ?9100|EN ?9102|NF L 00|pénalit|penalit|conditions générales d'achat|clause|FAI\b|AQ\b",
    re.IGNORECASE,
)
_SIRET = re.compile(r"\b(\d{3}[ .]?\d{3}[ .]?\d{3}[ .]?\d{5})\b")
_SIREN = re.compile(r"SIREN\D{0,6}(\d{3}[ .]?\d{3}[ .]?\d{3})\b", re.IGNORECASE)
_VAT = re.compile(r"\b([A-Z]{2}[ .]?[0-9A-Z]{2}[ .]?\d{3}[ .]?\d{3}[ .]?\d{3})\b")
_PAYMENT = re.compile(
    r"(?:paiement|règlement|payment)[^\n]{0,60}?(\d{1,3})\s*(?:jours|days|j\b)([^\n]{0,25})", re.IGNORECASE
)
_BEFORE = re.compile(
    r"avant (?:toute )?remise|\bbrut\b|before discount|sous[- ]total|subtotal", re.IGNORECASE
)
_FOLLOW = 2
"""Lines of text under a line of goods that may belong to it."""
_IBAN = re.compile(r"\b([A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?)\b")


@dataclass(frozen=True)
class PoLine:
    """One ordered line; money excl. VAT."""

    text: str
    quantity: Decimal
    unit_price: Decimal | None = None
    total: Decimal | None = None
    drawing_number: str | None = None
    revision: str | None = None
    delivery_date: dt.date | None = None
    discount: Decimal = Decimal(0)
    """What is off the line: ``total`` is quantity × price less this."""


@dataclass(frozen=True)
class PoReading:
    """What the text says. ``is_po`` tells whether it is an order at all."""

    is_po: bool
    po_number: str | None = None
    po_date: dt.date | None = None
    quote_numbers: tuple[str, ...] = ()
    lines: tuple[PoLine, ...] = ()
    delivery_date: dt.date | None = None
    total_excl_tax: Decimal | None = None
    sirets: tuple[str, ...] = ()
    sirens: tuple[str, ...] = ()
    vat_numbers: tuple[str, ...] = ()
    payment_days: int | None = None
    payment_end_of_month: bool = False
    clauses: tuple[str, ...] = ()
    ibans: tuple[str, ...] = ()
    discounts: tuple[PoDiscount, ...] = ()
    """Off the whole order; those of a line stand with it."""
    warnings: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Plain values to keep beside the order."""
        rows = ("lines", "discounts")
        plain = {n: _plain(getattr(self, n)) for n in self.__dataclass_fields__ if n not in rows}
        own = {
            n: [{k: _plain(getattr(row, k)) for k in row.__dataclass_fields__} for row in getattr(self, n)]
            for n in rows
        }
        return {**plain, **own}

    @property
    def discount(self) -> Decimal:
        """Everything the order takes off, excl. VAT."""
        return sum((line.discount for line in self.lines), Decimal(0)) + self.discount_on_whole

    @property
    def discount_on_whole(self) -> Decimal:
        """What is off the whole order."""
        return sum((d.amount for d in self.discounts), Decimal(0))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, dt.date) else value


def recognise(lines: Sequence[str]) -> PoReading:
    """Read an order from its lines of text; what is not there stays empty, nothing is guessed (ORD-45)."""
    text = "\n".join(lines)
    delivery = _delivery(lines)
    placed, total = _goods(lines), _total(lines)
    goods, discounts, left_out = _discounts(lines, placed, total)
    payment = _PAYMENT.search(text)
    warnings = [f"Remise écrite mais non déduite du total, à relire : {text}." for text in left_out]
    priced = [line.total for line in goods if line.total is not None]
    off = sum((d.amount for d in discounts), Decimal(0))
    if total is not None and priced and abs(sum(priced, Decimal(0)) - off - total) > Decimal("0.05"):
        less = f" moins la remise ({euros(off)})" if off else ""
        warnings.append(
            f"La somme des lignes ({euros(sum(priced, Decimal(0)))}){less} n'est pas le total écrit "
            f"({euros(total)})."
        )
    return PoReading(
        is_po=bool(_IS_PO.search(text)) and not any(_IS_OTHER.match(line) for line in lines[:3]),
        po_number=_po_number(lines),
        po_date=_po_date(lines, delivery),
        quote_numbers=_quotes(text),
        lines=tuple(goods),
        delivery_date=delivery,
        total_excl_tax=total,
        sirets=_digits(_SIRET, text, 14),
        sirens=_digits(_SIREN, text, 9),
        vat_numbers=tuple(dict.fromkeys(re.sub(r"[ .]", "", v) for v in _VAT.findall(text))),
        payment_days=int(payment.group(1)) if payment else None,
        payment_end_of_month=bool(payment and "fin de mois" in payment.group(2).lower()),
        clauses=tuple(dict.fromkeys(" ".join(line.split()) for line in lines if _CLAUSE.search(line))),
        ibans=tuple(
            dict.fromkeys(i.replace(" ", "") for i in _IBAN.findall(text) if len(i.replace(" ", "")) >= 15)
        ),
        discounts=discounts,
        warnings=tuple(warnings),
    )


def _total(lines: Sequence[str]) -> Decimal | None:
    """Total excl. VAT as written; where a discount is, that of the end, with it taken off."""
    written = [(line, value) for line in lines if _TOTAL.search(line) and (value := _last_amount(line))]
    final = [value for line, value in written if not _BEFORE.search(line)] or [value for _, value in written]
    if not final:
        return None
    return final[-1 if any(map(is_discount, lines)) else 0]


def _discounts(
    lines: Sequence[str], placed: Sequence[tuple[int, PoLine]], total: Decimal | None
) -> tuple[list[PoLine], tuple[PoDiscount, ...], list[str]]:
    """Goods with the discounts written under them, those off the whole, and the text of those the total does not have off."""
    goods = [line for _, line in placed]
    whole, left_out = list[PoDiscount](), list[str]()
    for index, text in enumerate(lines):
        if not is_discount(text) or _TOTAL.search(text) or any(at == index for at, _ in placed):
            continue
        amounts = [a for a in map(_value, _AMOUNT.finditer(without_percent(text))) if a]
        pct, amount = percent(text), amounts[-1] if amounts else None
        if not pct and not amount:
            continue
        before = max((i for i, (at, _) in enumerate(placed) if at < index), default=None)
        own = None if before is None else goods[before]
        if own is not None and own.discount and index - placed[before or 0][0] <= _FOLLOW:
            continue  # the amount of the line has it off already
        left = sum((g.total or Decimal(0) for g in goods), Decimal(0)) - sum(
            (d.amount for d in whole), Decimal(0)
        )
        if amount is None and total is not None and abs(left - total) <= Decimal("0.05"):
            left_out.append(" ".join(text.split()))
            continue
        is_between = any(at > index for at, _ in placed)
        last = own.total if own else None
        if own is not None and belongs_to_line(pct, amount, last, left, total, is_between=is_between):
            value = amount if amount is not None else share(last or Decimal(0), pct or Decimal(0))
            goods[before or 0] = replace(
                own, total=(last or Decimal(0)) - value, discount=own.discount + value
            )
        else:
            value = amount if amount is not None else share(left, pct or Decimal(0))
            whole.append(PoDiscount(" ".join(text.split()), value, pct))
    return goods, tuple(whole), left_out


def _po_number(lines: Sequence[str]) -> str | None:
    columns = [column for line in lines for column in re.split(r"\s{2,}", line.strip())]
    for pattern in _PO_NUMBER:
        for column in columns:
            for found in pattern.finditer(column):
                value = found.group(1).strip(".-/")
                if not _OUR_QUOTE.fullmatch(value) and not _DATE.fullmatch(value):
                    return value
    return None


def _quotes(text: str) -> tuple[str, ...]:
    own = [q.upper() for q in _OUR_QUOTE.findall(text)]
    other = [m.group(1).upper().strip(".-/") for m in _QUOTE.finditer(text)]
    return tuple(dict.fromkeys([*own, *other]))


def parse_date(found: re.Match[str]) -> dt.date | None:
    """Date of a match of the date pattern; day first."""
    day, month, year = (
        found.group("d1") or found.group("d2"),
        found.group("m1") or found.group("m2"),
        found.group("y1") or found.group("y2"),
    )
    number = int(month) if month.isdigit() else _MONTHS.get(month.lower(), 0)
    try:
        return dt.date(int(year) + (2000 if len(year) == 2 else 0), number, int(day))
    except ValueError:
        return None


def _dates(line: str) -> list[dt.date]:
    return [d for d in map(parse_date, _DATE.finditer(line)) if d is not None]


def _delivery(lines: Sequence[str]) -> dt.date | None:
    for index, line in enumerate(lines):
        place = _DELIVERY.search(line)
        if place:
            found = _dates(line[place.start() :]) or (
                _dates(lines[index + 1]) if index + 1 < len(lines) else []
            )
            if found:
                return found[0]
    return None


def _po_date(lines: Sequence[str], delivery: dt.date | None) -> dt.date | None:
    labelled = [
        d
        for line in lines
        for d in _dates(line)
        if re.search(r"\bdate\b|\ble\b|\bdu\b", line, re.IGNORECASE) and not _DELIVERY.search(line)
    ]
    others = [d for line in lines for d in _dates(line) if d != delivery]
    return next(iter(labelled or others), None)


def amount(text: str) -> Decimal | None:
    """``1 234,50`` or ``1234.50`` as a number."""
    found = _AMOUNT.search(text)
    return _value(found) if found else None


def _value(found: re.Match[str]) -> Decimal | None:
    whole = re.sub(r"\D", "", found.group(1))
    try:
        return Decimal(f"{whole}.{found.group(2)}" if found.group(2) else whole)
    except InvalidOperation:
        return None


def _last_amount(line: str) -> Decimal | None:
    values = [_value(m) for m in _AMOUNT.finditer(line)]
    return values[-1] if values else None


def _goods(lines: Sequence[str]) -> list[tuple[int, PoLine]]:
    """Lines of goods with their place in the text."""
    found: list[tuple[int, PoLine]] = []
    for index, line in enumerate(lines):
        if _is_none(line):
            continue
        follow = [
            text
            for text in lines[index + 1 : index + 1 + _FOLLOW]
            if _figures(text) is None and not _TOTAL.search(text)
        ]
        figures = _figures(line) or _reduced(line, follow)
        if figures is not None:
            found.append((index, _line(line, figures, follow)))
    return found


def _is_none(line: str) -> bool:
    """Lines that are no goods whatever figures they have."""
    only_discount = is_discount(line) and _code(line) is None
    return bool(_TOTAL.search(line) or re.search(r"\bTVA\b|T\.T\.C|TTC", line)) or only_discount


def _reduced(line: str, follow: Sequence[str]) -> tuple[Decimal, Decimal, Decimal] | None:
    """Figures of a line whose amount has a discount off, written in it or in the line "Remise" under it."""
    columns = re.split(r"\s{2,}", line.strip())
    values = [v for c in columns for v in _column_values(_percent_out(c))]
    under = next((text for text in follow[:1] if is_discount(text)), "")
    amounts = [a for a in map(_value, _AMOUNT.finditer(without_percent(under))) if a] if under else []
    return on_line(values, (line, under), amounts)


def _figures(line: str) -> tuple[Decimal, Decimal, Decimal] | None:
    """Quantity, unit price and amount of a line, where they agree within a cent per piece."""
    columns = re.split(r"\s{2,}", line.strip())
    values = [v for c in columns for v in _column_values(c)]
    triples = [
        (q, p, values[last])
        for last in range(len(values) - 1, 1, -1)
        for q, p in combinations(values[:last], 2)
    ]
    for quantity, price, total in triples:
        whole = quantity == int(quantity) and quantity > 0
        if (
            whole
            and price > 0
            and total > 0
            and abs(quantity * price - total) <= max(Decimal("0.01"), quantity / 200)
        ):
            if quantity == 1 and price != total:
                continue
            return quantity, price, total
    return None


def _percent_out(column: str) -> str:
    return re.sub(r"\d{1,3}(?:[.,]\d{1,3})?\s*%", " ", column)


def _column_values(column: str) -> list[Decimal]:
    plain = re.sub(r"€|EUR|pcs?|pièces?|\bu\b", "", column, flags=re.IGNORECASE).strip()
    whole = _AMOUNT.fullmatch(plain)
    if whole:
        value = _value(whole)
        return [value] if value is not None else []
    values = (_value(m) for m in re.finditer(r"(?<![\w,./-])(\d+)(?:[.,](\d{1,4}))?(?![\w/-])", plain))
    return [v for v in values if v is not None]


def _line(line: str, figures: tuple[Decimal, Decimal, Decimal], follow: Sequence[str]) -> PoLine:
    quantity, price, total = figures
    gross = (quantity * price).quantize(Decimal("0.01"), ROUND_HALF_UP)
    off = gross - total if gross - total > max(Decimal("0.01"), quantity / 200) else Decimal(0)
    both = "\n".join((line, *follow[:1]))
    drawing = _DRAWING.search(both)
    number = drawing.group(1).strip(".-/") if drawing else _code(line)
    revision = _REVISION.search(line) or (_REVISION.search(follow[0]) if follow else None)
    dates = _dates(line)
    return PoLine(
        " ".join(line.split()),
        quantity,
        price,
        total,
        number,
        revision.group(1).upper() if revision else None,
        dates[0] if dates else None,
        off,
    )


def _code(line: str) -> str | None:
    """First word that looks like a part number: letters or dashes with digits, not a plain figure or a date."""
    for column in re.split(r"\s{2,}", line.strip()):
        word = column.split()[0] if column.split() else ""
        if _CODE.match(word) and not re.fullmatch(r"[\d.,/]+", word) and not _DATE.fullmatch(word):
            return word
    return None


def _digits(pattern: re.Pattern[str], text: str, length: int) -> tuple[str, ...]:
    values = (re.sub(r"\D", "", v) for v in pattern.findall(text))
    return tuple(dict.fromkeys(v for v in values if len(v) == length))
