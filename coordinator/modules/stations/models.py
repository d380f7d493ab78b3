"""Tables of the stations and of what they send."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.kernel import fields as f
from coordinator.kernel.db import Base, Record, Row


class Station(Record):
    """A station of the workshop (EDG-02). ``code`` is its name in certificates and topics."""

    __tablename__ = "station"

    code: Mapped[str] = f.text(60, required=True, unique=True, search=True, read_only=True)
    name: Mapped[str] = f.text(120, required=True, search=True)
    kind: Mapped[str] = f.choice("station_kind")
    roles: Mapped[list[str] | None] = f.choices("station_kind")
    site_id: Mapped[int] = f.ref("site.id", required=True)
    place: Mapped[str | None] = f.text(120)
    machine_id: Mapped[int | None] = f.ref("machine.id")
    storage_location_id: Mapped[int | None] = f.ref("storage_location.id")
    status: Mapped[str] = f.status("station", "offline")
    is_in_maintenance: Mapped[bool] = f.boolean()
    is_revoked: Mapped[bool] = f.boolean(read_only=True)
    is_quarantined: Mapped[bool] = f.boolean(read_only=True)
    quarantine_reason: Mapped[str | None] = f.text(300, read_only=True)
    address: Mapped[str | None] = f.text(120, read_only=True)
    hardware_model: Mapped[str | None] = f.text(120, read_only=True)
    hardware_serial: Mapped[str | None] = f.text(120, read_only=True)
    software_version: Mapped[str | None] = f.text(40, read_only=True)
    config_version: Mapped[int | None] = f.integer(read_only=True)
    last_contact_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    health: Mapped[dict[str, Any] | None] = f.json(read_only=True)
    certificate_pem: Mapped[str | None] = f.long_text(read_only=True)
    certificate_expires_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    installed_on: Mapped[dt.date | None] = f.date()


class StationStream(Row):
    """How far a stream of a station is stored without gap: what is acknowledged (EDG-20)."""

    __tablename__ = "station_stream"
    __table_args__ = (UniqueConstraint("station_code", "stream"),)

    station_code: Mapped[str] = mapped_column(String(60))
    stream: Mapped[str] = mapped_column(String(12))
    contiguous_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    max_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    processed_seq: Mapped[int] = mapped_column(BigInteger, default=0)


class InboxMessage(Row):
    """Every message received once, accepted or rejected (EDG-15, EDG-25, EDG-49)."""

    __tablename__ = "inbox_message"
    __table_args__ = (
        Index(None, "station_code", "stream", "seq"),
        Index("ix_inbox_message_waiting", "station_code", "seq", postgresql_where="needs_processing"),
        Index("ix_inbox_message_rejected", "received_at", postgresql_where="status = 'rejected'"),
    )

    message_id: Mapped[uuid.UUID] = mapped_column(Uuid, unique=True)
    station_code: Mapped[str] = mapped_column(String(64))
    stream: Mapped[str] = mapped_column(String(12))
    seq: Mapped[int | None] = mapped_column(BigInteger)
    event_type: Mapped[str | None] = mapped_column(String(64))
    status: Mapped[str] = f.status("inbox_message", "stored")
    reason: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[dt.datetime] = mapped_column()
    occurred_at: Mapped[dt.datetime | None] = mapped_column()
    needs_processing: Mapped[bool] = mapped_column(Boolean, default=False)
    processed_at: Mapped[dt.datetime | None] = mapped_column()
    outcome: Mapped[str | None] = mapped_column(String(20))
    outcome_code: Mapped[str | None] = mapped_column(String(80))
    message: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    raw: Mapped[bytes | None] = mapped_column(LargeBinary)


class DeviceEvent(Base):
    """Accepted facts of stations (EDG-15): hypertable, or native partitions by month (see ``ddl.py``)."""

    __tablename__ = "device_event"
    __table_args__ = (
        PrimaryKeyConstraint("occurred_at", "uid"),
        Index(None, "station_code", "occurred_at"),
        {"postgresql_partition_by": "RANGE (occurred_at)"},
    )

    uid: Mapped[uuid.UUID] = mapped_column(Uuid)
    station_code: Mapped[str] = mapped_column(String(64))
    device_id: Mapped[int | None] = mapped_column(BigInteger)
    event_type: Mapped[str] = mapped_column(String(64))
    seq: Mapped[int] = mapped_column(BigInteger)
    occurred_at: Mapped[dt.datetime] = mapped_column()
    received_at: Mapped[dt.datetime] = mapped_column()
    time_quality: Mapped[str] = mapped_column(String(12))
    user_ref: Mapped[str | None] = mapped_column(String(128))
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)


class StationCertificate(Record):
    """A certificate given to a station, kept so that all of them can be revoked and listed (EDG-09)."""

    __tablename__ = "station_certificate"

    station_id: Mapped[int] = f.ref("station.id", required=True, read_only=True)
    serial: Mapped[str] = f.text(40, required=True, unique=True, read_only=True, search=True)
    pem: Mapped[str] = f.long_text(required=True, read_only=True)
    reason: Mapped[str] = f.text(20, required=True, read_only=True)
    issued_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    expires_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    revoked_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class StationRun(Row):
    """One start of a station's agent, as told by its health reports (EDG-54)."""

    __tablename__ = "station_run"
    __table_args__ = (UniqueConstraint("station_id", "run_id"),)

    station_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("station.id"))
    run_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    first_seen_at: Mapped[dt.datetime] = mapped_column()


