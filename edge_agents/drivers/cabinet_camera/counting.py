"""Counting separate pieces in a taught compartment (VIS-03): pure functions on numpy patches.

Every pixel of what differs from the empty compartment is given to visual words taught from the photographs; a piece brings
about the same amount of each word wherever it lies and however it is turned. The count is a ridge regression on the
amounts. Words: Sivic and Zisserman, "Video Google", ICCV 2003; counting by regression: Chan, Liang and Vasconcelos,
CVPR 2008.
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

WORDS = 24
_SOFT = 2.0
_DAMPING = (1e-4, 1e-3, 1e-2, 1e-1)
_LEAST_SPREAD = 0.14
_PER_PHOTOGRAPH = 190
_STRANGE = 1.7
# Less than this in common, and two witnesses contradict each other: the words are believed, as unsure as they are.
_SOME = 0.02
# Circles that are right less often on the photographs are none of the pieces'.
_ROUND_PIECES = 0.6


@dataclass(frozen=True, slots=True)
class Words:
    """Visual words: centres (words x channels) of the local look, in units of ``scale`` (channels)."""

    centres: Image
    scale: Image


@dataclass(frozen=True, slots=True)
class Counter:
    """Taught counting of one compartment: empty look (log), words, regression on their amounts, spread of its answers,
    highest taught count, usual amounts (start, slope per piece, width of each word) and how far photographs lie from them.
    ``circles``: how often the number of circles seen was the count of a photograph (0..1), None where circles tell nothing."""

    empty: Image
    words: Words
    weights: Image
    bias: float
    spread: float
    highest: int
    usual: Image
    reach: float
    photographs: int
    circles: float | None = None

    def read(
        self, patch: Image, mask: Image, circles: int | None = None
    ) -> tuple[int, float, float, list[float]]:
        """Count, its probability, how unlike that many pieces it looks (above 1: unlike anything taught), and the probability of every
        count from none to one above the highest taught.

        Beyond the highest taught count nothing is sure; one unseen error in twice the photographs is assumed. ``circles`` seen are a second
        witness, as good as they were on the photographs.
        """
        found = amounts(patch, mask, self.empty, self.words)
        value = float(found @ self.weights + self.bias)
        shares = [probability(value, n, self.spread) for n in range(self.highest + 2)]
        count = max(round(value), 0)
        sure = shares[count] if count < len(shares) else probability(value, count, self.spread)
        if circles is not None and self.circles is not None:
            others = (1 - self.circles) / (self.highest + 1)
            weighed = [share * (self.circles if n == circles else others) for n, share in enumerate(shares)]
            if sum(weighed) > _SOME:
                shares = [share / sum(weighed) for share in weighed]
                count = int(np.argmax(shares))
                sure = shares[count]
        sure *= 1 - 0.5 / (self.photographs + 2)
        if count > self.highest:
            sure *= 0.5
        strange = float(_distance(found[None], np.array([count]), self.usual)[0]) / self.reach
        return count, sure, strange, shares


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


def _inside(mask: Image) -> Image:
    return np.asarray(cv2.erode((mask > 0.5).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)


def local_look(patch: Image, inside: Image, empty: Image) -> Image:
    """What differs from the empty look around every pixel (rows x columns x channels): colours, three scales, edges.

    Light is taken out as a slope fitted on the visible floor, found first as the most frequent ratio.
    """
    ratio = cv2.GaussianBlur(log_look(patch), (0, 0), 0.7) - empty
    ratio = (ratio - _floor(ratio, inside)) * inside[..., None]
    gray = np.ascontiguousarray(ratio.mean(axis=2), np.float32)
    fine, middle, coarse = (cv2.GaussianBlur(gray, (0, 0), sigma) for sigma in (1.0, 2.0, 4.0))
    gx, gy = cv2.Sobel(fine, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(fine, cv2.CV_32F, 0, 1) / 8
    edges = cv2.GaussianBlur(cv2.magnitude(gx, gy) * 4, (0, 0), 1.0)
    parts = [
        ratio[..., 0],
        ratio[..., 1],
        ratio[..., 2],
        fine,
        middle,
        coarse,
        fine - middle,
        middle - coarse,
        edges,
    ]
    return np.stack(parts, axis=2).astype(np.float32)  # fmt: skip


def amounts(patch: Image, mask: Image, empty: Image, words: Words) -> Image:
    """Part of the compartment each word covers, softly assigned (sum 1)."""
    inside = _inside(mask)
    return _amounts(local_look(patch, inside, empty)[inside], words)


def _amounts(looks: Image, words: Words) -> Image:
    scaled = looks / words.scale
    gap = (scaled**2).sum(axis=1)[:, None] - 2 * scaled @ words.centres.T + (words.centres**2).sum(axis=1)
    share = np.exp(-_SOFT * (gap - gap.min(axis=1, keepdims=True)))
    share /= share.sum(axis=1, keepdims=True)
    return np.asarray(share.mean(axis=0), np.float32)


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


def learn_words(looks: Sequence[Image]) -> Words:
    """Words of the local looks of photographs (each pixels x channels): mostly of what differs from the empty floor."""
    chance = np.random.default_rng(0)
    pool = []
    for look in looks:
        strong = np.abs(look).max(axis=1)
        busy = np.flatnonzero(strong > np.percentile(strong, 60))
        for rows, share in ((busy, 0.8), (np.arange(len(look)), 0.2)):
            if len(rows):
                pool.append(
                    look[chance.choice(rows, min(int(_PER_PHOTOGRAPH * share), len(rows)), replace=False)]
                )
    every = np.concatenate(pool)
    scale = (every.std(axis=0) + 1e-3).astype(np.float32)
    cv2.setRNGSeed(1)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 15, 1e-3)
    start: Any = None
    _, _, centres = cv2.kmeans(
        every / scale, min(WORDS, len(every)), start, criteria, 1, cv2.KMEANS_PP_CENTERS
    )
    return Words(np.asarray(centres, np.float32), scale)


def learn_counter(
    patches: Sequence[Sequence[Image]],
    counts: Sequence[int],
    mask: Image,
    circles: Sequence[int] | None = None,
) -> tuple[Counter, float, int]:
    """Counter of a compartment from variants of labelled patches (the first of each is the photograph as it is) and, for bar ends, the
    circles seen in each photograph.

    Returns it with the log loss and right answers on photographs left out one by one.
    """
    lowest = min(counts)
    empties = [variants[0] for variants, count in zip(patches, counts, strict=True) if count == lowest]
    empty, inside = learn_empty(empties), _inside(mask)
    looks = [[local_look(patch, inside, empty)[inside] for patch in variants] for variants in patches]
    words = learn_words([variants[0] for variants in looks])
    x = np.array([[_amounts(look, words) for look in variants] for variants in looks], np.float64)
    y = np.array(counts, float)
    values, damping = min(
        (_left_out(x, y, damping) for damping in _DAMPING), key=lambda tried: _squares(tried[0], y)
    )
    spread = max(math.sqrt(_squares(values, y) / len(y)) * 1.2, _LEAST_SPREAD)
    weights, bias = _ridge(x, y, damping)
    usual, reach = _usual(x, y)
    right = int(np.sum(np.maximum(np.round(values), 0) == y))
    loss = -sum(math.log(max(probability(v, int(c), spread), 1e-9)) for v, c in zip(values, y, strict=True))
    trust = None if circles is None else (int(np.sum(np.array(circles) == y)) + 1) / (len(y) + 2)
    trust = trust if trust is not None and trust >= _ROUND_PIECES else None
    counter = Counter(empty, words, weights, bias, spread, int(y.max()), usual, reach, len(y), trust)
    return counter, loss, right  # fmt: skip


def _squares(values: Image, y: Image) -> float:
    return float(((values - y) ** 2).sum())


def _left_out(x: Image, y: Image, damping: float) -> tuple[Image, float]:
    """Answer for every photograph by a regression that never saw it."""
    values = np.empty(len(y))
    for out in range(len(y)):
        kept = np.arange(len(y)) != out
        weights, bias = _ridge(x[kept], y[kept], damping)
        values[out] = float(x[out, 0] @ weights + bias)
    return values, damping


def _ridge(x: Image, y: Image, damping: float) -> tuple[Image, float]:
    """Ridge regression over photographs x variants x words; words count alike however rare they are."""
    rows = x.reshape(-1, x.shape[2])
    target = np.repeat(y, x.shape[1])
    mean, level, scale = rows.mean(axis=0), float(target.mean()), rows.std(axis=0) + 1e-4
    centred = (rows - mean) / scale
    square = centred.T @ centred / len(rows) + damping * np.eye(rows.shape[1])
    weights = np.linalg.solve(square, centred.T @ (target - level) / len(rows)) / scale
    return weights.astype(np.float32), level - float(mean @ weights)


def _usual(x: Image, y: Image) -> tuple[Image, float]:
    """Straight line of every word over the count with its usual width (3 x words), and the farthest photograph."""
    clean = x[:, 0]
    spread = max(float(((y - y.mean()) ** 2).sum()), 1e-9)
    slope = ((y - y.mean())[:, None] * (clean - clean.mean(axis=0))).sum(axis=0) / spread
    start = clean.mean(axis=0) - slope * y.mean()
    width = (clean - start - slope * y[:, None]).std(axis=0) + 0.15 * np.abs(slope) + 0.004
    usual = np.stack([start, slope, width]).astype(np.float32)
    rows = x.reshape(-1, x.shape[2])
    return usual, _STRANGE * float(_distance(rows, np.repeat(y, x.shape[1]), usual).max())


def _distance(found: Image, counts: Image, usual: Image) -> Image:
    """Root mean square deviation of the amounts from what that many pieces usually give."""
    start, slope, width = usual
    return np.asarray(
        np.sqrt((((found - start - slope * np.asarray(counts)[:, None]) / width) ** 2).mean(axis=1))
    )
