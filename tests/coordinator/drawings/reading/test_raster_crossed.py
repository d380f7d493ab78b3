"""Texts of scans which lines and arrows of the drawing cross."""

import cv2
import numpy as np
import pytest

from coordinator.modules.drawings.reading import slanted
from coordinator.modules.drawings.reading.crops import past_strokes, prepare
from coordinator.modules.drawings.reading.layout import TextBlock, make_dimension, read_block
from coordinator.modules.drawings.reading.ocr import Read
from coordinator.modules.drawings.reading.ocr_text import clean_text
from coordinator.modules.drawings.reading.page import Segment, Word
from coordinator.modules.drawings.reading.raster import _is_blot, _join_cut_deviations, _without_rivals
from coordinator.modules.drawings.reading.rows import _is_cut_short, _merit, _ordered, _row_text
from coordinator.modules.drawings.reading.strokes import outside_words
from coordinator.modules.drawings.reading.title_values import fact_in


def paper():
    return np.full((300, 600), 255, np.uint8)


def ring(image, middle, thickness=3):
    cv2.ellipse(image, middle, (9, 14), 0, 0, 360, 0, thickness)


@pytest.mark.requirement("DRW-18")
@pytest.mark.parametrize("width", [2, 4, 6])
@pytest.mark.parametrize("shift", [-2, 0, 3])
def test_a_nought_stays_whole_where_a_line_crosses_it(width, shift):
    image = paper()
    ring(image, (200, 150))
    cv2.line(image, (200 + shift, 40), (200 + shift, 260), 0, width)
    line = prepare(image, 255 - image, (184.0, 130.0, 216.0, 170.0))
    own = line.own()
    assert len(own) == 1
    assert own[0][2] - own[0][0] == pytest.approx(21, abs=2)
    # Away from the figure nothing of the line is left.
    assert line.picture[5:20].min() == 255


@pytest.mark.parametrize("upright", [True, False])
def test_a_line_beside_figures_leaves_nothing(upright):
    image = paper()
    ring(image, (200, 150))
    ends = ((214, 40), (214, 260)) if upright else ((100, 168), (400, 168))
    cv2.line(image, *ends, 0, 3)
    line = prepare(image, 255 - image, (184.0, 130.0, 212.0, 172.0))
    assert len(line.own()) == 1
    assert line.own()[0][2] <= 212


@pytest.mark.requirement("DRW-18")
def test_the_head_of_an_arrow_goes_with_its_line():
    image = paper()
    for x in (170, 235):
        ring(image, (x, 150))
    cv2.line(image, (202, 132), (202, 280), 0, 3)
    cv2.fillPoly(image, [np.array([(202, 128), (194, 168), (210, 168)])], 0)
    line = prepare(image, 255 - image, (150.0, 126.0, 255.0, 174.0))
    middles = [(g[0] + g[2]) / 2 for g in line.own() if g[3] - g[1] > 10]
    assert middles == pytest.approx([170, 235], abs=1.5)


@pytest.mark.parametrize("gap", [8, 11])
def test_a_box_goes_on_behind_the_line_which_ends_it(gap):
    image = paper()
    for x in (160, 185):
        ring(image, (x, 150))
    ring(image, (185 + 9 + gap + 9, 150))
    cv2.line(image, (185 + 9 + gap // 2, 40), (185 + 9 + gap // 2, 260), 0, 3)
    longer = past_strokes(prepare(image, 255 - image, (145.0, 130.0, 200.0, 170.0)))
    assert longer is not None
    assert longer[2] > 185 + 18 + gap + 9


@pytest.mark.parametrize("apart", [42, 60])
def test_figures_behind_a_gap_are_another_text(apart):
    """Neighbours of a chain of dimensions stand close to the extension line between them."""
    image = paper()
    for x in (160, 185, 185 + apart):
        ring(image, (x, 150))
    cv2.line(image, (185 + apart // 2, 40), (185 + apart // 2, 260), 0, 3)
    assert past_strokes(prepare(image, 255 - image, (145.0, 130.0, 200.0, 170.0))) is None


def word(text, u0, u1, **more):
    return Word(text, u0, u1, 100, 130, **{"confidence": 0.95, "source": "ocr", **more})


@pytest.mark.requirement("DRW-18")
@pytest.mark.parametrize(
    ("text", "upper"), [("25 ±02", 0.2), ("25 ± 005", 0.05), ("30 ± 0.1", 0.1), ("12 +01", 0.1)]
)
def test_a_hidden_point_of_a_deviation_is_written(text, upper):
    found = read_block(TextBlock([word(text, 10, 100)]))
    assert found is not None
    assert found.upper == pytest.approx(upper)


def test_what_was_set_right_is_left_to_be_checked():
    sure = {}
    for text in ("25 ±02", "25 ±0.2"):
        block = TextBlock([word(text, 10, 100, confidence=0.99)])
        sure[text] = make_dimension(block, read_block(block), "mm", 1, basic=False).confidence
    assert sure["25 ±02"] < 0.9 <= sure["25 ±0.2"]


def test_a_number_with_a_hyphen_has_no_hidden_point():
    found = read_block(TextBlock([word("12-034", 10, 100)]))
    assert found is None or found.upper is None


def test_a_text_layer_is_taken_as_it_is():
    found = read_block(TextBlock([word("25 ±02", 10, 100, source="text")]))
    assert found is not None
    assert found.upper == 2


@pytest.mark.parametrize(
    ("left", "right", "gap", "joined"),
    [
        ("25 ±0", "2", 14, "25 ±02"),
        ("15 ±", ".05", 45, "15 ±0.05"),
        ("18 ± 0.", "1", 10, "18 ± 0.1"),
        ("25 ±0", "2", 60, None),
        ("25", "2", 14, None),
        ("25 ±0.1", "2", 14, None),
    ],
)
def test_a_deviation_cut_in_two_is_one_text(left, right, gap, joined):
    texts = [w.text for w in _join_cut_deviations([word(left, 0, 100), word(right, 100 + gap, 115 + gap)])]
    assert texts == ([joined] if joined else [left, right])


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        ("+).05", "+0.05"),
        ("-001", "-0.01"),
        ("+C.02", "+0.02"),
        ("-0.03", "-0.03"),
        ("0", "0"),
        ("+1.2", "+1.2"),
    ],
)
def test_half_noughts_and_lost_points_of_small_rows(read, meant):
    assert _row_text(Read(read, 0.95), (0, 0, 40, 15)) == meant


def test_a_nought_beside_a_stroke_is_no_one():
    row = (100, 10, 140, 25)
    assert _row_text(Read("-1.03", 0.95), row, (114.0,)) == "-0.03"
    assert _row_text(Read("-1.03", 0.95), row, (138.0,)) == "-1.03"
    assert _row_text(Read("-1.3", 0.95), row, (114.0,)) == "-1.3"


@pytest.mark.parametrize(
    ("top", "bottom", "rows"),
    [
        ("+0.02", "0.03", ("+0.02", "-0.03")),
        ("+0.02", "-0.03", ("+0.02", "-0.03")),
        ("-0.03", "0", ("+0.03", "0")),
        ("+0.02", "+0.03", None),
        ("0.02", "0.03", None),
    ],
)
def test_a_lost_minus_is_written_where_the_upper_row_has_its_plus(top, bottom, rows):
    assert _ordered(top, bottom) == rows


def test_a_ring_left_open_by_a_line_is_a_nought():
    assert clean_text("10 ± C.1") == "10 ± 0.1"
    assert clean_text("C.1 REV C") == "C.1 REV C"


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("10 ± 0.1", "10 ± 9.1"),
        ("15 ± 0.1", "15 ± 0."),
        ("18.5", "318.5."),
        ("25 ± 0.2", "25 ±012"),
        ("25±02", "25±C2"),
    ],
)
def test_a_sound_tolerance_beats_a_spoilt_one(better, worse):
    assert _merit(Read(better, 0.92)) > _merit(Read(worse, 0.97))


