"""Welding symbols of ISO 2553 on vector PDF and DXF: kind, side, sizes, tail, and what is no weld (DRW-24)."""

import math

import ezdxf
import pytest

from coordinator.modules.drawings.reading.dxf import read_dxf
from coordinator.modules.drawings.reading.fuse import fuse
from coordinator.modules.drawings.reading.model import Limits
from coordinator.modules.drawings.reading.pdf import read_pdf

from .small_pdf import SmallPdf


def bow(x, y, r, start, end, count=12):
    angles = [math.radians(start + (end - start) * i / count) for i in range(count + 1)]
    return [(x + r * math.cos(a), y + r * math.sin(a)) for a in angles]


SYMBOLS = {
    "square": [[(-0.2, 0), (-0.2, 0.8)], [(0.2, 0), (0.2, 0.8)]],
    "v": [[(-0.4, 0.8), (0, 0), (0.4, 0.8)]],
    "bevel": [[(0, 0.8), (0, 0), (0.6, 0.8)]],
    "y": [[(-0.4, 0.8), (0, 0.4), (0.4, 0.8)], [(0, 0.4), (0, 0)]],
    "bevel_y": [[(0, 0), (0, 0.8)], [(0, 0.35), (0.5, 0.8)]],
    "u": [bow(0, 0.8, 0.4, 180, 360), [(0, 0.4), (0, 0)]],
    "j": [[(0, 0), (0, 0.8)], bow(0, 0.8, 0.45, -90, 0)],
    "fillet": [[(0, 0), (0, 0.8), (0.8, 0)]],
    "plug": [[(-0.5, 0), (-0.5, 0.5), (0.5, 0.5), (0.5, 0)]],
    "spot": [bow(0, 0.35, 0.35, 0, 360, 24)],
    "seam": [bow(0, 0.4, 0.35, 0, 360, 24), [(-0.5, 0.3), (0.5, 0.3)], [(-0.5, 0.5), (0.5, 0.5)]],
    "edge": [[(-0.3, 0), (-0.3, 0.7)], [(0, 0), (0, 0.7)], [(0.3, 0), (0.3, 0.7)]],
    "surfacing": [bow(-0.3, 0, 0.3, 180, 0), bow(0.3, 0, 0.3, 180, 0)],
    "steep_v": [[(-0.45, 0.9), (-0.2, 0), (0.2, 0), (0.45, 0.9)]],
    "flare_v": [bow(-0.55, 0, 0.45, 90, 0), bow(0.55, 0, 0.45, 90, 180)],
}


class PdfSheet:
    """Millimetres on a PDF page, y up."""

    mm = 72 / 25.4

    def __init__(self):
        self.pdf = SmallPdf()
        self.text(10, 140, "DIMENSIONS IN MM")

    def text(self, x, y, text):
        self.pdf.text(x * self.mm, y * self.mm, text, 3.5 * self.mm / 0.72)

    def lines(self, *points, dashed=False):
        self.pdf.parts.append("[4 2] 0 d" if dashed else "[] 0 d")
        self.pdf.lines(*[(x * self.mm, y * self.mm) for x, y in points])

    def read(self, folder):
        return read_pdf(self.pdf.write(folder / "p.pdf"), Limits())


class DxfSheet:
    """Millimetres in model space."""

    def __init__(self):
        self.document = ezdxf.new("R2010", setup=True)
        self.document.header["$INSUNITS"] = 4
        self.space = self.document.modelspace()
        self.text(10, 140, "DIMENSIONS IN MM")

    def text(self, x, y, text):
        self.space.add_text(text, height=3.5, dxfattribs={"insert": (x, y)})

    def lines(self, *points, dashed=False):
        self.space.add_lwpolyline(points, dxfattribs={"linetype": "DASHED" if dashed else "Continuous"})

    def read(self, folder):
        self.document.saveas(folder / "p.dxf")
        return read_dxf(folder / "p.dxf")


