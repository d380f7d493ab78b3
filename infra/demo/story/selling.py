"""Steps 3 to 5: plans arrive, are read and validated by a person, the quote is computed, approved and printed."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from infra.demo.client import Record
from infra.demo.story.telling import Story, expect, french

QUANTITY = 8
_REAL_FILES = (
    "drawings/vector/motor_shaft.pdf", "step/motor_shaft.step", "drawings/vector/Aufspannung.pdf",
    "drawings/raster/halter.jpg", "step/nist_ctc_01_asme1_ap242-e1.stp", "step/nist_ftc_06_asme1_ap242-e2.stp",
)  # fmt: skip
_ANALYSIS_TIMEOUT_S = 240.0


def _real_plans(story: Story) -> list[Path]:
    if story.shared is None:
        return []
    files = [story.shared / name for name in _REAL_FILES]
    return files if all(file.is_file() for file in files) else []


def prepare_plans(story: Story) -> None:
    """Begin to draw the project's own samples, where the real plans are missing; drawing takes a while."""
    if not _real_plans(story):
        from infra.samples.writer import write_samples

        story.facts["samples"] = ThreadPoolExecutor(1).submit(write_samples, story.samples)


def _own_plans(story: Story) -> list[Path]:
    shaft, block, hub = story.facts["samples"].result()
    return [shaft.pdf, shaft.step, block.dxf, hub.png]


def receive_plans(story: Story) -> str:
    """The customer's files are stored unchanged; one analysis per part is queued."""
    estimator = story.who("estimator")
    customer = estimator.create(
        "customers", name="Moteurs Alpins", legal_name="Moteurs Alpins SAS", email="achats@moteurs-alpins.example",
        country="FR", language="fr", siret="55210055400005", payment_terms_days=30,
        certificate_required=True,
    )  # fmt: skip
    for kind in ("billing", "delivery"):
        estimator.create(
            "addresses", customer_id=customer["id"], kind=kind, street="4 avenue de la Gare", postal_code="74000", city="Annecy",
            country="FR", is_default=True,
        )  # fmt: skip
    story.facts["customer"] = customer
    files = _real_plans(story) or _own_plans(story)
    answer = estimator.upload("/drawings", "files", *files, customer_id=str(customer["id"]))
    known = {f["file_name"]: f for analysis in answer["analyses"] for f in analysis["files"]}
    for file in files:
        expect(file.name in known, f"{file.name} n'a pas été enregistré.")
        stored = estimator.raw("GET", f"/drawings/files/{known[file.name]['id']}/content").content
        expect(stored == file.read_bytes(), f"{file.name} n'est pas rendu tel qu'il a été reçu.")
        digest = hashlib.sha256(stored).hexdigest()
        expect(digest == known[file.name]["sha256"], f"{file.name} : empreinte fausse.")
    story.facts["analyses"] = [a["id"] for a in answer["analyses"]]
    story.facts["part_analysis"] = next(
        a["id"] for a in answer["analyses"] if files[0].name in {f["file_name"] for f in a["files"]}
    )
    together = next(a for a in answer["analyses"] if a["id"] == story.facts["part_analysis"])
    expect(len(together["files"]) == 2, "Le plan et le modèle de la pièce ne sont pas lus ensemble.")
    source = "plans réels" if _real_plans(story) else "pièces d'exemple du projet"
    return f"{len(files)} fichiers ({source}), {len(answer['analyses'])} analyses demandées"


def read_and_validate(story: Story) -> str:
    """Every analysis ends, with a confidence for what it read; a person corrects one value and validates."""
    estimator = story.who("estimator")

    def done() -> list[Record] | None:
        found = [estimator.get("drawing-analyses", i) for i in story.facts["analyses"]]
        return None if any(a["status"] in ("uploaded", "analysing") for a in found) else found

    analyses = story.eventually(
        done, "Des analyses ne finissent pas", timeout_s=_ANALYSIS_TIMEOUT_S, every_s=1.0
    )
    failed = [f"{a['display']} : {a['error_message']}" for a in analyses if a["status"] != "to_review"]
    expect(not failed, f"Des plans n'ont pas pu être lus : {' ; '.join(failed)}")
    part = next(a for a in analyses if a["id"] == story.facts["part_analysis"])
    expect(part["confidence"] is not None, "L'analyse de la pièce n'a pas de confiance.")
    expect(part["length_mm"] is not None, "Les dimensions de la pièce n'ont pas été lues.")
    validated = _correct_and_validate(story, part)
    features = story.workshop.value(
        "SELECT count(*) FROM drawing_feature WHERE drawing_analysis_id = %s", part["id"]
    )
    expect(features, "Aucune cote ni entité n'a été trouvée sur la pièce.")
    return (
        f"{len(analyses)} analyses ; {validated['drawing_number']} : {features} cotes et entités, confiance "
        f"{float(part['confidence']):.0%}, corrigée et validée par {estimator.email}"
    )


