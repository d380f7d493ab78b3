"""Candidate ways to make a part: blank, machines, set-ups, resolved operations (QUO-09, QUO-14, QUO-15)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

from coordinator.modules.quoting.engine import bars, grinding, remarks, setups, times, workholding
from coordinator.modules.quoting.engine import blank as raw
from coordinator.modules.quoting.engine.cutting import Context, Cut
from coordinator.modules.quoting.engine.holes import Centre, Hole
from coordinator.modules.quoting.engine.learning import accepted
from coordinator.modules.quoting.engine.materials import MaterialMatch
from coordinator.modules.quoting.engine.part import PartDescription
from coordinator.modules.quoting.engine.process import (
    BarStock,
    Step,
    TurningWorks,
    milled_works,
    turning_works,
)
from coordinator.modules.quoting.engine.sequence import milling_order, resolve, turning_order
from coordinator.modules.quoting.engine.settings import BlankSettings, TimeSettings
from coordinator.modules.quoting.engine.shop import CuttingData, Machine, Shop
from coordinator.modules.quoting.engine.turning import Parting
from coordinator.modules.quoting.engine.values import Gap, QuotingError, Value, size

NO_MACHINE = "Aucune machine disponible pour cette opération."
_MAX_PAIRS = 12
_OF_THE_LINE = (
    "rate_missing", "material_unknown", "size_missing", "trade_inactive", "trade_unknown", "value_missing", "dimension_not_positive",
    "blank_shape",
)  # fmt: skip
"""Refusals that no other machine would lift: they are told as they are, not as a missing machine."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Work at one place in one clamping. ``runs`` are per piece and parallel to ``cuts``; ``external`` = done outside.

    ``loading_min`` is the loading not hidden, of which ``handling_min`` by the machine itself (bar feed, counter-spindle).
    """

    operation_type: str
    label: str
    machine: Machine | None
    setup: Value
    loading_min: float = 0.0
    cuts: tuple[Cut, ...] = ()
    runs: tuple[times.RunTime, ...] = ()
    manual_run: Value | None = None
    per_batch_min: float = 0.0
    external: str = ""
    workholding: str = ""
    handling_min: float = 0.0
    parts: int = 1
    loading: Value | None = None

    @property
    def run_min(self) -> float:
        """Run time per piece."""
        if self.manual_run is not None:
            return self.manual_run.value
        return sum(r.run_min for r in self.runs)

    def total_min(self, quantity: int) -> float:
        """QUO-29: set-up + quantity × (run + loading not hidden) + what comes once per batch."""
        return self.setup.value + quantity * (self.run_min + self.loading_min) + self.per_batch_min


@dataclass(frozen=True, slots=True)
class Route:
    """One complete way to make the part."""

    key: str
    blank: raw.Blank
    phases: tuple[Phase, ...]
    warnings: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def machining_min(self, quantity: int) -> float:
        """Minutes on machines for the batch, set-up included."""
        return sum(p.total_min(quantity) for p in self.phases if p.cuts)

    def machines(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(p.machine.code for p in self.phases if p.machine and p.cuts))


@dataclass(slots=True)
class Search:
    """All routes found and why other machines were left out."""

    routes: list[Route] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    codes: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Job:
    """What stays the same over all routes of a line."""

    part: PartDescription
    material: MaterialMatch
    shop: Shop
    on: date
    method_data: tuple[CuttingData, ...] = ()

    def context(self, machine: Machine) -> Context:
        """Cutting context on a machine; its hourly rate only helps to choose between tools to buy."""
        rate = self.shop.rate_card.find(
            "machine_hour",
            self.on,
            machine=machine.code,
            work_center=machine.work_center,
            machine_type=machine.machine_type,
        )
        group = self.material.group
        if group is None:
            raise QuotingError(
                "material_unknown", f"Matière inconnue : « {self.part.material} ».", "material"
            )
        return Context(
            group,
            self.material.name,
            machine,
            self.shop,
            self.part.quantity,
            float(rate.rate) if rate else 60.0,
            bool(self.material.grade and self.material.grade.is_cast_aluminium),
            self.method_data,
        )


def find_routes(job: Job) -> Search:
    """All feasible routes, each resolved to operations; reasons for the machines that cannot."""
    search = Search()
    if job.part.form == "trades":
        search.routes.append(_trade_route(job))
    elif job.part.is_turned:
        for machine in (m for m in job.shop.usable() if m.can_turn):
            for wish in bars.turned_wishes(job.part, job.material, job.shop):
                for bar_fed in (False, True):
                    name = f"{machine.code}{_kind_name(wish)}{' barre' if bar_fed else ''}"
                    _try(search, name, partial(_turned_routes, job, machine, wish, bar_fed))
        _mention(search, "turning", (m for m in job.shop.usable() if m.can_turn))
    else:
        mills = _millers(job.shop)
        for machine in mills:
            _try(search, machine.code, partial(_prismatic_routes, job, machine))
        pairs = [(a, b) for a in mills for b in mills if a.code != b.code]
        for first, second in pairs[:_MAX_PAIRS]:
            _try(search, first.code, partial(_shared_routes, job, first, second))
        _mention(search, "milling", _millers(job.shop))
    return search


def _trade_route(job: Job) -> Route:
    """A part made by other trades alone (sheet metal, welded, moulded): no machining, sheet with its own surface."""
    blank = bars.prismatic_blank(replace(job.part, keep_stock_surface=True), job.material, job.shop, job.on)
    return _complete(job, "autres métiers", blank, [], ())


def _kind_name(wish: bars.Wish) -> str:
    names = {"hex": " six pans", "square": " carré", "tube": " tube", "drawn_tube": " tube brut"}
    return names.get(wish.kind, "")


def _try(search: Search, name: str, build: Callable[[], list[Route]]) -> None:
    try:
        search.routes += build()
    except QuotingError as error:
        search.rejected.setdefault(name, error.message)
        search.codes.add(error.code)
        if error.code in _OF_THE_LINE:
            raise


def _mention(search: Search, kind: str, machines: Iterable[Machine]) -> None:
    if not list(machines):
        name = "tournage" if kind == "turning" else "fraisage"
        search.rejected[kind] = f"{NO_MACHINE} ({name})"


def _millers(shop: Shop) -> list[Machine]:
    return [m for m in shop.usable() if m.machine_type in ("mill", "machining_centre")]


def _reject(reason: str | None) -> None:
    if reason:
        raise QuotingError("machine_limits", reason, "machine")


def _turned_routes(job: Job, machine: Machine, wish: bars.Wish, bar_fed: bool) -> list[Route]:
    part, rules = job.part, job.shop.settings
    if bar_fed and not _bar_possible(job, machine):
        return []
    blank = bars.turned_blank(part, job.material, job.shop, job.on, wish, bar_fed=bar_fed)
    if bar_fed and blank.diameter_mm > (machine.bar_capacity_mm or 0):
        _reject(
            f"{machine.code} en barre : Ø{size(blank.diameter_mm)} dépasse le passage de broche "
            f"{size(machine.bar_capacity_mm or 0)} mm."
        )
    _reject(setups.limits(machine, part, blank, _grinding_floor(job), job.shop.settings.cutting))
    held = workholding.support(part, machine, rules.cutting)
    _reject(held.missing or None)
    works = turning_works(part, _stock_of(blank, wish, rules.blank), rules.cutting)
    first, second = list(works.first), list(works.second)
    between = any(g.kind == "external" for g in grinding.surfaces(part, rules.cutting))
    between = between and workholding.slenderness(part) > rules.cutting.grind_between_centres_from_ratio
    for side in (first, second) if held.centre or between else ():
        if not any(isinstance(s, Hole) and s.on_axis for s in (*side, *(first if side is second else ()))):
            side.append(Centre(part.max_diameter_mm))
    live = machine.has_driven_tools
    if live:
        for work in works.secondary:
            from_back = any(_dot(d, works.first_direction) < -0.9 for d in work.directions)
            from_front = (
                any(_dot(d, works.first_direction) > -0.1 for d in work.directions) or not work.directions
            )
            (second if from_back and not from_front else first).append(work.step)
    if bar_fed:
        first.append(Parting(blank.diameter_mm, _through_bore(first)))
    grips = (
        workholding.turning_first(blank, bar_fed, held),
        workholding.turning_second(part, machine),
    )
    clampings = [("Tournage 1er côté", [first], grips[0]), ("Tournage 2e côté", [second], grips[1])]
    if machine.has_sub_spindle:
        clampings = [("Tournage-fraisage, broche et contre-broche", [first, second], " ; ".join(grips))]
    known: set[str] = set()
    turned: list[Phase] = []
    for index, (label, steps, grip) in enumerate(clampings):
        mass = 0.0 if bar_fed and index == 0 else blank.mass_kg
        phase = _machining(job, machine, label, steps, "turning", known=known, mass_kg=mass, grip=grip)
        fed = blank.per_bar if bar_fed and index == 0 else 0
        turned.append(_handled(phase, rules.times, per_bar=fed, transfer=len(steps) > 1))
    warnings = works.warnings + ((f"{held.text} ({machine.code}).",) if held.text else ())
    warnings += blank.notes + remarks.tube_hint(job, wish, blank)
    key = f"{machine.code}{_kind_name(wish)}{' barre' if bar_fed else ' débité'}"
    if live or not works.secondary:
        return [_complete(job, key, blank, turned, warnings)]
    return _with_milling(job, key, blank, turned, works, warnings=warnings)


def _stock_of(blank: raw.Blank, wish: bars.Wish, rules: BlankSettings) -> BarStock:
    """What a bar leaves to the lathe."""
    return BarStock(
        blank.diameter_mm,
        rules.facing_allowance_mm / 2,
        blank.section.inner_mm if blank.section else 0.0,
        wish.is_as_stock,
        wish.kind == "drawn_tube",
        wish.kind in ("hex", "square"),
    )


def _handled(phase: Phase, rules: TimeSettings, *, per_bar: int, transfer: bool) -> Phase:
    """Add what the machine handles itself (bar pushed forward, piece taken over by the counter-spindle) and the new bar
    that somebody puts in after ``per_bar`` pieces; 0 = not bar-fed."""
    own = rules.bar_feed_min * bool(per_bar) + rules.sub_spindle_transfer_min * transfer
    change = rules.bar_change_min / per_bar if per_bar else 0.0
    if not own and not change:
        return phase
    inputs: dict[str, float | str] = {"chargement": phase.loading_min}
    text = "chargement"
    if per_bar:
        inputs |= {
            "avance barre": rules.bar_feed_min,
            "changement de barre": rules.bar_change_min,
            "pièces par barre": float(per_bar),
        }
        text += " + avance barre + changement de barre/pièces par barre"
    if transfer:
        inputs["prise en contre-broche"] = rules.sub_spindle_transfer_min
        text += " + prise en contre-broche"
    total = phase.loading_min + own + change
    told = Value(total, "min", text, inputs, "valeur par défaut")
    return replace(phase, loading_min=total, handling_min=own, loading=told)


def _with_milling(
    job: Job,
    key: str,
    blank: raw.Blank,
    turned: list[Phase],
    works: TurningWorks,
    *,
    warnings: tuple[str, ...],
) -> list[Route]:
    """The second operation of a turned part, on each mill that can do it."""
    routes, reasons = [], []
    for mill in _millers(job.shop):
        reason = setups.limits(mill, job.part, blank, _grinding_floor(job), job.shop.settings.cutting)
        if reason:
            reasons.append(reason)
            continue
        try:
            phases = _milling_phases(
                job,
                mill,
                setups.secondary_setups(works.secondary, mill.axis_count, job.part.turning_axis),
                blank,
            )
        except QuotingError as error:
            reasons.append(error.message)
            continue
        routes.append(_complete(job, f"{key} + {mill.code}", blank, [*turned, *phases], warnings))
    if not routes:
        raise QuotingError(
            "no_machine", f"Reprise en fraisage : {NO_MACHINE} {' '.join(reasons)}".strip(), "machines"
        )
    return routes


def _prismatic_routes(job: Job, machine: Machine) -> list[Route]:
    part, rules = job.part, job.shop.settings.cutting
    blank = bars.prismatic_blank(part, job.material, job.shop, job.on)
    _reject(setups.limits(machine, part, blank, _grinding_floor(job), job.shop.settings.cutting))
    works, warnings = milled_works(_without_profile(part, blank), rules)
    plans = setups.prismatic_setups(part, works, blank, machine.axis_count, rules)
    phases = _milling_phases(job, machine, plans, blank)
    return [_complete(job, machine.code, blank, phases, (*warnings, *blank.notes))]


def _without_profile(part: PartDescription, blank: raw.Blank) -> PartDescription:
    """A piece of hollow profile has its opening already; its volume is the section's."""
    if blank.shape != "profile" or part.size_mm is None:
        return part
    along = max(range(3), key=lambda i: part.size_mm[i] if part.size_mm else 0.0)
    kept = tuple(
        f for f in part.features if f.type != "pocket" or not f.through or abs(f.axis[along]) < 0.999
    )
    return replace(part, features=kept, volume_mm3=None)


