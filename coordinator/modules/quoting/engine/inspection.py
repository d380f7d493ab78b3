"""Inspection sheet of a part (QUO-40, QHS-25 to QHS-30): what is measured, its limits, with what, on how many parts. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from coordinator.modules.quoting.engine import threads
from coordinator.modules.quoting.engine import tolerances as iso
from coordinator.modules.quoting.engine.fits import deviations_mm
from coordinator.modules.quoting.engine.part import CRITICAL, Feature
from coordinator.modules.quoting.engine.values import number, size

_INCH_MM = 25.4
_KEY_IT = 7
_FEW_PARTS = 3

NAMES = {
    "diameter": "Diamètre",
    "linear": "Longueur",
    "radius": "Rayon",
    "angle": "Angle",
    "thread": "Filetage",
    "chamfer": "Chanfrein",
    "roughness": "État de surface",
    "geometric": "Tolérance géométrique",
    "hardness": "Dureté",
    "visual": "Aspect",
}
_GEOMETRIC = {
    "flatness": ("Planéité", "marbre et comparateur au 1/1000"),
    "straightness": ("Rectitude", "règle de contrôle et comparateur"),
    "circularity": ("Circularité", "vés et comparateur au 1/1000, ou machine de forme"),
    "cylindricity": ("Cylindricité", "machine de forme, ou vés et comparateur au 1/1000"),
    "parallelism": ("Parallélisme", "marbre et comparateur au 1/1000"),
    "perpendicularity": ("Perpendicularité", "équerre de contrôle, marbre et comparateur"),
    "angularity": ("Inclinaison", "table sinus et comparateur"),
    "position": ("Localisation", "machine à mesurer tridimensionnelle"),
    "concentricity": ("Concentricité", "entre-pointes et comparateur au 1/1000"),
    "coaxiality": ("Coaxialité", "entre-pointes et comparateur au 1/1000"),
    "symmetry": ("Symétrie", "machine à mesurer tridimensionnelle"),
    "runout": ("Battement circulaire", "entre-pointes et comparateur au 1/1000"),
    "circular_runout": ("Battement circulaire", "entre-pointes et comparateur au 1/1000"),
    "total_runout": ("Battement total", "entre-pointes et comparateur au 1/1000"),
    "profile_line": ("Profil d'une ligne", "machine à mesurer tridimensionnelle"),
    "profile_surface": ("Profil d'une surface", "machine à mesurer tridimensionnelle"),
}
_OUTER_THREAD = re.compile(r"\d\s?(?:[a-h]|A)\b|^(?:\d+\s?[x×X]\s?)?G\s?\d.*\s[AB]\b")
"""Tolerance of an external thread: ISO 965 in small letters, unified classes 1A to 3A, ISO 228 classes A and B."""
_MMT = "machine à mesurer tridimensionnelle"


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One row of the sheet; limits in mm (° for angles, µm for roughness). ``instrument`` is a proposal to be confirmed."""

    no: int
    kind: str
    requirement: str
    nominal: float | None = None
    lower: float | None = None
    upper: float | None = None
    count: int = 1
    is_inside: bool = False
    is_key: bool = False
    from_general: bool = False
    instrument: str = ""
    name: str = ""

    @property
    def width(self) -> float | None:
        """Width of the tolerance."""
        return None if self.lower is None or self.upper is None else self.upper - self.lower


@dataclass(frozen=True, slots=True)
class InspectionSheet:
    """All that is checked on a part. ``warnings`` ask for a person before the sheet is used."""

    characteristics: tuple[Characteristic, ...]
    sampling: str
    parts_checked: int
    warnings: tuple[str, ...] = ()


