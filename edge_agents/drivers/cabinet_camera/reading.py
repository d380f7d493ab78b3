"""One answer per compartment, whatever its method: taught places by the model, the others by their own rule (VIS-03)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agents.drivers.cabinet_camera import decision, features, items, labels
from edge_agents.drivers.cabinet_camera.bars import bar_circles
from edge_agents.drivers.cabinet_camera.config import Compartment, VisionConfig
from edge_agents.drivers.cabinet_camera.detector import Detector
from edge_agents.drivers.cabinet_camera.taught import PictureReading, PlaceReading, TaughtModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]


# Circles alone, without teaching: right mostly, but always for a person to confirm.
_CIRCLES = 0.8


def read_picture(
    image: Image,
    vision: VisionConfig,
    model: TaughtModel | None,
    empty: Image | None = None,
    detector: Detector | None = None,
) -> PictureReading:
    """Reads a raw picture of the cabinet. Without model or detector, methods that need none go on (VIS-44)."""
    fault = decision.check_usable(image, vision)
    if vision.fiducials is not None:
        moved, reason = decision.register(image, vision.fiducials)
        if moved is None:
            return _nothing(vision, fault or reason)
        image = moved
    taught = None if model is None else model.read(image)
    if taught is None and fault is not None:
        return _nothing(vision, fault)
    by_id = {} if taught is None else {place.id: place for place in taught.places}
    gray = decision.gray_of(image)
    reference = None if empty is None else decision.prepare(empty, vision)[0]
    places = []
    for place in vision.compartments:
        own = by_id.get(place.id) or (
            _shared(image, place, detector)
            if place.method == "items"
            else _untaught(gray, image, reference, place, vision)
        )
        if taught is not None and not taught.usable and place.id not in by_id:
            own = PlaceReading(place.id, None, None, None, 0.0, taught.reason)
        places.append(own)
    usable = taught is None or taught.usable
    return PictureReading(usable, None if taught is None else taught.reason, tuple(places), gray)


def _shared(image: Image, place: Compartment, detector: Detector | None) -> PlaceReading:
    """A compartment with several expected items."""
    if detector is None or items.unknown_kinds(place, detector):
        return PlaceReading(place.id, None, None, None, 0.0, "not_taught")
    tray = items.read_tray(features.in_colour(image), place, detector)
    counts = tray.counts(place)
    total, sure = sum(one.count for one in counts), min(one.confidence for one in counts)
    reason = items.FOREIGN if tray.strange(place) else None
    return PlaceReading(place.id, total > 0, total, None, sure, reason, tray=tray)


def _untaught(
    gray: Image, image: Image, empty: Image | None, place: Compartment, vision: VisionConfig
) -> PlaceReading:
    dictionary = vision.fiducials.dictionary if vision.fiducials else "DICT_4X4_50"
    if place.method == "weight":
        # The picture says nothing about the content of a weighed tray.
        return PlaceReading(place.id, None, None, None, 0.0, "needs_scale")
    if place.method == "label_text":
        return labels.read_place(gray, empty, place)
    if place.method == "bar_ends":
        circles = len(bar_circles(decision.crop_colour(image, place.polygon)))
        return PlaceReading(place.id, circles > 0, circles, place.item if circles else None, _CIRCLES)
    if place.method in {"presence", "count"} and empty is None:
        return PlaceReading(place.id, None, None, None, 0.0, "not_taught")
    found = decision.read(gray, empty, place, dictionary)
    if found.count is None and place.method == "marker":
        return PlaceReading(place.id, None, None, None, found.confidence, "foreign_or_misplaced")
    item = found.item if found.count else None
    return PlaceReading(place.id, found.present, found.count, item, found.confidence, codes=found.codes)


def _nothing(vision: VisionConfig, reason: str | None) -> PictureReading:
    places = tuple(PlaceReading(place.id, None, None, None, 0.0, reason) for place in vision.compartments)
    return PictureReading(False, reason, places)
