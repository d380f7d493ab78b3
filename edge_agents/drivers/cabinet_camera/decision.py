"""What changed between two scenes of a cabinet: pure functions on numpy images (VIS-05, VIS-37).

Scenes are gray or BGR images of the same camera. They are registered on the fiducials, then each compartment is
compared with the image of the empty cabinet and with its own other scene. Light is divided out locally, so that
a lamp which became weaker changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_agents.drivers.cabinet_camera.config import Compartment, Fiducials, VisionConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_DIFFERENCE = 0.18
_PRESENT = 0.12
_STEEPNESS = 40.0
_SHEET_EDGE = 0.02
# An empty place shows no code: a cabinet of many must not wait the scanner's full patience for each.
_BOX_PATIENCE_S = 0.5


@dataclass(frozen=True, slots=True)
class Reading:
    """Content of one compartment in one scene; ``count`` None where it cannot be told."""

    count: int | None
    present: bool | None
    confidence: float
    item: str | None = None
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A compartment whose content differs between the scenes; ``delta`` is after minus before,
    ``code`` the label that came or went where packages are told by their labels, ``item`` the one of several expected items
    where a compartment is shared."""

    compartment: Compartment
    before: Reading
    after: Reading
    delta: int | None
    confidence: float
    reason: str | None = None
    code: str | None = None
    item: str | None = None

    @property
    def key(self) -> tuple[str, str | None]:
        """Compartment, and the item where it is shared."""
        return self.compartment.id, self.item


@dataclass(frozen=True, slots=True)
class Decision:
    """All changes, or why the images cannot be used."""

    usable: bool
    reason: str | None
    changes: tuple[Change, ...]


def gray_of(image: Image) -> Image:
    """Gray version of a BGR or gray image."""
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image


def check_usable(image: Image, vision: VisionConfig) -> str | None:
    """Reason why an image cannot be judged: ``dark``, ``overexposed`` or ``blurred``; None when it can."""
    gray = gray_of(image)
    brightness = float(np.mean(gray))
    if brightness < vision.min_brightness:
        return "dark"
    if float(np.mean(gray >= 250)) > vision.max_saturated:
        return "overexposed"
    if sharpness(gray) < vision.min_sharpness:
        return "blurred"
    return None


def sharpness(gray: Image) -> float:
    """Variance of the Laplacian after scaling to a mean of 128, so that weak light does not look like blur."""
    scaled = gray.astype(np.float32) * (128.0 / max(float(np.mean(gray)), 1.0))
    return float(cv2.Laplacian(cv2.medianBlur(scaled, 3), cv2.CV_32F).var())


def find_markers(gray: Image, dictionary: str) -> dict[int, Image]:
    """Corners (4 x 2) of every ArUco or AprilTag marker seen, by identifier."""
    table = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, dictionary))
    how = cv2.aruco.DetectorParameters()
    # The outline of the white sheet a marker is printed on lies as close to it as the usual rate forbids, and would be kept instead.
    how.minMarkerDistanceRate = _SHEET_EDGE
    corners, ids, _ = cv2.aruco.ArucoDetector(table, how).detectMarkers(gray)
    if ids is None:
        return {}
    return {int(number): corner.reshape(4, 2) for number, corner in zip(ids.ravel(), corners, strict=True)}


def register(image: Image, fiducials: Fiducials) -> tuple[Image | None, str | None]:
    """Image moved onto the reference frame, or the reason: ``fiducials_missing`` or ``camera_moved``."""
    matrix, reason = onto_fiducials(image, fiducials)
    if matrix is None:
        return None, reason
    height, width = image.shape[:2]
    return cv2.warpPerspective(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), None


def onto_fiducials(image: Image, fiducials: Fiducials) -> tuple[Image | None, str | None]:
    """Homography (3 x 3) from an image to the reference frame, or the reason why there is none."""
    seen = find_markers(gray_of(image), fiducials.dictionary)
    known = [number for number in fiducials.markers if number in seen]
    if not known:
        return None, "fiducials_missing"
    source = np.concatenate([seen[number] for number in known]).astype(np.float32)
    target = np.concatenate([np.array(fiducials.markers[number]) for number in known]).astype(np.float32)
    shift = float(np.max(np.linalg.norm(source - target, axis=1)))
    if shift > fiducials.max_shift_px:
        return None, "camera_moved"
    if len(known) < min(fiducials.minimum, len(fiducials.markers)):
        return None, "fiducials_missing"
    matrix: Image | None = cv2.findHomography(source, target, cv2.RANSAC, 3.0)[0]
    return (None, "fiducials_missing") if matrix is None else (matrix, None)


