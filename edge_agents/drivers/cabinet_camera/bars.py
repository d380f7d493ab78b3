"""Diameters of bar ends seen from the front of a rack (VIS-12): circles on the registered picture, never lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_agents.drivers.cabinet_camera.features import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_SIDE = 240
_ROUND = 0.62


def bar_circles(patch: Image, most: int = 60) -> list[tuple[float, float, float]]:
    """Circles (x, y, radius in pixels of the patch) of the bar ends in a BGR patch, the surest first.

    Gradients vote for centres at every radius; circles over each other are left out, and those whose outline is not
    mostly an edge.
    """
    factor = _SIDE / max(patch.shape[:2])
    gray = cv2.cvtColor(cv2.resize(patch, None, fx=factor, fy=factor), cv2.COLOR_BGR2GRAY)
    log = np.log(cv2.GaussianBlur(gray, (0, 0), 1.0).astype(np.float32) + 16.0)
    gx, gy = cv2.Sobel(log, cv2.CV_32F, 1, 0), cv2.Sobel(log, cv2.CV_32F, 0, 1)
    force = np.hypot(gx, gy)
    limit = max(0.35 * float(np.percentile(force, 97)), 0.12)
    ys, xs = np.nonzero(force > limit)
    if len(xs) < 20:
        return []
    ux, uy = gx[ys, xs] / force[ys, xs], gy[ys, xs] / force[ys, xs]
    found = []
    for radius in np.arange(6.0, _SIDE / 3, 1.0):
        votes = np.zeros(gray.shape, np.float32)
        # A bar end is brighter than the dark cell behind it: the gradient points to the centre.
        cx, cy = np.round(xs + ux * radius).astype(int), np.round(ys + uy * radius).astype(int)
        good = (cx >= 0) & (cy >= 0) & (cx < gray.shape[1]) & (cy < gray.shape[0])
        np.add.at(votes, (cy[good], cx[good]), 1.0)
        smooth = cv2.GaussianBlur(votes, (0, 0), 1.3) * 2 * np.pi * 1.3**2 / (2 * np.pi * radius)
        peaks = (smooth == cv2.dilate(smooth, np.ones((9, 9), np.uint8))) & (smooth > _ROUND)
        found += [
            (float(smooth[y, x]), float(x), float(y), float(radius))
            for y, x in zip(*np.nonzero(peaks), strict=True)
        ]
    chosen: list[tuple[float, float, float]] = []
    for _, x, y, radius in sorted(found, key=lambda one: (-one[0] - 0.004 * one[3], one[1])):
        if all(np.hypot(x - a, y - b) > 0.8 * max(radius, r) for a, b, r in chosen):
            chosen.append((x, y, radius))
        if len(chosen) == most:
            break
    return [(x / factor, y / factor, r / factor) for x, y, r in chosen]


def count_circles(image: Image, matrix: Image, window: Window) -> int:
    """Bar ends in a compartment of a BGR picture, seen through ``matrix`` (picture to frame, in pixels of the window)."""
    x, y, width, height = window.box
    factor = _SIDE / max(width, height)
    to_crop = np.array([[factor, 0, -x * factor], [0, factor, -y * factor]]) @ np.vstack(
        [matrix, [0.0, 0.0, 1.0]]
    )
    size = (max(round(width * factor), 1), max(round(height * factor), 1))
    return len(bar_circles(cv2.warpAffine(image, to_crop, size, borderMode=cv2.BORDER_REPLICATE)))


def diameter_mm(patch: Image, mm_per_px: float) -> float | None:
    """Usual diameter of the bar ends in a compartment, in mm; None when no circle is sure."""
    circles = bar_circles(patch)
    return None if not circles else round(float(np.median([2 * r for _, _, r in circles])) * mm_per_px, 1)
