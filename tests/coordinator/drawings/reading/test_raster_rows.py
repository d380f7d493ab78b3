"""Lines of text in scans: strokes erased, deviations found by their rows, signs repaired."""

import cv2
import numpy as np
import pytest

from coordinator.modules.drawings.reading.box_cuts import cut_at_rules
from coordinator.modules.drawings.reading.crops import around, find_stacked, prepare
from coordinator.modules.drawings.reading.ocr_text import clean_text
from coordinator.modules.drawings.reading.orientation import way_back
from coordinator.modules.drawings.reading.page import Segment, Word
from coordinator.modules.drawings.reading.raster import _join_targets
from coordinator.modules.drawings.reading.rows import find_overlooked, with_point
from coordinator.modules.drawings.reading.scribbles import find_scribbles
from coordinator.modules.drawings.reading.strokes import add_diameter_signs, binarise


def sheet(*boxes):
    """A white picture with black blocks, one per glyph, and its ink."""
    image = np.full((300, 600), 255, np.uint8)
    for x0, y0, x1, y1 in boxes:
        image[y0:y1, x0:x1] = 0
    return image, 255 - image


SIZE = [(100, 140, 118, 170), (122, 140, 140, 170)]


@pytest.mark.requirement("DRW-18")
@pytest.mark.parametrize("height", [15, 20, 28])
def test_rows_behind_a_size_are_its_deviations(height):
    top, bottom = 153 - height, 157
    rows = [(x, y, x + height * 2 // 3, y + height) for y in (top, bottom) for x in (150, 150 + height)]
    line = prepare(*sheet(*SIZE, *rows), (95.0, 135.0, 145.0, 176.0))
    stacked = find_stacked(line)
    assert stacked is not None
    assert stacked.main == around(SIZE)
    assert stacked.top == around(rows[:2])
    assert stacked.bottom == around(rows[2:])


def test_arrow_beside_the_lower_row_does_not_join_it():
    rows = [(150, 136, 160, 151), (150, 158, 160, 173)]
    arrow = (166, 177, 200, 183)
    stacked = find_stacked(prepare(*sheet(*SIZE, *rows, arrow), (95.0, 135.0, 145.0, 176.0)))
    assert stacked is not None
    assert stacked.bottom == rows[1]


def test_a_plain_size_has_no_rows():
    point, last = (144, 164, 150, 170), (154, 140, 172, 170)
    assert find_stacked(prepare(*sheet(*SIZE, point, last), (95.0, 135.0, 178.0, 176.0))) is None


def test_close_frame_and_dimension_line_are_erased():
    image, _ = sheet(*SIZE)
    cv2.rectangle(image, (96, 134), (144, 176), 0, 2)
    cv2.line(image, (0, 134), (599, 134), 0, 2)
    line = prepare(image, 255 - image, (92.0, 130.0, 148.0, 180.0))
    assert line.has_strokes
    assert line.own() == SIZE


def test_dashes_of_a_centre_line_are_not_part_of_the_text():
    dash = (60, 154, 90, 157)
    line = prepare(*sheet(dash, *SIZE), (55.0, 135.0, 145.0, 176.0))
    assert line.own() == SIZE


def test_figures_which_detection_missed_are_found():
    _, ink = sheet(*SIZE, (400, 40, 418, 70), (422, 40, 440, 70))
    found = find_overlooked(ink, [(90.0, 130.0, 150.0, 180.0)], 30.0)
    assert len(found) == 1
    assert found[0][:, 0].min() < 400
    assert found[0][:, 0].max() > 440


def test_decimal_point_seen_in_the_picture_is_written():
    point = (119, 166, 121, 170)
    assert with_point(sorted([*SIZE, point]), "16") == "1.6"
    assert with_point(SIZE, "16") == "16"


@pytest.mark.requirement("DRW-11")
@pytest.mark.parametrize(
    ("read", "written"),
    [("-029", "Ø29"), ("(064)", "(Ø64)"), ("00,01", "Ø0,01"), ("2x018", "2xØ18"), ("174-20 UNC", "1/4-20 UNC"),
     ("∨ Ø20 x 90°", "⌵ Ø20 x 90°"), ("--Ø36.4--", "Ø36.4"), ("-0.05", "-0.05"), ("104-2", "104-2"), ("--01.443 MAX", "Ø1.443 MAX"), ("4xM6 T 12", "4xM6 ↧ 12")],
)  # fmt: skip
def test_what_recognition_confuses(read, written):
    assert clean_text(read) == written


def test_datum_target_is_one_entry():
    size = Word("Ø550", 100, 190, 100, 140)
    name = Word("A3", 120, 170, 155, 195)
    elsewhere = Word("B1", 400, 440, 155, 195)
    assert [word.text for word in _join_targets([size, name, elsewhere])] == ["B1", "Ø550 A3"]


@pytest.mark.requirement("DRW-18")
def test_deviations_in_tall_parentheses_stand_over_the_level_of_the_size():
    rows = [(170, y, 190, y + 30) for y in (105, 140)] + [(194, y, 214, y + 30) for y in (105, 140)]
    stacked = find_stacked(prepare(*sheet(*SIZE, *rows), (95.0, 135.0, 222.0, 176.0)))
    assert stacked is not None
    assert stacked.main == around(SIZE)
    assert stacked.top == around([rows[0], rows[2]])
    assert stacked.bottom == around([rows[1], rows[3]])


def test_comma_of_the_upper_row_hangs_into_the_lower_one():
    top = [(150, 130, 164, 150), (168, 144, 172, 156), (176, 130, 190, 150)]
    bottom = [(150, 153, 164, 173), (168, 167, 172, 179), (176, 153, 190, 173)]
    stacked = find_stacked(prepare(*sheet(*SIZE, *top, *bottom), (95.0, 135.0, 145.0, 176.0)))
    assert stacked is not None
    assert (stacked.top, stacked.bottom) == (around(top), around(bottom))


def test_grey_text_beside_black_strokes_is_ink():
    image = np.full((400, 400), 245, np.uint8)
    image[300:390, 20:380] = 0
    image[100:130, 100:104] = 150
    ink = binarise(image)
    assert ink[115, 102] == 255
    assert ink[115, 150] == 0


@pytest.mark.parametrize(("rules", "pieces"), [([80.0, 140.0], 2), ([140.0], 1)])
def test_boxes_are_cut_in_cells_only(rules, pieces):
    box = np.array([(100, 100), (300, 100), (300, 120), (100, 120)], dtype=float)
    strokes = [Segment(200, 40, 200, 180), *(Segment(50, y, 350, y) for y in rules)]
    assert len(cut_at_rules([box], strokes)) == pieces


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_sheet_leads_back_to_its_file(quarters):
    image = np.arange(12).reshape(3, 4)
    turned = np.rot90(image, quarters)
    for y, x in np.ndindex(turned.shape):
        back = way_back(quarters, 4, 3) @ (x, y, 1)
        assert image[int(back[1]), int(back[0])] == turned[y, x]


def test_ink_as_wide_as_a_signature_is_a_mark_and_text_is_none():
    _, ink = sheet(*SIZE, (300, 140, 318, 170))
    cv2.polylines(ink, [np.array([(400 + 12 * i, 150 + 14 * (i % 2)) for i in range(9)])], False, 255, 2)
    marks = find_scribbles(ink, [Word("12", 100, 140, 140, 170)])
    assert len(marks) == 1
    assert 395 < marks[0].box[0] < marks[0].box[2] < 505


def test_a_nought_with_a_slash_is_no_diameter_sign():
    ink = np.zeros((100, 200), np.uint8)
    cv2.ellipse(ink, (60, 50), (11, 18), 0, 0, 360, 255, 2)
    cv2.line(ink, (52, 64), (68, 36), 255, 2)
    nought, size = Word("0", 48, 73, 31, 69), Word("25", 80, 120, 31, 69)
    assert [word.text for word in add_diameter_signs([nought], ink)] == ["0"]
    assert [word.text for word in add_diameter_signs([size], ink)] == ["Ø25"]