def leader(sheet, *, up=1):
    sheet.lines((60, 80 - 15 * up), (70, 80), (115, 80))


def symbol(sheet, name, *, side=1, size=6.0, foot=0.0, x=90.0):
    for path in SYMBOLS[name]:
        sheet.lines(*[(x + u * size, 80 + side * (foot + v * size)) for u, v in path])


@pytest.mark.requirement("DRW-24")
@pytest.mark.parametrize("sheet", [PdfSheet, DxfSheet])
@pytest.mark.parametrize("name", sorted(SYMBOLS))
def test_each_elementary_symbol_is_told(tmp_path, sheet, name):
    drawn = sheet()
    leader(drawn)
    symbol(drawn, name)
    drawn.text(80, 81, "5" if name in ("plug", "spot", "seam") else "s5")
    drawn.lines((118, 83), (115, 80), (118, 77))
    drawn.text(119, 78.2, "111")
    reading = drawn.read(tmp_path)
    assert [(w.kind, w.size, w.process) for w in reading.welds] == [(name, 5, "111")]
    assert reading.dimensions == []
    assert "welding" in {p.process for p in fuse([reading]).processes}


@pytest.mark.requirement("DRW-24")
@pytest.mark.parametrize("sheet", [PdfSheet, DxfSheet])
@pytest.mark.parametrize(
    ("dashed", "side", "told"), [(-1, 1, "arrow"), (1, 1, "other"), (-1, -1, "other"), (0, 1, "unknown")]
)
def test_the_dashed_line_tells_the_side(tmp_path, sheet, dashed, side, told):
    drawn = sheet()
    leader(drawn)
    if dashed:
        drawn.lines((70, 80 + dashed * 1.5), (115, 80 + dashed * 1.5), dashed=True)
    symbol(drawn, "bevel", side=side, foot=1.5 if side == dashed else 0)
    drawn.text(80, 82 if side > 0 else 74.5, "s8")
    assert [w.side for w in drawn.read(tmp_path).welds] == [told]


@pytest.mark.requirement("DRW-24")
@pytest.mark.parametrize("sheet", [PdfSheet, DxfSheet])
def test_sizes_runs_circle_and_flag(tmp_path, sheet):
    drawn = sheet()
    leader(drawn)
    for side in (1, -1):
        symbol(drawn, "fillet", side=side)
    drawn.text(78, 81, "z6")
    drawn.text(97, 81, "4x50 (120)")
    drawn.lines(*bow(70, 80, 1.3, 0, 360, 24))
    drawn.lines((70, 80), (70, 87), (66, 85.8), (70, 84.6))
    reading = drawn.read(tmp_path)
    (weld,) = reading.welds
    assert (weld.kind, weld.side, weld.size_letter, weld.size) == ("fillet", "both", "z", 6)
    assert (weld.count, weld.length, weld.pitch) == (4, 50, 120)
    assert weld.all_around
    assert weld.on_site
    assert weld.text == "z6 ◺ 4×50 (120), des deux côtés, sur tout le pourtour, à souder sur chantier"


@pytest.mark.parametrize("sheet", [PdfSheet, DxfSheet])
def test_call_outs_and_texture_marks_are_no_welds(tmp_path, sheet):
    drawn = sheet()
    leader(drawn)
    # The mark of a surface texture has one long arm; a sunk hole has its V behind a diameter.
    drawn.lines((88, 83), (90, 80), (94, 86))
    drawn.text(95, 83, "Ra 3,2")
    drawn.lines((20, 25), (30, 40), (75, 40))
    drawn.text(33, 41, "Ø6,6")
    drawn.lines((50, 44), (52.5, 41), (55, 44))
    drawn.text(56, 41, "Ø12")
    drawn.lines((130, 20), (140, 30), (180, 30))
    drawn.lines((150, 34), (150, 30), (156, 30), (156, 34))
    drawn.text(158, 31, "Ø15")
    assert drawn.read(tmp_path).welds == []
