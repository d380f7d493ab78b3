"""Rows which touch each other in low scans, values overlooked in cells, labels glued to their values."""

import cv2
import numpy as np
import pytest

from coordinator.modules.drawings.reading.cells import Grid
from coordinator.modules.drawings.reading.crops import find_stacked, prepare
from coordinator.modules.drawings.reading.dimension_text import parse_dimension
from coordinator.modules.drawings.reading.drawn_tables import find_table_blocks
from coordinator.modules.drawings.reading.layout import TextBlock, build_blocks, make_dimension
from coordinator.modules.drawings.reading.ocr_text import clean_text
from coordinator.modules.drawings.reading.page import Page, Segment, Word
from coordinator.modules.drawings.reading.piles import find_piles
from coordinator.modules.drawings.reading.projection_ink import find_symbol_strokes
from coordinator.modules.drawings.reading.rows import _ordered
from coordinator.modules.drawings.reading.slanted import angle_of_line_beside, read_slanted
from coordinator.modules.drawings.reading.strokes import find_rules, without_rules
from coordinator.modules.drawings.reading.title_pieces import view_title_block
from coordinator.modules.drawings.reading.unread_cells import find_unread_values

BOX = (95.0, 130.0, 330.0, 180.0)


def written(*texts):
    """A picture with texts (text, x, baseline, letter height) in a stroke font, and its ink."""
    image = np.full((300, 600), 255, np.uint8)
    for text, x, y, height in texts:
        cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, height / 21, 0, 2, cv2.LINE_AA)
    return image, np.where(image < 128, 255, 0).astype(np.uint8)


@pytest.mark.requirement("DRW-18")
def test_touching_deviations_are_cut_between_their_rows():
    image, ink = written(("36", 100, 166, 24), ("+0.18", 150, 154, 16), ("-0.05", 150, 170, 16))
    line = prepare(image, ink, BOX)
    assert find_stacked(line) is None
    (pile,) = find_piles(line)
    assert pile.touching
    assert pile.main is not None
    assert pile.main[2] < 150 <= pile.top[0]
    assert abs(pile.top[3] - 154) <= 2
    assert abs(pile.bottom[1] - 154) <= 3
    assert line.crop_apart(pile.top)[0].min() > 200, "the other row stands outside"


@pytest.mark.requirement("DRW-18")
@pytest.mark.parametrize("text", ["36.18", "36 H7", "4x M6", "R2.5", "12 +0.5"])
def test_one_row_is_no_pile(text):
    image, ink = written((text, 100, 166, 24))
    assert find_piles(prepare(image, ink, BOX)) == []


def test_upper_deviation_stands_above_the_lower_one():
    assert _ordered("+0,1", "-0,2") == ("+0,1", "-0,2")
    assert _ordered("-0,15", "0") == ("+0,15", "0")
    assert _ordered("-0,3", "+0,1") is None
    assert _ordered("0.00", "35.00") is None


def cell_page(words):
    image = np.full((1000, 1400), 255, np.uint8)
    for x0, y0, x1, y1 in ((900, 800, 1100, 860), (1100, 800, 1300, 860)):
        cv2.rectangle(image, (x0, y0), (x1, y1), 0, 2)
    cv2.putText(image, "Folio", (905, 818), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 0, 1)
    cv2.putText(image, "1/2", (920, 850), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 0, 2)
    cv2.putText(image, "Indice", (1105, 818), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 0, 1)
    ink = 255 - image
    page = Page(1, 1400, 1000, words=words)
    page.segments = find_rules(ink)
    return page, without_rules(ink, page.segments)


FOLIO = Word("Folio", 905, 950, 806, 818, 0.0, 0.95, "ocr")
INDICE = Word("Indice", 1105, 1155, 806, 818, 0.0, 0.95, "ocr")


@pytest.mark.requirement("DRW-16")
def test_ink_beside_a_label_is_read_once_more_but_no_empty_cell():
    page, clear = cell_page([FOLIO, INDICE])
    (quad,) = find_unread_values(page, clear)
    (x0, y0), (x1, y1) = quad.min(axis=0), quad.max(axis=0)
    assert 910 < x0 < 922
    assert 960 < x1 < 985
    assert y0 < 832
    assert y1 > 849
    known = Word("1/2", 920, 970, 830, 850, 0.0, 0.9, "ocr")
    page, clear = cell_page([FOLIO, INDICE, known])
    assert find_unread_values(page, clear) == []


@pytest.mark.requirement("DRW-16")
@pytest.mark.parametrize(
    ("text", "label", "value"),
    [
        ("FINISHBlack oxide", "surface_treatment", "Black oxide"),
        ("TITLEMotor mount", "part_name", "Motor mount"),
        ("KUNDENorton Ltd", "customer", "Norton Ltd"),
        ("PlanN°941791", "drawing_number", "941791"),
        ("Indice A", "revision", "A"),
    ],
)
def test_a_label_glued_to_its_value_is_cut(text, label, value):
    word = Word(text, 910, 1090, 822, 840, 0.0, 0.95, "ocr")
    page, _ = cell_page([word])
    (piece,) = view_title_block(page, build_blocks(page), Grid(page)).pieces
    assert (piece.label, piece.inline) == (label, value)


