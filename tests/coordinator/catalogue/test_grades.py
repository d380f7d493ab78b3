"""Material texts of drawings: grade, condition, hardness, and no choice where the text is not certain."""

from __future__ import annotations

import pytest

from coordinator.modules.catalogue.grades import GRADES, find_grades, identify


@pytest.mark.requirement("DRW-22")
@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("42 CD 4", "42CrMo4"), ("XC 48", "C45E"), ("Acier C45E +N (1.1191)", "C45E"), ("E24-2", "S235JR"), ("St 52-3", "S355J2"),
        ("35NCD16", "36NiCrMo16"), ("Z10 CNF 18-09", "X8CrNiS18-9"), ("X2CrNi18-9 (304L)", "X2CrNi18-9"), ("UNS S17400", "X5CrNiCuNb16-4"),
        ("W.-Nr. 1.4462 Duplex", "X2CrNiMoN22-5-3"), ("STEEL, AISI 1018", "C18E"), ("6061-T651 ALUMINUM PER AMS 4027", "EN AW-6061"),
        ("A-U4G", "EN AW-2017A"), ("AlMg4,5Mn0,7", "EN AW-5083"), ("EN-GJS-400-15", "EN-GJS-400-15"), ("FGL 250", "EN-GJL-250"),
        ("Laiton CuZn39Pb3", "CuZn39Pb3"), ("Ti Gr.5", "Ti-6Al-4V"), ("NC19FeNb", "Inconel 718"), ("PA 6.6", "PA66"), ("Delrin", "POM-H"),
        ("42CrM04", "42CrMo4"), ("EN AW-6O82", "EN AW-6082"),
    ],
)  # fmt: skip
def test_designations_of_every_system_give_the_grade(text: str, name: str) -> None:
    match = identify(text)
    assert match.grade is not None
    assert match.grade.name == name


@pytest.mark.requirement("DRW-22")
@pytest.mark.parametrize(
    ("text", "condition", "hardness"),
    [
        ("EN AW-7075 T7351", "T7351", None), ("42CrMo4+QT", "+QT", None), ("42CrMo4 vergütet 28-32 HRC", "+QT", "28-32 HRC"),
        ("17-4PH H1025", "H1025", None), ("AISI 4140 annealed", "+A", None), ("C45E étiré", "+C", None), ("S355J2+N", "+N", None),
        ("X153CrMoV12 60 HRC", None, "60 HRC"), ("34CrNiMo6 1000-1200 MPa", "+QT", None), ("M10", None, None),
    ],
)  # fmt: skip
def test_condition_and_hardness(text: str, condition: str | None, hardness: str | None) -> None:
    match = identify(text)
    assert (match.condition, match.hardness) == (condition, hardness)


@pytest.mark.requirement("DRW-22")
@pytest.mark.parametrize(
    "text", ["", "Acier", "Stainless Steel", "Messing", "C450", "voir note 3", "XYZ 9000", "A2-70"]
)
def test_an_uncertain_text_gives_at_most_three_proposals(text: str) -> None:
    match = identify(text)
    assert match.grade is None
    assert not match.is_contradictory
    assert len(match.proposals) <= 3


@pytest.mark.requirement("DRW-49")
@pytest.mark.parametrize("text", ["C45 ou 316L", "304/304L", "EN AW-6082 / EN AW-2017A"])
def test_two_materials_contradict(text: str) -> None:
    match = identify(text)
    assert match.grade is None
    assert match.is_contradictory
    assert len(match.proposals) == 2


def test_running_text_needs_names_that_cannot_be_anything_else() -> None:
    found = find_grades("4 trous 304 et 2017 ; support en EN AW-6082 T6, vis AISI 316L, M6 x 1.0, cote 42")
    assert [grade.name for _, grade in found] == ["EN AW-6082", "X2CrNiMo17-12-2"]


def test_the_table_is_wide_and_plausible() -> None:
    assert len(GRADES) >= 150
    assert len({grade.name for grade in GRADES}) == len(GRADES)
    assert all(0.8 < grade.density_g_cm3 < 20 for grade in GRADES)
    assert {grade.iso513_group for grade in GRADES} >= {
        "P1",
        "P2",
        "P3",
        "M1",
        "M2",
        "K1",
        "K2",
        "N1",
        "N2",
        "N3",
        "S1",
        "S2",
    }
