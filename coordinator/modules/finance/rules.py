"""Profitability of an order line: planned, actual, forecast, status, causes (FIN-02…06, FIN-47, FIN-49). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

ZERO = Decimal(0)
_HUNDRED = Decimal(100)
_CENT = Decimal("0.01")
HEADINGS = ("material", "tools", "time", "subcontracting", "inspection", "packaging", "scrap_rework")
_PLANNED_AS = {
    "material": "material",
    "material_handling": "material",
    "certificate": "material",
    "tool_wear": "tools",
    "tools": "tools",
    "subcontracting": "subcontracting",
    "treatment": "subcontracting",
    "inspection": "inspection",
    "packaging": "packaging",
    "logistics": "packaging",
}


@dataclass(frozen=True)
class TimeFact:
    """Confirmed minutes at a rate in euro per hour; ``None`` where it is not known."""

    minutes: Decimal | None
    rate_per_h: Decimal | None


@dataclass(frozen=True)
class OperationFacts:
    """An operation of the workshop: ``planned_cost`` in euro for the batch, times as confirmed, pieces."""

    key: int
    label: str
    operation_type: str
    planned_min: Decimal
    planned_cost: Decimal | None
    times: tuple[TimeFact, ...] = ()
    is_finished: bool = False
    is_subcontracted: bool = False
    machine: str | None = None
    good_qty: Decimal = ZERO
    bad_qty: Decimal = ZERO
    """Scrapped and reworked pieces."""

    @property
    def heading(self) -> str:
        """Heading of its time."""
        return heading_of(self.operation_type, self.is_subcontracted)


@dataclass(frozen=True)
class CostFact:
    """A cost that is not time: material, tools, purchases; negative for what came back; ``None`` without price."""

    heading: str
    amount: Decimal | None
    label: str


@dataclass(frozen=True)
class JobFacts:
    """All that is known of an order line. ``planned`` by heading; ``None`` without an accepted quote."""

    selling_price: Decimal | None
    planned: Mapping[str, Decimal] | None
    operations: Sequence[OperationFacts] = ()
    costs: Sequence[CostFact] = ()
    is_done: bool = False


@dataclass(frozen=True)
class Limits:
    """Margins in % of the net selling price and the limits of the drift (Defaults)."""

    minimum_pct: Decimal = Decimal(15)
    target_pct: Decimal = Decimal(25)
    drift_min: Decimal = Decimal("0.7")
    drift_max: Decimal = Decimal("2.0")
    overrun_pct: Decimal = Decimal(10)


@dataclass(frozen=True)
class Missing:
    """A value that is not known, and whose: ``code`` is time, rate, price, lot_price, material, plan or subcontract_price."""

    code: str
    subject: str


@dataclass(frozen=True)
class Heading:
    """Planned, actual and forecast cost of one heading; ``None`` where it cannot be known."""

    planned: Decimal | None
    actual: Decimal | None
    forecast: Decimal | None

    @property
    def difference(self) -> Decimal | None:
        """Actual less planned."""
        return None if self.planned is None or self.actual is None else self.actual - self.planned

    @property
    def difference_pct(self) -> Decimal | None:
        """Difference in % of the plan; ``None`` (n/a) without a plan."""
        return None if self.difference is None else percentage(self.difference, self.planned)


@dataclass(frozen=True)
class OperationCost:
    """Planned against actual cost of one operation."""

    facts: OperationFacts
    actual_min: Decimal | None
    actual_cost: Decimal | None
    scrap_cost: Decimal = ZERO


@dataclass(frozen=True)
class Profitability:
    """The result for a line. A margin is ``None`` when it is not defined or something is missing."""

    selling_price: Decimal | None
    planned_cost: Decimal | None
    actual_cost: Decimal | None
    known_cost: Decimal
    forecast_cost: Decimal | None
    margin_pct: Decimal | None
    margin_at_most_pct: Decimal | None
    """Upper end of the margin while costs are missing or still to come."""
    forecast_margin_pct: Decimal | None
    drift: Decimal
    status: str
    headings: Mapping[str, Heading]
    operations: Sequence[OperationCost]
    missing: Sequence[Missing] = field(default_factory=list)
    causes: Sequence[tuple[str, Decimal]] = field(default_factory=list)


def cents(value: Decimal) -> Decimal:
    """Rounded to €0.01, half up."""
    return value.quantize(_CENT, ROUND_HALF_UP)


def percentage(part: Decimal, whole: Decimal | None) -> Decimal | None:
    """``part`` in % of ``whole``; ``None`` (n/a) where the whole is zero or unknown (FIN-49)."""
    return None if not whole else cents(part / whole * _HUNDRED)


def margin(price: Decimal | None, cost: Decimal | None) -> Decimal | None:
    """(net selling price − cost)/net selling price in % (FIN-04)."""
    return None if price is None or cost is None else percentage(price - cost, price)


def heading_of(operation_type: str, is_subcontracted: bool) -> str:
    """Heading of an operation's cost."""
    if is_subcontracted:
        return "subcontracting"
    return {"inspection": "inspection", "packaging": "packaging", "logistics": "packaging"}.get(
        operation_type, "time"
    )


