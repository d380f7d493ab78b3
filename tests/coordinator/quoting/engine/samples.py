"""Own sample parts of the quoting tests, as a drawing reader would give them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.part import PartDescription
from coordinator.modules.quoting.engine.quote import QuoteRequest, QuoteResult, compute
from coordinator.modules.quoting.engine.reading import from_reading
from coordinator.modules.quoting.engine.shop import Shop

DAY = date(2026, 3, 2)


def _block(**fields: str) -> dict[str, Any]:
    return {k: {"value": v, "confidence": 1.0, "status": "read"} for k, v in fields.items()}


SHAFT: dict[str, Any] = {
    "file": "arbre.step",
    "title_block": _block(
        drawing_number="A-100", part_name="Arbre", material="C45", general_tolerance="ISO 2768-mK"
    ),
    "dimensions": [
        {"text": "M20", "kind": "thread", "nominal": 20, "count": 1, "unit": "mm"},
        {"text": "Ø30 k6", "kind": "diameter", "nominal": 30, "fit": "k6", "count": 1, "unit": "mm"},
    ],
    "solid": {"volume_mm3": 105000, "area_mm2": 15000, "size_mm": [40, 40, 120], "bodies": 1},
    "turned_profile": [
        [0, 20], [25, 20], [25, 40], [75, 40], [75, 30], [85, 30], [85, 26], [88, 26], [88, 30], [110, 30],
        [110, 22], [112, 22], [112, 30], [120, 30],
    ],
    "features": [],
}  # fmt: skip
BLOCK: dict[str, Any] = {
    "file": "bloc.step",
    "title_block": _block(
        drawing_number="B-200", part_name="Bloc", material="EN AW-6082 T6", general_tolerance="ISO 2768-mK"
    ),
    "dimensions": [
        {"text": "4x Ø8 H7", "kind": "diameter", "nominal": 8, "fit": "H7", "count": 4, "unit": "mm"},
        {"text": "4x M6", "kind": "thread", "nominal": 6, "count": 4, "unit": "mm"},
    ],
    "solid": {"volume_mm3": 122_500, "area_mm2": 25000, "size_mm": [100, 60, 25], "bodies": 1},
    "features": [
        {"type": "pocket", "length_mm": 50, "width_mm": 30, "depth_mm": 12, "corner_radius_mm": 5, "axis": [0, 0, -1]},
        {"type": "hole", "form": "plain", "diameter_mm": 8, "depth_mm": 25, "through": True, "count": 4,
         "axis": [0, 0, -1], "steps": [{"diameter_mm": 8, "depth_mm": 25}]},
        {"type": "hole", "form": "plain", "diameter_mm": 5, "depth_mm": 15, "through": False, "count": 4,
         "axis": [0, 0, -1], "steps": [{"diameter_mm": 5, "depth_mm": 15}]},
        {"type": "hole", "form": "counterbore", "diameter_mm": 6.6, "depth_mm": 25, "through": True, "count": 2,
         "axis": [0, 0, -1],
         "steps": [{"diameter_mm": 11, "depth_mm": 6.5}, {"diameter_mm": 6.6, "depth_mm": 18.5}]},
    ],
}  # fmt: skip
FLANGE: dict[str, Any] = {
    "file": "bride.step",
    "title_block": _block(
        drawing_number="C-300", part_name="Bride", material="316L", general_tolerance="ISO 2768-mK"
    ),
    "dimensions": [
        {"text": "Ø22 H8", "kind": "diameter", "nominal": 22, "fit": "H8", "count": 1},
        {"text": "3x M5", "kind": "thread", "nominal": 5, "count": 3},
    ],
    "solid": {"volume_mm3": 51_000, "size_mm": [55, 55, 40], "bodies": 1},
    "turned_profile": {
        "axis": [0, 0, 1], "origin_mm": [0, 0, 0], "length_mm": 40, "max_diameter_mm": 55,
        "outer": [
            {"z0_mm": 0, "r0_mm": 27.5, "z1_mm": 15, "r1_mm": 27.5},
            {"z0_mm": 15, "r0_mm": 20, "z1_mm": 40, "r1_mm": 20},
        ],
    },
    "features": [
        {"type": "bore", "diameter_mm": 22, "depth_mm": 40, "through": True, "count": 1, "axis": [0, 0, -1],
         "positions_mm": [[0, 0, 40]], "steps": [{"diameter_mm": 22, "depth_mm": 40}]},
        {"type": "hole", "diameter_mm": 4.2, "depth_mm": 12, "through": False, "count": 3, "axis": [0, 0, 1],
         "steps": [{"diameter_mm": 4.2, "depth_mm": 12}]},
        {"type": "slot", "width_mm": 8, "length_mm": 20, "depth_mm": 4, "count": 1, "axis": [-1, 0, 0]},
    ],
}  # fmt: skip


def part(reading: dict[str, Any], quantity: int = 10, **changes: Any) -> PartDescription:
    return replace(from_reading(reading, quantity), **changes)


def quote(*parts: PartDescription, shop: Shop | None = None, **request: Any) -> QuoteResult:
    return compute(parts, shop or default_shop(), QuoteRequest(DAY, **request))


def line(result: QuoteResult, index: int = 0) -> dict[str, Any]:
    found = result.to_json()["lines"][index]
    assert isinstance(found, dict)
    return found


def without(shop: Shop, *codes: str) -> Shop:
    """The shop without some machines, tools or stock units."""
    return replace(
        shop,
        machines=tuple(m for m in shop.machines if m.code not in codes),
        tools=tuple(t for t in shop.tools if t.code not in codes),
        stock=tuple(s for s in shop.stock if s.code not in codes),
    )
