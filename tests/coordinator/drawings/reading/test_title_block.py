"""Title blocks of the reference set: fourteen styles, three languages, vector PDF and DXF; labels and single values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from coordinator.modules.drawings.public_drawings import public_drawings
from coordinator.modules.drawings.reading import DrawingReading
from coordinator.modules.drawings.reading.labels import fits, match_label
from coordinator.modules.drawings.reading.model import FieldValue
from coordinator.modules.drawings.reading.title_values import fact_in, kind_of
from coordinator.modules.drawings.scoring import (
    FieldScore,
    canonical,
    material_is_wrong,
    score_fields,
    treatment_is_wrong,
)
from infra.samples.reference import ReferenceDrawing, write_reference_set
from tests.coordinator.drawings.reading.conftest import SHARED

Read = Callable[[Path], DrawingReading]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> list[ReferenceDrawing]:
    return write_reference_set(tmp_path_factory.mktemp("reference"), formats=("pdf", "dxf"))


@pytest.mark.requirement("DRW-43", "DRW-44")
def test_fields_of_vector_reference_drawings_are_right(reference: list[ReferenceDrawing], read: Read) -> None:
    assert len(reference) >= 20
    assert len({drawing.layout for drawing in reference}) >= 8
    by_field: dict[str, FieldScore] = {}
    wrong_materials = wrong_treatments = 0
    for drawing in reference:
        found = read(drawing.path).title_block
        for name, score in score_fields(drawing.expected, found).items():
            by_field[name] = by_field.get(name, FieldScore()) + score
        wrong_materials += material_is_wrong(drawing.material_grade, found["material"])
        wrong_treatments += treatment_is_wrong(drawing.expected, found)
    assert {name: score.accuracy for name, score in by_field.items() if score.accuracy < 0.95} == {}
    assert wrong_materials / len(reference) < 0.05
    assert wrong_treatments / len(reference) < 0.05


def test_illegible_is_unread_and_nothing_is_absent(reference: list[ReferenceDrawing], read: Read) -> None:
    states = [
        (read(drawing.path).title_block[name].status, status)
        for drawing in reference
        for name, (status, _) in drawing.expected.items()
    ]
    blotted = [found for found, wanted in states if wanted == "unread"]
    assert blotted
    assert "read" not in blotted
    absent = [found for found, wanted in states if wanted == "absent"]
    assert absent.count("absent") >= 0.98 * len(absent)


@pytest.mark.requirement("DRW-17")
def test_standard_system_of_reference_drawings(reference: list[ReferenceDrawing], read: Read) -> None:
    right = [read(drawing.path).standard_system == drawing.standard_system for drawing in reference]
    assert sum(right) >= 0.95 * len(right)


def test_public_vector_title_blocks(read: Read) -> None:
    drawings = [item for item in public_drawings(SHARED / "data" / "drawings") if item[0].suffix == ".pdf"]
    if not drawings:
        pytest.skip("public drawings missing (set USINAGE_SHARED)")
    total = sum(
        (
            s
            for path, expected, _ in drawings
            for s in score_fields(expected, read(path).title_block).values()
        ),
        FieldScore(),
    )
    assert total.accuracy >= 0.95
    assert total.invented == 0


@pytest.mark.requirement("DRW-16")
@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("N° de plan", "drawing_number", None), ("No. DE PLAN", "drawing_number", None), ("DWG. NO.", "drawing_number", None),
        ("Zeichn.-Nr.", "drawing_number", None), ("Änderungsindex: C", "revision", "C"), ("Matière / Material", "material", None),
        ("Werkstoff, Halbzeug", "material", None), ("SCALE: 1:2", "scale", "1:2"), ("Maßstab 2:1", "scale", "2:1"),
        ("SHEET 1 OF 2", "sheet", "1 OF 2"), ("Blatt 1/3", "sheet", "1/3"), ("1. MATERIAL: AL 6061-T6", "material", "AL 6061-T6"),
        ("Trait. therm.", "heat_treatment", None), ("FINISH:", "surface_treatment", None), ("WEIGHT (kg)", "mass", None),
        ("Desslné par", "author", None), ("Oberflachenbehandlung", "surface_treatment", None), ("CHK'D", "_role", None),
    ],
)  # fmt: skip
def test_labels_in_three_languages(text: str, name: str, value: str | None) -> None:
    assert match_label(text) == (name, value)


@pytest.mark.parametrize(
    "text",
    [
        "Bride de fixation",
        "42CrMo4",
        "Ø20 H7",
        "J. Smith",
        "Méthode 1",
        "4 trous M6",
        "C45E",
        "Support moteur",
    ],
)
def test_values_are_no_labels(text: str) -> None:
    assert match_label(text) is None


@pytest.mark.requirement("DRW-19")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Tolérances générales ISO 2768 mK", "ISO 2768 mK"), ("General tolerances: ISO 2768-fH", "ISO 2768-fH"),
        ("Allgemeintoleranzen DIN ISO 2768-mK", "DIN ISO 2768-mK"), ("DIN7168-m", "DIN7168-m"), ("ISO 22081", "ISO 22081"),
        ("General tolerances ±0.1mm", "±0.1mm"), ("Plan 27681 rév. B", None), ("4 x M6", None),
    ],
)  # fmt: skip
def test_general_tolerance_anywhere(text: str, value: str | None) -> None:
    assert fact_in("general_tolerance", text) == value


def test_values_which_need_no_label() -> None:
    kinds = {
        t: kind_of(t)
        for t in (
            "12.03.2026",
            "1:2",
            "0,52 kg",
            "1 OF 2",
            "Aéro Composants SA",
            "EN AW-6082 T6",
            "Bride",
            "AX-1042",
        )
    }
    assert list(kinds.values()) == ["date", "scale", "mass", "sheet", "customer", "material", None, None]


def test_shapes_of_values() -> None:
    assert fits("scale", "1:2.5")
    assert not fits("scale", "Bride")
    assert not fits("date", "J. Smith")
    assert not fits("author", "12.03.2026")
    assert not fits("drawing_number", "A4")


def test_scoring_knows_invented_values() -> None:
    found = {
        "material": FieldValue("C45", 1.0, "read"),
        "mass": FieldValue(),
        "scale": FieldValue("1 : 2", 1.0, "read"),
    }
    scores = score_fields(
        {"material": ("absent", None), "mass": ("absent", None), "scale": ("read", "1:2")}, found
    )
    assert {n: (s.right, s.invented) for n, s in scores.items()} == {
        "material": (0, 1),
        "mass": (1, 0),
        "scale": (1, 0),
    }
    assert canonical("projection", "Méthode E") == canonical("projection", "FIRST ANGLE PROJECTION")
