"""What is known of a Data Matrix before it is read (ISO/IEC 16022, ISO/IEC 21471): two solid sides, two alternating."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from edge_agents.drivers.scanner import grids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_SQUARES = (*range(10, 28, 2), 32, 36, 40, 44, 48, 52)
_RECTANGLES = ((8, 18), (8, 32), (12, 26), (12, 36), (16, 36), (16, 48))
_EXTENDED = (
    *((8, n) for n in (48, 64, 80, 96, 120, 144)),
    *((12, n) for n in (64, 88)),
    (16, 64),
    *((20, n) for n in (36, 44, 64)),
    (22, 48),
    *((24, n) for n in (48, 64)),
    *((26, n) for n in (40, 48, 64)),
)
SIZES: tuple[tuple[int, int], ...] = (*((n, n) for n in _SQUARES), *_RECTANGLES, *_EXTENDED)
"""Rows and columns of the symbols tried."""
_ENOUGH = 0.6


@cache
def _symbols(upright: bool) -> list[grids.Known]:
    """Borders of all sizes and turns whose height is (or is not) greater than the width."""
    import numpy as np

    found = []
    for rows, columns in SIZES:
        grid = np.zeros((rows, columns))
        grid[0, :] = np.where(np.arange(columns) % 2 == 0, 1, -1)
        grid[:, -1] = np.where((rows - 1 - np.arange(rows)) % 2 == 0, 1, -1)
        grid[:, 0] = 1
        grid[-1, :] = 1
        for turn in range(4):
            symbol = grids.known(grid, turn)
            if rows == columns or (symbol.rows > symbol.columns) == upright:
                found.append(symbol)
    return found


def redrawn(image: Array, places: list[Array]) -> Iterator[Array]:
    """Clean pictures of the symbols a flat view may show at these places, each also seen from behind."""
    import numpy as np

    for corners in places:
        across, down = corners[1] - corners[0], corners[3] - corners[0]
        upright = float((down**2).sum()) > float((across**2).sum())
        for picture in grids.redrawn(image, _symbols(upright), [corners], _ENOUGH):
            yield picture
            yield np.ascontiguousarray(picture[::-1, ::-1].T)


def frames(image: Array) -> Iterator[Array]:
    """Corners of what is dark in a view: the smallest rectangle around it and its quadrangle (4x2, clockwise)."""
    import cv2
    import numpy as np

    side = max(image.shape)
    level = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 0.006 * side)
    mean = cv2.GaussianBlur(level, (0, 0), 0.07 * side)
    spread = np.sqrt(np.maximum(cv2.GaussianBlur((level - mean) ** 2, (0, 0), 0.07 * side), 1.0))
    dark = (mean - level) / (spread + 0.3 * float(spread.max()))
    for threshold, reach in ((0.35, 0.045), (0.6, 0.03)):
        mask = (dark > threshold).astype(np.uint8)
        closed = cv2.morphologyEx(
            mask, cv2.MORPH_CLOSE, np.ones((max(3, round(reach * side)),) * 2, np.uint8)
        )
        count, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
        if count < 2:
            continue
        label = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
        points = cv2.findNonZero(((labels == label) & (mask > 0)).astype(np.uint8))
        if points is None:
            continue
        yield clockwise(cv2.boxPoints(cv2.minAreaRect(points)))
        hull = cv2.convexHull(points)
        for share in (0.03, 0.06):
            four = cv2.approxPolyDP(hull, share * cv2.arcLength(hull, True), True)
            if len(four) == 4:
                yield clockwise(four.reshape(4, 2))
                break


def clockwise(corners: Array) -> Array:
    """Corners from the upper left one on, clockwise."""
    import numpy as np

    middle = corners.mean(axis=0)
    order = np.argsort(np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0]))
    turned = corners[order]
    first = int(np.argmin(turned.sum(axis=1)))
    return np.asarray(np.roll(turned, -first, axis=0), np.float64)
