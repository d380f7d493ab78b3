"""Shared compartments: which of the expected items came or went, from the pieces a trained detector finds (VIS-02, VIS-03, VIS-42).

Where the picture did not change nothing has moved, however unsure the pieces there are; only the others make a difference.
A change which no found piece explains, a kind that does not belong there, or a strange object goes to a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_agents.drivers.cabinet_camera.config import Compartment
from edge_agents.drivers.cabinet_camera.decision import Change, Reading, crop_colour
from edge_agents.drivers.cabinet_camera.detector import Calibration, Detector, Piece

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

FOREIGN = "foreign_or_misplaced"
_LIKELY = 0.5
_POSSIBLE = 0.06
_STILL = 0.5
_STRANGE = 0.35
_REVIEW = 0.59
_SIDE = 240
_APART = 0.5
_NOISE = 0.0022
_LEAST_PART = 0.0025
_TOUCHED = 0.12
_ROOM = 9.0
_MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class Counted:
    """One expected item of a shared compartment: how many pieces, and how sure the count is."""

    item: str
    count: int
    confidence: float


@dataclass(frozen=True, slots=True)
class TrayReading:
    """What the detector found in one compartment of one picture."""

    pieces: tuple[Piece, ...]
    picture: Image
    calibration: Calibration

    def counts(self, place: Compartment) -> tuple[Counted, ...]:
        """Pieces per expected item."""
        rows = []
        for expected in place.items:
            own = [p for p in self.pieces if _item_of(place, p) == expected.item]
            rows.append(Counted(expected.item, sum(p.probability >= _LIKELY for p in own), _certainty(own)))
        return tuple(rows)

    def strange(self, place: Compartment) -> list[Piece]:
        """Pieces which belong to no expected item."""
        return [p for p in self.pieces if p.probability >= _STRANGE and _item_of(place, p) is None]


def read_tray(image: Image, place: Compartment, detector: Detector) -> TrayReading:
    """Pieces of one compartment of a registered BGR picture; those outside its polygon are left out."""
    patch = crop_colour(image, place.polygon)
    points = np.array(place.polygon, np.int32)
    outline = (points - np.maximum(points.min(axis=0), 0)).astype(np.float32)
    inside = [
        piece
        for piece in detector.find(np.ascontiguousarray(patch), {one.kind for one in place.items})
        if piece.probability >= _POSSIBLE and cv2.pointPolygonTest(outline, (piece.x, piece.y), False) >= 0
    ]
    return TrayReading(tuple(inside), patch, detector.change)


def unknown_kinds(place: Compartment, detector: Detector) -> list[str]:
    """Expected kinds the detector was not taught."""
    return sorted({one.kind for one in place.items} - set(detector.kinds))


def changes_of(place: Compartment, old: TrayReading, new: TrayReading) -> list[Change]:
    """One change per expected item whose number differs, and one for a person where something else happened.

    Next to what nobody can explain no difference is sure.
    """
    changed, factor = _changed(old, new)
    gone, come = _explaining(place, changed, factor, *_moved(old, new, changed, factor))
    strange = any(p.probability >= _STRANGE and _item_of(place, p) is None for p in come)
    odd = strange or _unexplained(changed, factor, [p for p in (*gone, *come) if p.probability >= _LIKELY])
    after = {one.item: one for one in new.counts(place)}
    changes = []
    for expected in place.items:
        went = [p for p in gone if _item_of(place, p) == expected.item]
        came = [p for p in come if _item_of(place, p) == expected.item]
        delta = sum(p.probability >= _LIKELY for p in came) - sum(p.probability >= _LIKELY for p in went)
        if not delta:
            continue
        sure = new.calibration(_certainty(went + came))
        count = max(after[expected.item].count, delta, 0)
        known = Reading(count - delta, count > delta, sure, expected.item)
        seen = Reading(count, count > 0, sure, expected.item)
        changes.append(
            Change(place, known, seen, delta, min(sure, _REVIEW) if odd else sure, item=expected.item)
        )
    if odd:
        nothing = Reading(None, None, 0.5)
        changes.append(Change(place, nothing, nothing, None, 0.5, FOREIGN))
    return changes


def _item_of(place: Compartment, piece: Piece) -> str | None:
    """The expected item a piece may be; None for strange objects and kinds that do not belong there."""
    length = None if place.mm_per_px is None else piece.length * place.mm_per_px
    return next((one.item for one in place.items if one.kind == piece.kind and one.fits(length)), None)


def _certainty(pieces: Sequence[Piece]) -> float:
    """Probability that every likely piece is there and no doubtful one is, if they were independent."""
    sure = 1.0
    for piece in pieces:
        sure *= piece.probability if piece.probability >= _LIKELY else 1 - piece.probability
    return sure


def _moved(
    old: TrayReading, new: TrayReading, changed: Image, factor: float
) -> tuple[list[Piece], list[Piece]]:
    """Pieces of each picture which may have come or gone.

    Where the picture did not change lies what lay there before, whatever it was read as in either; a piece which gave way to another
    of its kind at the same place makes no difference.
    """
    gone = [piece for piece in old.pieces if _covered(changed, factor, piece) >= _TOUCHED]
    come = [piece for piece in new.pieces if _covered(changed, factor, piece) >= _TOUCHED]
    left = []
    for piece in gone:
        alike = [other for other in come if other.kind == piece.kind and piece.overlap(other) >= _STILL]
        if alike:
            come.remove(alike[0])
        else:
            left.append(piece)
    return left, come


def _explaining(
    place: Compartment, changed: Image, factor: float, gone: list[Piece], come: list[Piece]
) -> tuple[list[Piece], list[Piece]]:
    """Pieces of both pictures, with an unsure one of an expected item taken for likely where only it explains that the picture changed:
    that something came or went there is evidence for it."""
    rest = _beside(changed, factor, [p for p in (*gone, *come) if p.probability >= _LIKELY])
    for patch in _patches(rest):
        unsure = [p for p in (*gone, *come) if p.probability < _LIKELY and _item_of(place, p) is not None]
        near = [p for p in unsure if float((_beside(patch, factor, [p]) == 0)[patch > 0].mean()) >= _MOSTLY]
        if near:
            best = max(near, key=lambda p: p.probability)
            likely = replace(best, probability=_LIKELY)
            gone = [likely if p is best else p for p in gone]
            come = [likely if p is best else p for p in come]
    return gone, come


def _covered(changed: Image, factor: float, piece: Piece) -> float:
    """Part of a piece's outline (0..1) in which the picture changed."""
    mask = np.zeros(changed.shape, np.uint8)
    cv2.fillConvexPoly(mask, np.round(piece.corners * factor).astype(np.int32), 1)
    return float(changed[mask > 0].mean()) if mask.any() else 0.0


