"""Three scenarios of a quote (QUO-34 to QUO-37) and the recommended one with its reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from coordinator.modules.quoting.engine import costing, discounts, grouping, plate_nesting
from coordinator.modules.quoting.engine.costing import Costed
from coordinator.modules.quoting.engine.discounts import Terms
from coordinator.modules.quoting.engine.planning_simulation import Availability, Mode, Plan, simulate
from coordinator.modules.quoting.engine.plate_nesting import CommonPlan
from coordinator.modules.quoting.engine.routes import Route
from coordinator.modules.quoting.engine.settings import CostSettings, ScenarioSettings
from coordinator.modules.quoting.engine.shop import Shop
from coordinator.modules.quoting.engine.values import QuotingError, Value, number

KINDS = ("standard", "express", "economic")
LABELS = {"standard": "standard", "express": "express", "economic": "économique"}


@dataclass(frozen=True, slots=True)
class LinePrice:
    """Price of one line in one scenario.

    ``discount`` is the line's own, ``shared`` its part of the discount on the whole quote.
    """

    quantity: int
    cost: Decimal
    unit_cost: Decimal
    unit_price: Decimal
    one_off_price: Decimal
    explanation: Value | None = None
    one_off_cost: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)
    shared: Decimal = Decimal(0)

    @property
    def gross(self) -> Decimal:
        """Price before discounts."""
        return costing.money(self.unit_price * self.quantity + self.one_off_price)

    @property
    def total(self) -> Decimal:
        """Price with the discounts taken off."""
        return self.gross - self.discount - self.shared

    def floor(self, rules: CostSettings) -> Decimal:
        """The lowest price allowed for the line, from its cost as it is shown."""
        return costing.floor_price(self.unit_cost * self.quantity + self.one_off_cost, rules)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario; money is None as long as a line lacks its price."""

    kind: str
    machining_min: float
    cost: Decimal | None
    price_excl_tax: Decimal | None
    margin_pct: Decimal | None
    delivery_date: date | None
    lead_time_days: int | None
    recommended: bool
    reasons: tuple[str, ...]
    lines: tuple[LinePrice | None, ...]
    supplement: Decimal
    machines: tuple[str, ...]
    load_min: dict[str, float]
    to_buy: tuple[str, ...]
    moved_orders: tuple[str, ...]
    to_confirm: tuple[str, ...]
    gross: Decimal | None = None
    discount: Decimal = Decimal(0)
    below_minimum: tuple[int, ...] = ()
    """Lines (from 1) under their lowest allowed price: the scenario cannot be offered."""
    refusal: QuotingError | None = None
    """Why the discounts cannot be taken off its prices."""
    plate_plans: tuple[CommonPlan, ...] = ()
    """Bought plates that several lines share."""

    def to_json(self) -> dict[str, Any]:
        def number(value: Decimal | None) -> float | None:
            return None if value is None else float(value)

        lines = [
            None
            if p is None
            else {
                "quantity": p.quantity,
                "cost": float(costing.money(p.cost)),
                "unit_cost": float(p.unit_cost),
                "unit_price": float(p.unit_price),
                "one_off_price": float(p.one_off_price),
                "discount": float(p.discount + p.shared),
                "total": float(p.total),
                "price_explanation": p.explanation.to_json() if p.explanation else None,
            }
            for p in self.lines
        ]
        return {
            "kind": self.kind,
            "machining_min": round(self.machining_min, 2),
            "cost": number(self.cost),
            "price_excl_tax": number(self.price_excl_tax),
            "margin_pct": number(self.margin_pct),
            "delivery_date": self.delivery_date.isoformat() if self.delivery_date else None,
            "lead_time_days": self.lead_time_days,
            "recommended": self.recommended,
            "reasons": list(self.reasons),
            "lines": lines,
            "minimum_order_supplement": float(self.supplement),
            "machines": list(self.machines),
            "load_min": {k: round(v, 1) for k, v in sorted(self.load_min.items())},
            "to_buy": list(self.to_buy),
            "moved_orders": list(self.moved_orders),
            "to_confirm": list(self.to_confirm),
            "gross_excl_tax": number(self.gross),
            "discount_excl_tax": float(self.discount),
            "below_minimum": list(self.below_minimum),
            "plate_plans": [plan.to_json() for plan in self.plate_plans],
        }


