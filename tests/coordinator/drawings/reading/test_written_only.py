"""Every valid PDF and STEP file is taken, and only what is written counts (DRW-05, DRW-06, DRW-52)."""

import pytest

from coordinator.modules.drawings.reading import Sandbox
from coordinator.modules.drawings.reading.model import Limits
from coordinator.modules.drawings.reading.pdf import read_pdf
from tests.coordinator.drawings.reading import modelled as m

from .small_pdf import SmallPdf


def drawn(length, scale, *notes):
    """A line drawn ``length`` points long, dimensioned 50, on a sheet of this scale."""
    pdf = SmallPdf()
    pdf.text(40, 380, "DIMENSIONS IN MM", 8)
    pdf.text(300, 40, f"SCALE {scale}", 8)
    for index, note in enumerate(notes):
        pdf.text(40, 360 - 12 * index, note, 8)
    pdf.lines((60, 200), (60 + length, 200))
    pdf.lines((60, 100), (60 + 1.7 * length, 100))
    pdf.text(60 + length / 2, 204, "50")
    return pdf


@pytest.mark.requirement("DRW-52")
@pytest.mark.parametrize(("length", "scale"), [(70.9, "1:1"), (141.7, "1:1"), (141.7, "2:1"), (220, "NTS")])
def test_nothing_is_measured_in_the_picture(tmp_path, length, scale):
    reading = read_pdf(drawn(length, scale).write(tmp_path / "p.pdf"), Limits())
    assert [(d.text, d.nominal) for d in reading.dimensions] == [("50", 50.0)]
    assert reading.features == []
    assert reading.solid is None


@pytest.mark.requirement("DRW-52")
def test_a_sheet_that_is_not_to_scale_gives_the_same_sizes(tmp_path):
    plain = read_pdf(drawn(200, "1:1").write(tmp_path / "a.pdf"), Limits())
    loose = read_pdf(
        drawn(77, "NTS", "NOT TO SCALE", "DO NOT SCALE DRAWING").write(tmp_path / "b.pdf"), Limits()
    )
    assert [d.nominal for d in plain.dimensions] == [d.nominal for d in loose.dimensions] == [50.0]


@pytest.mark.requirement("DRW-05")
@pytest.mark.parametrize("name", ["piece.step", "PIECE.STP", "piece.Stp"])
def test_step_is_read_without_anything_to_install(tmp_path, name):
    path = m.step_file(tmp_path, m.cut(m.box(60, 40, 10), m.rod(8, 20, (15, 10, -5))), "model").rename(
        tmp_path / name
    )
    with Sandbox(Limits(wall_s=120)) as sandbox:
        reading = sandbox.read(path)
    assert reading.error is None
    assert reading.solid.size_mm == pytest.approx((60, 40, 10), abs=1e-3)
    assert [(f.type, f.diameter_mm, f.through) for f in reading.features] == [
        ("hole", pytest.approx(8), True)
    ]


@pytest.mark.requirement("DRW-06")
def test_pages_without_any_text_are_taken(tmp_path):
    pdf = SmallPdf()
    pdf.box(100, 100, 300, 200)
    path = pdf.write(tmp_path / "dessin.pdf")
    with Sandbox(Limits(wall_s=120)) as sandbox:
        reading = sandbox.read(path)
    assert reading.error is None
    assert reading.pages == 1
    assert any("illisible" in warning for warning in reading.warnings)


@pytest.mark.requirement("DRW-06")
@pytest.mark.parametrize("tail", [b"", b"\r\n\r\nfin\r\n", b"\0" * 700])
def test_odd_but_valid_files_are_taken(tmp_path, tail):
    """Rubbish before the header or behind the end, a broken table of places: other readers open them too."""
    path = drawn(100, "1:1").write(tmp_path / "p.pdf")
    content = path.read_bytes()
    path.write_bytes(b"\n" + content.replace(b"startxref", b"startxref\n9") + tail)
    with Sandbox(Limits(wall_s=120)) as sandbox:
        reading = sandbox.read(path)
    assert reading.error is None, reading.error
    assert [d.nominal for d in reading.dimensions] == [50.0]
