"""Type of a file by its content, not by its name (DOC-08, DOC-46); executables are recognised to be refused."""

from __future__ import annotations

import io
import zipfile

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"), (b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"II*\x00", "image/tiff"), (b"MM\x00*", "image/tiff"), (b"ISO-10303-21;", "model/step"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"), (b"AC10", "image/vnd.dwg"),
    (b"AutoCAD Binary DXF", "image/vnd.dxf"),
)  # fmt: skip
_EXECUTABLE = (b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe",
               b"\xcf\xfa\xed\xfe", b"#!", b"\x00asm", b"dex\n", b"L\x00\x00\x00\x01\x14\x02\x00")  # fmt: skip
_SCRIPT_ENDINGS = (".exe", ".dll", ".bat", ".cmd", ".com", ".msi", ".ps1", ".vbs", ".js", ".jse", ".wsf", ".hta", ".scr",
                   ".jar", ".sh", ".app", ".lnk", ".apk", ".deb", ".rpm")  # fmt: skip
_TEXT_ENDINGS = {
    ".csv": "text/csv", ".md": "text/markdown", ".dxf": "image/vnd.dxf", ".igs": "model/iges", ".iges": "model/iges",
    ".stl": "model/stl", ".json": "application/json", ".xml": "application/xml", ".html": "text/html", ".svg": "image/svg+xml",
    **dict.fromkeys((".nc", ".tap", ".cnc", ".iso", ".gcode", ".mpf", ".h", ".eia"), "text/x-gcode"),
}  # fmt: skip
_OFFICE = {"word/": "vnd.openxmlformats-officedocument.wordprocessingml.document",
           "xl/": "vnd.openxmlformats-officedocument.spreadsheetml.sheet",
           "ppt/": "vnd.openxmlformats-officedocument.presentationml.presentation"}  # fmt: skip


def is_executable(content: bytes, name: str) -> bool:
    """Whether a content, or a file in its archive, is a program for a computer; NC programs are not."""
    if content.startswith(_EXECUTABLE) or _ending(name) in _SCRIPT_ENDINGS:
        return True
    if content.startswith(b"PK\x03\x04"):
        return any(_ending(member) in _SCRIPT_ENDINGS for member in _members(content))
    return False


def media_type(content: bytes, name: str) -> str:
    """Media type recognised by signature; the name only tells kinds of text apart."""
    for magic, found in _MAGIC:
        if content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(magic) or content.startswith(magic):
            return found
    if content.startswith(b"PK\x03\x04"):
        return _archive_type(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if b"\x00" not in content[:8192] and _decodes(content[:8192]):
        return _TEXT_ENDINGS.get(_ending(name), "text/plain")
    return "model/stl" if _is_binary_stl(content) else "application/octet-stream"


def _archive_type(content: bytes) -> str:
    members = _members(content)
    if "mimetype" in members:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read("mimetype")[:100].decode("ascii", "replace").strip()
    for folder, kind in _OFFICE.items():
        if any(m.startswith(folder) for m in members):
            return f"application/{kind}"
    return "application/zip"


def _members(content: bytes) -> list[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return []


def _is_binary_stl(content: bytes) -> bool:
    return len(content) >= 84 and len(content) == 84 + 50 * int.from_bytes(content[80:84], "little")


def _decodes(sample: bytes) -> bool:
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        # A sample may end inside a character; older NC and CSV files are Latin-1, without control characters.
        return error.start > len(sample) - 4 or not any(b < 9 or 13 < b < 27 for b in sample)
    return True


def _ending(name: str) -> str:
    stem, dot, ending = name.lower().strip().rpartition(".")
    return f".{ending}" if dot and stem else ""
