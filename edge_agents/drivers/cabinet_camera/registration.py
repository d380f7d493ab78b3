"""Where the cabinet lies in a picture, found on the picture itself: key points of some taught pictures (VIS-05).

Small camera moves are similarities near the identity; matches whose own turn or size contradicts that are dropped
before the vote, so that few key points suffice on plain wood, foam or sheet metal.
Key points: Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004.
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

WORK_SIDE = 480
_POINTS = 450
_TURN_DEG = 18.0
_SIZE_RATIO = 1.3
_RATIO = 0.9
_NEAR_PX = 4.0
_TRIALS = 400
_MIN_INLIERS = 8
_KEYFRAMES = 8
_CANDIDATES = 6
_KEPT_POINTS = 220


@dataclass(frozen=True, slots=True)
class Points:
    """Key points of a picture at working size: place (n x 2), turn in degrees, size, descriptor (n x 128)."""

    place: Image
    turn: Image
    size: Image
    descriptor: Image


@dataclass(frozen=True, slots=True)
class Located:
    """Transform (2 x 3) from working pixels to the frame of the polygons, and how many points agree (and which)."""

    matrix: Image
    inliers: int
    agreeing: Image | None = None


def work_factor(size: tuple[int, int]) -> float:
    """Factor from the pixels of a file of that size to working pixels."""
    return min(1.0, WORK_SIDE / max(size))


def in_file(matrix: Image, factor: float) -> Image:
    """A transform between working pixels, told in pixels of the file."""
    return np.concatenate([matrix[:, :2], matrix[:, 2:] / factor], axis=1)


def to_work(image: Image) -> tuple[Image, float]:
    """Picture reduced to the working size, and the factor from file pixels to working pixels."""
    factor = work_factor((image.shape[1], image.shape[0]))
    if factor == 1.0:
        return image, 1.0
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), factor


def points_of(gray: Image) -> Points:
    """Key points of a gray picture at working size; local contrast is evened out first."""
    even = cv2.createCLAHE(3.0, (8, 8)).apply(gray)
    maker: Any = cv2
    found, descriptor = maker.SIFT_create(_POINTS, contrastThreshold=0.02).detectAndCompute(even, None)
    if descriptor is None:
        return Points(np.zeros((0, 2), np.float32), np.zeros(0), np.zeros(0), np.zeros((0, 128), np.uint8))
    return Points(
        np.array([p.pt for p in found], np.float32),
        np.array([p.angle for p in found], np.float32),
        np.array([p.size for p in found], np.float32),
        descriptor.astype(np.uint8),
    )


def matches(query: Points, known: Points) -> tuple[Image, Image]:
    """Indices of points of both pictures which look alike and agree with a small move of the camera."""
    if len(query.place) < 2 or len(known.place) < 2:
        return np.zeros(0, int), np.zeros(0, int)
    pairs = cv2.BFMatcher().knnMatch(
        query.descriptor.astype(np.float32), known.descriptor.astype(np.float32), k=2
    )
    best = [first for first, second in pairs if first.distance < _RATIO * second.distance]
    source = np.array([m.queryIdx for m in best], int)
    target = np.array([m.trainIdx for m in best], int)
    if not best:
        return source, target
    turn = (query.turn[source] - known.turn[target] + 180.0) % 360.0 - 180.0
    size = query.size[source] / known.size[target]
    fits = (np.abs(turn) < _TURN_DEG) & (size < _SIZE_RATIO) & (size > 1.0 / _SIZE_RATIO)
    return source[fits], target[fits]


def fit_similarity(source: Image, target: Image, *, near_px: float = _NEAR_PX) -> Located | None:
    """Similarity carrying most of ``source`` onto ``target`` (n x 2 each), by drawing pairs; None below 3 points.

    Draws are seeded: the same picture always gives the same answer.
    """
    count = len(source)
    if count < 3:
        return None
    z, w = source[:, 0] + 1j * source[:, 1], target[:, 0] + 1j * target[:, 1]
    chance = np.random.default_rng(count)
    first, second = chance.integers(0, count, (2, _TRIALS))
    span = z[first] - z[second]
    wide = np.abs(span) > 12.0
    if not wide.any():
        return None
    first, second, span = first[wide], second[wide], span[wide]
    factor = (w[first] - w[second]) / span
    near = (np.abs(np.abs(factor) - 1.0) < 0.15) & (np.abs(np.degrees(np.angle(factor))) < _TURN_DEG)
    if not near.any():
        return None
    kept, factor = first[near], factor[near]
    offset = w[kept] - factor * z[kept]
    agree = np.abs(factor[:, None] * z[None, :] + offset[:, None] - w[None, :]) < near_px
    inside = agree[int(np.argmax(agree.sum(axis=1)))]
    for _ in range(2):
        if inside.sum() < 3:
            return None
        a, b = _least_squares(z[inside], w[inside])
        inside = np.abs(a * z + b - w) < near_px
    matrix = np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])
    return Located(matrix, int(inside.sum()), inside)


def _least_squares(z: Image, w: Image) -> tuple[complex, complex]:
    """Factor and offset of the best similarity between two sets of complex points."""
    zc, wc = z - z.mean(), w - w.mean()
    a = complex(np.vdot(zc, wc) / max(float(np.vdot(zc, zc).real), 1e-9))
    return a, complex(w.mean() - a * z.mean())


@dataclass(frozen=True, slots=True)
class PictureMap:
    """Key points of taught pictures carried into one frame; each keyframe is searched on its own."""

    keyframes: tuple[Points, ...]

    def locate(self, query: Points) -> Located | None:
        """Where a picture lies, or None when too few points agree."""
        return self._search(query)[0]

    def _search(self, query: Points) -> tuple[Located | None, list[Image]]:
        """Place of a picture, and the points of each keyframe its matches fell on."""
        sources, targets, used = [np.zeros((0, 2))], [np.zeros((0, 2))], []
        for known in self.keyframes:
            source, target = matches(query, known)
            sources.append(query.place[source])
            targets.append(known.place[target])
            used.append(target)
        found = fit_similarity(np.concatenate(sources), np.concatenate(targets))
        return (None if found is None or found.inliers < _MIN_INLIERS else found), used

    def thinned(self, pictures: Sequence[Points]) -> PictureMap:
        """The map with only the points that helped most often to find the taught pictures: smaller and faster."""
        votes = [np.zeros(len(known.place)) for known in self.keyframes]
        for picture in pictures:
            found, used = self._search(picture)
            if found is None or found.agreeing is None:
                continue
            ends = np.cumsum([len(target) for target in used])
            for vote, target, end in zip(votes, used, ends, strict=True):
                np.add.at(vote, target[found.agreeing[end - len(target) : end]], 1)
        frames = []
        for known, vote in zip(self.keyframes, votes, strict=True):
            best = np.argsort(-vote, kind="stable")[:_KEPT_POINTS]
            best = best[vote[best] > 1]
            frames.append(
                Points(known.place[best], known.turn[best], known.size[best], known.descriptor[best])
            )
        return PictureMap(tuple(frames))


def learn_map(pictures: Sequence[Points]) -> tuple[PictureMap, list[Located | None]]:
    """Map of a set of pictures and the place of each; keyframes are added until every picture is found.

    The frame is moved so that the taught pictures lie around it evenly: polygons drawn for "the usual view" then fit.
    """
    if not pictures:
        return PictureMap(()), []
    chance = np.random.default_rng(0)
    candidates = chance.permutation(len(pictures))[:_CANDIDATES]
    trials = [(_place_all(pictures, PictureMap((pictures[i],))), int(i)) for i in candidates]
    places, start = max(trials, key=lambda trial: (_anchored(trial[0]), _votes(trial[0])))
    frames, used = [pictures[start]], {start}
    while len(frames) < min(_KEYFRAMES, len(pictures)):
        choice = _next_keyframe(places, used)
        if choice is None:
            break
        used.add(choice)
        frames.append(_carried(pictures[choice], places[choice]))
        places = _merge(places, _place_all(pictures, PictureMap((frames[-1],))))
    atlas = PictureMap(tuple(frames)).thinned(pictures)
    return _centred(atlas.keyframes, _place_all(pictures, atlas))


def _place_all(pictures: Sequence[Points], atlas: PictureMap) -> list[Located | None]:
    return [atlas.locate(picture) for picture in pictures]


def _anchored(places: Sequence[Located | None]) -> int:
    return sum(place is not None for place in places)


def _votes(places: Sequence[Located | None]) -> int:
    return sum(min(place.inliers, 60) for place in places if place is not None)


def _merge(first: Sequence[Located | None], second: Sequence[Located | None]) -> list[Located | None]:
    """The better supported place of each picture."""
    return [
        max((p for p in pair if p is not None), key=lambda p: p.inliers, default=None)
        for pair in zip(first, second, strict=True)
    ]


def _next_keyframe(places: Sequence[Located | None], used: set[int]) -> int | None:
    """The found picture which resembles the known ones least: it brings what they lack (other light, other content)."""
    open_ones = [(p.inliers, i) for i, p in enumerate(places) if p is not None and i not in used]
    return min(open_ones)[1] if open_ones else None


def _carried(points: Points, place: Located | None) -> Points:
    if place is None:
        return points
    moved = points.place @ place.matrix[:, :2].T + place.matrix[:, 2]
    turn = np.degrees(np.arctan2(place.matrix[1, 0], place.matrix[0, 0]))
    return Points(moved.astype(np.float32), points.turn + np.float32(turn), points.size, points.descriptor)


def _centred(
    frames: Sequence[Points], places: list[Located | None]
) -> tuple[PictureMap, list[Located | None]]:
    """Map and places in the frame that lies in the middle of the taught ones."""
    found = [place.matrix for place in places if place is not None]
    if not found:
        return PictureMap(tuple(frames)), places
    mean = np.mean(found, axis=0)
    a = complex(mean[0, 0], mean[1, 0])
    a /= abs(a)
    back = np.array([[a.real, a.imag], [-a.imag, a.real]])
    offset = -back @ np.median([m[:, 2] for m in found], axis=0)
    move = np.concatenate([back, offset[:, None]], axis=1)
    moved = tuple(_carried(frame, Located(move, 0)) for frame in frames)
    return PictureMap(moved), [
        None if p is None else Located(compose(move, p.matrix), p.inliers) for p in places
    ]


def compose(outer: Image, inner: Image) -> Image:
    """2 x 3 transform applying ``inner`` first."""
    full = np.vstack([inner, [0.0, 0.0, 1.0]])
    return np.asarray(outer @ full)
