"""TRS after NF E60-182: examples computed by hand, and the report from recorded facts."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from coordinator.kernel.context import Context
from coordinator.modules.company.models import Shift, Site, WorkCalendar, Workshop
from coordinator.modules.machines.models import Machine, MachineCycle, MachineState
from coordinator.modules.machines.oee import Oee, Production, Span, compute
from tests.conftest import master, person

Api = Callable[..., Any]
DAY = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


def at(hour: float) -> dt.datetime:
    return DAY + dt.timedelta(hours=hour)


SHIFT = [
    Span("running", at(6), at(11)),
    Span("setup", at(11), at(11 + 40 / 60)),
    Span("alarm", at(11 + 40 / 60), at(12)),
    Span("waiting", at(12), at(12.5), "regulatory_break"),
    Span("maintenance", at(12.5), at(13)),
    Span("idle", at(13), at(13.5), "waiting_material"),
    Span("unknown", at(13.5), at(14)),
]
PLANNED = frozenset({"regulatory_break"})


def day(spans: list[Span], production: list[Production]) -> Oee:
    return compute((at(0), at(24)), [(at(6), at(14))], spans, production, PLANNED)


@pytest.mark.requirement("MCH-28")
@pytest.mark.requirement("MCH-31")
@pytest.mark.requirement("MCH-45")
def test_a_shift_computed_by_hand() -> None:
    # 480 open − 60 planned − 30 without data = 390 required; 300 running; 100 parts of 2.4 min = 240; 95 % good = 228.
    found = day(SHIFT, [Production(at(10), 100, 2.4, 0.95)])
    assert (found.total_min, found.opening_min, found.overtime_min) == (1440, 480, 0)
    assert (found.planned_stop_min, found.gap_min, found.required_min) == (60, 30, 390)
    assert (found.operating_min, found.setup_min) == (300, pytest.approx(40))
    assert (found.net_min, found.useful_min) == (pytest.approx(240), pytest.approx(228))
    assert found.availability == pytest.approx(300 / 390)
    assert found.performance == pytest.approx(0.8)
    assert found.quality == pytest.approx(0.95)
    assert found.trs == pytest.approx(228 / 390)
    assert found.trs == pytest.approx(found.availability * found.performance * found.quality)
    assert (found.trg, found.tre) == (pytest.approx(228 / 480), pytest.approx(228 / 1440))
    assert dict(found.stops_min) == pytest.approx({"setup": 40, "waiting_material": 30, "alarm": 20})


@pytest.mark.requirement("MCH-28")
def test_running_outside_the_hours_extends_them_and_does_not_lift_the_rate() -> None:
    night = [Span("running", at(20), at(22))]
    found = day([*SHIFT, *night], [Production(at(10), 100, 2.4), Production(at(21), 50, 2.4)])
    assert (found.opening_min, found.overtime_min, found.required_min) == (600, 120, 510)
    assert found.trs == pytest.approx(360 / 510)


@pytest.mark.requirement("MCH-29")
def test_what_is_not_known_is_told_not_guessed() -> None:
    found = day(SHIFT, [Production(at(9), 7, None), Production(at(9), 3, 2.0, is_estimated=True)])
    assert (found.parts, found.parts_without_reference, found.estimated_parts) == (10, 7, 3)
    assert found.net_min == 6
    nothing = day([], [])
    assert (nothing.required_min, nothing.gap_min) == (0, 480)
    assert nothing.trs is nothing.availability is nothing.performance is nothing.quality is None
    assert nothing.trg == 0


@pytest.fixture
def machine(ctx: Context) -> Machine:
    calendar = ctx.add(
        WorkCalendar(code="OEE", name="Toujours", time_zone="UTC", closes_on_public_holidays=False)
    )
    for weekday in range(1, 8):
        ctx.add(Shift(work_calendar_id=calendar.id, weekday=weekday, start_min=0, end_min=1440))
    site = ctx.add(Site(code="S9", name="Site"))
    workshop = ctx.add(Workshop(code="A9", name="Atelier", site_id=site.id, work_calendar_id=calendar.id))
    return ctx.add(Machine(code="M09", name="Tour", machine_type="lathe", workshop_id=workshop.id))


def span(ctx: Context, machine: Machine, state: str, start: dt.datetime, hours: float) -> MachineState:
    end = start + dt.timedelta(hours=hours)
    return ctx.add(
        MachineState(uid=uuid.uuid4(), machine_id=machine.id, state=state, started_at=start, ended_at=end)
    )


@pytest.mark.requirement("MCH-15")
@pytest.mark.requirement("MCH-30")
def test_report_and_reasons_of_stops(ctx: Context, machine: Machine, api: Api) -> None:
    start = (ctx.now - dt.timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)
    span(ctx, machine, "running", start, 12)
    stop = span(ctx, machine, "waiting", start + dt.timedelta(hours=12), 6)
    span(ctx, machine, "running", start + dt.timedelta(hours=18), 6)
    for hour in range(10):
        ended = start + dt.timedelta(hours=hour + 1)
        ctx.add(
            MachineCycle(
                uid=uuid.uuid4(), machine_id=machine.id, program="O1", started_at=ended - dt.timedelta(hours=1),
                ended_at=ended, duration_min=Decimal(60), result="complete", part_count=10, reported_part_count=10,
            )
        )  # fmt: skip
    ctx.session.execute(
        text(
            "INSERT INTO stop_reason (code, label, row_version) VALUES ('regulatory_break', 'Pause', 1) ON CONFLICT DO NOTHING"
        )
    )
    url = f"/api/v1/machines/{machine.id}/oee"
    period = {"from": start.isoformat(), "to": (start + dt.timedelta(days=2)).isoformat(), "by": "day"}
    client = api(master())
    found = client.get(url, params=period).json()
    total, lines = found["total"], found["lines"]
    # 24 h with data: 18 h running of 24 required; 100 parts of 6 min = 600 min useful.
    assert (total["opening_min"], total["gap_min"], total["required_min"]) == (2880, 1440, 1440)
    assert (total["availability"], total["trs"]) == (0.75, round(600 / 1440, 4))
    assert (total["estimated_parts"], total["parts"]) == (100, 100)
    assert [line["trs"] for line in lines] == [round(600 / 1440, 4), None]
    assert [s["state"] for s in found["inputs"]["open_stops"]] == ["waiting"]
    qualify = f"/api/v1/machine-states/{stop.id}/qualify"
    assert client.post(qualify, json={"reason_code": "mood"}).json()["code"] == "machine.stop_reason"
    assert client.post(qualify, json={"reason_code": "regulatory_break"}).status_code == 200
    found = client.get(url, params=period | {"by": "total"}).json()
    assert (found["total"]["planned_stop_min"], found["total"]["required_min"]) == (360, 1080)
    assert found["inputs"]["open_stops"] == []
    assert api(person("stock:read")).get(url, params=period).status_code == 403
