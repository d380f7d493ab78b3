"""Wrong, hostile and broken files: each gets its error, the others are read (DRW-07, DRW-46, DRW-47)."""

import os
import re
import zipfile
from pathlib import Path

import pytest

from coordinator.modules.drawings.reading import Limits, Sandbox, read_file, read_files

ENCRYPTED = b"""%%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj
4 0 obj<</Filter/Standard/V 1/R 2/O<%s>/U<%s>/P -4>>endobj
trailer<</Root 1 0 R/Encrypt 4 0 R/ID[<00><00>]>>
%%%%EOF""" % (b"11" * 32, b"22" * 32)


def error_code(path: Path, limits: Limits | None = None) -> str | None:
    reading = read_file(path, limits=limits)
    assert reading.error is None or reading.error.message
    return reading.error.code if reading.error else None


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("vide.pdf", b"", "drawing.empty"),
        ("faux.pdf", b"this is no pdf at all", "drawing.corrupt"),
        ("tronque.pdf", b"%PDF-1.7\n1 0 obj\n<<", "drawing.corrupt"),
        ("protege.pdf", ENCRYPTED, "drawing.encrypted"),
        ("image.png", b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "drawing.corrupt"),
        ("modele.step", b"ISO-10303-21;\nHEADER;\nENDSEC;\nDATA;\nENDSEC;\nEND-ISO-10303-21;\n", "drawing.empty_model"),
        ("piece.dxf", b"0\nSECTION\n2\nENTITIES\n0\nLINE\nxx\n", "drawing.corrupt"),
        ("outil.pdf", b"MZ\x90\x00" + b"\x00" * 100, "drawing.executable_content"),
        ("plan.dwg", b"AC1032" + b"\x00" * 100, "drawing.conversion_needed"),
        ("piece.SLDPRT", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 100, "drawing.unsupported_format"),
        ("script.pdf", b"%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(x)>>/Pages 2 0 R>>endobj\n"
         b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n"
         b"trailer<</Root 1 0 R>>\n%%EOF", "drawing.executable_content"),
    ],
)  # fmt: skip
@pytest.mark.requirement("DRW-46")
def test_bad_file_gets_its_error(tmp_path, name, content, code):
    path = tmp_path / name
    path.write_bytes(content)
    assert error_code(path) == code


@pytest.mark.requirement("DRW-07")
def test_unsupported_format_names_the_extension(tmp_path):
    path = tmp_path / "notes.XYZ"
    path.write_bytes(b"hello")
    reading = read_file(path)
    assert reading.error is not None
    assert reading.error.message.startswith("Format de fichier non supporté : xyz")


@pytest.mark.requirement("DRW-07")
def test_format_comes_from_the_signature_not_the_name(tmp_path, samples, sandbox):
    path = tmp_path / "AX.STEP"
    path.write_bytes(samples["AX-1042"].pdf.read_bytes())
    reading = sandbox.read(path)
    assert reading.kind == "pdf"
    assert reading.title_block["drawing_number"].value == "AX-1042"
    assert any("extension" in warning for warning in reading.warnings)


@pytest.mark.requirement("DRW-47")
def test_archive_bomb_is_refused_unopened(tmp_path):
    path = tmp_path / "lot.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("plan.pdf", b"\x00" * 30_000_000)
    assert error_code(path) == "drawing.archive_bomb"


@pytest.mark.requirement("DRW-08")
def test_too_large_file_is_refused_before_reading(tmp_path):
    path = tmp_path / "grand.pdf"
    with path.open("wb") as handle:
        handle.write(b"%PDF-1.7\n")
        os.truncate(handle.fileno(), 101 * 1024 * 1024)
    assert error_code(path) == "drawing.too_large"


@pytest.mark.requirement("DRW-08")
def test_a_real_file_of_nearly_100_mb_is_read(tmp_path, samples, sandbox):
    """The sheet with a picture of 99 MB beside it which no page shows, as an incremental update of the file."""
    content = samples["BL-2007"].pdf.read_bytes()
    last = int(content.rsplit(b"startxref", 1)[1].split()[0])
    root = re.search(rb"/Root\s*(\d+ \d+ R)", content)
    assert root is not None
    block = os.urandom(1 << 20) * 99
    start = len(content) + 1
    body = b"\n900 0 obj\n<</Length %d>>\nstream\n%b\nendstream\nendobj\n" % (len(block), block)
    table = b"xref\n900 1\n%010d 00000 n \ntrailer\n<</Size 901/Root %b/Prev %d>>\n" % (start, root[1], last)
    path = tmp_path / "lourd.pdf"
    path.write_bytes(content + body + table + b"startxref\n%d\n%%%%EOF\n" % (len(content) + len(body)))
    assert 99 << 20 < path.stat().st_size < 100 << 20
    reading = sandbox.read(path)
    assert reading.error is None
    assert reading.title_block["drawing_number"].value == "BL-2007"


@pytest.mark.requirement("DRW-08")
def test_too_many_pages_are_refused(samples):
    assert error_code(samples["AX-1042"].pdf, Limits(max_pages=0)) == "drawing.too_many_pages"


def test_image_with_too_many_pixels_is_refused(samples):
    assert error_code(samples["AX-1042"].png, Limits(max_pixels=1000)) == "drawing.image_too_large"


def test_missing_file(tmp_path):
    assert error_code(tmp_path / "absent.pdf") == "drawing.not_found"


@pytest.mark.requirement("DRW-46")
def test_a_bad_file_does_not_stop_the_others(tmp_path, samples):
    bad = tmp_path / "mauvais.pdf"
    bad.write_bytes(b"%PDF-1.7 broken")
    first, second = read_files([bad, samples["BL-2007"].pdf])
    assert first.error is not None
    assert second.error is None
    assert second.title_block["drawing_number"].value == "BL-2007"


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("import os, sys; sys.stdin.readline(); os.abort()", "drawing.crashed"),
        ("import sys, time; sys.stdin.readline(); time.sleep(60)", "drawing.timeout"),
        ("import sys; sys.stdin.readline(); print('not json', flush=True)", "drawing.crashed"),
    ],
)
@pytest.mark.requirement("DRW-47")
def test_child_which_crashes_or_hangs_leaves_the_parent_alive(samples, program, code):
    with Sandbox(Limits(wall_s=2.0), worker=("-c", program)) as sandbox:
        for _ in range(2):
            reading = sandbox.read(samples["AX-1042"].step)
            assert reading.error is not None
            assert reading.error.code == code


@pytest.mark.requirement("DRW-47")
def test_memory_of_the_child_is_limited(samples):
    program = (
        "import json, os, sys\n"
        "from coordinator.modules.drawings.reading import worker\n"
        "from coordinator.modules.drawings.reading import reader\n"
        "reader.read_in_process = lambda *a: bytearray(3 * 1024**3)\n"
        "worker.main()\n"
    )
    with Sandbox(Limits(memory_bytes=1024**3), worker=("-c", program)) as sandbox:
        reading = sandbox.read(samples["AX-1042"].step)
    assert reading.error is not None
    assert reading.error.code == "drawing.memory"