class StationCheckPoint(Record):
    """One point of the installation checklist of a station (EDG-45, EDG-46)."""

    __tablename__ = "station_check_point"
    __table_args__ = (UniqueConstraint("station_id", "point"),)

    station_id: Mapped[int] = f.ref("station.id", required=True, read_only=True)
    point: Mapped[str] = f.choice("station_check_point", read_only=True)
    is_done: Mapped[bool] = f.boolean(read_only=True)
    checked_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    checked_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    comment: Mapped[str | None] = f.text(300, read_only=True)


class StationFile(Row):
    """A file a station sent (EDG-18); its content stands in the file store under ``sha256``."""

    __tablename__ = "station_file"
    __table_args__ = (UniqueConstraint("station_id", "sha256"),)

    station_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("station.id"))
    sha256: Mapped[str] = mapped_column(String(64), ForeignKey("stored_file.sha256"), index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(120))
    received_at: Mapped[dt.datetime] = mapped_column()


class StationClaim(Record):
    """Request of a new unit to be admitted (EDG-08)."""

    __tablename__ = "station_claim"

    claim_code: Mapped[str] = f.text(12, required=True, read_only=True, search=True)
    secret_sha256: Mapped[str | None] = f.secret(64)
    csr_pem: Mapped[str] = f.long_text(required=True, read_only=True)
    hardware_model: Mapped[str | None] = f.text(120, read_only=True)
    hardware_serial: Mapped[str | None] = f.text(120, read_only=True)
    ip: Mapped[str | None] = f.text(60, read_only=True)
    expires_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    status: Mapped[str] = f.choice("station_claim", default="pending", read_only=True)
    station_id: Mapped[int | None] = f.ref("station.id", read_only=True)


class StationConfig(Record):
    """One version of a station's configuration, signed (EDG-28, EDG-29)."""

    __tablename__ = "station_config"
    __table_args__ = (UniqueConstraint("station_id", "version_no"),)

    station_id: Mapped[int] = f.ref("station.id", required=True, read_only=True)
    version_no: Mapped[int] = f.integer(required=True, read_only=True)
    config: Mapped[dict[str, Any]] = f.json(required=True, read_only=True)
    sha256: Mapped[str] = f.text(64, required=True, read_only=True)
    signature: Mapped[str] = f.text(200, required=True, read_only=True)
    status: Mapped[str] = f.status("station_config", "desired")
    reason: Mapped[str | None] = f.text(500, read_only=True)
    published_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    reported_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class StationCommand(Record):
    """A command asked of a station; none starts or stops a machine (EDG-31)."""

    __tablename__ = "station_command"

    uid: Mapped[uuid.UUID] = f.uid()
    station_id: Mapped[int] = f.ref("station.id", required=True)
    kind: Mapped[str] = f.choice("station_command_kind")
    params: Mapped[dict[str, Any] | None] = f.json()
    expires_at: Mapped[dt.datetime] = f.timestamp(required=True)
    status: Mapped[str] = f.status("station_command", "requested")
    detail: Mapped[str | None] = f.text(500, read_only=True)
    done_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class CabinetSession(Record):
    """One opening of a cabinet (VIS-04)."""

    __tablename__ = "cabinet_session"

    uid: Mapped[uuid.UUID] = f.uid()
    station_id: Mapped[int] = f.ref("station.id", required=True, read_only=True)
    user_id: Mapped[int | None] = f.ref("user_account.id")
    opened_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    closed_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    status: Mapped[str] = f.status("cabinet_session", "open")
    image_before: Mapped[str | None] = f.text(64, read_only=True)
    image_after: Mapped[str | None] = f.text(64, read_only=True)
    opened_by: Mapped[str | None] = f.text(20, read_only=True)
    persons: Mapped[int | None] = f.integer(read_only=True)
    work_order_operation_id: Mapped[int | None] = f.integer(read_only=True)
    brightness: Mapped[Any] = f.decimal(6, 1, read_only=True)
    sharpness: Mapped[Any] = f.decimal(10, 1, read_only=True)
    model: Mapped[str | None] = f.text(64, read_only=True)


