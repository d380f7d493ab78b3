"""How a part is held in each clamping, and what slender parts need (L/D, centre, tailstock, steady rest)."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.modules.quoting.engine.blank import Blank
from coordinator.modules.quoting.engine.part import PartDescription
from coordinator.modules.quoting.engine.settings import CuttingSettings, Settings
from coordinator.modules.quoting.engine.shop import Machine
from coordinator.modules.quoting.engine.values import number, size


@dataclass(frozen=True, slots=True)
class Support:
    """What holds the free end of a slender part. ``centre`` = a centre hole is drilled; ``missing`` = why it cannot be held."""

    text: str = ""
    centre: bool = False
    missing: str = ""


def slenderness(part: PartDescription) -> float:
    """Length over largest diameter."""
    return part.length_mm / max(part.max_diameter_mm, 0.1)


def support(part: PartDescription, machine: Machine, rules: CuttingSettings) -> Support:
    """Tailstock (or counter-spindle) above L/D 4, steady rest above 10; a machine known to lack them is left out."""
    ratio = slenderness(part)
    if ratio <= rules.tailstock_from_ratio:
        return Support()
    told = f"L/D = {number(ratio, 1)}"
    if ratio > rules.steady_rest_from_ratio and machine.has_steady_rest is False:
        return Support(missing=f"{machine.code} : {told}, lunette nécessaire et absente.")
    steady = " et lunette" if ratio > rules.steady_rest_from_ratio else ""
    if machine.has_sub_spindle:
        return Support(f"{told} : appui de la contre-broche{steady}")
    if machine.has_tailstock is False:
        return Support(missing=f"{machine.code} : {told}, contre-pointe nécessaire et absente.")
    if part.max_diameter_mm < rules.slender_centre_from_mm:
        return Support(
            f"{told}, Ø{size(part.max_diameter_mm)} : tournage par tronçons de 3·D au ras de la pince{steady}"
        )
    return Support(f"{told} : contre-pointe{steady}", centre=True)


def turning_first(blank: Blank, bar_fed: bool, held: Support) -> str:
    """First clamping on the lathe."""
    name = blank.section.label if blank.section else f"Ø{size(blank.diameter_mm)}"
    if blank.shape in ("hex", "square"):
        jaws = "pince ou mors à six pans" if blank.shape == "hex" else "pince carrée ou 4 mors"
        grip = f"{jaws} sur {'barre' if bar_fed else 'brut'} {name}"
    elif blank.shape == "tube":
        grip = f"{'pince' if bar_fed else 'mors, serrage modéré'} sur {name}"
    else:
        grip = f"pince sur barre {name}" if bar_fed else f"mors durs sur brut {name}"
    return f"{grip} ; {held.text}" if held.text else grip


def turning_second(part: PartDescription, machine: Machine) -> str:
    """Second clamping: on finished surfaces, never in hard jaws."""
    if machine.has_sub_spindle:
        return f"reprise en contre-broche, pince ou mors doux sur Ø fini (≤ Ø{size(part.max_diameter_mm)})"
    return f"retournement, mors doux alésés sur Ø fini (≤ Ø{size(part.max_diameter_mm)})"


@dataclass(frozen=True, slots=True)
class Places:
    """How many parts a table takes at once: by its travels, and by what the engine chooses from by itself."""

    by_travel: int
    chosen_from: int


def places(part: PartDescription, blank: Blank, machine: Machine, rules: Settings) -> Places:
    """Blanks side by side along X, rows of vices along Y, within the travels less the margin.

    Only small parts on three axes are put together unasked: a table that turns, thin sheet and heavy blocks are clamped alone.
    """
    times, margin = rules.times, rules.cutting.travel_margin_mm
    size = sorted(blank.size_mm, reverse=True)
    if len(size) < 3 or machine.travel_x_mm is None or machine.travel_y_mm is None:
        return Places(max(1, times.parts_per_clamping_max), 1)
    length, width = size[0], size[1]
    along = int((machine.travel_x_mm - margin + times.place_gap_mm) // (length + times.place_gap_mm))
    rows = int((machine.travel_y_mm - margin + times.place_row_mm) // (width + times.place_row_mm))
    room = max(1, along) * max(1, rows)
    alone = (
        machine.axis_count > 3 or part.is_turned or blank.mass_kg > times.place_max_mass_kg or _is_thin(part)
    )
    return Places(room, 1 if alone else max(1, min(room, times.parts_per_clamping_max)))


_THIN_MM, _THIN_SHARE = 10.0, 0.08
_VICE_OPENING_MM, _VICE_MASS_KG = 250.0, 60.0


def _is_thin(part: PartDescription) -> bool:
    sizes = sorted(part.size_mm or (50.0, 50.0, 50.0))
    return sizes[0] < min(_THIN_MM, _THIN_SHARE * sizes[2])


def milling(index: int, part: PartDescription, axis_count: int, mass_kg: float = 0.0) -> str:
    """Clamping of a milling set-up by its place in the sequence, the shape and mass of the part."""
    if part.is_turned:
        if axis_count >= 5:
            return "mandrin sur table, Ø fini"
        if axis_count == 4:
            return "mandrin sur diviseur 4e axe, mors doux sur Ø fini"
        return "mors doux ou vé sur Ø fini, orientation par butée"
    sizes = sorted(part.size_mm or (50.0, 50.0, 50.0))
    if _is_thin(part):
        under = (
            "sur martyr, bridage par le bord" if index == 0 else "par les trous ou sur plateau à dépression"
        )
        return f"tôle mince : bridage {under}, appuis rapprochés"
    if sizes[1] > _VICE_OPENING_MM or mass_kg > _VICE_MASS_KG:
        return "bridage sur table : brides, cales de réglage, butées" + (" ; palan" if mass_kg >= 25 else "")
    if index:
        return "étau, mors doux usinés sur faces finies, butée"
    if axis_count >= 5:
        return "étau 5 axes, prise de 5 mm sous la pièce"
    if axis_count == 4:
        return "étau sur diviseur 4e axe, prise de 5 mm sous la pièce"
    return "étau, cales parallèles, prise de 5 mm sous la pièce"
