"""Tables of stock (area 09). Balances are views: ``ddl.py`` and ``views.py``."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record, Row
from coordinator.modules.stock import models_cutting as _cutting  # noqa: F401 — maps its tables
from coordinator.modules.stock import models_people as _people  # noqa: F401 — maps its tables
from coordinator.modules.stock import models_tooling as _tooling  # noqa: F401 — maps its tables


class StorageLocation(Record):
    """A place where things are held (STK-14)."""

    __tablename__ = "storage_location"
    __table_args__ = ()

    code: Mapped[str] = f.text(60, required=True, unique=True, search=True)
    name: Mapped[str] = f.text(120, required=True, search=True)
    kind: Mapped[str] = f.choice("storage_location_kind", default="bin")
    parent_id: Mapped[int | None] = f.ref("storage_location.id")
    zone: Mapped[str | None] = f.text(60, search=True)
    capacity: Mapped[Decimal | None] = f.quantity()
    pos_x_m: Mapped[Decimal | None] = f.decimal(8, 2, unit="m")
    pos_y_m: Mapped[Decimal | None] = f.decimal(8, 2, unit="m")
    reach: Mapped[str] = f.choice("location_reach", default="normal")
    accepts: Mapped[str] = f.choice("location_accepts", default="any")
    allowed_kinds: Mapped[list[str] | None] = f.choices("stock_item_kind")
    allowed_roles: Mapped[list[str] | None] = f.words()
    machine_id: Mapped[int | None] = f.ref("machine.id")
    supplier_id: Mapped[int | None] = f.ref("supplier.id")
    counting_method: Mapped[str | None] = f.choice("counting_method", required=False)
    polygon: Mapped[Any] = f.json()
    camera: Mapped[str | None] = f.text(80)
    vision_mode: Mapped[str] = f.choice("vision_mode", default="shadow", read_only=True)


class LocationItem(Record):
    """An item that has its place there."""

    __tablename__ = "location_item"
    __table_args__ = (UniqueConstraint("storage_location_id", "stock_item_id"),)

    storage_location_id: Mapped[int] = f.ref("storage_location.id", required=True)
    stock_item_id: Mapped[int] = f.ref("stock_item.id", required=True)
    minimum_qty: Mapped[Decimal | None] = f.quantity()
    is_main: Mapped[bool] = f.boolean()
    seen_as: Mapped[str | None] = f.text(40)


class StockLot(Record):
    """A delivery of one grade and heat, with its certificate (STK-08, STK-09)."""

    __tablename__ = "stock_lot"

    stock_item_id: Mapped[int] = f.ref("stock_item.id", required=True)
    lot_number: Mapped[str] = f.text(60, unique=True, search=True, read_only=True)
    status: Mapped[str] = f.status("stock_lot", "quarantine")
    supplier_id: Mapped[int | None] = f.ref("supplier.id")
    supplier_lot: Mapped[str | None] = f.text(60, search=True)
    heat_number: Mapped[str | None] = f.text(60, search=True)
    received_on: Mapped[dt.date | None] = f.date()
    expires_on: Mapped[dt.date | None] = f.date()
    delivery_note: Mapped[str | None] = f.text(60, search=True)
    unit_cost: Mapped[Decimal | None] = f.unit_price()
    shape: Mapped[str | None] = f.choice("shape", required=False)
    diameter_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    width_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    height_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    wall_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    is_certified: Mapped[bool] = f.boolean()
    reserved_critical: Mapped[bool] = f.boolean()
    certificate_type: Mapped[str | None] = f.choice("certificate_type", required=False, read_only=True)
    certificate_number: Mapped[str | None] = f.text(60, search=True, read_only=True)
    certificate_heat_number: Mapped[str | None] = f.text(60, read_only=True)
    certificate_norm: Mapped[str | None] = f.text(60, read_only=True)
    certificate_date: Mapped[dt.date | None] = f.date(read_only=True)
    certificate_sha256: Mapped[str | None] = f.text(64, read_only=True)
    certificate_document_id: Mapped[int | None] = f.ref("document.id")
    certificate_verified_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    certificate_verified_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    blocked_reason: Mapped[str | None] = f.text(300, read_only=True)


class StockUnit(Record):
    """One bar, plate, offcut or tool followed by itself (STK-03, STK-10)."""

    __tablename__ = "stock_unit"
    __table_args__ = (UniqueConstraint("stock_item_id", "serial_number"),)

    uid: Mapped[uuid.UUID] = f.uid()
    stock_item_id: Mapped[int] = f.ref("stock_item.id", required=True)
    stock_lot_id: Mapped[int | None] = f.ref("stock_lot.id")
    serial_number: Mapped[str | None] = f.text(80, search=True)
    condition: Mapped[str] = f.choice("stock_unit_condition", default="new")
    shape: Mapped[str | None] = f.choice("shape", required=False)
    length_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    diameter_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    width_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    height_mm: Mapped[Decimal | None] = f.decimal(10, 3, unit="mm")
    used_min: Mapped[Decimal] = f.decimal(
        12, 2, required=True, default=Decimal(0), unit="min", read_only=True
    )
    used_parts: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    regrind_count: Mapped[int] = f.integer(required=True, default=0)
    reground_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    storage_location_id: Mapped[int | None] = f.ref("storage_location.id", read_only=True)
    parent_id: Mapped[int | None] = f.ref("stock_unit.id", read_only=True)
    origin_work_order_id: Mapped[int | None] = mapped_column(BigInteger)


class StockMovement(Record):
    """One change of quantity or place; never changed, never deleted (STK-18, DAT-11)."""

    __tablename__ = "stock_movement"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint(
            "num_nonnulls(from_location_id, to_location_id, from_holder, to_holder) > 0", name="some_place"
        ),
        CheckConstraint("num_nonnulls(from_location_id, from_holder) < 2", name="one_source"),
        CheckConstraint("num_nonnulls(to_location_id, to_holder) < 2", name="one_target"),
        Index(None, "stock_item_id", "occurred_at"),
    )

    uid: Mapped[uuid.UUID] = f.uid()
    act_uid: Mapped[uuid.UUID] = mapped_column(Uuid, index=True, default=uuid.uuid4)
    """The same for all movements of one physical act, which may touch several lots or holders."""
    occurred_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    stock_item_id: Mapped[int] = f.ref("stock_item.id", required=True, read_only=True)
    stock_lot_id: Mapped[int | None] = f.ref("stock_lot.id", read_only=True)
    stock_unit_id: Mapped[int | None] = f.ref("stock_unit.id", read_only=True)
    quantity: Mapped[Decimal] = f.quantity(required=True, read_only=True)
    kind: Mapped[str] = f.choice("stock_movement_kind", default="issue", read_only=True)
    source: Mapped[str] = f.choice("movement_source", default="manual", read_only=True)
    from_location_id: Mapped[int | None] = f.ref("storage_location.id", read_only=True)
    to_location_id: Mapped[int | None] = f.ref("storage_location.id", read_only=True)
    from_holder: Mapped[str | None] = f.text(60, read_only=True)
    to_holder: Mapped[str | None] = f.text(60, read_only=True)
    work_order_operation_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("work_order_operation.id", ondelete="RESTRICT", use_alter=True), index=True
    )
    work_order_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    vision_detection_id: Mapped[int | None] = f.ref("vision_detection.id", read_only=True)
    reverses_id: Mapped[int | None] = f.ref("stock_movement.id", unique=True, read_only=True)
    user_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    station_code: Mapped[str | None] = f.text(60, read_only=True)
    confidence_pct: Mapped[Decimal | None] = f.decimal(5, 2, unit="%", read_only=True)
    unit_cost: Mapped[Decimal | None] = f.unit_price(read_only=True)
    is_provisional: Mapped[bool] = f.boolean(read_only=True)
    is_flagged: Mapped[bool] = f.boolean(read_only=True)
    flag_reason: Mapped[str | None] = f.text(60, read_only=True)
    comment: Mapped[str | None] = f.text(500, read_only=True)


class MovementEvidence(Row):
    """Another witness of the same movement: camera and scan of one take are one movement (STK-22, VIS-16)."""

    __tablename__ = "stock_movement_evidence"
    __table_args__ = (UniqueConstraint("stock_movement_id", "source"),)

    uid: Mapped[uuid.UUID] = f.uid()
    stock_movement_id: Mapped[int] = f.ref("stock_movement.id", required=True)
    source: Mapped[str] = f.choice("movement_source", default="qr")
    occurred_at: Mapped[dt.datetime] = f.timestamp(required=True)


class StockReservation(Record):
    """Stock promised to an order (STK-28)."""

    __tablename__ = "stock_reservation"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)

    stock_item_id: Mapped[int] = f.ref("stock_item.id", required=True)
    stock_lot_id: Mapped[int | None] = f.ref("stock_lot.id")
    stock_unit_id: Mapped[int | None] = f.ref("stock_unit.id")
    work_order_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    kind: Mapped[str] = f.choice("stock_reservation_kind", default="firm")
    quantity: Mapped[Decimal] = f.quantity(required=True)
    consumed_qty: Mapped[Decimal] = f.quantity(required=True, default=Decimal(0), read_only=True)
    needed_on: Mapped[dt.date | None] = f.date()
    released_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    comment: Mapped[str | None] = f.text(300)


class StockCount(Record):
    """A stocktaking of a place (STK-26)."""

    __tablename__ = "stock_count"

    storage_location_id: Mapped[int | None] = f.ref("storage_location.id")
    status: Mapped[str] = f.status("stock_count", "open")
    is_blind: Mapped[bool] = f.boolean(default=True)
    reason: Mapped[str | None] = f.text(300)
    counted_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    approved_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    approved_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class StockCountLine(Record):
    """What was found of one item."""

    __tablename__ = "stock_count_line"
    __table_args__ = (
        CheckConstraint("counted_qty >= 0", name="counted_min"),
        UniqueConstraint(
            "stock_count_id",
            "stock_item_id",
            "stock_lot_id",
            "stock_unit_id",
            postgresql_nulls_not_distinct=True,
        ),
    )

    stock_count_id: Mapped[int] = f.ref("stock_count.id", required=True)
    stock_item_id: Mapped[int] = f.ref("stock_item.id", required=True)
    stock_lot_id: Mapped[int | None] = f.ref("stock_lot.id")
    stock_unit_id: Mapped[int | None] = f.ref("stock_unit.id")
    counted_qty: Mapped[Decimal | None] = f.quantity()
    expected_qty: Mapped[Decimal | None] = f.quantity(read_only=True)
    counted_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class ToolUsage(Record):
    """Time a tool spent in the cut (STK-06): measured from the active tool, estimated from the plan, or declared."""

    __tablename__ = "tool_usage"
    __table_args__ = (Index(None, "tool_id", "occurred_at"),)

    uid: Mapped[uuid.UUID] = f.uid()
    tool_id: Mapped[int] = f.ref("tool.id", required=True, read_only=True)
    stock_unit_id: Mapped[int | None] = f.ref("stock_unit.id", read_only=True)
    """Nothing for a tool kept by quantity: then the machine's edge in use is what wears."""
    basis: Mapped[str] = f.choice("tool_usage_basis", default="declared", read_only=True)
    machine_cycle_id: Mapped[int | None] = f.ref("machine_cycle.id", read_only=True)
    machine_id: Mapped[int | None] = f.ref("machine.id", read_only=True)
    work_order_operation_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("work_order_operation.id", ondelete="RESTRICT", use_alter=True), index=True
    )
    user_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    occurred_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    used_min: Mapped[Decimal] = f.decimal(12, 2, required=True, unit="min", read_only=True)
    part_count: Mapped[int | None] = f.integer(read_only=True)