def sheet(
    entries: Sequence[Mapping[str, Any]],
    *,
    quantity: int,
    criticality: str = "standard",
    general_tolerance: str = "",
    treatments: Sequence[str] = (),
    incomplete: Sequence[str] = (),
    features: Sequence[Feature] = (),
) -> InspectionSheet:
    """Sheet out of the characteristics of a drawing (see :func:`entries_of`): toleranced ones, threads, geometry, surfaces.

    A part whose drawing tolerances too little gets its largest sizes at the general tolerance, and says so.
    """
    found, warnings = list[Characteristic](), list[str](incomplete)
    for entry in entries:
        item = _characteristic(entry)
        if item is not None and _belongs(entry, item, criticality):
            found.append(_sided(item, str(entry.get("fit") or ""), features))
    last = max((c.no for c in found), default=0)
    for index, item in enumerate(found):
        if not item.no:
            last += 1
            found[index] = replace(item, no=last)
    missing = [c for c in found if c.lower is None and c.kind in ("diameter", "linear", "geometric")]
    warnings += [f"Repère {c.no} : limites de « {c.requirement} » à lire sur le plan." for c in missing]
    if not any(c.lower is not None for c in found):
        found += _overall(entries, general_tolerance, len(found))
        warnings.append(
            "Aucune cote tolérancée lue : cotes principales à la tolérance générale, à vérifier sur le plan."
        )
    found += _closing(found, treatments)
    found.sort(key=lambda c: c.no)
    rule, parts = sampling(quantity, criticality)
    done = tuple(replace(c, instrument=c.instrument or instrument(c)) for c in found)
    return InspectionSheet(done, rule, parts, tuple(dict.fromkeys(warnings)))


def sampling(quantity: int, criticality: str) -> tuple[str, int]:
    """Parts to measure (QHS-27): critical all; sensitive first, last and 1 in 5; standard first, last and 1 in 10; ≤ 3 all."""
    if criticality in CRITICAL or quantity <= _FEW_PARTS:
        return "toutes les pièces", quantity
    every = 5 if criticality == "sensitive" else 10
    parts = len({0, quantity - 1, *range(0, quantity, every)})
    return f"première, dernière et 1 pièce sur {every}", parts


