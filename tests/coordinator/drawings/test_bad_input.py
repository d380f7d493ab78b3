"""Bad files one by one through the whole way: import, limited process, state a person can act on (DRW-46…54)."""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path

import pypdfium2
import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, TextStringObject

from coordinator.modules.drawings.reading import Limits, Sandbox, read_file
from coordinator.modules.drawings.reading.safety import has_active_content
from coordinator.modules.drawings.reading.sandbox import SandboxFailure
from infra.samples.pdf_writer import write_pdf
from tests.coordinator.drawings.desk import Desk, fields_of, sheet_of

PASSWORD = "Pièce-secrète"


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.pdf"
    write_pdf(sheet_of({"drawing_number": "BI-1"}), path)
    return path


def code(path: Path, limits: Limits | None = None) -> str | None:
    reading = read_file(path, limits=limits)
    assert reading.error is None or reading.error.message
    return reading.error.code if reading.error else None


def encrypted(source: Path, target: Path) -> Path:
    writer = PdfWriter(clone_from=PdfReader(source))
    writer.encrypt(PASSWORD, algorithm="AES-128")
    writer.write(target)
    return target


@pytest.mark.requirement("DRW-46")
def test_an_encrypted_pdf_waits_for_its_password(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    locked = encrypted(desk.pdf("clair.pdf", drawing_number="CR-1"), desk.folder / "verrou.pdf")
    failed, other = desk.read(locked, desk.pdf("libre.pdf", drawing_number="CR-2"))
    assert failed["status"] == "failed"
    assert failed["error"]["code"] == "drawing.encrypted"
    assert "mot de passe" in failed["error"]["message"]
    assert other["status"] == "to_review", "the other files go on"
    url, file_id = f"/api/v1/drawings/{failed['id']}/password", failed["files"][0]["id"]
    wrong = desk.http.post(url, json={"file_id": file_id, "password": "faux"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "drawing.wrong_password")
    assert desk.http.post(url, json={"file_id": file_id, "password": PASSWORD}).status_code == 200
    desk.work()
    review = desk.review(failed["id"])
    assert fields_of(review)["drawing_number"]["value"] == "CR-1"
    assert desk.http.get(review["files"][0]["pages"][0]["preview"]).status_code == 200
    original = desk.http.get(f"/api/v1/drawings/files/{file_id}/content").content
    assert original == locked.read_bytes(), "the received file stays as it was"
    assert PASSWORD not in caplog.text
    kept = str(desk.get("drawing-files")) + str(desk.get(f"drawing-analyses/{failed['id']}/history"))
    assert PASSWORD not in kept


@pytest.mark.requirement("DRW-46", "DRW-48")
def test_a_failed_file_gets_another_file_a_retry_or_manual_entry(desk: Desk) -> None:
    corrupt = b"%PDF-1.7\n" + b"\x00garbage" * 50
    reviews = desk.read(("a.pdf", corrupt), ("b.pdf", corrupt + b"1"), ("c.pdf", corrupt + b"2"))
    assert {r["status"] for r in reviews} == {"failed"}
    assert {r["error"]["code"] for r in reviews} == {"drawing.corrupt"}
    first, second, third = reviews
    desk.done(first, "retry")
    desk.work()
    assert desk.review(first["id"])["status"] == "failed"
    good = desk.pdf("bon.pdf", drawing_number="RE-1")
    answer = desk.http.post(
        f"/api/v1/drawings/{second['id']}/files", files=[("file", (good.name, good.read_bytes()))]
    )
    assert answer.status_code == 202, answer.text
    desk.work()
    assert fields_of(desk.review(second["id"]))["drawing_number"]["value"] == "RE-1"
    assert desk.get("drawing-files")["total"] == 4, "the failed file stays stored"
    desk.done(third, "enter_by_hand")
    typed = desk.complete(desk.review(third["id"]), drawing_number="MAIN-1")
    assert desk.act(typed, "validate").status_code == 200


@pytest.mark.requirement("DRW-48")
def test_an_unreadable_sheet_becomes_a_line_with_a_warning(desk: Desk) -> None:
    with pypdfium2.PdfDocument.new() as document:
        document.new_page(595, 842)
        document.save(desk.folder / "blanc.pdf")
    [review] = desk.read(desk.folder / "blanc.pdf")
    assert review["status"] == "to_review"
    assert any("illisible" in w for w in review["warnings"])
    assert fields_of(review)["drawing_number"]["value"] is None
    assert "drawing_number" in review["missing"]


@pytest.mark.requirement("DRW-53")
def test_a_missing_reader_leaves_manual_entry(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = desk.folder / "lib" / "ezdxf"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('not installed')\n")
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))
    monkeypatch.setattr("coordinator.modules.drawings.reading.sandbox._ROOT", broken.parent)
    root = Path(__file__).resolve().parents[3]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(broken.parent), str(root)]))
    [review] = desk.read(desk.dxf())
    assert review["status"] == "to_review"
    assert any("saisie manuelle" in w for w in review["warnings"])
    assert review["error"]["code"] == "drawing.reader_missing"


