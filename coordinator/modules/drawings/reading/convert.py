"""Turns DWG into DXF with a converter of the machine, where one is installed (DRW-04 level 2)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from coordinator.modules.drawings.reading.model import ReadingFailedError

CONVERTERS = ("dwg2dxf", "ODAFileConverter")
"""LibreDWG's and the Open Design Alliance's converter."""
_TIMEOUT_S = 120


def dwg_converter() -> str | None:
    """Path of the installed converter; None where there is none."""
    return next((found for name in CONVERTERS if (found := shutil.which(name))), None)


def dwg_to_dxf(path: Path, folder: Path) -> Path:
    """Convert into ``folder``; raises ReadingFailedError where the converter is missing or fails."""
    converter = dwg_converter()
    if converter is None:
        raise ReadingFailedError(
            "drawing.conversion_needed",
            "Plan DWG : enregistrez-le en DXF ou PDF, le convertisseur n'est pas installé.",
        )
    source = folder / "in" / "plan.dwg"
    source.parent.mkdir(parents=True)
    shutil.copyfile(path, source)
    target = folder / "out" / "plan.dxf"
    target.parent.mkdir()
    if Path(converter).name == "dwg2dxf":
        command = [converter, "-y", "-o", str(target), str(source)]
    else:
        command = [converter, str(source.parent), str(target.parent), "ACAD2018", "DXF", "0", "1"]
    try:
        subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False, cwd=folder)
    except (subprocess.TimeoutExpired, OSError) as failure:
        raise ReadingFailedError("drawing.conversion_failed", _FAILED) from failure
    if not target.is_file() or target.stat().st_size == 0:
        raise ReadingFailedError("drawing.conversion_failed", _FAILED)
    return target


_FAILED = "Plan DWG : la conversion a échoué, demandez un export DXF ou PDF."
