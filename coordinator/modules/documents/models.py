"""Tables of documents (area 17)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record, Row


class Document(Record):
    """A document; its contents are its versions (DOC-02)."""

    __tablename__ = "document"
    __table_args__ = (UniqueConstraint("family", "number"),)

    family: Mapped[str] = f.choice("document_family", default="other")
    number: Mapped[str] = f.text(60, required=True, search=True, read_only=True)
    title: Mapped[str] = f.text(300, required=True, search=True)
    description: Mapped[str | None] = f.long_text(search=True)
    document_type: Mapped[str | None] = f.text(80, search=True)
    category: Mapped[str | None] = f.text(120)
    owner_user_id: Mapped[int | None] = f.ref("user_account.id")
    confidentiality: Mapped[str] = f.choice("confidentiality", default="internal")
    is_critical: Mapped[bool] = f.boolean()
    is_visible: Mapped[bool] = f.boolean(default=True)
    is_active: Mapped[bool] = f.boolean(default=True)
    tags: Mapped[list[str] | None] = f.words()


class DocumentVersion(Record):
    """One content of a document; never overwritten (DOC-17), at most one approved at a time (DOC-04)."""

    __tablename__ = "document_version"
    __table_args__ = (
        UniqueConstraint("document_id", "version_no"),
        Index(
            "uq_document_version_in_force",
            "document_id",
            unique=True,
            postgresql_where=text("status = 'approved'"),
        ),
        Index(None, "sha256"),
        CheckConstraint(
            "valid_until IS NULL OR issued_on IS NULL OR valid_until >= issued_on", name="valid_after_issue"
        ),
    )

    document_id: Mapped[int] = f.ref("document.id", required=True, read_only=True)
    version_no: Mapped[int] = f.integer(required=True, read_only=True)
    version_label: Mapped[str] = f.text(20, required=True, read_only=True)
    status: Mapped[str] = f.status("document_version", "draft")
    sha256: Mapped[str] = f.text(64, required=True, read_only=True)
    file_name: Mapped[str] = f.text(255, required=True, search=True, read_only=True)
    size_bytes: Mapped[int] = f.integer(required=True, read_only=True)
    media_type: Mapped[str] = f.text(120, required=True, read_only=True)
    language: Mapped[str | None] = f.choice("language", required=False)
    author: Mapped[str | None] = f.text(120)
    added_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    issued_on: Mapped[dt.date | None] = f.date()
    valid_until: Mapped[dt.date | None] = f.date()
    is_compliant: Mapped[bool] = f.boolean(default=True)
    change_reason: Mapped[str | None] = f.text(300)
    approved_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    approved_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class DocumentLink(Record):
    """Tie of a document to an object, which must exist (DOC-12, DAT-07)."""

    __tablename__ = "document_link"
    __table_args__ = (
        UniqueConstraint("document_id", "object_type", "object_id"),
        Index(None, "object_type", "object_id"),
    )

    document_id: Mapped[int] = f.ref("document.id", required=True)
    object_type: Mapped[str] = f.text(60, required=True)
    object_id: Mapped[int] = f.integer(required=True)


class DocumentAccessLog(Row):
    """Opening and download of a critical document (DOC-26); append-only."""

    __tablename__ = "document_access_log"

    occurred_at: Mapped[dt.datetime] = f.timestamp(required=True, index=True)
    document_version_id: Mapped[int] = f.ref("document_version.id", required=True)
    user_id: Mapped[int | None] = f.ref("user_account.id")
    terminal_id: Mapped[str | None] = f.text(60)
    action: Mapped[str] = f.text(30, required=True)
