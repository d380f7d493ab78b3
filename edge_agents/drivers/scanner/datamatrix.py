"""Data Matrix (ISO/IEC 16022) modules sampled where no reader finds the grid: punched dots, bent or tilted surfaces.

The border of the symbol is known for each size: two solid sides and two alternating ones. The corners of the grid are
moved until the picture agrees best with that border; then each module is sampled at its centre and drawn again as a
clean symbol, whose error correction decides whether it was right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_SQUARES = (*range(10, 28, 2), 32, 36, 40, 44, 48, 52)
_RECTANGLES = ((8, 18), (8, 32), (12, 26), (12, 36), (16, 36), (16, 48))
SIZES: tuple[tuple[int, int], ...] = (
    *((n, n) for n in _SQUARES),
    *_RECTANGLES,
    *((w, h) for h, w in _RECTANGLES),
)
"""Rows and columns of the symbols tried; a rectangle also standing upright."""
_AGREEMENT = 0.62
_STARTS = 5
_STEPS = (0.04, 0.02, 0.01, 0.005)
_PIXELS = 6
_SIDE = 360


@dataclass(frozen=True, slots=True)
class _Border:
    u: Array
    v: Array
    sign: Array


@cache
def _border(rows: int, columns: int, turn: int) -> _Border:
    """Centres of the border modules in the unit square and +1 (dark) or −1 (light) for each."""
    import numpy as np

    grid = np.zeros((rows, columns))
    if turn % 2:
        grid = grid.T
    height, width = grid.shape
    grid[0, :] = np.where(np.arange(width) % 2 == 0, 1, -1)
    grid[:, -1] = np.where((height - 1 - np.arange(height)) % 2 == 0, 1, -1)
    grid[:, 0] = 1
    grid[-1, :] = 1
    grid = np.rot90(grid, turn)
    row, column = np.nonzero(grid)
    return _Border((column + 0.5) / columns, (row + 0.5) / rows, grid[row, column])


def redrawn(image: Array) -> Iterator[Array]:
    """Clean pictures of the symbols a flat view may show, the most probable first (gray, quiet zone included)."""
    import cv2
    import numpy as np

    scale = _SIDE / max(image.shape)
    view = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)
    level = cv2.GaussianBlur(view, (0, 0), 2.0)
    mean = cv2.GaussianBlur(level, (0, 0), 25)
    spread = np.sqrt(np.maximum(cv2.GaussianBlur((level - mean) ** 2, (0, 0), 25), 1.0))
    dark = np.ascontiguousarray((mean - level) / (spread + 0.3 * float(spread.max())))
    found: list[tuple[float, int, int, Array]] = []
    for start in _frames(dark):
        for rows, columns in SIZES:
            for turn in range(4):
                border = _border(rows, columns, turn)
                found.append((_agreement(dark, start, border), rows * 1000 + columns, turn, start))
    found.sort(key=lambda entry: -entry[0])
    fitted = [_fit(dark, shape, turn, start) for _, shape, turn, start in found[: 2 * _STARTS]]
    for score, shape, frame in sorted(fitted, key=lambda entry: -entry[0])[:_STARTS]:
        if score < _AGREEMENT:
            return
        rows, columns = divmod(shape, 1000)
        size = float(np.hypot(*(frame[0:2] - frame[4:6]))) / float(np.hypot(rows, columns))
        for share in (0.15, 0.5):
            picture = _draw(_between(view, size, share), frame, rows, columns)
            yield picture
            yield np.ascontiguousarray(picture[:, ::-1])


def _between(view: Array, module_px: float, share: float) -> Array:
    """Darkness from 0 (the light around) to 1 (the dark around), the darkest within ``share`` of a module counting."""
    import cv2
    import numpy as np

    level = cv2.GaussianBlur(view, (0, 0), max(0.5, 0.12 * module_px))
    reach = np.ones((round(5 * module_px) | 1,) * 2, np.uint8)
    light = cv2.GaussianBlur(cv2.dilate(level, reach), (0, 0), 2 * module_px)
    deep = cv2.GaussianBlur(cv2.erode(level, reach), (0, 0), 2 * module_px)
    near = np.ones((max(1, round(share * module_px)) | 1,) * 2, np.uint8)
    return np.asarray((light - cv2.erode(level, near)) / np.maximum(light - deep, 4.0))


def _frames(dark: Array) -> Iterator[Array]:
    """First guesses of corners and bows (ten numbers, in pixels): the boxes around what is dark, and a tighter one."""
    import cv2
    import numpy as np

    height, width = dark.shape
    for threshold, reach in ((0.35, 0.045), (0.6, 0.03)):
        mask = (dark > threshold).astype(np.uint8)
        side = max(3, round(reach * max(height, width)))
        closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
        if count < 2:
            continue
        label = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
        chosen = ((labels == label) & (mask > 0)).astype(np.uint8)
        points = cv2.findNonZero(chosen)
        if points is None:
            continue
        corners = _clockwise(cv2.boxPoints(cv2.minAreaRect(points)))
        yield np.concatenate([corners.ravel(), [0.0, 0.0]])
        hull = cv2.convexHull(points)
        for share in (0.03, 0.06):
            four = cv2.approxPolyDP(hull, share * cv2.arcLength(hull, True), True)
            if len(four) == 4:
                yield np.concatenate([_clockwise(four.reshape(4, 2)).ravel(), [0.0, 0.0]])
                break


def _clockwise(corners: Array) -> Array:
    """Corners from the upper left one on, clockwise."""
    import numpy as np

    middle = corners.mean(axis=0)
    order = np.argsort(np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0]))
    turned = corners[order]
    first = int(np.argmin(turned.sum(axis=1)))
    return np.asarray(np.roll(turned, -first, axis=0), np.float64)


def _sample(dark: Array, frame: Array, u: Array, v: Array) -> Array:
    """Darkness at places of the unit square. The frame is four corners (projective) and two bows."""
    import cv2
    import numpy as np

    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    matrix = cv2.getPerspectiveTransform(unit, frame[:8].reshape(4, 2).astype(np.float32))
    bent_v = v + frame[8] * 4 * u * (1 - u)
    bent_u = u + frame[9] * 4 * v * (1 - v)
    depth = matrix[2, 0] * bent_u + matrix[2, 1] * bent_v + matrix[2, 2]
    x = (matrix[0, 0] * bent_u + matrix[0, 1] * bent_v + matrix[0, 2]) / depth
    y = (matrix[1, 0] * bent_u + matrix[1, 1] * bent_v + matrix[1, 2]) / depth
    column = np.clip(np.rint(x).astype(np.int32), 0, dark.shape[1] - 1)
    row = np.clip(np.rint(y).astype(np.int32), 0, dark.shape[0] - 1)
    return np.asarray(dark[row, column])


def _agreement(dark: Array, frame: Array, border: _Border) -> float:
    """Correlation of the sampled border with the expected one, −1…1."""
    import numpy as np

    values = np.clip(_sample(dark, frame, border.u, border.v), -1.0, 1.0)
    values = values - values.mean()
    sign = border.sign - border.sign.mean()
    return float((values * sign).sum() / np.sqrt((values**2).sum() * (sign**2).sum() + 1e-9))


def _fit(dark: Array, shape: int, turn: int, start: Array) -> tuple[float, int, Array]:
    """Corners and bows moved, one after the other, as long as the border agrees better."""
    import numpy as np

    border = _border(shape // 1000, shape % 1000, turn)
    frame, best = start.copy(), _agreement(dark, start, border)
    size = float(np.hypot(*(start[0:2] - start[4:6])))
    for step in _STEPS:
        for _ in range(6):
            before = best
            for index in range(10):
                move = step * (size if index < 8 else 1.0)
                for direction in (move, -move):
                    trial = frame.copy()
                    trial[index] += direction
                    score = _agreement(dark, trial, border)
                    if score > best:
                        frame, best = trial, score
                        break
            if best - before < 1e-4:
                break
    return best, shape, frame


def _draw(dark: Array, frame: Array, rows: int, columns: int) -> Array:
    """The sampled modules as a clean picture with a quiet zone."""
    import cv2
    import numpy as np

    v, u = np.meshgrid((np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij")
    values = _sample(dark, frame, u.ravel(), v.ravel()).reshape(rows, columns)
    scaled = (255 * np.clip(values, 0, 1)).astype(np.uint8)
    modules = cv2.threshold(scaled, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)[1]
    picture = cv2.resize(modules, None, fx=_PIXELS, fy=_PIXELS, interpolation=cv2.INTER_NEAREST)
    edge = 4 * _PIXELS
    return cv2.copyMakeBorder(picture, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=255)
