"""The picture of one letter as its recogniser sees it: upright, at a fixed letter height, on a fixed baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

Image = np.ndarray[Any, np.dtype[np.uint8]]
Points = np.ndarray[Any, np.dtype[np.float64]]

SIDE_PX = 40
CAP_PX = 20
BASELINE_PX = 29
STROKE_PX = 2
_SHIFT = 4


def letter_picture(
    paths: Sequence[Points], cap: float, baseline: float, *, filled: bool, stroke_px: int = STROKE_PX
) -> Image:
    """White strokes on black; ``paths`` hold (u, v) points, v down, ``cap`` is the height of capitals and figures in their unit.

    The letter stands centred across; how high it is and where it stands over the baseline stays visible, which tells
    "c" from "C" and a comma from an apostrophe.
    """
    picture: Image = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    if not paths:
        return picture
    left = min(float(path[:, 0].min()) for path in paths)
    right = max(float(path[:, 0].max()) for path in paths)
    scale = CAP_PX / max(cap, 1e-6)
    origin = np.array([SIDE_PX / 2 / scale - (left + right) / 2, BASELINE_PX / scale - baseline])
    placed = [np.round((path + origin) * scale * (1 << _SHIFT)).astype(np.int32) for path in paths]
    if filled:
        cv2.fillPoly(picture, placed, 255, lineType=cv2.LINE_AA, shift=_SHIFT)
    else:
        cv2.polylines(picture, placed, False, 255, stroke_px, cv2.LINE_AA, _SHIFT)
    return picture