def test_a_name_with_capitals_inside_stays_one_word():
    page, _ = cell_page([Word("SolidWorks", 910, 1090, 822, 840, 0.0, 0.95, "ocr")])
    (piece,) = view_title_block(page, build_blocks(page), Grid(page)).pieces
    assert piece.text == "SolidWorks"


@pytest.mark.parametrize("text", ["1S0 2768-mK", "IS0 2768-mK", "lSO 2768-mK", "ISO 2768-mK"])
def test_the_name_of_the_standard_is_mended(text):
    assert clean_text(text) == "ISO 2768-mK"


def test_thick_rules_are_painted_out_whole():
    ink = np.zeros((800, 1000), np.uint8)
    cv2.line(ink, (100, 400), (800, 400), 255, 11)
    cv2.putText(ink, "A", (300, 380), cv2.FONT_HERSHEY_SIMPLEX, 1, 255, 2)
    clear = without_rules(ink, find_rules(ink))
    assert clear[390:412, 120:780].max() == 0
    assert clear[350:385, 295:330].max() == 255


@pytest.mark.requirement("DRW-17")
def test_projection_symbol_whose_axes_were_painted_out_is_found():
    ink = np.zeros((1000, 1400), np.uint8)
    for radius in (30, 15):
        cv2.circle(ink, (1000, 800), radius, 255, 3)
    corners = np.array([(850, 770), (920, 785), (920, 815), (850, 830)], np.int32)
    cv2.polylines(ink, [corners], True, 255, 3)
    cv2.line(ink, (960, 800), (1040, 800), 255, 2)
    cv2.line(ink, (1000, 760), (1000, 840), 255, 2)
    clear = ink.copy()
    clear[797:804, 955:1045] = 0
    clear[755:845, 997:1004] = 0
    marks, strokes = find_symbol_strokes(ink, clear)
    assert len(marks) == 2
    assert all(isinstance(stroke, Segment) for stroke in strokes)


def ruled(xs, ys):
    return [Segment(x, ys[0], x, ys[-1]) for x in xs] + [Segment(xs[0], y, xs[-1], y) for y in ys]


def words_in(rows):
    return [
        Word(text, 110 + 100 * column, 110 + 100 * column + 9 * len(text), 110 + 30 * row, 122 + 30 * row, 0.0, 0.9, "ocr")
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
    ]  # fmt: skip


@pytest.mark.requirement("DRW-18")
@pytest.mark.parametrize(
    ("rows", "tabled"),
    [([["Rep", "L"], ["1", "12,5"], ["2", "16"]], 6), ([["10", "12"], ["14", "12,5"]], 0), ([["Rep", "12,5", "16"]], 0)],
)  # fmt: skip
def test_rows_and_columns_with_a_heading_are_a_table(rows, tabled):
    page = Page(1, 1400, 1000, words=words_in(rows))
    xs = [100 + 100 * column for column in range(len(rows[0]) + 1)]
    page.segments = ruled(xs, [100 + 30 * row for row in range(len(rows) + 1)])
    blocks = build_blocks(page)
    assert len(find_table_blocks(blocks, Grid(page))) == tabled


def test_slanted_box_turns_to_the_dimension_line_beside_it():
    ink = np.zeros((400, 600), np.uint8)
    cv2.line(ink, (100, 300), (500, 200), 255, 2)
    box = np.array([(250, 220), (330, 215), (333, 245), (253, 250)], dtype=float)
    found = angle_of_line_beside(ink, box, 4.0)
    assert found == pytest.approx(14.0, abs=0.6)
    assert angle_of_line_beside(np.zeros_like(ink), box, 4.0) is None


def test_slanted_diameter_keeps_its_sign():
    image = np.full((500, 500), 255, np.uint8)
    cv2.circle(image, (170, 250), 17, 0, 3)
    cv2.line(image, (156, 274), (184, 226), 0, 3)
    cv2.putText(image, "38", (200, 266), cv2.FONT_HERSHEY_SIMPLEX, 1.5, 0, 3, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((250, 250), 30, 1.0)
    image = cv2.warpAffine(image, turn, (500, 500), borderValue=255)
    corners = np.array([(145, 222), (262, 222), (262, 278), (145, 278)], dtype=float)
    quad = corners @ turn[:, :2].T + turn[:, 2]
    words = read_slanted(image, 255 - image, [quad])
    assert "".join(word.text.replace(" ", "") for word in words) == "Ø38"


@pytest.mark.parametrize(
    ("text", "source", "doubtful"),
    [("10 ±9.1", "ocr", True), ("25 ±12", "outline", True), ("10 ±0.1", "ocr", False), ("10 ±9.1", "text", False),
     ("0.5 ±0.2", "ocr", False)],
)  # fmt: skip
@pytest.mark.requirement("DRW-18")
def test_a_tolerance_as_wide_as_its_size_is_left_to_a_person(text, source, doubtful):
    block = TextBlock([Word(text, 0, 40, 0, 10, source=source, confidence=0.95)])
    found = make_dimension(block, parse_dimension(text), "mm", 1, basic=False)
    assert (found.confidence < 0.6) is doubtful
