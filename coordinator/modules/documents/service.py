"""Filing, versions, links, reading (DOC-02…06, DOC-12, DOC-17, DOC-19, DOC-26)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, text
from sqlalchemy.orm import aliased

from coordinator.kernel.context import Context
from coordinator.kernel.db import Record
from coordinator.kernel.errors import BusinessError, Conflict, FieldError, NotFound, UnsupportedFormat
from coordinator.kernel.registry import Permission
from coordinator.modules.documents import signatures
from coordinator.modules.documents.models import Document, DocumentAccessLog, DocumentLink, DocumentVersion
from coordinator.modules.identity import api as identity

PREFIXES = {
    "quality": "QUA", "regulatory": "REG", "hr": "RH", "production": "PRO", "commercial": "COM", "purchasing": "ACH",
    "finance": "FIN", "qhse": "QHSE", "maintenance": "MNT", "other": "DOC",
}  # fmt: skip
MODULE_OF_FAMILY = {
    "quality": "quality", "regulatory": "quality", "hr": "hr", "production": "methods", "commercial": "orders",
    "purchasing": "purchasing", "finance": "finance", "qhse": "qhse", "maintenance": "maintenance",
}  # fmt: skip
NAMED_PERSONS_ONLY = ("customer_confidential", "defence_restricted", "export_controlled")
"""Confidentialities shown to the person in charge and to cleared or named persons only (DOC-34, ACC-39)."""


def next_number(ctx: Context, family: str) -> str:
    """Next number of a family and year, such as ``QUA-2026-0012`` (DOC-03)."""
    prefix = f"{PREFIXES[family]}-{ctx.now.year:04d}-"
    ctx.session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"document {prefix}"})
    taken = select(func.max(func.substr(Document.number, len(prefix) + 1))).where(
        Document.family == family, Document.number.regexp_match(f"^{prefix}[0-9]{{4,}}$")
    )
    return f"{prefix}{int(ctx.session.scalar(taken) or 0) + 1:04d}"


def number_document(ctx: Context, document: Document) -> None:
    """Give a new document its number."""
    document.number = next_number(ctx, document.family or "other")


def check_link(ctx: Context, link: DocumentLink) -> None:
    """Refuse a link to an object that does not exist (DAT-07).

    Raises:
        BusinessError: ``document.link_unknown``.
    """
    table = Record.metadata.tables.get(link.object_type)
    known = table is not None and "id" in table.c
    if not known or ctx.session.scalar(select(table.c.id).where(table.c.id == link.object_id)) is None:  # type: ignore[union-attr]
        params: dict[str, Any] = {"object": link.object_type, "id": link.object_id}
        raise BusinessError(
            "document.link_unknown",
            errors=[FieldError("object_id", "document.link_unknown", params)],
            **params,
        )


def link(ctx: Context, document: Document, objects: Sequence[tuple[str, int]]) -> None:
    """Tie a document to objects, once each."""
    query = select(DocumentLink.object_type, DocumentLink.object_id).where(
        DocumentLink.document_id == document.id
    )
    known = set(ctx.session.execute(query).tuples())
    for object_type, object_id in dict.fromkeys(objects):
        if (object_type, object_id) not in known:
            made = DocumentLink(document_id=document.id, object_type=object_type, object_id=object_id)
            check_link(ctx, made)
            ctx.add(made)


def check_content(content: bytes, file_name: str) -> str:
    """Media type of a content that may be stored.

    Raises:
        BusinessError: ``document.empty``. UnsupportedFormat: ``document.executable``. TooLarge: by the store.
    """
    if not content:
        raise BusinessError("document.empty", errors=[FieldError("file", "document.empty")])
    if signatures.is_executable(content, file_name):
        raise UnsupportedFormat("document.executable", name=file_name)
    return signatures.media_type(content, file_name)


def add_version(
    ctx: Context, document: Document, content: bytes, file_name: str, **fields: Any
) -> DocumentVersion:
    """New draft version of a document; the content is stored once whatever its number of uses (DOC-06)."""
    media_type = check_content(content, file_name)
    stored = ctx.files.put(content, media_type, max_bytes=ctx.config.max_upload_mb << 20)
    ctx.get(Document, document.id, lock=True)
    last = ctx.session.scalar(
        select(func.max(DocumentVersion.version_no)).where(DocumentVersion.document_id == document.id)
    )
    number = (last or 0) + 1
    fields.setdefault("version_label", str(number))
    version = DocumentVersion(
        document_id=document.id, version_no=number, sha256=stored.sha256, file_name=file_name[-255:], size_bytes=stored.size,
        media_type=media_type, added_at=ctx.now, author=fields.pop("author", ctx.principal.name), **fields,
    )  # fmt: skip
    check_validity(ctx, version)
    return ctx.add(version)


def check_validity(_ctx: Context, version: DocumentVersion) -> None:
    """Refuse an end of validity before the date of issue (DOC-53)."""
    if version.issued_on and version.valid_until and version.valid_until < version.issued_on:
        raise BusinessError("document.validity", errors=[FieldError("valid_until", "document.validity")])


def change_version(ctx: Context, version: DocumentVersion) -> None:
    """Only a draft's data may be changed."""
    if version.status not in {"draft", "in_review"}:
        raise Conflict("document.version_frozen")
    check_validity(ctx, version)


