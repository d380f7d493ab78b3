"""A drawing reading turned into a part: models, flat drawings, contradictions, missing data."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.modules.quoting.engine import profile
from coordinator.modules.quoting.engine.reading import from_reading
from tests.coordinator.quoting.engine.samples import BLOCK, FLANGE, SHAFT, part, quote


def _dimension(text: str, kind: str, nominal: float, **more: Any) -> dict[str, Any]:
    return {"text": text, "kind": kind, "nominal": nominal, "count": 1, "unit": "mm", **more}


def test_model_features_get_the_thread_and_fit_the_drawing_writes() -> None:
    own = from_reading(BLOCK, 4)
    by_type = {(f.form, f.diameter_mm): f for f in own.features if f.type == "hole"}
    assert by_type[("plain", 8.0)].it == 7
    assert by_type[("tapped", 6.0)].thread == "4x M6"
    assert by_type[("counterbore", 6.6)].steps[0].diameter_mm == 11
    assert (own.quantity, own.drawing_number, own.is_turned) == (4, "B-200", False)


def test_turned_model_knows_bores_and_external_threads() -> None:
    shaft, flange = from_reading(SHAFT), from_reading(FLANGE)
    assert shaft.is_turned
    assert [f.thread for f in shaft.features if f.type == "thread"] == ["M20"]
    assert [f.is_coaxial for f in flange.features] == [True, False, False]
    assert flange.max_diameter_mm == 55
    assert flange.length_mm == 40


def test_flat_drawing_of_a_turned_part_asks_what_it_supposes() -> None:
    reading = {
        "title_block": {"material": {"value": "S355", "status": "read"}},
        "dimensions": [
            _dimension("Ø42", "diameter", 42), _dimension("Ø30", "diameter", 30),
            _dimension("Ø20 H7", "diameter", 20, fit="H7"), _dimension("Ø12", "diameter", 12),
            _dimension("60", "linear", 60), _dimension("25", "linear", 25),
        ],
    }  # fmt: skip
    own = from_reading(reading, 5)
    assert own.is_turned
    assert own.turned_profile == ((0.0, 42.0), (35.0, 42.0), (35.0, 30.0), (60.0, 30.0))
    assert sorted(f.diameter_mm or 0 for f in own.features) == [12, 20]
    result = quote(own)
    assert any("à confirmer" in q.text and not q.blocking for q in result.questions)
    assert result.scenarios[0].price_excl_tax is not None


@pytest.mark.requirement("QUO-06")
@pytest.mark.parametrize(
    ("text", "nominal", "is_hole", "told"),
    [
        ("6x Ø9", 9, True, "compris comme 6 perçages, et non comme une gorge de 6 mm"),
        ("2xØ37", 37, False, "compris comme 2 portées de même diamètre, et non comme une gorge de 2 mm"),
        ("2 trous Ø40", 40, True, ""),
    ],
)
def test_a_counted_diameter_of_a_turned_part_is_told(
    text: str, nominal: float, is_hole: bool, told: str
) -> None:
    """Holes around the axis, equal diameters and a groove are written alike."""
    reading = {
        "title_block": {"part_name": {"value": "Bague", "status": "read"}},
        "dimensions": [
            _dimension("Ø90", "diameter", 90), _dimension("60", "linear", 60), _dimension(text, "diameter", nominal, count=int(text[0])),
        ],
    }  # fmt: skip
    own = from_reading(reading, 5, "S355")
    holes = [(f.diameter_mm, f.count, f.is_coaxial) for f in own.features if f.type == "hole"]
    assert holes == ([(nominal, int(text[0]), False)] if is_hole else [])
    assert own.turned_profile is not None
    assert (nominal in {d for _, d in own.turned_profile}) is not is_hole
    assert [told in a for a in own.assumptions if "gorge" in a] == ([True] if told else [])
    assert quote(own).scenarios[0].price_excl_tax is not None


def test_inches_become_millimetres_and_reference_dimensions_do_not_count() -> None:
    reading = {
        "dimensions": [
            _dimension("2", "linear", 2, unit="in"),
            _dimension("(9)", "linear", 9, reference=True),
        ]
    }
    own = from_reading(reading)
    assert [d.nominal for d in own.dimensions] == [50.8]
    assert own.size_mm is None


@pytest.mark.requirement("QUO-06")
def test_an_empty_reading_asks_instead_of_guessing() -> None:
    result = quote(from_reading({"file": "vide.pdf"}, 5))
    assert [q.field_name for q in result.questions if q.blocking] == ["material"]
    result = quote(from_reading({"file": "vide.pdf"}, 5, "C45"))
    assert [q.field_name for q in result.questions if q.blocking] == ["size_mm"]


def test_profile_sides_bands_and_grooves() -> None:
    points = part(SHAFT).turned_profile
    assert points is not None
    first, second = profile.split(points)
    assert first.length_mm + second.length_mm == pytest.approx(120)
    assert [(r.bottom_mm, r.width_mm) for r in first.recesses] == [(22, 2), (26, 3)]
    bands = profile.bands(first, 45, 0.5)
    assert [(a, b) for a, b, _ in bands] == [(45, 41), (41, 31)]
    assert [(s.diameter_mm, s.length_mm) for s in profile.finish_segments(second, [], 13, 3.2)] == [(20, 25)]


def test_a_cone_is_roughed_in_steps_that_never_cut_into_it() -> None:
    first, _ = profile.split(((0.0, 40.0), (20.0, 40.0), (60.0, 10.0)))
    for diameter, reach in first.envelope:
        z_from_end = reach
        cone = 10 + 30 * min(z_from_end, 40) / 40
        assert diameter >= cone - 1e-6 or z_from_end > 40


@pytest.mark.requirement("QUO-14", "QUO-17")
def test_equal_holes_at_both_ends_are_drilled_each_from_its_own_side() -> None:
    hole = {
        "type": "hole", "form": "plain", "diameter_mm": 4.2, "depth_mm": 14.0, "through": False, "count": 2,
        "axis": [0.0, 0.0, 1.0], "positions_mm": [[0.0, 0.0, 0.0], [0.0, 0.0, 400.0]],
    }  # fmt: skip
    turned = {
        "axis": [0.0, 0.0, 1.0], "origin_mm": [0.0, 0.0, 0.0], "length_mm": 400.0, "max_diameter_mm": 18.0,
        "outer": [{"z0_mm": 0.0, "r0_mm": 9.0, "z1_mm": 400.0, "r1_mm": 9.0}], "inner": [], "revolved_area_ratio": 1.0,
    }  # fmt: skip
    reading = {
        **SHAFT, "turned_profile": turned, "features": [hole],
        "dimensions": [_dimension("M5", "thread", 5, count=2, thread="M5")],
        "solid": {"volume_mm3": 101_500, "area_mm2": 23000, "size_mm": [18, 18, 400], "bodies": 1},
    }  # fmt: skip
    holes = [f for f in from_reading(reading, 5).features if f.type == "hole"]
    assert [(f.count, f.is_coaxial, f.axis[2]) for f in holes] == [(1, True, 1.0), (1, True, -1.0)]
    assert [f.thread for f in holes] == ["M5", "M5"]
    beside = {**hole, "positions_mm": [[5.0, 0.0, 0.0], [-5.0, 0.0, 0.0]]}
    [pair] = [f for f in from_reading({**reading, "features": [beside]}, 5).features if f.type == "hole"]
    assert (pair.count, pair.is_coaxial) == (2, False)
