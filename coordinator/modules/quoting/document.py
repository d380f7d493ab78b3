"""The paper quote: made and filed at approval, never before (QUO-02, QUO-38)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from coordinator.modules.quoting.engine.discounts import Discount, break_note
from coordinator.modules.quoting.models import Quote, QuoteLine, QuoteScenario, QuoteScenarioLine
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

_ONE_OFF = "Frais fixes (programmation, réglages, montage)"
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
    printed = [_line(ctx, quote, line, prices[line.id], rate) for line in lines]
    printed += _one_off(lines, prices, rate)
    supplement = queries.supplement(chosen)
    if supplement > 0:
        title = "Complément au minimum de commande"
        printed.append(_once(len(printed) + 1, title, supplement, rate))
    off = sum((p.quote_discount_excl_tax or Decimal(0) for p in prices.values()), Decimal(0))
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
            _scenario(ctx, s, is_chosen=s.id == chosen.id)
            for s in scenarios
            if s.price_excl_tax is not None and not (s.details or {}).get("below_minimum")
        ],
        totals=paper_data.totals(
            ctx, quote.customer_id, [*((line.total, line.vat_rate_pct) for line in printed), (-off, rate)]
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
        discount=off,
        discount_words=Discount(quote.discount_pct).words(),
        lines_total=sum((line.total for line in printed), Decimal(0)),
    )


def _once(position: int, title: str, amount: Decimal, rate: Decimal) -> PaperLine:
    return PaperLine(position, title, Decimal(1), amount, amount, unit="forfait", vat_rate_pct=rate)


def _one_off(
    lines: Sequence[QuoteLine], prices: Mapping[int, QuoteScenarioLine], rate: Decimal
) -> list[PaperLine]:
    """One-off work as lines of its own where the house prices it apart (QUO-31)."""
    found = [(line, prices[line.id].one_off_excl_tax or Decimal(0)) for line in lines]
    return [
        _once(len(lines) + number, f"{_ONE_OFF}, ligne {line.line_no}", amount, rate)
        for number, (line, amount) in enumerate(((x, a) for x, a in found if a), start=1)
    ]


def _contact(ctx: Context, quote: Quote) -> Contact | None:
    """Who answers for the quote: the person who approves it."""
    if quote.reviewed_by_id is None:
        return None
    user = ctx.get(UserAccount, quote.reviewed_by_id)
    return Contact(f"{user.first_name} {user.last_name}".strip(), user.email or "")


def _line(ctx: Context, quote: Quote, line: QuoteLine, price: QuoteScenarioLine, rate: Decimal) -> PaperLine:
    number, revision = drawing_of(ctx, line.part_revision_id)
    material = ctx.get(Material, line.material_id) if line.material_id else None
    breaks = [
        PriceBreak(int(row.quantity), row.unit_price_excl_tax)
        for row in queries.price_breaks_of(ctx, line.id)
        if row.unit_price_excl_tax is not None
    ]
    quantity, own = Decimal(int(line.quantity)), Discount(line.discount_pct, line.discount_amount)
    return PaperLine(
        position=line.line_no,
        designation=line.description or number,
        quantity=quantity,
        unit_price=line.unit_price_excl_tax or Decimal(0),
        total=(price.line_total_excl_tax or Decimal(0))
        + (price.quote_discount_excl_tax or Decimal(0))
        - (price.one_off_excl_tax or Decimal(0)),
        drawing_number=number,
        revision=revision,
        material=material.name if material else "",
        treatment=line.treatments or "",
        vat_rate_pct=rate,
        notes=[line.observation] if line.observation else [],
        price_breaks=breaks,
        break_note=break_note(own, Discount(quote.discount_pct, quote.discount_amount)),
        discount=price.discount_excl_tax or Decimal(0),
        discount_words=own.words(),
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