@dataclass(frozen=True, slots=True)
class LineChoice:
    """What a line offers to the scenarios: its costed routes (cheapest first) and its quantity; empty = no price."""

    options: tuple[Costed, ...]
    quantity: int
    material: str = ""

    def cheapest(self) -> Costed:
        return self.options[0]

    def fastest(self) -> Costed:
        return min(self.options, key=lambda o: (o.route.machining_min(self.quantity), o.total, o.route.key))


def line_price(
    costed: Costed,
    quantity: int,
    rules: CostSettings,
    factor: Decimal,
    margin: Decimal,
    saving: Decimal = Decimal(0),
) -> LinePrice:
    """Unit price = cost/(1 − margin) × scenario factor, never under cost/(1 − minimum margin) (QUO-32).

    With selling rates the price is what those rates come to, without a margin on top; the floor stays that of the cost.
    """
    total = costed.total - saving
    apart = Decimal(0) if rules.spread_one_off_costs else costed.one_off - saving
    unit_cost = (total - apart) / quantity

    sold = costed.selling
    sold_apart = Decimal(0) if sold is None or rules.spread_one_off_costs else sold.one_off

    def price(cost: Decimal, at_rates: Decimal | None) -> Decimal:
        base = costing.price_for(cost, margin) if at_rates is None else at_rates
        shown = costing.floor_price(cost.quantize(costing.UNIT), rules)
        return max(costing.money(base * factor), costing.floor_price(cost, rules), shown)

    each = None if sold is None else (sold.total - sold_apart) / quantity
    one_off = price(apart, None if sold is None else sold_apart) if apart else Decimal(0)
    unit = unit_cost.quantize(costing.UNIT)
    found = price(unit_cost, each)
    told = _explained(found, unit, rules, factor, None if sold else margin)
    return LinePrice(quantity, total, unit, found, one_off, told, apart.quantize(costing.UNIT))


def _explained(
    price: Decimal, unit_cost: Decimal, rules: CostSettings, factor: Decimal, margin: Decimal | None
) -> Value:
    """The unit price with what it is made of; ``margin`` None = selling rates."""
    floor = costing.floor_price(unit_cost, rules)
    inputs: dict[str, float | str] = {"coût unitaire": float(unit_cost), "facteur du scénario": float(factor)}
    if margin is not None:
        inputs["marge %"] = float(margin)
    inputs |= {"marge minimale %": float(rules.min_margin_pct), "prix plancher": float(floor)}
    base = "taux de vente" if margin is None else "coût/(1 − marge)"
    source = (
        "prix plancher atteint"
        if price == floor
        else "taux de marque"
        if margin is not None
        else "taux de vente saisis"
    )
    return Value(float(price), "€", f"max({base} × facteur ; coût/(1 − marge minimale))", inputs, source)


def build(
    choices: Sequence[LineChoice],
    shop: Shop,
    availability: Availability,
    wished: date | None,
    margin: Decimal | None,
    terms: Terms | None = None,
) -> list[Scenario]:
    """Compute the three scenarios and mark one as recommended; typed prices and discounts hold in each of them."""
    costs = shop.settings.costs
    target = costs.margin_pct if margin is None else margin
    found = [_scenario(kind, choices, shop, availability, target, terms or Terms()) for kind in KINDS]
    return _recommend(found, wished)


def _mode(kind: str, rules: ScenarioSettings) -> Mode:
    if kind == "express":
        return Mode(
            rules.express_overtime_min_per_day,
            rules.express_saturday,
            True,
            True,
            purchase_days=rules.express_purchase_days,
        )
    if kind == "economic":
        return Mode(wait_days=rules.economic_wait_days)
    return Mode()


def _factor(kind: str, rules: ScenarioSettings) -> Decimal:
    if kind == "express":
        return 1 + rules.express_surcharge_pct / 100
    if kind == "economic":
        return 1 - rules.economic_discount_pct / 100
    return Decimal(1)


