"""The grades as records, built once from the text tables."""

from __future__ import annotations

import re
from dataclasses import dataclass

from coordinator.modules.catalogue.grades import table_other, table_steel

_SYSTEMS = {"F": "AFNOR", "D": "DIN", "A": "AISI", "S": "SS", "T": "TRADE"}
_WERKSTOFF = re.compile(r"\d\.\d{4}$")
_FAMILIES = (
    ("steel", table_steel.STEELS),
    ("stainless", table_steel.STAINLESS),
    ("tool_steel", table_steel.TOOL_STEELS),
    ("cast_iron", table_steel.CAST_IRONS),
    ("aluminium", table_other.ALUMINIUM),
    ("copper_alloy", table_other.COPPER),
    ("titanium", table_other.TITANIUM_NICKEL),
    ("plastic", table_other.PLASTICS),
)


@dataclass(frozen=True, slots=True)
class Grade:
    """One material. ``names`` pairs a system (EN, WNR, AFNOR, DIN, AISI, SS, TRADE) with a designation."""

    name: str
    family: str
    iso513_group: str
    density_g_cm3: float
    names: tuple[tuple[str, str], ...]

    @property
    def is_cast_aluminium(self) -> bool:
        """True for casting alloys of aluminium."""
        return self.name.startswith("EN AC-")

    def first(self, system: str) -> str | None:
        """First designation of a system."""
        return next((text for known, text in self.names if known == system), None)


def _grade(family: str, line: str) -> Grade:
    name, group, density, rest = (part.strip() for part in line.split("|", 3))
    names = [("EN" if family not in ("plastic",) else "TRADE", name)]
    for item in (part.strip() for part in rest.split(";")):
        if len(item) > 2 and item[1] == ":" and item[0] in _SYSTEMS:
            names.append((_SYSTEMS[item[0]], item[2:].strip()))
        elif item:
            names.append(("WNR" if _WERKSTOFF.match(item) else "EN", item))
    if family == "titanium" and group == "S2":
        family = "nickel_alloy"
    return Grade(name, family, group, float(density), tuple(names))


GRADES: tuple[Grade, ...] = tuple(
    _grade(family, line) for family, text in _FAMILIES for line in text.strip().splitlines()
)
_BY_NAME = {grade.name: grade for grade in GRADES}


def grade_named(name: str) -> Grade:
    """Grade of a canonical name. Raises KeyError."""
    return _BY_NAME[name]
