"""The review document: every field, item, question and contradiction with its place on the sheet (DRW-31, DRW-32, DRW-34)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_, select

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.enumerations import ENUMERATIONS
from coordinator.kernel.i18n import choice_label, field_label, t
from coordinator.kernel.lifecycle import allowed_actions
from coordinator.modules.catalogue import api as catalogue
from coordinator.modules.drawings import (
    access,
    contradictions,
    features,
    offered,
    park_rules,
    service,
    similar,
    textlines,
    zones,
)
from coordinator.modules.drawings.fieldset import FIELDS, MANDATORY, ReviewField
from coordinator.modules.drawings.models import (
    DrawingAnalysis,
    DrawingAnalysisFile,
    DrawingCorrection,
    DrawingFeature,
    DrawingFile,
)
from coordinator.modules.drawings.reading.boxes import shares

_ENTITY = "drawing_analysis"


def document(ctx: Context, analysis: DrawingAnalysis) -> dict[str, Any]:
    """Everything the review screen shows, in one answer."""
    reading = analysis.reading or {}
    corrections = _corrections(ctx, analysis)
    sheets = {(s["file_id"], s["page"]): s for s in reading.get("sheets", [])}
    fields = [_field(ctx, analysis, f, reading, corrections, sheets) for f in FIELDS]
    rows, notes = _features(ctx, analysis), _notes(reading, sheets)
    return {
        "id": analysis.id,
        "row_version": analysis.row_version,
        "display": analysis.drawing_number or f"#{analysis.id}",
        "status": analysis.status,
        "status_label": choice_label(_ENTITY, analysis.status, ctx.locale),
        "progress_pct": analysis.progress_pct,
        "progress_step": analysis.progress_step,
        "version_no": analysis.version_no,
        "confidence": jsonable(analysis.confidence),
        "complexity": analysis.complexity,
        "processes": _processes(analysis),
        "feasibility": _feasibility(ctx, analysis),
        "comment": analysis.ai_comment,
        "estimated_time_min": similar.estimated_time_min(ctx, analysis.part_revision_id),
        "zones": zones.zones(rows, notes),
        "offers": offered.as_json(offered.offers(ctx, analysis)),
        "has_tight_tolerance": analysis.has_tight_tolerance,
        "is_restricted": analysis.is_restricted,
        "secrecy_mark": analysis.secrecy_mark,
        "named_user_ids": access.named_ids(ctx, analysis),
        "error": {"code": analysis.error_code, "message": analysis.error_message}
        if analysis.error_code
        else None,
        "warnings": analysis.warnings or [],
        "files": _files(ctx, analysis, reading),
        "fields": fields,
        "features": rows,
        "notes": notes,
        "contradictions": analysis.contradictions or [],
        "questions": questions(ctx, analysis, fields),
        "missing": service.missing_fields(analysis),
        "may_validate": analysis.status == "to_review"
        and not service.missing_fields(analysis)
        and not contradictions.open_ones(analysis.contradictions),
        "versions": _versions(ctx, analysis),
        "previous_id": analysis.previous_id,
        "part_revision_id": analysis.part_revision_id,
        "title_block_style_id": analysis.title_block_style_id,
        "allowed_actions": allowed_actions(ctx, ctx.registry.entities[_ENTITY], analysis),
    }


def _processes(analysis: DrawingAnalysis) -> list[dict[str, Any]]:
    """Proposed processes; those no activated trade does are marked as to subcontract (DRW-24)."""
    own = {p["process"]: p["is_own_trade"] for p in (analysis.feasibility_report or {}).get("processes", [])}
    return [
        {
            **item,
            "label": park_rules.process_name(item["process"]),
            "is_own_trade": own.get(item["process"], True),
        }
        for item in analysis.processes or []
    ]


def _feasibility(ctx: Context, analysis: DrawingAnalysis) -> dict[str, Any]:
    report = analysis.feasibility_report or {}
    label = choice_label("feasibility", analysis.feasibility, ctx.locale)
    blank: dict[str, Any] = {"reasons": [], "processes": [], "tools": [], "missing": [], "checked_at": None}
    return blank | report | {"result": analysis.feasibility, "label": label}


def level(ctx: Context, confidence: float) -> str:
    """``green``, ``orange`` (to check) or ``empty`` of a confidence (DRW-31)."""
    if confidence >= float(ctx.settings.decimal("drawing_green_confidence")):
        return "green"
    return "orange" if confidence >= float(ctx.settings.decimal("drawing_empty_confidence")) else "empty"


def _field(
    ctx: Context,
    analysis: DrawingAnalysis,
    field: ReviewField,
    reading: dict[str, Any],
    corrections: dict[str, DrawingCorrection],
    sheets: dict[tuple[Any, Any], dict[str, Any]],
) -> dict[str, Any]:
    entry = reading.get("fields", {}).get(field.name) or {}
    value = getattr(analysis, field.name) if field.column else (analysis.other_values or {}).get(field.name)
    if field.name == "standard_system" and value == "unknown":
        value = None
    correction = corrections.get(field.name)
    if field.name in _OF_MATERIAL and value and "material_id" not in corrections:
        entry = _derived(reading, corrections, value)
    is_confirmed = value not in (None, "") and (reading.get("confirmed") or {}).get(field.name) == str(value)
    is_open = field.name in contradictions.open_fields(analysis.contradictions)
    confidence = float(entry.get("confidence") or 0.0)
    answered = value not in (None, "")
    by_person = is_confirmed or correction is not None or (answered and not entry.get("value"))
    if is_open:
        shown = "contradiction"
    elif not answered:
        shown = "empty"
    elif by_person and field.editable:
        shown = "human"
    else:
        shown = level(ctx, confidence)
        # Below the limit a value is left empty; one that stands there all the same must be looked at.
        shown = "orange" if shown == "empty" else shown
    if field.name == "certificate_required" and value is False and correction is None and not is_confirmed:
        shown = "orange" if entry.get("candidates") else "empty"
    return {
        "name": field.name,
        "label": field_label(_ENTITY, field.name, ctx.locale),
        "group": field.group,
        "type": field.type,
        "unit": field.unit,
        "target": field.target,
        "choices": _choices(field, ctx.locale),
        "mandatory": field.mandatory,
        "editable": field.editable and analysis.status == "to_review",
        "max_length": field.max_length if field.type == "text" else None,
        "value": jsonable(value),
        "display": _display(ctx, field, value),
        "level": shown,
        "status": "read" if entry.get("value") is not None else entry.get("status", "absent"),
        "read_value": jsonable(entry.get("value")),
        "confidence": round(confidence, 3),
        **_place(entry, sheets),
        "candidates": [
            {k: c.get(k) for k in ("value", "confidence", "evidence")} | _place(c, sheets)
            for c in [*entry.get("candidates", []), *_materials(ctx, analysis, field)]
        ],
        "is_confirmed": is_confirmed,
        "correction": {
            "read_value": correction.read_value,
            "corrected_value": correction.corrected_value,
            "user_id": correction.created_by_id,
            "at": jsonable(correction.updated_at),
        }
        if correction
        else None,
    }


_OF_MATERIAL = frozenset({"material_id", "iso513_group"})


def _derived(
    reading: dict[str, Any], corrections: dict[str, DrawingCorrection], value: Any
) -> dict[str, Any]:
    """What follows from the written material stands where that is written and is as sure as that was read."""
    if "material_text" in corrections:
        return {}
    written = reading.get("fields", {}).get("material_text") or {}
    return {**written, "value": value, "candidates": []} if written.get("value") else {}


def _choices(field: ReviewField, locale: str) -> list[dict[str, str]] | None:
    if field.enumeration is None:
        return None
    own = _OWN_CHOICES.get(field.name)
    return [
        {"value": v, "label": _choice_label(field, v, locale)} for v in own or ENUMERATIONS[field.enumeration]
    ]


_OWN_CHOICES = {"standard_system": ("iso", "asme")}


def _choice_label(field: ReviewField, value: str, locale: str) -> str:
    if field.name in _OWN_CHOICES:
        return t(f"drawing.{field.name}.{value}", locale)
    return choice_label(field.enumeration or "", value, locale)


def _display(ctx: Context, field: ReviewField, value: Any) -> str | None:
    if value in (None, ""):
        return None
    if field.type == "reference":
        return str(ctx.get(catalogue.Material, int(value)).name)
    if field.enumeration is not None:
        return _choice_label(field, str(value), ctx.locale)
    if field.type == "boolean":
        return "Oui" if value else "Non"
    text = str(value)
    if field.type in ("decimal", "quantity"):
        text = (text.rstrip("0").rstrip(".") if "." in text else text).replace(".", ",")
    return f"{text} {field.unit}" if field.unit else text


def _materials(ctx: Context, analysis: DrawingAnalysis, field: ReviewField) -> list[dict[str, Any]]:
    """Without a certain match at most three proposals, never a silent choice (DRW-22)."""
    if field.name != "material_id" or analysis.material_id is not None or not analysis.material_text:
        return []
    found = catalogue.similar_materials(ctx, analysis.material_text, limit=3)
    return [{"value": m.id, "confidence": 0.5, "evidence": m.name, "engine": "catalogue"} for m in found]


def _place(entry: dict[str, Any], sheets: dict[tuple[Any, Any], dict[str, Any]]) -> dict[str, Any]:
    """Engine, file, page, box in the file's own units and box in shares of the sheet."""
    box = entry.get("box")
    sheet = sheets.get((entry.get("file_id"), entry.get("page")))
    if box is None and entry.get("bbox") and sheet is not None:
        box = [round(v, 5) for v in shares(sheet, entry["bbox"])]
    return {
        "engine": entry.get("engine"),
        "file_id": entry.get("file_id"),
        "page": entry.get("page"),
        "bbox": entry.get("bbox"),
        "box": box,
    }


