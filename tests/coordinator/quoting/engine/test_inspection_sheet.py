"""Limits of fits and the inspection sheet made of a drawing's characteristics."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.modules.quoting.engine import inspection
from coordinator.modules.quoting.engine.fits import deviations_mm
from coordinator.modules.quoting.engine.inspection import Characteristic, instrument, sampling
from coordinator.modules.quoting.engine.part import Feature


@pytest.mark.parametrize(
    ("nominal", "fit", "expected"),
    [
        (30.0, "H7", (0.0, 0.021)), (25.0, "k6", (0.002, 0.015)), (20.0, "g6", (-0.020, -0.007)), (8.0, "P9", (-0.051, -0.015)),
        (8.0, "N9", (-0.036, 0.0)), (30.0, "K7", (-0.015, 0.006)), (30.0, "N7", (-0.028, -0.007)), (30.0, "P7", (-0.035, -0.014)),
        (60.0, "f7", (-0.060, -0.030)), (12.0, "js9", (-0.0215, 0.0215)), (10.0, "F8", (0.013, 0.035)), (200.0, "m6", (0.017, 0.046)),
        (50.0, "h6", (-0.016, 0.0)), (45.0, "n6", (0.017, 0.033)), (18.0, "d9", (-0.093, -0.050)), (3.0, "H11", (0.0, 0.060)),
    ],
)  # fmt: skip
def test_deviations_are_those_of_the_tables(nominal: float, fit: str, expected: tuple[float, float]) -> None:
    assert deviations_mm(nominal, fit) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("nominal", "fit"),
    [(40.0, "z6"), (600.0, "H7"), (30.0, "H99"), (30.0, "abc"), (0.0, "H7"), (30.0, "N3"), (280.0, "M6")],
)
def test_what_the_tables_do_not_hold_is_not_invented(nominal: float, fit: str) -> None:
    assert deviations_mm(nominal, fit) is None


def dim(text: str, nominal: float, kind: str = "diameter", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "text": text, "nominal": nominal, "count": 1, "unit": "mm", **more}


READING = {
    "dimensions": [
        dim("Ø40 H7", 40.0, fit="H7"), dim("Ø12", 12.0), dim("Ø20 ±0,05", 20.0, upper=0.05, lower=-0.05),
        dim("120 -0,2/-0,4", 120.0, "linear", upper=-0.2, lower=-0.4), dim("45° ±1", 45.0, "angle", upper=1.0, lower=-1.0),
        dim("M8", 8.0, "thread", thread="4x M8-6H", count=4), dim("[50]", 50.0, "linear", basic=True), dim("(33)", 33.0, "linear", reference=True),
        dim("1.000", 1.0, "linear", upper=0.001, lower=-0.001, unit="inch"),
    ],
    "geometric_tolerances": [{"characteristic": "position", "value": 0.1, "datums": ["A", "B"], "text": "⌖ Ø0,1 A B"}],
    "surface_textures": [{"parameter": "Ra", "value_um": 0.8, "text": "Ra 0,8"}],
}  # fmt: skip


@pytest.mark.requirement("QUO-40")
def test_toleranced_characteristics_threads_geometry_and_surfaces_are_on_the_sheet() -> None:
    bore = Feature("hole", diameter_mm=20.0)
    found = inspection.sheet(
        inspection.entries_of(READING), quantity=50, treatments=("Trempe 58-60 HRC",), features=(bore,)
    )
    rows = {c.requirement: c for c in found.characteristics}
    assert [c.no for c in found.characteristics] == list(range(1, len(rows) + 1))
    assert not {"Ø12", "[50]", "(33)"} & set(rows)
    assert (rows["Ø40 H7"].lower, rows["Ø40 H7"].upper, rows["Ø40 H7"].is_key) == (40.0, 40.025, True)
    assert rows["Ø40 H7"].instrument == "tampon lisse entre/n'entre pas Ø40 H7"
    assert (rows["120 -0,2/-0,4"].lower, rows["120 -0,2/-0,4"].upper) == (119.6, 119.8)
    assert "pied à coulisse" in rows["Ø20 ±0,05"].instrument
    assert rows["Ø20 ±0,05"].is_inside
    assert rows["4x M8-6H"].instrument == "tampon fileté entre/n'entre pas M8x1,25"
    assert (rows["1.000"].lower, rows["1.000"].upper) == (25.3746, 25.4254)
    assert any("Localisation 0,1 / A-B" in r for r in rows)
    assert rows["Ra 0,8"].instrument == "rugosimètre"
    assert rows["Trempe 58-60 HRC"].instrument == "duromètre (HRC)"
    assert any("bavures" in r for r in rows)
    critical = inspection.sheet(inspection.entries_of(READING), quantity=50, criticality="aerospace")
    assert "Ø12" in {c.requirement for c in critical.characteristics}
    assert (found.parts_checked, critical.parts_checked) == (6, 50)


@pytest.mark.requirement("QUO-40")
def test_a_drawing_without_tolerances_gives_its_sizes_with_a_warning() -> None:
    reading = {
        "dimensions": [
            dim("Ø50", 50.0),
            dim("80", 80.0, "linear"),
            dim("12", 12.0, "linear"),
            dim("5", 5.0, "linear"),
        ]
    }
    found = inspection.sheet(inspection.entries_of(reading), quantity=3, general_tolerance="ISO 2768-fH")
    sizes = [(c.nominal, c.upper) for c in found.characteristics if c.from_general]
    assert sizes == [(80.0, 80.15), (50.0, 50.15), (12.0, 12.1)]
    assert any("à vérifier" in w for w in found.warnings)
    empty = inspection.sheet([], quantity=10, incomplete=("Plan illisible.",))
    assert "Plan illisible." in empty.warnings
    assert [c.name for c in empty.characteristics] == ["Aspect"]


@pytest.mark.parametrize(
    ("thread", "inside"),
    [("M8", True), ("4x M8-6H", True), ("M20x1,5-6g", False), ("M10-4h6h", False), ("1/4-20 UNC-2A", False), ("1/4-20 UNC-2B", True),
     ("G1/4 A", False), ("G1/4", True)],
)  # fmt: skip
def test_a_thread_is_inside_or_outside_by_its_tolerance(thread: str, inside: bool) -> None:
    reading = {"dimensions": [dim("F", 8.0, "thread", thread=thread)]}
    assert inspection.sheet(inspection.entries_of(reading), quantity=1).characteristics[0].is_inside is inside


def test_a_shaft_of_the_diameter_of_a_bore_stays_a_shaft() -> None:
    reading = {"dimensions": [dim("Ø20 g6", 20.0, fit="g6"), dim("Ø20 H7", 20.0, fit="H7")]}
    bore = Feature("bore", diameter_mm=20.0)
    shaft, hole, *_ = inspection.sheet(
        inspection.entries_of(reading), quantity=1, features=(bore,)
    ).characteristics
    assert (shaft.is_inside, hole.is_inside) == (False, True)
    assert shaft.instrument.startswith("micromètre à cadran")


def test_a_geometric_tolerance_whose_value_was_not_read_is_asked_for() -> None:
    reading = {"geometric_tolerances": [{"characteristic": "flatness", "value": None, "text": "⏥"}]}
    found = inspection.sheet(inspection.entries_of(reading), quantity=1)
    assert (found.characteristics[0].requirement, found.characteristics[0].upper) == ("Planéité", None)
    assert any("Planéité" in w for w in found.warnings)


@pytest.mark.parametrize(
    ("quantity", "criticality", "parts"),
    [(1, "standard", 1), (3, "standard", 3), (10, "standard", 2), (11, "standard", 2), (100, "standard", 11), (20, "sensitive", 5),
     (20, "military", 20)],
)  # fmt: skip
def test_first_last_and_one_in_n(quantity: int, criticality: str, parts: int) -> None:
    assert sampling(quantity, criticality)[1] == parts


@pytest.mark.parametrize("width", [0.004, 0.01, 0.02, 0.05, 0.2])
def test_instruments_get_finer_with_the_tolerance(width: float) -> None:
    outer = Characteristic(1, "diameter", "Ø30", 30.0, 30.0 - width, 30.0)
    coarse, fine = "pied à coulisse" in instrument(outer), "tridimensionnelle" in instrument(outer)
    assert coarse == (width >= 0.1)
    assert fine == (width < 0.008)
