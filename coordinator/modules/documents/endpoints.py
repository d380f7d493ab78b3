"""Upload and download."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, File, Form, Response, UploadFile

from coordinator.kernel import crud
from coordinator.kernel.context import Context
from coordinator.kernel.errors import FieldError, Invalid, TooLarge
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.registry import Permission
from coordinator.modules.documents import service
from coordinator.modules.documents.models import Document, DocumentVersion

router = APIRouter(prefix="/documents", tags=["document"])
READ = Permission("documents", "read")
CREATE = Permission("documents", "create")
UPDATE = Permission("documents", "update")
_PREVIEWED = {"application/pdf", "image/png", "image/jpeg", "image/webp", "text/plain"}


@router.post("/upload", operation_id="document_upload", openapi_extra=guarded(CREATE), status_code=201)
def upload(
    ctx: Ctx,
    file: Annotated[UploadFile, File()],
    title: Annotated[str, Form(min_length=1, max_length=300)],
    family: Annotated[str, Form()] = "other",
    document_type: Annotated[str | None, Form(max_length=80)] = None,
    object_type: Annotated[str | None, Form(max_length=60)] = None,
    object_id: Annotated[int | None, Form()] = None,
) -> dict[str, Any]:
    """File a new document with its first version, tied to an object where one is named; duplicates are told."""
    ctx.require(CREATE)
    if family not in service.PREFIXES:
        expected = ", ".join(service.PREFIXES)
        raise Invalid(errors=[FieldError("family", "field.literal_error", {"expected": expected})])
    service.require_family(ctx, family, "create")
    document = Document(
        family=family, title=title, document_type=document_type, owner_user_id=ctx.principal.user_id
    )
    service.number_document(ctx, document)
    ctx.add(document)
    version = service.add_version(ctx, document, _content(ctx, file), file.filename or document.number)
    if object_type is not None and object_id is not None:
        service.link(ctx, document, [(object_type, object_id)])
    return _answer(ctx, document, version)


@router.post(
    "/{record_id}/versions",
    operation_id="document_add_version",
    openapi_extra=guarded(UPDATE),
    status_code=201,
)
def add_version(
    ctx: Ctx,
    record_id: int,
    file: Annotated[UploadFile, File()],
    change_reason: Annotated[str, Form(min_length=3, max_length=300)],
    version_label: Annotated[str | None, Form(max_length=20)] = None,
    issued_on: Annotated[dt.date | None, Form()] = None,
    valid_until: Annotated[dt.date | None, Form()] = None,
) -> dict[str, Any]:
    """New draft version of a document, with the reason of the change (DOC-17)."""
    document = _visible(ctx, record_id, UPDATE)
    service.require_family(ctx, document.family)
    fields: dict[str, Any] = {
        "change_reason": change_reason,
        "issued_on": issued_on,
        "valid_until": valid_until,
    }
    if version_label:
        fields["version_label"] = version_label
    version = service.add_version(
        ctx, document, _content(ctx, file), file.filename or document.number, **fields
    )
    return _answer(ctx, document, version)


@router.get("/{record_id}/download", operation_id="document_download", openapi_extra=guarded(READ))
def download(ctx: Ctx, record_id: int, version_no: int | None = None) -> Response:
    """Content of the version in force, or of the one asked for."""
    document = _visible(ctx, record_id, READ)
    if version_no is None:
        version = service.in_force(ctx, document.id)
    else:
        version = service.version_numbered(ctx, document.id, version_no)
        spec = ctx.registry.entities["document_version"]
        crud.visible_record(ctx, spec, version.id, ctx.require(READ))
    content = service.read(ctx, version, "download")
    disposition = "inline" if version.media_type in _PREVIEWED else "attachment"
    headers = {
        "content-disposition": f"{disposition}; filename*=UTF-8''{quote(version.file_name)}",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox",
        "etag": f'"{version.sha256}"',
    }
    return Response(content, media_type=version.media_type, headers=headers)


def _content(ctx: Context, file: UploadFile) -> bytes:
    limit_mb = ctx.config.max_upload_mb
    content = file.file.read((limit_mb << 20) + 1)
    if len(content) > limit_mb << 20:
        raise TooLarge(limit_mb=limit_mb)
    return content


def _visible(ctx: Context, record_id: int, permission: Permission) -> Document:
    scope = ctx.require(permission)
    document: Document = crud.visible_record(ctx, ctx.registry.entities["document"], record_id, scope)
    return document


def _answer(ctx: Context, document: Document, version: DocumentVersion) -> dict[str, Any]:
    return {
        "document": crud.serialize(ctx, ctx.registry.entities["document"], document),
        "version": crud.serialize(ctx, ctx.registry.entities["document_version"], version),
        "duplicates": service.duplicates(ctx, version),
    }
