"""Routes of the review: the document, corrections, pictures, differences, exports, accuracy (DRW-31…43)."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from coordinator.kernel import crud
from coordinator.kernel.audit import jsonable
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.registry import Permission
from coordinator.modules.drawings import (
    accuracy,
    api,
    balloons,
    corrections,
    pictures,
    review,
    similar,
    versions,
)
from coordinator.modules.drawings.endpoints import READ, UPDATE, opened

EXPORT = Permission("drawing_analysis", "export")
router = APIRouter(prefix="/drawings", tags=["drawing_analysis"])
Side = Annotated[int, Query(ge=64, le=pictures.MAX_SIDE_PX)]


class FieldsBody(BaseModel):
    """Fields to correct by name, and the version in which the analysis was read."""

    row_version: int
    fields: dict[str, Any] = Field(min_length=1, max_length=60)


@router.get("/accuracy", operation_id="drawing_accuracy", openapi_extra=guarded(READ))
def reading_accuracy(ctx: Ctx, since: dt.date | None = None) -> dict[str, Any]:
    """How right the reading was on reviewed drawings, by field, format and standard, against the targets."""
    ctx.require(READ)
    return accuracy.measure(ctx, since)


@router.get("/{analysis_id}/review", operation_id="drawing_review", openapi_extra=guarded(READ))
def review_document(ctx: Ctx, analysis_id: int) -> dict[str, Any]:
    """Everything the review screen shows."""
    analysis = opened(ctx, analysis_id, READ, "review")
    if (
        analysis.status == "to_review"
        and analysis.review_started_at is None
        and ctx.principal.may("drawing_analysis", "validate")
    ):
        analysis.review_started_at = ctx.now
        ctx.session.flush()
    return review.document(ctx, analysis)


@router.patch("/{analysis_id}", operation_id="drawing_correct", openapi_extra=guarded(UPDATE))
def correct(ctx: Ctx, analysis_id: int, body: FieldsBody) -> dict[str, Any]:
    """Correct fields; answers the review document as it then is."""
    opened(ctx, analysis_id, UPDATE, "correct")
    return review.document(ctx, corrections.correct(ctx, analysis_id, body.fields, body.row_version))


@router.post(
    "/{analysis_id}/features",
    status_code=201,
    operation_id="drawing_add_feature",
    openapi_extra=guarded(UPDATE),
)
def add_feature(ctx: Ctx, analysis_id: int, body: corrections.FeatureValues) -> dict[str, Any]:
    """Add a dimension or feature the reading missed."""
    analysis = opened(ctx, analysis_id, UPDATE, "correct", lock=True)
    row = corrections.add_feature(ctx, analysis, body)
    return review.feature(ctx, row, True)


@router.get("/{analysis_id}/text", operation_id="drawing_raw_text", openapi_extra=guarded(READ))
def raw_text(ctx: Ctx, analysis_id: int) -> dict[str, Any]:
    """Text of every sheet line by line, warnings and errors, for a manual check."""
    analysis = opened(ctx, analysis_id, READ, "text")
    errors = [
        {"file": f["file"], **f["error"]} for f in (analysis.reading or {}).get("files", []) if f["error"]
    ]
    return {"sheets": review.raw_text(analysis), "warnings": analysis.warnings or [], "errors": errors}


@router.get(
    "/{analysis_id}/files/{file_id}/pages/{page}.png",
    operation_id="drawing_page",
    openapi_extra=guarded(READ),
    response_class=Response,
)
def page(ctx: Ctx, analysis_id: int, file_id: int, page: int, side: Side = 2000) -> Response:
    """Picture of one sheet, its longer side ``side`` pixels."""
    analysis = opened(ctx, analysis_id, READ, f"page {page}")
    return _png(pictures.page(ctx, analysis, file_id, page, side))


@router.get("/{analysis_id}/differences", operation_id="drawing_differences", openapi_extra=guarded(READ))
def differences(ctx: Ctx, analysis_id: int, with_id: int | None = None) -> dict[str, Any]:
    """Differences with the former version or revision, or with another analysis; ``null`` without one to compare with."""
    analysis = opened(ctx, analysis_id, READ, "differences")
    other_id = with_id if with_id is not None else analysis.previous_id
    if other_id is None:
        return {"differences": None}
    other = opened(ctx, other_id, READ, "differences")
    return {"differences": versions.differences(ctx, other, analysis)}


@router.get(
    "/{analysis_id}/overlay/{other_id}/{page}.png",
    operation_id="drawing_overlay",
    openapi_extra=guarded(READ),
    response_class=Response,
)
def overlay(ctx: Ctx, analysis_id: int, other_id: int, page: int, side: Side = 2000) -> Response:
    """A sheet over that of a former analysis: grey in both, red only before, blue only now."""
    analysis = opened(ctx, analysis_id, READ, f"overlay {page}")
    other = opened(ctx, other_id, READ, f"overlay {page}")
    return _png(pictures.overlay(ctx, other, analysis, page, side))


@router.get("/{analysis_id}/similar", operation_id="drawing_similar", openapi_extra=guarded(READ))
def similar_parts(ctx: Ctx, analysis_id: int) -> dict[str, Any]:
    """Parts already quoted or made that resemble this one, with their times and prices."""
    return {"items": similar.find(ctx, opened(ctx, analysis_id, READ, "similar"))}


@router.get(
    "/{analysis_id}/characteristics", operation_id="drawing_characteristics", openapi_extra=guarded(READ)
)
def characteristics(ctx: Ctx, analysis_id: int) -> dict[str, Any]:
    """Toleranced characteristics with their balloon numbers."""
    return balloons.characteristics(ctx, opened(ctx, analysis_id, READ, "characteristics"))


@router.get(
    "/{analysis_id}/annotated.pdf",
    operation_id="drawing_annotated_pdf",
    openapi_extra=guarded(EXPORT),
    response_class=Response,
)
def annotated(ctx: Ctx, analysis_id: int, file_id: int | None = None, balloons: bool = True) -> Response:
    """The drawing as PDF with what was read marked on it."""
    analysis = opened(ctx, analysis_id, EXPORT, "annotated.pdf")
    content = pictures.annotated_pdf(ctx, analysis, file_id, balloons=balloons)
    ctx.note("export", analysis, details="annotated.pdf")
    return Response(content, media_type="application/pdf", headers=_download(analysis.id, "pdf"))


@router.get("/{analysis_id}/export.json", operation_id="drawing_export_json", openapi_extra=guarded(EXPORT))
def export_json(ctx: Ctx, analysis_id: int) -> Response:
    """The analysis with its reading as one JSON file."""
    analysis = opened(ctx, analysis_id, EXPORT, "export.json")
    record = crud.serialize(ctx, ctx.registry.entities["drawing_analysis"], analysis)
    body = {
        "analysis": record,
        "review": review.document(ctx, analysis),
        "description": api.description(ctx, analysis),
        "characteristics": balloons.characteristics(ctx, analysis)["items"],
    }
    ctx.note("export", analysis, details="export.json")
    text = json.dumps(body, ensure_ascii=False, default=jsonable, indent=1)
    return Response(text, media_type="application/json", headers=_download(analysis.id, "json"))


def _png(content: bytes) -> Response:
    headers = {"cache-control": "private, max-age=3600", "x-content-type-options": "nosniff"}
    return Response(content, media_type="image/png", headers=headers)


def _download(analysis_id: int, ending: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="plan-{analysis_id}.{ending}"'}
