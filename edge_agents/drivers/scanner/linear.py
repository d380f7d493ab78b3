"""EAN-13, EAN-8 and Code 128 read by comparison with blurred models, where the bars are too blurred to be measured.

A profile across the bars is sampled at the modules of a symbol whose ends, bend and blur are searched; each character is
compared with every character it could be, blurred alike and between its neighbours. Sequences whose check character is
right compete, and the best one counts only when no other comes near it. It is then drawn again as a clean symbol, so
that one reader decides about the content.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from math import log
from typing import TYPE_CHECKING, Any

from edge_agents.drivers.scanner.linear_tables import Characters, Layout, code128, ean8, ean13

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_SAMPLES = 4
"""Samples per module."""
_BLURS = (0.25, 0.4, 0.55, 0.7, 0.85, 1.0, 1.15)
"""Standard deviations of the blur tried, in modules."""
_BENDS = (-0.03, 0.0, 0.03)
_FIRST_BLURS = (0.4, 0.85)
_TRIES = 2
_FIRST = {"EAN13": 2, "EAN8": 1, "Code128": 6}
"""Guesses that are refined, of each kind; the best of them are read."""
_ENDS = 4
_BEAM = 250
_COARSE_RESIDUE = 0.36
_RESIDUE = 0.045
_MARGIN = 9.0
_ROUNDS = 5
_NEAR = 60
_RIVALS = 5
_MODULE_PX = 0.8


@dataclass(frozen=True, slots=True)
class Reading:
    """Modules of a symbol (1 dark), its ends in the profile, and how well it is founded (log of odds)."""

    modules: tuple[int, ...]
    start_px: float
    end_px: float
    margin: float
    residue: float
    name: str


@dataclass(frozen=True, slots=True)
class Fit:
    """How much of a profile's changes modules leave unexplained (0…1), with the blur and the place that suit them best."""

    residue: float
    blur: float
    frame: Array
    row: bytes


@cache
def _models(patterns: Characters, before: float, after: float, blur: float) -> tuple[Array, Array]:
    """Characters between neighbours of which only the touching module is known, blurred: (n, samples), and power."""
    import numpy as np

    n = len(patterns.rows)
    edges = [
        np.zeros((n, 3)),
        np.full((n, 1), before),
        patterns.rows,
        np.full((n, 1), after),
        np.zeros((n, 3)),
    ]
    models = _blurred(np.hstack(edges), blur)[:, 4 * _SAMPLES : -4 * _SAMPLES]
    return models, (models**2).sum(axis=1)


def _slot_models(layout: Layout, slot: int, blur: float) -> tuple[Array, Array]:
    own = layout.slots[slot]
    before = layout.slots[slot - 1].ends[1] if slot else own.ends[0]
    after = layout.slots[slot + 1].ends[0] if slot + 1 < len(layout.slots) else own.ends[1]
    return _models(own, before, after, blur)


@cache
def _pairs(left: Characters, right: Characters, blur: float) -> tuple[Array, Array]:
    """Every pair of characters, from the middle of one to that of the other: (n·m, samples), and power."""
    import numpy as np

    n, m = len(left.rows), len(right.rows)
    both = np.hstack([np.repeat(left.rows, m, axis=0), np.tile(right.rows, (n, 1))])
    first, last = _middle(left.width), left.width * _SAMPLES + _middle(right.width)
    models = np.ascontiguousarray(_blurred(both, blur)[:, first:last])
    return models, (models**2).sum(axis=1)


def _middle(width: int) -> int:
    return width * _SAMPLES // 2


def _blurred(modules: Array, blur: float) -> Array:
    import cv2
    import numpy as np

    fine = np.repeat(modules, _SAMPLES, axis=1).astype(np.float32)
    reach = int(3 * blur * _SAMPLES) * 2 + 1
    kernel = cv2.getGaussianKernel(reach, blur * _SAMPLES, cv2.CV_32F)
    return np.asarray(
        cv2.sepFilter2D(fine, -1, kernel, np.ones((1, 1), np.float32), borderType=cv2.BORDER_REPLICATE)
    )


