"""Tables of the plan (area 11)."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


class MachineSlot(Record):
    """A machine's task in time (PLN-01). Planned slots of one machine never overlap (``ddl.py``, DAT-13)."""

    __tablename__ = "machine_slot"
    __table_args__ = (CheckConstraint("end_at > start_at", name="order"),)

    machine_id: Mapped[int] = f.ref("machine.id", required=True)
    work_order_operation_id: Mapped[int | None] = f.ref("work_order_operation.id")
    maintenance_order_id: Mapped[int | None] = f.integer(read_only=True)
    kind: Mapped[str] = f.choice("machine_slot_kind", default="production")
    start_at: Mapped[dt.datetime] = f.timestamp(required=True, index=True)
    end_at: Mapped[dt.datetime] = f.timestamp(required=True)
    work_date: Mapped[dt.date] = f.date(required=True, read_only=True)
    time_slot: Mapped[str | None] = f.text(20, read_only=True)
    task_label: Mapped[str | None] = f.text(200, search=True)
    estimated_load_min: Mapped[Decimal] = f.decimal(
        12, 1, unit="min", required=True, default=0, read_only=True
    )
    status: Mapped[str] = f.status("slot", "planned")
    is_locked: Mapped[bool] = f.boolean()
    is_auto_assigned: Mapped[bool] = f.boolean(read_only=True)
    is_ai_generated: Mapped[bool] = f.boolean(read_only=True)


class OperatorSlot(Record):
    """A person's task in time; fully attended ones never overlap (``ddl.py``, DAT-13)."""

    __tablename__ = "operator_slot"
    __table_args__ = (CheckConstraint("end_at > start_at", name="order"),)

    employee_id: Mapped[int] = f.ref("employee.id", required=True)
    machine_id: Mapped[int | None] = f.ref("machine.id")
    machine_slot_id: Mapped[int | None] = f.ref("machine_slot.id")
    work_order_operation_id: Mapped[int | None] = f.ref("work_order_operation.id")
    purpose: Mapped[str] = f.choice("operator_slot_purpose", default="production")
    attendance_pct: Mapped[Decimal] = f.decimal(5, 2, unit="%", required=True, default=100)
    start_at: Mapped[dt.datetime] = f.timestamp(required=True, index=True)
    end_at: Mapped[dt.datetime] = f.timestamp(required=True)
    work_date: Mapped[dt.date] = f.date(required=True, read_only=True)
    time_slot: Mapped[str | None] = f.text(20, read_only=True)
    task_label: Mapped[str | None] = f.text(200, search=True)
    status: Mapped[str] = f.status("slot", "planned")
    is_locked: Mapped[bool] = f.boolean()
    is_auto_assigned: Mapped[bool] = f.boolean(read_only=True)


class MachineAssignment(Record):
    """Usual assignment of a person to a machine (PLN-12)."""

    __tablename__ = "machine_assignment"

    employee_id: Mapped[int] = f.ref("employee.id", required=True)
    machine_id: Mapped[int] = f.ref("machine.id", required=True)
    assigned_on: Mapped[dt.date] = f.date(required=True)
    task_label: Mapped[str | None] = f.text(200)
    status: Mapped[str] = f.choice("slot", default="planned")


class PlanRun(Record):
    """One computation of the plan: what it covered, how good it is, what was left out (PLN-50)."""

    __tablename__ = "plan_run"

    uid: Mapped[uuid.UUID] = f.uid()
    trigger: Mapped[str] = f.text(60, required=True, read_only=True)
    solver_status: Mapped[str] = f.text(20, required=True, read_only=True)
    seconds: Mapped[Decimal | None] = f.decimal(8, 2, unit="s", read_only=True)
    operation_count: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    left_out: Mapped[list[Any] | None] = f.json(read_only=True)
    lateness: Mapped[list[Any] | None] = f.json(read_only=True)
    started_on: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    """Instant the figures of the run were read at."""
    placements: Mapped[dict[str, Any] | None] = f.json(read_only=True)
    """The whole plan: ``{"epoch": ISO, "tasks": {operation id: place}}``, the base of the next change."""


class PlanChangePolicy(Record):
    """Whether a trigger's change applies by itself or waits for a person (PLN-24)."""

    __tablename__ = "plan_change_policy"

    trigger: Mapped[str] = f.text(60, required=True, unique=True, search=True)
    mode: Mapped[str] = f.choice("plan_change_mode", default="require_approval")


class ReplanProposal(Record):
    """A proposed new plan after an event, with its consequences (PLN-21)."""

    __tablename__ = "replan_proposal"

    trigger: Mapped[str] = f.text(60, required=True, read_only=True)
    reason: Mapped[str] = f.text(500, required=True, read_only=True, search=True)
    machine_id: Mapped[int | None] = f.ref("machine.id", read_only=True)
    employee_id: Mapped[int | None] = f.ref("employee.id", read_only=True)
    status: Mapped[str] = f.status("replan_proposal", "proposed")
    summary: Mapped[dict[str, Any] | None] = f.json(read_only=True)
    decided_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    decided_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    refusal_reason: Mapped[str | None] = f.text(300, read_only=True)


class ReplanChange(Record):
    """One moved task of a proposal: before and after."""

    __tablename__ = "replan_change"

    replan_proposal_id: Mapped[int] = f.ref("replan_proposal.id", required=True, read_only=True)
    machine_slot_id: Mapped[int | None] = f.ref("machine_slot.id", read_only=True)
    operator_slot_id: Mapped[int | None] = f.ref("operator_slot.id", read_only=True)
    work_order_operation_id: Mapped[int | None] = f.ref("work_order_operation.id", read_only=True)
    old_values: Mapped[dict[str, Any] | None] = f.json(read_only=True)
    new_values: Mapped[dict[str, Any] | None] = f.json(read_only=True)
