"""Which quote a purchase order answers, as a score; and what differs from it. Pure: dataclasses in, dataclasses out."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from coordinator.kernel.i18n import written
from coordinator.modules.orders.po_reading import PoLine, PoReading
from coordinator.modules.quoting.engine.values import euros

REFERENCE = 0.60
_SAME = Decimal("0.05")
"""Discounts that differ by the rounding of their lines only."""
_WITH_REFERENCE = {"customer": 0.15, "drawings": 0.15, "prices": 0.10}
_WITHOUT = {"customer": 0.25, "drawings": 0.40, "prices": 0.20, "quantities": 0.10}
"""Without a reference a match never reaches certainty: 0.95 at most (ORD-02)."""


@dataclass(frozen=True)
class QuotedLine:
    """One line of a quote as the comparison needs it; price of the offered scenario."""

    line_id: int
    line_no: int
    quantity: Decimal
    unit_price: Decimal | None
    drawing_number: str = ""
    revision: str = ""
    description: str = ""
    prices: tuple[tuple[Decimal, Decimal], ...] = ()
    """Prices by quantity, from the price breaks."""
    net_unit_price: Decimal | None = None
    """Unit price with the discount taken off, unrounded; none without a discount."""


@dataclass(frozen=True)
class QuotedOffer:
    """A quote that an order may answer."""

    quote_id: int
    number: str
    customer_id: int
    status: str
    lines: tuple[QuotedLine, ...] = ()
    delivery_date: dt.date | None = None
    payment_days: int | None = None
    valid_until: dt.date | None = None
    current_number: str | None = None
    """Number of the version that replaced it."""
    supplement: Decimal = Decimal(0)
    """What the offered scenario lacks to the minimum order value; the paper shows it as a line of its own."""


@dataclass(frozen=True)
class Candidate:
    """A possible quote with its score 0-1 and the evidence."""

    quote_id: int
    number: str
    score: float
    evidence: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        evidence = {k: round(v, 2) for k, v in self.evidence.items()}
        return {
            "quote_id": self.quote_id,
            "number": self.number,
            "score": round(self.score, 3),
            "evidence": evidence,
        }


@dataclass(frozen=True)
class Difference:
    """One field where order and quote do not agree. ``blocking`` ones cannot be accepted: they need a new quote."""

    field: str
    line_no: int | None
    ordered: str
    quoted: str
    message: str
    blocking: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "field": self.field,
            "line": self.line_no,
            "ordered": self.ordered,
            "quoted": self.quoted,
            "message": self.message,
            "blocking": self.blocking,
        }


def normal(code: str | None) -> str:
    """A drawing number without case and separators."""
    return re.sub(r"[\W_]", "", code or "").casefold()


def goods(reading: PoReading, offer: QuotedOffer) -> list[PoLine]:
    """Ordered lines without the supplement to the minimum order, which customers copy from the quote's paper."""
    parts = {normal(q.drawing_number) for q in offer.lines}
    return [
        line
        for line in reading.lines
        if offer.supplement <= 0
        or (line.quantity, line.unit_price) != (Decimal(1), offer.supplement)
        or (line.drawing_number and normal(line.drawing_number) in parts)
    ]


def pair(
    ordered: Sequence[PoLine], quoted: Sequence[QuotedLine]
) -> list[tuple[PoLine | None, QuotedLine | None]]:
    """Each ordered line with its quoted one: by drawing number, then by price, then a single rest by position."""
    left, pairs = list(quoted), list[tuple[PoLine | None, QuotedLine | None]]()
    open_lines: list[PoLine] = []
    for line in ordered:
        same = [
            q for q in left if line.drawing_number and normal(q.drawing_number) == normal(line.drawing_number)
        ]
        same = same or [q for q in left if q.drawing_number and normal(q.drawing_number) in normal(line.text)]
        if same:
            best = min(same, key=lambda q: (q.quantity != line.quantity, q.line_no))
            left.remove(best)
            pairs.append((line, best))
        else:
            open_lines.append(line)
    for line in list(open_lines):
        equal = [
            q
            for q in left
            if not q.drawing_number and q.quantity == line.quantity and q.unit_price == line.unit_price
        ]
        if len(equal) == 1:
            left.remove(equal[0])
            open_lines.remove(line)
            pairs.append((line, equal[0]))
    pairs += [(line, None) for line in open_lines]
    return [*pairs, *((None, q) for q in left)]


