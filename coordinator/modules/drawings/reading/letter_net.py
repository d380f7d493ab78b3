"""Tells outlined letters by their picture with the network taught in models_ai/outlined_letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from coordinator.modules.drawings.reading.letter_picture import SIDE_PX, Image
from coordinator.modules.drawings.reading.letter_signs import SIGNS
from coordinator.modules.drawings.reading.networks import network

Scores = np.ndarray[Any, np.dtype[np.float32]]
WEIGHTS = "letters.onnx"
_BATCH = 512
NO_SIGN = len(SIGNS)


def tell_letters(pictures: Sequence[Image]) -> Scores:
    """Logarithms of probability, one row per picture: each sign of SIGNS, last of all "no letter"."""
    found = np.zeros((len(pictures), NO_SIGN + 1), np.float32)
    for start in range(0, len(pictures), _BATCH):
        part = np.stack(pictures[start : start + _BATCH]).astype(np.float32) / 255
        scores = network(WEIGHTS).run(None, {"pictures": part.reshape(-1, 1, SIDE_PX, SIDE_PX)})[0]
        scores = scores - scores.max(axis=1, keepdims=True)
        found[start : start + _BATCH] = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return found
