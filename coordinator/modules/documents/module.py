"""Manifest of the documents module."""

from __future__ import annotations

from typing import Any

from coordinator.kernel.context import Context
from coordinator.kernel.registry import EntitySpec, Job, Lifecycle, Module, Transition
from coordinator.modules.documents import endpoints, service
from coordinator.modules.documents.models import Document, DocumentLink, DocumentVersion


def _changed(ctx: Context, document: Document) -> None:
    service.require_family(ctx, document.family)


def _new(ctx: Context, document: Document) -> None:
    service.require_family(ctx, document.family or "other", "create")
    service.number_document(ctx, document)


def _family_approves(ctx: Context, version: DocumentVersion, params: Any) -> None:
    document = ctx.get(Document, version.document_id)
    service.require_family(ctx, document.family, "validate")
    service.approve(ctx, version, params)


def _expire(ctx: Context) -> None:
    service.expire(ctx)


VERSION = Lifecycle(
    "status",
    (
        Transition("submit", ("draft",), "in_review"),
        Transition("approve", ("in_review",), "approved", "validate", effect=_family_approves, event="document.approved",
                   tone="primary", critical=True),
        Transition("reject", ("in_review",), "draft", "validate", tone="danger"),
        Transition("archive_version", ("superseded", "expired"), "archived"),
        Transition("file", ("draft",), "approved", effect=service.approve, event="document.approved", automatic=True),
    ),
)  # fmt: skip

MODULE = Module(
    name="documents",
    depends=("identity",),
    entities=[
        EntitySpec(Document, "documents", "documents", title=("number", "title"), scope_filter=service.visible_documents,
                   visibility=service.known_documents,
                   on_create=_new, on_update=_changed,
                   list_fields=("number", "title", "family", "document_type", "confidentiality", "is_critical")),
        EntitySpec(DocumentVersion, "documents", "documents", title=("file_name", "version_label"), can_create=False,
                   can_delete=False, lifecycle=VERSION, scope_filter=service.visible_versions, visibility=service.known_versions, on_update=service.change_version,
                   list_fields=("document_id", "version_label", "status", "file_name", "valid_until", "added_at")),
        EntitySpec(DocumentLink, "documents", title=("object_type", "object_id"), can_update=False,
                   scope_filter=service.visible_links, visibility=service.known_links, on_create=service.check_link),
    ],
    routers=[endpoints.router],
    jobs=[Job("documents.expire", _expire, cron="20 1 * * *")],
)  # fmt: skip
