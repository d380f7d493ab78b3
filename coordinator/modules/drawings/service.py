"""The reading job, and the commands on an analysis (DRW-10, DRW-15, DRW-33, DRW-38, DRW-46, DRW-49)."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import structlog
from pydantic import BaseModel
from sqlalchemy import select, text, update

from coordinator.kernel import tasks
from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.kernel.lifecycle import move
from coordinator.kernel.models import Task
from coordinator.modules.catalogue import api as catalogue
from coordinator.modules.catalogue.models import Part, PartRevision
from coordinator.modules.documents import api as documents
from coordinator.modules.documents.models import DocumentVersion
from coordinator.modules.drawings import access, contradictions, keeping, offered, outlook
from coordinator.modules.drawings.fieldset import MANDATORY, NO_REVISION
from coordinator.modules.drawings.imports import ANALYSE_JOB
from coordinator.modules.drawings.limits import ReadingLimits, reading_limits
from coordinator.modules.drawings.models import DrawingAnalysis, DrawingAnalysisFile, DrawingFile
from coordinator.modules.drawings.reading.detect import detect
from coordinator.modules.drawings.reading.model import DrawingReading, ReadingError
from coordinator.modules.drawings.reading.sandbox import (
    Sandbox,
    SandboxFailure,
    mismatch_warning,
    reader_kind,
)
from coordinator.modules.drawings.results import FilePart

_log = structlog.get_logger(__name__)
_PROGRESS_EVERY_S = 1.0
_ANNOUNCE = text("SELECT pg_notify('gu_live', :payload)")


def analyse(factory: ContextFactory, analysis_id: int, together: bool = False) -> None:
    """Read the files in a limited child process and store what was found. Repeating it changes nothing twice.

    ``together``: the files stay one part whatever their numbers say, because a person put them together.
    """
    with factory.open(Principal.service(ANALYSE_JOB)) as ctx:
        analysis = ctx.get(DrawingAnalysis, analysis_id, lock=True)
        if analysis.status not in {"uploaded", "analysing"}:
            return
        if analysis.status == "uploaded":
            move(ctx, analysis, "begin")
        limits = reading_limits(ctx)
        sources = [_Source(ctx, f, _link(ctx, analysis, f)) for f in access.files_of(ctx, analysis.id)]
    progress = _Progress(factory, analysis_id, len([s for s in sources if s.is_read]))
    parts = _read(sources, limits, progress)
    try:
        with factory.open(Principal.service(ANALYSE_JOB)) as ctx:
            keeping.keep(ctx, analysis_id, parts, together=together)
    except Exception:  # a supervisor: the line must end in a state a person can act on
        _log.exception("storing a reading failed", analysis=analysis_id)
        with factory.open(Principal.service(ANALYSE_JOB)) as ctx:
            keeping.give_up(ctx, analysis_id)


class _Source:
    """A file on its way to the reader, without database."""

    def __init__(self, ctx: Context, file: DrawingFile, link: DrawingAnalysisFile) -> None:
        self.file_id, self.name = file.id, file.file_name
        self.pages = [int(p) for p in link.pages] if link.pages else None
        self.solid_no, self.bom_no = link.solid_no, link.bom_no
        self.is_read = file.role == "drawing"
        self.path = ctx.files.path(file.readable_sha256 or file.sha256)


class _Progress:
    """Tells the clients how far a reading is, at most once a second and outside the history (DRW-15)."""

    def __init__(self, factory: ContextFactory, analysis_id: int, files: int) -> None:
        self._factory, self._id, self._files = factory, analysis_id, max(1, files)
        self._last = 0.0
        self.done = 0

    def __call__(self, share: float, step: str, name: str = "") -> None:
        now = time.monotonic()
        if now - self._last < _PROGRESS_EVERY_S:
            return
        self._last = now
        pct = min(99, round(100 * (self.done + share) / self._files))
        with self._factory.sessions() as session, session.begin():
            session.execute(
                update(DrawingAnalysis)
                .where(DrawingAnalysis.id == self._id, DrawingAnalysis.status == "analysing")
                .values(progress_pct=pct, progress_step=f"{name} : {step}"[:200] if name else step)
            )
            message = {
                "entity": "drawing_analysis",
                "id": self._id,
                "action": "progress",
                "row_version": None,
            }
            session.execute(_ANNOUNCE, {"payload": json.dumps({**message, "progress_pct": pct})})


def _read(sources: list[_Source], limits: ReadingLimits, progress: _Progress) -> list[FilePart]:
    """Read under their original names: a wrong extension is a finding."""
    parts: list[FilePart] = []
    with tempfile.TemporaryDirectory(prefix="usinage-reading-") as folder, limits.sandbox() as sandbox:
        for number, source in enumerate(s for s in sources if s.is_read):
            target = Path(folder) / str(number)
            target.mkdir()
            link = target / (Path(source.name).name or "plan")
            link.symlink_to(source.path.resolve())
            parts += _read_one(sandbox, source, link, progress)
            progress.done = number + 1
    return parts


def _read_one(sandbox: Sandbox, source: _Source, path: Path, progress: _Progress) -> list[FilePart]:
    started = time.perf_counter()
    found = detect(path, sandbox.limits)
    if found.error is not None:
        failed = DrawingReading(file=source.name, kind=found.kind, error=found.error)
        return [FilePart(source.file_id, source.name, failed, source.pages, [])]
    try:
        answer = sandbox.ask(
            "read_sheets", lambda share, step: progress(share, step, source.name), path=str(path),
            kind=reader_kind(found), only=source.pages,
        )  # fmt: skip
        readings = [
            (part["pages"], DrawingReading.from_json(json.dumps(part["reading"]))) for part in answer["parts"]
        ]
        sheets, warnings = answer["sheets"], answer["warnings"]
    except (SandboxFailure, ValueError) as failure:
        error = failure.error if isinstance(failure, SandboxFailure) else _UNREADABLE
        readings, sheets, warnings = (
            [(source.pages, DrawingReading(file=source.name, kind=found.kind, error=error))],
            [],
            [],
        )
    if found.mismatch:
        warnings = [*warnings, mismatch_warning(source.name, found)]
    parts = []
    for pages, whole in readings:
        reading = offered.reduced(whole, source.solid_no, source.bom_no)
        reading.file = source.name
        reading.seconds = (time.perf_counter() - started) / len(readings)
        reading.warnings = [*warnings, *reading.warnings]
        own = [{**s, "file_id": source.file_id} for s in sheets if not pages or s["page"] in pages]
        parts.append(FilePart(source.file_id, source.name, reading, pages, own))
    return parts


_UNREADABLE = ReadingError(
    "drawing.crashed", "La lecture du fichier a échoué : fichier corrompu ou trop complexe."
)


def _link(ctx: Context, analysis: DrawingAnalysis, file: DrawingFile) -> DrawingAnalysisFile:
    query = select(DrawingAnalysisFile).where(
        DrawingAnalysisFile.drawing_analysis_id == analysis.id, DrawingAnalysisFile.drawing_file_id == file.id
    )
    return ctx.session.scalars(query).one()


def retry(ctx: Context, analysis: DrawingAnalysis, _params: Any = None) -> None:
    """Read a failed analysis once more."""
    analysis.error_code = analysis.error_message = None
    analysis.progress_pct, analysis.progress_step = 0, None
    ctx.defer(ANALYSE_JOB, analysis_id=analysis.id)


def unlock(ctx: Context, analysis: DrawingAnalysis, file_id: int, password: str) -> None:
    """Open an encrypted file with the password a person gave and read it again (DRW-46).

    The password goes to the child process and nowhere else; a copy without password is kept beside the received file.

    Raises:
        BusinessError: ``drawing.wrong_password``, ``drawing.file_not_here``. Conflict: the analysis is closed.
    """
    file = _own_file(ctx, analysis, file_id)
    if analysis.status not in {"failed", "to_review"}:
        raise Conflict("drawing.closed")
    with tempfile.TemporaryDirectory(prefix="usinage-unlock-") as folder:
        target = Path(folder) / "open.pdf"
        try:
            with reading_limits(ctx).sandbox() as sandbox:
                sandbox.ask(
                    "unlock", path=str(ctx.files.path(file.sha256)), password=password, target=str(target)
                )
        except SandboxFailure as failure:
            raise BusinessError(failure.error.code, name=file.file_name) from None
        file.readable_sha256 = ctx.files.put(target.read_bytes(), "application/pdf").sha256
    ctx.note("unlock", file)
    read_again(ctx, analysis)


def read_again(ctx: Context, analysis: DrawingAnalysis) -> DrawingAnalysis:
    """Queue another reading: of the failed analysis itself, else as a new version that keeps the former (DRW-36)."""
    if analysis.status == "failed":
        move(ctx, analysis, "retry")
        return analysis
    return new_version(ctx, analysis)


def new_version(ctx: Context, analysis: DrawingAnalysis, _params: Any = None) -> DrawingAnalysis:
    """A new version of an analysis with the same files; the former stays readable, and in force while it was validated.

    Raises:
        Conflict: ``drawing.newer_version`` when one exists already.
    """
    query = select(DrawingAnalysis.id).where(
        DrawingAnalysis.previous_id == analysis.id, DrawingAnalysis.version_no == analysis.version_no + 1,
        DrawingAnalysis.status.in_(("uploaded", "analysing", "to_review", "validated")),
    )  # fmt: skip
    newer = ctx.session.scalar(query)
    if newer is not None:
        raise Conflict("drawing.newer_version", id=newer)
    made = ctx.add(
        DrawingAnalysis(
            drawing_file_id=analysis.drawing_file_id, drawing_import_id=analysis.drawing_import_id,
            customer_id=analysis.customer_id, previous_id=analysis.id, version_no=analysis.version_no + 1,
            quantity=analysis.quantity, criticality=analysis.criticality,
            certificate_required=analysis.certificate_required,
        )
    )  # fmt: skip
    keeping.copy_links(ctx, analysis, made)
    access.keep_restricted(ctx, analysis, made)
    if analysis.status in {"to_review", "failed"}:
        move(ctx, analysis, "supersede")
    ctx.defer(ANALYSE_JOB, analysis_id=made.id, together=True)
    return made


def replace_file(ctx: Context, analysis: DrawingAnalysis, file: DrawingFile) -> None:
    """Another file takes the place of those that could not be read; they stay stored (DRW-46).

    Raises:
        Conflict: the analysis did not fail.
    """
    if analysis.status != "failed":
        raise Conflict("drawing.not_failed")
    query = select(DrawingAnalysisFile).where(DrawingAnalysisFile.drawing_analysis_id == analysis.id)
    for link in ctx.session.scalars(query):
        link.archived_at = ctx.now
    ctx.add(DrawingAnalysisFile(drawing_analysis_id=analysis.id, drawing_file_id=file.id))
    access.keep_restricted(ctx, analysis, analysis)
    analysis.drawing_file_id = file.id
    move(ctx, analysis, "retry")


def _own_file(ctx: Context, analysis: DrawingAnalysis, file_id: int) -> DrawingFile:
    file = next((f for f in access.files_of(ctx, analysis.id) if f.id == file_id), None)
    if file is None:
        raise BusinessError("drawing.file_not_here", id=file_id)
    return file


def enter_by_hand(_ctx: Context, analysis: DrawingAnalysis, _params: Any = None) -> None:
    """Go on without a reading: every field is typed (DRW-48, DRW-53)."""
    analysis.warnings = [*(analysis.warnings or []), "Saisie manuelle : rien n'a été lu sur ce plan."]
    if analysis.error_message:
        analysis.warnings = [*analysis.warnings, analysis.error_message]
    analysis.progress_pct = 100


def missing_fields(analysis: DrawingAnalysis) -> list[str]:
    """Mandatory fields without an answer (DRW-33)."""
    return [name for name in MANDATORY if getattr(analysis, name) in (None, "")]


def validate(ctx: Context, analysis: DrawingAnalysis, _params: BaseModel) -> dict[str, Any]:
    """A person answers for what was read; the part and its revision are created or found (DRW-33, DRW-38).

    Raises:
        BusinessError: ``drawing.incomplete`` with the missing fields, ``drawing.contradictory`` with the open ones.
    """
    errors = [FieldError(n, "field.missing") for n in missing_fields(analysis)]
    if errors:
        raise BusinessError("drawing.incomplete", errors=errors, count=len(errors))
    still_open = contradictions.open_ones(analysis.contradictions)
    if still_open:
        errors = [
            FieldError(c["key"], "drawing.contradiction", {"message": c["message"]}) for c in still_open
        ]
        raise BusinessError("drawing.contradictory", errors=errors, count=len(errors))
    revision = _part_revision(ctx, analysis)
    analysis.part_revision_id = revision.id
    analysis.validated_by_id = ctx.principal.user_id
    analysis.validated_at = ctx.now
    for file in access.files_of(ctx, analysis.id):
        if file.document_version_id is not None:
            version = ctx.get(DocumentVersion, file.document_version_id)
            documents.link(ctx, version.document_id, revision)
    outlook.renew(ctx, analysis)
    keeping.supersede_former(ctx, analysis)
    close_review(ctx, analysis)
    return {"part_revision_id": revision.id}


def _part_revision(ctx: Context, analysis: DrawingAnalysis) -> PartRevision:
    customer_id = analysis.customer_id or ctx.get(DrawingFile, analysis.drawing_file_id).customer_id
    number, revision_code = analysis.drawing_number or "", analysis.revision or NO_REVISION
    found = catalogue.part_revision(
        ctx, customer_id=customer_id, drawing_number=number, revision=revision_code
    )
    if found is None:
        found = _new_revision(ctx, analysis, customer_id, number, revision_code)
    found.material_id = analysis.material_id
    found.criticality = analysis.criticality or "standard"
    found.certificate_required = found.certificate_required or analysis.certificate_required
    found.length_mm, found.width_mm, found.height_mm = (
        analysis.length_mm,
        analysis.width_mm,
        analysis.height_mm,
    )
    if analysis.mass_kg is not None:
        found.mass_kg = analysis.mass_kg
    ctx.session.flush()
    return found


def _new_revision(
    ctx: Context, analysis: DrawingAnalysis, customer_id: int | None, number: str, revision_code: str
) -> PartRevision:
    query = select(Part).where(Part.drawing_number == number)
    query = query.where(Part.customer_id == customer_id if customer_id else Part.customer_id.is_(None))
    part = ctx.session.scalars(query).one_or_none()
    if part is None:
        part = ctx.add(
            Part(customer_id=customer_id, name=analysis.part_name or number, drawing_number=number)
        )
    for older in ctx.session.scalars(select(PartRevision).where(PartRevision.part_id == part.id)):
        older.is_current = False
    return ctx.add(PartRevision(part_id=part.id, revision=revision_code))


def close_review(ctx: Context, analysis: DrawingAnalysis, _params: Any = None) -> None:
    """The review task is done once the analysis is decided."""
    query = select(Task).where(Task.dedupe_key == f"drawing:{analysis.id}", Task.status == "open")
    for task in ctx.session.scalars(query):
        tasks.close_task(ctx, task)


def analysed(ctx: Context, event: Any) -> None:
    """Tell the estimators that something waits for their review."""
    analysis = ctx.get(DrawingAnalysis, int(event.payload["id"]))
    name = analysis.drawing_number or ctx.get(DrawingFile, analysis.drawing_file_id).file_name
    if analysis.is_restricted:
        # The name of a restricted drawing is shown to named persons only; the task leads there.
        name = f"n° {analysis.id} (accès restreint)"
    tasks.open_task(
        ctx,
        "drawing_review",
        f"Plan à relire : {name}",
        analysis,
        role="estimator",
        dedupe_key=f"drawing:{analysis.id}",
    )
