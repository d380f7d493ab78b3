"""Tables of cutting plans: what is sawn from which bar, approved by a person before the saw (STK-21, STK-30)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


class CuttingPlan(Record):
    """Pieces of several operations spread over the bars and offcuts of one material and section."""

    __tablename__ = "cutting_plan"

    number: Mapped[str] = f.text(40, unique=True, search=True, read_only=True)
    stock_item_id: Mapped[int] = f.ref("material.id", required=True, read_only=True)
    status: Mapped[str] = f.status("cutting_plan", "proposed")
    shape: Mapped[str | None] = f.choice("shape", required=False, read_only=True)
    diameter_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm", read_only=True)
    width_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm", read_only=True)
    height_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm", read_only=True)
    kerf_mm: Mapped[Decimal] = f.decimal(8, 3, unit="mm", required=True, read_only=True)
    facing_mm: Mapped[Decimal] = f.decimal(8, 3, unit="mm", required=True, read_only=True)
    minimum_mm: Mapped[Decimal] = f.decimal(8, 3, unit="mm", required=True, read_only=True)
    bar_count: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    remnant_count: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    lower_bound_mm: Mapped[Decimal] = f.decimal(14, 3, unit="mm", required=True, read_only=True, default=0)
    consumed_mm: Mapped[Decimal] = f.decimal(14, 3, unit="mm", required=True, read_only=True, default=0)
    scrap_mm: Mapped[Decimal] = f.decimal(14, 3, unit="mm", required=True, read_only=True, default=0)
    kept_mm: Mapped[Decimal] = f.decimal(14, 3, unit="mm", required=True, read_only=True, default=0)
    missing_count: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    approved_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    approved_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    comment: Mapped[str | None] = f.text(500)


class CuttingPlanNeed(Record):
    """Pieces one operation needs."""

    __tablename__ = "cutting_plan_need"
    __table_args__ = (CheckConstraint("piece_count > 0 AND length_mm > 0", name="positive"),)

    cutting_plan_id: Mapped[int] = f.ref("cutting_plan.id", required=True, read_only=True)
    work_order_operation_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("work_order_operation.id", ondelete="RESTRICT", use_alter=True), index=True
    )
    label: Mapped[str] = f.text(200, required=True, read_only=True)
    length_mm: Mapped[Decimal] = f.decimal(10, 3, unit="mm", required=True, read_only=True)
    piece_count: Mapped[int] = f.integer(required=True, read_only=True)
    cut_count: Mapped[int] = f.integer(required=True, default=0, read_only=True)


class CuttingPlanBar(Record):
    """What is cut from one bar, in order; several pieces of one need on one bar are one entry of ``pieces``."""

    __tablename__ = "cutting_plan_bar"
    __table_args__ = (UniqueConstraint("cutting_plan_id", "sequence_no"),)

    cutting_plan_id: Mapped[int] = f.ref("cutting_plan.id", required=True, read_only=True)
    sequence_no: Mapped[int] = f.integer(required=True, read_only=True)
    stock_unit_id: Mapped[int | None] = f.ref("stock_unit.id", read_only=True)
    stock_lot_id: Mapped[int | None] = f.ref("stock_lot.id", read_only=True)
    stock_reservation_id: Mapped[int | None] = f.ref("stock_reservation.id", read_only=True)
    length_mm: Mapped[Decimal] = f.decimal(10, 3, unit="mm", required=True, read_only=True)
    is_remnant: Mapped[bool] = f.boolean(read_only=True)
    pieces: Mapped[Any] = f.json(read_only=True)
    """``[{need_id, length_mm, count, cut}]``."""
    remainder_mm: Mapped[Decimal] = f.decimal(10, 3, unit="mm", required=True, read_only=True)
    keep_remainder: Mapped[bool] = f.boolean(read_only=True)
    is_cut: Mapped[bool] = f.boolean(read_only=True)


class PlatePlan(Record):
    """Rectangles laid out on the plates and offcuts of one material and thickness."""

    __tablename__ = "plate_plan"

    number: Mapped[str] = f.text(40, unique=True, search=True, read_only=True)
    stock_item_id: Mapped[int] = f.ref("material.id", required=True, read_only=True)
    status: Mapped[str] = f.status("cutting_plan", "proposed")
    thickness_mm: Mapped[Decimal] = f.decimal(10, 3, unit="mm", required=True, read_only=True)
    kerf_mm: Mapped[Decimal] = f.decimal(8, 3, unit="mm", required=True, read_only=True)
    trim_mm: Mapped[Decimal] = f.decimal(8, 3, unit="mm", required=True, read_only=True)
    minimum_mm: Mapped[Decimal] = f.decimal(8, 3, unit="mm", required=True, read_only=True)
    pieces: Mapped[Any] = f.json(read_only=True)
    """``[{key, label, length_mm, width_mm, count, may_turn, operation_id}]``."""
    sheet_count: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    remnant_count: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    missing_count: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    scrap_mm2: Mapped[Decimal] = f.decimal(16, 3, unit="mm²", required=True, read_only=True, default=0)
    kept_mm2: Mapped[Decimal] = f.decimal(16, 3, unit="mm²", required=True, read_only=True, default=0)
    approved_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    approved_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    comment: Mapped[str | None] = f.text(500)


class PlatePlanSheet(Record):
    """What is cut from one plate, and the rectangles that stay of it."""

    __tablename__ = "plate_plan_sheet"
    __table_args__ = (UniqueConstraint("plate_plan_id", "sequence_no"),)

    plate_plan_id: Mapped[int] = f.ref("plate_plan.id", required=True, read_only=True)
    sequence_no: Mapped[int] = f.integer(required=True, read_only=True)
    stock_unit_id: Mapped[int] = f.ref("stock_unit.id", required=True, read_only=True)
    stock_lot_id: Mapped[int | None] = f.ref("stock_lot.id", read_only=True)
    stock_reservation_id: Mapped[int | None] = f.ref("stock_reservation.id", read_only=True)
    length_mm: Mapped[Decimal] = f.decimal(10, 3, unit="mm", required=True, read_only=True)
    width_mm: Mapped[Decimal] = f.decimal(10, 3, unit="mm", required=True, read_only=True)
    is_remnant: Mapped[bool] = f.boolean(read_only=True)
    placed: Mapped[Any] = f.json(read_only=True)
    """``[{key, is_turned, x_mm, y_mm, length_mm, width_mm}]``."""
    kept: Mapped[Any] = f.json(read_only=True)
    """``[{x_mm, y_mm, length_mm, width_mm}]``."""
    scrap_mm2: Mapped[Decimal] = f.decimal(16, 3, unit="mm²", required=True, read_only=True, default=0)
    is_cut: Mapped[bool] = f.boolean(read_only=True)
