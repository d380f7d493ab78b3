"""Everything of a quote in one answer, for the page that shows it, and the explanation of each value (QUO-35, QUO-45)."""

from __future__ import annotations

import dataclasses
from typing import Any

from coordinator.kernel.context import Context
from coordinator.kernel.crud import serialize, serialize_many
from coordinator.kernel.errors import NotFound
from coordinator.modules.drawings import api as drawings
from coordinator.modules.quoting import queries, solids
from coordinator.modules.quoting.models import Quote, QuoteLine, QuoteLineOperation, QuoteScenario
from coordinator.modules.quoting.parts import operations_of

_COST_KEYS = ("unit_cost", "cost_breakdown", "alternatives", "blank", "price_explanation")


def sheet(ctx: Context, quote: Quote) -> dict[str, Any]:
    """Header, lines with operations and gaps, scenarios, questions, warnings; costs only for those who may see them."""
    entities = ctx.registry.entities
    header = serialize(ctx, entities["quote"], quote)
    lines = []
    for line in queries.lines_of(ctx, quote.id):
        lines.append(
            {
                **serialize(ctx, entities["quote_line"], line),
                "operations": serialize_many(
                    ctx, entities["quote_line_operation"], operations_of(ctx, line.id)
                ),
                "resource_gaps": serialize_many(ctx, entities["resource_gap"], queries.gaps_of(ctx, line.id)),
                "price_breaks": serialize_many(
                    ctx, entities["quote_price_break"], queries.price_breaks_of(ctx, line.id)
                ),
                "time_safety_pct": (line.result or {}).get("time_safety_pct"),
                "cost_breakdown": _costs(ctx, line, "cost_breakdown"),
                "alternatives": _costs(ctx, line, "alternatives"),
                "parts_offered": _parts_offered(ctx, line),
            }
        )
        lines[-1].pop("result", None)
    newer = queries.successor(ctx, quote)
    return {
        "quote": header,
        "lines": lines,
        "scenarios": [_scenario(ctx, s) for s in queries.scenarios_of(ctx, quote.id)],
        "questions": quote.questions or [],
        "warnings": quote.warnings or [],
        "reminders": serialize_many(ctx, entities["quote_reminder"], queries.reminders_of(ctx, quote.id)),
        "mails": serialize_many(ctx, entities["quote_mail"], queries.mails_of(ctx, quote.id)),
        "is_computed": quote.computed_at is not None,
        "current_version": None if newer is None else {"id": newer.id, "number": newer.number},
    }


def _parts_offered(ctx: Context, line: QuoteLine) -> list[dict[str, Any]]:
    """Distinct parts of the line's drawing that `split` would make lines of."""
    if line.drawing_analysis_id is None or line.solid_no is not None:
        return []
    reading = (drawings.analysis(ctx, line.drawing_analysis_id).reading or {}).get("part") or {}
    return [dataclasses.asdict(part) for part in solids.parts_of(reading)]


def _costs(ctx: Context, line: QuoteLine, key: str) -> Any:
    return (line.result or {}).get(key) if ctx.principal.sees("costs_margins") else None


def _scenario(ctx: Context, scenario: Any) -> dict[str, Any]:
    entities = ctx.registry.entities
    rows = list(queries.scenario_lines(ctx, scenario.id).values())
    breaks = list(queries.scenario_breaks(ctx, scenario.id).values())
    return {
        **serialize_many(ctx, entities["quote_scenario"], [scenario])[0],
        "lines": serialize_many(ctx, entities["quote_scenario_line"], rows),
        "price_breaks": serialize_many(ctx, entities["quote_scenario_break"], breaks),
    }


def explain(ctx: Context, quote: Quote, line_id: int, operation_id: int | None) -> dict[str, Any]:
    """Formula, inputs and source of every value of an operation, or of a line's blank, cost and price.

    Raises:
        NotFound: the line or the operation does not belong to this quote.
    """
    line = ctx.get(QuoteLine, line_id)
    if line.quote_id != quote.id:
        raise NotFound(entity="quote_line", id=line_id)
    if operation_id is not None:
        row = ctx.get(QuoteLineOperation, operation_id)
        if row.quote_line_id != line.id:
            raise NotFound(entity="quote_line_operation", id=operation_id)
        values = row.sources or {}
        if not ctx.principal.sees("costs_margins"):
            values = {k: v for k, v in values.items() if k != "cost"}
        return {"line_id": line.id, "operation_id": row.id, "label": row.operation_label, "values": values}
    found = dict(line.result or {})
    found.pop("operations", None)
    found["price_explanation"] = _price_explanation(ctx, quote, line, found.pop("price_explanations", None))
    if not ctx.principal.sees("costs_margins"):
        for key in _COST_KEYS:
            found.pop(key, None)
        found["price_breaks"] = [_without_costs(b) for b in found.get("price_breaks") or []]
    return {"line_id": line.id, "operation_id": None, "label": line.description, "values": found}


def _without_costs(price_break: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in price_break.items() if k != "unit_cost"}
    kinds = kept.get("scenarios") or {}
    return {**kept, "scenarios": {k: {"unit_price": v["unit_price"]} for k, v in kinds.items()}}


def _price_explanation(ctx: Context, quote: Quote, line: QuoteLine, told: dict[str, Any] | None) -> Any:
    """How the price of the chosen scenario comes about; a typed price stands for itself, the computed one behind it."""
    chosen = (
        ctx.session.get(QuoteScenario, quote.selected_scenario_id) if quote.selected_scenario_id else None
    )
    computed = (told or {}).get(chosen.kind if chosen else "standard")
    if line.manual_unit_price is None:
        return computed
    value = format(line.manual_unit_price, "f")
    typed = {"value": value, "unit": "€", "formula": "valeur saisie", "inputs": {}, "source": "manual"}
    return {**typed, "computed": (computed or {}).get("value"), "replaced": computed}