def test_a_letter_cut_down_to_a_stroke_is_read_with_its_line():
    assert _is_cut_short("ISO 2768-ml", "ISO 2768-mK")
    assert not _is_cut_short("ISO 2768-mK", "ISO 2768-ml")
    assert not _is_cut_short("25l", "257")


@pytest.mark.requirement("DRW-19")
@pytest.mark.parametrize("text", ["Tol. ISO 2768-mk", "ISO 2768-mK", "ISO 2768 mk"])
def test_the_class_of_general_tolerances_has_a_capital(text):
    assert fact_in("general_tolerance", text).endswith("mK")


def test_bars_of_letters_in_a_row_are_no_rule():
    bar, rule = Segment(102, 103, 145, 103), Segment(60, 140, 400, 140)
    assert outside_words([bar, rule], [word("TITLE:", 100, 180)]) == [rule]
    assert outside_words([bar], [word("TITLE:", 100, 180, confidence=0.4)]) == [bar]


def test_the_head_of_an_arrow_is_no_figure():
    image = paper()
    cv2.fillPoly(image, [np.array([(110, 100), (102, 130), (118, 130)])], 0)
    cv2.rectangle(image, (205, 100), (210, 130), 0, -1)
    ink = 255 - image
    assert _is_blot(word("1", 102, 119), ink)
    assert not _is_blot(word("1", 203, 212), ink)
    assert not _is_blot(word("A", 102, 119), ink)


def test_a_figure_before_its_deviations_goes_their_way():
    """An 8 looks alike level and upright."""
    level, behind = word("8", 100, 120), [word("+0.02", 128, 180), word("-0.03", 128, 180)]
    upright = Word("8", -130, -100, 100, 120, 90.0, 1.0, "ocr")
    assert level in _without_rivals([upright, level, *behind])


@pytest.mark.requirement("DRW-18")
def test_slanted_deviations_lie_as_their_size(monkeypatch):
    read = []
    monkeypatch.setattr(slanted, "_read_one_slanted", lambda _i, _k, _q, angle: read.append(angle) or [])
    turn = np.radians(-40)
    way = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])

    def box(u0, u1, v0, v1, more=0.0):
        corners = np.array([(u0, v0), (u1, v0), (u1, v1), (u0, v1)], dtype=float)
        middle, extra = corners.mean(axis=0), np.radians(more)
        tilt = np.array([[np.cos(extra), -np.sin(extra)], [np.sin(extra), np.cos(extra)]])
        return ((corners - middle) @ tilt + middle) @ way + (150, 250)

    ink = np.zeros((400, 500), np.uint8)
    ends = (np.array([(0, 40), (250, 40)], dtype=float) @ way + (150, 250)).round().astype(int)
    cv2.line(ink, tuple(map(int, ends[0])), tuple(map(int, ends[1])), 255, 3)
    slanted.read_slanted(ink, ink, [box(110, 150, -10, 5, more=6), box(10, 100, 0, 30)])
    assert len(read) == 2
    assert read[0] == read[1]
    assert read[0] == pytest.approx(40, abs=1.5)
