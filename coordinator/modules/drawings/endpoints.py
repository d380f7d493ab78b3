"""Routes of receiving drawings and of their files; the review has its own (``review_endpoints``)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Header, Request, Response, UploadFile
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy import select

from coordinator.kernel import commands, crud
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, TooLarge
from coordinator.kernel.http import Ctx, guarded, problem
from coordinator.kernel.registry import Permission
from coordinator.modules.drawings import access, imports, offered, review, service, similar
from coordinator.modules.drawings.limits import reading_limits
from coordinator.modules.drawings.models import DrawingAnalysis, DrawingFile, DrawingImport

READ = Permission("drawing_analysis", "read")
CREATE = Permission("drawing_analysis", "create")
UPDATE = Permission("drawing_analysis", "update")
MAX_REQUEST_BYTES = 4 * 1024**3
"""No request is even taken in beyond this; the limit per file is a setting."""


class LimitedRoute(APIRoute):
    """Refuses a far too large upload before its body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler behind a look at the announced size."""
        handler = super().get_route_handler()

        async def limited(request: Request) -> Response:
            length = request.headers.get("content-length", "")
            if length.isdecimal() and int(length) > MAX_REQUEST_BYTES:
                return problem(request, TooLarge(limit_mb=MAX_REQUEST_BYTES >> 20))
            return await handler(request)

        return limited


router = APIRouter(prefix="/drawings", tags=["drawing_analysis"], route_class=LimitedRoute)
IdempotencyHeader = Annotated[str | None, Header(alias="Idempotency-Key", max_length=120)]


class PasswordBody(BaseModel):
    """Password of an encrypted file; it is used once and kept nowhere."""

    file_id: int = Field(ge=1)
    password: SecretStr = Field(max_length=200)


def opened(
    ctx: Context, analysis_id: int, permission: Permission, what: str, *, lock: bool = False
) -> DrawingAnalysis:
    """An analysis the acting person may open; openings of restricted ones are written to the history.

    Raises:
        Forbidden, NotFound: right missing; unknown, out of scope or restricted to others.
    """
    spec = ctx.registry.entities["drawing_analysis"]
    analysis: DrawingAnalysis = crud.visible_record(
        ctx, spec, analysis_id, ctx.require(permission), lock=lock
    )
    access.check_open(ctx, analysis, what)
    return analysis


@router.post("", status_code=202, operation_id="drawings_upload", openapi_extra=guarded(CREATE))
def upload(
    ctx: Ctx,
    request: Request,
    files: Annotated[list[UploadFile], File()],
    customer_id: Annotated[int | None, Form()] = None,
    quantity: Annotated[Decimal | None, Form(gt=0, max_digits=14, decimal_places=3)] = None,
    again: Annotated[bool, Form()] = False,
    key: IdempotencyHeader = None,
) -> Any:
    """Receive files, archives and e-mails of one customer; answers the analyses queued, the files refused and those known.

    A request repeated with its ``Idempotency-Key`` answers what the first one did and doubles nothing (DRW-54).
    """
    ctx.require(CREATE)
    if customer_id is not None:
        _check_customer(ctx, customer_id)
    uploads = [imports.Upload(f.filename or "sans-nom", f.file) for f in files]
    refusals = []

    def run() -> dict[str, Any]:
        received = imports.receive(ctx, customer_id, uploads, quantity=quantity, again=again)
        refusals.append(received.refusal())
        return {
            "import_id": received.record.id,
            "analyses": [_state(ctx, a) for a in received.analyses],
            "refused": received.refused,
            "known": received.known,
        }

    marks = [[u.name, _digest(u)] for u in uploads] if key else []
    answer = commands.idempotent(ctx, key, ["drawings", customer_id, str(quantity), again, marks], run)
    # Answered, not raised: what was refused stays on record although nothing was kept.
    return problem(request, refusals[0]) if refusals and refusals[0] is not None else answer


def _check_customer(ctx: Context, customer_id: int) -> None:
    spec = ctx.registry.entities["customer"]
    ctx.get(spec.model, customer_id)


def _digest(upload: imports.Upload) -> str:
    digest = hashlib.sha256()
    while chunk := upload.stream.read(1 << 20):
        digest.update(chunk)
    upload.stream.seek(0)
    return digest.hexdigest()


@router.get("/imports/{import_id}", operation_id="drawing_import_state", openapi_extra=guarded(READ))
def import_state(ctx: Ctx, import_id: int) -> dict[str, Any]:
    """How far an import is: its analyses with their progress, what was refused and what was known."""
    entities, scope = ctx.registry.entities, ctx.require(READ)
    record: DrawingImport = crud.visible_record(ctx, entities["drawing_import"], import_id, scope)
    query = select(DrawingAnalysis).where(
        DrawingAnalysis.drawing_import_id == import_id, DrawingAnalysis.archived_at.is_(None)
    )
    clause = crud.scope_clause(ctx, entities["drawing_analysis"], scope)
    if clause is not None:
        query = query.where(clause)
    states = [_state(ctx, a) for a in ctx.session.scalars(query.order_by(DrawingAnalysis.id))]
    done = [s for s in states if s["status"] not in ("uploaded", "analysing")]
    return {
        "import_id": record.id,
        "sender": record.sender,
        "subject": record.subject,
        "file_count": record.file_count,
        "analyses": states,
        "done": len(done),
        "total": len(states),
        "refused": record.refused or [],
        "known": record.known or [],
    }


@router.get("/{analysis_id}/analysis", operation_id="drawing_reading", openapi_extra=guarded(READ))
def analysis(ctx: Ctx, analysis_id: int) -> dict[str, Any]:
    """State, and the whole reading: every file's and the merged description."""
    record = opened(ctx, analysis_id, READ, "analysis")
    answer = crud.serialize(ctx, ctx.registry.entities["drawing_analysis"], record)
    sheets = review.raw_text(record)
    errors = [
        {"file": f["file"], **f["error"]} for f in (record.reading or {}).get("files", []) if f["error"]
    ]
    return {
        **answer, "reading": record.reading, "files": _file_list(ctx, record), "errors": errors,
        "estimated_time_min": similar.estimated_time_min(ctx, record.part_revision_id),
        "detected_text": "\n".join(line for sheet in sheets for line in sheet["lines"]),
    }  # fmt: skip


