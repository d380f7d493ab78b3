"""Where an operation cuts: the sizes a program needs besides the conditions (kept with every :class:`~.cutting.Cut`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Point = tuple[float, float]
Rows = tuple[tuple[float, ...], ...]

KINDS = (
    "face_turning",
    "bands",
    "contour",
    "groove",
    "thread",
    "parting",
    "drilling",
    "plunge",
    "tapping",
    "reaming",
    "boring",
    "thread_milling",
    "plane",
    "walls",
    "volume",
    "slot",
    "edges",
    "strokes",
    "sawing",
)


@dataclass(frozen=True, slots=True)
class Shape:
    """Geometry of one operation. ``sizes`` are millimetres (or counts) by name, ``rows`` bands or segments.

    ``places`` are the positions of equal holes or pockets in the plane of the tool, mm; empty = unknown.
    """

    kind: str
    sizes: Mapping[str, float] = field(default_factory=dict)
    rows: Rows = ()
    count: int = 1
    places: tuple[Point, ...] = ()

    def __getitem__(self, name: str) -> float:
        return self.sizes[name]


def shape(
    kind: str, rows: Rows = (), count: int = 1, places: tuple[Point, ...] = (), **sizes: float
) -> Shape:
    """A shape with its sizes by name; ``kind`` is one of :data:`KINDS`."""
    if kind not in KINDS:
        raise ValueError(kind)
    return Shape(kind, sizes, rows, count, places)
