"""The kernel's own records as the clients see them: tasks, notifications, QR codes, numbers, settings, deliveries."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import ColumnElement, false, func, or_, select

from coordinator.kernel import tasks
from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.errors import NotFound
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.models import (
    Notification,
    NumberSequence,
    OutboxDelivery,
    OutboxEvent,
    QrCode,
    Setting,
    Task,
)
from coordinator.kernel.outbox import retry_dead
from coordinator.kernel.registry import Command, EntitySpec, Permission
from coordinator.kernel.schema import StrictModel

TASKS = "projects"
READ = Permission("platform", "read")
RETRY = Permission("platform", "update")
router = APIRouter(prefix="/outbox-deliveries", tags=["platform"])


class Answer(StrictModel):
    """What the person decided or did."""

    answer: str | None = Field(None, max_length=2000)


def _own_tasks(ctx: Context, scope: str) -> ColumnElement[bool]:
    if scope not in {"own", "assigned", "team"}:
        return false()
    for_role = Task.role_code.in_(sorted(ctx.principal.roles))
    if ctx.principal.user_id is None:
        return for_role
    return or_(
        for_role, Task.assigned_to_id == ctx.principal.user_id, Task.created_by_id == ctx.principal.user_id
    )


def _own_notifications(ctx: Context, scope: str) -> ColumnElement[bool]:
    if scope not in {"own", "assigned", "team"}:
        return false()
    to_everybody = Notification.user_id.is_(None) & Notification.role_code.is_(None)
    roles = Notification.role_code.in_(sorted(ctx.principal.roles))
    personal = Notification.user_id == ctx.principal.user_id if ctx.principal.user_id is not None else false()
    return or_(personal, roles, to_everybody)


def _done(ctx: Context, task: Task, params: Answer) -> None:
    tasks.close_task(ctx, task, params.answer)


def _acknowledge(ctx: Context, notification: Notification, _params: Any) -> None:
    if notification.acknowledged_at is None:
        notification.acknowledged_at = ctx.now
        notification.acknowledged_by_id = ctx.principal.user_id


def _read(ctx: Context, notification: Notification, _params: Any) -> None:
    notification.read_at = notification.read_at or ctx.now


def _revoke(ctx: Context, code: QrCode, _params: Any) -> None:
    code.revoked_at = code.revoked_at or ctx.now


ENTITIES = [
    EntitySpec(
        Task, TASKS, "home", title=("title",), can_delete=False, scope_filter=_own_tasks,
        list_fields=("title", "kind", "status", "role_code", "assigned_to_id", "due_at"),
    ),
    EntitySpec(
        Notification, TASKS, "home", title=("text",), can_create=False, can_update=False, can_delete=False,
        scope_filter=_own_notifications, list_fields=("severity", "text", "category", "created_at", "acknowledged_at"),
    ),
    EntitySpec(
        QrCode, "traceability", "system", title=("code",), can_create=False, can_update=False, can_delete=False,
        list_fields=("code", "object_type", "object_id", "printed_count", "revoked_at"),
    ),
    EntitySpec(
        NumberSequence, "settings", "system", title=("document_type", "period"), can_create=False, can_update=False,
        can_delete=False, list_fields=("document_type", "prefix", "period", "next_value", "gap_free"),
    ),
    EntitySpec(
        Setting, "platform", "system", title=("key",), plural="setting-values", can_create=False, can_update=False,
        can_delete=False, list_fields=("key", "scope", "value", "reason"),
    ),
]  # fmt: skip

COMMANDS = [
    Command("done", Permission(TASKS, "update"), _done, params=Answer, entity="task", tone="primary",
            available=lambda task: task.status == "open"),
    Command("read", Permission(TASKS, "read"), _read, entity="notification", available=lambda n: n.read_at is None),
    Command("acknowledge", Permission(TASKS, "update"), _acknowledge, entity="notification", tone="primary",
            available=lambda n: n.acknowledged_at is None),
    Command("revoke", Permission("traceability", "update"), _revoke, entity="qr_code", tone="danger", confirm=True,
            critical=True, available=lambda code: code.revoked_at is None),
]  # fmt: skip


@router.get("", operation_id="outbox_delivery_list", openapi_extra=guarded(READ))
def list_deliveries(
    ctx: Ctx,
    skip: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    status: str = "dead",
) -> dict[str, Any]:
    """Deliveries of events to their handlers; the dead ones wait for a person."""
    ctx.require(READ)
    condition = OutboxDelivery.status == status
    total = ctx.session.scalar(select(func.count()).select_from(OutboxDelivery).where(condition))
    query = select(OutboxDelivery, OutboxEvent).join(
        OutboxEvent, OutboxEvent.id == OutboxDelivery.outbox_event_id
    )
    rows = ctx.session.execute(
        query.where(condition).order_by(OutboxDelivery.id.desc()).offset(skip).limit(limit)
    )
    items = [
        {
            "id": delivery.id, "status": delivery.status, "handler": delivery.handler, "attempts": delivery.attempts,
            "last_error": delivery.last_error, "event_type": event.event_type, "payload": event.payload,
            "occurred_at": jsonable(event.occurred_at),
        }
        for delivery, event in rows
    ]  # fmt: skip
    return {"items": items, "total": total, "skip": skip, "limit": limit}


@router.post("/{delivery_id}/retry", operation_id="outbox_delivery_retry", openapi_extra=guarded(RETRY))
def retry_delivery(ctx: Ctx, delivery_id: int) -> dict[str, str]:
    """Give a dead delivery another round, after its cause was mended."""
    ctx.require(RETRY)
    if ctx.session.get(OutboxDelivery, delivery_id) is None:
        raise NotFound(entity="outbox_delivery", id=delivery_id)
    retry_dead(ctx, delivery_id)
    ctx.note("retry_delivery", details=f"outbox_delivery {delivery_id}")
    return {"status": "pending"}