def read_profile(profile: Array) -> Reading | None:
    """The symbol in brightness values across bars (light is high), left to right or turned round; ``None`` if in doubt."""
    tries: list[tuple[float, bool, Layout, float, Array]] = []
    both = (profile, profile[::-1])
    for layout in _layouts(profile):
        for turned in (False, True):
            frames = _first_frames(both[turned], layout)
            if not len(frames):
                continue
            level = _levelled(both[turned], (frames[0, 1] - frames[0, 0]) / layout.modules)
            for blur in _FIRST_BLURS:
                scores = _coarse(level, frames, layout, blur)
                best = int(scores.argmin())
                tries.append((float(scores[best]), turned, layout, blur, frames[best]))
    tries.sort(key=lambda entry: entry[0])
    chosen = []
    for name, count in _FIRST.items():
        closer = []
        for score, turned, layout, blur, frame in [entry for entry in tries if entry[2].name == name][:count]:
            module_px = float(frame[1] - frame[0]) / layout.modules
            if score < 1.4 * _COARSE_RESIDUE and module_px > _MODULE_PX:
                level = _levelled(both[turned], module_px)
                closer.append((turned, layout, *_refined(level, layout, score, blur, frame)))
        chosen += sorted(closer, key=lambda entry: entry[2])[:_TRIES]
    found: list[Reading] = []
    for turned, layout, score, blur, frame in sorted(chosen, key=lambda entry: entry[2]):
        if score > _COARSE_RESIDUE:
            break
        reading = _read(both[turned], layout, blur, frame)
        if reading is not None and turned:
            last = len(profile) - 1
            reading = replace(reading, start_px=last - reading.start_px, end_px=last - reading.end_px)
        if reading is not None:
            found.append(reading)
            if reading.margin > 4 * _MARGIN:
                break
    if len({reading.modules for reading in found}) > 1:
        found.sort(key=lambda reading: -reading.margin)
        if found[0].margin < 2 * found[1].margin:
            return None
    return found[0] if found else None


def _layouts(values: Array) -> list[Layout]:
    """Symbols whose number of bars agrees with what is seen: blur hides bars, noise adds few."""
    seen = len(_steps(values)[0])
    chosen = [layout for layout, bars in ((ean13(), 30), (ean8(), 22)) if 0.45 * bars <= seen <= 1.35 * bars]
    low, high = max(4, round((seen - 6) / 3)), min(34, round((1.7 * seen - 4) / 3))
    return chosen + [code128(n) for n in range(low, high + 1)]


def _steps(values: Array) -> tuple[Array, Array]:
    """Places where dark begins and where it ends, strong ones only, in pixels."""
    import numpy as np

    slope = np.gradient(values)
    strong = 0.12 * np.percentile(np.abs(slope), 98)
    middle = slope[1:-1]
    falls = 1 + np.nonzero((middle < slope[:-2]) & (middle <= slope[2:]) & (middle < -strong))[0]
    rises = 1 + np.nonzero((middle > slope[:-2]) & (middle >= slope[2:]) & (middle > strong))[0]
    return falls, rises


def _levelled(values: Array, module_px: float) -> Array:
    """Darkness from −1 (the light around) to 1 (the dark around)."""
    import cv2
    import numpy as np

    row = cv2.GaussianBlur(values.astype(np.float32)[None], (0, 0), 0.45 * module_px)
    width = max(3, round(11 * module_px)) | 1
    light = cv2.blur(cv2.dilate(row, np.ones((1, width), np.uint8)), (width, 1))
    dark = cv2.blur(cv2.erode(row, np.ones((1, width), np.uint8)), (width, 1))
    span = np.maximum(light - dark, 0.15 * float((light - dark).max()) + 1e-3)
    return np.asarray((light[0] + dark[0] - 2 * values) / span[0], np.float32)


def _sampled(level: Array, frames: Array, modules: int) -> Array:
    """Samples of each frame (start, end in pixels; two bends): (frames, samples)."""
    import numpy as np

    t = (np.arange(modules * _SAMPLES) + 0.5) / (modules * _SAMPLES)
    bow, wave = 4 * t * (1 - t), 10 * t * (1 - t) * (1 - 2 * t)
    start, end, bend, twist = (frames[:, k : k + 1] for k in range(4))
    x = start + (end - start) * (t + bend * bow + twist * wave)
    x = np.clip(x, 0, len(level) - 1.001)
    low = x.astype(np.int32)
    part = x - low
    return np.asarray(level[low] * (1 - part) + level[low + 1] * part, np.float32)


