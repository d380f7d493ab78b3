"""Time entries: open, pause, close, correct; forgotten ones wait for a manager (EXE-17…20, EXE-53)."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.kernel.i18n import t
from coordinator.modules.execution import rules
from coordinator.modules.execution.models import TimeEntry, TimePause, WorkOrder, WorkOrderOperation
from coordinator.modules.people import api as people

END_OF_SHIFT = "end_of_shift"


def entries_of(ctx: Context, operation_id: int) -> list[TimeEntry]:
    """Times of an operation, in order."""
    query = select(TimeEntry).where(
        TimeEntry.work_order_operation_id == operation_id, TimeEntry.archived_at.is_(None)
    )
    return list(ctx.session.scalars(query.order_by(TimeEntry.started_at, TimeEntry.id)))


def pauses_of(ctx: Context, entry_id: int) -> list[TimePause]:
    """Pauses of an entry, in order."""
    query = select(TimePause).where(TimePause.time_entry_id == entry_id)
    return list(ctx.session.scalars(query.order_by(TimePause.started_at, TimePause.id)))


def operations_at(ctx: Context, machine_id: int, at: dt.datetime) -> set[int]:
    """Operations somebody was clocked on at a machine at a moment."""
    query = select(TimeEntry.work_order_operation_id).where(
        TimeEntry.machine_id == machine_id, TimeEntry.archived_at.is_(None), TimeEntry.started_at <= at,
        TimeEntry.ended_at.is_(None) | (TimeEntry.ended_at >= at), TimeEntry.work_order_operation_id.is_not(None),
    )  # fmt: skip
    return {found for found in ctx.session.scalars(query) if found is not None}


def open_pause(ctx: Context, entry_id: int) -> TimePause | None:
    """Pause that lasts."""
    return next((p for p in pauses_of(ctx, entry_id) if p.ended_at is None), None)


def open_entry(ctx: Context, operation_id: int, user_id: int | None) -> TimeEntry | None:
    """Open entry of a person on an operation; without a person, the only open one."""
    found = [e for e in entries_of(ctx, operation_id) if e.ended_at is None]
    mine = [e for e in found if user_id is not None and e.user_id == user_id]
    if mine:
        return mine[-1]
    return found[0] if user_id is None and len(found) == 1 else None


def elapsed_min(ctx: Context, entry: TimeEntry, at: dt.datetime) -> Decimal:
    """Minutes of an entry until ``at``: confirmed, computed, or running."""
    if entry.confirmed_min is not None:
        return entry.confirmed_min
    if entry.duration_min is not None:
        return entry.duration_min
    spans = [(p.started_at, p.ended_at) for p in pauses_of(ctx, entry.id)]
    return rules.effective_min(entry.started_at, max(at, entry.started_at), spans)


def spent_min(ctx: Context, operation_id: int, at: dt.datetime) -> Decimal:
    """Minutes spent on an operation, what runs included."""
    return sum((elapsed_min(ctx, e, at) for e in entries_of(ctx, operation_id)), Decimal(0))


def close_entry(ctx: Context, entry: TimeEntry, at: dt.datetime) -> None:
    """End an entry and its open pause; the duration is computed, never typed."""
    at = max(at, entry.started_at)
    pauses = pauses_of(ctx, entry.id)
    for pause in pauses:
        if pause.ended_at is None:
            pause.ended_at = max(at, pause.started_at)
    entry.ended_at = at
    entry.duration_min = rules.effective_min(
        entry.started_at, at, [(p.started_at, p.ended_at) for p in pauses]
    )
    ctx.session.flush()


def busy_elsewhere(
    ctx: Context, user_id: int | None, employee_id: int | None, span: rules.Span, *, besides: int | None
) -> WorkOrderOperation | None:
    """Fully attended operation of the same person in the same time, pauses left out (EXE-52)."""
    if user_id is None and employee_id is None:
        return None
    query = select(TimeEntry, WorkOrderOperation).join(
        WorkOrderOperation, WorkOrderOperation.id == TimeEntry.work_order_operation_id
    )
    same = TimeEntry.user_id == user_id if user_id is not None else TimeEntry.employee_id == employee_id
    query = query.where(same, WorkOrderOperation.attendance_pct >= 100, TimeEntry.archived_at.is_(None))
    if besides is not None:
        query = query.where(WorkOrderOperation.id != besides)
    if span[1] is not None:
        query = query.where(TimeEntry.started_at < span[1])
    query = query.where(TimeEntry.ended_at.is_(None) | (TimeEntry.ended_at > span[0]))
    for entry, operation in ctx.session.execute(query):
        if entry.ended_at is None and span[1] is None and open_pause(ctx, entry.id) is not None:
            continue
        if rules.overlaps((entry.started_at, entry.ended_at), span):
            return operation
    return None


# --- forgotten and typed times ----------------------------------------------------------------------------------


class DeclareParams(BaseModel):
    """A forgotten time; the comment is the person's explanation (EXE-19)."""

    work_order_operation_id: int
    started_at: dt.datetime
    ended_at: dt.datetime
    kind: str = Field(default="run", pattern="^(setup|run)$")
    comment: str = Field(min_length=3, max_length=500)