def entries_of(reading: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Characteristics of a drawing reading in its own order: dimensions, frames, surface textures."""
    found: list[dict[str, Any]] = []
    for d in reading.get("dimensions") or []:
        if d.get("nominal") is None or d.get("reference"):
            continue
        low, high = d.get("lower"), d.get("upper")
        is_written = low is not None or high is not None
        nominal = float(d["nominal"])
        found.append(
            {
                "kind": f"dimension.{d.get('kind') or 'linear'}",
                "requirement": d.get("thread") or d.get("text") or size(nominal),
                "nominal": nominal,
                "lower_limit": nominal + float(low or 0) if is_written else None,
                "upper_limit": nominal + float(high or 0) if is_written else None,
                "fit": d.get("fit"),
                "count": d.get("count"),
                "unit": d.get("unit"),
                "basic": d.get("basic"),
            }
        )
    for g in reading.get("geometric_tolerances") or []:
        found.append(
            {
                "kind": "geometric_tolerance",
                "requirement": g.get("text") or "",
                "nominal": g.get("value"),
                "characteristic": g.get("characteristic"),
                "datums": g.get("datums"),
                "unit": g.get("unit"),
            }
        )
    for t in reading.get("surface_textures") or []:
        text = t.get("text") or f"{t.get('parameter') or 'Ra'} {number(float(t.get('value_um') or 0))}"
        found.append({"kind": "surface_texture", "requirement": text, "nominal": t.get("value_um")})
    return [e for e in found if not e.get("basic")]


def _characteristic(entry: Mapping[str, Any]) -> Characteristic | None:
    kind = str(entry.get("kind") or "").removeprefix("dimension.")
    scale = _INCH_MM if entry.get("unit") in ("in", "inch") and kind != "angle" else 1.0

    def value(name: str) -> float | None:
        found = entry.get(name)
        return None if found is None else round(float(found) * scale, 4)

    no, text = int(entry.get("balloon_no") or 0), " ".join(str(entry.get("requirement") or "").split())
    nominal, count = value("nominal"), int(entry.get("count") or 1)
    if kind == "geometric_tolerance":
        name, means = _GEOMETRIC.get(str(entry.get("characteristic")), ("Tolérance géométrique", _MMT))
        datums = [str(d) for d in entry.get("datums") or []]
        told = name if nominal is None else f"{name} {size(nominal)}"
        told += f" / {'-'.join(datums)}" if datums else ""
        lowest = None if nominal is None else 0.0
        return Characteristic(
            no, "geometric", told, None, lowest, nominal, count, is_key=True, instrument=means, name=name
        )
    if kind == "surface_texture":
        return Characteristic(no, "roughness", text, None, None, nominal, count)
    if nominal is None:
        return None
    if kind == "thread":
        return Characteristic(no, kind, text, nominal, count=count, is_inside=not _OUTER_THREAD.search(text))
    lower, upper, fit = value("lower_limit"), value("upper_limit"), str(entry.get("fit") or "")
    inside = kind == "diameter" and fit[:1].isupper()
    known = deviations_mm(nominal, fit) if fit and lower is None else None
    if known is not None:
        lower, upper = round(nominal + known[0], 4), round(nominal + known[1], 4)
    key = bool(entry.get("is_critical"))
    if lower is not None and upper is not None and kind != "angle" and upper > lower:
        key = key or iso.it_from_width(nominal, upper - lower) <= _KEY_IT
    return Characteristic(no, kind, text or size(nominal), nominal, lower, upper, count, inside, key)


def _sided(item: Characteristic, fit: str, features: Sequence[Feature]) -> Characteristic:
    """Inside or outside as the model has it: bores by their diameters (a small-letter fit is a shaft's), external threads by
    their size."""
    if item.kind == "thread":
        size_of = threads.size_of(item.requirement)
        outer = [threads.size_of(f.thread or "") for f in features if f.type == "thread"]
        return replace(item, is_inside=item.is_inside and (size_of is None or size_of not in outer))
    if item.kind != "diameter" or item.nominal is None or fit[:1].islower():
        return item
    nominal = item.nominal
    bores = [
        d
        for f in features
        if f.type in ("hole", "bore")
        for d in (f.diameter_mm, *(s.diameter_mm for s in f.steps))
    ]
    return replace(
        item, is_inside=item.is_inside or any(d is not None and abs(d - nominal) < 0.02 for d in bores)
    )


def _belongs(entry: Mapping[str, Any], item: Characteristic, criticality: str) -> bool:
    """Toleranced ones always; for critical parts everything that the drawing numbers."""
    if item.kind in ("thread", "geometric", "roughness") or item.lower is not None or entry.get("fit"):
        return True
    return bool(entry.get("is_critical")) or criticality in CRITICAL


def _overall(entries: Sequence[Mapping[str, Any]], general: str, taken: int) -> list[Characteristic]:
    """The three largest sizes at the general tolerance."""
    items = [c for e in entries if (c := _characteristic(e)) is not None]
    sizes = {
        round(c.nominal, 3): c
        for c in items
        if c.kind in ("diameter", "linear") and c.nominal and c.lower is None
    }
    largest = sorted(sizes.values(), key=lambda c: -(c.nominal or 0))[:3]
    made = []
    for index, c in enumerate(largest, 1):
        half = general_half_width_mm(c.nominal or 0.0, general)
        if half is None:
            continue
        low, high = round((c.nominal or 0) - half, 4), round((c.nominal or 0) + half, 4)
        made.append(replace(c, no=c.no or taken + index, lower=low, upper=high, from_general=True))
    return made


_ISO_2768 = {
    "f": ((3, 0.05), (6, 0.05), (30, 0.1), (120, 0.15), (400, 0.2), (1000, 0.3), (2000, 0.5)),
    "m": ((3, 0.1), (6, 0.1), (30, 0.2), (120, 0.3), (400, 0.5), (1000, 0.8), (2000, 1.2), (4000, 2.0)),
    "c": ((3, 0.2), (6, 0.3), (30, 0.5), (120, 0.8), (400, 1.2), (1000, 2.0), (2000, 3.0), (4000, 4.0)),
    "v": ((6, 0.5), (30, 1.0), (120, 1.5), (400, 2.5), (1000, 4.0), (2000, 6.0), (4000, 8.0)),
}


def general_half_width_mm(nominal_mm: float, general: str) -> float | None:
    """± of ISO 2768-1 for a linear size, mm; class m where none is read, None beyond the table."""
    match = re.search(r"2768\s*[-–]?\s*(?:1\s*[-–]?\s*)?([fmcv])", general, re.IGNORECASE)
    table = _ISO_2768[match[1].lower() if match else "m"]
    return next((half for limit, half in table if nominal_mm <= limit), None)


def _closing(found: Sequence[Characteristic], treatments: Sequence[str]) -> list[Characteristic]:
    """What no dimension tells: hardness and coating after a treatment, aspect and burrs always."""
    last = max((c.no for c in found), default=0)
    made: list[Characteristic] = []
    for text in treatments:
        hard = re.search(
            r"(\d+(?:[.,]\d+)?)(?:\s*[-–à]\s*(\d+(?:[.,]\d+)?))?\s*(HRC|HV|HB)", text, re.IGNORECASE
        )
        thick = re.search(
            r"(\d+(?:[.,]\d+)?)(?:\s*[-–à]\s*(\d+(?:[.,]\d+)?))?\s*(?:µm|microns?)", text, re.IGNORECASE
        )
        last += 1
        if hard:
            means = f"duromètre ({hard[3].upper()})"
            made.append(Characteristic(last, "hardness", text, instrument=means, name="Dureté"))
        else:
            means = "jauge d'épaisseur de revêtement" if thick else "contrôle visuel, certificat du traiteur"
            made.append(Characteristic(last, "visual", text, instrument=means, name="Traitement"))
    text = "Absence de bavures, de chocs et de rayures ; marquage"
    made.append(Characteristic(last + 1, "visual", text, instrument="contrôle visuel", name="Aspect"))
    return made


def instrument(c: Characteristic) -> str:
    """Instrument proposed for a characteristic (QHS-28): one that resolves a tenth of the tolerance, as workshops own it."""
    width = c.width
    if c.kind == "thread":
        known = threads.size_of(c.requirement)
        name = threads.designation(*known) if known else c.requirement
        return (
            f"tampon fileté entre/n'entre pas {name}"
            if c.is_inside
            else f"bague filetée entre/n'entre pas {name}"
        )
    if c.kind == "roughness":
        return "rugosimètre"
    if c.kind == "radius":
        return "jauges à rayons" if width is None or width >= 0.1 else _MMT
    if c.kind == "angle":
        return (
            "rapporteur d'angle à vernier" if width is None or width >= 0.5 else "règle sinus et comparateur"
        )
    if c.kind == "chamfer":
        return "pied à coulisse, loupe graduée"
    nominal = c.nominal or 0.0
    if width is None or width >= 0.1:
        return (
            "pied à coulisse 1/50"
            if nominal <= 300
            else f"pied à coulisse {math.ceil(nominal / 500) * 500} mm"
        )
    if width < 0.008:
        return f"{_MMT}, salle à 20 °C"
    if c.kind == "diameter" and c.is_inside:
        fit = c.requirement.split()[-1] if " " in c.requirement else ""
        if nominal <= 40 and fit[:1] in ("H", "G") and width >= 0.01:
            return f"tampon lisse entre/n'entre pas Ø{size(nominal)} {fit}".strip()
        return (
            "micromètre d'intérieur 3 touches et bague étalon"
            if width >= 0.015
            else "alésomètre au 1/1000 et bague étalon"
        )
    low = 25 * int(nominal // 25)
    if c.kind == "diameter":
        return (
            f"micromètre extérieur {low}-{low + 25}" if width >= 0.015
            else f"micromètre à cadran {low}-{low + 25} au 1/1000 et cales étalons"
        )  # fmt: skip
    if c.requirement.split()[-1][:1] in ("P", "N", "H", "J") and nominal <= 40:
        return f"cales étalons ou tampon plat de {size(nominal)} mm"
    return f"micromètre extérieur {low}-{low + 25}" if nominal <= 150 else "colonne de mesure et marbre"
