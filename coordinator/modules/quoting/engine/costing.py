"""Costs and prices (QUO-30 to QUO-33). Money is Decimal; rates come from the rate card at the quote's date."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Any

from coordinator.modules.quoting.engine.blank import density
from coordinator.modules.quoting.engine.other_operations import treatment_kind
from coordinator.modules.quoting.engine.routes import Job, Phase, Route
from coordinator.modules.quoting.engine.settings import CostSettings
from coordinator.modules.quoting.engine.shop import Machine
from coordinator.modules.quoting.engine.times import programming_min
from coordinator.modules.quoting.engine.tools import edge_cost_per_min
from coordinator.modules.quoting.engine.values import QuotingError, euros, number

COMPLEXITY = {"simple": "simple", "moderate": "moyenne", "complex": "élevée"}
CENT, UNIT = Decimal("0.01"), Decimal("0.0001")
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class CostLine:
    """One amount of a line's cost for the whole batch, with how it comes about."""

    kind: str
    label: str
    amount: Decimal
    formula: str
    is_one_off: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "label": self.label,
            "amount": float(money(self.amount)),
            "formula": self.formula,
            "one_off": self.is_one_off,
        }


@dataclass(frozen=True, slots=True)
class Costed:
    """A route with its cost; ``phase_costs`` are parallel to the route's phases, per batch."""

    route: Route
    lines: tuple[CostLine, ...]
    phase_costs: tuple[tuple[Decimal, ...], ...]
    complexity: str = "simple"
    selling: Costed | None = None
    setup_costs: tuple[Decimal, ...] = ()
    rates: tuple[Decimal, ...] = ()

    @property
    def total(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal(0))

    @property
    def one_off(self) -> Decimal:
        return sum((line.amount for line in self.lines if line.is_one_off), Decimal(0))


def money(value: Decimal) -> Decimal:
    """Rounded to €0.01."""
    return value.quantize(CENT, ROUND_HALF_UP)


def price_for(cost: Decimal, margin_pct: Decimal, field_name: str = "margin_pct") -> Decimal:
    """Price = cost/(1 − margin), margin on selling price; 100 % or more is refused (QUO-32, QUO-49)."""
    if margin_pct >= _HUNDRED:
        raise QuotingError("margin_invalid", "Une marge de 100 % ou plus est refusée.", field_name)
    return cost / (1 - margin_pct / _HUNDRED)


def floor_price(cost: Decimal, rules: CostSettings) -> Decimal:
    """The lowest allowed price, rounded up to the cent: never below cost/(1 − minimum margin)."""
    return price_for(cost, rules.min_margin_pct, "min_margin_pct").quantize(CENT, ROUND_CEILING)


def margin_pct(cost: Decimal, price: Decimal) -> Decimal:
    """Margin on selling price in %, two decimals."""
    return ((price - cost) / price * _HUNDRED).quantize(CENT, ROUND_HALF_UP) if price else Decimal(0)


def cost_route(job: Job, route: Route, delivery_share: Decimal = Decimal(1)) -> Costed:
    """All costs of a batch made by a route. Raises ``rate_missing`` naming the rate that it lacks.

    ``delivery_share`` is the line's part of what is paid once per delivery.
    """
    costed = _cost(job, route, delivery_share)
    if not job.shop.settings.costs.use_selling_rates:
        return costed
    sold = replace(job, shop=replace(job.shop, rate_card=job.shop.rate_card.selling()))
    return replace(costed, selling=_cost(sold, route, delivery_share))