def approve(ctx: Context, version: DocumentVersion, _params: Any = None) -> None:
    """Put a version in force; the one before becomes superseded (DOC-04, DOC-19).

    Raises:
        Conflict: ``document.expired`` (DOC-53), ``document.damaged`` (DOC-48).
    """
    if version.valid_until is not None and version.valid_until < ctx.now.date():
        raise Conflict("document.expired")
    if not ctx.files.is_intact(version.sha256):
        raise Conflict("document.damaged")
    query = select(DocumentVersion).where(
        DocumentVersion.document_id == version.document_id, DocumentVersion.status == "approved"
    )
    for former in ctx.session.scalars(query.with_for_update()):
        former.status = "superseded"
    ctx.session.flush()
    version.approved_by_id = ctx.principal.user_id
    version.approved_at = ctx.now


def duplicates(ctx: Context, version: DocumentVersion) -> list[str]:
    """Numbers of other documents with the same content (DOC-06)."""
    query = select(Document.number).join(DocumentVersion, DocumentVersion.document_id == Document.id)
    others = query.where(DocumentVersion.sha256 == version.sha256, Document.id != version.document_id)
    return list(ctx.session.scalars(others.distinct().order_by(Document.number)))


def read(ctx: Context, version: DocumentVersion, action: str = "open") -> bytes:
    """Content of a version, checked against its hash; logged for a critical document (DOC-26, DOC-48).

    Raises:
        Conflict: ``document.damaged``.
    """
    if not ctx.files.is_intact(version.sha256):
        raise Conflict("document.damaged")
    if ctx.get(Document, version.document_id).is_critical:
        line = DocumentAccessLog(
            occurred_at=ctx.now, document_version_id=version.id, user_id=ctx.principal.user_id,
            terminal_id=ctx.terminal_id, action=action,
        )  # fmt: skip
        ctx.session.add(line)
    return ctx.files.read(version.sha256)


def known_documents(ctx: Context) -> ColumnElement[bool]:
    """Documents whose existence a person may know of, whatever his rights: restricted ones only by name (DOC-34, ACC-39)."""
    return or_(
        Document.confidentiality.not_in(NAMED_PERSONS_ONLY),
        Document.owner_user_id == (ctx.principal.user_id or 0),
        identity.cleared(ctx, Document.confidentiality),
        identity.named(ctx, Document),
    )


def known_versions(ctx: Context) -> ColumnElement[bool]:
    """Versions of known documents."""
    return DocumentVersion.document_id.in_(select(Document.id).where(known_documents(ctx)))


