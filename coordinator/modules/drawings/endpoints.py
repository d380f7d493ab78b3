"""Routes of drawings that are not derived: upload, whole reading, original file."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Response, UploadFile
from sqlalchemy import select

from coordinator.kernel import crud
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.registry import Permission
from coordinator.modules.drawings import service
from coordinator.modules.drawings.models import DrawingAnalysis, DrawingAnalysisFile, DrawingFile

router = APIRouter(prefix="/drawings", tags=["drawing_analysis"])
_READ = Permission("drawing_analysis", "read")
_CREATE = Permission("drawing_analysis", "create")


@router.post("", status_code=202, operation_id="drawings_upload", openapi_extra=guarded(_CREATE))
def upload(
    ctx: Ctx, files: Annotated[list[UploadFile], File()], customer_id: Annotated[int | None, Form()] = None
) -> dict[str, Any]:
    """Receive one or several files of one customer; answers the analyses that were queued."""
    ctx.require(_CREATE)
    uploads = [service.Upload(f.filename or "sans-nom", f.file.read()) for f in files]
    analyses = service.receive(ctx, customer_id, uploads)
    return {"analyses": [_state(ctx, a) for a in analyses]}


@router.get("/{analysis_id}/analysis", operation_id="drawing_reading", openapi_extra=guarded(_READ))
def analysis(ctx: Ctx, analysis_id: int) -> dict[str, Any]:
    """State, every field with its place on the sheet, and the merged description."""
    spec = ctx.registry.entities["drawing_analysis"]
    record = crud.visible_record(ctx, spec, analysis_id, ctx.require(_READ))
    return {**crud.serialize(ctx, spec, record), "files": _file_list(ctx, record)}


@router.get("/files/{file_id}/content", operation_id="drawing_file_content", openapi_extra=guarded(_READ))
def content(ctx: Ctx, file_id: int) -> Response:
    """The customer's file, unchanged."""
    ctx.require(_READ)
    file = ctx.get(DrawingFile, file_id)
    headers = {"content-disposition": "attachment", "x-content-type-options": "nosniff"}
    return Response(ctx.files.read(file.sha256), media_type="application/octet-stream", headers=headers)


def _state(ctx: Ctx, record: DrawingAnalysis) -> dict[str, Any]:
    return {"id": record.id, "status": record.status, "files": _file_list(ctx, record)}


def _file_list(ctx: Ctx, record: DrawingAnalysis) -> list[dict[str, Any]]:
    query = select(DrawingFile).join(
        DrawingAnalysisFile, DrawingAnalysisFile.drawing_file_id == DrawingFile.id
    )
    query = query.where(DrawingAnalysisFile.drawing_analysis_id == record.id).order_by(DrawingFile.id)
    return [{"id": f.id, "file_name": f.file_name, "sha256": f.sha256} for f in ctx.session.scalars(query)]