def _shared_routes(job: Job, first: Machine, second: Machine) -> list[Route]:
    """Main side on one mill, the others on another: a block need not stay on one machine (QUO-14)."""
    part, rules = job.part, job.shop.settings.cutting
    blank = bars.prismatic_blank(part, job.material, job.shop, job.on)
    for machine in (first, second):
        _reject(setups.limits(machine, part, blank, _grinding_floor(job), job.shop.settings.cutting))
    works, warnings = milled_works(_without_profile(part, blank), rules)
    plans = setups.prismatic_setups(part, works, blank, first.axis_count, rules)
    if len(plans) < 2:
        return []
    rest = setups.regrouped(plans[1:], second.axis_count)
    phases = [
        *_milling_phases(job, first, plans[:1], blank),
        *_milling_phases(job, second, rest, blank, 1),
    ]
    return [_complete(job, f"{first.code} + {second.code}", blank, phases, (*warnings, *blank.notes))]


def _milling_phases(
    job: Job, machine: Machine, plans: Sequence[setups.SetupPlan], blank: raw.Blank, start: int = 0
) -> list[Phase]:
    five = machine.axis_count >= 5
    kind = "5_axis" if five else "3_axis"

    def phases(parts: int) -> list[Phase]:
        known: set[str] = set()
        return [
            _machining(
                job,
                machine,
                f"Fraisage : {plan.label}",
                [plan.steps],
                kind,
                known=known,
                mass_kg=blank.mass_kg,
                grip=workholding.milling(start + index, job.part, machine.axis_count, blank.mass_kg),
                parts=parts,
            )
            for index, plan in enumerate(plans)
            if plan.steps
        ]

    quantity = job.part.quantity
    room = workholding.places(job.part, blank, machine, job.shop.settings)
    if job.part.parts_per_clamping:
        return phases(min(job.part.parts_per_clamping, quantity, room.by_travel))
    return min(
        (phases(n) for n in range(1, min(room.chosen_from, quantity) + 1)),
        key=lambda found: (
            round(sum(p.total_min(quantity) for p in found), 6),
            found[0].parts if found else 1,
        ),
    )


