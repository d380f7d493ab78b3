"""Tables of accounts and rights."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.kernel import audit
from coordinator.kernel import fields as f
from coordinator.kernel.db import Record, Row


class UserAccount(Record):
    """Account of a person (ACC-01)."""

    __tablename__ = "user_account"

    last_name: Mapped[str] = f.text(100, required=True, search=True, personal=True)
    first_name: Mapped[str] = f.text(100, required=True, search=True, personal=True)
    email: Mapped[str] = f.text(254, required=True, unique=True, search=True, kind="email", personal=True)
    phone: Mapped[str | None] = f.text(30, kind="phone", personal=True)
    language: Mapped[str] = f.choice("interface_language", default="fr")
    password_hash: Mapped[str | None] = f.secret()
    pin_hash: Mapped[str | None] = f.secret()
    station_pin_hash: Mapped[str | None] = f.secret()
    """Same PIN in the form stations can check without a line (``edge_agents.protocol.credentials``)."""
    totp_secret: Mapped[str | None] = f.secret()
    totp_confirmed_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    is_active: Mapped[bool] = f.boolean(default=True)
    is_master: Mapped[bool] = f.boolean(read_only=True)
    must_change_password: Mapped[bool] = f.boolean(read_only=True)
    temporary_password_until: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    locked_until: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    failed_attempts: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    lock_count: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    last_login_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    last_totp_step: Mapped[int | None] = f.integer(read_only=True)
    site_id: Mapped[int | None] = f.ref("site.id")
    employee_id: Mapped[int | None] = f.ref("employee.id", unique=True, use_alter=True)


class Role(Record):
    """Named bundle of rights; inherits its parent's (ACC-13)."""

    __tablename__ = "role"

    code: Mapped[str] = f.text(60, required=True, unique=True, search=True)
    label: Mapped[str] = f.text(120, required=True, search=True)
    parent_id: Mapped[int | None] = f.ref("role.id")
    is_system: Mapped[bool] = f.boolean(read_only=True)
    requires_totp: Mapped[bool] = f.boolean()


class UserRole(Record):
    """A role given to a person."""

    __tablename__ = "user_role"
    __table_args__ = (UniqueConstraint("user_id", "role_id"),)

    user_id: Mapped[int] = f.ref("user_account.id", required=True)
    role_id: Mapped[int] = f.ref("role.id", required=True)


class PermissionGrant(Record):
    """Rights on one module for a person or a role (DAT-16, ACC-17)."""

    __tablename__ = "permission_grant"
    __table_args__ = (
        CheckConstraint("(user_id IS NULL) <> (role_id IS NULL)", name="one_holder"),
        UniqueConstraint("user_id", "module_code"),
        UniqueConstraint("role_id", "module_code"),
    )

    user_id: Mapped[int | None] = f.ref("user_account.id")
    role_id: Mapped[int | None] = f.ref("role.id")
    module_code: Mapped[str] = f.text(60, required=True, search=True)
    is_enabled: Mapped[bool] = f.boolean(default=True)
    can_read: Mapped[bool] = f.boolean()
    can_create: Mapped[bool] = f.boolean()
    can_update: Mapped[bool] = f.boolean()
    can_delete: Mapped[bool] = f.boolean()
    can_validate: Mapped[bool] = f.boolean()
    can_export: Mapped[bool] = f.boolean()
    is_full_access: Mapped[bool] = f.boolean()
    scope: Mapped[str] = f.choice("scope", default="all")


class Clearance(Record):
    """Permission of a person to know what carries a secrecy or export-control mark (ACC-39)."""

    __tablename__ = "clearance"
    __table_args__ = (UniqueConstraint("user_id", "kind"),)

    user_id: Mapped[int] = f.ref("user_account.id", required=True)
    kind: Mapped[str] = f.choice("clearance")
    valid_until: Mapped[dt.date | None] = f.date()
    granted_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)


class ResourceAccessRight(Record):
    """A person or role named for one restricted record (DRW-28, DOC-34)."""

    __tablename__ = "resource_access_right"
    __table_args__ = (
        CheckConstraint("(user_id IS NULL) <> (role_id IS NULL)", name="one_holder"),
        UniqueConstraint(
            "user_id", "role_id", "object_type", "object_id", postgresql_nulls_not_distinct=True
        ),
        Index(None, "object_type", "object_id"),
    )

    user_id: Mapped[int | None] = f.ref("user_account.id")
    role_id: Mapped[int | None] = f.ref("role.id")
    object_type: Mapped[str] = f.text(60, required=True)
    object_id: Mapped[int] = f.integer(required=True)
    valid_until: Mapped[dt.date | None] = f.date()


