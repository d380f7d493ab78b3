"""Characters of EAN-13 and EAN-8 (ISO/IEC 15420) and Code 128 (ISO/IEC 15417) as modules: 1 dark, −1 light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_EAN_LEFT = "3211 2221 2122 1411 1132 1231 1114 1312 1213 3112"
"""Widths space, bar, space, bar of the digits 0…9, odd parity."""
_EAN_PARITY = (0, 11, 13, 14, 19, 25, 28, 21, 22, 26)
"""First digit of an EAN-13 as even parities of the six left digits, the leftmost in the highest bit."""
_CODE128 = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 "
    "232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 "
    "111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 "
    "111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232"
)
_CODE128_STOP = "2331112"
_EAN_QUIET, _CODE128_QUIET = 4, 1
"""Light modules at either end that belong to the first and the last slot."""


@dataclass(frozen=True, eq=False)
class Characters:
    """What may stand in a slot: one row of modules each, and the mean colour of their first and last modules."""

    rows: Array
    width: int = field(init=False)
    ends: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", int(self.rows.shape[1]))
        ends = float(self.rows[:, 0].mean()), float(self.rows[:, -1].mean())
        object.__setattr__(self, "ends", ends)


@dataclass(frozen=True, eq=False)
class Layout:
    """A symbol as slots, each with the characters that may stand in it as rows of modules."""

    name: str
    slots: tuple[Characters, ...]
    valid: Callable[[tuple[int, ...]], bool]
    quiet: int
    modules: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "modules", sum(slot.width for slot in self.slots))

    def row(self, path: tuple[int, ...]) -> Array:
        """Modules of a sequence of characters."""
        import numpy as np

        return np.concatenate([self.slots[slot].rows[c] for slot, c in enumerate(path)])

    @property
    def inner(self) -> int:
        """Modules from the first bar to the last one."""
        return self.modules - 2 * self.quiet


def _rows(widths: str, first: int) -> Array:
    import numpy as np

    rows = []
    for word in widths.split():
        colour, row = first, []
        for width in word:
            row += [colour] * int(width)
            colour = -colour
        rows.append(row)
    return np.array(rows, np.float32)


def _quiet(rows: Array, modules: int, before: bool) -> Array:
    import numpy as np

    light = np.full((len(rows), modules), -1, np.float32)
    return np.hstack([light, rows] if before else [rows, light])


@cache
def ean13() -> Layout:
    """Characters 0…9 of a left slot are odd, 10…19 even."""
    import numpy as np

    odd = _rows(_EAN_LEFT, -1)
    even = -odd[:, ::-1]
    left, right = np.vstack([odd, even]), -odd
    ends, middle = _rows("111", 1), _rows("11111", -1)
    slots = (
        _quiet(ends, _EAN_QUIET, True),
        *[left] * 6,
        middle,
        *[right] * 6,
        _quiet(ends, _EAN_QUIET, False),
    )
    return Layout("EAN13", _shared(slots), _ean13_right, _EAN_QUIET)


def _ean13_right(path: tuple[int, ...]) -> bool:
    left, right = path[1:7], path[8:14]
    parity = sum(32 >> i for i, c in enumerate(left) if c >= 10)
    if parity not in _EAN_PARITY:
        return False
    digits = (_EAN_PARITY.index(parity), *(c % 10 for c in left), *right)
    return sum(d * (3 if i % 2 else 1) for i, d in enumerate(digits)) % 10 == 0


@cache
def ean8() -> Layout:
    """Four digits either side."""
    odd = _rows(_EAN_LEFT, -1)
    ends, middle = _rows("111", 1), _rows("11111", -1)
    slots = (_quiet(ends, _EAN_QUIET, True), *[odd] * 4, middle, *[-odd] * 4, _quiet(ends, _EAN_QUIET, False))
    return Layout("EAN8", _shared(slots), _ean8_right, _EAN_QUIET)


def _ean8_right(path: tuple[int, ...]) -> bool:
    digits = path[1:5] + path[6:10]
    return sum(d * (1 if i % 2 else 3) for i, d in enumerate(digits)) % 10 == 0


@cache
def _code128_characters() -> tuple[Characters, Characters, Characters]:
    every = _rows(_CODE128, 1)
    start = _quiet(every[103:106], _CODE128_QUIET, True)
    stop = _quiet(_rows(_CODE128_STOP, 1), _CODE128_QUIET, False)
    return Characters(start), Characters(every[:103]), Characters(stop)


@cache
def code128(characters: int) -> Layout:
    """``characters`` counts the start and the check character, not the stop."""
    start, inner, stop = _code128_characters()
    return Layout("Code128", (start, *[inner] * (characters - 1), stop), _code128_right, _CODE128_QUIET)


def _shared(rows: tuple[Array, ...]) -> tuple[Characters, ...]:
    """Slots with the same rows share one object, and with it what is computed for it."""
    known = {id(array): Characters(array) for array in rows}
    return tuple(known[id(array)] for array in rows)


def _code128_right(path: tuple[int, ...]) -> bool:
    values = path[1:-2]
    return (103 + path[0] + sum((i + 1) * v for i, v in enumerate(values))) % 103 == path[-2]
