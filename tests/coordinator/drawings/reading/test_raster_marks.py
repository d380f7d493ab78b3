"""What is found in the ink of scans beside plain text: projection symbol, texts apart, touching rows, letters for figures."""

import cv2
import numpy as np
import pytest

from coordinator.modules.drawings.reading.crops import find_stacked, prepare
from coordinator.modules.drawings.reading.hole_signs import find_hole_signs
from coordinator.modules.drawings.reading.layout import TextBlock
from coordinator.modules.drawings.reading.model import Limits
from coordinator.modules.drawings.reading.ocr_text import clean_text
from coordinator.modules.drawings.reading.page import Page, Word
from coordinator.modules.drawings.reading.projection_ink import find_symbol_strokes
from coordinator.modules.drawings.reading.projection_symbol import find_projection_symbol
from coordinator.modules.drawings.reading.raster import read_raster
from coordinator.modules.drawings.reading.rows import cut_at_gaps, with_parentheses
from coordinator.modules.drawings.reading.title_pieces import _label_run_on


def symbol(*, third, mirrored=False, radius=22, thickness=2, noise=0):
    """The ink of a sheet with the projection symbol in a cell, its centre lines running to the rules of the cell."""
    image = np.full((400, 2000), 255, np.uint8)
    cv2.rectangle(image, (250, 150), (750, 150 + 3 * radius), 0, 2)
    x, y = 360, 150 + round(1.5 * radius)
    for ring in (radius, radius // 2):
        cv2.circle(image, (x, y), ring, 0, thickness)
    cv2.line(image, (x, y - round(1.5 * radius)), (x, y + round(1.5 * radius)), 0, 1)
    for start in range(x - 30, x + 180, 14):
        cv2.line(image, (start, y), (start + 9, y), 0, 1)
    near, far = x + 2 * radius, x + 5 * radius
    heights = {near: radius // 2, far: radius} if third else {near: radius, far: radius // 2}
    for at, half in heights.items():
        cv2.line(image, (at, y - half), (at, y + half), 0, thickness)
    for sign in (-1, 1):
        cv2.line(image, (near, y + sign * heights[near]), (far, y + sign * heights[far]), 0, thickness)
    if mirrored:
        image = np.ascontiguousarray(image[:, ::-1])
    specks = np.random.default_rng(7).integers(0, [[400], [2000]], size=(2, noise))
    image[specks[0], specks[1]] = 0
    return 255 - image


def method_in(ink):
    page = Page(1, ink.shape[1], ink.shape[0])
    page.marks, page.segments = find_symbol_strokes(ink, ink)
    found = find_projection_symbol(page)
    return found[0] if found else None


@pytest.mark.requirement("DRW-17")
@pytest.mark.parametrize("third", [False, True])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("radius", "thickness", "noise"), [(14, 1, 0), (22, 2, 200), (34, 3, 500)])
def test_projection_symbol_is_found_in_the_ink(third, mirrored, radius, thickness, noise):
    ink = symbol(third=third, mirrored=mirrored, radius=radius, thickness=thickness, noise=noise)
    # The cell and the centre line touch the rings: long rules are taken out before they are looked for.
    clear = ink.copy()
    clear[149:153] = clear[150 + 3 * radius - 2 : 150 + 3 * radius + 3] = 0
    page = Page(1, ink.shape[1], ink.shape[0])
    page.marks, page.segments = find_symbol_strokes(ink, clear)
    found = find_projection_symbol(page)
    assert found is not None
    assert found[0] == ("third" if third else "first")


def test_rings_without_a_cone_are_no_projection_symbol():
    image = np.full((400, 900), 255, np.uint8)
    for radius in (15, 30):
        cv2.circle(image, (300, 200), radius, 0, 2)
    cv2.rectangle(image, (360, 170), (460, 230), 0, 2)
    assert method_in(255 - image) is None


def glyphs_of(*boxes):
    image = np.full((300, 900), 255, np.uint8)
    for x0, y0, x1, y1 in boxes:
        image[y0:y1, x0:x1] = 0
    return image, 255 - image


def row(*starts, top=140, bottom=170, width=18):
    return [(x, top, x + width, bottom) for x in starts]


@pytest.mark.requirement("DRW-18")
def test_neighbouring_sizes_in_one_box_are_cut_apart():
    image, ink = glyphs_of(*row(100, 122, 144, 210, 232, 254))
    quad = np.array([(95, 134), (277, 134), (277, 176), (95, 176)], float)
    pieces = cut_at_gaps(quad, prepare(image, ink, (*quad[0], *quad[2])))
    assert len(pieces) == 2
    assert pieces[0][:, 0].max() < 190 < pieces[1][:, 0].min() + 10


def test_blanks_of_one_text_do_not_cut_it():
    image, ink = glyphs_of(*row(100, 122, 156, 178, 212, 234))
    quad = np.array([(95, 134), (257, 134), (257, 176), (95, 176)], float)
    assert len(cut_at_gaps(quad, prepare(image, ink, (*quad[0], *quad[2])))) == 1


def test_letters_of_even_pitch_are_not_cut_at_their_blanks():
    image, ink = glyphs_of(*row(100, 132, 196, 228, 260, 324, width=16))
    quad = np.array([(95, 134), (345, 134), (345, 176), (95, 176)], float)
    assert len(cut_at_gaps(quad, prepare(image, ink, (*quad[0], *quad[2])))) == 1


@pytest.mark.requirement("DRW-18")
def test_rows_which_touch_each_other_are_told_apart():
    size = row(100, 122)
    touching = [(150, 130, 162, 152), (154, 151, 158, 156), (150, 154, 162, 176), (168, 130, 180, 152)]
    stacked = find_stacked(prepare(*glyphs_of(*size, *touching), (95.0, 128.0, 185.0, 178.0)))
    assert stacked is not None
    assert stacked.top[3] < 158 < stacked.bottom[3]
    assert stacked.bottom[2] <= 162


@pytest.mark.requirement("DRW-18")
def test_lower_deviation_may_begin_with_its_sign_beneath_a_nought():
    nought, minus = (150, 126, 164, 148), (151, 162, 165, 165)
    lower = [(168, 152, 180, 175), (184, 152, 196, 175)]
    stacked = find_stacked(
        prepare(*glyphs_of(*row(100, 122), nought, minus, *lower), (95.0, 122.0, 200.0, 180.0))
    )
    assert stacked is not None
    assert stacked.top == nought
    assert stacked.bottom[0] == 151
    assert stacked.bottom[2] == 196


def test_a_wide_minus_sign_close_to_its_figure_stays():
    minus, figures = (100, 154, 126, 157), row(134, 156)
    line = prepare(*glyphs_of(minus, *figures), (95.0, 134.0, 180.0, 176.0))
    assert line.own()[0] == minus


def test_upright_parentheses_read_as_figures_are_told_by_their_height():
    tall = [(100.0, 136.0, 106.0, 174.0), *((float(x), 140.0, x + 16.0, 170.0) for x in (112, 132)), (154.0, 136.0, 160.0, 174.0)]  # fmt: skip
    assert with_parentheses(tall, "1321") == "(32)"
    even = [(g[0], 140.0, g[2], 170.0) for g in tall]
    assert with_parentheses(even, "1321") == "1321"


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        ("RI", "R1"), ("MI2x1,5", "M12x1,5"), ("I2,5", "12,5"), ("VI", "VI"), ("II", "II"),
        ("V 011 X 90°", "⌵ Ø11 X 90°"), ("6 trous 08,13", "6 trous Ø8,13"), ("auf Lk 054,1", "auf Lk Ø54,1"),
        ("8x.45°", "8x45°"), ("Ø21,66 x 90°", "⌵ Ø21,66 x 90°"), ("Rev 01", "Rev 01"), ("feuille 02 sur 03", "feuille 02 sur 03"), ("ISO 0,1", "ISO 0,1"),
    ],
)  # fmt: skip
def test_figures_and_signs_taken_for_letters_are_set_right(read, meant):
    assert clean_text(read) == meant


