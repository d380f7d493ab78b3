"""Tables of cameras and robots beside the machines (area 13)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record, Row

MAX_RETENTION_DAYS = 30
"""Longest keeping of pictures of people at work the CNIL admits (MCH-35)."""


class Device(Record):
    """A thing wired to a station: camera, sensor, reader."""

    __tablename__ = "device"

    code: Mapped[str] = f.text(60, required=True, unique=True, search=True)
    name: Mapped[str] = f.text(120, required=True, search=True)
    kind: Mapped[str] = f.choice("device_kind", default="camera")
    station_code: Mapped[str | None] = f.text(60)
    is_active: Mapped[bool] = f.boolean(default=True)


class Camera(Record):
    """A camera with its purpose and what the law asks before it may see anything (MCH-32, MCH-35, MCH-36)."""

    __tablename__ = "camera"
    __table_args__ = (
        CheckConstraint(f"retention_days BETWEEN 1 AND {MAX_RETENTION_DAYS}", name="retention_range"),
        CheckConstraint("place_kind NOT IN ('break_room', 'toilets', 'staff_room')", name="place_allowed"),
        CheckConstraint(
            "status = 'off' OR (informed_on IS NOT NULL AND sign_on IS NOT NULL AND consultation IS NOT NULL)",
            name="lawful",
        ),
    )

    device_id: Mapped[int] = f.ref("device.id", required=True)
    purpose: Mapped[str] = f.choice("camera_purpose", default="machine_interior")
    purpose_detail: Mapped[str | None] = f.text(300)
    location_label: Mapped[str] = f.text(120, required=True, search=True)
    place_kind: Mapped[str] = f.choice("camera_place", default="machine")
    machine_id: Mapped[int | None] = f.ref("machine.id")
    address: Mapped[str | None] = f.text(300)
    resolution: Mapped[str | None] = f.text(20)
    credentials: Mapped[str | None] = f.secret(1000)
    is_event_only: Mapped[bool] = f.boolean(default=True)
    """Keeps pictures around an event only, never without interruption."""
    retention_days: Mapped[int] = f.integer(required=True, default=MAX_RETENTION_DAYS, unit="j")
    informed_on: Mapped[dt.date | None] = f.date()
    consultation: Mapped[str | None] = f.choice("camera_consultation", required=False)
    consulted_on: Mapped[dt.date | None] = f.date()
    sign_on: Mapped[dt.date | None] = f.date()
    status: Mapped[str] = f.status("camera", "off")
    status_since: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    status_detail: Mapped[str | None] = f.text(300, read_only=True)
    is_told: Mapped[bool] = f.boolean(read_only=True)


class CameraClip(Record):
    """Pictures kept for an event; deleted at their day unless sealed (MCH-33, MCH-35)."""

    __tablename__ = "camera_clip"
    __table_args__ = (Index(None, "camera_id", "started_at"),)

    camera_id: Mapped[int] = f.ref("camera.id", required=True, read_only=True)
    machine_event_id: Mapped[int | None] = f.ref("machine_event.id", read_only=True)
    incident_uid: Mapped[str | None] = f.text(36, read_only=True, index=True)
    reason: Mapped[str] = f.text(80, required=True, search=True, read_only=True)
    started_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    ended_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    frames: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    clip_sha256: Mapped[str | None] = f.text(64, read_only=True)
    image_sha256: Mapped[str | None] = f.text(64, read_only=True)
    delete_after: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    sealed_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    sealed_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    seal_reason: Mapped[str | None] = f.text(300, read_only=True)
    erased_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class CameraAccessLog(Row):
    """Every look at pictures of a camera and every export (MCH-36)."""

    __tablename__ = "camera_access_log"

    occurred_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("user_account.id"))
    camera_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("camera.id"), index=True)
    camera_clip_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("camera_clip.id"))
    action: Mapped[str] = mapped_column(String(20))
    details: Mapped[Any] = mapped_column(JSONB, nullable=True)


class Robot(Record):
    """A robot with its assignment and who may work with it (MCH-38)."""

    __tablename__ = "robot"

    name: Mapped[str] = f.text(120, required=True, unique=True, search=True)
    function: Mapped[str | None] = f.text(120, search=True)
    controller_brand: Mapped[str | None] = f.text(80, search=True)
    controller_version: Mapped[str | None] = f.text(40)
    status: Mapped[str] = f.status("robot", "available")
    assignment: Mapped[str | None] = f.text(200)
    machine_id: Mapped[int | None] = f.ref("machine.id")
    programs: Mapped[list[str] | None] = f.words()
    authorized_people: Mapped[str | None] = f.long_text()
    risk_assessment_id: Mapped[int | None] = f.ref("document.id")


class RobotCommand(Record):
    """What was asked of a robot by a person, and what became of it (MCH-39, MCH-52)."""

    __tablename__ = "robot_command"

    uid: Mapped[Any] = f.uid()
    robot_id: Mapped[int] = f.ref("robot.id", required=True)
    action_code: Mapped[str] = f.text(60, required=True, search=True)
    parameters: Mapped[Any] = f.json()
    status: Mapped[str] = f.status("robot_command", "requested")
    requested_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    approved_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    sent_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    answer_due_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    executed_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    result: Mapped[str | None] = f.text(300, read_only=True)
