"""Tasks placed by a person: conflicts, order of operations, days (PLN-01, PLN-17, PLN-39)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.modules.planning import demand
from coordinator.modules.planning.models import MachineSlot, OperatorSlot

_BUSY = ("planned", "in_progress")


def on_save_machine_slot(ctx: Context, slot: MachineSlot) -> None:
    """A machine does one thing at a time; a place chosen by a person stays (PLN-27)."""
    _times(slot)
    slot.estimated_load_min = Decimal(str(round((slot.end_at - slot.start_at).total_seconds() / 60, 1)))
    _refuse_overlap(ctx, MachineSlot, slot, MachineSlot.machine_id == slot.machine_id)
    if slot.work_order_operation_id is not None:
        _check_sequence(ctx, slot)
        slot.is_locked = True
    slot.is_auto_assigned = False
    ctx.emit("planning.slot_changed", {"machine_slot_id": slot.id, "machine_id": slot.machine_id})


def on_save_operator_slot(ctx: Context, slot: OperatorSlot) -> None:
    """A fully attended task excludes another one; an absent or unqualified person cannot be assigned (PLN-36)."""
    from coordinator.modules.people import api as people

    _times(slot)
    if (slot.attendance_pct if slot.attendance_pct is not None else 100) >= 100:
        full = (OperatorSlot.employee_id == slot.employee_id) & (OperatorSlot.attendance_pct >= 100)
        _refuse_overlap(ctx, OperatorSlot, slot, full)
    for start, end in people.absences(ctx, slot.start_at, slot.end_at).get(slot.employee_id, []):
        if start < slot.end_at and end > slot.start_at:
            raise Conflict("planning.absent")
    if slot.work_order_operation_id is not None:
        slot.is_locked = True
    slot.is_auto_assigned = False


def _times(slot: Any) -> None:
    if slot.start_at is None or slot.end_at is None or slot.end_at <= slot.start_at:
        raise BusinessError(
            "planning.end_before_start", errors=[FieldError("end_at", "planning.end_before_start")]
        )
    slot.work_date = slot.start_at.date()
    slot.time_slot = f"{slot.start_at:%H:%M}–{slot.end_at:%H:%M}"


def _refuse_overlap(ctx: Context, model: Any, slot: Any, same: Any) -> None:
    """``existing.start < new.end and existing.end > new.start``, the edited task excluded (PLN-17)."""
    if (slot.status or "planned") not in _BUSY:
        return
    with ctx.session.no_autoflush:
        query = select(model).where(
            same,
            model.status.in_(_BUSY),
            model.archived_at.is_(None),
            model.start_at < slot.end_at,
            model.end_at > slot.start_at,
        )
        if slot.id is not None:
            query = query.where(model.id != slot.id)
        other = ctx.session.scalars(query.limit(1)).one_or_none()
    if other is not None:
        raise Conflict("planning.conflict", extra={"with": {"id": other.id, "task_label": other.task_label}})


def _check_sequence(ctx: Context, slot: MachineSlot) -> None:
    """An operation stays behind those it waits for and before those that wait for it."""
    operations = {o.id: o for o in demand.open_operations(ctx)}
    mine = operations.get(slot.work_order_operation_id or 0)
    if mine is None:
        raise Conflict("planning.operation_closed")
    places = _places(ctx, [o.id for o in operations.values() if o.work_order_id == mine.work_order_id])
    for before in mine.before:
        place = places.get(before.operation_id)
        if before.transfer_qty is None and place is not None and place.end_at > slot.start_at:
            raise Conflict("planning.before_predecessor", number=operations[before.operation_id].sequence_no)
    for after in operations.values():
        waits = {b.operation_id: b.transfer_qty for b in after.before}
        place = places.get(after.id)
        if mine.id in waits and waits[mine.id] is None and place is not None and place.start_at < slot.end_at:
            raise Conflict("planning.after_follower", number=after.sequence_no)


def _places(ctx: Context, operation_ids: list[int]) -> dict[int | None, MachineSlot]:
    with ctx.session.no_autoflush:
        query = select(MachineSlot).where(
            MachineSlot.work_order_operation_id.in_(operation_ids),
            MachineSlot.status.in_(_BUSY),
            MachineSlot.archived_at.is_(None),
        )
        return {s.work_order_operation_id: s for s in ctx.session.scalars(query)}
