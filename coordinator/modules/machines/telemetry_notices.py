"""Changed units and refused channels: noted while samples come in, told to people, shown with the curve (MCH-12, MCH-47)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import psycopg
from sqlalchemy import select, text

from coordinator.kernel import tasks
from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.i18n import t
from coordinator.modules.machines import alerts
from coordinator.modules.machines.channels import Target
from coordinator.modules.machines.models import Machine, TelemetryChannel
from coordinator.modules.machines.telemetry_models import TelemetryNotice

_TELL_AGAIN = dt.timedelta(days=1)
"""Refusals that go on are told again each day."""
_NOTE = (
    "INSERT INTO telemetry_notice AS n (kind, machine_id, channel_id, previous_id, signal, unit_told, factor, zero,"
    " first_at, last_at, samples) VALUES (%(kind)s, %(machine)s, %(channel)s, %(previous)s, %(signal)s, %(unit)s,"
    " %(factor)s, %(zero)s, %(first)s, %(last)s, %(samples)s)"
    " ON CONFLICT (kind, machine_id, channel_id, unit_told) DO UPDATE SET last_at = greatest(n.last_at, excluded.last_at),"
    " first_at = least(n.first_at, excluded.first_at), samples = n.samples + excluded.samples, signal = excluded.signal"
)


def note_unit(
    connection: psycopg.Connection[Any],
    target: Target,
    signal: str,
    told: str,
    first: dt.datetime,
    last: dt.datetime,
) -> None:
    """Note that a signal comes in another unit than its channel's, or goes on in a new channel for its unit."""
    kind = "unit_converted" if target.replaces is None else "unit_changed"
    values = {"kind": kind, "machine": target.machine_id, "channel": target.channel.id, "previous": target.replaces,
              "signal": signal, "unit": told, "factor": target.conversion.factor, "zero": target.conversion.offset,
              "first": first, "last": last, "samples": 0}  # fmt: skip
    connection.execute(_NOTE, values)


def note_refusal(
    connection: psycopg.Connection[Any],
    kind: str,
    machine_id: int | None,
    signal: str,
    samples: int,
    at: dt.datetime,
) -> None:
    """Count samples refused for a limit; ``signal`` names the last of them."""
    values = {"kind": kind, "machine": machine_id, "channel": None, "previous": None, "signal": signal, "unit": "",
              "factor": 1.0, "zero": 0.0, "first": at, "last": at, "samples": samples}  # fmt: skip
    connection.execute(_NOTE, values)


def tell(ctx: Context) -> None:
    """Tell people of what was noted since the last run; refusals that go on are told again each day."""
    query = select(TelemetryNotice).where(
        TelemetryNotice.told_at.is_(None)
        | (
            TelemetryNotice.kind.in_(("channels_full", "quarantine_full"))
            & (TelemetryNotice.told_at < ctx.now - _TELL_AGAIN)
            & (TelemetryNotice.last_at > TelemetryNotice.told_at)
        )
    )
    for notice in ctx.session.scalars(
        query.order_by(TelemetryNotice.id).limit(100).with_for_update(skip_locked=True)
    ):
        notice.told_at = ctx.now
        if notice.machine_id is None:
            words = t("machine.alert.quarantine_full", ctx.locale, code=notice.signal, samples=notice.samples)
            for role in ("production_manager", "maintenance_technician"):
                tasks.notify(ctx, "alarm", "machine.unknown", words, role=role)
            continue
        machine = ctx.get(Machine, notice.machine_id)
        words = f"{machine.name} : {sentence(ctx, notice)}"
        severity = "alarm" if notice.kind == "channels_full" else "warning"
        alerts.open_alert(
            ctx, machine, severity, f"{notice.kind} {notice.signal}", words,
            occurred_at=notice.last_at if notice.kind == "channels_full" else notice.first_at,
            ended_at=ctx.now, signal=notice.signal[:80],
        )  # fmt: skip


def sentence(ctx: Context, notice: TelemetryNotice) -> str:
    """The notice in words."""
    if notice.kind == "channels_full":
        limit = ctx.settings.integer("machines.max_channels")
        return t(
            "telemetry.notice.channels_full",
            ctx.locale,
            limit=limit,
            samples=notice.samples,
            signal=notice.signal,
        )
    channel = ctx.session.get(TelemetryChannel, notice.channel_id)
    previous = ctx.session.get(TelemetryChannel, notice.previous_id) if notice.previous_id else None
    no_unit = t("telemetry.no_unit", ctx.locale)
    return t(
        f"telemetry.notice.{notice.kind}",
        ctx.locale,
        signal=notice.signal,
        told=notice.unit_told or no_unit,
        kept=(channel.unit if channel else None) or no_unit,
        channel=channel.code if channel else "—",
        before=(previous.unit if previous else None) or no_unit,
        previous=previous.code if previous else "—",
    )


def of_channel(ctx: Context, channel: TelemetryChannel) -> list[dict[str, Any]]:
    """What a reader of the channel's curve must know of its unit, in order of time."""
    query = select(TelemetryNotice).where(
        (TelemetryNotice.channel_id == channel.id) | (TelemetryNotice.previous_id == channel.id)
    )
    return [
        {
            "kind": notice.kind,
            "from": jsonable(notice.first_at),
            "to": jsonable(notice.last_at),
            "unit_told": notice.unit_told,
            "text": sentence(ctx, notice),
        }
        for notice in ctx.session.scalars(query.order_by(TelemetryNotice.first_at))
    ]


_WITH_NOTICE = text(
    "SELECT DISTINCT c.id FROM telemetry_notice n JOIN telemetry_channel c ON c.id IN (n.channel_id, n.previous_id)"
    " WHERE c.machine_id = :machine"
)


def channels_with_notice(ctx: Context, machine_id: int) -> set[int]:
    """Channels of a machine whose unit has a story."""
    return set(ctx.session.scalars(_WITH_NOTICE, {"machine": machine_id}))
