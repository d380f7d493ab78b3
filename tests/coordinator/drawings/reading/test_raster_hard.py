"""Hard scans: blueprints, frames of small letters on large sheets, texts cut by strokes, two recognisers which agree."""

import cv2
import numpy as np
import pytest

from coordinator.modules.drawings.reading import raster
from coordinator.modules.drawings.reading.box_cuts import cut_at_rules
from coordinator.modules.drawings.reading.interpret import interpret
from coordinator.modules.drawings.reading.model import DrawingReading
from coordinator.modules.drawings.reading.ocr import Read, _better
from coordinator.modules.drawings.reading.page import Page, Segment, Word
from coordinator.modules.drawings.reading.raster import _is_blot, _join_cut_deviations, read_page_image
from coordinator.modules.drawings.reading.rows import _lost_figures
from coordinator.modules.drawings.reading.strokes import find_box_sides, find_rules, is_light_on_dark


def drawn(ground, line, noise=0.0):
    """A sheet with a border, a part and some letters."""
    image = np.full((900, 1200), ground, np.uint8)
    cv2.rectangle(image, (40, 40), (1160, 860), line, 3)
    cv2.circle(image, (500, 400), 150, line, 2)
    cv2.putText(image, "25 H7  R12.5", (700, 500), cv2.FONT_HERSHEY_SIMPLEX, 1.0, line, 2)
    grain = np.random.default_rng(3).normal(0, noise, image.shape) if noise else 0
    return np.clip(image + grain, 0, 255).astype(np.uint8)


@pytest.mark.requirement("DRW-11")
@pytest.mark.parametrize(
    ("ground", "line", "dark"),
    [
        (110, 245, True),
        (60, 200, True),
        (10, 255, True),
        (255, 0, False),
        (120, 40, False),
        (240, 190, False),
    ],
)
def test_light_lines_on_a_dark_ground_are_seen_however_bright_the_ground(ground, line, dark):
    assert is_light_on_dark(drawn(ground, line, noise=6)) is dark


def test_a_photo_with_a_dark_table_around_is_no_blueprint():
    image = np.full((1400, 1600), 50, np.uint8)
    image[250:1150, 200:1400] = drawn(225, 40)
    assert not is_light_on_dark(image)


class SeenError(Exception):
    """Ends the reading once the picture has been prepared."""


@pytest.mark.requirement("DRW-11")
@pytest.mark.parametrize(("ground", "line"), [(110, 245), (240, 20)])
def test_every_page_is_read_as_dark_lines_on_light_paper(monkeypatch, ground, line):
    seen = []

    def stop(image):
        seen.append(image)
        raise SeenError

    monkeypatch.setattr(raster, "stand_upright", stop)
    with pytest.raises(SeenError):
        read_page_image(drawn(ground, line), 1, (1200, 900), DrawingReading(file="x", kind="pdf", pages=1))
    assert np.median(seen[0]) > seen[0].mean() > 100


FRAME = [(400, 300), (445, 300), (560, 300)]  # upright sides of a frame of two cells


def framed():
    """A sheet of 3000 pixels whose frame is lower than its shortest rule."""
    ink = np.zeros((2000, 3000), np.uint8)
    for x, y in FRAME:
        cv2.line(ink, (x, y), (x, y + 31), 255, 2)
    for y in (300, 331):
        cv2.line(ink, (400, y), (560, y), 255, 2)
    # The stem of a letter which stands in the second cell.
    cv2.line(ink, (480, 306), (480, 325), 255, 2)
    return ink


@pytest.mark.requirement("DRW-19")
def test_sides_of_a_low_frame_stand_between_its_level_rules():
    ink = framed()
    rules = find_rules(ink)
    assert not [rule for rule in rules if rule.is_vertical]
    sides = find_box_sides(ink, rules, 18.0)
    assert sorted(side.x0 for side in sides) == pytest.approx([401, 446, 561], abs=3)


@pytest.mark.requirement("DRW-19")
@pytest.mark.parametrize("grown", [1, 4])
def test_a_box_over_two_cells_of_a_frame_is_cut_between_them(grown):
    ink = framed()
    rules = find_rules(ink)
    rules += find_box_sides(ink, rules, 18.0)
    x0, y0, x1, y1 = 405, 300 - grown, 555, 331 + grown
    box = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=float)
    left, right = cut_at_rules([box], rules)
    assert left[:, 0].max() <= 446 <= right[:, 0].min()