def price_at(line: QuotedLine, quantity: Decimal) -> Decimal | None:
    """Quoted price of a quantity: its own, a break's, else the line's."""
    if quantity == line.quantity:
        return line.unit_price
    return next((price for count, price in line.prices if count == quantity), line.unit_price)


def is_net_price(exact: Decimal | None, price: Decimal) -> bool:
    """Whether a price is the quoted one with the discount taken off, rounded as customers do: to the cent or finer."""
    return exact is not None and abs(price - exact) <= Decimal("0.005")


def _is_quoted(line: QuotedLine, price: Decimal | None, quantity: Decimal) -> bool:
    return price is not None and (
        price == price_at(line, quantity) or is_net_price(line.net_unit_price, price)
    )


def score(reading: PoReading, offer: QuotedOffer, customer_id: int | None) -> Candidate:
    """How well an order fits a quote."""
    ordered = goods(reading, offer)
    pairs = [(p, q) for p, q in pair(ordered, offer.lines) if p is not None and q is not None]
    count = max(len(ordered), 1)
    evidence = {
        "reference": float(offer.number.upper() in {n.upper() for n in reading.quote_numbers}),
        "customer": float(customer_id is not None and customer_id == offer.customer_id),
        "drawings": len(pairs) / count,
        "prices": sum(_is_quoted(q, p.unit_price, p.quantity) for p, q in pairs) / count,
        "quantities": sum(p.quantity == q.quantity for p, q in pairs) / count,
    }
    weights = _WITH_REFERENCE if evidence["reference"] else _WITHOUT
    total = REFERENCE * evidence["reference"] + sum(w * evidence[name] for name, w in weights.items())
    if customer_id is not None and customer_id != offer.customer_id:
        total *= 0.5
    return Candidate(offer.quote_id, offer.number, total, evidence)


def differences(reading: PoReading, offer: QuotedOffer, today: dt.date) -> list[Difference]:
    """Contract review: every field of the order against the quote (ORD-03)."""
    found = [*_state(offer, today)]
    for ordered, quoted in pair(goods(reading, offer), offer.lines):
        if ordered is None and quoted is not None:
            text = quoted.drawing_number or quoted.description
            found.append(
                Difference(
                    "line",
                    quoted.line_no,
                    "",
                    text,
                    f"Ligne {quoted.line_no} du devis non commandée : {text}.",
                )
            )
        elif quoted is None and ordered is not None:
            message = f"Ligne commandée absente du devis : {ordered.text}."
            found.append(Difference("line", None, ordered.text, "", message, blocking=True))
        elif ordered is not None and quoted is not None:
            found += _line(ordered, quoted)
    found += _discount(reading, offer)
    found += _header(reading, offer, today)
    return found


def own_discount(reading: PoReading, offer: QuotedOffer) -> tuple[Decimal, Decimal] | None:
    """Discount the order writes and the quote's on the same lines, where they are not the same; none without one written.

    A price that has the quote's discount off already leaves nothing of it to write.
    """
    told = reading.discount
    if not told:
        return None
    quoted = Decimal(0)
    for ordered, line in pair(goods(reading, offer), offer.lines):
        if ordered is None or line is None or line.net_unit_price is None or line.unit_price is None:
            continue
        if ordered.unit_price == line.unit_price:
            quoted += ordered.quantity * (line.unit_price - line.net_unit_price)
    quoted = quoted.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return None if abs(told - quoted) <= _SAME else (told, quoted)


