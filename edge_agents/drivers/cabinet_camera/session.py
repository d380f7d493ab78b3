"""What a taught cabinet says about a session: two readings, one change per compartment that differs (VIS-05, VIS-42)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edge_agents.drivers.cabinet_camera.config import VisionConfig
from edge_agents.drivers.cabinet_camera.decision import Change, Decision, Reading
from edge_agents.drivers.cabinet_camera.reading import read_picture
from edge_agents.drivers.cabinet_camera.taught import PictureReading, PlaceReading, TaughtModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_DOUBTFUL = 0.75
_REVIEW = 0.59


def decide_taught(
    before: Image, after: Image, vision: VisionConfig, model: TaughtModel, empty: Image | None = None
) -> Decision:
    """Changed compartments between two raw scenes, read with the taught model.

    Unusable pictures give no change. A compartment which looks like nothing taught gives no quantity and goes to
    review; so does one whose contents were doubtful in one of the pictures.
    """
    first = read_picture(before, vision, model, empty)
    second = read_picture(after, vision, model, empty)
    for reading in (first, second):
        if not reading.usable:
            return Decision(False, reading.reason, ())
    return Decision(True, None, compare(first, second, vision))


def compare(first: PictureReading, second: PictureReading, vision: VisionConfig) -> tuple[Change, ...]:
    """Changes between two usable readings of the same cabinet."""
    changes = []
    for place, old, new in zip(vision.compartments, first.places, second.places, strict=True):
        strange = new.reason == "unlike_taught" or old.reason == "unlike_taught"
        if old.count is None or new.count is None:
            continue
        known = Reading(old.count, old.present, old.confidence, old.item)
        seen = Reading(new.count, new.present, new.confidence, new.item)
        sure = min(old.confidence, new.confidence)
        if strange:
            if new.reason == old.reason and new.count == old.count:
                continue
            changes.append(Change(place, known, seen, None, min(sure, _REVIEW), "foreign_or_misplaced"))
            continue
        delta = new.count - old.count
        swapped = bool(old.count and new.count and old.item != new.item)
        if swapped:
            changes.append(Change(place, known, seen, delta, min(sure, _REVIEW), "foreign_or_misplaced"))
        elif delta:
            changes.append(Change(place, known, seen, delta, _with_evidence(sure, old, new)))
        elif sure < _DOUBTFUL and _moved(old, new) > 0.5:
            changes.append(Change(place, known, seen, 0, min(sure, _REVIEW), "doubtful"))
    return tuple(changes)


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
