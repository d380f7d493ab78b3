"""Tables of execution: work orders, their operations, times, part lots (areas 12, 19)."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record, Row


class WorkOrder(Record):
    """Order to make a quantity of a part."""

    __tablename__ = "work_order"

    number: Mapped[str] = f.text(30, required=True, unique=True, search=True, read_only=True)
    sales_order_line_id: Mapped[int | None] = f.ref("sales_order_line.id", read_only=True, use_alter=True)
    routing_id: Mapped[int] = f.ref("routing.id", required=True, read_only=True)
    part_revision_id: Mapped[int | None] = f.ref("part_revision.id", read_only=True)
    quantity: Mapped[Decimal] = f.quantity(required=True)
    quantity_reason: Mapped[str | None] = f.text(200)
    due_date: Mapped[dt.date | None] = f.date()
    priority: Mapped[str] = f.choice("priority", default="normal")
    criticality: Mapped[str] = f.choice("criticality", default="standard")
    status: Mapped[str] = f.status("work_order", "draft")
    released_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    released_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    document_version_id: Mapped[int | None] = f.ref("document_version.id", read_only=True)


class WorkOrderOperation(Record):
    """One operation of a work order, with what really happened (RTG-08)."""

    __tablename__ = "work_order_operation"
    __table_args__ = (UniqueConstraint("work_order_id", "sequence_no"),)

    uid: Mapped[uuid.UUID] = f.uid()
    work_order_id: Mapped[int] = f.ref("work_order.id", required=True, read_only=True)
    routing_operation_id: Mapped[int | None] = f.ref("routing_operation.id", read_only=True)
    sequence_no: Mapped[int] = f.integer(required=True, read_only=True)
    operation_type: Mapped[str] = f.choice("operation_type", read_only=True)
    operation_label: Mapped[str] = f.text(300, required=True, search=True, read_only=True)
    machine_id: Mapped[int | None] = f.ref("machine.id")
    assigned_employee_id: Mapped[int | None] = f.ref("employee.id")
    setup_time_min: Mapped[Decimal] = f.decimal(12, 3, unit="min", required=True, default=0)
    run_time_min: Mapped[Decimal] = f.decimal(12, 3, unit="min", required=True, default=0)
    planned_time_min: Mapped[Decimal] = f.decimal(12, 3, unit="min", required=True, default=0, read_only=True)
    actual_time_min: Mapped[Decimal | None] = f.decimal(12, 3, unit="min", read_only=True)
    attendance_pct: Mapped[Decimal] = f.decimal(5, 2, unit="%", required=True, default=100)
    external_days: Mapped[int | None] = f.integer(unit="j", read_only=True)
    planned_qty: Mapped[Decimal] = f.quantity(required=True, read_only=True)
    good_qty: Mapped[Decimal] = f.quantity(required=True, default=0, read_only=True)
    scrap_qty: Mapped[Decimal] = f.quantity(required=True, default=0, read_only=True)
    rework_qty: Mapped[Decimal] = f.quantity(required=True, default=0, read_only=True)
    planned_start_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    started_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    started_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    ended_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    ended_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    status: Mapped[str] = f.status("work_order_operation", "pending")
    blocked_reason: Mapped[str | None] = f.text(300, read_only=True)
    validation_means: Mapped[str | None] = f.choice("means", required=False, read_only=True)
    tool_change_flag: Mapped[bool] = f.boolean(read_only=True)
    operator_remark: Mapped[str | None] = f.long_text(read_only=True)
    validated_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    skill_id: Mapped[int | None] = f.ref("skill.id", read_only=True)
    supplier_id: Mapped[int | None] = f.ref("supplier.id", read_only=True)
    is_critical: Mapped[bool] = f.boolean(read_only=True)
    inspection_means: Mapped[str | None] = f.text(200, read_only=True)
    material: Mapped[dict[str, Any] | None] = f.json(read_only=True)


class TimeEntry(Record):
    """Time of a person on an operation (EXE-17); an open entry has no end."""

    __tablename__ = "time_entry"
    __table_args__ = (CheckConstraint("ended_at IS NULL OR ended_at >= started_at", name="order"),)

    uid: Mapped[uuid.UUID] = f.uid()
    employee_id: Mapped[int | None] = f.ref("employee.id", read_only=True)
    user_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    machine_id: Mapped[int | None] = f.ref("machine.id", read_only=True)
    work_order_operation_id: Mapped[int | None] = f.ref("work_order_operation.id", read_only=True)
    kind: Mapped[str] = f.choice("time_entry_kind", default="run", read_only=True)
    recorded_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    started_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    ended_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    duration_min: Mapped[Decimal | None] = f.decimal(12, 3, unit="min", read_only=True)
    confirmed_min: Mapped[Decimal | None] = f.decimal(12, 3, unit="min", read_only=True)
    means: Mapped[str] = f.choice("means", default="qr", read_only=True)
    is_manual: Mapped[bool] = f.boolean(read_only=True)
    needs_validation: Mapped[bool] = f.boolean(read_only=True)
    """Typed by hand, forgotten or with an uncertain clock: out of the averages until a manager agrees (EXE-19)."""
    time_quality: Mapped[str] = f.choice("time_quality", default="trusted", read_only=True)
    approved_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    remarks: Mapped[str | None] = f.long_text(read_only=True)


class TimePause(Record):
    """Pause of a time entry with its reason (EXE-20)."""

    __tablename__ = "time_pause"
    __table_args__ = (CheckConstraint("ended_at IS NULL OR ended_at >= started_at", name="order"),)

    uid: Mapped[uuid.UUID] = f.uid()
    time_entry_id: Mapped[int] = f.ref("time_entry.id", required=True, read_only=True)
    reason: Mapped[str] = f.text(40, required=True, read_only=True)
    started_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    ended_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class StopReason(Record):
    """Editable list of reasons for pauses and machine stops (EXE-20)."""

    __tablename__ = "stop_reason"

    code: Mapped[str] = f.text(40, required=True, unique=True, search=True)
    label: Mapped[str] = f.text(120, required=True, search=True)


class Comment(Record):
    """Remark or suggestion on any object; suggestions are answered by methods (EXE-41, EXE-42)."""

    __tablename__ = "comment"
    __table_args__ = (Index(None, "object_type", "object_id"),)

    uid: Mapped[uuid.UUID] = f.uid()
    kind: Mapped[str] = f.choice("comment_kind", default="suggestion")
    object_type: Mapped[str] = f.text(60, required=True)
    object_id: Mapped[int] = f.integer(required=True)
    user_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    text: Mapped[str] = f.long_text(required=True, search=True)
    status: Mapped[str] = f.status("comment", "open")
    answer: Mapped[str | None] = f.long_text()


class PartLot(Record):
    """Parts produced together under one number (TRC-01)."""

    __tablename__ = "part_lot"

    number: Mapped[str] = f.text(40, required=True, unique=True, search=True, read_only=True)
    work_order_id: Mapped[int] = f.ref("work_order.id", required=True, read_only=True)
    quantity: Mapped[Decimal] = f.quantity(required=True, default=0, read_only=True)


class PartLotMaterial(Row):
    """Material lot a part lot was cut from: the link of the genealogy (TRC-02)."""

    __tablename__ = "part_lot_material"
    __table_args__ = (
        UniqueConstraint("part_lot_id", "stock_lot_id", "stock_unit_id", postgresql_nulls_not_distinct=True),
    )

    part_lot_id: Mapped[int] = f.ref("part_lot.id", required=True)
    stock_lot_id: Mapped[int | None] = f.ref("stock_lot.id")
    stock_unit_id: Mapped[int | None] = f.ref("stock_unit.id")


class TraceEvent(Row):
    """One fact of a lot's life; append-only (TRC-04)."""

    __tablename__ = "trace_event"

    uid: Mapped[uuid.UUID] = f.uid()
    part_lot_id: Mapped[int] = f.ref("part_lot.id", required=True)
    work_order_operation_id: Mapped[int | None] = f.ref("work_order_operation.id")
    kind: Mapped[str] = f.text(60, required=True)
    occurred_at: Mapped[dt.datetime] = f.timestamp(required=True, index=True)
    source: Mapped[str] = f.choice("movement_source")
    user_id: Mapped[int | None] = f.ref("user_account.id")
    remark: Mapped[str | None] = f.long_text()
    details: Mapped[dict[str, Any] | None] = f.json()