class VisionDetection(Record):
    """One changed compartment of a session and what became of it (VIS-05, VIS-14)."""

    __tablename__ = "vision_detection"

    uid: Mapped[uuid.UUID] = f.uid()
    cabinet_session_id: Mapped[int] = f.ref("cabinet_session.id", required=True, read_only=True)
    storage_location_id: Mapped[int | None] = f.ref("storage_location.id", read_only=True)
    stock_item_id: Mapped[int | None] = f.ref("stock_item.id")
    count_before: Mapped[int | None] = f.integer(read_only=True)
    count_after: Mapped[int | None] = f.integer(read_only=True)
    delta: Mapped[int] = f.integer(required=True)
    confidence_pct: Mapped[Any] = f.decimal(5, 2, unit="%", read_only=True)
    method: Mapped[str] = f.text(30, required=True, read_only=True)
    status: Mapped[str] = f.status("vision_detection", "to_confirm")
    reason: Mapped[str | None] = f.text(300, read_only=True)
    detected_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    reviewed_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    reviewed_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    code: Mapped[str | None] = f.text(256, read_only=True)
    model: Mapped[str | None] = f.text(64, read_only=True)
    seen_item_id: Mapped[int | None] = f.ref("stock_item.id", read_only=True)
    seen_delta: Mapped[int | None] = f.integer(read_only=True)
    seen_status: Mapped[str | None] = f.text(20, read_only=True)
    crop_before: Mapped[str | None] = f.text(64, read_only=True)
    crop_after: Mapped[str | None] = f.text(64, read_only=True)
    frame: Mapped[list[float] | None] = f.json(read_only=True)
    diameter_mm: Mapped[Any] = f.decimal(8, 1, unit="mm", read_only=True)
    work_order_operation_id: Mapped[int | None] = f.integer(read_only=True)
    is_disputed: Mapped[bool] = f.boolean(read_only=True)
    auto_pct: Mapped[Any] = f.decimal(5, 2, unit="%", read_only=True)
    review_pct: Mapped[Any] = f.decimal(5, 2, unit="%", read_only=True)
    escalated_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class VisionThreshold(Record):
    """What was decided about automatic posting at a station (VIS-14). Rows are never changed: the newest of a level holds, all are its history."""

    __tablename__ = "vision_threshold"
    __table_args__ = (Index(None, "station_id", "scope", "kind"),)

    station_id: Mapped[int] = f.ref("station.id", required=True, read_only=True)
    scope: Mapped[str] = f.choice("vision_threshold_scope", read_only=True)
    kind: Mapped[str] = f.text(40, read_only=True, default="")
    auto_pct: Mapped[Any] = f.decimal(5, 2, unit="%", read_only=True)
    review_pct: Mapped[Any] = f.decimal(5, 2, unit="%", read_only=True)
    reason: Mapped[str] = f.text(300, required=True, read_only=True)
    decided_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)


class VisionCount(Record):
    """A full count of a station by camera and scales, compared with the ledger (VIS-11)."""

    __tablename__ = "vision_count"

    uid: Mapped[uuid.UUID] = f.uid()
    station_id: Mapped[int] = f.ref("station.id", required=True, read_only=True)
    trigger: Mapped[str] = f.text(20, required=True, read_only=True)
    counted_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    places: Mapped[list[Any]] = f.json(required=True, read_only=True)
    differences: Mapped[int] = f.integer(required=True, read_only=True)
    image: Mapped[str | None] = f.text(64, read_only=True)
    brightness: Mapped[Any] = f.decimal(6, 1, read_only=True)
    sharpness: Mapped[Any] = f.decimal(10, 1, read_only=True)
    model: Mapped[str | None] = f.text(64, read_only=True)


class VisionActivation(Record):
    """That people were told before cameras post anything (VIS-29): Code du travail L1222-4 and L2312-38."""

    __tablename__ = "vision_activation"

    station_id: Mapped[int] = f.ref("station.id", required=True, read_only=True)
    informed_on: Mapped[dt.date] = f.date(required=True, read_only=True)
    council: Mapped[str] = f.choice("works_council", default="none", read_only=True)
    consulted_on: Mapped[dt.date | None] = f.date(read_only=True)
    document_id: Mapped[int | None] = f.ref("document.id", read_only=True)
    framing_checked: Mapped[bool] = f.boolean(read_only=True)
    declared_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)


class AiModel(Record):
    """A taught model with what it was taught and tested on; rolled out only once a person approved it (VIS-24)."""

    __tablename__ = "ai_model"
    __table_args__ = (UniqueConstraint("name", "version"),)

    name: Mapped[str] = f.text(60, required=True, search=True, read_only=True)
    version: Mapped[str] = f.text(40, required=True, search=True, read_only=True)
    sha256: Mapped[str] = f.text(64, required=True, unique=True, read_only=True)
    taught_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    classes: Mapped[list[Any]] = f.json(required=True, read_only=True)
    training: Mapped[dict[str, Any]] = f.json(required=True, read_only=True)
    metrics: Mapped[dict[str, Any]] = f.json(required=True, read_only=True)
    status: Mapped[str] = f.status("ai_model", "candidate")
    approved_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    approved_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    reason: Mapped[str | None] = f.text(300, read_only=True)
