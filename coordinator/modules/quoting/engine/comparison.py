"""Automatic and manual computation of one line side by side (QUO-08)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from coordinator.modules.quoting.engine.line import LineResult
from coordinator.modules.quoting.engine.routes import Phase

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of work: minutes and € for the batch, automatic and manual; None = does not occur there."""

    operation_type: str
    automatic_min: float | None
    manual_min: float | None
    automatic_cost: Decimal | None
    manual_cost: Decimal | None

    @property
    def difference_min(self) -> float:
        """Manual minus automatic, a missing side as zero."""
        return (self.manual_min or 0.0) - (self.automatic_min or 0.0)

    @property
    def difference_cost(self) -> Decimal:
        """Manual minus automatic, a missing side as zero."""
        return (self.manual_cost or Decimal(0)) - (self.automatic_cost or Decimal(0))

    def to_json(self) -> dict[str, Any]:
        """Plain form, minutes and € for the batch."""
        return {
            "operation_type": self.operation_type,
            "automatic_min": _number(self.automatic_min),
            "manual_min": _number(self.manual_min),
            "automatic_cost": _number(self.automatic_cost),
            "manual_cost": _number(self.manual_cost),
            "difference_min": round(self.difference_min, 2),
            "difference_cost": float(self.difference_cost.quantize(_CENT)),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows in working order and the totals, in € for the batch; a total is None while its side has no price."""

    rows: tuple[Row, ...]
    automatic_total: Decimal | None
    manual_total: Decimal | None

    @property
    def difference_pct(self) -> float | None:
        """Manual against automatic total in %."""
        if not self.automatic_total or self.manual_total is None:
            return None
        return float((self.manual_total / self.automatic_total - 1) * 100)


def compare(automatic: LineResult, manual: LineResult) -> Comparison:
    """Two results of the same line, kind of work by kind of work; material and one-off costs are rows of their own."""
    auto_times, manual_times = _times(automatic), _times(manual)
    auto_costs, manual_costs = _costs(automatic), _costs(manual)
    kinds = dict.fromkeys((*auto_costs, *manual_costs, *auto_times, *manual_times))
    rows = tuple(
        Row(k, auto_times.get(k), manual_times.get(k), auto_costs.get(k), manual_costs.get(k)) for k in kinds
    )
    return Comparison(rows, _total(automatic), _total(manual))


def _times(line: LineResult) -> dict[str, float]:
    found: dict[str, float] = {}
    route = line.route
    for phase in route.phases if route else ():
        if not phase.external:
            _add(found, phase, line.part.quantity)
    return found


def _add(found: dict[str, float], phase: Phase, quantity: int) -> None:
    run = quantity * (phase.run_min + phase.loading_min) + phase.per_batch_min
    found[phase.operation_type] = found.get(phase.operation_type, 0.0) + run
    if phase.setup.value:
        found["setup"] = found.get("setup", 0.0) + phase.setup.value


def _costs(line: LineResult) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for cost in line.options[0].lines if line.options else ():
        found[cost.kind] = found.get(cost.kind, Decimal(0)) + cost.amount
    return found


def _total(line: LineResult) -> Decimal | None:
    return line.options[0].total if line.options else None


def _number(value: float | Decimal | None) -> float | None:
    return None if value is None else round(float(value), 2)
