"""Content-addressed file store: a content is kept once, under its SHA-256, and never changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from sqlalchemy.dialects.postgresql import insert

from coordinator.kernel.errors import NotFound, TooLarge, Unavailable

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_CHUNK = 1 << 20
_MIN_FREE_BYTES = 64 << 20


@dataclass(frozen=True)
class StoredContent:
    """What the store knows of a content."""

    sha256: str
    size: int
    path: Path


class FileStore:
    """Folder ``ab/cd/<sha256>``; files are written aside, flushed to disk, then renamed, so that none is ever half there."""

    def __init__(self, root: Path, session: Session | None = None) -> None:
        self._root = root
        self._session = session

    def path(self, sha256: str) -> Path:
        """Place of a content."""
        if len(sha256) != 64 or not all(c in "0123456789abcdef" for c in sha256):
            raise NotFound(entity="stored_file", id=sha256)
        return self._root / sha256[:2] / sha256[2:4] / sha256

    def put(
        self,
        data: bytes | IO[bytes],
        media_type: str = "application/octet-stream",
        *,
        max_bytes: int | None = None,
    ) -> StoredContent:
        """Store a content and record its metadata in the caller's transaction.

        Raises:
            TooLarge: more than ``max_bytes``.
            Unavailable: ``files.disk_full``.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._root).free < _MIN_FREE_BYTES:
            raise Unavailable("files.disk_full")
        digest = hashlib.sha256()
        size = 0
        handle, name = tempfile.mkstemp(dir=self._root, prefix=".incoming-")
        try:
            with os.fdopen(handle, "wb") as target:
                for chunk in _chunks(data):
                    size += len(chunk)
                    if max_bytes is not None and size > max_bytes:
                        raise TooLarge(limit_mb=max_bytes // (1 << 20))
                    digest.update(chunk)
                    target.write(chunk)
                target.flush()
                os.fsync(target.fileno())
            content = StoredContent(digest.hexdigest(), size, self.path(digest.hexdigest()))
            content.path.parent.mkdir(parents=True, exist_ok=True)
            Path(name).replace(content.path)
            _fsync_folder(content.path.parent)
        except OSError as error:
            raise Unavailable("files.disk_full") from error
        finally:
            Path(name).unlink(missing_ok=True)
        self._record(content, media_type)
        return content

    def _record(self, content: StoredContent, media_type: str) -> None:
        if self._session is None:
            return
        from coordinator.kernel.models import StoredFile

        row = {"sha256": content.sha256, "size": content.size, "media_type": media_type}
        self._session.execute(insert(StoredFile).values(row).on_conflict_do_nothing())

    def read(self, sha256: str) -> bytes:
        """Whole content.

        Raises:
            NotFound: the content is not in the store.
        """
        path = self.path(sha256)
        if not path.is_file():
            raise NotFound(entity="stored_file", id=sha256)
        return path.read_bytes()

    def is_intact(self, sha256: str) -> bool:
        """Whether the content is there and still matches its name (DOC-48)."""
        path = self.path(sha256)
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == sha256


def _chunks(data: bytes | IO[bytes]) -> Iterator[bytes]:
    if isinstance(data, bytes):
        yield data
        return
    while chunk := data.read(_CHUNK):
        yield chunk


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
