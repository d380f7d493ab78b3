"""Dimensions of a model: nominal value, deviations or limits, fit, how it is written."""

from __future__ import annotations

import re
from typing import Any

from coordinator.modules.drawings.reading.model import Dimension, DimensionKind
from coordinator.modules.drawings.reading.pmi_shapes import Measure, read_measure
from coordinator.modules.drawings.reading.step_text import Record, StepText

_SIZES = (
    "DIMENSIONAL_SIZE",
    "ANGULAR_SIZE",
    "DIMENSIONAL_SIZE_WITH_PATH",
    "DIMENSIONAL_SIZE_WITH_DATUM_FEATURE",
)
_LOCATIONS = (
    "DIMENSIONAL_LOCATION", "ANGULAR_LOCATION", "DIRECTED_DIMENSIONAL_LOCATION", "DIMENSIONAL_LOCATION_WITH_PATH",
    "DIMENSIONAL_LOCATION_WITH_DATUM_FEATURE", "DIRECTED_ANGULAR_LOCATION",
)  # fmt: skip
DIMENSIONS = _SIZES + _LOCATIONS
TIGHT_WIDTH_MM = 0.02
TIGHT_GRADE = 7
_INCH_MM = 25.4
_SIGNS = {"diameter": "Ø", "radius": "R"}
_COUNT = re.compile(r"^\s*(\d{1,3})\s*[xX×]\s")
_THREAD = re.compile(
    r"\b(M\d+(?:[.,]\d+)?(?:\s*[xX×]\s*\d+(?:[.,]\d+)?)?(?:\s*-\s*\d[A-Za-z](?:\d[A-Za-z])?)?"
    r"|(?:\d+/\d+|#?\d+|\.\d+)\s*-\s*\d+\s*UN[CFJRS]*(?:\s*-\s*\d[AB])?)\b"
)


def find_thread(text: str) -> str | None:
    """A metric or unified thread designation in a text."""
    match = _THREAD.search(text)
    return match[1].strip() if match else None


def read_dimension(text: StepText, number: int, spoken: list[str]) -> tuple[Dimension, list[int]] | None:
    """The dimension of a record and the shape aspects it belongs to; None when the file gives it no value."""
    record = text[number]
    name, aspects = _name_and_aspects(record)
    values, notes = _values(text, number)
    nominal = values.get("nominal")
    plain = [_plain(line) for line in spoken]
    thread = next((found for line in plain if (found := find_thread(line))), None)
    upper, lower, fit, decimals = _tolerance(text, number, values)
    if nominal is None:
        nominal = values.get("upper") or values.get("lower")
    if nominal is None:
        return None
    kind = _kind(name, nominal, thread)
    unit = nominal.unit
    count = next((int(match[1]) for line in reversed(plain) if (match := _COUNT.match(line))), 1)
    basic = any("theoretical" in note or "basic" in note for note in notes) or any(
        "[" in line for line in plain
    )
    dimension = Dimension(
        text="", kind=kind, nominal=nominal.value, upper=upper, lower=lower, fit=fit, count=count, unit=unit,
        basic=basic, reference=any("auxiliary" in note or "reference" in note for note in notes),
        thread=thread, source="pmi",
    )  # fmt: skip
    width = (
        None if upper is None or lower is None else (upper - lower) * (_INCH_MM if unit == "inch" else 1.0)
    )
    grade = re.search(r"\d+", fit or "")
    dimension.is_tight = (width is not None and unit != "deg" and 0 < width <= TIGHT_WIDTH_MM + 1e-9) or (
        grade is not None and int(grade[0]) <= TIGHT_GRADE
    )
    places = nominal.decimals if nominal.decimals is not None else decimals
    dimension.text = write_dimension(dimension, name, places)
    return dimension, aspects


def _plain(line: str) -> str:
    r"""Text of an "equivalent unicode string": after its kind (DIM\w…), separators as spaces."""
    return re.sub(r"\\[wnx](TXT)?", " ", re.sub(r"^[A-Z]{3}\\w", "", line)).strip() + " "


def _name_and_aspects(record: Record) -> tuple[str, list[int]]:
    args = record.get_any("DIMENSIONAL_SIZE", "ANGULAR_SIZE", "DIMENSIONAL_SIZE_WITH_PATH")
    if args:
        return str(args[1] or "") if len(args) > 1 else "", [args[0]]
    args = record.get("SHAPE_ASPECT_RELATIONSHIP") or record.get_any(*_LOCATIONS) or []
    angular = "angle" if any("ANGULAR" in entity for entity in record) else ""
    if len(args) < 4:
        return angular, []
    return str(args[0] or "") or angular, [number for number in args[2:4] if isinstance(number, int)]


