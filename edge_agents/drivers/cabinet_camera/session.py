"""What a cabinet says about a session, taught or not: two readings, one change per compartment that differs (VIS-05, VIS-42)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_agents.drivers.cabinet_camera import items, labels
from edge_agents.drivers.cabinet_camera.config import Compartment, VisionConfig
from edge_agents.drivers.cabinet_camera.decision import (
    Change,
    Decision,
    Reading,
    certainty,
    crop,
    difference,
    share,
)
from edge_agents.drivers.cabinet_camera.detector import Detector
from edge_agents.drivers.cabinet_camera.reading import read_picture
from edge_agents.drivers.cabinet_camera.taught import PictureReading, PlaceReading, TaughtModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_DOUBTFUL = 0.75
_REVIEW = 0.59
_CHANGED = 0.06
_REPLACED = 0.12
_ONE_OF_MANY = 0.004
# How many times as likely it is that a compartment stayed as it was than that it changed.
_STAYS = 1.5
_FOREIGN = items.FOREIGN


def decide(
    before: Image,
    after: Image,
    vision: VisionConfig,
    *,
    model: TaughtModel | None = None,
    empty: Image | None = None,
    detector: Detector | None = None,
) -> Decision:
    """Changed compartments between two raw scenes; ``empty`` is the raw image of the empty cabinet.

    Unusable pictures give no change. A compartment which looks like nothing taught, or whose content nothing tells, gives
    no quantity and goes to review; so does one whose contents were doubtful in one of the pictures.
    """
    first = read_picture(before, vision, model, empty, detector)
    second = read_picture(after, vision, model, empty, detector)
    for reading in (first, second):
        if not reading.usable:
            return Decision(False, reading.reason, ())
    return Decision(True, None, compare(first, second, vision))


def compare(first: PictureReading, second: PictureReading, vision: VisionConfig) -> tuple[Change, ...]:
    """Changes between two usable readings of the same cabinet."""
    changes = []
    for place, old, new in zip(vision.compartments, first.places, second.places, strict=True):
        if old.patch is not None and new.patch is not None:
            changes.append(_taught(place, old, new))
        elif old.tray is not None and new.tray is not None:
            changes += items.changes_of(place, old.tray, new.tray)
        elif place.method == "items":
            changes.append(_unread(place, old, new, _share_moved(first, second, place)))
        elif place.method == "label_text" and old.count is not None and new.count is not None:
            changes += labels.changes_of(place, old, new, _seen(first), _seen(second))
        elif place.method == "boxes":
            changes += _by_labels(place, old, new, _share_moved(first, second, place))
        elif place.method != "weight":
            changes.append(_by_rule(place, old, new, _share_moved(first, second, place)))
    return tuple(change for change in changes if change is not None)


def _taught(place: Compartment, old: PlaceReading, new: PlaceReading) -> Change | None:
    """Change of a compartment read by the model."""
    if old.count is None or new.count is None:
        return None
    known, seen = _reading(old), _reading(new)
    sure = min(old.confidence, new.confidence)
    if "unlike_taught" in (old.reason, new.reason):
        if new.reason == old.reason and new.count == old.count:
            return None
        return Change(place, known, seen, None, min(sure, _REVIEW), _FOREIGN)
    delta = new.count - old.count
    if old.count and new.count and old.item != new.item:
        return Change(place, known, seen, delta, min(sure, _REVIEW), _FOREIGN)
    first, second, share = _likeliest(old, new)
    sure = share if first == second else min(sure, share, 1.0 if second - first == delta else _REVIEW)
    known, seen, delta = _counted(known, first), _counted(seen, second), second - first
    if delta:
        return Change(place, known, seen, delta, _with_evidence(sure, old, new))
    if sure < _DOUBTFUL and _moved(old, new) > 0.5:
        return Change(place, known, seen, 0, min(sure, _REVIEW), "doubtful")
    return None


def _likeliest(old: PlaceReading, new: PlaceReading) -> tuple[int, int, float]:
    """The two counts that both pictures together make likeliest, with the probability of their difference: most compartments stay as
    they are in a session, so two unsure readings that barely differ are no change."""
    pairs: dict[tuple[int, int], float] = {}
    shares: dict[int, float] = {}
    for first, p in old.likely:
        for second, q in new.likely:
            if first.item != second.item and first.count and second.count:
                continue
            usual = _STAYS if first == second else 1.0
            pair, delta = (first.count, second.count), second.count - first.count
            pairs[pair] = pairs.get(pair, 0.0) + p * q * usual
            shares[delta] = shares.get(delta, 0.0) + p * q * usual
    total = sum(shares.values())
    if total <= 0:
        return old.count or 0, new.count or 0, min(old.confidence, new.confidence)
    delta = max(shares, key=lambda one: shares[one])
    count, later = max((one for one in pairs if one[1] - one[0] == delta), key=lambda one: pairs[one])
    return count, later, shares[delta] / total


def _counted(reading: Reading, count: int) -> Reading:
    return reading if reading.count == count else replace(reading, count=count, present=count > 0)


def _by_rule(place: Compartment, old: PlaceReading, new: PlaceReading, moved: float) -> Change | None:
    """Change of a compartment read by its own rule; ``moved`` is the part of it that looks different."""
    known, seen = _reading(old), _reading(new)
    if old.count is None or new.count is None:
        reason = _FOREIGN if _FOREIGN in (old.reason, new.reason) else "no_reference"
        if place.method == "marker" and old.reason != new.reason:
            return Change(place, known, seen, None, 0.5, reason)
        return Change(place, known, seen, None, 0.5, reason) if moved > _CHANGED else None
    delta = new.count - old.count
    if delta:
        evidence = certainty(moved, _CHANGED) if moved > _CHANGED else 0.4
        return Change(place, known, seen, delta, min(old.confidence, new.confidence, evidence))
    return Change(place, known, seen, 0, 0.5, _FOREIGN) if moved > _REPLACED else None


def _unread(place: Compartment, old: PlaceReading, new: PlaceReading, moved: float) -> Change | None:
    """A shared compartment nobody can read: that something small moved in it is told, for a person."""
    if moved <= _ONE_OF_MANY:
        return None
    return Change(place, _reading(old), _reading(new), None, 0.5, "no_reference")


def _by_labels(place: Compartment, old: PlaceReading, new: PlaceReading, moved: float) -> list[Change]:
    """One change per label that came or went; a new piece without label is for a person (VIS-13)."""
    known, seen = _reading(old), _reading(new)
    if old.count is None or new.count is None:
        one = _by_rule(place, old, new, moved)
        return [] if one is None else [one]
    came, went = Counter(new.codes) - Counter(old.codes), Counter(old.codes) - Counter(new.codes)
    sure = min(old.confidence, new.confidence)
    if moved <= _CHANGED:
        sure = min(sure, _REVIEW)
    changes = [
        Change(place, known, seen, sign * number, sure, None, code)
        for sign, labels in ((1, came), (-1, went))
        for code, number in sorted(labels.items())
    ]
    if not changes and moved > _REPLACED:
        return [Change(place, known, seen, None, 0.5, "unlabelled")]
    return changes


def compare_weighed(
    vision: VisionConfig, first: Mapping[str, PlaceReading], second: Mapping[str, PlaceReading]
) -> tuple[Change, ...]:
    """Changes of weighed trays; a tray that cannot be trusted gives none, its fault is told apart (VIS-43)."""
    changes = []
    for place in vision.compartments:
        old, new = first.get(place.id), second.get(place.id)
        if place.method != "weight" or old is None or new is None or old.count is None or new.count is None:
            continue
        if new.count != old.count:
            sure = min(old.confidence, new.confidence)
            changes.append(Change(place, _reading(old), _reading(new), new.count - old.count, sure))
    return tuple(changes)


def _seen(reading: PictureReading) -> Image:
    if reading.gray is None:
        raise ValueError("un compartiment lu sans image")
    return reading.gray


def _share_moved(first: PictureReading, second: PictureReading, place: Compartment) -> float:
    if first.gray is None or second.gray is None:
        return 1.0
    patch, mask = crop(first.gray, place.polygon)
    other, _ = crop(second.gray, place.polygon)
    return share(difference(patch, other, mask), mask)


def _reading(place: PlaceReading) -> Reading:
    return Reading(place.count, place.present, place.confidence, place.item)


def _with_evidence(sure: float, old: PlaceReading, new: PlaceReading) -> float:
    """A change of content must also be a change of the picture, or it is not believed."""
    return sure if _moved(old, new) > 0.08 else min(sure, _REVIEW)


def _moved(old: PlaceReading, new: PlaceReading) -> float:
    """Strongest local difference between two patches of a compartment after dividing out light (log units)."""
    if old.patch is None or new.patch is None:
        return 1.0
    looks = [np.log(reading.patch.mean(axis=2) + 8.0) for reading in (old, new) if reading.patch is not None]
    gap = looks[0] - looks[1]
    return float(np.percentile(np.abs(gap - np.median(gap)), 98))