def _corrections(ctx: Context, analysis: DrawingAnalysis) -> dict[str, DrawingCorrection]:
    query = select(DrawingCorrection).where(
        DrawingCorrection.drawing_analysis_id == analysis.id, DrawingCorrection.drawing_feature_id.is_(None),
        DrawingCorrection.archived_at.is_(None),
    )  # fmt: skip
    return {c.field_name: c for c in ctx.session.scalars(query.order_by(DrawingCorrection.id))}


def _files(ctx: Context, analysis: DrawingAnalysis, reading: dict[str, Any]) -> list[dict[str, Any]]:
    pages_of: dict[int, Any] = dict(
        ctx.session.execute(
            select(DrawingAnalysisFile.drawing_file_id, DrawingAnalysisFile.pages).where(
                DrawingAnalysisFile.drawing_analysis_id == analysis.id
            )
        )
        .tuples()
        .all()
    )
    kinds = {
        s["file_id"]: r for s, r in zip(reading.get("sources", []), reading.get("files", []), strict=False)
    }
    return [
        _file(analysis, f, pages_of.get(f.id), kinds.get(f.id), reading)
        for f in access.files_of(ctx, analysis.id)
    ]


def _file(
    analysis: DrawingAnalysis,
    file: DrawingFile,
    pages: Any,
    read: dict[str, Any] | None,
    reading: dict[str, Any],
) -> dict[str, Any]:
    base = f"/api/v1/drawings/{analysis.id}/files/{file.id}/pages"
    own = [s for s in reading.get("sheets", []) if s["file_id"] == file.id]
    return {
        "id": file.id,
        "file_name": file.file_name,
        "role": file.role,
        "file_type": file.file_type,
        "kind": read["kind"] if read else None,
        "size": file.size,
        "sha256": file.sha256,
        "sender": file.sender,
        "received_at": jsonable(file.created_at),
        "is_main": file.id == analysis.drawing_file_id,
        "pages_taken": pages,
        "error": read["error"] if read else None,
        "content": f"/api/v1/drawings/files/{file.id}/content",
        "pages": [
            {"page": s["page"], "width": s["width"], "height": s["height"], "unit": s["unit"],
             "preview": f"{base}/{s['page']}.png"}
            for s in own
        ],
    }  # fmt: skip


