"""Tables of packages and of their roll-out to the stations (EDG-32…37, UPD-25…30)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import BigInteger, Boolean, Float, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record, Row


class UpdatePublisher(Record):
    """Whose signature is accepted on a package (UPD-05); archived: no longer."""

    __tablename__ = "update_publisher"

    name: Mapped[str] = f.text(120, required=True, search=True, read_only=True)
    public_key: Mapped[str] = f.text(60, required=True, unique=True, read_only=True)


class UpdatePackage(Record):
    """An imported package whose signature and content were right (UPD-09)."""

    __tablename__ = "update_package"
    __table_args__ = (UniqueConstraint("kind", "name", "version"),)

    uid: Mapped[uuid.UUID] = f.uid()
    kind: Mapped[str] = f.choice("update_package_kind", read_only=True)
    name: Mapped[str] = f.text(60, required=True, search=True, read_only=True)
    version: Mapped[str] = f.text(40, required=True, search=True, read_only=True)
    title: Mapped[str | None] = f.text(200, read_only=True)
    notes: Mapped[str | None] = f.long_text(read_only=True)
    sha256: Mapped[str] = f.text(64, required=True, read_only=True)
    size_bytes: Mapped[int] = f.integer(required=True, read_only=True)
    update_publisher_id: Mapped[int] = f.ref("update_publisher.id", required=True, read_only=True)
    built_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    station_kinds: Mapped[list[str] | None] = f.choices("station_kind", read_only=True)
    config: Mapped[dict[str, Any] | None] = f.json(read_only=True)
    status: Mapped[str] = f.status("update_package", "verified")


class UpdateRollout(Record):
    """One package on its way to the stations: pilot, observation, groups (EDG-34)."""

    __tablename__ = "update_rollout"

    update_package_id: Mapped[int] = f.ref("update_package.id", required=True, read_only=True)
    status: Mapped[str] = f.status("update_rollout", "pilot")
    paused_from: Mapped[str | None] = f.text(20, read_only=True)
    pilot_station_id: Mapped[int] = f.ref("station.id", required=True, read_only=True)
    observe_min: Mapped[int] = f.integer(required=True, read_only=True, unit="min")
    observe_until: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    group_size: Mapped[int] = f.integer(required=True, read_only=True)
    health_s: Mapped[int] = f.integer(required=True, read_only=True, unit="s")
    window_from: Mapped[str | None] = f.text(5, read_only=True)
    window_to: Mapped[str | None] = f.text(5, read_only=True)
    reason: Mapped[str | None] = f.text(500, read_only=True)
    ended_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class UpdateInstallation(Record):
    """One station's part of a roll-out and its result (EDG-35, UPD-23). ``uid`` names the offer."""

    __tablename__ = "update_installation"
    __table_args__ = (
        Index("ix_update_installation_open", "station_id", postgresql_where="status = 'running'"),
    )

    uid: Mapped[uuid.UUID] = f.uid()
    update_rollout_id: Mapped[int] = f.ref("update_rollout.id", required=True, read_only=True)
    update_package_id: Mapped[int] = f.ref("update_package.id", required=True, read_only=True)
    station_id: Mapped[int] = f.ref("station.id", required=True, read_only=True)
    action: Mapped[str] = f.choice("update_action", read_only=True)
    status: Mapped[str] = f.status("update_installation", "planned")
    phase: Mapped[str | None] = f.choice("update_phase", required=False, read_only=True)
    is_pilot: Mapped[bool] = f.boolean(read_only=True)
    attempts: Mapped[int] = f.integer(read_only=True)
    from_version: Mapped[str | None] = f.text(40, read_only=True)
    to_version: Mapped[str] = f.text(40, required=True, read_only=True)
    config_version: Mapped[int | None] = f.integer(read_only=True)
    detail: Mapped[str | None] = f.text(500, read_only=True)
    offered_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    published_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    ended_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class StationHealthSample(Row):
    """One health report of a station, thinned (EDG-39, EDG-40)."""

    __tablename__ = "station_health_sample"
    __table_args__ = (Index(None, "station_id", "at"),)

    station_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("station.id"))
    at: Mapped[dt.datetime] = mapped_column()
    status: Mapped[str] = mapped_column(String(10))
    queue_depth: Mapped[int] = mapped_column(Integer)
    oldest_message_age_s: Mapped[float] = mapped_column(Float)
    clock_offset_s: Mapped[float | None] = mapped_column(Float)
    temperature_c: Mapped[float | None] = mapped_column(Float)
    load: Mapped[float] = mapped_column(Float)
    memory_mb: Mapped[float] = mapped_column(Float)
    disk_free_mb: Mapped[float] = mapped_column(Float)
    is_throttled: Mapped[bool | None] = mapped_column(Boolean)
    software_version: Mapped[str] = mapped_column(String(40))
    config_version: Mapped[int | None] = mapped_column(Integer)
