"""Tables of the kernel itself."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.kernel import fields as f
from coordinator.kernel.db import Base, Record, Row


class AuditLog(Row):
    """One line per change or act, chained by hashes; nobody may change or delete it (TRC-22…25)."""

    __tablename__ = "audit_log"
    __table_args__ = (Index(None, "object_type", "object_id"), Index(None, "occurred_at"))

    occurred_at: Mapped[dt.datetime] = mapped_column()
    user_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("user_account.id", use_alter=True), index=True
    )
    actor: Mapped[str] = mapped_column(String(120))
    module_code: Mapped[str] = mapped_column(String(60))
    action_code: Mapped[str] = mapped_column(String(60))
    object_type: Mapped[str | None] = mapped_column(String(60))
    object_id: Mapped[int | None] = mapped_column(BigInteger)
    details: Mapped[str | None] = mapped_column(Text)
    old_values: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    new_values: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    is_critical: Mapped[bool] = mapped_column(default=False)
    station_id: Mapped[str | None] = mapped_column(String(60))
    terminal_id: Mapped[str | None] = mapped_column(String(60))
    ip: Mapped[str | None] = mapped_column(String(60))
    correlation_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    reason: Mapped[str | None] = mapped_column(Text)
    previous_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))


class AuditSeal(Row):
    """Head of the chain at the end of a day, signed by the server key (TRC-25)."""

    __tablename__ = "audit_seal"

    day: Mapped[dt.date] = mapped_column(unique=True)
    last_audit_log_id: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    signature: Mapped[bytes] = mapped_column(LargeBinary)


class OutboxEvent(Row):
    """A fact other modules or subscribers react to, written in the transaction that made it."""

    __tablename__ = "outbox_event"

    uid: Mapped[uuid.UUID] = mapped_column(Uuid, unique=True, default=uuid.uuid4)
    event_type: Mapped[str] = mapped_column(String(80), index=True)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    occurred_at: Mapped[dt.datetime] = mapped_column()
    correlation_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("user_account.id", use_alter=True))


class OutboxDelivery(Row):
    """Delivery of one event to one handler. ``done`` is written with the handler's own effects, so it acts once."""

    __tablename__ = "outbox_delivery"
    __table_args__ = (UniqueConstraint("outbox_event_id", "handler"), Index(None, "status"))

    outbox_event_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("outbox_event.id"))
    handler: Mapped[str] = mapped_column(String(120))
    status: Mapped[str] = f.status("outbox_delivery", "pending")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    last_error: Mapped[str | None] = mapped_column(Text)
    done_at: Mapped[dt.datetime | None] = mapped_column()


class NumberSequence(Record):
    """Counter of document numbers (SET-42). Taken under a row lock: no gap, no repetition."""

    __tablename__ = "number_sequence"
    __table_args__ = (UniqueConstraint("document_type", "period"),)

    document_type: Mapped[str] = f.text(40, required=True)
    prefix: Mapped[str] = f.text(20, required=True)
    period: Mapped[str] = f.text(10, required=True, default="")
    width: Mapped[int] = f.integer(required=True, default=4)
    next_value: Mapped[int] = f.integer(required=True, default=1, read_only=True)
    gap_free: Mapped[bool] = f.boolean(default=True)


class Setting(Record):
    """A value typed over the default of a declared setting (SET-31)."""

    __tablename__ = "setting"
    __table_args__ = (UniqueConstraint("key", "scope", "scope_id", postgresql_nulls_not_distinct=True),)

    key: Mapped[str] = f.text(80, required=True, search=True)
    scope: Mapped[str] = f.choice("setting_scope", default="global")
    scope_id: Mapped[int | None] = f.integer()
    value: Mapped[Any] = f.json(required=True)
    reason: Mapped[str | None] = f.text(300)


