"""Blanks that are not round: hexagon, square, tube, flat and hollow profile; their section, weight, price and machining."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from coordinator.modules.quoting.engine import bar_shapes
from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.part import Dimension, Feature, PartDescription
from coordinator.modules.quoting.engine.reading import from_reading
from coordinator.modules.quoting.engine.sections import Section, of_unit
from coordinator.modules.quoting.engine.shop import Shop, StockUnit
from tests.coordinator.quoting.engine.samples import line, quote


def block(**fields: str) -> dict[str, Any]:
    return {k: {"value": v, "status": "read"} for k, v in fields.items()}


def fitting(across: float = 24.0, **changes: Any) -> dict[str, Any]:
    """A union as the STEP reader tells it: hexagon in the middle, a spigot on each side, a bore through."""
    around = across / (math.sqrt(3) / 2)
    volume = math.sqrt(3) / 2 * across**2 * 14 + math.pi / 4 * (18**2 * 18 + 16**2 * 20 - 9**2 * 52)
    return {
        "title_block": block(part_name="Raccord", material="CuZn39Pb3", general_tolerance="ISO 2768-mK"),
        "dimensions": [],
        "solid": {"volume_mm3": volume, "size_mm": [around, across, 52.0], "bodies": 1},
        "features": [
            {"type": "hole", "diameter_mm": 9, "depth_mm": 52, "through": True, "count": 1, "axis": [0, 0, 1],
             "positions_mm": [[0, 0, -18]], "steps": [{"diameter_mm": 9, "depth_mm": 52}]},
            {"type": "boss", "form": "round", "diameter_mm": 18, "depth_mm": 18, "count": 1, "axis": [0, 0, 1],
             "positions_mm": [[0, 0, 0]]},
            {"type": "boss", "form": "round", "diameter_mm": 16, "depth_mm": 20, "count": 1, "axis": [0, 0, -1],
             "positions_mm": [[0, 0, 14]]},
        ],
    } | changes  # fmt: skip


def ring(
    outer: float, bore: float, length: float, material: str = "42CrMo4", **changes: Any
) -> PartDescription:
    hole = Feature(
        "bore", diameter_mm=bore, depth_mm=length, through=True, is_coaxial=True, it=changes.pop("it", None)
    )
    return PartDescription(
        material=material,
        quantity=20,
        size_mm=(outer, outer, length),
        turned_profile=((0.0, outer), (length, outer)),
        features=(hole,),
        general_tolerance="ISO 2768-mK",
        **changes,
    )


def stocked(*units: StockUnit) -> Shop:
    return replace(default_shop(), stock=units)


@pytest.mark.parametrize(
    ("section", "area", "around", "label"),
    [
        (Section("hex", 24.0), 498.83, 27.71, "six pans 24"),
        (Section("square", 25.0), 625.0, 35.36, "carré 25"),
        (Section("flat", 50.0, 12.0), 600.0, 51.42, "méplat 50 × 12"),
        (Section("tube", 60.0, wall_mm=5.0), 863.94, 60.0, "tube Ø60 × 5"),
        (Section("tube", 80.0, 40.0, 4.0), 896.0, 89.44, "tube 80 × 40 × 4"),
        (Section("round", 42.0), 1385.44, 42.0, "Ø42"),
    ],
)
def test_areas_and_names_of_sections(section: Section, area: float, around: float, label: str) -> None:
    assert section.area_mm2 == pytest.approx(area, abs=0.01)
    assert section.around_mm == pytest.approx(around, abs=0.01)
    assert section.label == label


@pytest.mark.requirement("QUO-11", "QUO-12")
def test_a_fitting_is_turned_from_its_own_hexagon() -> None:
    found = line(quote(from_reading(fitting(), 100)))
    blank = found["blank"]
    assert blank["label"].startswith("six pans 24 × ")
    told = blank["explanation"]["inputs"]
    assert told["section cm²"] == pytest.approx(4.9883, abs=1e-3)
    assert told["formule de section"] == "√3/2·s²"
    assert "DIN 176" in blank["explanation"]["source"]
    length = blank["stock_size"]["cut_length_mm"]
    assert blank["mass_kg"] == pytest.approx(
        4.9883 * length / 10 * told["masse volumique g/cm³"] / 1000, rel=0.01
    )
    assert not any(o["operation_type"] == "milling" for o in found["operations"])
    rough = next(o for o in found["operations"] if o["label"] == "Ébauche extérieure")
    assert "coupe interrompue" in rough["sources"]["vc_m_min"]["inputs"]
    assert not any("non reconnues" in w for w in found["warnings"])


def test_a_toleranced_hexagon_is_milled_from_round_bar() -> None:
    reading = fitting()
    reading["dimensions"] = [
        {"text": "24 h9", "kind": "linear", "nominal": 24, "fit": "h9", "count": 1, "unit": "mm"}
    ]
    found = line(quote(from_reading(reading, 100)))
    assert found["blank"]["shape"] == "round"
    assert any("Méplat" in o["label"] for o in found["operations"])


def test_a_fine_general_tolerance_leaves_no_drawn_surface() -> None:
    reading = fitting()
    reading["title_block"]["general_tolerance"] = {"value": "ISO 2768-fH", "status": "read"}
    assert line(quote(from_reading(reading, 100)))["blank"]["shape"] == "round"
    spacer = replace(ring(60.0, 50.0, 120.0, "S235JR"), general_tolerance="ISO 2768-f")
    assert any("Finition extérieure" in o["label"] for o in line(quote(spacer))["operations"])
    critical = ring(60.0, 50.0, 120.0, "S235JR", criticality="critical")
    assert not any("bruts de tube" in w for w in line(quote(critical))["warnings"])


def test_a_hexagon_nobody_sells_is_milled_unless_it_stands_in_stock() -> None:
    reading = fitting(23.0)
    assert line(quote(from_reading(reading, 50)))["blank"]["shape"] == "round"
    own = StockUnit("B-HEX", "CuZn39Pb3", "hex", 3000.0, 23.0, quantity=3, price_per_kg=Decimal("8.50"))
    found = line(quote(from_reading(reading, 50), shop=stocked(own)))
    assert found["blank"]["source"] == "lot B-HEX ×50"


@pytest.mark.parametrize("share", [0.8, 1.2])
def test_a_solid_of_another_volume_is_no_hexagon_bar(share: float) -> None:
    reading = fitting()
    reading["solid"]["volume_mm3"] *= share
    assert bar_shapes.of_solid(reading) is None
    assert from_reading(reading).form == "prismatic"


@pytest.mark.parametrize(
    ("text", "across"),
    [("SW 24", 24.0), ("6 pans de 27", 27.0), ("27 s/plats", 27.0), ("30 A/F", 30.0), ("Hex 19", 19.0), ("six pans 12,7", 12.7),
     ("6 pans creux de 8", None), ("socket hex 6", None), ("6 trous Ø8", None), ("M16", None), ("60", None)],
)  # fmt: skip
def test_a_drawing_names_its_hexagon(text: str, across: float | None) -> None:
    assert bar_shapes.hexagon_in([text]) == across


def test_a_hexagon_of_a_flat_drawing_is_told_as_supposed() -> None:
    dims = [
        {"text": "SW 24", "kind": "linear", "nominal": 24},
        {"text": "Ø16", "kind": "diameter", "nominal": 16},
        {"text": "52", "kind": "linear", "nominal": 52},
        {"text": "20", "kind": "linear", "nominal": 20},
    ]
    part = from_reading({"title_block": block(material="CuZn39Pb3"), "dimensions": dims}, 50)
    assert any("Six pans de 24" in a for a in part.assumptions)
    found = quote(part)
    assert line(found)["blank"]["label"] == "six pans 24 × 53"
    assert any("Six pans de 24" in q["text"] for q in found.to_json()["questions"])


@pytest.mark.requirement("QUO-10", "QUO-12")
def test_a_tube_is_bored_where_a_bar_is_drilled() -> None:
    tube = StockUnit(
        "T-1", "42CrMo4", "tube", 2000.0, 95.0, quantity=1, price_per_kg=Decimal("2.60"), wall_mm=22.5
    )
    found = line(quote(ring(90.0, 64.0, 28.0), shop=stocked(tube)))
    assert found["blank"]["source"] == "lot T-1 ×20"
    labels = [o["label"] for o in found["operations"]]
    assert not any(label.startswith("Perçage") for label in labels)
    assert any(label.startswith("Alésage ébauche") for label in labels)
    told = found["blank"]["explanation"]["inputs"]
    assert told["section cm²"] == pytest.approx(math.pi / 4 * (95**2 - 50**2) / 100, rel=1e-4)
    assert found["blank"]["leftovers"]


def test_a_tube_too_thin_for_the_allowances_is_not_taken() -> None:
    thin = StockUnit(
        "T-2", "42CrMo4", "tube", 2000.0, 91.0, quantity=9, price_per_kg=Decimal("0.10"), wall_mm=13.0
    )
    assert "T-2" not in line(quote(ring(90.0, 64.0, 28.0), shop=stocked(thin)))["blank"]["source"]


def test_a_bought_tube_costs_more_per_kilogram() -> None:
    found = line(quote(ring(90.0, 64.0, 28.0), shop=stocked()))
    told = found["blank"]["explanation"]["inputs"]
    assert found["blank"]["shape"] == "tube"
    assert told["plus-value de forme à l'achat"] == 1.6
    assert told["€/kg"] == pytest.approx(2.60 * 1.6)
    assert "ISO 2938" in found["blank"]["explanation"]["source"]


@pytest.mark.requirement("QUO-06")
def test_a_plain_spacer_may_stay_drawn_and_says_so() -> None:
    found = line(quote(ring(60.0, 50.0, 120.0, "S235JR")))
    assert found["blank"]["label"].startswith("tube Ø60 × 5")
    assert any("laissés bruts de tube" in w for w in found["warnings"])
    assert {o["label"] for o in found["operations"] if o["tool"]} <= {"Dressage de face", "Tronçonnage"}
    fine = line(
        quote(ring(60.0, 50.0, 120.0, "S235JR", dimensions=(Dimension("Ø60 h8", "diameter", 60.0, it=8),)))
    )
    assert any("Finition extérieure" in o["label"] for o in fine["operations"])


def plate(
    size: tuple[float, float, float], material: str = "S235JR", *features: Feature, **changes: Any
) -> PartDescription:
    hole = Feature("hole", diameter_mm=9.0, depth_mm=size[2], through=True, axis=(0.0, 0.0, -1.0))
    return PartDescription(
        material=material, quantity=30, size_mm=size, features=(hole, *features), form="prismatic",
        general_tolerance="ISO 2768-mK", **changes,
    )  # fmt: skip


def test_a_milled_plate_comes_from_the_flat_in_stock() -> None:
    flat = StockUnit(
        "ME-1", "S235JR", "flat", 6000.0, None, 50.0, 20.0, quantity=2, price_per_kg=Decimal("1.40")
    )
    found = line(quote(plate((180.0, 48.0, 12.0)), shop=stocked(flat)))
    assert found["blank"]["source"] == "lot ME-1 ×30"
    assert found["blank"]["stock_size"] == {
        "shape": "flat", "diameter_mm": None, "width_mm": 50.0, "height_mm": 20.0, "wall_mm": None, "cut_length_mm": 185.0,
    }  # fmt: skip
    saw = next(o for o in found["operations"] if o["operation_type"] == "cutting")
    assert saw["sources"]["run_min"]["inputs"]["section cm²"] == pytest.approx(10.0)
    assert saw["sources"]["run_min"]["inputs"]["coupes"] == 1.0


def test_a_square_bar_serves_a_block_of_equal_sides() -> None:
    square = StockUnit(
        "CA-1", "S235JR", "square", 3000.0, None, 40.0, 40.0, quantity=2, price_per_kg=Decimal("1.40")
    )
    found = line(quote(plate((90.0, 33.0, 33.0)), shop=stocked(square)))
    assert found["blank"]["source"] == "lot CA-1 ×30"
    assert found["blank"]["label"] == "carré 40 × 95"


def profile_part(wall: float, **changes: Any) -> PartDescription:
    inside = Feature(
        "pocket", "through", depth_mm=300.0, through=True, length_mm=50 - 2 * wall, width_mm=50 - 2 * wall, axis=(0.0, 0.0, 1.0)
    )  # fmt: skip
    hole = Feature("hole", diameter_mm=11.0, depth_mm=2 * wall, through=True, count=2, axis=(1.0, 0.0, 0.0))
    volume = (50.0**2 - (50 - 2 * wall) ** 2) * 300
    return PartDescription(
        material="S235JR", quantity=20, size_mm=(50.0, 50.0, 300.0), features=(hole, inside), form="prismatic",
        volume_mm3=volume, general_tolerance="ISO 2768-mK", **changes,
    )  # fmt: skip


def test_a_hollow_profile_is_not_milled_out_of_a_block() -> None:
    found = line(quote(profile_part(4.0)))
    assert found["blank"]["label"] == "tube 50 × 50 × 4 × 302"
    assert found["blank"]["mass_kg"] < 2.0
    assert not any("Poche" in o["label"] or "Surfaçage" in o["label"] for o in found["operations"])
    assert any("laissé brut sur ses faces" in w for w in found["warnings"])


def test_a_toleranced_length_squares_the_ends_of_a_profile() -> None:
    own = profile_part(4.0, dimensions=(Dimension("300 h10", "linear", 300.0, it=10),))
    assert any("Dressage d'extrémité" in o["label"] for o in line(quote(own))["operations"])
    assert not any("Dressage d'extrémité" in o["label"] for o in line(quote(profile_part(4.0)))["operations"])


def test_a_wall_nobody_sells_stays_a_block() -> None:
    assert line(quote(profile_part(5.7)))["blank"]["shape"] != "profile"


def test_a_tube_without_wall_is_no_section() -> None:
    assert of_unit(StockUnit("X", "S235JR", "tube", 1000.0, 60.0)) is None
    assert of_unit(StockUnit("X", "S235JR", "tube", 1000.0, 60.0, wall_mm=31.0)) is None
    assert of_unit(StockUnit("X", "S235JR", "flat", 1000.0, None, 12.0, 50.0)) == Section("flat", 50.0, 12.0)
