"""Which faces of a STEP file an annotation is about, and measures with their units."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from coordinator.modules.drawings.reading.step_text import Record, Ref, StepText, Typed

_USAGES = ("GEOMETRIC_ITEM_SPECIFIC_USAGE", "ITEM_IDENTIFIED_REPRESENTATION_USAGE")
_RELATIONS = (
    "SHAPE_ASPECT_RELATIONSHIP", "SHAPE_ASPECT_ASSOCIATIVITY", "SHAPE_ASPECT_DERIVING_RELATIONSHIP",
    "FEATURE_FOR_DATUM_TARGET_RELATIONSHIP",
)  # fmt: skip
_PREFIX = {"MILLI": 1e-3, "CENTI": 1e-2, "DECI": 1e-1, "MICRO": 1e-6, "KILO": 1e3, "NANO": 1e-9}
_SAME = 1e-9
MAX_DEPTH = 8


@dataclass(frozen=True)
class Measure:
    """A value as written, its unit ("mm", "inch" or "deg") and the name and qualifiers written with it."""

    value: float
    unit: str
    name: str = ""
    decimals: int | None = None
    qualifier: str | None = None


class Shapes:
    """Looks up the faces behind shape aspects."""

    def __init__(self, text: StepText) -> None:
        self._text = text
        self._items: dict[int, list[Any]] = defaultdict(list)
        self._related: dict[int, list[int]] = defaultdict(list)
        self._edges: dict[int, list[int]] = defaultdict(list)
        for record in text.of(*_USAGES):
            args = record.get_any(*_USAGES) or []
            if len(args) > 4:
                self._items[args[2]].append(args[4])
        for record in text.of(*_RELATIONS):
            args = record.get_any(*_RELATIONS) or []
            if len(args) < 4:
                args = record.get("SHAPE_ASPECT_RELATIONSHIP", [])
            if len(args) > 3 and isinstance(args[3], Ref):
                self._related[args[2]].append(args[3])

    def faces(self, aspect: int) -> list[int]:
        """Numbers of the faces of a shape aspect, of its members and of the pattern it stands for."""
        found: dict[int, None] = {}
        seen: set[int] = set()
        open_ = [(aspect, 0)]
        while open_:
            number, depth = open_.pop()
            if number in seen or depth > MAX_DEPTH:
                continue
            seen.add(number)
            for item in self._items.get(number, ()):
                found.update(dict.fromkeys(self._face_numbers(item, 0)))
            open_ += [(other, depth + 1) for other in self._related.get(number, ())]
        return list(found)

    def lines(self, aspect: int) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
        """Axes (point, direction; units of the file) of circles drawn for a shape that has no face of its own, as a thread."""
        found = []
        members = [aspect, *self._related.get(aspect, ())]
        for item in (item for member in members for item in self._items.get(member, ())):
            curves = self._text[item].get_any("GEOMETRIC_CURVE_SET", "GEOMETRIC_SET") or [None, []]
            for curve in curves[1] or []:
                line = self._axis(curve)
                if line is not None:
                    found.append(line)
                    break
        return found

    def _axis(self, curve: Any) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        record = self._text[curve]
        if trimmed := record.get("TRIMMED_CURVE"):
            record = self._text[trimmed[1]]
        circle = record.get("CIRCLE")
        placement = self._text[circle[1]].get("AXIS2_PLACEMENT_3D") if circle and len(circle) > 1 else None
        if not placement or len(placement) < 3:
            return None
        point = self._text[placement[1]].get("CARTESIAN_POINT") or [None, []]
        way = self._text[placement[2]].get("DIRECTION") or [None, [0.0, 0.0, 1.0]]
        if len(point[1]) != 3 or len(way[1]) != 3:
            return None
        return tuple(map(float, point[1])), tuple(map(float, way[1]))

    def _face_numbers(self, item: Any, depth: int) -> list[int]:
        if isinstance(item, Typed):
            item = list(item.args)
        if isinstance(item, list):
            return [number for part in item for number in self._face_numbers(part, depth + 1)]
        if not isinstance(item, Ref) or depth > MAX_DEPTH:
            return []
        record = self._text[item]
        if record.get_any("ADVANCED_FACE", "FACE_SURFACE") is not None:
            return [int(item)]
        if "EDGE_CURVE" in record:
            return self._faces_of_edges().get(int(item), [])
        group = record.get_any("CONNECTED_FACE_SET", "OPEN_SHELL", "CLOSED_SHELL", "GEOMETRIC_SET")
        return self._face_numbers(group[1], depth + 1) if group and len(group) > 1 else []

    def _faces_of_edges(self) -> dict[int, list[int]]:
        """Faces on both sides of every edge; built when the first annotation sits on an edge."""
        if not self._edges:
            for number in self._text.numbers("ADVANCED_FACE", "FACE_SURFACE"):
                args = self._text[number].get_any("ADVANCED_FACE", "FACE_SURFACE") or [None, []]
                for bound in args[1] or []:
                    limits = self._text[bound].get_any("FACE_OUTER_BOUND", "FACE_BOUND") or [None, None]
                    for edge in (self._text[limits[1]].get("EDGE_LOOP") or [None, []])[1] or []:
                        oriented = self._text[edge].get("ORIENTED_EDGE")
                        if oriented:
                            self._edges[oriented[3]].append(number)
        return self._edges


def read_measure(text: StepText, reference: Any) -> Measure | None:
    """A measure with unit; angles become degrees, lengths stay mm or inch, other length units become mm."""
    record = text[reference]
    args = record.get("MEASURE_WITH_UNIT")
    name = str((record.get("REPRESENTATION_ITEM") or [""])[0] or "")
    if args is None:
        for kind in ("LENGTH_MEASURE_WITH_UNIT", "PLANE_ANGLE_MEASURE_WITH_UNIT"):
            args = record.get(kind) or args
    if not args and (item := record.get("MEASURE_REPRESENTATION_ITEM")):
        name, args = str(item[0] or ""), item[1:]
    if not args or len(args) < 2:
        return None
    value = args[0].args[0] if isinstance(args[0], Typed) and args[0].args else args[0]
    if not isinstance(value, int | float) or isinstance(value, Ref):
        return None
    unit, factor = _unit(text, args[1])
    decimals, qualifier = _qualifiers(text, record)
    return Measure(_round(value * factor), unit, name, decimals, qualifier)


def _round(value: float) -> float:
    """Ten significant figures: enough for any drawing, and 0.500000000002 becomes what was meant."""
    if abs(value) < _SAME:
        return 0.0
    return round(value, 9 - math.floor(math.log10(abs(value)))) if abs(value) > 1e-6 else value


def _unit(text: StepText, reference: Any) -> tuple[str, float]:
    """Name of the unit kept in the reading, and the factor to it."""
    record = text[reference]
    if "PLANE_ANGLE_UNIT" in record:
        return "deg", math.degrees(_si_value(text, record))
    metres = _si_value(text, record)
    if abs(metres - 0.0254) < 1e-9:
        return "inch", 1.0
    return "mm", metres / 1e-3


def _si_value(text: StepText, record: Record, depth: int = 0) -> float:
    if (si := record.get("SI_UNIT")) is not None:
        return _PREFIX.get(str(si[0] or ""), 1.0)
    converted = record.get("CONVERSION_BASED_UNIT")
    if converted and len(converted) > 1 and depth < MAX_DEPTH:
        base = text[converted[1]]
        args = base.get_any("MEASURE_WITH_UNIT", "LENGTH_MEASURE_WITH_UNIT", "PLANE_ANGLE_MEASURE_WITH_UNIT")
        if args and len(args) > 1:
            value = args[0].args[0] if isinstance(args[0], Typed) else args[0]
            return float(value) * _si_value(text, text[args[1]], depth + 1)
    return 1e-3


def _qualifiers(text: StepText, record: Record) -> tuple[int | None, str | None]:
    """Decimals from a format such as "NR2 1.2", and "maximum" or "minimum"."""
    decimals, kind = None, None
    for reference in (record.get("QUALIFIED_REPRESENTATION_ITEM") or [[]])[0] or []:
        qualifier = text[reference]
        if shown := qualifier.get("VALUE_FORMAT_TYPE_QUALIFIER"):
            places = str(shown[0]).rsplit(".", 1)[-1]
            decimals = int(places) if places.isdigit() else None
        if said := qualifier.get("TYPE_QUALIFIER"):
            kind = str(said[0])
    return decimals, kind
