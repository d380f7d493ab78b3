"""Takes the files out of a ZIP archive or an e-mail, inside the sandbox, within limits (DRW-01, DRW-08, DRW-47).

Members are written under numbers, never under the names they bring: a name is text to show, not a path to follow.
"""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path, PurePosixPath
from typing import IO, Any

from coordinator.modules.drawings.reading.detect import (
    ARCHIVE_ENDINGS,
    MACRO_ENDINGS,
    SCRIPT_ENDINGS,
    detect,
    ending,
    is_bomb,
)
from coordinator.modules.drawings.reading.model import Limits, ReadingFailedError

MAX_DEPTH = 2
_CHUNK = 1 << 16
_NOISE = ("__macosx/", ".ds_store", "thumbs.db", "desktop.ini")
_INLINE_PICTURE_BYTES = 200 * 1024


@dataclass
class Unpacked:
    """Files taken out (``name``, ``path_in_archive``, ``stored`` name in the folder) and those refused with their code."""

    files: list[dict[str, str]] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    sender: str | None = None
    subject: str | None = None
    total_bytes: int = 0


def unpack(path: Path, folder: Path, limits: Limits, max_files: int, max_total_bytes: int) -> dict[str, Any]:
    """Unpack ``path`` into ``folder``; raises ReadingFailedError when the whole container is refused."""
    found = Unpacked()
    _Unpacker(folder, limits, max_files, max_total_bytes, found).open(path, "", 1)
    return asdict(found)


@dataclass
class _Unpacker:
    folder: Path
    limits: Limits
    max_files: int
    max_total_bytes: int
    found: Unpacked

    def open(self, path: Path, prefix: str, depth: int) -> None:
        """Unpack one container; ``prefix`` is its own place in the outer one."""
        detection = detect(path, self.limits)
        if detection.format == "zip":
            self._zip(path, prefix, depth)
        elif detection.format == "eml":
            self._mail(path, prefix, depth)
        else:
            error = detection.error
            raise ReadingFailedError(
                error.code if error else "drawing.archive", error.message if error else "Archive illisible."
            )

    def _zip(self, path: Path, prefix: str, depth: int) -> None:
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
                if is_bomb(members, path.stat().st_size):
                    raise ReadingFailedError(
                        "drawing.archive_bomb", "Archive refusée : contenu décompressé démesuré."
                    )
                for member in members:
                    self._member(archive, member, prefix, depth)
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError) as failure:
            raise ReadingFailedError("drawing.corrupt", "Archive illisible ou incomplète.") from failure

    def _member(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, prefix: str, depth: int) -> None:
        name = member.filename.replace("\\", "/")
        if member.is_dir() or any(noise in name.lower() for noise in _NOISE):
            return
        refusal = _name_refusal(name, member)
        if refusal is not None:
            self._refuse(prefix + name, refusal)
            return
        try:
            with archive.open(member) as source:
                stored = self._store(source, name, prefix)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError):
            self._refuse(prefix + name, "drawing.corrupt")
            return
        if stored is not None:
            self._accept(stored, name, prefix, depth)

    def _mail(self, path: Path, prefix: str, depth: int) -> None:
        with path.open("rb") as handle:
            message = BytesParser(policy=policy.default).parse(handle)
        if self.found.sender is None:
            self.found.sender = str(message.get("From", ""))[:200] or None
            self.found.subject = str(message.get("Subject", ""))[:300] or None
        for name, content in _attachments(message):
            import io

            stored = self._store(io.BytesIO(content), name, prefix)
            if stored is not None:
                self._accept(stored, name, prefix, depth)

    def _store(self, source: IO[bytes], name: str, prefix: str) -> Path | None:
        """Copy at most the allowed bytes, counted as they come: the sizes an archive declares are not trusted."""
        if len(self.found.files) + len(self.found.refused) >= 4 * self.max_files:
            raise ReadingFailedError("drawing.archive_bomb", "Archive refusée : beaucoup trop de fichiers.")
        number = len(list(self.folder.iterdir()))
        suffix = ending(name)
        target = self.folder / (f"{number:05d}" + (f".{suffix}" if suffix.isalnum() else ""))
        size = 0
        with target.open("wb") as handle:
            while chunk := source.read(_CHUNK):
                size += len(chunk)
                self.found.total_bytes += len(chunk)
                if self.found.total_bytes > self.max_total_bytes:
                    raise ReadingFailedError(
                        "drawing.archive_bomb", "Archive refusée : contenu décompressé démesuré."
                    )
                if size > self.limits.max_bytes:
                    break
                handle.write(chunk)
        if size > self.limits.max_bytes:
            target.unlink()
            self._refuse(prefix + name, "drawing.too_large")
            return None
        return target

    def _accept(self, stored: Path, name: str, prefix: str, depth: int) -> None:
        detection = detect(stored, self.limits)
        if detection.format in ("zip", "eml") and ending(name) not in _NATIVE_ZIPPED:
            if depth >= MAX_DEPTH:
                self._refuse(prefix + name, "drawing.nested_archive")
                return
            try:
                self.open(stored, f"{prefix}{name}/", depth + 1)
            except ReadingFailedError as failure:
                if failure.error.code == "drawing.archive_bomb":
                    raise
                self._refuse(prefix + name, failure.error.code)
            return
        if len(self.found.files) >= self.max_files:
            self._refuse(prefix + name, "drawing.too_many_files")
            return
        self.found.files.append(
            {"name": PurePosixPath(name).name, "path_in_archive": prefix + name, "stored": stored.name}
        )

    def _refuse(self, name: str, code: str) -> None:
        self.found.refused.append({"name": name[:300], "code": code})


_NATIVE_ZIPPED = frozenset({"fcstd", "3mf", "f3z", "docx", "xlsx", "pptx"})


def _name_refusal(name: str, member: zipfile.ZipInfo) -> str | None:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or (parts and parts[0].endswith(":")) or "\x00" in name:
        return "drawing.archive_path"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "drawing.archive_path"
    if member.flag_bits & 0x1:
        return "drawing.archive_encrypted"
    if ending(name) in SCRIPT_ENDINGS | MACRO_ENDINGS:
        return "drawing.executable_content"
    if ending(name) in ARCHIVE_ENDINGS - {"zip"}:
        return "drawing.archive_format"
    return None


def _attachments(message: Any) -> Iterator[tuple[str, bytes]]:
    """Attached files of a message and of messages forwarded inside it; pictures of the signature are left out."""
    for part in message.walk():
        if not isinstance(part, EmailMessage) or part.is_multipart():
            continue
        name = part.get_filename()
        if not name:
            continue
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            continue
        is_inline = part.get_content_disposition() == "inline" or part.get("Content-ID") is not None
        if is_inline and part.get_content_maintype() == "image" and len(content) < _INLINE_PICTURE_BYTES:
            continue
        yield PurePosixPath(name.replace("\\", "/")).name, content