def _features(ctx: Context, analysis: DrawingAnalysis) -> list[dict[str, Any]]:
    query = select(DrawingFeature).where(
        DrawingFeature.drawing_analysis_id == analysis.id, DrawingFeature.archived_at.is_(None)
    )
    changed = set(
        ctx.session.scalars(
            select(DrawingCorrection.drawing_feature_id).where(
                DrawingCorrection.drawing_analysis_id == analysis.id,
                DrawingCorrection.drawing_feature_id.is_not(None), DrawingCorrection.archived_at.is_(None),
            )
        )
    )  # fmt: skip
    return [
        feature(ctx, row, row.id in changed) for row in ctx.session.scalars(query.order_by(DrawingFeature.id))
    ]


def feature(ctx: Context, row: DrawingFeature, is_changed: bool) -> dict[str, Any]:
    """One dimension, tolerance, texture or feature as the review shows it."""
    data = row.data or {}
    return {
        "id": row.id,
        "row_version": row.row_version,
        "kind": row.kind,
        "text": row.text,
        "nominal": jsonable(row.nominal),
        "tol_upper": jsonable(row.tol_upper),
        "tol_lower": jsonable(row.tol_lower),
        "fit": row.fit,
        "count": row.count,
        "unit": row.unit,
        "is_tight": row.is_tight,
        "is_critical": row.is_critical,
        "balloon_no": row.balloon_no,
        "engine": row.engine,
        "file_id": row.drawing_file_id,
        "page": row.page,
        "bbox": row.bbox,
        "box": data.get("box"),
        "boxes": data.get("boxes") or [],
        "confidence": None if row.confidence is None else float(row.confidence),
        "level": "human"
        if row.is_manual or is_changed
        else level(ctx, float(row.confidence if row.confidence is not None else 1)),
        "is_manual": row.is_manual,
        "data": {k: v for k, v in data.items() if k not in ("box", "boxes", "index", features.WELD)},
    }


