"""From received files to a validated analysis (DRW-01, DRW-10, DRW-33, DRW-35, DRW-38)."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sqlalchemy import delete, inspect, select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.errors import BusinessError, FieldError, TooLarge, UnsupportedFormat
from coordinator.kernel.lifecycle import move
from coordinator.modules.catalogue import api as catalogue
from coordinator.modules.catalogue.models import Part, PartRevision
from coordinator.modules.documents import api as documents
from coordinator.modules.drawings import results
from coordinator.modules.drawings.models import (
    DrawingAnalysis,
    DrawingAnalysisFile,
    DrawingCorrection,
    DrawingFeature,
    DrawingFile,
)
from coordinator.modules.drawings.reading.grouping import stem_key
from coordinator.modules.drawings.reading.model import DrawingReading, Limits
from coordinator.modules.drawings.reading.sandbox import Sandbox

MAX_FILES = 200
ANALYSE_JOB = "drawings.analyse"
MANDATORY = ("drawing_number", "part_name", "material_id", "length_mm", "criticality")
_READ_ONLY_STATES = ("validated", "superseded", "rejected")


@dataclass(frozen=True)
class Upload:
    """One received file."""

    name: str
    content: bytes


def receive(ctx: Context, customer_id: int | None, uploads: Sequence[Upload]) -> list[DrawingAnalysis]:
    """Store the files unchanged and queue one analysis per part; files of one part go together (DRW-02).

    Raises:
        BusinessError: no file, or too many.
        TooLarge: a file beyond the limit.
        UnsupportedFormat: a content that is never a drawing.
    """
    if not uploads:
        raise BusinessError("drawing.no_file")
    if len(uploads) > MAX_FILES:
        raise BusinessError("drawing.too_many_files", limit=MAX_FILES)
    groups: dict[str, list[DrawingFile]] = {}
    for upload in uploads:
        groups.setdefault(stem_key(upload.name) or upload.name, []).append(_store(ctx, customer_id, upload))
    return [_queue(ctx, key, files) for key, files in groups.items()]


def _store(ctx: Context, customer_id: int | None, upload: Upload) -> DrawingFile:
    limit = ctx.settings.integer("drawing_max_file_mb")
    if len(upload.content) > limit << 20:
        raise TooLarge("drawing.too_large", name=upload.name, limit_mb=limit)
    if upload.content[:2] == b"MZ" or upload.content[:4] == b"\x7fELF":
        raise UnsupportedFormat("drawing.executable", name=upload.name)
    version = documents.file_document(
        ctx, "production", upload.name, upload.content, "application/octet-stream", document_type="drawing"
    )
    return ctx.add(
        DrawingFile(
            customer_id=customer_id,
            document_version_id=version.id,
            file_name=Path(upload.name).name[:255],
            file_type=Path(upload.name).suffix.lower().lstrip(".")[:20] or "?",
            size=len(upload.content),
            sha256=version.sha256,
        )
    )


def _queue(ctx: Context, key: str, files: list[DrawingFile]) -> DrawingAnalysis:
    hashes = [f.sha256 for f in files]
    earlier = select(DrawingAnalysis).join(DrawingFile, DrawingFile.id == DrawingAnalysis.drawing_file_id)
    earlier = earlier.where(DrawingFile.sha256.in_(hashes), DrawingFile.customer_id == files[0].customer_id)
    known = ctx.session.scalars(earlier.order_by(DrawingAnalysis.id.desc()).limit(1)).one_or_none()
    analysis = DrawingAnalysis(drawing_file_id=files[0].id, version_no=(known.version_no + 1 if known else 1))
    if known is not None:
        analysis.warnings = [f"Fichier déjà analysé : analyse n° {known.id}."]
    ctx.add(analysis)
    for file in files:
        file.group_key = key[:120]
        ctx.add(DrawingAnalysisFile(drawing_analysis_id=analysis.id, drawing_file_id=file.id))
    ctx.defer(ANALYSE_JOB, analysis_id=analysis.id)
    return analysis


def analyse(factory: ContextFactory, analysis_id: int) -> None:
    """Read the files in a limited child process and store what was found. Repeating it changes nothing twice."""
    with factory.open(Principal.service(ANALYSE_JOB)) as ctx:
        analysis = ctx.get(DrawingAnalysis, analysis_id, lock=True)
        if analysis.status not in {"uploaded", "analysing"}:
            return
        if analysis.status == "uploaded":
            move(ctx, analysis, "begin")
        sources = [(f.file_name, ctx.files.path(f.sha256)) for f in _files(ctx, analysis)]
    readings = _read(sources)
    with factory.open(Principal.service(ANALYSE_JOB)) as ctx:
        analysis = ctx.get(DrawingAnalysis, analysis_id, lock=True)
        if analysis.status != "analysing":
            return
        _keep(ctx, analysis, readings)


def _read(sources: list[tuple[str, Path]]) -> list[DrawingReading]:
    """Read under their original names: a wrong extension is a finding."""
    readings = []
    with tempfile.TemporaryDirectory(prefix="usinage-reading-") as folder, Sandbox(Limits()) as sandbox:
        for number, (name, path) in enumerate(sources):
            target = Path(folder) / str(number)
            target.mkdir()
            (target / Path(name).name).symlink_to(path.resolve())
            readings.append(sandbox.read(target / Path(name).name))
    for reading, (name, _) in zip(readings, sources, strict=True):
        reading.file = name
    return readings


def _keep(ctx: Context, analysis: DrawingAnalysis, readings: list[DrawingReading]) -> None:
    analysis.analysed_at = ctx.now
    analysis.progress_pct = 100
    analysis.seconds = Decimal(str(round(sum(r.seconds for r in readings), 3)))
    if all(r.error is not None for r in readings):
        first = readings[0].error
        analysis.error_code = first.code if first else None
        analysis.error_message = first.message[:500] if first else None
        move(ctx, analysis, "fail")
        return
    results.apply(analysis, readings)
    material = catalogue.find_material(ctx, analysis.material_text) if analysis.material_text else None
    if material is not None:
        analysis.material_id, analysis.iso513_group = material.id, material.iso513_group
    ctx.session.execute(delete(DrawingFeature).where(DrawingFeature.drawing_analysis_id == analysis.id))
    for feature in results.features(analysis.id, readings):
        ctx.session.add(feature)
    move(ctx, analysis, "analysed")


def _files(ctx: Context, analysis: DrawingAnalysis) -> list[DrawingFile]:
    query = select(DrawingFile).join(
        DrawingAnalysisFile, DrawingAnalysisFile.drawing_file_id == DrawingFile.id
    )
    query = query.where(DrawingAnalysisFile.drawing_analysis_id == analysis.id).order_by(DrawingFile.id)
    return list(ctx.session.scalars(query))


def on_update(ctx: Context, analysis: DrawingAnalysis) -> None:
    """A person's change of a read value is kept as a correction (DRW-35); a validated analysis is closed."""
    if analysis.status in _READ_ONLY_STATES:
        raise BusinessError("drawing.closed")
    state = inspect(analysis)
    for attribute in state.mapper.column_attrs:
        history = state.attrs[attribute.key].history
        if history.has_changes() and history.deleted:
            old, new = history.deleted[0], history.added[0] if history.added else None
            correction = DrawingCorrection(
                drawing_analysis_id=analysis.id,
                field_name=attribute.key,
                read_value=None if old is None else str(old)[:300],
                corrected_value=None if new is None else str(new)[:300],
            )
            correction.created_by_id = ctx.principal.user_id
            ctx.session.add(correction)
    if analysis.material_id is not None:
        material = ctx.get(catalogue.Material, analysis.material_id)
        analysis.iso513_group = material.iso513_group


