"""Keeping what was read: one analysis per part, joined and split by drawing number, then by the user (DRW-02, DRW-03)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.kernel.lifecycle import move
from coordinator.modules.catalogue import api as catalogue
from coordinator.modules.drawings import (
    access,
    contradictions,
    feature_rows,
    features,
    learning,
    outlook,
    results,
    textlines,
)
from coordinator.modules.drawings.fieldset import BY_NAME
from coordinator.modules.drawings.imports import ANALYSE_JOB
from coordinator.modules.drawings.models import (
    DrawingAnalysis,
    DrawingAnalysisFile,
    DrawingCorrection,
    DrawingFile,
    DrawingImport,
)
from coordinator.modules.drawings.reading.grouping import group_readings, number_key
from coordinator.modules.drawings.reading.model import DrawingReading, ReadingError
from coordinator.modules.drawings.results import FilePart

BY_HAND = frozenset({"drawing.reader_missing", "drawing.conversion_needed", "drawing.conversion_failed"})
"""Failures that leave nothing to mend in the file: the line goes on by manual entry (DRW-53)."""


class FilesParams(BaseModel):
    """Files, or sheets of one file, that make a part of their own."""

    file_ids: list[int] = Field(default_factory=list, max_length=200)
    file_id: int | None = None
    pages: list[int] = Field(default_factory=list, max_length=2000)


class JoinParams(BaseModel):
    """The analysis whose files are added to this one."""

    analysis_id: int = Field(
        ge=1, json_schema_extra={"x-field": {"type": "reference", "target": "drawing-analyses"}}
    )


def keep(ctx: Context, analysis_id: int, parts: list[FilePart], *, together: bool) -> None:
    """Store a reading: further parts found in the files become analyses of their own, a part known from the same import is
    joined, and what could not be read ends the analysis with its reason."""
    analysis = ctx.get(DrawingAnalysis, analysis_id, lock=True)
    if analysis.status != "analysing":
        return
    if (
        analysis.drawing_import_id is not None
    ):  # two jobs of one import must not both look for the other's number
        ctx.get(DrawingImport, analysis.drawing_import_id, lock=True)
    groups = [parts] if together or len(parts) < 2 else _by_part(parts)
    fill(ctx, analysis, groups[0])
    for group in groups[1:]:
        _further(ctx, analysis, group)
    if not together and analysis.status == "to_review":
        _join_same_number(ctx, analysis)


def _by_part(parts: list[FilePart]) -> list[list[FilePart]]:
    by_reading = {id(p.reading): p for p in parts}
    return [
        [by_reading[id(r)] for r in group.readings] for group in group_readings([p.reading for p in parts])
    ]


def fill(ctx: Context, analysis: DrawingAnalysis, parts: list[FilePart]) -> None:
    """Put a part's reading into its analysis and move it on: to review, or failed."""
    analysis.analysed_at, analysis.progress_pct, analysis.progress_step = ctx.now, 100, None
    analysis.seconds = Decimal(str(round(sum(p.reading.seconds for p in parts), 3)))
    _note_attachments(ctx, analysis)
    errors = [p.reading.error for p in parts if p.reading.error is not None]
    if parts and len(errors) == len(parts):
        _unread(ctx, analysis, errors)
        return
    if parts:
        _store(ctx, analysis, parts)
    move(ctx, analysis, "analysed")


def _unread(ctx: Context, analysis: DrawingAnalysis, errors: Sequence[ReadingError]) -> None:
    analysis.error_code, analysis.error_message = errors[0].code, errors[0].message[:500]
    if all(e.code in BY_HAND for e in errors):
        analysis.warnings = [*(analysis.warnings or []), *dict.fromkeys(e.message for e in errors)]
        move(ctx, analysis, "analysed")
    else:
        move(ctx, analysis, "fail")


def _note_attachments(ctx: Context, analysis: DrawingAnalysis) -> None:
    """Native CAD is kept and an export asked for (DRW-04 level 3)."""
    natives = [f for f in access.files_of(ctx, analysis.id) if f.role == "attachment"]
    if natives:
        names = ", ".join(f.file_name for f in natives)
        note = f"CAO native gardée en pièce jointe, non lue ({names}) : demandez un export STEP ou PDF."
        analysis.warnings = list(dict.fromkeys([*(analysis.warnings or []), note]))


