"""Counting methods which need no teaching: bar ends, printed labels (VIS-03). Boxes and markers are in ``decision``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edge_agents.drivers.cabinet_camera.config import Compartment
from edge_agents.drivers.cabinet_camera.taught import PlaceReading

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]


def weighed(_image: Image, place: Compartment) -> PlaceReading:
    """A weighed compartment: the picture says nothing about its content."""
    return PlaceReading(place.id, None, None, None, 0.0, "needs_scale")


READERS: dict[str, Callable[[Any, Compartment], PlaceReading]] = {"weight": weighed}
"""Method → reader of a registered BGR picture."""
