"""Isolation forest (Liu, Ting, Zhou 2008) in plain numpy: a station needs no machine learning library."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
_SUBSAMPLE = 256
_EULER = 0.5772156649


def _average_path(count: int) -> float:
    """Mean depth of an unsuccessful search in a binary tree of ``count`` points: the paper's c(n)."""
    if count <= 1:
        return 0.0
    if count == 2:
        return 1.0
    return 2.0 * (math.log(count - 1) + _EULER) - 2.0 * (count - 1) / count


class IsolationForest:
    """Scores 0 (usual) to 1 (easily isolated). ``trees`` are nested lists: ``[feature, cut, left, right]`` or a depth."""

    def __init__(self, trees: list[Any], sample_size: int) -> None:
        self.trees = trees
        self.sample_size = sample_size

    @classmethod
    def fit(cls, rows: Matrix, *, trees: int, seed: int) -> IsolationForest:
        """Learns from ``rows`` (cycles by measures), reproducible for a seed."""
        random = np.random.default_rng(seed)
        size = min(_SUBSAMPLE, len(rows))
        depth = max(1, math.ceil(math.log2(max(2, size))))
        grown = []
        for _ in range(trees):
            chosen = rows[random.choice(len(rows), size, replace=False)]
            grown.append(_grow(chosen, depth, random))
        return cls(grown, size)

    def scores(self, rows: Matrix) -> Matrix:
        """Score of each row: 2 to the power of minus mean path over c(n)."""
        usual = _average_path(self.sample_size) or 1.0
        paths = np.array([[_path(tree, row) for tree in self.trees] for row in rows])
        result: Matrix = np.power(2.0, -paths.mean(axis=1) / usual)
        return result


def _grow(rows: Matrix, depth: int, random: np.random.Generator) -> Any:
    if depth == 0 or len(rows) <= 1:
        return round(_average_path(len(rows)), 4)
    low, high = rows.min(axis=0), rows.max(axis=0)
    splittable = np.flatnonzero(high > low)
    if len(splittable) == 0:
        return round(_average_path(len(rows)), 4)
    feature = int(random.choice(splittable))
    cut = float(random.uniform(low[feature], high[feature]))
    is_left = rows[:, feature] < cut
    left, right = _grow(rows[is_left], depth - 1, random), _grow(rows[~is_left], depth - 1, random)
    return [feature, round(cut, 6), left, right]


def _path(tree: Any, row: Matrix) -> float:
    depth = 0
    while isinstance(tree, list):
        tree = tree[2] if row[tree[0]] < tree[1] else tree[3]
        depth += 1
    return depth + float(tree)
