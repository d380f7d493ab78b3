"""Feasibility, tool needs, critical zones and the summary: pure rules (DRW-26, DRW-29, DRW-30, DRW-41)."""

import pytest

from coordinator.modules.drawings import park_rules as rules
from coordinator.modules.drawings import summary, zones
from coordinator.modules.drawings.tool_needs import ToolFacts, answer, needs_of


def machine(code="M1", *, misfits=(), **more):
    return rules.MachineFacts(1, code, f"Machine {code}", True, tuple(misfits), **more)


def part(**more):
    return rules.PartFacts(**({"size_mm": (100.0, 50.0, 20.0), "processes": (("milling", 0.9),)} | more))


@pytest.mark.parametrize(
    ("nominal", "width", "grade"),
    [(20, 0.013, 6), (20, 0.021, 7), (100, 0.035, 7), (20, 0.006, 4), (50, 0.062, 9), (30, 2.0, None)],
)
def test_grade_of_a_written_zone(nominal, width, grade):
    assert rules.it_grade(nominal, width) == grade


def test_reasons_name_the_limit():
    big = rules.fit_process("milling", 0.9, part(), [machine(misfits=["travel"])], own_trade=True)
    assert big.result == "subcontract"
    assert "100 × 50 × 20 mm au-delà des courses" in big.reasons[0]
    fine = rules.fit_process(
        "milling",
        0.9,
        part(tightest_grade=6, tightest_text="Ø20 H6"),
        [machine(attainable_grade=7)],
        own_trade=True,
    )
    assert "IT 6 demandé (Ø20 H6), IT 7 tenu" in fine.reasons[0]
    smooth = rules.fit_process(
        "milling", 0.9, part(finest_ra_um=0.4), [machine(attainable_ra_um=0.8)], own_trade=True
    )
    assert "Ra 0,4 demandé, Ra 0,8 tenu" in smooth.reasons[0]
    long = part(processes=(("turning", 0.9),), turned_diameter_mm=40.0, turned_length_mm=900.0)
    assert (
        "longueur 900 mm"
        in rules.fit_process(
            "turning", 0.9, long, [machine(max_turning_length_mm=600)], own_trade=True
        ).reasons[0]
    )


def test_what_is_ground_afterwards_need_not_be_held_by_the_mill():
    facts = part(processes=(("milling", 0.9), ("grinding", 0.85)), tightest_grade=5)
    assert (
        rules.fit_process("milling", 0.9, facts, [machine(attainable_grade=8)], own_trade=True).result
        == "feasible"
    )
    assert (
        rules.fit_process("grinding", 0.85, facts, [machine(attainable_grade=6)], own_trade=True).result
        == "subcontract"
    )


@pytest.mark.parametrize(
    ("results", "overall"),
    [
        (("feasible", "feasible"), "feasible"),
        (("feasible", "subcontract"), "subcontract"),
        (("subcontract",), "not_feasible"),
        ((), "unknown"),
    ],
)
def test_the_part_as_a_whole(results, overall):
    fits = [rules.ProcessFit("milling", 0.9, True, result) for result in results]
    assert rules.overall(fits, is_sized=True) == overall
    assert rules.overall(fits, is_sized=False) == "unknown"
    doubtful = [rules.ProcessFit("welding", 0.5, True, "subcontract")]
    assert rules.overall([*fits, *doubtful], is_sized=True) == overall


def test_oblique_faces_ask_for_five_axes():
    square = {"access_directions": [[0, 0, 1], [0, 0, -1], [1, 0, 0]]}
    oblique = {"access_directions": [[0, 0, 1], [0, 0.7071, 0.7071]]}
    assert rules.facts_of(square, None).axis_count == 3
    assert rules.facts_of(oblique, None).axis_count == 5


def tool(type_, diameter=None, *, code=None, on_hand=1.0, pitch=None, length=None):
    return ToolFacts(1, code or f"{type_}-{diameter}", type_, type_, diameter, length, pitch, on_hand)


def states(description, tools):
    needs = needs_of(description)
    answer(needs, tools)
    return {need.label: need.state for need in needs}