def break_prices(
    options: tuple[Costed, ...], quantity: int, shop: Shop, margin: Decimal
) -> list[tuple[str, LinePrice]]:
    """Price of another quantity of a line in each scenario: its own cheapest or fastest route, the scenario's factor.

    Set-ups that the economic scenario shares with other lines are left out: they belong to the quoted quantities.
    """
    if not options:
        return []
    choice, rules = LineChoice(options, quantity), shop.settings
    return [
        (
            kind,
            line_price(
                choice.fastest() if kind == "express" else choice.cheapest(),
                quantity,
                rules.costs,
                _factor(kind, rules.scenarios),
                margin,
            ),
        )
        for kind in KINDS
    ]


def _agreed(
    prices: Sequence[LinePrice | None], terms: Terms
) -> tuple[list[LinePrice | None], QuotingError | None]:
    """Typed unit prices, then each line's discount, then its share of the discount on the whole; what refuses them, if any."""
    typed = [
        p if p is None or i not in terms.prices else replace(p, unit_price=terms.prices[i])
        for i, p in enumerate(prices)
    ]
    try:
        own = [
            Decimal(0) if p is None else terms.lines.get(i, discounts.NONE).on(p.gross)
            for i, p in enumerate(typed)
        ]
        left = [Decimal(0) if p is None else p.gross - d for p, d in zip(typed, own, strict=True)]
        shares = discounts.spread(terms.whole.on(sum(left, Decimal(0))), left)
    except QuotingError as error:
        return typed, error
    return [
        p if p is None else replace(p, discount=d, shared=share)
        for p, d, share in zip(typed, own, shares, strict=True)
    ], None


def _scenario(
    kind: str,
    choices: Sequence[LineChoice],
    shop: Shop,
    availability: Availability,
    margin: Decimal,
    terms: Terms,
) -> Scenario:
    rules, costs = shop.settings.scenarios, shop.settings.costs
    picked = [(c.fastest() if kind == "express" else c.cheapest()) if c.options else None for c in choices]
    grouped = [grouping.Saving()] * len(picked)
    if kind == "economic":
        grouped = grouping.savings(picked, shop.settings.times.setup_per_missing_tool_min)
    computed = [
        None if p is None else line_price(p, c.quantity, costs, _factor(kind, rules), margin, g.amount)
        for p, c, g in zip(picked, choices, grouped, strict=True)
    ]
    priced, refusal = _agreed(computed, terms)
    known = [p for p in priced if p is not None]
    chosen = [(p.route, c.quantity) for p, c in zip(picked, choices, strict=True) if p is not None]
    complete = bool(choices) and len(known) == len(priced)
    plan = simulate(chosen, shop.calendar, availability, rules, _mode(kind, rules)) if complete else None
    cost = costing.money(sum((p.cost for p in known), Decimal(0))) if complete else None
    price, supplement = _total(known, costs) if complete and refusal is None else (None, Decimal(0))
    low = tuple(i for i, p in enumerate(priced, 1) if p is not None and p.total < p.floor(costs))
    blanks = [
        (c.material, None if p is None else p.route.blank) for p, c in zip(picked, choices, strict=True)
    ]
    confirm = [] if availability.is_known else ["date à confirmer : planning indisponible"]
    if plan and (days := (plan.delivery - availability.today).days) > rules.long_lead_days:
        confirm.append(f"délai de {days} jours, au-delà d'un an de charge : quantité et date à confirmer")
    return Scenario(
        kind=kind,
        machining_min=sum(route.machining_min(q) for route, q in chosen),
        cost=cost,
        price_excl_tax=price,
        margin_pct=costing.margin_pct(cost, price) if cost is not None and price is not None else None,
        delivery_date=plan.delivery if plan else None,
        lead_time_days=(plan.delivery - availability.today).days if plan else None,
        recommended=False,
        reasons=(*_facts(kind, plan, rules, sum(g.minutes for g in grouped)), *_limits(low, refusal)),
        lines=tuple(priced),
        supplement=supplement,
        machines=tuple(sorted({m for route, _ in chosen for m in route.machines()})),
        load_min=plan.load_min if plan else {},
        to_buy=tuple(dict.fromkeys(t for route, _ in chosen for t in _purchases(route))),
        moved_orders=plan.moved_orders if plan else (),
        to_confirm=tuple(confirm),
        gross=sum((p.gross for p in known), Decimal(0)) if complete else None,
        discount=sum((p.discount + p.shared for p in known), Decimal(0)),
        below_minimum=low,
        refusal=refusal,
        plate_plans=tuple(plate_nesting.common(blanks, shop.settings.blank)),
    )


