"""Samples, their aggregates and retention."""

from __future__ import annotations

import datetime as dt
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from coordinator.kernel.context import Context
from coordinator.modules.machines import api, service, telemetry
from coordinator.modules.machines.models import Machine
from edge_agents.protocol.payloads import TelemetryBatch


@pytest.fixture
def machine(ctx: Context) -> Machine:
    return ctx.add(Machine(code="M03", name="DMU 50", machine_type="machining_centre"))


def batch(values: list[float | None], at: dt.datetime) -> TelemetryBatch:
    start = int(at.timestamp() * 1000)
    series = {"unit": "%", "t": [start + i * 1000 for i in range(len(values))], "v": values}
    return TelemetryBatch.model_validate({"machine_code": "M03", "channels": {"spindle_load": series}})


def raw(ctx: Context) -> psycopg.Connection[Any]:
    connection: Any = ctx.session.connection().connection.driver_connection
    return connection  # type: ignore[no-any-return]


def points(
    ctx: Context, machine: Machine, start: dt.datetime, end: dt.datetime, bucket: dt.timedelta
) -> list[Any]:
    found = telemetry.chart(ctx, service.channel_of(ctx, machine, "spindle_load"), start, end, bucket)
    return [(p["at"], p["samples"], round(p["mean"], 6), p["min"], p["max"]) for p in found]


@pytest.mark.requirement("MCH-12")
def test_aggregates_tell_what_the_samples_tell_also_for_late_ones(ctx: Context, machine: Machine) -> None:
    api.forget_channels()
    hour = (ctx.now - dt.timedelta(hours=3)).replace(minute=0, second=0, microsecond=0)
    for step in range(90):
        api.write_batches(raw(ctx), [(batch([float(step)], hour + dt.timedelta(minutes=step)), ctx.now)])
    spans = [(dt.timedelta(minutes=5), hour), (dt.timedelta(hours=1), hour), (dt.timedelta(minutes=1), hour)]
    wanted = [points(ctx, machine, start, ctx.now, bucket) for bucket, start in spans]
    assert wanted[1] == [
        (hour, 60, 29.5, 0.0, 59.0),
        (hour + dt.timedelta(hours=1), 30, 74.5, 60.0, 89.0),
    ]
    telemetry.roll_up(ctx)
    assert ctx.session.scalar(text("SELECT count(*) FROM telemetry_dirty")) == 0
    assert ctx.session.scalar(text("SELECT count(*) FROM telemetry_minute")) == 90
    assert [points(ctx, machine, start, ctx.now, bucket) for bucket, start in spans] == wanted
    late = [(batch([500.0], hour + dt.timedelta(minutes=3, seconds=20)), ctx.now)]
    api.write_batches(raw(ctx), late)
    before = points(ctx, machine, hour, ctx.now, dt.timedelta(hours=1))
    assert before[0][1:] == (61, pytest.approx((29.5 * 60 + 500) / 61), 0.0, 500.0)
    telemetry.roll_up(ctx)
    assert points(ctx, machine, hour, ctx.now, dt.timedelta(hours=1)) == before


@pytest.mark.requirement("MCH-12")
def test_aggregates_outlive_the_samples_and_a_straggler_does_not_spoil_them(
    ctx: Context, machine: Machine
) -> None:
    api.forget_channels()
    hour = (ctx.now - dt.timedelta(days=40)).replace(minute=0, second=0, microsecond=0)
    for step in range(3):
        api.write_batches(raw(ctx), [(batch([float(step)], hour + dt.timedelta(seconds=step)), ctx.now)])
    service.channel_of(ctx, machine, "spindle_load").raw_retention_days = 30
    ctx.session.flush()
    telemetry.maintain(ctx)
    assert ctx.session.scalar(text("SELECT count(*) FROM telemetry_block")) == 0
    kept = [(hour, 3, 1.0, 0.0, 2.0)]
    assert points(ctx, machine, hour, hour + dt.timedelta(hours=1), dt.timedelta(hours=1)) == kept
    api.write_batches(raw(ctx), [(batch([77.0], hour + dt.timedelta(seconds=9)), ctx.now)])
    telemetry.roll_up(ctx)
    assert points(ctx, machine, hour, hour + dt.timedelta(hours=1), dt.timedelta(hours=1)) == kept


def test_the_last_value_is_the_newest_not_the_last_that_came(ctx: Context, machine: Machine) -> None:
    api.forget_channels()
    for seconds, value in ((60, 1.0), (10, 2.0), (30, 3.0)):
        at = ctx.now - dt.timedelta(seconds=seconds)
        api.write_batches(raw(ctx), [(batch([value], at), ctx.now)])
    assert [row["value"] for row in telemetry.latest_values(ctx, machine.id)] == [2.0]