class PartHold(Record):
    """Parts to inspect before anything of their order is closed: why, since when, and what a person decided (MCH-23)."""

    __tablename__ = "part_hold"

    uid: Mapped[uuid.UUID] = f.uid()
    work_order_operation_id: Mapped[int] = f.ref("work_order_operation.id", required=True, read_only=True)
    work_order_id: Mapped[int] = f.ref("work_order.id", required=True, read_only=True)
    part_lot_id: Mapped[int] = f.ref("part_lot.id", required=True, read_only=True)
    machine_event_id: Mapped[int | None] = f.ref("machine_event.id", read_only=True)
    reason: Mapped[str] = f.text(300, required=True, search=True, read_only=True)
    marked_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    status: Mapped[str] = f.status("part_hold", "open")
    comment: Mapped[str | None] = f.text(500, read_only=True)
    decided_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    decided_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class OperatorCadence(Record):
    """An operation done far slower or faster than its own history, by one person: a question for managers (MCH-21)."""

    __tablename__ = "operator_cadence"

    work_order_operation_id: Mapped[int] = f.ref(
        "work_order_operation.id", required=True, unique=True, read_only=True
    )
    employee_id: Mapped[int] = f.ref("employee.id", required=True, read_only=True)
    direction: Mapped[str] = f.choice("cadence_direction", default="slower", read_only=True)
    part_min: Mapped[Decimal] = f.decimal(12, 3, unit="min", required=True, read_only=True)
    usual_min: Mapped[Decimal] = f.decimal(12, 3, unit="min", required=True, read_only=True)
    history_count: Mapped[int] = f.integer(required=True, read_only=True)
    found_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    explanation: Mapped[str | None] = f.text(300)


class ShopEvent(Row):
    """A fact declared at a station or on a phone, with what became of it; a replay finds it here (EXE-54)."""

    __tablename__ = "shop_event"
    __table_args__ = (Index(None, "work_order_operation_id", "event_type"),)

    uid: Mapped[uuid.UUID] = f.uid()
    event_type: Mapped[str] = f.text(60, required=True)
    work_order_operation_id: Mapped[int | None] = f.ref("work_order_operation.id")
    user_id: Mapped[int | None] = f.ref("user_account.id")
    station_code: Mapped[str | None] = f.text(64)
    occurred_at: Mapped[dt.datetime] = f.timestamp(required=True, index=True)
    received_at: Mapped[dt.datetime] = f.timestamp(required=True)
    result: Mapped[str] = f.text(20, required=True)
    code: Mapped[str] = f.text(80, required=True)
    message: Mapped[str | None] = f.text(500)
    payload: Mapped[dict[str, Any]] = f.json(required=True)