def _machining(
    job: Job,
    machine: Machine,
    label: str,
    sides: Sequence[Sequence[Step]],
    kind: str,
    *,
    known: set[str],
    mass_kg: float,
    grip: str,
    parts: int = 1,
) -> Phase:
    """Resolve the steps on the machine: tools, conditions, times, set-up; check the tool places."""
    ctx = job.context(machine)
    rules = job.shop.settings.times
    if kind == "turning":
        cuts = [
            replace(c, feature=f"{index} {c.feature}")
            for index, side in enumerate(sides)
            for c in turning_order(side, ctx)
        ]
    else:
        cuts = [c for side in sides for c in milling_order(resolve(side, ctx))]
    tools = {c.choice.tool.code for c in cuts if c.choice}
    if machine.magazine_places and len(tools) > machine.magazine_places:
        message = f"{machine.code} : {len(tools)} outils pour {machine.magazine_places} places."
        raise QuotingError("machine_limits", message, "machine.magazine_places")
    setup = times.setup_min(kind, machine, cuts, known, rules, parts)
    known |= tools
    together = times.Together(parts, job.part.quantity)
    loading = times.loading_value(mass_kg, together, rules)
    operation = "turning" if kind == "turning" else "milling"
    group = job.material.group.code if job.material.group else ""
    learned = partial(_learned, job, machine.code, group)
    runs = tuple(
        times.run_times(
            cuts, machine, rules, learned, together, job.part.max_diameter_mm if job.part.is_turned else 0.0
        )
    )
    if parts > 1:
        grip = f"{parts} pièces par bridage : {grip}"
    return Phase(
        operation, label, machine, setup, loading.value, tuple(cuts), runs, workholding=grip, parts=parts, loading=loading
    )  # fmt: skip


