"""Chooses the reader of a format. Runs inside the sandbox; heavy libraries are imported only when their format comes."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from coordinator.modules.drawings.reading.model import DrawingReading, Kind, Limits, ReadingFailedError


def read_in_process(
    path: Path, kind: Kind | str, limits: Limits, *, pictured: bool = False
) -> DrawingReading:
    """Read ``path`` in this process; ``pictured`` places the shapes of a model on its picture.

    Raises:
        ReadingFailedError: the file cannot be read, with a French message.
    """
    if kind == "pdf":
        from coordinator.modules.drawings.reading.pdf import read_pdf

        return read_pdf(path, limits)
    if kind == "raster":
        from coordinator.modules.drawings.reading.raster import read_raster

        return read_raster(path, limits)
    if kind == "dxf":
        from coordinator.modules.drawings.reading.dxf import read_dxf

        return read_dxf(path)
    if kind == "dwg":
        from coordinator.modules.drawings.reading.convert import conversion_note, dwg_to_dxf
        from coordinator.modules.drawings.reading.dxf import read_dxf

        with TemporaryDirectory(prefix="usinage-dwg-") as folder:
            reading = read_dxf(dwg_to_dxf(path, Path(folder), limits.wall_s))
        reading.file = str(path)
        reading.warnings.insert(0, conversion_note(path))
        return reading
    if kind in ("step", "iges"):
        from coordinator.modules.drawings.reading.solid import read_solid

        return read_solid(path, cast(Kind, kind), pictured=pictured)
    if kind in ("stl", "obj"):
        from coordinator.modules.drawings.reading.mesh_files import read_mesh

        return read_mesh(path, kind)
    raise ReadingFailedError(
        "drawing.unsupported_format", f"Format de fichier non supporté : {path.suffix.lstrip('.')}"
    )
