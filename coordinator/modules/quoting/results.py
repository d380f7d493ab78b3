"""The engine's result in the tables of a quote: operations, prices, scenarios, gaps, questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, select

from coordinator.kernel.context import Context
from coordinator.modules.catalogue.models import Tool
from coordinator.modules.quoting import queries
from coordinator.modules.quoting.adjust import TypedOperation
from coordinator.modules.quoting.engine import presentation
from coordinator.modules.quoting.engine.line import LineResult
from coordinator.modules.quoting.engine.quote import QuoteResult
from coordinator.modules.quoting.engine.scenarios import LinePrice, Scenario
from coordinator.modules.quoting.models import (
    Quote,
    QuoteLine,
    QuoteLineOperation,
    QuotePriceBreak,
    QuoteScenario,
    QuoteScenarioBreak,
    QuoteScenarioLine,
    ResourceGap,
)

MANUAL = "manual"
TYPED = {
    "operation_label": "label", "machine_id": "machine", "tool_id": "tool", "passes": "passes", "vc_m_min": "vc_m_min",
    "n_rev_min": "n_rev_min", "feed_mm": "feed", "feed_mm_min": "feed_mm_min", "ap_mm": "ap_mm", "ae_mm": "ae_mm",
    "power_kw": "power_kw", "cut_min": "cut_min", "run_min": "run_min", "setup_min": "setup_min", "cost": "cost",
}  # fmt: skip
"""Columns a person may type over, with the name under which their explanation is kept."""
_OPERATION_TYPES = {"wire_edm": "edm"}
"""Kinds of work of the engine that the tables know under a wider name."""


def dec(value: float | int | None, places: str = "0.001") -> Decimal | None:
    """Exact number of a computed one, for a column with that many places."""
    return None if value is None else Decimal(repr(float(value))).quantize(Decimal(places))


def merge_operations(
    ctx: Context,
    line: QuoteLine,
    existing: Sequence[QuoteLineOperation],
    found: LineResult,
    machine_codes: Mapping[int, str],
) -> list[tuple[QuoteLineOperation, TypedOperation]]:
    """Rewrite the operations of a line; rows and values that a person typed stay. Answers those that change the cost."""
    if line.method == MANUAL:
        return _manual_costs(existing, found, machine_codes)
    machines = {code: machine_id for machine_id, code in machine_codes.items()}
    tools = _tool_ids(ctx, found)
    kept = {_place(o): o for o in existing if o.is_manual}
    gone = [o.id for o in existing if not o.is_manual]
    if gone:
        ctx.session.execute(delete(QuoteLineOperation).where(QuoteLineOperation.id.in_(gone)))
    typed: list[tuple[QuoteLineOperation, TypedOperation]] = []
    for computed in presentation.operations(found):
        values = _columns(computed, machines, tools)
        row = kept.pop((values["sequence_no"], values["operation_type"]), None)
        if row is None:
            ctx.session.add(QuoteLineOperation(quote_line_id=line.id, **values))
            continue
        _lay_under(row, values)
        if _moves_cost(row):
            typed.append((row, _typed_operation(row, values["cost"] or Decimal(0), machine_codes)))
    typed += [(row, _typed_operation(row, Decimal(0), machine_codes)) for row in kept.values()]
    return typed


def typed_values(
    line: QuoteLine,
    existing: Sequence[QuoteLineOperation],
    found: LineResult,
    machine_codes: Mapping[int, str],
) -> list[TypedOperation]:
    """What the typed values would make of a computation; unlike :func:`merge_operations` no row changes."""
    if line.method == MANUAL:
        return [o for _, o in typed_costs([o for o in existing if o.is_manual], found, machine_codes)]
    kept = {_place(o): o for o in existing if o.is_manual}
    typed = []
    for o in presentation.operations(found):
        kind = _OPERATION_TYPES.get(o["operation_type"], o["operation_type"])
        row = kept.pop((o["sequence_no"], kind), None)
        if row is None or not _moves_cost(row):
            continue
        typed.append(
            replace(
                _typed_operation(row, dec(o["cost"], "0.01") or Decimal(0), machine_codes),
                **_not_typed(row, o),
            )
        )
    return [*typed, *(_typed_operation(row, Decimal(0), machine_codes) for row in kept.values())]


def _not_typed(row: QuoteLineOperation, computed: Mapping[str, Any]) -> dict[str, Any]:
    """Computed values of the columns of a row that nobody typed, as its cost takes them."""
    loading = dec(computed["loading_min"]) or Decimal(0)
    own = row.run_min if _is_typed(row, "run_min") else dec(computed["run_min"])
    values: dict[str, Any] = {"run_min": (own or Decimal(0)) + loading}
    if not _is_typed(row, "setup_min"):
        values["setup_min"] = dec(computed["setup_min"] + computed.get("batch_min", 0.0)) or Decimal(0)
    if not _is_typed(row, "machine_id"):
        values["machine"] = computed["machine"]
    return values


def _place(row: QuoteLineOperation) -> tuple[int, str]:
    return row.sequence_no, row.operation_type


def _manual_costs(
    existing: Sequence[QuoteLineOperation], found: LineResult, machine_codes: Mapping[int, str]
) -> list[tuple[QuoteLineOperation, TypedOperation]]:
    """Typed operations of a manual line carry the cost the rates give them; answers those whose cost itself is typed."""
    rows = [o for o in existing if o.is_manual]
    typed = [(row, operation) for row, operation in typed_costs(rows, found, machine_codes)]
    own = {row.id for row, _ in typed}
    for row, values in zip(rows, presentation.operations(found), strict=False):
        if row.id not in own:
            row.cost = dec(values["cost"], "0.01")
    return typed


def typed_costs(
    rows: Sequence[QuoteLineOperation], found: LineResult, machine_codes: Mapping[int, str]
) -> list[tuple[QuoteLineOperation, TypedOperation]]:
    """Rows whose cost a person typed or that are bought outside, with what the engine's minutes would have made of them."""
    pairs = zip(rows, presentation.operations(found), strict=False)
    return [
        (row, _typed_operation(row, dec(values["cost"], "0.01") or Decimal(0), machine_codes))
        for row, values in pairs
        if _is_typed(row, "cost") or (row.is_subcontracted and row.cost is not None)
    ]


