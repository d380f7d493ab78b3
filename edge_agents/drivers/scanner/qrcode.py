"""What is known of a QR code before it is read (ISO/IEC 18004): finder, timing and alignment patterns."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from edge_agents.drivers.scanner import grids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_VERSIONS = range(1, 26)
_ENOUGH = 0.55


def _alignment(version: int) -> list[int]:
    """Centres of the alignment patterns along a side (ISO/IEC 18004, annex E)."""
    if version == 1:
        return []
    count = version // 7 + 2
    last = 4 * version + 10
    step = 26 if version == 32 else (version * 4 + count * 2 + 1) // (2 * count - 2) * 2
    return [6, *sorted(last - step * i for i in range(count - 1))]


@cache
def _symbols() -> list[grids.Known]:
    import numpy as np

    found = []
    for version in _VERSIONS:
        side = 17 + 4 * version
        grid = np.zeros((side, side))
        grid[6, :] = grid[:, 6] = np.where(np.arange(side) % 2 == 0, 1, -1)
        centres = _alignment(version)
        for row in centres:
            for column in centres:
                if (row, column) not in {(6, 6), (6, side - 7), (side - 7, 6)}:
                    grid[row - 2 : row + 3, column - 2 : column + 3] = _rings(5)
        finder = np.pad(_rings(7), 1, constant_values=-1)
        grid[:8, :8] = finder[1:, 1:]
        grid[:8, -8:] = finder[1:, :-1]
        grid[-8:, :8] = finder[:-1, 1:]
        found += [grids.known(grid, turn) for turn in range(4)]
    return found


def _rings(side: int) -> Array:
    """A dark square ring with a light one inside and a dark middle."""
    import numpy as np

    square = np.ones((side, side))
    square[1:-1, 1:-1] = -1
    square[2:-2, 2:-2] = 1
    return square


def redrawn(image: Array, frames: list[Array]) -> Iterator[Array]:
    """Clean pictures of the QR codes an image may show at these quadrangles (4x2 pixels, clockwise)."""
    yield from grids.redrawn(image, _symbols(), frames, _ENOUGH)
