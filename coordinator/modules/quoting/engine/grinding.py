"""Grinding where the drawing demands it (QUO-13, QUO-16): which surfaces, in which order, how long."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from coordinator.modules.quoting.engine.blank import density
from coordinator.modules.quoting.engine.materials import HARD_FROM_HRC, hardness_hrc
from coordinator.modules.quoting.engine.part import PartDescription
from coordinator.modules.quoting.engine.settings import CuttingSettings
from coordinator.modules.quoting.engine.shop import Machine
from coordinator.modules.quoting.engine.times import loading_min
from coordinator.modules.quoting.engine.values import Gap, Value, size

if TYPE_CHECKING:
    from coordinator.modules.quoting.engine.routes import Job, Phase

SOURCE = "rectification, valeurs usuelles"
NAMES = {"external": "cylindrique extérieure", "internal": "intérieure", "flat": "plane"}


@dataclass(frozen=True, slots=True)
class Ground:
    """One surface to grind: ``kind`` external, internal or flat; Ø (or width of a plane) and length in mm."""

    kind: str
    across_mm: float
    length_mm: float
    count: int = 1


def surfaces(part: PartDescription, rules: CuttingSettings) -> tuple[Ground, ...]:
    """Surfaces to grind (QUO-16: IT ≤ 5, Ra ≤ 0.4 or harder than 60 HRC): those whose own grade asks for it; all toleranced ones where Ra or hardness asks for it."""
    hard = max((hardness_hrc(t) or 0.0 for t in (part.material, *part.treatments)), default=0.0)
    fine = part.smallest_ra_um is not None and part.smallest_ra_um <= rules.grinding_to_ra_um
    everywhere = fine or hard > rules.grinding_from_hrc
    distorts = hardened_after_machining(part)
    limit = rules.finish_after_hardening_to_it if distorts else rules.grinding_to_it
    limit = 9 if everywhere else limit
    bores = [
        f for f in part.features if f.type in ("hole", "bore") and f.it and f.it <= limit and not f.thread
    ]
    found = [
        Ground("internal", f.diameter_mm or 0.0, f.depth_mm or 10.0, f.count) for f in bores if f.diameter_mm
    ]
    inside = {f.diameter_mm for f in bores}
    if part.is_turned:
        wanted = sorted(
            {d.nominal for d in part.dimensions if d.kind == "diameter" and d.it and d.it <= limit} - inside
        )
        for diameter in wanted:
            length = _length_at(part, diameter)
            if length:
                found.append(Ground("external", diameter, length))
        if not found and (everywhere or _tight(part, rules)):
            found.append(Ground("external", part.max_diameter_mm, part.length_mm))
    elif everywhere or (not found and (_tight(part, rules) or (distorts and _flat_grade(part) <= limit))):
        length, width, _ = sorted(part.size_mm or (10.0, 10.0, 10.0), reverse=True)
        found.append(Ground("flat", width, length, 2))
    return tuple(found)


_HARDENING = re.compile(
    r"tremp|c[ée]ment|carbur|carbonitr|induction|hardening|quench|gehärtet|härten", re.IGNORECASE
)


def hardened_after_machining(part: PartDescription) -> bool:
    """A hardening of the finished part moves its sizes: what is toleranced is brought to size afterwards."""
    for text in part.treatments:
        hard = hardness_hrc(text)
        if hard >= HARD_FROM_HRC if hard is not None else _HARDENING.search(text):
            return True
    return False


def _flat_grade(part: PartDescription) -> int:
    """Finest grade of a thickness, length or width of the whole part."""
    sizes = part.size_mm or ()
    grades = [
        d.it
        for d in part.dimensions
        if d.it and d.kind == "linear" and any(abs(d.nominal - s) < 0.05 for s in sizes)
    ]
    return min(grades, default=99)


def _tight(part: PartDescription, rules: CuttingSettings) -> bool:
    it = part.tightest_it()
    return it is not None and it <= rules.grinding_to_it


def _length_at(part: PartDescription, diameter: float) -> float:
    points = part.turned_profile or ((0.0, part.max_diameter_mm), (part.length_mm, part.max_diameter_mm))
    return sum(
        z1 - z0
        for (z0, d0), (z1, d1) in pairwise(points)
        if abs(d0 - diameter) < 0.05 and abs(d1 - diameter) < 0.05 and z1 > z0
    )


def run_time(ground: Ground, rules: CuttingSettings) -> Value:
    """Traverse passes: i·(L + B)/(n·0.5·B) around a cylinder, strips of 0.5·B at table speed on a plane (handbook values)."""
    wheel = rules.grinding_wheel_width_mm
    passes = (
        math.ceil(rules.grinding_allowance_mm / rules.grinding_infeed_mm) + rules.grinding_spark_out_passes
    )
    inputs: dict[str, float | str] = {"passes": float(passes), "L": ground.length_mm, "B": wheel}
    if ground.kind == "flat":
        strips = max(1, math.ceil(ground.across_mm / (0.5 * wheel)))
        speed = 1000 * rules.grinding_work_speed_m_min
        time = ground.count * passes * strips * (ground.length_mm + wheel) / speed
        inputs |= {"bandes": float(strips), "vitesse table mm/min": speed, "faces": float(ground.count)}
        return Value(time, "min", "t = faces·i·bandes·(L + B)/Vt", inputs, SOURCE)
    if ground.kind == "internal":
        wheel = min(wheel, 0.7 * ground.across_mm)
        inputs["B"] = wheel
    n = 1000 * rules.grinding_work_speed_m_min / (math.pi * ground.across_mm)
    time = ground.count * passes * (ground.length_mm + wheel) / (n * 0.5 * wheel)
    inputs |= {"n pièce": n, "nombre": float(ground.count)}
    return Value(time, "min", "t = nombre·i·(L + B)/(n·0,5·B)", inputs, SOURCE)


def phases(job: Job, no_machine: str) -> tuple[list[Phase], list[Gap]]:
    """One phase per kind of grinding on the shop's grinder, else subcontracted with the gap named."""
    from coordinator.modules.quoting.engine.routes import Phase

    rules = job.shop.settings
    found: list[Phase] = []
    grounds = surfaces(job.part, rules.cutting)
    grinder = next((m for m in job.shop.usable() if m.machine_type == "grinder"), None)
    if grounds and grinder is None:
        gap = Gap("machine", "Rectifieuse", ("Sous-traitance de la rectification",), no_machine)
        own = [_phase(job, None, kind, [g for g in grounds if g.kind == kind]) for kind in _kinds(grounds)]
        minutes = sum(p.run_min + p.loading_min for p in own)
        total = Value(minutes, "min", "somme des surfaces, serrages compris", {}, SOURCE)
        setup = Value(
            sum(p.setup.value for p in own), "min", "réglage par genre de rectification", {}, SOURCE
        )
        outside = Phase(
            "grinding", "Rectification (sous-traitée)", None, setup, manual_run=total, external="grinding"
        )
        return [outside], [gap]
    for kind in _kinds(grounds):
        found.append(_phase(job, grinder, kind, [g for g in grounds if g.kind == kind]))
    return found, []


