"""Tables of machines and what they report (area 13). Telemetry samples stand in ``ddl.py``."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record, Row


class Machine(Record):
    """A machine with everything the planning and the quoting need of it (MCH-01)."""

    __tablename__ = "machine"

    code: Mapped[str] = f.text(40, required=True, unique=True, search=True)
    name: Mapped[str] = f.text(120, required=True, search=True)
    machine_type: Mapped[str] = f.choice("machine_type", default="other")
    status: Mapped[str] = f.status("machine", "available")
    builder: Mapped[str | None] = f.text(120, search=True)
    model: Mapped[str | None] = f.text(120, search=True)
    serial_number: Mapped[str | None] = f.text(80, search=True)
    year: Mapped[int | None] = f.integer()
    site_id: Mapped[int | None] = f.ref("site.id")
    workshop_id: Mapped[int | None] = f.ref("workshop.id")
    work_center_id: Mapped[int | None] = f.ref("work_center.id")
    axis_count: Mapped[int | None] = f.integer()
    axis_names: Mapped[str | None] = f.text(60)
    travel_x_mm: Mapped[Decimal | None] = f.decimal(10, 2, unit="mm")
    travel_y_mm: Mapped[Decimal | None] = f.decimal(10, 2, unit="mm")
    travel_z_mm: Mapped[Decimal | None] = f.decimal(10, 2, unit="mm")
    table_length_mm: Mapped[Decimal | None] = f.decimal(10, 2, unit="mm")
    table_width_mm: Mapped[Decimal | None] = f.decimal(10, 2, unit="mm")
    table_load_kg: Mapped[Decimal | None] = f.decimal(10, 2, unit="kg")
    bar_capacity_mm: Mapped[Decimal | None] = f.decimal(10, 2, unit="mm")
    max_turning_diameter_mm: Mapped[Decimal | None] = f.decimal(10, 2, unit="mm")
    outer_length_mm: Mapped[Decimal | None] = f.decimal(10, 2, unit="mm")
    outer_width_mm: Mapped[Decimal | None] = f.decimal(10, 2, unit="mm")
    outer_height_mm: Mapped[Decimal | None] = f.decimal(10, 2, unit="mm")
    footprint_m2: Mapped[Decimal | None] = f.decimal(8, 2, unit="m²")
    max_spindle_rpm: Mapped[int | None] = f.integer(unit="tr/min")
    spindle_power_kw: Mapped[Decimal | None] = f.decimal(8, 2, unit="kW")
    spindle_torque_nm: Mapped[Decimal | None] = f.decimal(8, 2, unit="N·m")
    driven_tool_power_kw: Mapped[Decimal | None] = f.decimal(8, 2, unit="kW")
    driven_tool_torque_nm: Mapped[Decimal | None] = f.decimal(8, 2, unit="N·m")
    driven_tool_max_rpm: Mapped[int | None] = f.integer(unit="tr/min")
    max_feed_mm_min: Mapped[int | None] = f.integer(unit="mm/min")
    rapid_mm_min: Mapped[int | None] = f.integer(unit="mm/min")
    spindle_type: Mapped[str | None] = f.text(60)
    spindle_taper: Mapped[str | None] = f.text(40)
    tool_slots: Mapped[int | None] = f.integer()
    tool_interface: Mapped[str | None] = f.text(40)
    has_probe: Mapped[bool] = f.boolean()
    coolant_type: Mapped[str | None] = f.text(60)
    cnc_controller: Mapped[str | None] = f.text(80, search=True)
    controller_version: Mapped[str | None] = f.text(40)
    output_extension: Mapped[str | None] = f.text(20)
    purchase_date: Mapped[dt.date | None] = f.date()
    station_code: Mapped[str | None] = f.text(60, read_only=True)
    """Station whose agent reported last."""
    collision_response: Mapped[str] = f.choice("collision_response", default="alert", read_only=True)
    commissioning_record: Mapped[str | None] = f.text(200, read_only=True)
    needs_authorization: Mapped[bool] = f.boolean()
    overload_threshold_min: Mapped[int] = f.integer(required=True, default=450, unit="min")
    extra: Mapped[Any] = f.json()
    photo_sha256: Mapped[str | None] = f.text(64, read_only=True)


class MachineCapability(Record):
    """A kind of operation a machine can do."""

    __tablename__ = "machine_capability"
    __table_args__ = (UniqueConstraint("machine_id", "operation_type"),)

    machine_id: Mapped[int] = f.ref("machine.id", required=True)
    operation_type: Mapped[str] = f.choice("operation_type", default="other")


class MachineToolCompatibility(Record):
    """A tool a machine takes, and the magazine place where it is mounted now (MCH-04)."""

    __tablename__ = "machine_tool_compatibility"
    __table_args__ = (
        UniqueConstraint("machine_id", "tool_id"),
        Index("uq_machine_tool_compatibility_slot", "machine_id", "slot_number", unique=True),
    )

    machine_id: Mapped[int] = f.ref("machine.id", required=True)
    tool_id: Mapped[int] = f.ref("tool.id", required=True)
    slot_number: Mapped[int | None] = f.integer()
    comment: Mapped[str | None] = f.text(200)


class ToolAssembly(Record):
    """Holder, tool and inserts as measured and mounted (STK-04)."""

    __tablename__ = "tool_assembly"

    name: Mapped[str] = f.text(120, required=True, search=True)
    tool_id: Mapped[int] = f.ref("tool.id", required=True)
    machine_id: Mapped[int | None] = f.ref("machine.id")
    slot_number: Mapped[int | None] = f.integer()
    holder: Mapped[str | None] = f.text(120)
    gauge_length_mm: Mapped[Decimal | None] = f.decimal(10, 4, unit="mm")
    gauge_diameter_mm: Mapped[Decimal | None] = f.decimal(10, 4, unit="mm")
    corrector: Mapped[str | None] = f.text(20)
    measured_at: Mapped[dt.datetime | None] = f.timestamp()


class TelemetryChannel(Record):
    """A signal of a machine, with its unit and physical range (MCH-12, MCH-47)."""

    __tablename__ = "telemetry_channel"
    __table_args__ = (UniqueConstraint("machine_id", "code"),)

    machine_id: Mapped[int] = f.ref("machine.id", required=True)
    code: Mapped[str] = f.text(80, required=True, search=True)
    name: Mapped[str | None] = f.text(120, search=True)
    unit: Mapped[str | None] = f.text(20)
    min_physical: Mapped[Decimal | None] = f.decimal(18, 6)
    max_physical: Mapped[Decimal | None] = f.decimal(18, 6)
    raw_retention_days: Mapped[int] = f.integer(required=True, default=90, unit="j")
    source_code: Mapped[str | None] = f.text(80, read_only=True)
    """Signal as the station names it, where the channel was made for it."""
    version_no: Mapped[int] = f.integer(required=True, default=1, read_only=True)
    """Counts the units of a signal that have nothing in common: each has a channel of its own."""


class AlarmThreshold(Record):
    """Limits of a channel (MCH-03)."""

    __tablename__ = "alarm_threshold"
    __table_args__ = (
        CheckConstraint("num_nonnulls(min_value, max_value) >= 1", name="some_limit"),
        UniqueConstraint("telemetry_channel_id", "level"),
    )

    telemetry_channel_id: Mapped[int] = f.ref("telemetry_channel.id", required=True)
    level: Mapped[str] = f.choice("alarm_level", default="warning")
    min_value: Mapped[Decimal | None] = f.decimal(18, 6)
    max_value: Mapped[Decimal | None] = f.decimal(18, 6)


class MachineState(Record):
    """A span of time in one normalised state (MCH-14); the last one is open."""

    __tablename__ = "machine_state"
    __table_args__ = (
        Index("uq_machine_state_open", "machine_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index(None, "machine_id", "started_at"),
        CheckConstraint("ended_at IS NULL OR ended_at > started_at", name="positive_span"),
    )

    uid: Mapped[uuid.UUID] = f.uid()
    machine_id: Mapped[int] = f.ref("machine.id", required=True, read_only=True)
    state: Mapped[str] = f.choice("machine_state", default="unknown", read_only=True)
    started_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    ended_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    cause: Mapped[str | None] = f.text(200, read_only=True)
    reason_code: Mapped[str | None] = f.text(40, read_only=True)
    """Reason of a stop as a person said it, a code of the list of stop reasons (MCH-15)."""
    reason_comment: Mapped[str | None] = f.text(300, read_only=True)
    qualified_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    qualified_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class MachineCycle(Record):
    """One run of a program (MCH-13)."""

    __tablename__ = "machine_cycle"
    __table_args__ = (
        CheckConstraint("ended_at >= started_at", name="times_in_order"),
        CheckConstraint("part_count >= 0", name="part_count_min"),
        Index(None, "machine_id", "started_at"),
    )

    uid: Mapped[uuid.UUID] = f.uid()
    machine_id: Mapped[int] = f.ref("machine.id", required=True, read_only=True)
    program: Mapped[str | None] = f.text(120, search=True, read_only=True)
    started_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    ended_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    duration_min: Mapped[Decimal] = f.decimal(12, 3, required=True, unit="min", read_only=True)
    result: Mapped[str] = f.choice("machine_cycle_result", default="complete", read_only=True)
    part_count: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    reported_part_count: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    tool_times: Mapped[Any] = f.json(read_only=True)
    """Minutes per active tool as the control told them; nothing where it names none."""
    work_order_operation_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("work_order_operation.id", ondelete="RESTRICT", use_alter=True), index=True
    )


class MachineEvent(Record):
    """Alarm, collision, stop or anomaly of a machine."""

    __tablename__ = "machine_event"
    __table_args__ = (Index(None, "machine_id", "occurred_at"),)

    uid: Mapped[uuid.UUID] = f.uid()
    machine_id: Mapped[int] = f.ref("machine.id", required=True, read_only=True)
    kind: Mapped[str] = f.choice("machine_event_kind", default="anomaly", read_only=True)
    level: Mapped[str] = f.choice("machine_event_level", default="info", read_only=True)
    code: Mapped[str | None] = f.text(80, search=True, read_only=True)
    text: Mapped[str | None] = f.text(500, search=True, read_only=True)
    occurred_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    ended_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    source: Mapped[str | None] = f.text(80, read_only=True)
    signal: Mapped[str | None] = f.text(80, read_only=True)
    value: Mapped[Decimal | None] = f.decimal(18, 6, read_only=True)
    threshold: Mapped[Decimal | None] = f.decimal(18, 6, read_only=True)
    program: Mapped[str | None] = f.text(120, read_only=True)
    tool: Mapped[str | None] = f.text(60, read_only=True)
    signals: Mapped[Any] = f.json(read_only=True)
    station_code: Mapped[str | None] = f.text(60, read_only=True)
    severity: Mapped[str] = f.choice("severity", default="info", read_only=True)
    incident_uid: Mapped[str | None] = f.text(36, read_only=True, index=True)
    """What the notices, the recording and the clip of one collision share."""
    cycle_uid: Mapped[str | None] = f.text(36, read_only=True)
    basis: Mapped[str | None] = f.choice("collision_basis", required=False, read_only=True)
    program_line: Mapped[str | None] = f.text(200, read_only=True)
    stop_request: Mapped[str | None] = f.choice("stop_request", required=False, read_only=True)
    stop_detail: Mapped[str | None] = f.text(300, read_only=True)
    reaction_ms: Mapped[Decimal | None] = f.decimal(10, 1, unit="ms", read_only=True)
    is_recorded: Mapped[bool] = f.boolean(read_only=True)
    """Whether the signals hold the time after the event too."""
    employee_id: Mapped[int | None] = f.ref("employee.id", read_only=True)
    work_order_operation_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("work_order_operation.id", ondelete="RESTRICT", use_alter=True), index=True
    )
    acknowledged_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    acknowledged_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    cause: Mapped[str | None] = f.text(300, read_only=True)
    verdict: Mapped[str | None] = f.choice("machine_verdict", required=False, read_only=True)
    verdict_comment: Mapped[str | None] = f.text(500, read_only=True)
    judged_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    judged_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    told_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    told_count: Mapped[int] = f.integer(required=True, default=0, read_only=True)


class MachineAuthorization(Record):
    """A person trained and authorised on a machine (MCH-06)."""

    __tablename__ = "machine_authorization"
    __table_args__ = (
        UniqueConstraint("machine_id", "employee_id"),
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="days_in_order"),
    )

    machine_id: Mapped[int] = f.ref("machine.id", required=True)
    employee_id: Mapped[int] = f.ref("employee.id", required=True)
    valid_from: Mapped[dt.date] = f.date(required=True)
    valid_to: Mapped[dt.date | None] = f.date()
    training: Mapped[str | None] = f.text(200)


class MachineIncident(Record):
    """What a person makes of an alert: somebody's work with a follow-up and an end (MCH-17)."""

    __tablename__ = "machine_incident"

    number: Mapped[str] = f.text(30, required=True, unique=True, search=True, read_only=True)
    title: Mapped[str] = f.text(200, required=True, search=True)
    kind: Mapped[str] = f.choice("machine_incident_kind", default="maintenance")
    status: Mapped[str] = f.status("machine_incident", "open")
    machine_id: Mapped[int] = f.ref("machine.id", required=True)
    machine_event_id: Mapped[int | None] = f.ref("machine_event.id", read_only=True)
    owner_id: Mapped[int | None] = f.ref("user_account.id")
    follow_up: Mapped[str | None] = f.long_text(search=True)
    closed_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    closed_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)


