"""Supervision: what is wrong, one alert for a broken line, history of the reports (EDG-39, EDG-40)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from coordinator.kernel.context import Context
from coordinator.modules.company.models import Site
from coordinator.modules.stations import downlink, history, supervision
from coordinator.modules.stations.models import Station
from edge_agents.protocol.control import DriverHealth, Health, Versions
from tests.factories import make


def report(**values: Any) -> Health:
    base: dict[str, Any] = {
        "uptime_s": 60, "load": 0.5, "memory_mb": 90, "disk_free_mb": 20_000, "queue_depth": 3, "oldest_message_age_s": 1,
        "clock_offset_s": 0.01, "drivers": {"scan": DriverHealth(status="ok")}, "versions": Versions(software="1.2.0", config=4),
    }  # fmt: skip
    return Health(**(base | values))


def fleet(ctx: Context, *codes: str) -> list[Station]:
    site = make(ctx, Site, code="S1")
    return [ctx.add(Station(code=c, name=c, kind="scan_station", site_id=site.id)) for c in codes]


@pytest.mark.requirement("EDG-39", "EDG-40")
def test_a_report_shows_on_the_page(ctx: Context) -> None:
    fleet(ctx, "st-a")
    wrong = {"camera": DriverHealth(status="fault", detail="débranchée")}
    downlink.record_health(ctx, "st-a", report(clock_offset_s=-3.5, drivers=wrong, queue_depth=12))
    ctx.session.expire_all()
    shown = supervision.supervision(ctx)
    row = shown["stations"][0]
    assert (row["status"], row["queue_depth"], row["clock_offset_s"]) == ("fault", 12, -3.5)
    assert (row["software_version"], row["update"]) == ("1.2.0", None)
    assert [c["code"] for c in row["concerns"]] == ["driver", "clock"]
    assert [(a["code"], a["stations"]) for a in shown["alerts"]] == [
        ("driver", ["st-a"]),
        ("clock", ["st-a"]),
    ]


@pytest.mark.requirement("EDG-40")
def test_a_broken_line_gives_one_alert_and_a_single_lost_station_its_own(ctx: Context) -> None:
    fleet(ctx, "st-a", "st-b", "st-c")
    assert [a["code"] for a in supervision.supervision(ctx)["alerts"]] == ["site_offline"]
    downlink.record_health(ctx, "st-a", report())
    ctx.session.expire_all()
    alerts = supervision.supervision(ctx)["alerts"]
    assert [(a["code"], a["stations"]) for a in alerts] == [("offline", ["st-b"]), ("offline", ["st-c"])]


@pytest.mark.requirement("EDG-40")
def test_history_keeps_changes_and_one_sample_per_five_minutes(ctx: Context) -> None:
    (station,) = fleet(ctx, "st-a")
    start = ctx.now - dt.timedelta(minutes=30)
    for minute in range(12):
        ctx.now = start + dt.timedelta(minutes=minute)
        version = "1.2.0" if minute < 7 else "1.3.0"
        downlink.record_health(ctx, "st-a", report(queue_depth=minute, versions=Versions(software=version)))
    ctx.now = start + dt.timedelta(minutes=30)
    items = supervision.health_history(ctx, station.id, hours=1)["items"]
    assert [(i["queue_depth"], i["software_version"]) for i in items] == [
        (0, "1.2.0"),
        (5, "1.2.0"),
        (7, "1.3.0"),
    ]
    ctx.now = start + dt.timedelta(days=91)
    history.clean(ctx)
    assert supervision.health_history(ctx, station.id, hours=24 * 90)["items"] == []
