"""A realistic French customer's purchase order (bon de commande) as PDF, rendered with typst from given data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

_TEMPLATE = """
#set page(paper: "a4", margin: (x: 18mm, y: 16mm))
#set text(size: 9.5pt, lang: "fr")
#let d = json(bytes(sys.inputs.data))
#grid(columns: (1fr, 1fr), [
  #text(size: 15pt, weight: 700, d.buyer.name) \\
  #for l in d.buyer.lines [#l \\ ]
  SIRET : #d.buyer.siret \\
  TVA intracommunautaire : #d.buyer.vat
], align(right)[
  #text(size: 17pt, weight: 700)[BON DE COMMANDE] \\
  N° : #d.number \\
  Date : #d.date \\
  #if d.quote != "" [Votre devis : #d.quote \\ ]
  Acheteur : #d.buyer.contact
])
#v(6mm)
#grid(columns: (1fr, 1fr), [
  *Fournisseur* \\
  #d.seller \\
], [
  *Adresse de livraison* \\
  #for l in d.delivery_address [#l \\ ]
])
#v(5mm)
Merci de nous livrer les pièces suivantes :
#table(
  columns: (10mm, 34mm, 1fr, 14mm, 24mm, 26mm), stroke: 0.5pt + gray,
  align: (x, y) => if x > 2 { right } else { left },
  [*Pos.*], [*N° de plan*], [*Désignation*], [*Qté*], [*P.U. HT*], [*Montant HT*],
  ..d.lines.map(l => (l.position, l.drawing, l.designation, l.quantity, l.unit_price, l.total)).flatten(),
)
#align(right)[*Total HT : #d.total €*]
#v(4mm)
Date de livraison demandée : #d.delivery_date \\
Conditions de paiement : #d.payment \\
#for c in d.clauses [#c \\ ]
#v(8mm)
Bon pour commande — signature : #d.buyer.contact
"""


@dataclass(frozen=True)
class OrderedLine:
    """One line of the customer's order; prices excl. VAT."""

    drawing_number: str
    designation: str
    quantity: int
    unit_price: Decimal
    revision: str = ""


@dataclass(frozen=True)
class CustomerOrder:
    """What a buyer writes."""

    number: str
    on: date
    lines: Sequence[OrderedLine]
    delivery: date
    quote_number: str = ""
    buyer: str = "Aéro Composants SA"
    buyer_lines: Sequence[str] = ("4 allée Ader", "31700 Blagnac")
    siret: str = "552 100 554 00013"
    vat: str = "FR61 552100554"
    contact: str = "Claire Martin"
    seller: str = "Mécanique de la Loire"
    payment: str = "30 jours date de facture"
    clauses: Sequence[str] = ("Certificat matière 3.1 à joindre à la livraison.",)


def _money(value: Decimal) -> str:
    whole, _, cents = f"{value:.2f}".partition(".")
    groups: list[str] = []
    while whole:
        groups.insert(0, whole[-3:])
        whole = whole[:-3]
    return " ".join(groups) + "," + cents


def render(order: CustomerOrder) -> bytes:
    """PDF with a text layer."""
    import json

    import typst

    lines = [
        {
            "position": str(index * 10),
            "drawing": line.drawing_number + (f" ind. {line.revision}" if line.revision else ""),
            "designation": line.designation,
            "quantity": str(line.quantity),
            "unit_price": _money(line.unit_price),
            "total": _money(line.unit_price * line.quantity),
        }
        for index, line in enumerate(order.lines, start=1)
    ]
    data = {
        "number": order.number,
        "date": f"{order.on:%d/%m/%Y}",
        "quote": order.quote_number,
        "buyer": {
            "name": order.buyer,
            "lines": list(order.buyer_lines),
            "siret": order.siret,
            "vat": order.vat,
            "contact": order.contact,
        },
        "seller": order.seller,
        "delivery_address": [order.buyer, *order.buyer_lines],
        "lines": lines,
        "total": _money(sum((line.unit_price * line.quantity for line in order.lines), Decimal(0))),
        "delivery_date": f"{order.delivery:%d/%m/%Y}",
        "payment": order.payment,
        "clauses": list(order.clauses),
    }
    pdf = typst.compile(
        _TEMPLATE.encode(), format="pdf", sys_inputs={"data": json.dumps(data, ensure_ascii=False)}
    )
    if not isinstance(pdf, bytes):
        raise TypeError("no document")
    return pdf


def write(order: CustomerOrder, path: Path) -> Path:
    """Write the PDF to ``path``."""
    path.write_bytes(render(order))
    return path