def test_the_stem_of_a_letter_cuts_no_box():
    stem = [Segment(450.0, 310.0, 450.0, 331.0), Segment(400.0, 331.0, 560.0, 331.0)]
    box = np.array([(405, 306), (555, 306), (555, 334), (405, 334)], dtype=float)
    assert len(cut_at_rules([box], stem)) == 1


@pytest.mark.requirement("DRW-18")
@pytest.mark.parametrize("heading", [["Rep", "A", "B"], ["Nr", "L1", "D"]])
def test_a_table_of_three_columns_keeps_its_heading(heading):
    rows = [heading, ["1", "12,5", "40"], ["2", "16", "55"]]
    page = Page(1, 1400, 1000)
    page.words = [
        Word(text, 110 + 100 * c, 110 + 100 * c + 9 * len(text), 110 + 30 * r, 122 + 30 * r, 0.0, 0.9, "ocr")
        for r, texts in enumerate(rows)
        for c, text in enumerate(texts)
        if (r, c) != (1, 0)  # a scan lost one cell
    ]
    xs, ys = [100, 200, 300, 400], [100, 130, 160, 190]
    page.segments = [Segment(x, ys[0], x, ys[-1]) for x in xs] + [Segment(xs[0], y, xs[-1], y) for y in ys]
    reading = DrawingReading(file="x", kind="raster", pages=1)
    interpret(reading, [page])
    assert [dimension.text for dimension in reading.dimensions] == []


def upright(text, box):
    return Word(text, box[0], box[2], box[1], box[3], 0.0, 0.99, "ocr")


@pytest.mark.requirement("DRW-18")
def test_a_thick_nought_is_a_figure_an_arrow_head_is_none():
    ink = np.zeros((100, 200), np.uint8)
    cv2.ellipse(ink, (40, 50), (11, 14), 0, 0, 360, 255, 9)
    cv2.fillPoly(ink, [np.array([(120, 30), (110, 70), (130, 70)])], 255)
    assert not _is_blot(upright("0", (22, 30, 58, 70)), ink)
    assert _is_blot(upright("11", (105, 28, 135, 72)), ink)
    assert _is_blot(upright("4", (105, 28, 135, 72)), ink)


def placed(text, u0, u1):
    return Word(text, u0, u1, 100, 130, 0.0, 0.98, "ocr")


@pytest.mark.requirement("DRW-18")
@pytest.mark.parametrize(
    ("left", "right", "gap", "joined"),
    [
        ("4,2", "f7", 26, "4,2f7"),
        ("Ø19,8", "js9", 20, "Ø19,8js9"),
        ("13", "±0.3", 20, "13 ±0.3"),
        ("2x Ø12", "H8", 12, "2x Ø12H8"),
        ("4,2", "f7", 45, None),
        ("4,2", "12", 20, None),
        ("4,2 ±0,1", "f7", 20, None),
        ("SECTION", "H8", 20, None),
    ],
)
def test_a_tolerance_behind_a_stroke_belongs_to_the_size_before_it(left, right, gap, joined):
    words = [placed(left, 100, 160), placed(right, 160 + gap, 190 + gap)]
    found = [word.text for word in _join_cut_deviations(words)]
    assert found == ([joined] if joined else [left, right])


@pytest.mark.requirement("DRW-11")
def test_what_two_recognisers_read_alike_is_as_sure_as_the_surer():
    assert _better(Read("6.8", 0.7), Read("6,8", 0.85)) == Read("6.8", 0.85)
    assert _better(Read("41,7", 0.7), Read("47,7", 0.85)) == Read("41,7", 0.7)


@pytest.mark.parametrize(
    ("clean", "raw", "lost"),
    [("8", "6.8", True), ("25", "125", False), ("25", "25", False), ("25", "257", False), ("Ø3", "Ø34", True), ("", "12", False)],
)  # fmt: skip
def test_erasing_strokes_takes_no_figure_along(clean, raw, lost):
    assert _lost_figures(clean, raw) is lost
