"""Turns DWG into DXF with a converter of the machine, where one is installed (DRW-04 level 2).

LibreDWG's ``dwg2dxf`` and the Open Design Alliance's ``ODAFileConverter`` are found on the path; ``USINAGE_DWG_CONVERTER``
names another place or name of one of them, or any program called as ``program SOURCE.dwg TARGET.dxf``, and
``USINAGE_DWG_TIMEOUT_S`` the seconds it may take. It runs inside the limited process which reads the file, and ends with it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from coordinator.modules.drawings.reading.model import ReadingFailedError

SETTING, TIME_SETTING = "USINAGE_DWG_CONVERTER", "USINAGE_DWG_TIMEOUT_S"
CONVERTERS = ("dwg2dxf", "ODAFileConverter")
TIMEOUT_S = 120.0
TIME_SHARE = 0.6
"""Of the time the whole file may take: what is left reads the DXF."""
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
            "Plan DWG : enregistrez-le en DXF ou PDF, le convertisseur n'est pas installé.",
        )
    source, target = folder / "in" / "plan.dwg", folder / "out" / "plan.dxf"
    source.parent.mkdir(parents=True)
    target.parent.mkdir()
    shutil.copyfile(path, source)
    code = _run(_command(converter, source, target), folder, min(_timeout_s(), TIME_SHARE * wall_s))
    if not _is_dxf(target):
        ended = f" (signal {signal.Signals(-code).name})" if code < 0 else f" (code {code})" if code else ""
        raise _failed(f"le convertisseur n'a pas donné de DXF lisible{ended}")
    return target


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


def _run(command: list[str], folder: Path, timeout_s: float) -> int:
    # ODAFileConverter is a Qt program and looks for a screen.
    environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
            cwd=folder,
            env=environment,
        )
    except subprocess.TimeoutExpired as failure:
        raise _failed(f"le convertisseur n'a pas fini en {timeout_s:.0f} s") from failure
    except OSError as failure:
        raise _failed("le convertisseur ne démarre pas") from failure
    return done.returncode


def _is_dxf(target: Path) -> bool:
    if not target.is_file():
        return False
    with target.open("rb") as handle:
        start = handle.read(64).lstrip(b"\xef\xbb\xbf \r\n\t")
    return start.startswith(_DXF_STARTS)


def _failed(reason: str) -> ReadingFailedError:
    return ReadingFailedError("drawing.conversion_failed", f"Plan DWG : {reason} ; {_ASK}")