def known_links(ctx: Context) -> ColumnElement[bool]:
    """Links of known documents."""
    return DocumentLink.document_id.in_(select(Document.id).where(known_documents(ctx)))


def visible_documents(ctx: Context, scope: str) -> ColumnElement[bool]:
    """What a scope narrower than ``all`` shows.

    ``site``: the store, less confidential families and restricted documents; ``assigned`` and ``own``: approved
    documents in the person's charge or made visible to the workshop (DOC-32, DOC-33, DOC-34).
    """
    mine = Document.owner_user_id == ctx.principal.user_id if ctx.principal.user_id is not None else false()
    open_ones = Document.confidentiality.not_in((*NAMED_PERSONS_ONLY, "confidential", "personal"))
    if scope == "site":
        hidden = [f for f in ("hr", "finance") if ctx.principal.scope(MODULE_OF_FAMILY[f], "read") != "all"]
        full = [f for f, m in MODULE_OF_FAMILY.items() if ctx.principal.scope(m, "read") == "all"]
        by_name = and_(Document.confidentiality.in_(NAMED_PERSONS_ONLY), known_documents(ctx))
        entitled = Document.family.in_(full)
        return or_(mine, by_name, and_(Document.family.not_in(hidden), open_ones), entitled)
    if scope in {"assigned", "own"}:
        version = aliased(DocumentVersion)
        approved = exists().where(version.document_id == Document.id, version.status == "approved")
        shown = and_(
            Document.family == "production", Document.is_visible, Document.is_active, open_ones, approved
        )
        return or_(mine, shown)
    return mine


def visible_versions(ctx: Context, scope: str) -> ColumnElement[bool]:
    """Versions of the documents a scope shows."""
    of_documents = DocumentVersion.document_id.in_(select(Document.id).where(visible_documents(ctx, scope)))
    return of_documents if scope == "site" else and_(of_documents, DocumentVersion.status == "approved")


def visible_links(ctx: Context, scope: str) -> ColumnElement[bool]:
    """Links of the documents a scope shows."""
    return DocumentLink.document_id.in_(select(Document.id).where(visible_documents(ctx, scope)))


def require_family(ctx: Context, family: str, right: str = "update") -> None:
    """HR and finance papers are changed by those who hold that module (DOC-33)."""
    module = MODULE_OF_FAMILY.get(family)
    if family in {"hr", "finance", "quality", "regulatory"} and module is not None:
        ctx.require(Permission(module, right))  # type: ignore[arg-type]


def find_version(ctx: Context, version_id: int) -> DocumentVersion:
    """A version.

    Raises:
        NotFound: unknown.
    """
    return ctx.get(DocumentVersion, version_id)


def in_force(ctx: Context, document_id: int) -> DocumentVersion:
    """The approved version of a document.

    Raises:
        NotFound: none is approved.
    """
    query = select(DocumentVersion).where(
        DocumentVersion.document_id == document_id, DocumentVersion.status == "approved"
    )
    version = ctx.session.scalars(query).one_or_none()
    if version is None:
        raise NotFound("document.none_in_force")
    return version


def version_numbered(ctx: Context, document_id: int, version_no: int) -> DocumentVersion:
    """A version by its number.

    Raises:
        NotFound: unknown.
    """
    query = select(DocumentVersion).where(
        DocumentVersion.document_id == document_id, DocumentVersion.version_no == version_no
    )
    version = ctx.session.scalars(query).one_or_none()
    if version is None:
        raise NotFound(entity="document_version", id=version_no)
    return version


def expire(ctx: Context) -> int:
    """Mark approved versions whose validity has passed (DOC-04). Returns how many."""
    query = select(DocumentVersion).where(
        DocumentVersion.status == "approved", DocumentVersion.valid_until < ctx.now.date()
    )
    passed = ctx.session.scalars(query).all()
    for version in passed:
        version.status = "expired"
        ctx.emit("document.expired", {"id": version.document_id, "version_id": version.id})
    return len(passed)
