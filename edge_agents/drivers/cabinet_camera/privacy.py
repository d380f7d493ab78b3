"""No hand and no face is ever stored (VIS-27): what is kept is built from a scene without anybody, not searched for persons.

The stored picture is the accepted scene of the cabinet, seen when nobody stood there. Into it come, of the new picture, only compartments
whose content changed and whose whole surround agrees with the scene to within the picture's own noise: whatever reaches in from outside
must cross that surround. A compartment of which this cannot be shown is painted over; with anything larger unexplained between the
compartments, every changed one is. Where nothing changed, and everywhere outside the compartments, no pixel of the new picture is kept.
Nobody is recognised, and nothing here could be turned into something that knows people.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np

from edge_agents.drivers.cabinet_camera import registration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

Polygon = Sequence[tuple[float, float]]

_SIDE = 480
_PAINT = (128, 128, 128)
# A change of colour, of brightness (log units) and of structure that is none of the light; and how many times the usual difference
# outside the compartments it must be.
_TINT, _LUMA, _STRUCTURE, _TIMES = 0.035, 0.07, 0.5, 5.0
# Above these usual differences two pictures are too unlike for anything to be shown to agree.
_WORST_TINT, _WORST_LUMA = 0.02, 0.035
_STRUCTURE_NOISE = 0.0009
_SAME_STRUCTURE = 0.25
_WINDOW = 2.5
# Added before a logarithm, so that noise in the dark is no difference.
_DARK = 10.0
_NEAR, _FAR, _INNER = 6, 11, 4
_LEAST = 5
_INTRUDER = 0.006
_LEAST_OUTSIDE = 0.03
_POINTS = 12
_MOST = 0.6
_CELLS = 12


@dataclass(frozen=True, slots=True)
class Kept:
    """``image``: the picture fit to be stored. ``scene``: the scene with the newly shown compartments, person-free as well, for the next
    picture. ``shown`` and ``hidden``: changed compartments (by their place in the list) in view and painted over; ``part`` painted (0..1)."""

    image: Image
    scene: Image
    shown: tuple[int, ...]
    hidden: tuple[int, ...]
    part: float


@dataclass(frozen=True, slots=True)
class _Gap:
    """Where a picture does not agree with the scene, raw and cleaned of specks; whether anything can be said at all; ``light`` is its
    smooth light against the scene's (log units, per channel)."""

    raw: Image
    clean: Image
    is_comparable: bool
    light: Image


@dataclass(frozen=True, slots=True)
class _Compared:
    """A picture beside the scene: moved onto it, the compartments at working size, where the two do not agree, what lies outside the
    compartments and in the middle of the ground between them, and whether nothing large is unexplained there."""

    now: Image
    inside: list[Image]
    gap: _Gap
    outside: Image
    middle: Image
    trusted: bool


def conceal(
    image: Image,
    scene: Image | None,
    places: Sequence[Polygon],
    told: Collection[int] = (),
    *,
    doubted: Collection[int] = (),
    covered: Image | None = None,
) -> Kept | None:
    """What may be stored of a BGR picture, in the frame of ``scene``; None when nothing can be shown to be free of persons.

    ``places``: outlines of the compartments in the scene; ``told``: those something else found changed, shown from the new picture
    even where it looks like the scene; ``doubted``: those never shown from it. ``covered`` is 255 where the picture shows something
    (everywhere when not given).
    """
    compared = None if scene is None else _compare(image, scene, places, covered)
    if compared is None or scene is None:
        return None
    inside, gap, outside = compared.inside, compared.gap, compared.outside
    now = _in_light(compared.now, gap.light)
    kept, shown, hidden = scene.copy(), [], []
    for number, mask in enumerate(inside):
        if number not in told and np.count_nonzero(gap.clean & (mask > 0)) < _LEAST:
            continue
        if compared.trusted and number not in doubted and _stands_apart(mask, gap.raw, compared.middle):
            whole = _filled(places[number], 1.0, scene.shape[:2]) > 0
            kept[whole] = now[whole]
            shown.append(number)
        else:
            hidden.append(number)
    cover = (gap.clean & outside).astype(np.uint8)
    for number in hidden:
        cover = np.maximum(cover, cv2.dilate(inside[number], _disk(2)))
    picture = kept.copy()
    picture[cv2.resize(cover, (scene.shape[1], scene.shape[0]), interpolation=cv2.INTER_NEAREST) > 0] = _PAINT
    part = float(cover.mean())
    return None if part > _MOST else Kept(picture, kept, tuple(shown), tuple(hidden), part)