def _correct_and_validate(story: Story, part: Record) -> Record:
    estimator = story.who("estimator")
    material = story.facts["material.C45"]
    name = f"{part['part_name'] or 'Arbre moteur'} (série)"
    changes: dict[str, Any] = {"part_name": name, "material_id": material["id"], "criticality": "standard"}
    changes |= {"quantity": QUANTITY, "revision": part["revision"] or "-"}
    if not part["drawing_number"]:
        changes["drawing_number"] = "MS-001"
    estimator.change("drawing-analyses", part, **changes)
    answer = estimator.act("drawing-analyses", part["id"], "validate")
    record: Record = answer["record"]
    expect(record["status"] == "validated", f"L'analyse reste {record['status']}.")
    story.facts["part_revision_id"] = answer["result"]["part_revision_id"]
    story.facts["part"] = record
    # The customer wants the certificate of the material: only a certified lot may be cut for this part.
    revision = story.who("owner").get("part-revisions", story.facts["part_revision_id"])
    story.who("owner").change("part-revisions", revision, certificate_required=True)
    rows = story.workshop.rows(
        "SELECT field_name, corrected_value, created_by_id FROM drawing_correction WHERE drawing_analysis_id = %s",
        part["id"],
    )
    expect(rows, "La correction de la personne n'est pas gardée.")
    by = story.facts["estimator.user"]["id"]
    expect(all(row[2] == by for row in rows), "La correction n'est pas au nom de qui l'a faite.")
    return record


def quote(story: Story) -> str:
    """Operations, times, costs and three scenarios are computed; a second person approves; the paper is filed."""
    estimator, owner = story.who("estimator"), story.who("owner")
    record = estimator.create(
        "quotes", customer_id=story.facts["customer"]["id"], customer_reference="DDP-7781"
    )
    line_id = estimator.act(
        "quotes", record["id"], "add_drawings", drawing_analysis_ids=[story.facts["part"]["id"]], quantity=QUANTITY,
        price_break_quantities=[QUANTITY * 5],
    )["result"]["quote_line_ids"][0]  # fmt: skip
    story.facts["quote_line_id"] = line_id
    result = estimator.act("quotes", record["id"], "compute")["result"]
    blocking = [q["text"] for q in result["questions"] if q.get("blocking")]
    expect(not blocking, f"Le devis demande : {' ; '.join(blocking)}")
    scenarios = estimator.list("quote-scenarios", quote_id=record["id"])
    kinds = {s["kind"] for s in scenarios}
    expect(kinds == {"standard", "express", "economic"}, f"Scénarios calculés : {', '.join(sorted(kinds))}")
    operations = estimator.list("quote-line-operations", quote_line_id=line_id)
    types = {o["operation_type"] for o in operations}
    expect("cutting" in types, f"Le devis ne prévoit pas de sciage : {', '.join(sorted(types))}")
    expect(types & {"turning", "milling"}, f"Le devis ne prévoit aucun usinage : {', '.join(sorted(types))}")
    estimator.act("quotes", record["id"], "select_scenario", kind="standard")
    estimator.act("quotes", record["id"], "submit")
    approved = owner.act("quotes", record["id"], "approve", accept_to_confirm=True)["record"]
    expect(approved["status"] == "approved", f"Le devis reste {approved['status']}.")
    paper = estimator.raw("GET", f"/quotes/{record['id']}/pdf").content
    expect(paper.startswith(b"%PDF"), "Le devis n'est pas un PDF.")
    (story.workshop.folder / f"{approved['number']}.pdf").write_bytes(paper)
    sent = estimator.act("quotes", record["id"], "send")["record"]
    story.facts["quote"] = sent
    prices = ", ".join(f"{s['kind']} {french(s['price_excl_tax'])} €" for s in scenarios)
    return f"{sent['number']} : {len(operations)} opérations, {prices} ; approuvé, PDF de {len(paper) // 1024} Ko"