def _learned(job: Job, machine: str, group: str, process: str) -> float:
    return accepted(job.shop.learned, machine, process, group)


def _complete(
    job: Job, key: str, blank: raw.Blank, machining: list[Phase], warnings: tuple[str, ...]
) -> Route:
    """Add sawing before and finishing work after (see :mod:`other_operations`)."""
    from coordinator.modules.quoting.engine import other_operations as other

    before, gaps = other.before(job, blank) if machining or blank.is_as_stock else ([], [])
    after, more = other.after(job, machining)
    phases = (*before, *machining, *after)
    warnings += remarks.unknown_drives(machining) + remarks.fewer_places(job, machining)
    tool_gaps = {
        c.choice.gap.what: c.choice.gap for p in machining for c in p.cuts if c.choice and c.choice.gap
    }
    own = tuple(w for p in machining for c in p.cuts for w in c.warnings)
    found = (*gaps, *more, *tool_gaps.values(), *((blank.gap,) if blank.gap else ()))
    return Route(key, blank, phases, tuple(dict.fromkeys((*warnings, *own))), found)


def _through_bore(steps: Sequence[Step]) -> float:
    """Diameter already bored through, which the parting tool need not cut."""
    return max((s.diameter_mm for s in steps if isinstance(s, Hole) and s.on_axis and s.through), default=0.0)


def _bar_possible(job: Job, machine: Machine) -> bool:
    """Short parts from the bar; long ones too where a counter-spindle holds the end."""
    rules = job.shop.settings.cutting
    longest = rules.steady_rest_from_ratio if machine.has_sub_spindle else rules.bar_fed_max_length_ratio
    return bool(machine.bar_capacity_mm) and workholding.slenderness(job.part) <= longest


def _grinding_floor(job: Job) -> int:
    """Grades at or below this are left to grinding, so the machine need not hold them."""
    return job.shop.settings.cutting.grinding_to_it + 1


def _dot(a: tuple[float, float, float], b: tuple[float, float, float]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
