"""QR codes: an opaque ``gu:q/<uuid>`` per object, no name, price or customer in it (TRC-12)."""

from __future__ import annotations

import uuid

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.db import Record
from coordinator.kernel.models import QrCode

PREFIX = "gu:q/"


def code_of(ctx: Context, record: Record) -> str:
    """Valid code of a record, made at first need."""
    query = select(QrCode.code).where(
        QrCode.object_type == record.__tablename__, QrCode.object_id == record.id, QrCode.revoked_at.is_(None)
    )
    code = ctx.session.scalar(query.order_by(QrCode.id.desc()).limit(1))
    if code is None:
        row = QrCode(
            object_type=record.__tablename__,
            object_id=record.id,
            code=f"{PREFIX}{uuid.uuid4()}",
            printed_count=0,
        )
        code = ctx.add(row).code
    return code


def find(ctx: Context, code: str) -> QrCode | None:
    """Row of a scanned code, revoked ones included; ``None`` for an unknown code."""
    return ctx.session.scalars(select(QrCode).where(QrCode.code == code.strip())).one_or_none()
