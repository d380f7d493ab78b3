"""Everything around the cutting: sawing, treatment, grinding, deburring, washing, inspection, packaging (QUO-13, QUO-28)."""

from __future__ import annotations

import re

from coordinator.modules.quoting.engine import grinding, times, trades, welds
from coordinator.modules.quoting.engine.blank import Blank
from coordinator.modules.quoting.engine.routes import NO_MACHINE, Job, Phase
from coordinator.modules.quoting.engine.shop import Machine
from coordinator.modules.quoting.engine.values import Gap, QuotingError, Value

_HEAT = re.compile(
    r"tremp|revenu|c[ée]ment|nitrur|recuit|normalis|induction|hrc|hv\b|qt\b|carbonitr|harden|temper|stress|vieilli",
    re.IGNORECASE,
)
NO_SETUP = Value(0.0, "min", "sans réglage", {}, "valeur par défaut")


def treatment_kind(text: str) -> str:
    """Rate kind of a treatment text: ``heat_treatment`` or ``surface_treatment``."""
    return "heat_treatment" if _HEAT.search(text) else "surface_treatment"


def workplace(job: Job, work_center: str, machine_type: str = "other") -> Machine | None:
    """First usable workplace of a work centre."""
    return next(
        (m for m in job.shop.usable() if m.machine_type == machine_type and m.work_center == work_center),
        None,
    )


def before(job: Job, blank: Blank) -> tuple[list[Phase], list[Gap]]:
    """Sawing, if the blank is not fed as a bar. Without a saw the supplier cuts to length."""
    if blank.bar_fed:
        return [], []
    rules = job.shop.settings.times
    group = job.material.group
    if group is None or group.saw_cm2_min is None:
        message = f"Débit à la scie impossible pour le groupe {group.code if group else '?'} : partir d'un brut débité."
        raise QuotingError("cutting_data_missing", message, "saw")
    saws = [m for m in job.shop.usable() if m.machine_type == "saw" and _saw_takes(m, blank)]
    section, cuts = blank.sawn()
    time = times.sawing_min(section, group.saw_cm2_min, rules, cuts)
    if not saws:
        gap = Gap("machine", "Scie", ("Débit par le fournisseur matière", "Passage en barre"), NO_MACHINE)
        phase = Phase("cutting", "Débit par le fournisseur", None, NO_SETUP, external="cutting")
        return [phase], [gap]
    setup = Value(rules.setup_saw_min, "min", "réglage scie", {}, "valeur par défaut")
    return [Phase("cutting", "Débit à la scie", saws[0], setup, manual_run=time)], []


def _saw_takes(saw: Machine, blank: Blank) -> bool:
    limit = saw.max_turning_diameter_mm
    across = blank.section.width_mm if blank.section else blank.size_mm[2]
    return limit is None or across <= limit


def after(job: Job, machining: list[Phase]) -> tuple[list[Phase], list[Gap]]:
    """Deburring, washing, heat treatment, grinding, surface treatment, marking, inspection, packaging, in this order."""
    part, rules = job.part, job.shop.settings.times
    phases, gaps = list[Phase](), list[Gap]()
    other_trades, lacking = _trades(job)
    gaps += lacking
    run = sum(p.run_min for p in machining)
    inputs: dict[str, float | str] = {
        "usinage": run,
        "%": rules.deburring_pct,
        "minimum": rules.deburring_min,
    }
    minutes = max(run * rules.deburring_pct / 100, rules.deburring_min)
    deburr = Value(minutes, "min", "max(10 % du temps d'usinage ; 0,5)", inputs, "valeur par défaut")
    bench = workplace(job, "Établi")
    phases.append(Phase("deburring", "Ébavurage", bench, NO_SETUP, manual_run=deburr))
    if bench is None:
        gaps.append(Gap("machine", "Établi d'ébavurage", ("Sous-traitance",), NO_MACHINE))
    phases += other_trades
    washer = workplace(job, "Lavage")
    if washer is not None:
        wash = _washing(job)
        phases.append(Phase("washing", "Lavage", washer, NO_SETUP, manual_run=wash))
    heat = [t for t in part.treatments if treatment_kind(t) == "heat_treatment"]
    surface = [t for t in part.treatments if treatment_kind(t) == "surface_treatment"]
    phases += [_treatment(t) for t in heat]
    ground, gap = grinding.phases(job, NO_MACHINE)
    phases += ground
    gaps += gap
    phases += [_treatment(t) for t in surface]
    if washer is not None and (ground or heat):
        phases.append(Phase("washing", "Lavage final", washer, NO_SETUP, manual_run=_washing(job)))
    phases += _marking(job)
    phases.append(_inspection(job, gaps))
    packing = workplace(job, "Emballage")
    if packing is None:
        gaps.append(Gap("machine", "Poste d'emballage", ("Emballage sans poste dédié",), NO_MACHINE))
    pack = Value(rules.packaging_per_piece_min, "min", "par pièce", {}, "valeur par défaut")
    batch = rules.packaging_per_delivery_min
    phases.append(
        Phase("packaging", "Emballage et expédition", packing, NO_SETUP, manual_run=pack, per_batch_min=batch)
    )
    return phases, gaps