def _cost(job: Job, route: Route, delivery_share: Decimal) -> Costed:
    quantity = job.part.quantity
    lines = [_material(job, route), _handling(job, route)]
    phase_costs: list[tuple[Decimal, ...]] = []
    setup_costs: list[Decimal] = []
    rates: list[Decimal] = []
    for phase in route.phases:
        if phase.external:
            line = _external(job, route, phase)
            lines.append(line)
            phase_costs.append((line.amount,))
            setup_costs.append(Decimal(0))
            rates.append(Decimal(0))
            continue
        setup, per_cut, wear = _phase(job, phase, delivery_share)
        setup_costs.append(setup)
        rates.append(machine_rate(job, phase.machine, phase))
        lines.append(CostLine("setup", f"Réglage {phase.label}", setup, _clock(phase.setup.value, 1), True))
        run_text = _clock(phase.run_min + phase.loading_min, quantity)
        lines.append(CostLine(phase.operation_type, phase.label, sum(per_cut, Decimal(0)), run_text))
        lines.append(
            CostLine(
                "tool_wear",
                f"Usure d'outils, {phase.label}",
                sum(wear, Decimal(0)),
                "prix d'arête × temps/tenue",
            )
        )
        amounts = [a + b for a, b in zip(per_cut, wear, strict=True)]
        amounts[0] += setup
        phase_costs.append(tuple(amounts))
    lines += _bought_tools(job, route)
    complexity = complexity_of(job, route)
    lines.append(_programming(job, complexity))
    lines += _fixture(job)
    lines += _certificate(job)
    lines += _logistics(job, delivery_share)
    return Costed(
        route,
        tuple(line for line in lines if line.amount),
        tuple(phase_costs),
        complexity,
        None,
        tuple(setup_costs),
        tuple(rates),
    )


def _clock(minutes: float, quantity: int) -> str:
    return f"{number(minutes, 2)} min" if quantity == 1 else f"{quantity} × {number(minutes, 2)} min"


def _d(value: float) -> Decimal:
    return Decimal(repr(value))


def _material(job: Job, route: Route) -> CostLine:
    amount = route.blank.cost * job.part.quantity
    text = f"{job.part.quantity} × {number(route.blank.consumed_kg, 3)} kg, {route.blank.source_text()}"
    return CostLine("material", "Matière", amount, text)


def _handling(job: Job, route: Route) -> CostLine:
    pct = job.shop.settings.costs.material_handling_pct
    amount = route.blank.cost * job.part.quantity * pct / _HUNDRED
    return CostLine(
        "material_handling", "Frais d'approvisionnement matière", amount, f"{pct} % de la matière"
    )


def machine_rate(job: Job, machine: Machine | None, phase: Phase, setup: bool = False) -> Decimal:
    """€ per hour of a phase: machine hour with operator; below 100 % attendance the labour share is added apart."""
    card = job.shop.rate_card
    if machine is None:
        labour = card.require(
            "labour_hour", job.on, f"main-d'œuvre {phase.label}", activity_type=phase.operation_type
        )
        return labour.rate
    objects = {
        "machine": machine.code,
        "work_center": machine.work_center,
        "machine_type": machine.machine_type,
    }
    line = card.find("setup_hour", job.on, **objects) if setup else None
    if line is None and phase.operation_type in ("inspection", "packaging"):
        line = card.find(phase.operation_type, job.on, **objects)
    line = line or card.require(
        "machine_hour", job.on, f"taux horaire {machine.code} ({machine.work_center})", **objects
    )
    rate = line.rate
    if machine.attendance_pct < 100:
        own = (
            card.find(phase.operation_type, job.on)
            if phase.operation_type in ("inspection", "packaging")
            else None
        )
        labour = own or card.require("labour_hour", job.on, "main-d'œuvre (présence partielle)")
        rate += labour.rate * (1 if setup else _d(machine.attendance_pct) / _HUNDRED)
    return rate


def _phase(job: Job, phase: Phase, delivery_share: Decimal) -> tuple[Decimal, list[Decimal], list[Decimal]]:
    """Set-up cost, run cost per operation of the phase, tool wear per operation; all for the batch."""
    quantity = Decimal(job.part.quantity)
    setup = Decimal(0)
    if phase.setup.value:
        setup = _d(phase.setup.value) / 60 * machine_rate(job, phase.machine, phase, setup=True)
    rate = machine_rate(job, phase.machine, phase) / 60
    if phase.manual_run is not None:
        minutes = quantity * _d(phase.run_min + phase.loading_min) + _d(phase.per_batch_min) * delivery_share
        return setup, [minutes * rate], [Decimal(0)]
    rules = job.shop.settings.times
    costs, wear = [], []
    for index, (cut, run) in enumerate(zip(phase.cuts, phase.runs, strict=True)):
        minutes = _d(run.run_min + (phase.loading_min if index == 0 else 0.0))
        costs.append(quantity * minutes * rate)
        per_min = Decimal(0)
        if cut.choice is not None:
            per_min = edge_cost_per_min(
                cut.choice.tool, rules.insert_edge_life_min, rules.solid_carbide_life_min, rules.hss_life_min
            )
        wear.append(quantity * _d(cut.cut_min.value) * per_min)
    return setup, costs, wear