@pytest.mark.requirement("DRW-16")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Désignation Levier de commande", ("part_name", "Levier de commande")),
        ("Client ENSAM", ("customer", "ENSAM")),
        ("Dessiné par A. Lopez", ("author", "A. Lopez")),
        ("Oberflächenbehandlung Verzinkt", ("surface_treatment", "Verzinkt")),
        ("Client et fournisseur", None),
        ("Peinture RAL 7035", None),
        ("Surface finish", None),
    ],
)
def test_label_and_value_of_a_cell_read_as_one_text(text, expected):
    word = Word(text, 0, 300, 0, 20, 0.0, 0.9, "ocr")
    assert _label_run_on(TextBlock([word]).words[0], text) == expected
    assert _label_run_on(Word(text, 0, 300, 0, 20, 0.0, 0.9, "pdf"), text) is None


@pytest.mark.parametrize(("height", "thickness"), [(24, 2), (30, 3), (44, 4)])
def test_signs_of_counterbore_and_depth_are_told_by_their_strokes(height, thickness):
    image = np.full((200, 900), 255, np.uint8)
    h, base = height, 120

    def stroke(x0, y0, x1, y1):
        cv2.line(image, (round(x0), round(base - y0 * h)), (round(x1), round(base - y1 * h)), 0, thickness)

    x = 60
    for a in ((0, 0.7, 0, 0), (0, 0, 1.15, 0), (1.15, 0, 1.15, 0.7)):
        stroke(x + a[0] * h, a[1], x + a[2] * h, a[3])
    cv2.putText(image, "215", (x + 2 * h, base), cv2.FONT_HERSHEY_SIMPLEX, h / 21, 0, thickness)
    x += 5 * h
    for a in ((0, 1, 0.8, 1), (0.4, 1, 0.4, 0), (0.15, 0.32, 0.4, 0), (0.65, 0.32, 0.4, 0)):
        stroke(x + a[0] * h, a[1], x + a[2] * h, a[3])
    cv2.putText(image, "T85", (x + round(1.3 * h), base), cv2.FONT_HERSHEY_SIMPLEX, h / 21, 0, thickness)
    line = prepare(image, 255 - image, (50.0, base - 1.25 * h, x + 4.5 * h, base + 0.2 * h))
    assert [sign for _, sign in find_hole_signs(line)] == ["⌴", "↧"]


