"""The paper quote: made and filed at approval, never before (QUO-02, QUO-38)."""

from __future__ import annotations

from decimal import Decimal

from coordinator.kernel import qr
from coordinator.kernel.context import Context
from coordinator.kernel.errors import Conflict
from coordinator.kernel.i18n import choice_label
from coordinator.kernel.papers.data import Contact
from coordinator.modules.catalogue.models import Material, Part, PartRevision
from coordinator.modules.documents import api as documents
from coordinator.modules.documents.models import Document, DocumentVersion
from coordinator.modules.identity.models import UserAccount
from coordinator.modules.quoting import paper_data, queries
from coordinator.modules.quoting.models import Quote, QuoteLine, QuoteScenario
from coordinator.modules.quoting.papers import (
    SCENARIO_POINTS,
    PriceBreak,
    QuotePaper,
    certificate_words,
    render_quote,
    subject_of,
)
from coordinator.modules.quoting.papers import QuoteLine as PaperLine
from coordinator.modules.quoting.papers import QuoteScenario as PaperScenario

FROM_STATES = ("approved", "sent", "accepted", "refused", "expired")


def file_quote(ctx: Context, quote: Quote) -> DocumentVersion:
    """Render the quote and file it in the commercial documents; a second call adds a version."""
    content = render_quote(paper(ctx, quote))
    earlier = (
        ctx.session.get(DocumentVersion, quote.document_version_id) if quote.document_version_id else None
    )
    document = ctx.get(Document, earlier.document_id) if earlier is not None else _document(ctx, quote)
    version = documents.file_document(
        ctx,
        "commercial",
        f"Devis {quote.number}",
        content,
        "application/pdf",
        (quote,),
        file_name=f"{quote.number}.pdf",
        document=document,
        document_type="quote",
        issued_on=ctx.now.date(),
    )
    quote.document_version_id = version.id
    return version


def _document(ctx: Context, quote: Quote) -> Document | None:
    """The document of an earlier approval of the same version, if it was reopened."""
    return next((d for d in documents.documents_of(ctx, quote) if d.document_type == "quote"), None)


def content(ctx: Context, quote: Quote) -> bytes:
    """The filed PDF.

    Raises:
        Conflict: ``quote.no_paper`` before approval.
    """
    if quote.status not in FROM_STATES or quote.document_version_id is None:
        raise Conflict("quote.no_paper", number=quote.number)
    return documents.read(ctx, ctx.get(DocumentVersion, quote.document_version_id))


def paper(ctx: Context, quote: Quote) -> QuotePaper:
    """Data of the paper, for the selected scenario."""
    lines = queries.lines_of(ctx, quote.id)
    scenarios = queries.scenarios_of(ctx, quote.id)
    chosen = ctx.get(QuoteScenario, quote.selected_scenario_id)
    prices = queries.scenario_lines(ctx, chosen.id)
    rate = paper_data.vat_pct(ctx, quote.customer_id)
    printed = [_line(ctx, line, prices[line.id].line_total_excl_tax or Decimal(0), rate) for line in lines]
    supplement = queries.supplement(chosen)
    if supplement > 0:
        title = "Complément au minimum de commande"
        printed.append(
            PaperLine(
                len(lines) + 1, title, Decimal(1), supplement, supplement, unit="forfait", vat_rate_pct=rate
            )
        )
    assumptions = [q["text"] for q in quote.questions or [] if q.get("code") == "assumption"]
    certified = certificate_words([line.line_no for line in lines if line.certificate_required])
    return QuotePaper(
        company=paper_data.seller(ctx),
        customer=paper_data.party(ctx, quote.customer_id, quote.contact_id),
        number=quote.number,
        version=str(quote.version_no),
        issued_on=ctx.now.date(),
        valid_until=quote.valid_until or ctx.now.date(),
        lines=printed,
        scenarios=[
            _scenario(ctx, s, is_chosen=s.id == chosen.id) for s in scenarios if s.price_excl_tax is not None
        ],
        totals=paper_data.totals(
            ctx, quote.customer_id, [(line.total, line.vat_rate_pct) for line in printed]
        ),
        payment_terms=paper_data.payment_terms(ctx, quote.customer_id),
        late_rate=ctx.settings.get("quoting.late_rate"),
        seller_contact=_contact(ctx, quote),
        customer_reference=quote.customer_reference or "",
        subject=subject_of([line.designation for line in printed[: len(lines)]]),
        introduction=ctx.settings.get("quoting.introduction"),
        incoterm=quote.incoterm or "",
        certificates=certified,
        assumptions=assumptions,
        exclusions=[x.strip() for x in (quote.exclusions or "").splitlines() if x.strip()],
        retention_of_title=ctx.settings.get("quoting.retention_of_title"),
        general_conditions=ctx.settings.get("quoting.general_conditions"),
        qr=qr.code_of(ctx, quote),
    )


def _contact(ctx: Context, quote: Quote) -> Contact | None:
    """Who answers for the quote: the person who approves it."""
    if quote.reviewed_by_id is None:
        return None
    user = ctx.get(UserAccount, quote.reviewed_by_id)
    return Contact(f"{user.first_name} {user.last_name}".strip(), user.email or "")


def _line(ctx: Context, line: QuoteLine, total: Decimal, rate: Decimal) -> PaperLine:
    number, revision = drawing_of(ctx, line.part_revision_id)
    material = ctx.get(Material, line.material_id) if line.material_id else None
    breaks = [
        PriceBreak(int(row.quantity), row.unit_price_excl_tax)
        for row in queries.price_breaks_of(ctx, line.id)
        if row.unit_price_excl_tax is not None
    ]
    quantity = Decimal(int(line.quantity))
    return PaperLine(
        position=line.line_no,
        designation=line.description or number,
        quantity=quantity,
        unit_price=(line.unit_price_excl_tax or Decimal(0)).quantize(paper_data.CENT),
        total=total,
        drawing_number=number,
        revision=revision,
        material=material.name if material else "",
        treatment=line.treatments or "",
        vat_rate_pct=rate,
        notes=[line.observation] if line.observation else [],
        price_breaks=breaks,
    )


def drawing_of(ctx: Context, part_revision_id: int | None) -> tuple[str, str]:
    """Drawing number and revision of a line; empty without a part."""
    if part_revision_id is None:
        return "", ""
    revision = ctx.get(PartRevision, part_revision_id)
    return ctx.get(Part, revision.part_id).drawing_number, revision.revision


def _scenario(ctx: Context, scenario: QuoteScenario, *, is_chosen: bool) -> PaperScenario:
    days = scenario.lead_time_days
    return PaperScenario(
        scenario.kind,
        choice_label("scenario_kind", scenario.kind, ctx.locale),
        scenario.price_excl_tax or Decimal(0),
        scenario.delivery_date,
        "" if days is None else f"{days} jours",
        points=list(SCENARIO_POINTS[scenario.kind]),
        highlighted=is_chosen,
    )
