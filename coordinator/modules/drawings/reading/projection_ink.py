"""The projection symbol on scans: two circles on one centre and a truncated cone beside them, found in the ink (DRW-17).

What is found is given as marks and strokes of the page, as vector files hold them; what they mean tells `projection_symbol`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from coordinator.modules.drawings.reading.ocr import Image
from coordinator.modules.drawings.reading.page import Mark, Segment

MIN_SIZE_SHARE = 0.006
MAX_SIZE_SHARE = 0.07
MIN_HEIGHT_PX = 14
MAX_INK_SHARE = 0.45
RING_STEPS = 90
RING_COVER = 0.86
INNER_TO_OUTER = (0.3, 0.8)
CONE_REACH = 6.0  # in outer radii
SIDE_COVER = 0.75
BRIDGED_SHARE = 0.0018
MIN_BRIDGED_PX = 4
MAX_CANDIDATES = 220

_ANGLES = np.linspace(0, 2 * math.pi, RING_STEPS, endpoint=False)
SHIFT = 2
_SHIFTS = np.array([(dx, dy) for dx in range(-SHIFT, SHIFT + 1) for dy in range(-SHIFT, SHIFT + 1)])
_NO_SHIFT = np.zeros((1, 2), np.int64)

Whole = np.ndarray[Any, np.dtype[np.int64]]
Cover = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class _Rings:
    """Two circles on one centre, in pixels."""

    x: float
    y: float
    outer: float
    inner: float


def find_symbol_strokes(ink: Image, clear: Image) -> tuple[list[Mark], list[Segment]]:
    """Circles and cones of projection symbols in the ink (255 on 0) of an upright page; ``clear`` is without long rules."""
    marks: list[Mark] = []
    strokes: list[Segment] = []
    # A line one pixel thick is crossed by every ray of the search.
    thick = cv2.dilate(ink, np.ones((2, 2), np.uint8)).astype(np.uint8)
    # Ink within the shifts of the search: what is no ring here is none around any neighbour.
    near = cv2.dilate(thick, np.ones((2 * SHIFT + 1, 2 * SHIFT + 1), np.uint8)).astype(np.uint8)
    for x, y, width, height in _candidates(clear):
        rings = _rings_in(thick, near, (x, y, width, height))
        if rings is None:
            continue
        cone = _cone_beside(thick, rings, 1) or _cone_beside(thick, rings, -1)
        if cone is not None:
            marks += [_round_mark(rings, radius) for radius in (rings.outer, rings.inner)]
            strokes += cone
    return marks, strokes


def _candidates(ink: Image) -> list[tuple[int, int, int, int]]:
    """Connected strokes of the size of the symbol: as high as a ring, hollow, not much wider than ring, gap and cone."""
    side = max(ink.shape)
    low, high = max(MIN_HEIGHT_PX, MIN_SIZE_SHARE * side), MAX_SIZE_SHARE * side
    found: set[tuple[int, int, int, int]] = set()
    # Painted-out axes and cell rules leave gaps in the rings.
    for reach in (0, max(MIN_BRIDGED_PX, round(BRIDGED_SHARE * side))):
        bridged = cv2.dilate(ink, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) if reach else ink
        count, _, stats, _ = cv2.connectedComponentsWithStats(bridged, connectivity=8)
        for x, y, width, height, area in stats[1:count].tolist():
            w, h = width - 2 * reach, height - 2 * reach
            hollow = reach > 0 or area < MAX_INK_SHARE * w * h
            if low <= h <= high and 0.6 * h <= w <= 6 * h and hollow:
                found.add((x + reach, y + reach, w, h))
    return sorted(found, key=lambda box: -box[3])[:MAX_CANDIDATES]


def _rings_in(ink: Image, near: Image, box: tuple[int, int, int, int]) -> _Rings | None:
    x, y, width, height = box
    part = ink[y : y + height, x : x + width]
    centres = [(width / 2, height / 2), (height / 2, height / 2), (width - height / 2, height / 2)]
    circles: Any = cv2.HoughCircles(
        part, cv2.HOUGH_GRADIENT, 1, max(3, height / 8), param1=100, param2=max(10, height / 3),
        minRadius=round(0.12 * height), maxRadius=round(0.6 * height),
    )  # fmt: skip
    if circles is not None:
        centres += [(float(c[0]), float(c[1])) for c in circles.reshape(-1, 3)[:6]]
    for cx, cy in centres:
        best: tuple[float, _Rings] | None = None
        reach = 0.62 * height
        radii = np.arange(3, max(4, int(reach)) + 1)
        if (_covers(near, x + cx, y + cy, radii, _NO_SHIFT) >= RING_COVER).sum() < 2:
            continue
        for (dx, dy), cover in zip(_SHIFTS, _covers(ink, x + cx, y + cy, radii, _SHIFTS), strict=True):
            rings = _rings_at(cover, radii, x + cx + dx, y + cy + dy)
            if rings is not None and (best is None or rings[0] > best[0]):
                best = rings
        if best is not None:
            return best[1]
    return None


def _covers(ink: Image, x: float, y: float, radii: Whole, shifts: Whole) -> Cover:
    """Share of ink along the circles around points beside a point, shift by radius."""
    us = np.rint(x + shifts[:, 0, None, None] + radii[:, None] * np.cos(_ANGLES)).astype(np.int32)
    vs = np.rint(y + shifts[:, 1, None, None] + radii[:, None] * np.sin(_ANGLES)).astype(np.int32)
    inside = (us >= 0) & (vs >= 0) & (us < ink.shape[1]) & (vs < ink.shape[0])
    values = ink[np.where(inside, vs, 0), np.where(inside, us, 0)] > 0
    covers: Cover = (values & inside).mean(axis=2)
    return covers


def _rings_at(cover: Cover, radii: Whole, x: float, y: float) -> tuple[float, _Rings] | None:
    """The two best covered radii around a point, if they are rings: nearly closed, with little ink between them."""
    if (cover >= RING_COVER).sum() < 2:
        return None
    peaks = [
        i for i in range(len(cover))
        if cover[i] >= RING_COVER and cover[i] == cover[max(0, i - 2) : i + 3].max()
    ]  # fmt: skip
    for outer in reversed(peaks):
        for inner in peaks:
            if not INNER_TO_OUTER[0] < radii[inner] / radii[outer] < INNER_TO_OUTER[1]:
                continue
            between = cover[inner + 1 : outer]
            if len(between) and between.min() < 0.45 and cover[: max(1, inner)].min() < 0.45:
                merit = float(cover[outer] + cover[inner])
                return merit, _Rings(x, y, float(radii[outer]), float(radii[inner]))
    return None


def _cone_beside(ink: Image, rings: _Rings, side: int) -> list[Segment] | None:
    """A truncated cone on the axis to the right (1) or left (-1) of the rings: its four sides."""
    x, y, outer = round(rings.x), round(rings.y), rings.outer
    start, end = x + side * round(1.05 * outer), x + side * round(CONE_REACH * outer)
    left, right = max(0, min(start, end)), min(ink.shape[1] - 1, max(start, end))
    top, bottom = max(0, round(y - 1.4 * outer)), min(ink.shape[0], round(y + 1.4 * outer) + 1)
    if right - left < outer or bottom - top < outer:
        return None
    part = ink[top:bottom, left : right + 1] > 0
    heights = [_run_through(part[:, column], y - top, round(1.08 * outer)) for column in range(part.shape[1])]
    uprights = _uprights(heights, rings)
    for one in uprights:
        for two in uprights:
            (a, ha), (b, hb) = one, two
            if not 0.8 * outer < b - a < 4.5 * outer or not min(ha, hb) < 0.85 * max(ha, hb):
                continue
            if _has_slanted_sides(part, y - top, one, two):
                return _sides(left + a, ha, left + b, hb, float(y))
    return None


def _run_through(column: np.ndarray[Any, np.dtype[np.bool_]], middle: int, longest: int) -> float:
    """Half the length of the upright stroke through the axis; 0 where it is not centred on it.

    A stroke longer than the circle is high goes on into a rule of its cell.
    """
    if not column[max(0, middle - 2) : middle + 3].any():
        return 0.0
    gap = 0
    ends = []
    for step in (-1, 1):
        at, gap, last = middle, 0, middle
        while 0 <= at < len(column) and gap < 3 and abs(at - middle) <= longest:
            if column[at]:
                last, gap = at, 0
            else:
                gap += 1
            at += step
        ends.append(abs(last - middle))
    return sum(ends) / 2 if min(ends) > 0.7 * max(ends) else 0.0


def _uprights(heights: list[float], rings: _Rings) -> list[tuple[int, float]]:
    """Columns with a stroke about as long as one of the circles is wide; neighbouring columns are one stroke."""
    found: list[tuple[int, float]] = []
    for column, half in enumerate(heights):
        if not 0.6 * rings.inner < half < 1.25 * rings.outer:
            continue
        if found and column - found[-1][0] <= 3:
            if half > found[-1][1]:
                found[-1] = (column, half)
        else:
            found.append((column, half))
    return found[:12]


def _has_slanted_sides(
    part: np.ndarray[Any, np.dtype[np.bool_]], middle: int, one: tuple[int, float], two: tuple[int, float]
) -> bool:
    """Ink along both straight lines which join the ends of two upright strokes, and little between them and the axis."""
    (a, ha), (b, hb) = one, two
    columns = np.arange(a + 2, b - 1)
    if len(columns) < 5:
        return False
    half = ha + (hb - ha) * (columns - a) / (b - a)
    slack = max(1, round(0.08 * max(ha, hb)))
    for sign in (-1, 1):
        rows = np.rint(middle + sign * half).astype(int)
        hits = np.zeros(len(columns), bool)
        for shift in range(-slack, slack + 1):
            at = rows + shift
            inside = (at >= 0) & (at < part.shape[0])
            hits[inside] |= part[at[inside], columns[inside]]
        within = np.rint(middle + sign * 0.55 * half).astype(int)
        if hits.mean() < SIDE_COVER or part[within, columns].mean() > 0.3:
            return False
    return True


def _sides(x0: float, h0: float, x1: float, h1: float, y: float) -> list[Segment]:
    return [
        Segment(x0, y - h0, x0, y + h0),
        Segment(x1, y - h1, x1, y + h1),
        Segment(x0, y - h0, x1, y - h1),
        Segment(x0, y + h0, x1, y + h1),
    ]


def _round_mark(rings: _Rings, radius: float) -> Mark:
    path = tuple(
        (rings.x + radius * math.cos(angle), rings.y + radius * math.sin(angle)) for angle in _ANGLES[::6]
    )
    return Mark((path,), (rings.x - radius, rings.y - radius, rings.x + radius, rings.y + radius))
