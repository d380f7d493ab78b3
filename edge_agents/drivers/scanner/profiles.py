"""Brightness across bars, averaged along them: of the whole height, of bands, of stretches cut free of what lies around."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_BANDS = ((0.38, 0.62), (0.05, 0.95), (0.15, 0.35), (0.65, 0.85))
_MIN_ROWS, _MIN_COLUMNS = 4, 30
_STRETCHES = 9
_AROUND = 0.12
"""Of the bars' width, looked at either side."""
_LEAST_RUNS = 20
_LONGEST = 6.5
"""No bar is as many narrow ones wide."""


def across(image: Array) -> Iterator[tuple[Array, float, float, float]]:
    """(profile, its first column, upper and lower row) of upright bars in a gray view, the whole height first."""
    import cv2
    import numpy as np

    level = cv2.GaussianBlur(image, (0, 0), 1.0).astype(np.float32)
    busy, (left, right, top, bottom) = _busy(level)
    if bottom - top < _MIN_ROWS or right - left < _MIN_COLUMNS:
        return
    for low, high in _BANDS:
        first, last = round(top + low * (bottom - top)), round(top + high * (bottom - top))
        if last - first < _MIN_ROWS:
            continue
        inner_left, inner_right = _run(busy[first:last].mean(axis=0), 0.18)
        edge = round(0.06 * (inner_right - inner_left)) + 4
        start, end = max(0, inner_left - edge), min(image.shape[1], inner_right + edge)
        if end - start >= _MIN_COLUMNS:
            yield _averaged(level[first:last, start:end]), float(start), float(first), float(last)


def _busy(level: Array) -> tuple[Array, tuple[int, int, int, int]]:
    """How much brightness changes across rather than along, and where it does so most: columns and rows of the bars."""
    import cv2
    import numpy as np

    change = np.abs(cv2.Sobel(level, cv2.CV_32F, 1, 0)) - np.abs(cv2.Sobel(level, cv2.CV_32F, 0, 1))
    side = level.shape[0]
    window = max(9, round(0.08 * side)) | 1
    busy = np.maximum(cv2.blur(change, (window, max(5, window // 4) | 1)), 0)
    left, right = _run(busy[side // 4 : 3 * side // 4].sum(axis=0), 0.25)
    top, bottom = _run(busy[:, left:right].mean(axis=1), 0.5)
    return busy, (left, right, top, bottom)


def _run(values: Array, share: float) -> tuple[int, int]:
    """The stretch around the greatest value of the middle half that stays above a share of it."""
    import numpy as np

    quarter = len(values) // 4
    peak = quarter + int(values[quarter : len(values) - quarter].argmax())
    below = np.nonzero(values < share * values[peak])[0]
    before, after = below[below < peak], below[below > peak]
    return int(before[-1]) + 1 if len(before) else 0, int(after[0]) if len(after) else len(values)


def _averaged(band: Array) -> Array:
    """Mean of the rows, each shifted so that slanted or bent bars fall on each other."""
    import cv2
    import numpy as np

    rows, columns = band.shape
    strips = min(7, rows // 2)
    if strips < 3:
        return np.asarray(band.mean(axis=0))
    parts = [part.mean(axis=0) for part in np.array_split(band, strips)]
    reach = max(4, columns // 40)
    total, shift = parts[strips // 2].copy(), {strips // 2: 0}
    for direction in (1, -1):
        number = strips // 2 + direction
        while 0 <= number < strips:
            guess = shift[number - direction]
            moved = np.roll(parts[number], -guess)
            template = total[reach:-reach].astype(np.float32)[None]
            match = cv2.matchTemplate(moved.astype(np.float32)[None], template, cv2.TM_CCOEFF_NORMED)[0]
            offset = int(match.argmax()) - reach
            shift[number] = guess + offset
            if float(match.max()) > 0.6:
                total = total + np.roll(parts[number], -shift[number])
            number += direction
    return np.asarray(total)


def stretches(image: Array) -> tuple[list[Array], tuple[float, float, float, float]]:
    """Brightness across upright bars in stretches along them, cut free of their surroundings, and their place.

    The place: first and last column, upper and lower row. A label cut close to the bars lies on something dark, which looks
    like one more bar: it is made light.
    """
    import cv2
    import numpy as np

    level = cv2.GaussianBlur(image, (0, 0), 0.8).astype(np.float32)
    _, (left, right, top, bottom) = _busy(level)
    place = (float(left), float(right), float(top), float(bottom))
    if bottom - top < _STRETCHES or right - left < 2 * _MIN_COLUMNS:
        return [], place
    edge = round(_AROUND * (right - left))
    first, last = max(0, left - edge), min(image.shape[1], right + edge)
    bands = np.array_split(level[top:bottom, first:last], _STRETCHES)
    lines = [_cut_free(band.mean(axis=0)) for band in bands]
    return [line for line in lines if line is not None], place


def _cut_free(line: Array) -> Array | None:
    """A line with light instead of what is no bar at its ends; ``None`` where no bars stand."""
    import cv2
    import numpy as np

    width = max(9, len(line) // 6) | 1
    row = line[None].astype(np.float32)
    light = cv2.blur(cv2.dilate(row, np.ones((1, width), np.uint8)), (width, 1))[0]
    dark = cv2.blur(cv2.erode(row, np.ones((1, width), np.uint8)), (width, 1))[0]
    is_dark = line < (light + dark) / 2
    ends = np.flatnonzero(np.diff(is_dark)) + 1
    runs = [(int(a), int(b)) for a, b in zip(np.r_[0, ends], np.r_[ends, len(line)], strict=True)]
    middle = runs[len(runs) // 4 : 1 + 3 * len(runs) // 4]
    if len(runs) < _LEAST_RUNS:
        return None
    longest = _LONGEST * float(np.percentile([b - a for a, b in middle], 15))
    start, end = 0, len(line)
    for a, b in runs:
        if b - a > longest and is_dark[a]:
            if (a + b) / 2 < len(line) / 2:
                start = b
            else:
                end = min(end, a)
    if end - start < len(line) / 3:
        return None
    first = start
    bright = np.flatnonzero(line[start:end] > (3 * light + dark)[start:end] / 4)
    if not len(bright):
        return None
    # The blurred edge towards the surroundings would be a fine bar of its own: on to the light before the first bar.
    if start:
        start += int(bright[0])
        while start + 1 < end and line[start + 1] > line[start]:
            start += 1
    if end < len(line):
        end = first + int(bright[-1]) + 1
        while end - 2 > start and line[end - 2] > line[end - 1]:
            end -= 1
    bars = line[start:end]
    quiet = np.full(len(line) // 6, np.percentile(bars, 95), np.float32)
    return np.concatenate([quiet, bars, quiet])