def planned_headings(
    lines: Iterable[tuple[str, Decimal, bool]], quoted_qty: Decimal, ordered_qty: Decimal
) -> dict[str, Decimal]:
    """Cost lines of a quote (kind, amount of the quoted batch, one-off) by heading for the ordered quantity."""
    factor = ordered_qty / quoted_qty if quoted_qty else Decimal(1)
    found = dict.fromkeys(HEADINGS, ZERO)
    for kind, amount, is_one_off in lines:
        found[_PLANNED_AS.get(kind, "time")] += amount if is_one_off else amount * factor
    return {name: cents(amount) for name, amount in found.items()}


def drift_factor(operations: Iterable[OperationCost], limits: Limits) -> Decimal:
    """Actual over planned cost of the finished operations, within limits; 1 before any is known (FIN-05)."""
    actual = planned = ZERO
    for operation in operations:
        facts = operation.facts
        if facts.is_finished and operation.actual_cost is not None and facts.planned_cost:
            actual += operation.actual_cost
            planned += facts.planned_cost
    if not planned:
        return Decimal(1)
    return min(max(actual / planned, limits.drift_min), limits.drift_max)


def compute(job: JobFacts, limits: Limits) -> Profitability:
    """Costs, margins, forecast and status of an order line."""
    missing: list[Missing] = []
    operations = [_cost(facts, missing) for facts in job.operations]
    actual, unknown = _actual(job, operations, missing)
    drift = drift_factor(operations, limits)
    headings = {
        name: _heading(name, job, operations, drift, actual[name], name in unknown) for name in HEADINGS
    }
    if job.selling_price is None:
        missing.append(Missing("price", ""))
    if job.planned is None:
        missing.append(Missing("plan", ""))
    is_open = bool(unknown) or not job.is_done
    known = sum(actual.values(), ZERO)
    planned_cost = None if job.planned is None else sum(job.planned.values(), ZERO)
    actual_cost = None if unknown else known
    forecasts = [h.forecast for h in headings.values()]
    forecast_cost = None if None in forecasts else sum((f for f in forecasts if f is not None), ZERO)
    best = margin(job.selling_price, known)
    real = None if is_open else best
    ahead = margin(job.selling_price, forecast_cost)
    costs = max((c for c in (forecast_cost, known) if c is not None), default=ZERO)
    status = _status(real, ahead, best, costs, planned_cost, bool(missing), limits)
    return Profitability(
        job.selling_price, planned_cost, actual_cost, known, forecast_cost, real, best if is_open else None, ahead,
        drift, status, headings, operations, missing, causes(job, headings, operations),
    )  # fmt: skip


def _cost(facts: OperationFacts, missing: list[Missing]) -> OperationCost:
    """Confirmed minutes × rate; without a time or a rate the cost stays unknown, never zero (FIN-47)."""
    if facts.is_subcontracted:
        return OperationCost(facts, None, None)
    if facts.is_finished and not any(time.minutes is not None for time in facts.times):
        missing.append(Missing("time", facts.label))
        return OperationCost(facts, None, None)
    minutes, cost, has_rates = ZERO, ZERO, True
    for time in facts.times:
        if time.minutes is None:
            continue
        minutes += time.minutes
        if time.rate_per_h is None:
            has_rates = has_rates and not time.minutes
        else:
            cost += time.minutes / 60 * time.rate_per_h
    if not has_rates:
        missing.append(Missing("rate", facts.label))
        return OperationCost(facts, minutes, None)
    total = facts.good_qty + facts.bad_qty
    scrap = cost * facts.bad_qty / total if total else ZERO
    return OperationCost(facts, minutes, cents(cost), cents(scrap))