def _external(job: Job, route: Route, phase: Phase) -> CostLine:
    """Subcontracted work: by piece or by kg with the lot minimum, plus the subcontracting handling."""
    part, card = job.part, job.shop.rate_card
    if phase.operation_type == "treatment":
        kind = treatment_kind(phase.external)
        line = card.require(kind, job.on, phase.label, treatment=phase.external)
    else:
        kind = "subcontracting"
        line = card.require(kind, job.on, phase.label, activity_type=phase.external)
    mass = _d(part_mass_kg(job, route))
    once = Decimal(0)
    per_piece = line.rate * mass if line.unit == "kg" else line.rate
    if line.unit == "h":
        per_piece = line.rate * _d(phase.run_min) / 60
        once = line.rate * _d(phase.setup.value) / 60
    amount = max(once + per_piece * part.quantity, line.lot_minimum)
    amount *= 1 + job.shop.settings.costs.subcontracting_pct / _HUNDRED
    first = f"{euros(once)} + " if once else ""
    text = f"max({first}{part.quantity} × {euros(per_piece)} ; minimum {euros(line.lot_minimum)}) + frais"
    return CostLine("subcontracting", phase.label, amount, text)


def part_mass_kg(job: Job, route: Route) -> float:
    """Mass of the finished part; of the blank where the volume is unknown."""
    if job.part.volume_mm3 is None or job.material.group is None:
        return route.blank.mass_kg
    return job.part.volume_mm3 / 1e6 * density(job.material, job.shop).value


def _bought_tools(job: Job, route: Route) -> list[CostLine]:
    """Tools that must be bought for the job, once each and in full (setting)."""
    if not job.shop.settings.costs.charge_bought_tools_in_full:
        return []
    bought = {
        c.choice.tool.code: c.choice.tool
        for p in route.phases
        for c in p.cuts
        if c.choice and c.choice.origin != "stock"
    }
    return [
        CostLine("tools", f"Achat {t.name}", t.price, "prix de l'article", True)
        for _, t in sorted(bought.items())
        if t.price is not None
    ]


def complexity_of(job: Job, route: Route) -> str:
    """``simple|moderate|complex`` from features, set-ups, tolerance, unrecognised shapes."""
    features = sum(1 for _ in job.part.features)
    clampings = sum(1 for p in route.phases if p.cuts)
    it = job.part.tightest_it() or 13
    shapes = any("Formes restantes" in c.label for p in route.phases for c in p.cuts)
    if features > 20 or clampings > 4 or it <= 5 or shapes:
        return "complex"
    if features > 5 or clampings > 2 or it <= 7:
        return "moderate"
    return "simple"


def _programming(job: Job, complexity: str) -> CostLine:
    minutes = 0.0 if job.part.programs_exist else programming_min(complexity, job.shop.settings.times)
    if not minutes:
        return CostLine("programming", "Programmation", Decimal(0), "programme existant", True)
    line = job.shop.rate_card.require("programming", job.on, "programmation")
    return CostLine(
        "programming",
        "Programmation",
        _d(minutes) / 60 * line.rate,
        f"{number(minutes)} min (complexité {COMPLEXITY[complexity]})",
        True,
    )


def _fixture(job: Job) -> list[CostLine]:
    """A fixture made or bought for the part, once (QUO-31)."""
    cost = job.part.fixture_cost
    if cost is None:
        return []
    if not cost >= 0:
        raise QuotingError("cost_invalid", "Coût du montage non valable.", "fixture_cost")
    return [CostLine("fixture", "Montage d'usinage", cost, "saisi", True)]


def _certificate(job: Job) -> list[CostLine]:
    if not job.part.certificate_required:
        return []
    line = job.shop.rate_card.require("fixed_fee", job.on, "certificat matière", activity_type="certificate")
    return [CostLine("certificate", "Certificat matière", line.rate, "forfait", True)]


def _logistics(job: Job, share: Decimal) -> list[CostLine]:
    line = job.shop.rate_card.find("logistics", job.on)
    return (
        [CostLine("logistics", "Transport", line.rate * share, "par livraison, réparti sur les lignes")]
        if line
        else []
    )
