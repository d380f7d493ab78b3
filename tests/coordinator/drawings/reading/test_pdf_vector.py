"""Vector PDFs the way different CAD systems write them: the same sizes must come out."""

import math

import pytest

from coordinator.modules.drawings.reading.model import Limits
from coordinator.modules.drawings.reading.pdf import read_pdf

from .small_pdf import SmallPdf


def read(pdf, path, **options):
    return read_pdf(pdf.write(path / "plan.pdf", **options), Limits())


def facts(reading):
    return sorted((d.kind, d.nominal, d.upper, d.lower, d.fit, d.count) for d in reading.dimensions)


def plain_sheet():
    pdf = SmallPdf()
    pdf.text(60, 380, "DIMENSIONS IN MM", 8)
    pdf.text(100, 300, "4x Ø6,6 H13")
    pdf.text(300, 300, "25,4")
    pdf.text(324, 304, "+0,1", 6)
    pdf.text(324, 297, "-0,2", 6)
    pdf.text(200, 200, "R12 max.", angle=90)
    pdf.text(400, 150, "1x45°", angle=30)
    return pdf


SHEET = [("chamfer", 1.0, None, None, None, 1), ("diameter", 6.6, None, None, "H13", 4), ("linear", 25.4, 0.1, -0.2, None, 1),
         ("radius", 12.0, None, None, None, 1)]  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rotate": 90},
        {"rotate": 180},
        {"rotate": 270},
        {"crop": (37.0, -21.0)},
        {"crop": (50.0, 80.0), "rotate": 90},
        {"in_form": True},
    ],
)
@pytest.mark.requirement("DRW-18")
def test_sizes_do_not_depend_on_how_the_page_is_stored(tmp_path, options):
    assert facts(read(plain_sheet(), tmp_path, **options)) == SHEET


def test_boxes_count_from_the_top_left_of_the_shown_sheet(tmp_path):
    shown = {}
    for rotate in (0, 90):
        reading = read(plain_sheet(), tmp_path, rotate=rotate, crop=(20.0, 10.0))
        shown[rotate] = next(d.bbox for d in reading.dimensions if d.fit == "H13")
    x0, y0, x1, y1 = shown[0]
    assert 100 <= x0 < 103
    assert 420 - 300 - 9 < y0 < y1 < 420 - 300 + 1
    # Turned clockwise by 90°, the sheet is 420 wide: (x, y) becomes (420 - y, x).
    assert shown[90] == pytest.approx((420 - y1, x0, 420 - y0, x1), abs=0.6)


def test_letters_of_a_gdt_font_are_signs(tmp_path):
    pdf = SmallPdf()
    pdf.text(60, 380, "DIMENSIONS IN MM", 8)
    pdf.text(100, 300, "2x ")
    pdf.text(114, 300, "n", font="F2")
    pdf.text(122, 300, "8,5 THRU")
    pdf.text(100, 286, "v", font="F2")
    pdf.text(108, 286, "n", font="F2")
    pdf.text(116, 286, "14")
    pdf.text(130, 286, "x", font="F2")
    pdf.text(138, 286, "5")
    (hole,) = read(pdf, tmp_path).dimensions
    assert (hole.kind, hole.nominal, hole.count) == ("diameter", 8.5, 2)
    assert hole.text == "2x Ø8,5 THRU ⌴ Ø14 ↧ 5"


def test_characters_placed_one_by_one_and_words_placed_apart(tmp_path):
    pdf = SmallPdf()
    pdf.text(60, 380, "DIMENSIONS IN MM", 8)
    for index, char in enumerate("125,75"):
        pdf.text(100 + 6 * index, 300, char, font="F3")
    pdf.text(300, 300, "10")
    pdf.text(340, 300, "20")
    assert facts(read(pdf, tmp_path)) == [
        ("linear", 10.0, None, None, None, 1), ("linear", 20.0, None, None, None, 1), ("linear", 125.75, None, None, None, 1),
    ]  # fmt: skip


