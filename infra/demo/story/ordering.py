"""Step 6: the customer's purchase order is recognised, matched with the quote and becomes an order."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from infra.demo.client import Record
from infra.demo.story.selling import QUANTITY
from infra.demo.story.telling import Story, expect, french

PO_NUMBER = "CF-2026-4471"


def receive_order(story: Story) -> str:
    """A PDF written by the buyer is read in the background, matched, and confirmed by a person."""
    estimator, owner, quote = story.who("estimator"), story.who("owner"), story.facts["quote"]
    path = story.workshop.folder / f"{PO_NUMBER}.pdf"
    path.write_bytes(_buyer_writes(story))
    received = estimator.upload("/customer-pos/receive", "file", path)

    def read() -> Record | None:
        record = estimator.get("customer-pos", received["id"])
        return None if record["status"] == "received" else record

    record = story.eventually(read, "La commande du client n'est pas lue", timeout_s=120, every_s=0.5)
    expect(record["status"] == "matched", f"La commande attend une personne : {record['check_reason']}")
    expect(record["po_number"] == PO_NUMBER, f"Numéro lu : {record['po_number']} au lieu de {PO_NUMBER}")
    expect(record["customer_id"] == story.facts["customer"]["id"], "Le client n'est pas reconnu.")
    expect(record["quote_id"] == quote["id"], f"Le devis reconnu n'est pas {quote['number']}.")
    differences = record["differences"] or []
    result = owner.act("customer-pos", record["id"], "confirm", accept_differences=bool(differences))[
        "result"
    ]
    order = owner.get("sales-orders", result["sales_order_id"])
    expect(order["status"] in ("validated", "in_production"), f"La commande reste {order['status']}.")
    lines = owner.list("sales-order-lines", sales_order_id=order["id"])
    expect(
        [float(line["quantity"]) for line in lines] == [QUANTITY],
        f"Quantités commandées : {[line['quantity'] for line in lines]}",
    )
    accepted = owner.get("quotes", quote["id"])["status"]
    expect(accepted == "accepted", f"Le devis reste {accepted}.")
    story.facts["sales_order"], story.facts["sales_order_line"] = order, lines[0]
    accepted_words = "".join(f" ; écart accepté : {d['message']}" for d in differences)
    return (
        f"{PO_NUMBER} reconnue à {float(record['match_score']):.0%} comme réponse à {quote['number']}{accepted_words} ; "
        f"{order['number']} de {french(order['total_excl_tax'])} € HT"
    )


def _buyer_writes(story: Story) -> bytes:
    from infra.samples.customer_order import CustomerOrder, OrderedLine, render

    estimator, part = story.who("estimator"), story.facts["part"]
    line = estimator.get("quote-lines", story.facts["quote_line_id"])
    scenario = estimator.one("quote-scenarios", quote_id=story.facts["quote"]["id"], kind="standard")
    today = dt.datetime.now(dt.UTC).date()
    promised = (
        dt.date.fromisoformat(scenario["delivery_date"])
        if scenario["delivery_date"]
        else today + dt.timedelta(days=30)
    )
    ordered = OrderedLine(
        part["drawing_number"],
        part["part_name"],
        QUANTITY,
        Decimal(str(line["unit_price_excl_tax"])),
        part["revision"] or "",
    )
    return render(
        CustomerOrder(
            PO_NUMBER, today, [ordered], promised, story.facts["quote"]["number"], buyer="Moteurs Alpins SAS",
            buyer_lines=("4 avenue de la Gare", "74000 Annecy"), siret="552 100 554 00005", vat="FR96552100554", seller="Mécanique du Val",
        )
    )  # fmt: skip
