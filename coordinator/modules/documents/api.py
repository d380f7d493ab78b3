"""What other modules may call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.db import Record
from coordinator.kernel.lifecycle import move
from coordinator.modules.documents import service
from coordinator.modules.documents.models import Document, DocumentLink, DocumentVersion


def file_document(
    ctx: Context, family: str, title: str, content: bytes, media_type: str = "", links: Sequence[Record] = (), *,
    file_name: str | None = None, document: Document | None = None, document_type: str | None = None, approved: bool = True,
    confidentiality: str = "internal", is_critical: bool = False, **version_fields: Any,
) -> DocumentVersion:  # fmt: skip
    """File a document made or received by another module, with its links (DOC-15).

    With ``document`` a new version of it; else a new document of ``family``. ``media_type`` completes a name without
    ending, the type itself is read from the content. ``approved`` puts the version in force at once (DOC-04).

    Raises:
        BusinessError, UnsupportedFormat, TooLarge: empty, executable or too large content.
    """
    if document is None:
        document = Document(family=family, title=title[:300], document_type=document_type)
        document.confidentiality, document.is_critical = confidentiality, is_critical
        document.number = service.next_number(ctx, family)
        ctx.add(document)
    name = file_name or f"{document.number}{_ENDINGS.get(media_type, '')}"
    version = service.add_version(ctx, document, content, name, **version_fields)
    service.link(ctx, document, [(r.__tablename__, r.id) for r in links])
    if approved:
        move(ctx, version, "file")
    return version


_ENDINGS = {
    "application/pdf": ".pdf",
    "text/csv": ".csv",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "application/xml": ".xml",
}


def read(ctx: Context, version: DocumentVersion) -> bytes:
    """Content of a version, checked against its hash.

    Raises:
        Conflict: ``document.damaged`` when missing or changed on the disk (DOC-48).
    """
    return service.read(ctx, version)


def documents_of(ctx: Context, record: Record) -> list[Document]:
    """Documents tied to a record, newest first."""
    query = select(Document).join(DocumentLink, DocumentLink.document_id == Document.id)
    query = query.where(DocumentLink.object_type == record.__tablename__, DocumentLink.object_id == record.id)
    return list(ctx.session.scalars(query.where(Document.archived_at.is_(None)).order_by(Document.id.desc())))


def link(ctx: Context, document_id: int, *records: Record) -> None:
    """Tie a document to records."""
    service.link(ctx, ctx.get(Document, document_id), [(r.__tablename__, r.id) for r in records])


def in_force(ctx: Context, document_id: int) -> DocumentVersion:
    """The approved version of a document.

    Raises:
        NotFound: ``document.none_in_force``.
    """
    return service.in_force(ctx, document_id)
