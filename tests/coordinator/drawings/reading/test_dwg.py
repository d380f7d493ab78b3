"""DWG through an installed converter, else a clear request: absent, failing, hanging and lying converters (DRW-04, DRW-53)."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from coordinator.modules.drawings.reading import Sandbox
from coordinator.modules.drawings.reading.convert import SETTING, TIME_SETTING
from coordinator.modules.drawings.reading.model import DrawingReading, Limits
from infra.samples import SamplePart
from tests.coordinator.drawings.desk import Desk

DWG = b"AC1032" + bytes(200)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of the path besides the shell's own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.delenv(SETTING, raising=False)
    return folder


def install(folder: Path, name: str, script: str) -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def read_dwg(tmp_path: Path, limits: Limits | None = None) -> DrawingReading:
    plan = tmp_path / "plan.dwg"
    plan.write_bytes(DWG)
    with Sandbox(limits) as sandbox:
        return sandbox.read(plan)


@pytest.mark.requirement("DRW-04")
@pytest.mark.parametrize("way", ["dwg2dxf", "ODAFileConverter", "setting"])
def test_every_known_converter_gives_the_drawing(
    way: str, tools: Path, tmp_path: Path, samples: dict[str, SamplePart], monkeypatch: pytest.MonkeyPatch
) -> None:
    number, part = next(iter(samples.items()))
    # Each converter has its own order of arguments; the scripts fail where they are called otherwise.
    scripts = {
        "dwg2dxf": f'[ "$2" = -o ] && grep -q AC1032 "$4" && cp "{part.dxf}" "$3"',
        "ODAFileConverter": f'[ "$4" = DXF ] && grep -q AC1032 "$1/plan.dwg" && cp "{part.dxf}" "$2/plan.dxf"',
        "setting": f'grep -q AC1032 "$1" && cp "{part.dxf}" "$2"',
    }
    if way == "setting":
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.setenv(SETTING, str(install(elsewhere, "own-converter", scripts[way])))
        install(tools, "dwg2dxf", "exit 1")
    else:
        install(tools, way, scripts[way])
    reading = read_dwg(tmp_path)
    assert reading.error is None
    assert reading.title_block["drawing_number"].value == number
    assert reading.dimensions
    assert reading.file == str(tmp_path / "plan.dwg")
    assert reading.warnings[0].startswith("Plan DWG AutoCAD 2018 lu après conversion en DXF par ")


@pytest.mark.requirement("DRW-04", "DRW-47")
def test_a_converter_may_reserve_more_address_space_than_the_reader(
    tools: Path, tmp_path: Path, samples: dict[str, SamplePart]
) -> None:
    """Runtimes of converters (WebAssembly, .NET) reserve gigabytes which they never touch; the shell counts kilobytes."""
    number, part = next(iter(samples.items()))
    limits = Limits(memory_bytes=4 * 1024**3)
    install(tools, "dwg2dxf", f'[ "$(ulimit -v)" != {4 * 1024**2} ] && cp "{part.dxf}" "$3"')
    reading = read_dwg(tmp_path, limits)
    assert reading.error is None
    assert reading.title_block["drawing_number"].value == number


@pytest.mark.requirement("DRW-53")
def test_what_a_failing_converter_wrote_is_passed_on(tools: Path, tmp_path: Path) -> None:
    install(tools, "dwg2dxf", 'echo "reading header" >&2; echo "unsupported class 512" >&2; exit 2')
    error = read_dwg(tmp_path).error
    assert error is not None
    assert "AutoCAD 2018" in error.message
    assert "(code 2) : « unsupported class 512 »" in error.message


@pytest.mark.requirement("DRW-04", "DRW-53")
def test_without_a_converter_an_export_is_asked_for(tools: Path, tmp_path: Path) -> None:
    error = read_dwg(tmp_path).error
    assert error is not None
    assert error.code == "drawing.conversion_needed"
    assert "DXF ou PDF" in error.message


@pytest.mark.requirement("DRW-47", "DRW-53")
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ('printf "not a drawing" > "$3"', "pas donné de DXF lisible"),
        (': > "$3"', "pas donné de DXF lisible"),
        ("exit 3", "(code 3)"),
        ("kill -SEGV $$", "(signal SIGSEGV)"),
        ("sleep 60", "pas fini en 1 s"),
    ],
    ids=["garbage", "empty", "refusal", "crash", "hang"],
)
def test_a_failing_converter_is_told_and_an_export_asked_for(
    script: str, reason: str, tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tools, "dwg2dxf", script)
    if script.startswith("sleep"):
        monkeypatch.setenv(TIME_SETTING, "1")
    error = read_dwg(tmp_path).error
    assert error is not None
    assert error.code == "drawing.conversion_failed"
    assert reason in error.message
    assert "DXF ou PDF" in error.message


def test_a_converter_that_does_not_start_is_told(tools: Path, tmp_path: Path) -> None:
    (tools / "dwg2dxf").write_text("#!/nonexistent/interpreter\n")
    (tools / "dwg2dxf").chmod(0o755)
    error = read_dwg(tmp_path).error
    assert error is not None
    assert error.code == "drawing.conversion_failed"
    assert "ne démarre pas" in error.message


@pytest.mark.requirement("DRW-04", "DRW-53")
def test_the_upload_keeps_the_dwg_and_asks_in_french(desk: Desk, tools: Path) -> None:
    """Absent, then failing: the line stays for manual entry, and reading again with a working converter fills it."""
    [asked] = desk.read(("PL-9.dwg", DWG))
    assert asked["status"] == "to_review"
    assert any("enregistrez-le en DXF ou PDF" in warning for warning in asked["warnings"])
    install(tools, "dwg2dxf", "exit 3")
    [failed] = desk.read(("PL-9.dwg", DWG), again="true")
    assert failed["status"] == "to_review"
    assert failed["error"]["code"] == "drawing.conversion_failed"
    assert any("demandez un export DXF ou PDF" in warning for warning in failed["warnings"])
    install(tools, "dwg2dxf", f"cp '{desk.dxf('source.dxf', drawing_number='PL-9')}' \"$3\"")
    [read] = desk.read(("PL-9.dwg", DWG), again="true")
    assert {f["name"]: f["value"] for f in read["fields"]}["drawing_number"] == "PL-9"
