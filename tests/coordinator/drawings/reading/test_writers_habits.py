"""Habits of PDF writers and of draughtsmen that must not change what is read."""

import pytest

from coordinator.modules.drawings.reading.cells import Grid
from coordinator.modules.drawings.reading.dimension_text import parse_dimension
from coordinator.modules.drawings.reading.model import Limits
from coordinator.modules.drawings.reading.page import Page, Segment, Word
from coordinator.modules.drawings.reading.pdf import read_pdf
from coordinator.modules.drawings.reading.pdf_text import PageText, _guess_signs
from coordinator.modules.drawings.reading.symbols import recognise_symbol

from .small_pdf import SmallPdf


def read(pdf, path):
    return read_pdf(pdf.write(path / "plan.pdf"), Limits())


def test_soft_hyphens_of_a_font_are_hyphens(tmp_path):
    pdf = SmallPdf()
    for x, y, label, value in (
        (300, 60, "N° de plan", "AX\xad1042\xad03"),
        (300, 80, "Désignation", "Bride"),
    ):
        pdf.text(x, y, label, 6)
        pdf.text(x + 90, y, value, 8, font="F4")
        pdf.box(x - 5, y - 6, x + 85, y + 14)
        pdf.box(x + 85, y - 6, x + 220, y + 14)
    pdf.text(100, 300, "25,4")
    pdf.text(124, 304, "\xad0,1", 6, font="F4")
    pdf.text(124, 297, "\xad0,2", 6, font="F4")
    reading = read(pdf, tmp_path)
    assert reading.title_block["drawing_number"].value == "AX-1042-03"
    assert [(d.nominal, d.upper, d.lower) for d in reading.dimensions] == [(25.4, -0.1, -0.2)]


def test_limits_over_each_other_repeat_their_symbol(tmp_path):
    pdf = SmallPdf()
    pdf.text(60, 380, "DIMENSIONS IN MM", 8)
    pdf.text(100, 300, "Ø20.00")
    pdf.text(100, 286, "Ø19.97")
    pdf.text(300, 300, "Ø30")
    pdf.text(300, 286, "Ø12")
    found = sorted((d.nominal, d.upper, d.lower) for d in read(pdf, tmp_path).dimensions)
    assert [f for f in found if f[1] is not None] == [(20.0, 0.0, -0.03)]
    assert [f[0] for f in found] == [12.0, 20.0, 30.0]


def test_three_strokes_of_a_counterbore_are_no_plus_minus():
    counterbore = [[(0, 0), (0, 6)], [(0, 6), (8, 6)], [(8, 6), (8, 0)]]
    plus_minus = [[(0, 3), (6, 3)], [(3, 0), (3, 6)], [(0, 8), (6, 8)]]
    assert recognise_symbol(counterbore) is None
    assert recognise_symbol(plus_minus).text == "±"


def test_a_zone_mark_of_the_border_takes_no_wall_from_the_cell_above_it():
    rules = [
        (100, 100, 300, 100),
        (100, 140, 300, 140),
        (100, 100, 100, 140),
        (200, 100, 200, 140),
        (300, 100, 300, 140),
    ]
    mark = (199, 140, 199, 152)
    page = Page(1, 842, 595, segments=[Segment(*rule) for rule in [*rules, mark]])
    assert Grid(page).cell(150, 120) == pytest.approx((100, 100, 200, 140))


@pytest.mark.parametrize(
    ("text", "kind", "nominal", "count", "thread"),
    [
        ("4 taraudages M6 prof. 15", "thread", 6.0, 4, "M6"),
        ("4 alésages Ø8 H7", "diameter", 8.0, 4, None),
        ("6 Gewinde M8", "thread", 8.0, 6, "M8"),
        ("4X Ø.201 .75 DEEP 1/4-20 UNC-2B .50 DEEP", "diameter", 0.201, 4, "1/4-20 UNC-2B"),
        ("Ø5 ↧ 16 M6-6H ↧ 12", "diameter", 5.0, 1, "M6 -6H"),
        ("1,5xØ17", "linear", 1.5, 1, None),
        ("2xØ17", "diameter", 17.0, 2, None),
    ],
)
@pytest.mark.requirement("DRW-18")
def test_call_outs_in_words(text, kind, nominal, count, thread):
    found = parse_dimension(text)
    assert (found.kind, found.nominal, found.count, found.thread and found.thread.replace("M6-6H", "M6 -6H")) == (
        kind, nominal, count, thread,
    )  # fmt: skip


