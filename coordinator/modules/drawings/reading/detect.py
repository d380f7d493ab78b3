"""What a file really is, found from its first bytes; the name only helps to word the answer (DRW-04, DRW-07, DRW-47)."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

from coordinator.modules.drawings.reading.model import Kind, Limits, ReadingError

HEAD_BYTES = 4096
ARCHIVE_MAX_RATIO = 100
ARCHIVE_MAX_BYTES = 2 * 1024**3

_RASTER = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpg",
    b"II*\x00": "tiff",
    b"MM\x00*": "tiff",
    b"BM": "bmp",
}
_EXECUTABLE = (b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_EXPECTED = {
    "pdf": "pdf", "dxf": "dxf", "step": "step", "stp": "step", "p21": "step", "iges": "iges", "igs": "iges",
    "png": "raster", "jpg": "raster", "jpeg": "raster", "tif": "raster", "tiff": "raster", "bmp": "raster",
}  # fmt: skip
_NATIVE_CAD = {
    "sldprt", "sldasm", "slddrw", "catpart", "catproduct", "catdrawing", "ipt", "iam", "idw", "prt", "asm", "par", "x_t",
    "x_b", "f3d", "top", "topprt", "3dm", "jt", "sat", "fcstd",
}  # fmt: skip


@dataclass(frozen=True)
class Detection:
    """The kind of a file, or why it is refused. ``mismatch``: its extension tells another format."""

    kind: Kind
    format: str
    error: ReadingError | None = None
    mismatch: bool = False


def detect(path: Path, limits: Limits) -> Detection:
    """Find the format of ``path`` from its signature; never raises, a refusal is in ``error``."""
    refusal = _precheck(path, limits)
    if refusal is not None:
        return Detection("other", "", refusal)
    with path.open("rb") as handle:
        head = handle.read(HEAD_BYTES)
    extension = path.suffix.lower().lstrip(".")
    kind, form = _signature(head)
    if kind is None:
        return Detection("other", form or extension, _refusal(path, form, extension))
    mismatch = extension in _EXPECTED and _EXPECTED[extension] != kind
    return Detection(kind, form, None, mismatch)


def _precheck(path: Path, limits: Limits) -> ReadingError | None:
    if not path.is_file():
        return ReadingError("drawing.not_found", f"Fichier introuvable : {path.name}")
    size = path.stat().st_size
    if size == 0:
        return ReadingError("drawing.empty", "Le fichier est vide (0 octet).")
    if size > limits.max_bytes:
        return ReadingError(
            "drawing.too_large",
            f"Fichier trop volumineux : {size / 1024**2:.0f} Mo (limite {limits.max_bytes / 1024**2:.0f} Mo).",
        )
    return None


def _signature(head: bytes) -> tuple[Kind | None, str]:
    if b"%PDF-" in head[:1024]:
        return "pdf", "pdf"
    for magic, form in _RASTER.items():
        if head.startswith(magic):
            return "raster", form
    if head.lstrip().startswith(b"ISO-10303-21"):
        return "step", "step"
    if _is_iges(head):
        return "iges", "iges"
    if head.startswith(b"AutoCAD Binary DXF") or _is_ascii_dxf(head):
        return "dxf", "dxf"
    if head.startswith(b"AC10"):
        return None, "dwg"
    if head.startswith(b"PK\x03\x04"):
        return None, "zip"
    if head.startswith(_EXECUTABLE):
        return None, "exe"
    if head.startswith(_OLE):
        return None, "ole"
    return None, ""


def _is_iges(head: bytes) -> bool:
    first = head.splitlines()[0] if head.splitlines() else b""
    return len(first) >= 73 and first[72:73] == b"S" and first[73:80].strip().isdigit()


def _is_ascii_dxf(head: bytes) -> bool:
    lines = [line.strip() for line in head.replace(b"\r\n", b"\n").split(b"\n")[:400]]
    while len(lines) > 1 and lines[0] == b"999":
        lines = lines[2:]
    return lines[:2] == [b"0", b"SECTION"]


def _refusal(path: Path, form: str, extension: str) -> ReadingError:
    if form == "exe":
        return ReadingError("drawing.executable_content", "Fichier exécutable refusé.")
    if form == "zip":
        return archive_refusal(path) or ReadingError(
            "drawing.archive", "Archive ZIP : importez-la comme lot, ses fichiers seront lus un par un."
        )
    if form == "dwg":
        return ReadingError(
            "drawing.conversion_needed",
            "Plan DWG : enregistrez-le en DXF ou PDF, le convertisseur n'est pas installé.",
        )
    if extension in _EXPECTED:
        return ReadingError(
            "drawing.corrupt",
            f"Fichier illisible : le contenu n'est pas un fichier {extension.upper()} valide.",
        )
    message = f"Format de fichier non supporté : {extension or 'sans extension'}"
    if extension in _NATIVE_CAD:
        message += ". Demandez un export STEP ou PDF."
    return ReadingError("drawing.unsupported_format", message)


def archive_refusal(path: Path) -> ReadingError | None:
    """Return why an archive must not be opened: too large once unpacked, macros or executables inside; None when safe."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return ReadingError("drawing.corrupt", "Archive illisible ou incomplète.")
    unpacked = sum(member.file_size for member in members)
    packed = max(1, path.stat().st_size)
    nested = sum(member.filename.lower().endswith((".zip", ".gz", ".7z", ".rar")) for member in members)
    if unpacked > ARCHIVE_MAX_BYTES or unpacked / packed > ARCHIVE_MAX_RATIO or nested > 3:
        return ReadingError("drawing.archive_bomb", "Archive refusée : contenu décompressé démesuré.")
    names = [member.filename.lower() for member in members]
    if any(
        name.endswith((".exe", ".dll", ".bat", ".cmd", ".js", ".vbs", ".ps1", "vbaproject.bin"))
        for name in names
    ):
        return ReadingError(
            "drawing.executable_content", "Archive refusée : elle contient un programme ou des macros."
        )
    return None