def _notes(reading: dict[str, Any], sheets: dict[tuple[Any, Any], dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for source, read in zip(reading.get("sources", []), reading.get("files", []), strict=False):
        for note in read.get("notes", []):
            place = _place({**note, "file_id": source["file_id"], "engine": read["kind"]}, sheets)
            found.append({"text": note["text"], "kind": note["kind"], **place})
    return found


def questions(
    ctx: Context, analysis: DrawingAnalysis, fields: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The short list of what a person must answer before validating (DRW-34)."""
    if analysis.status != "to_review":
        return []
    asked = [
        {"field": c["fields"][0], "kind": "contradiction", "key": c["key"], "text": c["message"],
         "choices": [{"index": i, "label": v["label"], "source": v["source"]} for i, v in enumerate(c["values"])]}
        for c in contradictions.open_ones(analysis.contradictions)
    ]  # fmt: skip
    held = contradictions.open_fields(analysis.contradictions)
    by_name = {f["name"]: f for f in fields}
    for name in MANDATORY:
        if name in held or getattr(analysis, name) not in (None, ""):
            continue
        candidates = by_name[name]["candidates"]
        asked.append(
            {"field": name, "kind": "missing", "key": name,
             "text": t(f"drawing.question.{name}", ctx.locale), "choices": [
                 {"index": i, "label": str(c.get("evidence") or c["value"]), "source": c["engine"], "value": c["value"]}
                 for i, c in enumerate(candidates)
             ]}
        )  # fmt: skip
    for name, entry in by_name.items():
        if entry["level"] == "orange" and entry["mandatory"]:
            asked.append(
                {"field": name, "kind": "check", "key": name,
                 "text": t("drawing.question.check", ctx.locale, field=entry["label"], value=entry["display"] or ""),
                 "choices": []}
            )  # fmt: skip
    return asked


def raw_text(analysis: DrawingAnalysis) -> list[dict[str, Any]]:
    """Text of each sheet line by line, for a manual check (DRW-32)."""
    return [
        {"file_id": s["file_id"], "page": s["page"], "lines": textlines.lines(s.get("words") or [])}
        for s in (analysis.reading or {}).get("sheets", [])
    ]


def _versions(ctx: Context, analysis: DrawingAnalysis) -> list[dict[str, Any]]:
    """Former and newer versions, and the former revision (DRW-36)."""
    chain: list[DrawingAnalysis] = [analysis]
    while chain[-1].previous_id is not None and len(chain) < 30:
        chain.append(ctx.get(DrawingAnalysis, chain[-1].previous_id))
    newer = select(DrawingAnalysis).where(DrawingAnalysis.previous_id == analysis.id)
    chain += list(ctx.session.scalars(newer.where(or_(DrawingAnalysis.status != "superseded")).limit(10)))
    return [
        {"id": a.id, "version_no": a.version_no, "revision": a.revision, "status": a.status,
         "analysed_at": jsonable(a.analysed_at), "is_this": a.id == analysis.id}
        for a in sorted(chain, key=lambda a: a.id)
        if access.may_open(ctx, a)
    ]  # fmt: skip
