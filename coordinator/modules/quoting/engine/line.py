"""One quote line: checks, questions, candidate routes, the cheapest of them, and its JSON form."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from coordinator.modules.quoting.engine import costing, doubts, manual, presentation, scenarios
from coordinator.modules.quoting.engine.costing import Costed
from coordinator.modules.quoting.engine.materials import MaterialMatch, identify
from coordinator.modules.quoting.engine.part import ManualLine, PartDescription
from coordinator.modules.quoting.engine.planning_simulation import Availability
from coordinator.modules.quoting.engine.routes import NO_MACHINE, Job, Route, Search, find_routes
from coordinator.modules.quoting.engine.shop import CuttingData, Shop
from coordinator.modules.quoting.engine.values import MAX_QUANTITY, Gap, Question, QuotingError, euros

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LineInput:
    """A part with what the quote adds to it; ``number`` counts from 1."""

    part: PartDescription
    number: int
    on: date
    delivery_share: Decimal = Decimal(1)
    price_breaks: tuple[int, ...] = ()
    method_data: tuple[CuttingData, ...] = ()
    manual: ManualLine | None = None
    margin_pct: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PriceBreak:
    """Unit cost and price of another quantity of the line, in the scenario ``kind``."""

    quantity: int
    unit_cost: Decimal
    unit_price: Decimal
    kind: str = "standard"


@dataclass(frozen=True, slots=True)
class LineResult:
    """A computed line. ``options`` are the priced routes, cheapest first; empty = no price yet."""

    part: PartDescription
    material: MaterialMatch
    feasibility: str
    options: tuple[Costed, ...] = ()
    unpriced: Route | None = None
    gaps: tuple[Gap, ...] = ()
    warnings: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    price_breaks: tuple[PriceBreak, ...] = ()
    rejected: dict[str, str] = field(default_factory=dict)
    error: QuotingError | None = None
    safety_pct: float = 0.0

    @property
    def route(self) -> Route | None:
        return self.options[0].route if self.options else self.unpriced

    def to_json(self, price: scenarios.LinePrice | None) -> dict[str, Any]:
        """Published form of the line; ``price`` is that of the standard scenario."""
        return presentation.line_json(self, price)


def compute_line(given: LineInput, shop: Shop, availability: Availability) -> LineResult:
    """Compute one line; every failure ends as its ``error``, never as an exception (QUO-51)."""
    material = identify(given.part.material)
    try:
        return _compute(given, material, shop, availability)
    except QuotingError as error:
        question = Question(error.code, error.field_name, error.message, given.number)
        known = (
            "not_feasible" if error.code in ("no_machine", "machine_limits", "power_exceeded") else "unknown"
        )
        return LineResult(
            given.part,
            material,
            known,
            questions=(*_assumptions(given), question),
            warnings=(error.message,),
            error=error,
        )
    except Exception as error:
        _LOG.exception("quote line %s failed", given.number)
        message = f"Erreur de calcul sur la ligne {given.number} ({type(error).__name__}) : les autres lignes continuent."
        own = QuotingError("calculation_error", message)
        question = Question(own.code, "line", message, given.number)
        return LineResult(
            given.part, material, "unknown", questions=(question,), warnings=(message,), error=own
        )


def _compute(given: LineInput, material: MaterialMatch, shop: Shop, availability: Availability) -> LineResult:
    part = given.part
    _check(part)
    job = Job(part, material, shop, given.on, given.method_data)
    if given.manual is not None:
        search = Search([manual.route(job, given.manual)])
    else:
        _check_computable(part, material)
        search = find_routes(job)
    if not search.routes:
        return _nothing(given, material, search)
    options, missing = _priced(job, search.routes, given.delivery_share)
    best = options[0].route if options else search.routes[0]
    questions = [*_assumptions(given), *_tool_questions(best, given.number)]
    if given.manual is None:
        questions += doubts.questions(job, best, given.number)
    if not options and missing:
        questions.append(Question(missing[0].code, missing[0].field_name, missing[0].message, given.number))
    gaps = (*best.gaps, *_saturated(best, options, shop, availability))
    warnings = [*best.warnings, *part.warnings, *_tolerance_note(part)]
    if missing:
        left_out = "" if not options else "Gamme écartée, coût inconnu : "
        warnings += dict.fromkeys(f"{left_out}{error.message}" for error in missing)
    return LineResult(
        part,
        material,
        _feasibility(best),
        tuple(options),
        None if options else best,
        gaps,
        tuple(dict.fromkeys(warnings)),
        tuple(questions),
        _breaks(given, job, shop),
        search.rejected,
        None,
        shop.settings.times.time_safety_pct,
    )


def _check(part: PartDescription) -> None:
    """QUO-47: dimensions and quantity above zero."""
    sizes = [*(part.size_mm or ()), *(d for _, d in part.turned_profile or ())]
    sizes += [
        v
        for f in part.features
        for v in (f.diameter_mm, f.depth_mm, f.length_mm, f.width_mm)
        if v is not None
    ]
    if any(not v > 0 for v in sizes):
        raise QuotingError("dimension_not_positive", "Les dimensions doivent être positives.", "size_mm")
    if part.parts_per_clamping is not None and part.parts_per_clamping <= 0:
        message = "Le nombre de pièces par bridage doit être positif."
        raise QuotingError("quantity_not_positive", message, "parts_per_clamping")
    if part.quantity <= 0:
        raise QuotingError("quantity_not_positive", "La quantité doit être positive.", "quantity")
    if part.quantity > MAX_QUANTITY:
        message = f"Quantité de {part.quantity} pièces : au plus {MAX_QUANTITY}."
        raise QuotingError("quantity_too_large", message, "quantity")


def _check_computable(part: PartDescription, material: MaterialMatch) -> None:
    if not part.material.strip():
        raise QuotingError(
            "material_missing", "Matière non lue : quelle est la matière de la pièce ?", "material"
        )
    if material.group is None:
        hint = f" Propositions : {', '.join(material.proposals)}." if material.proposals else ""
        message = f"Matière inconnue ou ambiguë : « {part.material} ».{hint}"
        raise QuotingError("material_unknown", message, "material")
    if part.size_mm is None and part.turned_profile is None:
        message = "Encombrement inconnu : quelles sont les dimensions hors tout (mm) ?"
        raise QuotingError("size_missing", message, "size_mm")


def _priced(job: Job, routes: Sequence[Route], share: Decimal) -> tuple[list[Costed], list[QuotingError]]:
    """Routes with their cost, cheapest first, and why the others have none."""
    found, missing = list[Costed](), list[QuotingError]()
    for route in routes:
        try:
            found.append(costing.cost_route(job, route, share))
        except QuotingError as error:
            missing.append(error)
    found.sort(key=lambda c: (c.total, c.route.machining_min(job.part.quantity), c.route.key))
    return found, missing


def _nothing(given: LineInput, material: MaterialMatch, search: Search) -> LineResult:
    reasons = tuple(dict.fromkeys(search.rejected.values()))
    if search.codes == {"cutting_data_missing"}:
        questions = tuple(
            Question("cutting_data_missing", "cutting_data", reason, given.number) for reason in reasons
        )
        return LineResult(
            given.part, material, "unknown", warnings=reasons, questions=questions, rejected=search.rejected
        )
    gap = Gap("machine", "Machine pour la pièce", ("Sous-traitance de la pièce", *reasons), NO_MACHINE)
    return LineResult(
        given.part,
        material,
        "not_feasible",
        gaps=(gap,),
        warnings=(NO_MACHINE, *reasons),
        rejected=search.rejected,
        questions=(
            Question("not_feasible", "machines", f"{NO_MACHINE} Sous-traiter la pièce ?", given.number),
        ),
    )


def _feasibility(route: Route) -> str:
    outside = [p for p in route.phases if p.external and p.operation_type not in ("treatment", "cutting")]
    return "subcontract" if outside else "feasible"


def _assumptions(given: LineInput) -> list[Question]:
    return [Question("assumption", "drawing", text, given.number, False) for text in given.part.assumptions]


def _tolerance_note(part: PartDescription) -> list[str]:
    if part.general_tolerance or any("2768" in w for w in part.warnings):
        return []
    return ["Tolérance générale non lue : ISO 2768-mK supposée."]


def _tool_questions(route: Route, number: int) -> list[Question]:
    asked = {
        c.choice.tool.code: c.choice
        for p in route.phases
        for c in p.cuts
        if c.choice and c.choice.origin == "ask"
    }
    return [
        Question(
            "tool_price",
            "tools",
            f"Prix et délai à confirmer : {choice.tool.name} (estimé {euros(choice.tool.price or 0)}).",
            number,
            False,
        )
        for _, choice in sorted(asked.items())
    ]


def _saturated(route: Route, options: Sequence[Costed], shop: Shop, availability: Availability) -> list[Gap]:
    """Machines whose first free day is far away, with the other routes as alternatives (QUO-37)."""
    limit = availability.today + timedelta(days=shop.settings.scenarios.saturated_after_days)
    gaps = []
    for code in route.machines():
        free = availability.earliest_free.get(code)
        if free is not None and free > limit:
            others = tuple(dict.fromkeys(o.route.key for o in options if code not in o.route.machines()))
            gaps.append(Gap("saturated_machine", code, others[:3], f"Libre à partir du {free:%d/%m/%Y}."))
    return gaps


def _breaks(given: LineInput, job: Job, shop: Shop) -> tuple[PriceBreak, ...]:
    """Unit costs and prices of the optional break quantities in each scenario, each with its own best route."""
    found = list[PriceBreak]()
    margin = shop.settings.costs.margin_pct if given.margin_pct is None else given.margin_pct
    for quantity in given.price_breaks:
        if not 0 < quantity <= MAX_QUANTITY or given.manual is not None:
            continue
        other = replace(job, part=replace(job.part, quantity=quantity))
        options, _ = _priced(other, find_routes(other).routes, given.delivery_share)
        found += breaks_of(tuple(options), quantity, shop, margin)
    return tuple(found)


def breaks_of(options: tuple[Costed, ...], quantity: int, shop: Shop, margin: Decimal) -> list[PriceBreak]:
    """A quantity's prices in the three scenarios."""
    return [
        PriceBreak(quantity, price.unit_cost, price.unit_price, kind)
        for kind, price in scenarios.break_prices(options, quantity, shop, margin)
    ]