def _store(ctx: Context, analysis: DrawingAnalysis, parts: list[FilePart]) -> None:
    _link_pages(ctx, analysis, parts)
    filled = results.gather(parts)
    results.apply(analysis, parts, filled, float(ctx.settings.decimal("drawing_empty_confidence")))
    _secrecy(ctx, analysis, parts)
    style = learning.recognise(ctx, analysis)
    analysis.title_block_style_id = style.id if style else None
    learning.apply_templates(ctx, analysis)
    _material(ctx, analysis)
    _answer_again(ctx, analysis)
    analysis.treatments = results.treatments(analysis.other_values or {})
    if not filled.part.dimensions and filled.part.solid is None and not _titled(filled):
        note = "Plan illisible : rien n'a été reconnu, saisie manuelle nécessaire."
        analysis.warnings = list(dict.fromkeys([*(analysis.warnings or []), note]))
    feature_rows.replace(ctx, analysis, features.rows(analysis.id, filled.part, parts))
    _former_revision(ctx, analysis)
    outlook.renew(ctx, analysis)


def _titled(filled: results.Filled) -> bool:
    return any(v.status == "read" for v in filled.part.title_block.values())


def _link_pages(ctx: Context, analysis: DrawingAnalysis, parts: list[FilePart]) -> None:
    """Which sheets of which file belong to the analysis."""
    query = select(DrawingAnalysisFile).where(DrawingAnalysisFile.drawing_analysis_id == analysis.id)
    links = {link.drawing_file_id: link for link in ctx.session.scalars(query)}
    read = {f.id: f for f in access.files_of(ctx, analysis.id)}
    for part in parts:
        link = links.get(part.file_id)
        if link is None:
            link = ctx.add(DrawingAnalysisFile(drawing_analysis_id=analysis.id, drawing_file_id=part.file_id))
            links[part.file_id] = link
        link.pages, link.archived_at = part.pages, None
        if part.file_id in read and part.reading.pages and not part.pages:
            read[part.file_id].pages = part.reading.pages
    kept = {p.file_id for p in parts}
    for file_id, link in links.items():
        if file_id not in kept and file_id in read and read[file_id].role == "drawing":
            link.archived_at = ctx.now
    first = next((p.file_id for p in parts), None)
    if first is not None and analysis.drawing_file_id not in kept:
        analysis.drawing_file_id = first


def _material(ctx: Context, analysis: DrawingAnalysis) -> None:
    """A certain match of the written material; never while two materials are open."""
    if "material_id" in contradictions.open_fields(analysis.contradictions) or not analysis.material_text:
        return
    material = catalogue.find_material(ctx, analysis.material_text)
    if material is not None:
        analysis.material_id, analysis.iso513_group = material.id, material.iso513_group


def _secrecy(ctx: Context, analysis: DrawingAnalysis, parts: list[FilePart]) -> None:
    texts = [note.text for p in parts for note in p.reading.notes]
    texts += [line for p in parts for sheet in p.sheets for line in textlines.lines(sheet.get("words") or [])]
    found = access.secrecy_of(texts)
    if found is not None and not analysis.is_restricted:
        access.restrict(ctx, analysis, *found)
        note = f"Mention de confidentialité : « {found[1]} ». Accès limité aux personnes nommées."
        analysis.warnings = [*(analysis.warnings or []), note]
    elif analysis.is_restricted and analysis.created_by_id is not None:
        access.name_person(ctx, analysis, analysis.created_by_id)


def _former_revision(ctx: Context, analysis: DrawingAnalysis) -> None:
    """The newest reviewed analysis of the same number with another revision or other files is what this one is compared with."""
    if not analysis.drawing_number or analysis.previous_id is not None:
        return
    query = select(DrawingAnalysis).where(
        DrawingAnalysis.id != analysis.id, DrawingAnalysis.drawing_number == analysis.drawing_number,
        DrawingAnalysis.customer_id == analysis.customer_id if analysis.customer_id is not None else DrawingAnalysis.customer_id.is_(None),
        DrawingAnalysis.status.in_(("validated", "superseded")), DrawingAnalysis.archived_at.is_(None),
    )  # fmt: skip
    former = ctx.session.scalars(query.order_by(DrawingAnalysis.id.desc()).limit(1)).one_or_none()
    if former is not None:
        analysis.previous_id = former.id
        text = f"Plan déjà connu à l'indice {former.revision or '?'} (analyse n° {former.id}) : voyez les différences."
        analysis.warnings = [*(analysis.warnings or []), text]


