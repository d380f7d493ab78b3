"""Turns DWG into DXF with a converter of the machine, where one is installed (DRW-04 level 2).

LibreDWG's ``dwg2dxf`` and the Open Design Alliance's ``ODAFileConverter`` are found on the path; ``USINAGE_DWG_CONVERTER``
names another place or name of one of them, or any program called as ``program SOURCE.dwg TARGET.dxf``, and
``USINAGE_DWG_TIMEOUT_S`` the seconds it may take. It runs inside the limited process which reads the file, and ends with it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from coordinator.modules.drawings.reading.model import ReadingFailedError

SETTING, TIME_SETTING = "USINAGE_DWG_CONVERTER", "USINAGE_DWG_TIMEOUT_S"
CONVERTERS = ("dwg2dxf", "ODAFileConverter")
TIMEOUT_S = 120.0
TIME_SHARE = 0.6
"""Of the time the whole file may take: what is left reads the DXF."""
REASON_CHARACTERS = 160
VERSIONS = {
    "AC1012": "R13", "AC1014": "R14", "AC1015": "2000", "AC1018": "2004", "AC1021": "2007", "AC1024": "2010", "AC1027": "2013", "AC1032": "2018",
}  # fmt: skip
"""The first six characters of a DWG file and the AutoCAD release that brought the format."""
_DXF_STARTS = (b"0", b"999", b"AutoCAD Binary DXF")
_ASK = "demandez un export DXF ou PDF."


def dwg_converter() -> str | None:
    """Path of the converter set or installed; None where there is none."""
    chosen = os.environ.get(SETTING, "").strip()
    return next(
        (found for name in ([chosen] if chosen else CONVERTERS) if (found := shutil.which(name))), None
    )


def dwg_to_dxf(path: Path, folder: Path, wall_s: float) -> Path:
    """Convert into ``folder``; ``wall_s`` is the time the whole file may take.

    Raises:
        ReadingFailedError: ``drawing.conversion_needed`` without a converter, ``drawing.conversion_failed`` where it does not
            start, does not end, crashes, or writes no DXF.
    """
    converter = dwg_converter()
    if converter is None:
        raise ReadingFailedError(
            "drawing.conversion_needed",
            f"Plan {dwg_version(path)} : enregistrez-le en DXF ou PDF, le convertisseur n'est pas installé.",
        )
    source, target = folder / "in" / "plan.dwg", folder / "out" / "plan.dxf"
    source.parent.mkdir(parents=True)
    target.parent.mkdir()
    shutil.copyfile(path, source)
    words = folder / "converter.txt"
    try:
        code = _run(
            _command(converter, source, target), folder, words, min(_timeout_s(), TIME_SHARE * wall_s)
        )
    except _Ended as failure:
        raise _failed(str(failure), path) from failure
    if not _is_dxf(target):
        ended = f" (signal {signal.Signals(-code).name})" if code < 0 else f" (code {code})" if code else ""
        raise _failed(f"le convertisseur n'a pas donné de DXF lisible{ended}{_last_words(words)}", path)
    return target


def dwg_version(path: Path) -> str:
    """The format as a person knows it: "DWG AutoCAD 2018"; "DWG" where the file tells none that is known."""
    with path.open("rb") as handle:
        release = VERSIONS.get(handle.read(6).decode("ascii", "replace"))
    return f"DWG AutoCAD {release}" if release else "DWG"


def conversion_note(path: Path) -> str:
    """French sentence that tells what was read: a conversion may lose what the converter does not know."""
    return f"Plan {dwg_version(path)} lu après conversion en DXF par {Path(dwg_converter() or '').name}."


def _timeout_s() -> float:
    try:
        chosen = float(os.environ.get(TIME_SETTING, ""))
    except ValueError:
        return TIMEOUT_S
    return chosen if chosen > 0 else TIMEOUT_S


def _command(converter: str, source: Path, target: Path) -> list[str]:
    name = Path(converter).stem.lower()
    if name == "dwg2dxf":
        return [converter, "-y", "-o", str(target), str(source)]
    if name == "odafileconverter":
        return [converter, str(source.parent), str(target.parent), "ACAD2018", "DXF", "0", "1"]
    return [converter, str(source), str(target)]


def _run(command: list[str], folder: Path, words: Path, timeout_s: float) -> int:
    # ODAFileConverter is a Qt program and looks for a screen.
    environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ}
    try:
        with words.open("wb") as output, _address_space():
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, env=environment
            )
    except OSError as failure:
        raise _Ended("le convertisseur ne démarre pas") from failure
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired as failure:
        process.kill()
        process.wait()
        raise _Ended(f"le convertisseur n'a pas fini en {timeout_s:.0f} s") from failure


@contextlib.contextmanager
def _address_space() -> Iterator[None]:
    """A converter may reserve all the address space the worker itself may not.

    Runtimes of converters (WebAssembly, .NET) reserve far more than they hold; the memory really held is watched by the sandbox.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _last_words(words: Path) -> str:
    """The last line the converter wrote, for the person who looks after it."""
    with words.open("rb") as handle:
        handle.seek(max(0, words.stat().st_size - 4096))
        text = handle.read().decode("utf-8", "replace")
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
    return f" : « {last[:REASON_CHARACTERS]} »" if last else ""


def _is_dxf(target: Path) -> bool:
    if not target.is_file():
        return False
    with target.open("rb") as handle:
        start = handle.read(64).lstrip(b"\xef\xbb\xbf \r\n\t")
    return start.startswith(_DXF_STARTS)


class _Ended(Exception):
    """Why a converter gave no answer."""


def _failed(reason: str, path: Path) -> ReadingFailedError:
    return ReadingFailedError("drawing.conversion_failed", f"Plan {dwg_version(path)} : {reason} ; {_ASK}")
