"""Counting methods with their own rule, beside taught places, boxes and markers: printed labels, weighed trays (VIS-03)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_agents.drivers.cabinet_camera.config import Compartment
from edge_agents.drivers.cabinet_camera.taught import PlaceReading

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_SURE = 0.92
_LABEL_HEIGHT = 160


def weighed(_image: Image, place: Compartment) -> PlaceReading:
    """A weighed compartment: the picture says nothing about its content."""
    return PlaceReading(place.id, None, None, None, 0.0, "needs_scale")


def labelled(image: Image, place: Compartment) -> PlaceReading:
    """A place told by its printed reference. Only the expected reference counts as present; anything else is for review."""
    points = np.array(place.polygon, np.int32)
    x, y, width, height = cv2.boundingRect(points)
    patch = image[max(y, 0) : y + height, max(x, 0) : x + width]
    try:
        import pytesseract

        factor = max(1.0, _LABEL_HEIGHT / max(patch.shape[0], 1))
        large = cv2.resize(patch, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        text = _plain(pytesseract.image_to_string(large, config="--psm 6"))
    except (ImportError, OSError):
        return PlaceReading(place.id, None, None, None, 0.0, "ocr_absent")
    expected = _plain(place.item or "")
    if expected and expected in text:
        return PlaceReading(place.id, True, 1, place.item, _SURE)
    reason = "foreign_or_misplaced" if len(text) >= 4 else "label_unread"
    return PlaceReading(place.id, None, None, None, 0.5, reason)


def _plain(text: str) -> str:
    """Letters and digits alone, in capitals."""
    return re.sub(r"[^0-9A-Z]", "", text.upper())


READERS: dict[str, Callable[[Any, Compartment], PlaceReading]] = {"weight": weighed, "label_text": labelled}
"""Method → reader of a registered BGR picture."""
