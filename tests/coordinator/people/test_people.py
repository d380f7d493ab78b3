"""People, contracts, skills, absences and what planning reads of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from coordinator.kernel.context import ContextFactory, Principal
from coordinator.modules.people import api as people
from coordinator.modules.people import rules
from tests.conftest import master, person

Api = Callable[..., Any]


def hire(client: Any, number: str = "E1", **fields: Any) -> int:
    body = {"number": number, "first_name": "Ana", "last_name": "Durand", **fields}
    answer = client.post("/api/v1/employees", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def absence_type(client: Any) -> int:
    return int(client.get("/api/v1/absence-types?code=paid_leave").json()["items"][0]["id"])


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.requirement("HRM-12")
def test_an_accepted_absence_takes_the_person_out_of_his_hours(api: Api, factory: ContextFactory) -> None:
    client = api(master())
    ana = hire(client, hired_on="2026-03-03")
    body = {"employee_id": ana, "absence_type_id": absence_type(client), "start_at": "2026-03-04T12:00:00Z",
            "end_at": "2026-03-05T23:00:00Z"}  # fmt: skip
    asked = client.post("/api/v1/absences", json=body).json()

    def hours() -> list[tuple[str, float]]:
        with factory.open(Principal.service("test")) as ctx:
            found = people.availability(ctx, ana, instant("2026-03-02T00:00"), instant("2026-03-07T00:00"))
        return [(a.isoformat()[5:16], (b - a).total_seconds() / 3600) for a, b in found]

    whole = [("03-03T07:00", 4.0), ("03-03T12:00", 3.0), ("03-04T07:00", 4.0), ("03-04T12:00", 3.0), ("03-05T07:00", 4.0),
             ("03-05T12:00", 3.0), ("03-06T07:00", 4.0), ("03-06T12:00", 3.0)]  # fmt: skip
    assert hours() == whole, "asked for is not accepted; nothing before the day of hiring"
    accepted = client.post(f"/api/v1/absences/{asked['id']}/accept", json={}).json()["record"]
    assert accepted["status"] == "accepted"
    assert hours() == [*whole[:3], *whole[6:]]
    assert client.post(f"/api/v1/absences/{asked['id']}/refuse", json={}).status_code == 409
    client.post(f"/api/v1/absences/{asked['id']}/cancel", json={})
    assert hours() == whole


@pytest.mark.requirement("HRM-51")
@pytest.mark.requirement("HRM-02")
def test_reversed_and_overlapping_periods_are_refused(api: Api) -> None:
    client = api(master())
    ana = hire(client)
    again = client.post("/api/v1/employees", json={"number": "E1", "first_name": "B", "last_name": "C"})
    assert (again.status_code, again.json()["errors"][0]["field"]) == (400, "number")
    absence = {"employee_id": ana, "absence_type_id": absence_type(client)}

    def ask(start: str, end: str) -> str:
        return str(
            client.post("/api/v1/absences", json={**absence, "start_at": start, "end_at": end})
            .json()
            .get("code")
        )

    assert ask("2026-03-05T00:00:00Z", "2026-03-04T00:00:00Z") == "period.reversed"
    assert ask("2026-03-04T00:00:00Z", "2026-03-06T00:00:00Z") == "None"
    assert ask("2026-03-05T12:00:00Z", "2026-03-08T00:00:00Z") == "absence.overlap"
    assert ask("2026-03-06T00:00:00Z", "2026-03-08T00:00:00Z") == "None"

    def contract(start: str, end: str | None) -> str:
        body = {"employee_id": ana, "start_date": start, "end_date": end}
        return str(client.post("/api/v1/employment-contracts", json=body).json().get("code"))

    assert contract("2026-06-01", "2026-05-31") == "period.reversed"
    assert contract("2025-01-01", "2025-12-31") == "None"
    assert contract("2025-12-31", None) == "contract.overlap"
    assert contract("2026-01-01", None) == "None"
    assert contract("2027-01-01", None) == "contract.overlap"


@pytest.mark.requirement("HRM-03")
def test_salaries_are_for_hr_and_a_manager_sees_his_team(api: Api) -> None:
    client = api(master())
    boss = hire(client, "E1")
    member = hire(client, "E2", manager_id=boss, hourly_cost="31.5")
    hire(client, "E3")
    rights = {("hr", "read"): "team"}
    manager = api(Principal(kind="user", name="chef", employee_id=boss, rights=rights))
    listed = manager.get("/api/v1/employees").json()["items"]
    assert [e["number"] for e in listed] == ["E1", "E2"]
    assert all("hourly_cost" not in e and "hr_notes" not in e for e in listed)
    own = api(Principal(kind="user", name="ana", employee_id=member, rights={("hr", "read"): "own"}))
    assert [e["number"] for e in own.get("/api/v1/employees").json()["items"]] == ["E2"]
    hr = api(person("hr:*", field_groups=frozenset({"salaries"})))
    assert hr.get(f"/api/v1/employees/{member}").json()["hourly_cost"] == "31.50"


@pytest.mark.requirement("HRM-18")
def test_skills_for_planning(api: Api, factory: ContextFactory) -> None:
    client = api(master())
    ana = hire(client)
    skill = client.get("/api/v1/skills?code=turning").json()["items"][0]["id"]
    bad = client.post("/api/v1/employee-skills", json={"employee_id": ana, "skill_id": skill, "level": 5})
    assert bad.json()["code"] == "skill.level"
    client.post("/api/v1/employee-skills", json={"employee_id": ana, "skill_id": skill, "level": 3})
    hire(client, "E2", left_on="2020-01-01")
    with factory.open(Principal.service("test")) as ctx:
        (listed,) = people.people(ctx)
        assert (listed.number, listed.name, listed.skills) == ("E1", "Ana Durand", {"turning": 3})
        assert people.skill_level(ctx, ana, "turning", machine_id=None) == 3
        assert people.skill_level(ctx, ana, "milling") == 0


@pytest.mark.requirement("HRM-48")
def test_mean_cost_of_a_position(api: Api, factory: ContextFactory) -> None:
    client = api(master())
    position = client.post("/api/v1/job-positions", json={"code": "TOUR", "label": "Tourneur"}).json()["id"]
    for number, cost in (("E1", "30"), ("E2", "33.33"), ("E3", None)):
        hire(client, number, job_position_id=position, hourly_cost=cost)
    with factory.open(Principal.service("test")) as ctx:
        assert people.mean_hourly_cost(ctx, position) == Decimal("31.67")
        assert people.mean_hourly_cost(ctx, 999) is None


def test_subtraction_of_periods() -> None:
    def span(first: int, last: int) -> rules.Interval:
        day = instant("2026-01-01T00:00")
        return day + dt.timedelta(hours=first), day + dt.timedelta(hours=last)

    assert rules.subtract([span(0, 10)], [span(2, 3), span(5, 12)]) == [span(0, 2), span(3, 5)]
    assert rules.subtract([span(0, 4), span(6, 8)], [span(4, 6)]) == [span(0, 4), span(6, 8)]
    assert rules.subtract([span(0, 4)], [span(0, 4)]) == []