def computed_costs(found: LineResult) -> dict[tuple[int, str], Decimal]:
    """Cost of each computed operation by number and kind of work."""
    return {
        (o["sequence_no"], o["operation_type"]): dec(o["cost"], "0.01") or Decimal(0)
        for o in presentation.operations(found)
    }


def _lay_under(row: QuoteLineOperation, values: dict[str, Any]) -> None:
    """Take the computed values except where a person typed; there keep them beside, for the way back."""
    sources = dict(values["sources"])
    for column, name in TYPED.items():
        if _is_typed(row, column):
            mark = (row.sources or {})[name]
            sources[name] = {**mark, "computed": _jsonable(values[column]), "replaced": sources.get(name)}
            if column != "cost":
                continue
        if not (column == "cost" and (_is_typed(row, "cost") or _moves_cost(row))):
            setattr(row, column, values[column])
    for column in ("phase_no", "phase_label", "tool_text", "tool_origin", "loading_min", "is_subcontracted"):
        setattr(row, column, values[column])
    row.sources = sources


def _is_typed(row: QuoteLineOperation, column: str) -> bool:
    mark = (row.sources or {}).get(TYPED[column])
    return isinstance(mark, dict) and mark.get("source") == MANUAL


def _moves_cost(row: QuoteLineOperation) -> bool:
    return any(_is_typed(row, c) for c in ("run_min", "setup_min", "machine_id", "cost"))


def _typed_operation(
    row: QuoteLineOperation, computed_cost: Decimal, machine_codes: Mapping[int, str]
) -> TypedOperation:
    is_cost_typed = _is_typed(row, "cost") or (row.is_subcontracted and row.cost is not None)
    return TypedOperation(
        row.operation_label,
        row.setup_min or Decimal(0),
        (row.run_min or Decimal(0)) + (row.loading_min or Decimal(0)),
        machine_codes.get(row.machine_id) if row.machine_id else None,
        row.cost if is_cost_typed else None,
        computed_cost,
        row.operation_type,
    )


def _jsonable(value: Any) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else value


def _tool_ids(ctx: Context, found: LineResult) -> dict[str, int]:
    codes = {o["tool"] for o in presentation.operations(found) if o["tool"]}
    if not codes:
        return {}
    return dict(ctx.session.execute(select(Tool.code, Tool.id).where(Tool.code.in_(codes))).tuples().all())