def _actual(
    job: JobFacts, operations: Sequence[OperationCost], missing: list[Missing]
) -> tuple[dict[str, Decimal], set[str]]:
    """Known cost by heading, and the headings where something is missing. Scrap takes its share of the time."""
    found = dict.fromkeys(HEADINGS, ZERO)
    unknown: set[str] = set()
    for cost in job.costs:
        if cost.amount is None:
            missing.append(Missing("lot_price", cost.label))
            unknown.add(cost.heading)
        else:
            found[cost.heading] += cost.amount
    for operation in operations:
        facts = operation.facts
        if operation.actual_cost is not None:
            found[facts.heading] += operation.actual_cost - operation.scrap_cost
            found["scrap_rework"] += operation.scrap_cost
        elif not facts.is_subcontracted:
            unknown.add(facts.heading)
    outside = [o.facts for o in operations if o.facts.is_subcontracted and o.facts.is_finished]
    if outside and not _has(job, "subcontracting"):
        missing.extend(Missing("subcontract_price", facts.label) for facts in outside)
        unknown.add("subcontracting")
    # A finished job without any material booked has not cost nothing: the booking is missing.
    if job.is_done and job.planned and job.planned["material"] and not _has(job, "material"):
        missing.append(Missing("material", ""))
        unknown.add("material")
    return {name: cents(amount) for name, amount in found.items()}, unknown


def _has(job: JobFacts, heading: str) -> bool:
    return any(cost.heading == heading for cost in job.costs)


def _heading(
    name: str,
    job: JobFacts,
    operations: Sequence[OperationCost],
    drift: Decimal,
    actual: Decimal,
    is_unknown: bool,
) -> Heading:
    planned = None if job.planned is None else job.planned[name]
    known = None if is_unknown else actual
    if job.is_done or is_unknown:
        return Heading(planned, known, known)
    if planned is None:
        return Heading(None, known, None)
    own = [o for o in operations if o.facts.heading == name and not o.facts.is_subcontracted]
    if any(o.facts.planned_cost is None and not o.facts.is_finished for o in own):
        return Heading(planned, known, None)
    ahead = spent = plan_of_operations = ZERO
    for operation in own:
        cost = (operation.actual_cost or ZERO) - operation.scrap_cost
        plan = operation.facts.planned_cost or ZERO
        spent += cost
        plan_of_operations += plan
        ahead += cost if operation.facts.is_finished else max(plan * drift, cost)
    # What the quote holds beside operations (material, programming…) is due until it has been spent.
    rest = max(planned - plan_of_operations, ZERO)
    return Heading(planned, known, cents(ahead + max(rest, actual - spent)))


def _status(
    real: Decimal | None,
    ahead: Decimal | None,
    best: Decimal | None,
    cost: Decimal,
    planned: Decimal | None,
    is_incomplete: bool,
    limits: Limits,
) -> str:
    """FIN-06. While something is missing a job is never called profitable, and unprofitable only when it is sure."""
    known = [m for m in (real, ahead, best) if m is not None]
    if any(m < limits.minimum_pct for m in known):
        return "unprofitable"
    if is_incomplete or ahead is None or ahead < limits.target_pct:
        return "watch"
    is_over = planned is not None and cost > planned * (1 + limits.overrun_pct / _HUNDRED)
    return "watch" if is_over else "profitable"


def causes(
    job: JobFacts, headings: Mapping[str, Heading], operations: Sequence[OperationCost]
) -> list[tuple[str, Decimal]]:
    """The three largest overruns: operations by their label, other headings by their name."""
    found: list[tuple[str, Decimal]] = []
    for operation in operations:
        if operation.actual_cost is not None and operation.facts.planned_cost is not None:
            found.append((operation.facts.label, operation.actual_cost - operation.facts.planned_cost))
    timed = {o.facts.heading for o in operations if not o.facts.is_subcontracted}
    for name, heading in headings.items():
        if (
            heading.planned is not None
            and heading.actual is not None
            and name not in timed - {"scrap_rework"}
        ):
            found.append((name, heading.actual - heading.planned))
    over = sorted(((label, cents(x)) for label, x in found if x > 0), key=lambda c: (-c[1], c[0]))
    if not over and job.planned is not None and job.selling_price is not None:
        return [("selling_price", ZERO)]
    return over[:3]


def share(amount: Decimal, own: Decimal, total: Decimal, count: int) -> Decimal:
    """Part of an order's cost borne by a line: by price, evenly where the order has none."""
    return cents(amount * own / total) if total else cents(amount / max(count, 1))
