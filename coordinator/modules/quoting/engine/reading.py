"""``usinage drawing read --json`` object → :class:`PartDescription`. What was deduced is told in ``assumptions``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from coordinator.modules.quoting.engine import (
    bar_shapes,
    flat_profile,
    model_outline,
    threads,
    tolerancing,
    welds,
)
from coordinator.modules.quoting.engine import tolerances as iso
from coordinator.modules.quoting.engine.part import Dimension, Feature, HoleStep, PartDescription, Vector
from coordinator.modules.quoting.engine.sections import HEXAGON
from coordinator.modules.quoting.engine.values import number as french

_SKIPPED = ("fillet", "outside_diameter", "face", "boss")
_INCH_MM = 25.4


def from_reading(
    reading: Mapping[str, Any], quantity: int = 1, material: str | None = None, **boxes: Any
) -> PartDescription:
    """Build the part from one reading; ``material`` (typed by the user) wins over the title block.

    ``boxes`` are further fields of :class:`PartDescription` that a user ticks (criticality, certificate_required…).
    """
    block = reading.get("title_block") or {}
    general = _text(block, "general_tolerance")
    dimensions = tuple(_dimensions(reading.get("dimensions") or []))
    bosses = [f for f in reading.get("features") or [] if f.get("type") == "boss"]
    shape = model_outline.outline(reading.get("turned_profile"), bosses)
    profile, axis = shape.points, shape.axis
    bar = bar_shapes.of_solid(reading) if profile is None else None
    if bar is not None:
        profile, axis = bar.points, bar.axis
    size = _vector((reading.get("solid") or {}).get("size_mm"))
    hexagon = None if size or profile else _hexagon(reading, dimensions)
    if hexagon is not None:
        around = Dimension(f"six pans {french(hexagon)}", "diameter", round(hexagon / HEXAGON, 2))
        dimensions = (*(d for d in dimensions if abs(d.nominal - hexagon) > 0.01), around)
    turned = hexagon is not None or _is_turned(reading, profile is not None, dimensions)
    assumptions: list[str] = []
    if size is None and profile is None:
        size, axis, note = _size_from_dimensions(dimensions, turned)
        assumptions += note
    outline = reading.get("turned_profile")
    origin = _vector(outline.get("origin_mm")) if isinstance(outline, Mapping) else None
    if bar is not None:
        origin = bar.origin
    entries = [e for f in reading.get("features") or [] for e in _by_end(f, axis if turned else None, origin)]
    features = [_feature(f, axis if turned else None, origin) for f in entries]
    features = [
        f for f in features if f.type not in _SKIPPED and not (turned and f.type in ("chamfer", "taper"))
    ]
    if turned:
        extra = [*shape.features, *model_outline.face_recesses(outline, features)]
        features += model_outline.marked(extra)
    if bar is not None:
        features += bar.flats
    if not features and reading.get("solid") is None:
        features, note = _features_from_dimensions(dimensions, turned, size)
        assumptions += note
        assumptions += _counted_diameters(dimensions) if turned else []
        if turned and profile is None:
            profile, note = _profile_from_dimensions(dimensions, size)
            assumptions += note
    if hexagon is not None and size is not None:
        own, note = _flats_from_dimensions(hexagon, profile, size[2])
        features += own
        profile = profile or ((0.0, size[0]), (size[2], size[0]))
        assumptions += note
    features = tolerancing.with_dimensions(features, dimensions)
    features += tolerancing.external_threads(features, dimensions, profile)
    return PartDescription(
        drawing_number=_text(block, "drawing_number"),
        name=_text(block, "part_name"),
        revision=_text(block, "revision"),
        file=str(reading.get("file") or ""),
        material=material if material is not None else _text(block, "material"),
        treatments=tuple(t for t in (_text(block, "heat_treatment"), _text(block, "surface_treatment")) if t),
        quantity=quantity,
        size_mm=size,
        volume_mm3=(reading.get("solid") or {}).get("volume_mm3"),
        turned_profile=profile,
        turning_axis=axis,
        form="turned" if turned else "prismatic",
        features=tuple(features),
        dimensions=dimensions,
        general_tolerance=general,
        marking=_marking(reading.get("notes") or []),
        welds=welds.from_reading(reading.get("welds") or []),
        smallest_ra_um=_smallest_ra(reading.get("surface_textures") or []),
        smallest_geometric_mm=_smallest_geometric(reading.get("geometric_tolerances") or []),
        assumptions=tuple(assumptions),
        warnings=tuple(str(w) for w in reading.get("warnings") or ()),
        **boxes,
    )


def _hexagon(reading: Mapping[str, Any], dimensions: Sequence[Dimension]) -> float | None:
    """Across flats of an outside hexagon that only texts name: wider than everything else that is turned."""
    notes = [
        str(n.get("text") or "") if isinstance(n, Mapping) else str(n) for n in reading.get("notes") or []
    ]
    texts = [str(d.get("text") or "") for d in reading.get("dimensions") or []] + notes
    across = bar_shapes.hexagon_in(texts)
    if across is None or across <= 0:
        return None
    widest = max((d.nominal for d in dimensions if d.kind in ("diameter", "thread")), default=0.0)
    return across if widest <= across + 0.05 else None


def _flats_from_dimensions(
    hexagon: float, profile: Sequence[tuple[float, float]] | None, length: float
) -> tuple[list[Feature], list[str]]:
    around = round(hexagon / HEXAGON, 2)
    own = sum(b[0] - a[0] for a, b in pairwise(profile or ()) if min(a[1], b[1]) > hexagon) or length
    flats = Feature(
        "flat", diameter_mm=around, depth_mm=(around - hexagon) / 2, length_mm=own, axis=(1.0, 0.0, 0.0), count=6
    )  # fmt: skip
    return [flats], [
        f"Six pans de {french(hexagon)} sur plats, longueur {french(round(own, 2))} mm déduite des cotes, à confirmer."
    ]


def _text(block: Mapping[str, Any], name: str) -> str:
    entry = block.get(name) or {}
    return str(entry.get("value") or "").strip() if entry.get("status", "read") == "read" else ""


def _vector(values: Sequence[float] | None) -> Vector | None:
    if not values or len(values) != 3:
        return None
    return float(values[0]), float(values[1]), float(values[2])


def _dimensions(entries: Sequence[Mapping[str, Any]]) -> list[Dimension]:
    found = []
    for entry in entries:
        if entry.get("nominal") is None or entry.get("reference"):
            continue
        scale = _INCH_MM if entry.get("unit") in ("in", "inch") else 1.0
        nominal = float(entry["nominal"]) * scale
        upper, lower = (None if entry.get(k) is None else float(entry[k]) * scale for k in ("upper", "lower"))
        fit = entry.get("fit") or None
        grade = iso.it_from_fit(fit) if fit else None
        if grade is None and nominal > 0 and (upper is not None or lower is not None):
            width = (upper or 0.0) - (lower or 0.0)
            grade = iso.it_from_width(nominal, width) if width > 0 and entry.get("kind") != "angle" else None
        text = str(entry.get("thread") or entry.get("text") or "")
        kind, count = str(entry.get("kind") or "linear"), int(entry.get("count") or 1)
        found.append(
            Dimension(text, kind, nominal, upper, lower, fit, grade, count, _middle(entry.get("bbox")))
        )
    return found


def _middle(bbox: Sequence[float] | None) -> tuple[float, float] | None:
    return ((bbox[0] + bbox[2]) / 2, (bbox[1] + bbox[3]) / 2) if bbox and len(bbox) == 4 else None


_TURNED_NAMES = re.compile(
    r"shaft|arbre|\baxe\b|welle|bague|douille|entretoise|pion|goupille|rondelle|piston|kolv|bolzen|buchse|spacer|"
    r"bushing|\bpin\b|roller|galet|poulie|\bvis\b|[ée]crou",
    re.IGNORECASE,
)


def _is_turned(reading: Mapping[str, Any], has_profile: bool, dimensions: Sequence[Dimension]) -> bool:
    """Turned if the model says so; from dimensions alone if the largest Ø is too large to be a hole, or by name."""
    if has_profile:
        return True
    if reading.get("solid"):
        return False
    scores = {p.get("process"): float(p.get("confidence") or 0) for p in reading.get("processes") or []}
    if "turning" in scores or "milling" in scores:
        return scores.get("turning", 0.0) > scores.get("milling", 0.0)
    diameters = [d.nominal for d in dimensions if d.kind == "diameter"]
    linear = sorted((d.nominal for d in dimensions if d.kind == "linear"), reverse=True)
    if not diameters or not linear:
        return False
    if _TURNED_NAMES.search(_text(reading.get("title_block") or {}, "part_name")):
        return True
    across = linear[1] if len(linear) > 1 else linear[0]
    return max(diameters) >= 0.9 * across


def _size_from_dimensions(
    dimensions: Sequence[Dimension], turned: bool
) -> tuple[Vector | None, Vector, list[str]]:
    axis = (0.0, 0.0, 1.0)
    linear = sorted({d.nominal for d in dimensions if d.kind == "linear" and d.nominal > 0}, reverse=True)
    if turned:
        diameters = [d.nominal for d in dimensions if d.kind == "diameter" and d.nominal > 0]
        if not diameters or not linear:
            return None, axis, []
        size = (max(diameters), max(diameters), linear[0])
        note = f"Encombrement déduit des cotes : Ø{french(size[0])} × {french(size[2])} mm, à confirmer."
        return size, axis, [note]
    if len(linear) < 3:
        return None, axis, []
    note = f"Encombrement déduit des cotes : {french(linear[0])} × {french(linear[1])} × {french(linear[2])} mm, à confirmer."
    return (linear[0], linear[1], linear[2]), axis, [note]


def _by_end(
    entry: Mapping[str, Any], turning_axis: Vector | None, origin: Vector | None
) -> list[Mapping[str, Any]]:
    """Two equal blind holes on the axis of a turned part are one per end: each is drilled from its own side."""
    places = [p for v in entry.get("positions_mm") or [] if (p := _vector(v))]
    axis = _vector(entry.get("axis"))
    is_pair = entry.get("type") in ("hole", "bore") and entry.get("count") == len(places) == 2
    if turning_axis is None or origin is None or axis is None or not is_pair or entry.get("through"):
        return [entry]
    along = abs(sum(a * b for a, b in zip(axis, turning_axis, strict=True)))
    if along < 0.999 or any(_off_axis(p, turning_axis, origin) >= 0.05 for p in places):
        return [entry]
    first, last = sorted(places, key=lambda p: sum(a * b for a, b in zip(p, turning_axis, strict=True)))
    back = [-v for v in turning_axis]
    return [
        {**entry, "count": 1, "positions_mm": [list(first)], "axis": list(turning_axis)},
        {**entry, "count": 1, "positions_mm": [list(last)], "axis": back},
    ]


def _feature(entry: Mapping[str, Any], turning_axis: Vector | None, origin: Vector | None) -> Feature:
    axis = _vector(entry.get("axis")) or (0.0, 0.0, -1.0)
    steps = tuple(HoleStep(float(s["diameter_mm"]), float(s["depth_mm"])) for s in entry.get("steps") or [])
    coaxial = None
    if turning_axis is not None:
        coaxial = _coaxial(axis, entry, turning_axis, origin)

    def number(name: str) -> float | None:
        return None if entry.get(name) is None else float(entry[name])

    around = number("diameter_mm")
    if around is None and entry.get("type") == "flat" and turning_axis is not None:
        around = _diameter_under(entry, turning_axis, origin)
    return Feature(
        type=str(entry.get("type") or "other"),
        form=str(entry.get("form") or "plain"),
        diameter_mm=around,
        depth_mm=number("depth_mm"),
        length_mm=number("length_mm"),
        width_mm=number("width_mm"),
        corner_radius_mm=number("corner_radius_mm"),
        volume_mm3=number("volume_mm3"),
        steps=steps,
        axis=axis,
        through=bool(entry.get("through")),
        count=int(entry.get("count") or 1),
        thread=entry.get("thread") or None,
        is_coaxial=coaxial,
        source="solide",
        it=_grade(entry),
        ra_um=number("ra_um"),
        positions_mm=tuple(p for v in entry.get("positions_mm") or [] if (p := _vector(v))),
    )


def _grade(entry: Mapping[str, Any]) -> int | None:
    """Tolerance grade of a hole from the fit or the deviations written in the model."""
    diameter, upper, lower = (entry.get(k) for k in ("diameter_mm", "upper_mm", "lower_mm"))
    if entry.get("fit"):
        return iso.it_from_fit(str(entry["fit"]))
    if not diameter or upper is None or lower is None or upper <= lower:
        return None
    return iso.it_from_width(float(diameter), float(upper) - float(lower))


def _diameter_under(entry: Mapping[str, Any], turning: Vector, origin: Vector | None) -> float | None:
    """Diameter a flat is cut into: its distance from the axis plus its depth."""
    place = _vector((entry.get("positions_mm") or [None])[0])
    if place is None or origin is None or not entry.get("depth_mm"):
        return None
    off = _off_axis(place, turning, origin)
    return 2 * (off + float(entry["depth_mm"])) if off > 0.01 else None


def _off_axis(place: Vector, turning: Vector, origin: Vector) -> float:
    delta = [p - o for p, o in zip(place, origin, strict=True)]
    along = sum(a * b for a, b in zip(delta, turning, strict=True))
    return float(sum((v - along * t) ** 2 for v, t in zip(delta, turning, strict=True)) ** 0.5)


def _coaxial(axis: Vector, entry: Mapping[str, Any], turning: Vector, origin: Vector | None) -> bool:
    dot = abs(sum(a * b for a, b in zip(axis, turning, strict=True)))
    if dot < 0.999 or int(entry.get("count") or 1) > 1:
        return False
    place = _vector((entry.get("positions_mm") or [None])[0])
    if place is None or origin is None:
        return True
    return _off_axis(place, turning, origin) < 0.05


def _features_from_dimensions(
    dimensions: Sequence[Dimension], turned: bool, size: Vector | None
) -> tuple[list[Feature], list[str]]:
    """Holes and threads that only the dimensions tell about; what had to be supposed is said."""
    if size is None:
        return [], []
    reach = size[2] if turned else min(size)
    inside = _inside(dimensions, turned)
    found: list[Feature] = []
    for d in dimensions:
        thread = threads.size_of(d.text) if d.kind == "thread" else None
        on_axis = turned and d.count == 1
        if thread:
            depth = min(reach, 2 * thread[0])
            found.append(
                Feature("hole", "tapped", thread[0], depth, count=d.count, thread=d.text, is_coaxial=on_axis)
            )
        elif d in inside and d.nominal < 0.98 * max(size[0], size[1]):
            found.append(
                Feature("hole", "plain", d.nominal, reach, True, d.count, it=d.it, is_coaxial=on_axis)
            )
    if not found:
        return [], []
    return found, [f"{len(found)} perçage(s) déduit(s) des cotes, débouchants, profondeurs à confirmer."]


_HOLE_WORDS = re.compile(r"\btrous?\b|per[çc]|al[ée]s|lam[ae]|\bholes?\b|drill|bohr|[⌴⌵↧]", re.IGNORECASE)
_HOLE_SHARE = 0.3


def _is_pattern(dimension: Dimension, widest: float) -> bool:
    """Holes around the axis of a turned part: named as holes, or several and small beside the part."""
    if dimension.count < 2 or (dimension.fit or "")[:1].islower():
        return False
    return bool(_HOLE_WORDS.search(dimension.text)) or dimension.nominal <= _HOLE_SHARE * widest


def _inside(dimensions: Sequence[Dimension], turned: bool) -> list[Dimension]:
    """Diameters that are holes: on a block every Ø; on a turned part capital fits and what is smaller than these bores (it
    cannot be outside), and patterns around the axis.
    """
    diameters = [d for d in dimensions if d.kind == "diameter" and d.nominal > 0]
    if not turned:
        return diameters
    widest = max((d.nominal for d in diameters), default=0.0)
    around = [d for d in diameters if _is_pattern(d, widest)]
    bores = [d for d in diameters if d.fit is not None and d.fit[:1].isupper()]
    largest = max((d.nominal for d in bores if d.count == 1), default=0.0)
    return [d for d in diameters if d in around or d in bores or d.nominal < largest]


def _counted_diameters(dimensions: Sequence[Dimension]) -> list[str]:
    """ "2xØ17" on a turned part may be two diameters, two holes or a groove 2 mm wide: what it was taken for is told."""
    inside = _inside(dimensions, True)
    told = []
    for d in dimensions:
        if d.kind != "diameter" or d.count < 2 or d.fit or _HOLE_WORDS.search(d.text):
            continue
        taken = f"{d.count} perçages" if d in inside else f"{d.count} portées de même diamètre"
        told.append(
            f"« {d.text} » compris comme {taken}, et non comme une gorge de {d.count} mm de large : à confirmer."
        )
    return told


def _profile_from_dimensions(
    dimensions: Sequence[Dimension], size: Vector | None
) -> tuple[tuple[tuple[float, float], ...] | None, list[str]]:
    """Steps of the outside diameters along the axis (see :mod:`flat_profile`)."""
    if size is None:
        return None, []
    inside = _inside(dimensions, True)
    outside = [d for d in dimensions if d.kind == "diameter" and d.nominal > 0 and d not in inside]
    linear = [d for d in dimensions if d.kind == "linear"]
    return flat_profile.outline(outside, linear, size[0], size[2])


_MARKING = re.compile(
    r"marqu|grav(?:er|ure|é)|engrav|\bmark(?:ing|ed)?\b|beschrift|kennzeichn", re.IGNORECASE
)


def _marking(notes: Sequence[Any]) -> str:
    """The first note that asks for a marking."""
    texts = [str(n.get("text") or "") if isinstance(n, Mapping) else str(n) for n in notes]
    return next((" ".join(t.split())[:80] for t in texts if _MARKING.search(t)), "")


def _smallest_ra(textures: Sequence[Mapping[str, Any]]) -> float | None:
    """Ra in µm; Rz counts as Ra ≈ Rz/4 (usual workshop equivalence)."""
    values = []
    for t in textures:
        value = t.get("value_um", t.get("value"))
        if value:
            values.append(float(value) / (4 if re.match(r"rz", str(t.get("parameter") or ""), re.I) else 1))
    return min(values, default=None)


def _smallest_geometric(frames: Sequence[Mapping[str, Any]]) -> float | None:
    scales = {"inch": _INCH_MM}
    return min(
        (float(f["value"]) * scales.get(str(f.get("unit")), 1.0) for f in frames if f.get("value")),
        default=None,
    )
