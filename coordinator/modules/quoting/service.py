"""Acts on quotes and their lines: creation, typed values, review, approval, sending, versions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import func, inspect, select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.db import Record
from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.kernel.lifecycle import move
from coordinator.kernel.numbering import next_number
from coordinator.modules.drawings import api as drawings
from coordinator.modules.identity import api as identity
from coordinator.modules.parties import api as parties
from coordinator.modules.quoting import compute as computing
from coordinator.modules.quoting import document, inspection, proposals, queries, results, rules, solids
from coordinator.modules.quoting.defaults import VALIDITY_DAYS, engine_settings
from coordinator.modules.quoting.engine.values import euros
from coordinator.modules.quoting.models import (
    Quote,
    QuoteLine,
    QuoteLineOperation,
    QuotePriceBreak,
    QuoteScenario,
)

_ALWAYS_EDITABLE = {"notes"}
_CHANGES_PRICE = {"delivery_date_requested", "margin_target_pct", "method", "discount_pct", "discount_amount"}


class ScenarioParams(BaseModel):
    """Scenario to offer."""

    kind: Literal["standard", "express", "economic"] = Field(
        json_schema_extra={"x-field": {"enumeration": "scenario_kind"}}
    )


class ApproveParams(BaseModel):
    """``accept_to_confirm``: dates and prices still marked "to confirm" are accepted (QUO-50)."""

    accept_to_confirm: bool = False


class ReasonParams(BaseModel):
    """Why."""

    reason: str = Field(min_length=2, max_length=300)


class DrawingsParams(BaseModel):
    """Validated analyses to quote, the same quantities for all."""

    drawing_analysis_ids: list[int] = Field(min_length=1, max_length=200)
    quantity: Decimal = Field(gt=0)
    price_break_quantities: list[Decimal] = Field(default_factory=list, max_length=10)
    split: bool = True
    """A drawing of several parts gives one line per part, times its count."""


def on_create(ctx: Context, quote: Quote) -> None:
    """Number, dates, and what the customer asks for."""
    parties.customer(ctx, quote.customer_id)
    quote.number = next_number(ctx, "quote")
    quote.version_no = 1
    quote.quote_date = ctx.now.date()
    if quote.valid_until is None:
        quote.valid_until = quote.quote_date + dt.timedelta(days=ctx.settings.integer(VALIDITY_DAYS))
    _check_header(quote)


def on_update(ctx: Context, quote: Quote) -> None:  # noqa: ARG001 — signature of the entity's hook
    """An approved quote is closed except for its notes; a change of wish or margin asks for a new computation."""
    changed = _changed(quote)
    if changed - _ALWAYS_EDITABLE:
        rules.check_editable(quote)
    if changed & _CHANGES_PRICE:
        quote.computed_at = None
    _check_header(quote)


def _changed(record: Record) -> set[str]:
    state = inspect(record)
    return {a.key for a in state.mapper.column_attrs if state.attrs[a.key].history.has_changes()}


def _check_header(quote: Quote) -> None:
    if quote.valid_until is not None and quote.valid_until < quote.quote_date:
        raise BusinessError("quote.valid_until", errors=[FieldError("valid_until", "quote.valid_until")])
    margin = quote.margin_target_pct
    if margin is not None and not 0 <= margin < 100:
        raise BusinessError("quote.margin", errors=[FieldError("margin_target_pct", "quote.margin")])
    rules.check_discount(quote.discount_pct, quote.discount_amount)


def touch(ctx: Context, quote_id: int) -> Quote:
    """The quote, open to changes; its figures no longer hold."""
    quote = ctx.get(Quote, quote_id, lock=True)
    rules.check_editable(quote)
    quote.computed_at = None
    return quote


def on_create_line(ctx: Context, line: QuoteLine) -> None:
    """Take over what the validated drawing and the customer bring (QUO-05, CRM-10)."""
    quote = touch(ctx, line.quote_id)
    _check_line(line)
    with ctx.session.no_autoflush:
        last = ctx.session.scalar(select(func.max(QuoteLine.line_no)).where(QuoteLine.quote_id == quote.id))
        line.line_no = (last or 0) + 1
        if line.drawing_analysis_id is not None:
            _from_drawing(ctx, line)
        defaults = parties.customer_defaults(parties.customer(ctx, quote.customer_id))
    line.criticality = line.criticality or defaults.criticality
    if line.certificate_required is None:
        line.certificate_required = defaults.certificate_required
    line.method = line.method or ("manual" if quote.method == "manual" else "ai")
    if not (line.description or line.part_revision_id):
        raise BusinessError("quote.line_empty", errors=[FieldError("description", "field.missing")])


def _from_drawing(ctx: Context, line: QuoteLine) -> None:
    assert line.drawing_analysis_id is not None  # noqa: S101 — the caller looked
    drawings.validated_description(ctx, line.drawing_analysis_id)
    analysis = drawings.analysis(ctx, line.drawing_analysis_id)
    line.part_revision_id = line.part_revision_id or analysis.part_revision_id
    line.material_id = line.material_id or analysis.material_id
    line.description = line.description or analysis.part_name or analysis.drawing_number
    line.criticality = line.criticality or analysis.criticality or "standard"
    texts = [str(t.get("text")) for t in analysis.treatments or [] if isinstance(t, dict) and t.get("text")]
    line.treatments = line.treatments or ("; ".join(texts)[:300] or None)


def on_update_line(ctx: Context, line: QuoteLine) -> None:
    """Any change asks for a new computation."""
    with ctx.session.no_autoflush:
        touch(ctx, line.quote_id)
    _check_line(line)


def on_archive_price_break(ctx: Context, row: QuotePriceBreak) -> None:
    """A price break of an approved quote is part of what was approved.

    Raises:
        Conflict: ``quote.locked``.
    """
    rules.check_editable(ctx.get(Quote, ctx.get(QuoteLine, row.quote_line_id).quote_id, lock=True))


def _check_line(line: QuoteLine) -> None:
    line.inspection_sheet = line.inspection_sheet is not False or line.criticality in rules.SIGNED
    rules.check_quantity(line.quantity)
    rules.check_trades(line.trade_operations)
    rules.check_discount(line.discount_pct, line.discount_amount)
    for name in ("manual_unit_price", "manual_material_cost"):
        value = getattr(line, name)
        if value is not None and value < 0:
            raise BusinessError("quote.price", errors=[FieldError(name, "quote.price")])


def on_price_break(ctx: Context, row: QuotePriceBreak) -> None:
    """Another quantity is priced at the next computation."""
    rules.check_quantity(row.quantity)
    with ctx.session.no_autoflush:
        touch(ctx, ctx.get(QuoteLine, row.quote_line_id).quote_id)


def on_create_operation(ctx: Context, row: QuoteLineOperation) -> None:
    """A typed operation (QUO-07)."""
    with ctx.session.no_autoflush:
        touch(ctx, ctx.get(QuoteLine, row.quote_line_id).quote_id)
    _check_times(row)
    row.is_manual = True
    row.sources = {
        name: _typed_mark(ctx, getattr(row, column))
        for column, name in results.TYPED.items()
        if getattr(row, column) is not None
    }


def on_update_operation(ctx: Context, row: QuoteLineOperation) -> None:
    """What a person typed over is marked, and survives the next computation (QUO-45)."""
    with ctx.session.no_autoflush:
        touch(ctx, ctx.get(QuoteLine, row.quote_line_id).quote_id)
    _check_times(row)
    sources = dict(row.sources or {})
    for column in _changed(row) & set(results.TYPED):
        name = results.TYPED[column]
        old = inspect(row).attrs[column].history.deleted
        mark = _typed_mark(ctx, getattr(row, column))
        before = sources.get(name)
        if isinstance(before, dict) and before.get("source") == results.MANUAL:
            mark |= {k: before[k] for k in ("computed", "replaced") if k in before}
        else:
            mark |= {"computed": _plain(old[0]) if old else None, "replaced": before}
        sources[name] = mark
        row.is_manual = True
    row.sources = sources


def _check_times(row: QuoteLineOperation) -> None:
    for name in ("run_min", "setup_min"):
        value = getattr(row, name)
        if value is not None and value < 0:
            raise BusinessError("quote.time_negative", errors=[FieldError(name, "quote.time_negative")])
    if row.cost is not None and row.cost < 0:
        raise BusinessError("quote.price", errors=[FieldError("cost", "quote.price")])


def _typed_mark(ctx: Context, value: Any) -> dict[str, Any]:
    return {
        "value": _plain(value),
        "formula": "valeur saisie",
        "inputs": {},
        "source": results.MANUAL,
        "user_id": ctx.principal.user_id,
        "at": ctx.now.isoformat(),
    }


def _plain(value: Any) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else value


def reset_operation(ctx: Context, row: QuoteLineOperation, _params: Any) -> None:
    """Give an operation back to the computation: computed values return; one that was added goes away."""
    touch(ctx, ctx.get(QuoteLine, row.quote_line_id).quote_id)
    marks = {n: m for n, m in (row.sources or {}).items() if m.get("source") == results.MANUAL}
    if not any("computed" in m for m in marks.values()):
        row.archived_at = ctx.now
        return
    sources = dict(row.sources or {})
    for column, name in results.TYPED.items():
        if name in marks:
            setattr(row, column, _parsed(column, marks[name].get("computed")))
            replaced = marks[name].get("replaced")
            sources.pop(name)
            if replaced is not None:
                sources[name] = replaced
    row.sources, row.is_manual = sources, False


def _parsed(column: str, value: Any) -> Any:
    is_decimal = hasattr(QuoteLineOperation.__table__.c[column].type, "scale")
    return Decimal(str(value)) if is_decimal and value is not None else value


def remove_line(ctx: Context, line: QuoteLine, _params: Any) -> None:
    """Take a line out of the quote; it stays readable in the history."""
    touch(ctx, line.quote_id)
    line.archived_at = ctx.now


def add_drawings(ctx: Context, quote: Quote, params: DrawingsParams) -> dict[str, Any]:
    """One line per validated drawing, or per distinct part of it (QUO-01, DRW-13)."""
    rules.check_editable(quote)
    ids = []
    for analysis_id in params.drawing_analysis_ids:
        found: list[solids.OwnPart | None] = [None]
        if params.split:
            found = [*solids.parts_of(drawings.validated_description(ctx, analysis_id))] or found
        for part in found:
            breaks = params.price_break_quantities
            ids.append(_drawing_line(ctx, quote, analysis_id, params.quantity, part, breaks).id)
    return {"quote_line_ids": ids}


def _drawing_line(
    ctx: Context,
    quote: Quote,
    analysis_id: int,
    quantity: Decimal,
    part: solids.OwnPart | None,
    breaks: Iterable[Decimal],
) -> QuoteLine:
    """Line of a drawing, or of one of its parts times its count, with its price breaks."""
    count = part.count if part else 1
    line = QuoteLine(quote_id=quote.id, drawing_analysis_id=analysis_id, quantity=quantity)
    if part is not None:
        line.solid_no, line.quantity = part.no, quantity * count
        line.description = part.name or None
    on_create_line(ctx, line)
    ctx.add(line)
    for other in breaks:
        rules.check_quantity(other)
        ctx.add(QuotePriceBreak(quote_line_id=line.id, quantity=other * count))
    return line


def split_line(ctx: Context, line: QuoteLine, _params: Any) -> dict[str, Any]:
    """Put one line per part in the place of the line of a drawing with several.

    Raises:
        Conflict: ``quote.nothing_to_split``.
    """
    quote = touch(ctx, line.quote_id)
    analysis_id = line.drawing_analysis_id
    found = solids.parts_of(drawings.validated_description(ctx, analysis_id)) if analysis_id else []
    if analysis_id is None or line.solid_no is not None or not found:
        raise Conflict("quote.nothing_to_split", line=line.line_no)
    breaks = [row.quantity for row in queries.price_breaks_of(ctx, line.id)]
    made = [_drawing_line(ctx, quote, analysis_id, line.quantity, part, breaks) for part in found]
    for new in made:
        new.material_id, new.criticality = line.material_id, line.criticality
        new.certificate_required, new.inspection_sheet = line.certificate_required, line.inspection_sheet
        new.keep_stock_surface = line.keep_stock_surface
        new.parts_per_clamping = line.parts_per_clamping
    line.archived_at = ctx.now
    return {"quote_line_ids": [new.id for new in made]}


def compute(ctx: Context, quote: Quote, params: Any) -> dict[str, Any]:
    """Compute the whole quote."""
    return computing.compute(ctx, quote, params)


def select_scenario(ctx: Context, quote: Quote, params: ScenarioParams) -> None:
    """Choose what is offered; the other scenarios stay readable (QUO-35).

    Raises:
        BusinessError: ``quote.not_computed``.
    """
    rules.check_editable(quote)
    found = next((s for s in queries.scenarios_of(ctx, quote.id) if s.kind == params.kind), None)
    if found is None or quote.computed_at is None:
        raise BusinessError("quote.not_computed", number=quote.number)
    results.select_scenario(ctx, quote, found)


def submit(ctx: Context, quote: Quote, _params: Any) -> None:
    """Hand over for review; a task calls the reviewer."""
    if quote.computed_at is None:
        raise BusinessError("quote.not_computed", number=quote.number)
    key = f"quote:{quote.id}:{quote.row_version}"
    tasks.open_task(
        ctx, "quote_review", f"Devis à relire : {quote.number}", quote, role="management", dedupe_key=key
    )


def approve(ctx: Context, quote: Quote, params: ApproveParams) -> None:
    """A person answers for the quote; from here on there is a paper (QUO-02, QUO-32, QUO-50).

    Raises:
        BusinessError: see ``rules.check_approval``; ``quote.to_confirm``, ``quote.validity_over``, ``quote.stale_price``.
        Conflict: ``signature.required`` or ``signature.outdated`` for aerospace and military lines.
    """
    lines = queries.lines_of(ctx, quote.id)
    costs = engine_settings(ctx).costs
    rules.check_approval(
        quote.number,
        quote.computed_at,
        quote.total_excl_tax,
        quote.questions or [],
        priced_lines(ctx, quote, lines),
        costs,
    )
    rules.check_reason([quote, *lines], quote.discount_reason)
    rules.check_validity(quote.number, quote.valid_until, ctx.now.date())
    _check_still_holds(ctx, quote)
    scenario = ctx.get(QuoteScenario, quote.selected_scenario_id)
    pending = (scenario.details or {}).get("to_confirm") or []
    accepted = bool(getattr(params, "accept_to_confirm", False))
    if pending and not accepted:
        raise BusinessError("quote.to_confirm", extra={"to_confirm": pending}, points=" ; ".join(pending))
    if any(line.criticality in rules.SIGNED for line in lines):
        identity.require_signature(ctx, quote)
    quote.approved_at = ctx.now
    quote.reviewed_by_id = ctx.principal.user_id
    document.file_quote(ctx, quote)
    ctx.defer(inspection.JOB, quote_id=quote.id)
    proposals.settle(ctx, quote)


def _check_still_holds(ctx: Context, quote: Quote) -> None:
    """A price is approved as today's rates, purchase prices and stock give it (QUO-30, QUO-49).

    Raises:
        BusinessError: ``quote.stale_price``.
    """
    before, number = quote.total_excl_tax, quote.number
    now, is_blocked = computing.price_now(ctx, quote)
    if before != now or is_blocked:
        told = euros(now) if now is not None and not is_blocked else "prix incomplet"
        raise BusinessError("quote.stale_price", number=number, before=euros(before or 0), now=told)


def priced_lines(ctx: Context, quote: Quote, lines: Sequence[QuoteLine]) -> list[rules.PricedLine]:
    """Lines in the selected scenario, then the prices of other quantities with the percentages taken off them."""
    rows = queries.scenario_lines(ctx, quote.selected_scenario_id) if quote.selected_scenario_id else {}
    found = [rules.priced(line, rows.get(line.id)) for line in lines]
    return [*found, *(b for line in lines for b in priced_breaks(ctx, quote, line))]


def priced_breaks(ctx: Context, quote: Quote, line: QuoteLine) -> list[rules.PricedLine]:
    """Computed prices of other quantities of a line."""
    rows = (rules.priced_break(quote, line, row) for row in queries.price_breaks_of(ctx, line.id))
    return [row for row in rows if row is not None]


def signed_content(ctx: Context, quote: Quote) -> dict[str, Any]:
    """What whoever approves an aerospace or military quote signs: customer, dates, and every line with its price (QUO-02)."""
    return {
        "number": quote.number,
        "customer": parties.customer(ctx, quote.customer_id).name,
        "valid_until": quote.valid_until,
        "total_excl_tax": quote.total_excl_tax,
        **rules.signed_discount(quote),
        "selected_scenario_id": quote.selected_scenario_id,
        "lines": [
            {
                "line_no": line.line_no,
                "description": line.description,
                "part_revision_id": line.part_revision_id,
                "criticality": line.criticality,
                "certificate_required": line.certificate_required,
                "quantity": line.quantity,
                "unit_price_excl_tax": line.unit_price_excl_tax,
                **rules.signed_discount(line),
            }
            for line in queries.lines_of(ctx, quote.id)
        ],
    }


def reopen(ctx: Context, quote: Quote, _params: Any) -> None:  # noqa: ARG001 — signature of an effect
    """Back to review before sending; the paper no longer stands for the quote."""
    quote.approved_at = None
    quote.reviewed_by_id = None
    quote.document_version_id = None


def accept(ctx: Context, quote: Quote, _params: Any) -> None:
    """The customer said yes to this version.

    Raises:
        Conflict: ``quote.replaced`` when a newer version exists (ORD-47).
    """
    newer = queries.successor(ctx, quote)
    if newer is not None:
        raise Conflict(
            "quote.replaced", extra={"current_id": newer.id}, number=quote.number, current=newer.number
        )


def refuse(ctx: Context, quote: Quote, params: ReasonParams) -> None:  # noqa: ARG001 — signature of an effect
    """The customer said no; the reason helps the next quote (QUO-39)."""
    quote.refusal_reason = params.reason


def cancel(ctx: Context, quote: Quote, _params: Any) -> None:
    """The quote is given up."""
    proposals.drop(ctx, quote)


def expire(ctx: Context) -> int:
    """Sent quotes past their validity expire; a task offers the new price, which `revise` then computes (QUO-39)."""
    query = select(Quote).where(Quote.status == "sent", Quote.valid_until < ctx.now.date())
    count = 0
    for quote in ctx.session.scalars(query):
        move(ctx, quote, "expire")
        title = f"Devis {quote.number} expiré : proposer un nouveau prix (nouvelle version)"
        tasks.open_task(
            ctx, "quote_reprice", title, quote, role="sales", details={"action": "revise"},
            dedupe_key=f"quote_reprice:{quote.id}",
        )  # fmt: skip
        count += 1
    return count
