"""What a machinist looks at: order, support, clamping, tool sizes, keyways, grinding, threads, marking."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from coordinator.modules.quoting.engine import flat_profile, merging, threads
from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.part import Dimension, Feature, PartDescription
from coordinator.modules.quoting.engine.shop import Machine, Shop
from tests.coordinator.quoting.engine.samples import BLOCK, FLANGE, SHAFT, line, part, quote, without


def turned(d: float, length: float, **more: Any) -> PartDescription:
    profile = ((0.0, 0.7 * d), (0.4 * length, 0.7 * d), (0.4 * length, d), (length, d))
    fields: dict[str, Any] = {"material": "C45", "quantity": 10, "form": "turned", "turned_profile": profile,
                              "general_tolerance": "ISO 2768-mK"}  # fmt: skip
    return PartDescription("T-1", **(fields | more))


def lathe_only(**changes: Any) -> Shop:
    park = default_shop()
    machines = tuple(
        replace(m, **changes) if m.code == "TOUR-1" else m for m in park.machines if m.code != "TF-1"
    )
    return replace(park, machines=machines)


def labels(found: dict[str, Any]) -> list[str]:
    return [o["label"] for o in found["operations"]]


@pytest.mark.requirement("QUO-13")
def test_holes_are_spotted_drilled_chamfered_reamed_and_tapped_in_this_order() -> None:
    found = line(quote(part(BLOCK)))
    first = [o for o in found["operations"] if o["phase_no"] == 20]
    wanted = (
        "Surfaçage",
        "Poche",
        "Pointage",
        "Perçage",
        "Lamage",
        "Chanfrein",
        "alésoir",
        "Taraudage",
        "finition",
    )
    positions = [next(i for i, o in enumerate(first) if w in o["label"]) for w in wanted]
    assert positions == sorted(positions)
    drills = [o["tool"] for o in first if o["label"].startswith("Perçage")]
    assert len(drills) == len(set(drills))


@pytest.mark.requirement("QUO-13")
def test_after_machining_comes_deburring_washing_treatment_marking_inspection_packing() -> None:
    own = replace(part(BLOCK), treatments=("Anodisation",), marking="n° de plan")
    last = [o["operation_type"] for o in line(quote(own))["operations"] if not o["tool"]]
    assert last == ["cutting", "deburring", "washing", "treatment", "marking", "inspection", "packaging"]
    aerospace = line(quote(replace(part(BLOCK), criticality="aerospace")))
    assert "marking" in [o["operation_type"] for o in aerospace["operations"]]


@pytest.mark.parametrize(
    ("length", "told", "centred"),
    [(90, "", False), (150, "contre-pointe", True), (420, "contre-pointe et lunette", True)],
)
def test_slender_parts_get_a_centre_tailstock_and_steady(length: float, told: str, centred: bool) -> None:
    found = line(quote(turned(36, length), shop=lathe_only()))
    assert any("Centrage" in text for text in labels(found)) is centred
    holds = next(o["workholding"] for o in found["operations"] if o["workholding"])
    assert told in holds
    if centred:
        names = labels(found)
        assert names.index("Dressage de face") < next(i for i, t in enumerate(names) if "Centrage" in t)
        assert next(i for i, t in enumerate(names) if "Centrage" in t) < names.index("Ébauche extérieure")


def test_a_lathe_without_tailstock_or_steady_is_left_out() -> None:
    refused = line(quote(turned(36, 150), shop=lathe_only(has_tailstock=False)))
    assert refused["feasibility"] == "not_feasible"
    assert "contre-pointe" in refused["rejected_machines"]["TOUR-1"]
    assert line(quote(turned(36, 420), shop=lathe_only(has_steady_rest=False)))["unit_price"] is None
    assert line(quote(turned(36, 90), shop=lathe_only(has_tailstock=False)))["unit_price"] > 0


def test_the_second_side_is_held_on_finished_surfaces() -> None:
    found = line(quote(turned(36, 90), shop=lathe_only()))
    grips = list(dict.fromkeys(o["workholding"] for o in found["operations"] if o["machine"] == "TOUR-1"))
    assert len(grips) == 2
    assert "mors doux" in grips[1]


def test_thin_turned_parts_get_small_inserts_and_small_feeds() -> None:
    found = line(quote(turned(5, 16)))
    rough = next(o for o in found["operations"] if o["label"] == "Ébauche extérieure")
    assert rough["tool"] == "VBMT-04"
    assert rough["feed"] <= 0.03 * 5 + 1e-6
    assert "flexion" in rough["sources"]["feed"]["source"]
    thick = line(quote(turned(40, 80)))
    assert next(o for o in thick["operations"] if o["label"] == "Ébauche extérieure")["feed"] == 0.3


def test_a_toleranced_keyway_takes_a_smaller_mill_and_its_walls_are_finished() -> None:
    def slot(it: int | None) -> list[dict[str, Any]]:
        key = Feature("slot", width_mm=8.0, length_mm=25.0, depth_mm=4.0, axis=(-1.0, 0.0, 0.0), it=it)
        found = line(quote(turned(36, 90, features=(key,))))
        return [o for o in found["operations"] if "Rainure" in o["label"]]

    coarse, tight = slot(None), slot(9)
    assert [o["tool"] for o in coarse] == ["FR-8"]
    assert [o["tool"] for o in tight] == ["FR-6", "FR-6"]
    assert "finition" in tight[1]["label"]


@pytest.mark.requirement("QUO-18")
def test_no_needle_mills_and_no_mill_wider_than_the_pocket() -> None:
    for width in (6.0, 12.0, 20.0, 45.0):
        for radius in (0.2, 1.0, 3.0, width / 2):
            pocket = Feature("pocket", length_mm=60.0, width_mm=width, depth_mm=12.0, corner_radius_mm=radius,
                             axis=(0.0, 0.0, -1.0))  # fmt: skip
            own = replace(part(BLOCK), features=(pocket,), dimensions=(), volume_mm3=None)
            result = quote(own)
            tools = {c.choice.tool for p in result.lines[0].options[0].route.phases for c in p.cuts
                     if c.choice and "Poche" in c.label}  # fmt: skip
            assert all(1.0 <= (t.diameter_mm or 0) <= width for t in tools), (width, radius, tools)
            if radius < 0.5:
                assert any(
                    "rayon intérieur" in w and "électro-érosion" in w for w in line(result)["warnings"]
                )


@pytest.mark.requirement("QUO-14")
def test_a_thick_block_is_squared_from_its_sides_and_a_thin_one_contoured() -> None:
    thick = replace(part(BLOCK), size_mm=(150.0, 120.0, 90.0), volume_mm3=None, features=(), dimensions=())
    three = line(quote(thick, shop=without(default_shop(), "CU5-1")))
    assert sum("Mise au carré" in t for t in labels(three)) == 4
    assert len({o["phase_no"] for o in three["operations"] if o["machine"] == "CU3-1"}) == 6
    five = line(quote(thick, shop=without(default_shop(), "CU3-1")))
    assert len({o["phase_no"] for o in five["operations"] if o["machine"] == "CU5-1"}) == 2
    thin = labels(line(quote(replace(thick, size_mm=(150.0, 120.0, 30.0)))))
    assert any("Contournage" in t for t in thin)
    assert not any("Mise au carré" in t for t in thin)


@pytest.mark.requirement("QUO-14")
def test_a_block_may_go_over_two_mills_and_every_way_is_priced() -> None:
    side = tuple(
        Feature("hole", diameter_mm=8.0, depth_mm=20.0, axis=a)
        for a in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0))
    )
    own = replace(part(BLOCK, 50), features=(*part(BLOCK).features, *side))
    options = quote(own).lines[0].options
    ways = {o.route.key for o in options}
    assert {"CU3-1", "CU5-1", "CU3-1 + CU5-1"} <= ways
    assert [o.total for o in options] == sorted(o.total for o in options)
    shared = next(o for o in options if o.route.key == "CU3-1 + CU5-1")
    assert [p.machine.code for p in shared.route.phases if p.cuts and p.machine] == ["CU3-1", "CU5-1"]


@pytest.mark.requirement("QUO-16")
def test_grinding_takes_the_surfaces_that_ask_for_it_and_turning_leaves_them_stock() -> None:
    seat = Dimension("Ø36 h5", "diameter", 36.0, fit="h5", it=5)
    own = turned(36, 90, dimensions=(seat,))
    park = default_shop()
    grinder = Machine("RECT-1", "Rectifieuse cylindrique", "grinder", "Rectification")
    found = line(quote(own, shop=replace(park, machines=(*park.machines, grinder))))
    ground = [o for o in found["operations"] if o["operation_type"] == "grinding"]
    assert [o["label"] for o in ground] == ["Rectification cylindrique extérieure Ø36 × 54"]
    finish = next(o for o in found["operations"] if o["label"] == "Finition extérieure")
    assert finish["passes"] == 1
    assert found["unit_price"] > 0
    assert not any(o["operation_type"] == "grinding" for o in line(quote(turned(36, 90)))["operations"])
    bore = Feature("bore", diameter_mm=20.0, depth_mm=90.0, through=True, is_coaxial=True, it=5)
    inside = line(
        quote(turned(36, 90, features=(bore,)), shop=replace(park, machines=(*park.machines, grinder)))
    )
    assert any("intérieure Ø20" in text for text in labels(inside))


def test_the_face_of_a_bored_second_side_is_not_cut_to_the_centre() -> None:
    found = line(quote(part(FLANGE)))
    faces = [o for o in found["operations"] if o["label"] == "Dressage de face"]
    assert faces[0]["sources"]["cut_min"]["inputs"]["D2"] == 0
    assert faces[1]["sources"]["cut_min"]["inputs"]["D2"] == 22


def test_hss_drills_are_spotted_and_short_carbide_drills_are_not() -> None:
    hole = Feature("hole", diameter_mm=9.5, depth_mm=20.0, axis=(0.0, 0.0, -1.0))
    own = replace(part(BLOCK, 2), features=(hole,), dimensions=(), volume_mm3=None)
    bought = line(quote(own, shop=replace(default_shop(), tools=tuple(
        t for t in default_shop().tools if not (t.tool_type == "drill" and 8 < (t.diameter_mm or 0) < 10)))))  # fmt: skip
    assert any("Pointage 1 × Ø9,5" in t for t in labels(bought))
    stocked = line(quote(replace(own, features=(replace(hole, diameter_mm=9.0),))))
    assert not any("Pointage" in t for t in labels(stocked))


@pytest.mark.parametrize(
    ("text", "diameter", "pitch", "name"),
    [
        ("4x M8", 8.0, 1.25, "M8x1,25"), ("M20x1,5 - 6g", 20.0, 1.5, "M20x1,5"), ("1/4-20 UNC-2B", 6.35, 1.27, "1/4-20 UNC"),
        ("3/8 UNF", 9.525, 25.4 / 24, "3/8-24 UNF"), ("G 1/2", 20.955, 25.4 / 14, "G1/2"), ("Tr 20x4", 20.0, 4.0, "Tr20x4"),
        ("0.250-28 UNF", 6.35, 25.4 / 28, "1/4-28 UNF"),
    ],
)  # fmt: skip
def test_threads_of_all_trades(text: str, diameter: float, pitch: float, name: str) -> None:
    assert threads.size_of(text) == pytest.approx((diameter, pitch))
    assert threads.designation(diameter, pitch) == name
    assert threads.parse("Ø8 H7") is None
    assert threads.parse("12,5 ±0,1") is None


def test_an_inch_thread_is_tapped_from_its_core() -> None:
    reading = {
        **BLOCK,
        "dimensions": [{"text": "4x 1/4-20 UNC", "kind": "thread", "nominal": 6.35, "count": 4}],
    }
    found = labels(line(quote(part(reading))))
    assert any(text.startswith("Perçage 4 × Ø5") for text in found)
    assert any("Taraudage 4 × 1/4-20 UNC" in text for text in found)


def _d(nominal: float, kind: str = "linear", place: tuple[float, float] | None = None) -> Dimension:
    return Dimension(str(nominal), kind, nominal, place=place)


def test_lengths_of_a_flat_drawing_are_found_among_its_dimensions() -> None:
    diameters = [_d(40.0, "diameter", (10, 0)), _d(25.0, "diameter", (50, 0)), _d(30.0, "diameter", (90, 0))]
    linear = [_d(100.0), _d(20.0, place=(10, 9)), _d(45.0, place=(50, 9)), _d(35.0, place=(90, 9)), _d(7.0)]
    points, notes = flat_profile.outline(diameters, linear, 40.0, 100.0)
    assert points == ((0.0, 40.0), (20.0, 40.0), (20.0, 25.0), (65.0, 25.0), (65.0, 30.0), (100.0, 30.0))
    assert "à confirmer" in notes[0]
    equal, notes = flat_profile.outline(diameters, [_d(100.0)], 40.0, 100.0)
    assert equal[1][0] == pytest.approx(100 / 3)
    assert "également" in notes[0]


def test_drawing_and_model_of_one_part_are_one_line() -> None:
    model = {**SHAFT, "file": "A.step", "kind": "step", "dimensions": [], "title_block": {
        "part_name": {"value": "solid1", "status": "read", "source": "step_product", "confidence": 0.9}}}  # fmt: skip
    drawing = {**SHAFT, "file": "a.pdf", "kind": "pdf", "solid": None, "turned_profile": None, "features": []}
    (whole,) = merging.grouped([model, drawing])
    assert whole["title_block"]["part_name"]["value"] == "Arbre"
    assert whole["solid"] == SHAFT["solid"]
    assert len(whole["dimensions"]) == 2
    assert len(merging.grouped([model, {**drawing, "file": "b.pdf"}])) == 2
    clash = {
        **drawing,
        "title_block": {
            **drawing["title_block"],
            "material": {"value": "316L", "status": "read", "confidence": 0.5},
        },
    }
    both = merging.merged([drawing, {**clash, "kind": "dxf"}])
    assert any("contradictoires" in w for w in both["warnings"])
