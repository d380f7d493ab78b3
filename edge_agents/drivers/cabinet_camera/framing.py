"""How a picture that has not the taught size may show the taught view: at another scale, or a part of it cut out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_agents.drivers.cabinet_camera.registration import work_factor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_SAME_SHAPE = 0.02
_LARGEST_CUT = 0.35


@dataclass(frozen=True, slots=True)
class View:
    """A picture on a canvas of the taught size and at working size; ``area`` (x0, y0, x1, y1 in file pixels) is what it
    shows, ``mask`` the same at working size (None: everything)."""

    full: Image
    work: Image
    factor: float
    area: tuple[float, float, float, float]
    mask: Image | None = None

    @property
    def is_part(self) -> bool:
        """Whether the picture is taken for a part of the taught view."""
        return self.mask is not None

    @property
    def shown_work(self) -> Image:
        """The working picture without the empty rest of the canvas."""
        if self.mask is None:
            return self.work
        x0, y0, x1, y1 = (round(edge * self.factor) for edge in self.area)
        return self.work[y0:y1, x0:x1]


def views_of(image: Image, size: tuple[int, int]) -> Iterator[View]:
    """Views a BGR picture may be, the likeliest first; nothing when it can be none of the taught scene.

    ``size`` is the width and height of the taught pictures.
    """
    height, width = image.shape[:2]
    if (width, height) == size:
        yield _whole(image, size)
        return
    if abs(width / height - size[0] / size[1]) <= _SAME_SHAPE * width / height:
        yield _whole(_resized(image, size), size)
    scales = {min(size[0] / width, size[1] / height)}
    if width <= size[0] and height <= size[1]:
        scales.add(1.0)
    for scale in sorted(scales, key=lambda scale: abs(scale - 1.0)):
        fitted = (min(round(width * scale), size[0]), min(round(height * scale), size[1]))
        if fitted != size and min(fitted[0] / size[0], fitted[1] / size[1]) >= 1 - _LARGEST_CUT:
            yield _part(_resized(image, fitted), size)


def _resized(image: Image, size: tuple[int, int]) -> Image:
    if (image.shape[1], image.shape[0]) == size:
        return image
    method = cv2.INTER_AREA if image.shape[1] > size[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=method))


def _whole(image: Image, size: tuple[int, int]) -> View:
    factor = work_factor(size)
    return View(image, _reduced(image, factor), factor, (0.0, 0.0, float(size[0]), float(size[1])))


def _part(image: Image, size: tuple[int, int]) -> View:
    factor = work_factor(size)
    height, width = image.shape[:2]
    x, y = (size[0] - width) // 2, (size[1] - height) // 2
    full = cv2.copyMakeBorder(
        image, y, size[1] - height - y, x, size[0] - width - x, cv2.BORDER_CONSTANT, value=(127, 127, 127)
    )
    mask = np.zeros((size[1], size[0]), np.uint8)
    mask[y : y + height, x : x + width] = 255
    area = (float(x), float(y), float(x + width), float(y + height))
    return View(full, _reduced(full, factor), factor, area, _reduced(mask, factor))


def _reduced(image: Image, factor: float) -> Image:
    if factor == 1.0:
        return image
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA))