def presence(
    image: Image, scene: Image, places: Sequence[Polygon], covered: Image | None = None
) -> Literal["nobody", "somebody", "unknown"]:
    """Whether a whole picture may be stored as it is: ``nobody`` where it agrees with the scene around every compartment, ``somebody`` (or
    some thing) where a large part between them does not, ``unknown`` where nothing of the kind can be said, in another light above all."""
    compared = _compare(image, scene, places, covered)
    if compared is None or not compared.gap.is_comparable:
        return "unknown"
    if not compared.trusted:
        return "somebody"
    apart = all(_stands_apart(mask, compared.gap.raw, compared.middle) for mask in compared.inside)
    return "nobody" if apart else "unknown"


def stirred(first: Image, second: Image, places: Sequence[Polygon], numbers: Collection[int]) -> set[int]:
    """Which of some compartments differ between two pictures of the same camera taken moments apart: no thing lying there moves, a hand does."""
    if first.shape != second.shape:
        return set(numbers)
    size, factor = _small_size(first)
    smalls = [
        cv2.resize(one, size, interpolation=cv2.INTER_AREA).astype(np.float32) for one in (first, second)
    ]
    looks = [np.log(cv2.GaussianBlur(small, (0, 0), 1.5) + _DARK) for small in smalls]
    gap = looks[1] - looks[0]
    moved = (np.abs(gap - np.median(gap, axis=(0, 1))) > _LUMA).any(axis=2)
    found = set()
    for number in numbers:
        inside = _filled(places[number], factor, (size[1], size[0])) > 0
        if np.count_nonzero(moved & inside) >= _LEAST:
            found.add(number)
    return found


def _compare(
    image: Image, scene: Image, places: Sequence[Polygon], covered: Image | None
) -> _Compared | None:
    """A picture beside the scene; None when it shows too little of it."""
    if scene.shape != image.shape:
        return None
    now, view = _in_frame(image, scene, covered)
    size, factor = _small_size(scene)
    small, known = (cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (now, scene))
    seen = cv2.resize(view, size, interpolation=cv2.INTER_AREA) > 250
    if seen.mean() < 1 - _MOST:
        return None
    inside = [_filled(place, factor, (size[1], size[0])) for place in places]
    taken = np.zeros(seen.shape, bool)
    for mask in inside:
        taken |= cv2.dilate(mask, _disk(_NEAR - 2)) > 0
    outside = ~taken & seen
    gap = _disagreement(small, known, outside if outside.mean() > _LEAST_OUTSIDE else seen)
    gap.raw[~seen] = True
    trusted = gap.is_comparable and _largest(gap.clean & outside) <= _INTRUDER * outside.size
    return _Compared(now, inside, gap, outside, _middle(inside, seen), trusted)


def mosaic(image: Image) -> Image:
    """A dozen coloured squares across: enough to see that a view is dark, blinded or turned away, for nobody to be made out."""
    height, width = image.shape[:2]
    cells = (_CELLS, max(round(_CELLS * height / width), 1))
    coarse = cv2.resize(image, cells, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(coarse, (cells[0] * 40, cells[1] * 40), interpolation=cv2.INTER_NEAREST))


def _in_frame(image: Image, scene: Image, covered: Image | None) -> tuple[Image, Image]:
    """The picture moved onto the scene, and where it shows something (255); as it is when the move is not found, which then shows as
    disagreement."""
    height, width = scene.shape[:2]
    works = [registration.to_work(one)[0] for one in (image, scene)]
    new, known = (registration.points_of(cv2.cvtColor(work, cv2.COLOR_BGR2GRAY)) for work in works)
    source, target = registration.matches(new, known)
    found = registration.fit_similarity(new.place[source], known.place[target])
    whole = np.full((height, width), 255, np.uint8) if covered is None else covered
    if found is None or found.inliers < _POINTS:
        return image, whole
    matrix = registration.in_file(found.matrix, registration.work_factor((width, height)))
    moved = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved), np.asarray(cv2.warpAffine(whole, matrix, (width, height)))


def _small_size(scene: Image) -> tuple[tuple[int, int], float]:
    height, width = scene.shape[:2]
    factor = _SIDE / max(height, width)
    return (max(round(width * factor), 8), max(round(height * factor), 8)), factor