def _further(ctx: Context, analysis: DrawingAnalysis, parts: list[FilePart]) -> DrawingAnalysis:
    """Another drawing found in the same files: a line of its own (DRW-03)."""
    made = DrawingAnalysis(
        drawing_file_id=parts[0].file_id, drawing_import_id=analysis.drawing_import_id, customer_id=analysis.customer_id,
        created_by_id=analysis.created_by_id,
    )  # fmt: skip
    ctx.add(made)
    for file_id in dict.fromkeys(p.file_id for p in parts):
        ctx.add(DrawingAnalysisFile(drawing_analysis_id=made.id, drawing_file_id=file_id))
    access.keep_restricted(ctx, analysis, made)
    for part in parts:
        feature_rows.move(ctx, analysis, made, part.file_id, part.pages)
    move(ctx, made, "begin")
    fill(ctx, made, parts)
    return made


def _join_same_number(ctx: Context, analysis: DrawingAnalysis) -> None:
    """A line of the same import with the same number and revision is the same part (DRW-02)."""
    key = _key(analysis)
    if key is None or analysis.drawing_import_id is None:
        return
    query = select(DrawingAnalysis).where(
        DrawingAnalysis.drawing_import_id == analysis.drawing_import_id, DrawingAnalysis.id != analysis.id,
        DrawingAnalysis.status == "to_review", DrawingAnalysis.archived_at.is_(None),
    )  # fmt: skip
    for other in ctx.session.scalars(query.order_by(DrawingAnalysis.id)):
        if _key(other) == key and not _touched(ctx, other):
            first, second = (other, analysis) if other.id < analysis.id else (analysis, other)
            join_into(ctx, first, second)
            return


def _key(analysis: DrawingAnalysis) -> str | None:
    if not analysis.reading:
        return None
    keys = {number_key(p.reading) for p in parts_of(analysis)} - {None}
    return next(iter(keys)) if len(keys) == 1 else None


def _touched(ctx: Context, analysis: DrawingAnalysis) -> bool:
    query = select(DrawingCorrection.id).where(DrawingCorrection.drawing_analysis_id == analysis.id).limit(1)
    return ctx.session.scalar(query) is not None


def parts_of(analysis: DrawingAnalysis) -> list[FilePart]:
    """The stored readings of an analysis, ready to be merged again."""
    reading = analysis.reading or {}
    parts = []
    for stored, source in zip(reading.get("files", []), reading.get("sources", []), strict=False):
        pages = source["pages"]
        sheets = [
            s
            for s in reading.get("sheets", [])
            if s["file_id"] == source["file_id"] and (not pages or s["page"] in pages)
        ]
        parts.append(
            FilePart(
                source["file_id"], source["name"], DrawingReading.from_json(json.dumps(stored)), pages, sheets
            )
        )
    return parts


def join_into(ctx: Context, first: DrawingAnalysis, second: DrawingAnalysis) -> None:
    """Add the files of ``second`` to ``first``; ``second`` is superseded and stays readable."""
    parts = parts_of(first) + parts_of(second)
    # What a person confirmed on either stays confirmed; the review compares it with the value as it then is.
    confirmed = [(one.reading or {}).get("confirmed") or {} for one in (second, first)]
    first.reading = {**(first.reading or {}), "confirmed": confirmed[0] | confirmed[1]}
    for file in access.files_of(ctx, second.id):
        link_file(ctx, first, file.id)
        feature_rows.move(ctx, second, first, file.id, None)
    for restricted in (first, second):
        access.keep_restricted(ctx, restricted, first)
    _store(ctx, first, _merged_pages(parts))
    second.previous_id = second.previous_id or first.id
    second.warnings = [*(second.warnings or []), f"Réuni avec l'analyse n° {first.id} : même pièce."]
    move(ctx, second, "supersede")