def _columns(o: dict[str, Any], machines: Mapping[str, int], tools: Mapping[str, int]) -> dict[str, Any]:
    """Columns of one operation of the engine. What is paid once per batch stands with the set-up (QUO-29)."""
    name = o["tool_name"] or o["tool"]
    return {
        "sequence_no": o["sequence_no"],
        "phase_no": o["phase_no"],
        "phase_label": str(o["phase"])[:200],
        "workholding": o["workholding"][:300] or None,
        "operation_type": _OPERATION_TYPES.get(o["operation_type"], o["operation_type"]),
        "operation_label": str(o["label"])[:300],
        "machine_id": machines.get(o["machine"]) if o["machine"] else None,
        "tool_id": tools.get(o["tool"]) if o["tool"] else None,
        "tool_text": name[:200] if name else None,
        "tool_origin": o["tool_origin"],
        "passes": None if o["passes"] is None else int(o["passes"]),
        "vc_m_min": dec(o["vc_m_min"], "0.01"),
        "n_rev_min": dec(o["n_rev_min"], "0.1"),
        "feed_mm": dec(o["feed"], "0.0001"),
        "feed_mm_min": dec(o["feed_mm_min"], "0.01"),
        "ap_mm": dec(o["ap_mm"]),
        "ae_mm": dec(o["ae_mm"]),
        "power_kw": dec(o["power_kw"]),
        "cut_min": dec(o["cut_min"]),
        "run_min": dec(o["run_min"]) or Decimal(0),
        "loading_min": dec(o["loading_min"]),
        "setup_min": dec(o["setup_min"] + o.get("batch_min", 0.0)) or Decimal(0),
        "is_subcontracted": bool(o["subcontracted"]),
        "cost": dec(o["cost"], "0.01"),
        "sources": o["sources"],
    }


def store(
    ctx: Context,
    quote: Quote,
    lines: Sequence[QuoteLine],
    result: QuoteResult,
    breaks: Mapping[int, Sequence[QuotePriceBreak]],
) -> None:
    """Keep prices, scenarios, gaps, questions and warnings; a bad line never gives a total (QUO-51)."""
    for index, (line, found) in enumerate(zip(lines, result.lines, strict=True)):
        prices = {scenario.kind: scenario.lines[index] for scenario in result.scenarios}
        _store_line(line, found, prices)
        _store_gaps(ctx, line, found)
    for scenario in result.scenarios:
        kept = _store_scenario(ctx, quote, lines, scenario)
        for line, found in zip(lines, result.lines, strict=True):
            _store_breaks(ctx, kept, found, breaks[line.id])
    quote.questions = [
        *(q.to_json() for q in result.questions),
        *_late_errors(lines, result),
        *_refused_discounts(result),
    ]
    quote.warnings = [f"Ligne {line.line_no} : {text}" for line in lines for text in line.warnings or []]
    ctx.session.flush()
    select_scenario(ctx, quote, _choice(ctx, quote))


def _late_errors(lines: Sequence[QuoteLine], result: QuoteResult) -> list[dict[str, Any]]:
    """Errors of typed values, found after the engine asked its own questions."""
    asked = {q.line for q in result.questions if q.blocking}
    return [
        {
            "code": found.error.code,
            "field": found.error.field_name,
            "text": found.error.message,
            "line": line.line_no,
            "blocking": True,
        }
        for number, (line, found) in enumerate(zip(lines, result.lines, strict=True), start=1)
        if found.error is not None and number not in asked
    ]


def _refused_discounts(result: QuoteResult) -> list[dict[str, Any]]:
    """Discounts that do not fit their price, in any scenario."""
    found = {s.refusal.message: s.refusal for s in result.scenarios if s.refusal is not None}
    return [
        {"code": e.code, "field": e.field_name, "text": e.message, "line": None, "blocking": True}
        for e in found.values()
    ]


def _store_line(line: QuoteLine, found: LineResult, prices: Mapping[str, LinePrice | None]) -> None:
    price = prices["standard"]
    told = {
        k: p.explanation.to_json() for k, p in prices.items() if p is not None and p.explanation is not None
    }
    published = {**found.to_json(price), "price_explanations": told}
    line.feasibility = found.feasibility
    line.blank = published["blank"]
    line.result = published
    line.warnings = list(found.warnings)
    line.error_code = found.error.code if found.error else None
    line.error_message = found.error.message[:500] if found.error else None
    line.unit_cost = price.unit_cost if price else None
    line.unit_price_excl_tax = price.unit_price if price else None


def _store_gaps(ctx: Context, line: QuoteLine, found: LineResult) -> None:
    ctx.session.execute(delete(ResourceGap).where(ResourceGap.quote_line_id == line.id))
    for gap in found.gaps:
        ctx.session.add(
            ResourceGap(
                quote_line_id=line.id,
                kind=gap.kind,
                what=gap.what[:300],
                message=(gap.message or "")[:300] or None,
                alternatives=list(gap.alternatives),
                price=dec(gap.price_eur, "0.01"),
                delay_days=gap.delay_days,
            )
        )


