"""Matrix codes sampled module by module where no reader finds the grid: punched dots, blur, bent or tilted surfaces.

Some modules of a symbol are known before it is read. The corners of its grid and the bend of its sides are moved until
the picture agrees best with those; then every module is sampled and drawn again as a clean symbol, whose error
correction decides whether that was right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_STARTS = 5
_MOST_KNOWN = 260
_HOPELESS = 0.3
_PIXELS = 4
_SIDE = 400
_PARAMETERS = 12
"""Four corners in pixels, two bows and two waves in parts of a side."""
_ROUNDS = 16
_SMALLEST_BENT = 14
_SHARPER = (0.0, 0.12, 0.2)


@dataclass(frozen=True, eq=False)
class Known:
    """Modules of a symbol known beforehand: centres in the unit square and +1 (dark) or −1 (light)."""

    rows: int
    columns: int
    u: Array
    v: Array
    sign: Array
    grid: Array
    """1 (dark), −1 (light) and 0 (not known) as seen."""
    turn: int
    """Quarter turns against the clock from the upright symbol."""


def known(upright: Array, turn: int) -> Known:
    """From a grid of 1 (dark), −1 (light) and 0 (not known), turned; many are thinned out evenly."""
    import numpy as np

    grid = np.rot90(upright, turn)
    rows, columns = grid.shape
    row, column = np.nonzero(grid)
    if len(row) > _MOST_KNOWN:
        chosen = np.sort(np.random.default_rng(1).permutation(len(row))[:_MOST_KNOWN])
        row, column = row[chosen], column[chosen]
    sign = grid[row, column] - grid[row, column].mean()
    sign = (sign / np.sqrt((sign**2).sum())).astype(np.float32)
    return Known(rows, columns, (column + 0.5) / columns, (row + 0.5) / rows, sign, grid, turn)


def redrawn(view: Array, symbols: list[Known], frames: Iterable[Array], enough: float) -> Iterator[Array]:
    """Clean pictures (gray, with quiet zone) of the symbols that agree with a flat gray view, the most probable first.

    ``frames`` are four corners in pixels of the view, clockwise from the upper left; ``enough`` is the correlation
    with the known modules from which a symbol is drawn.
    """
    import cv2
    import numpy as np

    scale = _SIDE / max(view.shape)
    small = cv2.resize(view, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)
    dark = _darkness(small)
    found: list[tuple[float, int, Array]] = []
    for corners in frames:
        starts = _starts(np.asarray(corners, np.float64) * scale)
        for number, symbol in enumerate(symbols):
            scores = _agreement(dark, starts, symbol)
            best = int(scores.argmax())
            found.append((float(scores[best]), number, starts[best]))
    found.sort(key=lambda entry: -entry[0])
    fitted = [
        (*_fit(dark, symbols[number], start), number)
        for score, number, start in found[: 2 * _STARTS]
        if score > _HOPELESS
    ]
    for score, frame, number in sorted(fitted, key=lambda entry: -entry[0])[:_STARTS]:
        if score < enough:
            return
        symbol = symbols[number]
        size = float(np.hypot(*(frame[0:2] - frame[4:6]))) / float(np.hypot(symbol.rows, symbol.columns))
        for share in (0.15, 0.5):
            for values in _modules(_between(small, size, share), frame, symbol):
                for sharper in _SHARPER if share < 0.3 else (0.0,):
                    yield _draw(values, symbol, sharper)


def _darkness(view: Array) -> Array:
    """How dark a place is beside its surroundings, in spreads."""
    import cv2
    import numpy as np

    level = cv2.GaussianBlur(view, (0, 0), 1.6)
    mean = cv2.GaussianBlur(level, (0, 0), 27)
    spread = np.sqrt(np.maximum(cv2.GaussianBlur((level - mean) ** 2, (0, 0), 27), 1.0))
    return np.ascontiguousarray(np.clip((mean - level) / (spread + 0.3 * float(spread.max())), -1, 1))


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


def _starts(corners: Array) -> Array:
    """Frames around four corners: as they are, and a little smaller or larger either way."""
    import numpy as np

    quad = corners.reshape(4, 2)
    across, down = (quad[1] - quad[0] + quad[2] - quad[3]) / 2, (quad[3] - quad[0] + quad[2] - quad[1]) / 2
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    rows = []
    for wider in (-0.03, 0.0, 0.03):
        for taller in (-0.03, 0.0, 0.03):
            moved = quad + signs[:, :1] * wider * across + signs[:, 1:] * taller * down
            rows.append(np.concatenate([moved.ravel(), np.zeros(_PARAMETERS - 8)]))
    return np.array(rows)


def _sampled(dark: Array, frames: Array, u: Array, v: Array) -> Array:
    """Darkness at places of the unit square for each frame: (frames, places)."""
    import numpy as np

    x, y = frames[:, 0:8:2], frames[:, 1:8:2]
    bow, wave = 4 * u * (1 - u), 10 * u * (1 - u) * (1 - 2 * u)
    side_bow, side_wave = 4 * v * (1 - v), 10 * v * (1 - v) * (1 - 2 * v)
    bent_v = v + frames[:, 8:9] * bow + frames[:, 10:11] * wave
    bent_u = u + frames[:, 9:10] * side_bow + frames[:, 11:12] * side_wave
    # Square to quadrangle (Heckbert 1989).
    dx1, dx2, dx3 = x[:, 1] - x[:, 2], x[:, 3] - x[:, 2], x[:, 0] - x[:, 1] + x[:, 2] - x[:, 3]
    dy1, dy2, dy3 = y[:, 1] - y[:, 2], y[:, 3] - y[:, 2], y[:, 0] - y[:, 1] + y[:, 2] - y[:, 3]
    area = dx1 * dy2 - dx2 * dy1
    area = np.where(np.abs(area) < 1e-6, 1e-6, area)
    g, h = ((dx3 * dy2 - dx2 * dy3) / area)[:, None], ((dx1 * dy3 - dx3 * dy1) / area)[:, None]
    depth = g * bent_u + h * bent_v + 1
    across = (x[:, 1:2] - x[:, :1] + g * x[:, 1:2]) * bent_u + (x[:, 3:] - x[:, :1] + h * x[:, 3:]) * bent_v
    down = (y[:, 1:2] - y[:, :1] + g * y[:, 1:2]) * bent_u + (y[:, 3:] - y[:, :1] + h * y[:, 3:]) * bent_v
    column = np.clip(np.rint((across + x[:, :1]) / depth), 0, dark.shape[1] - 1).astype(np.int32)
    row = np.clip(np.rint((down + y[:, :1]) / depth), 0, dark.shape[0] - 1).astype(np.int32)
    return np.asarray(dark[row, column])


def _agreement(dark: Array, frames: Array, symbol: Known) -> Array:
    """Correlation of the known modules with what is sampled, −1…1, for each frame."""
    import numpy as np

    values = _sampled(dark, frames, symbol.u, symbol.v)
    values = values - values.mean(axis=1, keepdims=True)
    return np.asarray((values @ symbol.sign) / np.sqrt((values**2).sum(axis=1) + 1e-9))


def _fit(dark: Array, symbol: Known, start: Array) -> tuple[float, Array]:
    """The frame moved as long as the known modules agree better."""
    import numpy as np

    frame, best = start, float(_agreement(dark, start[None], symbol)[0])
    size = float(np.hypot(*(start[0:2] - start[4:6])))
    step = np.array([0.02 * size] * 8 + [0.02, 0.02, 0.01, 0.01])
    draw = np.random.default_rng(5)
    for _ in range(_ROUNDS):
        random = draw.normal(0, 0.7, (60, _PARAMETERS)) * (draw.random((60, _PARAMETERS)) < 0.35)
        whole = draw.normal(0, 0.7, (12, 2))
        shift = np.hstack([np.tile(whole, (1, 4)), np.zeros((12, _PARAMETERS - 8))])
        trial = frame + np.vstack([np.eye(_PARAMETERS), -np.eye(_PARAMETERS), random, shift]) * step
        scores = _agreement(dark, trial, symbol)
        top = int(scores.argmax())
        if scores[top] > best:
            frame, best = trial[top], float(scores[top])
        else:
            step = step * 0.6
    return best, frame


def _modules(dark: Array, frame: Array, symbol: Known) -> Iterator[Array]:
    """Darkness of the modules: at the places the frame gives, then where the picture around is clearest."""
    import numpy as np

    rows, columns = symbol.rows, symbol.columns
    v, u = np.meshgrid((np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij")
    places = u.ravel(), v.ravel()
    yield _sampled(dark, frame[None], *places).reshape(rows, columns)
    if min(rows, columns) < _SMALLEST_BENT:
        return
    yield _settled(dark, frame, places, symbol.grid)


def _settled(dark: Array, frame: Array, places: tuple[Array, Array], sign: Array) -> Array:
    """Modules sampled after each neighbourhood moved, by parts of a module, to where it shows dark and light best."""
    import cv2
    import numpy as np

    rows, columns = sign.shape
    u, v = places
    moved_u, moved_v = np.zeros(sign.shape), np.zeros(sign.shape)
    middle = float(np.median(_sampled(dark, frame[None], u, v)))
    for step, reach in ((0.35, 3.5), (0.35, 3.0), (0.2, 2.5), (0.2, 2.5), (0.1, 2.0)):
        shifts = [(dx * step, dy * step) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
        gains = []
        for dx, dy in shifts:
            at_u, at_v = u + (moved_u.ravel() + dx) / columns, v + (moved_v.ravel() + dy) / rows
            value = _sampled(dark, frame[None], at_u, at_v).reshape(sign.shape) - middle
            gain = np.where(sign == 0, np.abs(value), 2 * sign * value)
            gains.append(cv2.GaussianBlur(gain, (0, 0), reach, borderType=cv2.BORDER_REFLECT))
        stack = np.array(gains)
        stack[4] *= 1.01
        best = stack.argmax(axis=0)
        shift = np.array(shifts)[best]
        moved_u = cv2.GaussianBlur(
            moved_u + shift[..., 0], (0, 0), 0.6 * reach, borderType=cv2.BORDER_REPLICATE
        )
        moved_v = cv2.GaussianBlur(
            moved_v + shift[..., 1], (0, 0), 0.6 * reach, borderType=cv2.BORDER_REPLICATE
        )
    at_u, at_v = u + moved_u.ravel() / columns, v + moved_v.ravel() / rows
    return _sampled(dark, frame[None], at_u, at_v).reshape(sign.shape)


def _draw(values: Array, symbol: Known, sharper: float) -> Array:
    """Modules as a clean upright picture; ``sharper`` takes that share of each neighbour out."""
    import cv2
    import numpy as np

    if sharper:
        wide = np.pad(values, 1, mode="edge")
        around = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]
        values = values + sharper * (4 * values - around)
    scaled = (255 * np.clip(values * 0.6 + 0.2, 0, 1)).astype(np.uint8)
    modules = cv2.threshold(scaled, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)[1]
    modules[symbol.grid > 0] = 0
    modules[symbol.grid < 0] = 255
    upright = np.rot90(modules, -symbol.turn)
    picture = np.repeat(np.repeat(upright, _PIXELS, axis=0), _PIXELS, axis=1)
    return np.pad(picture, 4 * _PIXELS, constant_values=255)