def _answer_again(ctx: Context, analysis: DrawingAnalysis) -> None:
    """What a person had corrected stays corrected when the files are merged anew."""
    query = select(DrawingCorrection).where(
        DrawingCorrection.drawing_analysis_id == analysis.id, DrawingCorrection.drawing_feature_id.is_(None),
        DrawingCorrection.archived_at.is_(None),
    )  # fmt: skip
    for correction in ctx.session.scalars(query):
        field = BY_NAME.get(correction.field_name)
        value: Any = correction.corrected_value
        if field is None or (field.type == "choice" and value is None):
            continue
        if field.type in _PARSED and value is not None:
            value = _PARSED[field.type](value)
        learning.set_value(analysis, field.name, value)
        if field.name == "material_id":
            analysis.iso513_group = ctx.get(catalogue.Material, value).iso513_group if value else None


_PARSED: dict[str, Callable[[str], Any]] = {"decimal": Decimal, "reference": int}


def link_file(ctx: Context, analysis: DrawingAnalysis, file_id: int) -> None:
    """Tie a file to an analysis, or again after it was taken out."""
    query = select(DrawingAnalysisFile).where(
        DrawingAnalysisFile.drawing_analysis_id == analysis.id, DrawingAnalysisFile.drawing_file_id == file_id
    )
    link = ctx.session.scalars(query).one_or_none()
    if link is None:
        ctx.add(DrawingAnalysisFile(drawing_analysis_id=analysis.id, drawing_file_id=file_id))
    else:
        link.archived_at = None


def _merged_pages(parts: list[FilePart]) -> list[FilePart]:
    """Parts of one file put together, so that each file is linked once."""
    from coordinator.modules.drawings.reading.paging import merge_sheets

    by_file: dict[int, list[FilePart]] = {}
    for part in parts:
        by_file.setdefault(part.file_id, []).append(part)
    merged = []
    for own in by_file.values():
        first = own[0]
        if len(own) > 1:
            reading = merge_sheets([p.reading for p in own], list(range(len(own))))
            pages = sorted({page for p in own for page in p.pages or []}) or None
            sheets = {s["page"]: s for p in own for s in p.sheets}
            first = FilePart(first.file_id, first.name, reading, pages, [sheets[k] for k in sorted(sheets)])
        merged.append(first)
    return merged


def join(ctx: Context, analysis: DrawingAnalysis, params: JoinParams) -> dict[str, Any]:
    """Join another line to this one, as a person decides (DRW-02).

    Raises:
        BusinessError: ``drawing.join_self``, ``drawing.join_customer``. Conflict: one of both is not under review.
    """
    if params.analysis_id == analysis.id:
        raise BusinessError("drawing.join_self")
    other = ctx.get(DrawingAnalysis, params.analysis_id, lock=True)
    access.check_open(ctx, other, "join")
    if other.customer_id != analysis.customer_id:
        raise BusinessError("drawing.join_customer")
    if "to_review" not in (other.status, analysis.status) or other.status != analysis.status:
        raise Conflict("drawing.not_under_review")
    join_into(ctx, analysis, other)
    return {"analysis_id": analysis.id, "superseded_id": other.id}


def split(ctx: Context, analysis: DrawingAnalysis, params: FilesParams) -> dict[str, Any]:
    """Make a line of its own of some files, or of some sheets of one file (DRW-02, DRW-03).

    Raises:
        BusinessError: ``drawing.split_nothing`` when nothing or everything would go.
    """
    if analysis.status != "to_review":
        raise Conflict("drawing.not_under_review")
    parts = parts_of(analysis)
    links = {f.id: f for f in access.files_of(ctx, analysis.id)}
    if params.pages and params.file_id is not None:
        return _split_pages(ctx, analysis, params.file_id, sorted(set(params.pages)))
    going = [p for p in parts if p.file_id in params.file_ids]
    staying = [p for p in parts if p.file_id not in params.file_ids]
    moved = [f for i, f in links.items() if i in params.file_ids]
    if not moved or len(moved) == len(links) or (parts and not staying):
        raise BusinessError("drawing.split_nothing")
    for file in moved:
        _unlink(ctx, analysis, file)
    made = _further(ctx, analysis, going) if going else _attachment_line(ctx, analysis, moved)
    for file in moved:
        link_file(ctx, made, file.id)
    if going:
        _store(ctx, analysis, staying)
    return {"analysis_id": made.id}


