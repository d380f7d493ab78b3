"""What a compartment looks like, as numbers that light hardly changes: pure functions on numpy images.

Gradient histograms after Dalal and Triggs, "Histograms of oriented gradients for human detection", CVPR 2005, on a patch
taken through the camera's place, with coarse brightness and colour relative to the patch itself.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

SIDE = 64
_FINE, _COARSE, _BINS = 8, 4, 9
_TEXTURE_FLOOR = 0.035
_FINEST = 8


def _blocks(lengths: tuple[int, ...]) -> tuple[slice, ...]:
    ends = itertools.accumulate(lengths)
    return tuple(slice(end - length, end) for end, length in zip(ends, lengths, strict=True))


_PARTS = _blocks(
    (_BINS * _FINE**2, _FINE**2, _BINS * _COARSE**2, _COARSE**2, _FINE**2, _FINE**2, 2 * _COARSE**2)
)
BLOCKS = (*_PARTS[:4], _PARTS[6])
"""Parts of a feature vector in which something foreign shows by itself: turns and amounts of gradients on both grids, and colour. Brightness
is none of them, since shadows fall on what is familiar too."""


@dataclass(frozen=True, slots=True)
class Window:
    """Square window around a polygon in the frame of the taught view, and the polygon's mask inside it (0..1)."""

    box: tuple[float, float, float, float]
    mask: Image


def window_of(polygon: tuple[tuple[float, float], ...], factor: float = 1.0) -> Window:
    """Window of a polygon given in pixels of the file; ``factor`` leads to those of the picture."""
    points = np.array(polygon, float) * factor
    x0, y0 = points.min(axis=0)
    x1, y1 = points.max(axis=0)
    box = (float(x0), float(y0), float(max(x1 - x0, 2.0)), float(max(y1 - y0, 2.0)))
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    inside = (points - [x0, y0]) * [SIDE / box[2], SIDE / box[3]]
    cv2.fillPoly(drawn, [np.round(inside).astype(np.int32)], 255)
    mask = (
        cv2.GaussianBlur(cv2.dilate(drawn, np.ones((5, 5), np.uint8)), (0, 0), 1.5).astype(np.float32) / 255
    )
    return Window(box, mask)