def _read(values: Array, layout: Layout, blur: float, frame: Array) -> Reading | None:
    """From a first guess to a founded reading: light, blur and place are measured again once characters are known."""
    level = _levelled(values, float(frame[1] - frame[0]) / layout.modules)
    for _ in range(2):
        paths, right = _sequences(_sampled(level, frame[None], layout.modules)[0], layout, blur)
        path = paths[right[0]] if right and right[0] < _NEAR else paths[0]
        fit = _fitted(values, layout.row(path), blur, frame)
        if fit.residue > 5 * _RESIDUE:
            return None
        blur, frame = fit.blur, fit.frame
        level = _relevelled(values, layout, fit)
    paths, right = _sequences(_sampled(level, frame[None], layout.modules)[0], layout, blur)
    if not right:
        return None
    return _founded(
        values, layout, [paths[i] for i in right[:_RIVALS]], paths[: min(3, right[0])], blur, frame
    )


def _founded(
    values: Array,
    layout: Layout,
    paths: list[tuple[int, ...]],
    wrong: list[tuple[int, ...]],
    blur: float,
    frame: Array,
) -> Reading | None:
    """The sequence that explains the profile best, if it does so well and no other one comes near."""
    fits = sorted(
        ((_fitted(values, layout.row(path), blur, frame), path) for path in paths),
        key=lambda entry: entry[0].residue,
    )
    best = fits[0][0]
    if best.residue > _RESIDUE:
        return None
    # A sequence with a wrong check character that explains the profile better: the right one is not on the list.
    if any(_fitted(values, layout.row(path), best.blur, best.frame).residue < best.residue for path in wrong):
        return None
    module = float(best.frame[1] - best.frame[0]) / layout.modules
    weight = 0.5 * layout.modules * min(1.0, module / 2.0)
    rival = fits[1][0].residue if len(fits) > 1 else _RESIDUE
    margin = weight * float(log(rival / max(best.residue, 1e-5)))
    if margin < _MARGIN:
        return None
    dark = tuple(int(v > 0) for v in layout.row(fits[0][1]))
    ends = best.frame[0] + layout.quiet * module, best.frame[1] - layout.quiet * module
    return Reading(dark, float(ends[0]), float(ends[1]), margin, best.residue, layout.name)


@lru_cache(maxsize=64)
def _base(row: bytes, blur: float) -> tuple[Array, Array]:
    """Terms of a profile with these modules, light and contrast changing slowly: orthonormal, and to their weights."""
    import numpy as np

    known = _blurred(np.frombuffer(row, np.float32)[None], blur)[0]
    t = np.linspace(-1, 1, len(known))
    return np.linalg.qr(np.hstack([np.vander(t, 4), np.vander(t, 3) * known[:, None]]))


def _fitted(values: Array, row: Array, blur: float, frame: Array) -> Fit:
    """Place and blur under which the modules explain the profile best."""
    import numpy as np

    modules, raw = len(row), row.astype(np.float32).tobytes()
    module = (frame[1] - frame[0]) / modules
    step = np.array([0.5 * module, 0.5 * module, 0.006, 0.004])
    draw = np.random.default_rng(3)
    best = np.inf
    tried = frame[None]
    for number in range(9):
        y = _sampled(values, tried, modules)
        y = y - y.mean(axis=1, keepdims=True)
        power = (y**2).sum(axis=1)
        place = _BLURS.index(blur)
        for width in _BLURS[max(0, place - 1) : place + 2] if number % 3 == 0 else (blur,):
            base, _ = _base(raw, width)
            residues = 1 - ((y @ base) ** 2).sum(axis=1) / np.maximum(power, 1e-6)
            if float(residues.min()) < best:
                best, blur, frame = float(residues.min()), width, tried[int(residues.argmin())]
        tried = frame + np.vstack([np.diag(step), -np.diag(step), draw.normal(0, 0.6, (24, 4)) * step])
        step = step * 0.68
    return Fit(best, blur, frame, raw)


def _relevelled(values: Array, layout: Layout, fit: Fit) -> Array:
    """Darkness from −1 to 1 with the light and contrast a fit found."""
    import numpy as np

    base, triangle = _base(fit.row, fit.blur)
    y = _sampled(values, fit.frame[None], layout.modules)[0]
    weights = np.linalg.solve(triangle, base.T @ y)
    first, last = fit.frame[0], fit.frame[1]
    where = np.clip(2 * (np.arange(len(values)) - first) / (last - first) - 1, -1.1, 1.1)
    contrast = np.vander(where, 3) @ weights[4:]
    floor = 0.2 * float(np.abs(contrast).max()) + 1e-6
    return np.asarray((values - np.vander(where, 4) @ weights[:4]) / np.minimum(contrast, -floor), np.float32)


