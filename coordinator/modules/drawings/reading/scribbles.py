"""Ink of a scan which is neither text nor ruled line: signatures and blots, kept as marks of the page (DRW-20)."""

from __future__ import annotations

import cv2
import numpy as np

from coordinator.modules.drawings.reading.ocr import Image
from coordinator.modules.drawings.reading.page import Mark, Word

MIN_WIDTH_CAPS = 2.2  # wider than the sign of a control frame
MAX_WIDTH_CAPS = 25.0
MIN_HEIGHT_CAPS = 0.3
MAX_HEIGHT_CAPS = 5.0
MIN_CORNERS = 6
MAX_MARKS = 200


def find_scribbles(clear: Image, words: list[Word]) -> list[Mark]:
    """Connected ink of the size of a signature which no word covers; ``clear`` is the ink without ruled lines."""
    heights = [word.height for word in words if len(word.text) > 1 and word.angle % 90 == 0]
    if not heights:
        return []
    cap = float(np.median(heights))
    free = clear.copy()
    for word in words:
        x0, y0, x1, y1 = word.bbox
        pad = 0.25 * word.height
        free[max(0, round(y0 - pad)) : round(y1 + pad), max(0, round(x0 - pad)) : round(x1 + pad)] = 0
    contours, _ = cv2.findContours(free, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    marks: list[Mark] = []
    for contour in contours:
        x, y, width, height = cv2.boundingRect(contour)
        wide = MIN_WIDTH_CAPS * cap <= width <= MAX_WIDTH_CAPS * cap
        if not wide or not MIN_HEIGHT_CAPS * cap <= height <= MAX_HEIGHT_CAPS * cap:
            continue
        corners = cv2.approxPolyDP(contour, 0.12 * cap, True).reshape(-1, 2)
        if len(corners) >= MIN_CORNERS:
            path = tuple((float(px), float(py)) for px, py in corners)
            marks.append(Mark((path,), (float(x), float(y), float(x + width), float(y + height))))
    return marks[:MAX_MARKS]