class ToolIncident(Record):
    """A broken or worn-out tool and its replacement (STK-37, STK-40)."""

    __tablename__ = "tool_incident"

    uid: Mapped[uuid.UUID] = f.uid()
    number: Mapped[str | None] = f.text(40, unique=True, search=True, read_only=True)
    occurred_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    tool_id: Mapped[int] = f.ref("tool.id", required=True, read_only=True)
    stock_unit_id: Mapped[int | None] = f.ref("stock_unit.id", read_only=True)
    machine_id: Mapped[int | None] = f.ref("machine.id", read_only=True)
    work_order_operation_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("work_order_operation.id", ondelete="RESTRICT", use_alter=True), index=True
    )
    replacement_tool_id: Mapped[int | None] = f.ref("tool.id", read_only=True)
    status: Mapped[str] = f.status("tool_incident", "open")
    cause: Mapped[str | None] = f.text(120)
    comment: Mapped[str | None] = f.long_text()
    photo_sha256: Mapped[str | None] = f.text(64, read_only=True)
    is_critical: Mapped[bool] = f.boolean(read_only=True)
    cost: Mapped[Decimal | None] = f.money(read_only=True)
    action: Mapped[str | None] = f.text(300, read_only=True)
    escalated_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    replaced_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    confirmed_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    confirmed_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    is_repeated: Mapped[bool] = f.boolean(read_only=True)
    reported_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)


