"""Steps 14 to 16: what the job earned, what the customer gets, what is kept of the part."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

from infra.demo.client import Record
from infra.demo.story.telling import Story, expect, french

_TREATMENT_BILL = "61.40"


def judge_profit(story: Story) -> str:
    """Real times, scrap and material against the quote; a losing job tells management and methods once."""
    owner, shop = story.who("owner"), story.workshop
    line_id = story.facts["sales_order_line"]["id"]
    _book_treatments(story)

    def computed() -> Record | None:
        found = owner.list("order-profitabilities", sales_order_line_id=line_id)
        settled = found and found[0]["actual_cost"] is not None and found[0]["status"] == "unprofitable"
        return found[0] if settled else None

    record = story.eventually(
        computed, lambda: f"La perte de l'affaire n'est pas vue : {_state(story)}", timeout_s=60, every_s=1
    )
    expect(float(record["planned_cost"]) > 0, "Le coût prévu par le devis manque.")
    expect(
        float(record["actual_cost"]) > float(record["planned_cost"]),
        "Le dépassement ne se voit pas dans le coût réel.",
    )
    alerts = shop.value(
        "SELECT count(*) FROM notification WHERE category = 'profitability' AND object_type = 'order_profitability'"
        " AND object_id = %s AND severity = 'warning'", record["id"],
    )  # fmt: skip
    expect(alerts == 2, f"{alerts} avertissements au lieu d'un pour la direction et un pour les méthodes.")
    tasks = shop.value("SELECT count(*) FROM task WHERE kind = 'profitability_alert'")
    expect(tasks == 1, f"{tasks} tâches d'alerte au lieu d'une.")
    return (
        f"prévu {french(record['planned_cost'])} €, réel {french(record['actual_cost'])} €, vendu {french(record['selling_price'])} € : marge "
        f"{french(record['margin_pct'] or record['forecast_margin_pct'])} %, alerte donnée"
    )


def _book_treatments(story: Story) -> None:
    """The bill of the treatment shop, without which the real cost is not known."""
    outside = [o for o in story.facts["operations"] if o["operation_type"] == "treatment"]
    if not outside:
        return
    owner = story.who("owner")
    category = owner.one("finance-categories", code="subcontracting")
    entry = owner.create(
        "finance-transactions", transaction_type="purchase", category_id=category["id"], amount=_TREATMENT_BILL, vat_pct=20,
        description=" ; ".join(o["operation_label"] for o in outside)[:300], external_invoice_ref="FT-20931",
        transaction_date=dt.datetime.now(dt.UTC).date().isoformat(), sales_order_id=story.facts["sales_order"]["id"],
    )  # fmt: skip
    booked = owner.act("finance-transactions", entry["id"], "validate")["record"]
    expect(booked["status"] == "validated", f"L'écriture de sous-traitance reste {booked['status']}.")


def _state(story: Story) -> str:
    found = story.who("owner").list("order-profitabilities")
    shown = ("status", "planned_cost", "actual_cost", "forecast_cost", "selling_price", "missing")
    return str([{name: record[name] for name in shown} for record in found])


def deliver_and_invoice(story: Story) -> str:
    """The good parts leave with their note; the invoice is a PDF/A-3 whose XML the factur-x library accepts."""
    owner, sales = story.who("owner"), story.who("estimator")
    order = story.facts["sales_order"]
    made = sales.act("sales-orders", order["id"], "create_delivery_note", carrier="Transports du Rhône")[
        "result"
    ]
    note = sales.act("delivery-notes", made["delivery_note_id"], "ship", tracking_number="TR-88417")["record"]
    expect(note["status"] == "shipped", f"Le bon de livraison reste {note['status']}.")
    paper = sales.raw("GET", f"/delivery-notes/{note['id']}/pdf").content
    expect(paper.startswith(b"%PDF"), "Le bon de livraison n'est pas un PDF.")
    (story.workshop.folder / f"{note['number']}.pdf").write_bytes(paper)
    drafts = story.eventually(
        lambda: owner.list("invoices", sales_order_id=order["id"]),
        "La livraison ne donne pas de facture",
        timeout_s=60,
    )
    expect(len(drafts) == 1, f"{len(drafts)} factures pour une livraison.")
    owner.act("invoices", drafts[0]["id"], "submit")
    invoice = owner.act("invoices", drafts[0]["id"], "validate")["record"]
    expect(invoice["status"] == "validated" and invoice["number"], f"La facture reste {invoice['status']}.")
    level = _check_facturx(story, invoice)
    story.facts["invoice"] = invoice
    return f"{note['number']} expédié ; {invoice['number']} de {french(invoice['total_incl_tax'])} € TTC, Factur-X {level} valide"


def _check_facturx(story: Story, invoice: Record) -> str:
    import facturx
    import pypdf
    from lxml import etree

    document_id = story.workshop.value(
        "SELECT document_id FROM document_version WHERE id = %s", invoice["document_version_id"]
    )
    pdf = story.who("owner").raw("GET", f"/documents/{document_id}/download").content
    path = Path(story.workshop.folder / f"{invoice['number']}.pdf")
    path.write_bytes(pdf)
    name, xml = facturx.get_xml_from_pdf(pdf, check_xsd=True)
    expect(name == "factur-x.xml", f"Le PDF ne contient pas de factur-x.xml mais {name}.")
    tree: Any = etree.fromstring(xml)
    level = str(facturx.get_level(tree))
    expect(level == "en16931", f"Profil {level} au lieu de EN 16931.")
    total = tree.xpath("string(//*[local-name()='GrandTotalAmount'])")
    expect(
        float(total) == float(invoice["total_incl_tax"]),
        f"Le XML totalise {total} € au lieu de {invoice['total_incl_tax']} €.",
    )
    described = pypdf.PdfReader(io.BytesIO(pdf)).trailer["/Root"]["/Metadata"].get_object().get_data()  # type: ignore[index]
    expect(b"pdfaid:part" in described, "Le PDF ne se déclare pas PDF/A.")
    return level.upper()


def trace_part(story: Story) -> str:
    """The lot's file names drawing, material, machine, people, tools, program and times; the history is intact."""
    owner, shop = story.who("owner"), story.workshop
    lot = owner.one("part-lots", work_order_id=story.facts["work_order"]["id"])
    file = owner.call("GET", f"/part-lots/{lot['id']}/trace")
    part = file["part"]
    expect(part["drawing_number"] == story.facts["part"]["drawing_number"], "La trace ne nomme pas le plan.")
    heats = {m.get("heat_number") for m in file["material"]} - {None}
    expect("H48213" in heats, f"La trace ne remonte pas à la coulée H48213 : {file['material']}")
    machining = next(o for o in file["operations"] if o["id"] == story.facts["machining"]["id"])
    expect(machining["machines"], "La trace ne nomme pas la machine.")
    people = {name for o in file["operations"] for name in o["people"]}
    wanted = {story.facts["operator.name"], story.facts["operator2.name"]}
    expect(
        wanted <= people, f"La trace nomme {', '.join(sorted(people))} au lieu de {', '.join(sorted(wanted))}"
    )
    expect(machining["programs"], "La trace ne nomme pas le programme de la machine.")
    expect(machining["cycle_list"], "La trace n'a pas les cycles de la machine.")
    expect(float(machining["actual_time_min"]) > 0, "La trace n'a pas le temps passé.")
    tools = {tool["code"] or tool["name"] for o in file["operations"] for tool in o["tools"]}
    expect(tools, "La trace ne nomme aucun outil.")
    events = len(file["events"])
    expect(events, "La vie du lot est vide.")
    history = _history(story)
    lines = shop.value("SELECT count(*) FROM audit_log")
    return (
        f"lot {lot['number']} : plan {part['drawing_number']}, coulée {', '.join(sorted(heats))}, machine "
        f"{machining['machines'][0]['code']}, programme {', '.join(machining['programs'])}, {len(tools)} outils, {events} faits ; "
        f"historique de {lines} lignes intact ({history})"
    )


def _history(story: Story) -> str:
    """``usinage check`` verifies the chain of the history and the rest of the installation."""
    checks = {check["code"]: check for check in story.workshop.check()}
    history = checks["history"]
    expect(history["status"] == "ok", f"L'historique n'est pas intact : {history['detail']}")
    failed = [
        f"{check['label']} : {check['detail']}" for check in checks.values() if check["status"] == "failed"
    ]
    expect(not failed, f"Le diagnostic signale : {' ; '.join(failed)}")
    return f"{len(checks)} contrôles"