def _first_frames(values: Array, layout: Layout) -> Array:
    """Ends of the symbol: strong steps near both ends of the profile's busy part, with several bends."""
    import numpy as np

    falls, rises = _steps(values)
    pairs = [(a, b) for a in falls[:_ENDS] for b in rises[-_ENDS:] if b - a > 0.9 * layout.inner]
    rows = []
    for a, b in pairs:
        module = (b - a) / layout.inner
        quiet = layout.quiet * module
        rows += [(a - quiet, b + quiet, bend, 0.0) for bend in _BENDS]
    return np.array(rows, np.float64).reshape(-1, 4)


def _coarse(level: Array, frames: Array, layout: Layout, blur: float) -> Array:
    """How far each frame is from any text at all: 0 (a model) … 1 (nothing alike)."""
    import numpy as np

    y = _sampled(level, frames, layout.modules)
    cost = np.zeros(len(frames), np.float32)
    power = np.zeros(len(frames), np.float32)
    place = 0
    for slot, characters in enumerate(layout.slots):
        width = characters.width * _SAMPLES
        part = y[:, place : place + width]
        place += width
        models, strength = _slot_models(layout, slot, blur)
        own = (part**2).sum(axis=1)
        cost += own + (strength - 2 * part @ models.T).min(axis=1)
        power += own
    return np.asarray(cost / np.maximum(power, 1e-6))


def _refined(
    level: Array, layout: Layout, score: float, blur: float, frame: Array
) -> tuple[float, float, Array]:
    """Ends, bends and blur moved as long as the characters fit better."""
    import numpy as np

    module = (frame[1] - frame[0]) / layout.modules
    step = np.array([0.8 * module, 0.8 * module, 0.015, 0.01])
    draw = np.random.default_rng(7)
    for number in range(_ROUNDS):
        moves = np.vstack([np.diag(step), -np.diag(step), draw.normal(0, 0.7, (20, 4)) * step])
        trial = frame + moves
        place = _BLURS.index(blur)
        for rated in _BLURS[max(0, place - 1) : place + 2] if number % 2 else (blur,):
            scores = _coarse(level, trial, layout, rated)
            best = int(scores.argmin())
            if scores[best] < score:
                score, blur, frame = float(scores[best]), rated, trial[best]
        step = step * 0.72
    return score, blur, frame


def _sequences(y: Array, layout: Layout, blur: float) -> tuple[list[tuple[int, ...]], list[int]]:
    """The most probable sequences of characters, best first, and which of them have a right check character."""
    import numpy as np

    paths = np.arange(len(layout.slots[0].rows))[:, None]
    costs = np.zeros(len(paths))
    place = 0
    for slot in range(len(layout.slots) - 1):
        left, right = layout.slots[slot], layout.slots[slot + 1]
        first = place + _middle(left.width)
        last = place + left.width * _SAMPLES + _middle(right.width)
        part, (models, strength) = y[first:last], _pairs(left, right, blur)
        pair = (strength - 2 * models @ part + (part**2).sum()).reshape(len(left.rows), len(right.rows))
        total = costs[:, None] + pair[paths[:, -1]]
        keep = min(_BEAM, total.size)
        chosen = np.argpartition(total.ravel(), keep - 1)[:keep]
        source, character = np.divmod(chosen, len(right.rows))
        paths = np.hstack([paths[source], character[:, None]])
        costs = total.ravel()[chosen]
        place += left.width * _SAMPLES
    ordered = [tuple(int(c) for c in row) for row in paths[np.argsort(costs)]]
    return ordered, [i for i, path in enumerate(ordered) if layout.valid(path)]


def draw(modules: tuple[int, ...], pixels: int = 3, height: int = 60) -> Array:
    """A clean picture of a symbol with its quiet zones."""
    import numpy as np

    row = np.where(np.array(modules) > 0, 0, 255).astype(np.uint8).repeat(pixels)
    quiet = np.full(12 * pixels, 255, np.uint8)
    return np.repeat(np.concatenate([quiet, row, quiet])[None], height, axis=0)