def test_m6_right_behind_a_size_is_its_fit():
    assert parse_dimension("Ø11 M6").fit == "M6"


@pytest.mark.requirement("DRW-16")
def test_surface_finish_names_a_coating_or_nothing(tmp_path):
    def sheet(value):
        pdf = SmallPdf()
        cells = (
            ("Drawing No.", "A-1042"),
            ("Title", "Bracket"),
            ("Material", "6061-T6"),
            ("Surface finish", value),
        )
        for row, (label, written) in enumerate(cells):
            pdf.box(300, 40 + 20 * row, 420, 60 + 20 * row)
            pdf.box(420, 40 + 20 * row, 580, 60 + 20 * row)
            pdf.text(305, 46 + 20 * row, label, 7)
            pdf.text(425, 46 + 20 * row, written, 8)
        return read(pdf, tmp_path).title_block["surface_treatment"]

    assert sheet("Black anodize").value == "Black anodize"
    assert sheet("Ra 3.2").status == "absent"


def test_signs_without_a_character_are_guessed_from_their_place():
    words = [Word("4x Ø6,6", 0, 50, 0, 10), Word("�", 0, 8, 20, 30), Word("Ø11", 10, 30, 20, 30), Word("�", 34, 42, 20, 30),
             Word("6,5", 45, 60, 20, 30), Word("�", 200, 208, 0, 10), Word("NOTE", 210, 240, 0, 10)]  # fmt: skip
    guessed = _guess_signs(words, PageText([], characters=200, unmapped=3))
    assert sorted((w.text, w.u0) for w in guessed if w.confidence < 1) == [("↧", 34), ("⌴", 0)]
    assert "�" not in {w.text for w in guessed}
    # Where much of a text has no meaning nothing is guessed.
    assert {w.confidence for w in _guess_signs(words, PageText([], characters=10, unmapped=3))} == {1.0}


def test_a_sign_without_a_character_is_no_depth_outside_a_call_out_of_a_hole():
    words = [Word("25", 0, 12, 0, 10), Word("�", 14, 20, 0, 10), Word("0,1", 22, 36, 0, 10)]
    guessed = _guess_signs(words, PageText([], characters=200, unmapped=1))
    assert [w.text for w in guessed] == ["25", "0,1"]


@pytest.mark.requirement("DRW-18")
def test_a_thread_under_its_drill_is_no_fit(tmp_path):
    pdf = SmallPdf()
    pdf.text(60, 380, "DIMENSIONS IN MM", 8)
    pdf.text(100, 300, "Ø6,8")
    pdf.text(100, 286, "M8")
    found = read(pdf, tmp_path).dimensions
    assert all(d.fit is None for d in found)
    assert {d.thread for d in found} - {None} == {"M8"}


def labelled_block(pdf, *extra):
    """Author, date and scale with labels in their cells, beside a wide cell without any label."""
    for y, label, value in ((100, "DRAWN BY", "J. Martin"), (70, "DATE", "11/08/2026"), (40, "SCALE", "1:2")):
        pdf.box(300, y - 4, 400, y + 24)
        pdf.text(304, y + 16, label, 5)
        pdf.text(304, y + 2, value, 8)
    pdf.box(400, 36, 570, 74)
    pdf.box(400, 74, 570, 124)
    for text, y, size in extra:
        pdf.text(410, y, text, size)
    pdf.text(100, 300, "25,4")
    return pdf


@pytest.mark.parametrize(
    ("lines", "name", "material"),
    [
        ([("Chape articulée", 100, 14), ("EN AW-6082 T6", 80, 9)], "Chape articulée", "EN AW-6082 T6"),
        ([("Chape articulée", 100, 8)], None, None),
        ([("PL-2041", 100, 14)], None, None),
        ([("42CrMo4", 100, 9), ("EN AW-6082 T6", 60, 9)], None, None),
        ([("TITLE", 110, 5), ("Axe", 95, 8), ("SOCIETE GENERALE", 50, 18)], "Axe", None),
    ],
)
@pytest.mark.requirement("DRW-16")
def test_name_and_material_without_label_in_a_labelled_block(tmp_path, lines, name, material):
    found = read(labelled_block(SmallPdf(), *lines), tmp_path).title_block
    assert (found["part_name"].value, found["material"].value) == (name, material)
    assert found["author"].value == "J. Martin"
