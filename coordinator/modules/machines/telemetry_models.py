"""Tables of what telemetry could not simply store: samples of unknown machines, changed units, refused channels."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import (
    BigInteger,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record, Row


class UnknownMachine(Record):
    """A machine code that stations report and the park does not have; its samples wait for a person's decision."""

    __tablename__ = "unknown_machine"

    machine_code: Mapped[str] = f.text(256, required=True, unique=True, search=True, read_only=True)
    status: Mapped[str] = f.status("unknown_machine", "waiting")
    station_code: Mapped[str | None] = f.text(64, search=True, read_only=True)
    """Station that reported the code last."""
    first_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    last_at: Mapped[dt.datetime] = f.timestamp(required=True, read_only=True)
    held_samples: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    held_bytes: Mapped[int] = f.integer(required=True, default=0, unit="o", read_only=True)
    dropped_samples: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    """Not kept: come after the code was ignored, or when its room was full."""
    machine_id: Mapped[int | None] = f.ref("machine.id", read_only=True)
    decided_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    decided_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class TelemetryHeld(Row):
    """One message of samples that waits, as compressed JSON of its channels."""

    __tablename__ = "telemetry_held"

    unknown_machine_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("unknown_machine.id", ondelete="CASCADE"), index=True
    )
    received_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))
    samples: Mapped[int] = mapped_column(Integer)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class TelemetryNotice(Row):
    """A unit that changed, or samples refused for a limit: shown with the curve, and told once to people."""

    __tablename__ = "telemetry_notice"
    __table_args__ = (
        UniqueConstraint("kind", "machine_id", "channel_id", "unit_told", postgresql_nulls_not_distinct=True),
        Index(None, "channel_id"),
    )

    kind: Mapped[str] = mapped_column(String(30))
    """``unit_converted``, ``unit_changed``, ``channels_full``, ``quarantine_full``."""
    machine_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("machine.id", ondelete="CASCADE"))
    channel_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("telemetry_channel.id", ondelete="CASCADE")
    )
    """Channel that takes the values."""
    previous_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("telemetry_channel.id", ondelete="CASCADE"), index=True
    )
    """Channel of the same signal before, with another unit."""
    signal: Mapped[str] = mapped_column(String(256))
    unit_told: Mapped[str] = mapped_column(String(20))
    factor: Mapped[float] = mapped_column(Float)
    zero: Mapped[float] = mapped_column(Float)
    """``told × factor + zero`` was kept."""
    first_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))
    last_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))
    samples: Mapped[int] = mapped_column(BigInteger)
    """Refused ones."""
    told_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