def validate(ctx: Context, analysis: DrawingAnalysis, _params: BaseModel) -> dict[str, Any]:
    """A person answers for what was read; the part and its revision are created or found (DRW-33, DRW-38).

    Raises:
        BusinessError: ``drawing.incomplete`` with the missing fields.
    """
    missing = [FieldError(n, "field.missing") for n in MANDATORY if getattr(analysis, n) in (None, "")]
    if missing:
        raise BusinessError("drawing.incomplete", errors=missing, count=len(missing))
    revision = _part_revision(ctx, analysis)
    analysis.part_revision_id = revision.id
    analysis.validated_by_id = ctx.principal.user_id
    analysis.validated_at = ctx.now
    return {"part_revision_id": revision.id}


def _part_revision(ctx: Context, analysis: DrawingAnalysis) -> PartRevision:
    customer_id = ctx.get(DrawingFile, analysis.drawing_file_id).customer_id
    number, revision_code = analysis.drawing_number or "", analysis.revision or "-"
    found = catalogue.part_revision(
        ctx, customer_id=customer_id, drawing_number=number, revision=revision_code
    )
    if found is None:
        found = _new_revision(ctx, analysis, customer_id, number, revision_code)
    found.material_id = analysis.material_id
    found.criticality = analysis.criticality or "standard"
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


def analysed(ctx: Context, event: Any) -> None:
    """Tell the estimators that something waits for their review."""
    analysis = ctx.get(DrawingAnalysis, int(event.payload["id"]))
    name = analysis.drawing_number or ctx.get(DrawingFile, analysis.drawing_file_id).file_name
    tasks.open_task(
        ctx,
        "drawing_review",
        f"Plan à relire : {name}",
        analysis,
        role="estimator",
        dedupe_key=f"drawing:{analysis.id}",
    )