class SensorKey(Record):
    """Key of an external sensor for ``POST /metrics`` (MCH-18); only its digest is kept."""

    __tablename__ = "sensor_key"

    name: Mapped[str] = f.text(120, required=True, search=True)
    machine_id: Mapped[int | None] = f.ref("machine.id")
    key_start: Mapped[str | None] = f.text(12, read_only=True)
    key_digest: Mapped[str | None] = f.secret(64)
    is_active: Mapped[bool] = f.boolean(default=True)
    last_used_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class AnomalyModel(Record):
    """A model a station learned from the machine's own good cycles; a person approves it (MCH-19)."""

    __tablename__ = "anomaly_model"
    __table_args__ = (
        UniqueConstraint("machine_id", "version"),
        Index(
            "uq_anomaly_model_approved",
            "machine_id",
            unique=True,
            postgresql_where=text("status = 'approved'"),
        ),
    )

    machine_id: Mapped[int] = f.ref("machine.id", required=True, read_only=True)
    version: Mapped[str] = f.text(64, required=True, search=True, read_only=True)
    status: Mapped[str] = f.status("anomaly_model", "proposed")
    learned_from: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    learned_to: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    cycles: Mapped[int] = f.integer(required=True, read_only=True)
    held_out: Mapped[int] = f.integer(required=True, read_only=True)
    programs: Mapped[Any] = f.json(read_only=True)
    features: Mapped[Any] = f.json(read_only=True)
    contamination: Mapped[Decimal] = f.decimal(6, 4, required=True, read_only=True)
    seed: Mapped[int] = f.integer(required=True, read_only=True)
    threshold: Mapped[Decimal] = f.decimal(8, 5, required=True, read_only=True)
    false_alarm_rate: Mapped[Decimal] = f.decimal(6, 4, required=True, read_only=True)
    precision: Mapped[Decimal | None] = f.decimal(6, 4, read_only=True)
    recall: Mapped[Decimal | None] = f.decimal(6, 4, read_only=True)
    judged_anomalies: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    station_code: Mapped[str | None] = f.text(60, read_only=True)
    decided_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    decided_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class AiDecisionLog(Row):
    """What an AI said or did, with its explanation; never changed (MCH-20). A person's answer stands on the object."""

    __tablename__ = "ai_decision_log"
    __table_args__ = (Index(None, "object_type", "object_id"),)

    occurred_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))
    area: Mapped[str] = mapped_column(String(40))
    action: Mapped[str] = mapped_column(String(60))
    details: Mapped[str] = mapped_column(String(1000))
    explanation: Mapped[Any] = mapped_column(JSONB, nullable=True)
    model_version: Mapped[str | None] = mapped_column(String(64))
    object_type: Mapped[str | None] = mapped_column(String(60))
    object_id: Mapped[int | None] = mapped_column(BigInteger)