def _limits(low: Sequence[int], refusal: QuotingError | None) -> list[str]:
    """What stands in the way of offering the scenario at these prices."""
    if refusal is not None:
        return [refusal.message]
    if not low:
        return []
    named = ", ".join(map(str, low))
    where = (
        f"Ligne {named} sous le prix plancher" if len(low) == 1 else f"Lignes {named} sous le prix plancher"
    )
    return [f"{where} : ce scénario ne peut pas être proposé à ce prix."]


def _total(prices: Sequence[LinePrice], costs: CostSettings) -> tuple[Decimal, Decimal]:
    """Sum of the lines and what lacks to the minimum order value, which is shown apart (QUO-33)."""
    total = sum((p.total for p in prices), Decimal(0))
    supplement = max(costs.minimum_order_value - total, Decimal(0))
    return total + supplement, supplement


def _purchases(route: Route) -> list[str]:
    tools = [g.what for g in route.gaps if g.kind == "tool"]
    stock = [s.code for s in route.blank.sources if s.kind == "purchase"]
    return [*(f"matière {code}" for code in stock), *tools]


def _facts(kind: str, plan: Plan | None, rules: ScenarioSettings, grouped_min: float) -> list[str]:
    if plan is None:
        return ["Prix incomplet : répondre d'abord aux questions."]
    if kind == "standard":
        return ["Machines les moins chères, planning actuel, données normales."]
    if kind == "express":
        reasons = [
            f"Machines les plus rapides, opérations en parallèle, {rules.express_overtime_min_per_day} min/jour d'heures "
            f"supplémentaires{' et samedi' if rules.express_saturday else ''}, majoration {rules.express_surcharge_pct} %."
        ]
        if plan.moved_orders:
            reasons.append(
                f"Commandes déplacées (validation d'un responsable) : {', '.join(plan.moved_orders)}."
            )
        return reasons
    together = [f"Lots groupés : {number(grouped_min, 0)} min de réglage partagées."] if grouped_min else []
    return [
        *together,
        f"Créneaux libres après {rules.economic_wait_days} jours, chutes et lots d'abord, remise jusqu'à "
        f"{rules.economic_discount_pct} % sans passer sous la marge minimale.",
    ]


def _recommend(found: list[Scenario], wished: date | None) -> list[Scenario]:
    """Cheapest scenario that meets the wished date; without a wish the standard one; too late for all: the fastest."""
    priced = [s for s in found if s.price_excl_tax is not None and s.delivery_date is not None]
    usable = [s for s in priced if not s.below_minimum] or priced
    if not usable:
        return found

    def price(scenario: Scenario) -> Decimal:
        return scenario.price_excl_tax if scenario.price_excl_tax is not None else Decimal(0)

    if wished is None:
        best = usable[0]
        why = (
            "Aucun délai demandé : meilleur équilibre entre prix, délai et charge."
            if best.kind == "standard"
            else "Aucun délai demandé : premier scénario au-dessus du prix plancher."
        )
    else:
        in_time = [s for s in usable if s.delivery_date is not None and s.delivery_date <= wished]
        if in_time:
            best = min(in_time, key=lambda s: (price(s), KINDS.index(s.kind)))
            why = f"Tient le délai demandé ({wished:%d/%m/%Y}) au prix le plus bas."
        else:
            best = min(usable, key=lambda s: (s.delivery_date or date.max, price(s)))
            why = f"Aucun scénario ne tient le {wished:%d/%m/%Y} : le plus rapide est proposé."
    extra = [why]
    if best.to_buy:
        extra.append(f"À acheter : {', '.join(best.to_buy)}.")
    return [
        replace(s, recommended=s is best, reasons=(*s.reasons, *(extra if s is best else ()))) for s in found
    ]
