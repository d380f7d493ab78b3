"""Hexagon and square parts of a model that no revolved outline tells: nuts, fittings, bolts, square shanks.

The reader gives such a solid its size, its round bosses and its holes. If a hexagon (or square) bar with those bosses
turned on it has the solid's volume, the part is that: turned, with the bar's flats on the length left over. Otherwise nothing is
supposed and the part stays prismatic.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coordinator.modules.quoting.engine.part import Feature, Vector
from coordinator.modules.quoting.engine.sections import HEXAGON, Section

_SIZE_SHARE = 0.006
_VOLUME_SHARE = 0.03
_NEAR_MM = 0.1


@dataclass(frozen=True, slots=True)
class BarPart:
    """Outline (z, Ø around) and axis of a part turned from flat-sided bar, with its flats."""

    points: tuple[tuple[float, float], ...]
    axis: Vector
    origin: Vector
    flats: tuple[Feature, ...]
    text: str


def of_solid(reading: Mapping[str, Any]) -> BarPart | None:
    """The bar part a model's solid is, None if its volume says otherwise."""
    solid = reading.get("solid") or {}
    size, volume = solid.get("size_mm"), solid.get("volume_mm3")
    features = [f for f in reading.get("features") or [] if isinstance(f, Mapping)]
    if not size or len(size) != 3 or not volume or int(solid.get("bodies") or 1) != 1:
        return None
    for along in range(3):
        wide, narrow = sorted((size[i] for i in range(3) if i != along), reverse=True)
        shape = _shape(wide, narrow)
        if shape is None:
            continue
        found = _along(features, along, float(size[along]), Section(shape, float(narrow)), float(volume))
        if found is not None:
            return found
    return None


def _shape(wide: float, narrow: float) -> str | None:
    if abs(narrow / wide - HEXAGON) < _SIZE_SHARE:
        return "hex"
    return "square" if abs(narrow / wide - 1) < _SIZE_SHARE else None


def _along(
    features: Sequence[Mapping[str, Any]], along: int, length: float, section: Section, volume: float
) -> BarPart | None:
    bosses = [b for f in features if (b := _boss(f, along)) is not None]
    if section.shape == "square" and not bosses:
        return None
    if any(d > section.width_mm + _NEAR_MM for _, _, d, _ in bosses):
        return None
    turned = sum(abs(z1 - z0) for z0, z1, _, _ in bosses)
    flat_length = length - turned
    if flat_length <= _NEAR_MM:
        return None
    whole = section.area_mm2 * flat_length + sum(math.pi / 4 * d**2 * abs(z1 - z0) for z0, z1, d, _ in bosses)
    taken = sum(_taken(f) for f in features)
    if abs(whole - taken - volume) > _VOLUME_SHARE * volume:
        return None
    axis: Vector = (float(along == 0), float(along == 1), float(along == 2))
    around = section.around_mm
    points = _points(bosses, flat_length, around, _corner_chamfers(features, along, around))
    depth = (around - section.width_mm) / 2
    across: Vector = (float(along == 1), float(along == 2), float(along == 0))
    flats = Feature(
        "flat", diameter_mm=around, depth_mm=depth, length_mm=flat_length, axis=across, source="solide",
        count=6 if section.shape == "hex" else 4,
    )  # fmt: skip
    origin = _centre(features, along)
    return BarPart(points, axis, origin, (flats,), section.label)


def _boss(feature: Mapping[str, Any], along: int) -> tuple[float, float, float, float] | None:
    """(z of its foot, z of its end, Ø, direction it stands out) of a round boss along the bar."""
    axis = feature.get("axis") or (0.0, 0.0, 0.0)
    d, depth = feature.get("diameter_mm"), feature.get("depth_mm")
    if feature.get("type") != "boss" or feature.get("form") != "round" or not d or not depth:
        return None
    if abs(axis[along]) < 0.999:
        return None
    place = (feature.get("positions_mm") or [(0.0, 0.0, 0.0)])[0]
    out = -1.0 if axis[along] > 0 else 1.0
    return float(place[along]), float(place[along]) + out * float(depth), float(d), out


