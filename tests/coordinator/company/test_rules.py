"""Keys of numbers, holidays, opening hours, choice of a rate: pure rules."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from coordinator.modules.company import rules

PARIS = "Europe/Paris"


@pytest.mark.requirement("SET-50")
def test_keys_of_identification_numbers() -> None:
    assert rules.siren_is_valid("732829320")
    assert not rules.siren_is_valid("732829321")
    assert not rules.siren_is_valid("73282932")
    assert rules.siret_is_valid("73282932000074")
    assert not rules.siret_is_valid("73282932000075")
    assert rules.siret_is_valid("35600000000048")
    assert rules.siret_is_valid("35600000049837"), "La Poste: sum of digits divisible by 5"
    assert rules.iban_is_valid("FR1420041010050500013M02606")
    assert not rules.iban_is_valid("FR1420041010050500013M02607")
    assert not rules.iban_is_valid("FR14")
    assert rules.french_vat_number("732829320") == "FR44732829320"


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25), (2285, 3, 22)],
)
def test_easter(year: int, month: int, day: int) -> None:
    assert rules.easter(year) == dt.date(year, month, day)


def test_public_holidays_of_2026() -> None:
    days = rules.public_holidays(2026)
    assert [d.isoformat() for d in days] == [
        "2026-01-01", "2026-04-06", "2026-05-01", "2026-05-08", "2026-05-14", "2026-05-25", "2026-07-14", "2026-08-15",
        "2026-11-01", "2026-11-11", "2026-12-25",
    ]  # fmt: skip
    east = rules.public_holidays(2026, alsace_moselle=True)
    assert set(east) - set(days) == {dt.date(2026, 4, 3), dt.date(2026, 12, 26)}


def local(text: str) -> dt.datetime:
    from zoneinfo import ZoneInfo

    return dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(PARIS))


def week() -> list[rules.DayShift]:
    return [rules.DayShift(day, 480, 960, 720, 60) for day in range(1, 6)]


def test_opening_hours_keep_the_wall_clock_and_close_on_holidays() -> None:
    calendar = rules.Calendar(PARIS, week(), [rules.DayException(dt.date(2026, 3, 31), dt.date(2026, 3, 31))])
    found = rules.open_intervals(calendar, local("2026-03-27T00:00"), local("2026-04-08T00:00"))
    assert [(a.astimezone(dt.UTC).isoformat(), (b - a).total_seconds() / 60) for a, b in found[:4]] == [
        ("2026-03-27T07:00:00+00:00", 240.0),
        ("2026-03-27T12:00:00+00:00", 180.0),
        ("2026-03-30T06:00:00+00:00", 240.0),  # summer time
        ("2026-03-30T11:00:00+00:00", 180.0),
    ]
    days = {a.date().isoformat() for a, _ in found}
    assert "2026-03-31" not in days, "closure"
    assert "2026-04-06" not in days, "Easter Monday"
    assert "2026-04-07" in days


def test_night_shift_is_cut_at_the_window_and_joined() -> None:
    night = [rules.DayShift(day, 1260, 1740) for day in range(1, 6)]
    calendar = rules.Calendar(PARIS, [*night, rules.DayShift(2, 300, 780)], closes_on_public_holidays=False)
    found = rules.open_intervals(calendar, local("2026-11-24T00:00"), local("2026-11-24T12:00"))
    assert found == [(local("2026-11-24T00:00"), local("2026-11-24T12:00"))]


def test_exceptional_opening() -> None:
    opening = rules.DayException(
        dt.date(2026, 11, 28), dt.date(2026, 11, 28), is_open=True, start_min=480, end_min=720
    )
    calendar = rules.Calendar(PARIS, week(), [opening])
    found = rules.open_intervals(calendar, local("2026-11-28T00:00"), local("2026-11-30T00:00"))
    assert found == [(local("2026-11-28T08:00"), local("2026-11-28T12:00"))]


def line(number: int, rate: str, start: str, end: str | None = None, **objects: object) -> rules.RateLine:
    return rules.RateLine(
        number,
        Decimal(rate),
        "€/h",
        dt.date.fromisoformat(start),
        dt.date.fromisoformat(end) if end else None,
        objects,
    )


@pytest.mark.requirement("SET-26")
def test_the_most_specific_valid_rate_wins() -> None:
    lines = [
        line(1, "60", "2025-01-01"),
        line(2, "75", "2025-01-01", machine_type="lathe"),
        line(3, "90", "2025-01-01", machine_id=7),
        line(4, "95", "2026-06-01", machine_id=7),
        line(5, "99", "2025-01-01", "2025-12-31", machine_id=8),
    ]

    def chosen(day: str, **wanted: object) -> Decimal | None:
        found = rules.choose_rate(lines, wanted, dt.date.fromisoformat(day))
        return found.rate if found else None

    assert chosen("2026-01-01") == 60
    assert chosen("2026-01-01", machine_type="lathe", machine_id=1) == 75
    assert chosen("2026-01-01", machine_type="lathe", machine_id=7) == 90
    assert chosen("2026-06-01", machine_id=7) == 95
    assert chosen("2026-01-01", machine_id=8) == 60, "the machine's own line is over"
    assert chosen("2024-12-31") is None
