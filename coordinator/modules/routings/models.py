"""Tables of routings: the reusable plan of a part (RTG-01, RTG-07)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


class Routing(Record):
    """Ordered operations of a part revision."""

    __tablename__ = "routing"
    __table_args__ = (UniqueConstraint("number", "version_no"),)

    number: Mapped[str] = f.text(30, required=True, search=True, read_only=True)
    version_no: Mapped[int] = f.integer(required=True, default=1, read_only=True)
    part_revision_id: Mapped[int | None] = f.ref("part_revision.id")
    name: Mapped[str | None] = f.text(200, search=True)
    status: Mapped[str] = f.status("validated_document", "draft")
    source: Mapped[str] = f.choice("routing_source", default="manual", read_only=True)
    is_template: Mapped[bool] = f.boolean()
    validated_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    validated_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    notes: Mapped[str | None] = f.long_text()


class RoutingOperation(Record):
    """One row of a routing: one machine or workstation (RTG-05)."""

    __tablename__ = "routing_operation"
    __table_args__ = (UniqueConstraint("routing_id", "sequence_no"),)

    routing_id: Mapped[int] = f.ref("routing.id", required=True)
    sequence_no: Mapped[int] = f.integer(required=True)
    operation_type: Mapped[str] = f.choice("operation_type")
    operation_label: Mapped[str] = f.text(300, required=True, search=True)
    machine_id: Mapped[int | None] = f.ref("machine.id")
    setup_time_min: Mapped[Decimal] = f.decimal(12, 3, unit="min", required=True, default=0)
    planned_time_min: Mapped[Decimal] = f.decimal(12, 3, unit="min", required=True, default=0)
    time_basis: Mapped[str] = f.choice("time_basis", default="piece")
    attendance_pct: Mapped[Decimal] = f.decimal(5, 2, unit="%", required=True, default=100)
    inspection_means: Mapped[str | None] = f.text(200)
    supplier_id: Mapped[int | None] = f.ref("supplier.id")
    external_days: Mapped[int | None] = f.integer(unit="j")
    skill_id: Mapped[int | None] = f.ref("skill.id")
    nc_program_id: Mapped[int | None] = f.integer(read_only=True)
    is_critical: Mapped[bool] = f.boolean()
    instructions: Mapped[str | None] = f.long_text()
    conditions: Mapped[dict[str, Any] | None] = f.json()


class OperationDependency(Record):
    """An operation that must be finished, or have passed on a transfer lot, before another (RTG-12)."""

    __tablename__ = "operation_dependency"

    routing_operation_id: Mapped[int | None] = f.ref("routing_operation.id")
    work_order_operation_id: Mapped[int | None] = f.ref("work_order_operation.id", use_alter=True)
    predecessor_id: Mapped[int] = f.integer(required=True)
    transfer_qty: Mapped[Decimal | None] = f.quantity()


class OperationTool(Record):
    """Tool planned for an operation."""

    __tablename__ = "operation_tool"

    routing_operation_id: Mapped[int] = f.ref("routing_operation.id", required=True)
    tool_id: Mapped[int | None] = f.ref("tool.id")
    tool_text: Mapped[str | None] = f.text(200)
    cutting_data_id: Mapped[int | None] = f.ref("cutting_data.id")
    position: Mapped[int | None] = f.integer()
    cutting_min: Mapped[Decimal | None] = f.decimal(10, 3, unit="min")
    """Minutes in the cut for one part."""


class OperationMaterial(Record):
    """Material an operation consumes: section, cut length and count (RTG-07, RTG-09)."""

    __tablename__ = "operation_material"

    routing_operation_id: Mapped[int] = f.ref("routing_operation.id", required=True)
    material_id: Mapped[int | None] = f.ref("material.id")
    shape: Mapped[str] = f.choice("shape", default="round")
    diameter_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    width_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    thickness_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    cut_length_mm: Mapped[Decimal | None] = f.decimal(12, 3, unit="mm")
    cut_count_per_piece: Mapped[Decimal] = f.decimal(10, 4, required=True, default=1)
    stock_lot_id: Mapped[int | None] = f.ref("stock_lot.id")
    stock_unit_id: Mapped[int | None] = f.ref("stock_unit.id")
