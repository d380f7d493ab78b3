"""Whether a picture can be judged at all: light, focus, covered parts (VIS-37). Limits are learned from good pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

CELL = 16
_BINS = 6
_BLUR_SIGMA = 3.0
_DARK_SHARE = 0.35
_MIDDLE = 100.0
_USUAL_FORCE = 0.03
_DARKEST = 14.0
# A cell of which more than this part has a channel at its end tells neither structure nor colour.
_BLOWN, _MOST_BLOWN, _BLOWN_SHARE = 250, 0.5, 0.05
_FOREIGN = 0.9
_TOLERATED = 0.032
_MOST_TOLERATED = 0.06


@dataclass(frozen=True, slots=True)
class Light:
    """Mean gray (0..255), part of blown-out pixels (0..1), fine against middle structure (0 = no focus)."""

    brightness: float
    saturated: float
    focus: float


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds between usable and unusable pictures of one cabinet."""

    darkest: float
    saturated: float
    focus: float


def light_of(work: Image) -> Light:
    """Light and focus of a BGR picture at working size."""
    gray = cv2.cvtColor(work, cv2.COLOR_BGR2GRAY)
    clean = cv2.medianBlur(gray, 3).astype(np.float32)
    fine = clean - cv2.GaussianBlur(clean, (0, 0), 1.2)
    middle = cv2.GaussianBlur(clean, (0, 0), 1.2) - cv2.GaussianBlur(clean, (0, 0), 5.0)
    focus = float(np.percentile(np.abs(fine), 97) / (np.percentile(np.abs(middle), 97) + 1.0))
    return Light(float(gray.mean()), float(np.mean(gray >= 250)), focus)


def learn_limits(good: Sequence[Image]) -> Limits:
    """Limits halfway (in ratio) between the worst good picture and the same pictures spoiled on purpose."""
    lights = [light_of(work) for work in good]
    blurred = [light_of(cv2.GaussianBlur(work, (0, 0), _BLUR_SIGMA)).focus for work in good]
    sharp = float(np.percentile([light.focus for light in lights], 2))
    focus = float(np.sqrt(max(sharp, 1e-6) * max(float(np.percentile(blurred, 90)), 1e-6)))
    darkest = max(_DARKEST, _DARK_SHARE * min(light.brightness for light in lights))
    saturated = min(0.9, max(light.saturated for light in lights) * 1.5 + 0.25)
    return Limits(darkest, saturated, min(focus, 0.9 * sharp))


