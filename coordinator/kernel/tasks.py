"""Tasks that wait for a person, and notifications."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.db import Record
from coordinator.kernel.errors import Conflict
from coordinator.kernel.models import Notification, Task


def open_task(
    ctx: Context,
    kind: str,
    title: str,
    record: Record | None = None,
    *,
    role: str | None = None,
    due_at: dt.datetime | None = None,
    details: dict[str, Any] | None = None,
    dedupe_key: str | None = None,
) -> Task:
    """Open a task; with a ``dedupe_key`` the same cause opens only one."""
    if dedupe_key is not None:
        existing = ctx.session.scalars(select(Task).where(Task.dedupe_key == dedupe_key)).one_or_none()
        if existing is not None:
            return existing
    task = Task(
        kind=kind,
        title=title[:300],
        details=details,
        role_code=role,
        object_type=record.__tablename__ if record is not None else None,
        object_id=record.id if record is not None else None,
        due_at=due_at,
        dedupe_key=dedupe_key,
    )
    return ctx.add(task)


def close_task(ctx: Context, task: Task, answer: str | None = None) -> None:
    """Mark a task done with the person's answer.

    Raises:
        Conflict: ``task.closed`` when somebody else did it.
    """
    if task.status != "open":
        raise Conflict("task.closed")
    task.status = "done"
    task.answer = answer
    task.decided_by_id = ctx.principal.user_id
    task.decided_at = ctx.now


def notify(
    ctx: Context,
    severity: str,
    category: str,
    text: str,
    record: Record | None = None,
    *,
    role: str | None = None,
    user_id: int | None = None,
) -> Notification:
    """Tell a role or a person; live clients see it at once."""
    notification = Notification(
        severity=severity,
        category=category,
        text=text[:500],
        role_code=role,
        user_id=user_id,
        object_type=record.__tablename__ if record is not None else None,
        object_id=record.id if record is not None else None,
    )
    return ctx.add(notification)
