"""Routes of electronic signatures: what would be signed, sign with a new proof of identity, verify (TRC-37…40)."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from coordinator.kernel import crud, seal
from coordinator.kernel.context import Context
from coordinator.kernel.db import Record
from coordinator.kernel.errors import Conflict
from coordinator.kernel.http import Ctx, own
from coordinator.kernel.registry import Permission, Right
from coordinator.modules.identity import signature_summary, signatures
from coordinator.modules.identity.auth_endpoints import Proof, prove, signed_in_user

router = APIRouter(prefix="/signatures", tags=["signature"])


class SignatureIn(Proof):
    """Act of signing one record, in the version that was read."""

    object_type: str = Field(max_length=60)
    object_id: int = Field(ge=1, lt=2**63)
    row_version: int
    content_sha256: str = Field(min_length=64, max_length=64)
    """Hash of the content the person read, from ``GET /signatures/content``."""
    meaning: Literal["approved", "checked", "closed", "accepted_waiver"] = "approved"


def _record(ctx: Context, object_type: str, object_id: int, right: Right) -> Record:
    signed_in_user(ctx)
    spec = signatures.spec_of(ctx, object_type)
    scope = ctx.require(Permission(spec.module_code, right))
    record: Record = crud.visible_record(ctx, spec, object_id, scope, lock=right == "validate")
    return record


@router.get("/content", operation_id="signature_content", openapi_extra=own())
def content(ctx: Ctx, object_type: str, object_id: int) -> dict[str, Any]:
    """What would be signed, as data and in words, with its hash, and whether a code of the second factor is asked."""
    record = _record(ctx, object_type, object_id, "read")
    covered = signatures.content_of(ctx, record)
    return {
        "content": covered,
        "summary": signature_summary.summary(ctx, signatures.spec_of(ctx, object_type), covered),
        "content_sha256": seal.digest(covered),
        "row_version": record.row_version,
        "totp_required": signed_in_user(ctx).totp_confirmed_at is not None,
        "notice": "simple",
    }


@router.get("", operation_id="signature_list", openapi_extra=own())
def list_signatures(ctx: Ctx, object_type: str, object_id: int) -> list[dict[str, Any]]:
    """Signatures of a record, each verified now."""
    record = _record(ctx, object_type, object_id, "read")
    return [signatures.describe(ctx, s, record) for s in signatures.signatures_of(ctx, record)]


@router.post("", operation_id="signature_sign", openapi_extra=own(), status_code=201)
def sign(ctx: Ctx, request: Request, body: SignatureIn) -> Any:
    """Sign: needs the right to validate, and the password again with the second factor where one is enrolled.

    Raises:
        Conflict: ``conflict.stale`` when the record is no longer what was read.
    """
    record = _record(ctx, body.object_type, body.object_id, "validate")
    ctx.check_version(record, body.row_version)
    if seal.digest(signatures.content_of(ctx, record)) != body.content_sha256:
        raise Conflict("conflict.stale", entity=body.object_type, id=body.object_id)
    user = signed_in_user(ctx)
    if refused := prove(ctx, request, user, body):
        return refused
    method = "password+totp" if user.totp_confirmed_at is not None else "password"
    made = signatures.sign(ctx, record, body.meaning, method)
    return signatures.describe(ctx, made, record)