@router.get("/files/{file_id}/content", operation_id="drawing_file_content", openapi_extra=guarded(READ))
def content(ctx: Ctx, file_id: int) -> Response:
    """The customer's file, unchanged."""
    spec = ctx.registry.entities["drawing_file"]
    file: DrawingFile = crud.visible_record(ctx, spec, file_id, ctx.require(READ))
    access.check_file(ctx, file, "content")
    headers = {"content-disposition": "attachment", "x-content-type-options": "nosniff"}
    return Response(ctx.files.read(file.sha256), media_type="application/octet-stream", headers=headers)


@router.post("/{analysis_id}/password", operation_id="drawing_password", openapi_extra=guarded(UPDATE))
def password(ctx: Ctx, analysis_id: int, body: PasswordBody) -> dict[str, Any]:
    """Open an encrypted file with its password and read it again."""
    record = opened(ctx, analysis_id, UPDATE, "password", lock=True)
    service.unlock(ctx, record, body.file_id, body.password.get_secret_value())
    return _state(ctx, record)


@router.post(
    "/{analysis_id}/files",
    status_code=202,
    operation_id="drawing_replace_file",
    openapi_extra=guarded(UPDATE),
)
def replace_file(ctx: Ctx, analysis_id: int, file: Annotated[UploadFile, File()]) -> dict[str, Any]:
    """Another file for an analysis that failed."""
    record = opened(ctx, analysis_id, UPDATE, "files", lock=True)
    limit = reading_limits(ctx).limits.max_bytes
    data = file.file.read(limit + 1)
    name = imports.clean_name(file.filename or "")
    if len(data) > limit:
        raise TooLarge("drawing.too_large", name=name, limit_mb=limit >> 20)
    if not data:
        raise BusinessError("drawing.empty", name=name)
    stored = imports.store(ctx, None, name, data, customer_id=record.customer_id)
    service.replace_file(ctx, record, stored)
    return _state(ctx, record)


def _state(ctx: Context, record: DrawingAnalysis) -> dict[str, Any]:
    return {
        "id": record.id,
        "status": record.status,
        "progress_pct": record.progress_pct,
        "progress_step": record.progress_step,
        "error": {"code": record.error_code, "message": record.error_message} if record.error_code else None,
        "files": _file_list(ctx, record),
        "parts_offered": _parts_offered(ctx, record),
    }


def _parts_offered(ctx: Context, record: DrawingAnalysis) -> int:
    """How many further parts the drawing holds that are no lines yet."""
    if record.status != "to_review" or not offered.holds_parts(ctx, record):
        return 0
    return sum(1 for o in offered.offers(ctx, record) if o.analysis_id is None and not o.is_bought)


def _file_list(ctx: Context, record: DrawingAnalysis) -> list[dict[str, Any]]:
    return [
        {"id": f.id, "file_name": f.file_name, "sha256": f.sha256, "role": f.role}
        for f in access.files_of(ctx, record.id)
    ]
