"""Pieces of outlined letters: the small strokes and contours of a page, those that touch taken together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from shapely import STRtree, bounds, linestrings  # type: ignore[import-untyped]
from shapely import distance as shapely_distance

from coordinator.modules.drawings.reading.model import BBox

Points = np.ndarray[Any, np.dtype[np.float64]]
Spans = np.ndarray[Any, np.dtype[np.float64]]

MAX_LETTER = 40.0  # points
MAX_STROKES = 60_000
TOUCH_SHARE, MAX_TOUCH = 0.04, 0.12
BESIDE_SHARE, INSIDE_SHARE = 0.085, 0.7
STRAIGHT = 0.02
NO_LENGTH = 1e-4
BEYOND_SHARE = 0.15
SLENDER, ALIKE_SIDES = 1.8, 1.15


@dataclass(frozen=True)
class Stroke:
    """A polyline of the page (points from the top left), or a contour whose inside is painted."""

    points: Points
    filled: bool = False


@dataclass(frozen=True)
class Piece:
    """Strokes which touch each other: a letter, a part of one, or a small drawing."""

    paths: tuple[Points, ...]
    filled: bool

    @cached_property
    def box(self) -> BBox:
        """Upright box in page coordinates."""
        points = np.concatenate(self.paths)
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)

    @cached_property
    def is_bar(self) -> bool:
        """True for one straight stroke: a 1, an l, a minus sign, or a dash of the drawing."""
        points = np.concatenate(self.paths)
        if len(points) < 3:
            return True
        spread = points - points.mean(axis=0)
        across, along = np.linalg.svd(spread, compute_uv=False)[::-1]
        return not self.filled and bool(across < STRAIGHT * along)


def gather_pieces(strokes: Sequence[Stroke]) -> list[Piece]:
    """Join strokes that touch, and contours that lie in one another; what is too large for a letter is left out."""
    small = [stroke for stroke in strokes if _side(stroke.points) <= MAX_LETTER][:MAX_STROKES]
    small = _without_arrow_heads(_once(small))
    if not small:
        return []
    owner = list(range(len(small)))

    def root(index: int) -> int:
        while owner[index] != index:
            owner[index] = owner[owner[index]]
            index = owner[index]
        return index

    for one, two in [*_touching(small), *_nested(small)]:
        owner[root(one)] = root(two)
    groups: dict[int, list[Stroke]] = {}
    for index, stroke in enumerate(small):
        groups.setdefault(root(index), []).append(stroke)
    pieces = [
        Piece(tuple(stroke.points for stroke in group), any(stroke.filled for stroke in group))
        for group in groups.values()
    ]
    return [
        piece
        for piece in pieces
        if max(piece.box[2] - piece.box[0], piece.box[3] - piece.box[1]) <= MAX_LETTER
    ]


def _once(strokes: list[Stroke]) -> list[Stroke]:
    """Each shape once: letters that are painted and outlined are drawn twice or three times with the same points."""
    known: dict[bytes, Stroke] = {}
    for stroke in sorted(strokes, key=lambda stroke: not stroke.filled):
        known.setdefault(np.round(stroke.points, 2).tobytes(), stroke)
    return list(known.values())


def _without_arrow_heads(strokes: list[Stroke]) -> list[Stroke]:
    """Strokes less filled slender triangles: dimension lines may end in a text. The opening of a 4 lies in its letter."""
    around = np.array(
        [(*s.points.min(axis=0), *s.points.max(axis=0)) for s in strokes if s.filled], dtype=float
    ).reshape(-1, 4)

    def is_arrow(stroke: Stroke) -> bool:
        if not stroke.filled or not _is_slender_triangle(stroke.points):
            return False
        low, high = stroke.points.min(axis=0), stroke.points.max(axis=0)
        holds = (around[:, :2] <= low).all(axis=1) & (around[:, 2:] >= high).all(axis=1)
        return int(holds.sum()) < 2  # its own box

    return [stroke for stroke in strokes if not is_arrow(stroke)]


def _is_slender_triangle(points: Points) -> bool:
    corners = points[:-1] if np.hypot(*(points[0] - points[-1])) < NO_LENGTH else points
    if len(corners) != 3:
        return False
    sides = sorted(float(np.hypot(*(corners[n] - corners[n - 1]))) for n in range(3))
    return sides[0] * SLENDER < sides[1] and sides[2] < ALIKE_SIDES * sides[1]


def _side(points: Points) -> float:
    return float((points.max(axis=0) - points.min(axis=0)).max())


def _touching(strokes: list[Stroke]) -> list[tuple[int, int]]:
    counts = [len(stroke.points) for stroke in strokes]
    points = np.concatenate([stroke.points for stroke in strokes])
    # A stroke without length is a point to the pen, but no line to the geometry library.
    points[np.cumsum(counts) - 1] += NO_LENGTH
    lines = linestrings(points, indices=np.repeat(np.arange(len(strokes)), counts))
    sides = np.array([_side(stroke.points) for stroke in strokes])
    filled = np.array([stroke.filled for stroke in strokes])
    # Contours of neighbouring bold letters may touch: a contour belongs to another only inside it.
    touch = np.where(filled, 0.0, np.minimum(MAX_TOUCH, TOUCH_SHARE * sides + 0.02))
    tree = STRtree(lines)
    near = tree.query(
        lines, predicate="dwithin", distance=np.maximum(touch, np.where(filled, 0, BESIDE_SHARE * sides))
    ).T
    near = near[(near[:, 0] != near[:, 1]) & ~(filled[near[:, 0]] & filled[near[:, 1]])]
    one, two = near[:, 0], near[:, 1]
    apart = shapely_distance(lines[one], lines[two])
    # Fonts of several strokes draw them close beside each other: the extent of one lies in that of the other.
    kept = (apart <= touch[one]) | _inside(lines, one, two)
    # A border or a line of the drawing that touches a painted letter reaches beyond it.
    kept &= (filled[one] == filled[two]) | ~_reaches_beyond(
        lines, np.where(filled[one], one, two), np.where(filled[one], two, one)
    )
    return [(int(a), int(b)) for a, b in near[kept]]


def _reaches_beyond(lines: Any, contour: Any, stroke: Any) -> Any:
    """True where a stroke is larger than the painted contour it touches."""
    a, b = bounds(lines)[contour], bounds(lines)[stroke]
    size = np.maximum(a[:, 2] - a[:, 0], a[:, 3] - a[:, 1])
    slack = BEYOND_SHARE * size
    return (b[:, :2] < a[:, :2] - slack[:, None]).any(axis=1) | (b[:, 2:] > a[:, 2:] + slack[:, None]).any(
        axis=1
    )


def _inside(lines: Any, one: Any, two: Any) -> Any:
    """True where most of the smaller box lies in the larger one."""
    boxes = bounds(lines) + np.array([-0.05, -0.05, 0.05, 0.05])
    a, b = boxes[one], boxes[two]
    width = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
    height = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
    areas = [(box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) for box in (a, b)]
    return np.maximum(width, 0) * np.maximum(height, 0) > INSIDE_SHARE * np.minimum(*areas)


def _nested(strokes: list[Stroke]) -> list[tuple[int, int]]:
    """Pairs of a filled contour and the smallest one around it."""
    filled = [index for index, stroke in enumerate(strokes) if stroke.filled]
    if not filled:
        return []
    boxes = np.array([[*strokes[i].points.min(axis=0), *strokes[i].points.max(axis=0)] for i in filled])
    order = np.argsort(boxes[:, 0])
    boxes, filled = boxes[order], [filled[i] for i in order.tolist()]
    pairs = []
    for place, index in enumerate(filled):
        x0, y0, x1, y1 = boxes[place]
        first = int(np.searchsorted(boxes[:, 0], x0 - MAX_LETTER))
        last = int(np.searchsorted(boxes[:, 0], x0, side="right"))
        near = boxes[first:last]
        around = np.flatnonzero((near[:, 2] >= x1) & (near[:, 1] <= y0) & (near[:, 3] >= y1)) + first
        for other in around.tolist():
            contour = strokes[filled[other]].points.astype(np.float32)
            x, y = strokes[index].points[0]
            if other != place and cv2.pointPolygonTest(contour, (float(x), float(y)), False) > 0:
                pairs.append((index, filled[other]))
    return pairs


def length_of(paths: Sequence[Points]) -> float:
    """Length of all strokes."""
    return float(sum(np.hypot(*(b - a)) for path in paths for a, b in pairwise(path)))
