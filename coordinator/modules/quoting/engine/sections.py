"""Cross sections of raw stock: area, circle around, name; what a stock unit's columns come to (QUO-10 to QUO-12)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from coordinator.modules.quoting.engine.shop import StockUnit
from coordinator.modules.quoting.engine.values import number

HEXAGON = math.sqrt(3) / 2
"""Across flats over across corners."""
BARS = ("round", "hex", "square", "flat", "tube")
"""Shapes cut to length from a bar; the others are sawn from a plate."""
SHAPE_NAMES = {
    "round": "rond", "hex": "six pans", "square": "carré", "flat": "méplat", "tube": "tube", "plate": "tôle", "blank": "brut débité",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Section:
    """A bar's section in mm. ``width_mm`` = Ø, across flats or side; ``wall_mm`` only of tubes, square where ``height_mm`` is set."""

    shape: str
    width_mm: float
    height_mm: float | None = None
    wall_mm: float = 0.0

    @property
    def area_mm2(self) -> float:
        """Area of the material: π/4·D², √3/2·s², a·b; tubes less their inside."""
        if self.shape == "tube":
            inside = self.width_mm - 2 * self.wall_mm
            if self.height_mm is None:
                return math.pi / 4 * (self.width_mm**2 - inside**2)
            return self.width_mm * self.height_mm - inside * (self.height_mm - 2 * self.wall_mm)
        if self.shape == "hex":
            return HEXAGON * self.width_mm**2
        if self.shape == "round":
            return math.pi / 4 * self.width_mm**2
        return self.width_mm * (self.height_mm if self.height_mm is not None else self.width_mm)

    @property
    def formula(self) -> str:
        """How the area comes about."""
        if self.shape == "tube":
            return "π/4·(D² − d²)" if self.height_mm is None else "a·b − (a − 2e)·(b − 2e)"
        return {"hex": "√3/2·s²", "round": "π/4·D²", "square": "a²"}.get(self.shape, "l·e")

    @property
    def around_mm(self) -> float:
        """Diameter of the circle around the section: what must pass the spindle and turn in the chuck."""
        if self.shape == "hex":
            return self.width_mm / HEXAGON
        if self.shape in ("square", "flat") or self.height_mm is not None:
            return math.hypot(self.width_mm, self.height_mm if self.height_mm is not None else self.width_mm)
        return self.width_mm

    @property
    def inner_mm(self) -> float:
        """Inner diameter of a round tube, 0 of anything else."""
        return self.width_mm - 2 * self.wall_mm if self.shape == "tube" and self.height_mm is None else 0.0

    @property
    def sizes_mm(self) -> tuple[float, ...]:
        """What names the section in a stock list."""
        own = [self.width_mm]
        if self.height_mm is not None and self.shape != "square":
            own.append(self.height_mm)
        if self.shape == "tube":
            own.append(self.wall_mm)
        return tuple(round(v, 2) for v in own)

    @property
    def label(self) -> str:
        """``six pans 24``, ``tube Ø60 × 5``, ``méplat 50 × 12`` as the storekeeper says it."""
        text = " × ".join(number(v) for v in self.sizes_mm)
        names = {"round": "Ø", "hex": "six pans ", "square": "carré ", "flat": "méplat "}
        if self.shape == "tube":
            return f"tube {'' if self.height_mm is not None else 'Ø'}{text}"
        return names.get(self.shape, "") + text


def of_unit(unit: StockUnit) -> Section | None:
    """Section of a bar in stock; None for plates and where a size lacks."""
    across, width, height = unit.diameter_mm, unit.width_mm, unit.thickness_mm
    if unit.shape in ("round", "hex") and across:
        return Section(unit.shape, across)
    if unit.shape == "square" and (side := width or height or across):
        return Section("square", side)
    if unit.shape == "flat" and width and height:
        return Section("flat", max(width, height), min(width, height))
    if unit.shape == "tube" and unit.wall_mm and 0 < unit.wall_mm < (across or height or 0.0) / 2:
        if across:
            return Section("tube", across, wall_mm=unit.wall_mm)
        if width and height:
            return Section("tube", max(width, height), min(width, height), unit.wall_mm)
    return None