def _changed(old: TrayReading, new: TrayReading) -> tuple[Image, float]:
    """Where structure came or went (1), whatever the light did; with the factor from the picture's pixels to the map's."""
    height, width = old.picture.shape[:2]
    factor = min(1.0, _SIDE / max(height, width))
    size = (max(round(width * factor), 8), max(round(height * factor), 8))
    first, second = (
        _relief(cv2.resize(one.picture, size, interpolation=cv2.INTER_AREA)) for one in (old, new)
    )
    apart = cv2.GaussianBlur((first - second) ** 2, (0, 0), 2.5)
    both = cv2.GaussianBlur(first**2 + second**2, (0, 0), 2.5)
    return np.asarray(apart > _APART * both + _NOISE, np.uint8), factor


def _unexplained(changed: Image, factor: float, pieces: Sequence[Piece]) -> bool:
    """Whether structure came or went where no piece was found in either picture."""
    return bool(_patches(_beside(changed, factor, pieces)))


def _beside(changed: Image, factor: float, pieces: Sequence[Piece]) -> Image:
    """A map of what changed without the pieces and some room around them."""
    rest = changed.copy()
    for piece in pieces:
        room = 2 * _ROOM / factor
        wide = replace(piece, length=piece.length + room, width=piece.width + room)
        cv2.fillConvexPoly(rest, np.round(wide.corners * factor).astype(np.int32), 0)
    return np.asarray(cv2.morphologyEx(rest, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))


def _patches(rest: Image) -> list[Image]:
    """Connected patches of a map larger than grain and shadow edges make them."""
    number, labels, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=8)
    large = [k for k in range(1, number) if stats[k, cv2.CC_STAT_AREA] > _LEAST_PART * rest.size]
    return [(labels == k).astype(np.uint8) for k in large]


def _relief(picture: Image) -> Image:
    """Local structure of the logarithm of brightness: light that changes slowly over the picture is gone."""
    luma = np.log(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.0) + 14.0).mean(axis=2)
    return np.asarray(luma - cv2.GaussianBlur(luma, (0, 0), 6.0))
