"""Blocks of samples: what goes in comes out once, in order, whatever the order and size it came in."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
import pytest
from sqlalchemy import text

from coordinator.kernel.context import Context
from coordinator.modules.machines import api, blocks, service, telemetry
from coordinator.modules.machines.models import Machine, TelemetryChannel
from coordinator.modules.stations import inbox
from edge_agents.protocol import Channel, Envelope, ProtocolError, Topics, encode, parse_payload
from edge_agents.protocol.columns import ChannelColumns, TelemetryColumns

SECOND = 1000
Sample = tuple[int, float | None, int]
EVER = (dt.datetime(1900, 1, 1, tzinfo=dt.UTC), dt.datetime(2200, 1, 1, tzinfo=dt.UTC))


@pytest.fixture
def machine(ctx: Context) -> Machine:
    api.forget_channels()
    return ctx.add(Machine(code="M03", name="DMU 50", machine_type="machining_centre"))


@pytest.fixture
def hour(ctx: Context) -> dt.datetime:
    """A whole hour of this morning or yesterday, long over."""
    return (ctx.now - dt.timedelta(hours=5)).replace(minute=0, second=0, microsecond=0)


def raw(ctx: Context) -> psycopg.Connection[Any]:
    connection: Any = ctx.session.connection().connection.driver_connection
    return connection  # type: ignore[no-any-return]


def ms(at: dt.datetime) -> int:
    return round(at.timestamp() * 1000)


def write(ctx: Context, samples: Sequence[Sample], code: str = "load") -> int:
    t, v, q = ([s[i] for s in samples] for i in range(3))
    columns = ChannelColumns("%", np.array(t, np.int64), np.array(v, np.float64), np.array(q, np.int64))
    return api.write_batches(raw(ctx), [(TelemetryColumns("M03", {code: columns}), ctx.now)]).stored


def read(
    ctx: Context, machine: Machine, span: tuple[dt.datetime, dt.datetime] = EVER, code: str = "load"
) -> list[Sample]:
    channel = service.channel_of(ctx, machine, code)
    query = text(
        "SELECT sampled_at, value, quality FROM telemetry_samples(ARRAY[CAST(:id AS bigint)], :start, :stop)"
        " ORDER BY sampled_at, value"
    )
    rows = ctx.session.execute(query, {"id": channel.id, "start": span[0], "stop": span[1]})
    return [(ms(row.sampled_at), row.value, row.quality) for row in rows]


def sizes(ctx: Context) -> list[int]:
    return list(ctx.session.scalars(text("SELECT cardinality(value) FROM telemetry_block ORDER BY first_at")))


def test_samples_come_out_as_they_went_in_whatever_their_order(
    ctx: Context, machine: Machine, hour: dt.datetime
) -> None:
    start = ms(hour)
    samples: list[Sample] = [(start + i * 7777, i / 3, i % 3) for i in range(1500)]
    shuffled = [samples[i] for i in np.random.default_rng(5).permutation(len(samples))]
    for first in (700, 0, 1100):  # the middle first: a gap that is filled later
        write(ctx, shuffled[first : {700: 1100, 0: 700, 1100: 1500}[first]])
    assert read(ctx, machine) == samples


def test_several_channels_and_messages_share_a_transaction_not_their_values(
    ctx: Context, machine: Machine, hour: dt.datetime
) -> None:
    start = ms(hour)
    batches = []
    for message in reversed(range(40)):
        times = np.arange(5) * 100 + start + message * 500
        channels = {f"c{c}": ChannelColumns("", times, times % 1000 + c / 10, None) for c in (3, 1, 2)}
        batches.append((TelemetryColumns("M03", channels), ctx.now))
    assert api.write_batches(raw(ctx), batches).stored == 600
    for c in (1, 2, 3):
        expected = [(start + i * 100, (start + i * 100) % 1000 + c / 10, 0) for i in range(200)]
        assert read(ctx, machine, code=f"c{c}") == expected
    assert sorted(sizes(ctx)) == [40] * 3 + [blocks.BLOCK_SAMPLES] * 3, (
        "messages of one channel fill a block together"
    )


def test_a_window_may_begin_and_end_inside_blocks(ctx: Context, machine: Machine, hour: dt.datetime) -> None:
    start = ms(hour)
    write(ctx, [(start + i * SECOND, float(i), 0) for i in range(4000)])
    found = read(ctx, machine, (hour + dt.timedelta(seconds=3500), hour + dt.timedelta(seconds=3700)))
    assert [value for _, value, _ in found] == [float(i) for i in range(3500, 3700)]
    channel = service.channel_of(ctx, machine, "load")
    for rolled in (False, True):
        if rolled:
            telemetry.roll_up(ctx)
        shown = telemetry.chart(
            ctx, channel, hour + dt.timedelta(seconds=90, milliseconds=500), hour + dt.timedelta(seconds=120.5),
            dt.timedelta(seconds=10),
        )  # fmt: skip
        assert [(p["min"], p["max"], p["samples"]) for p in shown] == [
            (91, 100, 10),
            (101, 110, 10),
            (111, 120, 10),
        ]


def test_a_huge_batch_is_cut_and_no_block_passes_its_hour(
    ctx: Context, machine: Machine, hour: dt.datetime
) -> None:
    start = ms(hour) - 30 * 60 * SECOND
    samples: list[Sample] = [(start + i * 20, float(i), 0) for i in range(200_000)]
    assert write(ctx, samples) == 200_000
    assert max(sizes(ctx)) == blocks.BLOCK_SAMPLES
    crossing = "SELECT count(*) FROM telemetry_block WHERE date_trunc('hour', first_at) <> date_trunc('hour', last_at)"
    assert ctx.session.scalar(text(crossing)) == 0
    assert read(ctx, machine) == samples


def test_an_empty_batch_writes_nothing(ctx: Context, machine: Machine) -> None:
    assert write(ctx, []) == 0
    assert api.write_batches(raw(ctx), []).stored == 0
    assert sizes(ctx) == []


@pytest.mark.requirement("MCH-47")
def test_infinite_and_missing_values_are_kept_and_not_counted_and_texts_refused(
    ctx: Context, machine: Machine, hour: dt.datetime
) -> None:
    start, inf, nan = ms(hour), float("inf"), float("nan")
    write(ctx, [(start + i, v, 0) for i, v in enumerate((1.0, inf, nan, -inf, 3.0))])
    expected = [
        (start, 1.0, 0),
        (start + 1, inf, 2),
        (start + 2, None, 1),
        (start + 3, -inf, 2),
        (start + 4, 3.0, 0),
    ]
    assert read(ctx, machine) == expected
    channel = service.channel_of(ctx, machine, "load")
    for step in ("raw", "rolled up"):
        point = telemetry.chart(ctx, channel, hour, hour + dt.timedelta(hours=1), dt.timedelta(hours=1))
        assert [(p["samples"], p["mean"]) for p in point] == [(2, 2.0)], step
        telemetry.roll_up(ctx)
    series = {"unit": "", "t": [start], "v": ["à l'arrêt"]}
    with pytest.raises(ProtocolError):
        parse_payload("telemetry.batch", {"machine_code": "M03", "channels": {"load": series}})


def test_an_instant_no_calendar_holds_spoils_neither_the_batch_nor_the_chart(
    ctx: Context, machine: Machine, hour: dt.datetime
) -> None:
    start = ms(hour)
    write(ctx, [(start, 1.0, 0), (-(10**17), 2.0, 0), (10**17, 3.0, 0), (start + 1, 4.0, 0)])
    assert [(v, q) for _, v, q in read(ctx, machine)] == [(1.0, 0), (4.0, 0), (2.0, 2), (3.0, 2)]


@pytest.mark.requirement("MCH-12")
def test_a_signal_that_comes_one_by_one_takes_no_row_for_each_value(
    ctx: Context, machine: Machine, hour: dt.datetime
) -> None:
    start, samples = ms(hour), []
    order = [*range(0, 200, 2), *range(199, 0, -2)]  # half of them late, backwards
    for step in order:
        sample = (
            start + step * 18 * SECOND + 250,
            None if step == 7 else float(step),
            1 if step in (7, 8) else 0,
        )
        samples.append(sample)
        write(ctx, [sample])
    write(ctx, [(start + i * SECOND, 1.0, 0) for i in range(50)], code="fast")
    assert len(sizes(ctx)) == 201
    before = read(ctx, machine)
    assert before == sorted(samples)
    telemetry.roll_up(ctx)
    assert sorted(sizes(ctx)) == [40, 50, 160]
    assert read(ctx, machine) == before
    late = (start + 20 * 60 * SECOND, 77.0, 0)
    write(ctx, [late])
    telemetry.roll_up(ctx)
    assert read(ctx, machine) == sorted([*before, late])
    assert len(read(ctx, machine, code="fast")) == 50


def test_two_samples_of_one_instant_both_stay(ctx: Context, machine: Machine, hour: dt.datetime) -> None:
    start = ms(hour)
    for value, quality in ((2.0, 1), (1.0, 0), (3.0, 2)):
        write(ctx, [(start, value, quality)])
    telemetry.roll_up(ctx)
    assert len(sizes(ctx)) == 1
    assert read(ctx, machine) == [(start, 1.0, 0), (start, 2.0, 1), (start, 3.0, 2)]


@pytest.mark.requirement("MCH-12")
def test_each_channel_keeps_its_samples_as_long_as_it_says_and_a_day_is_cut_at_midnight(
    ctx: Context, machine: Machine
) -> None:
    midnight = ctx.now.replace(hour=0, minute=0, second=0, microsecond=0) - dt.timedelta(days=20)
    around: list[Sample] = [(ms(midnight) + i * SECOND, float(i), 0) for i in range(-300, 300)]
    for code, days in (("load", 20), ("kept", 60)):
        ctx.add(TelemetryChannel(machine_id=machine.id, code=code, raw_retention_days=days))
        write(ctx, around, code=code)
    telemetry.maintain(ctx)
    assert read(ctx, machine) == around[300:]
    assert read(ctx, machine, code="kept") == around
    channel = service.channel_of(ctx, machine, "load")
    point = telemetry.chart(
        ctx,
        channel,
        midnight - dt.timedelta(hours=1),
        midnight + dt.timedelta(hours=1),
        dt.timedelta(hours=1),
    )
    assert [p["samples"] for p in point] == [300, 300], "the aggregates outlive the samples"


@pytest.mark.requirement("DAT-12")
def test_the_oldest_day_of_its_own_is_whole(ctx: Context, machine: Machine) -> None:
    noon = ctx.now.replace(hour=12, minute=0, second=0, microsecond=0)
    times = [ms(noon - dt.timedelta(days=100, hours=hours)) for hours in (13, 2, -2)]
    for at in times:
        columns = ChannelColumns("%", np.array([at]), np.array([1.0]), None)
        api.write_batches(raw(ctx), [(TelemetryColumns("M03", {"load": columns}), noon)])
    assert [at for at, _, _ in read(ctx, machine)] == times
    assert ctx.session.scalar(text("SELECT count(*) FROM telemetry_block_default")) == 1


def received(seq: int, payload: dict[str, Any], at: dt.datetime) -> inbox.Received:
    envelope = Envelope(
        message_id=uuid.uuid5(uuid.NAMESPACE_OID, str(seq)), station_id="st-1", seq=seq, type="telemetry.batch",
        schema_version=1, occurred_at=at, sent_at=at, time_quality="trusted", payload=payload,
    )  # fmt: skip
    return inbox.Received(Topics("site", "st-1").of(Channel.TELEMETRY), encode(envelope, compress=True), at)


@pytest.mark.requirement("EDG-27")
def test_what_comes_again_after_a_cut_before_the_acknowledgement_is_stored_once(
    ctx: Context, machine: Machine, hour: dt.datetime
) -> None:
    start = ms(hour)
    messages = []
    for seq in range(1, 8):
        times = [start + (seq * 50 + i) * SECOND for i in range(50)]
        series = {"unit": "%", "t": times, "v": [float(t % 997) for t in times]}
        messages.append(received(seq, {"machine_code": "M03", "channels": {"load": series}}, ctx.now))

    def store(some: Sequence[inbox.Received]) -> int:
        judged = inbox.sort_batch(some, lambda _site, _station: None)
        states = inbox.store(raw(ctx), judged, api.write_batches, lambda _type: False)
        return states["st-1"].contiguous["telemetry"]

    assert store(messages[:3]) == 3  # committed, the acknowledgement lost
    cut = ctx.session.begin_nested()
    assert store(messages[:5]) == 5
    cut.rollback()  # cut before the commit
    assert store(messages[:5]) == 5
    assert store([*messages[:3], messages[6], messages[6]]) == 5, "a gap: one message is missing"
    assert store(messages) == 7
    expected = [start + i * SECOND for i in range(50, 400)]
    assert [(t, v) for t, v, _ in read(ctx, machine)] == [(t, float(t % 997)) for t in expected]


@pytest.mark.requirement("MCH-47")
def test_numbers_beyond_all_measure_stop_neither_charts_nor_sums(
    ctx: Context, machine: Machine, hour: dt.datetime
) -> None:
    huge = [1.7e308, 1.7e308, -1.7e308, 1e200, -1e200]
    tiny = [5e-324, 1e-310, -1e-200]
    start = ms(hour)
    write(ctx, [(start + i * SECOND, v, 0) for i, v in enumerate([*huge, *tiny, 6.0])])
    kept = read(ctx, machine)
    assert [(v, q) for _, v, q in kept] == [(v, 2) for v in huge] + [(0.0, 0)] * 3 + [(6.0, 0)]
    channel = service.channel_of(ctx, machine, "load")
    for _ in range(2):  # from the samples, then from the aggregates
        for bucket_s in (5, 60, 3600):
            points = telemetry.chart(
                ctx, channel, hour, hour + dt.timedelta(hours=1), dt.timedelta(seconds=bucket_s)
            )
            assert (points[-1]["max"], sum(p["samples"] for p in points)) == (6.0, 4)
        telemetry.roll_up(ctx)


@pytest.mark.requirement("MCH-47")
def test_samples_of_a_clock_that_runs_ahead_do_not_stand_before_those_of_now(
    ctx: Context, machine: Machine
) -> None:
    now = int(ctx.now.timestamp() * 1000)
    write(ctx, [(now + 90 * SECOND, 1.0, 0), (2**62, 2.0, 0)])
    write(ctx, [(now, 3.0, 0)])
    assert read(ctx, machine) == [(now, 1.0, 2), (now, 2.0, 2), (now, 3.0, 0)]
    assert [(v["value"], v["quality"]) for v in telemetry.latest_values(ctx, machine.id)] == [(3.0, 0)]
