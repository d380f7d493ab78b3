"""Typed values over computed ones, without database: a corrected operation changes cost and price of its line (QUO-45)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from coordinator.modules.quoting.engine import costing, scenarios
from coordinator.modules.quoting.engine.costing import CostLine
from coordinator.modules.quoting.engine.discounts import Terms
from coordinator.modules.quoting.engine.line import LineResult
from coordinator.modules.quoting.engine.planning_simulation import Availability
from coordinator.modules.quoting.engine.quote import QuoteRequest, QuoteResult
from coordinator.modules.quoting.engine.shop import Machine, Shop
from coordinator.modules.quoting.engine.values import QuotingError


@dataclass(frozen=True)
class TypedOperation:
    """An operation a person typed or typed over. ``computed_cost`` is what it replaces, zero for an added one."""

    label: str
    setup_min: Decimal
    run_min: Decimal
    machine: str | None = None
    typed_cost: Decimal | None = None
    computed_cost: Decimal = Decimal(0)
    operation_type: str = "other"

    def cost(self, shop: Shop, quantity: int, on: date) -> Decimal:
        """Cost of the batch: typed, else (set-up + quantity × run) × rate.

        Raises:
            QuotingError: ``rate_missing``, ``no_machine``.
        """
        if self.typed_cost is not None:
            return self.typed_cost
        minutes = self.setup_min + quantity * self.run_min
        return (minutes / 60 * hourly_rate(shop, self.machine, self.operation_type, on)).quantize(
            costing.CENT
        )


def hourly_rate(shop: Shop, code: str | None, operation_type: str, on: date) -> Decimal:
    """€/h of a machine, of labour where there is none."""
    card = shop.rate_card
    if code is None:
        return card.require("labour_hour", on, "main-d'œuvre", activity_type=operation_type).rate
    machine: Machine | None = next((m for m in shop.machines if m.code == code), None)
    if machine is None or not machine.is_usable:
        raise QuotingError("no_machine", f"Machine « {code} » inconnue ou réformée.", "machine_id")
    objects = {"machine": code, "work_center": machine.work_center, "machine_type": machine.machine_type}
    return card.require("machine_hour", on, f"taux horaire {code}", **objects).rate


def with_operations(line: LineResult, typed: Sequence[TypedOperation], shop: Shop, on: date) -> LineResult:
    """The line with the typed operations in its cost; the other routes no longer apply to it."""
    if not typed or not line.options:
        return line
    best, extra = line.options[0], []
    for operation in typed:
        try:
            change = operation.cost(shop, line.part.quantity, on) - operation.computed_cost
        except QuotingError as error:
            return replace(line, options=(), unpriced=best.route, error=error)
        if change:
            extra.append(CostLine("manual", f"Valeur saisie : {operation.label}", change, "valeur saisie"))
    return replace(line, options=(replace(best, lines=(*best.lines, *extra)),))


def rebuilt(
    result: QuoteResult,
    lines: Sequence[LineResult],
    terms: Terms,
    shop: Shop,
    request: QuoteRequest,
    availability: Availability,
) -> QuoteResult:
    """Scenarios again after typed operations, with typed prices and discounts in each of them."""
    choices = [scenarios.LineChoice(line.options, line.part.quantity, line.material.name) for line in lines]
    wished = request.delivery_date_requested
    found = scenarios.build(choices, shop, availability, wished, request.margin_pct, terms)
    return replace(result, lines=tuple(lines), scenarios=tuple(found))
