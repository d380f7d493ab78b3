"""What a person reads in the title blocks of the public drawings of ../shared, where they are present (DRW-44)."""

from __future__ import annotations

from pathlib import Path

from coordinator.modules.drawings.reading.model import TITLE_BLOCK_FIELDS

_SHAFT = {"part_name": "Motor Shaft", "date": "11.8.2020", "material": "Stainless Steel", "scale": "3:1"}
_READ: dict[str, dict[str, str]] = {
    "vector/Aufspannung.pdf": {"drawing_number": "Micro_Vu-4.20", "part_name": "Micro-Vu Turm Halter", "material": "PLA", "scale": "2:1",
                               "unit": "mm", "sheet": "1 OF 1"},
    "vector/codewheel_modification.pdf": {"part_name": "Codewheel Modification", "date": "17.8.2020", "scale": "2:1", "unit": "mm"},
    "vector/motor_shaft.pdf": _SHAFT | {"unit": "mm", "general_tolerance": "±0.1mm"},
    "vector/motor_shaft_inch.pdf": _SHAFT | {"unit": "inch", "general_tolerance": '±0.005"'},
    "raster/Candle_holder.jpg": {"drawing_number": "2022001", "part_name": "Ljushållare HT2022", "material": "SS 1914", "scale": "1:1",
                                 "projection": "first angle", "unit": "mm", "date": "2022-08-26", "sheet": "1 of 1"},
    "raster/LIU0010.jpg": {"drawing_number": "LiU0010", "revision": "A", "part_name": "Kolv Cykelpump", "material": "EN AW-6082",
                           "surface_treatment": "Anodiserad 15-20µm Kulör: Natur", "scale": "2:1", "mass": "18.19 g",
                           "general_tolerance": "ISO 2768-mK", "projection": "first angle", "date": "2021-10-15", "sheet": "1/1"},
    "raster/halter.jpg": {"drawing_number": "Halter1", "scale": "1:1", "unit": "mm", "sheet": "1 OF 1"},
}  # fmt: skip
_GRADES = {
    "vector/Aufspannung.pdf": "PLA",
    "raster/Candle_holder.jpg": "11SMnPb30",
    "raster/LIU0010.jpg": "EN AW-6082",
}
# A line naming an institute or a course is no field a person would agree on.
_NOT_COMPARED = ("customer",)


def public_drawings(folder: Path) -> list[tuple[Path, dict[str, tuple[str, str | None]], str | None]]:
    """Present files below ``folder`` (…/data/drawings) with expected fields and the name of the material's grade."""
    found = []
    for name, values in _READ.items():
        path = folder / name
        if path.exists():
            expected: dict[str, tuple[str, str | None]] = {
                field: ("read", values[field]) if field in values else ("absent", None)
                for field in TITLE_BLOCK_FIELDS
                if field not in _NOT_COMPARED
            }
            found.append((path, expected, _GRADES.get(name)))
    return found
