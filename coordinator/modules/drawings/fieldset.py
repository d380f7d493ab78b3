"""The fields a person reviews: where each comes from, where it is kept, and what validation demands (DRW-16, DRW-33)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FieldGroup = Literal["title_block", "material", "size", "order"]
ValueType = Literal["text", "decimal", "quantity", "boolean", "choice", "reference"]


@dataclass(frozen=True)
class ReviewField:
    """One field of the review form. ``source`` is its name in a reading; without ``column`` it is kept in ``other_values``."""

    name: str
    group: FieldGroup
    type: ValueType = "text"
    source: str | None = None
    column: bool = True
    unit: str | None = None
    mandatory: bool = False
    editable: bool = True
    max_length: int = 200
    target: str | None = None
    enumeration: str | None = None


FIELDS: tuple[ReviewField, ...] = (
    ReviewField("drawing_number", "title_block", source="drawing_number", mandatory=True, max_length=80),
    ReviewField("revision", "title_block", source="revision", mandatory=True, max_length=20),
    ReviewField("part_name", "title_block", source="part_name", mandatory=True),
    ReviewField("customer_name", "title_block", source="customer", column=False),
    ReviewField("author", "title_block", source="author", column=False),
    ReviewField("date", "title_block", source="date", column=False),
    ReviewField("sheet", "title_block", source="sheet", column=False),
    ReviewField("scale", "title_block", source="scale", column=False),
    ReviewField("projection", "title_block", source="projection", column=False),
    ReviewField("unit", "title_block", source="unit", max_length=10),
    ReviewField("standard_system", "title_block", "choice", max_length=10, enumeration="standard_system"),
    ReviewField("general_tolerance", "title_block", source="general_tolerance", max_length=120),
    ReviewField("material_text", "material", source="material"),
    ReviewField("material_id", "material", "reference", mandatory=True, target="materials"),
    ReviewField("iso513_group", "material", editable=False, max_length=4),
    ReviewField("heat_treatment", "material", source="heat_treatment", column=False),
    ReviewField("surface_treatment", "material", source="surface_treatment", column=False),
    ReviewField("length_mm", "size", "decimal", unit="mm", mandatory=True),
    ReviewField("width_mm", "size", "decimal", unit="mm", mandatory=True),
    ReviewField("height_mm", "size", "decimal", unit="mm", mandatory=True),
    ReviewField("volume_cm3", "size", "decimal", unit="cm³", editable=False),
    ReviewField("mass_kg", "size", "decimal", source="mass", unit="kg"),
    ReviewField("quantity", "order", "quantity", mandatory=True),
    ReviewField("criticality", "order", "choice", mandatory=True, enumeration="criticality"),
    ReviewField("certificate_required", "order", "boolean"),
)
BY_NAME = {field.name: field for field in FIELDS}
MANDATORY = tuple(field.name for field in FIELDS if field.mandatory)
TREATMENTS = {"heat_treatment": "heat", "surface_treatment": "surface"}
NO_REVISION = "-"
"""The answer "none" of a drawing without revision."""
