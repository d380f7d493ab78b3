"""What the text of a STEP file says beside its shape: product name and number, attributes, material."""

from __future__ import annotations

import re
from typing import Any

from coordinator.modules.drawings.reading.model import DrawingReading, FieldValue
from coordinator.modules.drawings.reading.step_text import StepText, plain_text

_PRODUCT = re.compile(rb"=\s*PRODUCT\s*\(\s*'((?:[^']|'')*)'\s*,\s*'((?:[^']|'')*)'", re.IGNORECASE)
MEANINGLESS = re.compile(r"(?i)^(|none|part\s*\d*|product|open cascade.*|unnamed|assembly|solid\d*)$")
_ATTRIBUTES = {
    "partnumber": "drawing_number", "part number": "drawing_number", "number": "drawing_number",
    "drawing number": "drawing_number", "revision": "revision", "rev": "revision", "material": "material",
    "matière": "material", "matiere": "material", "werkstoff": "material", "material name": "material",
    "material property": "material", "surface treatment": "surface_treatment", "heat treatment": "heat_treatment",
}  # fmt: skip
_ABSENT = ("", "none", "n/a", "-", "/nulid", "material <not specified>", "not specified")


def read_step_header(content: bytes, reading: DrawingReading) -> None:
    """Fill drawing number and part name from the first PRODUCT."""
    if product := _PRODUCT.search(content):
        number, name = (plain_text(group.decode("latin-1")).strip() for group in product.groups())
        for field_name, value in (("drawing_number", number), ("part_name", name)):
            if not MEANINGLESS.match(value):
                reading.title_block[field_name] = FieldValue(
                    value, 0.7, "read", page=1, source="step_product"
                )


def read_attributes(text: StepText, reading: DrawingReading) -> None:
    """Fill fields from user attributes and from the material property; these win over the product name."""
    for record in text.of("PROPERTY_DEFINITION_REPRESENTATION"):
        args = record["PROPERTY_DEFINITION_REPRESENTATION"]
        about = text[args[0]].get("PROPERTY_DEFINITION") or [] if len(args) > 1 else []
        if not about or "validation" in str(about[0]):
            continue
        for item in _items(text[args[1]]):
            said = text[item].get("DESCRIPTIVE_REPRESENTATION_ITEM") or []
            names = [str(about[0] or "").lower(), str(said[0] or "").lower()] if said else []
            field_name = next((_ATTRIBUTES[name] for name in names if name in _ATTRIBUTES), None)
            value = str(said[1] or "").strip() if len(said) > 1 else ""
            if field_name == "material" and value.lower() in _ATTRIBUTES:
                value = ""
            if field_name and value.lower() not in _ABSENT:
                reading.title_block[field_name] = FieldValue(
                    value, 0.8, "read", page=1, source="step_property"
                )


def product_names(text: StepText) -> list[str]:
    """Names of the products of an assembly, in the order of the file."""
    return [
        str(args[1] or args[0] or "").strip()
        for record in text.of("PRODUCT")
        if len(args := record["PRODUCT"]) > 1
    ]


def stated_volume_mm3(text: StepText) -> float | None:
    """Volume which the file states for checking ("geometric validation property"), mm³; None when absent or unclear."""
    stated = []
    for record in text.of("MEASURE_REPRESENTATION_ITEM"):
        args = record["MEASURE_REPRESENTATION_ITEM"]
        if len(args) > 1 and args[0] == "volume measure" and getattr(args[1], "kind", "") == "VOLUME_MEASURE":
            stated += [float(value) for value in args[1].args if isinstance(value, int | float)]
    inches = bool(re.search(r"'INCH'", " ".join(map(str, _unit_names(text))), re.IGNORECASE))
    return None if inches or not stated or max(stated) - min(stated) > 1e-6 * max(stated) else stated[0]


def _unit_names(text: StepText) -> list[Any]:
    return [record["CONVERSION_BASED_UNIT"] for record in text.of("CONVERSION_BASED_UNIT")]


def _items(record: dict[str, list[Any]]) -> list[Any]:
    return next((args[1] for args in record.values() if len(args) > 1 and isinstance(args[1], list)), [])
