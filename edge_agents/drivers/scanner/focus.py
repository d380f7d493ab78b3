"""Views of codes out of focus made sharp again: an open lens spreads each point over a disc, which can be undone.

Wiener's filter divides by the spectrum of the disc wherever the picture has more than noise there. The disc's size is
not known, so several are tried; the code's own error correction says which was right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_SIDE = 500
_RADII_PX = (6.0, 8.0, 10.0, 11.5, 13.0, 15.0)
"""Of the disc, in a view whose longer side has ``_SIDE`` pixels."""
_NOISE = (0.01, 0.04)
"""Power of the noise in parts of that of the picture."""


def sharpened(view: Image) -> Iterator[tuple[Image, float]]:
    """Pictures of a gray view in which ever larger blur is undone, and their scale."""
    import cv2
    import numpy as np

    scale = min(1.0, _SIDE / max(view.shape))
    small = cv2.resize(view, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    edge = int(2 * _RADII_PX[-1])
    wide = cv2.copyMakeBorder(small, edge, edge, edge, edge, cv2.BORDER_REPLICATE).astype(np.float32)
    mean = float(wide.mean())
    spectrum = np.fft.rfft2(wide - mean)
    for radius in _RADII_PX:
        disc = np.fft.rfft2(_disc(wide.shape, radius * max(small.shape) / _SIDE))
        for noise in _NOISE:
            sharp = np.fft.irfft2(spectrum * np.conj(disc) / (np.abs(disc) ** 2 + noise), wide.shape)
            inner = sharp[edge:-edge, edge:-edge]
            low, high = np.percentile(inner, (1, 99))
            level = np.clip((inner - low) * (255 / max(float(high - low), 1e-3)), 0, 255)
            yield level.astype(np.uint8), scale


def _disc(shape: tuple[int, ...], radius: float) -> Image:
    """An even disc around the origin of a periodic picture, of sum 1."""
    import numpy as np

    rows, columns = (np.minimum(np.arange(n), n - np.arange(n)) for n in shape)
    disc = np.clip(radius + 0.5 - np.hypot(rows[:, None], columns[None]), 0, 1)
    return np.asarray(disc / disc.sum())