def _store_breaks(
    ctx: Context, scenario: QuoteScenario, found: LineResult, rows: Sequence[QuotePriceBreak]
) -> None:
    """Prices of the other quantities of a line in a scenario."""
    prices = {b.quantity: b for b in found.price_breaks if b.kind == scenario.kind}
    own = [row.id for row in rows]
    ctx.session.execute(
        delete(QuoteScenarioBreak).where(
            QuoteScenarioBreak.quote_scenario_id == scenario.id,
            QuoteScenarioBreak.quote_price_break_id.in_(own),
        )
    )
    for row in rows:
        if known := prices.get(int(row.quantity)):
            ctx.session.add(
                QuoteScenarioBreak(
                    quote_scenario_id=scenario.id,
                    quote_price_break_id=row.id,
                    unit_cost=known.unit_cost,
                    unit_price_excl_tax=known.unit_price,
                )
            )


def _store_scenario(ctx: Context, quote: Quote, lines: Sequence[QuoteLine], found: Scenario) -> QuoteScenario:
    query = select(QuoteScenario).where(QuoteScenario.quote_id == quote.id, QuoteScenario.kind == found.kind)
    row = ctx.session.scalars(query).one_or_none() or QuoteScenario(quote_id=quote.id, kind=found.kind)
    row.machining_min = dec(found.machining_min, "0.1")
    row.cost, row.price_excl_tax, row.margin_pct = found.cost, found.price_excl_tax, found.margin_pct
    row.gross_excl_tax, row.discount_excl_tax = found.gross, found.discount
    row.delivery_date, row.lead_time_days = found.delivery_date, found.lead_time_days
    row.is_recommended = found.recommended
    row.reasons = list(found.reasons)
    row.details = {
        "machines": list(found.machines),
        "load_min": {k: round(v, 1) for k, v in sorted(found.load_min.items())},
        "to_buy": list(found.to_buy),
        "moved_orders": list(found.moved_orders),
        "to_confirm": list(found.to_confirm),
        "below_minimum": [lines[number - 1].line_no for number in found.below_minimum],
        "plate_plans": [plan.words() for plan in found.plate_plans],
        "minimum_order_supplement": format(found.supplement, "f"),
    }
    if row.id is None:
        ctx.add(row)
    ctx.session.execute(delete(QuoteScenarioLine).where(QuoteScenarioLine.quote_scenario_id == row.id))
    for line, price in zip(lines, found.lines, strict=True):
        ctx.session.add(
            QuoteScenarioLine(
                quote_scenario_id=row.id,
                quote_line_id=line.id,
                unit_cost=price.unit_cost if price else None,
                unit_price_excl_tax=price.unit_price if price else None,
                one_off_cost=price.one_off_cost if price else None,
                one_off_excl_tax=price.one_off_price if price else None,
                discount_excl_tax=price.discount if price else None,
                quote_discount_excl_tax=price.shared if price else None,
                line_total_excl_tax=price.total if price else None,
            )
        )
    return row


def _choice(ctx: Context, quote: Quote) -> QuoteScenario:
    """The person's scenario, else the recommended one, else the standard one."""
    rows = queries.scenarios_of(ctx, quote.id)
    chosen = next((r for r in rows if r.id == quote.selected_scenario_id), None)
    return chosen or next((r for r in rows if r.is_recommended), rows[0])


def select_scenario(ctx: Context, quote: Quote, scenario: QuoteScenario) -> None:
    """The quote's prices are those of one scenario."""
    quote.selected_scenario_id = scenario.id
    quote.total_excl_tax, quote.margin_pct = scenario.price_excl_tax, scenario.margin_pct
    prices, breaks = queries.scenario_lines(ctx, scenario.id), queries.scenario_breaks(ctx, scenario.id)
    for line in queries.lines_of(ctx, quote.id):
        price = prices.get(line.id)
        line.unit_price_excl_tax = price.unit_price_excl_tax if price else None
        line.unit_cost = price.unit_cost if price else None
        for row in queries.price_breaks_of(ctx, line.id):
            other = breaks.get(row.id)
            row.unit_price_excl_tax = other.unit_price_excl_tax if other else None
            row.unit_cost = other.unit_cost if other else None
    ctx.session.flush()