def _kinds(grounds: tuple[Ground, ...]) -> list[str]:
    return list(dict.fromkeys(g.kind for g in grounds))


def _phase(job: Job, grinder: Machine | None, kind: str, own: list[Ground]) -> Phase:
    from coordinator.modules.quoting.engine.routes import Phase

    rules = job.shop.settings
    times = [run_time(g, rules.cutting) for g in own]
    safety = rules.times.time_safety_pct
    rapid = rules.times.rapid_per_feature_min * sum(g.count for g in own)
    total = (sum(t.value for t in times) + rapid) * (1 + safety / 100)
    inputs: dict[str, float | str] = {"rapides": rapid, "sécurité %": safety}
    for g, t in zip(own, times, strict=True):
        inputs[f"{size(g.across_mm)} × {size(g.length_mm)}"] = t.value
    value = Value(total, "min", f"({times[0].formula} + rapides) × (1 + sécurité)", inputs, SOURCE)
    setup = Value(rules.times.setup_turning_min, "min", "réglage rectifieuse", {}, "valeur par défaut")
    sizes = ", ".join(
        f"{'' if g.kind == 'flat' else 'Ø'}{size(g.across_mm)} × {size(g.length_mm)}" for g in own
    )
    loading = loading_min(_mass_kg(job), rules.times)
    label = f"Rectification {NAMES[kind]} {sizes}"
    return Phase("grinding", label, grinder, setup, loading, manual_run=value)


def _mass_kg(job: Job) -> float:
    """Mass of the part as far as its size is known, for the time it takes to clamp it."""
    part = job.part
    x, y, z = part.size_mm or (part.max_diameter_mm, part.max_diameter_mm, part.length_mm)
    volume = part.volume_mm3 if part.volume_mm3 is not None else x * y * z
    return volume / 1e6 * density(job.material, job.shop).value