@pytest.mark.requirement("DRW-04")
def test_every_page_of_a_tiff_is_read(tmp_path):
    from PIL import Image, ImageDraw, ImageFont

    pages = []
    for texts in (("40", "25", "Ø18"), ("77", "R6", "112,5")):
        page = Image.new("L", (600, 420), 255)
        draw = ImageDraw.Draw(page)
        draw.rectangle((10, 10, 590, 410), outline=0, width=2)
        for place, text in enumerate(texts):
            draw.text((80 + 180 * place, 120 + 90 * place), text, fill=0, font=ImageFont.load_default(28))
        pages.append(page)
    path = tmp_path / "two.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:], dpi=(200, 200))
    reading = read_raster(path, Limits())
    assert reading.pages == 2
    found = {(dimension.page, dimension.nominal) for dimension in reading.dimensions}
    assert {(1, 40.0), (1, 25.0), (2, 77.0), (2, 6.0), (2, 112.5)} <= found
    assert all(status == "absent" for status in (value.status for value in reading.title_block.values()))


def test_a_letter_with_serifs_is_no_sign_of_depth():
    image = np.full((120, 200), 255, np.uint8)
    cv2.rectangle(image, (60, 40), (88, 44), 0, -1)
    cv2.rectangle(image, (72, 40), (76, 74), 0, -1)
    cv2.rectangle(image, (66, 70), (82, 74), 0, -1)
    line = prepare(image, 255 - image, (55.0, 36.0, 93.0, 80.0))
    assert find_hole_signs(line) == []