def test_tapped_hole_wants_tap_and_drill():
    hole = {"type": "hole", "steps": [{"diameter_mm": 6.8, "depth_mm": 20}], "thread": "M8", "count": 4}
    found = states({"features": [hole]}, [tool("tap", 8, pitch=1.25), tool("drill", 6.8, on_hand=0)])
    assert found == {"Taraud M8": "in_stock", "Foret Ø6,75 (avant-trou M8)": "out_of_stock"}
    fine = states({"features": [{**hole, "thread": "M8x1"}]}, [tool("tap", 8, pitch=1.25)])
    assert fine["Taraud M8×1"] == "missing"


def test_reamed_hole_pocket_and_counterbore():
    features = [
        {"type": "hole", "diameter_mm": 10, "fit": "H7", "steps": [{"diameter_mm": 10, "depth_mm": 20}]},
        {"type": "pocket", "corner_radius_mm": 4, "depth_mm": 25, "width_mm": 30},
        {"type": "hole", "steps": [{"diameter_mm": 11, "depth_mm": 6}, {"diameter_mm": 6.6, "depth_mm": 14}]},
    ]
    tools = [
        tool("reamer", 10),
        tool("drill", 9.7),
        tool("end_mill", 8, length=20, code="short"),
        tool("drill", 6.6),
        tool("end_mill", 9),
    ]
    found = states({"features": features}, tools)
    assert found["Alésoir Ø10 H7"] == "in_stock"
    assert found["Foret Ø9,7 (avant-trou)"] == "in_stock"
    assert found["Fraise Ø8 au plus, 25 utile"] == "missing"
    assert found["Foret Ø6,6"] == "in_stock"
    assert found["Lamage Ø11"] == "in_stock"


def test_drawing_alone_tells_holes_and_threads():
    dims = [
        {"kind": "diameter", "nominal": 0.266, "unit": "inch", "text": "4X Ø.266 THRU", "count": 4},
        {"kind": "thread", "nominal": 12, "thread": "M12x1.5-6g", "text": "M12x1.5-6g", "count": 1},
        {"kind": "diameter", "nominal": 40, "text": "Ø40 h6", "fit": "h6", "count": 1},
    ]
    assert set(states({"dimensions": dims}, [])) == {"Foret Ø6,756", "Outil à fileter M12x1.5-6g"}


@pytest.mark.requirement("DRW-26")
def test_critical_zones_and_why():
    rows = [
        {
            "id": 1,
            "kind": "dimension.diameter",
            "text": "Ø20 H6",
            "is_tight": True,
            "is_critical": False,
            "nominal": 20,
        },
        {"id": 2, "kind": "surface_texture", "text": "Ra 0,8", "nominal": 0.8},
        {"id": 3, "kind": "surface_texture", "text": "Ra 3,2", "nominal": 3.2},
        {"id": 4, "kind": "surface_texture", "text": "Rz 2,5", "nominal": 2.5},
        {"id": 5, "kind": "geometric_tolerance", "text": "⌖ 0,01", "nominal": 0.01, "unit": "mm"},
        {"id": 6, "kind": "dimension.linear", "text": "50", "is_critical": True, "nominal": 50},
        {"id": 7, "kind": "dimension.linear", "text": "60", "nominal": 60},
    ]
    notes = [{"text": "Surépaisseur 0,3 pour rectification"}, {"text": "Ébavurer"}]
    found = zones.zones(rows, notes)
    assert [(z["feature_id"], z["reasons"]) for z in found] == [
        (1, ["tight"]), (2, ["fine_surface"]), (4, ["fine_surface"]), (5, ["close_geometry"]), (6, ["critical"]), (None, ["allowance"]),
    ]  # fmt: skip


def test_summary_says_what_is_known_and_nothing_else():
    description = {
        "overall_size_mm": [120.0, 80.0, 15.5], "title_block": {"material": {"value": "C45"}}, "processes": [{"process": "milling", "confidence": 0.9}],
        "features": [{"type": "hole", "count": 4}],
    }  # fmt: skip
    text = summary.comment(description, {"result": "feasible", "missing": []}, [{"reasons": ["tight"]}])
    assert text == (
        "Pièce de 120 × 80 × 15,5 mm, en C45. 4 perçages. Procédés proposés : fraisage. "
        "À surveiller : 1 cote serrée. Réalisable dans le parc actuel."
    )
    assert summary.comment({}, {}, []) == "Pièce, matière à préciser."