class ReorderProposal(Record):
    """What the system proposes to buy; a person accepts (STK-33, CRM-30)."""

    __tablename__ = "reorder_proposal"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        Index(
            "uq_reorder_proposal_open",
            "stock_item_id",
            unique=True,
            postgresql_where=text(
                "status IN ('proposed', 'accepted', 'ordered') AND reason = 'threshold'"
                " AND received_at IS NULL"
            ),
        ),
    )

    stock_item_id: Mapped[int] = f.ref("stock_item.id", required=True)
    supplier_id: Mapped[int | None] = f.ref("supplier.id")
    supplier_item_id: Mapped[int | None] = f.ref("supplier_item.id", read_only=True)
    quantity: Mapped[Decimal] = f.quantity(required=True)
    unit_price: Mapped[Decimal | None] = f.unit_price()
    lead_time_days: Mapped[int | None] = f.integer(unit="j")
    needed_on: Mapped[dt.date | None] = f.date()
    reason: Mapped[str] = f.choice("reorder_reason", default="manual", read_only=True)
    is_urgent: Mapped[bool] = f.boolean()
    certificate_required: Mapped[bool] = f.boolean()
    status: Mapped[str] = f.status("reorder_proposal", "proposed")
    decided_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    decided_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    received_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    refusal_reason: Mapped[str | None] = f.text(300, read_only=True)