def _washing(job: Job) -> Value:
    """Small parts are washed by the basket: a share of its cycle and the handling, never more than a single part takes."""
    part, rules = job.part, job.shop.settings.times
    across, length = part.max_diameter_mm, part.length_mm
    x, y, z = part.size_mm or (across, across, length)
    together = max(1, min(part.quantity, int(rules.washing_basket_dm3 * 1e6 // max(x * y * z, 1.0))))
    minutes = min(rules.washing_min, rules.washing_handling_min + rules.washing_load_min / together)
    inputs: dict[str, float | str] = {
        "cycle": rules.washing_load_min,
        "pièces par panier": float(together),
        "manipulation": rules.washing_handling_min,
        "maximum": rules.washing_min,
    }
    return Value(
        minutes, "min", "min(cycle/pièces par panier + manipulation ; maximum)", inputs, "valeur par défaut"
    )


_TRADE_PLACES = {
    "welding": ("welding", ""),
    "cutting": ("other", "Découpe"),
    "bending": ("press", ""),
    "wire_edm": ("edm", ""),
    "moulding": ("other", "Moulage"),
}


def _trades(job: Job) -> tuple[list[Phase], list[Gap]]:
    """Operations of other trades (QUO-42) on the shop's own machines, subcontracted where it has none."""
    found, gaps = list[Phase](), list[Gap]()
    group = job.material.group.code if job.material.group else "P"
    rules = job.shop.settings.trades
    for operation in (*job.part.trade_operations, *welds.operations(job.part.open_welds, rules)):
        time = trades.compute(operation, group, job.shop.settings.trades)
        kind, place = _TRADE_PLACES[operation.trade]
        name = operation.label or trades.LABELS[operation.trade]
        machine = next(iter(job.shop.workplaces(kind, place)), None)
        if machine is None:
            gaps.append(Gap("machine", name, (f"Sous-traitance : {name}",), NO_MACHINE))
            found.append(
                Phase(operation.trade, f"{name} (sous-traité)", None, NO_SETUP, external=operation.trade)
            )
            continue
        found.append(Phase(operation.trade, name, machine, time.setup, manual_run=time.run))
    return found, gaps


def _treatment(text: str) -> Phase:
    return Phase("treatment", f"Traitement : {text}", None, NO_SETUP, external=text)


def _marking(job: Job) -> list[Phase]:
    """Marking where the drawing or the customer asks for it, and always on parts that must be traced one by one."""
    part = job.part
    text = part.marking or ("identification (pièce critique)" if part.is_critical else "")
    if not text:
        return []
    run = Value(job.shop.settings.times.marking_min, "min", "par pièce", {}, "valeur par défaut")
    place = workplace(job, "Marquage") or workplace(job, "Établi")
    label = text if text.casefold().startswith("marqu") else f"Marquage : {text}"
    return [Phase("marking", label, place, NO_SETUP, manual_run=run)]


def _inspection(job: Job, gaps: list[Gap]) -> Phase:
    """0.3 min per checked dimension × sampling: toleranced dimensions and threads, at least three."""
    part, rules = job.part, job.shop.settings.times
    toleranced = sum(d.count for d in part.dimensions if d.it or d.kind == "thread")
    toleranced += sum(f.count for f in part.features if (f.it or f.thread) and not part.dimensions)
    checked = max(toleranced, rules.inspection_min_dimensions)
    all_parts = part.is_critical
    parts = times.inspected_parts(part.quantity, all_parts, rules)
    per_piece = rules.inspection_per_dimension_min * checked * parts / part.quantity
    inputs: dict[str, float | str] = {
        "cotes": float(checked),
        "min/cote": rules.inspection_per_dimension_min,
        "pièces contrôlées": parts,
        "quantité": float(part.quantity),
    }
    value = Value(per_piece, "min", "0,3 × cotes × part contrôlée", inputs, "valeur par défaut")
    place = next((m for m in job.shop.usable() if m.machine_type == "inspection"), None)
    if place is None:
        gaps.append(Gap("machine", "Poste de contrôle", ("Contrôle sous-traité",), NO_MACHINE))
    return Phase("inspection", "Contrôle", place, NO_SETUP, manual_run=value)
