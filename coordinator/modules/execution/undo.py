"""Taking back the last declaration (EXE-16): nothing is deleted, the fact and its undoing both stay."""

from __future__ import annotations

import datetime as dt
import uuid

from sqlalchemy import select

from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import t
from coordinator.kernel.lifecycle import move
from coordinator.modules.execution import times
from coordinator.modules.execution.facts import Fact, number
from coordinator.modules.execution.models import ShopEvent, TimeEntry, TimePause
from coordinator.modules.execution.rules import DECLARED


def undo(fact: Fact) -> str:
    """Take back a start, a pause, a resumption or a report; a finish is a manager's affair (its material is debited).

    Raises:
        BusinessError: ``shop.undo_unknown``, ``shop.undo_late`` or ``shop.undo_finish``.
    """
    ctx = fact.ctx
    done = _undone(fact)
    limit = dt.timedelta(minutes=ctx.settings.integer("execution.undo_min"))
    if fact.at - done.occurred_at > limit and not fact.may_manage():
        raise BusinessError("shop.undo_late", limit=int(limit.total_seconds() // 60))
    kind = done.event_type.partition(".")[2]
    if kind == "started":
        _unstart(fact, done.uid)
    elif kind == "reported":
        for name in DECLARED:
            column = f"{name}_qty"
            setattr(fact.operation, column, getattr(fact.operation, column) - number(done.payload, name))
    elif kind == "paused":
        pause = ctx.session.scalars(select(TimePause).where(TimePause.uid == done.uid)).one()
        # A pause that lasted no time counts for nothing.
        pause.ended_at = pause.started_at
    else:
        raise BusinessError("shop.undo_finish")
    done.result = "undone"
    fact.trace("operation.undone", undone=str(done.uid), event=done.event_type)
    return t("shop.undone", ctx.locale)


def _undone(fact: Fact) -> ShopEvent:
    try:
        uid = uuid.UUID(str(fact.payload.get("undone_uid")))
    except ValueError:
        raise BusinessError("shop.undo_unknown") from None
    query = select(ShopEvent).where(
        ShopEvent.uid == uid, ShopEvent.work_order_operation_id == fact.operation.id
    )
    done = fact.ctx.session.scalars(query).one_or_none()
    if done is None or done.result not in {"done", "review"} or done.user_id != fact.event.user_id:
        raise BusinessError("shop.undo_unknown")
    if fact.operation.status in {"done", "cancelled"}:
        raise BusinessError("shop.undo_finish")
    return done


def _unstart(fact: Fact, uid: uuid.UUID) -> None:
    ctx, operation = fact.ctx, fact.operation
    entry = ctx.session.scalars(select(TimeEntry).where(TimeEntry.uid == uid)).one()
    times.close_entry(ctx, entry, entry.started_at)
    entry.archived_at = ctx.now
    ctx.session.flush()
    if not times.entries_of(ctx, operation.id) and operation.status == "in_progress":
        operation.started_at = operation.started_by_id = None
        move(ctx, operation, "unstart")
