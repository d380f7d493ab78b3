"""Files of stations in pieces (EDG-18): resumed where they stopped, proven by their SHA-256, kept once.

Pieces gather in ``data/incoming/<station>/<sha256>.part``, each flushed to the disk before it is acknowledged, one at a
time per station. The length of that file is all there is to know, so that a crash of either side costs at most a piece.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from coordinator.kernel.context import Context, ContextFactory
from coordinator.kernel.errors import (
    BusinessError,
    Conflict,
    DomainError,
    NotFound,
    TooLarge,
    Unavailable,
    UnsupportedFormat,
)
from coordinator.kernel.registry import Permission
from coordinator.modules.machines import api as machines
from coordinator.modules.stations.models import (
    CabinetSession,
    Station,
    StationFile,
    VisionCount,
    VisionDetection,
)

PIECE_MAX_BYTES = 1 << 20
KEPT_PART = dt.timedelta(days=7)
_MAX_OPEN_PARTS = 16
_MIN_FREE_BYTES = 256 << 20
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_STARTS: dict[str, tuple[int, tuple[bytes, ...]]] = {
    "image/jpeg": (0, (b"\xff\xd8\xff",)),
    "image/png": (0, (b"\x89PNG\r\n\x1a\n",)),
    "image/webp": (8, (b"WEBP",)),
    "video/mp4": (4, (b"ftyp",)),
    "application/gzip": (0, (b"\x1f\x8b",)),
}
"""Accepted types and the bytes such a file begins with."""


class RangeNotSatisfiable(DomainError):
    """The piece does not fit the file it belongs to."""

    status: ClassVar[int] = 416
    default_code: ClassVar[str] = "station.bad_range"


@dataclass(frozen=True)
class Piece:
    """Bytes ``first`` to ``last`` of ``total``."""

    first: int
    last: int
    total: int
    data: bytes

    @classmethod
    def parse(cls, header: str | None, data: bytes) -> Piece:
        """Piece of a request; without ``Content-Range`` the body is the whole file.

        Raises:
            RangeNotSatisfiable: the header and the body do not agree.
        """
        if header is None:
            header = f"bytes 0-{len(data) - 1}/{len(data)}"
        found = _RANGE.fullmatch(header.strip())
        if found is None:
            raise RangeNotSatisfiable(extra={"received": 0})
        first, last, total = map(int, found.groups())
        if not first <= last < total or last - first + 1 != len(data):
            raise RangeNotSatisfiable(extra={"received": 0})
        return cls(first, last, total, data)


@dataclass(frozen=True)
class Progress:
    """How much of a file is held; ``status`` is the HTTP status that says so."""

    received: int
    status: int


def receive(ctx: Context, station: Station, sha256: str, media_type: str, piece: Piece) -> Progress:
    """Take one piece; the file is stored once its last byte has come and its hash is right.

    Raises:
        NotFound: ``sha256`` is no hash. TooLarge, UnsupportedFormat: limits.
        Conflict: ``station.upload_offset`` with ``received``, where to go on.
    """
    if not _SHA256.fullmatch(sha256):
        raise NotFound(entity="stored_file", id=sha256[:64])
    held = _file(ctx, station, sha256)
    if held is not None and ctx.files.is_intact(sha256):
        return Progress(held.size, 200)
    limit_mb = ctx.settings.integer("station_upload_max_mb")
    if piece.total > limit_mb << 20:
        raise TooLarge(limit_mb=limit_mb)
    media_type = media_type.partition(";")[0].strip().lower()
    _check_type(media_type, piece)
    folder = ctx.config.data_dir / "incoming" / station.code
    with _alone(folder):
        part = folder / f"{sha256}.part"
        received = _append(part, piece)
        if received < piece.total:
            return Progress(received, 202)
        _finish(ctx, station, sha256, media_type, part)
    return Progress(received, 201)


def _check_type(media_type: str, piece: Piece) -> None:
    if media_type not in _STARTS:
        raise UnsupportedFormat("station.file_type", type=media_type[:80], expected=", ".join(_STARTS))
    offset, starts = _STARTS[media_type]
    if piece.first == 0 and not piece.data[offset:].startswith(starts):
        raise UnsupportedFormat("station.file_content", type=media_type)


def _append(part: Path, piece: Piece) -> int:
    """Bytes held afterwards; a piece that does not follow on is refused with what is held."""
    held = part.stat().st_size if part.exists() else 0
    if held > piece.total:
        part.unlink()
        held = 0
    if piece.first != held:
        raise Conflict("station.upload_offset", extra={"received": held})
    if held == 0:
        _make_room(part.parent)
    if shutil.disk_usage(part.parent).free < _MIN_FREE_BYTES:
        raise Unavailable("files.disk_full")
    with part.open("ab") as target:
        target.write(piece.data)
        target.flush()
        os.fsync(target.fileno())
    return held + len(piece.data)


def _finish(ctx: Context, station: Station, sha256: str, media_type: str, part: Path) -> None:
    with part.open("rb") as source:
        if hashlib.file_digest(source, "sha256").hexdigest() != sha256:
            part.unlink()
            raise Conflict("station.upload_damaged", extra={"received": 0})
        source.seek(0)
        stored = ctx.files.put(source, media_type)
    row = {
        "station_id": station.id,
        "sha256": sha256,
        "size": stored.size,
        "media_type": media_type,
        "received_at": ctx.now,
    }
    ctx.session.execute(insert(StationFile).values(row).on_conflict_do_nothing())
    part.unlink()


def _make_room(folder: Path) -> None:
    """Files begun and never finished must not pile up: the longest untouched ones go."""
    parts = sorted(folder.glob("*.part"), key=lambda path: path.stat().st_mtime)
    for path in parts[: max(0, len(parts) - _MAX_OPEN_PARTS + 1)]:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One piece of a station at a time, whatever number of processes serves it."""
    folder.mkdir(parents=True, exist_ok=True)
    handle: IO[str]
    with (folder / ".lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _file(ctx: Context, station: Station, sha256: str) -> StationFile | None:
    query = select(StationFile).where(StationFile.station_id == station.id, StationFile.sha256 == sha256)
    return ctx.session.scalars(query).one_or_none()


def clean(factory: ContextFactory) -> None:
    """Recurring job: forget pieces of files nobody went on with."""
    limit = time.time() - KEPT_PART.total_seconds()
    for part in (factory.config.data_dir / "incoming").glob("*/*.part"):
        with contextlib.suppress(FileNotFoundError):
            if part.stat().st_mtime < limit:
                part.unlink()


# what people see ----------------------------------------------------------------------------------------------


def readable(ctx: Context, sha256: str) -> tuple[Path, str]:
    """Place and type of a station's file, for a person who may see it: photographs of cabinets for those who decide
    about them (VIS-28), everything else with the right on the platform. Pictures of machine cameras are shown by their clip alone,
    where every look is written down.

    Raises:
        NotFound: no station sent it, or the store has lost it. Unauthenticated, Forbidden.
        BusinessError: ``station.file_damaged``.
    """
    shown = _shown_in(ctx, sha256)
    ctx.require(Permission("platform", "read") if shown is None else Permission("vision", "validate"))
    query = select(StationFile.media_type).where(StationFile.sha256 == sha256).limit(1)
    media_type = ctx.session.scalar(query)
    if media_type is None or machines.is_camera_picture(ctx, sha256) or not ctx.files.path(sha256).is_file():
        raise NotFound(entity="stored_file", id=sha256[:64])
    if not ctx.files.is_intact(sha256):
        raise BusinessError("station.file_damaged")
    if shown is not None:
        ctx.note("view_image", shown)
    return ctx.files.path(sha256), media_type


def _shown_in(ctx: Context, sha256: str) -> CabinetSession | None:
    """Opening of a cabinet a picture or a crop belongs to."""
    whole = or_(CabinetSession.image_before == sha256, CabinetSession.image_after == sha256)
    session = ctx.session.scalars(select(CabinetSession).where(whole).limit(1)).first()
    if session is not None:
        return session
    crops = or_(VisionDetection.crop_before == sha256, VisionDetection.crop_after == sha256)
    query = select(CabinetSession).join(
        VisionDetection, VisionDetection.cabinet_session_id == CabinetSession.id
    )
    found = ctx.session.scalars(query.where(crops).limit(1)).first()
    if found is not None:
        return found
    counted = select(CabinetSession).join(VisionCount, VisionCount.uid == CabinetSession.uid)
    return ctx.session.scalars(counted.where(VisionCount.image == sha256).limit(1)).first()


def photographs(ctx: Context, session: CabinetSession) -> list[dict[str, Any]]:
    """Photographs of a session: ``{moment, sha256, url}``; ``url`` is empty until the file has arrived, and for who may not see it."""
    named = [("before", session.image_before), ("after", session.image_after)]
    wanted = [sha256 for _, sha256 in named if sha256]
    query = select(StationFile.sha256).where(
        StationFile.station_id == session.station_id, StationFile.sha256.in_(wanted)
    )
    may_see = ctx.principal.kind == "service" or ctx.principal.may("vision", "validate")
    arrived = set(ctx.session.scalars(query)) if wanted and may_see else set()
    return [
        {
            "moment": moment,
            "sha256": sha256,
            "url": f"/api/v1/stations/files/{sha256}" if sha256 in arrived else None,
        }
        for moment, sha256 in named
        if sha256
    ]
