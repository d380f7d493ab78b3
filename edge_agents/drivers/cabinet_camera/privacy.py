"""No hand and no face is ever stored (VIS-27): pure functions on pictures.

What is new against the empty or former view and reaches in from the edge, or lies between the compartments where no item belongs, is
painted over before the picture is written, with some room around it and up to the edge it came from; so is what newly has the colour of
skin. A picture of which too much would go
is not kept at all. Nobody is recognised: there is no face detector that could be turned into one that knows people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

Polygon = Sequence[tuple[float, float]]

_SIDE = 240
_NEW_TINT = 0.09
_NEW_STRUCTURE = 0.55
_NOISE = 0.0012
_NEW_LUMA = 0.2
_PROVEN = 0.15
_SMALLEST = 0.004
_MOST = 0.6
_BETWEEN = 0.006
_ROOM = 0.02
_PAINT = (128, 128, 128)


@dataclass(frozen=True, slots=True)
class Concealed:
    """Picture without what may be a person (None: not to be kept), and the part (0..1) that was painted over."""

    image: Image | None
    part: float


def conceal(image: Image, known: Image | None, places: Sequence[Polygon] = ()) -> Concealed:
    """BGR picture fit to be stored; ``known`` is an earlier picture of the same place without anybody in it, ``places`` the
    outlines of the compartments in it."""
    hidden = person_mask(image, known, places)
    part = float(np.mean(hidden > 0))
    if part > _MOST:
        return Concealed(None, part)
    if not part:
        return Concealed(image, 0.0)
    painted = image.copy()
    painted[hidden > 0] = _PAINT
    return Concealed(painted, part)


def person_mask(image: Image, known: Image | None, places: Sequence[Polygon] = ()) -> Image:
    """255 where a hand, an arm or a face may be, with room around it; at the size of the picture."""
    height, width = image.shape[:2]
    factor = _SIDE / max(height, width)
    size = (max(round(width * factor), 8), max(round(height * factor), 8))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    skin = _skin(small)
    if known is not None and known.shape[:2] == image.shape[:2]:
        former = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
        new = _new(small, former)
        between = _between(places, factor, size)
        found = _persons(new, between) | _bare(new, _large(skin & ~_skin(former) & new), between)
    else:
        found = _persons(skin, np.zeros(skin.shape, bool))
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


def _between(places: Sequence[Polygon], factor: float, size: tuple[int, int]) -> Image:
    """Where no item belongs: outside all compartments and some room around them; nowhere when no compartment is known."""
    if not places:
        return np.zeros((size[1], size[0]), bool)
    inside = np.zeros((size[1], size[0]), np.uint8)
    for polygon in places:
        cv2.fillPoly(inside, [np.round(np.array(polygon) * factor).astype(np.int32)], 1)
    room = 2 * round(_ROOM * max(size)) + 1
    return np.asarray(cv2.dilate(inside, np.ones((room, room), np.uint8)) == 0)


def _persons(mask: Image, between: Image) -> Image:
    """Large patches which touch the edge of the picture or lie between the compartments; the latter up to the nearest edge,
    for an arm may look like what it lies on."""
    number, labels = cv2.connectedComponents(_large(mask).astype(np.uint8), connectivity=8)
    found = np.zeros(mask.shape, np.uint8)
    for k in range(1, number):
        patch = labels == k
        touches = patch[:2].any() or patch[-2:].any() or patch[:, :2].any() or patch[:, -2:].any()
        apart = cv2.morphologyEx(
            (patch & between).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)
        )
        if touches:
            found[patch] = 1
        elif apart.sum() > _BETWEEN * mask.size:
            cv2.fillConvexPoly(found, _to_edge(patch), 1)
    return found.astype(bool)


def _bare(new: Image, skin: Image, between: Image) -> Image:
    """What newly has the colour of skin; with everything new around it, up to the nearest edge, where that is more than the content
    of one compartment: a hand on wood is told by its parts."""
    found = skin.astype(np.uint8)
    if skin.any():
        wide = cv2.morphologyEx((new | skin).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
        number, labels = cv2.connectedComponents(wide, connectivity=8)
        for k in range(1, number):
            patch = labels == k
            if (skin & patch).any() and ((patch & between).sum() > _SMALLEST * new.size or not between.any()):
                cv2.fillConvexPoly(found, _to_edge(patch), 1)
    return found.astype(bool)


def _to_edge(patch: Image) -> Image:
    """Convex outline of a patch and of its shadow on the nearest edge of the picture."""
    height, width = patch.shape
    y, x = np.nonzero(patch)
    points = np.stack([x, y], axis=1)
    gaps = {
        (0, 0): x.min(),
        (0, width - 1): width - 1 - x.max(),
        (1, 0): y.min(),
        (1, height - 1): height - 1 - y.max(),
    }
    axis, edge = min(gaps, key=lambda side: int(gaps[side]))
    thrown = points.copy()
    thrown[:, axis] = edge
    return np.asarray(cv2.convexHull(np.concatenate([points, thrown]).astype(np.int32)))