class StoredFile(Base):
    """Metadata of one content in the content-addressed store."""

    __tablename__ = "stored_file"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class IdempotencyKey(Row):
    """Answer kept for a repeated request with the same ``Idempotency-Key`` (OPS-12)."""

    __tablename__ = "idempotency_key"
    __table_args__ = (UniqueConstraint("owner", "key"),)

    owner: Mapped[str] = mapped_column(String(80))
    key: Mapped[str] = mapped_column(String(120))
    request_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    response: Mapped[Any] = mapped_column(JSONB)
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class QrCode(Record):
    """Opaque identifier printed on labels and sheets (TRC-11, TRC-12)."""

    __tablename__ = "qr_code"
    __table_args__ = (Index(None, "object_type", "object_id"),)

    object_type: Mapped[str] = f.text(60, required=True, read_only=True)
    object_id: Mapped[int] = f.integer(required=True, read_only=True)
    code: Mapped[str] = f.text(60, required=True, unique=True, read_only=True, search=True)
    revoked_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    printed_count: Mapped[int] = f.integer(required=True, default=0, read_only=True)


class ScanEvent(Row):
    """One scan: who, where, what, why, result (TRC-18); append-only."""

    __tablename__ = "scan_event"

    uid: Mapped[uuid.UUID] = f.uid()
    occurred_at: Mapped[dt.datetime] = f.timestamp(required=True, index=True)
    qr_code_id: Mapped[int | None] = f.ref("qr_code.id")
    code: Mapped[str] = f.text(200, required=True)
    user_id: Mapped[int | None] = f.ref("user_account.id")
    station_id: Mapped[str | None] = f.text(60)
    terminal_id: Mapped[str | None] = f.text(60)
    terminal_type: Mapped[str | None] = f.text(30)
    purpose: Mapped[str] = f.text(40, required=True)
    means: Mapped[str] = f.choice("means", default="qr")
    location: Mapped[str | None] = f.text(120)
    result: Mapped[str] = f.text(40, required=True)


class Task(Record):
    """Work waiting for a person: a review, a contradiction, a missing datum."""

    __tablename__ = "task"
    __table_args__ = (Index(None, "object_type", "object_id"), UniqueConstraint("dedupe_key"))

    kind: Mapped[str] = f.text(60, required=True, search=True)
    title: Mapped[str] = f.text(300, required=True, search=True)
    details: Mapped[dict[str, Any] | None] = f.json()
    status: Mapped[str] = f.status("task", "open")
    role_code: Mapped[str | None] = f.text(60)
    assigned_to_id: Mapped[int | None] = f.ref("user_account.id")
    object_type: Mapped[str | None] = f.text(60, read_only=True)
    object_id: Mapped[int | None] = f.integer(read_only=True)
    due_at: Mapped[dt.datetime | None] = f.timestamp()
    decided_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    decided_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    answer: Mapped[str | None] = f.long_text()
    dedupe_key: Mapped[str | None] = f.text(120, read_only=True)


class Notification(Record):
    """Message with severity to a role or a person (UIX-43)."""

    __tablename__ = "notification"
    __table_args__ = (Index(None, "object_type", "object_id"),)

    severity: Mapped[str] = f.choice("severity", default="info", read_only=True)
    category: Mapped[str] = f.text(60, required=True, read_only=True, search=True)
    text: Mapped[str] = f.text(500, required=True, read_only=True, search=True)
    role_code: Mapped[str | None] = f.text(60, read_only=True)
    user_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    object_type: Mapped[str | None] = f.text(60, read_only=True)
    object_id: Mapped[int | None] = f.integer(read_only=True)
    read_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    acknowledged_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    acknowledged_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)


APPEND_ONLY = [
    "audit_log", "audit_mask", "access_log", "security_event", "scan_event", "trace_event", "stock_movement",
    "electronic_signature", "ai_decision_log", "document_access_log",
]  # fmt: skip
"""Tables without UPDATE and DELETE for anybody (DAT-11)."""