def _discount(reading: PoReading, offer: QuotedOffer) -> list[Difference]:
    found = own_discount(reading, offer)
    if found is None:
        return []
    told = euros(found[0]), euros(found[1])
    words = " ; ".join(d.text for d in reading.discounts)
    message = (
        f"Remise de {told[0]} écrite sur la commande{f' (« {words} »)' if words else ''}, {told[1]} au devis."
    )
    return [Difference("discount", None, *told, message)]


def _state(offer: QuotedOffer, today: dt.date) -> list[Difference]:
    if offer.current_number is not None:
        message = f"Devis remplacé par {offer.current_number} : comparer la commande à cette version."
        return [Difference("quote", None, offer.number, offer.current_number, message, blocking=True)]
    if offer.status == "expired" or (offer.valid_until is not None and offer.valid_until < today):
        until = f"{offer.valid_until:%d/%m/%Y}" if offer.valid_until else ""
        return [Difference("quote", None, offer.number, until, "Devis expiré : le prix est à confirmer.")]
    if offer.status not in {"sent", "accepted"}:
        message = "Devis non envoyé, refusé ou annulé : il ne peut pas être commandé."
        return [Difference("quote", None, offer.number, offer.status, message, blocking=True)]
    return []


def _price(price: Decimal | None) -> str:
    return "—" if price is None else euros(price)


def _line(ordered: PoLine, quoted: QuotedLine) -> list[Difference]:
    found, no = [], quoted.line_no
    if (
        ordered.revision
        and quoted.revision.strip("-")
        and ordered.revision.casefold() != quoted.revision.casefold()
    ):
        message = f"Ligne {no} : indice commandé {ordered.revision}, chiffré {quoted.revision}. Nouvelle analyse obligatoire."
        found.append(Difference("revision", no, ordered.revision, quoted.revision, message, blocking=True))
    if ordered.quantity != quoted.quantity:
        values = written(ordered.quantity.normalize()), written(quoted.quantity.normalize())
        found.append(
            Difference("quantity", no, *values, f"Ligne {no} : quantité {values[0]}, devis {values[1]}.")
        )
    wanted = price_at(quoted, ordered.quantity)
    if wanted is None or not _is_quoted(quoted, ordered.unit_price, ordered.quantity):
        values = _price(ordered.unit_price), _price(wanted)
        found.append(
            Difference("unit_price", no, *values, f"Ligne {no} : prix {values[0]}, devis {values[1]}.")
        )
    return found


def _header(reading: PoReading, offer: QuotedOffer, today: dt.date) -> list[Difference]:
    found = []
    wish, offered = reading.delivery_date, offer.delivery_date
    if wish is not None and wish < today:
        found.append(
            Difference(
                "delivery_date", None, f"{wish:%d/%m/%Y}", "", f"Date de livraison passée : {wish:%d/%m/%Y}."
            )
        )
    elif wish is not None and offered is not None and wish < offered:
        values = f"{wish:%d/%m/%Y}", f"{offered:%d/%m/%Y}"
        found.append(
            Difference(
                "delivery_date", None, *values, f"Livraison demandée le {values[0]}, offerte le {values[1]}."
            )
        )
    days = reading.payment_days
    if days is not None and offer.payment_days is not None and days > offer.payment_days:
        values = f"{days} j", f"{offer.payment_days} j"
        found.append(
            Difference(
                "payment_terms", None, *values, f"Paiement demandé à {values[0]}, convenu à {values[1]}."
            )
        )
    for clause in reading.clauses:
        found.append(Difference("clause", None, clause, "", f"Clause du client à relire : {clause}"))
    for iban in reading.ibans:
        message = "Coordonnées bancaires sur la commande : elles ne sont jamais reprises d'un document."
        found.append(Difference("bank", None, iban[:8] + "…", "", message))
    found += [Difference("total", None, "", "", text) for text in reading.warnings]
    return found