def _disagreement(now: Image, known: Image, outside: Image) -> _Gap:
    """Where colour, brightness or structure differ by more than light and noise explain; ``outside`` is where nothing should."""
    looks = [np.log(cv2.GaussianBlur(one.astype(np.float32), (0, 0), 1.0) + _DARK) for one in (now, known)]
    lumas = [look.mean(axis=2) for look in looks]
    tints = (looks[0] - lumas[0][..., None]) - (looks[1] - lumas[1][..., None])
    colours = np.stack([_slope(tints[..., k], outside) for k in range(3)], axis=2)
    general = _slope(lumas[0] - lumas[1], outside)
    tint = np.stack([np.abs(_window(tints[..., k] - colours[..., k])) for k in range(3)]).max(axis=0)
    luma = np.abs(_window(lumas[0] - lumas[1] - general))
    first, second = (one - cv2.GaussianBlur(one, (0, 0), 4.0) for one in lumas)
    apart, both = _window((first - second) ** 2), _window(first**2 + second**2)
    noise = float(np.quantile(apart[outside], 0.25))
    ratio = apart / (both + _STRUCTURE_NOISE + 2 * noise)
    usual_tint, usual_luma = float(np.median(tint[outside])), float(np.median(luma[outside]))
    # A shadow leaves the grain of what it falls on; a hand does not.
    is_same = (ratio < _SAME_STRUCTURE) & (both > 6 * (noise + 1e-4))
    raw = (
        (tint > max(_TINT, _TIMES * usual_tint))
        | ((luma > max(_LUMA, _TIMES * usual_luma)) & ~is_same)
        | (ratio > _STRUCTURE)
    )
    clean = cv2.morphologyEx(raw.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    is_comparable = usual_tint <= _WORST_TINT and usual_luma <= _WORST_LUMA
    return _Gap(raw, clean, is_comparable, colours + general[..., None])


def _window(values: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), _WINDOW))


def _in_light(now: Image, light: Image) -> Image:
    """A picture as the light of the scene would show it, so that what is shown of it fits in there."""
    size = (now.shape[1], now.shape[0])
    gain = np.exp(-cv2.resize(light.astype(np.float32), size, interpolation=cv2.INTER_LINEAR))
    return np.asarray(np.clip((now + _DARK) * gain - _DARK + 0.5, 0, 255).astype(np.uint8))


def _slope(gap: Image, outside: Image) -> Image:
    """The smooth slope of light in a difference, fitted outside the compartments on what differs least."""
    height, width = gap.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / height - 0.5, x / width - 0.5
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=2).reshape(-1, 6)
    chosen = np.flatnonzero(outside.ravel())[::7]
    some, flat = terms[chosen], gap.ravel()[chosen]
    rest = flat - np.median(flat)
    slope = np.zeros(6, np.float32)
    for _ in range(4):
        near = np.abs(rest) <= np.quantile(np.abs(rest), 0.6)
        slope = np.linalg.lstsq(some[near], flat[near], rcond=None)[0]
        rest = flat - some @ slope
    return np.asarray((terms @ slope).reshape(gap.shape))


def _middle(inside: Sequence[Image], seen: Image) -> Image:
    """The ground around the compartments where it is farthest from all of them, up to ``_NEAR``: what lies in one does not reach there."""
    free = np.ones(seen.shape, np.uint8)
    for mask in inside:
        free &= 1 - mask
    distance = cv2.distanceTransform(free, cv2.DIST_L2, 5)
    frame = np.zeros(seen.shape, bool)
    frame[2:-2, 2:-2] = True
    distance[~(frame & seen)] = 0
    highest = cv2.dilate(distance, np.ones((7, 7), np.uint8))
    return np.asarray((distance >= 1.5) & (distance >= np.minimum(highest - 0.6, _NEAR)))


def _stands_apart(mask: Image, gap: Image, middle: Image) -> bool:
    """Whether all around a compartment the picture agrees with the scene; where there is no ground around it (a neighbour without
    room between, the edge of the picture), along the inside of its outline."""
    band = middle & (cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5) <= _FAR)
    covered = cv2.dilate(band.astype(np.uint8), _disk(_FAR + 1)) > 0
    rim = (mask > 0) & (cv2.erode(mask, _disk(_INNER), borderType=cv2.BORDER_CONSTANT, borderValue=0) == 0)
    watched = band | (rim & ~covered)
    return bool(watched.any()) and int(np.count_nonzero(gap & watched)) < _LEAST


def _filled(place: Polygon, factor: float, shape: tuple[int, ...]) -> Image:
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(np.array(place) * factor).astype(np.int32)], 1)
    return mask


def _largest(patches: Image) -> int:
    """Area of the largest connected patch."""
    number, _, stats, _ = cv2.connectedComponentsWithStats(patches.astype(np.uint8), connectivity=8)
    return max((int(stats[k, cv2.CC_STAT_AREA]) for k in range(1, number)), default=0)


def _disk(radius: int) -> Image:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)))