def patch_of(image: Image, matrix: Image, window: Window) -> Image:
    """Patch (SIDE x SIDE x channels, float 0..255) seen through ``matrix`` (picture to frame, in pixels of the window)."""
    x, y, width, height = window.box
    across = SIDE * int(np.clip(round(max(width, height) / SIDE), 1, _FINEST))
    to_patch = np.array(
        [[across / width, 0, -x * across / width], [0, across / height, -y * across / height]]
    )
    total = to_patch @ np.vstack([matrix, [0.0, 0.0, 1.0]])
    patch = cv2.warpAffine(
        image, total, (across, across), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    if across != SIDE:
        patch = cv2.resize(patch, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return patch.astype(np.float32)


def shown_part(area: tuple[float, float, float, float], matrix: Image, window: Window) -> float:
    """Part (0..1) of a window which lies in ``area`` (x0, y0, x1, y1) of the picture ``matrix`` leads from."""
    x, y, width, height = window.box
    corners = np.array(
        [[x, y, 1], [x + width, y, 1], [x + width, y + height, 1], [x, y + height, 1]], float
    ).T
    back = (cv2.invertAffineTransform(matrix) @ corners).T
    hull = np.clip(back, area[:2], area[2:]).astype(np.float32)
    whole = cv2.contourArea(back.astype(np.float32))
    return min(cv2.contourArea(hull) / max(whole, 1e-6), 1.0)


def describe_patch(patch: Image, mask: Image) -> Image:
    """Feature vector of a BGR patch; 0 where the mask is 0."""
    gray = patch.astype(np.float32) @ np.array([0.114, 0.587, 0.299], np.float32)
    log = np.log(gray + 8.0)
    gx = cv2.Sobel(log, cv2.CV_32F, 1, 0, ksize=3) * mask / 8.0
    gy = cv2.Sobel(log, cv2.CV_32F, 0, 1, ksize=3) * mask / 8.0
    weight = max(float(mask.sum()), 1.0)
    level = log - float((log * mask).sum()) / weight
    tone = cv2.resize(level * mask, (_FINE, _FINE), interpolation=cv2.INTER_AREA)
    spread = float(np.sqrt((level**2 * mask).sum() / weight)) + 0.05
    colour = _colour(patch, mask)
    return np.concatenate([_histograms(gx, gy), (tone / spread).ravel() * 0.5, tone.ravel(), colour]).astype(
        np.float32
    )


def _histograms(gx: Image, gy: Image) -> Image:
    size = cv2.magnitude(gx, gy)
    place = (np.arctan2(gy, gx) % np.pi) * (_BINS / np.pi)
    low = np.floor(place).astype(int) % _BINS
    part = place - np.floor(place)
    planes = np.zeros((_BINS, *size.shape), np.float32)
    rows, columns = np.indices(size.shape)
    planes[low, rows, columns] = size * (1 - part)
    planes[(low + 1) % _BINS, rows, columns] = size * part
    found = []
    for cells in (_FINE, _COARSE):
        grid = planes.reshape(_BINS, cells, SIDE // cells, cells, SIDE // cells).mean(axis=(2, 4))
        energy = cv2.blur((grid**2).sum(axis=0), (3, 3), borderType=cv2.BORDER_REPLICATE)
        found.append(np.sqrt(grid / (np.sqrt(energy) + _TEXTURE_FLOOR / 3)).ravel())
        found.append(np.sqrt(grid.sum(axis=0)).ravel() * 2)
    return np.concatenate(found)


def _colour(patch: Image, mask: Image) -> Image:
    """Red and blue against green, relative to the patch's own middle: coarse, so that the lamp's colour divides out."""
    log = np.log(cv2.resize(patch * mask[..., None], (_COARSE, _COARSE), interpolation=cv2.INTER_AREA) + 4.0)
    ratios = np.stack([log[..., 2] - log[..., 1], log[..., 0] - log[..., 1]])
    relative: Image = np.asarray(ratios - np.median(ratios, axis=(1, 2), keepdims=True)).reshape(-1)
    return relative


def in_colour(image: Image) -> Image:
    """BGR picture of a gray or BGR one."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image[..., :3])


def vary(patch_source: Image, chance: np.random.Generator) -> Image:
    """The picture under another light and lens: gain, gamma, a slope or an edge of shadow, blur, grain."""
    image = patch_source.astype(np.float32)
    height, width = image.shape[:2]
    image = 255.0 * (image / 255.0) ** float(np.exp(chance.uniform(-0.5, 0.65)))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = chance.uniform(0, 2 * np.pi)
    along = (np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5)) * 2
    if chance.random() < 0.5:
        light = 1 + chance.uniform(-0.35, 0.35) * along
    else:
        edge = along - chance.uniform(-0.6, 0.6)
        light = 1 - chance.uniform(0, 0.5) / (1 + np.exp(-edge * chance.uniform(5, 60)))
    tint = chance.uniform(0.85, 1.15, 3).astype(np.float32)
    image = image * light[..., None] * tint * chance.uniform(0.6, 1.3)
    if chance.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), chance.uniform(0.3, 1.3))
    image = image + chance.normal(0, chance.uniform(0, 5), image.shape).astype(np.float32)
    return np.asarray(np.clip(image, 0, 255))


def shake(chance: np.random.Generator, centre: tuple[float, float], reach_px: float) -> Image:
    """Small move (2 x 3) about a point: what registration leaves over."""
    turn = chance.normal(0, 2.0)
    matrix = np.array(cv2.getRotationMatrix2D(centre, turn, float(np.exp(chance.normal(0, 0.015)))))
    matrix[:, 2] = matrix[:, 2] + chance.normal(0, reach_px, 2)
    return matrix
