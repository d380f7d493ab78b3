"""Expected and seen scene of a machine interior before a start: a forgotten tool, a chip nest, a wrong clamping (MCH-22 c)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agents.runtime.files import write_durably

_WIDTH = 480
_DIFFERENT = 0.22
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class SceneDifference:
    """Share of the picture taken by the largest changed area, and its box in shares (x, y, width, height)."""

    share: float
    box: tuple[float, float, float, float]


def difference(expected: bytes, seen: bytes) -> SceneDifference:
    """Largest connected change between two pictures of the same camera; light that changed over all does not count.

    Raises ``ValueError`` for pictures that cannot be compared.
    """
    return _between(_flat(grey_of(expected)), _flat(grey_of(seen)))


def changed_share(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    """The same of two grey pictures, as the share alone."""
    return _between(_flat(before), _flat(after)).share


def _between(one: NDArray[np.float32], two: NDArray[np.float32]) -> SceneDifference:
    if one.shape != two.shape:
        raise ValueError("images de tailles différentes")
    shift, _ = cv2.phaseCorrelate(one, two)
    if max(abs(shift[0]), abs(shift[1])) <= 0.02 * _WIDTH:
        move = np.array([[1, 0, -shift[0]], [0, 1, -shift[1]]], dtype=np.float64)
        size = (two.shape[1], two.shape[0])
        two = np.asarray(cv2.warpAffine(two, move, size, borderMode=cv2.BORDER_REPLICATE), dtype=np.float32)
    changed = (np.abs(one - two) > _DIFFERENT).astype(np.uint8)
    kernel = np.ones((5, 5), dtype=np.uint8)
    changed = np.asarray(cv2.morphologyEx(changed, cv2.MORPH_OPEN, kernel), dtype=np.uint8)
    changed = np.asarray(cv2.morphologyEx(changed, cv2.MORPH_CLOSE, kernel), dtype=np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(changed)
    if count < 2:
        return SceneDifference(0.0, (0.0, 0.0, 0.0, 0.0))
    largest = stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))]
    height, width = changed.shape
    x, y, w, h, area = (int(value) for value in largest)
    return SceneDifference(area / (width * height), (x / width, y / height, w / width, h / height))


def grey_of(jpeg: bytes) -> NDArray[np.uint8]:
    """Brightness of a picture. Raises ``ValueError``."""
    image = cv2.imdecode(np.frombuffer(jpeg, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ValueError("image illisible")
    return np.asarray(image, dtype=np.uint8)


def _flat(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey picture as logarithms with the median taken out: a lamp that grew weaker changes nothing."""
    height = max(1, round(image.shape[0] * _WIDTH / image.shape[1]))
    small = cv2.GaussianBlur(cv2.resize(image, (_WIDTH, height), interpolation=cv2.INTER_AREA), (7, 7), 0)
    logs = np.log(np.asarray(small, dtype=np.float32) + 16.0)
    return np.asarray(logs - np.median(logs), dtype=np.float32)


class Scenes:
    """Expected scenes by program, as pictures of the station (masked like every other)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, program: str) -> Path:
        return self._folder / f"{_UNSAFE.sub('_', program)[-120:] or 'scene'}.jpg"

    def teach(self, program: str, jpeg: bytes) -> None:
        """A person says: so it has to look before this program starts."""
        write_durably(self._path(program), jpeg)

    def expected(self, program: str) -> bytes | None:
        """The taught scene of a program."""
        path = self._path(program)
        return path.read_bytes() if path.exists() else None