class UserSession(Record):
    """An open sign-in, closed by revoking it (ACC-07)."""

    __tablename__ = "user_session"

    user_id: Mapped[int] = f.ref("user_account.id", required=True)
    refresh_sha256: Mapped[str | None] = f.secret(64)
    previous_refresh_sha256: Mapped[str | None] = f.secret(64)
    rotated_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    means: Mapped[str] = f.text(40, required=True, default="password", read_only=True)
    terminal_id: Mapped[str | None] = f.text(60, read_only=True)
    station_id: Mapped[str | None] = f.text(60, read_only=True)
    ip: Mapped[str | None] = f.text(60, read_only=True)
    last_seen_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    expires_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    revoked_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class Badge(Record):
    """RFID or QR badge; one active per person (ACC-34)."""

    __tablename__ = "badge"
    __table_args__ = (UniqueConstraint("user_id", "is_current"), Index(None, "token_hash"))

    user_id: Mapped[int] = f.ref("user_account.id", required=True)
    kind: Mapped[str] = f.text(20, required=True, default="qr")
    token_hash: Mapped[str | None] = f.secret()
    is_current: Mapped[bool | None] = mapped_column(nullable=True)
    """True while valid, else NULL: the unique pair allows one valid badge per person."""
    issued_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    revoked_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class ElectronicSignature(Row):
    """One signature over one content; append-only, sealed by the server (TRC-38)."""

    __tablename__ = "electronic_signature"
    __table_args__ = (Index(None, "object_type", "object_id"),)

    uid: Mapped[uuid.UUID] = f.uid()
    signed_at: Mapped[dt.datetime] = f.timestamp(required=True)
    user_id: Mapped[int] = f.ref("user_account.id", required=True)
    roles: Mapped[str] = f.text(300, required=True)
    object_type: Mapped[str] = f.text(60, required=True)
    object_id: Mapped[int] = mapped_column(BigInteger)
    object_version: Mapped[int] = f.integer(required=True)
    meaning: Mapped[str] = f.choice("signature_meaning", default="approved")
    method: Mapped[str] = f.text(40, required=True)
    content: Mapped[dict[str, Any]] = f.json(required=True)
    content_sha256: Mapped[str] = f.text(64, required=True)
    terminal_id: Mapped[str | None] = f.text(60)
    previous_sha256: Mapped[str | None] = f.text(64)
    seal: Mapped[bytes] = mapped_column(LargeBinary)


class SecurityEvent(Row):
    """Sign-in, failure, lock, right change; append-only (ACC-41)."""

    __tablename__ = "security_event"

    occurred_at: Mapped[dt.datetime] = f.timestamp(required=True, index=True)
    kind: Mapped[str] = f.text(60, required=True)
    user_id: Mapped[int | None] = f.ref("user_account.id")
    ip: Mapped[str | None] = f.text(60)
    terminal_id: Mapped[str | None] = f.text(60)
    means: Mapped[str | None] = f.text(40)
    result: Mapped[str] = f.text(40, required=True)
    details: Mapped[dict[str, Any] | None] = f.json()


class AccessLog(Row):
    """Refused access: who asked for what (ACC-27); append-only."""

    __tablename__ = "access_log"

    occurred_at: Mapped[dt.datetime] = f.timestamp(required=True, index=True)
    user_id: Mapped[int | None] = f.ref("user_account.id")
    resource: Mapped[str] = f.text(200, required=True)
    access_level: Mapped[str] = f.text(60, required=True)
    ip: Mapped[str | None] = f.text(60)


class RecoveryCode(Row):
    """Way in when the authenticator is lost; each code serves once (ACC-09)."""

    __tablename__ = "recovery_code"

    user_id: Mapped[int] = f.ref("user_account.id", required=True)
    code_sha256: Mapped[str | None] = f.secret(64)
    used_at: Mapped[dt.datetime | None] = f.timestamp()


class LoginThrottle(Row):
    """Failures of an address or of an e-mail without account, so that both are locked like an account (ACC-10)."""

    __tablename__ = "login_throttle"

    subject: Mapped[str] = f.text(120, required=True, unique=True)
    failed_attempts: Mapped[int] = f.integer(required=True, default=0)
    lock_count: Mapped[int] = f.integer(required=True, default=0)
    locked_until: Mapped[dt.datetime | None] = f.timestamp()


class MasterHandover(Record):
    """Offer of the master account to another person, waiting for his acceptance (ACC-15)."""

    __tablename__ = "master_handover"

    from_user_id: Mapped[int] = f.ref("user_account.id", required=True)
    to_user_id: Mapped[int] = f.ref("user_account.id", required=True)
    expires_at: Mapped[dt.datetime] = f.timestamp(required=True)
    decided_at: Mapped[dt.datetime | None] = f.timestamp()


# Their acts stand in security_event; a line per last contact would drown the history.
audit.silent(UserSession)
