"""Different parts of one quote sawn out of the same plates: one common cutting plan, its material shared by area (QUO-12).

Strips are sawn across the plate, pieces out of the strips (guillotine cuts, first fit, widest pieces first), both ways of laying.
The price of a line does not depend on the plan: its material is its own area with the kerf, n·(l + kerf)·(w + kerf), which is its
share of the plates; what the plan changes is how many plates are bought.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from coordinator.modules.quoting.engine.blank import Blank
from coordinator.modules.quoting.engine.plate_plan import Size
from coordinator.modules.quoting.engine.settings import BlankSettings
from coordinator.modules.quoting.engine.values import number, size

MOST_PIECES = 3000
"""More pieces fill plates of their own; a common plan would change nothing."""
FORMULA = "part d'une ligne = n·(l + trait)·(L + trait) / somme des lignes"


@dataclass(frozen=True, slots=True)
class Wanted:
    """``count`` equal pieces of a line (from 1), sawn size in mm."""

    line: int
    count: int
    piece_mm: Size

    def area_mm2(self, kerf_mm: float) -> float:
        """What the pieces take of the plates, their kerf included."""
        return self.count * (self.piece_mm[0] + kerf_mm) * (self.piece_mm[1] + kerf_mm)


@dataclass(slots=True)
class Strip:
    """A strip across the plate with the pieces in it: (line, along, across) mm."""

    width_mm: float
    left_mm: float
    pieces: list[tuple[int, float, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CommonPlan:
    """Plates of one material and thickness for several lines; ``apart`` is how many there would be line by line."""

    material: str
    thickness_mm: float
    plate_mm: Size
    plates: tuple[tuple[Strip, ...], ...]
    apart: int
    shares: tuple[tuple[int, float], ...]
    """(line, share of the area with kerf), in the order of the quote."""

    def words(self) -> str:
        """``C45 ép. 25 : 1 tôle de 1000 × 500 au lieu de 2, …`` as the buyer and the sawyer read it."""
        count = len(self.plates)
        plates = (
            f"{count} tôle{'s' if count > 1 else ''} de {size(self.plate_mm[0])} × {size(self.plate_mm[1])}"
        )
        instead = f" au lieu de {self.apart}" if self.apart > count else ""
        parts = ", ".join(f"ligne {line} {number(100 * share, 0)} %" for line, share in self.shares)
        cuts = " ; ".join(
            f"tôle {no} : {_strips(strips)}" for no, strips in enumerate(self.plates[:_TOLD], 1)
        )
        more = f" ; et {count - _TOLD} autres" if count > _TOLD else ""
        return f"{self.material} ép. {size(self.thickness_mm)} : {plates}{instead} ; matière {parts} ; {cuts}{more}"

    def to_json(self) -> dict[str, Any]:
        """Published form."""
        return {
            "material": self.material,
            "thickness_mm": self.thickness_mm,
            "plate_mm": list(self.plate_mm),
            "plates": len(self.plates),
            "plates_apart": self.apart,
            "shares": [{"line": line, "share": round(share, 6)} for line, share in self.shares],
            "formula": FORMULA,
            "cuts": [
                [
                    {
                        "width_mm": s.width_mm,
                        "pieces": [{"line": n, "along_mm": a, "across_mm": b} for n, a, b in s.pieces],
                    }
                    for s in strips
                ]
                for strips in self.plates
            ],
        }


_TOLD = 4
"""Plates told one by one."""


def _strips(strips: Sequence[Strip]) -> str:
    told = []
    for strip in strips:
        counted: dict[tuple[int, float, float], int] = {}
        for piece in strip.pieces:
            counted[piece] = counted.get(piece, 0) + 1
        pieces = ", ".join(f"{n} × ligne {p[0]} ({size(p[1])} × {size(p[2])})" for p, n in counted.items())
        told.append(f"bande de {size(strip.width_mm)} : {pieces}")
    return " + ".join(told)


def common(blanks: Sequence[tuple[str, Blank | None]], rules: BlankSettings) -> list[CommonPlan]:
    """Plans of the bought plates that several lines share; ``blanks`` are (material, blank) in the order of the quote."""
    groups: dict[tuple[str, float], list[Wanted]] = {}
    apart: dict[tuple[str, float], int] = {}
    for line, (material, blank) in enumerate(blanks, start=1):
        if not material or blank is None or blank.shape != "plate" or blank.plan is None:
            continue
        bought = {s.code: s.count for s in blank.sources if s.kind == "purchase"}
        if not bought or max(blank.size_mm[:2]) > max(rules.plate_size_mm):
            continue
        key = (material, blank.size_mm[2])
        groups.setdefault(key, []).append(Wanted(line, sum(bought.values()), blank.size_mm[:2]))  # type: ignore[arg-type]
        apart[key] = apart.get(key, 0) + sum(1 for p in blank.plan.plates if p.code in bought)
    found = []
    for (material, thickness), wanted in groups.items():
        if len(wanted) < 2 or sum(w.count for w in wanted) > MOST_PIECES:
            continue
        plates = nest(wanted, rules.plate_size_mm, rules.saw_kerf_mm)
        if not plates or len(plates) > apart[material, thickness]:
            continue
        areas = [w.area_mm2(rules.saw_kerf_mm) for w in wanted]
        shares = tuple((w.line, a / sum(areas)) for w, a in zip(wanted, areas, strict=True))
        found.append(
            CommonPlan(
                material, thickness, rules.plate_size_mm, tuple(plates), apart[material, thickness], shares
            )
        )
    return found


def nest(wanted: Sequence[Wanted], plate_mm: Size, kerf_mm: float) -> list[tuple[Strip, ...]]:
    """Strips of each plate, by the way of laying that needs fewest plates; nothing where a piece fits in no way."""
    tries = [_laid(wanted, plate_mm, kerf_mm, is_long=is_long) for is_long in (True, False)]
    return min((t for t in tries if t), key=len, default=[])


def _laid(
    wanted: Sequence[Wanted], plate_mm: Size, kerf_mm: float, *, is_long: bool
) -> list[tuple[Strip, ...]]:
    length, width = max(plate_mm), min(plate_mm)
    pieces: list[tuple[int, float, float]] = []
    for w in wanted:
        along, across = (max(w.piece_mm), min(w.piece_mm)) if is_long else (min(w.piece_mm), max(w.piece_mm))
        if along > length or across > width:
            along, across = across, along
        if along > length or across > width:
            return []
        pieces += [(w.line, along, across)] * w.count
    pieces.sort(key=lambda p: (-p[2], -p[1], p[0]))
    plates: list[list[Strip]] = []
    rooms: list[float] = []
    for piece in pieces:
        _, along, across = piece
        fits = (s for strips in plates for s in strips if across <= s.width_mm and along <= s.left_mm)
        strip = next(fits, None)
        if strip is None:
            place = next((i for i, room in enumerate(rooms) if across <= room), len(plates))
            if place == len(plates):
                plates.append([])
                rooms.append(width)
            strip = Strip(across, length)
            plates[place].append(strip)
            rooms[place] -= across + kerf_mm
        strip.pieces.append(piece)
        strip.left_mm -= along + kerf_mm
    return [tuple(strips) for strips in plates]