def test_text_written_twice_for_bold_counts_once(tmp_path):
    pdf = SmallPdf()
    pdf.text(60, 380, "DIMENSIONS IN MM", 8)
    pdf.text(100, 300, "42,5")
    pdf.text(100.2, 300, "42,5")
    assert facts(read(pdf, tmp_path)) == [("linear", 42.5, None, None, None, 1)]


def test_comments_over_plotted_shx_text_are_read(tmp_path):
    pdf = SmallPdf()
    pdf.text(60, 380, "DIMENSIONS IN MM", 8)
    pdf.shx(100, 300, 150, 307, "4x %%c6.5")
    pdf.shx(300, 200, 307, 240, "125.5")
    pdf.annotations.append(
        "<< /Type /Annot /Subtype /Square /T (Reviewer) /Rect [9 9 40 20] /Contents (77.7) >>"
    )
    reading = read(pdf, tmp_path)
    assert facts(reading) == [("diameter", 6.5, None, None, None, 4), ("linear", 125.5, None, None, None, 1)]


def draw_hole_sign(pdf, sign, x, y, size):
    strokes = {
        "⌴": [[(0, 0.7), (0, 0), (0.7, 0), (0.7, 0.7)]],
        "⌵": [[(0, 0.7), (0.35, 0), (0.7, 0.7)]],
        "↧": [[(0, 0.72), (0.6, 0.72)], [(0.3, 0.72), (0.3, 0)], [(0.15, 0.25), (0.3, 0), (0.45, 0.25)]],
    }[sign]
    for stroke in strokes:
        pdf.lines(*((x + u * size, y + v * size) for u, v in stroke))


@pytest.mark.parametrize(("sign", "kind"), [("⌴", "diameter"), ("⌵", "diameter"), ("↧", "depth")])
def test_hole_signs_drawn_as_strokes(tmp_path, sign, kind):
    pdf = SmallPdf()
    pdf.text(60, 380, "DIMENSIONS IN MM", 8)
    draw_hole_sign(pdf, sign, 100, 300, 10)
    pdf.text(110, 300, "11,5")
    (found,) = read(pdf, tmp_path).dimensions
    assert (found.text, found.kind) == (f"{sign} 11,5", kind)


def frame(pdf, x, y, cells, width=24):
    for index, cell in enumerate(cells):
        pdf.box(x + index * width, y, x + (index + 1) * width, y + 15)
        if cell:
            pdf.text(x + index * width + 3, y + 4, cell, 9)


@pytest.mark.requirement("DRW-19")
def test_control_frame_with_a_drawn_sign(tmp_path):
    pdf = SmallPdf()
    pdf.text(60, 380, "DIMENSIONS IN MM", 8)
    frame(pdf, 100, 300, ["", "Ø0,1", "A", "B-C"])
    for a, b in (((105, 303), (119, 303)), ((112, 303), (112, 313))):
        pdf.lines(a, b)
    frame(pdf, 300, 300, ["", "0,05"])
    pdf.lines(
        *(
            (312 + 4 * math.cos(step / 12 * math.pi), 307.5 + 4 * math.sin(step / 12 * math.pi))
            for step in range(25)
        )
    )
    reading = read(pdf, tmp_path)
    assert reading.dimensions == []
    assert sorted(
        (t.characteristic, t.value, t.datums, t.modifiers) for t in reading.geometric_tolerances
    ) == [
        ("circularity", 0.05, [], []),
        ("perpendicularity", 0.1, ["A", "B-C"], ["Ø"]),
    ]


def test_exact_sizes_datum_letters_and_tables(tmp_path):
    pdf = SmallPdf()
    pdf.text(60, 380, "DIMENSIONS IN MM", 8)
    pdf.box(97, 297, 125, 312)
    pdf.text(100, 300, "38,5")
    pdf.box(200, 297, 214, 312)
    pdf.text(204, 300, "A")
    for row in range(2):
        frame(pdf, 300, 200 - 15 * row, ["1", "12,5", "30", "8"])
    reading = read(pdf, tmp_path)
    assert [(d.nominal, d.basic) for d in reading.dimensions] == [(38.5, True)]
    assert reading.geometric_tolerances == []


