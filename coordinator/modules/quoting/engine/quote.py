"""From parts, shop, request and availability to a quote: analysis per line and three scenarios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from coordinator.modules.quoting.engine import line as lines
from coordinator.modules.quoting.engine import scenarios
from coordinator.modules.quoting.engine.discounts import NONE, Terms
from coordinator.modules.quoting.engine.line import LineResult
from coordinator.modules.quoting.engine.part import ManualLine, PartDescription
from coordinator.modules.quoting.engine.planning_simulation import Availability
from coordinator.modules.quoting.engine.shop import CuttingData, Shop
from coordinator.modules.quoting.engine.values import Question


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """What the user asks for besides the parts. ``on`` is the quote's date: rates are taken at it."""

    on: date
    delivery_date_requested: date | None = None
    price_break_quantities: tuple[int, ...] = ()
    margin_pct: Decimal | None = None
    method_data: Mapping[str, tuple[CuttingData, ...]] = field(default_factory=dict)
    manual_lines: Mapping[int, ManualLine] = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)
    """Unit prices and discounts that people give."""


@dataclass(frozen=True, slots=True)
class QuoteResult:
    """The computed quote; ``to_json`` is the published form."""

    lines: tuple[LineResult, ...]
    scenarios: tuple[scenarios.Scenario, ...]
    questions: tuple[Question, ...]
    terms: Terms = field(default_factory=Terms)

    def to_json(self) -> dict[str, Any]:
        """The object of ``usinage quote compute --json`` (see the interface description)."""
        standard = self.scenarios[0]
        priced = zip(self.lines, standard.lines, strict=True)
        return {
            "lines": [
                {**line.to_json(price), "discount": self.terms.lines.get(i, NONE).to_json()}
                for i, (line, price) in enumerate(priced)
            ],
            "discount": self.terms.whole.to_json(),
            "scenarios": [s.to_json() for s in self.scenarios],
            "questions": [q.to_json() for q in self.questions],
        }


def compute(
    parts: Sequence[PartDescription],
    shop: Shop,
    request: QuoteRequest,
    availability: Availability | None = None,
) -> QuoteResult:
    """Compute a quote. Never raises for a bad line: it carries its error and the others go on (QUO-51).

    Without availability the dates start from free machines and are marked "to confirm" (QUO-50).
    """
    known = availability or Availability(request.on, is_known=False)
    share = Decimal(1) / max(len(parts), 1)
    results = [
        lines.compute_line(
            lines.LineInput(
                part,
                index + 1,
                request.on,
                share,
                request.price_break_quantities,
                request.method_data.get(part.drawing_number, ()),
                request.manual_lines.get(index),
                request.margin_pct,
            ),
            shop,
            known,
        )
        for index, part in enumerate(parts)
    ]
    choices = [scenarios.LineChoice(r.options, r.part.quantity, r.material.name) for r in results]
    wished, terms = request.delivery_date_requested, request.terms
    found = scenarios.build(choices, shop, known, wished, request.margin_pct, terms)
    questions = tuple(q for r in results for q in r.questions)
    return QuoteResult(tuple(results), tuple(found), questions, terms)