def prepare(image: Image, vision: VisionConfig) -> tuple[Image | None, str | None]:
    """Checked and registered gray image, or the reason why there is none."""
    reason = check_usable(image, vision)
    if reason is not None:
        return None, reason
    registered, reason = (image, None) if vision.fiducials is None else register(image, vision.fiducials)
    return (None, reason) if registered is None else (gray_of(registered), None)


def flatten(gray: Image, mask: Image) -> Image:
    """Patch divided by its own median light inside the mask."""
    patch = cv2.GaussianBlur(gray, (5, 5), 0).astype(np.float32)
    inside = patch[mask > 0]
    light = float(np.percentile(inside, 75)) if inside.size else 1.0
    return patch / max(light, 1.0)


def crop(gray: Image, polygon: tuple[tuple[float, float], ...]) -> tuple[Image, Image]:
    """Bounding patch of a polygon and its mask (255 inside)."""
    points = np.array(polygon, dtype=np.int32)
    x, y, width, height = cv2.boundingRect(points)
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + width, gray.shape[1]), min(y + height, gray.shape[0])
    if x1 <= x0 or y1 <= y0:
        raise ValueError("compartiment hors de l'image")
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillPoly(mask, [points - np.array([x0, y0])], 255)
    return gray[y0:y1, x0:x1], mask


def crop_colour(image: Image, polygon: tuple[tuple[float, float], ...]) -> Image:
    """Bounding BGR patch of a polygon."""
    x, y, width, height = cv2.boundingRect(np.array(polygon, dtype=np.int32))
    colour = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return colour[max(y, 0) : y + height, max(x, 0) : x + width]


def difference(first: Image, second: Image, mask: Image) -> Image:
    """Where two patches differ beyond light and noise (255), cleaned of specks."""
    distance = np.abs(flatten(first, mask) - flatten(second, mask))
    changed = np.where((distance > _DIFFERENCE) & (mask > 0), 255, 0).astype(np.uint8)
    return cv2.morphologyEx(changed, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))


def share(changed: Image, mask: Image) -> float:
    """Part of the compartment which changed, 0 to 1."""
    return float(np.count_nonzero(changed)) / max(int(np.count_nonzero(mask)), 1)


def certainty(value: float, threshold: float) -> float:
    """0.5 at the threshold, towards 1 away from it."""
    return 1.0 / (1.0 + math.exp(-_STEEPNESS * abs(value - threshold)))


def read(gray: Image, empty: Image | None, place: Compartment, dictionary: str) -> Reading:
    """Content of one compartment of a registered scene."""
    patch, mask = crop(gray, place.polygon)
    if place.method == "marker":
        return _read_marker(patch, place, dictionary)
    if place.method == "boxes":
        return _read_boxes(patch)
    if empty is None:
        return Reading(None, None, 0.5, place.item)
    reference, _ = crop(empty, place.polygon)
    changed = difference(patch, reference, mask)
    covered = share(changed, mask)
    present = covered > _PRESENT
    sure = certainty(covered, _PRESENT)
    if place.method == "count":
        count = _count_pieces(changed, place)
        return Reading(count, count > 0, sure if count <= 1 else min(sure, 0.97), place.item)
    return Reading(int(present), present, sure, place.item)


def _count_pieces(changed: Image, place: Compartment) -> int:
    number, _, stats, _ = cv2.connectedComponentsWithStats(changed, connectivity=8)
    areas = [float(stats[index, cv2.CC_STAT_AREA]) for index in range(1, number)]
    if not areas:
        return 0
    unit = place.unit_area_px or max(areas)
    return sum(round(area / unit) for area in areas if area >= 0.4 * unit)


def _read_marker(patch: Image, place: Compartment, dictionary: str) -> Reading:
    """A marker of another holder in this place: misplaced, nothing is counted."""
    seen = find_markers(patch, dictionary)
    if place.marker_id is not None and set(seen) - {place.marker_id}:
        return Reading(None, True, 0.5)
    found = sum(1 for number in seen if place.marker_id is None or number == place.marker_id)
    return Reading(found, found > 0, 0.98 if found else 0.9, place.item)


def _read_boxes(patch: Image) -> Reading:
    from edge_agents.drivers.scanner.decode import decode_image

    texts = [code.text for code in decode_image(np.ascontiguousarray(patch), _BOX_PATIENCE_S)]
    item = texts[0] if texts and len(set(texts)) == 1 else None
    return Reading(len(texts), bool(texts), 0.97 if texts else 0.85, item, tuple(sorted(texts)))
