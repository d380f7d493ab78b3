"""Inspection sheets of quote lines (QUO-40): made from the validated drawing, filed with the quote and the part, to be validated."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import DomainError, NotFound
from coordinator.kernel.i18n import choice_label
from coordinator.modules.catalogue.models import PartRevision
from coordinator.modules.documents import api as documents
from coordinator.modules.documents.models import Document, DocumentVersion
from coordinator.modules.drawings import api as drawings
from coordinator.modules.parties import api as parties
from coordinator.modules.quoting import paper_data, queries, rules, solids
from coordinator.modules.quoting.document import drawing_of
from coordinator.modules.quoting.engine import inspection as engine
from coordinator.modules.quoting.engine.part import PartDescription
from coordinator.modules.quoting.models import Quote, QuoteLine
from coordinator.modules.quoting.papers.inspection import InspectionPaper, render_inspection, rows_of
from coordinator.modules.quoting.parts import describe

JOB = "quoting.inspection_sheets"
_MAX_REMARKS = 6


def of_line(ctx: Context, line: QuoteLine) -> tuple[engine.InspectionSheet, PartDescription]:
    """Sheet of a line: numbered as on the drawing, or from the typed sizes where there is no drawing."""
    part, refusal = describe(ctx, line)
    entries, remarks = _entries(ctx, line, part)
    if refusal:
        remarks = [refusal, *remarks]
    found = engine.sheet(
        entries,
        quantity=int(line.quantity),
        criticality=line.criticality,
        general_tolerance=part.general_tolerance,
        treatments=part.treatments,
        incomplete=remarks[:_MAX_REMARKS],
        features=part.features,
    )
    return found, part


def _entries(
    ctx: Context, line: QuoteLine, part: PartDescription
) -> tuple[Sequence[Mapping[str, Any]], list[str]]:
    if line.drawing_analysis_id is None:
        return _typed(line), ["Pièce sans plan : gamme établie sur les cotes saisies, à compléter."]
    analysis = drawings.analysis(ctx, line.drawing_analysis_id)
    numbered = drawings.characteristics(ctx, analysis)["items"]
    if numbered and line.solid_no is None:
        return numbered, list(part.warnings)
    try:
        reading = drawings.validated_description(ctx, line.drawing_analysis_id)
    except DomainError:
        return [], list(part.warnings)
    if line.solid_no is not None:
        reading = solids.reading_of(reading, line.solid_no)
    return engine.entries_of(reading), list(part.warnings)


def _typed(line: QuoteLine) -> list[dict[str, Any]]:
    sizes = {
        "diameter": line.diameter_mm,
        "length": line.length_mm,
        "width": line.width_mm,
        "height": line.height_mm,
    }
    return [
        {"kind": f"dimension.{'diameter' if name == 'diameter' else 'linear'}", "nominal": float(value)}
        for name, value in sizes.items()
        if value is not None
    ]


def paper(ctx: Context, quote: Quote, line: QuoteLine) -> InspectionPaper:
    """Data of the printed sheet."""
    found, part = of_line(ctx, line)
    number, revision = drawing_of(ctx, line.part_revision_id)
    return InspectionPaper(
        company=paper_data.seller(ctx),
        issued_on=ctx.now.date(),
        drawing_number=number or part.drawing_number or f"{quote.number}/{line.line_no}",
        part_name=line.description or part.name or number,
        quantity=int(line.quantity),
        sampling=found.sampling,
        parts_checked=found.parts_checked,
        rows=rows_of(found),
        revision=revision or part.revision,
        material=part.material,
        treatments=" ; ".join(part.treatments),
        customer=parties.customer(ctx, quote.customer_id).name,
        criticality=choice_label("criticality", line.criticality, ctx.locale),
        general_tolerance=part.general_tolerance,
        quote_number=quote.number,
        warnings=list(found.warnings),
    )


def as_json(ctx: Context, quote: Quote, line_id: int) -> dict[str, Any]:
    """Plain form for the clients."""
    line = _line(ctx, quote, line_id)
    found, _ = of_line(ctx, line)
    rows = [dataclasses.asdict(row) for row in rows_of(found)]
    return {
        "line_id": line.id,
        "sampling": found.sampling,
        "parts_checked": found.parts_checked,
        "warnings": list(found.warnings),
        "characteristics": rows,
        "document_version_id": line.inspection_version_id,
    }


def content(ctx: Context, quote: Quote, line_id: int) -> bytes:
    """PDF of a line's sheet: the filed one of an approved quote, else one of the line as it stands now."""
    line = _line(ctx, quote, line_id)
    if line.inspection_version_id is not None and quote.status not in rules.EDITABLE:
        return documents.read(ctx, ctx.get(DocumentVersion, line.inspection_version_id))
    return render_inspection(paper(ctx, quote, line))


def _line(ctx: Context, quote: Quote, line_id: int) -> QuoteLine:
    line = ctx.get(QuoteLine, line_id)
    if line.quote_id != quote.id or line.archived_at is not None:
        raise NotFound(entity="quote_line", id=line_id)
    return line


def renew(ctx: Context, line: QuoteLine, _params: Any = None) -> dict[str, Any]:
    """Make and file the sheet of a line anew; earlier versions stay readable."""
    quote = ctx.get(Quote, line.quote_id)
    made = paper(ctx, quote, line)
    links: list[Any] = [quote]
    if line.part_revision_id is not None:
        links.append(ctx.get(PartRevision, line.part_revision_id))
    earlier = ctx.get(DocumentVersion, line.inspection_version_id) if line.inspection_version_id else None
    version = documents.file_document(
        ctx,
        "quality",
        f"Gamme de contrôle {made.drawing_number} {made.revision}".strip(),
        render_inspection(made),
        "application/pdf",
        tuple(links),
        file_name=f"controle-{quote.number}-{line.line_no}.pdf",
        document=None if earlier is None else ctx.get(Document, earlier.document_id),
        document_type="inspection_sheet",
        approved=False,
        issued_on=ctx.now.date(),
    )
    line.inspection_version_id = version.id
    title = f"Gamme de contrôle à valider : {made.drawing_number} ({quote.number})"
    tasks.open_task(
        ctx, "inspection_review", title, line, role="quality_manager", dedupe_key=f"inspection:{version.id}"
    )
    return {"document_version_id": version.id, "characteristics": len(made.rows), "warnings": made.warnings}


def file_all(ctx: Context, quote_id: int) -> None:
    """After approval: the sheet of every line that asks for one (aerospace, military and armament lines always do)."""
    quote = ctx.get(Quote, quote_id)
    for line in queries.lines_of(ctx, quote.id):
        if line.inspection_sheet or line.criticality in rules.SIGNED:
            renew(ctx, line)
