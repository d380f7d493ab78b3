"""Tells outlined letters by their picture with the network taught in models_ai/outlined_letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from coordinator.modules.drawings.reading.letter_picture import SIDE_PX, Image
from coordinator.modules.drawings.reading.letter_signs import SIGNS
from coordinator.modules.drawings.reading.networks import network, side_by_side

Scores = np.ndarray[Any, np.dtype[np.float32]]
WEIGHTS = "letters.onnx"
_BATCH = 256
NO_SIGN = len(SIGNS)


def tell_letters(pictures: Sequence[Image]) -> Scores:
    """Logarithms of probability, one row per picture: each sign of SIGNS, last of all "no letter"."""
    session = network(WEIGHTS)

    def told(start: int) -> Scores:
        part = np.stack(pictures[start : start + _BATCH]).astype(np.float32) / 255
        scores = session.run(None, {"pictures": part.reshape(-1, 1, SIDE_PX, SIDE_PX)})[0]
        scores = scores - scores.max(axis=1, keepdims=True)
        logarithms: Scores = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return logarithms

    found = side_by_side(told, range(0, len(pictures), _BATCH))
    return np.concatenate(found) if found else np.zeros((0, NO_SIGN + 1), np.float32)
