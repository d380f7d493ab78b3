"""Telemetry that is not what was expected: other units, unknown machines, too many channels."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, text

from coordinator.kernel.context import Context
from coordinator.kernel.errors import Conflict
from coordinator.kernel.models import Notification, Setting, Task
from coordinator.modules.machines import api, quarantine, service, telemetry, telemetry_notices
from coordinator.modules.machines.models import AlarmThreshold, Machine, MachineEvent, TelemetryChannel
from coordinator.modules.machines.telemetry_models import UnknownMachine
from edge_agents.protocol.payloads import TelemetryBatch
from edge_agents.protocol.units import conversion
from tests.conftest import master


@pytest.fixture
def machine(ctx: Context) -> Machine:
    api.forget_channels()
    return ctx.add(Machine(code="M07", name="Tour 7", machine_type="lathe"))


@pytest.fixture
def open_api(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue("api")(master())


def raw(ctx: Context) -> psycopg.Connection[Any]:
    connection: Any = ctx.session.connection().connection.driver_connection
    return connection  # type: ignore[no-any-return]


def send(ctx: Context, at: dt.datetime, machine_code: str = "M07", **signals: tuple[str, list[float]]) -> Any:
    start = int(at.timestamp() * 1000)
    channels = {
        code: {"unit": unit, "t": [start + i * 1000 for i in range(len(values))], "v": values}
        for code, (unit, values) in signals.items()
    }
    batch = TelemetryBatch.model_validate({"machine_code": machine_code, "channels": channels})
    return api.write_batches(raw(ctx), [(batch, ctx.now)], ["st-7"])


def values(ctx: Context, channel: TelemetryChannel) -> list[float]:
    rows = text(
        "SELECT value FROM telemetry_samples(ARRAY[CAST(:id AS bigint)], '-infinity', 'infinity') ORDER BY sampled_at"
    )
    return [round(v, 9) for v in ctx.session.scalars(rows, {"id": channel.id})]


def channels(ctx: Context, machine: Machine) -> dict[str, TelemetryChannel]:
    query = select(TelemetryChannel).where(TelemetryChannel.machine_id == machine.id)
    return {c.code: c for c in ctx.session.scalars(query)}


@pytest.mark.parametrize(
    ("told", "kept", "value", "expected"),
    [
        ("bar", "MPa", 250.0, 25.0),
        ("1/min", "rad/s", 60.0, 2 * math.pi),
        ("tr/min", "rpm", 12.0, 12.0),
        ("°F", "°C", 212.0, 100.0),
        ("°C", "K", -273.15, 0.0),
        ("mm/s²", "m/s2", 4.0, 0.004),
        ("N⋅m", "Ncm", 1.5, 150.0),
        ("psi", "kPa", 1.0, 6.894757293168),
    ],
)
def test_units_of_one_dimension_convert(told: str, kept: str, value: float, expected: float) -> None:
    how = conversion(told, kept)
    assert how is not None
    assert value * how.factor + how.offset == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("told", "kept"), [("bar", "kW"), ("", "bar"), ("Hz", "1/min"), ("xyz", "zyx"), ("g", "kg")]
)
def test_units_without_anything_in_common_do_not_convert(told: str, kept: str) -> None:
    assert conversion(told, kept) is None


def test_an_unknown_unit_equals_itself() -> None:
    how = conversion("klick ", "klick")
    assert how is not None
    assert how.is_identity


@pytest.mark.requirement("MCH-12")
def test_another_unit_of_the_same_dimension_is_converted_and_told(
    ctx: Context, machine: Machine, open_api: Any
) -> None:
    start = ctx.now - dt.timedelta(minutes=9)
    send(ctx, start, pressure=("bar", [100.0, 120.0]))
    # In one batch with values in the unit of before.
    batches = []
    for minute, unit, value in ((1, "MPa", 11.0), (2, "bar", 115.0)):
        at = int((start + dt.timedelta(minutes=minute)).timestamp() * 1000)
        series = {"pressure": {"unit": unit, "t": [at], "v": [value]}}
        batches.append((TelemetryBatch.model_validate({"machine_code": "M07", "channels": series}), ctx.now))
    assert api.write_batches(raw(ctx), batches).stored == 2
    channel = channels(ctx, machine)["pressure"]
    assert channel.unit == "bar"
    assert values(ctx, channel) == [100.0, 120.0, 110.0, 115.0]
    # A limit in the channel's unit holds for converted values.
    ctx.add(AlarmThreshold(telemetry_channel_id=channel.id, level="warning", max_value=130))
    send(ctx, ctx.now - dt.timedelta(seconds=20), pressure=("MPa", [14.0]))
    service.watch_thresholds(ctx)
    telemetry_notices.tell(ctx)
    telemetry_notices.tell(ctx)
    told = {e.code: e.text for e in ctx.session.scalars(select(MachineEvent))}
    assert any("140.0 bar" in (words or "") for words in told.values())
    assert told["unit_converted pressure"] == (
        "Tour 7 : la voie pressure est envoyée en MPa ; les valeurs sont converties en bar."
    )
    assert len(told) == 2
    params = {"channel": "pressure", "start": start.isoformat(), "end": ctx.now.isoformat()}
    chart = open_api.get(f"/api/v1/machines/{machine.id}/chart", params=params).json()
    assert (chart["unit"], [n["unit_told"] for n in chart["unit_notices"]]) == ("bar", ["MPa"])
    as_csv = open_api.get(f"/api/v1/machines/{machine.id}/chart", params=params | {"format": "csv"}).text
    assert as_csv.splitlines()[1].endswith(",bar")


@pytest.mark.requirement("MCH-12")
def test_a_unit_that_does_not_convert_goes_on_in_a_channel_of_its_own(ctx: Context, machine: Machine) -> None:
    start = ctx.now - dt.timedelta(minutes=9)
    for minute, unit in enumerate(("bar", "klick", "MPa", "klick", "")):
        send(ctx, start + dt.timedelta(minutes=minute), pressure=(unit, [float(minute)]))
        api.forget_channels()
    found = channels(ctx, machine)
    assert {code: (c.unit, c.version_no, values(ctx, c)) for code, c in found.items()} == {
        "pressure": ("bar", 1, [0.0, 20.0]),
        "pressure.v2": ("klick", 2, [1.0, 3.0]),
        "pressure.v3": ("", 3, [4.0]),
    }
    telemetry_notices.tell(ctx)
    words = ctx.session.scalars(select(Notification.text)).all()
    assert any("« bar » à « klick »" in w and "pressure.v2" in w for w in words)
    before = telemetry_notices.of_channel(ctx, found["pressure"])
    assert [n["kind"] for n in before] == ["unit_changed", "unit_converted"]
    live = {row["code"]: row for row in telemetry.latest_values(ctx, machine.id)}
    assert live["pressure.v2"]["name"].endswith("(klick)")
    assert live["pressure.v2"]["unit_changed"] is True


def test_the_first_unit_told_is_that_of_a_channel_declared_without(
    ctx: Context, machine: Machine, open_api: Any
) -> None:
    declared = ctx.add(TelemetryChannel(machine_id=machine.id, code="flow"))
    send(ctx, ctx.now, flow=("l/min", [3.0]))
    ctx.session.refresh(declared)
    assert declared.unit == "l/min"
    path = f"/api/v1/telemetry-channels/{declared.id}"
    refused = open_api.patch(path, json={"unit": "m3/h", "row_version": declared.row_version})
    assert (refused.status_code, refused.json()["code"]) == (400, "telemetry.unit_fixed")
    same = open_api.patch(path, json={"unit": "L/min", "row_version": declared.row_version})
    assert (same.status_code, same.json()["unit"]) == (200, "L/min")


@pytest.mark.requirement("MCH-47")
def test_the_physical_range_is_that_of_the_channels_unit(ctx: Context, machine: Machine) -> None:
    channel = ctx.add(TelemetryChannel(machine_id=machine.id, code="oil", unit="bar", max_physical=200))
    send(ctx, ctx.now - dt.timedelta(seconds=9), oil=("MPa", [19.0, 21.0]))
    rows = text("SELECT quality FROM telemetry_samples(ARRAY[CAST(:id AS bigint)], '-infinity', 'infinity')")
    assert list(ctx.session.scalars(rows, {"id": channel.id})) == [0, 2]


def test_channels_of_a_machine_are_limited_and_the_refusal_is_told(ctx: Context, machine: Machine) -> None:
    ctx.add(Setting(key="machines.max_channels", scope="global", value=3))
    ctx.settings.forget()
    ctx.session.flush()
    written = send(ctx, ctx.now, **{f"s{i}": ("V", [1.0, 2.0]) for i in range(5)})
    assert (written.stored, written.refused_samples, len(channels(ctx, machine))) == (6, 4, 3)
    assert not written.refused[0].is_whole
    assert "2 voies refusées" in written.refused[0].reason
    again = send(ctx, ctx.now, s4=("V", [1.0]))
    assert again.refused[0].is_whole
    # Units that change for ever find their end too.
    for i in range(9):
        send(ctx, ctx.now, s0=(f"u{i}", [1.0]))
    assert len(channels(ctx, machine)) == 3
    telemetry_notices.tell(ctx)
    alert = ctx.session.scalars(select(MachineEvent).where(MachineEvent.severity == "alarm")).one()
    assert "3 voies de mesure au plus" in (alert.text or "")
    # An archived channel leaves its place.
    channels(ctx, machine)["s2"].archived_at = ctx.now
    ctx.session.flush()
    assert send(ctx, ctx.now, s4=("V", [1.0])).stored == 1


@pytest.mark.requirement("EDG-49")
def test_samples_of_an_unknown_machine_wait_and_are_replayed_where_a_person_says(
    ctx: Context, machine: Machine
) -> None:
    start = ctx.now - dt.timedelta(minutes=5)
    assert send(ctx, start, "TOUR-7", load=("%", [1.0, float(2)])).stored == 0
    send(ctx, start + dt.timedelta(minutes=1), "TOUR-7", load=("%", [3.0]))
    unknown = ctx.session.scalars(select(UnknownMachine)).one()
    assert (unknown.machine_code, unknown.status, unknown.station_code) == ("TOUR-7", "waiting", "st-7")
    assert unknown.held_samples == 3
    for _ in range(2):
        quarantine.tell_unknown(ctx)
    task = ctx.session.scalars(select(Task).where(Task.kind == "machine.unknown")).one()
    quarantine.assign(ctx, unknown, quarantine.AssignParams(machine_id=machine.id))
    quarantine.replay(ctx, unknown.id)
    assert values(ctx, channels(ctx, machine)["load"]) == [1.0, 2.0, 3.0]
    assert (unknown.held_samples, unknown.held_bytes, task.status) == (0, 0, "done")
    # From now on the code is the machine's, for samples and for events.
    assert send(ctx, start + dt.timedelta(minutes=2), "TOUR-7", load=("%", [4.0])).stored == 1
    assert api.machine_by_code(ctx, "TOUR-7").id == machine.id


@pytest.mark.requirement("EDG-49")
def test_an_archived_machine_takes_no_samples_and_an_ignored_code_keeps_none(
    ctx: Context, machine: Machine
) -> None:
    machine.archived_at = ctx.now
    ctx.session.flush()
    assert send(ctx, ctx.now, load=("%", [1.0, 2.0])).stored == 0
    unknown = ctx.session.scalars(select(UnknownMachine)).one()
    with pytest.raises(Conflict):
        quarantine.assign(ctx, unknown, quarantine.AssignParams(machine_id=machine.id))
    quarantine.ignore(ctx, unknown, None)
    send(ctx, ctx.now, load=("%", [5.0]))
    ctx.session.refresh(unknown)
    assert (unknown.status, unknown.held_samples, unknown.dropped_samples) == ("ignored", 0, 3)
    assert ctx.session.scalar(text("SELECT count(*) FROM telemetry_held")) == 0


def test_the_reserve_is_bounded_and_says_so(
    ctx: Context, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "MAX_CODES", 2)
    monkeypatch.setattr(quarantine, "MAX_CODE_BYTES", 150)
    written = [send(ctx, ctx.now, f"X{i}", load=("%", [1.0])) for i in range(3)]
    assert [bool(w.refused) for w in written] == [False, False, True]
    for _ in range(3):
        written.append(send(ctx, ctx.now, "X0", load=("%", [1.0])))
    assert written[-1].refused[0].is_whole
    assert "réserve est pleine" in written[-1].refused[0].reason
    kept = ctx.session.scalars(select(UnknownMachine).where(UnknownMachine.machine_code == "X0")).one()
    ctx.session.refresh(kept)
    assert kept.held_bytes <= 150
    assert kept.held_samples + kept.dropped_samples == 4
    telemetry_notices.tell(ctx)
    assert any("réserve est pleine" in w for w in ctx.session.scalars(select(Notification.text)))
