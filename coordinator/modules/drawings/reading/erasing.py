"""Strokes of the drawing painted out of the picture of a text, and what they crossed put together again (DRW-11).

A line through a text leaves each letter it crosses in two pieces. Where ink stands on both sides of the erased line, one sign
went through it: the gap is filled. The head of an arrow on the line is erased with it.
"""

from __future__ import annotations

import cv2
import numpy as np

from coordinator.modules.drawings.reading.ocr import Image

ALONG_STROKE = 0.5  # of a letter: ink beside a stroke for longer is the stroke's own border
SLOPE = 0.08  # of a letter: rise of a letter on its way across a stroke
ARROW_CORE = 0.22  # of a letter: strokes of letters are thinner
ARROW_LENGTH = 3.2  # in its widths
PAPER_PERCENTILE = 90


def erase(picture: Image, ink: Image, level: Image, upright: Image, cap: float) -> tuple[Image, Image]:
    """The picture and the ink (255 on 0) without level and upright strokes; ``cap`` is the height of a letter."""
    paper = int(np.percentile(picture, PAPER_PERCENTILE))
    heads = _arrow_heads(ink, level, cap)
    heads |= np.ascontiguousarray(_arrow_heads(ink.T.copy(), upright.T.copy(), cap).T)
    strokes = level | upright | heads
    bare = np.where(strokes > 0, 0, ink).astype(np.uint8)
    clean = picture.copy()
    clean[strokes > 0] = paper
    for mask, turned in ((level, True), (upright, False)):
        if not mask.any():
            continue
        layers = (bare, mask, picture)
        one, stroke, grey = (np.ascontiguousarray(x.T if turned else x) for x in layers)
        crossed, shade = _crossings(one, stroke, grey, cap)
        if turned:
            crossed, shade = crossed.T, np.ascontiguousarray(shade.T)
        crossed = crossed & (heads == 0)
        clean[crossed] = np.minimum(clean, shade)[crossed]
        bare[crossed] = 255
    return clean.astype(np.uint8), bare


def _crossings(
    bare: Image, stroke: Image, grey: Image, cap: float
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.bool_]], Image]:
    """Places of upright strokes with ink of a sign left and right of them, and the shade to fill them with."""
    columns = np.arange(stroke.shape[1])
    free = stroke == 0
    left = np.maximum.accumulate(np.where(free, columns, 0), axis=1)
    right = np.minimum.accumulate(np.where(free, columns, stroke.shape[1] - 1)[:, ::-1], axis=1)[:, ::-1]
    # A slanting letter leaves the stroke a little higher or lower than it came.
    slope = np.ones((2 * max(1, round(SLOPE * cap)) + 1, 1), np.uint8)
    near, dark = cv2.dilate(bare, slope), cv2.erode(grey, slope)
    both = (np.take_along_axis(near, left, 1) > 0) & (np.take_along_axis(near, right, 1) > 0) & ~free
    crossed = np.where(both, 255, 0).astype(np.uint8)
    along = cv2.morphologyEx(
        crossed, cv2.MORPH_OPEN, np.ones((max(3, round(ALONG_STROKE * cap)), 1), np.uint8)
    )
    shade = np.maximum(np.take_along_axis(dark, left, 1), np.take_along_axis(dark, right, 1))
    return (crossed > 0) & (along == 0), shade.astype(np.uint8)


def _arrow_heads(ink: Image, level: Image, cap: float) -> Image:
    """Solid wedges on level strokes, with the tips which are as thin as a letter."""
    side = max(4, round(ARROW_CORE * cap))
    heads = np.zeros_like(ink)
    if not level.any():
        return heads
    core = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(core.astype(np.uint8), connectivity=8)
    for number, (x, y, w, h, area) in enumerate(stats[1:count].tolist(), 1):
        lies_on = level[y : y + h, x : x + w].any()
        if not lies_on or w < 0.6 * h or h > 1.2 * cap or w > 3 * cap or area > 0.97 * w * h:
            continue
        heads[cv2.dilate((labels == number).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0] = 255
        middle, half, reach = y + h // 2, side // 2 + 1, round(ARROW_LENGTH * side)
        heads[max(0, middle - half) : middle + half + 1, max(0, x - reach) : x + w + reach] = 255
    return cv2.bitwise_and(heads, cv2.dilate(ink, np.ones((3, 3), np.uint8))).astype(np.uint8)