@pytest.mark.requirement("DRW-20")
def test_bare_roughness_over_its_check_mark_is_no_size(tmp_path):
    pdf = SmallPdf()
    pdf.text(60, 380, "DIMENSIONS IN MM", 8)
    pdf.lines((195, 308.7), (200, 300), (210, 317.3))
    pdf.text(193, 310.5, "1,6", 7)
    pdf.text(300, 300, "1,6")
    reading = read(pdf, tmp_path)
    assert [(t.parameter, t.value_um) for t in reading.surface_textures] == [("Ra", 1.6)]
    assert [d.nominal for d in reading.dimensions] == [1.6]


def test_size_in_two_units_is_one_dimension(tmp_path):
    pdf = SmallPdf()
    pdf.text(60, 380, "DIMENSIONS IN MM", 8)
    pdf.text(100, 300, "25,4")
    pdf.text(98, 286, "[1,000]")
    pdf.text(300, 300, "(12,5)")
    pdf.text(300, 286, "30")
    found = {d.text: (d.nominal, d.reference) for d in read(pdf, tmp_path).dimensions}
    assert found == {"25,4 [1,000]": (25.4, False), "(12,5)": (12.5, True), "30": (30.0, False)}


def circle(pdf, x, y, radius):
    angles = [2 * math.pi * step / 24 for step in range(25)]
    pdf.lines(*[(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles])


@pytest.mark.parametrize("letter", ["M", "L"])
@pytest.mark.parametrize("stroked", [False, True])
@pytest.mark.requirement("DRW-19")
def test_a_letter_in_a_drawn_circle_is_a_modifier(tmp_path, letter, stroked):
    pdf = SmallPdf()
    pdf.text(40, 380, "DIMENSIONS IN MM", 8)
    for left, right in ((100, 120), (120, 180), (180, 200)):
        pdf.box(left, 200, right, 216)
    circle(pdf, 110, 208, 4)
    pdf.lines((104, 208), (116, 208))
    pdf.lines((110, 202), (110, 214))
    pdf.text(124, 204, "Ø0,1")
    circle(pdf, 160, 208, 5.5)
    if stroked:
        strokes = {
            "M": [(-3, -3.2), (-3, 3.2), (0, -1), (3, 3.2), (3, -3.2)],
            "L": [(-2, 3.2), (-2, -3.2), (2.2, -3.2)],
        }
        pdf.lines(*[(160 + x, 208 + y) for x, y in strokes[letter]])
    else:
        pdf.text(156.7, 205.2, letter, 8)
    pdf.text(187, 204, "A")
    (frame,) = read(pdf, tmp_path).geometric_tolerances
    assert (frame.characteristic, frame.value, frame.datums) == ("position", 0.1, ["A"])
    assert frame.modifiers == ["Ø", {"M": "Ⓜ", "L": "Ⓛ"}[letter]]


@pytest.mark.requirement("DRW-11")
def test_equal_figures_of_slanted_text_set_letter_by_letter_are_not_taken_for_a_shadow(tmp_path):
    pdf = plain_sheet()
    others = facts(read(pdf, tmp_path))
    step = 10 * 0.556 * math.sqrt(0.5)
    for start, letters in ((100, "Ø22"), (200, "4x111")):
        for place, letter in enumerate(letters):
            pdf.text(start + step * place, 100 + step * place, letter, angle=45)
    pdf.text(300, 200, "7", angle=45)
    pdf.text(300.3, 200, "7", angle=45)
    added = [fact for fact in facts(read(pdf, tmp_path)) if fact not in others]
    assert sorted((nominal, count) for _, nominal, *_, count in added) == [(7.0, 1), (22.0, 1), (111.0, 4)]
