"""Text drawn as strokes or filled outlines is read from its paths: what CAD systems export without a text layer (DRW-11)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from coordinator.modules.drawings.reading.model import DrawingReading, Limits
from coordinator.modules.drawings.reading.outlined_glyphs import Glyph
from coordinator.modules.drawings.reading.outlined_lines import Row
from coordinator.modules.drawings.reading.outlined_words import words_of
from coordinator.modules.drawings.reading.pdf import read_pdf
from models_ai.outlined_letters.fonts import Font, outline_font

from .small_pdf import SmallPdf

RING = [(0, 2), (1, 0), (3, 0), (4, 2), (4, 4), (3, 6), (1, 6), (0, 4), (0, 2)]
STROKES: dict[str, list[list[tuple[float, float]]]] = {
    "0": [RING], "1": [[(0.8, 4.6), (2, 6), (2, 0)]], "2": [[(0, 4.6), (0.6, 5.7), (2, 6), (3.5, 5.5), (4, 4.4), (3.4, 3), (0, 0), (4, 0)]],
    "3": [[(0.2, 6), (4, 6), (1.8, 3.6), (3.2, 3.3), (4, 2), (3.3, 0.5), (2, 0), (0.8, 0.2), (0, 1.1)]],
    "4": [[(3, 0), (3, 6), (0, 1.8), (4, 1.8)]],
    "5": [[(3.6, 6), (0.6, 6), (0.3, 3.4), (2, 3.9), (3.5, 3.3), (4, 1.9), (3.3, 0.5), (2, 0), (0.7, 0.2), (0, 1.1)]],
    "6": [[(3.5, 5.4), (2.4, 6), (1, 5.4), (0.1, 3.4), (0, 1.8), (0.8, 0.3), (2, 0), (3.4, 0.5), (4, 1.9), (3.4, 3.3), (2.1, 3.7), (0.7, 3.1), (0, 1.8)]],
    "7": [[(0, 6), (4, 6), (1.4, 0)]],
    "8": [[(2, 3.3), (0.8, 3.8), (0.4, 4.8), (1, 5.7), (2, 6), (3, 5.7), (3.6, 4.8), (3.2, 3.8), (2, 3.3), (0.6, 2.7), (0, 1.6), (0.7, 0.4), (2, 0), (3.3, 0.4), (4, 1.6), (3.4, 2.7), (2, 3.3)]],
    "9": [[(0.5, 0.6), (1.6, 0), (3, 0.6), (3.9, 2.6), (4, 4.2), (3.2, 5.7), (2, 6), (0.6, 5.5), (0, 4.1), (0.6, 2.7), (1.9, 2.3), (3.3, 2.9), (4, 4.2)]],
    ",": [[(0.4, 0.5), (0.5, 0), (0, -1)]], "±": [[(0, 3.4), (4, 3.4)], [(2, 5.4), (2, 1.4)], [(0, 0), (4, 0)]],
    "+": [[(0, 3), (4, 3)], [(2, 5), (2, 1)]], "-": [[(0, 3), (4, 3)]], "Ø": [RING, [(0, -0.6), (4, 6.6)]],
    "x": [[(0, 0), (3, 4)], [(0, 4), (3, 0)]], "H": [[(0, 0), (0, 6)], [(4, 0), (4, 6)], [(0, 3), (4, 3)]],
    "R": [[(0, 0), (0, 6), (2.8, 6), (3.8, 5.3), (3.8, 3.9), (2.8, 3.2), (0, 3.2)], [(2, 3.2), (4, 0)]],
    "M": [[(0, 0), (0, 6), (2.2, 1), (4.4, 6), (4.4, 0)]], "°": [[(0.3 + 0.8 + 0.8 * math.cos(a / 2), 5.2 + 0.8 * math.sin(a / 2)) for a in range(14)]],
    "A": [[(0, 0), (2, 6), (4, 0)], [(0.7, 2), (3.3, 2)]], "T": [[(0, 6), (4, 6)], [(2, 6), (2, 0)]], "E": [[(3.6, 0), (0, 0), (0, 6), (3.6, 6)], [(0, 3.1), (2.6, 3.1)]],
    "N": [[(0, 0), (0, 6), (4, 0), (4, 6)]], "S": [[(3.8, 5.2), (2.6, 6), (1, 5.9), (0.1, 4.9), (0.6, 3.6), (3.3, 2.6), (4, 1.4), (3.1, 0.2), (1.4, 0), (0, 0.9)]],
    "D": [[(0, 0), (0, 6), (2.2, 6), (3.6, 5), (4, 3), (3.6, 1), (2.2, 0), (0, 0)]], "C": [[(4, 4.8), (3, 5.8), (1.6, 6), (0.4, 4.8), (0, 3), (0.4, 1.2), (1.6, 0), (3, 0.2), (4, 1.2)]],
    "O": [RING], "I": [[(0, 0), (0, 6)]], "L": [[(0, 6), (0, 0), (3.4, 0)]], "P": [[(0, 0), (0, 6), (2.8, 6), (3.8, 5.2), (3.8, 3.8), (2.8, 3), (0, 3)]],
}  # fmt: skip
Writer = Callable[[SmallPdf, float, float, str, float, float], None]


def placed(points: list[tuple[float, float]], x: float, y: float, angle: float) -> list[tuple[float, float]]:
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return [(round(x + u * c - v * s, 2), round(y + u * s + v * c, 2)) for u, v in points]


def strokes(cut: bool) -> Writer:
    """Letters of one pen width; ``cut`` writes every straight piece as a path of its own, as many plotters do."""

    def write(pdf: SmallPdf, x: float, y: float, text: str, cap: float = 9, angle: float = 0) -> None:
        at = 0.0
        for sign in text:
            if sign == " ":
                at += 0.75 * cap
                continue
            scale = cap / 6
            for line in STROKES[sign]:
                points = placed([(at + u * scale, v * scale) for u, v in line], x, y, angle)
                for piece in itertools.pairwise(points) if cut else [points]:
                    pdf.lines(*piece)
            at += (max(u for line in STROKES[sign] for u, _ in line) + 1.6) * scale

    return write


def outlines() -> Writer:
    """Letters of a TrueType font as filled outlines, each with its counters."""
    font = outline_font(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), "".join(STROKES))
    assert isinstance(font, Font)

    def write(pdf: SmallPdf, x: float, y: float, text: str, cap: float = 9, angle: float = 0) -> None:
        at = 0.0
        for sign in text:
            if sign == " ":
                at += 0.35 * cap
                continue
            paths = font.letters[sign]
            pdf.fill(*(placed([(at + u * cap, -v * cap) for u, v in path], x, y, angle) for path in paths))
            at += (max(float(path[:, 0].max()) for path in paths) + 0.1) * cap

    return write


WRITERS = {"strokes": strokes(cut=False), "pieces": strokes(cut=True), "outlines": outlines()}


def sheet(write: Writer) -> SmallPdf:
    """A plate with level, upright and slanted sizes, deviations, arrows, a hatching and a line through a size."""
    pdf = SmallPdf()
    pdf.box(60, 60, 300, 260)
    write(pdf, 150, 275, "125,4 ±0,05", 9, 0)
    pdf.lines((60, 270), (300, 270))
    pdf.fill([(60, 270), (68, 271.5), (68, 268.5)])
    write(pdf, 52, 120, "87,3", 9, 90)
    write(pdf, 380, 240, "4x Ø6,8 H7", 9, 0)
    pdf.lines((300, 200), (370, 236), (470, 236))
    write(pdf, 330, 120, "R12,5", 9, 30)
    write(pdf, 400, 180, "35", 9, 0)
    write(pdf, 427, 184.5, "+0,1", 6, 0)
    write(pdf, 427, 177, "-0,2", 6, 0)
    for step in range(12):
        pdf.lines((100 + 6 * step, 100), (110 + 6 * step, 112))
    write(pdf, 380, 60, "TOLERANCES ISO 2768", 7, 0)
    pdf.lines((140, 40), (260, 40))
    write(pdf, 180, 35, "96", 9, 0)
    return pdf


def read(pdf: SmallPdf, path: Path) -> DrawingReading:
    return read_pdf(pdf.write(path / "plan.pdf"), Limits())


def facts(reading: DrawingReading) -> set[tuple[object, ...]]:
    return {(d.kind, d.nominal, d.upper, d.lower, d.fit, d.count) for d in reading.dimensions}


@pytest.mark.requirement("DRW-11")
@pytest.mark.parametrize("way", WRITERS)
def test_sizes_drawn_as_paths_are_read_without_a_text_layer(way: str, tmp_path: Path) -> None:
    reading = read(sheet(WRITERS[way]), tmp_path)
    assert facts(reading) == {
        ("linear", 125.4, 0.05, -0.05, None, 1),
        ("linear", 87.3, None, None, None, 1),
        ("diameter", 6.8, None, None, "H7", 4),
        ("radius", 12.5, None, None, None, 1),
        ("linear", 35.0, 0.1, -0.2, None, 1),
        ("linear", 96.0, None, None, None, 1),
    }
    assert {d.source for d in reading.dimensions} == {"outline"}
    assert any("tracés" in warning for warning in reading.warnings)


@pytest.mark.requirement("DRW-11")
def test_outlined_letters_join_the_text_layer_of_a_mixed_sheet(tmp_path: Path) -> None:
    pdf = SmallPdf()
    pdf.text(60, 380, "DIMENSIONS IN MM, GENERAL TOLERANCES ISO 2768-m", 8)
    pdf.text(100, 300, "25,4")
    WRITERS["strokes"](pdf, 300, 300, "Ø48,2 ±0,1", 9, 0)
    found = {(d.kind, d.nominal, d.upper, d.source) for d in read(pdf, tmp_path).dimensions}
    assert found == {("linear", 25.4, None, "text"), ("diameter", 48.2, 0.1, "outline")}


@pytest.mark.requirement("DRW-11", "DRW-52")
def test_drawings_that_are_no_letters_stay_drawings(tmp_path: Path) -> None:
    pdf = SmallPdf()
    pdf.text(60, 380, "DIMENSIONS IN MM", 8)
    for step in range(30):
        pdf.lines((100 + 5 * step, 100), (100 + 5 * step, 108))
        pdf.fill([(100 + 9 * step, 200), (106 + 9 * step, 201), (106 + 9 * step, 199)])
        pdf.box(100 + 11 * step, 300, 106 + 11 * step, 306)
    reading = read(pdf, tmp_path)
    assert reading.dimensions == []
    assert not any("tracés" in warning for warning in reading.warnings)


@pytest.mark.requirement("DRW-11")
def test_strokes_without_length_belong_to_the_letter_they_lie_on(tmp_path: Path) -> None:
    pdf = SmallPdf()
    cap, x = 9.0, 100.0
    for sign in "36,58 ±0,25":
        if sign != " ":
            WRITERS["pieces"](pdf, x, 200, sign, cap, 0)
            for line in STROKES[sign][:1]:
                u, v = line[len(line) // 2]
                pdf.lines(*[(round(x + u * cap / 6, 2), round(200 + v * cap / 6, 2))] * 2)
        x += cap
    found = [(d.nominal, d.upper) for d in read(pdf, tmp_path).dimensions]
    assert found == [(36.58, 0.25)]


@pytest.mark.requirement("DRW-11")
def test_deviations_close_behind_a_short_size_do_not_hide_it(tmp_path: Path) -> None:
    pdf, write = sheet(WRITERS["outlines"]), WRITERS["outlines"]
    write(pdf, 47, 200, "26", 9, 90)
    write(pdf, 51, 216.5, "-0,05", 5.5, 90)
    write(pdf, 44, 216.5, "+0,15", 5.5, 90)
    assert ("linear", 26.0, 0.15, -0.05, None, 1) in facts(read(pdf, tmp_path))


def told(signs: str, gaps: list[float], heights: list[float] | None = None) -> list[str]:
    """Words of a level row of letters 10 high and 7 wide with these gaps (shares of the height)."""
    glyphs, at = [], 0.0
    for sign, gap, height in zip(signs, [*gaps, 0.0], heights or [10.0] * len(signs), strict=True):
        wide = 1.5 if sign in "1I" else 7.0
        box = np.array([(at, -height), (at + wide, -height), (at + wide, 0), (at, 0), (at, -height)])
        glyphs.append(Glyph([box], True, (len(glyphs),)))
        at += wide + 10 * gap
    return [word.text for word in words_of(Row(glyphs, 0.0), signs, [1.0] * len(signs), 10.0, 0.0, 0.17)]


@pytest.mark.requirement("DRW-11")
def test_words_of_a_row_of_letters() -> None:
    assert told("HEATTREAT", [0.2, 0.1, 0.05, 0.42, 0.16, 0.18, 0.1, 0.05]) == ["HEAT", "TREAT"]
    assert told("HEATTREAT", [0.2, 0.1, 0.05, 0.22, 0.16, 0.18, 0.1, 0.05]) == ["HEATTREAT"]
    assert told("7001-33B", [0.12, 0.2, 0.2, 0.34, 0.11, 0.11, 0.17]) == ["7001-33B"]
    assert told("2768-CL", [0.1, 0.1, 0.1, 0.1, 0.1, 0.1], [10, 10, 10, 10, 2, 7.5, 10]) == ["2768-cL"]
    assert told("27CL", [0.1, 0.1, 0.1], [10, 10, 10, 10]) == ["27CL"]
    assert told("6AI-4V", [0.1, 0.1, 0.1, 0.1, 0.1]) == ["6Al-4V"]


@pytest.mark.requirement("DRW-11")
@pytest.mark.parametrize("way", ["strokes", "outlines"])
@pytest.mark.parametrize(
    ("angle", "upper", "lower"), [(0, "+0,05", "-0,01"), (90, "+0,1", "-0,2"), (90, "-0,01", "-0,03")]
)
def test_deviations_half_as_high_as_their_size(
    way: str, angle: float, upper: str, lower: str, tmp_path: Path
) -> None:
    """The lower deviation stands nearly on the line of its size: read at the height of the size it would be points."""
    pdf, write = SmallPdf(), WRITERS[way]
    pdf.box(60, 60, 300, 260)
    for u, v, text, cap in ((0, 0, "48", 10), (26, 6.2, upper, 5), (26, -2.1, lower, 5)):
        x, y = placed([(u, v)], 150, 150, angle)[0]
        write(pdf, x, y, text, cap, angle)
    write(pdf, 380, 60, "TOLERANCES ISO 2768", 7, 0)
    expected = tuple(float(value.replace(",", ".")) for value in (upper, lower))
    assert facts(read(pdf, tmp_path)) == {("linear", 48.0, *expected, None, 1)}


@pytest.mark.requirement("DRW-11")
@pytest.mark.parametrize("angle", [27, 41, 49, -33, 68])
def test_a_long_slanted_size_is_read_to_its_end_and_past_an_arrow(angle: float, tmp_path: Path) -> None:
    pdf, write = SmallPdf(), WRITERS["outlines"]
    pdf.box(60, 60, 500, 400)
    write(pdf, 220, 220, "4x Ø16,5 ±0,05", 9, angle)
    tip, *foot = placed([(47, 4), (45.5, -9), (48.5, -9)], 220, 220, angle)
    pdf.fill([tip, *foot])
    write(pdf, 380, 60, "TOLERANCES ISO 2768", 7, 0)
    assert facts(read(pdf, tmp_path)) == {("diameter", 16.5, 0.05, -0.05, None, 4)}


@pytest.mark.requirement("DRW-16")
def test_a_value_written_over_the_border_of_its_cell_ends_where_the_next_cell_begins(tmp_path: Path) -> None:
    pdf, write = SmallPdf(), WRITERS["outlines"]
    pdf.box(60, 200, 300, 400)
    write(pdf, 150, 410, "125,4", 9, 0)
    for y in (40, 60, 80):
        pdf.lines((300, y), (560, y))
    for x in (300, 430, 560):
        pdf.lines((x, 40), (x, 80))
    write(pdf, 304, 66, "TOLERANCES ISO 2768-CH", 7, 0)
    write(pdf, 433, 66, "SCALE 1,5", 7, 0)
    write(pdf, 304, 46, "MATERIAL C45", 7, 0)
    field = read(pdf, tmp_path).title_block["general_tolerance"]
    assert field.value is not None
    assert field.value.upper().endswith("2768-CH")
