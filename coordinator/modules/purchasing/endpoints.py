"""Photographs of goods received (CRM-49)."""

import uuid
from typing import Any

from fastapi import APIRouter, Response, UploadFile
from sqlalchemy import select

from coordinator.kernel.errors import BusinessError, NotFound
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.models import StoredFile
from coordinator.kernel.registry import Permission
from coordinator.modules.purchasing import set_aside

READ = Permission("purchasing", "read")
PHOTOS = ("image/jpeg", "image/png", "image/webp")
MAX_PHOTO_BYTES = 15_000_000
router = APIRouter(tags=["purchasing"])


@router.post(
    "/goods-receipts/{uid}/photo",
    operation_id="goods_receipt_photo_put",
    openapi_extra=guarded(set_aside.RECEIVE),
)
def put_photo(ctx: Ctx, uid: uuid.UUID, file: UploadFile) -> dict[str, Any]:
    """Photograph of a delivery; the receipt is known by its uid, also to a phone that noted it without a line."""
    ctx.require(set_aside.RECEIVE)
    receipt = set_aside.of_uid(ctx, uid)
    if file.content_type not in PHOTOS:
        raise BusinessError("receipt.photo_kind")
    receipt.photo_sha256 = ctx.files.put(file.file, file.content_type, max_bytes=MAX_PHOTO_BYTES).sha256
    return {"photo_sha256": receipt.photo_sha256}


@router.get("/goods-receipts/{uid}/photo", operation_id="goods_receipt_photo", openapi_extra=guarded(READ))
def photo(ctx: Ctx, uid: uuid.UUID) -> Response:
    """The photograph, for whoever settles the delivery."""
    ctx.require(READ)
    receipt = set_aside.of_uid(ctx, uid)
    if receipt.photo_sha256 is None:
        raise NotFound
    kept = ctx.session.scalars(select(StoredFile).where(StoredFile.sha256 == receipt.photo_sha256)).one()
    return Response(ctx.files.read(kept.sha256), media_type=kept.media_type)
