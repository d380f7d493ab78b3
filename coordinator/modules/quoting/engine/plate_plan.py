"""How the pieces of a batch lie in their plates: strips of pieces sawn apart, every cut and its kerf counted once (QUO-12)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coordinator.modules.quoting.engine.values import number, size

Size = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PlateCut:
    """Pieces out of one plate: strips of ``per_strip`` pieces lying ``along_mm`` × ``across_mm``."""

    code: str
    plate_mm: Size
    pieces: int
    per_strip: int
    along_mm: float
    across_mm: float

    @property
    def strips(self) -> int:
        """Strips begun; the last one may be short."""
        return math.ceil(self.pieces / self.per_strip)


@dataclass(frozen=True, slots=True)
class PlatePlan:
    """The plates of a batch in the order they are cut."""

    plates: tuple[PlateCut, ...]
    kerf_mm: float

    @property
    def pieces(self) -> int:
        return sum(p.pieces for p in self.plates)

    @property
    def cuts(self) -> int:
        """One cut frees a strip, one each piece of it; neighbours share theirs."""
        return sum(p.strips + p.pieces for p in self.plates)

    @property
    def cut_mm(self) -> float:
        """Length sawn: a strip as far as its pieces go, each piece across its strip."""
        return sum(p.pieces * (p.along_mm + self.kerf_mm + p.across_mm) for p in self.plates)

    def words(self) -> str:
        """``tôle T-12 (500 × 300) : 7 pièces, 2 bandes de 4`` per kind of plate, as the sawyer reads it."""
        counted: dict[PlateCut, int] = {}
        for plate in self.plates:
            counted[plate] = counted.get(plate, 0) + 1
        return " ; ".join(_told(plate, count) for plate, count in counted.items())


def _told(plate: PlateCut, count: int) -> str:
    sizes = " × ".join(size(v) for v in plate.plate_mm)
    each = f"{plate.pieces} pièce{'s' if plate.pieces > 1 else ''}"
    strips = f"{plate.strips} bande{'s' if plate.strips > 1 else ''} de {min(plate.per_strip, plate.pieces)}"
    times = f"{count} × " if count > 1 else ""
    return f"{times}{plate.code} ({sizes}) : {each}, {strips}, pièce couchée {number(plate.along_mm)} × {number(plate.across_mm)}"


def lay(piece: Size, plate: Size, kerf_mm: float) -> tuple[int, int, Size]:
    """Pieces per strip, strips, and the piece as it lies (along the strip, across it); the way that holds most pieces."""

    def way(along: float, across: float) -> tuple[int, int, Size]:
        per_strip = math.floor((max(plate) + kerf_mm) / (along + kerf_mm) + 1e-9)
        strips = math.floor((min(plate) + kerf_mm) / (across + kerf_mm) + 1e-9)
        return per_strip, strips, (along, across)

    return max((way(*piece), way(*piece[::-1])), key=lambda w: (w[0] * w[1], w[0]))


def plan(
    taken: Sequence[tuple[str, int]], piece: Size, plates: Mapping[str, Size], standard: Size, kerf_mm: float
) -> PlatePlan:
    """The plan of a batch: ``taken`` are pieces by plate code; a code without a size of its own is a bought standard plate.

    A piece larger than its plate has a plate of its own.
    """
    found: list[PlateCut] = []
    for code, count in taken:
        stock = plates.get(code, standard)
        per_strip, strips, (along, across) = lay(piece, stock, kerf_mm)
        if per_strip * strips == 0:
            stock, per_strip, strips, (along, across) = piece, 1, 1, piece
        left = count
        while left > 0:
            pieces = min(left, per_strip * strips)
            found.append(PlateCut(code, stock, pieces, per_strip, along, across))
            left -= pieces
    return PlatePlan(tuple(found), kerf_mm)