def _kind(name: str, nominal: Measure, thread: str | None) -> DimensionKind:
    lowered = name.lower()
    if thread:
        return "thread"
    if nominal.unit == "deg":
        return "angle"
    for word, kind in (("diameter", "diameter"), ("radius", "radius"), ("depth", "depth")):
        if word in lowered:
            return kind  # type: ignore[return-value]
    return "linear"


def _values(text: StepText, number: int) -> tuple[dict[str, Measure], list[str]]:
    """Nominal value and limits given for a dimension, and the words written with them."""
    found: dict[str, Measure] = {}
    notes: list[str] = []
    for record in text.of("DIMENSIONAL_CHARACTERISTIC_REPRESENTATION"):
        args = record["DIMENSIONAL_CHARACTERISTIC_REPRESENTATION"]
        if len(args) < 2 or args[0] != number:
            continue
        for item in _items(text[args[1]]):
            words = text[item].get("DESCRIPTIVE_REPRESENTATION_ITEM")
            if words:
                notes.append(" ".join(str(word).lower() for word in words if word))
            limits = text[item].get("VALUE_RANGE")
            for part in limits[-1] if limits and isinstance(limits[-1], list) else [item]:
                _sort_value(found, read_measure(text, part))
    return found, notes


def _sort_value(found: dict[str, Measure], measure: Measure | None) -> None:
    if measure is None:
        return
    name = measure.name.lower()
    if "upper" in name or measure.qualifier == "maximum":
        found["upper"] = measure
    elif "lower" in name or measure.qualifier == "minimum":
        found["lower"] = measure
    else:
        found.setdefault("nominal", measure)


def _items(record: Record) -> list[Any]:
    for args in record.values():
        if len(args) > 1 and isinstance(args[1], list):
            return args[1]
    return []


def _tolerance(
    text: StepText, number: int, values: dict[str, Measure]
) -> tuple[float | None, float | None, str | None, int | None]:
    """Upper and lower deviation, fit, and decimals of the deviations."""
    nominal = values.get("nominal")
    for record in text.of("PLUS_MINUS_TOLERANCE"):
        args = record["PLUS_MINUS_TOLERANCE"]
        if len(args) < 2 or args[1] != number:
            continue
        span = text[args[0]]
        if limits := span.get("LIMITS_AND_FITS"):
            letter, grade = (str(part or "") for part in (limits[0], limits[2]))
            return None, None, letter + re.sub(r"(?i)^it", "", grade), None
        bounds = [read_measure(text, part) for part in span.get("TOLERANCE_VALUE") or []]
        if len(bounds) == 2 and bounds[0] is not None and bounds[1] is not None:
            return bounds[1].value, bounds[0].value, None, bounds[1].decimals
    if nominal is not None and ("upper" in values or "lower" in values):
        upper, lower = values.get("upper"), values.get("lower")
        return (
            round(upper.value - nominal.value, 9) if upper else None,
            round(lower.value - nominal.value, 9) if lower else None,
            None,
            nominal.decimals,
        )
    if "upper" in values and "lower" in values:
        return 0.0, round(values["lower"].value - values["upper"].value, 9), None, values["upper"].decimals
    return None, None, None, None


def write_dimension(dimension: Dimension, name: str = "", decimals: int | None = None) -> str:
    """The dimension as a drawing would show it: count, sign, value, fit or deviations."""
    if dimension.thread:
        core = dimension.thread
    else:
        sign = _SIGNS.get(dimension.kind, "")
        if "spherical" in name.lower() and sign:
            sign = "S" + sign
        core = sign + _number(dimension.nominal or 0.0, decimals) + ("°" if dimension.unit == "deg" else "")
        if dimension.basic:
            core = f"[{core}]"
        elif dimension.reference:
            core = f"({core})"
    if dimension.fit:
        core += f" {dimension.fit}"
    upper, lower = dimension.upper, dimension.lower
    if not dimension.thread and upper is not None and lower is not None:
        if abs(upper + lower) < 1e-9 and upper > 0:
            core += f" ±{_number(upper, None)}"
        else:
            core += f" {_signed(upper)}/{_signed(lower)}"
        core += "°" if dimension.unit == "deg" else ""
    elif not dimension.thread and (upper is not None or lower is not None):
        core += f" {_signed(upper)}" if upper is not None else f" {_signed(lower or 0.0)}"
    return f"{dimension.count}x {core}" if dimension.count > 1 else core


def _number(value: float, decimals: int | None) -> str:
    shown = f"{value:.6f}".rstrip("0").rstrip(".")
    if decimals:
        padded = f"{value:.{decimals}f}"
        return padded if len(padded) > len(shown) else shown
    return shown


def _signed(value: float) -> str:
    return "0" if abs(value) < 1e-12 else ("+" if value > 0 else "") + _number(value, None)
