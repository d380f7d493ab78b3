"""What a file really is, found from its first bytes; the name only helps to word the answer (DRW-04, DRW-07, DRW-47)."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from coordinator.modules.drawings.reading.convert import dwg_converter, dwg_version
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
_EXECUTABLE = (
    b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe", b"#!", b"\x00asm", b"dex\n", b"L\x00\x00\x00\x01\x14\x02\x00",
)  # fmt: skip
SCRIPT_ENDINGS = frozenset(
    [
        "exe",
        "dll",
        "bat",
        "cmd",
        "com",
        "msi",
        "ps1",
        "vbs",
        "js",
        "jse",
        "wsf",
        "hta",
        "scr",
        "jar",
        "sh",
        "app",
        "lnk",
        "apk",
        "deb",
        "rpm",
        "cpl",
        "pif",
        "reg",
    ]
)
MACRO_ENDINGS = frozenset(["docm", "dotm", "xlsm", "xltm", "xlam", "pptm", "potm", "ppsm"])
_ARCHIVES = {
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
}
ARCHIVE_ENDINGS = frozenset(["zip", "7z", "rar", "gz", "tgz", "bz2", "xz", "tar"])
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_EXPECTED = {
    "pdf": "pdf", "dxf": "dxf", "step": "step", "stp": "step", "p21": "step", "iges": "iges", "igs": "iges",
    "png": "raster", "jpg": "raster", "jpeg": "raster", "tif": "raster", "tiff": "raster", "bmp": "raster",
    "dwg": "dwg", "stl": "stl", "obj": "obj",
}  # fmt: skip
NATIVE_CAD = frozenset(
    [
        "sldprt",
        "sldasm",
        "slddrw",
        "catpart",
        "catproduct",
        "catdrawing",
        "ipt",
        "iam",
        "idw",
        "prt",
        "asm",
        "par",
        "psm",
        "x_t",
        "x_b",
        "xmt_txt",
        "xmt_bin",
        "f3d",
        "f3z",
        "top",
        "topprt",
        "topasm",
        "topdft",
        "3dm",
        "jt",
        "sat",
        "sab",
        "fcstd",
        "cgr",
        "model",
        "exp",
        "neu",
        "dft",
        "vwx",
    ]
)
"""Endings of native CAD files: kept as attachment with the request for an export (DRW-04)."""
_MAIL_HEADER = re.compile(
    rb"^(from|to|received|return-path|delivered-to|mime-version|subject|date|message-id|x-[\w-]+|dkim-signature|arc-[\w-]+)\s*:",
    re.IGNORECASE | re.MULTILINE,
)


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
    extension = ending(path.name)
    kind, form = _signature(head, path, extension)
    if kind is None:
        return Detection("other", form or extension, _refusal(path, form, extension))
    found = form if form in ("dwg", "stl", "obj") else kind
    mismatch = extension in _EXPECTED and _EXPECTED[extension] != found
    return Detection(kind, form, None, mismatch)


def ending(name: str) -> str:
    """Extension in lower case, without its dot."""
    return Path(name.strip()).suffix.lower().lstrip(".")


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


def _signature(head: bytes, path: Path, extension: str) -> tuple[Kind | None, str]:
    if head.startswith(_EXECUTABLE):
        return None, "exe"
    if head.startswith(b"%PDF-"):
        return "pdf", "pdf"
    for magic, form in _RASTER.items():
        if head.startswith(magic):
            return "raster", form
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"ISO-10303-21"):
        return "step", "step"
    if _is_iges(head):
        return "iges", "iges"
    if head.startswith(b"AutoCAD Binary DXF") or _is_ascii_dxf(head):
        return "dxf", "dxf"
    if head.startswith((b"AC10", b"AC1.", b"AC2.1")):
        return ("dxf", "dwg") if dwg_converter() else (None, "dwg")
    if head.startswith(b"PK\x03\x04"):
        return None, "zip"
    for magic, form in _ARCHIVES.items():
        if head.startswith(magic):
            return None, form
    if head.startswith(_OLE):
        return None, "ole"
    # A PDF may begin a little later; a program or an archive that holds one stays what it is.
    if b"%PDF-" in head[:1024] and not _is_mail(head):
        return "pdf", "pdf"
    return _by_content_and_name(head, path, extension)


def _by_content_and_name(head: bytes, path: Path, extension: str) -> tuple[Kind | None, str]:
    """Formats without a signature of their own: the content must agree with what the name says."""
    if _is_mail(head):
        return None, "eml"
    if extension == "stl" and _is_stl(head, path.stat().st_size):
        return "other", "stl"
    if extension == "obj" and re.search(rb"(?m)^v\s+-?\d", head) and b"\x00" not in head:
        return "other", "obj"
    return None, ""


def _is_mail(head: bytes) -> bool:
    names = {match[1].lower() for match in _MAIL_HEADER.finditer(head)}
    first = _MAIL_HEADER.match(head.lstrip())
    return first is not None and len(names) >= 3


def _is_stl(head: bytes, size: int) -> bool:
    if len(head) >= 84 and size == 84 + 50 * int.from_bytes(head[80:84], "little"):
        return True
    return head.lstrip().startswith(b"solid") and b"facet" in head


def _is_iges(head: bytes) -> bool:
    first = head.splitlines()[0] if head.splitlines() else b""
    return len(first) >= 73 and first[72:73] == b"S" and first[73:80].strip().isdigit()


def _is_ascii_dxf(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    lines = [line.strip() for line in text.split(b"\n")[:400]]
    while len(lines) > 1 and lines[0] == b"999":
        lines = lines[2:]
    return lines[:2] == [b"0", b"SECTION"]


def _refusal(path: Path, form: str, extension: str) -> ReadingError:
    if form == "exe" or extension in SCRIPT_ENDINGS:
        return ReadingError("drawing.executable_content", "Fichier exécutable refusé.")
    if extension in MACRO_ENDINGS:
        return ReadingError("drawing.executable_content", "Document à macros refusé.")
    if form == "zip":
        refusal = archive_refusal(path)
        if refusal is None and extension in NATIVE_CAD:
            return _unsupported(extension)
        return refusal or ReadingError(
            "drawing.archive", "Archive ZIP : importez-la comme lot, ses fichiers seront lus un par un."
        )
    if form == "eml":
        return ReadingError(
            "drawing.mail", "Courriel : importez-le, ses pièces jointes seront lues une par une."
        )
    if form in _ARCHIVES.values():
        return ReadingError(
            "drawing.archive_format", f"Archive {form.upper()} non prise en charge : envoyez une archive ZIP."
        )
    if form == "dwg":
        return ReadingError(
            "drawing.conversion_needed",
            f"Plan {dwg_version(path)} : enregistrez-le en DXF ou PDF, le convertisseur n'est pas installé.",
        )
    if form == "ole" and extension == "msg":
        return ReadingError("drawing.mail_format", "Courriel Outlook (.msg) : enregistrez-le au format .eml.")
    if extension in _EXPECTED:
        return ReadingError(
            "drawing.corrupt",
            f"Fichier illisible : le contenu n'est pas un fichier {extension.upper()} valide.",
        )
    return _unsupported(extension)


def _unsupported(extension: str) -> ReadingError:
    message = f"Format de fichier non supporté : {extension or 'sans extension'}"
    if extension in NATIVE_CAD:
        message += ". Demandez un export STEP ou PDF."
    return ReadingError("drawing.unsupported_format", message)


def archive_refusal(path: Path) -> ReadingError | None:
    """Return why an archive must not be opened: too large once unpacked, macros or executables inside; None when safe."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return ReadingError("drawing.corrupt", "Archive illisible ou incomplète.")
    if is_bomb(members, path.stat().st_size):
        return ReadingError("drawing.archive_bomb", "Archive refusée : contenu décompressé démesuré.")
    names = [member.filename.lower() for member in members]
    if any(
        ending(name) in SCRIPT_ENDINGS | MACRO_ENDINGS or name.endswith("vbaproject.bin") for name in names
    ):
        return ReadingError(
            "drawing.executable_content", "Archive refusée : elle contient un programme ou des macros."
        )
    return None


def is_bomb(members: list[zipfile.ZipInfo], packed_bytes: int) -> bool:
    """Whether an archive would unpack to far more than a delivery of drawings.

    A small archive may well be packed 100 times (a nearly empty bitmap), so the ratio counts from 20 MB unpacked on.
    """
    unpacked = sum(member.file_size for member in members)
    nested = sum(ending(member.filename) in ARCHIVE_ENDINGS for member in members)
    ratio = unpacked / max(1, packed_bytes)
    return unpacked > ARCHIVE_MAX_BYTES or (ratio > ARCHIVE_MAX_RATIO and unpacked > 20 << 20) or nested > 3