def declare(ctx: Context, params: DeclareParams) -> dict[str, Any]:
    """Enter a time by hand; it counts once a manager agrees.

    Raises:
        BusinessError: ``time.range`` or ``time.overlap``.
    """
    start, end = _aware(params.started_at), _aware(params.ended_at)
    operation = ctx.get(WorkOrderOperation, params.work_order_operation_id)
    spent = rules.minutes(start, end)
    if end <= start or spent > rules.MAX_TIME_MIN or end > ctx.now + dt.timedelta(minutes=5):
        raise BusinessError("time.range", errors=[FieldError("ended_at", "time.range")])
    user_id, employee_id = ctx.principal.user_id, ctx.principal.employee_id
    if operation.attendance_pct >= 100:
        other = busy_elsewhere(ctx, user_id, employee_id, (start, end), besides=None)
        if other is not None:
            raise BusinessError("time.overlap", operation=other.operation_label)
    entry = TimeEntry(
        uid=uuid.uuid4(), employee_id=employee_id, user_id=user_id, machine_id=operation.machine_id,
        work_order_operation_id=operation.id, kind=params.kind, recorded_at=ctx.now, started_at=start, ended_at=end,
        duration_min=spent, means="manual", is_manual=True, needs_validation=True, remarks=params.comment,
    )  # fmt: skip
    ctx.add(entry)
    _ask(ctx, entry, operation)
    return {"id": entry.id, "duration_min": str(spent)}


def _aware(moment: dt.datetime) -> dt.datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _ask(ctx: Context, entry: TimeEntry, operation: WorkOrderOperation) -> None:
    number = ctx.get(WorkOrder, operation.work_order_id).number
    title = t("task.time_to_validate", ctx.locale, order=number, number=operation.sequence_no)
    key = f"time_entry:{entry.id}"
    tasks.open_task(ctx, "time.validate", title, entry, role="workshop_manager", dedupe_key=key)


class ApproveParams(BaseModel):
    """Time accepted, corrected where needed; a correction says why."""

    confirmed_min: Decimal | None = Field(default=None, ge=0, le=rules.MAX_TIME_MIN)
    ended_at: dt.datetime | None = None
    comment: str | None = Field(default=None, max_length=500)


def approve(ctx: Context, entry: TimeEntry, params: ApproveParams) -> None:
    """A manager validates a typed, forgotten or uncertain time.

    Raises:
        Conflict: ``time.already_validated``.
        BusinessError: ``time.comment`` when a correction is not explained.
    """
    if not entry.needs_validation:
        raise Conflict("time.already_validated")
    if (params.confirmed_min is not None or params.ended_at is not None) and not params.comment:
        raise BusinessError("time.comment", errors=[FieldError("comment", "field.missing")])
    if entry.ended_at is None:
        pause = open_pause(ctx, entry.id)
        end = (
            _aware(params.ended_at)
            if params.ended_at
            else (pause.started_at if pause is not None else ctx.now)
        )
        if end < entry.started_at:
            raise BusinessError("time.range", errors=[FieldError("ended_at", "time.range")])
        close_entry(ctx, entry, end)
    if params.confirmed_min is not None:
        entry.confirmed_min = params.confirmed_min
    if params.comment:
        entry.remarks = "\n".join(x for x in (entry.remarks, params.comment) if x)
    entry.needs_validation = False
    entry.approved_by_id = ctx.principal.user_id
    operation = ctx.session.get(WorkOrderOperation, entry.work_order_operation_id)
    if operation is not None and operation.status == "done":
        ctx.session.flush()
        operation.actual_time_min = spent_min(ctx, operation.id, ctx.now)


def stop_forgotten(ctx: Context) -> None:
    """Stop the counting of entries left open after the person's planned hours; a manager validates them (EXE-53)."""
    query = select(TimeEntry).where(TimeEntry.ended_at.is_(None), TimeEntry.employee_id.is_not(None))
    for entry in ctx.session.scalars(query.order_by(TimeEntry.id)):
        if entry.needs_validation or open_pause(ctx, entry.id) is not None or entry.employee_id is None:
            continue
        hours = people.availability(ctx, entry.employee_id, entry.started_at, ctx.now + dt.timedelta(hours=1))
        during = [end for start, end in hours if start <= entry.started_at < end]
        margin = dt.timedelta(minutes=ctx.settings.integer("execution.forgotten_after_min"))
        # Outside his hours from the beginning he works overtime: only the length of a day tells a forgotten entry.
        limit = (during[-1] if during else entry.started_at + dt.timedelta(hours=10)) + margin
        later = [start for start, _ in hours if during and start > during[-1]]
        if ctx.now < limit or (
            later and later[0] <= ctx.now and later[0] - during[-1] < dt.timedelta(hours=3)
        ):
            continue
        at = during[-1] if during else ctx.now
        ctx.session.add(
            TimePause(uid=uuid.uuid4(), time_entry_id=entry.id, reason=END_OF_SHIFT, started_at=at)
        )
        entry.needs_validation = True
        operation = ctx.get(WorkOrderOperation, entry.work_order_operation_id)
        _ask(ctx, entry, operation)
    ctx.session.flush()
