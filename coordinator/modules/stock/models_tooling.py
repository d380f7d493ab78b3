"""Tables of tooling: breakage proposals, tools of an order, equivalents, assemblies (STK-04, STK-37…42)."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


def _operation() -> Mapped[int | None]:
    return mapped_column(
        BigInteger, ForeignKey("work_order_operation.id", ondelete="RESTRICT", use_alter=True), index=True
    )


class ToolEquivalent(Record):
    """A tool that methods allow in place of another without asking again (STK-40)."""

    __tablename__ = "tool_equivalent"
    __table_args__ = (
        UniqueConstraint("tool_id", "equivalent_id"),
        CheckConstraint("tool_id <> equivalent_id", name="two_tools"),
    )

    tool_id: Mapped[int] = f.ref("tool.id", required=True)
    equivalent_id: Mapped[int] = f.ref("tool.id", required=True)
    approved_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    note: Mapped[str | None] = f.text(300)


class ToolIncidentOption(Record):
    """One way on after a breakage, as proposed, with what a person decided (STK-38, STK-39)."""

    __tablename__ = "tool_incident_option"
    __table_args__ = (UniqueConstraint("tool_incident_id", "tool_id"),)

    tool_incident_id: Mapped[int] = f.ref("tool_incident.id", required=True, read_only=True)
    tool_id: Mapped[int] = f.ref("tool.id", required=True, read_only=True)
    rank: Mapped[int] = f.integer(required=True, read_only=True)
    label: Mapped[str | None] = f.text(300, search=True, read_only=True)
    kind: Mapped[str] = f.choice("replacement_kind", default="alternative", read_only=True)
    score_pct: Mapped[Decimal] = f.decimal(5, 2, unit="%", required=True, read_only=True)
    available_qty: Mapped[Decimal] = f.quantity(required=True, read_only=True)
    vc_m_min: Mapped[Decimal | None] = f.decimal(8, 2, unit="m/min", read_only=True)
    fz_mm: Mapped[Decimal | None] = f.decimal(8, 4, unit="mm", read_only=True)
    f_mm_rev: Mapped[Decimal | None] = f.decimal(8, 4, unit="mm/tr", read_only=True)
    ap_mm: Mapped[Decimal | None] = f.decimal(8, 3, unit="mm", read_only=True)
    ae_mm: Mapped[Decimal | None] = f.decimal(8, 3, unit="mm", read_only=True)
    passes: Mapped[int] = f.integer(required=True, default=1, read_only=True)
    time_factor: Mapped[Decimal] = f.decimal(8, 3, required=True, default=Decimal(1), read_only=True)
    differences: Mapped[Any] = f.json(read_only=True)
    strategy: Mapped[Any] = f.json(read_only=True)
    needs_program: Mapped[bool] = f.boolean(read_only=True)
    status: Mapped[str] = f.status("ai_recommendation", "proposed")
    decided_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    decided_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    decision_comment: Mapped[str | None] = f.text(500, read_only=True)


class ToolAssignment(Record):
    """Tool that an operation of an order uses instead of the planned one, with its cutting data (STK-39)."""

    __tablename__ = "tool_assignment"
    __table_args__ = (
        Index(
            "uq_tool_assignment_current",
            "work_order_operation_id",
            "replaces_tool_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    work_order_operation_id: Mapped[int | None] = _operation()
    tool_id: Mapped[int | None] = f.ref("tool.id", read_only=True)
    """Nothing: the broken tool is out and no other has been chosen yet."""
    replaces_tool_id: Mapped[int] = f.ref("tool.id", required=True, read_only=True)
    tool_incident_id: Mapped[int | None] = f.ref("tool_incident.id", read_only=True)
    cutting_data: Mapped[Any] = f.json(read_only=True)
    ended_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class ToolChange(Record):
    """A tool near or at the end of its life: proposed, decided by a person, kept with what it had done (STK-06).

    Also what an operator changed by himself. The life of a tool kept by quantity begins again on its machine here.
    """

    __tablename__ = "tool_change"
    __table_args__ = (
        Index(
            "uq_tool_change_proposed",
            "tool_id",
            "stock_unit_id",
            "machine_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        Index(None, "tool_id", "machine_id", "decided_at"),
    )

    uid: Mapped[uuid.UUID] = f.uid()
    label: Mapped[str | None] = f.text(200, search=True, read_only=True)
    tool_id: Mapped[int] = f.ref("tool.id", required=True, read_only=True)
    stock_unit_id: Mapped[int | None] = f.ref("stock_unit.id", read_only=True)
    machine_id: Mapped[int | None] = f.ref("machine.id", read_only=True)
    work_order_operation_id: Mapped[int | None] = _operation()
    kind: Mapped[str] = f.choice("tool_change_kind", default="change", read_only=True)
    status: Mapped[str] = f.status("tool_change", "proposed")
    life_pct: Mapped[Decimal | None] = f.decimal(8, 1, unit="%", read_only=True)
    used_min: Mapped[Decimal] = f.decimal(
        12, 2, unit="min", required=True, default=Decimal(0), read_only=True
    )
    used_parts: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    is_estimated: Mapped[bool] = f.boolean(read_only=True)
    reason: Mapped[str | None] = f.text(300, read_only=True)
    decided_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    decided_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class ToolAssemblyItem(Record):
    """One piece of an assembly: holder, extension, tool, insert (STK-04)."""

    __tablename__ = "tool_assembly_item"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        UniqueConstraint("tool_assembly_id", "stock_item_id"),
    )

    tool_assembly_id: Mapped[int] = f.ref("tool_assembly.id", required=True)
    stock_item_id: Mapped[int] = f.ref("stock_item.id", required=True)
    role: Mapped[str] = f.choice("assembly_role", default="tool")
    quantity: Mapped[Decimal] = f.quantity(required=True, default=Decimal(1))
