"""Opens DXF files of any writer, damaged or declared with a code page they do not keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ezdxf import recover
from ezdxf.filemanagement import readfile
from ezdxf.lldxf.const import DXFError

from coordinator.modules.drawings.reading.model import ReadingFailedError

_BINARY = b"AutoCAD Binary DXF"
_TAIL = 1024


def open_dxf(path: Path) -> Any:
    """The document of ezdxf; raises ReadingFailedError when the file is no DXF."""
    try:
        return readfile(path, encoding=_encoding(path))
    except (DXFError, OSError, ValueError, UnicodeDecodeError):
        try:
            return recover.readfile(path)[0]
        except (DXFError, OSError, ValueError, IndexError, KeyError) as failure:
            raise ReadingFailedError("drawing.corrupt", "Fichier DXF illisible ou corrompu.") from failure


def is_cut(path: Path) -> bool:
    """Whether the end of a text file is missing, as after a broken transfer: what remains opens without complaint."""
    with path.open("rb") as file:
        if file.read(len(_BINARY)) == _BINARY:
            return False
        file.seek(max(0, path.stat().st_size - _TAIL))
        return not file.read().rstrip(b" \t\r\n\x00\x1a").endswith(b"EOF")


def _encoding(path: Path) -> str | None:
    """UTF-8 where the signs of the file are exactly that, whatever its header says: some writers put an old version or a
    code page above a text in UTF-8, and « Ø » would become « Ã˜ ». ``None`` lets the header decide."""
    data = path.read_bytes()
    if data.isascii() or data.startswith(_BINARY):
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "utf-8"
