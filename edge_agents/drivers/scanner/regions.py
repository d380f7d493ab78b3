"""Where a code may be in an image that no reader understands as it is, and views of that place turned flat.

Bars make the brightness change in one direction only (structure tensor, Bigun and Granlund 1987), modules of a matrix
code in two. A view is the region rotated upright or its quadrangle stretched to a rectangle, with a margin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_WORK_SIDE = 800
_MIN_SIDE_PX = 12
_MARGIN = 0.12
_BAR_LOOKS = ((0.02, 0.25), (0.05, 0.25), (0.02, 0.1))
"""Size of the window, and how strong changes must be beside the strongest: faint bars lie beside a label's own edge."""


@dataclass(frozen=True, slots=True)
class View:
    """Part of an image seen straight on; ``back`` maps its pixels to those of the whole image (3x3)."""

    image: Image
    back: Image

    def place(self, points: list[tuple[float, float]]) -> tuple[tuple[int, int], ...]:
        """Points of the view in pixels of the whole image."""
        import cv2
        import numpy as np

        flat = cv2.perspectiveTransform(np.array([points], np.float64), self.back)[0]
        return tuple((round(float(x)), round(float(y))) for x, y in flat)


def bars(image: Image, limit: int = 3) -> Iterator[View]:
    """Views of places that look like bars, turned so that the bars stand upright; the largest first."""
    import numpy as np

    small, scale = _reduced(image)
    for window, share in _BAR_LOOKS:
        energy, coherence, angle = _structure(small, max(3.0, window * max(small.shape)))
        mask = (coherence > 0.6) & (energy > share * np.percentile(energy, 99.5))
        for rect, chosen in _blobs(mask.astype(np.uint8), limit, window * 0.8):
            weight = energy * (chosen > 0)
            # Angles of bars repeat every half turn: their mean is taken on the doubled angle.
            mean = 0.5 * np.arctan2((weight * np.sin(2 * angle)).sum(), (weight * np.cos(2 * angle)).sum())
            centre, size, _ = rect
            extent = 1.3 * float(np.hypot(*size)) / scale
            yield _rotated(image, (centre[0] / scale, centre[1] / scale), float(np.degrees(mean)), extent)


def blocks(image: Image, limit: int = 3) -> Iterator[View]:
    """Views of places that look like a matrix code: as an upright rectangle, then as a stretched quadrangle."""
    import cv2
    import numpy as np

    small, scale = _reduced(image)
    for window in (0.008, 0.02):
        energy, coherence, _ = _structure(small, max(2.0, window * max(small.shape)))
        mask = ((energy > 0.2 * np.percentile(energy, 99.5)) & (coherence < 0.9)).astype(np.uint8)
        for rect, chosen in _blobs(mask, limit, window):
            corners = cv2.boxPoints(rect) / scale
            yield _stretched(image, corners)
            quad = _quadrangle(chosen)
            if quad is not None:
                yield _stretched(image, quad / scale)


def flat(image: Image, corners: Image) -> tuple[View, Image]:
    """A quadrangle of an image stretched to a rectangle with a margin, and its corners in that view."""
    import numpy as np

    view = _stretched(image, corners)
    inside = np.linalg.inv(view.back)
    edges = np.hstack([corners, np.ones((4, 1))]) @ inside.T
    return view, edges[:, :2] / edges[:, 2:]


def _reduced(image: Image) -> tuple[Image, float]:
    import cv2

    scale = min(1.0, _WORK_SIDE / max(image.shape))
    small = (
        image if scale == 1.0 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    )
    return small, scale


def _structure(image: Image, sigma: float) -> tuple[Image, Image, Image]:
    """Gradient energy, coherence (0: any direction, 1: one direction) and direction of the gradient, per pixel."""
    import cv2
    import numpy as np

    level = cv2.GaussianBlur(image, (0, 0), 0.8).astype(np.float32)
    # Local contrast: a code in the shade counts like one in the light.
    spread = (
        cv2.GaussianBlur(level * level, (0, 0), 8 * sigma) - cv2.GaussianBlur(level, (0, 0), 8 * sigma) ** 2
    )
    level /= np.sqrt(np.maximum(spread, 0)) + 12.0
    dx = cv2.Sobel(level, cv2.CV_32F, 1, 0)
    dy = cv2.Sobel(level, cv2.CV_32F, 0, 1)
    xx, yy, xy = (cv2.GaussianBlur(a, (0, 0), sigma) for a in (dx * dx, dy * dy, dx * dy))
    energy = xx + yy
    coherence = np.sqrt((xx - yy) ** 2 + 4 * xy**2) / np.maximum(energy, 1e-6)
    return energy, coherence, 0.5 * np.arctan2(2 * xy, xx - yy)


def _blobs(mask: Image, limit: int, window: float) -> Iterator[tuple[Any, Image]]:
    """Largest connected parts of a mask: their smallest rectangle and their own mask."""
    import cv2
    import numpy as np

    side = max(3, round(window * max(mask.shape)))
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
    order = sorted(range(1, count), key=lambda i: -stats[i, cv2.CC_STAT_AREA])
    for label in order[:limit]:
        chosen = (labels == label).astype(np.uint8)
        points = cv2.findNonZero(chosen)
        rect = cv2.minAreaRect(points)
        if min(rect[1]) >= _MIN_SIDE_PX:
            yield rect, chosen


def _quadrangle(mask: Image) -> Image | None:
    import cv2
    import numpy as np

    outline = max(cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=cv2.contourArea)
    hull = cv2.convexHull(outline)
    length = cv2.arcLength(hull, True)
    for share in (0.02, 0.04, 0.06, 0.08, 0.1):
        points = cv2.approxPolyDP(hull, share * length, True)
        if len(points) == 4:
            return points.reshape(4, 2).astype(np.float32)
    return None


def _rotated(image: Image, centre: tuple[float, float], degrees: float, extent: float) -> View:
    import cv2
    import numpy as np

    zoom = min(4.0, max(1.0, 700.0 / max(extent, 1.0)))
    side = int(extent * zoom) + 1
    matrix = cv2.getRotationMatrix2D(centre, degrees, zoom)
    matrix[0, 2] += side / 2 - centre[0]
    matrix[1, 2] += side / 2 - centre[1]
    flat = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return View(flat, np.linalg.inv(np.vstack([matrix, [0, 0, 1]])))


def _stretched(image: Image, corners: Image) -> View:
    import cv2
    import numpy as np

    ordered = np.array(corners, np.float32)
    width = float(np.linalg.norm(ordered[1] - ordered[0]) + np.linalg.norm(ordered[2] - ordered[3])) / 2
    height = float(np.linalg.norm(ordered[2] - ordered[1]) + np.linalg.norm(ordered[3] - ordered[0])) / 2
    zoom = min(4.0, max(1.0, 500.0 / max(width, height, 1.0)))
    width, height = width * zoom, height * zoom
    edge = _MARGIN * max(width, height)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) + edge
    matrix = cv2.getPerspectiveTransform(ordered, target.astype(np.float32))
    size = (int(width + 2 * edge), int(height + 2 * edge))
    flat = cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return View(flat, np.linalg.inv(matrix))