def _corner_chamfers(
    features: Sequence[Mapping[str, Any]], along: int, around: float
) -> list[tuple[float, float]]:
    """(length, loss of Ø) of the cones turned on the corners of the flats, one per end."""
    found = []
    for f in features:
        axis, width, angle = f.get("axis") or (0.0, 0.0, 0.0), f.get("width_mm"), f.get("angle_deg")
        at_corners = abs((f.get("diameter_mm") or 0.0) - around) < _NEAR_MM and abs(axis[along]) > 0.999
        if f.get("type") == "chamfer" and at_corners and width and angle and 5 < angle < 85:
            found += [(float(width), 2 * float(width) * math.tan(math.radians(float(angle))))] * int(
                f.get("count") or 1
            )
    return found[:2]


def _points(
    bosses: Sequence[tuple[float, float, float, float]],
    flat_mm: float,
    around: float,
    chamfers: Sequence[tuple[float, float]],
) -> tuple[tuple[float, float], ...]:
    """Bosses below in their order, the flats with their chamfered corners, bosses above in theirs."""
    below = sorted((b for b in bosses if b[3] < 0), key=lambda b: b[1])
    above = sorted((b for b in bosses if b[3] > 0), key=lambda b: b[0])
    points: list[tuple[float, float]] = []

    def cylinder(length: float, d: float) -> None:
        z = points[-1][0] if points else 0.0
        points.extend(((z, d), (z + length, d)))

    for b in below:
        cylinder(abs(b[1] - b[0]), b[2])
    last = chamfers[:1] if sum(length for length, _ in chamfers) < flat_mm else ()
    first = chamfers[1:] if last else ()
    z = points[-1][0] if points else 0.0
    for length, loss in first:
        points.append((z, around - loss))
        z += length
    points.append((z, around))
    z += flat_mm - sum(length for length, _ in (*first, *last))
    points.append((z, around))
    points.extend((z + length, around - loss) for length, loss in last)
    for b in above:
        cylinder(abs(b[1] - b[0]), b[2])
    return tuple((round(z, 4), round(d, 4)) for z, d in points)


def _taken(feature: Mapping[str, Any]) -> float:
    """Volume a hole or pocket takes out of the bar, mm³."""
    count = int(feature.get("count") or 1)
    if feature.get("volume_mm3"):
        return count * float(feature["volume_mm3"])
    if feature.get("type") in ("hole", "bore"):
        steps = feature.get("steps") or [feature]
        return count * sum(
            math.pi / 4 * float(s["diameter_mm"]) ** 2 * float(s["depth_mm"])
            for s in steps
            if s.get("diameter_mm") and s.get("depth_mm")
        )
    return 0.0


def _centre(features: Sequence[Mapping[str, Any]], along: int) -> Vector:
    """A point of the bar's axis: the foot of a boss or of a hole along it."""
    for f in features:
        axis, places = f.get("axis"), f.get("positions_mm")
        if (
            axis
            and places
            and abs(axis[along]) > 0.999
            and f.get("type") in ("boss", "bore", "hole")
            and int(f.get("count") or 1) == 1
        ):
            x, y, z = places[0]
            return float(x), float(y), float(z)
    return 0.0, 0.0, 0.0


_FLATS = re.compile(
    r"(?:\bSW|\b(?:6|six)[\s-]*pans?(?:\s*(?:de|sur\s*plats?))?|\bhex(?:agon(?:e|al)?)?|\bA/?F|\bsechskant)\s*[:=]?\s*(\d+(?:[.,]\d+)?)"
    r"|(\d+(?:[.,]\d+)?)\s*(?:mm\s*)?(?:s/\s*plats?|sur\s*plats?|A/?F\b|across\s*flats|hex\b|[ée]cart\s*plats?)",
    re.IGNORECASE,
)


_SOCKET = re.compile(r"creux|socket|innen|int[ée]rieur|female|\bCHC\b|\bBTR\b", re.IGNORECASE)


def hexagon_in(texts: Sequence[str]) -> float | None:
    """Size across flats of a hexagon that dimensions or notes name (``SW 24``, ``6 pans 24``, ``24 A/F``), mm."""
    for text in texts:
        if not _SOCKET.search(text) and (found := _FLATS.search(text)):
            return float((found.group(1) or found.group(2)).replace(",", "."))
    return None
