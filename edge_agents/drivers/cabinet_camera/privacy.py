"""No hand and no face is ever stored (VIS-27): pure functions on pictures.

What reaches into the picture from its edge and was not there in the empty or former view is painted over before the picture
is written, with some room around it; so is what has the colour of skin and is new. A picture of which too much would go
is not kept at all. Nobody is recognised: there is no face detector that could be turned into one that knows people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_SIDE = 240
_NEW_TINT = 0.09
_NEW_STRUCTURE = 0.55
_NOISE = 0.0012
_NEW_LUMA = 0.2
_PROVEN = 0.15
_SMALLEST = 0.004
_MOST = 0.6
_PAINT = (128, 128, 128)


@dataclass(frozen=True, slots=True)
class Concealed:
    """Picture without what may be a person (None: not to be kept), and the part (0..1) that was painted over."""

    image: Image | None
    part: float


def conceal(image: Image, known: Image | None) -> Concealed:
    """BGR picture fit to be stored; ``known`` is an earlier picture of the same place without anybody in it."""
    hidden = person_mask(image, known)
    part = float(np.mean(hidden > 0))
    if part > _MOST:
        return Concealed(None, part)
    if not part:
        return Concealed(image, 0.0)
    painted = image.copy()
    painted[hidden > 0] = _PAINT
    return Concealed(painted, part)


def person_mask(image: Image, known: Image | None) -> Image:
    """255 where a hand, an arm or a face may be, with room around it; at the size of the picture."""
    height, width = image.shape[:2]
    factor = _SIDE / max(height, width)
    size = (max(round(width * factor), 8), max(round(height * factor), 8))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    skin = _skin(small)
    if known is not None and known.shape[:2] == image.shape[:2]:
        new = _new(small, cv2.resize(known, size, interpolation=cv2.INTER_AREA))
        found = _reaching_in(new) | _large(skin & new)
    else:
        found = _reaching_in(skin)
    if not found.any():
        return np.zeros((height, width), np.uint8)
    room = np.ones((9, 9), np.uint8)
    wide = cv2.dilate(found.astype(np.uint8) * 255, room)
    wide = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, np.ones((17, 17), np.uint8))
    return np.asarray(cv2.resize(wide, (width, height), interpolation=cv2.INTER_NEAREST))


def _new(small: Image, known: Image) -> Image:
    """Where a picture differs from the known one: patches in which brightness, colour or structure changed, but not those
    where a shadow alone fell (its brightness changes, colour and structure stay but for its edge)."""
    looks = [np.log(cv2.GaussianBlur(one.astype(np.float32), (0, 0), 1.2) + 14.0) for one in (small, known)]
    lumas = [look.mean(axis=2) for look in looks]
    tint = (looks[0] - lumas[0][..., None]) - (looks[1] - lumas[1][..., None])
    colour = np.abs(tint - np.median(tint, axis=(0, 1), keepdims=True)).max(axis=2) > _NEW_TINT
    first, second = (_structure(luma) for luma in lumas)
    apart, both = (
        cv2.GaussianBlur(part, (0, 0), 3.0) for part in ((first - second) ** 2, first**2 + second**2)
    )
    sure = colour | (apart > _NEW_STRUCTURE * both + _NOISE)
    bright = np.abs(_without_slope(lumas[0] - lumas[1])) > _NEW_LUMA
    far = cv2.morphologyEx((sure | bright).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    far = cv2.morphologyEx(far, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    number, labels = cv2.connectedComponents(far, connectivity=4)
    total = np.bincount(labels.ravel(), minlength=number)
    proven = np.bincount(labels.ravel(), weights=sure.ravel(), minlength=number)
    kept = [k for k in range(1, number) if proven[k] > _PROVEN * total[k]]
    return np.isin(labels, kept)


def _without_slope(gap: Image) -> Image:
    """The change of brightness without a smooth slope of light, fitted on what changed least."""
    height, width = gap.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / height - 0.5, x / width - 0.5
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=2).reshape(-1, 6)
    flat = gap.ravel()
    rest = flat - np.median(flat)
    for _ in range(3):
        near = np.abs(rest) <= np.quantile(np.abs(rest), 0.6)
        rest = flat - terms @ np.linalg.lstsq(terms[near], flat[near], rcond=None)[0]
    return np.asarray(rest.reshape(gap.shape))


def _structure(luma: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(luma, (0, 0), 1.2) - cv2.GaussianBlur(luma, (0, 0), 5.0))


def _skin(small: Image) -> Image:
    """Colours of human skin in any shade (Chai and Ngan, IEEE TCSVT 1999, bounds widened for dark skin)."""
    colour = cv2.cvtColor(cv2.GaussianBlur(small, (0, 0), 1.0), cv2.COLOR_BGR2YCrCb)
    luma, red, blue = (colour[..., k].astype(int) for k in range(3))
    return np.asarray(
        (luma > 30) & (red >= 133) & (red <= 180) & (blue >= 77) & (blue <= 130) & (red - blue > 8)
    )


def _large(mask: Image) -> Image:
    """Connected patches which cover more than the smallest part of the picture."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    number, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    large = [k for k in range(1, number) if stats[k, cv2.CC_STAT_AREA] > _SMALLEST * mask.size]
    return np.isin(labels, large)


def _reaching_in(mask: Image) -> Image:
    """Large patches which touch the edge of the picture."""
    large = _large(mask).astype(np.uint8)
    number, labels = cv2.connectedComponents(large, connectivity=8)
    edge = np.concatenate(
        [labels[:2].ravel(), labels[-2:].ravel(), labels[:, :2].ravel(), labels[:, -2:].ravel()]
    )
    return np.isin(labels, [k for k in range(1, number) if (edge == k).any()])
