"""Geometric tolerances of a model: characteristic, value, zone, modifiers and datum references (ISO 1101, ASME Y14.5)."""

from __future__ import annotations

from typing import Any

from coordinator.modules.drawings.reading.model import GeometricTolerance
from coordinator.modules.drawings.reading.pmi_shapes import read_measure
from coordinator.modules.drawings.reading.step_text import Record, StepText, Typed

_CHARACTERISTICS = {
    "STRAIGHTNESS_TOLERANCE": "straightness", "FLATNESS_TOLERANCE": "flatness", "ROUNDNESS_TOLERANCE": "circularity",
    "CYLINDRICITY_TOLERANCE": "cylindricity", "LINE_PROFILE_TOLERANCE": "line_profile",
    "SURFACE_PROFILE_TOLERANCE": "surface_profile", "ANGULARITY_TOLERANCE": "angularity",
    "PERPENDICULARITY_TOLERANCE": "perpendicularity", "PARALLELISM_TOLERANCE": "parallelism",
    "POSITION_TOLERANCE": "position", "COAXIALITY_TOLERANCE": "coaxiality", "CONCENTRICITY_TOLERANCE": "concentricity",
    "SYMMETRY_TOLERANCE": "symmetry", "CIRCULAR_RUNOUT_TOLERANCE": "circular_runout",
    "TOTAL_RUNOUT_TOLERANCE": "total_runout",
}  # fmt: skip
_SYMBOLS = {
    "straightness": "⏤", "flatness": "⏥", "circularity": "○", "cylindricity": "⌭", "line_profile": "⌒",
    "surface_profile": "⌓", "angularity": "∠", "perpendicularity": "⟂", "parallelism": "∥", "position": "⌖",
    "coaxiality": "◎", "concentricity": "◎", "symmetry": "⌯", "circular_runout": "↗", "total_runout": "⌰",
}  # fmt: skip
_MODIFIERS = {
    "MAXIMUM_MATERIAL_REQUIREMENT": "Ⓜ", "MAXIMUM_MATERIAL_CONDITION": "Ⓜ", "LEAST_MATERIAL_REQUIREMENT": "Ⓛ",
    "LEAST_MATERIAL_CONDITION": "Ⓛ", "RECIPROCITY_REQUIREMENT": "Ⓡ", "FREE_STATE": "Ⓕ", "TANGENT_PLANE": "Ⓣ",
    "COMMON_ZONE": "CZ", "SEPARATE_REQUIREMENT": "SZ", "STATISTICAL_TOLERANCE": "ST", "EACH_RADIAL_ELEMENT": "ERE",
    "LINE_ELEMENT": "LE", "MAJOR_DIAMETER": "MD", "MINOR_DIAMETER": "LD", "PITCH_DIAMETER": "PD",
    "NOT_CONVEX": "NC", "UNITED_FEATURE": "UF", "REGARDLESS_OF_FEATURE_SIZE": "Ⓢ", "TRANSLATION": "▷",
}  # fmt: skip
_REFERENCED = ("GEOMETRIC_TOLERANCE_WITH_DATUM_REFERENCE",)
MAX_DEPTH = 6


def is_tolerance(name: str) -> bool:
    """True for the entity names of geometric tolerances; a complex record shows as GEOMETRIC_TOLERANCE."""
    return name == "GEOMETRIC_TOLERANCE" or name in _CHARACTERISTICS


def read_tolerance(text: StepText, number: int) -> tuple[GeometricTolerance, int] | None:
    """The tolerance of a record and the shape aspect it belongs to; None without characteristic or value."""
    record = text[number]
    kind = next((_CHARACTERISTICS[name] for name in record if name in _CHARACTERISTICS), None)
    args = record.get("GEOMETRIC_TOLERANCE") or next(
        (record[name] for name in record if name in _CHARACTERISTICS), []
    )
    if kind is None or len(args) < 4:
        return None
    measure = read_measure(text, args[2])
    if measure is None:
        return None
    zone, projected = _zone(text, number)
    modifiers = ([zone] if zone else []) + _modifiers(record) + ([projected] if projected else [])
    modifiers += _extra(text, record)
    if "ALL_AROUND_SHAPE_ASPECT" in text[args[3]]:
        modifiers.append("all_around")
    elif "BETWEEN_SHAPE_ASPECT" in text[args[3]]:
        modifiers.append("between")
    references = (record.get(_REFERENCED[0]) or args[4:5] or [[]])[0]
    datums = datum_labels(text, references)
    value = f"{measure.value:.6f}".rstrip("0").rstrip(".")
    shown = "".join(sign for sign in modifiers if sign not in ("Ø", "SØ", "all_around", "between"))
    words = [_SYMBOLS[kind], (zone or "") + value + shown, *datums]
    found = GeometricTolerance(
        kind, measure.value, " ".join(words), datums, modifiers, unit=measure.unit, source="pmi"
    )
    return found, args[3]


