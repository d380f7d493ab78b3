"""Does a part fit the machines of the workshop, and which tools do its features ask for (DRW-29, DRW-30)? Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Result = Literal["unknown", "feasible", "subcontract", "not_feasible"]
INCH_MM = 25.4
SURE_PROCESS = 0.6
"""Processes proposed with less are mentioned, but decide nothing."""
_IT_FACTORS = {5: 7, 6: 10, 7: 16, 8: 25, 9: 40, 10: 64, 11: 100, 12: 160, 13: 250, 14: 400}
_STEPS = (3, 6, 10, 18, 30, 50, 80, 120, 180, 250, 315, 400, 500)
_PRECISION = ("turning", "milling", "grinding", "edm")


@dataclass(frozen=True)
class PartFacts:
    """What a part asks of machines. Lengths mm, mass kg, Ra µm; ``None`` asks nothing."""

    size_mm: tuple[float, ...] = ()
    turned_diameter_mm: float | None = None
    turned_length_mm: float | None = None
    mass_kg: float | None = None
    axis_count: int | None = None
    finest_ra_um: float | None = None
    tightest_grade: int | None = None
    tightest_text: str = ""
    processes: tuple[tuple[str, float], ...] = ()

    @property
    def is_sized(self) -> bool:
        """True when its size can be compared at all."""
        return bool(self.size_mm) or self.turned_diameter_mm is not None


@dataclass(frozen=True)
class MachineFacts:
    """What a machine of the park offers beyond its travels; those are judged by the machines module (``misfits``)."""

    id: int
    code: str
    name: str
    in_service: bool
    misfits: tuple[str, ...] = ()
    max_turning_length_mm: float | None = None
    attainable_grade: int | None = None
    attainable_ra_um: float | None = None


@dataclass
class ProcessFit:
    """One process: the machines that take the part, those that do not and why."""

    process: str
    confidence: float
    is_own_trade: bool
    result: Result = "unknown"
    fitting: list[dict[str, Any]] = field(default_factory=list)
    refusing: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def it_grade(nominal_mm: float, width_mm: float) -> int | None:
    """The tolerance grade (ISO 286-1) a zone asks for: the coarsest that still holds it; 4 stands for 4 and finer.

    Grades follow i = 0.45 D^(1/3) + 0.001 D (µm), D the geometric mean of the step of sizes (mm, up to 500). ``None`` for
    zones coarser than IT 14.
    """
    if width_mm <= 0 or nominal_mm <= 0:
        return None
    high = next((step for step in _STEPS if nominal_mm <= step), _STEPS[-1])
    mean = math.sqrt(high * ([1, *_STEPS][_STEPS.index(high)]))
    unit_um = 0.45 * mean ** (1 / 3) + 0.001 * mean
    held = [grade for grade, factor in _IT_FACTORS.items() if factor * unit_um <= 1000 * width_mm * 1.06]
    if not held:
        return 4
    return max(held) if 1000 * width_mm < 2 * _IT_FACTORS[14] * unit_um else None


def facts_of(description: Mapping[str, Any], mass_kg: float | None) -> PartFacts:
    """What a merged description asks of machines."""
    size = tuple(sorted((float(v) for v in description.get("overall_size_mm") or () if v), reverse=True))
    profile = description.get("turned_profile") or {}
    grade, text = _tightest(description.get("dimensions") or [])
    ra = [
        float(t["value_um"]) for t in description.get("surface_textures") or [] if t.get("parameter") == "Ra"
    ]
    processes = tuple((p["process"], float(p["confidence"])) for p in description.get("processes") or [])
    diameter, length = profile.get("max_diameter_mm"), profile.get("length_mm")
    if diameter is None and any(p == "turning" for p, _ in processes) and len(size) == 3:
        diameter, length = _turned_box(size)
    return PartFacts(
        size, diameter, length, mass_kg, _axes(description.get("access_directions") or []),
        min(ra, default=None), grade, text, processes,
    )  # fmt: skip


def _turned_box(size: tuple[float, ...]) -> tuple[float | None, float | None]:
    """Diameter and length of a turned part from its box: two of its sides are equal."""
    a, b, c = size
    if math.isclose(b, c, rel_tol=0.02):
        return b, a
    return (a, c) if math.isclose(a, b, rel_tol=0.02) else (None, None)


def _tightest(dimensions: Sequence[Mapping[str, Any]]) -> tuple[int | None, str]:
    best: tuple[int, str] | None = None
    for item in dimensions:
        if item.get("reference") or item.get("kind") not in ("linear", "diameter", "depth"):
            continue
        grade = _grade(item)
        if grade is not None and (best is None or grade < best[0]):
            best = grade, str(item.get("text") or "")
    return best or (None, "")


def _grade(item: Mapping[str, Any]) -> int | None:
    nominal = item.get("nominal")
    if item.get("upper") is not None and item.get("lower") is not None and nominal:
        factor = INCH_MM if item.get("unit") == "inch" else 1.0
        return it_grade(float(nominal) * factor, (float(item["upper"]) - float(item["lower"])) * factor)
    grades = [int(g) for g in re.findall(r"\d+", str(item.get("fit") or ""))]
    return min(grades, default=None)


def _axes(directions: Sequence[Sequence[float]]) -> int | None:
    """Three axes where all faces lie square to each other (the part is turned over), five where one is oblique."""
    ways = [tuple(float(v) for v in way) for way in directions]
    if not ways:
        return None
    first = ways[0]
    square = all(min(abs(_dot(first, way)), abs(abs(_dot(first, way)) - 1)) < 0.01 for way in ways)
    return 3 if square else 5


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def fit_process(
    process: str, confidence: float, facts: PartFacts, machines: Sequence[MachineFacts], *, own_trade: bool
) -> ProcessFit:
    """Sort the machines that do a process into those that take the part and those that do not, each with its reasons."""
    fit = ProcessFit(process, confidence, own_trade)
    names = _NAMES.get(process, process)
    is_last = process == "grinding" or not any(
        p == "grinding" and c >= SURE_PROCESS for p, c in facts.processes
    )
    for machine in machines:
        why = _why_not(process, facts, machine, is_last=is_last)
        entry = {"id": machine.id, "code": machine.code, "name": machine.name, "reasons": why}
        (fit.refusing if why else fit.fitting).append(entry)
    if fit.fitting:
        fit.result = "feasible" if facts.is_sized else "unknown"
        if not facts.is_sized:
            fit.reasons = [f"{names} : encombrement inconnu, à vérifier."]
    elif machines:
        fit.result = "subcontract"
        fit.reasons = [f"{names}, {m['name']} : {', '.join(m['reasons'])}." for m in fit.refusing[:4]]
    else:
        fit.result = "subcontract"
        trade = "" if own_trade else " et ce métier n'est pas activé"
        fit.reasons = [f"{names} : aucune machine du parc{trade}, à sous-traiter."]
    return fit


def _why_not(process: str, facts: PartFacts, machine: MachineFacts, *, is_last: bool) -> list[str]:
    why = [_misfit(code, facts) for code in machine.misfits]
    limit = machine.max_turning_length_mm
    if process == "turning" and limit and facts.turned_length_mm and facts.turned_length_mm > limit:
        why.append(
            f"longueur {facts.turned_length_mm:g} mm au-delà de {limit:g} mm entre pointes".replace(".", ",")
        )
    if process in _PRECISION and is_last:
        grade, ra = machine.attainable_grade, machine.attainable_ra_um
        if grade and facts.tightest_grade and facts.tightest_grade < grade:
            why.append(f"IT {facts.tightest_grade} demandé ({facts.tightest_text}), IT {grade} tenu")
        if ra and facts.finest_ra_um and facts.finest_ra_um < ra:
            why.append(f"Ra {facts.finest_ra_um:g} demandé, Ra {ra:g} tenu".replace(".", ","))
    if not machine.in_service:
        why.append("hors service")
    return why


def _misfit(code: str, facts: PartFacts) -> str:
    size = " × ".join(f"{v:g}" for v in facts.size_mm).replace(".", ",")
    diameter = f"{facts.turned_diameter_mm or 0:g}".replace(".", ",")
    mass = f"{facts.mass_kg or 0:g}".replace(".", ",")
    return {
        "travel": f"encombrement {size} mm au-delà des courses",
        "turning_diameter": f"Ø{diameter} mm au-delà du diamètre tournable",
        "load": f"masse {mass} kg au-delà de la charge admise",
        "axes": f"faces obliques : {facts.axis_count} axes demandés",
    }.get(code, code)


def overall(fits: Sequence[ProcessFit], *, is_sized: bool) -> Result:
    """Feasible when every sure process fits, to subcontract when some do, not feasible when none does; else unknown."""
    deciding = [fit.result for fit in fits if fit.confidence >= SURE_PROCESS]
    if not deciding or not is_sized:
        return "unknown"
    if all(result == "feasible" for result in deciding):
        return "feasible"
    return "subcontract" if "feasible" in deciding else "not_feasible"


_NAMES = {
    "turning": "Tournage", "milling": "Fraisage", "drilling": "Perçage", "grinding": "Rectification", "edm": "Électro-érosion",
    "welding": "Soudage", "bending": "Pliage, cintrage", "cutting": "Découpe", "moulding": "Moulage, fonderie", "assembly": "Montage",
}  # fmt: skip


def process_name(process: str) -> str:
    """French name of a process."""
    return _NAMES.get(process, process)
