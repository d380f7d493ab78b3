"""Transactional outbox: an event is written with the change that caused it and delivered to each handler once.

Delivery runs as a job; a handler that fails is retried with growing delay, then the delivery is ``dead`` and visible.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import func, insert, select, update

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.models import OutboxDelivery, OutboxEvent

MAX_ATTEMPTS = 8
DELIVER_JOB = "outbox.deliver"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Event:
    """A fact, as handlers see it."""

    uid: uuid.UUID
    event_type: str
    payload: dict[str, Any]
    occurred_at: dt.datetime
    correlation_id: uuid.UUID | None
    user_id: int | None


def emit(ctx: Context, event_type: str, payload: dict[str, Any]) -> None:
    """Record an event and queue one delivery per handler, all in the caller's transaction."""
    row = OutboxEvent(
        event_type=event_type,
        payload={k: jsonable(v) for k, v in payload.items()},
        occurred_at=ctx.now,
        correlation_id=ctx.correlation_id,
        user_id=ctx.principal.user_id,
    )
    ctx.session.add(row)
    ctx.session.flush()
    for handler in ctx.registry.handlers.get(event_type, []):
        statement = insert(OutboxDelivery).values(
            outbox_event_id=row.id, handler=handler.name, status="pending", attempts=0
        )
        delivery_id = ctx.session.scalar(statement.returning(OutboxDelivery.id))
        ctx.defer(DELIVER_JOB, delivery_id=delivery_id)


def deliver(factory: ContextFactory, delivery_id: int) -> bool:
    """Run one delivery. Returns whether nothing is left to do for it (done or dead).

    The handler's effects and the mark ``done`` commit together, so a crash in between repeats neither.
    """
    try:
        with factory.open(Principal.service("outbox")) as ctx:
            delivery = ctx.session.get(OutboxDelivery, delivery_id, with_for_update=True)
            if delivery is None or delivery.status != "pending":
                return True
            row = ctx.session.get_one(OutboxEvent, delivery.outbox_event_id)
            if row.correlation_id:
                ctx.correlation_id = row.correlation_id
            event = Event(
                row.uid, row.event_type, row.payload, row.occurred_at, row.correlation_id, row.user_id
            )
            factory.registry.handler_by_name[delivery.handler].function(ctx, event)
            delivery.status = "done"
            delivery.attempts += 1
            delivery.done_at = ctx.now
    except Exception as error:  # a supervisor: whatever a handler raises must not stop the others
        return _failed(factory, delivery_id, error)
    return True


def _failed(factory: ContextFactory, delivery_id: int, error: Exception) -> bool:
    with factory.open(Principal.service("outbox")) as ctx:
        delivery = ctx.session.get_one(OutboxDelivery, delivery_id, with_for_update=True)
        delivery.attempts += 1
        delivery.last_error = f"{type(error).__name__}: {error}"[:2000]
        is_dead = delivery.attempts >= MAX_ATTEMPTS
        if is_dead:
            delivery.status = "dead"
        _log.error("outbox delivery failed", delivery=delivery_id, handler=delivery.handler,
                   attempts=delivery.attempts, dead=is_dead, exc_info=error)  # fmt: skip
        return is_dead


def retry_dead(ctx: Context, delivery_id: int) -> None:
    """Give a dead delivery another round, after its cause was mended."""
    statement = update(OutboxDelivery).where(
        OutboxDelivery.id == delivery_id, OutboxDelivery.status == "dead"
    )
    if ctx.session.execute(statement.values(status="pending", attempts=0)).rowcount:  # type: ignore[attr-defined]
        ctx.defer(DELIVER_JOB, delivery_id=delivery_id)


def drain(factory: ContextFactory, *, limit: int = 10_000) -> int:
    """Deliver everything pending now, in order, in this process (tests, command line). Returns how many ran."""
    count = 0
    last = 0
    while count < limit:
        with factory.sessions() as session:
            query = select(func.min(OutboxDelivery.id)).where(
                OutboxDelivery.status == "pending", OutboxDelivery.id > last
            )
            delivery_id = session.scalar(query)
        if delivery_id is None:
            return count
        deliver(factory, delivery_id)
        last = delivery_id
        count += 1
    return count
