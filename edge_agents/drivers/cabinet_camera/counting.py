"""Counting loose pieces against the taught empty compartment (VIS-03): pure functions on numpy patches.

Pieces of one item cover about the same area wherever they lie. The covered area at several strengths, the number of
blobs and the length of edges are regressed on the labelled counts; what is left over gives the confidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_STRENGTHS = (0.15, 0.25, 0.4, 0.6)
_RIDGE = 3e-3


@dataclass(frozen=True, slots=True)
class Counter:
    """Taught counting of one compartment: empty look (log), regression, spread of its answers, highest taught count."""

    empty: Image
    weights: Image
    bias: float
    spread: float
    highest: int
    usual: Image

    def read(self, patch: Image, mask: Image) -> tuple[int, float, float]:
        """Count, its probability, and how unlike that many pieces it looks (above 1: unlike anything taught).

        Beyond the highest taught count nothing is sure.
        """
        found = measures(patch, mask, self.empty)
        value = float(found @ self.weights + self.bias)
        count = max(round(value), 0)
        sure = probability(value, count, self.spread) * (1.0 if count <= self.highest else 0.5)
        return count, sure, float(self.strangeness(found[None], np.array([count]))[0])

    def strangeness(self, found: Image, counts: Image) -> Image:
        """Largest deviation of any measure from what that many pieces usually give, in units of the taught reach."""
        start, slope, width = self.usual
        return np.asarray(np.max(np.abs(found - start - slope * counts[:, None]) / width, axis=1))


def probability(value: float, count: int, spread: float) -> float:
    """Probability that ``count`` is right when ``value`` was measured with that spread; normal errors."""
    scale = spread * math.sqrt(2)
    upper = 0.5 * (1 + math.erf((count + 0.5 - value) / scale))
    lower = 0.0 if count == 0 else 0.5 * (1 + math.erf((count - 0.5 - value) / scale))
    return upper - lower


def log_look(patch: Image) -> Image:
    """Logarithm of a BGR patch without its overall light: middle value 0 in each channel."""
    look = np.log(patch.astype(np.float32) + 16.0)
    return np.asarray(look - np.median(look, axis=(0, 1), keepdims=True))


def learn_empty(patches: Sequence[Image]) -> Image:
    """Look of the empty compartment: median of the given patches after taking out each one's light."""
    return np.asarray(np.median([log_look(patch) for patch in patches], axis=0), np.float32)


def measures(patch: Image, mask: Image, empty: Image) -> Image:
    """What differs from the empty look: covered parts at four strengths, blobs, edges.

    Light is taken out as a slope fitted on the visible floor, found first as the most frequent ratio.
    """
    inside = cv2.erode((mask > 0.5).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    ratio = cv2.GaussianBlur(log_look(patch), (0, 0), 0.9) - empty
    distance = np.sqrt(((ratio - _floor(ratio, inside)) ** 2).mean(axis=2)) * inside
    total = max(float(inside.sum()), 1.0)
    soft = [float((1 / (1 + np.exp(-(distance - level) * 25)))[inside].sum()) / total for level in _STRENGTHS]
    covered = cv2.morphologyEx((distance > 0.3).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    number, _, stats, _ = cv2.connectedComponentsWithStats(covered, connectivity=4)
    blobs = float(np.sum(stats[1:, cv2.CC_STAT_AREA] >= 0.008 * total)) if number > 1 else 0.0
    edge = cv2.morphologyEx(covered, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return np.array([*soft, 0.1 * blobs, float(edge.sum()) / total], np.float32)


def _floor(ratio: Image, inside: Image) -> Image:
    """Slope of light over the visible floor, per channel: least squares on what lies near the floor so far."""
    side = ratio.shape[0]
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side - 0.5
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=2)
    level = np.array([_mode(ratio[..., channel][inside]) for channel in range(3)], np.float32)
    floor = np.broadcast_to(level, ratio.shape).copy()
    for reach in (0.45, 0.3, 0.2):
        near = (np.abs(ratio - floor).max(axis=2) < reach) & inside
        if near.sum() < 60:
            break
        basis = terms[near]
        square = basis.T @ basis + 0.5 * np.diag([0.0, 1, 1, 2, 2, 2]).astype(np.float32)
        floor = terms @ np.linalg.solve(square, basis.T @ (ratio[near] - level)).astype(np.float32) + level
    return floor


def _mode(values: Image) -> float:
    """Most frequent value (kernel of 0.04)."""
    counts, edges = np.histogram(values, bins=np.arange(-3.0, 3.0, 0.02))
    smooth = np.convolve(counts, [1, 2, 3, 2, 1], mode="same")
    return float(edges[int(np.argmax(smooth))] + 0.01)


def learn_counter(
    patches: Sequence[Sequence[Image]], counts: Sequence[int], mask: Image
) -> tuple[Counter, float, int]:
    """Counter of a compartment from variants of labelled patches (the first of each is the photograph as it is).

    Returns it with the log loss and right answers on photographs left out one by one.
    """
    lowest = min(counts)
    empties = [variants[0] for variants, count in zip(patches, counts, strict=True) if count == lowest]
    empty = learn_empty(empties)
    x = np.stack([[measures(patch, mask, empty) for patch in variants] for variants in patches])
    y = np.array(counts, float)
    values = np.empty(len(y))
    for out in range(len(y)):
        kept = np.arange(len(y)) != out
        weights, bias = _ridge(x[kept], y[kept])
        values[out] = float(x[out, 0] @ weights + bias)
    errors = values - y
    spread = max(float(np.sqrt(np.mean(errors**2))) * 1.1, 0.12)
    weights, bias = _ridge(x, y)
    right = int(np.sum(np.maximum(np.round(values), 0) == y))
    loss = -sum(math.log(max(probability(v, int(c), spread), 1e-9)) for v, c in zip(values, y, strict=True))
    return Counter(empty, weights, bias, spread, int(y.max()), _usual(x, y)), loss, right


def _usual(x: Image, y: Image) -> Image:
    """Straight line of every measure over the count and the widest deviation seen (3 x measures)."""
    clean = x[:, 0].astype(float)
    spread = max(float(((y - y.mean()) ** 2).sum()), 1e-9)
    slope = ((y - y.mean())[:, None] * (clean - clean.mean(axis=0))).sum(axis=0) / spread
    start = clean.mean(axis=0) - slope * y.mean()
    off = np.abs(x.astype(float) - start - slope * y[:, None, None]).reshape(-1, x.shape[2])
    floor = 0.25 * np.abs(slope) + 0.004
    return np.stack([start, slope, 1.8 * np.maximum(off.max(axis=0), floor)]).astype(np.float32)


def _ridge(x: Image, y: Image) -> tuple[Image, float]:
    """Ridge regression over photographs x variants x measures."""
    rows = x.reshape(-1, x.shape[2]).astype(float)
    target = np.repeat(y, x.shape[1])
    mean, level = rows.mean(axis=0), float(target.mean())
    centred = rows - mean
    square = centred.T @ centred / len(rows) + _RIDGE * np.eye(rows.shape[1]) * 0.05
    weights = np.linalg.solve(square, centred.T @ (target - level) / len(rows))
    return weights.astype(np.float32), level - float(mean @ weights)