def light_fault(light: Light, limits: Limits) -> str | None:
    """``dark``, ``overexposed``, ``blurred`` or None."""
    if light.brightness < limits.darkest:
        return "dark"
    if light.saturated > limits.saturated:
        return "overexposed"
    return "blurred" if light.focus < limits.focus else None


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What each cell of the registered view usually looks like, and how much of it may look foreign."""

    mean: Image
    spread: Image
    distance: Image
    tolerated: float

    def foreign(self, work: Image, matrix: Image, shown: Image | None = None) -> tuple[float, Image]:
        """Part of the view (0..1) under the largest foreign patch, and that patch in cells; ``shown`` is 255 where the
        picture shows something (everywhere when not given)."""
        found, seen = _cells(work, matrix, shown)
        far = np.sqrt(np.mean(((found - self.mean) / self.spread) ** 2, axis=2)) > self.distance * _FOREIGN
        patch = _largest_patch(far & seen)
        return float(patch.sum()) / max(int(seen.sum()), 1), patch


def learn_backdrop(views: Sequence[tuple[Image, Image]], clean: int) -> Backdrop:
    """Backdrop of registered pictures, given as (working picture, matrix into the frame); the first ``clean`` of them are
    photographs as they are."""
    described = [_cells(work, matrix) for work, matrix in views]
    stack = np.stack([found for found, _ in described])
    seen = np.stack([mask for _, mask in described])[..., None]
    count = np.maximum(seen.sum(axis=0), 1)
    mean = (stack * seen).sum(axis=0) / count
    spread = np.sqrt((((stack - mean) ** 2) * seen).sum(axis=0) / count)
    typical = np.median(spread, axis=(0, 1), keepdims=True)
    spread = np.sqrt(spread**2 + typical**2) + 1e-4
    distances = np.sqrt(np.mean(((stack - mean) / spread) ** 2, axis=3))
    reach = np.where(seen[..., 0], distances, np.nan)
    general = float(np.nanpercentile(reach, 99))
    per_cell = np.nan_to_num(np.nanmax(np.where(np.isnan(reach), -1, reach), axis=0), nan=general)
    distance = np.maximum(per_cell, general).astype(np.float32)
    backdrop = Backdrop(mean.astype(np.float32), spread.astype(np.float32), distance, 1.0)
    usual = float(np.percentile([backdrop.foreign(work, matrix)[0] for work, matrix in views[:clean]], 90))
    return Backdrop(
        backdrop.mean, backdrop.spread, distance, max(_TOLERATED, min(1.2 * usual, _MOST_TOLERATED))
    )


def _cells(work: Image, matrix: Image, shown: Image | None = None) -> tuple[Image, Image]:
    """Descriptor of every cell of the registered view (rows x columns x channels), and which cells the picture covers and does not show
    blown out: those have no look."""
    height, width = work.shape[:2]
    view = cv2.warpAffine(work, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    blown = (view.max(axis=2) >= _BLOWN).astype(np.float32)[: height // CELL * CELL, : width // CELL * CELL]
    whole = np.full((height, width), 255, np.uint8) if shown is None else shown
    covered = cv2.warpAffine(whole, matrix, (width, height))
    rows, columns = height // CELL, width // CELL
    size = (columns, rows)
    view = cv2.GaussianBlur(cv2.medianBlur(view, 3), (0, 0), 1.2)[: rows * CELL, : columns * CELL].astype(
        np.float32
    )
    log = np.log(view * (_MIDDLE / max(float(np.median(view)), 1.0)) + 8.0)
    gray = log.mean(axis=2)
    gx, gy = cv2.Sobel(gray, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(gray, cv2.CV_32F, 0, 1) / 8
    force, angle = cv2.magnitude(gx, gy), np.arctan2(gy, gx) % np.pi
    force = force * (_USUAL_FORCE / max(float(np.percentile(force, 75)), 1e-3))
    bins = np.minimum((angle * (_BINS / np.pi)).astype(int), _BINS - 1)
    planes = [cv2.resize(force * (bins == k), size, interpolation=cv2.INTER_AREA) for k in range(_BINS)]
    channels = [np.sqrt(plane) for plane in planes]
    for first, second in ((2, 1), (0, 1)):
        ratio = cv2.resize(log[..., first] - log[..., second], size, interpolation=cv2.INTER_AREA)
        channels.append(ratio - float(np.median(ratio)))
    mask = cv2.resize(covered[: rows * CELL, : columns * CELL], size, interpolation=cv2.INTER_AREA) > 250
    return np.stack(channels, axis=2), mask & (
        cv2.resize(blown, size, interpolation=cv2.INTER_AREA) < _MOST_BLOWN
    )


def is_blown(work: Image) -> bool:
    """Whether light hides the look of a part of a BGR picture that matters."""
    return float(np.mean(work.max(axis=2) >= _BLOWN)) > _BLOWN_SHARE


def reaches_in(patch: Image) -> bool:
    """Whether a patch of cells touches the edge of the view, as an arm does and no object in a compartment."""
    return bool(patch[0].any() or patch[-1].any() or patch[:, 0].any() or patch[:, -1].any())


def within(patch: Image, box: tuple[float, float, float, float]) -> float:
    """Part of a patch of cells (0..1) that lies in a box of the view (x, y, width, height), a cell around it included."""
    x, y, width, height = box
    left, top = max(int(x // CELL) - 1, 0), max(int(y // CELL) - 1, 0)
    right, bottom = int((x + width) // CELL) + 2, int((y + height) // CELL) + 2
    return float(patch[top:bottom, left:right].sum()) / max(float(patch.sum()), 1.0)


def _largest_patch(far: Image) -> Image:
    closed = cv2.morphologyEx(far.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    number, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if number < 2:
        return np.zeros(far.shape, bool)
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))