def _modifiers(record: Record) -> list[str]:
    said = (record.get("GEOMETRIC_TOLERANCE_WITH_MODIFIERS") or [[]])[0] or []
    said = list(said) + [item for item in record.get("MODIFIED_GEOMETRIC_TOLERANCE") or [] if item]
    return [_MODIFIERS.get(str(item), str(item).lower()) for item in said]


def _extra(text: StepText, record: Record) -> list[str]:
    """Unit basis, upper limit and unequal disposition, as written behind the value."""
    found = []
    for name, form in (
        ("GEOMETRIC_TOLERANCE_WITH_DEFINED_UNIT", "/{}"),
        ("GEOMETRIC_TOLERANCE_WITH_MAXIMUM_TOLERANCE", " MAX {}"),
        ("UNEQUALLY_DISPOSED_GEOMETRIC_TOLERANCE", "Ⓤ{}"),
    ):
        args = record.get(name)
        measure = read_measure(text, args[-1]) if args else None
        if measure is not None:
            found.append(form.format(f"{measure.value:g}"))
    return found


def _zone(text: StepText, number: int) -> tuple[str | None, str | None]:
    """Ø or SØ for round zones, and the projected length."""
    sign = projected = None
    for record in text.of("TOLERANCE_ZONE"):
        args = record["TOLERANCE_ZONE"]
        if len(args) < 6 or number not in (args[4] or []):
            continue
        form = str((text[args[5]].get("TOLERANCE_ZONE_FORM") or [""])[0] or "").lower()
        if "spherical" in form:
            sign = "SØ"
        elif "cylindrical" in form or "circular" in form:
            sign = "Ø"
        for zone in text.of("PROJECTED_ZONE_DEFINITION"):
            said = zone["PROJECTED_ZONE_DEFINITION"]
            measure = read_measure(text, said[-1]) if said and said[0] == record.number else None
            if measure is not None:
                projected = f"Ⓟ{measure.value:g}"
    return sign, projected


def datum_labels(text: StepText, references: Any) -> list[str]:
    """Datum references in order: "A", "BⓂ", "A-B"."""
    found: list[tuple[int, str]] = []
    for place, reference in enumerate(references or []):
        record = text[reference]
        if system := record.get("DATUM_SYSTEM"):
            return [_label(text, part, 0) for part in system[-1] or []]
        if old := record.get_any("DATUM_REFERENCE", "REFERENCED_MODIFIED_DATUM"):
            modifier = record.get("REFERENCED_MODIFIED_DATUM") or []
            sign = _MODIFIERS.get(str(modifier[-1]), "") if modifier else ""
            order = old[0] if isinstance(old[0], int) else place
            found.append((order, _label(text, old[1], 0) + sign))
        elif "DATUM" in record:
            found.append((place, _label(text, reference, 0)))
    return [label for _, label in sorted(found)]


def _label(text: StepText, reference: Any, depth: int) -> str:
    """Letter of a datum, of a compartment with its modifiers, or of a common datum."""
    if depth > MAX_DEPTH:
        return ""
    if isinstance(reference, Typed):
        reference = list(reference.args)
    if isinstance(reference, list):
        while len(reference) == 1 and isinstance(reference[0], list):
            reference = reference[0]
        return "-".join(_label(text, part, depth + 1) for part in reference)
    record = text[reference]
    if datum := record.get("DATUM"):
        return str(datum[-1] or "")
    args = record.get_any("DATUM_REFERENCE_COMPARTMENT", "DATUM_REFERENCE_ELEMENT", "GENERAL_DATUM_REFERENCE")
    if not args or len(args) < 6:
        return ""
    return _label(text, args[4], depth + 1) + "".join(_datum_modifier(text, item) for item in args[5] or [])


def _datum_modifier(text: StepText, item: Any) -> str:
    if isinstance(item, Typed):
        said = str(item.args[0]) if item.args else ""
        return _MODIFIERS.get(said, f"[{said.lower()}]")
    args = text[item].get("DATUM_REFERENCE_MODIFIER_WITH_VALUE")
    if not args:
        return _MODIFIERS.get(str(item), "")
    measure = read_measure(text, args[1])
    return f"[{str(args[0]).lower()} {measure.value:g}]" if measure else ""
