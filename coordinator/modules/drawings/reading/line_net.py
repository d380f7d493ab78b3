"""Scores of signs along lines of text with the network taught on drawings in models_ai/drawing_text."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from coordinator.modules.drawings.reading.networks import network

Image = np.ndarray[Any, np.dtype[np.uint8]]
Scores = np.ndarray[Any, np.dtype[np.float32]]

LINE_HEIGHT_PX = 48
MIN_LINE_WIDTH_PX = 64
STEP_PX = 8
WEIGHTS = "lines.onnx"


def stacked(crops: list[Image]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Crops of one line each at the height the networks read, side by side in one batch, -1 for ink and 1 for paper."""
    widths = [max(STEP_PX, math.ceil(LINE_HEIGHT_PX * crop.shape[1] / crop.shape[0])) for crop in crops]
    broad = max(MIN_LINE_WIDTH_PX, -(-max(widths) // STEP_PX) * STEP_PX)
    batch = np.zeros((len(crops), 3, LINE_HEIGHT_PX, broad), np.float32)
    for row, crop, width in zip(batch, crops, widths, strict=True):
        line = cv2.resize(crop, (width, LINE_HEIGHT_PX)).astype(np.float32)
        row[:, :, :width] = line / 127.5 - 1
    return batch


def sign_scores(crops: list[Image]) -> Scores:
    """Probabilities, crop by step by sign: column 0 is "no sign", the others are ``line_signs.SIGNS``."""
    scores: Scores = network(WEIGHTS).run(None, {"x": stacked(crops)})[0]
    return scores
