"""Receiving files, archives and e-mails; one analysis per part (DRW-01, DRW-02, DRW-04…08, DRW-46, DRW-47)."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import IO, Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, DomainError, FieldError, TooLarge, UnsupportedFormat
from coordinator.kernel.i18n import t
from coordinator.modules.documents import api as documents
from coordinator.modules.drawings import access
from coordinator.modules.drawings.limits import ReadingLimits, reading_limits
from coordinator.modules.drawings.models import (
    DrawingAnalysis,
    DrawingAnalysisFile,
    DrawingFile,
    DrawingImport,
)
from coordinator.modules.drawings.reading.detect import NATIVE_CAD, Detection, detect, ending
from coordinator.modules.drawings.reading.grouping import stem_key
from coordinator.modules.drawings.reading.sandbox import SandboxFailure
from coordinator.modules.identity import api as identity

ANALYSE_JOB = "drawings.analyse"
HOSTILE = frozenset({"drawing.executable_content", "drawing.archive_bomb", "drawing.archive_path"})
"""Refusals that are also written to the security log (DRW-47)."""
_STORED_THOUGH_UNREAD = frozenset({"drawing.conversion_needed", "drawing.corrupt"})
_LIVE = ("uploaded", "analysing", "to_review", "validated")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Upload:
    """One received file; ``stream`` is read once."""

    name: str
    stream: IO[bytes]


@dataclass
class _Piece:
    """A file on its way in."""

    name: str
    path: Path
    path_in_archive: str | None = None
    role: str = "drawing"
    form: str = ""
    sha256: str = ""


@dataclass
class Received:
    """Outcome of an import: analyses queued, files refused ``{name, code, message}``, files known ``{name, analysis_id}``."""

    record: DrawingImport
    limit_mb: int
    max_files: int
    analyses: list[DrawingAnalysis] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    known: list[dict[str, Any]] = field(default_factory=list)

    def refusal(self) -> DomainError | None:
        """Why nothing at all was kept; None when something was, or was known."""
        if self.analyses or self.known or not self.refused:
            return None
        code = self.refused[0]["code"]
        kind = TooLarge if code == "drawing.too_large" else _STATUS.get(code, BusinessError)
        errors = [FieldError(r["name"][:120], r["code"], self._params(r["name"])) for r in self.refused]
        params = self._params(self.refused[0]["name"])
        return kind(code, errors=errors, extra={"refused": self.refused}, **params)

    def _params(self, name: str) -> dict[str, Any]:
        extension = ending(name) or "sans extension"
        return {"name": name, "extension": extension, "limit_mb": self.limit_mb, "limit": self.max_files}


_STATUS: dict[str, type[DomainError]] = dict.fromkeys(
    (
        "drawing.executable_content", "drawing.unsupported_format", "drawing.archive_format", "drawing.archive_bomb",
        "drawing.archive_path", "drawing.archive_encrypted", "drawing.nested_archive", "drawing.mail_format",
    ),
    UnsupportedFormat,
)  # fmt: skip


def receive(
    ctx: Context,
    customer_id: int | None,
    uploads: Sequence[Upload],
    *,
    quantity: Decimal | None = None,
    again: bool = False,
) -> Received:
    """Store the files unchanged and queue one analysis per part; files of one part go together (DRW-02).

    A file that cannot be taken is told in ``refused`` and the others go on. A part whose files were all received before
    from this customer is told in ``known`` with its analysis, unless ``again``.

    Raises:
        BusinessError: ``drawing.no_file``, ``drawing.too_many_files``.
    """
    if not uploads:
        raise BusinessError("drawing.no_file")
    limits = reading_limits(ctx)
    if len(uploads) > limits.max_files:
        raise BusinessError("drawing.too_many_files", limit=limits.max_files)
    record = ctx.add(DrawingImport(customer_id=customer_id))
    received = Received(record, limits.limits.max_bytes >> 20, limits.max_files)
    with tempfile.TemporaryDirectory(prefix="usinage-import-") as folder:
        pieces = _Intake(ctx, received, Path(folder), limits).take(uploads)
        for key, group in _groups(pieces).items():
            _queue(ctx, received, key, group, quantity, again)
    record.file_count = sum(1 for _ in pieces)
    record.refused, record.known = received.refused or None, received.known or None
    _log_hostile(ctx, received)
    return received


@dataclass
class _Intake:
    """Copies, recognises and unpacks what comes in."""

    ctx: Context
    received: Received
    folder: Path
    limits: ReadingLimits
    seen: dict[str, str] = field(default_factory=dict)
    kept: list[_Piece] = field(default_factory=list)

    def take(self, uploads: Sequence[Upload]) -> list[_Piece]:
        """Pieces to keep, in order."""
        for number, upload in enumerate(uploads):
            name = clean_name(upload.name)
            suffix = ending(name)
            path = self.folder / (f"{number:05d}" + (f".{suffix}" if suffix.isalnum() else ""))
            if _copy(upload.stream, path, self.limits.limits.max_bytes):
                self._one(_Piece(name, path), number)
            else:
                self._refuse(name, "drawing.too_large")
        return self.kept

    def _one(self, piece: _Piece, number: int = 0) -> None:
        found = detect(piece.path, self.limits.limits)
        if found.format in ("zip", "eml") and (found.error is None or found.error.code in _OPENED):
            self._container(piece, found, number)
            return
        piece.form = found.format
        if found.error is not None:
            code = found.error.code
            if code == "drawing.unsupported_format" and ending(piece.name) in NATIVE_CAD:
                piece.role = "attachment"
            elif code not in _STORED_THOUGH_UNREAD:
                self._refuse(piece.path_in_archive or piece.name, code)
                return
        if len(self.kept) >= self.limits.max_files:
            self._refuse(piece.path_in_archive or piece.name, "drawing.too_many_files")
            return
        piece.sha256 = _sha256(piece.path)
        if piece.sha256 in self.seen:
            self.received.known.append(
                {"name": piece.name, "analysis_id": None, "same_as": self.seen[piece.sha256],
                 "message": t("drawing.same_file", self.ctx.locale, name=self.seen[piece.sha256])}
            )  # fmt: skip
            return
        self.seen[piece.sha256] = piece.name
        self.kept.append(piece)

    def _container(self, piece: _Piece, found: Detection, number: int) -> None:
        target = self.folder / f"unpacked-{number:05d}"
        target.mkdir()
        try:
            with self.limits.sandbox() as sandbox:
                answer = sandbox.ask(
                    "unpack", path=str(piece.path), folder=str(target), max_files=self.limits.max_files,
                    max_total_bytes=self.limits.max_unpacked_bytes,
                )  # fmt: skip
        except SandboxFailure as failure:
            self._refuse(piece.name, failure.error.code)
            return
        record = self.received.record
        record.sender, record.subject = answer["sender"] or record.sender, answer["subject"] or record.subject
        for refused in answer["refused"]:
            self._refuse(refused["name"], refused["code"])
        if not answer["files"] and not answer["refused"]:
            self._refuse(piece.name, "drawing.empty_container")
            return
        if found.format == "eml" and piece.path.stat().st_size:
            # The message itself is kept: it says who sent the drawings and when (DRW-08).
            self.kept.append(
                _Piece(piece.name, piece.path, role="container", form="eml", sha256=_sha256(piece.path))
            )
        for file in answer["files"]:
            self._one(_Piece(clean_name(file["name"]), target / file["stored"], file["path_in_archive"]))

    def _refuse(self, name: str, code: str) -> None:
        params = {
            "name": name,
            "limit_mb": self.limits.limits.max_bytes >> 20,
            "limit": self.limits.max_files,
        }
        params["extension"] = ending(name) or "sans extension"
        message = t(f"error.{code}", self.ctx.locale, **params)
        self.received.refused.append({"name": name[:300], "code": code, "message": message})


_OPENED = frozenset({"drawing.archive", "drawing.mail", "drawing.executable_content"})


def clean_name(name: str) -> str:
    """Last part of a file name as a person wrote it, without control characters; never a path."""
    last = PurePosixPath(name.replace("\\", "/")).name
    shown = "".join(c for c in last if c.isprintable()).strip()
    return (shown if shown.strip(".") else "")[-200:] or "sans-nom"


def _copy(stream: IO[bytes], path: Path, max_bytes: int) -> bool:
    size = 0
    with path.open("wb") as target:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > max_bytes:
                return False
            target.write(chunk)
    return True


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _groups(pieces: Sequence[_Piece]) -> dict[str, list[_Piece]]:
    """Files by stem, drawings before attachments; a message belongs to no part."""
    groups: dict[str, list[_Piece]] = {}
    for piece in sorted((p for p in pieces), key=lambda p: p.role != "drawing"):
        key = "" if piece.role == "container" else stem_key(piece.name) or piece.name
        groups.setdefault(key, []).append(piece)
    return groups


def _queue(
    ctx: Context, received: Received, key: str, group: list[_Piece], quantity: Decimal | None, again: bool
) -> None:
    record = received.record
    if not key:
        for piece in group:
            _store(ctx, record, piece, key)
        return
    known = _known_analysis(ctx, record.customer_id, [p.sha256 for p in group])
    if known is not None and not again:
        visible = access.may_open(ctx, known)
        for piece in group:
            received.known.append(
                {"name": piece.name, "analysis_id": known.id if visible else None, "same_as": None,
                 "message": t("drawing.already_analysed", ctx.locale, id=known.id)}
            )  # fmt: skip
        return
    files = [_store(ctx, record, piece, key) for piece in group]
    analysis = DrawingAnalysis(
        drawing_file_id=files[0].id, drawing_import_id=record.id, customer_id=record.customer_id, quantity=quantity,
        version_no=known.version_no + 1 if known else 1, previous_id=known.id if known else None,
    )  # fmt: skip
    if known is not None:
        analysis.warnings = [t("drawing.already_analysed", "fr", id=known.id)]
    received.analyses.append(queue(ctx, analysis, files))
    if known is not None:
        access.keep_restricted(ctx, known, analysis)


def queue(ctx: Context, analysis: DrawingAnalysis, files: Sequence[DrawingFile]) -> DrawingAnalysis:
    """Add an analysis of these files and queue its reading."""
    ctx.add(analysis)
    for file in files:
        ctx.add(DrawingAnalysisFile(drawing_analysis_id=analysis.id, drawing_file_id=file.id))
    ctx.defer(ANALYSE_JOB, analysis_id=analysis.id)
    return analysis


def _store(ctx: Context, record: DrawingImport, piece: _Piece, key: str) -> DrawingFile:
    return store(
        ctx, record, piece.name, piece.path.read_bytes(), role=piece.role, form=piece.form, group_key=key,
        path_in_archive=piece.path_in_archive,
    )  # fmt: skip


def store(
    ctx: Context,
    record: DrawingImport | None,
    name: str,
    content: bytes,
    *,
    role: str = "drawing",
    form: str = "",
    group_key: str | None = None,
    path_in_archive: str | None = None,
    customer_id: int | None = None,
) -> DrawingFile:
    """File one content with its hash, size, type, sender and date (DRW-08)."""
    version = documents.file_document(
        ctx, "production", name, content, "application/octet-stream", document_type="drawing", file_name=name
    )
    return ctx.add(
        DrawingFile(
            drawing_import_id=record.id if record else None,
            customer_id=record.customer_id if record else customer_id,
            document_version_id=version.id,
            role=role,
            file_name=name[:255],
            path_in_archive=path_in_archive[:300] if path_in_archive else None,
            sender=record.sender if record else None,
            file_type=(form or ending(name) or "?")[:20],
            size=len(content),
            sha256=version.sha256,
            group_key=(group_key or "")[:120] or None,
        )
    )


def _known_analysis(ctx: Context, customer_id: int | None, hashes: Sequence[str]) -> DrawingAnalysis | None:
    """Newest living analysis of this customer that holds all these contents (DRW-08)."""
    holds = (
        select(DrawingAnalysisFile.drawing_analysis_id, DrawingFile.sha256)
        .join(DrawingFile, DrawingFile.id == DrawingAnalysisFile.drawing_file_id)
        .join(DrawingAnalysis, DrawingAnalysis.id == DrawingAnalysisFile.drawing_analysis_id)
        .where(DrawingFile.sha256.in_(hashes), DrawingAnalysis.status.in_(_LIVE))
        .where(DrawingAnalysis.archived_at.is_(None))
        .where(DrawingAnalysisFile.solid_no.is_(None), DrawingAnalysisFile.bom_no.is_(None))
    )
    same = (
        DrawingFile.customer_id == customer_id
        if customer_id is not None
        else DrawingFile.customer_id.is_(None)
    )
    contents: dict[int, set[str]] = {}
    for analysis_id, sha256 in ctx.session.execute(holds.where(same)):
        contents.setdefault(analysis_id, set()).add(sha256)
    complete = [i for i, found in contents.items() if found == set(hashes)]
    return ctx.get(DrawingAnalysis, max(complete)) if complete else None


def _log_hostile(ctx: Context, received: Received) -> None:
    hostile = [r for r in received.refused if r["code"] in HOSTILE]
    for refused in hostile:
        identity.security_event(ctx, "drawing_refused", "refused", file=refused["name"], code=refused["code"])
    if hostile:
        names = ", ".join(r["name"] for r in hostile)
        ctx.note("refuse_file", received.record, details=names[:500], critical=True)
