"""A small softmax classifier with a calibrated answer, in numpy alone: runs and is taught on a station."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_STEPS = 150


@dataclass(frozen=True, slots=True)
class Softmax:
    """Weights of standardised features; ``temperature`` makes the shares honest."""

    mean: Array
    scale: Array
    weights: Array
    bias: Array
    temperature: float = 1.0

    def scores(self, features: Array) -> Array:
        """Raw scores (n x classes)."""
        standard = np.clip((features - self.mean) / self.scale, -6, 6)
        return np.asarray(standard @ self.weights + self.bias)

    def shares(self, features: Array) -> Array:
        """Probability of each class (n x classes)."""
        return softmax(self.scores(features) / self.temperature)


def softmax(scores: Array) -> Array:
    """Shares of each row."""
    moved = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(moved / moved.sum(axis=1, keepdims=True))


def learn(features: Array, labels: Array, classes: int, *, weight_decay: float = 0.02) -> Softmax:
    """Softmax regression with even class weights, by Nesterov's accelerated descent on the whole set.

    ``features`` n x d, ``labels`` n class numbers. Classes count alike, however rarely they were shown.
    """
    mean, scale = features.mean(axis=0), features.std(axis=0) + 0.02
    x = np.clip((features - mean) / scale, -6, 6).astype(np.float32)
    target = np.eye(classes, dtype=np.float32)[labels]
    count = target.sum(axis=0)
    share = (target / np.maximum(count, 1)).sum(axis=1)
    share = (share / share.sum())[:, None]
    step = 1.0 / (0.5 * _largest(x, share) + weight_decay)
    weights = np.zeros((x.shape[1], classes), np.float32)
    bias = np.zeros(classes, np.float32)
    past_w, past_b = weights, bias
    for number in range(_STEPS):
        pull = number / (number + 3.0)
        ahead_w, ahead_b = weights + pull * (weights - past_w), bias + pull * (bias - past_b)
        error = (softmax(x @ ahead_w + ahead_b) - target) * share
        past_w, past_b = weights, bias
        weights = (ahead_w - step * (x.T @ error + weight_decay * ahead_w)).astype(np.float32)
        bias = (ahead_b - step * error.sum(axis=0)).astype(np.float32)
    return Softmax(mean.astype(np.float32), scale.astype(np.float32), weights, bias)


def _largest(x: Array, share: Array) -> float:
    """Largest eigenvalue of the weighted second moment, by power iteration."""
    vector = np.ones(x.shape[1], np.float32) / np.sqrt(x.shape[1])
    size = 1.0
    for _ in range(12):
        vector = x.T @ (share * (x @ vector)[:, None])[:, 0]
        size = float(np.linalg.norm(vector))
        vector = vector / max(size, 1e-9)
    return size * 1.1 + 1.0


def fit_temperature(scores: Array, labels: Array) -> float:
    """Temperature with the least log loss on answers the classifier was not taught with.

    Guo et al., "On calibration of modern neural networks", ICML 2017. One unseen error in n + 2 is assumed, so that a
    small faultless set does not promise certainty.
    """
    candidates = np.exp(np.linspace(np.log(0.05), np.log(20.0), 120))
    classes = scores.shape[1]
    slack = 1.0 / (len(labels) + 2)
    target = np.full(scores.shape, slack / max(classes - 1, 1))
    target[np.arange(len(labels)), labels] = 1.0 - slack
    losses = [-float((target * np.log(softmax(scores / t) + 1e-12)).sum()) for t in candidates]
    return float(candidates[int(np.argmin(losses))])


def calibration_error(confidence: Array, right: Array, bins: int = 10) -> float:
    """Expected calibration error over equally wide bins of confidence (Naeini et al., AAAI 2015)."""
    number = np.minimum((np.asarray(confidence) * bins).astype(int), bins - 1)
    error = 0.0
    for index in range(bins):
        chosen = number == index
        if chosen.any():
            error += float(chosen.mean()) * abs(
                float(np.mean(right[chosen])) - float(np.mean(confidence[chosen]))
            )
    return error
