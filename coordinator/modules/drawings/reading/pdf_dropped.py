"""Letters of slanted text which the PDF library drops as doubles: some writers place each letter on its own, and the boxes of
two equal ones in a row ("Ø22" at 45°) overlap there as those of a shadow would."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as pdfium

SAME_SIZE = 0.02
MIN_STEP = 0.2
"""Share of the letter's size; nearer, it is a shadow indeed."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A letter missing in the text layer: it repeats the one of text object ``after``, ``dx`` and ``dy`` points further."""

    after: int
    owner: int
    dx: float
    dy: float


def address(owner: Any) -> int:
    """Identity of a text object."""
    return ctypes.cast(owner, ctypes.c_void_p).value or 0 if owner else 0


def dropped_letters(page: Any, told: set[int]) -> Iterator[Dropped]:
    """Text objects of the page without a letter in the layer, though they show what the one before them shows.

    ``told``: identities of the text objects with exactly one letter in the layer.
    """
    before: tuple[int, Any, tuple[float, float, float, float]] | None = None
    for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_TEXT], max_depth=1):
        key, box, matrix = address(item.raw), item.get_bounds(), item.get_matrix()
        if key in told:
            before = (key, matrix, box)
            continue
        width, height = box[2] - box[0], box[3] - box[1]
        if before is None or min(width, height) <= 0:
            before = None
            continue
        _, earlier, there = before
        size = math.hypot(width, height)
        alike = (
            abs(width - there[2] + there[0]) + abs(height - there[3] + there[1]) < SAME_SIZE * size
            and max(
                abs(getattr(matrix, name) - getattr(earlier, name)) for name in "abcd"
            ) < SAME_SIZE * math.hypot(matrix.a, matrix.b)
        )  # fmt: skip
        dx, dy = matrix.e - earlier.e, matrix.f - earlier.f
        if alike and MIN_STEP * size < math.hypot(dx, dy) < size:
            yield Dropped(before[0], key, dx, dy)
            before = (key, matrix, box)
        else:
            before = None