def _unlink(ctx: Context, analysis: DrawingAnalysis, file: DrawingFile) -> None:
    query = select(DrawingAnalysisFile).where(
        DrawingAnalysisFile.drawing_analysis_id == analysis.id, DrawingAnalysisFile.drawing_file_id == file.id
    )
    ctx.session.scalars(query).one().archived_at = ctx.now
    ctx.session.flush()


def _attachment_line(ctx: Context, analysis: DrawingAnalysis, files: list[DrawingFile]) -> DrawingAnalysis:
    made = ctx.add(
        DrawingAnalysis(
            drawing_file_id=files[0].id, drawing_import_id=analysis.drawing_import_id, customer_id=analysis.customer_id,
        )
    )  # fmt: skip
    for file in files:
        ctx.add(DrawingAnalysisFile(drawing_analysis_id=made.id, drawing_file_id=file.id))
    access.keep_restricted(ctx, analysis, made)
    move(ctx, made, "begin")
    fill(ctx, made, [])
    return made


def _split_pages(ctx: Context, analysis: DrawingAnalysis, file_id: int, pages: list[int]) -> dict[str, Any]:
    """Both halves are read again, each with its own sheets: a merged reading cannot be taken apart."""
    link = ctx.session.scalars(
        select(DrawingAnalysisFile).where(
            DrawingAnalysisFile.drawing_analysis_id == analysis.id,
            DrawingAnalysisFile.drawing_file_id == file_id, DrawingAnalysisFile.archived_at.is_(None),
        )
    ).one_or_none()  # fmt: skip
    sheets = [s["page"] for s in (analysis.reading or {}).get("sheets", []) if s["file_id"] == file_id]
    staying = [p for p in (link.pages if link and link.pages else sheets) if p not in pages]
    if link is None or not staying or not set(pages) <= set(sheets):
        raise BusinessError("drawing.split_nothing")
    made = ctx.add(
        DrawingAnalysis(
            drawing_file_id=file_id, drawing_import_id=analysis.drawing_import_id, customer_id=analysis.customer_id,
        )
    )  # fmt: skip
    ctx.add(DrawingAnalysisFile(drawing_analysis_id=made.id, drawing_file_id=file_id, pages=pages))
    access.keep_restricted(ctx, analysis, made)
    feature_rows.move(ctx, analysis, made, file_id, pages)
    link.pages = staying
    move(ctx, analysis, "read_again")
    for one in (analysis, made):
        ctx.defer(ANALYSE_JOB, analysis_id=one.id, together=True)
    return {"analysis_id": made.id}


def copy_links(ctx: Context, source: DrawingAnalysis, target: DrawingAnalysis) -> None:
    """The same files and sheets for another version."""
    query = select(DrawingAnalysisFile).where(
        DrawingAnalysisFile.drawing_analysis_id == source.id, DrawingAnalysisFile.archived_at.is_(None)
    )
    for link in ctx.session.scalars(query.order_by(DrawingAnalysisFile.id)).all():
        ctx.add(
            DrawingAnalysisFile(
                drawing_analysis_id=target.id,
                drawing_file_id=link.drawing_file_id,
                pages=link.pages,
                solid_no=link.solid_no,
                bom_no=link.bom_no,
            )
        )


def supersede_former(ctx: Context, analysis: DrawingAnalysis) -> None:
    """A validated version puts its former versions out of force; a former revision of the drawing stays as it is."""
    former_id, version = analysis.previous_id, analysis.version_no
    while former_id is not None and version > 1:
        former = ctx.get(DrawingAnalysis, former_id, lock=True)
        if former.status in {"validated", "to_review", "failed"}:
            move(ctx, former, "supersede")
        former_id, version = former.previous_id, version - 1


def give_up(ctx: Context, analysis_id: int) -> None:
    """End an analysis whose result could not be stored."""
    analysis = ctx.get(DrawingAnalysis, analysis_id, lock=True)
    if analysis.status == "analysing":
        analysis.error_code = "drawing.internal"
        analysis.error_message = (
            "L'analyse n'a pas pu être enregistrée : relancez-la, ou saisissez à la main."
        )
        move(ctx, analysis, "fail")
