"""Material texts of drawings, ISO 286 grades, thread texts."""

from __future__ import annotations

import pytest

from coordinator.modules.catalogue import seed_materials
from coordinator.modules.quoting.engine.cutting_tables import GROUPS
from coordinator.modules.quoting.engine.materials import identify, same_material
from coordinator.modules.quoting.engine.tolerances import (
    general_tolerance_it,
    it_from_fit,
    it_from_width,
    it_value_mm,
    parse_metric_thread,
)


@pytest.mark.requirement("QUO-22")
@pytest.mark.parametrize(
    ("text", "group", "density"),
    [
        ("C45", "P2", 7.85), ("XC 48", "P2", 7.85), ("C45E +N (1.1191)", "P2", 7.85), ("42 CD 4", "P2", 7.85),
        ("42CrMo4+QT", "P3", 7.85), ("S235JR", "P1", 7.85), ("1.4404", "M1", 7.95), ("AISI 316L", "M1", 7.95),
        ("Z2 CND 17-12", "M1", 7.95), ("17-4 PH", "M2", 7.8), ("EN-GJL-250", "K1", 7.2), ("EN AW-6082 T6", "N1", 2.75),
        ("AU4G", "N1", 2.75), ("Laiton CuZn39Pb3", "N2", 8.6), ("POM noir", "N3", 1.4), ("TA6V", "S1", 4.43),
        ("Ti-6Al-4V", "S1", 4.43), ("Inconel 718", "S2", 8.2), ("42CrMo4 trempé 52 HRC", "H", 7.85),
    ],
)  # fmt: skip
def test_synonyms_give_the_group(text: str, group: str, density: float) -> None:
    match = identify(text)
    assert match.group is not None
    assert (match.group.code, match.group.density_g_cm3) == (group, density)


@pytest.mark.requirement("QUO-22")
@pytest.mark.parametrize("text", ["", "acier", "XYZ 9000", "C450", "C45 ou 316L", "voir note 3"])
def test_unknown_or_contradictory_text_never_gives_a_group(text: str) -> None:
    match = identify(text)
    assert match.group is None
    assert len(match.proposals) <= 3


def test_proposals_for_a_family_word() -> None:
    assert "C45E" in identify("acier").proposals


def test_stock_names_match_drawing_names() -> None:
    assert same_material("C45E", "XC48")
    assert not same_material("C45E", "42CrMo4")
    assert same_material("Alliage maison", "alliage maison")


def test_tolerance_grades() -> None:
    assert it_value_mm(25, 7) == pytest.approx(0.021, abs=0.001)
    assert it_value_mm(100, 6) == pytest.approx(0.022, abs=0.001)
    assert [it_from_fit(f) for f in ("H7", "g6", "JS9", "H7/g6", "x")] == [7, 6, 9, 7, None]
    assert it_from_width(40, 0.025) == 7
    assert it_from_width(40, 0.2) == 11
    assert it_from_width(40, 0.001) == 4
    assert [general_tolerance_it(t) for t in ("ISO 2768-fH", "ISO 2768-mK", "2768 - c", "")] == [
        11,
        13,
        15,
        13,
    ]


def test_thread_texts() -> None:
    assert parse_metric_thread("4x M6 - 6H") == (6.0, 1.0)
    assert parse_metric_thread("M20x1,5") == (20.0, 1.5)
    assert parse_metric_thread("M6 x 16 prof.") == (6.0, 1.0)
    assert parse_metric_thread("Ø20") is None


@pytest.mark.requirement("QUO-22")
def test_installed_materials_and_the_computation_share_one_table_of_grades() -> None:
    for seeded in seed_materials.GRADES:
        known = identify(seeded.en or seeded.code)
        assert known.grade is not None, seeded.code
        assert known.group is not None
        stated = [identify(text).group for text in (seeded.code, seeded.name)]
        assert seeded.group in {g.code for g in (known.group, *stated) if g is not None}, seeded.code
        assert float(seeded.density_g_cm3) == known.grade.density_g_cm3, seeded.code
    for code, group in seed_materials.GROUPS.items():
        own = GROUPS[code]
        figures = (own.density_g_cm3, own.kc11_n_mm2, own.mc, own.saw_cm2_min)
        assert figures == (float(group.density), group.kc11, float(group.mc), group.saw), code