@pytest.mark.requirement("DRW-04", "DRW-53")
def test_dwg_is_converted_where_a_converter_is_installed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    dwg = ("PL-8.dwg", b"AC1032" + bytes(200))
    [asked] = desk.read(dwg)
    assert asked["status"] == "to_review"
    assert any("DXF ou PDF" in w for w in asked["warnings"])
    tools = desk.folder / "bin"
    tools.mkdir()
    converter = tools / "dwg2dxf"
    converter.write_text(f"#!/bin/sh\ncp '{desk.dxf('source.dxf', drawing_number='PL-8')}' \"$3\"\n")
    converter.chmod(converter.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    [review] = desk.read(dwg, again="true")
    assert fields_of(review)["drawing_number"]["value"] == "PL-8"


@pytest.mark.requirement("DRW-47")
@pytest.mark.parametrize("packed", [False, True])
def test_scripts_in_a_pdf_are_found_plain_spelled_and_packed(
    plan: Path, tmp_path: Path, packed: bool
) -> None:
    assert not has_active_content(plan.read_bytes())
    action = b"<</S/Java#53cript/J#53(app.alert)>>"
    if packed:
        body = zlib.compress(b"5 0 " + action)
        content = (
            b"%%PDF-1.5\n9 0 obj<</Type /ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>stream\n"
            % len(body)
        )
        content += body + b"\nendstream endobj"
    else:
        content = b"%PDF-1.5\n5 0 obj" + action + b"endobj"
    assert has_active_content(content)
    picture = b"%PDF-1.5\n5 0 obj<</Length 9>>stream\n/JS /Launch\nendstream endobj"
    assert not has_active_content(picture), "bytes of a picture may spell anything"


@pytest.mark.requirement("DRW-47")
def test_a_script_on_a_later_page_refuses_the_whole_pdf(desk: Desk) -> None:
    many = desk.many_pages("pages.pdf", desk.pdf("1.pdf"), desk.pdf("2.pdf"))
    writer = PdfWriter(clone_from=PdfReader(many))
    names = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")}
    writer.root_object[NameObject("/OpenAction")] = writer._add_object(DictionaryObject(names))
    writer.write(desk.folder / "js.pdf")
    [review] = desk.read(desk.folder / "js.pdf")
    assert (review["status"], review["error"]["code"]) == ("failed", "drawing.executable_content")


@pytest.mark.requirement("DRW-47")
def test_files_attached_inside_a_pdf_are_never_opened(plan: Path, tmp_path: Path) -> None:
    writer = PdfWriter(clone_from=PdfReader(plan))
    writer.add_attachment("virus.exe", b"MZ\x90\x00")
    writer.write(tmp_path / "joint.pdf")
    reading = read_file(tmp_path / "joint.pdf")
    assert reading.error is None
    assert reading.title_block["drawing_number"].value == "BI-1"


@pytest.mark.requirement("DRW-08")
def test_two_hundred_pages_are_read_and_one_more_is_refused(plan: Path, tmp_path: Path) -> None:
    def pages(count: int) -> Path:
        path = tmp_path / f"{count}.pdf"
        with pypdfium2.PdfDocument.new() as document, pypdfium2.PdfDocument(plan) as one:
            document.import_pages(one)
            for _ in range(count - 1):
                document.new_page(300, 200)
            document.save(path)
        return path

    from coordinator.modules.drawings.reading import sheets

    folder = tmp_path / "split"
    folder.mkdir()
    assert len(sheets.split(pages(200), "pdf", folder, Limits())) == 200
    assert code(pages(201)) == "drawing.too_many_pages"


@pytest.mark.requirement("DRW-47")
def test_pictures_of_absurd_size_are_refused_unread(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = (60_000).to_bytes(4, "big") + (60_000).to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")
    path = tmp_path / "bombe.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    assert code(path) == "drawing.image_too_large"


@pytest.mark.requirement("DRW-47")
def test_packed_streams_that_grow_without_end_are_stopped(tmp_path: Path) -> None:
    writer = PdfWriter()
    page = writer.add_blank_page(200, 200)
    stream = DecodedStreamObject()
    stream.set_data(b"0 0 m 1 1 l S\n" * 3_000_000)
    page[NameObject("/Contents")] = writer._add_object(stream.flate_encode())
    path = tmp_path / "flux.pdf"
    writer.write(path)
    assert path.stat().st_size < 1 << 20
    with Sandbox(Limits(wall_s=20.0, cpu_s=20)) as sandbox:
        reading = sandbox.read(path)
        assert reading.error is None or reading.error.code in (
            "drawing.timeout",
            "drawing.memory",
            "drawing.crashed",
        )
        assert sandbox.read(tmp_path / "rien.pdf").error is not None, "the parent goes on"


@pytest.mark.requirement("DRW-47")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("entites.step", b"ISO-10303-21;\nHEADER;\nFILE_SCHEMA(('AUTOMOTIVE_DESIGN'));\nENDSEC;\nDATA;\n#1=ADVANCED_BREP_SHAPE_REPRESENTATION('',(#999999999),#4000000000);\nENDSEC;\nEND-ISO-10303-21;\n"),
        ("boucle.step", b"ISO-10303-21;\nHEADER;\nENDSEC;\nDATA;\n#1=PRODUCT('a','a','',(#1));\n#2=MANIFOLD_SOLID_BREP('',#2);\nENDSEC;\nEND-ISO-10303-21;\n"),
        ("nombres.step", b"ISO-10303-21;\nHEADER;\nENDSEC;\nDATA;\n" + b"".join(b"#%d=CARTESIAN_POINT('',(1.E308,-1.E308,0.));\n" % i for i in range(1, 3000)) + b"ENDSEC;\nEND-ISO-10303-21;\n"),
        ("coupe.igs", b" " * 72 + b"S      1\n" + b"1H,,1H;,4HSLOT,37H$1$DUA2:[IGESLIB.BDRAFT.B2I]SLOT.IGS;".ljust(72) + b"G      1\n"),
        ("xml.svg", b"<?xml version='1.0'?><!DOCTYPE l [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><l>&b;</l>"),
    ],
)  # fmt: skip
def test_absurd_models_end_with_a_message(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with Sandbox(Limits(wall_s=60.0)) as sandbox:
        reading = sandbox.read(path)
    assert reading.error is not None
    assert reading.error.code in (
        "drawing.corrupt", "drawing.empty_model", "drawing.crashed", "drawing.unsupported_format", "drawing.empty",
    ), reading.error  # fmt: skip
    assert reading.error.message


@pytest.mark.requirement("DRW-47")
def test_a_block_that_holds_itself_ends(tmp_path: Path) -> None:
    path = tmp_path / "imbrique.dxf"
    block = b"0\nSECTION\n2\nBLOCKS\n0\nBLOCK\n2\nA\n0\nINSERT\n2\nA\n0\nENDBLK\n0\nENDSEC\n"
    path.write_bytes(block + b"0\nSECTION\n2\nENTITIES\n0\nINSERT\n2\nA\n0\nENDSEC\n0\nEOF\n")
    with Sandbox(Limits(wall_s=60.0)) as sandbox:
        reading = sandbox.read(path)
    assert reading.error is not None or any("illisible" in w for w in reading.warnings)


@pytest.mark.requirement("DRW-51")
def test_an_open_mesh_gives_its_envelope_only(tmp_path: Path) -> None:
    triangle = (
        "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 30 0 0\nvertex 0 20 5\nendloop\nendfacet\n"
    )
    path = tmp_path / "tole.STL"
    path.write_text(f"solid x\n{triangle}endsolid x\n")
    reading = read_file(path)
    assert reading.error is None
    assert reading.solid is not None
    assert reading.solid.size_mm == (30.0, 20.0, 5.0)
    assert (reading.solid.volume_mm3, reading.solid.estimated) == (None, True)


@pytest.mark.requirement("DRW-04")
def test_a_closed_mesh_gives_its_volume(tmp_path: Path) -> None:
    corners = [(x, y, z) for x in (0, 10) for y in (0, 20) for z in (0, 30)]
    faces = ["1 2 4 3", "5 7 8 6", "1 5 6 2", "3 4 8 7", "1 3 7 5", "2 6 8 4"]
    lines = [f"v {x} {y} {z}" for x, y, z in corners] + [f"f {face}" for face in faces]
    path = tmp_path / "cale.obj"
    path.write_text("\n".join(lines))
    solid = read_file(path).solid
    assert solid is not None
    assert solid.volume_mm3 == pytest.approx(6000)
    assert solid.estimated


@pytest.mark.requirement("DRW-47")
def test_memory_really_held_is_watched_by_the_parent(plan: Path) -> None:
    program = "import sys, time; sys.stdin.readline(); x = bytearray(300 << 20); time.sleep(60)"
    with Sandbox(Limits(wall_s=30.0), resident_bytes=150 << 20, worker=("-c", program)) as sandbox:
        with pytest.raises(SandboxFailure) as caught:
            sandbox.ask("read", path=str(plan), kind="pdf")
        assert caught.value.error.code == "drawing.memory"


@pytest.mark.requirement("DRW-53")
def test_the_self_check_names_readers_and_converters(monkeypatch: pytest.MonkeyPatch) -> None:
    from coordinator import selfcheck
    from coordinator.kernel.config import Config

    checks = {c.code: c for c in selfcheck.CHECKS}
    assert checks["drawing_readers"].function(Config())[0] == "ok"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "OCP" else object())
    status, detail = checks["drawing_readers"].function(Config())
    assert status == "warning"
    assert "STEP" in detail
    monkeypatch.setenv("PATH", "/nonexistent")
    assert checks["drawing_dwg"].function(Config())[0] == "warning"
