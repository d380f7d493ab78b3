"""Recognises drafting signs from their strokes by comparing them with the shapes of ISO 1101, ISO 129 and ASME Y14.5.

Used where a CAD system draws ⌴, ↧ or ⌖ as lines: beside a number, and in the first cell of a feature control frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Point = tuple[float, float]
Path = Sequence[Point]
Cloud = npt.NDArray[np.float64]
MAX_DISTANCE = 0.055  # mean distance to the shape, share of its larger side
MAX_FARTHEST = 0.3
_SAMPLES = 160
HOLE_SIGNS = ("⌴", "⌵", "↧", "□")
RINGED = ("M", "L", "P", "E", "F")
CHARACTERISTICS = ("⌖", "⊥", "∥", "⏥", "○", "⌭", "◎", "↗", "⌰", "∠", "⌯", "⌓", "⌒", "⏤")


def _circle(radius: float, first: float = 0.0, last: float = 360.0, at: Point = (0.5, 0.5)) -> list[Point]:
    steps = 24
    angles = [math.radians(first + (last - first) * step / steps) for step in range(steps + 1)]
    return [(at[0] + radius * math.cos(angle), at[1] - radius * math.sin(angle)) for angle in angles]


# y down, about one unit wide; proportions follow the standards, variants are those CAD systems draw.
_SHAPES: dict[str, list[list[list[Point]]]] = {
    "⌴": [[[(0, 0), (0, 1), (1, 1), (1, 0)]], [[(0, 0.4), (0, 1), (1.2, 1), (1.2, 0.4)]],
          [[(0, 0.25), (0, 1), (1, 1), (1, 0.25)]]],
    "⌵": [[[(0, 0), (0.5, 1), (1, 0)]], [[(0, 0), (0.5, 0.75), (1, 0)]], [[(0, 0), (0.6, 0.6), (1.2, 0)]]],
    "↧": [
        [[(0, 0), (1, 0)], [(0.5, 0), (0.5, 1.2)], [(0.25, 0.8), (0.5, 1.2), (0.75, 0.8)]],
        [[(0, 0), (0.8, 0)], [(0.4, 0), (0.4, 1.2)], [(0.25, 0.85), (0.4, 1.2), (0.55, 0.85), (0.25, 0.85)]],
    ],
    "□": [[[(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]]],
    "⌖": [
        [_circle(0.3), [(0, 0.5), (1, 0.5)], [(0.5, 0), (0.5, 1)]],
        [_circle(0.36), [(0, 0.5), (1, 0.5)], [(0.5, 0), (0.5, 1)]],
        [_circle(0.5), [(0, 0.5), (1, 0.5)], [(0.5, 0), (0.5, 1)]],
    ],
    "⊥": [[[(0, 1), (1, 1)], [(0.5, 0), (0.5, 1)]], [[(0, 0.8), (1.2, 0.8)], [(0.6, 0), (0.6, 0.8)]]],
    "∥": [[[(0.45, 0), (0, 1)], [(0.95, 0), (0.5, 1)]], [[(0.6, 0), (0, 1)], [(0.95, 0), (0.35, 1)]],
          [[(0, 0), (0, 1)], [(0.4, 0), (0.4, 1)]]],
    "⏥": [[[(0, 0.6), (0.35, 0), (1.1, 0), (0.75, 0.6), (0, 0.6)]], [[(0, 0.8), (0.4, 0), (1.2, 0), (0.8, 0.8), (0, 0.8)]]],
    "○": [[_circle(0.5)]],
    "⌭": [
        [_circle(0.32), [(0.3, 0), (0, 1)], [(1, 0), (0.7, 1)]],
        [_circle(0.3, at=(0.5, 0.45)), [(0.38, 0), (0, 0.9)], [(1, 0), (0.62, 0.9)]],
    ],
    "◎": [[_circle(0.5), _circle(0.25)], [_circle(0.5), _circle(0.32)]],
    "↗": [
        [[(0, 1), (1, 0)], [(0.55, 0.15), (1, 0), (0.85, 0.45)]],
        [[(0, 1), (1, 0)], [(0.65, 0.2), (1, 0), (0.8, 0.35), (0.65, 0.2)]],
        [[(0, 1), (0.75, 0)], [(0.35, 0.22), (0.75, 0), (0.7, 0.48)]],
    ],
    "⌰": [
        [[(0, 0.9), (0.6, 0)], [(0.6, 0.9), (1.2, 0)], [(0, 0.9), (0.6, 0.9)]],
        [[(0, 1), (0.7, 0)], [(0.5, 1), (1.2, 0)], [(0, 1), (0.5, 1)], [(0.45, 0.2), (0.7, 0), (0.66, 0.32)],
         [(0.95, 0.2), (1.2, 0), (1.16, 0.32)]],
    ],
    "∠": [[[(1, 0.6), (0, 0.6), (0.9, 0)]], [[(1, 1), (0, 1), (0.87, 0)]]],
    "⌯": [[[(0, 0.35), (1, 0.35)], [(0.25, 0), (0.75, 0)], [(0.25, 0.7), (0.75, 0.7)]]],
    "⌓": [[_circle(0.5, 0, 180), [(0, 0.5), (1, 0.5)]]],
    "⌒": [[_circle(0.5, 0, 180)]],
    "⏤": [[[(0, 0), (1, 0)]]],
    "M": [[[(0, 1), (0, 0), (0.5, 0.6), (1, 0), (1, 1)]], [[(0, 1), (0, 0), (0.45, 1), (0.9, 0), (0.9, 1)]]],
    "L": [[[(0, 0), (0, 1), (0.65, 1)]]],
    "P": [[[(0, 1), (0, 0), (0.5, 0.02), (0.62, 0.25), (0.5, 0.5), (0, 0.52)]]],
    "E": [[[(0.65, 0), (0, 0), (0, 1), (0.65, 1)], [(0, 0.5), (0.5, 0.5)]]],
    "F": [[[(0.65, 0), (0, 0), (0, 1)], [(0, 0.5), (0.5, 0.5)]]],
}  # fmt: skip


def recognise_strokes(paths: Sequence[Path], signs: Sequence[str]) -> str | None:
    """The sign whose shape the strokes draw (y down, upright), or None. Size does not matter, proportions do."""
    cloud = _cloud(paths)
    if cloud is None:
        return None
    best: tuple[float, str] | None = None
    for sign in signs:
        for variant in range(len(_SHAPES[sign])):
            mean, farthest = _distance(cloud, _template(sign, variant))
            if mean < MAX_DISTANCE and farthest < MAX_FARTHEST and (best is None or mean < best[0]):
                best = (mean, sign)
    return best[1] if best else None


@lru_cache(maxsize=64)
def _template(sign: str, variant: int) -> Cloud:
    cloud = _cloud(_SHAPES[sign][variant])
    if cloud is None:
        raise ValueError(f"shape without extent: {sign}")
    return cloud


def _cloud(paths: Sequence[Path]) -> Cloud | None:
    """Points at even steps along the strokes, centred on their box, scaled by its larger side."""
    pieces = [
        (np.array(a, dtype=float), np.array(b, dtype=float)) for path in paths for a, b in pairwise(path)
    ]
    total = sum(float(np.hypot(*(b - a))) for a, b in pieces)
    if total <= 0:
        return None
    points = []
    for a, b in pieces:
        count = max(2, round(_SAMPLES * float(np.hypot(*(b - a))) / total))
        points.append(a + (b - a) * np.linspace(0, 1, count)[:, None])
    cloud = np.concatenate(points)
    low, high = cloud.min(axis=0), cloud.max(axis=0)
    side = float((high - low).max())
    return (cloud - (low + high) / 2) / side if side > 0 else None


def _distance(a: Cloud, b: Cloud) -> tuple[float, float]:
    gaps = np.sqrt(((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2))
    there, back = gaps.min(axis=1), gaps.min(axis=0)
    return float(max(there.mean(), back.mean())), float(max(there.max(), back.max()))
